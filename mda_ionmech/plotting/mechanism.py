"""Figures of macrostates, concerted hops, events over time, and robustness of shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import listed, number, shown
from ..lib.errors import InputError
from ..results.colors import BLACK, EVENT_COLORS, MACROSTATE_COLORS, colors_of, event_colors
from ..results.ends import ENDS
from .style import (
    GREY,
    check_results,
    check_table,
    headline,
    heat_map,
    heat_map_size,
    legend_beside,
    log_times,
    new_axes,
    percent_axis,
    plain,
    reach,
    reach_of,
)

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

    from ..results.results import Results


#: Most ions that are drawn with lines between them.
MOST_APART = 24
#: Stretches of time over which the fractions of more ions are averaged, at most.
STRETCHES = 200


def macrostates_of(results: Results, species: str | None) -> tuple[str, xr.Dataset, list[str]]:
    """Name, transitions and occurring macrostates of a species."""
    check_results(results)
    data = results.transitions
    if data is None:
        raise InputError(
            "this result has no macrostates: give a species macrostates=..., e.g. IonPairing()"
        )
    name = results._species(species)
    one = data.sel(species=name)
    share = one["population"].values
    kinds = [str(m) for m, x in zip(one["macrostate_start"].values, share, strict=True) if x > 0]
    if not np.isfinite(share).any():
        raise InputError(f"species {name!r} has no macrostate rule in this result")
    return name, one, kinds


def populations(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Mean fraction of carriers in each macrostate, with its interval.

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

    Raises
    ------
    InputError
        If the species has no macrostates.
    """
    name, data, kinds = macrostates_of(results, species)
    ax = new_axes(ax, (max(4.0, 1.0 + 0.75 * len(kinds)), 3.6))
    one = data.sel(macrostate_start=kinds)
    ax.bar(
        range(len(kinds)), one["population"], yerr=reach_of(one, "population"), capsize=4,
        color=colors_of(kinds, MACROSTATE_COLORS),
    )  # fmt: skip
    tops = np.fmax(one["population_high"].values, one["population"].values)
    for k, value in enumerate(one["population"].values):
        ax.text(
            k, tops[k] + 0.015, f"{100 * value:.1f}%", ha="center", va="bottom", fontsize="small"
        )
    slant = max(map(len, kinds)) > 8
    turned: Any = {"rotation": 30, "ha": "right"} if slant else {}
    ax.set_xticks(range(len(kinds)), [*map(plain, kinds)], **turned)
    ax.set_ylim(0, 1.1)
    percent_axis(ax.yaxis, f"fraction of {plain(name)}")
    level = float(data["population_low"].attrs["level"])
    headline(ax, f"Macrostates of {plain(name)}", f"{level:.0%} intervals")
    return ax


def transitions(
    results: Results,
    ax: Axes | None = None,
    *,
    window: float | None = None,
    species: str | None = None,
) -> Axes:
    """Contribution of each macrostate transition over the Onsager coefficient, in one window.

    Macrostates that are never visited are left out, and transitions that do not occur are blank.

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

    Raises
    ------
    InputError
        If the species has no macrostates.
    """
    name, data, kinds = macrostates_of(results, species)
    at = results.at_window(window)
    ax = new_axes(ax, heat_map_size(len(kinds)))
    chosen = data.sel(window=float(at["window"]), macrostate_start=kinds, macrostate_end=kinds)
    whole = float(at["onsager"].sel(species=name, species_2=name))
    never = chosen["transition_count"].values == 0
    carried, low, high = (
        np.where(never, np.nan, chosen[f"transition_onsager{end}"].values / whole) for end in ENDS
    )
    label = f"part of L({plain(name)}, {plain(name)})"
    heat_map(ax, carried, kinds, kinds, label, np.abs(high - low) / 2)
    ax.set_xlabel("at the end of the window")
    ax.set_ylabel("at its start")
    headline(
        ax,
        f"Contributions of transitions to {plain(name)} transport",
        f"windows of {float(at['window']):g} ps; percent, with half the interval",
    )
    return ax


def has_linked_hops(results: Results, name: str) -> bool:
    """Whether a species has hops of which the linked ones were counted."""
    data = results.decomposition
    if "multi_fraction" not in data:
        return False
    return bool(np.isfinite(data["multi_fraction"].sel(species=name)).any())


