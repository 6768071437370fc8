"""Sites of a crystal: which position of the ideal structure each carrier holds.

Sites are all positions of given orbits, empty ones included. They move with the cell and with the
framework's drift; where no structure is known they are found on the trajectory, as maxima of the
carriers' density. A carrier keeps its site until it enters the core of another one (core sets) or
its coordination polyhedron; `nearest` takes the nearest site of every frame by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...lib.errors import InputError
from ...lib.run_length import frame_counts
from ...species import check_atom_group
from ..detector import ContactHistory, Contacts, Detector, FrameGeometry, Microstates, ShellTable
from .core_sets import held_sites, shared_frames
from .density_maxima import (
    DensitySource,
    check_metric,
    density_sites,
    group_operations,
    known_positions,
    nearest_labels,
    symmetrised,
)
from .framework_drift import circular_mean
from .nearest_site import SiteGrid, closest_pair
from .polyhedra import (
    Polyhedra,
    PolyhedronBoxes,
    check_coordination,
    find_polyhedra,
    polyhedron_site,
)

if TYPE_CHECKING:
    from pathlib import Path

    from MDAnalysis import AtomGroup

    from ..on_disk import StoredHistory

ASSIGNMENTS = ("core", "nearest", "polyhedron")
#: Default core radius: this fraction of half the shortest distance between sites.
CORE_FRACTION = 0.55
#: A larger root mean square distance of framework atoms from their ideal places is refused, A.
WORST_ALIGNMENT = 1.0
_SAMPLED = 50
#: Most positions of ions that are laid over the sites, and most framework atoms by which candidates
#: for the place of a structure are compared.
_ALIGNED, _COMPARED = 100_000, 500


@dataclass(frozen=True)
class Alignment:
    """How the structure was laid over the trajectory.

    Attributes
    ----------
    shift : numpy.ndarray
        Shape (3,), Angstrom: added to the structure's positions.
    residual : float
        Root mean square distance, Angstrom, of the framework's mean positions from their ideal
        places; of the mobile ions from their nearest site where no ideal framework is known.
    by : str
        ``framework``, ``ions``, or ``density`` where the sites were found on the trajectory.
    """

    shift: np.ndarray
    residual: float
    by: str


def minimum_image(fractional: np.ndarray) -> np.ndarray:
    """Fractional differences brought into [-1/2, 1/2]."""
    return fractional - np.rint(fractional)


class SiteAssignment(Detector):
    """Site of every carrier in every frame; from `from_structure`, `from_cif`, `from_density`.

    Three assignments, and every carrier has a site in every frame in each:

    - ``core``: a carrier keeps its site until it is within `r_core` of another one;
    - ``nearest``: the nearest site, i.e. its Voronoi cell among fixed sites;
    - ``polyhedron``: the site whose coordination polyhedron holds the carrier, the convex hull of
      the atoms of `vertices` that coordinate the site in the mean structure of the run, followed
      frame by frame; of several that overlap, the one whose centre is nearest. A carrier in none
      keeps its site until it enters another polyhedron. A site its vertices do not enclose has its
      Voronoi cell instead, among the sites' centres as they move with their vertices. Both cases
      are counted, see `tally_names`.

    With ``core`` and ``polyhedron`` a carrier takes, before its first core or polyhedron, the one
    it will enter first, and without any the nearest site of each frame.

    Cost per frame: linear in carriers and framework atoms, whatever the number of sites (a grid of
    the sites, made once), as long as carriers are near sites; one far from all of them looks at the
    sites within the distance of the nearest. With ``polyhedron`` linear in vertices beside: a
    carrier looks at the polyhedra that reach into its box until one surely holds it, and then at
    those that may overlap that one as far as the framework vibrates. A hull, n**4 operations for n
    vertices, is made for a carrier that the faces of the mean structure do not decide on.

    Attributes
    ----------
    fractional : numpy.ndarray
        Shape (sites, 3): positions in the trajectory's cell, before alignment; with `from_density`
        there are no sites and labels until it is settled on a trajectory.
    labels : tuple of str
        Label of every site, e.g. its Wyckoff position.
    label_names : tuple of str
        The distinct labels in order of appearance.
    alignment : Alignment or None
        Once settled on a trajectory.
    r_core : float or None
        Core radius, Angstrom; by default 0.55 of half the shortest distance between sites, once
        settled.
    polyhedra : Polyhedra or None
        Coordination polyhedra, once settled with ``polyhedron``.

    Notes
    -----
    Core sets: Buchete and Hummer, J. Phys. Chem. B 112, 6057 (2008). They remove the flicker of
    `nearest`, and break the exact time reversal of window labels at windows comparable to the
    time a hop takes; polyhedra do so only where they leave gaps. Polyhedra as sites: Morgan, Chem.
    Mater. 33, 2004 (2021), and the package site-analysis.
    """

    has_sites = True

    def __init__(
        self,
        fractional: np.ndarray,
        labels: Sequence[str],
        *,
        framework: AtomGroup,
        assignment: str = "core",
        r_core: float | None = None,
        ideal_framework: np.ndarray | None = None,
        ideal_elements: Sequence[str] | None = None,
        repeats: np.ndarray | None = None,
        lengths: np.ndarray | None = None,
        persistence: float | None = None,
        density: DensitySource | None = None,
        vertices: AtomGroup | None = None,
        coordination: int | Mapping[str, int] | None = None,
    ) -> None:
        check_atom_group(framework, "framework")
        super().__init__(persistence=persistence, framework=framework)
        if assignment not in ASSIGNMENTS:
            raise InputError(f"assignment must be one of {ASSIGNMENTS}, got {assignment!r}")
        if r_core is not None and not r_core > 0:
            raise InputError(f"r_core must be a radius in Angstrom above 0, got {r_core!r}")
        if assignment != "polyhedron" and not (vertices is None and coordination is None):
            what = "vertices" if coordination is None else "coordination"
            raise InputError(
                f"{what}=... has no meaning with assignment={assignment!r}; leave it out, or give "
                "assignment='polyhedron'"
            )
        if vertices is not None:
            check_atom_group(vertices, "vertices")
        if coordination is not None:
            check_coordination(coordination, labels)
        self.framework = framework
        self.vertices = framework if vertices is None else vertices
        self.coordination = coordination
        self.polyhedra: Polyhedra | None = None
        if assignment == "polyhedron":
            self.tally_names = ("in_no_polyhedron", "in_several_polyhedra")
        self.fractional = fractional
        self.labels = tuple(labels)
        self.label_names = tuple(dict.fromkeys(self.labels))
        self.assignment = assignment
        self.r_core = r_core
        self.alignment: Alignment | None = None
        self._ideal_framework = ideal_framework
        self._ideal_elements = None if ideal_elements is None else np.asarray(ideal_elements)
        self._repeats = np.ones(3, dtype=int) if repeats is None else repeats
        self._lengths = lengths
        self._settled: np.ndarray | None = None
        self._density = density
        self._asked_core = r_core
        self._found: dict[str, Any] = {}
        self._reach = 0.0
        self._reference = np.empty((3, 0))
        self._grid: SiteGrid | None = None
        self._polyhedron_boxes: PolyhedronBoxes | None = None

    @classmethod
    def from_structure(
        cls,
        fractional: Any,
        labels: Sequence[str],
        *,
        framework: AtomGroup,
        supercell: tuple[int, int, int] = (1, 1, 1),
        assignment: str = "core",
        r_core: float | None = None,
        framework_fractional: Any = None,
        persistence: float | None = None,
        vertices: AtomGroup | None = None,
        coordination: int | Mapping[str, int] | None = None,
    ) -> SiteAssignment:
        """Sites given by fractional coordinates and labels.

        Parameters
        ----------
        fractional : array_like
            Shape (sites, 3), in the cell that `supercell` repeats into the trajectory's cell.
        labels : sequence of str
            One per site, e.g. its Wyckoff position.
        framework : AtomGroup
            The immobile atoms; the sites follow their drift.
        supercell : tuple of int
            How often the given cell is repeated along each vector of the trajectory's cell.
        assignment : {"core", "nearest", "polyhedron"}
        r_core : float, optional
            Angstrom; default 0.55 of half the shortest distance between sites.
        framework_fractional : array_like, optional
            Shape (atoms, 3): ideal positions of the framework in the same cell. The origin of the
            structure is then found from the framework, otherwise from the mobile ions.
        persistence : float, optional
            Ignore a change of site that reverts within this time, ps.
        vertices : AtomGroup, optional
            With ``polyhedron``: the immobile atoms that may coordinate a site, e.g. the anions;
            default `framework`.
        coordination : int or mapping of str to int, optional
            With ``polyhedron``: number of vertices, or by label, 4 to 12, 0 for Voronoi cells. By
            default that of each label at which the distances of its atoms jump most.

        Raises
        ------
        InputError
            For shapes or numbers that do not fit, no sites, sites far outside the cell, or sites
            that coincide; at the start of a run for vertices that do not enclose a site.
        """
        sites = np.atleast_2d(np.asarray(fractional, dtype=np.float64))
        if sites.size == 0:
            raise InputError(
                "fractional holds no sites: give the positions of shape (sites, 3) that the mobile "
                "ions may hold"
            )
        if sites.ndim != 2 or sites.shape[1] != 3 or not np.all(np.isfinite(sites)):
            raise InputError(
                f"fractional must hold finite positions of shape (sites, 3), got {sites.shape}"
            )
        if len(labels) != len(sites):
            raise InputError(f"labels has {len(labels)} entries for {len(sites)} sites")
        outside = np.flatnonzero(np.any((sites < -2) | (sites > 3), axis=1))
        if len(outside):
            first = ", ".join(f"{x:g}" for x in sites[outside[0]])
            raise InputError(
                f"fractional holds site {outside[0]} ({labels[outside[0]]}) at ({first}), more "
                "than two cells outside: positions are fractions of the cell vectors; divide "
                "Cartesian ones in Angstrom by the cell"
            )
        repeats = _check_supercell(supercell)
        ideal = framework_fractional
        return cls(
            _repeat(sites, repeats),
            [str(x) for x in labels] * int(np.prod(repeats)),
            framework=framework,
            assignment=assignment,
            r_core=r_core,
            ideal_framework=None if ideal is None else _repeat(np.atleast_2d(ideal), repeats),
            repeats=repeats,
            persistence=persistence,
            vertices=vertices,
            coordination=coordination,
        )

    @classmethod
    def from_cif(
        cls,
        path: Any,
        *,
        species: str | Sequence[str],
        framework: AtomGroup,
        supercell: tuple[int, int, int] = (1, 1, 1),
        assignment: str = "core",
        r_core: float | None = None,
        merge: float = 1.0,
        persistence: float | None = None,
        vertices: AtomGroup | None = None,
        coordination: int | Mapping[str, int] | None = None,
    ) -> SiteAssignment:
        """Sites from a CIF: every position of the orbits that hold the mobile species.

        Partial and zero occupancies count. Needs the extra ``crystal`` (gemmi, spglib).

        Parameters
        ----------
        path : path-like
        species : str or sequence of str
            Element of the mobile species, e.g. ``"Li"``.
        framework, supercell, assignment, r_core, persistence, vertices, coordination
            As in `from_structure`; the framework's ideal positions come from the file.
        merge : float
            Positions of one orbit closer than this, Angstrom, are merged into their middle and
            labelled anew by spglib (24d-96h-96h becomes 24d-48g).

        Raises
        ------
        InputError
            If the file cannot be read or holds none of the species.
        """
        from .cif import sites_from_cif

        found = sites_from_cif(path, species, merge)
        repeats = _check_supercell(supercell)
        return cls(
            _repeat(found.sites, repeats),
            list(found.labels) * int(np.prod(repeats)),
            framework=framework,
            assignment=assignment,
            r_core=r_core,
            ideal_framework=_repeat(found.framework, repeats),
            ideal_elements=list(found.elements) * int(np.prod(repeats)),
            repeats=repeats,
            lengths=found.lengths * repeats,
            persistence=persistence,
            vertices=vertices,
            coordination=coordination,
        )

    @classmethod
    def from_density(
        cls,
        *,
        framework: AtomGroup,
        threshold: float = 0.1,
        separation: float = 1.2,
        space_group: int | str | None = None,
        origin: Any = None,
        known: Mapping[str, Any] | str | Path | None = None,
        species: str | Sequence[str] | None = None,
        supercell: tuple[int, int, int] = (1, 1, 1),
        assignment: str = "core",
        r_core: float | None = None,
        persistence: float | None = None,
        vertices: AtomGroup | None = None,
        coordination: int | Mapping[str, int] | None = None,
    ) -> SiteAssignment:
        """Sites where no structure is known: maxima of the carriers' time-averaged density.

        They are found at the start of a run, in up to 200 frames spread over it, relative to the
        framework: counts on a grid of 0.2 A, smoothed by a Gaussian of 0.3 A, local maxima, each
        moved to the mean of the positions nearest to it. Use one such detector for one species.

        Cost: an array of one number per 0.008 cubic Angstrom of cell, and its Fourier transform.

        Parameters
        ----------
        framework : AtomGroup
            The immobile atoms; the sites follow their drift.
        threshold : float
            Maxima below this fraction of the highest are no sites.
        separation : float
            Of two maxima closer than this, Angstrom, the higher stays.
        space_group : int or str, optional
            Number or Hermann-Mauguin symbol: sites are averaged over its orbits, orbits are
            completed, and the sites of one share a label. Needs the extra ``crystal`` (gemmi).
        origin : array_like, optional
            Shape (3,): where the origin of the space group and of `known` lies, fractional in one
            cell of the structure. By default the framework's place in a CIF given as `known`
            tells, otherwise (0, 0, 0).
        known : mapping of str to array_like, or path-like, optional
            Fractional positions by label, shape (sites, 3) each, or a CIF: every site found takes
            the label of the nearest of them. By default the labels are ``site_1``, ``site_2``,
            ..., one per site or, with `space_group`, per orbit, from the highest maximum on.
        species : str or sequence of str, optional
            Element of the mobile species in the CIF.
        supercell : tuple of int
            How often the cell of `space_group` and `known` is repeated along each vector of the
            trajectory's cell.
        assignment, r_core, persistence, vertices, coordination
            As in `from_structure`.

        Raises
        ------
        InputError
            For numbers out of range, an unknown space group, or known positions that cannot be
            read; at the start of a run for a space group the cell does not have, or fewer than two
            sites.

        Notes
        -----
        A site that no carrier visits in the sampled frames has no density, and one visited less
        than `threshold` of the most visited is left out: its visitors count for their nearest
        site. A label per site makes very many hop channels and site types.
        """
        if not 0 < threshold < 1:
            raise InputError(
                f"threshold must be a fraction of the highest maximum between 0 and 1, got "
                f"{threshold!r}"
            )
        if not separation > 0:
            raise InputError(f"separation must be in Angstrom above 0, got {separation!r}")
        place = None if origin is None else np.asarray(origin, dtype=np.float64)
        if place is not None and (place.shape != (3,) or not np.all(np.isfinite(place))):
            raise InputError(f"origin must be three fractional coordinates, got {origin!r}")
        if place is not None and space_group is None and known is None:
            raise InputError(
                f"origin={origin!r} has no meaning without space_group=... or known=...; leave "
                "it out"
            )
        repeats = _check_supercell(supercell)
        symbol, operations = (None, None) if space_group is None else group_operations(space_group)
        given = known_positions(known, species, separation)
        # a CIF finds its own place unless told
        aligned = "framework" in given and place is None
        return cls(
            np.empty((0, 3)),
            (),
            framework=framework,
            assignment=assignment,
            r_core=r_core,
            ideal_framework=_repeat(given["framework"], repeats) if aligned else None,
            ideal_elements=list(given["elements"]) * int(np.prod(repeats)) if aligned else None,
            repeats=repeats,
            lengths=given["lengths"] * repeats if "lengths" in given else None,
            persistence=persistence,
            vertices=vertices,
            coordination=coordination,
            density=DensitySource(
                threshold=float(threshold),
                separation=float(separation),
                operations=operations,
                space_group=symbol,
                origin=place,
                repeats=repeats,
                known=given["positions"],
                known_labels=given["labels"],
            ),
        )

    # ---- settling on a trajectory ---------------------------------------------------------

    def settle(self, sample: Callable[[], Iterable[FrameGeometry]]) -> None:
        """Lay the sites over the trajectory: cell, drift, origin, core radius."""
        frames = list(_thinned(sample(), _SAMPLED))
        first = frames[0][0]
        to_run = np.linalg.inv(np.rint(first.cell @ np.linalg.inv(frames[0][1])))
        self._check_lengths(frames)
        self._reference = np.ascontiguousarray(first.ligands.T)
        cell = np.mean([f.cell for f, _ in frames], axis=0)
        if self._density is not None:
            self._find_sites(self._density, sample, frames, cell, to_run)
        sites = self.fractional @ to_run
        a, b, shortest = closest_pair(sites, cell) if len(sites) > 1 else (0, 0, np.inf)
        if shortest < 0.1:
            raise InputError(
                f"sites {a} ({self.labels[a]}) and {b} ({self.labels[b]}) are {shortest:.3f} A "
                "apart: leave one of them out; those of a CIF are merged with from_cif(..., "
                "merge=...) in Angstrom"
            )
        self.r_core = self._asked_core
        if self.r_core is None:
            self.r_core = CORE_FRACTION * shortest / 2
        elif self.assignment == "core" and 2 * self.r_core > shortest:
            raise InputError(
                f"r_core={self.r_core:g} A makes cores overlap: the nearest sites are "
                f"{shortest:.2f} A apart; give less than {shortest / 2:.2f} A"
            )
        still = [minimum_image(f.centres - self._drift(f)) for f, _ in frames]
        if self._density is not None:
            _, distance = SiteGrid.of(sites, cell).nearest(np.concatenate(still), cell)
            residual = float(np.sqrt(np.mean(distance**2)))
            shift, by = np.zeros(3), "density"
        elif self._ideal_framework is not None:
            shift, residual, by = self._align_framework(frames, cell, to_run)
        else:
            shift, residual = _align_ions(still, sites, cell)
            by = "ions"
        self.alignment = Alignment(shift @ cell, residual, by)
        self._settled = sites + shift
        self._grid = SiteGrid.of(self._settled, cell)
        if self.assignment == "polyhedron":
            self._find_polyhedra(frames, cell)

    def _find_sites(
        self,
        source: DensitySource,
        sample: Callable[[], Iterable[FrameGeometry]],
        frames: list[tuple[FrameGeometry, np.ndarray]],
        cell: np.ndarray,
        to_run: np.ndarray,
    ) -> None:
        """Sites and labels from the density of the carriers in all sampled frames."""
        positions = np.concatenate([f.centres - self._drift(f) for f in sample()])
        found = density_sites(positions, cell, source.threshold, source.separation)
        if len(found) < 2:
            raise InputError(
                f"the density of the carriers has {len(found)} maximum above threshold="
                f"{source.threshold:g}, and hops need two sites: lower threshold, lower "
                f"separation={source.separation:g} A, or analyse more of the trajectory"
            )
        self._found = {"maxima": len(found)}
        sites = found @ np.linalg.inv(to_run)  # in the vectors the file gives, as `fractional`
        unit = (to_run @ cell) / source.repeats[:, None]
        origin = np.zeros(3) if source.origin is None else source.origin
        if self._ideal_framework is not None:
            shift = self._align_framework(frames, cell, to_run)[0]
            origin = shift @ np.linalg.inv(to_run) * source.repeats
        labels = [f"site_{k + 1}" for k in range(len(sites))]
        if source.operations is not None:
            check_metric(source, unit)
            folded = sites * source.repeats - origin
            orbits, number = symmetrised(folded, source.operations, unit, source.separation)
            sites = _repeat((orbits + origin) % 1.0, source.repeats)
            labels = [f"site_{k + 1}" for k in number] * int(np.prod(source.repeats))
        if source.known is not None:
            inside = sites * source.repeats - origin
            labels, worst = nearest_labels(inside, source.known, source.known_labels, unit)
            self._found["farthest_from_known_angstrom"] = worst
        self.fractional = sites
        self.labels = tuple(labels)
        self.label_names = tuple(dict.fromkeys(labels))

    def _find_polyhedra(
        self, frames: list[tuple[FrameGeometry, np.ndarray]], cell: np.ndarray
    ) -> None:
        """Vertices of every site, from the mean positions of the atoms that may be ones."""
        assert self._settled is not None
        assert self._grid is not None
        if self.coordination is not None:
            check_coordination(self.coordination, self.labels)
        start = frames[0][0].others
        moved = [minimum_image(f.others - self._drift(f) - start) for f, _ in frames]
        mean = start + np.mean(moved, axis=0)
        shape = find_polyhedra(self._settled, self.labels, mean, cell, self.coordination)
        whole = np.repeat(shape.closed, np.diff(shape.offsets))
        length = np.linalg.norm(shape.vector[whole] @ cell, axis=1)
        self.polyhedra, self._reach = shape, float(length.max(initial=0.0))
        self._polyhedron_boxes = PolyhedronBoxes.of(
            shape, self._grid, self._settled, np.stack(moved) - np.mean(moved, axis=0)
        )

    def other_atoms(self, carriers: AtomGroup) -> np.ndarray:
        """The atoms that may be vertices of polyhedra."""
        if self.assignment != "polyhedron":
            return super().other_atoms(carriers)
        both = np.intersect1d(self.vertices.ix, carriers.ix)
        if len(both):
            raise InputError(
                f"vertices and the carriers overlap in atom index {both[0]}: polyhedra are made of "
                "atoms that stay; select these alone"
            )
        return np.sort(self.vertices.ix)

    @property
    def reach(self) -> float:
        """Farthest vertex of a polyhedron, Angstrom; 0 without polyhedra."""
        return self._reach

    def _check_lengths(self, frames: list[tuple[FrameGeometry, np.ndarray]]) -> None:
        if self._lengths is None:
            return
        found = np.mean([np.linalg.norm(cell, axis=1) for _, cell in frames], axis=0)
        if np.any(np.abs(found / self._lengths - 1) > 0.1):
            shape = ", ".join(f"{x:.2f}" for x in found)
            wanted = ", ".join(f"{x:.2f}" for x in self._lengths)
            raise InputError(
                f"the structure repeated by supercell has vectors of {wanted} A, the trajectory's "
                f"cell {shape} A: more than 10 % apart; give supercell=... that matches, in the "
                "order of the trajectory's vectors"
            )

    def _drift(self, frame: FrameGeometry) -> np.ndarray:
        """Fractional displacement of the framework since the reference frame."""
        return circular_mean(frame.ligand_places, self._reference)

    def _align_framework(
        self, frames: list[tuple[FrameGeometry, np.ndarray]], cell: np.ndarray, to_run: np.ndarray
    ) -> tuple[np.ndarray, float, str]:
        assert self._ideal_framework is not None
        ideal = self._ideal_framework @ to_run
        start = self._reference.T
        moved = [minimum_image(f.ligands - self._drift(f) - start) for f, _ in frames]
        mean = start + np.mean(moved, axis=0)
        elements = None
        if self._ideal_elements is not None:
            from ...cli.guess_config import elements_of

            elements = elements_of(self.framework.universe)[self.framework.ix]
            lacking = sorted(set(elements) - set(self._ideal_elements))
            if lacking:
                raise InputError(
                    f"framework holds {', '.join(lacking)}, which the structure file does not"
                )
        # the rarest element gives the fewest candidates for the shift
        kinds = np.zeros(len(mean), dtype=int) if elements is None else elements
        ideal_kinds = np.zeros(len(ideal), dtype=int) if elements is None else self._ideal_elements
        rare = min(set(kinds), key=lambda k: int(np.sum(np.asarray(ideal_kinds) == k)))
        mine, theirs = mean[np.asarray(kinds) == rare], ideal[np.asarray(ideal_kinds) == rare]
        # copies of the cell give candidates that differ by its vectors alone
        first = len(theirs) // int(self._repeats.prod())
        turns = _repeat(np.zeros((1, 3)), self._repeats) @ to_run
        grid = SiteGrid.of(theirs, cell)
        some = _some_of(mine, _COMPARED)
        best: tuple[float, np.ndarray] | None = None
        for candidate in mine[0] - theirs[:first]:
            shift, rest = _fitted(some, theirs, grid, cell, candidate)
            # many shifts may map the framework onto itself: the smallest is meant
            images = minimum_image(shift + turns)
            shift = images[np.linalg.norm(images @ cell, axis=1).argmin()]
            size = _size(shift, cell)
            if best is None or (round(rest, 2), size) < (round(best[0], 2), _size(best[1], cell)):
                best = rest, shift
        assert best is not None
        shift, rest = (
            _fitted(mine, theirs, grid, cell, best[1]) if len(some) < len(mine) else best[::-1]
        )
        if rest > WORST_ALIGNMENT:
            raise InputError(
                f"the framework lies {rest:.2f} A (root mean square) from its ideal places "
                "after the best shift: check supercell=..., the order of the cell vectors, and "
                "that framework names the atoms the structure file calls so"
            )
        return shift, rest, "framework"

    # ---- frames ---------------------------------------------------------------------------

    def contacts(self, frame: FrameGeometry) -> Contacts:
        """Nearest site of every carrier, or the one whose polyhedron holds it; `inner` where the
        carrier is in its core or polyhedron."""
        assert self._settled is not None
        assert self._grid is not None
        assert self.r_core is not None
        n = len(frame.centres)
        carrier = np.arange(n, dtype=np.int32)
        drift, grid = self._drift(frame), self._grid
        if self.polyhedra is not None:
            site, inside = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.bool_)
            shape, near = self.polyhedra, self._polyhedron_boxes
            assert near is not None
            moved = minimum_image(frame.others - drift - shape.mean)
            tally = polyhedron_site(
                frame.centres - drift, self._settled, grid.boxes, grid.start, grid.order,
                grid.guess, moved, frame.cell, shape.offsets, shape.atom, shape.vector,
                shape.closed, shape.face_offsets, shape.face, near.start, near.site,
                near.rival_offsets, near.rival, near.until, near.slack, near.vertex, near.radius,
                near.cell, site, inside,
            )  # fmt: skip
            return Contacts(carrier, site, inside, tally=tally)
        site, distance = grid.nearest(frame.centres, frame.cell, drift)
        return Contacts(carrier, site, distance <= self.r_core)

    def assemble(
        self,
        history: ContactHistory | StoredHistory,
        *,
        filtered: bool = True,
        persistence: float | None = None,
    ) -> Microstates:
        """Sites held over time from those of all frames.

        A carrier in no polyhedron has no site of its own in that frame, so that polyhedra are held
        without filters too.
        """
        volume = "polyhedron" if self.assignment == "polyhedron" else "core"
        by_volume = volume == "polyhedron" or (self.assignment == "core" and filtered)
        wait = self.frames_to_wait(history, filtered, persistence)
        runs, inside, homeless = held_sites(history, wait, by_core=by_volume)
        kinds = np.array([self.label_names.index(x) for x in self.labels])
        n_sites = len(self.labels)
        shells = ShellTable(
            offsets=np.arange(n_sites + 1),
            atom=np.arange(n_sites),
            molecule=np.arange(n_sites),
            kind=kinds,
            types=self.label_names,
        )
        n_frames, size = history.n_frames, history.n_frames * history.n_carriers
        changes, steps = runs.n_changes, size - history.n_carriers
        per_label = frame_counts(runs, len(self.label_names), kinds).sum(axis=1)
        shared = shared_frames(runs, n_sites, history)
        report = {
            "occupancy": {
                name: float(count / n_frames)
                for name, count in zip(self.label_names, per_label, strict=True)
            },
            f"outside_every_{volume}": float(1 - inside / max(size, 1)),
            f"carriers_never_in_a_{volume}": homeless,
            "sharing_a_site": shared / max(size, 1),
            "hops": changes,
            "mean_residence_ps": (size * history.spacing / changes if changes else float("inf")),
            "changed_per_frame": changes / max(steps, 1),
            "distinct_shells": n_sites,
        }
        return Microstates(runs, shells, report)

    def fractional_positions(self, frame: FrameGeometry) -> np.ndarray:
        """Carriers relative to the sites' origin, drift removed: shape (carriers, 3)."""
        return np.asarray(frame.centres - self._drift(frame))

    @property
    def sites_in_cell(self) -> np.ndarray:
        """Aligned site positions, fractional in the run's cell, shape (sites, 3)."""
        assert self._settled is not None
        return self._settled

    def describe(self) -> dict[str, Any]:
        aligned, source = self.alignment, self._density
        found = (
            {}
            if source is None
            else {
                "density": {
                    "threshold": source.threshold,
                    "separation_angstrom": source.separation,
                    "space_group": source.space_group,
                    **self._found,
                }
            }
        )
        return super().describe() | {
            "assignment": self.assignment,
            "r_core_angstrom": self.r_core,
            "n_sites": len(self.labels),
            "labels": {name: self.labels.count(name) for name in self.label_names},
            "alignment": None
            if aligned is None
            else {
                "shift_angstrom": [float(x) for x in aligned.shift],
                "residual_angstrom": aligned.residual,
                "by": aligned.by,
            },
            **found,
            **self._describe_polyhedra(),
        }

    def _describe_polyhedra(self) -> dict[str, Any]:
        if self.assignment != "polyhedron":
            return {}
        shape = self.polyhedra
        return {
            "vertex_atoms": self.vertices.n_atoms,
            "coordination_asked": (
                dict(self.coordination)
                if isinstance(self.coordination, Mapping)
                else self.coordination
            ),
            "coordination": None if shape is None else shape.numbers,
            "sites_without_polyhedron": (
                None if shape is None else int(np.count_nonzero(~shape.closed))
            ),
        }


