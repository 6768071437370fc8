"""Contacts and microstates that live on disk, worked on by blocks of carriers.

The numbers of the shells are those that one table in memory would give: a shell is numbered where
it is first met, carrier after carrier and frame after frame. Each block finds its own shells; those
of all blocks are compared by parts of the range of their hashes; then numbers are given in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..lib.disk_columns import Column, appended, write_groups
from ..lib.kernels import counting_order, kernel
from ..lib.run_length import LabelRuns, StoredRuns, run_blocks
from .detector import ContactHistory, Microstates, ShellTable

#: One stretch of frames of a contact.
ROW = np.dtype([("carrier", "i4"), ("ligand", "i4"), ("begin", "i4"), ("end", "i4"),
                ("inner", "?"), ("ring", "u1")])  # fmt: skip
#: What working on a stretch takes, bytes.
ROW_BYTES = 200
#: Stretches of a block at least.
FEWEST_ROWS = 1024
#: What comparing a shell with others takes beside its members, bytes.
SHELL_BYTES = 60
#: Shells nearer than this in the table are read together.
NEAR = 16
#: Shells of one table where all are read.
STRETCH = 2**13


@dataclass(frozen=True)
class StoredHistory:
    """As `ContactHistory`, with the stretches on disk in blocks of carriers.

    Attributes
    ----------
    rows : Column
        Of `ROW`, block after block.
    edges : numpy.ndarray
        Shape (blocks + 1,): first carrier of each block.
    first_row : numpy.ndarray
        Shape (blocks + 1,): first row of each block.
    room : Path
        An empty folder for what is made of the stretches.
    share : int
        Bytes that may be used at once.
    change : callable or None
        From the history of a block to the one that is meant.
    n_frames, n_carriers, spacing, ligand_atom, ligand_molecule, ligand_kind
        As in `ContactHistory`.
    has_rings : bool
        Whether detectors gave rings.
    """

    rows: Column
    edges: np.ndarray
    first_row: np.ndarray
    room: Path
    share: int
    n_frames: int
    n_carriers: int
    spacing: float
    ligand_atom: np.ndarray
    ligand_molecule: np.ndarray
    ligand_kind: np.ndarray
    has_rings: bool
    change: Callable[[ContactHistory], ContactHistory] | None = None

    def mapped(self, change: Callable[[ContactHistory], ContactHistory]) -> StoredHistory:
        """The same with every block changed by a function."""
        return replace(self, change=change)

    def _history(self, rows: np.ndarray) -> ContactHistory:
        columns = {n: np.ascontiguousarray(rows[n]) for n in ROW.fields or () if n != "ring"}
        found = ContactHistory(
            **columns,
            n_frames=self.n_frames,
            n_carriers=self.n_carriers,
            spacing=self.spacing,
            ligand_atom=self.ligand_atom,
            ligand_molecule=self.ligand_molecule,
            ligand_kind=self.ligand_kind,
            ring=np.ascontiguousarray(rows["ring"]) if self.has_rings else None,
        )
        return found if self.change is None else self.change(found)

    def blocks(self) -> Iterator[tuple[int, int, ContactHistory]]:
        """First and last + 1 carrier of each block, and its stretches."""
        for (first, last), (begin, end) in zip(
            pairwise(self.edges), pairwise(self.first_row), strict=True
        ):
            yield int(first), int(last), self._history(self.rows[begin:end])

    def whole(self) -> ContactHistory:
        """All stretches, in memory."""
        return self._history(self.rows[:])


def store_contacts(
    path: Path, load: Callable[[int, bool], dict[str, np.ndarray]], n_parts: int, n_carriers: int,
    share: int,
) -> tuple[Column, np.ndarray, np.ndarray, bool]:  # fmt: skip
    """Sort the contacts of all parts by blocks of carriers, on disk.

    Cost: two passes over the stretches.

    Parameters
    ----------
    path : Path
        Of the new file.
    load : callable
        Part and whether only the carriers are asked for, to columns of stretches.
    n_parts, n_carriers : int
    share : int
        Bytes that may be used at once.

    Returns
    -------
    rows, edges, first_row, has_rings
        See `StoredHistory`.
    """
    number = np.zeros(n_carriers, dtype=np.int64)
    for k in range(n_parts):
        number += np.bincount(load(k, True)["carrier"], minlength=n_carriers)
    before = np.concatenate([[0], np.cumsum(number)])
    size = max(share // ROW_BYTES, FEWEST_ROWS)
    inside = np.searchsorted(before, np.arange(size, before[-1], size))
    edges = np.unique([0, *inside, n_carriers])
    block_of = np.repeat(np.arange(len(edges) - 1), np.diff(edges)).astype(np.int32)
    rings = False

    def pieces() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        nonlocal rings
        waiting, held = [], 0
        for k in range(n_parts):
            part = load(k, False)
            rings = rings or "ring" in part
            rows = np.zeros(len(part["carrier"]), dtype=ROW)
            for name, values in part.items():
                rows[name] = values
            waiting.append(rows)
            held += rows.nbytes
            if 4 * held < share and k + 1 < n_parts:
                continue
            rows = np.concatenate(waiting)
            waiting, held = [], 0
            group = block_of[rows["carrier"]]
            order = counting_order(group, len(edges) - 1, np.arange(len(rows), dtype=np.int32))
            yield group[order], rows[order]

    rows = write_groups(path, ROW, before[edges], pieces())
    return rows, edges, before[edges], rings


@dataclass(frozen=True)
class StoredShells:
    """As `ShellTable`, on disk; what is asked of it is read.

    Attributes
    ----------
    starts : Column
        (shells + 1,), int64: offsets of the members.
    members : Column
        int32: ligand numbers.
    ligand_atom, ligand_molecule, ligand_kind : numpy.ndarray
        Shape (ligands,).
    types : tuple of str
    """

    starts: Column
    members: Column
    ligand_atom: np.ndarray
    ligand_molecule: np.ndarray
    ligand_kind: np.ndarray
    types: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def n_members(self) -> int:
        """Members of all shells together."""
        return len(self.members)

    def tables(self) -> Iterator[ShellTable]:
        """All shells in order, a table of some after the other.

        Yields
        ------
        ShellTable
        """
        for first in range(0, len(self), STRETCH):
            yield self.between(first, min(first + STRETCH, len(self)))

    def __getitem__(self, shell: int) -> Any:
        return self.between(shell, shell + 1)[0]

    def _table(self, offsets: np.ndarray, members: np.ndarray) -> ShellTable:
        return ShellTable(
            offsets,
            self.ligand_atom[members],
            self.ligand_molecule[members],
            self.ligand_kind[members],
            self.types,
        )

    def between(self, first: int, last: int) -> ShellTable:
        """Shells `first` to `last` - 1, in memory."""
        offsets = self.starts[first : last + 1]
        return self._table(offsets - offsets[0], self.members[int(offsets[0]) : int(offsets[-1])])

    def whole(self) -> ShellTable:
        """All of them, in memory."""
        return self.between(0, len(self))

    @property
    def offsets(self) -> np.ndarray:
        """These and what follows are read when asked for; see `ShellTable`."""
        return self.starts[:]

    @property
    def atom(self) -> np.ndarray:
        return np.asarray(self.ligand_atom[self.members[:]])

    @property
    def molecule(self) -> np.ndarray:
        return np.asarray(self.ligand_molecule[self.members[:]])

    @property
    def kind(self) -> np.ndarray:
        return np.asarray(self.ligand_kind[self.members[:]])

    def distinct_molecules(self, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `ShellTable.distinct_molecules`; in memory."""
        return self.whole().distinct_molecules(kinds)

    def some(self, shells: np.ndarray) -> ShellTable:
        """A table of some shells alone.

        Parameters
        ----------
        shells : numpy.ndarray
            Shape (some,): numbers, ascending, each once.
        """
        if not len(shells):
            return self.between(0, 0)
        begins = np.flatnonzero(np.diff(shells, prepend=-NEAR - 2) > NEAR)
        ends = np.append(begins[1:], len(shells)) - 1
        low, high = shells[begins].astype(np.int64), shells[ends].astype(np.int64)
        read = self.starts.stretches(zip(low, high + 2, strict=True))
        # where the start of each shell is among those that were read
        before = np.cumsum(high + 2 - low) - (high + 2 - low)
        at = shells + np.repeat(before - low, ends - begins + 1)
        start, stop = read[at], read[at + 1]
        begins = np.flatnonzero(np.diff(shells, prepend=-2) > 1)
        ends = np.append(begins[1:], len(shells)) - 1
        members = self.members.stretches(zip(start[begins], stop[ends], strict=True))
        return self._table(np.concatenate([[0], np.cumsum(stop - start)]), members)


