"""A run described in a TOML file: everything Python can do, checked before anything is read.

All problems are listed at once; an unknown key is answered with the nearest known one; paths are
relative to the file.
"""

from __future__ import annotations

import difflib
import tomllib
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from ..lib.errors import InputError

if TYPE_CHECKING:
    from ..analysis.decomposition import OnsagerDecomposition
    from ..events import EventRule
    from ..macrostates import MacrostateRule
    from ..microstates import Detector
    from ..species import IonSpecies

Cutoff = Annotated[float, Field(gt=0)] | Literal["rdf"]
Width = Annotated[float, Field(ge=0)] | tuple[float, float]
Length = Annotated[float, Field(gt=0)]
Lengths = list[Annotated[float, Field(gt=0)]]
Chains = Literal["fragments", "residues", "segids"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


def _rule_or(default: str) -> Discriminator:
    """Chooses the section by its key `rule`; without one it is that of `default`."""

    def rule_of(value: Any) -> Any:
        if isinstance(value, dict):
            return value.get("rule", default)
        return getattr(value, "rule", default)

    return Discriminator(rule_of)


class _DetectorSection(_Section):
    ligands: dict[str, str] = Field(min_length=1)
    """Selection of the ligand atoms of each type, e.g. solvent and anion."""
    persistence: float | None = Field(default=None, ge=0)
    """Ignore a change of a contact that reverts within this time, ps."""

    def selections(self) -> dict[str, str]:
        """Every selection of the section, by its place there."""
        return {f"ligands.{kind}": text for kind, text in self.ligands.items()}

    def _groups(self, atoms: dict[str, Any]) -> dict[str, Any]:
        return {kind: atoms[f"ligands.{kind}"] for kind in self.ligands}


class CutoffShellSection(_DetectorSection):
    """Coordination shells by distance."""

    rule: Literal["CutoffShell"] = "CutoffShell"
    """Name of the rule."""
    cutoff: Cutoff | dict[str, Cutoff] = "rdf"
    """Radius in Angstrom, "rdf" for the first minimum of g(r), or one of them for each type."""
    hysteresis: Width | dict[str, Width] | None = None
    """A contact ends only beyond cutoff + this width, or a pair [r_in, r_out], Angstrom."""
    recorded: list[Length] | dict[str, list[Length]] | None = None
    """Further radii that contacts are recorded at, to be tried afterwards, Angstrom."""

    def build(self, atoms: dict[str, Any]) -> Detector:
        from ..microstates import CutoffShell

        return CutoffShell(
            self.cutoff,
            hysteresis=self.hysteresis,
            persistence=self.persistence,
            recorded=self.recorded,
            **self._groups(atoms),
        )


class HullShellSection(_DetectorSection):
    """Coordination shells by the convex hull of the nearest ligands, for glasses."""

    rule: Literal["HullShell"]
    """Name of the rule."""
    host: str | None = None
    """Selection of the atoms that bound the shells; default every atom that is no ligand."""
    search: Length = 6.0
    """How far ligands and host atoms are looked for, Angstrom."""
    ratio: Annotated[float, Field(gt=1)] = 1.75
    """Largest distance of a ligand over that of the nearest."""
    fallback: Length | dict[str, Length] | None = None
    """Radius where the rule does not apply, Angstrom; default ratio times the nearest ligand."""

    def selections(self) -> dict[str, str]:
        return super().selections() | ({} if self.host is None else {"host": self.host})

    def build(self, atoms: dict[str, Any]) -> Detector:
        from ..microstates import HullShell

        return HullShell(
            host=atoms.get("host"),
            search=self.search,
            ratio=self.ratio,
            fallback=self.fallback,
            persistence=self.persistence,
            **self._groups(atoms),
        )


class SiteAssignmentSection(_Section):
    """Sites of a crystal, from a CIF, from positions written here, or from the ions' density."""

    rule: Literal["SiteAssignment"]
    """Name of the rule."""
    framework: str
    """Selection of the immobile atoms; the sites follow their drift."""
    cif: Path | None = None
    """Structure file whose orbits of `species` are the sites; relative to this file."""
    species: str | list[str] | None = None
    """Element of the mobile species in the CIF, that of `known` included."""
    merge: float = Field(default=1.0, ge=0)
    """Positions of one orbit of `cif` closer than this are merged, Angstrom."""
    fractional: list[tuple[float, float, float]] | None = None
    """Fractional positions of the sites, in place of a CIF."""
    density: bool = False
    """Find the sites as maxima of the ions' density, in place of a CIF and of positions."""
    threshold: float | None = Field(default=None, gt=0, lt=1)
    """With density: maxima below this fraction of the highest are no sites; default 0.1."""
    separation: Length | None = None
    """With density: of two maxima closer than this, Angstrom, the higher stays; default 1.2."""
    space_group: int | str | None = None
    """With density: number or symbol of the space group the sites obey."""
    origin: tuple[float, float, float] | None = None
    """With density: fractional place of the origin of `space_group` and `known`."""
    known: Path | dict[str, list[tuple[float, float, float]]] | None = None
    """With density: a CIF, relative to this file, or positions by label, to name sites by."""
    labels: list[str] | None = None
    """One label for each of `fractional`."""
    framework_fractional: list[tuple[float, float, float]] | None = None
    """Ideal positions of the framework, to find the origin of `fractional` by."""
    supercell: tuple[int, int, int] = (1, 1, 1)
    """How often the structure is repeated in the trajectory's cell."""
    assignment: Literal["core", "nearest", "polyhedron"] = "core"
    """Keep a site until another core is entered, take the nearest in every frame, or keep it until
    another coordination polyhedron is entered."""
    r_core: Length | None = None
    """Core radius, Angstrom; default 0.55 of half the shortest distance between sites."""
    vertices: str | None = None
    """With polyhedron: selection of the atoms that coordinate the sites; default `framework`."""
    coordination: int | dict[str, int] | None = None
    """With polyhedron: number of vertices, or by label; default where their distances jump most."""
    persistence: float | None = Field(default=None, ge=0)
    """Ignore a change of site that reverts within this time, ps."""

    @model_validator(mode="after")
    def _one_source(self) -> SiteAssignmentSection:
        sources = (self.cif is not None, self.fractional is not None, self.density)
        if sum(sources) != 1:
            raise ValueError(
                "give exactly one of cif with species, fractional with labels, density = true"
            )
        if not self.density and self._density_options():
            listed = ", ".join(self._density_options())
            raise ValueError(f"{listed} has no meaning without density = true; leave it out")
        if self.cif is not None and self.species is None:
            raise ValueError("cif needs species, the element of the mobile ions")
        if self.fractional is not None and self.labels is None:
            raise ValueError("fractional needs labels, one for each site")
        return self

    def _density_options(self) -> dict[str, Any]:
        """The keys given that belong to `density`."""
        keys = ("threshold", "separation", "space_group", "origin", "known")
        return {k: getattr(self, k) for k in keys if getattr(self, k) is not None}

    def selections(self) -> dict[str, str]:
        """Every selection of the section, by its place there."""
        named = {"framework": self.framework, "vertices": self.vertices}
        return {place: text for place, text in named.items() if text is not None}

    def build(self, atoms: dict[str, Any]) -> Detector:
        from ..microstates import SiteAssignment

        common: dict[str, Any] = {
            "framework": atoms["framework"],
            "supercell": self.supercell,
            "assignment": self.assignment,
            "r_core": self.r_core,
            "vertices": atoms.get("vertices"),
            "coordination": self.coordination,
            "persistence": self.persistence,
        }
        if self.density:
            options = self._density_options()
            return SiteAssignment.from_density(species=self.species, **options, **common)
        if self.cif is not None:
            assert self.species is not None
            return SiteAssignment.from_cif(
                self.cif, species=self.species, merge=self.merge, **common
            )
        assert self.labels is not None
        return SiteAssignment.from_structure(
            self.fractional,
            self.labels,
            framework_fractional=self.framework_fractional,
            **common,
        )


class SolvationEventsSection(_Section):
    """Vehicular motion, renewal, and exchange of solvent, counter-ion or both."""

    rule: Literal["SolvationEvents"] = "SolvationEvents"
    """Name of the rule."""
    counterion: str | None = None
    """The ligand type of the counter-ions, by default anion or cation; all others are solvent."""
    anion: str | None = None
    """The older spelling of counterion."""

    def build(self) -> EventRule:
        from ..events import SolvationEvents

        return SolvationEvents(self.counterion, anion=self.anion)


class PolymerEventsSection(_Section):
    """Attachment, interchain and intrachain hops, and co-diffusion with the chain."""

    rule: Literal["PolymerEvents"]
    """Name of the rule."""
    chains: Chains = "fragments"
    """What makes a chain: bonds, residues or segments."""
    counterion: str | None = None
    """The ligand type of the counter-ions; the atoms of all others belong to chains."""
    anion: str | None = None
    """The older spelling of counterion."""

    def build(self) -> EventRule:
        from ..events import PolymerEvents

        return PolymerEvents(self.chains, self.counterion, anion=self.anion)


class CrystalEventsSection(_Section):
    """No hop, single-ion hop, multi-ion hop, exchange."""

    rule: Literal["CrystalEvents"]
    """Name of the rule."""
    linking: Literal["chain", "proximity", "distance"] = "chain"
    """What makes two hops one event: shared sites, near sites, or ions near each other."""
    distance: Length | None = None
    """For linking = "proximity" and "distance", Angstrom."""
    detail: Literal["channel"] | None = None
    """Set to "channel", it labels hops by the site labels of their ends."""
    shared: Literal[False] | Annotated[float, Field(ge=0)] = 1.0
    """Sites of two species this close are one place, Angstrom; false labels each species alone."""

    def build(self) -> EventRule:
        from ..events import CrystalEvents

        shared = None if self.shared is False else self.shared
        return CrystalEvents(self.linking, self.distance, detail=self.detail, shared=shared)


class IonPairingSection(_Section):
    """SSIP, CIP or AGG from the clusters of cations and anions."""

    rule: Literal["IonPairing"] = "IonPairing"
    """Name of the rule."""
    anion: str = "anion"
    """The ligand type, in the cations' detector, that holds the anions' atoms."""

    def build(self) -> MacrostateRule:
        from ..macrostates import IonPairing

        return IonPairing(self.anion)


class ShellCompositionSection(_Section):
    """What a shell is made of: its ligand types, or how many molecules or chains."""

    rule: Literal["ShellComposition"]
    """Name of the rule."""
    count: Literal["types", "molecules", "chains"] = "types"
    """What is told apart."""
    of: list[str] | None = None
    """The ligand types that count; default all, and for chains all but the anion."""
    most: int = Field(default=2, ge=1)
    """The largest number of molecules or chains with a label of its own."""
    chains: Chains = "fragments"
    """What makes a chain: bonds, residues or segments."""
    anion: str | None = None
    """The ligand type that holds no chains; default anion, cation and counterion."""

    def build(self) -> MacrostateRule:
        from ..macrostates import ShellComposition

        return ShellComposition(
            self.count, of=self.of, most=self.most, chains=self.chains, anion=self.anion
        )


class SiteTypeSection(_Section):
    """The label of the site a carrier holds."""

    rule: Literal["SiteType"]
    """Name of the rule."""

    def build(self) -> MacrostateRule:
        from ..macrostates import SiteType

        return SiteType()


# the first section of each is the one meant without a key `rule`; only there it has a default
DetectorSections = Annotated[
    Annotated[CutoffShellSection, Tag("CutoffShell")]
    | Annotated[HullShellSection, Tag("HullShell")]
    | Annotated[SiteAssignmentSection, Tag("SiteAssignment")],
    _rule_or("CutoffShell"),
]
EventSections = Annotated[
    Annotated[SolvationEventsSection, Tag("SolvationEvents")]
    | Annotated[PolymerEventsSection, Tag("PolymerEvents")]
    | Annotated[CrystalEventsSection, Tag("CrystalEvents")],
    _rule_or("SolvationEvents"),
]
MacrostateSections = Annotated[
    Annotated[IonPairingSection, Tag("IonPairing")]
    | Annotated[ShellCompositionSection, Tag("ShellComposition")]
    | Annotated[SiteTypeSection, Tag("SiteType")],
    _rule_or("IonPairing"),
]


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
    microstates: DetectorSections | None = None
    """Who surrounds a carrier."""
    events: EventSections | None = None
    """What happened between two frames."""
    macrostates: MacrostateSections | None = None
    """What kind of surroundings."""


class AnalysisSection(_Section):
    """What is computed."""

    temperature: float = Field(gt=0)
    """K."""
    windows: Literal["log"] | list[Annotated[float, Field(gt=0)]] = "log"
    """Lengths of the windows, ps; "log" doubles from the frame spacing to a tenth of the run."""
    resolutions: Lengths | Literal["log", "none"] = "log"
    """Times over which labels are read in the path and slope views, ps; "none" leaves them out."""
    horizons: Lengths | Literal["log", "none"] = "log"
    """Times over which displacements are correlated there, ps; whole multiples of resolutions."""
    projection: Literal["auto", "site", "none"] = "auto"
    """What events carry there: "site" a hop's way from site to site, "none" whole displacements."""
    frame: Literal["auto", "barycentric", "framework", "solvent", "laboratory"] = "auto"
    """Frame of reference."""
    framework: str | None = None
    """Selection of the immobile sublattice, for frame = "framework"."""
    axes: str = "xyz"
    """Directions that count."""
    unwrap: Literal["auto"] | bool = "auto"
    """Undo jumps across the cell."""
    dt: float | None = Field(default=None, gt=0)
    """True spacing of the analysed frames, ps, when the file holds no times or wrong ones."""
    uneven: Literal["refuse", "drop", "accept"] = "refuse"
    """Frames that repeat or are uneven: refuse, leave out what a restart repeats, or accept."""
    seed: int = 0
    """Of the bootstrap."""
    level: float = Field(default=0.68, gt=0, lt=1)
    """Nominal coverage of the intervals."""
    memory: str | None = None
    """A budget, e.g. "4GB": what exceeds it lives on disk."""
    store: str | None = None
    """Folder of a store, e.g. "run.store", relative to this file: a run that was stopped goes on
    from it."""


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


def _sections(annotation: Any) -> list[Any]:
    """Every section a type annotation allows."""
    if hasattr(annotation, "model_fields"):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]


