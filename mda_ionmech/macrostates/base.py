"""Joint rules: from the microstates of all carriers to one chemical label each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..microstates import Microstates
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


@dataclass(frozen=True)
class Macrostates:
    """Macrostate of every carrier of one species in every frame.

    Attributes
    ----------
    state : numpy.ndarray
        Shape (frames, carriers), int16: place in `names`.
    names : tuple of str
    composition : numpy.ndarray or None
        Shape (frames, carriers, 2), int16: cations and anions in the cluster of each carrier,
        where the rule counts them.
    """

    state: np.ndarray
    names: tuple[str, ...]
    composition: np.ndarray | None = None


class MacrostateRule(ABC):
    """Labels the surroundings of every carrier of one species. Subclass it for your own."""

    names: tuple[str, ...] = ()

    def check(self, species: Sequence[IonSpecies], index: int) -> None:
        """Refuse species the rule cannot work with, before any frame is read."""

    @abstractmethod
    def assign(self, states: RunStates, index: int) -> Macrostates:
        """Macrostates of species number `index`, from the microstates of all species."""

    def describe(self) -> dict[str, Any]:
        """What a reader needs to repeat this, as plain values."""
        return {"rule": type(self).__name__, "names": list(self.names)}
