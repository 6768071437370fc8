"""The diffusive view on processes with known answers: no bias, and intervals that cover.

The processes are those of the table in the documentation (`benchmarks.diffusive_limit`): two walks,
vehicle and jumps (case 5), cages (cases 8 and 9), back hops (case 10), unequal barriers (case 11),
an exclusion lattice gas (case 12), and rare hops.
"""

import numpy as np
import pytest

from benchmarks.diffusive_limit import PROCESSES, estimates

from ..builders import CUBE, brownian, decompose, hops, make_universe
from .test_slope_view import ornstein_uhlenbeck

REPLICAS = 40


@pytest.mark.slow
@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: p.name)
def test_the_diffusive_view_finds_the_known_answer(process):
    """40 trajectories of 2 000 frames; three standard errors for the mean and the coverage."""
    found = estimates(process, 2000, REPLICAS, ("all lags", "part of the first label"))
    for name, rows in found.items():
        answer = process.answer if name == "all lags" else process.first / process.total
        value, low, high = rows.T
        assert abs(value.mean() - answer) < 3 * value.std() / np.sqrt(REPLICAS) + 0.02
        assert abs(value.mean() - answer) < value.std(), "a bias below one standard error"
        inside = np.mean((low <= answer) & (answer <= high))
        assert abs(inside - 0.68) < 3 * np.sqrt(0.68 * 0.32 / REPLICAS)


def _walk(rng, n_frames):
    return brownian(rng, n_frames, 20, 0.05, 1.0), 0.05


def _rare_hops(rng, n_frames):
    """Sixty hops in all, far from Gaussian, of ions that vibrate."""
    paths, _ = hops(rng, n_frames, 20, 0.01, 2.0, 1.0)
    return paths + rng.normal(scale=0.3, size=paths.shape), 0.01 * 4 / 6


def _in_cages(rng, n_frames):
    paths, _ = hops(rng, n_frames, 20, 0.1, 2.0, 1.0)
    return paths + ornstein_uhlenbeck(rng, n_frames, 20, 0.3, 2.0, 1.0), 0.1 * 4 / 6


@pytest.mark.slow
@pytest.mark.parametrize("process", [_walk, _rare_hops, _in_cages])
def test_self_diffusivities_are_known_within_their_intervals(process):
    """40 runs of 300 frames: no bias, three standard errors for the mean and the coverage."""
    rng = np.random.default_rng(11)
    found = []
    for seed in range(REPLICAS):
        paths, answer = process(rng, 300)
        data = decompose(
            make_universe(paths + 20.0, CUBE), windows="log", resolutions=[1.0], horizons="log",
            seed=seed,
        ).decomposition  # fmt: skip
        names = [f"diffusive_diffusivity_self{end}" for end in ("", "_low", "_high")]
        found.append([float(data[name][0]) / (answer * 1e-4) for name in names])
    value, low, high = np.array(found).T
    assert value.mean() == pytest.approx(1.0, abs=3 * value.std() / np.sqrt(REPLICAS))
    inside = np.mean((low <= 1) & (high >= 1))
    assert abs(inside - 0.68) < 3 * np.sqrt(0.68 * 0.32 / REPLICAS)
