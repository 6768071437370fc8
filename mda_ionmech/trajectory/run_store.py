"""What the frame stage gathers, on disk: a Zarr array of paths that grows part by part.

Beside it a file for each part holds what is small, and says that the part is whole.

A run that was stopped goes on from the last whole part, and data larger than memory stay there: the
later stages read them block by block of carriers, with the same numbers.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from MDAnalysis.analysis.results import Results as RawResults

from ..lib.errors import InputError
from ..lib.files import write_atomically
from ..lib.frame_backends import Part
from ..lib.owned_folder import BorrowedFolder, OwnedFolder
from ..lib.path_chunks import create, write_chunk
from ..onsager.window_sums import BLOCK_BYTES
from .paths import StoredPosition, add_steps

FORMAT = "ionmech-run/3"
#: Folders in a store, each with what one run or relabelling works out, begin with this; a file that
#: tells a store from others begins with the other.
DERIVED, MARK = "derived-", "store-"
#: What chunks and blocks are sized for without a budget, bytes.
DEFAULT_BUDGET = 2**30
#: Work on what lives on disk takes such a part of the budget at once.
SHARE = 8
#: What takes no more than such a part of the budget stays in memory.
SMALL_SHARE = 24
#: In memory, windows that are worked on at once may take this beside 8 bytes per carrier and frame.
SPARE_BYTES = 100_000_000
#: Smaller chunks cost more to find than to read, bytes.
CHUNK_BYTES = 2**18
#: Option of mallopt, in malloc.h: larger arrays are mapped one by one.
M_MMAP_THRESHOLD = -3
#: See `return_freed_memory`.
MAPPED_BYTES = 2**18
#: Elements of a chunk of a list.
LIST_CHUNK = 2**17
#: A stopped run loses at most about this share of its frames.
FEWEST_PARTS = 50


def zarr_module() -> Any:
    """The package zarr, or what to do about its absence."""
    try:
        import zarr
    except ImportError as error:
        raise InputError(
            "store=... and memory=... keep data in a Zarr store and need zarr and dask: "
            "pip install 'mda-ionmech[dask]'"
        ) from error
    return zarr


def chunk_shape(
    n_carriers: int, n_frames: int, budget: int, *, columns: bool = False
) -> tuple[int, int]:
    """Carriers and frames of a chunk.

    A part, all carriers by the frames of a chunk, fills a quarter of the budget at most; a block,
    all frames by the carriers of a chunk, a sixteenth, and is no larger than it must be.

    Parameters
    ----------
    n_carriers, n_frames : int
    budget : int
        Bytes.
    columns : bool
        All carriers will be asked for at once: a chunk holds them all and fills a thirty-second,
        as several are held beside the sums of a window.
    """
    part = budget // (32 if columns else 4)
    frames = max(min(part // (24 * n_carriers), -(-n_frames // FEWEST_PARTS)), 1)
    if columns:
        return n_carriers, int(frames)
    most = max(budget // 16 // (24 * n_frames), 1)
    enough = max(BLOCK_BYTES // (24 * n_frames), CHUNK_BYTES // (24 * frames), 1)
    return int(min(most, enough, n_carriers)), int(frames)


def threads(n_frames: int, n_rows: int, block: int, room: int) -> int:
    """Windows that may be worked on at once: one at least, one for each core at most.

    Parameters
    ----------
    n_frames : int
    n_rows : int
        Pairs of species and label, or of macrostates, that sums are kept of.
    block : int
        Bytes of the positions that are read at once.
    room : int
        Bytes that all of them together may take.
    """
    # what is read, what is cut from it, and the labels; and sums of three kinds over three axes
    most = room // (3 * block + 72 * n_rows * n_frames)
    return max(1, min(os.cpu_count() or 1, most))


def return_freed_memory() -> None:
    """Let arrays go back to the system as soon as they are freed, where the C library is glibc.

    By itself it keeps freed blocks of up to 32 MB for later use, in each thread, and a budget is
    about what is resident: 61 MB of 379 in a run with a budget of 48 MB. For the whole process.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)


