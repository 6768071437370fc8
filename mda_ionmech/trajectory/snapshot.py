"""One frame, copied out of the reader: coordinates for the kernels and the cell they lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from .cells import in_lattice_vectors, read_cell
from .unwrap import copy_finite, to_fractional


@dataclass(frozen=True)
class Cell:
    """The cell of a frame in the vectors of the run's lattice.

    Attributes
    ----------
    dimensions : numpy.ndarray
        Shape (6,): as the reader gave it.
    as_read : numpy.ndarray
        Shape (3, 3), Angstrom: the vectors these dimensions stand for.
    vectors, inverse : numpy.ndarray
        Shape (3, 3): the vectors nearest to the lattice's as rows, Angstrom, and their inverse.
    height : float
        The shortest one, Angstrom.
    """

    dimensions: np.ndarray
    as_read: np.ndarray
    vectors: np.ndarray
    inverse: np.ndarray
    height: float

    @classmethod
    def of(cls, ts: Any, lattice: np.ndarray) -> Cell:
        """The cell of a frame, followed from the vectors `lattice`."""
        as_read = read_cell(ts)
        vectors = in_lattice_vectors(as_read, lattice)
        inverse = np.linalg.inv(vectors)
        height = 1.0 / float(np.sqrt((inverse * inverse).sum(axis=0).max()))
        return cls(ts.dimensions, as_read, vectors, inverse, height)


@dataclass(frozen=True)
class Snapshot:
    """Coordinates of one frame.

    Attributes
    ----------
    coordinates : numpy.ndarray
        Shape (3 * atoms + 4,), float32, Angstrom: atom after atom, two zeros before and after.
    cell : Cell
    """

    coordinates: np.ndarray
    cell: Cell

    @property
    def positions(self) -> np.ndarray:
        """The same, shape (atoms, 3)."""
        return self.coordinates[2:-2].reshape(-1, 3)

    def fractional(self, atoms: np.ndarray) -> np.ndarray:
        """Fractional coordinates of some atoms, any image, shape (atoms, 3), float64."""
        out = np.empty((len(atoms), 3))
        to_fractional(self.positions, atoms, self.cell.inverse, out)
        return out


def empty_coordinates(n_atoms: int) -> np.ndarray:
    """Room for the coordinates of a `Snapshot`."""
    return np.zeros(3 * n_atoms + 4, dtype=np.float32)


def take_snapshot(
    ts: Any, lattice: np.ndarray, coordinates: np.ndarray, known: Cell | None
) -> Snapshot:
    """Copy a frame out of the reader.

    Parameters
    ----------
    ts : MDAnalysis.coordinates.timestep.Timestep
    lattice : numpy.ndarray
        Shape (3, 3), Angstrom: vectors that the cell is followed from.
    coordinates : numpy.ndarray
        From `empty_coordinates`; overwritten.
    known : Cell or None
        That of a frame before, taken again where the dimensions are the same.

    Raises
    ------
    InputError
        For a position that is not finite or a cell that encloses no volume.
    """
    given = np.ascontiguousarray(ts.positions, dtype=np.float32).reshape(-1)
    bad = copy_finite(given.view(np.uint32), coordinates[2:-2].view(np.uint32))
    if bad >= 0:
        atom = bad // 3
        raise InputError(
            f"frame {ts.frame} has no finite position for atom index {atom} "
            f"({ts.positions[atom]}); leave the frame out with run(start=..., stop=...) or "
            "repair the trajectory"
        )
    if known is None or not np.array_equal(known.dimensions, ts.dimensions):
        known = Cell.of(ts, lattice)
    return Snapshot(coordinates, known)
