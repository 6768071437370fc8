"""Arrows of the displacements of ions in the window that starts at the current frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import traits.api
from ovito.data import DataCollection
from ovito.pipeline import ModifierInterface
from ovito.traits import OvitoObject
from ovito.vis import LinesVis, VectorVis

from . import shared

#: Colours of concerted clusters: dark, so that they differ from those of events.
CLUSTER_COLORS = (
    "#332288", "#882255", "#999933", "#661100", "#DDCC77", "#444444", "#6699CC", "#AA4499",
)  # fmt: skip


class HopArrows(ModifierInterface):
    """Arrows at the ions, along their displacement; lines join the ions of concerted clusters."""

    events_file = shared.events_file_parameter()
    events = shared.names_parameter("Events")
    minimum_length = traits.api.Range(
        low=0.0,
        high=None,
        value=1.0,
        label="Shortest displacement (Å)",
        desc="No arrow for displacements shorter than this.",
    )
    scale = traits.api.Range(
        low=0.0,
        high=None,
        value=1.0,
        exclude_low=True,
        label="Scale",
        desc="Length of an arrow divided by the displacement.",
    )
    from_surface = traits.api.Bool(
        False,
        label="Start at the surface",
        desc="Arrows begin at the surface of the sphere, not at its center, so that the sphere "
        "hides nothing of them.",
    )
    color_by = traits.api.Enum(
        "event",
        ["event", "cluster"],
        label="Color arrows by",
        desc="event; cluster: one color for all ions of a concerted cluster.",
    )
    join_clusters = traits.api.Bool(
        True,
        label="Join clusters",
        desc="Join the ions of a concerted cluster by lines, one color per cluster.",
    )
    match = shared.match_parameter()
    arrow_vis = OvitoObject(VectorVis, title="Hop arrows", width=0.3, flat_shading=False)
    line_vis = OvitoObject(LinesVis, title="Concerted clusters", width=0.2)
    _cache = shared.cache_parameter()
    _ = traits.api.Disallow

    def modify(self, data: DataCollection, **kwargs: Any) -> None:
        """Add arrows and lines to one frame; called by OVITO."""
        opened, chosen, moment, atoms = shared.events_at(self, data)
        states, labels = opened.states, opened.events
        row = max(moment.row, 0)
        meant = (
            chosen[labels.code[row]] if moment.row >= 0 else np.zeros(labels.code.shape[1:], bool)
        )
        length = np.linalg.norm(states.displacement[row], axis=1)
        drawn = np.flatnonzero(meant & (length >= self.minimum_length) & (length > 0))
        joined = np.flatnonzero(meant & (states.cluster[row] >= 0))
        cell = None if data.cell is None else Cell(data.cell)
        centre = centres(np.asarray(data.particles.positions), atoms, states.carrier_of_atom, cell)
        cluster = states.cluster[row]
        of_cluster = cluster_colors(cluster[joined])

        arrows = data.vectors.create(
            identifier="hop-arrows", title="Hop arrows", vis=self.arrow_vis, count=len(drawn)
        )
        color = labels.colors[labels.code[row, drawn]]
        if self.color_by == "cluster":
            for k, carrier in enumerate(drawn):
                color[k] = of_cluster.get(int(cluster[carrier]), color[k])
        begin = centre[drawn]
        if self.from_surface:
            radius = radii(data, atoms, states.carrier_of_atom)[drawn]
            begin = begin + states.displacement[row, drawn] * (radius / length[drawn])[:, None]
        arrows.create_property("Position", data=begin)
        arrows.create_property(
            "Direction", data=self.scale * states.displacement[row, drawn].astype(np.float64)
        )
        arrows.create_property("Color", data=color)
        data.attributes["HopArrows.Count"] = len(drawn)
        data.attributes["HopArrows.Clusters"] = len(of_cluster)
        if self.join_clusters:
            self._join(data, centre, cluster, joined, of_cluster, cell)

    def _join(
        self,
        data: DataCollection,
        centre: np.ndarray,
        cluster: np.ndarray,
        joined: np.ndarray,
        of_cluster: dict[int, np.ndarray],
        cell: Cell | None,
    ) -> None:
        number, of, size = np.unique(cluster[joined], return_inverse=True, return_counts=True)
        members = joined[np.argsort(of, kind="stable")]
        first = np.concatenate([[0], np.cumsum(size)])
        ends, colors = [np.empty((0, 3))], [np.empty((0, 3), dtype=np.float32)]
        for n in np.unique(size[size > 1]):
            alike = np.flatnonzero(size == n)
            points = centre[members[first[alike][:, None] + np.arange(n)]]
            ends.append(shortest_trees(points, cell).reshape(-1, 3))
            color = np.array([of_cluster[int(k)] for k in number[alike]])
            colors.append(np.repeat(color, 2 * (n - 1), axis=0))
        count = sum(len(e) for e in ends)
        lines = data.lines.create(
            identifier="hop-clusters",
            title="Concerted clusters",
            vis=self.line_vis,
            count=count,
        )
        lines.create_property("Position", data=np.concatenate(ends))
        lines.create_property("Section", data=np.repeat(np.arange(count // 2), 2))
        lines.create_property("Color", data=np.concatenate(colors))


class Cell:
    """The periodic cell: shortest images of vectors (unless the cell is very skewed)."""

    def __init__(self, cell: Any) -> None:
        self.vectors = np.asarray(cell)[:, :3]
        self.inverse = np.linalg.inv(self.vectors)
        self.periodic = np.array(cell.pbc)

    def shortest(self, vectors: np.ndarray) -> np.ndarray:
        """Shortest images of vectors, shape (..., 3), Angstrom."""
        along = vectors @ self.inverse.T
        return vectors - np.where(self.periodic, np.rint(along), 0) @ self.vectors.T


def centres(
    positions: np.ndarray, atoms: np.ndarray, carrier_of_atom: np.ndarray, cell: Cell | None
) -> np.ndarray:
    """Centre of each carrier, shape (carriers, 3): its atom, or the mean of a molecule made whole
    with every atom at its image nearest to the first one."""
    n = int(carrier_of_atom.max()) + 1
    first = np.empty(n, dtype=np.int64)
    first[carrier_of_atom[::-1]] = atoms[::-1]
    out = positions[first].astype(np.float64)
    if len(atoms) == n:
        return out
    away = positions[atoms] - out[carrier_of_atom]
    away = away if cell is None else cell.shortest(away)
    size = np.bincount(carrier_of_atom, minlength=n)
    for axis in range(3):
        out[:, axis] += np.bincount(carrier_of_atom, away[:, axis], minlength=n) / size
    return out


def radii(data: DataCollection, atoms: np.ndarray, carrier_of_atom: np.ndarray) -> np.ndarray:
    """Radius of the sphere at the centre of each carrier, shape (carriers,), Angstrom.

    Molecules have none: their centre is between atoms.
    """
    particles = data.particles
    of_atom = np.zeros(particles.count)
    if "Radius" in particles:
        of_atom[:] = particles["Radius"]
    if particles.particle_types is not None:
        kinds = np.asarray(particles.particle_types)
        for one in particles.particle_types.types:
            of_atom[(kinds == one.id) & (of_atom == 0)] = one.radius
    of_atom[of_atom == 0] = particles.vis.radius
    out = np.zeros(int(carrier_of_atom.max()) + 1)
    out[carrier_of_atom] = of_atom[atoms] * particles.vis.scaling
    out[np.bincount(carrier_of_atom) > 1] = 0
    return out


def cluster_colors(cluster: np.ndarray) -> dict[int, np.ndarray]:
    """A colour for each cluster; constant in time unless two clusters compete for it."""
    out: dict[int, np.ndarray] = {}
    taken: set[int] = set()
    palette = shared.hex_to_rgb(CLUSTER_COLORS)
    n = len(palette)
    for number in np.unique(cluster):
        place = int(number) % n
        while place in taken and len(taken) < n:
            place = (place + 1) % n
        taken.add(place)
        out[int(number)] = palette[place]
    return out


def shortest_trees(points: np.ndarray, cell: Cell | None) -> np.ndarray:
    """Lines of the minimum spanning tree of each set of points, across periodic boundaries.

    Parameters
    ----------
    points : numpy.ndarray
        Shape (sets, points, 3). Lines are added one at a time in all sets (Prim's algorithm).

    Returns
    -------
    numpy.ndarray
        Shape (sets, points - 1, 2, 3).
    """
    n_sets, n, _ = points.shape
    apart = points[:, None] - points[:, :, None]
    apart = apart if cell is None else cell.shortest(apart)
    length = np.linalg.norm(apart, axis=-1)
    near, nearest = length[:, 0].copy(), np.zeros((n_sets, n), dtype=np.int64)
    near[:, 0] = np.inf
    free = np.ones((n_sets, n), dtype=bool)
    free[:, 0] = False
    sets = np.arange(n_sets)
    ends = np.empty((n_sets, n - 1, 2, 3))
    for k in range(n - 1):
        new = near.argmin(axis=1)
        old = nearest[sets, new]
        ends[:, k, 0] = points[sets, old]
        ends[:, k, 1] = points[sets, old] + apart[sets, old, new]
        free[sets, new] = False
        closer = (length[sets, new] < near) & free
        near = np.where(closer, length[sets, new], near)
        near[~free] = np.inf
        nearest[closer] = np.broadcast_to(new[:, None], closer.shape)[closer]
    return ends
