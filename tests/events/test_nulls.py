"""Nulls of concertedness: shares by hand, shifts of records, and an exclusion gas at rest."""

from itertools import pairwise

import numpy as np
import pytest

from mda_ionmech.events import CrystalEvents
from mda_ionmech.events.crystal.joined_history import join_histories
from mda_ionmech.events.crystal.site_distances import InTable
from mda_ionmech.events.nulls import circular_shift
from mda_ionmech.events.nulls.circular_shift import circular_null, multi_share
from mda_ionmech.events.nulls.exclusion_gas import (
    SiteGraph,
    counted_graph,
    simulate_blocks,
)

from ..site_lattices import simulate
from .crystal.test_crystal_events import in_space

SITES = np.array([[0.0, 0, 0], [0.25, 0, 0], [0.5, 0, 0], [0.75, 0, 0]])


def two_species(seed=0, n_frames=30):
    """Three carriers of one species and two of another, on sites that they share."""
    rng = np.random.default_rng(seed)
    states = [rng.integers(0, 4, (n, n_frames)) for n in (3, 2)]
    return join_histories([in_space(state, SITES) for state in states], 0.1)


@pytest.mark.parametrize("frames", [None, (4, 19)])
def test_shares_of_each_species_are_those_of_its_own_hops(frames):
    record, window = two_species(), 2
    hidden = np.array([7, -1, 12, 3, -1])
    found = multi_share(CrystalEvents(), record, window, hidden, frames)
    first, last = frames or (0, record.n_frames)
    place = record.places[record.state]
    hops, multi = np.zeros(2), np.zeros(2)
    for t in range(first, last - window):
        before, after = place[:, t], place[:, t + window]
        seam = (hidden > t) & (hidden <= t + window)
        hop = np.flatnonzero((record.state[:, t] != record.state[:, t + window]) & ~seam)
        for i in hop:
            # linked to one that leaves where it arrives, or arrives where it leaves
            others = [j for j in hop if j != i]
            linked = any(after[i] == before[j] or before[i] == after[j] for j in others)
            hops[int(i >= 3)] += 1
            multi[int(i >= 3)] += linked
    assert hops.min() > 5
    np.testing.assert_allclose(found, multi / hops)
    assert found[0] != found[1]


def test_a_species_that_never_hops_has_no_share():
    still = in_space(np.zeros((1, 9), dtype=int), SITES)
    moving = in_space([[0, 1, 2, 3, 0, 1, 2, 3, 0]], SITES)
    found = multi_share(CrystalEvents(), join_histories([still, moving], 0.1), 1)
    np.testing.assert_array_equal(found, [np.nan, 0.0])


def test_records_are_shifted_by_a_tenth_to_nine_tenths_and_their_seam_is_hidden(monkeypatch):
    record, drawn, seen = two_species(n_frames=43), [], []

    class Generator:
        def integers(self, low, high, size):
            drawn.append((low, high))
            return np.arange(low, low + size)

    def share(rule, history, window, hidden):
        seen.append((history, window, hidden))
        return np.array([1.0, 2.0])

    monkeypatch.setattr(circular_shift, "multi_share", share)
    found = circular_null(CrystalEvents(), record, 4, Generator())
    np.testing.assert_array_equal(found, np.repeat([[1.0], [2.0]], 5, axis=1))
    assert drawn == [(4, 39)] * 5
    for history, window, hidden in seen:
        assert window == 4
        for c, shift in enumerate(range(4, 9)):
            np.testing.assert_array_equal(history.state[c], np.roll(record.state[c], -shift))
            # the first frame of the record is behind its last one there
            assert hidden[c] == 43 - shift


@pytest.mark.parametrize(
    ("wanted", "found", "factor"),
    [(20, 10, 2.0), (3, 4, 0.75), (3, 0, 3.0), (100, 10, 4.0), (1, 100, 0.25)],
)
def test_rates_of_a_gas_follow_the_hops_of_the_run_by_a_factor_of_four_at_most(
    wanted, found, factor, monkeypatch
):
    rates = []

    def blocks(graph, *given, **options):
        rates.append(graph.rate)
        # a fifth of the record is left out, so that the gas forgets where it began
        assert options["skip"] == 2
        return simulate_blocks(graph, *given, **options)

    numbers = iter([wanted, *[found] * circular_shift.CALIBRATIONS])
    monkeypatch.setattr(circular_shift, "simulate_blocks", blocks)
    monkeypatch.setattr(
        circular_shift, "channel_hops", lambda hops, graph: np.full(len(graph.rate), next(numbers))
    )
    record = in_space(np.tile([0, 1, 0, 2], 3)[None], SITES)
    gas = circular_shift.exclusion_gas(record, 1.0, np.random.default_rng(0))
    assert gas.n_frames == record.n_frames
    assert len(rates) == circular_shift.CALIBRATIONS + 1
    for before, after in pairwise(rates):
        np.testing.assert_allclose(after / before, factor)


def test_a_gas_without_a_free_place_stays_and_one_without_company_is_a_walk():
    ring = np.arange(4)
    ends = np.tile(ring, 2), np.concatenate([np.roll(ring, -1), np.roll(ring, 1)])
    graph = SiteGraph(4, *ends, np.repeat([0, 1], 4), np.array([2.0, 0.5]))
    about = {"n_frames": 40_000, "spacing": 0.05}
    full = simulate(graph, ring, rng=np.random.default_rng(0), **(about | {"n_frames": 9}))
    np.testing.assert_array_equal(full, np.tile(ring[:, None], 9))
    # one carrier: forward at 2 and back at 0.5 per ps; all sites alike
    state = simulate(graph, ring[:1], rng=np.random.default_rng(1), **about)[0]
    step = (np.diff(state) + 1) % 4 - 1
    time = 40_000 * 0.05
    assert np.sum(step) == pytest.approx(1.5 * time, abs=5 * np.sqrt(2.5 * time))
    np.testing.assert_allclose(np.bincount(state) / 40_000, 0.25, atol=0.02)
    # steps of two between frames are rare, as 0.05 ps are an eighth of the time between hops
    assert np.mean(step == 2) == pytest.approx(np.exp(-0.125) * 0.125**2 / 2 * 0.68, rel=0.2)


