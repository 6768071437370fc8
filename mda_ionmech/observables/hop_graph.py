"""Graph of hops between sites, and the diffusion of independent walkers on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from ..events.crystal.follow_sites import numbered_site_images
from ..lib.checks import checked_array, instance, listed, shown
from ..lib.errors import InputError

#: Largest difference between consecutive sorted distances of one channel, Angstrom.
SAME_DISTANCE = 0.1


@dataclass(frozen=True)
class HopGraph:
    """Edges between sites of a periodic cell, each once, in channels of equal flux.

    Attributes
    ----------
    n_sites : int
    start, end : numpy.ndarray
        Shape (edges,): sites at the two ends.
    vector : numpy.ndarray
        Shape (edges, 3), Angstrom: from start to end, across the periodic boundary if necessary.
    channel : numpy.ndarray
        Shape (edges,): channel of each edge.
    names : tuple of str
        Names of the channels: labels of the two sites and the distance in Angstrom.
    """

    n_sites: int
    start: np.ndarray
    end: np.ndarray
    vector: np.ndarray
    channel: np.ndarray
    names: tuple[str, ...]

    def edges_per_channel(self) -> np.ndarray:
        """Number of edges of each channel.

        Returns
        -------
        numpy.ndarray
            Shape (channels,).
        """
        return np.bincount(self.channel, minlength=len(self.names))


def markov_diffusion(graph: HopGraph, flux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Long-time diffusion tensor of one carrier, and its response to the rate of each channel.

    Parameters
    ----------
    graph : HopGraph
    flux : numpy.ndarray
        Shape (channels,), 1/ps: p_a w_ab of one edge of each channel, equal in both directions
        (detailed balance), with p_a the probability of the carrier to be on site a.

    Returns
    -------
    diffusion : numpy.ndarray
        Shape (3, 3), A^2/ps.
    response : numpy.ndarray
        Shape (channels, 3, 3), A^2/ps: dD / d ln k of each channel, with forward and backward rate
        scaled together. They are positive and sum to D: D is the minimum over x of the sum over
        edges, so that its derivative by a rate is that at fixed x.

    Raises
    ------
    InputError
        For fluxes that are negative, not finite, or not one for each channel.

    Notes
    -----
    Cost: one sparse factorisation of the sites' matrix. J. W. Haus and K. W. Kehr, Phys. Rep. 150,
    263 (1987), for hopping on periodic graphs; C. T. Campbell, J. Catal. 204, 520 (2001), for the
    degree of rate control.
    """
    instance("graph", graph, HopGraph, "give the first result of hop_graph(...)")
    flux = checked_array(
        "flux", flux, (len(graph.names),), "1/ps, one for each channel of the graph, (channels,)"
    )
    if np.any(flux < 0):
        raise InputError(f"flux holds {flux.min():g} 1/ps; give hops per time, 0 or more")
    f = flux[graph.channel]
    a, b, n = graph.start, graph.end, graph.n_sites
    each = np.concatenate([a, b]), np.concatenate([b, a])
    weight = coo_matrix((np.concatenate([f, f]), each), shape=(n, n)).tocsr()
    # a channel without hops in a resampled record connects no sites
    weight.eliminate_zeros()
    # one site of every connected component is fixed: x is defined up to a constant there
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
    """Site images occupied by carriers over time; a site image is a site in one periodic image.

    Attributes
    ----------
    site_images : callable
        Returns the record from its beginning: numbers of site images (carriers, frames), int32, by
        blocks of carriers.
    site : numpy.ndarray
        Shape (site images,): site of each site image.
    where : numpy.ndarray
        Shape (site images, 3), Angstrom: unwrapped position of each site image.
    n_carriers, n_frames : int
    """

    site_images: Callable[[], Iterable[np.ndarray]]
    site: np.ndarray
    where: np.ndarray
    n_carriers: int
    n_frames: int

    @classmethod
    def of_arrays(cls, state: np.ndarray, path: np.ndarray) -> HopRecord:
        """The record from arrays that hold every frame.

        Parameters
        ----------
        state : numpy.ndarray
            Shape (carriers, frames): occupied site.
        path : numpy.ndarray
            Shape (carriers, 3, frames), Angstrom: unwrapped position of that site.

        Returns
        -------
        HopRecord

        Raises
        ------
        InputError
            For arrays of other shapes, or states that are not integers of 0 or more.
        """
        state = checked_array(
            "state", state, (None, None), "the occupied site, (carriers, frames)", whole=True
        )
        if state.size and state.min() < 0:
            raise InputError(f"state holds {state.min()}; give numbers of sites, 0 or more")
        path = checked_array(
            "path", path, (state.shape[0], 3, state.shape[1]),
            "the position of that site in Angstrom, (carriers, 3, frames)",
        )  # fmt: skip
        site_images, site, where = numbered_site_images(state, path)
        return cls(lambda: [site_images], site, where, *state.shape)


