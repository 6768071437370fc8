"""Who surrounds each carrier: detectors, their history filters, and interned shells."""

from .base import Contacts, Detector, FrameGeometry, Microstates, Shell, ShellTable
from .rdf import RadialDistribution
from .shell import CutoffShell

__all__ = [
    "Contacts",
    "CutoffShell",
    "Detector",
    "FrameGeometry",
    "Microstates",
    "RadialDistribution",
    "Shell",
    "ShellTable",
]
