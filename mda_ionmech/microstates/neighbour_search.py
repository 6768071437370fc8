"""Contacts between carriers and ligands in one frame: a cell list in fractional coordinates.

Works for any cell whose shortest height is more than twice the cutoff: then only one image of a
ligand can be within the cutoff.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..lib.kernels import counting_order, kernel, longer, lowest_bit
from ..trajectory.unwrap import Places
from .contacts import FrameGeometry

#: Grid layers along the third cell vector within one cutoff: thin ones, as they are contiguous in
#: memory and cost no search.
LAYERS = 3
#: Verlet skin, Angstrom: how far ligands may move before the grid is built anew; and the fraction
#: of it that is used, so that rounding cannot lose a pair.
SKIN = 0.25
ROUNDED = 0.99
#: After a grid that served a single frame, the skin is left out for this many frames: at first,
#: and at most, as the number doubles each time.
FIRST_PAUSE, LONGEST_PAUSE = 8, 512
#: Ligands worked on at once: their coordinates fit the nearest cache.
_CHUNK = 64
#: Ligands compared at once. A loop of this many turns is not unrolled by LLVM, but vectorised.
BLOCK = 16
_BLOCK, _BLOCK_BITS, _WORD = np.uint64(BLOCK), np.uint64(4), np.uint64(64)
_NONE, _ONE, _TWO = np.uint64(0), np.uint64(1), np.uint64(2)
_HITS = np.uint32(2**BLOCK - 1)


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
        Distance that the layers are made for, Angstrom: cutoff and skin.
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
def _reach(cell, listed, shape):  # type: ignore[no-untyped-def]
    """A distance along the third vector, as a fraction of it, and the image layers it asks for."""
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
    # a few at a time, component by component, so that the arithmetic vectorises
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
    # counts are kept two places on, so that start is right once the ligands have been placed
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
    """Update the positions in a grid, in the order they have; False if a ligand moved too far.

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
def search_grid(grid, order, centres, places, kind, owner, cell, outer, measured):  # type: ignore[no-untyped-def]
    """All pairs within the outer cutoff of the ligand's type, in an order of the grid's.

    Cost: linear in carriers + contacts; nine rows of grid cells are looked at for each carrier, in
    single precision, and pairs that this leaves in doubt in double precision.

    grid: a `Grid` whose positions are those of this frame; ligands may have moved since it was
    filled by its `listed` less the cutoff. order (carriers,): best as of `row_order`, since
    carriers of one row look at the same memory; any will do. centres (carriers, 3): fractional,
    any image; places: coordinates, atoms, inverse, as `Places.arrays`: ligand a has
    coordinates[3 * atoms[a] :], which times inverse (3, 3) are fractional, any image. kind
    (ligands,) int64: type of each ligand; owner (ligands,) int64: the carrier that a ligand atom is
    part of, or -1 (such pairs are left out); cell (3, 3), outer (types,): cutoffs, Angstrom.
    Returns first, last (carriers,) int64, ligand int32 and, if measured, square float64, else
    empty, both longer than they need be: carrier c has the ligands ligand[first[c] : last[c]] at
    these squared distances.
    """
    shape, start, x, y, z, number, listed = grid
    coordinates, atoms, inverse = places
    n_centres = centres.shape[0]
    widest, narrowest = 0.0, np.inf
    for k in range(outer.shape[0]):
        widest, narrowest = max(widest, outer[k]), min(narrowest, outer[k])
    n0, n1, n2 = shape[0], shape[1], shape[2]
    any_owner = np.int64(-1)
    for a in range(owner.shape[0]):
        any_owner = max(any_owner, owner[a])
    look_closer = measured or any_owner >= 0 or narrowest < widest
    h00, h01, h02 = cell[0, 0], cell[0, 1], cell[0, 2]
    h10, h11, h12 = cell[1, 0], cell[1, 1], cell[1, 2]
    h20, h21, h22 = cell[2, 0], cell[2, 1], cell[2, 2]
    # What rounding to single precision may do: coordinates in the grid are within twice the cell.
    margin = 2.0**-19 * widest * (2.0 * np.abs(cell).sum() + widest)
    limit2, sure2 = np.float32(widest**2 + margin), np.float32(widest**2 - margin)
    reach, ghosts = _reach(cell, listed, shape)
    n_layers = n2 + 2 * ghosts
    most = 0
    for row in range(n0 * n1):
        most = max(most, start[(row + 1) * n_layers] - start[row * n_layers])
    most *= 9
    capacity = 16 * n_centres + most
    first, last = np.empty(n_centres, dtype=np.int64), np.empty(n_centres, dtype=np.int64)
    near = np.empty(capacity, dtype=np.int32)
    square = np.empty(capacity if measured else 0)
    n_near = np.uint64(0)
    blocks = np.empty(64 // BLOCK, dtype=np.uint64)
    rows = np.empty(9, dtype=np.int64)
    shift_x, shift_y, shift_z = np.empty(9), np.empty(9), np.empty(9)
    row_now = np.int64(-1)
    for place in range(n_centres):
        c = np.uint64(order[place])
        s0 = centres[c, 0] - np.floor(centres[c, 0])
        s1 = centres[c, 1] - np.floor(centres[c, 1])
        s2 = centres[c, 2] - np.floor(centres[c, 2])
        own_row = min(np.int64(s0 * n0), n0 - 1) * n1 + min(np.int64(s1 * n1), n1 - 1)
        if own_row != row_now:
            row_now = own_row
            # The rows before, at and after the carrier's, and the way to its image there. With one
            # or two rows along a vector some are the same row in another image; both cannot hold
            # one ligand within the cutoff of a carrier.
            own0 = row_now // n1
            own1 = row_now - own0 * n1
            for i in range(3):
                row0, image0 = _wrapped(own0 + i - 1, n0)
                for j in range(3):
                    row1, image1 = _wrapped(own1 + j - 1, n1)
                    r = 3 * i + j
                    rows[r] = (row0 * n1 + row1) * n_layers
                    shift_x[r] = image0 * h00 + image1 * h10
                    shift_y[r] = image0 * h01 + image1 * h11
                    shift_z[r] = image0 * h02 + image1 * h12
        x_c = s0 * h00 + s1 * h10 + s2 * h20
        y_c = s0 * h01 + s1 * h11 + s2 * h21
        z_c = s0 * h02 + s1 * h12 + s2 * h22
        low = max(np.int64(np.floor((s2 - reach) * n2)) + ghosts, 0)
        high = min(np.int64(np.floor((s2 + reach) * n2)) + ghosts + 1, n_layers)
        if np.int64(n_near) + most > capacity:
            capacity = 2 * capacity + most
            near = longer(near, capacity)
            if measured:
                square = longer(square, capacity)
        begin, doubt, word, shift = n_near, np.uint32(0), _NONE, _NONE
        for r in range(9):
            x_r = np.float32(x_c + shift_x[r])
            y_r = np.float32(y_c + shift_y[r])
            z_r = np.float32(z_c + shift_z[r])
            at = np.uint64(start[np.uint64(rows[r] + low)])
            end = np.uint64(start[np.uint64(rows[r] + high)])
            while at < end:
                # a bit for each ligand that is near, and one further on if it surely is
                bits = np.uint32(0)
                for k in range(np.uint32(BLOCK)):
                    entry = at + np.uint64(k)
                    dx, dy, dz = x[entry] - x_r, y[entry] - y_r, z[entry] - z_r
                    d2 = dx * dx + dy * dy + dz * dz
                    bits |= np.uint32(d2 <= limit2) << np.uint32(k)
                    bits |= np.uint32(d2 <= sure2) << np.uint32(k + BLOCK)
                hits = bits & _HITS
                if end - at < _BLOCK:  # what lies beyond the end belongs to other cells
                    hits &= np.uint32((_ONE << (end - at)) - _ONE)
                doubt |= hits & ~(bits >> np.uint32(BLOCK))
                # gathered for several blocks, as loops that end soon are slow
                word |= np.uint64(hits) << shift
                blocks[shift >> _BLOCK_BITS] = at
                shift += _BLOCK
                at += _BLOCK
                if shift == _WORD:
                    n_near = _take_hits(word, blocks, number, near, n_near)
                    word, shift = _NONE, _NONE
        n_near = _take_hits(word, blocks, number, near, n_near)
        if look_closer or doubt != 0:
            n_all, n_near = n_near, begin
            for m in range(begin, n_all):
                ligand = np.uint64(near[m])
                where = np.uint64(3 * atoms[ligand])
                d2 = _square(centres, c, coordinates, where, inverse, cell)
                radius = outer[kind[ligand]]
                if owner[ligand] != np.int64(c) and d2 <= radius * radius:
                    near[n_near] = ligand
                    if measured:
                        square[n_near] = d2
                    n_near += _ONE
        first[c], last[c] = begin, n_near
    return first, last, near, square


@kernel
def _take_hits(word, blocks, number, near, n_near):  # type: ignore[no-untyped-def]
    """Append the ligands whose bits are set in a word of several blocks; returns their number."""
    while word != _NONE:
        place = lowest_bit(word)
        near[n_near] = number[blocks[place >> _BLOCK_BITS] + (place & (_BLOCK - _ONE))]
        n_near += _ONE
        word &= word - _ONE
    return n_near


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


@kernel
def find_contacts(centres, places, kind, owner, cell, outer):  # type: ignore[no-untyped-def]
    """The pairs of `search_grid`, sorted by carrier, then ligand.

    Returns carrier int32, ligand int32, distance float64, each of shape (contacts,).
    """
    grid = fill_grid(places, cell, outer.max())
    first, last, near, square = search_grid(
        grid, row_order(centres, grid.shape), centres, places, kind, owner, cell, outer, True
    )
    n_out = np.int64(0)
    for c in range(first.shape[0]):
        n_out += last[c] - first[c]
    carrier_out = np.empty(n_out, dtype=np.int32)
    ligand_out = np.empty(n_out, dtype=np.int32)
    distance_out = np.empty(n_out)
    n = 0
    for carrier in range(first.shape[0]):
        begin, end = np.uint64(first[carrier]), np.uint64(last[carrier])
        # few enough to count, for each, how many come before it
        for m in range(begin, end):
            me, rank = near[m], np.int32(0)
            for other in range(begin, end):
                rank += np.int32(near[other] < me)
            ligand_out[n + rank], distance_out[n + rank] = me, np.sqrt(square[m])
            carrier_out[n + rank] = carrier
        n += last[carrier] - first[carrier]
    return carrier_out, ligand_out, distance_out


@kernel
def _square(centres, c, coordinates, at, inverse, cell):  # type: ignore[no-untyped-def]
    """Squared distance of the nearest image of the atom at coordinates[at:] from a carrier."""
    square = 0.0
    x, y, z = coordinates[at], coordinates[at + _ONE], coordinates[at + _TWO]
    s0 = x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0] - centres[c, 0]
    s1 = x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1] - centres[c, 1]
    s2 = x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2] - centres[c, 2]
    s0, s1, s2 = s0 - np.rint(s0), s1 - np.rint(s1), s2 - np.rint(s2)
    for k in range(3):
        square += (s0 * cell[0, k] + s1 * cell[1, k] + s2 * cell[2, k]) ** 2
    return square


