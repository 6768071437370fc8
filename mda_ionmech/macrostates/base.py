"""Macrostate rules: from the microstates of all carriers to one chemical label each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.arrays_on_disk import folder_of, new_array
from ..lib.checks import checked_array, instance, shown, whole
from ..lib.errors import InputError
from ..lib.frame_blocks import frames_at_once, origin_blocks
from ..lib.frozen import is_frozen, own_copy
from ..lib.label_names import check_label_names
from ..lib.run_length import LabelRuns, gathered_runs, run_blocks, runs_in_time, with_values

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup

    from ..lib.arrays_on_disk import ArrayFolder
    from ..microstates import Microstates, ShellTable
    from ..species import IonSpecies


@dataclass(frozen=True)
class RunStates:
    """Microstates of every species of a run.

    Attributes
    ----------
    species : sequence of IonSpecies
    microstates : sequence of Microstates or None
        One per species; None without a detector.
    molecule : numpy.ndarray
        Shape (atoms,), int64: molecule id of every atom of the universe.
    n_frames : int
    """

    species: Sequence[IonSpecies]
    microstates: Sequence[Microstates | None]
    molecule: np.ndarray
    n_frames: int

    @property
    def folder(self) -> ArrayFolder | None:
        """Folder of the microstates; None: in memory."""
        found = [one.runs.folder for one in self.microstates if one is not None]
        return found[0] if found else None


@dataclass(frozen=True)
class Macrostates:
    """Macrostate of every carrier of one species in every frame.

    Attributes
    ----------
    state : numpy.ndarray
        Shape (frames, carriers), int16: place in `names`.
    names : tuple of str
    composition : numpy.ndarray or None
        Shape (frames, carriers, 2), int16, or int32 in systems of more than 32 767 ions: cations
        and anions in the cluster of each carrier, where the rule counts them.
    runs : LabelRuns or None
        The same states as runs; found from `state` where a rule does not give them.
    """

    state: np.ndarray
    names: tuple[str, ...]
    composition: np.ndarray | None = None
    runs: LabelRuns | None = None

    def label_runs(self) -> LabelRuns:
        """The states as runs."""
        if self.runs is not None:
            return self.runs
        n_frames, n_carriers = self.state.shape
        blocks = origin_blocks(n_frames, 0, frames_at_once(n_carriers))
        states = (np.ascontiguousarray(self.state[a:b].T, dtype=np.int32) for a, b in blocks)
        return runs_in_time(states, folder_of(self.state))


def map_shells(
    states: RunStates,
    index: int,
    names: tuple[str, ...],
    label: Callable[[ShellTable], np.ndarray],
) -> Macrostates:
    """Macrostates that depend on each carrier's own shell alone.

    Parameters
    ----------
    states : RunStates
    index : int
        Number of the species.
    names : tuple of str
        The macrostates.
    label : callable
        Maps a `ShellTable` to the place in `names` of each shell, shape (shells,).

    Returns
    -------
    Macrostates

    Raises
    ------
    InputError
        For a species without microstates, names that are no distinct words, or a `label` that does
        not give one place in `names` for each shell.
    """
    instance("states", states, RunStates, "pass on the one that MacrostateRule.assign is given")
    n_species = len(states.microstates)
    remedy = "pass on the one that MacrostateRule.assign is given"
    index = whole("index", index, least=0, most=n_species - 1, remedy=remedy)
    check_label_names(names, "map_shells(...)")
    if not callable(label):
        raise InputError(f"label must be a function of a table of shells, got {shown(label)}")
    micro = states.microstates[index]
    if micro is None:
        raise InputError(
            f"index={index}: this species has no detector, so no shells to label; give it "
            "microstates=..., or use this rule for another species"
        )
    folder = micro.runs.folder
    of_shell = new_array(len(micro.shells), np.int16, folder)
    for first, table in micro.shells.tables():
        of_shell[first : first + len(table)] = _checked_places(label(table), len(table), names)
    parts = (micro.runs.part(a, b) for a, b in run_blocks(micro.runs.offsets))
    labelled = (with_values(runs, of_shell[runs.value]) for runs in parts)
    runs = gathered_runs(labelled, states.n_frames, folder)
    return Macrostates(dense_states(runs), names, runs=runs)


def _checked_places(places: Any, n_shells: int, names: tuple[str, ...]) -> np.ndarray:
    """What the function of a rule returned for a table of shells: places in its names."""
    found = checked_array(
        "the result of label", places, (n_shells,), "a place in names for each shell, (shells,)",
        whole=True,
    )  # fmt: skip
    if found.size and not 0 <= found.min() <= found.max() < len(names):
        raise InputError(
            f"label returned places from {found.min()} to {found.max()}; each is a place in the "
            f"{len(names)} names, from 0 on"
        )
    return found


def dense_states(runs: LabelRuns) -> np.ndarray:
    """Runs as a dense array, shape (frames, carriers), int16, stored where the runs are."""
    out = new_array((runs.n_frames, runs.n_carriers), np.int16, runs.folder)
    for first, last in origin_blocks(runs.n_frames, 0, frames_at_once(runs.n_carriers)):
        out[first:last] = runs.between(first, last).T
    return out


class MacrostateRule(ABC):
    """Labels the surroundings of every carrier of one species. Subclass it for your own.

    Attributes
    ----------
    names : tuple of str
        The macrostates: words joined by underscores.
    """

    names: tuple[str, ...] = ()

    def check(self, species: Sequence[IonSpecies], index: int) -> None:
        """Refuse species that the rule cannot work with, before any frame is read.

        Parameters
        ----------
        species : sequence of IonSpecies
            All species of the run.
        index : int
            Number of the one with this rule.

        Raises
        ------
        InputError
            By default never.
        """

    def prepare(self, universe: Any, ligands: Mapping[str, AtomGroup]) -> MacrostateRule:
        """The rule with data from the topology besides shells, e.g. the chain of each atom.

        Called once per analysis, before frames are read. The rule itself must not change: what is
        found is set in the object that is returned, which the analysis uses, and with which a saved
        run is labelled without a universe. By default the rule itself is returned.

        Parameters
        ----------
        universe : Universe
        ligands : mapping of str to AtomGroup
            Ligand atoms by type, of the detector of the species; empty without one.

        Returns
        -------
        MacrostateRule
        """
        return self

    @abstractmethod
    def assign(self, states: RunStates, index: int) -> Macrostates:
        """Macrostates of species number `index`, from the microstates of all species.

        Parameters
        ----------
        states : RunStates
        index : int
            Number of the species.

        Returns
        -------
        Macrostates
        """

    def describe(self) -> dict[str, Any]:
        """The choices of the rule as plain values, which the settings of a result hold.

        Returns
        -------
        dict
        """
        return {"rule": type(self).__name__, "names": list(self.names)}


def prepared_macrostates(one: IonSpecies, universe: Any) -> Any:
    """`MacrostateRule.prepare` of the rule of a species, without changing the given rule.

    A rule that is not frozen is copied first, so that its `prepare` may also set attributes of the
    object itself, and return nothing.
    """
    rule, prepare = one.macrostates, getattr(type(one.macrostates), "prepare", None)
    if prepare in (None, MacrostateRule.prepare):
        return rule
    mine = rule if is_frozen(rule) else own_copy(rule)
    found = prepare(mine, universe, {} if one.microstates is None else one.microstates.ligands)
    return mine if found is None else found
