"""Configuration of a run by a TOML file, checked before any data is read.

All problems are listed at once; for an unknown key the closest known one is suggested; paths are
relative to the file.
"""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union, get_args

from pydantic import Field, ValidationError

from ..analysis.decomposition import OnsagerDecomposition
from ..events import CrystalEvents, EventRule, PolymerEvents, SolvationEvents
from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.write_targets import is_file, is_folder, not_reached, protect_inputs, shown_path
from ..macrostates import IonPairing, MacrostateRule, ShellComposition, SiteType
from ..microstates import CageAssignment, CutoffShell, Detector, HullShell, SiteAssignment
from ..species import IonSpecies
from ..trajectory.open_files import open_files
from .output_checks import check_output_name
from .rules import OwnRule, RuleChoice, imported_class, nearest
from .sections_from_signatures import (
    Argument,
    Call,
    FilePath,
    Section,
    arguments_of,
    section_of,
)
from .toml_file import read_toml, short_message
from .universe_options import check_universe_options

_ABOVE_0, _FROM_0, _FRACTION = Field(gt=0), Field(ge=0), Field(gt=0, lt=1)
#: Ranges of numbers that are checked with all other keys; others are checked by the classes.
_RANGES = {
    **dict.fromkeys(("cutoff", "recorded", "search", "fallback", "r_core", "distance"), _ABOVE_0),
    **dict.fromkeys(("separation", "temperature", "windows", "resolutions", "horizons"), _ABOVE_0),
    **dict.fromkeys(("tolerance", "time"), _ABOVE_0),
    **dict.fromkeys(("hysteresis", "persistence", "merge", "shared"), _FROM_0),
    "dt": _ABOVE_0, "threshold": _FRACTION, "level": _FRACTION, "ratio": Field(gt=1),
    "most": Field(ge=1), "n_workers": Field(ge=1),
}  # fmt: skip
#: What to do about keys that files do not tell.
_TO_GIVE = {
    "analysis.temperature": (
        "; it is not in the files: write that of the simulation in K, e.g. temperature = 300.0"
    )
}
#: Most problems that are listed.
MOST_PROBLEMS = 50
#: Arguments of `OnsagerDecomposition.run` that have no meaning in a file.
_PYTHON_ONLY = ("verbose", "n_parts", "unsupported_backend", "progressbar_kwargs")


def _rule_section(rule: type, path: str = "", *, is_usual: bool = False) -> Any:
    """The section of a detector or rule; path: import path of a user's own class, or empty."""
    limits: dict[str, Any] = {} if path else _RANGES
    if issubclass(rule, SiteAssignment):
        calls = _site_calls(rule, limits)
    else:
        has_ligands = issubclass(rule, Detector) and not issubclass(rule, CageAssignment)
        calls = {"": Call(rule, arguments_of(rule, limits, has_ligands=has_ligands))}
    name = rule.__name__
    return section_of(calls, rule.__doc__, name=name, rule=path or name, is_usual=is_usual)


def _site_calls(rule: type[SiteAssignment], limits: dict[str, Any]) -> dict[str, Call]:
    """The sources of sites: a CIF, positions written in the file, or the density of the ions."""
    common = arguments_of(rule.from_structure, limits)
    cif, density = (
        {key: common.get(key, one) for key, one in arguments_of(source, limits).items()}
        for source in (rule.from_cif, rule.from_density)
    )
    meaning = "Find the sites as maxima of the ions' density, instead of a CIF or positions."
    chooses = {"density": Argument("", bool, False, meaning)}
    return {
        "cif": Call(rule.from_cif, {"cif": cif.pop("path")} | cif),
        "fractional": Call(rule.from_structure, common),
        "density": Call(rule.from_density, chooses | density),
    }


# without a key `rule` the first one is used
CutoffShellSection = _rule_section(CutoffShell, is_usual=True)
HullShellSection = _rule_section(HullShell)
SiteAssignmentSection = _rule_section(SiteAssignment)
CageAssignmentSection = _rule_section(CageAssignment)
SolvationEventsSection = _rule_section(SolvationEvents, is_usual=True)
PolymerEventsSection = _rule_section(PolymerEvents)
CrystalEventsSection = _rule_section(CrystalEvents)
IonPairingSection = _rule_section(IonPairing, is_usual=True)
ShellCompositionSection = _rule_section(ShellComposition)
SiteTypeSection = _rule_section(SiteType)

