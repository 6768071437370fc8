"""Sections of the configuration file follow the signatures and docstrings of the classes."""

import inspect
import tomllib

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from MDAnalysis import AtomGroup

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.cli import config as module
from mda_ionmech.cli.config import Config, build_analysis, json_schema, load_config
from mda_ionmech.cli.sections_from_signatures import Call, arguments_of, section_of
from mda_ionmech.events import CrystalEvents
from mda_ionmech.macrostates import SiteType
from mda_ionmech.microstates import CageAssignment, SiteAssignment

RULES = [(choice, name) for choice, found in module._CHOICES.items() for name in found.sections]


class Extended:
    """Something with every kind of argument.

    Notes
    -----
    Not part of the summary.

    Parameters
    ----------
    host : AtomGroup
        Where it is.
    mode : {"fast", "good"}, default "fast"
        How it is done.
    depth, width : float, optional
        Two lengths.
    points : array_like
        Shape (points, 3): where to look.
    switch : {"auto", True, False}
        On or off.
    source : path-like, optional
        A file.
    groups : mapping of str to AtomGroup, optional
        More of them.
    """

    def __init__(
        self, host, mode: str = "fast", *, depth: float | None = None, width: float | None = 2.0,
        points=((0.0, 0.0, 0.0),), switch: "str | bool" = "auto", source=None,
        groups: "Mapping[str, AtomGroup] | None" = None, nobody: "Unknown" = None,  # noqa: F821
    ):  # fmt: skip
        self.given = locals()


@pytest.fixture(scope="module")
def extended():
    call = Call(Extended, arguments_of(Extended, {}))
    return section_of({"": call}, Extended.__doc__, name="Extended")


def test_types_defaults_and_meanings_are_those_of_the_class(extended):
    fields = extended.model_fields
    assert list(fields) == list(inspect.signature(Extended).parameters)
    assert extended.__doc__ == "Something with every kind of argument."
    assert fields["depth"].description == fields["width"].description == "Two lengths."
    assert fields["host"].description == "Selection. Where it is."
    assert fields["host"].is_required()
    assert (fields["mode"].default, fields["width"].default) == ("fast", 2.0)
    table = extended(
        host="all", mode="good", width="none", points=[[0, 0, 1]], switch=False, source="a.cif",
        groups={"a": "name A"}, nobody=[1],
    )  # fmt: skip
    values = table.values(lambda text, key: (text, key))
    assert values == {
        "host": ("all", "host"), "mode": "good", "width": None, "points": [(0.0, 0.0, 1.0)],
        "switch": False, "source": values["source"], "groups": {"a": ("name A", "groups.a")},
        "nobody": [1],
    }  # fmt: skip
    assert str(values["source"]) == "a.cif"
    for wrong in ({"mode": "slow"}, {"points": [[0, 1]]}, {"depth": "deep"}, {"groups": {"a": 1}}):
        with pytest.raises(ValueError, match="validation error"):
            extended(host="all", **wrong)
    Draft202012Validator.check_schema(extended.model_json_schema())


@pytest.mark.parametrize(("choice", "name"), RULES)
def test_every_argument_of_every_rule_has_a_key_and_a_meaning(choice, name):
    section = getattr(module, f"{name}Section")
    rule = getattr(__import__(f"mda_ionmech.{choice}", fromlist=[name]), name)
    ways = [rule.from_cif, rule.from_structure, rule.from_density] if name.startswith("Site") and (
        choice == "microstates") else [rule]  # fmt: skip
    expected = {p for way in ways for p in inspect.signature(way).parameters} - {"args", "kwargs"}
    expected = {"cif" if p == "path" else p for p in expected} | {"rule"}
    expected |= {"density"} if len(ways) > 1 else set()
    assert set(section.model_fields) == expected
    assert all(field.description for field in section.model_fields.values())
    assert f"{name}Section" in json_schema()["$defs"]


