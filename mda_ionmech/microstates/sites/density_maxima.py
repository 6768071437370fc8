"""Sites without a known structure: maxima of the carriers' time-averaged density."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter

from ...lib.checks import as_number, shown
from ...lib.checks import positions as checked_positions
from ...lib.errors import InputError
from .cif import merged, sites_from_cif
from .nearest_site import SiteGrid, near_pairs

#: Spacing of the grid and standard deviation of the smoothing, Angstrom.
GRID = 0.2
SMOOTHING = 0.3
#: In place of a space group: the one that the mean framework has.
FIND = "find"
#: Lengths and products of cell vectors a space group must leave unchanged, relative.
_SYMMETRIC = 0.03


@dataclass(frozen=True)
class DensitySource:
    """Parameters for finding sites on a trajectory; see `SiteAssignment.from_density`.

    Attributes
    ----------
    threshold, separation : float
    operations : tuple of numpy.ndarray, optional
        Rotations (operations, 3, 3) and translations (operations, 3) on fractional columns.
    space_group : str, optional
        Its Hermann-Mauguin symbol; `FIND` for that of the mean framework.
    origin : numpy.ndarray, optional
        Shape (3,).
    repeats : numpy.ndarray
        Shape (3,): cells of the structure in the trajectory's cell.
    known : numpy.ndarray, optional
        Shape (known, 3): fractional in one cell of the structure, with `known_labels`.
    tolerance : float
        Angstrom: largest distance of a site from the known position whose label it gets.
    """

    threshold: float
    separation: float
    operations: tuple[np.ndarray, np.ndarray] | None
    space_group: str | None
    origin: np.ndarray | None
    repeats: np.ndarray
    known: np.ndarray | None
    known_labels: tuple[str, ...]
    tolerance: float

    @property
    def has_symmetry(self) -> bool:
        """Whether sites are averaged over the orbits of a space group."""
        return self.space_group is not None


def smoothed_density(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Counts of fractional positions (n, 3) on a periodic grid, smoothed by a Gaussian.

    The Gaussian is isotropic for any cell: the convolution is done by Fourier transform.
    """
    shape = np.maximum(np.ceil(np.linalg.norm(cell, axis=1) / GRID).astype(int), 3)
    counts, _ = np.histogramdd(positions % 1.0, bins=shape.tolist(), range=[(0.0, 1.0)] * 3)
    waves = [np.fft.fftfreq(n, 1 / n) for n in shape[:2]] + [
        np.fft.rfftfreq(shape[2], 1 / shape[2])
    ]
    h = np.meshgrid(*waves, indexing="ij", sparse=True)
    inverse = np.linalg.inv(cell)
    metric = inverse.T @ inverse
    length2 = sum(metric[i, j] * h[i] * h[j] for i in range(3) for j in range(3))
    damped = np.fft.rfftn(counts) * np.exp(-2 * (np.pi * SMOOTHING) ** 2 * np.asarray(length2))
    return np.fft.irfftn(damped, s=counts.shape, axes=(0, 1, 2))


def density_sites(
    positions: np.ndarray, cell: np.ndarray, threshold: float, separation: float
) -> np.ndarray:
    """Maxima of the density of `positions`, highest first.

    Parameters
    ----------
    positions : numpy.ndarray
        Shape (n, 3): fractional, any image.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    threshold : float
        Fraction of the highest maximum below which there is no site.
    separation : float
        Angstrom: of two maxima closer than this the higher is kept.

    Returns
    -------
    numpy.ndarray
        Shape (sites, 3): fractional, in [0, 1).
    """
    density = smoothed_density(positions, cell)
    peak = density == maximum_filter(density, size=3, mode="wrap")
    place = np.argwhere(peak & (density >= threshold * density.max()))
    order = np.argsort(-density[tuple(place.T)], kind="stable")
    candidates = ((place + 0.5) / density.shape)[order]
    first, second, distance = near_pairs(candidates, candidates, cell, separation)
    close = (distance < separation) & (first < second)
    kept = np.ones(len(candidates), dtype=bool)
    for higher, lower in zip(first[close].tolist(), second[close].tolist(), strict=True):
        kept[lower] &= not kept[higher]
    return _centred(positions, candidates[kept], cell, separation)


def _centred(
    positions: np.ndarray, sites: np.ndarray, cell: np.ndarray, reach: float
) -> np.ndarray:
    """Each site moved to the mean of the positions nearest to it and within `reach`."""
    for _ in range(5):
        site, distance = SiteGrid.of(sites, cell).nearest(positions, cell)
        near = distance < reach
        offset = positions[near] - sites[site[near]]
        offset -= np.rint(offset)
        total = np.zeros_like(sites)
        np.add.at(total, site[near], offset)
        count = np.bincount(site[near], minlength=len(sites))
        sites = sites + total / np.maximum(count, 1)[:, None]
    return sites % 1.0