class StoredMicrostates(Microstates):
    """`Microstates` with runs and shells on disk."""

    def blocks(self) -> Iterator[tuple[int, int, LabelRuns, ShellTable]]:
        """Blocks of carriers, each with a table of the shells it meets."""
        assert isinstance(self.shells, StoredShells)
        for first, last in run_blocks(self.runs.offsets):
            runs = self.runs.carriers(first, last)
            met, value = np.unique(runs.value, return_inverse=True)
            yield first, last, replace(runs, value=value.astype(np.int32)), self.shells.some(met)


@kernel
def first_equal(offsets, members, codes):  # type: ignore[no-untyped-def]
    """Number of the first set equal to each.

    Set s has the sorted members offsets[s] : offsets[s + 1] and the hash codes[s], uint64, which
    finds candidates; members decide. Returns (sets,) int64.
    """
    n = codes.shape[0]
    size = 16
    while size < 2 * n:
        size *= 2
    table = np.full(size, -1, dtype=np.int32)
    first = np.empty(n, dtype=np.int64)
    for s in range(n):
        code = codes[s]
        slot = np.int64((code ^ (code >> np.uint64(32))) & np.uint64(size - 1))
        first[s] = s
        while table[slot] >= 0:
            other = np.int64(table[slot])
            length = offsets[s + 1] - offsets[s]
            if codes[other] == code and offsets[other + 1] - offsets[other] == length:
                same = True
                for k in range(length):
                    if members[offsets[other] + k] != members[offsets[s] + k]:
                        same = False
                        break
                if same:
                    first[s] = other
                    break
            slot = (slot + 1) & (size - 1)
        if first[s] == s:
            table[slot] = s
    return first


