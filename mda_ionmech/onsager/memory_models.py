r"""Models of a mean squared displacement: diffusion, and what is forgotten.

A collective coordinate diffuses, and fluctuates about its diffusive path, with a variance u per
dimension that is forgotten between two frames, and a variance v with a memory :math:`\tau`,

.. math:: M(T) = 2 n D T + 2 n u + 2 n v \bigl(1 - e^{-T / \tau}\bigr),

with none of them, one or both, and memories :math:`\tau` on a grid, from the first lag on or from
a later one. Each model gives the covariance of M, the evidence of the data for it (Laplace), and
the weights of least variance that leave out what it has: a constant, and what decays with
:math:`\tau`,

.. math:: \sum_k w_k T_k = 1, \quad \sum_k w_k = 0, \quad \sum_k w_k e^{-T_k / \tau} = 0,

the last two not where there is no fluctuation. A model that starts at a later lag says nothing of
the lags before; each of them counts as a free parameter that costs a factor in probability.

References
----------
Bullerjahn, von Buelow and Hummer, J. Chem. Phys. 153, 024116 (2020), 10.1063/5.0008312, for the
covariance without memory; Hoeting et al., Stat. Sci. 14, 382 (1999), 10.1214/ss/1009212519, for
averages over models; Jay and Neil, Phys. Rev. D 103, 114502 (2021), 10.1103/PhysRevD.103.114502,
for models that leave out data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .diffusive_limit import LagCovariance, lag_covariance

#: Memories of the grid are this fraction of the last lag or shorter: longer ones cannot be told
#: from diffusion.
LONGEST = 1 / 2.4
#: Memories of the grid are this fraction of a model's first lag or longer.
_SHORTEST = 0.3
#: The last start as a fraction of the longest lag.
LAST_START = 4
#: Fewest lags from a start on: two are a line, and say nothing of what is forgotten.
_FEWEST = 3
#: Memories of this fraction of the trajectory or longer are too long for its length.
TOO_LONG = 1 / 120
#: Probability of such memories from which they are left open.
OPEN = 0.15
#: Lags after so many memories have forgotten.
_FORGOTTEN = 3.0
#: Log of the evidence of models with a negative variance, beside the best of their start.
_NEGATIVE = -10.0
#: Probability, as a fraction of the largest, below which a model is left out.
NEGLIGIBLE = 1e-3
#: Log of the least probability beside the largest: none is zero.
_LEAST = -300.0
#: Iterations of the fit, on which the covariance depends.
_ROUNDS = 5


@dataclass(frozen=True)
class Prior:
    """What is supposed of models before the data.

    Attributes
    ----------
    none, fast, slow, both : float
        Odds of no fluctuation, one that is forgotten between frames, one with a memory, and both.
    left_out : float
        Minus the log of the probability for each lag that is left out.
    """

    none: float
    fast: float = 1.0
    slow: float = 1.0
    both: float = 3.0
    left_out: float = 1.5


#: For values and intervals; and for intervals where a memory too long for the trajectory is left
#: open, which allow for more than is likely.
LIKELY, CAUTIOUS = Prior(none=5.0), Prior(none=1.0, left_out=1.0)


@dataclass(frozen=True)
class LagModels:
    """Models fitted to one mean squared displacement.

    Attributes
    ----------
    lags, frames : tuple of int
        Frames: of the displacement, and of each independent trajectory.
    starts, left_out : numpy.ndarray
        Shape (models,): first lag in frames, and number of lags before it.
    fast : numpy.ndarray
        Shape (models,): whether there is a fluctuation that is forgotten between frames.
    memories : numpy.ndarray
        Shape (models,), frames: 0 for none.
    found : numpy.ndarray
        Shape (models, 3): diffusion per frame, and the two variances, per dimension.
    evidence : numpy.ndarray
        Shape (models,): log.
    """

    lags: tuple[int, ...]
    frames: tuple[int, ...]
    starts: np.ndarray
    left_out: np.ndarray
    fast: np.ndarray
    memories: np.ndarray
    found: np.ndarray
    evidence: np.ndarray


def memory_grid(lags: Sequence[int]) -> list[float]:
    """Memories that are compared for a set of lags, in frames: factors of two from half the first.

    Parameters
    ----------
    lags : sequence of int
        Frames.
    """
    first, last = lags[0], lags[-1]
    return [first * 2.0**k for k in range(-1, 60) if first * 2.0**k <= LONGEST * last]


def model_starts(lags: Sequence[int]) -> list[int]:
    """Lags at which models start, in frames: factors of two from the first one on.

    A start that is not the first lag has two lags or more after it.

    Parameters
    ----------
    lags : sequence of int
        Frames.
    """
    doublings, last = {lags[0] * 2**k for k in range(60)}, lags[-1] // LAST_START
    late = [t for t in lags[1 : len(lags) + 1 - _FEWEST] if t in doublings and t <= last]
    return [lags[0], *late]


def lag_models(
    lags: Sequence[int], frames: Sequence[int], squared: np.ndarray, n_dimensions: int
) -> LagModels:
    """Fit all models to the mean squared displacement of a total.

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
    LagModels
    """
    times, values = np.array(lags, dtype=float), np.asarray(squared)
    rows = []
    whole, best = np.empty((0, 0)), -np.inf
    for start in model_starts(lags):
        at = lags.index(start)
        later = [m for m in memory_grid(lags) if m >= _SHORTEST * start]
        for fast, memories in ((False, [0.0]), (True, [0.0]), (False, later), (True, later)):
            if not memories or (at and not fast and not memories[0]):
                continue  # without any fluctuation all lags count
            known = [lag_covariance(lags, frames, m) for m in (0.0, *memories)]
            found, evidence, negative, matrix = _fitted(
                times, values, known, n_dimensions, fast, np.array(memories), at
            )
            if not at and evidence[~negative].max(initial=-np.inf) > best:
                k = int(np.where(negative, -np.inf, evidence).argmax())
                best, whole = float(evidence[k]), matrix[k]
            # lags before are what they are: the height of their density, the others given
            evidence = evidence - (_log_det(whole) - _log_det(whole[at:, at:])) / 2
            rows += [
                (start, at, fast, *one)
                for one in zip(memories, found, evidence, negative, strict=True)
            ]
    starts, left_out, is_fast, known_memories, parameters, log, below = zip(*rows, strict=True)
    evidence = _without_negative(np.array(starts), np.array(log), np.array(below))
    return LagModels(
        lags=tuple(lags),
        frames=tuple(frames),
        starts=np.array(starts),
        left_out=np.array(left_out),
        fast=np.array(is_fast),
        memories=np.array(known_memories),
        found=np.stack(parameters),
        evidence=evidence,
    )


def _without_negative(starts: np.ndarray, evidence: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Evidence in which models with a negative variance are far behind others of their start."""
    out = evidence.copy()
    for start in set(starts.tolist()):
        here = starts == start
        valid = evidence[here & ~negative]
        top = (valid if len(valid) else evidence[here]).max()
        out[here & negative] = np.minimum(evidence[here & negative], top + _NEGATIVE)
    return out


