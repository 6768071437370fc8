"""Detectors and rules of the user's own, named in a configuration by their import path."""

import sys

import pytest

from mda_ionmech import InputError, datasets
from mda_ionmech.cli.config import build_analysis, load_config

MODULE = '''
import numpy as np
from mda_ionmech.events import EventRule
from mda_ionmech.macrostates import MacrostateRule, Macrostates
from mda_ionmech.microstates import Contacts, CutoffShell, Detector


class Nearest(Detector):
    """The nearest ligand atoms.

    Parameters
    ----------
    number : int
        How many.
    host : AtomGroup
        Something else.
    """

    def __init__(self, number=4, host=None, **ligands):
        super().__init__(**ligands)
        self.number, self.host = number, host

    def contacts(self, frame):
        d = frame.centres[:, None] - frame.ligands[None]
        length = np.linalg.norm((d - np.rint(d)) @ frame.cell, axis=-1)
        ligand = np.sort(np.argsort(length, axis=1)[:, : self.number], axis=1).astype(np.int32)
        carrier = np.repeat(np.arange(len(length), dtype=np.int32), self.number)
        return Contacts(carrier, ligand.ravel(), np.ones(len(carrier), dtype=bool))


class Tight(CutoffShell):
    """A shell with another default."""

    def __init__(self, cutoff: float = 2.5, **rest):
        super().__init__(cutoff, **rest)


class Change(EventRule):
    names = ("same", "changed")

    def __init__(self, of: str, *, strict: bool = False):
        self.of, self.strict = of, strict

    def label(self, before, after):
        return "same" if before.molecule_set(self.of) == after.molecule_set(self.of) else "changed"


class Crowd(MacrostateRule):
    names = ("alone", "crowded")

    def assign(self, states, index):
        micro = states.microstates[index]
        state = np.array([len(shell.atoms) > 4 for shell in micro.shells]).astype(np.int16)
        return Macrostates(state[micro.state], self.names)


class Unfinished(EventRule):
    names = ("a",)


VERSION = {version}
'''
RUN = """
topology = "{folder}/liquid.psf"
trajectory = ["{folder}/liquid.part1.xtc"]
[analysis]
temperature = 330
windows = [1.0]
resolutions = "none"
[[species]]
name = "Li+"
selection = "resname LI"
charge = 1
[species.microstates]
rule = "own_rules_of_a_user:Nearest"
number = 5
persistence = 2.0
host = "resname TFS and name S*"
ligands = {{ solvent = "resname ACN and name N1", anion = "resname TFS and name O*" }}
[species.events]
rule = "own_rules_of_a_user:Change"
of = "anion"
[species.macrostates]
rule = "own_rules_of_a_user:Crowd"
[[species]]
name = "TFSI-"
selection = "resname TFS"
charge = -1
compound = "residues"
[run]
stop = 21
"""


def folder_with(path, version=1):
    path.mkdir(exist_ok=True)
    (path / "own_rules_of_a_user.py").write_text(MODULE.replace("{version}", str(version)))
    (path / "run.toml").write_text(RUN.format(folder=datasets.path("liquid")))
    return path / "run.toml"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("own_rules_of_a_user", None)


def test_rules_of_ones_own_run_as_those_of_the_package(tmp_path):
    config = load_config(folder_with(tmp_path))
    run = build_analysis(config)
    lithium = run.species[0]
    shell = lithium.microstates
    assert (type(shell).__name__, shell.number, shell.persistence) == ("Nearest", 5, 2.0)
    assert set(shell.host.names) == {"S1", "S2"}
    assert shell.ligand_types == ("solvent", "anion")
    assert (lithium.events.of, lithium.events.strict) == ("anion", False)
    run.run(**config.run.model_dump())
    assert list(run.results.decomposition.event.values)[:2] == ["same", "changed"]
    assert run.macrostates["Li+"].names == ("alone", "crowded")
    assert set(run.macrostates["Li+"].state.ravel()) == {0, 1}


