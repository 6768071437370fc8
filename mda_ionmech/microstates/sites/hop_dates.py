"""Dates of hops between core sets: entry into the new core, or crossing of the surface half way.

Vibration delays the entry into a core by a random time, so that hops that are one event may be
entered at different times. The distribution of entry minus crossing says how much a date can mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...lib.kernels import kernel

HOP_TIMES = ("entry", "crossing")
#: Percentiles of entry minus crossing that are reported.
PERCENTILES = (0, 5, 16, 25, 50, 75, 84, 95, 100)
#: Between these two percentiles lies the width of the distribution.
_LOW, _HIGH = 16, 84


@kernel
def find_crossings(offsets, ligand, inner, begin, run_offsets, start, value):  # type: ignore[no-untyped-def]
    """Frames in which carriers cross to the site whose core they enter next.

    offsets, ligand, inner, begin: intervals at one nearest site as in `hold_sites`; run_offsets,
    start, value: the runs of occupied sites it found. The crossing is the first frame after the
    last one, before the entry, in which the site that is left is the nearest. Where a third site
    is nearest in between, it is the middle of the time from there to the last arrival at the new
    site. Returns the frame of each run, `start` for those that begin no hop; whether the run
    begins with the entry into a core; and whether a third site lies between.
    """
    crossing = start.copy()
    entered = np.zeros(start.shape[0], dtype=np.bool_)
    third = np.zeros(start.shape[0], dtype=np.bool_)
    for c in range(run_offsets.shape[0] - 1):
        m = offsets[c]
        for r in range(run_offsets[c] + 1, run_offsets[c + 1]):
            while begin[m] < start[r]:
                m += 1
            if not inner[m]:
                continue  # a carrier that is never in a core: the nearest site of each frame
            entered[r] = True
            old, new = value[r - 1], value[r]
            k = m
            while k > offsets[c] and ligand[k - 1] == new:
                k -= 1
            arrived = begin[k]
            while k > offsets[c] and ligand[k - 1] != old:
                k -= 1
            left = begin[k]
            third[r] = left < arrived
            crossing[r] = (left + arrived + 1) // 2
    return crossing, entered, third


class HopDating:
    """Dates hops, and counts by how much the entry is later than the crossing.

    Parameters
    ----------
    hop_time : {"entry", "crossing"}
        Which of the two is the date of a hop.
    counts : numpy.ndarray, optional
        Of hops that were dated before.

    Attributes
    ----------
    counts : numpy.ndarray
        Number of hops by entry minus crossing in frames, from 0 on.
    past_third : int or None
        Hops between whose sites a third one is nearest; None where that is not known.
    """

    def __init__(self, hop_time: str, counts: np.ndarray | None = None) -> None:
        self.hop_time = hop_time
        self.counts = np.zeros(1, dtype=np.int64) if counts is None else counts
        self.past_third: int | None = 0 if counts is None else None

    def dated(
        self,
        offsets: np.ndarray,
        ligand: np.ndarray,
        inner: np.ndarray,
        begin: np.ndarray,
        runs: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Runs of occupied sites with their dates, and counted; arguments of `find_crossings`."""
        crossing, entered, third = find_crossings(offsets, ligand, inner, begin, *runs)
        found = np.bincount((runs[1] - crossing)[entered])
        if len(found) < len(self.counts):
            found = np.pad(found, (0, len(self.counts) - len(found)))
        found[: len(self.counts)] += self.counts
        self.counts = found
        self.past_third = (self.past_third or 0) + int(np.count_nonzero(third))
        return (runs[0], crossing, runs[2]) if self.hop_time == "crossing" else runs

    def report(self, spacing: float) -> dict[str, Any]:
        """The distribution of entry minus crossing as plain values; empty without hops.

        Parameters
        ----------
        spacing : float
            Of the frames, ps.
        """
        n = int(self.counts.sum())
        if n == 0:
            return {}
        frames = np.arange(len(self.counts))
        mean = float(frames @ self.counts / n)
        variance = float((frames - mean) ** 2 @ self.counts / n)
        below = np.cumsum(self.counts)
        # the smallest delay that so many hops do not exceed
        at = {p: int(np.searchsorted(below, max(p / 100 * n, 1))) for p in PERCENTILES}
        found = {
            "hops": n,
            "mean_ps": mean * spacing,
            "standard_deviation_ps": variance**0.5 * spacing,
            "width_ps": (at[_HIGH] - at[_LOW]) * spacing,
            "percentiles_ps": {f"{p}": k * spacing for p, k in at.items()},
        }
        if self.past_third is not None:
            found["share_past_a_third_site"] = self.past_third / n
        return {"entry_minus_crossing": found}
