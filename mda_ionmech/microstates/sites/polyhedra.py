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

from ...lib.errors import InputError
from ...lib.kernels import kernel, longer
from .nearest_site import (
    ROUNDED,
    SiteGrid,
    box_of,
    images_near_cell,
    over_heights,
    sites_about,
    spacing,
    span,
    square_between,
)

#: Coordination numbers that are looked for.
FEWEST, MOST = 4, 12
#: A vertex this close to the plane of a face lies in it, Angstrom.
_FLAT = 1e-9
#: Triples of the most vertices a site has.
_TRIPLES = MOST * (MOST - 1) * (MOST - 2) // 6
#: Faces of the mean structure decide on carriers that are farther from them than this, Angstrom:
#: far above what `_FLAT` and rounding can change.
_MARGIN = 1e-4
#: Vertices are stirred by this much, Angstrom, to cut flat faces into triangles.
_STIRRED = 1e-3
#: Vertices may be this many times farther from their mean than in the sampled frames, and so much
#: more, Angstrom, before their site is looked for in another way.
_MORE_THAN_SEEN, _LEAST_SLACK = 1.25, 0.05
#: Part of its radius that a polyhedron's vertices may be from their mean before that.
_MOST_SLACK = 0.4
#: Images of an atom that are nearer to each other are one, squared Angstrom.
_SAME = 1e-6
#: Planes that are tried between two polyhedra.
_ATTEMPTS = 30
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
    face_offsets : numpy.ndarray
        Shape (sites + 1,), int64: faces face_offsets[s] : face_offsets[s + 1] belong to site s.
    face : numpy.ndarray
        Shape (faces, 3), int32: vertices of each face of the mean structure among those of its
        site, anticlockwise from outside. Faces of more than three are cut into triangles.
    """

    offsets: np.ndarray
    atom: np.ndarray
    vector: np.ndarray
    closed: np.ndarray
    mean: np.ndarray
    numbers: dict[str, int]
    face_offsets: np.ndarray
    face: np.ndarray


@dataclass(frozen=True)
class PolyhedronBoxes:
    """Which polyhedra may reach into each box of a grid while their vertices vibrate.

    Attributes
    ----------
    start : numpy.ndarray
        Shape (all boxes + 1,), int64: those of box b are site[start[b] : start[b + 1]].
    site : numpy.ndarray
        Shape (entries,), int32; those that the middle of the box is deepest in come first.
    rival_offsets, rival, until : numpy.ndarray
        Shapes (sites + 1,), int64, (rivals,), int32, and (rivals,), Angstrom: sites
        rival[rival_offsets[s] : rival_offsets[s + 1]] may have polyhedra that overlap that of site
        s; others have not while vertices keep to slack, nor have these while no vertex of both is
        farther from its mean than until, which ascends for each site.
    slack : numpy.ndarray
        Shape (sites,), Angstrom: how far from its mean place a vertex may be. In frames where one
        is farther, the site is looked for by its vertices of that frame.
    vertex : numpy.ndarray
        Shape (vertices, 3), Angstrom: from the site to each vertex in the mean structure.
    radius : numpy.ndarray
        Shape (sites,), Angstrom: distance of the farthest of these.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the one these are measured in.
    """

    start: np.ndarray
    site: np.ndarray
    rival_offsets: np.ndarray
    rival: np.ndarray
    until: np.ndarray
    slack: np.ndarray
    vertex: np.ndarray
    radius: np.ndarray
    cell: np.ndarray

    @classmethod
    def of(
        cls, shape: Polyhedra, grid: SiteGrid, sites: np.ndarray, moved: np.ndarray
    ) -> PolyhedronBoxes:
        """Boxes of polyhedra; what is found with them does not depend on the frames given.

        Cost: linear in polyhedra and the boxes each reaches into.

        Parameters
        ----------
        shape : Polyhedra
        grid : SiteGrid
            Of the sites; its cell is the one that distances are measured in.
        sites : numpy.ndarray
            Shape (sites, 3), fractional.
        moved : numpy.ndarray
            Shape (frames, atoms, 3): fractional displacements of the atoms offered as vertices from
            their mean in some frames.
        """
        vertex = shape.vector @ grid.cell
        parts = shape.offsets[:-1]
        radius = np.maximum.reduceat(np.linalg.norm(vertex, axis=1), parts) + ROUNDED
        seen = np.linalg.norm(moved @ grid.cell, axis=-1).max(axis=0)
        seen = np.maximum.reduceat(seen[shape.atom], parts)
        slack = _MORE_THAN_SEEN * np.maximum(seen, seen.mean()) + _LEAST_SLACK
        slack = np.minimum(slack, _MOST_SLACK * radius)
        start, site = _sites_of_boxes(
            sites, grid.boxes, grid.cell, shape.offsets, shape.vector, vertex, shape.closed, slack
        )
        rival_offsets, rival, until = _rivals(
            sites, grid.boxes, grid.start, grid.order, grid.cell, shape.offsets, shape.atom,
            vertex, shape.closed, slack,
        )  # fmt: skip
        # less than what these were made for by more than rounding
        slack = slack - _LEAST_SLACK / 2
        until = until - _LEAST_SLACK / 2
        return cls(start, site, rival_offsets, rival, until, slack, vertex, radius, grid.cell)


@kernel
def hull_planes(vertex, planes, corners):  # type: ignore[no-untyped-def]
    """Faces of the convex hull of a few points, from all triples.

    vertex (n, 3). Fills planes (n (n - 1) (n - 2) / 6 or more, 4) with unit normals that point out
    and the offset d of n . x = d, and corners (as many, 3) with the three points, anticlockwise
    from outside; a face of more than three points appears more than once. Returns the number of
    planes, 0 for points in one plane. Cost: n**4, for the few vertices of a site.
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
                corners[found, 0] = i
                corners[found, 1], corners[found, 2] = (k, j) if above else (j, k)
                found += 1
    return 0 if flat else found


