"""Records of sites held, written out a few frames at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import InputError
from mda_ionmech.events.crystal.follow_sites import SiteImageNumbers, follow_sites
from mda_ionmech.events.crystal.joined_history import same_place
from mda_ionmech.events.crystal.site_distances import InCell, InTable
from mda_ionmech.events.crystal.site_history import Walk, shift_runs
from mda_ionmech.events.nulls.exclusion_gas import SiteGraph, count_hops, simulate_blocks
from mda_ionmech.lib.run_length import LabelRuns, label_runs, runs_in_time

from ...builders import site_distances
from ...site_lattices import simulate
from .test_crystal_events import history

CELL = np.array([[9.0, 0, 0], [2.0, 8.0, 0], [-1.0, 2.0, 7.0]])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 5), n_frames=st.integers(1, 40))
def test_spots_are_the_images_of_the_sites_that_are_nearest(seed, n, n_frames):
    rng = np.random.default_rng(seed)
    sites = rng.uniform(-1, 1, (4, 3))
    state = rng.integers(0, 4, (n_frames, n)).astype(np.int32)
    begin = rng.uniform(-2, 2, (n, 3))
    position = np.cumsum(rng.normal(scale=2.0, size=(n, 3, n_frames)), axis=2)
    held, site, where = follow_sites(position, label_runs(state), begin, sites, CELL)
    site_images = held.between(0, n_frames)
    np.testing.assert_array_equal(site[site_images], state.T)
    along = begin[:, None] + position.transpose(0, 2, 1) @ np.linalg.inv(CELL)
    expected = (sites[state.T] + np.rint(along - sites[state.T])) @ CELL
    np.testing.assert_allclose(where[site_images], expected, atol=1e-9)
    # one number for one site image, and a new run only where it changes
    assert len(np.unique(np.round(np.column_stack([site, where]), 6), axis=0)) == len(site)
    assert held.n_changes == np.count_nonzero(site_images[:, 1:] != site_images[:, :-1])


@pytest.mark.parametrize("n_frames", [17, 18, 19, 36, 37, 150])
def test_a_carrier_that_goes_round_the_cell_in_every_frame_gets_the_room_it_needs(n_frames):
    """One run of one site, which room is first made for, in as many images as frames."""
    sites, begin = np.array([[0.25, 0.5, 0.75]]), np.array([[0.3, 0.5, 0.7], [0.2, 0.4, 0.8]])
    cells = np.stack([np.arange(n_frames), np.zeros(n_frames), -2 * np.arange(n_frames)], axis=1)
    position = np.stack([(cells @ CELL).T, np.zeros((3, n_frames))])
    runs = label_runs(np.zeros((n_frames, 2), dtype=np.int32))
    held, site, where = follow_sites(position, runs, begin, sites, CELL)
    assert held.offsets.tolist() == [0, n_frames, n_frames + 1]
    np.testing.assert_array_equal(site, np.zeros(n_frames))
    images = held.between(0, n_frames)
    np.testing.assert_allclose(where[images[0]], (sites + cells) @ CELL, atol=1e-9)
    np.testing.assert_allclose(where[images[1]], np.tile(sites @ CELL, (n_frames, 1)), atol=1e-9)


def test_numbers_of_spots_outlast_later_ones():
    numbers = SiteImageNumbers()
    rng = np.random.default_rng(1)
    parts = [(rng.integers(0, 9, 50), rng.integers(-8000, 8000, (50, 3))) for _ in range(4)]
    parts.append(parts[1])
    found = [numbers.of(site.astype(np.int32), image) for site, image in parts]
    np.testing.assert_array_equal(found[1], found[4])
    site, image = numbers.table()
    for number, (s, i) in zip(found, parts, strict=True):
        np.testing.assert_array_equal(site[number], s)
        np.testing.assert_array_equal(image[number], i)
    assert len(site) == len(set(np.concatenate(found).tolist()))
    with pytest.raises(InputError, match="moved over 9000 cells since the first frame"):
        numbers.of(np.zeros(1, dtype=np.int32), np.array([[0, -9000, 0]]))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 5), n_frames=st.integers(1, 30))
def test_turned_records_begin_later_and_go_on_with_their_beginning(seed, n, n_frames):
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 2, (n, n_frames)).astype(np.int32)
    shift = rng.integers(0, n_frames, n)
    runs = label_runs(state.T)
    turned = LabelRuns(*shift_runs(runs.offsets, runs.start, runs.value, n_frames, shift), n_frames)
    expected = np.stack([np.roll(row, -k) for row, k in zip(state, shift, strict=True)])
    np.testing.assert_array_equal(turned.dense(), expected)
    assert np.all(turned.start[turned.offsets[:-1]] == 0)
    position = rng.normal(size=(n, 3, n_frames))
    begin, inverse = rng.normal(size=(n, 3)), np.linalg.inv(CELL)
    walk = Walk((position[: n // 2], position[n // 2 :]), begin, inverse, shift)
    found = walk.between(1, n_frames) if n_frames > 1 else None
    for c in range(n if n_frames > 1 else 0):
        along = begin[c][:, None] + inverse.T @ np.roll(position[c], -shift[c], axis=1)
        np.testing.assert_allclose(found[c], along[:, 1:], atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 5),
    lengths=st.lists(st.integers(1, 9), min_size=1),
)
def test_runs_of_states_that_come_in_pieces(seed, n, lengths):
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 2, (n, sum(lengths))).astype(np.int32)
    pieces = np.split(state, np.cumsum(lengths)[:-1], axis=1)
    found, expected = runs_in_time(pieces), label_runs(state.T)
    for name in ("offsets", "start", "value"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    hops = count_hops(pieces, 2)
    moved = state[:, 1:] != state[:, :-1]
    key = 2 * state[:, :-1][moved] + state[:, 1:][moved]
    np.testing.assert_array_equal(hops.key, np.unique(key))
    assert hops.number.sum() == len(key)


@pytest.mark.parametrize("most", [1, 4, 11, 20])
def test_sites_and_positions_do_not_depend_on_the_frames_that_are_given_at_once(most, monkeypatch):
    rng = np.random.default_rng(3)
    state, path = rng.integers(0, 4, (3, 11)), rng.integers(-9, 9, (3, 3, 11)).astype(float)
    record = history(state, path=path)
    monkeypatch.setattr("mda_ionmech.events.crystal.site_history.frames_at_once", lambda n: most)
    assert len(list(record.blocks(0))) == -(-11 // most)
    np.testing.assert_array_equal(record.state, state)
    np.testing.assert_array_equal(record.path, path)


@pytest.mark.parametrize("most", [1, 7, 100, 1000])
def test_a_gas_does_not_depend_on_the_frames_that_are_given_at_once(most):
    ring = np.arange(12)
    graph = SiteGraph(
        12, np.tile(ring, 2), np.concatenate([np.roll(ring, 1), np.roll(ring, -1)]),
        np.repeat([0, 1], 12), np.array([0.2, 0.5]),
    )  # fmt: skip
    about = {"n_frames": 300, "spacing": 0.3, "skip": 20}
    whole = simulate(graph, ring[::2], rng=np.random.default_rng(1), **about)
    parts = list(
        simulate_blocks(graph, ring[::2], rng=np.random.default_rng(1), most=most, **about)
    )
    assert all(part.shape[1] == most for part in parts[:-1])
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    assert np.count_nonzero(whole[:, 1:] != whole[:, :-1]) > 100


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 12), reach=st.floats(0, 3.0))
def test_pairs_of_sites_are_those_of_the_table_of_all(seed, n, reach):
    rng = np.random.default_rng(seed)
    sites = rng.uniform(-2, 2, (n, 3))
    table = InTable(site_distances(sites, CELL))
    in_cell = InCell(sites, CELL)
    for one, other in zip(in_cell.within(reach), table.within(reach), strict=True):
        np.testing.assert_array_equal(one, other)
    pairs = rng.integers(0, n, (2, 20))
    np.testing.assert_allclose(in_cell.between(*pairs), table.between(*pairs), atol=1e-12)
    assert len(in_cell) == len(table) == n
    place = rng.integers(0, 4, n)
    found = np.zeros((n, n), dtype=int)
    np.add.at(found, same_place(place), 1)
    np.testing.assert_array_equal(found, place[:, None] == place[None])
