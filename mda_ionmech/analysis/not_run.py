"""What an analysis holds in place of results before it is run."""

from __future__ import annotations

from typing import Any

from MDAnalysis.analysis.results import Results as RawResults


class ResultsToCome(RawResults):
    """Empty results, whose missing attributes say that the analysis was not run."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            return super().__getattr__(name)
        raise AttributeError(f"results.{name} needs a finished run: call .run() first")
