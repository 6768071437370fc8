"""Figures against the window: contributions, shares, conductivity, ratios, displacements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...onsager.block_bootstrap import FEWEST_BLOCKS
from .. import frames
from ..elements import Chart, Data, Key
from .style import (
    GREY,
    INK,
    Spec,
    at_window,
    color,
    cursor,
    event_keys,
    faded,
    figure,
    known_only,
    level,
    lines,
    log_axis,
    one_of,
    series_keys,
    shown_only,
    stacked_bars,
    time_axis,
    tip,
    value_axis,
)

if TYPE_CHECKING:
    from ..reading import Reading

#: Test of rows from few blocks.
FEW = f"datum.blocks < {FEWEST_BLOCKS}"


def contributions(at: Reading) -> Chart:
    """Contributions of the events to the conductivity against the window, and in the limit."""
    source, total = frames.conductivity_by_event(at), frames.totals(at)
    keys = contribution_keys(at)
    labels = [label for _, label, _ in at.scan]
    labels += [frames.LIMIT] if at.diffusive else []
    what = "conductivity" if at.charged else f"L({at.species[0]}, {at.species[0]})"
    unit = "S/m" if at.charged else "1/(J m s)"
    x: Spec = {
        "field": "label", "type": "ordinal", "sort": labels, "scale": {"domain": labels},
        "title": "window (ps)" + ("; limit: long times" if at.diffusive else ""),
        "axis": {"labelAngle": 0, "labelOverlap": True},
    }  # fmt: skip
    scale = {} if has_negative(source, "label") else {"domainMin": 0, "clamp": True}
    y = value_axis("value", f"{what} ({unit})", scale=scale)
    about = tip(("event", "event"), ("species", "species"), ("label", "window, ps"),
                ("value", f"contribution, {unit}", ".4~g"), ("interval", f"{at.level} interval"),
                ("count", "ion-windows", ",d"), ("blocks", "blocks", "d"))  # fmt: skip
    of_total = tip(("label", "window, ps"), ("value", f"sum, {unit}", ".4~g"),
                   ("interval", f"{at.level} interval"), ("blocks", "blocks", "d"))  # fmt: skip
    chosen: Spec = {
        "data": {"name": total.name}, "transform": [at_window()],
        "mark": {"type": "rect", "color": INK, "opacity": 0.1}, "encoding": {"x": x},
    }  # fmt: skip
    layers = [chosen, *stacked_bars(keys, total, x, y, about, of_total, pale=FEW)]
    limit = (
        " The bar named limit is the diffusive limit, with labels over the recommended resolution:"
        " the reading above."
        if at.diffusive
        else ""
    )
    return figure(
        "contributions", source, layers, keys,
        f"Stacked bars: contribution of each event to the {what} against the length of the window.",
        f"Contribution of each event to the {what} in windows of each length. Bars are stacked "
        f"and sum to the dots, the {what} with its {at.level} interval; negative contributions are "
        f"motion against the rest. Pale: fewer than {FEWEST_BLOCKS} blocks, so that intervals are "
        f"rough estimates.{limit}",
        more=(total,), follows=("window",), height=300,
    )  # fmt: skip


def has_negative(source: Data, stack: str) -> bool:
    """Whether the negative contributions of any stack are large enough to be seen."""
    at = {c.name: k for k, c in enumerate(source.columns)}
    down: dict[str, float] = {}
    largest = 0.0
    for row in source.rows:
        value = row[at["value"]] or 0.0
        largest = max(largest, abs(value))
        down[row[at[stack]]] = down.get(row[at[stack]], 0.0) - min(value, 0.0)
    return max(down.values(), default=0.0) > 0.02 * largest


def contribution_keys(at: Reading) -> list[Key]:
    """Legend of the events of all species, and of species without a rule."""
    mine = at.species if at.charged else at.species[:1]
    events = [e for n in mine if n in at.ruled for e in frames.events_of(at, n)]
    keys = event_keys(events)
    bare = [n for n in mine if n not in at.ruled]
    greys = (GREY, "#B4B8BD", "#5E646B")
    keys += [
        Key(f"species:{n}", f"{n} (no event rule)" if at.ruled else n, greys[k % 3])
        for k, n in enumerate(bare)
    ]
    return keys


def shares(at: Reading, species: str, source: Data) -> Chart:
    """Share of every event of a species against the window."""
    keys = event_keys(frames.events_of(at, species))
    about = tip(("event", "event"), ("window", "window, ps", "~g"), ("share", "share", ".1%"),
                ("interval", f"{at.level} interval"), ("count", "ion-windows", ",d"),
                ("blocks", "blocks", "d"))  # fmt: skip
    y = value_axis("share", f"share of L({species}, {species})", axis={"format": "%"})
    layers = lines(
        keys, window_axis(at, "window (ps)"), y, about, few=FEW,
        ends=("share_low", "share_high"), text=".1%",
    )  # fmt: skip
    return figure(
        f"shares-{at.number(species)}", source, [cursor(), level(0), *layers], keys,
        f"Lines: share of every event of {species} against the window, logarithmic in time.",
        f"Shares of L({species}, {species}), which sum to one in every window, with {at.level} "
        "intervals; open symbols: few blocks. Shares depend on the window, over which the label "
        "is read.",
        follows=("window",),
    )  # fmt: skip


def _transport(at: Reading, quantities: list[str], title: str) -> tuple[list[Key], list[Spec]]:
    """Legend and lines of quantities against the lag."""
    keys = series_keys("series", quantities)
    about = tip(("quantity", "quantity"), ("window", "window, ps", "~g"), ("value", title, ".4~g"),
                ("interval", f"{at.level} interval"), ("blocks", "blocks", "d"))  # fmt: skip
    layers = lines(
        keys, window_axis(at, "window, lag (ps)"), value_axis("value", title), about, few=FEW,
        only=[one_of("quantity", quantities)],
    )  # fmt: skip
    return keys, layers


def conductivity(at: Reading, source: Data) -> Chart:
    """Conductivity and Nernst-Einstein conductivity against the lag, with running slopes."""
    keys, layers = _transport(at, ["conductivity", "Nernst-Einstein"], "conductivity (S/m)")
    slopes: Spec = {
        "transform": [shown_only(), known_only("slope")],
        "mark": {"type": "line", "strokeDash": [4, 3], "strokeWidth": 1.2},
        "encoding": {"x": window_axis(at, "window, lag (ps)"),
                     "y": value_axis("slope", "conductivity (S/m)"), "color": color(keys),
                     "opacity": faded()},
    }  # fmt: skip
    return figure(
        "conductivity", source, [*_limit_band(at), cursor(), *layers, slopes], keys,
        "Lines: conductivity and Nernst-Einstein conductivity against the lag.",
        f"Conductivity against the lag, with {at.level} intervals; open symbols: few blocks. "
        "Dashed: slope of conductivity times lag between neighbouring windows, without the part "
        "of vibration and caging."
        + (" Band: the diffusive limit with its interval, over the lags it is fitted to."
           if at.diffusive else ""),
        follows=("window",),
    )  # fmt: skip


def window_axis(at: Reading, title: str) -> Spec:
    """A logarithmic axis labelled at the windows of the scan."""
    return time_axis("window", title, [window for window, *_ in at.scan])


def _limit_band(at: Reading) -> list[Spec]:
    """Interval of the conductivity in the diffusive limit over the lags it is read from."""
    if not at.diffusive:
        return []
    value, low, high = frames.ends(at.results.decomposition, "diffusive_conductivity")
    if low is None or high is None:
        return []
    height = {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}
    middle = {"y": {"field": "value", "type": "quantitative"}}
    row = {"low": low, "high": high, "value": value}
    return [_over_lags(at, "rect", 0.12, row, height), _over_lags(at, "rule", 0.5, row, middle)]


def _over_lags(at: Reading, mark: str, opacity: float, row: Spec, height: Spec) -> Spec:
    """A mark over the lags that the diffusive limit is fitted to."""
    about = at.results.decomposition["diffusive_onsager"].attrs
    lags = {"first": float(about["first_lag_ps"]), "last": float(max(about["lag_ps"]))}
    place = {"x": {"field": "first", "type": "quantitative"}, "x2": {"field": "last"}}
    return {
        "data": {"values": [row | lags]},
        "mark": {"type": mark, "color": INK, "opacity": opacity, "clip": True},
        "encoding": place | height,
    }


def ratios(at: Reading, source: Data) -> Chart:
    """Haven ratio and transference numbers against the lag."""
    quantities = [q for q in dict.fromkeys(row[1] for row in source.rows)
                  if q not in ("conductivity", "Nernst-Einstein")]  # fmt: skip
    several = len(quantities) > 1
    keys, layers = _transport(at, quantities, "ratio" if several else quantities[0])
    return figure(
        "ratios", source, [cursor(), level(1), *layers], keys,
        f"Lines: {', '.join(quantities)} against the lag.",
        "Haven ratio (Nernst-Einstein conductivity over conductivity)"
        + (" and transference numbers (share of the conductivity)" if several else "")
        + f" against the lag, with {at.level} intervals; open symbols: few blocks. Dashed: one, "
        "the ratio of ions that move independently.",
        follows=("window",),
    )  # fmt: skip


def displacements(at: Reading, source: Data) -> tuple[Chart, Chart]:
    """Mean squared displacements, and their local exponents."""
    keys = series_keys("series", (str(row[0]).partition(":")[2] for row in source.rows))
    about = tip(("species", "species"), ("which", "displacement"), ("window", "lag, ps", "~g"),
                ("value", "square, Å²", ".4~g"), ("interval", f"{at.level} interval"),
                ("blocks", "blocks", "d"))  # fmt: skip
    x = window_axis(at, "lag (ps)")
    squares = (row[4] for row in source.rows if row[4])
    y = log_axis("value", "mean squared displacement (Å²)", squares)
    bounded = {"calculate": "max(datum.low, datum.value / 100)", "as": "least"}
    above = lines(keys, x, y, about, few=FEW, only=[{"filter": "datum.value > 0"}, bounded],
                  ends=("least", "high"))  # fmt: skip
    fitted = [_over_lags(at, "rect", 0.07, {}, {})] if at.diffusive else []
    guide: list[Spec] = [{
        "transform": [{"filter": "datum.value > 0"},
                      {"aggregate": [{"op": "argmax", "field": "window", "as": "last"}]},
                      {"calculate": "[0.03, 1]", "as": "t"}, {"flatten": ["t"]},
                      {"calculate": "datum.last.window * datum.t", "as": "x"},
                      {"calculate": "datum.last.value * datum.t * 2", "as": "y"}],
        "mark": {"type": "line", "color": INK, "strokeDash": [2, 3], "opacity": 0.6, "clip": True},
        "encoding": {"x": {"field": "x", "type": "quantitative"},
                     "y": {"field": "y", "type": "quantitative"}},
    }]  # fmt: skip
    one = figure(
        "displacements", source, [*fitted, cursor(), *guide, *above], keys,
        "Lines: mean squared displacement against the lag, both logarithmic.",
        "Mean squared displacement of single ions, and of all ions of a species together per ion "
        "(collective), whose slopes are the self-diffusivity and L(A, A). Dotted: proportional to "
        "the lag." + (" Shaded: lags of the diffusive limit." if fitted else ""),
        follows=("window",),
    )  # fmt: skip
    slope_tip = tip(("species", "species"), ("which", "displacement"),
                    ("middle", "at, ps", ".3~g"), ("exponent", "exponent", ".3f"))  # fmt: skip
    place: Spec = {
        "x": time_axis("middle", "lag (ps)"),
        "y": value_axis("exponent", "d ln MSD / d ln t", scale={"zero": False}),
        "color": color(keys), "opacity": faded(), "tooltip": slope_tip,
    }  # fmt: skip
    shown = [shown_only(), known_only("exponent")]
    other = figure(
        "exponents", source,
        [*fitted, level(1),
             {"transform": shown, "mark": {"type": "line", "strokeWidth": 1.5}, "encoding": place},
             {"transform": shown, "mark": {"type": "point", "filled": True, "size": 38},
              "encoding": place}],
        keys,
        "Lines: local exponent of the mean squared displacement against the lag.",
        "Local exponents of the displacements on the left: 1 (dashed) is diffusion, below it "
        "vibration, caging and subdiffusion.",
        follows=("window",),
    )  # fmt: skip
    return one, other
