"""Every format, cell and backend against the same frames from memory: a page of the documentation.

``python -m tests.files.table`` tries all cases and writes docs/validation/files.md anew; the tests
hold every case to what the page says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from .cases import BACKENDS, Library, cases, entries

PAGE = Path(__file__).parents[2] / "docs" / "validation" / "files.md"
#: What a run from files is compared with.
AGAINST = ("memory", "brute force", "what was written")
#: Below this nothing is told apart.
FLOOR = 1e-13
HEAD = """\
# Files: formats, cells, backends

A trajectory on disk must give the same results as its frames in memory. Four lithium ions, four
diatomic anions and ten solvent molecules perform random walks over {n_frames} frames, wrapped into
cells that are constant or fluctuate by 3%, independently in every direction, orthorhombic or
triclinic (with fluctuating angles). The frames are written in every format below, to one file and
to two consecutive ones, and read whole and in part (`start`, `stop` and `step`), in this process,
by two processes, and by two workers of Dask: {n_cases} cases.

Compared in each case are the mean volume and its variance, every $L_{{AB}}$ and self coefficient of
three windows and their contributions by event, relative to the largest self coefficient of the
window (the variance to that of a cell that fluctuates by 3%). All shells of all frames and the
counts of events must be equal. The columns hold the power of ten above the largest deviation: the
first three from the same frames read into memory beforehand and from brute force on them (sets and
NumPy, no code of the package, with the images of every atom known), whichever is larger; the last
one, of all backends, from brute force on the frames before they were written.

- The frames lie on a grid of 0.01 A and 0.01 degrees, which every format holds; what the last
  column shows is single precision, and the box of GRO, which is rounded to 0.0001 A.
- From memory the numbers are the same bit for bit, except for DCD, whose frame spacing is kept in
  units of the engine (4e-9 of it is lost).
- LAMMPS dumps have a moving origin and shuffled atoms; their time, and that of PDB, GRO and XYZ, is
  not in the file: `dt` was given.

This page is written by the tests, and each case is checked against it. Terms are defined in the
{{doc}}`../glossary`.

| format | cell | cases | serial | multiprocessing | dask | what was written |
|---|---|---|---|---|---|---|
"""


def bound(value: float) -> float:
    """A power of ten well above a deviation, the same on every machine."""
    return float(10.0 ** np.ceil(np.log10(3 * max(value, FLOOR / 3))))


def row(format: str, cell: str, n_cases: int, bounds: list[float]) -> str:
    return f"| {format} | {cell} | {n_cases} | {' | '.join(f'{b:.0e}' for b in bounds)} |"


@cache
def limits(format: str, cell: str) -> dict[str, float]:
    """What the page says of a format and cell, by backend and for ``"what was written"``."""
    start = f"| {format} | {cell} | "
    (line,) = [x for x in PAGE.read_text().splitlines() if x.startswith(start)]
    numbers = [float(x) for x in line.removeprefix(start).strip("| ").split(" | ")]
    return dict(zip((*BACKENDS, AGAINST[2]), numbers[1:], strict=True))


@contextmanager
def dask_client() -> Iterator[object]:
    """Two workers of one thread each, in this process: what they read was sent to them pickled."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def page() -> str:
    """Try all cases."""
    from .systems import N_FRAMES

    worst: dict[tuple[str, str], dict[str, float]] = {}
    number = dict.fromkeys(entries(), 0)
    with tempfile.TemporaryDirectory() as folder, dask_client():
        library = Library(Path(folder))
        for entry in entries():
            found = worst.setdefault(entry, dict.fromkeys((*BACKENDS, AGAINST[2]), 0.0))
            for backend in BACKENDS:
                for case in cases(*entry, backend):
                    memory, brute, written = library.deviations(case)
                    found[backend] = max(found[backend], memory, brute)
                    found[AGAINST[2]] = max(found[AGAINST[2]], written)
                    number[entry] += 1
    lines = [row(*e, number[e], [bound(v) for v in found.values()]) for e, found in worst.items()]
    head = HEAD.format(n_frames=N_FRAMES, n_cases=sum(number.values()))
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
