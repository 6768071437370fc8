"""Folders on disk that are removed with the last object that needs what lies in them."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .errors import InputError

if TYPE_CHECKING:
    import xarray as xr

#: In every such folder: locked as long as a process uses it.
IN_USE = "in-use"


class OwnedFolder:
    """A new folder that goes when this object does, at the latest when the process ends.

    Parameters
    ----------
    parent : Path
    prefix : str
        Of its name. Folders of that prefix that a killed process has left there are removed first.
    within : OwnedFolder, optional
        What the folder lies in; kept as long as this one.
    """

    def __init__(self, parent: Path, prefix: str, within: OwnedFolder | None = None) -> None:
        _remove_abandoned(parent, prefix)
        made = Path(tempfile.mkdtemp(dir=parent, prefix=f".{prefix}"))
        file = open(made / IN_USE, "w")  # noqa: SIM115 (kept open as long as the folder)
        _lock(file)
        # it has its name only when it is locked, so that no other process takes it for a left one
        self.path = made.with_name(made.name.removeprefix("."))
        made.rename(self.path)
        self._within = within
        self._remove = weakref.finalize(self, _remove, self.path, file, os.getpid())

    def new(self, name: str) -> Path:
        """An empty folder inside, of that name or the next free one."""
        number = 1
        while True:
            folder = self.path / f"{name}-{number}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder

    def check(self) -> None:
        """See `check_in_use`."""
        check_in_use(self.path)

    def remove(self) -> None:
        """Remove the folder now."""
        self._remove()

    def __reduce__(self) -> tuple[Any, ...]:
        return BorrowedFolder, (self.path,)


class BorrowedFolder:
    """The same folder in another process, which does not remove it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self) -> None:
        """See `check_in_use`."""
        check_in_use(self.path)


def check_in_use(path: Path) -> None:
    """Refuse to read from a folder that is gone.

    Raises
    ------
    InputError
    """
    if not (path / IN_USE).exists():
        raise InputError(
            f"what this run keeps on disk in {path} is gone: the folder was deleted, or the run "
            "and its results no longer exist; keep the results as long as their arrays, or copy "
            "these with .load() or results.save(path)"
        )


def keeping(data: xr.Dataset, folder: OwnedFolder) -> xr.Dataset:
    """A dataset whose arrays on disk keep the folder they lie in.

    Parameters
    ----------
    data : xarray.Dataset
    folder : OwnedFolder
    """
    lazy = {
        name: (one.dims, one.data.map_blocks(_same, folder=folder, meta=one.data._meta), one.attrs)
        for name, one in data.data_vars.items()
        if hasattr(one.data, "map_blocks")
    }
    return data.assign(lazy)


def _same(block: Any, folder: OwnedFolder) -> Any:
    return block


def _remove(path: Path, file: IO[str], owner: int) -> None:
    # a process that was forked has the object, not the folder
    if os.getpid() == owner:
        file.close()
        shutil.rmtree(path, ignore_errors=True)


def _lock(file: IO[str]) -> bool:
    """Lock a file for this process; False where another one has it, or it cannot be locked."""
    try:
        import fcntl
    except ImportError:  # no such locks here: folders that are left stay
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove folders of that prefix that no process uses."""
    for folder in parent.glob(f"{prefix}*"):
        with suppress(OSError), open(folder / IN_USE, "r+") as file:
            if _lock(file):
                shutil.rmtree(folder, ignore_errors=True)
