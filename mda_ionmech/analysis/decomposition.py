"""The decomposition of ionic transport into events, as an MDAnalysis analysis.

Frames are read once; the fractional steps and contacts that are stored determine all results. The
class is long because it documents all arguments of an analysis in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from MDAnalysis.analysis.base import AnalysisBase
from MDAnalysis.analysis.results import Results as RawResults
from MDAnalysis.analysis.results import ResultsGroup
from MDAnalysis.lib.log import ProgressBar

from ..lib.frame_backends import (
    PARTS_PER_WORKER,
    ClientParts,
    GatherBackend,
    Part,
    SerialParts,
    parts_source,
)
from ..lib.frozen import changed, copy_sharing, fixed_attributes
from ..lib.molecules import molecule_of_atom
from ..microstates import RadialDistribution
from ..microstates.rdf import sample_distributions
from ..onsager.labelled_run import LabelledRun
from ..species import IonSpecies
from ..trajectory import FrameTimes
from ..trajectory.charge_balance import check_charges
from ..trajectory.completeness import ReadFrames, check_complete
from ..trajectory.reader_position import in_one_thread, where_it_was
from ..trajectory.repeated_frames import frames_without_repeats
from .arguments import (
    check_backend,
    check_counterions,
    check_species,
    readable,
)
from .bodies import bodies_of, with_prepared_rules
from .choices import check_choices
from .conclusion import gathered_run
from .finished_run import FinishedRun
from .frame_source import FrameSource
from .frame_stage import FrameStage
from .gathered_run import GatheredRun
from .gathering import Gathering
from .label_checks import check_number_of_labels, check_rules
from .labelling import ambiguities, label
from .not_run import ResultsToCome
from .run_answers import RunAnswers
from .run_arguments import check_count, check_frames, frame_numbers
from .trajectory_checks import check_before_reading
from .window_workers import WindowWorkers

#: Attributes that are not sent to workers.
LOCAL = ("_bar", "_gathering", "_client", "_ts")

#: Progress in percent: the bar counts the work on windows, too, in units of frames.
BAR = "{l_bar}{bar}| {elapsed}<{remaining}"


@fixed_attributes(
    *("universe", "temperature", "windows", "resolutions", "horizons", "frame", "framework"),
    *("projection", "axes", "unwrap", "dt", "seed", "level", "uneven", "memory", "store"),
)
class OnsagerDecomposition(RunAnswers, AnalysisBase):
    r"""Split Onsager coefficients and conductivity into contributions of events.

    .. math:: L_{AB}^{e}(\Delta t) =
        \frac{\langle D_A^e \cdot D_B \rangle}{2 n k_B T V \Delta t},
        \qquad \sum_e L_{AB}^{e} = L_{AB}

    with :math:`D_A^e(t)` the summed displacement over the window of the carriers of A whose label
    is e (Jun et al., arXiv:2602.16636 (2026); Fong et al., AIChE J. 66, e17091 (2020), for L). The
    sum is exact on any finite sample; its residual is checked in every run.

    Cost: the trajectory is read once, with one pass over the atoms and one neighbour search per
    detector and frame, then one pass over carriers x frames per window or resolution.

    Parameters
    ----------
    species : IonSpecies or sequence of IonSpecies
        A run does not change them, their detectors or their rules. List every kind of charged
        carrier: the conductivity is that of the listed species alone.
    temperature : float
        K.
    windows : "log" or sequence of float
        Lengths of the windows, ps, rounded to whole frames. ``"log"``: the frame spacing times
        powers of two, up to a tenth of the trajectory.
    resolutions, horizons : "log", sequence of float or None
        Of the path and slope views, ps: the length of the steps that are labelled, and the time
        over which displacements are correlated. Every horizon that is a whole multiple of a
        resolution is computed. ``"log"`` as for `windows`; None for either omits these views.
    projection : {"auto", "site", "vehicle", None}
        Displacement assigned to an event in the path and slope views. ``site``: from site to site
        for a hop; the rest has the label ``vibration``. None: the whole displacement. ``auto``:
        ``site`` for species on sites, else None. The window view has whole displacements.
        ``vehicle``: as ``auto``, and ligand atoms are unwrapped too, for `vehicularity`, at 24
        bytes per ligand atom and frame, in memory or in the store.
    memory : str, optional
        Budget, e.g. ``"4GB"``. Positions and states that would exceed it are memory-mapped files in
        the folder of `store` or a temporary one (`TMPDIR`), which is removed with the run and its
        results; the numbers are the same bit for bit. The budget excludes about 300 MB for imported
        libraries and compiled code, and pages of mapped files. See the page on cost.
    store : path-like, optional
        Folder, e.g. ``"run.store"``, for the paths and contacts of each part of the frames. An
        interrupted run resumes from it when it is started again with the same store, frames and
        detectors; windows, events and temperature may differ. Damaged parts are read again, with a
        warning. With a cluster the folder must be one that all workers can open.
    frame : {"auto", "barycentric", "framework", "solvent", "laboratory"}
        Frame of reference. ``auto``: ``framework`` for species on sites, else ``barycentric``.
    framework : AtomGroup, optional
        The immobile sublattice for ``frame="framework"``; default: all atoms that are no carriers.
    axes : str
        Directions that count, e.g. ``"xyz"``, ``"xy"``, ``"z"``.
    unwrap : {"auto", True, False}
        ``auto`` and True unwrap by minimum-image steps, which do not change coordinates that were
        unwrapped along with the cell; False takes the coordinates as continuous, and refuses those
        that jump across the cell.
    dt : float, optional
        True spacing of the analysed frames in ps, when the times in the file are missing or wrong.
        Gaps and repeated frames are still searched for.
    uneven : {"refuse", "drop", "accept"}
        What to do with frames that repeat or are unevenly spaced, judged by times, engine steps,
        frame numbers and coordinates. ``drop``: of frames that a restart repeats keep those written
        last, as ``gmx trjcat`` does; reads the frames once more. ``accept``: treat the frames as
        evenly spaced.
    seed : int
        Of the bootstrap.
    level : float
        Nominal coverage of the intervals.

    Attributes
    ----------
    results : Results
        After `run`: see `mda_ionmech.Results`.
    species : tuple of IonSpecies
        After `run`: those of the run, with what their detectors found on the trajectory, e.g.
        cutoffs from g(r) or the alignment of sites.
    frame : str
        Frame of reference in use.

    Raises
    ------
    InputError
        For input that cannot be analysed, before frames are read where that is possible.
    AdditivityError
        If contributions do not sum to the whole within 1e-10: a bug.

    Examples
    --------
    >>> run = OnsagerDecomposition([li, tfsi], temperature=330).run()  # doctest: +SKIP
    >>> run.results.summary(window=20)  # doctest: +SKIP
    """

    _analysis_algorithm_is_parallelizable = True

    _source: FrameSource
    _stage: FrameStage
    _gathering: Any = None  # Gathering, while frames are read
    _without_repeats: tuple[Any, np.ndarray, np.ndarray] | None = None

    @classmethod
    def get_supported_backends(cls) -> tuple[str, ...]:
        """Backends whose numbers are bit for bit those of ``serial``.

        Returns
        -------
        tuple of str
        """
        return ("serial", "multiprocessing", "dask")

    def __init__(
        self,
        species: IonSpecies | Sequence[IonSpecies],
        *,
        temperature: float,
        windows: str | Sequence[float] = "log",
        resolutions: str | Sequence[float] | None = "log",
        horizons: str | Sequence[float] | None = "log",
        frame: str = "auto",
        framework: Any = None,
        projection: str | None = "auto",
        axes: str = "xyz",
        unwrap: str | bool = "auto",
        dt: float | None = None,
        seed: int = 0,
        level: float = 0.68,
        memory: str | None = None,
        store: str | None = None,
        uneven: str = "refuse",
    ) -> None:
        given = {k: v for k, v in locals().items() if k not in ("self", "species", "__class__")}
        listed = check_species(species)
        check_rules(listed)
        check_number_of_labels(listed)
        self.universe = listed[0].atoms.universe
        super().__init__(self.universe.trajectory)
        self.results = ResultsToCome()
        molecule = molecule_of_atom(self.universe)
        notes = check_charges(listed, self.universe, molecule)
        self._choices = check_choices(listed, self.universe, given)
        self.__dict__.update(vars(self._choices))  # each under its name
        readable(self.universe, self._trajectory)
        listed = with_prepared_rules(listed, self.universe)
        notes += check_counterions(listed)
        #: The species as given; `species` holds those of the last run.
        self._given = self.species = tuple(listed)
        self._bodies, self._input_notes = bodies_of(
            listed, self.universe, self._choices, molecule, notes
        )

    @in_one_thread
    def run(
        self,
        start: int | None = None,
        stop: int | None = None,
        step: int | None = None,
        frames: Sequence[int] | Sequence[bool] | None = None,
        verbose: bool | None = None,
        n_workers: int | None = None,
        n_parts: int | None = None,
        backend: Any = None,
        *,
        unsupported_backend: bool = False,
        progressbar_kwargs: dict[str, Any] | None = None,
    ) -> OnsagerDecomposition:
        """Read the frames and decompose; the arguments are those of `AnalysisBase.run`.

        The numbers do not depend on the backend, the number of workers or the number of parts.

        Parameters
        ----------
        start : int, optional
            First frame, counted from 0.
        stop : int, optional
            The frame after the last one.
        step : int, optional
            Stride: every `step`-th frame.
        frames : sequence of int or of bool, optional
            Numbers of the frames or a mask, in place of `start`, `stop` and `step`.
        verbose : bool, optional
            Show one progress bar for the whole run.
        n_workers : int, optional
            Number of processes; default one per core.
        n_parts : int, optional
            Number of consecutive parts that the frames are divided into.
        backend : {"serial", "multiprocessing", "dask"} or BackendBase, optional
            How frames are read. ``dask`` uses the cluster of the current `distributed.Client`, if
            there is one; with a store its workers also compute the windows, one length each.
            Otherwise windows are computed by threads of this process, one per core.
        unsupported_backend : bool
            Has no effect here.
        progressbar_kwargs : dict, optional
            Of the progress bar.

        Returns
        -------
        OnsagerDecomposition
            The object itself, with `results`.

        Raises
        ------
        InputError
            For input that cannot be analysed, or a store that cluster workers cannot open.
        """
        check_backend(backend, trajectory := readable(self.universe, self._trajectory))
        n_workers = check_count("n_workers", n_workers)
        n_parts = check_count("n_parts", n_parts)
        chosen = check_frames(trajectory.n_frames, start, stop, step, frames)
        self._bar = bar = ProgressBar(
            total=1,
            verbose=bool(verbose),
            desc="checking sampled frames",
            **({"bar_format": BAR} | (progressbar_kwargs or {})),
        )
        parts = parts_source(backend, n_workers)
        self._client = parts.client if isinstance(parts, ClientParts) else None
        self._n_workers = parts.n_workers
        if parts.n_workers > 1:
            n_parts = n_parts or PARTS_PER_WORKER * parts.n_workers
        # frame by frame where frames are read in this process, else part by part
        self._one_by_one = isinstance(parts, SerialParts)
        gather = GatherBackend(parts, self._absorb, lambda *p: self._gathering.known(*p))
        before = dict(self.__dict__)
        try:
            with where_it_was(trajectory):
                super().run(
                    **chosen,
                    n_parts=n_parts,
                    backend=gather,
                    unsupported_backend=True,
                )
        except BaseException:
            if before.get("_done") is not None:  # results of an earlier run are kept
                before["_gathering"], self.__dict__ = self._gathering, before
            raise
        finally:
            if self._gathering is not None:
                self._gathering.close()
                self._gathering = None
            bar.close()
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> OnsagerDecomposition:
        return copy_sharing(self, (self.universe, self._trajectory, self.framework), memo)

    def frame_spacing(
        self,
        start: int | None = None,
        stop: int | None = None,
        step: int | None = None,
        frames: Iterable[int] | None = None,
    ) -> FrameTimes:
        """Spacing of the frames that a run with these arguments would analyse, with its source.

        Reads a few frames; with ``uneven="drop"`` all of them.

        Parameters
        ----------
        start, stop, step, frames
            Part of the trajectory, as in `run`.

        Returns
        -------
        FrameTimes

        Raises
        ------
        InputError
            For times that are not known or uneven.
        """
        with where_it_was(readable(self.universe, self._trajectory)):
            source = self._frame_source(start, stop, step, frames)
            source.settle_times(quiet=True)  # the run itself warns
        return source.times

    def measure_shells(
        self,
        start: int | None = None,
        stop: int | None = None,
        step: int | None = None,
        frames: Iterable[int] | None = None,
    ) -> list[tuple[IonSpecies, dict[str, RadialDistribution]]]:
        """g(r) of every species with a detector and its ligand types, without a decomposition.

        Cost: one neighbour search to 8 A in each of up to 200 frames.

        Parameters
        ----------
        start, stop, step, frames
            Part of the trajectory, as in `run`.

        Returns
        -------
        list of (IonSpecies, dict of str to RadialDistribution)
            The detectors of these species have the cutoffs that were found. The analysis and its
            results do not change.
        """
        out = []
        with where_it_was(readable(self.universe, self._trajectory)):
            source = self._frame_source(start, stop, step, frames)
            for index, one in enumerate(self._given):
                if one.microstates is not None:
                    found = sample_distributions(source.sample(index), one.microstates.ligand_types)
                    shell = one.microstates.with_distributions(found)
                    out.append((changed(one, microstates=shell), found))
        return out

    def _frame_source(
        self, start: Any = None, stop: Any = None, step: Any = None, frames: Any = None
    ) -> FrameSource:
        """The requested frames, without repeated ones if ``uneven="drop"``."""
        trajectory = self._trajectory
        chosen = check_frames(trajectory.n_frames, start, stop, step, frames)
        dropped = np.empty(0, dtype=np.int64)
        numbers = frame_numbers(trajectory.n_frames, **chosen)
        if self._choices.uneven == "drop":
            key = start, stop, step, None if frames is None else numbers.tobytes()
            if self._without_repeats is None or self._without_repeats[0] != key:
                self._without_repeats = key, *frames_without_repeats(trajectory, **chosen)
            _, numbers, dropped = self._without_repeats
        return FrameSource(
            self.universe, self._given, self._choices, self._bodies, numbers, dropped
        )

    # ---- steps of AnalysisBase.run --------------------------------------------------------------

    def _configure_backend(self, backend: Any, *_: Any, **__: Any) -> Any:
        return backend  # made and checked by `run`

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in LOCAL}

    def _setup_frames(self, trajectory: Any, **selection: Any) -> None:
        self._source = source = self._frame_source(**selection)
        super()._setup_frames(trajectory, frames=source.frames)
        if selection.get("stop") is None and selection.get("frames") is None:
            check_complete(trajectory)
            source.moved()  # the check reads frames at the ends of files
        source.notes += self._input_notes
        source.settle_times()
        ready = check_before_reading(source)
        self.species = source.species
        self._bar.total = len(source) + max(1, len(source) // 4)
        self._bar.set_description("reading frames")
        # results of an earlier run are not sent to workers
        self.results, self._done = RawResults(), None
        self._stage = FrameStage(source, ready)
        self._gathering = Gathering(source, self._n_workers, self._client)

    def _setup_computation_groups(self, n_parts: int, **_: Any) -> list[np.ndarray]:
        indexed = np.column_stack([np.arange(len(self._source.frames)), self._source.frames])
        return self._gathering.parts(indexed, n_parts)

    def _compute(
        self, indexed_frames: np.ndarray, verbose: bool | None = None, **_: Any
    ) -> OnsagerDecomposition:
        self._part = indexed_frames
        super()._compute(indexed_frames, verbose=False)
        self.results = RawResults(self._stage.finish())
        return self

    def _prepare(self) -> None:
        self._sliced_trajectory: Any = ReadFrames(
            self._sliced_trajectory, self._part[:, 1].tolist(), self._trajectory
        )
        self._stage.begin(self._part)

    def _single_frame(self) -> None:
        self._stage.add(self._ts, self._frame_index)
        if self._one_by_one:
            self._bar.update(1)

    def _get_aggregator(self) -> ResultsGroup:
        return self._stage.aggregator()

    def _absorb(self, part: Part, read_now: bool) -> None:
        self._gathering.absorb(part, read_now)
        if not (self._one_by_one and read_now):
            self._bar.update(len(part.frames))

    def _conclude(self) -> None:
        source, prepared = self._source, self._stage.prepared
        gathered = gathered_run(source, prepared, self._gathering, self.results, self.times)
        self.times: np.ndarray = gathered.times
        run = label(gathered)
        for text in ambiguities(run):
            source.note(text, loud=True)
        self._assemble(run, replace(gathered, notes=tuple(source.notes)))

    def _assemble(self, run: LabelledRun, gathered: GatheredRun) -> None:
        from .assembly import assembled  # imports what is slow to import

        memory, bar = self._choices.memory, self._bar
        budget = memory // 2 if memory is not None and gathered.folder is not None else None
        workers = WindowWorkers(self._client, self._gathering.work, budget)
        bar.set_description("decomposing windows")
        left = bar.total - bar.n
        spread = workers.of(run)
        self.results = assembled(run, gathered, spread, lambda part: bar.update(part * left))
        sampled = self._stage.prepared.distributions
        self._done = FinishedRun(gathered, run, self.results, workers).with_others(sampled)
        bar.update(bar.total - bar.n)
