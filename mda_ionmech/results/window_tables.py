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
from ..onsager.block_bootstrap import percentiles_about
from .elementary import reading_resolution
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
        elif why := self.undefined():
            out["comment"] = why
        return out

    def undefined(self) -> str:
        """Why ratios or self parts have no value; empty where they have one."""
        said = []
        value, low, high = self.ends("conductivity")
        if not any(s["charge"] for s in self.results.settings["species"]):
            one = str(self.data["species"].values[0])
            value, low, high = self.ends("onsager", species=one, species_2=one)
        if np.isfinite(value) and np.isnan(low):
            said.append("there are no intervals: fewer than three blocks of time origins")
        ratio = float(self.data[self.variable("haven_ratio")])
        own = self.data[self.variable("nernst_einstein")]
        charged = any(s["charge"] for s in self.results.settings["species"])
        if charged and not np.isfinite(ratio) and np.isfinite(own):
            why = "has no interval" if np.isnan(low) else "is zero within its interval"
            said.append(
                "Haven ratio and transference numbers are undefined (NaN): the conductivity "
                f"{why if low <= 0 <= high or np.isnan(low) else 'is zero'}"
            )
        if not np.isfinite(own):
            said.append(
                "self-diffusivities and what follows from them are unknown (NaN): the run has too "
                "few windows up to a tenth of the trajectory; run with windows='log'"
            )
        return "; ".join(said)


def transference(results: ResultTree, window: float | None) -> pd.DataFrame:
    """See `Results.transference`."""
    at = Coefficients.of(results, window)
    rows = _in_the_limit(at) if at.diffusive else _at_window(at)
    if not np.isfinite(at.data[at.variable("transference_number")]).all():
        rows = {k: (np.nan, np.nan, np.nan, v[3]) for k, v in rows.items()}
    columns = ("transference", "low", "high", "conductivity")
    about = at.about()
    if at.diffusive:
        about["labels_ps"] = _label_lengths(results)
    return UnitTable.of_rows(rows, columns, ["species", "event"], about)


def _label_lengths(results: ResultTree) -> dict[str, float]:
    """Over which length the labels of each species with an event rule are read, ps."""
    blocks = results.blocks
    read = [reading_resolution(results.decomposition, blocks, k) for k in range(len(blocks.names))]
    return {
        name: n * blocks.dt
        for name, n, ruled in zip(blocks.names, read, blocks.system.ruled_species, strict=True)
        if ruled and n is not None
    }


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
    """Fractions of the conductivity in the diffusive limit."""
    data, blocks = at.data, at.results.blocks
    sigma = float(data["diffusive_conductivity"])
    # the labels of each species over its own resolution, as in its summary
    read = [reading_resolution(data, blocks, k) for k in range(len(blocks.names))]
    over = [blocks.resolutions.index(n) for n in read if n is not None]
    species = np.arange(len(over))
    every = data["diffusive_event_conductivity"].transpose("species", "event", "resolution").values
    part = every[species, :, over]
    samples = at.results.samples("diffusive_event_conductivity")
    drawn = samples[:, species, :, over].swapaxes(0, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = part / sigma
        shares = drawn / drawn.sum(axis=(1, 2))[:, None, None]
        low, high = percentiles_about(share, shares, blocks.level)
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
