"""By which vectors were coordinates wrapped? Where steps are too long, they may tell.

Atoms that leave through a face come back a cell vector away. Where the cell is rotated against the
coordinates, as a fit to a structure leaves it, these jumps are no vectors of the cell, and no
spacing of the frames makes them short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..trajectory.unwrap import LONG_STEP

if TYPE_CHECKING:
    from .frame_source import FrameSource

#: Pairs of frames that are looked at; jumps from which something is concluded.
PAIRS, FEWEST = 8, 8
#: Part of the jumps that a few vectors explain, and the most vectors.
MOST, VECTORS = 0.8, 6
#: Jumps by one vector scatter by so many times the root mean square of other steps; no more than
#: this part of the cell.
SCATTER, NARROW = 3.0, 0.25
#: Most jumps that are compared with one another.
COMPARED = 500


def wrapping_vectors(jumps: np.ndarray, scatter: float) -> np.ndarray | None:
    """The few vectors, up to sign, that explain most of some jumps.

    Parameters
    ----------
    jumps : numpy.ndarray
        Shape (jumps, 3), Angstrom.
    scatter : float
        How far a jump may be from its vector, Angstrom.

    Returns
    -------
    numpy.ndarray or None
        Shape (vectors, 3), the most frequent first; None where jumps are of all kinds.
    """
    if len(jumps) < FEWEST:
        return None
    rest = jumps[np.unique(np.linspace(0, len(jumps) - 1, COMPARED).astype(int))]
    n_all = len(rest)
    found: list[np.ndarray] = []
    while len(rest) > (1 - MOST) * n_all:
        if len(found) == VECTORS:
            return None
        apart = rest[:, None] - rest
        away = np.minimum((apart**2).sum(axis=-1), ((rest[:, None] + rest) ** 2).sum(axis=-1))
        near = away < scatter**2
        best = int(np.argmax(near.sum(axis=1)))
        mine = rest[near[best]]
        mine = mine * np.sign(mine @ rest[best])[:, None]
        found.append(mine.mean(axis=0))
        rest = rest[~near[best]]
    return np.array(found)


def told_by_jumps(source: FrameSource) -> str | None:
    """What long steps tell of the cell in which coordinates were wrapped, and what to do.

    None where they are no jumps by a few vectors, or by vectors of the cell as it is.

    Cost: two dozen frames read at most.
    """
    n = len(source)
    jumps, squares, count, height = [], 0.0, 0, np.inf
    for k in np.unique(np.linspace(0, n - 2, min(n - 1, PAIRS)).astype(int)).tolist():
        before, now = source.read(k), source.read(k + 1)
        step = np.asarray(now.positions, dtype=float) - before.positions
        length, height = np.linalg.norm(step, axis=1), min(height, now.cell.height)
        far = length > LONG_STEP * now.cell.height
        jumps.append(step[far])
        squares, count = squares + float((length[~far] ** 2).sum()), count + int((~far).sum())
    scatter = SCATTER * float(np.sqrt(squares / max(count, 1)))
    if not 0 < scatter < NARROW * height:
        return None
    all_jumps = np.concatenate(jumps)
    found = wrapping_vectors(all_jumps, scatter)
    if found is None:
        return None
    cell = source.read(0).cell
    fractions = found @ cell.inverse
    off = np.linalg.norm((fractions - np.rint(fractions)) @ cell.vectors, axis=1)
    if not (off > scatter).any():
        return None
    shown = ", ".join("(" + ", ".join(f"{x:.1f}" for x in v) + ")" for v in found[:3])
    edges = np.linalg.norm(cell.vectors, axis=1)
    rotated = all(np.abs(edges - np.linalg.norm(v)).min() < scatter for v in found[:3])
    why = (
        "which have the lengths of the vectors of the cell and point elsewhere: coordinates and "
        "cell are rotated against each other, as a fit to a structure leaves them (gmx trjconv "
        "-fit rot+trans); take the trajectory that the engine wrote, or rotate the coordinates so "
        "that the first vector of the cell is along x and the second in the xy plane"
        if rotated
        else "which are no vectors of the cell: set the cell in which they were wrapped, by "
        "dimensions under [universe], or MDAnalysis.transformations.set_dimensions"
    )
    return (
        f"the {len(all_jumps)} long steps in {len(jumps)} pairs of frames are mostly jumps by "
        f"{shown} Å, by which atoms were wrapped, {why}"
    )
