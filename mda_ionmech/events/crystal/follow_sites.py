"""Site images that carriers occupy: sites in the periodic images of the cell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...lib.arrays_on_disk import folder_of
from ...lib.errors import InputError
from ...lib.frame_blocks import carrier_blocks
from ...lib.kernels import kernel, longer
from ...lib.run_length import LabelRuns, gathered_runs, run_blocks

#: Most cells that a carrier may move along each vector, in either direction.
_FARTHEST = 2**13


@kernel
def follow_site_images(position, begin, inverse, sites, offsets, start, value):  # type: ignore[no-untyped-def]
    """Runs of occupied sites, split where the nearest periodic image of the site changes.

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


class SiteImageNumbers:
    """Numbers site images in the order of occurrence."""

    def __init__(self) -> None:
        self._key = np.empty(0, dtype=np.int64)
        self._number = np.empty(0, dtype=np.int32)

    def of(self, site: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Numbers of site images from their sites (site images,) and images (site images, 3).

        Raises
        ------
        InputError
            If a carrier has moved over thousands of cells.
        """
        if len(image) and np.abs(image).max() >= _FARTHEST:
            raise InputError(
                f"a carrier has moved over {np.abs(image).max()} cells since the first frame; "
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
        """Site (site images,), int32, and image (site images, 3), int64, of every number."""
        key = np.empty_like(self._key)
        key[self._number] = self._key
        image = np.empty((len(key), 3), dtype=np.int64)
        for k in (2, 1, 0):
            key, image[:, k] = np.divmod(key, 2 * _FARTHEST)
        return key.astype(np.int32), image - _FARTHEST


def numbered_site_images(
    state: np.ndarray, path: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of site images (sites in one periodic image), from arrays of all frames.

    Parameters
    ----------
    state : numpy.ndarray
        Shape (carriers, frames): occupied site.
    path : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom: unwrapped position of that site.

    Returns
    -------
    site_images : numpy.ndarray
        Shape (carriers, frames), int32.
    site : numpy.ndarray
        Shape (site images,), int32: site of each site image.
    where : numpy.ndarray
        Shape (site images, 3), Angstrom: its position.
    """
    rows = np.column_stack([np.ravel(state), path.transpose(0, 2, 1).reshape(-1, 3)])
    site_images, number = np.unique(rows, axis=0, return_inverse=True)
    where = np.ascontiguousarray(site_images[:, 1:])
    return number.reshape(state.shape).astype(np.int32), site_images[:, 0].astype(np.int32), where


def follow_sites(
    position: np.ndarray,
    runs: LabelRuns,
    begin: np.ndarray,
    sites: np.ndarray,
    cell: np.ndarray,
) -> tuple[LabelRuns, np.ndarray, np.ndarray]:
    """Site images that carriers occupy, from their sites and unwrapped positions.

    Cost: one pass over carriers x frames.

    Parameters
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom: displacements since the first frame.
    runs : LabelRuns
        Occupied sites.
    begin : numpy.ndarray
        Shape (carriers, 3), fractional: positions of the carriers in the first frame, any image.
    sites : numpy.ndarray
        Shape (sites, 3), fractional.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the mean cell.

    Returns
    -------
    occupied : LabelRuns
        Site images; on disk where the positions are.
    site : numpy.ndarray
        Shape (site images,), int32.
    where : numpy.ndarray
        Shape (site images, 3), Angstrom: unwrapped position of each site image.
    """
    inverse, numbers = np.linalg.inv(cell), SiteImageNumbers()
    n_frames = position.shape[2]

    def blocks() -> Iterator[LabelRuns]:
        for first, last in carrier_blocks(position):
            mine = runs.carriers(first, last)
            offsets, start, site, image = follow_site_images(
                position[first:last], begin[first:last], inverse, sites, mine.offsets, mine.start,
                mine.value,
            )  # fmt: skip
            yield LabelRuns(offsets, start, numbers.of(site, image), n_frames)

    held = gathered_runs(blocks(), n_frames, folder_of(position))
    site, image = numbers.table()
    return held, site, (sites[site] + image) @ cell


def in_images(held: LabelRuns, sites: np.ndarray) -> tuple[LabelRuns, np.ndarray]:
    """Site images of carriers that begin in the cell and hop to the nearest image of each site.

    Cost: linear in hops, with a logarithm.

    Parameters
    ----------
    held : LabelRuns
        Occupied sites.
    sites : numpy.ndarray
        Shape (sites, 3), fractional.

    Returns
    -------
    occupied : LabelRuns
        Site images.
    site : numpy.ndarray
        Shape (site images,), int32: site of each site image.
    """
    numbers = SiteImageNumbers()

    def blocks() -> Iterator[LabelRuns]:
        for first, last in run_blocks(held.offsets):
            runs = held.carriers(first, last)
            a, b = int(runs.offsets[0]), int(runs.offsets[-1])
            at = runs.value[a:b]
            image = np.zeros((b - a, 3), dtype=np.int64)
            image[1:] = -np.rint(np.diff(sites[at], axis=0)).astype(np.int64)
            image = np.cumsum(image, axis=0)
            begin = runs.offsets[:-1] - a
            image -= np.repeat(image[begin], np.diff(runs.offsets), axis=0)
            number = numbers.of(at, image)
            yield LabelRuns(runs.offsets - a, runs.start[a:b], number, runs.n_frames)

    runs = gathered_runs(blocks(), held.n_frames, held.folder)
    return runs, numbers.table()[0]
