"""Read a states file: numpy only, no pickled objects, checked before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

SCHEMA = "ionmech-states/1"


@dataclass(frozen=True)
class StatesFile:
    """Events and macrostates of one window length.

    Attributes
    ----------
    frame, step : numpy.ndarray
        Shape (frames,), int64: number of each analysed frame in its trajectory; engine step or -1.
    time_ps : numpy.ndarray
        Shape (frames,).
    n_atoms : int
        Atoms of the analysed system.
    atom_index, atom_id, carrier_of_atom : numpy.ndarray
        Shape (members,): index and id of every atom of a carrier, and its carrier.
    event, macrostate : numpy.ndarray
        Shape (frames, carriers), int16: place in the names, -1 for none.
    event_names, event_colors, macrostate_names, macrostate_colors : tuple of str
    cluster : numpy.ndarray
        Shape (frames, carriers), int32: concerted cluster, -1 for none.
    displacement : numpy.ndarray
        Shape (frames, carriers, 3), float32, Angstrom over the window.
    window_ps : float
    source : str
        Trajectory and package version the file was made with.
    """

    frame: np.ndarray
    step: np.ndarray
    time_ps: np.ndarray
    n_atoms: int
    atom_index: np.ndarray
    atom_id: np.ndarray
    carrier_of_atom: np.ndarray
    event: np.ndarray
    macrostate: np.ndarray
    event_names: tuple[str, ...]
    event_colors: tuple[str, ...]
    macrostate_names: tuple[str, ...]
    macrostate_colors: tuple[str, ...]
    cluster: np.ndarray
    displacement: np.ndarray
    window_ps: float
    source: str


def read_states(path: str | PathLike[str]) -> StatesFile:
    """Load a states file.

    Raises
    ------
    FileNotFoundError
        If there is none at `path`.
    ValueError
        If it is no states file or of another schema.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"no states file at {path}; write one with run.save_states('NAME.states.npz')"
        )
    with np.load(path, allow_pickle=False) as archive:
        found = str(archive["schema"]) if "schema" in archive.files else None
        if found != SCHEMA:
            raise ValueError(f"{path} has schema {found!r}, this version reads {SCHEMA!r}")
        values = {name: archive[name] for name in archive.files if name != "schema"}
    for name in ("event_names", "event_colors", "macrostate_names", "macrostate_colors"):
        values[name] = tuple(str(v) for v in values[name])
    for name, kind in (("n_atoms", int), ("window_ps", float), ("source", str)):
        values[name] = kind(values[name])
    return StatesFile(**values)
