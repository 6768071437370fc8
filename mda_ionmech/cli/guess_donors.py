"""Which atoms of a molecule coordinate a cation: by chemistry, and by the first peak of g(r).

The atoms of an element with the same neighbours are one class. A class coordinates where g(r) with
the cation has its first peak within contact distance, the sum of ionic radii and 0.6 A.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..lib.errors import InputError
from ..microstates.contacts import FrameGeometry
from ..microstates.rdf import MAX_RADIUS, RadialDistribution, sample_distributions

#: Elements that coordinate cations, first those that do so most often.
DONORS = ("O", "N", "F", "S", "Cl", "Br", "I", "Se")
#: Ionic radii of cations for coordination numbers 4 or 6, and of donors, Angstrom: Shannon, Acta
#: Cryst. A 32, 751 (1976).
_CATION = {
    "Li": 0.66, "Na": 1.02, "K": 1.38, "Rb": 1.52, "Cs": 1.67, "Ag": 1.15, "Cu": 0.77, "Mg": 0.72,
    "Ca": 1.00, "Sr": 1.18, "Ba": 1.35, "Zn": 0.70, "Al": 0.54, "Mn": 0.83, "Fe": 0.78, "Co": 0.74,
    "Ni": 0.69, "Cd": 0.95, "La": 1.03,
}  # fmt: skip
_DONOR = {
    "O": 1.38, "N": 1.46, "F": 1.31, "S": 1.84, "Cl": 1.81, "Br": 1.96, "I": 2.20, "Se": 1.98,
}  # fmt: skip
_SLACK = 0.6
#: Range of the first peak of an ion of several atoms, from its centre of mass, Angstrom.
CENTRE_TO_CENTRE = (2.5, 7.0)
#: Distance to which g(r) of such ions is searched for its first minimum, Angstrom: it may be at 7
#: to 9, beyond what "rdf" searches.
FAR_RADIUS = 12.0
#: A first peak so much nearer than the largest contact distance is no contact, Angstrom.
WIDEST = 1.1
#: Frames that are looked at.
FRAMES = 30
#: Most frames for g(r) of a shell, for so many ions in all frames, and so many atoms.
MOST_FRAMES, IONS, ATOMS = 200, 3000, 2_000_000
#: In a flat minimum with a relative increase of the coordination number below this any cutoff is
#: as good.
_SAME_NUMBER = 0.02
#: Atoms with fewer contacts than this fraction of those with the most do not coordinate, if so many
#: contacts or more would be expected of them otherwise.
_SHARE, _TELLING = 0.05, 10.0


@dataclass(frozen=True)
class Peak:
    """The first peak of g(r) of a cation and some donors.

    Attributes
    ----------
    position, minimum : float
        Angstrom.
    cutoff : float
        The minimum, or the near end of a flat one, to 0.1, Angstrom.
    is_flat : bool
        Whether it is the near end.
    """

    position: float
    minimum: float
    cutoff: float
    is_flat: bool


def contact_distance(cation: str, donor: str) -> float:
    """Largest distance of a first peak that is a contact, Angstrom."""
    return _CATION.get(cation, 1.0) + _DONOR.get(donor, 1.8) + _SLACK


def donor_classes(
    atoms: np.ndarray, elements: np.ndarray, near: Sequence[Sequence[int]]
) -> dict[tuple[str, str], np.ndarray]:
    """Atoms that may coordinate, by element and neighbours, elements in the order of `DONORS`.

    Parameters
    ----------
    atoms : numpy.ndarray
        Indices of the atoms of one kind of molecule.
    elements : numpy.ndarray
        Shape (atoms of the universe,): symbols.
    near : sequence of sequence of int
        Bonded atoms of every atom.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for k in atoms.tolist():
        element = str(elements[k])
        # a nitrogen or sulfur that has spent its lone pair does not coordinate
        spent = len(near[k]) > 3 or (element == "S" and len(near[k]) > 2)
        if element in DONORS and not spent:
            around = " ".join(sorted(str(elements[n]) for n in near[k]))
            found.setdefault((element, around), []).append(k)
    keys = sorted(found, key=lambda key: (DONORS.index(key[0]), key[1]))
    return {key: np.array(found[key]) for key in keys}


