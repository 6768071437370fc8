"""Models of memory: their conditions, exact curves, and what trajectories leave open."""

import numpy as np
import pytest

from benchmarks.diffusive_limit import PROCESSES, blocks_of
from mda_ionmech.onsager.lag_choice import choose_lags
from mda_ionmech.onsager.lag_sums import lag_grids
from mda_ionmech.onsager.memory_models import memory_grid, memory_models

WALK, CAGE = PROCESSES[0], PROCESSES[4]


def test_every_model_meets_its_conditions():
    lags = lag_grids([1], 1000)[1]
    assert memory_grid(lags) == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    times = np.array(lags, dtype=float)
    squared = 0.6 * times + 5.0 * (1 - np.exp(-times / 6)) + np.sin(times)
    models = memory_models(lags, [1000], squared, 3)
    assert models.probability.sum() == pytest.approx(1.0)
    for weights, memory in zip(models.weights, models.memories, strict=True):
        assert weights @ times == pytest.approx(1.0, rel=1e-7)
        assert weights.sum() == pytest.approx(0.0, abs=1e-7)
        if memory:
            assert weights @ np.exp(-times / memory) == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize(("memory", "fast"), [(4.0, 0.0), (8.0, 3.0), (2.0, 1.0)])
def test_a_memory_of_the_grid_is_found_from_an_exact_curve(memory, fast):
    lags = lag_grids([1], 3000)[1]
    times = np.array(lags, dtype=float)
    squared = 6.0 * times + 6 * fast + 60.0 * (1 - np.exp(-times / memory))
    models = memory_models(lags, [3000], squared, 3)
    at = models.memories == memory
    assert models.probability[at].sum() > 0.5
    for weights in models.weights[at]:
        assert weights @ squared == pytest.approx(6.0, rel=1e-6)
    assert models.open_memory == 0
    assert not models.too_long.any()


def choices(process, n_frames, replicas, seed):
    rng = np.random.default_rng(seed)
    for k in range(replicas):
        blocks = blocks_of(process.steps(rng, n_frames), k)
        sums = blocks.lags[0]
        yield choose_lags(sums, sums, blocks.system, blocks.names, blocks.events)


def test_a_memory_near_the_length_of_the_trajectory_is_left_open():
    """A memory of 10 frames in 1 000, and none; most of the one and few of the other are told."""
    left = {}
    for process in (CAGE, WALK):
        left[process.name] = []
        for choice in choices(process, 1000, 30, 3):
            left[process.name].append(choice.open_memory > 0)
            assert choice.weights @ choice.lags == pytest.approx(1.0, rel=1e-7)
            assert choice.weights.sum() == pytest.approx(0.0, abs=1e-7)
            assert choice.probability.sum() == pytest.approx(1.0)
            assert len(choice.starts) == len(choice.lines) == len(choice.probability)
            assert choice.open_memory == 0 or choice.open_memory >= 1000 / 120
    assert np.mean(left[CAGE.name]) > 0.6
    assert np.mean(left[WALK.name]) < 0.25
