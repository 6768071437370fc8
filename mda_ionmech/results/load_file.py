"""Loading of result files, with checks of their contents."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ..lib.checks import shown
from ..lib.errors import InputError, warn_user
from ..lib.write_targets import is_file, is_folder, netcdf_name, not_reached, shown_path
from .checksums import (
    ATTRIBUTE,
    DamagedError,
    bytes_are_right,
    contents_are_right,
    groups_of,
)
from .results import Results
from .schema import load_schema
from .tree_checks import check_tree

if TYPE_CHECKING:
    import netCDF4
    import xarray as xr

#: Groups that stay in the file until they are used, where they are larger than this, bytes.
LARGE_GROUPS = ("/states", "/shells")
IN_FILE = 2**24
#: Open files by device, inode, size and time, as long as a result reads from them.
_HANDLES: WeakValueDictionary[tuple[int, ...], netCDF4.Dataset] = WeakValueDictionary()
#: Warning about results of an earlier version.
NOT_VERIFIED = (
    "the result file holds no checksum, because it is of an earlier version: names, shapes, units "
    "and sums were checked, but damage to single numbers would not be detected; write it again "
    "with results.save(path)"
)


def load(path: str | os.PathLike[str]) -> Results:
    """Open a result file and return what ``run.results`` was.

    The checksum is verified, the names, dimensions and units are compared with the schema, and the
    contributions of the events must add up to the whole and follow from the sums over blocks. A
    file without a checksum, of an earlier version, is loaded with a warning.

    States and shells of more than 16 MB stay in the file, which is left open, and are read when
    they are used.

    Cost: one pass over the bytes of the file, about 1 s per GB.

    Parameters
    ----------
    path : path-like
        A file written by ``save``.

    Returns
    -------
    Results

    Raises
    ------
    FileNotFoundError
    InputError
        If the file is no result file, of another schema, damaged, or was changed after it was
        written.
    """
    name = _existing(path)
    wanted = load_schema()["schema"]
    try:
        tree, verified = _open(name)
        if (found := tree.attrs.get("schema")) != wanted:
            raise InputError(
                f"{shown_path(name)} has schema {shown(found)}, this version reads {wanted!r}; "
                "write it again with the present version"
            )
        results = Results(tree)
        notes = check_tree(results, verified=verified)
    except InputError:
        raise
    except DamagedError as error:
        raise InputError(
            f"{shown_path(name)} is damaged: {error}; take another copy of the file, or write it "
            "again"
        ) from error
    except OSError as error:
        if error.errno is not None and error.errno > 0:  # of the system, not of the library
            raise InputError(
                f"{shown_path(name)} cannot be read: {error.strerror}; check the file and its "
                "permissions"
            ) from error
        raise InputError(
            f"{shown_path(name)} is not a NetCDF4 result file, or cut off: "
            f"{error.strerror or error}; take another copy of the file, or write it again"
        ) from error
    except Exception as error:  # libraries raise any error for damaged bytes
        raise InputError(
            f"{shown_path(name)} is damaged: {type(error).__name__}, {shown(str(error))}; take "
            "another copy of the file, or write it again"
        ) from error
    for note in notes if verified else [NOT_VERIFIED]:
        if note not in results.warnings:
            tree.attrs["warnings"] = "\n".join([*results.warnings, note])
            warn_user(f"{shown_path(name)}: {note}")
    return results


def _in_output_folder(name: str) -> str | None:
    """The same name in the folder that configurations of `ionmech init` write to, if it exists."""
    place = os.path.join(os.path.dirname(name), "ionmech-output", os.path.basename(name))
    return place if is_file(place) else None


def _existing(path: Any) -> str:
    """The name of an existing file."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"path must be that of a result file, got {shown(path)}")
    name = os.fspath(path)
    if not isinstance(name, str) or not is_file(name):
        remedy = "`ionmech run` writes one, and run.save(path) in Python"
        if isinstance(name, str) and is_folder(name):
            remedy = "this is a folder, and one of run.save_run(path) is opened with load_run(path)"
        elif isinstance(name, str) and (there := _in_output_folder(name)):
            remedy = f"ionmech run wrote {shown_path(there)}"
        raise FileNotFoundError(
            f"no result file at {shown_path(name)}{not_reached(name)}; {remedy}"
        )
    return name


def _open(name: str) -> tuple[xr.DataTree, bool]:
    """The tree of a file, with large groups left in the file; and whether it is verified."""
    import xarray as xr

    watched = _Watched(name)
    verified = bytes_are_right(name)
    groups: dict[str, xr.Dataset] = {}
    file, is_used = _handle(netcdf_name(name))
    try:
        if not verified:
            verified = contents_are_right(file, os.path.getsize(name))
        for group in groups_of(file):
            data = xr.open_dataset(_watched_store(group, watched))
            if group.path in LARGE_GROUPS and data.nbytes > IN_FILE:
                is_used = True
            else:
                data.load()
            data.set_close(None)  # which would close the file for all groups
            data.attrs.pop(ATTRIBUTE, None)
            groups[group.path] = data
    finally:
        if not is_used:
            file.close()
    return xr.DataTree.from_dict(groups), verified


class _Watched:
    """A file that numbers are read from later, which must then be the one that was verified.

    Files that replace it under its name, as those that this package writes, are other files.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._descriptor = os.open(name, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        self._stamp = self._now()

    def _now(self) -> tuple[int, int]:
        about = os.fstat(self._descriptor)
        return about.st_size, about.st_mtime_ns

    def check(self) -> None:
        """Refuse a file that was changed since it was opened."""
        if self._now() != self._stamp:
            raise InputError(
                f"{shown_path(self.name)} was changed after it was loaded, and what is left in "
                "the file cannot be used; load it again"
            )


def _watched_store(group: Any, watched: _Watched) -> Any:
    """A group as xarray reads it, with a look at the file before every reading."""
    import xarray as xr

    class Store(xr.backends.NetCDF4DataStore):  # made here: xarray is imported when it is used
        def _acquire(self, needs_lock: bool = True) -> Any:
            watched.check()
            return super()._acquire(needs_lock)

    return Store(group)


def _handle(name: str) -> tuple[netCDF4.Dataset, bool]:
    """The handle of a file, and whether a result reads from it: the libraries crash with two."""
    import netCDF4

    about = os.stat(name)
    key = about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns
    handle = _HANDLES.get(key)
    if handle is not None and handle.isopen():
        return handle, True
    handle = _HANDLES[key] = netCDF4.Dataset(name)
    return handle, False
