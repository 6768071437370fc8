"""Fits of all quantities over temperature as one labelled dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import constants

from .arrhenius_budget import HALF_WIDTHS, Budget, budget, holds
from .arrhenius_fits import (
    ArrheniusFit,
    LawFit,
    corrected_aic,
    fit_arrhenius,
    log_ratio,
    no_fit,
)
from .arrhenius_inputs import TemperatureSeries
from .arrhenius_laws import PARAMETERS, LawComparison, compare_laws
from .arrhenius_segments import SegmentsFit, fit_segments
from .arrhenius_vtf import VTFFit, fit_vtf

if TYPE_CHECKING:
    import xarray as xr

#: Number of points of a fitted curve.
_CURVE = 60
#: Quantities of which the laws are compared.
_COMPARED = ("onsager", "conductivity", "self_diffusivity")


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
        deviation: np.ndarray | None = None, reason: str = "",
    ) -> ArrheniusFit:  # fmt: skip
        row = _Row(quantity, species, event, unit, *found)
        if reason:
            fit = no_fit(len(row.samples), len(t), reason)
        else:
            fit = fit_arrhenius(t, row.value, row.samples, error, deviation)
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
        often = add("frequency", name, event, "1/ns", frequency, weights)
        reason, deviation = fit.reason or often.reason, None
        if not reason:
            # L_e over f_e, sample by sample: their energies add up in each of them
            deviation = log_ratio(part[1], part[0]) - log_ratio(frequency[1], frequency[0])
        add("effectiveness", name, event, "angstrom2",
            _effectiveness(part, frequency, density, series.dimensions()), weights, deviation,
            reason)  # fmt: skip
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
    laws = _add_laws(add, t, rows, fits)
    for name in _BENT:
        asked = np.array(
            [
                r.quantity in _COMPARED and (model in (name, "all") or law in (name, "bent"))
                for r, law in zip(rows, laws, strict=True)
            ]
        )
        if model in (name, "all") or (model == "auto" and asked.any()):
            _add_bent(add, with_ends, name, series, rows, asked, curve)
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
    coords["candidate"] = list(PARAMETERS)
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
            if kind == "budget" and name == "difference" and len(parts) == 2:
                value, samples = np.full_like(value, np.nan), np.full_like(samples, np.nan)
            low, high = _ends(samples, level)
            text = f"apparent activation energy, {text}"
            add(f"{kind}_{name}", dim, value, units, text)
            add(f"{kind}_{name}_low", dim, low, units, f"low end of the interval of: {text}")
            add(f"{kind}_{name}_high", dim, high, units, f"high end of the interval of: {text}")
    add("budget_untested", "temperature", balance.untested, "1",
        "sum of |L_e / L| of the events without an energy")  # fmt: skip
    add("budget_holds", "temperature", holds(balance), "1",
        f"gap of at most {HALF_WIDTHS:g} half widths of its middle 68 %")  # fmt: skip


def _add_laws(
    add: Any, t: np.ndarray, rows: Sequence[_Row], fits: Sequence[ArrheniusFit]
) -> list[str]:
    """Which law the data of each row support; empty for frequencies and the like."""
    found = []
    nothing = dict.fromkeys(PARAMETERS, np.nan)
    for row, fit in zip(rows, fits, strict=True):
        if row.quantity not in _COMPARED:
            found.append(LawComparison("", nothing, ""))
        elif fit.reason:
            found.append(LawComparison("", nothing, f"cannot tell: {fit.reason}"))
        else:
            found.append(compare_laws(t, row.value, fit.error))
    asked = [r.quantity in _COMPARED for r in rows]
    add("law_asked", "row", np.array(asked), "1", "rows of which the laws were compared")
    add("law", "row", np.array([f.law for f in found], dtype=str), "1",
        "law that the data support")  # fmt: skip
    add("law_probability", ["row", "candidate"],
        np.array([[f.probability[k] for k in PARAMETERS] for f in found]), "1",
        "probability of a law, all laws being equally probable before")  # fmt: skip
    add("law_straight", "row", np.array([f.straight for f in found]), "1",
        "probability of deviations from a straight line as large or larger")  # fmt: skip
    add("law_statement", "row", np.array([f.statement for f in found], dtype=str), "1",
        "law that the data support, in words")  # fmt: skip
    return [f.law for f in found]


@dataclass(frozen=True)
class _BentLaw:
    """How a law beside the straight line is fitted and written to the dataset."""

    text: str
    asked: str
    fit: Callable[[np.ndarray, np.ndarray, np.ndarray, float], LawFit]
    nothing: LawFit
    #: Column of the samples, name, unit and description of parameters with intervals.
    parameters: tuple[tuple[int, str, str, str], ...]
    #: Name, unit and description of parameters without one.
    others: tuple[tuple[str, str, str], ...] = ()


_NAN = np.nan
_BENT = {
    "vtf": _BentLaw(
        text="VTF law",
        asked="rows a VTF law was fitted to",
        fit=fit_vtf,
        nothing=VTFFit(0, _NAN, _NAN, _NAN, np.full((1, 3), _NAN), _NAN),
        parameters=((1, "b", "K", "B of the VTF law"), (2, "t0", "K", "T0 of the VTF law")),
        others=(("log_prefactor", "1", "ln of the prefactor of the VTF law over its unit"),),
    ),
    "segments": _BentLaw(
        text="two segments",
        asked="rows two segments were fitted to",
        fit=fit_segments,
        nothing=SegmentsFit(0, _NAN, _NAN, _NAN, _NAN, np.full((1, 4), _NAN), _NAN),
        parameters=(
            (1, "energy_cold", "eV", "activation energy below the break"),
            (2, "energy_hot", "eV", "activation energy above the break"),
            (3, "t_break", "K", "temperature of the break"),
        ),
    ),
}


def _add_bent(
    add: Any, with_ends: Any, law: str, series: TemperatureSeries, rows: Sequence[_Row],
    asked: np.ndarray, curve: np.ndarray,
) -> None:  # fmt: skip
    """Fits of a law to the rows that are asked for; other rows are empty."""
    about, t = _BENT[law], series.temperature
    fits: list[Any] = [
        about.fit(t, r.value, r.samples, series.level) if wanted else about.nothing
        for r, wanted in zip(rows, asked, strict=True)
    ]
    add(f"{law}_asked", "row", asked, "1", about.asked)
    for k, name, units, text in about.parameters:
        with_ends(f"{law}_{name}", "row", [getattr(f, name) for f in fits],
                  [f.samples[:, k] for f in fits], units, text)  # fmt: skip
    for name, units, text in about.others:
        add(f"{law}_{name}", "row", np.array([getattr(f, name) for f in fits]), units, text)
    with_ends(f"{law}_curve", ["row", "curve_temperature"], [f.at(curve) for f in fits],
              [f.samples_at(curve) for f in fits], "that of the row",
              f"fitted {about.text}")  # fmt: skip
    add(f"{law}_reduced_chi2", "row", np.array([f.reduced_chi2 for f in fits]), "1",
        f"weighted squared deviation per degree of freedom, {about.text}")  # fmt: skip
    aicc = [corrected_aic(f.reduced_chi2, len(t), PARAMETERS[law]) for f in fits]
    add(f"{law}_aicc", "row", np.array(aicc), "1",
        f"Akaike's criterion for few points, {about.text}")  # fmt: skip
    add(f"{law}_reason", "row", np.array([f.reason for f in fits], dtype=str), "1",
        f"why there is no fit, or what is not determined, {about.text}")  # fmt: skip
