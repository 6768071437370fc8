"""Pair rules: from the microstates of one carrier at both ends of a window to one label.

Additivity requires only that each carrier has exactly one label per window.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import species
from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.frozen import is_frozen, own_copy
from ..microstates import Shell, ShellTable

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup


#: Maps shells (before, after), each (pairs,), to codes and flags.
Classifier = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class EventLabels:
    """Labels of one window length.

    Attributes
    ----------
    label : numpy.ndarray
        Shape (origins, carriers), int16: index in `names`.
    names : tuple of str
        The event classes.
    flags : numpy.ndarray
        Shape (origins, carriers), uint16: bit k set where `flag_names[k]` holds.
    flag_names : tuple of str
    window : float
        Length of the window, ps.
    """

    label: np.ndarray
    names: tuple[str, ...]
    flags: np.ndarray
    flag_names: tuple[str, ...]
    window: float


class EventRule(ABC):
    """Labels the change between two microstates. Subclass it for your own rule.

    A subclass sets `names` and implements `label`, which is called once per distinct pair of
    shells:

    >>> from mda_ionmech.events import EventRule
    >>> class Lost(EventRule):
    ...     names = ("kept", "lost")
    ...     def label(self, before, after):
    ...         return "lost" if before.molecule_set() - after.molecule_set() else "kept"

    Attributes
    ----------
    names : tuple of str
        The event classes in order of precedence: lower-case words joined by underscores.
    flag_names : tuple of str
        Names of flags that a rule sets besides its label; none unless it overrides `classify`.
    """

    names: tuple[str, ...] = ()
    flag_names: tuple[str, ...] = ()
    #: Whether labels depend on all carriers; see `CrystalEvents`.
    joint = False

    @abstractmethod
    def label(self, before: Shell, after: Shell) -> str:
        """The event class of a window that begins and ends in these shells.

        Parameters
        ----------
        before, after : Shell
            At the start and at the end of the window.

        Returns
        -------
        str
            One of `names`.
        """

    def names_for(self, label_names: tuple[str, ...]) -> tuple[str, ...]:
        """Event classes, where they depend on the labels of the sites.

        Parameters
        ----------
        label_names : tuple of str
            Distinct labels of the sites; empty where carriers are in shells.

        Returns
        -------
        tuple of str
            By default `names`.
        """
        return self.names

    def check(self, ligand_types: tuple[str, ...]) -> None:
        """Refuse ligand types that the rule cannot work with, before any frame is read.

        Parameters
        ----------
        ligand_types : tuple of str
            Of the detector whose shells the rule will compare.

        Raises
        ------
        InputError
            By default never.
        """

    def for_carriers(self, charge: float, ligand_types: tuple[str, ...]) -> EventRule:
        """The rule for carriers of this charge, e.g. with the name of their counter-ions.

        Called once per species, before `prepare`. By default the rule itself.

        Parameters
        ----------
        charge : float
            Of one carrier, e.
        ligand_types : tuple of str
            Of the detector whose shells the rule will compare.

        Returns
        -------
        EventRule
        """
        return self

    def prepare(self, universe: Any, ligands: Mapping[str, AtomGroup]) -> EventRule:
        """The rule with data from the topology besides shells, e.g. the chain of each atom.

        Called once per analysis, before frames are read. The rule itself must not change: what is
        found is set in the object that is returned, which the analysis uses. By default the rule
        itself is returned.

        Parameters
        ----------
        universe : Universe
        ligands : mapping of str to AtomGroup
            Ligand atoms by type, of the detector whose shells the rule will compare.

        Returns
        -------
        EventRule
        """
        return self

    def classify(
        self, shells: ShellTable, before: np.ndarray, after: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Label codes and flags of many pairs of shells.

        Parameters
        ----------
        shells : ShellTable
        before, after : numpy.ndarray
            Shape (pairs,): shell numbers; pairs may repeat.

        Returns
        -------
        codes : numpy.ndarray
            Shape (pairs,), int64: index in `names`.
        flags : numpy.ndarray
            Shape (pairs,), int64: bit k is `flag_names[k]`.

        Raises
        ------
        InputError
            If `label` returns something that is not in `names`.
        """
        return self.classifier(shells)(before, after)

    def classifier(self, shells: ShellTable) -> Classifier:
        """`classify` for one table of shells, with work that depends on the table done once.

        Parameters
        ----------
        shells : ShellTable

        Returns
        -------
        callable
            Maps (before, after) to (codes, flags). Calls `label` once per distinct pair.

        Raises
        ------
        InputError
            From the callable, if `label` returns something that is not in `names`.
        """
        code_of = {name: code for code, name in enumerate(self.names)}
        known: dict[int, int] = {}

        def ask(pair: int) -> int:
            name = self.label(shells[pair // len(shells)], shells[pair % len(shells)])
            if name not in code_of:
                raise InputError(
                    f"{type(self).__name__}.label returned {shown(name)}, which is not in its "
                    f"names {self.names}; return one of these strings, or add it to names"
                )
            return code_of[name]

        def classify(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            key = before.astype(np.int64) * len(shells) + after
            distinct, inverse = np.unique(key, return_inverse=True)
            for pair in distinct.tolist():
                if pair not in known:
                    known[pair] = ask(pair)
            codes = np.array([known[pair] for pair in distinct.tolist()], dtype=np.int64)
            return codes[inverse], np.zeros(len(key), dtype=np.int64)

        return classify

    def describe(self) -> dict[str, object]:
        """The choices of the rule as plain values, which the settings of a result hold.

        Returns
        -------
        dict
        """
        return {"rule": type(self).__name__, "names": list(self.names)}


def prepared(
    rule: species.EventRule, universe: Any, ligands: Mapping[str, AtomGroup], charge: float
) -> species.EventRule:
    """`EventRule.for_carriers` and `EventRule.prepare`, without changing the given rule.

    A rule that is not frozen is copied first, so that its `prepare` may also set attributes of the
    object itself, and return nothing.
    """
    rule = rule.for_carriers(charge, tuple(ligands))
    has_own = type(rule).prepare is not EventRule.prepare
    mine = own_copy(rule) if has_own and not is_frozen(rule) else rule
    found = mine.prepare(universe, ligands)
    return mine if found is None else found


def members_in_order(shells: ShellTable, *keys: np.ndarray) -> np.ndarray | slice:
    """Index that sorts the members of each shell by keys, the first of which counts most.

    Shells are mostly found with their members in order, which is seen without sorting.

    Parameters
    ----------
    shells : ShellTable
    *keys : numpy.ndarray
        Shape (members,) each.

    Returns
    -------
    numpy.ndarray or slice
        A slice of everything where the members are in order.
    """
    in_order = np.ones(max(shells.n_members - 1, 0), dtype=bool)
    for key in reversed(keys):
        in_order = (key[:-1] < key[1:]) | ((key[:-1] == key[1:]) & in_order)
    first = shells.offsets[1:-1]  # of a shell; the member before it is in another
    in_order[first[(first > 0) & (first < shells.n_members)] - 1] = True
    if in_order.all():
        return slice(None)
    shell_of = np.repeat(np.arange(len(shells)), np.diff(shells.offsets))
    return np.lexsort((*reversed(keys), shell_of))


def by_kernel(kernel: Callable[..., None], *table: Any) -> Classifier:
    """A classifier that fills codes and flags by a kernel, for one table of shells."""

    def classify(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        codes = np.empty(len(before), dtype=np.int64)
        flags = np.empty(len(before), dtype=np.int64)
        before, after = (np.ascontiguousarray(x, dtype=np.int64) for x in (before, after))
        kernel(*table, before, after, codes, flags)
        return codes, flags

    return classify


class EventCodes:
    """Event codes of pairs of shells; picklable.

    Parameters
    ----------
    rule : EventRule
    shells : ShellTable
        Of a large one on disk only the shells that occur are read.
    """

    def __init__(self, rule: species.EventRule, shells: ShellTable) -> None:
        self._made_of = rule, shells
        self._known = None if shells.is_large else rule.classifier(shells)

    def with_flags(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes and flags, each (pairs,)."""
        if self._known is not None:
            return self._known(before, after)
        rule, shells = self._made_of
        met = np.union1d(before, after)
        classify = rule.classifier(shells.some(met))
        return classify(np.searchsorted(met, before), np.searchsorted(met, after))

    def __call__(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        return self.with_flags(before, after)[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return EventCodes, self._made_of
