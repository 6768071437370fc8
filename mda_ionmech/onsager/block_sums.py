"""Sums over blocks of time origins, from which all values of a result are computed.

They are stored in the result file, so that intervals, fits over temperatures and pooled replicas
are computed from the same resampled sums at any later time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .block_bootstrap import BlockPlan, join_plans
from .coefficients import System
from .lag_sums import LagSums, join_lags, lags_from_tree, lags_to_tree
from .path_sums import PathSums
from .window_sums import WindowSums

if TYPE_CHECKING:
    import xarray as xr

#: Dimensions of the arrays of a sum, after that of the sub-blocks.
_WINDOW_DIMS: Mapping[str, tuple[str, ...]] = {
    "origins": (),
    "gram": ("row", "row_2"),
    "marginal": ("row", "species_2", "axis", "axis_2"),
    "total": ("species", "species_2", "axis", "axis_2"),
    "squared": ("row",),
    "number": ("row",),
    "total_squared": ("species",),
    "transition": ("transition",),
    "transition_number": ("transition",),
    "clusters": ("row",),
    "incluster": ("row",),
    "hopping": ("species",),
    "clustered": ("species",),
    "largest": ("species",),
    "repeated": ("species",),
    "changed": ("species",),
}
_PATH_DIMS: Mapping[str, tuple[str, ...]] = {
    "origins": (),
    "marginal": ("path_row", "species_2"),
    "total": ("species", "species_2"),
    "next_origins": (),
    "next_marginal": ("path_row", "species_2"),
    "next_total": ("species", "species_2"),
}
_NULLS = ("multi_fraction_circular", "multi_fraction_exclusion")


@dataclass(frozen=True)
class WindowEntry:
    """Sums of one window length.

    Attributes
    ----------
    frames : int
        Length of the window.
    scanned : bool
        Whether it is a window of the result; otherwise only a resolution.
    sums : WindowSums
    plan : BlockPlan
    nulls : dict of str to numpy.ndarray
        Realisations of the nulls of concertedness, shape (species, realisations).
    """

    frames: int
    scanned: bool
    sums: WindowSums
    plan: BlockPlan
    nulls: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class PathEntry:
    """Sums of one resolution and horizon.

    Attributes
    ----------
    resolution : int
        Frames.
    n_steps : int
        Resolutions per horizon.
    sums : PathSums
    plan : BlockPlan
    """

    resolution: int
    n_steps: int
    sums: PathSums
    plan: BlockPlan

    @property
    def horizon(self) -> int:
        """Frames."""
        return self.resolution * self.n_steps


@dataclass(frozen=True)
class Populations:
    """Numbers of carriers in each macrostate.

    Attributes
    ----------
    number : numpy.ndarray
        Shape (sub-blocks, species, macrostates): fraction of the carriers, summed over frames; NaN
        where a species has no such macrostate.
    frames : numpy.ndarray
        Shape (sub-blocks,).
    plan : BlockPlan
    """

    number: np.ndarray
    frames: np.ndarray
    plan: BlockPlan


@dataclass(frozen=True)
class Blocks:
    """Sums of a run, with the parameters for computing coefficients from them.

    Attributes
    ----------
    system : System
    path_rows : tuple of numpy.ndarray
        Species and union event of each row of the path view.
    names, events, kinds : tuple of str
        Species, union of the event labels, macrostates.
    dt : float
        Spacing of the frames, ps.
    seed : int
    level : float
    resolutions, horizons : tuple of int
        Frames.
    windows : tuple of WindowEntry
    paths : tuple of PathEntry
    populations : Populations or None
    lags : tuple of LagSums
        One per resolution with enough lags.
    """

    system: System
    path_rows: tuple[np.ndarray, np.ndarray]
    names: tuple[str, ...]
    events: tuple[str, ...]
    kinds: tuple[str, ...]
    dt: float
    seed: int
    level: float
    resolutions: tuple[int, ...]
    horizons: tuple[int, ...]
    windows: tuple[WindowEntry, ...]
    paths: tuple[PathEntry, ...]
    populations: Populations | None = None
    lags: tuple[LagSums, ...] = ()

    @property
    def path_system(self) -> System:
        """The system with the rows of the path view."""
        species, label = self.path_rows
        return replace(self.system, row_species=species, row_label=label)

    @property
    def scanned(self) -> tuple[WindowEntry, ...]:
        """The windows of the result."""
        return tuple(w for w in self.windows if w.scanned)

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes of dimensions of the result file."""
        s, e = len(self.names), len(self.events)
        lengths = {"resolution": len(self.resolutions), "horizon": len(self.horizons)}
        return {"species": s, "species_2": s, "event": e} | lengths

    def place(self, entry: PathEntry) -> tuple[int, int]:
        """Places of the resolution and the horizon of an entry among those of the run."""
        return self.resolutions.index(entry.resolution), self.horizons.index(entry.horizon)

    def rng(self, *key: int) -> np.random.Generator:
        """The random generator for a window length, or for a resolution and horizon."""
        return np.random.default_rng([self.seed, *key])


