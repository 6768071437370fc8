"""Masses that weight centres of mass and frames of reference.

A site without mass (the M site of TIP4P, a Drude particle without mass) has weight 0. Molecules
without any mass, and masses that were never set, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..lib.element_names import are_sites, element_masses, is_guessed
from ..lib.elements import elements_of
from ..lib.errors import InputError
from ..lib.molecules import molecule_of_atom

#: Relative difference between a mass and that of its element that counts as rounding.
_ROUNDING = 0.03
_REMEDY = (
    "set them with universe.add_TopologyAttr('masses', values), or give elements with "
    "universe.add_TopologyAttr('elements', symbols)"
)


@dataclass(frozen=True)
class AtomMasses:
    """Masses of all atoms of a universe.

    Attributes
    ----------
    value : numpy.ndarray
        Shape (atoms,), u; 0 for sites without mass, and where the mass is unknown.
    notes : tuple of str
        Warnings about masses that replace those of the topology.
    """

    value: np.ndarray
    notes: tuple[str, ...] = ()


def atom_masses(universe: Any) -> AtomMasses:
    """Masses of the topology, or of the elements where those are unreliable.

    Masses of the elements are used where (1) all are equal but the elements of the topology are
    not; (2) a molecule has no mass at all, or an atom that is no hydrogen has one of 1, but the
    topology has its elements (LAMMPS dumps with elements: MDAnalysis knows no mass of Cl, Br, Mg,
    Ca, Zn, Rb, Cs and others, and takes 1); (3) MDAnalysis
    guessed the masses from names: for atoms it could not guess (none for LI), and for atoms it
    took for another element (a calcium ion named CA for a carbon, the nitrogen NA of a cation
    for sodium). Sites to which it gave the mass of an atom (EP, LP1, the Drude particle DO) get 0.

    Parameters
    ----------
    universe : Universe

    Returns
    -------
    AtomMasses
    """
    atoms = universe.atoms
    n_atoms = int(atoms.n_atoms)
    read = np.asarray(getattr(atoms, "masses", np.zeros(n_atoms)), dtype=np.float64)
    finite = np.isfinite(read)
    mass = np.where(finite, read, 0.0)
    given = getattr(atoms, "elements", None)
    guessed = is_guessed(universe, "masses")
    known: np.ndarray | None = None
    if given is not None or guessed or not finite.all():
        known = elements_of(universe)
    if known is None:
        return AtomMasses(mass)
    table = element_masses()
    symbols, code = np.unique(known, return_inverse=True)
    by_element = np.array([table.get(str(s), 0.0) for s in symbols])[code]
    molecule = molecule_of_atom(universe)
    change = ~finite & (by_element > 0)
    if given is not None:
        named = (by_element > 0) & (np.asarray(given, dtype=object).astype(str) != "")
        heavy = mass[mass > 0]
        if len(heavy) and np.ptp(heavy) == 0 and len(np.unique(code[named])) > 1:
            change |= named
        change |= named & (np.bincount(molecule, weights=mass)[molecule] == 0)
        change |= named & (mass == 1.0)
    site = np.zeros(n_atoms, dtype=bool)
    if guessed:
        # masses that the user has set since are kept
        its_guess = (mass == 0) | np.isclose(mass, _masses_of_types(universe, table), 1e-4)
        change |= its_guess & (by_element > 0)
        site = its_guess & (mass > 0) & (known == "") & are_sites(universe)
        site &= np.bincount(molecule)[molecule] > 1
    change &= np.abs(by_element - mass) > _ROUNDING * by_element
    unknown = ~finite & ~change
    if not (change | site | unknown).any():
        return AtomMasses(mass)
    notes = []
    if unknown.any():
        number = int(unknown.sum())
        notes.append(
            f"masses: {number} atom{'s' * (number > 1)} from index {int(np.argmax(unknown))} on "
            f"whose mass in the topology is {read[np.argmax(unknown)]:g} count as sites without "
            "mass; set it with universe.add_TopologyAttr('masses', values)"
        )
    if site.any():
        names = sorted(set(np.asarray(atoms.names, dtype=object)[site].tolist()))
        notes.append(
            f"masses: {int(site.sum())} atoms named {', '.join(names[:5])} are treated as sites "
            "without mass; MDAnalysis guessed the mass of an element from their names"
        )
    for symbol in np.unique(known[change]):
        mine = change & (known == symbol)
        was = np.unique(mass[mine])
        had = "none" if not was.any() else ", ".join(f"{m:g} u" for m in was[:3])
        source = "of the elements in the topology" if given is not None else "of their names"
        notes.append(
            f"masses: {table[str(symbol)]:g} u is used for {int(mine.sum())} atoms of "
            f"{symbol}, for which the topology has {had} (element: that {source})"
        )
    return AtomMasses(np.where(site, 0.0, np.where(change, by_element, mass)), tuple(notes))


def _masses_of_types(universe: Any, table: dict[str, float]) -> np.ndarray:
    """Mass of the element that the type of each atom names, (atoms,): what MDAnalysis guesses."""
    import pandas as pd

    types = getattr(universe.atoms, "types", np.full(universe.atoms.n_atoms, ""))
    codes, distinct = pd.factorize(np.asarray(types, dtype=object))
    return np.array([table.get(str(t).capitalize(), 0.0) for t in distinct])[codes]


def usable_masses(
    universe: Any,
    purpose: str,
    used: np.ndarray | None = None,
    group: np.ndarray | None = None,
    masses: np.ndarray | None = None,
) -> np.ndarray:
    """Masses of all atoms, checked where they are used.

    Parameters
    ----------
    universe : Universe
    purpose : str
        Their purpose, for the message.
    used : numpy.ndarray, optional
        Shape (used,): indices of the atoms whose masses are used. Default: all.
    group : numpy.ndarray, optional
        Shape (used,): the molecule of each, of which one atom at least must have mass. Default:
        every atom must.
    masses : numpy.ndarray, optional
        Shape (atoms,): from `atom_masses`, where available.

    Returns
    -------
    numpy.ndarray
        Shape (atoms,), float64; see `atom_masses`.

    Raises
    ------
    InputError
        Where a group has no mass, a mass is negative, or all are equal for atoms that differ.
    """
    if masses is None:
        masses = atom_masses(universe).value
    used = np.arange(len(masses)) if used is None else np.asarray(used)
    mine = masses[used]
    if np.any(mine < 0):
        raise InputError(
            f"masses are needed for {purpose} but are negative for some atoms, e.g. atom index "
            f"{int(used[np.argmax(mine < 0)])} ({float(mine[mine < 0][0]):g} u); {_REMEDY}"
        )
    _, group = np.unique(used if group is None else group, return_inverse=True)
    without = np.bincount(group, weights=mine)[group] == 0
    if without.any():
        raise InputError(
            f"masses are needed for {purpose} but are zero for some atoms: "
            f"{_listed(universe, used[without])}; {_REMEDY}"
        )
    if not are_plausible(universe, masses, used):
        raise InputError(
            f"masses are needed for {purpose} but are the same for every atom; {_REMEDY}"
        )
    return masses


def _listed(universe: Any, atoms: np.ndarray) -> str:
    """Number of atoms and names of some, as text."""
    names = getattr(universe.atoms[atoms[:1000]], "names", None)
    called = "" if names is None else ", ".join(sorted({str(n) for n in names})[:5])
    one = "1 atom" if len(atoms) == 1 else f"{len(atoms)} atoms"
    return f"{one}{f' named {called}' if called else ''}, from index {int(atoms[0])} on"


def are_plausible(universe: Any, masses: np.ndarray, used: np.ndarray) -> bool:
    """Whether masses differ, or may be equal: one element, or beads of one kind.

    A topology in which every atom has the same mass usually has no masses. Equal weights are right
    where the atoms are of one element, by the topology or by their names. Masses of beads whose
    names are no elements are accepted unless they are 1.
    """
    heavy = masses[masses > 0]
    if len(heavy) <= 1 or np.ptp(heavy) > 0:
        return True
    used = used[masses[used] > 0]
    if len(used) <= 1:
        return True
    given = getattr(universe.atoms, "elements", None)
    if given is not None:
        kinds = {str(e) for e in np.asarray(given)[used]}
        if len(kinds) == 1 and kinds != {""}:
            return True
    if is_guessed(universe, "masses"):
        return False
    found = set(elements_of(universe, by_mass=False)[used].tolist())
    if found == {""}:
        return bool(heavy[0] != 1)
    return len(found) == 1
