"""Core-set filtering of site assignments: runs of occupied sites, carrier by carrier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...lib.frame_blocks import frames_at_once, origin_blocks
from ...lib.kernels import counting_order, kernel, longer
from ...lib.run_length import LabelRuns, gathered_runs
from ..contacts import ContactHistory
from .hop_dates import HopDating


@kernel
def hold_sites(offsets, ligand, inner, begin, by_core):  # type: ignore[no-untyped-def]
    """Runs of the occupied sites, from the intervals of frames at one nearest site.

    Intervals offsets[c] : offsets[c + 1] of carrier c in order of time cover all frames; ligand
    (intervals,): the site; inner: in its core; begin: first frame. A carrier occupies the nearest
    site, or, by_core, the one whose core it entered last; before its first core that one, and
    without any the nearest of each frame. Returns offsets, start, value of the runs, and the
    number of carriers that were never in a core.
    """
    n_carriers = offsets.shape[0] - 1
    out_offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    start = np.empty(ligand.shape[0], dtype=np.int32)
    value = np.empty(ligand.shape[0], dtype=np.int32)
    homeless = 0
    n = 0
    for c in range(n_carriers):
        now = -1
        if by_core:
            m = offsets[c]
            while m < offsets[c + 1] and not inner[m]:
                m += 1
            if m < offsets[c + 1]:
                now = ligand[m]
            else:
                homeless += 1
        nearest = now < 0
        for m in range(offsets[c], offsets[c + 1]):
            if nearest or inner[m]:
                now = ligand[m]
            if m == offsets[c] or now != value[n - 1]:
                start[n], value[n] = begin[m], now
                n += 1
        out_offsets[c + 1] = n
    return out_offsets, longer(start, n), longer(value, n), homeless


@kernel
def drop_brief_visits(offsets, start, value, persist):  # type: ignore[no-untyped-def]
    """Undo changes of site that revert within `persist` frames, in runs of sites.

    A carrier that leaves a site and returns within `persist` frames counts as staying there. Works
    forward in time, so that of nested excursions the outer one counts. Returns offsets, start,
    value.
    """
    n_carriers = offsets.shape[0] - 1
    out_offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    out_start = np.empty(offsets[n_carriers] - offsets[0], dtype=np.int32)
    out_value = np.empty_like(out_start)
    n = 0
    for c in range(n_carriers):
        m = offsets[c]
        while m < offsets[c + 1]:
            out_start[n], out_value[n] = start[m], value[m]
            n += 1
            # the run continues as long as the carrier returns in time
            home = value[m]
            m += 1
            while m < offsets[c + 1]:
                back = m + 1
                last = start[m] + persist
                while back < offsets[c + 1] and start[back] <= last and value[back] != home:
                    back += 1
                if back == offsets[c + 1] or start[back] > last:
                    break
                m = back + 1
        out_offsets[c + 1] = n
    return out_offsets, longer(out_start, n), longer(out_value, n)


@kernel
def _count_taken(state, seen, first):  # type: ignore[no-untyped-def]
    """Number of different states in each frame of state (carriers, frames), summed.

    seen (states,): the last frame of each, counted from `first` on.
    """
    taken = 0
    for t in range(state.shape[1]):
        for c in range(state.shape[0]):
            if seen[state[c, t]] != first + t:
                seen[state[c, t]] = first + t
                taken += 1
    return taken


def held_sites(
    history: ContactHistory,
    persist: int,
    *,
    by_core: bool,
    dating: HopDating | None = None,
    site_of: np.ndarray | None = None,
) -> tuple[LabelRuns, int, int]:
    """Sites occupied by all carriers, on disk where the history is.

    Cost: linear in the intervals of frames at one nearest site.

    Parameters
    ----------
    history : ContactHistory
        The nearest site of each carrier in all frames; `inner` where the carrier is in its core.
    persist : int
        Frames within which a change that reverts is undone; 0 undoes none.
    by_core : bool
        A site is occupied until the core of another one is entered.
    dating : HopDating, optional
        With `by_core`: dates the hops and counts their delays, before changes are undone.
    site_of : numpy.ndarray, optional
        Shape (sites of the history,): site that each has become, where some were merged.

    Returns
    -------
    runs : LabelRuns
    inside : int
        Carriers in a core, summed over frames.
    homeless : int
        Carriers that were never in a core.
    """
    inside = homeless = 0

    def blocks() -> Iterator[LabelRuns]:
        nonlocal inside, homeless
        for first, last, mine in history.blocks():
            n_rows = len(mine.begin)
            order = counting_order(mine.begin, history.n_frames, np.arange(n_rows))
            carrier = mine.carrier - first
            order = counting_order(carrier, last - first, order)
            number = np.bincount(carrier, minlength=last - first)
            inside += int((mine.end - mine.begin)[mine.inner].sum())
            ligand = mine.ligand[order]
            stays = (
                np.concatenate([[0], np.cumsum(number)]),
                ligand if site_of is None else site_of[ligand],
                mine.inner[order],
                mine.begin[order],
            )
            *runs, without = hold_sites(*stays, by_core)
            homeless += int(without)
            if dating is not None:
                runs = dating.dated(*stays, tuple(runs))
            if persist > 0:
                runs = drop_brief_visits(*runs, persist)
            yield LabelRuns(runs[0], runs[1], runs[2], history.n_frames)

    found = gathered_runs(blocks(), history.n_frames, history.folder)
    return found, inside, homeless


def shared_frames(runs: LabelRuns, n_sites: int) -> int:
    """Carriers beyond the first on each site, summed over frames. Cost: linear in all states."""
    seen = np.full(n_sites, -1, dtype=np.int64)
    taken = 0
    for first, last in origin_blocks(runs.n_frames, 0, frames_at_once(runs.n_carriers)):
        taken += int(_count_taken(runs.between(first, last), seen, first))
    return runs.n_carriers * runs.n_frames - taken


def hop_counts(runs: LabelRuns, n_sites: int, history: ContactHistory) -> dict[str, Any]:
    """How often carriers share a site and change it, for the report of microstates."""
    size, changes = history.n_frames * history.n_carriers, runs.n_changes
    return {
        "sharing_a_site": shared_frames(runs, n_sites) / max(size, 1),
        "hops": changes,
        "mean_residence_ps": size * history.spacing / changes if changes else float("inf"),
        "changed_per_frame": changes / max(size - history.n_carriers, 1),
        "distinct_shells": n_sites,
    }
