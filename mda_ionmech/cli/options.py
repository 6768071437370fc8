"""Options shared by several commands, and printing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..lib.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

ResultOrStates = Annotated[
    Path, typer.Argument(help="A result, *.nc, or a states file, *.states.npz.")
]
TopologyFile = Annotated[
    Path | None, typer.Option("--topology", "-s", help="Topology, if not found by the result.")
]
TrajectoryFiles = Annotated[
    list[Path] | None,
    typer.Option("--trajectory", "-t", help="Trajectory, likewise; may repeat, in order."),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="TOML file that names both.")
]
DatasetName = Annotated[
    str | None,
    typer.Option("--dataset", "-d", help="Shipped data: liquid, crystal, polymer, melt."),
]
TopologyFormat = Annotated[
    str | None, typer.Option(help="Topology format not found from the name, e.g. DATA.")
]
AtomStyle = Annotated[
    str | None, typer.Option(help="Columns of a LAMMPS data file, e.g. 'id type charge x y z'.")
]
EventNames = Annotated[
    str | None,
    typer.Option("--events", "-e", help="Event names, by commas; default all that mean a change."),
]
Bulk = Annotated[
    str | None, typer.Option(help="Other particles: pale, dim, hide or keep; default by preset.")
]
PresetName = Annotated[
    str, typer.Option("--preset", help="liquid, crystal or polymer; auto: by the events.")
]
Trail = Annotated[int, typer.Option(help="Analysed frames for which a color is kept.")]
ColorBy = Annotated[str, typer.Option(help="events or macrostates.")]
Arrows = Annotated[bool, typer.Option(help="Draw arrows of the displacements.")]


def console_of() -> Console:
    """The console that tables and messages are printed to."""
    from ..lib.terminal import Terminal

    return Terminal()


def make_folder(path: Path, option: str) -> Path:
    """Make a folder to write into; InputError if that fails."""
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
    """Print the names of written files, for any width of the terminal."""
    folder = paths[0].parent
    names = ", ".join(p.name for p in paths)
    try:
        present = Path.cwd()
    except FileNotFoundError:  # removed meanwhile
        present = None
    if present is not None and folder.resolve().is_relative_to(present):
        folder = folder.resolve().relative_to(present)
    place = "" if folder == Path() else f" to {folder}"
    console.print(f"Written{place}: {names}")


@contextmanager
def told_warnings() -> Iterator[list[str]]:
    """Texts of the Python warnings of this package, which a command prints itself.

    Those of other packages are shown as Python shows them, except deprecations.
    """
    import warnings

    told: list[str] = []
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def note(message: Any, category: Any, *where: Any, **options: Any) -> None:
            if category is UserWarning:
                told.append(str(message))
            elif not issubclass(category, DeprecationWarning):
                shown(message, category, *where, **options)

        warnings.showwarning = note
        yield told


def quiet_readers() -> None:
    """Silence the warnings of the readers of MDAnalysis.

    They are about its own future, attributes that it guesses and offsets that it stores, or name
    calls of Python as the remedy. What follows of them for a run is checked and told here. To be
    called by a command, after the import of MDAnalysis has set which ones are shown.
    """
    import warnings

    import MDAnalysis  # noqa: F401

    for category in (DeprecationWarning, UserWarning):
        warnings.filterwarnings("ignore", category=category, module=r"MDAnalysis(\.|$)")
    for text in ("Reader has no dt information", "Guessed all Masses to 1.0", "DCDReader "):
        warnings.filterwarnings("ignore", message=text)
