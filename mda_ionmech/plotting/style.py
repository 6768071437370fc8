"""Shared elements of figures: axes, colours, marks of windows with few blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.number_text import with_interval
from ..lib.plain_text import printable
from ..results.colors import BLACK, event_colors
from ..results.ends import ENDS
from ..results.results import Results
from .journal import broken, is_narrow, size_here

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


GREY = "#7F7F7F"
#: Of the lines below a title.
SOFT = "#4D4D4D"
#: Lines that exponents add to the height of one.
RAISED = 0.25
#: Letters of an entry of a legend of two columns, in a figure of one column.
WIDEST = 30
#: Columns of the table of linked hops.
_LINKED = {
    "multi_fraction": "linked hops", "multi_fraction_circular": "by chance",
    "multi_fraction_exclusion": "exclusion gas",
}  # fmt: skip


def check_table(table: Any, is_known: bool, wanted: str) -> None:
    """Refuse anything but the table that a figure is drawn from."""
    if not is_known:
        raise InputError(f"table must be {wanted}, got {type(table).__name__}")


def new_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The given Axes, or those of a new figure, shown by notebooks and plt.show().

    Raises
    ------
    InputError
        For what is no Axes, such as a figure or the array that ``plt.subplots(2)`` returns.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=size_here(size), layout="constrained")
    check_axes(ax)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def check_axes(ax: Any) -> None:
    """Refuse what is no Axes of matplotlib."""
    from matplotlib.axes import Axes

    if isinstance(ax, Axes):
        return
    raise InputError(
        f"ax must be one Axes of matplotlib, got {type(ax).__name__}; give one, e.g. that of "
        "fig, ax = plt.subplots(), an element of the array for several, or leave it out"
    )


def check_results(results: Any) -> None:
    """Refuse what is no result of a run."""
    if isinstance(results, Results):
        return
    inside = isinstance(getattr(results, "results", None), Results)
    remedy = "its .results" if inside else "run.results, or mda_ionmech.load(path)"
    raise InputError(f"results must be the Results of a run, got {shown(results)}; give {remedy}")


def plain(name: object) -> str:
    """A name for a figure, shown as it is: no formula, and no label that a legend leaves out."""
    text = printable(str(name)).replace("$", r"\$")
    return f"\N{HAIR SPACE}{text}" if text.startswith("_") else text


def own_part(results: Results, species: str | None) -> tuple[str, xr.Dataset]:
    """Name of a species, and the decomposition of its coefficient with itself."""
    check_results(results)
    name = results._species(species)
    return name, results.decomposition.sel(species=name, species_2=name)


def events_of(data: xr.Dataset) -> dict[str, str]:
    """Events that occur in any window, with their colours; all where none does."""
    frequency = data["event_frequency"].transpose("event", "window").values
    has = np.isfinite(frequency).any(axis=1)
    occurs = has & (np.nan_to_num(frequency) > 0).any(axis=1)
    names = [*map(str, data["event"].values)]
    colors = event_colors(compress(names, has))
    return {name: colors[name] for name in compress(names, occurs if occurs.any() else has)}


def few_blocks(data: xr.Dataset) -> np.ndarray:
    """Whether each window has fewer than ten blocks, shape (windows,)."""
    return np.asarray(data["blocks"].values < 10)


def hatch(bars: Any, few: np.ndarray) -> None:
    """Hatch the bars of windows with few blocks."""
    for bar, marked in zip(bars, few, strict=True):
        if marked:
            bar.set(hatch="///", edgecolor="white", linewidth=0)


def reach(value: Any, low: Any, high: Any) -> np.ndarray:
    """Distances from values to the ends of their intervals, shape (2, values); NaN without one."""
    value, low, high = map(np.asarray, (value, low, high))
    return np.maximum([value - low, high - value], 0)


def reach_of(data: Any, name: str) -> np.ndarray:
    """Distances from the values of a variable to the ends of their intervals."""
    return reach(*(data[name + end] for end in ENDS))


def window_axis(ax: Axes, windows: np.ndarray) -> np.ndarray:
    """Evenly spaced places for the windows on the x axis, with their lengths in ps as labels."""
    place = np.arange(len(windows))
    ax.set_xticks(place, [f"{w:g}" for w in windows], rotation=45 if len(windows) > 12 else 0)
    ax.set_xlabel("window (ps)")
    return place


def log_times(ax: Axes, times: np.ndarray, label: str = "window (ps)") -> None:
    """A logarithmic axis of times in ps, and a text where nothing is drawn against them."""
    ax.set_xlabel(label)
    ax.set_xscale("log")
    plain_logarithms(ax.xaxis)
    if not np.isfinite(ax.dataLim.minposx):
        ax.set_xlim(float(np.min(times)) / 1.5, float(np.max(times)) * 1.5)
        text = "undefined: the Onsager coefficient is\nzero within round-off or its interval"
        ax.text(
            0.5, 0.55, text, transform=ax.transAxes, ha="center", color=GREY, fontsize="small",
        )  # fmt: skip


def power_of_ten(values: np.ndarray) -> tuple[float, str]:
    """A power of ten to divide by, and its text."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    exponent = int(np.floor(np.log10(largest))) if largest > 0 else 0
    return 10.0**exponent, f"$10^{{{exponent}}}$ J$^{{-1}}$ m$^{{-1}}$ s$^{{-1}}$"


