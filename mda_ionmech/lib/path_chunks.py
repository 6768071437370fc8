"""Shards of a Zarr array on a local disk, read and written as the files they are.

A shard holds some rows of all frames: an index of where each chunk begins and how long it is, then
the chunks, one for each part of the frames. Uncompressed, each is its numbers in C order, as large
at the edges as elsewhere. Every window asks for all of them, and the package zarr takes ten times
as long over a chunk of some hundred kilobytes as the disk does. The arrays have the shape (rows, 3,
frames).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def create(group: Any, name: str, shape: tuple[int, int, int], rows: int, frames: int) -> Any:
    """An array of zeros whose shards are there, to be filled by `write_chunk`.

    Parameters
    ----------
    group : zarr.Group
    name : str
    shape : tuple of int
    rows, frames : int
        Of a chunk.

    Returns
    -------
    zarr.Array
        float64.
    """
    from zarr.codecs import BytesCodec, ShardingCodec

    n_chunks = -(-shape[2] // frames)
    array = group.create_array(
        name,
        shape=shape,
        chunks=(rows, shape[1], n_chunks * frames),
        dtype="float64",
        compressors=None,
        serializer=ShardingCodec(
            chunk_shape=(rows, shape[1], frames),
            codecs=[BytesCodec()],
            index_codecs=[BytesCodec()],
            index_location="start",
        ),
    )
    size = 8 * rows * shape[1] * frames
    index = np.array([(_start(n_chunks, size, k), size) for k in range(n_chunks)], dtype="<u8")
    for row in range(-(-shape[0] // rows)):
        path = _file(array, row)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            index.tofile(file)
            file.truncate(_start(n_chunks, size, n_chunks))
    return array


def _start(n_chunks: int, size: int, number: int) -> int:
    """Where a chunk begins in its shard, bytes."""
    return 16 * n_chunks + number * size


def _file(array: Any, row: int) -> Path:
    """Of the shard with that number."""
    root = Path(array.store.root)
    return root / str(array.path) / str(array.metadata.encode_chunk_key((row, 0, 0)))


def read_rows(array: Any, first: int, last: int) -> np.ndarray:
    """Rows `first` to `last` - 1 of all frames, shape (last - first, 3, frames), float64.

    Parameters
    ----------
    array : zarr.Array
        From `create`.
    first, last : int
    """
    rows, axes, width = array.chunks
    n_frames = array.shape[2]
    n_chunks = -(-n_frames // width)
    out = np.empty((last - first, axes, n_frames))
    for i in range(first // rows, -(-last // rows) if last > first else 0):
        low, high = max(first, i * rows), min(last, (i + 1) * rows)
        skip = 8 * (low - i * rows) * axes * width
        chunk = np.empty((high - low, axes, width), dtype="<f8")
        with open(_file(array, i), "rb", buffering=0) as file:
            for j in range(n_chunks):
                file.seek(_start(n_chunks, 8 * rows * axes * width, j) + skip)
                file.readinto(chunk.data.cast("B"))
                here = out[low - first : high - first, :, j * width : (j + 1) * width]
                here[:] = chunk[:, :, : here.shape[2]]
    return out


def read_column(
    array: Any, first: int, last: int, column: int, room: np.ndarray | None = None
) -> np.ndarray:
    """Rows `first` to `last` - 1 of the frames of one chunk, shape (last - first, 3, frames).

    Parameters
    ----------
    array : zarr.Array
        From `create`.
    first, last : int
    column : int
        Number of the chunk along the frames.
    room : numpy.ndarray, optional
        What an earlier call gave: it is filled again if it has the shape that is asked for.
    """
    rows, axes, width = array.chunks
    n_frames = min(width, array.shape[2] - column * width)
    shape = (last - first, axes, n_frames)
    out = np.empty(shape, "<f8") if room is None or room.shape != shape else room
    for i in range(first // rows, -(-last // rows) if last > first else 0):
        low, high = max(first, i * rows), min(last, (i + 1) * rows)
        here = out[low - first : high - first]
        chunk = here if n_frames == width else np.empty((high - low, axes, width), dtype="<f8")
        n_chunks = -(-array.shape[2] // width)
        with open(_file(array, i), "rb", buffering=0) as file:
            start = _start(n_chunks, 8 * rows * axes * width, column)
            file.seek(start + 8 * (low - i * rows) * axes * width)
            file.readinto(chunk.data.cast("B"))
        if chunk is not here:
            here[:] = chunk[:, :, :n_frames]
    return out


def write_chunk(array: Any, row: int, column: int, values: np.ndarray) -> None:
    """One chunk, or what of it lies inside the array.

    Parameters
    ----------
    array : zarr.Array
        From `create`.
    row, column : int
        Number of the chunk along rows and frames.
    values : numpy.ndarray
        Shape (rows, 3, frames), float64; smaller than a chunk at the edges.
    """
    whole = np.zeros(array.chunks, dtype="<f8")
    whole[: values.shape[0], :, : values.shape[2]] = values
    n_chunks = -(-array.shape[2] // array.chunks[2])
    with open(_file(array, row), "r+b") as file:
        file.seek(_start(n_chunks, whole.nbytes, column))
        whole.tofile(file)
