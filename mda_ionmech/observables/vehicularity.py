"""Vehicularity: an intact shell need not be a vehicle.

For windows whose shell is the same at both ends, the part of the motion that the shell shares.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import onsager
from ..lib.errors import InputError
from ..lib.frame_blocks import column_width
from ..microstates.detector import joined_tables
from ..microstates.on_disk_by_frames import ShellColumns, shell_columns
from ..trajectory.masses import usable_masses
from ..trajectory.run_store import threads
from .vehicularity_sums import (
    SUMS,
    HeldPairs,
    PairedShells,
    ShellPairs,
    ShellPaths,
    pair_segments,
    vehicle_sums,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import xarray as xr

    from ..analysis.decomposition import OnsagerDecomposition
    from ..results.results import Results
    from ..species import EventRule, IonSpecies
    from ..trajectory.carriers import Ligands, Members

#: The label that is split.
EVENT = "vehicular"
#: Rows of sums over three axes that a window takes beside positions.
N_ROWS = 4
#: What a member of a shell, and a shell, take in a table and beside it, bytes.
MEMBER_BYTES, SHELL_BYTES = 60, 40

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
class StoredPairs:
    """`ShellPairs` of shells on disk, which are read column by column.

    Attributes
    ----------
    columns : ShellColumns
    rule : EventRule
    event : int
        Code of the label to split.
    atom : numpy.ndarray
        Shape (ligands,): atom index of each ligand number, ascending.
    """

    columns: ShellColumns
    rule: EventRule
    event: int
    atom: np.ndarray

    def reader(self, window: int) -> _StoredReader:
        return _StoredReader(self, window)


class _StoredReader:
    """Pairs of shells of windows that begin in one column and end in another or the same."""

    def __init__(self, pairs: StoredPairs, window: int) -> None:
        self._pairs, self._window = pairs, window
        self._start, self._end = pairs.columns.reader(), pairs.columns.reader()
        self._columns = -1, -1

    def _join(self) -> None:
        """Take the shells of both columns into one table."""
        tables = [self._start.table, self._end.table]
        same = self._start.number == self._end.number
        self._shift = np.int32(0 if same else len(tables[0]))
        table = tables[0] if same else joined_tables(tables)
        self._classify = self._pairs.rule.classifier(table)
        self._shells = table.offsets, np.searchsorted(self._pairs.atom, table.atom)

    def between(self, first: int, last: int) -> PairedShells:
        ends = (
            self._start.between(first, last),
            self._end.between(first + self._window, last + self._window),
        )
        columns = self._start.number, self._end.number
        if columns != self._columns:
            self._columns = columns
            self._join()
        offsets, begin, before, after = pair_segments(*ends)
        after += self._shift
        chosen = self._classify(before, after)[0] == self._pairs.event
        return PairedShells(offsets, begin, before, after, chosen, *self._shells)


@dataclass(frozen=True)
class VehicleSums:
    """`vehicle_sums` of one species for any window length; can be sent to another process.

    Attributes
    ----------
    paths : ShellPaths
    sub_blocks : mapping of int to int
        Origins per sub-block of each window in frames.
    """

    paths: ShellPaths
    sub_blocks: Mapping[int, int]

    def __call__(self, n: int) -> np.ndarray:
        return vehicle_sums(self.paths, n, self.sub_blocks[n])


def shell_paths(run: OnsagerDecomposition, index: int, room: Path | None) -> tuple[ShellPaths, int]:
    """Paths and shells of species `index`, and how many windows to work on at once.

    room: an empty folder for what lives on disk.
    """
    labels, followed, ligands = run._labels[index], run._ligand_paths[index], run._ligands[index]
    states, rule = run.microstates[run.species[index].name], run.species[index].events
    assert ligands is not None
    assert rule is not None
    event = run.event_names(index).index(EVENT)
    pairs: ShellPairs
    # ligands are numbered in order of atom index
    mass = usable_masses(run.universe, "projection='vehicle'", ligands.atom)[ligands.atom]
    width = column_width(labels.position)
    if width is None:
        shells = states.shells.whole()
        member = np.searchsorted(ligands.atom, shells.atom)
        pairs = HeldPairs(states.runs.whole(), labels.classify, event, shells.offsets, member)
        return ShellPaths(labels.position, followed, mass, pairs), run._threads()
    assert room is not None
    assert run.memory is not None
    n_frames = run.paths.n_frames
    members = states.shells.n_members / max(len(states.shells), 1)
    met = states.runs.n_changes / n_frames * (MEMBER_BYTES * members + SHELL_BYTES)
    frame = 24 * (len(labels.position) + len(followed)) + met
    columns = shell_columns(states.runs, states.shells, ligands, width, room)
    pairs = StoredPairs(columns, rule, event, ligands.atom)
    return (
        ShellPaths(labels.position, followed, mass, pairs),
        threads(n_frames, N_ROWS, int(frame * width), run.memory // 2),
    )


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
        paths, n_threads = shell_paths(run, index, room)
        task = VehicleSums(paths, {n: plans[n].sub_block for n in windows})
        answers = run._spread(task, windows, n_threads)
        for j, (n, sums) in enumerate(zip(windows, answers, strict=True)):
            plan = plans[n]
            rng = np.random.default_rng([run.seed, n])
            weights = onsager.resampling_weights(plan, rng)
            total = sums.sum(axis=0)
            # laid out alike wherever they come from, so that products are the same bit for bit
            drawn_sums = weights @ np.ascontiguousarray(sums)
            values, drawn = _values(total), _values(drawn_sums)
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
