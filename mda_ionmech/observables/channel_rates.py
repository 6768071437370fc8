"""Rates of the channels between site labels or macrostates: counts over exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import onsager
from ..lib.checks import is_one_of
from ..lib.errors import InputError
from ..lib.tables import indexed
from ..onsager.labelled_run import LabelledRun
from .contact_survival import channel_counts

if TYPE_CHECKING:
    import pandas as pd


def channel_rates(run: LabelledRun, species: str | None) -> pd.DataFrame:
    """Rates of hopping from label to label; see `OnsagerDecomposition.channel_rates`."""
    import pandas as pd

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
            f"species={species!r} has neither sites nor macrostates in this run, so no channels; "
            f"those with one are {able}"
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
    # ns: rates come out per ns
    exposure = held * dt * 1e-3
    weights = onsager.resampling_weights(plan, np.random.default_rng([run.seed, 0]))
    count, exposed = changes.sum(axis=0), exposure.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = count / exposed[:, None]
        drawn = np.einsum("sb,bij->sij", weights, changes) / (weights @ exposure)[:, :, None]
    drawn = np.where(np.isfinite(drawn), drawn, np.nan)
    low, high = onsager.interval(rate, drawn, plan, run.level)
    # a channel never seen has no blocks to resample: the largest Poisson rate that fits
    with np.errstate(divide="ignore"):
        unseen = -np.log((1 - run.level) / 2) / exposed
    high = np.where(count == 0, unseen[:, None], high)
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
    return table
