"""The `ionmech` command.

Exit status: 0; 2 with a one-paragraph error on stderr for bad input; 1 for a failure.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .._version import __version__
from ..lib.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from ..analysis.decomposition import OnsagerDecomposition
    from ..species import IonSpecies

app = typer.Typer(
    name="ionmech",
    help="How ions move in an MD trajectory, in numbers that add up.",
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
    """How ions move in an MD trajectory, in numbers that add up."""
    _show_traceback[0] = traceback


_show_traceback = [False]


def _tfsi(universe: Any) -> IonSpecies:
    """The anion of the liquid and of the polymer: one centre of mass a molecule."""
    from .. import IonSpecies
    from ..macrostates import IonPairing

    return IonSpecies(
        universe.select_atoms("resname TFS"),
        charge=-1,
        name="TFSI-",
        compound="residues",
        macrostates=IonPairing(),
    )


def liquid_analysis(universe: Any) -> OnsagerDecomposition:
    """What the demo does with LiTFSI in acetonitrile."""
    from .. import IonSpecies, OnsagerDecomposition
    from ..events import SolvationEvents
    from ..macrostates import IonPairing
    from ..microstates import CutoffShell

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
    return OnsagerDecomposition([lithium, _tfsi(universe)], temperature=330.0)


def crystal_analysis(universe: Any) -> OnsagerDecomposition:
    """What the demo does with the garnet: hops between the sites of its CIF."""
    from .. import IonSpecies, OnsagerDecomposition, datasets
    from ..events import CrystalEvents
    from ..microstates import SiteAssignment

    sites = SiteAssignment.from_cif(
        datasets.path("crystal") / "llzo.cif",
        species="Li",
        framework=universe.select_atoms("element Zr"),
        r_core=0.6,
    )
    lithium = IonSpecies(
        universe.select_atoms("element Li"),
        charge=+1,
        name="Li+",
        microstates=sites,
        events=CrystalEvents(),
    )
    return OnsagerDecomposition([lithium], temperature=800.0)


def polymer_analysis(universe: Any) -> OnsagerDecomposition:
    """What the demo does with LiTFSI in a short polyether."""
    from .. import IonSpecies, OnsagerDecomposition
    from ..events import PolymerEvents
    from ..macrostates import ShellComposition
    from ..microstates import CutoffShell

    lithium = IonSpecies(
        universe.select_atoms("resname LI"),
        charge=+1,
        name="Li+",
        microstates=CutoffShell(
            cutoff=2.9,
            hysteresis=0.6,
            persistence=8.0,
            polymer=universe.select_atoms("resname PEO and element O"),
            anion=universe.select_atoms("resname TFS and element O"),
        ),
        events=PolymerEvents(),
        macrostates=ShellComposition(),
    )
    return OnsagerDecomposition([lithium, _tfsi(universe)], temperature=480.0)


#: Of each dataset: its analysis, and the window of the printed tables, ps.
_DEMOS = {
    "liquid": (liquid_analysis, 16.0),
    "crystal": (crystal_analysis, 0.4),
    "polymer": (polymer_analysis, 32.0),
}


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _folder(path: Path, option: str) -> Path:
    """Make a folder to write into, or say why not."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{option} {path}: cannot make the folder ({error.strerror})") from error
    if not os.access(path, os.W_OK):
        raise InputError(f"{option} {path}: the folder is not writable; give another one")
    return path


def _list_written(console: Console, paths: Sequence[Path]) -> None:
    """Name the files in few words, whatever the width of the terminal."""
    folder = paths[0].parent
    names = ", ".join(p.name for p in paths)
    if folder.resolve().is_relative_to(Path.cwd()):
        folder = folder.resolve().relative_to(Path.cwd())
    console.print(f"Written to {folder}: {names}")