def _differences(stored: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        for key in sorted({*stored, *now}):
            yield from _differences(
                stored.get(key), now.get(key), f"{name}.{key}" if name else str(key)
            )
    elif stored != now:
        shown = [str(x) if len(str(x)) <= 60 else f"{str(x)[:57]}..." for x in (stored, now)]
        yield f"{name} ({shown[0]} there, {shown[1]} here)"


@dataclass(frozen=True)
class RunStore:
    """A store on disk, and the frames of its parts.

    Attributes
    ----------
    folder : Path
    path : zarr.Array
        Shape (carriers, 3, frames), float64: fractional paths minus the reference.
    part_frames : int
        Frames of every part but the last.
    """

    folder: Path
    path: Any
    part_frames: int

    @classmethod
    def open(
        cls,
        folder: Path,
        origin: dict[str, Any],
        n_carriers: int,
        n_frames: int,
        budget: int,
        *,
        columns: bool = False,
    ) -> RunStore:
        """Make a store, or open one that a run of the same frames and settings began.

        Parameters
        ----------
        folder : Path
        origin : dict
            What the stored data depend on, as plain values.
        n_carriers, n_frames : int
        budget : int
            Bytes that chunks are sized for.
        columns : bool
            As in `chunk_shape`.

        Raises
        ------
        InputError
            If the folder holds something else, or data of other frames or settings.
        """
        zarr = zarr_module()
        origin = json.loads(json.dumps(origin))
        if not folder.exists():
            shape = n_carriers, 3, n_frames
            chunk = chunk_shape(n_carriers, n_frames, budget, columns=columns)
            cls._make(folder, origin, shape, chunk)
        try:
            root = zarr.open_group(folder, mode="r+")
            attributes = dict(root.attrs)
            path = root["path"]
        except (KeyError, ValueError, OSError) as error:
            raise InputError(
                f"store={str(folder)!r} exists and is no store of a run; give another folder"
            ) from error
        if attributes.get("format") != FORMAT:
            older = str(attributes.get("format", "")).startswith(FORMAT.rpartition("/")[0])
            why = "an earlier version wrote it and saw no change of the cell: " if older else ""
            raise InputError(
                f"store={str(folder)!r} is no store of a run in the format {FORMAT}; {why}give "
                "another folder"
            )
        changed = list(_differences(attributes["origin"], origin))
        if changed:
            raise InputError(
                f"store={str(folder)!r} was written with another trajectory or other settings: "
                f"{'; '.join(changed[:4])}; give another folder, or delete this one"
            )
        return cls(folder, path, int(attributes["part_frames"]))

    @staticmethod
    def _make(
        folder: Path, origin: dict[str, Any], shape: tuple[int, int, int], chunk: tuple[int, int]
    ) -> None:
        zarr = zarr_module()
        parent = folder.parent
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise InputError(
                f"store={str(folder)!r}: the folder {parent} does not exist or is not writable; "
                "make it, or give another path"
            )
        carriers, frames = chunk
        # made beside its place and renamed: half a store never carries the name
        made = Path(tempfile.mkdtemp(dir=parent, prefix=f".{folder.name}."))
        (made / f"{MARK}{uuid4().hex}").touch()
        root = zarr.open_group(made, mode="w")
        root.attrs.update({"format": FORMAT, "origin": origin, "part_frames": frames})
        create(root, "path", shape, carriers, frames)
        (made / "parts").mkdir()
        made.rename(folder)

    def _part(self, number: int) -> Path:
        return self.folder / "parts" / f"{number:06d}.npz"

    def n_done(self) -> int:
        """Number of whole parts, from the first on."""
        number = 0
        while self._part(number).is_file():
            number += 1
        return number

    def save(self, number: int, part: Part, last: np.ndarray) -> None:
        """Keep what a part gave, except its paths; with it the part is done.

        Parameters
        ----------
        number : int
        part : Part
        last : numpy.ndarray
            Shape (carriers, 3): where the fractional paths end.
        """
        arrays = {"frames": part.frames, "times": part.times, "last": last}
        for name, value in part.results.items():
            if isinstance(value, dict):
                arrays |= {f"{name}.{column}": values for column, values in value.items()}
            else:
                arrays[name] = value

        def write(name: str) -> None:
            np.savez(name, allow_pickle=False, **arrays)

        write_atomically(self._part(number), write)

    def load(self, number: int) -> tuple[Part, np.ndarray]:
        """What `save` kept: the part, and where its paths end."""
        results: dict[str, Any] = {}
        with np.load(self._part(number)) as arrays:
            given = {name: arrays[name] for name in arrays.files}
        for name, values in given.items():
            head, _, column = name.partition(".")
            if column:
                results.setdefault(head, {})[column] = values
            elif name not in ("frames", "times", "last"):
                results[name] = values
        return Part(given["frames"], given["times"], RawResults(results)), given["last"]

    def load_table(self, number: int, name: str, one: str = "") -> dict[str, np.ndarray]:
        """One table of a part, or one of its columns."""
        with np.load(self._part(number)) as arrays:
            columns = [file for file in arrays.files if file.startswith(f"{name}.{one}")]
            return {column.partition(".")[2]: arrays[column] for column in columns}

    def mark(self) -> Path:
        """A file that no other store has, so that one put in its place is told from it."""
        found = next(self.folder.glob(f"{MARK}*"), None)
        if found is None:  # written before stores had one
            found = self.folder / f"{MARK}{uuid4().hex}"
            found.touch()
        return found


class StoredPaths:
    """As `PathBuilder`, with the paths in a store.

    Parameters
    ----------
    store : RunStore
    budget : int
        Bytes.
    """

    def __init__(self, store: RunStore, budget: int) -> None:
        self._array = store.path
        self._mark = store.mark()
        self._block = budget // 16
        self.last = np.zeros((store.path.shape[0], 3))
        self.filled = 0

    def skip(self, n_frames: int, last: np.ndarray) -> None:
        """Go on behind frames that are in the store already."""
        self.last = np.array(last)
        self.filled += n_frames

    def add(self, steps: np.ndarray, reference: np.ndarray) -> None:
        """Take the next frames; see `PathBuilder.add`."""
        n_frames, n_carriers, _ = steps.shape
        rows, _, width = self._array.chunks
        for number, first in enumerate(range(0, n_carriers, rows)):
            mine = slice(first, min(first + rows, n_carriers))
            part = np.empty((mine.stop - first, 3, n_frames))
            add_steps(steps[:, mine], reference, self.last[mine], 0, part)
            write_chunk(self._array, number, self.filled // width, part)
        self.filled += n_frames

    def finish(self, cell: np.ndarray) -> StoredPosition:
        """Positions of all carriers over all frames."""
        return StoredPosition(
            self._array, cell, 0, self._array.shape[0], self._block, mark=self._mark
        )


#: Makes an array to be filled, from its name, shape and type.
StateRoom = Callable[[str, tuple[int, ...], type], Any]


def in_memory(name: str, shape: tuple[int, ...], kind: type) -> np.ndarray:
    """A `StateRoom` in memory."""
    return np.empty(shape, dtype=kind)


class StoredStates:
    """A `StateRoom` on disk; what was written is read again as Dask arrays, chunk by chunk.

    Parameters
    ----------
    folder : Path
        A new or old folder; overwritten.
    width : int
        Carriers that are written at once.
    owner : OwnedFolder
        What the folder lies in.
    """

    def __init__(self, folder: Path, width: int, owner: OwnedFolder) -> None:
        self._width, self._owner = width, BorrowedFolder(owner.path)
        self._root = zarr_module().open_group(folder, mode="w")

    def __call__(self, name: str, shape: tuple[int, ...], kind: type) -> Any:
        if len(shape) == 1:
            chunks: tuple[int, ...] = (max(1, min(shape[0], LIST_CHUNK)),)
        else:  # as the blocks that are written
            chunks = (shape[0], max(1, min(shape[1], self._width)), *shape[2:])
        return self._root.create_array(
            name, shape=shape, chunks=chunks, dtype=np.dtype(kind).name, compressors=None
        )

    def lazy(self, array: Any) -> Any:
        """An array that reads its chunks when they are used, and fails when they are gone."""
        import dask.array

        # the type by name: that of the file is little-endian by word, which warns when saved
        meta = np.empty((0,) * array.ndim, dtype=array.dtype.name)
        there = _StillThere(array, self._owner)
        return dask.array.from_array(there, chunks=array.chunks, meta=meta, name=False)


class _StillThere:
    """A Zarr array that gives no zeros where its files were deleted."""

    def __init__(self, array: Any, folder: BorrowedFolder) -> None:
        self._array, self._folder = array, folder
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype

    def __getitem__(self, where: Any) -> Any:
        self._folder.check()
        return self._array[where]
