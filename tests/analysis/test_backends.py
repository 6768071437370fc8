"""Where the frames are read makes no difference: other processes, clusters, workers that die."""

import multiprocessing
import os
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from distributed import Client
from MDAnalysis.analysis.backends import BackendBase, BackendMultiprocessing
from MDAnalysis.lib.log import ProgressBar

from mda_ionmech import InputError, OnsagerDecomposition
from mda_ionmech.lib import frame_backends
from mda_ionmech.lib.frame_backends import DaskParts, Part, ProcessParts, ReadPart, parts_source
from mda_ionmech.microstates import CutoffShell

from ..builders import liquid_species
from ..clusters import command_line_cluster, local_cluster

STOP = 300


def analysis(universe=None, shell=CutoffShell, **options):
    return OnsagerDecomposition(
        liquid_species(universe, shell=shell), temperature=330, windows=[1.0, 8.0],
        resolutions=None, **options,
    )  # fmt: skip


def assert_identical(run, reference):
    np.testing.assert_array_equal(run.paths.position, reference.paths.position)
    np.testing.assert_array_equal(run.frames, reference.frames)
    np.testing.assert_array_equal(run.times, reference.times)
    np.testing.assert_array_equal(run.engine_step, reference.engine_step)
    for name, found in run.microstates.items():
        np.testing.assert_array_equal(found.state, reference.microstates[name].state)
    for group in ("decomposition", "transitions", "states", "shells"):
        assert (
            run.results.tree[group]
            .to_dataset()
            .identical(reference.results.tree[group].to_dataset())
        )


@pytest.fixture(scope="module")
def serial():
    return analysis().run(stop=STOP)


@pytest.fixture(scope="module")
def started_cluster():
    with local_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(started_cluster):
    """The cluster with both workers, also where the test before has ended one."""
    with Client(started_cluster, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    return started_cluster


class Reversed(BackendBase):
    """A backend of the user's own, which works through the parts in its own order."""

    def apply(self, func, computations):
        return [func(one) for one in computations[::-1]][::-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"backend": "serial", "n_parts": 5},
        {"backend": "multiprocessing", "n_workers": 2, "n_parts": 7},
        {"backend": "dask", "n_workers": 2},
        {"backend": BackendMultiprocessing(n_workers=2), "n_parts": 3},
        {"backend": Reversed(n_workers=1), "n_parts": 4},
    ],
)
def test_every_backend_gives_the_same_bits(serial, options):
    assert_identical(analysis().run(stop=STOP, **options), serial)


@pytest.mark.parametrize("cores", [1, 3])
def test_the_number_of_threads_makes_no_difference(serial, cores, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert_identical(analysis().run(stop=STOP), serial)


def test_dask_uses_the_cluster_in_scope(serial, cluster):
    with Client(cluster) as client:
        source = parts_source("dask", 7)
        assert source.client is client
        assert source.n_workers == 2, "those of the cluster, whatever was asked for"
        run = analysis().run(stop=STOP, backend="dask", n_parts=5)
    assert isinstance(parts_source("dask", 7), DaskParts)
    assert_identical(run, serial)


class LastBreath(CutoffShell):
    """Ends the process that reads frame 100, once: leaves a note so that the next one does not."""

    note = ""

    def contacts(self, frame):
        if not os.path.exists(self.note) and frame.centres[0, 0] == self.fatal:
            open(self.note, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().contacts(frame)


@pytest.mark.slow
def test_a_part_whose_worker_dies_is_read_again(serial, cluster, tmp_path):
    run = analysis(shell=LastBreath)
    detector = run.species[0].microstates
    detector.note = str(tmp_path / "died")
    source = run._frame_source(stop=STOP)
    detector.fatal = source.geometry(0, source.read(100)).centres[0, 0]
    with Client(cluster):
        run.run(stop=STOP, backend="dask", n_parts=6)
    assert os.path.exists(detector.note)
    run.results.tree.attrs["settings"] = run.results.tree.attrs["settings"].replace(
        "LastBreath", "CutoffShell"
    )
    assert_identical(run, serial)


class EveryBreath(CutoffShell):
    """Ends the process that reads frame 100."""

    fatal = 0.0

    def contacts(self, frame):
        if frame.centres[0, 0] == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().contacts(frame)


@pytest.mark.slow
def test_a_process_that_ends_early_is_an_error_and_what_was_read_is_kept(
    serial, tmp_path, monkeypatch
):
    run = analysis(shell=EveryBreath, store=tmp_path / "store")
    source = run._frame_source(stop=STOP)
    # of the class, which forked processes share: a store is of the attributes of a detector
    monkeypatch.setattr(EveryBreath, "fatal", source.geometry(0, source.read(100)).centres[0, 0])
    with pytest.raises(InputError, match="n_workers=2 processes ended before"):
        run.run(stop=STOP, backend="multiprocessing", n_workers=2, n_parts=8)
    monkeypatch.setattr(EveryBreath, "fatal", 0.0)
    parts = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert len(parts) > 2
    again = analysis(shell=EveryBreath, store=tmp_path / "store").run(stop=STOP, n_parts=8)
    for name in ("event_onsager", "onsager"):
        np.testing.assert_array_equal(
            again.results.decomposition[name], serial.results.decomposition[name]
        )


@pytest.mark.slow
def test_a_scheduler_and_workers_of_the_command_line(serial, tmp_path):
    with command_line_cluster(tmp_path):
        run = analysis().run(stop=STOP, backend="dask", n_parts=5)
    assert_identical(run, serial)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["serial", "multiprocessing", "dask"])
def test_one_progress_bar_covers_every_backend(backend, capsys):
    analysis().run(
        stop=STOP, backend=backend, n_workers=2, verbose=True, progressbar_kwargs={"ascii": True}
    )
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1, "one bar"
    assert "decomposing windows: 100%" in shown


@pytest.mark.slow
def test_an_unknown_backend_is_refused():
    with pytest.raises(InputError, match="backend='gpu' is not known"):
        analysis().run(stop=STOP, backend="gpu")


@pytest.mark.slow
def test_worker_processes_share_no_lock_of_bars():
    """A worker that is ended while it holds a shared lock would leave every later bar waiting."""
    read = ReadPart(lock_of_bars)
    found = next(iter(ProcessParts(1).parts(read, [np.zeros((1, 2), dtype=np.int64)])))
    assert "RLock" in found.results
    assert "RLock" not in str(type(ProgressBar.get_lock()))


def lock_of_bars(_):
    return Part(np.zeros(1), np.zeros(1), str(type(ProgressBar.get_lock())))


def test_a_pool_that_never_ends_is_left(monkeypatch):
    """Its own processes are stopped, and not those that were there before."""
    monkeypatch.setattr(frame_backends, "_ENDING", 0.1)
    context = multiprocessing.get_context()
    others, mine = (context.Process(target=time.sleep, args=(60,), daemon=True) for _ in range(2))
    others.start()
    before = {others.pid}
    mine.start()
    try:
        frame_backends.end_pool(SimpleNamespace(terminate=threading.Event().wait), before)
        mine.join(10)
        assert mine.exitcode == -signal.SIGTERM
        assert others.is_alive()
    finally:
        for one in (others, mine):
            one.kill()
            one.join()