@app.command()
def demo(
    name: Annotated[str, typer.Argument(help="Dataset: liquid, crystal or polymer.")] = "liquid",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the files it writes.")
    ] = Path("ionmech-demo"),
) -> None:
    """Analyse a shipped trajectory: LiTFSI in acetonitrile, a garnet, a polymer.

    Prints what carried the lithium and writes the result, the states for OVITO, a figure and the
    report, a page for a browser.

    Example: [bold]ionmech demo crystal --output demo[/bold]
    """
    from importlib.util import find_spec

    from .. import datasets, plotting
    from ..report import write_report
    from ..results.tables import print_result

    facts = datasets.describe(name)
    folder = _folder(output, "--output")
    console = _console()
    console.print(
        f"[bold]{facts['system']}[/bold], {facts['temperature_K']:g} K, {facts['atoms']}."
    )
    prepare, window = _DEMOS[name]
    analysis = prepare(datasets.load(name)).run(verbose=True)
    print_result(
        console, analysis.results, window, analysis.plain() if analysis.is_filtered else None
    )
    written = [
        analysis.save(folder / f"{name}.nc"),
        analysis.save_states(folder / f"{name}.states.npz", window),
        plotting.save(analysis.results.plot(), folder / f"{name}-contributions.png"),
    ]
    if find_spec("jinja2"):
        page = folder / f"{name}.html"
        written.append(write_report(analysis.results, page, window=window, source=written[0]))
    else:
        console.print("No report: that needs pip install 'mda-ionmech\\[report]'.")
    _list_written(console, written)
    console.print(
        f"More figures: ionmech plot {folder / name}.nc. See the events: ionmech view "
        f"{folder / name}.states.npz -d {name}. Your own trajectory: ionmech init --help.",
        soft_wrap=True,
    )


@app.command()
def init(
    topology: Annotated[Path, typer.Argument(help="Topology file, e.g. topol.tpr.")],
    trajectory: Annotated[list[Path], typer.Argument(help="Trajectory files, in order.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path(
        "ionmech.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite it.")] = False,
    topology_format: Annotated[
        str | None, typer.Option(help="For names MDAnalysis does not know, e.g. DATA.")
    ] = None,
    atom_style: Annotated[
        str | None, typer.Option(help="Columns of a LAMMPS data file, e.g. 'id type charge x y z'.")
    ] = None,
) -> None:
    """Write a commented configuration for your trajectory, with guesses to check.

    Example: [bold]ionmech init topol.tpr traj.xtc --output liquid.toml[/bold]
    """
    from ..lib.files import write_atomically
    from .config import load_config, open_universe
    from .guess_config import example_config, molecule_kinds

    for path in (topology, *trajectory):
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}")
    if output.exists() and not force:
        raise InputError(f"--output {output} exists; give another name, or --force to overwrite it")
    options = {"topology_format": topology_format, "atom_style": atom_style}
    given = {key: value for key, value in options.items() if value is not None}
    universe = open_universe(topology, trajectory, given)
    home = output.resolve().parent
    relative = [os.path.relpath(p.resolve(), home) for p in (topology, *trajectory)]
    text = example_config(universe, relative[0], relative[1:], given)
    write_atomically(output, lambda name: Path(name).write_text(text, encoding="utf-8"))
    load_config(output)
    console = _console()
    for kind in molecule_kinds(universe):
        console.print(kind.described)
    console.print(f"Written: {output}. These are guesses: check them, then", soft_wrap=True)
    console.print(f"  ionmech rdf {output}    # the cutoffs, with a picture", soft_wrap=True)
    console.print(f"  ionmech run {output}    # the decomposition", soft_wrap=True)


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="A TOML file; make one with ionmech init.")],
    backend: Annotated[
        str | None, typer.Option(help="serial, multiprocessing or dask, in place of the file's.")
    ] = None,
    n_workers: Annotated[int | None, typer.Option(help="Processes of the backend.")] = None,
) -> None:
    """Analyse a trajectory as a TOML file says.

    Prints the tables and writes the result, the states for OVITO and the figures.

    Example: [bold]ionmech run liquid.toml[/bold]
    """
    from .. import plotting
    from ..results.tables import print_result
    from .config import build_analysis, load_config

    settings = load_config(config)
    chosen = settings.run.model_dump()
    chosen |= {"backend": backend} if backend else {}
    chosen |= {"n_workers": n_workers} if n_workers else {}
    output = settings.output
    folder, name = _folder(output.folder, "output.folder"), output.name or config.stem
    analysis = build_analysis(settings)
    analysis.run(**chosen, verbose=True)
    results = analysis.results
    written = [
        analysis.save(folder / f"{name}.nc"),
        analysis.save_states(folder / f"{name}.states.npz", output.states_window),
    ]
    console = _console()
    plain = analysis.plain() if analysis.is_filtered else None
    print_result(console, results, output.window, plain)
    written += plotting.save_all(
        results, folder, name, formats=output.figures, window=output.window
    )
    written += _save_rdfs(analysis, folder, name, output.figures)
    _list_written(console, written)


def _save_rdfs(
    analysis: OnsagerDecomposition, folder: Path, stem: str, formats: Sequence[str]
) -> list[Path]:
    """Figures of the g(r) that the detectors of an analysis have measured."""
    from .. import plotting

    written = []
    for species in analysis.species:
        shell: Any = species.microstates
        for kind, found in getattr(shell, "distributions", {}).items():
            ax = plotting.rdf(found, inner=shell.inner.get(kind), outer=shell.outer.get(kind))
            label = species.name.rstrip("+-0123456789")
            written += [
                plotting.save(ax, folder / f"{stem}-rdf-{label}-{kind}.{ending}")
                for ending in formats
            ]
    return written


