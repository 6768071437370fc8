"""OVITO scene for images and for the window: trajectory, modifiers, legend and camera."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ovito_modifiers import read_states
from ovito_modifiers.states import StatesFile

from ..lib.checks import shown
from ..lib.errors import InputError
from ..lib.whole_frames import whole_frames
from .camera import fit_camera
from .framework import framework_bonds
from .presets import Preset, preset_of

#: Labels without a change, or without meaning for one ion: shown only on request.
QUIET = ("no_hop", "vehicular", "vibration", "all")
DIRECTION = (-1.0, -2.2, -0.75)


@dataclass(frozen=True)
class Scene:
    """OVITO's pipeline and viewport, the modifiers, and the states they show."""

    pipeline: Any
    viewport: Any
    color: Any
    arrows: Any
    bonds: Any
    legend: Any
    states: StatesFile
    universe: Any
    preset: Preset
    direction: tuple[float, ...]


def require_ovito(extra: str = "ovito") -> None:
    """
    Raises
    ------
    InputError
        Where OVITO cannot be imported, with the command that installs it.
    """
    try:
        import ovito  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"this needs OVITO, which cannot be imported ({error}); install it with "
            f"pip install 'mda-ionmech[{extra}]'"
        ) from error


def chosen_events(states: StatesFile, events: str | Sequence[str] | None) -> list[str]:
    """The events to show: the named ones, else all that occur and mean a change.

    Raises
    ------
    InputError
        For a name that is not in the file.
    """
    if events is None:
        happened = {int(k) for k in np.unique(states.event)}
        found = [n for k, n in enumerate(states.event_names) if k in happened]
        return [n for n in found if n not in QUIET] or found
    names = events.replace(",", " ").split() if isinstance(events, str) else list(events)
    unknown = [n for n in names if n not in states.event_names]
    if unknown or not names:
        what = f"{unknown[0]!r} is no event of this file" if unknown else "events names none"
        raise InputError(f"{what}; it has {', '.join(states.event_names)}")
    return names


def open_states_file(path: str | os.PathLike[str]) -> StatesFile:
    """Read a states file; problems raise InputError."""
    try:
        return read_states(path)
    except ValueError as error:
        raise InputError(str(error)) from error


def build_scene(
    universe: Any,
    states_file: str | os.PathLike[str],
    *,
    events: str | Sequence[str] | None = None,
    color_by: str = "events",
    arrows: bool = True,
    bulk: str | None = None,
    trail: int = 0,
    preset: str = "auto",
    direction: Sequence[float] = DIRECTION,
) -> Scene:
    """A pipeline with the modifiers, a viewport with the legend, both added to OVITO's scene.

    Parameters
    ----------
    universe : Universe
        The trajectory that was analysed.
    states_file : path-like
        Written by ``save_states``.
    events : str or sequence of str, optional
        Default: all events that mean a change.
    color_by : {"events", "macrostates"}
    arrows : bool
        Draw the displacements of the chosen events, and lines in concerted clusters.
    bulk : {"dim", "pale", "hide", "keep"}, optional
        How particles that are not analysed ions are shown; default that of the preset.
    trail : int
        Number of analysed frames for which the colour of an event is kept.
    preset : {"auto", "liquid", "crystal", "polymer"}
        Sizes, bonds and polyhedra; ``auto``: by the events of the run.
    direction : sequence of float
        Viewing direction of the camera.

    Raises
    ------
    InputError
        Without OVITO, or if trajectory and states file do not belong together.
    """
    require_ovito()
    from ovito.pipeline import Pipeline, PythonSource
    from ovito.vis import PythonViewportOverlay, Viewport

    from ovito_modifiers import (
        ColorByEvent,
        ColorByMacrostate,
        EventLegend,
        HopArrows,
        ShellBonds,
    )

    from .source import UniverseSource

    states = open_states_file(states_file)
    check_universe(universe, states)
    path = str(Path(states_file).resolve())
    names = chosen_events(states, events)
    if color_by not in ("events", "macrostates"):
        raise InputError(f"color_by must be 'events' or 'macrostates', got {shown(color_by)}")
    style = preset_of(states, preset)
    style = style if bulk is None else replace(style, bulk=bulk)
    if style.bulk not in ("dim", "pale", "hide", "keep"):
        raise InputError(f"bulk must be 'dim', 'pale', 'hide' or 'keep', got {shown(bulk)}")
    if trail < 0:
        raise InputError(f"trail must be a number of analysed frames, 0 or more, got {trail}")
    if color_by == "macrostates" and not states.macrostate_names:
        raise InputError(
            f"{states_file} holds no macrostates; give a species a macrostate rule and run again, "
            "or color by events"
        )
    centres: list[str] = []
    source = UniverseSource(universe=universe, bond_width=style.bond_width)
    if style.polyhedra and style.bulk != "hide":
        source.more_bonds, centres = framework_bonds(universe, states.atom_index)
    pipeline = Pipeline(source=PythonSource(delegate=source))
    if centres:
        add_polyhedra(pipeline, centres)
    common = {"events_file": path, "match": "source frame"}
    sizes = {
        "bulk": style.bulk,
        "bulk_size": style.bulk_size,
        "neutral_size": style.neutral_size,
        "shown_size": style.shown_size,
    }
    if color_by == "events":
        color = ColorByEvent(events=", ".join(names), trail=trail, **common, **sizes)
    else:
        color = ColorByMacrostate(**common, **sizes)
    pipeline.modifiers.append(color)
    bonds = ShellBonds(events=", ".join(names), **common)
    if style.shells and states.shell is not None and style.bulk != "hide":
        pipeline.modifiers.append(bonds)
    hops = HopArrows(
        events=", ".join(names),
        minimum_length=style.minimum_length,
        from_surface=True,
        **common,
    )
    hops.arrow_vis.width = style.arrow_width
    if arrows:
        pipeline.modifiers.append(hops)
    pipeline.add_to_scene()
    viewport = Viewport(type=Viewport.Type.Perspective, camera_dir=tuple(direction))
    legend = EventLegend(labels=color_by, elements=True, font_size=0.028, **common)
    if color_by == "events":
        legend.names = ", ".join(names)
    viewport.overlays.append(PythonViewportOverlay(delegate=legend))
    return Scene(
        pipeline, viewport, color, hops, bonds, legend, states, universe, style, tuple(direction)
    )


