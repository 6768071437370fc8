"""Unwrapping: minimum-image steps in fractional coordinates, frame by frame.

ds = s(t) - s(t-1) - round(s(t) - s(t-1)), with s = x h^-1: exact as long as no atom moves half
the shortest cell height between two frames, whatever the shape of the cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..lib.kernels import kernel

#: Steps longer than this fraction of the shortest cell height are counted as long.
LONG_STEP = 0.4
#: Fraction of long steps above which the analysis is refused.
MAX_LONG_FRACTION = 1e-4


#: Atoms handled at once: their steps fit the nearest cache. A multiple of four.
_CHUNK = 32
_ONE, _TWO = np.uint64(1), np.uint64(2)
#: Least coordinate that is refused, Angstrom: float32 resolves larger ones to 0.1 A at best.
LARGEST = 2.0**20
#: Exponent bits of a float32, and the number that carries the exponent of `LARGEST` to the top bit.
_EXPONENT, _CARRY = np.uint32(0x7F800000), np.uint32(0x80000000 - ((127 + 20) << 23))
#: Number of cells that no atom crosses between two frames.
FAR_CELLS = 64.0


@kernel
def copy_finite(numbers, first, last, out):  # type: ignore[no-untyped-def]
    """Copy numbers[first:last], float32; index of the first invalid coordinate, or -1.

    Invalid are NaN, infinite numbers, and those of `LARGEST` or more.
    """
    bits = numbers.view(np.uint32)
    bad = np.uint32(0)
    for f in range(np.uint64(first), np.uint64(last)):
        out[f] = numbers[f]
        # the exponent of NaN and infinity is all ones
        bad |= (bits[f] & _EXPONENT) + _CARRY
    if bad >> np.uint32(31):
        for f in range(first, last):
            if not abs(numbers[f]) < LARGEST:
                return f
    return -1


@kernel
def to_fractional(coordinates, atoms, inverse, out):  # type: ignore[no-untyped-def]
    """Fractional coordinates s = x h^-1 of some atoms.

    coordinates (3 * all atoms,) float32; atoms (n,) indices; inverse (3, 3): the inverse cell,
    float64; out (n, 3) float64.
    """
    h00, h01, h02 = inverse[0, 0], inverse[0, 1], inverse[0, 2]
    h10, h11, h12 = inverse[1, 0], inverse[1, 1], inverse[1, 2]
    h20, h21, h22 = inverse[2, 0], inverse[2, 1], inverse[2, 2]
    for m in range(atoms.shape[0]):
        g = np.uint64(3 * atoms[m])
        x, y, z = coordinates[g], coordinates[g + _ONE], coordinates[g + _TWO]
        out[m, 0] = x * h00 + y * h10 + z * h20
        out[m, 1] = x * h01 + y * h11 + z * h21
        out[m, 2] = x * h02 + y * h12 + z * h22


@kernel
def _bands(matrix):  # type: ignore[no-untyped-def]
    """Coefficients (5, 3 * chunk) that turn x -> x matrix into five products of shifted rows.

    Component k of an atom is the sum over d = -2 .. 2 of coordinate f + d times band[d + 2, f],
    where f % 3 = k: coordinates of other atoms have the coefficient 0. The loop then runs over
    contiguous memory, so that it is vectorised.
    """
    bands = np.zeros((5, 3 * _CHUNK))
    for f in range(3 * _CHUNK):
        for j in range(3):
            bands[j - f % 3 + 2, f] = matrix[j, f % 3]
    return bands


@kernel
def _is_right_angled(matrix):  # type: ignore[no-untyped-def]
    for i in range(3):
        for j in range(3):
            if i != j and matrix[i, j] != 0.0:
                return False
    return True


@kernel
def _carrier_steps(  # type: ignore[no-untyped-def]
    now, before, inverse, inverse_before, right_angled, folded, offsets, members, weights, steps
):
    """Steps of the carriers, as in `fractional_steps`.

    right_angled: whether both cells are; folded: 1 for minimum images, else 0.
    """
    for c in range(offsets.shape[0] - 1):
        total0, total1, total2 = 0.0, 0.0, 0.0
        for m in range(offsets[c], offsets[c + 1]):
            g = np.uint64(3 * members[m])
            x, y, z = now[g], now[g + _ONE], now[g + _TWO]
            u, v, w = before[g], before[g + _ONE], before[g + _TWO]
            if right_angled:
                s0 = x * inverse[0, 0] - u * inverse_before[0, 0]
                s1 = y * inverse[1, 1] - v * inverse_before[1, 1]
                s2 = z * inverse[2, 2] - w * inverse_before[2, 2]
            else:
                s0 = (x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0]) - (
                    u * inverse_before[0, 0] + v * inverse_before[1, 0] + w * inverse_before[2, 0]
                )
                s1 = (x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1]) - (
                    u * inverse_before[0, 1] + v * inverse_before[1, 1] + w * inverse_before[2, 1]
                )
                s2 = (x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2]) - (
                    u * inverse_before[0, 2] + v * inverse_before[1, 2] + w * inverse_before[2, 2]
                )
            total0 += weights[m] * (s0 - folded * np.rint(s0))
            total1 += weights[m] * (s1 - folded * np.rint(s1))
            total2 += weights[m] * (s2 - folded * np.rint(s2))
        steps[c, 0], steps[c, 1], steps[c, 2] = total0, total1, total2


@kernel
def fractional_steps(  # type: ignore[no-untyped-def]
    now, before, cells, minimum_image, moving, carriers, long_length, steps, reference_step, found
):
    """Steps of the carriers and of the reference from one frame to the next.

    now, before (3 * atoms,) float32: coordinates, atom after atom; before becomes a copy of now.
    cells: the cell, its inverse, and the inverse of the one before, (3, 3) each. moving (stretches,
    2): first and last + 1 of ranges of atoms with a weight in a carrier or the reference. carriers:
    offsets, members, weights, reference_weights: carrier c is the sum over members[offsets[c] :
    offsets[c + 1]] with weights; reference_weights (atoms,) or (0,). Fills steps (carriers, 3) and
    reference_step (3,), and adds to found: [number of faces crossed, number of long steps, number
    of steps], and keeps the longest step, Angstrom, in found[3] and its atom in found[4]; counts in
    found[8] the coordinates that jump over more than `FAR_CELLS` cell vectors, and keeps the atom
    of the last in found[9]; a shorter `found` gets the first of these. Returns the index in now of
    the first invalid coordinate, as `copy_finite` does, or -1.

    Cost: one vectorised pass over the atoms, its work in right-angled cells a third of that in
    others; atoms that cross a boundary cost more.
    """
    folded = 1.0 if minimum_image else 0.0
    cell, inverse, inverse_before = cells
    offsets, members, weights, reference_weights = carriers
    bits = now.view(np.uint32)
    right_angled = _is_right_angled(inverse) and _is_right_angled(inverse_before)
    _carrier_steps(
        now, before, inverse, inverse_before, right_angled, folded, offsets, members, weights, steps
    )
    use_reference = reference_weights.shape[0] > 0
    far = 0.0
    for k in range(3):
        far = max(far, FAR_CELLS * np.sqrt((cell[k] * cell[k]).sum()))
    band, band_before, edges = _bands(inverse), _bands(inverse_before), _bands(cell)
    scale, scale_before, edge = band[2], band_before[2], edges[2]
    # one view for each shift: with sums in an index the compiler cannot tell that it is positive
    ds, x, y = np.zeros((3, 3 * _CHUNK + 4))
    ds0, ds1, ds2, ds3, ds4 = ds, ds[1:], ds[2:], ds[3:], ds[4:]
    x0, x1, x2, x3, x4 = x, x[1:], x[2:], x[3:], x[4:]
    y0, y1, y2, y3, y4 = y, y[1:], y[2:], y[3:], y[4:]
    sums = np.zeros(3 * _CHUNK)
    reached = 0
    for stretch in range(moving.shape[0]):
        first, last = moving[stretch, 0], moving[stretch, 1]
        bad = copy_finite(now, 3 * reached, 3 * first, before)
        if bad >= 0:
            return bad
        reached = last
        found[2] += last - first
        while first < last:
            n = min(_CHUNK, last - first)
            start = np.uint64(3 * first)
            # most atoms cross no face, and most steps are short
            bound = np.sqrt(min(found[3] * found[3], long_length * long_length) / 3.01)
            faces, unusual = np.int64(0), np.int64(0)
            if right_angled:
                for f in range(np.uint64(3 * n)):
                    g = start + f
                    s = float(now[g]) * scale[f] - float(before[g]) * scale_before[f]
                    image = np.rint(s)
                    s -= folded * image
                    ds2[f] = s
                    faces += np.int64(image != 0.0)
                    unusual |= np.int64(not abs(s * edge[f]) <= bound)
            else:
                for f in range(np.uint64(3 * n)):
                    g = start + f
                    x2[f], y2[f] = now[g], before[g]
                for f in range(np.uint64(3 * n)):
                    s = (
                        x0[f] * band[0, f]
                        + x1[f] * band[1, f]
                        + x2[f] * band[2, f]
                        + x3[f] * band[3, f]
                        + x4[f] * band[4, f]
                    ) - (
                        y0[f] * band_before[0, f]
                        + y1[f] * band_before[1, f]
                        + y2[f] * band_before[2, f]
                        + y3[f] * band_before[3, f]
                        + y4[f] * band_before[4, f]
                    )
                    image = np.rint(s)
                    ds2[f] = s - folded * image
                    faces += np.int64(image != 0.0)
                for f in range(np.uint64(3 * n)):
                    vector = (
                        ds0[f] * edges[0, f]
                        + ds1[f] * edges[1, f]
                        + ds2[f] * edges[2, f]
                        + ds3[f] * edges[3, f]
                        + ds4[f] * edges[4, f]
                    )
                    unusual |= np.int64(not abs(vector) <= bound)
            found[0] += faces
            if faces != 0 and found.shape[0] > 9:
                _count_jumps(now, before, first, n, far, found)
            if unusual != 0 and not _look_closer(ds2, n, first, cell, long_length, found):
                return copy_finite(now, 3 * first, 3 * (first + n), before)
            no_place = np.uint32(0)
            for f in range(np.uint64(3 * n)):
                g = start + f
                before[g] = now[g]
                no_place |= (bits[g] & _EXPONENT) + _CARRY
            if no_place >> np.uint32(31):
                return copy_finite(now, 3 * first, 3 * (first + n), before)
            if use_reference:
                for j in range(np.uint64(n)):
                    weight, at = reference_weights[np.uint64(first) + j], j * np.uint64(3)
                    x2[at], x2[at + _ONE], x2[at + _TWO] = weight, weight, weight
                for f in range(np.uint64(3 * n)):
                    sums[f] += x2[f] * ds2[f]
            first += n
    for k in range(3):
        reference_step[k] = sums[k::3].sum()
    return copy_finite(now, 3 * reached, now.shape[0], before)


@kernel
def _count_jumps(now, before, first, n, far, found):  # type: ignore[no-untyped-def]
    """Count coordinates of the n atoms from `first` on that change by more than far, Angstrom.

    found: as in `fractional_steps`.
    """
    for f in range(3 * first, 3 * (first + n)):
        if abs(now[f] - before[f]) > far:
            found[8] += 1
            found[9] = f // 3


@kernel
def _look_closer(ds, n, first, cell, long_length, found):  # type: ignore[no-untyped-def]
    """Count long steps and keep the longest of ds (3 * n,); False if one is NaN.

    first: atom of the first step; found: as in `fractional_steps`.
    """
    longest2, long = found[3] * found[3], 0
    for j in range(n):
        s0, s1, s2 = ds[3 * j], ds[3 * j + 1], ds[3 * j + 2]
        length2 = 0.0
        for k in range(3):
            length2 += (s0 * cell[0, k] + s1 * cell[1, k] + s2 * cell[2, k]) ** 2
        if np.isnan(length2):
            return False
        long += length2 > long_length * long_length
        if length2 > longest2:
            longest2 = length2
            if found.shape[0] > 4:
                found[4] = first + j
    found[1] += long
    found[3] = np.sqrt(longest2)
    return True


@kernel
def whole_centres(now, inverse, offsets, members, weights, parents, out):  # type: ignore[no-untyped-def]
    """Fractional centres of carriers whose molecules are first made whole.

    now (atoms, 3) float32; inverse (3, 3): the inverse cell. Each member is put beside its parent,
    an earlier member of the same carrier (its position in `members`; -1 for the first), by the
    minimum image in fractional coordinates. out (carriers, 3).
    """
    largest = 0
    for c in range(offsets.shape[0] - 1):
        largest = max(largest, offsets[c + 1] - offsets[c])
    whole = np.empty((largest, 3))
    for c in range(offsets.shape[0] - 1):
        first = offsets[c]
        for k in range(3):
            total = 0.0
            for m in range(first, offsets[c + 1]):
                a = members[m]
                s = (
                    float(now[a, 0]) * inverse[0, k]
                    + float(now[a, 1]) * inverse[1, k]
                    + float(now[a, 2]) * inverse[2, k]
                )
                if parents[m] >= 0:
                    anchor = whole[parents[m] - first, k]
                    s -= np.rint(s - anchor)
                whole[m - first, k] = s
                total += weights[m] * s
            out[c, k] = total


@dataclass(frozen=True)
class Places:
    """Positions of some atoms, converted to fractional coordinates when first used.

    Attributes
    ----------
    coordinates : numpy.ndarray
        Atom after atom, x, y, z: shape (3 * all atoms,).
    atoms : numpy.ndarray
        Shape (n,), int64: indices of the atoms.
    inverse : numpy.ndarray
        Shape (3, 3): inverse cell, by which rows of coordinates are multiplied.
    """

    coordinates: np.ndarray
    atoms: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, fractional: np.ndarray) -> Places:
        """Positions given as fractional coordinates, shape (n, 3)."""
        flat = np.ascontiguousarray(fractional, dtype=np.float64).reshape(-1)
        return cls(flat, np.arange(len(flat) // 3), np.eye(3))

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coordinates, atoms and inverse, as arguments of kernels."""
        return self.coordinates, self.atoms, self.inverse

    @cached_property
    def fractional(self) -> np.ndarray:
        """Fractional coordinates, any image, shape (n, 3), float64."""
        out = np.empty((len(self.atoms), 3))
        to_fractional(self.coordinates, self.atoms, self.inverse, out)
        return out


