"""What is said of the input before frames are read: in the terminal, the results and the report."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..trajectory.masses import AtomMasses
from .molecule_checks import light_site_notes, molecule_notes

if TYPE_CHECKING:
    from ..species import IonSpecies


def input_notes(
    species: Sequence[IonSpecies],
    universe: Any,
    molecule: np.ndarray,
    masses: AtomMasses,
    masses_used: bool,
) -> list[str]:
    """Warnings about species, molecules and masses; those that concern numbers are raised too.

    Parameters
    ----------
    species : sequence of IonSpecies
    universe : Universe
    molecule : numpy.ndarray
        Shape (atoms,): molecule id of every atom.
    masses : AtomMasses
    masses_used : bool
        Whether anything is weighted with them.

    Returns
    -------
    list of str
        For the results.

    Raises
    ------
    InputError
        See `light_site_notes`.
    """
    loud = molecule_notes(species, universe, molecule)
    if masses_used:
        loud += masses.notes
    for text in loud:
        warnings.warn(text, stacklevel=3)
    quiet = [light_site_notes(one, universe, molecule, masses.value) for one in species]
    return [*loud, *(text for texts in quiet for text in texts)]
