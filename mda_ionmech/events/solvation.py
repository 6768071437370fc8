"""Events of an ion in a liquid, from the molecules lost, gained and kept by its shell.

No molecule lost or gained is vehicular motion; none kept is renewal; otherwise the roles of the
molecules lost and gained decide between solvent, counter-ion and mixed exchange.
"""

from __future__ import annotations

import numpy as np

from ..lib.frozen import changed, frozen
from ..lib.kernels import kernel
from ..microstates import Shell, ShellTable
from ..microstates.ligand_roles import check_given, counterion_type, given_type, role_of_counterions
from .base import Classifier, EventRule, by_kernel

VEHICULAR, RENEWAL, SOLVENT, ANION, MIXED = range(5)
BARE, ASSOCIATION, DISSOCIATION, SWAP, DENTICITY = (1 << k for k in range(5))


@kernel
def _classify(offsets, molecule, kind, anion_kind, before, after, codes, flags):  # type: ignore[no-untyped-def]
    """Labels and flags of pairs of shells whose members are sorted by molecule.

    offsets (shells + 1,), molecule and kind (members,): the shells; before, after (pairs,). Fills
    codes and flags (pairs,).
    """
    for p in range(before.shape[0]):
        i, stop_i = offsets[before[p]], offsets[before[p] + 1]
        j, stop_j = offsets[after[p]], offsets[after[p] + 1]
        lost = gained = kept = anion = solvent = 0
        denticity = False
        while i < stop_i or j < stop_j:
            if j >= stop_j or (i < stop_i and molecule[i] < molecule[j]):
                this = molecule[i]
            else:
                this = molecule[j]
            n_i = n_j = 0
            is_anion = False
            while i < stop_i and molecule[i] == this:
                is_anion = is_anion or kind[i] == anion_kind
                n_i += 1
                i += 1
            while j < stop_j and molecule[j] == this:
                is_anion = is_anion or kind[j] == anion_kind
                n_j += 1
                j += 1
            if n_i > 0 and n_j > 0:
                kept += 1
                denticity = denticity or n_i != n_j
                continue
            if n_i > 0:
                lost += 1
            else:
                gained += 1
            if is_anion:
                anion += 1
            else:
                solvent += 1
        flag = 0
        if lost == 0 and gained == 0:
            code = VEHICULAR
            if kept == 0:
                flag |= BARE
        elif kept == 0 and lost > 0 and gained > 0:
            code = RENEWAL
        elif anion == 0:
            code = SOLVENT
        elif solvent == 0:
            code = ANION
        else:
            code = MIXED
        if gained > 0 and lost == 0:
            flag |= ASSOCIATION
        elif lost > 0 and gained == 0:
            flag |= DISSOCIATION
        elif lost > 0:
            flag |= SWAP
        if denticity:
            flag |= DENTICITY
        codes[p] = code
        flags[p] = flag


@frozen
class SolvationEvents(EventRule):
    """Vehicular motion, renewal, and exchange of solvent, counter-ion or both.

    The first that applies:

    1. ``vehicular``: no molecule lost or gained (flag ``bare`` if the shell is empty);
    2. ``renewal``: none kept, some lost and some gained;
    3. ``solvent_exchange``: only molecules with the solvent role changed;
    4. ``anion_exchange``, of an anion ``cation_exchange``: only counter-ions changed;
    5. ``mixed_exchange``: both changed.

    Flags: ``bare``, ``association`` (only gained), ``dissociation`` (only lost), ``swap`` (both),
    ``denticity`` (a kept molecule binds with another number of atoms).

    Cost: linear in the members of the shells compared (numba).

    Parameters
    ----------
    counterion : str, optional
        The ligand type of the counter-ions; every other type has the role solvent. Default:
        ``anion`` for cations, ``cation`` for anions, or ``counterion``, where the detector has it.
    anion : str, optional
        The older spelling of `counterion`.

    Raises
    ------
    InputError
        For a named type that the detector lacks, when an analysis is set up.

    Notes
    -----
    Whether counter-ions are anions or cations follows from the sign of the carrier's charge, so
    that one rule serves both species: see `for_carriers`.

    Vehicular motion and exchange in windows follow Jun et al., arXiv:2602.16636 (2026); the
    precedence and the flags are this package's.
    """

    names = ("vehicular", "renewal", "solvent_exchange", "anion_exchange", "mixed_exchange")
    flag_names = ("bare", "association", "dissociation", "swap", "denticity")

    def __init__(self, counterion: str | None = None, *, anion: str | None = None) -> None:
        self._given = given_type("SolvationEvents", counterion, anion)
        self.counterion = self._given or "anion"

    @property
    def anion(self) -> str:
        """The older name of `counterion`."""
        return self.counterion

    def check(self, ligand_types: tuple[str, ...]) -> None:
        """Refuse a detector that lacks a named ligand type; see `EventRule.check`."""
        check_given("SolvationEvents", self._given, ligand_types)

    def for_carriers(self, charge: float, ligand_types: tuple[str, ...]) -> SolvationEvents:
        """The rule with the counter-ions of these carriers; see `EventRule.for_carriers`."""
        kind = counterion_type("SolvationEvents", self._given, charge, ligand_types)
        exchange = f"{role_of_counterions(charge, kind)}_exchange"
        names = (*self.names[:3], exchange, *self.names[4:])
        return changed(self, counterion=kind, names=names)

    def label(self, before: Shell, after: Shell) -> str:
        """The event class of one pair of shells; see `EventRule.label`.

        Written with sets, independently of the compiled `classify`, which tests compare with it.
        """
        lost = before.molecule_set() - after.molecule_set()
        gained = after.molecule_set() - before.molecule_set()
        kept = before.molecule_set() & after.molecule_set()
        moved = lost | gained
        ions = before.molecule_set(self.counterion) | after.molecule_set(self.counterion)
        if not moved:
            return "vehicular"
        if not kept and lost and gained:
            return "renewal"
        if not moved & ions:
            return "solvent_exchange"
        return self.names[3] if moved <= ions else "mixed_exchange"

    def classifier(self, shells: ShellTable) -> Classifier:
        """See `EventRule.classifier`; linear in the members of both shells of each pair."""
        shell_of = np.repeat(np.arange(len(shells)), np.diff(shells.offsets))
        order = np.lexsort((shells.molecule, shell_of))
        molecule, kind = shells.molecule[order], shells.kind[order]
        ion_kind = shells.types.index(self.counterion) if self.counterion in shells.types else -1
        return by_kernel(_classify, shells.offsets, molecule, kind, ion_kind)

    def describe(self) -> dict[str, object]:
        """The rule and its anion and counter-ion as plain values, for the settings."""
        return super().describe() | {"anion": self.anion, "counterion": self.counterion}
