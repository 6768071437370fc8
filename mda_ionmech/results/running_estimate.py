"""Coefficient and shares in the diffusive limit against the length of trajectory used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import constants

from ..lib.checks import whole
from ..lib.whole_frames import whole_frames
from .diffusive_view import weights_at
from .ends import with_ends

if TYPE_CHECKING:
    import pandas as pd


#: Most parts of the trajectory.
MOST_PARTS = 50


def running_estimate(results: Any, parts: int, species: str | None) -> pd.DataFrame:
    """See `Results.running_estimate`."""
    import pandas as pd

    from ..lib.unit_table import UnitTable

    remedy = "give how many lengths to compare, e.g. 10"
    parts = whole("parts", parts, least=2, most=MOST_PARTS, remedy=remedy)
    name = results._species(species)
    summary = results.summary(view="diffusive", species=name)
    blocks = results.blocks
    frames = whole_frames(summary.attrs["resolution_ps"], blocks.dt)
    sums = next(one for one in blocks.lags if one.resolution == frames)
    lags, weights = weights_at(results.decomposition, blocks, sums)
    at = np.array([sums.lags.index(t) for t in lags])
    k = blocks.names.index(name)
    rows = np.flatnonzero(blocks.path_rows[0] == k)
    values = np.concatenate(
        [sums.total[:, at, k, k][:, :, None], sums.marginal[:, at][:, :, rows, k]], axis=2
    )
    origins = sums.origins[:, at]
    factor = blocks.system.onsager_factor(blocks.dt)
    total, low, high = summary.attrs["total"]
    columns = ["onsager", *summary.index]
    out = {}
    for key, used in _used(len(values), parts):
        counted = origins[used].sum(axis=0)
        out[key] = np.full(len(columns), np.nan)
        if np.all(counted > 0):  # else the longest lag has no origin there
            found = weights @ (values[used].sum(axis=0) / counted[:, None]) * factor
            out[key] = np.concatenate([found[:1], found[1:] / found[0]])
    table = pd.DataFrame.from_dict(out, orient="index", columns=columns)
    table.index = pd.MultiIndex.from_tuples(out, names=["direction", "fraction"])
    fraction = table.index.get_level_values("fraction").to_numpy()
    table.insert(1, "error", (high - low) / 2 / np.sqrt(fraction))
    table.attrs = {
        "species": name,
        "resolution_ps": summary.attrs["resolution_ps"],
        "length_ns": sum(sums.frames) * blocks.dt / 1000,
        "level": blocks.level,
        "units": {"onsager": "1/(J m s)", "error": "1/(J m s)"},
        "total": total,
    }
    return UnitTable.of(table)


def _used(n_blocks: int, parts: int) -> Iterator[tuple[tuple[str, float], slice]]:
    """Direction and fraction of each part of the trajectory, and its blocks."""
    for direction in ("forward", "backward"):
        for part in range(1, parts + 1):
            used = -(-n_blocks * part // parts)
            chosen = slice(used) if direction == "forward" else slice(None, -used - 1, -1)
            yield (direction, part / parts), chosen


def running_conductivity(results: Any, parts: int) -> pd.DataFrame:
    """The conductivity in the diffusive limit from the first and from the last part.

    Parameters
    ----------
    results : Results
        With a diffusive view.
    parts : int
        Number of lengths, 2 to 50.

    Returns
    -------
    pandas.DataFrame
        Index (direction, fraction); columns ``conductivity`` and its ``error`` (S/m), as in
        `Results.running_estimate`.
    """
    import pandas as pd

    data, blocks = results.decomposition, results.blocks
    about = data["diffusive_onsager"].attrs
    lags = np.round(np.asarray(about["lag_ps"]) / blocks.dt).astype(int)
    sums = next(one for one in blocks.lags if {int(t) for t in lags} <= set(one.lags))
    at = np.array([sums.lags.index(int(t)) for t in lags])
    weights = np.asarray(about["weight_per_ps"]) * blocks.dt
    charge = blocks.system.charge
    values = np.einsum("a,blac,c->bl", charge, sums.total[:, at], charge)
    factor = constants.e**2 * blocks.system.onsager_factor(blocks.dt)
    _, low, high = with_ends(data, "diffusive_conductivity")
    out = {}
    for key, used in _used(len(values), parts):
        counted = sums.origins[used][:, at].sum(axis=0)
        known = bool(np.all(counted > 0))
        mean = values[used].sum(axis=0) / counted if known else np.nan
        error = (high - low) / 2 / np.sqrt(key[1])
        out[key] = float(np.sum(weights * mean) * factor), error
    table = pd.DataFrame.from_dict(out, orient="index", columns=["conductivity", "error"])
    table.index = pd.MultiIndex.from_tuples(out, names=["direction", "fraction"])
    return table
