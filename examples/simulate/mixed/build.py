"""Write the inputs of GROMACS for LiPF6 in ethylene carbonate (EC) and dimethyl carbonate (DMC).

The non-bonded parameters, and all bonded ones that it has, are those of OPLS-AA as distributed with
GROMACS (oplsaa.ff), which the topology includes by name:

    EC    propylene carbonate, opls_771 to 774 and 777, without its methyl group
    DMC   esters, opls_465 to 469: Jorgensen, Maxwell, Tirado-Rives, J. Am. Chem. Soc. 118, 11225
          (1996); Price, Ostrovsky, Jorgensen, J. Comput. Chem. 22, 1340 (2001). The carbonyl carbon
          has the charge that makes the molecule neutral, 0.59
    PF6-  opls_785 and 786: Kaminski, Jorgensen, J. Chem. Soc. Perkin Trans. 2, 2365 (1999), with
          its bonds and angles as given in Canongia Lopes, Deschamps, Padua, J. Phys. Chem. B 108,
          2038 (2004)
    Li+   opls_406: Aqvist, J. Phys. Chem. 94, 8021 (1990)

OPLS-AA has no angle O-C-O and no torsion O-C-O-C of carbonates: they are those of esters with one
oxygen in place of a carbon (C-C-O, C-C-O-C; in the ring without the term that favours the extended
conformer). Charges of ions are scaled by 0.8: Leontyev, Stuchebrukhov, Phys. Chem. Chem. Phys. 13,
2613 (2011). Hydrogens have three times their mass, taken from their carbons.

    python build.py      # writes system.top, the molecules (*.gro) and the settings (*.mdp)
"""

from itertools import combinations
from pathlib import Path

import numpy as np

SCALE, HYDROGEN_MASS, SEED = 0.8, 3.024, 20260
TEMPERATURE, NANOSECONDS = 360, 5
COUNTS = {"LI": 12, "PF6": 12, "EC": 52, "DMC": 52}

MASSES = {"C": 12.011, "O": 15.9994, "H": 1.008, "P": 30.97376, "F": 18.9984, "L": 6.941}

#: Bonded parameters that oplsaa.ff lacks, by its bonded types; nm, degrees, kJ/mol.
MORE_TYPES = """\
[ bondtypes ]
P F 1 0.1606 310000.0

[ angletypes ]
F P F 1 90.0 1165.0
OS C OS 1 111.4 677.808
OS C_2 OS 1 111.4 677.808

[ dihedraltypes ]
CT OS C OS 3 21.43881 0.0 -21.43881 0.0 0.0 0.0
CT OS C_2 OS 3 31.20637 -9.76754 -21.43881 0.0 0.0 0.0
"""

