"""Charge balance of the listed species, and likely charges where it is not zero."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.compounds import atom_kinds_in, copies_in
from ..lib.element_names import as_symbol
from ..lib.elements import elements_of
from ..lib.errors import InputError
from ..lib.molecules import are_bonded, distinct

if TYPE_CHECKING:
    from ..species import IonSpecies

#: A sum below this is zero, e.
NEUTRAL = 1e-6
#: Largest formal charge that is suggested.
_LARGEST = 4
#: Charges of ions that have one alone, e.
_VALENCE = {
    **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs"), 1),
    **dict.fromkeys(("Mg", "Ca", "Sr", "Ba", "Zn"), 2),
    "Al": 3,
    **dict.fromkeys(("F", "Cl", "Br", "I"), -1),
}
#: Elements whose ions are cations.
_METALS = frozenset({*(e for e, z in _VALENCE.items() if z > 0), "Ag", "Cu"})
#: Difference of a charge and that of the topology beyond any scaling of charges, e.
_OTHER_CHARGE = 0.5


def net_charge(species: Sequence[IonSpecies]) -> float:
    """Sum of the charges of all carriers, e."""
    return float(sum(s.charge * s.n_carriers for s in species))


def charges_in_words(species: Sequence[IonSpecies]) -> str:
    """``charge of Li+ is +1 (16 carriers), of TFSI- -1 (16 carriers): together +0 e``."""
    listed = ", of ".join(
        f"{s.name} {'is ' if k == 0 else ''}{s.charge:+g} "
        f"({s.n_carriers} carrier{'s' * (s.n_carriers != 1)})"
        for k, s in enumerate(species)
    )
    return f"charge of {listed}: together {net_charge(species):+g} e"


def _sign_of_name(name: str) -> int:
    """1 or -1 where a name ends in a charge (``Li+``, ``TFSI-``, ``Zn2+``), or is a metal's."""
    found = re.search(r"[A-Za-z0-9)\]][0-9 ]*([+-])$", name)
    if found:
        return 1 if found[1] == "+" else -1
    return 1 if as_symbol(name) in _METALS else 0


def _element_of_name(name: str) -> str:
    """``Li`` of ``Li+``, ``LI`` and ``Li 1``; "" where a name is more than an element."""
    found = re.fullmatch(r"([A-Za-z]{1,2})[0-9+ -]*", name)
    return as_symbol(found[1]) if found else ""


def likely_charges(species: Sequence[IonSpecies]) -> dict[str, float]:
    """Likely charges, each of one species, that would make the whole neutral.

    Considered are integers up to 4 and the magnitudes of the other species' charges, with a sign
    that the name does not contradict.

    Returns
    -------
    dict of str to float
        Empty where the charges sum to zero, or nothing fits.
    """
    net = net_charge(species)
    if abs(net) <= NEUTRAL:
        return {}
    out = {}
    for one in species:
        wanted = one.charge - net / one.n_carriers
        valence = _VALENCE.get(_element_of_name(one.name))
        if valence is not None and abs(wanted - valence) > NEUTRAL:
            continue
        others = [abs(s.charge) for s in species if s is not one]
        whole = abs(wanted - round(wanted)) < NEUTRAL and 1 <= abs(wanted) <= _LARGEST + NEUTRAL
        known = any(abs(abs(wanted) - z) < NEUTRAL for z in others if z)
        if (whole or known) and wanted * _sign_of_name(one.name) >= 0:
            out[one.name] = round(wanted, 6)
    return out


def did_you_mean(species: Sequence[IonSpecies]) -> str:
    """A question with the likely charges and a trailing blank; "" where there are none."""
    likely = likely_charges(species)
    listed = " or ".join(f"charge={z:+g} for {name}" for name, z in likely.items())
    return f"did you mean {listed}? " if likely else ""


def check_charges(species: Sequence[IonSpecies], universe: Any, molecule: np.ndarray) -> list[str]:
    """Refuse charges that cannot be right, and warn of implausible ones.

    Parameters
    ----------
    species : sequence of IonSpecies
    universe : Universe
    molecule : numpy.ndarray
        Shape (atoms,): molecule id of every atom.

    Returns
    -------
    list of str
        Warnings.

    Raises
    ------
    InputError
        Where all charges are 0, a name ends in the other sign, or the charges would sum to zero if
        every molecule were one carrier.
    """
    words = charges_in_words(species)
    if all(s.charge == 0 for s in species):
        raise InputError(
            f"the conductivity would be 0 because every charge is: {words}; give the formal charge "
            "of each carrier in e, e.g. charge=+1 for Li+ and charge=-1 for its anion"
        )
    _check_number_of_carriers(species, universe, molecule, words)
    for one in species:
        sign = _sign_of_name(one.name)
        if one.name[-1:] in ("+", "-") and sign and one.charge * sign <= 0:
            other = f"did you mean charge={sign * (abs(one.charge) or 1):+g}? "
            meant = did_you_mean(species) or other
            raise InputError(
                f"charge of species {one.name!r} is {one.charge:+g}, and its name ends in "
                f"{one.name[-1]!r}: {words}; {meant}Else give it another name"
            )
    return [
        *_valences(species),
        *_other_sign(species, universe),
        *_charges_of_topology(species, universe, molecule),
    ]


