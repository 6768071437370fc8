"""The `ionmech` command.

Exit status: 0; 2 with a one-paragraph error on stderr for bad input; 1 for a failure.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..lib.errors import InputError
from ..lib.plain_text import in_shell, printable
from ..lib.version import __version__
from ..lib.write_targets import CannotWriteError, check_can_write, is_file, shown_path
from . import init_command, show_command, view_commands
from .demos import DEMOS
from .options import console_of, list_written, make_folder, quiet_readers, told_warnings

if TYPE_CHECKING:
    from ..species import IonSpecies

app = typer.Typer(
    name="ionmech",
    help="Decompose ion transport in MD trajectories into events that sum exactly to the whole.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


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
    """Decompose ion transport in MD trajectories into events that sum exactly to the whole."""
    _show_traceback[0] = traceback


_show_traceback = [False]
_WITHOUT_DOCSTRINGS = (
    "; Python runs without docstrings (-OO or PYTHONOPTIMIZE=2), which MDAnalysis needs: use -O or "
    "neither"
)


@app.command()
def demo(
    name: Annotated[
        str, typer.Argument(help="Dataset: liquid, crystal, polymer or melt.")
    ] = "liquid",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the output files.")
    ] = Path("ionmech-demo"),
) -> None:
    """Analyse a shipped trajectory: LiTFSI in acetonitrile, a garnet, a polymer, molten NaCl.

    Prints the contributions to the transport of the cation and writes the result, the states for
    OVITO, a figure and the HTML report.

    Example: [bold]ionmech demo crystal --output demo[/bold]
    """
    from importlib.util import find_spec

    from .. import datasets, plotting
    from ..lib.terminal import headed
    from ..report import write_report
    from ..results.tables import print_result
    from .output_checks import check_outputs, save_or_rescue

    facts = datasets.describe(name)
    folder = make_folder(output, "--output")
    files = [folder / f"{name}{ending}" for ending in (".nc", ".states.npz")]
    check_outputs(files)
    console = console_of()
    console.print(
        headed(facts["system"], f"at {facts['temperature_K']:g} K, {facts['atoms']}.", "bold")
    )
    with told_warnings():  # the tables list them
        analysis = DEMOS[name](datasets.load(name)).run(verbose=True)
    print_result(
        console, analysis.results, None, analysis.plain() if analysis.is_filtered else None
    )
    written = save_or_rescue({files[0]: analysis.save, files[1]: analysis.save_states})
    written += [
        plotting.save(analysis.results.plot(), folder / f"{name}-contributions.png"),
    ]
    if find_spec("jinja2") and find_spec("vl_convert"):
        page = folder / f"{name}.html"
        written.append(write_report(analysis.results, page, source=written[0]))
    else:
        console.print("No report was written: it needs pip install 'mda-ionmech[report]'.")
    list_written(console, written)
    result = in_shell(files[0])
    console.print(
        f"More figures: ionmech plot {result}. See the events: ionmech view "
        f"{result}. Your own trajectory: ionmech init --help.",
        soft_wrap=True,
    )


app.command()(init_command.init)


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="A TOML file; make one with ionmech init.")],
    backend: Annotated[
        str | None, typer.Option(help="serial, multiprocessing or dask; overrides the file.")
    ] = None,
    n_workers: Annotated[int | None, typer.Option(help="Number of processes.")] = None,
    save_run: Annotated[
        bool,
        typer.Option(
            "--save-run", help="Also write the folder NAME.run, for show --by and others."
        ),
    ] = False,
) -> None:
    """Run the analysis defined in a TOML file.

    Prints the tables and writes the result, the states for OVITO and the figures.

    Example: [bold]ionmech run liquid.toml[/bold]
    """
    from .. import plotting
    from ..analysis.input_check import plain_rows
    from ..lib.terminal import headed
    from ..results.tables import print_result
    from .config import build_analysis, load_config
    from .init_command import print_rows
    from .output_checks import (
        check_output_windows,
        check_outputs,
        check_saved_run,
        save_or_rescue,
    )

    quiet_readers()
    settings = load_config(config)
    chosen = settings.run.model_dump()
    chosen |= {"backend": backend} if backend else {}
    chosen |= {} if n_workers is None else {"n_workers": n_workers}
    output = settings.output
    folder, name = make_folder(output.folder, "output.folder"), output.name or config.stem
    files = [folder / f"{name}{ending}" for ending in (".nc", ".states.npz")]
    check_outputs(files)
    saved = folder / f"{name}.run" if save_run else None
    if saved is not None:
        check_saved_run(saved)
    with told_warnings():  # the results list them
        analysis = build_analysis(settings)
    frames = {key: chosen[key] for key in ("start", "stop", "step", "frames")}
    # shown before the long work, so that wrong input is noticed
    times = analysis.frame_spacing(**frames)
    check_output_windows(output, analysis, times)
    console_of().print(f"{times.described}.", soft_wrap=True)
    print_rows(plain_rows(analysis))
    with told_warnings() as told:
        analysis.run(**chosen, verbose=True)
    results = analysis.results
    states_window = output.states_window or output.window
    writers = {
        files[0]: analysis.save,
        files[1]: lambda path: analysis.save_states(path, states_window),
    }
    written = save_or_rescue(writers | ({} if saved is None else {saved: analysis.save_run}))
    console = console_of()
    with told_warnings():  # on shells without filters, shown for comparison
        plain = analysis.plain() if analysis.is_filtered else None
    print_result(console, results, output.window, plain)
    for text in told:
        if not any(text.rstrip(".") == one.rstrip(".") for one in results.warnings):
            console.print(headed("Warning:", f"{text.rstrip('.')}."))
    written += plotting.save_all(
        results, folder, name, formats=output.figures, window=output.window
    )
    written += _save_rdfs(analysis.species, folder, name, output.figures)
    list_written(console, written)
    result = in_shell(files[0])
    console.print(
        f"Next: ionmech report {result}    # a page with all figures\n"
        f"      ionmech view {result}    # the events in OVITO",
        soft_wrap=True,
    )


def _save_rdfs(
    listed: Sequence[IonSpecies], folder: Path, stem: str, formats: Sequence[str]
) -> list[Path]:
    """Figures of the g(r) of detectors."""
    from .. import plotting
    from .file_names import file_labels

    written = []
    labels = file_labels([species.name for species in listed])
    for species, label in zip(listed, labels, strict=True):
        shell: Any = species.microstates
        distributions = getattr(shell, "distributions", {})
        ligands = file_labels(list(distributions))
        for (kind, found), ligand in zip(distributions.items(), ligands, strict=True):
            ax = plotting.rdf(found, inner=shell.inner.get(kind), outer=shell.outer.get(kind))
            written += [
                plotting.save(ax, folder / f"{stem}-rdf-{label}-{ligand}.{ending}")
                for ending in formats
            ]
    return written


@app.command()
def rdf(
    config: Annotated[Path, typer.Argument(help="A TOML file; make one with ionmech init.")],
) -> None:
    """Find the cutoffs of the shells: g(r), its first minimum, and a figure.

    Example: [bold]ionmech rdf liquid.toml[/bold]
    """
    from ..analysis.arguments import on_sites
    from ..lib.terminal import headed
    from ..results.tables import print_shells
    from .config import build_analysis, load_config

    quiet_readers()
    settings = load_config(config, needs_temperature=False)
    folder = make_folder(settings.output.folder, "output.folder")
    analysis = build_analysis(settings)
    if all(s.microstates is None or on_sites(s) for s in analysis.species):
        raise InputError(
            f"{config}: no species has [species.microstates] with a shell, so there is no cutoff "
            f"to find; sites need none, go on with ionmech run {in_shell(config)}"
        )
    frames = settings.run.model_dump(include={"start", "stop", "step", "frames"})
    console = console_of()
    with told_warnings() as told:
        measured = [
            (species, found)
            for species, found in analysis.measure_shells(**frames)
            if not on_sites(species)
        ]
    for text in told:
        console.print(headed("Warning:", f"{text.rstrip('.')}."))
    print_shells(console, measured)
    name = settings.output.name or config.stem
    listed = [species for species, _ in measured]
    written = _save_rdfs(listed, folder, name, settings.output.figures or ["png"])
    if written:  # none of a shell that has no radii
        list_written(console, written)


app.command()(show_command.show)


@app.command()
def combine(
    results: Annotated[list[Path], typer.Argument(help="Result files of replicas, *.nc.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path(
        "combined.nc"
    ),
    window: Annotated[
        float | None, typer.Option("--window", "-w", help="Length of the printed window, ps.")
    ] = None,
) -> None:
    """Pool independent replicas of one system; each replica is a block of the bootstrap.

    Example: [bold]ionmech combine run1.nc run2.nc run3.nc --output all.nc[/bold]
    """
    from ..results.combine import combine as join
    from ..results.tables import print_result

    if is_file(output) and any(output.samefile(r) for r in results if is_file(r)):
        raise InputError(
            f"--output {shown_path(output)} is one of the results to combine; give another name, "
            "or leave it out of them"
        )
    check_can_write(output)
    joined = join(results)
    written = joined.save(output)
    console = console_of()
    print_result(console, joined, window)
    list_written(console, [written])


@app.command()
def plot(
    result: Annotated[Path, typer.Argument(help="A result file, *.nc.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder; default that of the result.")
    ] = None,
    window: Annotated[
        float | None, typer.Option("--window", "-w", help="For figures of one window, ps.")
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", "-f", help="png, pdf or svg; may repeat.")
    ] = None,
) -> None:
    """Draw all figures of a result.

    Example: [bold]ionmech plot ionmech-demo/liquid.nc --format pdf[/bold]
    """
    from .. import plotting
    from ..results.load_file import load

    chosen = formats or ["png"]
    unknown = [f for f in chosen if f not in ("png", "pdf", "svg")]
    if unknown:
        raise InputError(f"--format {unknown[0]} is not known; the formats are png, pdf and svg")
    results = load(result)
    folder = make_folder(output or result.parent, "--output")
    written = plotting.save_all(results, folder, result.stem, formats=chosen, window=window)
    list_written(console_of(), written)


@app.command()
def report(
    results: Annotated[
        list[Path], typer.Argument(help="A result file, *.nc; several are compared.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The page; default that of the result, .html; comparison.html."
        ),
    ] = None,
    window: Annotated[
        float | None, typer.Option("--window", "-w", help="Window of the events at first, ps.")
    ] = None,
) -> None:
    """Write one HTML page of a result, or of several compared: numbers, figures, warnings.

    The page works offline in any browser. Needs pip install 'mda-ionmech\\[report]'.

    Example: [bold]ionmech report 600K.nc 800K.nc --output temperatures.html[/bold]
    """
    from ..report import write_report
    from ..results.load_file import load

    loaded = [load(one) for one in results]
    default = results[0].with_suffix(".html")
    page = output or (default if len(results) == 1 else default.with_name("comparison.html"))
    for one in results:
        if is_file(page) and page.samefile(one):
            raise InputError(f"--output {shown_path(page)} is the result itself; give another name")
    check_can_write(page)
    written = write_report(loaded, page, window=window, source=results)
    list_written(console_of(), [written])


for _command in (view_commands.render, view_commands.view, view_commands.export):
    app.command()(_command)


@app.command()
def arrhenius(
    results: Annotated[list[Path], typer.Argument(help="Result files, one per temperature.")],
    window: Annotated[
        float | None, typer.Option("--window", "-w", help="Length of the window, ps.")
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(help="Of the diffusive, slope and path views, ps.")
    ] = None,
    horizon: Annotated[float | None, typer.Option(help="Of the path and slope views, ps.")] = None,
    species: Annotated[str | None, typer.Option(help="Species whose events are fitted.")] = None,
    view: Annotated[str, typer.Option(help="auto, diffusive, window, path or slope.")] = "auto",
    model: Annotated[
        str, typer.Option(help="Law fitted beside the line: auto, arrhenius, vtf, segments, all.")
    ] = "auto",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the output files.")
    ] = Path("ionmech-arrhenius"),
) -> None:
    """Activation energies of the total and of every event, from several temperatures.

    Prints the energies and their budget, and writes them with the Arrhenius figure.

    Example: [bold]ionmech arrhenius 500K.nc 600K.nc 800K.nc[/bold]
    """
    from .. import plotting
    from ..lib.terminal import headed
    from ..results.arrhenius import arrhenius as fit
    from ..results.tables import print_arrhenius

    console = console_of()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fits = fit(results, window=window, resolution=resolution, horizon=horizon,
                   species=species, view=view, model=model)  # fmt: skip
    folder = make_folder(output, "--output")
    print_arrhenius(console, fits)
    for one in caught:
        if one.category is UserWarning:
            console.print(headed("Warning:", f"{str(one.message).rstrip('.')}."))
    written = [
        fits.save(folder / "arrhenius.nc"),
        plotting.save(fits.plot(), folder / "arrhenius.png"),
    ]
    list_written(console, written)


@app.command()
def schema() -> None:
    """Print the JSON schema of the TOML file, for editors that check and complete it.

    Example: [bold]ionmech schema > ionmech.schema.json[/bold]
    """
    import json

    from .config import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does: temporary files are removed, status 130.

    Not the processes that are forked meanwhile: a handler in Python does not run while a worker
    waits for a lock, so that a pool would wait for its end without end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    def in_child() -> None:
        if signal.getsignal(signal.SIGTERM) is end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=in_child)
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _message(error: Exception) -> str:
    """The message of an error; what is still in memory is no help where the command has ended."""
    if isinstance(error, CannotWriteError):
        return f"{error.fact}; free space there, or give another path"
    return str(error)


def main() -> None:
    """Entry point: prints errors as one paragraph and sets the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a locale such as C lacks is written out
            stream.reconfigure(errors="backslashreplace")
    try:
        with _sigterm_as_ctrl_c():
            app()
    except (InputError, FileNotFoundError) as error:
        if _show_traceback[0]:
            raise
        typer.echo(f"ionmech: {printable(_message(error))}", err=True)
        sys.exit(2)
    except Exception as error:
        if _show_traceback[0]:
            raise
        typer.echo(
            f"ionmech failed: {type(error).__name__}: {printable(str(error))} (--traceback shows "
            f"where){_WITHOUT_DOCSTRINGS if sys.flags.optimize > 1 else ''}",
            err=True,
        )
        sys.exit(1)
