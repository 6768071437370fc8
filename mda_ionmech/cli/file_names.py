"""Names of species in the names of files: legal on every system, and different."""

from __future__ import annotations

import re
from collections.abc import Sequence


def file_labels(names: Sequence[str]) -> list[str]:
    """What stands for each name in the name of a file: without its charge where that is enough.

    >>> file_labels(["Li+", "TFSI-"])
    ['Li', 'TFSI']
    >>> file_labels(["Fe2+", "Fe3+", "Cl-"])
    ['Fe2+', 'Fe3+', 'Cl']

    Parameters
    ----------
    names : sequence of str
        All different.
    """
    plain = [_legal(name) for name in names]
    short = [_legal(name.rstrip("+-0123456789")) for name in names]
    # file systems may not tell upper from lower case
    known = [one.casefold() for one in short]
    labels = [s if known.count(s.casefold()) == 1 else p for s, p in zip(short, plain, strict=True)]
    out: list[str] = []
    for label in labels:
        number, chosen = 1, label
        while chosen.casefold() in {one.casefold() for one in out}:
            number += 1
            chosen = f"{label}-{number}"
        out.append(chosen)
    return out


def _legal(name: str) -> str:
    """Letters, digits and a few signs, the rest as underscores; 60 characters at most."""
    return re.sub(r"[^\w+\-.]", "_", name)[:60].strip(".") or "species"
