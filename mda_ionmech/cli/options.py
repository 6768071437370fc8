"""Options that several commands share, and how they print."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..lib.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

StatesFile = Annotated[Path, typer.Argument(help="A states file, *.states.npz.")]
TopologyFile = Annotated[
    Path | None, typer.Option("--topology", "-s", help="Topology of the analysis.")
]
TrajectoryFiles = Annotated[
    list[Path] | None,
    typer.Option("--trajectory", "-t", help="Trajectory of the analysis; may repeat, in order."),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="Take both from this TOML file.")
]
DatasetName = Annotated[
    str | None, typer.Option("--dataset", "-d", help="Or a shipped one: liquid, crystal, polymer.")
]
TopologyFormat = Annotated[
    str | None, typer.Option(help="For names MDAnalysis does not know, e.g. DATA.")
]
AtomStyle = Annotated[
    str | None, typer.Option(help="Columns of a LAMMPS data file, e.g. 'id type charge x y z'.")
]
EventNames = Annotated[
    str | None,
    typer.Option(
        "--events", "-e", help="Names, by commas; default all in which something happens."
    ),
]
Bulk = Annotated[str, typer.Option(help="What is not followed: dim, hide or keep.")]
Trail = Annotated[int, typer.Option(help="Keep a color for so many analysed frames.")]
ColorBy = Annotated[str, typer.Option(help="events or macrostates.")]
Arrows = Annotated[bool, typer.Option(help="Arrows of the displacements.")]


def console_of() -> Console:
    """The console that tables and messages are printed to."""
    from ..lib.terminal import Terminal

    return Terminal()


def make_folder(path: Path, option: str) -> Path:
    """Make a folder to write into, or say why not."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        named = repr(str(path)) if len(str(path)) <= 80 else f"{str(path)[:77]}..."
        raise InputError(f"{option} {named}: cannot make the folder ({why})") from error
    if not os.access(path, os.W_OK):
        raise InputError(f"{option} {path}: the folder is not writable; give another one")
    return path


def list_written(console: Console, paths: Sequence[Path]) -> None:
    """Name the files in few words, whatever the width of the terminal."""
    folder = paths[0].parent
    names = ", ".join(p.name for p in paths)
    if folder.resolve().is_relative_to(Path.cwd()):
        folder = folder.resolve().relative_to(Path.cwd())
    console.print(f"Written to {folder}: {names}")
