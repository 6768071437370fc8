"""Contacts between carriers and ligands in one frame: a cell list in fractional coordinates.

Works for any cell whose shortest height is more than twice the cutoff: rounding the difference of
two fractional coordinates then gives the only image that can be within the cutoff.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..trajectory.unwrap import cell_heights


def grid_shape(cell: np.ndarray, cutoff: float, n_ligands: int) -> np.ndarray:
    """Number of grid cells along each vector, at least 1, none thinner than the cutoff.

    A dilute, huge cell gets no more grid cells than about one per ligand.
    """
    shape = np.maximum(np.floor(cell_heights(cell) / cutoff), 1.0)
    limit = max(float(n_ligands), 27.0)
    if shape.prod() > limit:
        shape = np.maximum(np.floor(shape * (limit / shape.prod()) ** (1 / 3)), 1.0)
    return shape.astype(np.int64)


@njit(nogil=True, cache=True)
def find_contacts(centres, ligands, ligand_kind, ligand_owner, cell, outer, grid):  # type: ignore[no-untyped-def]
    """All pairs within the outer cutoff of the ligand's kind, sorted by carrier, then ligand.

    Cost: linear in ligands + contacts; 27 grid cells are looked at for each carrier.

    centres (carriers, 3) and ligands (ligands, 3): fractional, any image; ligand_kind (ligands,)
    int64; ligand_owner (ligands,) int64: the carrier that a ligand atom is part of, or -1 (such
    pairs are left out); outer (kinds,): cutoffs, Angstrom; grid (3,) int64. Returns carrier int32,
    ligand int32, distance float64, each of shape (contacts,).
    """
    n_ligands = ligands.shape[0]
    n_centres = centres.shape[0]
    n0, n1, n2 = grid[0], grid[1], grid[2]
    place = np.empty(n_ligands, dtype=np.int64)
    start = np.zeros(n0 * n1 * n2 + 1, dtype=np.int64)
    for a in range(n_ligands):
        index = 0
        for k in range(3):
            s = ligands[a, k] - np.floor(ligands[a, k])
            g = int(s * grid[k])
            if g >= grid[k]:
                g = grid[k] - 1
            index = index * grid[k] + g
        place[a] = index
        start[index + 1] += 1
    for g in range(n0 * n1 * n2):
        start[g + 1] += start[g]
    sorted_ligand = np.empty(n_ligands, dtype=np.int64)
    cursor = start[:-1].copy()
    for a in range(n_ligands):
        sorted_ligand[cursor[place[a]]] = a
        cursor[place[a]] += 1

    outer2 = outer * outer
    capacity = max(16 * n_centres, 64)
    carrier_out = np.empty(capacity, dtype=np.int32)
    ligand_out = np.empty(capacity, dtype=np.int32)
    distance_out = np.empty(capacity, dtype=np.float64)
    n_out = 0
    home = np.empty(3, dtype=np.int64)
    low = np.empty(3, dtype=np.int64)
    high = np.empty(3, dtype=np.int64)
    for c in range(n_centres):
        for k in range(3):
            s = centres[c, k] - np.floor(centres[c, k])
            g = int(s * grid[k])
            if g >= grid[k]:
                g = grid[k] - 1
            home[k] = g
            # with one or two grid cells along a vector, each is looked at once
            if grid[k] >= 3:
                low[k], high[k] = -1, 1
            else:
                low[k], high[k] = -g, grid[k] - 1 - g
        first = n_out
        for i in range(low[0], high[0] + 1):
            gi = (home[0] + i) % n0
            for j in range(low[1], high[1] + 1):
                gj = (home[1] + j) % n1
                for k in range(low[2], high[2] + 1):
                    gl = (home[2] + k) % n2
                    g = (gi * n1 + gj) * n2 + gl
                    for m in range(start[g], start[g + 1]):
                        a = sorted_ligand[m]
                        if ligand_owner[a] == c:
                            continue
                        d0 = ligands[a, 0] - centres[c, 0]
                        d1 = ligands[a, 1] - centres[c, 1]
                        d2 = ligands[a, 2] - centres[c, 2]
                        d0 -= np.rint(d0)
                        d1 -= np.rint(d1)
                        d2 -= np.rint(d2)
                        r2 = 0.0
                        for axis in range(3):
                            x = d0 * cell[0, axis] + d1 * cell[1, axis] + d2 * cell[2, axis]
                            r2 += x * x
                        if r2 > outer2[ligand_kind[a]]:
                            continue
                        if n_out == capacity:
                            capacity *= 2
                            carrier_new = np.empty(capacity, dtype=np.int32)
                            ligand_new = np.empty(capacity, dtype=np.int32)
                            distance_new = np.empty(capacity, dtype=np.float64)
                            carrier_new[:n_out] = carrier_out[:n_out]
                            ligand_new[:n_out] = ligand_out[:n_out]
                            distance_new[:n_out] = distance_out[:n_out]
                            carrier_out = carrier_new
                            ligand_out = ligand_new
                            distance_out = distance_new
                        # insertion keeps the ligands of a carrier sorted
                        at = n_out
                        while at > first and ligand_out[at - 1] > a:
                            ligand_out[at] = ligand_out[at - 1]
                            distance_out[at] = distance_out[at - 1]
                            at -= 1
                        ligand_out[at] = a
                        distance_out[at] = np.sqrt(r2)
                        carrier_out[n_out] = c
                        n_out += 1
    return carrier_out[:n_out].copy(), ligand_out[:n_out].copy(), distance_out[:n_out].copy()
