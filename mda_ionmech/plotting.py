"""Figures of a result, each one call: ``ax=None`` in, Axes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .colors import BLACK, EVENT_COLORS, colors_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .results import Results


def contributions(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Contributions of the events to the Onsager coefficient against the window.

    Bars are stacked, negative contributions downwards; the dots are the whole with its interval.
    Bars of windows with fewer than ten blocks are hatched.

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
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7.0, 4.0), layout="constrained").subplots()
    name = results._species(species)
    data = results.decomposition.sel(species=name, species_2=name)
    windows = data["window"].values
    place = np.arange(len(windows))
    few = data["blocks"].values < 10
    exponent = int(np.floor(np.log10(np.nanmax(np.abs(data["onsager"].values)))))
    scale = 10.0**exponent
    events = [str(e) for e in data["event"].values if np.isfinite(data["share"].sel(event=e)).any()]
    events = events or [str(e) for e in data["event"].values]
    up, down = np.zeros(len(windows)), np.zeros(len(windows))
    for event, color in zip(events, colors_of(events, EVENT_COLORS), strict=True):
        part = data["event_onsager"].sel(event=event).values / scale
        base = np.where(part >= 0, up, down)
        bars = ax.bar(place, part, bottom=base, width=0.75, color=color, label=event, zorder=2)
        for bar, hatched in zip(bars, few, strict=True):
            if hatched:
                bar.set(hatch="///", edgecolor="white", linewidth=0)
        up += np.maximum(part, 0)
        down += np.minimum(part, 0)
    total = data["onsager"].values / scale
    low, high = (data[f"onsager_{end}"].values / scale for end in ("low", "high"))
    reach = np.nan_to_num(np.abs([total - low, high - total]))
    ax.errorbar(
        place,
        total,
        yerr=reach,
        fmt="o",
        color=BLACK,
        ms=4,
        capsize=3,
        lw=1,
        label="total",
        zorder=3,
    )
    if down.min() < 0:
        ax.axhline(0, color=BLACK, lw=0.8, zorder=3)
    ax.set_xticks(place, [f"{w:g}" for w in windows])
    ax.set_xlabel("window (ps)")
    level = data["onsager_low"].attrs["level"]
    ax.set_ylabel(
        f"Onsager coefficient of {name} ($10^{{{exponent}}}$ J$^{{-1}}$ m$^{{-1}}$ s$^{{-1}}$)"
    )
    ax.set_title(
        f"{results.settings['frame']} frame; {level:.0%} intervals"
        + ("; hatched: fewer than ten blocks" if few.any() else ""),
        fontsize="small",
    )
    ax.legend(frameon=False, fontsize="small", ncols=2)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def save(ax: Any, path: Any) -> None:
    """Write the figure of an Axes; the ending of `path` chooses the format."""
    from .results import write_atomically

    write_atomically(path, lambda name: ax.figure.savefig(name, dpi=160))
