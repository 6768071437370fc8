"""The element of every atom of a universe."""

from __future__ import annotations

from typing import Any

import numpy as np

from .element_names import elements_by
from .molecules import molecule_of_atom


def elements_of(universe: Any, *, by_mass: bool = True) -> np.ndarray:
    """Element of every atom: the topology's, else from name, type, mass and residue together.

    Parameters
    ----------
    universe : Universe
    by_mass : bool
        False leaves masses out.

    Returns
    -------
    numpy.ndarray
        Shape (atoms,), symbols such as ``"Li"``; "" where it is unknown, and for sites without
        mass.

    Notes
    -----
    Cost: linear in the atoms; each distinct combination is examined once.
    """
    molecule = molecule_of_atom(universe)
    return elements_by(universe, np.bincount(molecule)[molecule] == 1, by_mass=by_mass)
