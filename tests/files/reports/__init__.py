"""Situations that users of other programs reported, rebuilt as small files, and what comes out.

Each is put in our own words from the public report named. A situation is answered rightly where the
numbers are those of an independent calculation, or where it is refused or answered by a warning with the
reason. ``python -m tests.files.reports`` tries all and writes docs/validation/reports.md anew.
"""

from . import cells, charges, crystals, molecules, times
from .registry import PAGE, REPORTS, obtained, page, row

__all__ = [
    "PAGE",
    "REPORTS",
    "cells",
    "charges",
    "crystals",
    "molecules",
    "obtained",
    "page",
    "row",
    "times",
]
