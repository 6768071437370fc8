"""Times that files hold, where MDAnalysis was told to give others."""

from types import SimpleNamespace

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.trajectory import repeated_frames
from mda_ionmech.trajectory.file_stamps import stamps_of_files
from mda_ionmech.trajectory.repeated_frames import drop_repeats
from mda_ionmech.trajectory.replaced_times import _count_frames, settle_times_of
from mda_ionmech.trajectory.time_sources import (
    Stamp,
    TimeSource,
    file_starts,
    stamp_of,
    time_source,
)

from ..builders import make_universe


def written(path, times, *, equal=(), steps=True):
    """A file of single atoms at these times; frames in `equal` are those before them again."""
    positions = 2.0 + np.arange(len(times), dtype=float)[:, None, None] * np.ones((1, 2, 3))
    for k in equal:
        positions[k] = positions[k - 1]
    u = make_universe(positions)
    with mda.Writer(str(path), 2) as writer:
        for ts, time in zip(u.trajectory, times, strict=True):
            ts.time = time
            if steps:
                ts.data["step"] = int(1000 * time)
            writer.write(u.atoms)
    return str(path)


def opened(*paths, **options):
    u = mda.Universe.empty(2, trajectory=False)
    u.load_new(list(paths) if len(paths) > 1 else paths[0], **options)
    return u.trajectory


def settled(trajectory, frames=None, numbers=None, **options):
    starts = file_starts(trajectory)
    frames = np.arange(trajectory.n_frames) if frames is None else np.asarray(frames)
    numbers = frames if numbers is None else np.asarray(numbers)

    def stamp(k):
        return stamp_of(trajectory[int(frames[k])], starts)

    return settle_times_of(trajectory, frames, numbers, stamp, **options)


@pytest.mark.parametrize("ending", ["xtc", "trr"])
def test_stamps_are_those_of_each_file(ending, tmp_path):
    times = [0.5 * np.arange(4), 2 + 0.5 * np.arange(3), 10 + np.arange(5.0)]
    paths = [written(tmp_path / f"{k}.{ending}", t) for k, t in enumerate(times)]
    chain = opened(*paths, dt=7.0)
    assert chain[3].time == 21.0
    found, expected = stamps_of_files(chain), np.concatenate(times)
    for frame in (0, 3, 4, 6, 7, 11, 2, 8, 8):
        file = int(np.searchsorted([4, 7], frame, side="right"))
        stamp = found(frame)
        assert (stamp.frame, stamp.file, stamp.place) == (frame, file, frame - (0, 4, 7)[file])
        assert stamp.time == pytest.approx(expected[frame])
        if ending == "xtc":
            assert stamp.step == int(1000 * expected[frame])
        assert found._open[0] == file
    before = found._open[1]
    found(0)
    assert found._open[1] is not before
    with pytest.raises(OSError, match="No file opened"):
        before.read()
    found.close()
    assert found._open is None
    found.close()
    one = stamps_of_files(opened(paths[1], dt=7.0))
    assert [one(k).time for k in range(3)] == [2.0, 2.5, 3.0]
    one.close()


def test_only_files_whose_times_were_replaced_are_looked_at(tmp_path):
    xtc, pdb = written(tmp_path / "a.xtc", np.arange(3.0)), tmp_path / "a.pdb"
    u = make_universe(np.ones((3, 2, 3)))
    u.atoms.write(str(pdb), frames="all")
    assert stamps_of_files(opened(xtc, dt=2.0)) is not None
    assert stamps_of_files(opened(xtc)) is None
    assert stamps_of_files(opened(str(pdb), dt=2.0)) is None
    assert stamps_of_files(opened(xtc, str(pdb), dt=2.0)) is None
    for filename in (None, str(tmp_path / "gone.xtc"), 3):
        reader = SimpleNamespace(_kwargs={"dt": 2.0}, format="XTC", filename=filename)
        assert stamps_of_files(reader) is None


def test_the_spacing_that_was_given_counts_and_gaps_are_still_seen(tmp_path):
    even = written(tmp_path / "even.xtc", 3 + 0.5 * np.arange(20))
    times, notes = settled(opened(even, dt=2.0))
    assert (times.first, times.spacing, times.read_spacing) == (0.0, 2.0, None)
    assert (times.dt_given, times.source.kind, times.n_frames) == (False, "given", 20)
    assert [text for text, _ in notes] == [
        "dt=2 ps, as MDAnalysis was told, replaces the 0.5 ps of the file"
    ]
    times, notes = settled(opened(even, dt=2.0), np.arange(1, 20, 3))
    assert (times.first, times.spacing) == (2.0, 6.0)
    times, notes = settled(opened(even, dt=2.0), dt=0.25)
    assert (times.spacing, times.dt_given) == (0.25, True)
    assert notes == [("dt=0.25 ps replaces the 0.5 ps of the file", False)]
    assert settled(opened(even))[0].spacing == 0.5
    assert settled(opened(even, dt=0.5))[1] == []
    gap = written(tmp_path / "gap.xtc", np.arange(20.0) + (np.arange(20) >= 12))
    with pytest.raises(InputError, match=r"frame 11 .* is followed by frame 12 "):
        settled(opened(gap, dt=2.0))
    times, _ = settled(opened(gap, dt=2.0), uneven="accept")
    assert times.spacing == 2.0


