"""Events of ions on sites: no hop, single-ion hop, concerted multi-ion hop, exchange.

A joint rule: hops of all carriers in one window are linked into clusters, and the label of a
carrier depends on its cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...lib.checks import as_number, is_one_of, number, shown
from ...lib.errors import InputError
from ...lib.frozen import frozen
from ...lib.label_names import CHANNEL, split_names
from ...lib.molecules import distinct
from ...lib.run_length import LabelRuns
from ...microstates import Shell
from ...trajectory.unwrap import cell_heights
from ..base import EventRule
from .hop_clusters import HopTimes, find_exchanges, label_hops, label_hops_nearby
from .joined_history import same_place
from .site_history import SiteHistory

#: Flags of a window: the ion left its site and returned; it hops to the site that it held before.
FLAGS = ("back_hop", "return")
LINKINGS = ("chain", "proximity", "distance")
#: Summed site vectors of an exchange vanish within this, Angstrom.
_CLOSED = 1e-3
#: Most boxes along a cell vector in the search for carriers near each other.
_BOXES = 32


@dataclass(frozen=True)
class HopBlock:
    """Labels of all carriers in a block of time origins of one window length.

    Attributes
    ----------
    first, last : int
        The origins, `last` excluded.
    before, after : numpy.ndarray
        Shape (carriers, origins), int32: site images at both ends of the windows.
    label : numpy.ndarray
        Shape (carriers, origins), int8: index in `CrystalEvents.names`.
    cluster : numpy.ndarray
        Shape (carriers, origins), int32: a number shared by the carriers of one cluster, -1 where
        there is no hop.
    window : int
        Frames from the start to the end of the windows.
    """

    first: int
    last: int
    before: np.ndarray
    after: np.ndarray
    label: np.ndarray
    cluster: np.ndarray
    window: int


@frozen
class CrystalEvents(EventRule):
    """No hop, single-ion hop, multi-ion hop or exchange, from the sites at both ends of a window.

    - ``no_hop``: the same site, in the same periodic image, at both ends (flag ``back_hop`` if it
      left and returned);
    - ``single_ion_hop``: another site, and the hop is not linked to others;
    - ``multi_ion_hop``: a cluster of two or more linked hops;
    - ``exchange``: a cluster whose set of sites is unchanged and whose hop vectors sum to zero; a
      chain of hops that closes across the periodic cell is a multi-ion hop.

    A second flag, ``return``: the ion that hops ends on the site, in the same periodic image, that
    it held last before the one at the start of the window.

    Species with the same `linking`, `distance`, `lag` and `shared` are labelled together: a cluster
    may hold ions of several, and counts as a cooperative event of each.

    Cost: linear in hops and their links, for every origin and window (numba union-find).

    Parameters
    ----------
    linking : {"chain", "proximity", "distance"}
        When two hops of different carriers in one window are linked. ``chain``: one leaves the site
        that the other enters. ``proximity``: a start or end site of one is within `distance` of a
        start or end site of the other. ``distance``: the position of one carrier at the start or
        end of the window is within `distance` of that of the other at the start or end, relative to
        the framework, minimum image in the mean cell; for carriers exactly on their sites this is
        the same as ``proximity``.
    distance : float, optional
        Angstrom, for ``proximity`` and ``distance``; exact below half the shortest cell height.
    lag : float, optional
        ps: two hops are linked only if a change of site of one carrier in the window is at most
        this long before or after one of the other, so that chance links do not grow with the
        window. Default: any two changes in the window.
    detail : {None, "channel"}
        ``channel`` labels hops by the site labels of their ends instead, e.g. ``24d->48g``: the
        pair from start to end, whatever the distance between the sites.
    shared : float or None
        Sites of two species at most this far apart in the mean cell, Angstrom, are one place: for
        links and exchanges they count as the same site, and in the exclusion gas one ion at most is
        at a place. None: hops of different species are not linked.

    Raises
    ------
    InputError
        For an unknown `linking` or `detail`, and a distance that is missing, not positive or has no
        meaning.

    Notes
    -----
    Independent hops occur in one window by chance, and by site exclusion alone vacancy motion looks
    like chains of hops: compare `multi_fraction` with `multi_fraction_circular` and
    `multi_fraction_exclusion`, always at the same window. Both nulls include all species that are
    labelled together; with ``distance`` each ion of the gas has the displacement from its site of
    the same ion in the run.

    Classes are split by a flag, or by channel, with exact sums, because each ion has its own label.
    A cluster may then have ions in several parts: it counts as a cooperative event of that of its
    first ion.

    The in-cluster part of L_AA (`event_incluster`) is that of pairs of ions of A, also in clusters
    with ions of other species: pairs of different species are in L_AB.

    The exclusion gas is simulated by the method of Bortz, Kalos and Lebowitz, J. Comput. Phys. 17,
    10 (1975).
    """

    names = ("no_hop", "single_ion_hop", "multi_ion_hop", "exchange")
    flag_names = FLAGS
    joint = True

    def __init__(
        self,
        linking: str = "chain",
        distance: float | None = None,
        *,
        lag: float | None = None,
        detail: str | None = None,
        shared: float | None = 1.0,
    ) -> None:
        given = distance
        if not is_one_of(linking, LINKINGS):
            raise InputError(f"linking must be one of {LINKINGS}, got {shown(linking)}")
        if linking == "chain" and distance is not None:
            raise InputError("distance has no meaning with linking='chain'; leave it out")
        if linking != "chain":
            distance = as_number(distance)
            if not distance > 0:
                raise InputError(
                    f"linking={shown(linking)} needs distance=... in Angstrom above 0, got "
                    f"{shown(given)}"
                )
        if not is_one_of(detail, (None, "channel")):
            raise InputError(f"detail must be None or 'channel', got {shown(detail)}")
        if shared is not None:
            shared = number("shared", shared, "a distance in Angstrom, 0 or more, or None", least=0)
        if lag is not None:
            lag = number("lag", lag, "a time in ps, 0 or more, or None", least=0)
        self.linking, self.distance, self.lag, self.detail = linking, distance, lag, detail
        self.shared = shared

    def links_like(self, other: EventRule | None) -> bool:
        """Whether hops of two species with these rules may be linked.

        Parameters
        ----------
        other : EventRule or None
            Rule of the other species.

        Returns
        -------
        bool
        """
        return (
            isinstance(other, CrystalEvents)
            and type(other) is type(self)
            and self.shared is not None
            and (self.linking, self.distance, self.lag, self.shared)
            == (other.linking, other.distance, other.lag, other.shared)
        )

    def label(self, before: Shell, after: Shell) -> str:
        """The label of a carrier whose hop is linked to no other; see `EventRule.label`."""
        moved = not np.array_equal(before.atoms, after.atoms)
        if self.detail == "channel" and moved:
            return f"{before.types[0]}->{after.types[0]}"
        return "single_ion_hop" if moved else "no_hop"

    def names_for(self, label_names: tuple[str, ...]) -> tuple[str, ...]:
        """Event classes on sites with these labels; see `EventRule.names_for`."""
        if self.detail is None:
            return self.names
        return ("no_hop", *(f"{a}->{b}" for a in label_names for b in label_names))

    def check(self, ligand_types: tuple[str, ...]) -> None:
        """Refuse a detector that finds shells instead of sites.

        Parameters
        ----------
        ligand_types : tuple of str
            Of the detector.

        Raises
        ------
        InputError
            Naming the detector that is needed.
        """
        if ligand_types not in (("framework",), ()):  # sites, or cages without any
            raise InputError(
                "CrystalEvents needs microstates=SiteAssignment... or CageAssignment(): no shells"
            )

    def near_sites(self, history: SiteHistory) -> tuple[np.ndarray, np.ndarray]:
        """Sites within `distance` of each site, found once per history.

        Parameters
        ----------
        history : SiteHistory

        Returns
        -------
        offsets, neighbours : numpy.ndarray
            Shapes (sites + 1,) and (pairs,), int64: the neighbours of site s are
            ``neighbours[offsets[s]:offsets[s + 1]]``. Both are empty with the chain rule.
        """
        if self.linking == "chain":
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        assert self.distance is not None
        if self.distance in history.near:
            return history.near[self.distance]
        site, other = history.apart.within(self.distance)
        n_sites = len(history.apart)
        if history.place is not None:
            # sites of one place, at any distance
            both = same_place(history.place)
            key = distinct(np.concatenate([site * n_sites + other, both[0] * n_sites + both[1]]))
            site, other = np.divmod(key, n_sites)
        offsets = np.searchsorted(site, np.arange(n_sites + 1))
        found = offsets.astype(np.int64), other.astype(np.int64)
        history.near[self.distance] = found
        return found

    def link_blocks(
        self,
        history: SiteHistory,
        window: int,
        hidden: np.ndarray | None = None,
        frames: tuple[int, int] | None = None,
    ) -> Iterator[HopBlock]:
        """Labels and clusters as in `label_blocks`, but exchanges are multi-ion hops.

        Parameters
        ----------
        history : SiteHistory
        window : int
            Frames.
        hidden : numpy.ndarray, optional
            Shape (carriers,): frame where each record was joined (circular null), -1 for none.
        frames : tuple of int, optional
            First and last + 1 of the frames that windows lie in; default all.

        Yields
        ------
        HopBlock
        """
        if hidden is None:
            hidden = np.full(history.n_carriers, -1, dtype=np.int64)
        nearby = self.linking == "distance" and history.walk is not None
        if nearby:
            assert self.distance is not None
            assert history.cell is not None
            boxes = (cell_heights(history.cell) / self.distance).astype(np.int64)
            boxes = np.clip(boxes, 1, _BOXES)
        else:
            near = self.near_sites(history)
        held, lag = history.occupied, -1
        if self.lag is not None:
            lag = int(self.lag / history.spacing * (1 + 1e-9))  # of inexact spacings, whole frames
        runs = HopTimes(held.offsets, held.start, held.value, history.site, lag)
        for first, last in history.blocks(window, frames):
            before = held.between(first, last)
            after = held.between(first + window, last + window)
            label = np.empty(before.shape, dtype=np.int8)
            cluster = np.empty(before.shape, dtype=np.int32)
            if nearby:
                assert history.walk is not None
                ends = (
                    history.walk.between(first, last),
                    history.walk.between(first + window, last + window),
                )
                label_hops_nearby(
                    before, after, runs, ends, (history.cell, self.distance, boxes), first, window,
                    hidden, label, cluster,
                )  # fmt: skip
            else:
                label_hops(
                    before, after, runs, (history.places, *near), first, window, hidden, label,
                    cluster,
                )  # fmt: skip
            yield HopBlock(first, last, before, after, label, cluster, window)

    def label_blocks(self, history: SiteHistory, window: int) -> Iterator[HopBlock]:
        """Labels of all carriers for one window length, by blocks of time origins.

        Cost: linear in carriers x origins, and in hops and their links.

        Parameters
        ----------
        history : SiteHistory
        window : int
            Frames.

        Yields
        ------
        HopBlock
        """
        n_places = len(history.apart)
        for block in self.link_blocks(history, window):
            find_exchanges(
                block.before, block.after, history.place_of_site_image, n_places, history.where,
                _CLOSED, block.label, block.cluster,
            )  # fmt: skip
            yield block

    def channel_codes(
        self, label: np.ndarray, before: np.ndarray, after: np.ndarray, n_kinds: int
    ) -> np.ndarray:
        """Event codes of ``detail="channel"`` from the labels of the sites at both ends of windows.

        Parameters
        ----------
        label : numpy.ndarray
            Shape (carriers, origins), int8: index in `names`.
        before, after : numpy.ndarray
            Same shape: number of the site label at the start and at the end.
        n_kinds : int
            Distinct site labels.

        Returns
        -------
        numpy.ndarray
            Same shape, int32: index in `names_for`.
        """
        channel = 1 + before.astype(np.int32) * np.int32(n_kinds) + after.astype(np.int32)
        return np.where(label == 0, np.int32(0), channel)

    def describe(self) -> dict[str, Any]:
        """The rule and its linking, distance and detail as plain values, for the settings."""
        return super().describe() | {
            "linking": self.linking,
            "distance_angstrom": self.distance,
            "lag_ps": self.lag,
            "detail": self.detail,
            "shared_angstrom": self.shared,
        }


def whole_window(blocks: Iterable[HopBlock]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and clusters of all blocks of a window length, each (carriers, origins)."""
    found = list(blocks)
    return (
        np.concatenate([block.label for block in found], axis=1),
        np.concatenate([block.cluster for block in found], axis=1),
    )


