"""Frames that are worked out when they are asked for: data of any size without a file.

Every position is a function of the number of the frame and of the atom, so that frames can be read
in any order and no memory grows with them.
"""

from __future__ import annotations

from typing import Any

import MDAnalysis as mda
import numpy as np
from MDAnalysis.coordinates.base import ReaderBase

#: Between carriers, and from a carrier to its ligands, Angstrom.
SPACING, BOND = 8.0, 2.0
#: Ligands per carrier.
LIGANDS = 4


def scrambled(*keys: Any) -> np.ndarray:
    """A number of 64 bits that looks random, of whole numbers."""
    out = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        for key in keys:
            out = (out ^ np.asarray(key).astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
            out = (out ^ (out >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
            out = out ^ (out >> np.uint64(32))
    return np.asarray(out)


class MadeReader(ReaderBase):
    """Frames from a function of their number.

    Parameters
    ----------
    place : callable
        Number of a frame to positions (atoms, 3), Angstrom.
    n_atoms, n_frames : int
    length : float
        Edge of the cubic cell, Angstrom.
    """

    format = "MADE"
    units = {"time": "ps", "length": "Angstrom"}  # noqa: RUF012

    def __init__(self, place: Any, n_atoms: int, n_frames: int, length: float) -> None:
        super().__init__("made", dt=1.0)
        self._place, self._length = place, length
        self.n_atoms, self._n_frames = n_atoms, n_frames
        self.ts = self._Timestep(n_atoms, dt=1.0)
        self._read_frame(0)

    @property
    def n_frames(self) -> int:
        return self._n_frames

    def _read_frame(self, frame: int) -> Any:
        ts = self.ts
        ts.frame = frame
        ts.positions = self._place(frame)
        ts.dimensions = [self._length] * 3 + [90.0] * 3
        return ts

    def _read_next_timestep(self) -> Any:
        if self.ts.frame + 1 >= self._n_frames:
            raise OSError("no more frames")
        return self._read_frame(self.ts.frame + 1)

    def _reopen(self) -> None:
        self.ts.frame = -1


def _universe(names: np.ndarray, place: Any, n_frames: int, length: float) -> mda.Universe:
    n = len(names)
    universe = mda.Universe.empty(
        n, n_residues=n, atom_resindex=np.arange(n), residue_segindex=[0] * n, trajectory=False
    )
    universe.add_TopologyAttr("names", names)
    universe.add_TopologyAttr("masses", np.where(names == "C", 7.0, 14.0))
    universe.trajectory = MadeReader(place, n, n_frames, length)
    return universe


def _lattice(n: int) -> tuple[np.ndarray, float]:
    """Places of n carriers on a cubic lattice, and the edge of the cell."""
    edge = int(np.ceil(n ** (1 / 3) - 1e-9))
    grid = np.stack(np.unravel_index(np.arange(n), (edge,) * 3), axis=1)
    return (grid + 0.5) * SPACING, edge * SPACING


def liquid(n_carriers: int, n_frames: int, changed: float, *, wander: bool) -> mda.Universe:
    """Carriers (C), each swaying about its place, with ligands (solvent S, anion A) in shells.

    Parameters
    ----------
    n_carriers, n_frames : int
    changed : float
        Share of the shells that change from one frame to the next.
    wander : bool
        Ligands go to any carrier, so that nearly every change makes a shell that was never there;
        else one in four goes back and forth between two neighbours, and a carrier has 4 shells.
    """
    home, length = _lattice(n_carriers)
    carrier = np.arange(n_carriers)
    pace = 0.02 + 0.1 * (scrambled(carrier[:, None], np.arange(3), 1) % 1000) / 1000.0
    ligand = np.arange(LIGANDS * n_carriers)
    kind = ligand // n_carriers
    moving = np.ones(len(ligand), dtype=bool) if wander else kind == 0
    # a ligand that goes changes the shell it leaves and the one it enters
    stay = max(round(2 * moving.sum() / n_carriers / changed), 1)
    phase = scrambled(ligand, 2) % stay
    corner = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / np.sqrt(3.0) * BOND
    names = np.concatenate([np.repeat("C", n_carriers), np.where(kind == 1, "A", "S")])

    def place(frame: int) -> np.ndarray:
        at = home + np.sin(pace * frame)
        turn = ((frame + phase) // stay).astype(np.int64)
        if wander:
            host = (scrambled(ligand, turn) % n_carriers).astype(np.int64)
        else:
            host = (ligand + moving * (turn % 2)) % n_carriers
        return np.concatenate([at, at[host] + corner[kind]]).astype(np.float32)

    return _universe(names, place, n_frames, length)


def crystal(
    n_carriers: int, n_frames: int, changed: float
) -> tuple[mda.Universe, np.ndarray, list[str]]:
    """Carriers (C) that hop between two sites each, and an immobile framework (F).

    Returns
    -------
    universe : MDAnalysis.Universe
    sites : numpy.ndarray
        Shape (2 * carriers, 3), fractional.
    labels : list of str
    """
    home, length = _lattice(n_carriers)
    carrier = np.arange(n_carriers)
    stay = max(round(1 / changed), 1)
    phase = scrambled(carrier, 2) % stay
    apart = np.array([3.0, 0.0, 0.0])
    names = np.repeat(["C", "F"], [n_carriers, n_carriers])

    def place(frame: int) -> np.ndarray:
        side = ((frame + phase) // stay) % 2
        sway = 0.3 * np.sin(0.3 * frame + carrier)
        at = home + side[:, None] * apart
        at[:, 1] += sway
        return np.concatenate([at, home + 4.0]).astype(np.float32)

    sites = np.concatenate([home, home + apart]) / length
    return _universe(names, place, n_frames, length), sites, ["a"] * n_carriers + ["b"] * n_carriers
