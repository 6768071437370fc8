"""Whether a trajectory is the one that was analysed, by how far its ions move between frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from MDAnalysis.lib.mdamath import triclinic_vectors

from ovito_modifiers.states import StatesFile

from ..lib.errors import InputError
from .scene import window_rows

#: Median deviation of the ions up to which frames are those analysed, Angstrom: a copy in a format
#: with a precision of 0.01 Angstrom deviates by up to 0.02, other frames by vibrations, some 0.3.
TOLERANCE = 0.05
#: Frames that are compared with the first.
SAMPLED = 5


@dataclass(frozen=True)
class Moves:
    """What is compared of a states file, under the same names.

    Attributes
    ----------
    frame, time_ps : numpy.ndarray
        Shape (frames,).
    window_ps : float
    displacement : numpy.ndarray
        Shape (frames, carriers, 3), Angstrom, 0 where no window begins.
    atom_index, carrier_of_atom : numpy.ndarray
        Shape (members,).
    """

    frame: np.ndarray
    time_ps: np.ndarray
    window_ps: float
    displacement: np.ndarray
    atom_index: np.ndarray
    carrier_of_atom: np.ndarray


def check_frames(
    universe: Any, states: StatesFile | Moves, cell: Any, result: str | Path, remedy: str
) -> None:
    """Refuse a trajectory in which the ions move otherwise than in the states.

    Recorded displacements of successive windows are added up from the first frame to a few others,
    and compared with the fractional coordinates of these frames in the mean cell, up to whole
    cells. What is common to all ions is taken out: the path of the frame of reference, which is not
    recorded. Only ions of a single atom are compared; nothing is claimed for fewer than two, or
    where frames have no cell.

    Parameters
    ----------
    universe : Universe
    states : StatesFile or Moves
    cell : array_like or None
        Shape (3, 3), Angstrom: the mean cell of the analysis, in which displacements are recorded;
        None: that of the frames which are read.
    result : str or pathlib.Path
        File that holds the states, for the message.
    remedy : str
        What to give, for the message.

    Raises
    ------
    InputError
        If the median deviation of the ions exceeds 0.05 Angstrom between the first and any other
        of these frames.
    """
    carriers, atoms = _single_atoms(states)
    n, last = _window(states), len(states.frame) - 1
    if len(atoms) < 2 or n is None:
        return
    windows = last // n
    chosen = np.unique(np.linspace(1, windows, SAMPLED).round().astype(int))
    frames = states.frame[np.concatenate([[0], chosen * n])]
    place, cells = _read(universe, frames, atoms)
    mean = cells.mean(axis=0) if cell is None else np.asarray(cell, dtype=np.float64)
    # a cell that was set by hand for the analysis is in no file
    used = np.where(np.isfinite(cells), cells, mean)
    if not np.isfinite(mean).all() or not np.linalg.det(mean):
        return
    spread = np.abs(used - mean).max() / np.abs(mean).max() if cell is None else 0.0
    recorded, before = np.zeros((len(atoms), 3)), 0
    for k, number in enumerate(chosen, start=1):
        # without a copy: displacements of a long run fill much of the memory
        between = states.displacement[before * n : number * n : n]
        recorded += between.sum(axis=0, dtype=np.float64)[carriers]
        before = int(number)
        off = min(
            _deviation(place[k], place[0], recorded, pair, mean)
            for pair in ((used[k], used[0]), (mean, mean))
        )
        if off > TOLERANCE + spread * float(np.linalg.norm(recorded, axis=1).max()):
            raise InputError(
                f"the frames of {_names(universe)} are not those that {result} was made from: from "
                f"frame {frames[0]} to {frames[k]} its ions move otherwise than recorded, by "
                f"{off:.2g} Å in the median; {remedy}; or analyse this trajectory anew"
            )


def _single_atoms(states: StatesFile | Moves) -> tuple[np.ndarray, np.ndarray]:
    """Carriers of one atom, and their atoms."""
    single = np.bincount(states.carrier_of_atom)[states.carrier_of_atom] == 1
    return states.carrier_of_atom[single], states.atom_index[single]


def _window(states: StatesFile | Moves) -> int | None:
    """Rows of a window; None where times and displacements disagree on it."""
    moves = np.flatnonzero(states.displacement.any(axis=(1, 2)))
    n = window_rows(states)
    known = len(moves) > 0 and len(states.frame) - 1 - int(moves[-1]) == n
    return n if known else None


def _read(universe: Any, frames: np.ndarray, atoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (frames, atoms, 3) and cells (frames, 3, 3); NaN for a frame without a cell."""
    place = np.empty((len(frames), len(atoms), 3))
    cells = np.full((len(frames), 3, 3), np.nan)
    before = universe.trajectory.frame
    for k, frame in enumerate(frames):
        ts = universe.trajectory[int(frame)]
        place[k] = ts.positions[atoms]
        if ts.dimensions is not None:
            cell = triclinic_vectors(ts.dimensions)
            cells[k] = cell if np.linalg.det(cell) > 0 else np.nan  # zeros stand for no cell
    universe.trajectory[before]
    return place, cells


def _deviation(
    now: np.ndarray,
    first: np.ndarray,
    recorded: np.ndarray,
    cells: tuple[np.ndarray, np.ndarray],
    mean: np.ndarray,
) -> float:
    """Median over ions of how far they are from where the recorded displacements take them."""
    inverse = [np.linalg.inv(cell) for cell in cells]
    off = now @ inverse[0] - first @ inverse[1] - recorded @ np.linalg.inv(mean)
    off -= off[0]
    off -= np.rint(off)
    off -= np.median(off, axis=0)
    return float(np.median(np.linalg.norm(off @ mean, axis=1)))


def _names(universe: Any) -> str:
    files = getattr(universe.trajectory, "filenames", None)
    if files is None:
        files = [universe.trajectory.filename or "memory"]
    return ", ".join(str(name) for name in files)
