"""The command `ionmech init`: a first configuration, and a check of one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..lib.errors import InputError
from ..lib.plain_text import in_shell
from ..lib.write_targets import (
    check_can_write,
    is_file,
    is_folder,
    not_reached,
    protect_inputs,
    shown_path,
)
from .options import console_of, quiet_readers, told_warnings

if TYPE_CHECKING:
    from .guess_shells import MeasuredShell

#: Formats that hold many frames and may be given as the topology.
_TRAJECTORIES = ("vasp-xdatcar", "vasp-xml", "extxyz", "traj", "LAMMPSDUMP")


def init(
    topology: Annotated[
        Path | None,
        typer.Argument(help="Topology file, e.g. topol.tpr, or one file that holds all."),
    ] = None,
    trajectory: Annotated[
        list[Path] | None,
        typer.Argument(help="Trajectory files, in order; none where the first file holds all."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path(
        "ionmech.toml"
    ),
    check: Annotated[
        Path | None,
        typer.Option("--check", help="Check this configuration instead, on sampled frames."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    figure: Annotated[
        bool,
        typer.Option(help="Draw g(r) with peak, minimum and cutoff of each shell, NAME.rdf.png."),
    ] = True,
    temperature: Annotated[float | None, typer.Option(help="K; it is not in the files.")] = None,
    dt: Annotated[
        float | None, typer.Option(help="Spacing of the frames, ps, if the files hold no times.")
    ] = None,
    dimensions: Annotated[
        str | None,
        typer.Option(
            help="Cell of files without one: '25' (a cube), '25 25 30' or "
            "'25 25 30 90 90 120', A and degrees."
        ),
    ] = None,
    cell_file: Annotated[
        Path | None, typer.Option(help="Cells of the frames of a CP2K run, its .cell file.")
    ] = None,
    cif: Annotated[
        Path | None, typer.Option(help="Structure of a crystal, whose orbits are the sites.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", help="Of the trajectory, e.g. LAMMPSDUMP or vasp-xdatcar."),
    ] = None,
    topology_format: Annotated[
        str | None, typer.Option(help="Topology format not found from the name, e.g. DATA.")
    ] = None,
    atom_style: Annotated[
        str | None, typer.Option(help="Columns of a LAMMPS data file, e.g. 'id type charge x y z'.")
    ] = None,
    elements: Annotated[
        str | None,
        typer.Option(help="Elements of the atom types 1, 2, ... of files without: 'Li O C H'."),
    ] = None,
    lammps_coordinate_convention: Annotated[
        str | None,
        typer.Option(help="Coordinates of a LAMMPS dump: auto, scaled, unscaled, unwrapped."),
    ] = None,
) -> None:
    """Write a commented configuration for your trajectory, with guesses to be checked.

    Formats: those of MDAnalysis, and XDATCAR, vasprun.xml, extended XYZ and .traj through ASE.

    With --check, show what a run makes of a configuration, line by line.

    Example: [bold]ionmech init topol.tpr traj.xtc --temperature 330 --output liquid.toml[/bold]
    """
    if check is not None:
        if topology is not None:
            raise InputError("--check takes the configuration alone; leave the other files out")
        _check(check)
        return
    if topology is None:
        raise InputError(
            "give a topology and trajectory files, or one file that holds both; or "
            "--check ionmech.toml"
        )
    files = [topology, *(trajectory or [topology])]
    for path in (*files, *([cif] if cif else []), *([cell_file] if cell_file else [])):
        if not is_file(path):
            _refuse_missing(path)
    quiet_readers()
    protect_inputs(files)
    picture = _picture_of(output) if figure else None
    _check_output(output, picture, force)
    given = _universe_options(
        {
            "topology_format": topology_format,
            "format": format,
            "atom_style": atom_style,
            "lammps_coordinate_convention": lammps_coordinate_convention,
        },
        dimensions,
    )
    if elements is not None:
        given["elements"] = elements.replace(",", " ").split()
    if cell_file is not None:
        given["cell_file"] = cell_file
    home = output.resolve().parent
    _write(
        files, output, given, dt=dt, temperature=temperature, cif=cif, home=home, picture=picture
    )


def _picture_of(output: Path) -> Path:
    """The name of the figure of g(r) beside a configuration."""
    stem = output.stem if output.suffix.lower() == ".toml" else output.name
    return output.with_name(f"{stem}.rdf.png")


def _check_output(output: Path, picture: Path | None, force: bool) -> None:
    """Refuse files that are there or cannot be written."""
    check_can_write(output)
    if output.exists() and not force:
        raise InputError(
            f"--output {shown_path(output)} exists; give another name, or --force to overwrite it"
        )
    if picture is None:
        return
    check_can_write(picture)
    if picture.exists() and not force:
        raise InputError(
            f"{shown_path(picture)} exists, where the figure of g(r) would be written; give "
            "another --output, or --no-figure, or --force to overwrite it"
        )


def _refuse_missing(path: Path) -> None:
    """Say that a path is a folder, or that there is none."""
    if is_folder(path):
        visible = (p.name for p in path.iterdir() if p.is_file() and p.name[0] != ".")
        inside = sorted(visible)[:6]
        holds = f", which holds {', '.join(inside)}" if inside else ""
        raise InputError(f"{shown_path(path)} is a folder{holds}; give a file in it")
    raise FileNotFoundError(f"no such file: {shown_path(path)}{not_reached(path)}")


def _universe_options(texts: dict[str, str | None], dimensions: str | None) -> dict[str, Any]:
    """Keys of ``[universe]`` from the options of the command."""
    from ..lib.checks import shown

    given: dict[str, Any] = {key: value for key, value in texts.items() if value is not None}
    for key, value in given.items():
        if not value.isprintable():
            raise InputError(
                f"--{key.replace('_', '-')} must be printable text, got {shown(value)}; give e.g. "
                "--topology-format DATA or --atom-style 'id type charge x y z'"
            )
    if dimensions is not None:
        from ..trajectory.given_cells import check_dimensions

        try:
            numbers = [float(x) for x in dimensions.replace(",", " ").strip("[] ").split()]
        except ValueError as error:
            raise InputError(
                f"--dimensions {shown(dimensions)} is not a list of numbers; give an edge, three "
                "edges or three edges and three angles, e.g. --dimensions '25 25 30 90 90 120'"
            ) from error
        cell = check_dimensions(numbers)
        given["dimensions"] = [] if cell is None else [float(x) for x in cell]
    return given


def _relative(paths: Sequence[Path], home: Path) -> list[str]:
    """Paths as the configuration in a folder names them."""
    out = [os.path.relpath(p.resolve(), home) for p in paths]
    for name in out:
        if os.fsencode(name).decode("utf-8", "replace") != name:
            raise InputError(
                f"{shown_path(Path(name))} is not in UTF-8, as the paths of a configuration are; "
                "rename the file or the folder"
            )
    return out


def _write(
    files: Sequence[Path],
    output: Path,
    given: dict[str, Any],
    *,
    dt: float | None,
    temperature: float | None,
    cif: Path | None,
    home: Path,
    picture: Path | None,
) -> None:
    """Write the configuration and the figure, and print what was taken for what."""
    from ..lib.atom_order import check_atom_order
    from ..lib.checks import positive
    from ..lib.files import write_atomically
    from ..lib.terminal import headed
    from ..trajectory.frame_times import account_of_times
    from ..trajectory.open_files import format_of
    from .config import load_config, open_universe
    from .guess_config import guess_config

    if temperature is not None:
        positive("--temperature", temperature, "K", "give e.g. --temperature 300")
    if dt is not None:
        positive("--dt", dt, "ps", "give the spacing of the frames, e.g. --dt 0.5")
    universe = open_universe(files[0], list(files[1:]), given)
    first = universe.trajectory[0]
    if first.dimensions is not None:  # without a cell molecules may be broken
        check_atom_order(universe, first.positions, first.dimensions)
    names = _relative(files, home)
    if "cell_file" in given:
        given["cell_file"] = _relative([given["cell_file"]], home)[0]
    sites = None if cif is None else _relative([cif], home)[0]
    guess = guess_config(
        universe, names[0], names[1:], given, dt,
        temperature=temperature, cif=sites, cif_path=cif,
    )  # fmt: skip
    write_atomically(output, lambda name: Path(name).write_text(guess.text, encoding="utf-8"))
    load_config(output, needs_temperature=False)
    console = console_of()
    if files[0] not in files[1:] and format_of(files[0], topology=True).name in _TRAJECTORIES:
        text = f"{files[0].name} is taken for the topology alone; name it twice to analyse it too."
        console.print(headed("Note:", text), soft_wrap=True)
    for kind in guess.found.kinds:
        console.print(kind.described, soft_wrap=True)
    for note in guess.notes:
        console.print(note, soft_wrap=True)
    console.print(f"{account_of_times(universe.trajectory, dt).text}.", soft_wrap=True)
    for what, how in guess.missing.items():
        console.print(headed("Not in the files:", f"{what}: {how} in {output}."), soft_wrap=True)
    written = f"Written: {output}"
    if picture is not None and guess.shells:
        _draw(guess.shells, picture)
        written += f", and g(r) of the shells: {picture}"
    console.print(f"{written}. These are guesses: check them, then", soft_wrap=True)
    named = in_shell(output)
    console.print(f"  ionmech init --check {named}    # what a run makes of it", soft_wrap=True)
    if 'rule = "CutoffShell"' in guess.text:  # a crystal has sites and no cutoffs
        console.print(f"  ionmech rdf {named}    # the cutoffs, with a figure", soft_wrap=True)
    console.print(f"  ionmech run {named}    # the decomposition", soft_wrap=True)


def _draw(shells: Sequence[MeasuredShell], path: Path) -> None:
    """Draw g(r) of every species and ligand type, one below the other."""
    import matplotlib.pyplot as plt

    from .. import plotting
    from ..plotting.style import plain

    size = 7.4, 3.2 * len(shells)
    _, grid = plt.subplots(len(shells), squeeze=False, figsize=size, layout="constrained")
    for ax, one in zip(grid[:, 0], shells, strict=True):
        plotting.rdf(one.distribution, ax, inner=one.cutoff, outer=one.outer)
        ax.set_title(f"{plain(one.species)}, {ax.get_title()}", fontsize="small")
    plotting.save(grid[0, 0], path)
    plotting.close(grid[0, 0])


def _check(config: Path) -> None:
    """Print the table of a configuration; InputError where a run would refuse it."""
    from ..analysis.input_check import CheckRow, check_input
    from .config import build_analysis, load_config
    from .output_checks import check_output_windows

    quiet_readers()
    settings = load_config(config)
    frames = settings.run.model_dump(include={"start", "stop", "step", "frames"})
    with told_warnings():  # they are lines of the table
        analysis = build_analysis(settings)
        rows = check_input(analysis, **frames)
    if all(row.state != "stop" for row in rows):
        try:
            check_output_windows(settings.output, analysis, analysis.frame_spacing(**frames))
        except InputError as error:
            rows.append(CheckRow("[output]", str(error), "stop"))
    print_rows(rows)
    stopped = [row for row in rows if row.state == "stop"]
    doubts = sum(row.state == "check" for row in rows)
    console = console_of()
    if stopped:
        raise InputError(f"a run would refuse {shown_path(config)}: {stopped[0].found}")
    told = (
        f"{doubts} line{'s' * (doubts > 1)} to check" if doubts else "nothing implausible was found"
    )
    console.print(f"{config}: {told}. Next: ionmech run {in_shell(config)}", soft_wrap=True)


def print_rows(rows: Sequence[Any]) -> None:
    """Print lines with their state in front."""
    from ..lib.terminal import headed

    console = console_of()
    width = max((len(row.what) for row in rows), default=0)
    marks = {"ok": "ok   ", "check": "CHECK", "stop": "STOP "}
    for row in rows:
        style = {"ok": "green", "check": "yellow", "stop": "bold red"}[row.state]
        plain = row.what or row.state == "ok"
        text = f"{row.what:{width}}  {row.found}" if plain else row.found
        console.print(headed(marks[row.state], text, style), soft_wrap=True)
