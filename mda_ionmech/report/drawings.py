"""The figures of `mda_ionmech.plotting` inside the page, each with what it shows in words."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .. import plotting
from .elements import Element, Figure, Heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .reading import Reading

#: Drawn once, whatever the species.
_OF_ALL = ("onsager",)
#: Shown beside the first numbers of the page.
FIRST = "contributions"


def data_uri(ax: Axes) -> str:
    """The figure of an Axes as SVG in a URI; the same figure gives the same text."""
    import matplotlib as mpl

    figure: Any = ax.get_figure(root=True)
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "ionmech"}):
        figure.savefig(buffer, format="svg", dpi=200, metadata={"Date": None})
    plotting.close(ax)
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def captions(at: Reading, species: str) -> dict[str, tuple[str, str]]:
    """Of each figure: what is seen, in a few words, and its caption."""
    level, window = at.level, f"{at.window:g} ps"
    bars = f"{level} intervals"
    few = "windows with fewer than ten blocks, whose intervals are rough guesses"
    return {
        "contributions": (
            f"stacked bars of the events of {species} against the length of the window",
            f"What each event carried of the Onsager coefficient L({species}, {species}), in "
            f"1/(J m s), in windows of each length. Bars are stacked and sum to the dots, the "
            f"whole with its {bars}; what lies below zero is motion against the others. Hatched: "
            f"{few}.",
        ),
        "shares": (
            f"share of every event of {species} against the window on a logarithmic axis",
            f"The same as shares of L({species}, {species}), which sum to one in every window; "
            f"bars are {bars}. Open symbols: {few}. A share belongs to its window, in which the "
            "label is read.",
        ),
        "effectiveness": (
            f"frequency of every event of {species} against its effectiveness, both logarithmic",
            f"How often each event happens, per ion and ns, against what one carrier with its "
            f"label achieves, in Å², in windows of {window}. What an event carries is proportional "
            "to the product: it is equal along each dotted line. No intervals are drawn; they are "
            "in the table of events. Open: events that carry negatively.",
        ),
        "event-matrix": (
            f"matrix of cross terms between the events of {species}",
            f"Which events move together: the part of L({species}, {species}) that is correlated "
            f"motion of ions with the label of the row and ions with that of the column, in "
            f"windows of {window}. A row sums to the share of its event.",
        ),
        "onsager": (
            "Onsager coefficients of all species against the window on a logarithmic axis",
            f"Onsager coefficients in 1/(J m s) of every pair of species with {bars} (circles), "
            "their self parts, what independent ions would carry (squares), and the slope of "
            "L times window between neighbouring windows (dotted), free of what vibration and "
            "caging add to short windows. A level line says that the motion is diffusive.",
        ),
        "timeline": (
            f"the event of every carrier of {species} over time, by colour",
            f"The event of every single carrier of {species} (rows) over time, for the first "
            "500 windows of the length that the file keeps labels of.",
        ),
        "view-curves": (
            f"share of the events of {species} against the horizon",
            f"Slope view: shares of the events in the growth of L({species}, {species}) against "
            "the horizon, over which displacements are correlated; labels are read over the "
            f"resolution that the legend gives. Bars are {bars}.",
        ),
        "view-map": (
            f"heat map of the share of one event of {species} over resolution and horizon",
            "Slope view: share of one event over the plane of resolution (how long a label is "
            "read) and horizon (how long displacements are correlated). Along a row the label "
            "means the same. Framed: the place recommended above, where there is one.",
        ),
        "concertedness": (
            f"share of linked hops of {species} against the window beside two nulls",
            f"Share of the hops of {species} that are linked to hops of other ions, with {bars}, "
            "beside what chance gives (records shifted in time) and what an exclusion gas with "
            "as many hops gives: only an excess over both is evidence of concerted motion.",
        ),
        "populations": (
            f"bars of the fraction of {species} in each macrostate",
            f"Mean fraction of {species} in each macrostate; bars are {bars}.",
        ),
        "transitions": (
            f"matrix of macrostates of {species} at the start and the end of a window",
            f"What carriers that begin a window in the macrostate of the row and end it in that of "
            f"the column carried, over L({species}, {species}), in windows of {window}. At "
            "equilibrium the matrix is symmetric within its noise.",
        ),
    }


def drawn(at: Reading, species: str, names: tuple[str, ...] | None = None) -> Iterator[Figure]:
    """Figures of a species, all or those named, in the order of `plotting.figures`."""
    said = captions(at, species)
    for name, draw in plotting.figures(at.results, at.window, species=species).items():
        if names is None or name in names:
            alt, caption = said[name]
            yield Figure(data_uri(draw()), alt, caption)


def all_figures(at: Reading) -> Iterator[Element]:
    """Every figure that the first section does not show, species by species."""
    yield from drawn(at, at.species[0], _OF_ALL)
    every = tuple(n for n in captions(at, "") if n not in (*_OF_ALL, FIRST))
    for name in dict.fromkeys([*at.ruled, *at.with_macrostates]):
        wanted = every if name in at.ruled else ("populations", "transitions")
        found = list(drawn(at, name, wanted))
        if found:
            yield Heading(name)
            yield from found
