r"""Memories that a mean squared displacement leaves open, by models of what is forgotten.

A collective coordinate diffuses, and fluctuates about its diffusive path, with a variance u per
dimension that is forgotten between two frames, and a variance v with a memory :math:`\tau`,

.. math:: M(T) = 2 n D T + 2 n u + 2 n v \bigl(1 - e^{-T / \tau}\bigr),

with none of them, one or both, and memories :math:`\tau` on a grid. Each model gives the covariance
of M, the evidence of the data for it (Laplace), and the weights of least variance that leave out
what it has: a constant, and what decays with :math:`\tau`,

.. math:: \sum_k w_k T_k = 1, \quad \sum_k w_k = 0, \quad \sum_k w_k e^{-T_k / \tau} = 0.

References
----------
Bullerjahn, von Buelow and Hummer, J. Chem. Phys. 153, 024116 (2020), 10.1063/5.0008312, for the
covariance without memory; Hoeting et al., Stat. Sci. 14, 382 (1999), 10.1214/ss/1009212519, for
averages over models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .diffusive_limit import LagCovariance, lag_covariance

#: Memories of the grid are this fraction of the last lag or shorter: longer ones cannot be told
#: from diffusion.
LONGEST = 1 / 2.4
#: Memories of this fraction of the trajectory or longer are too long for its length.
TOO_LONG = 1 / 120
#: Probability of such memories from which they are left open.
OPEN = 0.05
#: Prior odds of no memory where longer ones are left open.
DOUBT = np.exp(-2.0)
#: Iterations of the fit, on which the covariance depends.
_ROUNDS = 5


@dataclass(frozen=True)
class MemoryModels:
    """Models of memory with their probabilities.

    Attributes
    ----------
    weights : numpy.ndarray
        Shape (models, lags), 1/frame.
    probability, memories : numpy.ndarray
        Shape (models,): and the memory of each in frames, 0 for none between frames.
    open_memory : float
        Frames: memory that the data leave open, 0 unless it is too long for the trajectory.
    too_long : numpy.ndarray
        Shape (models,): the probabilities of such memories, 0 where none is open.
    """

    weights: np.ndarray
    probability: np.ndarray
    memories: np.ndarray
    open_memory: float
    too_long: np.ndarray


@dataclass(frozen=True)
class _Model:
    """One model fitted to the lags; see `_fitted`."""

    fast: bool
    memory: float
    weights: np.ndarray
    evidence: float


def memory_grid(lags: Sequence[int]) -> list[float]:
    """Memories that are compared for a set of lags, in frames: factors of two from half the first.

    Parameters
    ----------
    lags : sequence of int
        Frames.
    """
    first, last = lags[0], lags[-1]
    return [first * 2.0**k for k in range(-1, 60) if first * 2.0**k <= LONGEST * last]


def memory_models(
    lags: Sequence[int], frames: Sequence[int], squared: np.ndarray, n_dimensions: int
) -> MemoryModels:
    """Models of memory for a total, and what they leave open.

    Cost: that of the covariance of the lags for each memory, which is kept, and five solutions of
    linear equations with a matrix of all lags for each model.

    Parameters
    ----------
    lags : sequence of int
        Frames.
    frames : sequence of int
        Of each independent trajectory.
    squared : numpy.ndarray
        Shape (lags,): mean squared displacement of the total, over all dimensions.
    n_dimensions : int

    Returns
    -------
    MemoryModels
    """
    times, values = np.array(lags, dtype=float), np.asarray(squared)
    memories = memory_grid(lags)
    white = lag_covariance(lags, frames)
    slow = {m: lag_covariance(lags, frames, m) for m in memories}
    kinds = [(False, 0.0), (True, 0.0), *((fast, m) for fast in (False, True) for m in memories)]
    fitted = [
        _fitted(times, values, (white, slow.get(m, white)), n_dimensions, (fast, m))
        for fast, m in kinds
    ]
    known = np.array([m.memory for m in fitted])
    long = known >= TOO_LONG * sum(frames)
    p = _probability(fitted, 1.0)
    open_memory, too_long = 0.0, np.zeros(len(p))
    if p[long].sum() >= OPEN:
        p = _probability(fitted, DOUBT)
        open_memory = float(max(m for m in known if p[known >= m].sum() >= OPEN))
        too_long = np.where(long, p, 0.0)
    return MemoryModels(
        weights=np.stack([one.weights for one in fitted]),
        probability=p,
        memories=known,
        open_memory=open_memory,
        too_long=too_long,
    )


def _fitted(
    times: np.ndarray,
    squared: np.ndarray,
    covariances: tuple[LagCovariance, LagCovariance],
    n_dimensions: int,
    kind: tuple[bool, float],
) -> _Model:
    """Generalised least squares of D and the variances, whose covariance follows the fit.

    covariances: without memory, and with that of the model. kind: whether there is a fluctuation
    that is forgotten between frames, and the memory of another one, 0 for none.
    """
    fast, memory = kind
    white, slow = covariances
    n, one = 2 * n_dimensions, np.ones(len(times))
    rest = np.exp(-times / memory) if memory else 0.0 * one
    basis = np.stack([times, *([one] * fast), *([one - rest] * (memory > 0))], axis=1)
    middle = len(times) // 2
    slope = (squared[-1] - squared[middle]) / (times[-1] - times[middle])
    diffusion = max(slope, 0.05 * squared[-1] / times[-1], 1e-300) / n
    if not fast and not memory:
        diffusion = max(squared[0] / times[0], 1e-300) / n
    u = v = 0.0
    start = max(float(squared[middle]) / n - diffusion * times[middle], 0.0)
    if memory:
        v = start
    for _ in range(_ROUNDS):
        matrix = n_dimensions * (
            slow.at(diffusion, v)
            + (diffusion * u) * white.mixed
            + u**2 * white.noise
            + (u * v) * slow.cross
        )
        weighted = np.linalg.solve(matrix, basis)
        spread = np.linalg.inv(basis.T @ weighted)
        found = spread @ (weighted.T @ squared)
        diffusion = float(found[0]) / n if found[0] > 0 else diffusion
        u = max(float(found[1]) / n, 0.0) if fast else 0.0
        v = max(float(found[-1]) / n, 0.0) if memory else 0.0
    gap = squared - basis @ found
    evidence = -0.5 * float(gap @ np.linalg.solve(matrix, gap))
    evidence -= 0.5 * float(np.linalg.slogdet(matrix)[1])
    # parameters are a priori anywhere up to what would explain all of the last lag
    reach = squared[-1] / np.array([times[-1], 1.0, 1.0])[: len(found)]
    evidence += 0.5 * float(np.linalg.slogdet(2 * np.pi * spread)[1]) - float(np.log(reach).sum())
    if np.any(found[1:] < 0):
        evidence = -np.inf
    full = np.stack([times, one, rest][: 3 if memory else 2], axis=1)
    weighted = np.linalg.solve(matrix, full)
    spread = np.linalg.inv(full.T @ weighted)
    weights = np.asarray((spread @ weighted.T)[0])
    return _Model(
        fast=fast,
        memory=memory,
        weights=weights,
        evidence=evidence,
    )


def _probability(models: Sequence[_Model], doubt: float) -> np.ndarray:
    """Probabilities of the models, shape (models,).

    A priori no fluctuation, one that is forgotten between frames, one with a memory, and both, are
    alike, no fluctuation less so by the factor `doubt`; memories have the density of
    1 / sqrt(memory).
    """
    prior = np.ones(len(models))
    prior[0] = doubt
    for fast in (False, True):
        which = [k for k, m in enumerate(models) if m.memory and m.fast == fast]
        density = np.array([models[k].memory for k in which]) ** -0.5
        prior[which] = density / density.sum() if which else density
    evidence = np.array([one.evidence for one in models])
    p = prior * np.exp(evidence - evidence.max())
    return np.asarray(p / p.sum())
