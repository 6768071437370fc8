"""The budget of the apparent energy where events have no energy, a bend, or another sign."""

import warnings

import numpy as np
import pytest

from mda_ionmech import arrhenius
from mda_ionmech.results import Budget, budget, fit_arrhenius
from mda_ionmech.results.arrhenius_budget import holds
from mda_ionmech.results.arrhenius_fits import BOLTZMANN, inverse_energy
from tests.results.test_arrhenius import LAWS, TEMPERATURES, printed, result, row

#: From 300 to 600 K the contributions below change by three powers of ten.
WIDE = np.array([300.0, 340.0, 390.0, 450.0, 520.0, 600.0])


def law(temperature, energy, prefactor=1.0):
    return prefactor * np.exp(-energy / (BOLTZMANN * temperature))


def sampled(rng, true, relative=0.01, n_samples=200):
    value = true * (1 + relative * rng.normal(size=len(true)))
    return value, value * (1 + relative * rng.normal(size=(n_samples, len(true))))


def found_budget(t, parts):
    whole = tuple(np.sum([p[k] for p in parts], axis=0) for k in (0, 1))
    fits = [fit_arrhenius(t, *p) for p in parts]
    total = fit_arrhenius(t, *whole)
    return budget(t, whole, parts, fits, total.error), fits


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_an_event_that_changes_sign_enters_by_the_slope_of_its_share(share):
    """Large contributions over a wide range, against the derivative in closed form.

    A straight line through such a contribution itself gave up to three times the energy.
    """
    rng = np.random.default_rng(1)
    beta = inverse_energy(WIDE)
    middle, width = (beta[0] + beta[-1]) / 2, np.ptp(beta) / 2
    main = law(WIDE, 0.3)
    changing = share * (middle - beta) / width * main
    parts = [sampled(rng, main), sampled(rng, changing)]
    found, fits = found_budget(WIDE, parts)
    assert fits[1].reason.startswith("changes sign")
    # ln of main (1 + share (middle - beta) / width)
    exact = 0.3 + share / width / (1 + share * (middle - beta) / width)
    error = np.diff(np.quantile(found.parts_samples, [0.16, 0.84], axis=0), axis=0)[0] / 2
    # shares are no parabolas
    assert np.all(np.abs(found.parts - exact) < 3 * error + 0.03 * share)
    assert holds(found).all()
    np.testing.assert_allclose(found.untested, share * np.abs(middle - beta) / width
                               / (1 + share * (middle - beta) / width), rtol=0.1)  # fmt: skip
    total = fit_arrhenius(WIDE, parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])
    assert abs(found.energy - total.energy) < 0.003


def test_a_large_event_whose_sign_is_not_known_does_not_spoil_the_energy():
    """Half of the transport at the highest temperature, unknown at the lowest."""
    rng = np.random.default_rng(2)
    main, other = law(WIDE, 0.2), law(WIDE, 0.4, 40.0)
    relative = np.array([3.0, 0.1, 0.05, 0.05, 0.05, 0.05])
    value, samples = sampled(rng, other, relative)
    value[0] = other[0]
    parts = [sampled(rng, main), (value, samples)]
    found, fits = found_budget(WIDE, parts)
    assert fits[1].reason.startswith("sign not known at 300 K")
    exact = (0.2 * main + 0.4 * other) / (main + other)
    error = np.diff(np.quantile(found.parts_samples, [0.16, 0.84], axis=0), axis=0)[0] / 2
    assert np.all(np.abs(found.parts - exact) < 3 * error + 0.01)
    assert np.all(np.abs(found.parts - exact) < 0.08)
    assert holds(found).all()


@pytest.mark.parametrize("n", [2, 3, 6])
def test_slopes_of_shares_sum_to_zero(n):
    """Events without energies alone: the budget is that of the total, sample by sample."""
    rng = np.random.default_rng(n)
    t = WIDE[:n]
    first = law(t, 0.3) * (1 + 3 * np.where(np.arange(n) % 2, 1, -1))
    parts = [sampled(rng, first), sampled(rng, 2 * law(t, 0.3) - first)]
    whole = tuple(a + b for a, b in zip(*parts, strict=True))
    fits = [fit_arrhenius(t, *p) for p in parts]
    assert all(fit.reason for fit in fits)
    found = budget(t, whole, parts, fits, rng.uniform(0.01, 0.05, n))
    np.testing.assert_allclose(found.parts, found.direct, rtol=1e-6)
    np.testing.assert_allclose(found.parts_samples, found.direct_samples, rtol=1e-4, atol=1e-6)
    assert np.all(found.untested >= 1)


