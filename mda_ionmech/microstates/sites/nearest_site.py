"""Search for the nearest site, and for pairs of sites that are close.

Sites have constant fractional coordinates while the cell fluctuates. So one grid of boxes is used
for all frames, with distances in the cell of each frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ...lib.kernels import kernel
from ...trajectory.unwrap import cell_heights

#: Boxes of a grid per site: the site nearest to the centre of a box is then the nearest one for
#: most points in the box.
BOXES = 8
#: Added to search distances: far above rounding, and too small to cost time. Relative, and in
#: fractions of a cell vector.
_MORE, ROUNDED = 1.0 + 1e-9, 1e-9
#: Carriers processed at once.
_CHUNK = 64


@kernel
def over_heights(cell):  # type: ignore[no-untyped-def]
    """One over the distance between opposite faces along each vector of the cell (3, 3)."""
    over = np.empty(3)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        c0 = cell[i, 1] * cell[j, 2] - cell[i, 2] * cell[j, 1]
        c1 = cell[i, 2] * cell[j, 0] - cell[i, 0] * cell[j, 2]
        c2 = cell[i, 0] * cell[j, 1] - cell[i, 1] * cell[j, 0]
        volume = abs(cell[k, 0] * c0 + cell[k, 1] * c1 + cell[k, 2] * c2)
        over[k] = np.sqrt(c0 * c0 + c1 * c1 + c2 * c2) / volume
    return over


@kernel
def box_of(s0, s1, s2, boxes):  # type: ignore[no-untyped-def]
    """Box in which a point with fractional coordinates, any image, is; boxes (3,) int64."""
    g0 = min(np.int64((s0 - np.floor(s0)) * boxes[0]), boxes[0] - 1)
    g1 = min(np.int64((s1 - np.floor(s1)) * boxes[1]), boxes[1] - 1)
    g2 = min(np.int64((s2 - np.floor(s2)) * boxes[2]), boxes[2] - 1)
    return (g0 * boxes[1] + g1) * boxes[2] + g2


@kernel
def span(s, reach, n):  # type: ignore[no-untyped-def]
    """First and last of n boxes along a vector within reach of s; may be outside 0 to n - 1."""
    reach = reach * _MORE + ROUNDED
    low = np.int64(np.floor((s - reach) * n))
    high = np.int64(np.floor((s + reach) * n))
    if high - low >= n - 1:
        return np.int64(0), n - 1
    return low, high


@kernel
def sites_about(s0, s1, s2, r0, r1, r2, boxed, found):  # type: ignore[no-untyped-def]
    """Sites in the boxes about a point; returns their number.

    s0, s1, s2: fractional, any image; r0, r1, r2: search distance along each vector, as fractions
    of it; boxed: boxes, start, order, as `SiteGrid.boxed`; found (sites,) int32: filled with each
    site once.
    """
    boxes, start, order = boxed
    low0, high0 = span(s0 - np.floor(s0), r0, boxes[0])
    low1, high1 = span(s1 - np.floor(s1), r1, boxes[1])
    low2, high2 = span(s2 - np.floor(s2), r2, boxes[2])
    n2 = boxes[2]
    n = 0
    for i in range(low0, high0 + 1):
        row0 = (i + boxes[0] if i < 0 else i - boxes[0] if i >= boxes[0] else i) * boxes[1]
        for j in range(low1, high1 + 1):
            row = row0 + (j + boxes[1] if j < 0 else j - boxes[1] if j >= boxes[1] else j)
            row *= n2
            # boxes along the third vector are contiguous, or in two pieces where it crosses a face
            for m in range(start[row + max(low2, 0)], start[row + min(high2, n2 - 1) + 1]):
                found[n] = order[m]
                n += 1
            if low2 < 0:
                for m in range(start[row + low2 + n2], start[row + n2]):
                    found[n] = order[m]
                    n += 1
            if high2 >= n2:
                for m in range(start[row], start[row + high2 - n2 + 1]):
                    found[n] = order[m]
                    n += 1
    return n


@kernel
def square_between(c0, c1, c2, place, s, cell):  # type: ignore[no-untyped-def]
    """Squared distance of a point from place[s] by rounded fractional differences."""
    d0, d1, d2 = c0 - place[s, 0], c1 - place[s, 1], c2 - place[s, 2]
    d0 -= np.rint(d0)
    d1 -= np.rint(d1)
    d2 -= np.rint(d2)
    square = 0.0
    for k in range(3):
        x = d0 * cell[0, k] + d1 * cell[1, k] + d2 * cell[2, k]
        square += x * x
    return square


@kernel
def nearest_to_point(c0, c1, c2, guess, place, boxed, cell, over, margin, found):  # type: ignore[no-untyped-def]
    """Site nearest to a point, of several the one with the lowest number; its squared distance.

    c0, c1, c2: fractional, any image; guess: any site; place (sites, 3 or more): where sites are,
    at most margin (3,) from where boxed has them, fractional; boxed, found: as in `sites_about`;
    cell (3, 3), Angstrom; over (3,): of `over_heights`.
    """
    best = np.int64(guess)
    best2 = square_between(c0, c1, c2, place, best, cell)
    reach = np.sqrt(best2)
    n = sites_about(
        c0, c1, c2, reach * over[0] + margin[0], reach * over[1] + margin[1],
        reach * over[2] + margin[2], boxed, found,
    )  # fmt: skip
    for k in range(n):
        s = np.int64(found[k])
        square = square_between(c0, c1, c2, place, s, cell)
        if square < best2 or (square == best2 and s < best):
            best, best2 = s, square
    return best, best2


@kernel
def nearest_site(centres, shift, place, boxed, guess, shrunk, cell, site, distance):  # type: ignore[no-untyped-def]
    """Nearest site of every carrier; of several, the one with the lowest number.

    centres (carriers, 3), less shift (3,): fractional, any image; place to guess: as in `SiteGrid`;
    shrunk: no vector is shorter in this cell than this fraction of what it is in the grid's; cell
    (3, 3). Fills site (carriers,) int32 and distance (carriers,), Angstrom. Exact while the nearest
    site is closer than half the shortest cell height.

    Cost: linear in carriers; for those farther from the guess than half its distance to the nearest
    other site, the boxes within that distance are searched.
    """
    over, margin, boxes = over_heights(cell), np.zeros(3), boxed[0]
    found = np.empty(place.shape[0], dtype=np.int32)
    near = np.empty(_CHUNK, dtype=np.int32)
    for begin in range(0, centres.shape[0], _CHUNK):
        end = min(begin + _CHUNK, centres.shape[0])
        # in a loop of its own, so that table entries of many carriers are read at once
        for c in range(begin, end):
            near[c - begin] = guess[
                box_of(
                    centres[c, 0] - shift[0], centres[c, 1] - shift[1], centres[c, 2] - shift[2],
                    boxes,
                )
            ]  # fmt: skip
        for c in range(begin, end):
            c0, c1, c2 = (
                centres[c, 0] - shift[0], centres[c, 1] - shift[1], centres[c, 2] - shift[2],
            )  # fmt: skip
            s = np.int64(near[c - begin])
            square = square_between(c0, c1, c2, place, s, cell)
            safe = shrunk * place[s, 3]
            if not square < safe * safe:
                s, square = nearest_to_point(c0, c1, c2, s, place, boxed, cell, over, margin, found)
            site[c], distance[c] = s, np.sqrt(square)


@kernel
def nearest_to_boxes(place, boxed, cell, guess):  # type: ignore[no-untyped-def]
    """Fill guess (boxes,) int32 with the site nearest to the middle of each box."""
    over, margin = over_heights(cell), np.zeros(3)
    found = np.empty(place.shape[0], dtype=np.int32)
    n0, n1, n2 = boxed[0]
    for i in range(n0):
        for j in range(n1):
            for k in range(n2):
                b = (i * n1 + j) * n2 + k
                # that of a box beside it is near
                back = 1 if k > 0 else n2 if j > 0 else n1 * n2
                known = guess[b - back] if b > 0 else 0
                guess[b], _ = nearest_to_point(
                    (i + 0.5) / n0, (j + 0.5) / n1, (k + 0.5) / n2, known, place, boxed, cell, over,
                    margin, found,
                )  # fmt: skip


@dataclass(frozen=True)
class SiteGrid:
    """Sites in a grid of boxes in fractional coordinates.

    Attributes
    ----------
    place : numpy.ndarray
        Shape (sites, 4): fractional coordinates, as given, and half the way to the nearest other
        site or image, or less, Angstrom.
    boxes : numpy.ndarray
        Shape (3,), int64: boxes along each vector.
    start, order : numpy.ndarray
        Shapes (all boxes + 1,) and (sites,), int32: box b holds the sites
        order[start[b] : start[b + 1]].
    guess : numpy.ndarray
        Shape (all boxes,), int32: site nearest to the middle of each box.
    cell, inverse : numpy.ndarray
        Shape (3, 3), Angstrom: the one that distances were measured in, and its inverse.
    """

    place: np.ndarray
    boxes: np.ndarray
    start: np.ndarray
    order: np.ndarray
    guess: np.ndarray
    cell: np.ndarray
    inverse: np.ndarray

    @property
    def boxed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes, start and order, as arguments of kernels."""
        return self.boxes, self.start, self.order

    @classmethod
    def of(cls, sites: np.ndarray, cell: np.ndarray) -> SiteGrid:
        """The grid of some sites.

        Cost: linear in sites.

        Parameters
        ----------
        sites : numpy.ndarray
            Shape (sites, 3), at least one: fractional, any image.
        cell : numpy.ndarray
            Shape (3, 3), Angstrom: about that of the frames; results do not depend on it.
        """
        edge = spacing(len(sites), cell) / BOXES ** (1 / 3)
        boxes = np.maximum(np.rint(cell_heights(cell) / edge), 1).astype(np.int64)
        while boxes.prod() > 4 * BOXES * len(sites):  # of a cell thinner than a box
            boxes[boxes.argmax()] //= 2
        wrapped = sites - np.floor(sites)
        at = np.minimum((wrapped * boxes).astype(np.int64), boxes - 1)
        box = np.ravel_multi_index(tuple(at.T), tuple(boxes))
        count = np.bincount(box, minlength=int(boxes.prod()))
        start = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
        order = np.argsort(box, kind="stable").astype(np.int32)
        reach = 2 * spacing(len(sites), cell)
        tree = cKDTree(images_near_cell(sites, cell, reach)[0] @ cell)
        apart, _ = tree.query(wrapped @ cell, 2, distance_upper_bound=reach)
        place = np.column_stack([sites, np.minimum(apart[:, 1], reach) / 2])
        guess = np.empty(len(count), dtype=np.int32)
        nearest_to_boxes(place, (boxes, start, order), cell, guess)
        return cls(place, boxes, start, order, guess, cell, np.linalg.inv(cell))

    def nearest(
        self, centres: np.ndarray, cell: np.ndarray, shift: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nearest site of points and its distance.

        Parameters
        ----------
        centres : numpy.ndarray
            Shape (n, 3): fractional, any image.
        cell : numpy.ndarray
            Shape (3, 3), Angstrom.
        shift : numpy.ndarray, optional
            Shape (3,): subtracted from the centres.

        Returns
        -------
        site : numpy.ndarray
            Shape (n,), int32; of several as near as each other, the lowest number.
        distance : numpy.ndarray
            Shape (n,), Angstrom; exact below half the shortest cell height.
        """
        site, distance = np.empty(len(centres), dtype=np.int32), np.empty(len(centres))
        change = self.inverse @ (cell - self.cell)
        shrunk = max(1.0 - ROUNDED - float(np.sqrt((change * change).sum())), 0.0)
        nearest_site(
            centres, np.zeros(3) if shift is None else shift, self.place, self.boxed, self.guess,
            shrunk, cell, site, distance,
        )  # fmt: skip
        return site, distance


def spacing(n: int, cell: np.ndarray) -> float:
    """Edge of a cube of the volume per site, Angstrom."""
    return float((abs(np.linalg.det(cell)) / n) ** (1 / 3))


def images_near_cell(
    points: np.ndarray, cell: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """All periodic images of points within a distance of the cell.

    Parameters
    ----------
    points : numpy.ndarray
        Shape (n, 3): fractional, any image.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    reach : float
        Angstrom.

    Returns
    -------
    images : numpy.ndarray
        Shape (images, 3): fractional.
    number : numpy.ndarray
        Shape (images,), int64: the point of each image.
    """
    pad = reach / cell_heights(cell) * _MORE + ROUNDED
    images, number = points - np.floor(points), np.arange(len(points))
    for k in range(3):
        turns = np.arange(-int(np.ceil(pad[k])), int(np.ceil(pad[k])) + 1)
        step = np.zeros((len(turns), 1, 3))
        step[:, 0, k] = turns
        images = (images + step).reshape(-1, 3)
        number = np.tile(number, len(turns))
        near = (images[:, k] >= -pad[k]) & (images[:, k] <= 1 + pad[k])
        images, number = images[near], number[near]
    return images, number


def near_pairs(
    points: np.ndarray, others: np.ndarray, cell: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of points within a distance, each once with its shortest, in any cell.

    Cost: about linear in points and pairs (a k-d tree of images).

    Parameters
    ----------
    points, others : numpy.ndarray
        Shapes (n, 3) and (m, 3): fractional, any image.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    reach : float
        Angstrom, inclusive.

    Returns
    -------
    first, second : numpy.ndarray
        Shape (pairs,), int64: numbers of the point and of the other, sorted by both.
    distance : numpy.ndarray
        Shape (pairs,), Angstrom.
    """
    images, number = images_near_cell(others, cell, reach)
    inside = cKDTree((points - np.floor(points)) @ cell)
    pairs = inside.sparse_distance_matrix(cKDTree(images @ cell), reach, output_type="ndarray")
    first, second, distance = pairs["i"], number[pairs["j"]], pairs["v"]
    order = np.lexsort((distance, second, first))
    first, second, distance = first[order], second[order], distance[order]
    fresh = np.ones(len(first), dtype=bool)
    fresh[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return first[fresh], second[fresh], distance[fresh]


def closest_pair(sites: np.ndarray, cell: np.ndarray) -> tuple[int, int, float]:
    """The two sites that are nearest to each other, and their distance, Angstrom.

    Parameters
    ----------
    sites : numpy.ndarray
        Shape (sites, 3), at least two: fractional, any image.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    """
    # points cannot be farther apart than in close packing
    reach = 2 ** (1 / 6) * spacing(len(sites), cell)
    while True:
        first, second, distance = near_pairs(sites, sites, cell, reach)
        apart = np.where(first == second, np.inf, distance)
        if np.any(np.isfinite(apart)):
            k = int(np.argmin(apart))
            return int(first[k]), int(second[k]), float(apart[k])
        reach *= 1.5  # pairs of one site with its own image do not count
