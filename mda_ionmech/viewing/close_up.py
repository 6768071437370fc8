"""Pictures of one hop: the ion, its path, its partners, and the ligands that change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import traits.api
from ovito.data import DataCollection
from ovito.pipeline import ModifierInterface, Pipeline, PythonSource
from ovito.qt_compat import QtGui
from ovito.traits import OvitoObject
from ovito.vis import (
    LinesVis,
    PythonViewportOverlay,
    VectorVis,
    Viewport,
    ViewportOverlayInterface,
)
from PIL import Image

from ovito_modifiers.shared import PALE, hex_to_rgb
from ovito_modifiers.shell_bonds import add_bonds

from ..lib.files import write_atomically
from ..lib.temporary import temporary_folder
from .camera import axes_of, camera_for
from .framework import framework_bonds
from .hops import Hop
from .render import render_image, save_gif
from .scene import add_polyhedra
from .source import UniverseSource

#: Colours of contacts.
CONTACTS = {"stays": "#737373", "leaves": "#E69F00", "arrives": "#56B4E9", "passes": "#BBBBBB"}
#: Radius around the path in which atoms are shown, Angstrom; sizes as parts of the usual radii.
RADIUS, ION, LIGAND, REST = 5.0, 0.45, 0.3, 0.2
NEUTRAL = (0.62, 0.62, 0.62)
PER_SECOND = 6.0
#: Left and right of a caption, as part of the width of the picture.
MARGIN = 0.02

Line = list[tuple[str, str | None]]


class CloseUp(ModifierInterface):
    """Keeps the surroundings of a hop, around it unwrapped, and adds path and contacts."""

    hop = traits.api.Any(None, transient=True)
    shown = traits.api.Any(None, transient=True)
    ligands = traits.api.Any(None, transient=True)
    others = traits.api.Any(None, transient=True)
    line_vis = OvitoObject(LinesVis, title="Path", width=0.22)
    arrow_vis = OvitoObject(VectorVis, title="Displacement", width=0.25, flat_shading=False)
    _ = traits.api.Disallow

    def modify(self, data: DataCollection, *, frame: int, **kwargs: Any) -> None:
        """Called by OVITO."""
        hop: Hop = self.hop
        particles, middle = data.particles_, middle_of(hop)
        place = np.array(particles.positions)
        if data.cell is not None:
            cell = np.asarray(data.cell)[:, :3]
            along = (place - middle) @ np.linalg.inv(cell).T
            place = middle + (along - np.rint(along)) @ cell.T
        particles.positions_[...] = place
        if particles.bonds is not None and "Periodic Image" in particles.bonds:
            ends = place[np.asarray(particles.bonds.topology)]
            along = (ends[:, 1] - ends[:, 0]) @ np.linalg.inv(cell).T
            particles.bonds_["Periodic Image_"][...] = -np.rint(along).astype(np.int32)
        step = int(np.clip(frame - hop.frames[0], 0, len(hop.frames) - 1))
        self._paint(particles, step)
        members = hop.members[step]
        colors = hex_to_rgb(tuple(CONTACTS[hop.is_of(int(a))] for a in members))
        pairs = np.column_stack([np.full(len(members), hop.atoms[0]), members])
        add_bonds(data, pairs, colors)
        self._add_path(data, step)
        near = distance_to_path(place, hop) < RADIUS
        particles.delete_elements(~(near & self.shown))

    def _paint(self, particles: Any, step: int) -> None:
        hop: Hop = self.hop
        color = np.array(particles.create_property("Color"))
        radius = np.zeros(particles.count)
        kinds = np.asarray(particles.particle_types)
        for one in particles.particle_types.types:
            radius[kinds == one.id] = one.radius or particles.vis.radius
        radius *= np.where(self.ligands, LIGAND, REST)
        color[~self.ligands] = PALE * color[~self.ligands] + (1 - PALE)
        color[self.others], radius[self.others] = NEUTRAL, radius[self.others] * ION / LIGAND
        radius[hop.atoms] *= LIGAND / REST
        color[hop.atoms] = hex_to_rgb((hop.color,))
        particles.create_property("Color", data=color)
        particles.create_property("Radius", data=radius)

    def _add_path(self, data: DataCollection, step: int) -> None:
        hop: Hop = self.hop
        color = hex_to_rgb((hop.color,))[0]
        lines = data.lines.create(identifier="path", title="Path", vis=self.line_vis)
        for ion in range(len(hop.atoms)):
            if step:
                lines.create_line(hop.path[: step + 1, ion])
        if step:
            lines.create_property("Color", data=np.tile(0.6 * color + 0.4, (lines.count, 1)))
        if step < len(hop.frames) - 1:
            arrows = data.vectors.create(
                identifier="displacement", vis=self.arrow_vis, count=len(hop.atoms)
            )
            arrows.create_property("Position", data=hop.path[step])
            arrows.create_property("Direction", data=hop.path[-1] - hop.path[step])
            arrows.create_property("Color", data=np.tile(color, (len(hop.atoms), 1)))


class Caption(ViewportOverlayInterface):
    """Lines of text in the upper left corner, each with a colour."""

    lines = traits.api.Any(None, transient=True)
    font_size = traits.api.Float(0.034)

    def render(
        self, canvas: ViewportOverlayInterface.Canvas, *, data: DataCollection, **kwargs: Any
    ) -> None:
        """Called by OVITO."""

        def width(text: str, size: float) -> float:
            return float(canvas.text_bounds(text, font_size=size)[1][0])

        size = self.font_size
        lines = [part for words in self.lines(data) for part in wrapped(words, width, size)]
        for k, words in enumerate(lines):
            at, top = MARGIN, 0.98 - 1.5 * k * size
            # what has no space to break at is written smaller
            whole = width(" ".join(text for text, _ in words), size)
            here = size * min(1.0, (1 - 2 * MARGIN) / max(whole, 1e-6))
            for text, color in words:
                if color is None:
                    continue
                _pale(canvas, (at, top), (width(text + " ", here), 1.5 * size))
                canvas.draw_text(
                    text,
                    pos=(at, top),
                    font_size=here,
                    anchor="north west",
                    color=tuple(float(c) for c in hex_to_rgb((color,))[0]),
                    outline_width=2.0,
                    outline_color=(1, 1, 1),
                )
                at += width(text + " ", here) + 0.2 * here


def _pale(
    canvas: ViewportOverlayInterface.Canvas, corner: tuple[float, float], size: tuple[float, float]
) -> None:
    """Let the picture fade behind a text, whose upper left corner and size these are."""
    image = QtGui.QImage(4, 4, canvas.preferred_qimage_format)
    image.fill(QtGui.QColor.fromRgbF(1.0, 1.0, 1.0, 0.8))
    canvas.draw_image(image, pos=corner, size=size, anchor="north west")


def wrapped(words: Line, width: Callable[[str, float], float], size: float) -> list[Line]:
    """A line of one text broken at spaces where it is wider than the picture; others as they are.

    Parameters
    ----------
    words : list of tuple
        Texts and their colours; None: the place is kept free.
    width : callable
        Of a text in a font size, as part of the width of the picture.
    size : float
        Of the font.
    """
    if len(words) != 1 or not words[0][0]:
        return [words]
    text, color = words[0]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, size) > 1 - 2 * MARGIN:
            lines.append(word)
        else:
            lines[-1] = longer
    return [[(one, color)] for one in lines]


def middle_of(hop: Hop) -> np.ndarray:
    """Middle between the ends of the path of the chosen ion."""
    return np.asarray(hop.path[[0, -1], 0].mean(axis=0))


def distance_to_path(place: np.ndarray, hop: Hop) -> np.ndarray:
    """Distance of every atom to the nearest point of the path, shape (atoms,), Angstrom."""
    points = hop.path[:, 0][:: max(len(hop.path) // 8, 1)]
    apart = place[:, None] - np.concatenate([points, hop.path[-1:, 0]])[None]
    return np.asarray(np.linalg.norm(apart, axis=-1).min(axis=1))


def molecules_of_ligands(universe: Any, hop: Hop) -> np.ndarray:
    """Whether an atom is in a molecule whose atoms touch the ion, shape (atoms,), bool."""
    found = np.zeros(universe.atoms.n_atoms, dtype=bool)
    ligands = universe.atoms[np.unique(np.concatenate(hop.members)).astype(np.int64)]
    found[ligands.ix] = True
    if has_bonds(universe):
        for molecule in ligands.fragments:
            found[molecule.ix] = True
    return found


def has_bonds(universe: Any) -> bool:
    """Whether the topology holds bonds."""
    return hasattr(universe, "bonds") and len(universe.bonds) > 0


def draw_hop(
    universe: Any,
    hop: Hop,
    carriers: np.ndarray,
    folder: Path,
    name: str,
    *,
    size: tuple[int, int],
    renderer: Any,
    animate: int = 0,
) -> list[Path]:
    """Three pictures of a hop side by side, before, on the way and after, and a GIF.

    Parameters
    ----------
    universe : Universe
    hop : Hop
    carriers : numpy.ndarray
        Indices of all ions of a single atom.
    folder, name : Path, str
        Files are ``NAME-hop-N.png`` and ``NAME-hop-N.gif``.
    size : tuple of int
        Of the whole picture, pixels.
    renderer : object
        See `make_renderer`.
    animate : int
        Most frames in the GIF; 0 makes none.

    Returns
    -------
    list of Path
    """
    scene = _Scene(universe, hop, carriers)
    try:
        n = len(hop.frames)
        steps = sorted({0, n // 2, n - 1})  # a window of one frame has none between
        width = size[0] // len(steps)
        whole = Image.new("RGB", (len(steps) * width, size[1]), "white")
        scene.look((width, size[1]))
        for k, picture in enumerate(scene.pictures(steps, (width, size[1]), renderer)):
            whole.paste(picture, (k * width, 0))
        path = folder / f"{name}-hop-{hop.number}.png"
        written = [write_atomically(path, lambda file: whole.save(file, format="PNG"))]
        if animate > 0:
            steps = np.unique(np.linspace(0, n - 1, min(animate, n)).round().astype(int)).tolist()
            scene.look(size)
            shown = scene.pictures(steps, size, renderer)
            colors = [hop.color, *CONTACTS.values()]
            written.append(save_gif(shown, path.with_suffix(".gif"), colors, PER_SECOND))
        return written
    finally:
        scene.pipeline.remove_from_scene()


class _Scene:
    """Pipeline and viewport of a close-up."""

    def __init__(self, universe: Any, hop: Hop, carriers: np.ndarray) -> None:
        self.hop, self.times = hop, [0.0]
        source = UniverseSource(universe=universe, bond_width=0.18)
        centres: list[str] = []
        if not has_bonds(universe):
            source.more_bonds, centres = framework_bonds(universe, carriers)
        self.pipeline = Pipeline(source=PythonSource(delegate=source))
        ligands = molecules_of_ligands(universe, hop)
        others = np.zeros_like(ligands)
        others[carriers] = True
        shown = ligands | others if has_bonds(universe) else np.ones_like(ligands)
        self.close_up = CloseUp(hop=hop, shown=shown, ligands=ligands, others=others)
        self.pipeline.modifiers.append(self.close_up)
        if centres:
            add_polyhedra(self.pipeline, centres)
        self.pipeline.add_to_scene()
        ts = universe.trajectory[int(hop.frames[0])]
        self.start = float(ts.time)
        self.viewport = Viewport(type=Viewport.Type.Perspective)
        self.viewport.overlays.append(PythonViewportOverlay(delegate=Caption(lines=self._lines)))
        data = self.pipeline.compute(int(hop.frames[0]))
        if data.cell is not None:
            data.cell.vis.enabled = False

    def _lines(self, data: DataCollection) -> list[Line]:
        later = float(data.attributes["Time"]) - self.start
        present = {self.hop.is_of(int(a)) for one in self.hop.members for a in one}
        contacts: Line = [
            word for name, color in CONTACTS.items() if name in present
            for word in (("━", color), (name, "#000000"))
        ]  # fmt: skip
        # beside the first picture the place is kept, so that times stand at one height
        color = None if later > 0 and not self.wide else "#000000"
        lines: list[Line] = [[(text, color)] for text in self.hop.text]
        return [*lines, [(f"{later:+.2f} ps", "#000000")], contacts]

    wide = False

    def look(self, size: tuple[int, int]) -> None:
        """Look at the hop from the side, so that its path goes across the picture."""
        self.wide = size[0] > size[1]
        path = self.hop.path[:, 0]
        moved = path[-1] - path[0]
        side = np.cross(moved, [0.0, 0.0, 1.0])
        if np.linalg.norm(side) < 1e-6:
            side = np.array([0.0, -1.0, 0.0])
        direction = side / np.linalg.norm(side) + np.array([0.0, 0.0, -0.3])
        axes = axes_of(direction)
        reach = 0.7 * RADIUS
        points = np.concatenate([path + sign * reach * axis for axis in axes for sign in (-1, 1)])
        fov, aspect = float(self.viewport.fov), size[0] / size[1]
        self.viewport.camera_dir = tuple(direction)
        self.viewport.camera_pos = tuple(camera_for(points, direction, fov, aspect, top=0.2)[0])

    def pictures(self, steps: list[int], size: tuple[int, int], renderer: Any) -> list[Image.Image]:
        """Pictures of some frames of the hop."""
        out = []
        with temporary_folder() as folder:
            for step in steps:
                path = Path(folder) / "one.png"
                frame = int(self.hop.frames[step])
                render_image(self, frame, path, size, renderer)
                with Image.open(path) as image:
                    out.append(image.convert("RGB"))
        return out
