"""Sections of the channels of hops in crystals: rates, their network, apparent barriers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.number_text import measured, number, with_interval
from ..results.hop_barriers import FEWEST_HOPS, Barrier, channel_barriers
from ..results.hop_channels import species_with_channels
from ..results.hop_network import CHANNEL_COLORS, Curve, Edge, colors_of_channels, edges_of, network
from .charts.hop_channels import channel_temperatures, hop_network
from .elements import Chart, Charts, Data, Element, Heading, Key, Section, Table, data
from .frames import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from .reading import Reading

#: Rows of the table, at most: the most frequent channels.
MOST_ROWS = 24
#: Channels in the data of a page, at most: of sites with a label each there are thousands.
MOST_IN_DATA = 400


def section(at: Reading) -> Section | None:
    """Rates of hops by channel, and the network of site labels."""
    parts: list[Element] = []
    able = species_with_channels(at.results)
    for name in able:
        table = at.results.hop_channels(species=name)
        edges = edges_of(table)
        keys = {
            one: Key(f"channel:{one}", one, color)
            for one, color in colors_of_channels(edges).items()
        }
        kept = [one for k, one in enumerate(edges) if k < MOST_IN_DATA or one.name in keys]
        source = channel_rates(kept, f"hop-channels-{at.number(name)}")
        parts += [Heading(f"Hops of {name}")] if len(able) > 1 else []
        parts += [
            _rates(at, name, edges, keys, source),
            _sites(table, name, f"sites-{at.number(name)}"),
            Charts((_network(at, name, table, keys, source, len(edges)),)),
        ]
    return Section("hop-channels", "Hop channels", tuple(parts)) if parts else None


def _rates(at: Reading, species: str, edges: list[Edge], keys: dict[str, Key], source: Data) -> Any:
    shown = edges[:MOST_ROWS]
    rows = []
    for one in shown:
        there_and_back = one.start != one.end
        rows.append([
            one.name, number(one.flux), with_interval(*one.forward[:3]),
            with_interval(*one.backward[:3]) if there_and_back else "",
            f"{one.forward[3]} + {one.backward[3]}" if there_and_back else f"{one.hops}",
        ])  # fmt: skip
    most = "" if len(shown) == len(edges) else f" The {len(shown)} most frequent of {len(edges)}."
    return Table(
        f"Hops of {species} from site to site by channel: labels of both sites and their distance. "
        "Rates are per ion on a site with the first label, and back, with "
        f"{at.level} intervals; hops there + back, which are as many at equilibrium. Changes from "
        "frame to frame are counted: two hops between two frames are one hop over the sum of both."
        f"{most}",
        ("channel", "per ion and ns", "rate, 1/ns", "back, 1/ns", "hops"),
        rows,
        keys=tuple(keys.get(one.name) for one in shown),
        data=source,
    )


def _sites(table: pd.DataFrame, species: str, file: str) -> Table:
    sites = table.attrs["sites"]
    raw = [[label, n, plain(mean)] for label, (n, mean) in sites.items()]
    return Table(
        f"Sites of {species}: their number, and the mean number of ions on each.",
        ("label", "sites", "occupancy"),
        [[label, f"{n}", number(mean)] for label, (n, mean) in sites.items()],
        data=data(file, ["label", "sites", "occupancy"], raw),
    )


def channel_rates(edges: list[Edge], name: str) -> Data:
    """Channels with the rates of both directions."""
    rows = []
    for one in edges:
        back: list[float | None] = [None] * 4
        if one.start != one.end:
            back = [*map(plain, one.backward[:3]), one.backward[3]]
        rows.append(
            [f"channel:{one.name}", one.name, one.start, one.end, one.distance, one.flux,
             *map(plain, one.forward[:3]), one.forward[3], *back]
        )  # fmt: skip
    each = "1/ns"
    columns: list[str | tuple[str, str]] = ["key", "channel", "start", "end"]
    columns += [("distance", "angstrom"), ("flux", each)]
    for stem in ("rate", "back"):
        columns += [(f"{stem}{end}", each) for end in ("", "_low", "_high")]
        columns += ["count" if stem == "rate" else "count_back"]
    return data(name, columns, rows)


def _network(
    at: Reading, species: str, table: pd.DataFrame, keys: dict[str, Key], source: Data,
    n_channels: int,
) -> Chart:  # fmt: skip
    nodes, curves = network(table)
    columns = {c.name: k for k, c in enumerate(source.columns)}
    about = {row[columns["channel"]]: row for row in source.rows}
    known = ("channel", "flux", "rate", "rate_low", "rate_high", "back", "back_low", "back_high")
    lines = data(
        f"{source.name}-lines",
        ["key", *known, "step", "x", "y", "thickness"],
        [
            [f"channel:{one.edge.name}", *(about[one.edge.name][columns[n]] for n in known), k,
             round(float(x), 3), round(float(y), 3), one.thickness]
            for one in curves for k, (x, y) in enumerate(zip(one.x, one.y, strict=True))
        ],
    )  # fmt: skip
    words = data(
        f"{source.name}-distances", ["key", "distance", "x", "y", "side"],
        [[f"channel:{c.edge.name}", f"{c.edge.distance:.2f}", *c.middle, _side(c)] for c in curves],
    )  # fmt: skip
    circles = data(
        f"{source.name}-sites", ["label", "sites", "occupancy", "x", "y"],
        [[n.label, n.sites, n.occupancy, n.x, n.y] for n in nodes],
    )  # fmt: skip
    return hop_network(
        at,
        species,
        (source, lines, words, circles),
        list(keys.values()),
        nodes,
        curves,
        n_channels,
    )


def _side(curve: Curve) -> int:
    """Where the text is: beside a loop to the left (-1) or right (1), else above the line."""
    is_loop = curve.edge.start == curve.edge.end
    x, y = curve.middle
    return int(np.sign(x)) if is_loop and abs(x) > abs(y) else 0


def barriers_section(readings: Sequence[Reading]) -> Section | None:
    """Rates of hops at several temperatures, with apparent barriers."""
    kelvin = [float(at.results.settings["temperature_K"]) for at in readings]
    holding = [k for k, at in enumerate(readings) if species_with_channels(at.results)]
    if len({kelvin[k] for k in holding}) < 2:
        return None
    found = channel_barriers([readings[k].results for k in holding])[:MOST_IN_DATA]
    with_fit = [one for one in found if np.isfinite(one.energy)]
    several = len({one.species for one in found}) > 1
    names = {id(one): f"{one.species}, {one.name}" if several else one.name for one in found}
    keys = {
        id(one): Key(f"channel:{names[id(one)]}", names[id(one)], color)
        for one, color in zip(with_fit, CHANNEL_COLORS, strict=False)
    }
    shown = found[:MOST_ROWS]
    rows = []
    for one in shown:
        ends = one.energy, one.energy - one.error, one.energy + one.error
        why = f"fewer than two temperatures with {FEWEST_HOPS} hops"
        chi2 = f"{one.reduced_chi2:.1f}" if np.isfinite(one.reduced_chi2) else "-"
        rows.append([
            names[id(one)],
            *(with_interval(*x) for x in zip(one.rate, one.low, one.high, strict=True)),
            *measured(*ends), chi2, "" if np.isfinite(one.energy) else why,
        ])  # fmt: skip
    each = [f"{t:g} K, 1/ns" for t in found[0].temperature]
    most = "" if len(shown) == len(found) else f" The {len(shown)} fastest of {len(found)}."
    source = _barrier_rows(found, names)
    parts: list[Element] = [
        Table(
            "Rates of hops per ion on a site with the first label, with "
            f"{readings[0].level} intervals, and apparent barriers in eV with their standard "
            "errors: slope of the logarithm of the rate against 1 / kB T, of rates from "
            f"{FEWEST_HOPS} hops or more. Deviation: mean square from the line in standard errors, "
            "about 1 where the line fits; above 1 its root widens the error. A barrier holds the "
            "changes of occupancies with temperature, and is not that of a single path."
            f"{most}",
            ("channel", *each, "barrier, eV", "with its standard error", "deviation",
             "why there is none"),
            rows,
            keys=tuple(keys.get(id(one)) for one in shown),
            data=source,
        )
    ]  # fmt: skip
    drawn = [one for one in with_fit if id(one) in keys]
    if drawn:
        chart = channel_temperatures(
            _points(drawn, names), _lines(drawn, names), list(keys.values()), readings[0].level
        )
        parts.append(Charts((chart,)))
    return Section("hop-channels", "Hop channels", tuple(parts))


def _barrier_rows(found: Sequence[Barrier], names: dict[int, str]) -> Data:
    rows = [
        [one.species, names[id(one)], one.start, one.end, one.distance, t,
         *map(plain, (rate, low, high)), used, *map(plain, (one.energy, one.error,
         one.reduced_chi2))]
        for one in found
        for t, rate, low, high, used in one.points()
    ]  # fmt: skip
    each = "1/ns"
    return data(
        "hop-barriers",
        ["species", "channel", "start", "end", ("distance", "angstrom"), ("temperature", "K"),
         ("rate", each), ("low", each), ("high", each), "fitted", ("barrier", "eV"),
         ("error", "eV"), "deviation"],
        rows,
    )  # fmt: skip


def _points(drawn: Sequence[Barrier], names: dict[int, str]) -> Data:
    rows = [
        [f"channel:{names[id(one)]}", names[id(one)], t, 1000 / t,
         *map(plain, (rate, low, high)), used]
        for one in drawn
        for t, rate, low, high, used in one.points()
        if rate > 0
    ]  # fmt: skip
    each = "1/ns"
    return data(
        "hop-rates-by-temperature",
        ["key", "channel", ("temperature", "K"), ("inverse", "1000/K"), ("value", each),
         ("low", each), ("high", each), "fitted"],
        rows,
    )  # fmt: skip


def _lines(drawn: Sequence[Barrier], names: dict[int, str]) -> Data:
    rows = [
        [f"channel:{names[id(one)]}", names[id(one)], 1000 / float(t), one.rate_at(float(t))]
        for one in drawn for t in one.temperature
    ]  # fmt: skip
    return data(
        "hop-barrier-lines", ["key", "channel", ("inverse", "1000/K"), ("value", "1/ns")], rows
    )
