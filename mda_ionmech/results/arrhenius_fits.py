"""Activation energies from values at several temperatures, on plain arrays.

X(T) = s A exp(-E / kB T) with a free sign s: a straight line of ln|X| against 1 / kB T, weighted
by the relative errors of X, and fitted to every bootstrap sample.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import constants, special

#: Boltzmann's constant in eV / K.
BOLTZMANN = constants.k / constants.e
#: kJ/mol of one eV.
KJ_PER_MOL = constants.e * constants.N_A / 1000.0
#: Samples below this fraction of the value count as zero.
_ROUND_OFF = 1e-9
#: Samples below this fraction of the value have the tangent there in place of the logarithm.
_TANGENT = 0.25
#: At no temperature may more samples be of the other sign: zero is one standard error away.
OTHER_SIGN = 0.16
#: Odds that all temperatures together must give for the sign, those of 97.5 %.
_LEAST_ODDS = 0.975 / 0.025


def inverse_energy(temperature: np.ndarray) -> np.ndarray:
    """1 / kB T in 1/eV of temperatures in K."""
    return 1.0 / (BOLTZMANN * np.asarray(temperature, dtype=np.float64))


def relative_error(value: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Standard error of X over its magnitude: half the width of the middle 68 % of the samples.

    It needs no logarithm, and a few samples far away do not change it.

    Parameters
    ----------
    value : numpy.ndarray
        Shape (temperatures,): X, not zero.
    samples : numpy.ndarray
        Shape (samples, temperatures).

    Returns
    -------
    numpy.ndarray
        Shape (temperatures,).
    """
    low, high = np.quantile(samples, special.ndtr([-1.0, 1.0]), axis=0)
    # more than two thirds of the samples of rare events may be equal
    half = np.where(high > low, (high - low) / 2, np.std(samples, axis=0, ddof=1))
    error = half / np.abs(value)
    # equal samples differ by rounding errors
    return np.asarray(np.where(error > 1e-12, error, 0.0))


def log_ratio(samples: np.ndarray, value: np.ndarray) -> np.ndarray:
    """ln(X_k / X) of samples X_k, continued by a tangent below a quarter, so that all have one.

    Parameters
    ----------
    samples : numpy.ndarray
        Shape (samples, temperatures).
    value : numpy.ndarray
        Shape (temperatures,): X, not zero.

    Returns
    -------
    numpy.ndarray
        Shape (samples, temperatures). It increases with the sample, so that percentiles stay
        those of the samples, zero and the other sign included.
    """
    ratio = samples / value
    above = np.log(np.maximum(ratio, _TANGENT))
    return np.asarray(above + np.minimum(ratio - _TANGENT, 0.0) / _TANGENT)


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
        Shape (temperatures,): standard errors of ln|X|, the relative ones of X, that weighted the
        fit.
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

    X must be finite, of one sign, and known in sign: at every temperature 84 % of the samples or
    more have the sign of X, and the odds of all temperatures together are 39 (97.5 %) or more.

    Parameters
    ----------
    temperature, value : numpy.ndarray
        Shape (temperatures,).
    samples : numpy.ndarray
        Shape (samples, temperatures).

    Notes
    -----
    A stricter limit at one temperature biases the energies that pass: contributions whose sign
    seems certain are those that came out too large. Odds of independent runs are multiplied, each
    (1 - p) / p, where p is the fraction of samples of the other sign.
    """
    for bad, what in (
        (~np.isfinite(value), "undefined"),
        (~np.isfinite(samples).any(axis=0), "no intervals"),
        (~np.isfinite(samples).all(axis=0), "undefined in some resamples"),
        (value == 0, "zero"),
    ):
        if bad.any():
            return f"{what} at {_kelvin(temperature, bad)}"
    if np.any(value > 0) and np.any(value < 0):
        return (
            f"changes sign: positive at {_kelvin(temperature, value > 0)}, negative at "
            f"{_kelvin(temperature, value < 0)}"
        )
    other = np.sum(~(samples * np.sign(value) > _ROUND_OFF * np.abs(value)), axis=0)
    unknown = other > OTHER_SIGN * len(samples)
    if unknown.any():
        worst = int(np.argmax(other))
        return (
            f"sign not known at {_kelvin(temperature, unknown)}: {other[worst]} of "
            f"{len(samples)} resamples at {temperature[worst]:g} K are zero or of the other sign, "
            f"more than {OTHER_SIGN:.0%}"
        )
    if other.all() and np.prod((len(samples) - other) / other) < _LEAST_ODDS:
        each = ", ".join(f"{n / len(samples):.0%}" for n in other)
        return (
            "sign not known: the resamples of the other sign, "
            f"{each} at {_kelvin(temperature, other >= 0)}, leave it below 97.5% together"
        )
    return ""


def no_fit(n_samples: int, n_temperatures: int, reason: str) -> ArrheniusFit:
    """A fit that was refused."""
    none, unknown = np.full(n_samples, np.nan), np.full(n_temperatures, np.nan)
    return ArrheniusFit(0, np.nan, np.nan, none, none, unknown, np.nan, reason)


def fit_arrhenius(
    temperature: np.ndarray,
    value: np.ndarray,
    samples: np.ndarray,
    error: np.ndarray | None = None,
    deviation: np.ndarray | None = None,
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
        Shape (temperatures,): standard errors of ln|X| to weight with. Default: the relative
        errors of X, half the middle 68 % of its samples. Fits of X, Y and X Y with the same errors
        have energies that add up exactly.
    deviation : numpy.ndarray, optional
        Shape (samples, temperatures): ln of the samples over X, where it is known otherwise; the
        samples are then not asked for their signs. Default: `log_ratio`.

    Returns
    -------
    ArrheniusFit
        Refused, with the reason, where X is zero or its sign differs between temperatures or is
        not known, so that ln|X| has no meaning.
    """
    temperature = np.asarray(temperature, dtype=np.float64)
    asked = samples if deviation is None else np.broadcast_to(value, samples.shape)
    reason = why_no_logarithm(temperature, value, asked)
    if reason:
        return no_fit(len(samples), len(temperature), reason)
    error = relative_error(value, samples) if error is None else error
    deviation = log_ratio(samples, value) if deviation is None else deviation
    beta, log = inverse_energy(temperature), np.log(np.abs(value))
    intercept, slope = fit_polynomial(beta, log, error, 1)
    resampled = fit_polynomial(beta, log + deviation, error, 1)
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
