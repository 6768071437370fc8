"""Spacing of frames from their stamps alone: evenness, times that are given, times too coarse."""

from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.trajectory.even_spacing import EvenSample, check_even_numbers, remedy_of
from mda_ionmech.trajectory.frame_times import (
    FrameTimes,
    _spacing_from_steps,
    account_of_times,
    first_pair_of,
    settle_times,
)
from mda_ionmech.trajectory.time_sources import Stamp, TimeSource

FILE = TimeSource("file", None, "those of the file")
HEADER = TimeSource("file", 0.5, "those of the header (DCD)", computed=True)
GIVEN = TimeSource("given", 0.5, "made from dt=0.5 ps")
MADE_UP = TimeSource("invented", None, "not in the file (XYZ)")
SINGLE = np.float32
#: The first two frames of a trajectory, half a picosecond apart.
PAIR = Stamp(0, 0.0), Stamp(1, 0.5, place=1)


def settled(times, source=FILE, *, steps=None, numbers=None, starts=(0,), pair=None, **options):
    """`settle_times` of analysed frames with these times and steps."""
    n = len(times)
    numbers = np.arange(n) if numbers is None else np.asarray(numbers)
    steps = [-1] * n if steps is None else steps

    def stamp(k):
        frame = int(numbers[k])
        file = max(f for f, start in enumerate(starts) if start <= frame)
        return Stamp(frame, float(times[k]), int(steps[k]), file, frame - starts[file])

    first = (stamp(0), stamp(1)) if pair is None else pair
    return settle_times(stamp, numbers, source, first, **options)


def test_the_spacing_is_that_of_the_first_and_the_last():
    found, notes = settled(3 + 0.25 * np.arange(41))
    assert (found.first, found.spacing, found.read_spacing) == (3.0, 0.25, 0.25)
    assert (found.step_spacing, found.n_frames, found.dt_given, notes) == (None, 41, False, [])
    assert found.tolerance == pytest.approx(2 * np.spacing(SINGLE(13.0)) + 1e-5 * 0.25)
    assert found.described == (
        "41 frames, 0.25 ps apart, 10 ps in all; times are those of the file"
    )
    found, notes = settled(0.5 * np.arange(9), HEADER)
    assert (found.spacing, found.read_spacing, notes) == (0.5, None, [])
    assert found.described.endswith("the time step of the engine instead: check it")
    found, _ = settled(0.5 * np.arange(9), steps=100 * np.arange(9))
    assert (found.read_spacing, found.step_spacing) == (0.5, 100)


def test_times_need_not_be_even_to_the_last_digit():
    # a hundred-thousandth of the spacing, beside what single precision knows
    times, off = 1000.0 * np.arange(5), np.arange(5) == 3
    for sign in (-1, 1):
        settled(times + sign * 9e-3 * off)
        with pytest.raises(InputError, match="unevenly spaced"):
            settled(times + sign * 13e-3 * off)


@pytest.mark.parametrize(("off", "even"), [(0.11, True), (-0.11, True), (0.15, False)])
def test_far_from_zero_times_are_even_to_twice_their_resolution(off, even):
    # single precision knows times around a microsecond to 0.0625 ps
    stamps = {k: Stamp(k, 1e6 + 100.0 * k + off * (k == 2)) for k in range(5)}
    found = EvenSample(stamps.__getitem__, stamps, by_times=True, by_steps=False)
    assert found._times_even() is even


@pytest.mark.parametrize("at", [1, 2, 17, 48, 49])
@pytest.mark.parametrize("by", ["times", "steps", "both"])
def test_the_first_pair_that_is_uneven_is_named(at, by):
    times, steps = 0.5 * np.arange(50), 10 * np.arange(50)
    if by != "steps":
        times[at:] += 0.5
    if by != "times":
        steps[at:] += 10
    source = FILE if by != "steps" else MADE_UP
    options = {"steps": None if by == "times" else steps}
    if by == "steps":
        options |= {"dt": 0.5}
    with pytest.raises(InputError, match="times repeat or are unevenly spaced") as caught:
        settled(times, source, **options)
    said = str(caught.value)
    if at > 1:
        assert f"frame {at - 1} (" in said
        assert f"is followed by frame {at} (" in said
        apart = "10 steps apart" if by == "steps" else "0.5 ps apart"
        assert f"frames are {apart} from frame 0 (" in said
    assert ("ps)" in said) == (by != "steps")
    assert "uneven='drop'" not in said
    # it is no error where that is accepted
    found, _ = settled(times, source, uneven="accept", **options)
    assert found.uneven == "accept"