def test_frames_of_a_gas_are_at_equal_times_from_the_first_that_is_kept():
    """One carrier on a ring that hops one way only: hops by a time are those of a Poisson clock."""
    n = 1000
    ring = np.arange(n)
    graph = SiteGraph(n, ring, np.roll(ring, -1), np.zeros(n, dtype=int), np.array([0.5]))
    for skip in (0, 7):
        state = simulate(
            graph, np.array([3]), n_frames=50, spacing=2.0, rng=np.random.default_rng(5), skip=skip
        )[0]
        draws, clock, hops = np.random.default_rng(5), 0.0, []
        while clock < (50 + skip) * 2.0:
            clock -= np.log(1 - draws.random()) / 0.5
            hops.append(clock)
            draws.random(2)  # which class, which edge
        times = (np.arange(50) + skip) * 2.0
        expected = 3 + np.searchsorted(hops, times, side="right")
        np.testing.assert_array_equal(state, expected)


def test_classes_of_hops_are_as_frequent_as_their_edges_and_rates():
    """One carrier on a ring that hops 1, 2 or 3 sites either way: two edges of each class."""
    ring, rates = np.arange(50), np.array([1.0, 2.0, 4.0])
    shifts = [1, -1, 2, -2, 3, -3]
    ends = np.tile(ring, 6), np.concatenate([np.roll(ring, -k) for k in shifts])
    graph = SiteGraph(50, *ends, np.repeat([0, 1, 2], 100), rates)
    state = simulate(graph, ring[:1], n_frames=60_000, spacing=0.003, rng=np.random.default_rng(2))[
        0
    ]
    step = np.abs((np.diff(state) + 25) % 50 - 25)
    number = np.bincount(step, minlength=4)[1:4]
    expected = 2 * rates * 60_000 * 0.003
    # one hop in 24 frames; two in one frame are seen as one or as another
    assert np.all(np.abs(number - expected) < 4 * np.sqrt(expected) + 0.04 * expected)


def test_rates_are_hops_over_the_time_their_edges_are_open():
    """By hand: two kinds of sites in a row, a carrier that stays in the way for a while."""
    distances = np.abs(np.arange(4.0)[:, None] - np.arange(4.0)[None])
    kind = np.array([0, 0, 1, 1])
    state = np.array([[0, 1, 0, 1, 2, 1, 1], [3, 3, 3, 3, 3, 3, 3]], dtype=np.int32)
    graph = counted_graph(lambda: [state], 7, kind, InTable(distances), 0.5)
    rates = {}
    for k, channel in enumerate(graph.channel):
        rates[int(graph.start[k]), int(graph.end[k])] = graph.rate[channel]
    # 0 -> 1 and 1 -> 0 are one channel, open in all frames but the one at site 2: 3 hops
    assert rates[0, 1] == rates[1, 0] == pytest.approx(3 / (6 * 0.5))
    # 1 -> 2 is open in four frames: one hop; 2 -> 1 in one frame: one hop
    assert rates[1, 2] == pytest.approx(1 / (4 * 0.5))
    assert rates[2, 1] == pytest.approx(1 / (1 * 0.5))
    # 3 -> 2 would be of a channel that nothing hops along
    assert set(rates) == {(0, 1), (1, 0), (1, 2), (2, 1)}


def test_channels_are_told_apart_by_labels_and_by_distance():
    # 0 and 1 of one label 1 A apart, and of another label 0.2 A beside each of them
    place = np.array([0.0, 1.0, 0.2, 1.2])
    apart = InTable(np.abs(place[:, None] - place[None]))
    state = np.array([[0, 1, 0, 1, 0, 2, 0, 1]], dtype=np.int32)
    graph = counted_graph(lambda: [state], 8, np.array([0, 0, 1, 1]), apart, 1.0)
    rates = {(int(a), int(b)): graph.rate[k] for a, b, k in
             zip(graph.start, graph.end, graph.channel, strict=True)}  # fmt: skip
    # by label and 1 A: 5 hops in 7 frames at 0 or 1; 0.2 A: one hop; back: one in one frame
    assert rates == {
        (0, 1): 5 / 7, (1, 0): 5 / 7, (0, 2): 1 / 7, (1, 3): 1 / 7, (2, 0): 1.0, (3, 1): 1.0
    }  # fmt: skip


def test_rates_do_not_depend_on_the_pieces_that_a_record_comes_in():
    rng = np.random.default_rng(4)
    distances = np.abs(np.arange(6.0)[:, None] - np.arange(6.0)[None])
    state = rng.integers(0, 6, (2, 6500)).astype(np.int32)
    kind = np.zeros(6, dtype=int)

    def rates(edges):
        pieces = np.split(state, edges, axis=1)
        return counted_graph(lambda: pieces, 6500, kind, InTable(distances), 1.0).rate

    # of more than 4000 frames every third is sampled, wherever a piece begins
    np.testing.assert_array_equal(rates([]), rates([1, 5, 1003, 1004, 3000]))