def cell_heights(cell: np.ndarray) -> np.ndarray:
    """Distances between opposite faces of a cell, shape (..., 3), Angstrom.

    The height along vector k is the volume over the area of the other two vectors.
    """
    return 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=-2)


def stretches(indices: np.ndarray) -> np.ndarray:
    """Ranges of consecutive numbers in a sorted array: first and last + 1, shape (n, 2)."""
    if len(indices) == 0:
        return np.empty((0, 2), dtype=np.int64)
    breaks = np.flatnonzero(np.diff(indices) != 1)
    first = indices[np.concatenate([[0], breaks + 1])]
    last = indices[np.concatenate([breaks, [len(indices) - 1]])]
    return np.stack([first, last + 1], axis=1).astype(np.int64)


@kernel
def _follow_bonds(offsets, first_bond, bonded_to, order, parents):  # type: ignore[no-untyped-def]
    """Breadth-first order of the members of each carrier along its bonds.

    offsets (carriers + 1,): ranges of the members of each carrier; member p is bonded to the
    members bonded_to[first_bond[p] : first_bond[p + 1]]. Fills order (members,), the previous index
    of each, and parents (members,), see `bond_parents`.
    """
    reached = np.zeros(order.shape[0], dtype=np.bool_)
    for c in range(offsets.shape[0] - 1):
        n = offsets[c]  # order[offsets[c] : n] are visited, those before `at` are done
        at, pending = offsets[c], offsets[c]
        while n < offsets[c + 1]:
            while reached[pending]:
                pending += 1
            order[n], reached[pending] = pending, True
            parents[n] = -1 if n == offsets[c] else offsets[c]
            n += 1
            while at < n:
                for b in range(first_bond[order[at]], first_bond[order[at] + 1]):
                    if not reached[bonded_to[b]]:
                        order[n], reached[bonded_to[b]] = bonded_to[b], True
                        parents[n] = at
                        n += 1
                at += 1


