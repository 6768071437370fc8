"""The law of Vogel, Tammann and Fulcher, fitted to values at several temperatures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrhenius_fits import BOLTZMANN, LawFit, log_ratio, relative_error, why_no_logarithm

#: T0 is searched between 0 and this fraction of the lowest temperature.
_HIGHEST_T0 = 0.99


@dataclass(frozen=True)
class VTFFit(LawFit):
    """X(T) = s A exp(-B / (T - T0)) after Vogel, Tammann and Fulcher.

    Attributes
    ----------
    sign : int
        s, or 0 where the fit was refused.
    b, t0 : float
        B and T0, K.
    log_prefactor : float
        ln(A / unit of X).
    samples : numpy.ndarray
        Shape (samples, 3): ln A, B, T0 of the fits to the resampled values.
    reduced_chi2 : float
        NaN below four temperatures.
    reason : str
        Why the fit was refused, or why T0 is not determined; empty otherwise.
    """

    sign: int
    b: float
    t0: float
    log_prefactor: float
    samples: np.ndarray
    reduced_chi2: float
    reason: str = ""

    @staticmethod
    def _absolute(temperature: np.ndarray, *parameters: Any) -> np.ndarray:
        log_prefactor, b, t0 = parameters
        above = temperature - t0
        return np.asarray(np.exp(log_prefactor - b / np.where(above > 0, above, np.nan)))

    def _best(self) -> tuple[float, ...]:
        return self.log_prefactor, self.b, self.t0

    def _drawn(self) -> np.ndarray:
        return self.samples.T

    def energy(self, temperature: np.ndarray) -> np.ndarray:
        """Apparent activation energy -d ln X / d(1 / kB T) = kB B T^2 / (T - T0)^2.

        Parameters
        ----------
        temperature : numpy.ndarray
            Shape (temperatures,), K, above T0.

        Returns
        -------
        numpy.ndarray
            Shape (temperatures,), eV.
        """
        t = np.asarray(temperature, dtype=np.float64)
        return np.asarray(BOLTZMANN * self.b * (t / (t - self.t0)) ** 2)


def fit_vtf(
    temperature: np.ndarray, value: np.ndarray, samples: np.ndarray, level: float = 0.68
) -> VTFFit:
    """Weighted least squares of ln|X| = ln A - B / (T - T0), and the same for every resample.

    Parameters
    ----------
    temperature : numpy.ndarray
        Shape (temperatures,), K, at least four.
    value : numpy.ndarray
        Shape (temperatures,): X in any unit.
    samples : numpy.ndarray
        Shape (samples, temperatures).
    level : float
        Nominal coverage of the interval of T0.

    Returns
    -------
    VTFFit
        T0 is between 0 and the lowest temperature. It is not determined where its interval reaches
        one of these limits: T0 = 0 is the Arrhenius law.

    Notes
    -----
    H. Vogel, Phys. Z. 22, 645 (1921); G. Tammann, W. Hesse, Z. anorg. allg. Chem. 156, 245 (1926);
    G. S. Fulcher, J. Am. Ceram. Soc. 8, 339 (1925). Cost: one search for T0 per sample; ln A and B
    follow from it by a straight line.
    """
    temperature = np.asarray(temperature, dtype=np.float64)
    reason = why_no_logarithm(temperature, value, samples)
    if len(temperature) < 4:
        reason = f"needs at least 4 temperatures, got {len(temperature)}"
    nothing = np.full((len(samples), 3), np.nan)
    if reason:
        return VTFFit(0, np.nan, np.nan, np.nan, nothing, np.nan, reason)
    error = relative_error(value, samples)
    weight = 1 / error**2 if np.all(error > 0) else np.ones_like(temperature)
    highest = _HIGHEST_T0 * float(temperature.min())
    log = np.log(np.abs(value))
    best, chi2 = _project(temperature, log, weight, highest)
    resampled = np.array(
        [_project(temperature, one, weight, highest)[0] for one in log + log_ratio(samples, value)]
    )
    tail, edge = (1 - level) / 2, 1e-3 * highest
    low, high = np.mean(resampled[:, 2] <= edge), np.mean(resampled[:, 2] >= highest - edge)
    if best[2] <= edge or low > tail:
        reason = "T0 is not determined: its interval reaches 0 K, the law of Arrhenius"
    elif best[2] >= highest - edge or high > tail:
        reason = "T0 is not determined: its interval reaches the lowest temperature"
    return VTFFit(
        sign=int(np.sign(value[0])),
        b=float(best[1]),
        t0=float(best[2]),
        log_prefactor=float(best[0]),
        samples=resampled,
        reduced_chi2=chi2 / (len(temperature) - 3) if np.all(error > 0) else np.nan,
        reason=reason,
    )


def _project(
    temperature: np.ndarray, log: np.ndarray, weight: np.ndarray, highest: float
) -> tuple[np.ndarray, float]:
    """ln A, B and T0 of least chi^2, and chi^2: for a given T0 the other two are linear."""
    total = weight.sum()
    mean = weight @ log / total

    def line(t0: float) -> tuple[float, float, float]:
        x = 1 / (temperature - t0)
        middle = weight @ x / total
        b = -(weight @ ((x - middle) * (log - mean))) / (weight @ (x - middle) ** 2)
        intercept = mean + b * middle
        return float(weight @ (log - intercept + b * x) ** 2), float(intercept), float(b)

    from scipy.optimize import minimize_scalar  # a large import

    found = minimize_scalar(
        lambda t0: line(t0)[0], bounds=(0.0, highest), method="bounded",
        options={"xatol": 1e-6 * highest},
    )  # fmt: skip
    # a bounded search approaches a limit but never reaches it
    t0 = min((float(found.x), 0.0, highest), key=lambda t: line(t)[0])
    chi2, intercept, b = line(t0)
    return np.array([intercept, b, t0]), chi2
