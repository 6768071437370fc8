"""Time of a whole analysis over the time to read its file, in one run.

A synthetic electrolyte: 20 000 atoms, 1 000 ions, 8 000 ligand atoms (one per molecule) and 11 000
others diffuse in a cubic cell of 58.5 A; about 7 ligands within 3.5 A of an ion. The XTC is made
once in a temporary folder.

    python -m benchmarks.whole_analysis [--frames 500] [--windows 12] [--repeat 3]
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import MDAnalysis as mda
import numpy as np

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell

N_IONS, N_LIGANDS, N_ATOMS, LENGTH, CUTOFF = 1000, 8000, 20_000, 58.5, 3.5


def make_file(folder: Path, n_frames: int) -> Path:
    """Write the trajectory: positions diffuse with 0.1 A per axis and frame, seed 1."""
    rng = np.random.default_rng(1)
    positions = rng.uniform(0, LENGTH, (N_ATOMS, 3))
    universe = empty_universe()
    universe.load_new(
        positions[None].astype(np.float32), dimensions=[LENGTH] * 3 + [90.0] * 3, dt=1.0
    )
    path = folder / "large.xtc"
    with mda.Writer(str(path), N_ATOMS) as writer:
        for frame in range(n_frames):
            universe.atoms.positions = positions % LENGTH
            universe.trajectory.ts.time = float(frame)
            writer.write(universe.atoms)
            positions += rng.normal(scale=0.1, size=positions.shape)
    return path


def empty_universe() -> mda.Universe:
    universe = mda.Universe.empty(
        N_ATOMS, n_residues=N_ATOMS, atom_resindex=np.arange(N_ATOMS), trajectory=False
    )
    kinds = np.repeat(["I", "L", "O"], [N_IONS, N_LIGANDS, N_ATOMS - N_IONS - N_LIGANDS])
    universe.add_TopologyAttr("names", kinds)
    universe.add_TopologyAttr("masses", np.where(kinds == "I", 7.0, 14.0))
    return universe


def read(universe: mda.Universe) -> None:
    for ts in universe.trajectory:
        _ = ts.positions


def analyse(universe: mda.Universe, n_windows: int) -> OnsagerDecomposition:
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="ion",
        microstates=CutoffShell(CUTOFF, solvent=universe.select_atoms("name L")),
        events=SolvationEvents(),
    )
    longest = universe.trajectory.n_frames // 10
    windows = np.unique(np.geomspace(1, longest, n_windows).round())
    windows = np.unique(np.concatenate([windows, np.arange(1, n_windows + 1)]))[:n_windows]
    rest = universe.select_atoms("not name I")
    return OnsagerDecomposition([ions], temperature=300.0, windows=windows, framework=rest).run()


def best(action, repeat: int) -> float:
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--windows", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = make_file(Path(folder), options.frames)
        universe = empty_universe()
        universe.load_new(str(path))
        analyse(universe, 2)  # compile
        reading = best(lambda: read(universe), options.repeat)
        whole = best(lambda: analyse(universe, options.windows), options.repeat)
        frames_only = best(lambda: analyse(universe, 1), options.repeat)
        changed = analyse(universe, 1).results.settings["species"][0]["microstates"]
    print(
        f"{N_ATOMS} atoms, {options.frames} frames, {N_IONS} ions, shell changes per frame "
        f"{changed['changed_per_frame']:.2f}"
    )
    per_frame = 1000 / options.frames
    print(f"reading                     {reading:7.2f} s  {reading * per_frame:6.2f} ms/frame")
    for label, seconds in (
        ("analysis, 1 window", frames_only),
        (f"analysis, {options.windows} windows", whole),
    ):
        print(
            f"{label:27} {seconds:7.2f} s  {seconds * per_frame:6.2f} ms/frame  "
            f"{seconds / reading:5.2f} times reading"
        )


if __name__ == "__main__":
    main()