@kernel
def _surfaces(offsets, place, closed, stir):  # type: ignore[no-untyped-def]
    """Faces of the polyhedra in the mean structure, as closed surfaces of triangles.

    offsets, closed as in `Polyhedra`; place (vertices, 3) from the site, Angstrom; stir
    (`MOST`, 3) is added to the vertices of each site, so that no four lie in a plane. Returns
    offsets and faces as in `Polyhedra`; a site whose triangles do not close has none.
    """
    n_sites = offsets.shape[0] - 1
    start = np.zeros(n_sites + 1, dtype=np.int64)
    # a closed surface of triangles on n points has 2 n - 4
    face = np.empty((2 * place.shape[0], 3), dtype=np.int32)
    planes, corners = np.empty((_TRIPLES, 4)), np.empty((_TRIPLES, 3), dtype=np.int32)
    vertex = np.empty((MOST, 3))
    edges = np.empty((MOST, MOST), dtype=np.int64)
    for s in range(n_sites):
        start[s + 1] = start[s]
        n = offsets[s + 1] - offsets[s]
        if not closed[s]:
            continue
        for v in range(n):
            for k in range(3):
                vertex[v, k] = place[offsets[s] + v, k] + stir[v, k]
        found = hull_planes(vertex[:n], planes, corners)
        for i in range(n):
            for j in range(n):
                edges[i, j] = 0
        for f in range(found):
            for k in range(3):
                edges[corners[f, k], corners[f, (k + 1) % 3]] += 1
        whole = found > 0
        for i in range(n):
            for j in range(n):
                whole &= edges[i, j] == edges[j, i] and edges[i, j] <= 1
        if whole:
            for f in range(found):
                for k in range(3):
                    face[start[s] + f, k] = corners[f, k]
            start[s + 1] += found
    return start, face[: start[n_sites]].copy()


@kernel
def _shift(s, moved, offsets, atom, shift):  # type: ignore[no-untyped-def]
    """Fill shift (3,) with how far the vertices of a site have moved in the mean, fractional."""
    first, end = offsets[s], offsets[s + 1]
    n = end - first
    shift0 = shift1 = shift2 = 0.0
    for v in range(first, end):
        a = atom[v]
        shift0 += moved[a, 0] / n
        shift1 += moved[a, 1] / n
        shift2 += moved[a, 2] / n
    shift[0], shift[1], shift[2] = shift0, shift1, shift2