def _check_number_of_carriers(
    species: Sequence[IonSpecies], universe: Any, molecule: np.ndarray, words: str
) -> None:
    """Refuse charges that would sum to zero if every molecule were one carrier."""
    net = net_charge(species)
    if abs(net) <= NEUTRAL:
        return
    number = {
        one.name: n
        for one in species
        if (n := _number_of_molecules(one, universe, molecule)) != one.n_carriers and one.charge
    }
    subsets = chain.from_iterable(combinations(number, k) for k in range(1, len(number) + 1))
    for names in subsets:
        chosen = [s for s in species if s.name in names]
        change = sum(s.charge * (number[s.name] - s.n_carriers) for s in chosen)
        if abs(net + change) > NEUTRAL:
            continue
        one = chosen[0]
        found = ", ".join(f"{number[s.name]} molecules of {s.name}" for s in chosen)
        if one.compound is None:
            bonded = are_bonded(universe)[one.atoms.ix].all()
            compound = "fragments" if bonded else "residues"
            raise InputError(
                f"every atom of {', '.join(names)} counts as a carrier: {words}; the topology "
                f"holds {found}, with which the charges sum to zero: give compound={compound!r}, "
                "so that the centre of mass of a molecule is one carrier"
            )
        if number[one.name] < one.n_carriers:
            raise InputError(
                f"compound={one.compound!r} of {one.name!r} makes several carriers of one "
                f"molecule: {words}; by their bonds its atoms are {found}, with which the charges "
                "sum to zero: give compound='fragments'"
            )
        raise InputError(
            f"compound={one.compound!r} of {one.name!r} counts several molecules as one carrier: "
            f"{words}; its {one.atoms.n_atoms} atoms look like {found}, with which the charges sum "
            "to zero: give each molecule a residue or molecule number of its own (a LAMMPS dump "
            "with a `mol` column, a data file), or bonds and compound='fragments'"
        )


def _number_of_molecules(one: IonSpecies, universe: Any, molecule: np.ndarray) -> int:
    """Number of molecules of a species, by the topology or by repeated atom names."""
    kinds, bonded = atom_kinds_in(one.atoms), are_bonded(universe)[one.atoms.ix]
    if one.compound is None:
        # atoms of one kind that share a residue are ions, not a molecule
        alike = not bonded.any() and np.ptp(kinds) == 0
        return one.n_carriers if alike else len(distinct(molecule[one.atoms.ix]))
    fragments = distinct(molecule[one.atoms.ix])
    if bonded.all() and len(fragments) < one.n_carriers:
        return len(fragments)
    copies = copies_in(one.carrier_of_atom, kinds)
    with_bonds = np.bincount(one.carrier_of_atom, weights=bonded) > 0
    return int(np.where(with_bonds, 1, copies).sum())


def _valences(species: Sequence[IonSpecies]) -> list[str]:
    """Warnings on charges that are not those of names such as Zn2+, formal or scaled."""
    notes = []
    for one in species:
        found = re.fullmatch(r"([A-Z][a-z]?)([1-4])\+", one.name)
        if found and as_symbol(found[1]):
            valence = int(found[2])
            if not 0.6 * valence <= one.charge <= 1.05 * valence:
                notes.append(
                    f"charge of {one.name} is {one.charge:+g}, and its name says {valence:+d}: "
                    f"{charges_in_words(species)}"
                )
    return notes


def _other_sign(species: Sequence[IonSpecies], universe: Any) -> list[str]:
    """Single atoms whose charge has a sign that ions of their element do not have."""
    single = [one for one in species if one.n_carriers == len(one.atoms) and one.charge]
    if not single:
        return []
    notes, elements = [], elements_of(universe, by_mass=False)
    for one in single:
        found = np.unique(elements[one.atoms.ix])
        valence = _VALENCE.get(str(found[0]), 0) if len(found) == 1 else 0
        if valence * one.charge < 0:
            notes.append(
                f"charge of {one.name} is {one.charge:+g}, and its carriers are {found[0]} atoms, "
                f"whose ions have {valence:+d}: {charges_in_words(species)}; the charges of two "
                "species may be exchanged"
            )
    return notes


def _charges_of_topology(
    species: Sequence[IonSpecies], universe: Any, molecule: np.ndarray
) -> list[str]:
    """Warnings on charges that differ from the topology's by more than a scaling of charges."""
    charges = np.asarray(getattr(universe.atoms, "charges", np.zeros(len(molecule))))
    notes = []
    whole = np.bincount(molecule)
    for one in species:
        ix = one.atoms.ix
        if len(ix) != whole[distinct(molecule[ix])].sum() or not np.any(charges[ix]):
            continue
        found = float(charges[ix].sum()) / one.n_carriers
        if abs(found - one.charge) > _OTHER_CHARGE:
            notes.append(
                f"charge of {one.name} is {one.charge:+g}, and the charges of its atoms in the "
                f"topology sum to {found:+.2f} e per carrier: give the formal charge of one carrier"
            )
    return notes