def bond_parents(
    members: np.ndarray, offsets: np.ndarray, bonds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Order the atoms of each carrier along its bonds, so that it can be made whole.

    Parameters
    ----------
    members, offsets : numpy.ndarray
        Atoms of carrier c are members[offsets[c] : offsets[c + 1]].
    bonds : numpy.ndarray
        Shape (bonds, 2), atom indices; may be empty.

    Returns
    -------
    members : numpy.ndarray
        The same atoms, each after its parent.
    parents : numpy.ndarray
        Index in `members` of the parent of each, -1 for the first of a carrier. Atoms that no bond
        connects have the first as parent.
    """
    n_members = len(members)
    bonds = np.asarray(bonds, dtype=np.int64).reshape(-1, 2)
    place = np.full(max(members.max(initial=-1), bonds.max(initial=-1)) + 1, -1, dtype=np.int64)
    place[members] = np.arange(n_members)
    carrier = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    ends = place[bonds]
    ends = ends[(ends >= 0).all(axis=1)]
    ends = ends[carrier[ends[:, 0]] == carrier[ends[:, 1]]]
    # both ways, those of one member in the order of the bonds
    origin, target = ends.ravel(), ends[:, ::-1].ravel()
    by_origin = np.argsort(origin, kind="stable")
    first_bond = np.concatenate([[0], np.cumsum(np.bincount(origin, minlength=n_members))])
    offsets = np.asarray(offsets, dtype=np.int64)
    order, parents = np.empty(n_members, dtype=np.int64), np.empty(n_members, dtype=np.int64)
    _follow_bonds(offsets, first_bond, target[by_origin], order, parents)
    return members[order], parents
