"""One case: frames of a cell in files of a format, read whole or in part, by a backend."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell

from .formats import FORMATS, STRIDE
from .systems import (
    CELLS,
    CUTOFF,
    DT,
    EVENTS,
    N_FRAMES,
    TEMPERATURE,
    WINDOWS,
    Frames,
    brute_force,
    frames_of,
    in_memory,
    read_back,
)

BACKENDS = ("serial", "multiprocessing", "dask")
#: Arguments of `run`.
PARTS = {"whole": {}, "part": {"start": 3, "stop": 38, "step": 2}}


@dataclass(frozen=True)
class Case:
    """What is read, and how."""

    format: str
    cell: str
    n_files: int
    part: str
    backend: str


def cases(format: str, cell: str, backend: str) -> list[Case]:
    """The cases of one entry of the table.

    In this process one file and two, whole and in part. On the other backends one of these, so
    that over the cells of a format each backend meets all four.
    """
    ways = list(product((1, 2), PARTS))
    if backend != "serial":
        ways = [ways[(CELLS.index(cell) + BACKENDS.index(backend)) % len(ways)]]
    return [Case(format, cell, n, part, backend) for n, part in ways]


def entries() -> list[tuple[str, str]]:
    """All pairs of format and cell."""
    return [
        (name, cell)
        for name, one in FORMATS.items()
        for cell in CELLS
        if not (one.constant_only and cell.startswith("fluctuating"))
    ]


def decomposed(universe, *, dt, backend="serial", **part) -> OnsagerDecomposition:
    """A run of lithium, with shells and events, and of the anions."""
    lithium = IonSpecies(
        universe.select_atoms("name LI"),
        charge=1,
        name="Li",
        microstates=CutoffShell(
            CUTOFF,
            solvent=universe.select_atoms("name O"),
            anion=universe.select_atoms("name F1"),
        ),
        events=SolvationEvents(),
    )
    anions = IonSpecies(
        universe.select_atoms("name F1 P2"), charge=-1, name="X", compound="residues"
    )
    run = OnsagerDecomposition(
        [lithium, anions], temperature=TEMPERATURE, dt=dt, resolutions=None,
        windows=[w * (dt or DT * part.get("step", 1)) for w in WINDOWS],
    )  # fmt: skip
    workers = {} if backend == "serial" else {"n_workers": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run.run(**part, backend=backend, **workers)


def answers(run: OnsagerDecomposition) -> dict:
    """What a run says, in the words of `brute_force`."""
    data = run.results.decomposition
    both = {"species": ["Li", "X"]}
    found = run.microstates["Li"]
    table = found.shells
    members = [
        (table.types[kind], int(molecule))
        for kind, molecule in zip(table.kind, table.molecule, strict=True)
    ]
    shells = [frozenset(members[first:last]) for first, last in pairwise(table.offsets)]
    return {
        "volume": run.paths.volume,
        "volume_variance": run.paths.volume_variance,
        "onsager": data["onsager"]
        .sel(both | {"species_2": ["Li", "X"]})
        .transpose("window", "species", "species_2")
        .values,
        "self": data["onsager_self"].sel(both).transpose("window", "species").values,
        "by_event": data["event_onsager"]
        .sel(species="Li", species_2="Li", event=list(EVENTS))
        .transpose("window", "event")
        .values,
        "counts": data["event_count"]
        .sel(species="Li", event=list(EVENTS))
        .transpose("window", "event")
        .values,
        "shells": [[shells[k] for k in row] for row in found.state],
    }


def deviation(found: dict, expected: dict) -> float:
    """The largest one, relative; infinite where shells or counts of events differ.

    Coefficients against the self coefficients of their window, the variance of the volume against
    that of a cell that fluctuates by 3%.
    """
    if found["shells"] != expected["shells"]:
        return np.inf
    if not np.array_equal(found["counts"], expected["counts"]):
        return np.inf
    scale = np.max(expected["self"], axis=1)
    off = [abs(found["volume"] / expected["volume"] - 1)]
    variance = 1e-3 * expected["volume"] ** 2
    off.append(abs(found["volume_variance"] - expected["volume_variance"]) / variance)
    for name in ("onsager", "self", "by_event"):
        gap = np.abs(found[name] - expected[name])
        off.append(float((gap / scale.reshape(-1, *[1] * (gap.ndim - 1))).max()))
    return float(max(off))


class Library:
    """Files of every format, written once, and what the frames in them must give."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read = cache(self._read)
        self.from_memory = cache(self._from_memory)
        self.expected = cache(self._expected)
        self.files = cache(self._files)

    def _files(self, format: str, cell: str, n_files: int) -> list[Path]:
        one, frames = FORMATS[format], frames_of(cell)
        folder = self.folder / f"{list(FORMATS).index(format)}-{CELLS.index(cell)}-{n_files}"
        folder.mkdir()
        paths = []
        for first, last in pairwise(range(0, N_FRAMES + 1, N_FRAMES // n_files)):
            path = folder / f"{one.stem}{first}{one.ending}"
            one.write(frames[first:last], STRIDE * first, path)
            paths.append(path)
        return paths

    def open(self, format: str, cell: str, n_files: int):
        return FORMATS[format].open(self.files(format, cell, n_files), frames_of(cell))

    def _read(self, format: str, cell: str) -> Frames:
        return read_back(self.open(format, cell, 1), frames_of(cell).images)

    def _from_memory(self, format: str, cell: str, part: str) -> dict:
        """The answers of the same frames from memory."""
        frames = self.read(format, cell)
        run = decomposed(in_memory(frames), dt=self._dt(format, part), **PARTS[part])
        return answers(run)

    def _expected(self, format: str | None, cell: str, part: str) -> dict:
        """The answers of brute force: for the frames in the file, or those it was written from."""
        frames = frames_of(cell) if format is None else self.read(format, cell)
        chosen = PARTS[part]
        keys = (chosen.get(k) for k in ("start", "stop", "step"))
        return brute_force(frames[slice(*keys)], DT * chosen.get("step", 1))

    def _dt(self, format: str, part: str) -> float | None:
        return None if FORMATS[format].keeps_time else DT * PARTS[part].get("step", 1)

    def deviations(self, case: Case) -> tuple[float, float, float]:
        """Of a run from files against memory, brute force, and the frames that were written."""
        universe = self.open(case.format, case.cell, case.n_files)
        run = decomposed(
            universe, dt=self._dt(case.format, case.part), backend=case.backend, **PARTS[case.part]
        )
        found = answers(run)
        return (
            deviation(found, self.from_memory(case.format, case.cell, case.part)),
            deviation(found, self.expected(case.format, case.cell, case.part)),
            deviation(found, self.expected(None, case.cell, case.part)),
        )
