"""Which hop enables and which one carries: rate control beside contribution.

Independent carriers on a periodic graph of sites, with the counted number of hops along each kind
of edge, have the diffusion tensor

    D = sum over edges of F (l + x_b - x_a) (l + x_b - x_a)^T,

F = p_a w_ab = p_b w_ba the hops per time along the edge from a to b, l its vector, and x from a
small linear problem. Its logarithmic derivative by the rate of a channel says what enables
transport; a fast and a slow hop in a row carry alike, but the slow one alone is in control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from ..events.crystal.site_history import numbered_spots
from ..lib.errors import InputError
from ..lib.frame_blocks import carrier_blocks
from ..lib.kernels import kernel
from ..onsager.block_bootstrap import interval, lengthen_blocks, plan_blocks, resampling_weights

if TYPE_CHECKING:
    import pandas as pd

    from ..onsager.labelled_run import LabelledRun

#: Distances of one channel differ by no more than this from the next in order, Angstrom.
_SAME_DISTANCE = 0.1
#: Below this part of its uncorrelated value the diffusion is zero: the graph does not percolate.
_NO_WAY = 1e-9


@dataclass(frozen=True)
class HopGraph:
    """Edges between sites of a periodic cell, each once, in channels of equal flux.

    Attributes
    ----------
    n_sites : int
    start, end : numpy.ndarray
        Shape (edges,): sites at the two ends.
    vector : numpy.ndarray
        Shape (edges, 3), Angstrom: from start to end, through the cell's boundary where it is.
    channel : numpy.ndarray
        Shape (edges,): channel of each edge.
    names : tuple of str
        Of the channels: labels of the two sites and the distance in Angstrom.
    """

    n_sites: int
    start: np.ndarray
    end: np.ndarray
    vector: np.ndarray
    channel: np.ndarray
    names: tuple[str, ...]

    def edges_per_channel(self) -> np.ndarray:
        """Shape (channels,)."""
        return np.bincount(self.channel, minlength=len(self.names))


def markov_diffusion(graph: HopGraph, flux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Long-time diffusion tensor of one carrier, and what each channel's rate does to it.

    Parameters
    ----------
    graph : HopGraph
    flux : numpy.ndarray
        Shape (channels,), 1/ps: p_a w_ab of one edge of each channel, the same both ways (detailed
        balance), p_a the probability to find the carrier on site a.

    Returns
    -------
    diffusion : numpy.ndarray
        Shape (3, 3), A^2/ps.
    response : numpy.ndarray
        Shape (channels, 3, 3), A^2/ps: dD / d ln k of each channel, forward and backward rate
        scaled together. They are positive and sum to D, because D is the least of all values the
        sum over edges takes for any x: its change with a rate is that at fixed x.

    Notes
    -----
    Cost: one sparse factorisation of the sites' matrix. J. W. Haus and K. W. Kehr, Phys. Rep. 150,
    263 (1987), for hopping on periodic graphs; C. T. Campbell, J. Catal. 204, 520 (2001), for the
    degree of rate control.
    """
    f = flux[graph.channel]
    a, b, n = graph.start, graph.end, graph.n_sites
    each = np.concatenate([a, b]), np.concatenate([b, a])
    weight = coo_matrix((np.concatenate([f, f]), each), shape=(n, n)).tocsr()
    # a channel that a resampled record lacks connects nothing
    weight.eliminate_zeros()
    # one site of every connected part is held fixed: x is known up to a constant there
    _, part = connected_components(weight, directed=False)
    fixed = np.zeros(n, dtype=bool)
    fixed[np.unique(part, return_index=True)[1]] = True
    push = np.zeros((n, 3))
    np.add.at(push, a, f[:, None] * graph.vector)
    np.add.at(push, b, -f[:, None] * graph.vector)
    x = np.zeros((n, 3))
    free = ~fixed
    if free.any():
        diagonal = np.asarray(weight.sum(axis=1)).ravel()
        matrix = coo_matrix((diagonal, (np.arange(n), np.arange(n))), shape=(n, n)) - weight
        x[free] = splu(matrix.tocsc()[free][:, free]).solve(push[free])
    step = graph.vector + x[b] - x[a]
    response = np.zeros((len(graph.names), 3, 3))
    np.add.at(response, graph.channel, f[:, None, None] * step[:, :, None] * step[:, None, :])
    return response.sum(axis=0), response


