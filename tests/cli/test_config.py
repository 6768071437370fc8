"""Runs described in TOML, and the guesses that start one."""

import json
import tomllib

import MDAnalysis as mda
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from mda_ionmech import InputError, OnsagerDecomposition, datasets
from mda_ionmech.cli.app import main
from mda_ionmech.cli.config import Config, build_analysis, build_species, json_schema, load_config
from mda_ionmech.cli.file_names import file_labels
from mda_ionmech.cli.guess_config import guess_config, molecule_kinds
from mda_ionmech.cli.universe_options import universe_options
from mda_ionmech.events import PolymerEvents, SolvationEvents
from mda_ionmech.macrostates import IonPairing, ShellComposition
from mda_ionmech.microstates import CutoffShell, HullShell

from ..builders import make_universe
from ..conftest import liquid_species

LIQUID = """
topology = "{folder}/liquid.psf"
trajectory = ["{folder}/liquid.part1.xtc", "{folder}/liquid.part2.xtc"]

[analysis]
temperature = 330
windows = [1.0, 5.0, 20.0]
seed = 3
level = 0.9

[[species]]
name = "Li+"
selection = "resname LI"
charge = 1
[species.microstates]
cutoff = {{ solvent = 2.8, anion = 2.9 }}
hysteresis = {{ solvent = 0.5, anion = [2.7, 3.4] }}
persistence = 2
[species.microstates.ligands]
solvent = "resname ACN and name N1"
anion = "resname TFS and name O*"
[species.events]
[species.macrostates]

[[species]]
name = "TFSI-"
selection = "resname TFS"
charge = -1
compound = "residues"
[species.macrostates]
rule = "IonPairing"

[run]
start = 10
stop = 110
"""


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "liquid.toml"
    path.write_text(LIQUID.format(folder=datasets.path("liquid")))
    return path


def test_toml_and_python_give_the_same(config_file):
    config = load_config(config_file)
    run = build_analysis(config)
    run.run(**config.run.model_dump())
    universe = datasets.liquid()
    python = OnsagerDecomposition(
        liquid_species(universe, hysteresis={"solvent": 0.5, "anion": (2.7, 3.4)}, persistence=2.0),
        temperature=330.0,
        windows=[1.0, 5.0, 20.0],
        seed=3,
        level=0.9,
    ).run(start=10, stop=110)
    assert run.results.decomposition.identical(python.results.decomposition)
    assert config.output.folder == config_file.parent / "ionmech-output"
    assert config.output.name == "liquid"


GLASS = """
topology = "{folder}/liquid.psf"
trajectory = ["{folder}/liquid.part1.xtc"]
[analysis]
temperature = 330
frame = "laboratory"
[[species]]
name = "Li+"
selection = "resname LI"
charge = 1
[species.microstates]
rule = "HullShell"
host = "resname TFS and name S*"
search = 5.0
ratio = 1.6
fallback = 3.0
persistence = 1.0
ligands = {{ solvent = "resname ACN and name N1", anion = "resname TFS and name O*" }}
[species.events]
rule = "PolymerEvents"
chains = "residues"
denticity = "intrachain"
[species.macrostates]
rule = "ShellComposition"
count = "molecules"
of = ["anion"]
most = 3
"""


def test_ion_pairs_can_be_those_of_the_first_shell(config_file):
    text = config_file.read_text()
    asked = 'rule = "IonPairing"\nby = "shell"\n'
    config_file.write_text(text.replace('rule = "IonPairing"\n', asked))
    usual, rule = (one.macrostates for one in build_analysis(load_config(config_file)).species)
    assert (usual.by, rule.by) == ("cluster", "shell")


def test_exchange_can_be_resolved_by_ligand(config_file):
    text = config_file.read_text()
    asked = '[species.events]\nrule = "SolvationEvents"\nresolve = "ligand"\n'
    config_file.write_text(text.replace("[species.events]\n", asked))
    rule = build_analysis(load_config(config_file)).species[0].events
    assert (type(rule), rule.resolve) == (SolvationEvents, "ligand")
    config_file.write_text(config_file.read_text().replace('"ligand"', '"type"'))
    with pytest.raises(InputError, match=r"events\.resolve: input should be 'ligand'"):
        load_config(config_file)


