"""Exclusion lattice gas: single hops into empty sites, with one rate per channel.

A null model of concerted motion: the same sites, the same occupation and the counted rates, but no
correlation between ions other than exclusion. Rejection-free kinetic Monte Carlo (Bortz, Kalos,
Lebowitz, J. Comput. Phys. 17, 10 (1975)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...lib.frame_blocks import frames_at_once
from ...lib.kernels import kernel
from ..crystal.site_distances import Apart

#: Distances of one channel agree to this, Angstrom.
SHELL = 0.2


@dataclass(frozen=True)
class SiteGraph:
    """Directed edges between sites, in classes of equal rate.

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
        Shape (sites,), int64: sites of the same place exclude each other; None where every site
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


class _Edges(NamedTuple):
    """Edges of a `SiteGraph`, sorted by place.

    Edges out of place p are ``outgoing[out_offsets[p]:out_offsets[p + 1]]``, and those into it
    ``incoming[in_offsets[p]:in_offsets[p + 1]]``; place is that of each site.
    """

    start: np.ndarray
    end: np.ndarray
    channel: np.ndarray
    place: np.ndarray
    out_offsets: np.ndarray
    outgoing: np.ndarray
    in_offsets: np.ndarray
    incoming: np.ndarray


class _Occupation(NamedTuple):
    """Site of each carrier, and the carrier at each place, or -1."""

    site_of: np.ndarray
    occupant: np.ndarray


class _OpenEdges(NamedTuple):
    """Open edges: the start site is occupied and the place of the end site is empty.

    Those of class k are ``active[first[k]:first[k] + number[k]]``; where is the index of each edge
    in active, -1 for edges that are not open.
    """

    first: np.ndarray
    number: np.ndarray
    where: np.ndarray
    active: np.ndarray


@kernel
def _list_open(edges, occupation, opened):  # type: ignore[no-untyped-def]
    """Fill an `_OpenEdges` from `_Edges` and an `_Occupation`."""
    start, end, channel, place = edges.start, edges.end, edges.channel, edges.place
    site_of, occupant = occupation
    first, count, where, active = opened
    count[:] = 0
    for e in range(start.shape[0]):
        count[channel[e]] += 1
    for k in range(count.shape[0]):
        first[k + 1] = first[k] + count[k]
        count[k] = 0
    where[:] = -1
    for e in range(start.shape[0]):
        holder = occupant[place[start[e]]]
        if holder >= 0 and site_of[holder] == start[e] and occupant[place[end[e]]] < 0:
            k = channel[e]
            where[e] = first[k] + count[k]
            active[where[e]] = e
            count[k] += 1


@kernel
def _simulate(  # type: ignore[no-untyped-def]
    edges, rate, occupation, opened, clock, times, frame, first_frame, rng, state
):
    """Continue the gas and record the site of every carrier in frames first_frame and later.

    edges: `_Edges`; rate (channels,), 1/ps; occupation: `_Occupation` and opened: `_OpenEdges`,
    updated; clock (2,): time of the last hop and of the next one, which is negative where it is not
    drawn yet; times: spacing, ps, and skip: frame f is at (f + skip) spacing. Frames before
    first_frame, from `frame` on, are not recorded. Fills state (carriers, frames).
    """
    start, end, channel, place, out_offsets, outgoing, in_offsets, incoming = edges
    site_of, occupant = occupation
    first, count, where, active = opened
    spacing, skip = times
    n_channels, n_carriers = rate.shape[0], state.shape[0]
    stop = first_frame + state.shape[1]
    while True:
        total = 0.0
        for k in range(n_channels):
            total += rate[k] * count[k]
        if clock[1] < 0:
            clock[1] = np.inf
            if total > 0:
                clock[1] = clock[0] - np.log(1.0 - rng.random()) / total
        # record every frame before the next hop
        while frame * spacing < clock[1] - skip * spacing and frame < stop:
            if frame >= first_frame:
                for c in range(n_carriers):
                    state[c, frame - first_frame] = site_of[c]
            frame += 1
        if frame >= stop:
            return
        clock[0], clock[1] = clock[1], -1.0
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
            meeting = outgoing if turn % 2 == 0 else incoming
            for m in range(offsets[site], offsets[site + 1]):
                e = meeting[m]
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


