"""Whether the atoms of a frame lie where the molecules of the topology need them.

A trajectory with its atoms in another order than the topology is read without a complaint: every
position then belongs to another atom. Bonds and residues show it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from MDAnalysis.lib.distances import calc_bonds

from .covalent_bonds import MOST_ATOMS, RADII, guess_bonds
from .elements import elements_of
from .errors import InputError
from .molecules import bond_pairs, fragments_of, molecule_of_atom

#: No bond is that much longer than the sum of the covalent radii, Angstrom; those of a liquid and a
#: polymer at 330 and 480 K are longer by 0.2 at most.
STRETCHED = 1.0
#: Part of the bonds that may be so long: those of restraints, or of names that mislead.
LONG_PART = 0.02
#: Fewer bonds or molecules than this tell nothing.
FEWEST = 10
#: Molecules without bonds are torn apart where fewer of them than this hold together, although
#: there are so many pairs of atoms at the distance of a bond for each atom.
WHOLE_PART, PAIRS = 0.2, 0.5
_REMEDY = (
    "give the topology that the trajectory was written with, or the trajectory with the atoms in "
    "the order of the topology"
)


def check_atom_order(universe: Any, positions: np.ndarray, dimensions: np.ndarray | None) -> None:
    """Refuse a frame in which the molecules of the topology are torn apart.

    Bonds are looked at where the topology has any, else residues, whose atoms at the distance of
    a covalent bond must be of one residue. Metal ions and atoms of unknown elements tell nothing.

    Parameters
    ----------
    universe : Universe
    positions : numpy.ndarray
        Shape (atoms, 3), Angstrom: of one frame, wrapped or not.
    dimensions : numpy.ndarray or None
        Shape (6,): the cell, Angstrom and degrees.

    Raises
    ------
    InputError

    Notes
    -----
    Cost: linear in bonds; a neighbour search to 3.2 A where there are none.
    """
    positions = np.asarray(positions, dtype=np.float32)
    if not np.all(np.isfinite(positions)):
        return  # refused elsewhere, with the atom
    pairs = bond_pairs(universe)
    if len(pairs):
        _check_bonds(universe, pairs, positions, dimensions)
    else:
        _check_residues(universe, positions, dimensions)


def _check_bonds(
    universe: Any, pairs: np.ndarray, positions: np.ndarray, dimensions: np.ndarray | None
) -> None:
    radius = np.array([RADII.get(str(e), 0.0) for e in elements_of(universe)])
    pairs = pairs[(radius[pairs] > 0).all(axis=1)]
    if len(pairs) < FEWEST:
        return
    length = calc_bonds(positions[pairs[:, 0]], positions[pairs[:, 1]], box=dimensions)
    long = length > radius[pairs].sum(axis=1) + STRETCHED
    if np.mean(long) <= LONG_PART:
        return
    i, j = pairs[np.argmax(long)]
    raise InputError(
        f"{np.mean(long):.0%} of the bonds of the topology are too long in the trajectory, e.g. "
        f"{length[np.argmax(long)]:.1f} Å between the atoms of index {i} and {j}: the trajectory "
        "holds the atoms in another order than the topology, or its cell or unit of length is not "
        f"that of the coordinates (MDAnalysis takes the first cell vector along x); {_REMEDY}. "
        "Beads of several atoms that are named like elements need their masses in the topology"
    )


def _check_residues(universe: Any, positions: np.ndarray, dimensions: np.ndarray | None) -> None:
    molecule = molecule_of_atom(universe)
    elements = elements_of(universe)
    bonding = np.array([str(e) in RADII for e in elements])
    size = np.bincount(molecule)
    # molecules of which every atom may have bonds
    asked = (size > 1) & (np.bincount(molecule[bonding], minlength=len(size)) == size)
    if np.count_nonzero(asked) < FEWEST or len(molecule) > MOST_ATOMS:
        return
    atoms = np.flatnonzero(asked[molecule])
    mine = molecule[atoms]
    pairs = guess_bonds(elements[atoms], positions[atoms], dimensions)
    inside = mine[pairs[:, 0]] == mine[pairs[:, 1]]
    fragment = fragments_of(len(atoms), pairs[inside])
    _, first = np.unique(fragment, return_index=True)
    parts = np.bincount(mine[first], minlength=len(size))
    whole = np.mean(parts[asked] == 1)
    if whole >= WHOLE_PART or len(pairs) < PAIRS * len(atoms):
        return
    raise InputError(
        f"{1 - whole:.0%} of the residues do not hold together in the trajectory, although its "
        "atoms are at the distances of bonds: the trajectory holds the atoms in another order than "
        f"the topology, or residues (molecule numbers) are no molecules; {_REMEDY}"
    )
