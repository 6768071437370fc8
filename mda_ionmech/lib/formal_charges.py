"""Formal charges of ions from their atoms and bonds.

Named ions are recognised by formula and by the number of bonds of each pair of elements. For other
molecules the charge is the sum over groups whose charge follows from the number of neighbours, the
octet rule of Lewis structures: a nitrogen with four is +1, a boron with four -1, a carboxylate -1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

LANTHANIDES = (
    "La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu",
)  # fmt: skip
#: Charges of ions of one atom, e (most common oxidation state; Cu and Tl that of their halides).
MONATOMIC = {
    "H": 1,
    **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs", "Ag", "Cu", "Tl"), 1),
    **dict.fromkeys(
        ("Be", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Hg", "Pb", "Mn", "Fe", "Co", "Ni"), 2
    ),
    **dict.fromkeys(("Al", "Ga", "In", "Bi", "Sc", "Y", "Cr", "Pu", *LANTHANIDES), 3),
    **dict.fromkeys(("Si", "Ge", "Sn", "Ti", "Zr", "Hf", "Th", "U"), 4),
    **dict.fromkeys(("P", "As", "Sb", "Nb", "Ta", "V"), 5),
    **dict.fromkeys(("Mo", "W"), 6),
    **dict.fromkeys(("F", "Cl", "Br", "I"), -1),
    **dict.fromkeys(("O", "S", "Se", "Te"), -2),
    "N": -3,
}
#: Elements whose single atoms are cations in liquids.
CATIONS = frozenset(
    {"Li", "Na", "K", "Rb", "Cs", "Ag", "Cu", "Mg", "Ca", "Sr", "Ba", "Zn", "Al", "Mn", "Fe", "Co",
     "Ni", "Cd", "Hg", "Pb", "Be", "Ga", "In", "Bi", "Sc", "Y", "Cr", *LANTHANIDES}
)  # fmt: skip
#: Those that have no molecules with halogens in a liquid.
SALT_CATIONS = frozenset({"Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", *LANTHANIDES})
#: Elements whose single atoms are anions in liquids.
ANIONS = frozenset({"F", "Cl", "Br", "I"})
#: Ions that diffuse in crystals.
MOBILE = frozenset({"Li", "Na", "K", "Ag", "Cu"})

#: Charge, formula and bonds of named ions. Elements and pairs are in alphabetical order, each with
#: its number where it is above 1. Structures: Greenwood and Earnshaw, Chemistry of the Elements,
#: 2nd ed. (1997); anions of electrolytes: Xu, Chem. Rev. 114, 11503 (2014).
NAMED = {
    # hydrogen and nitrogen
    "NH4+": (1, "H4N", "H-N4"),
    "H3O+": (1, "H3O", "H-O3"),
    "OH-": (-1, "HO", "H-O"),
    "NH2-": (-1, "H2N", "H-N2"),
    "HF2-": (-1, "F2H", "F-H2"),
    "N3-": (-1, "N3", "N-N2"),
    "NO3-": (-1, "NO3", "N-O3"),
    "NO2-": (-1, "NO2", "N-O2"),
    # borates, boranes, aluminates
    "BF4-": (-1, "BF4", "B-F4"),
    "BH4-": (-1, "BH4", "B-H4"),
    "BO3 3-": (-3, "BO3", "B-O3"),
    "TCB-": (-1, "BC4N4", "B-C4 C-N4"),
    "BOB-": (-1, "BC4O8", "B-O4 C-C2 C-O8"),
    "DFOB-": (-1, "BC2F2O4", "B-F2 B-O2 C-C C-O4"),
    "BPh4-": (-1, "BC24H20", "B-C4 C-C24 C-H20"),
    "B10H10 2-": (-2, "B10H10", ""),
    "B12H12 2-": (-2, "B12H12", ""),
    "CB9H10-": (-1, "B9CH10", ""),
    "CB11H12-": (-1, "B11CH12", ""),
    "AlCl4-": (-1, "AlCl4", "Al-Cl4"),
    "Al2Cl7-": (-1, "Al2Cl7", "Al-Cl8"),
    "AlH4-": (-1, "AlH4", "Al-H4"),
    # phosphorus, arsenic, antimony
    "PF6-": (-1, "F6P", "F-P6"),
    "AsF6-": (-1, "AsF6", "As-F6"),
    "SbF6-": (-1, "F6Sb", "F-Sb6"),
    "FAP-": (-1, "C6F18P", "C-C3 C-F15 C-P3 F-P3"),
    "PO2F2-": (-1, "F2O2P", "F-P2 O-P2"),
    "PO4 3-": (-3, "O4P", "O-P4"),
    "HPO4 2-": (-2, "HO4P", "H-O O-P4"),
    "H2PO4-": (-1, "H2O4P", "H-O2 O-P4"),
    "P2O7 4-": (-4, "O7P2", "O-P8"),
    "PS4 3-": (-3, "PS4", "P-S4"),
    "P2S6 4-": (-4, "P2S6", "P-P P-S6"),
    "P2S7 4-": (-4, "P2S7", "P-S8"),
    "SbS4 3-": (-3, "S4Sb", "S-Sb4"),
    # sulfur, silicon, germanium, tin
    "SO4 2-": (-2, "O4S", "O-S4"),
    "HSO4-": (-1, "HO4S", "H-O O-S4"),
    "SO3F-": (-1, "FO3S", "F-S O-S3"),
    "S4 2-": (-2, "S4", "S-S3"),
    "S6 2-": (-2, "S6", "S-S5"),
    "S8 2-": (-2, "S8", "S-S7"),
    "SiO4 4-": (-4, "O4Si", "O-Si4"),
    "SiS4 4-": (-4, "S4Si", "S-Si4"),
    "GeS4 4-": (-4, "GeS4", "Ge-S4"),
    "SnS4 4-": (-4, "S4Sn", "S-Sn4"),
    # halogens and halides of metals
    "ClO4-": (-1, "ClO4", "Cl-O4"),
    "ClO3-": (-1, "ClO3", "Cl-O3"),
    "Br3-": (-1, "Br3", "Br-Br2"),
    "I3-": (-1, "I3", "I-I2"),
    "YCl6 3-": (-3, "Cl6Y", "Cl-Y6"),
    "InCl6 3-": (-3, "Cl6In", "Cl-In6"),
    "ZrCl6 2-": (-2, "Cl6Zr", "Cl-Zr6"),
    # carbon
    "CO3 2-": (-2, "CO3", "C-O3"),
    "HCO3-": (-1, "CHO3", "C-O3 H-O"),
    "C2O4 2-": (-2, "C2O4", "C-C C-O4"),
    "OCN-": (-1, "CNO", "C-N C-O"),
    "SCN-": (-1, "CNS", "C-N C-S"),
    "DCA-": (-1, "C2N3", "C-N4"),
    "TCM-": (-1, "C4N3", "C-C3 C-N3"),
    "TDI-": (-1, "C6F3N4", "C-C4 C-F3 C-N6"),
    "HCOO-": (-1, "CHO2", "C-H C-O2"),
    "OAc-": (-1, "C2H3O2", "C-C C-H3 C-O2"),
    "TFA-": (-1, "C2F3O2", "C-C C-F3 C-O2"),
    "OBz-": (-1, "C7H5O2", "C-C7 C-H5 C-O2"),
    # sulfonates, sulfates and sulfonylimides
    "TFSI-": (-1, "C2F6NO4S2", "C-F6 C-S2 N-S2 O-S4"),
    "FSI-": (-1, "F2NO4S2", "F-S2 N-S2 O-S4"),
    "FTFSI-": (-1, "CF4NO4S2", "C-F3 C-S F-S N-S2 O-S4"),
    "BETI-": (-1, "C4F10NO4S2", "C-C2 C-F10 C-S2 N-S2 O-S4"),
    "OTf-": (-1, "CF3O3S", "C-F3 C-S O-S3"),
    "OMs-": (-1, "CH3O3S", "C-H3 C-S O-S3"),
    "OTs-": (-1, "C7H7O3S", "C-C7 C-H7 C-S O-S3"),
    "MeSO4-": (-1, "CH3O4S", "C-H3 C-O O-S4"),
    "EtSO4-": (-1, "C2H5O4S", "C-C C-H5 C-O O-S4"),
}
#: Common names of organic cations by their group and formula.
_ONIUM = {
    ("imidazolium", "C5H9N2"): "MMIM+",
    ("imidazolium", "C6H11N2"): "EMIM+",
    ("imidazolium", "C7H13N2"): "PMIM+",
    ("imidazolium", "C8H15N2"): "BMIM+",
    ("imidazolium", "C10H19N2"): "HMIM+",
    ("imidazolium", "C12H23N2"): "OMIM+",
    ("pyridinium", "C9H14N"): "BPy+",
    ("pyrrolidinium", "C7H16N"): "PYR12+",
    ("pyrrolidinium", "C8H18N"): "PYR13+",
    ("pyrrolidinium", "C9H20N"): "PYR14+",
    ("piperidinium", "C9H20N"): "PIP13+",
    ("piperidinium", "C10H22N"): "PIP14+",
    ("ammonium", "C4H12N"): "TMA+",
    ("ammonium", "C8H20N"): "TEA+",
    ("ammonium", "C16H36N"): "TBA+",
    ("ammonium", "C7H18N"): "N1114+",
    ("ammonium", "C8H20NO"): "DEME+",
    ("ammonium", "C5H14NO"): "choline+",
    ("phosphonium", "C4H12P"): "P1111+",
    ("phosphonium", "C16H36P"): "P4444+",
    ("phosphonium", "C32H68P"): "P66614+",
    ("sulfonium", "C3H9S"): "S111+",
    ("sulfonium", "C6H15S"): "S222+",
    ("guanidinium", "CH6N3"): "guanidinium+",
}


class Ion(NamedTuple):
    """A recognised ion.

    Attributes
    ----------
    name : str
        E.g. ``TFSI-``; of an unnamed one its formula with the charge.
    charge : int
        Formal charge, e.
    why : str
        What it was recognised by.
    """

    name: str
    charge: int
    why: str


def formula_of(elements: Sequence[str]) -> str:
    """Elements in alphabetical order with their numbers, e.g. ``C2F6NO4S2``.

    Parameters
    ----------
    elements : sequence of str
        Symbols of the atoms of a molecule; empty ones (sites without a nucleus) are left out.
    """
    counts = Counter(e for e in elements if e)
    return "".join(f"{e}{n if n > 1 else ''}" for e, n in sorted(counts.items()))


def bonds_of(elements: Sequence[str], pairs: np.ndarray) -> str:
    """Number of bonds of each pair of elements, e.g. ``C-F6 C-S2 N-S2 O-S4``.

    Parameters
    ----------
    elements : sequence of str
    pairs : numpy.ndarray
        Shape (bonds, 2), int: the atoms of each bond, by their place in `elements`.
    """
    counts = Counter(
        "-".join(sorted((elements[i], elements[j])))
        for i, j in pairs
        if elements[i] and elements[j]
    )
    return " ".join(f"{pair}{n if n > 1 else ''}" for pair, n in sorted(counts.items()))


def with_sign(name: str, charge: int) -> str:
    """A name with a charge at its end: ``Zn2+``, ``Cl-``; ``SO4 2-`` after a digit."""
    if charge == 0:
        return name
    number = str(abs(charge)) if abs(charge) > 1 else ""
    gap = " " if number and name[-1:].isdigit() else ""
    return f"{name}{gap}{number}{'+' if charge > 0 else '-'}"


def ion_of(elements: Sequence[str], pairs: np.ndarray | None = None) -> Ion | None:
    """The ion that atoms and bonds make; None for molecules that are neutral or not recognised.

    Parameters
    ----------
    elements : sequence of str
        Symbols of the atoms of one molecule, hydrogen included.
    pairs : numpy.ndarray, optional
        Shape (bonds, 2), int: the atoms of each bond, by their place in `elements`. None: bonds are
        not known, and named ions are recognised by their formula alone.

    Returns
    -------
    Ion or None

    Notes
    -----
    A single atom is an ion with its most common charge if its element forms ions in liquids.
    Groups, with their neighbours: N or P of four, S of three C and O of three (+1); rings of
    imidazolium and pyridinium, guanidinium (+1); B or Al of four and P, As or Sb of six (-1);
    carboxylates, sulfonates, sulfates, sulfonylimides, phosphates with two oxygens of their own
    (-1).
    """
    atoms = [e for e in elements if e]
    formula = formula_of(atoms)
    if len(atoms) == 1:
        symbol = atoms[0]
        if symbol not in CATIONS | ANIONS:
            return None
        return Ion(with_sign(symbol, MONATOMIC[symbol]), MONATOMIC[symbol], f"a single {symbol}")
    bonded = pairs is not None and len(pairs) > 0
    bonds = bonds_of(elements, pairs) if pairs is not None else ""
    for name, (charge, of_atoms, of_bonds) in NAMED.items():
        if formula == of_atoms and (not bonded or not of_bonds or bonds == of_bonds):
            how = " and bonds" if bonded and of_bonds else ""
            return Ion(name, charge, f"the formula{how} of {name}")
    if not bonded:
        return None
    assert pairs is not None
    groups = list(_charged_groups(elements, pairs))
    charge = sum(z for _, z in groups)
    if not charge:
        return None
    kinds = [kind for kind, _ in groups]
    known = _ONIUM.get((kinds[0], formula)) if len(kinds) == 1 else None
    named = ", ".join(f"{n} x {k}" if n > 1 else k for k, n in Counter(kinds).items())
    return Ion(known or with_sign(formula, charge), charge, f"its bonds: {named}")


def _charged_groups(elements: Sequence[str], pairs: np.ndarray) -> Iterator[tuple[str, int]]:
    """Kind and charge of every charged group of a molecule."""
    near: list[list[int]] = [[] for _ in elements]
    for i, j in pairs:
        near[i].append(int(j))
        near[j].append(int(i))
    rings = _rings_with_nitrogen(elements, near)
    used: set[int] = set()
    for ring in rings:
        kind = _aromatic_cation(elements, near, ring)
        if kind and not used & set(ring):
            used |= set(ring)
            yield kind, 1
    for k, element in enumerate(elements):
        if k in used:
            continue
        found = _group_at(element, k, elements, near, rings)
        if found:
            yield found


def _group_at(
    element: str,
    k: int,
    elements: Sequence[str],
    near: list[list[int]],
    rings: list[tuple[int, ...]],
) -> tuple[str, int] | None:
    """The charged group whose central atom is k."""
    around = Counter(elements[n] for n in near[k])
    n_near = len(near[k])
    # oxygens without another neighbour
    ends = sum(elements[n] == "O" and len(near[n]) == 1 for n in near[k])
    if element == "N":
        if n_near == 4 and set(around) <= {"B", "C", "H"}:
            return _onium_family(k, elements, rings), 1
        sulfonyl = [n for n in near[k] if _is_sulfonyl(n, elements, near)]
        return ("sulfonylimide", -1) if n_near == 2 == len(sulfonyl) else None
    if element == "P" and n_near == 4 and set(around) <= {"C", "H"}:
        return "phosphonium", 1
    if element == "P" and n_near == 4 and ends >= 2:
        return "phosphate", 1 - ends
    if element == "S" and n_near == 3 and set(around) == {"C"}:
        return "sulfonium", 1
    if element == "S" and n_near == 4 and ends >= 3:
        return ("sulfate" if around["O"] == 4 else "sulfonate"), 2 - ends
    if element == "O" and n_near == 3 and set(around) <= {"C", "H"}:
        return "oxonium", 1
    if element in ("B", "Al") and n_near == 4:
        return ("borate" if element == "B" else "aluminate"), -1
    if element in ("P", "As", "Sb") and n_near == 6:
        return f"{element} of six neighbours", -1
    if element == "C" and n_near == 3 and ends == 2 and around["O"] == 2:
        return "carboxylate", -1
    if element == "C" and around["N"] == n_near == 3:
        nitrogens = all(len(near[n]) == 3 for n in near[k])
        return ("guanidinium", 1) if nitrogens else None
    return None


def _is_sulfonyl(k: int, elements: Sequence[str], near: list[list[int]]) -> bool:
    """Whether an atom is a sulfur with two oxygens of their own."""
    ends = sum(elements[n] == "O" and len(near[n]) == 1 for n in near[k])
    return elements[k] == "S" and ends == 2


def _onium_family(k: int, elements: Sequence[str], rings: list[tuple[int, ...]]) -> str:
    """The family of a nitrogen of four neighbours, by the ring it is in."""
    families = {"C4": "pyrrolidinium", "C5": "piperidinium", "C4O": "morpholinium"}
    around = [formula_of([elements[n] for n in ring if n != k]) for ring in rings if k in ring]
    return next((families[f] for f in around if f in families), "ammonium")


def _aromatic_cation(
    elements: Sequence[str], near: list[list[int]], ring: tuple[int, ...]
) -> str | None:
    """``imidazolium`` or ``pyridinium`` for such a ring."""
    kinds = Counter(elements[n] for n in ring)
    carbons = [n for n in ring if elements[n] == "C"]
    nitrogens = [n for n in ring if elements[n] == "N"]
    flat = all(len(near[n]) <= 3 for n in carbons) and all(len(near[n]) == 3 for n in nitrogens)
    ketone = any(elements[m] == "O" and len(near[m]) == 1 for n in carbons for m in near[n])
    if not flat or ketone:
        return None
    if kinds == {"C": 3, "N": 2} and nitrogens[0] not in near[nitrogens[1]]:
        return "imidazolium"
    return "pyridinium" if kinds == {"C": 5, "N": 1} else None


def _rings_with_nitrogen(elements: Sequence[str], near: list[list[int]]) -> list[tuple[int, ...]]:
    """Rings of five and six atoms, with nitrogen, each once, in ascending order of their atoms."""
    found: set[tuple[int, ...]] = set()

    def go_on(path: list[int]) -> None:
        for n in near[path[-1]]:
            if n == path[0] and len(path) in (5, 6):
                found.add(tuple(sorted(path)))
            elif n not in path and len(path) < 6 and len(near[n]) > 1:
                go_on([*path, n])

    for start, element in enumerate(elements):
        if element == "N":
            go_on([start])
    return sorted(found)


def balanced(counts: dict[str, int]) -> dict[str, float] | None:
    """Charges of the elements of an ionic crystal that sum to zero.

    All elements have their most common charge, or one of them, no halogen and no alkali metal,
    another one that makes the whole neutral.

    Parameters
    ----------
    counts : dict of str to int
        Number of atoms by element.

    Returns
    -------
    dict of str to float or None
        Charge by element, e; None where no such charges exist.
    """
    if not counts or any(e not in MONATOMIC for e in counts):
        return None
    charges = {e: float(MONATOMIC[e]) for e in counts}
    net = sum(charges[e] * n for e, n in counts.items())
    if abs(net) < 1e-9:
        return charges
    for element, n in counts.items():
        wanted = charges[element] - net / n
        fixed = abs(MONATOMIC[element]) == 1 and element not in ("Cu", "H")
        if not fixed and abs(wanted - round(wanted)) < 1e-9 and -4 <= wanted <= 7 and wanted:
            return charges | {element: float(round(wanted))}
    return None