def _rule_of(section: Any) -> str | None:
    """The rule a section describes, if it describes one."""
    field = section.model_fields.get("rule")
    return None if field is None else get_args(field.annotation)[0]


#: How pydantic begins the names of the branches of a union of plain types.
_BRANCHES = ("constrained", "literal", "dict[", "list[", "tuple[")


def _follow(location: tuple[int | str, ...]) -> tuple[Any, str]:
    """The section a place of pydantic's lies in, and the place as the file spells it."""
    section: Any = Config
    choice: list[Any] = []
    spelt = []
    for part in location:
        chosen = next((s for s in choice if part == _rule_of(s)), None)
        if chosen is not None:  # pydantic names the rule, the file does not
            section, choice = chosen, []
            continue
        if not str(part).startswith(_BRANCHES):
            spelt.append(str(part))
        field = getattr(section, "model_fields", {}).get(part)
        if field is not None:
            choice = _sections(field.annotation)
            if len(choice) == 1:
                section = choice[0]
    return section, ".".join(spelt)


def _explain(problem: Any) -> str:
    """One line for one problem pydantic found."""
    location = problem["loc"]
    _, where = _follow(location)
    if problem["type"] == "extra_forbidden":
        known = list(_follow(location[:-1])[0].model_fields)
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"the keys here are {', '.join(known)}"
        return f"{where}: unknown key; {hint}"
    if problem["type"] == "union_tag_invalid":
        known = [t.strip(" '") for t in problem["ctx"]["expected_tags"].split(",")]
        near = difflib.get_close_matches(problem["ctx"]["tag"], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"the rules here are {', '.join(known)}"
        return f"{where}.rule: unknown rule {problem['ctx']['tag']!r}; {hint}"
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
        # and one that got inside says more than one that refused the whole
        inside = [w for w in lines if not any(other.startswith(f"{w}.") for other in lines)]
        listed = "\n  ".join(lines[where] for where in inside)
        raise InputError(f"{source} has {len(inside)} problem(s):\n  {listed}") from error
    home = source.resolve().parent
    config.topology = home / config.topology
    config.trajectory = [home / p for p in config.trajectories]
    for one in config.species:
        sites = one.microstates
        if isinstance(sites, SiteAssignmentSection) and sites.cif is not None:
            sites.cif = home / sites.cif
        if isinstance(sites, SiteAssignmentSection) and isinstance(sites.known, Path):
            sites.known = home / sites.known
    if config.analysis.store is not None:
        config.analysis.store = str(home / config.analysis.store)
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
    from ..species import IonSpecies

    problems: list[str] = []

    def select(text: str, where: str) -> Any:
        try:
            found = universe.select_atoms(text)
        except Exception as error:
            problems.append(f"{where}: invalid selection {text!r} ({error})")
            return None
        if found.n_atoms == 0:
            problems.append(f"{where}: {text!r} selects no atom; {_names_in_use(universe)}")
        return found

    prepared: list[tuple[SpeciesSection, Any, dict[str, Any]]] = []
    for k, section in enumerate(config.species):
        atoms = select(section.selection, f"species.{k}.selection")
        shell = section.microstates
        groups = {
            place: select(text, f"species.{k}.microstates.{place}")
            for place, text in ({} if shell is None else shell.selections()).items()
        }
        prepared.append((section, atoms, groups))
    if problems:
        raise InputError(f"{len(problems)} selection(s) fail:\n  " + "\n  ".join(problems))
    out = []
    for section, atoms, groups in prepared:
        shell, events, macro = section.microstates, section.events, section.macrostates
        out.append(
            IonSpecies(
                atoms,
                charge=section.charge,
                name=section.name,
                compound=section.compound,
                microstates=None if shell is None else shell.build(groups),
                events=None if events is None else events.build(),
                macrostates=None if macro is None else macro.build(),
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
    from ..analysis.decomposition import OnsagerDecomposition

    universe = open_universe(config.topology, config.trajectories, config.universe)
    options = config.analysis.model_dump()
    for key in ("resolutions", "horizons", "projection"):  # TOML has no None
        options[key] = None if options[key] == "none" else options[key]
    framework = options.pop("framework")
    if framework is not None:
        options["framework"] = universe.select_atoms(framework)
    return OnsagerDecomposition(build_species(config, universe), **options)
