"""Figures of a result, each one call: ``ax=None`` in, Axes out.

One colour per event everywhere, told apart in the common kinds of colour blindness; the same table
serves OVITO. Contributions and shares of windows with fewer than ten blocks are marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.errors import InputError
from ..results.colors import BLACK, EVENT_COLORS, MACROSTATE_COLORS, colors_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

    from ..microstates import RadialDistribution
    from ..results.arrhenius import Arrhenius
    from ..results.results import Results

_GREY = "#7F7F7F"


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The given Axes, or those of a new figure, which a notebook shows and plt.show() too."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=size, layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _own(results: Results, species: str | None) -> tuple[str, xr.Dataset]:
    name = results._species(species)
    return name, results.decomposition.sel(species=name, species_2=name)


def _events(data: xr.Dataset) -> dict[str, str]:
    """Events a species has, with their colours."""
    has = np.isfinite(data["event_frequency"].transpose("event", "window").values).any(axis=1)
    names = [str(e) for e, own in zip(data["event"].values, has, strict=True) if own]
    return dict(zip(names, colors_of(names, EVENT_COLORS), strict=True))


def _few_blocks(data: xr.Dataset) -> np.ndarray:
    return np.asarray(data["blocks"].values < 10)


def _hatch(bars: Any, few: np.ndarray) -> None:
    for bar, marked in zip(bars, few, strict=True):
        if marked:
            bar.set(hatch="///", edgecolor="white", linewidth=0)


def _reach(data: xr.Dataset, name: str) -> np.ndarray:
    """Distances from a value to the ends of its interval, shape (2, windows), 0 where unknown."""
    value = data[name].values
    ends = [value - data[f"{name}_low"].values, data[f"{name}_high"].values - value]
    return np.maximum(np.nan_to_num(np.array(ends)), 0)


def _window_axis(ax: Axes, windows: np.ndarray) -> np.ndarray:
    place = np.arange(len(windows))
    ax.set_xticks(place, [f"{w:g}" for w in windows], rotation=45 if len(windows) > 12 else 0)
    ax.set_xlabel("window (ps)")
    return place


def _power(values: np.ndarray) -> tuple[float, str]:
    """A power of ten to divide by, and how to write it."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    exponent = int(np.floor(np.log10(largest))) if largest > 0 else 0
    return 10.0**exponent, f"$10^{{{exponent}}}$ J$^{{-1}}$ m$^{{-1}}$ s$^{{-1}}$"


def _caption(results: Results, data: xr.Dataset, name: str) -> str:
    text = f"{results.settings['frame']} frame, {data[name].attrs['level']:.0%} intervals"
    return text + (", hatched: fewer than ten blocks" if _few_blocks(data).any() else "")