def concertedness(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Fraction of the hops that are linked to others, with both nulls, against the window.

    Only an excess over the circular null and over the exclusion gas is evidence of concerted
    motion; the fraction has no plateau, so it must be given with its window. Also drawn are the
    fractions of hops in the largest cluster and of carrier-windows with two or more elementary
    hops.

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

    Raises
    ------
    InputError
        If the species has no clusters of hops.
    """
    check_results(results)
    name = results._species(species)
    if not has_linked_hops(results, name):
        raise InputError(
            f"species {name!r} has no clusters of hops in this result: give it sites and "
            "events=CrystalEvents()"
        )
    ax = new_axes(ax, (7.0, 4.0))
    one = results.decomposition.sel(species=name)
    windows = one["window"].values
    lines = {
        "multi_fraction": ("linked hops", EVENT_COLORS["multi_ion_hop"], "o-"),
        "multi_fraction_exclusion": ("the same in an exclusion gas", BLACK, "s--"),
        "multi_fraction_circular": ("the same by chance, records shifted", GREY, "v--"),
        "largest_cluster_fraction": ("hops in the largest cluster", "#CC79A7", "^:"),
        "multi_hop_fraction": ("carrier-windows with two hops or more", "#56B4E9", "x:"),
    }
    for variable, (label, color, style) in lines.items():
        ax.errorbar(
            windows, one[variable], yerr=reach_of(one, variable), fmt=style, ms=4, lw=1.2,
            capsize=2, color=color, label=label,
        )  # fmt: skip
    log_times(ax, windows)
    ax.set_ylim(0, 1.02)
    percent_axis(ax.yaxis, f"fraction of the hops of {plain(name)}")
    headline(
        ax,
        f"Linked hops of {plain(name)}, and what chance and site exclusion give",
        f"{float(one['multi_fraction_low'].attrs['level']):.0%} intervals",
    )
    legend_beside(ax)
    return ax


def timeline(
    results: Results,
    ax: Axes | None = None,
    *,
    species: str | None = None,
    start: float | None = None,
    stop: float | None = None,
    ions: Sequence[int] | None = None,
) -> Axes:
    """Events of every carrier over time, for the window of the states in the result.

    One row for each ion. Of more than 24 ions, unless they are chosen, one strip for each event:
    the fraction of the ions that have this label, averaged over up to 200 stretches of time. Each
    strip has a height of its own, written beside it.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    species : str, optional
        Default: the first species with an event rule.
    start, stop : float, optional
        Part of the trajectory to draw, ps; default its first 500 windows.
    ions : sequence of int, optional
        Numbers of the ions to draw, counted from 1; default all.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the result holds no states, and for ions that the species does not have.
    """
    check_results(results)
    states = results.states
    if states is None:
        raise InputError("this result holds no states to draw")
    start, stop = (
        None if value is None else number(argument, value, "a time in ps")
        for argument, value in (("start", start), ("stop", stop))
    )
    name = results._species(species)
    place = [str(s) for s in results.decomposition["species"].values].index(name)
    mine = np.flatnonzero(states["carrier_species"].values == place)
    rows = _chosen_ions(ions, len(mine), name)
    window = float(states["event"].attrs["window_ps"])
    time = states["time"].values
    begin = time[0] if start is None else start
    end = begin + 500 * window if stop is None else stop
    at = np.flatnonzero((time >= begin) & (time <= end))
    if len(at) < 2:
        raise InputError(f"no frames between start={begin:g} and stop={end:g} ps")
    ax = new_axes(ax, (8.0, 4.0))
    codes = states["event"].values[at][:, mine[rows]]
    names = str(states["event"].attrs["flag_meanings"]).split()
    ax.set_xlabel(f"time (ps); each window lasts {window:g} ps")
    if ions is None and len(mine) > MOST_APART:
        _strips(ax, codes, time[at], names)
        headline(
            ax, f"Events of {plain(name)} over time",
            f"fraction of the {len(mine)} ions with each label; at the right the height of the "
            "strip",
        )  # fmt: skip
    else:
        _rows_of_ions(ax, codes, time[at], names, rows + 1)
        ax.set_ylabel(f"ion, {plain(name)}")
        headline(ax, f"Events of single ions of {plain(name)} over time")
    return ax


def _chosen_ions(ions: Sequence[int] | None, known: int, name: str) -> np.ndarray:
    """Numbers of the ions to draw, counted from 0."""
    if ions is None:
        return np.arange(known)
    remedy = f"give numbers from 1 to {known}, e.g. ions=[1, 2]"
    given = listed("ions", ions, remedy)
    fit = all(
        isinstance(k, int | np.integer) and not isinstance(k, bool) and 1 <= k <= known
        for k in given
    )
    if not given or not fit:
        raise InputError(f"ions must be numbers of ions of {name}, got {shown(ions)}; {remedy}")
    return np.array(given, dtype=int) - 1


def _rows_of_ions(
    ax: Axes, codes: np.ndarray, time: np.ndarray, names: list[str], numbers: np.ndarray
) -> None:
    """A row for each ion in the colours of its events, codes (frames, ions)."""
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.patches import Patch

    event, n_ions = np.where(codes < 0, np.nan, codes).T, codes.shape[1]
    palette = colors_of(names, EVENT_COLORS)
    ax.imshow(
        event, aspect="auto", interpolation="nearest", cmap=ListedColormap(palette),
        norm=BoundaryNorm(np.arange(len(names) + 1) - 0.5, len(names)),
        extent=(time[0], time[-1], n_ions + 0.5, 0.5),
    )  # fmt: skip
    for k in range(1, n_ions) if n_ions <= MOST_APART else ():
        ax.axhline(k + 0.5, color="white", lw=0.8)
    if not np.array_equal(numbers, np.arange(1, n_ions + 1)):
        ax.set_yticks(np.arange(1, n_ions + 1), [str(k) for k in numbers])
    seen = [int(e) for e in np.unique(event[np.isfinite(event)])]
    legend_beside(ax, [Patch(color=palette[e], label=plain(names[e])) for e in seen])


def _strips(ax: Axes, codes: np.ndarray, time: np.ndarray, names: list[str]) -> None:
    """A strip for each event: the fraction of ions with it over time, codes (frames, ions)."""
    starts = np.arange(0, len(time), -(-len(time) // STRETCHES))
    ends = np.append(time[starts], time[-1])
    counts = np.stack([(codes == k).sum(axis=1) for k in range(len(names))])
    labelled = np.add.reduceat((codes >= 0).sum(axis=1), starts)
    fraction = np.add.reduceat(counts, starts, axis=1) / np.maximum(labelled, 1)
    seen = np.flatnonzero(fraction.max(axis=1) > 0)
    palette = colors_of(names, EVENT_COLORS)
    for row, k in enumerate(seen):
        top = float(fraction[k].max())
        base = len(seen) - 1 - row
        ax.stairs(
            base + 0.85 * fraction[k] / top, ends, baseline=base, fill=True, color=palette[k],
        )  # fmt: skip
        ax.axhline(base, color=GREY, lw=0.6)
        high = f"{100 * top:.0f}%" if top >= 0.1 else f"{100 * top:.2g}%"
        ax.text(
            1.01, base + 0.85, high, transform=ax.get_yaxis_transform(), fontsize="small", va="top",
        )  # fmt: skip
    ax.set_xlim(ends[0], ends[-1])
    ax.set_ylim(0, len(seen))
    middles = len(seen) - 1 - np.arange(len(seen)) + 0.42
    ax.set_yticks(middles, [plain(names[k]) for k in seen])
    ax.tick_params(axis="y", length=0)


def robustness(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Share of every event under other settings, from `OnsagerDecomposition.robustness`.

    The band is the interval of the run itself; a symbol outside it shows a share whose dependence
    on the setting exceeds its statistical error.

    Parameters
    ----------
    table : pandas.DataFrame
        From `OnsagerDecomposition.robustness`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For any other table.
    """
    is_known = "share" in getattr(table, "columns", ()) and "window_ps" in table.attrs
    check_table(table, is_known, "the one that run.robustness(...) returns, with its attrs")
    rows = [(str(s), str(v), str(e)) for s, v, e in table.index]
    choices = list(dict.fromkeys(row[:2] for row in rows))
    ax = new_axes(ax, (max(5.0, 1.6 + 0.6 * len(choices)), 4.2))
    share = table["share"].to_numpy()
    shown = {row[2] for row, x in zip(rows, share, strict=True) if abs(x) > 0.005}
    place = np.arange(len(choices))
    for event, color in event_colors(row[2] for row in rows).items():
        if event not in shown:
            continue
        one = table[[row[2] == event for row in rows]]
        first = one.iloc[0]
        if np.isfinite(first["low"]):
            ax.axhspan(first["low"], first["high"], color=color, alpha=0.15, lw=0, zorder=0)
        ax.errorbar(
            place, one["share"], yerr=reach(one["share"], one["low"], one["high"]), fmt="o", ms=5,
            lw=1, capsize=2, color=color, label=plain(event),
        )  # fmt: skip
    for k in range(1, len(choices)):
        if choices[k][0] != choices[k - 1][0]:
            ax.axvline(k - 0.5, color=GREY, lw=0.8)
    labels = [f"{plain(a)}\n{plain(b)}" if b else plain(a) for a, b in choices]
    ax.set_xticks(place, labels, rotation=45, ha="right", fontsize="small")
    ax.axhline(0, color=GREY, lw=0.8)
    name = plain(table.attrs["species"])
    percent_axis(ax.yaxis, f"share of L({name}, {name})")
    headline(
        ax,
        f"Shares of {name} transport with other settings",
        f"windows of {table.attrs['window_ps']:g} ps; bands: interval of the run",
    )
    legend_beside(ax)
    return ax
