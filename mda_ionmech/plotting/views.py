"""Figures of shares in the path and slope views against resolution and horizon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import is_one_of, listed, positive, shown
from ..lib.errors import InputError
from ..results.colors import BLACK, event_colors
from .style import (
    GREY,
    headline,
    heat_map,
    legend_beside,
    log_times,
    new_axes,
    nulls,
    own_part,
    percent_axis,
    plain,
    reach_of,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..results.results import Results


#: Lines and symbols of the resolutions of `view_curves`.
_STYLES = (("-", "o"), ("--", "s"), (":", "^"))


def _view_shares(results: Results, view: str, species: str | None) -> tuple[str, xr.DataArray]:
    """Shares of the events in the path or slope view over resolution and horizon."""
    if not is_one_of(view, ("path", "slope")):
        raise InputError(f"view must be 'path' or 'slope', got {shown(view)}")
    variable = "path_onsager" if view == "path" else "path_slope"
    name, data = own_part(results, species)
    if variable not in data:
        raise InputError(
            "this result has no path and slope views; run it with resolutions='log' and "
            "horizons='log'"
        )
    parts = data[variable]
    total = parts.sum("event", skipna=False)
    return name, (parts / total.where(total != 0)).transpose("event", "resolution", "horizon")


def view_map(
    results: Results,
    ax: Axes | None = None,
    *,
    event: str | None = None,
    view: str = "slope",
    species: str | None = None,
) -> Axes:
    """Share of one event over the plane of resolution and horizon.

    Along a row the resolution is constant and only the horizon increases; down a column the
    resolution increases. The cell that `Results.recommend` chooses is framed.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    event : str, optional
        Default: the one with the largest share anywhere on the map.
    view : {"slope", "path"}
    species : str, optional
        Default: the first species with an event rule.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For an unknown event or view, or a run without path and slope views.
    """
    from matplotlib.patches import Rectangle

    name, share = _view_shares(results, view, species)
    names = [str(e) for e in share["event"].values]
    if event is None:
        # medians, since single cells at long horizons are noisy
        typical = np.nan_to_num(np.nanmedian(np.abs(share.values.reshape(len(names), -1)), axis=1))
        event = names[int(np.argmax(typical))]
    if not is_one_of(event, names):
        raise InputError(f"event={shown(event)} is not in this result; it holds {names}")
    ax = new_axes(ax, (7.0, 5.0))
    values = share.sel(event=event).values
    resolutions = [f"{r:g}" for r in share["resolution"].values]
    horizons = [f"{h:g}" for h in share["horizon"].values]
    heat_map(ax, values, resolutions, horizons, f"share of {plain(event)}")
    ax.tick_params(axis="x", rotation=0)
    ax.set_xlabel("horizon (ps)")
    ax.set_ylabel("resolution (ps)")
    lines = [f"{view} view, percent"]
    linked: list[tuple[str, ...]] = []
    advice = results.recommend(species=name)
    if advice.resolution is not None and advice.horizon is not None:
        x = int(np.abs(share["horizon"].values - advice.horizon).argmin())
        y = int(np.abs(share["resolution"].values - advice.resolution).argmin())
        corner = (x - 0.5, y - 0.5)
        ax.add_patch(Rectangle(corner, 1, 1, fill=False, ec=BLACK, lw=2, clip_on=False))
        lines[0] += "; framed: the recommended reading"
        linked = nulls(results, name, [float(share["resolution"].values[y])])
    headline(ax, f"Share of {plain(event)} in {plain(name)} transport", *lines, table=linked)
    return ax


def view_curves(
    results: Results,
    ax: Axes | None = None,
    *,
    resolutions: Iterable[float] | None = None,
    view: str = "slope",
    species: str | None = None,
) -> Axes:
    """Shares of the events against the horizon, at chosen resolutions, with intervals.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    resolutions : sequence of float, optional
        ps, at most three; the nearest scanned ones. Default: the recommended one, else the
        shortest.
    view : {"slope", "path"}
    species : str, optional
        Default: the first species with an event rule.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For an unknown view, more than three resolutions or one outside the scan, or a run without
        these views.
    """
    import pandas as pd

    name, share = _view_shares(results, view, species)
    scanned = share["resolution"].values
    if resolutions is not None:
        remedy = "give times in ps"
        given = listed("resolutions", resolutions, remedy)
        resolutions = [positive("resolutions", one, "ps", remedy) for one in given]
        if not 0 < len(resolutions) <= len(_STYLES):
            raise InputError(
                f"resolutions holds {len(resolutions)} lengths, and curves of one to "
                f"{len(_STYLES)} can be told apart; give e.g. the shortest and the recommended one"
            )
    else:
        advice = results.recommend(species=name).resolution
        resolutions = [float(scanned[0]) if advice is None else advice]
    curves = []
    for resolution in resolutions:
        at = float(scanned[np.abs(scanned - resolution).argmin()])
        known = np.isfinite(share.sel(resolution=at).values).any(axis=0)
        tables = {
            h: results.summary(species=name, view=view, resolution=resolution, horizon=h)
            for h in share["horizon"].values[known].tolist()
        }
        curves.append((at, tables))
    ax = new_axes(ax, (7.0, 4.2))
    colors = event_colors(map(str, share["event"].values))
    shown: dict[str, Any] = {}
    styles: list[Any] = []
    for (at, tables), (line, marker) in zip(curves, _STYLES, strict=False):
        for event in next(iter(tables.values())).index if tables else ():
            rows = pd.DataFrame({h: table.loc[event] for h, table in tables.items()}).T
            if not rows["share"].abs().max() > 0:
                continue
            ax.errorbar(
                rows.index, rows["share"], yerr=reach_of(rows, "share"), ls=line, marker=marker,
                ms=4, lw=1.2, capsize=2, color=colors[event],
            )  # fmt: skip
            if event not in shown:
                (shown[event],) = ax.plot([], [], lw=2, color=colors[event], label=plain(event))
        label = f"resolution {at:g} ps"
        styles += ax.plot([], [], ls=line, marker=marker, ms=4, color=GREY, label=label)
    ax.axhline(0, color=GREY, lw=0.8)
    log_times(ax, share["horizon"].values, "horizon (ps)")
    percent_axis(ax.yaxis, f"share of L({plain(name)}, {plain(name)})")
    level = float(results.decomposition["path_slope_low"].attrs["level"])
    headline(
        ax,
        f"Shares of {plain(name)} transport against the horizon",
        f"{view} view, {plain(results.settings['frame'])} frame, {level:.0%} intervals",
        table=nulls(results, name, [at for at, _ in curves]),
    )
    legend_beside(ax, [*shown.values(), *styles])
    return ax
