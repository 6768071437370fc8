"""Everything that is timed, as Markdown.

    python -m benchmarks [--quick] [--no-peers] [--repeat 3] [--environment FOLDER]

CPU seconds of one core, the least of several turns; what is compared takes turns in one run. The
peers of the extra `peers` are installed in an environment beside this one, those that do not suit
the others in one of their own; one that cannot be installed or fails is left out with the reason.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .environments import LeftOut, find_place, requirements
from .ours import analysis, crystal, crystal_frames, window_stage, write_crystal
from .peers import PEERS, Peer, run_peer
from .system import FRAMEWORK, SITES, make_crystal, make_file, open_crystal, open_file, read
from .timing import exponent, least


def machine() -> str:
    """The processor and the versions, in a line."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    import MDAnalysis
    import numba
    import numpy

    return (
        f"{model}, Python {platform.python_version()}, numpy {numpy.__version__}, numba "
        f"{numba.__version__}, MDAnalysis {MDAnalysis.__version__}"
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines) + "\n"


def stages(path: Path, n_frames: int, repeat: int) -> str:
    """Frame stage and whole analysis of one file against reading it."""
    universe = open_file(path)
    frame_stage = analysis(universe, frames_only=True)
    whole = {n: analysis(universe, n_windows=n) for n in (1, 12, 30)}
    for one in (frame_stage, *whole.values()):
        one.run()
    changed = frame_stage.results.species[0].microstates.report["changed_per_frame"]
    seconds = least(
        {
            "reading": lambda: read(universe),
            "frame stage": frame_stage.run,
            **{f"whole analysis, windows: {n}": one.run for n, one in whole.items()},
        },
        repeat,
    )
    rows = [
        [name, f"{1000 * s / n_frames:.2f}", f"{s / seconds['reading']:.2f}"]
        for name, s in seconds.items()
    ]
    return (
        f"20 000 atoms, {n_frames} frames of XTC, 1 000 ions, 8 000 ligands, 3.5 A; "
        f"{changed:.0%} of the shells change per frame.\n\n"
        + table(["stage", "ms per frame", "times reading"], rows)
    )


def sites(folder: Path, repeat: int, quick: bool) -> str:
    """Frame stage of carriers on sites against reading the file."""
    kinds = {"paths alone": None, "nearest": "nearest", "core": "core"}
    rows = []
    for cubes, n_frames in (((10, 10, 20), 200), ((20, 25, 40), 60)):
        n_frames //= 4 if quick else 1
        n = int(np.prod(cubes))
        universe = open_crystal(make_crystal(folder / f"{n}.xtc", n_frames, cubes), cubes)
        actions: dict[str, Callable[[], object]] = {"reading": lambda u=universe: read(u)}
        settling = 0.0
        for name, assignment in kinds.items():
            actions[name], settling = crystal_frames(universe, cubes, assignment)
        seconds = least(actions, repeat)
        rows.append([f"{n}", f"{len(SITES) * n}", f"{len(FRAMEWORK) * n}"])
        for s in seconds.values():
            rows[-1].append(f"{1000 * s / n_frames:.2f} ({s / seconds['reading']:.2f})")
        rows[-1].append(f"{settling:.2f}")
    head = ["carriers", "sites", "framework atoms", "reading", *kinds, "settling, s"]
    return (
        "Up to the microstates, ms per frame (times reading); sites are settled once, on up to 200 "
        "frames.\n\n" + table(head, rows)
    )


def windows(repeat: int, quick: bool) -> str:
    """Window stage against the displacement floor."""
    size = {"n_frames": 1000} if quick else {}
    rows = []
    for change in (0.01, 0.1, 0.5):
        actions = window_stage(change, **size)
        for action in actions.values():
            action()
        seconds = least(actions, repeat)
        ratio = seconds["ours"] / seconds["floor"]
        rows.append(
            [f"{change:.0%}", f"{seconds['floor']:.2f}", f"{seconds['ours']:.2f}", f"{ratio:.2f}"]
        )
    return (
        f"{size.get('n_frames', 5000)} frames, 1 000 ions, 30 windows, 8 event classes; the floor "
        "adds up displacements and knows no events.\n\n"
        + table(["shells changing per frame", "floor, s", "ours, s", "ratio"], rows)
    )


