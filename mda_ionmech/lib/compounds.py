"""Checks that residues or molecule numbers are single molecules, so that each may be a carrier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError
from .molecules import bond_pairs, extremes, fragments_of, in_order_of_appearance

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup

_REMEDY = (
    "give a topology in which each molecule has a residue or molecule number of its own (a LAMMPS "
    "dump with a `mol` column, a data file, GRO or PDB), or bonds and compound='fragments'"
)


def atom_kinds_in(atoms: AtomGroup) -> np.ndarray:
    """Numbers that distinguish atoms by name, type and element, shape (atoms,)."""
    import pandas as pd

    kind = np.zeros(atoms.n_atoms, dtype=np.int64)
    for attribute in ("names", "types", "elements"):
        values = getattr(atoms, attribute, None)
        if values is not None:
            codes = pd.factorize(np.asarray(values, dtype=object))[0]
            kind = pd.factorize(kind * (codes.max() + 2) + codes)[0].astype(np.int64)
    return kind


def copies_in(group: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """How often the atoms of each group repeat: 3 where every kind of atom occurs 3 times.

    Parameters
    ----------
    group, kind : numpy.ndarray
        Shape (atoms,): group and kind of every atom, each numbered from 0.

    Returns
    -------
    numpy.ndarray
        Shape (groups,), int64; 1 where the kinds do not occur equally often.
    """
    n_kinds = int(kind.max(initial=-1)) + 1
    pair, number = np.unique(group * n_kinds + kind, return_counts=True)
    of = pair // n_kinds
    n_groups = int(group.max(initial=-1)) + 1
    least, most = extremes(of, number, n_groups)
    return np.where(least == most, most, 1)


def repeating_unit(kind: np.ndarray) -> int:
    """Number of atoms after which the kinds of a list of atoms repeat, to its end.

    kind: shape (atoms,). The number of atoms where they do not.
    """
    n = len(kind)
    for unit in range(1, n // 2 + 1):
        if n % unit == 0 and np.array_equal(kind[unit:], kind[:-unit]):
            return unit
    return n


def check_compound(atoms: AtomGroup, compound: str, carrier: np.ndarray, name: str) -> None:
    """Refuse residues or molecule numbers that hold several molecules.

    Parameters
    ----------
    atoms : AtomGroup
        Atoms of a species.
    compound : {"residues", "molecules"}
    carrier : numpy.ndarray
        Shape (atoms,): carrier of each, numbered from 0.
    name : str
        Of the species.

    Raises
    ------
    InputError
        Where one residue holds all atoms of the topology and these are a part of them, or where
        bonds show that a residue holds several molecules that are alike.
    """
    universe = atoms.universe
    pairs = bond_pairs(universe)
    fragment = in_order_of_appearance(fragments_of(universe.atoms.n_atoms, pairs)[atoms.ix])
    n_residues = universe.residues.n_residues
    everything = atoms.n_atoms == universe.atoms.n_atoms and int(fragment.max()) == 0
    if compound == "residues" and n_residues == 1 and atoms.n_atoms > 1 and not everything:
        raise InputError(
            f"compound='residues' of species {name!r}: one residue holds {atoms.n_atoms} atoms, "
            f"all of the species, and the topology has no other residue: they would be one "
            f"carrier; {_REMEDY}"
        )
    if not len(pairs):
        return
    n_fragments = int(fragment.max()) + 1
    piece, size = np.unique(carrier * n_fragments + fragment, return_counts=True)
    of = piece // n_fragments
    pieces = np.bincount(of)
    smallest = np.full(len(pieces), atoms.n_atoms, dtype=np.int64)
    np.minimum.at(smallest, of, size)
    alike = (pieces > 1) & (smallest > 1) & (smallest * pieces == np.bincount(carrier))
    alike &= copies_in(carrier, atom_kinds_in(atoms)) % pieces == 0
    if alike.any():
        worst = int(np.argmax(alike))
        what = compound.removesuffix("s")
        raise InputError(
            f"compound={compound!r} of species {name!r}: one {what} holds "
            f"{int(np.bincount(carrier)[worst])} atoms that the bonds divide into "
            f"{int(pieces[worst])} molecules{_number_of(atoms, compound, carrier, worst)}, and "
            f"they would be one carrier; use compound='fragments'"
        )


def _number_of(atoms: Any, compound: str, carrier: np.ndarray, which: int) -> str:
    """Name and number of a residue, for a message."""
    if compound != "residues":
        return ""
    residue = atoms[int(np.argmax(carrier == which))].residue
    name = str(getattr(residue, "resname", "")).strip()
    return f" (residue {name + ' ' if name else ''}{getattr(residue, 'resid', residue.ix)})"
