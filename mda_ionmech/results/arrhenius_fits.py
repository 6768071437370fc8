"""Activation energies from values at several temperatures, on plain arrays.

X(T) = s A exp(-E / kB T) with a free sign s: a straight line of ln|X| against 1 / kB T, weighted
by the variance of ln|X| over bootstrap samples, and fitted to every sample. Contributions that sum
to a total have a budget: -d ln X / d(1 / kB T) = sum over e of (X_e / X) E_e.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import constants

#: Boltzmann's constant in eV / K.
BOLTZMANN = constants.k / constants.e
#: kJ/mol of one eV.
KJ_PER_MOL = constants.e * constants.N_A / 1000.0
#: Samples below this fraction of the value count as zero.
_ROUND_OFF = 1e-9


def inverse_energy(temperature: np.ndarray) -> np.ndarray:
    """1 / kB T in 1/eV of temperatures in K."""
    return 1.0 / (BOLTZMANN * np.asarray(temperature, dtype=np.float64))


def log_error(samples: np.ndarray) -> np.ndarray:
    """Standard deviation of ln|X| over samples (samples, temperatures), which must not be zero."""
    spread = np.std(np.log(np.abs(samples)), axis=0, ddof=1)
    # equal values have a standard deviation of rounding errors
    return np.where(spread > 1e-12, spread, 0.0)


def fit_polynomial(x: np.ndarray, y: np.ndarray, error: np.ndarray, degree: int) -> np.ndarray:
    """Weighted least squares of y against powers of x.

    Parameters
    ----------
    x : numpy.ndarray
        Shape (points,).
    y : numpy.ndarray
        Shape (points,) or (samples, points).
    error : numpy.ndarray
        Shape (points,): standard errors, taken as at least a millionth of the largest. Where all
        are zero all weights are equal.
    degree : int

    Returns
    -------
    numpy.ndarray
        Shape (degree + 1,) or (samples, degree + 1): coefficients of increasing powers.
    """
    largest = float(error.max())
    weight = 1.0 / np.maximum(error, 1e-6 * largest) if largest > 0 else np.ones_like(x)
    # centred and scaled: powers of x itself are nearly collinear over a narrow range
    middle, scale = x.mean(), np.ptp(x)
    design = np.vander((x - middle) / scale, degree + 1, increasing=True)
    solution, *_ = np.linalg.lstsq(design * weight[:, None], (y * weight).T, rcond=None)
    if degree == 0:
        return np.asarray(solution.T)
    shift = np.polynomial.Polynomial([-middle / scale, 1 / scale])
    change = np.zeros((degree + 1, degree + 1))
    power = np.polynomial.Polynomial([1.0])
    for k in range(degree + 1):
        change[k, : k + 1] = power.coef
        power = power * shift
    return np.asarray(solution.T @ change)


class LawFit(ABC):
    """A law fitted to values at several temperatures and to every sample of them.

    Attributes
    ----------
    sign : int
        Sign of the values, or 0 where the fit was refused.
    """

    sign: int

    @staticmethod
    @abstractmethod
    def _absolute(temperature: np.ndarray, *parameters: Any) -> np.ndarray:
        """|X| at temperatures, for parameters of a shape that broadcasts with theirs."""

    @abstractmethod
    def _best(self) -> tuple[float, ...]:
        """Parameters of the fit to the values."""

    @abstractmethod
    def _drawn(self) -> np.ndarray:
        """Parameters of the fits to the samples, shape (parameters, samples)."""

    def at(self, temperature: np.ndarray) -> np.ndarray:
        """The fitted X at given temperatures.

        Parameters
        ----------
        temperature : numpy.ndarray
            Shape (temperatures,), K.

        Returns
        -------
        numpy.ndarray
            Shape (temperatures,), in the unit of X; NaN where the law has no value, as the VTF law
            at and below T0.
        """
        return np.asarray(self.sign * self._absolute(np.asarray(temperature), *self._best()))

    def samples_at(self, temperature: np.ndarray) -> np.ndarray:
        """The fitted X of every bootstrap sample at given temperatures.

        Parameters
        ----------
        temperature : numpy.ndarray
            Shape (temperatures,), K.

        Returns
        -------
        numpy.ndarray
            Shape (samples, temperatures), in the unit of X; NaN as in `at`.
        """
        each = self._drawn()[:, :, None]
        return np.asarray(self.sign * self._absolute(np.asarray(temperature), *each))


@dataclass(frozen=True)
class ArrheniusFit(LawFit):
    """X(T) = s A exp(-E / kB T), fitted to values at several temperatures.

    Attributes
    ----------
    sign : int
        s: +1, -1, or 0 where the fit was refused.
    energy, log_prefactor : float
        E in eV and ln(A / unit of X); NaN where refused.
    energy_samples, log_prefactor_samples : numpy.ndarray
        Shape (samples,): of the fits to the resampled values.
    error : numpy.ndarray
        Shape (temperatures,): standard errors of ln|X| that weighted the fit.
    reduced_chi2 : float
        Weighted squared deviations over the degrees of freedom; NaN for two temperatures.
    reason : str
        Reason why the fit was refused, empty otherwise.
    """

    sign: int
    energy: float
    log_prefactor: float
    energy_samples: np.ndarray
    log_prefactor_samples: np.ndarray
    error: np.ndarray
    reduced_chi2: float
    reason: str = ""

    @staticmethod
    def _absolute(temperature: np.ndarray, *parameters: Any) -> np.ndarray:
        log_prefactor, energy = parameters
        return np.asarray(np.exp(log_prefactor - energy * inverse_energy(temperature)))

    def _best(self) -> tuple[float, ...]:
        return self.log_prefactor, self.energy

    def _drawn(self) -> np.ndarray:
        return np.stack([self.log_prefactor_samples, self.energy_samples])


def _kelvin(temperature: np.ndarray, where: np.ndarray) -> str:
    return ", ".join(f"{t:g}" for t in np.asarray(temperature)[where]) + " K"


def why_no_logarithm(temperature: np.ndarray, value: np.ndarray, samples: np.ndarray) -> str:
    """Reason why ln|X| is undefined, empty where it is defined.

    X must be finite, of one sign, and of that sign in every resample.

    Parameters
    ----------
    temperature, value : numpy.ndarray
        Shape (temperatures,).
    samples : numpy.ndarray
        Shape (samples, temperatures).
    """
    unknown = ~np.isfinite(value)
    if unknown.any():
        return f"undefined at {_kelvin(temperature, unknown)}"
    zero = value == 0
    if zero.any():
        return f"zero at {_kelvin(temperature, zero)}"
    if np.any(value > 0) and np.any(value < 0):
        return (
            f"changes sign: positive at {_kelvin(temperature, value > 0)}, negative at "
            f"{_kelvin(temperature, value < 0)}"
        )
    other = ~(samples * np.sign(value) > _ROUND_OFF * np.abs(value))
    if other.any():
        worst = int(np.argmax(other.sum(axis=0)))
        return (
            f"sign not certain at {_kelvin(temperature, other.any(axis=0))}: "
            f"{other[:, worst].sum()} of {len(samples)} resamples at {temperature[worst]:g} K are "
            "zero or of the other sign"
        )
    return ""


def fit_arrhenius(
    temperature: np.ndarray,
    value: np.ndarray,
    samples: np.ndarray,
    error: np.ndarray | None = None,
) -> ArrheniusFit:
    """Weighted least squares of ln|X| against 1 / kB T, for the values and every sample.

    Cost: one least-squares solution for all samples together.

    Parameters
    ----------
    temperature : numpy.ndarray
        Shape (temperatures,), K, at least two, all different.
    value : numpy.ndarray
        Shape (temperatures,): X in any unit.
    samples : numpy.ndarray
        Shape (samples, temperatures): samples of X, independent between temperatures.
    error : numpy.ndarray, optional
        Shape (temperatures,): standard errors of ln|X| to weight with. Default: the standard
        deviation of ln|X| over the samples. Fits of X, Y and X Y with the same errors have
        energies that add up exactly.

    Returns
    -------
    ArrheniusFit
        Refused, with the reason, where X is zero or its sign differs between temperatures or
        samples, so that ln|X| has no meaning.
    """
    temperature = np.asarray(temperature, dtype=np.float64)
    reason = why_no_logarithm(temperature, value, samples)
    none = np.full(len(samples), np.nan)
    if reason:
        unknown = np.full(len(temperature), np.nan)
        return ArrheniusFit(0, np.nan, np.nan, none, none, unknown, np.nan, reason)
    error = log_error(samples) if error is None else error
    beta, log = inverse_energy(temperature), np.log(np.abs(value))
    intercept, slope = fit_polynomial(beta, log, error, 1)
    resampled = fit_polynomial(beta, np.log(np.abs(samples)), error, 1)
    freedom = len(temperature) - 2
    chi2 = np.nan
    if freedom > 0 and np.all(error > 0):
        chi2 = float(np.sum(((log - intercept - slope * beta) / error) ** 2)) / freedom
    return ArrheniusFit(
        sign=int(np.sign(value[0])),
        energy=-float(slope),
        log_prefactor=float(intercept),
        energy_samples=-resampled[:, 1],
        log_prefactor_samples=resampled[:, 0],
        error=error,
        reduced_chi2=chi2,
    )


@dataclass(frozen=True)
class Budget:
    """Apparent energy of a total, from its contributions and from itself.

    The first axis of arrays of samples is that of samples.

    Attributes
    ----------
    parts, parts_samples : numpy.ndarray
        Shape (temperatures,), (samples, temperatures): sum over e of (X_e / X) E_e, eV.
    direct, direct_samples : numpy.ndarray
        Same shapes: local -d ln X / d(1 / kB T) of the parabola through ln X; of the straight
        line where there are only two temperatures.
    energy, energy_samples : float, numpy.ndarray
        Straight line through the logarithm of the sum of the fitted parts, with the weights of the
        whole, eV: to be compared with the energy of the whole.
    curvature, curvature_samples : float, numpy.ndarray
        d2 ln X / d(1 / kB T)2 of the sum of the fitted parts, eV^2, by the parabola; the spread of
        E_e over the shares. NaN for two temperatures.
    direct_curvature, direct_curvature_samples : float, numpy.ndarray
        The same of X itself.
    """

    parts: np.ndarray
    parts_samples: np.ndarray
    direct: np.ndarray
    direct_samples: np.ndarray
    energy: float
    energy_samples: np.ndarray
    curvature: float
    curvature_samples: np.ndarray
    direct_curvature: float
    direct_curvature_samples: np.ndarray


def budget(
    temperature: np.ndarray,
    whole: tuple[np.ndarray, np.ndarray],
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    fits: Sequence[ArrheniusFit],
    error: np.ndarray,
) -> Budget:
    """Energy of a total from the energies of its contributions.

    Parameters
    ----------
    temperature : numpy.ndarray
        Shape (temperatures,), K.
    whole : tuple of numpy.ndarray
        X of shape (temperatures,), which must not be zero, and its samples (samples,
        temperatures).
    parts : sequence of tuple of numpy.ndarray
        The same of every X_e; they sum to X.
    fits : sequence of ArrheniusFit
        One per contribution. If a fit was refused, the slope of X_e itself is used, by a straight
        line against 1 / kB T: -(dX_e / d(1 / kB T)) / X does not depend on the sign.
    error : numpy.ndarray
        Shape (temperatures,): standard errors of ln X.

    Returns
    -------
    Budget
    """
    beta = inverse_energy(temperature)
    value, samples = whole
    energy, energy_samples = np.zeros_like(value), np.zeros_like(samples)
    fitted, fitted_samples = np.zeros_like(value), np.zeros_like(samples)
    for (part, part_samples), fit in zip(parts, fits, strict=True):
        if not fit.reason:
            energy += part / value * fit.energy
            energy_samples += part_samples / samples * fit.energy_samples[:, None]
            fitted += fit.at(temperature)
            fitted_samples += fit.samples_at(temperature)
            continue
        spread = part_samples.std(axis=0, ddof=1)
        # the error at a temperature without this contribution is not below that of the others
        spread = np.maximum(spread, spread.max(initial=0.0) * 1e-3)
        intercept, slope = fit_polynomial(beta, part, spread, 1)
        line = fit_polynomial(beta, part_samples, spread, 1)
        energy -= slope / value
        energy_samples -= line[:, 1:] / samples
        fitted += intercept + slope * beta
        fitted_samples += line[:, :1] + line[:, 1:] * beta
    bend = len(temperature) > 2

    def local(logarithm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Local energies and curvature of ln X."""
        c = fit_polynomial(beta, logarithm, error, 2 if bend else 1)
        if not bend:
            return np.broadcast_to(-c[..., 1:2], logarithm.shape), np.full(c.shape[:-1], np.nan)
        return -c[..., 1:2] - 2 * c[..., 2:3] * beta, 2 * c[..., 2]

    direct, direct_curvature = local(np.log(np.abs(value)))
    direct_samples, direct_curvature_samples = local(np.log(np.abs(samples)))
    sum_log, sum_log_samples = np.log(np.abs(fitted)), np.log(np.abs(fitted_samples))
    _, curvature = local(sum_log)
    _, curvature_samples = local(sum_log_samples)
    return Budget(
        parts=energy,
        parts_samples=energy_samples,
        direct=direct,
        direct_samples=direct_samples,
        energy=-float(fit_polynomial(beta, sum_log, error, 1)[1]),
        energy_samples=-fit_polynomial(beta, sum_log_samples, error, 1)[:, 1],
        curvature=float(curvature),
        curvature_samples=curvature_samples,
        direct_curvature=float(direct_curvature),
        direct_curvature_samples=direct_curvature_samples,
    )


def corrected_aic(reduced_chi2: float, n_points: int, n_parameters: int) -> float:
    """Akaike's criterion for few points of known error; infinite for too few points.

    chi^2 + 2 k + 2 k (k + 1) / (n - k - 1), after C. M. Hurvich and C.-L. Tsai, Biometrika 76, 297
    (1989).
    """
    spare = n_points - n_parameters - 1
    if spare <= 0:
        return np.inf
    chi2 = reduced_chi2 * (n_points - n_parameters)
    k = n_parameters
    return float(chi2 + 2 * k + 2 * k * (k + 1) / spare)
