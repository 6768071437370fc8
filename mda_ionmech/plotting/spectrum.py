"""Figure of the transport carried by displacements of each length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..results.colors import event_colors
from .style import GREY, check_table, headline, legend_beside, new_axes, plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def displacement_spectrum(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Share of the Onsager coefficient against the length of the displacement, by event.

    The areas of all events sum to 1. The line is the distribution of the displacements themselves,
    whatever they carry.

    Parameters
    ----------
    table : pandas.DataFrame
        From `OnsagerDecomposition.displacement_spectrum` or `Results.displacement_spectrum`.
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
    is_known = list(getattr(getattr(table, "index", None), "names", ())) == ["event", "from", "to"]
    what = "the one that displacement_spectrum() of a run, or of its results, returns"
    check_table(table, is_known, what)
    edges = np.unique(np.concatenate([table.index.get_level_values(k) for k in ("from", "to")]))
    width = np.diff(edges)
    above, below, counted = np.zeros(len(width)), np.zeros(len(width)), np.zeros(len(width))
    ax = new_axes(ax, (6.5, 4.0))
    for event, color in event_colors(table.index.get_level_values("event")).items():
        part = table.loc[event]
        place = np.searchsorted(edges, part.index.get_level_values("from"))
        height = np.zeros(len(width))
        height[place] = part["share"] / width[place]
        counted[place] += part["count"]
        base = np.where(height >= 0, above, below)
        share = part["share"].sum()
        ax.bar(
            edges[:-1], height, width, bottom=base, align="edge", color=color, lw=0,
            label=f"{plain(event)}, {share:.0%}",
        )  # fmt: skip
        above, below = above + np.maximum(height, 0), below + np.minimum(height, 0)
    ax.stairs(counted / counted.sum() / width, edges, color="black", label="all displacements")
    ax.axhline(0, color=GREY, lw=0.8)
    ax.set_xlabel(f"displacement in {table.attrs['window_ps']:g} ps (Å)")
    ax.set_ylabel(f"share of the transport of {plain(table.attrs['species'])} (1/Å)")
    ax.set_xlim(0, edges[-1])
    headline(ax, f"Displacements that carry {plain(table.attrs['species'])} transport")
    legend_beside(ax)
    return ax
