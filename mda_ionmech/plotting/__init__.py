"""Figures of a result, each one call: ``ax=None`` in, Axes out.

One colour per event everywhere, told apart in the common kinds of colour blindness; the same table
serves OVITO. Contributions and shares of windows with fewer than ten blocks are marked.
"""

from .all_figures import close, figures, save, save_all
from .contributions import contributions, effectiveness, event_matrix, onsager, shares
from .mechanism import concertedness, populations, robustness, timeline, transitions
from .structure import rdf
from .temperature import arrhenius
from .views import view_curves, view_map

__all__ = [
    "arrhenius",
    "close",
    "concertedness",
    "contributions",
    "effectiveness",
    "event_matrix",
    "figures",
    "onsager",
    "populations",
    "rdf",
    "robustness",
    "save",
    "save_all",
    "shares",
    "timeline",
    "transitions",
    "view_curves",
    "view_map",
]
