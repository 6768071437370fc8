"""Sites and hops of Li in Li6PS5Cl: ours against GEMDAT.

    python -m benchmarks.compare_gemdat FOLDER                 # mda_ionmech[crystal]

GEMDAT lives in an environment of its own: `--python` names the interpreter of one, otherwise one is
made in a temporary folder with pip, and the comparison is skipped, with the reason, where that
fails. FOLDER holds the trajectories of Morgan, Chem. Mater. 33, 2004 (2021): Li6PS5Cl_{0p,50p}.pdb,
Li6PS5Cl_{0p,50p}_unwrapped.dcd and Li6PS5X_complete_sites.cif.

Both get the same 48h sites, the same positions of Li with the mean displacement of P taken off, and
the same radius. What GEMDAT calls `states`, the site an ion is within the radius of or none, is
compared with our nearest site and whether the ion is in its core; its jumps with our hops of core
sets.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

RUNS = ("0p", "50p")
#: Neighbouring sites are 1.92 A apart.
RADIUS = 0.8


def ours(folder: Path, path: Path) -> None:
    """Write positions, cells, sites and our assignment of both runs."""
    import gemmi
    import MDAnalysis as mda
    from MDAnalysis.lib.mdamath import triclinic_vectors

    from mda_ionmech import IonSpecies, OnsagerDecomposition
    from mda_ionmech.microstates import FrameGeometry, SiteAssignment

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
        sites = SiteAssignment.from_structure(
            place["Li"],
            ["48h"] * len(place["Li"]),
            framework=framework,
            framework_fractional=place["P"],
            supercell=(2, 2, 2),
            r_core=RADIUS,
        )
        species = IonSpecies(lithium, charge=1, name="Li+", microstates=sites)
        run = OnsagerDecomposition([species], temperature=500.0, windows=[1.0]).run()
        detector = run.species[0].microstates
        positions, sites, inside, cells, origin = [], [], [], [], None
        for ts in universe.trajectory:
            cell = triclinic_vectors(ts.dimensions, dtype=np.float64)
            inverse = np.linalg.inv(cell)
            still = framework.positions @ inverse
            ions = lithium.positions @ inverse
            origin = still if origin is None else origin
            found = detector.contacts(
                FrameGeometry(
                    ions,
                    still,
                    np.zeros(len(still), dtype=np.int64),
                    np.full(len(still), -1),
                    cell,
                )
            )
            positions.append(ions - (still - origin).mean(axis=0))
            sites.append(found.ligand)
            inside.append(found.inner)
            cells.append(cell)
        arrays |= {
            f"{name}_sites": detector.sites_in_cell,
            f"{name}_cell": np.mean(cells, axis=0),
            f"{name}_spread": np.ptp(cells, axis=0).max(),
            f"{name}_positions": np.stack(positions),
            f"{name}_site": np.where(np.stack(inside), np.stack(sites), -1),
            f"{name}_held": run.microstates["Li+"].state,
        }
    np.savez_compressed(path, **arrays)


def theirs(path: Path) -> None:
    """Assign the same positions with GEMDAT and print how often both agree, and both hop counts."""
    from gemdat.trajectory import Trajectory
    from gemdat.transitions import Transitions
    from pymatgen.core import Element, Lattice, Structure

    with np.load(path) as data:
        for name in RUNS:
            sites, cell, positions, site, held = (
                data[f"{name}_{x}"] for x in ("sites", "cell", "positions", "site", "held")
            )
            print(f"{name}: the cell is constant to {float(data[f'{name}_spread']):.1g} A")
            lattice = Lattice(cell)
            trajectory = Trajectory(
                species=[Element("Li")] * site.shape[1],
                coords=positions % 1.0,
                lattice=lattice,
                time_step=1e-13,
                constant_lattice=True,
                metadata={"temperature": 500},
            )
            structure = Structure(lattice, ["Li"] * len(sites), sites % 1.0)
            found = Transitions.from_trajectory(
                trajectory=trajectory, sites=structure, floating_specie="Li", site_radius=RADIUS
            )
            states = np.asarray(found.states)
            same = states == site
            print(
                f"    within {RADIUS} A: {same.mean():.6f} of {same.size} pairs agree, "
                f"{np.sum(~same)} do not; in none {np.mean(site < 0):.4f} here, "
                f"{np.mean(states < 0):.4f} there"
            )
            apart = positions[~same][:, None] - sites[None]
            length = np.linalg.norm((apart - np.rint(apart)) @ cell, axis=-1).min(axis=-1)
            if len(length):
                print(f"    where they differ: within {np.abs(length - RADIUS).max():.1g} A of it")
            both = (states >= 0) & (site >= 0)
            print(
                f"    the same site where both see one: {np.mean(states[both] == site[both]):.6f}"
            )
            mine = int(np.count_nonzero(held[1:] != held[:-1]))
            filled = np.asarray(found.states_prev())
            there = (filled[1:] != filled[:-1]) & (filled[:-1] >= 0)
            print(
                f"    hops: {mine} here, {np.count_nonzero(there)} changes of its states filled "
                f"forward, {found.jumps().n_jumps} jumps there"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="folder of the trajectories")
    parser.add_argument("--python", type=Path, help="interpreter that has GEMDAT")
    parser.add_argument("--theirs", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.theirs:
        warnings.simplefilter("ignore")
        theirs(arguments.folder)
        return
    # GEMDAT's own interpreter runs this file as a script, where these cannot be imported
    from .environments import LeftOut, environment, requirements

    with tempfile.TemporaryDirectory() as folder:
        try:
            python = arguments.python or environment(
                Path(folder) / "gemdat", [requirements()["gemdat"]]
            )
        except LeftOut as reason:
            sys.exit(f"skipped: GEMDAT cannot be installed: {reason}")
        path = Path(folder) / "sites.npz"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours(arguments.folder, path)
        subprocess.run([python, __file__, str(path), "--theirs"], check=True)


if __name__ == "__main__":
    main()
