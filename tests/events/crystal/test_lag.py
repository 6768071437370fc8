"""Hops that are linked in space and within a time: all pairs, known answers, both nulls."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mda_ionmech import InputError
from mda_ionmech.events import CrystalEvents
from mda_ionmech.events.crystal.crystal_events import whole_window
from mda_ionmech.events.crystal.site_history import SiteHistory
from mda_ionmech.events.nulls.circular_shift import circular_null, multi_share
from mda_ionmech.microstates.sites.site_assignment import minimum_image
from mda_ionmech.observables.hop_channels import _hops

from ...site_lattices import ODD, analysis, walk
from .test_crystal_events import assert_clusters, in_space

DISTANCES = {"chain": None, "proximity": 4.0, "distance": 4.0}


def changes(state, c, t, window):
    """Frames of a window in which a carrier changes its site."""
    return [u for u in range(t + 1, t + window + 1) if state[c, u] != state[c, u - 1]]


def linked(rule, record, t, window, lag):
    """Components of the hops of a window, from all pairs of hops and of their changes of site."""
    held, state = record.occupied.dense(), record.state
    hop = [c for c in range(len(held)) if held[c, t] != held[c, t + window]]
    walk = record.walk.between(0, record.n_frames)
    link = np.zeros((len(hop),) * 2, dtype=bool)
    for i, j in product(range(len(hop)), repeat=2):
        c, d = hop[i], hop[j]
        ends = [(state[k, t], state[k, t + window]) for k in (c, d)]
        if rule.linking == "chain":
            near = ends[0][0] == ends[1][1]
        elif rule.linking == "proximity":
            near = any(record.apart.distances[a, b] <= rule.distance for a, b in product(*ends))
        else:
            places = [(walk[k, :, t], walk[k, :, t + window]) for k in (c, d)]
            near = any(
                np.linalg.norm(minimum_image(a - b) @ record.cell) <= rule.distance
                for a, b in product(*places)
            )
        times = changes(state, c, t, window), changes(state, d, t, window)
        link[i, j] = near and any(abs(u - v) <= lag for u, v in product(*times))
    return hop, connected_components(coo_matrix(link), directed=False)[1]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 9),
    linking=st.sampled_from(sorted(DISTANCES)),
    window=st.integers(1, 9),
    lag=st.integers(0, 9),
)
def test_links_are_those_of_all_pairs_of_changes(seed, n, linking, window, lag):
    rng = np.random.default_rng(seed)
    sites = rng.uniform(0, 1, (n + 4, 3))
    held = rng.integers(0, len(sites), (n, 12))
    state = held[:, np.sort(rng.integers(0, 12, 12))]  # stays of several frames
    record = replace(in_space(state, sites), spacing=0.1)
    rule = CrystalEvents(linking, DISTANCES[linking], lag=0.1 * lag)
    label, cluster = whole_window(rule.link_blocks(record, window))
    for t in range(12 - window):
        hop, expected = linked(rule, record, t, window, lag)
        assert_clusters(label[:, t], cluster[:, t], hop, expected)
    if lag >= window:
        plain = CrystalEvents(linking, DISTANCES[linking])
        np.testing.assert_array_equal(label, whole_window(plain.link_blocks(record, window))[0])


def test_a_nearer_image_of_the_same_site_is_no_change_of_site():
    """Ion 1 is for a frame nearer to another image of its site, when ion 0 hops, and hops later."""
    state = np.array([[0, 0, 1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2, 3, 3]], dtype=np.int32)
    sites = np.array([[0.1, 0, 0], [0.3, 0, 0], [0.5, 0, 0], [0.7, 0, 0]])
    record = replace(in_space(state, sites), spacing=0.1)
    path = sites[state]
    path[1, 2, 0] -= 1.0
    flipped = SiteHistory.of_arrays(
        state, np.ascontiguousarray((path @ record.cell).transpose(0, 2, 1)), record.shells,
        record.apart.distances, sites, record.cell,
        np.ascontiguousarray(sites[state].transpose(0, 2, 1)),
    )  # fmt: skip
    flipped = replace(flipped, spacing=0.1)
    assert len(flipped.site) == len(record.site) + 1
    for lag in (0, 3, 4):
        rule = CrystalEvents("proximity", 100.0, lag=0.1 * lag)
        for one in (record, flipped):
            label, _ = whole_window(rule.link_blocks(one, 7))
            assert (label[:, 0] == (2 if lag == 4 else 1)).all()
    lengths = [
        [x for _, x, _ in _hops(one, np.zeros(len(one.site), int))] for one in (record, flipped)
    ]
    np.testing.assert_allclose(*map(np.concatenate, lengths))


def pairs(rng, rate, n_pairs, n_frames):
    """Pairs of ions near each other, far from other pairs, that hop independently and go on."""
    hops = rng.random((n_pairs, 2, n_frames)) < rate
    # three sites for each ion in turn, so that two hops never end where they began
    state = np.cumsum(hops, axis=2) % 3 + 3 * np.arange(2)[:, None]
    state = (state + 6 * np.arange(n_pairs)[:, None, None]).reshape(2 * n_pairs, n_frames)
    sites = np.repeat(np.arange(n_pairs), 6)[:, None] / n_pairs * [1.0, 0, 0]
    sites = sites + np.tile(np.arange(6), n_pairs)[:, None] * [0, 0.05, 0]
    return in_space(state, sites, np.diag([20.0 * n_pairs, 10.0, 10.0]))


def chance(rate, window, lag):
    """Share of hops that are linked by chance to those of one neighbour: all patterns in turn."""
    moves, both = 0.0, 0.0
    patterns = list(product((0, 1), repeat=window))
    weight = {p: rate ** sum(p) * (1 - rate) ** (window - sum(p)) for p in patterns}
    # three hops lead back to the first site
    apart = [p for p in patterns if sum(p) % 3]
    for p in apart:
        moves += weight[p]
        mine = [k for k in range(window) if p[k]]
        for q in apart:
            theirs = [k for k in range(window) if q[k]]
            if any(abs(u - v) <= lag for u, v in product(mine, theirs)):
                both += weight[p] * weight[q]
    return both / moves


@pytest.mark.slow
@pytest.mark.parametrize(("window", "lag"), [(5, 0), (5, 2), (8, 0), (8, 3)])
def test_independent_hops_are_linked_by_chance_as_often_as_counted(window, lag):
    rng = np.random.default_rng(10 * window + lag)
    rate, n_pairs, n_frames = 0.08, 40, 4000
    record = pairs(rng, rate, n_pairs, n_frames)
    rule = CrystalEvents("proximity", 3.0, lag=float(lag))
    (share,) = multi_share(rule, record, window)
    expected = chance(rate, window, lag)
    # windows that do not overlap are independent, and hops are linked in twos
    hops = 2 * n_pairs * (n_frames / window) * (1 - (1 - rate) ** window)
    error = np.sqrt(2 * expected * (1 - expected) / hops)
    assert abs(share - expected) < 3 * error
    # which is what the circular null gives
    null = circular_null(rule, record, window, rng)[0]
    assert abs(null.mean() - expected) < 3 * error
    # without a lag more of them are
    (plain,) = multi_share(CrystalEvents("proximity", 3.0), record, window)
    assert plain > share + 10 * error


@pytest.mark.parametrize("delay", [0, 1, 4])
def test_a_pair_at_a_fixed_delay_is_linked_from_that_lag_on(delay):
    state = np.zeros((2, 40), dtype=int)
    state[0, 20:], state[1], state[1, 20 + delay :] = 1, 2, 3
    sites = np.arange(4)[:, None] * [0.2, 0, 0]
    record = in_space(state, sites)
    for lag in range(6):
        label, _ = whole_window(
            CrystalEvents("proximity", 2.5, lag=float(lag)).label_blocks(record, 10)
        )
        both = (label > 0).all(axis=0)
        assert both.sum() == 10 - delay
        assert np.all(label[:, both] == (2 if lag >= delay else 1))


def test_a_run_links_by_its_lag_with_exact_sums():
    rng = np.random.default_rng(5)
    kinds = ["b" if odd else "a" for odd in ODD]
    made = analysis(
        walk(rng, 800, 12, rate=0.1), rng, labels=kinds, amplitude=0.05, assignment="nearest",
        resolutions=None,
    )  # fmt: skip
    run = made.run()
    table = run.robustness(
        linking=[("proximity", 2.6), ("proximity", 2.6, 0.0), ("proximity", 2.6, 9.0)], window=8.0
    )
    shares = table["multi_fraction"].groupby(level="value", sort=False).first()
    assert list(shares.index[1:]) == [
        "proximity 2.6 A", "proximity 2.6 A, 0 ps", "proximity 2.6 A, 9 ps"
    ]  # fmt: skip
    assert shares.iloc[1] == shares.iloc[3] > shares.iloc[2] > 0
    sums = table["share"].groupby(level="value").sum()
    np.testing.assert_allclose(sums, 1, atol=1e-10)
    assert CrystalEvents(lag=2).describe()["lag_ps"] == 2.0
    assert not CrystalEvents().links_like(CrystalEvents(lag=0.1))


def test_a_lag_is_a_time():
    with pytest.raises(InputError, match=r"lag must be a time in ps, 0 or more, or None, got -1"):
        CrystalEvents("proximity", 3.0, lag=-1)
