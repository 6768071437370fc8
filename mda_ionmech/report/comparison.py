"""One page that compares several results: values, differences, temperatures, settings."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..lib.errors import InputError
from ..lib.number_text import measured, number, unit
from ..results.arrhenius import arrhenius
from ..results.difference import Difference, difference, spread
from ..results.results import Results
from ..results.same_settings import differing
from . import hop_channels, provenance
from .bibliography import ENTRIES
from .charts import comparison as charts
from .elements import (
    Charts,
    Element,
    Folded,
    Heading,
    Listing,
    Numbered,
    Page,
    Pairs,
    Section,
    Table,
    Text,
    Tree,
    data,
)
from .frames import plain, table_data
from .reading import Reading
from .top import row_ends, whole

#: Standard errors by which two values must differ to be told apart.
APART = 2.0
#: Probabilities below this are not told apart.
NEGLIGIBLE = 1e-6
#: Part of the tests that errors alone make larger than `APART`.
BY_CHANCE = 0.046


@dataclass(frozen=True)
class Value:
    """One quantity of one run."""

    quantity: str
    run: str
    ends: tuple[float, float, float]
    unit: str


@dataclass(frozen=True)
class Runs:
    """The results that are compared, by name, in the order given, or of temperature.

    Attributes
    ----------
    readings : dict of str to Reading
    level : float
        Of all intervals.
    """

    readings: dict[str, Reading]
    level: float

    @property
    def names(self) -> list[str]:
        """The names of the runs."""
        return list(self.readings)

    @property
    def temperatures(self) -> list[float]:
        """Of each run, K."""
        return [float(at.results.settings["temperature_K"]) for at in self.readings.values()]


def comparison_page(
    results: Sequence[Results],
    window: float | None,
    described: Sequence[tuple[tuple[str, str], ...]],
    sources: Sequence[Path | None],
) -> Page:
    """The page of several results.

    Parameters
    ----------
    results : sequence of Results
    window : float, optional
        Of the events where there is no diffusive limit, ps.
    described : sequence of tuple
        Name, size and checksum of each file.
    sources : sequence of pathlib.Path
        The files, None where not known.

    Returns
    -------
    Page

    Raises
    ------
    InputError
        For results with intervals of different levels.
    """
    runs, files = _runs(results, window, described, sources)
    values = _values(runs)
    compared = _differences(values, runs)
    sections = [
        _values_section(values, compared, runs),
        _shares_section(runs),
        _against_lag(runs),
        _temperature(runs),
        hop_channels.barriers_section(list(runs.readings.values())),
        _settings(runs),
        _each(runs, files),
        Section("methods", "Methods", (Text(_METHOD), Numbered((f"{ENTRIES['zou2008'].text}.",)))),
    ]
    versions = dict.fromkeys(str(r.tree.attrs["created_with"]) for r in results)
    species = dict.fromkeys(n for at in runs.readings.values() for n in at.species)
    return Page(
        title=f"Ion transport of {', '.join(species)}: {len(results)} runs",
        subtitle=", ".join(f"{n} ({t:g} K)"
                           for n, t in zip(runs.names, runs.temperatures, strict=True)),
        top=tuple(_top(values, compared, runs)),
        sections=tuple(one for one in sections if one is not None and one.elements),
        sliders=(),
        made_by=", ".join(versions),
    )  # fmt: skip


_METHOD = (
    "Runs are compared in the diffusive limit where they have one, else in the longest window with "
    "ten blocks or more. The interval of a difference is made from those of its terms, which are "
    "independent [1]; a difference in standard errors is that over its error on the side towards "
    "zero. The spread between runs is the mean square of the deviations from the weighted mean in "
    "standard errors, over the number of runs less one: about 1 where runs differ by their errors "
    "alone. How each run was made is on its own page: ionmech report with that file alone."
)


def _runs(
    results: Sequence[Results],
    window: float | None,
    described: Sequence[tuple[tuple[str, str], ...]],
    sources: Sequence[Path | None],
) -> tuple[Runs, dict[str, tuple[tuple[str, str], ...]]]:
    """Readings with unique names, by temperature where it differs, and the file of each."""
    stems = [
        str(r.settings.get("trajectory") or "in memory") if file is None else file.stem
        for r, file in zip(results, sources, strict=True)
    ]
    kelvin = [f"{float(r.settings['temperature_K']):g} K" for r in results]
    if len(set(stems)) < len(stems) == len(set(kelvin)):
        stems = kelvin
    names = [
        stem if stems.count(stem) == 1 else f"{stem} ({k + 1})" for k, stem in enumerate(stems)
    ]
    levels = {float(r.decomposition["onsager_low"].attrs["level"]) for r in results}
    if len(levels) > 1:
        raise InputError(
            f"the results have intervals of levels {', '.join(f'{x:g}' for x in sorted(levels))}, "
            "which cannot be compared; run them with the same level=..."
        )
    order = sorted(range(len(names)), key=lambda k: float(results[k].settings["temperature_K"]))
    readings = {names[k]: Reading.of(results[k], window) for k in order}
    return Runs(readings, levels.pop()), {names[k]: described[k] for k in order}


def _values(runs: Runs) -> list[Value]:
    """Transport coefficients and shares of every run, quantity after quantity."""
    found: dict[str, list[Value]] = {}
    for run, at in runs.readings.items():
        table = at.results.transport(at.whole)
        for name, row in table.iterrows():
            one = Value(str(name), run, row_ends(row, "value"), str(row["unit"]))
            found.setdefault(one.quantity, []).append(one)
    for run, at in runs.readings.items():
        for species in at.ruled:
            table = charts.shares_of(at, species)
            for event, row in table.iterrows():
                ends = row_ends(row, "share", "share_low", "share_high")
                if max(map(abs, ends)) > 1e-12:  # not where it never occurs
                    one = Value(f"share of {event}, {species}", run, ends, "1")
                    found.setdefault(one.quantity, []).append(one)
    return [one for listed in found.values() for one in listed]


def _differences(values: Sequence[Value], runs: Runs) -> list[tuple[Value, Value, Difference]]:
    """Of every quantity: the first run that has it, each other, and their difference."""
    first: dict[str, Value] = {}
    out = []
    for one in values:
        if one.quantity in first:
            ends = first[one.quantity].ends
            if len({*ends, *one.ends}) > 1:  # not what is one number by definition
                out.append((first[one.quantity], one, difference(ends, one.ends, runs.level)))
        else:
            first[one.quantity] = one
    return out


def _top(
    values: Sequence[Value], compared: Sequence[tuple[Value, Value, Difference]], runs: Runs
) -> list[Element]:
    said = []
    for run, at in runs.readings.items():
        main = whole(at)
        reach = main.interval.removeprefix(f"{at.level} interval ")
        said.append(f"{run}: {main.label[:1].lower()}{main.label[1:]} {main.value} {main.unit} "
                    f"({reach}), {at.where}.")  # fmt: skip
    headline, *clearest = _verdict(compared)
    out: list[Element] = [
        Listing((headline,), "verdict first"),
        Listing((*said, *clearest), "verdict"),
    ]
    warned: dict[str, list[str]] = {}
    for run, at in runs.readings.items():
        for text in at.results.warnings:
            warned.setdefault(text.rstrip("."), []).append(run)
    notes = [f"{', '.join(mine)}: {text}." for text, mine in warned.items()]
    kinds = {at.diffusive for at in runs.readings.values()}
    if len(kinds) > 1:
        notes.insert(
            0,
            "Some runs have a diffusive limit and others do not: their values are those of "
            "windows, which include vibration and caging.",
        )
    out.append(charts.contributions(runs.readings))
    out.append(Heading("Read before quoting a number"))
    out.append(Listing(tuple(notes), "warning") if notes else Text("The runs gave no warnings."))
    return out


def _verdict(compared: Sequence[tuple[Value, Value, Difference]]) -> list[str]:
    """How many quantities differ between runs, and the clearest differences."""
    known = [(a, b, d) for a, b, d in compared if np.isfinite(d.standard_errors)]
    if not known:
        return ["No difference between these runs has a known error."]
    apart = [one for one in known if abs(one[2].standard_errors) >= APART]
    if not apart:
        return [
            f"None of the {len(known)} differences from {known[0][0].run} exceeds {APART:g} "
            "standard errors."
        ]
    apart.sort(key=lambda one: -abs(one[2].standard_errors))
    clearest = [
        f"{b.quantity} of {b.run} ({_change(a, b)}, {abs(d.standard_errors):.1f} standard errors)"
        for a, b, d in apart[:3]
    ]
    return [
        f"{len(apart)} of {len(known)} differences from {known[0][0].run} exceed {APART:g} "
        f"standard errors; about {BY_CHANCE * len(known):.1f} would by chance.",
        f"The clearest: {'; '.join(clearest)}.",
    ]


def _change(first: Value, other: Value) -> str:
    """How a value differs, in words."""
    a, b = first.ends[0], other.ends[0]
    if first.unit == "1":
        return f"{number(a)} to {number(b)}"
    ratio = b / a if a else float("nan")
    return f"{ratio:.2g} times that of {first.run}"


def _values_section(
    values: Sequence[Value], compared: Sequence[tuple[Value, Value, Difference]], runs: Runs
) -> Section:
    level = next(iter(runs.readings.values())).level
    quantities = list(dict.fromkeys(v.quantity for v in values))
    by = {(v.quantity, v.run): v for v in values}
    rows: list[list[str]] = []
    spreads: list[list[str]] = []
    raw_spreads: list[list[Any]] = []
    for name in quantities:
        units = {v.unit for v in values if v.quantity == name}
        cells = [_cell(by.get((name, run))) for run in runs.names]
        rows.append([name, *cells, unit(units.pop())])
        mine = [by[name, run].ends for run in runs.names if (name, run) in by]
        found = spread(mine, runs.level) if len(mine) == len(runs.names) > 2 else None
        if found is not None:
            shown = measured(found.mean, found.mean - found.error, found.mean + found.error)
            spreads.append([name, *shown, f"{found.reduced_chi2:.2f}",
                            _probability(found.probability)])  # fmt: skip
            raw_spreads.append([name, found.mean, found.error, found.reduced_chi2,
                                found.probability])  # fmt: skip
    raw = data(
        "values-by-run", ["quantity", "run", "value", "low", "high", "unit"],
        [[v.quantity, v.run, *map(plain, v.ends), v.unit] for v in values],
    )  # fmt: skip
    parts: list[Element] = [
        Table(
            f"Transport coefficients and shares of every run, with {level} intervals.",
            ("quantity", *runs.names, "unit"), rows, data=raw,
        ),
        _difference_table(compared, level),
    ]  # fmt: skip
    if spreads:
        parts.append(
            Table(
                "Weighted mean of all runs, and whether they differ by more than their errors: for "
                "replicas of one system the spread is about 1; for runs of different systems or "
                "temperatures the mean has no meaning.",
                ("quantity", "mean", "with its standard error", "spread", "probability"),
                spreads,
                data=data("spread-between-runs", ["quantity", "mean", "standard_error", "spread",
                                                  "probability"], raw_spreads),
            )
        )  # fmt: skip
    return Section("values", "Values and differences", tuple(parts))


def _probability(value: float) -> str:
    """A probability, without digits where it is negligible."""
    return f"< {number(NEGLIGIBLE)}" if value < NEGLIGIBLE else number(value)


def _cell(one: Value | None) -> str:
    if one is None:
        return "-"
    text, reach = measured(*one.ends)
    return text if reach == "-" else f"{text}\n{reach}"


def _difference_table(compared: Sequence[tuple[Value, Value, Difference]], level: str) -> Table:
    rows, raw = [], []
    for first, one, found in compared:
        ends = (found.value, found.low, found.high)
        known = np.isfinite(found.standard_errors)
        apart = known and abs(found.standard_errors) >= APART
        rows.append([
            one.quantity, one.run, *measured(*ends), unit(one.unit),
            f"{found.standard_errors:.1f}" if known else "-",
            "differs" if apart else "not told apart" if known else "not known",
        ])  # fmt: skip
        raw.append([one.quantity, one.run, first.run, *map(plain, ends), one.unit,
                    plain(found.standard_errors)])  # fmt: skip
    first_run = compared[0][0].run if compared else ""
    return Table(
        f"Differences from {first_run}, or the first run that has the quantity, with {level} "
        f"intervals; {APART:g} standard errors or more are told apart.",
        ("quantity", "run", "difference", level, "unit", "standard errors", "finding"),
        rows,
        left=2,
        data=data("differences",
                  ["quantity", "run", "from", "difference", "low", "high", "unit",
                   "standard_errors"], raw),
    )  # fmt: skip


def _shares_section(runs: Runs) -> Section | None:
    found = charts.shares(runs.readings)
    return Section("shares", "Events", (Charts(tuple(found)),)) if found else None


def _against_lag(runs: Runs) -> Section | None:
    found = charts.against_lag(runs.readings)
    return Section("lag", "Against the lag", (Charts(tuple(found)),)) if found else None


def _temperature(runs: Runs) -> Section | None:
    """Arrhenius fits where temperatures differ."""
    if len(set(runs.temperatures)) < 2:
        return None
    listed = [at.results for at in runs.readings.values()]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fits = arrhenius(listed)
    except InputError as error:
        return Section("temperature", "Temperature", (Text(f"No activation energies: {error}."),))
    table = fits.table()
    table.attrs["units"] = {"energy": "eV", "low": "eV", "high": "eV"}
    rows = []
    for row in table.to_dict("records"):
        cells = measured(row["energy"], row["low"], row["high"])
        rows.append([_SAID.get(row["quantity"], row["quantity"]), row["species"], row["event"],
                     *cells, row["reason"]])  # fmt: skip
    notes = [str(one.message).rstrip(".") + "." for one in caught if one.category is UserWarning]
    level = next(iter(runs.readings.values())).level
    parts: list[Element] = [Listing(tuple(notes), "warning")] if notes else []
    parts.append(Charts(tuple(charts.temperatures(fits, level))))
    parts.append(
        Table(
            f"Activation energies in eV with {level} intervals: "
            f"{fits.data.attrs['view_description']}.",
            ("of", "species", "event", "energy", level, "why there is none"),
            rows,
            left=3,
            data=table_data("activation-energies", table),
        )
    )
    return Section("temperature", "Temperature", tuple(parts))


_SAID = {
    "onsager": "L T", "conductivity": "conductivity times T", "self_diffusivity":
    "self-diffusivity", "frequency": "frequency", "effectiveness": "effectiveness",
    "carrier_density": "carrier density",
}  # fmt: skip


def _settings(runs: Runs) -> Section:
    """What differs between the settings of the first and of each other run."""
    (first, reading), *others = runs.readings.items()
    parts: list[Element] = []
    for name, other in others:
        if not (reading.resampled and other.resampled):
            continue
        found = differing(reading.results, other.results)
        parts.append(Heading(f"{name} against {first}"))
        parts.append(
            Listing(tuple(f"{text[:1].upper()}{text[1:]}." for text in found))
            if found
            else Text("No setting differs.")
        )
    return Section("settings", "Settings that differ", tuple(parts))


def _each(runs: Runs, files: dict[str, tuple[tuple[str, str], ...]]) -> Section:
    """The verdict, the system and the file of every run."""
    parts: list[Element] = []
    for name, at in runs.readings.items():
        parts.append(Heading(name))
        if at.resampled:
            parts.append(Listing(tuple(one.text for one in at.results.verdict())))
        facts = provenance.facts(at.results)
        parts.append(Pairs((*facts.items, *files[name])))
        settings: dict[str, Any] = at.results.settings
        parts.append(Folded(f"All settings of {name}", (Tree(settings),), printed=False))
    return Section("runs", "Each run", tuple(parts))
