"""Warnings about molecules: how the topology divides atoms into molecules and carriers.

Shells are compared by molecule and a charge belongs to a carrier: a residue that holds many
molecules, or bonds that are partly missing, change every number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..events import PolymerEvents
from ..lib.compounds import atom_kinds_in, copies_in, repeating_unit
from ..lib.covalent_bonds import guess_bonds
from ..lib.elements import elements_of
from ..lib.errors import InputError
from ..lib.guessed_groups import joining_bonds
from ..lib.molecules import are_bonded, bond_pairs, distinct, extremes, in_order_of_appearance
from ..lib.polymer_chains import chain_of_atom

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup

    from ..species import IonSpecies

#: Molecules of more atoms than this are reported; smaller ones only where atom names repeat.
MANY_ATOMS = 8
#: A residue without bonds whose atoms are so many times the same unit of several kinds of atoms is
#: no molecule: those that repeat (rings, glymes named by element) have fewer units.
UNITS = 10
#: Most atoms of ligands whose bonds are guessed, and the smallest cell for it, Angstrom.
MOST_JOINED, SMALLEST = 50_000, 6.5
#: Lighter than any nucleus, u: Drude particles have 0.1 to 0.8, virtual sites none.
LIGHT = 0.9


def molecule_notes(species: Sequence[IonSpecies], universe: Any, molecule: np.ndarray) -> list[str]:
    """Warnings about implausible molecules of carriers and ligands.

    Parameters
    ----------
    species : sequence of IonSpecies
    universe : Universe
    molecule : numpy.ndarray
        Shape (atoms,): molecule id of every atom.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        For ligands of an event rule whose molecules share one residue, without bonds.

    Notes
    -----
    Cost: linear in atoms and bonds.
    """
    pairs = bond_pairs(universe)
    bonded = are_bonded(universe)
    notes = _split_residues(species, universe, molecule)
    notes += _joined_residues(species, universe, molecule, bonded)
    for one in species:
        notes += _carriers(one, molecule, bonded, pairs)
        if one.microstates is not None and not one.microstates.has_sites:
            notes += _ligands(one, universe, molecule, bonded)
    return notes


def _residue(atoms: AtomGroup) -> str:
    """Name and number of the residue of the first atom."""
    residue = atoms[0].residue
    name = str(getattr(residue, "resname", "")).strip()
    return f"residue {name + ' ' if name else ''}{getattr(residue, 'resid', residue.ix)}"


def _split_residues(
    species: Sequence[IonSpecies], universe: Any, molecule: np.ndarray
) -> list[str]:
    """Residues of carriers and ligands that bonds divide into several molecules."""
    atoms = universe.atoms
    n_residues = universe.residues.n_residues
    if n_residues < 2:
        return []
    residue = np.asarray(atoms.resindices)
    lowest, highest = extremes(residue, molecule, n_residues)
    asked = np.zeros(n_residues, dtype=bool)
    for one in species:
        if one.compound is not None:
            asked[residue[one.atoms.ix]] = True
        if one.microstates is not None and not one.microstates.has_sites:
            for ligands in one.microstates.ligands.values():
                asked[residue[ligands.ix]] = True
    split = np.flatnonzero(asked & (lowest < highest))
    if not len(split):
        return []
    first = atoms[residue == split[0]]
    number = len(distinct(molecule[first.ix]))
    others = f", and {len(split) - 1} other residues several" if len(split) > 1 else ""
    return [
        f"by the bonds of the topology {_residue(first)} holds {number} molecules{others}: bonds "
        "define molecules, not residues; where a residue is one molecule, bonds are missing, "
        "and its atoms count as several molecules: add them, or define molecules by residues with "
        "universe.del_TopologyAttr('bonds')"
    ]


def _joined_residues(
    species: Sequence[IonSpecies], universe: Any, molecule: np.ndarray, bonded: np.ndarray
) -> list[str]:
    """Residues of ligands without bonds that are monomers by the distances of a frame."""
    shells = [one.microstates for one in species if one.microstates is not None]
    ligands = [g.ix for one in shells if not one.has_sites for g in one.ligands.values()]
    ts = universe.trajectory.ts
    if not ligands or ts.dimensions is None or not np.all(ts.dimensions[:3] > SMALLEST):
        return []
    size = np.bincount(molecule)
    mine = np.zeros(len(size), dtype=bool)
    mine[molecule[np.concatenate(ligands)]] = True
    atoms = np.flatnonzero((mine & (size > 1))[molecule] & ~bonded)
    if not 0 < len(atoms) <= MOST_JOINED or not np.all(np.isfinite(ts.positions)):
        return []
    elements = elements_of(universe)[atoms]
    pairs = guess_bonds(elements, ts.positions[atoms], ts.dimensions)
    found = joining_bonds(in_order_of_appearance(molecule[atoms]), pairs, elements)
    if not found:
        return []
    guess = "" if bonded.any() else ", or bonds = 'guess' under [universe]"
    return [
        f"by the distances in a frame {found} bonds that the topology lacks join residues of "
        "ligands: monomers of a chain count as molecules of their own, and moves along a chain as "
        f"exchange of molecules; give a topology with these bonds{guess}"
    ]


def _carriers(
    one: IonSpecies, molecule: np.ndarray, bonded: np.ndarray, pairs: np.ndarray
) -> list[str]:
    """Warnings about implausible carriers of one species."""
    notes, ix = [], one.atoms.ix
    if one.compound is None:
        place = np.full(len(molecule), -1, dtype=np.int64)
        place[ix] = 0
        inside = pairs[(place[pairs] == 0).all(axis=1)] if len(pairs) else pairs
        notes += _several_in_a_molecule(one, molecule, bonded)
        if len(inside):
            notes.append(
                f"carriers of {one.name} are bonded to one another ({len(inside)} bonds): each of "
                f"its {one.n_carriers} atoms counts as a carrier of charge {one.charge:+g} e; for "
                "one carrier per molecule give compound='residues' or compound='fragments'"
            )
        return notes
    size = np.bincount(one.carrier_of_atom)
    sizes, number = np.unique(size, return_counts=True)
    if len(sizes) > 1:
        listed = ", ".join(f"{n} of {s} atoms" for s, n in zip(sizes[:4], number[:4], strict=True))
        notes.append(
            f"carriers of {one.name} are not alike: {listed}{', ...' if len(sizes) > 4 else ''}; "
            "check the selection, and that every residue or fragment is one ion"
        )
    free = ~bonded[ix]
    copies = copies_in(one.carrier_of_atom, atom_kinds_in(one.atoms))
    unbonded = np.bincount(one.carrier_of_atom, weights=free) == size
    several = _several(copies, size) & unbonded
    if several.any():
        worst = int(np.argmax(several))
        notes.append(
            f"{_residue(one.atoms[one.carrier_of_atom == worst])} of {one.name} holds "
            f"{copies[worst]} atoms of every name and no bonds: if these are {copies[worst]} "
            "molecules, they count as one carrier; give each a residue of its own, or bonds "
            "and compound='fragments'"
        )
    return notes


def _several_in_a_molecule(one: IonSpecies, molecule: np.ndarray, bonded: np.ndarray) -> list[str]:
    """Warning about carriers that are atoms of different elements in one residue."""
    free = one.atoms[~bonded[one.atoms.ix]]
    if not len(free):
        return []
    group = in_order_of_appearance(molecule[free.ix])
    if int(group.max()) + 1 == len(free):
        return []
    element = np.unique(
        elements_of(one.atoms.universe, by_mass=False)[free.ix], return_inverse=True
    )[1]
    lowest, highest = extremes(group, element, int(group.max()) + 1)
    mixed = np.flatnonzero(lowest < highest)
    if not len(mixed):
        return []
    first = free[group == mixed[0]]
    return [
        f"{len(first)} atoms of {_residue(first)} are carriers of {one.name}, each of charge "
        f"{one.charge:+g} e, and so in {len(mixed)} residue{'s' * (len(mixed) > 1)}: for one "
        "carrier per molecule give compound='residues'"
    ]


def _several(copies: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Whether groups of atoms look like several molecules each, rather than a few equal atoms."""
    return (copies > 1) & ((copies < size) | (size > 4))


