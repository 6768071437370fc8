"""Checks for truncated trajectory files and for a changing number of atoms.

Readers skip an incomplete last frame silently, read a truncated number as a number, and find the
frames of text files by counting lines.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..lib.errors import InputError

#: Header lines per frame, in formats whose frames are found by counting lines.
_EXTRA_LINES = {"LAMMPSDUMP": 9, "XYZ": 2}
#: Text formats whose last line is checked.
_TEXT = (*_EXTRA_LINES, "PDB", "GRO")
#: Bytes that hold the last line.
_TAIL = 4096
_COMPRESSED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
#: Exceptions that readers raise for a frame they cannot parse.
READING_ERRORS = (OSError, EOFError, ValueError, IndexError, RuntimeError)


def _opened(path: Path) -> IO[bytes]:
    """A file opened for reading bytes, compressed or not."""
    file: IO[bytes] = _COMPRESSED.get(path.suffix, open)(path, "rb")
    return file


def _tail(path: Path) -> bytes:
    """The end of a file; a compressed one is read completely."""
    with _opened(path) as file:
        if path.suffix not in _COMPRESSED:
            file.seek(max(0, os.path.getsize(path) - _TAIL))
            return file.read()
        tail = b""
        while block := file.read(2**20):
            tail = (tail + block)[-_TAIL:]
        return tail


def _decimals(token: str) -> int:
    """Digits after the decimal point of a number; -1 if the text is no number."""
    try:
        float(token)
    except ValueError:
        return -1
    return len(token.partition(".")[2])


def cut_last_line(path: Path, *, always_ended: bool = False) -> str | None:
    """The last line of a text file if it is truncated; None where the file is complete.

    A line without a newline whose last number has fewer decimals than the one before it is
    truncated: the remaining digits would be read as a number.

    Parameters
    ----------
    path : pathlib.Path
    always_ended : bool
        Whether programs that write the format end every line with a newline.
    """
    *before, last = _tail(path).decode(errors="replace").split("\n")
    tokens = last.split()
    if not tokens or always_ended:
        return last if tokens else None
    beside = tokens[:-1] or (before[-1].split() if before else [])
    expected = _decimals(beside[-1]) if beside else -1
    return last if expected > 0 and _decimals(tokens[-1]) != expected else None


def _path_of(reader: Any) -> Path | None:
    """The path of a reader's file, if it has one."""
    path = getattr(reader, "filename", None)
    return Path(path) if isinstance(path, str | Path) and os.path.isfile(path) else None


def _kind_of(reader: Any) -> str:
    """The name of the format of a reader; the first, where it has several."""
    kind = getattr(reader, "format", "")
    return str(kind if isinstance(kind, str) else next(iter(kind), ""))


def _readers(trajectory: Any) -> list[tuple[int, Any]]:
    """Readers of all files, each with the number of its first frame."""
    readers = getattr(trajectory, "readers", [trajectory])
    first = np.cumsum([0, *(int(r.n_frames) for r in readers)])
    return list(zip(map(int, first), readers, strict=False))


def _is_torn(reader: Any) -> tuple[bool, int]:
    """Whether a file ends inside a frame, and its number of complete frames.

    As far as the format allows.
    """
    path, kind, n_frames = _path_of(reader), _kind_of(reader), int(reader.n_frames)
    if path is None:
        return False, n_frames
    size = os.path.getsize(path)
    if kind in ("XTC", "TRR"):
        reader[-1]
        return size > int(reader._xdr._bytes_tell()), n_frames
    if kind == "DCD":
        file = reader._file
        after_first = size - int(file._header_size) - int(file._firstframesize)
        left = after_first % int(file._framesize) if after_first >= 0 else size
        return left > 0, n_frames
    if kind in _EXTRA_LINES and path.suffix not in _COMPRESSED:
        with open(path, "rb") as lines:
            lines.seek(reader._offsets[n_frames - 1])
            for _ in range(reader.n_atoms + _EXTRA_LINES[kind]):
                if not lines.readline():
                    return True, n_frames - 1
            if lines.read().strip():
                return True, n_frames
    if kind in _TEXT and cut_last_line(path, always_ended=kind == "LAMMPSDUMP") is not None:
        return True, n_frames - 1
    return False, n_frames


