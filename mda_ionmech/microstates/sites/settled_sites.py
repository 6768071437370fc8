"""Sites settled on a trajectory: found or given, aligned with it, with cores or polyhedra.

A `SiteAssignment` holds parameters; the objects here hold the sites of one run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...lib.errors import InputError
from ..contacts import FrameGeometry
from .alignment import Alignment, align_framework, align_ions, minimum_image, repeated
from .centred_sites import by_orbits, centroids, moves
from .core_radii import core_radius, radii_told_apart
from .density_maxima import (
    DensitySource,
    check_metric,
    density_sites,
    symmetrised,
)
from .environment import environment_labels
from .framework_drift import circular_mean
from .known_structure import check_symmetry, nearest_labels
from .mean_symmetry import find_symmetry
from .merged_sites import group_means, merge_sites, merged_groups
from .nearest_site import SiteGrid
from .off_site import MOST, far_from_sites
from .polyhedra import Polyhedra, check_coordination, find_polyhedra

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup

#: Frames that are sampled at most, and of these kept.
_READ, _SAMPLED = 200, 50

Sample = Callable[[], Iterable[FrameGeometry]]


@dataclass(frozen=True)
class SiteSource:
    """Source of sites: their positions, or how to find them.

    Attributes
    ----------
    fractional : numpy.ndarray
        Shape (sites, 3), in the cell vectors of the trajectory file; none where they are to be
        found.
    labels : tuple of str
        One per site.
    ideal_framework : numpy.ndarray or None
        Shape (places, 3): ideal positions of the framework, in the same vectors.
    ideal_elements : numpy.ndarray or None
        Shape (places,).
    repeats : numpy.ndarray
        Shape (3,): cells of the structure in the trajectory's cell.
    lengths : numpy.ndarray or None
        Shape (3,), Angstrom: of the vectors of the structure times `repeats`.
    density : DensitySource or None
        Parameters for finding sites.
    merge : float
        Angstrom: sites closer than this are merged.
    merge_across : bool
        Also those of different labels.
    centre : {None, "site", "orbit"}
        Whether sites are moved to the centroids of the carriers on them.
    """

    fractional: np.ndarray
    labels: tuple[str, ...]
    ideal_framework: np.ndarray | None
    ideal_elements: np.ndarray | None
    repeats: np.ndarray
    lengths: np.ndarray | None
    density: DensitySource | None
    merge: float = 0.0
    merge_across: bool = False
    centre: str | None = None


@dataclass(frozen=True)
class SettledSites:
    """Sites aligned with one trajectory.

    Attributes
    ----------
    fractional : numpy.ndarray
        Shape (sites, 3): in the cell vectors of the file, before alignment.
    labels : tuple of str
        One per site.
    alignment : Alignment
    r_core : float
        Core radius, Angstrom.
    reference : numpy.ndarray
        Shape (3, framework atoms): fractional coordinates in the reference frame of the drift.
    places : numpy.ndarray
        Shape (sites, 3): aligned positions, fractional in the cell of the run.
    grid : SiteGrid
        Search grid of these positions.
    found : dict
        Statistics of sites found from a density, as plain values.
    polyhedra : Polyhedra or None
    reach : float
        Farthest vertex of a polyhedron, Angstrom; 0 without polyhedra.
    seen : dict
        How far carriers are from the sites in the sampled frames; see `far_from_sites`.
    site_of : numpy.ndarray or None
        Shape (sites of the contacts,): site that each has become, where some were merged after the
        frames were read.
    radii : tuple of float
        Core radii, Angstrom, ascending, that contacts tell apart: `r_core` among them; none with
        polyhedra.
    """

    fractional: np.ndarray
    labels: tuple[str, ...]
    alignment: Alignment
    r_core: float
    reference: np.ndarray
    places: np.ndarray
    grid: SiteGrid
    found: dict[str, Any]
    polyhedra: Polyhedra | None = None
    reach: float = 0.0
    seen: dict[str, Any] = field(default_factory=dict)
    site_of: np.ndarray | None = None
    radii: tuple[float, ...] = ()

    def radius_beside(self, factor: float) -> float | None:
        """The recorded radius nearest to a multiple of `r_core`, on the same side of it.

        Parameters
        ----------
        factor : float
            Other than 1.

        Returns
        -------
        float or None
            Angstrom; None where none was recorded on this side.
        """
        beside = [r for r in self.radii if (r - self.r_core) * (factor - 1) > 0]
        return min(beside, key=lambda r: abs(r - factor * self.r_core), default=None)

    def merged(self, distance: float, *, across: bool) -> SettledSites:
        """Sites closer than a distance, Angstrom, as one, for the same contacts.

        A carrier is on a merged site where it is nearest to, or in the core of, any of its parts.

        Raises
        ------
        InputError
            Where sites are joined to a chain much longer than the distance, or all become one.
        """
        cell = self.grid.cell
        _, labels, group = merged_groups(self.places, self.labels, cell, distance, across=across)
        if len(labels) < 2:
            raise InputError(
                f"merge={distance:g} Å makes one site of all: give a shorter distance, between "
                "that within split sites and that between sites"
            )
        places = group_means(self.places, group)
        return replace(
            self,
            fractional=group_means(self.fractional, group),
            labels=labels,
            places=places,
            grid=SiteGrid.of(places, cell),
            site_of=group if self.site_of is None else group[self.site_of],
        )

    def drift(self, frame: FrameGeometry) -> np.ndarray:
        """Fractional displacement of the framework since the reference frame."""
        return circular_mean(frame.ligand_places, self.reference)


@dataclass(frozen=True)
class _Frames:
    """The sampled frames of a trajectory, and the choice of cell vectors of its file."""

    sample: Sample
    #: Some of the frames, each with the cell as it was read.
    some: list[tuple[FrameGeometry, np.ndarray]]
    reference: np.ndarray
    #: Of some carriers in all sampled frames, without the drift, (frames, carriers, 3), fractional.
    positions: np.ndarray
    cell: np.ndarray
    to_run: np.ndarray

    @classmethod
    def of(cls, sample: Sample) -> _Frames:
        some, positions = [], []
        reference: np.ndarray | None = None
        for k, frame in enumerate(sample()):
            if reference is None:
                reference = np.ascontiguousarray(frame.ligands.T)
                every = max(1, len(frame.centres) * _READ // MOST)
            positions.append(frame.centres[::every] - circular_mean(frame.ligand_places, reference))
            if k % (_READ // _SAMPLED) == 0:
                as_read = frame.cell if frame.cell_as_read is None else frame.cell_as_read
                some.append((frame, as_read))
        assert reference is not None
        first = some[0][0]
        return cls(
            sample=sample,
            some=some,
            reference=reference,
            positions=np.stack(positions),
            cell=np.mean([f.cell for f, _ in some], axis=0),
            to_run=np.linalg.inv(np.rint(first.cell @ np.linalg.inv(some[0][1]))),
        )

    def drift(self, frame: FrameGeometry) -> np.ndarray:
        return circular_mean(frame.ligand_places, self.reference)

    def mean_framework(self) -> np.ndarray:
        """Mean positions of the framework in the first frame's place, shape (atoms, 3)."""
        start = self.reference.T
        moved = [minimum_image(f.ligands - self.drift(f) - start) for f, _ in self.some]
        return np.asarray(start + np.mean(moved, axis=0))

    def mean_others(self) -> np.ndarray:
        """Mean positions of the other atoms in the first frame's place, shape (atoms, 3)."""
        start = self.some[0][0].others
        moved = [minimum_image(f.others - self.drift(f) - start) for f, _ in self.some]
        return np.asarray(start + np.mean(moved, axis=0))

    def align_framework(self, source: SiteSource, framework: AtomGroup) -> tuple[np.ndarray, float]:
        assert source.ideal_framework is not None
        elements = None if source.ideal_elements is None else _elements(framework)
        return align_framework(
            self.mean_framework(), elements, source.ideal_framework,
            source.ideal_elements, source.repeats, self.cell, self.to_run,
        )  # fmt: skip


