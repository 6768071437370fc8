"""Cell list: ligands sorted into the cells of a grid in fractional coordinates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..lib.kernels import counting_order, kernel

#: Grid layers along the third cell vector within one cutoff: thin, as layers are contiguous in
#: memory and need no search.
LAYERS = 3
#: Verlet skin, Angstrom: how far ligands may move before the grid is rebuilt; and the fraction of
#: it that is used, so that no pair is lost to rounding.
SKIN = 0.25
ROUNDED = 0.99
#: Ligands processed at once: their coordinates fit the first-level cache.
_CHUNK = 64
#: Ligands compared at once. LLVM vectorises a loop of this length without unrolling it.
BLOCK = 16
_NONE, _ONE, _TWO = np.uint64(0), np.uint64(1), np.uint64(2)


class Grid(NamedTuple):
    """Ligands sorted into grid cells, so that neighbouring layers of a row are contiguous.

    Attributes
    ----------
    shape : numpy.ndarray
        Shape (3,), int64: rows along the first two cell vectors, layers along the third.
    start : numpy.ndarray
        Shape (rows * layers + 2,), int32: layer l of row r begins at ``start[r * layers + l]``. A
        row has further layers at either end: periodic images of those at the other end.
    x, y, z : numpy.ndarray
        Shape (entries + `BLOCK`,), Angstrom, float32; the last ones are padding.
    number : numpy.ndarray
        Shape (entries,), int32: ligand number.
    listed : float
        Distance that the grid is built for, Angstrom: cutoff plus skin.
    """

    shape: np.ndarray
    start: np.ndarray
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    number: np.ndarray
    listed: float


@kernel
def grid_shape(cell, cutoff, n_ligands):  # type: ignore[no-untyped-def]
    """Rows of the grid along the first two vectors and layers along the third, (3,) int64.

    cell (3, 3), cutoff: Angstrom. At least 1 each; no row is thinner than the cutoff, no layer than
    a third of it. A large, dilute cell gets about one grid cell per ligand and layer at most.
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
def _reach(cell, listed, shape):  # type: ignore[no-untyped-def]
    """A distance along the third vector, as a fraction of it, and the image layers it needs."""
    # over the height along that vector: |a x b| / volume
    c0 = cell[0, 1] * cell[1, 2] - cell[0, 2] * cell[1, 1]
    c1 = cell[0, 2] * cell[1, 0] - cell[0, 0] * cell[1, 2]
    c2 = cell[0, 0] * cell[1, 1] - cell[0, 1] * cell[1, 0]
    volume = abs(c0 * cell[2, 0] + c1 * cell[2, 1] + c2 * cell[2, 2])
    reach = listed * np.sqrt(c0 * c0 + c1 * c1 + c2 * c2) / volume
    return reach, min(np.int64(np.floor(reach * shape[2])) + 1, shape[2])


@kernel
def fill_grid(places, cell, listed):  # type: ignore[no-untyped-def]
    """Sort ligands into a `Grid`.

    places: coordinates, atoms, inverse, as `Places.arrays`; cell (3, 3) and listed, the distance
    that will be looked at: Angstrom. Cost: linear in ligands and in grid cells, of which there are
    about as many.
    """
    coordinates, atoms, inverse = places
    n_ligands = atoms.shape[0]
    grid = grid_shape(cell, listed, n_ligands)
    _, ghosts = _reach(cell, listed, grid)
    n_layers = grid[2] + 2 * ghosts
    n_places = grid[0] * grid[1] * n_layers
    rows1, layers, first_layer = np.int32(grid[1]), np.int32(n_layers), np.int32(ghosts)
    last0, last1, last2 = np.int32(grid[0] - 1), np.int32(grid[1] - 1), np.int32(grid[2] - 1)
    n0, n1, n2 = float(grid[0]), float(grid[1]), float(grid[2])
    h00, h01, h02 = cell[0, 0], cell[0, 1], cell[0, 2]
    h10, h11, h12 = cell[1, 0], cell[1, 1], cell[1, 2]
    h20, h21, h22 = cell[2, 0], cell[2, 1], cell[2, 2]
    i00, i01, i02 = inverse[0, 0], inverse[0, 1], inverse[0, 2]
    i10, i11, i12 = inverse[1, 0], inverse[1, 1], inverse[1, 2]
    i20, i21, i22 = inverse[2, 0], inverse[2, 1], inverse[2, 2]
    place = np.empty(n_ligands, dtype=np.int32)
    x_in, y_in, z_in = np.empty((3, n_ligands), dtype=np.float32)
    # in chunks, component by component, so that the arithmetic is vectorised
    p, q, r = np.empty((3, _CHUNK))
    for begin in range(0, n_ligands, _CHUNK):
        n = min(_CHUNK, n_ligands - begin)
        for k in range(np.uint64(n)):
            at = np.uint64(3 * atoms[np.uint64(begin) + k])
            p[k], q[k], r[k] = coordinates[at], coordinates[at + _ONE], coordinates[at + _TWO]
        for k in range(np.uint64(n)):
            s0 = p[k] * i00 + q[k] * i10 + r[k] * i20
            s1 = p[k] * i01 + q[k] * i11 + r[k] * i21
            s2 = p[k] * i02 + q[k] * i12 + r[k] * i22
            s0, s1, s2 = s0 - np.floor(s0), s1 - np.floor(s1), s2 - np.floor(s2)
            g0 = min(np.int32(s0 * n0), last0)
            g1 = min(np.int32(s1 * n1), last1)
            g2 = min(np.int32(s2 * n2), last2)
            to = np.uint64(begin) + k
            place[to] = (g0 * rows1 + g1) * layers + g2 + first_layer
            x_in[to] = s0 * h00 + s1 * h10 + s2 * h20
            y_in[to] = s0 * h01 + s1 * h11 + s2 * h21
            z_in[to] = s0 * h02 + s1 * h12 + s2 * h22
    # counts are stored two places further on, so that start is right once ligands are sorted in
    start = np.zeros(n_places + 2, dtype=np.int32)
    for a in range(n_ligands):
        start[np.uint64(place[a]) + _TWO] += 1
    for row in range(grid[0] * grid[1]):
        low = row * n_layers + 2
        for g in range(ghosts):
            start[low + g] = start[low + grid[2] + g]
            start[low + grid[2] + ghosts + g] = start[low + ghosts + g]
    for g in range(1, n_places + 1):
        start[g + 1] += start[g]
    total = np.int64(start[n_places + 1])
    x = np.empty(total + BLOCK, dtype=np.float32)
    y, z = np.empty_like(x), np.empty_like(x)
    x[total:], y[total:], z[total:] = np.inf, np.inf, np.inf
    number = np.empty(total, dtype=np.int32)
    for a in range(n_ligands):
        after = np.uint64(place[a]) + _ONE
        m = np.uint64(start[after])
        start[after] += 1
        x[m], y[m], z[m] = x_in[a], y_in[a], z_in[a]
        number[m] = a
    for row in range(grid[0] * grid[1]):
        for upper in range(2):
            first = row * n_layers + (grid[2] + ghosts) * upper
            source = row * n_layers + (ghosts if upper else grid[2])
            image = 2.0 * upper - 1.0
            m = np.uint64(start[first])
            for k in range(np.uint64(start[source]), np.uint64(start[source + ghosts])):
                x[m], y[m], z[m] = x[k] + image * h20, y[k] + image * h21, z[k] + image * h22
                number[m] = number[k]
                m += _ONE
            for g in range(ghosts):
                start[first + g + 1] = start[first + g] + start[source + g + 1] - start[source + g]
    return Grid(grid, start, x, y, z, number, listed)


