"""Nearest sites, pairs of sites and the framework's drift, against plain twins in any cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.microstates.sites.density_maxima import density_sites, symmetrised
from mda_ionmech.microstates.sites.framework_drift import circular_mean
from mda_ionmech.microstates.sites.known_structure import nearest_labels
from mda_ionmech.microstates.sites.nearest_site import (
    SiteGrid,
    closest_pair,
    near_pairs,
    sites_about,
)
from mda_ionmech.microstates.sites.polyhedra import MOST, find_polyhedra
from mda_ionmech.trajectory.unwrap import Places

seeds = st.integers(0, 2**32 - 1)


def skewed(rng, flat):
    """A triclinic cell, its third vector longer or shorter than the others."""
    cell = np.diag(rng.uniform(6, 12, 3) * [1.0, 1.0, flat])
    cell[1, 0], cell[2, :2] = rng.uniform(-4, 4), rng.uniform(-4, 4, 2)
    return cell


def scattered(rng, n, how):
    """Fractional positions in some images: anywhere, close together, or on a lattice."""
    if how == "lattice":  # many sites are equally near
        points = rng.integers(0, 4, (n, 3)) / 4
    else:
        points = rng.random((n, 3))
    if how == "clustered":
        points = 0.4 + 0.05 * points
    return points + rng.integers(-2, 3, (n, 3))


def every_square(points, sites, cell):
    """Squared distances (points, sites) by rounded fractional differences, all of them."""
    d = points[:, None] - sites[None]
    d -= np.rint(d)
    x = d[..., :1] * cell[0] + d[..., 1:2] * cell[1] + d[..., 2:] * cell[2]
    return x[..., 0] * x[..., 0] + x[..., 1] * x[..., 1] + x[..., 2] * x[..., 2]


def images_of(points, cell, turns=3):
    """All images that can matter, fractional (images, points, 3)."""
    some = np.arange(-turns, turns + 1)
    return points + np.stack(np.meshgrid(some, some, some, indexing="ij"), -1).reshape(-1, 1, 3)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    seed=seeds,
    n=st.sampled_from([1, 2, 3, 20, 300]),
    how=st.sampled_from(["anywhere", "clustered", "lattice"]),
    flat=st.sampled_from([1.0, 0.1, 20.0]),
    breathing=st.sampled_from([0.0, 0.01, 0.3]),
)
def test_the_nearest_site_is_that_of_all_comparisons_bit_for_bit(seed, n, how, flat, breathing):
    rng = np.random.default_rng(seed)
    cell = skewed(rng, flat)
    sites = scattered(rng, n, how)
    shift = rng.uniform(-1, 1, 3) * (how != "lattice")
    near = sites[rng.integers(0, n, 40)] + rng.normal(scale=0.01, size=(40, 3))
    points = np.concatenate([near, scattered(rng, 40, how), rng.random((40, 3)), sites]) + shift
    now = cell * (1 + breathing * rng.uniform(-1, 1, (3, 3)))
    site, distance = SiteGrid.of(sites, cell).nearest(points, now, shift)
    every = every_square(points - shift, sites, now)
    np.testing.assert_array_equal(site, every.argmin(axis=1))
    np.testing.assert_array_equal(distance, np.sqrt(every.min(axis=1)))


@settings(max_examples=60, deadline=None)
@given(seed=seeds, n=st.sampled_from([1, 30, 200]), flat=st.sampled_from([1.0, 0.1, 20.0]))
def test_no_site_within_reach_is_missed_and_none_is_found_twice(seed, n, flat):
    rng = np.random.default_rng(seed)
    cell = skewed(rng, flat)
    sites = scattered(rng, n, "anywhere")
    grid = SiteGrid.of(sites, cell)
    found = np.empty(n, dtype=np.int32)
    for point, reach in zip(rng.uniform(-1, 2, (20, 3)), rng.uniform(0, 0.7, (20, 3)), strict=True):
        k = sites_about(*point, *reach, grid.boxed, found)
        assert len(set(found[:k].tolist())) == k
        apart = np.abs(point - sites - np.rint(point - sites))
        assert set(np.flatnonzero((apart <= reach).all(axis=1))) <= set(found[:k].tolist())


@settings(max_examples=60, deadline=None)
@given(seed=seeds, how=st.sampled_from(["anywhere", "clustered", "lattice"]))
def test_near_pairs_and_the_closest_are_those_of_all_images(seed, how):
    rng = np.random.default_rng(seed)
    cell = skewed(rng, 1.0)
    points, others = scattered(rng, 12, how), scattered(rng, 9, how)
    reach = rng.uniform(0.5, 6.0)
    wrapped = [x - np.floor(x) for x in (points, others)]

    def shortest(a, b):
        apart = images_of(b, cell)[:, None] - a[None, :, None]
        return np.linalg.norm(apart @ cell, axis=-1).min(axis=0)

    every = shortest(*wrapped)
    first, second, distance = near_pairs(points, others, cell, reach)
    clear = np.abs(every - reach) > 1e-9  # rounding may tell those at the reach apart
    expected = np.argwhere((every <= reach) & clear)
    kept = clear[first, second]
    np.testing.assert_array_equal(np.stack([first, second], axis=1)[kept], expected)
    np.testing.assert_allclose(distance, every[first, second], atol=1e-9)
    a, b, least = closest_pair(points, cell)
    apart = shortest(wrapped[0], wrapped[0]) + np.where(np.eye(len(points)), np.inf, 0.0)
    assert a != b
    assert least == pytest.approx(apart.min(), abs=1e-9)
    assert apart[a, b] == pytest.approx(apart.min(), abs=1e-9)


def test_the_closest_pair_of_a_thin_cell_is_not_a_site_and_its_image():
    sites = np.array([[0.1, 0.5, 0.5], [0.6, 0.5, 0.5], [0.6, 0.9, 0.9]])
    assert closest_pair(sites, np.diag([2.0, 50.0, 50.0])) == (0, 1, pytest.approx(1.0))
    sites[1, 1] = 0.55
    assert closest_pair(sites, np.diag([2.0, 50.0, 50.0])) == (
        0, 1, pytest.approx(np.hypot(1.0, 2.5)),
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    seed=seeds,
    n=st.sampled_from([1, 5, 64, 300]),
    spread=st.sampled_from([1e-3, 0.05, 0.5]),
)
def test_drift_is_the_angle_of_the_mean_turn(seed, n, spread):
    rng = np.random.default_rng(seed)
    cell = skewed(rng, 1.0)
    inverse = np.linalg.inv(cell)
    reference = rng.random((n, 3))
    moved = reference + rng.uniform(-2, 2, 3) + spread * rng.normal(size=(n, 3))
    atoms = rng.permutation(2 * n)[:n]
    coordinates = rng.random((2 * n, 3)).astype(np.float32)
    coordinates[atoms] = (moved @ cell).astype(np.float32)
    mean = np.exp(2j * np.pi * (coordinates[atoms] @ inverse - reference)).mean(axis=0)
    expected = np.angle(mean) / (2 * np.pi)
    places = Places(coordinates.reshape(-1), atoms, inverse)
    found = circular_mean(places, np.ascontiguousarray(reference.T))
    # a mean near 0 has an angle known to that much less
    off = found - expected
    assert np.all(np.abs(off - np.rint(off)) * np.abs(mean) < 1e-13)
    assert np.all(np.abs(found) <= 0.5)


def test_drift_of_a_whole_framework_is_exact_wherever_the_cell_is_cut():
    rng = np.random.default_rng(4)
    reference = rng.random((200, 3))
    rattle = np.repeat(rng.normal(scale=0.03, size=(100, 3)), 2, axis=0)
    rattle[1::2] *= -1
    for drift in (np.array([0.3, -0.2, 0.49]), np.array([2.7, 0.5, -1.1])):
        wrapped = (reference + rattle + drift) % 1.0
        found = circular_mean(Places.of(wrapped), np.ascontiguousarray(reference.T))
        off = found - drift
        np.testing.assert_allclose(off - np.rint(off), 0, atol=1e-14)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_vertices_are_the_nearest_images_of_all(seed):
    rng = np.random.default_rng(seed)
    cell = skewed(rng, 1.0) * 0.8
    sites, atoms = rng.uniform(-1, 2, (6, 3)), rng.random((rng.integers(1, 40), 3))
    shape = find_polyhedra(sites, ["a"] * 6, atoms, cell, None)
    images = images_of(atoms, cell, 4)
    for s, site in enumerate(sites - np.floor(sites)):
        vector = (images - site).reshape(-1, 3)
        order = np.argsort(np.linalg.norm(vector @ cell, axis=1))[: np.diff(shape.offsets)[s]]
        mine = slice(shape.offsets[s], shape.offsets[s + 1])
        np.testing.assert_allclose(shape.vector[mine], vector[order], atol=1e-9)
        np.testing.assert_array_equal(shape.atom[mine], order % len(atoms))
    assert np.diff(shape.offsets).max() <= MOST


def test_of_close_maxima_the_highest_stay_as_when_taken_one_by_one():
    rng = np.random.default_rng(7)
    cell = np.array([[9.0, 0, 0], [2.0, 8.0, 0], [1.0, -2.0, 7.0]])
    homes = rng.random((12, 3))
    weight = rng.integers(30, 200, len(homes))
    positions = np.repeat(homes, weight, axis=0)
    positions += rng.normal(scale=0.02, size=positions.shape)
    loose = density_sites(positions, cell, 0.05, 0.5)
    kept: list[np.ndarray] = []
    for one in loose:
        apart = every_square(one[None], np.array(kept).reshape(-1, 3), cell)
        if not np.any(apart < 9.0):
            kept.append(one)
    found = density_sites(positions, cell, 0.05, 3.0)
    assert len(found) == len(kept)
    # each is then moved to the mean of what is within separation
    assert every_square(found, np.array(kept), cell).min(axis=1).max() < 1.5**2


def test_points_on_an_orbit_are_taken_with_it():
    turns = np.array([np.eye(3), -np.eye(3)])
    operations = turns, np.zeros((2, 3))
    cell = np.diag([8.0, 9.0, 10.0])
    points = np.array([[0.1, 0.2, 0.3], [0.9, 0.8, 0.71], [0.5, 0.5, 0.52], [0.11, 0.2, 1.3]])
    sites, orbit = symmetrised(points, operations, cell, 1.2)
    np.testing.assert_array_equal(orbit, [0, 0, 1])
    np.testing.assert_allclose(sites[2], 0.5)
    labels, farthest = nearest_labels(sites, np.array([[1.1, 0.2, 0.3]]), ["x"], cell, 9.0)
    assert labels == ["x"] * 3
    assert farthest > 2
