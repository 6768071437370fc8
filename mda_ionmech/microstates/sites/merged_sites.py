"""Sites closer than a distance become one: split sites, of one label or of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ...lib.errors import InputError
from .nearest_site import near_pairs

#: Between the labels of sites that become one.
JOINED = "+"
#: A merged site may extend over this multiple of the distance.
WIDEST = 2.0


def merge_sites(
    sites: np.ndarray, labels: Sequence[str], cell: np.ndarray, distance: float, *, across: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Replace sites closer than a distance by their mean.

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

    Raises
    ------
    InputError
        Where sites are joined to a chain much longer than the distance.
    """
    if distance <= 0 or len(sites) < 2:
        return sites, tuple(labels)
    names = list(dict.fromkeys(labels))
    kind = np.array([names.index(x) for x in labels])
    first, second, apart = near_pairs(sites, sites, cell, distance)
    near = (apart < distance) & (across | (kind[first] == kind[second]))
    first, second = first[near], second[near]
    link = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(sites),) * 2)
    _, group = connected_components(link, directed=False)
    _, head, group = np.unique(group, return_index=True, return_inverse=True)
    offset = sites - sites[head][group]
    offset -= np.rint(offset)
    number = np.bincount(group)
    total = np.column_stack([np.bincount(group, offset[:, k]) for k in range(3)])
    middle = total / number[:, None]
    wide = np.linalg.norm((offset - middle[group]) @ cell, axis=1)
    if np.any(wide > WIDEST / 2 * distance):
        k = int(np.argmax(wide))
        raise InputError(
            f"merge={distance:g} A joins {number[group[k]]} sites to one that extends over "
            f"{2 * wide[k]:.2f} A, as neighbours are chained: give a shorter distance, between "
            "that within split sites and that between sites"
        )
    order = np.argsort(head, kind="stable")
    found = (sites[head] + middle)[order]
    joined = []
    for g in order:
        mine = dict.fromkeys(names[k] for k in np.sort(kind[group == g]))
        joined.append(JOINED.join(mine))
    return found % 1.0, tuple(joined)
