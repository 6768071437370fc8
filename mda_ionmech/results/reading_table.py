"""The table of the one reading of a result: events in the diffusive limit, and its lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table

from ..lib import number_text
from ..lib.number_text import three_digits
from .ends import ENDS
from .plain_tables import fixed, plain_table
from .window_tables import Coefficients

#: Contributions below this fraction of the sum are zero within rounding.
ROUND_OFF = 1e-12


def percent(value: float) -> str:
    """A share in percent with one decimal."""
    return fixed(100 * value, 1)


#: What the row of vibration is.
VIBRATION = "; vibration: motion about the sites, 0 within its interval where no site is missing"


def sum_text(results: Any, summary: Any) -> str:
    """The sum of a table of events, S/m or 1/(J m s): the text of the total, where it is one.

    Parameters
    ----------
    results : Results
    summary : pandas.DataFrame
        From `Results.summary`.

    Returns
    -------
    str
    """
    read = Coefficients.of(results, summary.attrs.get("window_ps"))
    if not np.any(summary["conductivity"] != 0):
        name = summary.attrs["species"]
        return number_text.measured(*read.ends("onsager", species=name, species_2=name))[0]
    if len(results.settings["species"]) == 1:
        return number_text.measured(*read.ends("conductivity"))[0]
    return three_digits(summary["conductivity"].sum(skipna=False))


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
    columns = ["event", "share %", level, unit, "per ns", "Å²"]
    table = plain_table(
        f"{at['species']}: events in the diffusive limit",
        columns + ([] if plain is None else ["plain %"]),
        1,
        (
            f"labels over {at['resolution_ps']:g} ps, lags from {at['first_lag_ps']:g} to "
            f"{at['last_lag_ps']:g} ps; share: percent of the Onsager coefficient with its {level} "
            "interval; per ns: windows with this label per ion; Å²: effectiveness, D^e.D per ion "
            f"and window; {at['repeated']:.1%} of the windows hold more than one elementary change"
            + (VIBRATION if "vibration" in summary.index else "")
            + ("" if plain is None else "; plain: the share without hysteresis and persistence")
            + (f"; {at['comment']}" if "comment" in at else "")
        ),
    )
    carried = "conductivity" if charged else "onsager"
    part = summary[carried]
    part = part.where(part.abs() > ROUND_OFF * part.abs().sum(), 0.0)
    others = None
    if plain is not None and plain.has_diffusive_view:
        others = plain.summary(view="diffusive")["share"]
    for (event, row), value in zip(summary.iterrows(), part, strict=True):
        ends = (row[f"{carried}{end}"] for end in ENDS)
        cells = [
            str(event),
            *number_text.percent(*(row[f"share{end}"] for end in ENDS)),
            "0" if value == 0 else number_text.measured(*ends)[0],
            three_digits(row["frequency"]),
            three_digits(row["effectiveness"]),
        ]
        if plain is not None:
            cells.append("-" if others is None else percent(others.get(event, np.nan)))
        table.add_row(*cells)
    table.add_section()
    cells = [
        "sum",
        percent(summary["share"].sum(skipna=False)),
        "",
        sum_text(results, summary),
    ]
    table.add_row(*cells, three_digits(summary["frequency"].sum(skipna=False)), "")
    return table
