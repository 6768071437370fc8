"""Coordination polyhedra of sites: which framework atoms make them, and who is inside.

The polyhedron of a site is the convex hull of the atoms that coordinate it in the mean structure;
its vertices are followed frame by frame, so that it breathes and tilts with the framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from ..errors import InputError
from ..kernels import kernel
from .nearest import box_of, images_near_cell, over_heights, sites_about, spacing, square_between

#: Coordination numbers that are looked for.
FEWEST, MOST = 4, 12
#: A vertex this close to the plane of a face lies in it, Angstrom.
_FLAT = 1e-9
#: A carrier is outside without a hull where it is farther than every vertex by this part.
_SURELY = 1e-6


@dataclass(frozen=True)
class Polyhedra:
    """Vertices of every site.

    Attributes
    ----------
    offsets : numpy.ndarray
        Shape (sites + 1,), int64: vertices offsets[s] : offsets[s + 1] belong to site s.
    atom : numpy.ndarray
        Shape (vertices,), int64: number of the atom among those offered as vertices.
    vector : numpy.ndarray
        Shape (vertices, 3): from the site to the vertex in the mean structure, fractional.
    closed : numpy.ndarray
        Shape (sites,), bool: whether the vertices enclose the site. Where they do not, the site
        has no polyhedron, and its centre moves with them.
    mean : numpy.ndarray
        Shape (atoms, 3): mean positions of the atoms offered, fractional.
    numbers : dict of str to int
        Coordination number by label.
    """

    offsets: np.ndarray
    atom: np.ndarray
    vector: np.ndarray
    closed: np.ndarray
    mean: np.ndarray
    numbers: dict[str, int]


@kernel
def hull_planes(vertex, planes):  # type: ignore[no-untyped-def]
    """Faces of the convex hull of a few points, from all triples.

    vertex (n, 3). Fills planes (n (n - 1) (n - 2) / 6 or more, 4) with unit normals that point out
    and the offset d of n . x = d; a face of more than three points appears more than once. Returns
    the number of planes, 0 for points in one plane. Cost: n**4, for the few vertices of a site.
    """
    n = vertex.shape[0]
    found = 0
    flat = True
    normal = np.empty(3)
    for i in range(n):
        for j in range(i + 1, n):
            for k in range(j + 1, n):
                for x in range(3):
                    y, z = (x + 1) % 3, (x + 2) % 3
                    normal[x] = (vertex[j, y] - vertex[i, y]) * (vertex[k, z] - vertex[i, z]) - (
                        vertex[j, z] - vertex[i, z]
                    ) * (vertex[k, y] - vertex[i, y])
                length = np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
                if length < _FLAT:  # three points in a row
                    continue
                d = 0.0
                for x in range(3):
                    normal[x] /= length
                    d += normal[x] * vertex[i, x]
                above = below = False
                for m in range(n):
                    side = -d
                    for x in range(3):
                        side += normal[x] * vertex[m, x]
                    above |= side > _FLAT
                    below |= side < -_FLAT
                flat &= not (above or below)
                if above and below:
                    continue
                sign = -1.0 if above else 1.0
                for x in range(3):
                    planes[found, x] = sign * normal[x]
                planes[found, 3] = sign * d
                found += 1
    return 0 if flat else found


@kernel
def polyhedron_site(  # type: ignore[no-untyped-def]
    centres, sites, boxes, start, order, guess, moved, cell, offsets, atom, vector, closed, site,
    inside,
):  # fmt: skip
    """Site whose polyhedron holds each carrier.

    centres (carriers, 3), sites (sites, 3) fractional, any image; boxes to guess: the sites in
    boxes, as in `SiteGrid`; moved (atoms, 3) fractional displacements of the vertex atoms from
    their mean; cell (3, 3); offsets, atom, vector, closed as in `Polyhedra`. The centre of a site
    moves with the mean of its vertices. Fills site (carriers,) int32 and inside (carriers,) bool:
    the polyhedron that holds the carrier, of several the one with the nearest centre; else the
    nearest centre, and inside only if that site has no polyhedron, so that its Voronoi cell stands
    for it; of centres as near as each other that of the lowest number. Returns the numbers of
    carriers in none and in several. Exact while polyhedra reach less far than half the shortest
    cell height.

    Cost: linear in vertices, carriers and sites about them, and one hull for each site with a
    carrier near it.
    """
    n_sites = sites.shape[0]
    n_vertices = vector.shape[0]
    centre = np.empty((n_sites, 3))
    reach = np.zeros(n_sites)
    farthest = 0.0  # of the vertices of all polyhedra, squared
    strayed = np.zeros(3)  # how far centres are from where the boxes have them, fractional
    place = np.empty((n_vertices, 3))
    room = np.zeros(n_sites + 1, dtype=np.int64)
    for s in range(n_sites):
        n = offsets[s + 1] - offsets[s]
        room[s + 1] = room[s] + (n * (n - 1) * (n - 2) // 6 if closed[s] else 0)
        for x in range(3):
            shift = 0.0
            for v in range(offsets[s], offsets[s + 1]):
                shift += moved[atom[v], x] / n
            centre[s, x] = sites[s, x] + shift
            strayed[x] = max(strayed[x], abs(shift))
            for v in range(offsets[s], offsets[s + 1]):
                vector_now = vector[v, x] + moved[atom[v], x] - shift
                for k in range(3):
                    place[v, k] = (0.0 if x == 0 else place[v, k]) + vector_now * cell[x, k]
        for v in range(offsets[s], offsets[s + 1]):
            r2 = place[v, 0] ** 2 + place[v, 1] ** 2 + place[v, 2] ** 2
            reach[s] = max(reach[s], r2)
        farthest = max(farthest, reach[s] if closed[s] else 0.0)
    planes = np.empty((room[n_sites], 4))
    n_planes = np.full(n_sites, -1, dtype=np.int64)  # hulls are made when first asked for
    none = several = 0
    d = np.empty(3)
    over = over_heights(cell)
    found = np.empty(n_sites, dtype=np.int32)
    for c in range(centres.shape[0]):
        c0, c1, c2 = centres[c, 0], centres[c, 1], centres[c, 2]
        nearest = guess[box_of(c0, c1, c2, boxes)]
        best, best_inside = square_between(c0, c1, c2, centre, nearest, cell), np.inf
        far = np.sqrt(max(best, farthest))
        n_about = sites_about(
            c0, c1, c2, far * over[0] + strayed[0], far * over[1] + strayed[1],
            far * over[2] + strayed[2], boxes, start, order, found,
        )  # fmt: skip
        held = -1
        n_held = 0
        for near in range(n_about):
            s = found[near]
            for k in range(3):
                d[k] = 0.0
            for x in range(3):
                f = centres[c, x] - centre[s, x]
                f -= np.rint(f)
                for k in range(3):
                    d[k] += f * cell[x, k]
            r2 = d[0] ** 2 + d[1] ** 2 + d[2] ** 2
            if r2 < best or (r2 == best and s < nearest):
                best, nearest = r2, s
            if not closed[s] or r2 > reach[s]:
                continue
            # outside of any hull of vertices none of which is as far that way
            that_way = 0.0
            for v in range(offsets[s], offsets[s + 1]):
                along = place[v, 0] * d[0] + place[v, 1] * d[1] + place[v, 2] * d[2]
                that_way = max(that_way, along)
            if that_way < r2 * (1.0 - _SURELY):
                continue
            first = room[s]
            if n_planes[s] < 0:
                n_planes[s] = hull_planes(
                    place[offsets[s] : offsets[s + 1]], planes[first : room[s + 1]]
                )
            within = n_planes[s] > 0
            for p in range(first, first + n_planes[s]):
                side = planes[p, 0] * d[0] + planes[p, 1] * d[1] + planes[p, 2] * d[2]
                if side > planes[p, 3]:
                    within = False
                    break
            if within:
                n_held += 1
                if r2 < best_inside or (r2 == best_inside and s < held):
                    best_inside, held = r2, s
        if n_held > 0:
            site[c], inside[c] = held, True
            several += n_held > 1
        else:
            site[c], inside[c] = nearest, not closed[nearest]
            none += closed[nearest]
    return none, several


def find_polyhedra(
    sites: np.ndarray,
    labels: Sequence[str],
    atoms: np.ndarray,
    cell: np.ndarray,
    wanted: int | Mapping[str, int] | None,
) -> Polyhedra:
    """Coordinating atoms of every site in the mean structure.

    Without a number given, sites of one label are coordinated by the n nearest atoms, n from 4 to
    12, after which the distances jump most: the sum over these sites of ln(d[n + 1] / d[n]) is
    largest.

    Parameters
    ----------
    sites : numpy.ndarray
        Shape (sites, 3), fractional.
    labels : sequence of str
        One per site.
    atoms : numpy.ndarray
        Shape (atoms, 3), fractional: mean positions of the atoms that may be vertices.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom, the shortest vectors of its lattice.
    wanted : int or mapping of str to int, optional
        Coordination number, or by label; 0 for sites without a polyhedron.

    Raises
    ------
    InputError
        If the number of vertices asked for does not enclose a site.
    """
    number, vectors = _nearest_atoms(sites, atoms, cell)
    length = np.linalg.norm(vectors @ cell, axis=-1)
    jump = np.log(length[:, FEWEST:] / length[:, FEWEST - 1 : -1])
    kinds = np.asarray(labels)
    asked = dict.fromkeys(labels, wanted) if not isinstance(wanted, Mapping) else dict(wanted)
    size = np.empty(len(sites), dtype=np.int64)
    closed = np.zeros(len(sites), dtype=bool)
    numbers: dict[str, int] = {}
    for label in dict.fromkeys(labels):
        mine = np.flatnonzero(kinds == label)
        given = asked.get(label)
        found = FEWEST + int(np.argmax(jump[mine].sum(axis=0)))
        size[mine] = given or found
        if given == 0:
            numbers[label] = 0
            continue
        numbers[label] = int(size[mine[0]])
        for s in mine.tolist():
            closed[s] = _encloses(vectors[s, : size[s]] @ cell)
            if given and not closed[s]:
                far = length[s, given - 1]
                raise InputError(
                    f"the {given} nearest vertices of site {s} ({label}), up to {far:.2f} A away, "
                    "do not enclose it: give another coordination for this label, 0 for its "
                    "Voronoi cell, or other vertices"
                )
    keep = np.arange(MOST + 1)[None] < size[:, None]
    return Polyhedra(
        offsets=np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
        atom=number[keep],
        vector=vectors[keep],
        closed=closed,
        mean=atoms,
        numbers=numbers,
    )


def _nearest_atoms(
    sites: np.ndarray, atoms: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The `MOST` + 1 nearest images of atoms of every site, nearest first.

    Returns their numbers (sites, n) and the fractional vectors to them (sites, n, 3).
    """
    inside = sites - np.floor(sites)
    reach = 3 * spacing(len(atoms), cell)
    while True:
        images, atom_of = images_near_cell(atoms, cell, reach)
        if len(images) > MOST:
            length, nearest = cKDTree(images @ cell).query(inside @ cell, MOST + 1)
            if length[:, -1].max() <= reach:
                return atom_of[nearest], images[nearest] - inside[:, None]
        reach *= 1.5  # nearer ones may be missing


def _encloses(vertices: np.ndarray) -> bool:
    """Whether the origin lies inside the hull of vertices (n, 3), not on its surface."""
    n = len(vertices)
    planes = np.empty((n * (n - 1) * (n - 2) // 6, 4))
    found = hull_planes(vertices, planes)
    return bool(found > 0 and planes[:found, 3].min() > 1e-3)


def check_coordination(coordination: Any, labels: Sequence[str]) -> None:
    """Refuse coordination numbers that are none, or of labels that no site has."""
    given = coordination if isinstance(coordination, Mapping) else {"": coordination}
    for label, n in given.items():
        whole = isinstance(n, (int, np.integer)) and not isinstance(n, bool)
        if not whole or not (n == 0 or FEWEST <= n <= MOST):
            where = f"[{label!r}]" if label else ""
            raise InputError(
                f"coordination{where} must be a whole number from {FEWEST} to {MOST}, or 0 for the "
                f"Voronoi cell, got {n!r}"
            )
    unknown = [label for label in given if label and labels and label not in labels]
    if unknown:
        raise InputError(
            f"coordination is given for {unknown}, the sites are {sorted(set(labels))}"
        )