@app.command()
def rdf(
    config: Annotated[Path, typer.Argument(help="A TOML file; make one with ionmech init.")],
) -> None:
    """Find the cutoffs of the shells: g(r), its first minimum, and a picture.

    Example: [bold]ionmech rdf liquid.toml[/bold]
    """
    from ..results.tables import print_shells
    from .config import build_analysis, load_config

    settings = load_config(config)
    folder = _folder(settings.output.folder, "output.folder")
    analysis = build_analysis(settings)
    if all(s.microstates is None for s in analysis.species):
        raise InputError(
            f"{config}: no species has [species.microstates], so there is no shell to measure"
        )
    frames = settings.run.model_dump(include={"start", "stop", "step", "frames"})
    console = _console()
    print_shells(console, analysis.measure_shells(**frames))
    name = settings.output.name or config.stem
    _list_written(console, _save_rdfs(analysis, folder, name, settings.output.figures or ["png"]))


@app.command()
def show(
    result: Annotated[Path, typer.Argument(help="A result file, *.nc.")],
    window: Annotated[
        float | None, typer.Option("--window", "-w", help="Length of the window, ps.")
    ] = None,
    view: Annotated[str, typer.Option(help="window, path or slope.")] = "window",
    resolution: Annotated[
        float | None, typer.Option(help="Of the path or slope view, ps; default as recommended.")
    ] = None,
    horizon: Annotated[
        float | None, typer.Option(help="Of the path or slope view, ps; default as recommended.")
    ] = None,
    species: Annotated[
        str | None, typer.Option(help="Of the path or slope view; default the first with events.")
    ] = None,
) -> None:
    """Print the tables of a result again, or one place of the path or slope view.

    Example: [bold]ionmech show ionmech-demo/liquid.nc --view slope --horizon 32[/bold]
    """
    from ..results.results import load
    from ..results.tables import print_result, view_table

    if view == "window":
        print_result(_console(), load(result), window)
        return
    lengths = {"resolution": resolution, "horizon": horizon}
    _console().print(view_table(load(result), view, **lengths, species=species))


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
    """Take independent runs of one system together: sums are added, replicas are blocks.

    Example: [bold]ionmech combine run1.nc run2.nc run3.nc --output all.nc[/bold]
    """
    from ..results.combine import combine as join
    from ..results.tables import print_result

    joined = join(results)
    written = joined.save(output)
    console = _console()
    print_result(console, joined, window)
    _list_written(console, [written])


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
    """Draw every figure of a result again.

    Example: [bold]ionmech plot ionmech-demo/liquid.nc --format pdf[/bold]
    """
    from .. import plotting
    from ..results.results import load

    chosen = formats or ["png"]
    unknown = [f for f in chosen if f not in ("png", "pdf", "svg")]
    if unknown:
        raise InputError(f"--format {unknown[0]} is not known; the formats are png, pdf and svg")
    results = load(result)
    folder = _folder(output or result.parent, "--output")
    written = plotting.save_all(results, folder, result.stem, formats=chosen, window=window)
    _list_written(_console(), written)


@app.command()
def report(
    result: Annotated[Path, typer.Argument(help="A result file, *.nc.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page; default beside the result, .html."),
    ] = None,
    window: Annotated[
        float | None, typer.Option("--window", "-w", help="Window of the events, ps.")
    ] = None,
) -> None:
    """Write one HTML page of a result: numbers, figures, warnings, settings.

    The page opens offline in any browser and prints. Needs pip install 'mda-ionmech\\[report]'.

    Example: [bold]ionmech report ionmech-demo/liquid.nc[/bold]
    """
    from ..report import write_report
    from ..results.results import load

    results = load(result)
    page = output or result.with_suffix(".html")
    if page.resolve() == result.resolve():
        raise InputError(f"--output {page} is the result itself; give another name")
    _list_written(_console(), [write_report(results, page, window=window, source=result)])


