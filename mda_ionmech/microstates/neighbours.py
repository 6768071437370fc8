"""Contacts between carriers and ligands in one frame: a cell list in fractional coordinates.

Works for any cell whose shortest height is more than twice the cutoff: then only one image of a
ligand can be within the cutoff.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..kernels import longer
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
    # ligands in the order of the grid, so that a grid cell is one stretch of memory
    sorted_ligand = np.empty(n_ligands, dtype=np.int64)
    fraction = np.empty(3)
    at_place = np.empty((n_ligands, 3))
    cursor = longer(start, n0 * n1 * n2)
    for a in range(n_ligands):
        m = cursor[place[a]]
        cursor[place[a]] += 1
        sorted_ligand[m] = a
        for k in range(3):
            fraction[k] = ligands[a, k] - np.floor(ligands[a, k])
        for k in range(3):
            at_place[m, k] = (
                fraction[0] * cell[0, k] + fraction[1] * cell[1, k] + fraction[2] * cell[2, k]
            )
    outer2 = np.empty(outer.shape[0])
    widest2 = 0.0
    for k in range(outer.shape[0]):
        outer2[k] = outer[k] * outer[k]
        widest2 = max(widest2, outer2[k])
    capacity = max(16 * n_centres, 64)
    carrier_out = np.empty(capacity, dtype=np.int32)
    ligand_out = np.empty(capacity, dtype=np.int32)
    distance_out = np.empty(capacity, dtype=np.float64)
    n_out = 0
    # The grid cells before, at and after the carrier's along each vector, and the shift of the
    # carrier into their image. With one or two grid cells along a vector some are the same cell in
    # another image; both cannot hold one ligand within the cutoff of a carrier.
    look = np.empty((3, 3), dtype=np.int64)
    shift = np.empty((3, 3))
    wrapped = np.empty(3)
    for c in range(n_centres):
        for k in range(3):
            wrapped[k] = centres[c, k] - np.floor(centres[c, k])
            g = int(wrapped[k] * grid[k])
            if g >= grid[k]:
                g = grid[k] - 1
            for o in range(3):
                look[k, o] = g + o - 1
                shift[k, o] = 0.0
                if look[k, o] < 0:
                    look[k, o] += grid[k]
                    shift[k, o] = 1.0
                elif look[k, o] >= grid[k]:
                    look[k, o] -= grid[k]
                    shift[k, o] = -1.0
        first = n_out
        for i in range(3):
            for j in range(3):
                for k in range(3):
                    g = (look[0, i] * n1 + look[1, j]) * n2 + look[2, k]
                    # the carrier, moved into the image of this grid cell
                    s0 = wrapped[0] + shift[0, i]
                    s1 = wrapped[1] + shift[1, j]
                    s2 = wrapped[2] + shift[2, k]
                    x = s0 * cell[0, 0] + s1 * cell[1, 0] + s2 * cell[2, 0]
                    y = s0 * cell[0, 1] + s1 * cell[1, 1] + s2 * cell[2, 1]
                    z = s0 * cell[0, 2] + s1 * cell[1, 2] + s2 * cell[2, 2]
                    for m in range(start[g], start[g + 1]):
                        dx = at_place[m, 0] - x
                        dy = at_place[m, 1] - y
                        dz = at_place[m, 2] - z
                        r2 = dx * dx + dy * dy + dz * dz
                        if r2 > widest2:
                            continue
                        a = sorted_ligand[m]
                        if r2 > outer2[ligand_kind[a]] or ligand_owner[a] == c:
                            continue
                        if n_out == capacity:
                            capacity *= 2
                            carrier_out = longer(carrier_out, capacity)
                            ligand_out = longer(ligand_out, capacity)
                            distance_out = longer(distance_out, capacity)
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
    return longer(carrier_out, n_out), longer(ligand_out, n_out), longer(distance_out, n_out)
