"""How a liquid, a crystal and a polymer are drawn, unless asked otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from ovito_modifiers.states import StatesFile

from ..lib.checks import shown
from ..lib.errors import InputError


@dataclass(frozen=True)
class Preset:
    """Appearance of a scene; sizes are fractions of the usual radii, widths in Angstrom.

    Attributes
    ----------
    bulk : str
        Of particles that are not analysed ions: pale, dim, hide or keep.
    shown_size, neutral_size, bulk_size : float
        Of ions with a chosen event, other ions, and the rest.
    arrow_width, bond_width : float
    minimum_length : float
        Shortest displacement with an arrow, Angstrom.
    shells : bool
        Whether the shells of ions with a chosen event are drawn as bonds.
    polyhedra : bool
        Whether the polyhedra of the framework are drawn.
    """

    bulk: str
    shown_size: float
    neutral_size: float
    bulk_size: float
    arrow_width: float
    bond_width: float
    minimum_length: float
    shells: bool
    polyhedra: bool


PRESETS = {
    "liquid": Preset("pale", 0.6, 0.45, 0.14, 0.4, 0.2, 1.0, True, False),
    "crystal": Preset("pale", 0.34, 0.26, 0.16, 0.22, 0.08, 1.0, False, True),
    "polymer": Preset("pale", 0.6, 0.45, 0.16, 0.4, 0.22, 1.0, True, False),
}


def preset_of(states: StatesFile, name: str = "auto") -> Preset:
    """The named preset; ``auto``: by the events of the run.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name == "auto":
        events = set(states.event_names)
        if "single_ion_hop" in events:
            name = "crystal"
        else:
            name = "polymer" if "interchain" in events else "liquid"
    if name not in PRESETS:
        raise InputError(f"preset must be auto, {', '.join(PRESETS)}; got {shown(name)}")
    return PRESETS[name]
