"""Clusters and labels of hops on sites, on cases built to know them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mda_ionmech import InputError
from mda_ionmech.events import CrystalEvents, SiteHistory
from mda_ionmech.events.lattice_gas import (
    SiteGraph,
    channel_hops,
    counted_graph,
    distinct_sites,
    simulate,
)
from mda_ionmech.events.nulls import circular_null, exclusion_gas, multi_share, on_sites
from mda_ionmech.microstates import ShellTable


def history(state, *, path=None, distances=None, kind=None):
    """Record of sites (carriers, frames); by default every site is far from every other."""
    state = np.asarray(state, dtype=np.int32)
    n_sites = int(state.max()) + 1
    if distances is None:
        distances = 100.0 * (1 - np.eye(n_sites))
    n_sites = len(distances)
    if path is None:
        # site s at (s, 0, 0): unwrapped, so that equal sites have equal positions
        path = np.zeros((*state.shape, 3)).transpose(0, 2, 1)
        path = np.stack([state.astype(float), 0 * state, 0 * state], axis=1)
    shells = ShellTable(
        np.arange(n_sites + 1),
        np.arange(n_sites),
        np.arange(n_sites),
        np.zeros(n_sites, dtype=int) if kind is None else np.asarray(kind),
        ("a", "b"),
    )
    return SiteHistory(state, np.asarray(path, dtype=float), shells, np.asarray(distances))


def labels(record, window=1, **options):
    rule = CrystalEvents(**options)
    label, cluster = rule.label_window(record, window)
    return [[rule.names[x] for x in row] for row in label], cluster


def test_a_lone_hop_is_single_and_two_far_apart_are_two():
    found, cluster = labels(history([[0, 1], [5, 6], [9, 9]]))
    assert found == [["single_ion_hop"], ["single_ion_hop"], ["no_hop"]]
    assert cluster[:, 0].tolist() == [0, 1, -1]


def test_a_chain_is_one_cluster():
    # 0 -> 1 -> 2 -> 3: each enters what the next one leaves
    found, cluster = labels(history([[0, 1], [1, 2], [2, 3], [7, 8]]))
    assert found[:3] == [["multi_ion_hop"]] * 3
    assert found[3] == [["single_ion_hop"]][0]
    assert len(set(cluster[:3, 0])) == 1
    assert cluster[3, 0] != cluster[0, 0]


def test_two_that_trade_places_exchange():
    found, _ = labels(history([[3, 4], [4, 3], [8, 9]]))
    assert found == [["exchange"], ["exchange"], ["single_ion_hop"]]


def test_a_ring_that_closes_exchanges_and_one_that_winds_does_not():
    state = [[0, 1], [1, 2], [2, 0]]
    place = np.array([[0.0, 0, 0], [1, 0, 0], [0.5, 1, 0]])
    closed = place[np.array(state)].transpose(0, 2, 1)
    found, _ = labels(history(state, path=closed))
    assert found == [["exchange"]] * 3
    # three sites in a row through a periodic cell of length 3: all step by +1
    winding = closed.copy()
    winding[:, 0] = [[0, 1], [1, 2], [2, 3]]
    winding[:, 1:] = 0
    found, _ = labels(history(state, path=winding))
    assert found == [["multi_ion_hop"]] * 3


def test_proximity_links_hops_with_near_ends():
    distances = np.abs(np.arange(8.0)[:, None] - np.arange(8.0)[None])
    record = history([[0, 1], [3, 4], [7, 6]], distances=distances)
    found, _ = labels(record, linking="proximity", distance=2.0)
    assert found == [["multi_ion_hop"]] * 3
    found, _ = labels(record, linking="proximity", distance=1.5)
    assert found == [["single_ion_hop"]] * 3


def test_windows_take_the_two_ends_and_flag_nothing_between():
    found, _ = labels(history([[0, 1, 0, 2]]), window=2)
    assert found == [["no_hop", "single_ion_hop"]]


def test_a_seam_in_the_window_counts_as_not_hopped():
    record = history([[0, 0, 0, 1, 1, 2]])
    rule = CrystalEvents()
    label, _ = rule.label_window(record, 1, np.array([3]))
    assert label[0].tolist() == [0, 0, 0, 0, 1]


def test_channels_are_named_by_the_labels_of_their_ends():
    record = history([[0, 1, 1], [2, 2, 0]], kind=[0, 1, 1])
    rule = CrystalEvents(detail="channel")
    names = rule.names_for(("a", "b"))
    label, _ = rule.label_window(record, 1)
    codes = rule.event_codes(record, 1, label)
    assert [[names[x] for x in row] for row in codes] == [["a->b", "no_hop"], ["no_hop", "b->a"]]


def linked(rule, record, window, t):
    """Components by scipy, from all pairs: the definition of both rules."""
    start, end = record.state[:, t], record.state[:, t + window]
    hop = np.flatnonzero(start != end)
    if rule.linking == "chain":
        link = start[hop][:, None] == end[hop][None, :]
    else:
        near = record.distances <= rule.distance
        ends = [start[hop], end[hop]]
        link = np.any([near[np.ix_(a, b)] for a in ends for b in ends], axis=0)
    _, component = connected_components(coo_matrix(link), directed=False)
    out = np.full(len(start), -1)
    out[hop] = component
    return out


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 12),
    linking=st.sampled_from(["chain", "proximity"]),
    window=st.integers(1, 3),
)
def test_clusters_are_the_connected_components(seed, n, linking, window):
    rng = np.random.default_rng(seed)
    n_sites = n + 4
    state = rng.integers(0, n_sites, (n, 6))
    distances = rng.uniform(0, 10, (n_sites, n_sites))
    distances = np.minimum(distances, distances.T) * (1 - np.eye(n_sites))
    record = history(np.append(state, [[n_sites - 1] * 6], axis=0), distances=distances)
    rule = CrystalEvents(linking, 1.5 if linking == "proximity" else None)
    label, cluster = rule.label_window(record, window)
    for t in range(6 - window):
        expected = linked(rule, record, window, t)
        np.testing.assert_array_equal(cluster[:, t] < 0, expected < 0)
        same = cluster[:, t][:, None] == cluster[:, t][None]
        np.testing.assert_array_equal(same, expected[:, None] == expected[None])
        sizes = np.array([np.sum(expected == k) for k in expected])
        np.testing.assert_array_equal(label[:, t] == 0, expected < 0)
        np.testing.assert_array_equal(label[:, t] == 1, (expected >= 0) & (sizes == 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"linking": "magic"}, "linking must be one of .* got 'magic'"),
        ({"linking": "proximity"}, "needs distance=... in Angstrom above 0, got None"),
        ({"distance": 2.0}, "distance has no meaning with linking='chain'"),
        ({"detail": "all"}, "detail must be None or 'channel', got 'all'"),
    ],
)
def test_bad_choices(options, message):
    with pytest.raises(InputError, match=message):
        CrystalEvents(**options)
    with pytest.raises(InputError, match="CrystalEvents needs microstates=SiteAssignment"):
        CrystalEvents().check(("solvent",))


def cubic(length):
    """Sites of a simple cubic lattice: positions, and directed edges to the six neighbours."""
    grid = np.indices((length,) * 3).reshape(3, -1).T
    number = np.arange(length**3).reshape((length,) * 3)
    start, end = [], []
    for step in np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)]):
        moved = (grid + step) % length
        start.append(number.ravel())
        end.append(number[tuple(moved.T)])
    return grid.astype(float), np.concatenate(start), np.concatenate(end)


def test_the_gas_keeps_exclusion_its_filling_and_its_rates():
    positions, start, end = cubic(4)
    rng = np.random.default_rng(0)
    graph = SiteGraph(64, start, end, np.zeros(len(start), dtype=np.int64), np.array([0.3]))
    state = simulate(graph, rng.permutation(64)[:20], n_frames=4000, spacing=0.02, rng=rng)
    for t in range(0, 4000, 61):
        assert len(set(state[:, t])) == 20
    moved = state[:, 1:] != state[:, :-1]
    difference = positions[state[:, 1:][moved]] - positions[state[:, :-1][moved]]
    difference -= 4 * np.rint(difference / 4)
    # nearly every step between frames is one hop to a neighbour
    assert np.mean(np.abs(difference).sum(axis=1) == 1) > 0.98
    expected = 20 * 6 * 0.3 * (1 - 19 / 63) * 4000 * 0.02
    hops = channel_hops(state, graph).sum()
    assert abs(hops - expected) < 3 * np.sqrt(expected) + 0.01 * expected
    # and what was counted gives the rate back
    distances = np.linalg.norm(
        (lambda d: d - 4 * np.rint(d / 4))(positions[:, None] - positions[None]), axis=-1
    )
    counted = counted_graph(state, np.zeros(64, dtype=int), distances, 0.02)
    nearest = np.argmax(np.bincount(counted.channel, counted.rate[counted.channel]))
    assert counted.rate[nearest] == pytest.approx(0.3, rel=3 / np.sqrt(hops) + 0.02)


def test_carriers_on_one_site_are_parted_for_the_gas():
    distances = np.abs(np.arange(5.0)[:, None] - np.arange(5.0)[None])
    assert sorted(distinct_sites(np.array([2, 2, 0]), distances).tolist()) in (
        [0, 1, 2],
        [0, 2, 3],
    )


def test_both_nulls_of_an_exclusion_gas_leave_no_excess_over_the_gas():
    """A gas explains itself: its own multi share is that of the gas fitted to it."""
    positions, start, end = cubic(5)
    rng = np.random.default_rng(3)
    graph = SiteGraph(125, start, end, np.zeros(len(start), dtype=np.int64), np.array([0.2]))
    state = simulate(graph, rng.permutation(125)[:100], n_frames=6000, spacing=0.05, rng=rng)
    difference = positions[:, None] - positions[None]
    distances = np.linalg.norm(difference - 5 * np.rint(difference / 5), axis=-1)
    record = history(state, distances=distances)
    rule = CrystalEvents()
    gas = exclusion_gas(record, 0.05, np.random.default_rng(4))
    for window in (2, 10):
        (mine,) = multi_share(rule, record, window)
        (fitted,) = multi_share(rule, on_sites(record, gas), window)
        parts = [
            multi_share(rule, on_sites(record, p), window)[0]
            for p in np.array_split(gas, 10, axis=1)
        ]
        error = np.std(parts, ddof=1) / np.sqrt(10)
        assert abs(mine - fitted) < 3 * np.sqrt(2) * error
        circular = circular_null(rule, record, window, np.random.default_rng(5))
        assert circular.mean() < mine
