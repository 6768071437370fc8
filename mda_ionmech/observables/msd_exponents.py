"""Exponents of mean squared displacements, and the finite-size correction.

A slope d ln M / d ln T of 1 is diffusion; below 1 the motion is caged or subdiffusive over these
times, and coefficients from these windows are not transport coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import constants

from ..lib.errors import InputError
from ..lib.tables import indexed
from ..onsager.block_bootstrap import interval, lengthen_blocks, plan_blocks, resampling_weights
from ..onsager.labelled_run import LabelledRun
from ..onsager.window_kernels import collective_path

if TYPE_CHECKING:
    import pandas as pd

#: Constant xi of a cubic lattice of point forces in a viscous background (as for point charges).
XI = 2.837297
#: Largest relative difference of edges, and largest cosine of an angle, of a cell that is cubic.
CUBIC = 0.05
_CARRIERS_AT_ONCE = 64


def squared_displacements(position: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Self and collective squared displacement of every origin.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom.
    window : int
        Frames.

    Returns
    -------
    own, whole : numpy.ndarray
        Shape (origins,), A^2: sum of ``|d_i|^2``, and the square of the sum of d_i.
    """
    n_origins = position.shape[2] - window
    own, moved = np.zeros(n_origins), np.zeros((3, n_origins))
    for first in range(0, len(position), _CARRIERS_AT_ONCE):  # bounds the memory
        part = position[first : first + _CARRIERS_AT_ONCE]
        d = part[:, :, window:] - part[:, :, :-window]
        own += np.einsum("ixt,ixt->t", d, d)
        moved += d.sum(axis=0)
    return own, np.einsum("xt,xt->t", moved, moved)


@dataclass(frozen=True)
class Growth:
    """Growth of a mean squared displacement from one window to a longer one.

    Attributes
    ----------
    exponent, slope : tuple of float
        Value, low and high end of its interval; the slope in A^2 per frame. NaN where undefined.
    n_blocks : int
    """

    exponent: tuple[float, float, float]
    slope: tuple[float, float, float]
    n_blocks: int


