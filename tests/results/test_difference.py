"""Differences of estimates and the spread between runs: known answers."""

import numpy as np
import pytest
from scipy.stats import norm

from mda_ionmech.results.difference import difference, spread

#: Half width of a 68% interval in standard errors.
HALF = norm.ppf(0.84)


def ends(value, error):
    return value, value - HALF * error, value + HALF * error


def test_errors_of_symmetric_estimates_add_in_squares():
    found = difference(ends(1.0, 0.3), ends(3.0, 0.4), 0.68)
    assert found.value == 2.0
    assert found.high - found.value == pytest.approx(HALF * 0.5)
    assert found.value - found.low == pytest.approx(HALF * 0.5)
    assert found.standard_errors == pytest.approx(4.0)
    back = difference(ends(3.0, 0.4), ends(1.0, 0.3), 0.68)
    assert (back.value, back.standard_errors) == (-2.0, pytest.approx(-4.0))
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


def test_each_side_has_the_errors_of_its_side():
    first, other = (1.0, 0.9, 1.5), (2.0, 1.8, 2.1)
    found = difference(first, other, 0.68)
    assert found.low == pytest.approx(1 - np.hypot(0.2, 0.5))
    assert found.high == pytest.approx(1 + np.hypot(0.1, 0.1))


def test_without_an_interval_there_is_no_significance():
    found = difference((1.0, np.nan, np.nan), ends(2.0, 0.1), 0.68)
    assert found.value == 1.0
    assert np.isnan([found.low, found.high, found.standard_errors]).all()


def test_the_interval_covers_the_difference_as_often_as_it_says():
    """68% of 4000 differences of skewed estimates, within 4 standard errors."""
    rng, n = np.random.default_rng(0), 4000
    z = norm.ppf(0.84)
    covered = 0
    for truth, noise in zip(rng.uniform(1, 2, (n, 2)), rng.normal(size=(n, 2)), strict=True):
        # lognormal estimates with the exact interval of the true value
        value = truth * np.exp(0.3 * noise)
        low, high = value * np.exp(-0.3 * z), value * np.exp(0.3 * z)
        found = difference((value[0], low[0], high[0]), (value[1], low[1], high[1]), 0.68)
        covered += found.low <= truth[1] - truth[0] <= found.high
    assert covered / n == pytest.approx(0.68, abs=4 * np.sqrt(0.68 * 0.32 / n))


def test_replicas_spread_by_their_errors():
    """Mean 1 of the reduced chi square over 500 sets of 5, within 4 standard errors."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(500):
        errors = rng.uniform(0.1, 0.5, 5)
        values = 3 + errors * rng.normal(size=5)
        found.append(spread([ends(v, e) for v, e in zip(values, errors, strict=True)], 0.68))
    reduced = np.array([one.reduced_chi2 for one in found])
    assert reduced.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 4 / 500))
    probability = np.array([one.probability for one in found])
    assert np.mean(probability < 0.1) == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 500))
    pull = np.array([(one.mean - 3) / one.error for one in found])
    assert pull.std() == pytest.approx(1, abs=4 / np.sqrt(2 * 500))


def test_a_spread_needs_two_estimates_with_errors():
    assert spread([ends(1.0, 0.1)], 0.68) is None
    assert spread([ends(1.0, 0.1), (2.0, np.nan, np.nan)], 0.68) is None
    assert spread([ends(1.0, 0.1), (1.0, 1.0, 1.0)], 0.68) is None
