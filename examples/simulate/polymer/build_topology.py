"""Write self-contained GROMACS topologies + single-molecule PDBs for Li+, TFSI-, glymes/PEO.

All numbers in nm, kJ/mol, e.  Sources
 ethers : OPLS-AA, Jorgensen, Maxwell, Tirado-Rives JACS 118 (1996) 11225, as distributed in
          GROMACS 2022.5 oplsaa.ff (opls_180/181/182/185)
 TFSI   : CL&P, Canongia Lopes & Padua JPCB 108 (2004) 16893
 MeCN   : OPLS-AA nitriles, as in GROMACS 2022.5 oplsaa.ff (opls_753/754/755/759)
 Li+    : Aqvist JPC 94 (1990) 8021 LJ (opls_406)
 ion charge scale 0.8 (argument): il-0.8.ff of CL&P; Liang, Chen, Deng, de Pablo ACS Macro Lett. 2024 (0.79 for Li+ in PEO)
"""

import sys

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

ATOMTYPES = {  # name: (Z, mass, sigma nm, eps kJ/mol)
    "OS": (8, 15.9994, 0.290, 0.58576),
    "CT": (6, 12.011, 0.350, 0.276144),
    "HC": (1, 1.008, 0.250, 0.12552),
    "LI": (3, 6.941, 0.2126452, 0.0764793),
    "FB": (9, 18.9984, 0.295, 0.22175),
    "CF": (6, 12.011, 0.350, 0.27614),
    "SB": (16, 32.06, 0.355, 1.04600),
    "CTZ": (6, 12.011, 0.330, 0.276144),
    "HCZ": (1, 1.008, 0.250, 0.0627600),
    "CZ": (6, 12.011, 0.330, 0.276144),
    "NZ": (7, 14.0067, 0.320, 0.711280),
    "OB": (8, 15.9994, 0.296, 0.87864),
    "NB": (7, 14.0067, 0.325, 0.71128),
}
BONDS = {
    ("CTZ", "HCZ"): (0.1090, 284512.0),
    ("CTZ", "CZ"): (0.1470, 326352.0),
    ("CZ", "NZ"): (0.1157, 543920.0),
    ("CT", "HC"): (0.1090, 284512.0),
    ("CT", "CT"): (0.1529, 224262.4),
    ("CT", "OS"): (0.1410, 267776.0),
    ("CF", "FB"): (0.1323, 369800.0),
    ("CF", "SB"): (0.1818, 195000.0),
    ("OB", "SB"): (0.1437, 533100.0),
    ("NB", "SB"): (0.1570, 313700.0),
}
ANGLES = {
    ("HCZ", "CTZ", "HCZ"): (107.8, 276.144),
    ("HCZ", "CTZ", "CZ"): (108.5, 292.88),
    ("CTZ", "CZ", "NZ"): (180.0, 1255.2),
    ("CT", "CT", "HC"): (110.7, 313.8),
    ("CT", "CT", "OS"): (109.5, 418.4),
    ("HC", "CT", "HC"): (107.8, 276.144),
    ("HC", "CT", "OS"): (109.5, 292.88),
    ("CT", "OS", "CT"): (109.5, 502.08),
    ("FB", "CF", "FB"): (107.1, 781.0),
    ("FB", "CF", "SB"): (111.7, 694.0),
    ("OB", "SB", "OB"): (118.5, 969.0),
    ("CF", "SB", "OB"): (102.6, 870.0),
    ("NB", "SB", "OB"): (113.6, 789.0),
    ("CF", "SB", "NB"): (103.5, 764.0),
    ("SB", "NB", "SB"): (125.6, 671.0),
}
DIH = {
    ("HCZ", "CTZ", "CZ", "NZ"): (0, 0, 0, 0),  # OPLS Fourier V1..V4, kJ/mol
    ("HC", "CT", "CT", "HC"): (0, 0, 1.2552, 0),
    ("HC", "CT", "CT", "OS"): (0, 0, 1.95811, 0),
    ("OS", "CT", "CT", "OS"): (-2.3012, 0, 0, 0),
    ("CT", "CT", "OS", "CT"): (2.7196, -1.0460, 2.8033, 0),
    ("CT", "OS", "CT", "HC"): (0, 0, 3.17984, 0),
    ("OB", "SB", "CF", "FB"): (0, 0, 1.4510, 0),
    ("NB", "SB", "CF", "FB"): (0, 0, 1.3220, 0),
    ("OB", "SB", "NB", "SB"): (0, 0, -0.0150, 0),
    ("SB", "NB", "SB", "CF"): (32.7730, -10.4200, -3.1950, 0),
}


