"""Which frames a restart repeats: by times, by steps, by coordinates."""

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.trajectory.repeated_frames import (
    _even_key,
    counted_by_file,
    describe_dropped,
    drop_repeats,
    fingerprint,
    frames_without_repeats,
    recognising_atoms,
    repeated_stretch,
    same_frame,
    steps_tell,
    times_tell,
    without_repeats,
)
from mda_ionmech.trajectory.time_sources import Stamp, TimeSource

from ..builders import make_universe

FILE = TimeSource("file", None, "those of the file")


def stamps(times, steps=None, starts=(0,)):
    """Stamps of consecutive frames, of files that begin at these frames."""
    steps = [-1] * len(times) if steps is None else steps
    out = []
    for frame, (time, step) in enumerate(zip(times, steps, strict=True)):
        file = max(k for k, start in enumerate(starts) if start <= frame)
        out.append(Stamp(frame, time, step, file, frame - starts[file]))
    return out


def test_steps_are_those_of_an_engine_unless_they_count_frames():
    for steps, starts, tell in (
        ([0, 500, 1000], (0,), True),
        ([0, 1, 2, 3], (0,), False),
        ([7, 8, 9], (0,), False),
        ([0, 1, 0, 1], (0, 2), False),  # anew in each file
        ([0, 1, 5, 6], (0, 2), True),
        ([-1, 500, 1000], (0,), False),
        ([5, 5, 5], (0,), False),
        ([0, 0, 1], (0,), True),
    ):
        assert steps_tell(stamps([0.0] * len(steps), steps, starts)) == tell, steps


def test_times_are_those_of_a_file_unless_they_count_something():
    header = TimeSource("file", 0.5, "those of the header", computed=True)
    given = TimeSource("given", 0.5, "made from dt")
    made_up = TimeSource("invented", None, "not in the file")
    for source, times, steps, starts, tell in (
        (FILE, [0.0, 1.0, 2.0], None, (0,), True),
        (FILE, [3.0, 3.0, 3.0], None, (0,), False),
        (made_up, [0.0, 1.0, 2.0], None, (0,), False),
        # from a header: a count of frames, unless the files begin at different times
        (header, [4.0, 4.5, 5.0], None, (0,), False),
        (header, [0.0, 0.5, 0.0, 0.5], None, (0, 2), False),
        (header, [0.0, 0.5, 1.0, 1.5], None, (0, 2), True),
        (header, [0.0, 0.5, 1e-6, 0.5 + 1e-6], None, (0, 2), True),
        (header, [0.0, 0.5, 1e-7, 0.5 + 1e-7], None, (0, 2), False),
        # multiples of a dt that was given, for each frame, place or step
        (given, [0.0, 0.5, 1.0, 1.5], None, (0, 2), False),
        (given, [0.0, 0.5, 0.0, 0.5], None, (0, 2), False),
        (given, [0.0, 50.0, 100.0], [0, 100, 200], (0,), False),
        (given, [0.0, 0.5, 1.25], None, (0,), True),
        (given, [1e6, 1e6 + 0.5, 1e6 + 1.25], None, (0,), False),  # seven digits
    ):
        assert times_tell(stamps(times, steps, starts), source) == tell, (source.text, times)
    anew = stamps([0.0, 0.5, 0.0, 0.5], starts=(0, 2))
    on = stamps([0.0, 0.5, 1.0, 1.5], starts=(0, 2))
    assert counted_by_file(anew, given)
    assert not counted_by_file(on, given)
    assert not counted_by_file(anew, FILE)
    assert not counted_by_file(anew, TimeSource("given", 0.0, "made from dt"))
    assert not counted_by_file(stamps([0.0, 0.5]), given)


def test_of_frames_with_one_time_the_last_is_kept():
    for keys, kept in (
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 1, 2, 1, 2, 3], [0, 3, 4, 5]),
        ([0, 1, 2, 2, 3], [0, 1, 3, 4]),
        ([0, 1, 2, 1.05, 2, 3], [0, 3, 4, 5]),
        ([0, 1, 2, 1.15, 2, 3], [0, 1, 3, 4, 5]),
        ([0, 3, 6, 2, 5], [0, 3, 4]),
        ([0, 0, 1], [1, 2]),  # the first written twice is no second run
    ):
        found = without_repeats(np.array(keys, dtype=float), 0.1, keys)
        assert found.tolist() == kept, keys
    for keys, at in (([0, 1, 2, 0, 1], 3), ([0, 1, 0.05, 1], 2), ([5, 6, 3, 4], 2)):
        names = [f"frame {k}" for k in range(len(keys))]
        with pytest.raises(InputError, match=f"but frame {at} goes back to or before .* frame 0:"):
            without_repeats(np.array(keys, dtype=float), 0.1, names)


