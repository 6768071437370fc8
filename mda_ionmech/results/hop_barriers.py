"""Apparent barriers of hop channels from the rates of several temperatures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from ..lib.errors import InputError
from ..lib.unit_table import UnitTable
from .arrhenius_fits import fit_polynomial, inverse_energy
from .arrhenius_views import temperature_of
from .hop_channels import species_with_channels
from .load_file import load
from .results import Results

if TYPE_CHECKING:
    import pandas as pd

#: Fewest hops of a rate whose logarithm has a symmetric error.
FEWEST_HOPS = 10
#: Largest difference of the distance of a channel between temperatures, Angstrom.
SAME_CHANNEL = 0.2


@dataclass(frozen=True)
class Barrier:
    """Rates of one channel and direction at several temperatures, and their fit.

    Attributes
    ----------
    species, start, end : str
    distance : float
        Angstrom, at the lowest temperature that has the channel.
    temperature : numpy.ndarray
        Shape (temperatures,), K, rising.
    rate, low, high : numpy.ndarray
        Shape (temperatures,), 1/ns; NaN where the channel is not known.
    used : numpy.ndarray
        Shape (temperatures,): rates of at least `FEWEST_HOPS` hops, which are fitted.
    energy, error : float
        Apparent barrier and its standard error, eV, as `hop_barriers` returns them.
    log_prefactor : float
        Logarithm of the fitted rate (1/ns) at infinite temperature.
    reduced_chi2 : float
        Mean square deviation from the line in standard errors; NaN for two temperatures.
    """

    species: str
    start: str
    end: str
    distance: float
    temperature: np.ndarray
    rate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    used: np.ndarray
    energy: float
    error: float
    log_prefactor: float
    reduced_chi2: float

    @property
    def name(self) -> str:
        """E.g. ``24d->48g 2.04 Å``."""
        return f"{self.start}->{self.end} {self.distance:.2f} Å"

    def points(self) -> Iterator[tuple[float, float, float, float, bool]]:
        """Temperature (K), rate with both ends (1/ns), and whether it is fitted, one by one."""
        columns = (self.temperature, self.rate, self.low, self.high, self.used)
        for t, rate, low, high, used in zip(*columns, strict=True):
            yield float(t), float(rate), float(low), float(high), bool(used)

    def rate_at(self, temperature: float) -> float:
        """The fitted rate at a temperature in K, 1/ns."""
        return float(
            np.exp(self.log_prefactor - self.energy * inverse_energy(np.array(temperature)))
        )


def hop_barriers(results: Sequence[Results | str | os.PathLike[str]]) -> pd.DataFrame:
    r"""Apparent barriers of hops between sites, by channel: rate = A exp(-E / kB T).

    Weighted least squares of ln(rate) against 1 / kB T, of rates from ten hops or more. The barrier
    holds the temperature dependence of occupancies and of returns within the spacing of the frames,
    and is no barrier of a single path.

    Parameters
    ----------
    results : sequence of Results or path-like
        At two temperatures or more, in any order, with the same sites and frame spacing; of runs
        with given sites and `CrystalEvents`.

    Returns
    -------
    pandas.DataFrame
        Index (species, start, end, distance): labels of both sites, and their distance at the
        lowest temperature in Angstrom; from the most frequent channel down. Distances of one pair
        of labels that differ by up to 0.2 Angstrom between temperatures are one channel. Columns
        ``energy`` and its standard error ``error`` (eV), ``log_prefactor`` (ln of A in 1/ns),
        ``reduced_chi2`` (NaN for two temperatures) and ``temperatures``, the number of them in the
        fit. NaN for fewer than two temperatures with ten hops.

    Raises
    ------
    InputError
        For a single result, one temperature, or results without hops between sites.

    Notes
    -----
    The standard error follows from those of the rates. From three temperatures on it is multiplied
    by the root of ``reduced_chi2`` where that is above 1: the line then fits worse than these
    errors allow, because the law is not straight or they are too small. Intervals of `arrhenius`
    are from bootstrap samples and are not widened.

    References
    ----------
    Particle Data Group, Phys. Rev. D 110, 030001 (2024), section 5.2.2, for the scale factor.
    """
    import pandas as pd

    if isinstance(results, (str, os.PathLike, Results)) or not isinstance(results, Iterable):
        raise InputError(
            "results must be a list of two or more, at different temperatures; got a single one, "
            "which has no barriers"
        )
    opened = [one if isinstance(one, Results) else load(one) for one in results]
    if len({temperature_of(one) for one in opened}) < 2:
        raise InputError(
            f"results holds {len(opened)} at one temperature: barriers need at least two "
            "temperatures, and three to see whether the line is straight"
        )
    for one in opened:
        if not species_with_channels(one):
            one.hop_channels()  # says why
    rows = [
        (one.species, one.start, one.end, one.distance, one.energy, one.error, one.log_prefactor,
         one.reduced_chi2, int(one.used.sum()))
        for one in channel_barriers(opened)
    ]  # fmt: skip
    index = ["species", "start", "end", "distance"]
    columns = ["energy", "error", "log_prefactor", "reduced_chi2", "temperatures"]
    table = pd.DataFrame(rows, columns=[*index, *columns]).set_index(index)
    table.attrs = {"units": {"energy": "eV", "error": "eV", "distance": "angstrom"}}
    return UnitTable.of(table)


def channel_barriers(results: Sequence[Results]) -> list[Barrier]:
    """Rates and fits of all channels of results at different temperatures; see `hop_barriers`.

    Parameters
    ----------
    results : sequence of Results
        With different temperatures.

    Returns
    -------
    list of Barrier
        Of every species and channel that any result holds, from the most frequent one down; those
        without a fit have NaN.
    """
    ordered = sorted(results, key=temperature_of)
    temperature = np.array([temperature_of(one) for one in ordered])
    rows: dict[tuple[str, str, str], list[tuple[float, dict[int, dict[str, float]]]]] = {}
    for k, one in enumerate(ordered):
        for species in species_with_channels(one):
            table = one.hop_channels(species=species)
            reach = float(ndtri(0.5 + table.attrs["level"] / 2))
            for (start, end, distance), row in zip(
                table.index.to_list(), table.to_dict("records"), strict=True
            ):
                known = rows.setdefault((species, str(start), str(end)), [])
                nearest = min(known, key=lambda x: abs(x[0] - distance), default=None)
                if nearest is None or abs(nearest[0] - distance) > SAME_CHANNEL or k in nearest[1]:
                    nearest = (float(distance), {})
                    known.append(nearest)
                nearest[1][k] = {n: row[n] for n in ("rate", "low", "high", "count")}
                nearest[1][k]["reach"] = reach
    out = [
        _fitted(*ends, distance, temperature, found)
        for ends, listed in rows.items()
        for distance, found in listed
    ]
    return sorted(out, key=lambda one: -float(np.nanmax(one.rate)))


def _fitted(
    species: str, start: str, end: str, distance: float, temperature: np.ndarray,
    found: dict[int, dict[str, float]],
) -> Barrier:  # fmt: skip
    """The fit of one channel."""
    values = np.full((3, len(temperature)), np.nan)
    count, reach = np.zeros(len(temperature)), np.ones(len(temperature))
    for k, row in found.items():
        values[:, k] = row["rate"], row["low"], row["high"]
        count[k], reach[k] = row["count"], row["reach"]
    rate, low, high = values
    used = (count >= FEWEST_HOPS) & (low > 0) & np.isfinite(high)
    energy = error = prefactor = chi2 = float("nan")
    if len(set(temperature[used])) > 1:
        x, y = inverse_energy(temperature[used]), np.log(rate[used])
        sigma = np.log(high[used] / low[used]) / 2 / reach[used]
        prefactor, slope = map(float, fit_polynomial(x, y, sigma, 1))
        weight = 1 / sigma**2
        middle = np.sum(weight * x) / weight.sum()
        energy, error = -slope, float(np.sum(weight * (x - middle) ** 2) ** -0.5)
        if used.sum() > 2:
            gap = (y - prefactor - slope * x) / sigma
            chi2 = float(np.sum(gap**2) / (used.sum() - 2))
            error *= max(1.0, chi2**0.5)
    return Barrier(
        species, start, end, distance, temperature, rate, low, high, used, energy, error, prefactor,
        chi2,
    )  # fmt: skip
