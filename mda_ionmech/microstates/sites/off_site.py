"""Where carriers are when they are far from every site: places that a set of sites lacks.

A local maximum of the density of the carriers far from every site is a site that is missing. On the
way between two sites there is none: from any point there the density rises towards a site. Maxima
are found in one half of the sampled frames and tested in the other, so that noise is no maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from .nearest_site import SiteGrid, images_near_cell, near_pairs

#: Angstrom: a carrier farther than this from every site is off the sites.
REACH = 0.7
#: Part of the time off the sites, or at places that are no sites, below which nothing is said.
SHARE = 0.01
#: A carrier is far from every site beyond this distance, and beyond where it is on the way from the
#: nearest site to that one's neighbour, half of it away and so much beside it, Angstrom; part of
#: the time above which that is told, also where the density has no maximum there.
FAR, BESIDE, FAR_SHARE = 1.1, 0.5, 0.05
#: Radius in which carriers are averaged on the way to a maximum, and in which they are counted,
#: Angstrom.
CLIMBED, COUNTED = 0.5, 0.3
#: A maximum holds more carriers than the saddle towards sites and other maxima within this distance
#: (Angstrom), by this factor and by so many standard errors.
AROUND, HIGHER, CLEAR = 2.5, 1.5, 4.0
# Edges of the shells in which the density is compared with that on the sites, Angstrom.
SHELLS = (0.0, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7, 1.9)
#: Carriers are displaced from sites on which the density is below this part of the highest.
EMPTIER = 0.5
# Most positions that are used, and points at which the volume of shells is measured.
MOST, VOLUME_POINTS = 60_000, 50_000
_SEEDS, _ROUNDS, _STEPS, _POINTS, _FEWEST = 200, 8, 20, 10_000, 5
_BLOCKS = 10


def far_from_sites(
    positions: np.ndarray,
    grid: SiteGrid,
    labels: Sequence[str],
    cell: np.ndarray,
    to_structure: Callable[[np.ndarray], np.ndarray],
    unit: np.ndarray,
) -> dict[str, Any]:
    """Distances of carriers from the nearest site, and the places far from every site.

    Cost: two searches for the nearest site of up to 60 000 positions; more where carriers are off
    the sites for more than `SHARE` of the time.

    Parameters
    ----------
    positions : numpy.ndarray
        Shape (frames, carriers, 3): fractional in the cell of the run, without the drift of the
        framework.
    grid : SiteGrid
        The aligned sites.
    labels : sequence of str
        Of the sites.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: of the run.
    to_structure : callable
        Positions (n, 3) in the cell of the structure, relative to its origin.
    unit : numpy.ndarray
        Shape (3, 3), Angstrom: the cell of the structure.

    Returns
    -------
    dict
        Plain values: ``off_site``, the share of time farther than `REACH` from every site; ``far``,
        that beyond `FAR`; ``share``, that spent nearer to one of the ``places`` than to any site;
        ``maxima``, whether these are maxima of the density; ``places``, a list with ``position``
        (fractional in `unit`), ``share``, ``distance`` (Angstrom) and ``nearest`` (label of the
        site); ``displaced`` and ``again``, Angstrom: where the density is highest if not on the
        sites, and where it rises again far from them; None where it does not.
    """
    flat = positions.reshape(-1, 3)
    site, distance = grid.nearest(flat, cell)
    off = distance > REACH
    far = distance > np.maximum(FAR, np.hypot(grid.place[site, 3], BESIDE))
    found: dict[str, Any] = {
        "off_site": float(off.mean()), "far": float(far.mean()), "share": 0.0, "maxima": False,
        "places": [],
    }  # fmt: skip
    if found["off_site"] > SHARE:
        half = np.repeat(
            np.arange(len(positions)) * _BLOCKS // len(positions) % 2 == 0, positions.shape[1]
        )
        inside, listed = to_structure(flat), to_structure(grid.place[:, :3])
        # sites of several cells of the structure lie on one another
        _, one = np.unique(np.round(listed % 1.0, 4) % 1.0, axis=0, return_index=True)
        listed, labels = listed[one], [labels[k] for k in one.tolist()]
        top = _climbed(inside[half], inside[half & off], listed, unit)
        places = _maxima(top, inside[half], inside[~half], listed, unit)
        known = _shares(inside, distance, places, listed, labels, unit)
        found |= known | {"maxima": bool(known)}
        if not known and found["far"] > FAR_SHARE:
            apart = _nearest(top, listed, unit)[1] if len(top) else np.empty(0)
            found |= _shares(inside, distance, top[apart > FAR], listed, labels, unit)
    return found | _profile(distance, grid, cell, skip=bool(found["places"]))


class _Cloud:
    """Points in a periodic cell, searched by distance."""

    def __init__(self, points: np.ndarray, cell: np.ndarray) -> None:
        images, _ = images_near_cell(points, cell, CLIMBED)
        self.cell, self.at = cell, images @ cell
        self.tree = cKDTree(self.at)

    def count(self, points: np.ndarray, radius: float) -> np.ndarray:
        """Number within a distance of each of some points (n, 3), fractional; shape (n,)."""
        wrapped = (points - np.floor(points)) @ self.cell
        return np.asarray(self.tree.query_ball_point(wrapped, radius, return_length=True))

    def climb(self, points: np.ndarray) -> np.ndarray:
        """Maxima of the density uphill from some points, (n, 3), fractional (mean shift)."""
        inverse = np.linalg.inv(self.cell)
        for _ in range(_STEPS):
            points = points - np.floor(points)
            near = self.tree.query_ball_point(points @ self.cell, CLIMBED)
            mean = np.array(
                [
                    self.at[n].mean(axis=0) if n else points[k] @ self.cell
                    for k, n in enumerate(near)
                ]
            )
            step = mean @ inverse - points
            points = points + step
            if np.abs(step @ self.cell).max() < 0.01:
                break
        return points - np.floor(points)


def _nearest(points: np.ndarray, others: np.ndarray, cell: np.ndarray) -> tuple[Any, Any]:
    """Number of the nearest of others, and the distance, Angstrom."""
    return SiteGrid.of(others, cell).nearest(points, cell)


def _climbed(seen: np.ndarray, off: np.ndarray, sites: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Where the density leads to from points off the sites, if not to a site; densest first.

    seen: positions (n, 3), fractional in `cell`; off: those of them that are off the sites.
    """
    rng = np.random.default_rng(0)
    left, tops = _some(off, _POINTS, rng), [np.empty((0, 3))]
    if not len(left):
        return tops[0]
    cloud = _Cloud(_some(seen, _POINTS, rng), cell)
    for _ in range(_ROUNDS):
        seeds = _some(left, _SEEDS, rng)
        top = cloud.climb(seeds)
        far = _nearest(top, sites, cell)[1] > REACH
        tops.append(top[far])
        left = left[_nearest(left, np.concatenate([top[far], seeds]), cell)[1] > CLIMBED]
        if not len(left):
            break
    return _distinct(np.concatenate(tops), cloud, cell)


