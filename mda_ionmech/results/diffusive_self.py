"""Self parts in the diffusive limit: self-diffusivities, Nernst-Einstein conductivity, Haven ratio.

The mean squared displacement of single carriers has less noise than a collective one and its own
memory, so it has lags and weights of its own; its lags are the windows of the run.
"""

from __future__ import annotations

import numpy as np
from scipy import constants

from ..onsager.block_bootstrap import RESAMPLES, resampling_weights
from ..onsager.block_sums import Blocks, WindowEntry
from ..onsager.lag_choice import choose_self

#: Variables of the result file that are computed here.
SELF_VARIABLES = (
    "diffusive_onsager_self",
    "diffusive_diffusivity_self",
    "diffusive_nernst_einstein",
    "diffusive_haven_ratio",
)
#: The longest lag as a fraction of the trajectory.
_LONGEST = 10


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
        larger of the analytic error and that of the bootstrap at the longest lag that matters,
        independent of those of the conductivity; values and samples below zero are zero. NaN where
        there are too few windows.
    """
    system = blocks.system
    n_species = len(system.charge)
    rng = blocks.rng(0, 2)
    own, drawn = np.full(n_species, np.nan), np.full((RESAMPLES, n_species), np.nan)
    for k in range(n_species):
        found = _slope(blocks, k)
        normal = rng.normal(size=RESAMPLES)
        if found is not None:
            slope = found[0] * system.onsager_factor(blocks.dt)
            # a mean squared displacement does not fall: of caged carriers the slope is noise
            own[k] = max(slope, 0.0)
            drawn[:, k] = np.maximum(slope * (1 + found[1] * normal), 0.0)
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
    """Slope of the mean squared displacement, A^2 per frame, and its relative error."""
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
    slope = float(choice.weights @ squared)
    error = _bootstrap_error(entries[lags.index(choice.longest)], species, blocks)
    return slope, max(choice.relative_error, error)


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


def _bootstrap_error(entry: WindowEntry, species: int, blocks: Blocks) -> float:
    """Relative error of the mean squared displacement over one window."""
    times = resampling_weights(entry.plan, blocks.rng(entry.frames))
    if len(times) < 2:
        return float("nan")
    drawn = (times @ entry.sums.total_squared[:, species]) / (times @ entry.sums.origins)
    scale = np.sqrt(len(times) - 1) if len(times) == entry.plan.n_blocks else 1.0
    return float(scale * drawn.std() / drawn.mean())
