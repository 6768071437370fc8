"""Events of an ion in a liquid, from the molecules lost, gained and kept by its shell.

No molecule lost or gained is vehicular motion; none kept is renewal; otherwise the roles of the
molecules lost and gained decide between solvent, counter-ion and mixed exchange.
"""

from __future__ import annotations

import numpy as np

from ..lib.checks import is_one_of, shown
from ..lib.errors import InputError
from ..lib.frozen import changed, frozen
from ..lib.kernels import kernel
from ..microstates import Shell, ShellTable
from ..microstates.ligand_roles import check_given, counterion_type, given_type, role_of_counterions
from .base import Classifier, EventRule, by_kernel, members_in_order

VEHICULAR, RENEWAL, SOLVENT = range(3)
#: Name of the class in which molecules of several solvents change, and end of that of one.
SEVERAL, EXCHANGE = "mixed_solvent_exchange", "_exchange"
BARE, ASSOCIATION, DISSOCIATION, SWAP, DENTICITY, ROTATION = (1 << k for k in range(6))
#: Ends of the classes of ``resolve="counterion"``.
IONS_CHANGED = ("_association", "_dissociation", "_swap")
#: Codes after those of the solvents: of several solvents, of counter-ions only gained, only lost
#: and both, and of solvents and counter-ions.
N_CODES = 5


@kernel
def _joined(code, kind, code_of):  # type: ignore[no-untyped-def]
    """The code of one solvent, or of several, with a member of another type; -1 for none yet."""
    other = code_of[kind]
    return other if code < 0 or code == other else code_of[-5]


@kernel
def _binds_otherwise(atom, i, stop_i, j, stop_j):  # type: ignore[no-untyped-def]
    """Whether a molecule binds by other atoms: of atom[i:stop_i] and atom[j:stop_j], both sorted,
    each holds one that the other lacks."""
    lost = gained = False
    while i < stop_i or j < stop_j:
        if j >= stop_j or (i < stop_i and atom[i] < atom[j]):
            lost = True
            i += 1
        elif i >= stop_i or atom[j] < atom[i]:
            gained = True
            j += 1
        else:
            i += 1
            j += 1
    return lost and gained