def check_complete(trajectory: Any) -> None:
    """Refuse a trajectory file that ends in the middle of a frame.

    Checked are XTC, TRR, DCD, LAMMPS dumps, XYZ, and the last number of PDB and GRO.

    Raises
    ------
    InputError
        Naming the file, the number of complete frames, and how to analyse them.
    """
    for first, reader in _readers(trajectory):
        reason = ""
        try:
            torn, whole = _is_torn(reader)
        except (OSError, EOFError) as error:
            torn, whole, reason = True, int(reader.n_frames), f" ({error})"
        except READING_ERRORS as error:  # of a transformation, or of a damaged last frame
            last = first + int(reader.n_frames) - 1
            raise unreadable(trajectory, last, error) from error
        if torn:
            raise InputError(
                f"{Path(str(reader.filename)).name} is truncated: it ends in the middle of a frame "
                f"after {whole} complete ones{reason}, as after a killed run or an incomplete "
                "copy; copy it again, or analyse the complete frames with "
                f"run(stop={first + whole})"
            )


def _head(kind: str, file: Any) -> tuple[int, str]:
    """Number of atoms in the header of a frame, and a text with its time step; -1 for no frame."""
    try:
        if kind == "XYZ":
            return int(file.readline()), ""
        if not file.readline().startswith(b"ITEM: TIMESTEP"):
            return -1, ""
        step = int(file.readline())
        if not file.readline().startswith(b"ITEM: NUMBER OF ATOMS"):
            return -1, f" (time step {step})"
        return int(file.readline()), f" (time step {step})"
    except ValueError:
        return -1, ""


def check_passed_over(path: Path, has_cell: bool) -> None:
    """Refuse a file of which MDAnalysis passes over what is needed.

    Parameters
    ----------
    path : pathlib.Path
        Of a trajectory.
    has_cell : bool
        Whether its frames have a cell, or the user gave one.

    Raises
    ------
    InputError
        For PDB models with one cell for all, and GRO files of several frames.
    """
    name = path.name.lower().removesuffix(".gz").removesuffix(".bz2")
    if name.endswith(".pdb"):
        _check_models(path, 0, has_cell)
    if name.endswith(".gro"):
        with _opened(path) as lines:
            head = [line for line, _ in zip(lines, range(2), strict=False)]
            n_atoms = int(head[1]) if len(head) == 2 and head[1].strip().isdigit() else 0
            rest = sum(1 for line in lines if line.strip())
        if n_atoms and rest > n_atoms + 1:
            raise InputError(
                f"{path.name} holds several frames, of which MDAnalysis reads the first alone; "
                "write them to a trajectory, e.g. with gmx trjconv -f "
                f"{path.name} -o {path.stem}.xtc, and give both files"
            )


def _check_models(path: Path, first: int, has_cell: bool) -> None:
    """Refuse a PDB file of several models in which some have a cell of their own and some none."""
    cells = models = 0
    record = b""
    with _opened(path) as lines:
        for line in lines:
            if line.startswith(b"CRYST1"):
                cells, record = cells + 1, line
            models += line.startswith(b"MODEL")
    if models > 1 and cells == 1 and not has_cell:
        given = " ".join(record[6:54].decode(errors="replace").split())
        cell = given.replace(" ", ", ")
        raise InputError(
            f"{path.name} has one CRYST1 record for {models} models, and MDAnalysis gives its cell "
            "to none of them; where it was constant, give it for all frames: --dimensions "
            f"'{given}' (dimensions = [{cell}] under [universe]), in Python with universe."
            f"trajectory.add_transformations(MDAnalysis.transformations.set_dimensions([{cell}])); "
            "where it changed, as at constant pressure, the file has lost the cells of all frames "
            "but one (MDAnalysis writes the first alone): analyse a format that keeps them"
        )
    if models > 1 and 1 < cells != models:
        raise InputError(
            f"{path.name} has {cells} CRYST1 records for {models} models: readers then use the "
            "cells of other frames; copy the file again, or write a CRYST1 record for every model"
            + (
                f" (its frames are {first} to {first + models - 1} of the trajectory)"
                if first
                else ""
            )
        )


