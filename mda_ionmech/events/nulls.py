"""What chance and site exclusion alone make of a multi-ion share.

Beside every multi-ion share stand two nulls, relabelled by the same rule: each carrier's record
shifted in time by an amount of its own (circular), and an exclusion gas with the counted rates.
Only an excess over both is evidence of concertedness.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..microstates.sites import minimum_image
from .lattice_gas import channel_hops, counted_graph, distinct_sites, simulate

if TYPE_CHECKING:
    from .crystal import CrystalEvents, SiteHistory

#: Realisations of the circular null.
SHIFTS = 5
#: Rounds in which the rates of the gas are scaled until it hops as often as the run.
CALIBRATIONS = 4


def multi_share(
    rule: CrystalEvents, history: SiteHistory, window: int, hidden: np.ndarray | None = None
) -> np.ndarray:
    """Share of the hopping carriers that belong to clusters of two or more, by species.

    Returns
    -------
    numpy.ndarray
        Shape (species,): of the species of `history`, NaN without hops.
    """
    label, cluster = rule.link(history, window, hidden)
    members = history.members
    n_species = int(members.max()) + 1
    hopping = np.bincount(members, np.count_nonzero(cluster >= 0, axis=1), n_species)
    clustered = np.bincount(members, np.count_nonzero(label == 2, axis=1), n_species)
    with np.errstate(invalid="ignore"):
        return np.asarray(clustered / hopping)


def on_sites(history: SiteHistory, state: np.ndarray) -> SiteHistory:
    """Record of carriers that hold other sites: state (carriers, frames), as long as the record.

    Where positions are known, each carrier is off its site as the same carrier is in `history`, so
    that vibration alone makes no difference.
    """
    fractional = None
    if history.fractional is not None:
        assert history.sites is not None
        held, other = (history.sites[x].transpose(0, 2, 1) for x in (history.state, state))
        fractional = other + minimum_image(history.fractional - held)
    return replace(history, state=np.ascontiguousarray(state), fractional=fractional)


def stretches(history: SiteHistory, number: int) -> list[SiteHistory]:
    """The record cut into a number of stretches of nearly equal length, as far as links need it."""
    states = np.array_split(history.state, number, axis=1)
    places: list[Any] = [None] * number
    if history.fractional is not None:
        places = np.array_split(history.fractional, number, axis=2)
    return [
        replace(history, state=np.ascontiguousarray(state), fractional=place)
        for state, place in zip(states, places, strict=True)
    ]


def circular_null(
    rule: CrystalEvents, history: SiteHistory, window: int, rng: np.random.Generator
) -> np.ndarray:
    """Multi-ion shares after shifting each carrier's record: shape (species, SHIFTS).

    A carrier whose seam lies in the window counts as not hopped. Shifts are at least a tenth of
    the record, far beyond the correlation time of a hop train.
    """
    n_carriers, n_frames = history.state.shape
    shares = []
    for _ in range(SHIFTS):
        shift = rng.integers(n_frames // 10, n_frames - n_frames // 10, size=n_carriers)
        index = (np.arange(n_frames)[None, :] + shift[:, None]) % n_frames
        shifted = replace(
            history,
            state=np.take_along_axis(history.state, index, axis=1),
            fractional=(
                None
                if history.fractional is None
                else np.take_along_axis(history.fractional, index[:, None], axis=2)
            ),
        )
        shares.append(multi_share(rule, shifted, window, n_frames - shift))
    return np.array(shares).T


def exclusion_gas(
    history: SiteHistory, spacing: float, rng: np.random.Generator
) -> np.ndarray | None:
    """Record of an exclusion gas with the filling of a run that hops as often in every channel.

    Species that are labelled together share the gas: each has its own sites and channels, and an
    ion of any of them closes the place it holds to all.

    Returns
    -------
    numpy.ndarray or None
        Shape (carriers, frames), int32, as long as the record; None where nothing hopped or there
        are more carriers than places.
    """
    n_frames = history.state.shape[1]
    graph = counted_graph(
        history.state, history.shells.kind, history.distances, spacing, history.place
    )
    if len(graph.rate) == 0:
        return None
    apart = history.distances
    if history.owner is not None:
        apart = np.where(history.owner[:, None] == history.owner[None], apart, np.inf)
    start = distinct_sites(history.state[:, 0], apart, history.place)
    if start is None:
        return None
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
