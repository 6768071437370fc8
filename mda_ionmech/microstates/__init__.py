"""Who surrounds each carrier: detectors, their history filters, and interned shells."""

from .cutoff_shell import CutoffShell
from .detector import (
    ContactHistory,
    Contacts,
    Detector,
    FrameGeometry,
    Microstates,
    Shell,
    ShellTable,
)
from .hull_shell import HullShell
from .rdf import RadialDistribution
from .sites.site_assignment import Alignment, SiteAssignment

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