#: Atoms: name, type, charge, position in nm. Flat, and at about the right distances: the energy is
#: minimised before anything else.
EC = [
    ("C1", "opls_772", 0.86, (0.000, 0.000, 0.0)),
    ("O1", "opls_771", -0.50, (0.000, 0.120, 0.0)),
    ("O2", "opls_773", -0.45, (0.111, -0.076, 0.0)),
    ("O3", "opls_773", -0.45, (-0.111, -0.076, 0.0)),
    ("C2", "opls_774", 0.21, (0.076, -0.215, 0.01)),
    ("C3", "opls_774", 0.21, (-0.076, -0.215, -0.01)),
    ("H1", "opls_777", 0.03, (0.116, -0.260, 0.100)),
    ("H2", "opls_777", 0.03, (0.116, -0.270, -0.075)),
    ("H3", "opls_777", 0.03, (-0.116, -0.260, -0.100)),
    ("H4", "opls_777", 0.03, (-0.116, -0.270, 0.075)),
]
EC_BONDS = "C1-O1 C1-O2 C1-O3 O2-C2 O3-C3 C2-C3 C2-H1 C2-H2 C3-H3 C3-H4"
DMC = [
    ("C1", "opls_465", 0.59, (0.000, 0.000, 0.0)),
    ("O1", "opls_466", -0.43, (0.000, 0.122, 0.0)),
    ("O2", "opls_467", -0.33, (0.110, -0.074, 0.0)),
    ("O3", "opls_467", -0.33, (-0.110, -0.074, 0.0)),
    ("C2", "opls_468", 0.16, (0.234, -0.005, 0.0)),
    ("C3", "opls_468", 0.16, (-0.234, -0.005, 0.0)),
    ("H1", "opls_469", 0.03, (0.313, -0.080, 0.0)),
    ("H2", "opls_469", 0.03, (0.240, 0.057, 0.090)),
    ("H3", "opls_469", 0.03, (0.240, 0.057, -0.090)),
    ("H4", "opls_469", 0.03, (-0.313, -0.080, 0.0)),
    ("H5", "opls_469", 0.03, (-0.240, 0.057, 0.090)),
    ("H6", "opls_469", 0.03, (-0.240, 0.057, -0.090)),
]
DMC_BONDS = "C1-O1 C1-O2 C1-O3 O2-C2 O3-C3 C2-H1 C2-H2 C2-H3 C3-H4 C3-H5 C3-H6"
LI = [("LI", "opls_406", SCALE, (0.0, 0.0, 0.0))]
PF6 = [("P1", "opls_785", 1.34 * SCALE, (0.0, 0.0, 0.0))] + [
    (f"F{k + 1}", "opls_786", -0.39 * SCALE, tuple(0.1606 * (-1) ** k * (np.arange(3) == k // 2)))
    for k in range(6)
]
PF6_BONDS = " ".join(f"P1-F{k}" for k in range(1, 7))
MOLECULES = {"LI": (LI, ""), "PF6": (PF6, PF6_BONDS), "EC": (EC, EC_BONDS), "DMC": (DMC, DMC_BONDS)}


def topology(name, atoms, bond_text):
    """The molecule type: every angle and torsion of its bonds, and the improper of its C=O."""
    names = [atom[0] for atom in atoms]
    bonds = [tuple(names.index(n) for n in bond.split("-")) for bond in bond_text.split()]
    near = [sorted({a + b - i for a, b in bonds if i in (a, b)}) for i in range(len(names))]
    mass = [MASSES[n[0]] for n in names]
    for a, b in bonds:
        if names[b][0] == "H":
            mass[a] -= HYDROGEN_MASS - mass[b]
            mass[b] = HYDROGEN_MASS
    angles = [(a, j, b) for j in range(len(names)) for a, b in combinations(near[j], 2)]
    if name == "PF6":  # of its angles those of 90 degrees: opposite fluorines have no term
        angles = [(a, j, b) for a, j, b in angles if (a - 1) // 2 != (b - 1) // 2]
    torsions = [
        (i, j, k, m)
        for j, k in bonds
        for i in near[j]
        for m in near[k]
        if k != i and j != m and i != m
    ]
    within_two = {frozenset((a, b)) for group in near for a, b in combinations(group, 2)}
    within_two |= {frozenset(bond) for bond in bonds}
    pairs = {tuple(sorted((i, m))) for i, _, _, m in torsions}
    pairs = sorted(pair for pair in pairs if frozenset(pair) not in within_two)
    lines = ["[ moleculetype ]", f"{name} 3", "", "[ atoms ]"]
    for k, (atom, kind, charge, _) in enumerate(atoms):
        lines.append(f"{k + 1} {kind} 1 {name} {atom} {k + 1} {charge:.4f} {mass[k]:.4f}")
    for section, rows, function in (
        ("bonds", bonds, "1"),
        ("pairs", pairs, "1"),
        ("angles", angles, "1"),
        ("dihedrals", torsions, "3"),
    ):
        lines += ["", f"[ {section} ]"] if rows else []
        lines += [" ".join(str(i + 1) for i in row) + f" {function}" for row in rows]
    if name in ("EC", "DMC"):
        lines += ["3 4 1 2 1 improper_O_C_X_Y"]
    return "\n".join(lines) + "\n"


def write_molecule(name, atoms):
    lines = [name, str(len(atoms))]
    for k, (atom, _, _, at) in enumerate(atoms):
        lines.append(f"{1:>5}{name:<5}{atom:>5}{k + 1:>5}" + "".join(f"{x:8.3f}" for x in at))
    Path(f"{name}.gro").write_text("\n".join([*lines, "   1.0 1.0 1.0"]) + "\n")


def settings(steps, time_step, *, pressure=None, temperature=TEMPERATURE, every=0, start=False):
    """Text of an mdp file: PME, cut-off 1 nm, constrained hydrogens, stochastic rescaling."""
    text = f"""\
integrator = md
nsteps = {steps}
dt = {time_step}
nstxout-compressed = {every}
nstlog = 25000
nstenergy = 500
cutoff-scheme = Verlet
nstlist = 20
coulombtype = PME
rcoulomb = 1.0
rvdw = 1.0
fourierspacing = 0.14
DispCorr = EnerPres
constraints = h-bonds
lincs-order = 6
lincs-iter = 2
tcoupl = v-rescale
tc-grps = System
tau-t = 0.5
ref-t = {temperature}
gen-vel = {"yes" if start else "no"}
gen-temp = {temperature}
gen-seed = {SEED}
ld-seed = {SEED}
comm-mode = Linear
"""
    if pressure is not None:
        text += "pcoupl = C-rescale\npcoupltype = isotropic\ntau-p = 1.0\ncompressibility = 5e-5\n"
        text += f"ref-p = {pressure}\n"
    return text


def main():
    parts = ['#include "oplsaa.ff/forcefield.itp"\n', MORE_TYPES]
    for name, (atoms, bonds) in MOLECULES.items():
        parts.append(topology(name, atoms, bonds))
        write_molecule(name, atoms)
    counts = "".join(f"{name} {n}\n" for name, n in COUNTS.items())
    parts.append(f"[ system ]\nLiPF6 in EC and DMC\n\n[ molecules ]\n{counts}")
    Path("system.top").write_text("\n".join(parts))
    stages = {
        "em": "integrator = steep\nnsteps = 2000\nemtol = 300\nemstep = 0.005\n"
        "cutoff-scheme = Verlet\ncoulombtype = PME\nrcoulomb = 1.0\nrvdw = 1.0\n",
        "compress": settings(50_000, 0.001, pressure=500, temperature=500, start=True),
        "mix": settings(75_000, 0.004, pressure=1, temperature=500),
        "equilibrate": settings(75_000, 0.004, pressure=1),
        "prod": settings(NANOSECONDS * 250_000, 0.004, every=250),
    }
    for name, text in stages.items():
        Path(f"{name}.mdp").write_text(text)


if __name__ == "__main__":
    main()