def settle_sites(
    source: SiteSource,
    sample: Sample,
    *,
    framework: AtomGroup,
    assignment: str,
    r_core: float | None,
    coordination: int | Mapping[str, int] | None,
    environment: np.ndarray | None = None,
    recorded: Sequence[float] = (),
) -> SettledSites:
    """Align sites with a trajectory: cell, drift, origin, core radius, polyhedra.

    Cost: the sampled frames; with a density twice.

    Parameters
    ----------
    source : SiteSource
    sample : callable
        ``sample()`` yields frames sampled over the run.
    framework : AtomGroup
    assignment, r_core, coordination
        As in `SiteAssignment.from_structure`.
    environment : numpy.ndarray, optional
        Element of each of the other atoms, empty for those that do not count: labels get those
        around each site.
    recorded : sequence of float
        Further core radii, Angstrom, that contacts tell apart.

    Raises
    ------
    InputError
        For a structure that does not fit the cell or the framework, sites that coincide, cores
        that overlap, or a density without maxima.
    """
    frames = _Frames.of(sample)
    _check_lengths(source, frames)
    fractional, labels = source.fractional, source.labels
    found: dict[str, Any] = {}
    if source.density is not None:
        fractional, labels, found = _find_sites(source, source.density, frames, framework)
    elif source.merge > 0:
        fractional, labels = merge_sites(
            fractional, labels, frames.to_run @ frames.cell, source.merge,
            across=source.merge_across,
        )  # fmt: skip
    cell = frames.cell
    sites = fractional @ frames.to_run
    core_radius(sites, labels, cell, r_core, assignment)  # refuses sites that coincide
    shift, residual, by = _aligned(source, frames, framework, sites)
    places = sites + shift
    if source.centre is not None:
        moved = _centred(source, frames, framework, places, shift)
        places, fractional = places + moved, fractional + moved @ np.linalg.inv(frames.to_run)
        found["centred_by_angstrom"] = moves(moved, cell)
    radius = core_radius(places, labels, cell, r_core, assignment)
    if environment is not None:
        chosen = environment != ""
        plain = labels
        labels, found["environment_atoms"] = environment_labels(
            places, plain, frames.mean_others()[chosen], environment[chosen], cell, coordination
        )
        if isinstance(coordination, Mapping):
            both = zip(labels, plain, strict=True)
            coordination = {k: coordination[one] for k, one in both if one in coordination}
    grid = SiteGrid.of(places, cell)
    shapes: tuple[Polyhedra | None, float] = None, 0.0
    if assignment == "polyhedron":
        shapes = _find_polyhedra(frames, places, labels, coordination)
    return SettledSites(
        fractional,
        labels,
        Alignment(shift @ cell, residual, by),
        radius,
        frames.reference,
        places,
        grid,
        found,
        *shapes,
        _seen(source, frames, grid, labels, shift),
        radii=()
        if assignment == "polyhedron"
        else radii_told_apart(places, cell, radius, recorded),
    )


