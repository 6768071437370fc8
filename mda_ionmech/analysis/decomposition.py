"""The decomposition of ionic transport into events, as an MDAnalysis analysis.

Frames are read once: fractional steps and contacts are kept, everything else follows from them.
"""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from MDAnalysis.analysis.base import AnalysisBase
from MDAnalysis.analysis.results import Results as RawResults
from MDAnalysis.analysis.results import ResultsGroup
from MDAnalysis.lib.log import ProgressBar

from ..events import EventRule
from ..events.base import prepared
from ..lib.arrays_on_disk import ArrayFolder
from ..lib.checks import number, shown
from ..lib.errors import InputError, warn_user
from ..lib.frame_backends import (
    PARTS_PER_WORKER,
    ClientParts,
    GatherBackend,
    Part,
    SerialParts,
    parts_source,
)
from ..lib.frozen import changed
from ..lib.molecules import molecule_of_atom
from ..lib.task_workers import (
    SPARE_BYTES,
    Answer,
    Item,
    check_reach,
    over_threads,
    over_workers,
    threads,
)
from ..lib.topology import atom_ids, check_atom_group, describe_atoms, trajectory_name
from ..lib.version import __version__
from ..macrostates import Macrostates
from ..macrostates.base import prepared_macrostates
from ..microstates import (
    FrameGeometry,
    Microstates,
    RadialDistribution,
    SiteAssignment,
)
from ..microstates.contact_tracking import Follower
from ..microstates.detector import settled_on
from ..microstates.gathered_contacts import GatheredContacts
from ..microstates.rdf import sample_distributions
from ..observables.of_a_run import RunObservables
from ..observables.vehicularity import followed_ligands, vehicle_dataset
from ..onsager.labelled_run import CarrierAtoms, LabelledRun
from ..results.results import Results
from ..species import IonSpecies
from ..trajectory import FrameTimes, Paths
from ..trajectory.carriers import append_atoms, carrier_members, ligand_table
from ..trajectory.cells import (
    check_cell_height,
    check_cell_step,
    check_constant_cell,
    read_cell,
    reduced_cell,
)
from ..trajectory.charge_balance import check_charges
from ..trajectory.completeness import (
    READING_ERRORS,
    ReadFrames,
    check_atom_numbers,
    check_complete,
    unreadable,
)
from ..trajectory.frame_times import UNEVEN, first_pair_of, settle_times
from ..trajectory.frames_of_reference import reference_weights, resolve_frame
from ..trajectory.masses import atom_masses, usable_masses
from ..trajectory.paths import PathBuilder, finish_paths, without_axes
from ..trajectory.reader_position import where_it_was
from ..trajectory.repeated_frames import (
    describe_dropped,
    fingerprint,
    frames_without_repeats,
    recognising_atoms,
    same_frame,
)
from ..trajectory.run_store import RunStore
from ..trajectory.snapshot import (
    Cell,
    Snapshot,
    check_finite,
    check_jumps,
    coordinates_of,
    take_snapshot,
)
from ..trajectory.step_lengths import measure_steps
from ..trajectory.time_sources import Stamp, file_starts, stamp_of, time_source
from ..trajectory.unwrap import (
    LONG_STEP,
    MAX_LONG_FRACTION,
    cell_heights,
    fractional_steps,
    stretches,
    whole_centres,
)
from ..trajectory.unwrapped_input import cells_reached, count_jumps
from .arguments import (
    check_axes,
    check_backend,
    check_counterions,
    check_image_flags,
    check_lengths,
    check_level,
    check_memory,
    check_projection,
    check_seed,
    check_spacing,
    check_species,
    check_store,
    check_temperature,
    check_transformations,
    check_universe,
    check_unwrap,
    on_sites,
    selections_of,
)
from .coordinate_checks import carrier_places, check_coordinates, describe_reach, refuse_jumps
from .finished_run import FinishedRun
from .gather_on_disk import (
    digest_of,
    exceeds_budget,
    known_part,
    new_folder,
    open_store,
    part_frames,
    sampled_places,
)
from .gathered_run import GatheredRun
from .input_notes import input_notes
from .label_checks import check_number_of_labels, check_rules
from .labelling import ambiguity, event_names, label, tally_notes
from .plausibility import long_persistence, short_length
from .run_arguments import check_count, check_frames
from .sampled_frames import warnings_of_sample
from .saved_run import write_run
from .step_checks import (
    check_repeated_stretch,
    far_steps,
    long_steps_note,
    order_notes,
    refuse_repeated,
    sample_notes,
    sample_steps,
    step_notes,
)
from .zero_by_construction import carrier_masses

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

#: Above this share of frames outside every core, an assignment to sites is called ambiguous.
AMBIGUOUS = 0.75
#: Largest part, bytes.
PART_BYTES = 2**26
#: Frames sampled for g(r).
RDF_FRAMES = 200


