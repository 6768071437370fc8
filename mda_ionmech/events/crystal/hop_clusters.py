"""Clusters of linked hops in one window.

Two hops of different carriers are linked by a rule; a cluster is a connected component. Linear in
hops and links: union-find over the carriers that hop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...lib.kernels import kernel

NO_HOP, SINGLE, MULTI, EXCHANGE = range(4)


class HopTimes(NamedTuple):
    """When carriers change their site image, and how far in time linked hops may be apart.

    offsets (carriers + 1,), start and value as in `LabelRuns`, of site images; site (site images,)
    int32: site of each; lag: frames, negative for any.
    """

    offsets: np.ndarray
    start: np.ndarray
    value: np.ndarray
    site: np.ndarray
    lag: int


@kernel
def _find(root, i):  # type: ignore[no-untyped-def]
    """Root of i, halving the path to it."""
    while root[i] != i:
        root[i] = root[root[i]]
        i = root[i]
    return i


@kernel
def _run_at(runs, c, t):  # type: ignore[no-untyped-def]
    """Number of the run of carrier c that holds frame t."""
    low, high = runs.offsets[c], runs.offsets[c + 1]
    while high - low > 1:
        middle = (low + high) // 2
        if runs.start[middle] <= t:
            low = middle
        else:
            high = middle
    return low


@kernel
def _left(runs, c, t, window):  # type: ignore[no-untyped-def]
    """Whether carrier c leaves the site it holds in frame t for another one in the window."""
    k = _run_at(runs, c, t)
    at = runs.site[runs.value[k]]
    while k < runs.offsets[c + 1] and runs.start[k] <= t + window:
        if runs.site[runs.value[k]] != at:
            return True
        k += 1
    return False


@kernel
def _next_site(runs, c, k):  # type: ignore[no-untyped-def]
    """Number of the next run of carrier c on another site than run k; past its last, if none.

    A nearer image of the same site, while no other site was held, is no change of site.
    """
    at = runs.site[runs.value[k]]
    k += 1
    while k < runs.offsets[c + 1] and runs.site[runs.value[k]] == at:
        k += 1
    return k


@kernel
def _in_time(runs, c, other, t, window):  # type: ignore[no-untyped-def]
    """Whether changes of site of two carriers in the window are at most lag frames apart."""
    i, j = (
        _next_site(runs, c, _run_at(runs, c, t)),
        _next_site(runs, other, _run_at(runs, other, t)),
    )
    last_i, last_j, stop = runs.offsets[c + 1], runs.offsets[other + 1], t + window
    while i < last_i and j < last_j and max(runs.start[i], runs.start[j]) <= stop:
        if abs(runs.start[i] - runs.start[j]) <= runs.lag:
            return True
        if runs.start[i] < runs.start[j]:
            i = _next_site(runs, c, i)
        else:
            j = _next_site(runs, other, j)
    return False


@kernel
def label_hops(before, after, runs, links, first, window, hidden, label, cluster):  # type: ignore[no-untyped-def]
    """Label every carrier in a block of origins of one window length, linking hops by their sites.

    before, after (carriers, origins) int32: site images at the beginning and at the end of the
    windows of the origins first, first + 1, ...; runs: `HopTimes`. links: place, near_offsets,
    near; place (sites,) int64: sites of the same place count as one for links. Hops are linked when
    a site of one is near a site of the other: near_offsets (sites + 1,) and near list the sites
    near each one. An empty near_offsets means the chain rule: one leaves the place that the other
    enters. hidden (carriers,) int64: a frame at which the carrier's record was joined, or -1;
    windows across it count as not hopped. Fills label (carriers, origins) int8 with NO_HOP, SINGLE
    or MULTI, and cluster (carriers, origins) int32 with the number of the carrier that represents
    the cluster, or -1.
    """
    place, near_offsets, near = links
    site, lag = runs.site, runs.lag
    n_carriers, n_origins = before.shape
    n_sites = place.shape[0]
    chain = near_offsets.shape[0] == 0
    root = np.empty(n_carriers, dtype=np.int64)
    size = np.empty(n_carriers, dtype=np.int64)
    hopping = np.empty(n_carriers, dtype=np.int64)
    # linked lists of the hops that leave or enter each site, or each place with the chain rule
    leaves = np.full(n_sites, -1, dtype=np.int64)
    enters = np.full(n_sites, -1, dtype=np.int64)
    next_leaving = np.empty(n_carriers, dtype=np.int64)
    next_entering = np.empty(n_carriers, dtype=np.int64)
    start = np.empty(n_carriers, dtype=np.int64)
    end = np.empty(n_carriers, dtype=np.int64)
    for t in range(n_origins):
        n_hopping = 0
        for c in range(n_carriers):
            a, b = site[before[c, t]], site[after[c, t]]
            seam = hidden[c] > first + t and hidden[c] <= first + t + window
            stays = before[c, t] == after[c, t]
            if a == b and not stays:
                stays = not _left(runs, c, first + t, window)
            if seam or stays:
                label[c, t] = NO_HOP
                cluster[c, t] = -1
                continue
            hopping[n_hopping] = c
            n_hopping += 1
            root[c] = c
            start[c] = place[a] if chain else a
            end[c] = place[b] if chain else b
            next_leaving[c] = leaves[start[c]]
            leaves[start[c]] = c
            next_entering[c] = enters[end[c]]
            enters[end[c]] = c
        for h in range(n_hopping):
            c = hopping[h]
            if chain:  # to the hops that leave the place it enters
                other = leaves[end[c]]
                while other >= 0:
                    if lag < 0 or _in_time(runs, c, other, first + t, window):
                        root[_find(root, other)] = _find(root, c)
                    other = next_leaving[other]
                continue
            for turn in range(2):
                one = start[c] if turn == 0 else end[c]
                for m in range(near_offsets[one], near_offsets[one + 1]):
                    other = leaves[near[m]]
                    while other >= 0:
                        if lag < 0 or _in_time(runs, c, other, first + t, window):
                            root[_find(root, other)] = _find(root, c)
                        other = next_leaving[other]
                    other = enters[near[m]]
                    while other >= 0:
                        if lag < 0 or _in_time(runs, c, other, first + t, window):
                            root[_find(root, other)] = _find(root, c)
                        other = next_entering[other]
        _name_clusters(hopping[:n_hopping], root, size, t, label, cluster)
        for h in range(n_hopping):
            c = hopping[h]
            leaves[start[c]] = -1
            enters[end[c]] = -1


@kernel
def _name_clusters(hopping, root, size, t, label, cluster):  # type: ignore[no-untyped-def]
    """Labels and cluster numbers of the hops of origin t from their roots."""
    for c in hopping:
        size[c] = 0
    for c in hopping:
        size[_find(root, c)] += 1
    for c in hopping:
        r = _find(root, c)
        cluster[c, t] = r
        label[c, t] = SINGLE if size[r] == 1 else MULTI


@kernel
def label_hops_nearby(  # type: ignore[no-untyped-def]
    before, after, runs, ends, boxes, first, window, hidden, label, cluster
):
    """Label every carrier in a block of origins, linking hops by the positions of carriers.

    Hops are linked when the position of one carrier at either end of the window is at most
    `distance` from that of the other at either end, minimum image. ends: two arrays (carriers, 3,
    origins), fractional positions at the beginning and the end of the windows, any image; boxes:
    cell (3, 3), distance, and grid (3,) int64, the number of boxes along each cell vector, each at
    least `distance` high; the others as in `label_hops`. Only the ends of hops are sorted into
    boxes, so that the cost is linear in hops and their neighbours.
    """
    from_place, to_place = ends
    site, lag = runs.site, runs.lag
    cell, distance, grid = boxes
    n_carriers, n_origins = before.shape
    root = np.empty(n_carriers, dtype=np.int64)
    size = np.empty(n_carriers, dtype=np.int64)
    hopping = np.empty(n_carriers, dtype=np.int64)
    # point 2 h is the start of hop h, point 2 h + 1 its end
    point = np.empty((2 * n_carriers, 3))
    box = np.empty((2 * n_carriers, 3), dtype=np.int64)
    in_box = np.full(grid[0] * grid[1] * grid[2], -1, dtype=np.int64)
    following = np.empty(2 * n_carriers, dtype=np.int64)
    low = np.empty(3, dtype=np.int64)
    for k in range(3):
        low[k] = -1 if grid[k] > 2 else 0
    for t in range(n_origins):
        n_hopping = 0
        for c in range(n_carriers):
            seam = hidden[c] > first + t and hidden[c] <= first + t + window
            a, b = before[c, t], after[c, t]
            stays = a == b or (site[a] == site[b] and not _left(runs, c, first + t, window))
            if seam or stays:
                label[c, t] = NO_HOP
                cluster[c, t] = -1
                continue
            for turn in range(2):
                p = 2 * n_hopping + turn
                for k in range(3):
                    x = from_place[c, k, t] if turn == 0 else to_place[c, k, t]
                    point[p, k] = x - np.floor(x)
                    box[p, k] = min(int(point[p, k] * grid[k]), grid[k] - 1)
                flat = (box[p, 0] * grid[1] + box[p, 1]) * grid[2] + box[p, 2]
                following[p] = in_box[flat]
                in_box[flat] = p
            hopping[n_hopping] = c
            n_hopping += 1
            root[c] = c
        for p in range(2 * n_hopping):
            c = hopping[p // 2]
            for i in range(low[0], min(low[0] + grid[0], 2)):
                for j in range(low[1], min(low[1] + grid[1], 2)):
                    for k in range(low[2], min(low[2] + grid[2], 2)):
                        u = (box[p, 0] + i) % grid[0]
                        v = (box[p, 1] + j) % grid[1]
                        w = (box[p, 2] + k) % grid[2]
                        q = in_box[(u * grid[1] + v) * grid[2] + w]
                        while q >= 0:
                            other = hopping[q // 2]
                            near = q < p - p % 2 and _within(point[p], point[q], cell, distance)
                            if near and (lag < 0 or _in_time(runs, c, other, first + t, window)):
                                root[_find(root, other)] = _find(root, c)
                            q = following[q]
        _name_clusters(hopping[:n_hopping], root, size, t, label, cluster)
        for p in range(2 * n_hopping):
            in_box[(box[p, 0] * grid[1] + box[p, 1]) * grid[2] + box[p, 2]] = -1


@kernel
def _within(a, b, cell, distance):  # type: ignore[no-untyped-def]
    """Whether two fractional points (3,) are at most `distance` apart, minimum image."""
    r2 = 0.0
    d0 = a[0] - b[0]
    d1 = a[1] - b[1]
    d2 = a[2] - b[2]
    d0 -= np.rint(d0)
    d1 -= np.rint(d1)
    d2 -= np.rint(d2)
    for k in range(3):
        x = d0 * cell[0, k] + d1 * cell[1, k] + d2 * cell[2, k]
        r2 += x * x
    return r2 <= distance * distance


@kernel
def find_exchanges(before, after, place, n_places, where, tolerance, label, cluster):  # type: ignore[no-untyped-def]
    """Label clusters whose set of sites is unchanged as EXCHANGE.

    A cluster is an exchange when its set of places is unchanged and its hop vectors sum to zero; a
    chain that closes across the periodic cell has the same set but a non-zero sum.
    place (site images,) int64: place of each site image, below n_places; where (site images, 3):
    unwrapped positions of these places, Angstrom; before, after, label, cluster as in `label_hops`.
    """
    n_carriers, n_origins = before.shape
    first = np.full(n_carriers, -1, dtype=np.int64)  # linked list of the members of a cluster
    following = np.empty(n_carriers, dtype=np.int64)
    balance = np.zeros(n_places, dtype=np.int64)  # entered more often than left
    total = np.zeros(3)
    for t in range(n_origins):
        for c in range(n_carriers - 1, -1, -1):
            if label[c, t] == MULTI:
                following[c] = first[cluster[c, t]]
                first[cluster[c, t]] = c
        for r in range(n_carriers):
            if first[r] < 0:
                continue
            total[:] = 0.0
            c = first[r]
            while c >= 0:
                a, b = before[c, t], after[c, t]
                for k in range(3):
                    total[k] += where[b, k] - where[a, k]
                balance[place[b]] += 1
                balance[place[a]] -= 1
                c = following[c]
            closed = abs(total[0]) + abs(total[1]) + abs(total[2]) < tolerance
            c = first[r]
            while c >= 0:
                closed &= balance[place[before[c, t]]] == 0
                closed &= balance[place[after[c, t]]] == 0
                c = following[c]
            c = first[r]
            first[r] = -1
            while c >= 0:
                balance[place[before[c, t]]] = 0
                balance[place[after[c, t]]] = 0
                if closed:
                    label[c, t] = EXCHANGE
                c = following[c]
