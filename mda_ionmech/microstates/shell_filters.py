"""Hysteresis and persistence filters of contacts, and numbering of the distinct shells.

A contact is on or off in every frame. Hysteresis: it is on from inside r_in until outside r_out;
between the two it keeps its state (before the first frame outside this band it has the state of
that frame). Persistence: a change counts only if the new state lasts longer than t*. Each distinct
shell has one number (it is interned), so that shells are compared by number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder, longer_array, new_array
from ..lib.kernels import kernel, lowest_bit
from ..lib.run_length import LabelRuns, gathered_runs
from .contacts import ContactHistory
from .shell_arrays import Changes, Intervals, KnownShells, ShellRuns, Stays, Steps
from .shells import Microstates, ShellTable

#: Largest initial capacity for shells.
MOST_AT_FIRST = 2**18
#: Entries of the hash table that are prefetched together.
_AHEAD = np.uint64(16)
_NONE, _ONE = np.uint64(0), np.uint64(1)
_SIX, _LAST = np.uint64(6), np.uint64(63)
_HIGHEST = np.int32(2**31 - 1)
_HALF, _LOWER = np.uint64(32), np.uint64(2**32 - 1)


@kernel
def _mark(frame, change, n, marked):  # type: ignore[no-untyped-def]
    """Add a change to the list of its frame; returns the new number of changes."""
    marked.change[n] = change
    marked.before[n], marked.head[frame] = marked.head[frame], n
    marked.words[frame >> _SIX] |= _ONE << (frame & _LAST)
    return n + _ONE


@kernel
def mark_changes(c, intervals, persist, stays, marked):  # type: ignore[no-untyped-def]
    """Frames in which ligands join and leave the shell of a carrier, after both filters.

    intervals: `Intervals`; persist: frames a change must outlast; stays: `Stays`, working memory;
    marked: `Changes` without any, filled. Cost: linear in the carrier's intervals.
    """
    order, first_row, ligand, inner, begin, end, n_frames, _ = intervals
    stay_of, stay_ligand, on, off, following, firsts = stays
    # Hysteresis: within one continuous stay inside r_out the contact is on from its first inner
    # frame; at the start of the run also before it. Stay number 0 never ends.
    n_stays, n_firsts, n = _NONE, _NONE, _NONE
    off[0] = -1
    for row in range(first_row[c], first_row[c + 1]):
        m = np.uint64(order[row])
        a = np.uint64(ligand[m])
        stay = np.uint64(stay_of[a])
        if off[stay] != begin[m]:
            n_stays += _ONE
            following[stay], following[n_stays] = n_stays, 0
            firsts[n_firsts] = n_stays
            n_firsts += np.uint64(stay == _NONE)
            stay = n_stays
            stay_of[a], stay_ligand[stay] = stay, a
            on[stay] = -1 if begin[m] > 0 else -2
        if on[stay] < 0 and inner[m]:
            on[stay] = begin[m] if on[stay] == -1 else 0
        off[stay] = end[m]
    for s in range(_ONE, n_stays + _ONE):
        stay_of[np.uint64(stay_ligand[s])] = 0
    if persist == 0:
        for s in range(_ONE, n_stays + _ONE):
            if on[s] >= 0:
                who = stay_ligand[s]
                n = _mark(np.uint64(on[s]), who, n, marked)
                if off[s] < n_frames:
                    n = _mark(np.uint64(off[s]), ~who, n, marked)
        return
    # Persistence: of the periods on and off of a ligand only the long ones count.
    for k in range(n_firsts):
        stay = np.uint64(firsts[k])
        who = stay_ligand[stay]
        state = -1  # unknown before the first long period
        position = 0
        while True:
            while stay != _NONE and on[stay] < 0:
                stay = np.uint64(following[stay])
            until = n_frames if stay == _NONE else on[stay]
            if until - position > persist or until - position == n_frames:
                if state == 1:
                    n = _mark(np.uint64(position), ~who, n, marked)
                state = 0
            if stay == _NONE:
                break
            position, until = until, off[stay]
            if until - position > persist or until - position == n_frames:
                if state != 1:
                    joined = position if state == 0 else 0
                    n = _mark(np.uint64(joined), who, n, marked)
                state = 1
            position = until
            stay = np.uint64(following[stay])


@kernel
def _term(ligand):  # type: ignore[no-untyped-def]
    """Hash of one member of a shell: the last steps of SplitMix64."""
    term = (np.uint64(ligand) + _ONE) * np.uint64(0x9E3779B97F4A7C15)
    term = (term ^ (term >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return term ^ (term >> np.uint64(27))


@kernel
def order_changes(marked, steps):  # type: ignore[no-untyped-def]
    """Move `Changes` to `Steps`, in the order of time.

    The first step is that of frame 0, also without a change. Returns the number of steps, the
    members of all their shells together, and the largest shell, also while some changes of a frame
    have been made.
    """
    change, before, head, words = marked
    # the hash combines one term per member, so that a change alters it by one term
    code, n_steps, n = _NONE, _NONE, _NONE
    size, largest, total = 0, 0, 0
    words[0] |= _ONE
    for w in range(np.uint64(words.shape[0])):
        word, words[w] = words[w], _NONE
        while word != _NONE:
            frame = (w << _SIX) + lowest_bit(word)
            word &= word - _ONE
            m = head[frame]
            head[frame] = -1
            while m >= 0:
                one = change[np.uint64(m)]
                steps.change[n] = one
                n += _ONE
                leaves = one >> 31
                code ^= _term(one ^ leaves)
                size += 1 + 2 * leaves
                largest = max(largest, size)
                m = before[np.uint64(m)]
            total += size
            steps.start[n_steps], steps.stop[n_steps], steps.code[n_steps] = frame, n, code
            n_steps += _ONE
    return n_steps, total, largest


@kernel
def _change_members(rows, now, new, n, change):  # type: ignore[no-untyped-def]
    """Insert a ligand into sorted members, or remove ~ligand; returns their new number.

    rows (capacity,) int32: from index now on, a number below all, the n members, and one above all;
    from index new on it is filled likewise with the new members. No branch depends on the ligand.
    """
    leaves = change >> 31
    ligand = change ^ leaves
    step = np.uint64(1 + 2 * leaves)  # 1 or -1: members after the ligand are shifted by one
    for k in range(_ONE, n + np.uint64(2)):
        own, beside = rows[now + k], rows[now + k - step]
        rows[new + k] = own if own < ligand else max(beside, ligand)
    rows[new + n + np.uint64(2)] = _HIGHEST
    return n + step


@kernel
def intern_shells(c, n_runs, n_shells, persist, intervals, runs, shells):  # type: ignore[no-untyped-def]
    """Filter the contacts of carriers from c on, and number every distinct set of ligands.

    persist: frames a change must outlast; intervals: `Intervals`; runs: `ShellRuns`, of which
    n_runs are there; shells: `KnownShells`, of which n_shells are there. New ones are added to
    both. Exact: candidates found by hash are compared by members. Returns the first carrier for
    which the capacity may not suffice, or the number of carriers; the new n_runs and n_shells; the
    capacity needed for shells and members.

    Cost: linear in intervals and changes.
    """
    table, hashes, offsets, members = shells
    first_row, n_frames = intervals.first_row, intervals.n_frames
    n_carriers = first_row.shape[0] - 1
    most = 0
    for other in range(c, n_carriers):
        most = max(most, first_row[other + 1] - first_row[other])
    stay_ligand, on, off, following, firsts = np.empty((5, most + 1), dtype=np.int32)
    of_ligand = np.zeros(intervals.n_ligands, dtype=np.int32)
    stays = Stays(of_ligand, stay_ligand, on, off, following, firsts)
    change, before, ordered, starts, stops = np.empty((5, 2 * most + 1), dtype=np.int32)
    head = np.full(n_frames, -1, dtype=np.int32)
    marked = Changes(change, before, head, np.zeros(n_frames // 64 + 1, dtype=np.uint64))
    codes = np.empty(2 * most + 1, dtype=np.uint64)
    steps = Steps(ordered, starts, stops, codes)
    entries = np.empty(_AHEAD, dtype=np.uint64)
    rows = np.empty(0, dtype=np.int32)
    last, run, known = np.uint64(table.shape[0] - 1), np.uint64(n_runs), np.uint64(n_shells)
    enough, n_members = np.int64(0), np.int64(0)
    while c < n_carriers:
        mark_changes(c, intervals, persist, stays, marked)
        n_steps, total, largest = order_changes(marked, steps)
        enough = np.int64(known + n_steps)
        n_members = np.int64(offsets[known]) + total
        if (
            enough + 1 > offsets.shape[0]
            or 3 * enough > 2 * table.shape[0]
            or n_members > members.shape[0]
        ):
            break
        if 2 * (largest + 3) > rows.shape[0]:
            rows = np.empty(4 * (largest + 3), dtype=np.int32)
        now, new = _NONE, np.uint64(rows.shape[0] // 2)
        rows[now], rows[now + _ONE], rows[now + np.uint64(2)], rows[new] = (
            -1,
            _HIGHEST,
            _HIGHEST,
            -1,
        )
        n_now, done, previous = _NONE, _NONE, np.int64(-1)
        for r in range(n_steps):
            ahead = r & (_AHEAD - _ONE)
            if ahead == _NONE:
                for k in range(r, min(r + _AHEAD, n_steps)):
                    entries[k - r] = table[codes[k] & last]
            for m in range(done, np.uint64(stops[r])):
                n_now = _change_members(rows, now, new, n_now, ordered[m])
                now, new = new, now
            done = np.uint64(stops[r])
            code = codes[r]
            slot, shell = code & last, np.int64(-1)
            entry = entries[ahead]
            if entry == _NONE:  # it may have been filled since
                entry = table[slot]
            while entry != _NONE:
                if (entry ^ code) >> _HALF == _NONE:
                    number = (entry & _LOWER) - _ONE
                    at = np.uint64(offsets[number])
                    if np.uint64(offsets[number + _ONE]) - at == n_now:
                        differ = np.int32(0)
                        for k in range(n_now):
                            differ |= members[at + k] ^ rows[now + k + _ONE]
                        if differ == 0:
                            shell = np.int64(number)
                            break
                slot = (slot + _ONE) & last
                entry = table[slot]
            if shell < 0:
                shell = np.int64(known)
                at = np.uint64(offsets[known])
                for k in range(n_now):
                    members[at + k] = rows[now + k + _ONE]
                hashes[known] = code
                table[slot] = (code >> _HALF << _HALF) | (known + _ONE)
                known += _ONE
                offsets[known] = at + n_now
            # a ligand that leaves as another returns may restore the shell
            if shell != previous:
                runs.start[run], runs.value[run] = starts[r], shell
                run += _ONE
            previous = shell
        c += 1
        runs.offset[c] = run
    return c, np.int64(run), np.int64(known), enough, n_members


@kernel
def fill_table(hashes, n_shells, table):  # type: ignore[no-untyped-def]
    """Enter shells into an empty hash table of `KnownShells`."""
    last = np.uint64(table.shape[0] - 1)
    for s in range(np.uint64(n_shells)):
        slot = hashes[s] & last
        while table[slot] != _NONE:
            slot = (slot + _ONE) & last
        table[slot] = (hashes[s] >> _HALF << _HALF) | (s + _ONE)


@kernel
def fill_members(  # type: ignore[no-untyped-def]
    ligand_atom, ligand_molecule, ligand_kind, members, atom, molecule, kind
):
    """Atom, molecule and kind of each member, (members,)."""
    for k in range(members.shape[0]):
        a = np.uint64(members[k])
        atom[k], molecule[k], kind[k] = ligand_atom[a], ligand_molecule[a], ligand_kind[a]


def find_shells(
    history: ContactHistory, persistence_frames: int, use_hysteresis: bool
) -> tuple[LabelRuns, np.ndarray, np.ndarray]:
    """Runs of shells of all carriers, numbered in the order of occurrence.

    Processed by blocks of carriers; shells of all blocks share one table. Large arrays are where
    the history is, in memory or on disk.

    Parameters
    ----------
    history : ContactHistory
    persistence_frames : int
    use_hysteresis : bool
        See `build_microstates`.

    Returns
    -------
    runs : LabelRuns
    offsets, members : numpy.ndarray
        Shape (shells + 1,), int64, and (members,), int32: shell s has the ligands, ascending,
        ``members[offsets[s]:offsets[s + 1]]``.
    """
    folder = history.folder
    table, hashes = _zeros(0, folder), new_array(0, np.uint64, folder)
    offsets, members = new_array(1, np.int64, folder), new_array(0, np.int32, folder)
    offsets[0] = 0
    n_shells = 0

    def blocks() -> Iterator[LabelRuns]:
        nonlocal table, hashes, offsets, members, n_shells
        for first, last, rows in history.blocks():
            some = rows if use_hysteresis else rows.rows(rows.inner)
            order, first_row = some.in_time(first, last)
            n_rows, n_carriers = len(order), last - first
            intervals = Intervals(
                order, first_row, some.ligand, some.inner, some.begin, some.end, some.n_frames,
                len(some.ligand_atom),
            )  # fmt: skip
            start, value = (np.empty(2 * n_rows + n_carriers, dtype=np.int32) for _ in range(2))
            found = ShellRuns(np.zeros(n_carriers + 1, dtype=np.int64), start, value)
            # capacity as if each interval made a new shell of several members, within limits
            enough = n_shells + min(n_rows, MOST_AT_FIRST)
            n_members = int(offsets[n_shells]) + 8 * min(n_rows, MOST_AT_FIRST)
            c = n_runs = 0
            while c < n_carriers:
                if enough + 1 > len(offsets):
                    size = max(enough + 1, 2 * len(offsets))
                    offsets = longer_array(offsets, n_shells + 1, size)
                    hashes = longer_array(hashes, n_shells, size)
                if n_members > len(members):
                    size = max(n_members, 2 * len(members))
                    members = longer_array(members, int(offsets[n_shells]), size)
                if 3 * enough > 2 * len(table):
                    # the least power of 2 that leaves a third free; the old table is released first
                    table = _zeros(0, None)
                    table = _zeros(1 << (3 * enough // 2).bit_length(), folder)
                    fill_table(hashes, n_shells, table)
                c, n_runs, n_shells, enough, n_members = intern_shells(
                    c, n_runs, n_shells, persistence_frames, intervals, found,
                    KnownShells(table, hashes, offsets, members),
                )  # fmt: skip
            yield LabelRuns(found.offset, start[:n_runs], value[:n_runs], history.n_frames)

    runs = gathered_runs(blocks(), history.n_frames, folder)
    return runs, offsets[: n_shells + 1], members[: offsets[n_shells]]


def _zeros(size: int, folder: ArrayFolder | None) -> np.ndarray:
    """Zeros (size,), uint64."""
    # a new file holds zeros
    in_memory = folder is None
    return np.zeros(size, np.uint64) if in_memory else new_array(size, np.uint64, folder)


def build_microstates(
    history: ContactHistory,
    *,
    persistence_frames: int,
    types: tuple[str, ...],
    use_hysteresis: bool = True,
) -> Microstates:
    """Filter the contacts and intern the shells.

    Cost: linear in intervals of contact and in changes.

    Parameters
    ----------
    history : ContactHistory
        The contacts within r_out; `inner` marks intervals within r_in. Microstates are where the
        history is, in memory or on disk.
    persistence_frames : int
        A change must outlast this many frames; 0 keeps every change.
    types : tuple of str
        Names of the ligand types.
    use_hysteresis : bool
        False counts only contacts within r_in: a plain cutoff.

    Returns
    -------
    Microstates
    """
    runs, offsets, members = find_shells(history, persistence_frames, use_hysteresis)
    about = history.ligand_atom, history.ligand_molecule, history.ligand_kind
    # in one allocation, which uses large pages
    atom, molecule, kind = new_array((3, len(members)), np.int64, history.folder)
    fill_members(*about, members, atom, molecule, kind)
    shells = ShellTable(offsets, atom, molecule, kind, types)
    changed = runs.n_changes / max((history.n_frames - 1) * history.n_carriers, 1)
    report = {"distinct_shells": len(shells), "changed_per_frame": float(changed)}
    return Microstates(runs, shells, report)
