"""Where the frames are read: in this process, in others of this machine, or on a Dask cluster.

Every way hands over the same parts of the trajectory and takes their answers in order, one at a
time: what is large goes to its place at once, and a bar covers the whole.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from MDAnalysis.analysis.backends import BackendBase

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
        yield from map(read, computations)


_READ: list[ReadPart] = []


def _receive(pickled: bytes) -> None:
    """Keep the analysis in a worker, so that it travels once and not with every part."""
    _READ[:] = [pickle.loads(pickled)]


def _read_here(indexed_frames: np.ndarray) -> Part:
    return _READ[0](indexed_frames)


class ProcessParts:
    """Processes of this machine."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        context = multiprocessing.get_context()
        # pickled here: a process forked with the analysis would share its open file
        with context.Pool(self.n_workers, _receive, (pickle.dumps(read),)) as pool:
            yield from pool.imap(_read_here, computations)


class DaskParts:
    """Dask's own processes, without a cluster."""

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        import dask

        shared = dask.delayed(read)
        tasks = [dask.delayed(_call)(shared, one) for one in computations]
        yield from dask.compute(tasks, scheduler="processes", num_workers=self.n_workers)[0]


def _call(read: ReadPart, indexed_frames: np.ndarray) -> Part:
    return read(indexed_frames)


class ClientParts:
    """The workers of a Dask cluster, through the `distributed.Client` in scope.

    A part whose worker dies is sent to another one; the answer is the same.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.n_workers = max(1, sum(client.nthreads().values()))

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        # not scattered: data that a dying worker held alone would be lost, a task is run again
        analysis = self.client.submit(pickle.loads, pickle.dumps(read), pure=False, retries=RETRIES)
        waiting = deque(computations)
        running: deque[Any] = deque()
        while waiting or running:
            # answers wait for their turn, so no more are under way than workers need
            while waiting and len(running) < 2 * self.n_workers:
                future = self.client.submit(
                    _call, analysis, waiting.popleft(), pure=False, retries=RETRIES
                )
                running.append(future)
            yield running.popleft().result()


class ForeignParts:
    """Any other backend of MDAnalysis."""

    def __init__(self, backend: BackendBase) -> None:
        self.backend = backend
        self.n_workers = int(getattr(backend, "n_workers", 1))

    def parts(self, read: ReadPart, computations: list[np.ndarray]) -> Iterator[Part]:
        yield from self.backend.apply(read, computations)


class GatherBackend(BackendBase):
    """Backend of `AnalysisBase.run` that hands over the answers of the parts one by one.

    Parameters
    ----------
    source : SerialParts, ProcessParts, DaskParts, ClientParts or ForeignParts
    absorb : callable
        Called with every `Part`, in order; takes what is large out of it.
    """

    def __init__(self, source: Any, absorb: Callable[[Part], None]) -> None:
        super().__init__(n_workers=source.n_workers)
        self.source = source
        self.absorb = absorb

    def apply(self, func: Callable[..., Any], computations: list[Any]) -> list[Any]:
        """The answers of all parts, in order."""
        done = []
        for part in self.source.parts(ReadPart(func), computations):
            self.absorb(part)
            done.append(part)
        return done


def client_in_scope() -> Any:
    """The `distributed.Client` in use, or None."""
    try:
        from distributed import get_client
    except ImportError:
        return None
    try:
        return get_client()
    except ValueError:
        return None


def parts_source(backend: Any, n_workers: int | None) -> Any:
    """Where the parts are read.

    Parameters
    ----------
    backend : {"serial", "multiprocessing", "dask"}, BackendBase or None
        ``dask`` is the cluster of the `distributed.Client` in scope, if there is one.
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
