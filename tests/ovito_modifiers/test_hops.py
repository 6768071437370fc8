"""Arrows, clusters, and the frames in which events happen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import minimum_spanning_tree

from ovito_modifiers import ColorByEvent, EventFrames, HopArrows, shared
from ovito_modifiers.event_frames import event_rows
from ovito_modifiers.hop_arrows import centres, cluster_colors, shortest_trees

from . import builders
from .builders import LENGTH, N_FRAMES, labels, load, write_dump, write_states, write_xtc

pytestmark = pytest.mark.filterwarnings("error")


def pipeline_of(path, *modifiers, n_frames=N_FRAMES):
    pipeline = load(path, n_frames)
    for modifier in modifiers:
        pipeline.modifiers.append(modifier)
    return pipeline


# ---- arrows -----------------------------------------------------------------------------------


def test_arrows_start_at_the_ions_and_follow_the_displacement(dump, states_file):
    arrows = HopArrows(events_file=states_file, events="single_ion_hop, multi_ion_hop", scale=1.5)
    pipeline = pipeline_of(dump, arrows)
    data = pipeline.compute(4)
    found = data.vectors["hop-arrows"]
    place = builders.positions()[4]
    np.testing.assert_allclose(found.positions, place[[1, 2]], atol=1e-4)
    np.testing.assert_allclose(found.directions, [[0, 2.25, 0]] * 2)
    np.testing.assert_allclose(
        found.colors, np.repeat(shared.hex_to_rgb((builders.EVENT_COLORS[2],)), 2, axis=0)
    )
    assert data.attributes["HopArrows.Count"] == 2
    assert pipeline.compute(0).vectors["hop-arrows"].count == 0
    arrows.minimum_length = 1.8
    assert pipeline.compute(4).vectors["hop-arrows"].count == 0
    assert pipeline.compute(2).vectors["hop-arrows"].count == 1


def test_arrows_in_a_recentred_cell_stand_at_the_particles(tmp_path, states_file):
    """OVITO moves the origin of an XTC's cell to minus half its length."""
    path = write_xtc(tmp_path / "small.xtc")
    data = pipeline_of(
        path, HopArrows(events_file=states_file, events="multi_ion_hop", match="source frame")
    ).compute(4)
    np.testing.assert_allclose(data.cell[:, 3], -LENGTH / 2, atol=1e-5)
    at = np.asarray(data.particles.positions)[[1, 2]]
    np.testing.assert_allclose(data.vectors["hop-arrows"].positions, at, atol=1e-6)
    np.testing.assert_allclose(at, builders.positions()[4][[1, 2]] - LENGTH / 2, atol=1e-2)


def test_clusters_are_joined_and_share_a_color(dump, states_file):
    modifier = HopArrows(events_file=states_file, color_by="cluster")
    data = pipeline_of(dump, modifier).compute(4)
    lines = data.lines["hop-clusters"]
    assert lines.count == 2
    np.testing.assert_array_equal(lines["Section"], [0, 0])
    colors = np.asarray(data.vectors["hop-arrows"].colors)
    np.testing.assert_allclose(lines["Color"], colors)
    assert data.attributes["HopArrows.Clusters"] == 1
    modifier.join_clusters = False
    assert "hop-clusters" not in pipeline_of(dump, modifier).compute(4).lines


def test_lines_take_the_short_way_across_the_faces(tmp_path):
    """Two clusters, of three and of two ions; the second lies on both sides of a face."""
    cluster = np.full((N_FRAMES, 5), -1, dtype=np.int32)
    cluster[0] = (7, 7, 7, 9, 9)
    states = write_states(
        tmp_path / "s.states.npz", cluster=cluster, event=np.zeros((N_FRAMES, 5), dtype=np.int16)
    )
    pipeline = pipeline_of(
        write_dump(tmp_path / "s.dump"), HopArrows(events_file=states, events="no_hop")
    )
    lines = pipeline.compute(0).lines["hop-clusters"]
    np.testing.assert_array_equal(np.bincount(lines["Section"]), [2, 2, 2])
    ends = np.asarray(lines["Position"]).reshape(3, 2, 3)
    assert np.all(np.abs(ends[:, 1] - ends[:, 0]) <= LENGTH / 2)
    colors = np.asarray(lines["Color"]).reshape(3, 2, 3)
    assert len({tuple(c) for c in colors.reshape(-1, 3)}) == 2


