"""The page of several results: values, differences, temperatures."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.report import write_report

from ..builders import brownian, decompose, make_universe
from .test_report import checked


def run(seed, temperature=300.0, diffusion=0.05, **options):
    paths = brownian(np.random.default_rng(seed), 600, 8, diffusion, 1.0) + 20
    ions = IonSpecies(make_universe(paths).atoms, charge=1, name="ion")
    options = {"temperature": temperature, "frame": "laboratory"} | options
    return OnsagerDecomposition([ions], **options).run().results


@pytest.mark.slow
def test_values_of_every_run_and_their_differences(tmp_path):
    listed = [run(1), run(2), run(3, diffusion=0.2)]
    files = [one.save(tmp_path / f"run-{k}.nc") for k, one in zip("abc", listed, strict=True)]
    found = checked(write_report(listed, tmp_path / "page.html", source=files))
    values = {tuple(row[:2]): row[2:5] for row in found.store["data"]["values-by-run"]["rows"]}
    for name, results in zip(("run-a", "run-b", "run-c"), listed, strict=True):
        row = results.transport().loc["conductivity"]
        assert values["conductivity", name] == [row["value"], row["low"], row["high"]]
        assert f"{name}: conductivity" in found.text
    apart = {tuple(row[:2]): row for row in found.store["data"]["differences"]["rows"]}
    key = "self-diffusivity ion", "run-c"
    difference = values[key][0] - values["self-diffusivity ion", "run-a"][0]
    assert apart[key][3] == pytest.approx(difference)
    assert apart[key][7] > 10
    assert abs(apart["self-diffusivity ion", "run-b"][7]) < 4
    assert ("transference number ion", "run-b") not in apart  # one by definition
    assert "differences from run-a exceed 2 standard errors" in found.text
    assert "No setting differs." in found.text
    assert (tmp_path / "page.html").stat().st_size < 1.8e6
    assert "activation-energies" not in found.store["data"]


@pytest.mark.slow
def test_runs_are_ordered_by_temperature_with_their_energies(tmp_path):
    energy = 0.2  # eV, in the diffusion coefficient
    rates = {t: 20 * np.exp(-energy / (8.617e-5 * t)) for t in (500.0, 300.0, 400.0)}
    listed = [run(k, t, d) for k, (t, d) in enumerate(rates.items())]
    found = checked(write_report(listed, tmp_path / "page.html"))
    assert "300 K (300 K), 400 K (400 K), 500 K (500 K)" in found.text
    rows = found.store["data"]["activation-energies"]["rows"]
    names = [c[0] for c in found.store["data"]["activation-energies"]["columns"]]
    (mine,) = [
        dict(zip(names, row, strict=True)) for row in rows
        if row[names.index("quantity")] == "onsager" and row[names.index("event")] == "total"
    ]  # fmt: skip
    error = (mine["high"] - mine["low"]) / 2
    assert mine["energy"] == pytest.approx(energy, abs=4 * error)
    assert 0 < error < 0.05
    assert "arrhenius" in found.store["charts"]


@pytest.mark.slow
def test_results_that_cannot_be_compared(tmp_path):
    with pytest.raises(InputError, match=r"levels 0\.68, 0\.95, which cannot be compared"):
        write_report([run(1), run(2, level=0.95)], tmp_path / "page.html")


@pytest.mark.slow
def test_a_run_without_a_diffusive_limit_is_told(tmp_path):
    short = decompose(
        make_universe(brownian(np.random.default_rng(1), 60, 8, 0.05, 1.0) + 20), windows=[2.0]
    )
    found = checked(write_report([run(1), short], tmp_path / "page.html"))
    assert "Some runs have a diffusive limit and others do not" in found.text