def test_frames_left_out_that_the_files_count_say_nothing(tmp_path):
    # frame 5 is frame 4 again and was left out; the times of the file count it all the same
    counted = written(tmp_path / "counted.xtc", np.arange(12.0), equal=[5], steps=False)
    kept = np.delete(np.arange(12), 5)
    times, notes = settled(opened(counted, dt=2.0), kept, np.arange(11))
    assert times.spacing == pytest.approx(2.0)
    assert notes == []
    # in another file the times are those of the frames
    true = written(tmp_path / "true.xtc", [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10], equal=[5])
    times, notes = settled(opened(true, dt=2.0), kept, np.arange(11))
    assert times.spacing == pytest.approx(2.0)
    assert [text for text, _ in notes] == [
        "dt=2 ps, as MDAnalysis was told, replaces the 1 ps of the file"
    ]


def test_times_count_frames_where_they_grow_by_one_step_for_each():
    frames = np.array([4, 5, 7, 8, 9])  # frame 6 was left out
    for numbers, time, count in (
        (np.arange(5), lambda k: 3.0 + 0.5 * k, True),
        (frames, lambda k: 3.0 + 0.5 * k, False),  # none was left out
        (np.arange(5), lambda k: 0.5 * k - 0.5 * (k > 6), False),  # the true times
        (np.arange(5), lambda k: 3.0, False),
    ):
        found = _count_frames(lambda k, time=time: Stamp(k, time(k)), frames, numbers)
        assert found is count


def test_repeats_are_dropped_by_the_times_of_the_files(tmp_path):
    path = written(tmp_path / "a.xtc", [0, 1, 2, 3, 2, 3, 4], equal=[])
    trajectory = opened(path, dt=0.5)
    kept, dropped = drop_repeats(trajectory, np.arange(7), time_source(trajectory))
    assert (kept.tolist(), dropped.tolist()) == ([0, 1, 4, 5, 6], [2, 3])
    # where they count every frame, equal coordinates tell
    path = written(tmp_path / "b.xtc", np.arange(6.0), equal=[3])
    trajectory = opened(path, dt=0.5)
    kept, dropped = drop_repeats(trajectory, np.arange(6), time_source(trajectory))
    assert (kept.tolist(), dropped.tolist()) == ([0, 1, 2, 4, 5], [3])


def test_files_are_closed_when_repeats_are_known(monkeypatch):
    class Files:
        closed = False

        def __call__(self, frame):
            return Stamp(frame, float(frame), -1, 0, frame)

        def close(self):
            self.closed = True

    files = Files()
    monkeypatch.setattr(repeated_frames, "stamps_of_files", lambda trajectory: files)
    u = make_universe(np.arange(4.0)[:, None, None] * np.ones((4, 1, 3)))
    source = TimeSource("given", 1.0, "")
    assert drop_repeats(u.trajectory, np.arange(4), source)[0].tolist() == [0, 1, 2, 3]
    assert files.closed


@pytest.mark.parametrize(
    ("ending", "dt", "kind", "text"),
    [
        ("xyz", None, "invented", "not in the file (XYZ)"),
        ("xyz", 0.5, "given", "multiples of the dt the coordinates in memory were given"),
        ("xtc", None, "given", "multiples of the dt the coordinates in memory were given"),
    ],
)
def test_a_copy_in_memory_has_the_source_of_its_file(ending, dt, kind, text, tmp_path):
    path = str(tmp_path / f"a.{ending}")
    if ending == "xtc":
        written(path, 0.5 * np.arange(4))
    else:
        u = make_universe(np.ones((4, 2, 3)) * np.arange(4)[:, None, None])
        u.atoms.write(path, frames="all")
    u = mda.Universe.empty(2, trajectory=False)
    u.load_new(path, **({} if dt is None else {"dt": dt}))
    u.transfer_to_memory()
    found = time_source(u.trajectory)
    assert (found.kind, found.assumed) == (kind, False)
    assert text in found.text
