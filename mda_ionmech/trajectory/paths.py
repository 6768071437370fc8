"""Continuous positions of the carriers: what the window stage correlates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit


@dataclass(frozen=True)
class Paths:
    """Unwrapped carrier positions relative to their first frame and to the reference.

    Attributes
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), float64, Angstrom: accumulated minimum-image steps in
        fractional coordinates times the mean cell, minus the reference. The first frame is 0.
    reference : numpy.ndarray
        Shape (frames, 3), Angstrom: the path of the frame of reference that was subtracted.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the mean cell, rows are the cell vectors.
    volume : float
        Mean volume of the cell, cubic Angstrom.
    volume_variance : float
        Variance of the volume over the frames, Angstrom**6.
    dt : float
        Spacing of the frames, ps.
    """

    position: np.ndarray
    reference: np.ndarray
    cell: np.ndarray
    volume: float
    volume_variance: float
    dt: float

    @property
    def n_carriers(self) -> int:
        return self.position.shape[0]

    @property
    def n_frames(self) -> int:
        return self.position.shape[2]


@njit(nogil=True, cache=True)
def add_steps(steps, reference, last, first, path):  # type: ignore[no-untyped-def]
    """Accumulate fractional steps into paths.

    steps (frames of the part, carriers, 3) and reference (frames of the part, 3): steps into each
    frame; last (carriers, 3): the path up to the part, updated; path (carriers, 3, frames): filled
    from frame `first` on.
    """
    n_frames, n_carriers = steps.shape[0], steps.shape[1]
    # a few carriers at a time, so that what is read together lies together
    for c0 in range(0, n_carriers, 8):
        for t in range(n_frames):
            for c in range(c0, min(c0 + 8, n_carriers)):
                for k in range(3):
                    last[c, k] += steps[t, c, k] - reference[t, k]
                    path[c, k, first + t] = last[c, k]


@njit(nogil=True, cache=True)
def to_cartesian(path, cell):  # type: ignore[no-untyped-def]
    """Turn fractional paths (carriers, 3, frames) into Cartesian ones, in place."""
    for c in range(path.shape[0]):
        for t in range(path.shape[2]):
            s0, s1, s2 = path[c, 0, t], path[c, 1, t], path[c, 2, t]
            for k in range(3):
                path[c, k, t] = s0 * cell[0, k] + s1 * cell[1, k] + s2 * cell[2, k]


class PathBuilder:
    """Accumulates fractional steps into paths in the frame of reference, part by part.

    Cost: two passes over (frames, carriers); the paths are the one array of that size kept.

    Parameters
    ----------
    n_carriers, n_frames : int

    Notes
    -----
    The mean cell takes the affine breathing of a constant-pressure run out of every path, as it
    is common to all ions and would dominate their collective displacement; compare von Bulow et
    al., J. Chem. Phys. 153, 021101 (2020), for what other schemes do.
    """

    def __init__(self, n_carriers: int, n_frames: int) -> None:
        self._path = np.empty((n_carriers, 3, n_frames))
        self._last = np.zeros((n_carriers, 3))
        self._filled = 0

    def add(self, steps: np.ndarray, reference: np.ndarray) -> None:
        """Take the next frames.

        Parameters
        ----------
        steps : numpy.ndarray
            Shape (frames, carriers, 3), float64: fractional steps into each frame, 0 for the first
            of the run.
        reference : numpy.ndarray
            Shape (frames, 3): fractional steps of the reference.
        """
        add_steps(steps, reference, self._last, self._filled, self._path)
        self._filled += len(steps)

    def finish(self, reference: np.ndarray, cells: np.ndarray, dt: float) -> Paths:
        """Paths over all frames.

        Parameters
        ----------
        reference : numpy.ndarray
            Shape (frames, 3): fractional steps of the reference.
        cells : numpy.ndarray
            Shape (frames, 3, 3), Angstrom.
        dt : float
            Spacing of the frames in ps.
        """
        cell = cells.mean(axis=0)
        volumes = np.abs(np.linalg.det(cells))
        to_cartesian(self._path, cell)
        return Paths(
            position=self._path,
            reference=np.cumsum(reference, axis=0) @ cell,
            cell=cell,
            volume=float(volumes.mean()),
            volume_variance=float(volumes.var()),
            dt=dt,
        )
