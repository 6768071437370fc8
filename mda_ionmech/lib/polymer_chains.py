"""The polymer chain of every atom, and its place along the chain."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from .checks import shown
from .errors import InputError
from .molecules import are_bonded, bond_pairs, fragments_of

#: Definition of chains: one of `CHAINS`, the chain of every atom, or of some by their index.
Chains = str | np.ndarray | Sequence[Hashable] | Mapping[int, Hashable]
CHAINS = ("fragments", "residues", "segids")
_INDEX = {"residues": "resindices", "segids": "segindices"}


def check_chains(chains: Any, rule: str) -> None:
    """Refuse an invalid definition of chains, without a universe.

    Raises
    ------
    InputError
        Unless `chains` is one of `CHAINS`, a mapping, or a one-dimensional array.
    """
    if isinstance(chains, str):
        known = chains in CHAINS
    else:
        known = isinstance(chains, Mapping) or np.ndim(chains) == 1
    if not known:
        raise InputError(
            f"{rule}(chains={shown(chains)}): chains must be one of {CHAINS}, an array with the "
            "chain of every atom, or a mapping of atom index to chain"
        )


def chain_of_atom(universe: Any, chains: Any, atoms: np.ndarray, rule: str) -> np.ndarray:
    """Chain id of every atom of a universe.

    Parameters
    ----------
    universe : Universe
    chains : {"fragments", "residues", "segids"}, array or mapping
        What makes a chain: bonds, residues, segments; or the chain of every atom, shape (atoms,);
        or a mapping of atom index to chain. Ids may be numbers or names.
    atoms : numpy.ndarray
        Shape (chain ligands,): indices of the atoms whose chain is needed.
    rule : str
        Name of the rule, for messages.

    Returns
    -------
    numpy.ndarray
        Shape (atoms,), int64, from 0; -1 for atoms missing from a mapping.

    Raises
    ------
    InputError
        For fragments without bonds, an array of another length, or a mapping that lacks an atom.
    """
    check_chains(chains, rule)
    n_atoms = universe.atoms.n_atoms
    if isinstance(chains, str):
        if chains == "fragments":
            bonded = are_bonded(universe)
            if bonded.any() and (not len(atoms) or bonded[atoms].any()):
                return fragments_of(n_atoms, bond_pairs(universe))
            lacking = "for these ligands" if bonded.any() else "at all"
            raise InputError(
                f"{rule}(chains='fragments') needs bonds, which this topology does not hold "
                f"{lacking}; read a topology with bonds (TPR, PSF, DATA), add them with "
                "universe.add_bonds(...) or universe.atoms.guess_bonds(), or give "
                "chains='residues', chains='segids' or an array with the chain of every atom"
            )
        return np.asarray(getattr(universe.atoms, _INDEX[chains]), dtype=np.int64)
    if isinstance(chains, Mapping):
        given = atoms.tolist()
        absent = next((i for i in given if i not in chains), None)
        if absent is not None:
            raise InputError(
                f"{rule}(chains=...): the mapping has no chain for atom index {absent}, a ligand "
                "that is no anion; give one for each"
            )
        found = [chains[i] for i in given]
        numbers = {c: k for k, c in enumerate(dict.fromkeys(found))}
        out = np.full(n_atoms, -1, dtype=np.int64)
        out[atoms] = [numbers[c] for c in found]
        return out
    if len(chains) != n_atoms:
        raise InputError(
            f"{rule}(chains=...): the array has {len(chains)} entries, the universe has {n_atoms} "
            "atoms; give the chain of every atom, or a mapping of atom index to chain"
        )
    return np.unique(np.asarray(chains), return_inverse=True)[1].astype(np.int64)


def monomer_of_atom(universe: Any, chain: np.ndarray, atoms: np.ndarray) -> np.ndarray:
    """Place along its chain, in monomers, of each of some atoms.

    A monomer is a residue where any of the chains has several, so that a molecule of one residue
    beside them is one monomer; otherwise each of `atoms` counts as one, e.g. the ether oxygens of a
    poly(ethylene oxide) chain that is one residue. Counted from 0 on each
    chain in order of residue or atom index.

    Parameters
    ----------
    universe : Universe
    chain : numpy.ndarray
        Shape (universe atoms,): from `chain_of_atom`.
    atoms : numpy.ndarray
        Shape (chain ligands,): indices.

    Returns
    -------
    numpy.ndarray
        Shape (universe atoms,), int64; -1 for all but `atoms`.
    """
    out = np.full(len(chain), -1, dtype=np.int64)
    residues = np.asarray(universe.atoms.resindices, dtype=np.int64)
    # over every atom of these chains, so that a residue without ligands keeps its place
    whole = np.flatnonzero(np.isin(chain, chain[atoms]) & (chain >= 0))
    pairs = np.unique(np.stack([chain[whole], residues[whole]], axis=1), axis=0)
    if len(pairs) > len(np.unique(chain[whole])):
        rank = _rank_in_group(pairs[:, 0])
        width = int(residues.max()) + 1
        keys = pairs[:, 0] * width + pairs[:, 1]
        out[atoms] = rank[np.searchsorted(keys, chain[atoms] * width + residues[atoms])]
    else:
        atoms = np.sort(atoms)
        atoms = atoms[np.argsort(chain[atoms], kind="stable")]
        out[atoms] = _rank_in_group(chain[atoms])
    return out


def _rank_in_group(group: np.ndarray) -> np.ndarray:
    """0, 1, 2 ... within each run of equal entries of a sorted array."""
    start = np.flatnonzero(np.diff(group, prepend=group[:1] - 1))
    return np.arange(len(group)) - np.repeat(start, np.diff(np.append(start, len(group))))
