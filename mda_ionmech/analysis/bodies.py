"""Carriers, ligand atoms and reference of a run, as index tables for reading frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..events.base import prepared
from ..lib.frozen import changed
from ..macrostates.base import prepared_macrostates
from ..observables.vehicularity import followed_ligands
from ..species import IonSpecies
from ..trajectory.carriers import Ligands, Members, append_atoms, carrier_members, ligand_table
from ..trajectory.frames_of_reference import reference_weights
from ..trajectory.masses import atom_masses, usable_masses
from ..trajectory.unwrap import stretches
from .choices import Choices
from .input_notes import input_notes
from .zero_by_construction import carrier_masses


@dataclass(frozen=True)
class Bodies:
    """Index tables of the atoms that are unwrapped, for the kernels.

    Attributes
    ----------
    first : numpy.ndarray
        Shape (species + 1,): first carrier of each species, and the number of carriers.
    members : Members
        Atoms of the carriers, species after species, followed by unwrapped ligand atoms.
    reference : numpy.ndarray
        Shape (atoms,): weights of the frame of reference; (0,) in the laboratory frame.
    ligands : tuple of Ligands or None
        Of each species with a detector.
    followed : dict of int to slice
        By species: which bodies are its ligand atoms, where these are unwrapped like carriers.
    ligand_masses : dict of int to numpy.ndarray
        Shape (ligand atoms,), u: their masses.
    molecule : numpy.ndarray
        Shape (atoms,): molecule of every atom.
    moving : numpy.ndarray
        Ranges of atoms that are members or in the reference, see `unwrap.stretches`.
    carrier_mass : numpy.ndarray
        Shape (species,), u: mass per carrier where the species hold all mass; else (0,).
    """

    first: np.ndarray
    members: Members
    reference: np.ndarray
    ligands: tuple[Ligands | None, ...]
    followed: dict[int, slice]
    ligand_masses: dict[int, np.ndarray]
    molecule: np.ndarray
    moving: np.ndarray
    carrier_mass: np.ndarray

    @property
    def n(self) -> int:
        """Number of carriers, and of ligand atoms that are unwrapped like them."""
        return len(self.members.offsets) - 1

    @property
    def n_carriers(self) -> int:
        """Number of carriers of all species."""
        return int(self.first[-1])


def with_prepared_rules(species: Sequence[IonSpecies], universe: Any) -> list[IonSpecies]:
    """The species with rules prepared for their ligands, chains and charge.

    Parameters
    ----------
    species : sequence of IonSpecies
    universe : Universe

    Raises
    ------
    InputError
        For a rule that does not fit its detector or the other species.
    """
    listed = list(species)
    for index, one in enumerate(species):
        if one.events is not None and one.microstates is not None:
            one.events.check(one.microstates.ligand_types)
            rule = prepared(one.events, universe, one.microstates.ligands, one.charge)
            listed[index] = changed(one, events=rule)
        if one.macrostates is not None:
            one.macrostates.check(listed, index)
            known = prepared_macrostates(one, universe)
            listed[index] = changed(listed[index], macrostates=known)
    return listed


def bodies_of(
    species: Sequence[IonSpecies],
    universe: Any,
    choices: Choices,
    molecule: np.ndarray,
    notes: Sequence[str],
) -> tuple[Bodies, list[str]]:
    """Index tables for a run of these species, and warnings about them.

    Parameters
    ----------
    species : sequence of IonSpecies
    universe : Universe
    choices : Choices
    molecule : numpy.ndarray
        Shape (atoms,): molecule of every atom.
    notes : sequence of str
        Warnings so far.

    Raises
    ------
    InputError
        For masses that are needed and missing, and for sums that are zero by construction.
    """
    masses = atom_masses(universe)
    reference = reference_weights(choices.frame, species, choices.framework, universe, masses.value)
    members = carrier_members(species, universe, masses.value)
    carrier_mass = carrier_masses(species, universe, molecule, masses.value)
    framework = choices.framework
    notes = input_notes(
        species,
        universe,
        molecule=molecule,
        masses=masses,
        members=members,
        reference=reference,
        frame=choices.frame,
        framework=None if framework is None else framework.ix,
        notes=notes,
    )
    ligands = tuple(ligand_table(one, molecule) for one in species)
    followed: dict[int, slice] = {}
    ligand_masses = {}
    if choices.projection == "vehicle":
        followed = followed_ligands(species, ligands, members)
        for index in followed:
            table = ligands[index]
            assert table is not None
            known = usable_masses(universe, "projection='vehicle'", table.atom)
            ligand_masses[index] = known[table.atom]
            members = append_atoms(members, table.atom)
    carried = np.zeros(len(molecule), dtype=bool)
    carried[members.atoms] = True
    if len(reference):
        carried |= reference > 0
    found = Bodies(
        first=np.concatenate([[0], np.cumsum([one.n_carriers for one in species])]),
        members=members,
        reference=reference,
        ligands=ligands,
        followed=followed,
        ligand_masses=ligand_masses,
        molecule=molecule,
        moving=stretches(np.flatnonzero(carried)),
        carrier_mass=carrier_mass,
    )
    return found, notes
