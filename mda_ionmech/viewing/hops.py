"""Table of hops, and what happens in one of them: path, partners and ligands that change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ovito_modifiers.shared import window_rows
from ovito_modifiers.states import StatesFile

from ..lib.elements import elements_of
from ..lib.errors import InputError
from .framework import ANIONS

#: Contacts of ions without stored shells: up to this multiple of the shortest one.
STRETCH = 1.3


def hop_list(states: StatesFile, events: Sequence[str]) -> pd.DataFrame:
    """Beginnings of events: every frame in which the label of a carrier becomes a chosen one.

    In windows of one frame spacing every hop between sites is a row, as in
    `RunObservables.hops`. Longer windows overlap, so that one hop is in several: successive windows
    of one ion with the same label are one row, which begins at the first of them, also where the
    ion hops again meanwhile. The number of a row depends on the chosen events.

    Parameters
    ----------
    states : StatesFile
    events : sequence of str

    Returns
    -------
    pandas.DataFrame
        Index ``hop``; columns ``frame`` of the trajectory, ``time_ps``, ``species``, ``ion``
        (number within its species), ``event``, ``ions`` (size of the concerted cluster, else 1),
        ``length_angstrom`` of the displacement in the window, and ``carrier``, ``row``: its place
        in the states file.
    """
    codes = [states.event_names.index(name) for name in events]
    begins = np.isin(states.event, codes)
    again = states.event[1:] == states.event[:-1]
    if window_rows(states) == 1:
        again &= states.cluster[1:] < 0  # each hop between sites is in one window alone
    begins[1:] &= ~again
    row, carrier = np.nonzero(begins)
    species = np.zeros(states.event.shape[1], dtype=np.int64)
    names = states.species_names or ("ion",)
    if states.species_of_carrier is not None:
        species = np.asarray(states.species_of_carrier)
    first = np.searchsorted(species, np.arange(len(names)))
    cluster = states.cluster[row, carrier]
    size = [
        int((states.cluster[r] == c).sum()) if c >= 0 else 1
        for r, c in zip(row, cluster, strict=True)
    ]
    return pd.DataFrame(
        {
            "frame": states.frame[row],
            "time_ps": states.time_ps[row],
            "species": np.array(names, dtype=object)[species[carrier]],
            "ion": carrier - first[species[carrier]],
            "event": np.array(states.event_names, dtype=object)[states.event[row, carrier]],
            "ions": size,
            "length_angstrom": np.linalg.norm(states.displacement[row, carrier], axis=1),
            "carrier": carrier,
            "row": row,
        },
        index=pd.RangeIndex(len(row), name="hop"),
    )


@dataclass(frozen=True)
class Hop:
    """One hop of an ion, with the ions that hop together with it.

    Attributes
    ----------
    number : int
        In the table of hops.
    frames : numpy.ndarray
        Shape (frames,): of the trajectory, from the beginning of the window to its end.
    atoms : numpy.ndarray
        Shape (ions,): first atom of each ion, the chosen one first.
    path : numpy.ndarray
        Shape (frames, ions, 3): continuous in time, ions next to each other, Angstrom.
    members : list of numpy.ndarray
        Of each frame the atoms in contact with the chosen ion.
    event, color : str
    text : tuple of str
        What happens, in three lines.
    """

    number: int
    frames: np.ndarray
    atoms: np.ndarray
    path: np.ndarray
    members: list[np.ndarray]
    event: str
    color: str
    text: tuple[str, str, str]

    def is_of(self, atom: int) -> str:
        """Whether a ligand atom stays in the shell, leaves it, arrives or passes."""
        ends = atom in self.members[0], atom in self.members[-1]
        return {(True, True): "stays", (True, False): "leaves", (False, True): "arrives"}.get(
            ends, "passes"
        )


def read_hop(universe: Any, states: StatesFile, table: pd.DataFrame, number: int) -> Hop:
    """Read the frames of one hop.

    Raises
    ------
    InputError
        For a number that is not in the table.
    """
    if number not in table.index:
        raise InputError(
            f"hop {number} is not in the table of hops, which has {len(table)}, numbered from 0; "
            "--hops lists them"
        )
    hop: dict[str, Any] = {str(name): column[number] for name, column in table.items()}
    row, carrier = int(hop["row"]), int(hop["carrier"])
    last = min(row + window_rows(states), len(states.frame) - 1)
    ions = [carrier]
    if states.cluster[row, carrier] >= 0:
        same = np.flatnonzero(states.cluster[row] == states.cluster[row, carrier])
        ions += [int(k) for k in same if k != carrier]
    atoms = np.array([states.atom_index[states.carrier_of_atom == k][0] for k in ions])
    frames = np.arange(int(states.frame[row]), int(states.frame[last]) + 1)
    path = np.empty((len(frames), len(atoms), 3))
    members = []
    anions = np.flatnonzero(np.isin(elements_of(universe), ANIONS))
    for k, frame in enumerate(frames):
        ts = universe.trajectory[int(frame)]
        here = ts.positions[atoms].astype(np.float64)
        if k == 0:
            path[0] = here[0] + shortest(here - here[0], ts)
        else:
            path[k] = path[k - 1] + shortest(here - path[k - 1], ts)
        at = int(np.searchsorted(states.frame, frame, side="right")) - 1
        members.append(members_at(states, at, carrier, ts, atoms[0], anions))
    others = len(ions) - 1
    partners = f" with {others} other{'s' if others > 1 else ''}" if others else ""
    text = (
        f"hop {number}: {hop['event']}",
        f"{hop['species']} {hop['ion']}{partners}",
        f"{hop['length_angstrom']:.1f} Å in {states.window_ps:g} ps",
    )
    event = str(hop["event"])
    color = states.event_colors[states.event_names.index(event)]
    return Hop(number, frames, atoms, path, members, event, color, text)


def single_atoms(states: StatesFile) -> np.ndarray:
    """Indices of the carriers that are single atoms."""
    size = np.bincount(states.carrier_of_atom)
    return np.asarray(states.atom_index[size[states.carrier_of_atom] == 1])


def shortest(vectors: np.ndarray, ts: Any) -> np.ndarray:
    """Shortest periodic images of vectors, shape (..., 3), in the cell of a frame."""
    if ts.dimensions is None:
        return vectors
    cell = np.asarray(ts.triclinic_dimensions, dtype=np.float64)
    return np.asarray(vectors - np.rint(vectors @ np.linalg.inv(cell)) @ cell)


def members_at(
    states: StatesFile, row: int, carrier: int, ts: Any, atom: int, anions: np.ndarray
) -> np.ndarray:
    """Atoms of the shell of an ion; of one on a site the anions about as near as the nearest."""
    if states.shell is not None and states.shell_start is not None:
        assert states.shell_atom_index is not None
        shell = int(states.shell[row, carrier])
        if shell >= 0:
            return states.shell_atom_index[
                int(states.shell_start[shell]) : int(states.shell_start[shell + 1])
            ]
    if len(anions) == 0:
        return anions
    apart = shortest(ts.positions[anions].astype(np.float64) - ts.positions[atom], ts)
    length = np.linalg.norm(apart, axis=1)
    return anions[length <= STRETCH * length.min()]
