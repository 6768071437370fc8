"""Coordination numbers of the carriers: how often there are how many ligands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.errors import InputError
from ..lib.unit_table import UnitTable
from ..onsager.block_bootstrap import interval, lengthen_blocks, plan_blocks, resampling_weights

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: What is counted.
COUNTED = ("atoms", "molecules")
#: Name of the row for the ligands of all types, where there are several.
ALL = "all"
#: Frames whose shells are looked up at once.
AT_ONCE = 4096


def coordination(results: Any, species: str | None) -> pd.DataFrame:
    """See `Results.coordination`."""
    name = results._species(species)
    chosen, types = _carriers_and_types(results, name)
    per_frame = _distributions(results.states["microstate"], chosen, _numbers(results, types))
    n_frames = len(next(iter(per_frame.values())))
    plan = plan_blocks(n_frames, 1)
    edges = np.arange(0, n_frames, plan.sub_block)
    frames = np.diff(np.append(edges, n_frames)).astype(float)
    sums = {key: np.add.reduceat(one, edges, axis=0) for key, one in per_frame.items()}
    means = np.column_stack([one @ np.arange(one.shape[1]) / frames for one in sums.values()])
    plan = lengthen_blocks(plan, means)
    weights = resampling_weights(plan, np.random.default_rng([results.settings["seed"], 0]))
    level = float(results.decomposition["onsager_low"].attrs["level"])
    rows, mean = {}, {}
    for key, one in sums.items():
        value, samples = one.sum(axis=0) / frames.sum(), weights @ one
        samples /= (weights @ frames)[:, None]
        low, high = interval(value, samples, plan, level, least=0, most=1)
        seen = np.flatnonzero(value > 0)
        for number in range(int(seen[0]), int(seen[-1]) + 1):
            rows[*key, number] = value[number], low[number], high[number]
        counts = np.arange(len(value))
        ends = interval(np.array(value @ counts), samples @ counts, plan, level, least=0)
        mean[key] = float(value @ counts), float(ends[0]), float(ends[1])
    attrs = {"species": name, "level": level, "mean": mean, "types": types}
    index = ["ligands", "counted", "number"]
    return UnitTable.of_rows(rows, ["fraction", "low", "high"], index, attrs)


def has_coordination(results: Any, species: str) -> bool:
    """Whether a result holds shells of ligands of a species."""
    about = next(s for s in results.settings["species"] if s["name"] == species)
    held = results.states is not None and results.shells is not None
    return held and bool(_ligands(about.get("microstates") or {}))


def _ligands(about: dict[str, Any]) -> list[str]:
    """Ligand types of the shells of a detector; sites have none, but the framework's atoms."""
    return [] if "n_sites" in about else list(about.get("ligands") or ())


def _carriers_and_types(results: Any, name: str) -> tuple[np.ndarray, list[str]]:
    """Places of the carriers of a species among the states, and the types of its ligands."""
    listed = results.settings["species"]
    at = [s["name"] for s in listed].index(name)
    about = listed[at].get("microstates")
    if results.states is None or results.shells is None:
        raise InputError(
            "this result holds no states, as combined ones do not; ask the result of one run"
        )
    if not about:
        raise InputError(
            f"species {name} has no coordination shells: give IonSpecies microstates, e.g. "
            "CutoffShell(...)"
        )
    if not _ligands(about):
        raise InputError(
            f"the microstates of {name} are no shells of ligands ({about['detector']}): "
            "coordination numbers are those of shells, e.g. CutoffShell(...)"
        )
    carriers = np.flatnonzero(results.states["carrier_species"].values == at)
    return carriers, _ligands(about)


def _numbers(results: Any, types: list[str]) -> dict[tuple[str, str], np.ndarray]:
    """Number of atoms and molecules of each ligand type in every distinct shell."""
    shells = results.shells
    start, molecule = shells["start"].values, shells["molecule_id"].values
    known = str(shells["ligand_type"].attrs["flag_meanings"]).split()
    kind = shells["ligand_type"].values
    shell = np.repeat(np.arange(len(start) - 1), np.diff(start))
    chosen = {name: kind == known.index(name) if name in known else kind < 0 for name in types}
    if len(types) > 1 and ALL not in types:
        chosen[ALL] = np.ones(len(kind), dtype=bool)
    out = {}
    for name, mine in chosen.items():
        pairs = np.unique(np.stack([shell[mine], molecule[mine]]), axis=1)
        for counted, of in zip(COUNTED, (shell[mine], pairs[0]), strict=True):
            out[name, counted] = np.bincount(of, minlength=len(start) - 1)
    return out


def _distributions(
    codes: xr.DataArray, carriers: np.ndarray, numbers: dict[tuple[str, str], np.ndarray]
) -> dict[tuple[str, str], np.ndarray]:
    """Fraction of the carriers with each number of ligands, shapes (frames, numbers)."""
    found: dict[tuple[str, str], list[np.ndarray]] = {key: [] for key in numbers}
    for first in range(0, codes.sizes["frame"], AT_ONCE):
        block = codes.isel(frame=slice(first, first + AT_ONCE)).values[:, carriers]
        for key, number in numbers.items():
            n_numbers = int(number.max(initial=0)) + 1
            row = np.arange(len(block))[:, None] * n_numbers
            counted = np.bincount((row + number[block]).ravel(), minlength=len(block) * n_numbers)
            found[key].append(counted.reshape(-1, n_numbers) / len(carriers))
    return {key: np.concatenate(parts) for key, parts in found.items()}
