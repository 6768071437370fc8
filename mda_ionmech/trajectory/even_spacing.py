"""Checks on a sample of frames that they are evenly spaced, by times and engine steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..lib.errors import InputError
from .repeated_frames import STEP_RANGE
from .time_sources import Stamp

_ACCEPT = "uneven='accept' treats the frames as evenly spaced"


def remedy_of(goes_back: bool) -> str:
    """Remedy for frames that are unevenly spaced or repeat."""
    drop = (
        "if a restart wrote frames again, uneven='drop' omits the earlier copies; "
        if goes_back
        else ""
    )
    return (
        f"{drop}analyse an evenly spaced part with run(start=..., stop=..., step=...), or one run "
        f"at a time and pool the results with combine; {_ACCEPT}"
    )


def check_even_numbers(numbers: np.ndarray) -> None:
    """Refuse unevenly spaced frame numbers where neither times nor steps are known."""
    apart = np.diff(numbers)
    back = np.flatnonzero(apart <= 0)
    if len(back):
        k = int(back[0])
        raise InputError(
            f"frames are unevenly spaced and not in the order of time: frame {numbers[k]} is "
            f"followed by frame {numbers[k + 1]}; give each frame once, in rising order and with "
            f"one stride; {_ACCEPT}"
        )
    odd = np.flatnonzero(apart != apart[0])
    if len(odd):
        k = int(odd[0])
        raise InputError(
            f"frames are unevenly spaced: frame {numbers[0]} is followed by frame {numbers[1]}, "
            f"but frame {numbers[k]} by frame {numbers[k + 1]}, and no times or steps in the file "
            f"show that they are evenly spaced; give frames with one stride; {_ACCEPT}"
        )


class EvenSample:
    """Stamps of a few frames, compared with the spacing of the first two."""

    def __init__(
        self,
        stamp: Callable[[int], Stamp],
        sample: dict[int, Stamp],
        by_times: bool,
        by_steps: bool,
        show_times: bool = True,
    ) -> None:
        self._stamp, self._sample = stamp, sample
        self.by_times, self.by_steps, self._show_times = by_times, by_steps, show_times
        self._places = sorted(sample)
        self._zero, one, last = sample[0], sample[1], sample[self._places[-1]]
        self.step_spacing = (one.step - self._zero.step) % STEP_RANGE
        self._mean = (last.time - self._zero.time) / self._places[-1]
        self._pair = one.time - self._zero.time
        self._resolution = float(np.spacing(np.float32(max(abs(s.time) for s in sample.values()))))

    def _time_fits(self, k: int, stamp: Stamp, spacing: float, slack: float) -> bool:
        tolerance = (2 + slack) * self._resolution + 1e-5 * abs(spacing)
        return abs(stamp.time - self._zero.time - k * spacing) <= tolerance

    def _step_fits(self, k: int, stamp: Stamp) -> bool:
        return (stamp.step - self._zero.step - k * self.step_spacing) % STEP_RANGE == 0

    def _times_even(self) -> bool:
        return self._mean > 0 and all(
            self._time_fits(k, self._sample[k], self._mean, 0) for k in self._places
        )

    def _steps_even(self) -> bool:
        return 0 < self.step_spacing < STEP_RANGE // 2 and all(
            self._step_fits(k, self._sample[k]) for k in self._places
        )

    def only_steps_begin_anew(self) -> bool:
        """Whether steps are uneven only between files, while times are even."""
        if not self._times_even() or self._steps_even():
            return False
        by_file: dict[int, list[tuple[int, Stamp]]] = {}
        for k in self._places:
            by_file.setdefault(self._sample[k].file, []).append((k, self._sample[k]))
        for members in by_file.values():
            (a, first), *rest = members
            rates = {(s.step - first.step) % STEP_RANGE / (k - a) for k, s in rest}
            if len(rates) > 1:
                return False
        return len(by_file) > 1

    def check(self) -> None:
        """Refuse an uneven sample, naming the first pair found."""
        times_even = not self.by_times or self._times_even()
        steps_even = not self.by_steps or self._steps_even()
        if times_even and steps_even:
            return

        def fits(k: int, stamp: Stamp) -> bool:
            # one pair gives the spacing to the resolution of times, and k times it to k times that
            time = times_even or self._time_fits(k, stamp, self._pair, k)
            return time and (steps_even or self._step_fits(k, stamp))

        even, uneven = 1, next((k for k in self._places if not fits(k, self._sample[k])), 0)
        if (not times_even and self._pair <= 0) or (
            not steps_even and not 0 < self.step_spacing < STEP_RANGE // 2
        ):
            even, uneven = 0, 1
        if not uneven:  # too little to decide from two frames: checked frame by frame later
            return
        even = max((k for k in self._places if 1 <= k < uneven), default=even)
        while uneven - even > 1:
            middle = (even + uneven) // 2
            if fits(middle, self._stamp(middle)):
                even = middle
            else:
                uneven = middle
        before, after = self._stamp(even), self._stamp(uneven)
        # times made up or replaced by MDAnalysis are not shown
        times = self.by_times and (self._show_times or steps_even)
        first, last, next_one = (s.told(times) for s in (self._zero, before, after))
        if even == 0:
            upto = ""
        elif not steps_even and not (self.by_times and not times_even):
            upto = f"frames are {self.step_spacing} steps apart from {first} on, but "
        else:
            upto = f"frames are {self._pair:g} ps apart from {first} on, but "
        goes_back = after.time <= before.time if not times_even else after.step <= before.step
        raise InputError(
            f"times repeat or are unevenly spaced: {upto}{last} is followed by {next_one}; "
            + remedy_of(goes_back)
        )
