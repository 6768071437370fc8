"""Differences of independent estimates with their intervals, and the spread between runs.

The interval of a difference from those of its terms, which need not be symmetric (Zou and Donner,
Stat. Med. 27, 1693 (2008)): with d = b - a, low = d - sqrt((b - b_low)^2 + (a_high - a)^2), and
high likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtri

#: Value, and low and high end of its interval.
Ends = tuple[float, float, float]


@dataclass(frozen=True)
class Difference:
    """A difference with its interval.

    Attributes
    ----------
    value, low, high : float
        NaN where an interval is not known.
    standard_errors : float
        The difference in units of its standard error on the side towards zero.
    """

    value: float
    low: float
    high: float
    standard_errors: float


def difference(first: Ends, other: Ends, level: float) -> Difference:
    """What another estimate is above the first; both are independent.

    Parameters
    ----------
    first, other : tuple of float
        Value, low and high end.
    level : float
        Of both intervals, e.g. 0.68.

    Returns
    -------
    Difference
    """
    a, a_low, a_high = first
    b, b_low, b_high = other
    value = b - a
    below = float(np.hypot(b - b_low, a_high - a))
    above = float(np.hypot(b_high - b, a - a_low))
    error = (below if value > 0 else above) / ndtri(0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = float(np.float64(value) / error) if value else 0.0
    if not np.isfinite(error):
        distance = float("nan")
    return Difference(value, value - below, value + above, distance)


@dataclass(frozen=True)
class Spread:
    """Several estimates of what may be one number.

    Attributes
    ----------
    mean : float
        Weighted by the inverse squares of the standard errors.
    error : float
        Standard error of the mean.
    reduced_chi2 : float
        Mean square of the deviations in standard errors, over runs less one: 1 if they differ by
        their errors alone.
    probability : float
        Of so large a spread from errors alone.
    """

    mean: float
    error: float
    reduced_chi2: float
    probability: float


def spread(estimates: Sequence[Ends], level: float) -> Spread | None:
    """Whether estimates differ by more than their errors; None below two with errors.

    Parameters
    ----------
    estimates : sequence of tuple of float
        Value, low and high end of each.
    level : float
        Of the intervals.

    Returns
    -------
    Spread or None
    """
    value, low, high = np.array(estimates, dtype=float).T
    error = (high - low) / 2 / ndtri(0.5 + level / 2)
    if len(value) < 2 or not np.all(error > 0) or not np.isfinite(value).all():
        return None
    weight = 1 / error**2
    mean = float(np.sum(weight * value) / np.sum(weight))
    total = float(np.sum(weight * (value - mean) ** 2))
    freedom = len(value) - 1
    return Spread(
        mean, float(np.sum(weight) ** -0.5), total / freedom, float(chdtrc(freedom, total))
    )
