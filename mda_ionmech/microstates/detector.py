"""Base class of detectors, which find the microstates of carriers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import species
from ..lib.checks import number
from ..lib.errors import InputError
from ..lib.frozen import is_frozen, own_copy
from ..lib.label_names import check_label_names
from ..lib.topology import check_apart, check_atom_group
from ..lib.whole_frames import whole_frames
from .contacts import ContactHistory, Contacts, FrameGeometry
from .shells import Microstates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from MDAnalysis import AtomGroup

    from .contact_tracking import Follower
    from .rdf import RadialDistribution


class Detector(ABC):
    """Finds the ligands around each carrier in one frame. Subclass it for your own rule.

    A subclass implements `contacts` for one frame; reading, hysteresis, persistence and interning
    are done for it.

    Parameters
    ----------
    persistence : float, optional
        Ignore a change of a contact that reverts within this time, ps.
    **ligands : AtomGroup
        Ligand atoms by type, e.g. ``solvent=..., anion=...``.

    Attributes
    ----------
    ligand_types : tuple of str
    tally_names : tuple of str
        Names of counters of `contacts`, e.g. of carriers that a rule does not fit; the counts of a
        run are in `Microstates.report` and, where not zero, among the warnings of the result.

    Raises
    ------
    InputError
        Without ligand types, for types that share atoms, or a persistence that is no time.
    """

    has_sites = False
    tally_names: tuple[str, ...] = ()

    def __init__(self, *, persistence: float | None = None, **ligands: AtomGroup) -> None:
        if not ligands:
            raise InputError(
                f"{type(self).__name__} needs at least one ligand type, given as a keyword, e.g. "
                "solvent=universe.select_atoms('resname DME and element O')"
            )
        for kind, atoms in ligands.items():
            check_atom_group(atoms, f"ligand type {kind!r}")
            check_label_names((kind,), f"the ligand types of {type(self).__name__}")
        check_apart(
            {repr(kind): atoms for kind, atoms in ligands.items()},
            "each atom belongs to one ligand type",
            "ligand types {} and {}",
        )
        if persistence is not None:
            persistence = number("persistence", persistence, "a time in ps, 0 or more", least=0)
        self.ligands = dict(ligands)
        self.persistence = persistence

    @property
    def ligand_types(self) -> tuple[str, ...]:
        """Names of the ligand types, in the order given."""
        return tuple(self.ligands)

    @property
    def reach(self) -> float:
        """Largest distance of a contact, Angstrom; the cell must be more than twice as high."""
        return 0.0

    def other_atoms(self, carriers: AtomGroup) -> np.ndarray:
        """Indices of further atoms whose positions `contacts` needs; none by default.

        Parameters
        ----------
        carriers : AtomGroup
            All atoms of the carriers.

        Returns
        -------
        numpy.ndarray
            Shape (others,), int64, sorted.
        """
        return np.empty(0, dtype=np.int64)

    def settle(self, sample: Callable[[], Iterable[FrameGeometry]]) -> Detector:
        """The detector with parameters found on a trajectory, e.g. a cutoff from g(r).

        Called once per run, before frames are read. The detector itself must not change: what is
        found is set in the object that is returned, which the run uses. By default nothing is to
        be found, and the detector itself is returned.

        Parameters
        ----------
        sample : callable
            ``sample()`` yields `FrameGeometry` of frames sampled over the run.

        Returns
        -------
        Detector
        """
        return self

    def with_distributions(self, found: Mapping[str, RadialDistribution]) -> Detector:
        """The detector with measured g(r), for figures.

        Parameters
        ----------
        found : mapping of str to RadialDistribution
            By ligand type.

        Returns
        -------
        Detector
            By default the detector itself.
        """
        return self

    @abstractmethod
    def contacts(self, frame: FrameGeometry) -> Contacts:
        """Contacts of one frame. Must depend on this frame alone.

        Parameters
        ----------
        frame : FrameGeometry

        Returns
        -------
        Contacts
        """

    def follower(self, n_carriers: int, first_frame: int) -> Follower:
        """What tracks contacts through consecutive frames.

        Parameters
        ----------
        n_carriers : int
        first_frame : int
            Number of the first of these frames in the run.

        Returns
        -------
        Follower
        """
        from .contact_tracking import Follower

        return Follower(self, n_carriers, first_frame)

    def assemble(
        self,
        history: ContactHistory,
        *,
        filtered: bool = True,
        persistence: float | None = None,
    ) -> Microstates:
        """Microstates from the recorded contacts.

        Parameters
        ----------
        history : ContactHistory
            On disk where the run is; ``history.blocks()`` gives it by blocks of carriers.
        filtered : bool
            False leaves hysteresis and persistence out.
        persistence : float, optional
            ps, in place of the detector's own.

        Returns
        -------
        Microstates
        """
        from .shell_filters import build_microstates

        return build_microstates(
            history,
            persistence_frames=self.frames_to_wait(history, filtered, persistence),
            types=self.ligand_types,
            use_hysteresis=filtered,
        )

    def frames_to_wait(
        self,
        history: ContactHistory,
        filtered: bool,
        persistence: float | None,
    ) -> int:
        """Number of frames that a change must outlast.

        Parameters
        ----------
        history : ContactHistory
            Gives the frame spacing.
        filtered : bool
            False: 0 frames.
        persistence : float or None
            ps, in place of the detector's own.

        Returns
        -------
        int
        """
        wait = (self.persistence or 0.0) if persistence is None else persistence
        return whole_frames(wait, history.spacing) if filtered else 0

    def describe(self) -> dict[str, Any]:
        """The choices of the detector as plain values, which the settings of a result hold.

        Returns
        -------
        dict
        """
        return {"detector": type(self).__name__, "persistence_ps": self.persistence}


def settled_on(
    detector: species.Detector, sample: Callable[[], Iterable[FrameGeometry]]
) -> species.Detector:
    """`Detector.settle` without changing the given detector.

    An object that is not frozen is copied first, so that its `settle` may also set attributes of
    the object itself, and return nothing.
    """
    has_own = type(detector).settle is not Detector.settle
    mine = own_copy(detector) if has_own and not is_frozen(detector) else detector
    found = mine.settle(sample)
    return mine if found is None else found
