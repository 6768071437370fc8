"""Where the frames are read: in this process, in others of this machine, or on a Dask cluster.

Every way hands over the same parts of the trajectory and takes their answers in order, one at a
time: what is large goes to its place at once, and a bar covers the whole.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from MDAnalysis.analysis.backends import BackendBase
from MDAnalysis.lib.log import ProgressBar

from .errors import InputError

#: Parts for each worker: the last one to finish keeps the others waiting for a part of the time.
PARTS_PER_WORKER = 4
#: How often a part is sent again after its worker died.
RETRIES = 5


@dataclass(frozen=True)
class Part:
    """What a part of the frames gave: the attributes that `AnalysisBase.run` gathers.

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
    """Reads one part; only the answer travels back, not the analysis.

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
    """This process, one part after the other."""

    n_workers = 1

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts one after another."""
        yield from map(read, computations)


class _Kept(threading.local):
    """The analysis a thread of a worker has unpacked: it reads part after part with it."""

    pickled: bytes = b""
    read: ReadPart


_kept = _Kept()


def _unpack(pickled: bytes) -> None:
    # a copy for every thread: two parts read with one would share its open file
    if _kept.pickled != pickled:
        _kept.read, _kept.pickled = pickle.loads(pickled), pickled


def _read_kept(indexed_frames: np.ndarray) -> Part:
    return _kept.read(indexed_frames)


def _begin(pickled: bytes) -> None:
    """Start a worker process with an analysis and a lock of its own for progress bars.

    The lock of a forked process is that of the process it was forked from: a worker that is ended
    while it holds it would leave every later bar waiting for ever.
    """
    ProgressBar.set_lock(threading.RLock())
    _unpack(pickled)


def _unpack_and_read(pickled: bytes, indexed_frames: np.ndarray) -> Part:
    _unpack(pickled)
    return _read_kept(indexed_frames)


def _same(pickled: bytes) -> bytes:
    return pickled


class ProcessParts:
    """Processes of this machine."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts in the processes of a pool; yields them in order."""
        context = multiprocessing.get_context()
        # pickled here: a process forked with the analysis would share its open file
        with context.Pool(self.n_workers, _begin, (pickle.dumps(read),)) as pool:
            waiting = deque(computations)
            running: deque[Any] = deque()
            while waiting or running:
                # answers wait for their turn in this process
                while waiting and len(running) <= self.n_workers:
                    running.append(pool.apply_async(_read_kept, (waiting.popleft(),)))
                yield running.popleft().get()


class DaskParts:
    """A Dask cluster of processes of this machine, for the time of the run."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts on a local Dask cluster; yields them in order."""
        from distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=self.n_workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield from ClientParts(client).parts(read, computations)


class ClientParts:
    """The workers of a Dask cluster, through the `distributed.Client` in scope.

    A part whose worker dies is sent to another one; the answer is the same.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.n_workers = max(1, sum(client.nthreads().values()))

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts on the workers of the client; yields them in order."""
        import cloudpickle  # takes rules along that were written in a notebook or a script

        # not scattered: data that a dying worker held alone would be lost, a task is run again
        analysis = self.client.submit(_same, cloudpickle.dumps(read), pure=False, retries=RETRIES)
        waiting = deque(computations)
        running: deque[Any] = deque()
        while waiting or running:
            # answers wait for their turn, so no more are under way than workers need
            while waiting and len(running) < 2 * self.n_workers:
                future = self.client.submit(
                    _unpack_and_read, analysis, waiting.popleft(), pure=False, retries=RETRIES
                )
                running.append(future)
            yield running.popleft().result()


class ForeignParts:
    """Any other backend of MDAnalysis."""

    def __init__(self, backend: BackendBase) -> None:
        self.backend = backend
        self.n_workers = int(getattr(backend, "n_workers", 1))

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        """Read the parts with the given backend; yields them in order."""
        yield from self.backend.apply(read, computations)


class GatherBackend(BackendBase):
    """Backend of `AnalysisBase.run` that hands over the answers of the parts one by one.

    Parameters
    ----------
    source : SerialParts, ProcessParts, DaskParts, ClientParts or ForeignParts
    absorb : callable
        Called with every `Part`, in order, and whether it was read now; takes what is large out of
        it.
    known : callable
        From the number of a part and its frames to what an earlier run read of them, or None.
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
        """The answers of all parts, in order."""
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
    """Where the parts are read.

    Parameters
    ----------
    backend : {"serial", "multiprocessing", "dask"}, BackendBase or None
        ``dask`` is the cluster of the `distributed.Client` in scope, if there is one, else one of
        this machine's processes.
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
