"""The molecule of every atom: by bonds, or by residue for atoms without bonds.

A topology may have bonds for some of its molecules only (CONECT records of a PDB, a GROMACS
topology with virtual sites, guessed bonds), so this is decided molecule by molecule.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .element_names import elements_by
from .formal_charges import ANIONS, CATIONS, SALT_CATIONS

#: Most atoms of an ion of halogens, as AlCl4-, that files without bonds hold as one residue.
LARGEST_COMPOUND = 7


def distinct(values: np.ndarray) -> np.ndarray:
    """Sorted distinct values; `numpy.unique` hashes, which takes 20 times longer on such keys."""
    values = np.sort(values)
    return values[np.flatnonzero(np.diff(values, prepend=values[:1] - 1))]


def extremes(group: np.ndarray, value: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest whole number of each group, shapes (groups,); of an empty one any, and -1.

    They are equal where a group holds one value alone.
    """
    lowest = np.full(n_groups, np.iinfo(np.int64).max)
    highest = np.full(n_groups, -1, dtype=np.int64)
    np.minimum.at(lowest, group, value)
    np.maximum.at(highest, group, value)
    return lowest, highest


def _bonds_as_stored(universe: Any) -> np.ndarray:
    """Atom indices of all bonds, (bonds, 2), in the order and direction of the topology."""
    bonds = getattr(universe._topology, "bonds", None)
    if bonds is None or not len(bonds.values):
        return np.empty((0, 2), dtype=np.int64)
    number = 2 * len(bonds.values)
    flat = np.fromiter(chain.from_iterable(bonds.values), dtype=np.int64, count=number)
    return flat.reshape(-1, 2)


def bond_pairs(universe: Any) -> np.ndarray:
    """Atom indices of all bonds of a universe, each bond once, in ascending order.

    Returns
    -------
    numpy.ndarray
        Shape (bonds, 2), int64, the lower index first; (0, 2) for a topology without bonds.
    """
    pairs = np.sort(_bonds_as_stored(universe), axis=1)
    n_atoms = int(universe.atoms.n_atoms)
    key = distinct(pairs[:, 0] * n_atoms + pairs[:, 1])
    return np.stack(np.divmod(key, n_atoms), axis=1)


def are_bonded(universe: Any) -> np.ndarray:
    """Whether each atom has a bond, shape (atoms,)."""
    out = np.zeros(int(universe.atoms.n_atoms), dtype=bool)
    out[_bonds_as_stored(universe).ravel()] = True
    return out


def fragments_of(n_atoms: int, pairs: np.ndarray) -> np.ndarray:
    """Fragment of every atom: atoms that bonds connect, numbered by their first atom.

    Parameters
    ----------
    n_atoms : int
    pairs : numpy.ndarray
        Shape (bonds, 2), atom indices.

    Returns
    -------
    numpy.ndarray
        Shape (atoms,), int64. An atom without bonds is a fragment of its own.
    """
    if not len(pairs):
        return np.arange(n_atoms, dtype=np.int64)
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (n_atoms, n_atoms))
    _, label = connected_components(graph, directed=False)
    return in_order_of_appearance(label)


def in_order_of_appearance(label: np.ndarray) -> np.ndarray:
    """Labels numbered from 0 in the order in which they first appear, int64."""
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def unbonded_groups(universe: Any) -> np.ndarray | None:
    """Groups that define molecules without bonds: molecule numbers, else residues, (atoms,).

    None where the topology has neither, or one number for all atoms.
    """
    atoms = universe.atoms
    for name in ("molnums", "resindices"):
        group = getattr(atoms, name, None)
        if group is not None and len(group) and np.ptp(group) > 0:
            return np.asarray(group, dtype=np.int64)
    return None


def molecule_of_atom(universe: Any, pairs: np.ndarray | None = None) -> np.ndarray:
    """Molecule id of every atom.

    Atoms with bonds belong to the fragment that the bonds connect. Atoms without bonds form a
    molecule with those of the same molecule number, where the topology has it, or residue. Where
    the residue also holds one fragment that is at least as large, they belong to it (virtual
    sites, Drude particles); where it holds several fragments, or no atoms but ions such as Li, Na
    or Cl, each of them is a molecule of its own; but several small groups of one composition
    without alkali and alkaline earth metals, such as AlCl4- and I3-, stay molecules. So is every
    atom where one residue holds all (most crystals).

    Parameters
    ----------
    universe : Universe
    pairs : numpy.ndarray, optional
        Shape (bonds, 2), atom indices: bonds in place of those of the topology.

    Returns
    -------
    numpy.ndarray
        Shape (atoms,), int64.

    Notes
    -----
    Cost: linear in atoms and bonds, below a second for a million of each.
    """
    n_atoms = int(universe.atoms.n_atoms)
    pairs = _bonds_as_stored(universe) if pairs is None else pairs
    group = unbonded_groups(universe)
    if group is None:
        return fragments_of(n_atoms, pairs)
    bonded = np.zeros(n_atoms, dtype=bool)
    bonded[pairs.ravel()] = True
    group = _ions_apart(universe, group, bonded)
    if not len(pairs):
        return group
    fragment = fragments_of(n_atoms, pairs)
    if bonded.all():
        return fragment
    n_groups = int(group.max()) + 1
    n_bonded = np.bincount(group[bonded], minlength=n_groups)
    n_alone = np.bincount(group[~bonded], minlength=n_groups)
    # a group holds one fragment where its lowest and highest fragment are equal
    lowest, highest = extremes(group[bonded], fragment[bonded], n_groups)
    label = fragment.copy()
    mine = group[~bonded]
    one = (lowest[mine] == highest[mine]) & (n_alone[mine] <= n_bonded[mine])
    several = lowest[mine] < highest[mine]
    own = np.where(several, fragment[~bonded], n_atoms + mine)
    label[~bonded] = np.where(one, lowest[mine], own)
    return in_order_of_appearance(label)


def _ions_apart(universe: Any, group: np.ndarray, bonded: np.ndarray) -> np.ndarray:
    """The groups, where each atom of one that holds nothing but ions is a group of its own.

    Files may give all ions of a kind, or all ions, one molecule number or residue.
    """
    n_groups = int(group.max()) + 1
    size = np.bincount(group, minlength=n_groups)
    free = (size > 1) & (np.bincount(group[bonded], minlength=n_groups) == 0)
    if not free.any():
        return group
    elements = elements_by(universe, np.ones(len(group), dtype=bool))
    of_ion = np.isin(elements, sorted(CATIONS | ANIONS))
    ions = free & (np.bincount(group[of_ion], minlength=n_groups) == size)
    of_salt = np.bincount(group[np.isin(elements, sorted(SALT_CATIONS))], minlength=n_groups) > 0
    ions &= ~_are_compounds(ions & ~of_salt & (size <= LARGEST_COMPOUND), group, elements)
    apart = ions[group]
    if not apart.any():
        return group
    out = group.copy()
    out[apart] = n_groups + np.arange(int(np.count_nonzero(apart)))
    return in_order_of_appearance(out)


def _are_compounds(these: np.ndarray, group: np.ndarray, elements: np.ndarray) -> np.ndarray:
    """Which of these groups, shape (groups,), have the composition of another one of them."""
    members: dict[int, list[str]] = {}
    for k in np.flatnonzero(these[group]).tolist():
        members.setdefault(int(group[k]), []).append(str(elements[k]))
    kinds = {k: tuple(sorted(names)) for k, names in members.items()}
    number = Counter(kinds.values())
    out = np.zeros(len(these), dtype=bool)
    out[[k for k, kind in kinds.items() if number[kind] > 1]] = True
    return out
