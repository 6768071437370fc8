"""What follows from a run without its trajectory: results with other labels, files, tables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..events import EventRule
from ..lib.checks import number
from ..lib.errors import InputError, warn_user
from ..lib.frozen import changed
from ..lib.version import __version__
from ..macrostates import Macrostates
from ..microstates import Microstates
from ..observables.of_a_run import RunObservables
from ..onsager.labelled_run import LabelledRun
from ..results.results import Results
from ..species import IonSpecies
from ..trajectory import Paths
from .gathered_run import GatheredRun
from .labelling import event_names, label
from .plausibility import long_persistence
from .window_workers import WindowWorkers

if TYPE_CHECKING:
    import pandas as pd


class RunAnswers(RunObservables):
    """A run that was read: its record, its labels, and what they are asked. Reads no frame."""

    species: tuple[IonSpecies, ...]
    results: Any
    _gathered: GatheredRun | None = None
    _record: LabelledRun
    _workers: WindowWorkers = WindowWorkers()

    def _read(self, what: str) -> GatheredRun:
        """What the frames gave; InputError, naming `what`, where there is none yet."""
        if self._gathered is None:
            raise InputError(f"{what} needs a finished run: call .run() first")
        return self._gathered

    def _labelled(self, what: str) -> LabelledRun:
        self._read(what)
        return self._record

    def event_names(self, index: int) -> tuple[str, ...]:
        """Event classes of species number `index`."""
        return event_names(self.species[index])

    @property
    def is_filtered(self) -> bool:
        """Whether a detector uses hysteresis or persistence."""
        shells = [s.microstates for s in self.species if s.microstates is not None]
        return any(s.persistence or getattr(s, "hysteresis", None) for s in shells)

    @property
    def paths(self) -> Paths:
        """After `run`: unwrapped positions of all carriers, species one after the other."""
        return self._read("paths").paths

    @property
    def engine_step(self) -> np.ndarray:
        """After `run`: step of the MD program in each frame, or -1, shape (frames,)."""
        return self._read("engine_step").engine_step

    @property
    def microstates(self) -> dict[str, Microstates]:
        """After `run`: microstates by the name of the species."""
        run = self._labelled("microstates")
        return {s.name: s.microstates for s in run.species if s.microstates is not None}

    @property
    def macrostates(self) -> dict[str, Macrostates]:
        """After `run`: macrostates by the name of the species."""
        run = self._labelled("macrostates")
        return {s.name: s.macrostates for s in run.species if s.macrostates is not None}

    def plain(self) -> Results:
        """The same run with plain cutoffs: no hysteresis, no persistence. Reads no frame again.

        Returns
        -------
        Results
            What flicker does to the shares, to print beside the filtered result.
        """
        return self._relabelled("plain()", filtered=False)

    def relabelled(self, persistence: float) -> Results:
        """The same run with another persistence in every detector. Reads no frame again.

        Parameters
        ----------
        persistence : float
            Ignore a change that reverts within this time, ps; 0 keeps every change.

        Returns
        -------
        Results
            Shares against persistence come from a few calls.

        Raises
        ------
        InputError
            Before a run, or for a negative time.
        """
        persistence = number("persistence", persistence, "a time in ps, 0 or more", least=0)
        paths = self._read("relabelled()").paths
        names = " and ".join(self.microstates)
        absurd = long_persistence(names, float(persistence), paths.dt, paths.n_frames)
        if absurd:
            warn_user(absurd)
        return self._relabelled("relabelled()", persistence=float(persistence))

    def _relabelled(
        self,
        what: str = "robustness()",
        *,
        rules: Mapping[int, EventRule] | None = None,
        window: int | None = None,
        **choices: Any,
    ) -> Results:
        """The run with other filters, radii or rules; with `window`, that window view alone."""
        from .assembly import assembled

        gathered = self._read(what)
        species = list(gathered.species)
        for index, rule in (rules or {}).items():
            species[index] = changed(species[index], events=rule)
        gathered = replace(gathered, species=tuple(species))
        if window is not None:
            none = np.empty(0, dtype=np.int64)
            gathered = replace(
                gathered, windows=np.array([window]), resolutions=none, horizons=none,
                ligand_paths={},
            )  # fmt: skip
        run = label(gathered, **choices)
        return assembled(run, gathered, self._workers.of(run), with_nulls=window is None)

    def robustness(
        self,
        *,
        persistence: Sequence[float] = (),
        hysteresis: Sequence[Any] = (),
        linking: Sequence[Any] = (),
        cutoffs: Sequence[Any] = (),
        window: float | None = None,
        species: str | None = None,
    ) -> pd.DataFrame:
        """How the shares move when one choice at a time is made otherwise. Reads no frame again.

        Cost: that of labelling and of one window, for every value.

        Parameters
        ----------
        persistence : sequence of float
            Times in ps, in place of those of the detector.
        hysteresis : sequence of float
            Widths in Angstrom, in place of those of the `CutoffShell`; 0 is none.
        linking : sequence
            Rules of `CrystalEvents`: ``"chain"``, ``("proximity", distance)`` or ``("distance",
            distance)``; species that are labelled together all take it.
        cutoffs : sequence of float or of dict
            Radii at which contacts begin, Angstrom; a dict gives them by ligand type, others stay.
            The radius at which they end moves along where it was recorded, else it stays.
        window : float, optional
            ps; default as in `Results.summary`.
        species : str, optional
            Default: the first with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index (setting, value, event), ``as run`` first; columns ``share``, ``low``, ``high``.
            `plotting.robustness` draws it.

        Raises
        ------
        InputError
            Before a run, for settings the detector or the rule of the species does not have, and
            for radii that were not recorded: give those as ``CutoffShell(..., recorded=[...])``.
        """
        from .robustness import robustness

        return robustness(
            self._read("robustness()"), self.results, self._relabelled, persistence, hysteresis,
            linking, cutoffs, window, species,
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the results as one NetCDF4 file; see `Results.save`."""
        self._read("save()")
        results: Results = self.results
        return results.save(path)

    def save_states(self, path: str | os.PathLike[str], window: float | None = None) -> Path:
        """Write what OVITO colours by: events, macrostates and displacements of one window.

        For a window that was scanned the file holds the share of every event, too.

        Parameters
        ----------
        path : path-like
            Conventionally ``*.states.npz``; numpy alone reads it.
        window : float, optional
            ps, rounded to whole frames; default the smallest scanned.

        Raises
        ------
        InputError
            Before a run, or for a folder that cannot be written to.
        """
        from .save_states import write_states

        run, gathered = self._labelled("save_states()"), self._read("save_states()")
        source = f"{gathered.about['trajectory']}; mda_ionmech {__version__}"
        return write_states(
            path, run, run.in_frames(window), self.results, gathered.engine_step, source,
            gathered.folder,
        )  # fmt: skip

    def vehicularity(
        self, window: float | None = None, *, species: str | None = None
    ) -> pd.DataFrame:
        """How much of the vehicular motion the shells shared; see `Results.vehicularity`.

        Needs a run with ``projection="vehicle"``.
        """
        self._read("vehicularity()")
        results: Results = self.results
        return results.vehicularity(window, species=species)