def scaling(folder: Path, repeat: int, quick: bool) -> str:
    """Exponents of time against frames, carriers (at constant density), windows and events."""
    base = 100 if quick else 250
    rows = []

    def add(name: str, sizes: list[float], seconds: list[float], what: str) -> None:
        listed = ", ".join(f"{s:.2f}" for s in seconds)
        shown = ", ".join(f"{x:g}" for x in sizes)
        rows.append([what, name, shown, listed, f"{exponent(sizes, seconds):.2f}"])

    frames = [base, 2 * base, 4 * base]
    path = make_file(folder / "frames.xtc", frames[-1], 500)
    universe = open_file(path, 500)
    one = analysis(universe, frames_only=True)
    one.run(stop=frames[0])
    found = least({str(n): lambda n=n: one.run(stop=n) for n in frames}, repeat)
    add("frames", [float(n) for n in frames], list(found.values()), "frame stage")
    ions = [250, 500, 1000, 2000]
    seconds = []
    for n in ions:
        path = make_file(folder / f"ions-{n}.xtc", base, n)
        one = analysis(open_file(path, n), frames_only=True)
        seconds.append(least({"ours": one.run}, repeat)["ours"])
    add("carriers", [float(n) for n in ions], seconds, "frame stage")
    size = 1000 if quick else 3000
    for name, values in (
        ("frames", [size, 2 * size, 4 * size]),
        ("carriers", [250, 500, 1000]),
        ("windows", [8, 16, 32]),
        ("changes per frame", [0.01, 0.1, 0.5]),
    ):
        seconds = []
        for value in values:
            chosen = {"change": 0.01, "n_frames": size, "n_ions": 500, "n_windows": 8}
            key = {"frames": "n_frames", "carriers": "n_ions", "windows": "n_windows"}
            chosen[key.get(name, "change")] = value
            action = window_stage(**chosen)["ours"]
            action()
            seconds.append(least({"ours": action}, repeat)["ours"])
        add(name, [float(v) for v in values], seconds, "window stage")
    return table(["stage", "against", "sizes", "s", "exponent"], rows)


MEMORY = """
import json, resource, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from dataclasses import replace
from benchmarks.ours import analysis
from benchmarks.system import open_file
import mda_ionmech.analysis.assembly
from benchmarks.timing import peak_megabytes
path, n_ions, n_windows, memory = Path(sys.argv[1]), *map(int, sys.argv[2:4]), sys.argv[4]
universe = open_file(path, n_ions)
imported = peak_megabytes()
one = analysis(universe, n_windows=n_windows)
one._choices = replace(one._choices, memory=None if memory == "none" else int(memory))
one.run()
print(json.dumps({"imported": imported, "peak": peak_megabytes(),
                  "cells": n_ions * universe.trajectory.n_frames}))
"""


