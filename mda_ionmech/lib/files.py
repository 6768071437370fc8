"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
import re
import secrets
import socket
import zlib
from collections.abc import Callable
from pathlib import Path

from .errors import InputError


def write_atomically(path: str | os.PathLike[str], write: Callable[[str], object]) -> Path:
    """Write a temporary file beside `path`, then rename it.

    Temporary files of `path` that killed processes of this machine have left are removed.

    Parameters
    ----------
    path : path-like
    write : callable
        Called with the name of the temporary file, which it fills.

    Returns
    -------
    pathlib.Path
        `path`; its permissions are those of any new file of this process.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written to.
    """
    if not isinstance(path, str | os.PathLike) or not str(path) or "\0" in str(path):
        raise InputError(f"path must be that of a file to write, got {path!r:.80}")
    target = Path(path)
    folder = target.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(
            f"cannot write {target}: the folder {folder} does not exist or is not writable; "
            "make it, or give another path"
        )
    _remove_left(target)
    unique = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    name = str(folder / f".{target.name}.{unique}{target.suffix}")
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        write(name)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def _machine() -> str:
    """A short name of this machine: the number of a process means something there alone."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _remove_left(target: Path) -> None:
    """Remove temporary files of `target` whose processes have ended on this machine."""
    made = re.compile(re.escape(f".{target.name}.{_machine()}-") + r"(\d+)-[0-9a-f]{8}")
    for path in target.parent.iterdir():
        found = made.match(path.name)
        if found and not _is_alive(int(found[1])):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    """Whether a process may be running."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
