"""The system that is timed: a synthetic electrolyte of any size, as an XTC.

By default 20 000 atoms in a cubic cell of 58.5 A: 1 000 ions, 8 000 ligand atoms (one per molecule,
about 7 within 3.5 A of an ion) and 11 000 others.
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


def read(universe: mda.Universe) -> None:
    """What every analysis needs at least: each frame with its positions decoded."""
    for ts in universe.trajectory:
        _ = ts.positions
