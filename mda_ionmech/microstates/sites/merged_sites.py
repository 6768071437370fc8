"""Sites closer than a distance become one: split sites, of one label or of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ...lib.errors import InputError
from ...trajectory.unwrap import cell_heights
from .nearest_site import near_pairs

#: Between the labels of sites that become one.
JOINED = "+"
#: A merged site may extend over this multiple of the distance.
WIDEST = 2.0


def merge_sites(
    sites: np.ndarray, labels: Sequence[str], cell: np.ndarray, distance: float, *, across: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Replace sites closer than a distance by their mean; see `merged_groups`."""
    return merged_groups(sites, labels, cell, distance, across=across)[:2]


def merged_groups(
    sites: np.ndarray, labels: Sequence[str], cell: np.ndarray, distance: float, *, across: bool
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
    """Sites closer than a distance as one at their mean, and which one each became.

    Parameters
    ----------
    sites : numpy.ndarray
        Shape (sites, 3): fractional, any image.
    labels : sequence of str
        One per site.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    distance : float
        Angstrom; 0 merges none.
    across : bool
        Also sites of different labels, whose labels are joined: ``24g+48h``.

    Returns
    -------
    sites : numpy.ndarray
        Shape (merged sites, 3), in the order of the first of each.
    labels : tuple of str
    group : numpy.ndarray
        Shape (sites,), int64: number of the merged site of each.

    Raises
    ------
    InputError
        For a distance beyond the smallest height of the cell, and where sites are joined to a
        chain much longer than the distance.
    """
    if distance <= 0 or len(sites) < 2:
        return sites, tuple(labels), np.arange(len(sites))
    height = float(cell_heights(cell).min())
    if distance >= height:
        raise InputError(
            f"merge={distance:g} Å is not below {height:.4g} Å, the smallest height of the cell, "
            "so that sites would join their own images; give a distance between that within "
            "split sites and that between sites"
        )
    names = list(dict.fromkeys(labels))
    kind = np.array([names.index(x) for x in labels])
    first, second, apart = near_pairs(sites, sites, cell, distance)
    near = (apart < distance) & (across | (kind[first] == kind[second]))
    first, second = first[near], second[near]
    link = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(sites),) * 2)
    _, group = connected_components(link, directed=False)
    _, head, group = np.unique(group, return_index=True, return_inverse=True)
    offset, mean = _offsets(sites, head, group)
    wide = np.linalg.norm((offset - mean[group]) @ cell, axis=1)
    if np.any(wide > WIDEST / 2 * distance):
        k = int(np.argmax(wide))
        many = np.count_nonzero(group == group[k])
        raise InputError(
            f"merge={distance:g} Å joins {many} sites to one that extends over "
            f"{2 * wide[k]:.2f} Å, as neighbours are chained: give a shorter distance, between "
            "that within split sites and that between sites"
        )
    order = np.argsort(head, kind="stable")
    joined = []
    for g in order:
        mine = dict.fromkeys(names[k] for k in np.sort(kind[group == g]))
        joined.append(JOINED.join(mine))
    return (sites[head] + mean)[order] % 1.0, tuple(joined), np.argsort(order)[group]


def group_means(sites: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Mean of the sites of each group, (groups, 3), fractional, in the image of its first site."""
    _, head = np.unique(group, return_index=True)
    return np.asarray(sites[head] + _offsets(sites, head, group)[1])


def _offsets(
    sites: np.ndarray, head: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Displacement of each site from the first of its group, and the mean of each group."""
    offset = sites - sites[head][group]
    offset -= np.rint(offset)
    total = np.column_stack([np.bincount(group, offset[:, k]) for k in range(3)])
    return offset, total / np.bincount(group)[:, None]
