"""Who surrounds each carrier: detectors, their history filters, and interned shells."""

from .base import ContactHistory, Contacts, Detector, FrameGeometry, Microstates, Shell, ShellTable
from .hull import HullShell
from .rdf import RadialDistribution
from .shell import CutoffShell
from .sites import Alignment, SiteAssignment

__all__ = [
    "Alignment",
    "ContactHistory",
    "Contacts",
    "CutoffShell",
    "Detector",
    "FrameGeometry",
    "HullShell",
    "Microstates",
    "RadialDistribution",
    "Shell",
    "ShellTable",
    "SiteAssignment",
]
