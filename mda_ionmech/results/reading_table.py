"""The table of the one reading of a result: events in the diffusive limit, and its lengths."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

#: Contributions below this fraction of the sum are zero within rounding.
ROUND_OFF = 1e-12


def _fixed(value: float, places: int) -> str:
    return "-" if value != value else f"{value:.{places}f}"


def three_digits(value: float) -> str:
    """A number with three digits, final zeros kept; a dash where it is unknown."""
    if value != value:
        return "-"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.{max(2 - math.floor(math.log10(abs(value))), 0)}f}"
    return f"{value:.2e}"


def _reach(low: float, high: float, places: int) -> str:
    return "-" if low != low else f"{_fixed(low, places)} to {_fixed(high, places)}"


def reading_table(results: Any, plain: Any = None) -> Table:
    """Share, conductivity, frequency and effectiveness of each event in the diffusive limit.

    Parameters
    ----------
    results : Results
        With a diffusive view.
    plain : Results, optional
        Of the same run without hysteresis and persistence: its shares become a column.

    Returns
    -------
    rich.table.Table
        80 columns wide.
    """
    summary = results.summary(view="diffusive")
    at = summary.attrs
    level = f"{at['level']:.0%}"
    charged = bool(np.any(summary["conductivity"] != 0))
    unit = "S/m" if charged else "1/(J m s)"
    table = Table(
        title=f"{at['species']}: events in the diffusive limit",
        caption=(
            f"labels over {at['resolution_ps']:g} ps, lags from {at['first_lag_ps']:g} to "
            f"{at['last_lag_ps']:g} ps; share: percent of the Onsager coefficient with its {level} "
            "interval; per ns: windows with this label per ion; A2: effectiveness, D^e.D per ion "
            f"and window; {at['repeated']:.1%} of the windows hold more than one elementary change"
            + ("" if plain is None else "; plain: the share without hysteresis and persistence")
        ),
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("event", no_wrap=True)
    columns = ["share %", level, unit, "per ns", "A2"]
    for name in columns + ([] if plain is None else ["plain %"]):
        table.add_column(name, justify="right", no_wrap=True)
    part = summary["conductivity" if charged else "onsager"]
    part = part.where(part.abs() > ROUND_OFF * part.abs().sum(), 0.0)
    others = None
    if plain is not None and plain.has_diffusive_view:
        others = plain.summary(view="diffusive")["share"]
    for (event, row), value in zip(summary.iterrows(), part, strict=True):
        cells = [
            str(event),
            _fixed(100 * row["share"], 1),
            _reach(100 * row["share_low"], 100 * row["share_high"], 1),
            three_digits(value),
            three_digits(row["frequency"]),
            three_digits(row["effectiveness"]),
        ]
        if plain is not None:
            cells.append("-" if others is None else _fixed(100 * others.get(event, np.nan), 1))
        table.add_row(*cells)
    table.add_section()
    total = 100 * summary["share"].sum(skipna=False)
    cells = ["sum", _fixed(total, 1), "", three_digits(part.sum(skipna=False))]
    table.add_row(*cells, three_digits(summary["frequency"].sum(skipna=False)), "")
    return table