def headline(ax: Axes, title: str, *lines: str, table: Sequence[Sequence[str]] = ()) -> None:
    """A title, smaller lines below it, and a small table below these, at the left.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    title : str
    *lines : str
    table : sequence of sequence of str
        Rows, each with as many cells: the head, and words and numbers below it.
    """
    import matplotlib as mpl

    shown = [piece for line in lines if line for piece in broken(line)]
    high = sum(RAISED for line in shown if "^{" in line)  # exponents make a line higher
    row = 1.05 * float(mpl.rcParams["font.size"])
    below = row * len(table)
    pad = 8 + row * (len(shown) + high) + below
    ax.set_title("\n".join(broken(title)), loc="left", fontsize="medium", pad=pad)
    if shown:
        ax.annotate(
            "\n".join(shown), (0, 1), xycoords="axes fraction", xytext=(0, 4 + below),
            textcoords="offset points", fontsize="small", color=SOFT, va="bottom",
        )  # fmt: skip
    if table:
        _small_table(ax, table, row)


def _small_table(ax: Axes, rows: Sequence[Sequence[str]], height: float) -> None:
    """A table without lines directly above the axes: words at the left, numbers at the right.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rows : sequence of sequence of str
    height : float
        Of a row, points.
    """
    from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea, VPacker

    style = {"fontsize": "small", "color": SOFT}
    columns: list[Any] = []
    for k, cells in enumerate(zip(*rows, strict=True)):
        areas: list[Any] = [TextArea(cell, textprops=style) for cell in cells]
        columns.append(VPacker(children=areas, align="right" if k else "left", pad=0, sep=1))
    whole = HPacker(
        children=columns, align="top", pad=0, sep=(0.6 if is_narrow() else 0.9) * height
    )
    box = AnnotationBbox(
        whole, (0, 1), xycoords="axes fraction", xybox=(0, 4), boxcoords="offset points",
        box_alignment=(0, 0), frameon=False, pad=0, annotation_clip=False,
    )  # fmt: skip
    box.set_in_layout(False)  # the title has the space, and axes keep their width
    ax.add_artist(box)


def legend_beside(ax: Axes, handles: Any = None, place: float = 1) -> None:
    """A legend to the right of the axes, or below those of one column, where it covers nothing."""
    handles = handles or ax.get_legend_handles_labels()[0]
    style: Any = {"handles": handles, "frameon": False, "fontsize": "small"}
    if is_narrow():
        lines = [line for one in handles for line in str(one.get_label()).split("\n")]
        columns = 1 if max(map(len, lines)) > WIDEST else 2
        ax.figure.legend(loc="outside lower left", ncols=columns, **style)
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(place, 1), **style)


