"""Apparent barriers of hop channels from the rates of several temperatures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from .arrhenius_fits import fit_polynomial, inverse_energy
from .hop_channels import species_with_channels

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
        Apparent barrier and its standard error, eV; NaN for fewer than two temperatures.
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
        """E.g. ``24d->48g 2.04 A``."""
        return f"{self.start}->{self.end} {self.distance:.2f} A"

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


def hop_barriers(results: Sequence[Any]) -> list[Barrier]:
    """Apparent barriers of all channels of results at different temperatures.

    The barrier is that of ln(rate) against 1 / kB T, weighted by the errors of the rates. It holds
    the temperature dependence of occupancies and of returns within the spacing of the frames, and
    is no barrier of a single path.

    Parameters
    ----------
    results : sequence of Results
        With different temperatures.

    Returns
    -------
    list of Barrier
        Of every species and channel that any result holds, from the most frequent one at the lowest
        temperature down; those without a fit have NaN.
    """
    ordered = sorted(results, key=lambda one: float(one.settings["temperature_K"]))
    temperature = np.array([float(one.settings["temperature_K"]) for one in ordered])
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
                nearest[1][k] = row | {"reach": reach}
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
    return Barrier(
        species, start, end, distance, temperature, rate, low, high, used, energy, error, prefactor,
        chi2,
    )  # fmt: skip