def test_every_rule_can_be_chosen(tmp_path):
    path = tmp_path / "glass.toml"
    path.write_text(GLASS.format(folder=datasets.path("liquid")))
    run = build_analysis(load_config(path))
    (lithium,) = run.species
    shell, events, kinds = lithium.microstates, lithium.events, lithium.macrostates
    assert (type(shell), shell.search, shell.ratio, shell.persistence) == (HullShell, 5.0, 1.6, 1.0)
    assert set(shell.host.resnames) == {"TFS"}
    assert shell.fallback == {"solvent": 3.0, "anion": 3.0}
    assert (type(events), events.chains, events.anion) == (PolymerEvents, "residues", "anion")
    assert events.denticity == "intrachain"
    assert type(kinds) is ShellComposition
    assert (kinds.count, kinds.of, kinds.most) == ("molecules", ("anion",), 3)
    schema = json_schema()
    good = tomllib.loads(path.read_text())
    assert list(Draft202012Validator(schema).iter_errors(good)) == []
    bad = path.read_text().replace("ratio = 1.6", "hysteresis = 1.6")
    assert len(list(Draft202012Validator(schema).iter_errors(tomllib.loads(bad)))) == 1


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ('"HullShell"', '"Hull"', ["microstates.rule: unknown rule 'Hull'; did you mean"]),
        ('"PolymerEvents"', '"Chains"', ["events.rule: unknown rule 'Chains'; the rules here are"]),
        ("most = 3", "moist = 3", ["macrostates.moist: unknown key; did you mean 'most'?"]),
        ("search = 5.0", "search = -1", ["microstates.search: input should be greater than 0"]),
        ("fallback = 3.0", "fallback = {solvent = 0.0}", ["fallback.solvent: input should be gr"]),
        ('chains = "residues"', 'chains = "x"', ["events.chains: input should be 'fragments'"]),
        ('"intrachain"', '"own"', ["events.denticity: input should be 'class' or 'intrachain'"]),
        (
            "name S*",
            "name Q*",
            ["species.0.microstates.host: 'resname TFS and name Q*' selects no"],
        ),
    ],
)
def test_problems_of_a_chosen_rule(tmp_path, old, new, lines):
    text = GLASS.format(folder=datasets.path("liquid"))
    assert old in text
    (tmp_path / "glass.toml").write_text(text.replace(old, new))
    with pytest.raises(InputError) as caught:
        build_analysis(load_config(tmp_path / "glass.toml"))
    assert "1 problem(s)" in str(caught.value) or "1 selection(s)" in str(caught.value)
    for line in lines:
        assert line in str(caught.value)


GARNET = """
topology = "{folder}/llzo.T800.data"
trajectory = ["{folder}/llzo.T800.xtc"]
[universe]
topology_format = "DATA"
atom_style = "id type charge x y z"
[analysis]
temperature = 800
windows = [1.0]
[[species]]
name = "Li+"
selection = "type 1"
charge = 1
[species.microstates]
rule = "SiteAssignment"
framework = "type 3"
density = true
separation = 1.0
space_group = "I a -3 d"
known = "llzo.cif"
species = "Li"
r_core = 0.5
[species.events]
rule = "CrystalEvents"
[run]
stop = 1000
"""


def garnet_file(tmp_path, old="", new=""):
    folder = datasets.path("crystal")
    (tmp_path / "llzo.cif").write_text((folder / "llzo.cif").read_text())
    assert old in GARNET
    path = tmp_path / "garnet.toml"
    text = GARNET.format(folder=folder)
    path.write_text(text.replace(old, new, 1) if old else text)
    return path


