"""Joins the site histories of several species, so that their hops may be linked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ...lib.run_length import LabelRuns, gathered_runs, run_blocks
from ...microstates import ShellTable
from ...microstates.sites.site_assignment import minimum_image
from .site_distances import InCell
from .site_history import SiteHistory, Walk


def join_histories(histories: Sequence[SiteHistory], shared: float) -> SiteHistory:
    """One site history of several species, so that their hops may be linked.

    Parameters
    ----------
    histories : sequence of SiteHistory
        With `sites` and `cell`, of the same frames; a single one is returned unchanged.
    shared : float
        Sites of different species at most this far apart, Angstrom, are one place.

    Returns
    -------
    SiteHistory
        With sites and carriers of the species concatenated.
    """
    if len(histories) == 1:
        return histories[0]
    cell = histories[0].cell
    assert cell is not None
    sites = np.concatenate([h.sites for h in histories if h.sites is not None])
    first = np.concatenate([[0], np.cumsum([len(h.apart) for h in histories])])
    owner = np.repeat(np.arange(len(histories)), np.diff(first))
    apart = InCell(sites, cell)
    near = apart.within(shared)
    other = owner[near[0]] != owner[near[1]]
    link = coo_matrix((other[other], (near[0][other], near[1][other])), shape=(len(sites),) * 2)
    _, place = connected_components(link, directed=False)
    _, stands = np.unique(place, return_index=True)
    to_place = minimum_image(sites[stands[place]] - sites) @ cell
    kinds = np.concatenate([[0], np.cumsum([len(h.shells.types) for h in histories])])
    kind = [h.shells.kind + k for h, k in zip(histories, kinds, strict=False)]
    number = np.arange(len(sites))
    site = np.concatenate([h.site + f for h, f in zip(histories, first, strict=False)])
    return SiteHistory(
        occupied=_joined([h.occupied for h in histories], [len(h.site) for h in histories]),
        site=site.astype(np.int32),
        where=np.concatenate([h.where for h in histories]) + to_place[site],
        shells=ShellTable(
            np.arange(len(sites) + 1),
            number,
            number,
            np.concatenate(kind),
            tuple(t for h in histories for t in h.shells.types),
        ),
        apart=apart,
        first=np.concatenate([[0], np.cumsum([h.n_carriers for h in histories])]),
        kinds=kinds,
        sites=sites,
        cell=cell,
        walk=_together([h.walk for h in histories if isinstance(h.walk, Walk)]),
        place=place.astype(np.int64),
        owner=owner,
        are_visited=any(h.are_visited for h in histories),
        spacing=histories[0].spacing,
    )


def same_place(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of sites of one place, in both orders and each with itself, from place (sites,)."""
    order = np.argsort(place, kind="stable")
    _, first, number = np.unique(place[order], return_index=True, return_counts=True)
    one = np.repeat(order, np.repeat(number, number))
    begin = np.repeat(first, number * number)
    inside = np.arange(len(one)) - np.repeat(
        np.cumsum(number * number) - number * number, number**2
    )
    return one, order[begin + inside % np.repeat(number, number * number)]


def _joined(held: Sequence[LabelRuns], n_site_images: Sequence[int]) -> LabelRuns:
    """Site images of all species, numbered consecutively."""
    shift = np.cumsum([0, *n_site_images[:-1]]).astype(np.int32)

    def blocks() -> Iterator[LabelRuns]:
        for runs, before in zip(held, shift, strict=True):
            for first, last in run_blocks(runs.offsets):
                mine = runs.carriers(first, last)
                a, b = int(mine.offsets[0]), int(mine.offsets[-1])
                value = mine.value[a:b] + before
                yield LabelRuns(mine.offsets - a, mine.start[a:b], value, mine.n_frames)

    return gathered_runs(blocks(), held[0].n_frames, held[0].folder)


def _together(walks: Sequence[Walk]) -> Walk | None:
    if not walks:
        return None
    return Walk(
        tuple(one for walk in walks for one in walk.position),
        np.concatenate([walk.begin for walk in walks]),
        walks[0].inverse,
        np.concatenate([walk.shift for walk in walks]),
    )