@kernel
def number_new(is_new, base, before, words, counts):  # type: ignore[no-untyped-def]
    """Mark the new ones among the entries base : base + n and number them.

    is_new (n,) bool; words (.., uint64) hold a bit for every entry, counts how many are new before
    each word; `before` entries are new before base. Returns the numbers (n,) int64, -1 for others,
    and how many are new in all.
    """
    out = np.full(is_new.shape[0], -1, dtype=np.int64)
    for k in range(is_new.shape[0]):
        entry = base + k
        if entry & 63 == 0:
            counts[entry >> 6] = before
        if is_new[k]:
            words[entry >> 6] |= np.uint64(1) << np.uint64(entry & 63)
            out[k] = before
            before += 1
    return out, before


@kernel
def rank_of(entry, words, counts):  # type: ignore[no-untyped-def]
    """Numbers of new entries, from the marks of `number_new`."""
    out = np.empty(entry.shape[0], dtype=np.int64)
    for k in range(entry.shape[0]):
        e = entry[k]
        word = words[e >> 6] & ((np.uint64(1) << np.uint64(e & 63)) - np.uint64(1))
        n = counts[e >> 6]
        while word != 0:
            word &= word - np.uint64(1)
            n += 1
        out[k] = n
    return out


@dataclass(frozen=True)
class _Found:
    """The shells of all blocks on disk, one after the other, and where each block begins."""

    size: Column
    code: Column
    members: Column
    #: Number of each within its block; None where they are in order.
    place: Column | None
    #: Shape (blocks, parts + 1): first shell, and first member, of each part of each block.
    shell_edges: np.ndarray
    member_edges: np.ndarray


def _columns(room: Path, **kinds: str) -> list[Column]:
    return [Column(room / f"{name}.bin", np.dtype(kind)) for name, kind in kinds.items()]


def _split(found: _Found, n_parts: int, room: Path) -> _Found:
    """The same with the shells of each block ordered by part of the range of hashes."""
    size_of, code_of, members_of, place_of = new = _columns(
        room, part_size="i4", part_code="u8", part_members="i4", part_place="i4"
    )
    shell_edges, member_edges = [], []
    with appended(new) as files:
        for (a, b), (c, d) in zip(found.shell_edges, found.member_edges, strict=True):
            size, code, members = found.size[a:b], found.code[a:b], found.members[c:d]
            part = ((code >> np.uint64(33)) % np.uint64(n_parts)).astype(np.int32)
            order = counting_order(part, n_parts, np.arange(len(part), dtype=np.int32))
            owner = np.repeat(part, size)
            moved = counting_order(owner, n_parts, np.arange(len(owner), dtype=np.int32))
            for file, values in zip(
                files, (size[order], code[order], members[moved], order), strict=True
            ):
                values.tofile(file)
            shell_edges.append(a + np.cumsum([0, *np.bincount(part, minlength=n_parts)]))
            member_edges.append(c + np.cumsum([0, *np.bincount(owner, minlength=n_parts)]))
    edges = np.array(shell_edges), np.array(member_edges)
    return _Found(size_of, code_of, members_of, place_of, *edges)


