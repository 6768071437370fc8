"""Positions and labels of the carriers of one species, as input of the sums over windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..lib.run_length import LabelRuns, runs_in_time
from .window_kernels import (
    Classify,
    segment_labels,
)


class LabelledTogether(Protocol):
    """Species whose labels depend on the carriers of all of them; see `events.LinkedHops`."""

    def edges(self, window: int) -> list[int]:
        """First origin of each block, and the number of origins."""

    def blocks(self, window: int) -> Iterator[Any]:
        """Blocks of origins: first, last, before, after and cluster, see `events.HopBlock`."""

    def codes(self, block: Any, member: int) -> np.ndarray:
        """Label codes of one species in a block, shape (carriers, origins), int16."""

    def flags(self, block: Any, member: int) -> np.ndarray:
        """Flags of one species in a block, shape (carriers, origins), uint16."""

    def rows(self, member: int) -> slice:
        """Range of the carriers of one species among all."""

    def site_images(self, member: int) -> Callable[[int], np.ndarray]:
        """Function that returns the site images of one carrier of a species, (frames,) int32."""


@dataclass(frozen=True)
class JointLabels:
    """Labels that depend on all carriers.

    Attributes
    ----------
    linked : LabelledTogether
        One object for all species that are labelled together.
    member : int
        Number of the species among them.
    moves : LabelRuns
        Occupied sites; each new run is an elementary hop.
    """

    linked: LabelledTogether
    member: int
    moves: LabelRuns

    def blocks(self, window: int) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
        """Blocks of origins, with codes and clusters (carriers, origins) of this species alone."""
        rows = self.linked.rows(self.member)
        for block in self.linked.blocks(window):
            yield block, self.linked.codes(block, self.member), block.cluster[rows]

    def flags(self, block: Any) -> np.ndarray:
        """Flags of this species alone in a block, shape (carriers, origins), uint16."""
        return self.linked.flags(block, self.member)


@dataclass(frozen=True)
class CarrierLabels:
    """Input of the window stage for one species.

    Attributes
    ----------
    position : numpy.ndarray
        Shape (carriers, 3, frames), Angstrom; 0 along axes that are left out.
    states : LabelRuns
        Microstates; one constant run per carrier without a rule.
    classify : callable
        Maps pairs of microstates to event codes.
    n_labels : int
    macrostates : LabelRuns or None
    n_macrostates : int
    joint : JointLabels or None
        Replaces `states` and `classify` where labels depend on all carriers.
    site_positions : numpy.ndarray or None
        Shape (site images, 3), Angstrom: positions of the site images of a joint rule, where the
        path view assigns only displacements from site to site to a label.
    """

    position: np.ndarray
    states: LabelRuns
    classify: Classify
    n_labels: int
    macrostates: LabelRuns | None
    n_macrostates: int
    joint: JointLabels | None = None
    site_positions: np.ndarray | None = None

    @property
    def n_path_labels(self) -> int:
        """Number of labels in the path view, including vibration for species on sites."""
        return self.n_labels + (self.site_positions is not None)


def carrier_segments(
    carriers: CarrierLabels, window: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments of constant label of any rule: offsets (carriers + 1,), begin, code (segments,)."""
    if carriers.joint is None:
        return segment_labels(carriers.states, window, carriers.classify)
    runs = runs_in_time(code for _, code, _ in carriers.joint.blocks(window))
    return runs.offsets, runs.start, runs.value


def one_label(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Codes of carriers without a rule: 0 for every pair."""
    return np.zeros(len(before), dtype=np.int64)


def labelled_together(species: Sequence[CarrierLabels]) -> list[list[int]]:
    """Numbers of the species with a joint rule, grouped by joint labelling."""
    groups: dict[int, list[int]] = {}
    for index, one in enumerate(species):
        if one.joint is not None:
            groups.setdefault(id(one.joint.linked), []).append(index)
    return list(groups.values())
