"""Tables of a result: transport at one window, transference of events, path and slope views."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..lib.errors import InputError
from ..lib.unit_table import UnitTable
from ..lib.whole_frames import whole_frames
from ..onsager.block_bootstrap import percentiles
from .ends import with_ends
from .tree import ResultTree
from .view_estimates import event_transference, view_table


def transference(results: ResultTree, window: float | None) -> pd.DataFrame:
    """See `Results.transference`."""
    if window is None and results.has_diffusive_view:
        return _diffusive_transference(results)
    data = results.at_window(window)
    blocks = results.blocks
    number = [float(w.frames * blocks.dt) for w in blocks.scanned].index(float(data["window"]))
    rows = event_transference(blocks.scanned[number], blocks)
    if not np.isfinite(data["transference_number"]).all():
        rows = {k: (np.nan, np.nan, np.nan, v[3]) for k, v in rows.items()}
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["transference", "low", "high", "conductivity"]
    )
    table.index = pd.MultiIndex.from_tuples(rows, names=["species", "event"])
    table.attrs = about_window(results, data)
    return UnitTable.of(table)


def transport(results: ResultTree, window: float | None) -> pd.DataFrame:
    """See `Results.transport`."""
    diffusive = window is None and results.has_diffusive_view
    data = results.decomposition if diffusive else results.at_window(window)
    rows: dict[str, tuple[float, float, float, str]] = {}

    def add(label: str, name: str, **where: str) -> None:
        name = f"diffusive_{name}" if diffusive else name
        rows[label] = (*with_ends(data, name, **where), data[name].attrs["units"])

    add("conductivity", "conductivity")
    add("Nernst-Einstein conductivity", "nernst_einstein")
    add("Haven ratio", "haven_ratio")
    for one in data["species"].values:
        add(f"transference number {one}", "transference_number", species=str(one))
    for one in data["species"].values:
        add(f"self-diffusivity {one}", "diffusivity_self", species=str(one))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "unit"])
    table.index.name = "quantity"
    table.attrs = about_diffusive(results) if diffusive else about_window(results, data)
    return UnitTable.of(table)


def _diffusive_transference(results: ResultTree) -> pd.DataFrame:
    """Fractions of the conductivity in the diffusive limit, labels read at its resolution."""
    data, about = results.decomposition, about_diffusive(results)
    blocks = results.blocks
    at = blocks.resolutions.index(whole_frames(float(about["resolution_ps"]), blocks.dt))
    sigma = float(data["diffusive_conductivity"])
    part = data["diffusive_event_conductivity"].values[..., at]
    drawn = results.samples("diffusive_event_conductivity")[..., at]
    undefined = not np.isfinite(data["diffusive_transference_number"]).all()
    rows = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = percentiles(drawn / drawn.sum(axis=(1, 2))[:, None, None], blocks.level)
    for a, e in zip(*blocks.path_rows, strict=True):
        ends = low[a, e], high[a, e]
        own = (np.nan,) * 3 if undefined else (part[a, e] / sigma, *ends)
        rows[blocks.names[a], blocks.events[e]] = (*map(float, own), float(part[a, e]))
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["transference", "low", "high", "conductivity"]
    )
    table.index = pd.MultiIndex.from_tuples(rows, names=["species", "event"])
    table.attrs = about
    return UnitTable.of(table)


def about_diffusive(results: ResultTree) -> dict[Hashable, Any]:
    """Attributes of a table of the diffusive view."""
    data = results.decomposition
    about = data["diffusive_onsager"].attrs
    out: dict[Hashable, Any] = {
        "view": "diffusive",
        "resolution_ps": float(about["resolution_ps"]),
        "first_lag_ps": float(about["first_lag_ps"]),
        "last_lag_ps": float(np.max(about["lag_ps"])),
        "frame": results.settings["frame"],
    }
    comment = str(data["transference_number"].attrs.get("comment", ""))
    numbers, ratio = data["diffusive_transference_number"], data["diffusive_haven_ratio"]
    if comment and not np.isfinite(numbers).any() and np.isfinite(ratio):
        out["comment"] = comment
    return out


def about_window(results: ResultTree, data: xr.Dataset) -> dict[Hashable, Any]:
    """Attributes of a table of one window, with a comment where momentum fixes transference."""
    out: dict[Hashable, Any] = {"window_ps": float(data["window"])}
    out["frame"] = results.settings["frame"]
    numbers = data["transference_number"]
    comment = str(numbers.attrs.get("comment", ""))
    if comment and not np.isfinite(numbers).any() and np.isfinite(data["haven_ratio"]):
        out["comment"] = comment
    return out


def view_of(
    results: Any, view: str, name: str, resolution: float | None, horizon: float | None
) -> pd.DataFrame:
    """Table of the path or slope view of one species."""
    blocks = results.blocks
    if not blocks.paths:
        raise InputError(
            f"view={view!r}: this run has no path and slope views; run it with "
            "resolutions='log' and horizons='log'"
        )
    if resolution is None or horizon is None:
        advice = results.recommend(species=name)
        resolution = advice.resolution if resolution is None else resolution
        horizon = advice.horizon if horizon is None else horizon
        if resolution is None or horizon is None:
            raise InputError(
                f"give resolution=... and horizon=... for view={view!r}: {advice.text}"
            )
    pairs = {(p.resolution, p.horizon): p for p in blocks.paths}
    lengths = [
        results._nearest(argument, value, sorted({pair[k] for pair in pairs}))
        for k, (argument, value) in enumerate((("resolution", resolution), ("horizon", horizon)))
    ]
    if (lengths[0], lengths[1]) not in pairs:
        raise InputError(
            f"horizon={lengths[1] * blocks.dt:g} ps is no whole multiple of "
            f"resolution={lengths[0] * blocks.dt:g} ps"
        )
    values = view_table(pairs[lengths[0], lengths[1]], blocks, view, blocks.names.index(name))
    table = pd.DataFrame(values.columns, index=pd.Index(values.events, name="event"))
    table.attrs = {
        "species": name,
        "view": view,
        "resolution_ps": lengths[0] * blocks.dt,
        "horizon_ps": lengths[1] * blocks.dt,
        "level": blocks.level,
        "total": values.total,
        "units": {"onsager": "1/(J m s)"},
    }
    return UnitTable.of(table)