def test_frames_are_ordered_by_times_and_where_those_are_too_coarse_by_steps():
    times = [1.0, 2.0, 4.0]
    key, tolerance = _even_key(stamps(times, [0, 10, 30]), FILE)
    assert (key.tolist(), tolerance) == (times, 2 * np.spacing(np.float32(4.0)))
    # at 1e8 ps single precision knows 8 ps
    coarse = stamps([1e8, 1e8 + 8, 1e8 + 16], [0, 10, 20])
    key, tolerance = _even_key(coarse, FILE)
    assert (key.tolist(), tolerance) == ([0, 10, 20], 0.5)
    assert _even_key(stamps([1e8, 1e8 + 8, 1e8 + 16]), FILE) is None
    key, _ = _even_key(stamps([1e8, 1e8 + 40, 1e8 + 80], [0, 10, 20]), FILE)
    assert key[1] == 1e8 + 40


def test_repeats_are_dropped_by_times_or_equal_coordinates():
    positions = np.arange(6.0)[:, None, None] * np.ones((6, 3, 3))
    positions[3] = positions[2]
    u = make_universe(positions)
    memory = TimeSource("given", 1.0, "multiples of dt")
    kept, dropped = drop_repeats(u.trajectory, np.arange(6), memory)
    assert (kept.tolist(), dropped.tolist()) == ([0, 1, 2, 4, 5], [3])
    kept, dropped = drop_repeats(u.trajectory, np.array([1, 2, 4]), memory)
    assert (kept.tolist(), dropped.tolist()) == ([1, 2, 4], [])
    kept, dropped = drop_repeats(u.trajectory, np.array([], dtype=int), memory)
    assert len(kept) == len(dropped) == 0
    for options, frames, gone in (
        ({"start": 1}, [1, 2, 4, 5], [3]),
        ({"step": 2}, [0, 2, 5], [3]),
        ({"stop": 3}, [0, 1, 2], []),
        ({"frames": [0, 2, 3]}, [0, 2], [3]),
        ({"frames": [True, False, True, True, False, False]}, [0, 2], [3]),
    ):
        kept, dropped = frames_without_repeats(u.trajectory, **options)
        assert (kept.tolist(), dropped.tolist()) == (frames, gone), options
    for options, said in (({"frames": [0], "stop": 3}, "either"), ({"step": -1}, "goes backwards")):
        with pytest.raises(InputError, match=said):
            frames_without_repeats(u.trajectory, **options)


def test_what_is_said_of_dropped_frames():
    assert describe_dropped(np.array([7])).startswith("frame 7, which a later one repeats, was")
    found = describe_dropped(np.array([7, 8, 12]))
    assert found.startswith("3 frames that later ones repeat were dropped, among frames 7 to 12")


def test_equal_frames_are_those_with_all_coordinates_equal():
    now = np.arange(9, dtype=np.float32)
    for atom in range(3):
        assert same_frame(now, now.copy(), atom)
        for k in range(9):
            other = now.copy()
            other[k] += 1
            assert not same_frame(now, other, atom)


def test_fingerprints_tell_the_atoms_they_look_at():
    assert recognising_atoms(3).tolist() == [0, 1, 2]
    many = recognising_atoms(1000)
    assert (len(many), many[0], many[-1]) == (64, 0, 999)
    assert np.all(np.diff(many) >= 15)
    positions = np.random.default_rng(0).normal(size=3000).astype(np.float32)
    first = fingerprint(positions, many)
    for atom in (0, int(many[5]), 999):
        other = positions.copy()
        other[3 * atom + 2] += 1
        assert fingerprint(other, many) != first
    other = positions.copy()
    other[3 * (many[5] + 1)] += 1
    assert fingerprint(other, many) == first


def test_the_longest_stretch_that_comes_again():
    for order, found in (
        ([0, 1, 2, 3, 4], None),
        ([0, 1, 2, 3, 2, 3, 4, 5], (4, 2, 2)),
        ([0, 1, 2, 1, 3, 4, 5, 6], None),  # one frame alone
        ([0, 1, 2, 3, 4, 5, 1, 2, 6, 3, 4, 5], (9, 3, 3)),
        ([0, 1, 2, 0, 2, 3, 4, 5], None),  # two that are no neighbours
        ([0, 1, 2, 3, 0, 1, 2, 3], (4, 0, 4)),
        ([0, 1, 0, 1, 0, 1], None),  # a model that goes back and forth
        ([7, 8, 9, 9, 10, 11], None),
    ):
        assert repeated_stretch(np.array(order)) == found, order
