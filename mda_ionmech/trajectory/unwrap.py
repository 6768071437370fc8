"""Minimum-image steps in fractional coordinates, frame by frame.

ds = s(t) - s(t-1) - round(s(t) - s(t-1)), with s = x h^-1: exact as long as no atom moves half
the shortest cell height between two frames, whatever the shape of the cell.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numba import njit

#: Steps longer than this fraction of the shortest cell height are counted as long.
LONG_STEP = 0.4
#: The analysis is refused when more than this fraction of all steps is long.
MAX_LONG_FRACTION = 1e-4


@njit(nogil=True, cache=True)
def to_fractional(positions, inverse_cell, out):  # type: ignore[no-untyped-def]
    """Fractional coordinates s = x h^-1 of all atoms; returns the first atom with a NaN, or -1.

    positions (atoms, 3) float32; inverse_cell (3, 3) float64; out (atoms, 3) float64.
    """
    bad = -1
    for a in range(positions.shape[0]):
        x = float(positions[a, 0])
        y = float(positions[a, 1])
        z = float(positions[a, 2])
        if bad < 0 and not np.isfinite(x + y + z):
            bad = a
        for k in range(3):
            out[a, k] = x * inverse_cell[0, k] + y * inverse_cell[1, k] + z * inverse_cell[2, k]
    return bad


@njit(nogil=True, cache=True)
def fractional_steps(  # type: ignore[no-untyped-def]
    now, before, cell, minimum_image, moving, offsets, members, weights, reference_weights,
    long_length, steps, reference_step, found,
):  # fmt: skip
    """Steps of the carriers and of the reference from one frame to the next.

    now, before (atoms, 3): fractional coordinates; cell (3, 3): the current cell; moving: indices
    of the atoms that carry weight anywhere; carrier c is the sum over members[offsets[c] :
    offsets[c + 1]] with weights; reference_weights (atoms,) or (0,). Fills steps (carriers, 3) and
    reference_step (3,), and adds to found: [number of boundary crossings, number of long steps,
    number of steps], and keeps the longest step, Angstrom, in found[3].
    """
    ds = np.zeros((now.shape[0], 3))
    reference_step[:] = 0.0
    use_reference = reference_weights.shape[0] > 0
    for a in moving:
        crossed = False
        for k in range(3):
            d = now[a, k] - before[a, k]
            image = np.rint(d)
            if image != 0.0:
                crossed = True
            if minimum_image:
                d -= image
            ds[a, k] = d
        length2 = 0.0
        for k in range(3):
            x = ds[a, 0] * cell[0, k] + ds[a, 1] * cell[1, k] + ds[a, 2] * cell[2, k]
            length2 += x * x
        length = np.sqrt(length2)
        if crossed:
            found[0] += 1
        if length > long_length:
            found[1] += 1
        found[2] += 1
        if length > found[3]:
            found[3] = length
        if use_reference:
            for k in range(3):
                reference_step[k] += reference_weights[a] * ds[a, k]
    for c in range(offsets.shape[0] - 1):
        for k in range(3):
            total = 0.0
            for m in range(offsets[c], offsets[c + 1]):
                total += weights[m] * ds[members[m], k]
            steps[c, k] = total


@njit(nogil=True, cache=True)
def whole_centres(now, offsets, members, weights, parents, out):  # type: ignore[no-untyped-def]
    """Fractional centres of carriers whose molecules are first made whole.

    Each member is put beside its parent, an earlier member of the same carrier (its position in
    `members`; -1 for the first), by the minimum image in fractional coordinates. out (carriers, 3).
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
                s = now[members[m], k]
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
