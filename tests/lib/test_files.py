"""Files that are whole or not there, and what killed processes left beside them."""

import os
import signal
import subprocess
import sys

import pytest

from mda_ionmech import InputError
from mda_ionmech.lib.files import write_atomically, write_folder_atomically

KILLED_IN_A_FOLDER = """
import os, signal, sys
from mda_ionmech.lib.files import write_folder_atomically

def write(folder):
    (folder / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

write_folder_atomically(sys.argv[1], write, replaces=lambda folder: True, what="record")
"""

KILLED = """
import os, signal, sys
from mda_ionmech.lib.files import write_atomically

def write(name):
    open(name, "w").write("half")
    os.kill(os.getpid(), signal.SIGKILL)

write_atomically(sys.argv[1], write)
"""


def text(content):
    def write(name):
        with open(name, "w") as file:
            file.write(content)

    return write


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    path = tmp_path / "run.nc"
    assert write_atomically(path, text("one")) == path
    with pytest.raises(ZeroDivisionError):
        write_atomically(path, lambda name: 1 / 0)
    assert path.read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]
    umask = os.umask(0o027)
    try:
        write_atomically(path, text("two"))
        assert os.umask(0o027) == 0o027, "the mask of the process is left alone"
    finally:
        os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(InputError, match="does not exist or is not writable"):
        write_atomically(tmp_path / "missing" / "run.nc", text("one"))


def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path):
    path = tmp_path / "run.nc"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    # one that a living process is writing stays, as do files of others
    alive = tmp_path / left.name.replace(left.name.split("-")[1], str(os.getppid()))
    other = tmp_path / ".run.nc.notes"
    alive.touch()
    other.touch()
    write_atomically(tmp_path / "another.nc", text("one"))
    assert left.exists()
    write_atomically(path, text("one"))
    assert sorted(tmp_path.iterdir()) == sorted([alive, other, tmp_path / "another.nc", path])


def folder_of(content):
    def write(folder):
        (folder / "deep").mkdir()
        (folder / "deep" / "text").write_text(content)

    return write


def test_a_folder_is_replaced_when_it_is_whole(tmp_path, monkeypatch):
    path, inside = tmp_path / "record", tmp_path / "record" / "deep" / "text"
    ours = {"replaces": lambda folder: (folder / "deep").is_dir(), "what": "record"}
    assert write_folder_atomically(path, folder_of("one"), **ours) == path
    done = subprocess.run([sys.executable, "-c", KILLED_IN_A_FOLDER, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert inside.read_text() == "one"
    (left,) = (one for one in tmp_path.iterdir() if one != path)
    # what is written elsewhere leaves it
    write_folder_atomically(tmp_path / "another", folder_of("one"), **ours)
    assert (left / "half").exists()
    write_folder_atomically(path, folder_of("two"), **ours)
    assert inside.read_text() == "two"
    assert {one.name for one in tmp_path.iterdir()} == {"record", "another"}
    with pytest.raises(ZeroDivisionError):
        write_folder_atomically(path, lambda folder: 1 / 0, **ours)
    rename, renamed = os.rename, []

    def fails(one, other):
        renamed.append(other)
        if len(renamed) == 2:  # the new folder into its place
            raise OSError(5, "Input/output error")
        rename(one, other)

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(InputError, match="Input/output error"):
        write_folder_atomically(path, folder_of("three"), **ours)
    monkeypatch.undo()
    assert inside.read_text() == "two", "what was there before is put back"
    # through a link the folder behind it is meant, and the link stays
    (tmp_path / "link").symlink_to(path)
    write_folder_atomically(tmp_path / "link", folder_of("four"), **ours)
    assert inside.read_text() == "four"
    assert (tmp_path / "link").is_symlink()
    assert {one.name for one in tmp_path.iterdir()} == {"record", "another", "link"}


def test_names_that_no_file_can_have_are_refused(tmp_path):
    for name in ("x" * 300, "x" * 300 + "/y"):
        with pytest.raises(InputError, match="give another path"):
            write_atomically(tmp_path / name, text("one"))
