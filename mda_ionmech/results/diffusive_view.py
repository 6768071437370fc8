r"""The diffusive view: one number per event in the limit of long times, from all lags.

.. math:: L_{AB}^e = \sum_k w_k K_{AB}^e(T_k; \delta), \qquad \sum_k w_k T_k = 1,
    \quad \sum_k w_k = 0

with one set of weights for all species, events and resolutions, so that the contributions sum
exactly to :math:`L_{AB}`, and the conductivity stays independent of the frame of reference where it
is so in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import constants

from ..lib.whole_frames import whole_frames
from ..onsager.block_bootstrap import (
    FEWEST_BLOCKS,
    FEWEST_FOR_INTERVAL,
    MOST_BLOCKS,
    RESAMPLES,
    BlockPlan,
    largest_ratio,
    lengthen_blocks,
    normal_samples,
    percentiles_about,
    resampling_weights,
    student_factor,
)
from ..onsager.block_sums import Blocks
from ..onsager.coefficients import MAX_RESIDUAL, System, spread_rows
from ..onsager.lag_choice import FEWEST_LAGS, FEWEST_STEPS, LagChoice, choose_lags
from ..onsager.lag_sums import LONGEST, LagSums
from .diffusive_self import SELF_VARIABLES, self_samples
from .elementary import elementary_resolution
from .schema import load_schema

if TYPE_CHECKING:
    import xarray as xr

#: Variables of the result file that this view fills.
DIFFUSIVE_VARIABLES = (
    "diffusive_onsager",
    "diffusive_event_onsager",
    "diffusive_conductivity",
    "diffusive_event_conductivity",
    "diffusive_transference_number",
    "diffusive_share",
    *SELF_VARIABLES,
)


@dataclass(frozen=True)
class DiffusiveView:
    """Values of the diffusive view and their intervals, by the names of the result file.

    Attributes
    ----------
    choice : LagChoice or None
        None where there is no diffusive view.
    reason : str
        Why there is none; else empty.
    values : dict of str to numpy.ndarray
    spans : dict of str to tuple of numpy.ndarray
        Low and high ends, of the shape of the value.
    samples : dict of str to numpy.ndarray
        Shape (400, ...): joint samples at each resolution.
    n_blocks : int
        Blocks behind the intervals at the resolution of the choice.
    """

    choice: LagChoice | None
    reason: str
    values: Mapping[str, np.ndarray]
    spans: Mapping[str, tuple[np.ndarray, np.ndarray]]
    samples: Mapping[str, np.ndarray]
    n_blocks: int


def lags_of(blocks: Blocks) -> LagChoice | None:
    """The lags and weights of the diffusive view of a run; None where there is none."""
    return _choice(blocks, None)[0]


def weights_at(data: xr.Dataset, blocks: Blocks, sums: LagSums) -> tuple[list[int], np.ndarray]:
    """Lags, in frames, and weights, 1/frame, of the diffusive view of a result at a resolution.

    Those of the result where the resolution has these lags, else of the same models at its lags.

    Parameters
    ----------
    data : xarray.Dataset
        The group decomposition of the result.
    blocks : Blocks
        Of the result.
    sums : LagSums
        Of the resolution.
    """
    about = data["diffusive_onsager"].attrs
    lags = [whole_frames(float(t), blocks.dt) for t in np.atleast_1d(about["lag_ps"])]
    choice = None if set(lags) <= {*sums.lags} else lags_of(blocks)
    made = choice and choice.at_lags(sums.lags, blocks.path_system.n_dimensions)
    if not made:
        return lags, np.atleast_1d(about["weight_per_ps"]) * blocks.dt
    used = np.flatnonzero(made[0])
    return [sums.lags[k] for k in used], made[0][used]


def diffusive_view(
    blocks: Blocks, resolution: int | None = None, *, choice: LagChoice | None = None
) -> DiffusiveView:
    """The diffusive view of a run, at every resolution that divides its lags.

    Cost: 400 resampled sums for each resolution.

    Parameters
    ----------
    blocks : Blocks
    resolution : int, optional
        Frames, at which events are compared; default that of `common_resolution`.
    choice : LagChoice, optional
        Lags and weights, in place of those that are chosen from the totals and events.

    Returns
    -------
    DiffusiveView
    """
    shapes = _shapes(blocks)
    empty = {k: np.full(s, np.nan) for k, s in shapes.items()}
    reason = ""
    if choice is None:
        choice, reason = _choice(blocks, resolution)
    if choice is None:
        return DiffusiveView(None, reason, empty, {k: (v, v) for k, v in empty.items()}, {}, 0)
    values = dict(empty)
    samples = {k: np.full((RESAMPLES, *s), np.nan) for k, s in shapes.items()}
    n_blocks = 0
    n_dimensions, total = blocks.path_system.n_dimensions, None
    for sums in sorted(blocks.lags, key=lambda one: one.resolution != choice.resolution):
        made = choice.at_lags(sums.lags, n_dimensions)
        if made is None:
            continue
        at = blocks.resolutions.index(sums.resolution)
        first, drawn, n, total = _one_resolution(sums, choice, made, blocks, total)
        reading = sums.resolution == choice.resolution
        n_blocks = n if reading else n_blocks
        for name in first:
            if name in _BY_RESOLUTION:
                values[name][..., at] = first[name]
                samples[name][..., at] = drawn[name]
            elif reading:
                values[name], samples[name] = first[name], drawn[name]
    sigma = "diffusive_conductivity"
    own, drawn = self_samples(blocks, (float(values[sigma]), samples[sigma]))
    values, samples = values | own, samples | drawn
    spans = {
        name: percentiles_about(values[name], samples[name], blocks.level)
        for name in DIFFUSIVE_VARIABLES
    }
    return DiffusiveView(choice, "", values, spans, samples, n_blocks)


_BY_RESOLUTION = ("diffusive_event_onsager", "diffusive_event_conductivity", "diffusive_share")


def _shapes(blocks: Blocks) -> dict[str, tuple[int, ...]]:
    specs = load_schema()["groups"]["/decomposition"]["variables"]
    sizes = blocks.sizes
    return {n: tuple(sizes[d] for d in specs[n]["dims"]) for n in DIFFUSIVE_VARIABLES}


def _choice(blocks: Blocks, resolution: int | None) -> tuple[LagChoice | None, str]:
    """Resolution and lags of the reading, or why there is none."""
    if not blocks.lags:
        return None, "the trajectory is too short, or has no path views, for lags to compare"
    at = {one.resolution: one for one in blocks.lags}
    wanted = common_resolution(blocks) if resolution is None else resolution
    choice = choose_lags(
        at[wanted], blocks.lags[0], blocks.path_system, blocks.names, blocks.events
    )
    if choice is None:
        pieces = " in one piece" if len(blocks.lags[0].frames) > 1 else ""
        return None, (
            f"a tenth of the trajectory holds too few lags of {wanted * blocks.dt:g} ps to "
            "compare: the trajectory is too short, and at least "
            f"{FEWEST_STEPS * LONGEST * wanted * blocks.dt / 1000:.3g} ns{pieces} are needed"
        )
    return choice, ""


def common_resolution(blocks: Blocks) -> int:
    """The resolution at which events are compared, in frames.

    Parameters
    ----------
    blocks : Blocks
        With lags.

    Returns
    -------
    int
        The longest of those of `elementary_resolution`, if the others divide it; else the shortest.
        One that leaves a few lags to begin with.
    """
    usable = [one.resolution for one in blocks.lags if len(one.lags) >= FEWEST_LAGS + 2]
    usable = usable or [blocks.lags[0].resolution]
    found = []
    for k in range(len(blocks.names)):
        resolution = elementary_resolution(blocks, k, usable)[0]
        if blocks.system.ruled_species[k] and resolution is not None:
            found.append(resolution)
    longest = max(found, default=min(usable))
    return longest if all(longest % n == 0 for n in found) else min(usable)


def _one_resolution(
    sums: LagSums,
    choice: LagChoice,
    made: tuple[np.ndarray, np.ndarray, np.ndarray],
    blocks: Blocks,
    total: np.ndarray | None,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], int, np.ndarray]:
    """Values at one resolution, joint samples of them, the number of blocks and the totals.

    made: weights, lines and their errors at the lags. total: sums of pairs of species at the
    resolution of the choice, to which parts at other resolutions are brought; see `_to_total`.
    """
    system = blocks.path_system
    at = np.flatnonzero(made[0] != 0)
    weights, lines, errors = made[0][at], made[1][:, at], made[2]
    rows, pairs = sums.marginal[:, at], sums.total[:, at]
    origins, shape = sums.origins[:, at], rows.shape[2:]
    flat = np.concatenate([x.reshape(*x.shape[:2], -1) for x in (rows, pairs)], axis=2)
    mean = flat.sum(axis=0) / origins.sum(axis=0)[:, None]
    plan = _plan(sums, choice, flat, origins, weights)
    rng = blocks.rng(choice.resolution, sums.resolution, 1)
    times = resampling_weights(plan, rng)
    whole = weights @ mean
    if plan.n_blocks < FEWEST_FOR_INTERVAL or len(times) < FEWEST_FOR_INTERVAL:
        drawn = np.full((RESAMPLES, len(whole)), np.nan)
    else:
        with np.errstate(invalid="ignore", divide="ignore"):
            resampled = np.einsum("nb,blq->nlq", times, flat) / (times @ origins)[:, :, None]
        drawn = np.empty((RESAMPLES, len(whole)))
        # each sample has the weights of one model: their differences are part of the error
        which = rng.choice(len(lines), size=RESAMPLES, p=choice.probability)
        for k in np.unique(which):
            own = lines[k] @ mean
            spread = np.einsum("l,nlq->nq", lines[k], resampled)
            spread = normal_samples(own, spread, plan, rng)
            spread -= spread.mean(axis=0)
            spread *= _widening(spread, plan, choice.leading, errors[k], blocks.level)
            drawn[which == k] = own + spread[which == k]
    n_pairs = shape[1] ** 2
    before, total = whole, whole[-n_pairs:] if total is None else total
    gap = total - before[-n_pairs:]
    whole, drawn = (_to_total(x, gap, system, shape) for x in (whole, drawn))
    return (
        _values(whole, system, blocks, shape),
        _values(drawn, system, blocks, shape),
        plan.n_blocks,
        total,
    )


def _to_total(
    flat: np.ndarray, gap: np.ndarray, system: System, shape: tuple[int, ...]
) -> np.ndarray:
    """Weighted sums with a change of the sums of pairs, divided by the shares of the events.

    Other lags give other totals, within the error; the parts at every resolution sum to one total.
    """
    n_rows, s = shape
    rows = flat[..., : n_rows * s].reshape(*flat.shape[:-1], n_rows, s)
    pairs = flat[..., n_rows * s :].reshape(*flat.shape[:-1], s, s)
    if not gap.any():
        return flat
    species = np.asarray(system.row_species)
    own = rows[..., np.arange(n_rows), species]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.nan_to_num(own / pairs[..., species, species])
    change = gap.reshape(s, s)
    rows = rows + share[..., None] * change[species]
    flat_rows = rows.reshape(*flat.shape[:-1], -1)
    return np.concatenate([flat_rows, flat[..., n_rows * s :] + gap], axis=-1)


def _plan(
    sums: LagSums,
    choice: LagChoice,
    flat: np.ndarray,
    origins: np.ndarray,
    weights: np.ndarray,
) -> BlockPlan:
    """Blocks of twice the longest lag that counts, or longer where correlations last longer."""
    n_frames = sum(sums.frames)
    length = max(2 * (choice.longest + sums.resolution), n_frames // MOST_BLOCKS)
    per_block = max(-(-length // sums.sub_block), 1)
    plan = sums.plan(per_block)
    if len(sums.segments) >= FEWEST_BLOCKS:  # whole replicas
        return replace(plan, n_blocks=len(sums.segments), by_segment=True)
    if len(sums.segments) > 1:
        return plan
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.nan_to_num(flat / origins[:, :, None])
    series = np.einsum("l,blq->bq", weights, means)
    full = origins[:, -1] > 0
    return lengthen_blocks(plan, series[full])


def _widening(
    drawn: np.ndarray, plan: BlockPlan, leading: np.ndarray, error: float, level: float
) -> float:
    """Factor from the spread of samples with the weights of one model to their error.

    That of the leading total against its analytic error, which knows no chance of a few blocks.
    Motion that is not Gaussian, such as rare hops, has a larger one: where the spread exceeds the
    analytic error by a standard error of its own it counts, with Student's factor below ten blocks.
    """
    s, n = len(leading), plan.n_blocks
    spread = np.einsum("a,nab,b->n", leading, drawn[:, -s * s :].reshape(-1, s, s), leading).std()
    if 0 < spread <= error * largest_ratio(n) < np.inf:
        return float(error / spread)
    return student_factor(n, level)


def _values(
    flat: np.ndarray, system: System, blocks: Blocks, shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """The variables of one resolution from weighted sums (..., rows x species + species^2)."""
    lead = flat.shape[:-1]
    n_rows, s = shape
    factor = system.onsager_factor(blocks.dt)
    rows = flat[..., : n_rows * s].reshape(*lead, n_rows, s) * factor
    total = flat[..., n_rows * s :].reshape(*lead, s, s) * factor
    events = np.swapaxes(spread_rows(rows, system, lead, (s,)), -1, -2)
    e2, z = constants.e**2, system.charge
    sigma = e2 * np.einsum("a,...ab,b->...", z, total, z)
    by_species = e2 * np.einsum("a,...ab,b->...a", z, total, z)
    own = np.einsum("...aa->...a", total)
    diagonal = np.einsum("...aae->...ae", events)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = diagonal / own[..., None]
        transference = by_species / sigma[..., None]
    return {
        "diffusive_onsager": total,
        "diffusive_event_onsager": events,
        "diffusive_conductivity": sigma,
        "diffusive_event_conductivity": e2 * np.einsum("a,...abe,b->...ae", z, events, z),
        "diffusive_transference_number": transference,
        "diffusive_share": share,
    }


def mask_undefined(view: DiffusiveView, blocks: Blocks, *, fixed: bool) -> DiffusiveView:
    """NaN for shares and transference numbers whose denominator may be zero, or that are fixed."""
    if view.choice is None:
        return view
    values = {k: np.array(v) for k, v in view.values.items()}
    spans = {k: (np.array(a), np.array(b)) for k, (a, b) in view.spans.items()}
    total = values["diffusive_onsager"]
    own = np.diagonal(total)
    scale = np.abs(own).max(initial=0.0)
    low, high = (np.diagonal(end) for end in spans["diffusive_onsager"])
    zero = (np.abs(own) <= MAX_RESIDUAL * scale) | ((low <= 0) & (high >= 0)) | np.isnan(low)
    sigma, (low, high) = values["diffusive_conductivity"], spans["diffusive_conductivity"]
    z = blocks.system.charge
    size = constants.e**2 * float(np.abs(z) @ np.abs(total) @ np.abs(z))
    vanishing = bool(np.abs(sigma) <= MAX_RESIDUAL * size or low <= 0 <= high or np.isnan(low))
    labelled = np.zeros(values["diffusive_share"].shape[:2], dtype=bool)
    labelled[blocks.path_rows] = True
    targets: list[tuple[str, Any]] = [
        ("diffusive_share", zero[:, None, None] | ~labelled[:, :, None]),
        ("diffusive_transference_number", np.full(len(z), vanishing or fixed)),
        ("diffusive_haven_ratio", np.array(vanishing)),
    ]
    for name, where in targets:
        values[name] = np.where(where, np.nan, values[name])
        spans[name] = (
            np.where(where, np.nan, spans[name][0]),
            np.where(where, np.nan, spans[name][1]),
        )
    return replace(view, values=values, spans=spans)
