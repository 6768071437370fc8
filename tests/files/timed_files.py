"""Files of known motion with chosen times and steps, in every format that is written here."""

import warnings

import MDAnalysis as mda
import numpy as np

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.trajectory.given_cells import GivenCells

from ..builders import brownian, make_universe

LENGTH, DT, N, ATOMS = 20.0, 0.5, 60, 8
BOX = [LENGTH] * 3 + [90.0] * 3


def walk(n=N, seed=3):
    """Unwrapped positions (frames, atoms, 3), Angstrom."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, LENGTH, (ATOMS, 3)) + brownian(rng, n, ATOMS, 0.02, 1.0)


def topology():
    universe = mda.Universe.empty(ATOMS, n_residues=ATOMS, atom_resindex=range(ATOMS))
    universe.add_TopologyAttr("names", ["Li"] * 4 + ["Cl"] * 4)
    universe.add_TopologyAttr("types", ["Li"] * 4 + ["Cl"] * 4)
    universe.add_TopologyAttr("elements", ["Li"] * 4 + ["Cl"] * 4)
    universe.add_TopologyAttr("resnames", ["ION"] * ATOMS)
    universe.add_TopologyAttr("resids", range(1, ATOMS + 1))
    universe.add_TopologyAttr("masses", [6.94] * 4 + [35.45] * 4)
    return universe


def write(path, positions, times=None, steps=None):
    """Write frames of wrapped positions; times in ps, steps of the engine."""
    n = len(positions)
    times = DT * np.arange(n) if times is None else times
    wrapped = positions - LENGTH * np.floor(positions / LENGTH)
    if path.suffix == ".lammpsdump":
        steps = 500 * np.arange(n) if steps is None else steps
        with open(path, "w") as file:
            for x, step in zip(wrapped, steps, strict=True):
                file.write(f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{ATOMS}\n")
                file.write(f"ITEM: BOX BOUNDS pp pp pp\n{f'0 {LENGTH}' + chr(10)}" * 1)
                file.write(f"0 {LENGTH}\n0 {LENGTH}\nITEM: ATOMS id type x y z\n")
                for i, (a, b, c) in enumerate(x):
                    file.write(f"{i + 1} {1 + i // 4} {a:.6f} {b:.6f} {c:.6f}\n")
        return path
    universe = topology()
    universe.load_new(wrapped[:1].astype(np.float32), dimensions=np.array([BOX], np.float32))
    options = {"multiframe": True} if path.suffix == ".pdb" else {}
    if path.suffix == ".dcd":
        options["dt"] = float(times[1] - times[0])
    if path.suffix == ".h5md":
        options |= {"timeunit": "ps", "lengthunit": "Angstrom"}
        # the writer takes no steps that go back
        steps = None if steps is None or np.any(np.diff(steps) <= 0) else steps
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mda.Writer(str(path), ATOMS, **options) as writer:
            for k, x in enumerate(wrapped):
                universe.atoms.positions = x
                ts = universe.trajectory.ts
                ts.time, ts.frame = times[k], k
                if steps is not None:
                    ts.data["step"] = int(steps[k])
                writer.write(universe.atoms)
    return path


def read(path, **options):
    """Universe of one file, or of several that follow one another."""
    paths = path if isinstance(path, list) else [path]
    universe = topology()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe.load_new([str(p) for p in paths] if len(paths) > 1 else str(paths[0]), **options)
    if universe.dimensions is None:
        universe.trajectory.add_transformations(GivenCells(BOX))
    return universe


def made(folder, ending, positions, times=None, steps=None, **options):
    """Universe of frames written in a format; GRO is one file for each frame."""
    if ending == "gro":
        paths = []
        for k, x in enumerate(positions):
            paths.append(write(folder / f"frame{k:03d}.gro", x[None]))
        return read(paths, **options)
    return read(write(folder / f"run.{ending}", positions, times, steps), **options)


def analysis(universe, **options):
    species = [
        IonSpecies(universe.atoms[:4], charge=1, name="Li+"),
        IonSpecies(universe.atoms[4:], charge=-1, name="Cl-"),
    ]
    options = {"frame": "laboratory", "resolutions": None, "windows": [2 * DT]} | options
    return OnsagerDecomposition(species, temperature=300.0, **options)


def coefficients(universe, run=None, **options):
    done = analysis(universe, **options).run(**(run or {}))
    return done.results.decomposition["onsager"].values


def from_memory(positions, **options):
    """The same coefficients of the same frames, without a file."""
    wrapped = positions - LENGTH * np.floor(positions / LENGTH)
    universe = make_universe(
        wrapped, BOX, dt=DT, names=["Li"] * 4 + ["Cl"] * 4, masses=[6.94] * 4 + [35.45] * 4
    )
    return coefficients(universe, **options)
