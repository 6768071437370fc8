"""Where times of frames come from, and how they are written."""

from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech.trajectory.time_sources import (
    Stamp,
    _holds_steps,
    file_starts,
    remarks,
    shown,
    stamp_of,
    time_source,
)

from ..builders import make_universe


def reader(name="XTC", *, data=None, dt=None, given=None, units=None, filename="a.xtc", n_atoms=2):
    """What a source is found from."""

    def get_dt():
        if dt is None:
            raise AttributeError
        return dt

    return SimpleNamespace(
        format=name, ts=SimpleNamespace(data=data or {}), _get_dt=get_dt, filename=filename,
        _kwargs={} if given is None else {"dt": given}, units=units, n_atoms=n_atoms,
    )  # fmt: skip


def test_times_are_shown_with_the_digits_they_are_stored_with():
    for time, text in (
        (0.5, "0.5"), (12.0, "12"), (float(np.float32(0.1)), "0.1"), (0.1, "0.1"),
        (float(np.float32(1000.3)), "1000.3"), (1 / 3, "0.333333333"), (-2.5, "-2.5"),
        (1e9, "1e+09"), (2.0**31, "2.14748365e+09"), (5e8, "500000000"),
    ):  # fmt: skip
        assert shown(time) == text


def test_stamps_know_their_file_and_place():
    chain = SimpleNamespace(_start_frames=[0, 4, 7])
    assert file_starts(chain) == (0, 4, 7)
    assert file_starts(SimpleNamespace()) == (0,)
    for frame, file, place in ((0, 0, 0), (3, 0, 3), (4, 1, 0), (6, 1, 2), (7, 2, 0), (20, 2, 13)):
        ts = SimpleNamespace(frame=frame, time=2.5, data={"step": "40"})
        assert stamp_of(ts, (0, 4, 7)) == Stamp(frame, 2.5, 40, file, place)
    for step in (None, "x", float("inf")):
        ts = SimpleNamespace(frame=1, time=2.5, data={"step": step})
        assert stamp_of(ts) == Stamp(1, 2.5, -1, 0, 1)
    assert stamp_of(SimpleNamespace(frame=1, time=2.5, data={})).step == -1
    stamp = Stamp(3, 1.5, 20)
    assert str(stamp) == "frame 3 (step 20, 1.5 ps)"
    assert stamp.told(False) == "frame 3 (step 20)"
    assert Stamp(3, 1.5).told(False) == "frame 3"
    assert Stamp(3, 1.5) == (3, 1.5, -1, 0, 0)
    assert str(Stamp(3, 1.5, 0)) == "frame 3 (step 0, 1.5 ps)"


@pytest.mark.parametrize(
    ("made", "kind", "dt", "text", "computed"),
    [
        (reader(dt=0.5), "file", 0.5, "those of the file (XTC)", False),
        (reader(data={"dt": 0.25}), "file", 0.25, "those of the file (XTC)", False),
        (reader("DCD", dt=0.5), "file", 0.5, "those of the header (DCD)", True),
        (reader(dt=0.5, given=2), "given", 2.0, "made from dt=2 ps, as given to MDAn", False),
        (reader(data={"time": 3.0}), "file", None, "those of the file (XTC)", False),
        # a time that is the step times 1 ps is none
        (reader("X", data={"time": 7.0, "step": 7}), "invented", None, "holds step num", False),
        (reader("X", data={"time": 3.5, "step": 7}), "file", None, "those of the", False),
        (reader("X", data={"time": 7.0, "step": 7}, units={"time": "ps"}), "file", None, "", False),
        (reader("X", data={"step": 7}), "invented", None, "assumes 1 ps per step", False),
        (reader("XYZ"), "invented", None, "MDAnalysis assumes frames 1 ps apart", False),
        (reader(["NCDF", "NC"], dt=1.0), "file", 1.0, "those of the file (NCDF)", False),
    ],
)
def test_the_source_of_one_reader(made, kind, dt, text, computed):
    found = time_source(made)
    assert (found.kind, found.dt, found.computed, found.assumed) == (kind, dt, computed, False)
    assert text in found.text


def test_of_several_files_the_least_reliable_counts():
    file, given, none = reader(dt=0.5), reader(dt=0.5, given=2), reader("XYZ")
    for readers, kind in (
        ([file, given], "given"), ([given, file], "given"), ([file, none, given], "invented"),
        ([file, file], "file"),
    ):  # fmt: skip
        assert time_source(SimpleNamespace(readers=readers)).kind == kind


def test_coordinates_in_memory_are_a_picosecond_apart_unless_it_is_said():
    for dt, assumed in ((1, True), (1.0, False), (2, False), (0.5, False)):
        u = make_universe(np.zeros((3, 1, 3)), dt=dt)
        found = time_source(u.trajectory)
        assert (found.kind, found.dt, found.assumed) == ("given", float(dt), assumed)


def test_comments_that_speak_of_times_are_shown(tmp_path):
    long = "t = 1 " + "x" * 90
    path = tmp_path / "a.xyz"
    path.write_text(f"2\n step 1  Time:  0.5 fs\nH 0 0 0\nH 0 0 0\n2\n{long}\nH 0 0 0\nH 0 0 0\n")
    found = remarks(reader("XYZ", filename=str(path)))
    assert found == ["step 1 Time: 0.5 fs", f"t = 1 {'x' * 71}..."]
    assert len(found[1]) == 80
    text = time_source(reader("XYZ", filename=str(path))).text
    assert text.endswith(f"although comments in it read '{found[0]}' and '{found[1]}'")
    # two lines at most; other formats, missing files and silent comments tell nothing
    chain = SimpleNamespace(readers=[reader("XYZ", filename=str(path))] * 3)
    assert remarks(chain) == [found[0], found[1]]
    each = [tmp_path / "first.gro", tmp_path / "second.gro"]
    for one in each:
        one.write_text(f"{one.stem} file t= 0.5\n2\n")
    chain = SimpleNamespace(readers=[reader("GRO", filename=str(one)) for one in each])
    assert remarks(chain) == ["first file t= 0.5", "second file t= 0.5"]
    assert remarks(reader("PDB", filename=str(path))) == []
    assert remarks(reader("XYZ", filename=str(tmp_path / "none.xyz"))) == []
    path.write_text("2\nsettings: start=3\nH 0 0 0\nH 0 0 0\n")
    assert remarks(reader("XYZ", filename=str(path))) == []
    path.write_text("")
    assert remarks(reader("XYZ", filename=str(path))) == []
    path.write_text("water t= 0.25\n2\n")
    assert remarks(reader("GRO", filename=str(path))) == ["water t= 0.25"]


def test_dumps_are_told_by_their_first_line(tmp_path):
    for content, dump in (
        (b"ITEM: TIMESTEP\n0\n", True), (b"5\nITEM: TIMESTEP\n", False), (b"", False),
        (b"\xff\xfe\xff\x81", False),
    ):  # fmt: skip
        path = tmp_path / "file"
        path.write_bytes(content)
        assert _holds_steps(str(path)) is dump, content
    assert _holds_steps(str(tmp_path / "gone")) is False
