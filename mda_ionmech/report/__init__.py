"""Self-contained HTML report of a result: numbers, intervals, figures, settings and sources.

The page loads nothing and runs no script; its figures are embedded. All its numbers are those of
the tables of `mda_ionmech.Results`.
"""

from .page import write_report

__all__ = ["write_report"]