@kernel
def _side_of_surface(x0, x1, x2, vertex, n, face, begin, end):  # type: ignore[no-untyped-def]
    """Where a point is: 1 inside the hull of vertex[:n], -1 outside, 0 not known.

    face[begin:end] are triangles of a closed surface on these vertices, anticlockwise from outside
    in the mean structure; in a frame it need be neither convex nor without crossings. A point on
    the inner side of all its triangles is one it winds around, hence in the hull; one beyond a
    triangle, and beyond all vertices along its normal, is outside. Of points nearer than `_MARGIN`
    to such a plane nothing is said.
    """
    known = 1 if end > begin else 0
    for f in range(begin, end):
        i, j, k = face[f, 0], face[f, 1], face[f, 2]
        p0, p1, p2 = vertex[i, 0], vertex[i, 1], vertex[i, 2]
        u0, u1, u2 = vertex[j, 0] - p0, vertex[j, 1] - p1, vertex[j, 2] - p2
        w0, w1, w2 = vertex[k, 0] - p0, vertex[k, 1] - p1, vertex[k, 2] - p2
        n0, n1, n2 = u1 * w2 - u2 * w1, u2 * w0 - u0 * w2, u0 * w1 - u1 * w0
        depth = n0 * (p0 - x0) + n1 * (p1 - x1) + n2 * (p2 - x2)
        least = _MARGIN * _MARGIN * (n0 * n0 + n1 * n1 + n2 * n2)
        if depth * depth > least:
            if depth > 0.0:
                continue
            least = -np.sqrt(least)
            beyond = True
            for v in range(n):
                along = (
                    n0 * (vertex[v, 0] - x0) + n1 * (vertex[v, 1] - x1) + n2 * (vertex[v, 2] - x2)
                )
                beyond &= along < least
            if beyond:
                return -1
        known = 0
    return known


@kernel
def _from_centre(  # type: ignore[no-untyped-def]
    x0, x1, x2, s, sites, moved, cell, offsets, atom, shift, apart
):
    """Fill apart (3,), Angstrom, with where a point is from the centre of a site in a frame, and
    shift as `_shift`; returns the squared distance."""
    _shift(s, moved, offsets, atom, shift)
    f0 = x0 - (sites[s, 0] + shift[0])
    f1 = x1 - (sites[s, 1] + shift[1])
    f2 = x2 - (sites[s, 2] + shift[2])
    f0, f1, f2 = f0 - np.rint(f0), f1 - np.rint(f1), f2 - np.rint(f2)
    r2 = 0.0
    for k in range(3):
        apart[k] = f0 * cell[0, k] + f1 * cell[1, k] + f2 * cell[2, k]
        r2 += apart[k] * apart[k]
    return r2


@kernel
def _in_hull(  # type: ignore[no-untyped-def]
    x0, x1, x2, s, sites, moved, cell, offsets, atom, vector, shift, apart, vertex, planes, corners
):
    """Whether a point is in the convex hull of the vertices of a site in a frame.

    shift to corners: room, as `_from_centre` and `hull_planes` fill it; vertex (`MOST`, 3).
    """
    r2 = _from_centre(x0, x1, x2, s, sites, moved, cell, offsets, atom, shift, apart)
    n = offsets[s + 1] - offsets[s]
    # outside of any hull of vertices none of which is as far, or as far that way
    that_way = farthest = 0.0
    for v in range(n):
        a, w = atom[offsets[s] + v], offsets[s] + v
        f0 = vector[w, 0] + moved[a, 0] - shift[0]
        f1 = vector[w, 1] + moved[a, 1] - shift[1]
        f2 = vector[w, 2] + moved[a, 2] - shift[2]
        along = square = 0.0
        for k in range(3):
            vertex[v, k] = f0 * cell[0, k] + f1 * cell[1, k] + f2 * cell[2, k]
            along += vertex[v, k] * apart[k]
            square += vertex[v, k] * vertex[v, k]
        that_way, farthest = max(that_way, along), max(farthest, square)
    if r2 > farthest or that_way < r2 * (1.0 - _SURELY):
        return False
    n_planes = hull_planes(vertex[:n], planes, corners)
    for p in range(n_planes):
        side = planes[p, 0] * apart[0] + planes[p, 1] * apart[1] + planes[p, 2] * apart[2]
        if side > planes[p, 3]:
            return False
    return n_planes > 0


