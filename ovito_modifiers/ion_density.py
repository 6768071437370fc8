"""Number density of ions with chosen events, averaged over the trajectory, on a voxel grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import traits.api
from ovito.data import DataCollection
from ovito.pipeline import ModifierInterface

from . import shared

#: Most voxels of the grid.
LARGEST = 20_000_000


class IonDensity(ModifierInterface):
    """Adds the voxel grid `ion-density`; *Create isosurface* draws sites and pathways from it.

    The property `Density` is the number of ions per cubic Angstrom, its sum times the volume of a
    voxel the mean number of ions.
    """

    events_file = shared.events_file_parameter()
    events = shared.names_parameter("Events")
    every = traits.api.Range(
        low=1,
        high=None,
        value=10,
        label="Every nth frame",
        desc="Frames of the trajectory that are averaged.",
    )
    spacing = traits.api.Range(
        low=0.05,
        high=None,
        value=0.4,
        label="Voxel (Å)",
        desc="Longest edge of a voxel.",
    )
    match = shared.match_parameter()
    _cache = shared.cache_parameter()
    _ = traits.api.Disallow

    def modify(
        self, data: DataCollection, *, input_slots: Any, **kwargs: Any
    ) -> Iterator[float | str]:
        """Add the grid to one frame; called by OVITO."""
        if data.cell is None or not all(data.cell.pbc):
            raise ValueError("a density needs a cell that is periodic in all directions")
        opened = shared.open_states(self.events_file, data)
        edges = np.linalg.norm(np.asarray(data.cell)[:, :3], axis=0)
        shape = tuple(int(n) for n in np.maximum(np.ceil(edges / self.spacing), 1))
        if np.prod(shape) > LARGEST:
            raise ValueError(
                f"Voxel (spacing) {self.spacing:g} makes {np.prod(shape)} voxels, more than "
                f"{LARGEST}; enlarge it"
            )
        self._cache = self._cache or {}
        upstream = input_slots["upstream"]
        key = (opened.stamp, self.events, self.every, shape, self.match, upstream.num_frames)
        if self._cache.get("density key") != key:
            count = np.zeros(shape)
            frames = range(0, upstream.num_frames, self.every)
            used = 0
            for frame in frames:
                used += self._add(opened, upstream.compute(frame), count)
                yield frame / upstream.num_frames
            if used == 0:
                raise ValueError(
                    f"none of the {len(frames)} frames was analysed; load the trajectory that was "
                    f"analysed ({opened.states.source}), or lower Every nth frame (every)"
                )
            self._cache.update({"density key": key, "density": count / used, "frames": used})
        density = self._cache["density"]
        volume = abs(np.linalg.det(np.asarray(data.cell)[:, :3])) / density.size
        grid = data.grids.create(
            identifier="ion-density",
            title="Ion density",
            domain=data.cell,
            shape=shape,
            vis_params={"enabled": False},
        )
        grid.create_property("Density", data=density.ravel(order="F") / volume)
        data.attributes["IonDensity.Frames"] = self._cache["frames"]
        data.attributes["IonDensity.Ions"] = float(density.sum())

    def _add(self, opened: shared.Opened, data: DataCollection, count: np.ndarray) -> int:
        """Add the ions of a frame to the grid; 1 for a frame that was analysed, else 0."""
        states, labels = opened.states, opened.events
        chosen = shared.choose(labels, self.events, "Events (events)")
        moment = shared.find_moment(opened, data, self.match)
        if moment.row < 0 or np.all(labels.code[moment.row] < 0):
            return 0
        atoms = shared.find_atoms(opened, data, self._cache)
        meant = chosen[labels.code[moment.row]][states.carrier_of_atom]
        cell = np.asarray(data.cell)
        place = np.asarray(data.particles.positions)[atoms[meant]] - cell[:, 3]
        along = place @ np.linalg.inv(cell[:, :3]).T
        voxel = ((along - np.floor(along)) * count.shape).astype(np.int64)
        np.add.at(count, tuple(np.minimum(voxel, np.array(count.shape) - 1).T), 1)
        return 1
