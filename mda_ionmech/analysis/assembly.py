"""The result of a finished run: sums over blocks, values with intervals, states and settings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from .. import onsager
from ..events.nulls.circular_shift import exclusion_gas
from ..events.nulls.gas_reasons import why_no_gas
from ..lib.arrays_on_disk import ArrayFolder
from ..lib.errors import AdditivityError, InputError, warn_user
from ..lib.plain_text import on_one_line
from ..lib.run_length import frame_counts
from ..lib.version import __version__, versions
from ..observables.vehicularity import vehicle_dataset
from ..onsager import block_sums
from ..onsager.block_sums import Blocks, Populations
from ..onsager.coefficients import MAX_RESIDUAL, System
from ..onsager.labelled_run import LabelledRun
from ..onsager.lag_sums import lag_residual
from ..results.estimates import Estimates
from ..results.results import Results
from ..results.schema import check_schema, load_schema
from .gathered_run import GatheredRun
from .length_sums import LengthSums, LinkedSpecies
from .missing_nulls import gas_notes, without_gas
from .plausibility import one_label, unchanged
from .site_checks import vibration_notes
from .state_datasets import shells_dataset, states_dataset
from .window_workers import Spread

CITATIONS = (
    "Jun, Leon, Ruza, Nam, Gomez-Bombarelli, arXiv:2602.16636 (2026)",
    "Michaud-Agrawal et al., J. Comput. Chem. 32, 2319 (2011), 10.1002/jcc.21787",
    "Gowers et al., Proc. 15th Python in Science Conf., 98 (2016), 10.25080/Majora-629e541a-00e",
)


@dataclass(frozen=True)
class Assembly:
    """Computes sums over windows from labels, and the tree of results from the sums.

    Attributes
    ----------
    run : LabelledRun
    settings : dict
        Choices of the run as plain values; the species are added.
    notes : tuple of str
        Warnings about the input.
    spread : callable
        Applies a task to a sequence of lengths, here or on a cluster; yields results in order.
    progress : callable
        Called with the fraction of the work that is done, 0 to 1.
    folder : ArrayFolder or None
        Folder of the arrays that exceed the memory budget.
    with_nulls : bool
        Whether nulls of concertedness are computed.
    """

    run: LabelledRun
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    spread: Callable[[Any, Sequence[Any]], Iterable[Any]]
    progress: Callable[[float], None]
    folder: ArrayFolder | None
    with_nulls: bool = True

    @property
    def _path_events(self) -> tuple[str, ...]:
        projected = any(one.labels.site_positions is not None for one in self.run.species)
        return (*self.run.event_names, *(["vibration"] if projected else []))

    def _system(self) -> System:
        run, events, kinds = self.run, self.run.event_names, self.run.macrostate_names
        rows = [(k, events.index(n)) for k, one in enumerate(run.species) for n in one.events]
        moves = [
            (k, kinds.index(m), kinds.index(n))
            for k, one in enumerate(run.species)
            if one.macrostates is not None
            for m in one.macrostates.names
            for n in one.macrostates.names
        ]
        row = np.array(rows, dtype=np.int64)
        move = np.array(moves, dtype=np.int64).reshape(-1, 3)
        return System(
            charge=np.array([s.charge for s in run.species]),
            n_carriers=np.array([s.n_carriers for s in run.species]),
            row_species=row[:, 0],
            row_label=row[:, 1],
            n_events=len(self._path_events),
            transition_species=move[:, 0],
            transition_start=move[:, 1],
            transition_end=move[:, 2],
            n_macrostates=len(kinds),
            joint_species=np.array([one.labels.joint is not None for one in run.species]),
            ruled_species=np.array([s.rule is not None for s in run.species]),
            temperature=run.temperature,
            volume=run.paths.volume,
            n_dimensions=len(run.axes),
            carrier_mass=np.array([s.mass for s in run.species if s.mass is not None]),
        )

    def _path_rows(self) -> tuple[np.ndarray, np.ndarray]:
        events = self._path_events
        rows = [
            (k, events.index(n)) for k, one in enumerate(self.run.species) for n in one.path_events
        ]
        row = np.array(rows, dtype=np.int64)
        return row[:, 0], row[:, 1]

    def _gather(self, linked: Sequence[LinkedSpecies]) -> Blocks:
        """Sums over blocks for every window, and for every resolution and horizon."""
        run = self.run
        labels = [one.labels for one in run.species]
        task = LengthSums(
            labels=labels,
            collective=np.stack([onsager.collective_path(one.position) for one in labels]),
            windows=tuple(int(n) for n in run.windows),
            resolutions=tuple(int(n) for n in run.resolutions),
            horizons=tuple(int(n) for n in run.horizons),
            linked=tuple(linked),
            seed=run.seed,
        )
        entries, paths, lags = [], [], []
        for entry, found, at_lags in self.spread(task, task.lengths):
            entries.append(entry)
            paths += found
            lags += at_lags
            self.progress(1 / (len(task.lengths) + 1))
        return Blocks(
            system=self._system(),
            path_rows=self._path_rows(),
            names=tuple(run.names),
            events=self._path_events,
            kinds=run.macrostate_names,
            dt=run.dt,
            seed=run.seed,
            level=run.level,
            resolutions=task.resolutions,
            horizons=task.horizons,
            windows=tuple(entries),
            paths=tuple(paths),
            populations=self._populations() if run.macrostate_names else None,
            lags=tuple(lags),
        )

    def _linked(self) -> Iterator[LinkedSpecies]:
        """Species whose hops may be linked, with their exclusion gas."""
        run = self.run
        for members, hops in run.linked.items() if self.with_nulls else ():
            rng = np.random.default_rng([run.seed, members[0]])
            gas = exclusion_gas(hops.history, run.dt, rng)
            why = why_no_gas(hops.history, gas)
            yield LinkedSpecies(members, hops, None if why else gas, why)

    def _path_residual(self, gathered: Blocks) -> float:
        """Largest violation of additivity over all resolutions and horizons."""
        squared = {
            w.frames: w.sums.total_squared.sum(axis=0) / w.sums.origins.sum()
            for w in gathered.windows
        }
        others = sorted({entry.horizon for entry in gathered.paths} - set(squared))
        positions = [one.labels.position for one in self.run.species]
        task = partial(onsager.mean_squares, positions)
        squared |= dict(zip(others, self.spread(task, others), strict=True))
        found = [
            onsager.path_residual(entry.sums, gathered.path_system, squared[entry.horizon])
            for entry in gathered.paths
        ]
        found += [lag_residual(one, gathered.path_system, squared) for one in gathered.lags]
        return float(np.max(found, initial=0.0))

    def _populations(self) -> Populations:
        n_frames, kinds = self.run.n_frames, self.run.macrostate_names
        plan = onsager.plan_blocks(n_frames, 1)
        edges = np.arange(0, n_frames, plan.sub_block)
        number = np.full((len(edges), len(self.run.species), len(kinds)), np.nan)
        for k, one in enumerate(self.run.species):
            macro, runs = one.macrostates, one.labels.macrostates
            if macro is None or runs is None:
                continue
            counted = frame_counts(runs, len(macro.names)) / runs.n_carriers
            for name, per_frame in zip(macro.names, counted, strict=True):
                number[:, k, kinds.index(name)] = np.add.reduceat(per_frame, edges)
        frames = np.diff(np.append(edges, n_frames)).astype(float)
        return Populations(number, frames, plan)

    def results(self) -> Results:
        """Sums, values, intervals, states and settings of the run."""
        linked = list(self._linked())
        gathered = self._gather(linked)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            estimates = Estimates(gathered, pool.map)
        worst = float(np.maximum(estimates.residual, self._path_residual(gathered)))
        if not np.isfinite(worst):
            raise InputError(
                "the Onsager coefficients overflow: displacements, charges or the temperature are "
                "too large; check the units of the coordinates (Angstrom), of the "
                "charges (e) and of temperature (K)"
            )
        if not worst <= MAX_RESIDUAL:
            raise AdditivityError(
                f"contributions do not sum to the whole: residual {worst:.2e} above "
                f"{MAX_RESIDUAL:g}; this is a bug in the labelling, please report it"
            )
        notes = [*self.notes, *estimates.notes]
        decomposition = estimates.decomposition()
        missing = without_gas(self.run, linked, decomposition)
        told = *self._without_finding(decomposition), *gas_notes(missing)
        # what follows from the choice of cages is in the result, but not said at every turn
        caged = {one.name for one in self.run.species if one.in_cages}
        expected = set(gas_notes({k: why for k, why in missing.items() if k in caged}))
        for text in [*told, *vibration_notes(self.run, estimates)]:
            notes.append(text)
            if text not in expected:
                warn_user(text)
        tree = xr.DataTree(
            children={
                "decomposition": xr.DataTree(decomposition),
                "states": xr.DataTree(states_dataset(self.run, self.folder)),
            }
        )
        if (diagnostics := estimates.diagnostics()) is not None:
            tree["diagnostics"] = xr.DataTree(diagnostics)
        if self.run.macrostate_names:
            tree["transitions"] = xr.DataTree(estimates.transitions())
        if any(one.microstates is not None for one in self.run.species):
            tree["shells"] = xr.DataTree(shells_dataset(self.run, self.folder))
        tree["blocks"] = block_sums.to_tree(gathered)
        tree.attrs = {
            "schema": load_schema()["schema"],
            "created_with": f"mda_ionmech {__version__}",
            "settings": json.dumps(self._settings(worst) | {"without_exclusion_gas": missing}),
            "citations": "\n".join(CITATIONS),
            "warnings": "\n".join(on_one_line(note) for note in notes),
        }
        check_schema(tree)
        return Results(tree)

    def _without_finding(self, decomposition: xr.Dataset) -> Iterator[str]:
        """Warnings about species whose labels never differ."""
        for one in self.run.species:
            micro = one.microstates
            if micro is None:
                continue
            if micro.runs.n_changes == 0:
                what = "site" if one.has_sites else "shell"
                yield unchanged(one.name, what, empty=micro.shells.n_members == 0)
            elif one.rule is not None:
                counts = decomposition["event_count"].sel(species=one.name).sum("window")
                mine = {name: float(counts.sel(event=name)) for name in one.events}
                shortest = float(decomposition["window"].min())
                text = one_label(one.name, mine, shortest)
                if text:
                    yield text

    def _settings(self, worst: float) -> dict[str, Any]:
        """Everything needed to repeat the run, as plain values."""
        run = self.run
        return {
            "species": [one.about for one in run.species],
            "temperature_K": run.temperature,
            "axes": run.axes,
            "window_frames": [int(n) for n in run.windows],
            "resolution_frames": [int(n) for n in run.resolutions],
            "horizon_frames": [int(n) for n in run.horizons],
            "dt_ps": run.dt,
            "seed": run.seed,
            "level": run.level,
            "volume_angstrom3": run.paths.volume,
            "cell_angstrom": run.paths.cell.tolist(),
            "volume_variance_angstrom6": run.paths.volume_variance,
            "residual": worst,
            **self.settings,
            "n_frames": len(run.frames),
            "first_frame": int(run.frames[0]),
            "last_frame": int(run.frames[-1]),
            "frame_step": int(np.median(np.diff(run.frames))),
            "versions": dict(versions()),
        }


def assembled(
    run: LabelledRun,
    gathered: GatheredRun,
    spread: Spread,
    progress: Callable[[float], None] = lambda part: None,
    *,
    with_nulls: bool = True,
) -> Results:
    """The result of a labelled run: sums, values, intervals, states and settings.

    Parameters
    ----------
    run : LabelledRun
    gathered : GatheredRun
        The record from which it was labelled.
    spread : callable
        Applies a task to a sequence of lengths; yields results in order.
    progress : callable
        Called with the fraction of the work that is done, 0 to 1.
    with_nulls : bool
        Whether nulls of concertedness are computed.

    Raises
    ------
    AdditivityError
        If contributions do not sum to the whole: a bug.
    """
    projection = {
        one.name: "site" if k in gathered.on_sites else None
        for k, one in enumerate(gathered.species)
    }
    about = {**gathered.about, "projection": projection}
    results = Assembly(
        run, about, gathered.notes, spread, progress, gathered.folder, with_nulls
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
