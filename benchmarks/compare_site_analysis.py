"""Sites of Li in Li6PS5Cl: ours against the Voronoi and polyhedral sites of `site-analysis`.

Two steps, since the packages live in environments of their own. FOLDER holds the trajectories of
Morgan, Chem. Mater. 33, 2004 (2021): Li6PS5Cl_{0p,50p}.pdb, Li6PS5Cl_{0p,50p}_unwrapped.dcd and
Li6PS5X_complete_sites.cif.

    python -m benchmarks.compare_site_analysis ours FOLDER sites.npz     # mda_ionmech[crystal]
    python -m benchmarks.compare_site_analysis theirs sites.npz          # site-analysis

The first writes the sites, the positions of Li, S and Cl with the mean displacement of P taken off
(plain NumPy, no code of the detector), the cells, and our sites: assignment="nearest" among the 48h
sites, and assignment="polyhedron" among the 48h sites and the 48 tetrahedra marked Na, with the
atoms at the corners of each. The second assigns the same positions anew, with the same corners, and
prints the fraction of pairs of ion and frame that agree; an ion in no polyhedron is given the last
one it was in. Without numba (site-analysis[fast]) it takes half an hour.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

RUNS = ("0p", "50p")


def ours(folder: Path, path: Path) -> None:
    """Write positions, cells, sites and our assignments of both runs."""
    import gemmi
    import MDAnalysis as mda
    from MDAnalysis.lib.mdamath import triclinic_vectors

    from mda_ionmech import IonSpecies, OnsagerDecomposition
    from mda_ionmech.microstates import SiteAssignment

    structure = gemmi.read_small_structure(str(folder / "Li6PS5X_complete_sites.cif"))
    place = {
        name: -np.array([s.fract.tolist() for s in structure.sites if s.element.name == name])
        for name in ("Li", "Na", "P")
    }
    tetrahedra = np.concatenate([place[x] for x in ("Li", "Na")])
    arrays = {}
    for name in RUNS:
        stem = folder / f"Li6PS5Cl_{name}"
        universe = mda.Universe(f"{stem}.pdb", f"{stem}_unwrapped.dcd")
        lithium, framework, anions = (
            universe.select_atoms(f"element {x}") for x in ("Li", "P", "S Cl")
        )

        def assigned(sites, universe=universe, lithium=lithium, framework=framework, **options):
            detector = SiteAssignment.from_structure(
                sites,
                ["site"] * len(sites),
                framework=framework,
                framework_fractional=place["P"],
                supercell=(2, 2, 2),
                **options,
            )
            species = IonSpecies(lithium, charge=1, name="Li+", microstates=detector)
            run = OnsagerDecomposition([species], temperature=500.0, windows=[1.0]).run()
            return run.species[0].microstates, run.microstates["Li+"]

        detector, nearest = assigned(place["Li"], assignment="nearest")
        hulls, held = assigned(tetrahedra, assignment="polyhedron", vertices=anions, coordination=4)
        print(f"{name}: {held.report['in_no_polyhedron']} of {held.state.size} in no polyhedron, "
              f"{held.report['in_several_polyhedra']} in several")  # fmt: skip
        cells, positions, corners, origin = [], [], [], None
        for ts in universe.trajectory:
            cell = triclinic_vectors(ts.dimensions, dtype=np.float64)
            inverse = np.linalg.inv(cell)
            still = framework.positions @ inverse
            origin = still if origin is None else origin
            drift = (still - origin).mean(axis=0)
            positions.append(lithium.positions @ inverse - drift)
            corners.append(anions.positions @ inverse - drift)
            cells.append(cell)
        arrays |= {
            f"{name}_sites": detector.sites_in_cell,
            f"{name}_cells": np.stack(cells),
            f"{name}_positions": np.stack(positions),
            f"{name}_anions": np.stack(corners),
            f"{name}_site": nearest.state,
            f"{name}_tetrahedra": hulls.sites_in_cell,
            f"{name}_corners": hulls.polyhedra.atom.reshape(-1, 4),
            f"{name}_held": held.state,
        }
    np.savez_compressed(path, **arrays)


def _assign(collection, sites, n_ions, frames):
    """Number of the site of every ion in every frame by site-analysis, -1 for none."""
    from pymatgen.core import Lattice, Structure
    from site_analysis.atom import Atom

    number = {s.index: k for k, s in enumerate(sites)} | {None: -1}
    atoms = [Atom(index=i) for i in range(n_ions)]
    found = []
    for cell, elements, places in frames:
        collection.analyse_structure(atoms, Structure(Lattice(cell), elements, places % 1.0))
        found.append([number[a.in_site] for a in atoms])
    return np.array(found)


def theirs(path: Path) -> None:
    """Assign the same positions with site-analysis and print how often both agree."""
    from site_analysis.polyhedral_site import PolyhedralSite
    from site_analysis.polyhedral_site_collection import PolyhedralSiteCollection
    from site_analysis.voronoi_site import VoronoiSite
    from site_analysis.voronoi_site_collection import VoronoiSiteCollection

    with np.load(path) as data:
        for name in RUNS:
            places, cells, positions, site = (
                data[f"{name}_{x}"] for x in ("sites", "cells", "positions", "site")
            )
            n_ions = site.shape[1]
            sites = [VoronoiSite(frac_coords=x % 1.0) for x in places]
            frames = ((c, ["Li"] * n_ions, p) for c, p in zip(cells, positions, strict=True))
            found = _assign(VoronoiSiteCollection(sites), sites, n_ions, frames)
            same = found == site
            apart = positions[~same][:, None] - places[None]
            length = np.sort(np.linalg.norm((apart - np.rint(apart)) @ cells[0], axis=-1), axis=-1)
            print(f"{name}: {same.mean():.6f} of {same.size} pairs agree, {np.sum(~same)} do not")
            if len(length):
                gap = np.max(length[:, 1] - length[:, 0])
                print(f"    where they differ, the two nearest sites are as far to {gap:.2g} A")
            _compare_polyhedra(
                name, data, cells, positions, PolyhedralSite, PolyhedralSiteCollection
            )


def _compare_polyhedra(name, data, cells, positions, one_site, all_sites):
    places, corners, anions, held = (
        data[f"{name}_{x}"] for x in ("tetrahedra", "corners", "anions", "held")
    )
    n_frames, n_ions = held.shape
    sites = [
        one_site((n_ions + vertices).tolist(), reference_center=centre % 1.0)
        for vertices, centre in zip(corners, places, strict=True)
    ]
    elements = ["Li"] * n_ions + ["S"] * anions.shape[1]
    frames = (
        (cell, elements, np.concatenate(both))
        for cell, *both in zip(cells, positions, anions, strict=True)
    )
    found = _assign(all_sites(sites), sites, n_ions, frames)
    alone = np.count_nonzero(found < 0)
    # the last polyhedron an ion was in, before its first one that
    row = np.arange(n_frames)[:, None]
    last = np.maximum.accumulate(np.where(found >= 0, row, -1), axis=0)
    first = np.where(last < 0, np.argmax(found >= 0, axis=0)[None], last)
    filled = np.take_along_axis(found, first, axis=0)
    same = filled == held
    print(f"{name}, polyhedra: {same.mean():.6f} of {same.size} pairs agree, {np.sum(~same)} do "
          f"not; {alone} in no polyhedron")  # fmt: skip
    hops = [np.count_nonzero(x[1:] != x[:-1]) for x in (held, filled)]
    print(f"    {hops[0]} hops here, {hops[1]} there")


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