class OnsagerDecomposition(RunObservables, AnalysisBase):
    r"""Split Onsager coefficients and conductivity into contributions of events.

    .. math:: L_{AB}^{e}(\Delta t) =
        \frac{\langle D_A^e \cdot D_B \rangle}{2 n k_B T V \Delta t},
        \qquad \sum_e L_{AB}^{e} = L_{AB}

    with :math:`D_A^e(t)` the summed displacement over the window of the carriers of A whose label
    is e. The sum is exact on any finite sample; its residual is checked in every run.

    Cost: reading the trajectory once plus, per frame, one pass over the atoms and one neighbour
    search per detector; then one pass over carriers x frames per window or resolution. Horizons
    cost nothing beside that.

    Parameters
    ----------
    species : IonSpecies or sequence of IonSpecies
        They, their detectors and rules are choices, which no run changes. List every kind of
        charged carrier, else single coefficients stand but the conductivity is only theirs.
    temperature : float
        K.
    windows : "log" or sequence of float
        Lengths of the windows, ps, rounded to whole frames. ``"log"``: the frame spacing times
        powers of two, up to a tenth of the trajectory.
    resolutions, horizons : "log", sequence of float or None
        Of the path and slope views, ps: the time over which a label is read, and the time over
        which displacements are correlated. Every horizon that is a whole multiple of a resolution
        is computed. ``"log"`` as for `windows`; None for either leaves these views out.
    projection : {"auto", "site", "vehicle", None}
        What an event carries in the path and slope views. ``site``: a hop its way from site to
        site, and the label ``vibration`` what is left. None: the whole displacement. ``auto``:
        ``site`` for species on sites, else None. The window view keeps whole displacements.
        ``vehicle``: as ``auto``, and ligand atoms are followed too, for `vehicularity`; 24 bytes
        for each of their atoms and frames, in memory or in the store.
    memory : str, optional
        A budget, e.g. ``"4GB"``. Where positions and states would exceed it they are files that
        are mapped to memory, in the folder of `store` or a temporary one (`TMPDIR`), which goes
        with the run and its results; the numbers are the same bit for bit. The budget is for what
        the process allocates, without about 300 MB for imported libraries and compiled code; pages
        of mapped files belong to the operating system. See the page on cost.
    store : path-like, optional
        Folder, e.g. ``"run.store"``, that keeps what was read of the frames, part after part. A run
        that was stopped goes on from it when it is started again with the same store, frames and
        detectors; what does not touch the frames (windows, events, temperature) may differ. Parts
        that were damaged are read again, with a warning. With a cluster it lies where all workers
        can open it.
    frame : {"auto", "barycentric", "framework", "solvent", "laboratory"}
        Frame of reference. ``auto``: ``framework`` for species on sites, else ``barycentric``.
    framework : AtomGroup, optional
        The immobile sublattice for ``frame="framework"``; default every atom of no species.
    axes : str
        Directions that count, e.g. ``"xyz"``, ``"xy"``, ``"z"``.
    unwrap : {"auto", True, False}
        Undo jumps across the cell. ``auto`` and True take minimum-image steps, which leave
        coordinates that were unwrapped with the cell as they are; False takes the coordinates as
        continuous, and refuses those that jump.
    dt : float, optional
        True spacing of the analysed frames in ps, when the file holds no times or wrong ones. It
        sets the scale; gaps and repeats are looked for all the same.
    uneven : {"refuse", "drop", "accept"}
        What to do with frames that repeat or are unevenly spaced, by times and engine steps of the
        file, numbers of the frames, and coordinates. ``drop``: leave out what a restart repeats and
        keep what was written last, as ``gmx trjcat`` does; reads the frames once more. ``accept``:
        take the frames as evenly spaced all the same.
    seed : int
        Of the bootstrap.
    level : float
        Nominal coverage of the intervals.

    Attributes
    ----------
    results : Results
        After `run`: see `mda_ionmech.Results`.
    species : tuple of IonSpecies
        After `run`: those of the run, whose detectors hold what the trajectory settled, e.g. the
        cutoffs found from g(r) or the alignment of sites.
    paths : Paths
        After `run`: unwrapped positions of all carriers, species one after the other.
    microstates, macrostates : dict of str
        After `run`, by species name.

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

    results: Any  # raw arrays of the frame stage while reading, Results afterwards
    paths: Paths
    _gathered_run: GatheredRun
    _record: LabelledRun
    _cell: Cell | None
    _previous: Snapshot | None
    _stamp_before: Stamp | None
    _kept: tuple[int, Snapshot | None, Stamp | None] | None
    _raw: dict[str, Any]
    _followers: dict[int, Follower]
    _counted: dict[int, list[int]]
    _builder: PathBuilder
    _store: RunStore | None
    _work: ArrayFolder | None
    _folder: ArrayFolder | None
    _gathered: dict[int, GatheredContacts]

    @classmethod
    def get_supported_backends(cls) -> tuple[str, ...]:
        """Backends whose numbers are bit for bit those of ``serial``."""
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
        listed = check_species(species)
        check_rules(listed)
        check_number_of_labels(listed)
        self.species: tuple[IonSpecies, ...] = tuple(listed)
        self.universe = self.species[0].atoms.universe
        super().__init__(self.universe.trajectory)
        self.memory = check_memory(memory)
        self.store = check_store(store)
        self.temperature = check_temperature(temperature)
        self.windows = check_lengths("windows", windows)
        with_paths = resolutions is not None and horizons is not None
        self.resolutions = check_lengths("resolutions", resolutions) if with_paths else None
        self.horizons = check_lengths("horizons", horizons) if with_paths else None
        self.projection = check_projection(projection, self.species)
        self.dt = check_spacing(dt)
        if not isinstance(uneven, str) or uneven not in UNEVEN:
            raise InputError(f"uneven must be one of {UNEVEN}, got {shown(uneven)}")
        self.uneven = uneven
        self._without_repeats: tuple[Any, np.ndarray, np.ndarray] | None = None
        self.axes = check_axes(axes)
        self.unwrap = check_unwrap(unwrap)
        self.level, self.seed = check_level(level), check_seed(seed)
        if framework is not None:
            check_atom_group(framework, "framework")
            check_universe(framework, "framework", self.universe)
            if frame not in ("auto", "framework"):
                raise InputError(f"framework=... has no meaning with frame={frame!r}")
            frame = "framework"
        self._molecule = molecule_of_atom(self.universe)
        about_charges = check_charges(self.species, self.universe, self._molecule)
        self.frame = resolve_frame(frame, self.species, framework is not None)
        self.framework = framework
        check_transformations(self.universe.trajectory)
        check_image_flags(self.universe.trajectory)
        for index, one in enumerate(self.species):
            if one.events is not None and one.microstates is not None:
                one.events.check(one.microstates.ligand_types)
                rule = prepared(one.events, self.universe, one.microstates.ligands, one.charge)
                listed[index] = changed(one, events=rule)
            if one.macrostates is not None:
                one.macrostates.check(self.species, index)
                known = prepared_macrostates(one, self.universe)
                listed[index] = changed(listed[index], macrostates=known)
        about_charges += check_counterions(listed)
        #: What every run begins with; `species` is what the last one has settled.
        self._given = self.species = tuple(listed)
        masses = atom_masses(self.universe)
        self._reference = reference_weights(
            self.frame, self.species, self.framework, self.universe, masses.value
        )
        self._members = carrier_members(self.species, self.universe, masses.value)
        self._carrier_mass = carrier_masses(
            self.species, self.universe, self._molecule, masses.value
        )
        self._input_notes = input_notes(
            self.species,
            self.universe,
            molecule=self._molecule,
            masses=masses,
            members=self._members,
            reference=self._reference,
            frame=self.frame,
            framework=None if framework is None else framework.ix,
            notes=about_charges,
        )
        self._first = np.concatenate([[0], np.cumsum([s.n_carriers for s in self.species])])
        self._ligands = [ligand_table(s, self._molecule) for s in self.species]
        self._followed: dict[int, slice] = {}
        if projection == "vehicle":
            self._follow_ligands()
        carried = np.zeros(self.universe.atoms.n_atoms, dtype=bool)
        carried[self._members.atoms] = True
        if len(self._reference):
            carried |= self._reference > 0
        self._moving = stretches(np.flatnonzero(carried))
        self._advance: Callable[[int], None] | None = None
        self._client: Any = None

    # ---- set-up ---------------------------------------------------------------------------

    def _exchange(self, index: int, **attributes: Any) -> None:
        """Put another detector or rule into the run's own species."""
        listed = list(self.species)
        listed[index] = changed(listed[index], **attributes)
        self.species = tuple(listed)

    def _follow_ligands(self) -> None:
        """Let the frame stage follow the ligand atoms too, as bodies after the carriers."""
        self._followed = followed_ligands(self.species, self._ligands, self._members)
        for index in self._followed:
            ligands = self._ligands[index]
            assert ligands is not None
            usable_masses(self.universe, "projection='vehicle'", ligands.atom)
            self._members = append_atoms(self._members, ligands.atom)

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

        One progress bar covers the whole with ``verbose=True``, on every backend. The numbers do
        not depend on the backend, the workers or the parts.

        Parameters
        ----------
        start : int, optional
            First frame, counted from 0.
        stop : int, optional
            The frame after the last one.
        step : int, optional
            Take every so many frames.
        frames : sequence of int or of bool, optional
            Numbers of the frames or a mask, in place of `start`, `stop` and `step`.
        verbose : bool, optional
            Show the progress.
        n_workers : int, optional
            Processes of the backend; default one per core.
        n_parts : int, optional
            Stretches that the frames are read in.
        backend : {"serial", "multiprocessing", "dask"} or BackendBase, optional
            Where frames are read. ``dask`` is the cluster of the `distributed.Client` in scope, if
            there is one, and with a store its workers take the windows too, one length each.
            Otherwise these are worked on by threads of this process, one per core.
        unsupported_backend : bool
            Has no effect here.
        progressbar_kwargs : dict, optional
            Of the progress bar.

        Returns
        -------
        OnsagerDecomposition
            itself, with `results` filled.

        Raises
        ------
        InputError
            For input that cannot be analysed, or a store that workers of the cluster cannot open.
        """
        check_backend(backend, self.universe.trajectory)
        n_workers = check_count("n_workers", n_workers)
        n_parts = check_count("n_parts", n_parts)
        chosen = check_frames(self.universe.trajectory.n_frames, start, stop, step, frames)
        bar = ProgressBar(
            total=1, verbose=bool(verbose), desc="starting", **(progressbar_kwargs or {})
        )
        self._bar = bar
        source = parts_source(backend, n_workers)
        self._client = source.client if isinstance(source, ClientParts) else None
        self._n_workers = source.n_workers
        if source.n_workers > 1:
            n_parts = n_parts or PARTS_PER_WORKER * source.n_workers
        elif isinstance(source, SerialParts):
            self._advance = self._bar_update
        before = dict(self.__dict__) if hasattr(self, "paths") else None
        try:
            with where_it_was(self.universe.trajectory), self._closing_store():
                super().run(
                    **chosen,
                    n_parts=n_parts,
                    backend=GatherBackend(source, self._absorb, partial(known_part, self)),
                    unsupported_backend=True,
                )
        except BaseException:
            if before is not None:  # what an earlier run has given stays
                self.__dict__ = before
            raise
        finally:
            self._advance = None
            bar.close()
        return self

    def _configure_backend(self, backend: Any, *_: Any, **__: Any) -> Any:
        """Take what `run` made: `check_backend` knows better what a backend can take along."""
        return backend

    @contextmanager
    def _closing_store(self) -> Iterator[None]:
        """Let other runs use the store when this one has ended, however it ends."""
        self._store = None
        try:
            yield
        finally:
            if self._store is not None:
                self._store.close()

    def _bar_update(self, n_frames: int) -> None:
        self._bar.update(n_frames)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for name in ("_bar", "_builder", "_store", "_gathered", "_work", "_folder"):
            state.pop(name, None)
        state["_advance"] = state["_kept"] = state["_previous"] = state["_client"] = None
        return state

    def _choose_frames(
        self,
        trajectory: Any,
        start: int | None = None,
        stop: int | None = None,
        step: int | None = None,
        frames: Iterable[int] | None = None,
    ) -> int:
        """Settle which frames are analysed and the lattice they are described in."""
        chosen: dict[str, Any] = {"start": start, "stop": stop, "step": step, "frames": frames}
        self._dropped = np.empty(0, dtype=np.int64)
        if self.uneven == "drop":
            key = start, stop, step, None if frames is None else tuple(frames)
            if self._without_repeats is None or self._without_repeats[0] != key:
                chosen["frames"] = key[3]
                self._without_repeats = key, *frames_without_repeats(trajectory, **chosen)
            _, kept, self._dropped = self._without_repeats
            chosen = {"frames": kept}
        super()._setup_frames(trajectory, **chosen)
        (enumerated,) = super()._setup_computation_groups(n_parts=1, **chosen)
        self._run_frames = np.asarray(enumerated[:, 1], dtype=np.int64)
        self._file_starts = file_starts(trajectory)
        n = len(self._run_frames)
        if n < 3:
            raise InputError(
                f"the analysed part of the trajectory has {n} frame{'s' * (n != 1)}; three or more "
                "are needed, and hundreds for intervals: check start, stop, step, frames, and "
                "that the trajectory file is complete"
            )
        check_atom_numbers(trajectory, int(self._run_frames.max()))
        self._in_reader = -1
        self._lattice = reduced_cell(read_cell(self._at(0)))
        self._cell = self._kept = None
        return n

    def _setup_frames(self, trajectory: Any, **selection: Any) -> None:
        n = self._choose_frames(trajectory, **selection)
        if selection.get("stop") is None and selection.get("frames") is None:
            check_complete(trajectory)
            self._in_reader = -1  # it looks at the ends of files
        self.species = self._given
        self._source = {
            "topology": None if (name := self.universe.filename) is None else Path(str(name)).name,
            "trajectory": trajectory_name(self.universe),
            "n_atoms": int(self.universe.atoms.n_atoms),
            "n_frames_in_trajectory": int(trajectory.n_frames),
        }
        self._notes: list[str] = list(self._input_notes)
        self._settle_times()
        ends = [self._read(k)[1] for k in (0, n - 1)]
        self._window_frames = self._round_lengths("windows", self.windows, n)
        none = np.empty(0, dtype=np.int64)
        self._resolution_frames = self._horizon_frames = none
        if self.resolutions is not None and self.horizons is not None:
            self._resolution_frames = self._round_lengths("resolutions", self.resolutions, n)
            self._horizon_frames = self._round_lengths("horizons", self.horizons, n)
            self._check_multiples()
        reach = max((s.microstates.reach for s in self.species if s.microstates), default=0.0)
        for snapshot in ends:
            check_cell_height(snapshot.cell.height, reach)
        if self.frame == "laboratory":
            check_constant_cell(np.array([snapshot.cell.vectors for snapshot in ends]))
        self._check_first_step(ends[0])
        for text in check_coordinates(self):
            self._note(text, loud=True)
        for index, one in enumerate(self.species):
            if one.microstates is not None:
                found = settled_on(one.microstates, partial(self._sample, index))
                self._exchange(index, microstates=found)
                check_cell_height(ends[0].cell.height, found.reach)
        self._first_places = {
            index: one.microstates.fractional_positions(self._geometry(index, ends[0]))
            for index, one in enumerate(self.species)
            if isinstance(one.microstates, SiteAssignment)
        }
        check_number_of_labels(self.species)
        for text in warnings_of_sample(self):
            self._note(text, loud=True)
        self._take_sample()
        self._bar.total = n + max(1, n // 4)
        self._bar.set_description("reading frames")
        # frames are gathered afresh, and what a run before concluded does not travel to workers
        self.results = RawResults()
        for name in ("paths", "_gathered_run", "_record"):
            self.__dict__.pop(name, None)
        self._open_folders(n)

    def _open_folders(self, n: int) -> None:
        """Decide where what the frames give is gathered."""
        self._store = open_store(self, n)
        on_disk = exceeds_budget(self, n)
        shared = self._store is not None and self._client is not None
        self._work = new_folder(self) if on_disk or shared else None
        self._folder = self._work if on_disk else None
        self._builder = PathBuilder(self._n_bodies, n, self._folder)
        self._gathered = {
            k: GatheredContacts(self.species[k].n_carriers, self._folder)
            for k, table in enumerate(self._ligands)
            if table is not None
        }
        if self._client is not None and self._work is not None:
            check_reach(self._client, self._work.path, self.store or self._work.path)

    @property
    def _n_bodies(self) -> int:
        """Carriers, and ligand atoms that are followed like them."""
        return len(self._members.offsets) - 1

    def _setup_computation_groups(self, n_parts: int, **chosen: Any) -> list[np.ndarray]:
        if self.uneven == "drop":
            chosen = {"frames": self._run_frames}
        (frames,) = super()._setup_computation_groups(n_parts=1, **chosen)
        if self._store is not None:
            size = self._store.part_frames
        elif self._folder is not None:
            size = part_frames(self, len(frames))
        else:
            # parts wait for their turn in memory
            largest = max(PART_BYTES // (64 * self._n_bodies), 1)
            size = min(-(-len(frames) // n_parts), largest)
        return [frames[k : k + size] for k in range(0, len(frames), size)]

    def _at(self, index: int) -> Any:
        """The reader at one analysed frame; it is not read again if it was asked for last."""
        frame = int(self._run_frames[index])
        # others may have moved the reader
        if self._in_reader != index or self._trajectory.ts.frame != frame:
            self._in_reader = -1
            try:
                self._trajectory[frame]
            except READING_ERRORS as error:
                raise unreadable(self._trajectory, frame, error) from error
            self._in_reader = index
        return self._trajectory.ts

    def _read(self, index: int) -> tuple[float, Snapshot]:
        """Time and a fresh copy of one analysed frame."""
        ts = self._at(index)
        return float(ts.time), take_snapshot(ts, self._cell_of(ts))

    def _cell_of(self, ts: Any) -> Cell:
        self._cell = Cell.of(ts, self._lattice, self._cell)
        return self._cell

    def _stamp(self, index: int) -> Stamp:
        """What the reader says of one analysed frame."""
        return stamp_of(self._at(index), self._file_starts)

    def _settle_times(self, *, quiet: bool = False) -> None:
        """Spacing of the analysed frames; if quiet, warnings are noted alone."""
        trajectory = self._trajectory
        source, first_pair = time_source(trajectory), None
        if self.dt is None and source.dt != 0:
            self._in_reader = -1
            first_pair = first_pair_of(trajectory)
        # what was dropped does not count in a stride
        numbers = self._run_frames - np.searchsorted(self._dropped, self._run_frames)
        self._times, notes = settle_times(
            self._stamp, numbers, source, first_pair, dt=self.dt, uneven=self.uneven
        )
        if len(self._dropped):
            notes.append((describe_dropped(self._dropped), True))
        for text, loud in notes:
            self._note(text, loud=loud and not quiet)

    def frame_spacing(
        self,
        start: int | None = None,
        stop: int | None = None,
        step: int | None = None,
        frames: Iterable[int] | None = None,
    ) -> FrameTimes:
        """Spacing of the frames that a run with these arguments would analyse, and its source.

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
        probe = copy.copy(self)
        probe._notes = []
        with where_it_was(self.universe.trajectory):
            chosen = check_frames(self.universe.trajectory.n_frames, start, stop, step, frames)
            probe._choose_frames(self.universe.trajectory, **chosen)
            probe._settle_times(quiet=True)  # the run says what is to say
        self._without_repeats = probe._without_repeats
        return probe._times

    def _round_lengths(
        self, argument: str, lengths: str | Sequence[float], n_frames: int
    ) -> np.ndarray:
        """Lengths in whole frames."""
        spacing = self._times.spacing
        if isinstance(lengths, str):
            longest = max(n_frames // 10, 1)
            return 2 ** np.arange(int(np.log2(longest)) + 1)
        span = (n_frames - 1) * spacing
        chosen = []
        for length in lengths:
            n = max(round(min(length / spacing, n_frames)), 1)
            if n > n_frames - 1:
                raise InputError(
                    f"{argument} holds {length:g} ps, longer than the {span:g} ps analysed; give "
                    f"{argument} of at most a tenth of that, {span / 10:g} ps, for an interval"
                )
            absurd = short_length(argument, length, spacing)
            if absurd:
                self._note(absurd, loud=True)
            elif abs(n * spacing - length) > 1e-3 * length:
                self._note(
                    f"{argument[:-1]} of {length:g} ps rounded to {n * spacing:g} ps, {n} frames "
                    f"of {spacing:g} ps"
                )
            chosen.append(n)
        return np.unique(np.array(chosen, dtype=np.int64))

    def _check_multiples(self) -> None:
        """At least one horizon must be a whole number of resolutions."""
        if np.any(self._horizon_frames[:, None] % self._resolution_frames[None] == 0):
            return
        spacing = self._times.spacing
        raise InputError(
            f"no horizon of {self._horizon_frames * spacing} ps is a whole multiple of a "
            f"resolution of {self._resolution_frames * spacing} ps; give horizons that are, or "
            "'log' for both"
        )

    def _note(self, text: str, *, loud: bool = False) -> None:
        """Keep a warning in the results; loud ones are raised as Python warnings too."""
        self._notes.append(text)
        if loud:
            warn_user(text)

    def _check_first_step(self, first: Snapshot) -> None:
        """Refuse steps too long to unwrap on the first two frames, before all are read."""
        ts, before = self._at(1), replace(first, coordinates=first.coordinates.copy())
        steps, found = np.empty((len(self._members.offsets) - 1, 3)), np.zeros(10)
        self._reach = cells_reached(carrier_places(self, first))
        self._step(ts, before, steps, np.empty(3), found)
        self._check_long_steps(found)

    def _check_long_steps(self, found: np.ndarray) -> None:
        if self.unwrap is False or found[2] == 0:
            return
        fraction = found[1] / found[2]
        # one stray step among few is not yet a verdict
        if fraction > MAX_LONG_FRACTION and found[1] > 1:
            raise InputError(
                f"steps are too long to unwrap: {fraction:.2%} of the steps between analysed "
                f"frames exceed {LONG_STEP} of the shortest cell height (longest {found[3]:.2f} A, "
                f"frames {self._times.spacing:g} ps apart), and beyond one half they cannot be "
                f"told from their images; {describe_reach(self._reach)}"
            )

    def _take_sample(self) -> None:
        """Keep what ordinary steps are, from pairs of frames spread over the run."""
        sampled = sample_steps(self)
        self._repeats_are_odd = sampled.repeats_are_odd(len(self._run_frames))
        self._far = far_steps(self.species, sampled)
        mover = int(np.argmax(sampled.lengths.max(axis=0)))
        self._mover = int(self._members.atoms[self._members.offsets[mover]])
        self._recognised_by = recognising_atoms(self.universe.atoms.n_atoms)
        for text in sample_notes(self.species, sampled, self._times.spacing):
            self._note(text, loud=True)

    def _check_repeated(self, ts: Any, before: Snapshot, stamp: Stamp | None) -> None:
        """Refuse a frame whose coordinates are those of the one before."""
        if self.uneven != "accept" and same_frame(
            coordinates_of(ts), before.coordinates, self._mover
        ):
            source = self._times.source
            told = source is not None and source.kind == "file"
            now = stamp_of(ts, self._file_starts)
            refuse_repeated(now.told(told), "the one before" if stamp is None else stamp.told(told))

    def _step(
        self, ts: Any, before: Snapshot, steps: np.ndarray, reference: np.ndarray, found: np.ndarray
    ) -> Snapshot:
        """The frame the reader holds, in the place of the one before, and the steps between."""
        cell, counted = self._cell_of(ts), found.copy()
        if cell is not before.cell:
            check_cell_step(before.cell.vectors, cell.vectors, int(ts.frame))
        if self.unwrap is False:
            count_jumps(
                coordinates_of(ts), before.coordinates, cell.inverse, before.cell.inverse,
                self._moving, found[6:8],
            )  # fmt: skip
        members = self._members
        bad = fractional_steps(
            coordinates_of(ts), before.coordinates,
            (cell.vectors, cell.inverse, before.cell.inverse), self.unwrap is not False,
            self._moving, (members.offsets, members.atoms, members.weights, self._reference),
            LONG_STEP * cell.height, steps, reference, found,
        )  # fmt: skip
        check_finite(ts, bad)
        if self.unwrap is not False:
            check_jumps(ts, found, counted)
        if found[3] > counted[3]:
            found[5] = ts.frame
        return Snapshot(before.coordinates, cell)

    def _geometry(self, index: int, now: Snapshot, *, lasting: bool = False) -> FrameGeometry:
        """What the detector of species `index` sees of a frame, if lasting a copy of its own."""
        ligands = self._ligands[index]
        assert ligands is not None
        one, members = self.species[index], self._members
        if one.compound is None:
            centres = now.places(one.atoms.ix).fractional
        else:
            first, last = self._first[index], self._first[index + 1]
            centres = np.empty((one.n_carriers, 3))
            whole_centres(
                now.positions, now.cell.inverse, members.offsets[first : last + 1], members.atoms,
                members.weights, members.parents, centres,
            )  # fmt: skip
        places, others = now.places(ligands.atom), now.places(ligands.other_atom)
        return FrameGeometry(
            centres,
            places.fractional if lasting else places,
            ligands.kind,
            ligands.owner,
            now.cell.vectors,
            now.cell.as_read,
            others.fractional if lasting else others,
            ligands.other_owner,
        )

    def _sample(self, index: int) -> Iterable[FrameGeometry]:
        """Frames spread over the run, for g(r)."""
        n = len(self._run_frames)
        for k in np.unique(np.linspace(0, n - 1, min(n, RDF_FRAMES)).astype(int)):
            yield self._geometry(index, self._read(int(k))[1], lasting=True)

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
            The detectors of these species have the cutoffs that were found; the species of the
            analysis, and a run that it has done, are left as they are.
        """
        probe = copy.copy(self)
        out = []
        with where_it_was(self.universe.trajectory):
            chosen = check_frames(self.universe.trajectory.n_frames, start, stop, step, frames)
            probe._choose_frames(self.universe.trajectory, **chosen)
            for index, one in enumerate(self._given):
                if one.microstates is not None:
                    found = sample_distributions(probe._sample(index), one.microstates.ligand_types)
                    shell = one.microstates.with_distributions(found)
                    out.append((changed(one, microstates=shell), found))
        return out

    @property
    def is_filtered(self) -> bool:
        """Whether a detector uses hysteresis or persistence."""
        shells = [s.microstates for s in self.species if s.microstates is not None]
        return any(s.persistence or getattr(s, "hysteresis", None) for s in shells)

    # ---- frames ---------------------------------------------------------------------------

    def _compute(
        self, indexed_frames: np.ndarray, verbose: bool | None = None, **_: Any
    ) -> OnsagerDecomposition:
        self._part = indexed_frames
        super()._compute(indexed_frames, verbose=False)
        self._measure_steps()
        self.results = RawResults(self._raw)
        for index, follower in self._followers.items():
            self.results[f"contacts_{index}"] = follower.tracker.finish()
            # one row a part: counts add up exactly, in any order
            self.results[f"tally_{index}"] = np.array([self._counted[index]], dtype=np.int64)
        self._kept = int(indexed_frames[-1, 0]), self._previous, self._stamp_before
        self._raw, self._followers, self._counted = {}, {}, {}
        return self

    def _measure_steps(self) -> None:
        """Lengths of the steps of every species, frame by frame."""
        shape = len(self._part), len(self.species)
        measured = {
            "step_square": np.empty(shape),
            "step_longest": np.empty(shape),
            "step_carrier": np.empty(shape, dtype=np.int64),
            "step_far": np.empty(shape, dtype=np.int64),
        }
        measure_steps(
            self._raw["steps"], self._raw["cells"], self._first, self._far, *measured.values()
        )
        self._raw.update(measured)

    def _prepare(self) -> None:
        self._sliced_trajectory: Any = ReadFrames(
            self._sliced_trajectory, self._part[:, 1].tolist(), self._trajectory
        )
        n = len(self._part)
        first = int(self._part[0, 0])
        self._raw = {
            "steps": np.zeros((n, len(self._members.offsets) - 1, 3)),
            "reference": np.zeros((n, 3)),
            "cells": np.empty((n, 3, 3)),
            "engine_step": np.full(n, -1, dtype=np.int64),
            "fingerprint": np.zeros(n, dtype=np.int64),
            "found": np.zeros((1, 10)),
            "sample": np.empty((0, 2), dtype=np.int64),
        }
        self._sampled = [] if self.store is None else sampled_places(n)
        self._followers, self._counted = {}, {}
        for index, one in enumerate(self.species):
            if one.microstates is not None:
                self._followers[index] = one.microstates.follower(one.n_carriers, first)
                self._counted[index] = [0] * len(one.microstates.tally_names)
        self._previous = self._stamp_before = None
        self._in_reader = -1  # the reader has moved on, or is one of another process
        if self._kept is not None and self._kept[0] == first - 1:
            _, self._previous, self._stamp_before = self._kept
        elif first > 0:  # the step into a part's first frame needs the frame before it
            self._previous = self._read(first - 1)[1]
            self._stamp_before = self._stamp(first - 1)

    def _single_frame(self) -> None:
        ts, k, raw = self._ts, self._frame_index, self._raw
        stamp, stamp_before = stamp_of(ts, self._file_starts), self._stamp_before
        self._times.check(
            int(self._part[k, 0]), ts.frame, stamp.time, step=stamp.step, before=stamp_before
        )
        cell_before, before = self._cell, self._previous
        if before is not None and self._repeats_are_odd:
            self._check_repeated(ts, before, stamp_before)
        if before is None:
            now = take_snapshot(ts, self._cell_of(ts))
        else:
            found = raw["found"][0]
            now = self._step(ts, before, raw["steps"][k], raw["reference"][k], found)
        raw["cells"][k] = now.cell.vectors
        raw["engine_step"][k] = stamp.step
        raw["fingerprint"][k] = fingerprint(now.coordinates, self._recognised_by)
        if k in self._sampled:
            raw["sample"] = np.append(raw["sample"], [[self._part[k, 0], digest_of(ts)]], axis=0)
        for index, follower in self._followers.items():
            if now.cell is not cell_before:
                check_cell_height(now.cell.height, follower.detector.reach)
            for name, n in enumerate(follower.add(self._geometry(index, now))):
                self._counted[index][name] += n
        self._previous, self._stamp_before = now, stamp
        if self._advance is not None:
            self._advance(1)

    def _get_aggregator(self) -> ResultsGroup:
        lookup: dict[str, Callable[..., Any]] = dict.fromkeys(
            (
                *("reference", "cells", "engine_step", "fingerprint", "found", "sample"),
                *("step_square", "step_longest", "step_carrier", "step_far"),
            ),
            np.concatenate,
        )
        for k in range(len(self.species)):
            lookup[f"tally_{k}"] = np.concatenate
        return ResultsGroup(lookup=lookup)

    def _absorb(self, part: Part, read_now: bool) -> None:
        """Take what is large out of the answer of a part, in the order of the parts."""
        if self._store is not None and read_now:
            number = self._builder.filled // self._store.part_frames
            self._store.save(number, part, part.results["sample"].tolist())
        self._builder.add(part.results.pop("steps"), part.results["reference"])
        for index, gathered in self._gathered.items():
            gathered.add(part.results.pop(f"contacts_{index}"))
        if self._advance is None or not read_now:
            self._bar_update(len(part.frames))

    # ---- what follows from the frames -----------------------------------------------------

    def _conclude(self) -> None:
        raw = self.results
        found = raw.found.sum(axis=0)
        found[3:] = raw.found[np.argmax(raw.found[:, 3]), 3:]
        self._check_long_steps(found)
        refuse_jumps(raw.found[:, 6:8].sum(axis=0), int(found[4]), int(found[5]))
        self._check_order(raw)
        self.times: np.ndarray = self._times.of_frames(self.times)
        if self.frame == "laboratory":
            check_constant_cell(raw.cells)
        self._unwrap_report = self._describe_unwrapping(found)
        self.paths = finish_paths(self._builder, raw.reference, raw.cells, self._times.spacing)
        del self._builder
        ligand_paths = {
            k: self.paths.carriers(where.start, where.stop) for k, where in self._followed.items()
        }
        if self._followed:
            self.paths = replace(self.paths, position=self.paths.carriers(0, int(self._first[-1])))
        self.engine_step = raw.engine_step
        self._gathered_run = self._as_gathered(raw, ligand_paths)
        run = label(self._gathered_run)
        for text in tally_notes(self.species, self._gathered_run.tallies, self.paths.n_frames):
            self._note(text)
        for one in run.species:
            unsure = (
                None if one.microstates is None else ambiguity(one.name, one.microstates.report)
            )
            if unsure:
                self._note(unsure, loud=True)
        self._record = run
        self._bar.set_description("decomposing windows")
        self.results = self._assembled(run, self._gathered_run, progress=self._advance_bar())
        self._bar.update(self._bar.total - self._bar.n)

    def _advance_bar(self) -> Callable[[float], None]:
        """Moves the bar by a part of what is left of it now."""
        left = self._bar.total - self._bar.n
        return lambda part: self._bar.update(part * left)

    def _as_gathered(self, raw: Any, ligand_paths: dict[int, np.ndarray]) -> GatheredRun:
        """What the frames gave, for labels to follow from."""
        dropped = [k for k, axis in enumerate("xyz") if axis not in self.axes]
        tallies = {}
        for index in self._gathered:
            detector = self.species[index].microstates
            assert detector is not None
            counted = raw[f"tally_{index}"].sum(axis=0)
            tallies[index] = {
                name: int(n) for name, n in zip(detector.tally_names, counted, strict=True)
            }
        masses = {}
        for index in ligand_paths:
            ligands = self._ligands[index]
            assert ligands is not None
            masses[index] = usable_masses(self.universe, "projection='vehicle'", ligands.atom)[
                ligands.atom
            ]
        return GatheredRun(
            species=self.species,
            first=self._first,
            ligands=tuple(self._ligands),
            contacts=dict(self._gathered),
            tallies=tallies,
            first_places=self._first_places,
            molecule=self._molecule,
            paths=self.paths,
            positions=tuple(
                without_axes(self.paths.carriers(*self._first[k : k + 2]), dropped)
                for k in range(len(self.species))
            ),
            ligand_paths=ligand_paths,
            ligand_masses=masses,
            frames=np.asarray(self.frames, dtype=np.int64),
            times=np.asarray(self.times, dtype=np.float64),
            windows=self._window_frames,
            resolutions=self._resolution_frames,
            horizons=self._horizon_frames,
            temperature=self.temperature,
            axes=self.axes,
            seed=self.seed,
            level=self.level,
            on_sites=frozenset(
                k for k, s in enumerate(self.species) if self.projection and on_sites(s)
            ),
            atoms=CarrierAtoms(
                np.concatenate([s.atoms.ix for s in self.species]),
                np.concatenate(
                    [s.carrier_of_atom + f for s, f in zip(self.species, self._first, strict=False)]
                ),
                atom_ids(self.universe),
            ),
            carrier_mass=self._carrier_mass,
            selections=tuple(selections_of(s) for s in self.species),
            folder=self._folder,
        )

    def _assembled(
        self,
        run: LabelledRun,
        gathered: GatheredRun,
        *,
        progress: Callable[[float], None] | None = None,
        with_nulls: bool = True,
    ) -> Results:
        """The result of labels: sums, values, intervals, states, settings."""
        import xarray as xr  # slow to import, as is what the assembly needs

        from .assembly import Assembly

        spread = partial(self._spread, run)
        about = self._about() | {
            "projection": {
                s.name: "site" if k in gathered.on_sites else None
                for k, s in enumerate(gathered.species)
            }
        }
        results = Assembly(
            run, about, tuple(self._notes), spread, progress or (lambda part: None),
            gathered.folder, with_nulls,
        ).results()  # fmt: skip
        if gathered.ligand_paths:
            followed = {
                k: (path, gathered.ligand_masses[k]) for k, path in gathered.ligand_paths.items()
            }
            share = results.decomposition["share"]
            plans = {entry.frames: entry.plan for entry in results.blocks.scanned}
            vehicle = vehicle_dataset(run, followed, share, plans, spread)
            results.tree["vehicle"] = xr.DataTree(vehicle)
        return results

    def _about(self) -> dict[str, Any]:
        """Choices of the run as plain values, for the settings of the result."""
        source = self._times.source
        return {
            "frame": self.frame,
            "framework": None if self.framework is None else describe_atoms(self.framework),
            "unwrap": self._unwrap_report,
            "windows": self.windows,
            "dt_given": self.dt,
            "times_source": None if source is None else source.text,
            "uneven": self.uneven,
            "frames_dropped": len(self._dropped),
            **self._source,
        }

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

    def _check_order(self, raw: Any) -> None:
        """Refuse frames that come twice, and say what single steps show."""
        frames, followed = np.asarray(self.frames), self._times.step_spacing is not None
        if self._repeats_are_odd:
            twice = check_repeated_stretch(raw.fingerprint, frames)
            if twice is not None and self.uneven != "accept":
                raise InputError(
                    f"{twice}; put the files in order and analyse what comes once with "
                    "run(start=..., stop=...) or frames=..., or pass uneven='accept'"
                )
            if twice is not None:
                self._note(f"{twice}: accepted, as uneven='accept' asks", loud=True)
        source = self._times.source
        held = source is not None and source.kind == "file" and not source.computed
        height = float(cell_heights(raw.cells[0]).min())
        for text in [
            *order_notes(self.uneven, self._times, self.times, raw.engine_step, frames),
            *step_notes(self.species, raw, frames, height, shown=followed or held),
        ]:
            self._note(text, loud=True)

    def _describe_unwrapping(self, found: np.ndarray) -> dict[str, Any]:
        if self.unwrap is False:
            state = "taken as continuous, as asked"
        elif found[0] > 0:
            state = "wrapped: jumps across the cell were undone"
        else:
            state = "continuous: no step crosses half the cell"
        note = None if self.unwrap is False else long_steps_note(found, self.species, self._notes)
        if note is not None:
            self._note(note, loud=True)
        return {
            "asked": self.unwrap,
            "found": state,
            "jumps": int(found[0]),
            "long_steps": int(found[1]),
            "steps": int(found[2]),
            "longest_step_angstrom": float(found[3]),
        }

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
        self._require_run("relabelled()")
        names = " and ".join(self.microstates)
        absurd = long_persistence(
            names, float(persistence), self._times.spacing, self.paths.n_frames
        )
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
        self._require_run(what)
        species = list(self._gathered_run.species)
        for index, rule in (rules or {}).items():
            species[index] = changed(species[index], events=rule)
        gathered = replace(self._gathered_run, species=tuple(species))
        if window is not None:
            none = np.empty(0, dtype=np.int64)
            gathered = replace(
                gathered, windows=np.array([window]), resolutions=none, horizons=none,
                ligand_paths={},
            )  # fmt: skip
        return self._assembled(label(gathered, **choices), gathered, with_nulls=window is None)

    def _require_run(self, what: str) -> None:
        if not hasattr(self, "paths"):
            raise InputError(f"{what} needs a finished run: call .run() first")

    def _labelled(self, what: str) -> LabelledRun:
        self._require_run(what)
        return self._record

    def _threads(self, run: LabelledRun) -> int:
        """Windows that may be worked on at once in this process."""
        spare = SPARE_BYTES + 8 * run.paths.n_carriers * run.n_frames
        if self._folder is not None and self.memory is not None:
            spare = self.memory // 2
        n_rows = sum(one.labels.n_path_labels for one in run.species)
        n_moves = sum(one.labels.n_macrostates**2 for one in run.species)
        return threads(run.n_frames, max(n_rows, n_moves), spare)

    def _spread(
        self, run: LabelledRun, task: Callable[[Item], Answer], items: Sequence[Item]
    ) -> Iterator[Answer]:
        """Answers of a task for each item, in order: of the cluster, if it can read the store."""
        client = self._client
        if client is None or self._work is None or client.status != "running":
            return over_threads(task, items, self._threads(run))
        return over_workers(client, self._work.path, task, items)

    def event_names(self, index: int) -> tuple[str, ...]:
        """Event classes of species number `index`."""
        return event_names(self.species[index])

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

        self._require_run("robustness()")
        return robustness(
            self._gathered_run, self.results, self._relabelled, persistence, hysteresis, linking,
            cutoffs, window, species,
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the results as one NetCDF4 file; see `Results.save`."""
        self._require_run("save()")
        return self.results.save(path)

    def save_run(self, path: str | os.PathLike[str]) -> Path:
        """Write the run, so that `mda_ionmech.load_run` opens it without the trajectory.

        What is asked of the run that was loaded has the same answer, bit for bit.

        Parameters
        ----------
        path : path-like
            A folder that is new or empty, or holds a saved run, which is replaced.

        Raises
        ------
        InputError
            Before a run, for a path that cannot be written to or holds something else, or for a
            detector or rule of your own with attributes that a file cannot hold.
        """
        self._require_run("save_run()")
        return write_run(path, self._finished())

    def _finished(self) -> FinishedRun:
        return FinishedRun(
            gathered=self._gathered_run,
            record=self._record,
            results=self.results,
            about=self._about(),
            notes=tuple(self._notes),
            engine_step=self.engine_step,
            memory=self.memory,
        )

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

        run = self._labelled("save_states()")
        source = f"{self._source['trajectory']}; mda_ionmech {__version__}"
        return write_states(
            path, run, run.in_frames(window), self.results, self.engine_step, source, self._folder
        )

    def vehicularity(
        self, window: float | None = None, *, species: str | None = None
    ) -> pd.DataFrame:
        """How much of the vehicular motion the shells shared; see `Results.vehicularity`.

        Needs a run with ``projection="vehicle"``.
        """
        self._require_run("vehicularity()")
        return self.results.vehicularity(window, species=species)
