"""Blocks, resampling and intervals."""

import numpy as np
import pytest

from mda_ionmech import onsager
from mda_ionmech.onsager.block_bootstrap import join_plans, normal_samples


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


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_optimal_block_length_of_an_autoregressive_series(memory):
    """AR(1): the autocovariances are known, hence G, D and the length."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(3)
    n = 2000
    found = [
        onsager.optimal_block_length(lfilter([1.0], [1.0, -memory], rng.normal(size=n)))
        for _ in range(60)
    ]
    # R(k) = s2 phi^|k| / (1 - phi^2): G = 2 s2 phi / ((1-phi^2)(1-phi)^2), spread = s2/(1-phi)^2
    bias = 2 * memory / ((1 - memory**2) * (1 - memory) ** 2)
    spread = 4 / 3 / (1 - memory) ** 4
    expected = max((2 * bias**2 / spread) ** (1 / 3) * n ** (1 / 3), 1.0)
    assert np.median(found) == pytest.approx(expected, rel=0.3, abs=2.0)


def test_blocks_grow_with_the_memory_of_the_sums_but_ten_always_fit():
    from scipy.signal import lfilter

    rng = np.random.default_rng(4)
    plan = onsager.plan_blocks(5000, 2)
    white = rng.normal(size=(plan.n_sub_blocks, 2))
    assert onsager.lengthen_blocks(plan, white) == plan
    slow = lfilter([1.0], [1.0, -0.9], white, axis=0)
    longer = onsager.lengthen_blocks(plan, slow)
    assert longer.per_block > plan.per_block
    assert longer.n_blocks == plan.n_sub_blocks // longer.per_block >= 10
    few = onsager.plan_blocks(5000, 600)
    assert few.n_blocks < 10
    assert onsager.lengthen_blocks(few, slow[: few.n_sub_blocks]) == few
    assert onsager.optimal_block_length(np.ones(100)) == 1.0


def test_replicas_are_resampled_inside_themselves_or_whole():
    one = onsager.plan_blocks(1000, 2)
    two = join_plans([one, one])
    assert two.n_blocks == 2 * one.n_blocks
    weights = onsager.resampling_weights(two, np.random.default_rng(0))
    # no block crosses the join: blocks end or begin there in every sample
    n = one.n_sub_blocks
    draws = np.random.default_rng(0)
    assert weights.shape == (400, 2 * n)
    crossing = onsager.resampling_weights(
        onsager.BlockPlan(two.sub_block, two.n_sub_blocks, two.n_blocks), draws
    )
    # at the join a sub-block is the last of its blocks, so its cover is that of an end
    assert weights[:, n - 1].mean() < 0.2 * weights[:, n // 2].mean()
    assert crossing[:, n - 1].mean() > 0.5 * crossing[:, n // 2].mean()
    many = join_plans([one] * 12)
    assert many.by_segment
    assert many.n_blocks == 12
    weights = onsager.resampling_weights(many, np.random.default_rng(0)).reshape(400, 12, n)
    assert np.all(weights == weights[:, :, :1])
    np.testing.assert_array_equal(weights[:, :, 0].sum(axis=1), 12)


def test_normal_samples_have_the_covariance_of_the_jackknife():
    rng = np.random.default_rng(5)
    plan = onsager.plan_blocks(100, 2 * 5)
    sums = rng.normal(loc=[0.0, 5.0], size=(plan.n_sub_blocks, 2))
    weights = onsager.resampling_weights(plan, rng)
    left_out = (weights @ sums) / weights.sum(axis=1, keepdims=True)
    estimate = sums.mean(axis=0)
    drawn = normal_samples(estimate, left_out, plan, rng)
    assert drawn.shape == (400, 2)
    spread = left_out - left_out.mean(axis=0)
    jackknife = np.sqrt(4 / 5 * np.sum(spread**2, axis=0))
    # the standard deviation of 400 normal numbers is known to 3.5 %
    np.testing.assert_allclose(drawn.std(axis=0), jackknife, rtol=3 * 0.036)
    none = onsager.plan_blocks(12, 2 * 5)
    assert np.isnan(normal_samples(estimate, np.empty((0, 2)), none, rng)).all()
