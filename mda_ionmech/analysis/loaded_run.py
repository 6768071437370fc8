"""Saved runs, opened without their trajectory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import shown
from ..lib.errors import InputError
from .finished_run import FinishedRun
from .run_answers import RunAnswers
from .saved_run import read_run

if TYPE_CHECKING:
    pass


class LoadedRun(RunAnswers):
    """A run that was saved; from `load_run`.

    It has the methods of `OnsagerDecomposition` that need no trajectory, and their answers are
    those of the run that was saved, bit for bit.

    Attributes
    ----------
    results : Results
    species : tuple of IonSpecies
        With the detectors and rules of the run. Their atoms have ``ix``, ``names``, ``masses`` and
        ``charges``, but no universe.
    paths : Paths
        Unwrapped positions of all carriers, species one after the other.
    microstates, macrostates : dict of str
        By species name.
    frames, times : numpy.ndarray
        Shape (frames,): numbers of the analysed frames in the trajectory, and ps.
    """

    def __init__(self, run: FinishedRun) -> None:
        self._done = run
        self.results, self.species = run.results, run.gathered.species

    @property
    def frames(self) -> np.ndarray:
        """Numbers of the analysed frames in the trajectory, shape (frames,)."""
        return self._finished("frames").record.frames

    @property
    def times(self) -> np.ndarray:
        """Times of the analysed frames, shape (frames,), ps."""
        return self._finished("times").record.times


def load_run(path: str | os.PathLike[str], *, classes: type | Iterable[type] = ()) -> LoadedRun:
    """Open a run that was saved with ``run.save_run(path)``, without its trajectory.

    Cost: the files are read once, carriers are labelled again, and the labels are compared with
    those of the saved result. A run whose arrays were on disk (``memory=...``) is memory-mapped
    from the folder, which must not be removed while it is used; new arrays are in a temporary
    folder (`TMPDIR`) that is removed with the run.

    Parameters
    ----------
    path : path-like
        The folder.
    classes : type or iterable of type
        Your own detectors and rules that the run was made with: the files hold their attributes
        but no code.

    Returns
    -------
    LoadedRun

    Raises
    ------
    InputError
        If the folder is no saved run, is damaged or of a newer version, if classes are missing, or
        if the labels differ from the saved ones.

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
