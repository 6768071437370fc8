"""Coordination polyhedra of sites: their vertices, and the carriers inside them.

The polyhedron of a site is the convex hull of the atoms that coordinate it in the mean structure,
its vertices, at their positions in each frame: a carrier is inside if it is behind every face plane
of the hull.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from ...lib.checks import shown
from ...lib.errors import InputError
from ...lib.kernels import kernel
from .nearest_site import (
    box_of,
    images_near_cell,
    nearest_to_point,
    over_heights,
    sites_about,
    spacing,
)

#: Range of coordination numbers.
FEWEST, MOST = 4, 12
#: A vertex this close to the plane of a face lies in it, Angstrom.
_FLAT = 1e-9
#: A site is enclosed if it is farther than this from every face of its polyhedron, Angstrom.
_INSIDE = 1e-3


@dataclass(frozen=True)
class Polyhedra:
    """Vertices of every site.

    Attributes
    ----------
    offsets : numpy.ndarray
        Shape (sites + 1,), int64: vertices offsets[s] : offsets[s + 1] belong to site s.
    atom : numpy.ndarray
        Shape (vertices,), int64: number of the atom among the possible vertices.
    vector : numpy.ndarray
        Shape (vertices, 3): from the site to the vertex in the mean structure, fractional.
    closed : numpy.ndarray
        Shape (sites,), bool: whether the vertices enclose the site. Where they do not, the site
        has no polyhedron, and its centre moves with them.
    mean : numpy.ndarray
        Shape (atoms, 3): mean positions of the possible vertices, fractional.
    numbers : dict of str to int
        Coordination number by label.
    """

    offsets: np.ndarray
    atom: np.ndarray
    vector: np.ndarray
    closed: np.ndarray
    mean: np.ndarray
    numbers: dict[str, int]

    @property
    def vertices(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Offsets, atom, vector and closed, as arguments of kernels."""
        return self.offsets, self.atom, self.vector, self.closed


@kernel
def n_triples(n):  # type: ignore[no-untyped-def]
    """Number of triples of n points."""
    return n * (n - 1) * (n - 2) // 6


@kernel
def hull_planes(vertex, planes):  # type: ignore[no-untyped-def]
    """Face planes of the convex hull of a few points, from all triples.

    vertex (n, 3). Fills planes (triples or more, 4) with unit normals that point out and the offset
    d of n . x = d; a face of more than three points appears more than once. Returns the number of
    planes, 0 for points in one plane. Cost: n**4, for the few vertices of a site.
    """
    n = vertex.shape[0]
    found = 0
    flat = True
    for i in range(n):
        p0, p1, p2 = vertex[i, 0], vertex[i, 1], vertex[i, 2]
        for j in range(i + 1, n):
            u0, u1, u2 = vertex[j, 0] - p0, vertex[j, 1] - p1, vertex[j, 2] - p2
            for k in range(j + 1, n):
                w0, w1, w2 = vertex[k, 0] - p0, vertex[k, 1] - p1, vertex[k, 2] - p2
                n0, n1, n2 = u1 * w2 - u2 * w1, u2 * w0 - u0 * w2, u0 * w1 - u1 * w0
                length = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
                if length < _FLAT:  # three points in a row
                    continue
                n0, n1, n2 = n0 / length, n1 / length, n2 / length
                d = n0 * p0 + n1 * p1 + n2 * p2
                above = below = False
                for m in range(n):
                    side = n0 * vertex[m, 0] + n1 * vertex[m, 1] + n2 * vertex[m, 2] - d
                    above |= side > _FLAT
                    below |= side < -_FLAT
                    if above and below:
                        break
                flat &= not (above or below)
                if above and below:
                    continue
                sign = -1.0 if above else 1.0
                planes[found, 0], planes[found, 1] = sign * n0, sign * n1
                planes[found, 2], planes[found, 3] = sign * n2, sign * d
                found += 1
    return 0 if flat else found


