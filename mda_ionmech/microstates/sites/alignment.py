"""Alignment of a structure with a trajectory: the shift of its origin, from framework or ions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...lib.errors import InputError
from .nearest_site import SiteGrid

#: Largest root mean square distance of framework atoms from their ideal positions, Angstrom.
WORST_ALIGNMENT = 1.0
#: Most positions of ions that are compared with the sites, and most framework atoms by which
#: candidate shifts are compared.
_ALIGNED, _COMPARED = 100_000, 500
#: Shifts fit equally well where their distances differ by less, Angstrom: of the element that gives
#: the shifts, and of the other elements of the framework.
_SAME, _SAME_OF_OTHERS = 0.02, 0.1


@dataclass(frozen=True)
class Alignment:
    """How the structure was aligned with the trajectory.

    Attributes
    ----------
    shift : numpy.ndarray
        Shape (3,), Angstrom: added to the structure's positions.
    residual : float
        Root mean square distance, Angstrom, of the framework's mean positions from their ideal
        ones; of the mobile ions from their nearest site where no ideal framework is known.
    by : str
        ``framework``, ``ions``, or ``density`` where the sites were found on the trajectory.
    """

    shift: np.ndarray
    residual: float
    by: str


def minimum_image(fractional: np.ndarray) -> np.ndarray:
    """Fractional differences wrapped into [-1/2, 1/2]."""
    return fractional - np.rint(fractional)


def repeated(fractional: Any, repeats: np.ndarray) -> np.ndarray:
    """Positions of a cell repeated along each vector, as fractions of the supercell."""
    shifts = np.stack(np.meshgrid(*[np.arange(n) for n in repeats], indexing="ij"), axis=-1)
    positions = np.asarray(fractional, dtype=np.float64)
    return ((shifts.reshape(-1, 1, 3) + positions[None]) / repeats).reshape(-1, 3)


def align_framework(
    mean: np.ndarray,
    elements: np.ndarray | None,
    ideal: np.ndarray,
    ideal_elements: np.ndarray | None,
    repeats: np.ndarray,
    cell: np.ndarray,
    to_run: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Shift of a structure that fits its framework to the framework of a trajectory.

    Parameters
    ----------
    mean : numpy.ndarray
        Shape (atoms, 3): mean fractional positions of the framework atoms.
    elements : numpy.ndarray or None
        Shape (atoms,): their elements; None where the structure has none.
    ideal : numpy.ndarray
        Shape (places, 3): fractional positions in the vectors of the file.
    ideal_elements : numpy.ndarray or None
        Shape (places,).
    repeats : numpy.ndarray
        Shape (3,): cells of the structure in the cell of the trajectory.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the mean cell.
    to_run : numpy.ndarray
        Shape (3, 3): from fractions of the vectors of the file to fractions of `cell`.

    Returns
    -------
    shift : numpy.ndarray
        Shape (3,), fractional.
    residual : float
        Root mean square distance from the ideal positions, Angstrom.

    Raises
    ------
    InputError
        For elements that the structure lacks, or a framework that does not fit.
    """
    ideal = ideal @ to_run
    if elements is not None and ideal_elements is not None:
        lacking = sorted(set(elements) - set(ideal_elements))
        if lacking:
            raise InputError(
                f"framework holds {', '.join(lacking)}, which the structure file does not"
            )
    kinds = np.zeros(len(mean), dtype=int) if elements is None else np.asarray(elements)
    ideal_kinds = (
        np.zeros(len(ideal), dtype=int) if elements is None else np.asarray(ideal_elements)
    )
    # a rare element gives few candidates for the shift; one that is disordered fits none of them
    rarest = sorted(set(kinds), key=lambda k: (int(np.sum(ideal_kinds == k)), str(k)))
    nearest = np.inf
    of_kind = {k: (mean[kinds == k], ideal[ideal_kinds == k]) for k in rarest}
    for kind in rarest:
        others = [pair for k, pair in of_kind.items() if k != kind]
        shift, rest = _best_shift(*of_kind[kind], others, repeats, cell, to_run)
        if rest <= WORST_ALIGNMENT:
            return shift, rest
        nearest = min(nearest, rest)
    raise InputError(
        f"the framework lies {nearest:.2f} Å (root mean square) from its ideal positions "
        "after the best shift: check supercell=..., the order of the cell vectors, and "
        "that framework selects the atoms that are the framework in the structure file"
    )


