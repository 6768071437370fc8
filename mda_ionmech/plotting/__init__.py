"""Figures of a result, one function each: ``ax=None`` in, Axes out.

Each event has the same colour everywhere, also in OVITO, from a palette for colour-blind readers.
Contributions and shares of windows with fewer than ten blocks are marked.
"""

from .all_figures import close, figures, save, save_all
from .contributions import contributions, effectiveness, event_matrix, onsager, shares
from .coordination import coordination
from .hop_channels import hop_channels
from .hop_strings import hop_strings
from .journal import journal
from .mechanism import concertedness, populations, robustness, timeline, transitions
from .radial_distribution import radial_distribution
from .running import running
from .spectrum import displacement_spectrum
from .structure import rdf
from .temperature import arrhenius
from .views import view_curves, view_map

__all__ = [
    "arrhenius",
    "close",
    "concertedness",
    "contributions",
    "coordination",
    "displacement_spectrum",
    "effectiveness",
    "event_matrix",
    "figures",
    "hop_channels",
    "hop_strings",
    "journal",
    "onsager",
    "populations",
    "radial_distribution",
    "rdf",
    "robustness",
    "running",
    "save",
    "save_all",
    "shares",
    "timeline",
    "transitions",
    "view_curves",
    "view_map",
]
