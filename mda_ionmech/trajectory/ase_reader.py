"""Trajectories that ASE reads and MDAnalysis does not: XDATCAR, extended XYZ with a cell."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from MDAnalysis.coordinates.memory import MemoryReader
from MDAnalysis.lib.mdamath import triclinic_box, triclinic_vectors
from MDAnalysis.lib.util import anyopen

from ..lib.checks import number, shown
from ..lib.errors import InputError
from ..lib.files import file_record
from .completeness import cut_last_line
from .frame_times import UNEVEN
from .repeated_frames import describe_dropped, without_repeats

if TYPE_CHECKING:
    from MDAnalysis import Universe

#: Keys of `Atoms.info` that may hold the time of a frame, fs; the second is that of GPUMD.
_TIMES = ("time", "Time")
#: Times may be off even spacing by this fraction of it.
_UNEVEN = 1e-3
#: Lengths in Angstrom or angles in degrees that differ by less are the same.
SAME_CELL = 0.02


def from_ase(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    dt: float | None = None,
    format: str | None = None,
    index: str | int | slice = ":",
    uneven: str = "refuse",
) -> Universe:
    """Universe in memory from files that ASE reads, e.g. XDATCAR or extended XYZ with a cell.

    Compressed files (``.gz``, ``.bz2``, ``.xz``) are read as they are; atoms of extended XYZ with a
    column ``id`` are put in its order. Needs the extra ``ase``.

    Parameters
    ----------
    paths : path-like or sequence of path-like
        A file, or files that follow one another.
    dt : float, optional
        Time between the frames taken, ps. May be left out only where every frame carries
        ``info["time"]`` (or ``"Time"``), which is then read as fs. ASE defines no unit for it:
        give `dt` where a file uses another. Frames with uneven times are refused with `dt` as well.
    format : str, optional
        ASE's name of the format, e.g. ``"vasp-xdatcar"`` or ``"extxyz"``; by default found from
        names and contents.
    index : str, int or slice
        The frames to take of each file, e.g. ``"100:"``.
    uneven : {"refuse", "drop", "accept"}
        What to do where the times in the files repeat or are unevenly spaced. ``drop``: of frames
        that a restart repeats keep those written last, and warn with their number; ``accept``:
        treat the frames as `dt` apart.

    Returns
    -------
    MDAnalysis.Universe
        Positions of shape (frames, atoms, 3) in Angstrom, float32, a cell per frame, names, types
        and elements (the symbols), masses as ASE has them; one residue. The cell's first vector
        lies along x and its second in the xy plane, and the positions are rotated with it:
        fractional coordinates and distances are those of the file. A left-handed cell is
        mirrored. Positions are left as wrapped or unwrapped as they are.

    Raises
    ------
    InputError
        For files ASE cannot read, frames without a cell, frames of different atoms, times that are
        uneven, and where the spacing is neither given nor in the files.
    ImportError
        Without the extra ``ase``.
    """
    listed = [paths] if isinstance(paths, str | os.PathLike) else paths
    if not isinstance(listed, Iterable):
        raise InputError(
            f"paths must be a file, or files that follow one another, got {shown(paths)}"
        )
    listed = list(listed)
    for one in listed:
        if not isinstance(one, str | os.PathLike) or not str(one) or "\0" in str(one):
            raise InputError(f"paths must hold names of files, got {shown(one)}")
    files = [Path(p) for p in listed]
    if not files:
        raise InputError("paths is empty; give a file, or files that follow one another")
    if dt is not None:
        dt = number("dt", dt, "a time between frames in ps above 0", above=0)
    if uneven not in UNEVEN:
        raise InputError(f"uneven must be one of {UNEVEN}, got {shown(uneven)}")
    return read_with_ase(files, dt=dt, format=format, index=index, uneven=uneven)


def read_with_ase(
    files: Sequence[Path],
    *,
    dt: float | None = None,
    format: str | None = None,
    index: str | int | slice = ":",
    uneven: str = "refuse",
    dimensions: Sequence[float] | None = None,
    needs_times: bool = True,
    needs_cell: bool = True,
    hint: str = "",
) -> Universe:
    """Universe in memory from files that ASE reads; see `from_ase`.

    The reader keeps name, size and checksum of every file, which a result records.

    Parameters
    ----------
    files, dt, format, index, uneven
        As in `from_ase`, already checked.
    dimensions : sequence of float, optional
        a, b, c in Angstrom and angles in degrees, shape (6,): the cell of files that hold none.
    needs_times : bool
        False: where neither `dt` nor the files tell the spacing, times count the frames, and an
        analysis asks for its `dt`.
    needs_cell : bool
        False: frames without a cell are left without, and an analysis asks for `dimensions`.
    hint : str
        On times that are not known, for the message of an analysis.

    Returns
    -------
    MDAnalysis.Universe

    Raises
    ------
    InputError
    """
    positions: list[np.ndarray] = []
    cells: list[np.ndarray] = []
    times: list[Any] = []
    symbols: list[str] = []
    masses = np.empty(0)
    given = None if dimensions is None else triclinic_vectors(np.asarray(dimensions, dtype=float))
    for where, frame in _frames(files, format, index):
        atoms = _in_order_of_ids(frame)
        found = atoms.get_chemical_symbols()
        if not positions:
            symbols, masses = found, np.asarray(atoms.get_masses())
        elif len(found) != len(symbols):
            raise InputError(
                f"{where} has {len(found)} atoms, the first frame of {files[0]} has "
                f"{len(symbols)}: paths must hold the same atoms in every frame"
            )
        elif found != symbols:
            first = next(i for i, (a, b) in enumerate(zip(found, symbols, strict=True)) if a != b)
            raise InputError(
                f"{where} has {found[first]} as atom index {first}, the first frame of {files[0]} "
                f"has {symbols[first]}: paths must hold the same atoms in the same order"
            )
        cell = np.asarray(atoms.cell)
        if given is not None:
            _check_no_cell(cell, given, where)
            cell = given
        if not needs_cell and not np.any(cell):
            box, turned = np.zeros(6, np.float32), np.asarray(atoms.positions, np.float32)
        else:
            box, turned = _canonical(cell, np.asarray(atoms.positions), where)
        cells.append(box)
        positions.append(turned)
        times.append(next((atoms.info[k] for k in _TIMES if k in atoms.info), None))
    if not positions:
        raise InputError(f"index={shown(index)} takes no frame of {', '.join(map(str, files))}")
    kept = np.arange(len(positions))
    known = all(isinstance(t, Real) for t in times) and len(set(times)) > 1
    if known and uneven == "drop":
        names = [f"frame {k} ({t:g} fs)" for k, t in enumerate(times)]
        kept = without_repeats(np.array(times, dtype=float), 0.0, names)
        times = [times[k] for k in kept]
        dropped = np.setdiff1d(np.arange(len(positions)), kept)
        if len(dropped):
            warnings.warn(describe_dropped(dropped), stacklevel=2)
    first_time = 0.0
    from_files = dt is None and known
    unknown = dt is None and not needs_times and not known
    if unknown:
        dt = 1.0
    elif dt is None:
        first_time, dt = _spacing(times, files, "dt=None, but the")
    elif known and uneven != "accept" and len(times) > 1:
        _spacing(times, files, f"dt={dt:g} ps sets the scale, but the")
    assert dt is not None
    universe = _with_symbols(symbols, masses)
    universe.load_new(
        np.stack([positions[k] for k in kept]),
        format=MemoryReader,
        dimensions=np.stack([cells[k] for k in kept]),
        dt=float(dt),
        time_offset=first_time,
        source_files=[file_record(file) for file in files],
        source_paths=[str(Path(file).absolute()) for file in files],
        times_unknown=unknown,
        time_hint=hint,
        time_text=f"those of the files ({_times_of(files)}), read as fs" if from_files else "",
    )
    return universe


def _in_order_of_ids(atoms: Any) -> Any:
    """The frame with its atoms in the order of the column `id`, where extended XYZ holds one.

    Programs that write it (OVITO) may write the atoms of every frame in another order.
    """
    ids = atoms.arrays.get("id")
    if ids is None or ids.ndim != 1 or len(np.unique(ids)) < len(ids):
        return atoms
    order = np.argsort(ids)
    return atoms if np.array_equal(order, np.arange(len(ids))) else atoms[order]


def _times_of(files: Sequence[Path]) -> str:
    """Names of the files, and of the keys that hold their times."""
    return f"{', '.join(file.name for file in files[:3])}, {' or '.join(_TIMES)} of each frame"


def _check_no_cell(cell: np.ndarray, given: np.ndarray, where: str) -> None:
    """Refuse dimensions that contradict the cell of a frame."""
    own = np.abs(np.linalg.det(cell)) if np.all(np.isfinite(cell)) else 0.0
    if own > 1e-6 and np.abs(triclinic_box(*cell) - triclinic_box(*given)).max() > SAME_CELL:
        held = ", ".join(f"{x:.6g}" for x in triclinic_box(*cell))
        told = ", ".join(f"{x:.6g}" for x in triclinic_box(*given))
        raise InputError(
            f"dimensions = [{told}] contradicts the cell of {where}, [{held}]: the file has a cell "
            "of its own; leave dimensions out"
        )


def _frames(
    files: Iterable[Path], format: str | None, index: str | int | slice
) -> Iterator[tuple[str, Any]]:
    """Frames of all files as ASE's Atoms, each with a text that names its place."""
    try:
        from ase.io import iread
        from ase.io.formats import UnknownFileTypeError
    except ImportError as error:
        raise ImportError(
            'from_ase needs ASE: pip install "mda-ionmech[ase]"',
        ) from error
    for file in files:
        if not os.path.isfile(file):
            if os.path.isdir(file):
                raise InputError(f"paths: {file} is a folder; give a file in it, e.g. XDATCAR")
            raise InputError(f"paths: no such file: {file}")
        _refuse_vasp_4(file, format)
        _check_end(file, index)
        frames = iread(str(file), index=index, format=format, do_not_split_by_at_sign=True)
        number = 0
        while True:
            try:
                atoms = next(frames)
            except StopIteration:
                break
            except UnknownFileTypeError as error:
                raise InputError(
                    f"ASE does not know the format of {file} (format={shown(format)}); give "
                    "format=..., e.g. 'vasp-xdatcar' or 'extxyz', one of those "
                    "`ase info --formats` lists"
                ) from error
            except Exception as error:  # ASE's readers raise errors of any type
                raise InputError(
                    f"ASE cannot read {file} after {number} frames ({type(error).__name__}: "
                    f"{error}){_no_elements(file, format)}; check that the file is whole, and give "
                    f"format=... if it was taken for another (format={shown(format)})"
                ) from error
            yield f"frame {number} taken of {file}", atoms
            number += 1


