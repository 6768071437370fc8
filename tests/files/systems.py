"""Ions, their counter-ions of two atoms and solvent in four kinds of cell, and what they must give.

The frames lie on a grid of 0.01 A, as coarse as any format here stores them, wrapped into the
cell; in how many cells from the first one each atom is, is kept beside them. The answers come from
sets and NumPy: no code of the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import MDAnalysis as mda
import numpy as np
from MDAnalysis.lib.mdamath import triclinic_vectors
from scipy import constants

N_FRAMES, DT, TEMPERATURE = 40, 0.5, 300.0
N_LITHIUM, N_ANIONS, N_SOLVENT = 4, 4, 10
N_ATOMS = N_LITHIUM + 2 * N_ANIONS + N_SOLVENT
CUTOFF = 3.5037
WINDOWS = (1, 4, 9)
EVENTS = ("vehicular", "renewal", "solvent_exchange", "anion_exchange", "mixed_exchange")

NAMES = ["LI"] * N_LITHIUM + ["F1", "P2"] * N_ANIONS + ["O"] * N_SOLVENT
SYMBOLS = ["Li"] * N_LITHIUM + ["F", "P"] * N_ANIONS + ["O"] * N_SOLVENT
MASSES = np.array([6.94] * N_LITHIUM + [19.0, 31.0] * N_ANIONS + [16.0] * N_SOLVENT)
RESIDUE = np.concatenate(
    [
        np.arange(N_LITHIUM),
        N_LITHIUM + np.repeat(np.arange(N_ANIONS), 2),
        N_LITHIUM + N_ANIONS + np.arange(N_SOLVENT),
    ]
)

#: Lengths, Angstrom, and angles, degrees, of the mean cells.
SHAPES = {
    "orthorhombic": (12.0, 13.0, 14.0, 90.0, 90.0, 90.0),
    "triclinic": (12.0, 13.0, 14.0, 78.0, 84.0, 107.0),
}
CELLS = tuple(f"{change} {shape}" for shape in SHAPES for change in ("constant", "fluctuating"))


@dataclass(frozen=True)
class Frames:
    """Frames of all atoms.

    Attributes
    ----------
    positions : numpy.ndarray
        Shape (frames, atoms, 3), Angstrom: wrapped.
    dimensions : numpy.ndarray
        Shape (frames, 6): lengths, Angstrom, and angles, degrees.
    images : numpy.ndarray
        Shape (frames, atoms, 3), int: cells between a wrapped atom and where it has come to.
    """

    positions: np.ndarray
    dimensions: np.ndarray
    images: np.ndarray

    def __getitem__(self, chosen: slice) -> Frames:
        return Frames(self.positions[chosen], self.dimensions[chosen], self.images[chosen])

    @property
    def cells(self) -> np.ndarray:
        """Cell vectors as rows, shape (frames, 3, 3)."""
        return np.array([triclinic_vectors(d, dtype=np.float64) for d in self.dimensions])


@cache
def frames_of(cell: str) -> Frames:
    """Frames in one of `CELLS`."""
    change, shape = cell.split()
    rng = np.random.default_rng(CELLS.index(cell))
    time = np.arange(N_FRAMES)
    dimensions = np.tile(SHAPES[shape], (N_FRAMES, 1))
    if change == "fluctuating":
        wave = 0.03 * np.sin(time[:, None] / [2.0, 2.3, 2.7])
        dimensions[:, :3] *= 1 + wave + rng.normal(0, 0.003, (N_FRAMES, 3))
        if shape == "triclinic":
            dimensions[:, 3:] += rng.normal(0, 0.5, (N_FRAMES, 3))
    dimensions = np.round(dimensions, 2)
    cells = Frames(None, dimensions, None).cells
    n = N_LITHIUM + N_ANIONS + N_SOLVENT
    steps = rng.normal(0, 0.025, (N_FRAMES, n, 3))
    centre = (rng.random((n, 3)) + np.cumsum(steps, axis=0)) @ cells
    # the second atom of an anion keeps its distance while the cell fluctuates
    position = centre[:, RESIDUE]
    position[:, N_LITHIUM + 1 : N_LITHIUM + 2 * N_ANIONS : 2] += [1.0, 0.8, -0.6]
    inverse = np.linalg.inv(cells)
    fractional = position @ inverse
    images = np.floor(fractional).astype(int)
    wrapped = np.round((fractional - images) @ cells, 2)
    return Frames(wrapped.astype(np.float32), dimensions.astype(np.float32), images)


def topology() -> mda.Universe:
    """The atoms, without frames."""
    residues = int(RESIDUE[-1]) + 1
    universe = mda.Universe.empty(
        N_ATOMS, n_residues=residues, atom_resindex=RESIDUE, trajectory=False
    )
    universe.add_TopologyAttr("names", NAMES)
    universe.add_TopologyAttr("elements", SYMBOLS)
    universe.add_TopologyAttr("masses", MASSES)
    universe.add_TopologyAttr("resids", np.arange(1, residues + 1))
    universe.add_TopologyAttr("resnames", ["RES"] * residues)
    return universe


def in_memory(frames: Frames) -> mda.Universe:
    universe = topology()
    universe.load_new(frames.positions.copy(), dimensions=frames.dimensions.copy(), dt=DT)
    return universe


def read_back(universe: mda.Universe, images: np.ndarray) -> Frames:
    """The frames as a file gives them, every array a copy."""
    positions = np.empty((len(images), N_ATOMS, 3), dtype=np.float32)
    dimensions = np.empty((len(images), 6), dtype=np.float32)
    for k, ts in enumerate(universe.trajectory):
        positions[k], dimensions[k] = ts.positions, ts.dimensions
    return Frames(positions, dimensions, images)


def event_of(before: frozenset, after: frozenset) -> str:
    changed = before ^ after
    if not changed:
        return "vehicular"
    if before and after and not before & after:
        return "renewal"
    roles = {role for role, _ in changed}
    return f"{roles.pop()}_exchange" if len(roles) == 1 else "mixed_exchange"


def shells_of(frames: Frames) -> list[list[frozenset]]:
    """Molecules round every lithium in every frame, by the nearest of 125 images."""
    images = np.array(list(product(range(-2, 3), repeat=3)))
    anion = slice(N_LITHIUM, N_LITHIUM + 2 * N_ANIONS, 2)
    ligands = np.arange(N_ATOMS)
    ligands = np.concatenate([ligands[anion], ligands[N_LITHIUM + 2 * N_ANIONS :]])
    found = []
    for x, cell in zip(frames.positions.astype(float), frames.cells, strict=True):
        apart = x[None, ligands] - x[:N_LITHIUM, None]
        away = np.linalg.norm(apart[:, :, None] + images @ cell, axis=-1).min(axis=-1)
        assert np.abs(away - CUTOFF).min() > 2e-5, "no distance may be a matter of rounding"
        found.append(
            [
                frozenset(
                    ("anion" if NAMES[j] == "F1" else "solvent", int(RESIDUE[j]))
                    for j in ligands[row < CUTOFF]
                )
                for row in away
            ]
        )
    return found


def brute_force(frames: Frames, spacing: float) -> dict[str, np.ndarray]:
    """What the frames, `spacing` ps apart, must give."""
    cells = frames.cells
    inverse = np.linalg.inv(cells)
    fractional = np.einsum("tak,tkj->taj", frames.positions.astype(float), inverse) + frames.images
    fractional -= np.einsum("a,taj->tj", MASSES / MASSES.sum(), fractional)[:, None]
    path = (fractional - fractional[0]) @ cells.mean(axis=0)
    last = N_LITHIUM + 2 * N_ANIONS
    pair = MASSES[N_LITHIUM : N_LITHIUM + 2]
    weight = (pair / pair.sum())[:, None]
    anions = (path[:, N_LITHIUM:last].reshape(len(path), N_ANIONS, 2, 3) * weight).sum(axis=2)
    position = [path[:, :N_LITHIUM], anions]
    volumes = np.abs(np.linalg.det(cells))
    shells = shells_of(frames)
    onsager = np.empty((len(WINDOWS), 2, 2))
    own = np.empty((len(WINDOWS), 2))
    by_event = np.zeros((len(WINDOWS), len(EVENTS)))
    counts = np.zeros((len(WINDOWS), len(EVENTS)))
    for k, n in enumerate(WINDOWS):
        factor = 1e-20 / (
            6 * constants.k * TEMPERATURE * volumes.mean() * 1e-30 * n * spacing * 1e-12
        )
        moved = [p[n:] - p[:-n] for p in position]
        total = [m.sum(axis=1) for m in moved]
        for a, b in product(range(2), repeat=2):
            onsager[k, a, b] = factor * np.mean(np.sum(total[a] * total[b], axis=1))
        own[k] = [factor * np.mean(np.sum(m**2, axis=(1, 2))) for m in moved]
        for t in range(len(total[0])):
            for i in range(N_LITHIUM):
                event = EVENTS.index(event_of(shells[t][i], shells[t + n][i]))
                by_event[k, event] += factor * moved[0][t, i] @ total[0][t] / len(total[0])
                counts[k, event] += 1
    return {
        "volume": volumes.mean(),
        "volume_variance": volumes.var(),
        "onsager": onsager,
        "self": own,
        "by_event": by_event,
        "counts": counts,
        "shells": shells,
    }
