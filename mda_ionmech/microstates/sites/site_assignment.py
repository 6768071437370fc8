"""Sites of a crystal: which position of the ideal structure each carrier occupies.

Sites are all positions of given orbits, including empty ones. They move with the cell and with the
drift of the framework; where no structure is known they are found on the trajectory, as maxima of
the carriers' density. A carrier keeps its site until it enters the core of another one (core sets)
or its coordination polyhedron; `nearest` assigns the nearest site in every frame independently.

The file and its class are longer than others because `SiteAssignment` has three constructors (a
list, a CIF, a density) with many choices, which are documented where users look for them; the
geometry is in the other modules of this folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...lib.checks import as_number, is_one_of, listed, number, positions, shown
from ...lib.errors import InputError
from ...lib.frozen import changed, frozen
from ...lib.label_names import check_label_names
from ...lib.run_length import frame_counts
from ...lib.topology import check_apart, check_atom_group
from ..contacts import MOST_RADII, SAME_RADIUS, ContactHistory, Contacts, FrameGeometry
from ..detector import Detector
from ..shells import Microstates, one_member_shells
from .alignment import Alignment, minimum_image, repeated
from .centred_sites import CENTRES
from .core_sets import held_sites, hop_counts
from .density_maxima import FIND, DensitySource, group_operations, known_positions
from .hop_dates import HOP_TIMES, HopDating
from .mean_symmetry import check_spglib
from .polyhedra import Polyhedra, check_coordination, polyhedron_site
from .settled_sites import SettledSites, SiteSource, settle_sites

if TYPE_CHECKING:
    from pathlib import Path

    from MDAnalysis import AtomGroup


#: Most cells of a structure along a vector of the trajectory's cell.
MOST_REPEATS = 1000
ASSIGNMENTS = ("core", "nearest", "polyhedron")


@frozen
class SiteAssignment(Detector):
    """Site of every carrier in every frame; from `from_structure`, `from_cif`, `from_density`.

    There are three assignments; in each, every carrier has a site in every frame:

    - ``core``: a carrier keeps its site until it is within `r_core` of another one;
    - ``nearest``: the nearest site, i.e. its Voronoi cell among fixed sites;
    - ``polyhedron``: the site whose coordination polyhedron contains the carrier: the convex hull
      of the atoms of `vertices` that coordinate the site in the mean structure of the run, at their
      positions in each frame; of several that overlap, the one whose centre is nearest. A carrier
      in none keeps its site until it enters another polyhedron. A site that its vertices do not
      enclose has a Voronoi cell instead, among the centres of all sites, which move with their
      vertices. Both cases are counted, see `tally_names`.

    With ``core`` and ``polyhedron`` a carrier has, before its first core or polyhedron, the site of
    the first one it enters; without any, the nearest site of each frame.

    Cost per frame: linear in carriers and framework atoms, independent of the number of sites (a
    grid of the sites is made once), as long as carriers are near sites. With ``polyhedron`` also
    linear in vertices: the hull of a polyhedron, n**4 operations for n vertices, is made in frames
    in which a carrier is nearer to its centre than its farthest vertex.

    Parameters
    ----------
    fractional, labels, framework, assignment, r_core, hop_time, persistence
        As in `from_structure`, and so are `vertices` and `coordination`; sites in the cell of
        the trajectory.
    ideal_framework : numpy.ndarray, optional
        Shape (atoms, 3): ideal fractional positions of the framework in the same cell.
    ideal_elements : sequence of str, optional
        Element of each of these atoms.
    repeats : numpy.ndarray, optional
        Shape (3,): cells of the structure along each vector of the trajectory's cell.
    lengths : numpy.ndarray, optional
        Shape (3,): lengths of the vectors of the structure's cell, Angstrom.
    density : DensitySource, optional
        How sites are found on the trajectory, from `from_density`.
    merge, merge_across, centre, environment, recorded
        As in `from_structure`.

    Attributes
    ----------
    fractional : numpy.ndarray
        Shape (sites, 3): positions in the trajectory's cell, before alignment; with `from_density`
        there are no sites and labels until they are found on a trajectory.
    labels : tuple of str
        Label of every site, e.g. its Wyckoff position.
    label_names : tuple of str
        The distinct labels in order of appearance.
    settled : SettledSites or None
        The sites aligned with one trajectory; None before. A run does not change the given object
        and has its own in ``run.species[k].microstates``, with `alignment` (Alignment), `r_core`
        (float, Angstrom; by default 0.55 of half the shortest distance between sites) and
        `polyhedra` (Polyhedra, with ``polyhedron``).

    Raises
    ------
    InputError
        For an unknown assignment, and arguments that have no meaning with it.

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
        hop_time: str = "entry",
        ideal_framework: np.ndarray | None = None,
        ideal_elements: Sequence[str] | None = None,
        repeats: np.ndarray | None = None,
        lengths: np.ndarray | None = None,
        persistence: float | None = None,
        density: DensitySource | None = None,
        vertices: AtomGroup | None = None,
        coordination: int | Mapping[str, int] | None = None,
        merge: float = 0.0,
        merge_across: bool = False,
        centre: str | None = None,
        environment: AtomGroup | None = None,
        recorded: Sequence[float] = (),
    ) -> None:
        check_atom_group(framework, "framework")
        super().__init__(persistence=persistence, framework=framework)
        if not is_one_of(assignment, ASSIGNMENTS):
            raise InputError(f"assignment must be one of {ASSIGNMENTS}, got {shown(assignment)}")
        check_hop_time(hop_time, assignment)
        if r_core is not None:
            r_core = number("r_core", r_core, "a radius in Angstrom above 0", above=0)
        self.recorded = check_core_radii(recorded, assignment)
        for label in dict.fromkeys(labels):
            check_label_names((label,), "the labels of sites")
        if assignment != "polyhedron" and not (
            vertices is None and (coordination is None or environment is not None)
        ):
            what = "vertices" if vertices is not None else "coordination"
            raise InputError(
                f"{what}=... has no meaning with assignment={assignment!r}; leave it out, or give "
                "assignment='polyhedron'"
            )
        if vertices is not None:
            check_atom_group(vertices, "vertices")
        if coordination is not None:
            check_coordination(coordination, labels)
        check_centre(centre)
        if environment is not None:
            check_atom_group(environment, "environment")
            others = framework if vertices is None else vertices
            if assignment == "polyhedron" and not np.isin(environment.ix, others.ix).all():
                raise InputError(
                    "environment holds atoms that are no vertices: with assignment='polyhedron' "
                    "the environment of a site is made of vertices=...; list these atoms there too"
                )
        self.environment = environment
        self.framework = framework
        self.vertices = framework if vertices is None else vertices
        self.coordination = copy(coordination)
        if assignment == "polyhedron":
            self.tally_names = ("in_no_polyhedron", "in_several_polyhedra")
        self.assignment, self.hop_time = assignment, hop_time
        self.source = SiteSource(
            fractional=fractional,
            labels=tuple(labels),
            ideal_framework=ideal_framework,
            ideal_elements=None if ideal_elements is None else np.asarray(ideal_elements),
            repeats=np.ones(3, dtype=int) if repeats is None else repeats,
            lengths=lengths,
            density=density,
            merge=float(merge),
            merge_across=merge_across,
            centre=centre,
        )
        self.settled: SettledSites | None = None
        self._asked_core = r_core

    @property
    def fractional(self) -> np.ndarray:
        """Fractional coordinates of the sites, shape (sites, 3)."""
        return self.source.fractional if self.settled is None else self.settled.fractional

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of every site."""
        return self.source.labels if self.settled is None else self.settled.labels

    @property
    def label_names(self) -> tuple[str, ...]:
        """The distinct labels of the sites, in order of first appearance."""
        return tuple(dict.fromkeys(self.labels))

    @property
    def alignment(self) -> Alignment | None:
        """How the structure was aligned with the framework; None until settled on a trajectory."""
        return None if self.settled is None else self.settled.alignment

    @property
    def r_core(self) -> float | None:
        """Radius of the cores, Angstrom; None until given or found on a trajectory."""
        return self._asked_core if self.settled is None else self.settled.r_core

    @property
    def radii(self) -> tuple[float, ...]:
        """Core radii that a run can be labelled with, Angstrom; none until settled on one."""
        return () if self.settled is None else self.settled.radii

    @property
    def polyhedra(self) -> Polyhedra | None:
        """Coordination polyhedra of the sites; None unless found on a trajectory."""
        return None if self.settled is None else self.settled.polyhedra

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
        hop_time: str = "entry",
        framework_fractional: Any = None,
        merge: float = 0.0,
        merge_across: bool = False,
        centre: str | None = None,
        persistence: float | None = None,
        vertices: AtomGroup | None = None,
        coordination: int | Mapping[str, int] | None = None,
        environment: AtomGroup | None = None,
        recorded: Sequence[float] = (),
    ) -> SiteAssignment:
        """Sites given by fractional coordinates and labels.

        Parameters
        ----------
        fractional : array_like
            Shape (sites, 3), in the cell that `supercell` repeats into the trajectory's cell.
        labels : sequence of str
            One per site, e.g. its Wyckoff position.
        framework : AtomGroup
            The immobile atoms; the sites move with their drift.
        supercell : tuple of int
            How often the given cell is repeated along each vector of the trajectory's cell.
        assignment : {"core", "nearest", "polyhedron"}
            Keep a site until another core is entered, take the nearest in every frame, or keep it
            until another coordination polyhedron is entered.
        r_core : float, optional
            Angstrom; default 0.55 of half the shortest distance between sites.
        hop_time : {"entry", "crossing"}
            With ``core``, the date of a hop: the frame in which the carrier enters the new core, or
            that in which it is last, before, no longer nearest to the old site: the surface half
            way. Where a third site is nearest in between, the middle of that time.
        framework_fractional : array_like, optional
            Shape (atoms, 3): ideal positions of the framework in the same cell. The origin of the
            structure is then found from the framework, otherwise from the mobile ions.
        merge : float
            Sites of one label closer than this, Angstrom, are replaced by their mean at the start
            of a run; 0 merges none.
        merge_across : bool
            Also sites of different labels, whose labels are joined (``24g+48h``): split sites of a
            disordered structure, of which an ion can occupy only one.
        centre : {None, "site", "orbit"}
            Move the sites, after alignment, to the mean of the ions on them in up to 200 sampled
            frames: each by itself, or averaged over the operations of the space group that spglib
            finds in the mean framework, so that orbits stay orbits. Sites with fewer than 20
            positions stay. ``orbit`` needs the extra ``crystal``, and all immobile atoms as
            `framework`.
        persistence : float, optional
            Ignore a change of site that reverts within this time, ps.
        vertices : AtomGroup, optional
            With ``polyhedron``: the immobile atoms that may coordinate a site, e.g. the anions;
            default `framework`.
        coordination : int or mapping of str to int, optional
            With ``polyhedron``: number of vertices, or by label, 4 to 12, 0 for Voronoi cells. By
            default the number, for each label, after which the distances have the largest gap. With
            `environment` the number of atoms around a site.
        environment : AtomGroup, optional
            Immobile atoms, e.g. the anions, whose elements around a site become part of its label:
            ``48h:S3Cl``; `SiteType` then has these as macrostates. Of the mean structure of the
            run; with ``polyhedron`` some of the `vertices`.
        recorded : sequence of float
            Further core radii, Angstrom, that `OnsagerDecomposition.robustness` can use in place of
            `r_core`, up to half the shortest distance between sites. Recorded anyway are 0.8 and
            1.2 of `r_core`, as far as cores do not overlap.

        Returns
        -------
        SiteAssignment

        Raises
        ------
        InputError
            For shapes or numbers that do not fit, no sites, sites far outside the cell, or sites
            that coincide; at the start of a run for vertices that do not enclose a site, and for
            sites that do not obey the space group of the framework with ``centre="orbit"``.
        """
        if np.size(fractional) == 0:
            raise InputError(
                "fractional holds no sites: give the positions of shape (sites, 3) that the mobile "
                "ions may occupy"
            )
        sites = positions("fractional", fractional, "give fractions of the cell vectors")
        if isinstance(labels, str) or not isinstance(labels, Sequence | np.ndarray):
            raise InputError(f"labels must be a list, one per site, got {shown(labels)}")
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
        merge = check_merge(merge, merge_across)
        repeats = _check_supercell(supercell)
        ideal = (
            None
            if framework_fractional is None
            else positions(
                "framework_fractional", framework_fractional, "give fractions of the cell vectors"
            )
        )
        return cls(
            repeated(sites, repeats),
            [str(x) for x in labels] * int(np.prod(repeats)),
            framework=framework,
            assignment=assignment,
            r_core=r_core,
            hop_time=hop_time,
            ideal_framework=None if ideal is None else repeated(ideal, repeats),
            repeats=repeats,
            persistence=persistence,
            vertices=vertices,
            coordination=coordination,
            merge=merge,
            merge_across=merge_across,
            centre=centre,
            environment=environment,
            recorded=recorded,
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
        hop_time: str = "entry",
        merge: float = 1.0,
        merge_across: bool = False,
        centre: str | None = None,
        persistence: float | None = None,
        vertices: AtomGroup | None = None,
        coordination: int | Mapping[str, int] | None = None,
        environment: AtomGroup | None = None,
        recorded: Sequence[float] = (),
    ) -> SiteAssignment:
        """Sites from a CIF: every position of the orbits that hold the mobile species.

        Partial and zero occupancies count. Needs the extra ``crystal`` (gemmi, spglib).

        Parameters
        ----------
        path : path-like
            Structure file; the orbits of `species` are the sites.
        species : str or sequence of str
            Element of the mobile species, e.g. ``"Li"``.
        framework, supercell, assignment, r_core, hop_time, persistence, vertices, coordination
            As in `from_structure`; the framework's ideal positions come from the file.
        merge : float
            Positions of one orbit closer than this, Angstrom, are replaced by their mean and
            relabelled by spglib (24d-96h-96h becomes 24d-48g).
        merge_across : bool
            Also those of different orbits: split sites of a disordered structure.
        centre, environment, recorded
            As in `from_structure`.

        Returns
        -------
        SiteAssignment

        Raises
        ------
        InputError
            If the file cannot be read or holds none of the species.
        """
        from .cif import sites_from_cif

        merge = check_merge(merge, merge_across)
        found = sites_from_cif(path, species, merge, merge_across)
        repeats = _check_supercell(supercell)
        return cls(
            repeated(found.sites, repeats),
            list(found.labels) * int(np.prod(repeats)),
            framework=framework,
            assignment=assignment,
            r_core=r_core,
            hop_time=hop_time,
            ideal_framework=repeated(found.framework, repeats),
            ideal_elements=list(found.elements) * int(np.prod(repeats)),
            repeats=repeats,
            lengths=found.lengths * repeats,
            persistence=persistence,
            vertices=vertices,
            coordination=coordination,
            centre=centre,
            environment=environment,
            recorded=recorded,
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
        tolerance: float = 0.6,
        supercell: tuple[int, int, int] = (1, 1, 1),
        assignment: str = "core",
        r_core: float | None = None,
        hop_time: str = "entry",
        persistence: float | None = None,
        vertices: AtomGroup | None = None,
        coordination: int | Mapping[str, int] | None = None,
        environment: AtomGroup | None = None,
        recorded: Sequence[float] = (),
    ) -> SiteAssignment:
        """Sites without a known structure: maxima of the carriers' time-averaged density.

        They are found at the start of a run, in up to 200 frames sampled over it, relative to the
        framework: counts on a grid of 0.2 A, smoothed by a Gaussian of 0.3 A, local maxima, each
        moved to the mean of the positions nearest to it. Use one such detector for one species.

        Cost: an array of one number per 0.008 cubic Angstrom of cell, and its Fourier transform.

        Parameters
        ----------
        framework : AtomGroup
            The immobile atoms; the sites move with their drift.
        threshold : float
            Maxima below this fraction of the highest are not sites.
        separation : float
            Of two maxima closer than this, Angstrom, the higher is kept.
        space_group : int or str, optional
            Number or Hermann-Mauguin symbol: sites are averaged over orbits, orbits are completed,
            and the sites of an orbit share a label. ``"find"``: the group that spglib finds in the
            mean framework, within 0.2 A, and labels are multiplicity and Wyckoff letter, e.g.
            ``48h``; give all immobile atoms as `framework`, as some of them may have more symmetry
            than the structure. Letters that a shift of the origin exchanges (4a and 4b of F m -3 m)
            are those of spglib's origin. Needs the extra ``crystal`` (gemmi, spglib).
        origin : array_like, optional
            Shape (3,): origin of the space group and of `known`, fractional in one cell of the
            structure. By default found from the framework in a CIF given as `known`, otherwise
            (0, 0, 0).
        known : mapping of str to array_like, or path-like, optional
            Fractional positions by label, shape (sites, 3) each, or a CIF: every site found gets
            the label of the nearest of them. By default the labels are ``site_1``, ``site_2``,
            ..., one per site or, with `space_group`, per orbit, from the highest maximum on.
        species : str or sequence of str, optional
            Element of the mobile species in the CIF.
        tolerance : float
            Angstrom: a site farther than this from every position in `known` is refused.
        supercell : tuple of int
            How often the cell of `space_group` and `known` is repeated along each vector of the
            trajectory's cell.
        assignment, r_core, hop_time, persistence, vertices, coordination, environment, recorded
            As in `from_structure`.

        Returns
        -------
        SiteAssignment

        Raises
        ------
        InputError
            For numbers out of range, an unknown space group, or known positions that cannot be
            read; at the start of a run for a space group that the cell or the mean framework does
            not have, a site far from all known ones, or fewer than two sites.

        Notes
        -----
        Sites that are visited rarely, below `threshold` of the most visited one, are not found:
        carriers there are assigned to another site. One label per site makes very many hop channels
        and site types.
        """
        if not 0 < as_number(threshold) < 1:
            raise InputError(
                f"threshold must be a fraction of the highest maximum between 0 and 1, got "
                f"{shown(threshold)}"
            )
        separation = number("separation", separation, "in Angstrom above 0", above=0)
        tolerance = number("tolerance", tolerance, "a distance in Angstrom above 0", above=0)
        place = None
        if origin is not None:
            place = positions("origin", origin, "give three fractional coordinates")
            if place.shape != (1, 3) or np.ndim(origin) != 1:
                raise InputError(
                    f"origin must be three fractional coordinates, got {shown(origin)}"
                )
            place = place[0]
        if place is not None and space_group is None and known is None:
            raise InputError(
                f"origin={shown(origin)} has no meaning without space_group=... or known=...; "
                "leave it out"
            )
        repeats = _check_supercell(supercell)
        symbol, operations = None, None
        if isinstance(space_group, str) and space_group == FIND:
            check_spglib()
            symbol = FIND
        elif space_group is not None:
            symbol, operations = group_operations(space_group)
        given = known_positions(known, species, separation)
        # the origin of a CIF is found unless it is given
        aligned = "framework" in given and place is None
        return cls(
            np.empty((0, 3)),
            (),
            framework=framework,
            assignment=assignment,
            r_core=r_core,
            hop_time=hop_time,
            ideal_framework=repeated(given["framework"], repeats) if aligned else None,
            ideal_elements=list(given["elements"]) * int(np.prod(repeats)) if aligned else None,
            repeats=repeats,
            lengths=given["lengths"] * repeats if "lengths" in given else None,
            persistence=persistence,
            vertices=vertices,
            coordination=coordination,
            environment=environment,
            recorded=recorded,
            density=DensitySource(
                threshold=float(threshold),
                separation=float(separation),
                operations=operations,
                space_group=symbol,
                origin=place,
                repeats=repeats,
                known=given["positions"],
                known_labels=given["labels"],
                tolerance=float(tolerance),
            ),
        )

    # ---- settling on a trajectory ---------------------------------------------------------

    def settle(self, sample: Callable[[], Iterable[FrameGeometry]]) -> SiteAssignment:
        """The sites aligned with a trajectory: cell, drift, origin, core radius, polyhedra.

        See `Detector.settle`.
        """
        settled = settle_sites(
            self.source,
            sample,
            framework=self.framework,
            assignment=self.assignment,
            r_core=self._asked_core,
            coordination=self.coordination,
            environment=self._surrounding(),
            recorded=self.recorded,
        )
        return changed(self, settled=settled)

    def _surrounding(self) -> np.ndarray | None:
        """Element of each of the other atoms, empty for those that are no environment."""
        if self.environment is None:
            return None
        from ...lib.elements import elements_of

        others = self.vertices if self.assignment == "polyhedron" else self.environment
        index = np.sort(others.ix)
        elements = np.asarray(elements_of(others.universe))[index]
        return np.where(np.isin(index, self.environment.ix), elements, "")

    def other_atoms(self, carriers: AtomGroup) -> np.ndarray:
        """Indices of the possible vertices or of the environment; see `Detector.other_atoms`."""
        if self.environment is not None:
            check_apart(
                {"environment": self.environment, "the carriers": carriers},
                "the environment of sites is of immobile atoms",
            )
        if self.assignment == "polyhedron":
            check_apart(
                {"vertices": self.vertices, "the carriers": carriers},
                "vertices of polyhedra are immobile atoms",
            )
            return np.sort(self.vertices.ix)
        if self.environment is None:
            return super().other_atoms(carriers)
        return np.sort(self.environment.ix)

    @property
    def reach(self) -> float:
        """Farthest vertex of a polyhedron, Angstrom; 0 without polyhedra."""
        return 0.0 if self.settled is None else self.settled.reach

    # ---- frames ---------------------------------------------------------------------------

    def contacts(self, frame: FrameGeometry) -> Contacts:
        """Nearest site of every carrier, or the one whose polyhedron contains it.

        `Contacts.inner` is True where the carrier is in the core or polyhedron of that site. See
        `Detector.contacts`.
        """
        settled = self._on_trajectory()
        n = len(frame.centres)
        carrier = np.arange(n, dtype=np.int32)
        drift, grid = settled.drift(frame), settled.grid
        if settled.polyhedra is not None:
            site, inside = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.bool_)
            moved = minimum_image(frame.others - drift - settled.polyhedra.mean)
            tally = polyhedron_site(
                frame.centres - drift, settled.places, grid.boxed, grid.guess, moved, frame.cell,
                settled.polyhedra.vertices, site, inside,
            )  # fmt: skip
            return Contacts(carrier, site, inside, tally=tally)
        site, distance = grid.nearest(frame.centres, frame.cell, drift)
        ring = np.searchsorted(settled.radii, distance).astype(np.uint8) if settled.radii else None
        return Contacts(carrier, site, distance <= settled.r_core, ring=ring)

    def _on_trajectory(self) -> SettledSites:
        if self.settled is None:
            raise InputError(
                "these sites are not aligned with a trajectory yet: settle(sample) returns sites "
                "that are, and those of a run are in run.species[k].microstates"
            )
        return self.settled

    def assemble(
        self,
        history: ContactHistory,
        *,
        filtered: bool = True,
        persistence: float | None = None,
        r_core: float | None = None,
    ) -> Microstates:
        """Occupied site of every carrier over time, from the nearest sites of all frames.

        A carrier in no polyhedron has no site of its own in that frame, so that with ``polyhedron``
        it keeps the last one also without filters. See `Detector.assemble`.

        Parameters
        ----------
        history : ContactHistory
        filtered : bool
            False: the nearest site of each frame in place of core sets, and no persistence.
        persistence : float, optional
            ps, in place of the detector's own.
        r_core : float, optional
            Angstrom, in place of the detector's own; one of `radii`.

        Returns
        -------
        Microstates
        """
        if r_core is not None:
            place = self.check_recorded(r_core)
            history = history.mapped(lambda rows: _within(rows, place))
        volume = "polyhedron" if self.assignment == "polyhedron" else "core"
        by_volume = volume == "polyhedron" or (self.assignment == "core" and filtered)
        wait = self.frames_to_wait(history, filtered, persistence)
        dates = HopDating(self.hop_time) if by_volume and volume == "core" else None
        site_of = None if self.settled is None else self.settled.site_of
        runs, inside, homeless = held_sites(
            history, wait, by_core=by_volume, dating=dates, site_of=site_of
        )
        kinds = np.array([self.label_names.index(x) for x in self.labels])
        n_frames, size = history.n_frames, history.n_frames * history.n_carriers
        per_label = frame_counts(runs, len(self.label_names), kinds).sum(axis=1)
        report = {
            "occupancy": {
                name: float(count / n_frames)
                for name, count in zip(self.label_names, per_label, strict=True)
            },
            f"outside_every_{volume}": float(1 - inside / max(size, 1)),
            f"carriers_never_in_a_{volume}": homeless,
            **hop_counts(runs, len(self.labels), history),
            **({} if dates is None else dates.report(history.spacing)),
        }
        return Microstates(runs, one_member_shells(kinds, self.label_names), report)

    def check_recorded(self, radius: float) -> int:
        """The number of a core radius among `radii`; refuses one that was not recorded.

        Parameters
        ----------
        radius : float
            Angstrom.

        Returns
        -------
        int

        Raises
        ------
        InputError
            Naming the radii that were recorded.
        """
        for k, one in enumerate(self.radii):
            if abs(one - radius) < SAME_RADIUS:
                return k
        known = ", ".join(f"{r:g}" for r in self.radii)
        raise InputError(
            f"{radius:g} Å is no core radius that was recorded; those are {known} Å: run again "
            f"with SiteAssignment(..., recorded=[{radius:g}])"
        )

    def fractional_positions(self, frame: FrameGeometry) -> np.ndarray:
        """Carriers relative to the origin of the sites, without the drift of the framework.

        Parameters
        ----------
        frame : FrameGeometry

        Returns
        -------
        numpy.ndarray
            Shape (carriers, 3), fractional.
        """
        return np.asarray(frame.centres - self._on_trajectory().drift(frame))

    @property
    def sites_in_cell(self) -> np.ndarray:
        """Aligned site positions, fractional in the run's cell, shape (sites, 3)."""
        return self._on_trajectory().places

    def describe(self) -> dict[str, Any]:
        """The detector, its sites and their alignment as plain values, for the settings."""
        aligned, source = self.alignment, self.source.density
        found = (
            {}
            if source is None
            else {
                "density": {
                    "threshold": source.threshold,
                    "separation_angstrom": source.separation,
                    "space_group": source.space_group,
                    **({} if self.settled is None else self.settled.found),
                }
            }
        )
        return super().describe() | {
            "assignment": self.assignment,
            "hop_time": self.hop_time,
            "r_core_angstrom": self.r_core,
            **({"recorded_angstrom": list(self.recorded)} if self.recorded else {}),
            "n_sites": len(self.labels),
            "labels": {name: self.labels.count(name) for name in self.label_names},
            **self._describe_merging(),
            **self._describe_centring(),
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

    def _describe_merging(self) -> dict[str, Any]:
        if self.source.merge == 0:
            return {}
        return {
            "merge_angstrom": self.source.merge,
            "merge_across": self.source.merge_across,
            "sites_given": len(self.source.labels),
        }

    def _describe_centring(self) -> dict[str, Any]:
        found = {} if self.settled is None else self.settled.found
        out: dict[str, Any] = {}
        if self.source.centre is not None:
            out |= {"centre": self.source.centre}
            out |= {k: v for k, v in found.items() if k == "centred_by_angstrom"}
        if self.environment is not None:
            out |= {"environment": self.environment.n_atoms}
            out |= {k: v for k, v in found.items() if k == "environment_atoms"}
        return out

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


def _within(history: ContactHistory, place: int) -> ContactHistory:
    """The nearest sites, `inner` within another of the recorded radii."""
    assert history.ring is not None
    return replace(history, inner=np.asarray(history.ring <= place), ring=None)


def check_merge(merge: Any, across: Any) -> float:
    """The distance below which sites are merged; refuses one that is none."""
    distance = number("merge", merge, "a distance in Angstrom, 0 or more", least=0)
    if not isinstance(across, bool):
        raise InputError(f"merge_across must be True or False, got {shown(across)}")
    if across and distance == 0:
        raise InputError("merge_across=True has no meaning without merge=... in Angstrom above 0")
    return float(distance)


def check_centre(centre: Any) -> None:
    """Refuse a way of centring sites that does not exist."""
    if centre is None:
        return
    if not is_one_of(centre, CENTRES):
        raise InputError(f"centre must be None or one of {CENTRES}, got {shown(centre)}")
    if centre == "orbit":
        check_spglib()


def check_hop_time(hop_time: Any, assignment: str) -> None:
    """Refuse an unknown date of hops, or one that the assignment does not have."""
    if not is_one_of(hop_time, HOP_TIMES):
        raise InputError(f"hop_time must be one of {HOP_TIMES}, got {shown(hop_time)}")
    if hop_time != "entry" and assignment != "core":
        raise InputError(
            f"hop_time={hop_time!r} dates hops between cores, and assignment={assignment!r} has "
            "none: its hops are dated where the nearest site or polyhedron changes; leave hop_time "
            "out, or give assignment='core'"
        )


def check_core_radii(recorded: Any, assignment: str) -> tuple[float, ...]:
    """Further core radii; refuses what are none."""
    radii = tuple(
        number("recorded", r, "core radii in Angstrom above 0", above=0)
        for r in listed("recorded", recorded, "give radii in Angstrom, e.g. [0.5, 0.7]")
    )
    if radii and assignment == "polyhedron":
        raise InputError(
            "recorded=... are radii of cores, and assignment='polyhedron' has none; leave it out"
        )
    if len(radii) > MOST_RADII - 3:
        raise InputError(
            f"recorded holds {len(radii)} radii; at most {MOST_RADII - 3} can be recorded: give "
            "the most important ones"
        )
    return radii


def _check_supercell(supercell: Any) -> np.ndarray:
    given = [as_number(n) for n in supercell] if np.ndim(supercell) == 1 else []
    too_many = any(n > MOST_REPEATS for n in given) or ""
    if len(given) != 3 or not all(1 <= n <= MOST_REPEATS and n == int(n) for n in given):
        raise InputError(
            "supercell must be three whole numbers of 1 or more"
            f"{too_many and f' and at most {MOST_REPEATS}'}, got {shown(supercell)}"
        )
    return np.array(given).astype(int)