@kernel
def polyhedron_site(  # type: ignore[no-untyped-def]
    centres, sites, boxes, start, order, guess, moved, cell, offsets, atom, vector, closed,
    face_offsets, face, box_start, box_site, rival_start, rival, rival_until, slack, mean_vertex,
    radius, mean_cell, site, inside,
):  # fmt: skip
    """Site whose polyhedron holds each carrier.

    centres (carriers, 3), sites (sites, 3) fractional, any image; boxes to guess: the sites in
    boxes, as in `SiteGrid`; moved (atoms, 3) fractional displacements of the vertex atoms from
    their mean; cell (3, 3); offsets to face as in `Polyhedra`; box_start to mean_cell as in
    `PolyhedronBoxes`. The centre of a site moves with the mean of its vertices. Fills site
    (carriers,) int32 and inside (carriers,) bool: the polyhedron that holds the carrier, of several
    the one with the nearest centre; else the nearest centre, and inside only if that site has no
    polyhedron, so that its Voronoi cell stands for it; of centres as near as each other that of the
    lowest number. Returns the numbers of carriers in none and in several. Exact while polyhedra
    reach less far than half the shortest cell height.

    What is in a hull does not depend on the cell in which fractions are drawn, so that of the mean
    structure serves, with points taken about the mean place of the site.

    Cost: linear in vertices, one comparison each, and in carriers; a carrier looks at the polyhedra
    that may reach into its box until one surely holds it, and then at those that may overlap that
    one. A hull, n**4 operations for n vertices, is made only where the faces of the mean structure
    do not decide.
    """
    n_sites, n_atoms = sites.shape[0], moved.shape[0]
    drawn = np.empty((n_atoms, 3))
    most = 0.0
    for a in range(n_atoms):
        for k in range(3):
            most = max(most, abs(moved[a, k]))
            drawn[a, k] = (
                moved[a, 0] * mean_cell[0, k]
                + moved[a, 1] * mean_cell[1, k]
                + moved[a, 2] * mean_cell[2, k]
            )
    # a point that is no farther than this along each vector is as near to the centre by this image
    near = 0.5 - ROUNDED - most
    far, stray, stray_start, stray_site = _stray_sites(
        sites, boxes, moved, drawn, offsets, atom, vector, closed, slack
    )
    farthest = far.max()
    any_stray = stray_start.shape[0] > 0
    over = over_heights(cell)
    c00, c01, c02 = mean_cell[0, 0], mean_cell[0, 1], mean_cell[0, 2]
    c10, c11, c12 = mean_cell[1, 0], mean_cell[1, 1], mean_cell[1, 2]
    c20, c21, c22 = mean_cell[2, 0], mean_cell[2, 1], mean_cell[2, 2]
    planes, corners = np.empty((_TRIPLES, 4)), np.empty((_TRIPLES, 3), dtype=np.int32)
    shift, apart, vertex = np.empty(3), np.empty(3), np.empty((MOST, 3))
    centre = np.empty((0, 3))  # all are moved when first asked for
    strayed = np.zeros(3)  # how far they are from where the boxes have them, fractional
    found = np.empty(n_sites, dtype=np.int32)
    none = several = 0
    for c in range(centres.shape[0]):
        x0, x1, x2 = centres[c, 0], centres[c, 1], centres[c, 2]
        b = box_of(x0, x1, x2, boxes)
        held = np.int64(-1)
        n_held = 0
        best = np.inf
        m, end = box_start[b], box_start[b + 1]
        stray_here = any_stray and stray_start[b] < stray_start[b + 1]
        stage = 0  # sites of the box, rivals of the one that surely holds the carrier, strays
        sure = -1
        while True:
            if m == end or (stage == 1 and rival_until[m] > farthest):
                if stage == 2 or not stray_here:
                    break
                stage = 2
                m, end = stray_start[b], stray_start[b + 1]
                continue
            s = np.int64(box_site[m] if stage == 0 else rival[m] if stage == 1 else stray_site[m])
            m += 1
            if any_stray and stage < 2 and stray[s]:
                continue
            if stage == 1 and rival_until[m - 1] > max(far[s], far[sure]):
                continue
            side = 0
            f0, f1, f2 = x0 - sites[s, 0], x1 - sites[s, 1], x2 - sites[s, 2]
            f0, f1, f2 = f0 - np.rint(f0), f1 - np.rint(f1), f2 - np.rint(f2)
            if max(abs(f0), abs(f1), abs(f2)) < near:
                d0 = f0 * c00 + f1 * c10 + f2 * c20
                d1 = f0 * c01 + f1 * c11 + f2 * c21
                d2 = f0 * c02 + f1 * c12 + f2 * c22
                if d0 * d0 + d1 * d1 + d2 * d2 > (radius[s] + far[s]) ** 2:
                    continue
                n = 0
                for v in range(offsets[s], offsets[s + 1]):
                    a = atom[v]
                    vertex[n, 0] = mean_vertex[v, 0] + drawn[a, 0]
                    vertex[n, 1] = mean_vertex[v, 1] + drawn[a, 1]
                    vertex[n, 2] = mean_vertex[v, 2] + drawn[a, 2]
                    n += 1
                side = _side_of_surface(
                    d0, d1, d2, vertex, n, face, face_offsets[s], face_offsets[s + 1]
                )
            if side == 0:
                holds = _in_hull(
                    x0, x1, x2, s, sites, moved, cell, offsets, atom, vector, shift, apart, vertex,
                    planes, corners,
                )  # fmt: skip
            else:
                holds = side > 0
            if not holds:
                continue
            n_held += 1
            if side > 0 and stage == 0 and n_held == 1:
                stage, sure = 1, int(s)
                m, end = rival_start[s], rival_start[s + 1]
                if not stray_here and (m == end or rival_until[m] > farthest):
                    held = s
                    break
            r2 = _from_centre(x0, x1, x2, s, sites, moved, cell, offsets, atom, shift, apart)
            if r2 < best or (r2 == best and s < held):
                best, held = r2, s
        if n_held > 0:
            site[c], inside[c] = held, True
            several += n_held > 1
            continue
        if centre.shape[0] == 0:
            centre = np.empty((n_sites, 3))
            for t in range(n_sites):
                _shift(t, moved, offsets, atom, shift)
                for k in range(3):
                    centre[t, k] = sites[t, k] + shift[k]
                    strayed[k] = max(strayed[k], abs(shift[k]))
        nearest = np.int64(guess[b])
        best = square_between(x0, x1, x2, centre, nearest, cell)
        about = np.sqrt(best)
        n = sites_about(
            x0, x1, x2, about * over[0] + strayed[0], about * over[1] + strayed[1],
            about * over[2] + strayed[2], boxes, start, order, found,
        )  # fmt: skip
        for m in range(n):
            s = np.int64(found[m])
            r2 = square_between(x0, x1, x2, centre, s, cell)
            if r2 < best or (r2 == best and s < nearest):
                best, nearest = r2, s
        site[c], inside[c] = nearest, not closed[nearest]
        none += closed[nearest]
    return none, several


