"""Finds the trajectory that a result was made from, by the files its settings record."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import datasets
from ..lib.errors import InputError
from ..trajectory.open_files import open_files

REMEDY = (
    "give the trajectory of the analysis: --topology FILE --trajectory FILE, or --config "
    "ionmech.toml, or --dataset NAME"
)
#: Folders above that of the result in which files are searched.
LEVELS = 4


def recorded_universe(settings: Mapping[str, Any], result: Path, remedy: str = REMEDY) -> Any:
    """Universe of the files from which a result was made.

    They are taken where they were; else at the same places relative to the folder of the result or
    one of the four folders above it, as after a project was moved or copied; else beside the
    result. Shipped trajectories are known by their names.

    Parameters
    ----------
    settings : mapping
        Of the result.
    result : pathlib.Path
        Its file.
    remedy : str
        What to give where nothing is found, for the message.

    Returns
    -------
    MDAnalysis.Universe

    Raises
    ------
    InputError
        If files are missing or others than those analysed, naming them and what to give.
    """
    if "replicas" in settings:
        raise InputError(
            f"{result} pools replicas and holds no states of single frames; give the result of one "
            "replica"
        )
    files = settings.get("files") or {
        "topology": settings.get("topology"),
        "trajectory": [n for n in str(settings.get("trajectory") or "").split(", ") if n],
        "options": {},
    }
    topology, trajectory = files["topology"], list(files["trajectory"])
    if not trajectory or trajectory == ["in memory"]:
        raise InputError(
            f"{result} was made from coordinates in memory, so it names no files; {remedy}"
        )
    found = _shipped(str(topology))
    if found is None:
        options = dict(files["options"])
        cells = [options["cell_file"]] if options.get("cell_file") else []
        paths = find_files([topology or trajectory[0], *trajectory, *cells], result, remedy)
        if cells:
            options["cell_file"] = paths.pop()
        found = open_files(paths[0], paths[1:], options)
    _check_same(found, settings, result, remedy)
    return found


def _shipped(topology: str) -> Any:
    """The shipped trajectory of which this is the topology, with its elements; None for others."""
    parts = Path(topology).parts
    if parts[-4:-2] != ("mda_ionmech", "datasets") or parts[-2] not in datasets.list():
        return None
    temperature = re.search(r"\.T(\d+)\.", parts[-1])
    return datasets.load(parts[-2], float(temperature[1]) if temperature else None)


def find_files(recorded: Sequence[str], result: Path, remedy: str = REMEDY) -> list[Path]:
    """Files at their recorded places, or moved together with the result.

    Raises
    ------
    InputError
        Naming those that are missing, and where they were searched.
    """
    wanted = [Path(name) for name in recorded]
    nearest: list[bool] = []  # what is found where most files are
    for places in _places(wanted, result.absolute().parent):
        found = [path.is_file() for path in places]
        if all(found):
            return places
        if sum(found) > sum(nearest):
            nearest = found
    absent = (
        [w for w, is_there in zip(wanted, nearest, strict=True) if not is_there]
        if nearest
        else wanted
    )
    names = ", ".join(dict.fromkeys(str(path) for path in absent))
    raise InputError(
        f"{result} was made from {names}, not found there nor at the same place relative to "
        f"{result.absolute().parent} or the folders above it; {remedy}"
    )


def _places(wanted: Sequence[Path], folder: Path) -> Iterator[list[Path]]:
    """Lists of the files at places where they may be, the most certain first."""
    yield list(wanted)
    if all(path.is_absolute() for path in wanted):
        common = Path(os.path.commonpath([path.parent for path in wanted]))
        below = [path.relative_to(common) for path in wanted]
        parts = common.parts[1:]
        for above in (folder, *list(folder.parents)[:LEVELS]):
            for first in range(len(parts) + 1):
                yield [above.joinpath(*parts[first:], path) for path in below]
    yield [folder / path.name for path in wanted]


def _check_same(universe: Any, settings: Mapping[str, Any], result: Path, remedy: str) -> None:
    """Refuse files with other numbers of atoms or frames; see `check_frames` for coordinates."""
    for what, now, then in (
        ("atoms", universe.atoms.n_atoms, settings.get("n_atoms")),
        ("frames", universe.trajectory.n_frames, settings.get("n_frames_in_trajectory")),
    ):
        if then is not None and now != then:
            raise InputError(
                f"the files that {result} names have {now} {what} now, but had {then} when they "
                f"were analysed; {remedy}"
            )
