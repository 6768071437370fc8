"""Figure of g(r) with the radii of the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..lib.checks import positive, shown
from ..lib.errors import InputError
from ..microstates import RadialDistribution
from ..results.colors import BLACK
from .style import GREY, legend_beside, new_axes, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def rdf(
    distribution: RadialDistribution,
    ax: Axes | None = None,
    *,
    inner: float | None = None,
    outer: float | None = None,
) -> Axes:
    """g(r) of carriers and one ligand type, with the radii of the shell.

    Triangles mark the first peak and the first minimum of g(r), where they are clear, and a bar a
    flat minimum; the dashed line is the mean number of ligand atoms within a distance.

    Parameters
    ----------
    distribution : RadialDistribution
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    inner, outer : float, optional
        Radii at which a contact begins and ends, Angstrom.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For anything but a `RadialDistribution`, radii that are not positive, or an outer radius
        without a shorter inner one.
    """
    if not isinstance(distribution, RadialDistribution):
        raise InputError(
            "distribution must be one of those that measure_shells() returns, or of the "
            f"distributions of a detector, got {shown(distribution)}"
        )
    inner, outer = (
        None if value is None else positive(argument, value, "Angstrom", "give a radius, e.g. 3.2")
        for argument, value in (("inner", inner), ("outer", outer))
    )
    if outer is not None and (inner is None or outer < inner):
        raise InputError(
            f"outer={outer:g} Å is where a contact ends, and inner={inner} Å where it begins; give "
            "inner=... at most as long, or leave outer out"
        )
    ax = new_axes(ax, (7.4, 3.8))
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
    places = distribution.peaks()
    if places is not None:
        line += [
            ax.plot(
                at, np.interp(at, r, distribution.smoothed()), marker, color="#D55E00", ls="",
                ms=6, clip_on=False, zorder=5, label=f"first {what} {at:.2f} Å",
            )[0]
            for what, at, marker in (
                ("peak", places[0], "v"),
                ("minimum", distribution.first_minimum(), "^"),
            )
        ]  # fmt: skip
    if flat := distribution.flat_minimum():
        level = float(np.interp(np.mean(flat), r, distribution.smoothed()))
        label = f"flat minimum {flat[0]:.1f} to {flat[1]:.1f} Å"
        line += ax.plot(
            flat, [level, level], color="#D55E00", lw=4, alpha=0.4, solid_capstyle="butt",
            label=label,
        )  # fmt: skip
    if inner is not None:
        label = f"cutoff {inner:g} Å" if outer in (None, inner) else f"begins below {inner:g} Å"
        line.append(ax.axvline(inner, color=BLACK, lw=1, label=label))
    if outer is not None and inner is not None and outer > inner:
        ax.axvspan(inner, outer, color=GREY, alpha=0.25, lw=0)
        line.append(ax.axvline(outer, color=BLACK, lw=1, ls=":", label=f"ends beyond {outer:g} Å"))
    legend_beside(ax, line, place=1.14)  # beyond the label of the axis on the right
    ax.set_title(f"{plain(distribution.kind)}, {distribution.n_frames} frames", fontsize="small")
    return ax
