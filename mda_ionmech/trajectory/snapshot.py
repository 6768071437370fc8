"""A copy of one frame: coordinates for the kernels and the cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..lib.errors import InputError
from .cells import in_lattice_vectors, read_cell
from .unwrap import FAR_CELLS, LARGEST, Places, copy_finite

#: Fraction of coordinates that jump far above which the frame was wrapped again.
MOST_JUMPS = 0.1


@dataclass(frozen=True)
class Cell:
    """The cell of a frame in the vectors of the run's lattice.

    Attributes
    ----------
    dimensions : numpy.ndarray
        Shape (6,): a copy of what the reader gave.
    as_read : numpy.ndarray
        Shape (3, 3), Angstrom: the cell vectors of these dimensions.
    vectors, inverse : numpy.ndarray
        Shape (3, 3): the equivalent vectors closest to the run's lattice as rows, Angstrom, and
        their inverse.
    height : float
        The shortest one, Angstrom.
    """

    dimensions: np.ndarray
    as_read: np.ndarray
    vectors: np.ndarray
    inverse: np.ndarray
    height: float

    @classmethod
    def of(cls, ts: Any, lattice: np.ndarray, known: Cell | None = None) -> Cell:
        """The cell of a frame, in the vectors closest to `lattice`.

        Parameters
        ----------
        ts : MDAnalysis.coordinates.timestep.Timestep
        lattice : numpy.ndarray
            Shape (3, 3), Angstrom.
        known : Cell, optional
            That of another frame, returned where the dimensions are the same.

        Raises
        ------
        InputError
            For a cell that encloses no volume.
        """
        given = ts.dimensions
        # bytes compare faster than numbers
        same = known is not None and known.dimensions.tobytes() == np.asarray(given).tobytes()
        if known is not None and same:
            return known
        as_read = read_cell(ts)
        # readers overwrite this array with the next cell, so a copy is kept
        dimensions = np.array(given)
        vectors = in_lattice_vectors(as_read, lattice, ts.frame)
        inverse = np.linalg.inv(vectors)
        height = 1.0 / float(np.sqrt((inverse * inverse).sum(axis=0).max()))
        return cls(dimensions, as_read, vectors, inverse, height)


@dataclass(frozen=True)
class Snapshot:
    """Coordinates of one frame.

    Attributes
    ----------
    coordinates : numpy.ndarray
        Shape (3 * atoms,), float32, Angstrom: atom after atom.
    cell : Cell
    """

    coordinates: np.ndarray
    cell: Cell

    @property
    def positions(self) -> np.ndarray:
        """The same, shape (atoms, 3)."""
        return self.coordinates.reshape(-1, 3)

    def places(self, atoms: np.ndarray) -> Places:
        """Positions of some atoms, valid until the next frame overwrites this one."""
        return Places(self.coordinates, atoms, self.cell.inverse)


def coordinates_of(ts: Any) -> np.ndarray:
    """Coordinates of a timestep, shape (3 * atoms,), float32, Angstrom; a view if possible.

    Raises
    ------
    InputError
        For a frame without positions.
    """
    if not ts.has_positions:
        raise InputError(
            f"frame {ts.frame} holds no positions, velocities or forces alone; analyse the frames "
            "that do with run(step=...) or frames=[...], or write the trajectory again without it"
        )
    return np.ascontiguousarray(ts.positions, dtype=np.float32).reshape(-1)


def check_finite(ts: Any, bad: int) -> None:
    """Refuse a frame whose coordinate number `bad` is not finite or too large; -1 for none."""
    if bad < 0:
        return
    atom = bad // 3
    remedy = "leave the frame out with run(start=..., stop=...) or repair the trajectory"
    if not np.all(np.isfinite(ts.positions[atom])):
        raise InputError(
            f"frame {ts.frame} has no finite position for atom index {atom} "
            f"({ts.positions[atom]}); {remedy}"
        )
    raise InputError(
        f"frame {ts.frame} has atom index {atom} at {ts.positions[atom]} Å: there the resolution "
        f"of single precision is {np.spacing(np.float32(LARGEST)):g} Å or worse, too coarse for "
        f"steps; {remedy}, and write coordinates nearer to the origin if all are that large"
    )


def check_jumps(ts: Any, found: np.ndarray, before: np.ndarray) -> None:
    """Refuse a frame in which few atoms jump over many cells, as with damaged numbers.

    Where most atoms jump, unwrapped coordinates were wrapped again, which unwrapping corrects.

    Parameters
    ----------
    ts : MDAnalysis.coordinates.timestep.Timestep
    found, before : numpy.ndarray
        Counts of `trajectory.unwrap.fractional_steps`, with this frame and without.
    """
    jumps, moving = found[8] - before[8], found[2] - before[2]
    if jumps == 0 or jumps > max(MOST_JUMPS * 3 * moving, 3):
        return
    atom = int(found[9])
    raise InputError(
        f"frame {ts.frame} has atom index {atom} at {ts.positions[atom]} Å, more than "
        f"{FAR_CELLS:g} cells from where it was in the frame before, while others stay: no atom "
        "moves so far, and its position in the cell is meaningless; leave the frame out with "
        "run(start=..., stop=...) or repair the trajectory"
    )


def take_snapshot(ts: Any, cell: Cell) -> Snapshot:
    """Copy a frame from the reader.

    Parameters
    ----------
    ts : MDAnalysis.coordinates.timestep.Timestep
    cell : Cell
        Its cell.

    Raises
    ------
    InputError
        For a position that is not finite.
    """
    given = coordinates_of(ts)
    coordinates = np.empty_like(given)
    check_finite(ts, copy_finite(given, 0, len(given), coordinates))
    return Snapshot(coordinates, cell)
