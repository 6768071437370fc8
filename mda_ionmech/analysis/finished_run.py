"""A run whose frames are read and whose labels are found: what every further question needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.frozen import changed
from ..lib.task_workers import SPARE_BYTES, over_threads, threads
from ..observables.vehicularity import vehicle_dataset
from ..onsager.labelled_run import LabelledRun
from .gathered_run import GatheredRun
from .labelling import label

if TYPE_CHECKING:
    from ..events import EventRule
    from ..results.results import Results


@dataclass(frozen=True)
class FinishedRun:
    """What a run ends with.

    Attributes
    ----------
    gathered : GatheredRun
        What the frames gave.
    record : LabelledRun
        What was labelled from it.
    results : Results
    about : dict
        Choices of the run as plain values, for the settings of results.
    notes : tuple of str
        What was to be said of the input.
    engine_step : numpy.ndarray
        Shape (frames,), int64: step of the MD program, or -1.
    memory : int or None
        Budget, bytes.
    """

    gathered: GatheredRun
    record: LabelledRun
    results: Results
    about: dict[str, Any]
    notes: tuple[str, ...]
    engine_step: np.ndarray
    memory: int | None

    def relabelled(
        self,
        *,
        rules: Mapping[int, EventRule] | None = None,
        window: int | None = None,
        **choices: Any,
    ) -> Results:
        """The result with other filters, radii or rules, from what was gathered.

        Parameters
        ----------
        rules : mapping of int to EventRule, optional
            In place of those of species, by their numbers.
        window : int, optional
            Frames: the window view of this length alone.
        **choices
            Of `label`.
        """
        species = list(self.gathered.species)
        for index, rule in (rules or {}).items():
            species[index] = changed(species[index], events=rule)
        gathered = replace(self.gathered, species=tuple(species))
        if window is not None:
            none = np.empty(0, dtype=np.int64)
            gathered = replace(
                gathered, windows=np.array([window]), resolutions=none, horizons=none,
                ligand_paths={},
            )  # fmt: skip
        run = label(gathered, **choices)
        spread = partial(_spread, run, gathered, self.memory)
        return assembled(run, gathered, self.about, self.notes, spread, with_nulls=window is None)


def _spread(
    run: LabelledRun,
    gathered: GatheredRun,
    memory: int | None,
    task: Callable[[Any], Any],
    items: Sequence[Any],
) -> Iterable[Any]:
    """Answers of a task for each item, in order, by threads of this process."""
    spare = SPARE_BYTES + 8 * run.paths.n_carriers * run.n_frames
    if gathered.folder is not None and memory is not None:
        spare = memory // 2
    n_rows = sum(one.labels.n_path_labels for one in run.species)
    n_moves = sum(one.labels.n_macrostates**2 for one in run.species)
    return over_threads(task, items, threads(run.n_frames, max(n_rows, n_moves), spare))


def assembled(
    run: LabelledRun,
    gathered: GatheredRun,
    about: Mapping[str, Any],
    notes: Sequence[str],
    spread: Callable[[Any, Sequence[Any]], Iterable[Any]],
    *,
    progress: Callable[[float], None] = lambda part: None,
    with_nulls: bool = True,
) -> Results:
    """The result of labels: sums, values, intervals, states, settings.

    Parameters
    ----------
    run : LabelledRun
    gathered : GatheredRun
        What it was labelled from.
    about, notes
        As in `FinishedRun`.
    spread : callable
        Applies a task to a sequence of lengths; answers in order.
    progress : callable
        Told the part of the work that was done, 0 to 1.
    with_nulls : bool
        Whether nulls of concertedness are computed.
    """
    import xarray as xr  # slow to import, as is what the assembly needs

    from .assembly import Assembly

    projection = {
        s.name: "site" if k in gathered.on_sites else None for k, s in enumerate(gathered.species)
    }
    settings = {**about, "projection": projection}
    results = Assembly(
        run, settings, tuple(notes), spread, progress, gathered.folder, with_nulls
    ).results()
    if gathered.ligand_paths:
        followed = {
            k: (path, gathered.ligand_masses[k]) for k, path in gathered.ligand_paths.items()
        }
        share = results.decomposition["share"]
        plans = {entry.frames: entry.plan for entry in results.blocks.scanned}
        vehicle = vehicle_dataset(run, followed, share, plans, spread)
        results.tree["vehicle"] = xr.DataTree(vehicle)
    return results
