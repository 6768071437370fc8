"""Checks of sites from a density against what is known: labels, and the symmetry of the structure.

A label that is an Angstrom away, or a space group that the structure does not have, gives sites and
names that look right and are wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...lib.errors import InputError
from .nearest_site import SiteGrid

#: Largest distance of a framework atom from the image of another under an operation, Angstrom, and
#: the part of the atoms that may be farther: defects, atoms that are exchanged.
ASYMMETRIC, EXCEPTIONS = 0.5, 0.1
#: Most framework atoms whose images are compared, and most sites that a message lists.
_COMPARED, _LISTED = 1000, 5


def nearest_labels(
    sites: np.ndarray,
    known: np.ndarray,
    labels: Sequence[str],
    cell: np.ndarray,
    tolerance: float,
) -> tuple[list[str], float]:
    """Label of the known position closest to each site, and the largest distance, Angstrom.

    Parameters
    ----------
    sites, known : numpy.ndarray
        Shapes (sites, 3) and (known, 3): fractional in `cell`, any image.
    labels : sequence of str
        Of the known positions.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    tolerance : float
        Angstrom.

    Raises
    ------
    InputError
        For sites farther than this from every known position.
    """
    nearest, distance = SiteGrid.of(known, cell).nearest(sites, cell)
    found = [labels[k] for k in nearest.tolist()]
    far = np.flatnonzero(distance > tolerance)
    if len(far):
        worst = far[np.argsort(-distance[far], kind="stable")]
        told = ", ".join(
            f"({', '.join(f'{x:.3f}' for x in sites[k] % 1.0)}) {distance[k]:.2f} Å from {found[k]}"
            for k in worst[:_LISTED]
        )
        more = f" and {len(far) - _LISTED} more" if len(far) > _LISTED else ""
        raise InputError(
            f"{len(far)} of {len(sites)} sites of the density are farther than tolerance="
            f"{tolerance:g} Å from every position in known: {told}{more} (fractional in the cell "
            "of known); positions are missing in known, or its origin or setting is another one: "
            "give origin=..., the missing positions, a larger tolerance, or leave known out"
        )
    return found, float(distance.max(initial=0.0))


def check_symmetry(
    places: np.ndarray,
    elements: np.ndarray,
    operations: tuple[np.ndarray, np.ndarray],
    cell: np.ndarray,
    space_group: str | None,
) -> float:
    """Refuse a space group that the mean framework does not have.

    Parameters
    ----------
    places : numpy.ndarray
        Shape (atoms, 3): mean positions, fractional in one cell of the structure, relative to the
        origin of the group.
    elements : numpy.ndarray
        Shape (atoms,); an image must fall on an atom of the same element, or of one that takes its
        place in another cell of the structure (site disorder).
    operations : tuple of numpy.ndarray
        Rotations (operations, 3, 3) and translations (operations, 3).
    cell : numpy.ndarray
        Shape (3, 3), Angstrom.
    space_group : str
        Its symbol, for the message.

    Returns
    -------
    float
        Root mean square distance of images from atoms, Angstrom.

    Raises
    ------
    InputError
        Where under one operation more than a tenth of the atoms miss every other by more than
        0.5 A.

    Notes
    -----
    Necessary, not sufficient: a framework of some of the elements may have more symmetry than the
    structure.
    """
    turns, shifts = operations
    elements = exchanging(places, elements, cell)
    parts = []
    for element in np.unique(elements):
        mine = places[elements == element]
        grid = SiteGrid.of(mine, cell)
        some = mine
        if len(mine) > _COMPARED:
            some = np.random.default_rng(0).choice(mine, _COMPARED, replace=False)
        images = np.einsum("oij,aj->oai", turns, some) + shifts[:, None]
        _, distance = grid.nearest(images.reshape(-1, 3), cell)
        parts.append(distance.reshape(len(turns), -1))
    apart = np.concatenate(parts, axis=1)
    missed = (apart > ASYMMETRIC).mean(axis=1)
    if np.any(missed > EXCEPTIONS):
        k = int(np.argmax(missed))
        kind = np.repeat(np.unique(elements), [p.shape[1] for p in parts])
        told = ", ".join(
            f"{element or 'atoms'} {np.median(apart[k][kind == element]):.2f} Å (median)"
            for element in np.unique(elements)
        )
        number = int(np.sum(missed > EXCEPTIONS))
        raise InputError(
            f"space_group={space_group!r} is not that of the mean structure: {number} of its "
            f"{len(turns)} operations move framework atoms to where there is none, the worst "
            f"{missed[k]:.0%} of them by more than {ASYMMETRIC:g} Å ({told}); give a subgroup, its "
            "setting and origin=... (fractional in one cell) in the trajectory, supercell=..., or "
            "leave space_group out"
        )
    return float(np.sqrt(np.mean(apart**2)))


def exchanging(places: np.ndarray, elements: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Elements, those joined that are in the same place in different cells of the structure."""
    names = np.unique(elements).tolist()
    group = {name: name for name in names}
    for k, one in enumerate(names):
        for other in names[:k]:
            mine, theirs = (places[elements == name] for name in (one, other))
            if len(mine) > len(theirs):
                mine, theirs = theirs, mine
            _, distance = SiteGrid.of(theirs, cell).nearest(mine, cell)
            if np.mean(distance < ASYMMETRIC) > EXCEPTIONS:
                joined = f"{group[other]}/{group[one]}"
                before = {group[one], group[other]}
                group = {n: joined if g in before else g for n, g in group.items()}
    return np.array([group[name] for name in elements.tolist()])
