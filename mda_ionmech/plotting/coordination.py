"""Figure of coordination numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..results.results import Results
from .style import check_results, headline, legend_beside, new_axes, percent_axis, plain, reach

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe and Ito; ligand types are no events and have colours of their own.
COLORS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2")


def coordination(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """How often carriers have how many ligand atoms of each type in their shells.

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
        For a species without shells of ligands, and a result without states.
    """
    check_results(results)
    table = results.coordination(species=species)
    rows = table.reset_index()
    mean, name, types = (table.attrs[key] for key in ("mean", "species", "types"))
    ax = new_axes(ax, (6.5, 3.8))
    width = 0.8 / len(types)
    for k, kind in enumerate(types):
        one = rows[(rows["ligands"] == kind) & (rows["counted"] == "atoms")]
        x = one["number"].to_numpy() + (k - (len(types) - 1) / 2) * width
        ax.bar(
            x, one["fraction"], width, yerr=reach(one["fraction"], one["low"], one["high"]),
            color=COLORS[k % len(COLORS)], error_kw={"lw": 1}, capsize=2,
            label=f"{plain(kind)}: {mean[kind, 'atoms'][0]:.2f}",
        )  # fmt: skip
    shown = rows.loc[rows["ligands"].isin(types), "number"]
    ax.set_xticks(np.arange(shown.min(), shown.max() + 1))
    ax.set_xlabel("ligand atoms in the shell")
    percent_axis(ax.yaxis, f"fraction of {plain(name)}")
    legend_beside(ax)
    headline(
        ax, f"Coordination of {plain(name)}",
        f"beside the ligands: mean number; {table.attrs['level']:.0%} intervals",
    )  # fmt: skip
    return ax