def _atom_ids(file: Any, offset: int, n_atoms: int) -> set[int]:
    """Atom ids of a frame of a LAMMPS dump; none without that column."""
    file.seek(offset)
    for _ in range(8):
        file.readline()
    columns = file.readline().split()[2:]
    if b"id" not in columns:
        return set()
    at = columns.index(b"id")
    return {int(file.readline().split()[at]) for _ in range(n_atoms)}


def check_atom_numbers(trajectory: Any, last: int) -> None:
    """Refuse LAMMPS dumps and XYZ files in which the number of atoms changes.

    Their readers look for a frame where it would be if all had as many lines. PDB files must have a
    cell in every model, or one for all.

    Cost: a few lines of each frame; PDB files are read completely.

    Parameters
    ----------
    trajectory : MDAnalysis reader
    last : int
        The last frame to be read.

    Raises
    ------
    InputError
        Naming the first such frame and how to analyse those before it.
    """
    for first, reader in _readers(trajectory):
        path, kind = _path_of(reader), _kind_of(reader)
        if path is not None and kind == "PDB" and first <= last:
            _check_models(path, first, trajectory.ts.dimensions is not None)
        if path is None or kind not in _EXTRA_LINES or first > last:
            continue
        n_atoms, offsets = int(reader.n_atoms), reader._offsets
        with _opened(path) as file:
            for k in range(min(int(reader.n_frames), last - first + 1)):
                file.seek(offsets[k])
                found, at = _head(kind, file)
                if found == n_atoms:
                    continue
                where = f"frame {first + k}{at} of {path.name}"
                use = f"analyse the frames before it with run(stop={first + k})"
                if found < 0:
                    raise InputError(
                        f"{where} is not where {n_atoms} atoms per frame put it: the frame before "
                        "it holds lines that are neither header nor atoms, or is damaged; write "
                        f"the file without further sections, or {use}"
                    )
                which = ""
                if kind == "LAMMPSDUMP" and k > 0 and found < n_atoms:
                    before = _atom_ids(file, offsets[k - 1], n_atoms)
                    gone = sorted(before - _atom_ids(file, offsets[k], found))
                    which = f", with id {', '.join(map(str, gone[:4]))}" if gone else ""
                n = abs(n_atoms - found)
                change = "was lost" if found < n_atoms else "was added"
                raise InputError(
                    f"{where} holds {found} atoms, the frames before it {n_atoms}: {n} atom"
                    f"{'s were' + change[3:] if n > 1 else ' ' + change}{which}; paths need the "
                    f"same atoms in every frame: {use}, and look into the simulation (atoms that "
                    "leave the cell, or a time step that is too long)"
                )


def unreadable(trajectory: Any, frame: int, error: Exception) -> InputError:
    """The error for a frame that a reader cannot parse."""
    first, reader = [(f, r) for f, r in _readers(trajectory) if f <= frame][-1]
    path = _path_of(reader)
    name = "the trajectory" if path is None else path.name
    inside = f", {frame - first} in that file," if first else ""
    added = " or the transformations on the trajectory" if trajectory.transformations else ""
    return InputError(
        f"frame {frame}{inside} of {name} cannot be read ({type(error).__name__}: {error}); repair "
        f"the file{added} or copy it again, or analyse the frames before it with run(stop={frame})"
    )


class ReadFrames:
    """Iterates over frames of a trajectory, with clear errors.

    Parameters
    ----------
    frames : iterable of Timestep
        A part of the trajectory.
    numbers : sequence of int
        Their numbers in the trajectory.
    trajectory : MDAnalysis reader
    """

    def __init__(self, frames: Any, numbers: Sequence[int], trajectory: Any) -> None:
        self._frames, self._numbers, self._trajectory = frames, numbers, trajectory

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Any]:
        frames = iter(self._frames)
        for number in self._numbers:
            try:
                ts = next(frames)
            except StopIteration:
                error = EOFError("the file ends before it")
                raise unreadable(self._trajectory, int(number), error) from None
            except READING_ERRORS as error:
                raise unreadable(self._trajectory, int(number), error) from error
            yield ts
