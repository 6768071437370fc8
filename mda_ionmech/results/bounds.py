"""Ends of intervals that cannot be: below zero, above one, or tighter than few counts allow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..observables.channel_rates import FEW, poisson_limits

#: Variables that cannot be negative.
NOT_NEGATIVE = frozenset(
    {
        "onsager_self", "nernst_einstein", "diffusivity_self", "event_self", "event_count",
        "event_frequency", "cluster_count", "transition_count",
        "diffusive_onsager_self", "diffusive_diffusivity_self", "diffusive_nernst_einstein",
    }
)  # fmt: skip
#: Variables that lie between zero and one.
FRACTIONS = frozenset(
    {
        "population", "transition_probability", "multi_fraction", "multi_fraction_circular",
        "multi_fraction_exclusion", "largest_cluster_fraction", "multi_hop_fraction",
    }
)  # fmt: skip
#: Variables that are proportional to a count, and the variable that holds it.
COUNTED = {
    "event_count": "event_count",
    "event_frequency": "event_count",
    "cluster_count": "cluster_count",
    "transition_count": "transition_count",
    "transition_probability": "transition_count",
}


def within_bounds(
    name: str, value: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of an interval that hold the value and lie where the variable can be.

    Parameters
    ----------
    name : str
        Of the variable.
    value, low, high : numpy.ndarray
        Of one shape; NaN stays NaN.

    Returns
    -------
    low, high : numpy.ndarray
    """
    low, high = np.minimum(low, value), np.maximum(high, value)
    if name in NOT_NEGATIVE or name in FRACTIONS:
        low = np.maximum(low, 0.0)
    if name in FRACTIONS:
        high = np.minimum(high, 1.0)
    return low, high


def widen_few(
    values: Mapping[str, np.ndarray],
    spans: dict[str, tuple[np.ndarray, np.ndarray]],
    frames: int,
    level: float,
) -> None:
    """Widen intervals of few events to those of a Poisson count, in place.

    An event is counted once for each of the overlapping windows that hold it, `frames` times for
    windows of so many frames. Below ten events the interval is at least that of their number. An
    event that never occurred has an upper end, too.

    Parameters
    ----------
    values : mapping of str to numpy.ndarray
        Of one window, by variable.
    spans : dict of str to tuple of numpy.ndarray
        Ends of their intervals; NaN where there are too few blocks, which stays.
    frames : int
        Length of the window.
    level : float
        Coverage.
    """
    for name in ("effectiveness", "effectiveness_cooperative"):
        if name in spans:  # the same in all samples: of one event nothing is known of others
            low, high = spans[name]
            alone = (low == high) & (values[name] != 0)
            spans[name] = np.where(alone, np.nan, low), np.where(alone, np.nan, high)
    for name, counted in COUNTED.items():
        if name not in values or name not in spans:
            continue
        value, count = values[name], values[counted]
        events = count / frames
        least, most = (limit * frames for limit in poisson_limits(events, level))
        with np.errstate(divide="ignore", invalid="ignore"):
            unit = _per_count(name, values, value / count)
        low, high = spans[name]
        few = (events < FEW) & np.isfinite(unit)
        low = np.where(few, np.minimum(low, unit * least), low)
        high = np.where(few, np.maximum(high, unit * most), high)
        spans[name] = within_bounds(name, value, low, high)


def _per_count(name: str, values: Mapping[str, np.ndarray], unit: np.ndarray) -> np.ndarray:
    """Value per count; where nothing was counted that of other labels of the same species."""
    if name == "transition_probability":
        total = values["transition_count"].sum(axis=-1, keepdims=True)
        return np.broadcast_to(1 / np.where(total > 0, total, np.nan), unit.shape)
    if name in ("event_count", "cluster_count", "transition_count"):
        return np.ones_like(unit)
    known = np.where(np.isfinite(unit), unit, 0.0).max(axis=-1, keepdims=True)
    return np.where(np.isnan(values[name]) | (known == 0), np.nan, known)
