"""Sites that carriers occupy over time, as input of rules for linked hops.

A site image is a site in one periodic image of the cell. A carrier occupies one site image for many
frames, so that its record is stored as runs of site image numbers, with a table of their unwrapped
positions. Dense arrays of all carriers are made for a few frames at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ...lib.frame_blocks import frames_at_once, origin_blocks
from ...lib.kernels import kernel, longer
from ...lib.run_length import LabelRuns, gathered_runs, label_runs, run_blocks
from ...microstates import ShellTable
from ...microstates.sites.site_assignment import minimum_image
from .follow_sites import numbered_site_images
from .site_distances import Apart, InTable


@kernel
def fractions(position, first, begin, inverse, shift, out):  # type: ignore[no-untyped-def]
    """Fractional positions in some frames.

    position (carriers, 3, frames), begin (carriers, 3) and inverse (3, 3) as in
    `follow_site_images`; frame t of carrier c is (first + t + shift[c]) modulo the frames. Fills
    out (carriers, 3, some frames).
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
def shift_runs(offsets, start, value, n_frames, shift):  # type: ignore[no-untyped-def]
    """Runs of records whose frame t is frame (t + shift[c]) modulo n_frames of those given."""
    n_carriers = offsets.shape[0] - 1
    out_offsets = np.zeros(n_carriers + 1, dtype=np.int64)
    out_start = np.empty(offsets[n_carriers] - offsets[0] + n_carriers, dtype=np.int32)
    out_value = np.empty_like(out_start)
    n = 0
    for c in range(n_carriers):
        for turn in range(2):  # the part from the shift on, then the part before it
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
    """Positions of carriers on other sites, with the displacements from the site in the run.

    Attributes
    ----------
    walk : Walk
        Of the run.
    occupied, other : LabelRuns
        Site images of the run, and the other sites.
    site : numpy.ndarray
        Shape (site images,): site of each site image of the run.
    sites : numpy.ndarray
        Shape (sites, 3), fractional.
    """

    walk: Walk
    occupied: LabelRuns
    other: LabelRuns
    site: np.ndarray
    sites: np.ndarray

    def between(self, first: int, last: int) -> np.ndarray:
        """As `Walk.between`."""
        mine = self.sites[self.site[self.occupied.between(first, last)]].transpose(0, 2, 1)
        theirs = self.sites[self.other.between(first, last)].transpose(0, 2, 1)
        off = minimum_image(self.walk.between(first, last) - mine)
        return np.ascontiguousarray(theirs + off)


