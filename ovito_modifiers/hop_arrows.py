"""Arrows of what the ions travel in the window that starts at the current frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import traits.api
from ovito.data import DataCollection
from ovito.pipeline import ModifierInterface
from ovito.traits import OvitoObject
from ovito.vis import LinesVis, VectorVis

from . import shared

#: Colours of concerted clusters: the "muted" set of Paul Tol (2021), none that an event has.
CLUSTER_COLORS = shared.hex_to_rgb(
    ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255")
)


class HopArrows(ModifierInterface):
    """Arrows at the ions, along their displacement; lines join the ions of concerted clusters."""

    events_file = shared.events_file_parameter()
    events = shared.names_parameter("Events")
    minimum_length = traits.api.Range(
        low=0.0,
        high=None,
        value=1.0,
        label="Shortest displacement (A)",
        desc="No arrow for displacements shorter than this, in Angstrom.",
    )
    scale = traits.api.Range(
        low=0.0,
        high=None,
        value=1.0,
        exclude_low=True,
        label="Scale",
        desc="Length of an arrow over the displacement it stands for.",
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
    line_vis = OvitoObject(LinesVis, title="Concerted clusters", width=0.15)
    _cache = shared.cache_parameter()
    _ = traits.api.Disallow

    def modify(self, data: DataCollection, **kwargs: Any) -> None:
        opened = shared.open_states(self.events_file)
        states, labels = opened.states, opened.events
        chosen = shared.choose(labels, self.events, "Events (events)")
        moment = shared.find_moment(opened, data, self.match)
        self._cache = self._cache or {}
        atoms = shared.find_atoms(opened, data, self._cache)
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
        arrows.create_property("Position", data=centre[drawn])
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
        ends, colors = [], []
        for number, color in of_cluster.items():
            for pair in shortest_tree(centre[joined[cluster[joined] == number]], cell):
                ends += list(pair)
                colors += [color, color]
        lines = data.lines.create(
            identifier="hop-clusters",
            title="Concerted clusters",
            vis=self.line_vis,
            count=len(ends),
        )
        lines.create_property("Position", data=np.array(ends).reshape(-1, 3))
        lines.create_property("Section", data=np.repeat(np.arange(len(ends) // 2), 2))
        lines.create_property("Color", data=np.array(colors, dtype=np.float32).reshape(-1, 3))


class Cell:
    """The periodic cell: takes vectors to their shortest images (in cells not too skew)."""

    def __init__(self, cell: Any) -> None:
        self.vectors = np.asarray(cell)[:, :3]
        self.inverse = np.linalg.inv(self.vectors)
        self.periodic = np.array(cell.pbc)

    def shortest(self, vectors: np.ndarray) -> np.ndarray:
        along = vectors @ self.inverse.T
        return vectors - np.where(self.periodic, np.rint(along), 0) @ self.vectors.T


def centres(
    positions: np.ndarray, atoms: np.ndarray, carrier_of_atom: np.ndarray, cell: Cell | None
) -> np.ndarray:
    """Middle of each carrier, shape (carriers, 3): its atom, or the mean of a molecule made whole
    by taking every atom at its image nearest to the first one."""
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


def cluster_colors(cluster: np.ndarray) -> dict[int, np.ndarray]:
    """A colour for each cluster; the same from frame to frame as long as no other wants it."""
    out: dict[int, np.ndarray] = {}
    taken: set[int] = set()
    n = len(CLUSTER_COLORS)
    for number in np.unique(cluster):
        place = int(number) % n
        while place in taken and len(taken) < n:
            place = (place + 1) % n
        taken.add(place)
        out[int(number)] = CLUSTER_COLORS[place]
    return out


def shortest_tree(points: np.ndarray, cell: Cell | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ends of the lines of the shortest tree that joins the points across the cell's faces."""
    apart = points[None] - points[:, None]
    apart = apart if cell is None else cell.shortest(apart)
    length = np.linalg.norm(apart, axis=-1)
    near, nearest = length[0].copy(), np.zeros(len(points), dtype=np.int64)
    free = np.arange(len(points)) > 0
    pairs = []
    while free.any():
        new = int(np.flatnonzero(free)[near[free].argmin()])
        start = points[nearest[new]]
        pairs.append((start, start + apart[nearest[new], new]))
        free[new] = False
        closer = length[new] < near
        near[closer], nearest[closer] = length[new][closer], new
    return pairs
