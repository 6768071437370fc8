"""Vehicularity: an intact shell need not be a vehicle.

For windows whose shell is the same at both ends, the part of the motion that the shell shares.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import onsager
from .errors import InputError
from .microstates import ShellTable
from .onsager.vehicle import SUMS, ShellMembers, ShellPaths, vehicle_sums
from .onsager.windows import CarrierLabels, carrier_blocks
from .slabs import FrameFile, column_edges, column_width, state_frames, write_by_rows
from .store import threads
from .trajectory.frames_of_reference import usable_masses
from .trajectory.paths import StoredPosition

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import xarray as xr

    from .analysis import OnsagerDecomposition
    from .microstates.stored import StoredShells
    from .results import Results
    from .species import IonSpecies
    from .trajectory.members import Ligands, Members

#: The label that is split.
EVENT = "vehicular"
#: Rows of sums over three axes that a window takes beside positions.
N_ROWS = 4
#: A column of positions fills such a part of the budget.
COLUMN_SHARE = 16

_LONG_NAMES = {
    "vehicularity": "d . d_shell over |d|^2 of vehicular windows that keep a ligand atom",
    "share_shell": "part of L_AA carried by the shells of vehicular windows",
    "share_relative": "part of L_AA carried relative to these shells",
    "share_alone": "part of L_AA carried by vehicular windows that keep no ligand atom",
    "count": "vehicular carrier-windows that keep a ligand atom, summed over all origins",
    "count_alone": "vehicular carrier-windows that keep none, summed over all origins",
    "blocks": "blocks of origins behind the interval",
}


def followed_ligands(
    species: Sequence[IonSpecies], ligands: Sequence[Ligands | None], members: Members
) -> dict[int, slice]:
    """Where the ligand atoms of each species that can be split come after the carriers.

    Raises
    ------
    InputError
        If no species has shells and a rule with the label ``vehicular``.
    """
    out, first = {}, len(members.offsets) - 1
    for k, (one, table) in enumerate(zip(species, ligands, strict=True)):
        if table is not None and one.events is not None and EVENT in one.events.names:
            out[k] = slice(first, first + len(table.atom))
            first += len(table.atom)
    if not out:
        raise InputError(
            f"projection='vehicle' splits windows labelled {EVENT!r}, and no species has shells "
            "and a rule with that label; give one events=SolvationEvents() or PolymerEvents()"
        )
    return out


def vehicularity(results: Results, window: float | None, species: str | None) -> pd.DataFrame:
    """Table of the group ``vehicle``; see `Results.vehicularity`."""
    data = results.vehicle
    if data is None:
        raise InputError("this run did not follow the ligands: run it with projection='vehicle'")
    name = results._species(species)
    if name not in data["species"].values:
        raise InputError(
            f"species={species!r} was not split; those that were are {list(data['species'].values)}"
        )
    one = data.sel(species=name).drop_vars("species")
    if window is not None:
        one = one.sel(window=[float(results.at_window(window)["window"])])
    table = one.to_dataframe()
    table.attrs = {"species": name, "units": {"window": "ps"}}
    return table


def _values(sums: np.ndarray) -> dict[str, np.ndarray]:
    """What follows from sums (..., 9)."""
    s = dict(zip(SUMS, np.moveaxis(sums, -1, 0), strict=True))

    def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(bottom != 0, top / bottom, np.nan)

    return {
        "vehicularity": ratio(s["along"], s["square"]),
        "share_shell": ratio(s["shell"], s["total"]),
        "share_relative": ratio(s["relative"], s["total"]),
        "share_alone": ratio(s["alone"], s["total"]),
    }


@dataclass(frozen=True)
class TableMembers:
    """`ShellMembers` of a table in memory.

    Attributes
    ----------
    offsets, member : numpy.ndarray
        Ligands of shell s are member[offsets[s] : offsets[s + 1]].
    """

    offsets: np.ndarray
    member: np.ndarray

    def __call__(
        self, before: np.ndarray, after: np.ndarray, chosen: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.offsets, self.member, before, after


@dataclass(frozen=True)
class StoredMembers:
    """`ShellMembers` of shells on disk, which are read as they are met.

    Attributes
    ----------
    shells : StoredShells
    atom : numpy.ndarray
        Shape (ligands,): atom index of each ligand number, ascending.
    """

    shells: StoredShells
    atom: np.ndarray

    def __call__(
        self, before: np.ndarray, after: np.ndarray, chosen: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        met = np.union1d(before[chosen], after[chosen])
        table = self.shells.some(met)
        member = np.searchsorted(self.atom, table.atom)
        # pairs that do not count get any place
        return table.offsets, member, np.searchsorted(met, before), np.searchsorted(met, after)


@dataclass(frozen=True)
class VehicleSums:
    """`vehicle_sums` of one species for any window length; can be sent to another process.

    Attributes
    ----------
    labels : CarrierLabels
    shells : ShellPaths
    event : int
        Code of the label to split.
    sub_blocks : mapping of int to int
        Origins per sub-block of each window in frames.
    """

    labels: CarrierLabels
    shells: ShellPaths
    event: int
    sub_blocks: Mapping[int, int]

    def __call__(self, n: int) -> np.ndarray:
        return vehicle_sums(self.labels, self.shells, self.event, n, self.sub_blocks[n])


def in_columns(position: StoredPosition, width: int, path: Path) -> FrameFile:
    """Stored positions again, in a new file that gives frames of all carriers.

    Cost: reads and writes all of them once.
    """
    edges = column_edges(position.shape[2], width)
    file = FrameFile(path, np.dtype("f8"), (3,), len(position), edges)
    return write_by_rows(file, ((a, position[a:b]) for a, b in carrier_blocks(position)))


def vehicle_task(
    run: OnsagerDecomposition, index: int, sub_blocks: Mapping[int, int], room: Path | None
) -> tuple[VehicleSums, int]:
    """What species `index` needs for its sums, and the windows to work on at once in this process.

    room: an empty folder for what follows from data on disk.
    """
    labels, position, ligands = run._labels[index], run._ligand_paths[index], run._ligands[index]
    shells = run.microstates[run.species[index].name].shells
    assert ligands is not None
    n_threads = run._threads()
    if isinstance(labels.position, StoredPosition) and isinstance(position, StoredPosition):
        assert room is not None
        assert run.memory is not None
        frame = 24 * (len(labels.position) + len(position))
        width = int(np.clip(run.memory // COLUMN_SHARE // frame, 1, run.paths.n_frames))
        n_threads = threads(run.paths.n_frames, N_ROWS, frame * width, run.memory)
        carriers = in_columns(labels.position, width, room / "carriers.bin")
        labels = replace(labels, position=carriers)
        position = in_columns(position, width, room / "ligands.bin")
    members: ShellMembers
    if isinstance(shells, ShellTable):
        # ligands are numbered in order of atom index
        members = TableMembers(shells.offsets, np.searchsorted(ligands.atom, shells.atom))
    else:
        members = StoredMembers(shells, ligands.atom)
    path = None if room is None else room / "states.bin"
    states = state_frames(labels.states, column_width(position), path)
    mass = usable_masses(run.universe, "projection='vehicle'")[ligands.atom]
    paths = ShellPaths(position, mass, states, members)
    event = run.event_names(index).index(EVENT)
    return VehicleSums(labels, paths, event, sub_blocks), n_threads


def vehicle_dataset(run: OnsagerDecomposition, results: Results) -> xr.Dataset:
    """The group ``vehicle`` of a result: dims (species, window), only species that can be split."""
    import xarray as xr

    windows = [int(n) for n in run._window_frames]
    chosen = sorted(run._ligand_paths)
    shape = (len(chosen), len(windows))
    names = list(_values(np.ones(len(SUMS))))
    found = {name + end: np.full(shape, np.nan) for name in names for end in ("", "_low", "_high")}
    found |= {name: np.zeros(shape) for name in ("count", "count_alone", "blocks")}
    share = results.decomposition["share"].sel(event=EVENT)
    plans = {entry.frames: entry.plan for entry in results.blocks.scanned}
    for i, index in enumerate(chosen):
        room = run._new_room("vehicle") if run._on_disk else None
        task, n_threads = vehicle_task(run, index, {n: plans[n].sub_block for n in windows}, room)
        answers = run._spread(task, windows, n_threads)
        for j, (n, sums) in enumerate(zip(windows, answers, strict=True)):
            plan = plans[n]
            rng = np.random.default_rng([run.seed, n])
            weights = onsager.resampling_weights(plan, rng)
            total = sums.sum(axis=0)
            values, drawn = _values(total), _values(weights @ sums)
            # shares are those of the result: undefined together
            known = np.isfinite(share.sel(species=run.species[index].name).values[j])
            for name in names:
                value = values[name] if known or name == "vehicularity" else np.asarray(np.nan)
                low, high = onsager.interval(np.asarray(value), drawn[name], plan, run.level)
                for end, x in (("", value), ("_low", low), ("_high", high)):
                    found[name + end][i, j] = x
            found["count"][i, j] = total[SUMS.index("kept")]
            found["count_alone"][i, j] = total[SUMS.index("alone_number")]
            found["blocks"][i, j] = plan.n_blocks
        if room is not None:
            shutil.rmtree(room)
    dims = ["species", "window"]
    variables: dict[str, Any] = {}
    for name, values_of in found.items():
        base = name.removesuffix("_low").removesuffix("_high")
        attrs: dict[str, Any] = {"units": "1", "long_name": _LONG_NAMES[base]}
        variables[name] = (dims, values_of, attrs | ({} if name == base else {"level": run.level}))
    times = np.array(windows) * run.paths.dt
    unit = {"units": "ps", "long_name": "length of the window"}
    labels = [run.species[k].name for k in chosen]
    return xr.Dataset(variables, coords={"species": labels, "window": ("window", times, unit)})
