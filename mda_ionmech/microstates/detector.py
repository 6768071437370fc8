"""Detectors and what they find.

A microstate S_i(t) is the set of ligand atoms, each with its molecule, in the first shell of
carrier i. Detectors emit contacts frame by frame; history filters act on the gathered contacts;
then each distinct shell is interned once, so that comparing two microstates is comparing integers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import species
from ..lib.arrays_on_disk import folder_of
from ..lib.errors import InputError
from ..lib.frozen import is_frozen, own_copy
from ..lib.grouping import sort_by_group
from ..lib.kernels import counting_order
from ..lib.run_length import LabelRuns, run_blocks
from ..lib.topology import check_apart, check_atom_group
from ..trajectory.unwrap import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from MDAnalysis import AtomGroup

    from ..lib.arrays_on_disk import ArrayFolder
    from .contact_tracking import Follower
    from .rdf import RadialDistribution

#: Stretches of contact worked on at once.
BLOCK_ROWS = 2**18
#: Of a table of shells on disk with more members than this, parts are looked at.
SMALL_TABLE = 2**16


def row_number(n_rows: int) -> type:
    """The smaller type of integer that numbers so many rows."""
    return np.int32 if n_rows < 2**31 else np.int64


class FrameGeometry:
    """What a detector sees of one frame.

    Parameters
    ----------
    centres : numpy.ndarray
        Shape (carriers, 3): fractional coordinates of the carriers, any image.
    ligands : numpy.ndarray or Places
        Shape (ligands, 3): fractional coordinates of the ligand atoms, any image.
    ligand_kind : numpy.ndarray
        Shape (ligands,), int64: place of each ligand's type in `Detector.ligand_types`.
    ligand_owner : numpy.ndarray
        Shape (ligands,), int64: the carrier a ligand atom is part of, or -1.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: rows are the cell vectors the fractions belong to.
    cell_as_read : numpy.ndarray
        Shape (3, 3), Angstrom: the vectors the file gives, another choice for the same lattice;
        None where they are those of `cell`.
    others : numpy.ndarray or Places
        Shape (others, 3): fractional coordinates of the atoms that `Detector.other_atoms` asked
        for, any image; none unless it does.
    other_owner : numpy.ndarray
        Shape (others,), int64: the carrier such an atom is part of, or -1.

    Attributes
    ----------
    ligands, others : numpy.ndarray
        The fractional coordinates themselves.
    ligand_places, other_places : Places
        The same as they were given.
    """

    def __init__(
        self,
        centres: np.ndarray,
        ligands: np.ndarray | Places,
        ligand_kind: np.ndarray,
        ligand_owner: np.ndarray,
        cell: np.ndarray,
        cell_as_read: np.ndarray | None = None,
        others: np.ndarray | Places | None = None,
        other_owner: np.ndarray | None = None,
    ) -> None:
        self.centres, self.cell, self.cell_as_read = centres, cell, cell_as_read
        self.ligand_kind, self.ligand_owner = ligand_kind, ligand_owner
        self.ligand_places = ligands if isinstance(ligands, Places) else Places.of(ligands)
        others = np.empty((0, 3)) if others is None else others
        self.other_places = others if isinstance(others, Places) else Places.of(others)
        none = np.empty(0, dtype=np.int64)
        self.other_owner = none if other_owner is None else other_owner

    @property
    def ligands(self) -> np.ndarray:
        return self.ligand_places.fractional

    @property
    def others(self) -> np.ndarray:
        return self.other_places.fractional


@dataclass(frozen=True)
class Contacts:
    """Contacts of one frame, sorted by carrier, then ligand.

    Attributes
    ----------
    carrier, ligand : numpy.ndarray
        Shape (contacts,), int32: numbers of the carrier and of the ligand atom.
    inner : numpy.ndarray
        Shape (contacts,), bool: close enough to begin a contact; all contacts are close enough to
        continue one, unless `ring` is given.
    ring : numpy.ndarray or None
        Shape (contacts,), uint8: how many of the radii a detector records are smaller than the
        distance, where it records more than the two in use.
    tally : tuple of int
        How often each of `Detector.tally_names` happened in this frame.
    """

    carrier: np.ndarray
    ligand: np.ndarray
    inner: np.ndarray
    tally: tuple[int, ...] = ()
    ring: np.ndarray | None = None


@dataclass(frozen=True)
class ContactHistory:
    """Contacts of all frames of one species: one row per stretch of frames a contact lasts.

    Stretches of one carrier and ligand do not overlap; one begins where `inner` or `ring` changes.
    Whether a stretch is cut in two has no meaning, nor has their order unless `first_row` is given.

    Attributes
    ----------
    carrier, ligand : numpy.ndarray
        Shape (stretches,), int32.
    inner : numpy.ndarray
        Shape (stretches,), bool: close enough to begin a contact, throughout.
    begin, end : numpy.ndarray
        Shape (stretches,), int32: first frame, and the one after the last.
    n_frames, n_carriers : int
    spacing : float
        Of the frames, ps.
    ligand_atom, ligand_molecule, ligand_kind : numpy.ndarray
        Shape (ligands,): atom index, molecule id and type of each ligand number.
    ring : numpy.ndarray or None
        Shape (stretches,), uint8; as in `Contacts`, throughout.
    first_row : numpy.ndarray or None
        Shape (carriers + 1,), int64, where stretches are in the order of the carriers: those of
        carrier c are ``first_row[c]:first_row[c + 1]``.
    change : callable or None
        What is made of the stretches of each block of carriers.
    """

    carrier: np.ndarray
    ligand: np.ndarray
    inner: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    n_frames: int
    n_carriers: int
    spacing: float
    ligand_atom: np.ndarray
    ligand_molecule: np.ndarray
    ligand_kind: np.ndarray
    ring: np.ndarray | None = None
    first_row: np.ndarray | None = None
    change: Callable[[ContactHistory], ContactHistory] | None = None

    @property
    def has_rings(self) -> bool:
        """Whether the detector gave rings."""
        return self.ring is not None

    @property
    def folder(self) -> ArrayFolder | None:
        """Where the stretches are; None: in memory."""
        return folder_of(self.begin)

    def mapped(self, change: Callable[[ContactHistory], ContactHistory]) -> ContactHistory:
        """The same with the stretches of every block of carriers changed by a function."""
        return replace(self, change=change)

    @property
    def _columns(self) -> list[str]:
        ring = [] if self.ring is None else ["ring"]
        return ["carrier", "ligand", "inner", "begin", "end", *ring]

    def rows(self, which: np.ndarray | slice) -> ContactHistory:
        """Some of the stretches, by number, slice or mask; without order."""
        some: dict[str, Any] = {name: getattr(self, name)[which] for name in self._columns}
        return replace(self, **some, first_row=None)

    def by_carrier(self) -> ContactHistory:
        """The same stretches in the order of the carriers. Cost: linear, once."""
        if self.first_row is not None:
            return self
        columns = [getattr(self, name) for name in self._columns]
        first_row, ordered = sort_by_group(self.carrier, columns, self.n_carriers)
        named: dict[str, Any] = dict(zip(self._columns, ordered, strict=True))
        return replace(self, **named, first_row=first_row)

    def blocks(self) -> Iterator[tuple[int, int, ContactHistory]]:
        """First and last + 1 of blocks of carriers, and their stretches in memory."""
        ordered = self.by_carrier()
        first_row = ordered.first_row
        assert first_row is not None
        edges = np.searchsorted(first_row, np.arange(BLOCK_ROWS, first_row[-1], BLOCK_ROWS))
        for first, last in pairwise(np.unique([0, *edges, self.n_carriers])):
            rows = ordered.rows(slice(first_row[first], first_row[last]))
            rows = replace(rows, change=None)
            yield int(first), int(last), rows if self.change is None else self.change(rows)

    def in_time(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the stretches by carrier, those of one ligand in the order of time.

        All are of carriers `first` to `last` - 1. Cost: linear.

        Returns
        -------
        order : numpy.ndarray
            Shape (stretches,).
        first_row : numpy.ndarray
            Shape (carriers + 1,), int64: where those of each carrier begin in the order.
        """
        n_rows, n_carriers = len(self.end), last - first
        order: np.ndarray = np.arange(n_rows, dtype=row_number(n_rows))
        if not np.all(self.end[1:] >= self.end[:-1]):
            order = counting_order(self.begin, self.n_frames, order)
        carrier = self.carrier - np.int32(first) if first else self.carrier
        number = np.bincount(carrier, minlength=n_carriers)
        order = counting_order(carrier, n_carriers, order)
        return order, np.concatenate([[0], np.cumsum(number)])


