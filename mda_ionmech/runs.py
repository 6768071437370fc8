"""Numbers that stay the same over many frames, as runs: what is kept grows with the changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .kernels import kernel


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
        return len(self.offsets) - 1

    @property
    def n_changes(self) -> int:
        """Number of times the value of a carrier changes."""
        return int(self.offsets[-1] - self.offsets[0]) - self.n_carriers

    def carriers(self, first: int, last: int) -> LabelRuns:
        """The same of carriers `first` to `last` - 1; copies nothing large."""
        return LabelRuns(self.offsets[first : last + 1], self.start, self.value, self.n_frames)

    def dense(self) -> np.ndarray:
        """Values of every frame, shape (carriers, frames), int32."""
        out = np.empty((self.n_carriers, self.n_frames), dtype=np.int32)
        fill_runs(self.offsets, self.start, self.value, out)
        return out


@kernel
def fill_runs(offsets, start, value, out):  # type: ignore[no-untyped-def]
    """Write runs out: out (carriers, frames)."""
    for c in range(offsets.shape[0] - 1):
        for m in range(offsets[c], offsets[c + 1]):
            stop = start[m + 1] if m + 1 < offsets[c + 1] else out.shape[1]
            for t in range(start[m], stop):
                out[c, t] = value[m]


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


def label_runs(state: np.ndarray) -> LabelRuns:
    """Run-length form of states of shape (frames, carriers)."""
    offsets, start, value = find_runs(np.ascontiguousarray(state.T))
    return LabelRuns(offsets, start, value, n_frames=state.shape[0])
