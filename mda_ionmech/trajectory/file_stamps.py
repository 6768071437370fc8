"""Stamps of frames as XTC and TRR files hold them, where MDAnalysis was told to make others.

``Universe(topology, trajectory, dt=...)`` makes the times of XTC and TRR frames multiples of `dt`,
counted anew in every file. The scale is then the user's; gaps and repeats are still in the files.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .time_sources import Stamp, file_starts

_FORMATS = ("XTC", "TRR")


class StampsOfFiles:
    """Stamps of frames as XTC and TRR files hold them; reads the frames it is asked for."""

    def __init__(self, trajectory: Any) -> None:
        self._readers = getattr(trajectory, "readers", [trajectory])
        self._starts = file_starts(trajectory)
        self._open: tuple[int, Any] | None = None

    def __call__(self, frame: int) -> Stamp:
        """The stamp of a frame of the trajectory, by its number."""
        file = int(np.searchsorted(self._starts[: len(self._readers)], frame, side="right")) - 1
        place = frame - self._starts[file]
        if self._open is None or self._open[0] != file:
            self.close()
            reader = self._readers[file]
            opened = reader._file(str(reader.filename))
            opened.set_offsets(reader._xdr.offsets)
            self._open = file, opened
        self._open[1].seek(place)
        found = self._open[1].read()
        return Stamp(frame, float(found.time), int(found.step), file, place)

    def close(self) -> None:
        """Close the file that is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


def stamps_of_files(trajectory: Any) -> StampsOfFiles | None:
    """Stamps from the files of a trajectory whose times MDAnalysis was told to replace, or None."""
    readers = getattr(trajectory, "readers", [trajectory])
    for reader in readers:
        told = getattr(reader, "_kwargs", {}).get("dt") is not None
        path = getattr(reader, "filename", None)
        if not told or getattr(reader, "format", "") not in _FORMATS:
            return None
        if not isinstance(path, str | os.PathLike) or not os.path.isfile(path):
            return None
    return StampsOfFiles(trajectory)
