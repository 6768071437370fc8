"""Events of ions on sites: no hop, single-ion hop, concerted multi-ion hop, exchange.

A joint rule: the hops of all carriers in one window are linked into clusters, and a carrier's
label depends on the cluster it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ..errors import InputError
from ..microstates import Shell, ShellTable
from ..microstates.sites import minimum_image, site_distances
from ..trajectory.unwrap import cell_heights
from .base import EventRule
from .clusters import find_exchanges, label_hops, label_hops_nearby

LINKINGS = ("chain", "proximity", "distance")
#: Summed site vectors of an exchange vanish within this, Angstrom.
_CLOSED = 1e-3
#: Most boxes along a cell vector when carriers near each other are looked for.
_BOXES = 32


@dataclass(frozen=True)
class SiteHistory:
    """What a joint rule sees of the species on sites whose hops may be linked.

    Attributes
    ----------
    state : numpy.ndarray
        Shape (carriers, frames), int32: site held.
    path : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom: unwrapped position of the site held; of its place
        where several species are joined.
    shells : ShellTable
        The sites; `kind` is the label of each.
    distances : numpy.ndarray
        Shape (sites, sites), Angstrom.
    sites : numpy.ndarray
        Shape (sites, 3): positions, fractional in `cell`; None where nothing needs them.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the mean cell; None where nothing needs it.
    fractional : numpy.ndarray
        Shape (carriers, 3, frames): positions of the carriers themselves, any image, in `cell`;
        None stands for carriers that sit on their sites.
    place : numpy.ndarray
        Shape (sites,), int64: sites of different species at one place share a number; None where
        every site is a place of its own.
    owner : numpy.ndarray
        Shape (sites,), int64: number of the species each site belongs to among those joined; None
        for one species.
    """

    state: np.ndarray
    path: np.ndarray
    shells: ShellTable
    distances: np.ndarray
    sites: np.ndarray | None = None
    cell: np.ndarray | None = None
    fractional: np.ndarray | None = None
    place: np.ndarray | None = None
    owner: np.ndarray | None = None

    @property
    def places(self) -> np.ndarray:
        """Place of every site, shape (sites,), int64."""
        return np.arange(len(self.distances)) if self.place is None else self.place

    @property
    def members(self) -> np.ndarray:
        """Species number of every carrier, shape (carriers,), int64."""
        if self.owner is None:
            return np.zeros(len(self.state), dtype=np.int64)
        return self.owner[self.state[:, 0]]


def join_histories(histories: Sequence[SiteHistory], shared: float) -> SiteHistory:
    """One record of several species, so that their hops may be linked.

    Parameters
    ----------
    histories : sequence of SiteHistory
        With `sites` and `cell`, of the same frames; one is returned as it is.
    shared : float
        Sites of different species at most this far apart, Angstrom, are one place.

    Returns
    -------
    SiteHistory
        Sites and carriers of the species one after the other.
    """
    if len(histories) == 1:
        return histories[0]
    cell = histories[0].cell
    assert cell is not None
    sites = np.concatenate([h.sites for h in histories if h.sites is not None])
    first = np.concatenate([[0], np.cumsum([len(h.distances) for h in histories])])
    owner = np.repeat(np.arange(len(histories)), np.diff(first))
    distances = site_distances(sites, cell)
    near = (distances <= shared) & (owner[:, None] != owner[None])
    _, place = connected_components(coo_matrix(near), directed=False)
    _, stands = np.unique(place, return_index=True)
    to_place = minimum_image(sites[stands[place]] - sites) @ cell
    state = np.concatenate([h.state + f for h, f in zip(histories, first, strict=False)])
    kinds = np.concatenate([[0], np.cumsum([len(h.shells.types) for h in histories])])
    kind = [h.shells.kind + k for h, k in zip(histories, kinds, strict=False)]
    number = np.arange(len(sites))
    moved = [h.fractional for h in histories if h.fractional is not None]
    return SiteHistory(
        state=state.astype(np.int32),
        path=np.concatenate([h.path for h in histories]) + to_place[state].transpose(0, 2, 1),
        shells=ShellTable(
            np.arange(len(sites) + 1),
            number,
            number,
            np.concatenate(kind),
            tuple(t for h in histories for t in h.shells.types),
        ),
        distances=distances,
        sites=sites,
        cell=cell,
        fractional=np.concatenate(moved) if moved else None,
        place=place.astype(np.int64),
        owner=owner,
    )


class CrystalEvents(EventRule):
    """No hop, single-ion hop, multi-ion hop, exchange, from the sites at both ends of a window.

    - ``no_hop``: the same site at both ends (flag ``back_hop`` if it left and returned);
    - ``single_ion_hop``: another site, and no other hop is linked to it;
    - ``multi_ion_hop``: a cluster of two or more linked hops;
    - ``exchange``: a cluster whose set of sites is unchanged and whose summed site vectors are
      zero; a chain that winds round the cell is a multi-ion hop.

    Species with the same `linking`, `distance` and `shared` are labelled together: a cluster may
    hold ions of several, and counts as a cooperative event of each.

    Cost: linear in hops and their links, for every origin and window (numba union-find).

    Parameters
    ----------
    linking : {"chain", "proximity", "distance"}
        When two hops of different carriers in one window belong together. ``chain``: the site one
        leaves is the site the other enters. ``proximity``: a start or end site of one is within
        `distance` of a start or end site of the other, from the fixed list of neighbouring sites.
        ``distance``: the position of one carrier itself at the start or at the end of the window is
        within `distance` of the position of the other at the start or at the end, relative to the
        framework, minimum image in the mean cell; where carriers sit on their sites this is
        ``proximity``.
    distance : float, optional
        Angstrom, for ``proximity`` and ``distance``; exact below half the shortest cell height.
    detail : {None, "channel"}
        ``channel`` labels hops by the site labels of their ends instead, e.g. ``24d->48g``.
    shared : float or None
        Sites of two species at most this far apart in the mean cell, Angstrom, are one place: the
        chain rule compares places, ``proximity`` and exchanges take sites of one place as the same,
        and the exclusion gas lets one ion into a place. None leaves hops of other species out.

    Notes
    -----
    Independent hops fall into one window by chance, and site exclusion alone makes vacancy motion
    look like chains: read `multi_fraction` beside `multi_fraction_circular` and
    `multi_fraction_exclusion`, and never without its window. Both nulls run over all species that
    are labelled together; with ``distance`` each ion of the gas is off its site as the same ion is
    in the run.

    The in-cluster part of L_AA (`event_incluster`) holds pairs of ions of A alone, whatever else
    is in their cluster: pairs of different species are in L_AB.
    """

    names = ("no_hop", "single_ion_hop", "multi_ion_hop", "exchange")
    flag_names = ("back_hop",)
    joint = True

    def __init__(
        self,
        linking: str = "chain",
        distance: float | None = None,
        *,
        detail: str | None = None,
        shared: float | None = 1.0,
    ) -> None:
        if linking not in LINKINGS:
            raise InputError(f"linking must be one of {LINKINGS}, got {linking!r}")
        if linking == "chain" and distance is not None:
            raise InputError("distance has no meaning with linking='chain'; leave it out")
        if linking != "chain" and (distance is None or not distance > 0):
            raise InputError(
                f"linking={linking!r} needs distance=... in Angstrom above 0, got {distance!r}"
            )
        if detail not in (None, "channel"):
            raise InputError(f"detail must be None or 'channel', got {detail!r}")
        if shared is not None and not shared >= 0:
            raise InputError(
                f"shared must be a distance in Angstrom, 0 or more, or None, got {shared!r}"
            )
        self.linking, self.distance, self.detail = linking, distance, detail
        self.shared = shared

    def links_like(self, other: EventRule | None) -> bool:
        """Whether hops of two species with these rules may be linked."""
        return (
            isinstance(other, CrystalEvents)
            and self.shared is not None
            and (self.linking, self.distance, self.shared)
            == (other.linking, other.distance, other.shared)
        )

    def label(self, before: Shell, after: Shell) -> str:
        """The label of a carrier whose hop no other is linked to."""
        moved = not np.array_equal(before.atoms, after.atoms)
        if self.detail == "channel" and moved:
            return f"{before.types[0]}->{after.types[0]}"
        return "single_ion_hop" if moved else "no_hop"

    def names_for(self, label_names: tuple[str, ...]) -> tuple[str, ...]:
        """Event classes on sites with these labels."""
        if self.detail is None:
            return self.names
        return ("no_hop", *(f"{a}->{b}" for a in label_names for b in label_names))

    def check(self, ligand_types: tuple[str, ...]) -> None:
        if ligand_types != ("framework",):
            raise InputError(
                "CrystalEvents needs microstates=SiteAssignment...: it compares sites, not shells"
            )

    def near_sites(self, history: SiteHistory) -> tuple[np.ndarray, np.ndarray]:
        """Neighbour list of the sites; empty offsets stand for the chain rule."""
        if self.linking == "chain":
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        assert self.distance is not None
        near = history.distances <= self.distance
        if history.place is not None:
            near |= history.place[:, None] == history.place[None]
        site, other = np.nonzero(near)
        offsets = np.searchsorted(site, np.arange(len(near) + 1))
        return offsets.astype(np.int64), other.astype(np.int64)

    def link(
        self, history: SiteHistory, window: int, hidden: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels and clusters as in `label_window`, but exchanges are multi-ion hops."""
        n_carriers, n_frames = history.state.shape
        label = np.empty((n_carriers, n_frames - window), dtype=np.int8)
        cluster = np.empty((n_carriers, n_frames - window), dtype=np.int32)
        if hidden is None:
            hidden = np.full(n_carriers, -1, dtype=np.int64)
        if self.linking == "distance" and history.fractional is not None:
            assert self.distance is not None
            assert history.cell is not None
            boxes = (cell_heights(history.cell) / self.distance).astype(np.int64)
            label_hops_nearby(
                history.state, history.fractional, history.cell, self.distance,
                np.clip(boxes, 1, _BOXES), window, hidden, label, cluster,
            )  # fmt: skip
        else:
            near = self.near_sites(history)
            label_hops(history.state, history.places, window, *near, hidden, label, cluster)
        return label, cluster

    def label_window(
        self, history: SiteHistory, window: int, hidden: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels of all carriers and origins of one window length.

        Parameters
        ----------
        history : SiteHistory
        window : int
            Frames.
        hidden : numpy.ndarray, optional
            Shape (carriers,): frame of a seam in each record, -1 for none.

        Returns
        -------
        label : numpy.ndarray
            Shape (carriers, origins), int8: place in `names`.
        cluster : numpy.ndarray
            Shape (carriers, origins), int32: a number shared by the carriers of one cluster, -1
            where there is no hop.
        """
        label, cluster = self.link(history, window, hidden)
        find_exchanges(history.state, history.places, history.path, window, _CLOSED, label, cluster)
        return label, cluster

    def event_codes(self, history: SiteHistory, window: int, label: np.ndarray) -> np.ndarray:
        """Place of every carrier and origin in `names_for`, shape (carriers, origins), int16."""
        if self.detail is None:
            return label.astype(np.int16)
        kind = history.shells.kind.astype(np.int16)[history.state]
        n = len(history.shells.types)
        channel = 1 + kind[:, :-window] * n + kind[:, window:]
        return np.where(label == 0, np.int16(0), channel)

    def describe(self) -> dict[str, Any]:
        return super().describe() | {
            "linking": self.linking,
            "distance_angstrom": self.distance,
            "detail": self.detail,
            "shared_angstrom": self.shared,
        }


@dataclass(frozen=True)
class LinkedLabels:
    """Labels and clusters of one of the species that are labelled together, by window length.

    Attributes
    ----------
    rule : CrystalEvents
    linked : SiteHistory
        Of all of them.
    history : SiteHistory
        Of the one.
    mine : numpy.ndarray
        Shape (carriers of `linked`,), bool: those of the one.
    number : numpy.ndarray
        Shape (carriers of `linked`,), int64: what clusters are numbered by.
    """

    rule: CrystalEvents
    linked: SiteHistory
    history: SiteHistory
    mine: np.ndarray
    number: np.ndarray

    def __call__(self, window: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes and clusters, (carriers, origins), of windows of this many frames."""
        label, cluster = self.rule.label_window(self.linked, window)
        if not self.mine.all():
            label, cluster = label[self.mine], cluster[self.mine]
        linked = cluster >= 0
        cluster[linked] = self.number[cluster[linked]]
        return self.rule.event_codes(self.history, window, label), cluster
