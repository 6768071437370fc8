"""Arrhenius and VTF fits of all quantities as one labelled dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import constants

from .arrhenius_fits import (
    ArrheniusFit,
    Budget,
    VTFFit,
    budget,
    corrected_aic,
    fit_arrhenius,
    fit_vtf,
)
from .arrhenius_inputs import TemperatureSeries

if TYPE_CHECKING:
    import xarray as xr

#: Number of points of a fitted curve.
_CURVE = 60


@dataclass(frozen=True)
class _Row:
    """One quantity at all temperatures."""

    quantity: str
    species: str
    event: str
    unit: str
    value: np.ndarray
    samples: np.ndarray


def fitted_dataset(series: TemperatureSeries, model: str) -> xr.Dataset:
    """All rows, their fits, and the budget."""
    t = series.temperature
    rows: list[_Row] = []
    fits: list[ArrheniusFit] = []

    def add(
        quantity: str, species: str, event: str, unit: str,
        found: tuple[np.ndarray, np.ndarray], error: np.ndarray | None = None,
    ) -> ArrheniusFit:  # fmt: skip
        row = _Row(quantity, species, event, unit, *found)
        fit = fit_arrhenius(t, row.value, row.samples, error)
        rows.append(row)
        fits.append(fit)
        return fit

    def times_t(found: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        return found[0] * t, found[1] * t

    whole = {name: times_t(series.onsager(name)) for name in series.names}
    total = {
        name: add("onsager", name, "total", "K/(J m s)", found) for name, found in whole.items()
    }
    add("conductivity", "", "total", "S K/m", times_t(series.conductivity()))
    for name in series.names:
        diffusivity = series.self_diffusivity(name)
        if diffusivity is not None:
            add("self_diffusivity", name, "total", "cm2/s", diffusivity)
    density = series.density()
    name = series.species
    events = series.occurring()
    parts, part_fits = [], []
    for event in events:
        part = times_t(series.onsager(name, event))
        fit = add("onsager", name, event, "K/(J m s)", part)
        parts.append(part)
        part_fits.append(fit)
        frequency = series.frequency(event)
        if frequency is None:
            continue
        weights = None if fit.reason else fit.error
        add("frequency", name, event, "1/ns", frequency, weights)
        add("effectiveness", name, event, "angstrom2",
            _effectiveness(part, frequency, density, series.dimensions()), weights)  # fmt: skip
        if np.ptp(density) > 1e-9 * density[0] and weights is not None:
            same = np.broadcast_to(density, part[1].shape)
            add("carrier_density", name, event, "1/angstrom3", (density, same), weights)
    balance = None
    if not total[name].reason:
        balance = budget(t, whole[name], parts, part_fits, total[name].error)
    return _dataset(series, rows, fits, balance, total[name], model)


def _effectiveness(
    part: tuple[np.ndarray, np.ndarray],
    frequency: tuple[np.ndarray, np.ndarray],
    density: np.ndarray,
    n_dimensions: int,
) -> tuple[np.ndarray, np.ndarray]:
    """eta_e in A^2 from L_e T = (N / V) f_e eta_e / (2 n kB)."""
    # 1/(J m s) K over 1/A^3 and 1/ns
    scale = 2 * n_dimensions * constants.k / 1e30 * 1e20 / 1e9
    value, samples = (
        # the frequency of a label that is missing in a sample is rounding error
        scale * p / np.where(f > 1e-9 * frequency[0], density * f, np.nan)
        for p, f in zip(part, frequency, strict=True)
    )
    return value, samples


def _ends(samples: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles over the first axis; NaN where no sample is defined."""
    columns = samples.reshape(len(samples), -1)
    ends = np.full((2, columns.shape[1]), np.nan)
    known = np.isfinite(columns).any(axis=0)
    if known.any():
        tail = (1 - level) / 2
        ends[:, known] = np.nanquantile(columns[:, known], [tail, 1 - tail], axis=0)
    low, high = ends.reshape(2, *samples.shape[1:])
    return low, high


