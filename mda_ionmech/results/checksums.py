"""Checksums of a result file: of its bytes, and of its contents.

That of the bytes is appended to the NetCDF4 file, where readers of HDF5 ignore it. It is verified
before the HDF5 library opens the file, because the library may crash on damaged bytes. Those of the
contents, an attribute of every group, remain valid when another program writes the same names,
numbers and texts again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import netCDF4

#: Name of the attribute with the checksum of a group.
ATTRIBUTE = "checksum"
#: Size of the pieces that are read and hashed, bytes.
PIECE = 2**20
#: Largest ratio of the size of arrays to that of the file, apart from a few megabytes: the limit of
#: deflate.
MOST_RATIO, SMALL = 1100, 2**26
_START, _LENGTH = b"\nionmech-results: blake2b of the bytes before this line ", 89
_FOOTER = re.compile(re.escape(_START) + rb"([0-9a-f]{32})\n")


class DamagedError(ValueError):
    """A file differs from what was written; the message says how."""


def _new_hash() -> Any:
    return hashlib.blake2b(digest_size=16)


def append_checksum(name: str) -> None:
    """Append the checksum of the bytes of a file.

    Parameters
    ----------
    name : str
    """
    found = _hash_of_bytes(name, os.path.getsize(name))
    with open(name, "ab") as file:
        file.write(_START + found + b"\n")


def bytes_are_right(name: str) -> bool:
    """Whether a file ends with the checksum of its bytes.

    Returns
    -------
    bool
        False for a file without it: of an older version, or written by another program.

    Raises
    ------
    DamagedError
        If the bytes differ.
    """
    size = os.path.getsize(name)
    with open(name, "rb") as file:
        file.seek(max(size - _LENGTH, 0))
        footer = _FOOTER.fullmatch(file.read())
    if footer is None:
        return False
    if _hash_of_bytes(name, size - _LENGTH) != footer[1]:
        raise DamagedError("its bytes are not those that were written")
    return True


def _hash_of_bytes(name: str, size: int) -> bytes:
    """Checksum of the first bytes of a file, as ASCII."""
    found = _new_hash()
    with open(name, "rb") as file:
        while size > 0 and (piece := file.read(min(PIECE, size))):
            found.update(piece)
            size -= len(piece)
    return bytes(found.hexdigest(), "ascii")


def store_checksums(name: str) -> None:
    """Add to every group of a NetCDF4 file the checksum of its contents and its groups."""
    import netCDF4

    with netCDF4.Dataset(name, "a") as file:
        for group, found in _checksums(file).values():
            group.setncattr(ATTRIBUTE, found)


def contents_are_right(file: netCDF4.Dataset, size: int) -> bool:
    """Whether every group of a NetCDF4 file agrees with its checksum.

    Memory does not depend on the size of the file.

    Parameters
    ----------
    file : netCDF4.Dataset
    size : int
        Of the file, bytes.

    Returns
    -------
    bool
        False for a file without checksums, as earlier versions wrote them.

    Raises
    ------
    DamagedError
        If a group differs, or lacks its checksum while others have one.
    """
    _check_sizes(file, size)
    found = _checksums(file)
    stored = {
        path: group.getncattr(ATTRIBUTE) if ATTRIBUTE in group.ncattrs() else None
        for path, (group, _) in found.items()
    }
    if not any(stored.values()):
        return False
    # groups come after those inside them, so that the first that differs is the one that changed
    for path, (_, checksum) in found.items():
        if stored[path] != checksum:
            raise DamagedError(
                f"{path} does not hold what was written, its checksum is another one: names, "
                "units, shapes, numbers or texts were changed"
            )
    return True


def groups_of(group: Any) -> Iterator[Any]:
    """The groups of a NetCDF4 file or group, each after those inside it, itself last."""
    for one in group.groups.values():
        yield from groups_of(one)
    yield group


def _check_sizes(file: Any, size: int) -> None:
    """Refuse arrays that are too large for the size of the file."""
    total = 0
    for group in groups_of(file):
        for name, one in group.variables.items():
            total += int(np.prod([*map(float, one.shape), 1.0])) * _itemsize(group.path, name, one)
    if total > size * MOST_RATIO + SMALL:
        raise DamagedError(
            f"its arrays would be {total / 1e9:.3g} GB, which {size / 1e6:.3g} MB cannot hold"
        )


def _itemsize(path: str, name: str, variable: Any) -> int:
    if variable.dtype is str:
        return 1
    if not isinstance(variable.dtype, np.dtype) or variable.dtype.kind not in "iufS":
        raise DamagedError(f"{path.rstrip('/')}/{name} is of a type that no result has")
    return int(variable.dtype.itemsize)


def _checksums(file: Any) -> dict[str, tuple[Any, str]]:
    """Every group with its checksum, by path; a group after those inside it."""
    file.set_auto_maskandscale(False)
    file.set_auto_chartostring(False)
    out: dict[str, tuple[Any, str]] = {}
    for group in groups_of(file):
        found = _new_hash()
        attributes = {key: group.getncattr(key) for key in group.ncattrs() if key != ATTRIBUTE}
        _add_attributes(found, attributes)
        for name in sorted(group.dimensions):
            _add(found, "dimension", name, str(len(group.dimensions[name])))
        for name in sorted(group.variables):
            _add_variable(found, group.path, name, group.variables[name])
        for name in sorted(group.groups):
            _add(found, "group", name, out[group.groups[name].path][1])
        out[group.path] = group, f"blake2b {found.hexdigest()}"
    return out


def _add(found: Any, *texts: str) -> None:
    """Add texts unambiguously."""
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        found.update(b"%d:" % len(data))
        found.update(data)


def _add_attributes(found: Any, attributes: dict[str, Any]) -> None:
    for name in sorted(attributes):
        value = attributes[name]
        if isinstance(value, str):
            _add(found, "text", name, value)
        elif isinstance(value, list):
            _add(found, "texts", name, str(len(value)), *map(str, value))
        else:
            numbers = np.ravel(value)
            _add(found, "numbers", name, str(numbers.size), numbers.dtype.str[1:])
            found.update(_as_bytes(numbers))


def _add_variable(found: Any, path: str, name: str, variable: Any) -> None:
    _itemsize(path, name, variable)
    is_text = variable.dtype is str
    _add(found, "variable", name, *variable.dimensions, *map(str, variable.shape))
    _add(found, "str" if is_text else variable.dtype.str[1:])
    _add_attributes(found, {key: variable.getncattr(key) for key in variable.ncattrs()})
    for values in _pieces(variable):
        if is_text:
            _add(found, *map(str, np.ravel(values)))
        else:
            found.update(_as_bytes(np.asarray(values)))


def _pieces(variable: Any) -> Iterator[Any]:
    """The values of a variable in pieces of a few megabytes, of whole chunks of the file."""
    if variable.ndim == 0 or 0 in variable.shape:
        yield variable[...]
        return
    per_row = max(int(np.prod(variable.shape[1:], dtype=np.int64)), 1)
    rows = max(PIECE // (per_row * (8 if variable.dtype is str else variable.dtype.itemsize)), 1)
    chunks = variable.chunking()
    if isinstance(chunks, list):
        rows = -(-rows // chunks[0]) * chunks[0]
    # the library caches 64 MB per variable by default, but loses variables named as dimensions
    cached = isinstance(chunks, list) and variable.name not in variable.dimensions
    if cached:
        variable.set_var_chunk_cache(size=4 * PIECE)
    for first in range(0, variable.shape[0], rows):
        yield variable[first : first + rows]
    if cached:  # it would stay until the file is closed
        variable.set_var_chunk_cache(size=1024)


def _as_bytes(values: np.ndarray) -> bytes:
    """Little-endian bytes, with the same bytes for every NaN."""
    if values.dtype.kind == "f" and (none := np.isnan(values)).any():
        values = np.where(none, values.dtype.type(np.nan), values)
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