def key(t, tab):
    t = tuple(t)
    return tab[t] if t in tab else tab[t[::-1]]


def rb(v):
    f1, f2, f3, f4 = v
    return (f2 + 0.5 * (f1 + f3), 0.5 * (-f1 + 3 * f3), -f2 + 4 * f4, -2 * f3, -4 * f4, 0.0)


def typed(mol, scale):
    t, q = [], []
    for a in mol.GetAtoms():
        s = a.GetSymbol()
        nb = sorted(n.GetSymbol() for n in a.GetNeighbors())
        if s == "O" and "S" in nb:
            t.append("OB")
            q.append(-0.53 * scale)
        elif s == "O":
            t.append("OS")
            q.append(-0.40)
        elif s == "C" and nb == ["C", "N"]:
            t.append("CZ")
            q.append(0.46)
        elif s == "N" and nb == ["C"]:
            t.append("NZ")
            q.append(-0.56)
        elif s == "C" and any(
            m.GetSymbol() == "N"
            for n in a.GetNeighbors()
            if n.GetSymbol() == "C"
            for m in n.GetNeighbors()
        ):
            t.append("CTZ")
            q.append(-0.08)
        elif s == "H" and any(
            m.GetSymbol() == "C" and any(k.GetSymbol() == "N" for k in m.GetNeighbors())
            for n in a.GetNeighbors()
            for m in n.GetNeighbors()
        ):
            t.append("HCZ")
            q.append(0.06)
        elif s == "C" and "F" in nb:
            t.append("CF")
            q.append(0.35 * scale)
        elif s == "C":
            t.append("CT")
            q.append(0.11 if nb.count("H") == 3 else 0.14)
        elif s == "H":
            t.append("HC")
            q.append(0.03)
        elif s == "F":
            t.append("FB")
            q.append(-0.16 * scale)
        elif s == "S":
            t.append("SB")
            q.append(1.02 * scale)
        elif s == "N":
            t.append("NB")
            q.append(-0.66 * scale)
        elif s == "Li":
            t.append("LI")
            q.append(1.0 * scale)
    return t, q


HMR = 1.0  # hydrogen-mass repartitioning factor (1 = off), set by HMR=3 in the environment


