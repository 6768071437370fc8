"""Arrays in memory, or `numpy.memmap` arrays of ``.npy`` files in a folder, behind the same code.

Where a function is given a folder, its arrays are files there; without one they are in memory.
Arrays derived from an array are stored in the same place (`folder_of`). A file is removed with the
last array that maps it, the folder with the last of its arrays; files of a killed process are
removed by the next one (`remove_abandoned`).
"""

from __future__ import annotations

import errno
import math
import mmap
import os
import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .file_lock import FileLock
from .temporary import temporary_place

#: Prefix of the names of temporary folders.
PREFIX = "ionmech-"
#: File that is locked by the process that owns a folder.
LOCK = "in-use.lock"
#: A folder without a lock is being made, unless it is older than this, seconds.
MAKING = 3600.0


class ArrayFolder:
    """A folder of arrays, removed once neither this object nor an array in it is in use.

    Parameters
    ----------
    parent : Path, optional
        Where the folder is made. Default: the folder for temporary files (``TMPDIR``).

    Attributes
    ----------
    path : Path

    Raises
    ------
    InputError
        If no folder can be made there.
    """

    def __init__(self, parent: Path | None = None) -> None:
        place = temporary_place() if parent is None else parent
        remove_abandoned(place)
        with _disk_errors(place):
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
            # locked before it gets its name, so that the lock is never free while in use
            making = self.path / f"{LOCK}.new"
            lock = FileLock.take(making)
            assert lock is not None
            os.rename(making, self.path / LOCK)
        weakref.finalize(self, _remove, self.path, lock, os.getpid())

    @classmethod
    def of_another_process(cls, path: Path) -> ArrayFolder:
        """A folder that another process made and will remove."""
        folder = cls.__new__(cls)
        folder.path = path
        return folder


def _remove(path: Path, lock: FileLock, process: int) -> None:
    if os.getpid() == process:  # not in a child that was forked
        shutil.rmtree(path, ignore_errors=True)
        lock.release()


def remove_abandoned(parent: Path) -> None:
    """Remove the folders of arrays whose processes were killed.

    Parameters
    ----------
    parent : Path
        The folder that contains them.
    """
    for path in parent.glob(f"{PREFIX}*"):
        try:
            if not path.is_dir() or path.is_symlink() or path.stat().st_uid != _user():
                continue
            if (path / LOCK).is_file():
                lock = FileLock.take(path / LOCK)
                if lock is not None:
                    shutil.rmtree(path, ignore_errors=True)
                    lock.release()
            elif (path / f"{LOCK}.new").exists() and _age(path) > MAKING:
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


@contextmanager
def _disk_errors(place: Path, size: int = 0) -> Iterator[None]:
    """Convert errors of the file system into an InputError with a remedy."""
    try:
        yield
    except OSError as error:
        what = f"{size / 1e6:.0f} MB" if size else "files"
        reason = error.strerror or str(error)
        if error.errno == errno.ENOENT:
            reason = "it was removed"
        raise InputError(
            f"the folder {place} cannot take {what} of a run with memory= or store=: {reason}; "
            "give store=... a folder on a disk with more space, or set TMPDIR to one"
        ) from error


def new_array(shape: int | tuple[int, ...], dtype: Any, folder: ArrayFolder | None) -> np.ndarray:
    """An array to be filled: in memory, or a new file of a folder.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : data type
    folder : ArrayFolder or None
        None: in memory.

    Returns
    -------
    numpy.ndarray or numpy.memmap
        In memory its values are arbitrary, on disk they are 0.

    Raises
    ------
    InputError
        If the disk is full; space is reserved here, so that setting values cannot fail.
    """
    shape = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if folder is None:
        return np.empty(shape, dtype=dtype)
    path, kind = _new_path(folder), np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    with _disk_errors(folder.path, size), open(path, "xb") as file:
        _write_header(file, shape, kind)
        _reserve(file, file.tell() + size)
    return _opened(path, folder)


def _new_path(folder: ArrayFolder) -> Path:
    return folder.path / f"{secrets.token_hex(6)}.npy"


def _write_header(file: Any, shape: tuple[int, ...], kind: np.dtype) -> None:
    about = {"shape": shape, "fortran_order": False, "descr": np.lib.format.dtype_to_descr(kind)}
    np.lib.format.write_array_header_1_0(file, about)