def probabilities(totals: Sequence[LagModels], prior: Prior) -> np.ndarray:
    """Probabilities of the models, the same for all totals.

    The logarithms of the evidence of several totals, which are not independent, are averaged.
    Memories have the density of 1 / sqrt(memory).

    Parameters
    ----------
    totals : sequence of LagModels
        Of the same lags.
    prior : Prior

    Returns
    -------
    numpy.ndarray
        Shape (models,).
    """
    first = totals[0]
    slow = first.memories > 0
    odds = np.where(
        slow,
        np.where(first.fast, prior.both, prior.slow),
        np.where(first.fast, prior.fast, prior.none),
    )
    for start in set(first.starts.tolist()):
        for fast in (False, True):
            which = slow & (first.starts == start) & (first.fast == fast)
            density = first.memories[which] ** -0.5
            odds[which] *= density / density.sum()
    log = np.mean([one.evidence for one in totals], axis=0)
    log = log + np.log(odds) - prior.left_out * first.left_out
    p = np.exp(np.maximum(log - log.max(), _LEAST))
    return np.asarray(p / p.sum())


def open_memory(models: LagModels, probability: np.ndarray, memories: np.ndarray) -> float:
    """Memory that the data leave open, in frames; 0 unless it is too long for the trajectory.

    Parameters
    ----------
    models : LagModels
    probability, memories : numpy.ndarray
        Shape (models,), of those that are averaged; frames.
    """
    known = np.unique(memories[memories >= TOO_LONG * sum(models.frames)])
    exceeded = [float(m) for m in known if probability[memories >= m].sum() >= OPEN]
    return max(exceeded, default=0.0)


