"""Figure of the network of hop channels of a crystal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lib.number_text import three_digits
from ..results.hop_network import Rate, colors_of_channels, edges_of, network, reach
from ..results.results import Results
from .style import GREY, check_results, headline, legend_beside, new_axes, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def hop_channels(results: Results, ax: Axes | None = None, *, species: str | None = None) -> Axes:
    """Network of site labels and the channels of hops between them, with their rates.

    Circles are site labels, with their mean occupancy and number of sites; lines are channels, one
    for each distance, thicker by equal steps for each power of ten in the number of hops. The
    legend has the rates per ion on a site with the first label, and back. At most twelve channels
    are drawn, the most frequent one of each pair of labels first; `Results.hop_channels` has all.

    Parameters
    ----------
    results : Results
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    species : str, optional
        Default: the first with hops.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        For a species without hops between given sites, and a result that holds no channels.
    """
    check_results(results)
    table = results.hop_channels(species=species)
    nodes, curves = network(table)
    edges = edges_of(table)
    colors = colors_of_channels(edges)
    ax = new_axes(ax, (8.5, max(3.6, 1.0 + 0.42 * len(curves))))
    for one in curves:
        edge = one.edge
        rates = [_with_ends(edge.forward)]
        rates += [_with_ends(edge.backward)] if edge.start != edge.end else []
        label = f"{plain(edge.name)}\n{', back '.join(rates)} /ns"
        ax.plot(one.x, one.y, color=colors[edge.name], lw=one.thickness, label=label, zorder=1)
        ax.text(
            *one.middle, f"{edge.distance:.2f}", ha="center", va="center", fontsize="small",
            bbox={"boxstyle": "square,pad=0.15", "fc": "white", "lw": 0}, zorder=1.5,
        )  # fmt: skip
    for node in nodes:
        ax.plot(node.x, node.y, "o", ms=40, mfc="white", mec=GREY, mew=1.5, zorder=2)
        ax.text(
            node.x, node.y, f"{plain(node.label)}\n{node.occupancy:.0%} of {node.sites}",
            ha="center", va="center", fontsize="x-small", zorder=3,
        )  # fmt: skip
    width, height = reach(nodes, curves)
    ax.set_xlim(-width, width)
    ax.set_ylim(-height, height)
    ax.set_axis_off()
    left_out = len(edges) - len(curves)
    shown = f", {len(curves)} of {len(edges)} channels" if left_out else ""
    headline(
        ax, f"Hops of {plain(table.attrs['species'])} between sites{shown}",
        f"distances in Å; rates with {table.attrs['level']:.0%} intervals",
    )  # fmt: skip
    legend_beside(ax)
    return ax


def _with_ends(rate: Rate) -> str:
    """A rate with its interval in brackets."""
    value, low, high = map(three_digits, rate[:3])
    return f"{value} ({low} to {high})"
