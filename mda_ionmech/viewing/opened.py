"""Opens what is to be viewed: states and trajectory, from a result or a states file."""

from __future__ import annotations

import glob
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ovito_modifiers.states import StatesFile

from ..lib.errors import InputError
from ..lib.temporary import temporary_folder
from ..lib.topology import atom_ids
from ..results.load_file import load
from ..results.results import Results
from ..results.states_file import states_archive, write_archive
from ..species import IonSpecies
from .recorded_files import REMEDY, recorded_universe
from .same_frames import check_frames
from .scene import check_universe, open_states_file

ENDING = ".states.npz"


@dataclass
class Opened:
    """States, trajectory and, where there is one, the result.

    Attributes
    ----------
    path : pathlib.Path
        States file.
    name : str
        Stem of the files, for those that are written.
    states : StatesFile
    universe : Universe
    results : Results or None
    """

    path: Path
    name: str
    states: StatesFile
    universe: Any
    results: Results | None
    folder: Any = None  # of states that were made from the result; removed with this object


def open_for_viewing(path: Path, given: Callable[[], Any] | None = None) -> Opened:
    """States and trajectory of a result ``NAME.nc`` or a states file ``NAME.states.npz``.

    A result is shown with the states file beside it, whose window was chosen by the run; without
    one with the states in the result, which are those of the shortest window.

    Parameters
    ----------
    path : pathlib.Path
    given : callable, optional
        Returns the Universe, where the user says which; default: as the settings of the result
        record it.

    Returns
    -------
    Opened

    Raises
    ------
    InputError
        For a file that is neither, or a trajectory that is not found or another one: of other
        atoms or frames, or with ions that move otherwise than those analysed.
    """
    if path.suffix == ".npz":
        states = open_states_file(path)
        result = path.with_name(f"{stem(path)}.nc")
        results = load(result) if result.is_file() else None
        if results is not None and not _are_of(states, results):
            results = None
        if given is None and results is None:
            raise InputError(
                f"a states file does not say where its trajectory is, and its result "
                f"{result.name} is not beside it; {REMEDY}"
            )
        universe = given() if given else recorded_universe(_settings(results), result)
        check_universe(universe, states)
        check_frames(universe, states, _settings(results).get("cell_angstrom"), path, REMEDY)
        return Opened(path, stem(path), states, universe, results)
    results = load(path)
    universe = given() if given else recorded_universe(results.settings, path)
    beside, folder = path.with_name(f"{stem(path)}{ENDING}"), None
    if not (beside.is_file() and _are_of(open_states_file(beside), results)):
        folder = temporary_folder()
        beside = write_states_of_result(results, universe, Path(folder.name) / beside.name)
    states = open_states_file(beside)
    check_universe(universe, states)
    check_frames(universe, states, results.settings.get("cell_angstrom"), path, REMEDY)
    return Opened(beside, stem(path), states, universe, results, folder)


def windows_beside(opened: Opened) -> dict[str, Path]:
    """States files of the same run in one folder, by the length of their windows as text.

    ``NAME.states.npz`` and all ``NAME-ANYTHING.states.npz``, the shortest window first.
    """
    found: dict[float, Path] = {opened.states.window_ps: opened.path}
    for path in sorted(opened.path.parent.glob(f"{glob.escape(opened.name)}*{ENDING}")):
        try:
            states = open_states_file(path)
        except (InputError, FileNotFoundError):
            continue
        same = np.array_equal(states.frame, opened.states.frame)
        if same and np.array_equal(states.atom_id, opened.states.atom_id):
            found.setdefault(states.window_ps, path)
    return {f"{window:g} ps": path.absolute() for window, path in sorted(found.items())}


def stem(path: Path) -> str:
    """Name of a result or states file without its ending."""
    return path.name.removesuffix(".npz").removesuffix(".nc").removesuffix(".states")


def _settings(results: Results | None) -> dict[str, Any]:
    return {} if results is None else results.settings


