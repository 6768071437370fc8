"""Joint rules: from the microstates of all carriers to one chemical label each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.run_length import LabelRuns, StoredRuns, label_runs, with_values, write_runs

if TYPE_CHECKING:
    from pathlib import Path

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
    room : Path or None
        A folder for macrostates, where the microstates are on disk.
    share : int
        Bytes that may be used at once, where they are.
    """

    species: Sequence[IonSpecies]
    microstates: Sequence[Microstates | None]
    molecule: np.ndarray
    n_frames: int
    room: Path | None = None
    share: int = 0


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
    """

    state: np.ndarray
    names: tuple[str, ...]
    composition: np.ndarray | None = None

    def between(self, first: int, last: int) -> np.ndarray:
        """States of carriers `first` to `last` - 1, shape (frames, carriers)."""
        return self.state[:, first:last]

    def label_runs(self) -> LabelRuns | StoredRuns:
        """The states as runs."""
        return label_runs(self.state)


@dataclass(frozen=True)
class StoredMacrostates:
    """As `Macrostates`, on disk as runs.

    Attributes
    ----------
    runs : StoredRuns
        Places in `names`.
    names : tuple of str
    pairs : StoredRuns or None
        Rows of `table` for the cluster of each carrier, where the ions in it are counted.
    table : numpy.ndarray or None
        Shape (distinct clusters, 2): cations and anions.
    """

    runs: StoredRuns
    names: tuple[str, ...]
    pairs: StoredRuns | None = None
    table: np.ndarray | None = None

    def between(self, first: int, last: int) -> np.ndarray:
        """States of carriers `first` to `last` - 1, shape (frames, carriers)."""
        return self.runs.carriers(first, last).dense().T

    def label_runs(self) -> LabelRuns | StoredRuns:
        """The states as runs."""
        return self.runs

    @property
    def state(self) -> np.ndarray:
        """All states, in memory; see `Macrostates`."""
        return self.runs.dense().T.astype(np.int16)

    @property
    def composition(self) -> np.ndarray | None:
        """All compositions, in memory; see `Macrostates`."""
        if self.pairs is None or self.table is None:
            return None
        return self.table[self.pairs.dense().T]


def map_shells(
    states: RunStates,
    index: int,
    names: tuple[str, ...],
    label: Callable[[ShellTable], np.ndarray],
) -> Macrostates | StoredMacrostates:
    """Macrostates that follow from a carrier's own shell.

    Parameters
    ----------
    states : RunStates
    index : int
        Of the species.
    names : tuple of str
    label : callable
        Shells to places in `names`, (shells,).
    """
    micro = states.microstates[index]
    assert micro is not None
    if states.room is None:
        of_shell = label(micro.shells.whole()).astype(np.int16)
        return Macrostates(state=of_shell[micro.state], names=names)
    blocks = (with_values(runs, label(table)[runs.value]) for _, _, runs, table in micro.blocks())
    name = f"macrostates-{index}"
    return StoredMacrostates(write_runs(states.room, name, blocks, states.n_frames), names)


class MacrostateRule(ABC):
    """Labels the surroundings of every carrier of one species. Subclass it for your own."""

    names: tuple[str, ...] = ()

    def check(self, species: Sequence[IonSpecies], index: int) -> None:
        """Refuse species the rule cannot work with, before any frame is read."""

    @abstractmethod
    def assign(self, states: RunStates, index: int) -> Macrostates | StoredMacrostates:
        """Macrostates of species number `index`, from the microstates of all species."""

    def describe(self) -> dict[str, Any]:
        """What a reader needs to repeat this, as plain values."""
        return {"rule": type(self).__name__, "names": list(self.names)}
