"""Dask clusters of separate processes."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

from distributed import Client, LocalCluster


def local_cluster(n_workers=2):
    return LocalCluster(
        n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address=":0"
    )


@contextlib.contextmanager
def command_line_cluster(folder):
    """Client of a scheduler and two workers that were started from the command line."""
    address = folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    # rules that tests define must be importable, as a user's module would have to be
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    quiet["env"] = os.environ | {"PYTHONPATH": path.rstrip(os.pathsep)}
    scheduler = [
        *dask, "scheduler", "--scheduler-file", str(address), "--port", "0", "--no-dashboard"
    ]  # fmt: skip
    worker = [
        *dask, "worker", "--scheduler-file", str(address), "--nthreads", "1", "--no-dashboard"
    ]  # fmt: skip
    started = [subprocess.Popen(command, **quiet) for command in (scheduler, worker, worker)]
    try:
        deadline = time.monotonic() + 120
        while not address.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with Client(scheduler_file=str(address), timeout=60) as client:
            client.wait_for_workers(2, timeout=120)
            yield client
    finally:
        for process in started[::-1]:
            process.terminate()
        for process in started:
            process.wait(60)