def light_site_notes(
    one: IonSpecies, universe: Any, molecule: np.ndarray, masses: np.ndarray
) -> list[str]:
    """Notes on which positions are analysed where carriers have Drude particles or virtual sites.

    Parameters
    ----------
    one : IonSpecies
    universe : Universe
    molecule, masses : numpy.ndarray
        Shape (atoms,): molecule id and mass (u, 0 where there is none) of every atom.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        Where such a site would be a carrier besides its core.
    """
    ix = one.atoms.ix
    light = masses < LIGHT
    mine = np.zeros(int(molecule.max()) + 1, dtype=bool)
    mine[molecule[ix]] = True
    sites = light & mine[molecule]
    if not sites.any() or not np.any(masses[ix] >= LIGHT):
        return []
    chosen = np.zeros(len(molecule), dtype=bool)
    chosen[ix] = True
    heavy = np.bincount(molecule[ix[~light[ix]]], minlength=len(mine)) > 0
    beside = sites & chosen & heavy[molecule]

    def named(which: np.ndarray) -> str:
        some = universe.atoms[np.flatnonzero(which)[:1000]]
        names = sorted({str(n) for n in getattr(some, "names", [])})[:4]
        most = "up to " if np.ptp(masses[which]) else ""
        called = f" ({', '.join(names)})" if names else ""
        sites = "1 site" if which.sum() == 1 else f"{int(which.sum())} sites"
        return f"{sites} of {most}{masses[which].max():g} u{called}"

    if one.compound is None:
        if beside.any():
            raise InputError(
                f"species {one.name!r} has {one.n_carriers} carriers, among them {named(beside)} "
                "that belong to another carrier, Drude particles or virtual sites: the charge of "
                "an ion would count twice; select the cores alone, or give compound='residues' to "
                "follow the centre of mass of core and site"
            )
        return [
            f"{one.name}: the positions analysed are those of the selected atoms; {named(sites)} "
            "of the same molecules (Drude particles or virtual sites) are not included"
        ]
    if not (sites & chosen).any():
        return [
            f"{one.name}: the centres of mass analysed are those of the selected atoms; "
            f"{named(sites)} of the same molecules (Drude particles or virtual sites) are not "
            "included"
        ]
    return [
        f"{one.name}: the centres of mass analysed include {named(sites & chosen)}, Drude "
        "particles or virtual sites"
    ]