def _aligned(
    source: SiteSource, frames: _Frames, framework: AtomGroup, sites: np.ndarray
) -> tuple[np.ndarray, float, str]:
    """Shift of the sites, the residual, Angstrom, and what it was found from."""
    still = [minimum_image(f.centres - frames.drift(f)) for f, _ in frames.some]
    if source.density is not None:
        _, distance = SiteGrid.of(sites, frames.cell).nearest(np.concatenate(still), frames.cell)
        return np.zeros(3), float(np.sqrt(np.mean(distance**2))), "density"
    if source.ideal_framework is not None:
        return *frames.align_framework(source, framework), "framework"
    return *align_ions(still, sites, frames.cell), "ions"


def _centred(
    source: SiteSource,
    frames: _Frames,
    framework: AtomGroup,
    places: np.ndarray,
    shift: np.ndarray,
) -> np.ndarray:
    """Displacements of sites to the centroids of the carriers on them, shape (sites, 3)."""
    moved, number = centroids(places, frames.positions.reshape(-1, 3), frames.cell)
    if source.centre == "site":
        return moved
    inverse = np.linalg.inv(frames.to_run) * source.repeats
    unit = (frames.to_run @ frames.cell) / source.repeats[:, None]
    mean = (frames.mean_framework() - shift) @ inverse
    group = find_symmetry(mean, _elements(framework), unit)
    found = by_orbits((places - shift) @ inverse, moved @ inverse, number, group.operations, unit)
    return np.asarray(found / source.repeats @ frames.to_run)


