"""Serial, multiprocessing and Dask execution of the frame stage.

All backends read the same parts of the trajectory and return their results in order, one at a time,
so that large arrays are stored at once and one progress bar covers the whole run.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from MDAnalysis.analysis.backends import BackendBase
from MDAnalysis.lib.log import ProgressBar

from .errors import InputError

#: Parts per worker: with more parts less time is lost waiting for the last one.
PARTS_PER_WORKER = 4
#: How often a part is sent again after its worker died.
RETRIES = 5
#: Time for a pool to end, s: it takes a fraction of a second, or for ever.
_ENDING = 10.0


@dataclass(frozen=True)
class Part:
    """The outcome of a part of the frames: the attributes that `AnalysisBase.run` gathers.

    Attributes
    ----------
    frames, times : numpy.ndarray
        Shape (frames of the part,).
    results : MDAnalysis.analysis.results.Results
    """

    frames: np.ndarray
    times: np.ndarray
    results: Any


@dataclass(frozen=True)
class ReadPart:
    """Reads one part; only the outcome is sent back, not the analysis.

    Attributes
    ----------
    compute : callable
        `AnalysisBase._compute` of the analysis.
    """

    compute: Callable[[np.ndarray], Any]

    def __call__(self, indexed_frames: np.ndarray) -> Part:
        done = self.compute(indexed_frames)
        return Part(done.frames, done.times, done.results)


class SerialParts:
    """Reads parts in this process, one after the other."""

    n_workers = 1

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts one after another."""
        yield from map(read, computations)


class _Kept(threading.local):
    """The analysis unpacked by a thread of a worker, which reads all its parts with it."""

    pickled: bytes = b""
    read: ReadPart


_kept = _Kept()


def _unpack(pickled: bytes) -> None:
    # a copy per thread: two parts read with one copy would share its open file
    if _kept.pickled != pickled:
        _kept.read, _kept.pickled = pickle.loads(pickled), pickled


def _read_kept(indexed_frames: np.ndarray) -> Part:
    return _kept.read(indexed_frames)


def _begin(pickled: bytes, begun: Any) -> None:
    """Start a worker process with an analysis and a lock of its own for progress bars.

    A forked process shares the lock of its parent: a worker that is killed while it holds the lock
    would block every later progress bar.
    """
    begun.put(os.getpid())
    ProgressBar.set_lock(threading.RLock())
    _unpack(pickled)


def _unpack_and_read(pickled: bytes, indexed_frames: np.ndarray) -> Part:
    _unpack(pickled)
    return _read_kept(indexed_frames)


def _same(pickled: bytes) -> bytes:
    return pickled


def _is_there(outcome: Any) -> bool:
    """Whether a worker has sent an outcome within a second."""
    outcome.wait(1.0)
    return bool(outcome.ready())


class ProcessParts:
    """Reads parts in processes of this machine; one that ends early is an error."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts in the processes of a pool; yields them in order."""
        # pickled here: a process forked with the analysis would share its open file
        pickled = pickle.dumps(read)
        with self._pool(pickled) as (pool, begun):
            waiting = deque(computations)
            running: deque[Any] = deque()
            started: set[int] = set()
            while waiting or running:
                # outcomes wait in this process until it is their turn
                while waiting and len(running) <= self.n_workers:
                    running.append(pool.apply_async(_read_kept, (waiting.popleft(),)))
                outcome = running.popleft()
                while not _is_there(outcome):
                    while not begun.empty():
                        started.add(begun.get())
                    self._check_workers(started)
                yield outcome.get()

    @contextmanager
    def _pool(self, pickled: bytes) -> Iterator[tuple[Any, Any]]:
        """A pool of processes, and the queue of those that have begun."""
        context = multiprocessing.get_context()
        before = {process.pid for process in multiprocessing.active_children()}
        try:
            begun = context.SimpleQueue()
            pool = context.Pool(self.n_workers, _begin, (pickled, begun))
        except OSError as error:
            raise _cannot_start(self.n_workers, error.strerror or str(error)) from error
        try:
            yield pool, begun
        finally:
            end_pool(pool, before)

    def _check_workers(self, started: set[int]) -> None:
        """Refuse to wait for a process that has ended: a pool would, for ever."""
        if started <= {process.pid for process in multiprocessing.active_children()}:
            return
        raise InputError(
            f"one of n_workers={self.n_workers} processes ended before it had read its part of the "
            "trajectory, as the system does to a process when memory runs out; give fewer workers, "
            "or a budget with memory='4GB'; with a store, the parts read so far are kept"
        )