@kernel
def enclosed(vertices):  # type: ignore[no-untyped-def]
    """Whether the origin is inside the hull of each set of vertices (sets, n, 3), Angstrom, by more
    than `_INSIDE`; bool (sets,)."""
    out = np.empty(vertices.shape[0], dtype=np.bool_)
    planes = np.empty((n_triples(vertices.shape[1]), 4))
    for s in range(vertices.shape[0]):
        found = hull_planes(vertices[s], planes)
        out[s] = found > 0
        for p in range(found):
            out[s] &= planes[p, 3] > _INSIDE
    return out


@kernel
def place_polyhedra(sites, moved, cell, vertices, centre, vertex, reach2):  # type: ignore[no-untyped-def]
    """Positions of sites and their vertices in a frame.

    sites to vertices: as in `polyhedron_site`. Fills centre (sites, 3), fractional: a site moves
    with the mean of its vertices; vertex (vertices, 3), Angstrom, from that centre; reach2
    (sites,), Angstrom squared: distance of the farthest vertex, -1 for a site without a polyhedron.
    """
    offsets, atom, vector, closed = vertices
    for s in range(sites.shape[0]):
        first, end = offsets[s], offsets[s + 1]
        n = end - first
        shift0 = shift1 = shift2 = 0.0
        for v in range(first, end):
            a = atom[v]
            shift0 += moved[a, 0] / n
            shift1 += moved[a, 1] / n
            shift2 += moved[a, 2] / n
        centre[s, 0], centre[s, 1] = sites[s, 0] + shift0, sites[s, 1] + shift1
        centre[s, 2] = sites[s, 2] + shift2
        reach2[s] = -1.0
        for v in range(first, end if closed[s] else first):
            a = atom[v]
            f0 = vector[v, 0] + moved[a, 0] - shift0
            f1 = vector[v, 1] + moved[a, 1] - shift1
            f2 = vector[v, 2] + moved[a, 2] - shift2
            square = 0.0
            for k in range(3):
                vertex[v, k] = f0 * cell[0, k] + f1 * cell[1, k] + f2 * cell[2, k]
                square += vertex[v, k] * vertex[v, k]
            reach2[s] = max(reach2[s], square)


