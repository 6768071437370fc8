"""Execution of the window stage by threads, or by the workers of a Dask cluster.

Both yield results in order, and each result is computed in one place, so that it is the same bit
for bit for any number of threads or workers, also if a worker dies.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from .arrays_on_disk import reference_to
from .errors import InputError
from .frame_backends import RETRIES

Item = TypeVar("Item")
Answer = TypeVar("Answer")

#: Alignment of arrays in a file, bytes: as in memory.
ALIGNMENT = 64
#: Memory for concurrent windows, besides 8 bytes per carrier and frame.
SPARE_BYTES = 100_000_000


def threads(n_frames: int, n_rows: int, spare: int) -> int:
    """Number of windows that are computed concurrently: at least one, at most one per core.

    Parameters
    ----------
    n_frames : int
    n_rows : int
        Pairs of species and label, or of macrostates, that sums are computed for.
    spare : int
        Bytes that all of them may take together.
    """
    # sums of three kinds over three axes
    most = spare // (72 * n_rows * n_frames)
    return max(1, min(os.cpu_count() or 1, most))


def over_threads(
    task: Callable[[Item], Answer], items: Sequence[Item], threads: int
) -> Iterator[Answer]:
    """Results of a task for each item, in order, by `threads` threads."""
    with ThreadPoolExecutor(max(1, min(threads, len(items)))) as pool:
        yield from pool.map(task, items)


def over_workers(
    client: Any, folder: Path, task: Callable[[Item], Answer], items: Sequence[Item]
) -> Iterator[Answer]:
    """Results of a task for each item, in order, by the workers of a cluster.

    The task is written to a file that every worker maps to memory: workers of one machine share one
    copy, and the file is not lost with a worker that dies. Its item is then given to another one.

    Parameters
    ----------
    client : distributed.Client
    folder : Path
        On a file system that all workers share; the file is removed at the end.
    task : callable
    items : sequence

    Raises
    ------
    InputError
        If a worker cannot open the file.
    """
    if not items:
        return
    name = folder / f"windows-{uuid.uuid4().hex}"
    futures = []
    try:
        write_task(task, name)
        futures = [
            client.submit(work_on, name, item, pure=False, retries=RETRIES) for item in items
        ]
        for future in futures:
            yield pickle.loads(future.result())
    finally:
        client.cancel(futures)
        name.unlink(missing_ok=True)


def work_on(name: Path, item: Any) -> bytes:
    """The pickled result of the task in a file for one item.

    Unpickled arrays are aligned in memory: for unaligned arrays inside a message the linear algebra
    library may give results with different last bits.
    """
    try:
        task = read_task(name)
    except OSError as error:
        raise out_of_reach(name.parent, "a worker") from error
    return pickle.dumps(task(item), protocol=4)


def write_task(task: Any, name: Path) -> None:
    """Write a task to a file: arrays as raw memory, and paths for those on disk."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            found = reference_to(obj) if isinstance(obj, np.ndarray) else None
            return super().reducer_override(obj) if found is None else found

    arrays: list[pickle.PickleBuffer] = []
    packed = io.BytesIO()
    Pickler(packed, protocol=5, buffer_callback=arrays.append).dump(task)
    pickled = packed.getvalue()
    raw = [array.raw() for array in arrays]
    with open(name, "wb") as file:
        pickle.dump((pickled, [part.nbytes for part in raw]), file)
        for part in raw:
            file.seek(_aligned(file.tell()))
            file.write(part)


def read_task(name: Path) -> Any:
    """The task written by `write_task`; its arrays are copy-on-write maps of the file."""
    with open(name, "rb") as file:
        pickled, sizes = pickle.load(file)
        end = file.tell()
        pages = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    arrays = []
    for size in sizes:
        start = _aligned(end)
        end = start + size
        arrays.append(pages[start:end])
    return pickle.loads(pickled, buffers=arrays)


def _aligned(place: int) -> int:
    return -(-place // ALIGNMENT) * ALIGNMENT


def check_reach(client: Any, folder: Path, store: Path) -> None:
    """Refuse a store that some worker cannot open.

    Parameters
    ----------
    client : distributed.Client
    folder : Path
        In the store, where files may be made.
    store : Path

    Raises
    ------
    InputError
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix="reach-") as sign:
        sees = client.run(os.path.exists, sign.name, on_error="ignore")
    blind = sorted(str(worker) for worker, seen in sees.items() if not seen)
    if blind:
        raise out_of_reach(store, f"{len(blind)} of {len(sees)} workers, such as {blind[0]}")


def out_of_reach(folder: Path, who: str) -> InputError:
    """The error for a store that workers cannot open."""
    return InputError(
        f"the store {str(folder)!r} cannot be opened by {who}, and with a current Client the "
        "windows are computed there; give store=... a path on a file system that all workers share"
    )