def simulate_blocks(
    graph: SiteGraph,
    site_of: np.ndarray,
    *,
    n_frames: int,
    spacing: float,
    rng: np.random.Generator,
    skip: int = 0,
    most: int | None = None,
) -> Iterator[np.ndarray]:
    """Sites of all carriers of an exclusion gas over time, in blocks of frames.

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
        Frames to discard at the beginning (equilibration).
    most : int, optional
        Frames per block; the last may have fewer.

    Yields
    ------
    numpy.ndarray
        Shape (carriers, some frames), int32.
    """
    place, n_edges, n_channels = graph.places, len(graph.start), len(graph.rate)
    site_of = site_of.astype(np.int64)
    occupant = np.full(graph.n_sites, -1, dtype=np.int64)
    occupant[place[site_of]] = np.arange(len(site_of))
    edges = _Edges(
        graph.start, graph.end, graph.channel, place,
        *_by_site(place[graph.start], graph.n_sites), *_by_site(place[graph.end], graph.n_sites),
    )  # fmt: skip
    occupation = _Occupation(site_of, occupant)
    sizes = n_channels + 1, n_channels, n_edges, n_edges
    opened = _OpenEdges(*(np.zeros(n, dtype=np.int64) for n in sizes))
    _list_open(edges, occupation, opened)
    clock = np.array([0.0, -1.0])
    most = most or frames_at_once(len(site_of))
    frame = -skip
    for first in range(0, n_frames, most):
        state = np.empty((len(site_of), min(most, n_frames - first)), dtype=np.int32)
        _simulate(
            edges, graph.rate, occupation, opened, clock, (spacing, skip), frame, first, rng, state
        )
        frame = first + state.shape[1]
        yield state


@dataclass(frozen=True)
class HopCounts:
    """Number of hops between each pair of sites in a record.

    Attributes
    ----------
    n_sites : int
    key : numpy.ndarray
        Shape (pairs,), int64, ascending: first site times `n_sites` plus last site.
    number : numpy.ndarray
        Shape (pairs,), int64.
    """

    n_sites: int
    key: np.ndarray
    number: np.ndarray


def count_hops(record: Iterable[np.ndarray], n_sites: int) -> HopCounts:
    """Hops between frames of a record.

    Parameters
    ----------
    record : iterable of numpy.ndarray
        Occupied sites, (carriers, some frames), block after block.
    n_sites : int
    """
    keys, last = [], None
    for state in record:
        if last is not None:
            state = np.concatenate([last, state], axis=1)
        moved = state[:, 1:] != state[:, :-1]
        keys.append(state[:, :-1][moved].astype(np.int64) * n_sites + state[:, 1:][moved])
        last = state[:, -1:].copy()
    key, number = np.unique(np.concatenate(keys), return_counts=True)
    return HopCounts(n_sites, key, number)


@kernel
def _count_open(sampled, offsets, end, channel, place, exposure):  # type: ignore[no-untyped-def]
    """Add the open edges of sampled frames to the exposure of their channels.

    sampled (carriers, frames): occupied sites; edges out of site s are offsets[s] : offsets[s + 1],
    with end and channel; place (sites,). An edge is open when its start site is occupied and the
    place of its end site is empty. exposure (channels,).
    """
    n_carriers, n_frames = sampled.shape
    seen = np.full(place.shape[0], -1, dtype=np.int64)
    full = np.full(place.shape[0], -1, dtype=np.int64)
    for t in range(n_frames):
        for c in range(n_carriers):
            full[place[sampled[c, t]]] = t
        for c in range(n_carriers):
            site = sampled[c, t]
            if seen[site] == t:
                continue
            seen[site] = t
            for e in range(offsets[site], offsets[site + 1]):
                if full[place[end[e]]] != t:
                    exposure[channel[e]] += 1