def interval_probabilities(
    models: LagModels, likely: np.ndarray, cautious: np.ndarray, memories: np.ndarray
) -> np.ndarray:
    """Probabilities with which intervals draw models: the likely ones, or more cautious ones.

    The more probable memories are that are too long for the trajectory, the more cautious: by
    these alone from the probability on from which such memories are left open.

    Parameters
    ----------
    models : LagModels
    likely, cautious, memories : numpy.ndarray
        Shape (models,), of those that are averaged; frames.

    Returns
    -------
    numpy.ndarray
        Shape (models,).
    """
    too_long = likely[memories >= TOO_LONG * sum(models.frames)].sum()
    part = min(float(too_long) / OPEN, 1.0)
    return np.asarray((1 - part) * likely + part * cautious)


def model_weights(
    models: LagModels, k: int, lags: Sequence[int], n_dimensions: int
) -> tuple[np.ndarray, float]:
    """Weights of least variance of a model, on the same lags or on some of them.

    Parameters
    ----------
    models : LagModels
    k : int
        Number of the model.
    lags : sequence of int
        Frames.
    n_dimensions : int

    Returns
    -------
    weights : numpy.ndarray
        Shape (lags,), 1/frame: 0 before the start of the model.
    error : float
        Standard error of the slope of the total, per frame.
    """
    used = np.flatnonzero(np.array(lags) >= models.starts[k])
    times, memory = np.array(lags, dtype=float)[used], float(models.memories[k])
    white, slow = (_known(models, lags, m).part(used) for m in (0.0, memory))
    matrix = n_dimensions * _matrix(white, slow, *models.found[k])
    columns = [times]
    if models.fast[k] or memory:
        columns.append(np.ones(len(times)))
    if memory and times[0] <= _FORGOTTEN * memory:
        columns.append(np.exp(-times / memory))
    basis = np.stack(columns, axis=1)
    weighted = np.linalg.solve(matrix, basis)
    spread = np.linalg.inv(basis.T @ weighted)
    out = np.zeros(len(lags))
    out[used] = (spread @ weighted.T)[0]
    return out, float(np.sqrt(spread[0, 0]))


