"""Dates of hops between cages: the crossing of the surface half way between their centres.

The stays that fit a path best say which cage an ion is in, and their ends when it is nearer to the
next one on the average of a short visit, with all that follows. Hops between sites are dated where
the ion passes the surface half way; so are those between cages, that both can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...lib.arrays_on_disk import folder_of
from ...lib.frame_blocks import carrier_blocks
from ...lib.kernels import kernel
from ...lib.run_length import LabelRuns, gathered_runs
from ..contacts import CarrierPaths
from ..sites.hop_dates import HopDating

#: Radius of the core of a cage over the least distance of cages: 0.6 of half the distance.
CORE = 0.3


@kernel
def _square(path, space, t, centre):  # type: ignore[no-untyped-def]
    """Squared distance of a carrier from a centre in frame t, minimum image; as in `date_hops`."""
    begin, inverse, cell = space
    off = np.empty(3)
    for k in range(3):
        along = begin[k] - centre[k]
        for i in range(3):
            along += path[i, t] * inverse[i, k]
        off[k] = along - np.rint(along)
    square = 0.0
    for k in range(3):
        x = off[0] * cell[0, k] + off[1] * cell[1, k] + off[2] * cell[2, k]
        square += x * x
    return square


@kernel
def date_hops(position, begin, frame, centres, core, offsets, start, value):  # type: ignore[no-untyped-def]
    """Frames in which carriers cross to the cage whose core they enter next.

    position (carriers, 3, frames), Angstrom, and begin (carriers, 3) as in `CarrierPaths`; frame:
    inverse and cell (3, 3); centres (cages, 3), fractional; core: radius, Angstrom; runs of cages.
    The entry is the first frame in the core of the new cage after the last one in that of the old,
    or the one nearest to its centre where a stay has none in its core; the crossing is the first
    frame after the last one, before the entry, in which the old centre is the nearer. Returns the
    first frame of each run, and entry minus crossing, -1 for runs that begin no hop.
    """
    inverse, cell = frame
    n_frames = position.shape[2]
    crossing = start.copy()
    late = np.full(start.shape[0], -1, dtype=np.int64)
    reach = core * core
    for c in range(offsets.shape[0] - 1):
        path, space = position[c], (begin[c], inverse, cell)
        for m in range(offsets[c] + 1, offsets[c + 1]):
            old, new = centres[value[m - 1]], centres[value[m]]
            first = crossing[m - 1] + 1
            last = (start[m + 1] if m + 1 < offsets[c + 1] else n_frames) - 1
            left, nearest = start[m] - 1, np.inf
            for t in range(start[m] - 1, first - 2, -1):
                square = _square(path, space, t, old)
                if square < nearest:
                    left, nearest = t, square
                if square <= reach:
                    break
            entry, nearest = start[m], np.inf
            for t in range(left + 1, last + 1):
                square = _square(path, space, t, new)
                if square < nearest:
                    entry, nearest = t, square
                if square <= reach:
                    break
            k = entry
            while k > first and _square(path, space, k - 1, new) < _square(path, space, k - 1, old):
                k -= 1
            crossing[m], late[m] = k, entry - k
    return crossing, late


def dated(
    paths: CarrierPaths, runs: LabelRuns, centres: np.ndarray, distance: float
) -> tuple[LabelRuns, HopDating]:
    """Cages of all carriers with hops dated by their crossing, on disk where the paths are.

    Cost: linear in hops and in the frames between two cages.

    Parameters
    ----------
    paths : CarrierPaths
    runs : LabelRuns
        Cages, hops dated by stays.
    centres : numpy.ndarray
        Shape (cages, 3), fractional.
    distance : float
        Least distance of cages, Angstrom.

    Returns
    -------
    runs : LabelRuns
    dating : HopDating
        With the distribution of entry minus crossing.
    """
    frame, counts = (np.linalg.inv(paths.cell), paths.cell), np.zeros(1, dtype=np.int64)

    def blocks() -> Iterator[LabelRuns]:
        nonlocal counts
        for first, last in carrier_blocks(paths.position):
            mine = runs.part(first, last)
            start, late = date_hops(
                np.ascontiguousarray(paths.position[first:last]), paths.begin[first:last], frame,
                centres, CORE * distance, mine.offsets, np.asarray(mine.start),
                np.asarray(mine.value),
            )  # fmt: skip
            found = np.bincount(late[late >= 0], minlength=len(counts))
            counts = found + np.pad(counts, (0, len(found) - len(counts)))
            yield LabelRuns(mine.offsets, start, mine.value, mine.n_frames)

    found = gathered_runs(blocks(), runs.n_frames, folder_of(paths.position))
    return found, HopDating("crossing", counts)
