"""Repeated frames of a trajectory, as restarted runs leave them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from ..lib.errors import InputError
from .file_stamps import stamps_of_files
from .time_sources import Stamp, TimeSource, file_starts, stamp_of, time_source

#: Number of atoms whose positions identify a frame.
ATOMS = 64
#: Frames that recur more often than this belong to a model trajectory, not to a restart.
MOST_REPEATED = 0.6
#: Some formats store steps in 32 bits, which overflow to 0.
STEP_RANGE = 2**32


def steps_tell(stamps: Sequence[Stamp]) -> bool:
    """Whether the steps of frames are those of an engine rather than frame numbers."""
    steps = [s.step for s in stamps]
    if min(steps) < 0 or len(set(steps)) == 1:
        return False
    return len({s.step - s.place for s in stamps}) > 1


def times_tell(stamps: Sequence[Stamp], source: TimeSource) -> bool:
    """Whether the times of frames were read from a file, and differ from mere frame counts.

    Times computed from a header, in every file from the same start, are mere counts. So are
    multiples of a `dt` that MDAnalysis was given; of some formats (NCDF) it keeps the times.
    """
    if source.kind == "invented" or len({s.time for s in stamps}) == 1:
        return False
    if source.kind == "given":
        return not (_counted(stamps, source, "frame") or _counted(stamps, source, "place")
                    or _counted(stamps, source, "step"))  # fmt: skip
    if not source.computed or source.dt is None:
        return True
    starts = np.array([s.time - s.place * source.dt for s in stamps])
    return bool(np.ptp(starts) > 1e-6 * abs(source.dt))


def _counted(stamps: Sequence[Stamp], source: TimeSource, by: str) -> bool:
    """Whether times are a multiple of the reader's `dt` for each frame, place or step."""
    dt = source.dt or 0.0
    starts = np.array([s.time - getattr(s, by) * dt for s in stamps])
    # readers that convert units keep seven digits
    slack = 1e-6 * abs(dt) + 1e-6 * max(abs(s.time) for s in stamps)
    return bool(np.ptp(starts) <= slack)


def counted_by_file(stamps: Sequence[Stamp], source: TimeSource) -> bool:
    """Whether times are multiples of a `dt` that MDAnalysis was given, anew in every file."""
    several = source.kind == "given" and bool(source.dt) and len({s.file for s in stamps}) > 1
    return several and _counted(stamps, source, "place") and not _counted(stamps, source, "frame")


def without_repeats(keys: np.ndarray, tolerance: float, names: Sequence[Any]) -> np.ndarray:
    """Positions of the frames that remain when restarted frames replace those they repeat.

    An engine that restarts from a checkpoint repeats the frames it had written after it: of frames
    with the same time the one written last is kept, as `gmx trjcat` does.

    Parameters
    ----------
    keys : numpy.ndarray
        Times or steps of the frames, in the order of the file.
    tolerance : float
        Keys that differ by less are the same.
    names : sequence
        Names of the frames, for the message.

    Raises
    ------
    InputError
        If the frames start again from the first: two runs, or files in the wrong order.
    """
    earliest_later = np.append(np.minimum.accumulate(keys[::-1])[::-1][1:], np.inf)
    kept = np.flatnonzero(keys < earliest_later - tolerance)
    back = np.flatnonzero(np.diff(keys) <= tolerance) + 1
    anew = back[(keys[back] <= keys[0] + tolerance) & (back > 1)]
    if len(anew):
        at = int(anew[0])
        raise InputError(
            f"uneven='drop' omits frames that a restart repeats, but {names[at]} goes back to or "
            f"before the first, {names[0]}: these are two runs, or files in the wrong order; put "
            "the files in order, or analyse the runs one by one with run(start=..., stop=...) and "
            "pool the results with combine"
        )
    return kept


def _even_key(stamps: Sequence[Stamp], source: TimeSource) -> tuple[np.ndarray, float] | None:
    """The key that orders frames in time and its tolerance: their times, or engine steps."""
    if times_tell(stamps, source):
        times = np.array([s.time for s in stamps])
        tolerance = 2 * float(np.spacing(np.float32(np.abs(times).max())))
        # far from zero the times of neighbouring frames are equal in single precision
        if tolerance < 0.5 * float(np.median(np.abs(np.diff(times)))):
            return times, tolerance
    if steps_tell(stamps):
        return np.array([s.step for s in stamps], dtype=float), 0.5
    return None