_States = Annotated[Path, typer.Argument(help="A states file, *.states.npz.")]
_Topology = Annotated[
    Path | None, typer.Option("--topology", "-s", help="Topology of the analysis.")
]
_Trajectory = Annotated[
    list[Path] | None,
    typer.Option("--trajectory", "-t", help="Trajectory of the analysis; may repeat, in order."),
]
_Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Take both from this TOML file.")
]
_Dataset = Annotated[
    str | None, typer.Option("--dataset", "-d", help="Or a shipped one: liquid, crystal, polymer.")
]
_TopologyFormat = Annotated[
    str | None, typer.Option(help="For names MDAnalysis does not know, e.g. DATA.")
]
_AtomStyle = Annotated[
    str | None, typer.Option(help="Columns of a LAMMPS data file, e.g. 'id type charge x y z'.")
]
_Events = Annotated[
    str | None,
    typer.Option(
        "--events", "-e", help="Names, by commas; default all in which something happens."
    ),
]
_Bulk = Annotated[str, typer.Option(help="What is not followed: dim, hide or keep.")]
_Trail = Annotated[int, typer.Option(help="Keep a color for so many analysed frames.")]
_ColorBy = Annotated[str, typer.Option(help="events or macrostates.")]
_Arrows = Annotated[bool, typer.Option(help="Arrows of the displacements.")]


def _trajectory_of(
    topology: Path | None,
    trajectory: list[Path] | None,
    config: Path | None,
    dataset: str | None,
    topology_format: str | None,
    atom_style: str | None,
) -> Any:
    """The Universe meant by the options, one of three ways to name it."""
    from .. import datasets
    from .config import load_config, open_universe

    ways = [topology is not None or bool(trajectory), config is not None, dataset is not None]
    if sum(ways) != 1:
        raise InputError(
            "say in one way which trajectory was analysed: --topology FILE --trajectory FILE, or "
            "--config ionmech.toml, or --dataset NAME"
        )
    if dataset is not None:
        return datasets.load(dataset)
    if config is not None:
        settings = load_config(config)
        return open_universe(settings.topology, settings.trajectories, settings.universe)
    if topology is None or not trajectory:
        raise InputError("give both, --topology FILE and --trajectory FILE")
    for path in (topology, *trajectory):
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}")
    options = {"topology_format": topology_format, "atom_style": atom_style}
    return open_universe(topology, trajectory, {k: v for k, v in options.items() if v is not None})


def _numbers(text: str, option: str, n: int, separator: str) -> tuple[float, ...]:
    try:
        values = tuple(float(v) for v in text.split(separator))
    except ValueError:
        values = ()
    if len(values) != n:
        example = separator.join(["800", "600"] if n == 2 else ["-1", "-2", "-0.7"])
        raise InputError(f"{option} {text!r} is not {n} numbers, e.g. {example}")
    return values


@app.command()
def render(
    states: _States,
    topology: _Topology = None,
    trajectory: _Trajectory = None,
    config: _Config = None,
    dataset: _Dataset = None,
    events: _Events = None,
    frame: Annotated[
        list[int] | None,
        typer.Option("--frame", "-f", help="Frame of the trajectory; may repeat."),
    ] = None,
    images: Annotated[
        int, typer.Option(help="Without --frame: so many frames with most of these events.")
    ] = 3,
    animate: Annotated[
        int, typer.Option(help="Analysed frames in a GIF that begins at the first image; 0: none.")
    ] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the images.")] = Path(
        "ionmech-images"
    ),
    size: Annotated[str, typer.Option(help="Pixels, width x height.")] = "800x600",
    renderer: Annotated[str, typer.Option(help="standard, tachyon or ospray.")] = "standard",
    color_by: _ColorBy = "events",
    arrows: _Arrows = True,
    bulk: _Bulk = "dim",
    trail: _Trail = 0,
    direction: Annotated[
        str, typer.Option(help="Into which the camera looks, x,y,z.")
    ] = "-1,-2.2,-0.75",
    topology_format: _TopologyFormat = None,
    atom_style: _AtomStyle = None,
) -> None:
    """Draw images and a GIF of chosen events, with a legend and without a screen.

    Needs OVITO, pip install 'mda-ionmech\\[ovito]', and a Vulkan driver.

    Example: [bold]ionmech render ionmech-demo/crystal.states.npz -d crystal --animate 30[/bold]
    """
    from ..viewing.scene import build_scene, chosen_events, require_ovito

    require_ovito()
    from ..viewing.render import render_events

    folder = _folder(output, "--output")
    width, height = _numbers(size, "--size", 2, "x")
    scene = build_scene(
        _trajectory_of(topology, trajectory, config, dataset, topology_format, atom_style),
        states,
        events=events,
        color_by=color_by,
        arrows=arrows,
        bulk=bulk,
        trail=trail,
        direction=_numbers(direction, "--direction", 3, ","),
    )
    written = render_events(
        scene,
        folder,
        states.name.removesuffix(".npz").removesuffix(".states"),
        events=chosen_events(scene.states, events),
        frames=frame,
        images=images,
        animate=animate,
        size=(int(width), int(height)),
        renderer=renderer,
    )
    _list_written(_console(), written)


