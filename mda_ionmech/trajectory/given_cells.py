"""Cells that a user gives for files that hold none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..lib.checks import number, shown
from ..lib.errors import InputError
from .ase_reader import SAME_CELL


class GivenCells:
    """Gives every frame its cell, as ``set_dimensions`` of MDAnalysis does.

    That one asks for the thread pools of all libraries at every frame, for some milliseconds.

    Parameters
    ----------
    cells : array-like
        Shape (6,), the cell of all frames, or (frames, 6): edges in Angstrom, angles in degrees.
    """

    #: Read by MDAnalysis before frames are sent to other processes.
    parallelizable = True

    def __init__(self, cells: Any) -> None:
        self.cells = np.asarray(cells, dtype=np.float32).reshape(-1, 6)

    def __call__(self, ts: Any) -> Any:
        ts.dimensions = self.cells[ts.frame if len(self.cells) > 1 else 0]
        return ts


def check_dimensions(given: Any) -> np.ndarray | None:
    """A cell as a, b, c in Angstrom and angles in degrees, shape (6,); None where none is given.

    Raises
    ------
    InputError
        Unless it is one edge, three edges or three edges and three angles, of a cell with volume.
    """
    if given is None:
        return None
    wanted = (
        "an edge, three edges or three edges and three angles, in Angstrom and degrees, e.g. "
        "[25.0, 25.0, 25.0, 90.0, 90.0, 90.0]"
    )
    listed = list(given) if isinstance(given, list | tuple | np.ndarray) else [given]
    if len(listed) not in (1, 3, 6):
        raise InputError(f"dimensions must be {wanted}, got {shown(given)}")
    values = [number("dimensions", x, wanted, above=0) for x in listed]
    edges = values[:3] if len(values) > 1 else 3 * values
    cell = np.array(edges + (values[3:] or [90.0] * 3))
    from MDAnalysis.lib.mdamath import triclinic_vectors

    if not abs(np.linalg.det(triclinic_vectors(cell, dtype=np.float64))) > 0:
        raise InputError(f"dimensions {shown(given)} enclose no volume; give {wanted}")
    return cell


def set_cell(universe: Any, cell: np.ndarray, path: Path) -> None:
    """Set the cell of every frame of a trajectory without one.

    Parameters
    ----------
    universe : Universe
    cell : numpy.ndarray
        Shape (6,): edges in Angstrom, angles in degrees.
    path : pathlib.Path
        Of the trajectory, for the message.

    Raises
    ------
    InputError
        If the trajectory has another cell.
    """
    own = universe.trajectory.ts.dimensions
    if own is not None and own[:3].any() and np.abs(own - cell).max() > SAME_CELL:
        held, told = (", ".join(f"{x:.6g}" for x in one) for one in (own, cell))
        raise InputError(
            f"dimensions = [{told}] contradicts the cell of {path.name}, [{held}]: the file has a "
            "cell of its own; leave dimensions out"
        )
    universe.trajectory.add_transformations(GivenCells(cell))
