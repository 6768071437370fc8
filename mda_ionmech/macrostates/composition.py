"""Composition of a shell: its ligand types, or its number of molecules or chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.frozen import changed, frozen
from ..lib.polymer_chains import Chains, chain_of_atom, check_chains
from ..microstates.ligand_roles import ROLES
from .base import MacrostateRule, Macrostates, RunStates, map_shells

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup

    from ..microstates import ShellTable
    from ..species import IonSpecies

COUNTS = ("types", "molecules", "chains")
#: Most ligand types whose combinations are labels: 4 give 16 labels.
MOST_TYPES = 4


@frozen
class ShellComposition(MacrostateRule):
    """Labels a carrier by the composition of its own shell.

    ``count="types"``: the ligand types present, ``<type>_only``, several joined by underscores in
    the order of the detector, and ``free`` for an empty shell. A detector with the types polymer
    and anion gives ``polymer_only``, ``polymer_anion``, ``anion_only``, ``free``.

    ``count="molecules"``, ``count="chains"``: the number of distinct ones, e.g. ``chains_0``,
    ``chains_1``, ``chains_2``, ``chains_more``.

    Cost: linear in the members of the distinct shells.

    Parameters
    ----------
    count : {"types", "molecules", "chains"}
        What the labels are made from.
    of : str or sequence of str, optional
        The ligand types that count. Default: all, and for chains all but `anion`.
    most : int
        The largest number with a label of its own; larger ones are ``more``.
    chains : {"fragments", "residues", "segids"}, array or mapping
        Definition of chains, as for `mda_ionmech.events.PolymerEvents`; only for
        ``count="chains"``.
    anion : str, optional
        The ligand type that holds no chains; only for ``count="chains"``. Default: ``anion``,
        ``cation`` and ``counterion``, those that the detector has.

    Raises
    ------
    InputError
        For an unknown `count`, a `most` below 1, a species without shells, unknown types in `of`,
        more than four types to combine, or chains that the topology does not define.

    Notes
    -----
    The names depend on the ligand types alone, not on what occurs in a trajectory, so results of
    several trajectories can be compared.
    """

    def __init__(
        self,
        count: str = "types",
        *,
        of: str | Sequence[str] | None = None,
        most: int = 2,
        chains: Chains = "fragments",
        anion: str | None = None,
    ) -> None:
        if count not in COUNTS:
            raise InputError(
                f"ShellComposition(count={shown(count)}): count must be one of {COUNTS}"
            )
        if isinstance(most, bool) or not isinstance(most, int | np.integer) or not 1 <= most <= 999:
            raise InputError(
                f"ShellComposition(most={shown(most)}): give a whole number, 1 or more: the "
                "largest count with a label of its own"
            )
        most = int(most)
        check_chains(chains, "ShellComposition")
        self.count = count
        self.of = None if of is None else (of,) if isinstance(of, str) else tuple(of)
        self.most = most
        self.chains = copy(chains)
        self.anion = anion
        self._chain = np.empty(0, dtype=np.int64)

    def check(self, species: Sequence[IonSpecies], index: int) -> None:
        """Refuse species without a detector of shells, and ligand types it does not have.

        Parameters
        ----------
        species : sequence of IonSpecies
            All species of the run.
        index : int
            Number of the one with this rule.

        Raises
        ------
        InputError
            Naming what is missing.
        """
        one = species[index]
        if one.microstates is None:
            raise InputError(
                f"ShellComposition of species {one.name!r} needs a detector: give microstates=..., "
                "e.g. CutoffShell(polymer=universe.select_atoms(...))"
            )
        if one.microstates.has_sites:
            raise InputError(
                f"ShellComposition of species {one.name!r} reads shells, and its "
                f"{type(one.microstates).__name__} finds sites; give microstates=CutoffShell(...)"
            )
        types = one.microstates.ligand_types
        if self.count == "chains" and self.anion is not None and self.anion not in types:
            raise InputError(
                f"ShellComposition(anion={shown(self.anion)}) of species {one.name!r}: no such "
                f"ligand type among {list(types)}; give one of them, or leave anion out"
            )
        unknown = [t for t in self.of or () if t not in types]
        if unknown:
            raise InputError(
                f"ShellComposition(of={shown(list(self.of or ()))}) of species {one.name!r}: "
                f"{shown(unknown[0])} is no ligand type; the types are {list(types)}"
            )
        if not self._counted(types):
            raise InputError(
                f"ShellComposition(count={self.count!r}) of species {one.name!r}: no ligand type "
                f"of {list(types)} is left to count; name them with of=[...]"
            )
        if self.count == "types":
            names = self.names_for(types)
            if len(names) > 2**MOST_TYPES or len(set(names)) < len(names):
                raise InputError(
                    f"ShellComposition of species {one.name!r} cannot combine the ligand types "
                    f"{list(types)}: at most {MOST_TYPES} can be combined, and joined names "
                    "must differ; name those that matter with of=[...], or rename or merge types"
                )
        self._chains_in(one.atoms.universe, one.microstates.ligands)

    def prepare(self, universe: Any, ligands: Mapping[str, AtomGroup]) -> ShellComposition:
        """The rule with the chains of the topology; see `MacrostateRule.prepare`."""
        return changed(self, _chain=self._chains_in(universe, ligands))

    def _chains_in(self, universe: Any, ligands: Mapping[str, AtomGroup]) -> np.ndarray:
        """Chain of every atom of a universe; empty where chains do not count."""
        if self.count != "chains":
            return self._chain
        atoms = np.concatenate([ligands[t].ix for t in self._counted(tuple(ligands))])
        return chain_of_atom(universe, self.chains, atoms, "ShellComposition")

    def _counted(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """The ligand types that count, in the order of the detector."""
        if self.of is not None:
            return tuple(t for t in types if t in self.of)
        if self.count == "chains":
            ions = ROLES if self.anion is None else (self.anion,)
            return tuple(t for t in types if t not in ions)
        return types

    def names_for(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """The labels of a species whose detector has these ligand types.

        Parameters
        ----------
        types : tuple of str
            Ligand types of the detector.

        Returns
        -------
        tuple of str
        """
        if self.count != "types":
            numbers = [*range(self.most + 1), "more"]
            return tuple(f"{self.count}_{n}" for n in numbers)
        counted = self._counted(types)
        return (*(_joined(counted, c) for c in _combinations(len(counted))), "free")

    def assign(self, states: RunStates, index: int) -> Macrostates:
        """Macrostates of one species; see `MacrostateRule.assign`."""
        micro = states.microstates[index]
        assert micro is not None
        types = micro.shells.types
        kinds = np.array([t in self._counted(types) for t in types])
        chain = self._chain
        if self.count == "chains" and not len(chain):
            one = states.species[index]
            assert one.microstates is not None
            chain = self._chains_in(one.atoms.universe, one.microstates.ligands)

        def label(shells: ShellTable) -> np.ndarray:
            if self.count == "types":
                return self._types_of_shells(shells, kinds)
            unit = shells.molecule
            if self.count == "chains":
                unit = chain[shells.atom]
            return np.minimum(_distinct(shells, unit, kinds), self.most + 1)

        return map_shells(states, index, self.names_for(types), label)

    def _types_of_shells(self, shells: ShellTable, kinds: np.ndarray) -> np.ndarray:
        """Index among the names of the combination of types of every shell."""
        place = np.cumsum(kinds) - 1
        n = int(kinds.sum())
        shell_of = np.repeat(np.arange(len(shells)), np.diff(shells.offsets))
        keep = kinds[shells.kind]
        present = np.zeros((len(shells), n), dtype=np.int64)
        present[shell_of[keep], place[shells.kind[keep]]] = 1
        code_of = np.full(2**n, 2**n - 1, dtype=np.int64)  # free: the last name
        for code, combination in enumerate(_combinations(n)):
            code_of[sum(1 << k for k in combination)] = code
        return code_of[present @ (1 << np.arange(n))]

    def describe(self) -> dict[str, Any]:
        """The rule and its choices as plain values, for the settings."""
        about: dict[str, Any] = {"rule": type(self).__name__, "count": self.count, "of": self.of}
        if self.count != "types":
            about["most"] = self.most
        if self.count == "chains":
            given = isinstance(self.chains, str)
            about["chains"] = self.chains if given else f"given, {len(self.chains)} atoms"
            about["anion"] = self.anion or "anion"
        return about


def _combinations(n: int) -> list[tuple[int, ...]]:
    """Every non-empty set of n types, in lexicographic order."""
    return sorted(c for size in range(1, n + 1) for c in combinations(range(n), size))


def _joined(types: tuple[str, ...], combination: tuple[int, ...]) -> str:
    names = [types[k] for k in combination]
    return f"{names[0]}_only" if len(names) == 1 else "_".join(names)


def _distinct(shells: ShellTable, unit: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Number of distinct units per shell among members of the ligand types where kinds is True."""
    shell_of = np.repeat(np.arange(len(shells)), np.diff(shells.offsets))
    keep = kinds[shells.kind]
    pairs = np.unique(np.stack([shell_of[keep], unit[keep]], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=len(shells))
