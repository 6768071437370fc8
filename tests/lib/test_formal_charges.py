"""Formal charges of ions, from connectivity written out by hand."""

import re

import numpy as np
import pytest

from mda_ionmech.lib.formal_charges import (
    _ONIUM,
    ANIONS,
    CATIONS,
    MONATOMIC,
    NAMED,
    balanced,
    bonds_of,
    formula_of,
    ion_of,
    with_sign,
)


def counts_in(formula):
    """Number of atoms of each element of a formula such as ``C2F6NO4S2``."""
    found = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    return {element: int(number or 1) for element, number in found}


def molecule(line):
    """Elements and bonds of a line such as ``CH3N%1CHNCHCH%1``: branches, % and a digit for rings.

    Every atom is written, hydrogen too, after the atom that holds it (``[H]`` between two); the
    order of bonds is not.
    """
    elements, bonds, stack, last, rings = [], [], [], None, {}
    for token in re.findall(r"\[H\]|H\d?|[A-Z][a-z]?|\(|\)|%\d", line):
        if token == "(":
            stack.append(last)
        elif token == ")":
            last = stack.pop()
        elif token.startswith("%"):
            if token in rings:
                bonds.append((rings.pop(token), last))
            else:
                rings[token] = last
        elif token.startswith("H"):
            for _ in range(int(token[1:] or 1)):
                elements.append("H")
                bonds.append((last, len(elements) - 1))
        else:
            elements.append(token.strip("[]"))
            if last is not None:
                bonds.append((last, len(elements) - 1))
            last = len(elements) - 1
    assert not stack
    assert not rings
    return elements, np.array(bonds, dtype=int).reshape(-1, 2)


#: Structures of the named ions with bonds.
STRUCTURES = {
    "NH4+": "NH4", "H3O+": "OH3", "OH-": "OH", "NH2-": "NH2", "HF2-": "F[H]F",
    "N3-": "NNN", "NO3-": "N(O)(O)O", "NO2-": "N(O)O",
    "BF4-": "B(F)(F)(F)F", "BH4-": "BH4", "BO3 3-": "B(O)(O)O",
    "TCB-": "B(CN)(CN)(CN)CN",
    "BOB-": "O%1C(O)C(O)OB%1%2OC(O)C(O)O%2",
    "DFOB-": "O%1C(O)C(O)OB%1(F)F",
    "BPh4-": "B" + "(C%1CHCHCHCHCH%1)" * 4,
    "AlCl4-": "Al(Cl)(Cl)(Cl)Cl", "Al2Cl7-": "Al(Cl)(Cl)(Cl)ClAl(Cl)(Cl)Cl", "AlH4-": "AlH4",
    "PF6-": "P(F)(F)(F)(F)(F)F", "AsF6-": "As(F)(F)(F)(F)(F)F", "SbF6-": "Sb(F)(F)(F)(F)(F)F",
    "FAP-": "P(F)(F)(F)(C(F)(F)C(F)(F)F)(C(F)(F)C(F)(F)F)C(F)(F)C(F)(F)F",
    "PO2F2-": "P(O)(O)(F)F", "PO4 3-": "P(O)(O)(O)O", "HPO4 2-": "P(O)(O)(O)OH",
    "H2PO4-": "P(O)(O)(OH)OH", "P2O7 4-": "P(O)(O)(O)OP(O)(O)O", "PS4 3-": "P(S)(S)(S)S",
    "P2S6 4-": "P(S)(S)(S)P(S)(S)S", "P2S7 4-": "P(S)(S)(S)SP(S)(S)S", "SbS4 3-": "Sb(S)(S)(S)S",
    "SO4 2-": "S(O)(O)(O)O", "HSO4-": "S(O)(O)(O)OH", "SO3F-": "S(O)(O)(O)F",
    "S4 2-": "SSSS", "S6 2-": "SSSSSS", "S8 2-": "SSSSSSSS",
    "SiO4 4-": "Si(O)(O)(O)O", "SiS4 4-": "Si(S)(S)(S)S", "GeS4 4-": "Ge(S)(S)(S)S",
    "SnS4 4-": "Sn(S)(S)(S)S",
    "ClO4-": "Cl(O)(O)(O)O", "ClO3-": "Cl(O)(O)O", "Br3-": "BrBrBr", "I3-": "III",
    "YCl6 3-": "Y(Cl)(Cl)(Cl)(Cl)(Cl)Cl", "InCl6 3-": "In(Cl)(Cl)(Cl)(Cl)(Cl)Cl",
    "ZrCl6 2-": "Zr(Cl)(Cl)(Cl)(Cl)(Cl)Cl",
    "CO3 2-": "C(O)(O)O", "HCO3-": "C(O)(O)OH", "C2O4 2-": "C(O)(O)C(O)O",
    "OCN-": "OCN", "SCN-": "SCN", "DCA-": "N(CN)CN", "TCM-": "C(CN)(CN)CN",
    "TDI-": "N%1C(CN)C(CN)NC%1C(F)(F)F",
    "HCOO-": "CH(O)O", "OAc-": "CH3C(O)O", "TFA-": "C(F)(F)(F)C(O)O",
    "OBz-": "C(O)(O)C%1CHCHCHCHCH%1",
    "TFSI-": "FC(F)(F)S(O)(O)NS(O)(O)C(F)(F)F", "FSI-": "FS(O)(O)NS(O)(O)F",
    "FTFSI-": "FS(O)(O)NS(O)(O)C(F)(F)F",
    "BETI-": "C(F)(F)(F)C(F)(F)S(O)(O)NS(O)(O)C(F)(F)C(F)(F)F",
    "OTf-": "C(F)(F)(F)S(O)(O)O", "OMs-": "CH3S(O)(O)O",
    "OTs-": "CH3C%1CHCHC(S(O)(O)O)CHCH%1",
    "MeSO4-": "CH3OS(O)(O)O", "EtSO4-": "CH3CH2OS(O)(O)O",
}  # fmt: skip
#: Cages of boron, whose bonds are not compared.
CAGES = {"B10H10 2-", "B12H12 2-", "CB9H10-", "CB11H12-"}


