"""The window stage from a store, by one and two worker processes.

``python -m benchmarks.cluster`` prints what each took and checks that the bits are those of threads
of one process.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from distributed import Client, LocalCluster

from mda_ionmech.analysis.length_sums import LengthSums
from mda_ionmech.lib.arrays_on_disk import ArrayFolder, new_array
from mda_ionmech.lib.task_workers import over_threads, over_workers
from mda_ionmech.onsager import collective_path, label_runs
from mda_ionmech.onsager.carrier_labels import CarrierLabels

from .ours import N_LABELS, log_windows

N_IONS, N_FRAMES, N_WINDOWS, CHANGE, TURNS = 2_000, 10_000, 16, 0.01, 4
N_STATES = 64


def classify(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """A label for every pair of states."""
    return (before * N_STATES + after) % N_LABELS


def stored_walk(folder: Path) -> LengthSums:
    """Sums of a random walk whose positions are on disk, and whose states change by chance."""
    rng = np.random.default_rng(0)
    position = new_array((N_IONS, 3, N_FRAMES), np.float64, ArrayFolder(folder))
    for carrier in position:
        carrier[:] = rng.normal(size=(3, N_FRAMES)).cumsum(axis=-1)
    state = np.zeros((N_FRAMES, N_IONS), dtype=np.int32)
    for t in range(1, N_FRAMES):
        new = rng.random(N_IONS) < CHANGE
        state[t] = np.where(new, rng.integers(0, N_STATES, N_IONS), state[t - 1])
    labels = CarrierLabels(position, label_runs(state), classify, N_LABELS, None, 0)
    windows = tuple(int(n) for n in log_windows(N_FRAMES // 10, N_WINDOWS))
    return LengthSums(
        labels=[labels],
        collective=collective_path(position)[None],
        windows=windows,
        resolutions=windows[:4],
        horizons=windows,
        linked=(),
        seed=0,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        task = stored_walk(Path(folder))
        print(f"{N_IONS} ions, {N_FRAMES} frames, {len(task.lengths)} windows, positions on disk")
        expected = list(over_threads(task, task.lengths))
        for n in (1, 2):
            with (
                LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=None) as cluster,
                Client(cluster) as client,
            ):
                wall, busiest, here = [], [], []
                for _ in range(TURNS):
                    before = client.run(time.process_time)
                    mine, begin = time.process_time(), time.perf_counter()
                    found = list(over_workers(client, Path(folder), task, task.lengths))
                    wall.append(time.perf_counter() - begin)
                    here.append(time.process_time() - mine)
                    after = client.run(time.process_time)
                    busiest.append(max(after[w] - before[w] for w in after))
            print(
                f"{n} worker process{'es' * (n > 1)}: {min(wall):.1f} s by the clock, "
                f"{min(busiest):.1f} s CPU of the busiest worker, {min(here):.1f} s here"
            )
            for (one, _), (other, _) in zip(expected, found, strict=True):
                assert np.array_equal(one.sums.gram, other.sums.gram)


if __name__ == "__main__":
    main()
