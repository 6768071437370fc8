"""What is timed of this package, and what it is held against."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib.kernels import kernel
from mda_ionmech.microstates import CutoffShell, SiteAssignment
from mda_ionmech.onsager import label_runs, plan_blocks, window_sums
from mda_ionmech.onsager.carrier_labels import CarrierLabels

from .system import CUTOFF, SITES

N_LABELS = 8


def log_windows(longest: int, number: int) -> np.ndarray:
    """`number` different lengths in frames from 1 to `longest`, evenly spread in the logarithm."""
    wanted = number
    while True:
        found = np.unique(np.geomspace(1, longest, wanted).round().astype(int))
        if len(found) >= min(number, longest):
            return found[:number]
        wanted += 1


class FrameStage(OnsagerDecomposition):
    """The analysis up to the microstates: reading, neighbours, unwrapping, numbering of shells.

    Without event rules; its results are the `LabelledRun`.
    """

    def _assemble(self, run: Any, gathered: Any) -> None:
        self.results = run


def analysis(
    universe: Any, *, n_windows: int = 12, shells: bool = True, frames_only: bool = False
) -> OnsagerDecomposition:
    """An analysis of the synthetic system, not yet run."""
    shell = {"microstates": CutoffShell(CUTOFF, solvent=universe.select_atoms("name L"))}
    if not frames_only:
        shell["events"] = SolvationEvents()
    ions = IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion", **(shell if shells else {})
    )
    kind = FrameStage if frames_only else OnsagerDecomposition
    return kind(
        [ions],
        temperature=300.0,
        windows=log_windows(universe.trajectory.n_frames // 10, n_windows).astype(float),
        resolutions=None,
        framework=universe.select_atoms("not name I"),
    )


class _SettledOnce(SiteAssignment):
    """Sites that stay as an earlier run has settled them; notes the seconds that took."""

    spent: ClassVar[list[float]] = []

    def settle(self, sample: Any) -> SiteAssignment:
        if self.settled is not None:
            return self
        begin = time.process_time()
        found = super().settle(sample)
        self.spent.append(time.process_time() - begin)
        return found


def crystal_frames(
    universe: Any, cubes: tuple[int, int, int], assignment: str | None
) -> tuple[Callable[[], object], float]:
    """The synthetic crystal up to the microstates, and seconds to settle its sites.

    They are settled once, so that what is timed grows with the frames. Without an assignment there
    are the paths of the ions alone.
    """
    ions, framework = universe.select_atoms("name I"), universe.select_atoms("name F")
    if assignment is None:
        paths = FrameStage(
            [IonSpecies(ions, charge=1, name="ion")], temperature=300.0, windows=[1.0],
            resolutions=None, frame="framework", framework=framework,
        )  # fmt: skip
        paths.run()
        return paths.run, 0.0
    sites = _SettledOnce.from_structure(
        SITES, ["a", "b"], framework=framework, supercell=cubes, assignment=assignment
    )
    one = IonSpecies(ions, charge=1, name="ion", microstates=sites)
    stage = FrameStage([one], temperature=300.0, windows=[1.0], resolutions=None)
    _SettledOnce.spent.clear()
    for _ in range(2):  # the first time kernels are loaded
        stage.run()
    stage = FrameStage(stage.species, temperature=300.0, windows=[1.0], resolutions=None)
    stage.run()
    return stage.run, _SettledOnce.spent[-1]


@kernel
def displacement_floor(position, window, moved):  # type: ignore[no-untyped-def]
    """The least any window needs: the displacement of every carrier added up at every origin.

    position (carriers, 3, frames); moved (3, origins).
    """
    n_origins = position.shape[2] - window
    for c in range(position.shape[0]):
        for k in range(3):
            for t in range(n_origins):
                moved[k, t] += position[c, k, t + window] - position[c, k, t]


def window_stage(
    change: float, n_frames: int = 5000, n_ions: int = 1000, n_windows: int = 30
) -> dict[str, Callable[[], None]]:
    """The window stage and its floor on one random walk whose states change with some chance."""
    rng = np.random.default_rng(0)
    position = rng.normal(size=(n_ions, 3, n_frames)).cumsum(axis=-1)
    state = np.zeros((n_frames, n_ions), dtype=np.int32)
    for t in range(1, n_frames):
        new = rng.random(n_ions) < change
        state[t] = np.where(new, rng.integers(0, 64, n_ions), state[t - 1])
    label_of = rng.integers(0, N_LABELS, (64, 64))
    labels = CarrierLabels(
        position=position,
        states=label_runs(state),
        classify=lambda before, after: label_of[before, after],
        n_labels=N_LABELS,
        macrostates=None,
        n_macrostates=0,
    )
    collective = position.sum(axis=0)[None]
    windows = [int(n) for n in log_windows(n_frames // 10, n_windows)]

    def floor() -> None:
        for n in windows:
            displacement_floor(position, n, np.zeros((3, n_frames - n)))

    def ours() -> None:
        for n in windows:
            window_sums([labels], n, plan_blocks(n_frames - n, 2 * n).sub_block, collective)

    return {"floor": floor, "ours": ours}


def crystal() -> Callable[[], OnsagerDecomposition]:
    """Sites, hops and concerted hops of the shipped garnet in windows of 0.4 ps."""

    def run() -> OnsagerDecomposition:
        made = crystal_analysis(datasets.crystal())
        return OnsagerDecomposition(
            made.species, temperature=800.0, windows=[0.4], resolutions=None
        ).run()

    return run


def write_crystal(path: Path) -> int:
    """What the peers need of the same garnet, as arrays; returns the number of frames."""
    run = crystal()()
    detector, lithium = run.species[0].microstates, run.species[0].atoms
    universe = run.universe
    cell = run.paths.cell
    inverse = np.linalg.inv(cell)
    positions = np.stack([lithium.positions @ inverse for _ in universe.trajectory])
    np.savez(
        path,
        cell=cell,
        positions=positions.astype(np.float64),
        sites=detector.sites_in_cell,
        labels=np.array(detector.labels),
        spacing=run.paths.dt,
        moving=run.paths.position.transpose(2, 0, 1),
    )
    return len(positions)
