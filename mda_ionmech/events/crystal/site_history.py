"""Which sites carriers hold over time: what a rule for hops that are linked looks at.

A spot is a site in one image of the cell. A carrier holds one spot for many frames, so that its
record is runs of numbers of spots, and the unwrapped position of its site a row of a table.
Frames of all carriers are written out a few at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ...lib.arrays_on_disk import folder_of
from ...lib.errors import InputError
from ...lib.frame_blocks import carrier_blocks, frames_at_once, origin_blocks
from ...lib.kernels import kernel, longer
from ...lib.run_length import LabelRuns, gathered_runs, label_runs, run_blocks
from ...microstates import ShellTable
from ...microstates.sites.site_assignment import minimum_image
from .site_distances import Apart, InCell, InTable

#: Cells a carrier may drift along each vector, either way.
_FARTHEST = 2**13


@kernel
def follow_spots(position, begin, inverse, sites, offsets, start, value):  # type: ignore[no-untyped-def]
    """Runs of the sites held, cut where the image of the site that is nearest changes.

    position (carriers, 3, frames), Angstrom: displacements since the first frame, where carriers
    were at begin (carriers, 3), fractional; inverse (3, 3): from Angstrom to fractions; sites
    (sites, 3), fractional; runs of sites as in `LabelRuns`. Returns offsets (carriers + 1,), start,
    site and image (runs, 3).
    """
    n_carriers, _, n_frames = position.shape
    out_offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    capacity = 2 * (offsets[n_carriers] - offsets[0]) + 16
    out_start = np.empty(capacity, dtype=np.int32)
    out_site = np.empty(capacity, dtype=np.int32)
    out_image = np.empty((capacity, 3), dtype=np.int32)
    now = np.empty(3, dtype=np.int32)
    n = 0
    for c in range(n_carriers):
        for m in range(offsets[c], offsets[c + 1]):
            stop = start[m + 1] if m + 1 < offsets[c + 1] else n_frames
            site = value[m]
            for t in range(start[m], stop):
                same = t > start[m]
                for k in range(3):
                    along = begin[c, k]
                    for i in range(3):
                        along += position[c, i, t] * inverse[i, k]
                    now[k] = np.int32(np.rint(along - sites[site, k]))
                    same = same and now[k] == out_image[n - 1, k]
                if same:
                    continue
                if n == capacity:
                    capacity *= 2
                    out_start, out_site = longer(out_start, capacity), longer(out_site, capacity)
                    more = np.empty((capacity, 3), dtype=np.int32)
                    more[:n] = out_image
                    out_image = more
                out_start[n], out_site[n] = t, site
                for k in range(3):
                    out_image[n, k] = now[k]
                n += 1
        out_offsets[c + 1] = n
    return out_offsets, longer(out_start, n), longer(out_site, n), out_image[:n].copy()


@kernel
def fractions(position, first, begin, inverse, shift, out):  # type: ignore[no-untyped-def]
    """Fractional positions in some frames.

    position (carriers, 3, frames), begin (carriers, 3) and inverse (3, 3) as in `follow_spots`;
    frame t of carrier c is (first + t + shift[c]) modulo the frames. Fills out (carriers, 3, some
    frames).
    """
    n_frames = position.shape[2]
    for c in range(out.shape[0]):
        for t in range(out.shape[2]):
            at = first + t + shift[c]
            if at >= n_frames:
                at -= n_frames
            for k in range(3):
                along = begin[c, k]
                for i in range(3):
                    along += position[c, i, at] * inverse[i, k]
                out[c, k, t] = along


@kernel
def turn_runs(offsets, start, value, n_frames, shift):  # type: ignore[no-untyped-def]
    """Runs of records whose frame t is frame (t + shift[c]) modulo n_frames of those given."""
    n_carriers = offsets.shape[0] - 1
    out_offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    out_start = np.empty(offsets[n_carriers] - offsets[0] + n_carriers, dtype=np.int32)
    out_value = np.empty_like(out_start)
    n = 0
    for c in range(n_carriers):
        for turn in range(2):  # what comes from the shift on, then what was before it
            for m in range(offsets[c], offsets[c + 1]):
                stop = start[m + 1] if m + 1 < offsets[c + 1] else n_frames
                low, high = start[m], stop
                if turn == 0:
                    low = max(low, shift[c])
                else:
                    high = min(high, shift[c])
                if low >= high:
                    continue
                out_start[n] = low - shift[c] if turn == 0 else low - shift[c] + n_frames
                out_value[n] = value[m]
                n += 1
        out_offsets[c + 1] = n
    return out_offsets, longer(out_start, n), longer(out_value, n)


class SpotNumbers:
    """Numbers of spots in the order in which they are met."""

    def __init__(self) -> None:
        self._key = np.empty(0, dtype=np.int64)
        self._number = np.empty(0, dtype=np.int32)

    def of(self, site: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Numbers of spots from their sites (spots,) and images (spots, 3).

        Raises
        ------
        InputError
            If a carrier has drifted over thousands of cells.
        """
        if len(image) and np.abs(image).max() >= _FARTHEST:
            raise InputError(
                f"a carrier has drifted over {np.abs(image).max()} cells since the first frame; "
                "check unwrap=... and the frame of reference"
            )
        key = site.astype(np.int64)
        for k in range(3):
            key = key * (2 * _FARTHEST) + (image[:, k] + _FARTHEST)
        distinct, inverse = np.unique(key, return_inverse=True)
        new = np.setdiff1d(distinct, self._key, assume_unique=True)
        number = np.arange(len(self._key), len(self._key) + len(new), dtype=np.int32)
        keys = np.concatenate([self._key, new])
        order = np.argsort(keys)
        self._key, self._number = keys[order], np.concatenate([self._number, number])[order]
        return np.asarray(self._number[np.searchsorted(self._key, distinct)][inverse])

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Site (spots,), int32, and image (spots, 3), int64, of every number."""
        key = np.empty_like(self._key)
        key[self._number] = self._key
        image = np.empty((len(key), 3), dtype=np.int64)
        for k in (2, 1, 0):
            key, image[:, k] = np.divmod(key, 2 * _FARTHEST)
        return key.astype(np.int32), image - _FARTHEST


@dataclass(frozen=True)
class Walk:
    """Positions of the carriers themselves, relative to the sites.

    Attributes
    ----------
    position : sequence of numpy.ndarray
        Of each species, (carriers, 3, frames), Angstrom: displacements since the first frame.
    begin : numpy.ndarray
        Shape (carriers, 3), of all species: fractional positions in the first frame, any image.
    inverse : numpy.ndarray
        Shape (3, 3): from Angstrom to fractions.
    shift : numpy.ndarray
        Shape (carriers,), int64: frame t is frame t + shift, modulo their number.
    """

    position: Sequence[np.ndarray]
    begin: np.ndarray
    inverse: np.ndarray
    shift: np.ndarray

    def between(self, first: int, last: int) -> np.ndarray:
        """Fractional positions in frames `first` to `last` - 1, (carriers, 3, frames)."""
        out = np.empty((len(self.begin), 3, last - first))
        c = 0
        for one in self.position:
            mine = slice(c, c + len(one))
            fractions(one, first, self.begin[mine], self.inverse, self.shift[mine], out[mine])
            c += len(one)
        return out


@dataclass(frozen=True)
class OffSites:
    """Positions of carriers that hold other sites, each off its site as in the run.

    Attributes
    ----------
    walk : Walk
        Of the run.
    held, other : LabelRuns
        Spots of the run, sites of the others.
    site : numpy.ndarray
        Shape (spots,): site of each spot of the run.
    sites : numpy.ndarray
        Shape (sites, 3), fractional.
    """

    walk: Walk
    held: LabelRuns
    other: LabelRuns
    site: np.ndarray
    sites: np.ndarray

    def between(self, first: int, last: int) -> np.ndarray:
        """As `Walk.between`."""
        mine = self.sites[self.site[self.held.between(first, last)]].transpose(0, 2, 1)
        theirs = self.sites[self.other.between(first, last)].transpose(0, 2, 1)
        off = minimum_image(self.walk.between(first, last) - mine)
        return np.ascontiguousarray(theirs + off)


@dataclass(frozen=True)
class SiteHistory:
    """What a joint rule sees of the species on sites whose hops may be linked.

    Attributes
    ----------
    held : LabelRuns
        Number of the spot of each carrier and frame: a site in one image of the cell.
    site : numpy.ndarray
        Shape (spots,), int32: site of each spot.
    where : numpy.ndarray
        Shape (spots, 3), Angstrom: unwrapped position of the spot; of its place where several
        species are joined.
    shells : ShellTable
        The sites; `kind` is the label of each.
    apart : Apart
        How far the sites are apart.
    first : numpy.ndarray
        Shape (species + 1,), int64: first carrier of each species, and their number.
    kinds : numpy.ndarray
        Shape (species + 1,), int64: first label of each species in `shells`, and their number.
    sites : numpy.ndarray
        Shape (sites, 3): positions, fractional in `cell`; None where nothing needs them.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the mean cell; None where nothing needs it.
    walk : Walk or OffSites
        Positions of the carriers themselves; None stands for carriers that sit on their sites.
    place : numpy.ndarray
        Shape (sites,), int64: sites of different species at one place share a number; None where
        every site is a place of its own.
    owner : numpy.ndarray
        Shape (sites,), int64: number of the species each site belongs to among those joined; None
        for one species.
    near : dict
        Neighbour lists of the sites by reach, Angstrom, once asked for; shared with the records
        that are made of this one, which have the same sites.
    """

    held: LabelRuns
    site: np.ndarray
    where: np.ndarray
    shells: ShellTable
    apart: Apart
    first: np.ndarray
    kinds: np.ndarray
    sites: np.ndarray | None = None
    cell: np.ndarray | None = None
    walk: Walk | OffSites | None = None
    place: np.ndarray | None = None
    owner: np.ndarray | None = None
    near: dict[float, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @classmethod
    def of_arrays(
        cls,
        state: np.ndarray,
        path: np.ndarray,
        shells: ShellTable,
        distances: np.ndarray,
        sites: np.ndarray | None = None,
        cell: np.ndarray | None = None,
        fractional: np.ndarray | None = None,
    ) -> SiteHistory:
        """From arrays that hold every frame, of one species.

        Parameters
        ----------
        state : numpy.ndarray
            Shape (carriers, frames): site held.
        path : numpy.ndarray
            Shape (carriers, 3, frames), Angstrom: unwrapped position of the site held.
        shells, sites, cell
            As the attributes.
        distances : numpy.ndarray
            Shape (sites, sites), Angstrom.
        fractional : numpy.ndarray, optional
            Shape (carriers, 3, frames): positions of the carriers themselves, any image.
        """
        n_carriers = len(state)
        spots, site, where = numbered_spots(state, path)
        walk = None
        if fractional is not None:
            still = np.zeros((n_carriers, 3)), np.eye(3), np.zeros(n_carriers, dtype=np.int64)
            walk = Walk((np.ascontiguousarray(fractional, dtype=np.float64),), *still)
        return cls(
            held=label_runs(spots.T),
            site=site,
            where=where,
            shells=shells,
            apart=InTable(distances),
            first=np.array([0, n_carriers]),
            kinds=np.array([0, len(shells.types)]),
            sites=sites,
            cell=cell,
            walk=walk,
        )

    @property
    def n_carriers(self) -> int:
        return int(self.first[-1])

    @property
    def n_frames(self) -> int:
        return self.held.n_frames

    @property
    def places(self) -> np.ndarray:
        """Place of every site, shape (sites,), int64."""
        return np.arange(len(self.apart)) if self.place is None else self.place

    @property
    def members(self) -> np.ndarray:
        """Species number of every carrier, shape (carriers,), int64."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    @cached_property
    def place_of_spot(self) -> np.ndarray:
        """Shape (spots,), int64."""
        return np.asarray(self.places[self.site])

    @cached_property
    def kind_of_spot(self) -> np.ndarray:
        """Label of the site of each spot, shape (spots,), int64."""
        return np.asarray(self.shells.kind[self.site])

    def blocks(
        self, window: int, frames: tuple[int, int] | None = None
    ) -> Iterator[tuple[int, int]]:
        """First and last + 1 of blocks of time origins, of some frames or of all."""
        first, last = (0, self.n_frames) if frames is None else frames
        most = frames_at_once(self.n_carriers)
        return origin_blocks(last, window, most, first)

    def sites_held(self) -> Iterator[np.ndarray]:
        """Sites of all carriers (carriers, frames), int32, some frames after the other."""
        for first, last in self.blocks(0):
            yield self.site[self.held.between(first, last)]

    @property
    def state(self) -> np.ndarray:
        """Sites held in every frame, shape (carriers, frames), int32, in memory."""
        return np.concatenate(list(self.sites_held()), axis=1)

    @property
    def path(self) -> np.ndarray:
        """Positions of the spots held in every frame, shape (carriers, 3, frames), in memory."""
        held = self.held
        parts = [self.where[held.between(a, b)].transpose(0, 2, 1) for a, b in self.blocks(0)]
        return np.concatenate(parts, axis=2)

    def turned(self, shift: np.ndarray) -> SiteHistory:
        """Each carrier's record shifted in time: frame t is frame t + shift, modulo their number.

        Parameters
        ----------
        shift : numpy.ndarray
            Shape (carriers,), int64.
        """
        held, walk = self.held, self.walk

        def blocks() -> Iterator[LabelRuns]:
            for first, last in run_blocks(held.offsets):
                runs = held.carriers(first, last)
                offsets, start, value = turn_runs(
                    runs.offsets, runs.start, runs.value, runs.n_frames, shift[first:last]
                )
                yield LabelRuns(offsets, start, value, runs.n_frames)

        if walk is not None:
            assert isinstance(walk, Walk)
            walk = replace(walk, shift=shift)
        runs = gathered_runs(blocks(), held.n_frames, held.folder)
        return replace(self, held=runs, walk=walk)


