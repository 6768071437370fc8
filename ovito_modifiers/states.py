"""Read a states file: numpy only, no pickled objects, checked before it is used."""

from __future__ import annotations

import zipfile
from dataclasses import MISSING, dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

SCHEMA = "ionmech-states/1"


@dataclass(frozen=True)
class StatesFile:
    """Events and macrostates of one window length.

    The fields that may be None came after the first version of the schema: files without them are
    read, and what they would show is not shown.

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
    species_names : tuple of str or None
    species_of_carrier : numpy.ndarray or None
        Shape (carriers,): place of each carrier's species in `species_names`.
    event_share, event_share_low, event_share_high : numpy.ndarray or None
        Shape (species, events): part of the species' own Onsager coefficient that windows with
        this label carried, and its interval; NaN where a species lacks a label or a share has no
        meaning. None where the window is none of the scanned ones.
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
    species_names: tuple[str, ...] | None = None
    species_of_carrier: np.ndarray | None = None
    event_share: np.ndarray | None = None
    event_share_low: np.ndarray | None = None
    event_share_high: np.ndarray | None = None


_NAMES = (
    "event_names",
    "event_colors",
    "macrostate_names",
    "macrostate_colors",
    "species_names",
)


def read_states(path: str | PathLike[str]) -> StatesFile:
    """Load a states file.

    Raises
    ------
    FileNotFoundError
        If there is none at `path`.
    ValueError
        If it is no states file, of another schema, or lacks an array.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"no states file at {path}; write one with run.save_states('NAME.states.npz')"
        )
    try:
        archive = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no states file: {error}") from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError(
            f"{path} is no states file but a single array; give the *.states.npz that a run has "
            "written"
        )
    with archive:
        found = str(archive["schema"]) if "schema" in archive.files else None
        if found != SCHEMA:
            raise ValueError(f"{path} has schema {found!r}, this version reads {SCHEMA!r}")
        known = [f.name for f in fields(StatesFile)]
        required = [f.name for f in fields(StatesFile) if f.default is MISSING]
        missing = [name for name in required if name not in archive.files]
        if missing:
            raise ValueError(
                f"{path} lacks {', '.join(missing)}; write it again with run.save_states"
            )
        values: dict[str, Any] = {name: archive[name] for name in known if name in archive.files}
    for name in _NAMES:
        if name in values:
            values[name] = tuple(str(v) for v in values[name])
    for name, kind in (("n_atoms", int), ("window_ps", float), ("source", str)):
        values[name] = kind(values[name])
    return StatesFile(**values)