@kernel
def _stray_sites(sites, boxes, moved, drawn, offsets, atom, vector, closed, slack):  # type: ignore[no-untyped-def]
    """Sites a vertex of which is farther from its mean than the boxes allow for.

    drawn (atoms, 3): moved, in Angstrom; all else as in `polyhedron_site`.

    Returns how far the farthest vertex of each is from its mean, (sites,), which of them stray,
    (sites,) bool, and those whose vertices are about each box, start and site as in
    `PolyhedronBoxes`; nothing of the latter if there are none.
    """
    n_sites = sites.shape[0]
    wander = np.empty(moved.shape[0])
    for a in range(moved.shape[0]):
        wander[a] = np.sqrt(drawn[a, 0] ** 2 + drawn[a, 1] ** 2 + drawn[a, 2] ** 2)
    far, stray = np.zeros(n_sites), np.zeros(n_sites, dtype=np.bool_)
    n_strays = 0
    for s in range(n_sites):
        for v in range(offsets[s], offsets[s + 1]):
            far[s] = max(far[s], wander[atom[v]])
        if closed[s] and far[s] > slack[s]:
            stray[s] = True
            n_strays += 1
    n0, n1, n2 = boxes[0], boxes[1], boxes[2]
    begin = np.zeros(n0 * n1 * n2 + 1 if n_strays > 0 else 0, dtype=np.int64)
    start, site = begin, np.empty(0, dtype=np.int32)
    low, high = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for turn in range(2 if n_strays > 0 else 0):
        for s in range(n_sites):
            if not stray[s]:
                continue
            for x in range(3):
                least, most = np.inf, -np.inf
                for v in range(offsets[s], offsets[s + 1]):
                    at = sites[s, x] + vector[v, x] + moved[atom[v], x]
                    least, most = min(least, at), max(most, at)
                low[x], high[x] = span((least + most) / 2, (most - least) / 2, boxes[x])
            for i in range(low[0], high[0] + 1):
                for j in range(low[1], high[1] + 1):
                    row = ((i % n0) * n1 + j % n1) * n2
                    k = low[2] % n2
                    for _ in range(high[2] - low[2] + 1):
                        if turn == 0:
                            begin[row + k + 1] += 1
                        else:
                            site[start[row + k]] = s
                            start[row + k] += 1
                        k = k + 1 if k + 1 < n2 else 0
        if turn == 0:
            for b in range(n0 * n1 * n2):
                begin[b + 1] += begin[b]
            start, site = begin.copy(), np.empty(begin[-1], dtype=np.int32)
    return far, stray, begin, site


