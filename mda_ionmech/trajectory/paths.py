"""Continuous positions of the carriers: what the window stage correlates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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


def build_paths(steps: np.ndarray, reference: np.ndarray, cells: np.ndarray, dt: float) -> Paths:
    """Accumulate fractional steps into paths in the frame of reference.

    Cost: one pass over (frames, carriers); the result is the one array of that size kept.

    Parameters
    ----------
    steps : numpy.ndarray
        Shape (frames, carriers, 3), float64: fractional steps into each frame, 0 for the first.
    reference : numpy.ndarray
        Shape (frames, 3): fractional steps of the reference.
    cells : numpy.ndarray
        Shape (frames, 3, 3), Angstrom.
    dt : float
        Spacing of the frames in ps.

    Returns
    -------
    Paths

    Notes
    -----
    The mean cell takes the affine breathing of a constant-pressure run out of every path, as it
    is common to all ions and would dominate their collective displacement; compare von Bulow et
    al., J. Chem. Phys. 153, 021101 (2020), for what other schemes do.
    """
    cell = cells.mean(axis=0)
    volumes = np.abs(np.linalg.det(cells))
    n_frames, n_carriers, _ = steps.shape
    position = np.empty((n_carriers, 3, n_frames))
    # in slices of carriers: the whole transposed copy would double the memory
    for first in range(0, n_carriers, 256):
        part = steps[:, first : first + 256] - reference[:, None, :]
        position[first : first + 256] = (np.cumsum(part, axis=0) @ cell).transpose(1, 2, 0)
    return Paths(
        position=position,
        reference=np.cumsum(reference, axis=0) @ cell,
        cell=cell,
        volume=float(volumes.mean()),
        volume_variance=float(volumes.var()),
        dt=dt,
    )
