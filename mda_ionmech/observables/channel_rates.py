"""Rates of transitions between site labels or macrostates: counts over exposure.

A channel is here a pair of labels from start to end, whatever the distance between sites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv

from .. import onsager
from ..lib.checks import is_one_of, shown
from ..lib.errors import InputError
from ..lib.tables import indexed
from ..onsager.block_bootstrap import BlockPlan
from ..onsager.labelled_run import LabelledRun
from .contact_survival import channel_counts

if TYPE_CHECKING:
    import pandas as pd


#: Below so many hops blocks say little: the interval is at least that of a Poisson count.
FEW = 10


def poisson_limits(count: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Exact interval of the mean of a Poisson count.

    Parameters
    ----------
    count : numpy.ndarray
        Any shape.
    level : float
        Coverage, at least.

    Returns
    -------
    low, high : numpy.ndarray
        Of the shape of `count`.

    References
    ----------
    Garwood, Biometrika 28, 437 (1936), 10.1093/biomet/28.3-4.437.
    """
    count, tail = np.asarray(count, dtype=np.float64), (1 - level) / 2
    low = np.where(count > 0, gammaincinv(np.maximum(count, 1), tail), 0.0)
    return low, gammaincinv(count + 1, 1 - tail)


def rates_with_intervals(
    changes: np.ndarray, exposure: np.ndarray, plan: BlockPlan, *, seed: int, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts over exposure, with intervals from blocks and at least those of Poisson counts.

    Parameters
    ----------
    changes : numpy.ndarray
        Shape (sub-blocks, ...): counts.
    exposure : numpy.ndarray
        Shape (sub-blocks, ...), which broadcasts with `changes`: carriers times ns.
    plan : BlockPlan
    seed : int
    level : float
        Nominal coverage.

    Returns
    -------
    rate, low, high : numpy.ndarray
        Shape (...), 1/ns; NaN without exposure.
    """
    weights = onsager.resampling_weights(plan, np.random.default_rng([seed, 0]))
    count, exposed = changes.sum(axis=0), exposure.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = count / exposed
        drawn = np.tensordot(weights, changes, 1) / np.tensordot(weights, exposure, 1)
        least, most = (limit / exposed for limit in poisson_limits(count, level))
    drawn = np.where(np.isfinite(drawn), drawn, np.nan)
    low, high = onsager.interval(rate, drawn, plan, level, least=0)
    few = count < FEW
    low = np.where(few, np.fmin(low, least), low)
    high = np.where(few, np.fmax(high, most), high)
    return rate, low, high


def channel_rates(run: LabelledRun, species: str | None) -> pd.DataFrame:
    """Rates of transitions from label to label; see `OnsagerDecomposition.channel_rates`."""
    import pandas as pd

    from ..lib.unit_table import UnitTable

    on_sites = [s.name for s in run.species if s.has_sites]
    with_macrostates = [s.name for s in run.species if s.macrostates is not None]
    able = list(dict.fromkeys([*on_sites, *with_macrostates]))
    if not able:
        raise InputError(
            "channel_rates() needs a species on sites or with macrostates, and this run has none; "
            "give one microstates=SiteAssignment... or macrostates=..., e.g. IonPairing()"
        )
    name = able[0] if species is None else species
    if not is_one_of(name, able):
        raise InputError(
            f"species={shown(species)} has neither sites nor macrostates in this run, so no "
            f"channels; those with one are {able}"
        )
    one = run.species[run.index(str(name))]
    if name in on_sites:
        micro = one.microstates
        assert micro is not None
        labels, runs, label = micro.shells.types, micro.runs, micro.shells.kind
    else:
        macro = one.macrostates
        assert macro is not None
        labels, runs, label = macro.names, macro.label_runs(), np.arange(len(macro.names))
    n_steps, dt = run.n_frames - 1, run.dt
    plan = onsager.plan_blocks(n_steps, 1)
    changes, held = channel_counts(runs, label, len(labels), plan.sub_block)
    per_step = np.bincount(np.arange(n_steps) // plan.sub_block)
    plan = onsager.lengthen_blocks(plan, changes.sum(axis=2) / per_step[:, None])
    # exposure in ns, rates in 1/ns
    exposure = held * dt * 1e-3
    count, exposed = changes.sum(axis=0), exposure.sum(axis=0)
    rate, low, high = rates_with_intervals(
        changes, exposure[:, :, None], plan, seed=run.seed, level=run.level
    )
    rows = [
        [a, b, rate[i, j], low[i, j], high[i, j], int(count[i, j]), exposed[i]]
        for i, a in enumerate(labels)
        for j, b in enumerate(labels)
        if exposed[i] > 0 and (i != j or name in on_sites)
    ]
    columns = ["start", "end", "rate", "low", "high", "count", "exposure"]
    table = indexed(pd.DataFrame(rows, columns=columns), 2)
    table.attrs = {
        "species": name,
        "level": run.level,
        "blocks": plan.n_blocks,
        "units": {"rate": "1/ns", "exposure": "carrier ns"},
    }
    return UnitTable.of(table)
