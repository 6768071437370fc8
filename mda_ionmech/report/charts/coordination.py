"""Figures of coordination numbers and of g(r)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..elements import Chart, Data
from .style import INK, Spec, color, faded, figure, series_keys, shown_only, span, tip, value_axis

if TYPE_CHECKING:
    from ..reading import Reading

#: Largest number of ligand atoms on the axis of numbers within a distance.
MOST = 12


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


def radial_distribution(at: Reading, species: str, source: Data, radii: Data) -> Chart:
    """g(r) of each ligand type, the number of ligand atoms within r, and the cutoffs."""
    keys = series_keys("ligand", (str(row[1]) for row in source.rows))
    about = tip(("ligands", "ligands"), ("r", "r, Å", ".2f"), ("g", "g(r)", ".3~g"),
                ("number_within", "atoms within r", ".2f"))  # fmt: skip
    of_radius = tip(("ligands", "ligands"), ("contact", "a contact"), ("radius", "r, Å", ".2f"))
    x = value_axis("r", "distance (Å)", scale={"nice": False})
    base: Spec = {"x": x, "color": color(keys), "opacity": faded()}
    g, number = value_axis("g", "g(r)"), value_axis("number_within", "atoms within r (dashed)")
    number |= {"scale": {"domain": [0, MOST]}}
    left: list[Spec] = [
        {"transform": [shown_only()], "mark": {"type": "line", "strokeWidth": 1.5},
         "encoding": base | {"y": g}},
        # wide and unseen, so that the mouse finds it
        {"transform": [shown_only()], "mark": {"type": "point", "size": 60, "opacity": 0},
         "encoding": {"x": x, "y": g, "tooltip": about}},
    ]  # fmt: skip
    cutoffs: Spec = {
        "data": {"name": radii.name}, "transform": [shown_only()],
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": base | {"x": x | {"field": "radius"}, "tooltip": of_radius,
                            "strokeDash": {"field": "contact", "type": "nominal", "legend": None,
                                           "scale": {"domain": ["forms below", "breaks beyond"],
                                                     "range": [[1, 0], [2, 3]]}}},
    }  # fmt: skip
    right: Spec = {
        "transform": [shown_only()],
        "mark": {"type": "line", "strokeWidth": 1, "strokeDash": [6, 4], "clip": True},
        "encoding": base | {"y": number},
    }
    layers: list[Spec] = [{"layer": [*left, *([cutoffs] if radii.rows else [])]}, right]
    text = ("; vertical lines: a contact forms below the solid one and breaks beyond the dotted one"
            if radii.rows else "")  # fmt: skip
    return figure(
        f"radial-distribution-{at.number(species)}", source, layers, keys,
        f"Lines: g(r) of each ligand type around {species}, and the number of its atoms within r.",
        f"g(r) of the ligands around {species} on sampled frames, and the mean number of their "
        f"atoms within a distance (dashed){text}.",
        more=(radii,), resolve={"scale": {"y": "independent"}}, printed=False,
    )  # fmt: skip
