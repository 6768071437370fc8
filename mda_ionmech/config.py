"""A run described in a TOML file: everything Python can do, checked before anything is read.

All problems are listed at once; an unknown key is answered with the nearest known one; paths are
relative to the file.
"""

from __future__ import annotations

import difflib
import tomllib
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import InputError

if TYPE_CHECKING:
    from .analysis import OnsagerDecomposition
    from .species import IonSpecies

Cutoff = Annotated[float, Field(gt=0)] | Literal["rdf"]
Width = Annotated[float, Field(ge=0)] | tuple[float, float]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class CutoffShellSection(_Section):
    """Coordination shells by distance."""

    rule: Literal["CutoffShell"] = "CutoffShell"
    """Name of the rule."""
    ligands: dict[str, str] = Field(min_length=1)
    """Selection of the ligand atoms of each type, e.g. solvent and anion."""
    cutoff: Cutoff | dict[str, Cutoff] = "rdf"
    """Radius in Angstrom, "rdf" for the first minimum of g(r), or one of them for each type."""
    hysteresis: Width | dict[str, Width] | None = None
    """A contact ends only beyond cutoff + this width, or a pair [r_in, r_out], Angstrom."""
    persistence: float | None = Field(default=None, ge=0)
    """Ignore a change of a contact that reverts within this time, ps."""


class SolvationEventsSection(_Section):
    """Vehicular motion, renewal, and exchange of solvent, anion or both."""

    rule: Literal["SolvationEvents"] = "SolvationEvents"
    """Name of the rule."""
    anion: str = "anion"
    """The ligand type with the role anion; all others are solvent."""


class IonPairingSection(_Section):
    """SSIP, CIP or AGG from the clusters of cations and anions."""

    rule: Literal["IonPairing"] = "IonPairing"
    """Name of the rule."""
    anion: str = "anion"
    """The ligand type, in the cations' detector, that holds the anions' atoms."""


class SpeciesSection(_Section):
    """One kind of charge carrier."""

    name: str
    """How results call it."""
    selection: str
    """Selection of its atoms."""
    charge: float
    """Charge of one carrier, e: the formal charge."""
    compound: Literal["residues", "molecules", "fragments"] | None = None
    """Group the atoms into molecules; a carrier is then one centre of mass."""
    microstates: CutoffShellSection | None = None
    events: SolvationEventsSection | None = None
    macrostates: IonPairingSection | None = None


class AnalysisSection(_Section):
    """What is computed."""

    temperature: float = Field(gt=0)
    """K."""
    windows: Literal["log"] | list[Annotated[float, Field(gt=0)]] = "log"
    """Lengths of the windows, ps; "log" doubles from the frame spacing to a tenth of the run."""
    frame: Literal["auto", "barycentric", "framework", "solvent", "laboratory"] = "auto"
    """Frame of reference."""
    framework: str | None = None
    """Selection of the immobile sublattice, for frame = "framework"."""
    axes: str = "xyz"
    """Directions that count."""
    unwrap: Literal["auto"] | bool = "auto"
    """Undo jumps across the cell."""
    dt: float | None = Field(default=None, gt=0)
    """True spacing of the analysed frames, ps, when the times in the file are wrong."""
    seed: int = 0
    """Of the bootstrap."""
    level: float = Field(default=0.68, gt=0, lt=1)
    """Nominal coverage of the intervals."""


class RunSection(_Section):
    """Which frames are read, and how."""

    start: int | None = None
    """First frame, counted from 0."""
    stop: int | None = None
    """The frame after the last one."""
    step: int | None = None
    """Take every so many frames."""
    frames: list[int] | None = None
    """Frame numbers, in place of start, stop and step."""
    backend: Literal["serial", "multiprocessing", "dask"] = "serial"
    """Where frames are read; the numbers are the same."""
    n_workers: int | None = Field(default=None, ge=1)
    """Processes of the backend; default all cores."""


class OutputSection(_Section):
    """What is written, and where."""

    folder: Path = Path("ionmech-output")
    """Made if it is not there; relative to this file."""
    name: str | None = None
    """First part of the file names; default the name of this file."""
    window: float | None = Field(default=None, gt=0)
    """Window of the printed tables and of the figures at one window, ps."""
    states_window: float | None = Field(default=None, gt=0)
    """Window of the states file for OVITO, ps; default the smallest."""
    figures: list[Literal["png", "pdf", "svg"]] = ["png"]
    """Formats of the figures; an empty list writes none."""


class Config(_Section):
    """A run of mda_ionmech."""

    topology: Path
    """Topology file."""
    trajectory: Path | list[Path]
    """Trajectory file, or several that follow one another."""
    universe: dict[str, Any] = {}
    """Further keyword arguments of MDAnalysis.Universe, e.g. topology_format."""
    analysis: AnalysisSection
    species: list[SpeciesSection] = Field(min_length=1)
    run: RunSection = RunSection()
    output: OutputSection = OutputSection()

    @property
    def trajectories(self) -> list[Path]:
        return self.trajectory if isinstance(self.trajectory, list) else [self.trajectory]


