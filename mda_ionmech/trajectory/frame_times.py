"""Spacing of the analysed frames, and checks that they are evenly spaced.

dt = (last - first) / (n - 1), from the times of the file, or from steps of the engine where single
precision makes times too coarse; with a `dt` of the user frames must be evenly spaced as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..lib.checks import number, positive, whole
from ..lib.errors import InputError
from .even_spacing import EvenSample, check_even_numbers, remedy_of
from .repeated_frames import STEP_RANGE, counted_by_file, steps_tell, times_tell
from .time_sources import Stamp, TimeSource, file_starts, shown, stamp_of, time_source

#: What to do with frames that repeat or are unevenly spaced.
UNEVEN = ("refuse", "drop", "accept")
#: Number of frames sampled before all are read.
SAMPLE = 16
#: Relative error of the spacing from times in single precision above which steps are used instead,
#: above which a run warns, and above which it is refused.
NOTICED, SAID, REFUSED = 1e-6, 1e-3, 1e-2
#: Longest time step of an atomistic engine, ps: hydrogens vibrate in 9 fs.
TIME_STEP = 0.005
#: Spacings that differ by less are the same.
SAME = 1e-3

_DT = "in ps (dt = ... under [analysis] in a configuration)"
_STEPS_BEGIN_ANEW = (
    "the steps of the engine restart or change their spacing where a file ends, while the times of "
    "the files are evenly spaced: the times are used"
)
_FILES_COUNT_ANEW = (
    "the times of every file begin at the same value, and the headers do not tell how the files "
    "follow one another: they are assumed to continue without a gap and without repeated frames"
)
_ASSUMED = (
    "the coordinates are in memory, and MDAnalysis takes frames in memory to be 1 ps apart unless "
    "it is told otherwise, as it was not: if they are not, give dt=... in ps, the true spacing of "
    "the analysed frames; if they are, say dt=1.0 where they are loaded"
)


@dataclass(frozen=True)
class FrameTimes:
    """Evenly spaced times of the analysed frames.

    Attributes
    ----------
    first : float
        Time of the first frame as read, ps.
    spacing : float
        ps.
    tolerance : float
        Largest deviation that storing times as float32 explains, ps.
    read_spacing : float or None
        Spacing of the times as the reader gives them, ps; None where it has none.
    step_spacing : int or None
        Engine steps from frame to frame; None where there are none.
    uneven : str
        ``refuse``, ``drop`` or ``accept``.
    source : TimeSource or None
        Where the times come from.
    n_frames : int
    dt_given : bool
        Whether the user gave the spacing.
    """

    first: float
    spacing: float
    tolerance: float
    read_spacing: float | None = None
    step_spacing: int | None = None
    uneven: str = "refuse"
    source: TimeSource | None = None
    n_frames: int = 0
    dt_given: bool = False

    def check(
        self,
        index: int,
        frame: int,
        time: float,
        *,
        step: int | None = None,
        before: Stamp | None = None,
    ) -> None:
        """Refuse a frame that is not evenly spaced.

        Parameters
        ----------
        index : int
            Its position among the analysed frames.
        frame : int
            Its number in the trajectory, for the message.
        time : float
            ps, as the reader gave it.
        step : int, optional
            Of the engine.
        before : Stamp, optional
            The analysed frame before it.

        Raises
        ------
        InputError
        """
        if self.uneven == "accept":
            return
        if self.read_spacing is not None:
            expected = self.first + index * self.read_spacing
            if not abs(time - expected) <= self.tolerance:
                after = "" if before is None else f", after {before}"
                raise InputError(
                    f"times repeat or are unevenly spaced: frame {frame} is at {shown(time)} ps, "
                    f"even spacing of {self.read_spacing:g} ps puts it at {expected:.9g} ps"
                    f"{after}; "
                    + remedy_of(before is not None and time <= before.time + self.tolerance)
                )
        if self.step_spacing is None or before is None or step is None:
            return
        if (step - before.step - self.step_spacing) % STEP_RANGE:
            raise InputError(
                f"times repeat or are unevenly spaced, by the steps of the engine: frame "
                f"{before.frame} (step {before.step}) is followed by frame {frame} (step {step}), "
                f"and others lie {self.step_spacing} "
                "steps apart; " + remedy_of(step <= before.step)
            )

    def of_frames(self, read: np.ndarray) -> np.ndarray:
        """Times of all analysed frames, on the scale of the spacing.

        Those that were read, where they have that spacing, else its multiples.

        Parameters
        ----------
        read : numpy.ndarray
            Shape (frames,), ps: as the reader gave them.

        Returns
        -------
        numpy.ndarray
            Shape (frames,), ps.
        """
        apart = (read[-1] - read[0]) / (len(read) - 1)
        if apart == self.spacing or abs(apart - self.spacing) <= NOTICED * self.spacing:
            return read
        first = read[0] * self.spacing / apart if apart > 0 and self.dt_given else read[0]
        return np.asarray(first + self.spacing * np.arange(len(read)))

    @property
    def described(self) -> str:
        """Spacing and its source, one line of text."""
        text = f"{self.spacing:g} ps apart"
        if self.n_frames:
            text = (
                f"{self.n_frames} frames, {text}, {(self.n_frames - 1) * self.spacing:g} ps in all"
            )
        if self.dt_given:
            return f"{text}, as given by dt"
        if self.source is None:
            return text
        return f"{text}; times are {self.source.text}{_doubt(self.source)}"


def _doubt(source: TimeSource) -> str:
    """A caveat about times from a header."""
    if not source.computed:
        return ""
    return ", which in some programs holds the time step of the engine instead: check it"


def frame_times(first: float, last: float, n_frames: int, dt: float | None) -> FrameTimes:
    """Spacing of the analysed frames from the times of the first and the last.

    Parameters
    ----------
    first, last : float
        ps, as the reader gave them.
    n_frames : int
    dt : float, optional
        The true spacing in ps, when the times in the file are wrong by a factor.

    Returns
    -------
    FrameTimes

    Raises
    ------
    InputError
        If the last frame is not later than the first, and for arguments that are no numbers.
    """
    first = number("first", first, "the time of the first frame in ps")
    last = number("last", last, "the time of the last frame in ps")
    remedy = "give the number of analysed frames"
    n_frames = whole("n_frames", n_frames, least=2, most=2**62, remedy=remedy)
    if dt is not None:
        dt = positive("dt", dt, "ps", "give the true spacing of the analysed frames, or None")
    spacing = (last - first) / (n_frames - 1)
    resolution = float(np.spacing(np.float32(max(abs(first), abs(last)))))
    tolerance = 2 * resolution + 1e-5 * abs(spacing)
    if dt is not None:
        return FrameTimes(first, dt, tolerance, spacing if spacing > 0 else None)
    if not spacing > 0:
        raise InputError(
            f"times do not increase: the first analysed frame is at {first:g} ps and the last at "
            f"{last:g} ps; give the true spacing of the analysed frames with dt=... {_DT}"
        )
    return FrameTimes(first, spacing, tolerance, spacing)


def settle_times(
    stamp: Callable[[int], Stamp],
    numbers: np.ndarray,
    source: TimeSource,
    first_pair: tuple[Stamp, Stamp] | None,
    *,
    dt: float | None = None,
    uneven: str = "refuse",
    told: str = "dt",
) -> tuple[FrameTimes, list[tuple[str, bool]]]:
    """Spacing of the analysed frames; refused where a sample of them is unevenly spaced.

    Parameters
    ----------
    stamp : callable
        Returns the stamp of an analysed frame, by its position among these.
    numbers : numpy.ndarray
        Their numbers in the trajectory, without repeated frames.
    source : TimeSource
        Of the trajectory.
    first_pair : tuple of Stamp or None
        The first two frames of the trajectory, whether analysed or not.
    dt : float, optional
        The true spacing of the analysed frames, ps.
    uneven : str
        One of `UNEVEN`.
    told : str
        Who gave `dt`, for messages.

    Returns
    -------
    times : FrameTimes
    notes : list of (str, bool)
        Warnings, and whether they are issued as Python warnings.

    Raises
    ------
    InputError
        For times that MDAnalysis made up, that contradict the spacing given by the reader, that
        repeat or are uneven, or that are too coarse.
    """
    n = len(numbers)
    notes: list[tuple[str, bool]] = []
    if dt is None:
        notes += _check_known(source, first_pair)
        notes += [(_ASSUMED, True)] if source.assumed else []
    places = np.unique(np.append([0, 1, n - 1], np.linspace(0, n - 1, min(n, SAMPLE)).astype(int)))
    sample = {int(k): stamp(int(k)) for k in places}
    listed = list(sample.values())
    by_steps, by_times = steps_tell(listed), times_tell(listed, source)
    even = EvenSample(stamp, sample, by_times, by_steps, told == "dt")
    if uneven != "accept":
        if not by_times and not by_steps:
            check_even_numbers(numbers)
        if by_steps and by_times and even.only_steps_begin_anew():
            notes.append((_STEPS_BEGIN_ANEW, True))
            even.by_steps = by_steps = False
        even.check()
    first, last = listed[0].time, listed[-1].time
    fine = None
    if dt is None and by_steps and by_times:
        fine = _spacing_from_steps(listed[0], listed[-1], n)
    several = source.computed and len({s.file for s in listed}) > 1 and not by_times
    several |= not by_steps and not by_times and counted_by_file(listed, source)
    if several:
        notes.append((_FILES_COUNT_ANEW, True))
        fine = None if source.dt is None else source.dt * (numbers[-1] - numbers[0]) / (n - 1)
    elif dt is None and not by_times and not by_steps and last > first:
        # times that count frames include the dropped ones
        counted = listed[-1].frame - listed[0].frame
        if counted != numbers[-1] - numbers[0]:
            fine = (last - first) / counted * (numbers[-1] - numbers[0]) / (n - 1)
    times = frame_times(first, last, n, fine if dt is None else dt)
    read = times.read_spacing
    if dt is not None:
        notes += _scale_notes(dt, read if by_times else None, source, numbers, told)
    notes += _check_coarse(times, listed, n, source, fine, dt)
    settled = FrameTimes(
        times.first,
        times.spacing,
        times.tolerance,
        read if by_times else None,
        even.step_spacing if by_steps else None,
        uneven,
        source,
        n,
        dt is not None,
    )
    return settled, notes


def _scale_notes(
    dt: float, read: float | None, source: TimeSource, numbers: np.ndarray, told: str
) -> list[tuple[str, bool]]:
    """What a `dt` that was given says against the file, or leaves to be misunderstood.

    read: spacing of the analysed frames by the times of the file, ps, where it holds them.
    """
    stride = (numbers[-1] - numbers[0]) / (len(numbers) - 1)
    every = stride if stride > 1 and told == "dt" else 1.0
    known = 0.0 if source.assumed else (source.dt or 0.0) * stride
    known = known if read is None else read
    if every > 1 and abs(known / every - dt) <= SAME * dt:
        text = (
            f"dt={dt:g} ps is the spacing of all frames, and one in {every:g} of them is analysed: "
            f"dt is the spacing of the analysed frames, {known:g} ps here, and with dt={dt:g} "
            f"every coefficient is {every:g} times too large"
        )
        return [(text, True)]
    notes = []
    if read is not None and abs(read - dt) > SAME * dt:
        given = "" if told == "dt" else f", as {told},"
        notes.append((f"dt={dt:g} ps{given} replaces the {read:g} ps of the file", told != "dt"))
    elif every > 1 and abs(known - dt) > SAME * dt:
        text = (
            f"dt={dt:g} ps is taken for the spacing of the analysed frames, one in "
            f"{every:g} of the trajectory: its frames are then {dt / every:g} ps apart"
        )
        notes.append((text, False))
    return notes


def first_pair_of(trajectory: Any) -> tuple[Stamp, Stamp] | None:
    """Stamps of the first two frames, if they are in one file."""
    starts = file_starts(trajectory)
    if trajectory.n_frames < 2 or (len(starts) > 1 and starts[1] < 2):
        return None
    return stamp_of(trajectory[0], starts), stamp_of(trajectory[1], starts)


class Account(NamedTuple):
    """The spacing of the frames of a trajectory, for the user.

    Attributes
    ----------
    text : str
        Spacing and its source.
    needs_dt : bool
        Whether the file holds no times.
    """

    text: str
    needs_dt: bool


def account_of_times(trajectory: Any, dt: float | None = None) -> Account:
    """The spacing of the frames of a trajectory, and its source.

    Parameters
    ----------
    trajectory : MDAnalysis reader
    dt : float, optional
        As the user gave it, ps.
    """
    n = int(trajectory.n_frames)
    if dt is not None:
        text = f"{n} frames, {dt:g} ps apart, {(n - 1) * dt:g} ps in all, as given by dt"
        return Account(text, needs_dt=False)
    source, starts = time_source(trajectory), file_starts(trajectory)
    if source.kind == "invented":
        return Account(f"{n} frames; times are {source.text}", needs_dt=True)
    if n < 3:
        return Account(f"{n} frames", needs_dt=False)
    try:
        times, _ = settle_times(
            lambda k: stamp_of(trajectory[k], starts),
            np.arange(n),
            source,
            first_pair_of(trajectory),
        )
    except InputError as error:
        return Account(f"{n} frames; {error}", needs_dt=False)
    return Account(times.described, needs_dt=False)


def _check_known(
    source: TimeSource, first_pair: tuple[Stamp, Stamp] | None
) -> list[tuple[str, bool]]:
    """Refuse times that MDAnalysis made up, and readers that contradict themselves."""
    between = ""
    if first_pair is not None and first_pair[0].step >= 0 and source.kind == "invented":
        between = (
            f"; frames {first_pair[0].frame} and {first_pair[1].frame} are steps "
            f"{first_pair[0].step} and {first_pair[1].step}"
        )
    if source.kind == "invented":
        raise InputError(
            f"dt=None, and the times of the frames are {source.text}{between}. Give dt=..., the "
            f"true spacing of the analysed frames {_DT}: the time step of the engine times the "
            "number of steps between analysed frames"
        )
    if first_pair is None or not source.dt:
        return []
    apart = first_pair[1].time - first_pair[0].time
    resolution = float(np.spacing(np.float32(max(abs(s.time) for s in first_pair))))
    if abs(apart - source.dt) > SAME * abs(source.dt) + 2 * resolution:
        steps = first_pair[1].step - first_pair[0].step
        why = ""
        if source.kind == "given" and steps > 1 and abs(apart - steps * source.dt) < SAME * apart:
            if source.dt <= TIME_STEP:
                text = (
                    f"frames are {apart:g} ps apart, {steps} steps of dt={source.dt:g} ps: "
                    "MDAnalysis multiplies the given dt by the steps of the engine in this format"
                )
                return [(text, False)]
            why = "; MDAnalysis multiplies it by the steps of the engine in this format"
        raise InputError(
            f"dt=None, and the reader contradicts itself: trajectory.dt is {source.dt:g} ps, but "
            f"{first_pair[0]} and {first_pair[1]} are {apart:g} ps apart (times are "
            f"{source.text}{why}). Give dt=..., the true spacing of the analysed frames {_DT}"
        )
    return []


def _spacing_from_steps(first: Stamp, last: Stamp, n: int) -> float | None:
    """Spacing from even steps and the time step of the engine, if time = step x time step.

    Far from zero the ratio of time and step is more precise than a difference of times.
    """
    if last.step <= 0 or last.step <= first.step:
        return None
    time_step = last.time / last.step
    resolution = float(np.spacing(np.float32(abs(last.time))))
    if not time_step > 0 or abs(first.time - time_step * first.step) > resolution:
        return None
    spacing = time_step * (last.step - first.step) / (n - 1)
    apart = (last.time - first.time) / (n - 1)
    coarse = resolution > NOTICED * max((n - 1) * apart, resolution)
    return spacing if coarse else None


def _check_coarse(
    times: FrameTimes,
    sample: list[Stamp],
    n: int,
    source: TimeSource,
    fine: float | None,
    dt: float | None,
) -> list[tuple[str, bool]]:
    """Refuse, or warn of, a spacing that single precision makes too inexact."""
    single = all(float(np.float32(s.time)) == s.time for s in sample)
    exact = dt is not None or fine is not None or source.computed
    if exact or source.kind != "file" or not single:
        return []
    resolution = float(np.spacing(np.float32(max(abs(s.time) for s in sample))))
    error = resolution / ((n - 1) * times.spacing)
    text = (
        f"times around {shown(sample[-1].time)} ps are stored in steps of {resolution:.2g} ps "
        f"(single precision), and the {n} analysed frames span {(n - 1) * times.spacing:g} ps: "
        f"their spacing of {times.spacing:g} ps may be wrong by {error:.2%}, and every coefficient "
        "with it"
    )
    if error > REFUSED:
        raise InputError(f"{text}; give the true spacing of the analysed frames, dt=... {_DT}")
    return [(f"{text}; give it with dt=...", True)] if error > SAID else []