def itp(name, mol, scale, resid):
    t, q = typed(mol, scale)
    n = mol.GetNumAtoms()
    mass = [ATOMTYPES[x][1] for x in t]
    for a in mol.GetAtoms():
        if a.GetSymbol() == "H":
            extra = 1.008 * (HMR - 1)
            mass[a.GetIdx()] += extra
            mass[a.GetNeighbors()[0].GetIdx()] -= extra
    adj = [[x.GetIdx() for x in a.GetNeighbors()] for a in mol.GetAtoms()]
    L = ["[ moleculetype ]", "%s 3" % name, "", "[ atoms ]"]
    cnt = {}
    names = []
    for i in range(n):
        s = mol.GetAtomWithIdx(i).GetSymbol()
        cnt[s] = cnt.get(s, 0) + 1
        names.append(("%s%d" % (s, cnt[s])) if n > 1 else "LI")
        L.append(
            "%5d %s %d %s %s %d %.4f %.4f"
            % (i + 1, t[i], resid[i], name, names[i], i + 1, q[i], mass[i])
        )
    if n > 1:
        L += ["", "[ bonds ]"]
        for b in mol.GetBonds():
            i, j = b.GetBeginAtomIdx(), b.GetEndAtomIdx()
            L.append("%d %d 1 %.4f %.1f" % ((i + 1, j + 1) + key((t[i], t[j]), BONDS)))
        ang, dih, pairs = [], [], set()
        for j in range(n):
            for a in range(len(adj[j])):
                for b in range(a + 1, len(adj[j])):
                    i, k = adj[j][a], adj[j][b]
                    ang.append(
                        "%d %d %d 1 %.2f %.3f"
                        % ((i + 1, j + 1, k + 1) + key((t[i], t[j], t[k]), ANGLES))
                    )
        d13 = {frozenset((x, z)) for y in range(n) for x in adj[y] for z in adj[y] if x != z}
        for b in mol.GetBonds():
            j, k = b.GetBeginAtomIdx(), b.GetEndAtomIdx()
            for i in adj[j]:
                if i == k:
                    continue
                for l in adj[k]:
                    if l == j or l == i:
                        continue
                    dih.append(
                        "%d %d %d %d 3 " % (i + 1, j + 1, k + 1, l + 1)
                        + " ".join("%.5f" % c for c in rb(key((t[i], t[j], t[k], t[l]), DIH)))
                    )
                    if frozenset((i, l)) not in d13:
                        pairs.add((min(i, l), max(i, l)))
        L += ["", "[ pairs ]"] + ["%d %d 1" % (i + 1, j + 1) for i, j in sorted(pairs)]
        L += ["", "[ angles ]"] + ang + ["", "[ dihedrals ]"] + dih
    return "\n".join(L) + "\n", q, names


def smi(n):  # n ether oxygens
    return "C" + "OCC" * (n - 1) + "OC"


def make(name, smiles, scale, seed=7):
    m = Chem.AddHs(Chem.MolFromSmiles(smiles))
    if m.GetNumAtoms() > 1:
        ok = AllChem.EmbedMolecule(m, randomSeed=seed, useRandomCoords=True)
        assert ok == 0, name
        AllChem.MMFFOptimizeMolecule(
            m, maxIters=500
        ) if "S" not in smiles else AllChem.UFFOptimizeMolecule(m, maxIters=500)
        xyz = m.GetConformer().GetPositions()
    else:
        xyz = np.zeros((1, 3))
    return m, xyz


def pdb(fn, mol, xyz, name, names):
    with open(fn, "w") as f:
        for i, (p, nm) in enumerate(zip(xyz, names)):
            f.write(
                "HETATM%5d %-4s %-3s A   1    %8.3f%8.3f%8.3f  1.00  0.00          %2s\n"
                % (i + 1, nm[:4], name[:3], *p, mol.GetAtomWithIdx(i).GetSymbol().upper())
            )
        f.write("END\n")


if __name__ == "__main__":
    # usage: build_topol.py OUTPREFIX SCALE NAME:SMILES_or_PEOn:COUNT ...
    import os

    HMR = float(os.environ.get("HMR", "1"))
    out, scale = sys.argv[1], float(sys.argv[2])
    top = ["[ defaults ]", "1 3 yes 0.5 0.5", "", "[ atomtypes ]"]
    for k, (z, m, s, e) in ATOMTYPES.items():
        top.append("%s %d %.4f 0.0 A %.7f %.7f" % (k, z, m, s, e))
    top.append("")
    mols, qtot = [], 0
    for spec in sys.argv[3:]:
        name, sm, cnt = spec.split(":")
        cnt = int(cnt)
        if sm.startswith("EO"):
            sm = smi(int(sm[2:]))
        m, xyz = make(name, sm, scale)
        txt, q, names = itp(name, m, scale, [1] * m.GetNumAtoms())
        top.append(txt)
        mols.append((name, cnt))
        qtot += cnt * sum(q)
        pdb(out + "_" + name + ".pdb", m, xyz, name, names)
        print(name, m.GetNumAtoms(), "atoms, q=%.4f" % sum(q), "x", cnt)
    top += ["[ system ]", out, "", "[ molecules ]"] + ["%s %d" % x for x in mols]
    open(out + ".top", "w").write("\n".join(top) + "\n")
    print("total charge %.6f" % qtot)
