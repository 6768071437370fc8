r"""Weights of lags for transport coefficients in the diffusive limit.

A collective coordinate that diffuses has the mean squared displacement :math:`M(T) = a^2 + 2 n D T`
from some lag on; the intercept comes from motion that is forgotten before (vibration, caging). Its
coefficient is a weighted sum over lags,

.. math:: \hat L = \sum_k w_k M(T_k), \qquad \sum_k w_k T_k = 1, \quad \sum_k w_k = 0,

with the weights of least variance under the covariance of M, which is known for a Brownian
coordinate with localisation noise. The same weights applied to the parts of M, the event-resolved
:math:`K_e(T)`, give contributions that sum exactly to :math:`\hat L`.

References
----------
Bullerjahn, von Buelow and Hummer, J. Chem. Phys. 153, 024116 (2020), 10.1063/5.0008312, for the
generalised least squares of overlapping displacements.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..lib.kernels import kernel

#: Memories after which noise is forgotten.
_FORGOTTEN = 12
#: Iterations of the fit of slope and intercept, on which the covariance depends.
_ROUNDS = 4


@dataclass(frozen=True)
class LagCovariance:
    """Covariance of the mean squared displacement at several lags, for a Brownian coordinate.

    The coordinate has a variance 2 D T per dimension and time and, in every frame, localisation
    noise of variance v per dimension.

    Attributes
    ----------
    brownian, mixed, noise : numpy.ndarray
        Shape (lags, lags): coefficients of D^2, D v and v^2, per dimension.
    cross : numpy.ndarray
        Shape (lags, lags): coefficient of v u, for further noise of variance u that is independent
        in every frame.
    """

    brownian: np.ndarray
    mixed: np.ndarray
    noise: np.ndarray
    cross: np.ndarray

    def part(self, where: np.ndarray) -> LagCovariance:
        """The covariance of some of the lags, by their numbers."""
        return LagCovariance(
            *(
                one[np.ix_(where, where)]
                for one in (self.brownian, self.mixed, self.noise, self.cross)
            )
        )

    def at(self, diffusion: float, noise: float) -> np.ndarray:
        """Covariance of the squared displacement in one dimension.

        Parameters
        ----------
        diffusion : float
            Per frame.
        noise : float
            Variance of the localisation noise.

        Returns
        -------
        numpy.ndarray
            Shape (lags, lags).
        """
        return np.asarray(
            diffusion**2 * self.brownian + diffusion * noise * self.mixed + noise**2 * self.noise
        )


@kernel
def _covariance(lags, origins, recall, reach, out):  # type: ignore[no-untyped-def]
    """Fill out (4, lags, lags) of `lag_covariance`.

    origins (lags, trajectories): number of time origins; recall (frames,): correlation of the noise
    over so many frames, 0 from `reach` on.
    """
    n = lags.shape[0]
    last = recall.shape[0] - 1
    for i in range(n):
        for j in range(i + 1):
            long, short = lags[i], lags[j]
            one = two = three = four = 0.0
            for shift in range(-long - reach, short + reach + 1):  # start of window i after j's
                pairs = 0
                for k in range(origins.shape[1]):
                    stop = min(origins[i, k] - 1, origins[j, k] - 1 + shift)
                    pairs += max(stop - max(0, shift) + 1, 0)
                if pairs == 0:
                    continue
                d = 2.0 * max(min(shift + long, short) - max(shift, 0), 0)
                v = recall[min(abs(shift), last)] + recall[min(abs(shift + long - short), last)]
                v -= recall[min(abs(shift - short), last)] + recall[min(abs(shift + long), last)]
                one += pairs * d * d
                two += 2 * pairs * d * v
                three += pairs * v * v
                u = (shift == 0) + 1.0 * (shift + long == short)
                u -= (shift == short) + 1.0 * (shift + long == 0)
                four += 2 * pairs * u * v
            scale = 2.0 / (origins[i].sum() * origins[j].sum())
            out[0, i, j], out[1, i, j], out[2, i, j] = one * scale, two * scale, three * scale
            out[3, i, j] = four * scale
            for m in range(4):
                out[m, j, i] = out[m, i, j]


def lag_covariance(
    lags: Sequence[int], frames: Sequence[int], memory: float = 0.0
) -> LagCovariance:
    r"""Covariance of mean squared displacements over overlapping windows.

    By Isserlis' theorem it is, per dimension,

    .. math:: \frac{2}{N_i N_j} \sum_{t, t'} \langle \Delta_i(t) \Delta_j(t') \rangle^2 .

    Cost: the longest lag, and twelve times the memory, times the number of pairs of lags.

    Parameters
    ----------
    lags : sequence of int
        Frames.
    frames : sequence of int
        Numbers of frames of independent trajectories, averaged over all origins of all of them.
    memory : float
        Correlation time of the noise, frames: it decays exponentially; 0: none between frames.

    Returns
    -------
    LagCovariance
    """
    return _known(tuple(map(int, lags)), tuple(map(int, frames)), float(memory))


@functools.lru_cache(maxsize=64)
def _known(lags: tuple[int, ...], frames: tuple[int, ...], memory: float) -> LagCovariance:
    origins = np.array([[max(f - t, 0) for f in frames] for t in lags], dtype=np.int64)
    reach = min(int(np.ceil(_FORGOTTEN * memory)), max(frames))
    recall = np.zeros(reach + 2)
    recall[: reach + 1] = np.exp(-np.arange(reach + 1) / memory) if memory else 1.0
    out = np.zeros((4, len(lags), len(lags)))
    _covariance(np.array(lags, dtype=np.int64), origins, recall, reach, out)
    return LagCovariance(*out)


@dataclass(frozen=True)
class LagFit:
    """Weights of lags, and what they give for the total they were made for.

    Attributes
    ----------
    weights : numpy.ndarray
        Shape (lags,), 1/frame.
    slope, intercept : float
        Of the mean squared displacement, per frame and absolute.
    error : float
        Standard error of the slope for a Gaussian coordinate.
    misfit : float
        Chi squared of the lags about the line.
    """

    weights: np.ndarray
    slope: float
    intercept: float
    error: float
    misfit: float


def fit_lags(
    lags: np.ndarray, squared: np.ndarray, covariance: LagCovariance, n_dimensions: int
) -> LagFit:
    """Generalised least squares of slope and intercept, with the covariance of the fitted line.

    Parameters
    ----------
    lags : numpy.ndarray
        Shape (lags,), frames; at least two.
    squared : numpy.ndarray
        Shape (lags,): mean squared displacement of the total, over all dimensions.
    covariance : LagCovariance
        Of these lags.
    n_dimensions : int

    Returns
    -------
    LagFit
    """
    line = np.stack([lags, np.ones(len(lags))], axis=1).astype(float)
    n = n_dimensions
    diffusion, noise = max(squared[0] / (2 * n * lags[0]), 1e-300), 0.0
    for _ in range(_ROUNDS):
        matrix = n * covariance.at(diffusion, noise)
        weighted = np.linalg.solve(matrix, line)
        spread = np.linalg.inv(line.T @ weighted)
        slope, intercept = spread @ (weighted.T @ squared)
        if slope > 0:
            diffusion = slope / (2 * n)
        noise = max(intercept / (2 * n), 0.0)
    rest = squared - line @ [slope, intercept]
    return LagFit(
        weights=np.asarray((spread @ weighted.T)[0]),
        slope=float(slope),
        intercept=float(intercept),
        error=float(np.sqrt(spread[0, 0])),
        misfit=float(rest @ np.linalg.solve(matrix, rest)),
    )
