"""Contacts between carriers and ligands in one frame: a cell list in fractional coordinates.

Works for any cell whose shortest height is more than twice the cutoff: then only one image of a
ligand can be within the cutoff.
"""

from __future__ import annotations

import numpy as np

from ..kernels import kernel, longer
from ..lanes import LANES, lowest_bit, near_lanes

#: Layers of the grid along its third vector within one cutoff: thin ones, as they cost no search.
LAYERS = 3
#: Contacts of one carrier are ranked this many at a time.
_RANKED = np.uint64(16)
_LANES, _LANE, _BITS, _WORD = np.uint64(LANES), np.uint64(LANES - 1), np.uint64(3), np.uint64(64)


@kernel
def grid_shape(cell, cutoff, n_ligands):  # type: ignore[no-untyped-def]
    """Rows of the grid along the first two vectors and layers along the third, (3,) int64.

    cell (3, 3), cutoff: Angstrom. At least 1 each; no row is thinner than the cutoff, no layer than
    a third of it. A dilute, huge cell gets no more grid cells than about one per ligand and layer.
    """
    rows = np.empty(3)
    total = 1.0
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        c0 = cell[i, 1] * cell[j, 2] - cell[i, 2] * cell[j, 1]
        c1 = cell[i, 2] * cell[j, 0] - cell[i, 0] * cell[j, 2]
        c2 = cell[i, 0] * cell[j, 1] - cell[i, 1] * cell[j, 0]
        height = abs(cell[k, 0] * c0 + cell[k, 1] * c1 + cell[k, 2] * c2)
        height /= np.sqrt(c0 * c0 + c1 * c1 + c2 * c2)
        rows[k] = max(np.floor(height / cutoff), 1.0)
        total *= rows[k]
    limit = max(float(n_ligands), 27.0)
    grid = np.empty(3, dtype=np.int64)
    for k in range(3):
        if total > limit:
            rows[k] = max(np.floor(rows[k] * (limit / total) ** (1 / 3)), 1.0)
        grid[k] = np.int64(rows[k])
    grid[2] *= LAYERS
    return grid


@kernel
def _fill_grid(ligands, cell, grid, ghosts):  # type: ignore[no-untyped-def]
    """Ligands in the order of the grid, so that neighbouring layers are one stretch of memory.

    A row holds `ghosts` layers more at either end: images of those at the other end. Returns start
    (rows * layers + 2,) int32, where layer l of row r begins at start[r * layers + l]; x, y, z and
    ligand number in this order, with room for `LANES` more.
    """
    n_ligands = ligands.shape[0]
    n_layers = grid[2] + 2 * ghosts
    n_places = grid[0] * grid[1] * n_layers
    place = np.empty(n_ligands, dtype=np.int32)
    rows1, layers, first_layer = np.int32(grid[1]), np.int32(n_layers), np.int32(ghosts)
    last0, last1, last2 = np.int32(grid[0] - 1), np.int32(grid[1] - 1), np.int32(grid[2] - 1)
    n0, n1, n2 = float(grid[0]), float(grid[1]), float(grid[2])
    for a in range(n_ligands):
        s0 = ligands[a, 0] - np.floor(ligands[a, 0])
        s1 = ligands[a, 1] - np.floor(ligands[a, 1])
        s2 = ligands[a, 2] - np.floor(ligands[a, 2])
        g0 = min(np.int32(s0 * n0), last0)
        g1 = min(np.int32(s1 * n1), last1)
        g2 = min(np.int32(s2 * n2), last2)
        place[a] = (g0 * rows1 + g1) * layers + g2 + first_layer
    # counts are kept two places on, so that start is right once the ligands have been placed
    start = np.zeros(n_places + 2, dtype=np.int32)
    for a in range(n_ligands):
        start[np.uint64(place[a]) + np.uint64(2)] += 1
    for row in range(grid[0] * grid[1]):
        low = row * n_layers + 2
        for g in range(ghosts):
            start[low + g] = start[low + grid[2] + g]
            start[low + grid[2] + ghosts + g] = start[low + ghosts + g]
    for g in range(1, n_places + 1):
        start[g + 1] += start[g]
    total = np.int64(start[n_places + 1])
    x, y, z = np.empty(total + LANES), np.empty(total + LANES), np.empty(total + LANES)
    number = np.empty(total + LANES, dtype=np.int32)
    x[total:], y[total:], z[total:], number[total:] = np.inf, np.inf, np.inf, -1
    h00, h01, h02 = cell[0, 0], cell[0, 1], cell[0, 2]
    h10, h11, h12 = cell[1, 0], cell[1, 1], cell[1, 2]
    h20, h21, h22 = cell[2, 0], cell[2, 1], cell[2, 2]
    for a in range(n_ligands):
        s0 = ligands[a, 0] - np.floor(ligands[a, 0])
        s1 = ligands[a, 1] - np.floor(ligands[a, 1])
        s2 = ligands[a, 2] - np.floor(ligands[a, 2])
        after = np.uint64(place[a]) + np.uint64(1)
        m = np.uint64(start[after])
        start[after] += 1
        x[m] = s0 * h00 + s1 * h10 + s2 * h20
        y[m] = s0 * h01 + s1 * h11 + s2 * h21
        z[m] = s0 * h02 + s1 * h12 + s2 * h22
        number[m] = a
    for row in range(grid[0] * grid[1]):
        for upper in range(2):
            first = row * n_layers + (grid[2] + ghosts) * upper
            source = row * n_layers + (ghosts if upper else grid[2])
            image = 2.0 * upper - 1.0
            m = np.uint64(start[first])
            for q in range(np.uint64(start[source]), np.uint64(start[source + ghosts])):
                x[m], y[m], z[m] = x[q] + image * h20, y[q] + image * h21, z[q] + image * h22
                number[m] = number[q]
                m += np.uint64(1)
            for g in range(ghosts):
                start[first + g + 1] = start[first + g] + start[source + g + 1] - start[source + g]
    return start, x, y, z, number


