"""Are residues and molecule numbers molecules? What bonds guessed from distances say."""

from __future__ import annotations

from collections import Counter

import numpy as np

from .formal_charges import formula_of
from .molecules import extremes, fragments_of


def joining_bonds(group: np.ndarray, pairs: np.ndarray, elements: np.ndarray) -> int:
    """Number of bonds that join residues as they join monomers, 0 if few or otherwise.

    The arguments are those of `other_molecules`.
    """
    is_across = group[pairs[:, 0]] != group[pairs[:, 1]]
    across = pairs[is_across & np.all(elements[pairs] != "H", axis=1)]
    # monomers are whole by their own bonds; atoms of a wrong or missing cell are not
    parts = _parts(pairs[~is_across], group, elements)[np.unique(group[across])]
    return len(across) if len(across) > 1 and np.mean(parts == 1) > 0.5 else 0


def other_molecules(group: np.ndarray, pairs: np.ndarray, elements: np.ndarray) -> str:
    """Why residues or molecule numbers are no molecules, by bonds from distances; "" if they are.

    Parameters
    ----------
    group : numpy.ndarray
        Shape (atoms,): molecule of every atom by residue or molecule number.
    pairs : numpy.ndarray
        Shape (bonds, 2): bonds guessed from distances.
    elements : numpy.ndarray
        Shape (atoms,).
    """
    if joined := joining_bonds(group, pairs, elements):
        return f"{joined} bonds join residues (or molecule numbers) that are parts of molecules"
    fragment = fragments_of(len(group), pairs)
    first, last = extremes(group, fragment, int(group.max(initial=-1)) + 1)
    split = first < last
    held: dict[int, Counter[str]] = {}
    order = np.argsort(fragment, kind="stable")
    for ix in np.split(order, np.flatnonzero(np.diff(fragment[order])) + 1):
        if split[group[ix[0]]]:
            held.setdefault(int(group[ix[0]]), Counter())[formula_of(elements[ix].tolist())] += 1
    # a molecule that is broken, or has atoms without element, leaves unequal pieces
    several = [k for k in held.values() if "" not in k and k.total() > 2 and min(k.values()) > 1]
    if not several:
        return ""
    n = sum(k.total() for k in several)
    verb = (
        "residue or molecule number holds"
        if len(several) == 1
        else "residues or molecule numbers hold"
    )
    return f"{len(several)} {verb} {n} molecules"


def within_whole(pairs: np.ndarray, molecule: np.ndarray, elements: np.ndarray) -> np.ndarray:
    """The guessed bonds inside the molecules that they hold together, shape (bonds, 2)."""
    pairs = pairs[molecule[pairs[:, 0]] == molecule[pairs[:, 1]]]
    return pairs[_parts(pairs, molecule, elements)[molecule[pairs[:, 0]]] == 1]


def _parts(pairs: np.ndarray, group: np.ndarray, elements: np.ndarray) -> np.ndarray:
    """Number of pieces that bonds leave of each group, sites without element left out."""
    fragment, nuclei = fragments_of(len(group), pairs), elements != ""
    held = np.unique(np.stack([group[nuclei], fragment[nuclei]], axis=1), axis=0)
    return np.bincount(held[:, 0], minlength=int(group.max(initial=-1)) + 1)
