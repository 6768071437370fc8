"""What happened between two microstates: one label per carrier and window."""

from .base import EventLabels, EventRule
from .polymer import PolymerEvents
from .solvation import SolvationEvents

__all__ = ["EventLabels", "EventRule", "PolymerEvents", "SolvationEvents"]
