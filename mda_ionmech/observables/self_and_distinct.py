"""Self, distinct and in-cluster parts of the path view of one species."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import onsager
from ..onsager.carrier_labels import CarrierLabels
from ..onsager.coefficients import onsager_factor
from ..onsager.labelled_run import LabelledRun
from ..onsager.path_sums import self_parts
from ..onsager.window_kernels import count_clusters
from ..onsager.window_sums import block_products, block_sums, window_pass


def path_parts(run: LabelledRun, species: int, resolution: int, n_steps: int) -> pd.DataFrame:
    """See `OnsagerDecomposition.path_parts`; resolution in frames."""
    from ..lib.unit_table import UnitTable

    one = run.species[species].labels
    n_frames, horizon = run.n_frames, resolution * n_steps
    collective = onsager.collective_path(one.position)[None]
    plan = onsager.plan_blocks(n_frames - horizon, horizon + resolution)
    _, steps = window_pass([one], resolution, plan.sub_block, collective)
    path = onsager.event_paths(steps, resolution)
    moved = path[..., horizon:] - path[..., :-horizon]
    total = collective[..., horizon:] - collective[..., :-horizon]
    whole = np.sum(
        [block_products(moved[:, k], total[:, k], plan.sub_block)[..., 0] for k in range(3)], axis=0
    )
    own = block_sums(self_parts(one, resolution, n_steps), plan.sub_block)
    inside = np.zeros_like(own)
    if one.joint is not None:
        # the steps of every horizon
        summed = onsager.event_paths(_pairs_in_clusters(one, resolution), resolution)
        inside = block_sums(summed[:, horizon:] - summed[:, :-horizon], plan.sub_block)
    origins = block_sums(np.ones((1, n_frames - horizon)), plan.sub_block)[:, 0]
    means = whole.sum(axis=1, keepdims=True) / origins[:, None]
    plan = onsager.lengthen_blocks(plan, means)
    factor = onsager_factor(horizon * run.dt, len(run.axes), run.temperature, run.paths.volume)
    rng = np.random.default_rng([run.seed, horizon, resolution])
    weights = onsager.resampling_weights(plan, rng)
    table = pd.DataFrame(index=pd.Index(run.species[species].path_events, name="event"))
    for name, sums in (
        ("onsager", whole), ("self", own), ("distinct", whole - own), ("incluster", inside),
    ):  # fmt: skip
        value = factor * sums.sum(axis=0) / origins.sum()
        samples = factor * (weights @ sums) / (weights @ origins)[:, None]
        low, high = onsager.interval(value, samples, plan, run.level)
        table[name], table[f"{name}_low"], table[f"{name}_high"] = value, low, high
    table.attrs = {
        "species": run.species[species].name,
        "resolution_ps": resolution * run.dt,
        "horizon_ps": horizon * run.dt,
        "units": "1/(J m s)",
    }
    return UnitTable.of(table)


def _pairs_in_clusters(one: CarrierLabels, resolution: int) -> np.ndarray:
    """Sum of d_i . d_j over pairs within one cluster, of the steps that start at each origin.

    Returns
    -------
    numpy.ndarray
        Shape (labels, origins), A^2; with `site_positions` of displacements from site to site.
    """
    assert one.joint is not None
    n_origins = one.position.shape[-1] - resolution
    pairs, spare = np.zeros((2, one.n_path_labels, n_origins))
    counts = np.zeros((3, n_origins))
    rows = one.joint.linked.rows(one.joint.member)
    for block, code, cluster in one.joint.blocks(resolution):
        if one.site_positions is None:
            before = after = one.position
            i, j = block.first, block.first + resolution
        else:
            before, after = (
                np.ascontiguousarray(one.site_positions[site_images[rows]].transpose(0, 2, 1))
                for site_images in (block.before, block.after)
            )
            i = j = 0
        count_clusters((before, i, after, j), block.first, cluster, code, spare, pairs, counts)
    return pairs
