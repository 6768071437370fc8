"""Tables of a result: transport at one window, transference of events, path and slope views."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
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

#: Columns of a table of quantities.
MEASURED = ("value", "low", "high", "unit")


@dataclass(frozen=True)
class Coefficients:
    """Coefficients at one window, or in the diffusive limit.

    Attributes
    ----------
    results : ResultTree
    data : xarray.Dataset
        The decomposition, at the window if there is one.
    diffusive : bool
    """

    results: ResultTree
    data: xr.Dataset
    diffusive: bool

    @classmethod
    def of(cls, results: ResultTree, window: float | None) -> Coefficients:
        """Those of a window; without one of the diffusive limit, where there is one."""
        diffusive = window is None and results.has_diffusive_view
        data = results.decomposition if diffusive else results.at_window(window)
        return cls(results, data, diffusive)

    def variable(self, name: str) -> str:
        """Name of the variable of a coefficient."""
        return f"diffusive_{name}" if self.diffusive else name

    def ends(self, name: str, **where: str) -> tuple[float, float, float]:
        """Value, low and high end of a coefficient."""
        return with_ends(self.data, self.variable(name), **where)

    def unit(self, name: str) -> str:
        """Unit of a coefficient."""
        return str(self.data[self.variable(name)].attrs["units"])

    def about(self) -> dict[Hashable, Any]:
        """Attributes of a table, with a comment where momentum fixes transference."""
        out: dict[Hashable, Any] = {}
        if self.diffusive:
            about = self.data["diffusive_onsager"].attrs
            out = {
                "view": "diffusive",
                "resolution_ps": float(about["resolution_ps"]),
                "first_lag_ps": float(about["first_lag_ps"]),
                "last_lag_ps": float(np.max(about["lag_ps"])),
            }
        else:
            out["window_ps"] = float(self.data["window"])
        out["frame"] = self.results.settings["frame"]
        numbers = self.data[self.variable("transference_number")]
        ratio = self.data[self.variable("haven_ratio")]
        comment = str(self.data["transference_number"].attrs.get("comment", ""))
        if comment and not np.isfinite(numbers).any() and np.isfinite(ratio):
            out["comment"] = comment
        return out


def transference(results: ResultTree, window: float | None) -> pd.DataFrame:
    """See `Results.transference`."""
    at = Coefficients.of(results, window)
    rows = _in_the_limit(at) if at.diffusive else _at_window(at)
    if not np.isfinite(at.data[at.variable("transference_number")]).all():
        rows = {k: (np.nan, np.nan, np.nan, v[3]) for k, v in rows.items()}
    columns = ("transference", "low", "high", "conductivity")
    return UnitTable.of_rows(rows, columns, ["species", "event"], at.about())


def transport(results: ResultTree, window: float | None) -> pd.DataFrame:
    """See `Results.transport`."""
    at = Coefficients.of(results, window)
    names = [str(one) for one in at.data["species"].values]
    quantities: list[tuple[str, str, dict[str, str]]] = [
        ("conductivity", "conductivity", {}),
        ("Nernst-Einstein conductivity", "nernst_einstein", {}),
        ("Haven ratio", "haven_ratio", {}),
        *((f"transference number {n}", "transference_number", {"species": n}) for n in names),
        *((f"self-diffusivity {n}", "diffusivity_self", {"species": n}) for n in names),
    ]
    rows = {label: (*at.ends(name, **of), at.unit(name)) for label, name, of in quantities}
    return UnitTable.of_rows(rows, MEASURED, ["quantity"], at.about())


def _at_window(at: Coefficients) -> dict[tuple[str, str], tuple[float, float, float, float]]:
    """Fractions of the conductivity in windows of one length."""
    blocks, window = at.results.blocks, float(at.data["window"])
    lengths = [float(w.frames * blocks.dt) for w in blocks.scanned]
    return event_transference(blocks.scanned[lengths.index(window)], blocks)


def _in_the_limit(at: Coefficients) -> dict[tuple[str, str], tuple[float, float, float, float]]:
    """Fractions of the conductivity in the diffusive limit, labels read at its resolution."""
    data, blocks = at.data, at.results.blocks
    resolution = float(data["diffusive_onsager"].attrs["resolution_ps"])
    k = blocks.resolutions.index(whole_frames(resolution, blocks.dt))
    sigma = float(data["diffusive_conductivity"])
    part = data["diffusive_event_conductivity"].values[..., k]
    drawn = at.results.samples("diffusive_event_conductivity")[..., k]
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = percentiles(drawn / drawn.sum(axis=(1, 2))[:, None, None], blocks.level)
        share = part / sigma
    return {
        (blocks.names[a], blocks.events[e]): (
            float(share[a, e]), float(low[a, e]), float(high[a, e]), float(part[a, e])
        )
        for a, e in zip(*blocks.path_rows, strict=True)
    }  # fmt: skip


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
