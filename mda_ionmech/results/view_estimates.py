"""Tables of the path and slope views, transference numbers of events, and bootstrap samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import onsager
from ..onsager.block_bootstrap import RESAMPLES, normal_samples
from ..onsager.block_sums import Blocks, PathEntry, WindowEntry
from ..onsager.coefficients import MAX_RESIDUAL
from .diffusive_view import DIFFUSIVE_VARIABLES, diffusive_view
from .estimates import _PATH_VARIABLES, path_rng, path_samples, window_samples
from .schema import load_schema


@dataclass(frozen=True)
class ViewTable:
    """One resolution and horizon of the path or slope view of a species.

    Attributes
    ----------
    events : tuple of str
        Labels of the species.
    columns : dict of str to numpy.ndarray
        ``share``, ``onsager`` (1/(J m s)) and the ends of their intervals.
    total : tuple of float
        The sum with its interval, 1/(J m s).
    """

    events: tuple[str, ...]
    columns: dict[str, np.ndarray]
    total: tuple[float, float, float]


def view_table(entry: PathEntry, blocks: Blocks, view: str, species: int) -> ViewTable:
    """Contributions and shares of the events in the path or slope view, with intervals.

    Shares are NaN where the total is zero within rounding errors or its interval.
    """
    first, samples = path_samples(entry, blocks)
    which = blocks.path_rows[1][blocks.path_rows[0] == species]
    part, whole = ("path_onsager", "_path") if view == "path" else ("path_slope", "_slope")
    own = species, species
    value, total = first[part][own][which], first[whole][own]
    drawn, drawn_total = samples[part][:, *own][:, which], samples[whole][:, *own]

    def interval(estimate: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return onsager.interval(np.asarray(estimate), of, entry.plan, blocks.level)

    low, high = interval(total, drawn_total)
    scale = np.abs(first["_path"][own])
    undefined = bool(low <= 0 <= high or abs(total) <= MAX_RESIDUAL * scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(undefined, np.nan, value / total)
        shares = interval(share, drawn / drawn_total[:, None])
    parts = interval(value, drawn)
    return ViewTable(
        events=tuple(blocks.events[k] for k in which),
        columns={
            "share": share,
            "share_low": shares[0],
            "share_high": shares[1],
            "onsager": value,
            "onsager_low": parts[0],
            "onsager_high": parts[1],
        },
        total=(float(total), float(low), float(high)),
    )


def event_transference(
    entry: WindowEntry, blocks: Blocks
) -> dict[tuple[str, str], tuple[float, float, float, float]]:
    """Fraction of the conductivity, with its interval, and conductivity by species and label."""
    first, samples = window_samples(entry, blocks)
    with np.errstate(divide="ignore", invalid="ignore"):  # no share of a conductivity of 0
        share = first["event_conductivity"] / first["conductivity"]
        drawn = samples["event_conductivity"] / samples["conductivity"][:, None, None]
    share = np.where(np.isfinite(share), share, np.nan)
    low, high = onsager.interval(share, drawn, entry.plan, blocks.level)
    rows = zip(blocks.system.row_species, blocks.system.row_label, strict=True)
    return {
        (blocks.names[a], blocks.events[e]): (
            float(share[a, e]),
            float(low[a, e]),
            float(high[a, e]),
            float(first["event_conductivity"][a, e]),
        )
        for a, e in rows
    }


def samples_of(name: str, blocks: Blocks) -> np.ndarray:
    """Joint samples of a variable of the groups decomposition or transitions.

    Parameters
    ----------
    name : str
    blocks : Blocks

    Returns
    -------
    numpy.ndarray
        Shape (400, *dimensions of the variable): bootstrap samples; below ten blocks normal samples
        with the covariance of the jackknife; NaN below three blocks. Samples of equal number are of
        one resampled sum for all variables of a window, or of a resolution and horizon.

    Raises
    ------
    KeyError
        For a variable that has no samples.
    """
    groups = load_schema()["groups"]
    specs = groups["/decomposition"]["variables"] | groups["/transitions"]["variables"]
    dims = specs[name]["dims"]
    if name in DIFFUSIVE_VARIABLES:
        resampled = diffusive_view(blocks).samples
        if name not in resampled:
            raise KeyError(name)
        return resampled[name]
    if name in _PATH_VARIABLES:
        if not blocks.paths:
            raise KeyError(name)
        shape: Any = None
        out: Any = None
        for entry in blocks.paths:
            first, samples = path_samples(entry, blocks)
            drawn = normal_samples(first[name], samples[name], entry.plan, path_rng(entry, blocks))
            if out is None:
                shape = (len(blocks.resolutions), len(blocks.horizons))
                out = np.full((*drawn.shape, *shape), np.nan)
            out[(..., *blocks.place(entry))] = drawn
        return np.asarray(out)
    stacked = []
    for window in blocks.scanned:
        first, samples = window_samples(window, blocks)
        if name not in samples:
            raise KeyError(name)
        stacked.append(
            normal_samples(first[name], samples[name], window.plan, blocks.rng(window.frames, 1))
        )
    assert all(len(s) == RESAMPLES for s in stacked)
    return np.stack(stacked, axis=1 + dims.index("window"))