def symmetrised(
    points: np.ndarray,
    operations: tuple[np.ndarray, np.ndarray],
    cell: np.ndarray,
    separation: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Orbits of a space group through points that obey it approximately.

    Each point is averaged with the points its images fall on, within half of `separation`, and
    replaced by its whole orbit; points closer than `separation` to an orbit are part of it.

    Parameters
    ----------
    points : numpy.ndarray
        Shape (n, 3): fractional, the most reliable first, relative to the group's origin.
    operations : tuple of numpy.ndarray
        Rotations (operations, 3, 3) and translations (operations, 3).
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    separation : float
        Angstrom.

    Returns
    -------
    positions : numpy.ndarray
        Shape (sites, 3).
    orbit : numpy.ndarray
        Shape (sites,): number of the orbit of each.
    """
    turns, shifts = operations
    back = np.linalg.inv(turns)
    orbits: list[np.ndarray] = []
    left = np.array(points)
    while len(left):
        start = left[0]
        for _ in range(3):
            images = turns @ start + shifts
            difference = left[None] - images[:, None]
            difference -= np.rint(difference)
            near = np.linalg.norm(difference @ cell, axis=-1) < separation / 2
            pulled = np.einsum("oij,opj->opi", back, difference)[near]
            start = start + pulled.mean(axis=0)
        orbits.append(merged((turns @ start + shifts) % 1.0, cell, separation))
        first, _, apart = near_pairs(left, orbits[-1], cell, separation)
        far = np.ones(len(left), dtype=bool)
        far[first[apart < separation]] = far[0] = False
        left = left[far]
    number = np.repeat(np.arange(len(orbits)), [len(x) for x in orbits])
    return np.concatenate(orbits), number


def group_operations(space_group: int | str) -> tuple[str, tuple[np.ndarray, np.ndarray]]:
    """Symbol and operations of a space group, centring included.

    Raises
    ------
    InputError
        For a number or symbol gemmi does not know.
    ImportError
        Without the extra ``crystal``.
    """
    try:
        import gemmi
    except ImportError as error:
        raise ImportError(
            'space_group=... needs gemmi: pip install "mda-ionmech[crystal]"'
        ) from error
    found = None
    if isinstance(space_group, str):
        found = gemmi.find_spacegroup_by_name(space_group)
    elif 1 <= as_number(space_group) <= 230 and as_number(space_group) == int(space_group):
        found = gemmi.find_spacegroup_by_number(int(space_group))
    if found is None:
        raise InputError(
            f"space_group must be a number from 1 to 230, a Hermann-Mauguin symbol such as "
            f"'I a -3 d', or {FIND!r} for that of the mean framework, got {shown(space_group)}"
        )
    listed = list(found.operations())
    turns = np.array([op.rot for op in listed], dtype=np.float64) / gemmi.Op.DEN
    shifts = np.array([op.tran for op in listed], dtype=np.float64) / gemmi.Op.DEN
    return found.hm, (turns, shifts)


def check_metric(source: DensitySource, cell: np.ndarray) -> None:
    """Refuse a space group that does not preserve the cell (3, 3), Angstrom."""
    assert source.operations is not None
    metric = cell @ cell.T
    turned = np.einsum("oji,jk,okl->oil", source.operations[0], metric, source.operations[0])
    worst = float(np.max(np.abs(turned - metric)) / np.max(np.abs(metric)))
    if worst > _SYMMETRIC:
        lengths = ", ".join(f"{x:.2f}" for x in np.linalg.norm(cell, axis=1))
        raise InputError(
            f"space_group={source.space_group!r} does not fit the cell with vectors of {lengths} "
            "Å: give the group in the setting of the trajectory's cell vectors, and supercell=... "
            "if that cell is repeated"
        )


def known_positions(known: Any, species: Any, separation: float) -> dict[str, Any]:
    """Known sites as arrays, from a mapping or a CIF; a CIF gives the framework too.

    Returns
    -------
    dict
        ``positions`` (known, 3), ``labels``; of a CIF also ``framework``, ``elements`` and
        ``lengths``.
    """
    if known is None:
        if species is not None:
            raise InputError(
                f"species={shown(species)} belongs to known=<path of a CIF>, which is not given"
            )
        return {"positions": None, "labels": ()}
    if isinstance(known, (str, Path)):
        if species is None:
            raise InputError(
                f"known={str(known)!r} is a CIF and needs species=..., the element of the mobile "
                "ions in it"
            )
        found = sites_from_cif(known, species, separation)
        return {
            "positions": found.sites,
            "labels": found.labels,
            "framework": found.framework,
            "elements": found.elements,
            "lengths": found.lengths,
        }
    if not isinstance(known, Mapping) or not known:
        raise InputError(
            "known must map labels to fractional positions, {'24d': [[x, y, z], ...]}, or be the "
            f"path of a CIF, got {shown(known)}"
        )
    positions, labels = [], []
    for label, listed in known.items():
        some = checked_positions(f"known[{label!r}]", listed, "give fractions of the cell vectors")
        positions.append(some)
        labels += [str(label)] * len(some)
    return {"positions": np.concatenate(positions), "labels": tuple(labels)}