def memory(folder: Path, quick: bool) -> str:
    """Largest resident sizes, in processes of their own."""
    n_frames, n_ions = (1000, 500) if quick else (8000, 500)
    path = make_file(folder / "memory.xtc", n_frames, n_ions, step=0.01)
    rows = []
    data = 24 * n_ions * n_frames
    for n_windows, budget in ((4, None), (30, None), (4, data // 10)):
        command = [
            sys.executable, "-c", MEMORY, str(path), str(n_ions), str(n_windows),
            "none" if budget is None else str(budget),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        above = found["peak"] - found["imported"]
        rows.append(
            [
                f"{n_windows}",
                "none" if budget is None else f"{budget / 1e6:.0f} MB",
                f"{found['imported']:.0f}",
                f"{found['peak']:.0f}",
                f"{1e6 * (above - 300) / found['cells']:.0f}",
            ]
        )
    return f"{n_ions} carriers, {n_frames} frames: positions are {data / 1e6:.0f} MB.\n\n" + table(
        [
            "windows",
            "budget",
            "after import, MB",
            "peak, MB",
            "bytes per carrier-frame above 300 MB",
        ],
        rows,
    )


def peer_row(
    peer: Peer,
    folder: Path,
    together: list[str],
    file: Path,
    n_frames: int,
    repeat: int,
    seconds: float,
) -> list[str]:
    """A peer's row of the table: its time against our `seconds`, or why it is left out.

    folder, together: as in `find_place`.
    """
    known = requirements()
    try:
        python = find_place(folder, peer.name, [known[p] for p in peer.packages], together)
        found = run_peer(python, peer, file, 1000, repeat)
    except LeftOut as left_out:
        reason = str(left_out).replace("|", "\\|")
        return [f"{peer.name}: {peer.does}", peer.work, f"left out: {reason}", "", ""]
    return [
        f"{peer.name} {found['version']}: {peer.does}",
        peer.work,
        f"{1000 * found['cpu'] / n_frames:.2f}",
        f"{found['cpu'] / seconds:.1f}",
        f"{found['peak']:.0f}",
    ]


def peers(folder: Path, environments: Path, repeat: int, quick: bool) -> str:
    """Other programs, each against what this package does of the same kind."""
    n_frames = 50 if quick else 200
    electrolyte = make_file(folder / "peers.xtc", n_frames)
    universe = open_file(electrolyte)
    garnet = folder / "garnet.npz"
    n_garnet = write_crystal(garnet)
    mine = {
        "neighbours": analysis(universe, frames_only=True).run,
        "displacements": analysis(universe, shells=False).run,
        "sites": crystal(),
    }
    for action in mine.values():
        action()
    seconds = least(mine, repeat)
    frames = {"neighbours": n_frames, "displacements": n_frames, "sites": n_garnet}
    files = {"neighbours": electrolyte, "displacements": electrolyte, "sites": garnet}
    does = {
        "neighbours": "frame stage: shells, unwrapping, interning",
        "displacements": "decomposition without labels, 12 windows, intervals",
        "sites": "sites, hops, concerted hops with nulls, one window, intervals",
    }
    rows: list[list[str]] = []
    together: list[str] = []
    for work, s in seconds.items():
        rows.append([f"**ours**: {does[work]}", work, f"{1000 * s / frames[work]:.2f}", "1", ""])
        rows += [
            peer_row(peer, environments, together, files[work], frames[work], max(repeat - 1, 1), s)
            for peer in PEERS
            if peer.work == work
        ]
    return table(["program", "work", "ms per frame", "times ours", "peak, MB"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller inputs")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--environment", type=Path, help="keep the peers' environments here")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"# Speed\n\n{machine()}; one core.\n", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n_frames = 100 if options.quick else 500
        print("## Stages\n")
        for step in (0.1, 0.01):  # A per axis and frame: fast and slow changes of the shells
            path = make_file(folder / f"step-{step}.xtc", n_frames, step=step)
            print(stages(path, n_frames, options.repeat), flush=True)
        print(f"## Sites\n\n{sites(folder, options.repeat, options.quick)}", flush=True)
        print(f"## Windows\n\n{windows(options.repeat, options.quick)}", flush=True)
        print(f"## Scaling\n\n{scaling(folder, options.repeat, options.quick)}", flush=True)
        print(f"## Memory\n\n{memory(folder, options.quick)}", flush=True)
        if not options.no_peers:
            place = options.environment or folder / "peers"
            print(f"## Peers\n\n{peers(folder, place, options.repeat, options.quick)}")


if __name__ == "__main__":
    main()
