"""Situations that users of other programs reported, rebuilt as small files, and what comes out.

Each paraphrases the public report named. An outcome is right where the numbers are those of an
independent calculation, or where an error or a warning gives the reason.
``python -m tests.files.reports`` tries all and writes docs/validation/reports.md again.
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
