"""Sums over windows become one labelled tree: values, intervals, reasons, settings.

Names, dimensions and units come from the schema of the result file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from scipy.stats import norm

from . import onsager
from ._version import __version__
from .errors import AdditivityError
from .events import CrystalEvents
from .events.nulls import SHIFTS, circular_null, exclusion_gas, multi_share
from .onsager.coefficients import MAX_RESIDUAL, System
from .onsager.uncertainty import FEWEST_BLOCKS, BlockPlan
from .results import Results, check_schema, load_schema
from .selections import atom_ids, describe_atoms, trajectory_name

if TYPE_CHECKING:
    from .analysis import OnsagerDecomposition
    from .macrostates import Macrostates
    from .microstates import Microstates

CITATIONS = (
    "Jun, Leon, Ruza, Nam, Gomez-Bombarelli, arXiv:2602.16636 (2026)",
    "Michaud-Agrawal et al., J. Comput. Chem. 32, 2319 (2011), 10.1002/jcc.21787",
    "Gowers et al., Proc. 15th Python in Science Conf., 98 (2016), 10.25080/Majora-629e541a-00e",
)

#: One outcome of a window: values, intervals, plan of blocks.
Outcome = tuple[dict[str, np.ndarray], dict[str, tuple[np.ndarray, np.ndarray]], BlockPlan]


class Assembly:
    """Turns the sums of a run into a labelled tree."""

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
        self.schema = load_schema()["groups"]
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
            n_events=len(self.events),
            transition_species=move[:, 0],
            transition_start=move[:, 1],
            transition_end=move[:, 2],
            n_macrostates=len(self.kinds),
            joint_species=np.array([one.joint is not None for one in run._labels]),
            temperature=run.temperature,
            volume=run.paths.volume,
            n_dimensions=len(run.axes),
        )

    def _one_window(self, n: int, collective: np.ndarray) -> Outcome:
        run = self.run
        plan = onsager.plan_blocks(run.paths.n_frames - n, 2 * n)
        sums = onsager.window_sums(run._labels, n, plan.sub_block, collective)
        time = n * run.paths.dt
        whole = sums.resampled(np.ones((1, plan.n_sub_blocks)))
        first = {k: v[0] for k, v in onsager.evaluate(whole, self.system, time).items()}
        weights = onsager.resampling_weights(plan, np.random.default_rng([run.seed, n]))
        samples = onsager.evaluate(sums.resampled(weights), self.system, time)
        for counted in ("event_count", "cluster_count", "transition_count"):
            if counted in samples:  # of the whole trajectory, whatever a sample's size
                origins = sums.resampled(weights).origins
                shape = (-1, *[1] * (samples[counted].ndim - 1))
                samples[counted] = samples[counted] * (whole.origins[0] / origins).reshape(shape)
        spans = {k: onsager.interval(v, samples[k], plan, run.level) for k, v in first.items()}
        for name, shares in self._nulls(n).items():
            # realisations that hold no hop say nothing
            known = [row[np.isfinite(row)] for row in shares]
            middle = np.array([row.mean() if len(row) else np.nan for row in known])
            spread = np.array([row.std(ddof=1) if len(row) > 1 else np.nan for row in known])
            reach = spread * norm.ppf(0.5 + run.level / 2)
            first[name], spans[name] = middle, (middle - reach, middle + reach)
        first["residual"] = onsager.residual(first)
        first["origins"] = np.array(float(run.paths.n_frames - n))
        first["blocks"] = np.array(float(plan.n_blocks))
        self._mask_undefined(first, spans)
        return first, spans, plan

    def _nulls(self, n: int) -> dict[str, np.ndarray]:
        """Multi-ion shares of both nulls, realisations per species: shape (species, samples)."""
        run = self.run
        if not run._histories:
            return {}
        out = {
            name: np.full((len(self.names), SHIFTS), np.nan)
            for name in ("multi_fraction_circular", "multi_fraction_exclusion")
        }
        for k, history in run._histories.items():
            rule = run.species[k].events
            assert isinstance(rule, CrystalEvents)
            rng = np.random.default_rng([run.seed, n, k])
            out["multi_fraction_circular"][k] = circular_null(rule, history, n, rng)
            gas = self.gases.get(k)
            if gas is None:
                continue
            parts = np.array_split(gas, SHIFTS, axis=1)
            if parts[-1].shape[1] > n:
                out["multi_fraction_exclusion"][k] = [
                    multi_share(rule, np.ascontiguousarray(part), history.distances, n)
                    for part in parts
                ]
        return out

    def _mask_undefined(
        self,
        values: dict[str, np.ndarray],
        spans: dict[str, tuple[np.ndarray, np.ndarray]],
    ) -> None:
        """NaN for shares, t and H_R whose denominator is within round-off or may be zero."""

        def may_vanish(
            value: np.ndarray, scale: np.ndarray, low: np.ndarray, high: np.ndarray
        ) -> np.ndarray:
            return (np.abs(value) <= MAX_RESIDUAL * scale) | ((low <= 0) & (high >= 0))

        d = np.arange(len(self.names))
        low, high = (end[d, d] for end in spans["onsager"])
        bad = may_vanish(values["onsager"][d, d], values["onsager_self"], low, high)
        targets = [("share", bad)]
        sigma = may_vanish(
            values["conductivity"], values["nernst_einstein"], *spans["conductivity"]
        )
        targets += [("haven_ratio", sigma), ("transference_number", sigma)]
        for name, where in targets:
            # share is (species, event) under a mask (species,); sigma's mask is one value
            where = np.asarray(where)[:, None] if name == "share" else where
            values[name] = np.where(where, np.nan, values[name])
            low, high = spans[name]
            spans[name] = np.where(where, np.nan, low), np.where(where, np.nan, high)
        values["_undefined_share"], values["_undefined_sigma"] = bad, sigma

    def results(self) -> Results:
        run = self.run
        windows = [int(n) for n in run._window_frames]
        self.gases = {
            k: exclusion_gas(history, run.paths.dt, np.random.default_rng([run.seed, k]))
            for k, history in run._histories.items()
        }
        collective = np.stack([one.position.sum(axis=0) for one in run._labels])
        run._bar.set_description("decomposing windows")
        share_of_bar = (run._bar.total - run._bar.n) / (len(windows) + 1)
        done = []
        workers = min(os.cpu_count() or 1, len(windows))
        with ThreadPoolExecutor(workers) as pool:
            for outcome in pool.map(lambda n: self._one_window(n, collective), windows):
                done.append(outcome)
                run._bar.update(share_of_bar)
        worst = max(float(v["residual"].max()) for v, _, _ in done)
        if not worst <= MAX_RESIDUAL:
            raise AdditivityError(
                f"contributions do not sum to the whole: residual {worst:.2e} above "
                f"{MAX_RESIDUAL:g}; this is a bug in the labelling, please report it"
            )
        times = np.array(windows, dtype=np.float64) * run.paths.dt
        self._write_notes(times, done)
        tree = xr.DataTree(
            children={
                "decomposition": xr.DataTree(self._decomposition(times, done)),
                "states": xr.DataTree(self._states()),
            }
        )
        if self.kinds:
            tree["transitions"] = xr.DataTree(self._transitions(times, done))
        if self.states:
            tree["shells"] = xr.DataTree(self._shells())
        tree.attrs = {
            "schema": load_schema()["schema"],
            "created_with": f"mda_ionmech {__version__}",
            "settings": json.dumps(self._settings(worst)),
            "citations": "\n".join(CITATIONS),
            "warnings": "\n".join(self.notes),
        }
        check_schema(tree)
        return Results(tree)

    def _write_notes(self, times: np.ndarray, done: list[Outcome]) -> None:
        few = [
            t for t, (_, _, plan) in zip(times, done, strict=True) if plan.n_blocks < FEWEST_BLOCKS
        ]
        if few:
            self.notes.append(
                f"windows of {few[0]:g} ps and longer span fewer than {FEWEST_BLOCKS} blocks: "
                "their intervals are jackknife estimates and tend to be too narrow"
            )
        for k, name in enumerate(self.names):
            lost = [t for t, (v, _, _) in zip(times, done, strict=True) if v["_undefined_share"][k]]
            if lost:
                self.notes.append(
                    f"shares of {name} are undefined (NaN) at {_times(lost)}: its Onsager "
                    "coefficient is zero within round-off or within its interval"
                )
        lost = [t for t, (v, _, _) in zip(times, done, strict=True) if v["_undefined_sigma"]]
        if lost:
            self.notes.append(
                f"Haven ratio and transference numbers are undefined (NaN) at {_times(lost)}: the "
                "conductivity is zero within round-off or within its interval"
            )

    def _variables(
        self, group: str, times: np.ndarray, done: list[Outcome]
    ) -> dict[str, tuple[list[str], np.ndarray, dict[str, Any]]]:
        """Every computed variable of a group with its interval, stacked over windows."""
        out = {}
        level = {"level": self.run.level}
        for name, spec in self.schema[group]["variables"].items():
            if name not in done[0][0]:
                continue
            dims = spec["dims"]
            at = dims.index("window")
            attrs = {"units": spec["units"], "long_name": LONG_NAMES[name]}
            out[name] = (dims, np.stack([v[name] for v, _, _ in done], axis=at), attrs)
            if name not in done[0][1]:
                continue
            for k, end in enumerate(("low", "high")):
                ends = np.stack([spans[name][k] for _, spans, _ in done], axis=at)
                text = f"{end} end of the interval of: {LONG_NAMES[name]}"
                out[f"{name}_{end}"] = (dims, ends, attrs | level | {"long_name": text})
        return out

    def _coordinates(self, names: dict[str, Any], times: np.ndarray) -> dict[str, Any]:
        unit = {"units": "ps", "long_name": "length of the window"}
        return {**names, "window": ("window", times, unit)}

    def _decomposition(self, times: np.ndarray, done: list[Outcome]) -> xr.Dataset:
        data = xr.Dataset(
            self._variables("/decomposition", times, done),
            coords=self._coordinates(
                {
                    "species": self.names,
                    "species_2": self.names,
                    "event": list(self.events),
                    "event_2": list(self.events),
                    "axis": list("xyz"),
                    "axis_2": list("xyz"),
                },
                times,
            ),
        )
        data["blocks"].attrs["few"] = "below 10 blocks the interval is a jackknife and is flagged"
        return data

    def _transitions(self, times: np.ndarray, done: list[Outcome]) -> xr.Dataset:
        variables = self._variables("/transitions", times, done)
        n_frames = self.run.paths.n_frames
        plan = onsager.plan_blocks(n_frames, 1)
        rng = np.random.default_rng([self.run.seed, 0])
        weights = onsager.resampling_weights(plan, rng)
        shape = (len(self.names), len(self.kinds))
        population, low, high = (np.full(shape, np.nan) for _ in range(3))
        edges = np.arange(0, n_frames, plan.sub_block)
        for k, macro in self.macro.items():
            for code, name in enumerate(macro.names):
                at = (k, self.kinds.index(name))
                per_frame = (macro.state == code).mean(axis=1)
                sums = np.add.reduceat(per_frame, edges)
                sizes = np.diff(np.append(edges, n_frames))
                population[at] = per_frame.mean()
                samples = (weights @ sums) / (weights @ sizes) if len(weights) else np.empty(0)
                low[at], high[at] = onsager.interval(
                    np.asarray(population[at]), samples, plan, self.run.level
                )
        dims = self.schema["/transitions"]["variables"]["population"]["dims"]
        for name, values in (("", population), ("_low", low), ("_high", high)):
            attrs: dict[str, Any] = {"units": "1", "long_name": LONG_NAMES["population"]}
            if name:
                attrs["level"] = self.run.level
            variables[f"population{name}"] = (dims, values, attrs)
        kinds = list(self.kinds)
        return xr.Dataset(
            variables,
            coords=self._coordinates(
                {"species": self.names, "macrostate_start": kinds, "macrostate_end": kinds}, times
            ),
        )

    def _states(self) -> xr.Dataset:
        run = self.run
        n = int(run._window_frames[0])
        event, macrostate, cluster, displacement = run._window_states(n)
        micro = np.full(event.shape, -1, dtype=np.int32)
        shift = 0
        for k, found in sorted(self.states.items()):
            micro[:, run._first[k] : run._first[k + 1]] = found.state + shift
            shift += len(found.shells)
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
        variables: dict[str, tuple[list[str], np.ndarray, dict[str, Any]]] = {
            "time": (["frame"], np.asarray(run.times, dtype=np.float64), {"units": "ps"}),
            "source_frame": (["frame"], np.asarray(run.frames, dtype=np.int64), {}),
            "microstate": (per_carrier, micro, {}),
            "macrostate": (per_carrier, macrostate, codes(self.kinds)),
            "event": (per_carrier, event, codes(self.events) | window),
            "cluster": (per_carrier, cluster, window),
            "displacement": (
                [*per_carrier, "axis"],
                displacement,
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
        edges, atom, molecule, kind = [np.zeros(1, dtype=np.int64)], [], [], []
        for k, found in sorted(self.states.items()):
            shells = found.shells
            edges.append(shells.offsets[1:] + edges[-1][-1])
            # a site is no atom
            on_sites = getattr(run.species[k].microstates, "has_sites", False)
            atom.append(np.full(len(shells.atom), -1) if on_sites else ids[shells.atom])
            molecule.append(shells.molecule)
            to_types = np.array([types.index(t) for t in shells.types])
            kind.append(to_types[shells.kind])
        one = {"units": "1"}
        coded = {"flag_values": np.arange(len(types)), "flag_meanings": " ".join(types)}
        text = "first member of each shell; one past the last at the end"
        members = "of each member, shell after shell"
        return xr.Dataset(
            {
                "start": (["shell_edge"], np.concatenate(edges), one | {"long_name": text}),
                "atom_id": (
                    ["member"],
                    np.concatenate(atom).astype(np.int64),
                    one | {"long_name": f"atom id {members}"},
                ),
                "molecule_id": (
                    ["member"],
                    np.concatenate(molecule),
                    one | {"long_name": f"molecule id {members}"},
                ),
                "ligand_type": (
                    ["member"],
                    np.concatenate(kind).astype(np.int32),
                    one | {"long_name": f"ligand type {members}"} | coded,
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
            "dt_ps": run.paths.dt,
            "dt_given": run.dt,
            "seed": run.seed,
            "level": run.level,
            "volume_angstrom3": run.paths.volume,
            "cell_angstrom": run.paths.cell.tolist(),
            "volume_variance_angstrom6": run.paths.volume_variance,
            "residual": worst,
            "topology": None
            if run.universe.filename is None
            else Path(str(run.universe.filename)).name,
            "trajectory": trajectory_name(run.universe),
            "n_atoms": int(run.universe.atoms.n_atoms),
            "n_frames_in_trajectory": int(run.universe.trajectory.n_frames),
            "n_frames": len(frames),
            "first_frame": int(frames[0]),
            "last_frame": int(frames[-1]),
            "frame_step": int(frames[1] - frames[0]),
            "versions": {p: version(p) for p in ("MDAnalysis", "numpy", "numba", "scipy", "xarray")}
            | {"mda-ionmech": __version__},
        }


def _times(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:g} ps"
    return ", ".join(f"{v:g}" for v in values) + " ps"


LONG_NAMES = {
    "onsager": "Onsager coefficient L_AB",
    "onsager_tensor": "Onsager tensor, first axis that of species",
    "onsager_self": "self part of L_AA",
    "conductivity": "ionic conductivity",
    "nernst_einstein": "Nernst-Einstein conductivity, self parts only",
    "haven_ratio": "Haven ratio, Nernst-Einstein over full conductivity",
    "transference_number": "transference number in the frame of reference of the run",
    "diffusivity_self": "self-diffusion coefficient from the mean squared displacement",
    "event_onsager": "part of L_AB carried by this event of species A",
    "event_onsager_tensor": "part of the Onsager tensor carried by this event of species A",
    "event_matrix": "part of L_AB of event of A and event_2 of B",
    "event_conductivity": "part of the conductivity carried by this event",
    "event_self": "self part of the contribution to L_AA",
    "event_distinct": "distinct part of the contribution to L_AA",
    "event_count": "carrier-windows with this label, summed over all origins",
    "event_frequency": "carriers with this label per carrier and time",
    "effectiveness": "D^e . D_A per carrier-event",
    "share": "part of L_AA carried by this event",
    "residual": "violation of additivity over the self parts",
    "origins": "number of overlapping time origins",
    "blocks": "blocks of origins behind the interval",
    "event_incluster": "distinct part from pairs within one concerted cluster",
    "cluster_count": "cooperative events with this label, summed over all origins",
    "effectiveness_cooperative": "D^e . D_A per cooperative event",
    "multi_fraction": "share of hopping carriers in clusters of two or more",
    "multi_fraction_circular": "the same after shifting each carrier's record in time",
    "multi_fraction_exclusion": "the same in an exclusion gas with the counted rates",
    "largest_cluster_fraction": "share of hopping carriers in the largest cluster of their window",
    "multi_hop_fraction": "share of carrier-windows with more than one elementary hop",
    "transition_onsager": "part of L_AA carried by this macrostate transition",
    "transition_probability": "probability of the end given the start",
    "transition_count": "carrier-windows with this transition, summed over all origins",
    "population": "mean fraction of carriers in the macrostate",
    "time": "time of the frame",
    "source_frame": "frame number in the trajectory",
    "microstate": "number of the coordination shell in the group shells, -1 for none",
    "macrostate": "macrostate, -1 for none",
    "event": "event of the window that starts at the frame, -1 for none",
    "cluster": "concerted cluster of the window, -1 for none",
    "displacement": "displacement over the window that starts at the frame",
    "carrier_species": "species of each carrier",
    "carrier_atom_id": "atom id of each carrier, of a molecule its first atom",
}
