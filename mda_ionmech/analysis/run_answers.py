"""Methods of a finished run that need no trajectory: relabelling, files and tables.

`RunAnswers` is longer than other classes because its methods document their arguments in full and
call a function of their own module.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import number
from ..lib.errors import warn_user
from ..lib.version import __version__
from ..macrostates import Macrostates
from ..microstates import Microstates
from ..observables.of_a_run import RunObservables
from ..onsager.labelled_run import LabelledRun
from ..results.results import Results
from ..trajectory import Paths
from .labelling import event_names
from .plausibility import long_persistence
from .shown import ShownRun

if TYPE_CHECKING:
    import pandas as pd


class RunAnswers(ShownRun, RunObservables):
    """A finished run: relabelling, files and tables, without reading frames."""

    results: Any

    def _labelled(self, what: str) -> LabelledRun:
        return self._finished(what).record

    def _window(self, window: float | None) -> int:
        run = self._finished("window")
        if window is None:
            window = float(run.results.at_window()["window"])
        return run.record.in_frames(window)

    def event_names(self, index: int) -> tuple[str, ...]:
        """Event classes of species number `index`.

        Parameters
        ----------
        index : int
            Number of the species, from 0 on.

        Returns
        -------
        tuple of str
        """
        return event_names(self.species[index])

    @property
    def is_filtered(self) -> bool:
        """Whether a detector uses hysteresis or persistence."""
        shells = [s.microstates for s in self.species if s.microstates is not None]
        return any(s.persistence or getattr(s, "hysteresis", None) for s in shells)

    @property
    def paths(self) -> Paths:
        """After `run`: unwrapped positions of all carriers, species one after the other."""
        return self._finished("paths").gathered.paths

    @property
    def engine_step(self) -> np.ndarray:
        """After `run`: step of the MD program in each frame, or -1, shape (frames,)."""
        return self._finished("engine_step").gathered.engine_step

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
        """The same run with plain cutoffs: no hysteresis, no persistence. Reads no frames.

        Returns
        -------
        Results
            For comparison with the filtered result: the effect of flicker on the shares.
        """
        return self._finished("plain()").relabelled(filtered=False)

    def relabelled(self, persistence: float) -> Results:
        """The same run with another persistence in every detector. Reads no frames.

        Parameters
        ----------
        persistence : float
            Ignore a change that reverts within this time, ps; 0 keeps every change.

        Returns
        -------
        Results
            Repeated calls give the shares as a function of persistence.

        Raises
        ------
        InputError
            Before a run, or for a negative time.
        """
        persistence = number("persistence", persistence, "a time in ps, 0 or more", least=0)
        run = self._finished("relabelled()")
        paths = run.gathered.paths
        names = " and ".join(self.microstates)
        absurd = long_persistence(names, float(persistence), paths.dt, paths.n_frames)
        if absurd:
            warn_user(absurd)
        return run.relabelled(persistence=float(persistence))

    def split_by(self, flag: str, *, species: str | None = None) -> Results:
        """The same run with each event class split by a flag of the rule. Reads no frames.

        Of each class there are two labels, ``<class>_with_<flag>`` and ``<class>_without_<flag>``,
        whose contributions sum to that of the class in every window, and in every view at the same
        lags: the diffusive view chooses its lags anew, so that each new label is straight.
        ``results.summary(by=flag)`` keeps the lags of the run.

        Cost: that of the windows of the run.

        Parameters
        ----------
        flag : str
            E.g. ``"denticity"``, ``"association"`` or ``"renewal"``; those of a rule are in
            ``run.events().flag_names``. ``"ligand"``: the classes of
            ``SolvationEvents(resolve="ligand")``. ``"channel"``: for each class of hops one label
            per pair of labels of the sites at their ends, e.g. ``single_ion_hop_24d->48g``.
        species : str, optional
            Default: the first with an event rule.

        Returns
        -------
        Results
            It can be saved, drawn and reported as any other.

        Raises
        ------
        InputError
            Before a run, for a flag that the rule does not have, or for too many channels.
        """
        run = self._finished("split_by()")
        return run.split_by(flag, run.results._species(species))

    def by_transition(self, *, species: str | None = None) -> Results:
        """The same run with transitions of macrostates as the events. Reads no frames.

        The label of a carrier in a window is its macrostate at both ends, e.g. ``SSIP_to_CIP``, so
        that the contributions of the transitions sum to the whole in the window, path, slope and
        diffusive view, each with its interval. The lags of the diffusive view are chosen anew, so
        that every transition is straight. Displacements are whole, also of species on sites.

        Cost: that of the windows of the run.

        Parameters
        ----------
        species : str, optional
            Default: the first with an event rule, if it has macrostates, else the first with
            macrostates. Other species keep their events.

        Returns
        -------
        Results
            With the transitions that occur. It can be saved, drawn and reported as any other.

        Raises
        ------
        InputError
            Before a run, or for a species without macrostates.
        """
        return self._finished("by_transition()").by_transition(species)

    def robustness(
        self,
        *,
        persistence: Sequence[float] = (),
        hysteresis: Sequence[Any] = (),
        linking: Sequence[Any] = (),
        cutoffs: Sequence[Any] = (),
        hop_time: Sequence[str] = (),
        assignment: Sequence[str] = (),
        r_core: Sequence[float] = (),
        merge: Sequence[Any] = (),
        cages: Sequence[Any] = (),
        window: float | None = None,
        species: str | None = None,
    ) -> pd.DataFrame:
        """Sensitivity of the shares to one setting at a time. Reads no frames.

        Cost: labelling and the sums of one window, for every value; with `CrystalEvents` also both
        nulls.

        Parameters
        ----------
        persistence : sequence of float
            Times in ps that replace those of the detector.
        hysteresis : sequence of float
            Widths in Angstrom that replace those of the `CutoffShell`; 0 is none.
        linking : sequence
            Rules of `CrystalEvents`: ``"chain"``, ``("proximity", distance)`` or ``("distance",
            distance)``, or one with a lag in ps behind it, e.g. ``("proximity", 3.0, 0.2)``;
            applied to all species that are labelled together.
        cutoffs : sequence of float or of dict
            Radii at which contacts begin, Angstrom, or a dict of them by ligand type. The radius at
            which contacts end is shifted by the same amount if the shifted radius was recorded,
            else it is unchanged.
        hop_time : sequence of {"entry", "crossing"}
            Dates of hops between cores; of all species that are labelled together.
        assignment : sequence of {"core", "nearest"}
            Assignments to sites, of all species that are labelled together.
        r_core : sequence of float
            Core radii in Angstrom that replace that of the `SiteAssignment`, as in a run with this
            radius. They are recorded while frames are read: 0.8 and 1.2 of the radius of the run,
            as far as cores do not overlap, and ``SiteAssignment(..., recorded=[...])``;
            ``run.species[k].microstates.radii`` lists them.
        merge : sequence of float or of (float, bool)
            Distances in Angstrom: sites of one label closer than this are one, or ``(distance,
            True)`` those of different labels too. An ion is on a merged site where it is nearest
            to, or entered last the core of, any of its parts: these keep their cores, while
            ``SiteAssignment(merge=...)`` has one core at their mean.
        cages : sequence of dict
            Arguments ``time`` and ``distance`` that replace those of the `CageAssignment`.
        window : float, optional
            ps; default that of `Results.at_window`. The shares are those in windows of this length,
            as in ``summary(window)``, and not those in the diffusive limit.
        species : str, optional
            Default: the first with an event rule.

        Returns
        -------
        pandas.DataFrame
            Index (setting, value, event), ``as run`` first; columns ``share``, ``low``, ``high``;
            the window in ``attrs["window_ps"]`` and below the printed table.
            With `CrystalEvents` also ``multi_fraction``, the share of linked hops, and the nulls
            ``multi_fraction_circular`` and ``multi_fraction_exclusion``, of each setting.
            `plotting.robustness` draws it.

        Raises
        ------
        InputError
            Before a run, for settings that the detector or rule of the species does not have, and
            for radii that were not recorded with ``recorded=[...]``.
        """
        from .robustness import robustness

        run = self._finished("robustness()")
        return robustness(
            run.gathered, run.results, run.relabelled, persistence, hysteresis, linking, cutoffs,
            hop_time, assignment, r_core, merge, cages, window, species,
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the results as one NetCDF4 file; see `Results.save`.

        Parameters
        ----------
        path : path-like
            Conventionally ``*.nc``.

        Returns
        -------
        pathlib.Path
        """
        return self._finished("save()").results.save(path)

    def save_run(self, path: str | os.PathLike[str]) -> Path:
        """Write the run, so that `mda_ionmech.load_run` opens it without the trajectory.

        The loaded run gives the same answers as this one, bit for bit.

        Parameters
        ----------
        path : path-like
            A folder that is new or empty, or holds a saved run, which is replaced.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        InputError
            Before a run, for a path that cannot be written to or holds something else, or for a
            detector or rule of your own with attributes that a file cannot hold.
        """
        from .saved_run import write_run

        return write_run(path, self._finished("save_run()"))

    def save_states(self, path: str | os.PathLike[str], window: float | None = None) -> Path:
        """Write events, macrostates and displacements of one window for OVITO.

        By default the file holds the reading: labels and shares of ``results.summary()``. For a
        `window` of the scan it holds the shares of ``results.summary(window)``.

        Parameters
        ----------
        path : path-like
            Conventionally ``*.states.npz``; numpy alone reads it.
        window : float, optional
            ps, rounded to whole frames; default as in `Results.summary`.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        InputError
            Before a run, or for a folder that cannot be written to.
        """
        from .save_states import write_states

        run = self._finished("save_states()")
        source = f"{run.gathered.about['trajectory']}; mda_ionmech {__version__}"
        n = self._window(window)
        return write_states(
            path,
            run.record,
            n,
            run.results,
            run.gathered.engine_step,
            source,
            run.gathered.folder,
            limit=window is None,
        )

    def vehicularity(
        self, window: float | None = None, *, species: str | None = None
    ) -> pd.DataFrame:
        """Fraction of vehicular motion in which the shell moved along; see `Results.vehicularity`.

        Needs a run with ``projection="vehicle"``.

        Parameters
        ----------
        window : float, optional
            ps; default as in `Results.summary`.
        species : str, optional
            Default: the first with an event rule.

        Returns
        -------
        pandas.DataFrame
        """
        return self._finished("vehicularity()").results.vehicularity(window, species=species)
