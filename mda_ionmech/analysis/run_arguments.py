"""Checks of the arguments of a run: which frames, and how many processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..lib.checks import shown, whole
from ..lib.errors import InputError

#: Most processes or parts, and most frames.
MOST_PARTS, MOST_FRAMES = 2**20, 2**62


def check_frames(n_frames: int, start: Any, stop: Any, step: Any, frames: Any) -> dict[str, Any]:
    """Check the requested part of a trajectory: ``start``, ``stop``, ``step`` and ``frames``.

    Parameters
    ----------
    n_frames : int
        Of the trajectory.
    start, stop, step : int or None
        `step` is positive.
    frames : object
        As for `check_frame_list`; excludes the others.

    Raises
    ------
    InputError
    """
    chosen = check_frame_list(n_frames, frames)
    given = [name for name, one in zip(("start", "stop", "step"), (start, stop, step), strict=True)
             if one is not None]  # fmt: skip
    if chosen is not None and given:
        raise InputError(f"frames=... and {given[0]}=... both select frames; give one of them")
    return {**_check_slice(n_frames, start, stop, step), "frames": chosen}


def _check_slice(n_frames: int, start: Any, stop: Any, step: Any) -> dict[str, int | None]:
    out: dict[str, int | None] = {}
    for argument, value in (("start", start), ("stop", stop)):
        remedy = f"give a frame number, the trajectory has {n_frames}, or None"
        bounds = {"least": -MOST_FRAMES, "most": MOST_FRAMES}
        out[argument] = None if value is None else whole(argument, value, **bounds, remedy=remedy)
    remedy = "give a stride of 1 or more, or None"
    bounds = {"least": 1, "most": MOST_FRAMES}
    out["step"] = None if step is None else whole("step", step, **bounds, remedy=remedy)
    return out


def check_frame_list(n_frames: int, frames: Any) -> np.ndarray | None:
    """Frame numbers from a list, a range or a mask over all frames; None if not given.

    Returns
    -------
    numpy.ndarray
        Shape (frames,), int64.

    Raises
    ------
    InputError
        For anything else, numbers outside the trajectory, and a mask of another length.
    """
    if frames is None:
        return None
    remedy = "give a list of frame numbers such as range(0, 1000, 2), or a mask of all frames"
    if isinstance(frames, str | bytes | Mapping) or not isinstance(frames, Iterable):
        raise InputError(f"frames must be a list of frame numbers, got {shown(frames)}; {remedy}")
    if isinstance(frames, np.ndarray) and frames.ndim != 1:
        raise InputError(f"frames must be one list, got an array of shape {frames.shape}; {remedy}")
    if isinstance(frames, np.ndarray) and frames.dtype.kind in "iu" and frames.size:
        inside = frames.min() >= 0 and frames.max() < n_frames
        if inside:
            return frames.astype(np.int64)
    given = list(frames)
    if given and all(isinstance(one, bool | np.bool_) for one in given):
        if len(given) != n_frames:
            raise InputError(
                f"frames is a mask of {len(given)} values, and the trajectory has {n_frames} "
                f"frames; {remedy}"
            )
        return np.flatnonzero(np.array(given, dtype=bool)).astype(np.int64)
    numbers = [
        whole("each of frames", one, least=0, most=n_frames - 1, remedy=remedy) for one in given
    ]
    return np.array(numbers, dtype=np.int64)


def frame_numbers(
    n_frames: int,
    start: int | None = None,
    stop: int | None = None,
    step: int | None = None,
    frames: np.ndarray | None = None,
) -> np.ndarray:
    """Numbers of the requested frames, from the output of `check_frames`.

    Returns
    -------
    numpy.ndarray
        Shape (frames,), int64.
    """
    if frames is not None:
        return frames
    return np.arange(n_frames, dtype=np.int64)[slice(start, stop, step)]


def check_count(argument: str, value: Any) -> int | None:
    """A number of processes or parts, 1 or more; None for the default."""
    remedy = "give 1 or more, or None for as many as there are cores"
    if value is None:
        return None
    return whole(argument, value, least=1, most=MOST_PARTS, remedy=remedy)
