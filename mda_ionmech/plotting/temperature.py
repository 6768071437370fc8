"""Arrhenius figure of the total and of every event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import shown
from ..lib.errors import InputError
from ..results.arrhenius import Arrhenius
from ..results.colors import BLACK, event_colors
from ..results.ends import with_ends
from .style import legend_beside, new_axes, plain

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


def arrhenius(fits: Arrhenius, ax: Axes | None = None) -> Axes:
    """Absolute L T of the total and of every event against 1000 / T, with fits and intervals.

    The curve is the law that the data support, if it was fitted, and the straight line otherwise;
    the legend names a law other than the straight line, and says "bent" where the line is excluded
    but no law was found. Open symbols and dashed lines: negative contributions. Events without a
    fit have symbols alone, and are omitted where they are far below the rest.

    Parameters
    ----------
    fits : Arrhenius
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For anything but the result of `mda_ionmech.arrhenius`.
    """
    if not isinstance(fits, Arrhenius):
        raise InputError(
            f"fits must be what mda_ionmech.arrhenius(results) returns, got {shown(fits)}"
        )
    ax = new_axes(ax, (7.5, 4.6))
    data, name = fits.data, str(fits.data.attrs["species"])
    mine = (data["quantity"].values == "onsager") & (data["species"].values == name)
    rows = data.isel(row=np.flatnonzero(mine))
    names = [str(e) for e in rows["event"].values]
    colors = event_colors(e for e in names if e != "total") | {"total": BLACK}
    x, along = 1000 / data["temperature"].values, 1000 / data["curve_temperature"].values
    for k, event in enumerate(names):
        one, color = rows.isel(row=k), colors[event]
        value = one["value"].values
        low, high = (one[f"value_{end}"].values for end in ("low", "high"))
        size = np.abs(value)
        # an interval that includes 0 exceeds a logarithmic axis
        reach = np.abs([value - low, high - value])
        reach[:, value < 0] = reach[::-1, value < 0]
        reach[0] = np.minimum(reach[0], 0.999 * size)
        label = f"{plain(event)}: no energy"
        if int(one["sign"]):
            law, text = _law_of(one)
            label = f"{plain(event)}: {text}"
            style = "-" if int(one["sign"]) > 0 else "--"
            ax.plot(along, np.abs(one[f"{law}curve"]), style, color=color, lw=1.2)
            band = (np.abs(one[f"{law}curve_{end}"].values) for end in ("low", "high"))
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
        # events without a fit may be smaller by many powers of ten
        ax.set_ylim(sizes.min() / 5, sizes.max() * 3)
    ax.set_xlabel("1000 / T (1/K)")
    ax.set_ylabel(rf"$|L\,T|$ of {plain(name)} (K J$^{{-1}}$ m$^{{-1}}$ s$^{{-1}}$)")
    kelvin = ax.secondary_xaxis("top", functions=(_reciprocal, _reciprocal))
    kelvin.set_xticks(data["temperature"].values, [f"{t:g} K" for t in data["temperature"].values])
    kelvin.tick_params(labelsize="small")
    ax.set_title(
        f"Activation of {plain(name)} transport: {plain(data.attrs['view_description'])}, "
        f"{data.attrs['level']:.0%} intervals",
        loc="left",
        fontsize="small",
    )
    legend_beside(ax)
    return ax


def _reciprocal(x: Any) -> Any:
    """1000 / x, from T to 1000 / T and back."""
    with np.errstate(divide="ignore"):
        return np.asarray(1000 / np.asarray(x, dtype=float))


def _law_of(row: xr.Dataset) -> tuple[str, str]:
    """Prefix of the variables of the law that is drawn, and its numbers for the legend."""
    law = str(row["law"].values)
    if law in ("vtf", "segments") and f"{law}_asked" in row and bool(row[f"{law}_asked"]):
        if law == "vtf":
            t0, least, most = with_ends(row, "vtf_t0")
            return "vtf_", f"VTF, T0 {t0:.0f} ({least:.0f} to {most:.0f}) K"
        cold, hot, at = (
            float(row[f"segments_{k}"]) for k in ("energy_cold", "energy_hot", "t_break")
        )
        return "segments_", f"{cold:.3f} eV below {at:.0f} K, {hot:.3f} eV above"
    energy, least, most = with_ends(row, "energy")
    bent = " (bent)" if law in ("vtf", "segments", "bent", "none") else ""
    return "", f"{energy:.3f} ({least:.3f} to {most:.3f}) eV{bent}"
