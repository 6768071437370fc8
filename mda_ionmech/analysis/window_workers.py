"""Computes the windows of a run by threads of this process, or by workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..lib.arrays_on_disk import ArrayFolder
from ..lib.task_workers import SPARE_BYTES, Answer, Item, over_threads, over_workers, threads
from ..onsager.labelled_run import LabelledRun

#: Applies a task to a sequence of lengths; yields results in order.
Spread = Callable[[Any, Sequence[Any]], Iterator[Any]]


@dataclass(frozen=True)
class WindowWorkers:
    """Threads or cluster workers that compute windows, resolutions and nulls, one length each.

    Attributes
    ----------
    client : distributed.Client or None
        Client of a cluster; None for threads.
    work : ArrayFolder or None
        Folder of arrays that its workers read.
    budget : int or None
        Bytes that concurrent windows may take; None: as much as the paths.
    """

    client: Any = None
    work: ArrayFolder | None = None
    budget: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"client": None, "work": None, "budget": self.budget}

    def of(self, run: LabelledRun) -> Spread:
        """The function that applies a task to lengths of a run."""
        return partial(self._spread, run)

    def _spread(
        self, run: LabelledRun, task: Callable[[Item], Answer], items: Sequence[Item]
    ) -> Iterator[Answer]:
        if self.client is None or self.work is None or self.client.status != "running":
            return over_threads(task, items, self._threads(run))
        return over_workers(self.client, self.work.path, task, items)

    def _threads(self, run: LabelledRun) -> int:
        spare = self.budget or SPARE_BYTES + 8 * run.paths.n_carriers * run.n_frames
        n_rows = sum(one.labels.n_path_labels for one in run.species)
        n_moves = sum(one.labels.n_macrostates**2 for one in run.species)
        return threads(run.n_frames, max(n_rows, n_moves), spare)
