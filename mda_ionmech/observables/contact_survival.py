"""Survival functions of contacts, and counts of transitions between labels.

C(t) = < h(0) h(t) > / < h(0) >, h = 1 while a carrier and a ligand are in contact: intermittent as
written; continuous if the contact must last throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..lib.kernels import kernel
from ..lib.run_length import LabelRuns, frame_counts, run_blocks

#: Most lags of survival functions: all short ones, then evenly on a logarithmic scale.
MOST_LAGS = 200


@dataclass(frozen=True)
class ContactTable:
    """Continuous contacts of carriers and ligands, by pair and in order of time.

    Attributes
    ----------
    pair_offsets : numpy.ndarray
        Shape (pairs + 1,), int64: contacts of pair p are pair_offsets[p] : pair_offsets[p + 1].
    begin, end : numpy.ndarray
        Shape (contacts,), int64: frames [begin, end).
    kind : numpy.ndarray
        Shape (pairs,), int64: type of the ligand.
    n_frames : int
    """

    pair_offsets: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    kind: np.ndarray
    n_frames: int


def contact_table(
    runs: LabelRuns, shell_offsets: np.ndarray, ligand: np.ndarray, kind: np.ndarray
) -> ContactTable:
    """Contacts from shells over time.

    Cost: one sort of the members of all runs.

    Parameters
    ----------
    runs : LabelRuns
        Shell number of every carrier over time.
    shell_offsets : numpy.ndarray
        Shape (shells + 1,): members of shell s are shell_offsets[s] : shell_offsets[s + 1].
    ligand, kind : numpy.ndarray
        Shape (members,), int64: number and type of each; no ligand is twice in a shell.

    Returns
    -------
    ContactTable
    """
    sizes = np.diff(shell_offsets)[runs.value]
    run = np.repeat(np.arange(len(runs.value)), sizes)
    within = np.arange(len(run)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    member = shell_offsets[runs.value][run] + within
    carrier_of_run = np.repeat(np.arange(len(runs.offsets) - 1), np.diff(runs.offsets))
    ends = np.append(runs.start[1:], runs.n_frames)
    ends[runs.offsets[1:] - 1] = runs.n_frames
    n_kinds = int(kind.max(initial=0)) + 1
    n_ligands = int(ligand.max(initial=0)) + 1
    pair = (carrier_of_run[run] * n_ligands + ligand[member]) * n_kinds + kind[member]
    order = np.lexsort((runs.start[run], pair))
    pair, begin, end = pair[order], runs.start[run][order], ends[run][order]
    # a contact continues from one run into the next
    first = np.ones(len(pair), dtype=bool)
    first[1:] = (pair[1:] != pair[:-1]) | (begin[1:] != end[:-1])
    last = np.append(first, True)[1:]  # empty without contacts
    pair, begin, end = pair[first], begin[first], end[last]
    distinct, starts = np.unique(pair, return_index=True)
    return ContactTable(
        np.append(starts, len(pair)).astype(np.int64), begin, end, distinct % n_kinds, runs.n_frames
    )


@kernel
def count_survivors(  # type: ignore[no-untyped-def]
    pair_offsets, begin, end, kind, n_frames, lags, sub_block, continuous, alive, present
):
    """Contacts that exist at an origin and, after each lag, still or again.

    Adds to alive and present (lags, kinds, sub-blocks), float64: contacts at both ends of the lag
    (throughout if `continuous`), and contacts at origins; sub-blocks of `sub_block` origins, the
    remainder in the last.
    """
    n_kinds, n_blocks = alive.shape[1], alive.shape[2]
    edge = np.empty((2, n_kinds, n_frames + 1))
    for m in range(lags.shape[0]):
        lag = lags[m]
        n_origins = n_frames - lag
        edge[:] = 0.0
        for p in range(pair_offsets.shape[0] - 1):
            k = kind[p]
            first, stop = pair_offsets[p], pair_offsets[p + 1]
            for s in range(first, stop):
                if begin[s] < n_origins:
                    edge[1, k, begin[s]] += 1.0
                    edge[1, k, min(end[s], n_origins)] -= 1.0
            if continuous:
                for s in range(first, stop):
                    if end[s] - lag > begin[s]:
                        edge[0, k, begin[s]] += 1.0
                        edge[0, k, end[s] - lag] -= 1.0
                continue
            # overlap of contacts with contacts shifted back by the lag
            i = first
            j = first
            while i < stop and j < stop:
                low = max(begin[i], begin[j] - lag)
                high = min(end[i], end[j] - lag)
                if low < high:
                    edge[0, k, low] += 1.0
                    edge[0, k, high] -= 1.0
                if end[i] < end[j] - lag:
                    i += 1
                else:
                    j += 1
        for k in range(n_kinds):
            now = 0.0
            at = 0.0
            for t in range(n_origins):
                now += edge[0, k, t]
                at += edge[1, k, t]
                b = min(t // sub_block, n_blocks - 1)
                alive[m, k, b] += now
                present[m, k, b] += at


def count_endings(contacts: ContactTable, sub_block: int, endings: np.ndarray) -> None:
    """Contacts that end before the last frame, added to endings (kinds, sub-blocks) by their end.

    Sub-blocks are those of `count_survivors`.
    """
    n_kinds, n_blocks = endings.shape
    kind = np.repeat(contacts.kind, np.diff(contacts.pair_offsets))
    seen = contacts.end < contacts.n_frames
    block = np.minimum(contacts.end[seen] // sub_block, n_blocks - 1)
    found = np.bincount(kind[seen] * n_blocks + block, minlength=endings.size)
    endings += found.reshape(n_kinds, n_blocks)


def survival_lags(n_frames: int) -> np.ndarray:
    """Lags in frames: 0, 1, 2, ... and then evenly on a logarithmic scale, to half the frames."""
    longest = max(n_frames // 2, 1)
    spread = np.geomspace(1, longest, MOST_LAGS).round().astype(np.int64)
    return np.unique(np.append(0, spread))


def characteristic_times(lags: np.ndarray, survival: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Decay time to 1/e and integral of survival functions.

    Parameters
    ----------
    lags : numpy.ndarray
        Shape (lags,), ps, ascending from 0.
    survival : numpy.ndarray
        Shape (..., lags), 1 at lag 0.

    Returns
    -------
    fall, integral : numpy.ndarray
        Shape (...), ps. The fall is interpolated between lags on a logarithmic scale, NaN where 1/e
        is not reached; the integral (trapezoids) runs over all lags.
    """
    below = survival <= np.exp(-1)
    reached = below.any(axis=-1)
    at = np.maximum(below.argmax(axis=-1), 1)
    high = np.take_along_axis(survival, at[..., None] - 1, axis=-1)[..., 0]
    low = np.take_along_axis(survival, at[..., None], axis=-1)[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        # a survival function that falls to zero within one lag has no logarithm there
        fraction = np.where(
            low > 0, (np.log(high) + 1) / np.log(high / low), (high - np.exp(-1)) / (high - low)
        )
        fall = lags[at - 1] + fraction * (lags[at] - lags[at - 1])
    integral = np.trapezoid(survival, lags, axis=-1)
    return np.where(reached, fall, np.nan), integral


def channel_counts(
    runs: LabelRuns, label: np.ndarray, n_labels: int, sub_block: int
) -> tuple[np.ndarray, np.ndarray]:
    """Changes of state by the labels of both states, and frames spent on each label.

    Cost: linear in the runs, by blocks of carriers, and in labels x frames.

    Parameters
    ----------
    runs : LabelRuns
        State of each carrier, with a new run wherever it changes.
    label : numpy.ndarray
        Shape (states,), int64.
    n_labels : int
    sub_block : int
        Steps per sub-block.

    Returns
    -------
    changes : numpy.ndarray
        Shape (sub-blocks, labels, labels), float64.
    held : numpy.ndarray
        Shape (sub-blocks, labels): carriers times steps that begin on the label.
    """
    n_steps = runs.n_frames - 1
    edges = np.arange(0, n_steps, sub_block)
    size = len(edges), n_labels, n_labels
    changes = np.zeros(math.prod(size), dtype=np.int64)
    for begin, end in run_blocks(runs.offsets):
        mine = runs.carriers(begin, end)
        first, last = int(mine.offsets[0]), int(mine.offsets[-1])
        kind, step = label[mine.value[first:last]], mine.start[first:last] - 1
        goes_on = np.ones(last - first, dtype=bool)  # whether a run continues the one before
        goes_on[mine.offsets[:-1] - first] = False
        at = np.flatnonzero(goes_on)
        key = (step[at] // sub_block * n_labels + kind[at - 1]) * n_labels + kind[at]
        changes += np.bincount(key, minlength=len(changes))
    held = np.add.reduceat(frame_counts(runs, n_labels, label)[:, :-1], edges, axis=1)
    return changes.reshape(size).astype(float), held.T.astype(float)
