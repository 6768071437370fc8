"""The spacing of frames where a `dt` given to MDAnalysis has replaced the times of their files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .file_stamps import StampsOfFiles, stamps_of_files
from .frame_times import SAMPLE, FrameTimes, first_pair_of, settle_times
from .time_sources import Stamp, TimeSource, time_source


def _count_frames(stamp: StampsOfFiles, frames: np.ndarray, numbers: np.ndarray) -> bool:
    """Whether frames were left out that the times of the files count, and so say nothing."""
    if numbers[-1] - numbers[0] == frames[-1] - frames[0]:
        return False
    places = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), SAMPLE)).astype(int))
    looked = frames[places]
    times = np.array([stamp(int(k)).time for k in looked])
    slope = (times[-1] - times[0]) / (looked[-1] - looked[0])
    off = times - times[0] - slope * (looked - looked[0])
    return bool(np.abs(off).max() < 1e-3 * abs(slope))


def settle_times_of(
    trajectory: Any,
    frames: np.ndarray,
    numbers: np.ndarray,
    stamp: Callable[[int], Stamp],
    *,
    dt: float | None = None,
    uneven: str = "refuse",
) -> tuple[FrameTimes, list[tuple[str, bool]]]:
    """Spacing of frames of a trajectory, as `settle_times`, by the times of its files.

    Parameters
    ----------
    trajectory : MDAnalysis reader
    frames : numpy.ndarray
        Numbers of the analysed frames.
    numbers : numpy.ndarray
        The same, less what repeats.
    stamp : callable
        Reads an analysed frame, by its place among these.
    dt : float, optional
        The true spacing of the analysed frames, ps.
    uneven : str

    Returns
    -------
    times : FrameTimes
    notes : list of (str, bool)

    Raises
    ------
    InputError
    """
    source = time_source(trajectory)
    in_files = stamps_of_files(trajectory)
    if in_files is None or not source.dt or _count_frames(in_files, frames, numbers):
        pair = first_pair_of(trajectory) if dt is None and source.dt != 0 else None
        return settle_times(stamp, numbers, source, pair, dt=dt, uneven=uneven)
    given, told = dt, "dt"
    if given is None:
        given = float(source.dt * (numbers[-1] - numbers[0]) / max(len(numbers) - 1, 1))
        told = "MDAnalysis was told"
    try:
        times, notes = settle_times(
            lambda k: in_files(int(frames[k])),
            numbers,
            TimeSource("file", None, "those of the files"),
            None,
            dt=given if given > 0 else None,
            uneven=uneven,
            told=told,
        )
    finally:
        in_files.close()
    own = replace(times, first=stamp(0).time, read_spacing=None, source=source)
    return replace(own, dt_given=dt is not None), notes