def test_outside_the_analysis_there_is_no_arrow(tmp_path):
    states = write_states(tmp_path / "s.states.npz", frame=[2, 3, 4])
    pipeline = pipeline_of(write_dump(tmp_path / "s.dump"), HopArrows(events_file=states))
    assert [pipeline.compute(k).vectors["hop-arrows"].count for k in (0, 1, 9)] == [0, 0, 0]


def test_the_middle_of_a_molecule_across_the_face_of_the_cell():
    class Cube:
        def shortest(self, vectors):
            return vectors - LENGTH * np.rint(vectors / LENGTH)

    positions = np.array([[5.0, 5, 5], [19.5, 1, 1], [0.5, 1, 1], [1.5, 1, 1]])
    found = centres(positions, np.arange(4), np.array([0, 1, 1, 1]), Cube())
    np.testing.assert_allclose(found, [[5, 5, 5], [20.5, 1, 1]])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(2, 12))
def test_the_trees_are_the_shortest(seed, n_sets, n):
    points = np.random.default_rng(seed).uniform(0, 10, (n_sets, n, 3))
    trees = shortest_trees(points, None)
    assert trees.shape == (n_sets, n - 1, 2, 3)
    for one, tree in zip(points, trees, strict=True):
        length = np.linalg.norm(tree[:, 1] - tree[:, 0], axis=1).sum()
        apart = np.linalg.norm(one[:, None] - one[None], axis=-1)
        assert length == pytest.approx(minimum_spanning_tree(apart).sum())


def test_clusters_of_a_frame_have_different_colors():
    colors = cluster_colors(np.array([3, 11, 19, 4, 3]))
    assert list(colors) == [3, 4, 11, 19]
    assert len({tuple(c) for c in colors.values()}) == 4
    np.testing.assert_array_equal(colors[3], cluster_colors(np.array([3]))[3])


# ---- frames -----------------------------------------------------------------------------------


def shown_frames(pipeline):
    return [int(pipeline.compute(k).attributes["SourceFrame"]) for k in range(pipeline.num_frames)]


def test_only_frames_with_the_events_are_shown(dump, states_file):
    frames = EventFrames(events_file=states_file, events="single_ion_hop")
    pipeline = pipeline_of(dump, frames, ColorByEvent(events_file=states_file))
    assert shown_frames(pipeline) == [2, 3, 7]
    data = pipeline.compute(2)
    assert data.attributes["IonEvents.single_ion_hop"] == 1
    at = np.argsort(data.particles.identifiers)
    np.testing.assert_allclose(
        np.asarray(data.particles.positions)[at], builders.positions()[7], atol=1e-4
    )
    frames.starts_only = True
    assert shown_frames(pipeline) == [2, 7]
    frames.context = 1
    assert shown_frames(pipeline) == [1, 2, 3, 6, 7, 8]
    frames.every = 2
    assert shown_frames(pipeline) == [1, 3, 7]


def test_a_playback_ratio_stretches_and_thins(dump, states_file):
    pipeline = pipeline_of(dump, EventFrames(events_file=states_file, events="single_ion_hop"))
    pipeline.source.playback_ratio = "1:2"
    assert shown_frames(pipeline) == [2, 2, 3, 3, 7, 7]
    pipeline.source.playback_ratio = "2:1"  # OVITO does not reach odd frames then
    assert shown_frames(pipeline) == [2]


