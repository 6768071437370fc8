"""The simulation cell: read in double precision, reduced and checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from MDAnalysis.lib.mdamath import triclinic_vectors

from ..lib.errors import InputError
from .unwrap import cell_heights

_IDENTITY = np.eye(3)
_COMBINATIONS = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j])

#: A cell that changes by more than this fraction of its shortest height is not constant.
CONSTANT = 1e-4
#: A cell that changes by more than this fraction of its shortest height from one frame to the next
#: is refused.
JUMP = 0.15


def read_cell(ts: Any) -> np.ndarray:
    """Cell vectors of a frame as rows, shape (3, 3), float64, Angstrom.

    Raises
    ------
    InputError
        If the frame has no cell, or one without volume.
    """
    if ts.dimensions is None:
        raise InputError(
            f"frame {ts.frame} has no cell: displacements across it and volumes need one; set it "
            "for every frame with MDAnalysis.transformations.set_dimensions([a, b, c, alpha, "
            "beta, gamma]), in a configuration with dimensions = [...] under [universe]"
        )
    dimensions = np.asarray(ts.dimensions, dtype=np.float64)
    cell = np.asarray(triclinic_vectors(dimensions, dtype=np.float64))
    volume = abs(float(np.linalg.det(cell)))
    if not np.isfinite(volume) or volume <= 0:
        raise InputError(
            f"frame {ts.frame} has the cell {ts.dimensions}, which encloses no volume; repair it "
            "with MDAnalysis.transformations.set_dimensions"
        )
    return cell


def reduced_cell(cell: np.ndarray) -> np.ndarray:
    """The same lattice with its shortest vectors (Minkowski), rows, shape (3, 3).

    A skewed choice of vectors for the same lattice has small heights, which limit the steps and
    cutoffs that are allowed. The greedy reduction in three dimensions is that of Semaev, Lecture
    Notes in Computer Science 2146, 181 (2001).
    """
    out = np.array(cell, dtype=np.float64)
    shrinking = True
    while shrinking:
        shrinking = False
        for k in range(3):
            others = np.delete(out, k, axis=0)
            candidates = out[k] + _COMBINATIONS @ others
            lengths = np.linalg.norm(candidates, axis=1)
            best = int(np.argmin(lengths))
            # a tie must not loop for ever
            if lengths[best] < np.linalg.norm(out[k]) * (1 - 1e-5):
                out[k] = candidates[best]
                shrinking = True
    return out


def in_lattice_vectors(
    cell: np.ndarray, reference: np.ndarray, frame: int | None = None
) -> np.ndarray:
    """The vectors of this lattice closest to the reference cell, rows, shape (3, 3).

    Continuous for a fluctuating or sheared cell, also where the program flips its box. `frame` is
    its number, for the message.

    Raises
    ------
    InputError
        If the lattice has changed so much that no choice of vectors continues the reference.
    """
    transform = np.rint(reference @ np.linalg.inv(cell))
    if np.array_equal(transform, _IDENTITY):
        return cell
    if abs(abs(np.linalg.det(transform)) - 1) > 1e-6:
        edges = [
            " x ".join(f"{n:.4g}" for n in np.linalg.norm(h, axis=1)) for h in (reference, cell)
        ]
        where = "a frame" if frame is None else f"frame {frame}"
        raise InputError(
            f"the cell of {where}, {edges[1]} Å, cannot be related to the first one, {edges[0]} Å: "
            "its vectors changed by half a cell or more; analyse the part of the trajectory with "
            "one lattice, with run(start=..., stop=...), or repair the cell with "
            "MDAnalysis.transformations.set_dimensions"
        )
    return transform @ cell


def check_cell_height(shortest: float, reach: float) -> None:
    """Refuse a cell in which a carrier could have contacts with two images of one atom.

    Parameters
    ----------
    shortest : float
        The shortest height of the cell, Angstrom.
    reach : float
        Largest distance at which contacts are searched for, Angstrom.
    """
    if 2 * reach >= shortest:
        raise InputError(
            f"the cell is too small for the cutoff: its shortest height is {shortest:.2f} Å, and "
            f"neighbours up to {reach:.2f} Å (cutoff plus hysteresis, or corners of coordination "
            f"polyhedra) need more than {2 * reach:.2f} Å; lower cutoff or hysteresis, use "
            "assignment='core' instead of polyhedra, or simulate a larger cell"
        )


def check_cell_step(before: np.ndarray, now: np.ndarray, frame: int) -> None:
    """Refuse a cell that jumps from one analysed frame to the next.

    Parameters
    ----------
    before, now : numpy.ndarray
        Shape (3, 3), Angstrom: cell vectors of both frames.
    frame : int
        Number of the second, for the message.
    """
    change = float(np.abs(now - before).max() / cell_heights(before).min())
    if change > JUMP:
        lengths = [" x ".join(f"{n:.2f}" for n in np.linalg.norm(h, axis=1)) for h in (before, now)]
        raise InputError(
            f"the cell jumps: from the analysed frame before it to frame {frame} it changes by "
            f"{change:.0%} of its shortest height, from {lengths[0]} to {lengths[1]} Å; no "
            "barostat does that, so the trajectory joins different runs or the cell of a "
            "frame is wrong: analyse frames of one run with run(start=..., stop=...), or use a "
            "smaller step=... where the cell is still being compressed"
        )


def check_constant_cell(cells: np.ndarray) -> None:
    """Refuse the laboratory frame when the cells (frames, 3, 3) change."""
    change = float(np.abs(cells - cells[0]).max() / cell_heights(cells[0]).min())
    if change > CONSTANT:
        raise InputError(
            f"frame='laboratory' needs a constant cell, this one changes by {change:.2%}: "
            "displacements in it are not defined while the cell fluctuates; use "
            "frame='barycentric' or frame='framework'"
        )
