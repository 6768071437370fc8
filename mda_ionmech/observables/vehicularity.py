"""Vehicularity: how much of vehicular motion is shared by the coordination shell.

Computed for windows with the same shell at both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import onsager
from ..lib.arrays_on_disk import folder_of, new_array
from ..lib.errors import InputError
from .vehicularity_sums import SUMS, ShellPairs, ShellPaths, vehicle_sums

if TYPE_CHECKING:
    import xarray as xr

    from ..onsager.block_bootstrap import BlockPlan
    from ..onsager.labelled_run import LabelledRun, LabelledSpecies
    from ..species import IonSpecies
    from ..trajectory.carriers import Ligands, Members

#: The label that is split.
EVENT = "vehicular"
#: Members of shells processed at once.
MEMBERS_AT_ONCE = 2**18

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
    """Ranges, after the carriers, of the ligand atoms of each species that can be split.

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


def _values(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Vehicularity and parts of the share from sums (..., 9)."""
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
class VehicleSums:
    """`vehicle_sums` of one species for any window length; picklable.

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


def shell_paths(one: LabelledSpecies, followed: np.ndarray, mass: np.ndarray) -> ShellPaths:
    """Paths and shells of a species.

    Parameters
    ----------
    one : LabelledSpecies
    followed : numpy.ndarray
        Shape (ligand atoms, 3, frames), Angstrom: their paths.
    mass : numpy.ndarray
        Shape (ligand atoms,), u.
    """
    ligands, states = one.ligands, one.microstates
    assert ligands is not None
    assert states is not None
    shells = states.shells
    member = new_array(shells.n_members, np.int64, folder_of(shells.atom))
    # ligands are numbered in order of atom index
    for a in range(0, shells.n_members, MEMBERS_AT_ONCE):
        some = slice(a, a + MEMBERS_AT_ONCE)
        member[some] = np.searchsorted(ligands.atom, shells.atom[some])
    labels = one.labels
    pairs = ShellPairs(
        states.runs, labels.classify, one.events.index(EVENT), shells.offsets, member
    )
    return ShellPaths(labels.position, followed, mass, pairs)


def vehicle_dataset(
    run: LabelledRun,
    followed: Mapping[int, tuple[np.ndarray, np.ndarray]],
    share: xr.DataArray,
    plans: Mapping[int, BlockPlan],
    spread: Callable[[VehicleSums, Sequence[int]], Iterable[np.ndarray]],
) -> xr.Dataset:
    """The group ``vehicle`` of a result: dims (species, window), only species that can be split.

    Parameters
    ----------
    run : LabelledRun
    followed : mapping of int to (numpy.ndarray, numpy.ndarray)
        Paths and masses of the ligand atoms of each species to split, see `shell_paths`.
    share : xarray.DataArray
        Shares of the result, dims (species, event, window).
    plans : mapping of int to BlockPlan
        Blocks of each window in frames.
    spread : callable
        Applies a task to every window.
    """
    import xarray as xr

    windows = [int(n) for n in run.windows]
    chosen = sorted(followed)
    shape = (len(chosen), len(windows))
    names = list(_values(np.ones(len(SUMS))))
    found = {name + end: np.full(shape, np.nan) for name in names for end in ("", "_low", "_high")}
    found |= {name: np.zeros(shape) for name in ("count", "count_alone", "blocks")}
    share = share.sel(event=EVENT)
    for i, index in enumerate(chosen):
        paths = shell_paths(run.species[index], *followed[index])
        task = VehicleSums(paths, {n: plans[n].sub_block for n in windows})
        answers = spread(task, windows)
        for j, (n, sums) in enumerate(zip(windows, answers, strict=True)):
            plan = plans[n]
            rng = np.random.default_rng([run.seed, n])
            weights = onsager.resampling_weights(plan, rng)
            total = sums.sum(axis=0)
            # the same memory layout in all cases, so that products are the same bit for bit
            drawn_sums = weights @ np.ascontiguousarray(sums)
            values, drawn = _values(total), _values(drawn_sums)
            # undefined where the share of the result is undefined
            known = np.isfinite(share.sel(species=run.species[index].name).values[j])
            for name in names:
                value = values[name] if known or name == "vehicularity" else np.asarray(np.nan)
                low, high = onsager.interval(np.asarray(value), drawn[name], plan, run.level)
                for end, x in (("", value), ("_low", low), ("_high", high)):
                    found[name + end][i, j] = x
            found["count"][i, j] = total[SUMS.index("kept")]
            found["count_alone"][i, j] = total[SUMS.index("alone_number")]
            found["blocks"][i, j] = plan.n_blocks
    dims = ["species", "window"]
    variables: dict[str, Any] = {}
    for name, values_of in found.items():
        base = name.removesuffix("_low").removesuffix("_high")
        attrs: dict[str, Any] = {"units": "1", "long_name": _LONG_NAMES[base]}
        variables[name] = (dims, values_of, attrs | ({} if name == base else {"level": run.level}))
    times = np.array(windows) * run.dt
    unit = {"units": "ps", "long_name": "length of the window"}
    labels = [run.species[k].name for k in chosen]
    return xr.Dataset(variables, coords={"species": labels, "window": ("window", times, unit)})