def json_schema() -> dict[str, Any]:
    """JSON schema of the TOML file, for editors."""
    return Config.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed in the section an error points at."""
    model: Any = Config
    for part in location:
        if isinstance(part, int) or not hasattr(model, "model_fields"):
            continue
        field = model.model_fields.get(part)
        if field is None:
            continue
        inner = field.annotation
        options = [inner, *getattr(inner, "__args__", ())]
        model = next((o for o in options if hasattr(o, "model_fields")), None)
    return list(getattr(model, "model_fields", ()))


def _explain(problem: Any) -> str:
    """One line for one problem pydantic found."""
    location = problem["loc"]
    where = ".".join(f"{p}" for p in location if not str(p).startswith(("constrained", "literal")))
    if problem["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"the keys here are {', '.join(known)}"
        return f"{where}: unknown key; {hint}"
    if problem["type"] == "missing":
        return f"{where}: required and not given"
    text = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{where}: {text}, got {problem['input']!r}"


def load_config(path: str | PathLike[str]) -> Config:
    """Read and check a TOML file; its paths come back absolute.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    InputError
        Listing every problem of the file, and files it names that do not exist.
    """
    source = Path(path)
    if not source.is_file():
        raise FileNotFoundError(
            f"no configuration at {source}; make one with `ionmech init TOPOLOGY TRAJECTORY`"
        )
    try:
        with open(source, "rb") as file:
            config = Config.model_validate(tomllib.load(file))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not valid TOML: {error}") from error
    except ValidationError as error:
        # a union reports every branch it tried: the first tells enough
        lines: dict[str, str] = {}
        for problem in error.errors():
            section = ".".join(str(p) for p in problem["loc"][:3])
            lines.setdefault(
                section if "union" in str(problem["type"]) else _explain(problem).split(":")[0],
                _explain(problem),
            )
        listed = "\n  ".join(lines.values())
        raise InputError(f"{source} has {len(lines)} problem(s):\n  {listed}") from error
    home = source.resolve().parent
    config.topology = home / config.topology
    config.trajectory = [home / p for p in config.trajectories]
    config.output.folder = home / config.output.folder
    config.output.name = config.output.name or source.stem
    missing = [p for p in (config.topology, *config.trajectories) if not p.is_file()]
    if missing:
        listed = "\n  ".join(f"no such file: {p}" for p in missing)
        raise InputError(
            f"{source} has {len(missing)} problem(s):\n  {listed}\n  (paths are relative to the "
            "folder of the file)"
        )
    return config


def build_species(config: Config, universe: Any) -> list[IonSpecies]:
    """Species with their detectors and rules.

    Raises
    ------
    InputError
        Listing every selection that fails or is empty.
    """
    from .events import SolvationEvents
    from .macrostates import IonPairing
    from .microstates import CutoffShell
    from .species import IonSpecies

    problems: list[str] = []

    def select(text: str, where: str) -> Any:
        try:
            found = universe.select_atoms(text)
        except Exception as error:
            problems.append(f"{where}: {text!r} is no selection ({error})")
            return None
        if found.n_atoms == 0:
            problems.append(f"{where}: {text!r} selects no atom; {_names_in_use(universe)}")
        return found

    prepared: list[tuple[SpeciesSection, Any, dict[str, Any]]] = []
    for k, section in enumerate(config.species):
        atoms = select(section.selection, f"species.{k}.selection")
        ligands = {
            kind: select(text, f"species.{k}.microstates.ligands.{kind}")
            for kind, text in (section.microstates.ligands if section.microstates else {}).items()
        }
        prepared.append((section, atoms, ligands))
    if problems:
        raise InputError(f"{len(problems)} selection(s) fail:\n  " + "\n  ".join(problems))
    out = []
    for section, atoms, ligands in prepared:
        shell, events, macro = section.microstates, section.events, section.macrostates
        detector = None
        if shell is not None:
            detector = CutoffShell(
                shell.cutoff, hysteresis=shell.hysteresis, persistence=shell.persistence, **ligands
            )
        out.append(
            IonSpecies(
                atoms,
                charge=section.charge,
                name=section.name,
                compound=section.compound,
                microstates=detector,
                events=None if events is None else SolvationEvents(events.anion),
                macrostates=None if macro is None else IonPairing(macro.anion),
            )
        )
    return out


def _names_in_use(universe: Any) -> str:
    residues = sorted({str(n) for n in getattr(universe.atoms, "resnames", ())})
    if residues and len(residues) <= 20:
        return f"residue names in use: {', '.join(residues)}"
    types = sorted({str(n) for n in getattr(universe.atoms, "types", ())})
    return f"types in use: {', '.join(types[:20])}"


def open_universe(topology: Path, trajectory: list[Path], options: dict[str, Any]) -> Any:
    """Universe of some files.

    Raises
    ------
    InputError
        If MDAnalysis cannot read them.
    """
    import MDAnalysis as mda

    try:
        return mda.Universe(str(topology), [str(p) for p in trajectory], **options)
    except Exception as error:
        files = ", ".join(p.name for p in (topology, *trajectory))
        raise InputError(
            f"MDAnalysis cannot read {files}: {error}; formats it does not guess from the names go "
            "into [universe] of the configuration, or are options of ionmech init, e.g. "
            "topology_format = 'DATA'"
        ) from error


def build_analysis(config: Config) -> OnsagerDecomposition:
    """The analysis of a configuration, not yet run."""
    from .analysis import OnsagerDecomposition

    universe = open_universe(config.topology, config.trajectories, config.universe)
    options = config.analysis.model_dump()
    framework = options.pop("framework")
    if framework is not None:
        options["framework"] = universe.select_atoms(framework)
    return OnsagerDecomposition(build_species(config, universe), **options)
