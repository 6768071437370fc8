"""Which of three laws values at several temperatures support, on laws known exactly."""

import io
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from scipy.optimize import minimize

import mda_ionmech
from mda_ionmech import InputError, arrhenius
from mda_ionmech.results import compare_laws, fit_segments
from mda_ionmech.results.arrhenius_fits import BOLTZMANN, inverse_energy
from mda_ionmech.results.arrhenius_laws import _designs, _log_evidence
from mda_ionmech.results.tables import print_arrhenius
from tests.results.test_arrhenius import result
from tests.results.test_arrhenius_fits import half_middle

#: Blocks that the errors are estimated from.
BLOCKS = 20


def temperatures(n, low=300.0, high=600.0):
    """Evenly spaced in 1 / T."""
    return 1 / np.linspace(1 / low, 1 / high, n)[::-1]


def straight(t):
    return -0.25 * inverse_energy(t)


def curved(t, t0=210.0):
    return -1100.0 / (t - t0)


def broken(t, at=425.0, cold=0.4, hot=0.2):
    beta = inverse_energy(t)
    knot = 1 / (BOLTZMANN * at)
    return np.where(beta > knot, cold * (knot - beta), hot * (knot - beta))


def named(rng, law, t, relative, n=200):
    """How often each law is named, errors being estimated from few blocks."""
    found = []
    for _ in range(n):
        error = relative * np.sqrt(rng.chisquare(BLOCKS - 1, len(t)) / (BLOCKS - 1))
        value = np.exp(law(t) + relative * rng.normal(size=len(t)))
        found.append(compare_laws(t, value, error).law)
    return {name: found.count(name) / n for name in set(found)}


@pytest.mark.parametrize(
    ("law", "name", "relative", "often"),
    [
        (straight, "arrhenius", 0.01, 0.8),
        (curved, "vtf", 0.03, 0.95),
        (broken, "segments", 0.02, 0.95),
    ],
)
@pytest.mark.parametrize("n", [5, 6, 8])
def test_the_right_law_is_named_where_the_data_can_tell(law, name, relative, often, n):
    found = named(np.random.default_rng(n), law, temperatures(n), relative)
    assert found.get(name, 0.0) >= often, found


@pytest.mark.slow
def test_a_wrong_law_is_named_in_at_most_one_of_ten():
    """The stated level, at errors from those that tell everything to those that tell nothing."""
    rng = np.random.default_rng(5)
    worst = 0.0
    for law, right in ((straight, "arrhenius"), (curved, "vtf"), (broken, "segments")):
        for n in (5, 8):
            for relative in (0.01, 0.03, 0.1, 0.3):
                found = named(rng, law, temperatures(n), relative, 80)
                wrong = sum(
                    found.get(k, 0.0) for k in ("arrhenius", "vtf", "segments") if k != right
                )
                worst = max(worst, wrong)
                # the straight line is not called bent, nor is a law that is right rejected
                bent = found.get("bent", 0.0) if right == "arrhenius" else 0.0
                assert wrong + bent + found.get("none", 0.0) <= 0.1, (right, n, relative, found)
    assert worst <= 0.1


@pytest.mark.parametrize("law", [straight, curved, broken])
def test_large_errors_cannot_tell_not_even_the_straight_line(law):
    """Akaike's criterion would name the straight line here, for its few parameters."""
    t = temperatures(6, 300.0, 380.0)
    found = named(np.random.default_rng(6), law, t, 0.4)
    assert found.get("undecided", 0.0) + found.get("bent", 0.0) >= 0.95, found
    assert found.get("undecided", 0.0) >= (0.5 if law is not straight else 0.95), found


def test_a_bend_that_no_law_is_named_for():
    def slightly(t):
        return broken(t, cold=0.3)

    found = named(np.random.default_rng(7), slightly, temperatures(6), 0.05)
    assert found["bent"] > 0.5, found


def test_a_jump_is_none_of_the_laws():
    def jump(t):
        return straight(t) - 1.5 * (t < 425)

    found = named(np.random.default_rng(8), jump, temperatures(8), 0.03)
    assert found["none"] > 0.95, found
    t = temperatures(8)
    text = compare_laws(t, np.exp(jump(t)), np.full(8, 0.03)).statement
    assert text.startswith("none of the laws describes the data (probability ")
    assert "there is a jump, one run differs from the others, or the errors are too small" in text


def test_few_temperatures_are_too_few_however_small_the_errors():
    for n in (2, 3, 4):
        t = temperatures(n)
        found = compare_laws(t, np.exp(curved(t)), np.full(n, 1e-3))
        assert found.law == "too_few"
        few = f"too few temperatures to tell: {n}, at least 5 are needed"
        line = compare_laws(t, np.exp(straight(t)), np.full(n, 1e-3))
        assert line.statement == few
        if n == 2:
            assert found.statement == few
            assert np.isnan(found.straight)
        else:
            assert found.statement.startswith(f"{few}; they are not on a straight line (probabil")
            assert found.straight < 1e-6
            assert line.straight == pytest.approx(1)
        assert np.isnan(list(found.probability.values())).all()
    t = temperatures(5)
    for error in (np.zeros(5), np.full(5, np.nan)):
        assert compare_laws(t, np.exp(curved(t)), error).law == ""


