"""Saved runs, opened without their trajectory: they answer what the runs themselves answer."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import number, shown
from ..lib.errors import InputError, warn_user
from ..lib.version import __version__
from ..observables.of_a_run import RunObservables
from ..onsager.labelled_run import LabelledRun
from .finished_run import FinishedRun
from .labelling import event_names
from .plausibility import long_persistence
from .saved_run import read_run, write_run

if TYPE_CHECKING:
    import pandas as pd

    from ..macrostates import Macrostates
    from ..microstates import Microstates
    from ..results.results import Results
    from ..species import IonSpecies
    from ..trajectory import Paths


class RunAnswers(RunObservables):
    """What a finished run answers: observables, other labels, files. No frame is read again."""

    @abstractmethod
    def _finished(self, what: str) -> FinishedRun:
        """The run to answer from; InputError, naming `what`, where there is none yet."""

    def _labelled(self, what: str) -> LabelledRun:
        return self._finished(what).record

    @property
    def microstates(self) -> dict[str, Microstates]:
        """Microstates by the name of the species."""
        run = self._labelled("microstates")
        return {s.name: s.microstates for s in run.species if s.microstates is not None}

    @property
    def macrostates(self) -> dict[str, Macrostates]:
        """Macrostates by the name of the species."""
        run = self._labelled("macrostates")
        return {s.name: s.macrostates for s in run.species if s.macrostates is not None}

    def event_names(self, index: int) -> tuple[str, ...]:
        """Event classes of species number `index`."""
        return event_names(self._finished("event_names()").gathered.species[index])

    def plain(self) -> Results:
        """The same run with plain cutoffs; see `OnsagerDecomposition.plain`."""
        return self._finished("plain()").relabelled(filtered=False)

    def relabelled(self, persistence: float) -> Results:
        """The same run with another persistence; see `OnsagerDecomposition.relabelled`."""
        persistence = number("persistence", persistence, "a time in ps, 0 or more", least=0)
        run = self._finished("relabelled()")
        names, paths = " and ".join(self.microstates), run.record.paths
        absurd = long_persistence(names, float(persistence), paths.dt, paths.n_frames)
        if absurd:
            warn_user(absurd)
        return run.relabelled(persistence=float(persistence))

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
        """How the shares move when one choice at a time is made otherwise.

        See `OnsagerDecomposition.robustness`.
        """
        from .robustness import robustness

        run = self._finished("robustness()")
        return robustness(
            run.gathered, run.results, run.relabelled, persistence, hysteresis, linking, cutoffs,
            window, species,
        )  # fmt: skip

    def vehicularity(
        self, window: float | None = None, *, species: str | None = None
    ) -> pd.DataFrame:
        """How much of the vehicular motion the shells shared; see `Results.vehicularity`.

        Needs a run with ``projection="vehicle"``.
        """
        return self._finished("vehicularity()").results.vehicularity(window, species=species)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the results as one NetCDF4 file; see `Results.save`."""
        return self._finished("save()").results.save(path)

    def save_states(self, path: str | os.PathLike[str], window: float | None = None) -> Path:
        """Write what OVITO colours by; see `OnsagerDecomposition.save_states`."""
        from .save_states import write_states

        run = self._finished("save_states()")
        source = f"{run.about['trajectory']}; mda_ionmech {__version__}"
        n = run.record.in_frames(window)
        return write_states(
            path, run.record, n, run.results, run.engine_step, source, run.gathered.folder
        )

    def save_run(self, path: str | os.PathLike[str]) -> Path:
        """Write the run, so that `load_run` opens it; see `OnsagerDecomposition.save_run`."""
        return write_run(path, self._finished("save_run()"))


class LoadedRun(RunAnswers):
    """A run that was saved; from `load_run`.

    It has the methods of `OnsagerDecomposition` that need no trajectory, and their answers are
    those of the run that was saved, bit for bit.

    Attributes
    ----------
    results : Results
    species : tuple of IonSpecies
        With detectors and rules as the run settled them. Their atoms are known by ``ix``,
        ``names``, ``masses`` and ``charges``; there is no universe.
    paths : Paths
        Unwrapped positions of all carriers, species one after the other.
    microstates, macrostates : dict of str
        By species name.
    frames, times : numpy.ndarray
        Shape (frames,): numbers of the analysed frames in the trajectory, and ps.
    """

    def __init__(self, run: FinishedRun) -> None:
        self._run = run

    def _finished(self, what: str) -> FinishedRun:
        return self._run

    @property
    def results(self) -> Results:
        return self._run.results

    @property
    def species(self) -> tuple[IonSpecies, ...]:
        return self._run.gathered.species

    @property
    def paths(self) -> Paths:
        return self._run.record.paths

    @property
    def frames(self) -> np.ndarray:
        return self._run.record.frames

    @property
    def times(self) -> np.ndarray:
        return self._run.record.times

    def __repr__(self) -> str:
        names = ", ".join(self._run.record.names)
        return f"<LoadedRun: {names}; {self.paths.n_frames} frames>"


def load_run(path: str | os.PathLike[str], *, classes: type | Iterable[type] = ()) -> LoadedRun:
    """Open a run that was saved with ``run.save_run(path)``, without its trajectory.

    Cost: the files are read once, and carriers are labelled as by the run, whose labels are then
    compared with those of the saved result. A run whose arrays were on disk (``memory=...``) is
    mapped from the folder, which must stay while it is used; what is made of it is in a temporary
    folder (`TMPDIR`) that goes with it.

    Parameters
    ----------
    path : path-like
        The folder.
    classes : type or iterable of type
        Detectors and rules of your own that the run was made with: a file holds their attributes
        and no code.

    Returns
    -------
    LoadedRun

    Raises
    ------
    InputError
        For what is no saved run, one that is damaged or of a newer version, classes that are
        missing, or labels that come out otherwise than they were.

    Examples
    --------
    >>> run.save_run("liquid.run")  # doctest: +SKIP
    >>> mda_ionmech.load_run("liquid.run").residence_times()  # doctest: +SKIP
    """
    given = [classes] if isinstance(classes, type) else list(_iterable(classes))
    for one in given:
        if not isinstance(one, type):
            raise InputError(
                f"classes must hold detectors and rules of your own as classes, e.g. "
                f"classes=[MyRule], got {shown(one)}"
            )
    named = {one.__name__: one for one in given}
    if len(named) < len(set(given)):
        raise InputError(
            f"classes holds two of one name among {sorted(one.__name__ for one in given)}; give "
            "the one that the run was made with"
        )
    return LoadedRun(read_run(path, named))


def _iterable(classes: Any) -> Iterable[Any]:
    return classes if isinstance(classes, Iterable) and not isinstance(classes, str) else [classes]