@pytest.mark.slow
def test_sites_from_the_density_in_toml_and_python(tmp_path):
    pytest.importorskip("gemmi")
    config = load_config(garnet_file(tmp_path))
    run = build_analysis(config)
    (lithium,) = run.species
    assert lithium.microstates.describe()["density"] == {
        "threshold": 0.1,
        "separation_angstrom": 1.0,
        "space_group": "I a -3 d",
    }
    (lithium,) = run.run(**config.run.model_dump()).species
    assert {x: lithium.microstates.labels.count(x) for x in ("24d", "48g")} == {
        "24d": 24,
        "48g": 48,
    }
    schema = json_schema()
    good = tomllib.loads((tmp_path / "garnet.toml").read_text())
    assert list(Draft202012Validator(schema).iter_errors(good)) == []


def test_sites_named_in_toml_by_positions(tmp_path):
    path = garnet_file(tmp_path, 'known = "llzo.cif"\nspecies = "Li"', "known.a = [[0.3, 0, 0.2]]")
    (lithium,) = build_analysis(load_config(path)).species
    assert lithium.microstates.describe()["density"]["separation_angstrom"] == 1.0


def test_polyhedra_in_toml(tmp_path):
    polyhedra = """cif = "llzo.cif"
assignment = "polyhedron"
vertices = "type 4"
coordination = { "24d" = 4, "48g" = 6 }
persistence = 0.3"""
    path = garnet_file(tmp_path, GARNET[GARNET.index("density") : GARNET.index("\nspecies =")],
                       polyhedra)  # fmt: skip
    (lithium,) = build_analysis(load_config(path)).species
    sites = lithium.microstates
    assert sites.assignment == "polyhedron"
    assert sites.vertices.n_atoms == 96
    assert sites.coordination == {"24d": 4, "48g": 6}
    assert sites.persistence == 0.3


def test_dates_of_hops_in_toml(tmp_path):
    path = garnet_file(tmp_path, "r_core = 0.5", 'r_core = 0.5\nhop_time = "crossing"')
    (lithium,) = build_analysis(load_config(path)).species
    assert lithium.microstates.hop_time == "crossing"
    with pytest.raises(InputError, match="hop_time"):
        build_analysis(load_config(garnet_file(tmp_path, "r_core = 0.5", 'hop_time = "exit"')))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("density = true", 'cif = "llzo.cif"\ndensity = true', "give exactly one of cif with spec"),
        ("density = true", "", "give exactly one of cif with species, fractional with labels"),
        (
            "density = true",
            'cif = "llzo.cif"',
            "separation, space_group, known has no meaning without density = true; leave it out",
        ),
        ("separation = 1.0", "threshold = 1.0", "microstates.threshold: input should be less"),
    ],
)
def test_sites_have_one_source(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        load_config(garnet_file(tmp_path, old, new))


def test_every_argument_of_density_has_a_key():
    import inspect

    from mda_ionmech.cli.config import SiteAssignmentSection
    from mda_ionmech.microstates import SiteAssignment

    arguments = set(inspect.signature(SiteAssignment.from_density).parameters)
    assert arguments <= set(SiteAssignmentSection.model_fields)


def test_every_argument_of_a_rule_has_a_key():
    import inspect

    from mda_ionmech.cli import config

    for rule in (HullShell, CutoffShell, PolymerEvents, SolvationEvents, IonPairing,
                 ShellComposition):  # fmt: skip
        arguments = set(inspect.signature(rule.__init__).parameters) - {"self"}
        keys = set(getattr(config, f"{rule.__name__}Section").model_fields) - {"rule"}
        assert arguments == keys


def test_every_argument_of_python_has_a_key():
    import inspect

    arguments = set(inspect.signature(OnsagerDecomposition.__init__).parameters)
    analysis = set(Config.model_fields["analysis"].annotation.model_fields)
    assert arguments - {"self", "species"} == analysis
    runs = set(inspect.signature(OnsagerDecomposition.run).parameters)
    python_only = {"self", "verbose", "n_parts", "unsupported_backend", "progressbar_kwargs"}
    assert runs - python_only == set(Config.model_fields["run"].annotation.model_fields)


def test_all_problems_are_listed_at_once(config_file):
    text = config_file.read_text().replace("seed", "sead").replace('compound = "residues"', "")
    text = text.replace("temperature = 330", "temperature = -1").replace(
        "charge = -1", "charge = []"
    )
    config_file.write_text(text + "\n[outputs]\nfolder = 'x'\n")
    with pytest.raises(InputError) as caught:
        load_config(config_file)
    message = str(caught.value)
    assert "has 4 problem(s)" in message
    for line in (
        "analysis.sead: unknown key; did you mean 'seed'?",
        "analysis.temperature: input should be greater than 0, got -1",
        "species.1.charge: input should be a valid number, got []",
        "outputs: unknown key; did you mean 'output'?",
    ):
        assert line in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[analysis]", "[analysis", "is not valid TOML"),
        ("windows = [1.0, 5.0, 20.0]", 'windows = "linear"', "analysis.windows"),
        ("persistence = 2", "persistance = 2", "did you mean 'persistence'"),
        ("[species.events]", "[species.event]", "did you mean 'events'"),
        ("liquid.psf", "solid.psf", "no such file: .*solid.psf"),
        ('rule = "IonPairing"', 'rule = "Pairing"', "species.1.macrostates.rule"),
    ],
)
def test_one_problem(config_file, old, new, message):
    text = config_file.read_text()
    assert old in text
    config_file.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message):
        load_config(config_file)


