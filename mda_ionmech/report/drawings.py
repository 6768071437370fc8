"""The figures of `mda_ionmech.plotting` embedded in the page, with captions."""

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

#: Drawn once for all species.
_OF_ALL = ("onsager",)
#: Shown with the first numbers of the page.
FIRST = "contributions"


def data_uri(ax: Axes) -> str:
    """The figure of an Axes as an SVG data URI, reproducible byte for byte."""
    import matplotlib as mpl

    figure: Any = ax.get_figure(root=True)
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "ionmech"}):
        figure.savefig(buffer, format="svg", dpi=200, metadata={"Date": None})
    plotting.close(ax)
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def captions(at: Reading, species: str) -> dict[str, tuple[str, str]]:
    """Alternative text and caption of each figure."""
    level, window = at.level, f"{at.window:g} ps"
    bars = f"{level} intervals"
    few = "windows with fewer than ten blocks, whose intervals are rough estimates"
    return {
        "contributions": (
            f"stacked bars of the events of {species} against the length of the window",
            f"Contribution of each event to the Onsager coefficient L({species}, {species}), in "
            f"1/(J m s), in windows of each length. Bars are stacked and sum to the dots, the "
            f"total with its {bars}; negative contributions are motion against the rest. Hatched: "
            f"{few}. The bar named limit, where there is one, is the diffusive limit, with labels "
            "over the recommended resolution.",
        ),
        "shares": (
            f"share of every event of {species} against the window on a logarithmic axis",
            f"The same as shares of L({species}, {species}), which sum to one in every window; "
            f"bars are {bars}. Open symbols: {few}. Shares depend on the window, over which the "
            "label is read.",
        ),
        "effectiveness": (
            f"frequency of every event of {species} against its effectiveness, both logarithmic",
            f"Frequency of each event, per ion and ns, against its effectiveness, the mean "
            f"contribution per event, in Å², in windows of {window}. The contribution of an event "
            "is proportional to the product and equal along each dotted line. Intervals are in the "
            "table of events. Open symbols: negative contributions.",
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
            "their self parts, the value for uncorrelated ions (squares), and the slope of "
            "L times window between neighbouring windows (dotted), without the contribution of "
            "vibration and caging to short windows. A horizontal line means diffusive motion.",
        ),
        "timeline": (
            f"the event of every carrier of {species} over time, by colour",
            f"The event of every single carrier of {species} (rows) over time, for the first "
            "500 windows of the length whose labels are in the file.",
        ),
        "view-curves": (
            f"share of the events of {species} against the horizon",
            f"Slope view: shares of the events in the increase of L({species}, {species}) T with "
            "the horizon T, over which displacements are correlated; labels are read over the "
            f"resolution given in the legend. Bars are {bars}.",
        ),
        "view-map": (
            f"heat map of the share of one event of {species} over resolution and horizon",
            "Slope view: share of one event over the plane of resolution (time over which a label "
            "is read) and horizon (time over which displacements are correlated). Along a row the "
            "resolution is constant. Framed: the combination recommended above, if any.",
        ),
        "running": (
            f"coefficient and shares of {species} against the part of the trajectory used",
            "Convergence of the diffusive limit: from the first part of the trajectory (filled), "
            f"from the last (open). Black: L({species}, {species}) over its value for the whole, "
            f"with {bars}; colours: shares of the events. Both directions agree where the "
            "trajectory is long enough.",
        ),
        "concertedness": (
            f"fraction of linked hops of {species} against the window, with two nulls",
            f"Fraction of the hops of {species} linked to hops of other ions, with {bars}, "
            "compared with chance (records shifted in time) and with an exclusion gas with as many "
            "hops: only an excess over both is evidence of concerted motion.",
        ),
        "populations": (
            f"bars of the fraction of {species} in each macrostate",
            f"Mean fraction of {species} in each macrostate; bars are {bars}.",
        ),
        "transitions": (
            f"matrix of macrostates of {species} at the start and the end of a window",
            f"Contribution of carriers that begin a window in the macrostate of the row and end it "
            f"in that of the column, over L({species}, {species}), in windows of {window}. At "
            "equilibrium the matrix is symmetric within its statistical error.",
        ),
    }


def drawn(at: Reading, species: str, names: tuple[str, ...] | None = None) -> Iterator[Figure]:
    """Figures of a species, all or the named ones, in the order of `plotting.figures`."""
    said = captions(at, species)
    for name, draw in plotting.figures(at.results, at.window, species=species).items():
        if names is None or name in names:
            alt, caption = said[name]
            yield Figure(data_uri(draw()), alt, caption)


def all_figures(at: Reading) -> Iterator[Element]:
    """All figures that are not in the first section, species by species."""
    yield from drawn(at, at.species[0], _OF_ALL)
    every = tuple(n for n in captions(at, "") if n not in (*_OF_ALL, FIRST))
    for name in dict.fromkeys([*at.ruled, *at.with_macrostates]):
        wanted = every if name in at.ruled else ("populations", "transitions")
        found = list(drawn(at, name, wanted))
        if found:
            yield Heading(name)
            yield from found