def test_events_that_do_not_occur_at_some_temperatures_have_no_energy_but_a_share():
    rng = np.random.default_rng(3)
    main, rare = law(WIDE, 0.3), law(WIDE, 0.6, 10.0) * (WIDE > 420)
    parts = [sampled(rng, main), sampled(rng, rare)]
    found, fits = found_budget(WIDE, parts)
    assert fits[1].reason == "zero at 300, 340, 390 K"
    assert holds(found).all()
    assert np.all(found.untested[:3] == 0)


def test_a_budget_that_does_not_hold_is_said():
    """One event follows a bent law: its single energy is wrong at the ends, and so is the sum."""
    temperatures = (380.0, 400.0, 430.0, 470.0, 520.0)
    laws = {"single_ion_hop": (0.0, 1e40, 0.1)}
    made = [result(t, laws=laws, vtf=True, relative=0.01, n_samples=100) for t in temperatures]
    with pytest.warns(UserWarning, match=r"the budget does not hold at 380 K \(0\.\d+ eV from the"):
        fits = arrhenius(made, window=2, model="arrhenius")
    assert not fits.budget()["holds"].all()
    text = printed(fits)
    assert "380*" in text
    assert "*: the budget does not hold" in text
    sound = arrhenius([result(t) for t in TEMPERATURES], window=2)
    assert sound.budget()["holds"].all()
    assert "*:" not in printed(sound)


def test_two_temperatures_have_no_local_slope_to_compare_with():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fits = arrhenius([result(500.0), result(800.0)], window=2)
    assert not [w for w in caught if "does not hold" in str(w.message)]
    found = fits.budget()
    assert found["holds"].all()
    assert found[["difference", "difference_low", "difference_high"]].isna().all(axis=None)
    assert found.loc[500, "direct"] == found.loc[800, "direct"]
    assert found.loc[500, "parts"] < found.loc[500, "direct"] < found.loc[800, "parts"]
    assert fits.closure().loc["energy", "difference"] == pytest.approx(0, abs=1e-9)
    printed(fits)


def test_the_part_that_is_not_tested_is_said():
    made = [
        result(t, laws=LAWS | {"exchange": (0.15, 5e40 * (1 if t > 650 else -1), 0.1)})
        for t in TEMPERATURES
    ]
    fits = arrhenius(made, window=2)
    assert row(fits.table(), "onsager", "exchange")["reason"].startswith("changes sign")
    untested = fits.budget()["untested"]
    assert untested.max() > 0.05
    assert (
        f"Not tested: events without an energy have {untested.max():.0%} of L T at "
        f"{untested.idxmax():g} K; they enter by the slope of their share, which the gap does not "
        "test." in printed(fits)
    )


def test_a_budget_holds_up_to_three_half_widths_and_what_is_not_tested():
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(4000, 3))
    noise -= np.median(noise, axis=0)
    half = np.ptp(np.quantile(noise, [0.16, 0.84], axis=0), axis=0) / 2
    direct = np.full(3, 0.3)

    def said(gap, untested=0.0):
        none = np.full(4000, np.nan)
        parts = direct + np.asarray(gap) * half
        return holds(
            Budget(parts, parts + noise, direct, np.tile(direct, (4000, 1)), np.full(3, untested),
                   0.3, none, 0.0, none, 0.0, none)
        ).tolist()  # fmt: skip

    assert said([2.9, -2.9, 0.0]) == [True] * 3
    assert said([3.1, -3.1, 0.0]) == [False, False, True]
    # 0.3 eV times the share allows for one half width more
    assert said([3.9, -3.9, 0.0], half.min() / 0.3) == [True] * 3
    assert said([4.3, -4.3, 0.0], half.min() / 0.3) == [False, False, True]


@pytest.mark.parametrize("n", [2, 4])
def test_samples_are_fitted_as_values_are(n):
    """Samples equal to the values have the results of the values, one for each."""
    t = WIDE[:n]
    parts = [law(t, 0.2), law(t, 0.4, 40.0), 0.01 * law(t, 0.3) * (-1) ** np.arange(n)]
    drawn = [(x, np.tile(x, (7, 1))) for x in parts]
    whole = sum(parts), np.tile(sum(parts), (7, 1))
    fits = [fit_arrhenius(t, *x) for x in drawn]
    assert [bool(fit.reason) for fit in fits] == [False, False, True]
    found = budget(t, whole, drawn, fits, np.full(n, 0.1))
    for name in ("parts", "direct", "energy", "curvature", "direct_curvature"):
        value, samples = getattr(found, name), getattr(found, f"{name}_samples")
        assert samples.shape == (7, *np.shape(value)), name
        np.testing.assert_allclose(samples, np.broadcast_to(value, samples.shape), rtol=1e-9)
