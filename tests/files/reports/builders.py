"""Small systems of known motion, written to files, and runs of them."""

from __future__ import annotations

import warnings
from pathlib import Path

import MDAnalysis as mda
import numpy as np
from scipy import constants

from mda_ionmech import IonSpecies, OnsagerDecomposition

from ..cases import answers, decomposed, deviation
from ..formats import STRIDE
from ..systems import DT, Frames, brute_force, frames_of, read_back
from .registry import right

TEMPERATURE = 300.0


def against_brute_force(universe: mda.Universe, frames: Frames, dt: float | None = None) -> str:
    """A run of the ions of `systems` from a file against brute force on what the file holds."""
    read = read_back(universe, frames.images)
    found = answers(decomposed(universe, dt=dt))
    return right(deviation(found, brute_force(read, DT)))


def crossing_early(cell: str) -> Frames:
    """Frames in which an ion crosses the boundary of the cell into the second frame."""
    frames = frames_of(cell)
    cells = frames.cells
    where = np.einsum("tak,tkj->taj", frames.positions.astype(float), np.linalg.inv(cells))
    where += frames.images
    # the face of the cell half way between two places of the first ion
    where -= (where[0, 0] + where[1, 0]) / 2
    images = np.floor(where).astype(int)
    positions = np.round((where - images) @ cells, 2).astype(np.float32)
    frames = Frames(positions, frames.dimensions, images)
    assert np.any(frames.images[1, 0] != frames.images[0, 0])
    return frames


def ions(positions, dimensions, *, names, masses, residues=None, elements=None) -> mda.Universe:
    """Universe in memory; positions (frames, atoms, 3), dimensions (6,) or (frames, 6)."""
    n_frames, n_atoms = positions.shape[:2]
    residues = np.arange(n_atoms) if residues is None else np.asarray(residues)
    u = mda.Universe.empty(
        n_atoms, n_residues=residues.max() + 1, atom_resindex=residues, trajectory=False
    )
    u.add_TopologyAttr("names", list(names))
    u.add_TopologyAttr("elements", list(names if elements is None else elements))
    u.add_TopologyAttr("masses", list(masses))
    u.add_TopologyAttr("resids", np.arange(1, residues.max() + 2))
    u.load_new(
        positions.astype(np.float32),
        dimensions=np.broadcast_to(dimensions, (n_frames, 6)).astype(np.float32).copy(),
        dt=DT,
    )
    return u


def salt(n_frames=120, length=20.0, step=0.3, seed=3, n_ions=8) -> np.ndarray:
    """Unwrapped paths (frames, ions, 3) on a grid of 0.01 A in a cube."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, length, (n_ions, 3))
    steps = rng.normal(scale=step, size=(n_frames, n_ions, 3))
    steps[0] = 0
    return np.round(start + np.cumsum(steps, axis=0), 2)


def wrapped(paths: np.ndarray, length: float) -> np.ndarray:
    return paths - length * np.floor(paths / length)


def onsager(paths, volume: float, spacing: float, n: int) -> float:
    """L of carriers (frames, carriers, 3), Angstrom, in windows of n frames, 1/(J m s)."""
    moved = (paths[n:] - paths[:-n]).sum(axis=1)
    factor = 1e-20 / (6 * constants.k * TEMPERATURE * volume * 1e-30 * n * spacing * 1e-12)
    return float(factor * np.mean(np.sum(moved**2, axis=1)))


def written(universe: mda.Universe, path: Path, times=None, **options) -> Path:
    """The frames of a universe in a file by MDAnalysis; time of each frame, ps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mda.Writer(str(path), universe.atoms.n_atoms, **options) as writer:
            for k, ts in enumerate(universe.trajectory):
                if times is not None:
                    ts.time = times[k]
                writer.write(universe.atoms)
    return path


def reopened(universe: mda.Universe, path: Path | list[Path], **options) -> mda.Universe:
    """The same atoms with frames from files."""
    fresh = mda.Universe(universe._topology.copy())
    files = [str(p) for p in path] if isinstance(path, list) else str(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fresh.load_new(files, **options)
    return fresh


def run_of(species, **options) -> OnsagerDecomposition:
    options = {"temperature": TEMPERATURE, "resolutions": None, "windows": [8 * DT]} | options
    part = options.pop("part", {})
    return OnsagerDecomposition(species, **options).run(**part)


def coefficient(run, name: str, other: str | None = None) -> float:
    return float(run.results.decomposition["onsager"].sel(species=name, species_2=other or name)[0])


def of_ions(universe, *, charges=(1, -1), names=("Li", "Cl"), **options) -> OnsagerDecomposition:
    """A run of one species per name."""
    return run_of(
        [
            IonSpecies(universe.select_atoms(f"name {n}"), charge=q, name=n)
            for n, q in zip(names, charges, strict=True)
        ],
        **{"frame": "laboratory"} | options,
    )


def salt_in_memory(paths=None, length=20.0) -> mda.Universe:
    """Four lithium and four chloride ions, wrapped."""
    paths = salt() if paths is None else paths
    return ions(
        wrapped(paths, length), [length] * 3 + [90.0] * 3,
        names=["Li"] * 4 + ["Cl"] * 4, masses=[6.94] * 4 + [35.45] * 4,
    )  # fmt: skip


def is_salt(run, paths=None, length=20.0, spacing=DT, n=8) -> float:
    """Relative deviation of L of lithium from that of the paths."""
    paths = salt() if paths is None else paths
    return abs(coefficient(run, "Li") / onsager(paths[:, :4], length**3, spacing, n) - 1)


def dump(path, positions, length, columns, *, steps=None, ids=None, order=None, mode="w", mol=None):
    """A LAMMPS dump of unwrapped paths (frames, atoms, 3) in a cube, with the columns asked for."""
    n_atoms = positions.shape[1]
    ids = np.arange(1, n_atoms + 1) if ids is None else ids
    with open(path, mode) as file:
        for k, x in enumerate(positions):
            step = STRIDE * k if steps is None else steps[k]
            file.write(f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{n_atoms}\n")
            file.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0.0 {length}\n" * 3)
            file.write(f"ITEM: ATOMS {columns}\n")
            image = np.floor(x / length).astype(int)
            for a in range(n_atoms) if order is None else order(k):
                values = {"id": ids[a], "type": 1, "mol": 1 if mol is None else mol[a]}
                for j, axis in enumerate("xyz"):
                    inside = x[a, j] - image[a, j] * length
                    values |= {
                        axis: f"{inside:.4f}", f"{axis}u": f"{x[a, j]:.4f}",
                        f"{axis}s": f"{inside / length:.8f}", f"i{axis}": image[a, j],
                    }  # fmt: skip
                file.write(" ".join(str(values[c]) for c in columns.split()) + "\n")
    return path
