"""Kinds of molecules in a trajectory, with their roles and formal charges.

Molecules are told apart by residue and composition; the charges follow from formula and bonds, and
where these do not tell from the charges of the topology. In a system of ions alone, those that stay
in their places are the framework of a crystal or glass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from MDAnalysis import SelectionError

from ..lib.covalent_bonds import MOST_ATOMS, bonds_in_frame
from ..lib.elements import elements_of
from ..lib.formal_charges import MOBILE, MONATOMIC, Ion, formula_of, ion_of, with_sign
from ..lib.guessed_groups import other_molecules, within_whole
from ..lib.molecules import (
    bond_pairs,
    fragments_of,
    in_order_of_appearance,
    molecule_of_atom,
    unbonded_groups,
)
from ..lib.plain_text import FORMULA, is_formula, is_visible
from ..lib.topology import describe_atoms
from .guess_donors import by_chemistry, coordinating, donor_classes
from .guess_mobility import Displacement, displacements

#: A neutral molecule with more atoms, or more atoms that are no hydrogens, is a polymer.
_POLYMER_ATOMS, _POLYMER_HEAVY = 60, 30
#: A molecule whose topology charges sum to more, e, is an ion even if it is not recognised.
_CHARGED = 0.3
#: Part of the atoms of a crystal that may seem to be bonded in neutral molecules.
_DEFECTS = 0.05
#: Most letters of a residue name that become the name of a species.
_LONGEST = 50
ROLES = ("cation", "anion", "polymer", "solvent", "framework")


@dataclass(frozen=True)
class MoleculeKind:
    """A kind of equal molecules.

    Attributes
    ----------
    label : str
        Residue name, or element, or formula.
    role : str
        ``cation``, ``anion``, ``solvent``, ``polymer`` or ``framework``.
    name, charge : str, float
        As for `IonSpecies`.
    n_molecules, n_atoms : int
        Number of molecules, and of atoms in each.
    is_single : bool
        Whether it is one atom, perhaps with a site without element (a Drude particle).
    compound : str
        What makes a carrier of the atoms of a molecule: ``residues`` where each is one, else
        ``fragments``.
    selection, donors : str
        Selections of all atoms and of those that coordinate.
    why : str
        Basis of the guess.
    element : str
        Of a single atom.
    atoms, donor_atoms : numpy.ndarray
        Indices of all atoms, and of those that coordinate.
    topology_charge : float or None
        Sum of the charges of a molecule in the topology, e; None without charges.
    displacement : Displacement or None
        Of kinds of a system of ions alone.
    """

    label: str
    role: str
    name: str
    charge: float
    n_molecules: int
    n_atoms: int
    is_single: bool
    compound: str
    selection: str
    donors: str
    why: str
    element: str = ""
    atoms: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64), repr=False)
    donor_atoms: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64), repr=False)
    topology_charge: float | None = None
    displacement: Displacement | None = None

    @property
    def described(self) -> str:
        """One line with the guessed role and its basis."""
        plural = "s" * (self.n_atoms > 1)
        charge = f" {self.name} of {self.charge:+g} e" if self.charge else ""
        shown = "" if self.topology_charge is None else f"; {self.topology_charge:+.2f} e in the "
        shown += "topology" if shown else ""
        moved = self.displacement
        return (
            f"{self.n_molecules} x {self.label} ({self.n_atoms} atom{plural}): {self.role}{charge},"
            f" from {self.why}{shown}"
            + (f"; moves by {moved.end:.1f} Å (rms)" if moved is not None else "")
        )


@dataclass(frozen=True)
class Survey:
    """What a trajectory seems to hold.

    Attributes
    ----------
    kinds : list of MoleculeKind
        Cations first.
    system : str
        ``liquid``, ``polymer``, ``molten salt`` or ``crystal or glass``.
    bonds_guessed : bool
        Whether molecules were found by bonds guessed from distances, because the topology has
        no bonds, and no residues that are molecules.
    regrouped : str
        Why residues or molecule numbers are no molecules, where bonds were guessed for that.
    scale : float or None
        Ratio of the charges of the topology and the formal ones, where all ions share it and it is
        not 1.
    """

    kinds: list[MoleculeKind]
    system: str
    bonds_guessed: bool = False
    regrouped: str = ""
    scale: float | None = None

    def of_role(self, *roles: str) -> list[MoleculeKind]:
        """The kinds of some roles."""
        return [k for k in self.kinds if k.role in roles]

    @property
    def net_charge(self) -> float:
        """Sum of the formal charges of all ions, e; of crystals without the framework."""
        return float(sum(k.charge * k.n_molecules for k in self.kinds))


class _Atoms:
    """Atoms of a universe with their elements, labels, bonds and molecules."""

    def __init__(self, universe: Any) -> None:
        self.universe, atoms = universe, universe.atoms
        self.elements = elements_of(universe)
        n = len(atoms)
        self.names, self.residues, self.types = (
            np.asarray(getattr(atoms, word, np.full(n, "")), dtype=str)
            for word in ("names", "resnames", "types")
        )
        charges = np.asarray(getattr(atoms, "charges", np.zeros(n)), dtype=float)
        self.charges = charges if np.any(charges) else None
        self.pairs = bond_pairs(universe)
        molecule = molecule_of_atom(universe)
        self.bonds_guessed, self.regrouped = False, ""
        if not len(self.pairs):
            self.pairs = self._near_pairs()
            if unbonded_groups(universe) is not None:
                self.regrouped = other_molecules(molecule, self.pairs, self.elements)
            if self.regrouped or unbonded_groups(universe) is None:
                molecule = molecule_of_atom(universe, self.pairs)
                self.bonds_guessed = len(self.pairs) > 0
            self.pairs = within_whole(self.pairs, molecule, self.elements)
            self.pairs = self.pairs[np.all(self.elements[self.pairs] != "", axis=1)]
        self.molecule = in_order_of_appearance(molecule)
        self.near: list[list[int]] = [[] for _ in range(n)]
        for i, j in self.pairs.tolist():
            self.near[i].append(j)
            self.near[j].append(i)
        order = np.argsort(self.molecule, kind="stable")
        self.members = np.split(order, np.flatnonzero(np.diff(self.molecule[order])) + 1)
        self.all_single = len(self.members) == n

    def _near_pairs(self) -> np.ndarray:
        """Bonds guessed from the first frame."""
        none = np.empty((0, 2), dtype=np.int64)
        try:
            ts = self.universe.trajectory[0]
        except (AttributeError, OSError, ValueError):
            return none
        if len(self.elements) > MOST_ATOMS or not np.all(np.isfinite(ts.positions)):
            return none
        box = ts.dimensions
        if box is not None and not np.all(box[:3] > 6.5):
            return none
        return bonds_in_frame(self.universe, ts, elements=self.elements)

    def total_charge(self, ix: np.ndarray) -> float | None:
        """Sum of the charges of some atoms in the topology, e; None where it has none."""
        return None if self.charges is None else float(self.charges[ix].sum())

    def pairs_in(self, ix: np.ndarray) -> np.ndarray | None:
        """Bonds of one molecule by the places of its atoms; None unless they connect it."""
        place = {int(k): n for n, k in enumerate(ix)}
        found = [(place[i], place[j]) for i in place for j in self.near[i] if i < j]
        pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
        nuclei = sum(bool(e) for e in self.elements[ix])
        whole = len(set(fragments_of(len(ix), pairs).tolist())) <= 1 + len(ix) - nuclei
        return pairs if whole and len(pairs) else None

    def exact(self, atoms: np.ndarray, text: str) -> str:
        """The text if it selects exactly these atoms, else a selection that does."""
        atoms = np.sort(atoms)
        try:
            if text and np.array_equal(np.sort(self.universe.select_atoms(text).ix), atoms):
                return text
        except SelectionError:  # a name that the language of selections cannot hold
            pass
        return describe_atoms(self.universe.atoms[atoms])

    def by_type_or_name(self, atoms: np.ndarray) -> str:
        """Selection by properties that no other atom has: types, else names, else both."""
        chosen = {}
        for keyword, values in (("type", self.types), ("name", self.names)):
            mine = sorted(set(values[atoms].tolist()))
            chosen[keyword] = f"{keyword} {' '.join(mine)}"
            if all(mine) and np.count_nonzero(np.isin(values, mine)) == len(atoms):
                return chosen[keyword]
        return " and ".join(text for text in chosen.values() if not text.endswith(" "))

    def select(self, atoms: np.ndarray, label: str) -> str:
        """Selection of all molecules of a kind: by residue where it has a name of its own."""
        text = f"resname {label}" if label else self.by_type_or_name(atoms)
        return self.exact(atoms, text)

    def donors(self, kind: MoleculeKind, chosen: np.ndarray) -> str:
        """Selection of the donors of a kind of molecules."""
        if len(chosen) == len(kind.atoms):
            return kind.selection
        named = sorted({str(n) for n in self.names[chosen]})
        text = f"{kind.selection} and name {' '.join(named)}" if all(named) else ""
        return self.exact(chosen, text)


def molecule_kinds(universe: Any) -> list[MoleculeKind]:
    """Kinds of molecules in a universe with their guessed roles, cations first."""
    return survey(universe).kinds


def survey(universe: Any) -> Survey:
    """The kinds of molecules, what kind of system they make, and how their charges are scaled.

    Parameters
    ----------
    universe : Universe
        Up to 40 frames are read for displacements and up to 30 for g(r).
    """
    known = _Atoms(universe)
    kinds = _by_composition(known)
    solid = _solid(known, kinds)
    if solid is not None:
        return Survey(_sorted(solid), "crystal or glass", scale=_scale(solid))
    kinds = [replace(k, donors=known.donors(k, d), donor_atoms=d)
             for k, d in zip(kinds, _donors(known, kinds), strict=True)]  # fmt: skip
    roles = {k.role for k in kinds}
    system = "polymer" if "polymer" in roles else "liquid" if "solvent" in roles else "molten salt"
    return Survey(_sorted(kinds), system, known.bonds_guessed, known.regrouped, scale=_scale(kinds))


def _sorted(kinds: Iterable[MoleculeKind]) -> list[MoleculeKind]:
    return _with_own_names(sorted(kinds, key=lambda k: ROLES.index(k.role)))


def _with_own_names(kinds: list[MoleculeKind]) -> list[MoleculeKind]:
    """Ions of one name told apart by residue or formula."""
    twice = {n for n, count in Counter(k.name for k in kinds).items() if count > 1}
    used: Counter[str] = Counter()
    out = []
    for kind in kinds:
        name = f"{kind.name} ({kind.label})" if kind.name in twice else kind.name
        name = species_name(name, kind.element or kind.role)
        used[name] += 1
        out.append(replace(kind, name=name if used[name] == 1 else f"{name} {used[name]}"))
    return out


def species_name(text: str, otherwise: str) -> str:
    """A name that `IonSpecies` takes, from the text of a topology, which may hold anything.

    >>> species_name("Li+", "cation"), species_name("=1+1", "anion"), species_name("\\x07", "anion")
    ('Li+', '1+1', 'anion')

    Parameters
    ----------
    text : str
    otherwise : str
        The name where nothing of the text can be used.
    """
    seen = "".join(c for c in text if is_visible(c))[:_LONGEST].strip()
    return (seen.lstrip("".join(FORMULA)).strip() if is_formula(seen) else seen) or otherwise


def _by_composition(known: _Atoms) -> list[MoleculeKind]:
    """Kinds of molecules by residue name and formula."""
    groups: dict[tuple[str, str, float], list[np.ndarray]] = {}
    charge_of: dict[tuple[str, str], float] = {}
    for ix in known.members:
        label = " ".join(sorted({str(r) for r in known.residues[ix]} - {""}))
        found = known.elements[ix]
        formula, charge = formula_of(found.tolist()), 0.0
        if _is_polymer(found):  # chains of all lengths are one kind, those of other charges are not
            if (label, formula) not in charge_of:
                charge_of[label, formula] = _role(known, ix, False, known.total_charge(ix))[2]
            formula, charge = "polymer", charge_of[label, formula]
        groups.setdefault((label, formula, charge), []).append(ix)
    labels = Counter(label for label, *_ in groups)
    size = np.bincount(known.universe.atoms.resindices)
    kinds = []
    for (label, formula, _), listed in groups.items():
        first, whole = listed[0], np.concatenate(listed)
        nuclei = known.elements[first][known.elements[first] != ""]
        symbol = str(nuclei[0]) if len(nuclei) else ""
        alone = len(first) == 1 or (len(nuclei) == 1 and symbol != "H")
        totals = [t for ix in listed if (t := known.total_charge(ix)) is not None]
        total = float(np.mean(totals)) if totals else None
        own = label if labels[label] == 1 else ""
        role, name, charge, why = _role(known, first, alone, total)
        # a molecule is a residue if the residue of its first atom has no other atoms
        resindices = known.universe.atoms.resindices
        in_residues = all(size[resindices[ix[0]]] == len(ix) for ix in listed)
        selection = known.select(whole, own)
        is_chain = formula == "polymer" and charge
        composition = formula_of(known.elements[first].tolist()) if is_chain else formula
        composition = symbol if alone else composition
        kinds.append(
            MoleculeKind(
                label=_label(known, whole, own, composition),
                role=role,
                name=name or label or formula,
                charge=charge,
                n_molecules=len(listed),
                n_atoms=len(first),
                is_single=alone,
                compound="residues" if in_residues else "fragments",
                selection=selection,
                donors=selection,
                why=why,
                element=symbol if alone else "",
                atoms=whole,
                topology_charge=total,
            )
        )
    return kinds


def _label(known: _Atoms, atoms: np.ndarray, residue: str, composition: str) -> str:
    """The residue name of a kind where it has one of its own, else element, formula or types."""
    types = " ".join(sorted(set(known.types[atoms].tolist())))
    return residue or composition or f"atoms of type {types}"


def _is_polymer(elements: np.ndarray) -> bool:
    heavy = np.count_nonzero((elements != "H") & (elements != ""))
    return bool(len(elements) > _POLYMER_ATOMS or heavy > _POLYMER_HEAVY)


def _role(
    known: _Atoms, first: np.ndarray, alone: bool, total: float | None
) -> tuple[str, str, float, str]:
    """Role, name, formal charge and the reason, of a molecule with these atoms."""
    elements = known.elements[first]
    found = ion_of([str(e) for e in elements], None if alone else known.pairs_in(first))
    if found is None and known.all_single and len(elements) == 1 and elements[0] in MONATOMIC:
        charge = MONATOMIC[elements[0]]
        found = Ion(with_sign(elements[0], charge), charge, f"a single {elements[0]} atom")
    neutral = total is not None and found is not None and abs(total) < 0.05 * abs(found.charge)
    if found is not None and not neutral:
        role = "cation" if found.charge > 0 else "anion"
        return role, found.name, float(found.charge), found.why
    if total is not None and abs(total) > _CHARGED:
        formal = float(np.sign(total) * max(1, round(abs(total))))
        role = "cation" if formal > 0 else "anion"
        return role, "", formal, f"a charge of {total:+.2f} e in the topology"
    heavy = formula_of([e for e in elements.tolist() if e != "H"])
    role = "polymer" if _is_polymer(elements) else "solvent"
    shown = f"heavy atoms {heavy}" if heavy else "atoms of unknown elements"
    shown = "more than 30 heavy atoms" if role == "polymer" else shown
    return role, "", 0.0, f"{shown}, no charge"


# ---- systems of ions alone ----------------------------------------------------------------------


def _solid(known: _Atoms, kinds: list[MoleculeKind]) -> list[MoleculeKind] | None:
    """Kinds of a crystal or glass, by element; None for a liquid."""
    symbols = list(dict.fromkeys(known.elements.tolist()))
    lone = all(k.is_single for k in kinds) and len(kinds) > 1
    # a defect may leave two atoms close enough for a bond
    neutral = sum(len(k.atoms) for k in kinds if not (k.is_single or k.charge))
    ionic = neutral < _DEFECTS * len(known.elements) and "C" not in symbols
    if not (lone or ionic) or "" in symbols or len(symbols) < 2:
        return None
    groups = [np.flatnonzero(known.elements == s) for s in symbols]
    moved = displacements(known.universe, groups)
    by_element = dict(zip(symbols, moved, strict=True)) if moved is not None else {}
    still = [
        s for s in symbols if s not in MOBILE and (not by_element or not by_element[s].is_mobile)
    ]
    if not still:
        return None
    carriers = [s for s in symbols if s in MOBILE] or [
        s for s in symbols if by_element and by_element[s].is_mobile
    ]
    return [
        _element_kind(known, s, ix, s in carriers, by_element.get(s))
        for s, ix in zip(symbols, groups, strict=True)
    ]


def _element_kind(
    known: _Atoms, symbol: str, ix: np.ndarray, carries: bool, moved: Displacement | None
) -> MoleculeKind:
    charge = float(MONATOMIC.get(symbol, 0)) if carries else 0.0
    selection = known.exact(ix, known.by_type_or_name(ix))
    total = None if known.charges is None else float(known.charges[ix].mean())
    role = ("cation" if charge > 0 else "anion") if carries and charge else "framework"
    why = f"a single {symbol} atom" if carries else "single atoms of a crystal or glass"
    return MoleculeKind(
        label=symbol,
        role=role,
        name=with_sign(symbol, int(charge)),
        charge=charge,
        n_molecules=len(ix),
        n_atoms=1,
        is_single=True,
        compound="residues",
        selection=selection,
        donors=selection,
        why=why,
        element=symbol,
        atoms=ix,
        topology_charge=total,
        displacement=moved,
    )


# ---- donors and charges -------------------------------------------------------------------------


def _donors(known: _Atoms, kinds: Sequence[MoleculeKind]) -> list[np.ndarray]:
    """Atoms of every kind that coordinate the first kind of single cations."""
    cations = [k for k in kinds if k.role == "cation" and k.is_single]
    out = []
    for kind in kinds:
        classes = donor_classes(kind.atoms, known.elements, known.near)
        if kind.role == "cation" or not classes:
            out.append(kind.atoms)
            continue
        if cations:
            keys, _ = coordinating(known.universe, cations[0].atoms, cations[0].element, classes)
        else:
            keys = by_chemistry(list(classes))
        out.append(np.sort(np.concatenate([classes[k] for k in keys])))
    return out


def central_atoms(universe: Any, kind: MoleculeKind) -> np.ndarray:
    """The atom nearest to the centre of mass, of every molecule of a kind; indices."""
    members = kind.atoms.reshape(kind.n_molecules, kind.n_atoms)
    first = universe.atoms[members[0]]
    box = universe.trajectory.ts.dimensions
    away = first.positions - first.positions[0]
    if box is not None and np.all(box[:3] > 0):
        from MDAnalysis.lib.distances import minimize_vectors

        away = minimize_vectors(away, box)
    mass = np.asarray(getattr(first, "masses", np.ones(len(first))))
    mass = mass if mass.sum() > 0 else np.ones(len(first))
    middle = (away * mass[:, None]).sum(axis=0) / mass.sum()
    heavy = mass > 1.5
    distance = np.linalg.norm(away - middle, axis=1) + np.where(heavy | ~heavy.any(), 0, np.inf)
    return np.sort(members[:, int(np.argmin(distance))])


def _scale(kinds: Sequence[MoleculeKind]) -> float | None:
    """Ratio of topology charges to formal ones, if it is one for all ions and not 1."""
    ratios = [k.topology_charge / k.charge for k in kinds if k.charge and k.topology_charge]
    if not ratios or np.ptp(ratios) > 0.05 or not 0.3 < np.mean(ratios) < 0.97:
        return None
    return float(np.mean(ratios))
