"""What happened between two microstates: one label per carrier and window."""

from .base import EventLabels, EventRule
from .solvation import SolvationEvents

__all__ = ["EventLabels", "EventRule", "SolvationEvents"]
