"""Sources of the times of frames: the file, the user, or a default of MDAnalysis.

MDAnalysis gives every frame a time. Where a file holds none it assumes 1 ps between frames (XYZ,
PDB, GRO and others), or per step of the engine (LAMMPS dumps).
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from MDAnalysis.coordinates.memory import MemoryReader
from MDAnalysis.lib.util import anyopen

#: Pattern of comments that mention a time.
_TIME = re.compile(r"\b(time|t)\s*[=:]", re.IGNORECASE)
#: Spacing that MDAnalysis assumes where it knows none, ps.
INVENTED = 1.0


class Stamp(NamedTuple):
    """Number, time and step of one frame as the reader gives them.

    Attributes
    ----------
    frame : int
        Its number in the trajectory.
    time : float
        ps.
    step : int
        Of the engine, -1 where the reader has none.
    file, place : int
        Number of its file, and its number in that file.
    """

    frame: int
    time: float
    step: int = -1
    file: int = 0
    place: int = 0

    def __str__(self) -> str:
        return self.told(True)

    def told(self, with_time: bool) -> str:
        """The frame as text, with or without its time."""
        facts = [f"step {self.step}"] if self.step >= 0 else []
        facts += [f"{shown(self.time)} ps"] if with_time else []
        return f"frame {self.frame}" + (f" ({', '.join(facts)})" if facts else "")


def shown(time: float) -> str:
    """A time as text, with the digits of its stored precision."""
    if float(np.float32(time)) == time and abs(time) < 1e9:
        return np.format_float_positional(np.float32(time), trim="-")
    return f"{time:.9g}"


def file_starts(trajectory: Any) -> tuple[int, ...]:
    """Number of the first frame of every file of a trajectory."""
    starts = getattr(trajectory, "_start_frames", (0,))
    return tuple(int(k) for k in starts)


def stamp_of(ts: Any, starts: Sequence[int] = (0,)) -> Stamp:
    """The stamp of a timestep; starts: from `file_starts`."""
    frame = int(ts.frame)
    try:
        step = int(ts.data.get("step", -1))
    except (TypeError, ValueError, OverflowError):
        step = -1
    file = max(bisect_right(starts, frame) - 1, 0)
    return Stamp(frame, float(ts.time), step, file, frame - starts[file])


@dataclass(frozen=True)
class TimeSource:
    """Where the times of the frames come from.

    Attributes
    ----------
    kind : str
        ``file``: read from the file or its header. ``given``: multiples of the `dt` that MDAnalysis
        was given. ``invented``: multiples of 1 ps, the default of MDAnalysis.
    dt : float or None
        Spacing of the frames by the reader, ps; None where it has none.
    text : str
        The same as text, to follow "the times are".
    computed : bool
        Whether the file holds a spacing instead of a time for each frame.
    assumed : bool
        Whether the spacing is the 1 ps that MDAnalysis takes for coordinates in memory.
    """

    kind: str
    dt: float | None
    text: str
    computed: bool = False
    assumed: bool = False


def _format(reader: Any) -> str:
    name = getattr(reader, "format", "")
    name = name if isinstance(name, str) else next(iter(name), "")
    return name or type(reader).__name__


def _known_dt(reader: Any) -> float | None:
    """The spacing of a reader, without the default of 1 ps."""
    if "dt" in reader.ts.data:
        return float(reader.ts.data["dt"])
    try:
        return float(reader._get_dt())
    except (AttributeError, TypeError, StopIteration, OSError):  # as in Timestep.dt
        return None


def _holds_steps(path: str) -> bool:
    """Whether a file is a dump of LAMMPS, whose frames MDAnalysis times by steps of the engine."""
    try:
        with anyopen(path) as file:
            return str(file.readline()).startswith("ITEM:")
    except (OSError, EOFError, UnicodeDecodeError):
        return False


def _of_memory(reader: Any) -> TimeSource:
    dt = float(reader.ts.dt)
    if reader._kwargs.get("times_unknown"):
        names = ", ".join(one["name"] for one in reader._kwargs["source_files"][:3])
        hint = reader._kwargs.get("time_hint", "")
        return TimeSource("invented", None, f"not in the file ({names}){hint}")
    path = getattr(reader, "filename", None)
    is_file = isinstance(path, str | os.PathLike) and os.path.isfile(path)
    if is_file and (dt % INVENTED == 0 or _holds_steps(str(path))):
        # a copy of a file in memory has lost where its spacing came from, and the steps of a dump
        try:
            from MDAnalysis.coordinates.core import reader as open_reader

            with open_reader(str(path)) as original:
                source = _of_reader(original)
        except Exception:  # the format must be given, or the file has changed
            return TimeSource("given", dt, "those of the copy in memory")
        if source.kind == "invented":
            return source
    # the default is a whole number; a spacing that was copied or given with a point is not
    assumed = isinstance(reader.ts.data.get("dt"), int) and dt == INVENTED
    text = reader._kwargs.get("time_text") or (
        "multiples of the dt the coordinates in memory were given"
    )
    return TimeSource("given", dt, text, assumed=assumed)


def _of_reader(reader: Any) -> TimeSource:
    if isinstance(reader, MemoryReader):
        return _of_memory(reader)
    name, data = _format(reader), reader.ts.data
    given = getattr(reader, "_kwargs", {}).get("dt")
    if given is not None:
        return TimeSource(
            "given", float(given), f"made from dt={float(given):g} ps, as given to MDAnalysis"
        )
    dt = _known_dt(reader)
    if dt is not None:
        header = name == "DCD"
        text = f"those of the {'header' if header else 'file'} ({name})"
        return TimeSource("file", dt, text, computed=header)
    step = data.get("step")
    units = getattr(reader, "units", None) or {}
    if "time" in data and (
        units.get("time") is not None or step is None or data["time"] != step * INVENTED
    ):
        return TimeSource("file", None, f"those of the file ({name})")
    if step is not None:
        text = (
            f"not in the file ({name}), which holds step numbers alone: MDAnalysis assumes "
            f"{INVENTED:g} ps per step"
        )
    else:
        text = f"not in the file ({name}): MDAnalysis assumes frames {INVENTED:g} ps apart"
    return TimeSource("invented", None, text)


def _head(path: str | os.PathLike[str], n_lines: int) -> list[str]:
    """The first lines of a file; none of one that cannot be read."""
    try:
        with anyopen(str(path)) as file:
            return list(islice(file, n_lines))
    except (OSError, EOFError, UnicodeDecodeError):
        return []


def xyz_comments(reader: Any) -> list[str]:
    """Comments of the first two frames of an XYZ file.

    Parameters
    ----------
    reader : MDAnalysis reader
        Of one file.
    """
    n_lines = int(reader.n_atoms) + 2
    return _head(reader.filename, n_lines + 2)[1::n_lines]


def remarks(trajectory: Any) -> list[str]:
    """Comments of the first two frames of XYZ and GRO files that mention times.

    MDAnalysis ignores them and they have no common form: they are shown in messages only.
    """
    readers = list(getattr(trajectory, "readers", [trajectory]))[:2]
    lines: list[str] = []
    for reader in readers:
        path, name = getattr(reader, "filename", None), _format(reader)
        if name not in ("XYZ", "GRO") or not isinstance(path, str | os.PathLike):
            continue
        lines += xyz_comments(reader) if name == "XYZ" else _head(path, 1)
    told = [" ".join(line.split()) for line in lines if _TIME.search(line)]
    return [line if len(line) <= 80 else f"{line[:77]}..." for line in told[:2]]


def time_source(trajectory: Any) -> TimeSource:
    """Where the times of a trajectory come from; of several files, the least reliable source.

    Parameters
    ----------
    trajectory : MDAnalysis reader
        No frame is read.
    """
    sources = [_of_reader(one) for one in getattr(trajectory, "readers", [trajectory])]
    rank = ("invented", "given", "file")
    found = min(sources, key=lambda one: rank.index(one.kind))
    told = remarks(trajectory) if found.kind == "invented" else []
    if told:
        quoted = " and ".join(f"'{line}'" for line in told)
        return replace(found, text=f"{found.text}, although comments in it read {quoted}")
    return found
