"""From gathered contacts to microstates: history filters, then interning.

A contact is on or off in every frame. Hysteresis: it goes on when inside r_in and off when
outside r_out; between the two it keeps its state (before the first decisive frame it takes the
state that frame decides). Persistence: a change counts only if the new state lasts longer than t*.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels import counting_order, kernel, longer
from ..runs import LabelRuns
from .base import ContactHistory, Microstates, ShellTable, row_number
from .stored import intern_on_disk

if TYPE_CHECKING:
    from .stored import StoredHistory


@kernel
def contact_intervals(carrier, ligand, inner, first, stop, n_frames, persist):  # type: ignore[no-untyped-def]
    """Intervals [begin, end) of frames in which each pair is in contact, after both filters.

    carrier, ligand, inner, first, stop (stretches,): stretches of frames with a pair inside r_out,
    sorted by carrier, ligand, frame; inner: inside r_in; persist: frames a change must outlast.
    Returns carrier, ligand, begin, end, each (intervals,) int32.
    """
    n_stretches = carrier.shape[0]
    capacity = max(1024, n_stretches)
    out_carrier = np.empty(capacity, dtype=np.int32)
    out_ligand = np.empty(capacity, dtype=np.int32)
    began = np.empty(capacity, dtype=np.int32)
    ended = np.empty(capacity, dtype=np.int32)
    n_out = 0
    begins = np.empty(16, dtype=np.int64)
    ends = np.empty(16, dtype=np.int64)
    m = 0
    while m < n_stretches:
        c, a = carrier[m], ligand[m]
        # hysteresis: within one unbroken stay inside r_out the contact is on from its first
        # inner frame; at the start of the run also before it
        n_on = 0
        while m < n_stretches and carrier[m] == c and ligand[m] == a:
            begin = first[m]
            first_inner = -1
            last = begin
            while m < n_stretches and carrier[m] == c and ligand[m] == a and first[m] == last:
                if first_inner < 0 and inner[m]:
                    first_inner = first[m]
                last = stop[m]
                m += 1
            if first_inner >= 0:
                if n_on == begins.shape[0]:
                    begins = longer(begins, 2 * n_on)
                    ends = longer(ends, 2 * n_on)
                begins[n_on] = 0 if begin == 0 else first_inner
                ends[n_on] = last
                n_on += 1
        # persistence: walk through off and on stretches, taking up only the lasting ones
        state = -1  # not known before the first lasting stretch
        since = 0
        position = 0
        for j in range(2 * n_on + 2):
            # after the last stretch one more turn closes what is still on
            on = j % 2 if j <= 2 * n_on else 0
            until = n_frames
            if j < 2 * n_on:
                until = ends[j // 2] if on == 1 else begins[j // 2]
            closing = j == 2 * n_on + 1
            lasting = until - position > persist or until - position == n_frames
            if lasting and state == -1:
                state = on
            elif state == 1 and (closing or (lasting and on == 0)):
                if n_out == capacity:
                    capacity *= 2
                    out_carrier = longer(out_carrier, capacity)
                    out_ligand = longer(out_ligand, capacity)
                    began = longer(began, capacity)
                    ended = longer(ended, capacity)
                out_carrier[n_out], out_ligand[n_out] = c, a
                began[n_out] = since
                ended[n_out] = n_frames if closing else position
                n_out += 1
                state = 0
            elif lasting and state == 0 and on == 1:
                state = 1
                since = position
            position = until
    return (
        longer(out_carrier, n_out),
        longer(out_ligand, n_out),
        longer(began, n_out),
        longer(ended, n_out),
    )


@kernel
def intern_shells(  # type: ignore[no-untyped-def]
    n_frames, change_offsets, change_frame, change_ligand, change_on, table, hashes, offsets,
    members, n_shells,
):  # fmt: skip
    """Give every distinct set of ligands a number, shared by all carriers.

    change_offsets (carriers + 1,): changes of carrier c in order of frame; each puts a ligand on
    (change_on True) or off at change_frame. Known so far are the shells 0 : n_shells: shell s has
    the members (ligand numbers, sorted) offsets[s] : offsets[s + 1], the hash hashes[s], and a
    place in the hash table (a power of 2), which holds -1 where it is free; new ones are added.
    Exact: hashes only find candidates, members decide. Returns the runs of shell numbers (offsets,
    start, value, as `LabelRuns`), then table, hashes, offsets, members and n_shells, which may be
    longer.
    """
    n_carriers = change_offsets.shape[0] - 1
    table_size = table.shape[0]
    run_offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    run_start = np.empty(change_frame.shape[0] + n_carriers, dtype=np.int32)
    run_value = np.empty(change_frame.shape[0] + n_carriers, dtype=np.int32)
    n_runs = 0
    current = np.empty(64, dtype=np.int32)
    for c in range(n_carriers):
        n_now = 0
        m = change_offsets[c]
        position = 0
        # a sum over members, so that a change alters it by its own term alone
        code = np.uint64(0)
        while position < n_frames:
            while m < change_offsets[c + 1] and change_frame[m] <= position:
                ligand = change_ligand[m]
                term = (np.uint64(ligand) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
                term = (term ^ (term >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                term ^= term >> np.uint64(27)
                at = np.int64(0)
                for k in range(n_now):
                    at += np.int64(current[k] < ligand)
                if change_on[m]:
                    if n_now == current.shape[0]:
                        current = longer(current, 2 * n_now)
                    for k in range(n_now, at, -1):
                        current[k] = current[k - 1]
                    current[at] = ligand
                    n_now += 1
                    code += term
                else:
                    for k in range(at, n_now - 1):
                        current[k] = current[k + 1]
                    n_now -= 1
                    code -= term
                m += 1
            slot = np.int64((code ^ (code >> np.uint64(32))) & np.uint64(table_size - 1))
            shell = -1
            while table[slot] >= 0:
                other = table[slot]
                if hashes[other] == code and offsets[other + 1] - offsets[other] == n_now:
                    same = True
                    for k in range(n_now):
                        if members[offsets[other] + k] != current[k]:
                            same = False
                            break
                    if same:
                        shell = other
                        break
                slot = (slot + 1) & (table_size - 1)
            if shell < 0:
                shell = n_shells
                if n_shells + 2 > offsets.shape[0]:
                    offsets = longer(offsets, 2 * offsets.shape[0])
                    hashes = longer(hashes, 2 * hashes.shape[0])
                while offsets[n_shells] + n_now > members.shape[0]:
                    members = longer(members, 2 * members.shape[0])
                for k in range(n_now):
                    members[offsets[n_shells] + k] = current[k]
                offsets[n_shells + 1] = offsets[n_shells] + n_now
                hashes[n_shells] = code
                table[slot] = n_shells
                n_shells += 1
                if 2 * n_shells > table_size:
                    table_size *= 4
                    table = np.full(table_size, -1, dtype=np.int64)
                    for s in range(n_shells):
                        known = hashes[s] ^ (hashes[s] >> np.uint64(32))
                        slot = np.int64(known & np.uint64(table_size - 1))
                        while table[slot] >= 0:
                            slot = (slot + 1) & (table_size - 1)
                        table[slot] = s
            # a ligand that goes as another comes back may leave the shell as it was
            if n_runs == run_offsets[c] or run_value[n_runs - 1] != shell:
                run_start[n_runs] = position
                run_value[n_runs] = shell
                n_runs += 1
            position = n_frames
            if m < change_offsets[c + 1]:
                position = min(n_frames, change_frame[m])
        run_offsets[c + 1] = n_runs
    runs = run_offsets, longer(run_start, n_runs), longer(run_value, n_runs)
    return runs, table, hashes, offsets, members, n_shells


def empty_table() -> list[Any]:
    """What `intern_shells` knows before it has seen a shell."""
    return [
        np.full(4096, -1, dtype=np.int64),
        np.zeros(1024, dtype=np.uint64),
        np.zeros(1024, dtype=np.int64),
        np.empty(8192, dtype=np.int32),
        0,
    ]


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
    n_frames, n_carriers = history.n_frames, history.n_carriers

    def changes() -> Iterator[tuple[int, int, tuple[np.ndarray, ...]]]:
        # a block of carriers at a time: sorting and changes of all would fill more than the history
        for first, last, mine in history.blocks():
            if not use_hysteresis:
                mine = mine.rows(mine.inner)
            yield first, last, _changes(mine, first, last, persistence_frames)

    if not isinstance(history, ContactHistory):
        return intern_on_disk(history, changes(), types)
    known = empty_table()
    found = []
    for _, _, change in changes():
        runs, *known = intern_shells(n_frames, *change, *known)
        found.append(runs)
    offsets, members, n_shells = known[2:]
    offsets = longer(offsets, n_shells + 1)
    members = longer(members, offsets[-1])
    del known  # as large as what is made next
    shift = np.cumsum([0, *(len(start) for _, start, _ in found)])
    runs = LabelRuns(
        np.concatenate([[0], *(o[1:] + n for (o, _, _), n in zip(found, shift, strict=False))]),
        np.concatenate([start for _, start, _ in found]),
        np.concatenate([value for _, _, value in found]),
        n_frames,
    )
    shells = ShellTable(
        offsets=offsets,
        atom=history.ligand_atom[members],
        molecule=history.ligand_molecule[members],
        kind=history.ligand_kind[members],
        types=types,
    )
    changed = runs.n_changes / max((n_frames - 1) * n_carriers, 1)
    report = {"distinct_shells": len(shells), "changed_per_frame": float(changed)}
    return Microstates(runs, shells, report)


def _changes(
    history: ContactHistory, first: int, last: int, persistence_frames: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What goes on and off in the shells of carriers `first` to `last` - 1, by carrier and frame.

    Returns offsets (carriers + 1,), then frame, ligand and whether it goes on, (changes,).
    """
    n_frames, n_carriers = history.n_frames, last - first
    history = history.sorted()
    who, what, begin, end = contact_intervals(
        history.carrier,
        history.ligand,
        history.inner,
        history.begin,
        history.end,
        n_frames,
        persistence_frames,
    )
    # every interval is an on at its begin and an off at its end; ends of the run need no off
    live = end < n_frames
    frame = np.concatenate([end[live], begin])
    carrier = np.concatenate([who[live], who]) - first
    ligand = np.concatenate([what[live], what])
    goes_on = np.repeat([False, True], [int(np.count_nonzero(live)), len(who)])
    order = counting_order(frame, n_frames, np.arange(len(frame), dtype=row_number(len(frame))))
    order = counting_order(carrier, n_carriers, order)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(carrier, minlength=n_carriers))])
    return offsets, frame[order], ligand[order], goes_on[order]
