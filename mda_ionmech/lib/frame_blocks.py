"""Numbers of all carriers, a few frames at a time.

Where what a carrier does depends on all the others, blocks of carriers are of no use: blocks of
time origins are worked on instead, each with the frames at both ends of its windows. What lives on
disk is read column by column, a column being some frames of all carriers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..trajectory.paths import FlatPosition, StoredPosition
from .run_length import LabelRuns, StoredRuns, fill_between, run_blocks

#: Numbers of a block of frames, one for each carrier and frame.
BLOCK_NUMBERS = 50_000
#: Fewest frames of a block.
FEWEST = 8


def frames_at_once(n_carriers: int) -> int:
    """Frames, or time origins, of a block of so many carriers."""
    return max(BLOCK_NUMBERS // max(n_carriers, 1), FEWEST)


def origin_blocks(
    n_frames: int, window: int, most: int, width: int | None = None, first: int = 0
) -> Iterator[tuple[int, int]]:
    """First and last + 1 of blocks of time origins of one window length.

    The frames at both ends of the windows of a block lie within one column each.

    Parameters
    ----------
    n_frames : int
        Windows end before this frame.
    window : int
        Frames.
    most : int
        Origins of a block.
    width : int, optional
        Frames of a column; None where there are no columns.
    first : int
        The first origin.
    """
    last = n_frames - window
    if last <= first:
        return
    edges = np.array([first, last])
    if width is not None:
        inner = np.arange(0, n_frames + width, width)
        edges = np.unique(np.clip(np.concatenate([edges, inner, inner - window]), first, last))
    for a, b in pairwise(edges.tolist()):
        n_parts = -(-(b - a) // max(most, 1))
        yield from pairwise(np.linspace(a, b, n_parts + 1).astype(np.int64).tolist())


class FrameReader(Protocol):
    """Gives the frames of blocks that come one after the other."""

    def between(self, first: int, last: int) -> tuple[np.ndarray, int]:
        """An array (carriers, 3, frames) with frames `first` to `last` - 1 of one column, and where
        the first of them lies in it. It may change with the next call."""


class _Held:
    """Frames of an array in memory, which is not copied."""

    def __init__(self, position: np.ndarray) -> None:
        self._position = position

    def between(self, first: int, last: int) -> tuple[np.ndarray, int]:
        return self._position, first


class _Copied:
    """Frames of positions in memory that are changed on the way."""

    def __init__(self, position: FlatPosition) -> None:
        self._position = position

    def between(self, first: int, last: int) -> tuple[np.ndarray, int]:
        return self._position.frames(first, last), 0


class _Read:
    """Frames of numbers on disk; the column asked for last is kept, until another one is."""

    def __init__(self, position: StoredPosition | FrameFile) -> None:
        self._position = position
        self._number = -1
        self._column: np.ndarray | None = None

    def between(self, first: int, last: int) -> tuple[np.ndarray, int]:
        number = first // self._position.width
        if self._column is None or number != self._number:
            self._column, self._number = self._position.column(number, self._column), number
        return self._column, first - number * self._position.width


def frame_reader(position: Any) -> FrameReader:
    """A reader of the frames of positions (carriers, 3, frames), in memory or on disk."""
    if isinstance(position, FlatPosition):
        return _Copied(position)
    return _Held(position) if isinstance(position, np.ndarray) else _Read(position)


def column_width(position: Any) -> int | None:
    """Frames of a column of positions; None where these are in memory."""
    return None if isinstance(position, np.ndarray | FlatPosition) else int(position.width)


@dataclass(frozen=True)
class FrameFile:
    """Numbers of all carriers and frames in a file, column after column.

    Attributes
    ----------
    path : Path
    kind : numpy.dtype
    tail : tuple of int
        Numbers of one carrier and frame, e.g. (3,).
    n_carriers : int
    edges : numpy.ndarray
        Shape (columns + 1,): first frame of each column, and the number of frames.
    """

    path: Path
    kind: np.dtype
    tail: tuple[int, ...]
    n_carriers: int
    edges: np.ndarray

    def __len__(self) -> int:
        return self.n_carriers

    @property
    def shape(self) -> tuple[int, ...]:
        """(carriers, *tail, frames)."""
        return (self.n_carriers, *self.tail, int(self.edges[-1]))

    @property
    def width(self) -> int:
        """Frames of a column, where all have one width but the last."""
        return int(self.edges[1])

    def _place(self, carrier: int, column: int) -> int:
        """Where the numbers of a carrier begin in a column, bytes."""
        low, high = int(self.edges[column]), int(self.edges[column + 1])
        numbers = self.n_carriers * low + carrier * (high - low)
        return numbers * prod(self.tail) * self.kind.itemsize

    def column(self, number: int, room: np.ndarray | None = None) -> np.ndarray:
        """All carriers in the frames of one column, shape (carriers, *tail, frames).

        What an earlier call gave may be given as `room`, to be filled again.
        """
        shape = (self.n_carriers, *self.tail, int(self.edges[number + 1] - self.edges[number]))
        out = np.empty(shape, self.kind) if room is None or room.shape != shape else room
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self._place(0, number))
            file.readinto(out.data.cast("B"))
        return out

    def __getitem__(self, where: slice) -> np.ndarray:
        """Neighbouring carriers in all frames, shape (carriers, *tail, frames)."""
        first, last, _ = where.indices(self.n_carriers)
        out = np.empty((last - first, *self.tail, int(self.edges[-1])), self.kind)
        with open(self.path, "rb", buffering=0) as file:
            for k, (low, high) in enumerate(pairwise(self.edges.tolist())):
                part = np.empty((last - first, *self.tail, high - low), self.kind)
                file.seek(self._place(first, k))
                file.readinto(part.data.cast("B"))
                out[..., low:high] = part
        return out


def write_by_rows(file: FrameFile, blocks: Iterable[tuple[int, np.ndarray]]) -> FrameFile:
    """Fill a file from blocks of carriers.

    Parameters
    ----------
    file : FrameFile
        Not there yet, or overwritten.
    blocks : iterable of (int, numpy.ndarray)
        First carrier, and numbers (carriers, *tail, frames) of it and the next ones.
    """
    with open(file.path, "wb", buffering=0) as target:
        for first, values in blocks:
            for k, (low, high) in enumerate(pairwise(file.edges.tolist())):
                part = np.ascontiguousarray(values[..., low:high], file.kind)
                # far cheaper than `tofile` where there are many columns
                target.seek(file._place(first, k))
                target.write(part.data.cast("B"))
    return file


def write_by_columns(file: FrameFile, columns: Iterable[np.ndarray]) -> FrameFile:
    """Fill a file from its columns (carriers, *tail, frames), one after the other."""
    with open(file.path, "wb") as target:
        for values in columns:
            np.ascontiguousarray(values, file.kind).tofile(target)
    return file


class StateReader(Protocol):
    """Gives the states of all carriers in the frames of blocks that come one after the other."""

    def between(self, first: int, last: int) -> np.ndarray:
        """States in frames `first` to `last` - 1 of one column, shape (carriers, frames), int32."""


@dataclass(frozen=True)
class RunFrames:
    """Frames of runs in memory.

    Attributes
    ----------
    runs : LabelRuns
    """

    runs: LabelRuns

    @property
    def n_frames(self) -> int:
        return self.runs.n_frames

    @property
    def width(self) -> int | None:
        """Frames of a column; there are none."""
        return None

    def reader(self) -> StateReader:
        return self

    def carriers(self, first: int, last: int) -> np.ndarray:
        """States of carriers `first` to `last` - 1 in all frames, (carriers, frames), int32."""
        return self.runs.carriers(first, last).dense()

    def between(self, first: int, last: int) -> np.ndarray:
        runs = self.runs
        out = np.empty((runs.n_carriers, last - first), dtype=np.int32)
        fill_between(runs.offsets, runs.start, runs.value, first, out)
        return out


@dataclass(frozen=True)
class FileFrames:
    """Frames of states in a file, int32.

    Attributes
    ----------
    file : FrameFile
        Its columns have one width, the last one excepted.
    """

    file: FrameFile

    @property
    def n_frames(self) -> int:
        return self.file.shape[-1]

    @property
    def width(self) -> int:
        """Frames of a column."""
        return self.file.width

    def reader(self) -> StateReader:
        return _ReadStates(self.file)

    def carriers(self, first: int, last: int) -> np.ndarray:
        """States of carriers `first` to `last` - 1 in all frames, (carriers, frames), int32."""
        return self.file[first:last]


class _ReadStates:
    """States from a file; the column that was asked for last is kept."""

    def __init__(self, file: FrameFile) -> None:
        self._columns = _Read(file)

    def between(self, first: int, last: int) -> np.ndarray:
        column, at = self._columns.between(first, last)
        return column[:, at : at + last - first].copy()


def column_edges(n_frames: int, width: int) -> np.ndarray:
    """First frame of each column of one width, and the number of frames."""
    return np.append(np.arange(0, n_frames, width), n_frames)


def state_frames(
    runs: LabelRuns | StoredRuns, width: int | None, path: Path | None
) -> RunFrames | FileFrames:
    """Runs as something whose frames can be asked for.

    Cost: nothing in memory; on disk one pass over carriers x frames.

    Parameters
    ----------
    runs : LabelRuns or StoredRuns
    width : int or None
        Frames of a column of the positions; None where these are in memory.
    path : Path or None
        Of a new file, for stored runs.
    """
    if isinstance(runs, LabelRuns):
        return RunFrames(runs)
    assert width is not None
    assert path is not None
    edges = column_edges(runs.n_frames, width)
    file = FrameFile(path, np.dtype("i4"), (), runs.n_carriers, edges)
    most = max(BLOCK_NUMBERS // runs.n_frames, 1)

    def dense() -> Iterator[tuple[int, np.ndarray]]:
        for first, last in run_blocks(runs.offsets):
            mine = runs.carriers(first, last)
            for k in range(first, last, most):
                here = mine.carriers(k - first, min(k + most, last) - first)
                yield k, here.dense()

    return FileFrames(write_by_rows(file, dense()))


def numbered_spots(
    state: np.ndarray, path: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of spots, sites in one image of the cell, from arrays that hold every frame.

    Parameters
    ----------
    state : numpy.ndarray
        Shape (carriers, frames): site held.
    path : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom: unwrapped position of that site.

    Returns
    -------
    spots : numpy.ndarray
        Shape (carriers, frames), int32.
    site : numpy.ndarray
        Shape (spots,), int32: site of each spot.
    where : numpy.ndarray
        Shape (spots, 3), Angstrom: its position.
    """
    rows = np.column_stack([np.ravel(state), path.transpose(0, 2, 1).reshape(-1, 3)])
    spots, number = np.unique(rows, axis=0, return_inverse=True)
    where = np.ascontiguousarray(spots[:, 1:])
    return number.reshape(state.shape).astype(np.int32), spots[:, 0].astype(np.int32), where
