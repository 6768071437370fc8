"""Minimum-image steps in fractional coordinates, frame by frame.

ds = s(t) - s(t-1) - round(s(t) - s(t-1)), with s = x h^-1: exact as long as no atom moves half
the shortest cell height between two frames, whatever the shape of the cell.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..kernels import kernel

#: Steps longer than this fraction of the shortest cell height are counted as long.
LONG_STEP = 0.4
#: The analysis is refused when more than this fraction of all steps is long.
MAX_LONG_FRACTION = 1e-4


#: Atoms handled at once: their steps fit the nearest cache.
_CHUNK = 64
#: The exponent of a float32 that is no number.
_NOT_FINITE = np.uint32(0x7F800000)


@kernel
def copy_finite(bits, out):  # type: ignore[no-untyped-def]
    """Copy float32 numbers, given and taken as uint32 (n,); index of the first NaN or infinite one.

    -1 if there is none.
    """
    bad = np.int64(0)
    for f in range(bits.shape[0]):
        out[f] = bits[f]
        bad |= (bits[f] & _NOT_FINITE) == _NOT_FINITE
    if bad:
        for f in range(bits.shape[0]):
            if (bits[f] & _NOT_FINITE) == _NOT_FINITE:
                return f
    return -1


@kernel
def to_fractional(positions, atoms, inverse_cell, out):  # type: ignore[no-untyped-def]
    """Fractional coordinates s = x h^-1 of some atoms.

    positions (all atoms, 3) float32; atoms (n,) indices; inverse_cell (3, 3) float64; out (n, 3)
    float64.
    """
    for m in range(atoms.shape[0]):
        a = np.uint64(atoms[m])
        x = float(positions[a, 0])
        y = float(positions[a, 1])
        z = float(positions[a, 2])
        for k in range(3):
            out[m, k] = x * inverse_cell[0, k] + y * inverse_cell[1, k] + z * inverse_cell[2, k]


@kernel
def _bands(matrix):  # type: ignore[no-untyped-def]
    """Coefficients (5, 3 * chunk) that turn x -> x matrix into five products of shifted rows.

    Component k of an atom is the sum over d = -2 .. 2 of coordinate f + d times band[d + 2, f],
    where f % 3 = k: coordinates of other atoms have the coefficient 0. Neighbours in memory are
    then neighbours in the loop, as vector instructions want them.
    """
    bands = np.zeros((5, 3 * _CHUNK))
    for f in range(3 * _CHUNK):
        for j in range(3):
            bands[j - f % 3 + 2, f] = matrix[j, f % 3]
    return bands


@kernel
def fractional_steps(  # type: ignore[no-untyped-def]
    now, before, inverse, inverse_before, cell, minimum_image, moving, offsets, members, weights,
    reference_weights, long_length, steps, reference_step, found,
):  # fmt: skip
    """Steps of the carriers and of the reference from one frame to the next.

    now, before (3 * atoms + 4,) float32: coordinates, atom after atom, with two zeros before and
    after; inverse, inverse_before (3, 3): inverse cells of both frames; cell (3, 3): the current
    cell; moving (stretches, 2): first and last + 1 of the stretches of atoms that carry weight
    anywhere; carrier c is the sum over members[offsets[c] : offsets[c + 1]] with weights;
    reference_weights (atoms,) or (0,). Fills steps (carriers, 3) and reference_step (3,), and adds
    to found: [number of boundary crossings, number of long steps, number of steps], and keeps the
    longest step, Angstrom, in found[3].

    Cost: one vectorised pass over the moving atoms, a third of it in right-angled cells.
    """
    right_angled = True
    for i in range(3):
        for j in range(3):
            if i != j and (inverse[i, j] != 0.0 or inverse_before[i, j] != 0.0):
                right_angled = False
    use_reference = reference_weights.shape[0] > 0
    band, band_before, edges = _bands(inverse), _bands(inverse_before), _bands(cell)
    scale, scale_before, edge = band[2], band_before[2], edges[2]
    folded = 1.0 if minimum_image else 0.0
    # one view for each shift: sums in an index would hide from a compiler that it is positive
    now0, now1, now2, now3, now4 = now, now[1:], now[2:], now[3:], now[4:]
    before0, before1, before2 = before, before[1:], before[2:]
    before3, before4 = before[3:], before[4:]
    ds = np.zeros(3 * _CHUNK + 4)
    ds0, ds1, ds2, ds3, ds4 = ds, ds[1:], ds[2:], ds[3:], ds[4:]
    images = np.empty(3 * _CHUNK)
    vector = np.empty(3 * _CHUNK)
    # not negative, so they compare as integers, which a compiler may do in any order
    image_bits = images.view(np.int64)
    vector_bits = vector.view(np.int64)
    largest = np.zeros(1)
    largest_bits = largest.view(np.int64)
    crossed, long = 0, 0
    longest2, long2 = found[3] * found[3], long_length * long_length
    sum0, sum1, sum2 = 0.0, 0.0, 0.0
    for stretch in range(moving.shape[0]):
        first = moving[stretch, 0]
        found[2] += moving[stretch, 1] - first
        while first < moving[stretch, 1]:
            n = min(_CHUNK, moving[stretch, 1] - first)
            start = np.uint64(3 * first)
            if right_angled:
                for f in range(np.uint64(3 * n)):
                    g = start + f
                    s = float(now2[g]) * scale[f] - float(before2[g]) * scale_before[f]
                    image = np.rint(s)
                    images[f] = abs(image)
                    s -= folded * image
                    ds2[f] = s
                    vector[f] = abs(s * edge[f])
            else:
                for f in range(np.uint64(3 * n)):
                    g = start + f
                    s = (
                        float(now0[g]) * band[0, f]
                        + float(now1[g]) * band[1, f]
                        + float(now2[g]) * band[2, f]
                        + float(now3[g]) * band[3, f]
                        + float(now4[g]) * band[4, f]
                    ) - (
                        float(before0[g]) * band_before[0, f]
                        + float(before1[g]) * band_before[1, f]
                        + float(before2[g]) * band_before[2, f]
                        + float(before3[g]) * band_before[3, f]
                        + float(before4[g]) * band_before[4, f]
                    )
                    image = np.rint(s)
                    images[f] = abs(image)
                    ds2[f] = s - folded * image
                for f in range(np.uint64(3 * n)):
                    vector[f] = abs(
                        ds0[f] * edges[0, f]
                        + ds1[f] * edges[1, f]
                        + ds2[f] * edges[2, f]
                        + ds3[f] * edges[3, f]
                        + ds4[f] * edges[4, f]
                    )
            peak = np.int64(0)
            any_image = np.int64(0)
            for f in range(np.uint64(3 * n)):
                peak = max(peak, vector_bits[f])
                any_image |= image_bits[f]
            if any_image != 0:
                for j in range(n):
                    if images[3 * j] + images[3 * j + 1] + images[3 * j + 2] > 0.0:
                        crossed += 1
            # most chunks hold neither a long step nor the longest one
            largest_bits[0] = peak
            if 3.01 * largest[0] * largest[0] > min(longest2, long2):
                for j in range(n):
                    length2 = vector[3 * j] ** 2 + vector[3 * j + 1] ** 2 + vector[3 * j + 2] ** 2
                    longest2 = max(longest2, length2)
                    if length2 > long2:
                        long += 1
            if use_reference:
                for j in range(n):
                    weight = reference_weights[np.uint64(first) + np.uint64(j)]
                    sum0 += weight * ds2[3 * j]
                    sum1 += weight * ds3[3 * j]
                    sum2 += weight * ds4[3 * j]
            first += n
    found[0] += crossed
    found[1] += long
    found[3] = np.sqrt(longest2)
    reference_step[0], reference_step[1], reference_step[2] = sum0, sum1, sum2
    for c in range(offsets.shape[0] - 1):
        total0, total1, total2 = 0.0, 0.0, 0.0
        for m in range(offsets[c], offsets[c + 1]):
            g = np.uint64(3 * members[m])
            x, y, z = float(now2[g]), float(now3[g]), float(now4[g])
            u, v, w = float(before2[g]), float(before3[g]), float(before4[g])
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


def cell_heights(cell: np.ndarray) -> np.ndarray:
    """Distances between opposite faces of a cell, shape (..., 3), Angstrom.

    The height along vector k is the volume over the area of the other two vectors.
    """
    return 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=-2)


def stretches(indices: np.ndarray) -> np.ndarray:
    """Stretches of consecutive numbers in a sorted array: first and last + 1, shape (n, 2)."""
    if len(indices) == 0:
        return np.empty((0, 2), dtype=np.int64)
    breaks = np.flatnonzero(np.diff(indices) != 1)
    first = indices[np.concatenate([[0], breaks + 1])]
    last = indices[np.concatenate([breaks, [len(indices) - 1]])]
    return np.stack([first, last + 1], axis=1).astype(np.int64)


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
        Place in `members` of the parent of each, -1 for the first of a carrier. Atoms that no bond
        reaches hang on the first.
    """
    neighbours: dict[int, list[int]] = {int(a): [] for a in members}
    for a, b in np.asarray(bonds, dtype=np.int64).reshape(-1, 2):
        if int(a) in neighbours and int(b) in neighbours:
            neighbours[int(a)].append(int(b))
            neighbours[int(b)].append(int(a))
    ordered = np.empty_like(members)
    parents = np.full(len(members), -1, dtype=np.int64)
    for first, last in pairwise(offsets):
        inside = {int(a) for a in members[first:last]}
        place_of: dict[int, int] = {}
        queue: list[tuple[int, int]] = [(int(members[first]), -1)]
        pending = [int(a) for a in members[first:last]]
        while queue or len(place_of) < last - first:
            if not queue:  # a part no bond reaches
                queue.append((next(a for a in pending if a not in place_of), int(first)))
            atom, parent = queue.pop(0)
            if atom in place_of:
                continue
            place = int(first) + len(place_of)
            place_of[atom] = place
            ordered[place], parents[place] = atom, parent
            queue += [(b, place) for b in neighbours[atom] if b in inside and b not in place_of]
    return ordered, parents