@dataclass(frozen=True)
class HopChannels:
    """Observed hops between site images, and their channels.

    Attributes
    ----------
    key : numpy.ndarray
        Shape (pairs,), int64, ascending: first site image times the number of site images plus last
        site image.
    number : numpy.ndarray
        Shape (pairs,), int64: number of hops.
    channel : numpy.ndarray
        Shape (pairs,), int64.
    """

    key: np.ndarray
    number: np.ndarray
    channel: np.ndarray


def _count_pairs(record: HopRecord) -> tuple[np.ndarray, np.ndarray]:
    """Keys of the pairs of site images with hops, and the number of hops."""
    n_site_images = len(record.site)
    key, number = np.empty((2, 0), dtype=np.int64)
    for site_images in record.site_images():
        moved = site_images[:, 1:] != site_images[:, :-1]
        found, count = np.unique(
            site_images[:, :-1][moved].astype(np.int64) * n_site_images + site_images[:, 1:][moved],
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
    """Channels with hops in a record, all their edges, and the channel of each hop.

    A channel is here a pair of site labels and the distance between the sites, in both directions;
    all edges between such sites at that distance belong to it, including those without observed
    hops.

    Parameters
    ----------
    sites : numpy.ndarray
        Shape (sites, 3), fractional.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom, rows are the cell vectors.
    kind : numpy.ndarray
        Shape (sites,): label of each site, an index in `kind_names`.
    kind_names : sequence of str
    record : HopRecord

    Returns
    -------
    graph : HopGraph
    channels : HopChannels

    Raises
    ------
    InputError
        If nothing hopped, for arrays of other shapes, and for a record of other sites.

    Notes
    -----
    Cost: linear in carriers x frames and in the pairs of sites within the longest hop.
    """
    sites, cell, kind = _checked_sites(sites, cell, kind, kind_names)
    instance("record", record, HopRecord, "make one with HopRecord.of_arrays(state, path)")
    if len(record.site) and not 0 <= record.site.min() <= record.site.max() < len(sites):
        raise InputError(
            f"record holds sites up to number {record.site.max()}, and sites {len(sites)} of them; "
            "give the record and the sites of one system"
        )
    key, number = _count_pairs(record)
    if not len(key):
        raise InputError("nothing hopped between sites, so no rate can be counted")
    first, last = np.divmod(key, len(record.site))
    length = np.linalg.norm(record.where[last] - record.where[first], axis=1)
    n_kinds = len(kind_names)
    low, high = _in_order(kind[record.site[first]], kind[record.site[last]])
    pair = low * n_kinds + high

    a, b, vector = _pairs_within(sites, cell, float(length.max()) + SAME_DISTANCE)
    low, high = _in_order(kind[a], kind[b])
    edge_pair, distance = low * n_kinds + high, np.linalg.norm(vector, axis=1)
    hop_channel = np.full(len(key), -1)
    channel = np.full(len(a), -1)
    names: list[str] = []
    for one in np.unique(pair):
        mine = np.flatnonzero(edge_pair == one)
        if not len(mine):
            raise InputError(
                "record holds hops between positions that no two sites in this cell have; give "
                "positions in Angstrom of the given sites (fractional) in the given cell"
            )
        order = mine[np.argsort(distance[mine])]
        sorted_distance = distance[order]
        shell = np.append(0, np.cumsum(np.diff(sorted_distance) > SAME_DISTANCE))
        where = pair == one
        # a hop belongs to the distance class of the edge closest in length
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


def _checked_sites(
    sites: np.ndarray, cell: np.ndarray, kind: np.ndarray, kind_names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sites, cell and labels of sites as arrays of the right shapes."""
    sites = checked_array("sites", sites, (None, 3), "fractional positions, (sites, 3)")
    cell = checked_array("cell", cell, (3, 3), "its vectors as rows in Angstrom, (3, 3)")
    if not abs(np.linalg.det(cell)) > 0:
        raise InputError(f"cell={shown(cell.tolist())} has no volume; give its vectors as rows")
    kind = checked_array(
        "kind", kind, (len(sites),), "the label of each site, (sites,)", whole=True
    )
    names = listed("kind_names", kind_names, "give the name of each label")
    if len(kind) and not 0 <= kind.min() <= kind.max() < len(names):
        raise InputError(
            f"kind holds labels from {kind.min()} to {kind.max()}, and kind_names "
            f"{len(names)} names; each label is an index in kind_names, from 0 on"
        )
    return sites, cell, kind


def _in_order(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(a, b), np.maximum(a, b)


def _pairs_within(
    sites: np.ndarray, cell: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of sites, including images, up to a distance: each once, as start, end and vector."""
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
    # between images of one site the sign of the first non-zero component decides
    same = end == start
    sign = np.sign(np.where(np.abs(vector) > 1e-6, vector, 0.0))
    forward |= same & (sign @ [9.0, 3.0, 1.0] > 0)
    return start[forward], end[forward], vector[forward]
