"""Cells: the shortest vectors of a lattice, the nearest to others, and those that are refused."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.trajectory.cells import (
    check_cell_height,
    check_cell_step,
    check_constant_cell,
    in_lattice_vectors,
    read_cell,
    reduced_cell,
)


def skewed(rng):
    """Another choice of vectors for the same lattice: a product of shears."""
    change = np.eye(3)
    for _ in range(4):
        step, (i, j) = np.eye(3), rng.choice(3, 2, replace=False)
        step[i, j] = rng.integers(-2, 3)
        change = step @ change
    return change


def shortest(cell):
    """Lengths of the shortest independent vectors, of all combinations up to 3."""
    numbers = np.array([n for n in product(range(-3, 4), repeat=3) if any(n)])
    lengths = np.linalg.norm(numbers @ cell, axis=1)
    chosen = []
    for k in np.argsort(lengths, kind="stable"):
        if np.linalg.matrix_rank(numbers[[*chosen, k]]) == len(chosen) + 1:
            chosen.append(k)
        if len(chosen) == 3:
            return lengths[chosen]
    raise AssertionError


@pytest.mark.parametrize("seed", range(12))
def test_reduced_vectors_are_the_shortest_of_the_lattice(seed):
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(8, 12, 3)) + rng.uniform(-2, 2, (3, 3))
    found = reduced_cell(skewed(rng) @ cell)
    np.testing.assert_allclose(sorted(np.linalg.norm(found, axis=1)), shortest(cell), rtol=1e-9)
    change = found @ np.linalg.inv(cell)
    np.testing.assert_allclose(change, np.rint(change), atol=1e-9)
    assert abs(np.linalg.det(change)) == pytest.approx(1)
    # one that is as short as can be stays
    again = reduced_cell(found)
    np.testing.assert_array_equal(again, found)


def test_each_of_the_pairs_of_vectors_is_tried():
    cell = np.diag([10.0, 11, 12])
    for k, (i, j) in product(
        range(3), ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1))
    ):
        other = cell.copy()
        a, b = (m for m in range(3) if m != k)
        other[k] += i * cell[a] + j * cell[b]
        np.testing.assert_array_equal(reduced_cell(other), cell)


@pytest.mark.parametrize("seed", range(5))
def test_the_vectors_nearest_to_others_continue_them(seed):
    rng = np.random.default_rng(seed)
    reference = np.diag([9.0, 10, 11]) + rng.uniform(-1, 1, (3, 3))
    now = reference @ (np.eye(3) + rng.uniform(-0.02, 0.02, (3, 3)))
    assert in_lattice_vectors(now, reference) is now
    flipped = skewed(rng) @ now
    np.testing.assert_allclose(in_lattice_vectors(flipped, reference), now, atol=1e-9)
    with pytest.raises(InputError, match="cannot be related to the first one"):
        in_lattice_vectors(now * [1, 1, 2.6], reference)


def test_cells_that_do_not_continue_one_another_are_shown_by_their_edges():
    cell = np.array([[10.0, 0, 0], [3, 20, 0], [0, 7, 24]])
    said = r"cell of frame 4, 10 x 20.22 x 25 Å, .* to the first one, 10 x 10 x 10 Å"
    with pytest.raises(InputError, match=said):
        in_lattice_vectors(cell, 10 * np.eye(3), 4)


def test_frames_without_a_cell_are_refused():
    def ts(dimensions):
        return SimpleNamespace(frame=3, dimensions=dimensions)

    np.testing.assert_allclose(read_cell(ts([4, 5, 6, 90, 90, 90])), np.diag([4.0, 5, 6]))
    with pytest.raises(InputError, match="frame 3 has no cell"):
        read_cell(ts(None))
    for dimensions in ([0, 5, 6, 90, 90, 90], [4, 5, 6, 90, 0, 90], [np.nan, 5, 6, 90, 90, 90]):
        with pytest.raises(InputError, match=r"frame 3 has the cell .* encloses no volume"):
            read_cell(ts(np.array(dimensions, dtype=float)))


def test_a_cell_is_larger_than_twice_the_reach():
    check_cell_height(10.0, 4.99)
    for reach in (5.0, 5.01):
        with pytest.raises(InputError, match=r"shortest height is 10.00 Å.* need more than 10.0"):
            check_cell_height(10.0, reach)


def test_a_cell_that_jumps_or_changes_is_refused():
    cell = np.diag([20.0, 10, 30])
    # of the shortest height: 10 A
    for change, jumps in ((1.49, False), (-1.49, False), (1.51, True), (-1.51, True)):
        now = cell.copy()
        now[2, 0] += change
        if jumps:
            with pytest.raises(InputError, match=r"to frame 4 it changes by 15% of its short"):
                check_cell_step(cell, now, 4)
        else:
            check_cell_step(cell, now, 4)
    with pytest.raises(InputError, match=r"from 20.00 x 10.00 x 30.00 to 20.00 x 14.00 x 30.00 Å"):
        check_cell_step(cell, np.diag([20.0, 14, 30]), 4)
    check_constant_cell(cell + np.array([0, 0.99e-3, -0.99e-3])[:, None, None] * np.eye(3))
    for change in (1.01e-3, -1.01e-3):
        cells = cell + np.array([0, 0, change])[:, None, None] * np.eye(3)
        with pytest.raises(InputError, match=r"needs a constant cell, this one changes by 0.01%"):
            check_constant_cell(cells)