def _are_of(states: StatesFile, results: Results) -> bool:
    """Whether a states file is about the frames, carriers and labels of a result."""
    data = results.states
    if data is None or states.event.shape != data["event"].shape:
        return False
    names = str(data["event"].attrs.get("flag_meanings", "")).split()
    return list(states.event_names) == names and bool(
        np.array_equal(states.frame, data["source_frame"].values)
    )


def write_states_of_result(results: Results, universe: Any, path: Path) -> Path:
    """States file of the states in a result, those of its shortest window.

    Raises
    ------
    InputError
        For a result without states.
    """
    index, carrier = carrier_atoms(results, universe)
    data, settings = results.states, results.settings
    assert data is not None
    names = (data[name].attrs.get("flag_meanings", "").split() for name in ("event", "macrostate"))
    events, macrostates = (tuple(one) for one in names)
    ids, species = atom_ids(universe), [str(one["name"]) for one in settings["species"]]
    arrays = {
        "frame": data["source_frame"].values,
        "step": np.full(len(data["time"]), -1),
        "time_ps": data["time"].values,
        "n_atoms": len(ids),
        "atom_index": index,
        "atom_id": ids[index],
        "carrier_of_atom": carrier,
        **{name: data[name].values for name in ("event", "macrostate", "cluster")},
        "displacement": np.nan_to_num(data["displacement"].values),
        "window_ps": float(data["event"].attrs["window_ps"]),
        "source": f"{settings['trajectory']}; the shortest window of {path.name}",
        "species_names": np.array(species, dtype=str),
        "species_of_carrier": data["carrier_species"].values,
        **_shares(results, species, events),
        **_shells(results, ids),
    }
    write_archive(str(path), states_archive(events=events, macrostates=macrostates, arrays=arrays))
    return path


def carrier_atoms(results: Results, universe: Any) -> tuple[np.ndarray, np.ndarray]:
    """Atoms of the carriers of a result.

    Returns
    -------
    index : numpy.ndarray
        Shape (members,): of the atoms in the topology.
    carrier : numpy.ndarray
        Shape (members,): carrier of each, as numbered in the states.

    Raises
    ------
    InputError
        If the selections in the settings give other carriers.
    """
    species = [
        IonSpecies(
            universe.select_atoms(one["selection"]),
            charge=one["charge"],
            name=one["name"],
            compound=one["compound"],
        )
        for one in results.settings["species"]
    ]
    first = np.cumsum([0, *(one.n_carriers for one in species)])
    index = np.concatenate([one.atoms.ix for one in species])
    carrier = np.concatenate(
        [one.carrier_of_atom + f for one, f in zip(species, first, strict=False)]
    )
    begins = np.unique(carrier, return_index=True)[1]
    if results.states is None:
        raise InputError("this result holds no states of single frames; give that of a single run")
    known = results.states["carrier_atom_id"].values
    if not np.array_equal(atom_ids(universe)[index[begins]], known):
        raise InputError(
            "the selections in the settings give other carriers than those analysed, e.g. in "
            "another order; write the states with run.save_states('NAME.states.npz') and give "
            "that file"
        )
    return index, carrier


def _shares(results: Results, species: list[str], events: tuple[str, ...]) -> dict[str, np.ndarray]:
    data = results.decomposition.isel(window=0).sel(species=species, event=list(events))
    found = {
        f"event_{name}": data[name].transpose("species", "event").values
        for name in ("share", "share_low", "share_high")
    }
    return found | {"share_view": np.array("window")}


def _shells(results: Results, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Shells with their atoms; none where microstates are sites, which have no atoms."""
    if results.states is None or results.shells is None or "microstate" not in results.states:
        return {}
    member = results.shells["atom_id"].values
    start = results.shells["start"].values
    known = member >= 0
    if not known.any():
        return {}
    order = np.argsort(ids, kind="stable")
    kept = np.concatenate([[0], np.cumsum(known)])
    return {
        "shell": results.states["microstate"].values,
        "shell_start": kept[start],
        "shell_atom_index": order[np.searchsorted(ids[order], member[known])],
        "shell_atom_id": member[known],
    }
