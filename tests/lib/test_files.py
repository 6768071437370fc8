"""Files that are whole or not there, and what killed processes left beside them."""

import os
import signal
import subprocess
import sys

import pytest

from mda_ionmech import InputError
from mda_ionmech.lib.files import write_atomically

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
