"""The frame spacing: dt = (last - first) / (n - 1), even within the resolution of the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..lib.errors import InputError


@dataclass(frozen=True)
class FrameTimes:
    """Evenly spaced times of the analysed frames.

    Attributes
    ----------
    first : float
        Time of the first frame, ps.
    spacing : float
        ps.
    tolerance : float
        Largest deviation that storing times as float32 explains, ps; infinite when the user gave
        the spacing.
    """

    first: float
    spacing: float
    tolerance: float

    def check(self, index: int, frame: int, time: float) -> None:
        """Refuse a frame that does not lie where even spacing puts it.

        Parameters
        ----------
        index : int
            Its place among the analysed frames.
        frame : int
            Its number in the trajectory, for the message.
        time : float
            ps, as the reader gave it.

        Raises
        ------
        InputError
        """
        expected = self.first + index * self.spacing
        if abs(time - expected) > self.tolerance:
            raise InputError(
                f"times repeat or are unevenly spaced: frame {frame} is at {time:g} ps, even "
                f"spacing of {self.spacing:g} ps puts it at {expected:g} ps; analyse an even part "
                "with run(start=..., stop=..., step=...), or give the true spacing of the analysed "
                "frames with dt=... (ps)"
            )


def frame_times(first: float, last: float, n_frames: int, dt: float | None) -> FrameTimes:
    """Spacing of the analysed frames from the times of the first and the last.

    Parameters
    ----------
    first, last : float
        ps, as the reader gave them.
    n_frames : int
    dt : float, optional
        The true spacing in ps, when the times in the file are wrong.

    Raises
    ------
    InputError
        If the last frame is not later than the first.
    """
    if dt is not None:
        return FrameTimes(first, float(dt), np.inf)
    spacing = (last - first) / (n_frames - 1)
    if not spacing > 0:
        raise InputError(
            f"times do not increase: the first analysed frame is at {first:g} ps and the last at "
            f"{last:g} ps; give the true spacing of the analysed frames with dt=... (ps)"
        )
    resolution = float(np.spacing(np.float32(max(abs(first), abs(last)))))
    return FrameTimes(first, spacing, 2 * resolution + 1e-5 * spacing)