_CHOICES = {
    "microstates": RuleChoice(
        Detector,
        [CutoffShellSection, HullShellSection, SiteAssignmentSection, CageAssignmentSection],
        _rule_section,
    ),
    "events": RuleChoice(
        EventRule,
        [SolvationEventsSection, PolymerEventsSection, CrystalEventsSection],
        _rule_section,
    ),
    "macrostates": RuleChoice(
        MacrostateRule, [IonPairingSection, ShellCompositionSection, SiteTypeSection], _rule_section
    ),
}


def _analysis_section() -> Any:
    found = arguments_of(OnsagerDecomposition, _RANGES)
    del found["species"]
    call = Call(OnsagerDecomposition, found)
    return section_of({"": call}, OnsagerDecomposition.__doc__, name="Analysis")


def _run_section() -> Any:
    run = OnsagerDecomposition.run
    found = arguments_of(run, _RANGES)
    for name in ("self", *_PYTHON_ONLY):
        del found[name]
    found["backend"] = replace(found["backend"], default="serial")
    return section_of({"": Call(run, found)}, "Which frames are read, and how.", name="Run")


def _species_section() -> Any:
    found = arguments_of(IonSpecies, {})
    found = {{"atoms": "selection"}.get(name, name): one for name, one in found.items()}
    for name, choice in _CHOICES.items():
        kind: Any = Annotated[Union[(*choice.sections.values(), OwnRule)], choice] | None
        found[name] = replace(found[name], kind=kind)
    return section_of({"": Call(IonSpecies, found)}, IonSpecies.__doc__, name="Species")


if TYPE_CHECKING:
    AnalysisSection: TypeAlias = Any
    RunSection: TypeAlias = Any
    SpeciesSection: TypeAlias = Any
else:
    AnalysisSection, RunSection = _analysis_section(), _run_section()
    SpeciesSection = _species_section()


class OutputSection(Section):
    """Output files."""

    folder: FilePath = Field(default=Path("ionmech-output"), validate_default=True)
    """Folder of the output, made if necessary; relative to this file."""
    name: str | None = None
    """First part of the file names; default the name of this file."""
    window: float | None = Field(default=None, gt=0, strict=True)
    """Window of the printed tables and of the figures at one window, ps."""
    states_window: float | None = Field(default=None, gt=0, strict=True)
    """Window of the states file for OVITO, ps; default `window`."""
    figures: list[Literal["png", "pdf", "svg"]] = Field(default=["png"])
    """Formats of the figures; an empty list writes none."""


class Config(Section):
    """A run of mda_ionmech."""

    topology: FilePath
    """Topology file."""
    trajectory: FilePath | list[FilePath]
    """Trajectory file, or several in order."""
    universe: dict[str, Any] = Field(default={})
    """How the files are read: format (or trajectory_format), topology_format, dimensions (cell of
    files without one), cell_file (the cells of a CP2K run), dt, atom_style, and further keyword
    arguments of MDAnalysis.Universe."""
    analysis: AnalysisSection
    species: list[SpeciesSection] = Field(min_length=1)
    run: RunSection = Field(default={}, validate_default=True)
    output: OutputSection = Field(default={}, validate_default=True)

    @property
    def trajectories(self) -> list[Path]:
        """The trajectory files as a list, also where one is given."""
        return self.trajectory if isinstance(self.trajectory, list) else [self.trajectory]


def json_schema() -> dict[str, Any]:
    """JSON schema of the TOML file, for editors.

    Returns
    -------
    dict
    """
    return Config.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def _below(section: Any, key: int | str, table: Any, folder: Path) -> Any:
    """The section of a table at a key of another."""
    if isinstance(key, int):
        return section  # one of a list of tables
    if section is SpeciesSection and key in _CHOICES:
        return _CHOICES[key].model_of(table, folder)
    field = section.model_fields.get(key)
    kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, Section)), Section)


