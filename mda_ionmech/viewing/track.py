"""The chosen ion of the window: its track, a mark around it, and bonds to its shell."""

from __future__ import annotations

from typing import Any

import numpy as np
import traits.api
from ovito.data import DataCollection
from ovito.pipeline import ModifierInterface
from ovito.traits import OvitoObject
from ovito.vis import LinesVis

from ovito_modifiers.states import StatesFile

from .camera import axes_of, projected
from .hops import members_at, shortest

#: Farthest an ion may be from a click, pixels.
REACH = 14


class IonTrack(ModifierInterface):
    """Track of a chosen ion some frames back and ahead, and bonds to the atoms of its shell."""

    universe = traits.api.Any(None, transient=True)
    states = traits.api.Any(None, transient=True)
    anions = traits.api.Any(None, transient=True)
    carrier = traits.api.Int(-1)
    frames = traits.api.Range(
        low=0,
        high=None,
        value=30,
        label="Track (frames)",
        desc="Frames before and after the present one whose positions are joined.",
    )
    line_vis = OvitoObject(LinesVis, title="Track", width=0.16)
    shell_vis = OvitoObject(LinesVis, title="Shell", width=0.14)
    _ = traits.api.Disallow

    def modify(self, data: DataCollection, **kwargs: Any) -> None:
        """Called by OVITO."""
        if self.carrier < 0:
            return
        states: StatesFile = self.states
        frame = int(data.attributes["SourceFrame"])
        atom = int(states.atom_index[states.carrier_of_atom == self.carrier][0])
        path, here = self._path(atom, frame)
        place = np.asarray(data.particles.positions)
        path += place[atom] - path[here]
        lines = data.lines.create(identifier="ion-track", title="Track", vis=self.line_vis)
        shades = []
        for part, shade in ((path[: here + 1], 0.0), (path[here:], 0.65)):
            if len(part) > 1:
                lines.create_line(part)
                shades += [shade] * len(part)
        if shades:
            lines.create_property("Color", data=np.repeat(np.array(shades)[:, None], 3, axis=1))
        self._add_shell(data, atom, frame)

    def _path(self, atom: int, frame: int) -> tuple[np.ndarray, int]:
        """Continuous positions around a frame, and which of them is that of the frame."""
        last = self.universe.trajectory.n_frames - 1
        first = max(frame - self.frames, 0)
        path: list[np.ndarray] = []
        for k in range(first, min(frame + self.frames, last) + 1):
            ts = self.universe.trajectory[k]
            here = ts.positions[atom].astype(np.float64)
            path.append(path[-1] + shortest(here - path[-1], ts) if path else here)
        return np.array(path), frame - first

    def _add_shell(self, data: DataCollection, atom: int, frame: int) -> None:
        states: StatesFile = self.states
        row = int(np.searchsorted(states.frame, frame, side="right")) - 1
        ts = self.universe.trajectory[frame]
        members = members_at(states, max(row, 0), self.carrier, ts, atom, self.anions)
        place = np.asarray(data.particles.positions)
        apart = shortest(place[members] - place[atom], ts)
        lines = data.lines.create(identifier="ion-shell", title="Shell", vis=self.shell_vis)
        for away in apart:
            lines.create_line(np.array([place[atom], place[atom] + away]))
        if len(members):
            lines.create_property("Color", data=np.tile((0.85, 0.1, 0.5), (lines.count, 1)))
        data.attributes["IonTrack.Shell"] = len(members)


def pick_ion(
    data: DataCollection,
    states: StatesFile,
    viewport: Any,
    place: tuple[float, float],
    size: tuple[int, int],
) -> int | None:
    """Carrier under a place in the picture, the nearest to the camera of those that are hit.

    Parameters
    ----------
    data : DataCollection
    states : StatesFile
    viewport : ovito.vis.Viewport
        With perspective, z up.
    place : tuple of float
        Pixels from the left and from the top.
    size : tuple of int
        Of the picture, pixels.
    """
    axes = axes_of(viewport.camera_dir)
    camera = np.asarray(viewport.camera_pos)
    slope = np.tan(viewport.fov / 2) * np.array([size[0] / size[1], 1.0])
    positions = np.asarray(data.particles.positions)[states.atom_index]
    depth = (positions - camera) @ axes[2]
    seen = projected(positions, camera, axes, slope)
    at = (seen * [1, -1] + 1) / 2 * np.array(size)
    away = np.linalg.norm(at - np.array(place), axis=1)
    radius = np.zeros(len(away))
    if "Radius" in data.particles:
        of_atom = np.asarray(data.particles["Radius"])[states.atom_index]
        radius = of_atom / np.maximum(depth, 1e-9) / slope[1] * size[1] / 2
    hit = np.flatnonzero((away <= np.maximum(radius, REACH)) & (depth > 0))
    if len(hit) == 0:
        return None
    inside = hit[away[hit] <= radius[hit]]
    best = inside[np.argmin(depth[inside])] if len(inside) else hit[np.argmin(away[hit])]
    return int(states.carrier_of_atom[best])
