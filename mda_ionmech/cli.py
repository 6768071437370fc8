"""The `ionmech` command.

Exit status: 0; 2 with a one-paragraph error on stderr for bad input; 1 for a failure.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from ._version import __version__
from .errors import InputError

if TYPE_CHECKING:
    from .analysis import OnsagerDecomposition
    from .results import Results

app = typer.Typer(
    name="ionmech",
    help="How ions move in an MD trajectory, in numbers that add up.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
DEMO_WINDOW = 16.0


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ionmech {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show the Python traceback of an error.")
    ] = False,
) -> None:
    """How ions move in an MD trajectory, in numbers that add up."""
    _show_traceback[0] = traceback


_show_traceback = [False]


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3g}"


def _fixed(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"


def events_table(results: Results, window: float | None, plain: Results | None = None) -> Table:
    """The table a user reads: one line per event, and the sum; 80 columns wide."""
    summary = results.summary(window)
    level = f"{summary.attrs['level']:.0%}"
    table = Table(
        title=(
            f"{summary.attrs['species']}: what happened in windows of "
            f"{summary.attrs['window_ps']:g} ps"
        ),
        caption=(
            f"share: part of the Onsager coefficient with its {level} interval; self and distinct: "
            "its two parts; per ns: windows with this label per ion; A2: effectiveness, D^e.D per "
            "ion and window"
            + ("" if plain is None else "; plain: the share without hysteresis and persistence")
        ),
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("event", no_wrap=True)
    names = ["share", level, "self", "distinct", "per ns", "A2"]
    for name in names + ([] if plain is None else ["plain"]):
        table.add_column(name, justify="right", no_wrap=True)
    shares = None if plain is None else plain.summary(window)["share"]
    for event, row in summary.iterrows():
        known = row["share_low"] == row["share_low"]
        cells = [
            str(event),
            _fixed(row["share"]),
            f"{row['share_low']:.3f} to {row['share_high']:.3f}" if known else "-",
            _fixed(row["self"]),
            _fixed(row["distinct"]),
            _number(row["frequency"]),
            _number(row["effectiveness"]),
        ]
        if shares is not None:
            cells.append(_fixed(shares[str(event)]))
        table.add_row(*cells)
    sums = summary[["share", "self", "distinct", "frequency"]].sum(skipna=False)
    cells = ["sum", _fixed(sums["share"]), "", _fixed(sums["self"]), _fixed(sums["distinct"])]
    cells += [_number(sums["frequency"]), ""]
    if shares is not None:
        cells.append(_fixed(shares.sum(skipna=False)))
    table.add_section()
    table.add_row(*cells)
    return table


def transport_table(results: Results, window: float | None) -> Table:
    """Conductivity and what derives from it."""
    transport = results.transport(window)
    table = Table(
        title=f"Transport over {transport.attrs['window_ps']:g} ps, "
        f"{transport.attrs['frame']} frame of reference",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("quantity")
    table.add_column("value", justify="right")
    table.add_column("interval", justify="right")
    table.add_column("unit")
    for name, row in transport.iterrows():
        unit = "" if row["unit"] == "1" else str(row["unit"])
        reach = "-" if row["low"] != row["low"] else f"{row['low']:.3g} to {row['high']:.3g}"
        table.add_row(str(name), _number(row["value"]), reach, unit)
    return table


def _print_result(
    console: Console, results: Results, window: float | None, plain: Results | None = None
) -> None:
    console.print(events_table(results, window, plain))
    console.print(transport_table(results, window))
    settings = results.settings
    console.print(
        f"Additivity: contributions sum to the whole within {settings['residual']:.1e} "
        "(largest residual of all windows)."
    )
    for species in settings["species"]:
        shell = species.get("microstates")
        if shell:
            radii = ", ".join(
                f"{kind} below {inner:g} A"
                + (
                    f" until beyond {shell['cutoff_outer_angstrom'][kind]:g} A"
                    if shell["cutoff_outer_angstrom"][kind] > inner
                    else ""
                )
                for kind, inner in shell.get("cutoff_inner_angstrom", {}).items()
            )
            persistence = shell["persistence_ps"]
            kept = f"; changes that revert within {persistence:g} ps ignored" if persistence else ""
            console.print(f"Shell of {species['name']}: {radii}{kept}.")
    for text in results.warnings:
        console.print(f"[yellow]Warning:[/yellow] {text}.", highlight=False)


def demo_analysis(universe: Any) -> OnsagerDecomposition:
    """The analysis the demo runs: LiTFSI in acetonitrile, windows from 1 ps on."""
    from . import IonSpecies, OnsagerDecomposition
    from .events import SolvationEvents
    from .macrostates import IonPairing
    from .microstates import CutoffShell

    lithium = IonSpecies(
        universe.select_atoms("resname LI"),
        charge=+1,
        name="Li+",
        microstates=CutoffShell(
            cutoff="rdf",
            hysteresis=0.6,
            persistence=5.0,
            solvent=universe.select_atoms("resname ACN and element N"),
            anion=universe.select_atoms("resname TFS and element O"),
        ),
        events=SolvationEvents(),
        macrostates=IonPairing(),
    )
    tfsi = IonSpecies(
        universe.select_atoms("resname TFS"),
        charge=-1,
        name="TFSI-",
        compound="residues",
        macrostates=IonPairing(),
    )
    return OnsagerDecomposition([lithium, tfsi], temperature=330.0)


@app.command()
def demo(
    name: Annotated[str, typer.Argument(help="Dataset: liquid.")] = "liquid",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the files it writes.")
    ] = Path("ionmech-demo"),
) -> None:
    """Analyse a shipped trajectory: LiTFSI in acetonitrile.

    Prints what carried the lithium and writes the result, the states for OVITO and a figure.

    Example: [bold]ionmech demo --output demo[/bold]
    """
    from . import datasets, plotting

    console = Console()
    facts = datasets.describe(name)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output {output}: cannot make the folder ({error.strerror})") from error
    console.print(
        f"[bold]{facts['system']}[/bold], {facts['temperature_K']:g} K, {facts['atoms']}."
    )
    console.print("Compiling and reading; the first run compiles its kernels for about 20 s.")
    run = demo_analysis(datasets.load(name)).run(verbose=True)
    _print_result(console, run.results, DEMO_WINDOW, run.plain())
    written = [
        run.save(output / f"{name}.nc"),
        run.save_states(output / f"{name}.states.npz"),
        output / f"{name}-contributions.png",
    ]
    plotting.save(run.results.plot(), written[-1])
    console.print("Written: " + ", ".join(str(p) for p in written), soft_wrap=True)


@app.command()
def show(
    result: Annotated[Path, typer.Argument(help="A result file, *.nc.")],
    window: Annotated[
        float | None, typer.Option("--window", "-w", help="Length of the window, ps.")
    ] = None,
) -> None:
    """Print the tables of a result again.

    Example: [bold]ionmech show ionmech-demo/liquid.nc --window 20[/bold]
    """
    from .results import load

    _print_result(Console(), load(result), window)


def main() -> None:
    """Entry point: turns errors into one paragraph and an exit status."""
    try:
        app()
    except (InputError, FileNotFoundError) as error:
        if _show_traceback[0]:
            raise
        typer.echo(f"ionmech: {error}", err=True)
        sys.exit(2)
    except Exception as error:
        if _show_traceback[0]:
            raise
        typer.echo(
            f"ionmech failed: {type(error).__name__}: {error} (--traceback shows where)", err=True
        )
        sys.exit(1)