@kernel
def _stay_apart(one, other, ones_shared, others_shared, n_shared, enough):  # type: ignore[no-untyped-def]
    """How far vertices of two polyhedra may move before these can overlap, Angstrom.

    one (n, 3), other (m, 3): vertices about one place, neither all of them shared; ones_shared
    (n,), others_shared (m,) bool: atoms that both have, n_shared of them; enough: no more need be
    found. At least 0; less than what is true, where no better plane between them is found.

    A plane goes through the atoms that both have, up to three of them, and has the other vertices
    of one on one side and those of the other on the other. It moves with these atoms; where they
    are fewer than three, points beside the first of them move as that does, and without any the
    plane stays. A vertex v comes to lie in it only if, with points w of the plane and some mu of
    sum 1, |v - sum mu w| is no more than (1 + sum |mu|) times the farthest that any has moved, the
    mu of points that move as one added up first. With height h of v, lambda the mu of its foot and
    G the most by which sum |mu| grows per length, the farthest cannot then be below
    1 / sqrt(((1 + sum |lambda|) / h)**2 + G**2).
    """
    if n_shared > 3:
        return 0.0
    w = np.zeros((3, 3))
    n0 = n1 = n2 = 0.0
    found = 0
    for v in range(one.shape[0]):
        if ones_shared[v]:
            for x in range(3):
                w[found, x] = one[v, x]
            found += 1
        else:
            part = one.shape[0] - n_shared
            n0, n1, n2 = n0 - one[v, 0] / part, n1 - one[v, 1] / part, n2 - one[v, 2] / part
    for v in range(other.shape[0]):
        if not others_shared[v]:
            part = other.shape[0] - n_shared
            n0, n1, n2 = n0 + other[v, 0] / part, n1 + other[v, 1] / part, n2 + other[v, 2] / part
    e0, e1, e2 = w[1, 0] - w[0, 0], w[1, 1] - w[0, 1], w[1, 2] - w[0, 2]
    f0, f1, f2 = w[2, 0] - w[0, 0], w[2, 1] - w[0, 1], w[2, 2] - w[0, 2]
    ee, ff, ef = (
        e0 * e0 + e1 * e1 + e2 * e2,
        f0 * f0 + f1 * f1 + f2 * f2,
        e0 * f0 + e1 * f1 + e2 * f2,
    )
    growth = 0.0
    if n_shared == 2:
        if not ee > _FLAT:
            return 0.0
        growth = 2.0 / np.sqrt(ee)
    if n_shared == 3:
        x0, x1, x2 = e1 * f2 - e2 * f1, e2 * f0 - e0 * f2, e0 * f1 - e1 * f0
        area2 = x0 * x0 + x1 * x1 + x2 * x2
        if not area2 > _FLAT:
            return 0.0
        if x0 * n0 + x1 * n1 + x2 * n2 < 0.0:
            x0, x1, x2 = -x0, -x1, -x2
        n0, n1, n2 = x0, x1, x2
        growth = (np.sqrt(ee) + np.sqrt(ff) + np.sqrt(ee + ff - 2 * ef)) / np.sqrt(area2)
    best = 0.0
    for attempt in range(1 if n_shared == 3 else _ATTEMPTS):
        if n_shared == 2:
            along = (n0 * e0 + n1 * e1 + n2 * e2) / ee
            n0, n1, n2 = n0 - along * e0, n1 - along * e1, n2 - along * e2
        length = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
        if not length > _FLAT:
            break
        n0, n1, n2 = n0 / length, n1 / length, n2 / length
        foot = n0 * w[0, 0] + n1 * w[0, 1] + n2 * w[0, 2]
        if n_shared == 0:
            low, high = -np.inf, np.inf
            for v in range(one.shape[0]):
                low = max(low, n0 * one[v, 0] + n1 * one[v, 1] + n2 * one[v, 2])
            for v in range(other.shape[0]):
                high = min(high, n0 * other[v, 0] + n1 * other[v, 1] + n2 * other[v, 2])
            foot = (low + high) / 2
        least = np.inf
        t0 = t1 = t2 = 0.0  # to the vertex that comes first
        for turn in range(2):
            sign = -1.0 if turn == 0 else 1.0
            for v in range(one.shape[0] if turn == 0 else other.shape[0]):
                if ones_shared[v] if turn == 0 else others_shared[v]:
                    continue
                if turn == 0:
                    v0, v1, v2 = one[v, 0], one[v, 1], one[v, 2]
                else:
                    v0, v1, v2 = other[v, 0], other[v, 1], other[v, 2]
                height = sign * (n0 * v0 + n1 * v1 + n2 * v2 - foot)
                v0, v1, v2 = v0 - w[0, 0], v1 - w[0, 1], v2 - w[0, 2]
                weights = 1.0 if n_shared == 0 else 2.0
                if n_shared == 2:
                    part = (v0 * e0 + v1 * e1 + v2 * e2) / ee
                    weights = 1.0 + abs(part) + abs(1.0 - part)
                elif n_shared == 3:
                    ve, vf = v0 * e0 + v1 * e1 + v2 * e2, v0 * f0 + v1 * f1 + v2 * f2
                    first = (ve * ff - vf * ef) / area2
                    second = (vf * ee - ve * ef) / area2
                    weights = 1.0 + abs(first) + abs(second) + abs(1.0 - first - second)
                most = height / np.sqrt(weights * weights + (growth * height) ** 2)
                if most < least:
                    least = most
                    size = max(np.sqrt(v0 * v0 + v1 * v1 + v2 * v2), _FLAT)
                    t0, t1, t2 = sign * v0 / size, sign * v1 / size, sign * v2 / size
        best = max(best, least)
        if best > enough:
            break
        step = 0.5 / (attempt + 1)
        n0, n1, n2 = n0 + step * t0, n1 + step * t1, n2 + step * t2
    return best


