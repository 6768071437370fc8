"""What the checks before the frames are read need of a run that is being prepared.

The analysis itself has these attributes; the checks are written against this protocol, so that they
can be tried on anything that has them and do not import the analysis.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ..microstates import FrameGeometry
from ..species import IonSpecies
from ..trajectory.carriers import Ligands, Members
from ..trajectory.snapshot import Snapshot


class RunInPreparation(Protocol):
    """Choices, carriers and frames of a run before its frame stage."""

    species: tuple[IonSpecies, ...]
    universe: Any
    temperature: float
    frame: str
    axes: str
    unwrap: str | bool
    dt: float | None
    memory: int | None
    store: Any
    _trajectory: Any
    _run_frames: np.ndarray
    _times: Any
    _lattice: np.ndarray
    _members: Members
    _ligands: list[Ligands | None]
    _molecule: np.ndarray
    _reference: np.ndarray
    _moving: Any
    _first: np.ndarray
    _window_frames: np.ndarray
    _resolution_frames: np.ndarray
    _store: Any
    _n_workers: int

    @property
    def _n_bodies(self) -> int: ...

    def _at(self, index: int) -> Any: ...

    def _read(self, index: int) -> tuple[float, Snapshot]: ...

    def _step(
        self, ts: Any, before: Snapshot, steps: np.ndarray, reference: np.ndarray, found: np.ndarray
    ) -> Snapshot: ...

    def _geometry(self, index: int, now: Snapshot, *, lasting: bool = False) -> FrameGeometry: ...

    def _note(self, text: str, *, loud: bool = False) -> None: ...