def drop_repeats(
    trajectory: Any, frames: np.ndarray, source: TimeSource
) -> tuple[np.ndarray, np.ndarray]:
    """Split frames into those to analyse and those that a later one repeats.

    By times where the file holds them, else by steps of the engine, else by equal coordinates of
    consecutive frames. Reads every frame once.

    Parameters
    ----------
    trajectory : MDAnalysis reader
    frames : numpy.ndarray
        Numbers of frames.
    source : TimeSource
        Of the trajectory.

    Returns
    -------
    kept, dropped : numpy.ndarray
    """
    starts = file_starts(trajectory)
    stamps, repeats = [], np.zeros(len(frames), dtype=bool)
    before: np.ndarray | None = None
    in_files = stamps_of_files(trajectory)
    if in_files is not None:
        source = TimeSource("file", None, "those of the files")
    for k, frame in enumerate(frames):
        ts = trajectory[int(frame)]
        stamps.append(stamp_of(ts, starts) if in_files is None else in_files(int(frame)))
        repeats[k] = before is not None and np.array_equal(before, ts.positions)
        before = ts.positions.copy()
    if in_files is not None:
        in_files.close()
    found = _even_key(stamps, source) if len(stamps) else None
    if found is not None:
        kept = without_repeats(*found, stamps)
        if len(kept) == len(frames) and in_files is not None:  # times that count frames
            return frames[~repeats], frames[repeats]
        return frames[kept], np.setdiff1d(frames, frames[kept])
    return frames[~repeats], frames[repeats]


def frames_without_repeats(
    trajectory: Any,
    start: int | None = None,
    stop: int | None = None,
    step: int | None = None,
    frames: Iterable[int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The frames that `start`, `stop`, `step` or `frames` select after repeats are dropped.

    A stride counts the remaining frames; all frames between start and stop are searched for
    repeats.

    Returns
    -------
    kept, dropped : numpy.ndarray
    """
    if frames is not None:
        if not all(one is None for one in (start, stop, step)):
            raise InputError("frames=... cannot be combined with start, stop or step: give either")
        chosen = np.asarray(list(frames))
        numbers = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        return drop_repeats(trajectory, numbers, time_source(trajectory))
    first, last, stride = trajectory.check_slice_indices(start, stop, step)
    if stride < 0:
        raise InputError(f"step={step} goes backwards; give a step of 1 or more")
    numbers = np.arange(first, last, dtype=np.int64)
    kept, dropped = drop_repeats(trajectory, numbers, time_source(trajectory))
    return kept[::stride], dropped


def describe_dropped(dropped: np.ndarray) -> str:
    """Number of dropped frames and the first one, as text."""
    if len(dropped) == 1:
        return f"frame {dropped[0]}, which a later one repeats, was dropped: uneven='drop'"
    return (
        f"{len(dropped)} frames that later ones repeat were dropped, among frames {dropped[0]} to "
        f"{dropped[-1]}: uneven='drop'"
    )


def same_frame(now: np.ndarray, before: np.ndarray, atom: int) -> bool:
    """Whether all coordinates of two frames, shape (3 * atoms,), are equal bit for bit.

    atom: one that moves, which is compared first.
    """
    first = slice(3 * atom, 3 * atom + 3)
    return bool(np.array_equal(now[first], before[first]) and np.array_equal(now, before))


def recognising_atoms(n_atoms: int) -> np.ndarray:
    """Evenly chosen atoms whose positions identify a frame."""
    return np.unique(np.linspace(0, n_atoms - 1, min(n_atoms, ATOMS)).astype(np.int64))


def fingerprint(coordinates: np.ndarray, atoms: np.ndarray) -> int:
    """A checksum of the coordinates of some atoms of a frame.

    coordinates: shape (3 * all atoms,).
    """
    some = np.ascontiguousarray(coordinates.reshape(-1, 3)[atoms])
    return int.from_bytes(blake2b(some.tobytes(), digest_size=8).digest(), "little", signed=True)


def repeated_stretch(fingerprints: np.ndarray) -> tuple[int, int, int] | None:
    """The longest repeated sequence: its first frame, the first frame of the original, its length.

    None where there is none, or where frames recur so often that they belong to a model trajectory.

    Parameters
    ----------
    fingerprints : numpy.ndarray
        Shape (frames,).
    """
    _, first, inverse = np.unique(fingerprints, return_index=True, return_inverse=True)
    origin = first[inverse.reshape(-1)]
    number = np.arange(len(fingerprints))
    again = origin < number
    if not again.any() or again.mean() > MOST_REPEATED:
        return None
    # neighbouring frames that both repeat neighbouring frames
    goes_on = again[1:] & again[:-1] & (np.diff(origin) == 1)
    begins = again & ~np.append(False, goes_on)
    starts = np.flatnonzero(begins)
    lengths = np.add.reduceat(again.astype(np.int64), starts)
    best = int(np.argmax(lengths))
    if lengths[best] < 2:
        return None
    return int(starts[best]), int(origin[starts[best]]), int(lengths[best])
