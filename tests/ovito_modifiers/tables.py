"""Tables of the parameters of the modifiers and the layer, made from their traits.

``python -m tests.ovito_modifiers.tables`` writes them into ovito_modifiers/README.md anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from ovito.vis import DataVis

from ovito_modifiers import (
    ColorByEvent,
    ColorByMacrostate,
    EventFrames,
    EventLegend,
    HopArrows,
    IonDensity,
    ShellBonds,
)

PAGE = Path(__file__).parents[2] / "ovito_modifiers" / "README.md"
CLASSES = (
    ColorByEvent,
    ColorByMacrostate,
    HopArrows,
    ShellBonds,
    IonDensity,
    EventFrames,
    EventLegend,
)


def parameters(one) -> list[str]:
    """Names of the parameters a user can set, in the order of the class."""
    own = (name for name in one.__dict__["__class_traits__"] if not name.startswith("_"))
    # a refused name leaves a trait without a value behind
    return [n for n in own if n not in ("trait_added", "trait_modified") and hasattr(one(), n)]


def default(one, name) -> str:
    value = getattr(one(), name)
    if isinstance(value, DataVis):
        return f"width `{value.width:g}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if one().trait(name).ovito_unit == "percent":
        return f"`{value:g}` ({100 * value:g}%)"
    return f"`{value}`"


def described(one, name) -> tuple[str, str]:
    """Label and meaning; visual elements bring OVITO's own panels."""
    value, trait = getattr(one(), name), one().trait(name)
    if isinstance(value, DataVis):
        return value.title, f"OVITO's visual element `{type(value).__name__}`: width, shading, ..."
    return trait.label, trait.desc


def table(one) -> str:
    rows = ["| in the panel | in Python | meaning | default |", "|---|---|---|---|"]
    for name in parameters(one):
        label, meaning = described(one, name)
        rows.append(f"| {label} | `{name}` | {meaning} | {default(one, name)} |")
    return "\n".join(rows)


def main() -> None:
    text = PAGE.read_text("utf-8")
    for one in CLASSES:
        mark = f"<!-- parameters of {one.__name__} -->"
        text = re.sub(
            re.escape(mark) + r"\n\n(\|.*\n)*\n?",
            lambda _, o=one, m=mark: f"{m}\n\n{table(o)}\n\n",
            text,
        )
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
