"""Section of the report on other choices in crystals: filters, radii, and definitions of a hop."""

from __future__ import annotations

import numpy as np

from ..lib.errors import InputError
from ..lib.number_text import number, part, stacked
from ..results.filter_finding import in_words
from . import frames
from .elements import Element, Section, Table, data
from .reading import Reading


def sensitivity(at: Reading) -> Section | None:
    """How shares and linked hops depend on filters, core radii, dates and assignments.

    Of species with hops; what shares of other species depend on is a sentence of the verdict.
    """
    parts: list[Element] = []
    for name in at.ruled:
        if (definitions := _definitions(at, name)) is not None:
            shares = _filters(at, name)
            parts += [definitions] if shares is None else [shares, definitions]
    return Section("sensitivity", "Other choices", tuple(parts)) if parts else None


def _filters(at: Reading, species: str) -> Table | None:
    """Shares in the diffusive limit with other filters, those of the run first."""
    known = at.results.filters
    if known is None or not at.diffusive or species not in known["species"].values:
        return None
    table = at.results.summary(species=species, view="diffusive")
    events = [str(e) for e in table.index]
    found = known.sel(species=species, event=events)
    share, error = (found[k].values for k in ("filter_share", "filter_share_error"))
    rows = [["as run", *map(part, table["share"])]]
    raw = [["as run", *(x for one in table["share"] for x in (frames.plain(one), 0.0))]]
    for name, values, errors in zip(found["filter"].values, share, error, strict=True):
        if not np.isfinite(values).any():
            continue  # a filter of another species
        rows.append([in_words(str(name)), *map(part, values)])
        raw.append([str(name), *map(frames.plain, np.stack([values, errors], axis=1).ravel())])
    if len(rows) < 2:
        return None
    columns = [f"{e}{end}" for e in events for end in ("", "_error_of_change")]
    return Table(
        f"Shares of the Onsager coefficient L({species}, {species}) in the diffusive limit with "
        "other filters or radii, one at a time, from the same contacts; standard errors of the "
        "changes are in the CSV file.",
        ("choice", *(f"{e}, %" for e in events)),
        rows,
        data=data(f"other-filters-{at.number(species)}", ["choice", *columns], raw),
    )


def _definitions(at: Reading, species: str) -> Table | None:
    """Linked hops under each definition, with both nulls."""
    try:
        table = at.results.hop_definitions(species=species)
    except InputError:
        return None  # the result has none
    columns = [
        "multi_fraction", "multi_fraction_circular", "multi_fraction_exclusion",
    ]  # fmt: skip
    rows = [
        [
            str(name),
            number(row["core_radius"]),
            *(
                stacked(*(row[f"{c}{end}"] for end in ("", "_low", "_high")), share=True)
                for c in columns
            ),
            str(row["finding"]),
        ]
        for name, row in table.iterrows()
    ]
    return Table(
        f"Hops of {species} that are linked to others in windows of "
        f"{table.attrs['window_ps']:g} ps under each date of hops, radius of the cores and "
        f"assignment to sites, with {at.level} intervals: concerted where both nulls, chance and "
        "an exclusion gas, are exceeded; exclusion where chance alone is.",
        (
            "definition",
            "core radius, Å",
            "linked hops, %",
            "by chance, %",
            "exclusion gas, %",
            "finding",
        ),
        rows,
        data=frames.table_data(f"hop-definitions-{at.number(species)}", table),
    )
