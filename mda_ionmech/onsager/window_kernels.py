"""Kernels for sums over windows of one length, and their calls over blocks of carriers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..lib.frame_blocks import carrier_blocks
from ..lib.kernels import kernel, longer
from ..lib.run_length import LabelRuns, run_blocks

#: Maps (before, after) states of segments to label codes: arrays in, int64 array out.
Classify = Callable[[np.ndarray, np.ndarray], np.ndarray]


@kernel
def _segments(offsets, start, value, n_frames, window):  # type: ignore[no-untyped-def]
    """Segments of origins over which the states at both ends of a window stay the same.

    Returns offsets (carriers + 1,), begin, before, after (segments,); origins run from 0 to
    n_frames - window.
    """
    n_carriers = offsets.shape[0] - 1
    n_origins = n_frames - window
    capacity = 2 * (offsets[n_carriers] - offsets[0])
    out_offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    begin = np.empty(capacity, dtype=np.int32)
    before = np.empty(capacity, dtype=np.int32)
    after = np.empty(capacity, dtype=np.int32)
    n = 0
    for c in range(n_carriers):
        stop = offsets[c + 1]
        i = offsets[c]
        j = i
        while j + 1 < stop and start[j + 1] <= window:
            j += 1
        t = 0
        while t < n_origins:
            begin[n] = t
            before[n] = value[i]
            after[n] = value[j]
            n += 1
            next_i = start[i + 1] if i + 1 < stop else n_frames
            next_j = start[j + 1] - window if j + 1 < stop else n_frames
            t = min(next_i, next_j)
            if next_i == t and i + 1 < stop:
                i += 1
            if next_j == t and j + 1 < stop:
                j += 1
        out_offsets[c + 1] = n
    return out_offsets, longer(begin, n), longer(before, n), longer(after, n)


@kernel
def accumulate(  # type: ignore[no-untyped-def]
    position, window, first, n_origins, offsets, begin, code, moved, squared, number
):
    """Add every carrier's window displacement to the sums of its label, origin by origin.

    position (carriers, 3, frames); windows of `window` frames begin at the n_origins frames from
    `first` on. Segments of carrier c are offsets[c] : offsets[c + 1], each from begin[s], counted
    from `first`, to the next one's begin, with label code[s]. Adds to moved (labels, 3, origins),
    squared (labels, origins) and number (labels, origins), all float64 and of all origins. Carriers
    are added in the same order for any number of threads.
    """
    i, j = np.uint64(first), np.uint64(first + window)
    n_labels = moved.shape[0]
    # +1 carrier at the begin of a segment, -1 at its end
    change = np.zeros((n_labels, n_origins + 1))
    for c in range(offsets.shape[0] - 1):
        for s in range(offsets[c], offsets[c + 1]):
            stop = begin[s + 1] if s + 1 < offsets[c + 1] else n_origins
            e = code[s]
            change[e, begin[s]] += 1.0
            change[e, stop] -= 1.0
            for t in range(np.uint64(begin[s]), np.uint64(stop)):
                x = position[c, 0, t + j] - position[c, 0, t + i]
                y = position[c, 1, t + j] - position[c, 1, t + i]
                z = position[c, 2, t + j] - position[c, 2, t + i]
                moved[e, 0, t + i] += x
                moved[e, 1, t + i] += y
                moved[e, 2, t + i] += z
                squared[e, t + i] += x * x + y * y + z * z
    for e in range(n_labels):
        _add_running(change[e], number[e, first : first + n_origins])


@kernel
def _add_running(change, total):  # type: ignore[no-untyped-def]
    """Add the cumulative sum of change (n + 1,) to total (n,); exact for integers."""
    running = 0.0
    for t in range(total.shape[0]):
        running += change[t]
        total[t] += running


@kernel
def add_site_images(before, after, where, code, first, moved):  # type: ignore[no-untyped-def]
    """Add the displacement between site images of every carrier to the sums of its label, origin
    by origin.

    before, after (carriers, origins) int32: site images at both ends of the windows of the origins
    first, first + 1, ...; where (site images, 3), Angstrom; code (carriers, origins): label. Adds
    to moved (labels, 3, origins) of all origins.
    """
    for c in range(before.shape[0]):
        for t in range(before.shape[1]):
            a, b = before[c, t], after[c, t]
            if a == b:
                continue
            for k in range(3):
                moved[code[c, t], k, first + t] += where[b, k] - where[a, k]


@kernel
def _largest_number(cluster):  # type: ignore[no-untyped-def]
    largest = -1
    for c in range(cluster.shape[0]):
        for t in range(cluster.shape[1]):
            largest = max(largest, cluster[c, t])
    return largest


@kernel
def count_clustered(cluster, species, first, clustered):  # type: ignore[no-untyped-def]
    """Carriers in clusters of two or more, of any species.

    cluster (carriers, origins): as in `count_clusters`, of all species that are labelled together;
    species (carriers,): number of each one's species. Fills clustered (species, origins) of all
    origins, from `first` on, in the rows of these species.
    """
    n_carriers, n_origins = cluster.shape
    size = np.zeros(_largest_number(cluster) + 1, dtype=np.int64)
    for t in range(n_origins):
        for c in range(n_carriers):
            clustered[species[c], first + t] = 0.0
            if cluster[c, t] >= 0:
                size[cluster[c, t]] += 1
        for c in range(n_carriers):
            if cluster[c, t] >= 0 and size[cluster[c, t]] > 1:
                clustered[species[c], first + t] += 1.0
        for c in range(n_carriers):
            if cluster[c, t] >= 0:
                size[cluster[c, t]] = 0


@kernel
def count_clusters(ends, first, cluster, code, clusters, incluster, counts):  # type: ignore[no-untyped-def]
    """Sums over origins that need whole clusters.

    ends: before, i, after, j: windows of the origins from `first` on begin at frames i, i + 1, ...
    of before (carriers, 3, frames) and end at frames j, j + 1, ... of after; cluster (carriers,
    origins of the block):
    number of the cluster, or -1; code (carriers, origins of the block): label. All are of one
    species: of a cluster with ions of other species only those of this one are counted. Adds to
    clusters (labels, origins): the cooperative events, each in the row of its first carrier;
    incluster (labels, origins): d_i . d_j over pairs within a cluster, A^2, in the row of i;
    counts (3, origins): carriers that hop, those in clusters of two or more, size of the largest
    cluster.
    """
    hopping, clustered, largest = counts[0], counts[1], counts[2]
    before, i, after, j = ends
    n_carriers, n_origins = cluster.shape
    n_numbers = _largest_number(cluster) + 1
    total = np.zeros((n_numbers, 3))
    size = np.zeros(n_numbers)
    for t in range(n_origins):
        for c in range(n_carriers):
            r = cluster[c, t]
            if r >= 0:
                size[r] = 0.0
                for k in range(3):
                    total[r, k] = 0.0
        for c in range(n_carriers):
            r = cluster[c, t]
            if r >= 0:
                for k in range(3):
                    total[r, k] += after[c, k, j + t] - before[c, k, i + t]
                if size[r] == 0.0:
                    clusters[code[c, t], first + t] += 1.0
                size[r] += 1.0
        for c in range(n_carriers):
            r = cluster[c, t]
            if r < 0:
                continue
            hopping[first + t] += 1.0
            if size[r] > 1.0:
                clustered[first + t] += 1.0
            largest[first + t] = max(largest[first + t], size[r])
            for k in range(3):
                d = after[c, k, j + t] - before[c, k, i + t]
                incluster[code[c, t], first + t] += d * (total[r, k] - d)


@kernel
def count_changes(offsets, start, window, changed, repeated):  # type: ignore[no-untyped-def]
    """Add the carriers with one change or more, and with two or more, within a window.

    Runs of carrier c begin at start[offsets[c] : offsets[c + 1]]; a change at frame s lies in the
    windows of origins s - window to s - 1. changed and repeated (origins,).
    """
    n_origins = changed.shape[0]
    change = np.zeros((2, n_origins + 1))
    for c in range(offsets.shape[0] - 1):
        once = twice = 0
        for m in range(offsets[c] + 1, offsets[c + 1]):
            begin, stop = max(start[m] - window, once), min(start[m], n_origins)
            if begin < stop:
                change[0, begin] += 1.0
                change[0, stop] -= 1.0
            once = max(once, stop)
            if m == offsets[c] + 1:
                continue
            # windows that hold both this change and the one before it
            begin, stop = max(start[m] - window, twice), min(start[m - 1], n_origins)
            if begin < stop:
                change[1, begin] += 1.0
                change[1, stop] -= 1.0
            twice = max(twice, stop)
    _add_running(change[0], changed)
    _add_running(change[1], repeated)


def segment_labels(
    runs: LabelRuns, window: int, classify: Classify
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments of constant label: offsets (carriers + 1,), begin and code (segments,)."""
    offsets, begin, before, after = _segments(
        runs.offsets, runs.start, runs.value, runs.n_frames, window
    )
    return offsets, begin, classify(before, after)


