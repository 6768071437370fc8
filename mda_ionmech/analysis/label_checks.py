"""Checks of event rules and macrostate rules: names, number and type of their labels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from ..events import CrystalEvents
from ..lib.errors import InputError
from ..lib.label_names import check_label_names
from ..macrostates import Macrostates, SiteType
from ..onsager.block_bootstrap import RESAMPLES
from ..species import IonSpecies
from .arguments import on_sites

#: Most macrostates: they are stored as 16-bit integers.
MOST_LABELS = 2**15 - 1
#: Arrays of the size of all bootstrap samples of one window that exist at once.
_COPIES = 3


def check_rules(species: Sequence[IonSpecies]) -> None:
    """Refuse names that a result file cannot hold, and hop rules without sites."""
    for one in species:
        if isinstance(one.events, CrystalEvents) and not on_sites(one):
            raise InputError(
                f"CrystalEvents of {one.name!r} needs microstates=SiteAssignment... or "
                f"CageAssignment(), got {type(one.microstates).__name__}: it follows hops from "
                "site to site"
            )
        if one.events is not None:
            check_label_names(one.events.names, f"{type(one.events).__name__} of {one.name!r}")
        if one.macrostates is not None and one.macrostates.names:
            owner = f"{type(one.macrostates).__name__} of {one.name!r}"
            check_label_names(one.macrostates.names, owner)


def _labels_of_sites(one: IonSpecies) -> int:
    return len(getattr(one.microstates, "label_names", ()))


def _number_of_events(one: IonSpecies) -> int:
    if isinstance(one.events, CrystalEvents) and one.events.detail == "channel":
        return 1 + _labels_of_sites(one) ** 2  # counted, not listed
    return 1 if one.events is None else len(one.events.names)


def _number_of_macrostates(one: IonSpecies) -> int:
    if one.macrostates is None:
        return 0
    if isinstance(one.macrostates, SiteType):
        return _labels_of_sites(one)
    return len(one.macrostates.names)


def check_number_of_labels(species: Sequence[IonSpecies]) -> None:
    """Refuse so many labels that sums over pairs of them do not fit into memory.

    Parameters
    ----------
    species : sequence of IonSpecies

    Raises
    ------
    InputError
    """
    events = {one.name: _number_of_events(one) for one in species}
    kinds = {one.name: _number_of_macrostates(one) for one in species}
    n_events, n_kinds = max(events.values(), default=1), max(kinds.values(), default=0)
    pairs = (len(species) * n_events) ** 2 + len(species) * n_kinds**2
    taken = 8 * RESAMPLES * _COPIES * pairs
    for what, number in (("event labels", events), ("macrostates", kinds)):
        if not number:
            continue
        name = max(number, key=lambda one: number[one])
        most = number[name]
        if most > MOST_LABELS or (taken > memory_of_machine() and most == max(n_events, n_kinds)):
            raise InputError(
                f"{name!r} has {most} {what}: intervals resample sums over every pair of them, "
                f"which takes {taken / 2**30:.0f} GiB; use a rule with fewer names, or give sites "
                "of one kind the same label (detail='channel' makes one label per pair of site "
                "labels)"
            )


def memory_of_machine() -> int:
    """Physical memory in bytes, or 64 GiB where the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**36


def check_macrostates(
    macro: Mapping[int, Macrostates],
    species: Sequence[IonSpecies],
    n_frames: int,
) -> None:
    """Refuse macrostates that are not one of the rule's names per carrier and frame."""
    for k, found in macro.items():
        one = species[k]
        owner = f"{type(one.macrostates).__name__} of {one.name!r}"
        check_label_names(found.names, owner)
        state = np.asarray(found.state)
        if state.shape != (n_frames, one.n_carriers):
            raise InputError(
                f"{owner} gives states of shape {state.shape}; they are (frames, carriers), here "
                f"{(n_frames, one.n_carriers)}"
            )
        if state.size and not (state.min() >= 0 and state.max() < len(found.names)):
            raise InputError(
                f"{owner} gives states from {state.min()} to {state.max()}: each is a place in its "
                f"{len(found.names)} names, from 0 on"
            )
