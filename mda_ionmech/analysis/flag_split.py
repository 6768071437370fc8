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
from ..events.crystal.crystal_events import LinkedHops
from ..lib.checks import is_one_of, shown
from ..lib.errors import InputError
from ..lib.label_names import CHANNEL, LIGAND, split_names
from ..onsager.labelled_run import LabelledRun, LabelledSpecies
from ..species import EventRule

#: Most labels of sites whose channels split the classes of hops.
MOST_SITE_LABELS = 8


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
        For a species without a rule or shells, or a flag that the rule does not have.
    """
    by, rule = f"by={shown(flag)}", one.rule
    if rule is None:
        raise InputError(f"{by}: {one.name!r} has no event rule; give it events=...")
    if flag == LIGAND:
        return _by_ligand(one)
    _check_flag(one, rule, flag)
    if one.microstates is None or one.labels.joint is not None:
        raise InputError(f"{by}: {one.name!r} has no shells to compare; leave by out")
    codes = EventCodes(rule, one.microstates.shells)
    names = split_names(one.events, flag)
    classify = SplitCodes(codes, rule.flag_names.index(flag))
    labels = replace(one.labels, classify=classify, n_labels=len(names))
    return replace(_renamed(one, names, flag), labels=labels)


def _check_flag(one: LabelledSpecies, rule: EventRule, flag: str) -> None:
    """Refuse a flag that the rule does not have."""
    by, kind = f"by={shown(flag)}", type(rule).__name__
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


def _renamed(one: LabelledSpecies, names: tuple[str, ...], by: str) -> LabelledSpecies:
    """A species with other classes, which its settings hold."""
    events = one.about["events"] | {"names": list(names), "split_by": by}
    return replace(one, events=names, about=one.about | {"events": events})


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
    if found.names == type(rule).names:
        raise InputError(
            f"by='ligand': {one.name!r} has one type of solvent, so that solvent_exchange is "
            f"exchange of it alone; give one of the flags {list(rule.flag_names)}"
        )
    labels = replace(one.labels, classify=EventCodes(found, shells), n_labels=len(found.names))
    about = one.about | {"events": found.describe()}
    return replace(one, events=found.names, rule=found, labels=labels, about=about)


def split_run(run: LabelledRun, name: str, flag: str) -> LabelledRun:
    """A run in which the classes of one species are split by a flag; see `split_species`.

    ``channel`` splits hops by the labels of the sites at their ends.

    Raises
    ------
    InputError
        As `split_species`, and for more channels than a table can show.
    """
    index = run.index(name)
    species = list(run.species)
    members = next((m for m in run.linked if index in m), None)
    if members is None:
        species[index] = split_species(species[index], flag)
        return replace(run, species=tuple(species))
    hops, member = run.linked[members], members.index(index)
    _check_hops(species[index], hops, member, flag)
    names = hops.names_of_parts(member, flag)
    hops = replace(hops, parts=tuple(flag if k == member else None for k in range(len(members))))
    # species that are labelled together share one object
    for k in members:
        joint = species[k].labels.joint
        assert joint is not None
        labels = replace(species[k].labels, joint=replace(joint, linked=hops))
        species[k] = replace(species[k], labels=labels)
    labels = replace(species[index].labels, n_labels=len(names))
    species[index] = replace(_renamed(species[index], names, flag), labels=labels)
    return replace(run, species=tuple(species), linked={**run.linked, members: hops})


def _check_hops(one: LabelledSpecies, hops: LinkedHops, member: int, flag: str) -> None:
    """Refuse what does not split the classes of hops of a species."""
    rule = hops.rules[member]
    if flag != CHANNEL:
        if flag == LIGAND:
            _by_ligand(one)
        return _check_flag(one, rule, flag)
    kinds = hops.site_labels(member)
    if rule.detail == CHANNEL:
        raise InputError(
            f"by='channel': the classes of {one.name!r} are channels already, by detail='channel', "
            "with rows of their own in summary(); give one of the flags "
            f"{list(rule.flag_names)}"
        )
    if len(kinds) > MOST_SITE_LABELS:
        raise InputError(
            f"by='channel': the sites of {one.name!r} have {len(kinds)} labels, which make "
            f"{len(kinds) ** 2} channels of each class; give the sites at most {MOST_SITE_LABELS} "
            "labels, or see run.channel_rates()"
        )
    return None


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