@kernel
def _rivals(sites, boxes, start, order, cell, offsets, atom, place, closed, slack):  # type: ignore[no-untyped-def]
    """Sites whose polyhedra may overlap that of each site while vertices keep to slack.

    As `_sites_of_boxes`; start, order as in `SiteGrid`, atom as in `Polyhedra`. Returns offsets
    (sites + 1,) int64, rivals, int32, and until, as in `PolyhedronBoxes`.
    """
    n_sites = sites.shape[0]
    over = over_heights(cell)
    half = 0.5 / max(over[0], over[1], over[2])
    reach = np.zeros(n_sites)
    farthest = 0.0
    for s in range(n_sites):
        for v in range(offsets[s], offsets[s + 1]):
            r2 = place[v, 0] ** 2 + place[v, 1] ** 2 + place[v, 2] ** 2
            reach[s] = max(reach[s], np.sqrt(r2) + slack[s])
        if closed[s]:
            farthest = max(farthest, reach[s])
    out_offsets = np.zeros(n_sites + 1, dtype=np.int64)
    rivals, until = np.empty(4 * n_sites, dtype=np.int32), np.empty(4 * n_sites)
    found = np.empty(n_sites, dtype=np.int32)
    one, other = np.empty((MOST, 3)), np.empty((MOST, 3))
    ones, others = np.empty(MOST, dtype=np.bool_), np.empty(MOST, dtype=np.bool_)
    apart = np.empty(3)
    n_rivals = 0
    for s in range(n_sites):
        n_about = 0
        if closed[s]:
            far = reach[s] + farthest
            n_about = sites_about(
                sites[s, 0], sites[s, 1], sites[s, 2], far * over[0], far * over[1], far * over[2],
                boxes, start, order, found,
            )  # fmt: skip
        n = offsets[s + 1] - offsets[s]
        for m in range(n_about):
            t = np.int64(found[m])
            if t == s or not closed[t]:
                continue
            for k in range(3):
                apart[k] = 0.0
            for x in range(3):
                f = sites[t, x] - sites[s, x]
                f -= np.rint(f)
                for k in range(3):
                    apart[k] += f * cell[x, k]
            both = reach[s] + reach[t]
            least, enough = 0.0, max(slack[s], slack[t])
            if both < half:  # else more than one image may be near
                if apart[0] ** 2 + apart[1] ** 2 + apart[2] ** 2 > both * both:
                    continue
                n_others = offsets[t + 1] - offsets[t]
                for v in range(n_others):
                    others[v] = False
                    for k in range(3):
                        other[v, k] = place[offsets[t] + v, k] + apart[k]
                shared = 0
                for v in range(n):
                    ones[v] = False
                    for k in range(3):
                        one[v, k] = place[offsets[s] + v, k]
                    for u in range(n_others):
                        if atom[offsets[s] + v] != atom[offsets[t] + u]:
                            continue
                        between = 0.0
                        for k in range(3):
                            between += (one[v, k] - other[u, k]) ** 2
                        if between < _SAME:
                            ones[v] = others[u] = True
                            shared += 1
                if shared < min(n, n_others):
                    least = _stay_apart(one[:n], other[:n_others], ones, others, shared, enough)
            if least > enough:
                continue
            if n_rivals == rivals.shape[0]:
                rivals, until = longer(rivals, 2 * n_rivals), longer(until, 2 * n_rivals)
            at = n_rivals
            while at > out_offsets[s] and until[at - 1] > least:
                rivals[at], until[at] = rivals[at - 1], until[at - 1]
                at -= 1
            rivals[at], until[at] = t, least
            n_rivals += 1
        out_offsets[s + 1] = n_rivals
    return out_offsets, longer(rivals, n_rivals), longer(until, n_rivals)


