"""Figure of the share of hops in strings against the time that links them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..results.colors import BLACK, EVENT_COLORS
from .style import GREY, check_table, new_axes, plain, reach_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def hop_strings(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Share of hops that follow one another through the same site, with both nulls.

    Only a rise above both nulls is evidence that one hop causes the next; the times at which it
    happens are those that lie between them. Bands are intervals; tau = 0, the same frame, is not
    on the logarithmic axis.

    Parameters
    ----------
    table : pandas.DataFrame
        From `OnsagerDecomposition.hop_strings`.
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
    is_known = "circular" in getattr(table, "columns", ()) and "hops" in table.attrs
    check_table(table, is_known, "one of run.hop_strings(), with its attrs")
    ax = new_axes(ax, (7.0, 4.0))
    shown = table[table.index > 0]
    lines = {
        "share": ("in strings", EVENT_COLORS["multi_ion_hop"], "o-"),
        "exclusion": ("the same in an exclusion gas", BLACK, "s--"),
        "circular": ("the same by chance, records shifted", GREY, "v--"),
    }
    for name, (label, color, style) in lines.items():
        if not np.isfinite(shown[name]).any():
            continue
        ax.errorbar(
            shown.index, shown[name], yerr=np.nan_to_num(reach_of(shown, name)), fmt=style, ms=4,
            lw=1.2, capsize=2, color=color, label=label,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("longest time between hops through one site, tau (ps)")
    ax.set_ylabel(f"share of the hops of {plain(table.attrs['species'])}")
    ax.legend(frameon=False, fontsize="small")
    return ax
