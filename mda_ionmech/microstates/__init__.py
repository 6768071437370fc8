"""Who surrounds each carrier: detectors, their history filters, and interned shells."""

from .base import Contacts, Detector, FrameGeometry, Microstates, Shell, ShellTable
from .hull import HullShell
from .rdf import RadialDistribution
from .shell import CutoffShell

__all__ = [
    "Contacts",
    "CutoffShell",
    "Detector",
    "FrameGeometry",
    "HullShell",
    "Microstates",
    "RadialDistribution",
    "Shell",
    "ShellTable",
]
