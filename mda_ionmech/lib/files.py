"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from .errors import InputError


def write_atomically(path: str | os.PathLike[str], write: Callable[[str], object]) -> Path:
    """Write a temporary file beside `path`, then rename it.

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
    name = str(folder / f".{target.name}.{secrets.token_hex(4)}{target.suffix}")
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        write(name)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target