def counted_graph(
    record: Callable[[], Iterable[np.ndarray]],
    n_frames: int,
    kind: np.ndarray,
    apart: Apart,
    spacing: float,
    place: np.ndarray | None = None,
) -> SiteGraph:
    """Site graph with the rates counted in a record of occupied sites.

    A channel is here a pair of site labels from start to end and the distance between the sites.
    Its rate is the number of its hops over the time that its edges were open, i.e. led from an
    occupied site to an empty place.

    Parameters
    ----------
    record : callable
        Returns the record from its beginning: occupied sites, (carriers, some frames), in blocks.
    n_frames : int
    kind : numpy.ndarray
        Shape (sites,): label of each site.
    apart : Apart
        Distances of the sites.
    spacing : float
        Of the frames, ps.
    place : numpy.ndarray, optional
        As in `SiteGraph`.
    """
    n_sites = len(kind)
    hops = count_hops(record(), n_sites)
    n_kinds = int(kind.max()) + 1

    def shells(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        # distances of equivalent pairs agree far better than this
        return np.rint(apart.between(first, second) / SHELL).astype(np.int64)

    hopped = np.divmod(hops.key, n_sites)
    shell = shells(*hopped)
    farthest = int(shell.max(initial=0))

    def channel_keys(first: np.ndarray, second: np.ndarray, shell: np.ndarray) -> np.ndarray:
        return (kind[first] * n_kinds + kind[second]) * (farthest + 1) + shell

    channels, mine = np.unique(channel_keys(*hopped, shell), return_inverse=True)
    number = np.bincount(mine, hops.number, minlength=len(channels))
    start, end = apart.within((farthest + 0.5) * SHELL)
    shell = shells(start, end)
    key = channel_keys(start, end, shell)
    used = (start != end) & (shell <= farthest) & np.isin(key, channels)
    start, end, key = start[used], end[used], key[used]
    channel = np.searchsorted(channels, key)
    every = max(1, n_frames // 2000)
    offsets = np.searchsorted(start, np.arange(n_sites + 1))
    exposure = np.zeros(len(channels), dtype=np.int64)
    places = np.arange(n_sites) if place is None else place
    first = 0
    for state in record():
        sampled = np.ascontiguousarray(state[:, -first % every :: every])
        _count_open(sampled, offsets, end, channel, places, exposure)
        first += state.shape[1]
    used = np.flatnonzero(exposure)
    known = exposure[channel] > 0
    order = np.argsort(channel[known], kind="stable")
    return SiteGraph(
        n_sites,
        start[known][order],
        end[known][order],
        np.searchsorted(used, channel[known][order]),
        number[used] / (exposure[used] * every * spacing),
        place,
    )


def channel_hops(hops: HopCounts, graph: SiteGraph) -> np.ndarray:
    """Hops of a record along each channel of a graph, shape (channels,)."""
    edge = graph.start * graph.n_sites + graph.end
    order = np.argsort(edge)
    place = np.minimum(np.searchsorted(edge[order], hops.key), len(edge) - 1)
    known = edge[order][place] == hops.key
    channel = graph.channel[order][place[known]]
    return np.bincount(channel, hops.number[known], minlength=len(graph.rate))


def distinct_sites(
    site_of: np.ndarray,
    apart: Apart,
    place: np.ndarray | None = None,
    owner: np.ndarray | None = None,
) -> np.ndarray | None:
    """Move carriers to the nearest free site where two share a place.

    Parameters
    ----------
    site_of : numpy.ndarray
        Shape (carriers,).
    apart : Apart
        Distances of the sites.
    place : numpy.ndarray, optional
        As in `SiteGraph`.
    owner : numpy.ndarray, optional
        Shape (sites,): species of each site; a carrier stays on sites of its species.

    Returns
    -------
    numpy.ndarray or None
        Shape (carriers,); None where a carrier finds no free site.
    """
    sites = np.arange(len(apart))
    places = sites if place is None else place
    owners = np.zeros(len(apart), dtype=np.int64) if owner is None else owner
    taken = np.zeros(len(apart), dtype=bool)
    out = np.empty(len(site_of), dtype=np.int64)
    for c, site in enumerate(site_of):
        choice = site
        if taken[places[site]]:
            free = sites[~taken[places] & (owners == owners[site])]
            if not len(free):
                return None
            choice = free[np.argmin(apart.between(site, free))]
        taken[places[choice]] = True
        out[c] = choice
    return out
