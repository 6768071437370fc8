"""Where the time of a frame goes, as Markdown.

    python -m benchmarks.frame_profile [--quick]      # mda_ionmech[profile]

py-spy looks 200 times a second which functions the frame stage is in; a kernel is named by the line
that calls it. A row is its share of the looks times the CPU time of a frame.
"""

from __future__ import annotations

import argparse
import builtins
import json
import linecache
import re
import sys
import sysconfig
import tempfile
import warnings
from collections import Counter
from pathlib import Path

from MDAnalysis.coordinates.base import FrameIteratorIndices

from mda_ionmech.analysis.decomposition import OnsagerDecomposition
from mda_ionmech.analysis.labelling import label
from mda_ionmech.lib.kernels import Kernel
from mda_ionmech.trajectory.paths import finish_paths

from .environments import LeftOut, call
from .ours import analysis
from .system import make_file, open_file, read
from .timing import least

FRAME = OnsagerDecomposition._single_frame.__qualname__
#: By a function that is under way, beside the kernels of a frame.
PARTS = {
    FrameIteratorIndices.__iter__.__qualname__: "reading",
    FRAME: "Python between the kernels",
    OnsagerDecomposition._setup_frames.__qualname__: "checks before the first frame",
    OnsagerDecomposition._absorb.__qualname__: "paths of ions",
    finish_paths.__qualname__: "paths of ions",
    label.__qualname__: "interning of shells",
}
#: A function as py-spy writes it: name (file:line).
LOOK = re.compile(r"(.+) \((.+):(\d+)\)")


def part_of(stack: str) -> str:
    """Which row a stack of functions, outermost first, belongs to."""
    functions = [match.groups() for one in stack.split(";") if (match := LOOK.fullmatch(one))]
    names = [name for name, _, _ in functions]
    if FRAME in names and names[-1] == Kernel.__call__.__qualname__:
        _, file, line = functions[-2]
        called = re.findall(r"(\w+)\(", linecache.getline(file, int(line)))
        called = [one for one in called if not hasattr(builtins, one)]
        return f"kernel `{[names[-2], *called][-1]}`"
    return next((part for name, part in PARTS.items() if name in names), "all else")


def measure(file: Path, turns: int) -> None:
    """Run the frame stage, for py-spy to look at, and print seconds per frame in JSON."""
    universe = open_file(file)
    stage = analysis(universe, frames_only=True)
    stage.run()
    seconds = least({"reading": lambda: read(universe), "stage": stage.run}, turns)
    changed = stage.results.species[0].microstates.report["changed_per_frame"]
    n_frames = universe.trajectory.n_frames
    print(json.dumps({k: s / n_frames for k, s in seconds.items()} | {"changed": changed}))


def profile(file: Path, turns: int) -> str:
    """The table of one file."""
    stacks = file.with_suffix(".stacks")
    command = [
        Path(sysconfig.get_path("scripts")) / "py-spy", "record", "--rate", "200",
        "--full-filenames", "--format", "raw", "--output", stacks, "--",
        sys.executable, "-m", "benchmarks.frame_profile", "--measure", file, "--turns", str(turns),
    ]  # fmt: skip
    (answer,) = (x for x in call(command, 1800).splitlines() if x.startswith("{"))
    found = json.loads(answer)
    looks: Counter[str] = Counter()
    for line in stacks.read_text().splitlines():
        stack, number = line.rsplit(" ", 1)
        if f";{least.__qualname__} (" in stack and ";measure.<locals>.<lambda> (" not in stack:
            looks[part_of(stack)] += int(number)
    lines = [
        f"{found['changed']:.0%} of the shells change per frame; {looks.total()} looks; reading "
        f"alone takes {1e6 * found['reading']:.0f} us.\n",
        "| part | us per frame | share |\n| --- | --- | --- |",
    ]
    for part, number in [*looks.most_common(), ("frame stage", looks.total())]:
        share = number / looks.total()
        lines.append(f"| {part} | {1e6 * share * found['stage']:.0f} | {share:.1%} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer frames")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, default=20)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.measure:
        measure(options.measure, options.turns)
        return
    with tempfile.TemporaryDirectory() as folder:
        for step in (0.01, 0.1):  # A per axis and frame: slow and fast changes of the shells
            file = make_file(Path(folder) / f"{step}.xtc", 100 if options.quick else 500, step=step)
            try:
                print(profile(file, options.turns), flush=True)
            except LeftOut as reason:
                sys.exit(f"no profile: {reason}; pip install py-spy, and let it trace processes")


if __name__ == "__main__":
    main()
