"""Lengths of steps against NumPy, and what is said of them by hand."""

import numpy as np
import pytest

from mda_ionmech.trajectory.step_lengths import (
    SampledSteps,
    decimal_grid,
    decimals_note,
    measure_steps,
    missing_frames,
    outlier_note,
    rounding_note,
    spacing_notes,
)


def test_steps_of_every_species_against_numpy():
    rng = np.random.default_rng(0)
    first, far = np.array([0, 1, 5, 9]), np.array([0.5, 2.0, 4.0])
    steps = rng.normal(0, 0.2, (7, 9, 3))
    steps[2, 1:5] = 0
    cells = np.diag([9.0, 10, 11]) + rng.uniform(-1, 1, (7, 3, 3))
    square, longest, which, n_far = (np.empty((7, 3)) for _ in range(4))
    which, n_far = which.astype(int), n_far.astype(int)
    measure_steps(steps, cells, first, far, square, longest, which, n_far)
    lengths = np.linalg.norm(np.einsum("fci,fik->fck", steps, cells), axis=-1)
    for s in range(3):
        mine = lengths[:, first[s] : first[s + 1]]
        np.testing.assert_allclose(square[:, s], np.mean(mine**2, axis=1), atol=1e-15)
        np.testing.assert_allclose(longest[:, s], mine.max(axis=1), atol=1e-15)
        np.testing.assert_array_equal(which[:, s], mine.argmax(axis=1))
        np.testing.assert_array_equal(n_far[:, s], np.sum(mine > far[s], axis=1))
    assert n_far.min(axis=0).tolist() != n_far.max(axis=0).tolist()


def sampled(lengths, identical=None):
    lengths = np.asarray(lengths, dtype=float)
    identical = np.zeros(len(lengths), bool) if identical is None else np.array(identical)
    return SampledSteps(lengths, identical, 10.0, 5.0)


def test_the_typical_step_leaves_equal_frames_out():
    found = sampled([[3.0, 4.0, 0.0], [0, 0, 0], [0.0, 1.0, 2.0]], [False, True, False])
    assert found.typical(slice(0, 2)) == pytest.approx(np.sqrt((9 + 16 + 0 + 1) / 4))
    assert found.typical(slice(2, 3)) == pytest.approx(np.sqrt(2.0))
    assert sampled([[0.0, 0.0]], [True]).typical(slice(0, 2)) == 0


def test_equal_frames_are_odd_where_carriers_hardly_ever_rest():
    rng = np.random.default_rng(0)
    moving = rng.uniform(0.1, 1, (12, 8))
    assert sampled(moving).repeats_are_odd(10**6)
    # carriers that never move say nothing
    assert sampled(np.hstack([moving, np.zeros((12, 50))])).repeats_are_odd(10**6)
    assert not sampled(np.zeros((12, 8))).repeats_are_odd(100)
    assert not sampled(moving, [True] * 12).repeats_are_odd(100)
    # three of eight rest each time: all of them at once in one of 2600 pairs of frames
    resting = moving.copy()
    for k in range(12):
        resting[k, np.arange(k, k + 3) % 8] = 0
    chance = np.mean(resting == 0) ** 8
    assert chance == pytest.approx(0.375**8)
    assert sampled(resting).repeats_are_odd(int(0.9e-3 / chance))
    assert not sampled(resting).repeats_are_odd(int(1.1e-3 / chance) + 1)
    # half of them, however many there are
    resting = np.tile(np.where(np.arange(400) % 2, 0.0, 0.5), (12, 1))
    resting[::2] = resting[::2, ::-1]
    assert not sampled(resting).repeats_are_odd(3)
    assert sampled(np.where(np.arange(12)[:, None] < 5, 0, 0.5 + moving)).repeats_are_odd(1)


def test_spacings_that_steps_contradict():
    def said(*steps, height=20.0):
        return list(spacing_notes("Li", np.array(steps), height, 0.5))

    assert said() == []
    assert said(0.1, 0.2, 0.3) == []
    assert said(1e-3, 1e-3, 1e-3) == []
    (text,) = said(9e-4, 9.9e-4, 1.0)
    assert text.startswith("Li moves 0.00099 Å (median) from frame to frame, less than 0.001 Å")
    assert said(4.9, 5.0, 9.0) == []
    (text,) = said(4.9, 5.01, 9.0)
    assert "above a quarter of the shortest cell height (20 Å)" in text