def test_probabilities_do_not_depend_on_unit_sign_or_order():
    t = temperatures(6)
    rng = np.random.default_rng(9)
    value = np.exp(broken(t) + 0.05 * rng.normal(size=6))
    error = rng.uniform(0.03, 0.08, 6)
    found = compare_laws(t, value, error)
    order = rng.permutation(6)
    for other in (
        compare_laws(t, -1e40 * value, error),
        compare_laws(t[order], value[order], error[order]),
    ):
        for name, p in found.probability.items():
            assert other.probability[name] == pytest.approx(p, rel=1e-6, abs=1e-9)
    assert sum(found.probability.values()) == pytest.approx(1)
    each = ", ".join(
        f"{name} {found.probability[key]:.2f}"
        for key, name in (("arrhenius", "Arrhenius"), ("vtf", "VTF"), ("segments", "two segments"))
    )
    assert each in found.statement


@pytest.mark.slow
def test_the_evidence_is_the_integral_of_likelihood_times_prior():
    """By sums over a fine grid of the three parameters, for one break and one factor on errors."""
    t = temperatures(5)
    rng = np.random.default_rng(10)
    log = straight(t) + 0.1 * rng.normal(size=5)
    log -= log.mean()
    error, width = np.full(5, 0.1), 0.05
    designs, _ = _designs(t, log, "segments")
    design = designs[35]
    found = _log_evidence(design[None], log, error, np.array([1.2]), width)[0, 0]
    best, *_ = np.linalg.lstsq(design / error[0], log / error[0], rcond=None)
    spread = np.sqrt(np.diag(np.linalg.inv(design.T @ design / 0.12**2)))
    grids = [np.linspace(b - 7 * s, b + 7 * s, 161) for b, s in zip(best, spread, strict=True)]
    a, e, d = np.meshgrid(*grids, indexing="ij")
    misfit = sum(
        ((y - row @ np.array([a.ravel(), e.ravel(), d.ravel()])) / 0.12) ** 2
        for y, row in zip(log, design, strict=True)
    ).reshape(a.shape)
    prior = np.exp(-0.5 * (d / width) ** 2) / np.sqrt(2 * np.pi) / width
    cell = np.prod([g[1] - g[0] for g in grids])
    expected = np.log(np.sum(np.exp(-0.5 * misfit) * prior) * cell) - 5 * np.log(1.2)
    assert found == pytest.approx(expected, abs=1e-3)


def test_vtf_at_zero_kelvin_is_the_straight_line():
    t = temperatures(6)
    line, _ = _designs(t, straight(t), "arrhenius")
    curves, _ = _designs(t, straight(t), "vtf")
    slopes = curves[0] - line[0]
    assert np.abs(slopes[:, 1]).max() < 0.02 * np.abs(line[0][:, 1]).max()


def measured(rng, t, law, relative, n_samples=200):
    value = np.exp(law(t) + relative * rng.normal(size=len(t)))
    return value, value * np.exp(relative * rng.normal(size=(n_samples, len(t))))


def test_two_segments_are_recovered():
    rng = np.random.default_rng(11)
    t = temperatures(9)
    value, samples = measured(rng, t, broken, 0.02)
    fit = fit_segments(t, -value, -samples)
    assert fit.reason == ""
    assert fit.sign == -1
    for found, expected, k in (
        (fit.log_break, 0.0, 0), (fit.energy_cold, 0.4, 1), (fit.energy_hot, 0.2, 2),
        (fit.t_break, 425.0, 3),
    ):  # fmt: skip
        assert abs(found - expected) < 3 * fit.samples[:, k].std()
    np.testing.assert_allclose(fit.at(t), -np.exp(broken(t)), rtol=0.06)
    np.testing.assert_allclose(
        fit.samples_at(np.array([fit.samples[3, 3]]))[3], -np.exp(fit.samples[3, 0]), rtol=1e-12
    )


def test_two_segments_are_the_least_squares():
    """No start of a general minimiser finds a better break, inside a gap or at a temperature."""
    rng = np.random.default_rng(12)
    t = temperatures(7)
    beta = inverse_energy(t)
    for law in (broken, straight, curved):
        value, samples = measured(rng, t, law, 0.1, 20)
        fit = fit_segments(t, value, samples)
        sigma = half_middle(samples) / value
        ends = np.sort(beta)[[1, -2]]

        def chi2(p, value=value, sigma=sigma, ends=ends):
            knot = np.clip(p[3], *ends)
            beyond = beta - knot
            line = p[0] - np.where(beyond > 0, p[1], p[2]) * beyond
            return np.sum(((np.log(value) - line) / sigma) ** 2)

        starts = np.linspace(*ends, 12)
        least = min(
            minimize(chi2, [np.log(value).mean(), 0.3, 0.2, k], method="Nelder-Mead",
                     options={"maxiter": 20000, "maxfev": 20000, "xatol": 1e-10, "fatol": 1e-12},
                     ).fun
            for k in starts
        )  # fmt: skip
        assert fit.reduced_chi2 * 3 <= least * (1 + 1e-6)
        assert fit.reduced_chi2 * 3 == pytest.approx(
            chi2([fit.log_break, fit.energy_cold, fit.energy_hot, 1 / BOLTZMANN / fit.t_break]),
            rel=1e-6,
        )


