"""The element of an atom, from its element, name, type, mass, residue and whether it is alone.

Force fields write names in capitals, so that CA is a carbon of a protein or a calcium ion, and NA a
sodium or a nitrogen. The mass decides where it was read from a file; else whether the atom is alone
in its residue, as ions are.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np

#: Names of ions in force fields, without their charge.
_ION_NAMES = {
    "SOD": "Na", "POT": "K", "LIT": "Li", "CLA": "Cl", "CLAL": "Cl", "CAL": "Ca", "CES": "Cs",
    "RUB": "Rb", "BAR": "Ba", "CAD": "Cd", "IOD": "I", "BRO": "Br", "FLU": "F", "MAG": "Mg",
    "ZIN": "Zn", "SIL": "Ag",
}  # fmt: skip
#: Symbols that are no elements in simulations of electrolytes: DB is a Drude particle, NO a nitrate
_NOT_MEANT = frozenset(
    {
        "Ac", "Am", "At", "Bh", "Bk", "Cf", "Cm", "Db", "Es", "Fm", "Fr", "Hs", "Lr", "Md", "Mt",
        "No", "Np", "Pa", "Pm", "Po", "Ra", "Rf", "Rn", "Sg",
    }
)  # fmt: skip
#: Names of virtual sites and lone pairs.
_SITES = re.compile(r"(EP|LP|MW|VS|DUM)[A-Z]?[0-9]*$", re.IGNORECASE)
#: Elements of organic molecules. In a molecule, if nothing else is known, a name in capitals that
#: begins with one of these letters is that element (CA, NE, OS, HG), with these exceptions.
_ORGANIC = frozenset({"H", "B", "C", "N", "O", "F", "P", "S", "I", "K"})
_TWO_LETTERS_IN_MOLECULES = frozenset({"Br", "Cl", "Fe", "Se", "Si"})
#: Masses of these may be shifted from or to hydrogens, u: united atoms, repartitioned masses.
_SHIFTED = {"H": (0.5, 3.5), "C": (7.0, 4.1), "N": (6.5, 4.1), "O": (4.5, 3.1), "S": (3.5, 2.1)}
#: Names of atoms of molecules in force fields that are also symbols of metals and gases.
_OF_MOLECULES = frozenset({"CD", "CE", "HE", "HF", "HG", "HO", "NB", "ND", "NE", "OS"})
_AMINO_ACIDS = frozenset(
    {
        "ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "HID", "HIE", "HIP", "HSD",
        "HSE", "HSP", "ILE", "LEU", "LYS", "MET", "PHE", "PRO", "SER", "THR", "TRP", "TYR", "VAL",
    }
)  # fmt: skip


@cache
def element_masses() -> dict[str, float]:
    """Atomic masses in u by symbol (``Li``, ``Cl``), those of MDAnalysis."""
    from MDAnalysis.guesser.tables import masses as table

    by_symbol = {s.capitalize(): float(m) for s, m in table.items() if len(s) <= 2 and m > 0}
    return {s: m for s, m in by_symbol.items() if s not in _NOT_MEANT}


def as_symbol(text: Any) -> str:
    """``"CL"``, ``"cl"`` or ``"Cl1-"`` as ``"Cl"``; "" if it is no element."""
    letters = re.match(r"[^A-Za-z]*([A-Za-z]{1,2})(?![A-Za-z])", str(text))
    symbol = letters[1].capitalize() if letters else ""
    return symbol if symbol in element_masses() else ""


def _fits(symbol: str, mass: float) -> float:
    """Difference of a mass from that of an element, u; infinity where it cannot be its mass."""
    gap = mass - element_masses()[symbol]
    lower, upper = _SHIFTED.get(symbol, (0.0, 0.0))
    slack = max(1.0, 0.04 * mass)
    return abs(gap) if -max(lower, slack) <= gap <= max(upper, slack) else np.inf


def _from_mass(mass: float) -> str:
    """The element of a mass, to the precision of files; "" if none is so close."""
    symbol, gap = min(((s, abs(m - mass)) for s, m in element_masses().items()), key=lambda x: x[1])
    return symbol if gap <= 0.1 else ""


def element_of(name: str, mass: float = 0.0, residue: str = "", alone: bool = False) -> str:
    """Element of one atom from its name and further information.

    Parameters
    ----------
    name : str
        As a file writes it: ``CL``, ``Na+``, ``ZN2``, ``H1A``, ``SOD``.
    mass : float
        u; 0 where it is unknown.
    residue : str
        Name of its residue.
    alone : bool
        Whether the atom is a molecule by itself.

    Returns
    -------
    str
        Its symbol; "" where nothing fits, as for virtual sites and coarse beads.
    """
    known = element_masses()
    letters = re.search(r"[A-Za-z]+", name)
    word = letters[0] if letters else ""
    ion = _ION_NAMES.get(word.upper(), "")
    two = word[:2].capitalize() if len(word) > 1 else ""
    one = word[:1].upper()
    candidates = [s for s in (ion, two, one) if s in known]
    if mass > 0:
        if candidates:
            best = min(candidates, key=lambda s: _fits(s, mass))
            if np.isfinite(_fits(best, mass)):
                return best
        return _from_mass(mass)
    # "Cl", "Na" and "Si" are written out; "Ca" and "Cd" too, but "Cab" is a carbon
    if two in known and word == two:
        return two
    if alone and residue.upper() not in _AMINO_ACIDS:
        if ion:
            return ion
        if two in known and (len(word) == 2 or residue.upper().startswith(word[:2].upper())):
            return two
        return one if one in known and len(word) == 1 else ""
    if two in known and (one not in _ORGANIC or two in _TWO_LETTERS_IN_MOLECULES):
        return two
    return one if one in _ORGANIC and one != "K" else ""


def _codes(values: Any, n_atoms: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the distinct strings of an attribute, and the strings."""
    import pandas as pd

    if values is None:
        return np.zeros(n_atoms, dtype=np.int64), np.array([""], dtype=object)
    codes, distinct = pd.factorize(np.asarray(values, dtype=object))
    return codes.astype(np.int64), np.array([str(v) for v in distinct], dtype=object)