def test_every_argument_of_a_species_and_of_a_run_has_a_key_and_a_meaning():
    species = set(inspect.signature(IonSpecies).parameters) - {"atoms"} | {"selection"}
    assert set(module.SpeciesSection.model_fields) == species
    for section in (module.SpeciesSection, module.AnalysisSection, module.RunSection):
        assert all(field.description for field in section.model_fields.values())
    assert set(module.AnalysisSection.model_fields) == set(
        inspect.signature(OnsagerDecomposition).parameters
    ) - {"species"}


def test_defaults_are_those_of_python():
    defaults = module.AnalysisSection(temperature=1.0).model_dump()
    for name, one in inspect.signature(OnsagerDecomposition).parameters.items():
        if name not in ("species", "temperature"):
            assert defaults[name] == one.default


LIQUID = """
topology = "{folder}/liquid.psf"
trajectory = ["{folder}/liquid.part1.xtc"]
[analysis]
temperature = 330
projection = "vehicle"
frame = "laboratory"
horizons = "none"
unwrap = true
[[species]]
name = "Li+"
selection = "resname LI"
charge = 1
[species.microstates]
cutoff = 3.0
persistence = "none"
ligands = {{ solvent = "resname ACN and name N1", anion = "resname TFS and name O*" }}
[species.events]
rule = "PolymerEvents"
chains = {chains}
[species.macrostates]
rule = "ShellComposition"
of = "anion"
[run]
frames = [0, 2, 4]
"""


def written(tmp_path, text):
    (tmp_path / "run.toml").write_text(text)
    assert list(Draft202012Validator(json_schema()).iter_errors(tomllib.loads(text))) == []
    return load_config(tmp_path / "run.toml")


@pytest.mark.parametrize("chains", ["many", "some", "named"])
def test_the_file_can_say_what_python_can(tmp_path, chains):
    u = datasets.liquid()
    nitrogen = u.select_atoms("resname ACN and name N1").ix
    expected = {
        "many": list(range(u.atoms.n_atoms)),
        "some": {int(i): int(i) // 2 for i in nitrogen},
        "named": [f"chain {i}" for i in range(u.atoms.n_atoms)],
    }[chains]
    text = str(expected).replace("'", '"')
    if chains == "some":
        text = text.replace(":", " =")
    text = LIQUID.format(folder=datasets.path("liquid"), chains=text)
    config = written(tmp_path, text)
    run = build_analysis(config)
    (lithium,) = run.species
    assert (run.projection, run.horizons, run.unwrap) == ("vehicle", None, True)
    assert lithium.microstates.persistence is None
    assert lithium.macrostates.of == ("anion",)
    assert lithium.events.chains == expected
    assert config.run.frames == [0, 2, 4]
    mask = written(tmp_path, text.replace("[0, 2, 4]", "[true, false, true]"))
    assert mask.run.frames == [True, False, True]
    assert all(isinstance(x, bool) for x in mask.run.frames)


GARNET = """
topology = "{folder}/llzo.T800.data"
trajectory = ["{folder}/llzo.T800.xtc"]
[universe]
topology_format = "DATA"
atom_style = "id type charge x y z"
[analysis]
temperature = 800
projection = "none"
framework = "type 3"
[[species]]
name = "Li+"
selection = "type 1"
charge = 1
[species.microstates]
rule = "SiteAssignment"
framework = "type 3"
fractional = [[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]]
labels = ["a", "b"]
[species.events]
rule = "CrystalEvents"
shared = {shared}
[species.macrostates]
rule = "SiteType"
"""


@pytest.mark.parametrize(("shared", "expected"), [("false", None), ('"none"', None), ("0.5", 0.5)])
def test_none_is_written_in_words(tmp_path, shared, expected):
    text = GARNET.format(folder=datasets.path("crystal"), shared=shared)
    run = build_analysis(written(tmp_path, text))
    (lithium,) = run.species
    assert run.projection is None
    assert (run.frame, run.framework.n_atoms) == ("framework", 16)
    assert (type(lithium.events), lithium.events.shared) == (CrystalEvents, expected)
    assert (type(lithium.microstates), type(lithium.macrostates)) == (SiteAssignment, SiteType)
    assert lithium.microstates.labels == ("a", "b")
    assert np.allclose(lithium.microstates.fractional[1], [0.6, 0.7, 0.8])


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("", (0.1, "minimum")), ("time = 0.5\ndistance = 1.2", (0.5, 1.2))],
)
def test_cages_take_no_atoms(tmp_path, keys, expected):
    text = GARNET.format(folder=datasets.path("crystal"), shared="1.0").replace(
        'framework = "type 3"\nfractional = [[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]]\n'
        'labels = ["a", "b"]', keys
    ).replace("SiteAssignment", "CageAssignment")  # fmt: skip
    (lithium,) = build_analysis(written(tmp_path, text)).species
    assert isinstance(lithium.microstates, CageAssignment)
    assert (lithium.microstates.time, lithium.microstates.distance) == expected
    for wrong in ("distance = 0.0", "time = -1.0", 'framework = "type 3"', 'distance = "far"'):
        file = text.replace(f"\n{keys}\n" if keys else "\n\n", f"\n{wrong}\n", 1)
        path = tmp_path / "wrong.toml"
        path.write_text(file, encoding="utf-8")
        with pytest.raises(InputError, match=wrong.split()[0]):
            build_analysis(load_config(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("labels", "space_group = 230\nlabels", "space_group has no meaning without density = t"),
        (
            "labels",
            "merge = 1.0\nspecies = 'Li'\nlabels",
            "species has no meaning without cif; leave it out",
        ),
        ('labels = ["a", "b"]', "", "microstates: fractional needs labels"),
        ('framework = "type 3"\nfract', "fract", "microstates.framework: required and not given"),
        ("fractional =", "origin = [1, 2]\nfractional =", "microstates.origin"),
    ],
)
def test_keys_without_a_meaning_are_refused(tmp_path, old, new, message):
    text = GARNET.format(folder=datasets.path("crystal"), shared="1.0")
    assert old in text
    (tmp_path / "run.toml").write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message):
        load_config(tmp_path / "run.toml")