def end_pool(pool: Any, before: Set[int | None]) -> None:
    """End the processes of a pool, also where the pool itself would wait for ever.

    A process that is stopped while it sends an outcome leaves half of it in the pipe, and a thread
    of the pool waits for the rest, and `terminate` for that thread. An error in one part, while
    another one is sent, did so.

    Parameters
    ----------
    pool : multiprocessing.pool.Pool
    before : set of int
        Identifiers of the child processes that are not of the pool.
    """
    ending = threading.Thread(target=pool.terminate, daemon=True)
    ending.start()
    ending.join(_ENDING)
    if ending.is_alive():
        for process in multiprocessing.active_children():
            if process.pid not in before:
                process.terminate()


def _cannot_start(n_workers: int, reason: str) -> InputError:
    """The error where the system starts no processes: no space for locks, too many processes."""
    return InputError(
        f"n_workers={n_workers} processes cannot be started: {reason}; give fewer workers, or "
        "backend='serial'; containers may need /dev/shm and a folder for temporary files (TMPDIR)"
    )


class DaskParts:
    """Reads parts on a Dask cluster of local processes, which lasts for the run."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts on a local Dask cluster; yields them in order."""
        from distributed import Client, LocalCluster

        try:
            started = LocalCluster(
                n_workers=self.n_workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
            )
        except (OSError, RuntimeError) as error:
            raise _cannot_start(self.n_workers, str(error)) from error
        with started as cluster, Client(cluster, set_as_default=False) as client:
            yield from ClientParts(client).parts(read, computations)


class ClientParts:
    """Reads parts on the workers of a Dask cluster, through the current `distributed.Client`.

    A part whose worker dies is sent to another one; the outcome is the same.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.n_workers = max(1, sum(client.nthreads().values()))

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts on the workers of the client; yields them in order."""
        import cloudpickle  # also pickles rules defined in a notebook or a script

        # not scattered: scattered data is lost with a worker, a task is run again
        analysis = self.client.submit(_same, cloudpickle.dumps(read), pure=False, retries=RETRIES)
        waiting = deque(computations)
        running: deque[Any] = deque()
        while waiting or running:
            # outcomes wait for their turn, so only as many parts are submitted as needed
            while waiting and len(running) < 2 * self.n_workers:
                future = self.client.submit(
                    _unpack_and_read, analysis, waiting.popleft(), pure=False, retries=RETRIES
                )
                running.append(future)
            yield running.popleft().result()


class ForeignParts:
    """Reads parts with any other backend of MDAnalysis."""

    def __init__(self, backend: BackendBase) -> None:
        self.backend = backend
        self.n_workers = int(getattr(backend, "n_workers", 1))

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts with the given backend; yields them in order."""
        yield from self.backend.apply(read, computations)


class GatherBackend(BackendBase):
    """Backend of `AnalysisBase.run` that passes on the outcomes of parts one by one.

    Parameters
    ----------
    source : SerialParts, ProcessParts, DaskParts, ClientParts or ForeignParts
    absorb : callable
        Called with every `Part`, in order, and whether it was read now; moves large arrays out of
        it.
    known : callable
        Maps the number of a part and its frames to the stored part of an earlier run, or None.
    """

    def __init__(
        self,
        source: Any,
        absorb: Callable[[Part, bool], None],
        known: Callable[[int, np.ndarray], Part | None],
    ) -> None:
        super().__init__(n_workers=source.n_workers)
        self.source = source
        self.absorb = absorb
        self.known = known

    def apply(self, func: Callable[..., Any], computations: list[Any]) -> list[Any]:
        """The outcomes of all parts, in order."""
        done: list[Any] = []
        waiting: list[Any] = []

        def read_waiting() -> None:
            for part in self.source.parts(ReadPart(func), waiting) if waiting else ():
                self.absorb(part, True)
                done.append(part)
            waiting.clear()

        for number, frames in enumerate(computations):
            part = self.known(number, frames)
            if part is None:
                waiting.append(frames)
                continue
            read_waiting()
            self.absorb(part, False)
            done.append(part)
        read_waiting()
        return done


def client_in_scope() -> Any:
    """The `distributed.Client` in use, or None."""
    try:
        from distributed import get_client
    except ImportError as error:
        raise InputError(
            "backend='dask' needs dask and distributed: pip install 'mda-ionmech[dask]', or use "
            "backend='multiprocessing'"
        ) from error
    try:
        return get_client()
    except ValueError:
        return None


def parts_source(backend: Any, n_workers: int | None) -> Any:
    """The object that reads the parts.

    Parameters
    ----------
    backend : {"serial", "multiprocessing", "dask"}, BackendBase or None
        ``dask`` is the cluster of the current `distributed.Client`, if there is one, else one of
        local processes.
    n_workers : int, optional
        Default: one per core.
    """
    n_workers = n_workers or os.cpu_count() or 1
    if backend in (None, "serial"):
        return SerialParts()
    if backend == "multiprocessing":
        return ProcessParts(n_workers)
    if backend == "dask":
        client = client_in_scope()
        return DaskParts(n_workers) if client is None else ClientParts(client)
    return ForeignParts(backend)
