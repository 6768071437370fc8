"""What chance and site exclusion alone make of a multi-ion share.

Beside every multi-ion share stand two nulls, relabelled by the same rule: each carrier's record
shifted in time by an amount of its own (circular), and an exclusion gas with the counted rates.
Only an excess over both is evidence of concertedness.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .clusters import label_hops
from .lattice_gas import channel_hops, counted_graph, distinct_sites, simulate

if TYPE_CHECKING:
    from .crystal import CrystalEvents, SiteHistory

#: Realisations of the circular null.
SHIFTS = 5
#: Rounds in which the rates of the gas are scaled until it hops as often as the run.
CALIBRATIONS = 4


def multi_share(
    rule: CrystalEvents,
    state: np.ndarray,
    distances: np.ndarray,
    window: int,
    hidden: np.ndarray | None = None,
) -> float:
    """Share of the hopping carriers that belong to clusters of two or more; NaN without hops."""
    n_carriers, n_frames = state.shape
    label = np.empty((n_carriers, n_frames - window), dtype=np.int8)
    cluster = np.empty((n_carriers, n_frames - window), dtype=np.int32)
    if hidden is None:
        hidden = np.full(n_carriers, -1, dtype=np.int64)
    offsets, near = rule.near_sites(distances)
    label_hops(state, window, offsets, near, hidden, label, cluster)
    hopping = int(np.count_nonzero(cluster >= 0))
    return float(np.count_nonzero(label == 2)) / hopping if hopping else float("nan")


def circular_null(
    rule: CrystalEvents, history: SiteHistory, window: int, rng: np.random.Generator
) -> np.ndarray:
    """Multi-ion shares after shifting each carrier's record: shape (SHIFTS,).

    A carrier whose seam lies in the window counts as not hopped. Shifts are at least a tenth of
    the record, far beyond the correlation time of a hop train.
    """
    n_carriers, n_frames = history.state.shape
    shares = []
    for _ in range(SHIFTS):
        shift = rng.integers(n_frames // 10, n_frames - n_frames // 10, size=n_carriers)
        index = (np.arange(n_frames)[None, :] + shift[:, None]) % n_frames
        state = np.take_along_axis(history.state, index, axis=1)
        shares.append(multi_share(rule, state, history.distances, window, n_frames - shift))
    return np.array(shares)


def exclusion_gas(
    history: SiteHistory, spacing: float, rng: np.random.Generator
) -> np.ndarray | None:
    """Record of an exclusion gas with the filling of a run that hops as often in every channel.

    Returns
    -------
    numpy.ndarray or None
        Shape (carriers, frames), int32, as long as the record; None where nothing hopped or there
        are more carriers than sites.
    """
    n_carriers, n_frames = history.state.shape
    graph = counted_graph(history.state, history.shells.kind, history.distances, spacing)
    if len(graph.rate) == 0 or n_carriers > graph.n_sites:
        return None
    start = distinct_sites(history.state[:, 0], history.distances)
    wanted = channel_hops(history.state, graph)
    for turn in range(CALIBRATIONS + 1):
        state = simulate(
            graph, start, n_frames=n_frames, spacing=spacing, rng=rng, skip=n_frames // 5
        )
        if turn == CALIBRATIONS:
            break
        # repulsion keeps more edges open in the run than in the gas: match the hops themselves
        found = np.maximum(channel_hops(state, graph), 1)
        graph = replace(graph, rate=graph.rate * np.clip(wanted / found, 0.25, 4.0))
    return state