@kernel
def refresh_grid(coordinates, inverse, cell, source, before, grid):  # type: ignore[no-untyped-def]
    """Update the positions in a grid without sorting; False if a ligand moved too far.

    coordinates, inverse, cell: as in `search_grid`; source (entries,) int32: where the ligand of
    each entry begins in coordinates; before (3, entries or more): x, y and z when the grid was
    filled. A ligand may have moved by `ROUNDED` times `SKIN` since.

    Cost: linear in ligands; about a third of `fill_grid`.
    """
    x, y, z = grid.x, grid.y, grid.z
    n_entries = source.shape[0]
    slack = ROUNDED * SKIN
    h00, h01, h02 = cell[0, 0], cell[0, 1], cell[0, 2]
    h10, h11, h12 = cell[1, 0], cell[1, 1], cell[1, 2]
    h20, h21, h22 = cell[2, 0], cell[2, 1], cell[2, 2]
    i00, i01, i02 = inverse[0, 0], inverse[0, 1], inverse[0, 2]
    i10, i11, i12 = inverse[1, 0], inverse[1, 1], inverse[1, 2]
    i20, i21, i22 = inverse[2, 0], inverse[2, 1], inverse[2, 2]
    p, q, r = np.empty((3, _CHUNK))
    for begin in range(0, n_entries, _CHUNK):
        n = min(_CHUNK, n_entries - begin)
        for k in range(np.uint64(n)):
            at = np.uint64(source[np.uint64(begin) + k])
            p[k], q[k], r[k] = coordinates[at], coordinates[at + _ONE], coordinates[at + _TWO]
        far = np.int64(0)
        for k in range(np.uint64(n)):
            m = np.uint64(begin) + k
            u, v, w = float(before[0, m]), float(before[1, m]), float(before[2, m])
            dx, dy, dz = p[k] - u, q[k] - v, r[k] - w
            s0 = np.rint(dx * i00 + dy * i10 + dz * i20)
            s1 = np.rint(dx * i01 + dy * i11 + dz * i21)
            s2 = np.rint(dx * i02 + dy * i12 + dz * i22)
            dx -= s0 * h00 + s1 * h10 + s2 * h20
            dy -= s0 * h01 + s1 * h11 + s2 * h21
            dz -= s0 * h02 + s1 * h12 + s2 * h22
            x[m], y[m], z[m] = u + dx, v + dy, w + dz
            far |= np.int64(not dx * dx + dy * dy + dz * dz <= slack * slack)
        if far != 0:
            return False
    return True


@kernel
def row_order(centres, shape):  # type: ignore[no-untyped-def]
    """Carriers by the row of the grid they are in; centres (carriers, 3): fractional, any image."""
    row = np.empty(centres.shape[0], dtype=np.int64)
    for c in range(centres.shape[0]):
        s0 = centres[c, 0] - np.floor(centres[c, 0])
        s1 = centres[c, 1] - np.floor(centres[c, 1])
        row[c] = min(np.int64(s0 * shape[0]), shape[0] - 1) * shape[1]
        row[c] += min(np.int64(s1 * shape[1]), shape[1] - 1)
    return counting_order(row, shape[0] * shape[1], np.arange(centres.shape[0]))
