"""Distinct coordination shells, and the shell of each carrier over time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.arrays_on_disk import folder_of
from ..lib.run_length import LabelRuns, run_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Number of members above which a table of shells on disk is processed in parts.
SMALL_TABLE = 2**16


@dataclass(frozen=True)
class Shell:
    """One microstate: the members of a coordination shell, as input of rules.

    Attributes
    ----------
    atoms : numpy.ndarray
        Shape (members,), int64: atom indices in the universe, sorted.
    molecules : numpy.ndarray
        Shape (members,), int64: molecule id of each.
    types : tuple of str
        Ligand type of each.
    """

    atoms: np.ndarray
    molecules: np.ndarray
    types: tuple[str, ...]

    def molecule_set(self, ligand_type: str | None = None) -> frozenset[int]:
        """Molecule ids in the shell.

        Parameters
        ----------
        ligand_type : str, optional
            Of this type alone.

        Returns
        -------
        frozenset of int
        """
        return frozenset(
            int(m)
            for m, t in zip(self.molecules, self.types, strict=True)
            if ligand_type is None or t == ligand_type
        )


@dataclass(frozen=True)
class ShellTable:
    """The distinct shells of a species, ragged: members of shell s are offsets[s] : offsets[s + 1].

    Attributes
    ----------
    offsets : numpy.ndarray
        Shape (shells + 1,), int64.
    atom, molecule, kind : numpy.ndarray
        Shape (members,), int64: atom index in the universe, molecule id, place of the ligand type
        in `types`.
    types : tuple of str
        Names of the ligand types.
    """

    offsets: np.ndarray
    atom: np.ndarray
    molecule: np.ndarray
    kind: np.ndarray
    types: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_members(self) -> int:
        """Members of all shells together."""
        return len(self.atom)

    @property
    def is_large(self) -> bool:
        """Whether the table is on disk and too large to process all shells at once."""
        return self.n_members > SMALL_TABLE and folder_of(self.atom) is not None

    def tables(self) -> Iterator[tuple[int, ShellTable]]:
        """All shells, as a sequence of tables.

        Yields
        ------
        first : int
            Number of the first shell of the table.
        table : ShellTable
        """
        edges = np.searchsorted(self.offsets, np.arange(SMALL_TABLE, self.n_members, SMALL_TABLE))
        for first, last in pairwise(np.unique([0, *edges, len(self)])):
            a, b = int(self.offsets[first]), int(self.offsets[last])
            part = self.atom[a:b], self.molecule[a:b], self.kind[a:b]
            yield int(first), ShellTable(self.offsets[first : last + 1] - a, *part, self.types)

    def some(self, shells: np.ndarray) -> ShellTable:
        """A table of some of the shells.

        Parameters
        ----------
        shells : numpy.ndarray
            Shape (some,): their numbers.

        Returns
        -------
        ShellTable
        """
        size = self.offsets[shells + 1] - self.offsets[shells]
        offsets = np.concatenate([[0], np.cumsum(size)])
        member = np.arange(offsets[-1]) + np.repeat(self.offsets[shells] - offsets[:-1], size)
        return ShellTable(
            offsets, self.atom[member], self.molecule[member], self.kind[member], self.types
        )

    def __getitem__(self, shell: int) -> Shell:
        members = slice(self.offsets[shell], self.offsets[shell + 1])
        atoms, molecules = self.atom[members], self.molecule[members]
        # rules of users get these: what they assign must not change the table
        atoms.flags.writeable = molecules.flags.writeable = False
        return Shell(
            atoms=atoms,
            molecules=molecules,
            types=tuple(self.types[k] for k in self.kind[members]),
        )

    def distinct_molecules(self, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sorted distinct molecules per shell, only of the ligand types where `kinds` is True.

        Parameters
        ----------
        kinds : numpy.ndarray
            Shape (types,), bool.

        Returns
        -------
        offsets : numpy.ndarray
            Shape (shells + 1,), int64.
        molecules : numpy.ndarray
            Shape (distinct members,), int64.
        """
        shell_of = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        keep = kinds[self.kind] if len(self.kind) else np.zeros(0, dtype=bool)
        pairs = np.unique(np.stack([shell_of[keep], self.molecule[keep]], axis=1), axis=0)
        counts = np.bincount(pairs[:, 0], minlength=len(self))
        return np.concatenate([[0], np.cumsum(counts)]), np.ascontiguousarray(pairs[:, 1])


def one_member_shells(kind: np.ndarray, types: tuple[str, ...]) -> ShellTable:
    """A shell of one member for each site or cage; `kind` holds the places of labels in `types`."""
    each = np.arange(len(kind))
    return ShellTable(np.arange(len(kind) + 1), each, each, kind, types)


@dataclass(frozen=True)
class Microstates:
    """Microstate of every carrier in every frame.

    Attributes
    ----------
    runs : LabelRuns
        Numbers of the shells in `shells`, carrier by carrier.
    shells : ShellTable
        The distinct shells.
    report : dict
        Statistics of the detector and the filters, as plain numbers.
    places : numpy.ndarray or None
        Shape (shells, 3), fractional: positions of sites that are found when carriers are labelled.
    state : numpy.ndarray
        Shape (frames, carriers), int32: the runs as a dense array, made at the first access.
    """

    runs: LabelRuns
    shells: ShellTable
    report: dict[str, Any] = field(default_factory=dict)
    places: np.ndarray | None = None

    @cached_property
    def state(self) -> np.ndarray:
        """Shell number of every carrier in every frame, shape (frames, carriers), int32."""
        return self.runs.dense().T

    def blocks(self) -> Iterator[tuple[int, int, LabelRuns, ShellTable]]:
        """Blocks of carriers: first, last + 1, runs, and the table that their values refer to.

        One block in memory; on disk, blocks of about `BLOCK_RUNS` runs, with the shells of the
        block alone where the table is large.
        """
        if self.runs.folder is None:
            yield 0, self.runs.n_carriers, self.runs, self.shells
            return
        for first, last in run_blocks(self.runs.offsets):
            runs = self.runs.part(first, last)
            if not self.shells.is_large:
                yield first, last, runs, self.shells
                continue
            met, value = np.unique(runs.value, return_inverse=True)
            yield first, last, replace(runs, value=value.astype(np.int32)), self.shells.some(met)