@dataclass(frozen=True)
class HopRecord:
    """Which spots carriers hold over time; a spot is a site in one image of the cell.

    Attributes
    ----------
    spots : callable
        Gives the record from its beginning: numbers of spots (carriers, frames), int32, of some
        carriers after the others.
    site : numpy.ndarray
        Shape (spots,): site of each spot.
    where : numpy.ndarray
        Shape (spots, 3), Angstrom: unwrapped position of each spot.
    n_carriers, n_frames : int
    """

    spots: Callable[[], Iterable[np.ndarray]]
    site: np.ndarray
    where: np.ndarray
    n_carriers: int
    n_frames: int

    @classmethod
    def of_arrays(cls, state: np.ndarray, path: np.ndarray) -> HopRecord:
        """From arrays that hold every frame.

        Parameters
        ----------
        state : numpy.ndarray
            Shape (carriers, frames): site held.
        path : numpy.ndarray
            Shape (carriers, 3, frames), Angstrom: unwrapped position of that site.
        """
        spots, site, where = numbered_spots(state, path)
        return cls(lambda: [spots], site, where, *state.shape)


@dataclass(frozen=True)
class HopChannels:
    """Hops that were seen, from which spot to which, and their channels.

    Attributes
    ----------
    key : numpy.ndarray
        Shape (pairs,), int64, ascending: first spot times the number of spots plus last spot.
    number : numpy.ndarray
        Shape (pairs,), int64: how often that was.
    channel : numpy.ndarray
        Shape (pairs,), int64.
    """

    key: np.ndarray
    number: np.ndarray
    channel: np.ndarray


def _count_pairs(record: HopRecord) -> tuple[np.ndarray, np.ndarray]:
    """Keys of the pairs of spots that were hopped between, and how often."""
    n_spots = len(record.site)
    key, number = np.empty((2, 0), dtype=np.int64)
    for spots in record.spots():
        moved = spots[:, 1:] != spots[:, :-1]
        found, count = np.unique(
            spots[:, :-1][moved].astype(np.int64) * n_spots + spots[:, 1:][moved],
            return_counts=True,
        )
        key, place = np.unique(np.concatenate([key, found]), return_inverse=True)
        number = np.bincount(place, np.concatenate([number, count])).astype(np.int64)
    return key, number


def hop_graph(
    sites: np.ndarray,
    cell: np.ndarray,
    kind: np.ndarray,
    kind_names: Sequence[str],
    record: HopRecord,
) -> tuple[HopGraph, HopChannels]:
    """Channels in which a record hopped, all their edges, and which hop went which way.

    A channel is a pair of site labels at one distance; all edges between such sites at that
    distance belong to it, whether a hop was seen along each of them or not.

    Parameters
    ----------
    sites : numpy.ndarray
        Shape (sites, 3), fractional.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom, rows are the cell vectors.
    kind : numpy.ndarray
        Shape (sites,): label of each site, a place in `kind_names`.
    kind_names : sequence of str
    record : HopRecord

    Returns
    -------
    graph : HopGraph
    channels : HopChannels

    Raises
    ------
    InputError
        If nothing hopped.

    Notes
    -----
    Cost: linear in carriers x frames and in the pairs of sites within the longest hop.
    """
    key, number = _count_pairs(record)
    if not len(key):
        raise InputError("nothing hopped between sites, so no rate can be counted")
    first, last = np.divmod(key, len(record.site))
    length = np.linalg.norm(record.where[last] - record.where[first], axis=1)
    n_kinds = len(kind_names)
    low, high = _in_order(kind[record.site[first]], kind[record.site[last]])
    pair = low * n_kinds + high

    a, b, vector = _pairs_within(sites, cell, float(length.max()) + _SAME_DISTANCE)
    low, high = _in_order(kind[a], kind[b])
    edge_pair, distance = low * n_kinds + high, np.linalg.norm(vector, axis=1)
    hop_channel = np.full(len(key), -1)
    channel = np.full(len(a), -1)
    names: list[str] = []
    for one in np.unique(pair):
        mine = np.flatnonzero(edge_pair == one)
        order = mine[np.argsort(distance[mine])]
        sorted_distance = distance[order]
        shell = np.append(0, np.cumsum(np.diff(sorted_distance) > _SAME_DISTANCE))
        where = pair == one
        # a hop belongs to the shell of the edge nearest in length
        at = np.searchsorted(sorted_distance, length[where])
        left, right = np.maximum(at - 1, 0), np.minimum(at, len(order) - 1)
        closer = np.abs(sorted_distance[left] - length[where]) <= np.abs(
            sorted_distance[right] - length[where]
        )
        of_hop = shell[np.where(closer, left, right)]
        used, of_hop = np.unique(of_hop, return_inverse=True)
        hop_channel[where] = len(names) + of_hop
        for s in used:
            channel[order[shell == s]] = len(names)
            between = f"{kind_names[one // n_kinds]}-{kind_names[one % n_kinds]}"
            names.append(f"{between} {sorted_distance[shell == s].mean():.2f} A")
    known = channel >= 0
    graph = HopGraph(len(sites), a[known], b[known], vector[known], channel[known], tuple(names))
    return graph, HopChannels(key, number, hop_channel)


