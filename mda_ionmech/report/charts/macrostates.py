"""Figures of macrostates: populations, flow between them, contributions, survival."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..elements import Chart, Data, Key
from .style import (
    INK,
    Spec,
    at_window,
    color,
    faded,
    figure,
    lines,
    macrostate_keys,
    matrix,
    shown_only,
    span,
    tip,
    value_axis,
)

if TYPE_CHECKING:
    from ..reading import Reading


def populations(at: Reading, species: str, source: Data) -> Chart:
    """Bars of the populations."""
    keys = macrostate_keys(str(row[1]) for row in source.rows)
    about = tip(("macrostate", "macrostate"), ("value", "population", ".2%"),
                ("interval", f"{at.level} interval"))  # fmt: skip
    x = value_axis("value", f"population of {species}", axis={"format": "%"})
    y: Spec = {"field": "macrostate", "type": "nominal", "sort": [k.label for k in keys],
               "title": None, "axis": {"labelLimit": 160}}  # fmt: skip
    steps = [shown_only(), span(text=".2%")]
    layers: list[Spec] = [
        {"transform": steps, "mark": {"type": "bar", "height": {"band": 0.65}},
         "encoding": {"x": x, "y": y, "color": color(keys), "opacity": faded(), "tooltip": about}},
        {"transform": [*steps, {"filter": "isValid(datum.low)"}],
         "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
         "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y}},
        {"transform": [*steps, {"calculate": "datum.high || datum.value", "as": "end"},
                       {"calculate": "datum.value > 0 && datum.value < 0.0005 ? '< 0.1%' : "
                                     "format(datum.value, '.1%')", "as": "words"}],
         "mark": {"type": "text", "align": "left", "dx": 6, "tooltip": None},
         "encoding": {"x": x | {"field": "end"}, "y": y,
                      "text": {"field": "words"}}},
    ]  # fmt: skip
    return figure(
        f"populations-{at.number(species)}", source, layers, keys,
        f"Bars: fraction of {species} in each macrostate.",
        f"Mean fraction of {species} in each macrostate, with {at.level} intervals.",
        height=max(90, 32 * len(keys) + 40), printed=False,
    )  # fmt: skip


def flow(at: Reading, species: str, source: Data, kinds: list[Key]) -> Chart:
    """Ribbons from each macrostate to the others, as thick as the flow."""
    about = tip(("start", "from"), ("end", "to"), ("window", "window, ps", "~g"),
                ("flow", "per ion and ns", ".3~g"), ("rate", "per ion in the first, 1/ns", ".3~g"),
                ("interval", f"{at.level} interval"), ("count", "ion-windows", ",d"))  # fmt: skip
    both = {"filter": "isValid(datum.thickness) && indexof(hidden, datum.key) < 0 && "
                      "indexof(hidden, 'macrostate:' + datum.end) < 0"}  # fmt: skip
    ribbon = [
        at_window(), both, span("rate_low", "rate_high"),
        {"calculate": "sequence(0, 1.001, 0.05)", "as": "t"}, {"flatten": ["t"]},
        {"calculate": "datum.from_height + (datum.to_height - datum.from_height) * datum.t * "
                      "datum.t * (3 - 2 * datum.t)", "as": "y"},
        {"calculate": "datum.y + datum.thickness", "as": "y2"},
        {"calculate": "datum.start + ' to ' + datum.end", "as": "ribbon"},
    ]  # fmt: skip
    x: Spec = {"field": "t", "type": "quantitative", "axis": None,
               "scale": {"domain": [-0.3, 1.3], "nice": False}}  # fmt: skip
    y: Spec = {"field": "y", "type": "quantitative", "axis": None, "scale": {"reverse": True},
               "stack": None}  # fmt: skip
    text = {"type": "text", "baseline": "middle", "fontSize": 11, "tooltip": None}

    def names(side: str, height: str, x_at: float, align: str, dx: int) -> Spec:
        return {
            "transform": [at_window(), both,
                          {"aggregate": [{"op": "min", "field": height, "as": "low"},
                                         {"op": "sum", "field": "thickness", "as": "size"}],
                           "groupby": [side]},
                          {"calculate": "datum.low + datum.size / 2", "as": "y"},
                          {"calculate": str(x_at), "as": "t"}],
            "mark": text | {"align": align, "dx": dx},
            "encoding": {"x": x, "y": y, "text": {"field": side}},
        }  # fmt: skip

    fading = faded(0.7)
    fading["condition"][0]["test"] += " && over !== 'macrostate:' + datum.end"
    layers: list[Spec] = [
        {"transform": ribbon,
         "mark": {"type": "area", "stroke": INK, "strokeOpacity": 0.3, "strokeWidth": 0.5},
         "encoding": {"x": x, "y": y, "y2": {"field": "y2"}, "detail": {"field": "ribbon"},
                      "color": color(kinds), "opacity": fading, "tooltip": about}},
        names("start", "from_height", 0, "right", -6),
        names("end", "to_height", 1, "left", 6),
    ]  # fmt: skip
    return figure(
        f"flow-{at.number(species)}", source, layers, kinds,
        f"Ribbons: flow of {species} between macrostates.",
        f"Transitions of {species} from the macrostates on the left to those on the right, as "
        "thick as their number per time, in the colour of the first; the rates are in the table. "
        "Returns within the chosen window are not counted. At equilibrium both directions of a "
        "pair are equally thick.",
        follows=("window",),
    )  # fmt: skip


def contributions(at: Reading, species: str, source: Data, kinds: list[Key]) -> Chart:
    """Contribution of every transition at the chosen window."""
    names = [k.label for k in kinds]
    at_column = {c.name: k for k, c in enumerate(source.columns)}["share"]
    known = [abs(row[at_column]) for row in source.rows if row[at_column] is not None]
    about = tip(("start", "from"), ("end", "to"), ("window", "window, ps", "~g"),
                ("share", "share", ".2%"), ("interval", f"{at.level} interval"),
                ("probability", "probability", ".3~g"), ("count", "ion-windows", ",d"))  # fmt: skip
    rows: Spec = {"field": "start", "type": "nominal", "title": "from", "scale": {"domain": names},
                  "axis": {"labelLimit": 130}}  # fmt: skip
    columns: Spec = {"field": "end", "type": "nominal", "title": "to", "scale": {"domain": names},
                     "axis": {"labelAngle": -30, "labelLimit": 110}}  # fmt: skip
    hidden = {"filter": "indexof(hidden, datum.key) < 0 && "
                        "indexof(hidden, 'macrostate:' + datum.end) < 0"}  # fmt: skip
    layers = matrix(rows, columns, "share", about, largest=min(max(known, default=1.0), 1.5),
                    transform=[at_window(), hidden])  # fmt: skip
    for layer in layers:
        layer["transform"] = [span("share_low", "share_high", ".1%") if s.get("as") == "interval"
                              else s for s in layer["transform"]]  # fmt: skip
    return figure(
        f"transition-shares-{at.number(species)}", source, layers, kinds,
        f"Matrix of macrostates of {species} at the start and the end of a window.",
        f"Share of L({species}, {species}) of carriers that begin the chosen window in the "
        "macrostate of the row and end it in that of the column. At equilibrium the matrix is "
        "symmetric within its statistical error.",
        follows=("window",), height=max(120, 32 * len(names) + 70),
    )  # fmt: skip


def survival(at: Reading, species: str, source: Data) -> Chart:
    """Probability to have stayed in the macrostate against the lag."""
    keys = macrostate_keys(str(row[1]) for row in source.rows)
    about = tip(("macrostate", "macrostate"), ("lag", "lag, ps", "~g"),
                ("value", "still there", ".2%"))  # fmt: skip
    layers = lines(
        keys,
        value_axis("lag", "lag (ps)", scale={"nice": False}),
        value_axis("value", "still there", axis={"format": "~%", "values": [1, 0.1, 0.01]},
                   scale={"type": "log"}),
        about,
    )  # fmt: skip
    lines_only = [layers[0] | {"mark": {"type": "line", "strokeWidth": 2},
                               "encoding": layers[0]["encoding"] | {"tooltip": about}}]  # fmt: skip
    return figure(
        f"survival-{at.number(species)}", source, lines_only, keys,
        f"Lines: probability that {species} is still in its macrostate against the lag.",
        f"Residence of {species}: probability that an ion has stayed in its macrostate throughout, "
        "against the lag, from the states of every frame. A straight line is exponential decay.",
    )  # fmt: skip
