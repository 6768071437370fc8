"""Settings as a configuration that repeats the run, and as a methods paragraph."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.cli import demos
from mda_ionmech.cli.config import build_analysis, load_config
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import CageAssignment
from mda_ionmech.report.bibliography import ENTRIES, entry_of
from mda_ionmech.report.configuration import configuration
from mda_ionmech.report.methods import methods
from mda_ionmech.report.reading import Reading

from ..builders import decompose, make_universe


@pytest.mark.parametrize("name", ["liquid", "polymer"])
def test_the_configuration_repeats_the_run_bit_for_bit(name, tmp_path):
    first = demos.DEMOS[name](datasets.load(name)).run(start=10, stop=130, step=2).results
    text, missing = configuration(first.settings)
    assert len(missing) == 1
    folder = Path(datasets.path(name))
    for file in folder.glob(f"{name}.*"):
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "again.toml").write_text(text, encoding="utf-8")
    config = load_config(tmp_path / "again.toml")
    analysis = build_analysis(config)
    options = config.run.values(lambda text, key: text)
    again = analysis.run(**{k: v for k, v in options.items() if k in ("start", "stop", "step")})
    for variable in ("onsager", "event_onsager", "share_low", "path_slope", "conductivity_high"):
        np.testing.assert_array_equal(
            again.results.decomposition[variable].values, first.decomposition[variable].values
        )


def test_what_is_not_recorded_is_said(tmp_path):
    results = demos.crystal_analysis(datasets.crystal()).run(stop=60).results
    text, missing = configuration(results.settings, vehicle=True)
    file = tomllib.loads(text)
    assert file["analysis"]["projection"] == "vehicle"
    assert file["species"][0]["microstates"] == {
        "rule": "SiteAssignment", "framework": "type 3", "assignment": "core", "r_core": 0.6,
        "hop_time": "entry",
    }  # fmt: skip
    assert file["species"][0]["events"]["shared"] == 1.0
    assert any("give cif and species" in line for line in missing)
    settings = results.settings
    settings["replicas"] = [{}, {}]
    settings["species"][0]["events"] = {"rule": "MyEvents", "names": ["a"]}
    missing = configuration(settings)[1]
    assert any("mda_ionmech.combine" in line for line in missing)
    assert any("Import path and options of MyEvents" in line for line in missing)


def test_cages_are_recorded_completely():
    universe = datasets.crystal()
    lithium = IonSpecies(
        universe.select_atoms("element Li"), charge=1, name="Li+",
        microstates=CageAssignment(time=0.2, distance=1.4), events=CrystalEvents(),
    )  # fmt: skip
    analysis = OnsagerDecomposition([lithium], temperature=800, windows=[0.5], resolutions=None)
    results = analysis.run(stop=60).results
    text, missing = configuration(results.settings)
    assert tomllib.loads(text)["species"][0]["microstates"] == {
        "rule": "CageAssignment", "time": 0.2, "distance": 1.4
    }  # fmt: skip
    assert not any("CageAssignment" in line for line in missing)


def test_any_text_stays_one_string():
    results = decompose(make_universe(np.zeros((40, 2, 3)) + np.arange(40)[:, None, None] * 0.1),
                        windows=[2.0])  # fmt: skip
    settings = results.settings
    hostile = 'a"b\\c\n[run]\nstop = 1\x7f\u2028'
    settings["trajectory"], settings["topology"] = hostile, hostile
    settings["species"][0]["name"] = hostile
    text, missing = configuration(settings)
    file = tomllib.loads(text)
    assert file["topology"] == hostile
    assert file["species"][0]["name"] == hostile
    assert file["run"] == {"start": 0, "stop": 40, "step": 1}
    assert file["analysis"]["resolutions"] == "none"
    settings["trajectory"] = None
    assert any("in memory" in line for line in configuration(settings)[1])
    settings["n_frames"] = 7
    assert any("one by one" in line for line in configuration(settings)[1])
    assert missing


def test_methods_cite_what_was_used_in_order(liquid_run):
    found = methods(Reading.of(liquid_run.results, None))
    text = " ".join(found.paragraphs)
    numbers = [int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(", ")]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(found.works) + 1))
    for said in ("3001 frames", "16 Li+ (+1 e)", "centres of mass of residues", "330 K",
                 "solvent atoms below 2.8 Å", "SolvationEvents", "IonPairing (SSIP, CIP and AGG)",
                 "bootstrap samples", "centre of mass of the system"):  # fmt: skip
        assert said in text
    assert ENTRIES["vonbulow2020"] in found.works  # coordinates were wrapped
    assert found.bibtex.count("@") == len(found.works)
    keys = re.findall(r"^@\w+\{(\w+),$", found.bibtex, re.MULTILINE)
    assert len(set(keys)) == len(found.works)
    assert found.bibtex.count("{") == found.bibtex.count("}")


def test_methods_of_windows_alone_do_not_cite_what_was_not_done():
    rng = np.random.default_rng(2)
    paths = np.cumsum(rng.normal(scale=0.3, size=(60, 4, 3)), axis=0) + 20
    found = methods(Reading.of(decompose(make_universe(paths), windows=[2.0]), None))
    assert ENTRIES["vonbulow2020"] not in found.works
    assert "windows of 2 ps" in " ".join(found.paragraphs)
    assert "diffusive limit" not in " ".join(found.paragraphs)


def test_every_citation_of_a_result_has_an_entry(liquid_run):
    entries = [entry_of(line) for line in liquid_run.results.citations]
    assert all(one in ENTRIES.values() for one in entries)
    other = entry_of("A & B_c, 50 % {x}, 10.1000/x")
    assert other.text == "A & B_c, 50 % {x}, 10.1000/x"
    assert r"A \& B\_c, 50 \% \{x\}" in other.bibtex