def _thinned(
    frames: Iterable[FrameGeometry], most: int
) -> Iterable[tuple[FrameGeometry, np.ndarray]]:
    """At most about `most` of the sampled frames, each with the cell as it was read."""
    for k, frame in enumerate(frames):
        if k % max(1, 200 // most) == 0:
            yield frame, frame.cell if frame.cell_as_read is None else frame.cell_as_read


def _size(fractional: np.ndarray, cell: np.ndarray) -> float:
    return float(np.linalg.norm(fractional @ cell))


def _align_ions(
    still: list[np.ndarray], sites: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, float]:
    """Shift that brings the sites nearest to the mobile ions, from zero by fixed-point steps."""
    shift = np.zeros(3)
    centres = _some_of(np.concatenate(still), _ALIGNED)
    grid = SiteGrid.of(sites, cell)
    for _ in range(50):
        site, distance = grid.nearest(centres, cell, shift)
        # ions on their way between sites tell nothing of the origin
        near = distance <= np.quantile(distance, 0.7)
        step = minimum_image(centres - shift - sites[site])[near].mean(axis=0)
        shift = shift + step
        if np.linalg.norm(step @ cell) < 1e-4:
            break
    return shift, float(np.sqrt(np.mean(distance**2)))


def _fitted(
    mine: np.ndarray, theirs: np.ndarray, grid: SiteGrid, cell: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, float]:
    """Shift that brings places nearest to theirs, from a first one by fixed-point steps.

    Also returned: the root mean square distance before the last step, Angstrom.
    """
    for _ in range(10):
        place, distance = grid.nearest(mine, cell, shift)
        shift = shift + minimum_image(mine - shift - theirs[place]).mean(axis=0)
    return shift, float(np.sqrt(np.mean(distance**2)))


def _some_of(places: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the places (n, 3), drawn once for all."""
    if len(places) <= most:
        return places
    return np.random.default_rng(0).choice(places, most, replace=False)


def _check_supercell(supercell: Any) -> np.ndarray:
    repeats = np.asarray(supercell)
    if repeats.shape != (3,) or not np.all(repeats == np.rint(repeats)) or np.any(repeats < 1):
        raise InputError(f"supercell must be three whole numbers of 1 or more, got {supercell!r}")
    return repeats.astype(int)


def _repeat(fractional: Any, repeats: np.ndarray) -> np.ndarray:
    """Positions of a cell in the cell repeated along each vector."""
    shifts = np.stack(np.meshgrid(*[np.arange(n) for n in repeats], indexing="ij"), axis=-1)
    positions = np.asarray(fractional, dtype=np.float64)
    return ((shifts.reshape(-1, 1, 3) + positions[None]) / repeats).reshape(-1, 3)
