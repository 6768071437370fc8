"""The first minimum of g(r): where a flat one begins, and what a cutoff in it counts."""

import numpy as np
import pytest

from mda_ionmech.microstates import RadialDistribution
from mda_ionmech.microstates.rdf import minimum_in_words

R = np.arange(0.01, 8, 0.02)
#: Width of the first peak, and after the smoothing by 0.06 A.
WIDTH, SMOOTHED = 0.12, np.hypot(0.12, 0.06)


def g_of_r(between, rise=5.6, height=18.0, noise=0.0, error=0.02, seed=0):
    """A peak at 2.1 A, a level behind it, and a bulk of 1 from a distance on."""
    g = height * np.exp(-((R - 2.1) ** 2) / (2 * WIDTH**2))
    g += np.where(R > 2.1, between, 0) + (1 - between) / (1 + np.exp(-(R - rise) / 0.1))
    g += np.random.default_rng(seed).normal(0, noise, len(R)) * (R > 2.1)
    number = np.cumsum(4 * np.pi * R**2 * 0.02 * 0.01 * g)
    return RadialDistribution("oxygen", R, g, np.full(len(R), error), number, 100)


def test_a_flat_minimum_begins_where_the_peak_has_fallen_to_a_hundredth():
    near, far = g_of_r(0.3).flat_minimum()
    assert near == pytest.approx(2.1 + SMOOTHED * np.sqrt(2 * np.log(100)), abs=0.03)
    # 0.7 / (1 + exp(x / 0.1)) exceeds a hundredth of the peak and two standard errors
    top = 18 * WIDTH / SMOOTHED
    limit = 0.01 * top + 0.04
    assert far == pytest.approx(5.6 - 0.1 * np.log(0.7 / limit - 1), abs=0.05)


def test_noise_moves_the_lowest_value_but_not_the_near_end():
    noisy = [g_of_r(0.3, noise=0.1, error=0.02, seed=seed) for seed in range(20)]
    near = [one.flat_minimum()[0] for one in noisy]
    lowest = [one.peaks()[1] for one in noisy]
    assert np.std(near) < 0.03
    assert np.std(lowest) > 0.5


@pytest.mark.parametrize(
    "found",
    [
        g_of_r(0.3, rise=3.2),  # as in crystals and melts
        g_of_r(0.3, height=3.0, error=0.1),  # few contacts: the noise hides it
        g_of_r(0.0, rise=20),  # no second shell: no minimum
    ],
)
def test_other_minima_are_not_flat(found):
    assert found.flat_minimum() is None


def test_cutoffs_with_nearly_the_same_number():
    number = 0.1 * (R + 0.01) ** 3
    found = RadialDistribution("oxygen", R, np.ones(len(R)), np.zeros(len(R)), number, 1)
    assert found.number_within(3.0) == pytest.approx(2.7, rel=1e-3)
    ends = found.similar_cutoffs(3.0)
    assert ends == pytest.approx([3 * 0.9 ** (1 / 3), 3 * 1.1 ** (1 / 3)], abs=0.02)
    assert found.number_within(0.0) == 0.0
    assert found.similar_cutoffs(3.0, change=0.0) == (3.0, 3.0)
    assert minimum_in_words(found, 3.0) is None


def test_a_minimum_in_words():
    words = minimum_in_words(g_of_r(0.3), 2.5)
    assert "first peak of g(r) at 2.1" in words
    assert "flat minimum after it from 2.5 to 5." in words
    assert "within 10% of that for cutoffs from 2." in words
    assert "minimum after it at 2.7" in minimum_in_words(g_of_r(0.3, rise=3.2), 2.7)