def test_rounding_far_from_the_origin():
    step = float(np.spacing(np.float32(1000.0)))
    assert rounding_note("Li", 1000.0, 0.0) is None
    assert rounding_note("Li", 1000.0, 101 * step) is None
    text = rounding_note("Li", 1000.0, 20 * step)
    assert "around 1e+03 Å are stored in steps of 6.1e-05 Å" in text
    assert "5% of the root-mean-square step of Li (0.0012 Å)" in text
    # near to and far above 1 A alike
    assert rounding_note("Li", 2.0**27, 16 * 101.0) is None
    assert "1%" in rounding_note("Li", 2.0**27, 16 * 99.0)


def test_decimals_that_coordinates_are_rounded_to():
    rng = np.random.default_rng(0)
    x = rng.uniform(-40, 40, (50, 3))
    for grid in (0.1, 0.01, 0.001):
        assert decimal_grid((np.rint(x / grid) * grid).astype(np.float32)) == grid
    assert decimal_grid(x.astype(np.float32)) == 0
    assert decimal_grid(np.rint(x)) == 0.1
    assert decimal_grid(np.zeros((0, 3))) == 0.1
    # what is left of a zero by a conversion of units
    assert decimal_grid(np.full((2, 3), 1e-10)) == 0.1
    # one that is off is enough; and single precision cannot tell far away
    off = np.rint(x / 0.01) * 0.01
    off[7, 1] += 0.004
    assert decimal_grid(off) == 0.001
    far = (np.rint((x + 5000) / 0.001) * 0.001).astype(np.float32)
    assert decimal_grid(far) == 0
    assert decimal_grid((np.rint((x + 5000) / 0.1) * 0.1).astype(np.float32)) == 0.1


def test_what_decimals_add_to_squared_steps():
    # steps of 0.01 A add 5e-5 A^2, a hundredth of 0.0707^2
    assert decimals_note("Li", 0.01, 0.0) is None
    assert decimals_note("Li", 0.01, 0.0708) is None
    text = decimals_note("Li", 0.01, 0.05)
    assert "in steps of 0.01 Å, which makes 2% of the mean square step of Li (0.05 Å" in text
    assert "makes 100% of" in decimals_note("Li", 0.1, 0.01)
    x = np.rint(np.random.default_rng(0).normal(0, 1, (200_000, 2, 3)) / 0.1) * 0.1
    y = np.random.default_rng(0).normal(0, 1, (200_000, 2, 3))
    error = np.mean(np.sum(((x - y)[:, 0] - (x - y)[:, 1]) ** 2, axis=-1))
    assert error == pytest.approx(0.1**2 / 2, rel=0.02)


def test_the_longest_step_is_an_outlier_by_both_measures():
    def note(longest, rms, height):
        return outlier_note("Li", longest, rms, height, "atom 3 before frame 7", 900)

    assert note(8.0, 1.0, 20.0) is None
    assert note(7.9, 0.5, 32.0) is None
    assert note(4.9, 0.1, 20.0) is None
    text = note(8.1, 1.0, 20.0)
    assert text.startswith("one step of Li is an outlier among 900: atom 3 before frame 7 moves")
    assert "8 times the root mean square (1 Å) and 0.41 of the shortest" in note(8.2, 1.0, 20.0)
    assert note(5.1, 0.1, 20.0) is not None


def test_frames_are_missing_where_most_carriers_of_each_species_leap():
    n_far = np.array([[0, 0, 0], [3, 5, 1], [2, 5, 1], [3, 4, 1], [4, 8, 0]])
    assert missing_frames(n_far, np.array([4, 8, 3])).tolist() == [1, 4]
    assert missing_frames(n_far, np.array([4, 8, 4])).tolist() == []
    assert missing_frames(n_far, np.array([3, 3, 3])).tolist() == []
    assert missing_frames(n_far[:, :1], np.array([4])).tolist() == [1, 3, 4]
