"""Frames of reference, which displacements are measured against, and checks of the choice.

R_ref is subtracted from every path before any sum. The conductivity is independent of it only if
all charged carriers are listed; each L_AB and each transference number always depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.molecules import molecule_of_atom
from .charge_balance import NEUTRAL, charges_in_words, did_you_mean, net_charge
from .masses import atom_masses, usable_masses

if TYPE_CHECKING:
    from ..species import IonSpecies

FRAMES = ("barycentric", "framework", "solvent", "laboratory")


def resolve_frame(frame: str, species: Sequence[IonSpecies], given: bool = False) -> str:
    """The frame of reference in use; refused where it has no meaning.

    Parameters
    ----------
    frame : {"auto", "barycentric", "framework", "solvent", "laboratory"}
        ``auto`` is ``framework`` where a species is on sites, or in cages and some atoms are no
        carriers, else ``barycentric``.
    species : sequence of IonSpecies
    given : bool
        Whether a framework is given.

    Raises
    ------
    InputError
        For an unknown name, for one species that is every atom, and for ``barycentric`` or
        ``solvent`` when the listed carriers are not neutral: a charged remainder then moves with
        the reference and belongs to no carrier.
    """
    if isinstance(frame, str) and frame == "auto":
        frame = "framework" if any(_in_framework(s, species) for s in species) else "barycentric"
    if not isinstance(frame, str) or frame not in FRAMES:
        raise InputError(f"frame must be 'auto' or one of {FRAMES}, got {shown(frame)}")
    net = net_charge(species)
    only = species[0] if len(species) == 1 else None
    everything = only is not None and len(only.atoms) == len(only.atoms.universe.atoms)
    if frame in ("barycentric", "framework") and everything and not given:
        raise InputError(
            f"frame={frame!r}: species {species[0].name!r} is every atom of the system, so that "
            "its transport against their centre of mass is zero by construction, and no atom is "
            "left for another reference; list the atoms that carry charge alone, one IonSpecies "
            "for each kind"
        )
    if frame in ("barycentric", "solvent") and abs(net) > NEUTRAL:
        raise InputError(
            f"frame={frame!r} needs all charged carriers: the charges of the listed species sum to "
            f"{net:+g} e, so a charged remainder moves with the reference and the conductivity "
            f"would depend on it; {charges_in_words(species)}; {did_you_mean(species)}"
            "list the missing ions as further IonSpecies, or use frame='framework' (with "
            "framework=atoms) or frame='laboratory'"
        )
    return frame


def _in_framework(one: IonSpecies, species: Sequence[IonSpecies]) -> bool:
    """Whether a species is on sites of a framework, or in cages of atoms that are no carriers."""
    if not getattr(one.microstates, "has_sites", False):
        return False
    listed = sum(s.atoms.n_atoms for s in species)
    return (
        bool(getattr(one.microstates, "ligands", ())) or listed < one.atoms.universe.atoms.n_atoms
    )


def reference_weights(
    frame: str,
    species: Sequence[IonSpecies],
    framework: Any,
    universe: Any,
    masses: np.ndarray | None = None,
) -> np.ndarray:
    """Weight of every atom in the reference position; empty for the laboratory frame.

    Parameters
    ----------
    frame : str
        From `resolve_frame`.
    species : sequence of IonSpecies
    framework : AtomGroup or None
        The immobile sublattice; by default all atoms that are no carriers.
    universe : Universe
    masses : numpy.ndarray, optional
        Shape (atoms,): from `atom_masses`, where available.

    Returns
    -------
    numpy.ndarray
        Shape (atoms,) summing to 1, or (0,).

    Raises
    ------
    InputError
        If the group of reference atoms is empty, or masses are unusable.
    """
    n_atoms = universe.atoms.n_atoms
    if frame == "laboratory":
        return np.empty(0)
    chosen = np.ones(n_atoms, dtype=bool)
    if frame == "framework" and framework is not None:
        chosen[:] = False
        chosen[framework.ix] = True
    elif frame in ("framework", "solvent"):
        for one in species:
            chosen[one.atoms.ix] = False
    if not chosen.any():
        raise InputError(
            f"frame={frame!r} needs atoms that belong to no species, and there are none; give "
            "framework=atoms, or use frame='laboratory'"
        )
    if masses is None:
        masses = atom_masses(universe).value
    # a site without mass has no weight as long as its molecule has mass
    molecule = molecule_of_atom(universe)
    group = np.where(np.bincount(molecule, weights=masses)[molecule] > 0, -1, molecule)
    used = np.flatnonzero(chosen)
    usable_masses(universe, f"frame={frame!r}", used, group[used], masses)
    weights = np.where(chosen, masses, 0.0)
    return weights / weights.sum()