def _plan_variables(plans: Sequence[BlockPlan]) -> dict[str, Any]:
    segment = [
        np.concatenate([np.full(n, k) for k, n in enumerate(p.stretches)]).astype(np.int32)
        for p in plans
    ]
    return {
        "entry_of": (
            "sub_block",
            np.repeat(np.arange(len(plans), dtype=np.int32), [p.n_sub_blocks for p in plans]),
        ),
        "segment_of": ("sub_block", np.concatenate(segment)),
        "sub_block_origins": ("entry", np.array([p.sub_block for p in plans])),
        "n_blocks": ("entry", np.array([p.n_blocks for p in plans])),
        "per_block": ("entry", np.array([p.per_block for p in plans])),
        "by_segment": ("entry", np.array([int(p.by_segment) for p in plans])),
    }


def _plans(data: xr.Dataset) -> list[BlockPlan]:
    out = []
    entry, segment = data["entry_of"].values, data["segment_of"].values
    for k in range(data.sizes["entry"]):
        sizes = tuple(int(n) for n in np.bincount(segment[entry == k]))
        out.append(
            BlockPlan(
                sub_block=int(data["sub_block_origins"][k]),
                n_sub_blocks=sum(sizes),
                n_blocks=int(data["n_blocks"][k]),
                per_block=int(data["per_block"][k]),
                segments=sizes if len(sizes) > 1 else (),
                by_segment=bool(data["by_segment"][k]),
            )
        )
    return out


