"""Models of memory: their conditions, exact curves, probabilities, and what is left open."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.diffusive_limit import PROCESSES, blocks_of
from mda_ionmech.onsager.diffusive_limit import lag_covariance
from mda_ionmech.onsager.lag_choice import choose_lags
from mda_ionmech.onsager.lag_sums import lag_grids, lag_sums
from mda_ionmech.onsager.memory_models import (
    CAUTIOUS,
    LIKELY,
    Prior,
    interval_probabilities,
    lag_models,
    memory_grid,
    model_starts,
    model_weights,
    open_memory,
    probabilities,
)

WALK, CAGE = PROCESSES[0], PROCESSES[4]


def curve(lags, slope=6.0, fast=0.0, slow=0.0, memory=1.0):
    times = np.array(lags, dtype=float)
    return slope * times + fast + slow * (1 - np.exp(-times / memory))


def test_every_model_meets_its_conditions_also_at_fewer_lags():
    grids = lag_grids([1, 4], 1000)
    lags = grids[1]
    assert memory_grid(lags) == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert model_starts(lags) == [1, 2, 4, 8, 16]
    assert model_starts([1, 4, 16]) == [1], "two lags from 4 on are no model"
    assert model_starts([1, 4, 16, 64]) == [1, 4]
    models = lag_models(lags, [1000], curve(lags, 0.6, 0.0, 5.0, 6.0) + np.sin(lags), 3)
    for k, (memory, fast) in enumerate(zip(models.memories, models.fast, strict=True)):
        for some in (lags, grids[4]):
            weights, error = model_weights(models, k, some, 3)
            times = np.array(some, dtype=float)
            assert weights @ times == pytest.approx(1.0, rel=1e-7)
            assert np.all(weights[times < models.starts[k]] == 0)
            assert error > 0
            if fast or memory:
                assert weights.sum() == pytest.approx(0.0, abs=1e-7)
            if memory and times[times >= models.starts[k]][0] <= 3 * memory:
                assert weights @ np.exp(-times / memory) == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize(("memory", "fast"), [(4.0, 0.0), (8.0, 3.0), (2.0, 1.0)])
def test_a_memory_of_the_grid_is_found_from_an_exact_curve(memory, fast):
    lags = lag_grids([1], 3000)[1]
    squared = curve(lags, 6.0, 6 * fast, 60.0, memory)
    models = lag_models(lags, [3000], squared, 3)
    p = probabilities([models], LIKELY)
    assert p.sum() == pytest.approx(1.0)
    at = models.memories == memory
    assert p[at].sum() > 0.5
    for k in np.flatnonzero(at & (models.fast == (fast > 0))):
        assert model_weights(models, k, lags, 3)[0] @ squared == pytest.approx(6.0, rel=1e-6)
    k = np.flatnonzero(at & (models.starts == 1) & (models.fast == (fast > 0)))[0]
    np.testing.assert_allclose(models.found[k], [1.0, fast, 10.0], rtol=1e-5)
    assert open_memory(models, p, models.memories) == 0


def one_by_one(lags, frames, squared, n):
    """Every model in a loop of its own: start, kind, memory, found, log of the evidence, valid."""
    times = np.array(lags, dtype=float)
    white = lag_covariance(lags, frames)
    out, whole, best = [], None, -np.inf
    for start in [1, 2, 4, 8, 16, 32, 64]:
        if start > max(lags[-1] // 4, 1):
            break
        first = lags.index(start)
        t, m = times[first:], squared[first:]
        middle = len(t) // 2
        slope = (m[-1] - m[middle]) / (t[-1] - t[middle])
        kinds = [(f, 0.0) for f in (False, True)]
        kinds += [
            (f, 2.0**k) for f in (False, True) for k in range(-1, 20)
            if 0.3 * start <= 2.0**k <= lags[-1] / 2.4
        ]  # fmt: skip
        for fast, memory in kinds:
            if first and not fast and not memory:
                continue
            slow = lag_covariance(lags, frames, memory)
            columns = [t] + [np.ones(len(t))] * fast
            if memory:
                columns.append(1 - np.exp(-t / memory))
            basis = np.stack(columns, axis=1)
            d, u, v = max(slope, 0.05 * m[-1] / t[-1]) / (2 * n), 0.0, 0.0
            if memory:
                v = max(m[middle] / (2 * n) - d * t[middle], 0.0)
            for _ in range(5):
                matrix = n * (
                    d**2 * slow.brownian + d * v * slow.mixed + v**2 * slow.noise
                    + d * u * white.mixed + u**2 * white.noise + u * v * slow.cross
                )[first:, first:]  # fmt: skip
                inverse = np.linalg.inv(matrix)
                spread = np.linalg.inv(basis.T @ inverse @ basis)
                found = spread @ basis.T @ inverse @ m
                d = found[0] / (2 * n) if found[0] > 0 else d
                u = max(found[1] / (2 * n), 0.0) if fast else 0.0
                v = max(found[-1] / (2 * n), 0.0) if memory else 0.0
            gap = m - basis @ found
            height = -0.5 * gap @ inverse @ gap - 0.5 * np.linalg.slogdet(matrix)[1]
            volume = 0.5 * np.linalg.slogdet(2 * np.pi * spread)[1]
            reach = np.log(m[-1] / t[-1]) + fast * np.log(m[0])
            if memory:
                reach += np.log(np.interp(memory, [0.0, *times], [0.0, *squared]))
            evidence, valid = height + volume - reach, bool(np.all(found[1:] >= 0))
            if not first and valid and evidence > best:
                best, whole = evidence, matrix
            out.append([start, fast, memory, (d, u, v), evidence, valid])
    for one in out:
        first = lags.index(one[0])
        log_det = [np.linalg.slogdet(c)[1] for c in (whole, whole[first:, first:])]
        one[4] -= (log_det[0] - log_det[1]) / 2
    for one in out:
        alike = [x[4] for x in out if x[0] == one[0]]
        valid = [x[4] for x in out if x[0] == one[0] and x[5]] or alike
        one.append(one[4] if one[5] else min(one[4], max(valid) - 10))
    return out


@pytest.mark.parametrize("scale", [1.0, 1e-3])
@pytest.mark.parametrize(("fast", "slow"), [(8.0, 30.0), (0.0, 30.0), (-3.0, 0.0)])
def test_every_fit_is_that_of_generalised_least_squares_one_by_one(fast, slow, scale):
    """All starts, kinds and memories; a curve that bends upwards has models without sense."""
    lags, n = lag_grids([1], 1000)[1], 3
    noise = np.random.default_rng(2).normal(size=len(lags))
    squared = scale * curve(lags, 6.0, fast, slow, 5.0) * (1 + 0.02 * noise)
    models = lag_models(lags, [1000], squared, n)
    known = one_by_one(lags, [1000], squared, n)
    assert len(known) == len(models.starts)
    assert fast >= 0 or not all(one[5] for one in known)
    for start, is_fast, memory, found, _, valid, evidence in known:
        k = np.flatnonzero(
            (models.fast == is_fast) & (models.memories == memory) & (models.starts == start)
        )
        assert len(k) == 1
        assert models.left_out[k] == lags.index(start)
        if valid:  # others depend on where the fit began
            np.testing.assert_allclose(models.found[k[0]], found, rtol=1e-5, atol=1e-9 * scale)
            assert models.evidence[k[0]] == pytest.approx(evidence, rel=1e-6)
        else:
            assert models.evidence[k[0]] == pytest.approx(evidence, rel=1e-3)


def test_probabilities_by_hand():
    """Two models without memory and two memories, and the geometric mean over two totals."""
    lags = (1, 2, 3, 4, 6, 8)
    one = replace(
        lag_models(lags, [100], curve(lags), 3),
        starts=np.array([1, 1, 1, 2]),
        left_out=np.array([0, 0, 0, 1]),
        fast=np.array([False, True, False, True]),
        memories=np.array([0.0, 0.0, 4.0, 0.0]),
        evidence=np.zeros(4),
    )
    prior = Prior(none=5.0, fast=1.0, slow=2.0, both=3.0, left_out=1.5)
    odds = np.array([5.0, 1.0, 2.0, np.exp(-1.5)])
    np.testing.assert_allclose(probabilities([one], prior), odds / odds.sum())
    other = replace(one, evidence=np.log([1.0, 4.0, 1.0, 9.0]))
    odds = odds * [1.0, 2.0, 1.0, 3.0]
    np.testing.assert_allclose(probabilities([one, other], prior), odds / odds.sum())
    both = replace(one, fast=np.ones(4, bool), memories=np.array([1.0, 4.0, 4.0, 16.0]),
                   starts=np.ones(4, int), left_out=np.zeros(4, int))  # fmt: skip
    density = np.array([1.0, 0.5, 0.5, 0.25])
    np.testing.assert_allclose(probabilities([both], prior), density / density.sum())
    # frames 100: memories from 100 / 120 on are too long
    memories = np.array([0.5, 1.0, 4.0, 16.0])
    assert open_memory(both, np.array([0.5, 0.3, 0.1, 0.1]), memories) == 4.0
    assert open_memory(both, np.array([0.9, 0.04, 0.03, 0.03]), memories) == 0.0


def test_a_negative_variance_is_far_behind_and_never_impossible():
    """A curve that bends upwards: no model with a fluctuation fits with a variance above zero."""
    lags = lag_grids([1], 1000)[1]
    models = lag_models(lags, [1000], curve(lags) - 3.0, 3)
    assert np.isfinite(models.evidence).all()
    first = models.starts == 1
    none = first & ~models.fast & (models.memories == 0)
    slow = first & models.fast & (models.memories > 0)
    assert models.evidence[slow].max() <= models.evidence[none][0] - 10


def choices(process, n_frames, replicas, seed):
    rng = np.random.default_rng(seed)
    for k in range(replicas):
        blocks = blocks_of(process.steps(rng, n_frames), k)
        sums = blocks.lags[0]
        yield choose_lags(sums, sums, blocks.system, blocks.names, blocks.events)


@pytest.mark.slow
def test_a_memory_near_the_length_of_the_trajectory_is_left_open():
    """A memory of 10 frames in 1 000, and none; most of the one and few of the other are told."""
    left = {}
    for process in (CAGE, WALK):
        left[process.name] = []
        for choice in choices(process, 1000, 30, 3):
            left[process.name].append(choice.open_memory > 0)
            assert choice.weights @ choice.lags == pytest.approx(1.0, rel=1e-7)
            assert choice.probability.sum() == pytest.approx(1.0)
            assert choice.likely.sum() == pytest.approx(1.0)
            np.testing.assert_allclose(choice.weights, choice.likely @ choice.lines)
            assert len(choice.starts) == len(choice.lines) == len(choice.errors)
            assert choice.open_memory == 0 or choice.open_memory >= 1000 / 120
    assert np.mean(left[CAGE.name]) > 0.6
    assert np.mean(left[WALK.name]) < 0.25


def test_the_total_hardly_depends_on_the_resolution_of_the_labels():
    """Probabilities are those of all lags: other lags, the same models."""
    rng = np.random.default_rng(8)
    gaps = []
    for _ in range(5):
        steps = PROCESSES[5].steps(rng, 3000)
        blocks = blocks_of(steps)
        grids = lag_grids([1, 2, 4], 3000)
        path = np.pad(np.cumsum(steps, axis=2), ((0, 0), (0, 0), (1, 0)))
        finest, *others = (lag_sums(path, path.sum(axis=0)[None], n, grids[n]) for n in (1, 2, 4))
        slopes = []
        for sums in (finest, *others):
            choice = choose_lags(sums, finest, blocks.system, blocks.names, blocks.events)
            mean = sums.total.sum(axis=0)[:, 0, 0] / sums.origins.sum(axis=0)
            slopes.append(float(choice.weights @ mean))
        error = choice.relative_error * slopes[-1]
        gaps.append((np.array(slopes[1:]) - slopes[0]) / error)
    assert np.sqrt(np.mean(np.square(gaps))) < 0.5, "standard errors"


def test_the_total_changes_continuously_with_the_data():
    rng = np.random.default_rng(9)
    blocks = blocks_of(PROCESSES[5].steps(rng, 1000))
    sums = blocks.lags[0]
    slopes = []
    for more in (0.0, 1e-6):
        total = sums.total.copy()
        total[:, 3] *= 1 + more
        changed = replace(sums, total=total)
        choice = choose_lags(changed, changed, blocks.system, blocks.names, blocks.events)
        slopes.append(choice.weights @ (total.sum(axis=0)[:, 0, 0] / sums.origins.sum(axis=0)))
    assert slopes[1] != slopes[0]
    assert slopes[1] == pytest.approx(slopes[0], rel=1e-3)


def test_events_that_borrow_from_one_another_leave_out_early_lags():
    """A walk whose halves look back one step, with opposite signs: +0.3 of the step before.

    The part of the first is T (0.5 + 0.3) - 0.3, that of the sum T: lines through the origin would
    give 0.5 to the first.
    """
    found = []
    for seed in range(10):
        whole = np.random.default_rng(seed).normal(size=(3, 3000))
        back = 0.3 * whole[:, :-1]
        halves = 0.5 * whole[:, 1:]
        blocks = blocks_of(np.stack([halves + back, halves - back]))
        sums = blocks.lags[0]
        choice = choose_lags(sums, sums, blocks.system, blocks.names, blocks.events)
        assert choice.weights.sum() == pytest.approx(0.0, abs=1e-9)
        part = sums.marginal.sum(axis=0)[:, 0, 0] / sums.origins.sum(axis=0)
        found.append(choice.weights @ part / 3)
    assert np.mean(found) == pytest.approx(0.8, abs=3 * np.std(found) / np.sqrt(10))


def test_the_priors_are_those_that_the_documentation_states():
    assert Prior(none=5.0, fast=1.0, slow=1.0, both=3.0, left_out=1.5) == LIKELY
    assert Prior(none=1.0, fast=1.0, slow=1.0, both=3.0, left_out=1.0) == CAUTIOUS


def test_intervals_allow_for_more_the_more_a_long_memory_is_left_open():
    """With memories beyond a 120th of the trajectory: none, a third, and all of what is open."""
    assert CAUTIOUS.none < LIKELY.none
    assert CAUTIOUS.left_out < LIKELY.left_out
    models = SimpleNamespace(frames=(600, 600))
    memories = np.array([0.0, 9.0, 10.0, 20.0])
    cautious = np.array([0.1, 0.2, 0.3, 0.4])
    for likely, part in (
        ([0.6, 0.4, 0.0, 0.0], 0.0),
        ([0.9, 0.05, 0.04, 0.01], 1 / 3),
        ([0.85, 0.0, 0.0, 0.15], 1.0),
        ([0.0, 0.0, 0.5, 0.5], 1.0),
    ):
        found = interval_probabilities(models, np.array(likely), cautious, memories)
        np.testing.assert_allclose(found, (1 - part) * np.array(likely) + part * cautious)
