"""The diffusive view on processes with known answers: no bias, and intervals that cover.

The processes are those of the table in the documentation (`benchmarks.diffusive_limit`): two walks,
vehicle and jumps (case 5), a cage (case 9), back hops (case 10), unequal barriers (case 11).
"""

import numpy as np
import pytest

from benchmarks.diffusive_limit import PROCESSES, estimates

REPLICAS = 40


@pytest.mark.slow
@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: p.name)
def test_the_diffusive_view_finds_the_known_answer(process):
    """40 trajectories of 2 000 frames; three standard errors for the mean and the coverage."""
    found = estimates(process, 2000, REPLICAS, ("all lags", "part of the first label"))
    for name, rows in found.items():
        answer = 1.0 if name == "all lags" else process.first / process.total
        value, low, high = rows.T
        assert abs(value.mean() - answer) < 3 * value.std() / np.sqrt(REPLICAS) + 0.02
        assert abs(value.mean() - answer) < value.std(), "a bias below one standard error"
        inside = np.mean((low <= answer) & (answer <= high))
        assert abs(inside - 0.68) < 3 * np.sqrt(0.68 * 0.32 / REPLICAS)
