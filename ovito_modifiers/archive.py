"""Reads arrays of ``*.npz`` files, checking sizes before memory is allocated. numpy alone."""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import numpy as np

#: Name of the array that holds the checksum of the others.
CHECKSUM = "checksum"
#: Size of the pieces that are read and hashed, bytes.
PIECE = 2**22
#: Largest compression ratio of deflate.
MOST_RATIO = 1100
#: Most arrays of a file, and longest header of an array.
MOST_ARRAYS, LONGEST_HEADER = 200, 4096

#: Shape, whether in Fortran order, type, and position of the values in the member.
Header = tuple[tuple[int, ...], bool, np.dtype, int]


def read_headers(archive: zipfile.ZipFile) -> dict[str, Header]:
    """Shapes and types of all arrays, without reading them.

    Raises
    ------
    ValueError
        For a member that is no array, occurs twice, or whose size does not fit its shape.
    """
    members = archive.infolist()
    if len(members) > MOST_ARRAYS:
        raise ValueError(f"it holds {len(members)} arrays")
    out: dict[str, Header] = {}
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name == member.filename or not name.isidentifier() or len(name) > 80:
            raise ValueError(f"it holds {member.filename[:80]!r}, which is no array of it")
        if name in out:
            raise ValueError(f"it holds {name} twice")
        if member.file_size > MOST_RATIO * member.compress_size + LONGEST_HEADER:
            raise ValueError(
                f"{name} would be {member.file_size} bytes, which {member.compress_size} "
                "compressed ones cannot hold"
            )
        out[name] = _header(archive, member, name)
    return out


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Header:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            read: Any = np.lib.format.read_array_header_1_0
        elif version == (2, 0):
            read = np.lib.format.read_array_header_2_0
        else:
            raise ValueError(f"{name} is of version {version} of the format of arrays")
        shape, is_fortran, dtype = read(file, max_header_size=LONGEST_HEADER)
        start = file.tell()
    if dtype.kind not in "iufU" or dtype.hasobject or any(n < 0 for n in shape):
        raise ValueError(f"{name} holds {dtype}, neither numbers nor text")
    size = start + math.prod(shape) * dtype.itemsize
    if member.file_size != size:
        raise ValueError(
            f"{name} has {member.file_size} bytes, its shape {shape} needs {size} of them"
        )
    return tuple(map(int, shape)), bool(is_fortran), dtype, start


def read_array(archive: zipfile.ZipFile, name: str, header: Header) -> np.ndarray:
    """One array, in the byte order of this machine.

    Raises
    ------
    ValueError, zipfile.BadZipFile, zlib.error
        If its bytes are damaged.
    """
    shape, is_fortran, dtype, start = header
    values = np.empty(shape[::-1] if is_fortran else shape, dtype=dtype)
    with archive.open(f"{name}.npy") as file:
        file.read(start)
        if values.nbytes:
            flat = values.reshape(-1).view(np.uint8)
            at = 0
            while at < len(flat):
                piece = file.read(min(PIECE, len(flat) - at))
                if not piece:
                    raise ValueError(f"{name} ends early")
                flat[at : at + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
                at += len(piece)
        if file.read(1):  # reading past the end verifies the checksum of the member
            raise ValueError(f"{name} does not end where it should")
    values = values.T if is_fortran else values
    return values.astype(dtype.newbyteorder("="), copy=False)


def checksum_of(arrays: Mapping[str, Any]) -> np.ndarray:
    """The checksum of names, types, shapes and values of arrays, as an array of text.

    Parameters
    ----------
    arrays : mapping of str to array
        The one called `CHECKSUM` is omitted.
    """
    found = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        if name == CHECKSUM:
            continue
        values = np.asarray(arrays[name])
        little = values.dtype.newbyteorder("<")
        found.update(f"{name} {little.str} {values.shape}\n".encode())
        for piece in _pieces(values):
            found.update(np.ascontiguousarray(piece, dtype=little).tobytes())
    return np.array(f"blake2b {found.hexdigest()}")


def _pieces(values: np.ndarray) -> Iterable[np.ndarray]:
    if values.ndim == 0:
        yield values
        return
    rows = max(PIECE // max(values[:1].nbytes, 1), 1)
    for first in range(0, len(values), rows):
        yield values[first : first + rows]


def open_archive(path: str | PathLike[str]) -> zipfile.ZipFile:
    """The archive of a file.

    Raises
    ------
    ValueError
        For a file that holds a single array.
    zipfile.BadZipFile, OSError
    """
    with open(path, "rb") as file:
        if file.read(6) == b"\x93NUMPY":
            raise ValueError("a single array")
    return zipfile.ZipFile(path)