def chain(n):
    return "CH2" * (n - 1) + "CH3"


def imidazolium(n):
    return f"CH3N%1CHN({chain(n)})CHCH%1"


#: Structures of organic cations by the name of their table.
CATIONS_WITH_CARBON = {
    "MMIM+": "CH3N%1CHN(CH3)CHCH%1",
    **{f"{k}MIM+": imidazolium(n) for k, n in zip("EPBHO", (2, 3, 4, 6, 8), strict=True)},
    "BPy+": f"N%1({chain(4)})CHCHCHCHCH%1",
    **{f"PYR1{n}+": f"N%1(CH3)({chain(n)})CH2CH2CH2CH2%1" for n in (2, 3, 4)},
    **{f"PIP1{n}+": f"N%1(CH3)({chain(n)})CH2CH2CH2CH2CH2%1" for n in (3, 4)},
    "TMA+": "N(CH3)(CH3)(CH3)CH3",
    "TEA+": "N" + f"({chain(2)})" * 3 + chain(2),
    "TBA+": "N" + f"({chain(4)})" * 3 + chain(4),
    "N1114+": f"N(CH3)(CH3)(CH3){chain(4)}",
    "DEME+": f"N(CH3)({chain(2)})({chain(2)})CH2CH2OCH3",
    "choline+": "N(CH3)(CH3)(CH3)CH2CH2OH",
    "P1111+": "P(CH3)(CH3)(CH3)CH3",
    "P4444+": "P" + f"({chain(4)})" * 3 + chain(4),
    "P66614+": "P" + f"({chain(6)})" * 3 + chain(14),
    "S111+": "S(CH3)(CH3)CH3",
    "S222+": "S" + f"({chain(2)})" * 2 + chain(2),
    "guanidinium+": "C(NH2)(NH2)NH2",
}


def test_every_named_ion_has_a_structure_here():
    assert set(STRUCTURES) | CAGES == set(NAMED)
    assert set(CATIONS_WITH_CARBON) == set(_ONIUM.values())
    assert len(NAMED) + len(_ONIUM) + len(CATIONS | ANIONS) > 60


@pytest.mark.parametrize("name", STRUCTURES)
def test_named_ions_by_their_bonds(name):
    elements, bonds = molecule(STRUCTURES[name])
    charge, formula, pairs = NAMED[name]
    assert (formula_of(elements), bonds_of(elements, bonds)) == (formula, pairs)
    found = ion_of(elements, bonds)
    assert (found.name, found.charge) == (name, charge)
    assert ion_of(elements).name == name, "by the formula alone, where there are no bonds"
    shuffled = np.random.default_rng(0).permutation(len(elements))
    place = np.argsort(shuffled)
    again = ion_of([elements[k] for k in shuffled], place[bonds][:, ::-1])
    assert (again.name, again.charge) == (name, charge), "whatever the order of the atoms"


@pytest.mark.parametrize("name", CATIONS_WITH_CARBON)
def test_organic_cations_by_their_bonds(name):
    found = ion_of(*molecule(CATIONS_WITH_CARBON[name]))
    assert (found.name, found.charge) == (name, 1)


@pytest.mark.parametrize("name", sorted(CAGES))
def test_cages_of_boron_by_formula(name):
    elements = [e for e, n in counts_in(NAMED[name][1]).items() for _ in range(n)]
    found = ion_of(elements)
    assert (found.name, found.charge) == (name, NAMED[name][0])


@pytest.mark.parametrize("symbol", sorted(CATIONS | ANIONS))
def test_single_atoms(symbol):
    found = ion_of([symbol, ""], np.array([[0, 1]]))
    assert (found.name, found.charge) == (with_sign(symbol, MONATOMIC[symbol]), MONATOMIC[symbol])
    assert ion_of(["C"]) is None
    assert ion_of(["O"]) is None, "a water without its hydrogens"


