"""Tables that are printed whole: units in the headers, intervals beside their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from .number_text import number, part, percent_with_interval, three_digits, with_interval

#: Columns that are fractions and are printed in percent.
FRACTIONS = ("share", "self", "distinct", "relative_error", "fraction")
#: Column of numbers that are whole.
COUNT = "count"
#: Units as they are printed.
PRINTED = {"angstrom2": "Å²", "angstrom": "Å", "1/A": "1/Å"}
#: What is below this fraction of the largest number of a column is printed as zero.
ROUND_OFF = 1e-12
#: Width of a printed table; wider ones continue below.
WIDTH = 100
#: Column whose rows are different quantities.
VALUE = "value"


class UnitTable(pd.DataFrame):
    """A table whose printed form shows every column, with its unit and its interval.

    The columns ``x_low`` and ``x_high``, or ``low`` and ``high`` behind ``x``, are printed beside
    ``x``, both with as many digits as it allows, and fractions in percent. Values, columns and
    index are those of a plain `pandas.DataFrame`, and what is computed from the table is one.

    Parameters
    ----------
    *data, **options
        As of `pandas.DataFrame`. Units of columns are taken from ``attrs["units"]``; the texts
        ``attrs["caption"]`` and ``attrs["comment"]`` are printed below.
    """

    @classmethod
    def of(cls, table: pd.DataFrame) -> UnitTable:
        """The same table, with its attributes.

        Parameters
        ----------
        table : pandas.DataFrame

        Returns
        -------
        UnitTable
        """
        out = cls(table)
        out.attrs = dict(table.attrs)
        return out

    @classmethod
    def of_rows(
        cls,
        rows: Mapping[Any, Sequence[Any]],
        columns: Sequence[str],
        index: Sequence[str],
        attrs: Mapping[Any, Any],
    ) -> UnitTable:
        """A table of rows by their place in the index.

        Parameters
        ----------
        rows : mapping to sequences
            By label, or by a tuple with a label for each name of the index.
        columns, index : sequence of str
            Names.
        attrs : mapping

        Returns
        -------
        UnitTable
        """
        table = cls(list(rows.values()), columns=list(columns))
        table.index = pd.Index(list(rows)).set_names(list(index))
        table.attrs = dict(attrs)
        return table

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def printed(self) -> pd.DataFrame:
        """The cells as they are printed, with units in the names of columns.

        Returns
        -------
        pandas.DataFrame
            Of strings.
        """
        units, names = self.attrs.get("units", {}), list(self.columns)
        if isinstance(units, str):  # of every column
            units = dict.fromkeys(names, units)
        out: dict[str, list[str]] = {}
        skipped: set[Any] = set()
        for k, name in enumerate(names):
            if name in skipped:
                continue
            ends = next(
                (
                    pair
                    for pair in ((f"{name}_low", f"{name}_high"), ("low", "high"))
                    if list(names[k + 1 : k + 3]) == list(pair)
                ),
                None,
            )
            skipped.update(ends or ())
            unit = units.get(name, "1")
            head = str(name) if unit == "1" else f"{name}, {PRINTED.get(unit, unit)}"
            out[head] = _cells(self, name, ends)
        table = pd.DataFrame(out, index=self.index)
        table.columns.name = self.columns.name
        return table

    def __repr__(self) -> str:
        if not len(self) or not len(self.columns):
            return repr(pd.DataFrame(self))
        with pd.option_context("display.width", WIDTH):
            return "\n".join([self.printed().to_string(line_width=WIDTH), *self._captions()])

    def _repr_html_(self) -> str:
        table = self.printed().to_html(border=0)
        whole = table.replace("<table ", '<table style="white-space: nowrap" ', 1)
        below = "".join(f"<p>{escape(text)}</p>" for text in self._captions())
        return f'<div style="overflow-x: auto">{whole}</div>{below}'

    def _captions(self) -> list[str]:
        return [str(self.attrs[k]) for k in ("caption", "comment") if self.attrs.get(k)]


def _cells(table: pd.DataFrame, name: Any, ends: tuple[str, str] | None) -> list[str]:
    values = table[name]
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return [str(value) for value in values]
    if pd.api.types.is_integer_dtype(values):
        return [f"{value:d}" for value in values]
    percent = name in FRACTIONS
    # rows of a column of values are several quantities, each with a size of its own
    floor = 0.0 if name == VALUE else ROUND_OFF * float(values.abs().max())

    def text(value: float) -> str:
        if name == COUNT and value == value:
            return f"{value:.0f}"
        value = 0.0 if abs(value) < floor else value
        return f"{100 * value:.1f}" if percent and value == value else three_digits(value)

    sign = "%" if percent else ""
    cells = [f"{text(value)}{sign}" if value == value else "-" for value in values]
    if ends is None:
        return cells
    written = percent_with_interval if percent else with_interval
    for k, ends_of in enumerate(zip(values, table[ends[0]], table[ends[1]], strict=True)):
        if not any(x != x for x in ends_of) and max(map(abs, ends_of)) > floor:
            cells[k] = written(*ends_of)
        elif ends_of[0] == ends_of[0] and abs(ends_of[0]) > floor:  # a value without an interval
            cells[k] = f"{part(ends_of[0])}%" if percent else number(ends_of[0])
    return cells
