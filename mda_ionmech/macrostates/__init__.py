"""Macrostates: chemical labels of a carrier's surroundings, without molecule ids."""

from .base import MacrostateRule, Macrostates, RunStates, map_shells
from .composition import ShellComposition
from .ion_pairing import IonPairing
from .site_type import SiteType

__all__ = [
    "IonPairing",
    "MacrostateRule",
    "Macrostates",
    "RunStates",
    "ShellComposition",
    "SiteType",
    "map_shells",
]
