"""Figures of the events of one species: effectiveness, cross terms, hops, events over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import frames
from ..elements import Chart, Data, data
from .by_window import FEW, window_axis
from .style import (
    INK,
    Spec,
    at_window,
    color,
    cursor,
    event_keys,
    faded,
    figure,
    lines,
    log_axis,
    matrix,
    series_keys,
    shown_only,
    span,
    tip,
    value_axis,
)

if TYPE_CHECKING:
    from ..reading import Reading

#: Parts of the sum of frequency times effectiveness along which lines are drawn.
_PARTS = (0.01, 0.1, 1.0)


def effectiveness(at: Reading, species: str, source: Data) -> Chart:
    """Frequency of every event against its effectiveness at the chosen window."""
    keys = event_keys(frames.events_of(at, species))
    guides, places = _equal_contribution(source)
    at_column = {c.name: k for k, c in enumerate(source.columns)}
    often, far = (
        [abs(row[at_column[n]]) for row in source.rows if row[at_column[n]]]
        for n in ("frequency", "effectiveness")
    )
    x = log_axis("frequency", "frequency per ion (1/ns)", often, nice=False, padding=12)
    y = log_axis("size", "effectiveness (Å²)", far, nice=False)
    about = tip(("event", "event"), ("window", "window, ps", "~g"),
                ("frequency", "per ion and ns", ".3~g"), ("effectiveness", "effectiveness, Å²",
                ".3~g"), ("interval", f"{at.level} interval"), ("share", "share", ".1%"),
                ("count", "ion-windows", ",d"))  # fmt: skip
    low, high = "datum.effectiveness_low", "datum.effectiveness_high"
    shown = [at_window(), shown_only(),
             {"filter": "datum.frequency > 0 && isValid(datum.effectiveness) && "
                        "datum.effectiveness !== 0"},
             {"calculate": "abs(datum.effectiveness)", "as": "size"},
             {"calculate": f"!isValid({low}) ? datum.size : {low} * {high} < 0 ? datum.size / 4 : "
                           f"max(min(abs({low}), abs({high})), datum.size / 4)", "as": "least"},
             {"calculate": f"isValid({low}) ? min(max(abs({low}), abs({high})), 4 * datum.size) : "
                           "datum.size", "as": "most"},
             span("effectiveness_low", "effectiveness_high")]  # fmt: skip
    place: Spec = {"x": x, "color": color(keys), "opacity": faded(), "tooltip": about}
    words = {
        "type": "text", "fontSize": 11, "tooltip": None,
        "align": {"expr": "datum.side[1] === 'r' ? 'left' : 'right'"},
        "dx": {"expr": "datum.side[1] === 'r' ? 9 : -9"},
        "dy": {"expr": "datum.side[0] === 'a' ? -8 : 9"},
    }  # fmt: skip
    layers: list[Spec] = [
        {"data": {"name": guides.name}, "transform": [at_window()],
         "mark": {"type": "line", "strokeDash": [2, 3], "color": INK, "opacity": 0.45},
         "encoding": {"x": x | {"field": "x"}, "y": y | {"field": "y"},
                      "detail": {"field": "part"}}},
        {"transform": shown,
         "mark": {"type": "rule", "strokeWidth": 1.2},
         "encoding": place | {"y": y | {"field": "least"}, "y2": {"field": "most"}}},
        {"transform": shown, "mark": {"type": "point", "size": 90, "filled": False},
         "encoding": place | {"y": y, "fill": color(keys), "fillOpacity": {
             "condition": {"test": "datum.effectiveness < 0", "value": 0}, "value": 1}}},
        {"data": {"name": places.name}, "transform": [at_window(), shown_only()],
         "mark": words, "encoding": {"x": x, "y": y, "text": {"field": "event"},
                                     "opacity": faded()}},
    ]  # fmt: skip
    return figure(
        f"effectiveness-{at.number(species)}", source, layers, keys,
        f"Points: frequency of every event of {species} against its effectiveness, both "
        "logarithmic.",
        "Frequency of each event against its effectiveness, the mean contribution per event, with "
        f"{at.level} intervals, in the chosen window. A contribution is the product: it is equal "
        "along each dotted line (1, 10 and 100% of the sum). Open symbols: negative.",
        more=(guides, places), follows=("window",),
    )  # fmt: skip


def _equal_contribution(source: Data) -> tuple[Data, Data]:
    """Lines of equal product at each window within a box around its events, and their names.

    Names are above or below their symbols, on the side where there is more room.
    """
    at = {c.name: k for k, c in enumerate(source.columns)}
    points: dict[float, list[tuple[str, float, float]]] = {}
    for row in source.rows:
        f, size = row[at["frequency"]], row[at["effectiveness"]]
        if f and size:
            points.setdefault(row[at["window"]], []).append((row[at["event"]], f, size))
    lines: list[list[Any]] = []
    names: list[list[Any]] = []
    for window, found in points.items():
        value = np.array([(f, abs(size)) for _, f, size in found])
        low, high = value.min(axis=0) / 3, value.max(axis=0) * 3
        whole = abs(sum(f * size for _, f, size in found))
        for part in _PARTS if whole else ():
            first = max(low[0], part * whole / high[1])
            last = min(high[0], part * whole / low[1])
            if first < last:
                lines += [[window, part, float(x), float(part * whole / x)] for x in (first, last)]
        middle, reach = np.sqrt(low * high), np.log(high / low)
        for k, (event, f, _) in enumerate(found):
            above = np.log(value[:, 1] / value[k, 1]) / reach[1]
            beside = np.abs(np.log(value[:, 0] / f)) / reach[0]
            crowded = np.any((above > 0) & (above < 0.12) & (beside < 0.5))
            side = ("b" if crowded else "a") + ("r" if f < middle[0] else "l")
            names.append([f"event:{event}", window, event, f, float(value[k, 1]), side])
    guides = data(f"{source.name}-guides", [("window", "ps"), "part", ("x", "1/ns"),
                                            ("y", "angstrom2")], lines)  # fmt: skip
    return guides, data(f"{source.name}-names", ["key", ("window", "ps"), "event",
                                                 ("frequency", "1/ns"), ("size", "angstrom2"),
                                                 "side"], names)  # fmt: skip


def cross_terms(at: Reading, species: str, source: Data) -> Chart:
    """Which events move together at the chosen window."""
    every = frames.events_of(at, species)
    shown = {row[1] for row in source.rows}
    events = [e for e in every if e in shown]
    keys = event_keys(events)
    largest = max((abs(row[4]) for row in source.rows if row[4] is not None), default=1.0)
    about = tip(("event", "event"), ("event_2", "with"), ("window", "window, ps", "~g"),
                ("value", "part", ".2%"), ("interval", f"{at.level} interval"))  # fmt: skip
    axis = {"labelLimit": 120, "labelAngle": 0}
    rows: Spec = {"field": "event", "type": "nominal", "title": None, "axis": axis,
                  "scale": {"domain": events}}  # fmt: skip
    columns: Spec = {"field": "event_2", "type": "nominal", "title": None,
                     "axis": {"labelAngle": -30, "labelLimit": 110},
                     "scale": {"domain": events}}  # fmt: skip
    hidden = {"filter": "indexof(hidden, datum.key) < 0 && "
                        "indexof(hidden, 'event:' + datum.event_2) < 0"}  # fmt: skip
    layers = matrix(rows, columns, "value", about, largest=min(largest, 1.0),
                    transform=[at_window(), hidden])  # fmt: skip
    layers[0]["encoding"]["stroke"] = {
        "condition": {"test": "over !== '' && (over === datum.key || over === 'event:' + "
                              "datum.event_2)", "value": INK},
        "value": None,
    }  # fmt: skip
    return figure(
        f"cross-terms-{at.number(species)}", source, layers, keys,
        f"Matrix of cross terms between the events of {species}.",
        f"Which events move together: part of L({species}, {species}) that is correlated motion "
        "of ions with the label of the row and ions with that of the column, in the chosen window. "
        + (
            "A row sums to the share of its event."
            if len(events) == len(every)
            else f"Shown are the {len(events)} of {len(every)} events with the largest shares."
        ),
        follows=("window",), height=max(120, 34 * len(events) + 60),
    )  # fmt: skip


def concertedness(at: Reading, species: str, source: Data) -> Chart:
    """Fraction of linked hops against the window, with both nulls."""
    colors = ("#D55E00", "#009E73", "#8A8F96", "#CC79A7", "#56B4E9")
    keys = series_keys("series", (row[1] for row in source.rows), colors)
    about = tip(("quantity", "fraction of"), ("window", "window, ps", "~g"),
                ("value", "fraction", ".1%"), ("interval", f"{at.level} interval"),
                ("blocks", "blocks", "d"))  # fmt: skip
    y = value_axis("value", "fraction", axis={"format": "%"})
    x = window_axis(at, "window (ps)")
    layers = lines(keys, x, y, about, few=FEW, text=".1%")
    return figure(
        f"concertedness-{at.number(species)}", source, [cursor(), *layers], keys,
        f"Lines: fraction of the hops of {species} linked to others, with two nulls.",
        f"Fraction of the hops of {species} that are linked to hops of other ions, compared with "
        "chance (records shifted in time) and with an exclusion gas with as many hops: only an "
        "excess over both is evidence of concerted motion.",
        follows=("window",),
    )  # fmt: skip


def timeline(at: Reading, species: str, source: Data) -> Chart:
    """The event of single carriers over time."""
    states = at.results.states
    window = float(states["event"].attrs["window_ps"]) if states is not None else 0.0
    keys = event_keys(frames.events_of(at, species))
    about = tip(("event", "event"), ("carrier", "ion", "d"), ("start", "from, ps", "~g"),
                ("stop", "to, ps", "~g"))  # fmt: skip
    layers: list[Spec] = [{
        "transform": [shown_only()], "mark": {"type": "bar", "height": {"band": 0.8}},
        "encoding": {"x": {"field": "start", "type": "quantitative", "title": "time (ps)",
                           "scale": {"nice": False, "zero": False}, "axis": {"format": ".6~g"}},
                     "x2": {"field": "stop"},
                     "y": {"field": "carrier", "type": "ordinal", "title": f"ion, {species}",
                           "axis": {"labelOverlap": True}},
                     "color": color(keys), "opacity": faded(), "tooltip": about},
    }]  # fmt: skip
    return figure(
        f"timeline-{at.number(species)}", source, layers, keys,
        f"Bars: the event of single ions of {species} over time.",
        f"The event of the first ions of {species} over time, in windows of {window:g} ps that "
        "begin at each frame: the part of the trajectory that fits here.",
        wide=True,
    )  # fmt: skip
