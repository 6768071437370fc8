"""Arrays in files: what they hold, how long they live, who may open them."""

import gc
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.lib import arrays_on_disk
from mda_ionmech.lib.arrays_on_disk import (
    ArrayFolder,
    GrowingArray,
    folder_of,
    gathered,
    longer_array,
    mapped_file,
    new_array,
    reference_to,
    remove_abandoned,
)
from mda_ionmech.lib.task_workers import read_task, write_task


def files(folder):
    return [name for name in os.listdir(folder) if name.endswith(".npy")]


@pytest.mark.parametrize("mapped", [False, True])
def test_arrays_are_those_that_were_put_in(mapped, tmp_path):
    folder = ArrayFolder(tmp_path) if mapped else None
    one = new_array((3, 4), np.float64, folder)
    one[:] = np.arange(12).reshape(3, 4)
    assert isinstance(one, np.memmap) == mapped
    assert folder_of(one[1:, ::2]) is folder
    assert folder_of(np.asarray(one).T) is folder
    parts = [np.arange(5), np.empty(0, dtype=int), np.arange(3)]
    whole = gathered(parts, np.int32, folder)
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert whole.dtype == np.int32
    assert len(gathered([], np.int32, folder)) == 0
    more = longer_array(whole, 5, 20)
    assert more.shape == (20,)
    np.testing.assert_array_equal(more[:5], np.arange(5))
    assert folder_of(more) is folder
    assert new_array(0, np.int64, folder).shape == (0,)
    if mapped:
        np.testing.assert_array_equal(np.load(mapped_file(one).filename), one)
        np.testing.assert_array_equal(np.load(mapped_file(whole).filename), whole)


@pytest.mark.slow
def test_files_go_with_their_arrays_and_the_folder_with_the_last_of_them(tmp_path):
    folder = ArrayFolder(tmp_path)
    path = folder.path
    one, other = new_array(5, np.int64, folder), new_array(5, np.int64, folder)
    view = one[1:3]
    view[:] = 7
    del one, folder
    gc.collect()
    assert len(files(path)) == 2, "a view keeps the file"
    del other
    gc.collect()
    assert len(files(path)) == 1
    made = new_array(2, np.int64, folder_of(view))
    np.testing.assert_array_equal(view, [7, 7])
    del view, made
    gc.collect()
    assert not path.exists()
    assert not os.listdir(tmp_path)


def test_another_process_opens_what_it_is_sent(tmp_path):
    folder = ArrayFolder(tmp_path)
    one = new_array((4, 3, 5), np.float64, folder)
    one[:] = np.random.default_rng(0).normal(size=one.shape)
    here = np.arange(3.0)
    some = {"view": one[1:3, ::-1, ::2], "here": here, "plain": np.asarray(one)[2]}
    write_task(some, tmp_path / "task")
    assert (tmp_path / "task").stat().st_size < 3000, "arrays on disk are sent by name"
    found = read_task(tmp_path / "task")
    for name, values in some.items():
        np.testing.assert_array_equal(found[name], values)
    assert folder_of(found["view"]).path == folder.path
    assert folder_of(found["here"]) is None
    made = new_array(3, np.int32, folder_of(found["view"]))
    assert Path(mapped_file(made).filename).parent == folder.path
    path = folder.path
    del made, found
    gc.collect()
    assert path.exists(), "it belongs to the process that made it"


def test_files_of_others_are_not_taken_for_ours(tmp_path):
    np.save(tmp_path / "mine.npy", np.arange(4.0))
    mine = np.load(tmp_path / "mine.npy", mmap_mode="r")
    assert folder_of(mine) is None
    assert reference_to(mine) is None
    assert not isinstance(longer_array(mine, 4, 8), np.memmap)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(mine)), mine)


KILLED = """
import sys, time
import numpy as np
from pathlib import Path
from mda_ionmech.lib.arrays_on_disk import ArrayFolder, new_array
folder = ArrayFolder(Path(sys.argv[1]))
one = new_array(1000, np.float64, folder)
print(folder.path, flush=True)
time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    kept = ArrayFolder(tmp_path)
    array = new_array(3, np.int32, kept)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        left = process.stdout.readline().strip()
        remove_abandoned(tmp_path)
        assert files(left), "the process is alive"
        os.kill(process.pid, signal.SIGKILL)
    assert files(left)
    (tmp_path / "ionmech-notes").mkdir()  # of somebody else
    other = ArrayFolder(tmp_path)
    assert not os.path.exists(left)
    assert files(kept.path)
    assert array.sum() == 0
    assert (tmp_path / "ionmech-notes").is_dir()
    assert other.path.is_dir()


def test_a_full_disk_and_a_folder_that_is_gone_are_said(tmp_path, monkeypatch):
    folder = ArrayFolder(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arrays_on_disk.os, "posix_fallocate", full)
    with pytest.raises(InputError, match=r"cannot take 80 MB .* No space left .*TMPDIR"):
        new_array(10**7, np.float64, folder)
    monkeypatch.undo()
    growing = GrowingArray(np.int32, folder)
    for path in folder.path.iterdir():
        path.unlink()
    folder.path.rmdir()
    with pytest.raises(InputError, match="it was removed"):
        new_array(10, np.float64, folder)
    with pytest.raises(InputError, match="it was removed"):
        growing.append(np.arange(3))
    with pytest.raises(InputError, match=r"cannot take files .* it was removed"):
        ArrayFolder(tmp_path / "missing")


def test_a_forked_process_leaves_the_folder(tmp_path):
    folder = ArrayFolder(tmp_path)
    array, path = new_array(3, np.int32, folder), folder.path
    child = os.fork()
    if child == 0:
        del array, folder
        gc.collect()
        os._exit(len(files(path)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert files(path)
    assert array.sum() == 0
