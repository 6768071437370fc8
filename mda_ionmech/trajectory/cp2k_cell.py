"""Cells of the frames of a CP2K run, which its XYZ files do not hold."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..lib.checks import number, shown
from ..lib.errors import InputError
from ..lib.write_targets import is_file, shown_path
from .given_cells import GivenCells
from .time_sources import file_starts, xyz_comments

#: Columns of a file: step, time (fs), the three vectors (Angstrom), and the volume.
COLUMNS = 12
#: Largest difference of a cell from its edges and angles, Angstrom, for rounded numbers.
ROUNDED = 1e-3
#: Relative difference of two spacings that are the same.
SAME_SPACING = 1e-6
_STEP = re.compile(r"\bi\s*=\s*(\d+)")


@dataclass(frozen=True)
class CellFile:
    """Cells of the frames of a run.

    Attributes
    ----------
    path : pathlib.Path
    cells : numpy.ndarray
        Shape (frames, 6): edges in Angstrom and angles in degrees.
    dt : float or None
        Spacing of the frames, ps; None if it is not the same for all.
    steps : tuple of int
        Of the run, by cell.
    """

    path: Path
    cells: np.ndarray
    dt: float | None
    steps: tuple[int, ...]


def read_cell_file(path: Any) -> CellFile:
    """Read the file that CP2K writes for ``MOTION/PRINT/CELL``.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    CellFile

    Raises
    ------
    InputError
        For a file that is none of CP2K, or whose cells have another orientation than a along x
        and b in the xy plane.
    """
    if not isinstance(path, str | PathLike) or not is_file(path):
        raise InputError(
            f"cell_file {shown(str(path))} is no file; give the .cell file that CP2K wrote beside "
            "the trajectory"
        )
    where = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of files without lines
            table = np.loadtxt(where, comments="#", ndmin=2)
    except (ValueError, OSError) as error:
        raise InputError(
            f"cell_file {shown_path(where)} cannot be read: {str(error)[:200]}; give the .cell "
            "file of CP2K (MOTION/PRINT/CELL)"
        ) from error
    if table.shape[1] != COLUMNS or not np.all(np.isfinite(table)):
        raise InputError(
            f"cell_file {shown_path(where)} has {table.shape[1]} columns, and not the {COLUMNS} of "
            "CP2K: step, time, nine components of the cell vectors, volume"
        )
    cells = _edges_and_angles(where, table[:, 2:11].reshape(-1, 3, 3))
    return CellFile(where, cells, _dt(table), tuple(map(int, table[:, 0])))


def _edges_and_angles(path: Path, vectors: np.ndarray) -> np.ndarray:
    """Edges and angles of cells, shape (frames, 3, 3) to (frames, 6)."""
    from MDAnalysis.lib.mdamath import triclinic_box, triclinic_vectors

    cells = np.array([triclinic_box(*one) for one in vectors], dtype=np.float64)
    again = np.array([triclinic_vectors(one, dtype=np.float64) for one in cells])
    off = np.abs(again - vectors).max(axis=(1, 2))
    if np.any(off > ROUNDED) or not np.all(np.linalg.det(vectors) > 0):
        k = int(off.argmax())
        raise InputError(
            f"cell_file {shown_path(path)}: the cell of line {k + 1} is not written with a along "
            "x and b in the xy plane, as the coordinates would have to be; convert the trajectory "
            "to extended XYZ with its cells, and analyse that"
        )
    return cells


def _dt(table: np.ndarray) -> float | None:
    steps = np.diff(table[:, 1])
    if len(steps) == 0 or not np.all(steps > 0) or np.ptp(steps) > 1e-6 * steps.max():
        return None
    return float(f"{steps.mean() / 1000:.9g}")


def set_cells(universe: Any, given: CellFile) -> None:
    """Give every frame of a universe its cell.

    Parameters
    ----------
    universe : Universe
        With as many frames as there are cells, or one cell for all.
    given : CellFile

    Raises
    ------
    InputError
        For another number of frames, or frames that have cells.
    """
    trajectory, cells = universe.trajectory, given.cells
    if trajectory.ts.dimensions is not None and trajectory.ts.dimensions[:3].any():
        raise InputError(
            "cell_file is for files that hold no cell, and the trajectory holds one; leave it out"
        )
    n_frames = trajectory.n_frames
    if len(cells) not in (1, n_frames):
        raise InputError(
            f"cell_file {shown_path(given.path)} holds {len(cells)} cells, and the trajectory "
            f"{n_frames} frames: write both at the same steps (EACH in MOTION/PRINT), or keep "
            "the lines of the steps of the trajectory"
        )
    if len(cells) > 1:
        _check_steps(trajectory, given)
    trajectory.add_transformations(GivenCells(cells))


def check_spacing(given: CellFile, dt: Any) -> None:
    """Refuse a spacing of frames that contradicts the times of the cells.

    Parameters
    ----------
    given : CellFile
    dt : Any
        As a user gave it, ps.

    Raises
    ------
    InputError
    """
    told = number("dt", dt, "a time between frames in ps above 0", above=0)
    if given.dt is not None and abs(told - given.dt) > SAME_SPACING * given.dt:
        raise InputError(
            f"dt = {told:g} ps contradicts the times in {shown_path(given.path)}, whose lines are "
            f"{given.dt:g} ps apart; leave dt out, or give the cells of these frames"
        )


def _check_steps(trajectory: Any, given: CellFile) -> None:
    """Compare the steps that CP2K writes into the comments of its XYZ with those of the cells.

    Of the first two frames of every file.
    """
    starts = [*file_starts(trajectory)]
    for reader, start in zip(getattr(trajectory, "readers", [trajectory]), starts, strict=False):
        told = [_STEP.search(comment) for comment in xyz_comments(reader)]
        for k, found in enumerate(told):
            if found is None:
                break
            step = int(found[1])
            if start + k < len(given.steps) and step != given.steps[start + k]:
                raise InputError(
                    f"frame {start + k} of {shown_path(reader.filename)} is of step {step}, and "
                    f"line {start + k + 1} of cell_file {shown_path(given.path)} of step "
                    f"{given.steps[start + k]}: write both at the same steps (EACH in "
                    "MOTION/PRINT), or keep the lines of the steps of the trajectory"
                )