def add_carriers(
    position: np.ndarray,
    states: LabelRuns,
    classify: Classify,
    window: int,
    moved: np.ndarray,
    squared: np.ndarray,
    number: np.ndarray,
) -> None:
    """`accumulate` over blocks of carriers, so that segments stay small.

    The order of the carriers, and so every sum, is the same for any size of the blocks.
    """
    n_origins = moved.shape[-1]
    for first, last in carrier_blocks(position):
        here = position[first:last]
        for begin, end in run_blocks(states.offsets[first : last + 1]):
            segments = segment_labels(states.carriers(first + begin, first + end), window, classify)
            mine = here[begin:end]
            accumulate(mine, window, 0, n_origins, *segments, moved, squared, number)


def add_changes(runs: LabelRuns, window: int, changed: np.ndarray, repeated: np.ndarray) -> None:
    """`count_changes` over blocks of carriers; counts are integers, so sums are exact."""
    for begin, end in run_blocks(runs.offsets):
        mine = runs.carriers(begin, end)
        count_changes(mine.offsets, mine.start, window, changed, repeated)


@kernel
def add_positions(position, total):  # type: ignore[no-untyped-def]
    """Add the positions of carriers (carriers, 3, frames) to total (3, frames)."""
    for c in range(position.shape[0]):
        for k in range(3):
            for t in range(position.shape[2]):
                total[k, t] += position[c, k, t]


def collective_path(position: np.ndarray) -> np.ndarray:
    """Sum of the positions of all carriers.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom.

    Returns
    -------
    numpy.ndarray
        Shape (3, frames), Angstrom.
    """
    total = np.zeros((3, position.shape[2]))
    for first, last in carrier_blocks(position):
        add_positions(position[first:last], total)
    return total
