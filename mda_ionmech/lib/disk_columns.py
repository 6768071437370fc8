"""Arrays of one dimension on disk: written at their end, read in stretches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Column:
    """An array on disk; slices of neighbouring elements are read as arrays.

    Attributes
    ----------
    path : Path
    kind : numpy.dtype
        Of an element.
    """

    path: Path
    kind: np.dtype

    def __len__(self) -> int:
        return self.path.stat().st_size // self.kind.itemsize

    def __getitem__(self, where: slice) -> np.ndarray:
        first, last, _ = where.indices(len(self))
        n = max(last - first, 0)
        return np.fromfile(self.path, self.kind, n, offset=first * self.kind.itemsize)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)

    def stretches(self, bounds: Iterable[tuple[int, int]]) -> np.ndarray:
        """Several stretches [first, last), one after the other as one array."""
        bounds = [(int(a), int(b)) for a, b in bounds]
        out = np.empty(sum(b - a for a, b in bounds), dtype=self.kind)
        at = 0
        with open(self.path, "rb", buffering=0) as file:
            for a, b in bounds:
                file.seek(a * self.kind.itemsize)
                # read to its place: nothing is held twice
                file.readinto(out[at : at + b - a].view(np.uint8).data)
                at += b - a
        return out


@contextmanager
def appended(columns: Sequence[Column]) -> Iterator[list[Any]]:
    """Open files that arrays are put at the end of with ``array.tofile(file)``; empty at first."""
    with ExitStack() as stack:
        yield [stack.enter_context(open(column.path, "wb")) for column in columns]


class Pieces:
    """Rows that come in pieces and are asked for by group, in memory or in a file.

    Parameters
    ----------
    n_groups : int
    path : Path or None
        Of the file; None keeps the pieces.
    """

    def __init__(self, n_groups: int, path: Path | None) -> None:
        self._n_groups, self._path = n_groups, path
        self._kept: list[np.ndarray] = []
        self._bounds: list[np.ndarray] = []
        self._n_rows = 0
        self._kind: Any = None
        if path is not None:
            path.unlink(missing_ok=True)

    def add(self, group: np.ndarray, rows: np.ndarray) -> None:
        """Take a piece: rows, and the group of each."""
        order = np.argsort(group, kind="stable")
        number = np.bincount(group, minlength=self._n_groups)
        self._bounds.append(self._n_rows + np.concatenate([[0], np.cumsum(number)]))
        self._n_rows += len(rows)
        self._kind = rows.dtype
        if self._path is None:
            self._kept.append(rows[order])
            return
        with open(self._path, "ab") as file:
            rows[order].tofile(file)

    def of(self, group: int) -> list[np.ndarray]:
        """Rows of a group, piece after piece."""
        bounds = [(int(b[group]), int(b[group + 1])) for b in self._bounds]
        if self._path is None:
            return [
                rows[a - b[0] : z - b[0]]
                for rows, b, (a, z) in zip(self._kept, self._bounds, bounds, strict=True)
            ]
        if self._kind is None:
            return []
        rows = Column(self._path, self._kind).stretches(bounds)
        return np.split(rows, np.cumsum([z - a for a, z in bounds])[:-1])


def write_groups(
    path: Path, kind: np.dtype, starts: np.ndarray, pieces: Iterable[tuple[np.ndarray, np.ndarray]]
) -> Column:
    """Rows in the order of their groups, from pieces in which groups are mixed.

    Cost: each row is written once; within a group rows keep the order of the pieces.

    Parameters
    ----------
    path : Path
    kind : numpy.dtype
        Of a row.
    starts : numpy.ndarray
        Shape (groups + 1,): where the rows of each group begin.
    pieces : iterable of (numpy.ndarray, numpy.ndarray)
        Number of the group and row, each (rows of the piece,), sorted by group.
    """
    place = np.array(starts[:-1])
    with open(path, "wb") as file:
        for group, rows in pieces:
            edges = np.flatnonzero(np.diff(group, prepend=-1))
            for first, last in pairwise([*edges.tolist(), len(group)]):
                file.seek(int(place[group[first]]) * kind.itemsize)
                rows[first:last].tofile(file)
                place[group[first]] += last - first
    return Column(path, kind)
