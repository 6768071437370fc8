"""Results at several temperatures become activation energies, event by event.

L_e T = s A exp(-E_e / kB T) at the same window, or resolution and horizon, of every result; the
fits are those of `onsager.arrhenius`. The energies of the events explain that of the whole:
E(T) = sum over e of (L_e / L) E_e.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import constants

from ..lib.errors import InputError
from ..lib.files import write_atomically
from ..lib.later import later
from ..onsager.coefficients import MAX_RESIDUAL
from .arrhenius_fits import (
    KJ_PER_MOL,
    ArrheniusFit,
    Budget,
    VTFFit,
    budget,
    corrected_aic,
    fit_arrhenius,
    fit_vtf,
)
from .results import Results, load

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

VIEWS = ("auto", "window", "path", "slope")
MODELS = ("arrhenius", "vtf")
_UNITS = {"eV": 1.0, "kJ/mol": KJ_PER_MOL}
#: Per view: coefficients by event, and conductivity.
_BY_EVENT = {"window": "event_onsager", "path": "path_onsager", "slope": "path_slope"}
_CONDUCTIVITY = {"path": "path_conductivity", "slope": "slope_conductivity"}
#: Points of a fitted curve.
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


@dataclass(frozen=True)
class Arrhenius:
    """Activation energies of a transport coefficient and of everything its events did.

    Attributes
    ----------
    data : xarray.Dataset
        Everything, by ``row`` (one quantity of one species and event), ``temperature`` (K) and,
        for the fitted curves, ``curve_temperature`` (K): what `save` writes.
    """

    data: xr.Dataset

    def table(self, unit: str = "eV") -> pd.DataFrame:
        """Energies with intervals, one line per quantity, species and event.

        Parameters
        ----------
        unit : {"eV", "kJ/mol"}
            Of the energies.

        Returns
        -------
        pandas.DataFrame
            Columns ``quantity`` (``onsager`` is L T, ``conductivity`` is sigma T), ``species``,
            ``event`` (``total`` for the whole), ``energy`` with ``low`` and ``high``,
            ``log_prefactor`` (ln of A over ``unit``), ``sign``, ``reduced_chi2`` (NaN for two
            temperatures) and ``reason``, which says why a fit was refused.

        Raises
        ------
        InputError
            For another unit.
        """
        if unit not in _UNITS:
            raise InputError(f"unit must be one of {', '.join(_UNITS)}, got {unit!r}")
        return self._rows(
            {"energy": "energy", "low": "energy_low", "high": "energy_high"},
            ["log_prefactor", "unit", "sign", "reduced_chi2", "reason"],
            _UNITS[unit],
            unit,
        )

    def _rows(
        self, scaled: dict[str, str], more: list[str], scale: float, unit: str
    ) -> pd.DataFrame:
        import pandas as pd

        data = self.data
        table = pd.DataFrame({k: data[k].values for k in ("quantity", "species", "event")})
        for column, name in scaled.items():
            table[column] = data[name].values * scale
        for name in more:
            table[name] = data[name].values
        table.attrs = dict(data.attrs) | {"energy_unit": unit}
        return table

    def budget(self, species: str | None = None) -> pd.DataFrame:
        """Apparent energy at each temperature: the sum over the events beside the direct one.

        Parameters
        ----------
        species : str, optional
            Default: the species whose events were fitted.

        Returns
        -------
        pandas.DataFrame
            Index temperature (K); in eV ``parts``, the sum of (L_e / L) E_e, ``direct``, the local
            -d ln(L T) / d(1 / kB T) of the parabola through the data (of the straight line for two
            temperatures), and ``difference``, each with ``_low`` and ``_high``.

        Raises
        ------
        InputError
            If the events of that species were not fitted, or its whole was refused.
        """
        return self._balance(species, "budget", "temperature", ("parts", "direct", "difference"))

    def closure(self, species: str | None = None) -> pd.DataFrame:
        """Energy and curvature over all temperatures: from the events and from the whole itself.

        Parameters
        ----------
        species : str, optional
            As in `budget`.

        Returns
        -------
        pandas.DataFrame
            Index ``energy`` (eV, the straight line) and ``curvature`` (eV^2, d2 ln(L T) /
            d(1 / kB T)2: how far the energies of the events differ; NaN for two temperatures);
            columns as in `budget`. The budget closes where the interval of ``difference`` holds 0.

        Raises
        ------
        InputError
            If the events of that species were not fitted, or its whole was refused.
        """
        return self._balance(species, "closure", "total", ("parts", "direct", "difference"))

    def _balance(
        self, species: str | None, kind: str, dim: str, names: tuple[str, ...]
    ) -> pd.DataFrame:
        import pandas as pd

        fitted = str(self.data.attrs["species"])
        if species not in (None, fitted):
            raise InputError(
                f"species={species!r}: the events of {fitted!r} were fitted; call arrhenius with "
                f"species={species!r}"
            )
        if f"{kind}_{names[0]}" not in self.data:
            rows = self.table()
            rows = rows[(rows["species"] == fitted) & (rows["event"] == "total")]
            reason = rows.loc[rows["quantity"] == "onsager", "reason"].iloc[0]
            raise InputError(
                f"there is no budget: L T of {fitted} has no logarithm, {reason}; read the "
                "energies of its events in table()"
            )
        columns = {
            f"{name}{end}": self.data[f"{kind}_{name}{end}"].values
            for name in names
            for end in ("", "_low", "_high")
        }
        index = pd.Index(self.data[dim].values, name=dim)
        table = pd.DataFrame(columns, index=index)
        table.attrs = dict(self.data.attrs)
        return table

    def vtf(self) -> pd.DataFrame:
        """Fits of X = s A exp(-B / (T - T0)) beside the Arrhenius ones.

        Returns
        -------
        pandas.DataFrame
            Columns ``quantity``, ``species``, ``event``, ``b`` and ``t0`` (K) with ``_low`` and
            ``_high``, ``log_prefactor``, ``reduced_chi2`` beside ``reduced_chi2_arrhenius``,
            ``aicc`` beside ``aicc_arrhenius`` (the lower the better; infinite where the points are
            too few), and ``reason``, which says why a fit was refused or T0 is not determined.

        Raises
        ------
        InputError
            If the model was not asked for.
        """
        if "vtf_b" not in self.data:
            raise InputError("VTF was not fitted: call arrhenius with model='vtf'")
        table = self._rows({}, [], 1.0, "eV")
        ends = [f"{name}{end}" for name in ("b", "t0") for end in ("", "_low", "_high")]
        for name in [*ends, "log_prefactor", "reduced_chi2", "aicc", "reason"]:
            table[name] = self.data[f"vtf_{name}"].values
        table["reduced_chi2_arrhenius"] = self.data["reduced_chi2"].values
        table["aicc_arrhenius"] = self.data["aicc"].values
        return table[self.data["vtf_asked"].values].reset_index(drop=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Arrhenius figure of the events; see `plotting.arrhenius`."""
        return later("mda_ionmech.plotting").arrhenius(self, ax=ax)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `data` as a NetCDF4 file, atomically; plain xarray opens it.

        Raises
        ------
        InputError
            If the folder cannot be written to.
        """
        return write_atomically(path, lambda name: self.data.to_netcdf(name, engine="netcdf4"))

    def _repr_html_(self) -> str:
        numbers = "{:.3g}".format
        head = f"<b>{self.data.attrs['species']}</b>, {self.data.attrs['view_description']}"
        parts = [self.table().drop(columns="log_prefactor")]
        if "budget_parts" in self.data:
            parts += [self.budget(), self.closure()]
        if "vtf_b" in self.data:
            parts.append(self.vtf())
        tables = "".join(part.to_html(float_format=numbers) for part in parts)
        return f"<p>{head}; energies in eV</p>{tables}"

    def __repr__(self) -> str:
        temperatures = ", ".join(f"{t:g}" for t in self.data["temperature"].values)
        return (
            f"<Arrhenius: {self.data.attrs['species']} at {temperatures} K, "
            f"{self.data.attrs['view_description']}; use .table() and .budget()>"
        )


def arrhenius(
    results: Sequence[Results | str | os.PathLike[str]],
    *,
    window: float | None = None,
    resolution: float | None = None,
    horizon: float | None = None,
    species: str | None = None,
    view: str = "auto",
    model: str = "arrhenius",
) -> Arrhenius:
    """Activation energies of the total, of each event's contribution, frequency, effectiveness.

    Fitted are L T of every species, sigma T and the self-diffusion coefficients, and of one species
    L_e T, f_e and eta_e of each event: X(T) = s A exp(-E / kB T) with a free sign s, by weighted
    least squares of ln|X|. Intervals come from fitting every resample anew.

    Parameters
    ----------
    results : sequence of Results or path-like
        One per temperature, in any order; two at least, three for a curvature.
    window : float, optional
        Window of the window view, ps. Default: the longest with ten blocks or more that all results
        hold.
    resolution, horizon : float, optional
        Of the path and slope views, ps. Default: the shortest resolution and the longest horizon
        that `Results.recommend` says at any temperature.
    species : str, optional
        Whose events are fitted. Default: the first species with an event rule.
    view : {"auto", "window", "path", "slope"}
        ``auto``: the window view if `window` is given, or where there is no slope view to quote at
        every temperature; else the slope view.
    model : {"arrhenius", "vtf"}
        ``vtf`` fits exp(-B / (T - T0)) beside it; at least four temperatures.

    Returns
    -------
    Arrhenius

    Raises
    ------
    InputError
        For fewer than two results, repeated temperatures, or results that differ in species,
        events, frame of reference, directions, windows, resolutions or horizons; for VTF below
        four temperatures.

    Warns
    -----
    UserWarning
        For two temperatures, which give neither a curvature nor a goodness of fit, and where the
        rules or filters of the results differ.

    Notes
    -----
    A fit is refused where X is zero or changes sign between temperatures or resamples. f_e and
    eta_e are weighted like L_e T, so that E_e = E_f + E_eta holds exactly where N / V is the same
    at all temperatures; where it is not, the rows ``carrier_density`` hold the difference.
    Resamples of different temperatures are paired at random: their runs are independent. In the
    path and slope views f_e is that of windows as long as the resolution, where these were scanned,
    and resampled by itself; there is no self-diffusion coefficient in the slope view.

    Cost: computing the resamples of each result, plus one least-squares solution per row; VTF
    searches T0 for every resample, about 0.3 s per row.
    """
    if view not in VIEWS:
        raise InputError(f"view must be one of {VIEWS}, got {view!r}")
    if model not in MODELS:
        raise InputError(f"model must be one of {MODELS}, got {model!r}")
    if isinstance(results, (str, os.PathLike, Results)):
        raise InputError(
            "results must be a list, one result per temperature; got a single one, which has no "
            "activation energy"
        )
    opened = [load(r) if isinstance(r, (str, os.PathLike)) else r for r in results]
    opened.sort(key=_temperature)
    if model == "vtf" and len(opened) < 4:
        raise InputError(
            f"model='vtf' has three parameters and needs four temperatures, got {len(opened)}"
        )
    _check_temperatures(opened)
    _check_alike(opened)
    name = opened[0]._species(species)
    if any(r._species(species) != name for r in opened):
        raise InputError(
            f"species must be given: by default {name!r} would be taken at "
            f"{_temperature(opened[0]):g} K, but not at every temperature"
        )
    if view == "auto":
        view = _sound_view(opened, name, window, resolution, horizon)
    if view in _CONDUCTIVITY and (resolution is None or horizon is None):
        resolution, horizon = _recommended(opened, view, name, resolution, horizon)
    place = _place(opened, view, window, resolution, horizon)
    series = _Series(opened, view, place, name)
    return Arrhenius(_fitted(series, model))


def _temperature(results: Results) -> float:
    return float(results.settings["temperature_K"])


def _check_temperatures(results: Sequence[Results]) -> None:
    if len(results) < 2:
        raise InputError(
            f"results holds {len(results)} of them: an activation energy needs two temperatures at "
            "least, and three to see whether the line is straight"
        )
    temperatures = [_temperature(r) for r in results]
    for low, high in pairwise(temperatures):
        if high - low < 1e-6 * high:
            raise InputError(
                f"two results are at {low:g} K: give one per temperature, and put replicas of one "
                "temperature together with mda_ionmech.combine first"
            )
    if len(results) == 2:
        warnings.warn(
            "two temperatures: a straight line goes through any two points, so there is neither "
            "a goodness of fit nor a curvature; add a third temperature",
            stacklevel=3,
        )


def _check_alike(results: Sequence[Results]) -> None:
    """Same species, events, frame of reference and directions at every temperature."""

    def described(r: Results) -> dict[str, Any]:
        data, settings = r.decomposition, r.settings
        return {
            "species": [str(s) for s in data["species"].values],
            "charges": [s["charge"] for s in settings["species"]],
            "events": sorted(str(e) for e in data["event"].values),
            "frame of reference": settings["frame"],
            "axes": settings["axes"],
            "projection": settings.get("projection"),
            "interval level": float(data["onsager_low"].attrs["level"]),
        }

    first = described(results[0])
    for other in results[1:]:
        for name, value in described(other).items():
            if value != first[name]:
                raise InputError(
                    f"{name} differ between temperatures: {first[name]} at "
                    f"{_temperature(results[0]):g} K, {value} at {_temperature(other):g} K; "
                    "analyse every temperature with the same choices"
                )
    rules = [
        [
            [(s.get("events") or {}), (s.get("microstates") or {}).get("persistence_ps")]
            for s in r.settings["species"]
        ]
        for r in results
    ]
    if any(rule != rules[0] for rule in rules[1:]):
        warnings.warn(
            "event rules or persistence differ between temperatures: labels of one name may mean "
            "different things",
            stacklevel=3,
        )


def _sound_view(
    results: Sequence[Results],
    species: str,
    window: float | None,
    resolution: float | None,
    horizon: float | None,
) -> str:
    """The slope view where it can be read at every temperature, else the window view."""
    if resolution is not None or horizon is not None:
        return "slope"
    if window is not None or any("path_slope" not in r.decomposition for r in results):
        return "window"
    for r in results:
        advice = r.recommend(species=species)
        if advice.resolution is None or advice.horizon is None:
            warnings.warn(
                f"the window view is read, because of the slope view at {_temperature(r):g} K: "
                f"{advice}",
                stacklevel=3,
            )
            return "window"
    return "slope"


def _recommended(
    results: Sequence[Results],
    view: str,
    species: str,
    resolution: float | None,
    horizon: float | None,
) -> tuple[float, float]:
    """The shortest resolution and the longest horizon recommended at any temperature."""
    _check_view(results, view)
    advice = [r.recommend(species=species) for r in results]
    if resolution is None:
        lengths = [a.resolution for a in advice if a.resolution is not None]
        if len(lengths) < len(results):
            missing = next(a for a in advice if a.resolution is None)
            raise InputError(f"the {view} view needs resolution=... in ps; {missing}")
        resolution = min(lengths)
    if horizon is None:
        lengths = [a.horizon for a in advice if a.horizon is not None]
        if len(lengths) < len(results):
            missing = next(a for a in advice if a.horizon is None)
            raise InputError(f"the {view} view needs horizon=... in ps; {missing}")
        horizon = max(lengths)
    return resolution, horizon


def _check_view(results: Sequence[Results], view: str) -> None:
    for r in results:
        if _BY_EVENT[view] not in r.decomposition:
            raise InputError(
                f"the result at {_temperature(r):g} K has no {view} view; run it again with "
                "resolutions='log' and horizons='log'"
            )


def _place(
    results: Sequence[Results],
    view: str,
    window: float | None,
    resolution: float | None,
    horizon: float | None,
) -> dict[str, float]:
    """Window, or resolution and horizon, that all results hold."""
    if view == "window":
        if resolution is not None or horizon is not None:
            raise InputError(
                "the window view has one length: give window=..., or view='slope' with "
                "resolution=... and horizon=..."
            )
        if window is None:
            sound = [
                {float(w) for w, b in zip(d["window"].values, d["blocks"].values, strict=True)
                 if b >= 10}
                for d in (r.decomposition for r in results)
            ]  # fmt: skip
            common = [w for w in sorted(sound[0]) if all(_near(w, s) for s in sound[1:])]
            if not common:
                raise InputError(
                    "no window has ten blocks at every temperature; give window=..., or analyse "
                    "all of them with the same windows=[...]"
                )
            window = common[-1]
        return {"window": _common(results, "window", window)}
    if window is not None:
        raise InputError(
            f"window={window:g} belongs to view='window'; the {view} view takes resolution=... "
            "and horizon=..."
        )
    assert resolution is not None
    assert horizon is not None
    _check_view(results, view)
    return {
        "resolution": _common(results, "resolution", resolution),
        "horizon": _common(results, "horizon", horizon),
    }


def _near(value: float, values: Any) -> bool:
    return bool(np.any(np.isclose(np.array(sorted(values)), value, rtol=1e-6, atol=0)))


def _common(results: Sequence[Results], dim: str, wanted: float) -> float:
    """The length nearest to the wanted one, if every result holds the same."""
    found = []
    for r in results:
        values = r.decomposition[dim].values
        slack = 0.5 * float(r.settings["dt_ps"])
        if not values[0] - slack <= wanted <= values[-1] + slack:
            raise InputError(
                f"{dim}={wanted:g} ps is outside the scan at {_temperature(r):g} K, "
                f"{values[0]:g} to {values[-1]:g} ps"
            )
        found.append(float(values[np.argmin(np.abs(values - wanted))]))
    if not _near(found[0], found) or np.ptp(found) > 1e-6 * found[0]:
        each = ", ".join(
            f"{f:g} at {_temperature(r):g} K" for f, r in zip(found, results, strict=True)
        )
        shared = [
            f"{v:g}"
            for v in results[0].decomposition[dim].values
            if all(_near(v, r.decomposition[dim].values) for r in results)
        ]
        raise InputError(
            f"{dim}={wanted:g} ps: the nearest scanned ones are {each} (ps); common to all are "
            f"{', '.join(shared) or 'none'}; analyse every temperature with {dim}s=[{wanted:g}]"
        )
    return found[0]


class _Series:
    """Values and resamples of one variable at all temperatures."""

    def __init__(
        self, results: Sequence[Results], view: str, place: dict[str, float], species: str
    ) -> None:
        self.results, self.view, self.place, self.species = results, view, place, species
        self.temperature = np.array([_temperature(r) for r in results])
        self.level = float(results[0].decomposition["onsager_low"].attrs["level"])
        self.names = [str(s) for s in results[0].decomposition["species"].values]
        self.events = [str(e) for e in results[0].decomposition["event"].values]
        self._held: dict[tuple[str, int], np.ndarray] = {}
        # runs share their seed, so resample k of each draws the same blocks: a spurious correlation
        self.order = [
            np.random.default_rng(k).permutation(len(self._samples("onsager", k)))
            for k in range(len(results))
        ]
        value, samples = self.onsager(species)
        for t, known, drawn in zip(self.temperature, value, samples.T, strict=True):
            if not np.isfinite(known):
                raise InputError(
                    f"{self.words()} is not in the result at {t:g} K: a horizon must be a whole "
                    "multiple of the resolution"
                )
            if not np.isfinite(drawn).all():
                raise InputError(
                    f"the result at {t:g} K has no intervals at {self.words()}: fewer than two "
                    "blocks; run it longer, or read a shorter one"
                )

    def _samples(self, name: str, k: int) -> np.ndarray:
        if (name, k) not in self._held:
            self._held[name, k] = np.asarray(self.results[k].samples(name))
        return self._held[name, k]

    def take(self, name: str, **where: Any) -> tuple[np.ndarray, np.ndarray]:
        """A variable at the place and labels given, other dimensions summed over.

        Returns
        -------
        value, samples : numpy.ndarray
            Shape (temperatures,) and (samples, temperatures).
        """
        values, resampled = [], []
        for k, one in enumerate(self.results):
            variable = one.decomposition[name]
            samples = self._samples(name, k)[self.order[k]]
            sample_values = variable.values
            for axis in reversed(range(variable.ndim)):
                dim = str(variable.dims[axis])
                if dim not in where:
                    sample_values = sample_values.sum(axis=axis)
                    samples = samples.sum(axis=axis + 1)
                    continue
                labels = variable[dim].values
                if isinstance(where[dim], str):
                    at = [str(x) for x in labels].index(where[dim])
                else:
                    at = int(np.argmin(np.abs(labels - where[dim])))
                sample_values = sample_values.take(at, axis=axis)
                samples = samples.take(at, axis=axis + 1)
            values.append(float(sample_values))
            resampled.append(samples)
        return np.array(values), np.stack(resampled, axis=1)

    def words(self) -> str:
        """The place, e.g. "window 2 ps"."""
        return " and ".join(f"{k} {v:g} ps" for k, v in self.place.items())

    def _window(self, length: float) -> float | None:
        """The scanned window of this length at every temperature, if there is one."""
        held = all(_near(length, r.decomposition["window"].values) for r in self.results)
        return length if held else None

    def onsager(self, species: str, event: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """L_AA, or the part of an event, in 1/(J m s)."""
        where: dict[str, Any] = {"species": species, "species_2": species, **self.place}
        if event is not None:
            return self.take(_BY_EVENT[self.view], **where, event=event)
        if self.view == "window":
            return self.take("onsager", **where)
        return self.take(_BY_EVENT[self.view], **where)

    def conductivity(self) -> tuple[np.ndarray, np.ndarray]:
        return self.take(_CONDUCTIVITY.get(self.view, "conductivity"), **self.place)

    def self_diffusivity(self, species: str) -> tuple[np.ndarray, np.ndarray] | None:
        """In cm^2/s; None where the view has no self part."""
        if self.view == "slope":
            return None
        window = self._window(self.place["window" if self.view == "window" else "horizon"])
        if window is None:
            return None
        return self.take("diffusivity_self", species=species, window=window)

    def frequency(self, event: str) -> tuple[np.ndarray, np.ndarray] | None:
        """In 1/ns, in windows of one resolution; None if not scanned, or without that label."""
        window = self._window(self.place["window" if self.view == "window" else "resolution"])
        if window is None:
            return None
        found = self.take("event_frequency", species=self.species, event=event, window=window)
        return found if np.isfinite(found[0]).any() else None

    def density(self) -> np.ndarray:
        """N / V at every temperature in 1/A^3."""
        number = [
            next(s["n_carriers"] for s in r.settings["species"] if s["name"] == self.species)
            for r in self.results
        ]
        return np.array(number) / [r.settings["volume_angstrom3"] for r in self.results]

    def dimensions(self) -> int:
        return len(self.results[0].settings["axes"])

    def occurring(self) -> list[str]:
        """Events of the species that carried more than round-off at any temperature."""
        whole = np.abs(self.onsager(self.species)[0])
        return [
            e
            for e in self.events
            if np.any(np.abs(self.onsager(self.species, e)[0]) > MAX_RESIDUAL * whole)
        ]


def _fitted(series: _Series, model: str) -> xr.Dataset:
    """Every row, its fits, and the budget."""
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
        # a label that a resample lacks has a frequency of round-off there
        scale * p / np.where(f > 1e-9 * frequency[0], density * f, np.nan)
        for p, f in zip(part, frequency, strict=True)
    )
    return value, samples


def _ends(samples: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles over the first axis; NaN where no sample is known."""
    columns = samples.reshape(len(samples), -1)
    ends = np.full((2, columns.shape[1]), np.nan)
    known = np.isfinite(columns).any(axis=0)
    if known.any():
        tail = (1 - level) / 2
        ends[:, known] = np.nanquantile(columns[:, known], [tail, 1 - tail], axis=0)
    low, high = ends.reshape(2, *samples.shape[1:])
    return low, high


def _dataset(
    series: _Series,
    rows: Sequence[_Row],
    fits: Sequence[ArrheniusFit],
    balance: Budget | None,
    total: ArrheniusFit,
    model: str,
) -> xr.Dataset:
    """What `Arrhenius` holds and saves."""
    import xarray as xr

    t, level = series.temperature, series.level
    # evenly in 1 / T, and a little beyond the data
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
            ("direct", direct, direct_samples, "from the whole itself"),
            ("difference", parts - direct, parts_samples - direct_samples, "events minus whole"),
        ):
            low, high = _ends(samples, level)
            text = f"apparent activation energy, {text}"
            add(f"{kind}_{name}", dim, value, units, text)
            add(f"{kind}_{name}_low", dim, low, units, f"low end of the interval of: {text}")
            add(f"{kind}_{name}_high", dim, high, units, f"high end of the interval of: {text}")


def _add_vtf(add: Any, with_ends: Any, series: _Series, rows: Sequence[_Row]) -> None:
    """VTF of coefficients, conductivity and self-diffusion; other rows are left empty."""
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
