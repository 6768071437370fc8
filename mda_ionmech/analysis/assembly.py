"""A finished run becomes one labelled tree: sums over blocks, values, states, settings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from .. import onsager
from ..events.nulls.circular_shift import exclusion_gas
from ..lib.arrays_on_disk import new_array
from ..lib.errors import AdditivityError, warn_user
from ..lib.run_length import frame_counts
from ..lib.topology import atom_ids, describe_atoms
from ..lib.version import __version__
from ..onsager import block_sums
from ..onsager.block_sums import Blocks, Populations
from ..onsager.coefficients import MAX_RESIDUAL, System
from ..results.estimates import LONG_NAMES, Estimates
from ..results.results import Results
from ..results.schema import check_schema, load_schema
from .length_sums import LengthSums, LinkedSpecies
from .plausibility import one_label, unchanged
from .window_states import window_states

if TYPE_CHECKING:
    from ..macrostates import Macrostates
    from ..microstates import Microstates
    from .decomposition import OnsagerDecomposition

CITATIONS = (
    "Jun, Leon, Ruza, Nam, Gomez-Bombarelli, arXiv:2602.16636 (2026)",
    "Michaud-Agrawal et al., J. Comput. Chem. 32, 2319 (2011), 10.1002/jcc.21787",
    "Gowers et al., Proc. 15th Python in Science Conf., 98 (2016), 10.25080/Majora-629e541a-00e",
)


class Assembly:
    """Turns what a run gathered into a labelled tree."""

    def __init__(
        self,
        run: OnsagerDecomposition,
        states: dict[int, Microstates],
        macro: dict[int, Macrostates],
        filtered: bool,
        persistence: float | None,
    ) -> None:
        self.run, self.states, self.macro, self.filtered = run, states, macro, filtered
        self.persistence = persistence
        self.notes = list(run._notes)
        self.names = [s.name for s in run.species]
        self.events = run._event_union()
        self.kinds = run._macrostate_union()
        projected = any(one.held is not None for one in run._labels)
        self.path_events = (*self.events, *(["vibration"] if projected else []))
        self.system = self._system()

    def _system(self) -> System:
        run = self.run
        rows = [
            (k, self.events.index(n)) for k in range(len(self.names)) for n in run.event_names(k)
        ]
        moves = [
            (k, self.kinds.index(m), self.kinds.index(n))
            for k, macro in sorted(self.macro.items())
            for m in macro.names
            for n in macro.names
        ]
        row = np.array(rows, dtype=np.int64)
        move = np.array(moves, dtype=np.int64).reshape(-1, 3)
        return System(
            charge=np.array([s.charge for s in run.species]),
            n_carriers=np.array([s.n_carriers for s in run.species]),
            row_species=row[:, 0],
            row_label=row[:, 1],
            n_events=len(self.path_events),
            transition_species=move[:, 0],
            transition_start=move[:, 1],
            transition_end=move[:, 2],
            n_macrostates=len(self.kinds),
            joint_species=np.array([one.joint is not None for one in run._labels]),
            ruled_species=np.array([s.events is not None for s in run.species]),
            temperature=run.temperature,
            volume=run.paths.volume,
            n_dimensions=len(run.axes),
        )

    def _path_rows(self) -> tuple[np.ndarray, np.ndarray]:
        rows = []
        for k in range(len(self.names)):
            rows += [(k, self.path_events.index(n)) for n in self.run._path_names(k)]
        row = np.array(rows, dtype=np.int64)
        return row[:, 0], row[:, 1]

    def _gather(self) -> Blocks:
        """Sums of every window, and of every resolution and horizon."""
        run = self.run
        task = LengthSums(
            labels=run._labels,
            collective=np.stack([onsager.collective_path(one.position) for one in run._labels]),
            windows=tuple(int(n) for n in run._window_frames),
            resolutions=tuple(int(n) for n in run._resolution_frames),
            horizons=tuple(int(n) for n in run._horizon_frames),
            linked=tuple(self._linked()),
            seed=run.seed,
        )
        share_of_bar = (run._bar.total - run._bar.n) / (len(task.lengths) + 1)
        entries, paths = [], []
        for entry, found in run._spread(task, task.lengths):
            entries.append(entry)
            paths += found
            run._bar.update(share_of_bar)
        return Blocks(
            system=self.system,
            path_rows=self._path_rows(),
            names=tuple(self.names),
            events=self.path_events,
            kinds=self.kinds,
            dt=run.paths.dt,
            seed=run.seed,
            level=run.level,
            resolutions=task.resolutions,
            horizons=task.horizons,
            windows=tuple(entries),
            paths=tuple(paths),
            populations=self._populations() if self.kinds else None,
        )

    def _linked(self) -> Iterator[LinkedSpecies]:
        """Species whose hops may be linked, with their exclusion gas."""
        run = self.run
        for members, hops in run._linked.items():
            rng = np.random.default_rng([run.seed, members[0]])
            yield LinkedSpecies(members, hops, exclusion_gas(hops.history, run.paths.dt, rng))

    def _path_residual(self, gathered: Blocks) -> float:
        """Largest violation of additivity of all resolutions and horizons."""
        squared = {
            w.frames: w.sums.total_squared.sum(axis=0) / w.sums.origins.sum()
            for w in gathered.windows
        }
        others = sorted({entry.horizon for entry in gathered.paths} - set(squared))
        positions = [one.position for one in self.run._labels]
        task = partial(onsager.mean_squares, positions)
        squared |= dict(zip(others, self.run._spread(task, others), strict=True))
        worst = 0.0
        for entry in gathered.paths:
            worst = max(
                worst,
                onsager.path_residual(entry.sums, gathered.path_system, squared[entry.horizon]),
            )
        return worst

    def _populations(self) -> Populations:
        n_frames = self.run.paths.n_frames
        plan = onsager.plan_blocks(n_frames, 1)
        edges = np.arange(0, n_frames, plan.sub_block)
        number = np.full((len(edges), len(self.names), len(self.kinds)), np.nan)
        for k, macro in self.macro.items():
            runs = self.run._labels[k].macrostates
            assert runs is not None
            counted = frame_counts(runs, len(macro.names)) / runs.n_carriers
            for name, per_frame in zip(macro.names, counted, strict=True):
                number[:, k, self.kinds.index(name)] = np.add.reduceat(per_frame, edges)
        frames = np.diff(np.append(edges, n_frames)).astype(float)
        return Populations(number, frames, plan)

    def results(self) -> Results:
        """Sums, values, intervals, states and settings of the run."""
        run = self.run
        run._bar.set_description("decomposing windows")
        gathered = self._gather()
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            estimates = Estimates(gathered, pool.map)
        worst = max(estimates.residual, self._path_residual(gathered))
        if not worst <= MAX_RESIDUAL:
            raise AdditivityError(
                f"contributions do not sum to the whole: residual {worst:.2e} above "
                f"{MAX_RESIDUAL:g}; this is a bug in the labelling, please report it"
            )
        self.notes += estimates.notes
        decomposition = estimates.decomposition()
        for text in self._without_finding(decomposition):
            self.notes.append(text)
            warn_user(text)
        tree = xr.DataTree(
            children={
                "decomposition": xr.DataTree(decomposition),
                "states": xr.DataTree(self._states()),
            }
        )
        if self.kinds:
            tree["transitions"] = xr.DataTree(estimates.transitions())
        if self.states:
            tree["shells"] = xr.DataTree(self._shells())
        tree["blocks"] = block_sums.to_tree(gathered)
        tree.attrs = {
            "schema": load_schema()["schema"],
            "created_with": f"mda_ionmech {__version__}",
            "settings": json.dumps(self._settings(worst)),
            "citations": "\n".join(CITATIONS),
            "warnings": "\n".join(self.notes),
        }
        check_schema(tree)
        return Results(tree)

    def _without_finding(self, decomposition: xr.Dataset) -> Iterator[str]:
        """What is to be said of species whose labels cannot differ, or do not."""
        for k, one in enumerate(self.run.species):
            micro = self.states.get(k)
            if micro is None:
                continue
            if micro.runs.n_changes == 0:
                on_sites = getattr(one.microstates, "has_sites", False)
                what = "site" if on_sites else "shell"
                yield unchanged(one.name, what, empty=micro.shells.n_members == 0)
            elif one.events is not None:
                counts = decomposition["event_count"].sel(species=one.name).sum("window")
                mine = {name: float(counts.sel(event=name)) for name in self.run.event_names(k)}
                shortest = float(decomposition["window"].min())
                text = one_label(one.name, mine, shortest)
                if text:
                    yield text

    def _states(self) -> xr.Dataset:
        run = self.run
        n = int(run._window_frames[0])
        states = window_states(run, n, run._folder)
        first_atom = [
            s.atoms.ix[np.unique(s.carrier_of_atom, return_index=True)[1]] for s in run.species
        ]
        ids = atom_ids(run.universe)
        window = {"window_ps": n * run.paths.dt}

        def codes(names: Sequence[str]) -> dict[str, Any]:
            if not names:
                return {}
            return {
                "flag_values": np.arange(len(names), dtype=np.int32),
                "flag_meanings": " ".join(names),
            }

        per_carrier = ["frame", "carrier"]
        variables: dict[str, tuple[list[str], Any, dict[str, Any]]] = {
            "time": (["frame"], np.asarray(run.times, dtype=np.float64), {"units": "ps"}),
            "source_frame": (["frame"], np.asarray(run.frames, dtype=np.int64), {}),
            "microstate": (per_carrier, states["microstate"], {}),
            "macrostate": (per_carrier, states["macrostate"], codes(self.kinds)),
            "event": (per_carrier, states["event"], codes(self.events) | window),
            "cluster": (per_carrier, states["cluster"], window),
            "displacement": (
                [*per_carrier, "axis"],
                states["displacement"],
                {"units": "angstrom"} | window,
            ),
            "carrier_species": (
                ["carrier"],
                np.repeat(np.arange(len(self.names)), self.system.n_carriers).astype(np.int32),
                codes([n.replace(" ", "_") for n in self.names]),
            ),
            "carrier_atom_id": (["carrier"], ids[np.concatenate(first_atom)], {}),
        }
        data = xr.Dataset(coords={"axis": list("xyz")})
        for name, (dims, values, attrs) in variables.items():
            data[name] = (dims, values, {"units": "1", "long_name": LONG_NAMES[name]} | attrs)
        return data

    def _shells(self) -> xr.Dataset:
        """Distinct microstates of all species, numbered as in states.microstate."""
        run = self.run
        types = list(dict.fromkeys(t for m in self.states.values() for t in m.shells.types))
        ids = atom_ids(run.universe)
        found = [one.shells for one in self.states.values()]
        n_shells = sum(len(one) for one in found)
        n_members = sum(one.n_members for one in found)
        start = new_array(n_shells + 1, np.int64, run._folder)
        atom, molecule, kind = (
            new_array(n_members, of, run._folder) for of in (np.int64, np.int64, np.int32)
        )
        start[0] = 0
        at, member = 1, 0
        for k, one in sorted(self.states.items()):
            # a site is no atom
            on_sites = getattr(run.species[k].microstates, "has_sites", False)
            to_types = np.array([types.index(t) for t in one.shells.types])
            for _, table in one.shells.tables():
                last = member + len(table.atom)
                atoms = np.full(len(table.atom), -1) if on_sites else ids[table.atom]
                start[at : at + len(table)] = table.offsets[1:] + member
                atom[member:last] = atoms
                molecule[member:last] = table.molecule
                kind[member:last] = to_types[table.kind]
                at, member = at + len(table), last
        unit = {"units": "1"}
        coded = {"flag_values": np.arange(len(types)), "flag_meanings": " ".join(types)}
        text = "first member of each shell; one past the last at the end"
        members = "of each member, shell after shell"
        return xr.Dataset(
            {
                "start": (["shell_edge"], start, unit | {"long_name": text}),
                "atom_id": (
                    ["member"],
                    atom,
                    unit | {"long_name": f"atom id {members}"},
                ),
                "molecule_id": (
                    ["member"],
                    molecule,
                    unit | {"long_name": f"molecule id {members}"},
                ),
                "ligand_type": (
                    ["member"],
                    kind,
                    unit | {"long_name": f"ligand type {members}"} | coded,
                ),
            }
        )

    def _settings(self, worst: float) -> dict[str, Any]:
        """Enough to run it again, as plain values."""
        from importlib.metadata import version

        run = self.run
        species = []
        for k, s in enumerate(run.species):
            entry: dict[str, Any] = {
                "name": s.name,
                "charge": s.charge,
                "selection": describe_atoms(s.atoms),
                "compound": s.compound,
                "n_carriers": s.n_carriers,
            }
            if s.microstates is not None:
                entry["microstates"] = s.microstates.describe() | {
                    "ligands": {t: describe_atoms(g) for t, g in s.microstates.ligands.items()},
                    "filters_used": self.filtered,
                    **({} if self.persistence is None else {"persistence_ps": self.persistence}),
                    **self.states[k].report,
                    # what was found, not chosen
                    "measured": sorted(self.states[k].report),
                }
            if s.events is not None:
                entry["events"] = s.events.describe()
            if s.macrostates is not None:
                entry["macrostates"] = s.macrostates.describe()
            species.append(entry)
        frames = np.asarray(run.frames)
        return {
            "species": species,
            "temperature_K": run.temperature,
            "frame": run.frame,
            "framework": None if run.framework is None else describe_atoms(run.framework),
            "axes": run.axes,
            "unwrap": run._unwrap_report,
            "windows": run.windows,
            "window_frames": [int(n) for n in run._window_frames],
            "resolution_frames": [int(n) for n in run._resolution_frames],
            "horizon_frames": [int(n) for n in run._horizon_frames],
            "projection": run._projections(),
            "dt_ps": run.paths.dt,
            "dt_given": run.dt,
            "times_source": None if run._times.source is None else run._times.source.text,
            "uneven": run.uneven,
            "frames_dropped": len(run._dropped),
            "seed": run.seed,
            "level": run.level,
            "volume_angstrom3": run.paths.volume,
            "cell_angstrom": run.paths.cell.tolist(),
            "volume_variance_angstrom6": run.paths.volume_variance,
            "residual": worst,
            **run._source,
            "n_frames": len(frames),
            "first_frame": int(frames[0]),
            "last_frame": int(frames[-1]),
            "frame_step": int(np.median(np.diff(frames))),
            "versions": {p: version(p) for p in ("MDAnalysis", "numpy", "numba", "scipy", "xarray")}
            | {"mda-ionmech": __version__},
        }