def test_selections_that_fail_are_listed_together(config_file):
    text = config_file.read_text().replace('"resname LI"', '"resname LITHIUM"')
    text = text.replace('"resname TFS and name O*"', '"resname TFS andd name O*"')
    config_file.write_text(text)
    with pytest.raises(InputError) as caught:
        build_analysis(load_config(config_file))
    message = str(caught.value)
    assert "2 selection(s) fail" in message
    assert "'resname LITHIUM' selects no atom; residue names in use: ACN, LI, TFS" in message
    assert (
        "species.0.microstates.ligands.anion: invalid selection 'resname TFS andd name O*'"
        in message
    )


def test_paths_are_relative_to_the_file(config_file, tmp_path, monkeypatch):
    import os

    folder = datasets.path("liquid")
    relative = os.path.relpath(folder, tmp_path)
    config_file.write_text(config_file.read_text().replace(str(folder), relative))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_config(config_file).topology.samefile(folder / "liquid.psf")


def test_json_schema_accepts_a_good_file_and_refuses_a_bad_one(config_file):
    schema = json.loads(json.dumps(json_schema()))
    Draft202012Validator.check_schema(schema)
    good = tomllib.loads(config_file.read_text())
    assert list(Draft202012Validator(schema).iter_errors(good)) == []
    bad = good | {"analysis": {"temperatur": 300}}
    assert len(list(Draft202012Validator(schema).iter_errors(bad))) == 2


@pytest.mark.slow
def test_guesses_of_the_liquid_run(tmp_path):
    universe = datasets.liquid()
    kinds = {k.label: k for k in molecule_kinds(universe)}
    assert [kinds[k].role for k in ("LI", "TFS", "ACN")] == ["cation", "anion", "solvent"]
    assert (kinds["TFS"].name, kinds["TFS"].charge) == ("TFSI-", -1.0)
    assert kinds["ACN"].donors == "resname ACN and name N1"
    folder = datasets.path("liquid")
    text = guess_config(
        universe, str(folder / "liquid.psf"), [str(p) for p in sorted(folder.glob("*.xtc"))], {},
        temperature=330,
    ).text  # fmt: skip
    (tmp_path / "guess.toml").write_text(text)
    run = build_analysis(load_config(tmp_path / "guess.toml"))
    assert [s.name for s in run.species] == ["Li+", "TFSI-"]
    assert run.frame == "barycentric"