@kernel
def _sites_of_boxes(sites, boxes, cell, offsets, vector, place, closed, slack):  # type: ignore[no-untyped-def]
    """Sites whose polyhedron, by as much as slack larger, reaches into each box.

    sites (sites, 3) fractional, boxes (3,) as in `SiteGrid`, cell (3, 3), offsets to closed as in
    `Polyhedra`, slack (sites,) Angstrom. Returns start (all boxes + 1,) int64 and site, int32, as
    in `PolyhedronBoxes`.
    """
    over = over_heights(cell)
    n0, n1, n2 = boxes[0], boxes[1], boxes[2]
    start = np.zeros(n0 * n1 * n2 + 1, dtype=np.int64)
    begin = start
    last_one = np.empty(n0 * n1 * n2, dtype=np.int64)
    site, height = np.empty(0, dtype=np.int32), np.empty(0)
    planes, corners = np.empty((_TRIPLES, 4)), np.empty((_TRIPLES, 3), dtype=np.int32)
    half = np.empty(_TRIPLES)
    low, high = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    rel = np.empty(3)
    for turn in range(2):
        for b in range(n0 * n1 * n2):
            last_one[b] = -1
        for s in range(sites.shape[0]):
            if not closed[s]:
                continue
            first, last = offsets[s], offsets[s + 1]
            n_planes = hull_planes(place[first:last], planes, corners)
            for p in range(n_planes):
                half[p] = 0.0
                for x in range(3):
                    along = (
                        planes[p, 0] * cell[x, 0]
                        + planes[p, 1] * cell[x, 1]
                        + planes[p, 2] * cell[x, 2]
                    )
                    half[p] += abs(along) / (2 * boxes[x])
            for x in range(3):
                least, most = vector[first, x], vector[first, x]
                for v in range(first + 1, last):
                    least, most = min(least, vector[v, x]), max(most, vector[v, x])
                least += sites[s, x] - slack[s] * over[x]
                most += sites[s, x] + slack[s] * over[x]
                low[x] = np.int64(np.floor(least * boxes[x]))
                high[x] = np.int64(np.floor(most * boxes[x]))
            for i in range(low[0], high[0] + 1):
                for j in range(low[1], high[1] + 1):
                    for k in range(low[2], high[2] + 1):
                        f0 = (i + 0.5) / n0 - sites[s, 0]
                        f1 = (j + 0.5) / n1 - sites[s, 1]
                        f2 = (k + 0.5) / n2 - sites[s, 2]
                        for x in range(3):
                            rel[x] = f0 * cell[0, x] + f1 * cell[1, x] + f2 * cell[2, x]
                        apart = False
                        above = -np.inf
                        for p in range(n_planes):
                            side = (
                                planes[p, 0] * rel[0]
                                + planes[p, 1] * rel[1]
                                + planes[p, 2] * rel[2]
                                - planes[p, 3]
                            )
                            above = max(above, side)
                            if side - half[p] > slack[s]:
                                apart = True
                                break
                        b = ((i % n0) * n1 + j % n1) * n2 + k % n2
                        if apart or last_one[b] == s:
                            continue
                        last_one[b] = s
                        if turn == 0:
                            start[b + 1] += 1
                            continue
                        # those the middle of the box is deepest in come first
                        m = start[b]
                        while m > begin[b] and height[m - 1] > above:
                            site[m], height[m] = site[m - 1], height[m - 1]
                            m -= 1
                        site[m], height[m] = s, above
                        start[b] += 1
        if turn == 0:
            for b in range(n0 * n1 * n2):
                start[b + 1] += start[b]
            site, height = np.empty(start[-1], dtype=np.int32), np.empty(start[-1])
            begin = start.copy()
    return begin, site


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
    offsets = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    vector = vectors[keep]
    stir = np.random.default_rng(0).uniform(-_STIRRED, _STIRRED, (MOST, 3))
    face_offsets, face = _surfaces(offsets, vector @ cell, closed, stir)
    return Polyhedra(
        offsets=offsets,
        atom=number[keep],
        vector=vector,
        closed=closed,
        mean=atoms,
        numbers=numbers,
        face_offsets=face_offsets,
        face=face,
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
    triples = n * (n - 1) * (n - 2) // 6
    planes = np.empty((triples, 4))
    found = hull_planes(vertices, planes, np.empty((triples, 3), dtype=np.int32))
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
