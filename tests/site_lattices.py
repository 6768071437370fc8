"""Ions that walk on a lattice with sites of two kinds, some of which may not be listed."""

from __future__ import annotations

from functools import cache

import numpy as np

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import CrystalEvents
from mda_ionmech.events.nulls.exclusion_gas import simulate_blocks
from mda_ionmech.microstates import SiteAssignment

from .builders import make_universe

#: Cells of 5 A with sites "a" at the corner and "b" at the middles of edges and faces.
CELL, REPEATS = 5.0, 3
LENGTH = CELL * REPEATS
CORNERS = np.indices((2, 2, 2)).reshape(3, -1).T / 2
ODD = CORNERS.sum(axis=1) * 2 % 2 == 1
BASIS = np.array([[1.2, 1.4, 1.1], [3.9, 3.5, 3.8]])
CELLS = np.indices((REPEATS,) * 3).reshape(3, -1).T
HOST = (BASIS + CELL * CELLS[:, None]).reshape(-1, 3)


def walk(rng, n_frames, n_ions, *, rate=0.05, on_b=0.5):
    """Lattice walks (frames, ions, 3) in steps of half a cell; ions leave b so that they spend the
    given part of the time there."""
    place = rng.integers(0, 2 * REPEATS, (n_ions, 3))
    place[:, 0] += place.sum(axis=1) % 2  # all on a
    out = np.empty((n_frames, n_ions, 3))
    leave_b = rate * (1 - on_b) / on_b
    for t in range(n_frames):
        b = place.sum(axis=1) % 2 == 1
        hop = rng.random(n_ions) < np.where(b, leave_b, rate)
        axis, sign = rng.integers(0, 3, n_ions), rng.choice([-1, 1], n_ions)
        place[hop, axis[hop]] += sign[hop]
        out[t] = place
    return out * CELL / 2


def analysis(
    places, rng, *, sites=CORNERS, labels=None, amplitude=0.2, shift=0.0, resolutions="log",
    temperature=300, **options,
):  # fmt: skip
    """Ions that vibrate about places (frames, ions, 3), on some sites of the cell."""
    n_frames, n = places.shape[:2]
    ions = places + rng.normal(scale=amplitude, size=places.shape)
    host = HOST + rng.normal(scale=0.05, size=(n_frames, len(HOST), 3))
    u = make_universe(
        np.concatenate([ions, host], axis=1) % LENGTH, (LENGTH,) * 3 + (90.0,) * 3,
        names=["LI"] * n + ["H"] * len(HOST), masses=[7.0] * n + [90.0] * len(HOST),
    )  # fmt: skip
    detector = SiteAssignment.from_structure(
        sites + shift / CELL, labels or ["a"] * len(sites), framework=u.select_atoms("name H"),
        framework_fractional=BASIS / CELL, supercell=(REPEATS,) * 3, **options,
    )  # fmt: skip
    ion = IonSpecies(
        u.select_atoms("name LI"), charge=1, name="Li+", microstates=detector,
        events=CrystalEvents(),
    )  # fmt: skip
    return OnsagerDecomposition([ion], temperature=temperature, resolutions=resolutions)


@cache
def hopping_run(temperature=300, rate=0.05):
    """A run of 24 ions on sites a and b, of which b is left three times as fast as a."""
    rng = np.random.default_rng(temperature)
    places = walk(rng, 700, 24, rate=rate, on_b=0.25)
    labels = ["b" if odd else "a" for odd in ODD]
    return analysis(
        places, rng, labels=labels, amplitude=0.05, assignment="nearest", temperature=temperature
    ).run()


def two_lattices(rng, n_frames, n_ions, *, rate=0.1, switch=0.005):
    """Lattice walks in steps of a cell on one of two lattices, which ions seldom change."""
    steps = np.eye(3)[rng.integers(0, 3, (n_frames, n_ions))] * CELL
    steps *= rng.choice([-1, 1], (n_frames, n_ions, 1)) * (rng.random((n_frames, n_ions, 1)) < rate)
    steps[0] = rng.integers(0, REPEATS, (n_ions, 3)) * CELL
    other = np.cumsum(rng.random((n_frames, n_ions)) < switch, axis=0) % 2
    return np.cumsum(steps, axis=0) + other[..., None] * CELL / 2


def simulate(graph, site_of, *, n_frames, **options):
    """All frames of an exclusion gas, (carriers, frames)."""
    return next(simulate_blocks(graph, site_of, n_frames=n_frames, most=n_frames, **options))
