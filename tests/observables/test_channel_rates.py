"""Intervals of rates of channels that were taken a few times."""

import numpy as np
import pytest
from scipy import stats

from mda_ionmech.observables.channel_rates import poisson_limits


@pytest.mark.parametrize("level", [0.5, 0.68, 0.95])
def test_limits_of_a_count_are_those_of_chi_squared(level):
    count, tail = np.arange(30), (1 - level) / 2
    low, high = poisson_limits(count, level)
    assert low[0] == 0
    np.testing.assert_allclose(low[1:], stats.chi2.ppf(tail, 2 * count[1:]) / 2)
    np.testing.assert_allclose(high, stats.chi2.ppf(1 - tail, 2 * count + 2) / 2)


def test_limits_of_a_count_cover_at_least_what_they_say():
    for mean in (0.3, 1.0, 2.5, 7.0):
        count = np.arange(60)
        low, high = poisson_limits(count, 0.68)
        covered = stats.poisson.pmf(count, mean)[(low <= mean) & (mean <= high)].sum()
        assert 0.68 <= covered < 1