@kernel
def _wrapped(row, n_rows):  # type: ignore[no-untyped-def]
    """A row at most one beyond either end as one of n_rows, and which way its image is shifted."""
    if row < 0:
        return row + n_rows, 1.0
    if row >= n_rows:
        return row - n_rows, -1.0
    return row, 0.0


class NearLigands:
    """Ligands within cutoffs, frame after frame.

    While consecutive frames differ so little that ligands hardly move, and the cell stays the same,
    the grid of one frame serves the next ones: its rows are wider by the skin. Where ligands have
    moved further after a single frame, that is not tried again for a while.

    Parameters
    ----------
    outer : numpy.ndarray
        Shape (types,), Angstrom: a cutoff for each ligand type.
    measured : bool
        Whether distances are wanted.
    """

    def __init__(self, outer: np.ndarray, *, measured: bool) -> None:
        self.outer, self.measured = outer, measured
        self._cell: np.ndarray | None = None
        self._grid: Grid | None = None
        self._before = np.empty((3, 0), dtype=np.float32)
        self._source = np.empty(0, dtype=np.int32)
        self._order = np.empty(0, dtype=np.int64)
        self._served = 0
        self._pause = self._wait = 0

    def find(self, frame: FrameGeometry) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Pairs of one frame, in no particular order: first, last, ligand and square.

        Returns
        -------
        first, last, ligand, square : numpy.ndarray
            As of `search_grid`.
        """
        places, widest = frame.ligand_places, float(self.outer.max())
        grid = self._updated(frame)
        if grid is None:
            grid = fill_grid(places.arrays, frame.cell, widest if self._wait else widest + SKIN)
            self._order = row_order(frame.centres, grid.shape)
            self._served = 0
            self._grid = self._cell = None
            if self._wait:
                self._wait -= 1
            else:
                self._grid, self._cell = grid, frame.cell
                self._before = np.stack([grid.x, grid.y, grid.z])
                self._source = (3 * places.atoms[grid.number]).astype(np.int32)
        return search_grid(
            grid, self._order, frame.centres, places.arrays, frame.ligand_kind, frame.ligand_owner,
            frame.cell, self.outer, self.measured,
        )  # fmt: skip

    def _updated(self, frame: FrameGeometry) -> Grid | None:
        """The last grid with the coordinates of a frame; None if it cannot serve this frame."""
        grid, places = self._grid, frame.ligand_places
        if grid is None:
            return None
        if self._cell is frame.cell and refresh_grid(
            places.coordinates, places.inverse, frame.cell, self._source, self._before, grid
        ):
            self._served += 1
            self._pause = 0
            return grid
        if self._served == 0:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE), LONGEST_PAUSE)
            self._wait = self._pause
        return None


def contact_pairs(
    frame: FrameGeometry, outer: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Contacts of one frame, sorted by carrier, then ligand: carrier, ligand, distance in Angstrom.

    Parameters
    ----------
    frame : FrameGeometry
    outer : numpy.ndarray
        Shape (types,), Angstrom: a cutoff for each ligand type.
    """
    return pairs_with(
        frame, frame.ligand_places, frame.ligand_kind, frame.ligand_owner, np.asarray(outer)
    )


def ligand_distances(frame: FrameGeometry, outer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ligand and distance, Angstrom, of the pairs of `contact_pairs`, in no particular order."""
    places = frame.ligand_places.arrays
    grid = fill_grid(places, frame.cell, float(outer.max()))
    _, last, ligand, square = search_grid(
        grid, row_order(frame.centres, grid.shape), frame.centres, places, frame.ligand_kind,
        frame.ligand_owner, frame.cell, outer, True,
    )  # fmt: skip
    n = int(last.max(initial=0))
    return ligand[:n], np.sqrt(square[:n])


def pairs_with(
    frame: FrameGeometry, places: Places, kind: np.ndarray, owner: np.ndarray, outer: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`contact_pairs` with any atoms: kind and owner (n,) are as for ligands."""
    return find_contacts(frame.centres, places.arrays, kind, owner, frame.cell, outer)