@kernel
def find_contacts(centres, ligands, ligand_kind, ligand_owner, cell, outer, grid):  # type: ignore[no-untyped-def]
    """All pairs within the outer cutoff of the ligand's kind, sorted by carrier, then ligand.

    Cost: linear in ligands + contacts; nine rows of grid cells are looked at for each carrier.

    centres (carriers, 3) and ligands (ligands, 3): fractional, any image; ligand_kind (ligands,)
    int64; ligand_owner (ligands,) int64: the carrier that a ligand atom is part of, or -1 (such
    pairs are left out); outer (kinds,): cutoffs, Angstrom; grid (3,) int64 as `grid_shape` gives
    it. Returns carrier int32, ligand int32, distance float64, each of shape (contacts,).
    """
    n_centres = centres.shape[0]
    n0, n1, n2 = grid[0], grid[1], grid[2]
    widest, narrowest = 0.0, np.inf
    for k in range(outer.shape[0]):
        widest, narrowest = max(widest, outer[k]), min(narrowest, outer[k])
    widest2 = widest * widest
    owned = False
    for a in range(ligand_owner.shape[0]):
        owned = owned or ligand_owner[a] >= 0
    h00, h01, h02 = cell[0, 0], cell[0, 1], cell[0, 2]
    h10, h11, h12 = cell[1, 0], cell[1, 1], cell[1, 2]
    h20, h21, h22 = cell[2, 0], cell[2, 1], cell[2, 2]
    # the cutoff over the height along the third vector: |a x b| / volume
    c0, c1, c2 = h01 * h12 - h02 * h11, h02 * h10 - h00 * h12, h00 * h11 - h01 * h10
    reach = widest * np.sqrt(c0 * c0 + c1 * c1 + c2 * c2) / abs(c0 * h20 + c1 * h21 + c2 * h22)
    ghosts = min(np.int64(np.floor(reach * n2)) + 1, n2)
    n_layers = n2 + 2 * ghosts
    start, x, y, z, number = _fill_grid(ligands, cell, grid, ghosts)
    longest = 0
    for row in range(n0 * n1):
        longest = max(longest, start[(row + 1) * n_layers] - start[row * n_layers])
    near = np.empty(9 * longest + _RANKED, dtype=np.int32)
    near2 = np.empty(9 * longest + _RANKED)
    # the search looks at eight ligands at once and remembers eight such looks
    squares = np.empty(64)
    seen = np.empty(8, dtype=np.uint64)
    capacity = max(16 * n_centres, 64)
    carrier_out = np.empty(capacity, dtype=np.int32)
    ligand_out = np.empty(capacity, dtype=np.int32)
    square_out = np.empty(capacity, dtype=np.float64)
    n_out = np.int64(0)
    for c in range(n_centres):
        s0 = centres[c, 0] - np.floor(centres[c, 0])
        s1 = centres[c, 1] - np.floor(centres[c, 1])
        s2 = centres[c, 2] - np.floor(centres[c, 2])
        g0 = min(np.int64(s0 * n0), n0 - 1)
        g1 = min(np.int64(s1 * n1), n1 - 1)
        low = max(np.int64(np.floor((s2 - reach) * n2)) + ghosts, 0)
        high = min(np.int64(np.floor((s2 + reach) * n2)) + ghosts + 1, n_layers)
        n_near, word, shift = np.uint64(0), np.uint64(0), np.uint64(0)
        # The rows before, at and after the carrier's, and the carrier in their image. With one or
        # two rows along a vector some are the same row in another image; both cannot hold one
        # ligand within the cutoff of a carrier.
        for i in range(g0 - 1, g0 + 2):
            row0, u0 = i, s0
            if i < 0:
                row0, u0 = i + n0, s0 + 1.0
            elif i >= n0:
                row0, u0 = i - n0, s0 - 1.0
            for j in range(g1 - 1, g1 + 2):
                row1, u1 = j, s1
                if j < 0:
                    row1, u1 = j + n1, s1 + 1.0
                elif j >= n1:
                    row1, u1 = j - n1, s1 - 1.0
                x_c = u0 * h00 + u1 * h10 + s2 * h20
                y_c = u0 * h01 + u1 * h11 + s2 * h21
                z_c = u0 * h02 + u1 * h12 + s2 * h22
                row = (row0 * n1 + row1) * n_layers
                at = np.uint64(start[np.uint64(row + low)])
                end = np.uint64(start[np.uint64(row + high)])
                # the bits of a look that lie beyond the end are not its own
                while at < end:
                    hits = near_lanes(x, y, z, at, x_c, y_c, z_c, widest2, squares, shift)
                    if end - at < _LANES:
                        hits &= (np.uint64(1) << (end - at)) - np.uint64(1)
                    word |= hits << shift
                    seen[shift >> _BITS] = at
                    shift += _LANES
                    at += _LANES
                    if shift == _WORD:
                        n_near = _take_hits(word, seen, squares, number, near, near2, n_near)
                        word, shift = np.uint64(0), np.uint64(0)
        n_near = _take_hits(word, seen, squares, number, near, near2, n_near)
        if owned or narrowest < widest:
            n_all, n_near = n_near, np.uint64(0)
            for a in range(n_all):
                near[n_near], near2[n_near] = near[a], near2[a]
                radius = outer[ligand_kind[near[a]]]
                if ligand_owner[near[a]] != c and near2[a] <= radius * radius:
                    n_near += np.uint64(1)
        if n_out + np.int64(n_near) > capacity:
            capacity = 2 * capacity + np.int64(n_near)
            carrier_out = longer(carrier_out, capacity)
            ligand_out = longer(ligand_out, capacity)
            square_out = longer(square_out, capacity)
        # few enough for counting how many come before; in whole vectors, as the number varies
        filled = (n_near + _RANKED - np.uint64(1)) // _RANKED * _RANKED
        for a in range(n_near, filled):
            near[a] = np.int32(2147483647)
        for a in range(n_near):
            me, rank = near[a], np.int32(0)
            for b in range(filled):
                rank += np.int32(near[b] < me)
            place = np.uint64(n_out) + np.uint64(rank)
            ligand_out[place], square_out[place] = me, near2[a]
            carrier_out[np.uint64(n_out) + a] = c
        n_out += np.int64(n_near)
    distance_out = np.empty(n_out)
    for k in range(n_out):
        distance_out[k] = np.sqrt(square_out[k])
    return longer(carrier_out, n_out), longer(ligand_out, n_out), distance_out


@kernel
def _take_hits(word, seen, squares, number, near, near2, n_near):  # type: ignore[no-untyped-def]
    """Append the ligands whose bits are set in a word of eight looks; returns their number."""
    while word != np.uint64(0):
        lane = lowest_bit(word)
        near[n_near] = number[seen[lane >> _BITS] + (lane & _LANE)]
        near2[n_near] = squares[lane]
        n_near += np.uint64(1)
        word &= word - np.uint64(1)
    return n_near
