"""Reduce a GROMACS run to what the package ships: heavy atoms, files below 6 MB.

The hydrogens are dropped; their mass and charge are added to the carbon that carries them, so
the barycentre, the molecules' centres of mass and the total charge stay what they were. The
topology is written as a NAMD PSF (names, types, residues, charges, masses, bonds), the
coordinates as XTC parts at the precision of the source (0.01 A).

    python ship.py prod.tpr prod.xtc OUTPUT_FOLDER NAME "TITLE"

Several trajectory files, joined by commas, follow one another.
"""

import sys
from pathlib import Path

import MDAnalysis as mda
import numpy as np

FRAMES_PER_PART = 1501


def united_atoms(universe):
    """Masses and charges of the heavy atoms with those of their hydrogens added."""
    masses, charges = universe.atoms.masses.copy(), universe.atoms.charges.copy()
    for hydrogen in universe.select_atoms("element H"):
        (carrier,) = hydrogen.bonded_atoms
        masses[carrier.ix] += hydrogen.mass
        charges[carrier.ix] += hydrogen.charge
    return masses, charges


def write_psf(path, heavy, masses, charges, title):
    """Write the heavy atoms as an space-separated (NAMD) PSF."""
    new_index = {atom.ix: k + 1 for k, atom in enumerate(heavy)}
    bonds = sorted(
        tuple(sorted(new_index[a.ix] for a in bond))
        for bond in heavy.universe.bonds
        if all(a.ix in new_index for a in bond)
    )
    lines = ["PSF NAMD", "", f"{1:>10} !NTITLE"]
    lines += [f"* {title}, heavy atoms, hydrogen masses on their carbons", ""]
    lines += [f"{len(heavy):>10} !NATOM"]
    for number, atom in enumerate(heavy, start=1):
        lines.append(
            f"{number:>10} {atom.resname:<8} {atom.resid:<8} {atom.resname:<8} {atom.name:<8} "
            f"{atom.type:<6} {charges[atom.ix]:>14.6f}{masses[atom.ix]:>14.4f}{0:>8}"
        )
    lines += ["", f"{len(bonds):>10} !NBOND: bonds"]
    flat = np.array(bonds).ravel()
    lines += ["".join(f"{k:>10}" for k in flat[s : s + 8]) for s in range(0, len(flat), 8)]
    for section in ("NTHETA: angles", "NPHI: dihedrals", "NIMPHI: impropers"):
        lines += ["", f"{0:>10} !{section}", ""]
    path.write_text("\n".join(lines) + "\n")


def main(topology, trajectory, folder, name, title):
    universe = mda.Universe(topology, trajectory.split(","))
    heavy = universe.select_atoms("not element H")
    masses, charges = united_atoms(universe)
    folder = Path(folder)
    write_psf(folder / f"{name}.psf", heavy, masses, charges, title)
    for part, start in enumerate(range(0, universe.trajectory.n_frames, FRAMES_PER_PART), 1):
        with mda.Writer(str(folder / f"{name}.part{part}.xtc"), heavy.n_atoms) as writer:
            for _ in universe.trajectory[start : start + FRAMES_PER_PART]:
                writer.write(heavy)


if __name__ == "__main__":
    main(*sys.argv[1:])
