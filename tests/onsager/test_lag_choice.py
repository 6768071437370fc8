"""The choice of lags: what is forgotten, totals, bends of events, and the plain rule."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.diffusive_limit import PROCESSES, blocks_of, system
from mda_ionmech.onsager.diffusive_limit import fit_lags, lag_covariance
from mda_ionmech.onsager.lag_choice import (
    choose_lags,
    lines_from_all_starts,
    settled_lag,
    totals,
)
from mda_ionmech.onsager.lag_sums import join_lags, lag_grids


def test_the_choice_waits_for_what_is_forgotten():
    """A cage is excluded, a walk is not cut; weights are one set with their conditions."""
    rng = np.random.default_rng(4)
    walk, _, _, _, cage, *_ = PROCESSES
    first = {}
    for process in (walk, cage):
        blocks = blocks_of(process.steps(rng, 3000))
        sums = blocks.lags[0]
        choice = choose_lags(sums, sums, blocks.system, blocks.names, blocks.events)
        assert choice.weights @ choice.lags == pytest.approx(1.0, rel=1e-9)
        assert choice.probability.sum() == pytest.approx(1.0)
        assert choice.settled
        first[process.name] = choice.settled_from
        part = np.abs(choice.weights * choice.lags)
        matters = [t for t, one in zip(choice.lags, part, strict=True) if 20 * one >= max(part)]
        assert choice.longest == max(matters)
    assert choice.weights.sum() == pytest.approx(0.0, abs=1e-10), "the cage has an intercept"
    assert first[walk.name] <= 2
    assert first[cage.name] >= 8


def test_totals_that_cancel_are_left_out():
    """Ions that move in rigid pairs carry no charge."""
    blocks = blocks_of(np.random.default_rng(5).normal(size=(1, 3, 299)))
    sums = blocks.lags[0]
    two = replace(sums, total=np.tile(sums.total, (1, 1, 2, 2)))
    pairs = replace(system(2), charge=np.array([1.0, -1.0]))
    assert set(totals(two, pairs, ("cation", "anion"))) == {"cation", "anion"}
    rounded = two.total.copy()
    rounded[..., 0, 0] *= 1 + 1e-12
    found = totals(replace(two, total=rounded), pairs, ("cation", "anion"))
    assert set(found) == {"cation", "anion"}
    free = replace(two, total=two.total * np.eye(2))
    assert set(totals(free, pairs, ("cation", "anion"))) == {"cation", "anion", "the charge"}


def test_a_species_that_is_back_after_every_other_frame_is_a_total():
    """Its mean squared displacement is 0 at even lags, and not at odd ones."""
    steps = np.zeros((1, 3, 299))
    steps[:] = np.resize([1.0, -1.0], 299)
    blocks = blocks_of(steps)
    (squared,) = totals(blocks.lags[0], blocks.system, blocks.names).values()
    odd = np.array(blocks.lags[0].lags) % 2
    np.testing.assert_allclose(squared, 3.0 * odd, atol=1e-12)


def test_two_starts_are_enough_for_a_choice():
    """Eight lags up to a tenth of 100 frames: 1 to 6, 8 and 10, with starts at 1 and 2."""
    blocks = blocks_of(np.random.default_rng(6).normal(size=(2, 3, 99)))
    sums = blocks.lags[0]
    assert sums.lags == (1, 2, 3, 4, 5, 6, 8, 10)
    assert choose_lags(sums, sums, blocks.system, blocks.names, blocks.events) is not None


@pytest.mark.parametrize("replicas", [1, 8, 20])
def test_bends_of_events_are_found_in_replicas_as_in_one_trajectory(replicas):
    """4 000 frames: halves of a walk, and halves that look back one step with opposite signs.

    Lines through the origin, whose weights do not cancel a constant, are left out of the second.
    """
    rng = np.random.default_rng(8)
    constant = []
    for _ in range(5):
        walks = rng.normal(size=(replicas, 3, 4000 // replicas))
        for back in (0.0, 0.3 * walks[..., :-1]):
            halves = 0.5 * walks[..., 1:]
            each = [blocks_of(one) for one in np.stack([halves + back, halves - back], axis=1)]
            sums = join_lags([one.lags[0] for one in each])
            choice = choose_lags(sums, sums, each[0].system, each[0].names, each[0].events)
            constant.append(abs(choice.weights.sum() * choice.lags[0]))
    assert min(constant[::2]) > 0.01
    assert max(constant[1::2]) < 1e-9


def plainly_settled(lags, frames, squared, n):
    """Lepski's rule, a line and a variance at a time."""
    lags = np.array(lags)
    whole = lag_covariance(lags, frames)
    lines = {}
    for start in lags[lags <= lags[-1] // 4]:
        late = np.flatnonzero(lags >= start)
        line = fit_lags(lags[late], squared[late], whole.part(late), n)
        weights = np.zeros(len(lags))
        weights[late] = line.weights
        lines[start] = weights, line.slope, line.intercept
    for start, (weights, slope, intercept) in lines.items():
        for later, (others, its_slope, _) in lines.items():
            difference = weights - others
            matrix = whole.at(max(its_slope, 0) / (2 * n), max(intercept, 0) / (2 * n))
            error = np.sqrt(n * difference @ matrix @ difference)
            if later >= 1.4 * start and abs(slope - its_slope) > 3 * error:
                break
        else:
            return start, any(later >= 1.4 * start for later in lines), lines
    return start, False, lines


def test_the_lag_from_which_slopes_agree_is_that_of_the_plain_rule():
    """Carriers in cages of 2 frames: fewer or more carriers, and the cage is seen or not.

    The largest cage, of 300 carriers, bends up to a lag whose double starts no line.
    """
    rng = np.random.default_rng(7)
    lags = lag_grids([1], 600)[1]
    starts = set()
    known_cages = ((1, 6.0), (4, 2.0), (30, 2.0), (30, 0.0), (100, 1.0)) * 3
    for n_carriers, variance in (*known_cages, (300, 1e3)):
        path = np.cumsum(rng.normal(scale=np.sqrt(2), size=(n_carriers, 3, 600)), axis=2)
        cage = rng.normal(scale=np.sqrt(variance), size=path.shape)
        for t in range(1, 600):
            keep = np.exp(-0.5)
            cage[..., t] = keep * cage[..., t - 1] + np.sqrt(1 - keep**2) * cage[..., t]
        path += cage
        squared = [np.square(path[..., t:] - path[..., :-t]).sum((0, 1)).mean() for t in lags]
        found, covariance = lines_from_all_starts(lags, [600], np.array(squared), 3 * n_carriers)
        settled = settled_lag(lags, found, covariance, 3 * n_carriers)
        *known, lines = plainly_settled(lags, [600], np.array(squared), 3 * n_carriers)
        assert [*settled] == known
        assert [*found] == [*lines]
        starts.add(settled)
    assert len(starts) > 2
    assert any(not confirmed for _, confirmed in starts)
