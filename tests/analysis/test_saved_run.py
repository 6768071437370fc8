"""Runs that were saved answer without their trajectory what they answered before, bit for bit."""

import gc
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mda_ionmech
from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets, load_run
from mda_ionmech.analysis import saved_run
from mda_ionmech.analysis.gathered_run import GatheredRun
from mda_ionmech.cli.demos import DEMOS
from mda_ionmech.events import EventRule, SolvationEvents
from mda_ionmech.lib.files import checksum_of_content
from mda_ionmech.lib.frozen import changed
from mda_ionmech.macrostates import MacrostateRule, ShellComposition, map_shells
from mda_ionmech.microstates import CutoffShell, Detector

from ..builders import liquid_species, rows_of_two_species
from .test_shared_state import OwnRule, OwnShell, analysis, crystal, liquid, on_crystal, on_liquid

#: What a run is asked, and with what.
QUESTIONS = {
    "events": {"window": 2.0},
    "hops": {},
    "exponents": {},
    "displacement_spectrum": {},
    "residence_times": {},
    "channel_rates": {},
    "rate_control": {},
    "path_parts": {"resolution": 2.0, "horizon": 4.0},
    "vehicularity": {},
}
#: Of each run, choices that it tries.
TRIED = {
    "liquid": {"persistence": [0, 4.0], "cutoffs": [{"solvent": 2.8}]},
    "polymer": {"hysteresis": [0]},
    "crystal": {"linking": [("proximity", 3.0)]},
    "rows": {"linking": ["chain"]},
}


#: Attributes of what a manifest of the present format holds, by class.
ATTRIBUTES = """
Alignment: by residual shift
CageAssignment: _is_constructed distance ligands persistence time
CarrierAtoms: carrier id_of_all index
CrystalEvents: _is_constructed detail distance lag linking shared
CutoffShell: _is_constructed _margins _unsettled cutoff distributions hysteresis inner ligands
    outer persistence recorded
DensitySource: known known_labels operations origin repeats separation space_group threshold
    tolerance
HullShell: _is_constructed fallback host ligands persistence ratio search
IonPairing: _is_constructed anion by
IonSpecies: _is_constructed atoms carrier_of_atom charge compound events macrostates microstates
    n_carriers name
Ligands: atom kind molecule other_atom other_owner owner
Paths: cell dt position reference volume volume_variance
Polyhedra: atom closed mean numbers offsets vector
PolymerEvents: _chain _given _is_constructed _monomer chains counterion denticity names
RadialDistribution: coordination error g kind n_frames r
RecordedAtoms: charges ix masses names
SettledSites: alignment found fractional grid labels places polyhedra r_core radii reach reference
    seen site_of
ShellComposition: _chain _is_constructed anion chains count most of
SiteAssignment: _asked_core _is_constructed assignment coordination environment framework hop_time
    ligands persistence recorded settled source tally_names vertices
SiteGrid: boxes cell guess inverse order place start
SiteSource: centre density fractional ideal_elements ideal_framework labels lengths merge
    merge_across repeats
SiteType: _is_constructed
SolvationEvents: _given _is_constructed counterion names resolve
"""
#: And what it holds of a run.
FIELDS = """
species first ligands contacts tallies first_places molecule paths positions ligand_paths
ligand_masses frames times engine_step windows resolutions horizons temperature axes seed level
on_sites atoms carrier_mass selections about notes folder
"""


def with_rule(species, rule, argument="macrostates"):
    return changed(species, **{argument: rule})


def built():
    """Runs that use every detector and rule of the package."""
    lithium, anion = liquid_species()
    shell = CutoffShell(
        {"solvent": 2.7, "anion": 2.9}, hysteresis=0.6, persistence=3.0,
        recorded={"solvent": [2.8]}, **lithium.microstates.ligands,
    )  # fmt: skip
    yield "liquid", OnsagerDecomposition(
        [with_rule(lithium, shell, "microstates"), anion], temperature=330, windows=[1.0, 8.0],
        resolutions=[1.0, 2.0], horizons=[4.0], projection="vehicle", axes="xy",
    ), 150  # fmt: skip
    lithium, anion = DEMOS["polymer"](datasets.polymer()).species
    polymer = OnsagerDecomposition(
        [with_rule(lithium, ShellComposition("chains")), anion], temperature=480,
        windows=[2.0, 8.0], resolutions=[2.0], horizons=[4.0],
    )  # fmt: skip
    yield "polymer", polymer, 60
    crystal_run = OnsagerDecomposition(
        DEMOS["crystal"](datasets.crystal()).species, temperature=800, windows=[0.1, 0.4],
        resolutions=[0.1], horizons=[0.2],
    )  # fmt: skip
    yield "crystal", crystal_run, 150
    yield "rows", rows_of_two_species(), None
    for kind in ("cutoff", "hull"):
        yield kind, analysis([on_liquid(kind, liquid(1))]), None
    for kind in ("polyhedron", "density", "cages"):
        universe, host = crystal(1)
        yield kind, analysis([on_crystal(kind, universe, host)]), None


