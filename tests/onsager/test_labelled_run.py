"""The record that a run leaves: names, numbers and times of what it holds."""

from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.onsager.labelled_run import CarrierAtoms, LabelledRun, LabelledSpecies


def record(**options):
    """Three species in 41 frames of 0.5 ps; the first and the last are labelled together."""
    species = [
        SimpleNamespace(name="Li+", events=("a", "b"), macrostates=SimpleNamespace(names=("x",))),
        SimpleNamespace(name="Cl-", events=("b", "c"), macrostates=None),
        SimpleNamespace(name="Na+", events=(), macrostates=SimpleNamespace(names=("y", "x"))),
    ]
    about = {
        "species": tuple(species), "paths": SimpleNamespace(dt=0.5, n_frames=41),
        "frames": np.arange(41), "times": 0.5 * np.arange(41), "windows": np.array([4, 8]),
        "resolutions": np.array([4]), "horizons": np.array([8]), "temperature": 300.0,
        "axes": "xyz", "seed": 0, "level": 0.68, "atoms": None,
        "linked": {(1,): "alone", (0, 2): "together"},
    } | options  # fmt: skip
    return LabelledRun(**about)


def test_names_are_those_of_all_species_each_once():
    run = record()
    assert (run.dt, run.n_frames) == (0.5, 41)
    assert run.names == ["Li+", "Cl-", "Na+"]
    assert run.event_names == ("a", "b", "c")
    assert run.macrostate_names == ("x", "y")
    assert [run.index(name) for name in run.names] == [0, 1, 2]
    with pytest.raises(InputError, match=r"species='K\+' is not in this run; it holds \['Li\+'"):
        run.index("K+")


def test_species_labelled_together_find_their_place():
    run = record()
    assert [run.linked_with(k) for k in range(3)] == [
        ("together", 0),
        ("alone", 0),
        ("together", 1),
    ]


def test_times_become_whole_numbers_of_frames():
    run = record()
    for time, frames in ((0.5, 1), (0.01, 1), (0.7, 1), (0.8, 2), (3.0, 6), (20.0, 40), (20.2, 40)):
        assert run.in_frames(time) == frames, time
    for time in (20.3, 1e9, float("1e300")):
        with pytest.raises(InputError, match=r"horizon=.* ps is longer than the 20 ps analysed"):
            run.in_frames(time, "horizon")
    with pytest.raises(InputError, match="window"):
        run.in_frames(0.0)


def test_what_a_species_and_its_atoms_are_told_by():
    def species(positions, history):
        labels = SimpleNamespace(site_positions=positions)
        return LabelledSpecies("Li+", 1.0, 5, 7, ("a", "b"), None, labels, history=history)

    one, other = species(None, None), species(np.zeros((2, 3)), "a history")
    assert (one.first, one.last) == (7, 12)
    assert not one.has_sites
    assert (one.path_events, one.on_sites) == (("a", "b"), False)
    assert (other.path_events, other.on_sites) == (("a", "b", "vibration"), True)
    atoms = CarrierAtoms(np.array([3, 1, 4, 0]), np.array([0, 0, 1, 1]), 10 * np.arange(6))
    np.testing.assert_array_equal(atoms.id, [30, 10, 40, 0])
    np.testing.assert_array_equal(atoms.first_id, [30, 40])
