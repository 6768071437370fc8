"""The record of a labelled run: paths, labels, times and names.

Residence times, rates, hops and rate control are functions of this record, without reading the
trajectory again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import is_one_of, positive, shown
from ..lib.errors import InputError
from ..lib.whole_frames import whole_frames
from ..trajectory import Paths
from .carrier_labels import CarrierLabels

if TYPE_CHECKING:
    from ..events.crystal.crystal_events import LinkedHops
    from ..events.crystal.site_history import SiteHistory
    from ..macrostates import Macrostates
    from ..microstates import Microstates
    from ..species import EventRule
    from ..trajectory.carriers import Ligands


@dataclass(frozen=True)
class CarrierAtoms:
    """The atoms of all carriers of a run.

    Attributes
    ----------
    index, id : numpy.ndarray
        Shape (atoms,), int64: index in the topology, and identifier as in files.
    carrier : numpy.ndarray
        Shape (atoms,), int64: number of the carrier.
    id_of_all : numpy.ndarray
        Shape (atoms of the topology,), int64: the identifiers of all atoms.
    """

    index: np.ndarray
    carrier: np.ndarray
    id_of_all: np.ndarray

    @property
    def id(self) -> np.ndarray:
        """Identifier of every atom of the carriers, shape (carrier atoms,)."""
        return np.asarray(self.id_of_all[self.index])

    @property
    def first_id(self) -> np.ndarray:
        """Identifier of the first atom of each carrier, shape (carriers,)."""
        return np.asarray(self.id[np.unique(self.carrier, return_index=True)[1]])


@dataclass(frozen=True)
class LabelledSpecies:
    """One species of a run: its carriers and how they are labelled.

    Attributes
    ----------
    name : str
    charge : float
        Of one carrier, e.
    n_carriers : int
    first : int
        Number of its first carrier among those of the run.
    events : tuple of str
        Labels of its event rule; ``("all",)`` without one.
    rule : EventRule or None
    labels : CarrierLabels
        Positions and labels, as input of the sums over windows.
    microstates : Microstates or None
        Shells or sites of every carrier over time; None without a detector.
    macrostates : Macrostates or None
    ligands : Ligands or None
        The ligand atoms of its detector.
    has_sites : bool
        Whether microstates are sites.
    site_labels : tuple of str
        Label of each site; empty for species in shells.
    sites : numpy.ndarray or None
        Shape (sites, 3): positions of the sites, fractional in the mean cell.
    history : SiteHistory or None
        Sites and periodic images visited, for a species whose events are hops.
    mass : float or None
        Mass of the molecules per carrier, u, where the species of a run hold all mass of the
        system.
    about : dict
        The species, its detector and rules as plain values.
    """

    name: str
    charge: float
    n_carriers: int
    first: int
    events: tuple[str, ...]
    rule: EventRule | None
    labels: CarrierLabels
    microstates: Microstates | None = None
    macrostates: Macrostates | None = None
    ligands: Ligands | None = None
    has_sites: bool = False
    site_labels: tuple[str, ...] = ()
    sites: np.ndarray | None = None
    history: SiteHistory | None = None
    mass: float | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """One past the number of its last carrier."""
        return self.first + self.n_carriers

    @property
    def path_events(self) -> tuple[str, ...]:
        """Labels in the path view, with vibration last for species on sites."""
        return self.events if self.labels.site_positions is None else (*self.events, "vibration")

    @property
    def on_sites(self) -> bool:
        """Whether its events are hops between sites."""
        return self.history is not None

    @property
    def in_cages(self) -> bool:
        """Whether its sites are cages, known only where carriers were seen."""
        return self.microstates is not None and self.microstates.places is not None


@dataclass(frozen=True)
class LabelledRun:
    """Paths and labels of all carriers of a run.

    Attributes
    ----------
    species : tuple of LabelledSpecies
        In the order of the run; carriers are numbered species after species.
    paths : Paths
        Unwrapped positions of all carriers.
    frames : numpy.ndarray
        Shape (frames,), int64: numbers of the analysed frames in the trajectory.
    times : numpy.ndarray
        Shape (frames,), ps.
    windows, resolutions, horizons : numpy.ndarray
        Lengths of the scan, frames.
    temperature : float
        K.
    axes : str
        Directions that are analysed.
    seed : int
        Of the bootstrap.
    level : float
        Nominal coverage of the intervals.
    atoms : CarrierAtoms
    linked : dict
        Hops of the species that are labelled together, by their numbers.
    """

    species: tuple[LabelledSpecies, ...]
    paths: Paths
    frames: np.ndarray
    times: np.ndarray
    windows: np.ndarray
    resolutions: np.ndarray
    horizons: np.ndarray
    temperature: float
    axes: str
    seed: int
    level: float
    atoms: CarrierAtoms
    linked: dict[tuple[int, ...], LinkedHops] = field(default_factory=dict)

    @property
    def dt(self) -> float:
        """Spacing of the frames, ps."""
        return self.paths.dt

    @property
    def n_frames(self) -> int:
        """Number of analysed frames."""
        return self.paths.n_frames

    @property
    def names(self) -> list[str]:
        """Names of the species."""
        return [one.name for one in self.species]

    @property
    def event_names(self) -> tuple[str, ...]:
        """Labels of all species, each once."""
        return tuple(dict.fromkeys(name for one in self.species for name in one.events))

    @property
    def macrostate_names(self) -> tuple[str, ...]:
        """Macrostates of all species, each once."""
        kinds = [one.macrostates.names for one in self.species if one.macrostates is not None]
        return tuple(dict.fromkeys(name for names in kinds for name in names))

    def index(self, name: str) -> int:
        """Number of a species.

        Raises
        ------
        InputError
            For a name that is not in the run.
        """
        if not is_one_of(name, self.names):
            raise InputError(f"species={shown(name)} is not in this run; it holds {self.names}")
        return self.names.index(name)

    def linked_with(self, index: int) -> tuple[LinkedHops, int]:
        """Hops of the species labelled together with number `index`, and its number among them."""
        members = next(m for m in self.linked if index in m)
        return self.linked[members], members.index(index)

    def in_frames(self, length: float, argument: str = "window") -> int:
        """A time in ps as a whole number of frames.

        Raises
        ------
        InputError
            For a time that is not positive or longer than the run.
        """
        length = positive(argument, length, "ps", "give a time, or leave it out")
        n = max(whole_frames(length, self.dt, self.n_frames), 1)
        if n > self.n_frames - 1:
            raise InputError(
                f"{argument}={length:g} ps is longer than the "
                f"{(self.n_frames - 1) * self.dt:g} ps analysed"
            )
        return n
