"""Cameras fill pictures, crystals have polyhedra, and presets follow the events."""

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, datasets
from mda_ionmech.lib.topology import atom_kinds
from mda_ionmech.viewing.camera import axes_of, camera_for, fit_camera, projected
from mda_ionmech.viewing.framework import framework_bonds
from mda_ionmech.viewing.presets import PRESETS, preset_of
from mda_ionmech.viewing.scene import first_frame, open_states_file

from ..ovito_modifiers.builders import write_states

CORNERS = np.array(np.meshgrid([0, 20.0], [0, 15.0], [0, 30.0])).reshape(3, -1).T


class View:
    """What is asked of a viewport."""

    fov = 0.6


def seen_by(view, aspect):
    slope = np.tan(view.fov / 2) * np.array([aspect, 1])
    return projected(CORNERS, np.array(view.camera_pos), axes_of(view.camera_dir), slope)


@pytest.mark.parametrize("direction", [(-1, -2.2, -0.75), (0, 0, -1), (1, 0, 0.3)])
def test_the_cell_touches_the_margins_of_the_free_part(direction):
    position, _ = camera_for(CORNERS, direction, 0.6, 1.5, left=0.3)
    slope = np.tan(0.3) * np.array([1.5, 1])
    seen = projected(CORNERS, position, axes_of(direction), slope)
    assert seen[:, 0].min() >= -1 + 0.6
    assert np.abs(seen).max() <= 1
    # it fills one of the directions
    room = np.array([2 - 0.6 - 0.08, 2 - 0.08])
    assert max(np.ptp(seen, axis=0) / room) == pytest.approx(1, abs=0.02)


def test_the_legend_covers_nothing_and_the_cell_is_as_large_as_it_can_be():
    alone, beside = View(), View()
    fit_camera(alone, CORNERS, (-1, -2.2, -0.75), (960, 640))
    fit_camera(beside, CORNERS, (-1, -2.2, -0.75), (960, 640), legend=(0.4, 0.25))
    seen = seen_by(beside, 1.5)
    for a in seen:
        for b in seen:
            line = a + np.linspace(0, 1, 50)[:, None] * (b - a)
            assert not ((line[:, 0] < -0.21) & (line[:, 1] > 0.51)).any()
    height = [np.ptp(seen_by(one, 1.5)[:, 1]) for one in (alone, beside)]
    assert 0.75 < height[1] / height[0] <= 1


def test_zirconium_of_the_garnet_has_six_oxygen_atoms_each():
    universe = datasets.crystal()
    lithium = universe.select_atoms("element Li").ix
    bonds, elements = framework_bonds(universe, lithium)
    assert elements == ["Zr"]  # lanthanum has eight
    centres, counts = np.unique(bonds[:, 0], return_counts=True)
    np.testing.assert_array_equal(centres, universe.select_atoms("element Zr").ix)
    np.testing.assert_array_equal(counts, 6)
    assert set(universe.atoms[bonds[:, 1]].elements) == {"O"}


def test_polyhedra_are_round_types_of_the_picture_where_the_topology_has_numbers_for_types():
    # a LAMMPS data file: types 1 to 4 and masses, no elements
    plain = mda.Universe(
        datasets.path("crystal") / "llzo.T800.data",
        topology_format="DATA",
        atom_style="id type charge x y z",
    )
    _, elements = framework_bonds(plain, plain.select_atoms("type 1").ix)
    names, place = atom_kinds(plain)
    assert elements == ["Zr"]
    assert names.tolist() == ["La", "Li", "O", "Zr"]
    assert set(names[place][plain.select_atoms("type 3").ix]) == {"Zr"}


@pytest.mark.parametrize(
    ("events", "name"),
    [
        (("no_hop", "single_ion_hop", "multi_ion_hop", "all"), "crystal"),
        (("vehicular", "interchain", "intrachain", "all"), "polymer"),
        (("vehicular", "renewal", "solvent_exchange", "all"), "liquid"),
    ],
)
def test_the_preset_follows_the_events(events, name, tmp_path):
    states = open_states_file(write_states(tmp_path / "s.states.npz", event_names=np.array(events)))
    assert preset_of(states) is PRESETS[name]
    assert preset_of(states, "polymer") is PRESETS["polymer"]
    with pytest.raises(InputError, match="preset must be auto, liquid, crystal, polymer; got 'x'"):
        preset_of(states, "x")


def test_the_first_frame_is_one_with_a_chosen_event(tmp_path):
    event = np.zeros((6, 5), dtype=np.int16)
    event[4, 1], event[2, 3] = 1, 2
    path = write_states(tmp_path / "some.states.npz", frame=np.arange(0, 60, 10), event=event,
                        macrostate=np.zeros((6, 5), dtype=np.int16),
                        cluster=np.full((6, 5), -1, dtype=np.int32),
                        displacement=np.zeros((6, 5, 3), dtype=np.float32))  # fmt: skip
    states = open_states_file(path)
    none, one, two, *others = states.event_names
    assert first_frame(states, [one]) == 40
    assert first_frame(states, [one, two]) == 20
    assert first_frame(states, [none]) == 0
    assert first_frame(states, others) == 0
