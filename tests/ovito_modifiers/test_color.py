"""Ions are coloured by what happened to them, whatever order and numbering the file has."""

from pathlib import Path

import numpy as np
import pytest
from ovito.modifiers import LoadTrajectoryModifier
from traits.api import TraitError

from ovito_modifiers import ColorByEvent, ColorByMacrostate, shared

from . import builders
from .builders import EVENTS, N_ATOMS, N_FRAMES, labels, load, write_dump, write_states, write_xtc

pytestmark = pytest.mark.filterwarnings("error")


def expected_codes(event, shown=(1, 2, 3)):
    """Code + 1 of every atom in order of its id, 0 for what is not shown."""
    codes = np.zeros(N_ATOMS, dtype=int)
    code = np.where(np.isin(event, shown), event, -1)
    codes[builders.ATOM_INDEX] = code[builders.CARRIER] + 1
    return codes


def in_order(data, name="Ion Event"):
    """A property in the order of the identifiers."""
    return np.asarray(data.particles[name])[np.argsort(data.particles.identifiers)]


def pipeline_of(path, *modifiers, n_frames=N_FRAMES):
    pipeline = load(path, n_frames)
    for modifier in modifiers:
        pipeline.modifiers.append(modifier)
    return pipeline


def test_a_shuffled_dump_is_matched_by_identifier(dump, states_file):
    pipeline = pipeline_of(dump, ColorByEvent(events_file=states_file))
    orders = set()
    for frame in range(N_FRAMES):
        data = pipeline.compute(frame)
        orders.add(tuple(data.particles.identifiers))
        wanted = expected_codes(labels()[frame], shown=(0, 1, 2))
        np.testing.assert_array_equal(in_order(data), wanted)
    assert len(orders) == N_FRAMES, "OVITO keeps the order of the dump"
    ion_event = data.particles["Ion Event"]
    assert ion_event.dtype == np.int32
    assert [t.name for t in ion_event.types] == ["none", *EVENTS]
    assert [t.id for t in ion_event.types] == [0, 1, 2, 3, 4]


def test_an_xtc_without_identifiers_is_matched_by_index(tmp_path, states_file):
    path = write_xtc(tmp_path / "small.xtc")
    pipeline = pipeline_of(path, ColorByEvent(events_file=states_file, match="source frame"))
    for frame in range(N_FRAMES):
        data = pipeline.compute(frame)
        assert data.particles.identifiers is None
        wanted = expected_codes(labels()[frame], shown=(0, 1, 2))
        np.testing.assert_array_equal(data.particles["Ion Event"], wanted)


def test_molecules_color_all_their_atoms(dump, states_file):
    data = pipeline_of(dump, ColorByEvent(events_file=states_file, events="all")).compute(0)
    np.testing.assert_array_equal(np.flatnonzero(in_order(data)), [6, 7, 8])
    gray = shared.hex_to_rgb((builders.EVENT_COLORS[3],))
    np.testing.assert_allclose(in_order(data, "Color")[[6, 7, 8]], np.repeat(gray, 3, axis=0))


def test_colors_are_those_of_the_file(dump, states_file):
    modifier = ColorByEvent(
        events_file=states_file, events="single_ion_hop", neutral_color=(0.1, 0.2, 0.3)
    )
    data = pipeline_of(dump, modifier).compute(2)
    color = in_order(data, "Color")
    np.testing.assert_allclose(color[0], (1, 0, 0))
    np.testing.assert_allclose(color[1:4], [(0.1, 0.2, 0.3)] * 3, rtol=1e-6)
    np.testing.assert_allclose(color[4:], [modifier.bulk_color] * 8, rtol=1e-6)
    radius = in_order(data, "Radius")
    assert radius[0] == radius[1] == pytest.approx(radius[5] / 0.4)


def test_a_trail_keeps_the_color(dump, states_file):
    modifier = ColorByEvent(events_file=states_file, events="single_ion_hop", trail=2)
    pipeline = pipeline_of(dump, modifier)
    seen = [bool(in_order(pipeline.compute(f))[0]) for f in range(N_FRAMES)]
    assert seen == [f in (2, 3, 4, 5) for f in range(N_FRAMES)]


