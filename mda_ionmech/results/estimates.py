"""Labelled values with intervals from sums over blocks, and reasons for undefined values.

Names, dimensions and units come from the schema of the result file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtri

from .. import onsager
from ..onsager.block_bootstrap import FEWEST_BLOCKS, FEWEST_FOR_INTERVAL
from ..onsager.block_sums import Blocks, PathEntry, WindowEntry
from ..onsager.coefficients import MAX_RESIDUAL
from ..onsager.momentum import CONSERVED, fixed_transference, is_salt_alone, momentum_balance
from .bounds import widen_few, within_bounds
from .diffusive_view import DIFFUSIVE_VARIABLES, diffusive_view, mask_undefined
from .schema import load_schema

#: Values of one window or of one resolution and horizon, and their intervals.
Values = dict[str, np.ndarray]
Spans = dict[str, tuple[np.ndarray, np.ndarray]]

_PATH_VARIABLES = ("path_onsager", "path_slope", "path_conductivity", "slope_conductivity")


def window_samples(entry: WindowEntry, blocks: Blocks) -> tuple[Values, Values]:
    """Values of one window for the whole trajectory and for every resampled sum."""
    time = entry.frames * blocks.dt
    n = entry.plan.n_sub_blocks
    whole = entry.sums.resampled(np.ones((1, n)))
    first = {k: v[0] for k, v in onsager.evaluate(whole, blocks.system, time).items()}
    weights = onsager.resampling_weights(entry.plan, blocks.rng(entry.frames))
    resampled = entry.sums.resampled(weights)
    samples = onsager.evaluate(resampled, blocks.system, time)
    for counted in ("event_count", "cluster_count", "transition_count"):
        if counted in samples:  # counts of the whole trajectory, for samples of any size
            shape = (-1, *[1] * (samples[counted].ndim - 1))
            scale = (whole.origins[0] / resampled.origins).reshape(shape)
            samples[counted] = samples[counted] * scale
    return first, samples


def path_samples(entry: PathEntry, blocks: Blocks) -> tuple[Values, Values]:
    """Values of one resolution and horizon for the whole trajectory and for resampled sums."""
    times = entry.horizon * blocks.dt, entry.resolution * blocks.dt
    whole = entry.sums.resampled(np.ones((1, entry.plan.n_sub_blocks)))
    first = onsager.evaluate_paths(whole, blocks.path_system, *times)
    weights = onsager.resampling_weights(entry.plan, path_rng(entry, blocks))
    samples = onsager.evaluate_paths(entry.sums.resampled(weights), blocks.path_system, *times)
    return {k: v[0] for k, v in first.items()}, samples


def path_rng(entry: PathEntry, blocks: Blocks) -> np.random.Generator:
    """The random generator of one resolution and horizon."""
    return blocks.rng(entry.horizon, entry.resolution)


def window_estimate(entry: WindowEntry, blocks: Blocks) -> tuple[Values, Spans]:
    """Values and intervals of one window; undefined ratios are NaN.

    ``_undefined_share`` (species,) and ``_undefined_sigma`` mark them.
    """
    first, samples = window_samples(entry, blocks)
    spans = {k: onsager.interval(v, samples[k], entry.plan, blocks.level) for k, v in first.items()}
    for name, shares in entry.nulls.items():
        # realisations without hops are ignored
        known = [row[np.isfinite(row)] for row in shares]
        middle = np.array([row.mean() if len(row) else np.nan for row in known])
        spread = np.array([row.std(ddof=1) if len(row) > 1 else np.nan for row in known])
        reach = spread * ndtri(0.5 + blocks.level / 2)
        first[name], spans[name] = middle, (middle - reach, middle + reach)
    spans = {k: within_bounds(k, first[k], *ends) for k, ends in spans.items()}
    widen_few(first, spans, entry.frames, blocks.level)
    first["residual"] = onsager.residual(first)
    first["origins"] = np.array(float(entry.sums.origins.sum()))
    first["blocks"] = np.array(float(entry.plan.n_blocks))
    mass, charge = blocks.system.carrier_mass, blocks.system.charge
    fixed = False
    if len(mass):
        balance = momentum_balance(first["onsager"], first["onsager_self"], mass)
        first["momentum_balance"] = balance
        fixed = is_salt_alone(charge, mass) and bool(balance.max() < CONSERVED)
    first["_fixed_transference"] = np.array(fixed)
    _mask_undefined(first, spans)
    return first, spans


def path_estimate(entry: PathEntry, blocks: Blocks) -> tuple[Values, Spans]:
    """Values and intervals of one resolution and horizon."""
    first, samples = path_samples(entry, blocks)
    spans = {
        k: onsager.interval(first[k], samples[k], entry.plan, blocks.level) for k in _PATH_VARIABLES
    }
    return {k: first[k] for k in _PATH_VARIABLES}, spans


def _mask_undefined(values: Values, spans: Spans) -> None:
    """NaN for shares, t and H_R whose denominator is zero within rounding or its interval."""

    def may_vanish(
        value: np.ndarray, scale: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> np.ndarray:
        return (np.abs(value) <= MAX_RESIDUAL * scale) | ((low <= 0) & (high >= 0))

    d = np.arange(len(values["onsager_self"]))
    low, high = (end[d, d] for end in spans["onsager"])
    bad = may_vanish(values["onsager"][d, d], values["onsager_self"], low, high)
    sigma = may_vanish(values["conductivity"], values["nernst_einstein"], *spans["conductivity"])
    fixed = sigma | values["_fixed_transference"]
    targets = [("share", bad), ("haven_ratio", sigma), ("transference_number", fixed)]
    for name, where in targets:
        # share is (species, event) with a mask (species,); the mask of sigma is one value
        where = np.asarray(where)[:, None] if name == "share" else where
        values[name] = np.where(where, np.nan, values[name])
        low, high = spans[name]
        spans[name] = np.where(where, np.nan, low), np.where(where, np.nan, high)
    values["_undefined_share"], values["_undefined_sigma"] = bad, sigma


class Estimates:
    """Datasets of a result from block sums.

    Cost: 400 matrix products per window and per resolution and horizon, whatever the number of
    carriers.

    Parameters
    ----------
    blocks : Blocks
    apply : callable, optional
        Like `map`; evaluates windows and paths, e.g. on several threads.

    Attributes
    ----------
    notes : list of str
        Warnings about the numbers.
    identity : str
        Reason why transference numbers are fixed by conservation of momentum; else empty.
    residual : float
        Largest violation of additivity over all windows.
    """

    def __init__(self, blocks: Blocks, apply: Callable[..., Any] = map) -> None:
        self.blocks = blocks
        self.schema = load_schema()["groups"]
        self._windows = list(apply(lambda w: window_estimate(w, blocks), blocks.scanned))
        self._paths = list(apply(lambda p: path_estimate(p, blocks), blocks.paths))
        self.times = np.array([w.frames * blocks.dt for w in blocks.scanned])
        fixed = any(bool(v["_fixed_transference"]) for v, _ in self._windows)
        self.diffusive = mask_undefined(diffusive_view(blocks), blocks, fixed=fixed)
        self.residual = float(np.max([v["residual"].max() for v, _ in self._windows]))
        self.identity = ""
        self.notes = self._notes()

    def _notes(self) -> list[str]:
        notes = []
        scanned = self.blocks.scanned

        def times_where(chosen: Iterable[Any]) -> list[float]:
            return [float(t) for t in compress(self.times, chosen)]

        few = times_where(w.plan.n_blocks < FEWEST_BLOCKS for w in scanned)
        none = times_where(w.plan.n_blocks < FEWEST_FOR_INTERVAL for w in scanned)
        if few:
            notes.append(
                f"windows of {few[0]:g} ps and longer span fewer than {FEWEST_BLOCKS} blocks: "
                "their intervals are jackknife estimates and tend to be too narrow"
                + (
                    f"; those of {none[0]:g} ps and longer, with fewer than {FEWEST_FOR_INTERVAL}, "
                    "have none"
                    if none
                    else ""
                )
            )
        for k, name in enumerate(self.blocks.names):
            lost = times_where(v["_undefined_share"][k] for v, _ in self._windows)
            if lost:
                notes.append(
                    f"shares of {name} are undefined (NaN) at {_times(lost)}: its Onsager "
                    "coefficient is zero within round-off or within its interval"
                )
        lost = times_where(v["_undefined_sigma"] for v, _ in self._windows)
        if lost:
            notes.append(
                f"Haven ratio and transference numbers are undefined (NaN) at {_times(lost)}: the "
                "conductivity is zero within round-off or within its interval"
            )
        if self.blocks.paths and self.diffusive.choice is None:
            notes.append(f"no diffusive view: {self.diffusive.reason}")
        return [*notes, *self._about_momentum()]

    def _about_momentum(self) -> list[str]:
        """Warnings on the sum rule of momentum where all mass is listed, and numbers it fixes."""
        if "momentum_balance" not in self._windows[0][0]:
            return []
        worst = max(float(v["momentum_balance"].max()) for v, _ in self._windows)
        notes = []
        if worst > CONSERVED:
            notes.append(
                "the species hold all mass of the system, and the sum over species of mass times "
                f"Onsager coefficient is up to {worst:.1e} of its self parts: 0 where momentum is "
                "conserved, so that the system as a whole moves (results.diagnostics)"
            )
        fixed = [bool(v["_fixed_transference"]) for v, _ in self._windows]
        if any(fixed):
            system, names = self.blocks.system, self.blocks.names
            numbers = fixed_transference(system.charge, system.carrier_mass)
            where = "" if all(fixed) else f" at {_times(self.times[np.array(fixed)].tolist())}"
            self.identity = (
                f"transference numbers are undefined (NaN){where}: {' and '.join(names)} are the "
                "whole system, and conservation of momentum fixes those relative to its centre of "
                "mass by charges and masses alone, at "
                + " and ".join(f"{t:.3f}" for t in numbers)
                + ": an identity, not a measurement"
            )
            notes.append(self.identity)
        return notes

    def _variables(self, group: str) -> dict[str, Any]:
        """All computed variables of a group with their intervals, stacked over windows."""
        out: dict[str, Any] = {}
        for name, spec in self.schema[group]["variables"].items():
            if name not in self._windows[0][0]:
                continue
            dims = spec["dims"]
            at = dims.index("window")
            out |= _described(
                name,
                spec,
                np.stack([v[name] for v, _ in self._windows], axis=at),
                None
                if name not in self._windows[0][1]
                else [
                    np.stack([spans[name][k] for _, spans in self._windows], axis=at)
                    for k in range(2)
                ],
                self.blocks.level,
            )
        return out

    def _path_variables(self) -> dict[str, Any]:
        blocks = self.blocks
        out: dict[str, Any] = {}
        for name in _PATH_VARIABLES:
            spec = self.schema["/decomposition"]["variables"][name]
            stack = [np.full([blocks.sizes[d] for d in spec["dims"]], np.nan) for _ in range(3)]
            for entry, (values, spans) in zip(blocks.paths, self._paths, strict=True):
                at = blocks.place(entry)
                for target, value in zip(stack, (values[name], *spans[name]), strict=True):
                    target[(..., *at)] = value
            out |= _described(name, spec, stack[0], stack[1:], blocks.level)
        return out

    def _diffusive_variables(self) -> dict[str, Any]:
        """Variables of the diffusive view; attributes of the first hold lags and weights."""
        out: dict[str, Any] = {}
        view, specs = self.diffusive, self.schema["/decomposition"]["variables"]
        for name in DIFFUSIVE_VARIABLES:
            ends = within_bounds(name, view.values[name], *view.spans[name])
            out |= _described(name, specs[name], view.values[name], ends, self.blocks.level)
        if view.choice is None:
            for _, _, attrs in out.values():
                attrs["comment"] = view.reason
            return out
        used, dt = view.choice.weights != 0, self.blocks.dt
        out["diffusive_onsager"][2].update(
            {
                "lag_ps": view.choice.lags[used] * dt,
                "weight_per_ps": view.choice.weights[used] / dt,
                "resolution_ps": view.choice.resolution * dt,
                "first_lag_ps": min(view.choice.starts) * dt,
                "settled_from_ps": view.choice.settled_from * dt,
                "settled": int(view.choice.settled),
                "bent": view.choice.bent,
                "blocks": view.n_blocks,
                "relative_error": view.choice.relative_error,
                "open_memory_ps": view.choice.open_memory * dt,
            }
        )
        return out

    def decomposition(self) -> xr.Dataset:
        """The group /decomposition."""
        blocks = self.blocks
        coords: dict[str, Any] = {
            "species": list(blocks.names),
            "species_2": list(blocks.names),
            "event": list(blocks.events),
            "event_2": list(blocks.events),
            "window": _lengths("window", self.times, "length of the window"),
            "axis": list("xyz"),
            "axis_2": list("xyz"),
        }
        variables = self._variables("/decomposition")
        if blocks.paths:
            variables |= self._path_variables()
            for name, frames, text in (
                ("resolution", blocks.resolutions, "time over which a label is read"),
                ("horizon", blocks.horizons, "time over which displacements are correlated"),
            ):
                coords[name] = _lengths(name, np.array(frames) * blocks.dt, text)
            variables |= self._diffusive_variables()
        data = xr.Dataset(variables, coords=coords)
        if self.identity:
            data["transference_number"].attrs["comment"] = self.identity
        data["blocks"].attrs["few"] = "below 10 blocks the interval is a jackknife and is flagged"
        return data

    def diagnostics(self) -> xr.Dataset | None:
        """The group /diagnostics: the sum rule of momentum; None where not all mass is listed."""
        if "momentum_balance" not in self._windows[0][0]:
            return None
        balance = np.stack([v["momentum_balance"] for v, _ in self._windows], axis=1)
        text = (
            "|sum over B of m_B L_AB| over sum over B of m_B sqrt(L_AA^self L_BB^self), 0 by "
            "conservation of momentum"
        )
        return xr.Dataset(
            {
                "momentum_balance": (
                    ["species", "window"], balance, {"units": "1", "long_name": text}
                ),
                "carrier_mass": (
                    ["species"],
                    self.blocks.system.carrier_mass,
                    {"units": "u", "long_name": "mass of the molecules of one carrier"},
                ),
            },
            coords={
                "species": list(self.blocks.names),
                "window": _lengths("window", self.times, "length of the window"),
            },
        )  # fmt: skip

    def transitions(self) -> xr.Dataset:
        """The group /transitions."""
        blocks = self.blocks
        variables = self._variables("/transitions")
        found = blocks.populations
        assert found is not None
        spec = self.schema["/transitions"]["variables"]["population"]

        def fraction(weights: np.ndarray) -> np.ndarray:
            flat = found.number.reshape(len(found.number), -1)
            frames = weights @ found.frames
            return np.asarray(
                ((weights @ flat) / frames[:, None]).reshape(-1, *found.number.shape[1:])
            )

        value = fraction(np.ones((1, found.plan.n_sub_blocks)))[0]
        weights = onsager.resampling_weights(found.plan, blocks.rng(0))
        samples = fraction(weights)
        spans = onsager.interval(value, samples, found.plan, blocks.level, least=0, most=1)
        variables |= _described("population", spec, value, list(spans), blocks.level)
        kinds = list(blocks.kinds)
        return xr.Dataset(
            variables,
            coords={
                "species": list(blocks.names),
                "macrostate_start": kinds,
                "macrostate_end": kinds,
                "window": _lengths("window", self.times, "length of the window"),
            },
        )


def _lengths(dim: str, times: np.ndarray, text: str) -> tuple[str, np.ndarray, dict[str, str]]:
    return dim, np.asarray(times, dtype=np.float64), {"units": "ps", "long_name": text}


def _described(
    name: str,
    spec: dict[str, Any],
    value: np.ndarray,
    ends: Sequence[np.ndarray] | None,
    level: float,
) -> dict[str, Any]:
    """A variable and, where it has one, its interval, with units and descriptions."""
    attrs = {"units": spec["units"], "long_name": LONG_NAMES[name]}
    out = {name: (spec["dims"], value, attrs)}
    for end, values in zip(("low", "high"), ends or (), strict=False):
        text = f"{end} end of the interval of: {LONG_NAMES[name]}"
        out[f"{name}_{end}"] = (spec["dims"], values, attrs | {"level": level, "long_name": text})
    return out


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
    "path_onsager": "part of L_AB carried by this event of species A, path view",
    "path_slope": "part of the slope of T L_AB carried by this event of species A",
    "path_conductivity": "part of the conductivity carried by this event, path view",
    "slope_conductivity": "part of the slope of T sigma carried by this event",
    "diffusive_onsager": "Onsager coefficient L_AB in the diffusive limit, from all lags",
    "diffusive_event_onsager": "part of it carried by this event of species A",
    "diffusive_conductivity": "ionic conductivity in the diffusive limit",
    "diffusive_event_conductivity": "part of it carried by this event",
    "diffusive_transference_number": "transference number in the diffusive limit",
    "diffusive_share": "part of L_AA in the diffusive limit carried by this event",
    "diffusive_onsager_self": "self part of L_AA in the diffusive limit",
    "diffusive_diffusivity_self": "self-diffusion coefficient in the diffusive limit",
    "diffusive_nernst_einstein": "Nernst-Einstein conductivity in the diffusive limit",
    "diffusive_haven_ratio": "Haven ratio in the diffusive limit",
    "filter_share": "diffusive_share with other filters, at the lags and weights of the run",
    "filter_share_error": "standard error of its difference from that of the run",
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
    "multi_hop_fraction": "share of carrier-windows with more than one change of microstate",
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
