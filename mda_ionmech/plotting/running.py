"""Figure of coefficient and shares against the length of trajectory used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..results.colors import BLACK, event_colors
from .style import GREY, check_results, headline, legend_beside, new_axes, percent_axis, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results.results import Results


def running(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Convergence of the diffusive view with the length of trajectory used.

    Filled symbols: from the start on; open symbols: from the end back. Black: the Onsager
    coefficient over that of the whole trajectory, with its error; colours: shares of the events.

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
        For a run without a diffusive view.
    """
    check_results(results)
    table = results.running_estimate(species=species)
    whole = table.attrs["total"]
    events = [e for e in table.columns[2:] if table[e].abs().max() > 0.005]
    ax = new_axes(ax, (7.0, 4.0))
    for direction, fill in (("forward", None), ("backward", "white")):
        part = table.loc[direction]
        at = part.index.to_numpy()
        style: dict[str, Any] = {"ms": 4, "lw": 1, "ls": "-" if fill is None else "--"}
        ax.errorbar(
            at, part["onsager"] / whole, yerr=part["error"] / abs(whole), fmt="o",
            color=BLACK, mfc=fill or BLACK, capsize=2,
            label=f"coefficient, {direction}", **style,
        )  # fmt: skip
        for event, color in event_colors(events).items():
            label = plain(event) if fill is None else None
            ax.plot(at, part[event], "o", color=color, mfc=fill or color, label=label, **style)
    ax.axhline(1, color=GREY, lw=0.8, zorder=0)
    ax.axhline(0, color=GREY, lw=0.8, zorder=0)
    ax.set_xlabel(f"part of the trajectory ({table.attrs['length_ns']:.3g} ns)")
    percent_axis(ax.yaxis, "share; coefficient over its last value")
    name = plain(table.attrs["species"])
    headline(
        ax,
        f"Convergence of {name} transport with the length of trajectory",
        f"diffusive limit, labels over {table.attrs['resolution_ps']:g} ps, "
        f"{table.attrs['level']:.0%} intervals; open: from the end back",
    )
    legend_beside(ax)
    return ax