def distributions(
    universe: Any,
    centres: np.ndarray,
    groups: Sequence[np.ndarray],
    names: Sequence[str] | None = None,
    *,
    most: int = FRAMES,
    radius: float = MAX_RADIUS,
) -> list[RadialDistribution] | None:
    """g(r) of ions and groups of atoms, on some frames.

    Parameters
    ----------
    universe : Universe
    centres : numpy.ndarray
        Indices of the cations, shape (cations,), or of the atoms of each, (cations, atoms), whose
        centre of mass is meant.
    groups : sequence of numpy.ndarray
        Indices of the atoms of each group.
    names : sequence of str, optional
        Their ligand types.
    most : int, optional
        Largest number of frames.
    radius : float, optional
        Largest distance, Angstrom.

    Returns
    -------
    list of RadialDistribution or None
        None for a trajectory without a cell.
    """
    from MDAnalysis.lib.mdamath import triclinic_vectors

    n_frames = universe.trajectory.n_frames
    chosen = np.unique(np.linspace(0, n_frames - 1, min(n_frames, most)).astype(int))
    kinds = tuple(names or (f"group {k}" for k in range(len(groups))))
    ligands = np.concatenate(list(groups))
    kind = np.repeat(np.arange(len(groups)), [len(g) for g in groups]).astype(np.int64)
    frames = []
    for k in chosen:
        ts = universe.trajectory[int(k)]
        if ts.dimensions is None or not np.all(ts.dimensions[:3] > 0):
            return None
        cell = np.asarray(triclinic_vectors(ts.dimensions, dtype=np.float64))
        place = ts.positions.astype(np.float64) @ np.linalg.inv(cell)
        nobody = np.full(len(ligands), -1, dtype=np.int64)
        middles = _middles(place, centres, universe)
        frames.append(FrameGeometry(middles, place[ligands], kind, nobody, cell))
    return list(sample_distributions(frames, kinds, radius).values())


def _middles(place: np.ndarray, centres: np.ndarray, universe: Any) -> np.ndarray:
    """Centres of mass of molecules that are shorter than half the cell, fractional."""
    if centres.ndim == 1:
        return np.asarray(place[centres])
    mass = np.asarray(getattr(universe.atoms, "masses", np.ones(len(place))))[centres]
    mass = np.where(mass.sum(axis=1, keepdims=True) > 0, mass, 1.0)
    away = place[centres] - place[centres[:, :1]]
    away -= np.rint(away)
    mean = (away * mass[..., None]).sum(axis=1) / mass.sum(axis=1)[:, None]
    return np.asarray(place[centres[:, 0]] + mean)


def peak_of(found: RadialDistribution, contact: float, shortest: float) -> Peak | None:
    """The first peak, if it is at contact, up to `contact`, and a clear minimum follows it.

    A peak nearer than `shortest`, Angstrom, is none: the cell or the elements are wrong.
    """
    try:
        minimum = found.first_minimum()
    except InputError:
        return None
    smooth = found.smoothed()
    inside = found.r < minimum
    position = float(found.r[inside][np.argmax(smooth[inside])])
    if not shortest < position <= contact:
        return None
    flat = found.flat_minimum()
    if flat is not None:
        few, many = (found.number_within(radius) for radius in flat)
        if many > (1 + _SAME_NUMBER) * few:
            return Peak(position, minimum, round(flat[0], 1), True)
    return Peak(position, minimum, minimum, False)


def frames_of_shell(n_ions: int, n_atoms: int) -> int:
    """Number of frames for g(r) of a shell: more where ions are few, fewer in large systems."""
    return max(FRAMES, min(MOST_FRAMES, IONS // n_ions, ATOMS // n_atoms))


def by_chemistry(keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Classes of the first element that coordinates; of several those with one neighbour.

    The oxygen of a carbonyl or a sulfonyl group before that between two carbons.
    """
    first = [k for k in keys if k[0] == keys[0][0]]
    return [k for k in first if len(k[1].split()) == 1] or first


def coordinating(
    universe: Any,
    cations: np.ndarray,
    cation: str,
    classes: dict[tuple[str, str], np.ndarray],
) -> tuple[list[tuple[str, str]], bool]:
    """The classes of donors of one molecule that coordinate a cation.

    Parameters
    ----------
    universe : Universe
    cations : numpy.ndarray
        Their indices.
    cation : str
        Their element.
    classes : dict
        From `donor_classes`.

    Returns
    -------
    keys : list of (str, str)
        Of the classes that coordinate; those of the first element by chemistry where none does.
    seen : bool
        Whether contacts were seen.
    """
    keys = list(classes)
    found = distributions(universe, cations, [classes[k] for k in keys])
    chemical = by_chemistry(keys)
    if found is None:
        return chemical, False
    seen = [
        g.number_within(contact_distance(cation, k[0])) * len(cations) * g.n_frames
        for k, g in zip(keys, found, strict=True)
    ]
    if max(seen) <= 0:
        return chemical, False
    best = keys[int(np.argmax(seen))][0]
    counts = {k: n for k, n in zip(keys, seen, strict=True) if k[0] == best}
    # contacts per atom that may coordinate
    most = max(n / len(classes[k]) for k, n in counts.items())
    same = [
        k
        for k, n in counts.items()
        if n > _SHARE * most * len(classes[k]) or most * len(classes[k]) < _TELLING
    ]
    return same, True
