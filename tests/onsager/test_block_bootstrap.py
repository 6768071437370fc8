"""Blocks, resampling and intervals."""

import numpy as np
import pytest

from mda_ionmech import onsager
from mda_ionmech.onsager.block_bootstrap import (
    join_plans,
    largest_ratio,
    normal_samples,
    student_factor,
)


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


def plain_length(series):
    """The rule of Politis and White as published, by sums over lags without transforms."""
    n, x = len(series), series - np.mean(series)
    covariance = np.array([np.sum(x[: n - k] * x[k:]) / n for k in range(n)])
    correlation = covariance / covariance[0]
    run, bound = max(5, int(np.ceil(np.sqrt(np.log10(n))))), 2 * np.sqrt(np.log10(n) / n)
    quiet = [
        m for m in range(n - run - 1) if np.all(np.abs(correlation[m + 1 : m + 1 + run]) < bound)
    ]
    reach = min(2 * max(quiet[0] if quiet else n // 4, 1), n - 1)
    bias = spread = 0.0
    for k in range(-reach, reach + 1):
        taper = 1.0 if abs(k) / reach <= 0.5 else 2 * (1 - abs(k) / reach)
        bias += taper * abs(k) * covariance[abs(k)]
        spread += taper * covariance[abs(k)]
    length = (2 * bias**2 / (4 / 3 * spread**2) * n) ** (1 / 3)
    return min(max(length, 1.0), np.ceil(min(3 * np.sqrt(n), n / 3)))


def test_optimal_block_length_follows_the_published_rule():
    from scipy.signal import lfilter

    rng = np.random.default_rng(8)
    found = {}
    for n in (8, 9, 12, 40, 150, 1500):
        for memory in (-0.7, 0.0, 0.3, 0.9, 1.0):
            series = 5 + lfilter([1.0], [1.0, -memory], rng.normal(size=n))
            found[n, memory] = onsager.optimal_block_length(series)
            assert found[n, memory] == pytest.approx(plain_length(series), rel=1e-9), (n, memory)
    assert min(found.values()) == 1.0
    assert found[1500, 1.0] == 117  # three times the root of 1500


def test_optimal_block_length_sees_correlations_behind_quiet_lags():
    noise = np.random.default_rng(5).normal(size=304)
    half = np.rint(1000 * np.cumsum(noise))
    for series in (
        noise[:-4] + noise[4:],  # of lag 4 alone: five quiet lags in a row come after it
        # no five are quiet before the last: a quarter of all lags is taken
        np.array([2.0, -1, 0, 1, -2, 2, 1, 0, 2, 0]),
        np.concatenate([half, [0.0], -half[::-1]]),  # its middle is the mean itself
    ):
        expected = plain_length(series)
        assert onsager.optimal_block_length(series) == pytest.approx(expected, rel=1e-9)
    assert expected > 10


def test_optimal_block_length_of_what_tells_nothing_is_one():
    assert onsager.optimal_block_length(np.arange(8.0)) > 1
    with np.errstate(divide="ignore", invalid="ignore"):
        for series in (
            np.arange(7.0),  # too few
            np.ones(100),
            1 + 1e-14 * np.arange(100.0),  # round-off
            1e-200 * np.arange(100.0),  # squares that vanish
        ):
            assert onsager.optimal_block_length(series) == 1.0
    assert onsager.optimal_block_length(1 + 1e-11 * np.arange(100.0)) > 1


def test_plans_by_hand():
    # 1000 origins: twice the span, but no more than 50 blocks, of ten sub-blocks
    assert onsager.plan_blocks(1000, 2) == onsager.BlockPlan(2, 500, 50)
    assert onsager.plan_blocks(1000, 12) == onsager.BlockPlan(3, 334, 33)
    assert onsager.plan_blocks(1001, 1) == onsager.BlockPlan(3, 334, 33)
    assert onsager.plan_blocks(45, 10) == onsager.BlockPlan(2, 23, 2)


def test_every_block_of_sub_blocks_is_drawn_and_none_across_a_join():
    for sizes, per_block in (((25,), 2), ((11, 1, 14), 3)):
        n = sum(sizes)
        segments = sizes if len(sizes) > 1 else ()
        plan = onsager.BlockPlan(1, n, 12, per_block, segments)
        weights = onsager.resampling_weights(plan, np.random.default_rng(1))
        np.testing.assert_array_equal(weights.sum(axis=1), round(n / per_block) * per_block)
        # how many of the possible blocks cover each sub-block, all being equally likely
        first = np.cumsum([0, *sizes])
        starts = [
            a + k
            for a, size in zip(first, sizes, strict=False)
            for k in range(max(size - per_block + 1, 0))
        ]
        cover = np.bincount([k + j for k in starts for j in range(per_block)], minlength=n)
        expected = cover / len(starts) * round(n / per_block)
        assert np.all((weights.sum(axis=0) > 0) == (cover > 0)), "each block is drawn"
        error = np.sqrt(expected / 400)
        assert np.all(np.abs(weights.mean(axis=0) - expected) <= 5 * error)
        # the ends of a stretch are covered by one block alone
        assert cover[0] == cover[n - 1] == 1


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
    # each replica is drawn once in the mean
    assert np.all(np.abs(weights[:, :, 0].mean(axis=0) - 1) < 5 / np.sqrt(400))


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
    # one set of random numbers for all quantities: sums of them keep their error
    again = np.random.default_rng(6)
    normal = np.random.default_rng(6).normal(size=(400, 5))
    np.testing.assert_allclose(
        normal_samples(estimate, left_out, plan, again),
        estimate + np.sqrt(4 / 5) * normal @ spread,
    )
    # the standard deviation of 400 normal numbers is known to 3.5%
    np.testing.assert_allclose(drawn.std(axis=0), jackknife, rtol=3 * 0.036)
    none = onsager.plan_blocks(12, 2 * 5)
    assert np.isnan(normal_samples(estimate, np.empty((0, 2)), none, rng)).all()


def test_a_jackknife_of_several_stretches_leaves_out_parts_of_each():
    # stretches of 25, 4 and 12 sub-blocks in blocks of 10: 2, 1 and 1
    plan = onsager.BlockPlan(1, 41, 3, 10, (25, 4, 12))
    weights = onsager.resampling_weights(plan, np.random.default_rng(0))
    left_out = [np.flatnonzero(row == 0) for row in weights]
    assert [(part[0], part[-1], len(part)) for part in left_out] == [
        (0, 12, 13), (13, 24, 12), (25, 28, 4), (29, 40, 12)
    ]  # fmt: skip
    assert set(np.unique(weights)) == {0.0, 1.0}
    # 33 sub-blocks in three blocks of about as many; two blocks are too few
    one = onsager.resampling_weights(onsager.BlockPlan(1, 33, 3), np.random.default_rng(0))
    np.testing.assert_array_equal(one, np.repeat(1.0 - np.eye(3), 11, axis=1))
    assert (
        len(onsager.resampling_weights(onsager.BlockPlan(1, 22, 2), np.random.default_rng(0))) == 0
    )


def test_intervals_by_hand():
    from scipy.stats import t

    few, many = onsager.BlockPlan(1, 30, 3), onsager.BlockPlan(1, 120, 12)
    samples = np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])
    low, high = onsager.interval(np.array([2.5, np.nan]), samples, few, 0.9)
    error = np.sqrt(2 / 3 * ((1 - 3) ** 2 + (2 - 3) ** 2 + (6 - 3) ** 2))
    np.testing.assert_allclose([low[0], high[0]], 2.5 + np.array([-1, 1]) * t.ppf(0.95, 2) * error)
    assert np.isnan([low[1], high[1]]).all()
    # percentiles; where some samples are undefined, of the others, unless those are fewer
    drawn = np.arange(101.0)[:, None] * np.ones(4)
    drawn[:50, 1] = np.nan
    drawn[:51, 2] = np.nan
    low, high = onsager.interval(np.array([50.0, 70.0, 50.0, np.nan]), drawn, many, 0.8)
    np.testing.assert_allclose(low, [10, 55, np.nan, np.nan])
    np.testing.assert_allclose(high, [90, 95, np.nan, np.nan])
    for end in onsager.interval(np.zeros(2), np.empty((0, 2)), few, 0.8):
        assert np.isnan(end).all()
    # an interval holds its value, and ends where the quantity ends
    value = np.array([5.0, 97.0])
    low, high = onsager.interval(value, drawn[:, [0, 0]], many, 0.8, least=20, most=80)
    np.testing.assert_allclose([low, high], [[5, 20], [80, 97]])


def test_what_several_plans_make_together():
    plans = [onsager.BlockPlan(2, 25, 2, 10), onsager.BlockPlan(3, 40, 2, 20)]
    joined = join_plans(plans)
    # blocks of 20 sub-blocks: one in 25, two in 40
    assert joined == onsager.BlockPlan(3, 65, 3, 20, (25, 40))
    again = join_plans([joined, plans[0]])
    assert again == onsager.BlockPlan(3, 90, 4, 20, (25, 40, 25))
    assert not join_plans([plans[0]] * 9).by_segment
    ten = join_plans([plans[0]] * 10)
    assert ten == onsager.BlockPlan(2, 250, 10, 10, (25,) * 10, by_segment=True)


def test_few_blocks_have_students_factor_and_their_own_error():
    assert student_factor(10, 0.68) == 1.0
    assert student_factor(5, 0.68) == pytest.approx(1.1416, abs=1e-3)
    normal = np.random.default_rng(0).normal(size=(20_000, 9))
    # the standard deviation of a standard deviation, for 9 and 2 normal numbers
    assert np.std(normal.std(axis=1, ddof=1)) == pytest.approx(largest_ratio(9) - 1, rel=0.05)
    assert largest_ratio(1) == largest_ratio(2)
