"""Rate control: which hops limit transport, compared with their contributions.

Independent carriers on a periodic graph of sites, with the counted number of hops along each kind
of edge, have the diffusion tensor

    D = sum over edges of F (l + x_b - x_a) (l + x_b - x_a)^T,

F = p_a w_ab = p_b w_ba the hops per time along the edge from a to b, l its vector, and x from a
small linear problem. Its logarithmic derivative by the rate of a channel is the degree of rate
control; a fast and a slow hop in series contribute alike, but the slow one alone controls the rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..lib import checks
from ..lib.checks import instance, listed, positive
from ..lib.errors import InputError
from ..lib.frame_blocks import carrier_blocks
from ..lib.kernels import kernel
from ..onsager.block_bootstrap import interval, lengthen_blocks, plan_blocks, resampling_weights
from .hop_graph import HopChannels, HopGraph, HopRecord, hop_graph, markov_diffusion

if TYPE_CHECKING:
    import pandas as pd

    from ..onsager.labelled_run import LabelledRun

#: Fraction of its uncorrelated value below which D is zero: the graph does not percolate.
_NO_WAY = 1e-9


@kernel
def _channel_of(first, last, n_site_images, key, channel):  # type: ignore[no-untyped-def]
    """Channel of the hop from a site image to another; key (pairs,) ascending, channel (pairs,)."""
    wanted = np.int64(first) * n_site_images + last
    low, high = 0, key.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if key[middle] <= wanted:
            low = middle
        else:
            high = middle
    return channel[low]


@kernel
def add_own_products(site_images, where, key, channel, horizon, sub_block, own):  # type: ignore[no-untyped-def]
    """Add the hops of each channel times the total displacement of the same carrier.

    site images (carriers, frames) int32; where (site images, axes), Angstrom; key, channel (pairs,)
    as in `HopChannels`; over `horizon` frames from every origin. Adds to own (channels, sub-
    blocks), A^2, with `sub_block` origins in each; the last frames start no window there is a block
    for.
    """
    n_channels, n_blocks = own.shape
    n_site_images, n_axes = where.shape
    n_origins = site_images.shape[1] - horizon
    moved = np.zeros((n_channels, n_axes))
    for c in range(site_images.shape[0]):
        moved[:] = 0.0
        for t in range(1, horizon + 1):
            a, b = site_images[c, t - 1], site_images[c, t]
            if a != b:
                e = _channel_of(a, b, n_site_images, key, channel)
                for k in range(n_axes):
                    moved[e, k] += where[b, k] - where[a, k]
        t = 0
        while t < n_origins:
            block = t // sub_block
            if block >= n_blocks:
                break
            a, b = site_images[c, t], site_images[c, t + horizon]
            last = min((block + 1) * sub_block, n_origins)
            stop = t + 1
            while stop < last and site_images[c, stop] == a and site_images[c, stop + horizon] == b:
                stop += 1
            for e in range(n_channels):
                product = 0.0
                for k in range(n_axes):
                    product += moved[e, k] * (where[b, k] - where[a, k])
                own[e, block] += product * (stop - t)
            t = stop
            if t >= n_origins:
                break
            after, later = site_images[c, t], site_images[c, t + horizon]
            if after != a:
                e = _channel_of(a, after, n_site_images, key, channel)
                for k in range(n_axes):
                    moved[e, k] -= where[after, k] - where[a, k]
            if later != b:
                e = _channel_of(b, later, n_site_images, key, channel)
                for k in range(n_axes):
                    moved[e, k] += where[later, k] - where[b, k]


@kernel
def add_steps_of_channels(site_images, where, key, channel, steps, number):  # type: ignore[no-untyped-def]
    """Add all hops by channel and frame: steps (channels, axes, frames), number (channels, frames).

    A hop between two frames is added to the later one; the rest as in `add_own_products`.
    """
    n_site_images, n_axes = where.shape
    for c in range(site_images.shape[0]):
        for t in range(1, site_images.shape[1]):
            a, b = site_images[c, t - 1], site_images[c, t]
            if a == b:
                continue
            e = _channel_of(a, b, n_site_images, key, channel)
            number[e, t] += 1.0
            for k in range(n_axes):
                steps[e, k, t] += where[b, k] - where[a, k]


@dataclass(frozen=True)
class RateControl:
    """Rate control and contribution of each channel.

    Attributes
    ----------
    graph : HopGraph
    hops : numpy.ndarray
        Shape (channels,): number of hops, in both directions.
    rate : numpy.ndarray
        Shape (channels,), 1/ns: hops per carrier and time.
    diffusion, measured, collective : numpy.ndarray
        Shape (3,), A^2/ps: value, low and high end of the diffusion coefficient of independent
        carriers; of the slope of the mean squared displacement from site to site; of the collective
        one, per carrier.
    control : numpy.ndarray
        Shape (channels, 3): d ln D / d ln k with its interval; they sum to 1.
    share_self, share : numpy.ndarray
        Shape (channels, 3): part of the slope of the self and of the collective mean squared
        displacement carried by the hops of a channel, with intervals; each sums to 1, or is NaN
        where the interval of that slope holds 0.
    horizon : float
        ps, of the slopes; their resolution is one frame.
    level : float
        Nominal coverage of the intervals.
    n_blocks : int
        Number of blocks; below ten the intervals are jackknife estimates.
    """

    graph: HopGraph
    hops: np.ndarray
    rate: np.ndarray
    diffusion: np.ndarray
    measured: np.ndarray
    collective: np.ndarray
    control: np.ndarray
    share_self: np.ndarray
    share: np.ndarray
    horizon: float
    level: float
    n_blocks: int

    def table(self) -> pd.DataFrame:
        """One line per channel.

        Returns
        -------
        pandas.DataFrame
            Hops, rate (1/ns), degree of rate control and shares with intervals; the diffusion
            coefficients (cm^2/s) are in ``attrs``.
        """
        import pandas as pd

        from ..lib.unit_table import UnitTable

        columns: dict[str, np.ndarray] = {"hops": self.hops, "rate": self.rate}
        for name in ("control", "share_self", "share"):
            value = getattr(self, name)
            columns |= {f"{name}{end}": value[:, k] for k, end in enumerate(("", "_low", "_high"))}
        table = pd.DataFrame(columns, index=pd.Index(self.graph.names, name="channel"))
        table.attrs = {
            "horizon_ps": self.horizon,
            "level": self.level,
            "blocks": self.n_blocks,
            "units": {"rate": "1/ns", "diffusivity": "cm2/s"},
            "assumption": "independent carriers on the mean occupancies of the sites",
        }
        for name in ("diffusion", "measured", "collective"):
            table.attrs[f"{name}_cm2_per_s"] = tuple(float(x) * 1e-4 for x in getattr(self, name))
        return UnitTable.of(table.sort_values("control", ascending=False))


def rate_control(
    graph: HopGraph,
    channels: HopChannels,
    record: HopRecord,
    *,
    spacing: float,
    horizon: int,
    axes: Sequence[int] = (0, 1, 2),
    level: float = 0.68,
    seed: int = 0,
) -> RateControl:
    """Rate control and contribution of every channel, with intervals from blocks.

    Parameters
    ----------
    graph, channels
        From `hop_graph`.
    record : HopRecord
    spacing : float
        Of the frames, ps.
    horizon : int
        Frames over which displacements are correlated, for the contributions.
    axes : sequence of int
        Directions that are analysed.
    level : float
        Nominal coverage.
    seed : int
        Seed of the resampling.

    Returns
    -------
    RateControl

    Raises
    ------
    InputError
        If the horizon is longer than the record allows, the hops do not percolate, or an argument
        is not of its type.

    Notes
    -----
    The controls assume carriers that interact only through the mean occupancy of the sites, hops
    without memory, and equal edges within a channel. Compare `measured` with `diffusion` to test
    this. Contributions need no such assumption.

    Cost: three passes over carriers x frames, and 400 small linear problems.

    References
    ----------
    Campbell, J. Catal. 204, 520 (2001), for the degree of rate control.
    """
    instance("graph", graph, HopGraph, "give the first result of hop_graph(...)")
    instance("channels", channels, HopChannels, "give the second result of hop_graph(...)")
    instance("record", record, HopRecord, "make one with HopRecord.of_arrays(state, path)")
    spacing = positive("spacing", spacing, "ps", "give the time between frames")
    horizon = checks.whole("horizon", horizon, least=1, remedy="give a number of frames")
    level = checks.number("level", level, "a coverage between 0 and 1", above=0, most=1 - 1e-9)
    seed = checks.whole("seed", seed, least=0, most=2**63 - 1, remedy="give e.g. seed=0")
    given = listed("axes", axes, "give e.g. axes=[0, 1, 2]")
    axes = [
        checks.whole("axes", axis, least=0, most=2, remedy="0, 1 and 2 are x, y, z")
        for axis in given
    ]
    if not axes or len(set(axes)) < len(axes):
        raise InputError(f"axes={axes} must be one to three different directions of 0, 1 and 2")
    n_carriers, n_frames = record.n_carriers, record.n_frames
    n_origins = n_frames - horizon - 1
    if n_origins < 1:
        raise InputError(
            f"horizon={checks.shown(horizon)} frames leaves no origin in {n_frames} frames; give a "
            "shorter one"
        )
    plan = plan_blocks(n_origins, horizon + 1)
    edges = np.arange(0, n_origins, plan.sub_block)
    n_channels = len(graph.names)

    def blocked(per_origin: np.ndarray) -> np.ndarray:
        return np.asarray(np.add.reduceat(per_origin, edges, axis=-1))

    where = np.ascontiguousarray(record.where[:, axes])
    known = where, channels.key, channels.channel
    # [K(T + delta) - K(T)] / delta at each origin: self part, and with all carriers
    own_products = np.zeros((2, n_channels, plan.n_sub_blocks))
    steps = np.zeros((n_channels, len(axes), n_frames))
    number = np.zeros((n_channels, n_frames))
    for site_images in record.site_images():
        add_steps_of_channels(site_images, *known, steps, number)
        # both horizons with the same origins
        add_own_products(np.ascontiguousarray(site_images[:, :-1]), *known, horizon, plan.sub_block,
                         own_products[0])  # fmt: skip
        add_own_products(site_images, *known, horizon + 1, plan.sub_block, own_products[1])
    sums = np.zeros((3, n_channels, plan.n_sub_blocks))
    sums[0] = own_products[1] - own_products[0]
    steps = np.cumsum(steps, axis=-1)
    whole = steps.sum(axis=0)
    for n, sign in ((horizon, -1), (horizon + 1, 1)):
        moved = steps[..., n : n + n_origins] - steps[..., :n_origins]
        all_moved = whole[:, n : n + n_origins] - whole[:, :n_origins]
        sums[1] += sign * blocked(np.einsum("cxt,xt->ct", moved, all_moved))
    sums[2] = blocked(number[:, 1 : 1 + n_origins])
    counts = blocked(np.ones(n_origins))
    plan = lengthen_blocks(plan, sums[:2].sum(axis=1).T / counts[:, None])
    per_edge = 2.0 * n_carriers * spacing * graph.edges_per_channel()
    scale = 2 * len(axes) * n_carriers * spacing

    def evaluate(weights: np.ndarray) -> np.ndarray:
        """Values of one resampled record: three coefficients, then three per channel."""
        origins = weights @ counts
        own, all_ions, number = sums @ weights / origins
        diffusion, response = markov_diffusion(graph, number / per_edge)
        trace = np.trace(response[:, axes][:, :, axes], axis1=1, axis2=2)
        whole = np.trace(diffusion[axes][:, axes])
        flux = number / per_edge
        bare = np.sum(flux[graph.channel] * np.sum(graph.vector[:, axes] ** 2, axis=1))
        control = trace / whole if whole > _NO_WAY * bare else np.full(n_channels, np.nan)
        return np.concatenate(
            [
                [whole / len(axes), own.sum() / scale, all_ions.sum() / scale],
                control,
                own / own.sum(),
                all_ions / all_ions.sum(),
            ]
        )

    value = evaluate(np.ones(plan.n_sub_blocks))
    if np.isnan(value[3]):
        raise InputError(
            "the hops do not percolate through the crystal: independent carriers would not "
            "diffuse, so no rate controls it; record longer, or at a higher temperature"
        )
    weights = resampling_weights(plan, np.random.default_rng([seed, horizon]))
    samples = np.array([evaluate(w) for w in weights]).reshape(len(weights), len(value))
    found = np.column_stack([value, *interval(value, samples, plan, level)])
    hops = np.bincount(channels.channel, channels.number, minlength=n_channels).astype(np.int64)
    parts = found[3:].reshape(3, n_channels, 3)
    for k in (1, 2):  # no shares of a coefficient that may be zero
        if found[k, 1] <= 0 <= found[k, 2]:
            parts[k] = np.nan
    return RateControl(
        graph=graph,
        hops=hops,
        rate=1000.0 * hops / (n_carriers * (n_frames - 1) * spacing),
        diffusion=found[0],
        measured=found[1],
        collective=found[2],
        control=parts[0],
        share_self=parts[1],
        share=parts[2],
        horizon=horizon * spacing,
        level=level,
        n_blocks=plan.n_blocks,
    )


def rate_control_of(run: LabelledRun, index: int, horizon: float | None) -> pd.DataFrame:
    """Table of species number `index`; horizon in ps, see `RunObservables.rate_control`."""
    one = run.species[index]
    history, sites = one.history, one.sites
    assert history is not None
    assert sites is not None

    def site_images() -> Iterator[np.ndarray]:
        for first, last in carrier_blocks(one.labels.position):
            yield history.occupied.carriers(first, last).dense()

    record = HopRecord(
        site_images, history.site, history.where, history.n_carriers, history.n_frames
    )
    shells = history.shells
    graph, channels = hop_graph(sites, run.paths.cell, shells.kind, shells.types, record)
    if horizon is None:
        steps = history.n_carriers * (history.n_frames - 1)
        stay = steps / int(channels.number.sum())
        frames = int(np.clip(10 * stay, 1, max(run.n_frames // 40, 1)))
    else:
        frames = run.in_frames(horizon, "horizon")
    axes = ["xyz".index(axis) for axis in run.axes]
    return rate_control(
        graph, channels, record, spacing=run.dt, horizon=frames, axes=axes, level=run.level,
        seed=run.seed,
    ).table()  # fmt: skip
