"""Plausibility of shells, motion and temperature on sampled frames, before all are read.

The choice of frames depends on the number of frames alone and they are read in this process, so
that the outcome is the same on every backend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import constants

from ..lib.errors import InputError
from ..lib.molecules import bond_pairs
from ..lib.polymer_chains import chain_of_atom
from ..lib.still_carriers import still_note
from ..microstates.cages.cage_assignment import CageAssignment
from ..microstates.contacts import FrameGeometry
from ..microstates.rdf import PairCounts
from . import plausibility, unit_checks
from .cage_checks import long_visits
from .radial_distributions import distributions_of

if TYPE_CHECKING:
    from ..microstates.rdf import RadialDistribution
    from ..species import Detector, IonSpecies
    from ..trajectory.snapshot import Snapshot
    from .frame_source import FrameSource

#: Number of sampled frames.
FRAMES = 25
#: After every so many of these the next frame is read as well, for steps from frame to frame.
PAIRS = 5
#: Most carriers of a species in the sample.
CARRIERS = 200
#: Most atoms of each kind of the framework, and of the whole system, in the sample.
HOST_ATOMS, ALL_ATOMS = 500, 20_000
#: Most kinds of framework atoms that are distinguished.
KINDS = 12
#: Modulus of the mean over atoms of exp(2 pi i step) below which a drift is undetermined.
_KNOWN_DRIFT = 0.5
#: amu A^2 / ps^2 in J.
_ENERGY = constants.atomic_mass * 1e4
#: Velocity units that a LAMMPS dump may be in, in A/ps: ``metal`` and ``real``.
_DUMP_UNITS = (1.0, 1e3)
_TEMPERATURE_KEYS = ("temperature", "temp", "temp0")


@dataclass
class ShellSample:
    """Shells of one species in the sampled frames.

    Attributes
    ----------
    detector : Detector
    contacts : numpy.ndarray
        Shape (ligand types,): contacts within the inner radius, over all frames and carriers.
    pairs : PairCounts
        Pair distances of at most `CARRIERS` carriers.
    same : bool
        Whether all frames have the same contacts.
    first : numpy.ndarray
        Shape (2, contacts): carrier and ligand of the first frame.
    """

    detector: Detector
    contacts: np.ndarray
    pairs: PairCounts
    same: bool = True
    first: np.ndarray | None = None
    n_carriers: int = 0
    n_frames: int = 0

    @classmethod
    def of(cls, detector: Detector) -> ShellSample:
        """An empty sample for the ligand types of a detector."""
        kinds = detector.ligand_types
        return cls(detector, np.zeros(len(kinds)), PairCounts(kinds))

    def add(self, frame: FrameGeometry) -> None:
        """Add a frame."""
        found = self.detector.contacts(frame)
        begun = found.inner
        of_kind = frame.ligand_kind[found.ligand[begun]]
        self.contacts += np.bincount(of_kind, minlength=len(self.contacts))
        now = np.stack([found.carrier[begun], found.ligand[begun]])
        self.first = now if self.first is None else self.first
        self.same = self.same and np.array_equal(self.first, now)
        self.pairs.add(some_carriers(frame))
        self.n_carriers = len(frame.centres)
        self.n_frames += 1

    def by_type(self, values: np.ndarray) -> dict[str, float]:
        """Values by ligand type."""
        return dict(zip(self.detector.ligand_types, values.tolist(), strict=True))

    def coordination(self) -> dict[str, float]:
        """Mean number of ligand atoms of each type."""
        return self.by_type(self.contacts / (self.n_frames * self.n_carriers))

    def nearest(self) -> dict[str, float]:
        """Distance of the nearest ligand of each type, Angstrom; infinite beyond 8 A."""
        counts = self.pairs.counts
        assert counts is not None
        at = np.where(counts.any(axis=1), (counts > 0).argmax(axis=1), -1)
        return self.by_type(np.where(at >= 0, self.pairs.edges[at], np.inf))


@dataclass(frozen=True)
class FromSample:
    """What sampled frames tell.

    Attributes
    ----------
    texts : list of str
        Warnings about what is implausible.
    distributions : dict of int to dict of str to RadialDistribution
        g(r) by ligand type, by the number of each species with shells.
    """

    texts: list[str]
    distributions: dict[int, dict[str, RadialDistribution]]


def some_carriers(frame: FrameGeometry) -> FrameGeometry:
    """The same frame with at most `CARRIERS` evenly chosen carriers."""
    n = len(frame.centres)
    if n <= CARRIERS:
        return frame
    chosen = np.linspace(0, n - 1, CARRIERS).astype(np.int64)
    number = np.full(n + 1, -1, dtype=np.int64)  # the last is for ligands of no carrier
    number[chosen] = np.arange(CARRIERS)
    return FrameGeometry(
        frame.centres[chosen],
        frame.ligand_places,
        frame.ligand_kind,
        number[frame.ligand_owner],
        frame.cell,
        frame.cell_as_read,
    )


@dataclass
class MotionSample:
    """Positions of some atoms in the sampled frames.

    Attributes
    ----------
    groups : dict of str to numpy.ndarray
        Atom indices of carriers by species (``species:``), of framework atoms by kind
        (``framework:``), and of the atoms that define a drift (``drift``).
    weights : numpy.ndarray
        Of the atoms of ``drift``.
    """

    groups: dict[str, np.ndarray]
    weights: np.ndarray
    fractional: dict[str, list[np.ndarray]] = field(default_factory=dict)
    cells: list[np.ndarray] = field(default_factory=list)

    def add(self, positions: np.ndarray, cell: np.ndarray, inverse: np.ndarray) -> None:
        """Add a frame: positions (atoms, 3) in Angstrom and its cell."""
        self.cells.append(cell)
        for name, atoms in self.groups.items():
            inside = positions[atoms].astype(np.float64) @ inverse
            self.fractional.setdefault(name, []).append(inside)

    def steps(self, name: str) -> np.ndarray:
        """Shortest steps from frame to frame, (frames - 1, atoms, 3), fractions of the cell."""
        difference = np.diff(np.stack(self.fractional[name]), axis=0)
        return difference - np.rint(difference)

    @property
    def cell(self) -> np.ndarray:
        """Mean cell, (3, 3), Angstrom."""
        return np.mean(self.cells, axis=0)

    def drift_steps(self) -> np.ndarray | None:
        """Steps of the mean of the ``drift`` atoms, (frames - 1, 3), fractions; None if unknown."""
        turned = np.exp(2j * np.pi * self.steps("drift"))
        mean = np.einsum("tai,a->ti", turned, self.weights / self.weights.sum())
        if np.abs(mean).min() < _KNOWN_DRIFT:
            return None
        return np.angle(mean) / (2 * np.pi)

    def squared(self, name: str, drift: np.ndarray, lag: int) -> float:
        """Mean squared displacement relative to a drift over `lag` sampled frames, Angstrom^2."""
        steps = self.steps(name) - drift[:, None]
        steps -= np.rint(steps)
        path = np.concatenate([np.zeros_like(steps[:1]), np.cumsum(steps, axis=0)]) @ self.cell
        return float(np.mean(np.sum((path[lag:] - path[:-lag]) ** 2, axis=-1)))


@dataclass
class SpeedSample:
    """Steps of carriers from one frame to the next.

    Attributes
    ----------
    atoms : dict of str to numpy.ndarray
        By species, indices of one atom with mass of each of some carriers.
    mass : numpy.ndarray
        Of every atom of the universe, amu.
    """

    atoms: dict[str, np.ndarray]
    mass: np.ndarray
    squares: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, species: Sequence[IonSpecies], universe: Any) -> SpeedSample:
        """One massive atom each of up to `CARRIERS` carriers of every species."""
        n_atoms = universe.atoms.n_atoms
        mass = np.asarray(getattr(universe.atoms, "masses", np.zeros(n_atoms)), dtype=np.float64)
        chosen = {}
        for one in species:
            with_mass = np.isfinite(mass[one.atoms.ix]) & (mass[one.atoms.ix] > 0)
            carriers, atoms = one.carrier_of_atom[with_mass], one.atoms.ix[with_mass]
            _, heads = np.unique(carriers, return_index=True)
            if len(heads):
                chosen[one.name] = _spread(atoms[heads], CARRIERS)
        return cls(chosen, mass)

    def add(self, before: Snapshot, after: Snapshot) -> None:
        """Add the shortest steps between two consecutive frames."""
        for name, atoms in self.atoms.items():
            was = before.positions[atoms].astype(np.float64) @ before.cell.inverse
            now = after.positions[atoms].astype(np.float64) @ after.cell.inverse
            step = now - was
            step = (step - np.rint(step)) @ after.cell.vectors
            self.squares.setdefault(name, []).append(float(np.mean(np.sum(step**2, axis=1))))

    def texts(self, temperature: float, spacing: float) -> Iterator[str | None]:
        """Warnings on carriers that are faster than their thermal velocity allows."""
        for name, squares in self.squares.items():
            mass = 1 / float(np.mean(1 / self.mass[self.atoms[name]]))
            step = float(np.sqrt(np.mean(squares)))
            yield plausibility.too_fast(name, step, mass, temperature, spacing)


@dataclass
class TemperatureSample:
    """Velocities and temperatures in the sampled frames.

    Attributes
    ----------
    atoms : numpy.ndarray
        Indices of atoms with mass.
    mass : numpy.ndarray
        Theirs, amu.
    free : bool
        Whether none of them is in a molecule.
    """

    atoms: np.ndarray
    mass: np.ndarray
    free: bool
    kinetic: list[float] = field(default_factory=list)
    written: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, universe: Any) -> TemperatureSample:
        """Single ions, if there are any, else all atoms with mass."""
        atoms = universe.atoms
        mass = np.asarray(getattr(atoms, "masses", np.zeros(len(atoms))), dtype=np.float64)
        heavy = np.isfinite(mass) & (mass > 0)
        alone = np.zeros(len(atoms), dtype=bool)
        if len(bonds := bond_pairs(universe)) > 0:
            alone[:] = True
            alone[bonds.ravel()] = False
        elif universe.residues.n_residues > 1:
            alone = np.bincount(atoms.resindices)[atoms.resindices] == 1
        free = bool(np.any(alone & heavy))
        chosen = np.flatnonzero(alone & heavy if free else heavy)
        return cls(chosen, mass[chosen], free)

    def add(self, ts: Any) -> None:
        """Add a frame."""
        if len(self.atoms) and getattr(ts, "has_velocities", False):
            velocity = np.asarray(ts.velocities, dtype=np.float64)[self.atoms]
            energy = float(np.sum(self.mass[:, None] * velocity**2)) * _ENERGY
            self.kinetic.append(energy / (3 * len(self.atoms) * constants.k))
        for key, value in ts.data.items():
            if str(key).lower().split("/")[-1] in _TEMPERATURE_KEYS and np.size(value) == 1:
                self.written.setdefault(str(key), []).append(float(np.squeeze(value)))

    def texts(self, temperature: float, reader: str) -> Iterator[str | None]:
        """Warnings on the temperature of the run, K."""
        kinetic = float(np.mean(self.kinetic)) if self.kinetic else 0.0
        if np.isfinite(kinetic) and kinetic > 0:
            if reader == "LAMMPSDUMP":
                units = np.array(_DUMP_UNITS) ** 2 * kinetic
                kinetic = float(units[np.argmin(np.abs(np.log(units / temperature)))])
            n = len(self.atoms)
            if not self.free and n > 1:  # the centre of mass is at rest
                kinetic *= n / (n - 1)
            error = float(np.sqrt(2 / (3 * n * len(self.kinetic))))
            yield plausibility.kinetic_temperature(temperature, kinetic, error, self.free)
        for key, values in self.written.items():
            mean = float(np.mean(values))
            if np.isfinite(mean) and mean > 0:
                yield plausibility.written_temperature(temperature, mean, key)


def read_sample(source: FrameSource) -> FromSample:
    """Warnings about what is implausible in sampled frames, and g(r), before all of them are read.

    Cost: `FRAMES` frames read, with one neighbour search to 8 A for up to `CARRIERS` carriers.

    Raises
    ------
    InputError
        For shells that cannot hold a ligand, a persistence as long as the run, and where no carrier
        moves.
    """
    n = len(source)
    texts: list[str | None] = []
    shells: dict[int, ShellSample] = {}
    for index, one in enumerate(source.species):
        if one.microstates is None:
            continue
        if one.microstates.persistence:
            texts.append(
                plausibility.long_persistence(
                    one.name, one.microstates.persistence, source.times.spacing, n
                )
            )
        if isinstance(one.microstates, CageAssignment):
            texts.append(long_visits(one.name, one.microstates.time, source.times.spacing, n))
        if not one.microstates.has_sites:
            shells[index] = ShellSample.of(one.microstates)
        texts.append(_chains(one, source.universe))
    motion = MotionSample(*_followed(source))
    temperature = TemperatureSample.of(source.universe)
    speed = SpeedSample.of(source.species, source.universe)
    still = {s.name: s.atoms.ix for s in source.species}
    first: np.ndarray | None = None
    texts.append(unit_checks.temperature(source.choices.temperature))
    chosen = np.unique(np.linspace(0, n - 1, min(n, FRAMES)).astype(int))
    followed = set(chosen[:: max(len(chosen) // PAIRS, 1)].tolist())
    for k in chosen.tolist():
        snapshot = source.read(k)
        temperature.add(source.at(k))
        for index, shell in shells.items():
            shell.add(source.geometry(index, snapshot))
        motion.add(snapshot.positions, snapshot.cell.vectors, snapshot.cell.inverse)
        if first is None:
            first = snapshot.positions
            texts += _units(source, snapshot)
        else:
            still = {
                name: ix
                for name, ix in still.items()
                if np.array_equal(first[ix], snapshot.positions[ix])
            }
        if k in followed and k + 1 < n:
            speed.add(snapshot, source.read(k + 1))
    texts += _still(list(still), len(source.species))
    span = (n - 1) * source.times.spacing
    for index, shell in shells.items():
        texts += _shells(source.species[index], shell, span)
    reader = getattr(source.trajectory, "readers", [source.trajectory])[0]
    texts += temperature.texts(source.choices.temperature, str(getattr(reader, "format", "")))
    texts += speed.texts(source.choices.temperature, source.times.spacing)
    texts += _motion(source, motion)
    distributions = {
        index: distributions_of(shell.pairs.distributions(), shell.detector)
        for index, shell in shells.items()
    }
    return FromSample([text for text in texts if text], distributions)


def _units(source: FrameSource, snapshot: Snapshot) -> Iterator[str | None]:
    """Warnings on the units of cell and positions."""
    cell = snapshot.cell.vectors
    masses = np.asarray(getattr(source.universe.atoms, "masses", np.zeros(len(snapshot.positions))))
    masses = np.where(np.isfinite(masses), masses, 0.0).astype(np.float64)
    fractional = snapshot.positions @ snapshot.cell.inverse
    yield unit_checks.density(masses, cell)
    found = unit_checks.empty_cell(fractional)
    yield unit_checks.crowded(fractional, masses, cell) if found is None else found


def _still(names: Sequence[str], n_species: int) -> list[str]:
    """Refuse a run in which no carrier moves; warn of single species that do not move."""
    if len(names) == n_species:
        raise InputError(
            f"no carrier of {', '.join(names)} moves: their positions are equal in all "
            "sampled frames; check that the selections name the mobile atoms and that "
            "they were not frozen in the simulation"
        )
    return [still_note(names)] if names else []


def _chains(one: IonSpecies, universe: Any) -> str | None:
    """Warning about chains of a rule that are small molecules."""
    rule, detector = one.events, one.microstates
    chains, anion = getattr(rule, "chains", None), getattr(rule, "anion", None)
    if chains is None or detector is None:
        return None
    atoms = np.concatenate([g.ix for kind, g in detector.ligands.items() if kind != anion])
    sizes = np.bincount(chain_of_atom(universe, chains, atoms, type(rule).__name__)[atoms])
    return plausibility.small_molecules(one.name, int(sizes.max()), int(np.count_nonzero(sizes)))


def _shells(one: IonSpecies, shell: ShellSample, span: float) -> Iterator[str | None]:
    """Warnings on the shells of a species."""
    inner: Mapping[str, float] = getattr(shell.detector, "inner", {})
    outer: Mapping[str, float] = getattr(shell.detector, "outer", {})
    if not isinstance(inner, Mapping) or not isinstance(outer, Mapping):
        inner, outer = {}, {}  # in a user's own detector these names may mean something else
    empty = plausibility.empty_shells(
        one.name, shell.coordination(), inner, shell.nearest(), shell.n_frames
    )
    if empty is not None:
        yield empty
        return
    found = distributions_of(shell.pairs.distributions(), shell.detector)
    for kind in outer:
        yield plausibility.wide_band(one.name, kind, inner[kind], outer[kind])
        yield from plausibility.misplaced_radii(
            one.name, found[kind], inner[kind], outer[kind], molecule=one.compound is not None
        )
    if shell.same and one.events is not None and shell.n_frames > 2:
        yield plausibility.unchanged_sample(one.name, shell.n_frames, span)


def _followed(source: FrameSource) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Atoms whose motion is sampled, and weights of those that define a drift."""
    universe = source.universe
    groups: dict[str, np.ndarray] = {}
    carrier = np.zeros(universe.atoms.n_atoms, dtype=bool)
    for one in source.species:
        _, heads = np.unique(one.carrier_of_atom, return_index=True)
        groups[f"species:{one.name}"] = _spread(one.atoms.ix[heads], CARRIERS)
        carrier[one.atoms.ix] = True
    host = np.zeros_like(carrier)
    if source.choices.frame == "framework":
        host[source.bodies.reference > 0] = True
    for one in source.species:
        if getattr(one.microstates, "has_sites", False) and one.microstates is not None:
            for group in one.microstates.ligands.values():
                host[group.ix] = True
    atoms = np.flatnonzero(host)
    kinds = getattr(universe.atoms, "elements", getattr(universe.atoms, "names", None))
    if kinds is None or len(set(kinds[atoms])) > KINDS:
        kinds = np.full(len(carrier), "all", dtype=object)
    for kind in dict.fromkeys(kinds[atoms]):
        groups[f"framework:{kind}"] = _spread(atoms[kinds[atoms] == kind], HOST_ATOMS)
    # atoms that carry no charge define a drift best; where all carry charge, all atoms do
    base = atoms if len(atoms) else np.flatnonzero(~carrier)
    base = base if len(base) else np.flatnonzero(carrier)
    groups["drift"] = _spread(base, ALL_ATOMS)
    mass = np.asarray(getattr(universe.atoms, "masses", np.ones(len(carrier))), dtype=np.float64)
    mass = np.where(np.isfinite(mass) & (mass > 0), mass, 0.0)[groups["drift"]]
    return groups, mass if mass.any() else np.ones(len(mass))