def test_a_part_of_the_trajectory_shows_its_events(tmp_path, states_file):
    text = open_text(write_dump(tmp_path / "small.dump")).split("ITEM: TIMESTEP")
    (tmp_path / "second.dump").write_text("".join("ITEM: TIMESTEP" + t for t in text[5:]))
    frames = EventFrames(events_file=states_file, events="single_ion_hop multi_ion_hop")
    pipeline = pipeline_of(tmp_path / "second.dump", frames, n_frames=6)
    assert [f + 4 for f in shown_frames(pipeline)] == [4, 5, 7]
    (tmp_path / "first.dump").write_text("".join("ITEM: TIMESTEP" + t for t in text[1:3]))
    with pytest.raises(Exception, match="none of the 5 frames with the chosen events is in the"):
        pipeline_of(tmp_path / "first.dump", frames, n_frames=2).compute(0)
    thin = [t for k, t in enumerate(text[1:]) if k not in (2, 3)]
    (tmp_path / "thin.dump").write_text("".join("ITEM: TIMESTEP" + t for t in thin))
    finer = EventFrames(events_file=states_file, events="single_ion_hop", match="timestep")
    with pytest.raises(Exception, match="frame 2 has a chosen event, but the loaded trajectory"):
        pipeline_of(tmp_path / "thin.dump", finer, n_frames=8).compute(0)


def open_text(path):
    with open(path) as file:
        return file.read()


def test_events_that_never_happen_are_refused(dump, tmp_path):
    event = np.where(labels() == 1, 0, labels()).astype(np.int16)
    states = write_states(tmp_path / "s.states.npz", event=event)
    frames = EventFrames(events_file=states, events="single_ion_hop")
    message = "no frame has an event 'single_ion_hop'; choose among those that happen"
    with pytest.raises(Exception, match=message):
        pipeline_of(dump, frames).compute(0)


def test_two_of_them_are_refused(dump, states_file):
    one, other = (EventFrames(events_file=states_file, events=e) for e in ("no_hop", "all"))
    with pytest.raises(Exception, match="two modifiers 'Event frames' are in this pipeline"):
        pipeline_of(dump, one, other).compute(0)


# ---- twins ------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 3))
def test_event_rows_are_those_of_a_loop(seed, starts_only, context):
    rng = np.random.default_rng(seed)
    code = rng.integers(-1, 3, (rng.integers(1, 12), 3))
    chosen = np.array([False, True, False, False])
    hits = {
        f
        for f in range(len(code))
        for c in range(3)
        if code[f, c] == 1 and not (starts_only and f and code[f - 1, c] == 1)
    }
    wanted = sorted(
        {g for f in hits for g in range(f - context, f + context + 1) if 0 <= g < len(code)}
    )
    assert event_rows(code, chosen, starts_only, context).tolist() == wanted


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_the_latest_label_is_that_of_a_loop(seed, trail):
    rng = np.random.default_rng(seed)
    code = rng.integers(-1, 3, (8, 4)).astype(np.int16)
    chosen = np.array([True, False, True, False])
    row = int(rng.integers(0, 8))
    wanted = []
    for c in range(4):
        back = [code[r, c] for r in range(row, max(row - trail, 0) - 1, -1)]
        wanted.append(next((k for k in back if k in (0, 2)), -1))
    assert shared.latest(code, row, trail, chosen).tolist() == wanted


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 1000]), st.booleans())
def test_positions_of_identifiers(seed, spread, repeat):
    """Dense identifiers go by a table, sparse ones by sorting: the same answer."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.arange(1, 60) * spread) + rng.integers(0, 9)
    if repeat:
        ids[3] = ids[40]
    wanted = np.concatenate([rng.choice(ids, 5), [-4, 10**7]])
    found = shared.positions_of(ids, wanted)
    if repeat:
        assert found is None
        return
    slow = [next((k for k, i in enumerate(ids) if i == w), -1) for w in wanted]
    assert found.tolist() == slow
