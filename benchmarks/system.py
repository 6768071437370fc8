"""The systems that are timed, of any size, as an XTC: a synthetic electrolyte and a crystal.

The electrolyte has by default 20 000 atoms in a cubic cell of 58.5 A: 1 000 ions, 8 000 ligand
atoms (one per molecule, about 7 within 3.5 A of an ion) and 11 000 others. The crystal has one ion,
two sites and four framework atoms in each cube of 3.6 A.
"""

from __future__ import annotations

from pathlib import Path

import MDAnalysis as mda
import numpy as np

CUTOFF = 3.5
#: Atoms in a cubic Angstrom.
DENSITY = 20_000 / 58.5**3


def kinds(n_ions: int) -> np.ndarray:
    """Names of all atoms: ions, eight ligands and eleven others for each."""
    return np.repeat(["I", "L", "O"], [n_ions, 8 * n_ions, 11 * n_ions])


def empty_universe(n_ions: int) -> mda.Universe:
    """The atoms, without positions."""
    names = kinds(n_ions)
    n = len(names)
    universe = mda.Universe.empty(
        n, n_residues=n, atom_resindex=np.arange(n), residue_segindex=[0] * n, trajectory=False
    )
    universe.add_TopologyAttr("names", names)
    universe.add_TopologyAttr("types", names)
    universe.add_TopologyAttr("resnames", names)
    universe.add_TopologyAttr("resids", np.arange(n) + 1)
    universe.add_TopologyAttr("masses", np.where(names == "I", 7.0, 14.0))
    universe.add_TopologyAttr("charges", np.where(names == "I", 1.0, 0.0))
    return universe


def make_file(path: Path, n_frames: int, n_ions: int = 1000, step: float = 0.1) -> Path:
    """Write a trajectory: atoms diffuse with `step` A per axis and frame, 1 ps apart, seed 1."""
    rng = np.random.default_rng(1)
    universe = empty_universe(n_ions)
    n = universe.atoms.n_atoms
    length = (n / DENSITY) ** (1 / 3)
    positions = rng.uniform(0, length, (n, 3))
    universe.load_new(
        positions[None].astype(np.float32), dimensions=[length] * 3 + [90.0] * 3, dt=1.0
    )
    with mda.Writer(str(path), n) as writer:
        for frame in range(n_frames):
            universe.atoms.positions = positions % length
            universe.trajectory.ts.time = float(frame)
            writer.write(universe.atoms)
            positions += rng.normal(scale=step, size=positions.shape)
    return path


def open_file(path: Path, n_ions: int = 1000) -> mda.Universe:
    """The trajectory that `make_file` wrote."""
    universe = empty_universe(n_ions)
    universe.load_new(str(path))
    return universe


#: Edge of the crystal's cube, Angstrom; sites, and framework atoms, in fractions of it.
EDGE = 3.6
SITES = np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]])
FRAMEWORK = np.array([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.5, 0.5, 0]])
#: Root mean square vibration along each axis, Angstrom, and chance of a hop per frame.
VIBRATION, HOPS = 0.1, 0.005


def repeated(positions: np.ndarray, cubes: tuple[int, int, int]) -> np.ndarray:
    """Positions of all cubes, fractional in the cell they make, cube after cube."""
    corner = np.stack(np.unravel_index(np.arange(np.prod(cubes)), cubes), axis=1)
    return ((corner[:, None] + positions) / cubes).reshape(-1, 3)


def empty_crystal(cubes: tuple[int, int, int]) -> mda.Universe:
    """The crystal's atoms, ions (I) before framework (F), without positions."""
    n = int(np.prod(cubes))
    names = np.repeat(["I", "F"], [n, len(FRAMEWORK) * n])
    universe = mda.Universe.empty(
        len(names), n_residues=len(names), atom_resindex=np.arange(len(names)),
        residue_segindex=[0] * len(names), trajectory=False,
    )  # fmt: skip
    universe.add_TopologyAttr("names", names)
    universe.add_TopologyAttr("masses", np.where(names == "I", 7.0, 50.0))
    return universe


def make_crystal(path: Path, n_frames: int, cubes: tuple[int, int, int]) -> Path:
    """Write a trajectory of ions in random order that vibrate and hop in their cube, seed 1."""
    rng = np.random.default_rng(1)
    universe = empty_crystal(cubes)
    cell = EDGE * np.array(cubes)
    sites = repeated(SITES, cubes).reshape(-1, len(SITES), 3)
    sites, host = sites[rng.permutation(len(sites))], repeated(FRAMEWORK, cubes)
    n = len(sites)
    side = rng.integers(0, len(SITES), n)
    universe.load_new(
        np.zeros((1, n + len(host), 3), dtype=np.float32), dimensions=[*cell, 90, 90, 90], dt=1.0
    )
    with mda.Writer(str(path), n + len(host)) as writer:
        for frame in range(n_frames):
            at = np.concatenate([sites[np.arange(n), side], host]) * cell
            universe.atoms.positions = (at + rng.normal(scale=VIBRATION, size=at.shape)) % cell
            universe.trajectory.ts.time = float(frame)
            writer.write(universe.atoms)
            side ^= rng.random(n) < HOPS
    return path


def open_crystal(path: Path, cubes: tuple[int, int, int]) -> mda.Universe:
    """The trajectory that `make_crystal` wrote."""
    universe = empty_crystal(cubes)
    universe.load_new(str(path))
    return universe


def read(universe: mda.Universe) -> None:
    """What every analysis needs at least: each frame with its positions decoded."""
    for ts in universe.trajectory:
        _ = ts.positions