def test_guesses_of_a_crystal_and_of_charged_molecules():
    positions = np.random.default_rng(0).uniform(0, 10, (3, 8, 3))
    crystal = make_universe(
        positions,
        residue=np.zeros(8, dtype=int),
        names=[""] * 8,
        masses=[6.94] * 4 + [15.999] * 4,
    )
    crystal.add_TopologyAttr("types", ["1"] * 4 + ["2"] * 4)
    kinds = molecule_kinds(crystal)
    assert [(k.role, k.name, k.selection) for k in kinds] == [
        ("cation", "Li+", "type 1"),
        ("framework", "O", "type 2"),
    ]
    text = guess_config(
        crystal, "a.data", ["b.dump"], {"topology_format": "DATA"}, temperature=800
    ).text
    assert 'framework = "type 2"' in text
    assert 'topology_format = "DATA"' in text
    assert "SolvationEvents" not in text
    Config.model_validate(tomllib.loads(text))
    salt = make_universe(
        positions[:, :6],
        residue=[0, 0, 0, 1, 1, 1],
        resnames=["EMI", "SCN"],
        names=["C1", "N1", "H1", "S1", "C1", "N1"],
        elements=["C", "N", "H", "S", "C", "N"],
        masses=[12, 14, 1, 32, 12, 14],
    )
    salt.add_TopologyAttr("charges", [0.3, 0.4, 0.1, -0.5, 0.2, -0.5])
    kinds = molecule_kinds(salt)
    assert [(k.label, k.role, k.charge) for k in kinds] == [
        ("EMI", "cation", 1.0),
        ("SCN", "anion", -1.0),
    ]


@pytest.mark.parametrize(
    ("cation", "anion", "masses", "expected"),
    [
        ("LI", "CL", (6.94, 35.45), ("Li+", 1, "Cl-", -1)),
        ("SOD", "CLA", (22.99, 35.45), ("Na+", 1, "Cl-", -1)),
        ("NA", "BR", (22.99, 79.9), ("Na+", 1, "Br-", -1)),
        ("MG", "CL", (24.3, 35.45), ("Mg2+", 2, "Cl-", -1)),
        ("ZN", "I", (65.4, 126.9), ("Zn2+", 2, "I-", -1)),
        ("CA", "F", (40.08, 19.0), ("Ca2+", 2, "F-", -1)),
        ("CU", "CL", (63.5, 35.45), ("Cu+", 1, "Cl-", -1)),
        ("RB", "IOD", (85.47, 126.9), ("Rb+", 1, "I-", -1)),
        ("CS", "Cl-", (132.9, 35.45), ("Cs+", 1, "Cl-", -1)),
    ],
)
@pytest.mark.parametrize("drude", [False, True])
def test_ions_in_capitals_are_ions(cation, anion, masses, expected, drude):
    """In water, with the mass of the topology or none, alone or with Drude particles."""
    per = 1 + drude
    names = [n for ion in (cation, anion) for n in [ion, f"D{ion}"][:per] * 2]
    weights = [m for mass in masses for m in [mass - 0.4 * drude, 0.4][:per] * 2]
    u = make_universe(
        np.random.default_rng(0).uniform(0, 20, (3, 4 * per + 6, 3)),
        names=names + ["OW", "HW1", "HW2"] * 2,
        masses=weights + [15.999, 1.008, 1.008] * 2,
        residue=[*np.repeat(np.arange(4), per), 4, 4, 4, 5, 5, 5],
        resnames=[cation] * 2 + [anion] * 2 + ["SOL"] * 2,
    )
    kinds = molecule_kinds(u)
    assert [k.role for k in kinds] == ["cation", "anion", "solvent"]
    assert (kinds[0].name, kinds[0].charge, kinds[1].name, kinds[1].charge) == expected
    assert all(k.is_single for k in kinds[:2])
    text = guess_config(u, "a.psf", ["b.xtc"], {}, temperature=300).text
    config = Config.model_validate(tomllib.loads(text))
    species = build_species(config, u)
    assert [s.n_carriers for s in species] == [2, 2]
    assert [s.compound for s in species] == ["residues" if drude else None] * 2