@app.command()
def view(
    states: _States,
    topology: _Topology = None,
    trajectory: _Trajectory = None,
    config: _Config = None,
    dataset: _Dataset = None,
    events: _Events = None,
    color_by: _ColorBy = "events",
    arrows: _Arrows = True,
    bulk: _Bulk = "dim",
    trail: _Trail = 0,
    topology_format: _TopologyFormat = None,
    atom_style: _AtomStyle = None,
) -> None:
    """Look at the events in a window: play, change parameters, click on what carried the ions.

    Needs pip install 'mda-ionmech\\[viewer]', a screen and a Vulkan driver.

    Example: [bold]ionmech view ionmech-demo/liquid.states.npz --dataset liquid[/bold]
    """
    from ..viewing.scene import build_scene, require_ovito

    require_ovito("viewer")
    from ..viewing.window import application, open_window

    app = application()
    scene = build_scene(
        _trajectory_of(topology, trajectory, config, dataset, topology_format, atom_style),
        states,
        events=events,
        color_by=color_by,
        arrows=arrows,
        bulk=bulk,
        trail=trail,
    )
    window = open_window(scene)
    app.exec()
    window.close()


@app.command()
def export(
    states: _States,
    output: Annotated[Path, typer.Argument(help="The dump to write, e.g. run.lammpstrj.")],
    topology: _Topology = None,
    trajectory: _Trajectory = None,
    config: _Config = None,
    dataset: _Dataset = None,
    start: Annotated[int | None, typer.Option(help="First frame.")] = None,
    stop: Annotated[int | None, typer.Option(help="Frame to stop before.")] = None,
    step: Annotated[int | None, typer.Option(help="Every so many frames.")] = None,
    topology_format: _TopologyFormat = None,
    atom_style: _AtomStyle = None,
) -> None:
    """Write a LAMMPS dump with integer columns event and macrostate, for OVITO Basic.

    Example: [bold]ionmech export run.states.npz run.lammpstrj -c ionmech.toml --step 10[/bold]
    """
    from ..viewing.dump import write_dump

    universe = _trajectory_of(topology, trajectory, config, dataset, topology_format, atom_style)
    path, legend = write_dump(universe, states, output, start=start, stop=stop, step=step)
    console = _console()
    for column, names in legend.items():
        if names:
            listed = ", ".join(f"{code} {name}" for code, name in names.items())
            console.print(f"{column}: 0 none, {listed}")
    _list_written(console, [path])


@app.command()
def arrhenius(
    results: Annotated[list[Path], typer.Argument(help="Result files, one per temperature.")],
    window: Annotated[
        float | None, typer.Option("--window", "-w", help="Length of the window, ps.")
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(help="Of the path and slope views, ps.")
    ] = None,
    horizon: Annotated[float | None, typer.Option(help="Of the path and slope views, ps.")] = None,
    species: Annotated[str | None, typer.Option(help="Whose events are fitted.")] = None,
    view: Annotated[str, typer.Option(help="auto, window, path or slope.")] = "auto",
    model: Annotated[
        str, typer.Option(help="arrhenius, or vtf to fit that law beside it.")
    ] = "arrhenius",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the files it writes.")
    ] = Path("ionmech-arrhenius"),
) -> None:
    """Activation energies of the whole and of every event, from several temperatures.

    Prints the energies and their budget, and writes them with the Arrhenius figure.

    Example: [bold]ionmech arrhenius 500K.nc 600K.nc 800K.nc[/bold]
    """
    from .. import plotting
    from ..results.arrhenius import arrhenius as fit
    from ..results.tables import print_arrhenius

    console = _console()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fits = fit(results, window=window, resolution=resolution, horizon=horizon,
                   species=species, view=view, model=model)  # fmt: skip
    folder = _folder(output, "--output")
    print_arrhenius(console, fits)
    for one in caught:
        if one.category is UserWarning:
            console.print(f"[yellow]Warning:[/yellow] {str(one.message).rstrip('.')}.")
    written = [
        fits.save(folder / "arrhenius.nc"),
        plotting.save(fits.plot(), folder / "arrhenius.png"),
    ]
    _list_written(console, written)


@app.command()
def schema() -> None:
    """Print the JSON schema of the TOML file, for editors that check and complete it.

    Example: [bold]ionmech schema > ionmech.schema.json[/bold]
    """
    import json

    from .config import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


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
