"""Figure of g(r) of all ligand types, with the cutoffs of the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..results.results import Results
from .coordination import COLORS
from .style import check_results, headline, legend_beside, new_axes, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Standard deviation of the Gaussian that the line is smoothed with, Angstrom.
SMOOTHING = 0.06
#: Largest number of ligand atoms on the second axis.
MOST = 12


def radial_distribution(
    results: Results, ax: Axes | None = None, *, species: str | None = None
) -> Axes:
    """g(r) of the ligand atoms of each type around the carriers, with the cutoffs of the shell.

    Smoothed with a Gaussian of 0.06 Angstrom, the values themselves pale behind; dashed: mean
    number of ligand atoms within a distance. Vertical lines: a contact forms below the solid one
    and breaks beyond the dotted one.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    species : str, optional
        Default: the first species with shells.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For a species without shells of ligands, and a result of an earlier version.
    """
    check_results(results)
    table = results.radial_distribution(species=species)
    radii, frames, name = (table.attrs[key] for key in ("radii", "frames", "species"))
    ax = new_axes(ax, (7.0, 3.8))
    number = ax.twinx()
    lines = []
    for k, (kind, n_frames) in enumerate(frames.items()):
        one, color = table.loc[kind], COLORS[k % len(COLORS)]
        r, g = one.index.to_numpy(), one["g"].to_numpy()
        smooth = gaussian_filter1d(g, SMOOTHING / float(r[1] - r[0]), mode="nearest")
        ax.plot(r, g, color=color, lw=0.8, alpha=0.35)
        label = f"{plain(kind)}, {n_frames} frames"
        if kind in radii:
            inner, outer = radii[kind]
            within = float(np.interp(inner, r + float(r[1] - r[0]) / 2, one["number_within"]))
            label += f":\n{within:.2f} atoms within {inner:.2f} Å"
            ax.axvline(inner, color=color, lw=1)
            if outer > inner:
                ax.axvline(outer, color=color, lw=1, ls=":")
        lines += ax.plot(r, smooth, color=color, lw=1.5, label=label)
        number.plot(r, one["number_within"], color=color, lw=1, ls="--")
    ax.set_xlabel(r"distance ($\mathrm{\AA}$)")
    ax.set_ylabel("g(r)")
    ax.set_xlim(0, table.index.get_level_values("r").max())
    ax.set_ylim(bottom=0)
    number.set_ylim(0, MOST)
    number.set_ylabel("ligand atoms within r (dashed)")
    number.spines["top"].set_visible(False)
    legend_beside(ax, lines, place=1.14)  # beyond the label of the axis on the right
    headline(
        ax, f"g(r) around {plain(name)}",
        "vertical lines: a contact forms below the solid one and breaks beyond the dotted one",
    )  # fmt: skip
    return ax
