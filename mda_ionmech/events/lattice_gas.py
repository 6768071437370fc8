"""An exclusion lattice gas: single hops into empty sites, each channel at its own rate.

The null of section "concertedness": the same sites, the same filling and the counted rates, and
nothing that makes ions move together. Rejection-free kinetic Monte Carlo (Bortz, Kalos, Lebowitz,
J. Comput. Phys. 17, 10 (1975)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..kernels import kernel


@dataclass(frozen=True)
class SiteGraph:
    """Directed edges between sites, in classes of one rate each.

    Attributes
    ----------
    n_sites : int
    start, end : numpy.ndarray
        Shape (edges,), int64: sites of each edge.
    channel : numpy.ndarray
        Shape (edges,), int64: class of each edge.
    rate : numpy.ndarray
        Shape (channels,), 1/ps: rate of a hop along one edge of the class into an empty place.
    place : numpy.ndarray
        Shape (sites,), int64: sites with the same place exclude each other; None where every site
        is a place of its own.
    """

    n_sites: int
    start: np.ndarray
    end: np.ndarray
    channel: np.ndarray
    rate: np.ndarray
    place: np.ndarray | None = None

    @property
    def places(self) -> np.ndarray:
        """Place of every site, shape (sites,), int64."""
        return np.arange(self.n_sites) if self.place is None else self.place


@kernel
def _simulate(  # type: ignore[no-untyped-def]
    start, end, place, channel, rate, out_offsets, out_edges, in_offsets, in_edges, site_of,
    occupant, spacing, skip, rng, state,
):  # fmt: skip
    """Run the gas and record site_of at every multiple of spacing after `skip` of them.

    Edges out of place p are out_edges[out_offsets[p] : out_offsets[p + 1]], into it in_edges alike;
    place (sites,), site_of (carriers,), occupant (places,) the carrier there or -1. An edge is open
    when its first site is held and its last one's place is empty. Fills state (carriers, frames).
    """
    n_edges, n_channels = start.shape[0], rate.shape[0]
    n_carriers, n_frames = state.shape
    count = np.zeros(n_channels, dtype=np.int64)
    for e in range(n_edges):
        count[channel[e]] += 1
    first = np.zeros(n_channels + 1, dtype=np.int64)
    for k in range(n_channels):
        first[k + 1] = first[k] + count[k]
        count[k] = 0
    active = np.empty(n_edges, dtype=np.int64)  # open edges, class after class
    where = np.full(n_edges, -1, dtype=np.int64)
    for e in range(n_edges):
        holder = occupant[place[start[e]]]
        if holder >= 0 and site_of[holder] == start[e] and occupant[place[end[e]]] < 0:
            k = channel[e]
            where[e] = first[k] + count[k]
            active[where[e]] = e
            count[k] += 1
    time = 0.0
    frame = -skip
    while True:
        total = 0.0
        for k in range(n_channels):
            total += rate[k] * count[k]
        until = np.inf
        if total > 0:
            until = time - np.log(1.0 - rng.random()) / total
        # record every frame before the next hop
        while frame * spacing < until - skip * spacing and frame < n_frames:
            if frame >= 0:
                for c in range(n_carriers):
                    state[c, frame] = site_of[c]
            frame += 1
        if frame >= n_frames:
            return
        time = until
        pick = rng.random() * total
        k = 0
        while k < n_channels - 1 and pick >= rate[k] * count[k]:
            pick -= rate[k] * count[k]
            k += 1
        chosen = min(int(rng.random() * count[k]), count[k] - 1)
        edge = active[first[k] + chosen]
        a, b = place[start[edge]], place[end[edge]]
        c = occupant[a]
        occupant[a] = -1
        occupant[b] = c
        site_of[c] = end[edge]
        for turn in range(4):
            site = a if turn < 2 else b
            offsets = out_offsets if turn % 2 == 0 else in_offsets
            edges = out_edges if turn % 2 == 0 else in_edges
            for m in range(offsets[site], offsets[site + 1]):
                e = edges[m]
                holder = occupant[place[start[e]]]
                is_open = (
                    holder >= 0 and site_of[holder] == start[e] and occupant[place[end[e]]] < 0
                )
                k = channel[e]
                if is_open and where[e] < 0:
                    where[e] = first[k] + count[k]
                    active[where[e]] = e
                    count[k] += 1
                elif not is_open and where[e] >= 0:
                    count[k] -= 1
                    last = active[first[k] + count[k]]
                    active[where[e]] = last
                    where[last] = where[e]
                    where[e] = -1


def _by_site(site: np.ndarray, n_sites: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(site, kind="stable")
    return np.searchsorted(site[order], np.arange(n_sites + 1)), order


def simulate(
    graph: SiteGraph,
    site_of: np.ndarray,
    *,
    n_frames: int,
    spacing: float,
    rng: np.random.Generator,
    skip: int = 0,
) -> np.ndarray:
    """Sites of all carriers of an exclusion gas over time.

    Cost: linear in hops and in the edges that meet a site.

    Parameters
    ----------
    graph : SiteGraph
    site_of : numpy.ndarray
        Shape (carriers,): sites to start from, each at a place of its own.
    n_frames : int
    spacing : float
        Of the frames, ps.
    rng : numpy.random.Generator
    skip : int
        Frames to forget at the beginning.

    Returns
    -------
    numpy.ndarray
        Shape (carriers, frames), int32.
    """
    place = graph.places
    occupant = np.full(graph.n_sites, -1, dtype=np.int64)
    occupant[place[site_of]] = np.arange(len(site_of))
    out_offsets, out_edges = _by_site(place[graph.start], graph.n_sites)
    in_offsets, in_edges = _by_site(place[graph.end], graph.n_sites)
    state = np.empty((len(site_of), n_frames), dtype=np.int32)
    _simulate(
        graph.start, graph.end, place, graph.channel, graph.rate, out_offsets, out_edges,
        in_offsets, in_edges, site_of.astype(np.int64).copy(), occupant, spacing, skip, rng, state,
    )  # fmt: skip
    return state


def counted_graph(
    state: np.ndarray,
    kind: np.ndarray,
    distances: np.ndarray,
    spacing: float,
    place: np.ndarray | None = None,
) -> SiteGraph:
    """Site graph with the rates counted in a record of sites held.

    A channel is a pair of site labels at one distance. Its rate is the number of its hops over the
    time its edges were open, that is led from an occupied site to an empty place.

    Parameters
    ----------
    state : numpy.ndarray
        Shape (carriers, frames): sites held.
    kind : numpy.ndarray
        Shape (sites,): label of each site.
    distances : numpy.ndarray
        Shape (sites, sites), Angstrom.
    spacing : float
        Of the frames, ps.
    place : numpy.ndarray, optional
        As in `SiteGraph`.
    """
    n_sites = len(kind)
    moved = state[:, 1:] != state[:, :-1]
    a, b = state[:, :-1][moved], state[:, 1:][moved]
    # distances of equivalent pairs agree to far better than 0.2 A
    shell = np.rint(distances / 0.2).astype(np.int64)
    n_kinds = int(kind.max()) + 1
    key = (kind[:, None] * n_kinds + kind[None, :]) * (int(shell.max()) + 1) + shell
    np.fill_diagonal(key, -1)
    channels, hops = np.unique(key[a, b], return_counts=True)
    every = max(1, state.shape[1] // 2000)
    sampled = state[:, ::every]
    occupied = np.zeros((sampled.shape[1], n_sites))
    row = np.arange(sampled.shape[1])[None, :]
    occupied[row, sampled] = 1.0
    full = occupied
    if place is not None:
        full = np.zeros_like(occupied)
        full[row, place[sampled]] = 1.0
        full = full[:, place]
    starts, ends, numbers = [], [], []
    rates: list[float] = []
    for channel, n_hops in zip(channels, hops, strict=True):
        adjacent = key == channel
        exposure = float(np.sum((occupied @ adjacent) * (1 - full)))
        if exposure == 0:
            continue
        start, end = np.nonzero(adjacent)
        starts.append(start)
        ends.append(end)
        numbers.append(np.full(len(start), len(rates)))
        rates.append(n_hops / (exposure * every * spacing))
    if not rates:
        none = np.empty(0, dtype=np.int64)
        return SiteGraph(n_sites, none, none, none, np.empty(0), place)
    return SiteGraph(
        n_sites,
        np.concatenate(starts),
        np.concatenate(ends),
        np.concatenate(numbers),
        np.array(rates),
        place,
    )


def channel_hops(state: np.ndarray, graph: SiteGraph) -> np.ndarray:
    """Hops of a record (carriers, frames) along each channel of a graph, shape (channels,)."""
    moved = state[:, 1:] != state[:, :-1]
    key = state[:, :-1][moved].astype(np.int64) * graph.n_sites + state[:, 1:][moved]
    edge = graph.start * graph.n_sites + graph.end
    order = np.argsort(edge)
    place = np.minimum(np.searchsorted(edge[order], key), len(edge) - 1)
    known = edge[order][place] == key
    channel = graph.channel[order][place[known]]
    return np.bincount(channel, minlength=len(graph.rate)).astype(float)


def distinct_sites(
    site_of: np.ndarray, distances: np.ndarray, place: np.ndarray | None = None
) -> np.ndarray | None:
    """Give every carrier a place of its own: the nearest free site where two share one.

    Parameters
    ----------
    site_of : numpy.ndarray
        Shape (carriers,).
    distances : numpy.ndarray
        Shape (sites, sites), Angstrom; infinite between sites of different species.
    place : numpy.ndarray, optional
        As in `SiteGraph`.

    Returns
    -------
    numpy.ndarray or None
        Shape (carriers,); None where a carrier finds no free site.
    """
    places = np.arange(len(distances)) if place is None else place
    taken: set[int] = set()
    out = np.empty(len(site_of), dtype=np.int64)
    for c, site in enumerate(site_of):
        free = (
            int(s)
            for s in np.argsort(distances[site])
            if int(places[s]) not in taken and np.isfinite(distances[site, s])
        )
        choice = next(free, None)
        if choice is None:
            return None
        taken.add(int(places[choice]))
        out[c] = choice
    return out