def _explain(problem: Any, file: dict[str, Any], folder: Path) -> tuple[str, str]:
    """Key in the file and description of a problem found by pydantic."""
    table: Any = file
    way: list[tuple[int | str, Any]] = []
    for part in problem["loc"]:
        keys = range(len(table)) if isinstance(table, list) else table
        if (
            isinstance(table, list | dict) and part in keys
        ):  # pydantic also names branches of unions
            table = table[part]
            way.append((part, table))
    where = ".".join(str(part) for part, _ in way)
    if problem["type"] == "missing":
        key = f"{where}.{problem['loc'][-1]}".lstrip(".")
        return key, f"required and not given{_TO_GIVE.get(key, '')}"
    if problem["type"] == "extra_forbidden":
        section: Any = Config
        for part, inner in way[:-1]:
            section = _below(section, part, inner, folder)
        hint = nearest(str(way[-1][0]), list(section.model_fields), "keys here")
        return where, f"unknown key; {hint}"
    if problem["type"] in ("rule", "value_error"):
        return where, problem["msg"].removeprefix("Value error, ")
    return where, f"{problem['msg'][0].lower()}{problem['msg'][1:]}, got {shown(problem['input'])}"


def _all_problems(error: ValidationError, source: Path, file: dict[str, Any], folder: Path) -> str:
    """All problems of a file, one per line."""
    problems = error.errors(include_url=False)
    found: dict[str, str] = {}
    for problem in problems[:MOST_PROBLEMS]:
        # a union reports every branch it tried: the first is enough
        where, text = _explain(problem, file, folder)
        found.setdefault(where, text)
    # and a branch that refused an inner key says more than one that refused the whole
    inside = [w for w in found if not any(other.startswith(f"{w}.") for other in found)]
    lines = [f"{w if len(w) <= 120 else f'{w[:117]}...'}: {found[w]}" for w in inside]
    if len(problems) > MOST_PROBLEMS:
        return f"{source} has many problems, the first are:\n  " + "\n  ".join(lines)
    return f"{source} has {len(inside)} problem(s):\n  " + "\n  ".join(lines)


def own_rules(path: Path) -> list[type]:
    """The user's own classes that a TOML file names; their modules are imported.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    InputError
        If it is no TOML file, names none, or one that cannot be imported.
    """
    if not is_file(path):
        raise FileNotFoundError(f"no configuration at {shown_path(path)}")
    species = read_toml(path).get("species")
    tables = [one for one in species if isinstance(one, dict)] if isinstance(species, list) else []
    found = []
    for kind, choice in _CHOICES.items():
        for table in tables:
            rule = table[kind].get("rule") if isinstance(table.get(kind), dict) else None
            if isinstance(rule, str) and ":" in rule:
                found.append(imported_class(rule, choice.base, path.resolve().parent))
    if not found:
        raise InputError(f'{shown_path(path)} names no class of your own, rule = "module:Class"')
    return found


def load_config(path: str | PathLike[str], *, needs_temperature: bool = True) -> Config:
    """Read and check a TOML file; its relative paths become absolute ones.

    Modules that the file names for rules of the user's own are imported.

    Parameters
    ----------
    path : path-like
        The TOML file.
    needs_temperature : bool
        False: a file without ``analysis.temperature``, as `ionmech init` writes it where none is
        given, is read with 300 K, for what does not depend on it.

    Returns
    -------
    Config

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    InputError
        Listing every problem of the file, and files it names that do not exist.
    """
    source = Path(path)
    if not is_file(source):
        raise FileNotFoundError(
            f"no configuration at {shown_path(source)}{not_reached(source)}; make one "
            "with `ionmech init TOPOLOGY TRAJECTORY`"
        )
    folder, file = source.resolve().parent, read_toml(source)
    if not needs_temperature and isinstance(file.setdefault("analysis", {}), dict):
        file["analysis"].setdefault("temperature", 300.0)
    try:
        config = Config.model_validate(file, context={"folder": folder})
    except ValidationError as error:
        raise InputError(_all_problems(error, source, file, folder)) from error
    config.trajectory = config.trajectories
    if isinstance(cells := config.universe.get("cell_file"), str):
        config.universe["cell_file"] = str((folder / cells).resolve())
    config.output.name = config.output.name or source.stem
    try:
        check_output_name(config.output.name)
        check_universe_options(config.universe)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    missing = [p for p in (config.topology, *config.trajectories) if not is_file(p)]
    if missing:
        listed = "\n  ".join(
            f"{shown_path(p)} is a folder; give a file in it"
            if is_folder(p)
            else f"no such file: {shown_path(p)}"
            for p in missing[:MOST_PROBLEMS]
        )
        raise InputError(
            f"{source} has {len(missing)} problem(s):\n  {listed}\n  (paths are relative to the "
            "folder of the file)"
        )
    protect_inputs([config.topology, *config.trajectories])
    return config


