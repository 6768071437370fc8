"""The groups ``states`` and ``shells`` of a result: every carrier in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..lib.arrays_on_disk import ArrayFolder, new_array
from ..observables.window_states import window_states
from ..onsager.labelled_run import LabelledRun
from ..results.estimates import LONG_NAMES


def states_dataset(run: LabelledRun, folder: ArrayFolder | None) -> xr.Dataset:
    """Microstate, macrostate, event and displacement of every carrier, in the shortest windows.

    Parameters
    ----------
    run : LabelledRun
    folder : ArrayFolder or None
        Folder of the arrays; None: in memory.
    """
    n = int(run.windows[0])
    states = window_states(run, n, folder)
    window = {"window_ps": n * run.dt}

    def codes(names: Sequence[str]) -> dict[str, Any]:
        if not names:
            return {}
        return {
            "flag_values": np.arange(len(names), dtype=np.int32),
            "flag_meanings": " ".join(names),
        }

    per_carrier = ["frame", "carrier"]
    variables: dict[str, tuple[list[str], Any, dict[str, Any]]] = {
        "time": (["frame"], run.times, {"units": "ps"}),
        "source_frame": (["frame"], run.frames, {}),
        "microstate": (per_carrier, states["microstate"], {}),
        "macrostate": (per_carrier, states["macrostate"], codes(run.macrostate_names)),
        "event": (per_carrier, states["event"], codes(run.event_names) | window),
        "cluster": (per_carrier, states["cluster"], window),
        "displacement": (
            [*per_carrier, "axis"],
            states["displacement"],
            {"units": "angstrom"} | window,
        ),
        "carrier_species": (
            ["carrier"],
            np.repeat(np.arange(len(run.species)), [one.n_carriers for one in run.species]).astype(
                np.int32
            ),
            codes([n.replace(" ", "_") for n in run.names]),
        ),
        "carrier_atom_id": (["carrier"], run.atoms.first_id, {}),
    }
    data = xr.Dataset(coords={"axis": list("xyz")})
    for name, (dims, values, attrs) in variables.items():
        data[name] = (dims, values, {"units": "1", "long_name": LONG_NAMES[name]} | attrs)
    return data


def shells_dataset(run: LabelledRun, folder: ArrayFolder | None) -> xr.Dataset:
    """Distinct microstates of all species, numbered as in states.microstate.

    Parameters
    ----------
    run : LabelledRun
    folder : ArrayFolder or None
        Folder of the arrays; None: in memory.
    """
    detected = [one for one in run.species if one.microstates is not None]
    found = [one.microstates.shells for one in detected if one.microstates is not None]
    types = list(dict.fromkeys(name for shells in found for name in shells.types))
    ids = run.atoms.id_of_all
    n_shells = sum(len(one) for one in found)
    n_members = sum(one.n_members for one in found)
    start = new_array(n_shells + 1, np.int64, folder)
    atom, molecule, kind = (
        new_array(n_members, of, folder) for of in (np.int64, np.int64, np.int32)
    )
    start[0] = 0
    at, member = 1, 0
    for one, shells in zip(detected, found, strict=True):
        to_types = np.array([types.index(t) for t in shells.types])
        for _, table in shells.tables():
            last = member + len(table.atom)
            # a site has no atom
            atoms = np.full(len(table.atom), -1) if one.has_sites else ids[table.atom]
            start[at : at + len(table)] = table.offsets[1:] + member
            atom[member:last] = atoms
            molecule[member:last] = table.molecule
            kind[member:last] = to_types[table.kind]
            at, member = at + len(table), last
    unit = {"units": "1"}
    coded = {"flag_values": np.arange(len(types)), "flag_meanings": " ".join(types)}
    text = "first member of each shell; one past the last at the end"
    members = "of each member, shell after shell"
    return xr.Dataset(
        {
            "start": (["shell_edge"], start, unit | {"long_name": text}),
            "atom_id": (
                ["member"],
                atom,
                unit | {"long_name": f"atom id {members}"},
            ),
            "molecule_id": (
                ["member"],
                molecule,
                unit | {"long_name": f"molecule id {members}"},
            ),
            "ligand_type": (
                ["member"],
                kind,
                unit | {"long_name": f"ligand type {members}"} | coded,
            ),
        }
    )
