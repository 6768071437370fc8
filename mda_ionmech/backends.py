"""Run the frame stage over processes, with one progress bar for the whole."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

from MDAnalysis.analysis.backends import BackendMultiprocessing


class ProgressMultiprocessing(BackendMultiprocessing):
    """MDAnalysis' multiprocessing backend that tells when a part is done.

    Parameters
    ----------
    n_workers : int
        Processes.
    advance : callable
        Called with the number of frames of every finished part.
    """

    def __init__(self, n_workers: int, advance: Callable[[int], None]) -> None:
        super().__init__(n_workers=n_workers)
        self.advance = advance

    def apply(self, func: Callable[..., Any], computations: list[Any]) -> list[Any]:
        results = []
        with multiprocessing.get_context().Pool(self.n_workers) as pool:
            for part, result in zip(computations, pool.imap(func, computations), strict=True):
                self.advance(len(part))
                results.append(result)
        return results
