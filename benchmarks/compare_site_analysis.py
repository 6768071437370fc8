"""Nearest sites of Li in Li6PS5Cl: ours against the Voronoi sites of `site-analysis`.

Two steps, since the packages live in environments of their own. FOLDER holds the trajectories of
Morgan, Chem. Mater. 33, 2004 (2021): Li6PS5Cl_{0p,50p}.pdb, Li6PS5Cl_{0p,50p}_unwrapped.dcd and
Li6PS5X_complete_sites.cif.

    python -m benchmarks.compare_site_analysis ours FOLDER nearest.npz     # mda_ionmech[crystal]
    python -m benchmarks.compare_site_analysis theirs nearest.npz          # site-analysis

The first writes the sites, the positions of Li with the mean displacement of P taken off (plain
NumPy, no code of the detector), the cells and our sites with assignment="nearest"; the second
assigns the same positions anew and prints the fraction of pairs of ion and frame that agree.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

RUNS = ("0p", "50p")


def ours(folder: Path, path: Path) -> None:
    """Write positions, cells, sites and our assignment of both runs."""
    import gemmi
    import MDAnalysis as mda
    from MDAnalysis.lib.mdamath import triclinic_vectors

    from mda_ionmech import IonSpecies, OnsagerDecomposition
    from mda_ionmech.microstates import SiteAssignment

    structure = gemmi.read_small_structure(str(folder / "Li6PS5X_complete_sites.cif"))
    place = {
        name: -np.array([s.fract.tolist() for s in structure.sites if s.element.name == name])
        for name in ("Li", "P")
    }
    arrays = {}
    for name in RUNS:
        stem = folder / f"Li6PS5Cl_{name}"
        universe = mda.Universe(f"{stem}.pdb", f"{stem}_unwrapped.dcd")
        lithium, framework = (universe.select_atoms(f"element {x}") for x in ("Li", "P"))
        detector = SiteAssignment.from_structure(
            place["Li"],
            ["48h"] * len(place["Li"]),
            framework=framework,
            framework_fractional=place["P"],
            supercell=(2, 2, 2),
            assignment="nearest",
        )
        species = IonSpecies(lithium, charge=1, name="Li+", microstates=detector)
        run = OnsagerDecomposition([species], temperature=500.0, windows=[1.0]).run()
        cells, positions, origin = [], [], None
        for ts in universe.trajectory:
            cell = triclinic_vectors(ts.dimensions, dtype=np.float64)
            inverse = np.linalg.inv(cell)
            still = framework.positions @ inverse
            origin = still if origin is None else origin
            positions.append(lithium.positions @ inverse - (still - origin).mean(axis=0))
            cells.append(cell)
        arrays |= {
            f"{name}_sites": detector.sites_in_cell,
            f"{name}_cells": np.stack(cells),
            f"{name}_positions": np.stack(positions),
            f"{name}_site": run.microstates["Li+"].state,
        }
    np.savez_compressed(path, **arrays)


def theirs(path: Path) -> None:
    """Assign the same positions with site-analysis and print how often both agree."""
    from pymatgen.core import Lattice, Structure
    from site_analysis.atom import Atom
    from site_analysis.voronoi_site import VoronoiSite
    from site_analysis.voronoi_site_collection import VoronoiSiteCollection

    with np.load(path) as data:
        for name in RUNS:
            places, cells, positions, site = (
                data[f"{name}_{x}"] for x in ("sites", "cells", "positions", "site")
            )
            n_frames, n_ions = site.shape
            sites = [VoronoiSite(frac_coords=x % 1.0) for x in places]
            number = {s.index: k for k, s in enumerate(sites)}
            collection = VoronoiSiteCollection(sites)
            atoms = [Atom(index=i) for i in range(n_ions)]
            found = np.empty_like(site)
            for t in range(n_frames):
                frame = Structure(Lattice(cells[t]), ["Li"] * n_ions, positions[t] % 1.0)
                collection.analyse_structure(atoms, frame)
                found[t] = [number[a.in_site] for a in atoms]
            same = found == site
            apart = positions[~same][:, None] - places[None]
            length = np.sort(np.linalg.norm((apart - np.rint(apart)) @ cells[0], axis=-1), axis=-1)
            print(f"{name}: {same.mean():.6f} of {same.size} pairs agree, {np.sum(~same)} do not")
            if len(length):
                gap = np.max(length[:, 1] - length[:, 0])
                print(f"    where they differ, the two nearest sites are as far to {gap:.2g} A")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    steps = parser.add_subparsers(dest="step", required=True)
    first = steps.add_parser("ours", help="write positions and our assignment")
    first.add_argument("folder", type=Path, help="folder of the trajectories")
    first.add_argument("path", type=Path, help="npz to write")
    second = steps.add_parser("theirs", help="assign with site-analysis and compare")
    second.add_argument("path", type=Path, help="npz written by `ours`")
    arguments = parser.parse_args()
    if arguments.step == "ours":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours(arguments.folder, arguments.path)
    else:
        theirs(arguments.path)


if __name__ == "__main__":
    main()
