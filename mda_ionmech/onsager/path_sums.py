r"""Path and slope views: labels at one resolution, displacements correlated over a horizon.

Time is divided into steps of the resolution; each step of a carrier has one label. The
event-resolved path P^e is the sum of the steps with label e, and for every horizon T, a whole
number of steps,

.. math:: K_e(T; \delta) = \frac{\langle [P^e(t + T) - P^e(t)] \cdot D(t, T) \rangle}{2 n k_B T V},
    \qquad \sum_e K_e(T; \delta) = T L(T)

exactly. K_e / T is the path view, [K_e(T + delta) - K_e(T)] / delta the slope view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import constants

from ..lib.kernels import kernel
from .carrier_labels import CarrierLabels, carrier_segments
from .coefficients import System, spread_rows
from .window_sums import add_sub_blocks, block_products, block_sums


@dataclass(frozen=True)
class PathSums:
    """Sums over origins of one resolution and horizon, per sub-block of origins.

    Rows are the (species, label) pairs of the path view; S species, R rows, B sub-blocks. Any
    leading axes may replace B. The sums of the next horizon, longer by one resolution, share the
    sub-blocks; they are empty where the trajectory is too short for it.

    Attributes
    ----------
    origins, next_origins : numpy.ndarray
        Shape (B,): number of time origins.
    marginal, next_marginal : numpy.ndarray
        Shape (B, R, S), A^2: sum of [P^row(t + T) - P^row(t)] . D_B(t, T).
    total, next_total : numpy.ndarray
        Shape (B, S, S), A^2: sum of D_A(t, T) . D_B(t, T), without labels.
    """

    origins: np.ndarray
    marginal: np.ndarray
    total: np.ndarray
    next_origins: np.ndarray
    next_marginal: np.ndarray
    next_total: np.ndarray

    def resampled(self, weights: np.ndarray) -> PathSums:
        """Weighted sums over sub-blocks.

        Parameters
        ----------
        weights : numpy.ndarray
            Shape (samples, B).

        Returns
        -------
        PathSums
            Arrays with the axis samples in place of B.
        """
        return PathSums(**add_sub_blocks(self, weights))


def event_paths(steps: np.ndarray, resolution: int) -> np.ndarray:
    """Event-resolved paths of all interleaved series of steps.

    Cost: one pass over rows x frames.

    Parameters
    ----------
    steps : numpy.ndarray
        Shape (..., origins), e.g. (rows, 3, origins) in Angstrom: D^e of the step that starts at
        each origin.
    resolution : int
        Frames per step.

    Returns
    -------
    numpy.ndarray
        Shape (..., origins + resolution): frame t belongs to series t modulo the resolution; the
        difference of frames a whole number of steps apart is the sum of the steps between them.
    """
    *lead, n_origins = steps.shape
    path = np.zeros((*lead, n_origins + resolution))
    _add_steps(steps.reshape(-1, n_origins), resolution, path.reshape(-1, n_origins + resolution))
    return path


@kernel
def _add_steps(steps, resolution, path):  # type: ignore[no-untyped-def]
    """Fill path (rows, frames) after its first `resolution` frames from steps (rows, origins)."""
    for r in range(steps.shape[0]):
        for t in range(steps.shape[1]):
            path[r, t + resolution] = path[r, t] + steps[r, t]


def path_sums(
    path: np.ndarray, collective: np.ndarray, resolution: int, n_steps: int, sub_block: int
) -> PathSums:
    """Sums of one resolution and horizon, and of the next horizon.

    Cost: R S per origin, independent of the number of carriers.

    Parameters
    ----------
    path : numpy.ndarray
        Shape (rows, 3, frames), from `event_paths`.
    collective : numpy.ndarray
        Shape (species, 3, frames), Angstrom: sum of the positions of all carriers of a species.
    resolution : int
        Frames.
    n_steps : int
        Steps per horizon.
    sub_block : int
        Origins per sub-block.

    Returns
    -------
    PathSums
    """
    horizon = n_steps * resolution
    n_blocks = -(-(collective.shape[-1] - horizon) // sub_block)
    now, longer = (
        lagged_products(path, collective, lag, sub_block, n_blocks)
        for lag in (horizon, horizon + resolution)
    )
    return PathSums(*now, *longer)


def lagged_products(
    path: np.ndarray, collective: np.ndarray, lag: int, sub_block: int, n_blocks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of origins and sums of products of displacements over one lag, per sub-block.

    Parameters
    ----------
    path : numpy.ndarray
        Shape (rows, 3, frames), from `event_paths`.
    collective : numpy.ndarray
        Shape (species, 3, frames), Angstrom.
    lag : int
        Frames.
    sub_block : int
        Origins per sub-block.
    n_blocks : int
        Number of sub-blocks; those without origins at this lag hold 0.

    Returns
    -------
    origins, marginal, total : numpy.ndarray
        Shape (sub-blocks,), (sub-blocks, rows, species) and (sub-blocks, species, species), A^2.
    """
    n_rows, n_species, n_origins = len(path), len(collective), collective.shape[-1] - lag
    out = (
        np.zeros(n_blocks),
        np.zeros((n_blocks, n_rows, n_species)),
        np.zeros((n_blocks, n_species, n_species)),
    )
    if n_origins < 1:
        return out
    count = block_sums(np.ones((1, n_origins)), sub_block)[:, 0]
    out[0][: len(count)] = count
    for axis in range(3):
        moved, total = (x[:, axis, lag:] - x[:, axis, :-lag] for x in (path, collective))
        for target, left in ((out[1], moved), (out[2], total)):
            products = block_products(left, total, sub_block)
            target[: len(products)] += products
    return out


