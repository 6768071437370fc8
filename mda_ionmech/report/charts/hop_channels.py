"""Figures of hop channels: the network of site labels, and rates against temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...results.hop_network import Curve, Node, reach
from ..elements import Chart, Data, Key
from .style import (
    GREY,
    INK,
    Spec,
    color,
    faded,
    figure,
    fitted_lines,
    inverse_temperature,
    lines,
    log_axis,
    shown_only,
    span,
    tip,
)

if TYPE_CHECKING:
    from ..reading import Reading


def hop_network(
    at: Reading,
    species: str,
    sources: tuple[Data, Data, Data, Data],
    keys: list[Key],
    nodes: list[Node],
    curves: list[Curve],
    n_channels: int,
) -> Chart:
    """Circles for site labels, and lines for channels.

    Parameters
    ----------
    at : Reading
    species : str
    sources : tuple of Data
        All channels; and of those that are drawn their lines, distances and sites.
    keys : list of Key
        Of the channels that are drawn.
    nodes : list of Node
    curves : list of Curve
    n_channels : int
        Of all channels.
    """
    source, curved, words, circles = sources
    width, height = reach(nodes, curves)
    x: Spec = {"field": "x", "type": "quantitative", "axis": None,
               "scale": {"domain": [-width, width], "nice": False}}  # fmt: skip
    y: Spec = {"field": "y", "type": "quantitative", "axis": None,
               "scale": {"domain": [-height, height], "nice": False}}  # fmt: skip
    place: Spec = {"x": x, "y": y}
    of_channel = tip(("channel", "channel"), ("flux", "hops per ion and ns", ".3~g"),
                     ("rate", "rate, 1/ns", ".4~g"), ("interval", f"{at.level} interval"),
                     ("back", "back, 1/ns", ".4~g"), ("back_interval", "interval"))  # fmt: skip
    of_site = tip(("label", "site label"), ("occupancy", "ions per site", ".3~g"),
                  ("sites", "sites", "d"))  # fmt: skip
    ends = [span("rate_low", "rate_high"), span("back_low", "back_high") | {"as": "back_interval"}]
    ends[1]["calculate"] = ends[1]["calculate"].replace("'not known'", "'-'")
    text = {"type": "text", "tooltip": None, "baseline": "middle"}
    layers: list[Spec] = [
        {"data": {"name": curved.name}, "transform": [shown_only(), *ends],
         "mark": {"type": "line", "strokeCap": "butt"},
         "encoding": place | {
             "order": {"field": "step", "type": "quantitative"},
             "detail": {"field": "channel"}, "color": color(keys), "opacity": faded(),
             "strokeWidth": {"field": "thickness", "type": "quantitative", "scale": None},
             "tooltip": of_channel}},
        {"data": {"name": words.name}, "transform": [shown_only()],
         "mark": text | {
             "fontSize": 11, "dy": {"expr": "datum.side ? 0 : -10"},
             "dx": {"expr": "9 * datum.side"},
             "align": {"expr": "['right', 'center', 'left'][datum.side + 1]"}},
         "encoding": place | {"text": {"field": "distance"}, "opacity": faded()}},
        {"data": {"name": circles.name},
         "mark": {"type": "point", "filled": True, "size": 3300, "color": GREY, "opacity": 1,
                  "stroke": INK, "strokeWidth": 1},
         "encoding": place | {"tooltip": of_site}},
        {"data": {"name": circles.name},
         "mark": text | {"dy": -6, "fontSize": 12, "fontWeight": "bold", "color": "white"},
         "encoding": place | {"text": {"field": "label"}}},
        {"data": {"name": circles.name},
         "transform": [{"calculate": "format(datum.occupancy, '.0%') + ' of ' + datum.sites",
                        "as": "filled"}],
         "mark": text | {"dy": 8, "fontSize": 10, "color": "white"},
         "encoding": place | {"text": {"field": "filled"}}},
    ]  # fmt: skip
    some = (
        f" Of {n_channels} channels {len(curves)} are drawn, the most frequent one of each pair of "
        "labels first." if n_channels > len(curves) else ""
    )  # fmt: skip
    return figure(
        f"hop-network-{at.number(species)}", source, layers, keys,
        f"Network: site labels of {species} as circles, hops between them as lines.",
        f"Hops of {species} between sites: circles are site labels with the part of their sites "
        "that is occupied, lines are channels with the distance in Å, thicker by equal steps for "
        f"each power of ten in the number of hops; pointing at one shows its rates.{some}",
        more=(curved, words, circles), height=220 if len(nodes) < 3 else 400, wide=True,
    )  # fmt: skip


def channel_temperatures(source: Data, fitted: Data, keys: list[Key], level: str) -> Chart:
    """Rates of channels against 1000 / T, with the fitted lines."""
    x = inverse_temperature()
    y = log_axis("value", "hops per ion on a site (1/ns)", (row[4] for row in source.rows))
    about = tip(("channel", "channel"), ("temperature", "temperature, K", "~g"),
                ("value", "rate, 1/ns", ".4~g"), ("interval", f"{level} interval"))  # fmt: skip
    low = [{"calculate": "max(datum.low, datum.value / 100)", "as": "low"}]
    layers = lines(keys, x, y, about, few="!datum.fitted", only=low)
    line = fitted_lines(fitted, keys, x, y)
    return figure(
        "hop-barriers", source, [line, *layers[1:]], keys,
        "Points: rates of hops by channel against 1000 / T, logarithmic.",
        "Rates of hops against 1000 / T, with straight lines whose slopes are the apparent "
        "barriers. Open symbols: fewer than ten hops, not fitted.",
        more=(fitted,), height=300, wide=True,
    )  # fmt: skip
