"""A budget bounds what a process allocates: its memory without the pages of files."""

import pytest

from benchmarks.memory import bodies, measure

#: What compiled kernels and what they are loaded with take beside the budget, with blocks of the
#: smallest size, bytes; 70 MB of them whatever the data.
BESIDE = 110_000_000


@pytest.mark.parametrize(
    ("case", "n_carriers", "n_frames"),
    [("most", 200, 5000), ("paired", 500, 5000), ("vehicle", 320, 5000), ("core", 400, 10_000)],
)
def test_runs_of_ten_times_their_budget_stay_within_it(case, n_carriers, n_frames):
    measure(case, 100, 300, 10**6, stages=False)  # kernels are compiled before, if they are not
    budget = 24 * bodies(case, n_carriers) * n_frames // 10
    found = measure(case, n_carriers, n_frames, budget, stages=False)
    assert found["distinct"] > (100 if case == "core" else 100_000)
    assert found["peak"] - found["imported"] < budget + BESIDE


@pytest.mark.parametrize(
    ("case", "n_carriers", "n_frames"), [("vehicle", 200, 5000), ("core", 400, 10_000)]
)
def test_runs_in_memory_take_64_bytes_per_carrier_and_frame(case, n_carriers, n_frames):
    measure(case, 100, 300, None, stages=False)
    found = measure(case, n_carriers, n_frames, None, stages=False)
    assert found["peak"] - found["imported"] < 64 * bodies(case, n_carriers) * n_frames + BESIDE