def evaluate_paths(
    sums: PathSums, system: System, horizon: float, resolution: float
) -> dict[str, np.ndarray]:
    """Path and slope view of one resolution and horizon from sums of any leading shape.

    Parameters
    ----------
    sums : PathSums
    system : System
        With the rows of the path view.
    horizon, resolution : float
        ps.

    Returns
    -------
    dict of str to numpy.ndarray
        By the names of the result file, without the axes resolution and horizon, and the totals
        ``_path`` and ``_slope`` (..., species, species_2), 1/(J m s), from the collective paths
        without labels. NaN where the next horizon does not fit.
    """
    n_species = len(system.charge)
    lead = sums.origins.shape

    def mean(values: np.ndarray, origins: np.ndarray) -> np.ndarray:
        shape = (*lead, *[1] * (values.ndim - len(lead)))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(origins.reshape(shape) > 0, values / origins.reshape(shape), np.nan)

    def by_event(rows: np.ndarray) -> np.ndarray:
        return np.swapaxes(spread_rows(rows, system, lead, (n_species,)), -1, -2)

    whole = system.onsager_factor(horizon)
    part = system.onsager_factor(resolution)
    now, later = (
        mean(sums.marginal, sums.origins),
        mean(sums.next_marginal, sums.next_origins),
    )
    total, later_total = (
        mean(sums.total, sums.origins),
        mean(sums.next_total, sums.next_origins),
    )
    out = {
        "path_onsager": by_event(now * whole),
        "path_slope": by_event((later - now) * part),
        "_path": total * whole,
        "_slope": (later_total - total) * part,
    }
    e2, z = constants.e**2, system.charge
    for view, name in (("path_onsager", "path_conductivity"), ("path_slope", "slope_conductivity")):
        out[name] = e2 * np.einsum("a,...abe,b->...ae", z, out[view], z)
    return out


def path_residual(sums: PathSums, system: System, squared: np.ndarray) -> float:
    """Largest violation of additivity of one resolution and horizon; see `residual`.

    NaN where a sum is not finite.

    Parameters
    ----------
    sums : PathSums
        Of the whole trajectory.
    system : System
    squared : numpy.ndarray
        Shape (species,), A^2: mean over origins of the summed squared displacements over the
        horizon, of all carriers of a species.

    Returns
    -------
    float
    """
    worst = 0.0
    z = system.charge
    scale = np.sqrt(squared[:, None] * squared[None, :])
    for marginal, total, origins in (
        (sums.marginal, sums.total, sums.origins),
        (sums.next_marginal, sums.next_total, sums.next_origins),
    ):
        n = float(origins.sum())
        if n == 0:
            continue
        by_species = np.zeros_like(total.sum(axis=0))
        np.add.at(by_species, system.row_species, marginal.sum(axis=0))
        gap = (by_species - total.sum(axis=0)) / n
        relative = np.divide(np.abs(gap), scale, out=np.zeros_like(gap), where=scale != 0)
        worst = np.maximum(worst, relative.max())
        nernst_einstein = float(z**2 @ squared)
        if nernst_einstein != 0:
            worst = np.maximum(worst, abs(z @ gap @ z) / nernst_einstein)
    return float(worst)


def mean_squares(positions: Sequence[np.ndarray], horizon: int) -> np.ndarray:
    """Mean over origins of the summed squared displacements over a horizon, by species.

    Cost: one pass over carriers x frames.

    Parameters
    ----------
    positions : sequence of numpy.ndarray
        Shape (carriers, 3, frames), Angstrom, of each species.
    horizon : int
        Frames.

    Returns
    -------
    numpy.ndarray
        Shape (species,), A^2.
    """
    squared = np.zeros(len(positions))
    for k, position in enumerate(positions):
        for carrier in position:
            d = carrier[:, horizon:] - carrier[:, :-horizon]
            # not by the linear algebra library, whose last bits depend on the number of threads
            squared[k] += np.square(d).sum() / d.shape[1]
    return squared


def self_parts(carriers: CarrierLabels, resolution: int, n_steps: int) -> np.ndarray:
    """Self parts of one species in the path view: sum over carriers of dP_i^e . dr_i.

    Cost: one pass over labels x carriers x frames.

    Parameters
    ----------
    carriers : CarrierLabels
    resolution : int
        Frames.
    n_steps : int
        Steps per horizon.

    Returns
    -------
    numpy.ndarray
        Shape (labels, origins), A^2; with `site_positions` the last label is vibration.
    """
    n_frames = carriers.position.shape[-1]
    horizon, n_origins = n_steps * resolution, n_frames - resolution
    offsets, begin, code = carrier_segments(carriers, resolution)
    out = np.zeros((carriers.n_path_labels, n_frames - horizon))
    site_images = (
        None if carriers.joint is None else carriers.joint.linked.site_images(carriers.joint.member)
    )
    for c, one in enumerate(carriers.position):
        mine = slice(offsets[c], offsets[c + 1])
        length = np.diff(np.append(begin[mine], n_origins))
        label = np.repeat(code[mine], length)
        walked = one
        if carriers.site_positions is not None:
            assert site_images is not None
            walked = carriers.site_positions[site_images(c)].T
        step = walked[:, resolution:] - walked[:, :-resolution]
        steps = np.zeros((carriers.n_path_labels, 3, n_origins))
        steps[label, :, np.arange(n_origins)] = step.T
        if carriers.site_positions is not None:
            steps[-1] = one[:, resolution:] - one[:, :-resolution] - step
        path = event_paths(steps, resolution)
        moved = path[..., horizon:] - path[..., :-horizon]
        out += np.einsum("ext,xt->et", moved, one[:, horizon:] - one[:, :-horizon])
    return out
