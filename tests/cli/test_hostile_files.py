"""Configurations and options of wrong types and sizes: an error by name, never a traceback."""

import os
import sys

import MDAnalysis as mda
import pytest
from typer.testing import CliRunner

from mda_ionmech import InputError
from mda_ionmech.cli import config
from mda_ionmech.cli.app import app

from ..analysis.test_hostile_values import U

#: A configuration by its tables, values as they are written.
GOOD = {
    "": {"topology": '"t.pdb"', "trajectory": '"t.xtc"'},
    "universe": {},
    "analysis": {"temperature": "300", "frame": '"laboratory"', "windows": "[1.0, 2.0]"},
    "species": {"name": '"ion"', "selection": '"name I"', "charge": "1"},
    "species.microstates": {"cutoff": "11.0"},
    "species.microstates.ligands": {"solvent": '"name O"'},
    "species.events": {},
    "species.macrostates": {"rule": '"ShellComposition"'},
    "run": {"stop": "30"},
    "output": {"folder": '"out"', "figures": "[]"},
}  # fmt: skip
ON_SITES = {
    "fractional": "[[0.1, 0.1, 0.1], [0.5, 0.5, 0.5]]", "labels": '["a", "b"]',
    "framework": '"name O"',
}  # fmt: skip
HOSTILE = [
    "9" * 400, "9" * 5000, "9223372036854775808", "1e999", "nan", "-1", "0", "true", "[]", "{}",
    '""', "1979-05-27T07:32:00Z", '"' + "L" * 20_000 + '"', '"a\\u0000b"', '"\\u202eabc"',
    "[[1, 2], [3]]", '["a", 1]', "[{}]", "{a = {b = {c = 1}}}", '{"" = 1}', '"name I and"', '"/"',
]  # fmt: skip
SECTIONS = {
    "": [config.Config],
    "analysis": [config.AnalysisSection],
    "species": [config.SpeciesSection],
    "run": [config.RunSection],
    "output": [config.OutputSection],
    "species.microstates": [
        config.CutoffShellSection, config.HullShellSection, config.SiteAssignmentSection,
        config.CageAssignmentSection,
    ],
    "species.events": [
        config.SolvationEventsSection, config.PolymerEventsSection, config.CrystalEventsSection
    ],
    "species.macrostates": [
        config.IonPairingSection, config.ShellCompositionSection, config.SiteTypeSection
    ],
}  # fmt: skip
UNIVERSE = ["topology_format", "format", "atom_style", "dt", "continuous", "guess_bonds", "nokey",
            "dimensions", "elements", "bonds", "trajectory_format"]  # fmt: skip


def written(tables, without=()):
    lines = []
    for name, values in tables.items():
        if name not in without:
            heading = "[[species]]" if name == "species" else f"[{name}]"
            lines += [heading] * bool(name) + [f"{k} = {v}" for k, v in values.items()]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    U.atoms.write(folder / "t.pdb")
    with mda.Writer(str(folder / "t.xtc"), U.atoms.n_atoms) as file:
        for _ in U.trajectory:
            file.write(U.atoms)
    return folder


@pytest.fixture
def finalised(monkeypatch):
    """What finalisers raise: Python prints it as a traceback."""
    raised = []
    monkeypatch.setattr(sys, "unraisablehook", lambda problem: raised.append(problem.exc_value))
    return raised


def tried(folder, content):
    """Whether a configuration is accepted; else it is refused in a message that is not long."""
    path = folder / "c.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = None
    try:
        config.build_analysis(config.load_config(path))
    except (InputError, FileNotFoundError) as error:
        message = str(error)
    assert message is None or 0 < len(message) < 2500, (content[:500], message[:500])
    return message is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", [*SECTIONS, "universe"])
