"""Weights of lags for the mean squared displacements of independent carriers.

Independent carriers are further dimensions of one coordinate: the models of `memory_models`, and
averages over them, as for collective coordinates, with weights of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .memory_models import (
    LAST_START,
    LIKELY,
    NEGLIGIBLE,
    lag_models,
    probabilities,
    weights_of,
)

#: Fewest lags for a choice.
_FEWEST = 3


@dataclass(frozen=True)
class SelfLags:
    """Weights of lags, and the analytic error of the slope that they give.

    Attributes
    ----------
    weights : numpy.ndarray
        Shape (lags,), 1/frame.
    error : float
        Standard error of the slope for Gaussian carriers, A^2 per frame.
    between : float
        Standard deviation of the slopes of the models, A^2 per frame.
    """

    weights: np.ndarray
    error: float
    between: float


def choose_self(
    lags: Sequence[int], frames: Sequence[int], squared: np.ndarray, n_dimensions: int, n: int
) -> SelfLags | None:
    """Choose weights of lags for the mean squared displacement of independent carriers.

    Parameters
    ----------
    lags : sequence of int
        Frames.
    frames : sequence of int
        Of each independent trajectory.
    squared : numpy.ndarray
        Shape (lags,), A^2: summed over the carriers.
    n_dimensions : int
    n : int
        Number of carriers.

    Returns
    -------
    SelfLags or None
        None where there are too few lags.
    """
    if len(lags) < _FEWEST or lags[-1] // LAST_START < lags[0]:
        return None
    models = lag_models(lags, frames, squared, n_dimensions * n)
    probability = probabilities([models], LIKELY)
    kept = np.flatnonzero(probability >= NEGLIGIBLE * probability.max())
    part = probability[kept] / probability[kept].sum()
    weights, errors = weights_of(models, kept, lags, n_dimensions * n)
    slopes = weights @ squared
    return SelfLags(
        weights=part @ weights,
        error=float(np.sqrt(part @ errors**2)),
        between=float(np.sqrt(part @ (slopes - part @ slopes) ** 2)),
    )
