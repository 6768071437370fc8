"""Commands that visualise events: render, view, export."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..lib.errors import InputError
from ..lib.plain_text import in_shell
from .options import (
    Arrows,
    AtomStyle,
    Bulk,
    ColorBy,
    ConfigFile,
    DatasetName,
    EventNames,
    PresetName,
    ResultOrStates,
    TopologyFile,
    TopologyFormat,
    Trail,
    TrajectoryFiles,
    console_of,
    list_written,
    make_folder,
    quiet_readers,
)


def _given_trajectory(
    topology: Path | None,
    trajectory: list[Path] | None,
    config: Path | None,
    dataset: str | None,
    topology_format: str | None,
    atom_style: str | None,
) -> Callable[[], Any] | None:
    """A function that opens the trajectory given by the options; None where none is given."""
    from .. import datasets
    from .config import load_config, open_universe

    quiet_readers()
    ways = [topology is not None or bool(trajectory), config is not None, dataset is not None]
    if sum(ways) == 0:
        return None
    if sum(ways) != 1:
        raise InputError(
            "give the analysed trajectory in one way: --topology FILE --trajectory FILE, or "
            "--config ionmech.toml, or --dataset NAME; or leave it to the settings of the result"
        )
    if dataset is not None:
        return partial(datasets.load, dataset)
    if config is not None:
        settings = load_config(config)
        return partial(open_universe, settings.topology, settings.trajectories, settings.universe)
    if topology is None or not trajectory:
        raise InputError("give both, --topology FILE and --trajectory FILE")
    for path in (topology, *trajectory):
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}")
    options = {"topology_format": topology_format, "atom_style": atom_style}
    given = {k: v for k, v in options.items() if v is not None}
    return partial(open_universe, topology, trajectory, given)


def _numbers(text: str, option: str, n: int, separator: str) -> tuple[float, ...]:
    try:
        values = tuple(float(v) for v in text.split(separator))
    except ValueError:
        values = ()
    if len(values) != n:
        example = separator.join(["800", "600"] if n == 2 else ["-1", "-2", "-0.7"])
        raise InputError(f"{option} {text!r} is not {n} numbers, e.g. {example}")
    return values


def render(
    file: ResultOrStates,
    topology: TopologyFile = None,
    trajectory: TrajectoryFiles = None,
    config: ConfigFile = None,
    dataset: DatasetName = None,
    events: EventNames = None,
    frame: Annotated[
        list[int] | None,
        typer.Option("--frame", "-f", help="Frame of the trajectory; may repeat."),
    ] = None,
    images: Annotated[
        int, typer.Option(help="Without --frame: number of frames with most of these events.")
    ] = 3,
    hop: Annotated[
        int | None,
        typer.Option(
            help="One hop, before, between and after, by its number in the table that --hops "
            "writes with the same --events."
        ),
    ] = None,
    hops: Annotated[
        bool,
        typer.Option(
            "--hops",
            help="Write the table of hops of these --events as CSV, and draw only what --hop "
            "names. In windows longer than the spacing of the frames, an ion that hops again "
            "with the same event before its window ends is in the row of its first hop.",
        ),
    ] = False,
    animate: Annotated[
        int,
        typer.Option(help="Frames in a GIF that begins at the first image; 0: no GIF."),
    ] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the images.")] = Path(
        "ionmech-images"
    ),
    size: Annotated[str, typer.Option(help="Pixels, width x height.")] = "960x640",
    renderer: Annotated[str, typer.Option(help="standard, tachyon or ospray.")] = "standard",
    color_by: ColorBy = "events",
    arrows: Arrows = True,
    bulk: Bulk = None,
    preset: PresetName = "auto",
    trail: Trail = 0,
    direction: Annotated[str, typer.Option(help="Viewing direction, x,y,z.")] = "-1,-2.2,-0.75",
    topology_format: TopologyFormat = None,
    atom_style: AtomStyle = None,
) -> None:
    """Draw images and a GIF of chosen events, with a legend and without a screen.

    Needs OVITO, pip install 'mda-ionmech\\[ovito]', and a Vulkan driver.

    Example: [bold]ionmech render ionmech-demo/crystal.nc --animate 30[/bold]
    """
    from ..viewing.opened import open_for_viewing
    from ..viewing.scene import build_scene, chosen_events, require_ovito

    folder = make_folder(output, "--output")
    width, height = (int(n) for n in _numbers(size, "--size", 2, "x"))
    given = _given_trajectory(topology, trajectory, config, dataset, topology_format, atom_style)
    opened = open_for_viewing(file, given)
    if hops:
        _write_hops(opened, folder, events)
        if hop is None:
            return
    require_ovito()
    if hop is not None:
        list_written(
            console_of(),
            _draw_hop(opened, hop, events, folder, (width, height), renderer, animate),
        )
        return
    from ..viewing.render import render_events

    scene = build_scene(
        opened.universe,
        opened.path,
        events=events,
        color_by=color_by,
        arrows=arrows,
        bulk=bulk,
        preset=preset,
        trail=trail,
        direction=_numbers(direction, "--direction", 3, ","),
    )
    written = render_events(
        scene,
        folder,
        opened.name,
        events=chosen_events(scene.states, events),
        frames=frame,
        images=images,
        animate=animate,
        size=(width, height),
        renderer=renderer,
    )
    list_written(console_of(), written)


def _write_hops(opened: Any, folder: Path, events: str | None) -> None:
    """Write the table of hops, and show its longest ones."""
    from ..lib.files import write_atomically
    from ..viewing.hops import hop_list
    from ..viewing.scene import chosen_events

    names = chosen_events(opened.states, events)
    table = hop_list(opened.states, names).drop(columns=["carrier", "row"])
    path = folder / f"{opened.name}-hops.csv"
    write_atomically(path, lambda name: table.to_csv(name, float_format="%.6g"))
    console = console_of()
    longest = table.sort_values("length_angstrom", ascending=False, kind="stable").head(10)
    console.print(
        f"{len(table)} hops, numbered among these events: {', '.join(names)}; --hop N with "
        f"--events {in_shell(','.join(names))} draws one; the longest:",
        soft_wrap=True,
    )
    console.print(longest.to_string(float_format=lambda x: f"{x:.4g}"), soft_wrap=True)
    list_written(console, [path])


def _draw_hop(
    opened: Any,
    number: int,
    events: str | None,
    folder: Path,
    size: tuple[int, int],
    renderer: str,
    animate: int,
) -> list[Path]:
    from ..viewing.close_up import draw_hop
    from ..viewing.hops import hop_list, read_hop, single_atoms
    from ..viewing.render import make_renderer
    from ..viewing.scene import chosen_events

    states = opened.states
    names = chosen_events(states, events)
    table = hop_list(states, names)
    console_of().print(
        f"hop {number} of {len(table)}, numbered among these events: {', '.join(names)}",
        soft_wrap=True,
    )
    return draw_hop(
        opened.universe,
        read_hop(opened.universe, states, table, number),
        single_atoms(states),
        folder,
        opened.name,
        size=size,
        renderer=make_renderer(renderer),
        animate=animate,
    )


def view(
    file: ResultOrStates,
    topology: TopologyFile = None,
    trajectory: TrajectoryFiles = None,
    config: ConfigFile = None,
    dataset: DatasetName = None,
    events: EventNames = None,
    color_by: ColorBy = "events",
    arrows: Arrows = True,
    bulk: Bulk = None,
    preset: PresetName = "auto",
    trail: Trail = 0,
    topology_format: TopologyFormat = None,
    atom_style: AtomStyle = None,
) -> None:
    """Show the events in a window: play, choose events, windows and colors, click on ions.

    A click on an event goes to its frames, one on an ion shows its track, events and shell, one in
    the time line goes there. Windows of other lengths are those of states files NAME-*.states.npz.

    Needs pip install 'mda-ionmech\\[viewer]', a screen and a Vulkan driver.

    Example: [bold]ionmech view ionmech-demo/liquid.nc[/bold]
    """
    from ..viewing.opened import open_for_viewing
    from ..viewing.scene import build_scene, require_ovito

    require_ovito("viewer")
    from ..viewing.application import application
    from ..viewing.opened import windows_beside
    from ..viewing.window import open_window

    app = application()
    given = _given_trajectory(topology, trajectory, config, dataset, topology_format, atom_style)
    opened = open_for_viewing(file, given)
    scene = build_scene(
        opened.universe,
        opened.path,
        events=events,
        color_by=color_by,
        arrows=arrows,
        bulk=bulk,
        preset=preset,
        trail=trail,
    )
    window = open_window(scene, windows_beside(opened))
    app.exec()
    window.close()


def export(
    file: ResultOrStates,
    output: Annotated[Path, typer.Argument(help="The dump to write, e.g. run.lammpstrj.")],
    topology: TopologyFile = None,
    trajectory: TrajectoryFiles = None,
    config: ConfigFile = None,
    dataset: DatasetName = None,
    start: Annotated[int | None, typer.Option(help="First frame.")] = None,
    stop: Annotated[int | None, typer.Option(help="Frame after the last one.")] = None,
    step: Annotated[int | None, typer.Option(help="Stride in frames.")] = None,
    session: Annotated[
        bool,
        typer.Option("--session", help="Also write a session of OVITO, *.ovito. Needs OVITO."),
    ] = False,
    topology_format: TopologyFormat = None,
    atom_style: AtomStyle = None,
) -> None:
    """Write a LAMMPS dump with integer columns event and macrostate, for OVITO Basic.

    With --session also a session that OVITO Pro opens, with the modifiers set up.

    Example: [bold]ionmech export run.nc run.lammpstrj --step 10[/bold]
    """
    from ..viewing.dump import write_dump
    from ..viewing.opened import open_for_viewing

    given = _given_trajectory(topology, trajectory, config, dataset, topology_format, atom_style)
    opened = open_for_viewing(file, given)
    path, legend = write_dump(
        opened.universe, opened.path, output, start=start, stop=stop, step=step
    )
    console = console_of()
    for column, names in legend.items():
        if names:
            listed = ", ".join(f"{code} {name}" for code, name in names.items())
            console.print(f"{column}: 0 none, {listed}")
    written = [path]
    if session:
        from ..viewing.session import write_session

        written += write_session(opened, path)
    list_written(console, written)