@dataclass(frozen=True)
class LinkedHops:
    """Hops of the species that are labelled together.

    Attributes
    ----------
    rules : tuple of CrystalEvents
        Of each species; with the same linking.
    history : SiteHistory
        Of all species.
    number : numpy.ndarray
        Shape (carriers,), int32: number of each carrier in the run, which numbers clusters.
    parts : tuple of (str or None)
        For each species the flag, or ``channel``, by which its classes are split; empty: none.
    """

    rules: tuple[CrystalEvents, ...]
    history: SiteHistory
    number: np.ndarray
    parts: tuple[str | None, ...] = ()

    def edges(self, window: int) -> list[int]:
        """First origin of each block, and the number of origins."""
        return [0, *(last for _, last in self.history.blocks(window))]

    def blocks(self, window: int) -> Iterator[HopBlock]:
        """Labels of windows of this many frames; see `CrystalEvents.label_blocks`."""
        for block in self.rules[0].label_blocks(self.history, window):
            hopped = block.cluster >= 0
            block.cluster[hopped] = self.number[block.cluster[hopped]]
            yield block

    def rows(self, member: int) -> slice:
        """Range of the carriers of one species among all."""
        return slice(int(self.history.first[member]), int(self.history.first[member + 1]))

    def site_images(self, member: int) -> Callable[[int], np.ndarray]:
        """Function that returns the site images of one carrier of a species, (frames,) int32."""
        first = int(self.history.first[member])
        return lambda n: self.history.occupied.carriers(first + n, first + n + 1).dense()[0]

    @cached_property
    def _runs(self) -> tuple[LabelRuns, LabelRuns]:
        """Of every run the number of the stay on one site, and the site image before, -1: none."""
        held = self.history.occupied
        site = self.history.site[held.value]
        begins = np.ones(len(site), dtype=bool)
        begins[1:] = site[1:] != site[:-1]
        begins[held.offsets[:-1]] = True
        number = np.cumsum(begins, dtype=np.int32) - 1
        first = np.flatnonzero(begins)
        earlier = held.value[np.maximum(first - 1, 0)].astype(np.int32)
        earlier[np.isin(first, held.offsets[:-1])] = -1
        return replace(held, value=number), replace(held, value=earlier[number])

    def flags(self, block: HopBlock, member: int) -> np.ndarray:
        """Flags of one species in a block, shape (carriers, origins), uint16: see `FLAGS`."""
        rows = self.rows(member)
        number, earlier = (of.carriers(rows.start, rows.stop) for of in self._runs)
        moved = block.label[rows] > 0
        ends = (block.first, block.last), (block.first + block.window, block.last + block.window)
        away = number.between(*ends[0]) != number.between(*ends[1])
        back = block.after[rows] == earlier.between(*ends[0])
        return (~moved & away).astype(np.uint16) | (moved & back).astype(np.uint16) << 1

    def site_labels(self, member: int) -> tuple[str, ...]:
        """Distinct labels of the sites of one species."""
        first, last = self.history.kinds[member : member + 2]
        return self.history.shells.types[first:last]

    def codes(self, block: HopBlock, member: int) -> np.ndarray:
        """Event codes of one species in a block, shape (carriers, origins), int16 or int32."""
        rule, rows = self.rules[member], self.rows(member)
        by = self.parts[member] if self.parts else None
        code: np.ndarray = block.label[rows].astype(np.int16)
        if by == CHANNEL or rule.detail is not None:
            first, last = self.history.kinds[member : member + 2]
            kind = self.history.kind_of_site_image
            before, after = (kind[ends[rows]] - first for ends in (block.before, block.after))
            n_kinds = int(last - first)
            channel = rule.channel_codes(block.label[rows], before, after, n_kinds)
            # the channels of each class after those of the class before it
            others = np.maximum(code - 1, 0) * np.int32(n_kinds**2) if by == CHANNEL else 0
            code = channel + others
        if by in FLAGS:
            has = self.flags(block, member) >> FLAGS.index(by) & 1
            code = 2 * code + 1 - has.astype(code.dtype)
        return np.asarray(code)

    def names_of_parts(self, member: int, by: str) -> tuple[str, ...]:
        """Event classes of one species split by a flag or by channel, in the order of `codes`."""
        kinds = self.site_labels(member)
        if by != CHANNEL:
            return split_names(self.rules[member].names_for(kinds), by)
        channels = [f"{a}->{b}" for a in kinds for b in kinds]
        hops = self.rules[member].names[1:]
        return ("no_hop", *(f"{name}_{channel}" for name in hops for channel in channels))
