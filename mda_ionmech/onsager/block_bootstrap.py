"""Confidence intervals by block bootstrap and jackknife over time origins.

Windows overlap and events are correlated in time, so moving blocks of consecutive origins are
resampled, with all labels together. Blocks are at least 2 (T + delta) long (four windows in the
window view), at least a fiftieth of the trajectory, and longer where correlations last longer (rule
of Politis and White). Blocks never extend across the join of two replicas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri, stdtrit

from .products import product

#: Sub-blocks a block is built from.
SUB_BLOCKS = 10
#: Most blocks, so that blocks also cover correlations longer than the window.
MOST_BLOCKS = 50
#: Below this many blocks the jackknife replaces the bootstrap and the window is flagged.
FEWEST_BLOCKS = 10
#: Below this many blocks there are no intervals: an error from two numbers is a guess.
FEWEST_FOR_INTERVAL = 3
#: Bootstrap samples.
RESAMPLES = 400


@dataclass(frozen=True)
class BlockPlan:
    """Division of the time origins of one window length into sub-blocks and blocks.

    Attributes
    ----------
    sub_block : int
        Origins per sub-block.
    n_sub_blocks : int
        Number of sub-blocks of all segments.
    n_blocks : int
        Number of complete blocks of `per_block` sub-blocks.
    per_block : int
        Sub-blocks per block.
    segments : tuple of int
        Sub-blocks of each independent segment of data (replica); empty for a single one.
    by_segment : bool
        Whether each segment is one block, so that whole replicas are resampled.
    """

    sub_block: int
    n_sub_blocks: int
    n_blocks: int
    per_block: int = SUB_BLOCKS
    segments: tuple[int, ...] = ()
    by_segment: bool = False

    @property
    def stretches(self) -> tuple[int, ...]:
        """Sub-blocks of every segment."""
        return self.segments or (self.n_sub_blocks,)


def plan_blocks(n_origins: int, span: int) -> BlockPlan:
    """Divide origins into sub-blocks for a window or horizon plus resolution of `span` / 2 frames.

    Parameters
    ----------
    n_origins : int
    span : int
        T + delta in frames, in the window view twice the window; a block is at least 2 `span` long.

    Returns
    -------
    BlockPlan
    """
    block = max(2 * span, -(-n_origins // MOST_BLOCKS))
    sub_block = -(-block // SUB_BLOCKS)
    return BlockPlan(
        sub_block=sub_block,
        n_sub_blocks=-(-n_origins // sub_block),
        n_blocks=n_origins // (sub_block * SUB_BLOCKS),
    )


def optimal_block_length(series: np.ndarray) -> float:
    r"""Optimal block length for a correlated series.

    .. math:: b = (2 G^2 / D)^{1/3} N^{1/3}, \quad G = \sum_k \lambda(k / M) |k| R(k), \quad
        D = \tfrac{4}{3} \Bigl[\sum_k \lambda(k / M) R(k)\Bigr]^2

    with R the autocovariance, lambda the flat-top lag window and M twice the lag beyond which
    correlations are noise.

    Cost: one FFT of the series.

    Parameters
    ----------
    series : numpy.ndarray
        Shape (N,).

    Returns
    -------
    float
        In elements of the series; 1 for fewer than eight or constant elements.

    References
    ----------
    Politis and White, Econom. Rev. 23, 53 (2004), 10.1081/ETC-120028836; corrected in Patton,
    Politis and White, ibid. 28, 372 (2009), 10.1080/07474930802459016.
    """
    n = len(series)
    x = series - series.mean()
    if n < 8 or not np.any(np.abs(x) > 1e-12 * np.abs(series).max()):
        return 1.0
    spectrum = np.fft.rfft(x, 2 * n)
    covariance = np.fft.irfft(spectrum * spectrum.conj())[:n] / n
    correlation = covariance / covariance[0]
    run = max(5, int(np.ceil(np.sqrt(np.log10(n)))))
    small = np.abs(correlation[1:]) < 2 * np.sqrt(np.log10(n) / n)
    quiet = [k for k in range(len(small) - run) if small[k : k + run].all()]
    reach = min(2 * max(quiet[0] if quiet else n // 4, 1), n - 1)
    lag = np.arange(-reach, reach + 1)
    taper = np.clip(2 * (1 - np.abs(lag) / reach), 0.0, 1.0)
    weighted = taper * covariance[np.abs(lag)]
    bias, spread = np.sum(weighted * np.abs(lag)), np.sum(weighted)
    if spread == 0:
        return 1.0
    length = (2 * bias**2 / (4 / 3 * spread**2)) ** (1 / 3) * n ** (1 / 3)
    return float(np.clip(length, 1.0, np.ceil(min(3 * np.sqrt(n), n / 3))))


def lengthen_blocks(plan: BlockPlan, series: np.ndarray) -> BlockPlan:
    """Lengthen blocks to the optimal length, as long as at least ten fit.

    Parameters
    ----------
    plan : BlockPlan
    series : numpy.ndarray
        Shape (sub-blocks, quantities): mean of each quantity over every sub-block.

    Returns
    -------
    BlockPlan
        The given plan where its blocks are long enough, or fewer than ten fit.
    """
    if plan.n_blocks < FEWEST_BLOCKS:
        return plan
    wanted = max((optimal_block_length(one) for one in series.T), default=1.0)
    # keep ten complete blocks for the bootstrap, even if correlations last longer
    longest = plan.n_sub_blocks // FEWEST_BLOCKS
    per_block = min(max(plan.per_block, int(np.ceil(wanted))), max(longest, plan.per_block))
    if per_block == plan.per_block:
        return plan
    return replace(plan, per_block=per_block, n_blocks=plan.n_sub_blocks // per_block)


def join_plans(plans: Sequence[BlockPlan]) -> BlockPlan:
    """The plan of several independent segments of data (replicas).

    With ten or more segments each is a block. With fewer, blocks are drawn within segments.
    """
    segments = tuple(n for plan in plans for n in plan.stretches)
    by_segment = len(segments) >= FEWEST_BLOCKS
    per_block = max(plan.per_block for plan in plans)
    return BlockPlan(
        sub_block=max(plan.sub_block for plan in plans),
        n_sub_blocks=sum(segments),
        n_blocks=len(segments) if by_segment else sum(n // per_block for n in segments),
        per_block=per_block,
        segments=segments,
        by_segment=by_segment,
    )


def resampling_weights(plan: BlockPlan, rng: np.random.Generator) -> np.ndarray:
    """How often each sub-block enters each resampled sum.

    Parameters
    ----------
    plan : BlockPlan
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        Shape (samples, sub-blocks). From ten blocks on: moving blocks drawn with replacement
        (Kuensch, Ann. Stat. 17, 1217 (1989)), never across the join of two segments; whole
        segments where each is a block. Below: each sample leaves one block out (jackknife). Below
        three blocks: no samples.
    """
    n, length = plan.n_sub_blocks, plan.per_block
    sizes = np.array(plan.stretches)
    first_of = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    if plan.by_segment:
        drawn = rng.integers(0, len(sizes), size=(RESAMPLES, len(sizes)))
        times = np.zeros((RESAMPLES, len(sizes)))
        np.add.at(times, (np.arange(RESAMPLES)[:, None], drawn), 1.0)
        return np.repeat(times, sizes, axis=1)
    if plan.n_blocks >= FEWEST_BLOCKS:
        starts = np.concatenate(
            [f + np.arange(max(s - length + 1, 0)) for f, s in zip(first_of, sizes, strict=True)]
        )
        per_sample = round(n / length)
        first = starts[rng.integers(0, len(starts), size=(RESAMPLES, per_sample))]
        # +1 where a block begins, -1 where it ends: the cumulative sum counts the blocks
        edges = np.zeros((RESAMPLES, n + 1))
        sample = np.repeat(np.arange(RESAMPLES), per_sample)
        np.add.at(edges, (sample, first.ravel()), 1.0)
        np.add.at(edges, (sample, first.ravel() + length), -1.0)
        return np.cumsum(edges, axis=1)[:, :n]
    block = _block_of(plan)
    if block is None:
        return np.empty((0, n))
    return (block[None, :] != np.arange(block.max() + 1)[:, None]).astype(float)


def _block_of(plan: BlockPlan) -> np.ndarray | None:
    """Block of every sub-block for the jackknife; None where there are fewer than three."""
    blocks, count = [], 0
    alone = len(plan.stretches) == 1
    for size in plan.stretches:
        # a segment shorter than a block counts as one beside others
        n = plan.n_blocks if alone else max(size // plan.per_block, 1)
        if n == 0:
            return None
        blocks.append(count + np.minimum(np.arange(size) * n // size, n - 1))
        count += n
    return np.concatenate(blocks) if count >= FEWEST_FOR_INTERVAL else None


def largest_ratio(n_blocks: int) -> float:
    """Ratio of an error from blocks to the true one that chance explains: one standard error.

    Parameters
    ----------
    n_blocks : int
    """
    return 1 + 1 / float(np.sqrt(2 * max(n_blocks - 1, 1)))


def student_factor(n_blocks: int, level: float) -> float:
    """Factor by which an interval from few blocks is wider than a normal one; 1 from ten on.

    Parameters
    ----------
    n_blocks : int
    level : float
        Nominal coverage, e.g. 0.68.
    """
    if n_blocks >= FEWEST_BLOCKS:
        return 1.0
    at = (1 + level) / 2
    return float(stdtrit(n_blocks - 1, at) / ndtri(at))


def normal_samples(
    estimate: np.ndarray, samples: np.ndarray, plan: BlockPlan, rng: np.random.Generator
) -> np.ndarray:
    """A fixed number of samples: those of the bootstrap, or normal ones from the jackknife.

    Below ten blocks normal samples with the covariance of the jackknife are drawn, with the same
    random numbers for all quantities of one window.

    Parameters
    ----------
    estimate : numpy.ndarray
        Any shape.
    samples : numpy.ndarray
        Shape (samples, ...), from `resampling_weights`.
    plan : BlockPlan
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        Shape (400, ...); NaN below three blocks.
    """
    if plan.by_segment or plan.n_blocks >= FEWEST_BLOCKS:
        return samples
    if len(samples) == 0:
        return np.full((RESAMPLES, *estimate.shape), np.nan)
    g = len(samples)
    normal = rng.normal(size=(RESAMPLES, g))
    spread = (samples - samples.mean(axis=0)).reshape(g, -1)
    reach = np.sqrt((g - 1) / g) * product(normal, spread)
    return np.asarray(estimate + reach.reshape(RESAMPLES, *estimate.shape))


def interval(
    estimate: np.ndarray,
    samples: np.ndarray,
    plan: BlockPlan,
    level: float,
    *,
    least: float = -np.inf,
    most: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Low and high end of the interval of a quantity.

    Parameters
    ----------
    estimate : numpy.ndarray
        The value on all sub-blocks, any shape.
    samples : numpy.ndarray
        Shape (samples, ...): its value on each resampled sum; NaN where undefined.
    plan : BlockPlan
    level : float
        Nominal coverage, e.g. 0.68.
    least, most : float
        What the quantity cannot be below or above, e.g. 0 and 1 for a fraction.

    Returns
    -------
    low, high : numpy.ndarray
        Shape of `estimate`. Percentiles of the bootstrap; Student's t times the jackknife error
        below ten blocks; NaN where the estimate is NaN, fewer than three blocks exist, or most
        samples are undefined. They hold the estimate, which percentiles of a skewed distribution
        need not.

    References
    ----------
    Kuensch, Ann. Stat. 17, 1217 (1989), for the jackknife and the bootstrap by blocks.
    """
    nothing = np.full(estimate.shape, np.nan)
    if len(samples) == 0:
        return nothing, nothing.copy()
    if plan.by_segment or plan.n_blocks >= FEWEST_BLOCKS:
        low, high = percentiles(samples, level)
    else:
        g = len(samples)
        spread = samples - samples.mean(axis=0)
        error = np.sqrt((g - 1) / g * np.sum(spread**2, axis=0))
        reach = float(stdtrit(g - 1, 1 - (1 - level) / 2)) * error
        low, high = estimate - reach, estimate + reach
    low = np.minimum(np.maximum(low, least), estimate)
    high = np.maximum(np.minimum(high, most), estimate)
    return low, high


def percentiles(samples: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Low and high percentile of bootstrap samples.

    Parameters
    ----------
    samples : numpy.ndarray
        Shape (samples, ...).
    level : float
        Part of the samples between them, e.g. 0.68.

    Returns
    -------
    low, high : numpy.ndarray
        Shape (...); undefined samples are left out, and most of them give NaN.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], axis=0)
    gaps = np.isnan(samples).sum(axis=0)
    partly = (gaps > 0) & (gaps <= len(samples) // 2)
    if np.any(partly):
        defined = np.nanquantile(samples[:, partly], [tail, 1 - tail], axis=0)
        low, high = np.array(low), np.array(high)
        low[partly], high[partly] = defined
    return low, high


def percentiles_about(
    value: np.ndarray, samples: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles that hold the value, which those of a skewed distribution need not.

    Parameters
    ----------
    value : numpy.ndarray
        Any shape; NaN has no interval.
    samples : numpy.ndarray
        Shape (samples, ...).
    level : float

    Returns
    -------
    low, high : numpy.ndarray
        Shape of the value.
    """
    low, high = percentiles(samples, level)
    return np.minimum(low, value), np.maximum(high, value)
