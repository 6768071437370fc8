"""Columns of the section Atoms of a LAMMPS data file, and what a dump holds.

The header of the section may name the style (``Atoms # charge``); where it does not, the number of
columns and whether they are integers tell (LAMMPS documentation, read_data).
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from MDAnalysis.lib.util import anyopen

from ..lib.errors import InputError

_COLUMNS = {
    "atomic": "id type x y z",
    "charge": "id type charge x y z",
    "molecular": "id resid type x y z",
    "bond": "id resid type x y z",
    "angle": "id resid type x y z",
    "full": "id resid type charge x y z",
}


def atom_style_of(path: Path) -> str | None:
    """The columns of a data file, as MDAnalysis takes them.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    str or None
        E.g. ``"id type charge x y z"``; None where they cannot be told.
    """
    try:
        with anyopen(str(path)) as file:
            for line in file:
                words = line.split("#")
                if words[0].strip() == "Atoms":
                    style = words[1].strip() if len(words) > 1 else ""
                    row = next((row for row in file if row.strip()), "")
                    return _COLUMNS.get(style) or _by_row(row)
    except (OSError, EOFError, UnicodeDecodeError):
        return None
    return None


def _by_row(row: str) -> str | None:
    """The columns by the first atom; image flags may follow the coordinates."""
    fields = row.split("#")[0].split()
    whole = [re.fullmatch(r"[+-]?\d+", field) is not None for field in fields]
    n = len(fields)
    if n in (8, 9, 10) and all(whole[-3:]):
        n -= 3
    if n == 5:
        return _COLUMNS["atomic"]
    if n == 6:
        return _COLUMNS["molecular" if whole[2] else "charge"]
    return _COLUMNS["full"] if n == 7 else None


def check_dump(path: Path) -> None:
    """Refuse a LAMMPS dump that MDAnalysis cannot read, or reads in another order.

    Parameters
    ----------
    path : pathlib.Path

    Raises
    ------
    InputError
        For lines with units and times, cells in general vectors, and atoms without ids.
    """
    try:
        with anyopen(str(path)) as file:
            items = [line.strip() for line in islice(file, 13) if line.startswith("ITEM:")]
    except (OSError, EOFError, UnicodeDecodeError):
        return
    extra = [item for item in items if item in ("ITEM: UNITS", "ITEM: TIME")]
    if extra:
        raise InputError(
            f"{path.name} holds lines {' and '.join(extra)} (dump_modify units yes, time yes), "
            "which MDAnalysis does not read: remove them, e.g. with sed -e "
            f"'/^ITEM: UNITS$/,+1d' -e '/^ITEM: TIME$/,+1d' {path.name} > new.lammpstrj, and give "
            "the spacing of the frames with --dt (dt under [analysis]); lengths must be in "
            "Angstrom (units real or metal)"
        )
    if any(item.startswith("ITEM: BOX BOUNDS abc origin") for item in items):
        raise InputError(
            f"{path.name} holds cells in general vectors (triclinic/general), which MDAnalysis "
            "does not read; write the dump without triclinic/general, or convert it (OVITO, or "
            "extended XYZ)"
        )
    atoms = next((item.split()[2:] for item in items if item.startswith("ITEM: ATOMS")), ["id"])
    if "id" not in atoms:
        raise InputError(
            f"{path.name} has no column id ({' '.join(atoms)}), and LAMMPS writes atoms in "
            "changing order, so that nothing tells which is which: write the dump with ids; where "
            "the order is known to be that of the topology, add them as a first column"
        )
