"""Elements from names, types, masses and residues together, as force fields write them."""

import numpy as np
import pytest

from mda_ionmech.lib.element_names import as_symbol, element_masses, element_of
from mda_ionmech.lib.elements import elements_of

from ..builders import make_universe

#: name, mass (0: not known), residue, whether it is a molecule by itself; then the element
CASES = """
CA    12.011  ALA  in    C
CA    40.08   CA   alone Ca
CA    0       CA   alone Ca
CA    0       ALA  in    C
CA    0       ALA  alone C
CAL   0       CAL  alone Ca
CL    35.45   CL   alone Cl
CL    0       CL   alone Cl
CL1   35.45   DCE  in    Cl
CLA   35.45   CLA  alone Cl
CLA   12.011  LIG  in    C
Cl-   0       Cl-  alone Cl
NA    22.99   NA   alone Na
NA    14.007  HEM  in    N
SOD   0       SOD  alone Na
Na+   0       Na+  alone Na
K+    0       K+   alone K
POT   39.1    POT  alone K
LI    0       LI   alone Li
LIT   6.94    LIT  alone Li
Li1   0       -    in    Li
BR    79.9    BR   alone Br
BR    0       BR   alone Br
I     126.9   I    alone I
MG    24.3    MG   alone Mg
ZN2   65.4    ZN2  alone Zn
Zn2+  0       -    alone Zn
CU    63.5    CU   alone Cu
RB    0       RB   alone Rb
CS    132.9   CS   alone Cs
CS    12.011  LIG  in    C
CES   0       CES  alone Cs
AG    107.9   -    alone Ag
CO    58.9    CO   alone Co
CO    12.011  LIG  in    C
LA    0       -    alone La
HG    1.008   LIG  in    H
OS    16      LIG  in    O
SI1   0       LIG  in    Si
H1A   3.024   LIG  in    H
C1    9       LIG  in    C
CH3   15.035  LIG  in    C
1     6.94    -    alone Li
1     35.45   -    alone Cl
2     0       -    alone -
DLI   0.4     LI   in    -
LI    6.54    LI   in    Li
DB    0       BR   in    -
MW    0       SOL  in    -
LP1   0       SOL  in    -
W     72      W    alone -
"""


def cases():
    for row in CASES.strip().splitlines():
        name, mass, residue, alone, element = ("" if c == "-" else c for c in row.split())
        yield name, float(mass), residue, alone == "alone", element


@pytest.mark.parametrize(("name", "mass", "residue", "alone", "element"), list(cases()))
def test_an_atom_is_the_element_its_file_means(name, mass, residue, alone, element):
    assert element_of(name, mass, residue, alone) == element


@pytest.mark.parametrize("symbol", sorted(element_masses()))
def test_every_element_is_known_by_its_symbol_and_in_capitals_with_its_mass(symbol):
    mass = element_masses()[symbol]
    assert as_symbol(symbol) == as_symbol(symbol.upper()) == symbol
    for name in (symbol, symbol.upper(), f"{symbol.upper()}1", f"{symbol}+"):
        assert element_of(name, mass, name, alone=True) == symbol


def test_elements_of_a_universe():
    u = make_universe(
        np.zeros((3, 9, 3)),
        names=["LI", "CL", "OW", "HW1", "HW2", "MW", "CA", "CA", "x"],
        resnames=["LI", "CL", "SOL", "CA", "ALA", "x"],
        residue=[0, 1, 2, 2, 2, 2, 3, 4, 5],
        masses=[6.94, 35.45, 15.999, 1.008, 1.008, 0.0, 40.08, 12.011, 63.5],
    )
    assert elements_of(u).tolist() == ["Li", "Cl", "O", "H", "H", "", "Ca", "C", "Cu"]
    u.add_TopologyAttr("elements", ["LI", "", "O", "", "H", "", "C", "", ""])
    assert elements_of(u).tolist() == ["Li", "Cl", "O", "H", "H", "", "C", "C", "Cu"]


def test_equal_masses_tell_no_element():
    u = make_universe(np.zeros((3, 2, 3)), names=["LI", "CL"], masses=[12.0, 12.0])
    assert elements_of(u).tolist() == ["Li", "Cl"]