@dataclass(frozen=True)
class SiteHistory:
    """Occupied sites of the species whose hops may be linked, as input of a joint rule.

    Attributes
    ----------
    occupied : LabelRuns
        Number of the site image of each carrier and frame: a site in one image of the cell.
    site : numpy.ndarray
        Shape (site images,), int32: site of each site image.
    where : numpy.ndarray
        Shape (site images, 3), Angstrom: unwrapped position of the site image; of its place where
        several species are joined.
    shells : ShellTable
        The sites; `kind` is the label of each.
    apart : Apart
        Distances of the sites.
    first : numpy.ndarray
        Shape (species + 1,), int64: first carrier of each species, and the number of carriers.
    kinds : numpy.ndarray
        Shape (species + 1,), int64: first label of each species in `shells`, and the number of
        labels.
    sites : numpy.ndarray
        Shape (sites, 3): positions, fractional in `cell`; None where not needed.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the mean cell; None where not needed.
    walk : Walk or OffSites
        Positions of the carriers themselves; None: carriers are exactly on their sites.
    place : numpy.ndarray
        Shape (sites,), int64: sites of different species at one place share a number; None where
        every site is a place of its own.
    owner : numpy.ndarray
        Shape (sites,), int64: number of the species each site belongs to among those joined; None
        for one species.
    are_visited : bool
        Whether the sites are only those that carriers were seen at, so that others may exist.
    spacing : float
        Of the frames, ps.
    near : dict
        Neighbour lists of the sites by distance, Angstrom, made when first needed; shared with
        histories derived from this one, which have the same sites.
    """

    occupied: LabelRuns
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
    are_visited: bool = False
    spacing: float = 1.0
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
        """The history of one species from arrays that hold every frame.

        Parameters
        ----------
        state : numpy.ndarray
            Shape (carriers, frames): occupied site.
        path : numpy.ndarray
            Shape (carriers, 3, frames), Angstrom: unwrapped position of the occupied site.
        shells, sites, cell
            As the attributes.
        distances : numpy.ndarray
            Shape (sites, sites), Angstrom.
        fractional : numpy.ndarray, optional
            Shape (carriers, 3, frames): positions of the carriers themselves, any image.

        Returns
        -------
        SiteHistory
        """
        n_carriers = len(state)
        site_images, site, where = numbered_site_images(state, path)
        walk = None
        if fractional is not None:
            still = np.zeros((n_carriers, 3)), np.eye(3), np.zeros(n_carriers, dtype=np.int64)
            walk = Walk((np.ascontiguousarray(fractional, dtype=np.float64),), *still)
        return cls(
            occupied=label_runs(site_images.T),
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
        """Number of carriers."""
        return int(self.first[-1])

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.occupied.n_frames

    @property
    def places(self) -> np.ndarray:
        """Place of every site, shape (sites,), int64."""
        return np.arange(len(self.apart)) if self.place is None else self.place

    @property
    def members(self) -> np.ndarray:
        """Species number of every carrier, shape (carriers,), int64."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    @cached_property
    def place_of_site_image(self) -> np.ndarray:
        """Place of each site image, shape (site images,), int64."""
        return np.asarray(self.places[self.site])

    @cached_property
    def kind_of_site_image(self) -> np.ndarray:
        """Label of the site of each site image, shape (site images,), int64."""
        return np.asarray(self.shells.kind[self.site])

    def blocks(
        self, window: int, frames: tuple[int, int] | None = None
    ) -> Iterator[tuple[int, int]]:
        """First and last + 1 of blocks of time origins, for some frames or all."""
        first, last = (0, self.n_frames) if frames is None else frames
        most = frames_at_once(self.n_carriers)
        return origin_blocks(last, window, most, first)

    def occupied_sites(self) -> Iterator[np.ndarray]:
        """Sites of all carriers (carriers, some frames), int32, block after block."""
        for first, last in self.blocks(0):
            yield self.site[self.occupied.between(first, last)]

    @property
    def state(self) -> np.ndarray:
        """Occupied site in every frame, shape (carriers, frames), int32, in memory."""
        return np.concatenate(list(self.occupied_sites()), axis=1)

    @property
    def path(self) -> np.ndarray:
        """Positions of occupied sites in every frame, shape (carriers, 3, frames), in memory."""
        held = self.occupied
        parts = [self.where[held.between(a, b)].transpose(0, 2, 1) for a, b in self.blocks(0)]
        return np.concatenate(parts, axis=2)

    def time_shifted(self, shift: np.ndarray) -> SiteHistory:
        """The history with each record shifted in time: frame t + shift modulo n_frames becomes t.

        Parameters
        ----------
        shift : numpy.ndarray
            Shape (carriers,), int64.
        """
        held, walk = self.occupied, self.walk

        def blocks() -> Iterator[LabelRuns]:
            for first, last in run_blocks(held.offsets):
                runs = held.carriers(first, last)
                offsets, start, value = shift_runs(
                    runs.offsets, runs.start, runs.value, runs.n_frames, shift[first:last]
                )
                yield LabelRuns(offsets, start, value, runs.n_frames)

        if walk is not None:
            assert isinstance(walk, Walk)
            walk = replace(walk, shift=shift)
        runs = gathered_runs(blocks(), held.n_frames, held.folder)
        return replace(self, occupied=runs, walk=walk)