def add_polyhedra(pipeline: Any, elements: Sequence[str]) -> None:
    """Translucent polyhedra around the particles of these elements, spanned by their bonds."""
    from ovito.modifiers import (
        ClearSelectionModifier,
        CoordinationPolyhedraModifier,
        SelectTypeModifier,
    )

    pipeline.modifiers.append(SelectTypeModifier(property="Particle Type", types=set(elements)))
    polyhedra = CoordinationPolyhedraModifier()
    polyhedra.vis.surface_transparency = 0.75
    polyhedra.vis.surface_color = (0.55, 0.65, 0.75)
    polyhedra.vis.highlight_edges = True
    pipeline.modifiers.append(polyhedra)
    pipeline.modifiers.append(ClearSelectionModifier())


def frame_scene(scene: Scene, size: tuple[int, int], frame: int = 0) -> None:
    """Let the cell fill a picture of this size beside the legend."""
    data = scene.pipeline.compute(frame)
    frame_cell(scene.viewport, data, scene.legend, scene.direction, size)


def frame_cell(
    viewport: Any, data: Any, legend: Any, direction: Sequence[float], size: tuple[int, int]
) -> None:
    """Let a cell fill a picture beside a legend; all there is where there is no cell.

    Parameters
    ----------
    viewport : ovito.vis.Viewport
    data : ovito.data.DataCollection
        Of the frame.
    legend : EventLegend
    direction : sequence of float
        Of the view.
    size : tuple of int
        Pixels.
    """
    if data.cell is None:
        viewport.zoom_all(size)
        return
    cell = np.asarray(data.cell)
    corner = np.array(list(product((0, 1), repeat=3))) @ cell[:, :3].T + cell[:, 3]
    fit_camera(viewport, corner, direction, size, legend_size(legend, size, data))


def legend_size(legend: Any, size: tuple[int, int], data: Any) -> tuple[float, float]:
    """About the parts of the width and of the height of a picture that its legend takes."""
    columns = legend.columns(data)
    letters = sum(max(len(text) for text, _ in column) for column in columns)
    line = float(legend.font_size)
    width = (0.58 * letters + 0.7 * len(columns) + 0.4) * line * size[1] / size[0]
    height = 1.5 * line * (len(columns[0]) + (3 if legend.elements else 0)) + line
    return min(width + legend.margin, 0.6), min(height + legend.margin, 0.6)


def close_scene(scene: Scene) -> None:
    """Remove a scene's pipeline from OVITO's scene, of which there is one per process."""
    scene.pipeline.remove_from_scene()


def check_universe(universe: Any, states: StatesFile) -> None:
    """
    Raises
    ------
    InputError
        If a trajectory is not the one a states file is about.
    """
    n = universe.atoms.n_atoms
    if n != states.n_atoms:
        raise InputError(
            f"the topology has {n} atoms, but {states.n_atoms} were analysed ({states.source}); "
            "give the topology and the trajectory of the analysis"
        )
    if universe.trajectory.n_frames <= int(states.frame[-1]):
        raise InputError(
            f"the trajectory has {universe.trajectory.n_frames} frames, but frames up to "
            f"{states.frame[-1]} were analysed ({states.source}); give all trajectory files of "
            "the analysis, in order"
        )


def telling_rows(states: StatesFile, events: Sequence[str], n: int) -> list[int]:
    """Up to `n` rows with most of the chosen events, at least one window apart, in order."""
    codes = [states.event_names.index(name) for name in events]
    counts = np.isin(states.event, codes).sum(axis=1)
    apart = max(window_rows(states), 1)
    rows: list[int] = []
    for row in np.argsort(-counts, kind="stable"):
        if counts[row] == 0 or len(rows) == n:
            break
        if all(abs(int(row) - r) >= apart for r in rows):
            rows.append(int(row))
    return sorted(rows)


def first_frame(states: StatesFile, events: Sequence[str]) -> int:
    """Number of the first frame with one of some events; 0 where there is none.

    Persistence leaves the first frames of many runs without changes of the shell.
    """
    codes = [states.event_names.index(name) for name in events]
    rows = np.flatnonzero(np.isin(states.event, codes).any(axis=1))
    return int(states.frame[rows[0]]) if len(rows) else 0


def window_rows(states: Any) -> int:
    """Number of analysed frames in a window."""
    if len(states.time_ps) < 2:
        return 1
    return whole_frames(states.window_ps, float(states.time_ps[1] - states.time_ps[0]))
