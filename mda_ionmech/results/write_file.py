"""Writes the NetCDF4 file of a result, with large arrays in pieces."""

from __future__ import annotations

import contextlib
import errno
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..lib.files import write_atomically
from ..lib.write_targets import file_target, netcdf_name
from .checksums import append_checksum, store_checksums

#: Size above which variables are written in pieces, bytes.
LARGE = 2**20
#: Size of these pieces, bytes.
PIECE = 2**20
#: Compression of all but small variables.
COMPLEVEL, COMPRESSED = 2, 10_000


def save_netcdf(
    path: str | os.PathLike[str], write: Callable[[str], object], *, remedy: str
) -> Path:
    """Write a NetCDF4 file atomically, and free the space of what a full disk could not take.

    Parameters
    ----------
    path : path-like
    write : callable
        Called with the name of the temporary file, which it fills.
    remedy : str
        What to do about what was to be written.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If no file can be written there.
    """
    netcdf_name(file_target(path))

    def checked(name: str) -> None:
        with _netcdf_errors(name):
            write(name)

    return write_atomically(path, checked, remedy=remedy)


def write_netcdf(tree: xr.DataTree, name: str) -> None:
    """Write a tree as a NetCDF4 file with its checksums.

    Takes a few times `LARGE` of memory besides the tree, for arrays of any size.

    Parameters
    ----------
    tree : xarray.DataTree
    name : str
        Name of the file, which is overwritten.

    Raises
    ------
    OSError or RuntimeError
        If it cannot be written, as on a full disk.
    """
    large: dict[str, dict[str, xr.Variable]] = {}
    groups: dict[str, xr.Dataset] = {}
    for node in tree.subtree:
        data = node.to_dataset(inherit=False)
        # HDF5 adds no variable along a dimension that a table of its name was written for
        tables = {key for key, one in data.variables.items() if key in one.dims and one.ndim > 1}
        some = {
            str(key): one.variable
            for key, one in data.data_vars.items()
            if one.nbytes > LARGE and one.dtype.kind in "iuf" and not tables & set(one.dims)
        }
        large[node.path] = some
        groups[node.path] = data.drop_vars(some)
    encoding = {path: _encoding(data) for path, data in groups.items()}
    xr.DataTree.from_dict(groups).to_netcdf(name, engine="netcdf4", encoding=encoding)
    if any(large.values()):
        _append(name, large)
    store_checksums(name)
    append_checksum(name)


@contextlib.contextmanager
def _netcdf_errors(name: str) -> Iterator[None]:
    """Say why a file could not be written, and free the space of what was written of it."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            os.truncate(name, 0)  # the library keeps it open, and its space on the disk with it
        raise _reason(name, error) from error


def _reason(name: str, error: Exception) -> OSError:
    """Why a file could not be written, which the NetCDF library does not tell."""
    try:
        with open(name, "r+b") as file:
            file.write(bytes(LARGE))
            file.flush()
            os.fsync(file.fileno())
            file.truncate(0)
    except OSError as found:
        return found
    return OSError(
        errno.EIO, f"the NetCDF library says {error}, as it does when the disk or a quota is full"
    )


def _encoding(data: xr.Dataset) -> dict[str, dict[str, Any]]:
    """Encoding of the variables of one group."""
    settings: dict[str, dict[str, Any]] = {}
    for name, variable in data.variables.items():
        if variable.dtype.kind not in "iuf":
            continue
        settings[str(name)] = {"zlib": variable.size > COMPRESSED, "complevel": COMPLEVEL}
        if variable.dtype.kind in "iu":
            settings[str(name)]["_FillValue"] = None
    return settings


def _append(name: str, large: dict[str, dict[str, xr.Variable]]) -> None:
    """Add variables to a file, in pieces along their first dimension."""
    import netCDF4

    with netCDF4.Dataset(name, "a") as file:
        for path, variables in large.items():
            group = file[path] if path != "/" else file
            for key, one in variables.items():
                for dim, size in zip(map(str, one.dims), one.shape, strict=True):
                    if dim not in group.dimensions:
                        group.createDimension(dim, size)
                row = math.prod(one.shape[1:]) * one.dtype.itemsize
                rows = min(max(PIECE // row, 1), one.shape[0])
                options: dict[str, Any] = {
                    "zlib": True, "complevel": COMPLEVEL, "chunksizes": (rows, *one.shape[1:])
                }  # fmt: skip
                if one.dtype.kind == "f":
                    options["fill_value"] = np.nan  # as xarray marks missing numbers
                target: Any = group.createVariable(
                    key, one.dtype.str, tuple(map(str, one.dims)), **options
                )
                # by default the library keeps 64 MB of every variable
                target.set_var_chunk_cache(size=2 * PIECE)
                target.setncatts(one.attrs)
                target.set_auto_maskandscale(False)
                for first in range(0, one.shape[0], rows):
                    target[first : first + rows] = np.asarray(one[first : first + rows])
