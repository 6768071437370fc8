"""Sorts rows of tables by group, in memory or on disk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays_on_disk import folder_of, new_array
from .kernels import kernel

#: Rows processed at once.
ROWS_AT_ONCE = 2**18


@kernel
def _count(group, number):  # type: ignore[no-untyped-def]
    """Add the rows of each group, group (rows,), to number (groups,)."""
    for k in range(group.shape[0]):
        number[group[k]] += 1


@kernel
def _destinations(group, place, out):  # type: ignore[no-untyped-def]
    """Fill out (rows,) with the destination of each row; place (groups,): next row by group."""
    for k in range(group.shape[0]):
        out[k] = place[group[k]]
        place[group[k]] += 1


def sort_by_group(
    group: np.ndarray, columns: Sequence[np.ndarray], n_groups: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Stable sort of the rows of a table by group.

    Cost: linear in rows; takes a few megabytes besides the sorted columns.

    Parameters
    ----------
    group : numpy.ndarray
        Shape (rows,), integer: the group of each row, from 0 to ``n_groups - 1``.
    columns : sequence of numpy.ndarray
        Each of shape (rows,); a sorted column is stored in the folder of that column.
    n_groups : int

    Returns
    -------
    offsets : numpy.ndarray
        Shape (groups + 1,), int64: the rows of group g are ``offsets[g]:offsets[g + 1]``.
    sorted : list of numpy.ndarray
    """
    n_rows = len(group)
    blocks = [slice(k, min(k + ROWS_AT_ONCE, n_rows)) for k in range(0, n_rows, ROWS_AT_ONCE)]
    number = np.zeros(n_groups, dtype=np.int64)
    for rows in blocks:
        _count(group[rows], number)
    offsets = np.concatenate([[0], np.cumsum(number)])
    place = offsets[:-1].copy()
    out = [new_array(n_rows, column.dtype, folder_of(column)) for column in columns]
    for rows in blocks:
        to = np.empty(rows.stop - rows.start, dtype=np.int64)
        _destinations(group[rows], place, to)
        for column, target in zip(columns, out, strict=True):
            target[to] = column[rows]
    return offsets, out