def growth(
    shorter: np.ndarray, longer: np.ndarray, windows: tuple[int, int], *, seed: int, level: float
) -> Growth:
    r"""Exponent and slope between two windows, with intervals.

    .. math:: \alpha = \frac{\ln (M(T_2) / M(T_1))}{\ln (T_2 / T_1)}, \qquad
        s = \frac{M(T_2) - M(T_1)}{T_2 - T_1}

    Both means are resampled together, over the blocks of the longer window.

    Parameters
    ----------
    shorter, longer : numpy.ndarray
        Shape (origins of the window,), A^2: squared displacement of every origin.
    windows : (int, int)
        Frames, ascending.
    seed : int
    level : float

    Returns
    -------
    Growth
    """
    plan = plan_blocks(len(longer), 2 * windows[1])
    parts = []
    for square in (shorter, longer):
        # origins missing in the longer window belong to the last sub-block
        block = np.minimum(np.arange(len(square)) // plan.sub_block, plan.n_sub_blocks - 1)
        sums = np.bincount(block, square, plan.n_sub_blocks)
        parts.append((sums, np.bincount(block, minlength=plan.n_sub_blocks)))
    plan = lengthen_blocks(plan, np.stack([s / c for s, c in parts], axis=1))
    weights = resampling_weights(plan, np.random.default_rng([seed, *windows]))

    def estimates(means: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            exponent = np.log(means[1] / means[0]) / np.log(windows[1] / windows[0])
        slope = (means[1] - means[0]) / (windows[1] - windows[0])
        return np.where(np.isfinite(exponent), exponent, np.nan), slope

    values = estimates([np.asarray(s.sum() / c.sum()) for s, c in parts])
    samples = estimates([(weights @ s) / (weights @ c) for s, c in parts])
    spans = [interval(v, x, plan, level) for v, x in zip(values, samples, strict=True)]
    exponent, slope = (
        (float(v), float(low), float(high)) for v, (low, high) in zip(values, spans, strict=True)
    )
    return Growth(exponent, slope, plan.n_blocks)


def cubic_length(
    cell: np.ndarray,
    what: str = "viscosity=...: the finite-size correction",
    remedy: str = "leave viscosity out, or extrapolate over cells of several sizes",
) -> float:
    """Edge of a nearly cubic cell, Angstrom.

    Parameters
    ----------
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: rows are the cell vectors.
    what, remedy : str
        What holds for a cubic cell alone, and what to do instead, for the message.

    Raises
    ------
    InputError
        If edges differ, or angles from 90 degrees, too much for the correction for a cube.
    """
    edges = np.linalg.norm(cell, axis=1)
    cosines = (cell @ cell.T / np.outer(edges, edges))[np.triu_indices(3, 1)]
    if np.ptp(edges) > CUBIC * edges.mean() or np.abs(cosines).max() > CUBIC:
        angles = np.degrees(np.arccos(cosines))[::-1]
        raise InputError(
            f"{what} holds for a cubic cell, and this one has edges of {_listed(edges)} Å and "
            f"angles of {_listed(angles)} degrees; {remedy}"
        )
    return float(np.abs(np.linalg.det(cell)) ** (1 / 3))


def _listed(values: Sequence[float] | np.ndarray) -> str:
    return ", ".join(f"{v:.1f}" for v in values)


def finite_size_shift(temperature: float, viscosity: float, length: float) -> float:
    r"""Finite-size correction of a self-diffusion coefficient in a periodic cell, cm^2/s.

    .. math:: D_\infty - D_L = \frac{k_B T\, \xi}{6 \pi \eta L}

    Parameters
    ----------
    temperature : float
        K.
    viscosity : float
        Of the liquid, mPa s: that of the force field, not of the experiment.
    length : float
        Edge of the cubic cell, Angstrom.

    Notes
    -----
    Duenweg and Kremer, J. Chem. Phys. 99, 6983 (1993); Yeh and Hummer, J. Phys. Chem. B 108, 15873
    (2004). For isotropic liquids in a cubic cell; the correction is the same for all species.
    """
    eta, edge = viscosity * 1e-3, length * 1e-10
    return float(1e4 * constants.k * temperature * XI / (6 * np.pi * eta * edge))


def exponents(run: LabelledRun) -> pd.DataFrame:
    """Exponents of the mean squared displacements; see `OnsagerDecomposition.exponents`."""
    import pandas as pd

    from ..lib.unit_table import UnitTable

    windows = [int(n) for n in run.windows]
    if len(windows) < 2:
        raise InputError(
            f"exponents() compares windows, and this run has one, {windows[0] * run.dt:g} "
            "ps; run with windows='log' or several lengths"
        )
    squares: dict[tuple[str, str], list[np.ndarray]] = {}
    carriers = {s.name: float(s.n_carriers) for s in run.species}
    carriers["all"] = sum(s.charge**2 * s.n_carriers for s in run.species)
    for n in windows:
        current = np.zeros((3, run.n_frames))
        for one in run.species:
            position = one.labels.position
            own, whole = squared_displacements(position, n)
            squares.setdefault((one.name, "self"), []).append(own)
            squares.setdefault((one.name, "collective"), []).append(whole)
            current += one.charge * collective_path(position)
        if any(one.charge for one in run.species):
            _, charge = squared_displacements(current[None], n)
            squares.setdefault(("all", "charge"), []).append(charge)
    rows = []
    for (name, part), series in squares.items():
        for k in range(len(windows) - 1):
            pair = windows[k], windows[k + 1]
            grown = growth(series[k], series[k + 1], pair, seed=run.seed, level=run.level)
            times = [n * run.dt for n in pair]
            # A^2 / ps = 1e-4 cm^2 / s
            per_carrier = 1e-4 / (2 * len(run.axes) * run.dt * carriers[name])
            slopes = [x * per_carrier for x in grown.slope]
            rows.append([name, part, *times, *grown.exponent, *slopes, grown.n_blocks])
    names = ["species", "part", "shorter", "longer"]
    for value in ("exponent", "diffusivity"):
        names += [value, f"{value}_low", f"{value}_high"]
    names.append("blocks")
    table = indexed(pd.DataFrame(rows, columns=names), 4)
    table.attrs = {
        "level": run.level,
        "units": {"shorter": "ps", "longer": "ps", "exponent": "1", "diffusivity": "cm2/s"},
    }
    return UnitTable.of(table)