def _best_shift(
    mine: np.ndarray,
    theirs: np.ndarray,
    others: list[tuple[np.ndarray, np.ndarray]],
    repeats: np.ndarray,
    cell: np.ndarray,
    to_run: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Shift that fits ideal positions (places, 3) to atoms (atoms, 3), and their distance.

    One element may lie on a lattice with more translations than the crystal (Zr of a garnet): of
    the shifts that fit it equally well, that is taken which fits the `others` best, pairs of atoms
    and ideal positions of each other element; and of those that map the framework onto itself the
    smallest.
    """
    # copies of the cell give candidates that differ by its vectors alone
    first = len(theirs) // int(repeats.prod())
    turns = repeated(np.zeros((1, 3)), repeats) @ to_run
    grid = SiteGrid.of(theirs, cell)
    some = _some_of(mine, _COMPARED)
    found: list[tuple[float, np.ndarray]] = []
    for candidate in mine[0] - theirs[:first]:
        shift, rest = _fitted(some, theirs, grid, cell, candidate)
        images = minimum_image(shift + turns)
        found.append((rest, images[np.linalg.norm(images @ cell, axis=1).argmin()]))
    found = _least(found, _SAME)
    if len(found) > 1 and others:
        elsewhere = [(_some_of(m, _COMPARED), SiteGrid.of(t, cell)) for m, t in others]
        found = _least([(_distance(elsewhere, cell, s), s) for _, s in found], _SAME_OF_OTHERS)
    shift = min((s for _, s in found), key=lambda s: float(np.linalg.norm(s @ cell)))
    return _fitted(mine, theirs, grid, cell, shift)


def _least(
    found: list[tuple[float, np.ndarray]], tolerance: float
) -> list[tuple[float, np.ndarray]]:
    """Those whose first number exceeds the lowest by less than the tolerance."""
    lowest = min(number for number, _ in found)
    return [one for one in found if one[0] < lowest + tolerance]


def _distance(
    pairs: list[tuple[np.ndarray, SiteGrid]], cell: np.ndarray, shift: np.ndarray
) -> float:
    """Root mean square distance of atoms from the places of their element, Angstrom."""
    squares = [grid.nearest(mine, cell, shift)[1] ** 2 for mine, grid in pairs]
    return float(np.sqrt(np.mean(np.concatenate(squares))))


def align_ions(
    still: list[np.ndarray], sites: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, float]:
    """Shift that fits the sites to the mobile ions, from zero by fixed-point iteration."""
    shift = np.zeros(3)
    centres = _some_of(np.concatenate(still), _ALIGNED)
    grid = SiteGrid.of(sites, cell)
    for _ in range(50):
        site, distance = grid.nearest(centres, cell, shift)
        # ions between sites carry no information about the origin
        near = distance <= np.quantile(distance, 0.7)
        step = minimum_image(centres - shift - sites[site])[near].mean(axis=0)
        shift = shift + step
        if np.linalg.norm(step @ cell) < 1e-4:
            break
    return shift, float(np.sqrt(np.mean(distance**2)))


def _fitted(
    mine: np.ndarray, theirs: np.ndarray, grid: SiteGrid, cell: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, float]:
    """Shift that fits positions to theirs, from an initial one by fixed-point iteration.

    Also returned: the root mean square distance before the last step, Angstrom.
    """
    for _ in range(10):
        place, distance = grid.nearest(mine, cell, shift)
        shift = shift + minimum_image(mine - shift - theirs[place]).mean(axis=0)
    return shift, float(np.sqrt(np.mean(distance**2)))


def _some_of(places: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the positions (n, 3), drawn at random with a fixed seed."""
    if len(places) <= most:
        return places
    return np.random.default_rng(0).choice(places, most, replace=False)