def test_the_bulk_can_be_hidden_or_left(dump, states_file):
    modifier = ColorByEvent(events_file=states_file, bulk="hide")
    pipeline = pipeline_of(dump, modifier)
    data = pipeline.compute(0)
    if shared.HAS_HIDDEN:
        seen = in_order(data, "Hidden") == 0
    else:
        seen = in_order(data, "Radius") > shared.INVISIBLE
    np.testing.assert_array_equal(np.flatnonzero(seen), [0, 1, 2, 3])
    modifier.bulk = "keep"
    data = pipeline.compute(0)
    plain = pipeline.source.compute(0)
    assert "Hidden" not in data.particles
    assert "Radius" not in data.particles
    at = np.flatnonzero(data.particles.identifiers == 12)
    of_type = {t.id: t.color for t in plain.particles.particle_types.types}
    np.testing.assert_allclose(data.particles["Color"][at[0]], of_type[2])


def test_shown_particles_can_be_selected(dump, states_file):
    data = pipeline_of(
        dump, ColorByEvent(events_file=states_file, events="multi_ion_hop", select=True)
    ).compute(4)
    np.testing.assert_array_equal(np.flatnonzero(in_order(data, "Selection")), [1, 2])


def test_counts_are_attributes_and_tables(dump, states_file):
    data = pipeline_of(dump, ColorByEvent(events_file=states_file)).compute(4)
    found = {name: data.attributes[f"IonEvents.{name}"] for name in EVENTS}
    assert found == {"no_hop": 2, "single_ion_hop": 0, "multi_ion_hop": 2, "all": 1}
    assert data.attributes["IonEvents.Status"] == "analysed"
    assert data.attributes["IonEvents.AnalysedFrame"] == 4
    bars = data.tables["ion-events"]
    assert [t.name for t in bars.x.types] == list(EVENTS)
    np.testing.assert_array_equal(bars.y, [2, 0, 2, 1])
    lines = data.tables["ion-events-over-time"]
    np.testing.assert_allclose(lines.x, np.arange(N_FRAMES) * 0.5)
    assert tuple(lines.y.component_names) == EVENTS
    for k in range(len(EVENTS)):
        np.testing.assert_array_equal(lines.y[:, k], (labels() == k).sum(axis=1))


def test_two_modifiers_do_not_disturb_each_other(dump, states_file):
    first = ColorByEvent(events_file=states_file)
    second = ColorByMacrostate(events_file=states_file)
    pipeline = pipeline_of(dump, first, second, ColorByEvent(events_file=states_file))
    data = pipeline.compute(4)
    alone = pipeline_of(dump, first).compute(4)
    np.testing.assert_array_equal(in_order(data), in_order(alone))
    assert [t.name for t in data.particles["Ion Event"].types] == ["none", *EVENTS]
    kinds = data.particles["Ion Macrostate"]
    assert [t.name for t in kinds.types] == ["none", "SSIP", "CIP"]
    # radii are not shrunk twice: the molecule, small to the events, is whole to the macrostates
    both = pipeline_of(dump, first, second).compute(4)
    np.testing.assert_array_equal(
        np.flatnonzero(in_order(both, "Ion Macrostate")), [0, 1, 2, 3, 6, 7, 8]
    )
    once = in_order(pipeline_of(dump, second).compute(4), "Radius")
    np.testing.assert_allclose(in_order(both, "Radius"), once)
    np.testing.assert_allclose(in_order(data, "Radius"), in_order(alone, "Radius"))
    assert data.attributes["IonMacrostates.CIP"] == 3


