"""Opening of topology and trajectory files, by MDAnalysis or ASE, whichever reads the format.

The format is found from the name, and where that does not tell, from the first lines.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..lib.checks import number, shown
from ..lib.covalent_bonds import bonds_in_frame
from ..lib.element_names import element_masses
from ..lib.errors import InputError
from ..lib.molecules import bond_pairs
from ..lib.write_targets import protect_inputs
from .ase_reader import read_with_ase
from .completeness import check_passed_over
from .cp2k_cell import check_spacing, read_cell_file, set_cells
from .given_cells import check_dimensions, set_cell
from .lammps_columns import atom_style_of, check_dump
from .same_atoms import (
    check_order,
    check_order_of_frames,
    check_same_elements,
    other_number,
)

_COMPRESSED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
#: Formats that ASE reads, by pattern of the name without the ending of a compressed file.
_BY_ASE = {
    r".*xdatcar.*": "vasp-xdatcar",
    r".*vasprun.*": "vasp-xml",
    r".*outcar.*": "vasp-out",
    r".*(poscar|contcar).*|.*\.vasp": "vasp",
    r".*\.traj": "traj",
    r".*\.(exyz|extxyz)": "extxyz",
    r".*\.cif": "cif",
}
#: The same for formats of MDAnalysis that are known by other endings to it.
_BY_MDANALYSIS = {
    r".*\.(lammpstrj|lammpsdump|dump)|dump\..*": "LAMMPSDUMP",
    r".*\.(data|lmp|lammps|lammps-data)|data\..*": "DATA",
    r"history.*|.*\.history": "HISTORY",
    r"(config|revcon|revold)(\..*)?": "CONFIG",
}
#: Arguments of ours among those of a universe.
OURS = ("dimensions", "cell_file", "trajectory_format", "bonds", "elements")


@dataclass(frozen=True)
class FileFormat:
    """Format of a file.

    Attributes
    ----------
    name : str or None
        As its reader calls it; None where MDAnalysis knows it by the name of the file.
    by_ase : bool
        Whether ASE reads it.
    """

    name: str | None
    by_ase: bool


def _first_lines(path: Path, n_lines: int = 40, n_bytes: int = 2**14) -> list[str]:
    """The first lines of a text file, compressed or not; none of a binary one."""
    try:
        with _COMPRESSED.get(path.suffix.lower(), open)(path, "rb") as file:
            start = file.read(n_bytes)
    except (OSError, EOFError, lzma.LZMAError):
        return []
    if b"\0" in start:
        return []
    return list(islice(start.decode("utf-8", "replace").splitlines(), n_lines))


def _known_to_ase() -> frozenset[str]:
    try:
        from ase.io.formats import ioformats
    except ImportError:
        return frozenset(_BY_ASE.values())
    return frozenset(ioformats)


def format_of(path: Path, given: str | None = None, *, topology: bool = False) -> FileFormat:
    """The format of a file.

    Parameters
    ----------
    path : pathlib.Path
    given : str, optional
        As the user gave it: a name of MDAnalysis (``LAMMPSDUMP``) or of ASE (``vasp-xdatcar``).
    topology : bool
        Whether it is the topology, of which MDAnalysis reads other formats.

    Returns
    -------
    FileFormat

    Raises
    ------
    InputError
        For a format that neither of them reads.
    """
    import MDAnalysis as mda

    known = mda._PARSERS if topology else mda._READERS
    if given is not None:
        if not isinstance(given, str):
            argument = "topology_format" if topology else "format"
            raise InputError(f"{argument} must be the name of a format, got {shown(given)}")
        if given.upper() in known and given not in ("extxyz", "traj"):
            return FileFormat(given.upper(), False)
        if given in _known_to_ase():
            return FileFormat(given, True)
        argument = "topology_format" if topology else "format"
        raise InputError(
            f"{argument} {shown(given)} of {path.name} is not known; those of MDAnalysis are "
            f"{', '.join(sorted(known))}, and those of ASE such as vasp-xdatcar, vasp-xml, extxyz "
            "and traj"
        )
    name = path.name.lower()
    if path.suffix.lower() in _COMPRESSED:
        name = name[: -len(path.suffix)]
    for pattern, found in _BY_ASE.items():
        if re.fullmatch(pattern, name):
            return FileFormat(found, True)
    lines = _first_lines(path)
    if name.endswith(".xyz") and len(lines) > 1 and re.search(r"lattice\s*=", lines[1], re.I):
        return FileFormat("extxyz", True)
    if lines and lines[0].startswith("ITEM:"):
        return FileFormat("LAMMPSDUMP", False)
    if topology and any(re.fullmatch(r"\s*\d+\s+atoms\s*", line) for line in lines):
        return FileFormat("DATA", False)
    for pattern, found in _BY_MDANALYSIS.items():
        if re.fullmatch(pattern, name) and found in known:
            return FileFormat(found, False)
    return FileFormat(None, False)


def open_files(
    topology: Path,
    trajectory: Sequence[Path],
    options: Mapping[str, Any],
    *,
    uneven: str = "refuse",
) -> Any:
    """Universe of a topology and the trajectory files that follow one another.

    XDATCAR, vasprun.xml, OUTCAR, extended XYZ and ``.traj`` are read by ASE into memory; all
    others by MDAnalysis. A topology may be the trajectory itself, or a structure that ASE reads.

    Parameters
    ----------
    topology : pathlib.Path
    trajectory : sequence of pathlib.Path
    options : mapping
        Arguments of `MDAnalysis.Universe` and of its readers. ``format`` or
        ``trajectory_format`` and ``topology_format`` may also be names of ASE; ``dimensions``
        is the cell of files that hold none: an edge, three edges, or three edges and three angles;
        ``cell_file`` a file of CP2K with the cells of all frames, and their spacing;
        ``elements`` are those of the atom types, a list in the order of the types or a mapping;
        ``bonds="guess"`` adds covalent bonds by the distances in the first frame.
    uneven : str
        As for `from_ase`, where the files hold times.

    Returns
    -------
    MDAnalysis.Universe

    Raises
    ------
    InputError
        For files that cannot be read, that hold other numbers of atoms or other elements, and a
        cell that contradicts that of the files.
    ImportError
        Where ASE is needed and not installed.
    """
    protect_inputs([topology, *trajectory])
    if not trajectory:
        raise InputError("trajectory is empty; give a file, or files that follow one another")
    rest = {k: v for k, v in options.items() if k not in OURS}
    given = _given_format(options)
    cell = check_dimensions(options.get("dimensions"))
    cells = None if (file := options.get("cell_file")) is None else read_cell_file(file)
    if cells is not None and cell is not None:
        raise InputError("dimensions and cell_file both give the cell; leave one out")
    bonds = options.get("bonds")
    if bonds is not None and bonds != "guess":
        raise InputError(f"bonds must be 'guess', got {shown(bonds)}; or leave it out")
    formats = [format_of(path, given) for path in trajectory]
    if len({one.by_ase for one in formats}) > 1:
        names = ", ".join(p.name for p in trajectory)
        raise InputError(
            f"the trajectory files {names} are of formats that are read in different ways; convert "
            "them to one format, or analyse them one by one and pool the results with "
            "`ionmech combine`"
        )
    parser = format_of(topology, rest.pop("topology_format", None), topology=True)
    rest.pop("format", None)
    with warnings.catch_warnings():
        # on changes of later versions of the reader, which a user cannot act on
        warnings.simplefilter("ignore", DeprecationWarning)
        if formats[0].by_ase:
            if cells is not None:
                raise InputError(
                    f"cell_file is for files of CP2K, and {trajectory[0].name} is of the format "
                    f"{formats[0].name}; leave it out, or give dimensions"
                )
            found = _read_by_ase(topology, parser, trajectory, formats[0], rest, cell, uneven)
        else:
            if cells is not None and cells.dt is not None:
                rest.setdefault("dt", cells.dt)
                check_spacing(cells, rest["dt"])
            given_cell = cell is not None or cells is not None
            found = _read_by_mdanalysis(
                topology, parser, trajectory, formats[0], rest, cell, given_cell
            )
    if cells is not None:
        set_cells(found, cells)
    if options.get("elements") is not None:
        _set_elements(found, options["elements"])
    if bonds == "guess":
        _add_bonds(found, topology)
    found._kwargs["opened_files"] = {  # what a result records, to be opened again in the same way
        "topology": str(topology.absolute()),
        "trajectory": [str(path.absolute()) for path in trajectory],
        "options": dict(options),
    }
    return found


def _given_format(options: Mapping[str, Any]) -> str | None:
    """The format of the trajectory, under either of its names."""
    found = [options[k] for k in ("format", "trajectory_format") if options.get(k) is not None]
    if len(found) == 2 and found[0] != found[1]:
        raise InputError(
            f"format = {shown(options['format'])} and trajectory_format = "
            f"{shown(options['trajectory_format'])} are two names for one thing; leave one out"
        )
    return next(iter(found), None)


def _read_by_ase(
    topology: Path,
    parser: FileFormat,
    trajectory: Sequence[Path],
    format: FileFormat,
    rest: dict[str, Any],
    cell: np.ndarray | None,
    uneven: str,
) -> Any:
    """Universe of files that ASE reads, with the topology of another file where there is one."""
    dt = rest.pop("dt", None)
    if dt is not None:
        dt = number("dt", dt, "a time between frames in ps above 0", above=0)
    found = read_with_ase(
        trajectory,
        dt=dt,
        format=format.name,
        uneven=uneven,
        dimensions=None if cell is None else list(cell),
        needs_times=False,
        needs_cell=False,
        hint=_step_of_vasp(trajectory[0]) if format.name in ("vasp-xml", "vasp-out") else "",
    )
    if any(topology == path or topology.samefile(path) for path in trajectory):
        return found
    if parser.by_ase:
        base = _structure(topology, parser, cell)
        check_same_elements(base, topology, found, trajectory[0])
        return found
    base = _universe_of(topology, [], rest | _of_topology(topology, parser, rest))
    check_same_elements(base, topology, found, trajectory[0])
    reader = found.trajectory
    base.trajectory = reader
    return base


def _step_of_vasp(path: Path) -> str:
    """The time step in the header of a vasprun.xml or OUTCAR, as text."""
    found = None
    for line in _first_lines(path, 2000, 2**19):
        found = found or re.search(r"POTIM[^0-9.]*([0-9.]+)", line)
    if not found:
        return ""
    step = float(found[1])
    return f", whose POTIM is {step:g} fs: dt is {step / 1000:g} ps where every step is a frame"


def _structure(path: Path, format: FileFormat, cell: np.ndarray | None) -> Any:
    """Universe of the last structure in a file that ASE reads."""
    return read_with_ase(
        [path],
        format=format.name,
        index="-1:",
        dimensions=None if cell is None else list(cell),
        needs_times=False,
        needs_cell=False,
    )


def _read_by_mdanalysis(
    topology: Path,
    parser: FileFormat,
    trajectory: Sequence[Path],
    format: FileFormat,
    rest: dict[str, Any],
    cell: np.ndarray | None,
    has_cell: bool,
) -> Any:
    """Universe of files that MDAnalysis reads; `has_cell`: whether the user gives cells."""
    if format.name is not None:
        rest["format"] = format.name
    if format.name == "LAMMPSDUMP":
        for path in trajectory:
            check_dump(path)
    if parser.by_ase:
        universe = _structure(topology, parser, cell)
        _load(universe, topology, trajectory, rest)
    else:
        universe = _universe_of(topology, trajectory, rest | _of_topology(topology, parser, rest))
    if cell is not None:
        set_cell(universe, cell, trajectory[0])
    for path in trajectory:
        check_passed_over(path, has_cell or universe.trajectory.ts.dimensions is not None)
    check_order(universe, topology, trajectory[0], format.name)
    check_order_of_frames(universe.trajectory)
    types = getattr(universe.atoms, "types", [])
    if any(not isinstance(kind, str) for kind in types):  # of a dump without the column
        known = getattr(universe.atoms, "elements", types)
        universe.add_TopologyAttr("types", [str(kind) for kind in known])
    return universe


def _of_topology(topology: Path, parser: FileFormat, given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the topology: its format, and the columns of a LAMMPS data file."""
    columns = atom_style_of(topology) if parser.name == "DATA" else None
    return {"topology_format": parser.name, "atom_style": given.get("atom_style", columns)}


