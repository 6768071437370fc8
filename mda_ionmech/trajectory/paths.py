"""Continuous positions of the carriers: what the window stage correlates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..lib.errors import InputError
from ..lib.kernels import kernel
from ..lib.path_chunks import read_column, read_rows


@dataclass(frozen=True)
class StoredPosition:
    """Positions (carriers, 3, frames) that live in a store as fractional paths.

    Slices of carriers are read as arrays: ``position[a:b]``, ``position[a]``, or one after the
    other by iteration. Bit for bit those that `PathBuilder` holds in memory.

    Attributes
    ----------
    array : zarr.Array
        Shape (all carriers, 3, frames), float64.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the mean cell.
    first, last : int
        The carriers it stands for, `last` excluded.
    block_bytes : int
        What may be read at once.
    dropped : tuple of int
        Axes that are set to 0.
    mark : Path or None
        A file that is there as long as the store is the one that was written.
    """

    array: Any
    cell: np.ndarray
    first: int
    last: int
    block_bytes: int
    dropped: tuple[int, ...] = ()
    mark: Path | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return (len(self), 3, int(self.array.shape[2]))

    def __len__(self) -> int:
        return self.last - self.first

    @property
    def width(self) -> int:
        """Frames that are read at once by `column`."""
        return int(self.array.chunks[2])

    def column(self, number: int, room: np.ndarray | None = None) -> np.ndarray:
        """All carriers in the frames from ``number * width`` on, shape (carriers, 3, frames).

        What an earlier call gave may be given as `room`, to be filled again.
        """
        self._check()
        return self._as_meant(read_column(self.array, self.first, self.last, number, room))

    def carriers(self, first: int, last: int) -> StoredPosition:
        """Those of some carriers; reads nothing."""
        return replace(self, first=self.first + first, last=min(self.first + last, self.last))

    def without(self, axes: Sequence[int]) -> StoredPosition:
        """The same with some axes set to 0; reads nothing."""
        return replace(self, dropped=tuple(axes))

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, int | np.integer):
            at = range(len(self))[index]
            return self[at : at + 1][0]
        first, last, step = index.indices(len(self))
        if step != 1:
            raise IndexError("stored positions are read in slices of neighbouring carriers")
        self._check()
        return self._as_meant(
            read_rows(self.array, self.first + first, self.first + max(first, last))
        )

    def _check(self) -> None:
        """Refuse to read what another run has put in the place of the store."""
        if self.mark is not None and not self.mark.exists():
            raise InputError(
                f"the store {self.mark.parent} was deleted or replaced since this run, so its "
                "positions are gone; give each analysis a store=... of its own"
            )

    def _as_meant(self, path: np.ndarray) -> np.ndarray:
        """Cartesian positions of fractional paths, in their place."""
        to_cartesian(path, self.cell)
        path[:, list(self.dropped)] = 0.0
        return path

    def __iter__(self) -> Iterator[np.ndarray]:
        size = max(1, self.block_bytes // (24 * self.shape[2]))
        for first in range(0, len(self), size):
            yield from self[first : first + size]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)


@dataclass(frozen=True)
class FlatPosition:
    """Positions in memory with some axes set to 0; what is asked for is copied.

    Attributes
    ----------
    array : numpy.ndarray
        Shape (carriers, 3, frames), float64, Angstrom.
    dropped : tuple of int
        Axes that are set to 0.
    """

    array: np.ndarray
    dropped: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: Any) -> np.ndarray:
        part = self.array[index].copy()
        part[..., list(self.dropped), :] = 0.0
        return np.asarray(part)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[c] for c in range(len(self)))

    def frames(self, first: int, last: int) -> np.ndarray:
        """All carriers in frames `first` to `last` - 1, shape (carriers, 3, frames)."""
        part = self.array[:, :, first:last].copy()
        part[:, list(self.dropped)] = 0.0
        return part


@dataclass(frozen=True)
class Paths:
    """Unwrapped carrier positions relative to their first frame and to the reference.

    Attributes
    ----------
    position : numpy.ndarray or StoredPosition
        Shape (carriers, 3, frames), float64, Angstrom: accumulated minimum-image steps in
        fractional coordinates times the mean cell, minus the reference. The first frame is 0.
        Where it lives on disk, ``position[a:b]`` reads the carriers a to b - 1 as an array.
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

    position: np.ndarray | StoredPosition
    reference: np.ndarray
    cell: np.ndarray
    volume: float
    volume_variance: float
    dt: float

    @property
    def n_carriers(self) -> int:
        return int(self.position.shape[0])

    @property
    def n_frames(self) -> int:
        return int(self.position.shape[2])

    def carriers(self, first: int, last: int) -> np.ndarray | StoredPosition:
        """Positions of carriers `first` to `last` - 1, which are read only when asked for."""
        if isinstance(self.position, StoredPosition):
            return self.position.carriers(first, last)
        return self.position[first:last]


@kernel
def add_steps(steps, reference, last, first, path):  # type: ignore[no-untyped-def]
    """Accumulate fractional steps into paths.

    steps (frames of the part, carriers, 3) and reference (frames of the part, 3): steps into each
    frame; last (carriers, 3): the path up to the part, updated; path (carriers, 3, frames): filled
    from frame `first` on.
    """
    n_frames, n_carriers = steps.shape[0], steps.shape[1]
    # a few carriers and frames at a time, so that what lies together is used together
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
        self.last = np.zeros((n_carriers, 3))
        self.filled = 0

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
        add_steps(steps, reference, self.last, self.filled, self._path)
        self.filled += len(steps)

    def finish(self, cell: np.ndarray) -> np.ndarray:
        """Positions (carriers, 3, frames), Angstrom, in the mean cell (3, 3)."""
        to_cartesian(self._path, cell)
        return self._path


def finish_paths(
    builder: Any, reference: np.ndarray, cells: np.ndarray, dt: float, *, in_memory: bool = False
) -> Paths:
    """Paths over all frames.

    Parameters
    ----------
    builder : PathBuilder or StoredPaths
        After the last part.
    reference : numpy.ndarray
        Shape (frames, 3): fractional steps of the reference.
    cells : numpy.ndarray
        Shape (frames, 3, 3), Angstrom.
    dt : float
        Spacing of the frames in ps.
    in_memory : bool
        Read positions that live on disk.
    """
    cell = cells.mean(axis=0)
    volumes = np.abs(np.linalg.det(cells))
    position = builder.finish(cell)
    return Paths(
        position=position[:] if in_memory else position,
        reference=np.cumsum(reference, axis=0) @ cell,
        cell=cell,
        volume=float(volumes.mean()),
        volume_variance=float(volumes.var()),
        dt=dt,
    )
