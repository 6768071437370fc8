"""LAMMPS dump with the codes of events and macrostates of every atom, e.g. for OVITO Basic."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

import numpy as np

from ovito_modifiers.states import StatesFile

from ..lib.errors import InputError
from ..lib.files import write_atomically
from ..lib.topology import atom_ids, atom_kinds, protect_files
from ..lib.write_targets import file_target
from .scene import check_universe, open_states_file


def write_dump(
    universe: Any,
    states_file: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    start: int | None = None,
    stop: int | None = None,
    step: int | None = None,
) -> tuple[Path, dict[str, dict[int, str]]]:
    """Write a LAMMPS dump with the columns id, type, element, x, y, z, event, macrostate.

    Codes are those of the modifiers: 0 for none, 1 for the first name of the states file. Frames
    between analysed ones have the codes of the earlier one; before and after all of them codes are
    0.

    Cost: about 2 us an atom and frame.

    Parameters
    ----------
    universe : Universe
        The trajectory that was analysed.
    states_file : path-like
        Written by ``save_states``.
    path : path-like
        Conventionally ``*.lammpstrj``.
    start, stop, step : int, optional
        Frames of the trajectory to write.

    Returns
    -------
    tuple of Path and dict
        The file, and the names of the codes: ``{"event": {1: ...}, "macrostate": {1: ...}}``.

    Raises
    ------
    InputError
        If trajectory and states file do not belong together, no frame is chosen, or the file
        cannot be written.
    """
    protect_files(universe)
    file_target(path)  # before the frames, which take time
    states = open_states_file(states_file)
    check_universe(universe, states)
    frames = range(universe.trajectory.n_frames)[slice(start, stop, step)]
    if len(frames) == 0:
        raise InputError(
            f"start={start}, stop={stop}, step={step} choose none of the "
            f"{universe.trajectory.n_frames} frames"
        )
    ids = atom_ids(universe)
    names, code = atom_kinds(universe)
    fixed = [
        (int(i), int(c) + 1, str(names[c]).replace(" ", "_"))
        for i, c in zip(ids, code, strict=True)
    ]

    def write(name: str) -> None:
        with open(name, "w", encoding="ascii", errors="replace") as file:
            for frame in frames:
                _write_frame(file, universe.trajectory[frame], states, fixed)

    legend = {
        "event": dict(enumerate(states.event_names, start=1)),
        "macrostate": dict(enumerate(states.macrostate_names, start=1)),
    }
    return write_atomically(path, write), legend


def _write_frame(
    file: IO[str], ts: Any, states: StatesFile, fixed: list[tuple[int, int, str]]
) -> None:
    n = len(fixed)
    columns = np.zeros((2, n), dtype=np.int64)
    row = int(np.searchsorted(states.frame, ts.frame, side="right")) - 1
    if row >= 0 and ts.frame <= states.frame[-1]:
        for column, label in zip(columns, (states.event, states.macrostate), strict=True):
            column[states.atom_index] = label[row, states.carrier_of_atom].astype(np.int64) + 1
    low, high, tilt = _bounds(ts)
    timestep = step_of(ts)
    skew = " xy xz yz" if tilt is not None else ""
    file.write(f"ITEM: TIMESTEP\n{timestep}\nITEM: NUMBER OF ATOMS\n{n}\n")
    faces = "ff ff ff" if ts.dimensions is None else "pp pp pp"
    file.write(f"ITEM: BOX BOUNDS{skew} {faces}\n")
    for axis in range(3):
        last = "" if tilt is None else f" {tilt[axis]:.6f}"
        file.write(f"{low[axis]:.6f} {high[axis]:.6f}{last}\n")
    file.write("ITEM: ATOMS id type element x y z event macrostate\n")
    file.writelines(
        f"{i} {kind} {element} {x:.4f} {y:.4f} {z:.4f} {event} {macrostate}\n"
        for (i, kind, element), (x, y, z), event, macrostate in zip(
            fixed, ts.positions.tolist(), *columns.tolist(), strict=True
        )
    )


def step_of(ts: Any) -> int:
    """The engine's step of a frame; its number where the file holds none."""
    return int(ts.data.get("step", ts.frame))


def _bounds(ts: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Box bounds in the convention of LAMMPS: of the bounding box of a triclinic cell."""
    if ts.dimensions is None:
        low, high = ts.positions.min(axis=0), ts.positions.max(axis=0)
        return low, high, None
    cell = np.asarray(ts.triclinic_dimensions, dtype=np.float64)
    low, high = np.zeros(3), np.diag(cell).copy()
    xy, xz, yz = cell[1, 0], cell[2, 0], cell[2, 1]
    if np.allclose([xy, xz, yz], 0, atol=1e-6):
        return low, high, None
    low[0] += min(0.0, xy, xz, xy + xz)
    high[0] += max(0.0, xy, xz, xy + xz)
    low[1] += min(0.0, yz)
    high[1] += max(0.0, yz)
    return low, high, np.array([xy, xz, yz])