def _universe_of(topology: Path, trajectory: Sequence[Path], options: dict[str, Any]) -> Any:
    import MDAnalysis as mda

    options = {k: v for k, v in options.items() if v is not None}
    coordinates = [[str(p) for p in trajectory]] if trajectory else []
    try:
        return mda.Universe(str(topology), *coordinates, **options)
    except Exception as error:
        _complete_readers(error)
        raise InputError(_unreadable(error, topology, trajectory)) from error


def _load(
    universe: Any, topology: Path, trajectory: Sequence[Path], options: dict[str, Any]
) -> None:
    """Give a universe a trajectory that MDAnalysis reads."""
    try:
        universe.load_new([str(p) for p in trajectory], **options)
    except Exception as error:
        _complete_readers(error)
        raise InputError(_unreadable(error, topology, trajectory)) from error


def _set_elements(universe: Any, given: Any) -> None:
    """Give every atom the element of its type, and its mass where the topology has none."""
    types = [str(t) for t in universe.atoms.types]
    listed = sorted(set(types), key=lambda t: (not t.isdigit(), int(t) if t.isdigit() else 0, t))
    wanted = (
        f"the elements of the atom types {', '.join(listed[:12])}, in this order, e.g. "
        f"elements = {['Li', 'O', 'C', 'H'][: len(listed)]}"
    )
    if isinstance(given, Mapping):
        table = {str(k): str(v) for k, v in given.items()}
    elif isinstance(given, list | tuple) and len(given) == len(listed):
        table = dict(zip(listed, map(str, given), strict=True))
    else:
        raise InputError(f"elements must be {wanted}; got {shown(given)}")
    lacking = [t for t in listed if t not in table]
    unknown = [e for e in table.values() if e not in element_masses()]
    if lacking or unknown:
        why = f"type {lacking[0]} has none" if lacking else f"{unknown[0]!r} is no element"
        raise InputError(f"elements must be {wanted}; got {shown(given)}, where {why}")
    symbols = [table[t] for t in types]
    universe.add_TopologyAttr("elements", symbols)
    masses = np.asarray(getattr(universe.atoms, "masses", np.zeros(len(symbols))))
    if (np.ptp(masses) == 0 and len(listed) > 1) or not np.all(masses > 0):
        universe.add_TopologyAttr("masses", [element_masses()[e] for e in symbols])


