"""Polyhedra of a crystal's framework, for drawing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lib.elements import elements_of

ANIONS = ("O", "S", "Se", "Te", "F", "Cl", "Br", "I", "N")
#: Longest bond, as a multiple of the shortest one of the element, and longest considered, Angstrom.
STRETCH, LONGEST = 1.25, 3.3
#: Coordination numbers that are drawn as polyhedra.
COORDINATION = (3.5, 6.5)


def framework_bonds(universe: Any, carriers: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Bonds of the cations that hold the framework together, in the first frame.

    Centres are elements with three to six anions around them on average, such as P, Si, Ti or Zr.

    Parameters
    ----------
    universe : Universe
    carriers : numpy.ndarray
        Indices of the atoms of the analysed ions, which are no centres.

    Returns
    -------
    bonds : numpy.ndarray
        Shape (bonds, 2): indices of centre and anion.
    elements : list of str
        Of the centres.
    """
    from MDAnalysis.lib.distances import capped_distance

    elements = np.asarray(elements_of(universe), dtype=object)
    anions = np.flatnonzero(np.isin(elements, ANIONS))
    mobile = set(elements[carriers]) | set(ANIONS) | {"", "H"}
    ts = universe.trajectory[0]
    found, names = [np.empty((0, 2), dtype=np.int64)], []
    for name in sorted(set(elements) - mobile):
        centres = np.flatnonzero(elements == name)
        pairs, length = capped_distance(
            ts.positions[centres], ts.positions[anions], LONGEST, box=ts.dimensions
        )
        if len(pairs) == 0:
            continue
        pairs = pairs[length <= STRETCH * length.min()]
        if COORDINATION[0] <= len(pairs) / len(centres) <= COORDINATION[1]:
            found.append(np.column_stack([centres[pairs[:, 0]], anions[pairs[:, 1]]]))
            names.append(str(name))
    return np.concatenate(found), names
