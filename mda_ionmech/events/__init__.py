"""Event rules: one label per carrier and window, from the microstates at both ends."""

from .base import EventLabels, EventRule
from .crystal.crystal_events import CrystalEvents, SiteHistory
from .polymer import PolymerEvents
from .solvation import SolvationEvents

__all__ = [
    "CrystalEvents",
    "EventLabels",
    "EventRule",
    "PolymerEvents",
    "SiteHistory",
    "SolvationEvents",
]