#: Suffixes of files that hold the last frame of a run of AMBER, NAMD or LAMMPS.
RESTARTS = frozenset({".rst7", ".ncrst", ".rst", ".restrt", ".restart"})


def _add_bonds(universe: Any, topology: Path) -> None:
    """Add bonds guessed from the first frame to a topology without bonds."""
    if len(bond_pairs(universe)):
        raise InputError(
            f"bonds = 'guess', but the topology {topology.name} has bonds; leave bonds out"
        )
    ts = universe.trajectory[0]
    found = bonds_in_frame(universe, ts)
    universe.add_TopologyAttr("bonds", [tuple(pair) for pair in found.tolist()])


# ---- what the readers say, for the user ---------------------------------------------------------


def _unreadable(error: Exception, topology: Path, trajectory: Sequence[Path]) -> str:
    """Why files cannot be read and what to do, from the error of a reader."""
    text = " ".join(str(error).split())
    reason = error.__cause__ or error.__context__
    if text.startswith("Unable to read") and reason is not None:
        text = " ".join(str(reason).split())
    files = ", ".join(p.name for p in (topology, *trajectory))
    counts = re.search(r"number of atoms (\d+) Trajectory: (.+?) Number of atoms (\d+)", text)
    if counts:
        path = Path(counts[2].strip("[]'"))
        return other_number(topology, int(counts[1]), path, int(counts[3]))
    unknown = re.search(r"[Ff]ormat '?([^' ]*)'? (?:is not|for|in)", text)
    units = re.search(r"written in units of (\w+) instead of (\w+)", text)
    if units:  # MDAnalysis names the unit that it found first
        found, wanted = units.groups()
        remedy = (
            f"name it {wanted} (ncatted -a units,time,o,c,{wanted} FILE) and give the spacing of "
            "the frames in ps with --dt, or dt under [analysis]"
            if "second" in found
            else "convert the file"
        )
        return f"{files} cannot be read: a unit is {found}, MDAnalysis takes {wanted}; {remedy}"
    if "must have readable units" in text:
        return (
            f"{files} cannot be read: the H5MD file has no units; write them as its attributes, "
            "with h5py: position/value.attrs['unit'] = 'Angstrom', position/time.attrs['unit'] = "
            "'ps', and the same in box/edges"
        )
    if "a valid topology format" in text:
        return (
            f"the topology format of {topology.name} is not known from its name; give "
            "topology_format under [universe], or --topology-format: e.g. DATA for a LAMMPS data "
            "file, PSF, PDB, TPR, or vasp for a POSCAR"
        )
    if unknown and "Unknown coordinate trajectory format" in text:
        if any(p.suffix.lower() in RESTARTS for p in trajectory):
            return f"{files}: a restart file holds one frame; give the trajectory, e.g. prod.nc"
        return (
            f"the format of {', '.join(p.name for p in trajectory)} is not known from the name "
            f"({shown(unknown[1])}); give format under [universe], or --format: e.g. LAMMPSDUMP, "
            "XTC, DCD, XYZ, vasp-xdatcar or extxyz"
        )
    if "atom_style" in text or "Failed to parse" in text or "int()" in text:
        return (
            f"{topology.name} cannot be read as a LAMMPS data file ({_shortened(text)}); give "
            "atom_style under [universe], or --atom-style, the columns of its section Atoms, e.g. "
            "'id type charge x y z' or 'id resid type charge x y z'"
        )
    return (
        f"{files} cannot be read: {_shortened(text)}; check that the files are whole, and give "
        "their formats where the names do not tell, as format and topology_format under "
        "[universe], or --format and --topology-format"
    )


def _shortened(text: str) -> str:
    """The message of a reader, without its advice on MDAnalysis and not too long."""
    text = text.partition(" Error: ")[2] or text
    advice = r"\s*\b(?:See |Use the |You can |For missing formats|https?://|Universe\()"
    text = re.split(advice, text)[0]
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-80:]}"


def _complete_readers(error: Exception) -> None:
    """Give readers whose constructor failed what their finaliser looks for.

    Without it Python prints a traceback of the finaliser besides the error.
    """
    from MDAnalysis.coordinates.base import ProtoReader

    for frame, _ in traceback.walk_tb(error.__traceback__):
        reader = frame.f_locals.get("self")
        if isinstance(reader, ProtoReader):
            vars(reader).setdefault("readers", [])
            vars(reader)["close"] = lambda: None
