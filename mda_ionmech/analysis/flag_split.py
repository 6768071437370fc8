"""Splits the event classes of one species by a flag, without reading frames.

Each class becomes two, windows with the flag and windows without it, so that their contributions
sum to that of the class.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..events import SolvationEvents
from ..events.base import EventCodes
from ..lib.checks import is_one_of, shown
from ..lib.errors import InputError
from ..lib.label_names import LIGAND, split_names
from ..onsager.labelled_run import LabelledRun, LabelledSpecies


@dataclass(frozen=True)
class SplitCodes:
    """Codes of classes split by a flag, for pairs of shells; picklable.

    Attributes
    ----------
    codes : EventCodes
        Of the rule.
    bit : int
        Number of the flag.
    """

    codes: EventCodes
    bit: int

    def __call__(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        codes, flags = self.codes.with_flags(before, after)
        return 2 * codes + 1 - (flags >> self.bit & 1)


def split_species(one: LabelledSpecies, flag: str) -> LabelledSpecies:
    """A species whose classes are split by a flag of its rule.

    ``ligand`` in place of a flag gives exchange of each solvent a class of its own.

    Raises
    ------
    InputError
        For a species without a rule, hops between sites, or a flag that the rule does not have.
    """
    by, rule = f"by={shown(flag)}", one.rule
    if rule is None:
        raise InputError(f"{by}: {one.name!r} has no event rule; give it events=...")
    if flag == LIGAND:
        return _by_ligand(one)
    kind = type(rule).__name__
    if not is_one_of(flag, rule.flag_names):
        if is_one_of(flag, one.events):
            raise InputError(
                f"{by}: {flag} is a class of {kind}, with a row of its own in summary(); the flags "
                f"are {list(rule.flag_names)}"
            )
        has = f"has the flags {list(rule.flag_names)}; give one of them"
        raise InputError(
            f"{by}: {kind} of {one.name!r} {has if rule.flag_names else 'has no flags'}"
        )
    if one.labels.joint is not None or one.microstates is None:
        raise InputError(
            f"{by}: classes of hops between sites, which are labelled together, are not split by a "
            "flag; run.events(window) has the flags of every window"
        )
    codes = EventCodes(rule, one.microstates.shells)
    names = split_names(one.events, flag)
    classify = SplitCodes(codes, rule.flag_names.index(flag))
    events = one.about["events"] | {"names": list(names), "split_by": flag}
    return replace(
        one,
        events=names,
        labels=replace(one.labels, classify=classify, n_labels=len(names)),
        about=one.about | {"events": events},
    )


def _by_ligand(one: LabelledSpecies) -> LabelledSpecies:
    """A species with one class of exchange for each solvent."""
    rule = one.rule
    if not isinstance(rule, SolvationEvents) or one.microstates is None:
        raise InputError(
            f"by='ligand' is for exchange of solvents by SolvationEvents, and {one.name!r} has "
            f"{type(rule).__name__}; give one of the flags {list(rule.flag_names) if rule else []}"
        )
    if rule.resolve == "ligand":
        raise InputError(
            f"by='ligand': the classes of {one.name!r} are resolved by ligand already, with rows "
            "of their own in summary()"
        )
    if rule.resolve is not None:
        raise InputError(
            f"by='ligand': {one.name!r}, with resolve={rule.resolve!r}, has no class "
            "solvent_exchange to split by solvent; give the rule no resolve, or one of the flags "
            f"{list(rule.flag_names)}"
        )
    shells = one.microstates.shells
    found = rule.by_ligand(shells.types)
    labels = replace(one.labels, classify=EventCodes(found, shells), n_labels=len(found.names))
    about = one.about | {"events": found.describe()}
    return replace(one, events=found.names, rule=found, labels=labels, about=about)


def split_run(run: LabelledRun, name: str, flag: str) -> LabelledRun:
    """A run in which the classes of one species are split by a flag; see `split_species`."""
    index = run.index(name)
    species = list(run.species)
    species[index] = split_species(species[index], flag)
    return replace(run, species=tuple(species))


class RunLink:
    """Weak reference of a result to its run, so that a result keeps no paths in memory.

    Parameters
    ----------
    run : FinishedRun
    """

    def __init__(self, run: Any) -> None:
        self._run = weakref.ref(run)

    def __call__(self) -> Callable[[str, str], Any] | None:
        """The function that splits classes of a species by a flag; None if the run is gone."""
        run = self._run()
        return None if run is None else run.split_by

    def __deepcopy__(self, memo: dict[int, Any]) -> RunLink:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()
