"""Atoms of a topology without their universe, as stored in a saved run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from .errors import InputError


@dataclass(frozen=True)
class RecordedAtoms:
    """Indices, names, masses and charges of a group of atoms, without its universe.

    Attributes
    ----------
    ix : numpy.ndarray
        Shape (atoms,), int64: index in the topology.
    names : numpy.ndarray or None
        Shape (atoms,), text; None where the topology had none, as for the next ones.
    masses : numpy.ndarray or None
        Shape (atoms,), u.
    charges : numpy.ndarray or None
        Shape (atoms,), e.
    """

    ix: np.ndarray
    names: np.ndarray | None = None
    masses: np.ndarray | None = None
    charges: np.ndarray | None = None

    @classmethod
    def of(cls, group: Any) -> RecordedAtoms:
        """Record an AtomGroup."""
        known = {
            name: np.array(getattr(group, name), dtype=kind)
            for name, kind in (("names", str), ("masses", np.float64), ("charges", np.float64))
            if hasattr(group, name)
        }
        return cls(np.array(group.ix, dtype=np.int64), **known)

    @property
    def indices(self) -> np.ndarray:
        """The same as `ix`."""
        return self.ix

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.ix)

    def __len__(self) -> int:
        return len(self.ix)

    @property
    def universe(self) -> NoReturn:
        """Not available in a saved run.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(
            "the universe is not part of a saved run, whose atoms have ix, names, masses and "
            "charges alone; a rule takes what else it needs of the topology in "
            "prepare(universe, ligands), and keeps it"
        )
