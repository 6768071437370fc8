"""Files that end in the middle of a frame: readers pass over the torn frame without a word."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..lib.errors import InputError


def _torn_bytes(reader: Any) -> int:
    """Bytes after the last whole frame of one file, as far as its format lets one know."""
    path = getattr(reader, "filename", None)
    if not isinstance(path, str | Path) or not os.path.isfile(path):
        return 0
    size = os.path.getsize(path)
    kind = getattr(reader, "format", "")
    if kind in ("XTC", "TRR"):
        reader[-1]
        return size - int(reader._xdr._bytes_tell())
    if kind == "DCD":
        file = reader._file
        after_first = size - int(file._header_size) - int(file._firstframesize)
        return after_first % int(file._framesize) if after_first >= 0 else size
    if kind == "LAMMPSDUMP" and not str(path).endswith((".gz", ".bz2")):
        with open(path, "rb") as lines:
            lines.seek(reader._offsets[-1])
            for _ in range(reader.n_atoms + 9):
                lines.readline()
            return len(lines.read().strip())
    return 0


def check_complete(trajectory: Any) -> None:
    """Refuse a trajectory file that ends in the middle of a frame (XTC, TRR, DCD, LAMMPS dump).

    Raises
    ------
    InputError
        Naming the file, the number of whole frames, and how to use them all the same.
    """
    for reader in getattr(trajectory, "readers", [trajectory]):
        try:
            torn = _torn_bytes(reader)
        except (OSError, EOFError) as error:
            torn, reason = 1, f" ({error})"
        else:
            reason = ""
        if torn > 0:
            raise InputError(
                f"{Path(str(reader.filename)).name} is cut short: it ends in the middle of a frame "
                f"after {reader.n_frames} whole ones{reason}, as a run that was killed or a copy "
                "that failed leaves it; copy it again, or analyse what is whole by saying so with "
                f"run(stop={trajectory.n_frames})"
            )
