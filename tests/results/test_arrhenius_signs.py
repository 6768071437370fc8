"""Contributions as small as their errors: whose sign is known, and intervals that stay honest."""

import numpy as np
import pytest

from mda_ionmech.results import fit_arrhenius, fit_segments, fit_vtf
from mda_ionmech.results.arrhenius_fits import (
    BOLTZMANN,
    log_ratio,
    relative_error,
    why_no_logarithm,
)

TEMPERATURES = np.array([500.0, 600.0, 700.0, 800.0, 1000.0])


def law(temperature, energy=0.25):
    return np.exp(-energy / (BOLTZMANN * temperature))


def additive(rng, true, relative, n_samples=400):
    """Errors that do not follow the value, as of a small part of a large displacement."""
    error = relative * true
    value = true + error * rng.normal(size=len(true))
    return value, value + error * rng.normal(size=(n_samples, len(true)))


def outlying(rng, true, relative, n_samples=400):
    """A fifth of the errors are three times as large: another weighting of the lags."""

    def error(size):
        return np.where(rng.random(size) < 0.2, 2.5, 0.8) * rng.normal(size=size)

    value = true + relative * true * error(len(true))
    return value, value + relative * true * error((n_samples, len(true)))


def multiplied(rng, true, relative, n_samples=400):
    """Errors that follow the value, as of squared displacements of few blocks."""
    k = 1 / relative**2
    value = true * rng.gamma(k) / k
    return value, value * rng.gamma(k, size=(n_samples, len(true))) / k


@pytest.mark.parametrize("measured", [additive, outlying, multiplied])
@pytest.mark.parametrize(
    "relative",
    [(0.45, 0.3, 0.2, 0.1, 0.05), (0.3,) * 5, (0.1, 0.1, 0.5, 0.1, 0.1), (0.5, 0.2, 0.1)],
)
def test_intervals_of_small_contributions_cover_as_often_as_they_say(measured, relative):
    """400 replicas with a nominal coverage of 68 %, those counted whose sign is known."""
    rng = np.random.default_rng(1)
    relative = np.array(relative)
    t = TEMPERATURES[[0, 2, 4]] if len(relative) == 3 else TEMPERATURES
    covered = []
    for _ in range(400):
        fit = fit_arrhenius(t, *measured(rng, law(t), relative, 200))
        if not fit.reason:
            low, high = np.quantile(fit.energy_samples, [0.16, 0.84])
            covered.append(low <= 0.25 <= high)
    assert len(covered) > 0.7 * 400
    # a standard error of the coverage is 0.025
    assert 0.58 < np.mean(covered) < 0.79


def test_a_strict_limit_would_keep_the_contributions_that_came_out_too_large():
    """Why one resample of the other sign must not refuse: the energies that pass are biased."""
    rng = np.random.default_rng(2)
    true, relative = law(TEMPERATURES), np.array([0.5, 0.4, 0.2, 0.1, 0.05])
    strict, known = [], []
    for _ in range(300):
        value, samples = additive(rng, true, relative, 200)
        fit = fit_arrhenius(TEMPERATURES, value, samples)
        if fit.reason:
            continue
        known.append(fit.energy - 0.25)
        if np.all(samples > 0):
            strict.append(known[-1])
    assert len(known) > 4 * len(strict) > 40
    assert np.mean(strict) < 1.5 * np.mean(known) < 0


def test_the_tangent_is_smooth_increasing_and_the_logarithm_above_a_quarter():
    value = np.array([-3.0])
    ratio = np.linspace(-2, 4, 2001)[:, None]
    found = log_ratio(ratio * value, value)[:, 0]
    above = ratio[:, 0] >= 0.25
    np.testing.assert_allclose(found[above], np.log(ratio[above, 0]), rtol=1e-12)
    step = np.diff(found)
    assert np.all(step > 0)
    assert np.all(np.abs(np.diff(step)) < 2e-4)
    assert log_ratio(np.zeros((1, 1)), value)[0, 0] == pytest.approx(np.log(0.25) - 1)


def test_errors_are_the_middle_of_the_samples():
    rng = np.random.default_rng(3)
    value = np.array([2.0, -5.0])
    samples = value * (1 + [0.1, 0.3] * rng.normal(size=(20_000, 2)))
    np.testing.assert_allclose(relative_error(value, samples), [0.1, 0.3], rtol=0.02)
    far = samples.copy()
    far[:20] *= -1e3
    np.testing.assert_allclose(relative_error(value, far), [0.1, 0.3], rtol=0.02)
    assert np.all(relative_error(value, np.tile(value, (50, 1))) == 0)
    # most of the samples are equal
    rare = np.where(np.arange(400)[:, None] < 40, 2.0, 1.0)
    assert relative_error(np.ones(1), rare)[0] == pytest.approx(0.3, rel=0.01)


def with_other_sign(counts, n=400):
    """Samples of which so many are of the other sign at each temperature."""
    samples = np.ones((n, len(counts)))
    for k, count in enumerate(counts):
        samples[:count, k] = -1.0
    return samples


def test_the_odds_of_all_temperatures_are_multiplied():
    two = TEMPERATURES[:2]
    ones = np.ones(2)
    # 0.84 / 0.16 squared is 27.6, below 39
    assert why_no_logarithm(two, ones, with_other_sign([64, 64])) == (
        "sign not known: the resamples of the other sign, 16%, 16% at 500, 600 K, leave it below "
        "97.5% together"
    )
    assert why_no_logarithm(two, ones, with_other_sign([64, 47])) == ""
    assert why_no_logarithm(two, ones, with_other_sign([64, 0])) == ""
    assert why_no_logarithm(TEMPERATURES, np.ones(5), with_other_sign([64] * 5)) == ""
    assert "65 of 400" in why_no_logarithm(two, -ones, -with_other_sign([0, 65]))


def test_all_laws_take_samples_of_the_other_sign():
    rng = np.random.default_rng(4)
    t = np.array([300.0, 330.0, 370.0, 420.0, 480.0, 560.0])
    value, samples = additive(rng, np.exp(-900 / (t - 200)), np.full(6, 0.05), 60)
    samples[3, 2] *= -1
    samples[4, 0] = 0.0
    for fit in (fit_arrhenius, fit_vtf, fit_segments):
        found = fit(t, value, samples)
        assert found.sign == 1
        assert np.isfinite(found._drawn()).all()
        assert np.all(found.samples_at(t) > 0)