def is_guessed(universe: Any, attribute: str) -> bool:
    """Whether MDAnalysis made up an attribute of the topology from names or types."""
    found = getattr(universe._topology, attribute, None)
    guessed = getattr(found, "is_guessed", False)
    return bool(guessed) if isinstance(guessed, bool) else bool(np.all(guessed))


def are_sites(universe: Any) -> np.ndarray:
    """Whether the name of each atom is that of a site without a nucleus, shape (atoms,).

    Virtual sites and lone pairs (MW, EP, LP1, VS1), and Drude particles: a D before the name of
    another atom of a residue of the same name (DO beside O).
    """
    atoms = universe.atoms
    n_atoms = int(atoms.n_atoms)
    names, name = _codes(getattr(atoms, "names", None), n_atoms)
    residues, residue = _codes(getattr(atoms, "resnames", None), n_atoms)
    pairs = names * len(residue) + residues
    there = {(str(name[k // len(residue)]), k % len(residue)) for k in set(pairs.tolist())}

    def is_site(word: str, where: int) -> bool:
        core = word[1:] if word.upper().startswith("D") else ""
        return bool(_SITES.match(word)) or (bool(core) and (core, where) in there)

    known = {(word, where): is_site(word, where) for word, where in there}
    table = np.zeros(len(name) * len(residue), dtype=bool)
    place = {str(word): k for k, word in enumerate(name)}
    for (word, where), value in known.items():
        table[place[word] * len(residue) + where] = value
    return table[pairs]


def elements_by(universe: Any, single: np.ndarray, *, by_mass: bool = True) -> np.ndarray:
    """Element of every atom: the topology's, else from name, type, mass and residue together.

    Masses that MDAnalysis guessed from the names, or that are all equal, carry no information and
    are ignored. Where a topology has neither bonds nor residues, names that are no ions are read as
    those of atoms of molecules (OW, CT).

    Parameters
    ----------
    universe : Universe
    single : numpy.ndarray
        Shape (atoms,): whether each atom is a molecule by itself, as ions are.
    by_mass : bool
        False leaves masses out.

    Returns
    -------
    numpy.ndarray
        Shape (atoms,), symbols such as ``"Li"``; "" where it is unknown, and for sites without
        mass.

    Notes
    -----
    Cost: linear in the atoms; each distinct combination is examined once.
    """
    import pandas as pd

    atoms = universe.atoms
    n_atoms = int(atoms.n_atoms)
    given = [getattr(atoms, name, None) for name in ("elements", "names", "types", "resnames")]
    if is_guessed(universe, "types"):  # from the names, which are used here
        given[2] = None
    tables = [_codes(values, n_atoms) for values in given]
    mass = np.asarray(getattr(atoms, "masses", np.zeros(n_atoms)), dtype=np.float64)
    known = np.isfinite(mass)
    mass = np.where(known, mass, 0.0)
    kinds = max(len(distinct) for _, distinct in tables[:3])
    never_set = n_atoms > 1 and np.ptp(mass) == 0 and (kinds > 1 or mass[0] <= 1)
    site = known & (mass == 0) & bool(np.any(mass > 0))
    if never_set or not by_mass or is_guessed(universe, "masses"):
        mass = np.zeros(n_atoms)
    if is_guessed(universe, "masses"):
        site[:] = False
    tenth = np.rint(10 * mass).astype(np.int64)
    key = np.zeros(n_atoms, dtype=np.int64)
    for codes, size in [
        *((c, len(d)) for c, d in tables), (tenth, int(tenth.max()) + 1), (single, 2), (site, 2),
    ]:  # fmt: skip
        if size > 1:  # renumbered, so that the product of the sizes stays small
            key = pd.factorize(key * size + codes)[0].astype(np.int64)
    # without bonds and residues nothing tells ions from atoms of molecules
    unknown = n_atoms > 1 and bool(np.all(single)) and universe.residues.n_residues == 1
    first = np.full(int(key.max(initial=-1)) + 1, n_atoms, dtype=np.int64)
    np.minimum.at(first, key, np.arange(n_atoms))

    def ask(k: int) -> str:
        element, name, kind, residue = (str(d[c[k]]) for c, d in tables)
        if as_symbol(element):
            return as_symbol(element)
        if site[k]:
            return ""
        about = float(mass[k]), residue
        alone = bool(single[k]) and not (unknown and name.strip() in _OF_MOLECULES)
        for text in (name, kind):
            found = element_of(text, *about, alone) if text.strip() else ""
            if not found and unknown and text.strip():  # OW, CT: alone in no file with molecules
                found = element_of(text, *about, False)
            if found:
                return found
        return ""

    return np.array([ask(int(k)) for k in first], dtype=object).astype(str)[key]