def numbered_spots(
    state: np.ndarray, path: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of spots, sites in one image of the cell, from arrays that hold every frame.

    Parameters
    ----------
    state : numpy.ndarray
        Shape (carriers, frames): site held.
    path : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom: unwrapped position of that site.

    Returns
    -------
    spots : numpy.ndarray
        Shape (carriers, frames), int32.
    site : numpy.ndarray
        Shape (spots,), int32: site of each spot.
    where : numpy.ndarray
        Shape (spots, 3), Angstrom: its position.
    """
    rows = np.column_stack([np.ravel(state), path.transpose(0, 2, 1).reshape(-1, 3)])
    spots, number = np.unique(rows, axis=0, return_inverse=True)
    where = np.ascontiguousarray(spots[:, 1:])
    return number.reshape(state.shape).astype(np.int32), spots[:, 0].astype(np.int32), where


def follow_sites(
    position: np.ndarray,
    runs: LabelRuns,
    begin: np.ndarray,
    sites: np.ndarray,
    cell: np.ndarray,
) -> tuple[LabelRuns, np.ndarray, np.ndarray]:
    """Spots that carriers hold, from the sites they hold and where they are.

    Cost: one pass over carriers x frames.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom: displacements since the first frame.
    runs : LabelRuns
        Sites held.
    begin : numpy.ndarray
        Shape (carriers, 3), fractional: where the carriers are in the first frame, any image.
    sites : numpy.ndarray
        Shape (sites, 3), fractional.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the mean cell.

    Returns
    -------
    held : LabelRuns
        Spots; on disk where the positions are.
    site : numpy.ndarray
        Shape (spots,), int32.
    where : numpy.ndarray
        Shape (spots, 3), Angstrom: unwrapped position of each spot.
    """
    inverse, numbers = np.linalg.inv(cell), SpotNumbers()
    n_frames = position.shape[2]

    def blocks() -> Iterator[LabelRuns]:
        for first, last in carrier_blocks(position):
            mine = runs.carriers(first, last)
            offsets, start, site, image = follow_spots(
                position[first:last], begin[first:last], inverse, sites, mine.offsets, mine.start,
                mine.value,
            )  # fmt: skip
            yield LabelRuns(offsets, start, numbers.of(site, image), n_frames)

    held = gathered_runs(blocks(), n_frames, folder_of(position))
    site, image = numbers.table()
    return held, site, (sites[site] + image) @ cell


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
        held=_joined([h.held for h in histories], [len(h.site) for h in histories]),
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
    )


def same_place(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of sites of one place, both ways and each with itself, from place (sites,)."""
    order = np.argsort(place, kind="stable")
    _, first, number = np.unique(place[order], return_index=True, return_counts=True)
    one = np.repeat(order, np.repeat(number, number))
    begin = np.repeat(first, number * number)
    inside = np.arange(len(one)) - np.repeat(
        np.cumsum(number * number) - number * number, number**2
    )
    return one, order[begin + inside % np.repeat(number, number * number)]


def _joined(held: Sequence[LabelRuns], n_spots: Sequence[int]) -> LabelRuns:
    """Spots of all species, each numbered behind those before it."""
    shift = np.cumsum([0, *n_spots[:-1]]).astype(np.int32)

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