def _spread(atoms: np.ndarray, most: int) -> np.ndarray:
    """At most `most` evenly chosen atoms."""
    if len(atoms) <= most:
        return atoms
    return atoms[np.linspace(0, len(atoms) - 1, most).astype(int)]


def _motion(source: FrameSource, motion: MotionSample) -> Iterator[str | None]:
    """Warnings on the motion of carriers, framework and the whole system."""
    n_steps = len(motion.cells) - 1
    late, early = max(3 * n_steps // 4, 1), max(n_steps // 4, 1)
    if n_steps < 4:
        return
    known = motion.drift_steps()
    # where the drift is unknown, atoms moved far from frame to frame, with and without it
    turned = np.zeros((n_steps, 3)) if known is None else known
    # atoms that move by half a cell between frames appear slower, but still fast
    msd = {one.name: motion.squared(f"species:{one.name}", turned, late) for one in source.species}
    over_all = {
        one.name: (one.n_carriers, motion.squared(f"species:{one.name}", turned, n_steps))
        for one in source.species
    }
    if known is not None:
        yield plausibility.drift(source.choices.frame, known @ motion.cell, over_all)
    host = {
        name.partition(":")[2]: (
            motion.squared(name, turned, early),
            motion.squared(name, turned, late),
        )
        for name in motion.groups
        if name.startswith("framework:")
    }
    if host:
        yield plausibility.moving_host(msd, host)