def _ligands(one: IonSpecies, universe: Any, molecule: np.ndarray, bonded: np.ndarray) -> list[str]:
    """Warnings about ligand types whose molecules cannot be distinguished."""
    notes = []
    detector, rule = one.microstates, one.events
    assert detector is not None
    chains_of = [k for k in detector.ligand_types if k != getattr(rule, "anion", None)]
    if not isinstance(rule, PolymerEvents):
        chains_of = []
    for kind, ligands in detector.ligands.items():
        if kind not in chains_of:
            if rule is not None:
                _refuse_units(one.name, kind, ligands, universe, molecule, bonded)
            notes += _one_molecule(one.name, kind, ligands, universe, molecule, bonded)
    if chains_of:
        notes += _one_chain(one, [detector.ligands[k] for k in chains_of], universe, bonded)
    if one.compound is None:
        mine = np.zeros(int(molecule.max()) + 1, dtype=bool)
        mine[molecule[one.atoms.ix[bonded[one.atoms.ix]]]] = True
        shared = [k for k, g in detector.ligands.items() if mine[molecule[g.ix]].any()]
        if shared:
            notes.append(
                f"bonds of the topology put {one.name} and ligands of type {', '.join(shared)} "
                "into one molecule: all that an ion is bonded to counts as one molecule of its "
                "shell; guessed bonds between ions and their shells must be removed"
            )
    return notes