def _reserve(file: Any, size: int) -> None:
    """Set the length of a file, and reserve its space on the disk where the system can.

    Without space a mapped file would end the process at the first value that does not fit.
    """
    file.flush()
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except AttributeError:  # not available on this system
        file.truncate(size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise
        file.truncate(size)


def _opened(path: Path, folder: ArrayFolder) -> np.ndarray:
    """The array of a new file; the file is removed with the array."""
    with _disk_errors(folder.path):
        array: Any = np.lib.format.open_memmap(path, mode="r+")
    array.folder = folder
    weakref.finalize(array, _unlink, path, os.getpid())
    return array


def _unlink(path: Path, process: int) -> None:
    if os.getpid() == process:
        path.unlink(missing_ok=True)


def mapped_file(array: np.ndarray) -> np.memmap | None:
    """The memory-mapped array of a whole file that an array is a view of; None in memory."""
    found: Any = array
    while isinstance(found, np.ndarray):
        if isinstance(found, np.memmap) and isinstance(found.base, mmap.mmap):
            return found
        found = found.base
    return None


def folder_of(array: np.ndarray) -> ArrayFolder | None:
    """The folder of an array, or of the array it is a view of; None in memory."""
    return getattr(mapped_file(array), "folder", None)


def longer_array(array: np.ndarray, used: int, size: int) -> np.ndarray:
    """An array (size,) that begins with the first `used` elements of another, in the same place."""
    out = new_array(size, array.dtype, folder_of(array))
    out[:used] = array[:used]
    return out


class GrowingArray:
    """A one-dimensional array that is assembled from parts.

    Parameters
    ----------
    dtype : data type
    folder : ArrayFolder or None
        None: in memory.
    """

    def __init__(self, dtype: Any, folder: ArrayFolder | None) -> None:
        self._kind, self._folder = np.dtype(dtype), folder
        self._parts: list[np.ndarray] = []
        self._size = 0
        if folder is not None:
            self._path = _new_path(folder)
            with _disk_errors(folder.path), open(self._path, "xb") as file:
                _write_header(file, (0,), self._kind)

    def append(self, values: np.ndarray) -> None:
        """Append a part, shape (elements of the part,)."""
        values = np.ascontiguousarray(values, dtype=self._kind)
        self._size += len(values)
        if self._folder is None:
            # a view would keep the whole array in memory
            self._parts.append(values if values.base is None else values.copy())
            return
        with _disk_errors(self._folder.path, values.nbytes), open(self._path, "ab") as file:
            values.tofile(file)

    def __len__(self) -> int:
        return self._size

    def finish(self) -> np.ndarray:
        """All parts, one after the other; nothing can be added afterwards."""
        if self._folder is None:
            parts, self._parts = self._parts, []
            return np.concatenate(parts) if parts else np.empty(0, dtype=self._kind)
        with _disk_errors(self._folder.path), open(self._path, "r+b") as file:
            # same length: headers are padded for any number along the first axis
            _write_header(file, (self._size,), self._kind)
        return _opened(self._path, self._folder)


def gathered(parts: Iterable[np.ndarray], dtype: Any, folder: ArrayFolder | None) -> np.ndarray:
    """Parts (elements of the part,) one after the other, in memory or in a folder."""
    whole = GrowingArray(dtype, folder)
    for part in parts:
        whole.append(part)
    return whole.finish()


def reference_to(array: np.ndarray) -> tuple[Any, ...] | None:
    """How another process with the same disk opens a mapped array, for `pickle`.

    Parameters
    ----------
    array : numpy.ndarray

    Returns
    -------
    tuple or None
        A function and its arguments; None for an array in memory, or in a file of another owner.
    """
    whole = mapped_file(array)
    if whole is None or folder_of(array) is None or array.dtype.hasobject:
        return None
    whole.flush()  # another machine reads the file
    start = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return _reopened, (
        str(whole.filename), start, array.dtype, array.shape, array.strides,
    )  # fmt: skip


def _reopened(
    name: str, start: int, dtype: np.dtype, shape: tuple[int, ...], strides: tuple[int, ...]
) -> np.ndarray:
    whole: Any = np.lib.format.open_memmap(name, mode="r+")
    whole.folder = ArrayFolder.of_another_process(Path(name).parent)
    return np.ndarray(shape, dtype, whole.reshape(-1).view(np.uint8), start, strides)
