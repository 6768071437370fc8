"""Covalent bonds of non-metals from the coordinates of one frame, across the faces of the cell.

Two atoms are bonded when they are closer than the sum of their covalent radii and 0.4 A; metal
ions, halides and atoms of unknown elements have no bonds. Radii: Cordero et al., Dalton Trans.,
2832 (2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import elements_of
from .errors import InputError

#: Covalent radii, Angstrom.
RADII = {
    "H": 0.31, "B": 0.84, "C": 0.76, "N": 0.71, "O": 0.66, "F": 0.57, "Si": 1.11, "P": 1.07,
    "S": 1.05, "Cl": 1.02, "Ge": 1.20, "As": 1.19, "Se": 1.20, "Br": 1.20, "Sb": 1.39, "I": 1.39,
}  # fmt: skip
#: Distance beyond the sum of the radii at which a bond ends, Angstrom.
SLACK = 0.4
#: Largest distance of a virtual site (TIP4P, TIP5P) or Drude particle from its atom, Angstrom.
SITE_REACH = 1.0
#: Most atoms whose bonds are guessed.
MOST_ATOMS = 500_000


def guess_bonds(
    elements: np.ndarray, positions: np.ndarray, dimensions: np.ndarray | None
) -> np.ndarray:
    """Bonds by distance.

    Parameters
    ----------
    elements : numpy.ndarray
        Shape (atoms,): symbols.
    positions : numpy.ndarray
        Shape (atoms, 3), Angstrom.
    dimensions : numpy.ndarray or None
        Shape (6,): the cell, Angstrom and degrees; None without one.

    Returns
    -------
    numpy.ndarray
        Shape (bonds, 2), int64, the lower index first, in ascending order. A hydrogen has the
        nearest of its neighbours alone.

    Raises
    ------
    InputError
        For more than `MOST_ATOMS` atoms.

    Notes
    -----
    Cost: one neighbour search to 3.2 A.
    """
    from MDAnalysis.lib.distances import self_capped_distance

    if len(elements) > MOST_ATOMS:
        raise InputError(
            f"bonds are guessed for at most {MOST_ATOMS} atoms, and there are {len(elements)}; "
            "give a topology with bonds or residues"
        )
    radius = np.array([RADII.get(str(e), 0.0) for e in elements])
    kept = np.flatnonzero(radius > 0)
    if len(kept) < 2:
        return np.empty((0, 2), dtype=np.int64)
    reach = 2 * float(radius.max()) + SLACK
    pairs, distance = self_capped_distance(
        np.asarray(positions, dtype=np.float32)[kept], reach, 0.4, box=dimensions
    )
    i, j = kept[pairs[:, 0]], kept[pairs[:, 1]]
    hydrogen = np.asarray(elements) == "H"
    bonded = (distance < radius[i] + radius[j] + SLACK) & ~(hydrogen[i] & hydrogen[j])
    i, j, distance = i[bonded], j[bonded], distance[bonded]
    # of each hydrogen the shortest bond
    order = np.argsort(distance, kind="stable")
    i, j = i[order], j[order]
    light = np.where(hydrogen[i], i, np.where(hydrogen[j], j, -1))
    _, first = np.unique(light, return_index=True)
    alone = light < 0
    alone[first] = True
    found = np.sort(np.stack([i[alone], j[alone]], axis=1), axis=1).astype(np.int64)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def bonds_in_frame(universe: Any, ts: Any, *, elements: np.ndarray | None = None) -> np.ndarray:
    """Bonds of a universe by the distances in a frame, those of virtual sites included.

    An atom without element within 1 A of one that may have bonds, as virtual sites are, is bonded
    to the nearest of these.

    Parameters
    ----------
    universe : Universe
    ts : Timestep
    elements : numpy.ndarray, optional
        Shape (atoms,), those of `elements_of`, where they are known.

    Returns
    -------
    numpy.ndarray
        Shape (bonds, 2), int64, as those of `guess_bonds`.

    Raises
    ------
    InputError
        For more than `MOST_ATOMS` atoms.
    """
    from MDAnalysis.lib.distances import capped_distance

    elements = elements_of(universe) if elements is None else elements
    found = guess_bonds(elements, ts.positions, ts.dimensions)
    sites = np.flatnonzero(elements == "")
    atoms = np.flatnonzero(np.isin(elements, list(RADII)))
    if not len(sites) or not len(atoms):
        return found
    place = np.asarray(ts.positions, dtype=np.float32)
    pairs, distance = capped_distance(place[sites], place[atoms], SITE_REACH, box=ts.dimensions)
    pairs = pairs[np.argsort(distance, kind="stable")]
    _, nearest = np.unique(pairs[:, 0], return_index=True)
    own = np.stack([sites[pairs[nearest, 0]], atoms[pairs[nearest, 1]]], axis=1)
    found = np.concatenate([found, np.sort(own, axis=1)]).astype(np.int64)
    return found[np.lexsort((found[:, 1], found[:, 0]))]