def test_guesses_where_residues_are_no_molecules():
    """One residue for all, bonds within the molecules: selections by name, carriers by bonds."""
    names = ["LI"] * 2 + ["P", *(f"F{k}" for k in range(1, 7))] * 2 + ["C1", "N1"] * 3
    masses = [6.94] * 2 + [30.97, *([19.0] * 6)] * 2 + [12.01, 14.01] * 3
    bonds = [(p, p + k) for p in (2, 9) for k in range(1, 7)] + [(16, 17), (18, 19), (20, 21)]
    u = make_universe(
        np.random.default_rng(0).uniform(0, 20, (3, 22, 3)), names=names, masses=masses,
        residue=[0] * 22, resnames=["MOL"], bonds=bonds,
    )  # fmt: skip
    kinds = molecule_kinds(u)
    assert [k.role for k in kinds] == ["cation", "anion", "solvent"]
    assert [k.selection for k in kinds] == ["name LI", "name F1 F2 F3 F4 F5 F6 P", "name C1 N1"]
    text = guess_config(u, "a.psf", ["b.xtc"], {}, temperature=300).text
    config = Config.model_validate(tomllib.loads(text))
    species = build_species(config, u)
    assert [s.compound for s in species] == [None, "fragments"]
    assert [s.n_carriers for s in species] == [2, 2]


@pytest.mark.parametrize("names", ["by molecule", "by element", None])
def test_guesses_where_molecules_share_residue_and_names(names):
    """Every selection holds the atoms of its own molecules alone, donors those of one element."""
    elements = ["Li"] * 2 + ["P", *(["F"] * 6)] * 2 + ["C", "O", "F"] * 3 + ["C", "O"] * 2
    each = [0, 1] + [2] * 7 + [3] * 7 + [4] * 3 + [5] * 3 + [6] * 3 + [7] * 2 + [8] * 2
    number = [each[:k].count(each[k]) for k in range(len(each))]
    first = [each.index(k) for k in each]
    u = make_universe(
        np.random.default_rng(0).uniform(0, 20, (3, len(each), 3)),
        names={
            "by molecule": [f"{e}{n}" for e, n in zip(elements, number, strict=True)],
            "by element": elements,
            None: [""] * len(each),
        }[names],
        elements=elements,
        masses=[{"Li": 6.9, "P": 31.0, "F": 19.0, "C": 12.0, "O": 16.0}[e] for e in elements],
        residue=[0] * len(each),
        resnames=["UNL"],
        bonds=[(f, k) for k, f in enumerate(first) if f != k],
    )  # fmt: skip
    kinds = molecule_kinds(u)
    held = [u.select_atoms(k.selection).ix.tolist() for k in kinds]
    assert held == [[0, 1], [*range(2, 16)], [*range(16, 25)], [*range(25, 29)]]
    donors = [[elements[i] for i in u.select_atoms(k.donors).ix] for k in kinds[1:]]
    assert donors == [["F"] * 12, ["O"] * 3, ["O"] * 2]
    text = guess_config(u, "a.psf", ["b.xtc"], {}, temperature=300).text
    config = Config.model_validate(tomllib.loads(text))
    assert [s.n_carriers for s in build_species(config, u)] == [2, 2]


def test_nothing_is_guessed_where_no_ion_is_recognised():
    u = make_universe(
        np.zeros((3, 4, 3)), names=["C", "O"] * 2, elements=["C", "O"] * 2, masses=[12.0, 16.0] * 2,
        residue=[0, 0, 1, 1], resnames=["CO", "CO"],
    )  # fmt: skip
    said = r"'a.psf' seems to hold neutral molecules alone: 2 x CO .* topology with charges"
    with pytest.raises(InputError, match=said):
        guess_config(u, "a.psf", ["b.xtc"], {}, temperature=300)
    # a crystal in which nothing moves, and atoms of unknown elements
    still = np.tile(np.mgrid[:2, :2, :2].reshape(3, -1).T * 4.0, (8, 1, 1))
    for elements, said in (
        (["Bi", "O"] * 4, r"no atom of 'a.psf' is a usual carrier .* or leaves its place: 4 x Bi"),
        (["", ""] * 4, r"no ion is recognised in 'a.psf'.*--elements 'Li O ...'"),
    ):
        u = make_universe(still, (8.0,) * 3 + (90.0,) * 3, elements=elements, names=[""] * 8)
        with pytest.raises(InputError, match=said):
            guess_config(u, "a.psf", ["b.xtc"], {}, temperature=300)