# ---- frames -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "n"), [("1:1", 10), ("1:3", 30), ("2:1", 5)])
@pytest.mark.parametrize("kind", ["dump", "xtc"])
def test_a_playback_ratio_changes_nothing(ratio, n, kind, tmp_path):
    step = np.arange(N_FRAMES) * 100 if kind == "dump" else np.full(N_FRAMES, -1)
    states = write_states(tmp_path / "s.states.npz", step=step)
    write = write_dump if kind == "dump" else write_xtc
    pipeline = pipeline_of(write(tmp_path / f"small.{kind}"), ColorByEvent(events_file=states))
    pipeline.source.playback_ratio = ratio
    assert pipeline.num_frames == n
    for frame in range(n):
        data = pipeline.compute(frame)
        source = data.attributes["SourceFrame"]
        wanted = expected_codes(labels()[source], shown=(0, 1, 2))
        found = in_order(data) if kind == "dump" else data.particles["Ion Event"]
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("by_step", [True, False])
def test_between_analysed_frames_the_earlier_holds_and_outside_there_is_none(tmp_path, by_step):
    frame = np.array([2, 4, 6, 8])
    states = write_states(
        tmp_path / "s.states.npz",
        frame=frame,
        step=None if by_step else np.full(4, -1),
        event=np.array([[1] * 5, [2] * 5, [0] * 5, [-1] * 5], dtype=np.int16),
        event_colors=np.array(builders.EVENT_COLORS),
    )
    pipeline = pipeline_of(write_dump(tmp_path / "s.dump"), ColorByEvent(events_file=states))
    what = "Timestep" if by_step else "SourceFrame"
    shown = []
    for k in range(N_FRAMES):
        data = pipeline.compute(k)
        shown.append((int(in_order(data)[0]), str(data.attributes["IonEvents.Status"])))
        if k < 2 or k > 8:
            neutral = shared.neutral_color_parameter().default_value
            np.testing.assert_allclose(in_order(data, "Color")[0], neutral, rtol=1e-6)
            assert data.attributes["IonEvents.AnalysedFrame"] == -1
            assert data.attributes["IonEvents.single_ion_hop"] == 0
    assert [code for code, _ in shown] == [0, 0, 2, 2, 3, 3, 1, 1, 0, 0]
    assert shown[0][1].startswith(f"{what} 0 is outside the analysed frames, {what} 2")
    assert shown[9][1].startswith(f"{what} 9")
    assert shown[3][1] == f"held from {what} {200 if by_step else 2}"
    assert shown[8][1] == "no window of 1 ps starts here: too near the end"


def test_a_part_of_the_trajectory_is_told_by_its_steps(tmp_path, states_file):
    """Frame 0 of the second file is not frame 0 of the run: the engine's step says so."""
    whole = write_dump(tmp_path / "small.dump")
    text = Path(whole).read_text().split("ITEM: TIMESTEP")
    (tmp_path / "second.dump").write_text("".join("ITEM: TIMESTEP" + t for t in text[5:]))
    modifier = ColorByEvent(events_file=states_file)
    pipeline = pipeline_of(tmp_path / "second.dump", modifier, n_frames=6)
    for frame in range(6):
        wanted = expected_codes(labels()[frame + 4], shown=(0, 1, 2))
        np.testing.assert_array_equal(in_order(pipeline.compute(frame)), wanted)


def test_steps_of_another_trajectory_are_refused(tmp_path, states_file):
    path = write_dump(tmp_path / "renumbered.dump", step=30)
    modifier = ColorByEvent(events_file=states_file)
    pipeline = pipeline_of(path, modifier)
    with pytest.raises(Exception, match="Timestep 30 lies between 0 and 100, which are neighbours"):
        pipeline.compute(1)
    modifier.match = "source frame"
    wanted = expected_codes(labels()[1], shown=(0, 1, 2))
    np.testing.assert_array_equal(in_order(pipeline.compute(1)), wanted)
    modifier.match = "timestep"
    assert pipeline.compute(1).attributes["IonEvents.Status"] == "held from Timestep 0"


def test_matching_by_timestep_needs_timesteps(tmp_path):
    states = write_states(tmp_path / "s.states.npz", step=np.full(N_FRAMES, -1))
    modifier = ColorByEvent(events_file=states, match="timestep")
    with pytest.raises(Exception, match="no engine steps that increase; set it to 'source frame'"):
        pipeline_of(write_dump(tmp_path / "s.dump"), modifier).compute(0)


