"""Alignment of a structure by its framework, some of which may be disordered."""

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.microstates.sites.alignment import align_framework, minimum_image, repeated

CELL = np.diag([20.0, 22.0, 24.0])
REPEATS = np.array([2, 2, 2])


def structure(seed, disordered=0):
    """A framework of two elements, as often each, and its ideal positions, shifted."""
    rng = np.random.default_rng(seed)
    ideal = np.concatenate([rng.uniform(size=(4, 3)), rng.uniform(size=(4, 3))])
    elements = np.repeat(["S", "P"], 4)
    ideal, kinds = repeated(ideal, REPEATS), np.tile(elements, 8)
    shift = rng.uniform(-0.1, 0.1, size=3)
    mean = ideal + shift + rng.normal(scale=0.05, size=ideal.shape) / np.diag(CELL)
    moved = np.flatnonzero(kinds == "S")[:disordered]
    mean[moved] = rng.uniform(size=(disordered, 3))
    return mean, kinds, ideal, shift


def aligned(mean, kinds, ideal):
    return align_framework(mean, kinds, ideal, kinds, REPEATS, CELL, np.eye(3))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("disordered", [0, 16])
def test_the_origin_is_found_by_the_element_that_is_ordered(seed, disordered):
    mean, kinds, ideal, shift = structure(seed, disordered)
    found, rest = aligned(mean, kinds, ideal)
    away = minimum_image((found - shift) * REPEATS) / REPEATS @ CELL  # a vector of the cell is free
    # 32 atoms, each displaced by 0.05 A along each axis
    assert np.linalg.norm(away) < 4 * 0.05 * np.sqrt(3 / 32)
    assert rest == pytest.approx(0.05 * np.sqrt(3), rel=0.4)


def test_a_framework_of_which_nothing_fits_is_refused():
    mean, kinds, ideal, _ = structure(0)
    rng = np.random.default_rng(1)
    with pytest.raises(InputError, match="the framework lies"):
        aligned(rng.uniform(size=mean.shape), kinds, ideal)


@pytest.mark.parametrize("shift", [0.02, 0.3, 0.45])
def test_an_element_on_a_finer_lattice_does_not_decide_the_origin_alone(shift):
    """Zr of a garnet lies on a body-centred lattice of half the edge, La and O do not."""
    corners = np.array(list(np.ndindex(2, 2, 2))) / 2
    fine = np.concatenate([corners, corners + 0.25])
    rng = np.random.default_rng(2)
    other = rng.uniform(size=(20, 3))
    ideal, kinds = np.concatenate([fine, other]), np.repeat(["Zr", "La"], [16, 20])
    wanted = np.array([shift, -shift, 0.1])
    mean = ideal + wanted + rng.normal(scale=0.05, size=ideal.shape) / np.diag(CELL)
    found, _ = align_framework(mean, kinds, ideal, kinds, np.ones(3, int), CELL, np.eye(3))
    # 16 atoms, each displaced by 0.05 A along each axis
    away = np.linalg.norm(minimum_image(found - wanted) @ CELL)
    assert away < 4 * 0.05 * np.sqrt(3 / 16)
