"""Clusters and labels of hops on sites, on cases built to know them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mda_ionmech import InputError
from mda_ionmech.events import CrystalEvents, SiteHistory
from mda_ionmech.events.crystal.crystal_events import LinkedHops, whole_window
from mda_ionmech.events.crystal.joined_history import join_histories
from mda_ionmech.events.crystal.site_distances import InTable
from mda_ionmech.events.nulls.circular_shift import (
    circular_null,
    exclusion_gas,
    multi_share,
    on_sites,
    stretches,
)
from mda_ionmech.events.nulls.exclusion_gas import (
    SiteGraph,
    channel_hops,
    count_hops,
    counted_graph,
    distinct_sites,
)
from mda_ionmech.lib.run_length import label_runs
from mda_ionmech.microstates import ShellTable
from mda_ionmech.microstates.sites.site_assignment import minimum_image

from ...builders import site_distances
from ...site_lattices import simulate


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
    path = np.asarray(path, dtype=float)
    return SiteHistory.of_arrays(state, path, shells, np.asarray(distances))


def labels(record, window=1, **options):
    rule = CrystalEvents(**options)
    label, cluster = whole_window(rule.label_blocks(record, window))
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


def test_an_ion_that_ends_on_an_image_of_its_site_has_hopped():
    # two sites 6 A apart along a cell vector of 12 A: round the cell, and forth and back
    sites = np.array([[0.0, 0, 0], [0.49, 0, 0]])
    there = np.array([[0.0, 0.49, 1.0], [0.0, 0.49, 0.0]])
    path = np.stack([12.0 * there, 0 * there, 0 * there], axis=1)
    record = history([[0, 1, 0]] * 2, path=path, distances=site_distances(sites, 12.0 * np.eye(3)))
    for linking, options in (("chain", {}), ("proximity", {"distance": 1.0})):
        found, cluster = labels(record, window=2, linking=linking, **options)
        # the two also share sites: only the first has hopped
        assert found == [["single_ion_hop"], ["no_hop"]]
        assert cluster[:, 0].tolist() == [0, -1]
    hops = LinkedHops((CrystalEvents(),), record, np.arange(2, dtype=np.int32))
    (block,) = hops.blocks(2)
    assert hops.flags(block, 0)[:, 0].tolist() == [0, 1]  # back_hop of the second


def test_windows_take_the_two_ends_and_flag_nothing_between():
    found, _ = labels(history([[0, 1, 0, 2]]), window=2)
    assert found == [["no_hop", "single_ion_hop"]]


def test_a_seam_in_the_window_counts_as_not_hopped():
    record = history([[0, 0, 0, 1, 1, 2]])
    label, _ = whole_window(CrystalEvents().link_blocks(record, 1, np.array([3])))
    assert label[0].tolist() == [0, 0, 0, 0, 1]


def test_channels_are_named_by_the_labels_of_their_ends():
    record = history([[0, 1, 1], [2, 2, 0]], kind=[0, 1, 1])
    rule = CrystalEvents(detail="channel")
    names = rule.names_for(("a", "b"))
    hops = LinkedHops((rule,), record, np.arange(2, dtype=np.int32))
    (codes,) = (hops.codes(block, 0) for block in hops.blocks(1))
    assert [[names[x] for x in row] for row in codes] == [["a->b", "no_hop"], ["no_hop", "b->a"]]


def linked(rule, record, window, t):
    """Components by scipy, from all pairs: the definition of both rules."""
    start, end = record.state[:, t], record.state[:, t + window]
    hop = np.flatnonzero(start != end)
    if rule.linking == "chain":
        link = start[hop][:, None] == end[hop][None, :]
    else:
        near = record.apart.distances <= rule.distance
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
    label, cluster = whole_window(rule.label_blocks(record, window))
    for t in range(6 - window):
        expected = linked(rule, record, window, t)
        np.testing.assert_array_equal(cluster[:, t] < 0, expected < 0)
        same = cluster[:, t][:, None] == cluster[:, t][None]
        np.testing.assert_array_equal(same, expected[:, None] == expected[None])
        sizes = np.array([np.sum(expected == k) for k in expected])
        np.testing.assert_array_equal(label[:, t] == 0, expected < 0)
        np.testing.assert_array_equal(label[:, t] == 1, (expected >= 0) & (sizes == 1))


CELL = np.array([[12.0, 0, 0], [2.0, 11.0, 0], [1.0, 2.0, 10.0]])


def assert_clusters(label, cluster, hop, expected):
    """The hops of one window, and their clusters and labels, are those of components (hops,)."""
    np.testing.assert_array_equal(np.flatnonzero(cluster >= 0), hop)
    found = cluster[hop]
    np.testing.assert_array_equal(
        found[:, None] == found[None], expected[:, None] == expected[None]
    )
    sizes = np.array([np.sum(expected == k) for k in expected])
    np.testing.assert_array_equal(label[hop], np.where(sizes > 1, 2, 1))


def in_space(state, sites, cell=CELL, *, off=0.0, kind=None):
    """Record of carriers near sites (sites, 3), fractional, each `off` from its site."""
    state, sites = np.asarray(state, dtype=np.int32), np.asarray(sites, dtype=float)
    fractional = (sites[state] + off).transpose(0, 2, 1)
    steps = np.diff(sites[state], axis=1, prepend=sites[state[:, :1]])
    path = np.cumsum(minimum_image(steps), axis=1) @ cell
    kind = np.zeros(len(sites), dtype=int) if kind is None else kind
    number = np.arange(len(sites) + 1)
    return SiteHistory.of_arrays(
        state,
        np.ascontiguousarray(path.transpose(0, 2, 1)),
        ShellTable(number, number[:-1], number[:-1], kind, ("a", "b")),
        site_distances(sites, cell),
        sites,
        cell,
        fractional,
    )


@pytest.mark.slow
def test_distance_asks_the_ions_and_not_their_sites():
    # along the first vector of 12 A: sites 0, 3, 6 and 9 A, hops 0 -> 3 and 6 -> 9
    sites = np.array([[0.0, 0, 0], [0.25, 0, 0], [0.5, 0, 0], [0.75, 0, 0]])
    state = [[0, 1], [2, 3]]
    off = np.zeros((2, 2, 3))
    rule = {"linking": "distance", "distance": 2.5}
    # the gaps between the hops: 3 A from end to start, and 3 A across the cell
    assert labels(in_space(state, sites), **rule)[0] == [["single_ion_hop"]] * 2
    # ions that lean 0.6 A towards each other: 2.4 A
    off[0, 1, 0], off[1, 0, 0] = 0.3 / 12, -0.3 / 12
    found, cluster = labels(in_space(state, sites, off=off), **rule)
    assert found == [["multi_ion_hop"]] * 2
    assert cluster[0, 0] == cluster[1, 0]
    # their sites are as far apart as before
    assert (
        labels(in_space(state, sites, off=off), linking="proximity", distance=2.5)[0]
        == [["single_ion_hop"]] * 2
    )
    # across the cell: the end of the second and the start of the first
    off[:] = 0
    off[1, 1, 0] = 0.6 / 12
    assert labels(in_space(state, sites, off=off), **rule)[0] == [["multi_ion_hop"]] * 2
    # ions as far apart as the distance itself are linked: 2 A along a vector of 8 A
    for distance, label in ((2.0, "multi_ion_hop"), (1.999, "single_ion_hop")):
        record = in_space(state, sites, 8.0 * np.eye(3))
        assert labels(record, linking="distance", distance=distance)[0] == [[label]] * 2
    # a carrier that stays where it is links nothing
    assert labels(in_space([[0, 1], [2, 2]], sites, off=off), **rule)[0] == [
        ["single_ion_hop"],
        ["no_hop"],
    ]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 14),
    window=st.integers(1, 3),
    distance=st.floats(0.3, 6.0),
    lengths=st.permutations([12.0, 20.0, 5.0]),
)
def test_distance_links_what_all_pairs_link(seed, n, window, distance, lengths):
    rng = np.random.default_rng(seed)
    sites = rng.uniform(-1, 1, (n + 4, 3))
    state = rng.integers(0, len(sites), (n, 6))
    cell = np.diag(lengths) + np.tril([[0.0, 0, 0], [2, 0, 0], [1, 2, 0]])
    record = in_space(state, sites, cell, off=rng.normal(scale=0.03, size=(n, 6, 3)))
    hidden = rng.integers(-1, 6, n)
    rule = CrystalEvents("distance", distance)
    label, cluster = whole_window(rule.link_blocks(record, window, hidden))
    for t in range(6 - window):
        seam = (hidden > t) & (hidden <= t + window)
        held = record.occupied.dense()
        hop = np.flatnonzero((held[:, t] != held[:, t + window]) & ~seam)
        fractional = record.walk.between(0, 6)
        ends = fractional[hop][:, :, [t, t + window]].transpose(0, 2, 1)
        apart = minimum_image(ends[:, None, :, None] - ends[None, :, None]) @ cell
        link = (np.linalg.norm(apart, axis=-1) <= distance).any(axis=(2, 3))
        _, expected = connected_components(coo_matrix(link), directed=False)
        assert_clusters(label[:, t], cluster[:, t], hop, expected)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 14), distance=st.floats(0.3, 6.0))
def test_distance_is_proximity_where_carriers_sit_on_their_sites(seed, n, distance):
    rng = np.random.default_rng(seed)
    record = in_space(rng.integers(0, n + 4, (n, 8)), rng.uniform(-1, 1, (n + 4, 3)))
    for window in (1, 3):
        near = whole_window(CrystalEvents("distance", distance).label_blocks(record, window))
        listed = whole_window(CrystalEvents("proximity", distance).label_blocks(record, window))
        np.testing.assert_array_equal(near[0], listed[0])
        same = [c[:, None] == c[None] for _, c in (near, listed)]
        np.testing.assert_array_equal(*same)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 8),
    linking=st.sampled_from(["chain", "proximity", "distance"]),
)
def test_an_exchange_leaves_its_set_of_sites_and_its_sum_of_vectors(seed, n, linking):
    rng = np.random.default_rng(seed)
    n_sites = n + 1  # nearly full: exchanges are common
    state = np.stack([rng.permutation(n_sites)[:n] for _ in range(8)], axis=1)
    record = in_space(state, rng.uniform(0, 1, (n_sites, 3)))
    rule = CrystalEvents(linking, None if linking == "chain" else 2.0)
    for window in (1, 2):
        label, cluster = whole_window(rule.label_blocks(record, window))
        linked, same = whole_window(rule.link_blocks(record, window))
        np.testing.assert_array_equal(cluster, same)
        for t in range(8 - window):
            for r in set(cluster[:, t]) - {-1}:
                c = np.flatnonzero(cluster[:, t] == r)
                total = (record.path[c, :, t + window] - record.path[c, :, t]).sum(axis=0)
                closed = sorted(state[c, t]) == sorted(state[c, t + window])
                closed &= len(c) > 1 and np.abs(total).sum() < 1e-3
                np.testing.assert_array_equal(label[c, t], 3 if closed else linked[c, t])


#: Sites of two species: two shared, the first of them 0.6 A apart, and one for each alone.
FIRST = np.array([[0.0, 0, 0], [0.25, 0, 0], [0.5, 0.5, 0]])
SECOND = np.array([[0.05, 0, 0], [0.25, 0, 0], [0.5, 0, 0.5]])


def joined(first, second, *, shared=1.0, sites=SECOND):
    return join_histories([in_space(first, FIRST), in_space(second, sites)], shared)


def test_clusters_reach_across_species_where_sites_are_one_place():
    # the first leaves the site at 0 that the second enters 0.6 A beside
    pair = [[0, 2]], [[2, 0]]
    found, cluster = labels(joined(*pair))
    assert found == [["multi_ion_hop"]] * 2
    assert cluster[0, 0] == cluster[1, 0]
    assert labels(joined(*pair, shared=0.5))[0] == [["single_ion_hop"]] * 2
    # the same number in the two tables is no link
    assert labels(joined([[0, 2]], [[1, 2]]))[0] == [["single_ion_hop"]] * 2
    record = joined(*pair)
    assert record.places.tolist() == [0, 1, 2, 0, 1, 3]
    assert record.members.tolist() == [0, 1]
    # proximity and distance need no shared sites
    for linking in ("proximity", "distance"):
        far = joined([[2, 1]], [[2, 0]], shared=0.0)
        assert labels(far, linking=linking, distance=2.0)[0] == [["single_ion_hop"]] * 2
        assert labels(far, linking=linking, distance=2.5)[0] == [["multi_ion_hop"]] * 2


def test_species_that_trade_places_exchange():
    # the vectors between sites do not sum to zero, those between places do
    found, _ = labels(joined([[0, 1]], [[1, 0]]))
    assert found == [["exchange"]] * 2
    assert np.abs(joined([[0, 1]], [[1, 0]]).path.sum(axis=0)[:, 1]).sum() == pytest.approx(
        np.abs(joined([[0, 1]], [[1, 0]]).path.sum(axis=0)[:, 0]).sum()
    )
    # a third one that follows breaks the ring
    found, _ = labels(joined([[0, 1]], [[1, 0], [0, 2]]))
    assert found == [["multi_ion_hop"]] * 3


def test_one_place_holds_two_sites_of_a_species_if_one_of_another_lies_between():
    split = np.array([[-0.04, 0, 0], [0.04, 0, 0], [0.5, 0, 0.5]])
    record = joined([[2, 0]], [[0, 2]], sites=split)
    assert record.places.tolist() == [0, 1, 2, 0, 0, 3]
    assert labels(record)[0] == [["multi_ion_hop"]] * 2
    record = joined([[2, 0]], [[1, 2]], sites=split)
    assert labels(record)[0] == [["multi_ion_hop"]] * 2
    # a hop inside the place is a hop of its own
    assert labels(joined([[1, 1]], [[0, 1]], sites=split))[0] == [["no_hop"], ["single_ion_hop"]]


def two_gases(rng, n_frames, spacing):
    """Two species of an exclusion gas on one cubic lattice, in tables of their own order."""
    positions, start, end = cubic(4)
    order = rng.permutation(64)
    other = np.argsort(order)  # site s of the first is other[s] of the second
    edges = np.concatenate([start, 64 + other[start]]), np.concatenate([end, 64 + other[end]])
    graph = SiteGraph(
        128,
        *edges,
        np.repeat([0, 1], len(start)),
        np.array([0.3, 0.1]),
        np.concatenate([np.arange(64), order]),
    )
    held = rng.permutation(64)[:40]
    begin = np.concatenate([held[:20], 64 + other[held[20:]]])
    state = simulate(graph, begin, n_frames=n_frames, spacing=spacing, rng=rng)
    sites = positions / 4
    box = 8.0 * np.eye(3)
    one = in_space(state[:20], sites, box)
    two = in_space(state[20:] - 64, sites[order], box)
    return graph, one, two, join_histories([one, two], 0.5)


def test_a_gas_of_two_species_shares_its_places():
    rng = np.random.default_rng(1)
    graph, one, two, record = two_gases(rng, 8000, 0.03)
    np.testing.assert_array_equal(record.places, np.unique(graph.places, return_inverse=True)[1])
    held = record.places[record.state]
    assert all(len(set(held[:, t])) == 40 for t in range(0, 8000, 61))
    # each hops at its own rate into places that neither holds; some hop twice between frames
    rates = np.array([0.3, 0.1])
    hops = channel_hops(count_hops([record.state], 128), graph)
    expected = 20 * 6 * rates * (1 - 39 / 63) * 8000 * 0.03
    tolerance = 3 / np.sqrt(expected) + 0.03
    assert np.all(np.abs(hops / expected - 1) < tolerance)
    # and the rates counted in the record are those of its edges
    kind = np.repeat([0, 1], 64)
    counted = counted_graph(record.occupied_sites, 8000, kind, record.apart, 0.03, record.place)
    for owner, rate in enumerate(rates):
        mine = counted.rate[np.unique(counted.channel[counted.start // 64 == owner])]
        assert mine.max() == pytest.approx(rate, rel=tolerance[owner])
    # as if the first were alone, places that the other holds look open, and its rate low
    alone = counted_graph(one.occupied_sites, 8000, np.zeros(64, dtype=int), one.apart, 0.03)
    assert alone.rate.max() == pytest.approx(0.3 * (63 - 39) / (63 - 19), rel=tolerance[0])
    assert two.state.max() < 64


@pytest.mark.slow
def test_both_nulls_of_two_species_leave_no_excess_over_their_gas():
    rng = np.random.default_rng(2)
    _, _, _, record = two_gases(rng, 6000, 0.1)
    rule = CrystalEvents()
    gas = exclusion_gas(record, 0.1, np.random.default_rng(4))
    of_gas = on_sites(record, gas)
    for window in (1, 5):
        mine = multi_share(rule, record, window)
        assert mine.shape == (2,)
        parts = np.array(
            [multi_share(rule, of_gas, window, frames=part) for part in stretches(6000, 10)]
        )
        error = parts.std(axis=0, ddof=1) / np.sqrt(10)
        assert np.all(np.abs(mine - parts.mean(axis=0)) < 3 * np.sqrt(2) * error)
        circular = circular_null(rule, record, window, np.random.default_rng(5))
        assert circular.shape == (2, 5)
        assert np.all(circular.mean(axis=1) < mine)


def test_the_gas_vibrates_as_the_run_does():
    rng = np.random.default_rng(6)
    sites = rng.uniform(0, 1, (6, 3))
    state = rng.integers(0, 6, (4, 11)).astype(np.int32)
    off = rng.normal(scale=0.02, size=(4, 11, 3))
    record = in_space(state, sites, off=off)
    other = rng.integers(0, 6, state.shape).astype(np.int32)
    moved = on_sites(record, label_runs(other.T))
    wanted = (sites[other] + off).transpose(0, 2, 1)
    places = moved.walk.between
    np.testing.assert_array_equal(moved.state, other)
    for part in stretches(11, 3):
        np.testing.assert_allclose(
            minimum_image(places(*part) - wanted[:, :, slice(*part)]), 0, atol=1e-12
        )
    assert stretches(11, 3) == [(0, 4), (4, 8), (8, 11)]
    # the run's own sites are the run itself, whatever the linking
    rule = CrystalEvents("distance", 2.0)
    np.testing.assert_array_equal(
        multi_share(rule, on_sites(record, label_runs(state.T)), 2),
        multi_share(rule, record, 2),
    )


def test_no_gas_where_a_species_finds_no_free_place():
    full = in_space([[0, 1, 0], [1, 0, 1], [2, 2, 2]], FIRST)
    assert exclusion_gas(full, 1.0, np.random.default_rng(0)) is None  # nothing is ever open
    assert distinct_sites(np.array([0, 0, 0, 0]), full.apart) is None
    # a species has no more than its own sites
    owner = np.array([0, 1, 1])
    assert distinct_sites(np.array([0, 0]), full.apart, owner=owner) is None
    assert distinct_sites(np.array([1, 1]), full.apart, owner=owner).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shared": -0.1}, "shared must be a distance in Angstrom, 0 or more, or None, got -0.1"),
        ({"linking": "distance"}, "linking='distance' needs distance=... in Angstrom above 0"),
        ({"linking": "magic"}, "linking must be one of .* got 'magic'"),
        ({"linking": "proximity"}, "needs distance=... in Angstrom above 0, got None"),
        ({"linking": "proximity", "distance": 0}, "in Angstrom above 0, got 0"),
        ({"linking": "distance", "distance": -0.5}, "in Angstrom above 0, got -0.5"),
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
    hops = channel_hops(count_hops([state], 64), graph).sum()
    assert abs(hops - expected) < 3 * np.sqrt(expected) + 0.01 * expected
    # and what was counted gives the rate back
    distances = np.linalg.norm(
        (lambda d: d - 4 * np.rint(d / 4))(positions[:, None] - positions[None]), axis=-1
    )
    counted = counted_graph(
        lambda: [state], 4000, np.zeros(64, dtype=int), InTable(distances), 0.02
    )
    nearest = np.argmax(np.bincount(counted.channel, counted.rate[counted.channel]))
    assert counted.rate[nearest] == pytest.approx(0.3, rel=3 / np.sqrt(hops) + 0.02)


def test_carriers_on_one_site_are_parted_for_the_gas():
    distances = np.abs(np.arange(5.0)[:, None] - np.arange(5.0)[None])
    assert sorted(distinct_sites(np.array([2, 2, 0]), InTable(distances)).tolist()) in (
        [0, 1, 2],
        [0, 2, 3],
    )


@pytest.mark.slow
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
        of_gas = on_sites(record, gas)
        (fitted,) = multi_share(rule, of_gas, window)
        parts = [multi_share(rule, of_gas, window, frames=part)[0] for part in stretches(6000, 10)]
        error = np.std(parts, ddof=1) / np.sqrt(10)
        assert abs(mine - fitted) < 3 * np.sqrt(2) * error
        circular = circular_null(rule, record, window, np.random.default_rng(5))
        assert circular.mean() < mine
