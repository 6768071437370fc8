"""Writes the states of one window as the file that the OVITO modifiers read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder, new_array
from ..lib.files import write_atomically
from ..lib.plain_text import on_one_line
from ..lib.write_targets import file_target
from ..observables.window_states import window_states
from ..onsager.labelled_run import LabelledRun
from ..results.results import Results
from ..results.states_file import states_archive, write_archive


def write_states(
    path: str | os.PathLike[str],
    run: LabelledRun,
    n: int,
    results: Results,
    engine_step: np.ndarray,
    source: str,
    folder: ArrayFolder | None,
    *,
    limit: bool,
) -> Path:
    """Write events, macrostates and displacements of windows of n frames.

    Parameters
    ----------
    path : path-like
    run : LabelledRun
    n : int
    results : Results
        Of the run; its shares are written if it holds this window.
    engine_step : numpy.ndarray
        Shape (frames,): step of the MD program, or -1.
    source : str
        Names of the trajectory and of the program, for the file.
    folder : ArrayFolder or None
        Folder of the arrays that exceed the memory budget.
    limit : bool
        Whether shares are those of the diffusive view, where it has them at this length.
    """
    file_target(path)  # states of a long run take a while
    states, atoms = window_states(run, n, folder, missing=0.0), run.atoms
    archive = states_archive(
        events=run.event_names,
        macrostates=run.macrostate_names,
        arrays={
            "frame": run.frames,
            "step": engine_step,
            "time_ps": run.times,
            "n_atoms": len(atoms.id_of_all),
            "atom_index": atoms.index,
            "atom_id": atoms.id,
            "carrier_of_atom": atoms.carrier,
            **{name: values for name, values in states.items() if name != "microstate"},
            **_shells(run, states["microstate"], folder),
            "window_ps": n * run.dt,
            "source": on_one_line(source),
            "species_names": np.array(run.names, dtype=str),
            "species_of_carrier": np.repeat(
                np.arange(len(run.species)), [one.n_carriers for one in run.species]
            ),
            **_shares(run, n, results, limit),
        },
    )
    remedy = "The run is still in memory: free space, or save elsewhere, run.save_states(...)"
    return write_atomically(path, lambda name: write_archive(name, archive), remedy=remedy)


def _shares(run: LabelledRun, n: int, results: Results, limit: bool) -> dict[str, np.ndarray]:
    """Shares and their intervals, each (species, events), and the view they are of.

    Those of the diffusive view with labels over the window, as in `Results.summary`, where they are
    wanted and known; else those of the window; empty for a window outside the scan.
    """
    data = results.decomposition.sel(species=run.names, event=list(run.event_names))
    view, prefix, length = "window", "", {}
    if limit and results.has_diffusive_view and n in results.blocks.resolutions:
        length = {"resolution": results.blocks.resolutions.index(n)}
        if np.isfinite(data["diffusive_share"].isel(length)).any():
            view, prefix = "diffusive", "diffusive_"
    if view == "window":
        if n not in run.windows:
            return {}
        length = {"window": int(np.searchsorted(run.windows, n))}
    found = {
        f"event_{name}": data[f"{prefix}{name}"].isel(length).transpose("species", "event").values
        for name in ("share", "share_low", "share_high")
    }
    return found | {"share_view": np.array(view)}


def _shells(
    run: LabelledRun, microstate: np.ndarray, folder: ArrayFolder | None
) -> dict[str, np.ndarray]:
    """Shell of every carrier, and the atoms of each shell; empty for species on sites alone."""
    found = [one for one in run.species if one.microstates is not None]
    tables = [(one, one.microstates.shells) for one in found if one.microstates is not None]
    n_members = sum(shells.n_members for one, shells in tables if not one.has_sites)
    if not n_members:
        return {}
    start = new_array(sum(len(shells) for _, shells in tables) + 1, np.int64, folder)
    index, ids = (new_array(n_members, np.int64, folder) for _ in range(2))
    start[0] = 0
    at, member = 1, 0
    for one, shells in tables:
        for _, table in shells.tables():
            n = len(table)
            if one.has_sites:
                start[at : at + n] = member
            else:
                last = member + len(table.atom)
                start[at : at + n] = table.offsets[1:] + member
                index[member:last] = table.atom
                ids[member:last] = run.atoms.id_of_all[table.atom]
                member = last
            at += n
    return {
        "shell": microstate,
        "shell_start": start,
        "shell_atom_index": index,
        "shell_atom_id": ids,
    }
