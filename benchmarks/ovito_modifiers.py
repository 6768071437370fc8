"""Time that the OVITO modifiers add to a pipeline, a frame at a time, and to load a states file.

Particles with shuffled identifiers, one in ten a carrier, every frame with identifiers in another
order, as in an unsorted LAMMPS dump. The plain pipeline is timed beside the one with the modifier.

    python -m benchmarks.ovito_modifiers [--atoms 10000 100000 1000000] [--repeat 15]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from ovito.data import DataCollection
from ovito.pipeline import Pipeline, PipelineSourceInterface, PythonSource
from traits.api import Any

from ovito_modifiers import ColorByEvent, ColorByMacrostate, HopArrows, read_states

EVENTS = ("no_hop", "single_ion_hop", "multi_ion_hop", "exchange")


def write_states(path: Path, n_frames: int, n_carriers: int, n_atoms: int) -> Path:
    """Random states; the first atoms are the carriers, some of them in clusters of two or three."""
    rng = np.random.default_rng(2)
    shape = (n_frames, n_carriers)
    event = rng.choice(4, size=shape, p=[0.9, 0.05, 0.04, 0.01]).astype(np.int16)
    with open(path, "wb") as file:
        np.savez_compressed(
            file,
            schema=np.array("ionmech-states/1"),
            frame=np.arange(n_frames),
            step=np.arange(n_frames) * 100,
            time_ps=np.arange(n_frames) * 1.0,
            n_atoms=n_atoms,
            atom_index=np.arange(n_carriers),
            atom_id=np.arange(n_carriers) + 1,
            carrier_of_atom=np.arange(n_carriers),
            event=event,
            event_names=np.array(EVENTS),
            event_colors=np.array(["#0072B2", "#009E73", "#D55E00", "#CC79A7"]),
            macrostate=rng.integers(0, 3, shape).astype(np.int16),
            macrostate_names=np.array(["SSIP", "CIP", "AGG"]),
            macrostate_colors=np.array(["#0072B2", "#E69F00", "#D55E00"]),
            cluster=np.where(event == 2, rng.integers(0, n_carriers // 60 + 1, shape), -1).astype(
                np.int32
            ),
            displacement=rng.normal(size=(*shape, 3)).astype(np.float32),
            window_ps=1.0,
            source="random numbers",
        )
    return path


class Particles(PipelineSourceInterface):
    """Frames of random particles, made before they are timed."""

    frames = Any(transient=True)

    def compute_trajectory_length(self, **kwargs: object) -> int:
        return len(self.frames)

    def create(self, data: DataCollection, *, frame: int, **kwargs: object) -> None:
        positions, ids = self.frames[frame]
        data.attributes["Timestep"] = frame * 100
        data.attributes["SourceFrame"] = frame
        particles = data.create_particles(count=len(ids))
        particles.create_property("Position", data=positions)
        particles.create_property("Particle Identifier", data=ids)


def frame_times(pipeline: Pipeline, n: int) -> float:
    """Median CPU milliseconds of a frame; the first two, which load, are not counted."""
    times = []
    for frame in range(n):
        begin = time.process_time()
        pipeline.compute(frame)
        times.append(time.process_time() - begin)
    return 1000 * statistics.median(times[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--atoms", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        large = write_states(Path(folder) / "large.states.npz", 10_000, 1000, 20_000)
        begin = time.process_time()
        read_states(large)
        seconds = time.process_time() - begin
        print(f"states file of 10^4 frames x 10^3 carriers: {large.stat().st_size / 1e6:.0f} MB,")
        print(f"read in {seconds:.2f} s")
        modifiers = {
            "ColorByEvent": ColorByEvent(),
            "ColorByEvent, trail 10, some": ColorByEvent(trail=10, events="multi_ion_hop"),
            "ColorByEvent, bulk kept": ColorByEvent(bulk="keep"),
            "ColorByMacrostate": ColorByMacrostate(),
            "HopArrows": HopArrows(events="multi_ion_hop, exchange"),
        }
        print(f"{'added to a frame, ms':32}" + "".join(f"{n:>12,}" for n in options.atoms))
        rows: dict[str, list[float]] = {name: [] for name in modifiers}
        plain = []
        for n in options.atoms:
            carriers = n // 10
            states = write_states(Path(folder) / f"{n}.states.npz", options.repeat, carriers, n)
            place = rng.uniform(0, 100, (n, 3))
            few = min(options.repeat, 5)
            frames = [(place, rng.permutation(n) + 1) for _ in range(few)]
            frames = [frames[k % few] for k in range(options.repeat)]

            def new(frames: list = frames) -> Pipeline:
                return Pipeline(source=PythonSource(delegate=Particles(frames=frames)))

            base = frame_times(new(), options.repeat)
            plain.append(base)
            for name, modifier in modifiers.items():
                modifier.events_file = str(states)
                pipeline = new()
                pipeline.modifiers.append(modifier)
                rows[name].append(frame_times(pipeline, options.repeat) - base)
        for name, values in rows.items():
            print(f"{name:32}" + "".join(f"{v:12.2f}" for v in values))
        print(f"{'the plain pipeline':32}" + "".join(f"{v:12.2f}" for v in plain))


if __name__ == "__main__":
    main()