@kernel
def _channel_of(first, last, n_spots, key, channel):  # type: ignore[no-untyped-def]
    """Channel of the hop from a spot to another; key (pairs,) ascending, channel (pairs,)."""
    wanted = np.int64(first) * n_spots + last
    low, high = 0, key.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if key[middle] <= wanted:
            low = middle
        else:
            high = middle
    return channel[low]


@kernel
def add_own_products(spots, where, key, channel, horizon, sub_block, own):  # type: ignore[no-untyped-def]
    """Add what the hops of each channel went times the whole way of the same carrier.

    spots (carriers, frames) int32; where (spots, axes), Angstrom; key, channel (pairs,) as in
    `HopChannels`; over `horizon` frames from every origin. Adds to own (channels, sub-blocks), A^2,
    with `sub_block` origins in each; the last frames start no window there is a block for.
    """
    n_channels, n_blocks = own.shape
    n_spots, n_axes = where.shape
    n_origins = spots.shape[1] - horizon
    moved = np.zeros((n_channels, n_axes))
    for c in range(spots.shape[0]):
        moved[:] = 0.0
        for t in range(1, horizon + 1):
            a, b = spots[c, t - 1], spots[c, t]
            if a != b:
                e = _channel_of(a, b, n_spots, key, channel)
                for k in range(n_axes):
                    moved[e, k] += where[b, k] - where[a, k]
        t = 0
        while t < n_origins:
            block = t // sub_block
            if block >= n_blocks:
                break
            a, b = spots[c, t], spots[c, t + horizon]
            last = min((block + 1) * sub_block, n_origins)
            stop = t + 1
            while stop < last and spots[c, stop] == a and spots[c, stop + horizon] == b:
                stop += 1
            for e in range(n_channels):
                product = 0.0
                for k in range(n_axes):
                    product += moved[e, k] * (where[b, k] - where[a, k])
                own[e, block] += product * (stop - t)
            t = stop
            if t >= n_origins:
                break
            after, later = spots[c, t], spots[c, t + horizon]
            if after != a:
                e = _channel_of(a, after, n_spots, key, channel)
                for k in range(n_axes):
                    moved[e, k] -= where[after, k] - where[a, k]
            if later != b:
                e = _channel_of(b, later, n_spots, key, channel)
                for k in range(n_axes):
                    moved[e, k] += where[later, k] - where[b, k]


@kernel
def add_steps_of_channels(spots, where, key, channel, steps, number):  # type: ignore[no-untyped-def]
    """Add all hops by channel and frame: steps (channels, axes, frames), number (channels, frames).

    A hop between two frames is added to the later one; the rest as in `add_own_products`.
    """
    n_spots, n_axes = where.shape
    for c in range(spots.shape[0]):
        for t in range(1, spots.shape[1]):
            a, b = spots[c, t - 1], spots[c, t]
            if a == b:
                continue
            e = _channel_of(a, b, n_spots, key, channel)
            number[e, t] += 1.0
            for k in range(n_axes):
                steps[e, k, t] += where[b, k] - where[a, k]