def _maxima(
    top: np.ndarray, seen: np.ndarray, tested: np.ndarray, sites: np.ndarray, cell: np.ndarray
) -> np.ndarray:
    """Of points off the sites those that are maxima of the density in both halves of the frames."""
    if not len(top) or not len(tested):
        return top[:0]
    top, saddle = _hills(top, sites, _Cloud(seen, cell))
    if not len(top):
        return top
    cloud = _Cloud(tested, cell)
    counts = [cloud.count(x, COUNTED) for x in (top, saddle)]
    high, low = (int(x.sum()) for x in counts)  # all together, as each may hold few
    clear = high > HIGHER * low and high - low > CLEAR * np.sqrt(high + low)
    return top[counts[0] > HIGHER * counts[1]] if clear else top[:0]


def _some(points: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return points if len(points) <= most else rng.choice(points, most, replace=False)


def _distinct(top: np.ndarray, cloud: _Cloud, cell: np.ndarray) -> np.ndarray:
    """Of points closer than `REACH` the one with most carriers around it; in that order."""
    if not len(top):
        return top
    top = top[np.argsort(-cloud.count(top, COUNTED), kind="stable")]
    first, second, _ = near_pairs(top, top, cell, REACH)
    kept = np.ones(len(top), dtype=bool)
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        if a < b and kept[a]:
            kept[b] = False
    return top[kept]


def _hills(top: np.ndarray, sites: np.ndarray, cloud: _Cloud) -> tuple[np.ndarray, np.ndarray]:
    """The maxima that the density falls from on the way to every site and higher maximum near them.

    Also returned: the point of the highest such saddle of each.
    """
    kept, saddles = np.empty((0, 3)), np.empty((0, 3))
    images, _ = images_near_cell(sites, cloud.cell, AROUND)
    tree = cKDTree(images @ cloud.cell)
    around = tree.query_ball_point((top - np.floor(top)) @ cloud.cell, AROUND)
    nearest, _ = _nearest(top, sites, cloud.cell)
    steps = np.linspace(0.2, 0.8, 7)
    for k, high in enumerate(cloud.count(top, COUNTED).tolist()):
        if high < _FEWEST:
            break  # in order of the number
        others = kept - top[k]
        others -= np.rint(others)
        others = others[np.linalg.norm(others @ cloud.cell, axis=1) <= AROUND]
        way = images[around[k]] - (top[k] - np.floor(top[k]))
        if not len(way):
            way = sites[nearest[k]][None] - top[k]
            way -= np.rint(way)
        way = np.concatenate([way, others])
        points = top[k] + steps[:, None] * way[:, None]
        number = cloud.count(points.reshape(-1, 3), COUNTED).reshape(len(way), -1)
        lowest = number.argmin(axis=1)
        j = int(number.min(axis=1).argmax())
        low = int(number[j, lowest[j]])
        if high - low > 2 * np.sqrt(high + low) and high > HIGHER * low:
            kept = np.concatenate([kept, top[k][None]])
            saddles = np.concatenate([saddles, points[j, lowest[j]][None]])
    return kept, saddles


def _shares(
    inside: np.ndarray,
    distance: np.ndarray,
    places: np.ndarray,
    sites: np.ndarray,
    labels: Sequence[str],
    cell: np.ndarray,
) -> dict[str, Any]:
    """The share of time at each place, and how far it is from the nearest site."""
    if not len(places):
        return {}
    place, away = _nearest(inside, places, cell)
    share = np.bincount(place[away < distance], minlength=len(places)) / len(inside)
    if share.sum() <= SHARE:
        return {}
    nearest, apart = _nearest(places, sites, cell)
    order = np.argsort(-share, kind="stable")
    return {
        "share": float(share.sum()),
        "places": [
            {
                "position": [float(x) for x in places[k] % 1.0],
                "share": float(share[k]),
                "distance": float(apart[k]),
                "nearest": str(labels[int(nearest[k])]),
            }
            for k in order.tolist()
        ],
    }


def _profile(
    distance: np.ndarray, grid: SiteGrid, cell: np.ndarray, *, skip: bool
) -> dict[str, float | None]:
    """Where the density is highest if not on the sites, and where it rises again."""
    rng = np.random.default_rng(1)
    _, anywhere = grid.nearest(rng.random((VOLUME_POINTS, 3)), cell)
    edges = np.array(SHELLS)
    volume = np.histogram(anywhere, edges)[0].astype(float)
    count = np.histogram(distance, edges)[0].astype(float)
    known = np.flatnonzero(volume >= 20)
    volume, count = volume[known], count[known]
    middle = (edges[1:] + edges[:-1])[known] / 2
    density, error = count / volume, np.sqrt(count + 1) / volume
    out: dict[str, float | None] = {"displaced": None, "again": None}
    if len(known) < 2 or known[0] != 0:
        return out
    k = int(density.argmax())
    clear = density[k] - density[0] > CLEAR * np.hypot(error[k], error[0])
    if k > 0 and middle[k] < REACH and density[0] < EMPTIER * density[k] and clear:
        out["displaced"] = float(middle[k])
    beyond = np.flatnonzero(middle > REACH)
    if skip or not len(beyond) or np.mean(distance > REACH) <= SHARE:
        return out
    k = int(beyond[density[beyond].argmax()])
    low = int(density[: k + 1].argmin())
    rise = density[k] - density[low] > CLEAR * np.hypot(error[k], error[low])
    if rise and density[k] > 2 * HIGHER * density[low]:
        out["again"] = float(middle[k])
    return out
