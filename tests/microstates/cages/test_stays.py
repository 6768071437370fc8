"""Stays of carriers against exhaustive search, and against noise with known errors."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from mda_ionmech.lib.arrays_on_disk import ArrayFolder, new_array
from mda_ionmech.microstates.cages.stays import (
    GROUP,
    RECENT,
    displacements_within,
    find_stays,
    local_means,
    localisation,
    penalty_of_noise,
    stays,
)


def best_stays(path, penalty):
    """First frames of the stays of one path (3, frames), trying every first frame of the last."""
    n_frames = path.shape[1]
    best, begin = [-penalty], [0]
    for t in range(1, n_frames + 1):
        cost = []
        for s in range(t):
            inside = path[:, s:t]
            scatter = ((inside - inside.mean(axis=1, keepdims=True)) ** 2).sum()
            cost.append((best[s] + scatter + penalty, s))
        lowest, at = min(cost)
        best.append(lowest)
        begin.append(at)
    found, t = [], n_frames
    while t > 0:
        t = begin[t]
        found.append(t)
    return found[::-1]


@pytest.mark.parametrize("penalty", [0.05, 0.5, 3.0])
def test_stays_are_the_best_of_all(penalty):
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(size=(4, 3, 90)) * (rng.random((4, 1, 90)) < 0.1), axis=2)
    position = 100.0 + walk + rng.normal(scale=0.2, size=walk.shape)
    offsets, start = find_stays(position, penalty, RECENT, GROUP)
    for c, path in enumerate(position):
        expected = best_stays(path, penalty)
        assert start[offsets[c] : offsets[c + 1]].tolist() == expected


def test_stays_do_not_depend_on_the_direction_of_time():
    rng = np.random.default_rng(4)
    position = np.repeat(rng.normal(scale=2.0, size=(5, 3, 30)), 7, axis=2)
    position += rng.normal(scale=0.3, size=position.shape)
    forward, backward = stays(position, 2.0)[0], stays(position[:, :, ::-1].copy(), 2.0)[0]
    n = position.shape[2]
    for c in range(5):
        one, other = (
            runs.start[runs.offsets[c] : runs.offsets[c + 1]] for runs in (forward, backward)
        )
        np.testing.assert_array_equal(one[1:], np.sort(n - other[1:]))


def test_a_change_is_misdated_by_a_frame_as_often_as_noise_does_it():
    # the noise of one frame along the hop exceeds half its length: one tail, on either side
    rng = np.random.default_rng(5)
    length, sigma, n_carriers = 1.5, 0.45, 6000
    position = rng.normal(scale=sigma, size=(n_carriers, 3, 40))
    position[:, 0, 20:] += length
    runs, _, _ = stays(position, 6.0)
    found = np.diff(runs.offsets) == 2
    assert found.mean() > 0.999
    date = runs.start[runs.offsets[:-1][found] + 1]
    expected = 2 * norm.sf(length / (2 * sigma))
    error = np.sqrt(expected * (1 - expected) / found.sum())
    wrong = np.mean(date != 20)
    assert wrong == pytest.approx(expected, abs=3 * error + 0.1 * expected)
    assert abs(np.mean(date - 20.0)) < 3 * np.std(date) / np.sqrt(len(date))


def test_means_and_lengths_of_stays():
    rng = np.random.default_rng(6)
    position = np.repeat(rng.normal(scale=3.0, size=(3, 3, 4)), 10, axis=2)
    runs, mean, frames = stays(position, 1e-3)
    assert np.all(frames == 10)
    np.testing.assert_allclose(mean.reshape(3, 4, 3), position[:, :, ::10].transpose(0, 2, 1))
    np.testing.assert_array_equal(runs.dense(), np.repeat(np.arange(12).reshape(3, 4), 10, axis=1))


def test_a_carrier_that_never_moves_has_one_stay():
    rng = np.random.default_rng(12)
    for position in (np.zeros((2, 3, 3000)), rng.normal(scale=0.2, size=(2, 3, 3000))):
        _, mean, frames = stays(position, 1.0)
        assert frames.tolist() == [3000, 3000]
        np.testing.assert_allclose(mean, position.mean(axis=2), atol=1e-12)


def visits(rng, length, n_frames=8000, n_carriers=4):
    """Paths with visits of so many frames at 3 A, far from one another, and their number."""
    position = rng.normal(scale=0.1, size=(n_carriers, 3, n_frames))
    n = 0
    for path in position:
        apart = 8 * length
        at = apart + int(rng.integers(0, 512))
        while at + length + apart < n_frames:
            path[0, at : at + length] += 3.0
            at, n = at + length + apart + int(rng.integers(0, 512)), n + 1
    return position, n


@pytest.mark.parametrize("frames", [50, 400, 1000])
def test_visits_count_from_the_same_length_on_in_every_place(frames):
    # penalty (time / spacing) distance^2 / 2; a visit costs two, for its length times hop^2
    distance = 1.65
    shortest = frames * (distance / 3.0) ** 2
    for part in (0.5, 0.9):
        position, _ = visits(np.random.default_rng(13), int(part * shortest))
        _, mean, _ = stays(position, frames * distance**2 / 2)
        assert np.all(mean[:, 0] < 1.5)
    position, n = visits(np.random.default_rng(14), int(1.3 * shortest))
    _, mean, _ = stays(position, frames * distance**2 / 2)
    assert np.sum(mean[:, 0] > 1.5) == n


def test_grouped_beginnings_find_the_stays_of_all_beginnings():
    rng = np.random.default_rng(15)
    walk = np.repeat(rng.normal(scale=2.0, size=(3, 3, 12)), rng.integers(20, 900, 12), axis=2)
    position = walk + rng.normal(scale=0.3, size=walk.shape)
    for penalty in (1.0, 30.0, 300.0):
        offsets, start = find_stays(position, penalty, position.shape[2], 1)
        found, _, _ = stays(position, penalty)
        np.testing.assert_array_equal(found.offsets, offsets)
        np.testing.assert_array_equal(found.start, start)


def test_stays_on_disk_are_those_in_memory():
    rng = np.random.default_rng(7)
    position = np.cumsum(rng.normal(size=(6, 3, 200)), axis=2)
    folder = ArrayFolder()
    mapped = new_array(position.shape, np.float64, folder)
    mapped[:] = position
    one, other = stays(position, 4.0), stays(mapped, 4.0)
    assert other[0].folder is folder
    np.testing.assert_array_equal(one[0].dense(), other[0].dense())
    np.testing.assert_array_equal(one[1], other[1])


def test_displacements_within_stays_against_loops():
    rng = np.random.default_rng(8)
    position = np.cumsum(rng.normal(size=(3, 3, 60)), axis=2)
    runs, _, _ = stays(position, 6.0)
    lag, free, bounded = 2, 0.0, 0.0
    for c in range(3):
        edges = [*runs.start[runs.offsets[c] : runs.offsets[c + 1]], 60]
        for a, b in pairwise(edges):
            if b - a < 2 * lag + 1:
                continue
            x = position[c, :, a:b]
            free += ((x[:, lag:] - x[:, :-lag]) ** 2).sum(axis=0).mean() * (b - 1 - a) / lag
            bounded += ((x[:, -1] - x[:, 0]) ** 2).sum()
    found = displacements_within(position, runs.offsets, runs.start, lag)
    np.testing.assert_allclose(found, (free, bounded), rtol=1e-12)


def test_vibrations_are_bounded_and_free_diffusion_is_not():
    rng = np.random.default_rng(9)
    vibration = rng.normal(scale=0.2, size=(20, 3, 512))
    held, _, _ = stays(vibration, 1.0)
    # the mean squared steps and displacements of white noise are equal: the number of lags is left
    assert localisation(vibration, held, 1) == pytest.approx(511, rel=0.3)
    walk = np.cumsum(rng.normal(scale=0.2, size=(50, 3, 1000)), axis=2)
    for lag in (1, 3):
        held, _, _ = stays(walk, 1.5**2 * lag / 2)
        assert 1.5 < localisation(walk, held, lag) < 2.5
    assert localisation(np.zeros((2, 3, 50)), stays(np.zeros((2, 3, 50)), 1.0)[0], 1) is None


def test_penalty_of_white_noise():
    rng = np.random.default_rng(10)
    noise = rng.normal(scale=0.3, size=(50, 3, 1000))
    assert penalty_of_noise(noise) == pytest.approx(4 * 0.09 * np.log(1000), rel=0.02)


def test_local_means_leave_the_rest_out():
    position = np.arange(2 * 3 * 7, dtype=float).reshape(2, 3, 7)
    found = local_means(position, 3)
    np.testing.assert_allclose(found, np.stack([position[..., 1], position[..., 4]], axis=-1))
    assert local_means(position, 1) is position
