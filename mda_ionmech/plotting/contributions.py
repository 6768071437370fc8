"""Figures of contributions of events to Onsager coefficients against the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..results.colors import BLACK, colors_of, event_colors
from ..results.ends import ENDS, with_ends
from .style import (
    GREY,
    caption,
    check_results,
    events_of,
    few_blocks,
    hatch,
    headline,
    heat_map,
    legend_beside,
    log_times,
    new_axes,
    nulls,
    number_with_ends,
    own_part,
    percent_axis,
    plain,
    plain_logarithms,
    power_of_ten,
    reach_of,
    window_axis,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..results.results import Results


def contributions(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Contributions of the events to the Onsager coefficient against the window.

    In percent of the coefficient at long times, or, without a diffusive view, of that of the
    longest window with ten blocks or more. Bars are stacked, negative contributions downwards; the
    dots are the total with its interval. The bar on the right, "limit", is the diffusive view, with
    labels over its own resolution.

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
    name, data = own_part(results, species)
    ax = new_axes(ax, (7.0, 4.0))
    place, few = window_axis(ax, data["window"].values), few_blocks(data)
    scale, unit = power_of_ten(data["onsager"].values)
    whole, low, high, of = _reference(results, name, data)
    hundred = f"100% is {number_with_ends(whole / scale, low / scale, high / scale)} {unit}, {of}"
    scale = abs(whole) or 1.0
    up, down = np.zeros(len(place)), np.zeros(len(place))
    for event, color in events_of(data).items():
        part = data["event_onsager"].sel(event=event).values / scale
        bars, up, down = _stack(ax, place, part, up, down, color, plain(event))
        hatch(bars, few)
    _total(ax, place, data["onsager"].values / scale, reach_of(data, "onsager") / scale, "total")
    if results.has_diffusive_view:
        high, low = _add_limit(ax, results, name, float(place[-1]) + 1.6, scale)
        up, down = np.append(up, high), np.append(down, low)
    # no line for negligible negative parts
    if down.min() < -0.01 * up.max():
        ax.axhline(0, color=BLACK, lw=0.8, zorder=3)
    else:
        ax.set_ylim(bottom=0)
    percent_axis(ax.yaxis, f"contribution to L({plain(name)}, {plain(name)})")
    headline(
        ax,
        f"Contributions to {plain(name)} transport",
        caption(results, data, "onsager_low"),
        hundred,
        table=nulls(results, name, data["window"].values[:: max(len(place) // 3, 1)]),
    )
    legend_beside(ax)
    return ax


def _stack(
    ax: Axes, place: Any, part: Any, up: Any, down: Any, color: str, label: str | None
) -> tuple[Any, Any, Any]:
    """Bars on those below them, negative ones downwards; with the new upper and lower ends."""
    base = np.where(part >= 0, up, down)
    bars = ax.bar(place, part, bottom=base, width=0.75, color=color, label=label, zorder=2)
    return bars, up + np.maximum(part, 0), down + np.minimum(part, 0)


def _total(ax: Axes, place: Any, value: Any, reach: Any, label: str | None = None) -> None:
    """Dots with the intervals of the totals."""
    ax.errorbar(
        place, value, yerr=reach, fmt="o", color=BLACK, ms=4, capsize=3, lw=1, label=label,
        zorder=3,
    )  # fmt: skip


def _reference(results: Results, name: str, data: xr.Dataset) -> tuple[float, float, float, str]:
    """The coefficient that contributions are shown in percent of, with its interval, and which."""
    if results.has_diffusive_view:
        found = with_ends(results.decomposition, "diffusive_onsager", species=name, species_2=name)
        return (*found, "at long times")
    window = results.longest_window
    found = with_ends(data.sel(window=window), "onsager")
    return (*found, f"in windows of {window:g} ps")


def _add_limit(
    ax: Axes, results: Results, species: str, place: float, scale: float
) -> tuple[float, float]:
    """Draw the diffusive view as one more bar; its upper and lower end."""
    table = results.summary(view="diffusive", species=species)
    named = set(ax.get_legend_handles_labels()[1])
    shares, parts = table["share"].to_dict(), (table["onsager"] / scale).to_dict()
    up = down = 0.0
    for event, color in event_colors(table.index).items():
        new = plain(event) not in named and abs(shares[event]) > 0.005
        label = plain(event) if new else None
        _, up, down = _stack(ax, place, parts[event], up, down, color, label)
    total, low, high = np.array(table.attrs["total"]) / scale
    _total(ax, place, total, [[total - low], [high - total]])
    ticks, labels = list(ax.get_xticks()), [t.get_text() for t in ax.get_xticklabels()]
    ax.set_xticks([*ticks, place], [*labels, "limit"])
    ax.axvline(place - 0.8, color=GREY, lw=0.8, ls=":")
    return up, down


def shares(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Share of every event in the Onsager coefficient against the window, with intervals.

    Open symbols: fewer than ten blocks.

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
    name, data = own_part(results, species)
    ax = new_axes(ax, (7.0, 4.0))
    windows, few = data["window"].values, few_blocks(data)
    for event, color in events_of(data).items():
        one = data.sel(event=event)
        ax.errorbar(
            windows, one["share"], yerr=reach_of(one, "share"), color=color, lw=1.2, capsize=2,
            label=plain(event),
        )  # fmt: skip
        for marked, fill in ((few, "white"), (~few, color)):
            ax.plot(windows[marked], one["share"].values[marked], "o", ms=5, mec=color, mfc=fill)
    ax.axhline(0, color=GREY, lw=0.8)
    log_times(ax, windows)
    percent_axis(ax.yaxis, f"share of L({plain(name)}, {plain(name)})")
    headline(
        ax,
        f"Shares of {plain(name)} transport by event",
        caption(results, data, "share_low").replace("hatched", "open"),
        table=nulls(results, name, windows[:: max(len(windows) // 3, 1)]),
    )
    legend_beside(ax)
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
    far-reaching and one that is frequent and short lie on one line. Shares beside the symbols are
    those in the window, which this product is of, not those of the reading. Bars are intervals of
    the effectiveness. Events with negative contributions have open symbols.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    window : float, optional
        ps; default as in `Results.summary`.
    species : str, optional
        Default: the first species with an event rule.

    Returns
    -------
    matplotlib.axes.Axes
    """
    check_results(results)
    data = results.at_window(window)
    table = results.summary(float(data["window"]), species=species)
    data = data.sel(species=table.attrs["species"])
    ax = new_axes(ax, (5.5, 4.5))
    colors = event_colors(table.index)
    drawn = table[(table["frequency"] > 0) & (table["effectiveness"].abs() > 0)]
    height = np.log(drawn["effectiveness"].abs().to_numpy())
    for event, row in drawn.iterrows():
        color, reach = colors[str(event)], abs(row["effectiveness"])
        fill = color if row["effectiveness"] > 0 else "white"
        ax.plot(row["frequency"], reach, "o", ms=9, mec=color, mfc=fill, zorder=3)
        _, *ends = with_ends(data, "effectiveness", event=str(event))
        low, high = sorted(map(abs, ends))
        if np.isfinite([low, high]).all() and low <= reach <= high:
            ax.plot([row["frequency"]] * 2, [low, high], "-", color=color, lw=1.2, zorder=2)
        # below its symbol where another label stands close above
        above = height - np.log(reach)
        crowded = bool(np.any((above > 0) & (above < 0.05 * np.ptp(height))))
        share = f" ({row['share']:.0%})" if np.isfinite(row["share"]) else ""
        ax.annotate(
            f"{plain(event)}{share}", (row["frequency"], reach),
            xytext=(7, -13 if crowded else 5), textcoords="offset points", fontsize="small",
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    plain_logarithms(ax.xaxis, ax.yaxis)
    ax.margins(0.25)
    if len(drawn):
        product = drawn["frequency"] * drawn["effectiveness"]
        whole = float(product.sum())
        x, y = np.array(ax.get_xlim()), np.array(ax.get_ylim())
        for part in (0.01, 0.1, 1.0):
            line = part * abs(whole)
            ax.plot(x, line / x, color=GREY, lw=0.8, ls=":", zorder=0)
            # written where the line meets the upper or the left edge
            at = max(line / y[1], x[0]) * 1.04
            if at < x[1] and line / at > y[0]:
                ax.text(at, line / at, f"{part:.0%}", color=GREY, fontsize="x-small", va="top")
        ax.set_xlim(*x)
        ax.set_ylim(*y)
    ax.set_xlabel("frequency per ion (1/ns)")
    ax.set_ylabel(r"effectiveness ($\mathrm{\AA}^2$ per ion and window)")
    headline(
        ax,
        f"How often and how far: events of {plain(table.attrs['species'])}",
        f"windows of {table.attrs['window_ps']:g} ps, shares in them; dotted: equal contribution",
        table=nulls(results, table.attrs["species"], [table.attrs["window_ps"]]),
    )
    return ax


def event_matrix(
    results: Results,
    ax: Axes | None = None,
    *,
    window: float | None = None,
    species: str | None = None,
) -> Axes:
    """Which events move together: L[e, f] over the Onsager coefficient, in one window.

    Rows sum to the share of their event. Events that do not occur are left out.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    window : float, optional
        ps; default as in `Results.summary`.
    species : str, optional
        Default: the first species with an event rule.

    Returns
    -------
    matplotlib.axes.Axes
    """
    check_results(results)
    name = results._species(species)
    data = results.at_window(window).sel(species=name, species_2=name)
    ax = new_axes(ax, (6.0, 4.8))
    names = list(events_of(data.expand_dims("window")))
    data = data.sel(event=names, event_2=names)
    whole = float(data["onsager"]) or np.nan
    matrix, low, high = (data[f"event_matrix{end}"].values / whole for end in ENDS)
    label = f"part of L({plain(name)}, {plain(name)})"
    heat_map(ax, matrix, names, names, label, np.abs(high - low) / 2)
    headline(
        ax,
        f"Which events of {plain(name)} move together",
        f"windows of {float(data['window']):g} ps; percent, with half the interval",
        table=nulls(results, name, [float(data["window"])]),
    )
    return ax


def onsager(results: Results, ax: Axes | None = None) -> Axes:
    """Onsager coefficients and their self parts against the window, with the slope.

    The slope is the change of L(T) T between neighbouring windows: it does not contain what
    vibration and caging add to short windows.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    check_results(results)
    ax = new_axes(ax, (7.0, 4.2))
    data = results.decomposition
    windows = data["window"].values
    species = [str(s) for s in data["species"].values]
    pairs = [(a, b) for i, a in enumerate(species) for b in species[i:]]
    scale, unit = power_of_ten(data["onsager"].values)
    handles: list[Any] = []
    for (a, b), color in zip(pairs, colors_of([f"{a} {b}" for a, b in pairs], {}), strict=True):
        one = data.sel(species=a, species_2=b)
        whole = ax.errorbar(
            windows, one["onsager"] / scale, yerr=reach_of(one, "onsager") / scale, fmt="o-", ms=4,
            lw=1.2, capsize=2, color=color, label=f"L({plain(a)}, {plain(b)})",
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
        handles += ax.plot([], [], style, ms=3, color=GREY, label=label)
    ax.axhline(0, color=GREY, lw=0.8)
    log_times(ax, windows)
    ax.set_ylabel(f"Onsager coefficient ({unit})")
    names = ", ".join(plain(one) for one in species)
    about = caption(results, data, "onsager_low").split(", hatched")[0]
    headline(ax, f"Onsager coefficients of {names}", about)
    legend_beside(ax, handles)
    return ax