class Detector(ABC):
    """Finds who surrounds each carrier in one frame. Subclass it for a rule of your own.

    A subclass implements `contacts` for one frame; reading, hysteresis, persistence and interning
    are done for it.

    Parameters
    ----------
    persistence : float, optional
        Ignore a change of a contact that reverts within this time, ps.
    **ligands : AtomGroup
        Ligand atoms by type, e.g. ``solvent=..., anion=...``.

    Attributes
    ----------
    ligand_types : tuple of str
    tally_names : tuple of str
        What `contacts` counts beside contacts, e.g. carriers a rule does not fit; the counts of a
        run are in `Microstates.report` and, where not zero, among the warnings of the result.
    """

    has_sites = False
    tally_names: tuple[str, ...] = ()

    def __init__(self, *, persistence: float | None = None, **ligands: AtomGroup) -> None:
        if not ligands:
            raise InputError(
                f"{type(self).__name__} needs at least one ligand type, given as a keyword, e.g. "
                "solvent=universe.select_atoms('resname DME and element O')"
            )
        for kind, atoms in ligands.items():
            check_atom_group(atoms, f"ligand type {kind!r}")
        check_apart(
            {repr(kind): atoms for kind, atoms in ligands.items()},
            "each atom belongs to one ligand type",
            "ligand types {} and {}",
        )
        if persistence is not None and not persistence >= 0:
            raise InputError(f"persistence must be a time in ps, 0 or more, got {persistence!r}")
        self.ligands = dict(ligands)
        self.persistence = None if persistence is None else float(persistence)

    @property
    def ligand_types(self) -> tuple[str, ...]:
        return tuple(self.ligands)

    @property
    def reach(self) -> float:
        """Largest distance looked at, Angstrom; the cell must be more than twice as high."""
        return 0.0

    def other_atoms(self, carriers: AtomGroup) -> np.ndarray:
        """Indices of further atoms whose places `contacts` needs; none by default.

        Parameters
        ----------
        carriers : AtomGroup
            Every atom of the carriers.

        Returns
        -------
        numpy.ndarray
            Shape (others,), int64, sorted.
        """
        return np.empty(0, dtype=np.int64)

    def settle(self, sample: Callable[[], Iterable[FrameGeometry]]) -> Detector:
        """The detector with what it takes from a trajectory, e.g. a cutoff from g(r).

        Called once per run, before frames are read. A detector is a set of choices and is left as
        it is: what is found belongs to the object that is returned, which the run keeps. By default
        there is nothing to find, and that is the detector itself.

        Parameters
        ----------
        sample : callable
            ``sample()`` yields `FrameGeometry` of some frames spread over the run.

        Returns
        -------
        Detector
        """
        return self

    def with_distributions(self, found: Mapping[str, RadialDistribution]) -> Detector:
        """The detector with g(r) that were measured, by ligand type, for those who draw them."""
        return self

    @abstractmethod
    def contacts(self, frame: FrameGeometry) -> Contacts:
        """Contacts of one frame. Must depend on this frame alone."""

    def follower(self, n_carriers: int, first_frame: int) -> Follower:
        """What follows the contacts of consecutive frames, from number `first_frame` on."""
        from .contact_tracking import Follower

        return Follower(self, n_carriers, first_frame)

    def assemble(
        self,
        history: ContactHistory,
        *,
        filtered: bool = True,
        persistence: float | None = None,
    ) -> Microstates:
        """Microstates from the gathered contacts.

        Parameters
        ----------
        history : ContactHistory
            On disk where the run is; ``history.blocks()`` gives it by blocks of carriers.
        filtered : bool
            False leaves hysteresis and persistence out.
        persistence : float, optional
            ps, in place of the detector's own.
        """
        from .shell_filters import build_microstates

        return build_microstates(
            history,
            persistence_frames=self.frames_to_wait(history, filtered, persistence),
            types=self.ligand_types,
            use_hysteresis=filtered,
        )

    def frames_to_wait(
        self,
        history: ContactHistory,
        filtered: bool,
        persistence: float | None,
    ) -> int:
        """Frames that a change must outlast."""
        wait = (self.persistence or 0.0) if persistence is None else persistence
        return round(wait / history.spacing) if filtered else 0

    def describe(self) -> dict[str, Any]:
        """What a reader needs to repeat this, as plain values."""
        return {"detector": type(self).__name__, "persistence_ps": self.persistence}


