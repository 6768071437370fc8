"""Activation energies of transport and of every event, from results at several temperatures.

L_e T = s A exp(-E_e / kB T) at the same window, or resolution and horizon, of every result; the
fits are those of `arrhenius_fits`. The energy of the total is the mean of those of the events,
weighted by their shares: E(T) = sum over e of (L_e / L) E_e.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ..lib.checks import is_one_of, positive, shown
from ..lib.errors import InputError
from ..lib.later import later
from .arrhenius_dataset import fitted_dataset
from .arrhenius_fits import (
    KJ_PER_MOL,
)
from .arrhenius_inputs import (
    TemperatureSeries,
    check_alike,
    check_different,
    check_temperatures,
    warn_of_energies,
    warn_of_gaps,
    warn_of_refusals,
)
from .arrhenius_laws import warn_of_bends
from .arrhenius_segments import FEWEST_FOR_SEGMENTS
from .arrhenius_views import (
    check_lengths,
    check_view,
    diffusive_resolution,
    place_of,
    recommended_lengths,
    sound_view,
    temperature_of,
)
from .ends import ENDS
from .load_file import load
from .results import Results
from .write_file import save_netcdf

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

VIEWS = ("auto", "window", "path", "slope", "diffusive")
MODELS = ("auto", "arrhenius", "vtf", "segments", "all")
#: Temperatures that the fit of a law needs.
_FEWEST = {"vtf": 4, "segments": FEWEST_FOR_SEGMENTS, "all": FEWEST_FOR_SEGMENTS}
_UNITS = {"eV": 1.0, "kJ/mol": KJ_PER_MOL}


@dataclass(frozen=True)
class Arrhenius:
    """Activation energies of a transport coefficient and of its contributions by event.

    Attributes
    ----------
    data : xarray.Dataset
        All values and fits, by ``row`` (one quantity of one species and event), ``temperature`` (K)
        and, for the fitted curves, ``curve_temperature`` (K), as written by `save`.
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
            temperatures) and ``reason`` why a fit was refused.

        Raises
        ------
        InputError
            For another unit.
        """
        if unit not in _UNITS:
            raise InputError(f"unit must be one of {', '.join(_UNITS)}, got {shown(unit)}")
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
        """Apparent energy at each temperature: the sum over the events and the direct one.

        Parameters
        ----------
        species : str, optional
            Default: the species whose events were fitted.

        Returns
        -------
        pandas.DataFrame
            Index temperature (K); in eV ``parts``, the sum of (L_e / L) E_e, ``direct``, the local
            -d ln(L T) / d(1 / kB T) of the data (see `mda_ionmech.results.budget`), and
            ``difference``, each with ``_low`` and ``_high``; ``untested``, the sum of the
            magnitudes of L_e / L of the events without an energy, which enter ``parts`` by
            ``direct`` and the slope of their share; ``holds``, False where ``difference`` is above
            three half widths of the middle 68 % of its samples and ``untested`` times ``direct``.
            Two temperatures have no local
            slope: ``direct`` is that of their straight line, ``difference`` NaN, and `closure` the
            comparison.

        Raises
        ------
        InputError
            If the events of that species were not fitted, or the fit of its total was refused.
        """
        table = self._balance(species, "budget", "temperature", ("parts", "direct", "difference"))
        for name in ("untested", "holds"):
            table[name] = self.data[f"budget_{name}"].values
        return table

    def closure(self, species: str | None = None) -> pd.DataFrame:
        """Energy and curvature over all temperatures: from the events and from the total.

        Parameters
        ----------
        species : str, optional
            As in `budget`.

        Returns
        -------
        pandas.DataFrame
            Index ``energy`` (eV, the straight line) and ``curvature`` (eV^2, d2 ln(L T) /
            d(1 / kB T)2, due to differences between the energies of the events; NaN for two
            temperatures); columns as in `budget`. The budget is consistent where the interval of
            ``difference`` includes 0.

        Raises
        ------
        InputError
            If the events of that species were not fitted, or the fit of its total was refused.
        """
        return self._balance(species, "closure", "total", ("parts", "direct", "difference"))

    def _balance(
        self, species: str | None, kind: str, dim: str, names: tuple[str, ...]
    ) -> pd.DataFrame:
        import pandas as pd

        fitted = str(self.data.attrs["species"])
        if not is_one_of(species, (None, fitted)):
            raise InputError(
                f"species={shown(species)}: the events of {fitted!r} were fitted; call arrhenius "
                f"with species={shown(species)}"
            )
        if f"{kind}_{names[0]}" not in self.data:
            rows = self.table()
            rows = rows[(rows["species"] == fitted) & (rows["event"] == "total")]
            reason = rows.loc[rows["quantity"] == "onsager", "reason"].iloc[0]
            raise InputError(
                f"there is no budget: L T of {fitted} has no logarithm, {reason}; run these "
                "temperatures longer, or leave them out; energies of its events are in table()"
            )
        columns = {
            f"{name}{end}": self.data[f"{kind}_{name}{end}"].values
            for name in names
            for end in ENDS
        }
        index = pd.Index(self.data[dim].values, name=dim)
        table = pd.DataFrame(columns, index=index)
        table.attrs = dict(self.data.attrs)
        return table

    def laws(self) -> pd.DataFrame:
        """Which law the data support: Arrhenius, VTF, or two segments.

        Returns
        -------
        pandas.DataFrame
            Columns ``quantity``, ``species``, ``event``; ``law``: "arrhenius", "vtf" or "segments"
            with a probability of 0.9 or more, "bent" where the straight line is excluded but not
            one of the others, "undecided", "none" where no law describes the data, "too_few" below
            five temperatures, empty where there is no logarithm; ``arrhenius``, ``vtf`` and
            ``segments``, the probabilities; ``straight``, that of deviations from a straight line
            as large or larger, NaN for two temperatures; ``statement``, the same in words.
        """
        table = self._rows({}, ["law"], 1.0, "eV")
        for k, name in enumerate(self.data["candidate"].values):
            table[str(name)] = self.data["law_probability"].values[:, k]
        table["straight"] = self.data["law_straight"].values
        table["statement"] = self.data["law_statement"].values
        return table[self.data["law_asked"].values].reset_index(drop=True)

    def vtf(self) -> pd.DataFrame:
        """Fits of X = s A exp(-B / (T - T0)), compared with the Arrhenius ones.

        Returns
        -------
        pandas.DataFrame
            Columns ``quantity``, ``species``, ``event``, ``b`` and ``t0`` (K) with ``_low`` and
            ``_high``, ``log_prefactor``, ``reduced_chi2`` and ``reduced_chi2_arrhenius``, ``aicc``
            and ``aicc_arrhenius`` (the lower the better; infinite for too few points), and
            ``reason`` why a fit was refused or T0 is not determined.

        Raises
        ------
        InputError
            If the model was not fitted.
        """
        return self._bent("vtf", ("b", "t0"), ("log_prefactor",), "VTF was")

    def segments(self) -> pd.DataFrame:
        """Fits of two straight segments that meet, compared with the Arrhenius ones.

        Returns
        -------
        pandas.DataFrame
            Columns ``quantity``, ``species``, ``event``, ``energy_cold`` and ``energy_hot`` (eV,
            below and above the break) and ``t_break`` (K) with ``_low`` and ``_high``, and the last
            five of `vtf`; ``reason`` why a fit was refused or what is not determined.

        Raises
        ------
        InputError
            If the model was not fitted.
        """
        names = ("energy_cold", "energy_hot", "t_break")
        return self._bent("segments", names, (), "two segments were")

    def _bent(
        self, law: str, names: tuple[str, ...], more: tuple[str, ...], what: str
    ) -> pd.DataFrame:
        if f"{law}_asked" not in self.data:
            raise InputError(f"{what} not fitted: call arrhenius with model={law!r}")
        table = self._rows({}, [], 1.0, "eV")
        ends = [f"{name}{end}" for name in names for end in ENDS]
        for name in [*ends, *more, "reduced_chi2", "aicc", "reason"]:
            table[name] = self.data[f"{law}_{name}"].values
        table["reduced_chi2_arrhenius"] = self.data["reduced_chi2"].values
        table["aicc_arrhenius"] = self.data["aicc"].values
        return table[self.data[f"{law}_asked"].values].reset_index(drop=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Arrhenius figure of the events; see `plotting.arrhenius`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        return later("mda_ionmech.plotting").arrhenius(self, ax=ax)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `data` as a NetCDF4 file, atomically; plain xarray opens it.

        Parameters
        ----------
        path : path-like
            Conventionally ``*.nc``; a file that is there is replaced.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        InputError
            If `path` cannot be written to or the disk is full; a file that was there stays as it
            was.
        """

        return save_netcdf(
            path,
            lambda name: self.data.to_netcdf(name, engine="netcdf4"),
            remedy="The fits are still in memory: save elsewhere",
        )

    def _repr_html_(self) -> str:
        numbers = "{:.3g}".format
        species, view = (escape(self.data.attrs[k]) for k in ("species", "view_description"))
        head = f"<b>{species}</b>, {view}"
        parts = [self.table().drop(columns="log_prefactor")]
        if "budget_parts" in self.data:
            parts += [self.budget(), self.closure()]
        parts.append(self.laws())
        if "vtf_asked" in self.data:
            parts.append(self.vtf())
        if "segments_asked" in self.data:
            parts.append(self.segments())
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
    model: str = "auto",
) -> Arrhenius:
    """Activation energies of the total, of each event's contribution, frequency, effectiveness.

    Fitted are L T of every species, sigma T and the self-diffusion coefficients, and of one species
    L_e T, f_e and eta_e of each event: X(T) = s A exp(-E / kB T) with a free sign s, by weighted
    least squares of ln|X|. Intervals are from fits to all bootstrap samples.

    Parameters
    ----------
    results : sequence of Results or path-like
        One per temperature, in any order; at least two, three for a curvature.
    window : float, optional
        Window of the window view, ps. Default: the longest one of all results with ten blocks or
        more.
    resolution, horizon : float, optional
        Of the other views, ps. Default: the shortest resolution and the longest horizon that
        `Results.recommend` gives at any temperature. The diffusive view has no horizon.
    species : str, optional
        Species whose events are fitted. Default: the first with an event rule.
    view : {"auto", "window", "path", "slope", "diffusive"}
        ``auto``: the window view if `window` is given, the slope view if `horizon` is; else the
        diffusive view where every result has one, the slope view where it is recommended at every
        temperature, or the window view.
    model : {"auto", "arrhenius", "vtf", "segments", "all"}
        Laws fitted with intervals beside the straight line: ``vtf``, exp(-B / (T - T0)), from four
        temperatures; ``segments``, two straight lines that meet, from five; ``all``, both;
        ``auto``, those that `Arrhenius.laws` finds supported, or possible where the line is bent.

    Returns
    -------
    Arrhenius

    Raises
    ------
    InputError
        For fewer than two results, repeated temperatures, results of one trajectory, or results
        that differ in species, events, frame of reference, directions, windows, resolutions or
        horizons; for VTF below four temperatures, for two segments below five.

    Warns
    -----
    UserWarning
        For two temperatures, which give neither a curvature nor a goodness of fit, where the rules
        or filters of the results differ, or number densities by more than 30 %, for activation
        energies that no transport has, where the data exclude a straight line, so that the energy
        is a mean over the range, where the budget does not hold, where the total has no energy, and
        where ``view="auto"`` takes another view than the diffusive one because a result has none.

    Notes
    -----
    A fit is refused where X is zero, differs in sign between temperatures, or has not a known sign:
    where more than 16 % of the samples at a temperature have the other one, or all temperatures
    together leave it below 97.5 %. Samples of the other sign in the rest have the tangent of the
    logarithm at a quarter of X in place of a logarithm; none is left out.

    f_e and eta_e have the weights of L_e T, so that E_e = E_f + E_eta holds exactly where N / V is
    the same at all temperatures; otherwise the rows ``carrier_density`` give the difference.
    Samples of different temperatures are paired at random, as runs are independent. In the path,
    slope and diffusive views f_e is that of windows as long as the resolution, if these are in the
    scan, with samples of its own; there is no self-diffusion coefficient in the slope view.

    Cost: computing the resamples of each result, plus one least-squares solution per row; VTF
    searches T0 for every resample, about 0.3 s per row. The laws are compared in every call.
    """
    if not is_one_of(view, VIEWS):
        raise InputError(f"view must be one of {VIEWS}, got {shown(view)}")
    if not is_one_of(model, MODELS):
        raise InputError(f"model must be one of {MODELS}, got {shown(model)}")
    single = isinstance(results, (str, os.PathLike, Results))
    if single or not isinstance(results, Iterable):
        raise InputError(
            "results must be a list, one result per temperature; got a single one, which has no "
            "activation energy"
        )
    window, resolution, horizon = (
        None if ps is None else positive(argument, ps, "ps", "leave it out for the recommended one")
        for argument, ps in (("window", window), ("resolution", resolution), ("horizon", horizon))
    )
    opened = [r if isinstance(r, Results) else load(r) for r in results]
    opened.sort(key=temperature_of)
    if len(opened) < _FEWEST.get(model, 0):
        fewest = ("four", "five")[_FEWEST[model] - 4]
        parameters = {"vtf": "three", "segments": "four", "all": "up to four"}[model]
        raise InputError(
            f"model={model!r} has {parameters} parameters and needs {fewest} temperatures, got "
            f"{len(opened)}"
        )
    check_temperatures(opened)
    check_alike(opened)
    check_different(opened)
    name = opened[0]._species(species)
    if any(r._species(species) != name for r in opened):
        raise InputError(
            f"species must be given: the default is {name!r} at "
            f"{temperature_of(opened[0]):g} K, but not at every temperature"
        )
    if view == "auto":
        view = sound_view(opened, name, window, resolution, horizon)
    check_lengths(view, window, resolution, horizon)
    check_view(opened, view)
    if view == "diffusive" and resolution is None:
        resolution = diffusive_resolution(opened, name)
    if view in ("path", "slope") and (resolution is None or horizon is None):
        resolution, horizon = recommended_lengths(opened, view, name, resolution, horizon)
    place = place_of(opened, view, window, resolution, horizon)
    series = TemperatureSeries(opened, view, place, name)
    fits = Arrhenius(fitted_dataset(series, model))
    warn_of_refusals(fits.table(), name)
    warn_of_energies(fits.table(), [temperature_of(r) for r in opened])
    warn_of_bends(fits.laws())
    if "budget_parts" in fits.data:
        warn_of_gaps(fits.budget())
    return fits
