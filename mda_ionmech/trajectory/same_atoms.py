"""Whether a trajectory holds the atoms of its topology in the same order, as far as files tell."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from MDAnalysis.lib.util import anyopen

from ..lib.elements import elements_of
from ..lib.errors import InputError

#: Attributes of atoms that a text file may hold, and those of a topology they are compared with.
_NAMED = {
    "names": ("names", "elements", "types"),
    "elements": ("elements",),
    "types": ("types",),
}


def check_same_elements(base: Any, topology: Path, found: Any, trajectory: Path) -> None:
    """Refuse a topology of other atoms than those of a trajectory that was read with elements.

    Parameters
    ----------
    base, found : Universe
        Of the topology and of the trajectory.
    topology, trajectory : pathlib.Path
    """
    if base.atoms.n_atoms != found.atoms.n_atoms:
        raise InputError(
            other_number(topology, base.atoms.n_atoms, trajectory, found.atoms.n_atoms)
        )
    mine, theirs = elements_of(base), np.asarray(found.atoms.elements)
    differ = np.flatnonzero((mine != theirs) & (mine != ""))
    if len(differ):
        k = int(differ[0])
        raise InputError(
            f"atom index {k} is {mine[k]} in the topology {topology.name} and {theirs[k]} in the "
            f"trajectory {trajectory.name} ({len(differ)} of {len(mine)} atoms differ): give the "
            "topology of this trajectory, with the atoms in the same order"
        )


def other_number(topology: Path, n_topology: int, trajectory: Path, n_trajectory: int) -> str:
    """The message on files of different numbers of atoms."""
    return (
        f"the topology {topology.name} holds {n_topology} atoms, the trajectory {trajectory.name} "
        f"{n_trajectory}: give the topology that this trajectory was run with, reduced to the same "
        "atoms if the trajectory was written for a part of them"
    )


def check_order(universe: Any, topology: Path, trajectory: Path, format: str | None) -> None:
    """Refuse a trajectory that names the atoms of the topology in another order.

    Text formats hold a name, a type or an element for each atom, which the readers of MDAnalysis
    pass over. Where all of them are those of the topology in another order, every position would
    belong to another atom. Other differences are taken for other spellings.

    Parameters
    ----------
    universe : Universe
        Of both files.
    topology, trajectory : pathlib.Path
    format : str or None
        Of the trajectory, as MDAnalysis calls it.
    """
    import MDAnalysis as mda

    if topology.samefile(trajectory):
        return
    format = format or trajectory.suffix.lstrip(".").upper()
    if format not in ("XYZ", "PDB", "GRO", "LAMMPSDUMP"):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with mda._PARSERS[format](str(trajectory)) as parser:
                found = parser.parse()
    except Exception:  # what cannot be parsed is no topology, and may be a trajectory
        return
    for theirs, ours in _NAMED.items():
        if not hasattr(found, theirs):
            continue
        given = np.asarray(getattr(found, theirs).values).astype(str)
        for attribute in ours:
            own = np.asarray(getattr(universe.atoms, attribute, []), dtype=object).astype(str)
            if len(own) != len(given) or np.array_equal(own, given):
                continue
            if np.array_equal(np.sort(own), np.sort(given)):
                k = int(np.argmax(own != given))
                raise InputError(
                    f"atom index {k} is {own[k]} in the topology {topology.name} and {given[k]} in "
                    f"the trajectory {trajectory.name} ({np.count_nonzero(own != given)} of "
                    f"{len(own)} atoms differ), which holds the same {theirs} in another order: "
                    "give the topology of this trajectory, with the atoms in the same order"
                )


def check_order_of_frames(trajectory: Any) -> None:
    """Refuse XYZ files that name other atoms, or the same in another order, in a later frame.

    MDAnalysis takes the names of the first frame for all of them. LAMMPS writes atoms in changing
    order where it is not told to sort them.

    Parameters
    ----------
    trajectory : MDAnalysis reader
        Four frames of each file are looked at.
    """
    first: list[str] = []
    for reader in getattr(trajectory, "readers", [trajectory]):
        if getattr(reader, "format", "") != "XYZ":
            continue
        n_frames, n_atoms = int(reader.n_frames), int(reader.n_atoms)
        with anyopen(str(reader.filename)) as file:
            for k in sorted({0, min(1, n_frames - 1), n_frames // 2, n_frames - 1}):
                file.seek(reader._offsets[k])
                rows = [file.readline().split() for _ in range(n_atoms + 2)][2:]
                names = [row[0] if row else "" for row in rows]
                first = first or names
                if names == first:
                    continue
                at = next(i for i, (a, b) in enumerate(zip(first, names, strict=True)) if a != b)
                raise InputError(
                    f"frame {k} of {Path(reader.filename).name} has {names[at]} as atom index "
                    f"{at}, the first frame {first[at]}: paths need the same atoms in the same "
                    "order in every frame; sort them when they are written (LAMMPS: "
                    "dump_modify ID sort id)"
                )
