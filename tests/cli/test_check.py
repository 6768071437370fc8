"""`ionmech init --check` and what a run says at its start: a wrong input is seen before the run."""

import re

import pytest
from typer.testing import CliRunner

from mda_ionmech import datasets
from mda_ionmech.analysis.input_check import ONE_EVENT, check_input
from mda_ionmech.cli.app import app
from mda_ionmech.cli.config import build_analysis, load_config

FOLDER = datasets.path("liquid")
CONFIG = f"""
topology = "{FOLDER / "liquid.psf"}"
trajectory = "{FOLDER / "liquid.part1.xtc"}"
[analysis]
temperature = 330
[[species]]
name = "Li+"
selection = "resname LI"
charge = 1
[species.microstates]
cutoff = {{ solvent = 2.8, anion = 2.9 }}
[species.microstates.ligands]
solvent = "resname ACN and name N1"
anion = "resname TFS and name O1 O2 O3 O4"
[species.events]
rule = "SolvationEvents"
[[species]]
name = "TFSI-"
selection = "resname TFS"
charge = -1
compound = "residues"
[run]
stop = 400
[output]
figures = []
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(*changes):
        text = CONFIG
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "run.toml").write_text(text)
        return tmp_path / "run.toml"

    return write


def check(path):
    done = CliRunner().invoke(app, ["init", "--check", str(path)])
    return done.output, done.exception


def test_the_table_says_what_was_understood(config):
    output, error = check(config())
    assert error is None, output
    lines = output.splitlines()
    assert all(line.startswith("ok") for line in lines[:-1]), output
    for text in (
        "16 atoms of +1 e",
        "16 residues of -1 e",
        "CutoffShell of 224 solvent, 64 anion atoms; SolvationEvents",
        "330 K",
        "+0 e",
        "400 frames, 1 ps apart, 399 ps in all",
        "29.2",
        "g/cm3",
        "nothing implausible was found. Next: ionmech run",
        "solvent: first peak of g(r) at 2.1",
        "flat minimum after it from 2.",
        "anion: first peak of g(r) at ",
    ):
        assert text in output, text
    # 4.15 nitrogens and 0.2 oxygens, from the page of the data
    solvent = re.search(r"(\S+) \+- (\S+) solvent atoms within 2.80 Å", output)
    assert float(solvent[1]) == pytest.approx(4.1, abs=0.2)
    assert 0.2 < float(solvent[2]) < 1.2
    longest = re.search(r"longest step +(\S+) Å between", output)
    assert 0.5 < float(longest[1]) < 6


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            [
                ("charge = -1", "charge = -0.9"),
                ("temperature = 330", 'temperature = 330\nframe = "laboratory"'),
            ],
            "+1.6 e",
        ),
        ([("solvent = 2.8", "solvent = 0.9")], "0.00 +- 0.00 solvent atoms"),
        ([("temperature = 330", "temperature = 27")], "27"),
        ([('[species.events]\nrule = "SolvationEvents"\n', "")], ONE_EVENT),
    ],
)
def test_what_is_implausible_has_a_line(config, changes, told):
    output, _ = check(config(*changes))
    marked = [line for line in output.splitlines() if not line.startswith("ok")]
    assert any(told in line for line in marked), output


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([("figures = []", "figures = []\nwindow = 5000.0")], "output.window=5000 ps is outside"),
        ([("stop = 400", "stop = 2")], "three or more"),
        ([("anion = 2.9 }", "anion = 2.9 }\npersistence = 9000")], "persistence"),
        ([('rule = "SolvationEvents"', 'rule = "SolvationEvent"')], "did you mean"),
        ([("[output]", "[output]\nwindw = 3")], "output.windw: unknown key; did you mean 'window'"),
        ([("liquid.psf", "")], "is a folder"),
        ([("liquid.psf", "none.psf")], "no such file"),
    ],
)
def test_what_a_run_refuses_is_found_before(config, changes, told):
    path = config(*changes)
    output, error = check(path)
    assert error is not None
    assert told in str(error), output
    run = CliRunner().invoke(app, ["run", str(path)])
    assert told in str(run.exception), "the run refuses it with the same words"


def test_a_topology_of_another_system(config):
    other = datasets.path("polymer") / "polymer.psf"
    path = config((str(FOLDER / "liquid.psf"), str(other)))
    _, error = check(path)
    text = "the topology polymer.psf holds 960 atoms, the trajectory liquid.part1.xtc 928"
    assert text in str(error)


@pytest.mark.slow
def test_a_run_with_one_event_says_so(config):
    path = config(('[species.events]\nrule = "SolvationEvents"\n', ""), ("stop = 400", "stop = 60"))
    done = CliRunner().invoke(app, ["run", str(path)])
    assert done.exception is None, done.output
    told = " ".join(done.output.split())
    assert f"Warning: {ONE_EVENT}." in told
    assert told.count(ONE_EVENT) == 2, "before the run and with its tables"


@pytest.mark.slow
def test_a_run_shows_its_input_first_and_the_next_step_last(config):
    done = CliRunner().invoke(app, ["run", str(config(("stop = 400", "stop = 60")))])
    assert done.exception is None, done.output
    lines = [line for line in done.output.splitlines() if line.strip()]
    assert lines[0].startswith("60 frames, 1 ps apart")
    assert "330 K" in lines[1]
    assert "ionmech report" in lines[-2]
    assert "ionmech view" in lines[-1]
    assert "UserWarning" not in done.output


def test_the_analysis_is_not_changed_by_the_check(config):
    analysis = build_analysis(load_config(config()))
    before = analysis.species[0].microstates
    rows = check_input(analysis, stop=50)
    assert analysis.species[0].microstates is before
    assert rows[0].found == "330 K"


def test_the_check_takes_the_configuration_alone(config):
    done = CliRunner().invoke(app, ["init", "a.psf", "--check", str(config())])
    assert "--check takes the configuration alone" in str(done.exception)
    done = CliRunner().invoke(app, ["init"])
    assert "give a topology and trajectory files" in str(done.exception)