@pytest.mark.parametrize(
    ("structure", "charge"),
    [
        ("FC(F)(F)C(F)(F)C(F)(F)C(F)(F)S(O)(O)O", -1),  # perfluorobutane sulfonate
        ("CH3CH2CH2CH2CH2CH2CH2CH2OS(O)(O)O", -1),  # octyl sulfate
        ("CH3CH2CH2C(O)O", -1),  # butyrate
        ("CH3OP(O)(O)OCH3", -1),  # dimethyl phosphate
        ("OC(O)CH2CH(NH3)C(O)O", -1),  # aspartate
        ("NH3CH2C(O)O", 0),  # glycine, a zwitterion
        ("CH3N%1CHN(CH2CH2CH2S(O)(O)O)CHCH%1", 0),  # an imidazolium sulfonate
        ("BH3NH3", 0),  # ammonia borane
        ("N%1(CH3)(CH2CH3)CH2CH2OCH2CH2%1", 1),  # morpholinium
        ("C(N(CH3)CH3)(N(CH3)CH3)N(CH3)CH3", 1),  # hexamethylguanidinium
        ("CH3N%1CHC(N(CH3)(CH3)CH3)CHCHCH%1", 2),  # a pyridinium with an ammonium group
        ("CH2CH(S(O)(O)NS(O)(O)C(F)(F)F)CH2CH(S(O)(O)NS(O)(O)C(F)(F)F)", -2),  # of a polyanion
    ],
)
def test_other_ions_by_their_groups(structure, charge):
    found = ion_of(*molecule(structure))
    assert (found.charge if found else 0) == charge


@pytest.mark.parametrize(
    "structure",
    [
        "CH3CN",  # acetonitrile
        "OH2",
        "CH3OCH2CH2OCH3",  # dimethoxyethane
        "O%1C(O)OCH2CH2%1",  # ethylene carbonate
        "O%1C(O)OCH(F)CH2%1",  # fluoroethylene carbonate
        "CH3OC(O)OCH3",
        "CH3C(O)OCH2CH3",  # ethyl acetate
        "CH3S(O)CH3",  # dimethyl sulfoxide
        "O%1CH2CH2CH2S%1(O)O",  # propane sultone
        "CH3N%1CHNCHCH%1",  # 1-methylimidazole
        "N%1CHCHCHCHCH%1",  # pyridine
        "CH3N%1CH2CH2N(CH3)C%1O",  # 1,3-dimethyl-2-imidazolidinone
        "CH3N%1C(O)CH2CH2CH2%1",  # N-methylpyrrolidone
        "CH3NHC(O)N(H)CH3",  # dimethylurea
        "CH3OP(O)(OCH3)OCH3",  # trimethyl phosphate
        "S%1SSSSSSS%1",  # sulfur
        "CH3C(O)OH",
        "FCH2C(F)(F)OC(F)(F)CHF2",
        "B(F)(F)F",
    ],
)
def test_solvents_are_neutral(structure):
    assert ion_of(*molecule(structure.replace("CHF2", "CH(F)F"))) is None


def test_another_isomer_is_not_the_named_ion():
    elements, bonds = molecule("CH3OC(O)")  # formula of acetate, an ester radical
    assert formula_of(elements) == "C2H3O2"
    assert ion_of(elements, bonds) is None


def test_signs_of_names():
    assert [with_sign("Zn", 2), with_sign("Cl", -1), with_sign("SO4", -2), with_sign("C", 0)] == [
        "Zn2+", "Cl-", "SO4 2-", "C",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"Li": 7, "La": 3, "Zr": 2, "O": 12}, {"Li": 1, "La": 3, "Zr": 4, "O": -2}),
        ({"Li": 6, "P": 1, "S": 5, "Cl": 1}, {"Li": 1, "P": 5, "S": -2, "Cl": -1}),
        ({"Li": 10, "Ge": 1, "P": 2, "S": 12}, {"Li": 1, "Ge": 4, "P": 5, "S": -2}),
        ({"Na": 3, "P": 1, "S": 4}, {"Na": 1, "P": 5, "S": -2}),
        ({"Li": 3, "Y": 1, "Cl": 6}, {"Li": 1, "Y": 3, "Cl": -1}),
        ({"Li": 1, "Fe": 1, "P": 1, "O": 4}, {"Li": 1, "Fe": 2, "P": 5, "O": -2}),
        ({"Li": 1, "Co": 1, "O": 2}, {"Li": 1, "Co": 3, "O": -2}),
        ({"Ag": 1, "I": 1}, {"Ag": 1, "I": -1}),
        ({"Na": 1, "Cl": 2}, None),
        ({"Li": 1, "Xx": 1}, None),
    ],
)
def test_charges_of_a_crystal_sum_to_zero(counts, expected):
    found = balanced(counts)
    assert found == expected
    if found:
        assert sum(found[e] * n for e, n in counts.items()) == 0