def _find_equal(found: _Found, room: Path) -> Column:
    """For every shell, in the order of `found`, the first one of all that is equal to it.

    Shells are counted block after block, within a block in the order in which they were met.
    """
    out = Column(room / "first.bin", np.dtype("i8"))
    base = found.shell_edges[:, 0]
    with open(out.path, "wb") as file:
        for p in range(found.shell_edges.shape[1] - 1):
            bounds = list(found.shell_edges[:, p : p + 2])
            size = found.size.stretches(bounds)
            offsets = np.concatenate([[0], np.cumsum(size, dtype=np.int64)])
            members = found.members.stretches(found.member_edges[:, p : p + 2])
            first = first_equal(offsets, members, found.code.stretches(bounds))
            del members, offsets, size
            length = np.array([b - a for a, b in bounds])
            if found.place is None:
                number = np.arange(len(first), dtype=np.int64)
            else:
                number = found.place.stretches(bounds) + np.repeat(base, length)
            first = number[first]
            for (a, _), (i, j) in zip(bounds, pairwise(np.cumsum([0, *length])), strict=True):
                file.seek(int(a) * 8)
                first[i:j].tofile(file)
    return out


def intern_on_disk(
    history: StoredHistory,
    found: Iterator[tuple[int, int, tuple[LabelRuns, np.ndarray, np.ndarray, np.ndarray]]],
    types: tuple[str, ...],
) -> Microstates:
    """Microstates on disk, numbered as in memory.

    Cost: five passes over the distinct shells of each block of carriers.

    Parameters
    ----------
    history : StoredHistory
    found : iterator
        First and last + 1 carrier of each block, and what `find_shells` finds of it.
    types : tuple of str
        Names of the ligand types.
    """
    room = history.room
    sizes, all_codes, all_members = _columns(room, size="i4", code="u8", members="i4")
    run_start, run_local, run_value = _columns(room, start="i4", local="i4", value="i4")
    offsets, blocks = [np.zeros(1, dtype=np.int64)], []
    shell_edges, member_edges = [0], [0]
    with appended([sizes, all_codes, all_members, run_start, run_local]) as files:
        for first, last, (runs, at, members, codes) in found:
            offsets.append(runs.offsets[1:] + offsets[-1][-1])
            blocks.append((first, last))
            shell_edges.append(shell_edges[-1] + len(codes))
            member_edges.append(member_edges[-1] + len(members))
            arrays = np.diff(at).astype(np.int32), codes, members, runs.start, runs.value
            for file, values in zip(files, arrays, strict=True):
                values.tofile(file)
    run_offsets = np.concatenate(offsets)
    by_block = np.array(list(pairwise(shell_edges)))
    all_found = _Found(
        sizes, all_codes, all_members, None, by_block, np.array(list(pairwise(member_edges)))
    )
    taken = SHELL_BYTES * shell_edges[-1] + 4 * member_edges[-1]
    n_parts = -(-taken // history.share)
    if n_parts > 1:
        first_of = _find_equal(_split(all_found, n_parts, room), room)
        place: Column | None = Column(room / "part_place.bin", np.dtype("i4"))
    else:
        first_of, place = _find_equal(all_found, room), None
    words = np.zeros(shell_edges[-1] // 64 + 1, dtype=np.uint64)
    counts = np.zeros(len(words), dtype=np.int64)
    final_starts, final_members = _columns(room, shell_starts="i8", shell_members="i4")
    n_shells = n_members = 0
    with appended([final_starts, final_members, run_value]) as (starts, kept, values):
        np.zeros(1, dtype=np.int64).tofile(starts)
        for (first, last), (a, b), (c, d) in zip(
            blocks, by_block, all_found.member_edges, strict=True
        ):
            equal = first_of[a:b]
            if place is not None:
                in_order = np.empty_like(equal)
                in_order[place[a:b]] = equal
                equal = in_order
            is_new = equal == np.arange(a, b)
            number, n_shells = number_new(is_new, int(a), n_shells, words, counts)
            number[~is_new] = rank_of(equal[~is_new], words, counts)
            size = all_found.size[a:b]
            all_found.members[c:d][np.repeat(is_new, size)].tofile(kept)
            ends = n_members + np.cumsum(size[is_new], dtype=np.int64)
            ends.tofile(starts)
            n_members = int(ends[-1]) if len(ends) else n_members
            i, j = int(run_offsets[first]), int(run_offsets[last])
            number[run_local[i:j]].astype(np.int32).tofile(values)
    for name in ("size", "code", "members", "local", "first", "part_size", "part_code",
                 "part_members", "part_place"):  # fmt: skip
        (room / f"{name}.bin").unlink(missing_ok=True)
    shells = StoredShells(
        final_starts,
        final_members,
        history.ligand_atom,
        history.ligand_molecule,
        history.ligand_kind,
        types,
    )
    found_runs = StoredRuns(run_offsets, run_start, run_value, history.n_frames)
    changed = found_runs.n_changes / max((history.n_frames - 1) * history.n_carriers, 1)
    report = {"distinct_shells": len(shells), "changed_per_frame": float(changed)}
    return StoredMicrostates(found_runs, shells, report)
