"""Self parts in the diffusive limit: self-diffusivities, Nernst-Einstein conductivity, Haven ratio.

The mean squared displacement of single carriers has less noise than a collective one and its own
memory, so it has lags and weights of its own; its lags are the windows of the run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import constants

from ..onsager.block_bootstrap import (
    FEWEST_FOR_INTERVAL,
    RESAMPLES,
    BlockPlan,
    largest_ratio,
    student_factor,
)
from ..onsager.block_sums import Blocks, WindowEntry
from ..onsager.memory_models import longest_that_matters
from ..onsager.self_lags import choose_self

#: Variables of the result file that are computed here.
SELF_VARIABLES = (
    "diffusive_onsager_self",
    "diffusive_diffusivity_self",
    "diffusive_nernst_einstein",
    "diffusive_haven_ratio",
)
#: The longest lag as a fraction of the trajectory.
_LONGEST = 10
#: Of the variance of a mean over overlapping windows, blocks of two windows hold this part: they
#: miss what neighbours have in common.
_HELD = 5 / 6


def self_samples(
    blocks: Blocks, conductivity: tuple[float, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values of the self parts, and samples of them.

    Parameters
    ----------
    blocks : Blocks
    conductivity : tuple
        In the diffusive limit, S/m: value, and samples of shape (400,).

    Returns
    -------
    values, samples : dict of str to numpy.ndarray
        By the names of the result file; samples have the shape (400, ...). Normal samples with the
        analytic error, or with that of the jackknife where it is larger by more than chance, and
        the differences of the models, independent of those of the conductivity; values and
        samples below zero are zero, and the samples lie around the value. NaN where there are too
        few windows.
    """
    system = blocks.system
    n_species = len(system.charge)
    rng = blocks.rng(0, 2)
    own, drawn = np.full(n_species, np.nan), np.full((RESAMPLES, n_species), np.nan)
    for k in range(n_species):
        found = _slope(blocks, k)
        normal = rng.normal(size=RESAMPLES)
        if found is not None:
            slope, error = (x * system.onsager_factor(blocks.dt) for x in found)
            # a mean squared displacement does not fall: of caged carriers the slope is noise
            own[k] = max(slope, 0.0)
            drawn[:, k] = np.maximum(own[k] + error * normal, 0.0)
    values = _derived(own, conductivity[0], blocks)
    return values, _derived(drawn, conductivity[1], blocks)


def _derived(own: np.ndarray, sigma: float | np.ndarray, blocks: Blocks) -> dict[str, np.ndarray]:
    """All variables from self parts of shape (..., species)."""
    system = blocks.system
    nernst_einstein = constants.e**2 * own @ system.charge**2
    # D = kB T V L / N, m2/s to cm2/s
    volume, energy = system.volume * 1e-30, constants.k * system.temperature
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "diffusive_onsager_self": own,
            "diffusive_diffusivity_self": 1e4 * energy * volume * own / system.n_carriers,
            "diffusive_nernst_einstein": np.asarray(nernst_einstein),
            "diffusive_haven_ratio": np.asarray(nernst_einstein / sigma),
        }


def _slope(blocks: Blocks, species: int) -> tuple[float, float] | None:
    """Slope of the mean squared displacement, and its standard error, A^2 per frame."""
    if not blocks.windows:
        return None
    frames = trajectories(blocks)
    entries = [w for w in blocks.windows if w.frames <= sum(frames) // _LONGEST]
    if not entries:
        return None
    lags = [w.frames for w in entries]
    squared = np.array(
        [w.sums.total_squared[:, species].sum() / w.sums.origins.sum() for w in entries]
    )
    if squared.max() <= 0:
        return 0.0, 0.0
    n = int(blocks.system.n_carriers[species])
    choice = choose_self(lags, frames, squared, blocks.system.n_dimensions, n)
    if choice is None:
        return None
    slope, error = float(choice.weights @ squared), choice.error
    drawn, n_blocks = jackknife_error(entries, choice.weights, species, blocks.level)
    if drawn > error * largest_ratio(n_blocks):
        error = drawn  # carriers that are not Gaussian, such as rare hops
    return slope, float(np.hypot(error, choice.between))


def trajectories(blocks: Blocks) -> tuple[int, ...]:
    """Frames of every independent trajectory of a result.

    Parameters
    ----------
    blocks : Blocks

    Returns
    -------
    tuple of int
    """
    entry = blocks.windows[0]
    ends = np.cumsum(entry.plan.stretches)
    parts = np.split(entry.sums.origins, ends[:-1])
    return tuple(int(n.sum()) + entry.frames for n in parts)


def jackknife_error(
    entries: Sequence[WindowEntry], weights: np.ndarray, species: int, level: float
) -> tuple[float, int]:
    """Standard error of the weighted sum over lags, from blocks, and their number.

    Blocks are those of the longest window that matters, of at least four windows; where that leaves
    fewer than three, half as long, with the part of the variance that they miss. Student's factor
    below ten; NaN below three.

    Parameters
    ----------
    entries : sequence of WindowEntry
    weights : numpy.ndarray
        Shape (entries,), 1/frame.
    species : int
    level : float
        Nominal coverage of intervals that are made of the error.

    Returns
    -------
    error : float
        A^2 per frame.
    n_blocks : int
    """
    used = np.flatnonzero(weights).tolist()
    longest = entries[longest_that_matters([w.frames for w in entries], weights)].plan
    parts = _blocks_of(longest, longest.per_block)
    held = 1.0
    if sum(parts) < FEWEST_FOR_INTERVAL:
        parts, held = _blocks_of(longest, -(-longest.per_block // 2)), _HELD
    n = sum(parts)
    if n < FEWEST_FOR_INTERVAL or any(len(entries[k].plan.stretches) != len(parts) for k in used):
        return np.nan, n
    first = np.concatenate([[0], np.cumsum(parts)[:-1]])
    without = np.zeros(n)
    for k in used:
        sums, sizes = entries[k].sums, entries[k].plan.stretches
        block = np.concatenate(
            [f + np.arange(m) * p // m for f, p, m in zip(first, parts, sizes, strict=True)]
        )
        squared = np.bincount(block, sums.total_squared[:, species], n)
        origins = np.bincount(block, sums.origins, n)
        without += weights[k] * (squared.sum() - squared) / (origins.sum() - origins)
    error = np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2) / held)
    return float(error * student_factor(n, level)), n


def _blocks_of(plan: BlockPlan, per_block: int) -> list[int]:
    """Number of blocks of so many sub-blocks in every trajectory, at least one."""
    return [1 if plan.by_segment else max(size // per_block, 1) for size in plan.stretches]