def test_any_value_of_any_key(folder, finalised, place):
    assert tried(folder, written(GOOD))
    for section in SECTIONS.get(place, [None]):
        rule = "" if section is None else section.__name__.removesuffix("Section")
        for key in UNIVERSE if section is None else section.model_fields:
            tables = {name: dict(values) for name, values in GOOD.items()}
            chosen, without = tables[place], set()
            if place.count(".") and key != "rule":
                chosen["rule"] = f'"{rule}"'
            if place == "species.microstates" and rule != "CutoffShell":
                del chosen["cutoff"]
            if rule == "CageAssignment":
                without = {"species.microstates.ligands"}
                tables["species.events"] = {"rule": '"CrystalEvents"'}
            if rule == "SiteAssignment":
                chosen |= ON_SITES
                without = {"species.microstates.ligands"}
                tables["species.events"] = {"rule": '"CrystalEvents"'}
                tables["species.macrostates"] = {"rule": '"SiteType"'}
            below = f"{place}.{key}".lstrip(".")
            without |= {n for n in tables if n == below or n.startswith(f"{below}.")}
            for value in HOSTILE:
                chosen[key] = value
                tried(folder, written(tables, without))
    assert not finalised


@pytest.mark.filterwarnings("ignore")
def test_tables_in_place_of_others(folder, finalised):
    for name in [*GOOD][1:]:
        parent, _, key = name.rpartition(".")
        for value in HOSTILE:
            tables = {k: dict(v) for k, v in GOOD.items()}
            tables[parent][key] = value
            below = {n for n in tables if n == name or n.startswith(f"{name}.")}
            tried(folder, written(tables, below))
    good = written(GOOD)
    for content in (
        "", "[", "[[species]]", "[species]", "[analysis]", b"\xff\xfe\x00", b"\xe9 = 1", b"\x00",
        good + "[[species]]\n", good + "[[species.microstates]]\n", good + "[analysis.x]\n",
        good.replace("[[species]]", "[species]"), good.replace("[[species]]", "[[species.x]]"),
        good.replace("[analysis]", "[[analysis]]"), good.encode().replace(b"ion", b"i\xf6n"),
        good.encode("utf-16"),
    ):  # fmt: skip
        assert not tried(folder, content)
    assert not finalised


VALUES = ["9" * 400, "nan", "", "-1", "\udce9x", "[red]"]


@pytest.fixture(scope="module")
def result(folder):
    path = folder / "good.toml"
    path.write_text(written(GOOD | {"output": {"folder": '"done"', "figures": "[]"}}))
    done = CliRunner().invoke(app, ["run", str(path)])
    assert done.exit_code == 0, done.output
    return str(folder / "done" / "good.nc")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_any_value_of_any_option(folder, result, monkeypatch):
    monkeypatch.chdir(folder)
    given = {
        ("show", result): ["--window", "--view", "--resolution", "--horizon", "--species"],
        ("plot", result): ["--window", "--format"],
        ("report", result): ["--window"],
        ("combine", result, result): ["--window"],
        ("arrhenius", result, result): ["--window", "--species", "--view", "--model"],
        ("init", "t.pdb", "t.xtc", "-o", "k.toml", "--force", "--no-figure"): [
            "--dt", "--topology-format", "--atom-style", "--dimensions", "--elements",
            "--temperature", "--format", "--cif", "--lammps-coordinate-convention",
        ],
        ("run", "good.toml"): ["--backend", "--n-workers"],
    }  # fmt: skip
    commands = [[*command, o, v] for command, some in given.items() for o in some for v in VALUES]
    for name in ("run", "show", "combine", "arrhenius", "demo"):
        commands += [[name, value] for value in VALUES]
    commands += [["init", "--check", v] for v in VALUES]
    commands += [["init", v, "t.xtc"] for v in VALUES] + [["init", "t.pdb", v] for v in VALUES]
    for command in commands:
        error = CliRunner().invoke(app, command).exception
        expected = isinstance(error, SystemExit | InputError | FileNotFoundError | None)
        assert expected, (command, repr(error)[:300])


def test_files_whose_names_are_not_in_utf8(folder, monkeypatch):
    strange = os.fsencode(folder) + b"/t\xe9.pdb"
    try:
        os.link(folder / "t.pdb", strange)
    except OSError:
        pytest.skip("this file system holds no such name")
    monkeypatch.chdir(folder)
    for command in (
        ["init", os.fsdecode(strange), "t.xtc", "-o", "j.toml"],
        ["init", "t.pdb", os.fsdecode(strange), "-o", "j.toml"],
    ):
        error = CliRunner().invoke(app, command).exception
        assert isinstance(error, InputError)
        assert "is not in UTF-8" in str(error)
    done = CliRunner().invoke(app, ["run", os.fsdecode(strange)])
    assert isinstance(done.exception, InputError)
