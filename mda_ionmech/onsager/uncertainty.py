"""Intervals from moving blocks of time origins.

Origins overlap and events are correlated, so errors come from blocks of consecutive origins, all
labels resampled together. Blocks are at least 2 (T + delta) long, which is four windows in the
window view, and no more than fifty fit the trajectory, which covers memory beyond the window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

#: Sub-blocks a block is built from.
SUB_BLOCKS = 10
#: At most this many blocks: longer blocks cover correlations longer than the window.
MOST_BLOCKS = 50
#: Below this many blocks the jackknife replaces the bootstrap and the window is flagged.
FEWEST_BLOCKS = 10
#: Bootstrap samples.
RESAMPLES = 400


@dataclass(frozen=True)
class BlockPlan:
    """How the origins of one window length are cut.

    Attributes
    ----------
    sub_block : int
        Origins per sub-block.
    n_sub_blocks : int
    n_blocks : int
        Whole blocks of ten sub-blocks.
    """

    sub_block: int
    n_sub_blocks: int
    n_blocks: int


def plan_blocks(n_origins: int, span: int) -> BlockPlan:
    """Cut origins into sub-blocks for a window or horizon plus resolution of `span` / 2 frames.

    Parameters
    ----------
    n_origins : int
    span : int
        T + delta in frames; a block is at least twice as long. In the window view 2 windows.
    """
    block = max(2 * span, -(-n_origins // MOST_BLOCKS))
    sub_block = -(-block // SUB_BLOCKS)
    return BlockPlan(
        sub_block=sub_block,
        n_sub_blocks=-(-n_origins // sub_block),
        n_blocks=n_origins // (sub_block * SUB_BLOCKS),
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
        Shape (samples, sub-blocks). From ten blocks on: moving blocks of ten sub-blocks drawn with
        replacement (Kuensch, Ann. Stat. 17, 1217 (1989)). Below: each sample leaves one block out
        (jackknife). Below two blocks: no samples.
    """
    n = plan.n_sub_blocks
    if plan.n_blocks >= FEWEST_BLOCKS:
        per_sample = round(n / SUB_BLOCKS)
        first = rng.integers(0, n - SUB_BLOCKS + 1, size=(RESAMPLES, per_sample))
        # +1 where a block begins, -1 where it has ended: their running sum counts the cover
        edges = np.zeros((RESAMPLES, n + 1))
        sample = np.repeat(np.arange(RESAMPLES), per_sample)
        np.add.at(edges, (sample, first.ravel()), 1.0)
        np.add.at(edges, (sample, first.ravel() + SUB_BLOCKS), -1.0)
        return np.cumsum(edges, axis=1)[:, :n]
    if plan.n_blocks < 2:
        return np.empty((0, n))
    block = np.minimum(np.arange(n) * plan.n_blocks // n, plan.n_blocks - 1)
    return (block[None, :] != np.arange(plan.n_blocks)[:, None]).astype(float)


def interval(
    estimate: np.ndarray, samples: np.ndarray, plan: BlockPlan, level: float
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

    Returns
    -------
    low, high : numpy.ndarray
        Percentiles of the bootstrap; Student's t times the jackknife error below ten blocks; NaN
        where the estimate is NaN, fewer than two blocks exist, or most samples are undefined.
    """
    nothing = np.full(estimate.shape, np.nan)
    if len(samples) == 0:
        return nothing, nothing.copy()
    tail = (1 - level) / 2
    if plan.n_blocks >= FEWEST_BLOCKS:
        low, high = np.quantile(samples, [tail, 1 - tail], axis=0)
        gaps = np.isnan(samples).sum(axis=0)
        partly = (gaps > 0) & (gaps <= len(samples) // 2)
        if np.any(partly):
            defined = np.nanquantile(samples[:, partly], [tail, 1 - tail], axis=0)
            low, high = np.array(low), np.array(high)
            low[partly], high[partly] = defined
    else:
        g = plan.n_blocks
        spread = samples - samples.mean(axis=0)
        error = np.sqrt((g - 1) / g * np.sum(spread**2, axis=0))
        reach = float(student_t.ppf(1 - tail, g - 1)) * error
        low, high = estimate - reach, estimate + reach
    undefined = np.isnan(estimate)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)
