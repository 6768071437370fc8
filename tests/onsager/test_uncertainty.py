"""Blocks, resampling and intervals."""

import numpy as np
import pytest

from mda_ionmech import onsager


@pytest.mark.parametrize("n_origins", [10, 99, 1000, 3000])
@pytest.mark.parametrize("window", [1, 7, 60])
def test_blocks_span_four_windows(n_origins, window):
    plan = onsager.plan_blocks(n_origins, 2 * window)
    assert plan.sub_block * 10 >= 4 * window
    assert plan.n_blocks <= 50
    assert (plan.n_sub_blocks - 1) * plan.sub_block < n_origins
    assert plan.n_sub_blocks * plan.sub_block >= n_origins


def test_bootstrap_draws_whole_blocks():
    plan = onsager.plan_blocks(1000, 2)
    weights = onsager.resampling_weights(plan, np.random.default_rng(0))
    assert weights.shape == (400, plan.n_sub_blocks)
    np.testing.assert_array_equal(weights.sum(axis=1), 10 * round(plan.n_sub_blocks / 10))
    assert np.all(weights >= 0)
    again = onsager.resampling_weights(plan, np.random.default_rng(0))
    np.testing.assert_array_equal(weights, again)


def test_jackknife_leaves_each_block_out_once():
    plan = onsager.plan_blocks(100, 2 * 5)
    assert plan.n_blocks == 5
    weights = onsager.resampling_weights(plan, np.random.default_rng(0))
    assert weights.shape == (5, 50)
    np.testing.assert_array_equal(weights.sum(axis=0), 4.0)


def test_intervals_of_a_mean_of_independent_numbers():
    rng = np.random.default_rng(1)
    for n, label in ((2000, "bootstrap"), (300, "jackknife")):
        plan = onsager.BlockPlan(10, n // 10, n // 100)
        widths = []
        for _ in range(200):
            sums = rng.normal(size=n).reshape(-1, 10).sum(axis=1)
            weights = onsager.resampling_weights(plan, rng)
            samples = (weights @ sums) / (weights.sum(axis=1) * 10)
            low, high = onsager.interval(np.asarray(sums.sum() / n), samples, plan, 0.68)
            widths.append(float(high - low) / 2)
        from scipy.stats import norm, t

        factor = norm.ppf(0.84) if plan.n_blocks >= 10 else t.ppf(0.84, plan.n_blocks - 1)
        # few blocks: the spread of a spread of b blocks is biased low by about 1 / 4b
        tolerance = 0.05 if plan.n_blocks >= 10 else 0.25
        assert np.mean(widths) == pytest.approx(factor / np.sqrt(n), rel=tolerance), label


def test_too_few_blocks_give_no_interval():
    plan = onsager.plan_blocks(12, 2 * 5)
    assert plan.n_blocks == 0
    weights = onsager.resampling_weights(plan, np.random.default_rng(0))
    low, high = onsager.interval(np.array([1.0]), weights, plan, 0.68)
    assert np.isnan(low[0])
    assert np.isnan(high[0])
