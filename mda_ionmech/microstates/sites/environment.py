"""Local environment of sites: the composition of the atoms around each in the mean structure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ...lib.errors import InputError
from .polyhedra import FEWEST, MOST, nearest_atoms

#: Between the label of a site and its environment.
AROUND = ":"


def environment_labels(
    sites: np.ndarray,
    labels: Sequence[str],
    atoms: np.ndarray,
    elements: Sequence[str] | np.ndarray,
    cell: np.ndarray,
    wanted: int | Mapping[str, int] | None = None,
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Labels of sites with the atoms around them, e.g. ``48h:S3Cl``.

    Parameters
    ----------
    sites : numpy.ndarray
        Shape (sites, 3), fractional.
    labels : sequence of str
        One per site.
    atoms : numpy.ndarray
        Shape (atoms, 3), fractional: mean positions of the atoms that may surround a site.
    elements : sequence of str
        Of these atoms.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom, the shortest vectors of its lattice.
    wanted : int or mapping of str to int, optional
        Number of atoms around a site, or by label. By default the number from 4 to 12 after which,
        for each label, the distances have the largest gap.

    Returns
    -------
    labels : tuple of str
    numbers : dict of str to int
        Atoms around the sites of each label.

    Raises
    ------
    InputError
        For atoms without elements.
    """
    if any(not str(e) for e in elements):
        raise InputError(
            "environment holds atoms whose element is not known: add elements to the topology, or "
            "names or masses that tell them"
        )
    number, vectors = nearest_atoms(sites, atoms, cell)
    length = np.linalg.norm(vectors @ cell, axis=-1)
    jump = np.log(length[:, FEWEST:] / length[:, FEWEST - 1 : -1])
    kinds, numbers = np.asarray(labels), {}
    asked = wanted if isinstance(wanted, Mapping) else dict.fromkeys(labels, wanted)
    out = [""] * len(sites)
    for label in dict.fromkeys(labels):
        mine = np.flatnonzero(kinds == label)
        found = FEWEST + int(np.argmax(jump[mine].sum(axis=0)))
        numbers[label] = min(asked.get(label) or found, MOST)
        for s in mine.tolist():
            around = [str(elements[a]) for a in number[s, : numbers[label]]]
            out[s] = f"{label}{AROUND}{formula(around)}"
    return tuple(out), numbers


def formula(elements: Sequence[str]) -> str:
    """Composition, the most frequent element first: ``S3Cl``."""
    counted = sorted(Counter(elements).items(), key=lambda one: (-one[1], one[0]))
    return "".join(f"{name}{n if n > 1 else ''}" for name, n in counted)
