"""Run-length encoding of integers over time: memory grows with the number of changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .arrays_on_disk import ArrayFolder, GrowingArray, folder_of
from .grouping import sort_by_group
from .kernels import kernel

#: Runs processed at once.
BLOCK_RUNS = 2**14


@dataclass(frozen=True)
class LabelRuns:
    """Piecewise constant integers per carrier: runs offsets[c] : offsets[c + 1] of carrier c.

    Attributes
    ----------
    offsets : numpy.ndarray
        Shape (carriers + 1,), int64.
    start : numpy.ndarray
        Shape (runs,), int32: first frame of each run; the first run of a carrier starts at 0.
    value : numpy.ndarray
        Shape (runs,), int32.
    n_frames : int
    """

    offsets: np.ndarray
    start: np.ndarray
    value: np.ndarray
    n_frames: int

    @property
    def n_carriers(self) -> int:
        """Number of carriers."""
        return len(self.offsets) - 1

    @property
    def n_changes(self) -> int:
        """Number of times the value of a carrier changes."""
        return int(self.offsets[-1] - self.offsets[0]) - self.n_carriers

    @property
    def changes(self) -> np.ndarray:
        """Frames at which the value of a carrier changes, carrier after carrier."""
        first, last = int(self.offsets[0]), int(self.offsets[-1])
        begins = np.zeros(last - first, dtype=bool)
        begins[self.offsets[:-1] - first] = True
        return np.asarray(self.start[first:last][~begins])

    def carriers(self, first: int, last: int) -> LabelRuns:
        """The runs of carriers `first` to `last` - 1, as views."""
        return LabelRuns(self.offsets[first : last + 1], self.start, self.value, self.n_frames)

    def part(self, first: int, last: int) -> LabelRuns:
        """Runs of carriers `first` to `last` - 1 with arrays of these carriers alone, as views."""
        a, b = int(self.offsets[first]), int(self.offsets[last])
        offsets = self.offsets[first : last + 1] - a
        return LabelRuns(offsets, self.start[a:b], self.value[a:b], self.n_frames)

    @property
    def folder(self) -> ArrayFolder | None:
        """Folder of the runs; None: in memory."""
        return folder_of(self.start)

    def between(self, first: int, last: int) -> np.ndarray:
        """Values in frames `first` to `last` - 1, shape (carriers, frames), int32."""
        out = np.empty((self.n_carriers, last - first), dtype=np.int32)
        fill_between(self.offsets, self.start, self.value, first, out)
        return out

    def dense(self) -> np.ndarray:
        """Values of every frame, shape (carriers, frames), int32."""
        out = np.empty((self.n_carriers, self.n_frames), dtype=np.int32)
        fill_runs(self.offsets, self.start, self.value, out)
        return out


def run_blocks(offsets: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last + 1 of blocks of carriers with about `BLOCK_RUNS` runs each.

    Parameters
    ----------
    offsets : numpy.ndarray
        Shape (carriers + 1,): of the runs.
    """
    number = offsets - offsets[0]
    edges = np.searchsorted(number, np.arange(BLOCK_RUNS, number[-1], BLOCK_RUNS))
    yield from pairwise(np.unique([0, *edges, len(number) - 1]).tolist())


def gathered_runs(
    blocks: Iterable[LabelRuns], n_frames: int, folder: ArrayFolder | None
) -> LabelRuns:
    """Concatenate the runs of blocks of carriers.

    Parameters
    ----------
    blocks : iterable of LabelRuns
    n_frames : int
    folder : ArrayFolder or None
        Folder of the runs; None: in memory.
    """
    start, value = GrowingArray(np.int32, folder), GrowingArray(np.int32, folder)
    offsets = [np.zeros(1, dtype=np.int64)]
    for runs in blocks:
        first, last = int(runs.offsets[0]), int(runs.offsets[-1])
        offsets.append(runs.offsets[1:] - first + len(start))
        start.append(runs.start[first:last])
        value.append(runs.value[first:last])
    return LabelRuns(np.concatenate(offsets), start.finish(), value.finish(), n_frames)


def joined_runs(runs: LabelRuns) -> LabelRuns:
    """The runs with neighbours of equal value merged."""
    first, last = int(runs.offsets[0]), int(runs.offsets[-1])
    start, value = runs.start[first:last], runs.value[first:last]
    keep = np.ones(len(value), dtype=bool)
    keep[1:] = value[1:] != value[:-1]
    keep[runs.offsets[:-1] - first] = True
    kept = np.concatenate([[0], np.cumsum(keep)])
    return LabelRuns(kept[runs.offsets - first], start[keep], value[keep], runs.n_frames)


def with_values(runs: LabelRuns, value: np.ndarray) -> LabelRuns:
    """Runs with new values (runs,); neighbours of equal value are merged."""
    first, last = int(runs.offsets[0]), int(runs.offsets[-1])
    value = np.asarray(value, dtype=np.int32)
    return joined_runs(
        LabelRuns(runs.offsets - first, runs.start[first:last], value, runs.n_frames)
    )


