"""The command `ionmech show`: tables of a result file, and answers of a saved run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..lib.errors import InputError
from ..lib.write_targets import is_file, is_folder, not_reached, shown_path
from .options import console_of, told_warnings

if TYPE_CHECKING:
    from pandas import DataFrame

    from ..analysis.loaded_run import LoadedRun
    from ..results.results import Results

#: Settings of `robustness` that are numbers or words.
_NUMBERS = ("persistence", "hysteresis", "cutoffs", "r_core", "merge")
_WORDS = ("hop_time", "assignment")
_EXAMPLE = "give e.g. --vary persistence=0,2,10"


def show(
    result: Annotated[
        Path, typer.Argument(help="A result file, *.nc, or a saved run, the folder *.run.")
    ],
    window: Annotated[
        float | None, typer.Option("--window", "-w", help="Length of the window, ps.")
    ] = None,
    view: Annotated[
        str | None,
        typer.Option(help="diffusive, window, path or slope; default diffusive, or --window."),
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(help="Of the path or slope view, ps; default as recommended.")
    ] = None,
    horizon: Annotated[
        float | None, typer.Option(help="Of the path or slope view, ps; default as recommended.")
    ] = None,
    species: Annotated[
        str | None,
        typer.Option(help="Of one view or answer; default the first with events."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Split every event by a flag, ligand or channel. Of a saved run."),
    ] = None,
    residence_times: Annotated[
        bool, typer.Option("--residence-times", help="How long contacts last. Of a saved run.")
    ] = False,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="Shares with other settings, e.g. persistence=0,2,10; may repeat. Of a saved run."
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            help="Own class of a saved run, module:Class, or the TOML file that names it; may "
            "repeat. Its module is imported."
        ),
    ] = None,
) -> None:
    """Print the tables of a result, its path or slope view, or what a saved run answers.

    A saved run is written by run --save-run, and holds what a result file does not.

    Example: [bold]ionmech show ionmech-demo/liquid.nc --view slope --horizon 32[/bold]
    """
    from ..lib.terminal import headed
    from ..results.load_file import load

    asked = {"--by": by, "--residence-times": residence_times, "--vary": vary}
    wanted = [name for name, value in asked.items() if value]
    run = _saved(result, wanted, classes or [])
    reading = {"window": window, "view": view, "resolution": resolution, "horizon": horizon}
    if not wanted:
        _tables(load(result) if run is None else run.results, reading, species)
        return
    assert run is not None
    console = console_of()
    with told_warnings() as told:
        tables = list(_answers(run, by, residence_times, vary or [], reading, species))
    for title, table in tables:
        console.print(headed(title, "", "bold"), soft_wrap=True)
        console.print(str(table), soft_wrap=True, markup=False, highlight=False)
    for text in told:
        console.print(headed("Warning:", f"{text.rstrip('.')}."), soft_wrap=True)


def _answers(
    run: LoadedRun,
    by: str | None,
    residence_times: bool,
    vary: list[str],
    reading: dict[str, Any],
    species: str | None,
) -> Iterator[tuple[str, DataFrame]]:
    """Titles and tables of what is asked of a saved run."""
    if by is not None:
        table = run.results.summary(by=by, species=species, **reading)
        about = table.attrs
        lengths = [f"{key} {about[f'{key}_ps']:g} ps" for key in ("window", "resolution", "horizon")
                   if f"{key}_ps" in about]  # fmt: skip
        view = about.get("view", "window")
        where = "diffusive limit" if view == "diffusive" else f"{view} view"
        yield f"{about['species']}: events by {by}, {where}, {', '.join(lengths)}", table
    if residence_times:
        table = run.residence_times(species=species)
        level = table.attrs["level"]
        yield f"Residence times, {level:.0%} intervals", table
    if vary:
        table = run.robustness(**_settings(vary), window=reading["window"], species=species)
        yield "Shares with other settings, one at a time", table


def _saved(path: Path, wanted: list[str], classes: list[str]) -> LoadedRun | None:
    """The saved run in a folder; None for a result file, of which nothing may be wanted."""
    from ..analysis.loaded_run import load_run

    if is_folder(path):
        return load_run(path, classes=_own_classes(classes))
    if wanted and not is_file(path):
        raise FileNotFoundError(
            f"no saved run at {shown_path(path)}{not_reached(path)}; write one with ionmech run "
            "CONFIG --save-run"
        )
    if wanted:
        raise InputError(
            f"{wanted[0]} needs the labels of all ions, which the result file {shown_path(path)} "
            "does not hold; write them with ionmech run CONFIG --save-run, and give that folder, "
            f"{path.stem}.run"
        )
    return None


def _own_classes(named: list[str]) -> list[type]:
    """The classes at import paths, and those that configurations name; their modules are run."""
    from .config import own_rules
    from .rules import imported_class

    found: dict[type, None] = {}
    for text in named:
        if text.lower().endswith(".toml"):
            found.update(dict.fromkeys(own_rules(Path(text))))
        else:
            found[imported_class(text, object, Path.cwd())] = None
    return list(found)


def _tables(results: Results, reading: dict[str, Any], species: str | None) -> None:
    """The tables of a result, or its path or slope view."""
    from ..results.tables import print_result, view_table

    window, view = reading["window"], reading["view"]
    if view is None or view == "window":
        if view == "window" and window is None:
            window = float(results.at_window()["window"])
        print_result(console_of(), results, window)
        return
    lengths = {key: reading[key] for key in ("resolution", "horizon")}
    console_of().print(view_table(results, view, **lengths, species=species))


def _settings(vary: list[str]) -> dict[str, list[Any]]:
    """Arguments of `robustness` from texts such as ``persistence=0,2,10``."""
    from ..lib.checks import shown

    out: dict[str, list[Any]] = {}
    for text in vary:
        name, _, values = (part.strip() for part in text.partition("="))
        if name not in (*_NUMBERS, *_WORDS):
            known = ", ".join((*_NUMBERS, *_WORDS))
            raise InputError(
                f"--vary {shown(text)}: unknown setting {shown(name)}; those are {known}: "
                f"{_EXAMPLE}"
            )
        listed = [value.strip() for value in values.split(",") if value.strip()]
        try:
            found: list[Any] = listed if name in _WORDS else [float(value) for value in listed]
        except ValueError:
            found = []
        if not found:
            raise InputError(f"--vary {shown(text)}: no list of values; {_EXAMPLE}")
        out[name] = [*out.get(name, []), *found]
    return out