def settled_on(
    detector: species.Detector, sample: Callable[[], Iterable[FrameGeometry]]
) -> species.Detector:
    """`Detector.settle` that leaves any detector as it is.

    One whose class is not frozen is copied first, so that `settle` may also keep what it finds in
    the object it is called on, and return nothing.
    """
    has_own = type(detector).settle is not Detector.settle
    mine = own_copy(detector) if has_own and not is_frozen(detector) else detector
    found = mine.settle(sample)
    return mine if found is None else found


@dataclass(frozen=True)
class Shell:
    """One microstate, as a rule sees it: the members of a coordination shell.

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
        """Molecule ids in the shell, of one ligand type if given."""
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
        """Whether the table is on disk and too large for what is made of all shells at once."""
        return self.n_members > SMALL_TABLE and folder_of(self.atom) is not None

    def tables(self) -> Iterator[tuple[int, ShellTable]]:
        """All shells, a table of some after the other.

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
        """A table of some shells alone.

        Parameters
        ----------
        shells : numpy.ndarray
            Shape (some,): numbers.
        """
        size = self.offsets[shells + 1] - self.offsets[shells]
        offsets = np.concatenate([[0], np.cumsum(size)])
        member = np.arange(offsets[-1]) + np.repeat(self.offsets[shells] - offsets[:-1], size)
        return ShellTable(
            offsets, self.atom[member], self.molecule[member], self.kind[member], self.types
        )

    def __getitem__(self, shell: int) -> Shell:
        members = slice(self.offsets[shell], self.offsets[shell + 1])
        return Shell(
            atoms=self.atom[members],
            molecules=self.molecule[members],
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
        What the detector and the filters did, in plain numbers.
    state : numpy.ndarray
        Shape (frames, carriers), int32: the runs written out, when first asked for.
    """

    runs: LabelRuns
    shells: ShellTable
    report: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def state(self) -> np.ndarray:
        return self.runs.dense().T

    def blocks(self) -> Iterator[tuple[int, int, LabelRuns, ShellTable]]:
        """Blocks of carriers: first, last + 1, runs, and a table that their values count in.

        One block in memory; on disk, where what is found of a block should be small, blocks of
        about `BLOCK_RUNS` of runs, and of a large table the shells that a block meets.
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
