"""Results at several temperatures: energies, budget, refusals, tables, files, figure, command."""

import io
import json
import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from scipy import constants
from scipy.stats import linregress
from typer.testing import CliRunner

import mda_ionmech
from mda_ionmech import InputError, Results, arrhenius
from mda_ionmech.results.arrhenius_fits import BOLTZMANN, inverse_energy
from mda_ionmech.results.colors import EVENT_COLORS
from mda_ionmech.results.recommend import Recommendation
from mda_ionmech.results.tables import print_arrhenius

TEMPERATURES = (500.0, 600.0, 700.0, 800.0)
EVENTS = ("no_hop", "single_ion_hop", "multi_ion_hop", "exchange")
#: Energy (eV), prefactor of L T (K/(J m s)), energy of the frequency (eV).
LAWS = {
    "single_ion_hop": (0.15, 2e41, 0.10),
    "multi_ion_hop": (0.35, 8e42, 0.30),
    "no_hop": (0.28, -1.5e42, -0.02),
}
N_CARRIERS, WINDOWS, RESOLUTIONS, HORIZONS = 56, (1.0, 2.0, 4.0), (1.0, 2.0), (2.0, 3.0, 4.0)


class Sampled(Results):
    """A result whose resamples and recommendation were made up."""

    def __init__(self, tree, resampled, advice):
        super().__init__(tree)
        self.resampled, self.advice = resampled, advice

    def samples(self, name):
        return self.resampled[name]

    def recommend(self, *, species=None):
        nothing = (float("nan"),) * 4
        return Recommendation(species, *self.advice, *nothing, "Li+: the reason.")


def law(temperature, energy, prefactor):
    return prefactor * np.exp(-energy / (BOLTZMANN * temperature))


def result(
    temperature, *, laws=LAWS, relative=0.03, volume=2000.0, events=EVENTS, windows=WINDOWS,
    name="Li+", frame="framework", persistence=None, seed=0, blocks=40, vtf=False, n_samples=400,
    advice=(2.0, 4.0), unknown=False,
):  # fmt: skip
    """A result at one temperature: contributions after `laws`, with Gaussian errors."""
    rng = np.random.default_rng([int(temperature), seed])
    n = len(windows)

    def noisy(true):
        value = true * (1 + relative * rng.normal(size=np.shape(true)))
        return value, value * (1 + relative * rng.normal(size=(n_samples, *np.shape(true))))

    def carried(event):
        energy, prefactor, _ = laws.get(event, (0.0, 0.0, 0.0))
        if vtf:
            return prefactor * np.exp(-600.0 / (temperature - 300.0)) / temperature
        return law(temperature, energy, prefactor) / temperature

    own, own_samples = noisy(np.array([[carried(e)] * n for e in events]))
    often = [[law(temperature, laws[e][2], 5e2) if e in laws else np.nan] * n for e in events]
    frequency, frequency_samples = noisy(np.array(often))
    # L = (N / V) f eta / (2 n kB T)
    square_metre = 6 * constants.k * temperature * volume * 1e-30 / N_CARRIERS / 1e9
    scale = square_metre * 1e20
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = own * scale / frequency
    conductivity = constants.e**2 * own.sum(axis=0)
    diffusivity = own.sum(axis=0) * 1e-44
    arrays = {
        "onsager": own.sum(axis=0)[None, None],
        "event_onsager": own[None, None],
        "event_frequency": frequency[None],
        "effectiveness": reach[None],
        "conductivity": conductivity,
        "diffusivity_self": diffusivity[None],
    }
    resampled = {
        "onsager": own_samples.sum(axis=1)[:, None, None],
        "event_onsager": own_samples[:, None, None],
        "event_frequency": frequency_samples[:, None],
        "conductivity": constants.e**2 * own_samples.sum(axis=1),
        "diffusivity_self": own_samples.sum(axis=1)[:, None] * 1e-44,
    }
    if unknown:
        resampled = {k: np.full_like(v, np.nan) for k, v in resampled.items()}
    dims = {
        "onsager": ("species", "species_2", "window"),
        "event_onsager": ("species", "species_2", "event", "window"),
        "event_frequency": ("species", "event", "window"),
        "effectiveness": ("species", "event", "window"),
        "conductivity": ("window",),
        "diffusivity_self": ("species", "window"),
    }
    # 3 ps is no whole multiple of 2 ps
    whole = np.where(np.array(HORIZONS) % np.array(RESOLUTIONS)[:, None] == 0, 0.9, np.nan)
    slope, slope_samples = noisy(np.array([whole * carried(e) for e in events]))
    arrays["path_slope"], resampled["path_slope"] = slope[None, None], slope_samples[:, None, None]
    dims["path_slope"] = ("species", "species_2", "event", "resolution", "horizon")
    arrays["slope_conductivity"] = constants.e**2 * slope[None]
    resampled["slope_conductivity"] = constants.e**2 * slope_samples[:, None]
    dims["slope_conductivity"] = ("species", "event", "resolution", "horizon")
    data = xr.Dataset(
        {k: (dims[k], v) for k, v in arrays.items()},
        coords={
            "species": [name], "species_2": [name], "event": list(events),
            "window": list(windows), "resolution": list(RESOLUTIONS), "horizon": list(HORIZONS),
        },
    )  # fmt: skip
    data["blocks"] = ("window", [float(blocks)] * (n - 1) + [4.0])
    data["onsager_low"] = data["onsager"].assign_attrs(level=0.68)
    tree = xr.DataTree(children={"decomposition": xr.DataTree(data)})
    described = {
        "name": name, "charge": 1.0, "n_carriers": N_CARRIERS, "events": {"rule": "CrystalEvents"},
        "microstates": {"persistence_ps": persistence},
    }  # fmt: skip
    tree.attrs["settings"] = json.dumps(
        {
            "species": [described], "temperature_K": temperature, "frame": frame, "axes": "xyz",
            "dt_ps": 1.0, "volume_angstrom3": volume,
        }
    )  # fmt: skip
    return Sampled(tree, resampled, advice)