def plain(value):
    """An answer in values that can be compared bit for bit."""
    if isinstance(value, pd.DataFrame):
        columns = {str(name): plain(value[name].to_numpy()) for name in value}
        return [columns, value.index.tolist(), str(value.attrs)]
    if isinstance(value, mda_ionmech.Results):
        variables = {
            f"{node.path}/{name}": plain(np.asarray(one))
            for node in value.tree.subtree
            for name, one in node.variables.items()
        }
        return [variables, value.settings, value.warnings]
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return [value.dtype.str, value.shape, value.tobytes()]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value


def answers(run, name=None, folder=None):
    """Everything a run answers, or how it refuses, by name."""

    def asked(question, **given):
        try:
            found = getattr(run, question)(**given)
        except InputError as error:
            return str(error)
        if question == "events":
            return [plain(found.label), plain(found.flags), found.names, found.flag_names]
        return plain(found)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {question: asked(question, **given) for question, given in QUESTIONS.items()}
        if name in TRIED:
            found["robustness"] = asked("robustness", **TRIED[name])
            found["plain"] = asked("plain")
            found["relabelled"] = asked("relabelled", persistence=4.0)
        found["results"] = plain(run.results)
        found["summary"] = plain(run.results.summary())
        found["frames"], found["times"] = plain(run.frames), plain(run.times)
        found["names"] = [run.event_names(k) for k in range(len(run.species))]
        for one, micro in run.microstates.items():
            found[f"states of {one}"] = plain(micro.state)
        for one, macro in run.macrostates.items():
            found[f"macrostates of {one}"] = plain(macro.state)
        if folder is not None:
            run.save(folder / "run.nc")
            found["saved"] = plain(mda_ionmech.load(folder / "run.nc"))
            with np.load(run.save_states(folder / "run.states.npz"), allow_pickle=False) as file:
                found["saved states"] = {key: plain(values) for key, values in file.items()}
    return found


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == expected[name], name


#: Opens runs where no universe can be made, and writes what they answer.
ELSEWHERE = """
import pickle, sys
from pathlib import Path
import MDAnalysis

def refuse(*args, **kwargs):
    raise AssertionError("a universe was made")

from mda_ionmech import load_run
from tests.analysis.test_saved_run import answers
MDAnalysis.Universe.__init__ = refuse

folder = Path(sys.argv[1])
found = {p.stem: answers(load_run(p), p.stem, folder) for p in sorted(folder.glob("*.run"))}
(folder / "answers.pickle").write_bytes(pickle.dumps(found))
"""


def attributes_in(plain, found):
    """Attributes of the objects of a manifest, by class."""
    if isinstance(plain, dict):
        if "object" in plain:
            name, attributes = plain["object"]
            found.setdefault(name, set()).update(attributes)
        for one in plain.values():
            attributes_in(one, found)
    elif isinstance(plain, list):
        for one in plain:
            attributes_in(one, found)
    return found


@pytest.mark.slow
def test_a_new_process_without_trajectory_answers_the_same_bits(tmp_path):
    expected, met = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, run in ((name, made.run(stop=stop)) for name, made, stop in built()):
            path = run.save_run(tmp_path / f"{name}.run")
            expected[name] = answers(run, name, tmp_path)
            attributes_in(json.loads((path / "manifest.json").read_text())["run"], met)
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path)], check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    found = pickle.loads((tmp_path / "answers.pickle").read_bytes())
    assert found.keys() == expected.keys()
    for name in expected:
        assert_same(found[name], expected[name])
    refused = {question for question in QUESTIONS if isinstance(found["rows"][question], str)}
    assert refused == {"vehicularity"}
    assert not isinstance(found["liquid"]["vehicularity"], str)
    for name in TRIED:
        assert not isinstance(found[name]["robustness"], str)
    # a file of this format can be read as long as nothing of this changes: else raise VERSION
    assert saved_run.VERSION == 9
    known = re.findall(r"^(\w+): ([^:]*)$", ATTRIBUTES, re.MULTILINE)
    assert {name: sorted(one) for name, one in met.items()} == {
        name: sorted(attributes.split()) for name, attributes in known
    }
    assert {kind.__name__ for kind in saved_run.CLASSES} == set(met)


