"""What a reader sees first: verdict, the recommended reading, one figure, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.number_text import measured, number, percent, unit
from ..onsager.block_bootstrap import FEWEST_BLOCKS
from ..results.plain_tables import fixed
from ..results.reading_table import sum_text
from ..results.tables import concertedness
from ..results.window_tables import Coefficients
from .charts import by_window
from .charts.style import event_keys
from .elements import Beside, Element, Folded, Heading, Headline, Listing, Table, Text
from .frames import table_data
from .reading import Reading

if TYPE_CHECKING:
    import pandas as pd


def row_ends(
    row: Any, name: str, low: str = "low", high: str = "high"
) -> tuple[float, float, float]:
    """Value and ends of the interval of a row of a table."""
    return float(row[name]), float(row[low]), float(row[high])


def top(at: Reading) -> tuple[Element, ...]:
    """The elements above the sections that unfold."""
    said = [one.text for one in at.results.verdict()] if at.resampled else []
    out: list[Element] = [Listing(tuple(said[:1]), "verdict first")] if said else []
    read: list[Element] = [whole(at), Text(_where_read(at))]
    if said[1:]:
        read.append(Listing(tuple(said[1:]), "verdict"))
    reading: list[Element] = []
    notes: list[Element] = []
    if at.ruled:
        reading, notes = mechanism(at, at.ruled[0])
    else:
        read.append(
            Text(
                "No species has an event rule, so there is no decomposition by events: give a "
                "species events=..., e.g. SolvationEvents().",
                "note",
            )
        )
    out.append(Beside(tuple(read), by_window.contributions(at)))
    return (*out, *reading, *notes, *warnings(at))


def whole(at: Reading) -> Headline:
    """The conductivity, or the coefficient of the first species, with its interval."""
    read = Coefficients.of(at.results, at.whole)
    label, name, where = "Conductivity", "conductivity", {}
    if not at.charged:
        first = at.species[0]
        label, name = f"Onsager coefficient L({first}, {first})", "onsager"
        where = {"species": first, "species_2": first}
    value, reach = measured(*read.ends(name, **where))
    said = (
        "no interval: fewer than three blocks" if reach == "-" else f"{at.level} interval {reach}"
    )
    return Headline(label, value, unit(read.unit(name)), said)


def _where_read(at: Reading) -> str:
    data = at.results.decomposition
    frame = f"Displacements are measured in the {at.results.settings['frame']} frame of reference."
    if at.diffusive:
        about = data["diffusive_onsager"].attrs
        return (
            f"In the diffusive limit: from all lags from {float(about['first_lag_ps']):g} to "
            f"{float(np.max(about['lag_ps'])):g} ps, with {int(about['blocks'])} blocks of time "
            f"origins for its interval. {frame}"
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


def mechanism(at: Reading, species: str) -> tuple[list[Element], list[Element]]:
    """Recommended shares of one species, and notes with the reason."""
    heading = Heading(f"Contributions to {species} transport")
    scanned = at.results.summary(at.window, species=species)
    over = f"windows of {at.window:g} ps"
    if "repeated" in scanned.attrs:
        repeated = scanned.attrs["repeated"]
        over += f", in which {repeated:.1%} of the ions have more than one elementary change"
    of_window = shares(at, scanned, over)
    if not at.has_paths:
        said = (
            "This run has the window view alone, in which labels and displacements are of the "
            f"same length, here {at.window:g} ps, on which the shares depend. A run with "
            "resolutions='log' and horizons='log' shows where shares do not depend on it."
        )
        return [heading, of_window], [Text(said, "note")]
    advice = at.results.recommend(species=species)
    if not at.diffusive:
        note = (
            f"So the shares of {species} are those of windows of {at.window:g} ps, and depend on "
            "the window."
        )
        return [heading, of_window], [Text(advice.text), Text(note, "note")]
    table = at.results.summary(species=species, view="diffusive")
    resolution = table.attrs["resolution_ps"]
    words = (
        f"diffusive limit, labels read over {resolution:g} ps, in which "
        f"{table.attrs['repeated']:.1%} of the ions have more than one elementary change"
    )
    notes: list[Element] = []
    if resolution in at.results.decomposition["window"].values:
        notes += [Text(text) for text in concertedness(at.results, resolution, species)]
    notes.append(Folded("Why this reading", (Text(advice.text),)))
    return [heading, shares(at, table, words)], notes


def shares(at: Reading, table: pd.DataFrame, words: str) -> Table:
    """Shares of the events of a table with their intervals, and their contributions in S/m."""
    name = table.attrs["species"]
    events = [str(e) for e in table.index]
    carried = "conductivity" in table and at.charged
    rows = []
    for event, row in table.iterrows():
        cells = [str(event), *percent(*row_ends(row, "share", "share_low", "share_high"))]
        if carried:
            ends = row_ends(row, "conductivity", "conductivity_low", "conductivity_high")
            # a share that is a rounding error has a contribution that is one too
            cells += ("0", "-") if cells[1] == "0" else measured(*ends)
        rows.append(cells)
    foot = ["sum", fixed(100 * table["share"].sum(skipna=False), 1), ""]
    caption = f"Shares of the Onsager coefficient L({name}, {name}), {words}."
    if carried:
        foot += [sum_text(at.results, table), ""]
        caption = f"{caption[:-1]}; contributions of {name} to the conductivity."
    head = ("event", "share, %", at.level, *(("S/m", at.level) if carried else ()))
    return Table(
        caption,
        head,
        rows,
        foot=tuple(foot),
        keys=tuple(event_keys(events)),
        data=table_data(f"shares-{at.number(name)}", table),
    )


def warnings(at: Reading) -> list[Element]:
    """Warnings of the run, and the additivity of the contributions."""
    said = tuple(f"{text[0].upper()}{text[1:].rstrip('.')}." for text in at.results.warnings)
    first = Listing(said, "warning") if said else Text("The run gave no warnings.")
    within = number(at.results.settings["residual"])
    residual = Text(
        f"Additivity: contributions sum to the whole with a relative residual of {within}, the "
        "largest of all windows, resolutions and horizons; one above 1e-10 would have stopped the "
        "run."
    )
    return [Heading("Read before quoting a number"), first, residual]
