"""Atomic writing of files and folders, and their checksums."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import InputError
from .write_targets import LONGEST_NAME, cannot_write, file_target, folder_target, shown_path

#: Bytes of a file that are read at once to check it.
_AT_ONCE = 2**20


def write_atomically(
    path: str | os.PathLike[str], write: Callable[[str], object], *, remedy: str = ""
) -> Path:
    """Write a temporary file beside `path`, then rename it; it is on the disk by then.

    Symbolic links are followed: the file behind one is replaced, the link stays. Temporary files
    of `path` that killed processes of this machine have left are removed.

    Parameters
    ----------
    path : path-like
    write : callable
        Called with the name of the temporary file, which it fills.
    remedy : str
        What to do about what was to be written, for the error of a full disk.

    Returns
    -------
    pathlib.Path
        `path`; its permissions are those of any new file of this process.

    Raises
    ------
    InputError
        If `path` is no file that can be written, its folder does not exist or cannot be written
        to, or the disk is full; what was there before is then as it was.
    """
    target = file_target(path)
    ending = target.suffix if len(target.suffix) <= 20 else ""
    name = str(target.parent / f"{_temporary(target)}{ending}")
    try:
        _remove_left(target)
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            write(name)
            sync(Path(name))
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync(target.parent)
    except OSError as error:
        raise cannot_write(path, error, remedy) from error
    return Path(path)


def write_folder_atomically(
    path: str | os.PathLike[str],
    write: Callable[[Path], object],
    *,
    replaces: Callable[[Path], bool],
    what: str,
) -> Path:
    """Fill a temporary folder beside `path`, then rename it; all of it is on the disk by then.

    Temporary folders of `path` that killed processes of this machine have left are removed.

    Parameters
    ----------
    path : path-like
        A new or empty folder, or one that may be replaced.
    write : callable
        Called with the temporary folder, which it fills.
    replaces : callable
        Whether a folder that is not empty may be replaced.
    what : str
        What is written, for messages, e.g. ``"saved run"``.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    InputError
        If the folder above does not exist or cannot be written to, the disk is full, or something
        else is there.
    """
    target = folder_target(path)
    try:
        there = os.path.lexists(target)
        if there and not target.is_dir():
            raise InputError(
                f"cannot write {shown_path(path)}: it is a file, and a {what} is a folder; give "
                "another path"
            )
        if there and any(target.iterdir()) and not replaces(target):
            raise InputError(
                f"cannot write {shown_path(path)}: this folder holds something that is no {what}; "
                "give another path"
            )
        _remove_left(target)
        made = target.parent / _temporary(target)
        made.mkdir()
        try:
            write(made)
            for one in (*made.rglob("*"), made):
                sync(one)
            _put_in_place(made, target)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        sync(target.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    return Path(path)


def _put_in_place(made: Path, target: Path) -> None:
    """Rename a folder; an old one is removed once the new one is in place."""
    if not target.exists():
        os.rename(made, target)
        return
    before = target.parent / _temporary(target)
    os.rename(target, before)
    try:
        os.rename(made, target)
    except BaseException:
        os.rename(before, target)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _temporary(target: Path) -> str:
    """A name for a temporary file, that tells the process that writes it."""
    return f".{_short_name(target)}.{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"


def _short_name(target: Path) -> str:
    """The name of a file; of a long one what leaves place for more."""
    raw = os.fsencode(target.name)
    if len(raw) <= LONGEST_NAME - 80:
        return target.name
    return f"{raw[:40].decode('ascii', 'replace')}{zlib.crc32(raw):08x}"


def checksum(path: Path) -> int:
    """CRC-32 of a file."""
    found = 0
    with open(path, "rb") as file:
        while block := file.read(_AT_ONCE):
            found = zlib.crc32(block, found)
    return found


def file_record(path: Path) -> dict[str, Any]:
    """Name, size and checksum of a file, as a result records its sources.

    Returns
    -------
    dict
        ``name``, ``bytes`` and ``sha256``.
    """
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": os.path.getsize(path), "sha256": digest}


def checksum_of_content(content: Mapping[str, Any]) -> int:
    """CRC-32 of the contents of a JSON file without its entry ``checksum``."""
    kept = {name: value for name, value in content.items() if name != "checksum"}
    return zlib.crc32(json.dumps(kept, sort_keys=True).encode())


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk, where the system can."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder that may be written to but not listed, as a drop box
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _machine() -> str:
    """A short name of this machine, as process ids are per machine."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _remove_left(target: Path) -> None:
    """Remove temporary files and folders of `target` whose processes have ended on this machine."""
    made = re.compile(re.escape(f".{_short_name(target)}.{_machine()}-") + r"(\d+)-[0-9a-f]{8}")
    try:
        there = list(target.parent.iterdir())
    except PermissionError:  # a folder that may be written to but not listed, as a drop box
        return
    for path in there:
        found = made.match(path.name)
        if found and not _is_alive(int(found[1])):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
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
