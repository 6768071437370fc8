"""Session file of OVITO: a dump with the modifiers and the legend, as one finds them set up."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from ovito_modifiers.archive import CHECKSUM, checksum_of

from ..lib.errors import InputError
from ..lib.files import write_atomically
from ..results.states_file import write_archive
from .dump import step_of
from .opened import ENDING, Opened
from .presets import preset_of
from .scene import DIRECTION, chosen_events, frame_cell, require_ovito

#: Picture that the cell fills, pixels; those of other shapes show it smaller.
SIZE = (960, 720)


def write_session(opened: Opened, dump: Path) -> list[Path]:
    """Write ``NAME.ovito`` beside a dump, with the states file it needs and all events of change.

    OVITO Pro and the Python package open it, with the modifiers of this package installed.

    Parameters
    ----------
    opened : Opened
    dump : pathlib.Path
        Written by `write_dump`.

    Returns
    -------
    list of pathlib.Path
        Session and states file.
    """
    require_ovito()
    import ovito
    from ovito.io import import_file
    from ovito.modifiers import WrapPeriodicImagesModifier
    from ovito.vis import PythonViewportOverlay, Viewport

    from ovito_modifiers import ColorByEvent, EventLegend, HopArrows, ShellBonds

    states = dump.with_name(f"{dump.stem}{ENDING}").absolute()
    _write_states(opened, states)
    preset = preset_of(opened.states)
    names = ", ".join(chosen_events(opened.states, None))
    # a dump of every nth frame numbers its frames in another way, its steps are those of the states
    path = {"events_file": str(states), "match": "timestep"}
    pipeline = import_file(str(dump.absolute()))
    modifiers = [
        ColorByEvent(
            events=names,
            bulk=preset.bulk,
            bulk_size=preset.bulk_size,
            shown_size=preset.shown_size,
            neutral_size=preset.neutral_size,
            **path,
        ),
        HopArrows(events=names, minimum_length=preset.minimum_length, from_surface=True, **path),
    ]
    if opened.states.shell is not None:
        modifiers.insert(1, ShellBonds(events=names, **path))
    # ions of unwrapped trajectories are far from the cell
    for one in (WrapPeriodicImagesModifier(), *modifiers):
        pipeline.modifiers.append(one)
    viewport = ovito.scene.viewports.active_vp  # only those of the window are in a session
    viewport.type, viewport.camera_dir = Viewport.Type.Perspective, DIRECTION
    legend = EventLegend(names=names, elements=True, font_size=0.028, **path)
    layer = PythonViewportOverlay(delegate=legend)
    viewport.overlays.append(layer)
    others = list(ovito.scene.pipelines)
    for one in others:
        one.remove_from_scene()
    pipeline.add_to_scene()
    try:
        frame_cell(viewport, pipeline.compute(0), legend, DIRECTION, SIZE)
        session = dump.with_suffix(".ovito")
        write_atomically(session, lambda name: ovito.scene.save(name))
    finally:
        pipeline.remove_from_scene()
        viewport.overlays.remove(layer)
        for one in others:
            one.add_to_scene()
    return [session, states]


def _write_states(opened: Opened, path: Path) -> None:
    """Copy a states file; steps that it does not know become those that a dump has."""
    step, frame = opened.states.step, opened.states.frame
    if len(step) and step[0] >= 0 and np.all(np.diff(step) > 0):
        if not (path.exists() and path.samefile(opened.path)):
            write_atomically(path, lambda name: shutil.copyfile(opened.path, name))
        return
    trajectory = opened.universe.trajectory
    found = np.array([step_of(trajectory[int(k)]) for k in frame], dtype=np.int64)
    if np.any(np.diff(found) <= 0):
        raise InputError(
            "the engine's steps in this trajectory do not increase, by which a session finds the "
            "events of a frame; export every frame and match by 'source frame' in OVITO"
        )
    with np.load(opened.path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name != CHECKSUM} | {"step": found}
    arrays[CHECKSUM] = checksum_of(arrays)
    write_atomically(path, lambda name: write_archive(name, arrays))
