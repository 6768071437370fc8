"""Table of the report on the errors of the reading, and on lengths for a smaller one."""

from __future__ import annotations

from ..lib.number_text import number, part
from .elements import Element, Table
from .frames import table_data
from .reading import Reading


def sufficiency(at: Reading) -> list[Element]:
    """Errors of the reading, and the length of trajectory for a tenth, of every species."""
    if not at.resampled:
        return []
    out: list[Element] = []
    for name in at.ruled or at.species[:1]:
        table = at.results.data_sufficiency(species=name)
        said = str(table.attrs.get("caption", ""))
        bounds = table.attrs["lower_bounds"]
        rows = [
            [
                str(quantity),
                part(row["relative_error"]),
                number(row["length"]),
                f"{'at least ' if quantity in bounds else ''}{number(row['needed'])}",
            ]
            for quantity, row in table.iterrows()
        ]
        out.append(
            Table(
                f"Errors of the reading of {name} (half of the {at.level} interval over the value) "
                f"and the length of trajectory for {table.attrs['target']:.0%}: errors fall with "
                f"its square root.{f' {said[0].upper()}{said[1:]}.' if said else ''}",
                ("quantity", "error, %", "length, ns", "needed, ns"),
                rows,
                data=table_data(f"data-sufficiency-{at.number(name)}", table),
            )
        )
    return out