@kernel
def _classify(offsets, members, anion_kind, code_of, before, after, codes, flags):  # type: ignore[no-untyped-def]
    """Labels and flags of pairs of shells whose members are sorted by molecule and atom.

    offsets (shells + 1,), members: molecule, kind and atom, (members,) each; code_of (types + 5,):
    of exchange of each solvent, then see `N_CODES`; before, after (pairs,). Fills codes and flags
    (pairs,).
    """
    molecule, kind, atom = members
    for p in range(before.shape[0]):
        i, stop_i = offsets[before[p]], offsets[before[p] + 1]
        j, stop_j = offsets[after[p]], offsets[after[p] + 1]
        lost = gained = kept = anion = solvent = 0
        exchanged = -1
        denticity = rotated = False
        while i < stop_i or j < stop_j:
            if j >= stop_j or (i < stop_i and molecule[i] < molecule[j]):
                this = molecule[i]
            else:
                this = molecule[j]
            first_i, first_j = i, j
            is_anion = False
            own = -1
            while i < stop_i and molecule[i] == this:
                is_anion = is_anion or kind[i] == anion_kind
                own = _joined(own, kind[i], code_of)
                i += 1
            while j < stop_j and molecule[j] == this:
                is_anion = is_anion or kind[j] == anion_kind
                own = _joined(own, kind[j], code_of)
                j += 1
            n_i, n_j = i - first_i, j - first_j
            if n_i > 0 and n_j > 0:
                kept += 1
                denticity = denticity or n_i != n_j
                rotated = rotated or _binds_otherwise(atom, first_i, i, first_j, j)
                continue
            if n_i > 0:
                lost += 1
            else:
                gained += 1
            if is_anion:
                anion += 1
            else:
                solvent += 1
                exchanged = own if exchanged < 0 or exchanged == own else code_of[-5]
        flag = 0
        if lost == 0 and gained == 0:
            code = VEHICULAR
            if kept == 0:
                flag |= BARE
        elif kept == 0 and lost > 0 and gained > 0:
            code = RENEWAL
        elif anion == 0:
            code = exchanged
        elif solvent == 0:
            code = code_of[-4] if lost == 0 else code_of[-3] if gained == 0 else code_of[-2]
        else:
            code = code_of[-1]
        if gained > 0 and lost == 0:
            flag |= ASSOCIATION
        elif lost > 0 and gained == 0:
            flag |= DISSOCIATION
        elif lost > 0:
            flag |= SWAP
        if denticity:
            flag |= DENTICITY
        if rotated:
            flag |= ROTATION
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

    With ``resolve="ligand"`` the third is one class for each solvent, e.g. ``EC_exchange`` and
    ``DMC_exchange``: only molecules of that ligand type changed, and ``mixed_solvent_exchange``:
    those of several solvents did. Together they are ``solvent_exchange``.

    With ``resolve="counterion"``, for ionic liquids and molten salts, the fourth is
    ``anion_association`` (only gained), ``anion_dissociation`` (only lost) and ``anion_swap``
    (both), of an anion ``cation_association`` and so on. Where the detector sees counter-ions alone
    there are no classes of solvents.

    Flags: ``bare``, ``association`` (only gained), ``dissociation`` (only lost), ``swap`` (both),
    ``denticity`` (a kept molecule binds with another number of atoms), ``rotation`` (a kept
    molecule binds by other atoms: it has lost one and gained one).

    Cost: linear in the members of the shells compared (numba).

    Parameters
    ----------
    counterion : str, optional
        The ligand type of the counter-ions; every other type has the role solvent. Default:
        ``anion`` for cations, ``cation`` for anions, or ``counterion``, where the detector has it.
    resolve : {None, "ligand", "counterion"}
        ``ligand``: exchange of each solvent has a class of its own. ``counterion``: gain, loss and
        swap of counter-ions have.
    anion : str, optional
        The older spelling of `counterion`.

    Raises
    ------
    InputError
        For an unknown `resolve`, and, when an analysis is set up, for a named type that the
        detector lacks, or ligand types whose classes would have one name.

    Notes
    -----
    Whether counter-ions are anions or cations follows from the sign of the carrier's charge, so
    that one rule serves both species: see `for_carriers`.

    Vehicular motion and exchange in windows follow Jun et al., arXiv:2602.16636 (2026); the
    precedence and the flags are this package's.
    """

    names: tuple[str, ...] = (
        *("vehicular", "renewal", "solvent_exchange"),
        *("anion_exchange", "mixed_exchange"),
    )
    flag_names = ("bare", "association", "dissociation", "swap", "denticity", "rotation")

    def __init__(
        self,
        counterion: str | None = None,
        *,
        resolve: str | None = None,
        anion: str | None = None,
    ) -> None:
        if not is_one_of(resolve, (None, "ligand", "counterion")):
            raise InputError(
                f"SolvationEvents(resolve={shown(resolve)}): must be None, 'ligand' for one class "
                "of exchange per solvent, or 'counterion' for association, dissociation and swap "
                "of counter-ions"
            )
        self.resolve = resolve
        self._given = given_type("SolvationEvents", counterion, anion)
        self.counterion = self._given or "anion"
        if resolve == "counterion":
            self.names = _names("anion", resolve, True)

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
        role = role_of_counterions(charge, kind)
        names = _names(role, self.resolve, any(t != kind for t in ligand_types))
        found = changed(self, counterion=kind, names=names)
        return found.by_ligand(ligand_types) if self.resolve == "ligand" else found

    def by_ligand(self, ligand_types: tuple[str, ...]) -> SolvationEvents:
        """The rule with one class of exchange for each solvent.

        Parameters
        ----------
        ligand_types : tuple of str
            Of the detector whose shells the rule will compare.

        Returns
        -------
        SolvationEvents

        Raises
        ------
        InputError
            For ligand types whose classes would have one name.
        """
        solvents = [t for t in ligand_types if t != self.counterion]
        several = [SEVERAL] if len(solvents) > 1 else []
        rest = self.names[:SOLVENT], self.names[-2:]
        names = (*rest[0], *(t + EXCHANGE for t in solvents), *several, *rest[1])
        twice = next((t for t in solvents if names.count(t + EXCHANGE) > 1), None)
        if twice is not None:
            raise InputError(
                f"SolvationEvents(resolve='ligand'): the class of the ligand type {twice!r} would "
                f"be {twice + EXCHANGE!r}, which is another class; give the type another name in "
                "the detector"
            )
        return changed(self, resolve="ligand", names=names)

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
            return self._exchange_of(_types_of(moved, before) | _types_of(moved, after))
        if not moved <= ions:
            return "mixed_exchange"
        if self.resolve != "counterion":
            return self.names[-2]
        changed_by = IONS_CHANGED[2 if lost and gained else 1 if lost else 0]
        return next(name for name in self.names if name.endswith(changed_by))

    def _exchange_of(self, types: set[str]) -> str:
        if self.resolve != "ligand":
            return "solvent_exchange"
        return SEVERAL if len(types) > 1 else f"{types.pop()}{EXCHANGE}"

    def classifier(self, shells: ShellTable) -> Classifier:
        """See `EventRule.classifier`; linear in the members of both shells of each pair."""
        order = members_in_order(shells, shells.molecule, shells.atom)
        members = tuple(of[order] for of in (shells.molecule, shells.kind, shells.atom))
        ion_kind = shells.types.index(self.counterion) if self.counterion in shells.types else -1
        code_of = np.full(len(shells.types) + N_CODES, SOLVENT, dtype=np.int64)
        if self.resolve == "counterion":
            ions = [n for n in self.names if n.endswith(IONS_CHANGED)]
        else:
            ions = [self.names[-2]] * len(IONS_CHANGED)
        code_of[-4:-1] = [self.names.index(n) for n in ions]
        code_of[-1] = len(self.names) - 1  # of solvents and counter-ions, where there are both
        if self.resolve == "ligand":
            if self.names == type(self).names:
                raise InputError(
                    "this SolvationEvents(resolve='ligand') has no ligand types yet: "
                    "for_carriers(charge, ligand_types) returns a rule that has them, and that of "
                    "a run is in run.species[k].events"
                )
            several = SEVERAL if SEVERAL in self.names else self.names[SOLVENT]
            code_of[-5] = self.names.index(several)
            for k, name in enumerate(shells.types):
                if name != self.counterion:
                    code_of[k] = self.names.index(name + EXCHANGE)
        return by_kernel(_classify, shells.offsets, members, ion_kind, code_of)

    def describe(self) -> dict[str, object]:
        """The rule and its anion and counter-ion as plain values, for the settings."""
        return super().describe() | {
            "anion": self.anion,
            "counterion": self.counterion,
            "resolve": self.resolve,
        }


def _names(role: str, resolve: str | None, solvents: bool) -> tuple[str, ...]:
    """The classes, before those of single solvents; role: of the counter-ions."""
    ions = IONS_CHANGED if resolve == "counterion" else (EXCHANGE,)
    both = solvents or resolve != "counterion"
    return (
        *SolvationEvents.names[: SOLVENT + both],
        *(role + end for end in ions),
        *(["mixed_exchange"] if both else []),
    )


def _types_of(molecules: frozenset[int], shell: Shell) -> set[str]:
    """Ligand types of some molecules in a shell."""
    members = zip(shell.molecules.tolist(), shell.types, strict=True)
    return {kind for molecule, kind in members if molecule in molecules}
