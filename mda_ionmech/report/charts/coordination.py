"""Figure of coordination numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..elements import Chart, Data
from .style import INK, Spec, color, faded, figure, series_keys, shown_only, span, tip, value_axis

if TYPE_CHECKING:
    from ..reading import Reading


def coordination(at: Reading, species: str, source: Data) -> Chart:
    """Bars of the fractions of carriers with each number of ligand atoms."""
    keys = series_keys("ligand", (str(row[1]) for row in source.rows))
    about = tip(("ligands", "ligands"), ("number", "atoms", "d"), ("value", "fraction", ".2%"),
                ("interval", f"{at.level} interval"))  # fmt: skip
    place: Spec = {
        "x": {"field": "number", "type": "ordinal", "title": "ligand atoms in the shell",
              "axis": {"labelAngle": 0}},
        "xOffset": {"field": "key", "sort": [k.key for k in keys]},
    }  # fmt: skip
    y = value_axis("value", f"fraction of {species}", axis={"format": "%"})
    steps = [{"filter": "datum.counted === 'atoms'"}, shown_only(), span(text=".2%")]
    layers: list[Spec] = [
        {"transform": steps, "mark": "bar",
         "encoding": place | {"y": y, "color": color(keys), "opacity": faded(), "tooltip": about}},
        {"transform": [*steps, {"filter": "isValid(datum.low)"}],
         "mark": {"type": "rule", "color": INK, "strokeWidth": 1.2},
         "encoding": place | {"y": y | {"field": "low"}, "y2": {"field": "high"}}},
    ]  # fmt: skip
    return figure(
        f"coordination-{at.number(species)}", source, layers, keys,
        f"Bars: fraction of {species} with each number of ligand atoms in the shell.",
        f"How often {species} has how many ligand atoms in its shell, with {at.level} intervals.",
        printed=False,
    )  # fmt: skip