def test_fields_of_what_frames_gave_are_those_of_the_format():
    # raise VERSION when they change
    assert [one.name for one in fields(GatheredRun)] == FIELDS.split()


def test_detectors_and_rules_of_the_package_are_its_own():
    def below(kind):
        return {kind} | {deeper for one in kind.__subclasses__() for deeper in below(one)}

    every = below(Detector) | below(EventRule) | below(MacrostateRule)
    ours = {one for one in every if one.__module__.startswith("mda_ionmech.")}
    assert ours - {Detector, EventRule, MacrostateRule} <= set(saved_run.CLASSES)


@pytest.fixture(scope="module")
def small():
    return analysis([on_liquid("cutoff", liquid(1))]).run()


@pytest.fixture(scope="module")
def saved(small, tmp_path_factory):
    return small.save_run(tmp_path_factory.mktemp("saved") / "small.run")


@pytest.fixture
def copied(saved, tmp_path):
    return Path(shutil.copytree(saved, tmp_path / "small.run"))


@pytest.mark.slow
def test_a_loaded_run_can_be_saved_again_also_where_it_came_from(small, copied, tmp_path):
    expected = answers(small)
    run = load_run(copied)
    assert run.save_run(copied) == copied
    other = run.save_run(tmp_path / "other.run")
    assert_same(answers(run), expected)
    shutil.rmtree(copied)
    assert_same(answers(load_run(str(other))), expected)
    assert repr(run).startswith("<LoadedRun of ion; 240 frames")
    atoms = run.species[0].atoms
    assert atoms.names.tolist() == ["I"] * 4
    assert atoms.masses.tolist() == [7.0] * 4
    assert atoms.charges is None
    assert len(atoms) == atoms.n_atoms == run.species[0].n_carriers
    with pytest.raises(InputError, match=r"universe is not part of a saved run.*prepare\("):
        _ = atoms.universe


@pytest.mark.slow
@pytest.mark.parametrize("where", ["memory", "store"])
def test_a_run_on_disk_is_right_when_it_and_its_store_are_gone(where, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "mda_ionmech.analysis.choices.check_memory", lambda given: given and 100_000
    )
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("mda_ionmech.lib.frame_blocks.BLOCK_BYTES", 60_000)
    store = tmp_path / "run.store"
    options = {"memory": "1MB"} | ({"store": str(store)} if where == "store" else {})
    analysed = {"temperature": 330, "windows": [1.0, 8.0], "resolutions": [1.0, 4.0]}
    run = OnsagerDecomposition(liquid_species(), **analysed, **options).run(stop=200)
    assert isinstance(run.paths.position, np.memmap)
    expected = answers(run, "liquid")
    path = run.save_run(tmp_path / "liquid.run")
    del run
    gc.collect()
    if where == "store":
        shutil.rmtree(store)
    assert [one.name for one in tmp_path.iterdir()] == ["liquid.run"]
    before = {one: one.read_bytes() for one in path.rglob("*") if one.is_file()}
    back = load_run(path)
    assert isinstance(back.paths.position, np.memmap)
    assert isinstance(back.microstates["Li+"].runs.start, np.memmap)
    assert_same(answers(back, "liquid"), expected)
    back.paths.position[0] = 0.0  # in memory alone
    assert len(list(tmp_path.iterdir())) == 2
    del back
    gc.collect()
    assert [one.name for one in tmp_path.iterdir()] == ["liquid.run"]
    assert {one: one.read_bytes() for one in path.rglob("*") if one.is_file()} == before


def refusal(path, **options):
    """How a folder is refused, which names it and a remedy."""
    with pytest.raises(InputError) as refused:
        load_run(path, **options)
    text = str(refused.value)
    assert str(path) in text
    assert re.search("; (copy it again|analyse|write a run|result files|open it|update|use)", text)
    return text


