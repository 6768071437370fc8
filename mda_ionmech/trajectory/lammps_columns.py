"""Columns of the section Atoms of a LAMMPS data file.

The header of the section may name the style (``Atoms # charge``); where it does not, the number of
columns and whether they are integers tell (LAMMPS documentation, read_data).
"""

from __future__ import annotations

import re
from pathlib import Path

from MDAnalysis.lib.util import anyopen

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
