"""Shells on disk that are asked for by frames: those of some frames of all carriers lie together.

The table of distinct shells is in the order in which carriers meet them, one carrier after the
other, so that the shells of all carriers at one time are spread over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..lib.disk_columns import Column, appended
from ..lib.frame_blocks import (
    FileFrames,
    FrameFile,
    StateReader,
    column_edges,
    state_frames,
    write_by_columns,
)
from ..lib.run_length import LabelRuns, StoredRuns
from ..trajectory.carriers import Ligands
from .detector import ShellTable
from .on_disk import StoredShells


@dataclass(frozen=True)
class ShellColumns:
    """The shells of all carriers, column after column, a column being some frames.

    Attributes
    ----------
    states : FileFrames
        Shells of the carriers, numbered within each column.
    shells : StoredShells
        The shells that are met in each column, one column after the other.
    edges : numpy.ndarray
        Shape (columns + 1,): first of the shells of each column.
    """

    states: FileFrames
    shells: StoredShells
    edges: np.ndarray

    def reader(self) -> ColumnReader:
        """For frames that are asked for one after the other."""
        return ColumnReader(self)


class ColumnReader:
    """States of all carriers in some frames; the column that was asked for last is kept.

    Parameters
    ----------
    columns : ShellColumns
    """

    def __init__(self, columns: ShellColumns) -> None:
        self._columns = columns
        self._states: StateReader = columns.states.reader()
        self.number = -1
        self.table: ShellTable

    def between(self, first: int, last: int) -> np.ndarray:
        """States in frames `first` to `last` - 1 of one column, shape (carriers, frames), int32:
        places in `table`, the shells of the column with that `number`."""
        number = first // self._columns.states.width
        if number != self.number:
            edges = self._columns.edges
            self.table = self._columns.shells.between(int(edges[number]), int(edges[number + 1]))
            self.number = number
        return self._states.between(first, last)


def shell_columns(
    runs: LabelRuns | StoredRuns,
    shells: ShellTable | StoredShells,
    ligands: Ligands,
    width: int,
    room: Path,
) -> ShellColumns:
    """Write the shells of all carriers column by column.

    Cost: two passes over carriers x frames, and the shells of each column are looked up once.

    Parameters
    ----------
    runs : LabelRuns or StoredRuns
        Numbers of the shells in `shells`.
    shells : ShellTable or StoredShells
    ligands : Ligands
        Of the species.
    width : int
        Frames of a column.
    room : Path
        An empty folder.
    """
    frames = state_frames(runs, width, room / "shells.bin")
    edges = column_edges(runs.n_frames, width)
    starts, members = (
        Column(room / f"{name}.bin", np.dtype(kind))
        for name, kind in (("starts", "i8"), ("members", "i4"))
    )
    first_shell, n_members = [0], 0

    def columns() -> Iterator[np.ndarray]:
        nonlocal n_members
        reader = frames.reader()
        for first, last in pairwise(edges.tolist()):
            state = reader.between(first, last)
            met, place = np.unique(state, return_inverse=True)
            table = shells.some(met)
            (table.offsets[1:] + n_members).tofile(opened[0])
            np.searchsorted(ligands.atom, table.atom).astype(np.int32).tofile(opened[1])
            first_shell.append(first_shell[-1] + len(met))
            n_members += len(table.atom)
            yield place.reshape(state.shape)

    path = room / "places.bin"
    file = FrameFile(path, np.dtype("i4"), (), runs.n_carriers, edges)
    with appended([starts, members]) as opened:
        np.zeros(1, dtype=np.int64).tofile(opened[0])
        places = FileFrames(write_by_columns(file, columns()))
    (room / "shells.bin").unlink(missing_ok=True)
    found = StoredShells(
        starts, members, ligands.atom, ligands.molecule, ligands.kind, shells.types
    )
    return ShellColumns(places, found, np.array(first_shell))
