"""The apparent activation energy of a total as a sum over its contributions.

X = sum over e of X_e, whatever their signs, so -d ln X / d(1 / kB T) = sum over e of
-(dX_e / d(1 / kB T)) / X: (X_e / X) E_e for a contribution that follows a law of Arrhenius.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrhenius_fits import ArrheniusFit, fit_polynomial, inverse_energy, log_ratio

#: A budget holds where its gap is at most so many half widths of the middle 68 % of the samples.
HALF_WIDTHS = 3.0
#: Gaps below this, in eV, are rounding errors.
_ROUND_OFF = 1e-9


@dataclass(frozen=True)
class Budget:
    """Apparent energy of a total, from its contributions and from itself.

    The first axis of arrays of samples is that of samples.

    Attributes
    ----------
    parts, parts_samples : numpy.ndarray
        Shape (temperatures,), (samples, temperatures): sum over e of -(dX_e / d(1 / kB T)) / X, eV.
    direct, direct_samples : numpy.ndarray
        Same shapes: local -d ln X / d(1 / kB T), that of the straight line where there are only two
        temperatures.
    untested : numpy.ndarray
        Shape (temperatures,): sum of the magnitudes of X_e / X over the contributions without an
        energy, for which `parts` uses `direct`.
    energy, energy_samples : float, numpy.ndarray
        Straight line through the logarithm of the sum of the fitted parts, with the weights of the
        whole, eV: to be compared with the energy of the whole. NaN where that sum has not the sign
        of X at every temperature.
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
    untested: np.ndarray
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
        X of shape (temperatures,), of one sign, and its samples (samples, temperatures).
    parts : sequence of tuple of numpy.ndarray
        The same of every X_e; they sum to X.
    fits : sequence of ArrheniusFit
        One per contribution.
    error : numpy.ndarray
        Shape (temperatures,): standard errors of ln X.

    Returns
    -------
    Budget

    Notes
    -----
    `direct` is the slope of the total: that of F, the sum of the laws of the contributions, and
    that of a parabola through ln X - ln F. A parabola through ln X alone misses the slope at the
    ends of a wide range, by more than the errors of precise data; here F has what no parabola
    follows, and the gap is the slope of the parabola, zero where X follows F.

    Contributions whose fit was refused have no logarithm, but a derivative: of all of them together
    with the share s, -(d(s X) / d(1 / kB T)) / X = s E - ds / d(1 / kB T), E that of `direct`.
    Shares change little over temperatures between which X changes by powers of ten. The share is
    that on the mean of a constant, a straight line and a parabola, weighted by Akaike's criterion:
    a small contribution of uncertain sign has no slope of its noise. In F the rest is this curve
    times the parabola through ln X. If all fits were refused, s is one and the budget is closed.
    """
    beta = inverse_energy(temperature)
    smooth = _Smooth(beta, error)
    value, samples = whole
    sign, log = np.sign(value[0]), np.log(np.abs(value))
    # the value before the samples, and no sample zero
    logs = np.concatenate([log[None], log + log_ratio(samples, value)])
    all_values = sign * np.exp(logs)
    slope, bend, curve = smooth(logs)
    energy, untested, fitted, falling, rest = np.zeros((5, *logs.shape))
    for part, fit in zip(parts, fits, strict=True):
        share = np.concatenate([part[0][None], part[1]]) / all_values
        if fit.reason:
            rest += share
            untested += np.abs(share)
            continue
        each = np.append(fit.energy, fit.energy_samples)[:, None]
        law = np.concatenate([fit.at(temperature)[None], fit.samples_at(temperature)]) * sign
        energy += share * each
        fitted += law
        falling += law * each
    on_curve, rise = _smooth_share(beta, rest)
    fitted += on_curve * np.exp(curve)
    falling -= (rise + on_curve * slope) * np.exp(curve)
    known = bool(np.all(fitted[0] > 0))
    direct, sums = -slope, np.full_like(logs, np.nan)
    if known:
        apart = log_ratio(fitted[1:], fitted[0])
        sums = np.log(fitted[0]) + np.concatenate([np.zeros((1, len(beta))), apart])
        if len(beta) > 2:
            direct = falling / np.exp(sums) - smooth(logs - sums)[0]
    energy += rest * direct - rise
    mean, bends = np.full((2, len(logs)), np.nan)
    if known:
        mean, bends = -fit_polynomial(beta, sums, error, 1)[:, 1], smooth(sums)[1]
    return Budget(
        parts=energy[0],
        parts_samples=energy[1:],
        direct=direct[0],
        direct_samples=direct[1:],
        untested=untested[0],
        energy=float(mean[0]),
        energy_samples=mean[1:],
        curvature=float(bends[0]),
        curvature_samples=bends[1:],
        direct_curvature=float(bend[0]),
        direct_curvature_samples=bend[1:],
    )


def _smooth_share(beta: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares on their curve and its slope; rows are the value and the samples."""
    low, high = np.quantile(share[1:], [0.16, 0.84], axis=0)
    error = (high - low) / 2
    # where an event does not occur the error is not far below that of the others
    error = np.maximum(error, max(0.1 * error.max(), _ROUND_OFF))
    curves, slopes, log_weights = [], [], []
    for degree in range(min(3, len(beta))):
        c = fit_polynomial(beta, share, error, degree)
        powers = np.arange(degree + 1)[:, None]
        curves.append(c @ beta**powers)
        slopes.append((c[:, 1:] * powers[1:, 0]) @ beta ** powers[:-1])
        misfit = np.sum(((share[0] - curves[-1][0]) / error) ** 2)
        log_weights.append(-0.5 * misfit - (degree + 1))
    weights = np.exp(np.array(log_weights) - max(log_weights))
    weights /= weights.sum()
    return np.tensordot(weights, curves, 1), np.tensordot(weights, slopes, 1)


@dataclass(frozen=True)
class _Smooth:
    """A parabola, or a straight line for two temperatures, with the weights of the whole."""

    beta: np.ndarray
    error: np.ndarray

    def __call__(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Slopes, second derivative and values of the curves through rows of y."""
        bent = len(self.beta) > 2
        c = fit_polynomial(self.beta, y, self.error, 2 if bent else 1)
        values = c @ self.beta ** np.arange(c.shape[1])[:, None]
        if not bent:
            return np.repeat(c[:, 1:2], 2, axis=1), np.full(len(y), np.nan), values
        return c[:, 1:2] + 2 * c[:, 2:3] * self.beta, 2 * c[:, 2], values


def holds(found: Budget) -> np.ndarray:
    """Whether events and total agree at each temperature, within three standard errors.

    Returns
    -------
    numpy.ndarray
        Shape (temperatures,), of bool: the gap is at most three half widths of the middle 68 % of
        its samples, and `untested` times `direct`, about what contributions without an energy may
        add. True for two temperatures, which have no local slope.
    """
    if len(found.parts) == 2:
        return np.ones(2, dtype=bool)
    gap = found.parts - found.direct
    low, high = np.quantile(found.parts_samples - found.direct_samples, [0.16, 0.84], axis=0)
    allowed = HALF_WIDTHS * (high - low) / 2 + found.untested * np.abs(found.direct) + _ROUND_OFF
    return np.asarray(np.abs(gap) <= allowed)
