"""Locks on files that are released when their process ends, however it ends."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: Files (device, inode) locked by this process, to which the system would grant a second lock.
_held: set[tuple[int, int]] = set()
_guard = threading.Lock()


class FileLock:
    """An exclusive lock on a file, held until `release` or the end of the process.

    Children of the process do not hold it.
    """

    def __init__(self, descriptor: int, key: tuple[int, int]) -> None:
        self._descriptor: int | None = descriptor
        self._key = key

    @classmethod
    def take(cls, path: Path) -> FileLock | None:
        """Lock a file, which is made if need be.

        Parameters
        ----------
        path : Path

        Returns
        -------
        FileLock or None
            None if the file is locked, by another process or by this one.

        Raises
        ------
        OSError
            If the file cannot be opened for writing, or its file system has no locks.
        """
        with _guard:
            # opening and closing a file that this process has locked would unlock it
            if path.exists() and _key(os.stat(path)) in _held:
                return None
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                _lock(descriptor)
            except OSError as error:
                os.close(descriptor)
                if error.errno in (errno.EACCES, errno.EAGAIN):
                    return None
                raise
            key = _key(os.fstat(descriptor))
            _held.add(key)
            return cls(descriptor, key)

    def release(self) -> None:
        """Release the lock; the file stays."""
        with _guard:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
                _held.discard(self._key)


def _key(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _lock(descriptor: int) -> None:
    """Lock an open file at once or raise OSError."""
    if fcntl is not None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