def _sum_variables(
    sums: Sequence[WindowSums] | Sequence[PathSums], dims: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    out = {}
    for name, rest in dims.items():
        values = np.concatenate([getattr(one, name) for one in sums])
        if values.size:  # a file cannot hold an empty dimension
            out[name] = (("sub_block", *rest), values)
    return out


def to_tree(blocks: Blocks) -> xr.DataTree:
    """The sums as a labelled tree, as stored in the result file."""
    import xarray as xr

    system = blocks.system
    head = xr.Dataset(
        {
            "charge": ("species", system.charge),
            "n_carriers": ("species", system.n_carriers),
            "joint_species": ("species", system.joint_species.astype(np.int8)),
            "ruled_species": ("species", system.ruled_species.astype(np.int8)),
            "row_species": ("row", system.row_species),
            "row_event": ("row", system.row_label),
            "path_row_species": ("path_row", blocks.path_rows[0]),
            "path_row_event": ("path_row", blocks.path_rows[1]),
            "resolution_frames": ("resolution_number", np.array(blocks.resolutions, dtype=int)),
            "horizon_frames": ("horizon_number", np.array(blocks.horizons, dtype=int)),
        },
        attrs={
            "description": "sums over sub-blocks of time origins, Angstrom**2 and counts",
            "temperature_K": system.temperature,
            "volume_angstrom3": system.volume,
            "n_dimensions": system.n_dimensions,
            "dt_ps": blocks.dt,
            "seed": blocks.seed,
            "level": blocks.level,
            "species": "\n".join(blocks.names),
            "events": "\n".join(blocks.events),
            "macrostates": "\n".join(blocks.kinds),
        },
    )
    if len(system.carrier_mass):
        head["carrier_mass"] = ("species", system.carrier_mass, {"units": "u"})
    if len(system.transition_species):
        head["transition_species"] = ("transition", system.transition_species)
        head["transition_start"] = ("transition", system.transition_start)
        head["transition_end"] = ("transition", system.transition_end)
    head = head.drop_vars([n for n in head.data_vars if head[n].size == 0])
    children = {}
    plans = [w.plan for w in blocks.windows]
    windows = _sum_variables([w.sums for w in blocks.windows], _WINDOW_DIMS)
    windows |= _plan_variables(plans)
    windows["frames"] = ("entry", np.array([w.frames for w in blocks.windows]))
    windows["scanned"] = ("entry", np.array([int(w.scanned) for w in blocks.windows]))
    for name in _NULLS:
        if any(name in w.nulls for w in blocks.windows):
            n = max(w.nulls[name].shape[1] for w in blocks.windows if name in w.nulls)
            none = np.full((len(blocks.names), n), np.nan)
            stacked = np.stack([w.nulls.get(name, none) for w in blocks.windows])
            windows[name] = (("entry", "species", "realisation"), stacked)
    children["windows"] = xr.DataTree(xr.Dataset(windows))
    if blocks.paths:
        paths = _sum_variables([p.sums for p in blocks.paths], _PATH_DIMS)
        paths |= _plan_variables([p.plan for p in blocks.paths])
        paths["resolution"] = ("entry", np.array([p.resolution for p in blocks.paths]))
        paths["n_steps"] = ("entry", np.array([p.n_steps for p in blocks.paths]))
        children["paths"] = xr.DataTree(xr.Dataset(paths))
    if blocks.lags:
        children["lags"] = lags_to_tree(blocks.lags)
    if blocks.populations is not None:
        number = blocks.populations.number
        variables = {
            "number": (("sub_block", "species", "macrostate"), number),
            "frames": ("sub_block", blocks.populations.frames),
        } | _plan_variables([blocks.populations.plan])
        children["populations"] = xr.DataTree(xr.Dataset(variables))
    return xr.DataTree(head, children=children)


def from_tree(tree: xr.DataTree) -> Blocks:
    """The sums of a result file.

    Raises
    ------
    KeyError
        If the tree was not made by `to_tree`.
    """
    head = tree.to_dataset()

    def whole(name: str) -> np.ndarray:
        return np.asarray(head[name].values) if name in head else np.empty(0, dtype=np.int64)

    def text(name: str) -> tuple[str, ...]:
        return tuple(str(head.attrs[name]).split("\n")) if head.attrs[name] else ()

    names, events, kinds = text("species"), text("events"), text("macrostates")
    sizes = {
        "row": len(head["row_species"]),
        "row_2": len(head["row_species"]),
        "path_row": head.sizes.get("path_row", 0),
        "species": len(names),
        "species_2": len(names),
        "transition": head.sizes.get("transition", 0),
        "axis": 3,
        "axis_2": 3,
    }
    system = System(
        charge=whole("charge"),
        n_carriers=whole("n_carriers"),
        row_species=whole("row_species"),
        row_label=whole("row_event"),
        n_events=len(events),
        transition_species=whole("transition_species"),
        transition_start=whole("transition_start"),
        transition_end=whole("transition_end"),
        n_macrostates=len(kinds),
        joint_species=whole("joint_species").astype(bool),
        ruled_species=whole("ruled_species").astype(bool),
        temperature=float(head.attrs["temperature_K"]),
        volume=float(head.attrs["volume_angstrom3"]),
        n_dimensions=int(head.attrs["n_dimensions"]),
        carrier_mass=whole("carrier_mass").astype(float),
    )

    def sums(data: xr.Dataset, entry: int, dims: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
        mine = data["entry_of"].values == entry
        return {
            name: data[name].values[mine]
            if name in data
            else np.zeros((int(mine.sum()), *[sizes[d] for d in rest]))
            for name, rest in dims.items()
        }

    data = tree["windows"].to_dataset()
    windows = [
        WindowEntry(
            frames=int(data["frames"][k]),
            scanned=bool(data["scanned"][k]),
            sums=WindowSums(**sums(data, k, _WINDOW_DIMS)),
            plan=plan,
            nulls={name: data[name].values[k] for name in _NULLS if name in data},
        )
        for k, plan in enumerate(_plans(data))
    ]
    paths: list[PathEntry] = []
    if "paths" in tree.children:
        data = tree["paths"].to_dataset()
        paths = [
            PathEntry(
                resolution=int(data["resolution"][k]),
                n_steps=int(data["n_steps"][k]),
                sums=PathSums(**sums(data, k, _PATH_DIMS)),
                plan=plan,
            )
            for k, plan in enumerate(_plans(data))
        ]
    populations = None
    if "populations" in tree.children:
        data = tree["populations"].to_dataset()
        populations = Populations(data["number"].values, data["frames"].values, _plans(data)[0])
    return Blocks(
        system=system,
        path_rows=(whole("path_row_species"), whole("path_row_event")),
        names=names,
        events=events,
        kinds=kinds,
        dt=float(head.attrs["dt_ps"]),
        seed=int(head.attrs["seed"]),
        level=float(head.attrs["level"]),
        resolutions=tuple(int(n) for n in whole("resolution_frames")),
        horizons=tuple(int(n) for n in whole("horizon_frames")),
        windows=tuple(windows),
        paths=tuple(paths),
        populations=populations,
        lags=lags_from_tree(tree.children["lags"]) if "lags" in tree.children else (),
    )


def join(replicas: Sequence[Blocks]) -> Blocks:
    """Concatenated sums of independent runs of one system.

    All must have the same species, labels and lengths; the volume is the mean over frames.
    """
    first = replicas[0]
    weights = np.array([r.windows[0].sums.origins.sum() for r in replicas])
    volume = float(np.average([r.system.volume for r in replicas], weights=weights))

    def joined(sums: Sequence[Any]) -> Any:
        return type(sums[0])(
            **{
                name: np.concatenate([getattr(one, name) for one in sums])
                for name in type(sums[0]).__dataclass_fields__
            }
        )

    windows = tuple(
        WindowEntry(
            frames=entries[0].frames,
            scanned=entries[0].scanned,
            sums=joined([e.sums for e in entries]),
            plan=join_plans([e.plan for e in entries]),
            nulls={
                name: np.concatenate([e.nulls[name] for e in entries], axis=1)
                for name in entries[0].nulls
            },
        )
        for entries in zip(*[r.windows for r in replicas], strict=True)
    )
    paths = tuple(
        PathEntry(
            entries[0].resolution,
            entries[0].n_steps,
            joined([e.sums for e in entries]),
            join_plans([e.plan for e in entries]),
        )
        for entries in zip(*[r.paths for r in replicas], strict=True)
    )
    populations = None
    found = [r.populations for r in replicas if r.populations is not None]
    if len(found) == len(replicas):
        populations = Populations(
            np.concatenate([p.number for p in found]),
            np.concatenate([p.frames for p in found]),
            join_plans([p.plan for p in found]),
        )
    shared = [
        join_lags([one for r in replicas for one in r.lags if one.resolution == n])
        for n in first.resolutions
        if all(any(one.resolution == n for one in r.lags) for r in replicas)
    ]
    return replace(
        first,
        system=replace(first.system, volume=volume),
        windows=windows,
        paths=paths,
        populations=populations,
        lags=tuple(one for one in shared if one is not None),
    )
