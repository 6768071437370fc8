"""Sections of the report, with the numbers of the tables of `Results`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..onsager.block_bootstrap import FEWEST_BLOCKS
from ..results.colors import EVENT_COLORS, MACROSTATE_COLORS, colors_of
from ..results.ends import with_ends
from ..results.tables import concertedness, momentum_line
from . import drawings
from .elements import Element, Heading, Headline, Listing, Section, Table, Text
from .numbers import measured, number, part, stacked, unit, with_interval
from .reading import Reading

if TYPE_CHECKING:
    import pandas as pd


def _row(row: Any, name: str, low: str = "low", high: str = "high") -> tuple[float, float, float]:
    return float(row[name]), float(row[low]), float(row[high])


def _event_colors(names: list[str]) -> tuple[str, ...]:
    return tuple(colors_of(names, EVENT_COLORS))


def headline(at: Reading) -> Section:
    """The conductivity, its contributions, and the recommended shares with the reason."""
    parts: list[Element] = [_whole(at), Text(_where_read(at))]
    if at.diffusive:
        parts.insert(1, Listing(tuple(one.text for one in at.results.verdict())))
    if not at.ruled:
        parts.append(
            Text(
                "No species has an event rule, so there is no decomposition by events: give a "
                "species events=..., e.g. SolvationEvents().",
                "note",
            )
        )
    for name in at.ruled:
        parts += _mechanism(at, name)
        parts += drawings.drawn(at, name, (drawings.FIRST,))
    return Section("result", "Result", tuple(parts))


def _whole(at: Reading) -> Headline:
    data = at.results.decomposition if at.diffusive else at.results.at_window(at.longest)
    label, name, where = "Conductivity", "conductivity", {}
    if not at.charged:
        first = at.species[0]
        label, name = f"Onsager coefficient L({first}, {first})", "onsager"
        where = {"species": first, "species_2": first}
    name = f"diffusive_{name}" if at.diffusive else name
    value, reach = measured(*with_ends(data, name, **where))
    said = (
        "no interval: fewer than three blocks" if reach == "-" else f"{at.level} interval {reach}"
    )
    return Headline(label, value, unit(data[name].attrs["units"]), said)


def _where_read(at: Reading) -> str:
    data = at.results.decomposition
    frame = f"Displacements are measured in the {at.results.settings['frame']} frame of reference."
    if at.diffusive:
        about = data["diffusive_onsager"].attrs
        return (
            f"In the diffusive limit: from all lags from {float(about['first_lag_ps']):g} to "
            f"{float(np.max(about['lag_ps'])):g} ps, with {int(about['blocks'])} blocks of time "
            f"origins for its interval; the values of single windows are under Convergence. {frame}"
        )
    blocks = at.blocks_of(at.longest)
    shortest, longest = (float(data["window"][k]) for k in (0, -1))
    if blocks < FEWEST_BLOCKS:
        return (
            f"From windows of {at.longest:g} ps, the shortest of the run: no window has "
            f"{FEWEST_BLOCKS} blocks of time origins for its interval ({blocks} here), so this "
            f"interval is a rough estimate and the trajectory is short for its windows. {frame}"
        )
    why = (
        f"the only window of the run, with {blocks} blocks of time origins for its interval"
        if shortest == longest
        else f"the longest of {shortest:g} to {longest:g} ps with {FEWEST_BLOCKS} blocks of time "
        f"origins or more for its interval ({blocks} here): shorter windows include vibration and "
        "caging; the values of all windows are under Convergence"
    )
    return f"From windows of {at.longest:g} ps, {why}. {frame}"


def _split(at: Reading) -> Table:
    table = at.results.transference(at.whole)
    events = [str(event) for _, event in table.index]
    kinds = list(dict.fromkeys(events))
    colors = dict(zip(kinds, _event_colors(kinds), strict=True))
    rows = [
        [str(event), str(name), number(row["conductivity"]),
         *measured(*_row(row, "transference"), share=True)]
        for (name, event), row in zip(table.index.to_list(), table.to_dict('records'), strict=True)
    ]  # fmt: skip
    sums = table[["conductivity", "transference"]].sum(skipna=False)
    return Table(
        f"The conductivity by species and event, {at.where}: "
        "contributions in S/m and as shares (transference numbers of events), which sum to one. A "
        "negative contribution is motion against the current of the others.",
        ("event", "species", "S/m", "share", at.level),
        rows,
        left=2,
        foot=("sum", "", number(sums["conductivity"]), part(sums["transference"]), ""),
        colors=tuple(colors[e] for e in events),
    )


def _mechanism(at: Reading, species: str) -> list[Element]:
    """Shares of one species at the recommended resolution and horizon, with the reason."""
    out: list[Element] = [Heading(f"Contributions to {species} transport")]
    if not at.has_paths:
        out.append(
            Text(
                "This run has the window view alone, in which labels and displacements are of the "
                f"same length, here {at.window:g} ps, on which the shares depend. A run with "
                "resolutions='log' and horizons='log' shows where shares do not depend on it."
            )
        )
        return [
            *out,
            _shares(at, at.results.summary(at.window, species=species), _window_words(at)),
        ]
    advice = at.results.recommend(species=species)
    out.append(Text(advice.text))
    if not at.diffusive:
        out.append(
            Text(
                f"So the shares below are those of windows of {at.window:g} ps, and depend on the "
                "window.",
                "note",
            )
        )
        return [
            *out,
            _shares(at, at.results.summary(at.window, species=species), _window_words(at)),
        ]
    table = at.results.summary(species=species, view="diffusive")
    words = (
        f"diffusive limit, labels read over {table.attrs['resolution_ps']:g} ps, in which "
        f"{table.attrs['repeated']:.1%} of the ions have more than one elementary change"
    )
    more = (
        "Shares depend on the length over which labels are read: those of every window are in the "
        f"figure, those of {at.window:g} ps under Events."
    )
    out += [_shares(at, table, words), Text(more)]
    if table.attrs["resolution_ps"] in at.results.decomposition["window"].values:
        out += [
            Text(text) for text in concertedness(at.results, table.attrs["resolution_ps"], species)
        ]
    return out


def _window_words(at: Reading) -> str:
    return f"windows of {at.window:g} ps"


def _shares(at: Reading, table: pd.DataFrame, words: str) -> Table:
    name = table.attrs["species"]
    events = [str(e) for e in table.index]
    rows = [
        [str(event), *measured(*_row(row, "share", "share_low", "share_high"), share=True)]
        for event, row in table.iterrows()
    ]
    return Table(
        f"Shares of the Onsager coefficient L({name}, {name}), {words}.",
        ("event", "share", at.level),
        rows,
        foot=("sum", part(table["share"].sum(skipna=False)), ""),
        colors=_event_colors(events),
    )


def warnings(at: Reading) -> Section:
    """Warnings of the run, and the additivity of the contributions."""
    said = tuple(f"{text[0].upper()}{text[1:].rstrip('.')}." for text in at.results.warnings)
    first = Listing(said, "warning") if said else Text("The run gave no warnings.")
    within = number(at.results.settings["residual"])
    residual = Text(
        f"Additivity: contributions sum to the whole with a relative residual of {within}, the "
        "largest of all windows, resolutions and horizons; one above 1e-10 would have stopped the "
        "run."
    )
    return Section("warnings", "Read before quoting a number", (first, residual))


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
            at,
        ),
        _coefficients(at),
    ]
    return Section("transport", "Transport coefficients", tuple(parts))


def _quantities(table: pd.DataFrame, caption: str, at: Reading) -> Table:
    rows = [
        [str(name), *measured(*_row(row, "value")), unit(str(row["unit"]))]
        for name, row in table.iterrows()
    ]
    return Table(caption, ("quantity", "value", at.level, "unit"), rows)


def _coefficients(at: Reading) -> Table:
    data = at.results.decomposition if at.diffusive else at.results.at_window(at.longest)
    head = "diffusive_" if at.diffusive else ""
    rows = [
        [
            f"L({a}, {b})",
            *measured(*with_ends(data, f"{head}onsager", species=a, species_2=b)),
            with_interval(*with_ends(data, f"{head}onsager_self", species=a)) if a == b else "",
        ]
        for k, a in enumerate(at.species)
        for b in at.species[k:]
    ]
    return Table(
        f"Onsager coefficients in 1/(J m s), {at.where}, and their self parts: "
        "the values for ions that move independently of each other.",
        ("coefficient", "value", at.level, "self part"),
        rows,
    )


def events(at: Reading) -> Section | None:
    """Events with their frequency and effectiveness, at one window."""
    if not at.ruled:
        return None
    parts: list[Element] = []
    for name in at.ruled:
        parts.append(_events_of(at, name))
        parts += [Text(text) for text in concertedness(at.results, at.window, name)]
    vehicle = at.results.vehicle
    if vehicle is not None:
        parts += [_vehicularity(at, str(name)) for name in vehicle["species"].values
                  if str(name) in at.ruled]  # fmt: skip
    return Section("events", "Events", tuple(parts))


def _events_of(at: Reading, species: str) -> Table:
    summary = at.results.summary(at.window, species=species)
    data = at.results.at_window(at.window).sel(species=species)
    cooperative = "effectiveness_cooperative" in data
    rows = []
    for event, row in summary.iterrows():
        where = {"event": str(event)}
        cells = [
            str(event),
            stacked(*_row(row, "share", "share_low", "share_high"), share=True),
            part(row["self"]),
            part(row["distinct"]),
            stacked(*with_ends(data, "event_frequency", **where)),
            stacked(*with_ends(data, "effectiveness", **where)),
        ]
        if cooperative:
            cells.append(stacked(*with_ends(data, "effectiveness_cooperative", **where)))
        rows.append([*cells, f"{row['count']:.0f}"])
    sums = summary[["share", "self", "distinct", "frequency", "count"]].sum(skipna=False)
    foot = ["sum", *(part(sums[c]) for c in ("share", "self", "distinct"))]
    foot += [number(sums["frequency"]), *[""] * (1 + cooperative), f"{sums['count']:.0f}"]
    head = ["event", "share", "self", "distinct", "per ion and ns", "effectiveness, Å²"]
    head += ["per cluster, Å²"] if cooperative else []
    return Table(
        f"{species} in windows of {at.window:g} ps, with {at.level} intervals. Share: part of the "
        f"Onsager coefficient L({species}, {species}); self and distinct: its two parts, motion "
        "of single ions and correlation between ions, over the same coefficient; per ion and ns: "
        "frequency of the label; effectiveness: mean contribution per event"
        + (", and one cluster of linked hops" if cooperative else "")
        + "; count: ion-windows with the label.",
        (*head, "count"),
        rows,
        foot=tuple(foot),
        colors=_event_colors([str(e) for e in summary.index]),
    )


def _vehicularity(at: Reading, species: str) -> Table:
    table = at.results.vehicularity(species=species)
    names = ("vehicularity", "share_shell", "share_relative", "share_alone")
    rows = [
        [f"{window:g}", *(with_interval(*_row(row, n, f"{n}_low", f"{n}_high"), share=True)
                          for n in names)]
        for window, row in table.iterrows()
    ]  # fmt: skip
    return Table(
        f"Vehicular motion of {species}: vehicularity, 1 where ion and shell move as one body, and "
        f"the parts of its share of the shells, relative to them, and of ions without a shell; "
        f"{at.level} intervals.",
        ("window, ps", "vehicularity", "by shells", "relative", "alone"),
        rows,
    )


def macrostates(at: Reading) -> Section | None:
    """Populations of the macrostates and the transitions between them."""
    data = at.results.transitions
    if data is None or not at.with_macrostates:
        return None
    parts: list[Element] = []
    for name in at.with_macrostates:
        one = data.sel(species=name)
        kinds = [str(k) for k in one["macrostate_start"].values
                 if np.isfinite(one["population"].sel(macrostate_start=k))]  # fmt: skip
        parts.append(
            Table(
                f"Macrostates of {name}: mean fraction of carriers, with its {at.level} interval.",
                ("macrostate", "population", at.level),
                [
                    [k, *measured(*with_ends(one, "population", macrostate_start=k), share=True)]
                    for k in kinds
                ],
                colors=tuple(colors_of(kinds, MACROSTATE_COLORS)),
            )
        )
        moved = one.sel(window=at.window)
        pairs = [{"macrostate_start": a, "macrostate_end": b} for a in kinds for b in kinds]
        rows = [
            [
                pair["macrostate_start"],
                pair["macrostate_end"],
                with_interval(*with_ends(moved, "transition_probability", **pair), share=True),
                f"{float(moved['transition_count'].sel(pair)):.0f}",
                with_interval(*with_ends(moved, "transition_onsager", **pair)),
            ]
            for pair in pairs
            if float(moved["transition_count"].sel(pair)) > 0
        ]
        parts.append(
            Table(
                f"Transitions of {name} that occur in windows of {at.window:g} ps: the "
                "probability to be in the second macrostate at the end of a window that began in "
                "the first, the number of ion-windows, and their contribution to the Onsager "
                f"coefficient, with {at.level} intervals.",
                ("start", "end", "probability", "count", "contribution, 1/(J m s)"),
                rows,
                left=2,
            )
        )
    return Section("macrostates", "Macrostates", tuple(parts))


def convergence(at: Reading) -> Section:
    """The conductivity at every window, and the test of time reversal."""
    data = at.results.decomposition
    rows = []
    for window in data["window"].values:
        one = data.sel(window=window)
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
        Table(
            "Conductivity against the window. It has converged where it no longer changes within "
            f"its {at.level} interval; below ten blocks, marked *, intervals are rough estimates "
            "and tend to be too narrow.",
            ("window, ps", "blocks", "conductivity, S/m", "Nernst-Einstein, S/m", "Haven ratio"),
            rows,
        )
    ]
    if (momentum := momentum_line(at.results)) is not None:
        parts.append(Text(momentum))
    if at.resampled:
        verdict = at.results.convergence(at.window)
        parts.append(Text(verdict.text))
        if len(verdict.table):
            compared = [
                [str(species), str(test), str(what), *(number(row[c]) for c in
                 ("forward", "backward", "noise")), f"{row['standard_errors']:.1f}"]
                for (species, test, what), row in zip(
                    verdict.table.index.to_list(), verdict.table.to_dict('records'), strict=True
                )
            ]  # fmt: skip
            parts.append(
                Table(
                    f"Time reversal in windows of {at.window:g} ps: each transition and its "
                    "reverse (onsager, event: contributions, 1/(J m s); count: numbers; cycle: "
                    "net turns, expected 0), and the difference in standard errors.",
                    ("species", "test", "of", "forward", "backward", "noise", "standard errors"),
                    compared,
                    left=3,
                )
            )
    return Section("convergence", "Convergence", tuple(parts))