@pytest.fixture(scope="module")
def series():
    # in no order of temperature
    return [result(t) for t in (700.0, 500.0, 800.0, 600.0)]


@pytest.fixture(scope="module")
def fits(series):
    return arrhenius(series, window=2)


def row(table, quantity, event="total"):
    found = table[(table["quantity"] == quantity) & (table["event"] == event)]
    assert len(found) == 1
    return found.iloc[0]


def printed(fits):
    """The printed tables on one line, 80 columns wide."""
    console = Console(width=80, record=True, file=io.StringIO())
    print_arrhenius(console, fits)
    text = console.export_text()
    assert "…" not in text
    return " ".join(text.split())


def test_case_19_energies_of_every_mode_are_recovered(record, fits):
    table = fits.table()
    for event, (energy, prefactor, often) in LAWS.items():
        found = row(table, "onsager", event)
        error = (found["high"] - found["low"]) / 2
        record.within(
            19, f"energy of {event} in simulated hops, eV", found["energy"], energy, error
        )
        assert abs(found["log_prefactor"] - np.log(abs(prefactor))) < 3 * error / 0.05
        assert found["sign"] == np.sign(prefactor)
        found = row(table, "frequency", event)
        record.within(19, f"energy of the frequency of {event}, eV", found["energy"], often,
                      (found["high"] - found["low"]) / 2)  # fmt: skip
    assert "exchange" not in set(table["event"]), "it never occurs"


def test_the_budget_closes(fits):
    budget = fits.budget()
    assert list(budget.index) == list(TEMPERATURES)
    for temperature, line in budget.iterrows():
        carried = {e: law(temperature, *LAWS[e][:2]) for e in LAWS}
        exact = sum(x * LAWS[e][0] for e, x in carried.items()) / sum(carried.values())
        error = (line["parts_high"] - line["parts_low"]) / 2
        assert abs(line["parts"] - exact) < 3 * error
        error = (line["difference_high"] - line["difference_low"]) / 2
        assert abs(line["difference"]) < 3 * error
        assert line["difference"] == pytest.approx(line["parts"] - line["direct"])
    closure = fits.closure()
    assert list(closure.index) == ["energy", "curvature"]
    for _, line in closure.iterrows():
        error = (line["difference_high"] - line["difference_low"]) / 2
        assert abs(line["difference"]) < 3 * error
    total = row(fits.table(), "onsager")
    assert closure.loc["energy", "direct"] == total["energy"]


