"""From gathered contacts to microstates: history filters, then interning.

A contact is on or off in every frame. Hysteresis: it goes on when inside r_in and off when
outside r_out; between the two it keeps its state (before the first decisive frame it takes the
state that frame decides). Persistence: a change counts only if the new state lasts longer than t*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..lib.kernels import kernel
from ..lib.lanes import ROW, changed_lanes, copy_lanes, fetch, lowest_bit, same_lanes, shifted_lanes
from ..lib.run_length import LabelRuns
from .detector import ContactHistory, Microstates, ShellTable
from .on_disk import intern_on_disk

if TYPE_CHECKING:
    from .on_disk import StoredHistory

#: Shells there is room for at first, at most.
MOST_AT_FIRST = 2**18
#: Shells whose places in the table are looked at ahead.
_AHEAD = np.uint64(16)
_ROW, _PAST = np.uint64(ROW), np.uint64(ROW - 1)
_NONE, _ONE, _BACK = np.uint64(0), np.uint64(1), np.uint64(2**64 - 1)
_SIX, _LAST, _WHOLE_ROW = np.uint64(6), np.uint64(63), np.uint64(2**ROW - 1)
_HALF, _LOWER = np.uint64(32), np.uint64(2**32 - 1)
_HIGHEST = np.int32(2**31 - 1)


@kernel
def _mark(frame, change, n, head, after, changes, words):  # type: ignore[no-untyped-def]
    """Add a change to those of its frame; returns the new number of changes."""
    changes[n] = change
    after[n], head[frame] = head[frame], n
    words[frame >> _SIX] |= _ONE << (frame & _LAST)
    return n + _ONE


@kernel
def mark_changes(  # type: ignore[no-untyped-def]
    rows, ligand, inner, begin, end, n_frames, persist, stay_of, stay_ligand, on, off, following,
    firsts, head, after, changes, words,
):  # fmt: skip
    """When ligands join and leave the shell of one carrier, after both filters, frame by frame.

    rows (stretches,): of this carrier, those of one ligand in the order of time; ligand, inner,
    begin, end: of all stretches; persist: frames a change must outlast. stay_of (ligands,) holds 0,
    as it does again afterwards; stay_ligand, on, off, following, firsts (stretches + 1,): room.

    Change m is that the ligand changes[m] joins or, if negative, ~changes[m] leaves; head (frames,)
    holds the last change of each frame, else -1, after the one before it in the same frame; words
    hold a bit for each frame with a change. Returns the number of changes.

    Cost: linear in stretches.
    """
    # Hysteresis: within one unbroken stay inside r_out the contact is on from its first inner
    # frame; at the start of the run also before it. Stays are numbered from 1, number 0 never ends.
    n_stays, n_firsts, n = _NONE, _NONE, _NONE
    off[0] = -1
    for row in range(rows.shape[0]):
        m = np.uint64(rows[row])
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
                n = _mark(np.uint64(on[s]), who, n, head, after, changes, words)
                if off[s] < n_frames:
                    n = _mark(np.uint64(off[s]), ~who, n, head, after, changes, words)
        return n
    # Persistence: of the times on and off of a ligand only the lasting ones count.
    for k in range(n_firsts):
        stay = np.uint64(firsts[k])
        who = stay_ligand[stay]
        state = -1  # not known before the first lasting time
        position = 0
        while True:
            while stay != _NONE and on[stay] < 0:
                stay = np.uint64(following[stay])
            until = n_frames if stay == _NONE else on[stay]
            if until - position > persist or until - position == n_frames:
                if state == 1:
                    n = _mark(np.uint64(position), ~who, n, head, after, changes, words)
                state = 0
            if stay == _NONE:
                break
            position, until = until, off[stay]
            if until - position > persist or until - position == n_frames:
                if state != 1:
                    joined = position if state == 0 else 0
                    n = _mark(np.uint64(joined), who, n, head, after, changes, words)
                state = 1
            position = until
            stay = np.uint64(following[stay])
    return n


@kernel
def _term(ligand):  # type: ignore[no-untyped-def]
    """What a ligand adds to the hash of a shell."""
    term = (np.uint64(ligand) + _ONE) * np.uint64(0x9E3779B97F4A7C15)
    term = (term ^ (term >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return term ^ (term >> np.uint64(27))


@kernel
def intern_shells(  # type: ignore[no-untyped-def]
    c, n_runs, n_shells, n_frames, persist, stretches, run_offsets, run_start, run_value, table,
    hashes, offsets, members,
):  # fmt: skip
    """Filter the contacts of carriers from c on, and give every distinct set of ligands a number.

    stretches: order, first_row, ligand, inner, begin, end, and the number of ligands; order has the
    numbers of the stretches of carrier c, those of one ligand in the order of time, at
    first_row[c] : first_row[c + 1]. run_offsets, run_start, run_value: as in `LabelRuns`, with
    room; n_runs runs are there.

    Known are the shells 0 : n_shells, of all carriers: shell s has the members (ligand numbers,
    sorted) offsets[s] : offsets[s + 1], the hash hashes[s], and a place in the hash table (a power
    of 2), which holds s + 1 below the upper half of the hash, or 0 where it is free; new ones are
    added. Exact: hashes only find candidates, members decide. Returns the first carrier for which
    there may not be enough room, or the number of carriers; the new n_runs and n_shells; how many
    shells and members there should be room for.

    Cost: linear in stretches and changes.
    """
    order, first_row, ligand, inner, begin, end, n_ligands = stretches
    n_carriers = first_row.shape[0] - 1
    most = 0
    for other in range(c, n_carriers):
        most = max(most, first_row[other + 1] - first_row[other])
    stay_of = np.zeros(n_ligands, dtype=np.int32)
    stay_ligand, on, off, following, firsts = np.empty((5, most + 1), dtype=np.int32)
    after, changes, ordered = np.empty((3, 2 * most + 1), dtype=np.int32)
    head = np.full(n_frames, -1, dtype=np.int32)
    words = np.zeros(n_frames // 64 + 1, dtype=np.uint64)
    starts, stops = np.empty((2, 2 * most + 1), dtype=np.int32)
    # some are looked at before it is their turn
    codes = np.zeros(2 * most + 1 + np.int64(_AHEAD), dtype=np.uint64)
    # the members of a shell in ascending order, from place ROW on, between lower and higher numbers
    current = np.empty(0, dtype=np.int32)
    last, run, known = np.uint64(table.shape[0] - 1), np.uint64(n_runs), np.uint64(n_shells)
    enough, n_members = np.int64(0), np.int64(0)
    while c < n_carriers:
        mark_changes(
            order[first_row[c] : first_row[c + 1]], ligand, inner, begin, end, n_frames, persist,
            stay_of, stay_ligand, on, off, following, firsts, head, after, changes, words,
        )  # fmt: skip
        # a hash is that of all members together, so that a change alters it by its own term alone
        code, n_here, n_ordered = _NONE, _NONE, _NONE
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
                    change = changes[np.uint64(m)]
                    ordered[n_ordered] = change
                    n_ordered += _ONE
                    leaves = change >> 31
                    code ^= _term(change ^ leaves)
                    size += 1 + 2 * leaves
                    largest = max(largest, size)  # also while some of a frame have been made
                    m = after[np.uint64(m)]
                total += size
                starts[n_here], stops[n_here], codes[n_here] = frame, n_ordered, code
                n_here += _ONE
        enough = np.int64(known + n_here)
        n_members = np.int64(offsets[known]) + total
        if (
            enough + 1 > offsets.shape[0]
            or 3 * enough > 2 * table.shape[0]
            or n_members + ROW > members.shape[0]
        ):
            break
        if largest + 4 * ROW > current.shape[0]:
            current = np.empty(2 * largest + 4 * ROW, dtype=np.int32)
        current[:] = _HIGHEST
        current[ROW - 1] = -1
        n_now, done, before = _NONE, _NONE, np.int64(-1)
        for r in range(n_here):
            fetch(table, codes[r + _AHEAD] & last)
            for m in range(done, np.uint64(stops[r])):
                change = ordered[m]
                if largest <= ROW:
                    changed_lanes(current, _ROW, change)
                    n_now += _ONE + np.uint64(2 * (change >> 31))
                elif change >= 0:
                    n_now += _ONE
                    row = (n_now + _PAST) & ~_PAST
                    while row != _NONE:
                        shifted_lanes(current, row, change, _BACK)
                        row -= _ROW
                else:
                    for k in range(_ROW, n_now + _ROW, _ROW):
                        shifted_lanes(current, k, ~change, _ONE)
                    n_now -= _ONE
            done = np.uint64(stops[r])
            code = codes[r]
            slot, shell = code & last, np.int64(-1)
            while table[slot] != _NONE:
                if (table[slot] ^ code) >> _HALF == _NONE:
                    held = (table[slot] & _LOWER) - _ONE
                    at = np.uint64(offsets[held])
                    if np.uint64(offsets[held + _ONE]) - at == n_now:
                        different = _NONE
                        for k in range(_NONE, n_now, _ROW):
                            same = same_lanes(members, at + k, current, k + _ROW)
                            left = n_now - k
                            mine = (_ONE << left) - _ONE if left < _ROW else _WHOLE_ROW
                            different |= ~same & mine
                        if different == _NONE:
                            shell = np.int64(held)
                            break
                slot = (slot + _ONE) & last
            if shell < 0:
                shell = np.int64(known)
                at = np.uint64(offsets[known])
                for k in range(_NONE, n_now, _ROW):
                    copy_lanes(current, k + _ROW, members, at + k)
                hashes[known] = code
                table[slot] = (code >> _HALF << _HALF) | (known + _ONE)
                known += _ONE
                offsets[known] = at + n_now
            # a ligand that goes as another comes back may leave the shell as it was
            if shell != before:
                run_start[run], run_value[run] = starts[r], shell
                run += _ONE
            before = shell
        c += 1
        run_offsets[c] = run
    return c, np.int64(run), np.int64(known), enough, n_members


@kernel
def fill_table(hashes, n_shells, table):  # type: ignore[no-untyped-def]
    """Enter shells into a table of `intern_shells` that holds 0 throughout."""
    last = np.uint64(table.shape[0] - 1)
    for s in range(np.uint64(n_shells)):
        fetch(table, hashes[min(s + _AHEAD, np.uint64(n_shells) - _ONE)] & last)
        slot = hashes[s] & last
        while table[slot] != _NONE:
            slot = (slot + _ONE) & last
        table[slot] = (hashes[s] >> _HALF << _HALF) | (s + _ONE)


@kernel
def fill_members(  # type: ignore[no-untyped-def]
    ligand_atom, ligand_molecule, ligand_kind, members, atom, molecule, kind
):
    """What each member has of its ligand: atom, molecule, kind (members,)."""
    for k in range(members.shape[0]):
        a = np.uint64(members[k])
        atom[k], molecule[k], kind[k] = ligand_atom[a], ligand_molecule[a], ligand_kind[a]


def find_shells(
    history: ContactHistory, first: int, last: int, persistence_frames: int, use_hysteresis: bool
) -> tuple[LabelRuns, np.ndarray, np.ndarray, np.ndarray]:
    """Runs of shells of carriers `first` to `last` - 1, numbered in the order they are met.

    The arrays are made here, as NumPy asks the system for large pages where that pays.

    Parameters
    ----------
    history : ContactHistory
        Of these carriers alone.
    first, last : int
    persistence_frames : int
    use_hysteresis : bool
        See `build_microstates`.

    Returns
    -------
    runs : LabelRuns
    offsets, members : numpy.ndarray
        Shape (shells + 1,), int64, and (members,), int32: shell s has the ligands, ascending,
        ``members[offsets[s]:offsets[s + 1]]``.
    hashes : numpy.ndarray
        Shape (shells,), uint64; those of equal shells are equal.
    """
    if not use_hysteresis:
        history = history.rows(history.inner)
    order, first_row = history.in_time(first, last)
    n_rows, n_carriers = len(order), last - first
    stretches = (
        order, first_row, history.ligand, history.inner, history.begin, history.end,
        len(history.ligand_atom),
    )  # fmt: skip
    run_offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    run_start, run_value = (np.empty(2 * n_rows + n_carriers, dtype=np.int32) for _ in range(2))
    # as if each stretch made a new shell of several members, as long as that is little
    enough = min(n_rows, MOST_AT_FIRST)
    n_members = 8 * enough
    table, hashes = np.zeros(0, dtype=np.uint64), np.empty(0, dtype=np.uint64)
    offsets, members = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32)
    c = n_runs = n_shells = 0
    while c < n_carriers:
        if enough + 1 > len(offsets):
            offsets, hashes = _with_room(offsets, enough + 1), _with_room(hashes, enough + 1)
        if n_members + ROW > len(members):
            members = _with_room(members, n_members + ROW)
        if 3 * enough > 2 * len(table):
            # the least power of 2 that leaves a third free; the old one makes room before
            del table
            table = np.zeros(1 << (3 * enough // 2).bit_length(), dtype=np.uint64)
            fill_table(hashes, n_shells, table)
        c, n_runs, n_shells, enough, n_members = intern_shells(
            c, n_runs, n_shells, history.n_frames, persistence_frames, stretches, run_offsets,
            run_start, run_value, table, hashes, offsets, members,
        )  # fmt: skip
    runs = LabelRuns(run_offsets, run_start[:n_runs], run_value[:n_runs], history.n_frames)
    return runs, offsets[: n_shells + 1], members[: offsets[n_shells]], hashes[:n_shells]


def _with_room(array: np.ndarray, size: int) -> np.ndarray:
    """The array (n,), followed by room for twice as many or up to a size."""
    longer = np.empty(max(size, 2 * len(array)), dtype=array.dtype)
    longer[: len(array)] = array
    return longer


def build_microstates(
    history: ContactHistory | StoredHistory,
    *,
    persistence_frames: int,
    types: tuple[str, ...],
    use_hysteresis: bool = True,
) -> Microstates:
    """Filter the gathered contacts and intern the shells.

    Cost: linear in stretches of contact and in changes.

    Parameters
    ----------
    history : ContactHistory or StoredHistory
        The contacts within r_out; `inner` marks stretches within r_in. Microstates of a history on
        disk are on disk too.
    persistence_frames : int
        A change must outlast this many frames; 0 keeps every change.
    types : tuple of str
        Names of the ligand types.
    use_hysteresis : bool
        False takes only what lies within r_in: a plain cutoff.

    Returns
    -------
    Microstates
    """
    n_carriers, chosen = history.n_carriers, (persistence_frames, use_hysteresis)
    if not isinstance(history, ContactHistory):
        blocks = ((a, b, find_shells(rows, a, b, *chosen)) for a, b, rows in history.blocks())
        return intern_on_disk(history, blocks, types)
    runs, offsets, members = find_shells(history, 0, n_carriers, *chosen)[:3]
    about = history.ligand_atom, history.ligand_molecule, history.ligand_kind
    # in one piece, of which more is in large pages
    atom, molecule, kind = np.empty((3, len(members)), dtype=np.int64)
    fill_members(*about, members, atom, molecule, kind)
    shells = ShellTable(offsets, atom, molecule, kind, types)
    changed = runs.n_changes / max((history.n_frames - 1) * n_carriers, 1)
    report = {"distinct_shells": len(shells), "changed_per_frame": float(changed)}
    return Microstates(runs, shells, report)
