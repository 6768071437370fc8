"""Events of an ion in a polymer, from the chains, chain atoms and counter-ions of its shell.

Attachment and detachment, interchain hops, intrachain hops, changes of coordination number,
exchange of counter-ions, and co-diffusion with the chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import is_one_of, shown
from ..lib.errors import InputError
from ..lib.frozen import changed, frozen
from ..lib.kernels import kernel
from ..lib.polymer_chains import Chains, chain_of_atom, check_chains, monomer_of_atom
from ..microstates import Shell, ShellTable
from ..microstates.ligand_roles import check_given, counterion_type, given_type, role_of_counterions
from .base import Classifier, EventRule, by_kernel, members_in_order

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup

ATTACH_DETACH, INTERCHAIN, INTRACHAIN, DENTICITY_CLASS, ANION_ASSISTED, VEHICULAR = range(6)
BARE, DENTICITY, RENEWAL, ANION_CHANGE, ADDED, LOST, SWAPPED, SHIFT = (1 << k for k in range(8))
#: Least displacement along the chains, in monomers, that has the flag ``shift``.
ONE_MONOMER = 1.0 - 1e-9


@kernel
def _classify(offsets, unit, atom, monomer, n_chains, before, after, codes, flags):  # type: ignore[no-untyped-def]
    """Labels and flags of pairs of shells whose members are sorted by unit, then atom.

    offsets (shells + 1,), unit, atom and monomer (members,): the shells; a unit below n_chains is a
    chain, others are anions; before, after (pairs,). Fills codes and flags (pairs,).
    """
    for p in range(before.shape[0]):
        i, stop_i = offsets[before[p]], offsets[before[p] + 1]
        j, stop_j = offsets[after[p]], offsets[after[p] + 1]
        # chains and anions lost, gained, kept
        chain_lost = chain_gained = chain_kept = 0
        anion_lost = anion_gained = anion_kept = 0
        # chain atoms of kept chains
        atoms_lost = atoms_gained = atoms_kept = 0
        denticity = False
        shift = 0.0
        while i < stop_i or j < stop_j:
            if j >= stop_j or (i < stop_i and unit[i] < unit[j]):
                this = unit[i]
            else:
                this = unit[j]
            first_i, first_j = i, j
            while i < stop_i and unit[i] == this:
                i += 1
            while j < stop_j and unit[j] == this:
                j += 1
            n_i, n_j = i - first_i, j - first_j
            if n_i > 0 and n_j > 0:
                denticity = denticity or n_i != n_j
                if this >= n_chains:
                    anion_kept += 1
                    continue
                chain_kept += 1
                place_i = place_j = 0.0
                for k in range(first_i, i):
                    place_i += monomer[k]
                for k in range(first_j, j):
                    place_j += monomer[k]
                shift += place_j / n_j - place_i / n_i
                a, b, same = first_i, first_j, 0
                while a < i and b < j:
                    if atom[a] == atom[b]:
                        same += 1
                        a += 1
                        b += 1
                    elif atom[a] < atom[b]:
                        a += 1
                    else:
                        b += 1
                atoms_kept += same
                atoms_lost += n_i - same
                atoms_gained += n_j - same
            elif this < n_chains:
                chain_lost += n_i > 0
                chain_gained += n_j > 0
            else:
                anion_lost += n_i > 0
                anion_gained += n_j > 0
        had, has = chain_kept + chain_lost > 0, chain_kept + chain_gained > 0
        if had != has:
            code = ATTACH_DETACH
        elif chain_lost > 0 or chain_gained > 0:
            code = INTERCHAIN
        elif atoms_lost > 0 and atoms_gained > 0:
            code = INTRACHAIN
        elif atoms_lost > 0 or atoms_gained > 0:
            code = DENTICITY_CLASS
        elif anion_lost > 0 or anion_gained > 0:
            code = ANION_ASSISTED
        else:
            code = VEHICULAR
        flag = 0
        was_empty = stop_i == offsets[before[p]]
        is_empty = stop_j == offsets[after[p]]
        if was_empty and is_empty:
            flag |= BARE
        if denticity:
            flag |= DENTICITY
        if atoms_kept + anion_kept == 0 and not was_empty and not is_empty:
            flag |= RENEWAL
        if anion_lost > 0 or anion_gained > 0:
            flag |= ANION_CHANGE
        if chain_gained > 0 and chain_lost == 0:
            flag |= ADDED
        elif chain_lost > 0 and chain_gained == 0:
            flag |= LOST
        elif chain_lost > 0:
            flag |= SWAPPED
        if chain_kept > 0 and abs(shift) >= ONE_MONOMER * chain_kept:
            flag |= SHIFT
        codes[p] = code
        flags[p] = flag


@frozen
class PolymerEvents(EventRule):
    """Attachment, interchain and intrachain hops, changes of denticity, co-diffusion.

    1. ``attach_detach``: exactly one of the two sets of chains is empty;
    2. ``interchain``: the sets of chains differ;
    3. ``intrachain``: the same chains, some of their atoms lost and others gained;
    4. ``denticity``: the same chains, and one set of chain atoms contains the other;
    5. ``anion_assisted``, of an anion ``cation_assisted``: only the sets of counter-ions differ;
    6. ``vehicular``: nothing differs.

    Flags: ``bare`` (both shells empty), ``denticity`` (a kept chain or anion binds with another
    number of atoms), ``renewal`` (nothing kept, no chain atom and no anion, and neither shell
    empty), ``anion_change``, ``chain_added`` (only gained), ``chain_lost`` (only lost),
    ``chain_swapped`` (both), ``shift`` (displaced by one monomer or more along the chains kept).
    The method `shift` gives the displacement along the chain.

    Cost: linear in the members of the shells compared (numba).

    Parameters
    ----------
    chains : {"fragments", "residues", "segids"}, array or mapping
        Definition of chains: atoms linked by bonds, residues, or segments; or the chain of every
        atom, shape (atoms,); or a mapping of atom index to chain for the ligand atoms.
    counterion : str, optional
        The ligand type of the counter-ions, distinguished by molecule; the atoms of every other
        type belong to chains (a small solvent molecule is a short chain). Default: ``anion`` for
        cations, ``cation`` for anions, or ``counterion``, where the detector has it.
    denticity : {"class", "intrachain"}
        Whether a change of the number of coordinating atoms alone is a class, or part of
        ``intrachain``, which then has every change of chain atoms on the same chains, as the three
        classes of Jun et al. ask.
    anion : str, optional
        The older spelling of `counterion`.

    Raises
    ------
    InputError
        For an unknown `denticity`, for chains that the topology does not define, here or when an
        analysis is set up, and for a named type that the detector lacks.

    Notes
    -----
    The classes follow Jun et al., arXiv:2602.16636 (2026), and the hops of a chain, between chains
    and along one, of Maitra and Heuer, Phys. Rev. Lett. 98, 227802 (2007); the precedence, the
    class ``denticity`` and the flags are this package's.
    """

    names: tuple[str, ...] = (
        *("attach_detach", "interchain", "intrachain", "denticity"),
        *("anion_assisted", "vehicular"),
    )
    flag_names = (
        "bare",
        "denticity",
        "renewal",
        "anion_change",
        "chain_added",
        "chain_lost",
        "chain_swapped",
        "shift",
    )

    def __init__(
        self,
        chains: Chains = "fragments",
        counterion: str | None = None,
        *,
        denticity: str = "class",
        anion: str | None = None,
    ) -> None:
        check_chains(chains, "PolymerEvents")
        if not is_one_of(denticity, ("class", "intrachain")):
            raise InputError(
                f"PolymerEvents(denticity={shown(denticity)}): must be 'class', a class of its "
                "own, or 'intrachain', part of that class"
            )
        self.denticity = denticity
        if denticity == "intrachain":
            self.names = tuple(n for n in self.names if n != "denticity")
        self.chains = copy(chains)
        self._given = given_type("PolymerEvents", counterion, anion)
        self.counterion = self._given or "anion"
        self._chain = np.empty(0, dtype=np.int64)
        self._monomer = np.empty(0, dtype=np.int64)

    @property
    def anion(self) -> str:
        """The older name of `counterion`."""
        return self.counterion

    def check(self, ligand_types: tuple[str, ...]) -> None:
        """Refuse a detector without the ligand type that was named, or without a type of chains.

        Parameters
        ----------
        ligand_types : tuple of str
            Of the detector whose shells the rule will compare.

        Raises
        ------
        InputError
            Naming the type that is missing.
        """
        check_given("PolymerEvents", self._given, ligand_types)
        if set(ligand_types) <= {self.counterion}:
            raise InputError(
                f"PolymerEvents(counterion={self.counterion!r}): the ligand types "
                f"{list(ligand_types)} hold no chains; add them to the detector, e.g. "
                "polymer=universe.select_atoms(...)"
            )

    def for_carriers(self, charge: float, ligand_types: tuple[str, ...]) -> PolymerEvents:
        """The rule with the counter-ions of these carriers; see `EventRule.for_carriers`."""
        kind = counterion_type("PolymerEvents", self._given, charge, ligand_types)
        assisted = f"{role_of_counterions(charge, kind)}_assisted"
        names = tuple(assisted if n.endswith("_assisted") else n for n in self.names)
        found = changed(self, counterion=kind, names=names)
        found.check(ligand_types)
        return found

    def prepare(self, universe: Any, ligands: Mapping[str, AtomGroup]) -> PolymerEvents:
        """The rule with the chains and monomers of the topology; see `EventRule.prepare`."""
        atoms = np.concatenate([g.ix for kind, g in ligands.items() if kind != self.counterion])
        chain = chain_of_atom(universe, self.chains, atoms, "PolymerEvents")
        monomer = monomer_of_atom(universe, chain, atoms)
        return changed(self, _chain=chain, _monomer=monomer)

    def _require_chains(self) -> None:
        if not len(self._chain):
            raise InputError(
                "this PolymerEvents has no chains yet: prepare(universe, ligands) returns a rule "
                "that has them, and that of a run is in run.species[k].events"
            )

    def _bound(self, shell: Shell) -> dict[int, set[int]]:
        """Chain atoms in a shell, by chain."""
        out: dict[int, set[int]] = {}
        for atom, kind in zip(shell.atoms.tolist(), shell.types, strict=True):
            if kind != self.counterion:
                out.setdefault(int(self._chain[atom]), set()).add(atom)
        return out

    def label(self, before: Shell, after: Shell) -> str:
        """The event class of one pair of shells; see `EventRule.label`.

        Written with sets, independently of the compiled `classify`, which tests compare with it.
        """
        self._require_chains()
        had, has = self._bound(before), self._bound(after)
        if bool(had) != bool(has):
            return "attach_detach"
        if set(had) != set(has):
            return "interchain"
        if had != has:
            atoms = set[int]().union(*had.values()), set[int]().union(*has.values())
            contained = atoms[0] <= atoms[1] or atoms[1] <= atoms[0]
            return "denticity" if contained and "denticity" in self.names else "intrachain"
        if before.molecule_set(self.counterion) != after.molecule_set(self.counterion):
            return next(n for n in self.names if n.endswith("_assisted"))
        return "vehicular"

    def classifier(self, shells: ShellTable) -> Classifier:
        """See `EventRule.classifier`; linear in the members of both shells of each pair."""
        self._require_chains()
        is_anion = np.array([t == self.counterion for t in shells.types])[shells.kind]
        n_chains = int(self._chain.max()) + 1
        unit = np.where(is_anion, n_chains + shells.molecule, self._chain[shells.atom])
        order = members_in_order(shells, unit, shells.atom)
        unit, atom = unit[order], shells.atom[order]
        found = by_kernel(_classify, shells.offsets, unit, atom, self._monomer[atom], n_chains)
        return found if self.denticity == "class" else _merged(found)

    def shift(self, shells: ShellTable, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Displacement of an ion along the chains that it kept, in monomers.

        The mean position, in monomers along a chain, of the chain atoms in the shell after minus
        that before, averaged over the chains kept. Monomers are residues where any chain has
        several, otherwise single ligand atoms, both in order of index, which defines the sign.

        Parameters
        ----------
        shells : ShellTable
        before, after : numpy.ndarray
            Shape (pairs,): shell numbers.

        Returns
        -------
        numpy.ndarray
            Shape (pairs,), monomers; NaN where no chain is kept.

        Examples
        --------
        >>> micro = run.microstates["Li+"]  # doctest: +SKIP
        >>> moved = run.species[0].events.shift(  # doctest: +SKIP
        ...     micro.shells, micro.state[:-n].ravel(), micro.state[n:].ravel()
        ... )
        """
        self._require_chains()
        is_chain = np.array([t != self.counterion for t in shells.types])[shells.kind]
        shell_of = np.repeat(np.arange(len(shells)), np.diff(shells.offsets))[is_chain]
        atom = shells.atom[is_chain]
        n_chains = int(self._chain.max()) + 1
        key, inverse, count = np.unique(
            shell_of * n_chains + self._chain[atom], return_inverse=True, return_counts=True
        )
        mean = np.bincount(inverse, weights=self._monomer[atom], minlength=len(key)) / count
        # one row per chain bound before: whether it is bound after, and where
        first = np.searchsorted(key, np.arange(len(shells) + 1) * n_chains)
        held = np.diff(first)[before]
        pair = np.repeat(np.arange(len(before)), held)
        row = np.arange(len(pair)) - np.repeat(np.cumsum(held) - held, held)
        row += first[before][pair]
        wanted = after[pair] * n_chains + key[row] % n_chains
        partner = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
        kept = key[partner] == wanted
        gone = (mean[partner] - mean[row])[kept]
        total = np.bincount(pair[kept], weights=gone, minlength=len(before))
        number = np.bincount(pair[kept], minlength=len(before))
        return np.where(number > 0, total / np.maximum(number, 1), np.nan)

    def describe(self) -> dict[str, object]:
        """The rule and its anion, counter-ion and chains as plain values, for the settings."""
        given = self.chains if isinstance(self.chains, str) else f"given, {len(self.chains)} atoms"
        return super().describe() | {
            "anion": self.anion,
            "counterion": self.counterion,
            "chains": given,
            "denticity": self.denticity,
        }


def _merged(classify: Classifier) -> Classifier:
    """The classifier with changes of denticity as intrachain."""
    codes_of = np.array([0, 1, 2, 2, 3, 4])

    def merged(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        codes, flags = classify(before, after)
        return codes_of[codes], flags

    return merged