def _dataset(
    series: TemperatureSeries,
    rows: Sequence[_Row],
    fits: Sequence[ArrheniusFit],
    balance: Budget | None,
    total: ArrheniusFit,
    model: str,
) -> xr.Dataset:
    """The dataset of an `Arrhenius`."""
    import xarray as xr

    t, level = series.temperature, series.level
    # evenly spaced in 1 / T, and slightly beyond the data
    ends = 1 / t[-1], 1 / t[0]
    reach = 0.03 * (ends[1] - ends[0])
    curve = 1 / np.linspace(ends[1] + reach, ends[0] - reach, _CURVE)
    variables: dict[str, tuple[Any, Any, dict[str, Any]]] = {}

    def add(name: str, dims: Any, value: Any, units: str, text: str) -> None:
        variables[name] = (dims, value, {"units": units, "long_name": text})

    def with_ends(
        name: str, dims: Any, value: Any, samples: Sequence[np.ndarray], units: str, text: str
    ) -> None:
        """A variable over rows with its interval; samples have one entry per row."""
        add(name, dims, np.array(value), units, text)
        low, high = zip(*(_ends(s, level) for s in samples), strict=True)
        add(f"{name}_low", dims, np.array(low), units, f"low end of the interval of: {text}")
        add(f"{name}_high", dims, np.array(high), units, f"high end of the interval of: {text}")

    at = ["row", "temperature"]
    with_ends("value", at, [r.value for r in rows], [r.samples for r in rows],
              "that of the row", "fitted quantity")  # fmt: skip
    with_ends("energy", "row", [f.energy for f in fits], [f.energy_samples for f in fits],
              "eV", "activation energy")  # fmt: skip
    with_ends("log_prefactor", "row", [f.log_prefactor for f in fits],
              [f.log_prefactor_samples for f in fits],
              "1", "ln of the prefactor over its unit")  # fmt: skip
    with_ends("curve", ["row", "curve_temperature"], [f.at(curve) for f in fits],
              [f.samples_at(curve) for f in fits], "that of the row", "fitted law")  # fmt: skip
    add("sign", "row", np.array([f.sign for f in fits]), "1", "sign of the quantity, 0: refused")
    add("log_error", at, np.array([f.error for f in fits]), "1", "standard error of ln|X|")
    add("reduced_chi2", "row", np.array([f.reduced_chi2 for f in fits]), "1",
        "weighted squared deviation per degree of freedom")  # fmt: skip
    aicc = [corrected_aic(f.reduced_chi2, len(t), 2) for f in fits]
    add("aicc", "row", np.array(aicc), "1", "Akaike's criterion for few points")
    add("reason", "row", np.array([f.reason for f in fits], dtype=str), "1",
        "why the fit was refused")  # fmt: skip
    if balance is not None:
        _add_balance(add, balance, total, level)
    if model == "vtf":
        _add_vtf(add, with_ends, series, rows)
    names = {
        "quantity": [r.quantity for r in rows],
        "species": [r.species for r in rows],
        "event": [r.event for r in rows],
        "unit": [r.unit for r in rows],
    }
    coords: dict[str, Any] = {k: ("row", np.array(v, dtype=str)) for k, v in names.items()}
    kelvin = {"units": "K"}
    coords["temperature"] = ("temperature", t, kelvin | {"long_name": "temperature"})
    coords["curve_temperature"] = (
        "curve_temperature", curve, kelvin | {"long_name": "temperature of the fitted curves"},
    )  # fmt: skip
    coords["total"] = ["energy", "curvature"]
    attrs = {
        "species": series.species,
        "view": series.view,
        "view_description": f"{series.view} view, {series.words()}",
        **{f"{k}_ps": v for k, v in series.place.items()},
        "level": level,
        "frame": str(series.results[0].settings["frame"]),
        "model": model,
    }
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def _add_balance(add: Any, balance: Budget, total: ArrheniusFit, level: float) -> None:
    """Budget at each temperature, and over all of them."""
    bend = np.array([balance.curvature, balance.direct_curvature])
    bends = np.stack([balance.curvature_samples, balance.direct_curvature_samples], axis=1)
    for kind, dim, units, parts, parts_samples, direct, direct_samples in (
        ("budget", "temperature", "eV", balance.parts, balance.parts_samples, balance.direct,
         balance.direct_samples),
        ("closure", "total", "eV, eV^2", np.array([balance.energy, bend[0]]),
         np.column_stack([balance.energy_samples, bends[:, 0]]), np.array([total.energy, bend[1]]),
         np.column_stack([total.energy_samples, bends[:, 1]])),
    ):  # fmt: skip
        for name, value, samples, text in (
            ("parts", parts, parts_samples, "from the events"),
            ("direct", direct, direct_samples, "from the total itself"),
            ("difference", parts - direct, parts_samples - direct_samples, "events minus total"),
        ):
            low, high = _ends(samples, level)
            text = f"apparent activation energy, {text}"
            add(f"{kind}_{name}", dim, value, units, text)
            add(f"{kind}_{name}_low", dim, low, units, f"low end of the interval of: {text}")
            add(f"{kind}_{name}_high", dim, high, units, f"high end of the interval of: {text}")


def _add_vtf(add: Any, with_ends: Any, series: TemperatureSeries, rows: Sequence[_Row]) -> None:
    """VTF fits of coefficients, conductivity and self-diffusion; other rows are empty."""
    t, level = series.temperature, series.level
    asked = np.array([r.quantity in ("onsager", "conductivity", "self_diffusivity") for r in rows])
    nothing = np.full((1, 3), np.nan)
    empty = VTFFit(0, np.nan, np.nan, np.nan, nothing, np.nan, "")
    fits = [
        fit_vtf(t, r.value, r.samples, level) if wanted else empty
        for r, wanted in zip(rows, asked, strict=True)
    ]
    add("vtf_asked", "row", asked, "1", "rows a VTF law was fitted to")
    for k, name, units, text in (
        (1, "b", "K", "B of the VTF law"),
        (2, "t0", "K", "T0 of the VTF law"),
    ):
        with_ends(f"vtf_{name}", "row", [getattr(f, name) for f in fits],
                  [f.samples[:, k] for f in fits], units, text)  # fmt: skip
    curve_of = {
        "log_prefactor": "ln of the prefactor of the VTF law over its unit",
        "reduced_chi2": "weighted squared deviation per degree of freedom of the VTF law",
    }
    for name, text in curve_of.items():
        add(f"vtf_{name}", "row", np.array([getattr(f, name) for f in fits]), "1", text)
    aicc = [corrected_aic(f.reduced_chi2, len(t), 3) for f in fits]
    add("vtf_aicc", "row", np.array(aicc), "1", "Akaike's criterion for few points, VTF law")
    add("vtf_reason", "row", np.array([f.reason for f in fits], dtype=str), "1",
        "why the VTF law was refused or T0 is not determined")  # fmt: skip
