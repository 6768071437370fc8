"""Where a file can be written, known before the work whose result it is to hold.

Symbolic links are followed: what they lead to is written, and they stay. What is no regular file
(a device, a pipe, a socket), what its owner protected from writing, and the topology and trajectory
that this process reads (`protect_inputs`) are never replaced.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .errors import InputError
from .plain_text import printable

#: Longest name of a file on the file systems in use, bytes.
LONGEST_NAME = 255
_REMEDY = "give another path"
#: What the system says of a disk, quota or file that takes no more.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: Topologies and trajectories that this process reads.
_inputs: set[str] = set()


def protect_inputs(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse these files as targets from now on; they may have several names.

    Parameters
    ----------
    paths : iterable of path-like
        Topologies and trajectories.
    """
    _inputs.update(os.path.abspath(os.fspath(path)) for path in paths)


def _is_input(target: Path) -> bool:
    return any(is_file(one) and os.path.samefile(target, one) for one in _inputs)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is a regular file; False for what can be no path."""
    try:
        return os.path.isfile(path)
    except (OSError, ValueError):  # too long, with a NUL, or not to be encoded
        return False


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether there is a folder; False for what can be no path."""
    try:
        return os.path.isdir(path)
    except (OSError, ValueError):
        return False


def not_reached(path: object) -> str:
    """Why a path that is said not to exist cannot even be looked for, in brackets; or nothing.

    >>> not_reached("nowhere.nc")
    ''

    Parameters
    ----------
    path : object
        For a message such as ``f"no result file at {path}{not_reached(path)}"``.
    """
    try:
        os.stat(path)  # type: ignore[arg-type]
    except (FileNotFoundError, NotADirectoryError, TypeError, ValueError):
        return ""
    except OSError as error:
        return f" that can be reached ({error.strerror})"
    return ""


def shown_path(path: object) -> str:
    """A path for a message: printable, and not too long."""
    text = " ".join(printable(str(path)).replace("\n", "\\n").split("\t"))
    return text if len(text) <= 200 else f"{text[:80]}...{text[-80:]}"


def file_target(path: Any) -> Path:
    """The file to write for a path: itself, or what it leads to as a symbolic link.

    Raises
    ------
    InputError
        For what is no path, or one where no file can be written.
    """
    name = _text(path, "file")
    target = Path(name)
    if target.name in ("", "..") or name.endswith("/"):
        raise _refused(path, "it names a folder", "give the name of a file in it")
    _check_folder(path, target)
    try:
        found = os.lstat(target)
    except FileNotFoundError:
        return target
    if stat.S_ISLNK(found.st_mode):
        target = Path(os.path.realpath(target))
        if target.is_symlink():
            raise _refused(path, "it is a symbolic link that leads back to itself")
        return file_target(target)
    if stat.S_ISDIR(found.st_mode):
        raise _refused(path, "it is a folder", "give the name of a file in it")
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, "it is a device, a pipe or a socket, which is not replaced")
    if not found.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise _refused(path, "it is protected from writing", f"allow it (chmod u+w), or {_REMEDY}")
    if _is_input(target):
        raise _refused(path, "it is the topology or trajectory that is read")
    return target


def netcdf_name(path: str | os.PathLike[str]) -> str:
    """The absolute name of a file for the NetCDF library, which strips blanks before a name.

    Raises
    ------
    InputError
        For a name with a backslash, which that library takes for a slash.
    """
    name = os.path.abspath(path)
    if os.sep == "/" and "\\" in name:
        raise InputError(
            f"{shown_path(name)} has a backslash, which the NetCDF library takes for a slash; "
            f"rename the file or folder, or {_REMEDY}"
        )
    return name


def folder_target(path: Any) -> Path:
    """The folder to write for a path: itself, or what it leads to as a symbolic link.

    Raises
    ------
    InputError
        For what is no path, or one where no folder can be made.
    """
    target = Path(os.path.realpath(_text(path, "folder")))
    _check_folder(path, target)
    return target


def _text(path: Any, kind: str) -> str:
    """A path as text that names something."""
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise InputError(f"path must be that of a {kind} to write, got {path!r:.80}")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise _refused(path, "it is not in UTF-8", f"rename the folder, or {_REMEDY}") from None
    return name


def _check_folder(path: Any, target: Path) -> None:
    """Refuse a target whose folder is not there or cannot be written to."""
    if len(os.fsencode(target.name)) > LONGEST_NAME:
        raise _refused(
            path, f"its name is longer than {LONGEST_NAME} bytes", f"shorten it, or {_REMEDY}"
        )
    folder = target.parent
    if (
        not is_folder(folder)
        or not os.stat(folder).st_mode & 0o222  # root could write there all the same
        or not os.access(folder, os.W_OK | os.X_OK)
    ):
        raise InputError(
            f"cannot write {shown_path(path)}: the folder {shown_path(folder)} does not exist or "
            f"is not writable; make it, or {_REMEDY}"
        )


def _refused(path: Any, reason: str, remedy: str = _REMEDY) -> InputError:
    return InputError(f"cannot write {shown_path(path)}: {reason}; {remedy}")


def check_can_write(path: Any) -> None:
    """Refuse a path that cannot be written to, by writing a few bytes beside it.

    For files that long work will fill. What is at the path stays as it is.

    Raises
    ------
    InputError
        Saying why.
    """
    target = file_target(path)
    probe = target.parent / f".probe-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        try:
            with open(probe, "xb") as file:
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


class CannotWriteError(InputError):
    """A file cannot be written, and what it was to hold is still in memory.

    Parameters
    ----------
    fact, remedy : str
        What happened, and what can be done with what is in memory.
    """

    def __init__(self, fact: str, remedy: str) -> None:
        super().__init__(f"{fact}. {remedy}")
        self.fact = fact


def cannot_write(path: Any, error: OSError, remedy: str = "") -> InputError:
    """The error for a path that could not be written to.

    Parameters
    ----------
    path : path-like
    error : OSError
    remedy : str
        What to do about what was to be written.
    """
    kept = "what was there before is as it was" if _lexists(path) else "nothing is there"
    reason, way = error.strerror or str(error), ""
    if error.errno in _FULL:
        way = "free space there, or "
    elif error.errno == errno.ENOENT:
        reason = f"{reason} (its folder was removed)"
    elif error.errno in (errno.EACCES, errno.EPERM):
        way = "allow it (chmod u+rwx of the folder), or "
    fact = f"cannot write {shown_path(path)}: {reason}; {kept}"
    if remedy:
        return CannotWriteError(fact, remedy)
    return InputError(f"{fact}; {way}{_REMEDY}")


def _lexists(path: Any) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):
        return False
