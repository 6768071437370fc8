"""Places: the mean positions of stays, grouped so that no two places are close to each other.

Stays at one place have mean positions that scatter about it; their pair distribution has a peak at
distance 0, where carriers return, and its first minimum separates it from the neighbouring places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ...lib.kernels import kernel
from ...trajectory.unwrap import cell_heights
from ..sites.nearest_site import SiteGrid, images_near_cell, near_pairs, square_between

#: Bins of the pair distribution, and how far it goes, Angstrom.
BIN, FARTHEST = 0.1, 4.0
#: Most mean positions whose pairs are counted.
MOST_POINTS = 20_000
#: Pairs up to this distance are of one place, Angstrom.
TOGETHER = 0.5
#: Fewest pairs at short distance, if positions were uniform, from which the peak is judged.
FEWEST_PAIRS = 20
#: Least height of the peak over the minimum, and rise behind the minimum, for a minimum.
PEAK, RISE = 2.0, 1.01
#: The rise, in standard errors of the counts, the least density of neighbours behind a minimum and
#: their fewest pairs in a bin: a stray stay makes a pair with each stay near it, and no peak.
SURE, NEIGHBOURS, FEWEST_COUNTS = 3.0, 0.5, 16
#: Density of a gap between places, crossed by strays only.
GAP = 0.05
#: Most iterations of the grouping.
ITERATIONS = 60
#: Longest distance of a minimum between a place and its neighbours, Angstrom: half of a long hop.
LONGEST = 3.0


@dataclass(frozen=True)
class PairDistribution:
    """Pair distribution of mean positions, 1 for uniform ones.

    Attributes
    ----------
    distance : numpy.ndarray
        Shape (bins,), Angstrom: middle of each bin.
    density : numpy.ndarray
        Shape (bins,).
    expected : float
        Number of pairs up to `TOGETHER` if positions were uniform.
    """

    distance: np.ndarray
    density: np.ndarray
    expected: float

    @property
    def together(self) -> float:
        """Density at short distance, over that of uniform positions."""
        near = self.distance < TOGETHER
        volume = self.distance[near] ** 2
        return float(np.sum(self.density[near] * volume) / np.sum(volume))

    @property
    def smoothed(self) -> np.ndarray:
        """Density, averaged over neighbouring bins with weights 1, 2, 1."""
        return np.convolve(np.pad(self.density, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")

    @property
    def is_judged(self) -> bool:
        """Whether there are enough positions to see a peak at short distance."""
        return self.expected >= FEWEST_PAIRS

    def first_minimum(self) -> float | None:
        """Distance of the first minimum, Angstrom; None without a peak before and a rise behind it.

        The minimum is below half the density at short distance. What rises behind it exceeds it
        by `SURE` standard errors of the counts and is no less than `NEIGHBOURS`, in bins of
        `FEWEST_COUNTS` pairs or more. Of a gap, which holds fewer pairs, or density `GAP` at
        most, the middle. None beyond `LONGEST`, where it lies behind the neighbouring places.
        """
        if self.together * self.expected < FEWEST_COUNTS:
            return None
        value, low = self.smoothed, 0
        for k in range(round(TOGETHER / BIN), len(value)):
            if value[k] <= value[low] if low else value[k] <= value[k - 1]:
                low = k
            elif low and self._rises(low, k) and self.together >= PEAK * value[low]:
                found = self._bottom(low, k)
                return found if found <= LONGEST else None
        return None

    def _rises(self, low: int, k: int) -> bool:
        """Whether neighbouring places begin by bin k, behind the lowest one."""
        value, error = self.smoothed, self._errors
        least = value[low] + SURE * np.hypot(error[low], error[k])
        is_peak = value[k] >= max(NEIGHBOURS, FEWEST_COUNTS / self._uniform[k])
        return bool(is_peak and value[k] > max(RISE * value[low], least))

    @property
    def _uniform(self) -> np.ndarray:
        """Pairs in each bin if positions were uniform."""
        edges = BIN * np.arange(len(self.distance) + 1)
        return self.expected / TOGETHER**3 * np.diff(edges**3)

    @property
    def _errors(self) -> np.ndarray:
        """Standard errors of the smoothed density, of independent pairs."""
        variance = np.pad(self.density / self._uniform, 1, mode="edge")
        return np.sqrt(np.convolve(variance, [1 / 16, 1 / 4, 1 / 16], "valid"))

    def _bottom(self, low: int, stop: int) -> float:
        """Distance of the minimum with its lowest bin: of a parabola, or the middle of a gap."""
        value = self.smoothed[:stop]
        empty = (value <= GAP) | (value * self._uniform[:stop] < FEWEST_COUNTS)
        if empty[low]:
            return float(self.distance[np.flatnonzero(empty)[[0, -1]]].mean())
        before, now, after = self.smoothed[low - 1 : low + 2]
        curved = before - 2 * now + after
        shift = (before - after) / (2 * curved) if curved > 0 else 0.0
        return float(self.distance[low] + BIN * shift)


def pair_distribution(points: np.ndarray, cell: np.ndarray) -> PairDistribution:
    """Pair distribution of points in a periodic cell.

    Cost: of up to `MOST_POINTS` points, evenly chosen, a search to `FARTHEST` Angstrom.

    Parameters
    ----------
    points : numpy.ndarray
        Shape (points, 3): fractional, any image.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    """
    chosen = points[:: max(-(-len(points) // MOST_POINTS), 1)]
    n, volume = len(chosen), abs(float(np.linalg.det(cell)))
    reach = min(FARTHEST, float(cell_heights(cell).min()) / 2)
    edges = BIN * np.arange(1, int(reach / BIN) + 1)
    inside = cKDTree((chosen - np.floor(chosen)) @ cell)
    images = cKDTree(images_near_cell(chosen, cell, reach)[0] @ cell)
    below = inside.count_neighbors(images, edges) - n
    shells = 4 / 3 * np.pi * np.diff(np.concatenate([[0.0], edges]) ** 3)
    density = np.diff(np.concatenate([[0], below])) / (n * max(n - 1, 1) / volume * shells)
    expected = n * (n - 1) / 2 * 4 / 3 * np.pi * TOGETHER**3 / volume
    return PairDistribution(edges - BIN / 2, density, float(expected))


@kernel
def find_leaders(points, order, cell, distance, boxes, leader):  # type: ignore[no-untyped-def]
    """Fill leader (points,) with the points farther than distance from all leaders before them.

    points (points, 3), fractional in [0, 1); order (points,): in which they are visited; boxes (3,)
    int64: along each cell vector, each at least `distance` high. Returns their number; the numbers
    of the points are in leader in the order of visit.
    """
    n = 0
    head = np.full(boxes[0] * boxes[1] * boxes[2], -1, dtype=np.int64)
    following = np.full(points.shape[0], -1, dtype=np.int64)
    box = np.empty(3, dtype=np.int64)
    low, high = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for k in range(3):
        low[k] = -1 if boxes[k] > 2 else 0
        high[k] = min(low[k] + boxes[k], 2)
    for p in order:
        for k in range(3):
            box[k] = min(np.int64(points[p, k] * boxes[k]), boxes[k] - 1)
        is_free = True
        for i in range(low[0], high[0]):
            for j in range(low[1], high[1]):
                for k in range(low[2], high[2]):
                    a = (box[0] + i) % boxes[0]
                    b = (box[1] + j) % boxes[1]
                    q = head[(a * boxes[1] + b) * boxes[2] + (box[2] + k) % boxes[2]]
                    while q >= 0 and is_free:
                        square = square_between(
                            points[p, 0], points[p, 1], points[p, 2], points, q, cell
                        )
                        is_free = square > distance * distance
                        q = following[q]
        if is_free:
            flat = (box[0] * boxes[1] + box[1]) * boxes[2] + box[2]
            following[p] = head[flat]
            head[flat] = p
            leader[n] = p
            n += 1
    return n


def group_stays(
    mean: np.ndarray, frames: np.ndarray, cell: np.ndarray, distance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Places of stays: centres at least `distance` apart, each the mean of the stays nearest to it.

    The longest stays that are more than `distance` from one another are the first centres. Then
    every stay belongs to the nearest centre, centres move to the mean of their stays, weighted by
    frames, and of two that come within `distance` the one with fewer frames is given up, until
    nothing changes: the method of Kulis and Jordan, Proc. 29th Int. Conf. Mach. Learn. (2012), in
    which the number of groups follows from a distance.

    Cost: linear in stays, for some iterations.

    Parameters
    ----------
    mean : numpy.ndarray
        Shape (stays, 3): fractional, any image.
    frames : numpy.ndarray
        Shape (stays,): length of each.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    distance : float
        Angstrom.

    Returns
    -------
    place : numpy.ndarray
        Shape (stays,), int32: number of the place of each stay.
    centres : numpy.ndarray
        Shape (places, 3): fractional, in [0, 1).
    """
    points = mean - np.floor(mean)
    points[points == 1.0] = 0.0  # of a tiny negative number
    boxes = np.clip((cell_heights(cell) / distance).astype(np.int64), 1, 256)
    order = np.argsort(-frames, kind="stable")
    leader = np.empty(len(points), dtype=np.int64)
    n = find_leaders(points, order, cell, distance, boxes, leader)
    centres = points[leader[:n]]
    before = np.empty(0, dtype=np.int32)
    for _ in range(ITERATIONS):
        place, _ = SiteGrid.of(centres, cell).nearest(points, cell)
        weight = np.bincount(place, frames, len(centres))
        off = points - centres[place]
        off -= np.rint(off)
        moved = [np.bincount(place, frames * off[:, k], len(centres)) for k in range(3)]
        centres = centres + np.stack(moved, axis=1) / np.maximum(weight, 1)[:, None]
        kept = (weight > 0) & ~_crowded(centres, weight, cell, distance)
        settled = kept.all() and np.array_equal(place, before)
        before, centres = place, centres[kept]
        if settled:
            break
    place, _ = SiteGrid.of(centres, cell).nearest(points, cell)
    used, number = np.unique(place, return_inverse=True)
    return number.astype(np.int32), centres[used] - np.floor(centres[used])


def _crowded(
    centres: np.ndarray, weight: np.ndarray, cell: np.ndarray, distance: float
) -> np.ndarray:
    """Centres within the distance of a heavier one, (places,); of equal ones, of an earlier one."""
    out = np.zeros(len(centres), dtype=bool)
    first, second, _ = near_pairs(centres, centres, cell, distance)
    heavier = (weight[second] > weight[first]) | (
        (weight[second] == weight[first]) & (second < first)
    )
    out[first[heavier]] = True
    return out
