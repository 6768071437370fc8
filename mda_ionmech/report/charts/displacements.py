"""Figures of the displacements of each event: how long they are, and what they carry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ...results.displacement_spectrum import carried_by_long_ones
from .. import frames
from ..elements import Chart, Data
from .style import (
    INK,
    Spec,
    chart,
    color,
    event_keys,
    faded,
    level,
    shown_only,
    span,
    tip,
    value_axis,
)

if TYPE_CHECKING:
    from ..reading import Reading


def distribution(at: Reading, species: str, source: Data) -> Chart:
    """Distribution of the lengths of displacements, stacked by event."""
    return _bars(
        at, species, source, "fraction", "part of all displacements per Å",
        f"Stacked bars: distribution of the displacements of {species} by event.",
        f"How far {species} moves in {_which(source)}, by event: the areas of all events sum to "
        "one.", printed=False,
    )  # fmt: skip


def carried(at: Reading, species: str, source: Data) -> Chart:
    """Share of the coefficient by length of the displacement, stacked by event."""
    return _bars(
        at, species, source, "share", f"share of L({species}, {species}) per Å",
        f"Stacked bars: share of the transport of {species} that displacements of each length "
        "carry, by event.",
        f"Which of these displacements carry the transport: share of L({species}, {species}), the "
        "displacement of an ion times that of all ions together. The areas of an event sum to its "
        "share. Negative: motion against the rest. "
        + carried_by_long_ones(at.results.displacement_spectrum(species=species)),
    )  # fmt: skip


def _which(source: Data) -> str:
    """The windows of the rows, in words."""
    listed = [f"{w:g}" for w in windows_of(source)]
    if len(listed) == 1:
        return f"windows of {listed[0]} ps"
    return f"the window of {', '.join(listed[:-1])} or {listed[-1]} ps nearest to the chosen one"


def windows_of(source: Data) -> list[float]:
    """The windows of the rows, ps, rising."""
    at = [c.name for c in source.columns].index("window")
    return sorted({float(row[at]) for row in source.rows})


def nearest(windows: Sequence[float], chosen: str) -> str:
    """Expression of the one of some windows that is nearest to the chosen one, by ratio."""
    out = f"{windows[-1]!r}"
    for low, high in reversed(list(pairwise(windows))):
        # the longer one, which has fewer displacements, where the chosen one is longer
        out = f"{chosen} > {(low * high) ** 0.5 * (1 + 1e-9)!r} ? {out} : {low!r}"
    return out


def _bars(
    at: Reading, species: str, source: Data, field: str, title: str, alt: str, caption: str, *,
    printed: bool = True,
) -> Chart:  # fmt: skip
    keys = event_keys(frames.events_of(at, species))
    order = json.dumps([k.key for k in keys])
    about = tip(("event", "event"), ("window", "window, ps", "~g"), ("from", "from, Å", ".3~g"),
                ("to", "to, Å", ".3~g"), ("count", "ion-windows", ",d"),
                ("fraction", "of all", ".2%"), ("share", "share of L", ".2%"),
                ("interval", f"{at.level} interval"))  # fmt: skip
    layers: list[Spec] = [
        {"transform": [{"filter": "datum.window === shown_window"},
                       {"joinaggregate": [{"op": "sum", "field": "count", "as": "all"}]},
                       {"calculate": "datum.count / datum.all", "as": "fraction"}, shown_only(),
                       span("share_low", "share_high", ".2%"),
                       {"calculate": f"datum.{field} / (datum.to - datum.from)", "as": "height"},
                       {"calculate": f"indexof({order}, datum.key)", "as": "order"}],
         "mark": {"type": "bar", "binSpacing": 0},
         "encoding": {"x": {"field": "from", "type": "quantitative", "bin": "binned",
                            "title": "displacement (Å)",
                            "axis": {"format": ".6~g", "tickCount": 8}},
                      "x2": {"field": "to"}, "y": value_axis("height", title, stack="zero"),
                      "color": color(keys), "opacity": faded(), "tooltip": about,
                      "order": {"field": "order", "type": "quantitative"}}},
        level(0, dashed=False),
    ]  # fmt: skip
    spec = chart(layers, source=source, follows=("window",))
    spec["params"].append(
        {"name": "shown_window", "expr": nearest(windows_of(source), "at_window")}
    )
    spec["title"] = {
        "text": {"expr": "'windows of ' + format(shown_window, '.6~g') + ' ps'"},
        "anchor": "start", "fontSize": 11, "fontWeight": "normal", "color": INK,
    }  # fmt: skip
    name = "displacement-lengths" if field == "fraction" else "displacement-shares"
    return Chart(
        f"{name}-{at.number(species)}", spec, alt, caption, tuple(keys), (source,), printed=printed
    )
