"""Figures of resolution and horizon, and of estimates from parts of the trajectory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import frames
from ..elements import Chart, Data
from .style import (
    Spec,
    color,
    cursor,
    event_keys,
    faded,
    figure,
    known_only,
    level,
    lines,
    one_of,
    series_keys,
    shown_only,
    time_axis,
    tip,
    value_axis,
)

if TYPE_CHECKING:
    from ..reading import Reading


def against_horizon(at: Reading, species: str, source: Data) -> Chart:
    """Shares against the horizon at the chosen resolution."""
    return _against(
        at, species, source, ("horizon", 3), "resolution",
        f"Slope view: shares in the increase of L({species}, {species}) T with the horizon T, over "
        "which displacements are correlated; labels are read over the chosen resolution. Bars: "
        f"{at.level} intervals.",
    )  # fmt: skip


def against_resolution(at: Reading, species: str, source: Data) -> Chart:
    """Shares against the resolution at the chosen horizon."""
    return _against(
        at, species, source, ("resolution", 2), "horizon",
        "The same at the chosen horizon, against the resolution, the time over which a label is "
        "read: where ions have more than one change within it, labels mix.",
    )  # fmt: skip


def _against(
    at: Reading, species: str, source: Data, drawn: tuple[str, int], chosen: str, caption: str
) -> Chart:
    """Shares against one length, drawn: its name and column, where the other has the chosen one."""
    (name, column), keys = drawn, event_keys(row[1] for row in source.rows)
    about = tip(("event", "event"), ("resolution", "resolution, ps", "~g"),
                ("horizon", "horizon, ps", "~g"), ("value", "share", ".1%"),
                ("interval", f"{at.level} interval"))  # fmt: skip
    y = value_axis("value", f"share of L({species}, {species})", axis={"format": "%"})
    x = time_axis(name, f"{name} (ps)", sorted({row[column] for row in source.rows}))
    only = [{"filter": f"datum.{chosen} === at_{chosen}"}]
    layers = lines(keys, x, y, about, only=only, text=".1%")
    return figure(
        f"{name}-{at.number(species)}", source, [cursor(name, f"at_{name}"), *layers], keys,
        f"Lines: share of the events of {species} against the {name}.",
        caption,
        follows=("resolution", "horizon"),
    )  # fmt: skip


def running(at: Reading, species: str, source: Data) -> tuple[Chart, ...]:
    """Conductivity, with the first species alone, and shares against the length used."""
    whole = frames.ends(at.results.decomposition, "diffusive_conductivity")
    about = tip(("quantity", "quantity"), ("direction", "part used"),
                ("length", "length, ns", ".3~g"), ("value", "value", ".4~g"),
                ("interval", f"{at.level} interval"))  # fmt: skip
    x = value_axis("length", "length of trajectory used (ns)")
    quantities = ["conductivity"] if at.charged else [f"L({species}, {species})"]
    keys = series_keys("series", quantities)
    title = "conductivity (S/m)" if at.charged else "over its value from all"
    y = value_axis("value", title, scale={"zero": False})
    only = {"filter": f"datum.quantity === '{'conductivity' if at.charged else 'coefficient'}'"}
    scale = {"domain": ["forward", "backward"], "range": [[1, 0], [4, 3]]}
    dash: Spec = {
        "strokeDash": {"field": "direction", "type": "nominal", "legend": None, "scale": scale}
    }
    backward = {"test": "datum.direction === 'backward'", "value": 0}
    open_symbols: Spec = {"fillOpacity": {"condition": backward, "value": 1}}
    of_all = [level(1.0 if whole[0] is None or not at.charged else whole[0], dashed=False)]
    layers = lines(keys, x, y, about, only=[only])
    layers[0]["encoding"] |= dash
    layers[2]["encoding"] |= open_symbols
    one = figure(
        f"running-{at.number(species)}", source, [*of_all, *layers], keys,
        "Lines: the running estimate against the length of trajectory used.",
        "Running estimate of the diffusive limit from the first part of the trajectory (filled) "
        "and from the last (open, dashed); intervals are those of the whole over the root of the "
        "part. Both agree where the trajectory is long enough.",
    )  # fmt: skip
    # the conductivity is that of all species
    out = [one] if not at.charged or species in (at.ruled or at.species)[:1] else []
    seen = {row[1] for row in source.rows
            if row[0].startswith("event:") and abs(row[5] or 0.0) > 0.005}  # fmt: skip
    shown = [e for e in dict.fromkeys(row[1] for row in source.rows) if e in seen]
    if not shown:
        return tuple(out)
    keys = event_keys(shown)
    place: Spec = {"x": x, "y": value_axis("value", f"share of L({species}, {species})",
                                           axis={"format": "%"}),
                   "color": color(keys), "opacity": faded(), "tooltip": tip(
                       ("quantity", "event"), ("direction", "part used"),
                       ("length", "length, ns", ".3~g"), ("value", "share", ".1%"))}  # fmt: skip
    steps = [one_of("key", [k.key for k in keys]), shown_only(), known_only("value")]
    out.append(
        figure(
            f"running-shares-{at.number(species)}", source,
            [{"transform": steps, "mark": {"type": "line", "strokeWidth": 1.5},
                  "encoding": place | dash},
                 {"transform": steps, "mark": {"type": "point", "filled": False, "size": 38},
                  "encoding": place | open_symbols | {"fill": color(keys)}}],
            keys,
            f"Lines: shares of the events of {species} against the length of trajectory used.",
            f"The same for the shares of L({species}, {species}).",
        )
    )  # fmt: skip
    return tuple(out)
