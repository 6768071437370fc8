"""Unwrapped paths of the carriers, from which displacements over windows are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder, folder_of, new_array
from ..lib.frame_blocks import carrier_blocks
from ..lib.kernels import kernel


@dataclass(frozen=True)
class Paths:
    """Unwrapped carrier positions relative to their first frame and to the reference.

    Attributes
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), float64, Angstrom: accumulated minimum-image steps in
        fractional coordinates times the mean cell, minus the reference. The first frame is 0.
        A `numpy.memmap` where a run with ``memory=`` keeps it on disk.
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

    Notes
    -----
    Steps are unwrapped as fractions of the cell and accumulated in the mean cell, so that changes
    of the cell at constant pressure add nothing; see von Bulow, Bullerjahn and Hummer, J. Chem.
    Phys. 153, 021101 (2020).
    """

    position: np.ndarray
    reference: np.ndarray
    cell: np.ndarray
    volume: float
    volume_variance: float
    dt: float

    @property
    def n_carriers(self) -> int:
        """Number of carriers of all species."""
        return int(self.position.shape[0])

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.position.shape[2])

    def carriers(self, first: int, last: int) -> np.ndarray:
        """Positions of carriers `first` to `last` - 1, a view."""
        return self.position[first:last]


@kernel
def add_steps(steps, reference, last, first, path):  # type: ignore[no-untyped-def]
    """Accumulate fractional steps into paths.

    steps (frames of the part, carriers, 3) and reference (frames of the part, 3): steps into each
    frame; last (carriers, 3): the path up to the part, updated; path (carriers, 3, frames): filled
    from frame `first` on.
    """
    n_frames, n_carriers = steps.shape[0], steps.shape[1]
    # a few carriers and frames at a time, for locality in memory
    for c0 in range(0, n_carriers, 8):
        for t0 in range(0, n_frames, 64):
            for c in range(c0, min(c0 + 8, n_carriers)):
                s0, s1, s2 = last[c, 0], last[c, 1], last[c, 2]
                for t in range(t0, min(t0 + 64, n_frames)):
                    s0 += steps[t, c, 0] - reference[t, 0]
                    s1 += steps[t, c, 1] - reference[t, 1]
                    s2 += steps[t, c, 2] - reference[t, 2]
                    path[c, 0, first + t], path[c, 1, first + t], path[c, 2, first + t] = s0, s1, s2
                last[c, 0], last[c, 1], last[c, 2] = s0, s1, s2


@kernel
def to_cartesian(path, cell):  # type: ignore[no-untyped-def]
    """Convert fractional paths (carriers, 3, frames) to Cartesian ones, in place."""
    for c in range(path.shape[0]):
        for t in range(path.shape[2]):
            s0, s1, s2 = path[c, 0, t], path[c, 1, t], path[c, 2, t]
            for k in range(3):
                path[c, k, t] = s0 * cell[0, k] + s1 * cell[1, k] + s2 * cell[2, k]


class PathBuilder:
    """Accumulates fractional steps into paths in the frame of reference, part by part.

    Cost: two passes over (frames, carriers); the paths are the only array of that size.

    Parameters
    ----------
    n_carriers, n_frames : int
    folder : ArrayFolder or None
        Folder of the paths; None: in memory.

    Notes
    -----
    The mean cell removes the affine volume fluctuations of a constant-pressure run from every path;
    they are common to all ions and would dominate their collective displacement. Other schemes are
    compared in von Bulow et al., J. Chem. Phys. 153, 021101 (2020).
    """

    def __init__(self, n_carriers: int, n_frames: int, folder: ArrayFolder | None = None) -> None:
        self._path = new_array((n_carriers, 3, n_frames), np.float64, folder)
        self.last = np.zeros((n_carriers, 3))
        self.filled = 0

    def add(self, steps: np.ndarray, reference: np.ndarray) -> None:
        """Add the next frames.

        Parameters
        ----------
        steps : numpy.ndarray
            Shape (frames, carriers, 3), float64: fractional steps into each frame, 0 for the first
            of the run.
        reference : numpy.ndarray
            Shape (frames, 3): fractional steps of the reference.
        """
        add_steps(steps, reference, self.last, self.filled, self._path)
        self.filled += len(steps)

    def finish(self, cell: np.ndarray) -> np.ndarray:
        """Positions (carriers, 3, frames), Angstrom, in the mean cell (3, 3)."""
        to_cartesian(self._path, cell)
        return self._path


def finish_paths(
    builder: PathBuilder, reference: np.ndarray, cells: np.ndarray, dt: float
) -> Paths:
    """Paths over all frames.

    Parameters
    ----------
    builder : PathBuilder
        After the last part.
    reference : numpy.ndarray
        Shape (frames, 3): fractional steps of the reference.
    cells : numpy.ndarray
        Shape (frames, 3, 3), Angstrom.
    dt : float
        Spacing of the frames in ps.
    """
    cell = cells.mean(axis=0)
    volumes = np.abs(np.linalg.det(cells))
    return Paths(
        position=builder.finish(cell),
        reference=np.cumsum(reference, axis=0) @ cell,
        cell=cell,
        volume=float(volumes.mean()),
        volume_variance=float(volumes.var()),
        dt=dt,
    )


def without_axes(position: np.ndarray, dropped: Sequence[int]) -> np.ndarray:
    """Positions with some axes set to 0.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames).
    dropped : sequence of int
        Numbers of the axes.

    Returns
    -------
    numpy.ndarray
        `position` itself if no axis is dropped, else a copy, on disk where `position` is.
    """
    if not len(dropped):
        return position
    out = new_array(position.shape, position.dtype, folder_of(position))
    for first, last in carrier_blocks(position):
        out[first:last] = position[first:last]
        out[first:last, list(dropped)] = 0.0
    return out