@kernel
def polyhedron_site(centres, sites, boxed, guess, moved, cell, vertices, site, inside):  # type: ignore[no-untyped-def]
    """Site whose polyhedron contains each carrier.

    centres (carriers, 3), sites (sites, 3): fractional, any image; boxed, guess: as in `SiteGrid`;
    moved (atoms, 3): fractional displacements of the vertex atoms from their mean; cell (3, 3),
    Angstrom; vertices: `Polyhedra.vertices`. The centre of a site moves with the mean of its
    vertices. Fills site (carriers,) int32 and inside (carriers,) bool: the polyhedron that holds
    the carrier, of several the one with the nearest centre; else the nearest centre, and inside
    only if that site has no polyhedron, so that its Voronoi cell stands for it; of centres as near
    as each other that of the lowest number. Returns the numbers of carriers in none and in several.
    Exact while polyhedra reach less far than half the shortest cell height.

    Cost: linear in carriers and vertices. The hull of a site, n**4 operations for n vertices, is
    made once in a frame, if a carrier is nearer to the site than its farthest vertex.
    """
    offsets, closed = vertices[0], vertices[3]
    n_sites = sites.shape[0]
    centre, vertex = np.empty((n_sites, 3)), np.empty((offsets[n_sites], 3))
    reach2 = np.empty(n_sites)
    place_polyhedra(sites, moved, cell, vertices, centre, vertex, reach2)
    over = over_heights(cell)
    # boxes hold the mean positions of sites; this is the largest distance from them
    margin, farthest2, room = np.zeros(3), 0.0, 0
    for s in range(n_sites):
        for k in range(3):
            margin[k] = max(margin[k], abs(centre[s, k] - sites[s, k]))
        farthest2 = max(farthest2, reach2[s])
        room += n_triples(offsets[s + 1] - offsets[s])
    look = np.sqrt(farthest2) * over + margin
    planes, n_known = np.empty((room, 4)), 0
    first_plane, n_planes = np.full(n_sites, -1, dtype=np.int64), np.empty(n_sites, dtype=np.int64)
    found = np.empty(n_sites, dtype=np.int32)
    none = several = 0
    for c in range(centres.shape[0]):
        c0, c1, c2 = centres[c, 0], centres[c, 1], centres[c, 2]
        held, n_held, best = -1, 0, np.inf
        for m in range(sites_about(c0, c1, c2, look[0], look[1], look[2], boxed, found)):
            s = int(found[m])
            f0, f1, f2 = c0 - centre[s, 0], c1 - centre[s, 1], c2 - centre[s, 2]
            f0, f1, f2 = f0 - np.rint(f0), f1 - np.rint(f1), f2 - np.rint(f2)
            x = f0 * cell[0, 0] + f1 * cell[1, 0] + f2 * cell[2, 0]
            y = f0 * cell[0, 1] + f1 * cell[1, 1] + f2 * cell[2, 1]
            z = f0 * cell[0, 2] + f1 * cell[1, 2] + f2 * cell[2, 2]
            r2 = x * x + y * y + z * z
            if r2 > reach2[s]:
                continue
            if first_plane[s] < 0:
                first_plane[s] = n_known
                n_planes[s] = hull_planes(vertex[offsets[s] : offsets[s + 1]], planes[n_known:])
                n_known += n_planes[s]
            holds = n_planes[s] > 0
            for p in range(first_plane[s], first_plane[s] + n_planes[s]):
                side = planes[p, 0] * x + planes[p, 1] * y + planes[p, 2] * z
                if side > planes[p, 3]:
                    holds = False
                    break
            if holds:
                n_held += 1
                if r2 < best or (r2 == best and s < held):
                    best, held = r2, s
        several += n_held > 1
        site[c], inside[c] = held, n_held > 0
        if n_held == 0:
            near = guess[box_of(c0, c1, c2, boxed[0])]
            s, _ = nearest_to_point(c0, c1, c2, near, centre, boxed, cell, over, margin, found)
            site[c], inside[c] = s, not closed[s]
            none += closed[s]
    return none, several


def find_polyhedra(
    sites: np.ndarray,
    labels: Sequence[str],
    atoms: np.ndarray,
    cell: np.ndarray,
    wanted: int | Mapping[str, int] | None,
) -> Polyhedra:
    """Coordinating atoms of every site in the mean structure.

    Unless a number is given, sites of one label are coordinated by the n nearest atoms, n from 4 to
    12, with the largest gap in distance after them: the sum over these sites of ln(d[n + 1] / d[n])
    is largest.

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
        If the requested number of vertices does not enclose a site.
    """
    number, vectors = nearest_atoms(sites, atoms, cell)
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
        closed[mine] = enclosed(vectors[mine, : size[mine[0]]] @ cell)
        if given and not closed[mine].all():
            s = int(mine[~closed[mine]][0])
            raise InputError(
                f"the {given} nearest vertices of site {s} ({label}), up to "
                f"{length[s, given - 1]:.2f} Å away, do not enclose it: give another coordination "
                "for this label, 0 for its Voronoi cell, or other vertices"
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


def nearest_atoms(
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


def check_coordination(coordination: Any, labels: Sequence[str]) -> None:
    """Refuse invalid coordination numbers, and labels that no site has."""
    given = coordination if isinstance(coordination, Mapping) else {"": coordination}
    for label, n in given.items():
        whole = isinstance(n, (int, np.integer)) and not isinstance(n, bool)
        if not whole or not (n == 0 or FEWEST <= n <= MOST):
            where = f"[{label!r}]" if label else ""
            raise InputError(
                f"coordination{where} must be a whole number from {FEWEST} to {MOST}, or 0 for the "
                f"Voronoi cell, got {shown(n)}"
            )
    unknown = [label for label in given if label and labels and label not in labels]
    if unknown:
        raise InputError(
            f"coordination is given for {unknown}, the sites are {sorted(set(labels))}"
        )
