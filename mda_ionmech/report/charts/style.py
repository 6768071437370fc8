"""Shared parts of the figures: colours, axes, what the reader chooses, what hovering shows.

Text and axes have the colour of the text around the figure, so that figures follow a dark scheme
and print. The reader's choices are parameters of the same names in all figures: `hidden` and `over`
(keys of the legend), `at_window`, `at_resolution`, `at_horizon` (ps).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import Any

from ...lib.number_text import number
from ...results.colors import MACROSTATE_COLORS, colors_of, event_colors
from ..elements import Chart, Data, Key

Spec = dict[str, Any]

#: The colour of the surrounding text.
INK = "currentColor"
GREY = "#8A8F96"
#: Red and blue of negative and positive entries of matrices, of Okabe and Ito.
NEGATIVE, POSITIVE = "#D55E00", "#0072B2"
#: Colours of quantities and of runs, which are no events.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#7F7F7F")
HEIGHT = 250
#: Logarithmic axes of less have labels between powers of ten, too.
FEW_DECADES = 2.0
#: Larger labels of logarithmic axes are powers of ten.
MOST_WRITTEN = 1e6
#: Axes follow the mouse: dragged, and with Shift and the wheel; a double click shows the whole.
ZOOM: Spec = {
    "name": "zoom",
    "select": {
        "type": "interval",
        "translate": "[mousedown, window:mouseup] > window:mousemove!",
        "zoom": "wheel![event.shiftKey]",
    },
    "bind": "scales",
}

_CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": INK, "domainColor": INK, "tickColor": INK,
        "gridColor": INK, "gridOpacity": 0.12, "domainOpacity": 0.6, "tickOpacity": 0.6,
        "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8,
    },
    "axisX": {"grid": False},
    "text": {"color": INK},
}  # fmt: skip
#: What all figures of a page have.
COMMON: Spec = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "config": _CONFIG,
    "autosize": {"type": "fit-x", "contains": "padding"},
}


def event_keys(names: Iterable[str]) -> list[Key]:
    """Entries of the legend for events, each once, in the colours they have everywhere."""
    return [Key(f"event:{n}", n, c) for n, c in event_colors(names).items()]


def macrostate_keys(names: Iterable[str]) -> list[Key]:
    """Entries of the legend for macrostates, each once."""
    names = list(dict.fromkeys(names))
    colors = colors_of(names, MACROSTATE_COLORS)
    return [Key(f"macrostate:{n}", n, c) for n, c in zip(names, colors, strict=True)]


def series_keys(kind: str, names: Iterable[str], palette: Sequence[str] = SERIES) -> list[Key]:
    """Entries of the legend for quantities, species or runs, each once."""
    return [
        Key(f"{kind}:{n}", n, c) for n, c in zip(dict.fromkeys(names), cycle(palette), strict=False)
    ]


def chart(
    layers: Sequence[Spec], *, source: Data, follows: Sequence[str] = (), **more: Any
) -> Spec:
    """A figure of layers.

    Parameters
    ----------
    layers : sequence of dict
    source : Data
        Drawn where a layer names no other.
    follows : sequence of str
        Of ``window``, ``resolution`` and ``horizon``: what the reader moves in it.
    **more
        Of Vega-Lite.
    """
    params = [{"name": "hidden", "value": []}, {"name": "over", "value": ""}]
    params += [{"name": f"at_{one}", "value": 0} for one in follows]
    return (
        COMMON
        | {
            "width": 460,
            "height": HEIGHT,
            "data": {"name": source.name},
            "params": params,
            "layer": list(layers),
        }
        | more
    )


def figure(
    name: str, source: Data, layers: Sequence[Spec], keys: Sequence[Key], alt: str, caption: str,
    *, more: Sequence[Data] = (), follows: Sequence[str] = (), wide: bool = False,
    printed: bool = True, **options: Any,
) -> Chart:  # fmt: skip
    """A figure of layers with its legend; `more`: further data; options as those of `chart`."""
    spec = chart(layers, source=source, follows=follows, **options)
    return Chart(name, spec, alt, caption, tuple(keys), (source, *more), wide=wide, printed=printed)


def shown_only() -> Spec:
    """Rows whose key is not hidden."""
    return {"filter": "indexof(hidden, datum['key']) < 0"}


def known_only(field: str) -> Spec:
    """Rows with a value."""
    return {"filter": f"isValid(datum[{field!r}])"}


def at_window() -> Spec:
    """Rows of the chosen window."""
    return {"filter": "datum.window === at_window"}


def color(keys: Sequence[Key]) -> Spec:
    """The colour of each key."""
    return {
        "field": "key",
        "type": "nominal",
        "scale": {"domain": [k.key for k in keys], "range": [k.color for k in keys]},
        "legend": None,
    }


def faded(value: float = 1.0, pale: str | None = None) -> Spec:
    """Opacity: faint while another key is pointed at; `pale`: a test of rows that count less."""
    conditions = [{"test": "over !== '' && over !== datum['key']", "value": 0.12 * value}]
    if pale is not None:
        conditions.append({"test": pale, "value": 0.5 * value})
    return {"condition": conditions, "value": value}


def time_axis(field: str, title: str, values: Sequence[float] = (), **scale: Any) -> Spec:
    """A logarithmic axis of times in ps, labelled at the given ones where there is room."""
    ticks: Spec = {"values": list(values)} if values else {"tickCount": 6}
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"type": "log", "nice": False, "padding": 12} | scale,
        "axis": {"format": ".6~g", "labelOverlap": "greedy", "labelSeparation": 5} | ticks,
    }


def decades(values: Iterable[float]) -> list[float]:
    """Ticks of a logarithmic axis around positive values: powers of ten, of few also 2 and 5."""
    known = [v for v in values if v > 0]
    if not known:
        return [1.0]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    between = (1, 2, 5) if math.log10(max(known) / min(known)) < FEW_DECADES else (1,)
    step = max(1, (high - low) // 5)
    return [float(f"{part}e{k}") for k in range(low, high + 1, step) for part in between]


def _powers(ticks: Sequence[float]) -> Spec:
    """Labels of powers of ten that are too large or small to be written out."""
    if max(ticks) < MOST_WRITTEN and min(ticks) > 1 / MOST_WRITTEN:
        return {}
    texts = json.dumps(
        [number(tick).removeprefix("1.00 \u00d7") for tick in ticks], ensure_ascii=False
    )
    return {"labelExpr": f"{texts}[indexof({json.dumps(ticks)}, datum.value)]"}


def level(value: float, *, dashed: bool = True) -> Spec:
    """A line across at a value."""
    dash = {"strokeDash": [3, 3]} if dashed else {}
    return {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": INK, "opacity": 0.45, "clip": True} | dash,
        "encoding": {"y": {"datum": value}},
    }


def value_axis(field: str, title: str, **more: Any) -> Spec:
    """An axis of values."""
    given = {"field": field, "type": "quantitative", "title": title}
    return given | {"axis": {"format": ".6~g", "tickCount": 5}} | more


def log_axis(field: str, title: str, values: Iterable[float], **scale: Any) -> Spec:
    """A logarithmic axis labelled at round numbers around positive values."""
    ticks = decades(values)
    axis = {"format": ".6~g", "values": ticks, "labelOverlap": "greedy"} | _powers(ticks)
    return value_axis(field, title, scale={"type": "log"} | scale, axis=axis)


def inverse_temperature() -> Spec:
    """The axis of an Arrhenius figure."""
    return value_axis("inverse", "1000 / T (1/K)", scale={"zero": False, "padding": 15})


def fitted_lines(source: Data, keys: Sequence[Key], x: Spec, y: Spec) -> Spec:
    """Lines without symbols."""
    return {
        "data": {"name": source.name}, "transform": [shown_only()],
        "mark": {"type": "line", "strokeWidth": 1.3},
        "encoding": {"x": x, "y": y, "color": color(keys), "opacity": faded()},
    }  # fmt: skip


def stacked_bars(
    keys: Sequence[Key], total: Data, x: Spec, y: Spec, tooltip: list[Spec],
    of_total: list[Spec], *, pale: str | None = None, **bar: Any,
) -> list[Spec]:  # fmt: skip
    """Bars in the order of the legend, one on the other, and dots with intervals for the total."""
    order = json.dumps([k.key for k in keys])
    rank = {"calculate": f"indexof({order}, datum.key)", "as": "order"}
    return [
        {"transform": [shown_only(), known_only("value"), span(), rank],
         "mark": {"type": "bar", "stroke": INK, "strokeOpacity": 0.25, "strokeWidth": 0.5} | bar,
         "encoding": {"x": x, "y": y | {"stack": "zero"}, "color": color(keys),
                      "opacity": faded(pale=pale), "tooltip": tooltip,
                      "order": {"field": "order", "type": "quantitative"}}},
        level(0, dashed=False),
        {"data": {"name": total.name}, "transform": [known_only("low"), span()],
         "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
         "encoding": {"x": x, "y": value_axis("low", ""), "y2": {"field": "high"},
                      "tooltip": of_total}},
        {"data": {"name": total.name}, "transform": [known_only("value"), span()],
         "mark": {"type": "point", "filled": True, "color": INK, "size": 45, "opacity": 1},
         "encoding": {"x": x, "y": y, "tooltip": of_total}},
    ]  # fmt: skip


def span(low: str = "low", high: str = "high", text: str = ".3~g") -> Spec:
    """The interval of a row in words."""
    return {
        "calculate": f"isValid(datum[{low!r}]) ? format(datum[{low!r}], {text!r}) + ' to ' + "
        f"format(datum[{high!r}], {text!r}) : 'not known'",
        "as": "interval",
    }


def tip(*fields: tuple[str, str] | tuple[str, str, str]) -> list[Spec]:
    """What hovering shows: fields with their titles and number formats."""
    out = []
    for name, title, *form in fields:
        kind = {"type": "quantitative", "format": form[0]} if form else {"type": "nominal"}
        out.append({"field": name, "title": title} | kind)
    return out


def cursor(field: str = "window", param: str = "at_window") -> Spec:
    """A line at the chosen window."""
    return {
        "transform": [
            {"filter": f"datum[{field!r}] === {param}"},
            {"aggregate": [{"op": "count", "as": "rows"}], "groupby": [field]},
        ],
        "mark": {"type": "rule", "strokeWidth": 7, "opacity": 0.18, "color": INK, "clip": True},
        "encoding": {"x": {"field": field, "type": "quantitative"}},
    }


def lines(
    keys: Sequence[Key], x: Spec, y: Spec, tooltip: list[Spec], *, few: str | None = None,
    only: Sequence[Spec] = (), ends: tuple[str, str] = ("low", "high"), text: str = ".3~g",
) -> list[Spec]:  # fmt: skip
    """Lines with symbols and bars for the intervals, a colour for each key.

    Parameters
    ----------
    keys : sequence of Key
    x, y : dict
        Axes.
    tooltip : list of dict
    few : str, optional
        Test of rows whose interval is a rough estimate, which have open symbols.
    only : sequence of dict
        Transformations applied first.
    ends : tuple of str
        Fields of the ends of the interval.
    text : str
        Format of their numbers.
    """
    shown = [*only, shown_only(), known_only(y["field"]), span(*ends, text)]
    base: Spec = {"x": x, "color": color(keys), "opacity": faded()}
    bars = {"y": y | {"field": "from_low"}, "y2": {"field": "to_high"}}
    # without an interval a bar of no length: a layer without rows would have no extent
    reach: list[Spec] = [
        {"calculate": f"isValid(datum[{ends[0]!r}]) ? datum[{end!r}] : datum[{y['field']!r}]",
         "as": name}
        for end, name in zip(ends, ("from_low", "to_high"), strict=True)
    ]  # fmt: skip
    fill: Spec = {} if few is None else {
        "fillOpacity": {"condition": {"test": few, "value": 0}, "value": 1}
    }  # fmt: skip
    is_number = x["type"] == y["type"] == "quantitative"
    zoom: Spec = {"params": [ZOOM]} if is_number else {}
    return [
        {"transform": shown, "mark": {"type": "line", "strokeWidth": 1.5, "clip": True},
         "encoding": base | {"y": y}} | zoom,
        {"transform": [*shown, *reach],
         "mark": {"type": "rule", "strokeWidth": 1.2, "clip": True},
         "encoding": base | bars | {"tooltip": tooltip}},
        {"transform": shown, "mark": {"type": "point", "filled": False, "size": 38, "clip": True},
         "encoding": base | {"y": y, "fill": color(keys), "tooltip": tooltip} | fill},
    ]  # fmt: skip


def one_of(field: str, values: Sequence[str]) -> Spec:
    """Rows with one of the values."""
    return {"filter": {"field": field, "oneOf": list(values)}}


def matrix(
    rows: Spec, columns: Spec, value: str, tooltip: list[Spec], *, largest: float,
    transform: Sequence[Spec] = (),
) -> list[Spec]:  # fmt: skip
    """Cells with their values: blue above zero, red below, stronger the larger."""
    steps = [*transform, known_only(value), span(text=".1%"),
             {"calculate": f"abs(datum[{value!r}])", "as": "strength"}]  # fmt: skip
    place = {"y": rows, "x": columns}
    cell: Spec = {
        "color": {"condition": {"test": f"datum[{value!r}] < 0", "value": NEGATIVE},
                  "value": POSITIVE},
        "opacity": {"field": "strength", "type": "quantitative", "legend": None,
                    "scale": {"domain": [0, largest or 1], "range": [0, 0.7], "clamp": True}},
        "tooltip": tooltip,
    }  # fmt: skip
    words = f"abs(datum[{value!r}]) < 0.005 ? '0' : format(datum[{value!r}], '.0%')"
    return [
        {"transform": steps, "mark": "rect", "encoding": place | cell},
        {"transform": [*steps, {"calculate": words, "as": "words"}],
         "mark": {"type": "text", "fontSize": 10, "tooltip": None},
         "encoding": place | {"text": {"field": "words"}}},
    ]  # fmt: skip
