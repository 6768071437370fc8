"""Self-contained HTML report of a result: numbers, intervals, figures, settings and sources.

The page loads nothing: Vega-Lite, which draws its figures, is in it. All its numbers are those of
the tables of `mda_ionmech.Results`; several results are compared on one page.
"""

from .page import write_report

__all__ = ["write_report"]