@pytest.mark.parametrize("bonds", [True, False])
def test_guesses_of_a_polymer_gel(bonds):
    # one lithium, two chains of 70 atoms, an anion, a nitrile
    names = ["LI"] + ["C", "O"] * 70 + ["CL"] + ["C", "N"]
    residue = [0, *np.repeat([1, 2], 70), 3, 4, 4]
    chain = [(k, k + 1) for k in range(1, 140) if k != 70]
    gel = make_universe(
        np.random.default_rng(0).uniform(0, 20, (3, 144, 3)),
        residue=residue,
        resnames=["LI", "PEO", "PEO", "CL", "ACN"],
        names=names,
        elements=["Li"] + ["C", "O"] * 70 + ["Cl", "C", "N"],
        masses=np.linspace(1, 20, 144),
        bonds=[*chain, (142, 143)] if bonds else None,
    )
    assert [k.role for k in molecule_kinds(gel)] == ["cation", "anion", "polymer", "solvent"]
    text = guess_config(gel, "a.psf", ["b.xtc"], {}, temperature=300).text
    config = Config.model_validate(tomllib.loads(text))
    lithium, chloride = config.species
    assert list(lithium.microstates.ligands) == ["polymer", "solvent", "anion"]
    assert lithium.microstates.ligands["polymer"] == "(resname PEO and name O)"
    assert lithium.events.rule == "PolymerEvents"
    assert lithium.events.chains == ("fragments" if bonds else "residues")
    assert lithium.macrostates.rule == "ShellComposition"
    assert chloride.macrostates.rule == "IonPairing"
    species = build_species(config, gel)
    OnsagerDecomposition(species, temperature=300.0)


def test_guesses_of_a_polymer_and_a_crystal_from_their_files(shared_data):
    polymer = mda.Universe(
        shared_data / "polymer" / "litfsi_peo12_480K.tpr",
        shared_data / "polymer" / "litfsi_peo12_480K.xtc",
    )
    roles = {k.label: k.role for k in molecule_kinds(polymer)}
    assert roles == {"LI": "cation", "TFS": "anion", "PEO": "polymer"}
    crystal = mda.Universe(
        shared_data / "crystal" / "final0.T800.data",
        shared_data / "crystal" / "llzo.T800.xtc",
        topology_format="DATA",
        atom_style="id type charge x y z",
    )
    found = [(k.label, k.role, k.n_molecules) for k in molecule_kinds(crystal)]
    assert found[0] == ("Li", "cation", 56)
    assert {f[:2] for f in found[1:]} == {
        ("La", "framework"),
        ("Zr", "framework"),
        ("O", "framework"),
    }


def test_a_store_lies_beside_the_file(config_file):
    text = config_file.read_text().replace("[analysis]", '[analysis]\nstore = "run.zarr"')
    config_file.write_text(text)
    assert load_config(config_file).analysis.store == str(config_file.parent / "run.zarr")
    config_file.write_text(text.replace('"run.zarr"', '"/elsewhere/run.zarr"'))
    assert load_config(config_file).analysis.store == "/elsewhere/run.zarr"


