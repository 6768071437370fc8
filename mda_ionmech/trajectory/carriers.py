"""Index tables of the atoms of carriers and their ligands, for the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.molecules import bond_pairs
from .masses import usable_masses
from .unwrap import bond_parents

if TYPE_CHECKING:
    from ..species import IonSpecies


@dataclass(frozen=True)
class Members:
    """Atoms and weights of the carriers of all species, for the kernels.

    offsets (carriers + 1,), atoms, weights, parents (members,): see `whole_centres`.
    """

    offsets: np.ndarray
    atoms: np.ndarray
    weights: np.ndarray
    parents: np.ndarray


@dataclass(frozen=True)
class Ligands:
    """Ligand atoms and further atoms of one detector.

    atom, molecule, kind, owner (ligands,): index, molecule, type and owning carrier (or -1) of the
    ligand atoms; other_atom, other_owner (others,): the same for `Detector.other_atoms`.
    """

    atom: np.ndarray
    molecule: np.ndarray
    kind: np.ndarray
    owner: np.ndarray
    other_atom: np.ndarray
    other_owner: np.ndarray


def ligand_table(species: IonSpecies, molecule: np.ndarray) -> Ligands | None:
    """Ligand atoms of the species' detector in order of index; None without a detector.

    Parameters
    ----------
    species : IonSpecies
    molecule : numpy.ndarray
        Shape (atoms,): molecule id of every atom of the universe.
    """
    if species.microstates is None:
        return None
    groups = list(species.microstates.ligands.values())
    atom = np.concatenate([np.empty(0, dtype=np.int64), *(g.ix for g in groups)]).astype(np.int64)
    kind = np.repeat(np.arange(len(groups)), [g.n_atoms for g in groups]).astype(np.int64)
    order = np.argsort(atom)
    carrier = np.full(len(molecule), -1, dtype=np.int64)
    carrier[species.atoms.ix] = species.carrier_of_atom
    atom = atom[order]
    others = species.microstates.other_atoms(species.atoms)
    return Ligands(atom, molecule[atom], kind[order], carrier[atom], others, carrier[others])


def append_atoms(members: Members, atoms: np.ndarray) -> Members:
    """The same carriers, followed by single atoms that are unwrapped as well.

    Parameters
    ----------
    members : Members
    atoms : numpy.ndarray
        Shape (further atoms,), int64.
    """
    n = len(atoms)
    return Members(
        np.concatenate([members.offsets, members.offsets[-1] + 1 + np.arange(n)]),
        np.concatenate([members.atoms, atoms]),
        np.concatenate([members.weights, np.ones(n)]),
        np.concatenate([members.parents, np.full(n, -1)]),
    )


def carrier_members(
    species: Sequence[IonSpecies], universe: Any, masses: np.ndarray | None = None
) -> Members:
    """Atoms, normalised weights and make-whole order of the carriers of all species.

    Parameters
    ----------
    species : sequence of IonSpecies
    universe : Universe
    masses : numpy.ndarray, optional
        Shape (atoms,): from `atom_masses`, where available.
    """
    n_carriers = sum(s.n_carriers for s in species)
    counts, atoms, weights, parents = [], [], [], []
    place = 0
    bonds = bond_pairs(universe)
    for one in species:
        n_atoms = np.bincount(one.carrier_of_atom, minlength=one.n_carriers)
        counts.append(n_atoms)
        order = np.argsort(one.carrier_of_atom, kind="stable")
        members = one.atoms.ix[order]
        if one.compound is None:
            weight, parent = np.ones(len(members)), np.full(len(members), -1)
        else:
            offsets = np.concatenate([[0], np.cumsum(n_atoms)])
            members, parent = bond_parents(members, offsets, bonds)
            purpose = f"compound={one.compound!r} of {one.name!r}"
            carrier = np.repeat(np.arange(one.n_carriers), n_atoms)
            weight = usable_masses(universe, purpose, members, carrier, masses)[members]
            weight = weight / np.repeat(np.add.reduceat(weight, offsets[:-1]), n_atoms)
            parent = np.where(parent >= 0, parent + place, -1)
        atoms.append(members)
        weights.append(weight)
        parents.append(parent)
        place += len(members)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    assert len(offsets) == n_carriers + 1
    return Members(
        offsets.astype(np.int64),
        np.concatenate(atoms).astype(np.int64),
        np.concatenate(weights),
        np.concatenate(parents).astype(np.int64),
    )
