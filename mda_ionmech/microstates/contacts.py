"""Input of detectors for one frame, and the contacts they find: of one frame and over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.arrays_on_disk import folder_of
from ..lib.grouping import sort_by_group
from ..lib.kernels import counting_order
from ..lib.run_length import LabelRuns
from ..trajectory.unwrap import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..lib.arrays_on_disk import ArrayFolder


#: Radii that differ by less than this are equal, Angstrom.
SAME_RADIUS = 1e-6
#: Most radii that contacts tell apart: each stores the number of its ring in a byte.
MOST_RADII = 250
#: Intervals of contact processed at once.
BLOCK_ROWS = 2**18


def row_number(n_rows: int) -> type:
    """The smallest integer type that numbers `n_rows` rows."""
    return np.int32 if n_rows < 2**31 else np.int64


class FrameGeometry:
    """One frame as input of a detector.

    Parameters
    ----------
    centres : numpy.ndarray
        Shape (carriers, 3): fractional coordinates of the carriers, any image.
    ligands : numpy.ndarray or Places
        Shape (ligands, 3): fractional coordinates of the ligand atoms, any image.
    ligand_kind : numpy.ndarray
        Shape (ligands,), int64: index of each ligand's type in `Detector.ligand_types`.
    ligand_owner : numpy.ndarray
        Shape (ligands,), int64: the carrier a ligand atom is part of, or -1.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: rows are the cell vectors of the fractional coordinates.
    cell_as_read : numpy.ndarray
        Shape (3, 3), Angstrom: the vectors in the file, another choice for the same lattice; None
        where they are those of `cell`.
    others : numpy.ndarray or Places
        Shape (others, 3): fractional coordinates of the atoms of `Detector.other_atoms`, any image.
    other_owner : numpy.ndarray
        Shape (others,), int64: the carrier such an atom is part of, or -1.

    Attributes
    ----------
    ligands, others : numpy.ndarray
        Shapes (ligands, 3) and (others, 3): the fractional coordinates themselves.
    ligand_places, other_places : Places
        The same in the form they were given.
    """

    def __init__(
        self,
        centres: np.ndarray,
        ligands: np.ndarray | Places,
        ligand_kind: np.ndarray,
        ligand_owner: np.ndarray,
        cell: np.ndarray,
        cell_as_read: np.ndarray | None = None,
        others: np.ndarray | Places | None = None,
        other_owner: np.ndarray | None = None,
    ) -> None:
        self.centres, self.cell, self.cell_as_read = centres, cell, cell_as_read
        self.ligand_kind, self.ligand_owner = ligand_kind, ligand_owner
        self.ligand_places = ligands if isinstance(ligands, Places) else Places.of(ligands)
        others = np.empty((0, 3)) if others is None else others
        self.other_places = others if isinstance(others, Places) else Places.of(others)
        none = np.empty(0, dtype=np.int64)
        self.other_owner = none if other_owner is None else other_owner

    @property
    def ligands(self) -> np.ndarray:
        """Fractional coordinates of the ligand atoms, shape (ligand atoms, 3)."""
        return self.ligand_places.fractional

    @property
    def others(self) -> np.ndarray:
        """Fractional coordinates of the further atoms, shape (others, 3)."""
        return self.other_places.fractional


@dataclass(frozen=True)
class Contacts:
    """Contacts of one frame, sorted by carrier, then ligand.

    Attributes
    ----------
    carrier, ligand : numpy.ndarray
        Shape (contacts,), int32: numbers of the carrier and of the ligand atom.
    inner : numpy.ndarray
        Shape (contacts,), bool: close enough to begin a contact; all contacts are close enough to
        continue one, unless `ring` is given.
    ring : numpy.ndarray or None
        Shape (contacts,), uint8: how many of the radii a detector records are smaller than the
        distance, where it records more than the two in use.
    tally : tuple of int
        How often each of `Detector.tally_names` happened in this frame.
    """

    carrier: np.ndarray
    ligand: np.ndarray
    inner: np.ndarray
    tally: tuple[int, ...] = ()
    ring: np.ndarray | None = None


@dataclass(frozen=True)
class CarrierPaths:
    """Paths of the carriers of one species in the frame of reference.

    Attributes
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom: unwrapped displacements since the first frame.
    begin : numpy.ndarray
        Shape (carriers, 3): fractional positions in the first frame, any image.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the mean cell.
    """

    position: np.ndarray
    begin: np.ndarray
    cell: np.ndarray

    def fractional(self, runs: LabelRuns, displacement: np.ndarray) -> np.ndarray:
        """Fractional positions, any image, of displacements of the carriers, one for each run.

        Parameters
        ----------
        runs : LabelRuns
        displacement : numpy.ndarray
            Shape (runs, 3), Angstrom.

        Returns
        -------
        numpy.ndarray
            Shape (runs, 3).
        """
        begin = np.repeat(self.begin, np.diff(runs.offsets), axis=0)
        return np.asarray(begin + displacement @ np.linalg.inv(self.cell))


@dataclass(frozen=True)
class ContactHistory:
    """Contacts of all frames of one species: one row per interval of frames of a contact.

    Intervals of one carrier and ligand do not overlap; one begins where `inner` or `ring` changes.
    An interval may be split in two, and their order has no meaning unless `first_row` is given.

    Attributes
    ----------
    carrier, ligand : numpy.ndarray
        Shape (intervals,), int32.
    inner : numpy.ndarray
        Shape (intervals,), bool: close enough to begin a contact, throughout.
    begin, end : numpy.ndarray
        Shape (intervals,), int32: first frame, and the one after the last.
    n_frames, n_carriers : int
    spacing : float
        Of the frames, ps.
    ligand_atom, ligand_molecule, ligand_kind : numpy.ndarray
        Shape (ligands,): atom index, molecule id and type of each ligand number.
    ring : numpy.ndarray or None
        Shape (intervals,), uint8; as in `Contacts`, throughout.
    first_row : numpy.ndarray or None
        Shape (carriers + 1,), int64, where intervals are in the order of the carriers: those of
        carrier c are ``first_row[c]:first_row[c + 1]``.
    change : callable or None
        Applied to the intervals of each block of carriers.
    paths : CarrierPaths or None
        Paths of the carriers, for detectors of hops.
    """

    carrier: np.ndarray
    ligand: np.ndarray
    inner: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    n_frames: int
    n_carriers: int
    spacing: float
    ligand_atom: np.ndarray
    ligand_molecule: np.ndarray
    ligand_kind: np.ndarray
    ring: np.ndarray | None = None
    first_row: np.ndarray | None = None
    change: Callable[[ContactHistory], ContactHistory] | None = None
    paths: CarrierPaths | None = None

    @property
    def has_rings(self) -> bool:
        """Whether contacts have rings."""
        return self.ring is not None

    @property
    def folder(self) -> ArrayFolder | None:
        """Folder of the arrays; None: in memory."""
        return folder_of(self.begin)

    def mapped(self, change: Callable[[ContactHistory], ContactHistory]) -> ContactHistory:
        """The history with a function applied to the intervals of every block of carriers."""
        return replace(self, change=change)

    @property
    def _columns(self) -> list[str]:
        ring = [] if self.ring is None else ["ring"]
        return ["carrier", "ligand", "inner", "begin", "end", *ring]

    def rows(self, which: np.ndarray | slice) -> ContactHistory:
        """Some of the intervals, by number, slice or mask; without order."""
        some: dict[str, Any] = {name: getattr(self, name)[which] for name in self._columns}
        return replace(self, **some, first_row=None)

    def by_carrier(self) -> ContactHistory:
        """The intervals sorted by carrier. Cost: linear, once."""
        if self.first_row is not None:
            return self
        columns = [getattr(self, name) for name in self._columns]
        first_row, ordered = sort_by_group(self.carrier, columns, self.n_carriers)
        named: dict[str, Any] = dict(zip(self._columns, ordered, strict=True))
        return replace(self, **named, first_row=first_row)

    def blocks(self) -> Iterator[tuple[int, int, ContactHistory]]:
        """First and last + 1 of blocks of carriers, and their intervals in memory."""
        ordered = self.by_carrier()
        first_row = ordered.first_row
        assert first_row is not None
        edges = np.searchsorted(first_row, np.arange(BLOCK_ROWS, first_row[-1], BLOCK_ROWS))
        for first, last in pairwise(np.unique([0, *edges, self.n_carriers])):
            rows = ordered.rows(slice(first_row[first], first_row[last]))
            rows = replace(rows, change=None)
            yield int(first), int(last), rows if self.change is None else self.change(rows)

    def in_time(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the intervals by carrier, those of one ligand in the order of time.

        All are of carriers `first` to `last` - 1. Cost: linear.

        Returns
        -------
        order : numpy.ndarray
            Shape (intervals,).
        first_row : numpy.ndarray
            Shape (carriers + 1,), int64: where those of each carrier begin in the order.
        """
        n_rows, n_carriers = len(self.end), last - first
        order: np.ndarray = np.arange(n_rows, dtype=row_number(n_rows))
        if not np.all(self.end[1:] >= self.end[:-1]):
            order = counting_order(self.begin, self.n_frames, order)
        carrier = self.carrier - np.int32(first) if first else self.carrier
        number = np.bincount(carrier, minlength=n_carriers)
        order = counting_order(carrier, n_carriers, order)
        return order, np.concatenate([[0], np.cumsum(number)])