def contributions(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Contributions of the events to the Onsager coefficient against the window.

    Bars are stacked, negative contributions downwards; the dots are the whole with its interval.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    species : str, optional
        Default: the first species with an event rule.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (7.0, 4.0))
    name, data = _own(results, species)
    place, few = _window_axis(ax, data["window"].values), _few_blocks(data)
    scale, unit = _power(data["onsager"].values)
    up, down = np.zeros(len(place)), np.zeros(len(place))
    for event, color in _events(data).items():
        part = data["event_onsager"].sel(event=event).values / scale
        base = np.where(part >= 0, up, down)
        _hatch(
            ax.bar(place, part, bottom=base, width=0.75, color=color, label=event, zorder=2), few
        )
        up += np.maximum(part, 0)
        down += np.minimum(part, 0)
    ax.errorbar(
        place,
        data["onsager"].values / scale,
        yerr=_reach(data, "onsager") / scale,
        fmt="o",
        color=BLACK,
        ms=4,
        capsize=3,
        lw=1,
        label="total",
        zorder=3,
    )
    # a sliver below zero is not worth a line
    if down.min() < -0.01 * up.max():
        ax.axhline(0, color=BLACK, lw=0.8, zorder=3)
    else:
        ax.set_ylim(bottom=0)
    ax.set_ylabel(f"Onsager coefficient of {name} ({unit})")
    ax.set_title(_caption(results, data, "onsager_low"), fontsize="small")
    _say_nulls(ax, results, name, data["window"].values[:: max(len(place) // 3, 1)])
    ax.legend(frameon=False, fontsize="small", ncols=2)
    return ax


def shares(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Share of every event in the Onsager coefficient against the window, with intervals.

    Parameters and return value as in `contributions`. Open symbols: fewer than ten blocks.
    """
    ax = _axes(ax, (7.0, 4.0))
    name, data = _own(results, species)
    windows, few = data["window"].values, _few_blocks(data)
    for event, color in _events(data).items():
        one = data.sel(event=event)
        ax.errorbar(
            windows, one["share"], yerr=_reach(one, "share"), color=color, lw=1.2, capsize=2,
            label=event,
        )  # fmt: skip
        for marked, fill in ((few, "white"), (~few, color)):
            ax.plot(windows[marked], one["share"].values[marked], "o", ms=5, mec=color, mfc=fill)
    ax.axhline(0, color=_GREY, lw=0.8)
    ax.set_xscale("log")
    ax.set_xlabel("window (ps)")
    ax.set_ylabel(f"share of the Onsager coefficient of {name}")
    text = _caption(results, data, "share_low").replace("hatched", "open")
    ax.set_title(text, fontsize="small")
    _say_nulls(ax, results, name, windows[:: max(len(windows) // 3, 1)])
    ax.legend(frameon=False, fontsize="small")
    return ax


def effectiveness(
    results: Results,
    ax: Axes | None = None,
    *,
    window: float | None = None,
    species: str | None = None,
) -> Axes:
    """Frequency of every event against its effectiveness, with lines of equal contribution.

    A contribution is proportional to frequency times effectiveness, so an event that is rare and
    far-reaching and one that is frequent and short lie on one line. Events that carry negatively
    are open.

    Parameters
    ----------
    results, ax, species
        As in `contributions`.
    window : float, optional
        ps; default as in `Results.summary`.
    """
    ax = _axes(ax, (5.5, 4.5))
    table = results.summary(window, species=species)
    colors = dict(zip(table.index, colors_of(list(table.index), EVENT_COLORS), strict=True))
    drawn = table[(table["frequency"] > 0) & (table["effectiveness"] != 0)]
    height = np.log(drawn["effectiveness"].abs().to_numpy())
    for event, row in drawn.iterrows():
        color, reach = colors[str(event)], abs(row["effectiveness"])
        fill = color if row["effectiveness"] > 0 else "white"
        ax.plot(row["frequency"], reach, "o", ms=9, mec=color, mfc=fill)
        # below its symbol where another label stands close above
        above = height - np.log(reach)
        crowded = bool(np.any((above > 0) & (above < 0.05 * np.ptp(height))))
        ax.annotate(
            f"{event} ({row['share']:.0%})", (row["frequency"], reach),
            xytext=(7, -13 if crowded else 5), textcoords="offset points", fontsize="small",
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.margins(0.25)
    if len(drawn):
        product = drawn["frequency"] * drawn["effectiveness"]
        whole = float(product.sum())
        x, y = np.array(ax.get_xlim()), np.array(ax.get_ylim())
        for part in (0.01, 0.1, 1.0):
            line = part * abs(whole)
            ax.plot(x, line / x, color=_GREY, lw=0.8, ls=":", zorder=0)
            # written where the line meets the upper or the left edge
            at = max(line / y[1], x[0]) * 1.04
            if at < x[1] and line / at > y[0]:
                ax.text(at, line / at, f"{part:.0%}", color=_GREY, fontsize="x-small", va="top")
        ax.set_xlim(*x)
        ax.set_ylim(*y)
    ax.set_xlabel("frequency per ion (1/ns)")
    ax.set_ylabel(r"effectiveness ($\mathrm{\AA}^2$ per ion and window)")
    ax.set_title(
        f"{table.attrs['species']}, windows of {table.attrs['window_ps']:g} ps; dotted: equal "
        "contribution",
        fontsize="small",
    )
    _say_nulls(ax, results, table.attrs["species"], [table.attrs["window_ps"]])
    return ax


def _heat(
    ax: Axes, values: np.ndarray, rows: list[str], columns: list[str], label: str, *, signed: bool
) -> None:
    """Annotated heat map."""
    largest = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    image = ax.imshow(
        values, cmap="RdBu_r" if signed else "Blues", vmin=-largest if signed else 0, vmax=largest
    )
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            strong = abs(value) > 0.6 * largest
            ax.text(
                j, i, f"{value:.2f}" if abs(value) >= 0.005 else "0", ha="center", va="center",
                fontsize="small", color="white" if strong else BLACK,
            )  # fmt: skip
    ax.set_xticks(range(len(columns)), columns, rotation=30, ha="right", fontsize="small")
    ax.set_yticks(range(len(rows)), rows, fontsize="small")
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85)


def event_matrix(
    results: Results,
    ax: Axes | None = None,
    *,
    window: float | None = None,
    species: str | None = None,
) -> Axes:
    """Which events move together: L[e, f] over the Onsager coefficient, in one window.

    Rows sum to the share of their event. Parameters as in `effectiveness`.
    """
    ax = _axes(ax, (6.0, 4.8))
    name = results._species(species)
    data = results.at_window(window).sel(species=name, species_2=name)
    has = np.isfinite(data["event_frequency"].values)
    names = [str(e) for e in data["event"].values[has]]
    matrix = data["event_matrix"].values[np.ix_(has, has)] / float(data["onsager"])
    _heat(ax, matrix, names, names, "part of the Onsager coefficient", signed=True)
    ax.set_title(f"{name}, windows of {float(data['window']):g} ps", fontsize="small")
    _say_nulls(ax, results, name, [float(data["window"])])
    return ax


def _macrostates(results: Results, species: str | None) -> tuple[str, xr.Dataset, list[str]]:
    data = results.transitions
    if data is None:
        raise InputError(
            "this result has no macrostates: give a species macrostates=..., e.g. IonPairing()"
        )
    name = results._species(species)
    one = data.sel(species=name)
    kinds = [
        str(m)
        for m in one["macrostate_start"].values
        if np.isfinite(one["population"].sel(macrostate_start=m))
    ]
    if not kinds:
        raise InputError(f"species {name!r} has no macrostate rule in this result")
    return name, one, kinds


def populations(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Mean fraction of carriers in each macrostate, with its interval.

    Raises
    ------
    InputError
        If the species has no macrostates.
    """
    name, data, kinds = _macrostates(results, species)
    ax = _axes(ax, (max(4.0, 1.0 + 0.75 * len(kinds)), 3.6))
    one = data.sel(macrostate_start=kinds)
    ax.bar(
        range(len(kinds)), one["population"], yerr=_reach(one, "population"), capsize=4,
        color=colors_of(kinds, MACROSTATE_COLORS),
    )  # fmt: skip
    for k, value in enumerate(one["population"].values):
        ax.text(k, value, f" {value:.3f}\n", ha="center", va="bottom", fontsize="small")
    slant = max(map(len, kinds)) > 8
    ax.set_xticks(
        range(len(kinds)), kinds, rotation=30 if slant else 0, ha="right" if slant else "center"
    )
    ax.set_ylim(0, 1.1)
    ax.set_ylabel(f"population of {name}")
    return ax


def transitions(
    results: Results,
    ax: Axes | None = None,
    *,
    window: float | None = None,
    species: str | None = None,
) -> Axes:
    """What each macrostate transition carried, over the Onsager coefficient, in one window.

    Raises
    ------
    InputError
        If the species has no macrostates.
    """
    name, data, kinds = _macrostates(results, species)
    ax = _axes(ax, (4.8, 4.0))
    at = results.at_window(window)
    chosen = data.sel(window=float(at["window"]), macrostate_start=kinds, macrostate_end=kinds)
    whole = float(at["onsager"].sel(species=name, species_2=name))
    carried = chosen["transition_onsager"].values / whole
    _heat(ax, carried, kinds, kinds, "part of the Onsager coefficient", signed=True)
    ax.set_xlabel("at the end of the window")
    ax.set_ylabel("at its start")
    ax.set_title(f"{name}, windows of {float(at['window']):g} ps", fontsize="small")
    return ax


def onsager(results: Results, ax: Axes | None = None) -> Axes:
    """Onsager coefficients and their self parts against the window, with the slope.

    The slope is the change of L(T) T between neighbouring windows: it loses what vibration and
    caging add to short windows.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
    """
    ax = _axes(ax, (7.0, 4.2))
    data = results.decomposition
    windows = data["window"].values
    species = [str(s) for s in data["species"].values]
    pairs = [(a, b) for i, a in enumerate(species) for b in species[i:]]
    scale, unit = _power(data["onsager"].values)
    handles: list[Any] = []
    for (a, b), color in zip(pairs, colors_of([f"{a} {b}" for a, b in pairs], {}), strict=True):
        one = data.sel(species=a, species_2=b)
        whole = ax.errorbar(
            windows, one["onsager"] / scale, yerr=_reach(one, "onsager") / scale, fmt="o-", ms=4,
            lw=1.2, capsize=2, color=color, label=f"L({a}, {b})",
        )  # fmt: skip
        handles.append(whole)
        if a == b:
            own = data["onsager_self"].sel(species=a) / scale
            ax.plot(windows, own, "s--", ms=3, lw=1, color=color)
        if len(windows) > 1:
            moved = one["onsager"].values * windows / scale
            middle = np.sqrt(windows[1:] * windows[:-1])
            ax.plot(middle, np.diff(moved) / np.diff(windows), ":", lw=1.5, color=color)
    for style, label in (("s--", "self part"), (":", "slope between windows")):
        handles += ax.plot([], [], style, ms=3, color=_GREY, label=label)
    ax.axhline(0, color=_GREY, lw=0.8)
    ax.set_xscale("log")
    ax.set_xlabel("window (ps)")
    ax.set_ylabel(f"Onsager coefficient ({unit})")
    ax.set_title(_caption(results, data, "onsager_low").split(", hatched")[0], fontsize="small")
    ax.legend(handles=handles, frameon=False, fontsize="small")
    return ax


def _view_shares(results: Results, view: str, species: str | None) -> tuple[str, xr.DataArray]:
    """Shares of the events in the path or slope view over resolution and horizon."""
    if view not in ("path", "slope"):
        raise InputError(f"view must be 'path' or 'slope', got {view!r}")
    variable = "path_onsager" if view == "path" else "path_slope"
    name, data = _own(results, species)
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

    Along a row the label means the same and only the horizon grows; down a column labels are read
    over longer and longer times. The cell that `Results.recommend` chooses is framed.

    Parameters
    ----------
    results, ax, species
        As in `contributions`.
    event : str, optional
        Default: the one with the largest share anywhere on the map.
    view : {"slope", "path"}

    Raises
    ------
    InputError
        For an unknown event or view, or a run without path and slope views.
    """
    name, share = _view_shares(results, view, species)
    names = [str(e) for e in share["event"].values]
    if event is None:
        # medians, since single cells at long horizons are noise
        typical = np.nan_to_num(np.nanmedian(np.abs(share.values.reshape(len(names), -1)), axis=1))
        event = names[int(np.argmax(typical))]
    if event not in names:
        raise InputError(f"event={event!r} is not in this result; it holds {names}")
    ax = _axes(ax, (7.0, 5.0))
    values = share.sel(event=event).values
    resolutions = [f"{r:g}" for r in share["resolution"].values]
    horizons = [f"{h:g}" for h in share["horizon"].values]
    _heat(ax, values, resolutions, horizons, f"share of {event}", signed=True)
    ax.tick_params(axis="x", rotation=0)
    ax.set_xlabel("horizon (ps)")
    ax.set_ylabel("resolution (ps)")
    ax.set_title(f"{event}, {name}, {view} view", fontsize="small")
    advice = results.recommend(species=name)
    if advice.resolution is not None and advice.horizon is not None:
        x = int(np.abs(share["horizon"].values - advice.horizon).argmin())
        y = int(np.abs(share["resolution"].values - advice.resolution).argmin())
        frame = ax.add_patch(_rectangle(x - 0.5, y - 0.5))
        frame.set_clip_on(False)
        _say_nulls(ax, results, name, [float(share["resolution"].values[y])])
    return ax


def _rectangle(x: float, y: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 1, 1, fill=False, edgecolor=BLACK, linewidth=2)


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
    results, ax, species
        As in `contributions`.
    resolutions : sequence of float, optional
        ps, the nearest scanned ones; at most three are told apart. Default: the recommended one,
        else the shortest.
    view : {"slope", "path"}

    Raises
    ------
    InputError
        For an unknown view, resolutions outside the scan, or a run without these views.
    """
    name, share = _view_shares(results, view, species)
    scanned = share["resolution"].values
    if resolutions is None:
        advice = results.recommend(species=name).resolution
        resolutions = [float(scanned[0]) if advice is None else advice]
    ax = _axes(ax, (7.0, 4.2))
    names = [str(e) for e in share["event"].values]
    colors = dict(zip(names, colors_of(names, EVENT_COLORS), strict=True))
    shown: dict[str, Any] = {}
    styles = []
    for resolution, (line, marker) in zip(
        resolutions, (("-", "o"), ("--", "s"), (":", "^")), strict=False
    ):
        at = float(scanned[np.abs(scanned - resolution).argmin()])
        styles.append((at, line, marker))
        horizons = [
            float(h)
            for h in share["horizon"].values
            if np.isfinite(share.sel(resolution=at, horizon=h)).any()
        ]
        tables = {
            h: results.summary(species=name, view=view, resolution=resolution, horizon=h)
            for h in horizons
        }
        for event in next(iter(tables.values())).index:
            rows = np.array(
                [tables[h].loc[event, ["share", "share_low", "share_high"]] for h in horizons]
            ).astype(float)
            if not np.nanmax(np.abs(rows[:, 0]), initial=0.0) > 0:
                continue
            reach = np.maximum(np.nan_to_num([rows[:, 0] - rows[:, 1], rows[:, 2] - rows[:, 0]]), 0)
            ax.errorbar(
                horizons, rows[:, 0], yerr=reach, ls=line, marker=marker, ms=4, lw=1.2, capsize=2,
                color=colors[event],
            )  # fmt: skip
            if event not in shown:
                shown[event] = ax.plot([], [], lw=2, color=colors[event])[0]
    handles = list(shown.values())
    labels = list(shown)
    for at, line, marker in styles:
        handles += ax.plot([], [], ls=line, marker=marker, ms=4, color=_GREY)
        labels.append(f"read over {at:g} ps")
    ax.axhline(0, color=_GREY, lw=0.8)
    ax.set_xscale("log")
    ax.set_xlabel("horizon (ps)")
    ax.set_ylabel(f"share of the Onsager coefficient of {name}")
    level = float(results.decomposition["path_slope_low"].attrs["level"])
    ax.set_title(
        f"{view} view, {results.settings['frame']} frame, {level:.0%} intervals", fontsize="small"
    )
    ax.legend(
        handles, labels, frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1)
    )
    _say_nulls(ax, results, name, [at for at, _, _ in styles])
    return ax


def _say_nulls(ax: Axes, results: Results, name: str, lengths: Iterable[float]) -> None:
    """Under the title: how many hops are linked at these lengths, and in both nulls."""
    data = results.decomposition
    if "multi_fraction" not in data:
        return
    one = data.sel(species=name)
    said = []
    for length in lengths:
        if length not in one["window"].values:
            continue
        at = one.sel(window=length)
        shares = [
            float(at[v])
            for v in ("multi_fraction", "multi_fraction_circular", "multi_fraction_exclusion")
        ]
        if np.isfinite(shares[0]):
            said.append(f"{length:g} ps: " + "/".join(f"{100 * s:.0f}" for s in shares))
    if said:
        text = "% of hops linked/by chance/in exclusion gas, " + ", ".join(said[:3])
        ax.set_title(f"{ax.get_title()}\n{text}", fontsize="small")


def concertedness(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Share of the hops that are linked to others, beside both nulls, against the window.

    Only an excess over the circular null and over the exclusion gas is evidence of concerted
    motion; the share has no plateau, so it belongs to its window. Beside them the share of the
    largest cluster and of carrier-windows with more than one elementary hop.

    Raises
    ------
    InputError
        If the species has no clusters of hops.
    """
    name = results._species(species)
    data = results.decomposition
    if (
        "multi_fraction" not in data
        or not np.isfinite(data["multi_fraction"].sel(species=name)).any()
    ):
        raise InputError(
            f"species {name!r} has no clusters of hops in this result: give it sites and "
            "events=CrystalEvents()"
        )
    ax = _axes(ax, (7.0, 4.0))
    one = data.sel(species=name)
    windows = one["window"].values
    lines = {
        "multi_fraction": ("linked hops", EVENT_COLORS["multi_ion_hop"], "o-"),
        "multi_fraction_exclusion": ("the same in an exclusion gas", BLACK, "s--"),
        "multi_fraction_circular": ("the same by chance, records shifted", _GREY, "v--"),
        "largest_cluster_fraction": ("hops in the largest cluster", "#CC79A7", "^:"),
        "multi_hop_fraction": ("carrier-windows with two hops or more", "#56B4E9", "x:"),
    }
    for variable, (label, color, style) in lines.items():
        ax.errorbar(
            windows, one[variable], yerr=_reach(one, variable), fmt=style, ms=4, lw=1.2,
            capsize=2, color=color, label=label,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("window (ps)")
    ax.set_ylabel(f"share of the hops of {name}")
    ax.legend(frameon=False, fontsize="small")
    return ax


def timeline(
    results: Results,
    ax: Axes | None = None,
    *,
    species: str | None = None,
    start: float | None = None,
    stop: float | None = None,
) -> Axes:
    """Events of every carrier over time, in the window the result keeps states of.

    Parameters
    ----------
    results, ax, species
        As in `contributions`.
    start, stop : float, optional
        Part of the trajectory to draw, ps; default its first 500 windows.

    Raises
    ------
    InputError
        If the result holds no states.
    """
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.patches import Patch

    states = results.states
    if states is None:
        raise InputError("this result holds no states to draw")
    ax = _axes(ax, (8.0, 4.0))
    name = results._species(species)
    meanings = str(states["event"].attrs["flag_meanings"]).split()
    window = float(states["event"].attrs["window_ps"])
    number = [str(s) for s in results.decomposition["species"].values].index(name)
    mine = states["carrier_species"].values == number
    time = states["time"].values
    begin = time[0] if start is None else start
    end = begin + 500 * window if stop is None else stop
    shown = np.flatnonzero((time >= begin) & (time <= end))
    if len(shown) < 2:
        raise InputError(f"no frames between start={begin:g} and stop={end:g} ps")
    event = states["event"].values[shown][:, mine].T.astype(float)
    event[event < 0] = np.nan
    palette = colors_of(meanings, EVENT_COLORS)
    ax.imshow(
        event, aspect="auto", interpolation="nearest", cmap=ListedColormap(palette),
        norm=BoundaryNorm(np.arange(len(meanings) + 1) - 0.5, len(meanings)),
        extent=(time[shown[0]], time[shown[-1]], int(mine.sum()) + 0.5, 0.5),
    )  # fmt: skip
    seen = [int(e) for e in np.unique(event[np.isfinite(event)])]
    ax.legend(
        handles=[Patch(color=palette[e], label=meanings[e]) for e in seen], ncols=len(seen),
        frameon=False, fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0),
    )  # fmt: skip
    ax.set_xlabel(f"time (ps); each window lasts {window:g} ps")
    ax.set_ylabel(f"carrier of {name}")
    return ax


def robustness(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Share of every event under other choices, from `OnsagerDecomposition.robustness`.

    The band is the interval of the run itself; a symbol outside it is a share that depends on the
    choice more than on the statistics.

    Parameters
    ----------
    table : pandas.DataFrame
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    rows = [(str(s), str(v), str(e)) for s, v, e in table.index]
    choices = list(dict.fromkeys(row[:2] for row in rows))
    events = list(dict.fromkeys(row[2] for row in rows))
    ax = _axes(ax, (max(5.0, 1.6 + 0.6 * len(choices)), 4.2))
    share = table["share"].to_numpy()
    shown = {row[2] for row, x in zip(rows, share, strict=True) if abs(x) > 0.005}
    place = np.arange(len(choices))
    for event, color in zip(events, colors_of(events, EVENT_COLORS), strict=True):
        if event not in shown:
            continue
        one = table[[row[2] == event for row in rows]]
        first = one.iloc[0]
        if np.isfinite(first["low"]):
            ax.axhspan(first["low"], first["high"], color=color, alpha=0.15, lw=0, zorder=0)
        reach = np.nan_to_num(np.array([one["share"] - one["low"], one["high"] - one["share"]]))
        ax.errorbar(
            place, one["share"].to_numpy(), yerr=np.maximum(reach, 0), fmt="o", ms=5, lw=1,
            capsize=2, color=color, label=event,
        )  # fmt: skip
    for k in range(1, len(choices)):
        if choices[k][0] != choices[k - 1][0]:
            ax.axvline(k - 0.5, color=_GREY, lw=0.8)
    labels = [f"{a}\n{b}" if b else a for a, b in choices]
    ax.set_xticks(place, labels, rotation=45, ha="right", fontsize="small")
    ax.axhline(0, color=_GREY, lw=0.8)
    ax.set_ylabel(f"share of the Onsager coefficient of {table.attrs['species']}")
    ax.set_title(
        f"windows of {table.attrs['window_ps']:g} ps; bands: interval of the run", fontsize="small"
    )
    ax.legend(frameon=False, fontsize="small", ncols=2)
    return ax


def rdf(
    distribution: RadialDistribution,
    ax: Axes | None = None,
    *,
    inner: float | None = None,
    outer: float | None = None,
) -> Axes:
    """g(r) of carriers and one ligand type, with the radii of the shell.

    Parameters
    ----------
    distribution : RadialDistribution
    ax : matplotlib.axes.Axes, optional
    inner, outer : float, optional
        Radii at which a contact begins and ends, Angstrom.
    """
    ax = _axes(ax, (5.5, 3.8))
    r = distribution.r
    ax.plot(r, distribution.g, color="#0072B2", lw=0.8, alpha=0.4)
    line = ax.plot(r, distribution.smoothed(), color="#0072B2", lw=1.5, label="g(r), smoothed")
    ax.set_xlabel(r"distance ($\mathrm{\AA}$)")
    ax.set_ylabel("g(r)")
    ax.set_ylim(bottom=0)
    count = ax.twinx()
    top = 12.0
    line += count.plot(
        r, distribution.coordination, color="#009E73", lw=1, ls="--", label="number within r"
    )
    count.set_ylim(0, top)
    count.set_ylabel("mean number of ligand atoms within r")
    count.spines["top"].set_visible(False)
    if inner is not None:
        label = f"cutoff {inner:g} A" if outer in (None, inner) else f"begins below {inner:g} A"
        line.append(ax.axvline(inner, color=BLACK, lw=1, label=label))
    if outer is not None and inner is not None and outer > inner:
        ax.axvspan(inner, outer, color=_GREY, alpha=0.25, lw=0)
        line.append(ax.axvline(outer, color=BLACK, lw=1, ls=":", label=f"ends beyond {outer:g} A"))
    ax.legend(handles=line, frameon=False, fontsize="small", loc="upper right")
    ax.set_title(f"{distribution.kind}, {distribution.n_frames} frames", fontsize="small")
    return ax


def arrhenius(fits: Arrhenius, ax: Axes | None = None) -> Axes:
    """Absolute L T of the whole and of every event against 1000 / T, with fits and intervals.

    Open symbols and dashed lines: contributions that are negative. Labels that no line could be
    fitted to have symbols alone, where they are not far below the rest.

    Parameters
    ----------
    fits : Arrhenius
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (6.5, 4.6))
    data, name = fits.data, str(fits.data.attrs["species"])
    mine = (data["quantity"].values == "onsager") & (data["species"].values == name)
    rows = data.isel(row=np.flatnonzero(mine))
    names = [str(e) for e in rows["event"].values]
    events = [e for e in names if e != "total"]
    colors = dict(zip(events, colors_of(events, EVENT_COLORS), strict=True)) | {"total": BLACK}
    x, along = 1000 / data["temperature"].values, 1000 / data["curve_temperature"].values
    for k, event in enumerate(names):
        one, color = rows.isel(row=k), colors[event]
        value = one["value"].values
        low, high = (one[f"value_{end}"].values for end in ("low", "high"))
        size = np.abs(value)
        # an interval that holds 0 reaches beyond a logarithmic axis
        reach = np.abs([value - low, high - value])
        reach[:, value < 0] = reach[::-1, value < 0]
        reach[0] = np.minimum(reach[0], 0.999 * size)
        label = f"{event}: no energy"
        if int(one["sign"]):
            energy, least, most = (float(one[f"energy{end}"]) for end in ("", "_low", "_high"))
            label = f"{event}: {energy:.3f} ({least:.3f} to {most:.3f}) eV"
            style = "-" if int(one["sign"]) > 0 else "--"
            ax.plot(along, np.abs(one["curve"]), style, color=color, lw=1.2)
            band = (np.abs(one[f"curve_{end}"].values) for end in ("low", "high"))
            ax.fill_between(along, *band, color=color, alpha=0.15, lw=0)
        for marked, fill in ((value < 0, "white"), (value > 0, color)):
            if marked.any():
                ax.errorbar(
                    x[marked], size[marked], yerr=reach[:, marked], fmt="o", ms=5, capsize=2, lw=1,
                    color=color, mfc=fill, label=label, zorder=3,
                )  # fmt: skip
                label = "_nolegend_"
    ax.set_yscale("log")
    sizes = np.abs(rows["value"].values[rows["sign"].values != 0])
    if sizes.size:
        # what has no energy may be smaller by many powers of ten
        ax.set_ylim(sizes.min() / 5, sizes.max() * 3)
    ax.set_xlabel("1000 / T (1/K)")
    ax.set_ylabel(rf"$|L\,T|$ of {name} (K J$^{{-1}}$ m$^{{-1}}$ s$^{{-1}}$)")
    kelvin = ax.secondary_xaxis("top", functions=(_reciprocal, _reciprocal))
    kelvin.set_xticks(data["temperature"].values, [f"{t:g} K" for t in data["temperature"].values])
    kelvin.tick_params(labelsize="small")
    ax.set_title(
        f"{data.attrs['view_description']}, {data.attrs['level']:.0%} intervals", fontsize="small"
    )
    ax.legend(frameon=False, fontsize="small")
    return ax


def _reciprocal(x: Any) -> Any:
    """1000 / x: between T and 1000 / T."""
    with np.errstate(divide="ignore"):
        return np.asarray(1000 / np.asarray(x, dtype=float))


def figures(
    results: Results, window: float | None = None, *, species: str | None = None
) -> Mapping[str, Callable[[], Axes]]:
    """Every figure this result has data for, by file name; call one to draw it.

    `species` is the one whose events are drawn, by default the first with an event rule.
    """
    out: dict[str, Callable[[], Axes]] = {
        "contributions": lambda: contributions(results, species=species),
        "shares": lambda: shares(results, species=species),
        "effectiveness": lambda: effectiveness(results, window=window, species=species),
        "event-matrix": lambda: event_matrix(results, window=window, species=species),
        "onsager": lambda: onsager(results),
    }
    if results.states is not None:
        out["timeline"] = lambda: timeline(results, species=species)
    if "path_slope" in results.decomposition and "blocks" in results.tree.children:
        out["view-curves"] = lambda: view_curves(results, species=species)
        out["view-map"] = lambda: view_map(results, species=species)
    if "multi_fraction" in results.decomposition:
        hopping = results.decomposition["multi_fraction"].sel(species=results._species(species))
        if np.isfinite(hopping).any():
            out["concertedness"] = lambda: concertedness(results, species=species)
    try:
        _macrostates(results, species)
    except InputError:
        return out
    out["populations"] = lambda: populations(results, species=species)
    out["transitions"] = lambda: transitions(results, window=window, species=species)
    return out


def save(ax: Axes, path: Path) -> Path:
    """Write the figure of an Axes atomically; the ending of `path` chooses the format."""
    from ..lib.files import write_atomically

    figure: Any = ax.get_figure(root=True)
    return write_atomically(path, lambda name: figure.savefig(name, dpi=160))


def close(ax: Axes) -> None:
    """Forget the figure of an Axes, so that many may be drawn one after the other."""
    import matplotlib.pyplot as plt

    plt.close(ax.get_figure(root=True))


def save_all(
    results: Results,
    folder: Path,
    stem: str,
    *,
    formats: Iterable[str] = ("png",),
    window: float | None = None,
) -> list[Path]:
    """Write every figure of `figures` into a folder; returns the paths."""
    written = []
    for name, draw in figures(results, window).items():
        ax = draw()
        written += [save(ax, folder / f"{stem}-{name}.{ending}") for ending in formats]
        close(ax)
    return written