def percent_axis(axis: Any, label: str) -> None:
    """An axis of fractions with ticks in percent."""
    axis.set_label_text(label)
    axis.set_major_formatter(lambda value, _: f"{round(100 * value, 6):g}%")


def plain_logarithms(*axes: Any) -> None:
    """Label logarithmic axes with numbers, also between powers of ten where there are few."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        """Numbers at 2 and 5 times powers of ten; within a decade where the library has some."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            axis: Any = self.axis
            low, high = sorted(axis.get_view_interval())
            if high <= 10 * low:
                return f"{x:g}" if super().__call__(x, pos) else ""
            is_shown = high <= 10**decades * low and f"{x:e}"[0] in "25"
            return f"{x:g}" if is_shown else ""

    decades = 1.2 if is_narrow() else 2.7  # of an axis with labels between powers of ten
    for axis in axes:
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(Plain(minor_thresholds=(decades, 0.4)))


def number_with_ends(value: float, low: float, high: float) -> str:
    """A number with its interval in brackets, as in tables."""
    return with_interval(value, low, high)


def caption(results: Results, data: xr.Dataset, name: str) -> str:
    """Frame of reference, level of the intervals, and the meaning of hatched bars."""
    text = f"{plain(results.settings['frame'])} frame, {data[name].attrs['level']:.0%} intervals"
    return text + (", hatched: fewer than ten blocks" if few_blocks(data).any() else "")


def heat_map_size(n: int) -> tuple[float, float]:
    """Size, inches, of the figure of a heat map with `n` rows and numbers in its cells."""
    side = max(n - 4, 0)
    return 4.8 + 0.7 * side, 4.0 + 0.6 * side


def heat_map(
    ax: Axes,
    values: np.ndarray,
    rows: list[str],
    columns: list[str],
    label: str,
    reach: np.ndarray | None = None,
) -> None:
    """Heat map of fractions, annotated in percent.

    Blue from zero on where none is negative, else from red to blue around zero.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : numpy.ndarray
        Shape (rows, columns); cells with NaN stay blank.
    rows, columns : list of str
    label : str
        Of the colour bar.
    reach : numpy.ndarray, optional
        Half widths of intervals, written below the values.
    """
    largest = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    signed = bool(np.nanmin(values, initial=0.0) < -0.005)
    image = ax.imshow(
        values, cmap="RdBu" if signed else "Blues", vmin=-largest if signed else 0, vmax=largest
    )
    for (i, j), value in np.ndenumerate(values):
        if not np.isfinite(value):
            continue
        strong = abs(value) > 0.6 * largest
        text = f"{100 * value:.0f}" if abs(value) >= 0.005 else "0"
        if reach is not None and np.isfinite(reach[i, j]) and text != "0":
            text += f"\n±{100 * reach[i, j]:.1f}"
        ax.text(
            j, i, text, ha="center", va="center", fontsize="small",
            color="white" if strong else BLACK,
        )  # fmt: skip
    ax.set_xticks(
        range(len(columns)), [*map(plain, columns)], rotation=30, ha="right", fontsize="small"
    )
    ax.set_yticks(range(len(rows)), [*map(plain, rows)], fontsize="small")
    ax.spines[:].set_visible(False)
    percent_axis(ax.figure.colorbar(image, ax=ax, shrink=0.85).ax.yaxis, label)


def nulls(results: Results, name: str, lengths: Iterable[float]) -> list[tuple[str, ...]]:
    """Table of the fractions of linked hops at up to three lengths, and in both nulls.

    Its rows are the head and one for each length; none where hops are not linked.
    """
    data = results.decomposition
    if "multi_fraction" not in data:
        return []
    one = data.sel(species=name)
    shown = [
        length for length in lengths
        if length in one["window"].values
        and np.isfinite(float(one["multi_fraction"].sel(window=length)))
    ][:3]  # fmt: skip
    if not shown:
        return []

    def row(length: float) -> tuple[str, ...]:
        values = [float(one[variable].sel(window=length)) for variable in _LINKED]
        return f"{length:g} ps", *(f"{100 * v:.0f}%" if np.isfinite(v) else "-" for v in values)

    return [("window", *_LINKED.values()), *map(row, shown)]
