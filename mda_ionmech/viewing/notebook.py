"""One frame of a result in a notebook, coloured by event, with nglview."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..lib.elements import elements_of
from ..lib.errors import InputError
from ..results.colors import EVENT_COLORS, colors_of
from ..results.results import Results
from .opened import carrier_atoms
from .recorded_files import recorded_universe
from .same_frames import Moves, check_frames
from .scene import QUIET

#: Colour of ions without a chosen event, and radii in Angstrom.
NEUTRAL, ION, OTHER_ION = "#9E9E9E", 1.0, 0.7
#: Columns of the number of an atom in a PDB file.
MOST_ATOMS = 99_999


def view_frame(
    results: Results, frame: int | None = None, *, universe: Any = None, events: Any = None
) -> Any:
    """Widget of one frame; see `Results.view`."""
    try:
        import nglview
    except ImportError as error:
        raise InputError(
            f"view() needs nglview, which cannot be imported ({error}); install it with "
            "pip install 'mda-ionmech[notebook]'"
        ) from error
    if results.states is None:
        raise InputError("this result holds no states of single frames; give that of a single run")
    remedy = "give the trajectory of the analysis, universe=..."
    if universe is None:
        universe = recorded_universe(results.settings, Path("this result"), remedy)
    source = results.states["source_frame"].values
    names = str(results.states["event"].attrs.get("flag_meanings", "")).split()
    chosen = _chosen(events, names)
    code = results.states["event"].values
    meant = np.isin(code, [names.index(name) for name in chosen])
    if frame is None:
        row = int(meant.sum(axis=1).argmax())
    elif frame in source:
        row = int(np.searchsorted(source, frame))
    else:
        raise InputError(
            f"frame={frame} was not analysed; analysed are {source[0]} to {source[-1]}"
        )
    atoms, carrier = carrier_atoms(results, universe)
    moves = Moves(
        frame=source,
        time_ps=results.states["time"].values,
        window_ps=float(results.states["event"].attrs["window_ps"]),
        displacement=np.nan_to_num(results.states["displacement"].values),
        atom_index=atoms,
        carrier_of_atom=carrier,
    )
    cell = results.settings.get("cell_angstrom")
    check_frames(universe, moves, cell, "this result", remedy)
    ts = universe.trajectory[int(source[row])]
    widget = nglview.NGLWidget(
        nglview.TextStructure(pdb_text(universe, ts), ext="pdb"), default_representation=False
    )
    widget.add_representation("line", selection="all", color="element", opacity=0.6)
    label = np.where(meant[row], code[row], -1)
    colors = colors_of(tuple(names), EVENT_COLORS)
    single = np.bincount(carrier)[carrier] == 1
    for number in np.unique(label):
        if number < 0:
            here, color, radius = atoms[(label[carrier] < 0) & single], NEUTRAL, OTHER_ION
        else:
            here, color, radius = atoms[label[carrier] == number], colors[number], ION
        if len(here):
            selection = "@" + ",".join(map(str, here.tolist()))
            widget.add_representation("spacefill", selection=selection, color=color, radius=radius)
    widget.add_representation("unitcell")
    widget.center()
    return widget


def _chosen(events: Any, names: list[str]) -> list[str]:
    """The events to colour: the named ones, else all that mean a change."""
    if events is None:
        return [name for name in names if name not in QUIET]
    listed = events.replace(",", " ").split() if isinstance(events, str) else list(events)
    unknown = [name for name in listed if name not in names]
    if unknown or not listed:
        what = f"{unknown[0]!r} is no event of this result" if unknown else "events names none"
        raise InputError(f"{what}; it has {', '.join(names)}")
    return listed


def pdb_text(universe: Any, ts: Any) -> str:
    """A frame as PDB, positions wrapped into the cell, every atom in the order of the topology.

    Raises
    ------
    InputError
        For more atoms than a PDB file can number.
    """
    n = universe.atoms.n_atoms
    if n > MOST_ATOMS:
        raise InputError(
            f"{n} atoms are more than the {MOST_ATOMS} that a notebook shows; use ionmech view"
        )
    lines, position = [], ts.positions.astype(np.float64)
    if ts.dimensions is not None:
        cell = np.asarray(ts.triclinic_dimensions, dtype=np.float64)
        along = position @ np.linalg.inv(cell)
        position = (along - np.floor(along)) @ cell
        edges = "".join(f"{x:9.3f}" for x in ts.dimensions[:3])
        angles = "".join(f"{x:7.2f}" for x in ts.dimensions[3:])
        lines.append(f"CRYST1{edges}{angles} P 1           1")
    symbols = [str(s) or "X" for s in elements_of(universe)]
    residue = (universe.atoms.resindices % 9999) + 1
    for k, (x, y, z) in enumerate(position.tolist()):
        symbol = symbols[k]
        lines.append(
            f"HETATM{k + 1:5d} {symbol:<4s} MOL A{residue[k]:4d}    "
            f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00          {symbol.upper():>2s}"
        )
    return "\n".join([*lines, "END", ""])