def refused_run(config_file, capsys, monkeypatch, *options):
    """Error of ``ionmech run`` on a file, without a frame read."""

    def read(self):
        raise AssertionError("frames are read")

    monkeypatch.setattr(OnsagerDecomposition, "_single_frame", read)
    monkeypatch.setattr("sys.argv", ["ionmech", "run", str(config_file), *options])
    monkeypatch.chdir(config_file.parent)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('name = "figures/first"', "output.name 'figures/first' is no name of a file"),
        (f'name = "{"x" * 300}"', "at most 175 letters"),
        ('name = "a\\u0000b"', "is no name of a file"),
        ('name = ".."', "is no name of a file"),
        ('name = "two\\nlines"', "is no name of a file"),
        (f'folder = "{"x" * 300}"', "cannot make the folder"),
        ('folder = "a\\u0000b"', "cannot make the folder"),
        ("window = 3000.0", "output.window=3000 ps is outside the scan of 1 to 20 ps"),
        ("states_window = 3000.0", "output.states_window=3000 ps is longer than the 99 ps"),
        ("window = -1.0", "output.window"),
        ('figures = ["gif"]', "output.figures"),
        ("figure = []", "output.figure: unknown key; did you mean 'figures'"),
    ],
)
def test_what_cannot_be_written_is_refused_first(config_file, line, message, capsys, monkeypatch):
    with open(config_file, "a") as file:
        file.write(f"\n[output]\n{line}\n")
    assert message in refused_run(config_file, capsys, monkeypatch)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('atom_stile = "id x y z"', "universe.atom_stile: unknown key; did you mean 'atom_style'"),
        ('topology_fromat = "PSF"', "topology_fromat: unknown key; did you mean 'topology_format'"),
        ("in_memmory = true", "universe.in_memmory: unknown key; did you mean 'in_memory'"),
        ("zzz = 1", "universe.zzz: unknown key; the keys here are additional_columns, all_coor"),
        ("transformations = []", "universe.transformations: unknown key"),
    ],
)
def test_unknown_keys_of_the_universe_are_refused(config_file, line, message, capsys, monkeypatch):
    with open(config_file, "a") as file:
        file.write(f"\n[universe]\n{line}\n")
    assert message in refused_run(config_file, capsys, monkeypatch)


def test_keys_of_every_reader_and_parser_are_known():
    known = universe_options()
    assert known >= {
        "topology_format", "format", "atom_style", "dt", "time_offset", "convert_units",
        "lammps_coordinate_convention", "unwrap_images", "tpr_resid_from_one", "in_memory",
        "in_memory_step", "guess_bonds", "to_guess", "force_guess", "vdwradii", "all_coordinates",
        "continuous", "lengthunit", "timeunit", "mmap", "infer_system",
    }  # fmt: skip
    assert not known & {"self", "kwargs", "topology", "filename", "transformations"}


def test_workers_on_the_command_line_are_checked(config_file, capsys, monkeypatch):
    said = refused_run(config_file, capsys, monkeypatch, "--n-workers", "0")
    assert "n_workers must be a whole number of 1 or more, got 0" in said


def test_species_of_one_element_have_figures_of_their_own():
    names = ["Li+", "Fe2+", "Fe3+", "Cl-", "cl-", "a/b", "a b", "..", "Übergang+"]
    labels = file_labels(names)
    assert labels[:4] == ["Li", "Fe2+", "Fe3+", "Cl-"]
    assert len({one.casefold() for one in labels}) == len(names)
    assert all(one == one.strip(".") and not set(one) & set("/ ") for one in labels)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("temperature = 330", "temperature = true", "analysis.temperature"),
        ("temperature = 330", 'temperature = "330"', "analysis.temperature"),
        ("seed = 3", "seed = true", "analysis.seed"),
        ("seed = 3", "seed = 1.5", "analysis.seed"),
        ("level = 0.9", "level = true", "analysis.level"),
        ("windows = [1.0, 5.0, 20.0]", "windows = [1.0, true]", "analysis.windows.1"),
        ("charge = 1", "charge = true", "species.0.charge"),
        ("persistence = 2", "persistence = true", "species.0.microstates.persistence"),
        ("solvent = 2.8", "solvent = true", "species.0.microstates.cutoff"),
        ("start = 10", "start = true", "run.start"),
        ("stop = 110", "stop = 110\nn_workers = true", "run.n_workers"),
        ("stop = 110", "stop = 110\n[output]\nwindow = true", "output.window"),
    ],
)
def test_true_and_text_are_no_numbers(config_file, old, new, place):
    config_file.write_text(config_file.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=f"{place}.*: input should be a valid"):
        load_config(config_file)
