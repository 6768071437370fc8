"""Strings of hops in time: hops of different ions that follow one another through the same site.

The hop of an ion that leaves a site and the one of another ion that enters it are linked if no more
than a time tau lies between them, whichever comes first, and no other ion enters the site in
between. There is no window that both must lie in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ...lib.kernels import kernel, longer
from .site_history import SiteHistory


@dataclass(frozen=True)
class HopList:
    """All hops of a record in order of time, and the links between them.

    Attributes
    ----------
    carrier, frame : numpy.ndarray
        Shape (hops,), int64: who hops, and the first frame on the new site.
    first, second : numpy.ndarray
        Shape (links,), int64: the hops that are linked.
    gap : numpy.ndarray
        Shape (links,), int64: frames between them.
    """

    carrier: np.ndarray
    frame: np.ndarray
    first: np.ndarray
    second: np.ndarray
    gap: np.ndarray

    @property
    def nearest(self) -> np.ndarray:
        """Frames to the nearest hop each is linked to, shape (hops,); the largest int64 without."""
        out = np.full(len(self.frame), np.iinfo(np.int64).max)
        np.minimum.at(out, self.first, self.gap)
        np.minimum.at(out, self.second, self.gap)
        return out

    def strings(self, tau: int) -> np.ndarray:
        """Number of the string of each hop with links of at most `tau` frames, shape (hops,)."""
        near = self.gap <= tau
        pair = self.first[near], self.second[near]
        n = len(self.frame)
        link = coo_matrix((np.ones(len(pair[0]), dtype=np.int8), pair), shape=(n, n))
        return np.asarray(connected_components(link, directed=False)[1])


@kernel
def link_hops(carrier, frame, start, order, begin):  # type: ignore[no-untyped-def]
    """Pairs of a departure and the arrivals of other carriers next to it at the same place.

    carrier, frame, start (hops,): who hops, when, and which place is left; order (hops,): the hops
    sorted by the place they enter, then by frame; begin (places + 1,): those that enter place p are
    order[begin[p] : begin[p + 1]]. Next to a departure are the arrivals in the last frame with one
    up to it, and in the first frame with one from it on. Returns departure, arrival, and the
    frames between them, each (links,).
    """
    room = 4 * carrier.shape[0] + 16
    first, second = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    n = 0
    for h in range(carrier.shape[0]):
        low, high = begin[start[h]], begin[start[h] + 1]
        a, b = low, high
        while a < b:  # the first arrival at this frame or later
            middle = (a + b) // 2
            if frame[order[middle]] < frame[h]:
                a = middle + 1
            else:
                b = middle
        for turn in range(2):
            k = a if turn == 0 else a - 1
            step = 1 if turn == 0 else -1
            if k < low or k >= high:
                continue
            at = frame[order[k]]
            if turn == 1 and a < high and frame[order[a]] == frame[h]:
                continue  # arrivals in this very frame are next to it on both sides
            while low <= k < high and frame[order[k]] == at:
                other = order[k]
                if carrier[other] != carrier[h]:
                    if n == first.shape[0]:
                        first, second = longer(first, 2 * n), longer(second, 2 * n)
                    first[n], second[n] = h, other
                    n += 1
                k += step
    first, second = longer(first, n), longer(second, n)
    return first, second, np.abs(frame[first] - frame[second])


def hop_list(history: SiteHistory, joined: np.ndarray | None = None) -> HopList:
    """Hops of a record from place to place, and their links.

    Cost: linear in hops, with a logarithm.

    Parameters
    ----------
    history : SiteHistory
    joined : numpy.ndarray, optional
        Shape (carriers,): frame where each record was joined; a change of site there is no hop.

    Returns
    -------
    HopList
    """
    held, place = history.occupied, history.place_of_site_image
    first, last = int(held.offsets[0]), int(held.offsets[-1])
    number = np.diff(held.offsets)
    carrier = np.repeat(np.arange(len(number)), number)
    at = place[held.value[first:last]].astype(np.int64)
    frame = held.start[first:last].astype(np.int64)
    hop = np.zeros(last - first, dtype=bool)
    hop[1:] = (carrier[1:] == carrier[:-1]) & (at[1:] != at[:-1])
    if joined is not None:
        hop &= frame != joined[carrier]
    which = np.flatnonzero(hop)
    which = which[np.argsort(frame[which], kind="stable")]
    carrier, frame = carrier[which], frame[which]
    start, end = at[which - 1], at[which]
    order = np.lexsort((frame, end))
    begin = np.searchsorted(end[order], np.arange(int(place.max(initial=-1)) + 2))
    return HopList(carrier, frame, *link_hops(carrier, frame, start, order, begin))
