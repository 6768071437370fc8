"""Sections of the report, with the numbers of the tables of `Results`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.number_text import ROUND_OFF, measured, number, part, stacked, unit, with_interval
from ..onsager.block_bootstrap import FEWEST_BLOCKS
from ..results.coordination import has_coordination
from ..results.displacement_spectrum import species_with_displacements
from ..results.ends import with_ends
from ..results.radial_distribution import species_with_distributions
from ..results.tables import concertedness, momentum_line
from ..results.window_tables import Coefficients
from . import frames, state_frames
from .charts import by_window, views
from .charts import coordination as shell_charts
from .charts import displacements as spectra
from .charts import events as event_charts
from .charts import macrostates as macrostate_charts
from .charts.style import event_keys, macrostate_keys
from .elements import Chart, Charts, Data, Element, Heading, Key, Section, Table, Text, data
from .frames import table_data
from .reading import Reading
from .sufficiency import sufficiency
from .top import mechanism, row_ends

if TYPE_CHECKING:
    import pandas as pd

#: Rows of tables of transitions, at most.
MOST_ROWS = 24


def _split(at: Reading) -> Table:
    table = at.results.transference(at.whole)
    keys = {k.label: k for k in event_keys(list(dict.fromkeys(str(e) for _, e in table.index)))}
    rows = [
        [str(event), str(name), _contribution(row),
         *measured(*row_ends(row, "transference"), share=True)]
        for (name, event), row in zip(table.index.to_list(), table.to_dict('records'), strict=True)
    ]  # fmt: skip
    sums = table[["conductivity", "transference"]].sum(skipna=False)
    whole = Coefficients.of(at.results, at.whole).ends("conductivity")
    return Table(
        f"The conductivity by species and event, {at.where}{_labels(table)}: "
        "contributions in S/m and as shares (transference numbers of events), which sum to 100%. A "
        "negative contribution is motion against the current of the others.",
        ("event", "species", "S/m", "share, %", at.level),
        rows,
        left=2,
        foot=("sum", "", measured(*whole)[0], part(sums["transference"]), ""),
        keys=tuple(keys[str(e)] if name in at.ruled else None for name, e in table.index),
        data=table_data("transference-by-event", table),
    )


def _labels(table: pd.DataFrame) -> str:
    """Over which lengths the labels of a table in the diffusive limit are read."""
    lengths = table.attrs.get("labels_ps", {})
    said = dict.fromkeys(f"{length:g} ps" for length in lengths.values())
    return f", labels read over {' and '.join(said)}" if said else ""


def _contribution(row: Any) -> str:
    """A contribution in S/m; zero where the share is, of which it is then the rounding error."""
    share = row["transference"]
    return "0" if abs(share) <= ROUND_OFF else number(row["conductivity"])


def transport(at: Reading) -> Section:
    """Transport coefficients, transference numbers and derived quantities."""
    results = at.results
    first, more = results.transport(at.whole), results.diffusion(at.whole)
    parts: list[Element] = [
        _quantities(
            first,
            f"Transport coefficients, {at.where}, "
            f"{results.settings['frame']} frame of reference, with {at.level} intervals. The Haven "
            "ratio is the Nernst-Einstein conductivity over the conductivity.",
            table_data("transport", first),
            at,
        )
    ]
    if "comment" in first.attrs:
        comment = str(first.attrs["comment"])
        parts.append(Text(f"{comment[:1].upper()}{comment[1:]}.", "note"))
    if at.charged and at.resampled:
        parts.append(_split(at))
    parts += [
        _quantities(
            more[~more.index.isin(first.index)],
            f"Diffusivities, {at.where}, of all ions of a species together, and of charge.",
            table_data("diffusivities", more),
            at,
        ),
        _coefficients(at),
    ]
    if at.charged and len(at.results.decomposition["window"]) > 1:
        source = frames.transport_by_window(at)
        charts = [by_window.conductivity(at, source)]
        if any(row[1] not in ("conductivity", "Nernst-Einstein") for row in source.rows):
            charts.append(by_window.ratios(at, source))
        parts.append(Charts(tuple(charts)))
    return Section("transport", "Transport coefficients", tuple(parts))


def displacements(at: Reading) -> Section | None:
    """Mean squared displacements with their exponents, and displacements by event and length."""
    charts: list[Chart] = []
    if len(at.results.decomposition["window"]) > 1:
        charts += by_window.displacements(at, frames.displacements(at))
    for name in species_with_displacements(at.results):
        source = frames.displacement_bins(at, name, f"displacements-{at.number(name)}")
        charts += [spectra.distribution(at, name, source), spectra.carried(at, name, source)]
    return Section("displacements", "Displacements", (Charts(tuple(charts)),)) if charts else None


def _quantities(table: pd.DataFrame, caption: str, source: Data, at: Reading) -> Table:
    rows = [
        [str(name), *measured(*row_ends(row, "value")), unit(str(row["unit"]))]
        for name, row in table.iterrows()
    ]
    return Table(caption, ("quantity", "value", at.level, "unit"), rows, data=source)


def _coefficients(at: Reading) -> Table:
    read = Coefficients.of(at.results, at.whole)
    rows, raw = [], []
    for k, a in enumerate(at.species):
        for b in at.species[k:]:
            where = {"species": a, "species_2": b}
            ends = read.ends("onsager", **where)
            own = read.ends("onsager_self", species=a) if a == b else (np.nan,) * 3
            name, alone = f"L({a}, {b})", with_interval(*own) if a == b else ""
            rows.append([name, *measured(*ends), alone])
            raw.append([name, *map(frames.plain, (*ends, *own))])
    each = "1/(J m s)"
    names = ("value", "low", "high", "self", "self_low", "self_high")
    return Table(
        f"Onsager coefficients in 1/(J m s), {at.where}, and their self parts: "
        "the values for ions that move independently of each other.",
        ("coefficient", "value", at.level, "self part"),
        rows,
        data=data("onsager-coefficients", ["coefficient", *((n, each) for n in names)], raw),
    )


def events(at: Reading) -> Section | None:
    """Events with their frequency and effectiveness, at the chosen window."""
    if not at.ruled:
        return None
    parts: list[Element] = []
    for name in at.ruled:
        number_of = at.number(name)
        if name != at.ruled[0]:
            reading, notes = mechanism(at, name)
            parts += [*reading, *notes]
        source = frames.events_by_window(at, name, f"events-{number_of}")
        parts.append(_events_of(at, name, source))
        if not at.diffusive:
            parts += [Text(text) for text in concertedness(at.results, at.window, name)]
        charts: list[Chart] = [event_charts.effectiveness(at, name, source)]
        if len(at.results.decomposition["window"]) > 1:
            charts.insert(0, by_window.shares(at, name, source))
        cross = frames.event_matrix(at, name, f"cross-terms-{number_of}")
        charts.append(event_charts.cross_terms(at, name, cross))
        hops = state_frames.concerted(at, name, f"linked-hops-{number_of}")
        if hops is not None:
            charts.append(event_charts.concertedness(at, name, hops))
        parts.append(Charts(tuple(charts)))
    vehicle = at.results.vehicle
    if vehicle is not None:
        parts += [_vehicularity(at, str(name)) for name in vehicle["species"].values
                  if str(name) in at.ruled]  # fmt: skip
    return Section("events", "Events", tuple(parts))


def _events_of(at: Reading, species: str, source: Data) -> Table:
    found = at.results.decomposition
    cooperative = "effectiveness_cooperative" in found
    windows = [float(w) for w in found["window"].values]
    moving = {w: _event_rows(at, species, w, cooperative=cooperative) for w in windows}
    mine = moving[at.window]
    head = ["event", "share, %", "self, %", "distinct, %", "per ion and ns", "effectiveness, Å²"]
    head += ["per cluster, Å²"] if cooperative else []
    return Table(
        f"{species} in windows of {_length(at, windows)}, with {at.level} intervals. "
        f"Share: part of the Onsager coefficient L({species}, {species}); self and distinct: its "
        "two parts, motion of single ions and correlation between ions, over the same coefficient; "
        "per ion and ns: frequency of the label; effectiveness: mean contribution per event"
        + (", and one cluster of linked hops" if cooperative else "")
        + "; count: ion-windows with the label.",
        (*head, "count"),
        mine[:-1],
        foot=tuple(mine[-1]),
        keys=tuple(event_keys([row[0] for row in mine[:-1]])),
        data=source,
        at_window=moving if len(windows) > 1 else {},
    )


def _length(at: Reading, windows: Sequence[float]) -> str:
    """The length of the windows of a table, which the reader may choose where there are several."""
    return "the chosen length" if len(windows) > 1 else f"{at.window:g} ps"


def _event_rows(at: Reading, species: str, window: float, *, cooperative: bool) -> list[list[str]]:
    """Rows of the events at a window, and their sum."""
    summary = at.results.summary(window, species=species)
    found = at.results.at_window(window).sel(species=species)
    rows = []
    for event, row in summary.iterrows():
        where = {"event": str(event)}
        cells = [
            str(event),
            stacked(*row_ends(row, "share", "share_low", "share_high"), share=True),
            part(row["self"]),
            part(row["distinct"]),
            stacked(*with_ends(found, "event_frequency", **where)),
            stacked(*with_ends(found, "effectiveness", **where)),
        ]
        if cooperative:
            cells.append(stacked(*with_ends(found, "effectiveness_cooperative", **where)))
        rows.append([*cells, f"{row['count']:.0f}"])
    sums = summary[["share", "self", "distinct", "frequency", "count"]].sum(skipna=False)
    foot = ["sum", *(part(sums[c]) for c in ("share", "self", "distinct"))]
    foot += [number(sums["frequency"]), *[""] * (1 + cooperative), f"{sums['count']:.0f}"]
    return [*rows, foot]


def _vehicularity(at: Reading, species: str) -> Table:
    table = at.results.vehicularity(species=species)
    names = ("vehicularity", "share_shell", "share_relative", "share_alone")
    rows = [
        [f"{window:g}", *(with_interval(*row_ends(row, n, f"{n}_low", f"{n}_high"), share=True)
                          for n in names)]
        for window, row in table.iterrows()
    ]  # fmt: skip
    return Table(
        f"Vehicular motion of {species}: vehicularity, 100% where ion and shell move as one body, "
        f"and the parts of its share of the shells, relative to them, and of ions without a shell; "
        f"{at.level} intervals.",
        ("window, ps", "vehicularity, %", "by shells, %", "relative, %", "alone, %"),
        rows,
        data=table_data(f"vehicularity-{at.number(species)}", table),
    )


def views_section(at: Reading) -> Section | None:
    """Shares over resolution and horizon."""
    if not at.has_paths or not at.ruled:
        return None
    charts: list[Chart] = []
    for name in at.ruled:
        source = frames.view_shares(at, name, f"slope-view-{at.number(name)}")
        if source.rows:
            charts += [views.against_horizon(at, name, source),
                       views.against_resolution(at, name, source)]  # fmt: skip
    if not charts:
        return None
    return Section("views", "Resolution and horizon", (Charts(tuple(charts)),))


def view_lengths(listed: Sequence[Section]) -> set[tuple[float, float]]:
    """Resolutions and horizons, ps, for which the figures of `views_section` have values."""
    return {
        (row[2], row[3])
        for section in listed if section.anchor == "views"
        for one in section.elements if isinstance(one, Charts)
        for figure in one.charts
        for row in figure.data[0].rows
    }  # fmt: skip


def coordination(at: Reading) -> Section | None:
    """Numbers of ligands in the shells."""
    parts: list[Element] = []
    for name in at.species:
        if not has_coordination(at.results, name):
            continue
        table = at.results.coordination(species=name)
        source = state_frames.coordination(table, f"coordination-{at.number(name)}")
        mean = table.attrs["mean"]
        rows = [
            [kind, *measured(*mean[kind, "atoms"]), *measured(*mean[kind, "molecules"])]
            for kind in dict.fromkeys(kind for kind, _ in mean)
        ]
        caption = f"Mean number of ligands in the shells of {name}, with {at.level} intervals."
        head = ("ligands", "atoms", at.level, "molecules", at.level)
        charts = [shell_charts.coordination(at, name, source)]
        if name in species_with_distributions(at.results):
            found = at.results.radial_distribution(species=name)
            curves = state_frames.radial_distribution(
                found, f"radial-distribution-{at.number(name)}"
            )
            radii = state_frames.shell_radii(found, f"shell-radii-{at.number(name)}")
            charts.append(shell_charts.radial_distribution(at, name, curves, radii))
        parts += [
            Heading(f"Shells of {name}"),
            Table(caption, head, rows, data=source),
            Charts(tuple(charts)),
        ]
    return Section("coordination", "Coordination", tuple(parts)) if parts else None


def macrostates(at: Reading) -> Section | None:
    """Populations of the macrostates and the transitions between them."""
    if at.results.transitions is None or not at.with_macrostates:
        return None
    parts: list[Element] = []
    for name in at.with_macrostates:
        one, kinds = state_frames.macrostates_of(at, name)
        if not kinds:
            continue
        number_of, keys = at.number(name), macrostate_keys(kinds)
        population = state_frames.populations(at, name, f"populations-{number_of}")
        parts += [
            Heading(f"Macrostates of {name}"),
            Table(
                f"Mean fraction of {name} in each macrostate, with its {at.level} interval"
                + (
                    f"; the {len(kinds)} most populated ones."
                    if len(kinds) == frames.MOST_IN_MATRIX
                    else "."
                ),
                ("macrostate", "population, %", at.level),
                [
                    [k, *measured(*with_ends(one, "population", macrostate_start=k), share=True)]
                    for k in kinds
                ],
                keys=tuple(keys),
                data=population,
            ),
        ]
        source = state_frames.transitions(at, name, f"transitions-{number_of}")
        parts.append(_transitions(at, name, source, keys))
        charts = [macrostate_charts.populations(at, name, population)]
        if len(kinds) > 1:
            charts += [macrostate_charts.flow(at, name, source, keys),
                       macrostate_charts.contributions(at, name, source, keys)]  # fmt: skip
            stays = state_frames.survival(at, name, f"residence-{number_of}")
            if stays is not None:
                charts.append(macrostate_charts.survival(at, name, stays))
        parts.append(Charts(tuple(charts)))
    return Section("macrostates", "Macrostates", tuple(parts)) if parts else None


def _left_out(shown: int, known: int, which: str) -> str:
    """What is said of a table without some of its rows, which its file holds."""
    return f" The {shown} {which} of {known}; the CSV file holds all." if shown < known else ""


def _transitions(at: Reading, species: str, source: Data, keys: list[Key]) -> Table:
    """Transitions at the chosen window: as many rows at each, in the order of the macrostates."""
    at_column = {c.name: k for k, c in enumerate(source.columns)}

    def known(row: Sequence[Any], name: str) -> tuple[float, float, float]:
        value, low, high = (
            float("nan") if (x := row[at_column[f"{name}{end}"]]) is None else float(x)
            for end in ("", "_low", "_high")
        )
        return value, low, high

    largest: dict[tuple[str, str], float] = {}
    for row in source.rows:
        pair = row[1], row[2]
        largest[pair] = max(largest.get(pair, 0.0), row[at_column["count"]])
    order = [k.label for k in keys]
    pairs = sorted(largest, key=lambda pair: -largest[pair])[:MOST_ROWS]
    pairs.sort(key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    moving: dict[float, list[list[str]]] = {}
    for row in source.rows:
        if (row[1], row[2]) not in pairs:
            continue
        cells = [
            row[1], row[2], with_interval(*known(row, "probability"), share=True),
            with_interval(*known(row, "rate")), f"{row[at_column['count']]:.0f}",
            with_interval(*known(row, "share"), share=True),
        ]  # fmt: skip
        moving.setdefault(row[at_column["window"]], [[*p, "-", "-", "0", "-"] for p in pairs])[
            pairs.index((row[1], row[2]))
        ] = cells
    by_name = {k.label: k for k in keys}
    return Table(
        f"Transitions of {species} in windows of {_length(at, list(moving))}: the "
        "probability to be in the second macrostate at the end of a window that began in the "
        "first, that over the length of the window (a lower bound of the rate: returns within the "
        "window are not counted), the "
        f"number of ion-windows, and the share of L({species}, {species}) they carry; {at.level} "
        "intervals." + _left_out(len(pairs), len(largest), "most frequent"),
        ("from", "to", "probability, %", "rate, 1/ns", "count", "share, %"),
        moving.get(at.window, []),
        left=2,
        keys=tuple(by_name[a] for a, _ in pairs),
        data=source,
        at_window=moving if len(moving) > 1 else {},
    )


def convergence(at: Reading) -> Section:
    """The conductivity at every window, parts of the trajectory, and time reversal."""
    rows = []
    for window, _, one in at.scan:
        mark = " *" if int(one["blocks"]) < FEWEST_BLOCKS else ""
        rows.append(
            [
                f"{window:g}{mark}",
                f"{int(one['blocks'])}",
                *(with_interval(*with_ends(one, v)) for v in ("conductivity", "nernst_einstein")),
                with_interval(*with_ends(one, "haven_ratio")),
            ]
        )
    parts: list[Element] = [
        *sufficiency(at),
        Table(
            "Conductivity against the window. It has converged where it no longer changes within "
            f"its {at.level} interval; below ten blocks, marked *, intervals are rough estimates "
            "and tend to be too narrow.",
            ("window, ps", "blocks", "conductivity, S/m", "Nernst-Einstein, S/m", "Haven ratio"),
            rows,
            data=_conductivities(at),
        ),
    ]
    if at.diffusive:
        for name in at.ruled or at.species[:1]:
            source = state_frames.running(at, name, f"running-estimate-{at.number(name)}")
            parts.append(Charts(views.running(at, name, source)))
    if (momentum := momentum_line(at.results)) is not None:
        parts.append(Text(momentum))
    if at.resampled:
        verdict = at.results.convergence(at.window)
        parts.append(Text(verdict.text))
        if len(verdict.table):
            most = verdict.table
            if len(most) > MOST_ROWS:
                most = most.nlargest(MOST_ROWS, "standard_errors")
            compared = [
                [str(species), str(test), str(what), *(number(row[c]) for c in
                 ("forward", "backward", "noise")), f"{row['standard_errors']:.1f}"]
                for (species, test, what), row in zip(
                    most.index.to_list(), most.to_dict('records'), strict=True
                )
            ]  # fmt: skip
            parts.append(
                Table(
                    f"Time reversal in windows of {at.window:g} ps: each transition and its "
                    "reverse (onsager, event: contributions, 1/(J m s); count: numbers; cycle: "
                    "net turns, expected 0), and the difference in standard errors."
                    + _left_out(len(most), len(verdict.table), "largest differences"),
                    ("species", "test", "of", "forward", "backward", "noise", "standard errors"),
                    compared,
                    left=3,
                    data=table_data("time-reversal", verdict.table),
                )
            )
    return Section("convergence", "Convergence", tuple(parts))


def _conductivities(at: Reading) -> Data:
    names = ("conductivity", "nernst_einstein", "haven_ratio")
    rows = [
        [window, int(one["blocks"]), *(x for name in names for x in frames.ends(one, name))]
        for window, _, one in at.scan
    ]
    units = dict(zip(names, ("S/m", "S/m", "1"), strict=True))
    columns = [(f"{n}{end}", units[n]) for n in names for end in ("", "_low", "_high")]
    return data("conductivity-by-window", [("window", "ps"), "blocks", *columns], rows)


def over_time(at: Reading) -> Section | None:
    """Events of single carriers."""
    found = []
    for name in at.ruled:
        source = state_frames.timeline(at, name, f"timeline-{at.number(name)}")
        if source is not None and source.rows:
            found.append(event_charts.timeline(at, name, source))
    return Section("over-time", "Events over time", tuple(found)) if found else None
