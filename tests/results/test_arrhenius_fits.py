"""Fits over temperature on plain arrays, against laws known exactly and other libraries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from scipy.stats import linregress

from mda_ionmech.results import budget, fit_arrhenius, fit_vtf
from mda_ionmech.results.arrhenius_fits import (
    BOLTZMANN,
    corrected_aic,
    fit_polynomial,
    inverse_energy,
)

TEMPERATURES = np.array([500.0, 600.0, 700.0, 800.0, 1000.0])


def law(temperature, energy, prefactor):
    return prefactor * np.exp(-energy / (BOLTZMANN * temperature))


def measured(rng, true, relative, n_samples=400):
    """A value with this relative error at every temperature, and resamples about it."""
    value = true * (1 + relative * rng.normal(size=len(true)))
    return value, value * (1 + relative * rng.normal(size=(n_samples, len(true))))


def half_middle(samples):
    """Half the width of the middle 68 % of the samples."""
    return (
        np.ptp(np.percentile(samples, [15.865525393145708, 84.1344746068543], axis=0), axis=0) / 2
    )


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10**6), degree=st.integers(0, 2), n=st.integers(3, 8))
def test_weighted_polynomials_equal_those_of_numpy(seed, degree, n):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(8, 30, n)) + np.arange(n)
    y, error = rng.normal(size=(4, n)), rng.uniform(0.1, 2.0, n)
    found = fit_polynomial(x, y, error, degree)
    for row, coefficients in zip(y, found, strict=True):
        expected = np.polyfit(x, row, degree, w=1 / error)[::-1]
        values = np.polynomial.polynomial.polyval(x, coefficients)
        np.testing.assert_allclose(values, np.polyval(expected[::-1], x), rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(coefficients, expected, rtol=1e-6, atol=1e-7)


def test_equal_errors_give_the_line_of_scipy():
    rng = np.random.default_rng(1)
    value, samples = measured(rng, law(TEMPERATURES, 0.31, 5e40), 0.05)
    fit = fit_arrhenius(TEMPERATURES, value, samples, error=np.full(5, 0.05))
    line = linregress(inverse_energy(TEMPERATURES), np.log(value))
    assert fit.energy == pytest.approx(-line.slope, rel=1e-10)
    assert fit.log_prefactor == pytest.approx(line.intercept, rel=1e-10)
    other = linregress(inverse_energy(TEMPERATURES), np.log(samples[7]))
    assert fit.energy_samples[7] == pytest.approx(-other.slope, rel=1e-10)


def test_weights_and_goodness_are_those_of_the_samples():
    rng = np.random.default_rng(2)
    relative = np.array([0.2, 0.1, 0.05, 0.05, 0.02])
    value, samples = measured(rng, law(TEMPERATURES, 0.2, 1e3), relative, 4000)
    fit = fit_arrhenius(TEMPERATURES, value, samples)
    np.testing.assert_allclose(fit.error, relative, rtol=0.1)
    beta, log = inverse_energy(TEMPERATURES), np.log(value)
    slope, intercept = np.polyfit(beta, log, 1, w=1 / fit.error)
    assert fit.energy == pytest.approx(-slope, rel=1e-8)
    chi2 = np.sum(((log - np.polyval([slope, intercept], beta)) / fit.error) ** 2) / 3
    assert fit.reduced_chi2 == pytest.approx(chi2, rel=1e-6)


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(3)
    true, covered, n = law(TEMPERATURES, 0.25, 1.0), 0, 300
    relative = np.array([0.15, 0.1, 0.08, 0.05, 0.05])
    for _ in range(n):
        fit = fit_arrhenius(TEMPERATURES, *measured(rng, true, relative))
        low, high = np.quantile(fit.energy_samples, [0.16, 0.84])
        covered += low <= 0.25 <= high
    assert 0.60 < covered / n < 0.75


def test_case_19_energies_of_three_modes_one_of_them_negative(record):
    rng = np.random.default_rng(19)
    modes = ((0.15, 1e39), (0.35, 4e40), (0.28, -8e39))
    true = np.array([law(TEMPERATURES, *mode) for mode in modes])
    parts = [measured(rng, one, 0.04) for one in true]
    whole = tuple(np.sum([p[k] for p in parts], axis=0) for k in (0, 1))
    fits = [fit_arrhenius(TEMPERATURES, *p) for p in parts]
    for fit, (energy, prefactor) in zip(fits, modes, strict=True):
        assert fit.sign == np.sign(prefactor)
        what = f"energy of a mode of sign {fit.sign:+d}, eV"
        record.within(19, what, fit.energy, energy, fit.energy_samples.std())
        size = abs(fit.log_prefactor - np.log(abs(prefactor)))
        assert size < 3 * fit.log_prefactor_samples.std()
    total = fit_arrhenius(TEMPERATURES, *whole)
    found = budget(TEMPERATURES, whole, parts, fits, total.error)
    # the derivative of the logarithm of a sum of exponentials, in closed form
    exact = np.sum(true * np.array([[e] for e, _ in modes]), axis=0) / true.sum(axis=0)
    record.within(19, "local energy of the total from its events, eV, K", found.parts, exact,
                  found.parts_samples.std(axis=0), at=TEMPERATURES)  # fmt: skip
    gap = found.parts - found.direct
    record.within(19, "budget: events minus direct, eV, K", gap, 0.0,
                  (found.parts_samples - found.direct_samples).std(axis=0),
                  at=TEMPERATURES)  # fmt: skip
    gap = found.energy - total.energy
    record.within(19, "budget: mean of events minus fit of the total, eV", gap, 0.0,
                  (found.energy_samples - total.energy_samples).std())  # fmt: skip
    error = (found.curvature_samples - found.direct_curvature_samples).std()
    assert abs(found.curvature - found.direct_curvature) < 3 * error


def test_the_budget_of_exact_laws_is_the_derivative():
    """Without noise the sum over events is the derivative, and the curvature its spread."""
    temperatures = np.array([590.0, 600.0, 610.0])
    modes = ((0.15, 1e39), (0.35, 4e40), (0.28, -8e39))
    true = np.array([law(temperatures, *mode) for mode in modes])
    parts = [(one, np.tile(one, (3, 1))) for one in true]
    whole = (true.sum(axis=0), np.tile(true.sum(axis=0), (3, 1)))
    fits = [fit_arrhenius(temperatures, *p) for p in parts]
    found = budget(temperatures, whole, parts, fits, np.full(3, 0.1))
    share = true / true.sum(axis=0)
    energies = np.array([[e] for e, _ in modes])
    exact = np.sum(share * energies, axis=0)
    np.testing.assert_allclose(found.parts, exact, rtol=1e-9)
    np.testing.assert_allclose(found.direct[1], exact[1], rtol=1e-3)
    spread = np.sum(share * energies**2, axis=0) - exact**2
    assert found.curvature == pytest.approx(spread[1], rel=0.02)
    assert found.direct_curvature == pytest.approx(found.curvature, rel=1e-9)


def test_a_part_without_an_energy_enters_the_budget_by_its_slope():
    """A small part that changes sign has no logarithm, yet nothing is left out."""
    temperatures = np.array([598.0, 600.0, 602.0])
    beta = inverse_energy(temperatures)
    large = law(temperatures, 0.3, 1e3)
    small = 0.05 * (beta - beta[1])
    rng = np.random.default_rng(5)
    parts = [(x, x + 1e-6 * rng.normal(size=(50, 3))) for x in (large, small)]
    whole = tuple(a + b for a, b in zip(*parts, strict=True))
    fits = [fit_arrhenius(temperatures, *p) for p in parts]
    assert not fits[0].reason
    assert fits[1].reason
    found = budget(temperatures, whole, parts, fits, np.full(3, 0.1))
    exact = (0.3 * large - 0.05) / (large + small)
    np.testing.assert_allclose(found.parts, exact, rtol=1e-3)
    np.testing.assert_allclose(found.direct, exact, rtol=1e-3)


def test_signs_that_differ_are_refused_with_the_reason():
    rng = np.random.default_rng(6)
    value, samples = measured(rng, law(TEMPERATURES, 0.3, 1.0), 0.05)
    fit = fit_arrhenius(TEMPERATURES, value * [1, 1, -1, 1, 1], samples * [1, 1, -1, 1, 1])
    assert fit.sign == 0
    assert np.isnan(fit.energy)
    assert fit.reason == ("changes sign: positive at 500, 600, 800, 1000 K, negative at 700 K")
    samples[:64, 1] *= -1
    assert fit_arrhenius(TEMPERATURES, value, samples).reason == ""
    samples[64, 1] *= -1
    fit = fit_arrhenius(TEMPERATURES, value, samples)
    assert fit.reason == (
        "sign not known at 600 K: 65 of 400 resamples at 600 K are zero or of the other sign, more "
        "than 16%"
    )
    assert np.isnan(fit.energy_samples).all()
    samples[3, 4] = np.nan
    reason = "undefined in some resamples at 1000 K"
    assert fit_arrhenius(TEMPERATURES, value, samples).reason == reason
    samples[:, 4] = np.nan
    assert fit_arrhenius(TEMPERATURES, value, samples).reason == "no intervals at 1000 K"
    value[0], samples[:, 0], samples[:, 4] = 0.0, 0.0, 1.0
    assert fit_arrhenius(TEMPERATURES, value, samples).reason == "zero at 500 K"
    value[0] = np.nan
    assert fit_arrhenius(TEMPERATURES, value, samples).reason == "undefined at 500 K"


def test_two_temperatures_give_the_line_through_both():
    two = TEMPERATURES[[0, 4]]
    value = law(two, 0.4, 7.0)
    fit = fit_arrhenius(two, value, np.tile(value, (5, 1)))
    assert fit.energy == pytest.approx(0.4, rel=1e-12)
    assert np.isnan(fit.reduced_chi2)
    np.testing.assert_allclose(fit.at(TEMPERATURES), law(TEMPERATURES, 0.4, 7.0), rtol=1e-12)
    np.testing.assert_allclose(fit.samples_at(two), np.tile(value, (5, 1)), rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_energies_of_factors_add_up_with_the_same_weights(seed):
    rng = np.random.default_rng(seed)
    first, second = (measured(rng, law(TEMPERATURES, e, 3.0), 0.1) for e in (0.1, 0.25))
    product = tuple(a * -b for a, b in zip(first, second, strict=True))
    if fit_arrhenius(TEMPERATURES, *product).reason:
        return
    whole = fit_arrhenius(TEMPERATURES, *product)
    one, other = (fit_arrhenius(TEMPERATURES, *x, error=whole.error) for x in (first, second))
    assert whole.energy == pytest.approx(one.energy + other.energy, abs=1e-12)
    np.testing.assert_allclose(
        whole.energy_samples, one.energy_samples + other.energy_samples, atol=1e-12
    )


def test_vtf_is_recovered_where_the_data_curve():
    rng = np.random.default_rng(7)
    temperatures = np.array([320.0, 340.0, 360.0, 400.0, 450.0, 500.0])
    true = np.exp(4.0 - 700.0 / (temperatures - 230.0))
    value, samples = measured(rng, true, 0.02, 200)
    fit = fit_vtf(temperatures, value, samples)
    assert fit.reason == ""
    for found, expected, k in ((fit.log_prefactor, 4.0, 0), (fit.b, 700, 1), (fit.t0, 230, 2)):
        assert abs(found - expected) < 3 * fit.samples[:, k].std()
    np.testing.assert_allclose(fit.at(temperatures), true, rtol=0.06)
    # apparent energy: the derivative against 1 / kB T, by finite differences
    step = 1e-3
    around = np.log(fit.at(temperatures + step)) - np.log(fit.at(temperatures - step))
    rise = inverse_energy(temperatures + step) - inverse_energy(temperatures - step)
    np.testing.assert_allclose(fit.energy(temperatures), -around / rise, rtol=1e-5)
    line = fit_arrhenius(temperatures, value, samples)
    assert fit.reduced_chi2 < 3 < line.reduced_chi2
    assert corrected_aic(fit.reduced_chi2, 6, 3) < corrected_aic(line.reduced_chi2, 6, 2)


def test_vtf_is_the_least_squares_of_scipy():
    rng = np.random.default_rng(9)
    temperatures = np.array([320.0, 340.0, 370.0, 410.0, 470.0])
    true = np.exp(2.0 - 500.0 / (temperatures - 200.0))
    value, samples = measured(rng, true, np.array([0.05, 0.03, 0.03, 0.02, 0.02]), 50)
    fit = fit_vtf(temperatures, value, samples)
    sigma = half_middle(samples) / value

    def logarithm(t, log_prefactor, b, t0):
        return log_prefactor - b / (t - t0)

    for found, data in (
        ((fit.log_prefactor, fit.b, fit.t0), value),
        (fit.samples[3], samples[3]),
    ):
        expected, _ = curve_fit(
            logarithm, temperatures, np.log(data), p0=(2.0, 500.0, 200.0), sigma=sigma,
            ftol=1e-14, xtol=1e-14, gtol=1e-14,
        )  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=1e-3)
    rest = (np.log(value) - logarithm(temperatures, fit.log_prefactor, fit.b, fit.t0)) / sigma
    assert fit.reduced_chi2 == pytest.approx(np.sum(rest**2) / 2, rel=1e-9)


def test_vtf_of_a_straight_line_says_that_t0_is_not_determined():
    rng = np.random.default_rng(8)
    value, samples = measured(rng, law(TEMPERATURES, 0.2, 1.0), 0.05, 100)
    assert "T0 is not determined" in fit_vtf(TEMPERATURES, value, samples).reason
    few = fit_vtf(TEMPERATURES[:3], value[:3], samples[:, :3])
    assert few.reason == "needs at least 4 temperatures, got 3"


def test_akaikes_criterion_by_hand():
    assert corrected_aic(2.0, 6, 2) == pytest.approx(8 + 4 + 12 / 3)
    assert corrected_aic(1.0, 4, 3) == np.inf