def _refuse_vasp_4(file: Path, format: str | None) -> None:
    """Refuse an XDATCAR without elements, as VASP 4 wrote them."""
    if format != "vasp-xdatcar" and "XDATCAR" not in Path(file).name:
        return
    try:
        with anyopen(str(file)) as lines:
            head = [line.split() for line in islice(lines, 6)]
    except (OSError, EOFError, UnicodeDecodeError):
        return
    if len(head) == 6 and head[3] == ["CAR"]:
        raise InputError(
            f"{file} is an XDATCAR of VASP 4, which holds neither cell vectors nor elements: write "
            "in place of its first five lines the first five lines of the POSCAR (comment, scale, "
            "three cell vectors), a line with the elements and one with their numbers of atoms, as "
            "VASP 5 does, and in place of each empty line 'Direct configuration= 1', 2, ..."
        )
    if len(head) == 6 and head[5] and all(word.isdigit() for word in head[5]):
        raise InputError(
            f"{file} is an XDATCAR without elements, as VASP 4 wrote them: write a line with the "
            f"element of each of the {len(head[5])} numbers of atoms before line 6 "
            f"({' '.join(head[5])}), and before every line that repeats them"
        )


def _no_elements(file: Path, format: str | None) -> str:
    """What line 6 of an XDATCAR names that is no element, as names of POTCARs; "" if nothing."""
    from ase.data import chemical_symbols

    if format != "vasp-xdatcar":
        return ""
    try:
        with anyopen(str(file)) as lines:
            words = next(islice(lines, 5, None), "").split()
    except (OSError, EOFError, UnicodeDecodeError):
        return ""
    wrong = [word for word in words if word not in chemical_symbols and not word.isdigit()]
    listed = ", ".join(wrong)
    return f": line 6 names {listed}, write the elements in every such line" if wrong else ""


