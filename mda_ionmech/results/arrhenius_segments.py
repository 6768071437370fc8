"""Two straight segments of ln|X| against 1 / kB T that meet at a break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrhenius_fits import (
    BOLTZMANN,
    LawFit,
    fit_polynomial,
    inverse_energy,
    log_ratio,
    relative_error,
    why_no_logarithm,
)

#: Temperatures that a fit needs: one more than it has parameters.
FEWEST_FOR_SEGMENTS = 5


@dataclass(frozen=True)
class SegmentsFit(LawFit):
    """ln|X| of two straight segments: one energy below a temperature, another one above it.

    Attributes
    ----------
    sign : int
        Sign of X, or 0 where the fit was refused.
    energy_cold, energy_hot : float
        Energies below and above the break, eV.
    t_break : float
        Temperature at which the segments meet, K.
    log_break : float
        ln|X / unit of X| there.
    samples : numpy.ndarray
        Shape (samples, 4): ln|X| at the break, energy_cold, energy_hot, t_break of the fits to the
        resampled values.
    reduced_chi2 : float
        Squared deviations over the errors, per degree of freedom.
    reason : str
        Why the fit was refused, or what is not determined; empty otherwise.
    """

    sign: int
    energy_cold: float
    energy_hot: float
    t_break: float
    log_break: float
    samples: np.ndarray
    reduced_chi2: float
    reason: str = ""

    @staticmethod
    def _absolute(temperature: np.ndarray, *parameters: Any) -> np.ndarray:
        log, cold, hot, at = parameters
        beyond = inverse_energy(temperature) - 1 / (BOLTZMANN * at)
        return np.asarray(np.exp(log - np.where(beyond > 0, cold, hot) * beyond))

    def _best(self) -> tuple[float, ...]:
        return self.log_break, self.energy_cold, self.energy_hot, self.t_break

    def _drawn(self) -> np.ndarray:
        return self.samples.T


def fit_segments(
    temperature: np.ndarray, value: np.ndarray, samples: np.ndarray, level: float = 0.68
) -> SegmentsFit:
    """Weighted least squares of two segments that meet, for the values and every sample.

    Parameters
    ----------
    temperature : numpy.ndarray
        Shape (temperatures,), K, at least five.
    value : numpy.ndarray
        Shape (temperatures,): X in any unit.
    samples : numpy.ndarray
        Shape (samples, temperatures).
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    SegmentsFit
        Two temperatures or more lie on each side of the break. `reason` tells where the energies do
        not differ, or where the interval of the break is the whole range.

    Notes
    -----
    The least squares are exact: in each gap between temperatures the two lines meet where they
    cross, or else the best break is at one of the temperatures; D. J. Hudson, J. Am. Stat. Assoc.
    61, 1097 (1966). Cost: a few least-squares solutions for all samples together.
    """
    temperature = np.asarray(temperature, dtype=np.float64)
    reason = why_no_logarithm(temperature, value, samples)
    if len(temperature) < FEWEST_FOR_SEGMENTS:
        reason = f"needs at least {FEWEST_FOR_SEGMENTS} temperatures, got {len(temperature)}"
    if reason:
        nothing = np.full((len(samples), 4), np.nan)
        return SegmentsFit(0, np.nan, np.nan, np.nan, np.nan, nothing, np.nan, reason)
    error = relative_error(value, samples)
    known = bool(np.all(error > 0))
    log = np.log(np.abs(value))
    both = np.concatenate([log[None], log + log_ratio(samples, value)])
    found, chi2 = _broken_lines(inverse_energy(temperature), both, error)
    best, resampled = found[0], found[1:]
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    differ = np.quantile(resampled[:, 1] - resampled[:, 2], [tail, 1 - tail])
    ends = np.sort(temperature)[[1, -2]]
    if differ[0] <= 0 <= differ[1]:
        reason = "the energies of the two segments do not differ"
    elif np.allclose([low[3], high[3]], ends, rtol=1e-9):
        reason = "the break is not determined: its interval is the whole range"
    return SegmentsFit(
        sign=int(np.sign(value[0])),
        energy_cold=float(best[1]),
        energy_hot=float(best[2]),
        t_break=float(best[3]),
        log_break=float(best[0]),
        samples=resampled,
        reduced_chi2=float(chi2[0]) / (len(temperature) - 4) if known else np.nan,
        reason=reason,
    )


def _broken_lines(
    beta: np.ndarray, logs: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Parameters as in `SegmentsFit.samples`, and chi^2, of every row of logs."""
    order = np.argsort(beta)
    x, y, error = beta[order], logs[:, order], error[order]
    middle, n = x.mean(), len(x)
    x = x - middle
    weight = 1 / error if np.all(error > 0) else np.ones_like(error)
    found = np.full((len(y), 4), np.nan)
    least = np.full(len(y), np.inf)

    def keep(
        knot: np.ndarray, log: np.ndarray, hot: np.ndarray, cold: np.ndarray, allowed: np.ndarray
    ) -> None:
        beyond = x - knot[:, None]
        slope = np.where(beyond > 0, cold[:, None], hot[:, None])
        chi2 = np.sum(((y - log[:, None] - slope * beyond) * weight) ** 2, axis=1)
        better = allowed & (chi2 < least)
        least[better] = chi2[better]
        kelvin = 1 / (BOLTZMANN * (knot + middle))
        found[better] = np.stack([log, -cold, -hot, kelvin], axis=1)[better]

    for j in range(1, n - 1):  # at a temperature
        design = np.stack([np.ones(n), x - x[j], np.maximum(x - x[j], 0)], axis=1)
        c, *_ = np.linalg.lstsq(design * weight[:, None], (y * weight).T, rcond=None)
        everywhere = np.ones(len(y), dtype=bool)
        keep(np.full(len(y), x[j]), c[0], c[1], c[1] + c[2], everywhere)
    for j in range(1, n - 2):  # between two of them
        first, last = slice(0, j + 1), slice(j + 1, n)
        a, b = fit_polynomial(x[first], y[:, first], 1 / weight[first], 1).T
        c, d = fit_polynomial(x[last], y[:, last], 1 / weight[last], 1).T
        with np.errstate(divide="ignore", invalid="ignore"):
            knot = (a - c) / (d - b)
        allowed = (knot > x[j]) & (knot < x[j + 1])
        knot = np.where(allowed, knot, x[j])
        keep(knot, a + b * knot, b, d, allowed)
    return found, least