def test_two_segments_that_are_not_determined_say_so():
    rng = np.random.default_rng(13)
    t = temperatures(6)
    reasons = {fit_segments(t, *measured(rng, t, straight, 0.1)).reason for _ in range(20)}
    assert "the energies of the two segments do not differ" in reasons
    few = fit_segments(t[:4], *measured(rng, t[:4], broken, 0.1))
    assert few.reason == "needs at least 5 temperatures, got 4"
    value, samples = measured(rng, t, broken, 0.1)
    assert "zero at" in fit_segments(t, value * [0, 1, 1, 1, 1, 1], samples).reason


@pytest.fixture(scope="module")
def curved_fits():
    """All events after a VTF law, from results at six temperatures; auto."""
    laws = {"single_ion_hop": (0.0, 1e40, 0.1), "multi_ion_hop": (0.0, 3e40, 0.1)}
    made = [
        result(t, laws=laws, vtf=True, n_samples=120, relative=0.02)
        for t in (380.0, 400.0, 430.0, 470.0, 520.0, 580.0)
    ]
    with pytest.warns(UserWarning, match="not straight"):
        return arrhenius(made, window=2)


def test_laws_of_totals_and_events_with_their_fits(curved_fits, tmp_path):
    laws = curved_fits.laws()
    assert set(laws["quantity"]) == {"onsager", "conductivity", "self_diffusivity"}
    assert set(laws["event"]) == {"total", "single_ion_hop", "multi_ion_hop"}
    assert set(laws["law"]) == {"vtf"}
    np.testing.assert_allclose(laws[["arrhenius", "vtf", "segments"]].sum(axis=1), 1)
    assert len(curved_fits.vtf()) == len(laws)
    with pytest.raises(InputError, match="two segments were not fitted"):
        curved_fits.segments()
    path = curved_fits.save(tmp_path / "fits.nc")
    with xr.open_dataset(path, engine="netcdf4") as again:
        assert mda_ionmech.Arrhenius(again).laws().equals(laws)
    for name, variable in curved_fits.data.data_vars.items():
        assert variable.attrs["units"], name
        assert variable.attrs["long_name"], name


def test_the_figure_draws_the_law_that_is_supported(curved_fits):
    ax = curved_fits.plot()
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert texts[0].startswith("total: VTF, T0 ")
    rows = curved_fits.data
    first = np.flatnonzero(rows["event"].values == "total")[0]
    lines = [line for line in ax.lines if len(line.get_xdata()) == 60]
    np.testing.assert_allclose(lines[0].get_ydata(), rows["vtf_curve"].values[first])
    plt.close("all")


def test_straight_rows_draw_the_line_and_bent_ones_say_so(curved_fits):
    data = curved_fits.data.copy()
    data["law"] = data["law"].copy(data=["bent"] * data.sizes["row"])
    ax = mda_ionmech.Arrhenius(data).plot()
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert texts[0].endswith(" eV (bent)")
    plt.close("all")


def test_all_laws_are_fitted_on_request_and_printed():
    temps = (380.0, 400.0, 430.0, 470.0, 520.0, 580.0)
    made = [result(t, n_samples=60) for t in temps]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = arrhenius(made, window=2, model="all")
        plain = arrhenius(made, window=2, model="arrhenius")
    assert len(fits.vtf()) == len(fits.segments()) == len(fits.laws())
    assert "vtf_asked" not in plain.data
    assert "segments" in fits._repr_html_()
    console = Console(width=80, record=True, file=io.StringIO())
    print_arrhenius(console, fits)
    text = console.export_text()
    assert "Which law the data support" in text
    assert "Two segments: L T of Li+: " in text
    assert "X = A exp(-B / (T - T0))" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    console = Console(width=80, record=True, file=io.StringIO())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print_arrhenius(console, arrhenius(made[:3], window=2))
    assert "Which law: too few temperatures to tell: 3, at least 5 are needed." in (
        " ".join(console.export_text().split())
    )
    with pytest.raises(InputError, match="'segments' has four parameters and needs five temp"):
        arrhenius(made[:4], window=2, model="segments")
    with pytest.raises(InputError, match="'all' has up to four parameters and needs five temp"):
        arrhenius(made[:4], window=2, model="all")
