"""Named tuples of arrays for the kernels of hysteresis and persistence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Intervals(NamedTuple):
    """Intervals of contact by carrier: order[first_row[c] : first_row[c + 1]] are those of c.

    Attributes
    ----------
    order : numpy.ndarray
        Shape (intervals,): their numbers, those of one ligand in the order of time.
    first_row : numpy.ndarray
        Shape (carriers + 1,), int64.
    ligand, inner, begin, end : numpy.ndarray
        Shape (intervals,), as in `ContactHistory`.
    n_frames, n_ligands : int
    """

    order: np.ndarray
    first_row: np.ndarray
    ligand: np.ndarray
    inner: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    n_frames: int
    n_ligands: int


class ShellRuns(NamedTuple):
    """Runs of shells of all carriers, with spare capacity: as in `LabelRuns`."""

    offset: np.ndarray
    start: np.ndarray
    value: np.ndarray


class KnownShells(NamedTuple):
    """The distinct shells found so far, with spare capacity, and their hash table.

    Attributes
    ----------
    table : numpy.ndarray
        Shape (a power of 2,), uint64: upper half of the hash of shell s, and s + 1 in the lower
        half; 0 where it is free.
    hashes : numpy.ndarray
        Shape (shells,), uint64: exclusive or of the hashes of the members.
    offsets, members : numpy.ndarray
        Shapes (shells + 1,), int64, and (members,), int32: shell s has the ligands, ascending,
        ``members[offsets[s]:offsets[s + 1]]``.
    """

    table: np.ndarray
    hashes: np.ndarray
    offsets: np.ndarray
    members: np.ndarray


class Stays(NamedTuple):
    """Working memory of `mark_changes`: continuous stays of a ligand inside r_out, from number 1
    on.

    Attributes
    ----------
    of_ligand : numpy.ndarray
        Shape (ligands,), int32: the last stay of each ligand; 0 between carriers.
    ligand, on, off, following, firsts : numpy.ndarray
        Shape (most intervals of a carrier + 1,), int32: its ligand, the frame in which the contact
        begins (-1 never, -2 never and inside r_out from the first frame), the frame in which it
        ends, the next stay of the same ligand, and the first stays of the ligands.
    """

    of_ligand: np.ndarray
    ligand: np.ndarray
    on: np.ndarray
    off: np.ndarray
    following: np.ndarray
    firsts: np.ndarray


class Changes(NamedTuple):
    """Changes of the shell of one carrier, by frame.

    Attributes
    ----------
    change, before : numpy.ndarray
        Shape (changes,), int32: the ligand that joins, or ~ligand that leaves; the number of
        another change of the same frame, or -1.
    head : numpy.ndarray
        Shape (frames,), int32: number of the last change of each frame, or -1.
    words : numpy.ndarray
        Shape (frames / 64 + 1,), uint64: a bit for each frame with a change.
    """

    change: np.ndarray
    before: np.ndarray
    head: np.ndarray
    words: np.ndarray


class Steps(NamedTuple):
    """The sequence of shells of one carrier.

    Attributes
    ----------
    change : numpy.ndarray
        Shape (changes,), int32: those of `Changes` in the order of time.
    start, stop : numpy.ndarray
        Shape (steps,), int32: the first frame of the shell; the number of changes up to it.
    code : numpy.ndarray
        Shape (steps,), uint64: hash of the shell.
    """

    change: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    code: np.ndarray