def _seen(
    source: SiteSource, frames: _Frames, grid: SiteGrid, labels: tuple[str, ...], shift: np.ndarray
) -> dict[str, Any]:
    """How far carriers are from the sites, with places in the cell of the structure."""
    repeats, inverse = source.repeats, np.linalg.inv(frames.to_run)
    if source.density is not None and not source.density.has_symmetry:
        repeats = np.ones(3)  # sites of one cell of the structure need not be those of the next
    return far_from_sites(
        frames.positions, grid, labels, frames.cell,
        lambda places: (places - shift) @ inverse * repeats,
        (frames.to_run @ frames.cell) / repeats[:, None],
    )  # fmt: skip


def _find_sites(
    source: SiteSource, density: DensitySource, frames: _Frames, framework: AtomGroup
) -> tuple[np.ndarray, tuple[str, ...], dict[str, Any]]:
    """Sites and labels from the density of the carriers in all sampled frames."""
    to_run, cell = frames.to_run, frames.cell
    positions = np.concatenate([f.centres - frames.drift(f) for f in frames.sample()])
    maxima = density_sites(positions, cell, density.threshold, density.separation)
    if len(maxima) < 2:
        raise InputError(
            f"the density of the carriers has {len(maxima)} maximum above threshold="
            f"{density.threshold:g}, and hops need two sites: lower threshold, lower "
            f"separation={density.separation:g} Å, or analyse more of the trajectory"
        )
    found: dict[str, Any] = {"maxima": len(maxima)}
    sites = maxima @ np.linalg.inv(to_run)  # in the cell vectors of the file
    unit = (to_run @ cell) / density.repeats[:, None]
    origin = np.zeros(3) if density.origin is None else density.origin
    if source.ideal_framework is not None:
        shift = frames.align_framework(source, framework)[0]
        origin = shift @ np.linalg.inv(to_run) * density.repeats
    labels = [f"site_{k + 1}" for k in range(len(sites))]
    operations, symmetry = density.operations, None
    if density.has_symmetry:
        mean = frames.mean_framework() @ np.linalg.inv(to_run) * density.repeats - origin
        kinds = _elements(framework)
        if operations is None:
            symmetry = find_symmetry(mean, kinds, unit)
            operations = symmetry.operations
            found["space_group_found"] = f"{symmetry.symbol} ({symmetry.number})"
        else:
            check_metric(density, unit)
        found["symmetry_residual_angstrom"] = check_symmetry(
            mean, kinds, operations, unit, density.space_group
        )
        folded = sites * density.repeats - origin
        orbits, number = symmetrised(folded, operations, unit, density.separation)
        sites = repeated((orbits + origin) % 1.0, density.repeats)
        names = [f"site_{k + 1}" for k in number]
        if symmetry is not None:
            names = symmetry.labels(orbits, number)
        labels = names * int(np.prod(density.repeats))
    if density.known is not None:
        inside = sites * density.repeats - origin
        labels, worst = nearest_labels(
            inside, density.known, density.known_labels, unit, density.tolerance
        )
        found["farthest_from_known_angstrom"] = worst
    return sites, tuple(labels), found


def _find_polyhedra(
    frames: _Frames,
    places: np.ndarray,
    labels: tuple[str, ...],
    coordination: int | Mapping[str, int] | None,
) -> tuple[Polyhedra, float]:
    """Vertices of every site, from the mean positions of the possible vertex atoms, and the
    distance of the farthest, Angstrom."""
    if coordination is not None:
        check_coordination(coordination, labels)
    shape = find_polyhedra(places, labels, frames.mean_others(), frames.cell, coordination)
    whole = np.repeat(shape.closed, np.diff(shape.offsets))
    length = np.linalg.norm(shape.vector[whole] @ frames.cell, axis=1)
    return shape, float(length.max(initial=0.0))


def _elements(framework: AtomGroup) -> np.ndarray:
    from ...lib.elements import elements_of

    return elements_of(framework.universe)[framework.ix]


def _check_lengths(source: SiteSource, frames: _Frames) -> None:
    if source.lengths is None:
        return
    found = np.mean([np.linalg.norm(cell, axis=1) for _, cell in frames.some], axis=0)
    if np.any(np.abs(found / source.lengths - 1) > 0.1):
        shape = ", ".join(f"{x:.2f}" for x in found)
        wanted = ", ".join(f"{x:.2f}" for x in source.lengths)
        raise InputError(
            f"the structure repeated by supercell has vectors of {wanted} Å, the trajectory's "
            f"cell {shape} Å: more than 10% apart; give supercell=... that matches, in the "
            "order of the trajectory's vectors"
        )