def test_frames_that_go_back_can_be_dropped():
    times = np.concatenate([np.arange(20.0), np.arange(15.0, 40.0)])
    with pytest.raises(
        InputError, match=r"frame 19 \(19 ps\) is followed by frame 20 \(15 ps\)"
    ) as c:
        settled(times)
    assert "if a restart wrote frames again, uneven='drop' omits the earlier copies" in str(c.value)
    for goes_back in (True, False):
        assert ("uneven='drop'" in remedy_of(goes_back)) == goes_back
        assert "uneven='accept' treats" in remedy_of(goes_back)
    with pytest.raises(InputError, match=r"frame 0 \(1 ps\) is followed by frame 1 \(0 ps\)"):
        settled([1.0, 0.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"frame 0 \(step 5\) is followed by frame 1 \(step 5\)"):
        settled([0.0] * 4, MADE_UP, steps=[5, 5, 10, 15], dt=1.0)


def test_a_step_that_comes_twice_can_be_dropped():
    for steps, again in (([0, 10, 20, 20, 30], True), ([0, 10, 20, 35, 45], False)):
        with pytest.raises(InputError, match=r"frame 2 .* is followed by frame 3") as caught:
            settled(0.5 * np.arange(5), steps=steps)
        assert ("uneven='drop'" in str(caught.value)) == again


def test_steps_in_32_bits_may_overflow():
    steps = (2**32 - 25 + 10 * np.arange(40)) % 2**32
    found, _ = settled(0.5 * np.arange(40), steps=steps)
    assert found.step_spacing == 10


def test_steps_that_begin_anew_in_each_file_leave_the_times():
    steps = np.concatenate([10 * np.arange(20), 25 * np.arange(20)])
    found, notes = settled(0.5 * np.arange(40), steps=steps, starts=(0, 20))
    assert found.step_spacing is None
    assert found.read_spacing == 0.5
    ((text, loud),) = notes
    assert loud
    assert text.startswith("the steps of the engine restart or change their spacing where a file")
    # inside a file they may not
    with pytest.raises(InputError, match="unevenly spaced"):
        settled(0.5 * np.arange(40), steps=steps)
    uneven = np.concatenate([10 * np.arange(20), 25 * np.arange(19), [999]])
    with pytest.raises(InputError, match="unevenly spaced"):
        settled(0.5 * np.arange(40), steps=uneven, starts=(0, 20))
    # and steps that go down do so in no engine
    with pytest.raises(InputError, match="unevenly spaced"):
        settled(0.5 * np.arange(40), steps=1000 - 10 * np.arange(40))
    # nor may times be uneven as well
    times = 0.5 * np.arange(40) + 3 * (np.arange(40) >= 20)
    with pytest.raises(InputError, match="unevenly spaced"):
        settled(times, steps=steps, starts=(0, 20))


@pytest.mark.parametrize(
    ("step", "files", "anew"),
    [
        (lambda k: 10 * (k % 4), 2, True),
        (lambda k: 10 * k, 2, False),  # even throughout
        (lambda k: -10 * k, 1, False),  # steps that go back in one file do not begin anew
        (lambda k: 7, 1, False),
        (lambda k: 10 * (k % 4) + 5 * (k == 6), 2, False),  # nor do those uneven in one of two
    ],
)
def test_steps_begin_anew_only_with_another_file(step, files, anew):
    stamps = {k: Stamp(k, 0.5 * k, step(k), k // 4 if files == 2 else 0, k) for k in range(8)}
    even = EvenSample(stamps.__getitem__, stamps, by_times=True, by_steps=True, show_times=True)
    assert even.only_steps_begin_anew() is anew


@pytest.mark.parametrize("each", [0, -10])
def test_steps_that_stand_still_or_go_back_are_uneven(each):
    stamps = {k: Stamp(k, 0.5 * k, 100 + each * k, 0, k) for k in range(8)}
    even = EvenSample(stamps.__getitem__, stamps, by_times=False, by_steps=True, show_times=True)
    with pytest.raises(InputError, match=r"frame 0 .* is followed by frame 1 "):
        even.check()


def test_numbers_of_frames_count_where_nothing_else_is_known():
    check_even_numbers(np.array([3, 5, 7]))
    for numbers, said in (
        ([0, 1, 2, 9], "frame 0 is followed by frame 1, but frame 2 by frame 9, and no times"),
        ([0, 1, 3, 5], "frame 0 is followed by frame 1, but frame 1 by frame 3, and no times"),
        ([0, 5, 3], "not in the order of time: frame 5 is followed by frame 3"),
        ([0, 5, 5], "not in the order of time: frame 5 is followed by frame 5"),
        ([4, 2, 0], "not in the order of time: frame 4 is followed by frame 2"),
    ):
        with pytest.raises(InputError, match=said):
            check_even_numbers(np.array(numbers))
        with pytest.raises(InputError, match=said):
            settled(0.5 * np.array(numbers), GIVEN, numbers=numbers, pair=PAIR)
    found, _ = settled(0.5 * np.array([0, 2, 4, 6]), GIVEN, numbers=[0, 2, 4, 6], pair=PAIR)
    assert found.spacing == 1.0


def test_times_that_mdanalysis_made_up_are_refused():
    with pytest.raises(InputError, match=r"times of the frames are not in the file \(XYZ\)\. Give"):
        settled(np.arange(9.0), MADE_UP)
    with pytest.raises(InputError, match=r"\(XYZ\); frames 0 and 1 are steps 0 and 7\. Give dt"):
        settled(np.arange(9.0), MADE_UP, steps=7 * np.arange(9))
    found, notes = settled(np.arange(9.0), MADE_UP, dt=2.0)
    assert (found.spacing, found.dt_given, notes) == (2.0, True, [])
    assumed = TimeSource("given", 1.0, "multiples of the dt", assumed=True)
    _, ((text, loud),) = settled(np.arange(9.0), assumed)
    assert loud
    assert "MDAnalysis takes frames in memory to be 1 ps apart" in text
    assert settled(np.arange(9.0), assumed, dt=1.0)[1] == []


def test_readers_that_contradict_themselves_are_refused():
    header = TimeSource("file", 1.0, "those of the file (X)")
    settled(1.0005 * np.arange(9), header)
    said = (
        r"trajectory.dt is 1 ps, but frame 0 \(0 ps\) and frame 1 \(1.002 ps\) are 1.002 ps apart"
    )
    with pytest.raises(InputError, match=said):
        settled(1.002 * np.arange(9), header)
    # far from zero single precision knows no better
    settled((1e6 + 1.05 * np.arange(90)).astype(SINGLE), header)
    settled(1.002 * np.arange(9), header, dt=1.0)
    settled(1.002 * np.arange(9), header, pair=(Stamp(0, 0.0), Stamp(1, 1.0)))
    # the dt that was given times the steps of the engine
    for dt, fine in ((0.002, True), (0.005, True), (0.01, False)):
        steps = 250 * np.arange(9)
        source = TimeSource("given", dt, f"made from dt={dt} ps")
        if fine:
            found, ((text, loud),) = settled(dt * steps, source, steps=steps)
            assert not loud
            assert f"frames are {250 * dt:g} ps apart, 250 steps of dt={dt:g} ps" in text
            assert found.spacing == pytest.approx(250 * dt)
        else:
            with pytest.raises(InputError, match="multiplies it by the steps of the engine"):
                settled(dt * steps, source, steps=steps)


def test_what_is_said_of_a_dt_that_replaces_the_times_of_the_file():
    for dt, said in (
        (0.5, []),
        (0.5004, []),
        (0.501, [("dt=0.501 ps replaces the 0.5 ps of the file", False)]),
        (2.0, [("dt=2 ps replaces the 0.5 ps of the file", False)]),
    ):
        found, notes = settled(0.5 * np.arange(9), dt=dt)
        assert (found.spacing, found.dt_given) == (dt, True)
        assert notes == said
        assert found.described == f"9 frames, {dt:g} ps apart, {8 * dt:g} ps in all, as given by dt"
    _, notes = settled(0.5 * np.arange(9), dt=2.0, told="the detector says")
    assert notes == [("dt=2 ps, as the detector says, replaces the 0.5 ps of the file", True)]


def test_a_dt_of_all_frames_where_some_are_analysed_is_said_loudly():
    every = 4 * np.arange(9)
    _, ((text, loud),) = settled(0.5 * every, numbers=every, dt=0.5)
    assert loud
    assert (
        "and one in 4 of them is analysed: dt is the spacing of the analysed frames, 2 ps" in text
    )
    assert "every coefficient is 4 times too large" in text
    assert settled(0.5 * every, numbers=every, dt=2.0)[1] == []
    assert settled(0.5 * every, numbers=every, dt=2.001)[1] == []
    # where the file holds a spacing, and where it holds none
    _, ((text, loud),) = settled(0.5 * every, GIVEN, numbers=every, dt=3.0)
    assert not loud
    assert text.endswith("one in 4 of the trajectory: its frames are then 0.75 ps apart")
    _, ((text, loud),) = settled(1.0 * every, MADE_UP, numbers=every, dt=3.0)
    assert not loud
    _, ((text, loud),) = settled(0.5 * every, GIVEN, numbers=every, dt=0.5)
    assert loud
    assert settled(0.5 * every, GIVEN, numbers=every, dt=2.0)[1] == []


def test_far_from_zero_steps_tell_the_spacing():
    steps = 10**9 + 50 * np.arange(101)
    times = (0.002 * steps).astype(SINGLE)  # known to 0.125 ps
    found, notes = settled(times, steps=steps)
    assert found.spacing == pytest.approx(0.1, rel=1e-6)
    assert notes == []
    # without them it is refused, said, or neither
    exact = 2e6 + 0.1 * np.arange(101)
    with pytest.raises(
        InputError, match=r"around 2000010 ps are stored in steps of 0.12 ps.*1.25%"
    ):
        settled(exact.astype(SINGLE), numbers=np.arange(101))
    long = (2e6 + 10.0 * np.arange(10)).astype(SINGLE)
    _, ((text, loud),) = settled(long)
    assert loud
    assert "their spacing of 10 ps may be wrong by 0.14%" in text
    assert settled((2e6 + 100.0 * np.arange(10)).astype(SINGLE))[1] == []
    assert settled(exact.astype(SINGLE), dt=0.1)[0].spacing == 0.1
    # times that are not multiples of the step leave the times as they are
    shifted = (5000 + 0.002 * 50 * np.arange(101)).astype(SINGLE)
    found, _ = settled(shifted, steps=50 * np.arange(101))
    assert found.spacing == (float(shifted[-1]) - 5000) / 100


def test_steps_are_asked_where_times_are_coarser_than_a_millionth_of_all():
    # times around 1000 ps are known to 6.1e-5 ps
    for span, spacing in ((60.0, 60.0), (62.0, None), (150.0, None)):
        first = Stamp(0, 1000.0 - span, int(10 * (1000 - span)))
        assert _spacing_from_steps(first, Stamp(1, 1000.0, 10_000), 2) == spacing
    first = Stamp(0, 1000.0 - 60.0, 9400)
    assert _spacing_from_steps(first, Stamp(4, 1000.0, 10_000), 5) == 15.0


def test_files_whose_headers_begin_at_one_time_follow_one_another():
    times = np.concatenate([0.5 * np.arange(10)] * 2)
    found, ((text, loud),) = settled(times, HEADER, starts=(0, 10))
    assert loud
    assert text.startswith("the times of every file begin at the same value")
    assert found.spacing == 0.5
    given, ((text, loud),) = settled(times, GIVEN, starts=(0, 10))
    assert loud
    assert given.spacing == 0.5
    # of every other frame
    numbers = 2 * np.arange(10)
    found, _ = settled(times[numbers], HEADER, numbers=numbers, starts=(0, 10), pair=PAIR)
    assert found.spacing == 1.0


def test_times_that_count_frames_do_not_count_those_that_were_dropped():
    # frames 4 and 5 were dropped: numbers of the others go on, and so do the times they stand for
    source, frames = GIVEN, np.array([0, 1, 2, 3, 6, 7, 8])

    def stamp(k):
        return Stamp(int(frames[k]), 0.5 * int(frames[k]), -1, 0, int(frames[k]))

    pair = stamp(0), stamp(1)
    found, notes = settle_times(stamp, np.arange(7), source, pair)
    assert found.spacing == pytest.approx(0.5)
    assert notes == []
    even, _ = settle_times(stamp, np.arange(0, 14, 2), source, pair)
    assert even.spacing == pytest.approx(1.0)
    # the first frames need not be analysed
    frames = frames + 3
    later, _ = settle_times(stamp, 3 + np.arange(7), source, PAIR)
    assert later.spacing == pytest.approx(0.5)


def test_frames_are_held_against_the_spacing_one_by_one():
    times = FrameTimes(2.0, 0.5, 0.01, read_spacing=0.5, step_spacing=10)
    before = Stamp(7, 3.0, 20)
    times.check(3, 8, 3.5, step=30, before=before)
    times.check(3, 8, 3.51, step=30, before=before)
    times.check(3, 8, 3.5)
    times.check(3, 8, 3.5, step=30 + 2**32, before=before)
    for time, step, said in (
        (
            3.52,
            30,
            r"frame 8 is at 3.52 ps, even spacing of 0.5 ps puts it at 3.5 ps, after frame 7",
        ),
        (3.48, 30, "frame 8 is at 3.48 ps"),
        (np.nan, 30, "frame 8 is at nan ps"),
        (
            3.5,
            31,
            r"frame 7 \(step 20\) is followed by frame 8 \(step 31\), and others lie 10 steps",
        ),
    ):
        with pytest.raises(InputError, match=said) as caught:
            times.check(3, 8, time, step=step, before=before)
        assert "uneven='drop'" not in str(caught.value)
    for time, step in ((3.0, 30), (3.01, 30), (3.5, 20), (3.5, 10)):
        with pytest.raises(InputError, match="uneven='drop'"):
            times.check(3, 8, time, step=step, before=before)
    FrameTimes(2.0, 0.5, 0.01, 0.5, 10, uneven="accept").check(3, 8, 9.0, step=0, before=before)
    FrameTimes(2.0, 0.5, 0.01).check(3, 8, 9.0, step=0, before=before)


def test_times_of_all_frames_are_on_the_scale_of_the_spacing():
    read = 4 + 0.5 * np.arange(5)
    assert FrameTimes(4.0, 0.5, 0.01).of_frames(read) is read
    assert FrameTimes(4.0, 0.5 * (1 + 5e-7), 0.01).of_frames(read) is read
    fine = FrameTimes(4.0, 0.51, 0.01).of_frames(read)
    np.testing.assert_allclose(fine, 4 + 0.51 * np.arange(5))
    # a dt that was given stretches the first time as well
    given = FrameTimes(4.0, 1.0, 0.01, dt_given=True).of_frames(read)
    np.testing.assert_allclose(given, 8 + np.arange(5))
    still = FrameTimes(4.0, 1.0, 0.01, dt_given=True).of_frames(np.full(3, 4.0))
    np.testing.assert_allclose(still, 4 + np.arange(3))
    assert FrameTimes(4.0, 0.5, 0.01).described == "0.5 ps apart"


class Frames:
    """A trajectory of single frames in files that begin at some of them."""

    def __init__(self, n, starts=(0,)):
        self.n_frames, self._start_frames = n, starts
        self.format, self.ts, self._kwargs = "XTC", SimpleNamespace(data={"time": 0.0}), {}

    def __getitem__(self, k):
        return SimpleNamespace(frame=k, time=0.25 * k, data={})


def test_the_first_two_frames_are_a_pair_where_one_file_holds_both():
    for n, starts, there in (
        (1, (0,), False), (2, (0,), True), (9, (0, 5), True), (9, (0, 2, 7), True),
        (9, (0, 1), False), (9, (0, 1, 2), False),
    ):  # fmt: skip
        pair = first_pair_of(Frames(n, starts))
        assert pair == ((Stamp(0, 0.0), Stamp(1, 0.25, place=1)) if there else None)


def test_two_frames_show_no_spacing_and_need_none():
    assert account_of_times(Frames(2)) == ("2 frames", False)
    text, needs_dt = account_of_times(Frames(3))
    assert text.startswith("3 frames, 0.25 ps apart, 0.5 ps in all; times are those of the file")
    assert not needs_dt
