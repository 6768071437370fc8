"""Figures of several results side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...results.ends import ENDS
from .. import frames
from ..elements import Chart, Data, Key, data
from .by_window import FEW, has_negative
from .style import (
    Spec,
    event_keys,
    figure,
    fitted_lines,
    inverse_temperature,
    level,
    lines,
    log_axis,
    series_keys,
    stacked_bars,
    time_axis,
    tip,
    value_axis,
)

if TYPE_CHECKING:
    import pandas as pd

    from ...results.arrhenius import Arrhenius
    from ..reading import Reading

_GREYS = ("#8A8F96", "#B4B8BD", "#5E646B")


def shares_of(at: Reading, species: str) -> pd.DataFrame:
    """The recommended shares of a species: of the diffusive limit, else of one window."""
    if at.diffusive:
        return at.results.summary(species=species, view="diffusive")
    return at.results.summary(at.window, species=species)


def _run_axis(names: list[str]) -> Spec:
    return {"field": "run", "type": "ordinal", "sort": names, "scale": {"domain": names},
            "title": None, "axis": {"labelAngle": 0 if len(names) < 5 else -30,
                                    "labelLimit": 120}}  # fmt: skip


def contributions(readings: Mapping[str, Reading]) -> Chart:
    """Contributions of the events to the conductivity of every run."""
    rows: list[list[Any]] = []
    sums: list[list[Any]] = []
    charged = all(at.charged for at in readings.values())
    for run, at in readings.items():
        label = frames.LIMIT if at.diffusive else f"{at.longest:g}"
        for row in frames.conductivity_by_event(at).rows:
            if row[3] == label:
                rows.append([row[0], run, row[1], row[2], row[3], *row[5:8]])
        sums += [[run, *row[2:5]] for row in frames.totals(at).rows if row[0] == label]
    unit = "S/m" if charged else "1/(J m s)"
    source = data("contributions-by-run",
                  ["key", "run", "species", "event", "window", ("value", unit), ("low", unit),
                   ("high", unit)], rows)  # fmt: skip
    total = data("totals-by-run", ["run", ("value", unit), ("low", unit), ("high", unit)], sums)
    events = [k.partition(":")[2] for k in dict.fromkeys(row[0] for row in rows)
              if k.startswith("event:")]  # fmt: skip
    bare = [k for k in dict.fromkeys(row[0] for row in rows) if not k.startswith("event:")]
    keys = event_keys(events) + [
        Key(k, f"{k.partition(':')[2]} (no event rule)" if events else k.partition(":")[2],
            _GREYS[n % 3])
        for n, k in enumerate(bare)
    ]  # fmt: skip
    x = _run_axis(list(readings))
    what = "conductivity" if charged else "Onsager coefficient"
    floor = {} if has_negative(source, "run") else {"domainMin": 0, "clamp": True}
    y = value_axis("value", f"{what} ({unit})", scale=floor)
    about = tip(("run", "run"), ("event", "event"), ("species", "species"),
                ("value", f"contribution, {unit}", ".4~g"), ("interval", "interval"))  # fmt: skip
    of_total = tip(("run", "run"), ("value", f"sum, {unit}", ".4~g"),
                   ("interval", "interval"))  # fmt: skip
    layers = stacked_bars(keys, total, x, y, about, of_total, width={"band": 0.6})
    return figure(
        "contributions-by-run", source, layers, keys,
        f"Stacked bars: contribution of each event to the {what} of every run.",
        f"Contribution of each event to the {what} of every run. Bars are stacked and sum to the "
        "dots, the whole with its interval.",
        more=(total,), height=300, wide=True,
    )  # fmt: skip


def shares(readings: Mapping[str, Reading]) -> list[Chart]:
    """Shares of the events of every run, one figure for each species with a rule."""
    out = []
    ruled = dict.fromkeys(n for at in readings.values() for n in at.ruled)
    for number, species in enumerate(ruled, start=1):
        rows: list[list[Any]] = []
        for run, at in readings.items():
            if species not in at.ruled:
                continue
            for event, row in shares_of(at, species).iterrows():
                ends = [frames.plain(row[f"share{end}"]) for end in ENDS]
                rows.append([f"event:{event}", str(event), run, *ends])
        source = data(f"shares-by-run-{number}", ["key", "event", "run", "value", "low", "high"],
                      rows)  # fmt: skip
        keys = event_keys(row[1] for row in rows)
        about = tip(("event", "event"), ("run", "run"), ("value", "share", ".1%"),
                    ("interval", "interval"))  # fmt: skip
        y = value_axis("value", f"share of L({species}, {species})", axis={"format": "%"})
        layers = lines(keys, _run_axis(list(readings)), y, about, text=".1%")
        out.append(
            figure(
                source.name, source, [level(0), *layers], keys,
                f"Points: share of every event of {species} in every run.",
                f"Shares of L({species}, {species}) with their intervals; lines join the same "
                "event.",
                wide=len(ruled) == 1,
            )
        )  # fmt: skip
    return out


def against_lag(readings: Mapping[str, Reading]) -> list[Chart]:
    """Conductivity, Haven ratio, transference and displacements of all runs against the lag."""
    keys = series_keys("run", list(readings))
    transport: dict[str, list[list[Any]]] = {}
    moved: dict[tuple[str, str], list[list[Any]]] = {}
    for run, at in readings.items():
        for row in frames.transport_by_window(at).rows:
            transport.setdefault(row[1], []).append([f"run:{run}", run, *row[2:6], row[7]])
        for row in frames.displacements(at).rows:
            moved.setdefault((row[1], row[2]), []).append([f"run:{run}", run, *row[3:7], row[9]])
    out = []
    for number, (quantity, rows) in enumerate(transport.items(), start=1):
        unit = " (S/m)" if quantity in ("conductivity", "Nernst-Einstein") else ""
        source = _by_run(f"transport-by-run-{number}", rows)
        title = f"{quantity}{unit}"
        out.append(
            _lag_chart(
                source,
                keys,
                title,
                f"{title[:1].upper()}{title[1:]} against the lag, of every run.",
            )
        )
    for number, ((species, which), rows) in enumerate(moved.items(), start=1):
        source = _by_run(f"displacements-by-run-{number}", [r for r in rows if (r[3] or 0) > 0])
        out.append(_lag_chart(source, keys, "mean squared displacement (Å²)",
                              f"Mean squared displacement of {species}, {which}, against the lag.",
                              logarithmic=True))  # fmt: skip
    return [one for one in out if len(one.data[0].rows) > len(readings)]


def _by_run(name: str, rows: list[list[Any]]) -> Data:
    return data(name, ["key", "run", ("window", "ps"), "value", "low", "high", "blocks"], rows)


def _lag_chart(
    source: Data, keys: list[Key], title: str, caption: str, *, logarithmic: bool = False
) -> Chart:
    about = tip(("run", "run"), ("window", "lag, ps", "~g"), ("value", title, ".4~g"),
                ("interval", "interval"), ("blocks", "blocks", "d"))  # fmt: skip
    windows = sorted({row[2] for row in source.rows})
    y = value_axis("value", title)
    bounded: list[Spec] = []
    if logarithmic:
        y = log_axis("value", title, (row[3] for row in source.rows if row[3]))
        bounded = [{"calculate": "max(datum.low, datum.value / 100)", "as": "low"}]
    x = time_axis("window", "window, lag (ps)", windows)
    layers = lines(keys, x, y, about, few=FEW, only=bounded)
    return figure(
        source.name, source, layers, keys,
        f"Lines: {caption}",
        f"{caption} Open symbols: few blocks.",
    )  # fmt: skip


def temperatures(fits: Arrhenius, words: str) -> list[Chart]:
    """Contributions times temperature against 1000 / T, with the fitted lines."""
    found, name = fits.data, str(fits.data.attrs["species"])
    mine = (found["quantity"].values == "onsager") & (found["species"].values == name)
    points: list[list[Any]] = []
    curves: list[list[Any]] = []
    for k in np.flatnonzero(mine):
        one = found.isel(row=int(k))
        event = str(one["event"].values)
        for t, *ends in zip(found["temperature"].values,
                            *(one[f"value{end}"].values for end in ENDS), strict=True):  # fmt: skip
            sign = -1.0 if ends[0] < 0 else 1.0
            known = [frames.plain(sign * x) for x in ends]
            if sign < 0:
                known = [known[0], known[2], known[1]]
            if known[0]:
                points.append([f"event:{event}", event, float(t), 1000 / float(t), *known,
                               bool(sign < 0)])  # fmt: skip
        if int(one["sign"]):
            curves += [
                [f"event:{event}", event, 1000 / float(t), float(abs(v))]
                for t, v in zip(found["curve_temperature"].values, one["curve"].values, strict=True)
            ]
    each = "K/(J m s)"
    source = data("arrhenius", ["key", "event", ("temperature", "K"), ("inverse", "1000/K"),
                                ("value", each), ("low", each), ("high", each), "negative"],
                  points)  # fmt: skip
    fitted = data("arrhenius-lines", ["key", "event", ("inverse", "1000/K"), ("value", each)],
                  curves)  # fmt: skip
    events = event_keys(row[1] for row in points if row[1] != "total")
    keys = [*events, Key("event:total", "total", "currentColor")]
    x = inverse_temperature()
    y = log_axis("value", f"|L T| of {name} (K/(J m s))", (row[4] for row in points))
    about = tip(("event", "event"), ("temperature", "temperature, K", "~g"),
                ("value", "|L T|", ".4~g"), ("interval", f"{words} interval"))  # fmt: skip
    drawn: list[Spec] = [
        {"filter": "datum.value > 0"},
        {"calculate": "max(datum.low, datum.value / 100)", "as": "low"},
    ]
    layers = lines(keys, x, y, about, few="datum.negative", only=drawn)
    line = fitted_lines(fitted, keys, x, y)
    return [figure(
        "arrhenius", source, [line, *layers[1:]], keys,
        f"Points: contributions of the events of {name} times temperature against 1000 / T.",
        "Contributions times temperature, with fitted straight lines. Open symbols: negative "
        "contributions.",
        more=(fitted,), height=300, wide=True,
    )]  # fmt: skip
