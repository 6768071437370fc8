"""The shipped garnet at 500, 600 and 800 K: activation energies per mode, and their budget."""

import re

import numpy as np
import pytest
from scipy.stats import linregress
from typer.testing import CliRunner

from mda_ionmech import IonSpecies, OnsagerDecomposition, arrhenius, datasets, load
from mda_ionmech.cli.app import app
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.lib.errors import InputError
from mda_ionmech.results.arrhenius_fits import inverse_energy

from ..once import made_once
from ..test_docs import DOCS, rows

pytestmark = pytest.mark.slow

TEMPERATURES = np.array([500.0, 600.0, 800.0])
LENGTHS = {"windows": [0.4, 1.6, 6.4], "resolutions": [0.4], "horizons": [0.8, 1.6, 3.2, 6.4]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Result files of the three temperatures."""
    folder, _ = made_once(tmp_path_factory, "garnet", write_results)
    return [folder / f"{temperature:g}K.nc" for temperature in TEMPERATURES]


def write_results(folder):
    for temperature in TEMPERATURES:
        demo = crystal_analysis(datasets.crystal(temperature))
        (lithium,) = demo.species
        assert isinstance(lithium, IonSpecies)
        run = OnsagerDecomposition([lithium], temperature=temperature, **LENGTHS).run()
        run.save(folder / f"{temperature:g}K.nc")


@pytest.fixture(scope="module")
def fits(files):
    return arrhenius(files, resolution=0.4, horizon=1.6)


def row(fits, quantity, event):
    table = fits.table()
    return table[(table["quantity"] == quantity) & (table["event"] == event)].iloc[0]


def half(line, name=""):
    low, high = (line[f"{name}_{end}" if name else end] for end in ("low", "high"))
    return (high - low) / 2


def test_concerted_hops_cost_more_than_single_ones(fits):
    single, multi = (row(fits, "onsager", e) for e in ("single_ion_hop", "multi_ion_hop"))
    error = np.hypot(half(single), half(multi))
    assert multi["energy"] - single["energy"] > 3 * error
    assert 0 < single["energy"] < multi["energy"] < 0.3
    assert half(multi) < 0.05


def test_the_energy_grows_with_the_window_to_that_of_the_slope(files, fits):
    """Vibration inflates short windows, and it hardly feels the temperature."""
    total = row(fits, "onsager", "total")
    short = row(arrhenius(files, window=0.4), "onsager", "total")
    error = np.hypot(half(total), half(short))
    assert total["energy"] - short["energy"] > 2 * error
    # about 0.13 eV was read off mean squared displacements of these runs at long times
    late = row(arrhenius(files, resolution=0.4, horizon=6.4), "onsager", "total")
    assert abs(late["energy"] - 0.13) < 3 * half(late)
    assert half(total) < 0.03


def test_the_self_diffusion_coefficient_has_the_energy_of_the_squared_displacement(files):
    """Squared displacements of the bare coordinates, the drift of zirconium taken off."""
    squared = []
    for temperature in TEMPERATURES:
        universe = datasets.crystal(temperature)
        lithium = universe.select_atoms("element Li").indices
        host = universe.select_atoms("element Zr").indices
        frames = [
            ts.positions[lithium] - ts.positions[host].mean(axis=0) for ts in universe.trajectory
        ]
        moved = np.array(frames)[16:] - np.array(frames)[:-16]
        squared.append(np.mean(np.sum(moved.astype(float) ** 2, axis=-1)))
    found = row(arrhenius(files, window=1.6), "self_diffusivity", "total")
    expected = linregress(inverse_energy(TEMPERATURES), np.log(squared))
    assert abs(found["energy"] + expected.slope) < half(found)
    assert found["reduced_chi2"] < 5


def test_the_budget_closes(fits):
    for table in (fits.budget(), fits.closure()):
        for label, line in table.iterrows():
            assert abs(line["difference"]) < 3 * half(line, "difference"), label
            assert half(line, "parts") <= half(line, "direct") * 1.1, label


def test_lines_are_those_of_numpy_through_the_same_points(files, fits):
    values, errors = [], []
    for file, temperature in zip(files, TEMPERATURES, strict=True):
        results = load(file)
        where = {"resolution": 0.4, "horizon": 1.6}
        one = results.decomposition["path_slope"].sel(where).sum("event").squeeze()
        values.append(np.log(float(one) * temperature))
        samples = results.samples("path_slope")[:, 0, 0, :, 0, 1].sum(axis=1)
        errors.append(np.ptp(np.percentile(samples / float(one), [15.865525393, 84.134474607])))
    slope = np.polyfit(inverse_energy(TEMPERATURES), values, 1, w=1 / np.array(errors))[0]
    assert row(fits, "onsager", "total")["energy"] == pytest.approx(-slope, rel=1e-8)


def test_vibration_carries_nothing_so_it_has_no_energy(fits):
    assert row(fits, "onsager", "vibration")["reason"]
    assert row(fits, "onsager", "vibration")["sign"] == 0


def test_energies_of_frequency_effectiveness_and_density_add_up(fits):
    for event in ("single_ion_hop", "multi_ion_hop"):
        parts = [
            row(fits, q, event)["energy"] for q in ("frequency", "effectiveness", "carrier_density")
        ]
        assert row(fits, "onsager", event)["energy"] == pytest.approx(sum(parts), abs=1e-12)


def test_numbers_in_the_text_are_these(files):
    def cells(line, name="", value="energy"):
        low, high = (line[f"{name}_{end}" if name else end] for end in ("low", "high"))
        return [f"{line[name or value]:.3f}", f"{low:.3f} to {high:.3f}"]

    page = "concepts/temperature.md"
    fits = arrhenius(files, resolution=0.4, horizon=3.2)
    for event, *shown in rows(page, "quantity"):
        assert shown == cells(row(fits, "onsager", event))
    shown = rows(page, "T (K)")
    assert len(shown) == 3
    for temperature, *numbers in shown:
        line = fits.budget().loc[float(temperature)]
        assert numbers == cells(line, "parts") + cells(line, "direct")
    shown = rows(page, "L T over")
    assert len(shown) == 5
    for place, *numbers in shown:
        length = float(place.split()[-2])
        where = {"window": length}
        if place.startswith("slope"):
            where = {"resolution": 0.4, "horizon": length}
        assert numbers == cells(row(arrhenius(files, **where), "onsager", "total"))
    text = " ".join((DOCS / page).read_text("utf-8").split())
    bend = fits.closure().loc["curvature"]
    for name in ("parts", "direct"):
        value, low, high = (bend[f"{name}{end}"] for end in ("", "_low", "_high"))
        assert re.search(rf"{value:.4f}( eV²)? \({low:.4f} to {high:.4f}\)", text), name
    parts = ("frequency", "effectiveness", "carrier_density")
    often, reach, dense = (row(fits, q, "multi_ion_hop")["energy"] for q in parts)
    assert f"{often:.3f} of frequency, {reach:.3f} of effectiveness and {dense:.3f} of" in text
    share = [
        one.sel(event="multi_ion_hop").item() / one.sum("event").item()
        for one in (
            load(f).decomposition["path_slope"].sel(resolution=0.4, horizon=3.2).squeeze()
            for f in files
        )
    ]
    assert f"{share[0]:.2f} at 500 K and {share[2]:.2f} at 800 K" in text


def test_command_reads_files_and_chooses_for_itself(files, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(app, ["arrhenius", *map(str, files), "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "diffusive view, resolution 0.4 ps" in done.stdout
    assert "…" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert {p.name for p in tmp_path.iterdir()} == {"arrhenius.nc", "arrhenius.png"}


def test_the_diffusive_view_is_the_default_and_agrees_with_the_slope(files, fits):
    found = arrhenius(files)
    assert found.data.attrs["view"] == "diffusive"
    assert found.data.attrs["resolution_ps"] == 0.4
    for event in ("total", "single_ion_hop", "multi_ion_hop"):
        one, other = (row(x, "onsager", event) for x in (found, fits))
        assert abs(one["energy"] - other["energy"]) < 2 * np.hypot(half(one), half(other))
        # one horizon allows for nothing that may not be forgotten there
        assert half(one) < 1.5 * half(other), "all lags are about as precise as one horizon"
    own = row(found, "self_diffusivity", "total")
    assert 0.09 < own["energy"] < 0.13
    single, frequency, effect = (
        row(found, name, "single_ion_hop") for name in ("onsager", "frequency", "effectiveness")
    )
    density = row(found, "carrier_density", "single_ion_hop")
    parts = frequency["energy"] + effect["energy"] + density["energy"]
    assert single["energy"] == pytest.approx(parts, abs=1e-9)
    with pytest.raises(InputError, match="the diffusive view uses all lags"):
        arrhenius(files, view="diffusive", resolution=0.4, horizon=1.6)