def frame_counts(runs: LabelRuns, n_values: int, label: np.ndarray | None = None) -> np.ndarray:
    """Carriers with each value in each frame, shape (values, frames), int64.

    Parameters
    ----------
    runs : LabelRuns
        With values below `n_values`.
    n_values : int
    label : numpy.ndarray, optional
        Label of each value, below `n_values`: counts labels instead of values.
    """
    change = np.zeros((n_values, runs.n_frames + 1), dtype=np.int64)
    for first, last in run_blocks(runs.offsets):
        mine = runs.carriers(first, last)
        a, b = int(mine.offsets[0]), int(mine.offsets[-1])
        start, value = mine.start[a:b], mine.value[a:b]
        value = value if label is None else label[value]
        end = np.append(start[1:], runs.n_frames)
        end[mine.offsets[1:] - a - 1] = runs.n_frames
        np.add.at(change, (value, start), 1)
        np.add.at(change, (value, end), -1)
    return np.cumsum(change, axis=1)[:, :-1]


@kernel
def fill_runs(offsets, start, value, out):  # type: ignore[no-untyped-def]
    """Write runs out: out (carriers, frames)."""
    for c in range(offsets.shape[0] - 1):
        for m in range(offsets[c], offsets[c + 1]):
            stop = start[m + 1] if m + 1 < offsets[c + 1] else out.shape[1]
            for t in range(start[m], stop):
                out[c, t] = value[m]


@kernel
def fill_between(offsets, start, value, first, out):  # type: ignore[no-untyped-def]
    """Write out the values of the frames from `first` on: out (carriers, frames)."""
    n_frames = out.shape[1]
    for c in range(offsets.shape[0] - 1):
        low, high = offsets[c], offsets[c + 1]  # the run that holds the frame is in [low, high)
        while high - low > 1:
            middle = (low + high) // 2
            if start[middle] <= first:
                low = middle
            else:
                high = middle
        t = 0
        for m in range(low, offsets[c + 1]):
            stop = n_frames
            if m + 1 < offsets[c + 1]:
                stop = min(start[m + 1] - first, n_frames)
            for k in range(t, stop):
                out[c, k] = value[m]
            t = stop
            if t == n_frames:
                break


@kernel
def find_runs(state):  # type: ignore[no-untyped-def]
    """Run-length form of state (carriers, frames): offsets, start, value."""
    n_carriers, n_frames = state.shape
    offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    for c in range(n_carriers):
        n = 1
        for t in range(1, n_frames):
            if state[c, t] != state[c, t - 1]:
                n += 1
        offsets[c + 1] = offsets[c] + n
    start = np.empty(offsets[n_carriers], dtype=np.int32)
    value = np.empty(offsets[n_carriers], dtype=np.int32)
    for c in range(n_carriers):
        m = offsets[c]
        for t in range(n_frames):
            if t == 0 or state[c, t] != state[c, t - 1]:
                start[m] = t
                value[m] = state[c, t]
                m += 1
    return offsets, start, value


@kernel
def pair_segments(before, after):  # type: ignore[no-untyped-def]
    """Segments of origins over which both states stay the same.

    before, after (carriers, origins) int32. Returns offsets (carriers + 1,), and begin, the state
    before and the one after of each segment (segments,).
    """
    n_carriers, n_origins = before.shape
    offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    for c in range(n_carriers):
        n = 1
        for t in range(1, n_origins):
            same = before[c, t] == before[c, t - 1] and after[c, t] == after[c, t - 1]
            n += not same
        offsets[c + 1] = offsets[c] + n
    begin = np.empty(offsets[n_carriers], dtype=np.int32)
    first = np.empty(offsets[n_carriers], dtype=np.int32)
    last = np.empty(offsets[n_carriers], dtype=np.int32)
    s = 0
    for c in range(n_carriers):
        for t in range(n_origins):
            if t == 0 or before[c, t] != before[c, t - 1] or after[c, t] != after[c, t - 1]:
                begin[s] = t
                first[s] = before[c, t]
                last[s] = after[c, t]
                s += 1
    return offsets, begin, first, last


def label_runs(state: np.ndarray) -> LabelRuns:
    """Run-length form of states over time.

    Parameters
    ----------
    state : numpy.ndarray
        Shape (frames, carriers), integers.

    Returns
    -------
    LabelRuns
    """
    offsets, start, value = find_runs(np.ascontiguousarray(state.T))
    return LabelRuns(offsets, start, value, n_frames=state.shape[0])


def runs_in_time(blocks: Iterable[np.ndarray], folder: ArrayFolder | None = None) -> LabelRuns:
    """Run-length form of states that are given some frames at a time.

    Parameters
    ----------
    blocks : iterable of numpy.ndarray
        Shape (carriers, some frames), int32, one after the other.
    folder : ArrayFolder, optional
        Folder of the runs. Default: in memory.
    """
    carriers, starts, values = (GrowingArray(np.int32, folder) for _ in range(3))
    last, n_frames = None, 0
    for state in blocks:
        offsets, start, value = find_runs(state)
        carrier = np.repeat(np.arange(len(state), dtype=np.int32), np.diff(offsets))
        keep = np.ones(len(start), dtype=bool)
        if last is not None:
            keep[offsets[:-1]] = state[:, 0] != last
        carriers.append(carrier[keep])
        starts.append(start[keep] + np.int32(n_frames))
        values.append(value[keep])
        last, n_frames = state[:, -1].copy(), n_frames + state.shape[1]
    assert last is not None
    found = [starts.finish(), values.finish()]
    offsets, (start, value) = sort_by_group(carriers.finish(), found, len(last))
    return LabelRuns(offsets, start, value, n_frames)
