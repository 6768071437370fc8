"""Species names in file names: valid on every system, and distinct."""

from __future__ import annotations

import re
from collections.abc import Sequence


def file_labels(names: Sequence[str]) -> list[str]:
    """File labels of names, without the charge where they are distinct without it.

    >>> file_labels(["Li+", "TFSI-"])
    ['Li', 'TFSI']
    >>> file_labels(["Fe2+", "Fe3+", "Cl-"])
    ['Fe2+', 'Fe3+', 'Cl']

    Parameters
    ----------
    names : sequence of str
        Distinct names.
    """
    plain = [_legal(name) for name in names]
    short = [_legal(name.rstrip("+-0123456789")) for name in names]
    # file systems may not distinguish upper and lower case
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
    """Letters, digits and a few signs, the rest as underscores; at most 60 characters."""
    return re.sub(r"[^\w+\-.]", "_", name)[:60].strip(".") or "species"
