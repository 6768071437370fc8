"""Chunks of a Zarr array on a local disk, read and written as the files they are.

An uncompressed chunk is a file of its numbers, in C order, little-endian, as large at the edges as
elsewhere. Every window asks for all of them, and the package zarr takes ten times as long over one
of some hundred kilobytes as the disk does. The arrays here have the shape (rows, 3, frames) and
chunks that cut rows and frames alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def _file(array: Any, row: int, column: int) -> Path:
    """Of the chunk with that number of rows and of frames."""
    root = Path(array.store.root)
    return root / str(array.path) / str(array.metadata.encode_chunk_key((row, 0, column)))


def read_rows(array: Any, first: int, last: int) -> np.ndarray:
    """Rows `first` to `last` - 1 of all frames, shape (last - first, 3, frames), float64.

    Parameters
    ----------
    array : zarr.Array
    first, last : int
    """
    rows, axes, width = array.chunks
    n_frames = array.shape[2]
    out = np.zeros((last - first, axes, n_frames))
    for i in range(first // rows, -(-last // rows)):
        low, high = max(first, i * rows), min(last, (i + 1) * rows)
        shape = (high - low, axes, width)
        skip = 8 * (low - i * rows) * axes * width
        for j, begin in enumerate(range(0, n_frames, width)):
            try:
                found = np.fromfile(_file(array, i, j), "<f8", int(np.prod(shape)), offset=skip)
            except FileNotFoundError:  # one of zeros may have none
                continue
            end = min(begin + width, n_frames)
            out[low - first : high - first, :, begin:end] = found.reshape(shape)[
                :, :, : end - begin
            ]
    return out


def write_chunk(array: Any, row: int, column: int, values: np.ndarray) -> None:
    """One chunk, or what of it lies inside the array.

    Parameters
    ----------
    array : zarr.Array
    row, column : int
        Number of the chunk along rows and frames.
    values : numpy.ndarray
        Shape (rows, 3, frames), float64; smaller than a chunk at the edges.
    """
    whole = np.zeros(array.chunks, dtype="<f8")
    whole[: values.shape[0], :, : values.shape[2]] = values
    path = _file(array, row, column)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.tofile(path)
