"""Coordination shells by the convex hull of the nearest ligands, for glasses.

A shell grows ligand by ligand as long as it is a convex polyhedron without other atoms inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from ..lib.checks import as_number, number, shown
from ..lib.errors import InputError
from ..lib.frozen import frozen
from ..lib.topology import check_apart, check_atom_group
from .contacts import Contacts, FrameGeometry
from .detector import Detector
from .neighbour_search import contact_pairs, pairs_with

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup

#: Seeds no thicker than this are coplanar, Angstrom.
FLAT = 1e-3
#: Decimals to which distances are compared, Angstrom, so that rounding does not order equal ones.
TIE = 6
#: Number of ligands of the first polyhedron.
SEEDS = 4


@frozen
class HullShell(Detector):
    """First coordination shell by the convex hull of the ligands; no cutoff to choose.

    Ligands within `search` are sorted by distance and the nearest four seed the shell. The next
    one joins while

    1. it and all earlier ones are vertices of their convex hull,
    2. the non-ligand atom nearest to the carrier lies outside this hull, and
    3. its distance is below `ratio` times that of the nearest ligand;

    the first failure ends the shell. Where fewer than four ligands or no non-ligand atom lie within
    `search`, or the seeds are coplanar, a cutoff is used instead; these cases are counted, see
    `tally_names`.

    Cost: two neighbour searches per frame (ligands, non-ligand atoms), then one to three convex
    hulls (Qhull) per carrier that has a fifth ligand below `ratio`, some 0.1 ms each.

    Parameters
    ----------
    host : AtomGroup, optional
        Atoms that count as non-ligand, in addition to the other carriers of the species. Default:
        all atoms of the universe that are no ligands. Give only those that bound the shells (the
        glass formers, cations of other species) to save time.
    search : float
        Radius within which ligands and non-ligand atoms are searched for, Angstrom; the shortest
        height of the cell must be more than twice this.
    ratio : float
        Largest ratio of a ligand's distance to that of the nearest ligand.
    fallback : float or mapping of ligand type to float, optional
        The cutoff where the rule does not apply, Angstrom, at most `search`. Default: `ratio` times
        the distance of the carrier's nearest ligand.
    persistence : float, optional
        Ignore a change of a contact that reverts within this time, ps.
    **ligands : AtomGroup
        Ligand atoms by type, e.g. ``sulfur=...``.

    Raises
    ------
    InputError
        For lengths that are not positive, a fallback beyond `search` or for an unknown ligand
        type, or a host that holds ligands or is of another universe.

    Notes
    -----
    The criterion is named by Jun et al., arXiv:2602.16636 (2026); the rule is that of the HiTPoly
    code of the same group, with condition 2 geometrical: outside means beyond a face. Counting
    vertices with and without the atom is equivalent unless exactly one ligand is behind the atom.
    Each condition, once violated, stays violated as a shell grows, so the largest shell is found by
    bisection. Ligands at equal distance are ordered by atom index.
    """

    tally_names = (
        "fallback_fewer_than_four_ligands",
        "fallback_no_atom_beside_ligands",
        "fallback_coplanar_ligands",
    )

    def __init__(
        self,
        *,
        host: AtomGroup | None = None,
        search: float = 6.0,
        ratio: float = 1.75,
        fallback: float | Mapping[str, float] | None = None,
        persistence: float | None = None,
        **ligands: AtomGroup,
    ) -> None:
        super().__init__(persistence=persistence, **ligands)
        self.search = _length(search, "search")
        self.ratio = number("ratio", ratio, "a number above 1, e.g. 1.75", above=1)
        self.host = host
        if host is not None:
            check_atom_group(host, "host")
            for kind, atoms in self.ligands.items():
                if atoms.universe is not host.universe:
                    raise InputError(
                        f"host and ligand type {kind!r} are atoms of different universes; select "
                        "all groups from one universe"
                    )
                check_apart(
                    {"host": host, f"ligand type {kind!r}": atoms},
                    "a ligand is not part of the host",
                )
        self.fallback = self._radii(fallback)

    def _radii(self, fallback: Any) -> dict[str, float] | None:
        if fallback is None:
            return None
        if not isinstance(fallback, Mapping):
            fallback = dict.fromkeys(self.ligand_types, fallback)
        if set(fallback) != set(self.ligands):
            raise InputError(
                f"fallback is given for {sorted(fallback)}, the ligand types are "
                f"{list(self.ligand_types)}; give one radius in Angstrom, or one for each type"
            )
        radii = {
            kind: _length(fallback[kind], f"fallback of {kind!r}") for kind in self.ligand_types
        }
        for kind, radius in radii.items():
            if radius > self.search:
                raise InputError(
                    f"fallback of {kind!r} is {radius:g} Å, beyond search = {self.search:g} Å; "
                    "raise search or lower fallback"
                )
        return radii

    @property
    def reach(self) -> float:
        """Radius within which ligands are searched for, Angstrom."""
        return self.search

    def other_atoms(self, carriers: AtomGroup) -> np.ndarray:
        """Atoms that count as non-ligand; those of the carrier itself are left out later.

        See `Detector.other_atoms`.
        """
        wanted = np.zeros(carriers.universe.atoms.n_atoms, dtype=bool)
        wanted[(carriers.universe.atoms if self.host is None else self.host).ix] = True
        wanted[carriers.ix] = True
        for atoms in self.ligands.values():
            wanted[atoms.ix] = False
        return np.flatnonzero(wanted)

    def contacts(self, frame: FrameGeometry) -> Contacts:
        """Members of the shells of one frame, and how many needed the fallback, and why.

        See `Detector.contacts`.
        """
        n = len(frame.centres)
        carrier, ligand, distance = contact_pairs(frame, np.full(len(self.ligands), self.search))
        distance = np.round(distance, TIE)
        order = np.lexsort((ligand, distance, carrier))
        carrier, ligand, distance = carrier[order], ligand[order], distance[order]
        start = np.searchsorted(carrier, np.arange(n + 1))
        place = _vectors(frame, frame.ligands[ligand], carrier)
        foreign = self._nearest_others(frame)
        counts = np.diff(start)
        few, lone = counts < SEEDS, np.isnan(foreign[:, 0])
        thick = np.zeros(n)
        whole = np.flatnonzero(~few)
        if len(whole):
            seeds = place[start[whole, None] + np.arange(SEEDS)]
            thick[whole] = np.linalg.svd(
                seeds - seeds.mean(axis=1, keepdims=True), compute_uv=False
            )[:, -1]
        flat = ~few & ~lone & (thick <= FLAT)
        keep = np.zeros(len(carrier), dtype=bool)
        for c in range(n):
            mine = slice(start[c], start[c + 1])
            size = 0
            if not (few[c] or lone[c] or flat[c]):
                try:
                    size = hull_size(place[mine], distance[mine], foreign[c], self.ratio)
                except QhullError:
                    flat[c] = True
            if size:
                keep[start[c] : start[c] + size] = True
            elif counts[c]:
                keep[mine] = distance[mine] <= self._cutoffs(
                    frame.ligand_kind[ligand[mine]], distance[start[c]]
                )
        carrier, ligand = carrier[keep], ligand[keep]
        order = np.lexsort((ligand, carrier))
        tally = int(few.sum()), int((lone & ~few).sum()), int(flat.sum())
        return Contacts(carrier[order], ligand[order], np.ones(len(order), dtype=bool), tally=tally)

    def _nearest_others(self, frame: FrameGeometry) -> np.ndarray:
        """Vector to the nearest non-ligand atom, shape (carriers, 3), NaN where none is near."""
        nearest = np.full((len(frame.centres), 3), np.nan)
        if len(frame.others) == 0:
            return nearest
        kind = np.zeros(len(frame.others), dtype=np.int64)
        carrier, other, distance = pairs_with(
            frame, frame.other_places, kind, frame.other_owner, np.array([self.search])
        )
        order = np.lexsort((other, np.round(distance, TIE), carrier))
        who, first = np.unique(carrier[order], return_index=True)
        nearest[who] = _vectors(frame, frame.others[other[order][first]], who)
        return nearest

    def _cutoffs(self, kind: np.ndarray, nearest: float) -> np.ndarray:
        if self.fallback is None:
            return np.full(len(kind), self.ratio * nearest)
        return np.array([self.fallback[t] for t in self.ligand_types])[kind]

    def describe(self) -> dict[str, Any]:
        """The detector and its choices as plain values, for the settings."""
        return super().describe() | {
            "search_angstrom": self.search,
            "ratio": self.ratio,
            "fallback_angstrom": self.fallback,
            "host_atoms": None if self.host is None else self.host.n_atoms,
        }


def hull_size(place: np.ndarray, distance: np.ndarray, foreign: np.ndarray, ratio: float) -> int:
    """Number of ligands in a shell, by the rule of `HullShell`.

    Parameters
    ----------
    place : numpy.ndarray
        Shape (ligands, 3), Angstrom: ligands relative to the carrier, nearest first, 4 or more.
    distance : numpy.ndarray
        Shape (ligands,), Angstrom.
    foreign : numpy.ndarray
        Shape (3,), Angstrom: the nearest non-ligand atom.
    ratio : float
        Largest ratio of a ligand's distance to that of the nearest ligand.

    Raises
    ------
    scipy.spatial.QhullError
        If the ligands span no volume.
    """
    good, bad = SEEDS, max(int(np.searchsorted(distance, ratio * distance[0])), SEEDS) + 1
    size = bad - 1  # usually all ligands below the ratio belong, so they are tried first
    while bad - good > 1:
        hull = ConvexHull(place[:size])
        outside = (hull.equations[:, :3] @ foreign + hull.equations[:, 3]).max() > 0
        if outside and len(hull.vertices) == size:
            good = size
        else:
            bad = size
        size = (good + bad) // 2
    return good


def _vectors(frame: FrameGeometry, places: np.ndarray, carrier: np.ndarray) -> np.ndarray:
    """Vectors from carriers to the nearest images of positions, Angstrom."""
    step = places - frame.centres[carrier]
    return (step - np.rint(step)) @ frame.cell


def _length(value: Any, argument: str) -> float:
    found = as_number(value)
    if not found > 0:
        raise InputError(f"{argument} must be a length in Angstrom above 0, got {shown(value)}")
    return found
