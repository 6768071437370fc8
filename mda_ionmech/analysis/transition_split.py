"""Transitions of macrostates in place of the event classes of a species, without reading frames.

The label of a carrier in a window is its macrostate at both ends, so that the contributions of the
transitions sum to the whole in every view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from ..lib.errors import InputError
from ..lib.label_names import check_label_names
from ..onsager.block_sums import Blocks
from ..onsager.labelled_run import LabelledRun, LabelledSpecies
from ..species import EventRule


@dataclass(frozen=True)
class TransitionCodes:
    """Labels of pairs of macrostates; picklable.

    Attributes
    ----------
    code : numpy.ndarray
        Shape (macrostates, macrostates): label of a transition.
    """

    code: np.ndarray

    def __call__(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        return np.asarray(self.code[before, after])


@dataclass(frozen=True)
class Transitions:
    """The rule of such labels, as a labelled run names it.

    Attributes
    ----------
    names : tuple of str
    """

    names: tuple[str, ...]
    flag_names: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """The rule as plain values."""
        return {"rule": "MacrostateTransitions", "names": list(self.names)}


def with_macrostates(run: LabelledRun, species: str | None, default: str) -> tuple[int, ...]:
    """Numbers of the species whose transitions are asked for: one, and those linked with it.

    Raises
    ------
    InputError
        For a species that is unknown or has no macrostates, itself or one linked with it.
    """
    known = [one.name for one in run.species if one.macrostates is not None]
    if not known:
        raise InputError(
            "by_transition(): no species of this run has macrostates; give it macrostates=..., "
            "e.g. IonSpecies(..., macrostates=IonPairing())"
        )
    name = (default if default in known else known[0]) if species is None else species
    index = run.index(name)
    if name not in known:
        raise InputError(
            f"by_transition(): {name!r} has no macrostates; species with macrostates are {known}"
        )
    members = next((m for m in run.linked if index in m), (index,))
    lacking = [run.names[k] for k in members if run.names[k] not in known]
    if lacking:
        raise InputError(
            f"by_transition(): hops of {name!r} are labelled together with those of "
            f"{lacking[0]!r}, which has no macrostates; give it macrostates=... too"
        )
    return members


def by_transition(run: LabelledRun, members: Sequence[int], blocks: Blocks) -> LabelledRun:
    """The run with the transitions of macrostates of some species as their labels.

    Parameters
    ----------
    run : LabelledRun
    members : sequence of int
        Numbers of the species, of those that are labelled together all.
    blocks : Blocks
        Of the run: transitions that occur in no window of any length are left out.

    Returns
    -------
    LabelledRun
    """
    species = list(run.species)
    for index in members:
        species[index] = _labelled(species[index], _met(blocks, index))
    linked = {group: hops for group, hops in run.linked.items() if not {*group} & {*members}}
    return replace(run, species=tuple(species), linked=linked)


def _met(blocks: Blocks, index: int) -> list[tuple[str, str]]:
    """Transitions of a species that occur, by the names of their ends."""
    system, kinds = blocks.system, blocks.kinds
    number = sum(entry.sums.transition_number.sum(axis=0) for entry in blocks.windows)
    mine = np.flatnonzero((system.transition_species == index) & (np.asarray(number) > 0))
    return [(kinds[system.transition_start[q]], kinds[system.transition_end[q]]) for q in mine]


def _labelled(one: LabelledSpecies, met: Sequence[tuple[str, str]]) -> LabelledSpecies:
    macrostates, runs = one.macrostates, one.labels.macrostates
    assert macrostates is not None
    assert runs is not None
    names = tuple(f"{start}_to_{end}" for start, end in met)
    check_label_names(names, f"the transitions of {one.name!r}")
    place = macrostates.names.index
    code = np.zeros((len(macrostates.names),) * 2, dtype=np.int64)
    for k, (start, end) in enumerate(met):
        code[place(start), place(end)] = k
    rule = Transitions(names)
    labels = replace(
        one.labels,
        states=runs,
        classify=TransitionCodes(code),
        n_labels=len(names),
        joint=None,
        site_positions=None,
    )
    return replace(
        one,
        events=names,
        rule=cast(EventRule, rule),
        labels=labels,
        history=None,
        about=one.about | {"events": rule.describe()},
    )