def test_the_total_is_a_weighted_line(series, fits):
    ordered = sorted(series, key=lambda r: r.settings["temperature_K"])
    t = np.array(TEMPERATURES)
    values = [float(r.decomposition["onsager"].sel(window=2).squeeze()) for r in ordered]
    drawn = [r.samples("onsager")[:, 0, 0, 1] / v for r, v in zip(ordered, values, strict=True)]
    spread = [np.ptp(np.percentile(x, [15.8655254, 84.1344746])) / 2 for x in drawn]
    x = inverse_energy(t)
    slope = np.polyfit(x, np.log(values * t), 1, w=1 / np.array(spread))[0]
    assert row(fits.table(), "onsager")["energy"] == pytest.approx(-slope, rel=1e-9)
    # sigma T and L T of one species differ by a factor
    assert row(fits.table(), "conductivity")["energy"] == pytest.approx(-slope, rel=1e-9)
    line = linregress(x, np.log(values * t))
    assert abs(line.slope - slope) < 0.02


def test_energy_is_that_of_frequency_plus_effectiveness(fits):
    table = fits.table()
    assert "carrier_density" not in set(table["quantity"])
    for event in LAWS:
        whole, often, reach = (
            row(table, q, event)["energy"] for q in ("onsager", "frequency", "effectiveness")
        )
        assert whole == pytest.approx(often + reach, abs=1e-12)


def test_effectiveness_is_the_variable_of_the_result(series, fits):
    ordered = sorted(series, key=lambda r: r.settings["temperature_K"])
    data = fits.data
    for event in LAWS:
        at = np.flatnonzero(
            (data["quantity"].values == "effectiveness") & (data["event"].values == event)
        )[0]
        expected = [
            float(r.decomposition["effectiveness"].sel(window=2, event=event).squeeze())
            for r in ordered
        ]
        np.testing.assert_allclose(data["value"].values[at], expected, rtol=1e-10)


def test_expanding_cells_add_an_energy_of_the_density():
    fits = arrhenius([result(t, volume=2000 * (1 + 1e-4 * t)) for t in TEMPERATURES], window=2)
    table = fits.table()
    for event in LAWS:
        whole, often, reach, dense = (
            row(table, q, event)["energy"]
            for q in ("onsager", "frequency", "effectiveness", "carrier_density")
        )
        assert whole == pytest.approx(often + reach + dense, abs=1e-12)
        assert -0.02 < dense < 0


def test_a_mode_that_changes_sign_is_refused_and_still_in_the_budget():
    small = [
        result(t, laws=LAWS | {"exchange": (0.0, 3e36 * (t - 650), 0.1)}) for t in TEMPERATURES
    ]
    fits = arrhenius(small, window=2)
    refused = row(fits.table(), "onsager", "exchange")
    assert np.isnan(refused["energy"])
    assert refused["sign"] == 0
    assert refused["reason"] == ("changes sign: positive at 700, 800 K, negative at 500, 600 K")
    assert row(fits.table(), "effectiveness", "exchange")["reason"] == refused["reason"]
    assert row(fits.table(), "frequency", "exchange")["reason"] == ""
    line = fits.closure().loc["energy"]
    assert abs(line["difference"]) < 3 * (line["difference_high"] - line["difference_low"]) / 2


def test_signs_that_are_not_certain_are_refused():
    few = [result(t, laws=LAWS | {"exchange": (0.1, 1e39, 0.1)}, seed=3) for t in TEMPERATURES]
    few[0].resampled["event_onsager"][:80, 0, 0, 3] *= -1
    reason = row(arrhenius(few, window=2).table(), "onsager", "exchange")["reason"]
    assert reason == (
        "sign not known at 500 K: 80 of 400 resamples at 500 K are zero or of the other sign, more "
        "than 16%"
    )


