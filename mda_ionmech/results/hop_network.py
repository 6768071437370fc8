"""Network of site labels and channels of hops, laid out for figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

#: Channels that are drawn, at most; each has a colour of its own.
MOST_DRAWN = 12
#: Okabe and Ito, and Tol's muted scheme.
CHANNEL_COLORS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#7F7F7F",
    "#44AA99", "#7B68C8", "#999933", "#AA4499",
)  # fmt: skip
#: Points of a curve.
POINTS = 41
#: Thickness of the line of the rarest channel, and what is added for each power of ten, points.
THINNEST, PER_DECADE = 1.5, 2.0
#: Sideways distance of neighbouring curves between two labels, and sizes of loops.
_APART, _LOOP, _NEXT_LOOP = 0.42, 0.85, 0.5

Rate = tuple[float, float, float, int]


@dataclass(frozen=True)
class Node:
    """A site label at a place in the figure.

    Attributes
    ----------
    label : str
    x, y : float
    sites : int
    occupancy : float
        Mean number of carriers per site.
    """

    label: str
    x: float
    y: float
    sites: int
    occupancy: float


@dataclass(frozen=True)
class Edge:
    """A channel in both directions.

    Attributes
    ----------
    name : str
        E.g. ``24d-48g 2.04 Å``; unique.
    start, end : str
        Labels of the sites.
    distance : float
        Angstrom.
    forward, backward : tuple
        Rate, low and high end, 1/ns, and number of hops, from start to end and back; between sites
        of one label `backward` is `forward`.
    flux : float
        Hops in both directions per carrier and ns.
    """

    name: str
    start: str
    end: str
    distance: float
    forward: Rate
    backward: Rate
    flux: float

    @property
    def hops(self) -> int:
        """Number of hops in both directions."""
        return self.forward[3] + (self.backward[3] if self.start != self.end else 0)


@dataclass(frozen=True)
class Curve:
    """The line of a channel.

    Attributes
    ----------
    edge : Edge
    x, y : numpy.ndarray
        Shape (points,).
    middle : tuple of float
        Place halfway.
    thickness : float
        Points.
    """

    edge: Edge
    x: np.ndarray
    y: np.ndarray
    middle: tuple[float, float]
    thickness: float


def edges_of(table: pd.DataFrame) -> list[Edge]:
    """Channels of both directions together, from the most frequent one down.

    Parameters
    ----------
    table : pandas.DataFrame
        From `Results.hop_channels`.
    """
    sites = table.attrs["sites"]
    carriers = {label: number * mean for label, (number, mean) in sites.items()}
    whole = sum(carriers.values())
    rates: dict[tuple[str, str, float], Rate] = {
        (str(a), str(b), float(d)): (row["rate"], row["low"], row["high"], int(row["count"]))
        for (a, b, d), row in zip(table.index.to_list(), table.to_dict("records"), strict=True)
    }
    order = list(sites)
    out: list[Edge] = []
    names: dict[str, int] = {}
    for (a, b, d), forward in rates.items():
        if order.index(a) > order.index(b):
            continue  # the other direction of a channel
        backward = rates[b, a, d]
        flux = forward[0] * carriers[a] + (backward[0] * carriers[b] if a != b else 0.0)
        name = f"{a}-{b} {d:.2f} Å"  # labels may hold hyphens
        names[name] = names.get(name, 0) + 1
        name += f" ({names[name]})" if names[name] > 1 else ""
        out.append(Edge(name, a, b, d, forward, backward, flux / whole))
    return sorted(out, key=lambda one: -one.flux)


def drawn_edges(edges: list[Edge]) -> list[Edge]:
    """Those that are drawn: the most frequent one of every pair of labels, then the others.

    Parameters
    ----------
    edges : list of Edge
        From the most frequent one down.

    Returns
    -------
    list of Edge
        At most `MOST_DRAWN`, in the same order.
    """
    first: dict[tuple[str, str], Edge] = {}
    for one in edges:
        first.setdefault((one.start, one.end), one)
    chosen = list(first.values())
    chosen += [one for one in edges if first[one.start, one.end] is not one]
    kept = {one.name for one in chosen[:MOST_DRAWN]}
    return [one for one in edges if one.name in kept]


def colors_of_channels(edges: list[Edge]) -> dict[str, str]:
    """The colour of every channel that is drawn, by its name."""
    return dict(zip((one.name for one in drawn_edges(edges)), CHANNEL_COLORS, strict=False))


def network(table: pd.DataFrame) -> tuple[list[Node], list[Curve]]:
    """Places of the labels on a circle, and curves of the channels that are drawn.

    Parameters
    ----------
    table : pandas.DataFrame
        From `Results.hop_channels`.

    Returns
    -------
    nodes : list of Node
        The labels between which hops are drawn.
    curves : list of Curve
        From the most frequent one down.
    """
    drawn = drawn_edges(edges_of(table))
    sites = table.attrs["sites"]
    labels = [label for label in sites if any(label in (e.start, e.end) for e in drawn)]
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(labels)) / len(labels)
    if len(labels) == 2:
        angle = np.array([np.pi, 0.0])
    radius = {1: 0.0, 2: 1.0}.get(len(labels), 1.4)
    place = {
        label: radius * np.array([np.cos(a), np.sin(a)])
        for label, a in zip(labels, angle, strict=True)
    }
    nodes = [
        Node(label, float(place[label][0]), float(place[label][1]), *sites[label])
        for label in labels
    ]
    rarest = min(one.flux for one in drawn)
    between: dict[tuple[str, str], list[Edge]] = {}
    for one in sorted(drawn, key=lambda e: e.distance):
        between.setdefault((one.start, one.end), []).append(one)
    curves = []
    for (a, b), mine in between.items():
        for k, one in enumerate(mine):
            if a == b:
                points = _loop(place[a], k)
            else:
                points = _bow(place[a], place[b], k - (len(mine) - 1) / 2)
            x, y = map(float, points[POINTS // 2])
            thickness = THINNEST + PER_DECADE * float(np.log10(one.flux / rarest))
            curves.append(Curve(one, points[:, 0], points[:, 1], (x, y), thickness))
    return nodes, sorted(curves, key=lambda one: -one.edge.flux)


def reach(nodes: list[Node], curves: list[Curve]) -> tuple[float, float]:
    """Half the width and height of the network, with a margin for the circles."""
    x, y = (
        np.abs(np.concatenate([[getattr(n, k) for n in nodes], *(getattr(c, k) for c in curves)]))
        for k in ("x", "y")
    )
    return float(max(x.max() + 0.3, 1.5)), float(max(y.max() + 0.3, 0.8))


def _bow(a: np.ndarray, b: np.ndarray, number: float) -> np.ndarray:
    """A curve between two places, bent to one side."""
    t = np.linspace(0, 1, POINTS)[:, None]
    along = b - a
    aside = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    if aside[1] < 0:
        aside = -aside  # upwards, so that neighbours have the same order everywhere
    control = (a + b) / 2 - 2 * number * _APART * aside
    return np.asarray((1 - t) ** 2 * a + 2 * t * (1 - t) * control + t**2 * b)


def _loop(place: np.ndarray, number: int) -> np.ndarray:
    """A loop outwards from a place."""
    t = np.linspace(0, 1, POINTS)[:, None]
    size = np.linalg.norm(place)
    out = place / size if size else np.array([0.0, 1.0])
    aside = np.array([-out[1], out[0]])
    length = _LOOP + _NEXT_LOOP * number
    first, last = (place + length * (1.3 * out + side * 0.75 * aside) for side in (1, -1))
    sides = 3 * t * (1 - t) * ((1 - t) * first + t * last)
    return np.asarray(((1 - t) ** 3 + t**3) * place + sides)
