"""Peak memory of runs whose data are ten times their budget, each in a process of its own.

    python -m benchmarks.memory [CASE ...] [--carriers 2000] [--frames 10000] [--share 0.1]
                                [--without] [--stages]

The data are made frame by frame, so that the process holds nothing but what the analysis holds.
A budget is a share of the positions, 24 bytes per frame for each carrier and each ligand atom that
is followed. What is measured is anonymous memory, VmRSS less RssFile of /proc/PID/status: what the
process allocated, without the pages of files, which the operating system takes back as it likes.
The largest of samples every few milliseconds is compared with the budget + 300 MB, imports
included.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

#: What a run may take beside its budget, bytes.
ALLOWANCE = 300_000_000
#: Budget of a small run before each case, bytes.
WARM = 1_000_000


#: Seconds between two looks at a process.
EVERY = 0.004


def anonymous(process: int | str = "self") -> int:
    """Resident size of a process without pages of files, bytes; 0 if it has ended."""
    found = {"VmRSS": 0, "RssFile": 0}
    with suppress(OSError), open(f"/proc/{process}/status", encoding="ascii") as file:
        for line in file:
            name = line.partition(":")[0]
            if name in found:
                found[name] = int(line.split()[1]) * 1024
    return found["VmRSS"] - found["RssFile"]


def _liquid(n: int, frames: int, changed: float, *, wander: bool, **options: Any) -> Any:
    from mda_ionmech import IonSpecies, OnsagerDecomposition
    from mda_ionmech.events import SolvationEvents
    from mda_ionmech.macrostates import IonPairing
    from mda_ionmech.microstates import CutoffShell

    from . import made

    u = made.liquid(n, frames, changed, wander=wander)
    shell = CutoffShell(3.0, solvent=u.select_atoms("name S"), anion=u.select_atoms("name A"))
    paired = {"macrostates": IonPairing()} if options.pop("paired", False) else {}
    ions = IonSpecies(
        u.select_atoms("name C"), charge=1, name="ion", microstates=shell,
        events=SolvationEvents(), **paired,
    )  # fmt: skip
    return OnsagerDecomposition([ions], temperature=300.0, frame="laboratory", **options)


def _crystal(n: int, frames: int, changed: float, *, assignment: str, **options: Any) -> Any:
    from mda_ionmech import IonSpecies, OnsagerDecomposition
    from mda_ionmech.events import CrystalEvents
    from mda_ionmech.macrostates import SiteType
    from mda_ionmech.microstates import SiteAssignment

    from . import made

    u, sites, labels = made.crystal(n, frames, changed)
    found = SiteAssignment.from_structure(
        sites, labels, framework=u.select_atoms("name F"), assignment=assignment
    )
    ions = IonSpecies(
        u.select_atoms("name C"), charge=1, name="ion", microstates=found,
        events=CrystalEvents(), macrostates=SiteType(),
    )  # fmt: skip
    return OnsagerDecomposition([ions], temperature=300.0, **options)


#: Name of a case to its analysis, of carriers, frames and options, and what it is.
CASES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "few": (_liquid, {"changed": 0.07, "wander": False}, "7% change, few distinct shells"),
    "many": (_liquid, {"changed": 0.07, "wander": True}, "7% change, most shells new"),
    "most": (_liquid, {"changed": 0.5, "wander": True}, "50% change, most shells new"),
    "paired": (
        _liquid,
        {"changed": 0.07, "wander": True, "paired": True},
        "7% change, ion pairs as macrostates",
    ),
    "vehicle": (
        _liquid,
        {"changed": 0.07, "wander": True, "projection": "vehicle", "unwrap": False},
        "7% change, four ligands per carrier followed",
    ),
    "nearest": (_crystal, {"changed": 0.01, "assignment": "nearest"}, "sites, nearest"),
    "core": (_crystal, {"changed": 0.01, "assignment": "core"}, "sites, cores, site types"),
}


def bodies(case: str, n_carriers: int) -> int:
    """Carriers, and ligand atoms that are followed like them."""
    from .made import LIGANDS

    return n_carriers * (1 + LIGANDS) if case == "vehicle" else n_carriers


@contextmanager
def _sampled(every: float) -> Iterator[dict[str, int]]:
    """Largest anonymous memory by what the run is at, looked at now and then."""
    largest: dict[str, int] = {}
    done = threading.Event()

    def look() -> None:
        while not done.wait(every):
            where = sys._current_frames()[main]
            stage = "other"
            while where is not None:
                name = where.f_code.co_name
                if "mda_ionmech" in where.f_code.co_filename:
                    stage = f"{os.path.basename(where.f_code.co_filename)}:{name}"
                    break
                where = where.f_back  # type: ignore[assignment]
            largest[stage] = max(largest.get(stage, 0), anonymous())

    main = threading.get_ident()
    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield largest
    finally:
        done.set()
        watcher.join()


def one(
    case: str, n_carriers: int, n_frames: int, budget: int | None, stages: bool, save: str
) -> None:
    """Run a case here, save it in a folder if one is given, and print what was measured as JSON."""
    for module in (
        "mda_ionmech.analysis.decomposition",
        "mda_ionmech.analysis.assembly",
        "numba",
    ):
        importlib.import_module(module)
    compiled: list[logging.LogRecord] = []
    told = logging.Handler()
    told.emit = compiled.append  # type: ignore[method-assign]
    logging.getLogger("mda_ionmech.lib.kernels").addHandler(told)
    imported = anonymous()
    make, options, _ = CASES[case]
    memory = None if budget is None else f"{budget / 1e6}MB"
    analysis = make(n_carriers, n_frames, **options, memory=memory)
    begin = time.perf_counter()
    largest: dict[str, int] = {}
    if stages:
        with _sampled(0.005) as largest:
            analysis.run()
    else:
        analysis.run()
    seconds = time.perf_counter() - begin
    if save:
        analysis.save(os.path.join(save, "run.nc"))
        analysis.save_states(os.path.join(save, "run.states.npz"), 2.0)
    shells = {s["name"]: s["microstates"] for s in analysis.results.settings["species"]}
    print(
        json.dumps(
            {
                "imported": imported,
                "seconds": seconds,
                "changed": shells["ion"]["changed_per_frame"],
                "compiled": bool(compiled),
                "distinct": shells["ion"]["distinct_shells"],
                "stages": dict(sorted(largest.items(), key=lambda x: -x[1])[:14]),
            }
        )
    )


def measure(
    case: str,
    n_carriers: int,
    n_frames: int,
    budget: int | None,
    stages: bool = False,
    save: str = "",
) -> Any:
    """`one` in a process of its own, and the largest anonymous memory of that process."""
    command = [sys.executable, "-m", "benchmarks.memory", "--one", case]
    command += ["--carriers", str(n_carriers), "--frames", str(n_frames)]
    command += ["--budget", "0" if budget is None else str(budget)]
    command += ["--stages"] if stages else []
    command += ["--save", save] if save else []
    written, peak = watched(command)
    return json.loads(written.strip().splitlines()[-1]) | {"peak": peak}


def watched(command: list[str]) -> tuple[str, int]:
    """What a process writes, and its largest anonymous memory, bytes."""
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            time.sleep(EVERY)
        assert process.stdout is not None
        written = process.stdout.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return written, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--carriers", type=int, default=2000)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--share", type=float, default=0.1, help="budget over positions")
    parser.add_argument("--without", action="store_true", help="also without a budget")
    parser.add_argument("--stages", action="store_true", help="what was held at which stage")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--budget", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--save", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        warnings.simplefilter("ignore")
        about = options.carriers, options.frames, options.budget or None, options.stages
        one(options.one, *about, options.save)
        return
    print(
        "| case | carriers x frames | positions, MB | distinct shells | budget, MB | "
        "after import, MB | peak, MB | bound, MB | s |\n|" + " --- |" * 9,
        flush=True,
    )
    for case in options.cases or CASES:
        # what is measured should find the kernels compiled
        measure(case, 100, 300, WARM, stages=False)
        n, frames = options.carriers, options.frames
        if CASES[case][0] is _crystal:  # distances between sites grow with their square
            n, frames = n // 5, 5 * frames
        data = 24 * bodies(case, n) * frames
        budgets = [int(options.share * data), *([None] if options.without else [])]
        for budget in budgets:
            found = measure(case, n, frames, budget, options.stages)
            bound = None if budget is None else (budget + ALLOWANCE) / 1e6
            shown = "none" if budget is None else f"{budget / 1e6:.0f}"
            within = "" if bound is None else f"{bound:.0f}"
            if bound is not None and found["peak"] / 1e6 > bound:
                within += " exceeded"
            print(
                f"| {case}: {CASES[case][2]}, {found['changed']:.1%} found | {n} x {frames} | "
                f"{data / 1e6:.0f} | {found['distinct']} | {shown} | "
                f"{found['imported'] / 1e6:.0f} | {found['peak'] / 1e6:.0f} | {within} | "
                f"{found['seconds']:.0f} |",
                flush=True,
            )
            for stage, held in sorted(found["stages"].items(), key=lambda x: -x[1])[:12]:
                print(f"    {held / 1e6:6.0f} MB  {stage}", flush=True)


if __name__ == "__main__":
    main()
