"""From gathered contacts to microstates: history filters, then interning.

A contact is on or off in every frame. Hysteresis: it goes on when inside r_in and off when
outside r_out; between the two it keeps its state (before the first decisive frame it takes the
state that frame decides). Persistence: a change counts only if the new state lasts longer than t*.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels import longer
from .base import ContactHistory, Microstates, ShellTable


@njit(nogil=True, cache=True)
def contact_intervals(pair_offsets, frame, inner, n_frames, persist):  # type: ignore[no-untyped-def]
    """Intervals [begin, end) of frames in which each pair is in contact, after both filters.

    pair_offsets (pairs + 1,): observations of pair p are pair_offsets[p] : pair_offsets[p + 1];
    frame (observations,) increasing within a pair: frames with the pair inside r_out; inner
    (observations,) bool: inside r_in; persist: frames a change must outlast. Returns pair, begin,
    end, each (intervals,) int64.
    """
    n_pairs = pair_offsets.shape[0] - 1
    capacity = max(1024, 2 * n_pairs)
    pair = np.empty(capacity, dtype=np.int64)
    began = np.empty(capacity, dtype=np.int64)
    ended = np.empty(capacity, dtype=np.int64)
    n_out = 0
    longest = 1
    for p in range(n_pairs):
        longest = max(longest, pair_offsets[p + 1] - pair_offsets[p])
    begins = np.empty(longest, dtype=np.int64)
    ends = np.empty(longest, dtype=np.int64)
    for p in range(n_pairs):
        # hysteresis: within one unbroken stay inside r_out the contact is on from its first
        # inner frame; at the start of the run also before it
        n_on = 0
        m = pair_offsets[p]
        while m < pair_offsets[p + 1]:
            begin = frame[m]
            first_inner = -1
            last = begin
            while m < pair_offsets[p + 1] and (frame[m] == last or frame[m] == last + 1):
                if first_inner < 0 and inner[m]:
                    first_inner = frame[m]
                last = frame[m]
                m += 1
            if first_inner >= 0:
                begins[n_on] = 0 if begin == 0 else first_inner
                ends[n_on] = last + 1
                n_on += 1
        # persistence: walk through off and on stretches, taking up only the lasting ones
        state = -1  # not known before the first lasting stretch
        since = 0
        position = 0
        for j in range(2 * n_on + 2):
            # after the last stretch one more turn closes what is still on
            on = j % 2 if j <= 2 * n_on else 0
            stop = n_frames
            if j < 2 * n_on:
                stop = ends[j // 2] if on == 1 else begins[j // 2]
            closing = j == 2 * n_on + 1
            lasting = stop - position > persist or stop - position == n_frames
            if lasting and state == -1:
                state = on
            elif state == 1 and (closing or (lasting and on == 0)):
                if n_out == capacity:
                    capacity *= 2
                    pair = longer(pair, capacity)
                    began = longer(began, capacity)
                    ended = longer(ended, capacity)
                pair[n_out] = p
                began[n_out] = since
                ended[n_out] = n_frames if closing else position
                n_out += 1
                state = 0
            elif lasting and state == 0 and on == 1:
                state = 1
                since = position
            position = stop
    return longer(pair, n_out), longer(began, n_out), longer(ended, n_out)


@njit(nogil=True, cache=True)
def intern_shells(  # type: ignore[no-untyped-def]
    n_frames, n_carriers, change_offsets, change_frame, change_ligand, change_on, state
):
    """Give every distinct set of ligands a number, shared by all carriers.

    change_offsets (carriers + 1,): changes of carrier c in order of frame; each puts a ligand on
    (change_on True) or off at change_frame. Fills state (carriers, frames) and returns offsets and
    members (ligand numbers, sorted) of the distinct shells. Exact: hashes only find candidates,
    members decide.
    """
    table_size = 1024
    table = np.full(table_size, -1, dtype=np.int64)
    offsets = np.zeros(1024, dtype=np.int64)
    hashes = np.zeros(1024, dtype=np.uint64)
    members = np.empty(8192, dtype=np.int64)
    n_shells = 0
    current = np.empty(64, dtype=np.int64)
    for c in range(n_carriers):
        n_now = 0
        m = change_offsets[c]
        position = 0
        while position < n_frames:
            while m < change_offsets[c + 1] and change_frame[m] <= position:
                ligand = change_ligand[m]
                at = 0
                while at < n_now and current[at] < ligand:
                    at += 1
                if change_on[m]:
                    if n_now == current.shape[0]:
                        current = longer(current, 2 * n_now)
                    for k in range(n_now, at, -1):
                        current[k] = current[k - 1]
                    current[at] = ligand
                    n_now += 1
                else:
                    for k in range(at, n_now - 1):
                        current[k] = current[k + 1]
                    n_now -= 1
                m += 1
            code = np.uint64(1469598103934665603)
            for k in range(n_now):
                code = (code ^ np.uint64(current[k] + 1)) * np.uint64(1099511628211)
                code ^= code >> np.uint64(29)
            slot = np.int64(code & np.uint64(table_size - 1))
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
                    table_size *= 2
                    table = np.full(table_size, -1, dtype=np.int64)
                    for s in range(n_shells):
                        slot = np.int64(hashes[s] & np.uint64(table_size - 1))
                        while table[slot] >= 0:
                            slot = (slot + 1) & (table_size - 1)
                        table[slot] = s
            stop = n_frames
            if m < change_offsets[c + 1]:
                stop = min(stop, change_frame[m])
            for t in range(position, stop):
                state[c, t] = shell
            position = stop
    return longer(offsets, n_shells + 1), longer(members, offsets[n_shells])


def build_microstates(
    history: ContactHistory,
    *,
    persistence_frames: int,
    types: tuple[str, ...],
    use_hysteresis: bool = True,
) -> Microstates:
    """Filter the gathered contacts and intern the shells.

    Cost: one sort of the contacts, then linear in contacts and changes.

    Parameters
    ----------
    history : ContactHistory
        The contacts within r_out; `inner` marks those within r_in.
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
    frame, carrier, ligand, inner = history.frame, history.carrier, history.ligand, history.inner
    if not use_hysteresis:
        frame, carrier, ligand, inner = frame[inner], carrier[inner], ligand[inner], inner[inner]
    n_ligands = max(len(history.ligand_atom), 1)
    key = (carrier.astype(np.int64) * n_ligands + ligand) * n_frames + frame
    order = np.argsort(key, kind="stable")
    pair_key = key[order] // n_frames
    starts = np.flatnonzero(np.diff(pair_key, prepend=-1))
    pairs = pair_key[starts]
    pair, begin, end = contact_intervals(
        np.append(starts, len(pair_key)),
        frame[order].astype(np.int64),
        inner[order],
        n_frames,
        persistence_frames,
    )
    who, what = pairs[pair] // n_ligands, pairs[pair] % n_ligands
    # every interval is an on at its begin and an off at its end; ends of the run need no off
    change_carrier = np.concatenate([who, who])
    change_frame = np.concatenate([begin, end])
    change_ligand = np.concatenate([what, what])
    change_on = np.repeat([True, False], len(who))
    live = change_frame < n_frames
    order = np.lexsort((change_on, change_frame, change_carrier))
    order = order[live[order]]
    change_offsets = np.searchsorted(change_carrier[order], np.arange(n_carriers + 1))
    state = np.empty((n_carriers, n_frames), dtype=np.int32)
    offsets, members = intern_shells(
        n_frames,
        n_carriers,
        change_offsets,
        change_frame[order],
        change_ligand[order],
        change_on[order],
        state,
    )
    shells = ShellTable(
        offsets=offsets,
        atom=history.ligand_atom[members],
        molecule=history.ligand_molecule[members],
        kind=history.ligand_kind[members],
        types=types,
    )
    changes = np.count_nonzero(state[:, 1:] != state[:, :-1]) / max(state[:, 1:].size, 1)
    report = {"distinct_shells": len(shells), "changed_per_frame": float(changes)}
    return Microstates(state=state.T, shells=shells, report=report)
