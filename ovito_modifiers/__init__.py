"""OVITO modifiers for events and macrostates of mda_ionmech. Imports numpy and OVITO alone.

A states file (``*.states.npz``, written by ``OnsagerDecomposition.save_states``) holds the event
and macrostate of every carrier in every analysed frame, with their colours. Reading it needs numpy
alone; the modifiers and the layer are imported when they are used, and need OVITO.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .states import StatesFile, read_states

if TYPE_CHECKING:
    from .color_by_event import ColorByEvent
    from .color_by_macrostate import ColorByMacrostate
    from .event_frames import EventFrames
    from .event_legend import EventLegend
    from .hop_arrows import HopArrows
    from .ion_density import IonDensity
    from .shell_bonds import ShellBonds

__all__ = [
    "ColorByEvent",
    "ColorByMacrostate",
    "EventFrames",
    "EventLegend",
    "HopArrows",
    "IonDensity",
    "ShellBonds",
    "StatesFile",
    "read_states",
]

_MODULES = {
    "ColorByEvent": "color_by_event",
    "ColorByMacrostate": "color_by_macrostate",
    "EventFrames": "event_frames",
    "EventLegend": "event_legend",
    "HopArrows": "hop_arrows",
    "IonDensity": "ion_density",
    "ShellBonds": "shell_bonds",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