def weights_of(
    models: LagModels,
    numbers: Sequence[int] | np.ndarray,
    lags: Sequence[int],
    n_dimensions: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of least variance of several models; see `model_weights`.

    Parameters
    ----------
    models : LagModels
    numbers : sequence of int
        Of the models.
    lags : sequence of int
        Frames.
    n_dimensions : int

    Returns
    -------
    weights : numpy.ndarray
        Shape (numbers, lags), 1/frame.
    errors : numpy.ndarray
        Shape (numbers,), per frame.
    """
    made = [model_weights(models, int(k), lags, n_dimensions) for k in numbers]
    return np.stack([weights for weights, _ in made]), np.array([error for _, error in made])


def longest_that_matters(lags: Sequence[int] | np.ndarray, weights: np.ndarray) -> int:
    """Number of the longest lag with a part in the slope of 5% of the largest or more.

    Parameters
    ----------
    lags : sequence of int
        Frames, in ascending order.
    weights : numpy.ndarray
        Shape (lags,), 1/frame.
    """
    part = np.abs(weights * np.asarray(lags))
    return int(np.flatnonzero(part >= 0.05 * part.max())[-1])


def _known(models: LagModels, lags: Sequence[int], memory: float) -> LagCovariance:
    """Covariance of the lags, from that of the lags of the models where it holds them."""
    if not set(lags) <= set(models.lags):
        return lag_covariance(lags, models.frames, memory)
    where = np.array([models.lags.index(t) for t in lags])
    return lag_covariance(models.lags, models.frames, memory).part(where)


def _matrix(white: LagCovariance, slow: LagCovariance, d: float, u: float, v: float) -> np.ndarray:
    """Covariance in one dimension with a fluctuation u forgotten at once and v with a memory."""
    return np.asarray(
        slow.at(d, v) + (d * u) * white.mixed + u**2 * white.noise + (u * v) * slow.cross
    )


def _log_det(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.slogdet(matrix)[1])


def _fitted(
    times: np.ndarray,
    squared: np.ndarray,
    known: Sequence[LagCovariance],
    n_dimensions: int,
    fast: bool,
    memories: np.ndarray,
    first: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Generalised least squares of D and the variances, whose covariance follows the fit.

    known: covariances without memory, and with each of the memories. Diffusion and variances,
    shape (memories, 3), the evidence of the lags from number `first` on, whether a variance would
    be negative, and covariance matrices.
    """
    used = np.arange(first, len(times))
    white, *slow = (one.part(used) for one in known)
    whole, longest = squared, times
    times, squared = times[used], squared[used]
    n, count, memory = 2 * n_dimensions, len(memories), bool(memories[0])
    one = np.ones((count, len(times)))
    rest = np.exp(-times / memories[:, None]) if memory else 0 * one
    basis = np.stack([one * times, *([one] * fast), *([one - rest] * memory)], axis=2)
    middle = len(times) // 2
    slope = (squared[-1] - squared[middle]) / (times[-1] - times[middle])
    least = squared[0] / times[0] if not fast and not memory else 0.05 * squared[-1] / times[-1]
    d = np.full(count, max(slope if fast or memory else 0.0, least, 1e-300) / n)
    u, v = np.zeros((2, count))
    if memory:
        v += max(float(squared[middle]) / n - d[0] * times[middle], 0.0)
    for _ in range(_ROUNDS):
        matrix = n_dimensions * np.stack(
            [_matrix(white, s, *p) for s, *p in zip(slow, d, u, v, strict=True)]
        )
        weighted = np.swapaxes(np.linalg.solve(matrix, basis), 1, 2)
        spread = np.linalg.inv(weighted @ basis)
        found = (spread @ (weighted @ squared)[:, :, None])[:, :, 0]
        d = np.where(found[:, 0] > 0, found[:, 0] / n, d)
        u = np.maximum(found[:, 1] / n, 0.0) if fast else u
        v = np.maximum(found[:, -1] / n, 0.0) if memory else v
    gap = squared - (basis @ found[:, :, None])[:, :, 0]
    misfit = np.einsum("ml,ml->m", gap, np.linalg.solve(matrix, gap[:, :, None])[:, :, 0])
    evidence = (_log_det(2 * np.pi * spread) - misfit - _log_det(matrix)) / 2
    # a priori each parameter is anywhere up to what would explain all of M: the slope at the last
    # lag, u at the first lag of the model, v at the memory
    evidence -= np.log(squared[-1] / times[-1]) + fast * np.log(squared[0])
    if memory:
        evidence -= np.log(np.interp(memories, [0.0, *longest], [0.0, *whole]))
    negative = np.any(found[:, 1:] < 0, axis=1)
    return np.stack([d, u, v], axis=1), evidence, negative, matrix