def _values(section: Any, place: str, universe: Any, problems: list[str]) -> dict[str, Any]:
    """Arguments of a section, with atoms; selections that fail are added to problems."""

    def select(text: str, key: str) -> Any:
        where = f"{place}.{key}"
        try:
            found = universe.select_atoms(text)
        except Exception as error:
            problems.append(f"{where}: invalid selection {shown(text)} ({short_message(error)})")
            return None
        if found.n_atoms == 0:
            problems.append(f"{where}: {shown(text)} selects no atom; {_names_in_use(universe)}")
        return found

    return dict(section.values(select))


def build_species(config: Config, universe: Any) -> list[IonSpecies]:
    """Species with their detectors and rules.

    Parameters
    ----------
    config : Config
    universe : Universe
        From `open_universe`.

    Returns
    -------
    list of IonSpecies

    Raises
    ------
    InputError
        Listing every selection that fails or is empty, or everything that a detector, a rule or a
        species refuses.
    """
    problems: list[str] = []
    prepared = []
    for k, one in enumerate(config.species):
        place = f"species.{k}"
        values = _values(one, place, universe, problems)
        rules = {n: getattr(one, n) for n in _CHOICES if getattr(one, n) is not None}
        inner = {n: _values(s, f"{place}.{n}", universe, problems) for n, s in rules.items()}
        prepared.append((place, values | rules, inner))
    if problems:
        raise InputError(f"{len(problems)} selection(s) fail:\n  " + "\n  ".join(problems))
    listed = []
    for place, values, inner in prepared:
        known = len(problems)
        for name, arguments in inner.items():
            try:
                values[name] = values[name].function(**arguments)
            except (TypeError, ValueError) as error:
                problems.append(f"{place}.{name}: {error}")
        if len(problems) > known:
            continue
        try:
            listed.append(IonSpecies(**values))
        except InputError as error:
            problems.append(f"{place}: {error}")
    if problems:
        raise InputError(f"{len(problems)} problem(s):\n  " + "\n  ".join(problems))
    return listed


def _names_in_use(universe: Any) -> str:
    residues = sorted({str(n) for n in getattr(universe.atoms, "resnames", ())})
    if residues and len(residues) <= 20:
        return f"residue names in use: {', '.join(residues)}"
    types = sorted({str(n) for n in getattr(universe.atoms, "types", ())})
    return f"types in use: {', '.join(types[:20])}"


def open_universe(
    topology: Path, trajectory: list[Path], options: dict[str, Any], *, uneven: str = "refuse"
) -> Any:
    """Universe of a topology and its trajectory files; see `trajectory.open_files`.

    Parameters
    ----------
    topology : pathlib.Path
    trajectory : list of pathlib.Path
    options : dict
        Keys of ``[universe]``: keyword arguments of `MDAnalysis.Universe`, formats of ASE, and
        ``dimensions``.
    uneven : str
        Of the analysis: what to do where times in files that ASE reads are uneven.

    Returns
    -------
    Universe

    Raises
    ------
    InputError
        If the files cannot be read.
    """
    return open_files(topology, trajectory, options, uneven=uneven)


def build_analysis(config: Config) -> OnsagerDecomposition:
    """The analysis of a configuration, not yet run.

    Parameters
    ----------
    config : Config

    Returns
    -------
    OnsagerDecomposition

    Raises
    ------
    InputError
        For files that cannot be read, selections that fail, and arguments the analysis refuses.
    """
    uneven = config.analysis.uneven
    universe = open_universe(config.topology, config.trajectories, config.universe, uneven=uneven)
    problems: list[str] = []
    options = _values(config.analysis, "analysis", universe, problems)
    if problems:
        raise InputError("\n".join(problems))
    return OnsagerDecomposition(build_species(config, universe), **options)