def _check_end(file: Path, index: str | int | slice) -> None:
    """Refuse a file that ends inside a number, where its last frame is to be read."""
    from ase.io.formats import string2index

    chosen = string2index(index) if isinstance(index, str) else index
    last = chosen.stop is None if isinstance(chosen, slice) else chosen == -1
    try:
        line = cut_last_line(file) if last else None
    except (OSError, EOFError) as error:
        raise InputError(f"{file} cannot be read to its end ({error}); copy it again") from error
    if line is not None:
        raise InputError(
            f"{file} is truncated: its last line {line.strip()!r} ends inside a number, as after a "
            "killed run or an incomplete copy; copy it again, or leave the last "
            "frame out with index=':-1'. If the file is whole, end its last line with a newline"
        )


def _canonical(
    cell: np.ndarray, positions: np.ndarray, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Box (6,) and positions (atoms, 3) of a frame, rotated to the convention of MDAnalysis.

    cell (3, 3), rows, and positions (atoms, 3), Angstrom, in any orientation.
    """
    if not np.all(np.isfinite(cell)) or abs(np.linalg.det(cell)) < 1e-6:
        raise InputError(
            f"{where} has no cell of three vectors: displacements across it and volumes need one; "
            "set it with atoms.set_cell([...]) and write the file again, or, with the ionmech "
            "command, give dimensions = [a, b, c, alpha, beta, gamma] under [universe]"
        )
    box = np.asarray(triclinic_box(*cell), dtype=np.float32)
    canonical = triclinic_vectors(box, dtype=np.float64)
    return box, (np.linalg.solve(cell.T, positions.T).T @ canonical).astype(np.float32)


def _spacing(times: Sequence[Any], files: Sequence[Path], but: str) -> tuple[float, float]:
    """First time and spacing, ps, from the times of all frames, fs; `but` begins the message."""
    known = [float(t) for t in times if isinstance(t, Real)]
    if len(known) < len(times):
        raise InputError(
            f"dt=None, but {len(times) - len(known)} of the {len(times)} frames of "
            f"{', '.join(map(str, files))} hold no time; give dt=..., the time between the frames "
            "taken, in ps"
        )
    if len(known) < 2:
        raise InputError("dt=None, but one frame shows no spacing; give dt=... in ps")
    spacing = (known[-1] - known[0]) / (len(known) - 1)
    off = np.abs(np.diff(known) - spacing)
    if not spacing > 0 or off.max() > _UNEVEN * spacing:
        at = int(off.argmax())
        raise InputError(
            f"{but} times in the files are unevenly spaced: {known[at]:g} fs is followed by "
            f"{known[at + 1]:g} fs, the mean spacing is {spacing:g} fs; take an even part with "
            "index=..., drop frames that a restart wrote again with uneven='drop', or give dt=... "
            "in ps and uneven='accept' to treat the frames as evenly spaced"
        )
    return known[0] / 1000.0, spacing / 1000.0


def _with_symbols(symbols: Sequence[str], masses: np.ndarray) -> Universe:
    """Universe of atoms with these symbols as names, types and elements; without coordinates."""
    from MDAnalysis import Universe

    universe = Universe.empty(len(symbols), trajectory=False)
    for attribute in ("names", "types", "elements"):
        universe.add_TopologyAttr(attribute, list(symbols))
    universe.add_TopologyAttr("masses", masses)
    return universe
