"""Resumable on-disk store for unwrapped paths and contacts, one file per part of the frames.

A store is a folder with ``manifest.json`` and a file for each part of the frames. The manifest
records what the parts depend on, and for every complete part the length and checksum of its file,
its frames, and checksums of a sample of these frames. A part is used only if all of these agree.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from MDAnalysis.analysis.results import Results as RawResults

from ..lib.arrays_on_disk import remove_abandoned
from ..lib.errors import InputError
from ..lib.file_lock import FileLock
from ..lib.files import checksum, checksum_of_content, sync
from ..lib.frame_backends import Part

FORMAT = "ionmech-run/4"
MANIFEST = "manifest.json"
LOCK = "in-use.lock"
#: Largest manifest, bytes: about half a million parts.
MOST_BYTES = 2**28
#: Memory that the size of parts is chosen for without a budget, bytes.
DEFAULT_BUDGET = 2**30
#: Inverse of the fraction of the budget that the steps of concurrent parts may take.
SHARE = 4
#: An interrupted run loses at most about this fraction of its frames.
FEWEST_PARTS = 50


def part_size(n_carriers: int, n_frames: int, budget: int, n_workers: int = 1) -> int:
    """Number of frames per part, so that the steps of concurrent parts fit a share of the budget.

    Parameters
    ----------
    n_carriers, n_frames : int
    budget : int
        Bytes.
    n_workers : int
        Processes that read parts: each may have a finished part waiting, and one is processed here.
    """
    most = budget // (SHARE * (n_workers + 1)) // (24 * n_carriers)
    return int(max(min(most, -(-n_frames // FEWEST_PARTS)), 1))


def _differences(stored: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        for key in sorted({*stored, *now}):
            yield from _differences(
                stored.get(key), now.get(key), f"{name}.{key}" if name else str(key)
            )
    elif stored != now:
        shown = [str(x) if len(str(x)) <= 60 else f"{str(x)[:57]}..." for x in (stored, now)]
        yield f"{name} ({shown[0]} there, {shown[1]} here)"


class RunStore:
    """A store opened by a run, locked for other runs until it is closed.

    Attributes
    ----------
    folder : Path
    part_frames : int
        Frames of every part but the last.
    """

    def __init__(self, folder: Path, lock: FileLock, content: dict[str, Any]) -> None:
        self.folder, self._lock, self._content = folder, lock, content
        self.part_frames = int(content["part_frames"])

    @classmethod
    def open(cls, folder: Path, origin: dict[str, Any], part_frames: int) -> RunStore:
        """Make a store, or open one of an earlier run with the same frames and settings.

        Parameters
        ----------
        folder : Path
            A new or empty folder, or one that holds a store.
        origin : dict
            Everything that the parts depend on, as plain values.
        part_frames : int
            Frames of every part but the last, of a new store.

        Raises
        ------
        InputError
            If the folder cannot be made or holds something else, if the store is in use, was
            damaged, or holds data of other frames or settings.
        """
        try:
            return cls._opened(folder, json.loads(json.dumps(origin)), part_frames)
        except OSError as error:  # e.g. of a folder that this user may not look into
            raise InputError(
                f"store={str(folder)!r} cannot be used: {error.strerror or error}; allow this user "
                "to read and write it, or give another folder"
            ) from error

    @classmethod
    def _opened(cls, folder: Path, origin: dict[str, Any], part_frames: int) -> RunStore:
        parent = folder.parent
        if not folder.is_dir():
            if folder.exists():
                raise InputError(f"store={str(folder)!r} is a file; give the path of a folder")
            if not parent.is_dir() or not os.access(parent, os.W_OK):
                raise InputError(
                    f"store={str(folder)!r}: the folder {parent} does not exist or is not "
                    "writable; make it, or give another path"
                )
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:  # a link to nothing, too
                raise InputError(
                    f"store={str(folder)!r}: no folder can be made there ({error.strerror}); give "
                    "another path"
                ) from error
        if not (folder / MANIFEST).is_file() and any(
            path.name != LOCK for path in folder.iterdir()
        ):
            why = ""
            if (folder / "parts").is_dir():
                why = f": {MANIFEST} is missing"
            elif (folder / "zarr.json").exists():
                why = " in the present format: it is of an earlier version, which ignored changes "
                why += "of the cell"
            raise InputError(
                f"store={str(folder)!r} exists and is no store of a run{why}; give another folder"
            )
        try:
            lock = FileLock.take(folder / LOCK)
        except OSError as error:
            raise InputError(
                f"store={str(folder)!r} cannot be written to: {error.strerror}; give another folder"
            ) from error
        if lock is None:
            raise InputError(
                f"store={str(folder)!r} is in use by another run; wait until it ends, or give "
                "another folder"
            )
        try:
            new = not (folder / MANIFEST).is_file()
            if new:
                content = {
                    "format": FORMAT, "origin": origin, "part_frames": part_frames, "parts": []
                }  # fmt: skip
            else:
                content = _read_manifest(folder, origin)
            store = cls(folder, lock, content)
            store._make_folder_of_parts()
            if new:
                store._write_manifest()
            store._remove_leftovers()
        except BaseException:
            lock.release()
            raise
        return store

    def close(self) -> None:
        """Release the lock."""
        self._lock.release()

    def _make_folder_of_parts(self) -> None:
        try:
            (self.folder / "parts").mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(
                f"store={str(self.folder)!r}: no folder {self.folder / 'parts'} can be made "
                f"({error.strerror}); delete the store, or give another folder"
            ) from error

    def _remove_leftovers(self) -> None:
        """Remove the temporary files and arrays of runs that were killed."""
        remove_abandoned(self.folder)
        for path in [*self.folder.glob(".*.tmp"), *(self.folder / "parts").glob(".*.tmp")]:
            if not path.is_dir():
                path.unlink(missing_ok=True)

    def _part(self, number: int) -> Path:
        return self.folder / "parts" / f"{number:06d}.npz"

    def _write_manifest(self) -> None:
        self._content["checksum"] = checksum_of_content(self._content)
        text = json.dumps(self._content, indent=1)
        self._write(self.folder / MANIFEST, lambda file: file.write(text.encode()))

    def _write(self, path: Path, write: Any) -> None:
        """Write a file atomically, also if the machine stops."""
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            with open(temporary, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            sync(path.parent)
        except FileNotFoundError as error:
            raise InputError(
                f"store={str(self.folder)!r} was removed while a run was writing to it; start the "
                "run again"
            ) from error
        except OSError as error:
            raise InputError(
                f"store={str(self.folder)!r} cannot be written to: {error.strerror}; complete "
                "parts are kept: free space and start the run again with the same store"
            ) from error

    def save(self, number: int, part: Part, sample: list[list[float]]) -> None:
        """Save a part; it is complete when this returns.

        Parameters
        ----------
        number : int
        part : Part
        sample : list of [int, int]
            Number and digest of some of its frames, see `frame_digest`.
        """
        arrays: dict[str, Any] = {"frames": part.frames, "times": part.times}
        for name, value in part.results.items():
            if isinstance(value, dict):
                arrays |= {f"{name}.{column}": values for column, values in value.items()}
            else:
                arrays[name] = value
        path = self._part(number)
        self._write(path, lambda file: np.savez(file, **arrays))
        parts = self._content["parts"]
        about = {
            "bytes": path.stat().st_size,
            "crc32": checksum(path),
            "frames": [int(part.frames[0]), int(part.frames[-1]), len(part.frames)],
            "sample": sample,
        }
        parts += [None] * (number + 1 - len(parts))
        parts[number] = about
        self._write_manifest()

    def sample(self, number: int) -> list[list[int]] | None:
        """Number and digest of the sampled frames of a part; None without the part."""
        parts = self._content["parts"]
        return parts[number]["sample"] if number < len(parts) and parts[number] else None

    def load(self, number: int, frames: np.ndarray) -> Part:
        """A part written by `save`.

        Parameters
        ----------
        number : int
        frames : numpy.ndarray
            Shape (frames of the part,): their numbers in the trajectory.

        Raises
        ------
        DamagedPart
            If the file has changed, or is that of other frames.
        """
        about, path = self._content["parts"][number], self._part(number)
        if not path.is_file():
            raise DamagedPart("its file is missing")
        try:
            size, found = path.stat().st_size, checksum(path)
        except OSError as error:
            raise DamagedPart(f"its file cannot be read ({error.strerror})") from error
        if size != about["bytes"]:
            raise DamagedPart(f"its file has {size} bytes of {about['bytes']}")
        if found != about["crc32"]:
            raise DamagedPart("its file was changed")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                given = {name: arrays[name] for name in arrays.files}
            times, of_frames = given.pop("times"), given.pop("frames")
            results: dict[str, Any] = {}
            for name, values in given.items():
                head, _, column = name.partition(".")
                if column:
                    results.setdefault(head, {})[column] = values
                else:
                    results[name] = values
        except Exception as error:  # libraries raise any error for damaged bytes
            raise DamagedPart(f"its file cannot be read ({type(error).__name__})") from error
        if not np.array_equal(of_frames, frames):
            raise DamagedPart("it holds other frames")
        return Part(frames, times, RawResults(results))


class DamagedPart(Exception):
    """A part of a store is missing or has changed."""


def _read_manifest(folder: Path, origin: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a store of the same frames and settings."""
    name = str(folder / MANIFEST)
    if (size := (folder / MANIFEST).stat().st_size) > MOST_BYTES:
        raise InputError(
            f"store={str(folder)!r}: {name} has {size / 1e6:.0f} MB, which no run writes; give "
            "another folder"
        )
    data = (folder / MANIFEST).read_bytes()
    try:
        content = json.loads(data)
        found = content["format"] if isinstance(content, dict) else None
        is_sound = found == FORMAT and content.get("checksum") == checksum_of_content(content)
    except (ValueError, KeyError, RecursionError) as error:
        raise InputError(
            f"store={str(folder)!r}: {name} cannot be read ({error!s:.80}); delete the "
            "folder, or give another one"
        ) from error
    if found != FORMAT:
        raise InputError(
            f"store={str(folder)!r} is no store of a run in the format {FORMAT}; give another "
            "folder"
        )
    if not is_sound or not _is_manifest(content):
        raise InputError(
            f"store={str(folder)!r}: {name} was changed after it was written; delete the folder, "
            "or give another one"
        )
    changed = list(_differences(content["origin"], origin))
    if changed:
        raise InputError(
            f"store={str(folder)!r} was written with another trajectory or other settings: "
            f"{'; '.join(changed[:4])}; give another folder, or delete this one"
        )
    return content


