"""Which atoms of a system without molecules diffuse, from displacements over the trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

#: Frames that are looked at, and the fewest that tell anything.
FRAMES, FEWEST = 40, 6
#: Root mean square displacements, Angstrom: below `STILL` an atom vibrates, beyond `FAR` it has
#: left its place. Between them it moves if the displacement grows by `GROWTH` from a quarter of the
#: run to its end (2 in diffusion, 1 for vibration).
STILL, FAR, GROWTH = 0.9, 2.0, 1.25


class Displacement(NamedTuple):
    """Root mean square displacement of a kind of atoms against the least mobile kind.

    Attributes
    ----------
    quarter, end : float
        After a quarter of the run and in its last quarter, Angstrom.
    """

    quarter: float
    end: float

    @property
    def is_mobile(self) -> bool:
        """Whether these atoms leave their places."""
        if self.end > FAR:
            return True
        return self.end > STILL and self.end > GROWTH * self.quarter


def displacements(universe: Any, kinds: Sequence[np.ndarray]) -> list[Displacement] | None:
    """Displacements of kinds of atoms from the first frame, in up to `FRAMES` frames.

    Parameters
    ----------
    universe : Universe
    kinds : sequence of numpy.ndarray
        Atom indices of each kind.

    Returns
    -------
    list of Displacement or None
        One per kind; None for a trajectory of fewer than `FEWEST` frames.

    Notes
    -----
    Displacements are those to the nearest image, and are too short for atoms that have moved
    beyond half the cell.
    """
    from MDAnalysis.lib.mdamath import triclinic_vectors

    n_frames = universe.trajectory.n_frames
    if n_frames < FEWEST:
        return None
    chosen = np.unique(np.linspace(0, n_frames - 1, min(n_frames, FRAMES)).astype(int))
    moved, cells, first = [], [], None
    for k in chosen:
        ts = universe.trajectory[int(k)]
        box = ts.dimensions
        cell = np.eye(3) if box is None else triclinic_vectors(box, dtype=np.float64)
        place = ts.positions.astype(np.float64) @ np.linalg.inv(cell)
        first = place if first is None else first
        step = place - first
        moved.append(step if box is None else step - np.rint(step))
        cells.append(cell)
    steps = np.array(moved)  # (frames, atoms, 3), fractional
    middles = [_middle(steps[:, ix]) for ix in kinds]
    # each kind against its own middle, then all against that of the least mobile one
    own = [_squares(steps[:, ix], at, cells) for ix, at in zip(kinds, middles, strict=True)]
    drift = middles[int(np.argmin([one[1:].mean() for one in own]))]
    squares = [_squares(steps[:, ix], drift, cells) for ix in kinds]
    quarter = max(1, len(steps) // 4)
    return [
        Displacement(
            float(np.sqrt(one[1 : quarter + 1].mean())), float(np.sqrt(one[-quarter:].mean()))
        )
        for one in squares
    ]


def _middle(steps: np.ndarray) -> np.ndarray:
    """Displacement of most atoms (frames, 3) of fractional ones (frames, atoms, 3).

    The mean direction on a circle first, because displacements beyond half the cell are known but
    for its vectors.
    """
    middle = np.angle(np.exp(2j * np.pi * steps).mean(axis=1)) / (2 * np.pi)
    rest = steps - middle[:, None]
    return np.asarray(middle + np.median(rest - np.rint(rest), axis=1))


def _squares(steps: np.ndarray, drift: np.ndarray, cells: Sequence[np.ndarray]) -> np.ndarray:
    """Mean square displacement (frames,), Angstrom^2, of fractional ones against a drift."""
    rest = steps - drift[:, None]
    rest -= np.rint(rest)
    return np.array(
        [np.mean(np.sum((one @ cell) ** 2, axis=1)) for one, cell in zip(rest, cells, strict=True)]
    )
