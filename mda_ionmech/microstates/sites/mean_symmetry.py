"""Space group of the time-averaged framework, and Wyckoff positions of sites in it, from spglib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...lib.errors import InputError
from .density_maxima import symmetrised
from .known_structure import exchanging
from .merged_sites import merge_sites

#: Distances within which the mean framework obeys its space group, Angstrom: the first at which
#: spglib finds one. Thermal motion leaves a few hundredths in the mean.
TOLERANCES = (0.2, 0.1, 0.05)
#: Atoms of a kind closer than this are one atom in several cells of the structure, Angstrom.
_SAME = 1.0


@dataclass(frozen=True)
class MeanSymmetry:
    """The space group of a mean framework.

    Attributes
    ----------
    symbol : str
        Hermann-Mauguin symbol.
    number : int
    operations : tuple of numpy.ndarray
        Rotations (operations, 3, 3) and translations (operations, 3) on fractional columns of the
        structure's cell, centring included.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the cell of the structure, made to obey the group.
    places : numpy.ndarray
        Shape (atoms, 3): positions of the framework that obey the group, fractional.
    kinds : numpy.ndarray
        Shape (atoms,), int64: number of the kind of each.
    """

    symbol: str
    number: int
    operations: tuple[np.ndarray, np.ndarray]
    cell: np.ndarray
    places: np.ndarray
    kinds: np.ndarray

    def labels(self, sites: np.ndarray, orbit: np.ndarray) -> list[str]:
        """Multiplicity and Wyckoff letter of sites that obey the group.

        Parameters
        ----------
        sites : numpy.ndarray
            Shape (sites, 3): whole orbits, fractional in the structure's cell.
        orbit : numpy.ndarray
            Shape (sites,): number of the orbit of each.

        Returns
        -------
        list of str
            E.g. ``48h``; of several orbits of one position the later ones are ``48h_2``, ...
        """
        numbers = np.concatenate([self.kinds, self.kinds.max() + 1 + orbit])
        data = _dataset(self.cell, np.concatenate([self.places, sites]), numbers, 0.01)
        if data is None:
            raise InputError(
                "the sites of the density cannot be brought into the space group "
                f"{self.symbol!r}: atoms and sites coincide; give a larger separation=..., or "
                "space_group=..."
            )
        per_cell = len(data.std_positions) / len(numbers)
        # multiplicities are those of the conventional cell
        size = np.bincount(data.crystallographic_orbits, minlength=len(numbers)) * per_cell
        first = len(self.kinds)
        names: dict[int, str] = {}
        for k, number in enumerate(orbit.tolist()):
            if number in names:
                continue
            o = data.crystallographic_orbits[first + k]
            name = f"{round(float(size[o]))}{data.wyckoffs[first + k]}"
            earlier = sum(other.split("_")[0] == name for other in names.values())
            names[number] = f"{name}_{earlier + 1}" if earlier else name
        return [names[number] for number in orbit.tolist()]


def check_spglib() -> None:
    """Refuse where spglib is not installed.

    Raises
    ------
    ImportError
    """
    try:
        import spglib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'finding a space group needs spglib: pip install "mda-ionmech[crystal]"'
        ) from error


def find_symmetry(
    places: np.ndarray, elements: Sequence[str] | np.ndarray, cell: np.ndarray
) -> MeanSymmetry:
    """The space group of a mean framework.

    Cost: that of spglib, and of the images of the framework under its operations.

    Parameters
    ----------
    places : numpy.ndarray
        Shape (atoms, 3): mean positions of all immobile atoms, fractional in `cell`; those of
        several cells of the structure lie on one another.
    elements : sequence of str
        Shape (atoms,): elements that take each other's place in different cells count as one.
    cell : numpy.ndarray
        Shape (3, 3), Angstrom: the cell of the structure.

    Raises
    ------
    InputError
        Where no symmetry is found.
    """
    kind_of = exchanging(places, np.asarray(elements), cell)
    names, number = np.unique(kind_of, return_inverse=True)
    atoms, labels = merge_sites(places, [str(n) for n in number], cell, _SAME, across=False)
    kinds = np.array([int(x) for x in labels])
    data: Any = None
    for tolerance in TOLERANCES:
        data = _dataset(cell, atoms, kinds, tolerance)
        if data is not None:
            break
    if data is None or data.number == 1:
        raise InputError(
            f"no symmetry of the mean framework ({len(names)} kinds of atoms, {len(atoms)} in the "
            f"cell of the structure) within {TOLERANCES[0]:g} Å: give all immobile atoms as "
            "framework, supercell=... where the cell is repeated, more of the trajectory, or leave "
            "space_group out"
        )
    turns, shifts = data.rotations.astype(np.float64), np.asarray(data.translations)
    metric = np.einsum("oji,jk,okl->il", turns, cell @ cell.T, turns) / len(turns)
    cell = np.linalg.cholesky(metric)
    distinct = np.unique(kinds).tolist()
    placed = [symmetrised(atoms[kinds == k], (turns, shifts), cell, _SAME)[0] for k in distinct]
    return MeanSymmetry(
        symbol=str(data.international),
        number=int(data.number),
        operations=(turns, shifts),
        cell=cell,
        places=np.concatenate(placed),
        kinds=np.repeat(distinct, [len(p) for p in placed]),
    )


def _dataset(cell: np.ndarray, places: np.ndarray, numbers: np.ndarray, tolerance: float) -> Any:
    """What spglib says of a structure; None where it finds nothing."""
    import spglib

    crystal: Any = (cell, places % 1.0, numbers + 1)
    try:
        return spglib.get_symmetry_dataset(crystal, symprec=tolerance)
    except Exception:  # of a release that raises instead
        return None
