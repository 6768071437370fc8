"""One self-contained HTML page of a result: what was found, how sure it is, and from what.

The page fetches nothing and runs no script; its figures are inside it. All its numbers are those of
the tables of `mda_ionmech.Results`.
"""

from .page import write_report

__all__ = ["write_report"]
