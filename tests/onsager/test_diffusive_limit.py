"""Weights of lags: covariance against the double sum, exact lines, sums at lags."""

import numpy as np
import pytest

from benchmarks.diffusive_limit import blocks_of
from mda_ionmech.onsager.diffusive_limit import fit_lags, lag_covariance
from mda_ionmech.onsager.lag_sums import join_lags, lag_grids, lag_residual, lag_sums


def double_sum(lags, frames, diffusion, noise, memory=0.0, fast=0.0):
    """Covariance of mean squares of overlapping windows, origin by origin."""
    n_frames = max(frames)
    time = np.arange(n_frames)
    # positions: a walk that starts at 0, with noise in every frame and noise with a memory
    apart = np.abs(np.subtract.outer(time, time))
    recall = np.exp(-apart / memory) if memory else np.eye(n_frames)
    position = 2 * diffusion * np.minimum.outer(time, time) + noise * recall
    position += fast * np.eye(n_frames)
    out = np.zeros((len(lags), len(lags)))
    origins = [sum(max(n - t, 0) for n in frames) for t in lags]
    for n in frames:
        steps = []
        for t in lags:
            step = np.zeros((max(n - t, 0), n_frames))
            for k in range(len(step)):
                step[k, k + t], step[k, k] = 1.0, -1.0
            steps.append(step)
        for i, one in enumerate(steps):
            for j, other in enumerate(steps):
                out[i, j] += 2 * np.square(one @ position @ other.T).sum()
    return out / np.outer(origins, origins)


@pytest.mark.parametrize("frames", [(40,), (25, 18), (25, 6)])
@pytest.mark.parametrize(("diffusion", "noise"), [(1.0, 0.0), (0.0, 2.0), (0.7, 1.3)])
def test_the_covariance_is_the_double_sum_over_origins(frames, diffusion, noise):
    lags = (1, 2, 3, 5, 8)
    found = lag_covariance(lags, frames).at(diffusion, noise)
    np.testing.assert_allclose(found, double_sum(lags, frames, diffusion, noise), rtol=1e-11)


@pytest.mark.parametrize("frames", [(40,), (25, 18)])
@pytest.mark.parametrize("memory", [0.5, 3.0])
def test_the_covariance_of_noise_with_a_memory_is_the_double_sum(frames, memory):
    lags = (1, 2, 3, 5, 8)
    slow, white = lag_covariance(lags, frames, memory), lag_covariance(lags, frames)
    found = slow.at(0.7, 1.3)
    np.testing.assert_allclose(found, double_sum(lags, frames, 0.7, 1.3, memory), rtol=1e-4)
    both = found + 0.7 * 0.9 * white.mixed + 0.9**2 * white.noise + 1.3 * 0.9 * slow.cross
    np.testing.assert_allclose(both, double_sum(lags, frames, 0.7, 1.3, memory, 0.9), rtol=1e-4)
    np.testing.assert_allclose(white.cross, 2 * white.noise, rtol=1e-12)


def test_a_line_is_found_exactly_and_its_weights_cancel_a_constant():
    lags = np.array([2, 3, 4, 6, 8, 12])
    covariance = lag_covariance(lags, [200])
    found = fit_lags(lags, 5.0 + 0.3 * lags, covariance, 3)
    assert found.slope == pytest.approx(0.3, rel=1e-10)
    assert found.intercept == pytest.approx(5.0, rel=1e-10)
    assert found.misfit == pytest.approx(0.0, abs=1e-10)
    assert found.weights @ lags == pytest.approx(1.0, rel=1e-10)
    assert found.weights.sum() == pytest.approx(0.0, abs=1e-12)


def test_the_error_of_a_walk_is_that_of_many_walks():
    """400 walks; the spread of a variance has a relative error of 1 / sqrt(800)."""
    rng = np.random.default_rng(1)
    lags = np.array([4, 5, 6, 8, 10, 12, 16, 20, 24, 32])
    covariance = lag_covariance(lags, [400])
    slopes, errors, misfits = [], [], []
    for _ in range(400):
        path = np.cumsum(rng.normal(scale=np.sqrt(2), size=(3, 400)), axis=1)
        path += 2 * rng.normal(size=path.shape)
        squared = [np.square(path[:, t:] - path[:, :-t]).sum(0).mean() for t in lags]
        found = fit_lags(lags, np.array(squared), covariance, 3)
        slopes.append(found.slope / 6)
        errors.append(found.error / 6)
        misfits.append(found.misfit)
    spread = np.std(slopes)
    assert abs(np.mean(slopes) - 1) < 3 * spread / 20
    assert abs(np.mean(errors) / spread - 1) < 3 / np.sqrt(800) + 0.05  # errors follow the slopes
    freedom = len(lags) - 2
    assert abs(np.mean(misfits) / freedom - 1) < 3 * np.sqrt(2 / freedom / 400)


def test_sums_at_lags_are_those_of_plain_loops_and_add_up():
    rng = np.random.default_rng(2)
    steps = rng.normal(size=(3, 3, 99))
    blocks = blocks_of(steps)
    sums = blocks.lags[0]
    path = np.concatenate([np.zeros((3, 3, 1)), np.cumsum(steps, axis=2)], axis=2)
    whole = path.sum(axis=0)
    for k, lag in enumerate(sums.lags):
        moved, total = path[..., lag:] - path[..., :-lag], whole[:, lag:] - whole[:, :-lag]
        assert sums.origins[:, k].sum() == 100 - lag
        np.testing.assert_allclose(
            sums.marginal[:, k, :, 0].sum(axis=0), np.einsum("rxt,xt->r", moved, total)
        )
    np.testing.assert_allclose(sums.marginal.sum(axis=(0, 2, 3)), sums.total.sum(axis=(0, 2, 3)))
    squared = {1: np.array([np.square(np.diff(whole)).sum() / 99])}
    assert lag_residual(sums, blocks.system, squared) < 1e-12
    spoiled = lag_sums(path * np.array([1, 1, 1.01])[:, None, None], whole[None], 1, sums.lags)
    assert lag_residual(spoiled, blocks.system, squared) > 1e-4


def test_resolutions_that_divide_one_another_share_lags():
    grids = lag_grids([1, 2, 4, 8], 1000)
    for short, long in ((1, 2), (2, 4), (4, 8), (1, 8)):
        assert {*grids[long]} <= {*grids[short]}
    assert max(grids[1]) <= 100
    assert lag_grids([1, 64], 600) == {1: lag_grids([1], 600)[1]}, "too few lags of 64 frames"
    odd = lag_grids([3, 9], 1000)
    assert {*odd[9]} <= {*odd[3]}
    assert all(t % 3 == 0 for t in odd[3])


def test_independent_trajectories_are_joined():
    rng = np.random.default_rng(3)
    one, other = (blocks_of(rng.normal(size=(2, 3, n - 1))).lags[0] for n in (300, 200))
    both = join_lags([one, other])
    assert both.frames == (300, 200)
    assert both.lags == other.lags, "the longest lag is a tenth of the shorter one"
    assert both.total.sum() == pytest.approx(
        one.total[:, : len(other.lags)].sum() + other.total.sum()
    )
    again = join_lags([both, one])
    assert again.frames == (300, 200, 300)