def test_two_temperatures_warn_and_give_no_goodness():
    with pytest.warns(UserWarning, match="two temperatures"):
        fits = arrhenius([result(500.0), result(800.0)], window=2)
    assert fits.table()["reduced_chi2"].isna().all()
    closure = fits.closure()
    assert np.isnan(closure.loc["curvature", "parts"])
    assert closure.loc["energy", "difference"] == pytest.approx(0, abs=1e-9)
    assert row(fits.table(), "onsager", "multi_ion_hop")["energy"] == pytest.approx(0.35, abs=0.02)


@pytest.mark.parametrize(
    ("energy", "words"),
    [
        (-0.3, r"\(-.*\); transport slows down on heating: .* temperatures, which are 500, 800 K"),
        (4.0, r"no ion moves with such: .* temperatures, which are 500, 800 K"),
        (0.3, None),
    ],
)
def test_energies_that_no_transport_has_are_said(energy, words):
    laws = {"single_ion_hop": (energy, 2e41, 0.1)}
    series = [result(t, laws=laws) for t in (500.0, 800.0)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        arrhenius(series, window=2)
    said = [str(w.message) for w in caught if "activation energy of" in str(w.message)]
    assert len(said) == (words is not None)
    assert words is None or re.search(f"activation energy of onsager Li\\+: .*{words}", said[0])


@pytest.mark.parametrize(
    ("others", "options", "message"),
    [
        ([], {}, "results holds 1 of them: an activation energy needs at least two"),
        ([{"temperature": 500.0}], {}, "two results are at 500 K: give one per temperature"),
        ([{"name": "Na+"}], {}, r"species differ between temperatures: Li\+ at 500 K"),
        ([{"events": EVENTS[:3]}], {}, "events differ between temperatures"),
        ([{"frame": "laboratory"}], {}, "frame of reference differ between temperatures"),
        ([{"windows": (1.0, 3.0, 5.0)}], {"window": 2},
         r"nearest scanned ones are 2 at 500 K, 1 at 600 K \(ps\); common to all are 1; .*dows="),
        ([{"windows": (3.0, 5.0)}], {"view": "window"}, "no window has ten blocks at every temp"),
        ([{}], {"window": 9}, "window=9 ps is outside the scan at 500 K, 1 to 4 ps"),
        ([{}], {"window": 1, "horizon": 2}, "the window view has one length"),
        ([{"advice": (1.0, None)}], {"resolution": 1}, "the slope view needs horizon=.*the reason"),
        ([{"advice": (None, 2.0)}], {"view": "slope"}, "needs resolution=.*the reason"),
        ([{}], {"window": 1, "view": "slope"}, "window=1 belongs to view='window'"),
        ([{}], {"resolution": 2, "horizon": 2.6}, "resolution 2 ps and horizon 3 ps is not in"),
        ([{}], {"view": "path", "resolution": 1, "horizon": 2}, "has no path view"),
        ([{}], {"view": "diffusive", "window": 2}, "diffusive view takes resolution=... alone"),
        ([{}], {"window": "2"}, "window must be a number above 0 in ps, got '2'; leave it out"),
        ([{}], {"resolution": [2]}, "resolution must be a number above 0 in ps, got"),
        ([{}], {"horizon": True}, "horizon must be a number above 0 in ps, got True"),
        ([{}], {"view": "slopes"}, "view must be one of"),
        ([{}], {"model": "wlf"}, "model must be one of"),
        ([{}], {"model": "vtf"}, "needs four temperatures, got 2"),
        ([{}], {"species": "K+"}, r"species='K\+' is not in this result"),
        ([{"unknown": True}], {"window": 2}, "at 600 K has no intervals at window 2 ps: fewer"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(others, options, message):
    made = [result(500.0), *(result(**({"temperature": 600.0} | o)) for o in others)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError, match=message):
            arrhenius(made, **({"view": "window"} if "window" in options else {}) | options)


def test_one_result_alone_is_refused():
    with pytest.raises(InputError, match="results must be a list"):
        arrhenius(result(500.0))
    with pytest.raises(FileNotFoundError, match="no result file at"):
        arrhenius(["500K.nc", "600K.nc"])


def test_a_whole_without_a_logarithm_has_energies_but_no_budget():
    laws = LAWS | {"no_hop": (0.15, -2e41, 0.0)}
    fits = arrhenius([result(t, laws=laws, relative=0.9) for t in TEMPERATURES], window=2)
    assert row(fits.table(), "onsager")["reason"]
    with pytest.raises(InputError, match=r"there is no budget: L T of Li\+ has no logarithm"):
        fits.budget()
    assert "curvature" not in fits._repr_html_()


def test_rules_that_differ_are_warned_of():
    made = [result(t, persistence=p) for t, p in zip(TEMPERATURES, (5, 5, 5, 10), strict=True)]
    with pytest.warns(UserWarning, match=r"rules or detectors differ .*persistence_ps: 10"):
        arrhenius(made, window=2)


def test_the_longest_common_window_with_ten_blocks_is_the_default(series):
    assert arrhenius(series, view="window").data.attrs["window_ps"] == 2.0
    shorter = [*series[:3], result(600.0, windows=(1.0, 1.5, 4.0))]
    assert arrhenius(shorter, view="window").data.attrs["window_ps"] == 1.0


def test_the_slope_view_is_read_where_it_is_recommended_at_every_temperature(series):
    advised = [*series[:3], result(600.0, advice=(1.0, 2.0))]
    fits = arrhenius(advised)
    assert fits.data.attrs["view"] == "slope"
    # the shortest resolution, the longest horizon
    assert (fits.data.attrs["resolution_ps"], fits.data.attrs["horizon_ps"]) == (1.0, 4.0)
    none = [*series[:3], result(600.0, advice=(None, 2.0))]
    with pytest.warns(
        UserWarning, match=r"window view is used, as there .*no slope view at 600 K \(.*the reason"
    ):
        assert arrhenius(none).data.attrs["view"] == "window"


def test_the_slope_view_has_its_own_place(series):
    fits = arrhenius(series, resolution=2, horizon=4)
    assert fits.data.attrs["view"] == "slope"
    assert fits.data.attrs["view_description"] == "slope view, resolution 2 ps and horizon 4 ps"
    table = fits.table()
    for event, (energy, prefactor, _) in LAWS.items():
        found = row(table, "onsager", event)
        error = (found["high"] - found["low"]) / 2
        assert abs(found["energy"] - energy) < 3 * error
        assert abs(found["log_prefactor"] - np.log(0.9 * abs(prefactor))) < 3 * error / 0.05
        often, reach = (row(table, q, event)["energy"] for q in ("frequency", "effectiveness"))
        assert found["energy"] == pytest.approx(often + reach, abs=1e-12)
    assert "self_diffusivity" not in set(table["quantity"])
    line = fits.closure().loc["energy"]
    assert abs(line["difference"]) < 3 * (line["difference_high"] - line["difference_low"]) / 2


def test_vtf_stands_beside_the_straight_line():
    temperatures = (380.0, 400.0, 430.0, 470.0, 520.0)
    laws = {"single_ion_hop": (0.0, 1e40, 0.1), "multi_ion_hop": (0.0, 3e40, 0.1)}
    made = [result(t, laws=laws, vtf=True, n_samples=60) for t in temperatures]
    with pytest.warns(UserWarning, match=r"not straight.*: onsager Li\+ total \(VTF\), conduct"):
        fits = arrhenius(made, window=2, model="vtf")
    table = fits.vtf()
    assert set(table["quantity"]) == {"onsager", "conductivity", "self_diffusivity"}
    for _, line in table[table["quantity"] == "onsager"].iterrows():
        assert line["reason"] == ""
        assert abs(line["t0"] - 300) < 3 * (line["t0_high"] - line["t0_low"]) / 2
        assert abs(line["b"] - 600) < 3 * (line["b_high"] - line["b_low"]) / 2
        assert line["reduced_chi2"] < line["reduced_chi2_arrhenius"]
        assert line["aicc"] < line["aicc_arrhenius"]
    assert "<table" in fits._repr_html_()
    with pytest.warns(UserWarning, match="not straight"):
        line = arrhenius(made, window=2, model="arrhenius")
    with pytest.raises(InputError, match="call arrhenius with model='vtf'"):
        line.vtf()
    with pytest.raises(InputError, match="call arrhenius with model='segments'"):
        line.segments()


def test_energies_in_both_units(fits):
    volts, moles = fits.table(), fits.table("kJ/mol")
    np.testing.assert_allclose(moles["energy"], volts["energy"] * 96.48533, rtol=1e-6)
    np.testing.assert_allclose(moles["high"], volts["high"] * 96.48533, rtol=1e-6)
    assert moles.attrs["energy_unit"] == "kJ/mol"
    with pytest.raises(InputError, match="unit must be one of eV, kJ/mol, got 'J'"):
        fits.table("J")


def test_only_the_fitted_species_has_a_budget(fits):
    assert fits.budget("Li+").equals(fits.budget())
    with pytest.raises(InputError, match=r"call arrhenius with species='Na\+'"):
        fits.closure("Na+")


def test_it_shows_itself_and_is_saved(fits, tmp_path):
    assert repr(fits).startswith("<Arrhenius: Li+ at 500, 600, 700, 800 K, window view")
    html = fits._repr_html_()
    assert "multi_ion_hop" in html
    assert "curvature" in html
    path = fits.save(tmp_path / "fits.nc")
    with xr.open_dataset(path, engine="netcdf4") as again:
        xr.testing.assert_allclose(again.load(), fits.data)
        assert mda_ionmech.Arrhenius(again).table().equals(fits.table())
    for name, variable in fits.data.data_vars.items():
        assert variable.attrs["units"], name
        assert variable.attrs["long_name"], name


def test_figure_has_one_colour_per_event_and_open_symbols_below_zero(fits):
    ax = fits.plot()
    assert ax.get_yscale() == "log"
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert [text.split(":")[0] for text in labels] == [
        "total", "no_hop", "single_ion_hop", "multi_ion_hop",
    ]  # fmt: skip
    shown = {c.get_label().split(":")[0]: c.lines[0] for c in ax.containers}
    np.testing.assert_allclose(shown["total"].get_xdata(), 1000 / np.array(TEMPERATURES))
    assert shown["no_hop"].get_markerfacecolor() == "white"
    assert shown["multi_ion_hop"].get_color() == EVENT_COLORS["multi_ion_hop"]
    first = np.flatnonzero(fits.data["event"].values == "no_hop")[0]
    np.testing.assert_allclose(
        shown["no_hop"].get_ydata(), np.abs(fits.data["value"].values[first])
    )
    given = plt.figure().subplots()
    assert fits.plot(given) is given
    plt.close("all")


@pytest.mark.slow
def test_command_prints_tables_and_writes_files(series, tmp_path, monkeypatch):
    from mda_ionmech.cli.app import app
    from mda_ionmech.results import arrhenius as temperature

    held = {f"{r.settings['temperature_K']:g}K.nc": r for r in series}
    monkeypatch.setattr(temperature, "load", lambda path: held[path.name])
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["arrhenius", *held, "--window", "2", "-o", "out"])
    assert done.exit_code == 0, done.output
    for text in ("multi_ion_hop", "kJ/mol", "gap", "Curvature", "frequency", "sigma T"):
        assert text in done.stdout
    assert "…" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"arrhenius.nc", "arrhenius.png"}
    # negative numbers are wider
    falling = arrhenius(series, window=2).data.copy()
    for name in falling.data_vars:
        if str(name) == "budget_holds":
            falling[name] = ~falling[name]
        elif str(name).startswith(("energy", "budget", "closure")):
            falling[name] = -abs(falling[name]) / 10
    console = Console(width=80, record=True, file=io.StringIO())
    print_arrhenius(console, mda_ionmech.Arrhenius(falling))
    assert "…" not in console.export_text()
    two = CliRunner().invoke(app, ["arrhenius", *list(held)[:2], "--window", "2", "-o", "out"])
    assert "Warning: two temperatures" in two.stdout