def test_workers_find_the_module(tmp_path):
    config = load_config(folder_with(tmp_path))
    serial = build_analysis(config).run(stop=21)
    workers = build_analysis(config).run(stop=21, backend="multiprocessing", n_workers=2)
    assert serial.results.decomposition.identical(workers.results.decomposition)


def test_arguments_of_base_classes_are_keys_too(tmp_path):
    path = folder_with(tmp_path)
    text = path.read_text().replace(":Nearest", ":Tight").replace("number = 5", "hysteresis = 0.5")
    path.write_text(text.replace('host = "resname TFS and name S*"', ""))
    shell = build_analysis(load_config(path)).species[0].microstates
    assert (shell.cutoff, shell.hysteresis, shell.persistence) == (2.5, 0.5, 2.0)


def test_modules_of_one_name_in_two_folders_are_two_modules(tmp_path):
    for version in (1, 2, 1):
        one = load_config(folder_with(tmp_path / str(version), version))
        rule = build_analysis(one).species[0].events
        assert version == sys.modules[type(rule).__module__].VERSION
        assert str(tmp_path / str(version)) == sys.path[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("number = 5", "numbr = 5", "microstates.numbr: unknown key; did you mean 'number'?"),
        ("number = 5", "number = 5\nligand = 1", "ligand: unknown key; did you mean 'ligands'?"),
        ('of = "anion"', "", "species.0.events.of: required and not given"),
        ('of = "anion"', "of = 3", "species.0.events.of: input should be a valid string, got 3"),
        (":Change", ":Chang", "own_rules_of_a_user has no Chang; did you mean 'Change'?"),
        (":Change", ":Crowd", "is no subclass of mda_ionmech.events.EventRule"),
        (":Change", ":VERSION", "is no subclass of mda_ionmech.events.EventRule"),
        (":Crowd", ":Change", "is no subclass of mda_ionmech.macrostates.MacrostateRule"),
        (":Nearest", ":Change", "is no subclass of mda_ionmech.microstates.Detector"),
        (":Change", ":Unfinished", "does not define label, as every EventRule must"),
        ("own_rules_of_a_user:Change", "own_rule:Change", "no module 'own_rule' in "),
        ("own_rules_of_a_user:Change", "own_rules_of_a_user.Change", "unknown rule 'own_rules_of"),
        ("own_rules_of_a_user:Change", "own rules:Change", "is no import path"),
        ("own_rules_of_a_user:Change", "json:Change", "json has no Change"),
        ('"own_rules_of_a_user:Change"', "7", "events.rule: unknown rule 7"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_of_ones_own_is_said(tmp_path, old, new, message):
    path = folder_with(tmp_path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert "has 1 problem(s)" in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("def (", "cannot be imported: SyntaxError"),
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_said_once_for_each_rule(tmp_path, line, message):
    path = folder_with(tmp_path)
    module = tmp_path / "own_rules_of_a_user.py"
    module.write_text(f"{line}\n{module.read_text()}")
    with pytest.raises(InputError, match=message) as caught:
        load_config(path)
    assert "has 3 problem(s)" in str(caught.value)


def test_a_module_does_not_take_the_place_of_another(tmp_path):
    path = folder_with(tmp_path)
    (tmp_path / "own_rules_of_a_user.py").rename(tmp_path / "json.py")
    path.write_text(path.read_text().replace("own_rules_of_a_user", "json"))
    with pytest.raises(InputError, match="has the name of another module that is in use"):
        load_config(path)
    assert "dumps" in vars(sys.modules["json"])


def test_what_a_constructor_refuses_is_said_with_its_place(tmp_path):
    path = folder_with(tmp_path)
    path.write_text(path.read_text().replace("persistence = 2.0", "persistence = -2.0"))
    with pytest.raises(InputError, match=r"species\.0\.microstates: persistence must be a time"):
        build_analysis(load_config(path))
