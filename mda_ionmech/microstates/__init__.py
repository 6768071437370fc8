"""Microstates: coordination shells and sites of carriers, and the detectors that find them."""

from .cages.cage_assignment import CageAssignment
from .contacts import CarrierPaths, ContactHistory, Contacts, FrameGeometry
from .cutoff_shell import CutoffShell
from .detector import Detector
from .hull_shell import HullShell
from .rdf import RadialDistribution
from .shells import Microstates, Shell, ShellTable
from .sites.site_assignment import Alignment, SiteAssignment

__all__ = [
    "Alignment",
    "CageAssignment",
    "CarrierPaths",
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
