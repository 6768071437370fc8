"""Onsager coefficients that are zero by construction in the frame of reference.

The collective displacement of a species is D_A = sum_a c_Aa u_a over displacements u_a of atoms,
with c_Aa the weight of atom a in the centres of the carriers less n_A times that in the reference.
Where all c_Aa are 0 the species cannot move as a whole; where sum_A z_A c_Aa is 0 nothing conducts;
where these are proportional to the masses, the current is the momentum of the whole system.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.errors import InputError
from ..trajectory.masses import are_plausible

if TYPE_CHECKING:
    from ..species import IonSpecies
    from ..trajectory.carriers import Members

#: Weights below this fraction of a carrier's are round-off.
_ROUND_OFF = 1e-9
#: Relative difference of masses of one species' carriers that is rounding.
_SAME_MASS = 1e-4


def collective_weights(
    species: Sequence[IonSpecies], members: Members, reference: np.ndarray, n_atoms: int
) -> np.ndarray:
    """Weight of every atom's displacement in the collective displacement of each species.

    Parameters
    ----------
    species : sequence of IonSpecies
    members : Members
        Atoms and weights of their carriers, species after species.
    reference : numpy.ndarray
        Shape (atoms,) summing to 1, or (0,) in the laboratory frame.
    n_atoms : int

    Returns
    -------
    numpy.ndarray
        Shape (species, atoms).
    """
    first = np.concatenate([[0], np.cumsum([s.n_carriers for s in species])])
    rows = []
    for k, one in enumerate(species):
        mine = slice(int(members.offsets[first[k]]), int(members.offsets[first[k + 1]]))
        row = np.bincount(members.atoms[mine], members.weights[mine], minlength=n_atoms)
        rows.append(row - one.n_carriers * reference if len(reference) else row)
    return np.array(rows)


def carrier_masses(
    species: Sequence[IonSpecies], universe: Any, molecule: np.ndarray, masses: np.ndarray
) -> np.ndarray:
    """Mass that one carrier of each species stands for, where carriers stand for all mass.

    Parameters
    ----------
    species : sequence of IonSpecies
    universe : Universe
    molecule, masses : numpy.ndarray
        Shape (atoms,): molecule id and mass (u) of every atom.

    Returns
    -------
    numpy.ndarray
        Shape (species,), u: the mass of its molecule. Shape (0,) where a molecule with mass has no
        carrier or several, where molecules of one species differ in mass, or masses were never set.
    """
    carriers = np.zeros(int(molecule.max()) + 1, dtype=np.int64)
    of_molecule = np.bincount(molecule, weights=masses)
    found = []
    for one in species:
        first = np.unique(one.carrier_of_atom, return_index=True)[1]
        mine = molecule[one.atoms.ix[first]]
        np.add.at(carriers, mine, 1)
        mass = of_molecule[mine]
        if not mass.min() > 0 or np.ptp(mass) > _SAME_MASS * mass.mean():
            return np.empty(0)
        found.append(float(mass.mean()))
    everything = np.all(carriers[of_molecule > 0] == 1)
    known = are_plausible(universe, masses, np.arange(len(masses)))
    return np.array(found) if everything and known else np.empty(0)


def zero_notes(
    species: Sequence[IonSpecies],
    weights: np.ndarray,
    masses: np.ndarray,
    frame: str,
    framework: bool,
) -> list[str]:
    """Refuse a conductivity that is zero whatever the ions do, and name species that cannot move.

    Parameters
    ----------
    species : sequence of IonSpecies
    weights : numpy.ndarray
        Shape (species, atoms): of `collective_weights`.
    masses : numpy.ndarray
        Shape (atoms,), u.
    frame : str
    framework : bool
        Whether the reference is a framework that was given.

    Returns
    -------
    list of str
        Warnings.

    Raises
    ------
    InputError
        Where the conductivity is zero by construction.
    """
    against = "framework=..." if framework else f"frame={frame!r}"
    charge = np.array([s.charge for s in species])
    still = np.all(np.abs(weights) <= _ROUND_OFF, axis=1)
    total = np.abs(charge[:, None] * weights).sum(axis=0)
    current = charge @ weights
    names = ", ".join(s.name for s in species)
    if np.all(np.abs(current) <= _ROUND_OFF * np.maximum(total, 1)):
        raise InputError(
            f"{against}: the conductivity of {names} is zero by construction, because the "
            "reference that displacements are measured from moves as the carriers do; give the "
            "atoms that do not move as framework=..., list the other ions, or use "
            "frame='laboratory'"
        )
    notes = []
    if masses.sum() > 0:
        momentum = masses * (current.sum() / masses.sum())
        if np.all(np.abs(current - momentum) <= _ROUND_OFF * np.abs(momentum).max()):
            notes.append(
                f"the current of {names} is the momentum of the whole system, which a simulation "
                f"conserves: against {against} the conductivity is that of the drift of its centre "
                "of mass, if any"
            )
    return notes + [
        f"{against}: Onsager coefficients of {one.name} are zero by construction, because its "
        "carriers are the reference that displacements are measured from"
        for one in np.array(species, dtype=object)[still]
    ]


def overlap_notes(
    species: Sequence[IonSpecies], framework: np.ndarray, weights: np.ndarray
) -> list[str]:
    """Say where a framework that was given holds carriers.

    Parameters
    ----------
    species : sequence of IonSpecies
    framework : numpy.ndarray
        Shape (framework atoms,): indices.
    weights : numpy.ndarray
        Shape (species, atoms): of `collective_weights`.
    """
    notes = []
    for one, row in zip(species, weights, strict=True):
        both = np.intersect1d(one.atoms.ix, framework, assume_unique=True)
        if len(both) and np.any(np.abs(row) > _ROUND_OFF):
            notes.append(
                f"framework=... holds {len(both)} atoms of the carriers {one.name}: the reference "
                "moves with them, and their transport is underestimated; leave them out"
            )
    return notes
