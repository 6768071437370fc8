"""Null models of the multi-ion fraction: circular shifts and an exclusion gas.

Two nulls are labelled by the same rule as the run: each carrier's record shifted in time by a
random amount (circular), and an exclusion gas with the counted rates. Only a multi-ion fraction
above both is evidence of concerted motion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ...lib.run_length import LabelRuns, runs_in_time
from ..crystal.follow_sites import in_images
from ..crystal.site_history import OffSites, Walk
from .exclusion_gas import channel_hops, count_hops, counted_graph, distinct_sites, simulate_blocks

if TYPE_CHECKING:
    from ..crystal.crystal_events import CrystalEvents
    from ..crystal.site_history import SiteHistory

#: Realisations of the circular null.
SHIFTS = 5
#: Iterations in which the rates of the gas are scaled to the number of hops of the run.
CALIBRATIONS = 4


def multi_share(
    rule: CrystalEvents,
    history: SiteHistory,
    window: int,
    hidden: np.ndarray | None = None,
    frames: tuple[int, int] | None = None,
) -> np.ndarray:
    """Fraction of the hopping carriers in clusters of two or more, by species.

    Parameters
    ----------
    rule : CrystalEvents
    history : SiteHistory
    window : int
        Frames.
    hidden, frames
        As in `CrystalEvents.link_blocks`.

    Returns
    -------
    numpy.ndarray
        Shape (species,), in the order of `history`; NaN without hops.
    """
    hopping, clustered = np.zeros((2, history.n_carriers), dtype=np.int64)
    for block in rule.link_blocks(history, window, hidden, frames):
        hopping += np.count_nonzero(block.label > 0, axis=1)
        clustered += np.count_nonzero(block.label == 2, axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.add.reduceat(clustered, history.first[:-1])
            / np.add.reduceat(hopping, history.first[:-1])
        )


def on_sites(history: SiteHistory, held: LabelRuns) -> SiteHistory:
    """History of carriers on other sites, of the same length.

    Every hop is to the nearest image of the site, where the positions of sites are known. Where
    those of carriers are, each has the displacement from its site of the same carrier in
    `history`, so that vibration alone makes no difference.
    """
    walk, n_sites = None, len(history.apart)
    if history.walk is not None:
        assert isinstance(history.walk, Walk)
        assert history.sites is not None
        walk = OffSites(history.walk, history.occupied, held, history.site, history.sites)
    site = np.arange(n_sites, dtype=np.int32)
    if history.sites is not None:
        held, site = in_images(held, history.sites)
    return replace(history, occupied=held, site=site, where=np.zeros((len(site), 3)), walk=walk)


def stretches(n_frames: int, number: int) -> list[tuple[int, int]]:
    """First and last + 1 frame of `number` intervals of nearly equal length."""
    lengths = [len(part) for part in np.array_split(np.empty(n_frames), number)]
    return list(pairwise(np.cumsum([0, *lengths]).tolist()))


def circular_null(
    rule: CrystalEvents, history: SiteHistory, window: int, rng: np.random.Generator
) -> np.ndarray:
    """Multi-ion fractions after circular shifts of each carrier's record: shape (species, SHIFTS).

    A carrier whose record was joined within the window counts as not hopped. Shifts are at least a
    tenth of the record, far beyond the correlation time of hops.

    Parameters
    ----------
    rule : CrystalEvents
    history : SiteHistory
    window : int
        Frames.
    rng : numpy.random.Generator
    """
    n_frames, shares = history.n_frames, []
    for _ in range(SHIFTS):
        low, high = n_frames // 10, n_frames - n_frames // 10
        shift = rng.integers(low, high, size=history.n_carriers)
        shares.append(multi_share(rule, history.time_shifted(shift), window, n_frames - shift))
    return np.array(shares).T


def exclusion_gas(
    history: SiteHistory, spacing: float, rng: np.random.Generator
) -> LabelRuns | None:
    """Sites of an exclusion gas with the occupation and hop counts per channel of a run.

    Species that are labelled together are in one gas: each has its own sites and channels, and an
    ion of any of them blocks its place for all.

    Cost: linear in hops, for some iterations, and in the edges between sites.

    Parameters
    ----------
    history : SiteHistory
    spacing : float
        Of the frames, ps.
    rng : numpy.random.Generator

    Returns
    -------
    LabelRuns or None
        Occupied sites, of the same length as the record and stored where it is; None where nothing
        hopped, there are more carriers than places, or empty places are not known.
    """
    if history.are_visited:
        return None
    n_frames, n_sites = history.n_frames, len(history.apart)
    graph = counted_graph(
        history.occupied_sites, n_frames, history.shells.kind, history.apart, spacing, history.place
    )
    if len(graph.rate) == 0:
        return None
    held = next(history.occupied_sites())[:, 0]
    start = distinct_sites(held, history.apart, history.place, history.owner)
    if start is None:
        return None
    wanted = channel_hops(count_hops(history.occupied_sites(), n_sites), graph)

    def simulated() -> Iterator[np.ndarray]:
        return simulate_blocks(
            graph, start, n_frames=n_frames, spacing=spacing, rng=rng, skip=n_frames // 5
        )

    for _ in range(CALIBRATIONS):
        # edges are open more often in the run than in the gas (repulsion): match the number of hops
        gas = count_hops(simulated(), n_sites)
        found = np.maximum(channel_hops(gas, graph), 1)
        graph = replace(graph, rate=graph.rate * np.clip(wanted / found, 0.25, 4.0))
    return runs_in_time(simulated(), history.occupied.folder)
