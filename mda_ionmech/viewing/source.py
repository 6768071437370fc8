"""OVITO pipeline source for any Universe."""

from __future__ import annotations

from typing import Any

import numpy as np
import traits.api
from ovito.data import DataCollection, ParticleType
from ovito.pipeline import PipelineSourceInterface

from ..lib.topology import atom_ids, atom_kinds, trajectory_name


class UniverseSource(PipelineSourceInterface):
    """Frames of a Universe: positions wrapped into the cell, identifiers, types by element, bonds.

    Frame number and engine step are attributes, which the modifiers use to match frames.
    """

    universe = traits.api.Any(None, transient=True)
    more_bonds = traits.api.Any(None, transient=True)
    bond_width = traits.api.Float(0.25)
    _facts = traits.api.Any(None, transient=True)
    _ = traits.api.Disallow

    def compute_trajectory_length(self, **kwargs: Any) -> int:
        """Number of frames; called by OVITO."""
        return int(self.universe.trajectory.n_frames)

    def create(self, data: DataCollection, *, frame: int, **kwargs: Any) -> None:
        """Fill `data` with one frame; called by OVITO."""
        if self._facts is None:
            self._facts = _Facts(self.universe, self.more_bonds)
        facts = self._facts
        ts = self.universe.trajectory[frame]
        data.attributes["SourceFrame"] = frame
        data.attributes["SourceFile"] = trajectory_name(self.universe)
        data.attributes["Time"] = float(ts.time)
        if "step" in ts.data:
            data.attributes["Timestep"] = int(ts.data["step"])
        cell = (
            np.asarray(ts.triclinic_dimensions, dtype=np.float64)
            if ts.dimensions is not None
            else None
        )
        position = ts.positions.astype(np.float64)
        if cell is not None:
            along = position @ np.linalg.inv(cell)
            position = (along - np.floor(along)) @ cell
            data.create_cell(
                np.column_stack([cell.T, np.zeros(3)]),
                pbc=(True, True, True),
                vis_params={"line_width": 0.06, "rendering_color": (0.6, 0.6, 0.6)},
            )
        particles = data.create_particles(count=len(position))
        particles.create_property("Position", data=position)
        particles.create_property("Particle Identifier", data=facts.ids)
        kinds = particles.create_property("Particle Type", data=facts.kind)
        if len(kinds.types) == 0:  # `data` may hold the types of the frame before
            for one in facts.types:
                kinds.types.append(one)
        if len(facts.bonds):
            bonds = particles.create_bonds(
                count=len(facts.bonds), vis_params={"width": self.bond_width}
            )
            bonds.create_property("Topology", data=facts.bonds)
            if cell is not None:
                apart = along - np.floor(along)
                apart = apart[facts.bonds[:, 1]] - apart[facts.bonds[:, 0]]
                image = -np.rint(apart).astype(np.int32)
                bonds.create_property("Periodic Image", data=image)


class _Facts:
    """Properties that are the same in every frame."""

    def __init__(self, universe: Any, more_bonds: np.ndarray | None) -> None:
        self.ids = atom_ids(universe)
        bonds = universe.bonds.indices if hasattr(universe, "bonds") else np.empty((0, 2))
        more = np.empty((0, 2)) if more_bonds is None else more_bonds
        self.bonds = np.concatenate([bonds, more]).astype(np.int64)
        names, code = atom_kinds(universe)
        self.kind = (code + 1).astype(np.int32)
        self.types = []
        for number, name in enumerate(names, start=1):
            one = ParticleType(id=number, name=str(name))
            one.load_defaults()
            self.types.append(one)
