"""Neighbour search between carriers and ligands: a cell list in fractional coordinates.

Works for any cell whose shortest height is more than twice the cutoff: then only one image of a
ligand can be within the cutoff.
"""

from __future__ import annotations

import numpy as np

from ..lib.kernels import kernel, longer, lowest_bit
from ..trajectory.unwrap import Places
from .contacts import FrameGeometry
from .ligand_grid import (
    _NONE,
    _ONE,
    _TWO,
    BLOCK,
    SKIN,
    Grid,
    _reach,
    fill_grid,
    refresh_grid,
    row_order,
)

#: After a grid that was valid for one frame only, the skin is omitted for this many frames: initial
#: and largest number, which doubles each time.
FIRST_PAUSE, LONGEST_PAUSE = 8, 512
_BLOCK, _BLOCK_BITS, _WORD = np.uint64(BLOCK), np.uint64(4), np.uint64(64)
_HITS = np.uint32(2**BLOCK - 1)


@kernel
def search_grid(grid, order, centres, places, kind, owner, cell, outer, measured):  # type: ignore[no-untyped-def]
    """All pairs within the outer cutoff of the ligand's type, in an order of the grid's.

    Cost: linear in carriers + contacts; nine rows of grid cells are searched for each carrier in
    single precision, and pairs close to the cutoff are checked in double precision.

    grid: a `Grid` whose positions are those of this frame; ligands may have moved since it was
    filled by its `listed` less the cutoff. order (carriers,): best that of `row_order`, since
    carriers of one row use the same memory; any is correct. centres (carriers, 3): fractional,
    any image; places: coordinates, atoms, inverse, as `Places.arrays`: ligand a has
    coordinates[3 * atoms[a] :], which times inverse (3, 3) are fractional, any image. kind
    (ligands,) int64: type of each ligand; owner (ligands,) int64: the carrier that a ligand atom is
    part of, or -1 (such pairs are left out); cell (3, 3), outer (types,): cutoffs, Angstrom.
    Returns first, last (carriers,) int64, ligand int32 and, if measured, square float64, else
    empty, both longer than necessary: carrier c has the ligands ligand[first[c] : last[c]] at
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
    # Bound of rounding in single precision: coordinates in the grid are within twice the cell.
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
                # one bit for each ligand that may be near, and another if it certainly is
                bits = np.uint32(0)
                for k in range(np.uint32(BLOCK)):
                    entry = at + np.uint64(k)
                    dx, dy, dz = x[entry] - x_r, y[entry] - y_r, z[entry] - z_r
                    d2 = dx * dx + dy * dy + dz * dz
                    bits |= np.uint32(d2 <= limit2) << np.uint32(k)
                    bits |= np.uint32(d2 <= sure2) << np.uint32(k + BLOCK)
                hits = bits & _HITS
                if end - at < _BLOCK:  # entries beyond the end belong to other cells
                    hits &= np.uint32((_ONE << (end - at)) - _ONE)
                doubt |= hits & ~(bits >> np.uint32(BLOCK))
                # collected over several blocks, as short loops are slow
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
def _sorted_contacts(first, last, near, square):  # type: ignore[no-untyped-def]
    """The pairs of `search_grid`, sorted by carrier, then ligand.

    Returns carrier int32, ligand int32, distance float64, each of shape (contacts,).
    """
    n_out = np.int64(0)
    for c in range(first.shape[0]):
        n_out += last[c] - first[c]
    carrier_out = np.empty(n_out, dtype=np.int32)
    ligand_out = np.empty(n_out, dtype=np.int32)
    distance_out = np.empty(n_out)
    n = 0
    for carrier in range(first.shape[0]):
        begin, end = np.uint64(first[carrier]), np.uint64(last[carrier])
        # few enough to rank each by counting
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
    """The periodic image of a row at most one beyond either end, and its shift."""
    if row < 0:
        return row + n_rows, 1.0
    if row >= n_rows:
        return row - n_rows, -1.0
    return row, 0.0


class NearLigands:
    """Finds ligands within cutoffs, frame after frame.

    As long as ligands move little between frames and the cell is constant, the grid of one frame
    is used for the next ones (Verlet skin). Where ligands move further within one frame, this is
    not tried again for some frames.

    Parameters
    ----------
    outer : numpy.ndarray
        Shape (types,), Angstrom: a cutoff for each ligand type.
    measured : bool
        Whether distances are returned.
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
            As in `search_grid`.
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
        """The last grid with the coordinates of a frame; None if it is not valid for this frame."""
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
    _, last, ligand, square = _pairs(
        frame, frame.ligand_places, frame.ligand_kind, frame.ligand_owner, outer
    )
    n = int(last.max(initial=0))
    return ligand[:n], np.sqrt(square[:n])


def pairs_with(
    frame: FrameGeometry, places: Places, kind: np.ndarray, owner: np.ndarray, outer: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`contact_pairs` with any atoms: kind and owner (n,) are as for ligands."""
    return _sorted_contacts(*_pairs(frame, places, kind, owner, outer))


def _pairs(
    frame: FrameGeometry, places: Places, kind: np.ndarray, owner: np.ndarray, outer: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`search_grid` of one frame, with a grid made for it."""
    grid = fill_grid(places.arrays, frame.cell, float(outer.max()))
    return search_grid(
        grid, row_order(frame.centres, grid.shape), frame.centres, places.arrays, kind, owner,
        frame.cell, outer, True,
    )  # fmt: skip
