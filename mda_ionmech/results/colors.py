"""Colours of events and macrostates in figures, tables and OVITO.

The event colours are those of Okabe and Ito (jfly.uni-koeln.de/color, 2008), and some of Tol's
muted scheme, which are distinct for colour-blind readers and in print.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..lib.label_names import WITH, WITHOUT

#: Part of the colour of a class that windows without a flag have; the rest is white.
TINT = 0.5
BLACK = "#000000"
#: Of names without a colour of their own, in this order.
_OTHERS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#44AA99",
    "#999933", "#7B68C8", "#F0E442",
)  # fmt: skip

EVENT_COLORS = {
    "all": "#7F7F7F",
    "vehicular": "#0072B2",
    "solvent_exchange": "#009E73",
    "anion_exchange": "#D55E00",
    "cation_exchange": "#56B4E9",
    "anion_association": "#56B4E9",
    "anion_dissociation": "#882255",
    "anion_swap": "#D55E00",
    "cation_association": "#44AA99",
    "cation_dissociation": "#999933",
    "cation_swap": "#7B68C8",
    "mixed_exchange": "#CC79A7",
    "renewal": "#E69F00",
    "no_hop": "#0072B2",
    "single_ion_hop": "#009E73",
    "multi_ion_hop": "#D55E00",
    "exchange": "#CC79A7",
    "vibration": "#56B4E9",
    "attach_detach": "#E69F00",
    "interchain": "#D55E00",
    "intrachain": "#009E73",
    "denticity": "#882255",
    "anion_assisted": "#CC79A7",
    "cation_assisted": "#56B4E9",
}

MACROSTATE_COLORS = {
    "SSIP": "#0072B2",
    "CIP": "#E69F00",
    "AGG": "#D55E00",
    "SSIP_shell": "#0072B2",
    "CIP_shell": "#E69F00",
    "AGG_shell": "#D55E00",
    "free": "#7F7F7F",
    "solvent_only": "#0072B2",
    "solvent_anion": "#E69F00",
    "polymer_only": "#009E73",
    "polymer_anion": "#CC79A7",
    "anion_only": "#D55E00",
    "polymer_solvent": "#56B4E9",
    "polymer_solvent_anion": "#F0E442",
}
for _unit in ("molecules", "chains"):
    MACROSTATE_COLORS |= {
        f"{_unit}_0": "#7F7F7F",
        f"{_unit}_1": "#0072B2",
        f"{_unit}_2": "#009E73",
        f"{_unit}_3": "#E69F00",
        f"{_unit}_4": "#CC79A7",
        f"{_unit}_more": "#D55E00",
    }


def _known(name: str, table: dict[str, str]) -> str | None:
    """The colour of a name; of a class without a flag a lighter tint of its own."""
    whole, part, _ = name.partition(WITHOUT) if WITHOUT in name else name.partition(WITH)
    color = table.get(name) or table.get(whole)
    if color is None or part != WITHOUT or name in table:
        return color
    parts = [int(color[k : k + 2], 16) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - (255 - x) * TINT):02X}" for x in parts)


def colors_of(names: tuple[str, ...] | list[str], table: dict[str, str]) -> list[str]:
    """A colour for each name: that of the table, or the next one of the palette."""
    table = table | {name: found for name in names if (found := _known(name, table))}
    spare = [c for c in _OTHERS if c not in {table.get(n) for n in names}] or list(_OTHERS)
    out, used = [], 0
    for name in names:
        if name in table:
            out.append(table[name])
        else:
            out.append(spare[used % len(spare)])
            used += 1
    return out


def event_colors(names: Iterable[str]) -> dict[str, str]:
    """The colour of each event, by its name."""
    names = list(dict.fromkeys(names))
    return dict(zip(names, colors_of(names, EVENT_COLORS), strict=True))