@pytest.mark.slow
def test_the_shipped_garnet_through_load_trajectory(crystal_states):
    """Topology and trajectory from two files, as an OVITO user loads them."""
    from mda_ionmech import datasets

    folder = datasets.path("crystal")
    options = {"atom_style": "charge", "sort_particles": True}
    pipeline = load(folder / "llzo.T800.data", 1, **options)
    loader = LoadTrajectoryModifier()
    loader.source.load(str(folder / "llzo.T800.xtc"))
    pipeline.modifiers.append(loader)
    pipeline.modifiers.append(ColorByEvent(events_file=str(crystal_states)))
    from ovito_modifiers import read_states

    states = read_states(crystal_states)
    for frame in (0, 57, 200):
        found = in_order(pipeline.compute(frame))
        carriers = found[states.atom_index]
        np.testing.assert_array_equal(carriers, states.event[frame, states.carrier_of_atom] + 1)
        assert np.count_nonzero(found) == 56


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": np.array("ionmech-states/9")}, "has schema 'ionmech-states/9', this version"),
        ({"n_atoms": 13}, "this data has 12 particles, but 13 atoms were analysed"),
        ({"atom_id": builders.ATOM_INDEX + 50}, "no particle has the identifier 50 of a carrier"),
        ({"cluster": None}, "lacks cluster; write it again"),
    ],
)
def test_files_that_do_not_fit_are_refused(changes, message, dump, tmp_path):
    states = write_states(tmp_path / "wrong.states.npz", **changes)
    with pytest.raises(Exception, match=message):
        pipeline_of(dump, ColorByEvent(events_file=states)).compute(0)


def test_files_that_are_not_there_are_refused(dump, tmp_path):
    with pytest.raises(Exception, match=r"no states file at .*none\.npz; write one with"):
        pipeline_of(dump, ColorByEvent(events_file=str(tmp_path / "none.npz"))).compute(0)
    with pytest.raises(
        Exception, match="no states file is chosen: set the parameter 'Events file'"
    ):
        pipeline_of(dump, ColorByEvent()).compute(0)
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(Exception, match="is no states file"):
        pipeline_of(dump, ColorByEvent(events_file=str(tmp_path / "text.npz"))).compute(0)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(Exception, match="no states file but a single array"):
        pipeline_of(dump, ColorByEvent(events_file=str(tmp_path / "one.npy"))).compute(0)


def test_names_that_are_not_there_are_refused(dump, states_file, tmp_path):
    modifier = ColorByEvent(events_file=states_file, events="hop")
    with pytest.raises(Exception, match="names 'hop', which the states file does not have; it has"):
        pipeline_of(dump, modifier).compute(0)
    bare = write_states(
        tmp_path / "bare.states.npz",
        macrostate_names=np.array([], dtype=str),
        macrostate_colors=np.array([], dtype=str),
        macrostate=np.full((N_FRAMES, 5), -1, dtype=np.int16),
    )
    with pytest.raises(Exception, match="holds no macrostates: give a species a macrostate rule"):
        pipeline_of(dump, ColorByMacrostate(events_file=bare)).compute(0)


def test_unknown_parameters_are_refused(states_file):
    with pytest.raises(TraitError):
        ColorByEvent(event_file=states_file)
    with pytest.raises(TraitError):
        ColorByEvent().trial = 3


def test_identifiers_that_repeat_name_nobody(tmp_path, states_file):
    path = write_dump(tmp_path / "s.dump", shuffle=False, ids=np.ones(N_ATOMS, dtype=int))
    data = pipeline_of(path, ColorByEvent(events_file=states_file)).compute(0)
    wanted = expected_codes(labels()[0], shown=(0, 1, 2))
    np.testing.assert_array_equal(data.particles["Ion Event"], wanted)


def test_a_file_written_anew_is_read_anew(dump, tmp_path):
    path = tmp_path / "s.states.npz"
    modifier = ColorByEvent(events_file=write_states(path), events="single_ion_hop")
    pipeline = pipeline_of(dump, modifier)
    assert not pipeline.compute(0).attributes["IonEvents.single_ion_hop"]
    write_states(
        path, event=np.ones((N_FRAMES, 5), dtype=np.int16), source="another length of text"
    )
    assert pipeline.compute(1).attributes["IonEvents.single_ion_hop"] == 5
