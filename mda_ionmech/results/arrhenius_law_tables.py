"""Which law the data at several temperatures support, and its fits, as tables for the terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..lib.terminal import headed
from .arrhenius_laws import NAMES, REJECTED
from .plain_tables import fixed, number, plain_table, reach

if TYPE_CHECKING:
    from rich.console import Console

    from .arrhenius import Arrhenius

#: Names of the quantities that are fitted over temperature.
QUANTITIES = {
    "onsager": "L T",
    "conductivity": "sigma T",
    "self_diffusivity": "D self",
    "frequency": "frequency",
    "effectiveness": "effectiveness",
    "carrier_density": "N / V",
}
_LAWS = NAMES | {
    "bent": "bent",
    "undecided": "cannot tell",
    "none": "none of them",
    "too_few": "too few",
    "": "-",
}


def span(row: Any, name: str = "", text: Callable[[float], str] = fixed) -> str:
    """The interval of a column, or of the columns low and high."""
    low, high = (float(row[f"{name}_{end}" if name else end]) for end in ("low", "high"))
    return reach(low, high, text)


def _labels(row: Any) -> tuple[str, str]:
    """Quantity, and species or event."""
    of = str(row["species"] if row["event"] == "total" else row["event"])
    return QUANTITIES[row["quantity"]], of


def _print_notes(console: Console, head: str, notes: list[tuple[str, str, str]]) -> None:
    for name, of, text in notes:
        console.print(headed(head, f"{name} of {of or 'all'}: {text}."))


def print_laws(console: Console, fits: Arrhenius) -> None:
    """Print the law that each row supports and the fits of bent laws; 80 columns wide."""
    level = f"{fits.data.attrs['level']:.0%}"
    laws = fits.laws()
    few = laws[laws["law"] == "too_few"]
    if len(few):
        text = str(few["statement"].iloc[0]).partition(";")[0]
        console.print(headed("Which law:", f"{text}."))
        bent = few[few["straight"] < REJECTED].iterrows()
        notes = [(*_labels(r), f"probability {r['straight']:.1g}") for _, r in bent]
        _print_notes(console, "Not straight:", notes)
    else:
        table = plain_table(
            "Which law the data support",
            ["quantity", "of", "law", "Arrhenius", "VTF", "two segments"],
            3,
            "probabilities, all laws being equally probable before; a law is named from 0.9 on",
        )
        for _, row in laws.iterrows():
            each = (fixed(row[k], 2) for k in ("arrhenius", "vtf", "segments"))
            table.add_row(*_labels(row), _LAWS[row["law"]], *each)
        console.print(table)
        rejected = laws[laws["law"] == "none"].iterrows()
        _print_notes(console, "No law:", [(*_labels(r), r["statement"]) for _, r in rejected])
    if "vtf_asked" in fits.data:
        _print_vtf(console, fits, level)
    if "segments_asked" in fits.data:
        _print_segments(console, fits)


def _print_vtf(console: Console, fits: Arrhenius, level: str) -> None:
    table = plain_table(
        "X = A exp(-B / (T - T0)) beside the straight line",
        ["quantity", "of", "B, K", "T0, K", level, "chi2", "chi2 line"],
        2,
        "chi2: squared deviation per degree of freedom",
    )
    notes = []
    for _, row in fits.vtf().iterrows():
        if row["reason"]:
            notes.append((*_labels(row), row["reason"]))
        table.add_row(
            *_labels(row), number(row["b"]), number(row["t0"]),
            span(row, "t0", "{:.0f}".format),
            fixed(row["reduced_chi2"], 2), fixed(row["reduced_chi2_arrhenius"], 2),
        )  # fmt: skip
    console.print(table)
    _print_notes(console, "VTF:", notes)


def _print_segments(console: Console, fits: Arrhenius) -> None:
    for _, row in fits.segments().iterrows():
        name, of = _labels(row)
        cold, hot, at = (
            f"{row[k]:.3g} {unit} ({span(row, k, '{:.3g}'.format)})"
            for k, unit in (("energy_cold", "eV"), ("energy_hot", "eV"), ("t_break", "K"))
        )
        known = row["energy_cold"] == row["energy_cold"]
        text = f"{cold} below {at}, {hot} above" if known else ""
        text = "; ".join(x for x in (text, row["reason"]) if x)
        console.print(headed("Two segments:", f"{name} of {of or 'all'}: {text}."))