def _is_manifest(content: Mapping[str, Any]) -> bool:
    """Whether a manifest has the entries that `RunStore` writes."""
    parts, size = content.get("parts"), content.get("part_frames")
    return (
        isinstance(content.get("origin"), Mapping)
        and isinstance(size, int)
        and size > 0
        and isinstance(parts, list)
        and all(one is None or _is_part(one) for one in parts)
    )


def _is_part(about: Any) -> bool:
    """Whether an entry of a manifest describes a part."""
    if not isinstance(about, Mapping):
        return False
    sample = about.get("sample")
    return (
        all(isinstance(about.get(name), int) for name in ("bytes", "crc32"))
        and isinstance(sample, list)
        and all(isinstance(one, list) and [type(n) for n in one] == [int, int] for one in sample)
    )


def frame_digest(time: float, cell: np.ndarray, coordinates: np.ndarray) -> int:
    """A checksum of one frame as it was read.

    Parameters
    ----------
    time : float
        ps.
    cell : numpy.ndarray
        Of any shape.
    coordinates : numpy.ndarray
        Of any shape.
    """
    found = zlib.crc32(np.float64(time).tobytes())
    found = zlib.crc32(np.ascontiguousarray(cell, dtype=np.float64).tobytes(), found)
    return zlib.crc32(np.ascontiguousarray(coordinates).data.cast("B"), found)