def _refuse_units(
    name: str,
    kind: str,
    ligands: AtomGroup,
    universe: Any,
    molecule: np.ndarray,
    bonded: np.ndarray,
) -> None:
    """Refuse residues of ligands that are made of many equal units and have no bonds."""
    held, number = np.unique(molecule[ligands.ix], return_counts=True)
    largest = int(np.argmax(number))
    if number[largest] < UNITS:
        return
    whole = universe.atoms[np.flatnonzero(molecule == held[largest])]
    if bonded[whole.ix].any():
        return
    kinds = atom_kinds_in(whole)
    unit = repeating_unit(kinds)
    units = len(whole) // unit
    if units < UNITS or units > number[largest] or len(np.unique(kinds[:unit])) < 2:
        return
    atoms = " ".join(str(a) for a in getattr(whole[:unit], "names", kinds[:unit])[:8])
    raise InputError(
        f"{number[largest]} ligand atoms of type {kind!r} of {name} are one molecule, "
        f"{_residue(ligands)}, which is the same {unit} atoms ({atoms}) {units} times and has no "
        f"bonds: these are {units} molecules, and an exchange of one for another would not be "
        "seen; give each a residue or molecule number of its own, or bonds, "
        f"{_bonds_for(whole.ix, unit)}; if they are one molecule, such as a polymer, give its bonds"
    )


def _bonds_for(ix: np.ndarray, unit: int) -> str:
    """How to join the atoms of each unit, for a message."""
    if np.any(np.diff(ix) != 1):
        return "e.g. with universe.add_bonds([...])"
    each = f"range({ix[0]}, {ix[-1] + 1}, {unit})"
    return f"universe.add_bonds([(k, k + j) for k in {each} for j in range(1, {unit})])"


def _one_molecule(
    name: str,
    kind: str,
    ligands: AtomGroup,
    universe: Any,
    molecule: np.ndarray,
    bonded: np.ndarray,
) -> list[str]:
    """Warnings about ligands that are all one molecule, or residues that look like several."""
    ix = ligands.ix
    held = distinct(molecule[ix])
    remedy = "give each molecule a residue or molecule number of its own, or a topology with bonds"
    kinds = atom_kinds_in(ligands)
    if len(held) == 1:
        repeated = int(kinds.max()) + 1 < len(ix)
        if len(ix) > MANY_ATOMS or (len(ix) > 2 and repeated):
            return [
                f"all {len(ix)} ligand atoms of type {kind!r} of {name} are one molecule "
                f"({_residue(ligands)}): an exchange of one molecule for another cannot be seen; "
                f"if they are several, {remedy}"
            ]
        return []
    mine = np.zeros(int(molecule.max()) + 1, dtype=bool)
    mine[held] = True
    whole = universe.atoms[np.flatnonzero(mine[molecule] & ~bonded)]
    if not len(whole):
        return []
    group = in_order_of_appearance(molecule[whole.ix])
    size, copies = np.bincount(group), copies_in(group, atom_kinds_in(whole))
    several = _several(copies, size)
    if not several.any():
        return []
    worst = int(np.argmax(several))
    return [
        f"{_residue(whole[group == worst])} holds {copies[worst]} atoms of every name and no "
        f"bonds, like {int(several.sum())} of the {len(held)} molecules of ligand type {kind!r} of "
        f"{name}: if these are {copies[worst]} molecules, an exchange of one for another cannot "
        f"be seen; {remedy}"
    ]


def _one_chain(
    one: IonSpecies, groups: Sequence[AtomGroup], universe: Any, bonded: np.ndarray
) -> list[str]:
    """Warnings about polymer chains that cannot be distinguished."""
    assert isinstance(one.events, PolymerEvents)
    atoms = np.concatenate([g.ix for g in groups])
    chain = chain_of_atom(universe, one.events.chains, atoms, "PolymerEvents")[atoms]
    by_bonds = isinstance(one.events.chains, str) and one.events.chains == "fragments"
    if by_bonds and not bonded[atoms].all():
        return [
            f"{np.count_nonzero(~bonded[atoms])} of the {len(atoms)} chain atoms that {one.name} "
            "can bind have no bonds, and count as chains of one atom, between which every hop is "
            "interchain: add the missing bonds, or give PolymerEvents(chains='residues'), "
            "'segids' or an array with the chain of every atom"
        ]
    if len(distinct(chain)) > 1:
        return []
    how = f"chains={one.events.chains!r}" if isinstance(one.events.chains, str) else "chains given"
    return [
        f"all {len(atoms)} chain atoms that {one.name} can bind belong to one chain ({how}), as in "
        "a network or with a single chain: interchain hops cannot occur; to distinguish strands "
        "give PolymerEvents(chains=...) the strand of every atom"
    ]
