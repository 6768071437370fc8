"""Ideal sites moved to the centroids of the carriers on them, site by site or by orbits."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ...lib.errors import InputError
from .nearest_site import SiteGrid, near_pairs

CENTRES = ("site", "orbit")
#: Fewest positions of carriers on a site, or on an orbit, that move it.
FEWEST = 20
#: A site and the image of another under an operation of the space group are one within this,
#: Angstrom.
_SAME = 0.5
#: Sites of several cells of the structure are one within this, Angstrom.
_ON = 0.05
_STEPS = 5


def centroids(
    sites: np.ndarray, positions: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Displacement of each site to the mean of the positions on it, and their number.

    On a site are the positions nearest to it, and nearer than half of the way to the next site.

    Parameters
    ----------
    sites, positions : numpy.ndarray
        Shapes (sites, 3) and (n, 3): fractional, any image.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.

    Returns
    -------
    moved : numpy.ndarray
        Shape (sites, 3): fractional; 0 below `FEWEST` positions.
    number : numpy.ndarray
        Shape (sites,), int64.
    """
    moved = np.zeros_like(sites)
    number = np.zeros(len(sites), dtype=np.int64)
    for _ in range(_STEPS):
        grid = SiteGrid.of(sites + moved, cell)
        site, distance = grid.nearest(positions, cell)
        near = distance < grid.place[site, 3]
        offset = positions[near] - sites[site[near]]
        offset -= np.rint(offset)
        number = np.bincount(site[near], minlength=len(sites))
        total = np.column_stack(
            [np.bincount(site[near], offset[:, k], minlength=len(sites)) for k in range(3)]
        )
        known = number >= FEWEST
        moved = np.where(known[:, None], total / np.maximum(number, 1)[:, None], 0.0)
    return moved, number


def by_orbits(
    sites: np.ndarray,
    moved: np.ndarray,
    number: np.ndarray,
    operations: tuple[np.ndarray, np.ndarray],
    cell: np.ndarray,
) -> np.ndarray:
    """Displacements averaged over the operations of a space group, which they then obey.

    Parameters
    ----------
    sites : numpy.ndarray
        Shape (sites, 3): in the structure's cell, relative to the group's origin; several cells of
        the structure lie on one another.
    moved, number : numpy.ndarray
        Of `centroids`, in the same cell; sites count by their number of positions.
    operations : tuple of numpy.ndarray
        Rotations (operations, 3, 3) and translations (operations, 3).
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: of the structure.

    Returns
    -------
    numpy.ndarray
        Shape (sites, 3).

    Raises
    ------
    InputError
        Where an operation moves a site to where there is none.
    """
    # the sites of one cell, and the site of each of the others
    a, b, _ = near_pairs(sites, sites, cell, _ON)
    link = coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(sites),) * 2)
    _, one = connected_components(link, directed=False)
    _, first = np.unique(one, return_index=True)
    unit = sites[first]
    weight = np.bincount(one, number, minlength=len(first))
    total = np.column_stack(
        [np.bincount(one, number * moved[:, k], minlength=len(first)) for k in range(3)]
    )
    grid = SiteGrid.of(unit, cell)
    summed, weights = np.zeros_like(unit), np.zeros(len(unit))
    for turn, shift in zip(*operations, strict=True):
        image, distance = grid.nearest(unit @ turn.T + shift, cell)
        if distance.max() > _SAME:
            k = int(distance.argmax())
            told = ", ".join(f"{x:.3f}" for x in unit[k] % 1.0)
            raise InputError(
                f"centre='orbit' needs sites that obey the space group of the mean framework, and "
                f"an operation moves the site at ({told}) {distance.max():.2f} Å from every other: "
                "give whole orbits and all immobile atoms as framework, or centre='site'"
            )
        np.add.at(summed, image, total @ turn.T)
        np.add.at(weights, image, weight)
    mean = np.where((weights >= FEWEST)[:, None], summed / np.maximum(weights, 1)[:, None], 0.0)
    return np.asarray(mean[one])


def moves(moved: np.ndarray, cell: np.ndarray) -> dict[str, Any]:
    """How far sites were moved, as plain values, Angstrom."""
    length = np.linalg.norm(moved @ cell, axis=1)
    return {"root_mean_square": float(np.sqrt(np.mean(length**2))), "largest": float(length.max())}