def test_what_classes_refuse_is_listed_with_its_place(tmp_path):
    text = GARNET.format(folder=datasets.path("crystal"), shared="1.0").replace(
        'labels = ["a", "b"]', 'labels = ["a"]'
    )
    text = text.replace("shared = 1.0", 'linking = "distance"')
    with pytest.raises(InputError) as caught:
        build_analysis(written(tmp_path, text))
    message = str(caught.value)
    assert message.startswith("2 problem(s)")
    assert "species.0.microstates: labels has 1 entries for 2 sites" in message
    assert "species.0.events: linking='distance' needs distance" in message


def test_a_selection_of_the_analysis_is_checked_like_all_others(tmp_path):
    text = GARNET.format(folder=datasets.path("crystal"), shared="1.0")
    text = text.replace('framework = "type 3"\n[[', 'framework = "type 9"\n[[')
    with pytest.raises(InputError, match=r"analysis\.framework: 'type 9' selects no atom"):
        build_analysis(written(tmp_path, text))


def test_paths_of_a_section_are_relative_to_the_file(tmp_path):
    text = GARNET.format(folder=datasets.path("crystal"), shared="1.0")
    begin = text.index("fractional")
    text = text[:begin] + 'cif = "sub/a.cif"\nspecies = "Li"\n' + text[text.index("[species.ev") :]
    config = written(tmp_path, text)
    assert config.species[0].microstates.cif == tmp_path / "sub" / "a.cif"
    assert isinstance(Config.model_fields["species"].annotation, type(list[int]))


def test_selections_are_where_python_has_atoms():
    found = arguments_of(IonSpecies, {})
    assert [name for name, one in found.items() if one.is_atoms] == ["atoms"]
    assert AtomGroup is not None
