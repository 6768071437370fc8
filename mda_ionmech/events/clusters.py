"""Which hops of one window belong together.

Two hops of different carriers are linked by a rule; a cluster is a connected component. Linear in
hops and links: union-find over the carriers that hop.
"""

from __future__ import annotations

import numpy as np

from ..kernels import kernel

NO_HOP, SINGLE, MULTI, EXCHANGE = range(4)


@kernel
def _find(root, i):  # type: ignore[no-untyped-def]
    """Root of i, halving the path to it."""
    while root[i] != i:
        root[i] = root[root[i]]
        i = root[i]
    return i


@kernel
def label_hops(  # type: ignore[no-untyped-def]
    state, window, near_offsets, near, hidden, label, cluster
):
    """Label every carrier and origin of one window length.

    state (carriers, frames) int32: sites. Hops are linked when a site of one is near a site of the
    other: near_offsets (sites + 1,) and near list the sites near each one. An empty near_offsets
    means the chain rule: the site one leaves is the site the other enters. hidden (carriers,)
    int64: a frame at which the carrier's record has a seam, or -1; windows across it count as not
    hopped. Fills label (carriers, origins) int8 with NO_HOP, SINGLE or MULTI, and cluster
    (carriers, origins) int32 with the number of the carrier that stands for the cluster, or -1.
    """
    n_carriers, n_frames = state.shape
    n_sites = 0
    for c in range(n_carriers):
        for t in range(n_frames):
            n_sites = max(n_sites, state[c, t] + 1)
    chain = near_offsets.shape[0] == 0
    root = np.empty(n_carriers, dtype=np.int64)
    size = np.empty(n_carriers, dtype=np.int64)
    hopping = np.empty(n_carriers, dtype=np.int64)
    # linked lists of the hops that leave, or enter, each site
    leaves = np.full(n_sites, -1, dtype=np.int64)
    enters = np.full(n_sites, -1, dtype=np.int64)
    next_leaving = np.empty(n_carriers, dtype=np.int64)
    next_entering = np.empty(n_carriers, dtype=np.int64)
    for t in range(n_frames - window):
        n_hopping = 0
        for c in range(n_carriers):
            a, b = state[c, t], state[c, t + window]
            seam = hidden[c] > t and hidden[c] <= t + window
            if a == b or seam:
                label[c, t] = NO_HOP
                cluster[c, t] = -1
                continue
            hopping[n_hopping] = c
            n_hopping += 1
            root[c] = c
            size[c] = 0
            next_leaving[c] = leaves[a]
            leaves[a] = c
            next_entering[c] = enters[b]
            enters[b] = c
        for h in range(n_hopping):
            c = hopping[h]
            if chain:
                other = leaves[state[c, t + window]]
                while other >= 0:
                    root[_find(root, other)] = _find(root, c)
                    other = next_leaving[other]
                continue
            for end in range(2):
                site = state[c, t + end * window]
                for m in range(near_offsets[site], near_offsets[site + 1]):
                    other = leaves[near[m]]
                    while other >= 0:
                        root[_find(root, other)] = _find(root, c)
                        other = next_leaving[other]
                    other = enters[near[m]]
                    while other >= 0:
                        root[_find(root, other)] = _find(root, c)
                        other = next_entering[other]
        for h in range(n_hopping):
            size[_find(root, hopping[h])] += 1
        for h in range(n_hopping):
            c = hopping[h]
            r = _find(root, c)
            cluster[c, t] = r
            label[c, t] = SINGLE if size[r] == 1 else MULTI
            leaves[state[c, t]] = -1
            enters[state[c, t + window]] = -1


@kernel
def find_exchanges(state, site_path, window, tolerance, label, cluster):  # type: ignore[no-untyped-def]
    """Turn clusters that end as they began into EXCHANGE.

    A cluster is an exchange when its set of sites is unchanged and its summed site vectors are
    zero; a chain that winds round the cell has the same set but a sum that is not. site_path
    (carriers, 3, frames): unwrapped positions of the sites held, Angstrom.
    """
    n_carriers, n_frames = state.shape
    n_sites = 0
    for c in range(n_carriers):
        for t in range(n_frames):
            n_sites = max(n_sites, state[c, t] + 1)
    total = np.zeros((n_carriers, 3))
    unequal = np.zeros(n_carriers, dtype=np.int64)
    # how often hops enter a site more than they leave it; every rule links hops that share a
    # site in this way, so a site belongs to one cluster
    balance = np.zeros(n_sites, dtype=np.int64)
    for t in range(n_frames - window):
        any_multi = False
        for c in range(n_carriers):
            if label[c, t] == MULTI:
                any_multi = True
                r = cluster[c, t]
                unequal[r] = 0
                for k in range(3):
                    total[r, k] = 0.0
        if not any_multi:
            continue
        for c in range(n_carriers):
            if label[c, t] == MULTI:
                r = cluster[c, t]
                for k in range(3):
                    total[r, k] += site_path[c, k, t + window] - site_path[c, k, t]
                balance[state[c, t + window]] += 1
                balance[state[c, t]] -= 1
        for c in range(n_carriers):
            if label[c, t] == MULTI:
                r = cluster[c, t]
                if balance[state[c, t]] != 0 or balance[state[c, t + window]] != 0:
                    unequal[r] = 1
        for c in range(n_carriers):
            if label[c, t] == MULTI:
                balance[state[c, t]] = 0
                balance[state[c, t + window]] = 0
                r = cluster[c, t]
                length = abs(total[r, 0]) + abs(total[r, 1]) + abs(total[r, 2])
                if unequal[r] == 0 and length < tolerance:
                    label[c, t] = EXCHANGE
