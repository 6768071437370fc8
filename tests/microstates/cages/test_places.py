"""Places of stays: pair distributions, leaders and groups against plain loops and known places."""

import numpy as np
import pytest

from mda_ionmech.microstates.cages.places import (
    BIN,
    TOGETHER,
    PairDistribution,
    find_leaders,
    group_stays,
    pair_distribution,
)
from mda_ionmech.trajectory.unwrap import cell_heights

CELLS = {
    "cube": np.eye(3) * 12.0,
    "triclinic": np.array([[12.0, 0.0, 0.0], [3.0, 11.0, 0.0], [-2.0, 2.5, 13.0]]),
}


def distances(a, b, cell):
    """Minimum-image distances over the 27 nearest images, (a, b)."""
    images = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    off = a[:, None] - b[None]
    off -= np.rint(off)
    return np.linalg.norm((off[:, :, None] + images) @ cell, axis=-1).min(axis=2)


def lattice(n):
    return np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) / n


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_pair_distribution_against_all_pairs(cell):
    rng = np.random.default_rng(1)
    points = rng.uniform(-2, 3, (150, 3))
    found = pair_distribution(points, cell)
    apart = distances(points, points, cell)[np.triu_indices(150, 1)]
    edges = np.arange(len(found.distance) + 1) * BIN
    number = np.histogram(apart, edges)[0]
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    uniform = 150 * 149 / 2 / abs(np.linalg.det(cell)) * shells
    np.testing.assert_allclose(found.density * uniform, number, atol=1e-9)
    assert found.expected == pytest.approx(uniform[: round(TOGETHER / BIN)].sum())


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_leaders_against_a_loop(cell):
    rng = np.random.default_rng(2)
    points = rng.random((300, 3))
    order = rng.permutation(300)
    boxes = (cell_heights(cell) / 2.0).astype(np.int64)
    leader = np.empty(300, dtype=np.int64)
    n = find_leaders(points, order, cell, 2.0, boxes, leader)
    expected = []
    for p in order:
        known = points[expected] if expected else np.empty((0, 3))
        # the search rounds fractional differences, which is exact for distances this short
        if not len(known) or distances(points[p][None], known, cell).min() > 2.0:
            expected.append(p)
    assert leader[:n].tolist() == expected


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("distance", [1.5, 1.9])
def test_stays_about_a_lattice_are_grouped_by_its_points(cell, distance):
    rng = np.random.default_rng(3)
    points = lattice(4)
    which = rng.integers(0, 64, 3000)
    frames = rng.geometric(0.1, 3000)
    # also a stay of one frame is nearer to its place than the distance
    scatter = rng.normal(scale=0.3, size=(3000, 3)) / np.sqrt(frames)[:, None]
    mean = points[which] + scatter @ np.linalg.inv(cell) + rng.integers(-2, 3, (3000, 3))
    place, centres = group_stays(mean, frames, cell, distance)
    assert len(centres) == 64
    nearest = distances(points, centres, cell)
    assert nearest.min(axis=1).max() < 0.3
    number = nearest.argmin(axis=1)
    assert np.mean(place == number[which]) > 0.98


def test_no_two_places_are_closer_than_the_distance():
    rng = np.random.default_rng(4)
    cell = CELLS["triclinic"]
    mean, frames = rng.random((600, 3)), rng.integers(1, 30, 600)
    place, centres = group_stays(mean, frames, cell, 1.5)
    apart = distances(centres, centres, cell) + 10 * np.eye(len(centres))
    assert apart.min() > 1.5
    assert np.all((centres >= 0) & (centres < 1))
    # every stay is at the nearest centre, and every place holds a stay
    own = distances(mean, centres, cell)
    np.testing.assert_allclose(own[np.arange(600), place], own.min(axis=1), atol=1e-12)
    assert len(np.unique(place)) == len(centres)


def test_first_minimum_separates_places():
    rng = np.random.default_rng(5)
    cell = CELLS["cube"]
    points = lattice(5)[rng.integers(0, 125, 4000)]  # 2.4 A apart
    scatter = rng.normal(scale=0.25, size=(4000, 3)) @ np.linalg.inv(cell)
    found = pair_distribution(points + scatter, cell)
    assert found.is_judged
    assert found.together > 10
    # halfway between the two peaks, which differences of scatter broaden alike
    assert found.first_minimum() == pytest.approx(1.3, abs=0.25)


def test_uniform_positions_have_no_minimum():
    rng = np.random.default_rng(6)
    found = pair_distribution(rng.random((4000, 3)), CELLS["cube"])
    assert found.together == pytest.approx(1.0, abs=3 / np.sqrt(found.expected))
    assert found.first_minimum() is None


def test_a_gap_is_divided_in_the_middle():
    distance = BIN * (np.arange(40) + 0.5)
    density = np.where(distance < 0.5, 30.0, 0.0) + np.where(distance > 2.0, 2.0, 0.0)
    found = PairDistribution(distance, density, 100.0)
    assert found.first_minimum() == pytest.approx(1.25, abs=BIN)


def lattice_distribution(rng, places, returns, *, stray=0, scatter=0.05):
    """Of stays at places 3 A apart, each with some returns, and of strays near some place."""
    n = round(places ** (1 / 3))
    cell = np.eye(3) * 3.0 * n
    points = np.repeat(lattice(n), returns, axis=0)
    points = points + rng.normal(scale=scatter, size=points.shape) / (3.0 * n)
    way = rng.normal(size=(stray, 3))
    way *= rng.uniform(0.6, 1.4, (stray, 1)) / np.linalg.norm(way, axis=1)[:, None] / (3.0 * n)
    return pair_distribution(np.concatenate([points, lattice(n)[:stray] + way]), cell)


@pytest.mark.parametrize("places", [64, 216])
@pytest.mark.parametrize("returns", [3, 12])
@pytest.mark.parametrize("stray", [0, 1, 3])
def test_strays_between_places_make_no_minimum(places, returns, stray):
    for seed in range(5):
        found = lattice_distribution(np.random.default_rng(seed), places, returns, stray=stray)
        # in the middle between the peaks at 0 and 3 A
        assert found.first_minimum() == pytest.approx(1.5, abs=0.25)


def test_too_few_pairs_have_no_minimum():
    rng = np.random.default_rng(8)
    cell = np.eye(3) * 15.0
    assert pair_distribution(lattice(5)[rng.permutation(125)[:12]], cell).first_minimum() is None
    few = pair_distribution(lattice(5)[rng.integers(0, 125, 25)], cell)
    assert few.first_minimum() is None


def test_a_rise_within_counting_noise_makes_no_minimum():
    distance = BIN * (np.arange(40) + 0.5)
    density = np.where(distance < 0.5, 30.0, 1.0)
    density[15:20] = 1.1
    # bins behind 1.5 A hold 54 pairs for every one that is expected up to 0.5 A
    assert PairDistribution(distance, density, 3.0).first_minimum() is None
    assert PairDistribution(distance, density, 3000.0).first_minimum() is not None