def _in_order(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(a, b), np.maximum(a, b)


def _pairs_within(
    sites: np.ndarray, cell: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of sites, images included, up to a distance: each once, as start, end and vector."""
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    around = [np.arange(-n, n + 1) for n in np.ceil(reach / heights).astype(int) + 1]
    images = np.stack(np.meshgrid(*around, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = sites - np.floor(sites)
    here = inside @ cell
    there = (inside[None] + images[:, None]).reshape(-1, 3) @ cell
    near = cKDTree(there).query_ball_point(here, reach)
    start = np.repeat(np.arange(len(sites)), [len(x) for x in near])
    far = np.concatenate([np.asarray(x, dtype=np.int64) for x in near])
    end, vector = far % len(sites), there[far] - here[start]
    forward = end > start
    # between images of one site the first component that is not zero decides
    same = end == start
    sign = np.sign(np.where(np.abs(vector) > 1e-6, vector, 0.0))
    forward |= same & (sign @ [9.0, 3.0, 1.0] > 0)
    return start[forward], end[forward], vector[forward]


@dataclass(frozen=True)
class RateControl:
    """Rate control of each channel beside what it carried.

    Attributes
    ----------
    graph : HopGraph
    hops : numpy.ndarray
        Shape (channels,): hops counted, both ways.
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
        Blocks behind them; below ten they are jackknife estimates.
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
        """One line per channel; the diffusion coefficients (cm^2/s) are in ``attrs``."""
        import pandas as pd

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
        return table.sort_values("control", ascending=False)


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
        Directions that count.
    level : float
        Nominal coverage.
    seed : int
        Of the resampling.

    Returns
    -------
    RateControl

    Raises
    ------
    InputError
        If the horizon is longer than the record allows, or the hops lead nowhere far.

    Notes
    -----
    Assumed: carriers that do not feel each other beyond the mean occupancy of the sites, hops
    without memory, all edges of a channel alike. `measured` beside `diffusion` tells how far that
    holds. Contributions assume none of it.

    Cost: three passes over carriers x frames, and 400 small linear problems.
    """
    n_carriers, n_frames = record.n_carriers, record.n_frames
    n_origins = n_frames - horizon - 1
    if n_origins < 1:
        raise InputError(
            f"horizon={horizon} frames leaves no origin in {n_frames} frames; give a shorter one"
        )
    plan = plan_blocks(n_origins, horizon + 1)
    edges = np.arange(0, n_origins, plan.sub_block)
    axes = list(axes)
    n_channels = len(graph.names)

    def blocked(per_origin: np.ndarray) -> np.ndarray:
        return np.asarray(np.add.reduceat(per_origin, edges, axis=-1))

    where = np.ascontiguousarray(record.where[:, axes])
    known = where, channels.key, channels.channel
    # [K(T + delta) - K(T)] / delta at each origin: own with own displacement, and with all
    own_products = np.zeros((2, n_channels, plan.n_sub_blocks))
    steps = np.zeros((n_channels, len(axes), n_frames))
    number = np.zeros((n_channels, n_frames))
    for spots in record.spots():
        add_steps_of_channels(spots, *known, steps, number)
        # both horizons from the same origins
        add_own_products(np.ascontiguousarray(spots[:, :-1]), *known, horizon, plan.sub_block,
                         own_products[0])  # fmt: skip
        add_own_products(spots, *known, horizon + 1, plan.sub_block, own_products[1])
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
        """Values of one resampled record: three coefficients, then channels three times."""
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
            "the hops do not lead through the crystal: independent carriers would stay where they "
            "are, so no rate is in control; record longer, or at a higher temperature"
        )
    weights = resampling_weights(plan, np.random.default_rng([seed, horizon]))
    samples = np.array([evaluate(w) for w in weights]).reshape(len(weights), len(value))
    found = np.column_stack([value, *interval(value, samples, plan, level)])
    hops = np.bincount(channels.channel, channels.number, minlength=n_channels).astype(np.int64)
    parts = found[3:].reshape(3, n_channels, 3)
    for k in (1, 2):  # a share of what may be zero is none
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

    def spots() -> Iterator[np.ndarray]:
        for first, last in carrier_blocks(one.labels.position):
            yield history.held.carriers(first, last).dense()

    record = HopRecord(spots, history.site, history.where, history.n_carriers, history.n_frames)
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