@pytest.mark.slow
def test_damage_to_any_file_is_refused(copied):
    files = [*sorted((copied / "arrays").iterdir()), copied / "results.nc"]
    assert len(files) > 20
    for file in files:
        whole = file.read_bytes()
        flipped = bytearray(whole)
        flipped[-1] ^= 1
        for content in (whole[: len(whole) // 2], bytes(flipped), b""):
            file.write_bytes(content)
            text = refusal(copied)
            assert f"{file.name} " in text
            assert "is damaged" in text
        file.unlink()
        assert f"{file.name} is missing" in refusal(copied)
        file.write_bytes(whole)
    assert load_run(copied).results.warnings is not None


@pytest.mark.slow
def test_manifests_that_were_not_written_so_are_refused(copied):
    file = copied / "manifest.json"
    whole = json.loads(file.read_text())
    unsigned = json.dumps(whole | {"memory": 7})
    damaged = {
        "manifest.json was changed": unsigned,
        "manifest.json cannot be read": "{",
        "manifest.json cannot be read ": "[" * 100_000,
        "manifest.json cannot be read  ": "[1, 2]",
        "manifest.json cannot be read   ": '{"format": 7}',
        "manifest.json cannot be read    ": '{"format": "ionmech-saved-run/new"}',
        "is that of a 'ionmech-run/4'": '{"format": "ionmech-run/4"}',
    }
    for what, text in damaged.items():
        file.write_text(text)
        assert what.strip() in refusal(copied)

    def signed(**changes):
        content = whole | changes
        content["checksum"] = checksum_of_content(content)
        file.write_text(json.dumps(content))
        return refusal(copied)

    run = whole["run"]
    assert "format 99, and mda_ionmech" in (newer := signed(format="ionmech-saved-run/99"))
    assert "update mda_ionmech" in newer
    assert "open it with mda_ionmech 0.0.9" in signed(
        format="ionmech-saved-run/0", created_with="0.0.9"
    )
    for seed in (
        {"object": ["Popen", {"args": "true"}]}, {"own": ["CutoffShell", {}]},
        {"object": ["Alignment", {"shift": 1}]}, {"array": 10**6}, {"array": "../x"}, {"code": 1},
        {}, {"scalar": ["O", 1]},
    ):  # fmt: skip
        assert "manifest.json describes no run" in signed(run=run | {"seed": seed})
    assert "describes no run" in signed(run={k: v for k, v in run.items() if k != "seed"})
    assert "describes no run" in signed(run=run | {"more": 1})
    for missing in ("arrays", "results", "run", "own_classes", "on_disk"):
        assert "is damaged" in signed(**{missing: None})
    file.write_text(json.dumps(whole))
    assert load_run(copied).species[0].name == "ion"


def test_what_is_no_saved_run_is_refused(small, tmp_path):
    file = small.save(tmp_path / "run.nc")
    assert "opened with mda_ionmech.load" in refusal(file)
    assert "holds no manifest.json" in refusal(tmp_path)
    assert "there is no saved run" in refusal(tmp_path / "none")
    assert "there is no saved run" in refusal(tmp_path / ("x" * 300))
    for path in (None, 7, "", "a\0b", b"run"):
        with pytest.raises(InputError, match="path must be the folder of a saved run"):
            load_run(path)
    with pytest.raises(InputError, match=r"classes must hold.*got 'OwnRule'"):
        load_run(tmp_path, classes="OwnRule")
    with pytest.raises(InputError, match=r"save_run\(\) needs a finished run"):
        analysis([on_liquid("cutoff", liquid(1))]).save_run(tmp_path / "none")


@pytest.mark.slow
def test_only_saved_runs_are_replaced(small, copied, tmp_path, monkeypatch):
    file = small.save(tmp_path / "run.nc")
    kept = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}

    def refused(path, match):
        with pytest.raises(InputError, match=match):
            small.save_run(path)
        assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == kept

    refused(file, "it is a file, and a saved run is a folder; give another path")
    refused(tmp_path, "holds something that is no saved run; give another path")
    refused(tmp_path / "none" / "run", "does not exist or is not writable")
    refused(tmp_path / ("x" * 300), "longer than 255 bytes; .*give another path")
    for path in (None, 7, "", "a\0b"):
        refused(path, "path must be that of a folder to write")
    monkeypatch.setattr(os, "access", lambda *given: False)
    refused(copied, "does not exist or is not writable")
    monkeypatch.undo()

    def full(*given, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    refused(copied, "No space left on device; .*free space")
    monkeypatch.undo()
    note = copied / "notes.txt"
    note.write_text("mine")
    kept[note] = b"mine"
    refused(copied, "holds something that is no saved run")
    note.unlink()
    (tmp_path / "empty").mkdir()
    for path in (copied, tmp_path / "empty", tmp_path / "new"):
        assert small.save_run(path) == path
        assert load_run(path).species[0].name == "ion"
    left = {one.name for one in tmp_path.iterdir()}
    assert left == {"small.run", "run.nc", "empty", "new"}


class Counting(MacrostateRule):
    """How many members a shell has, up to a number; knows the names of atoms from the topology."""

    def __init__(self, most):
        self.most = most
        self.names = (*(f"n_{k}" for k in range(most)), "more")

    def prepare(self, universe, ligands):
        self.letters = universe.atoms.names.copy()  # an array of Python objects

    def assign(self, states, index):
        assert self.letters[states.species[index].atoms.ix[0]] == "I"
        return map_shells(
            states, index, self.names, lambda shells: np.minimum(np.diff(shells.offsets), self.most)
        )


class Unlike(SolvationEvents):
    """A rule of the package with something of the user's."""

    table = None


class Asking(MacrostateRule):
    names = ("all",)

    def assign(self, states, index):
        n_atoms = states.species[index].atoms.universe.atoms.n_atoms
        return map_shells(
            states, index, self.names, lambda shells: 0 * shells.offsets[1:] * n_atoms
        )


def own_species(universe, **rules):
    rules = {"events": OwnRule(), "macrostates": Counting(3)} | rules
    return IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion",
        microstates=OwnShell(solvent=universe.select_atoms("name O")), **rules,
    )  # fmt: skip


@pytest.mark.slow
def test_detectors_and_rules_of_ones_own_are_given_again(tmp_path):
    run = analysis([own_species(liquid(1))]).run()
    path = run.save_run(tmp_path / "own.run")
    expected = answers(run)
    with pytest.raises(InputError, match=r"classes=\[Counting, OwnRule, OwnShell\]"):
        load_run(path)
    with pytest.raises(InputError, match=r"classes=\[Counting, OwnShell\]"):
        load_run(path, classes=OwnRule)
    with pytest.raises(InputError, match=r"two of one name among \['OwnRule', 'OwnRule'\]"):
        load_run(path, classes=[OwnRule, type("OwnRule", (OwnRule,), {})])
    assert_same(answers(load_run(path, classes=[OwnRule, OwnShell, Counting])), expected)
    changed_rule = type("OwnRule", (OwnRule,), {"label": lambda self, before, after: "same"})
    text = refusal(path, classes=[changed_rule, OwnShell, Counting])
    assert "holds another event of the carriers" in text
    assert "with Counting, OwnRule, OwnShell as given" in text


@pytest.mark.slow
def test_what_a_file_cannot_hold_is_refused_when_it_is_saved(tmp_path):
    universe = liquid(1)
    rule = Unlike()
    rule.table = {"rule": [lambda x: x]}
    shell = CutoffShell(3.0, solvent=universe.select_atoms("name O"))
    ions = universe.select_atoms("name I")
    species = IonSpecies(ions, charge=1, name="ion", microstates=shell, events=rule)
    run = analysis([species]).run()
    with pytest.raises(
        InputError, match=r"species 'ion'.events.table\['rule'\] is <function.*keep"
    ):
        run.save_run(tmp_path / "own.run")
    assert not list(tmp_path.iterdir())
    rule = run.species[0].events
    rule.table = {("a", 1): np.float32(0.1), "b": {2, 3}, "c": (np.arange(3), None, np.str_("x"))}
    path = run.save_run(tmp_path / "own.run")
    found = load_run(path, classes=[Unlike]).species[0].events.table
    assert found.keys() == rule.table.keys()
    assert found["a", 1] == np.float32(0.1)
    assert type(found["a", 1]) is np.float32
    assert found["b"] == {2, 3}
    assert found["c"][0].tolist() == [0, 1, 2]
    other = type("Unlike", (SolvationEvents,), {})()
    rule.table = other
    with pytest.raises(InputError, match="two classes of yours are called 'Unlike'"):
        run.save_run(path)
    rule.table = type("Slotted", (SolvationEvents,), {"__slots__": ("one",)})()
    with pytest.raises(InputError, match="a saved run holds numbers"):
        run.save_run(path)


@pytest.mark.slow
def test_a_rule_that_asks_for_the_universe_is_told_how_to_do_without(tmp_path):
    run = analysis([own_species(liquid(1), macrostates=Asking())]).run()
    path = run.save_run(tmp_path / "own.run")
    with pytest.raises(InputError, match=r"takes what else it needs of the topology in prepare"):
        load_run(path, classes=[OwnRule, OwnShell, Asking])


@pytest.mark.slow
def test_chains_given_as_names_are_saved(tmp_path):
    universe = liquid(1)
    one = on_liquid("cutoff", universe)
    chains = np.array(["x", "y"] * (universe.atoms.n_atoms // 2), dtype=object)
    for given in (chains, dict(enumerate(chains))):
        rule = ShellComposition("chains", chains=given)
        run = analysis([with_rule(one, rule)]).run()
        back = load_run(run.save_run(tmp_path / "chains.run"))
        assert_same(answers(back), answers(run))
        assert list(back.species[0].macrostates.chains) == list(given)
