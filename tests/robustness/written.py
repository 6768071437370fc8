"""One small run and what it writes: a result, states, a configuration."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import SolvationEvents
from mda_ionmech.macrostates import IonPairing
from mda_ionmech.microstates import CutoffShell

from ..builders import hops, make_universe

CONFIGURATION = """\
topology = "{folder}/liquid.psf"
trajectory = ["{folder}/liquid.part1.xtc", "{folder}/liquid.part2.xtc"]

[analysis]
temperature = 330
windows = [1.0, 5.0, 20.0]
seed = 3

[[species]]
name = "Li+"
selection = "resname LI"
charge = 1
[species.microstates]
cutoff = {{ solvent = 2.8, anion = 2.9 }}
persistence = 2
[species.microstates.ligands]
solvent = "resname ACN and name N1"
anion = "resname TFS and name O*"
[species.events]
[species.macrostates]

[[species]]
name = "TFSI-"
selection = "resname TFS"
charge = -1
compound = "residues"

[run]
stop = 110
"""


@cache
def small_run(name: str = "ion", seed: int = 1) -> OnsagerDecomposition:
    """Six ions that hop among three still anions, with events and macrostates."""
    rng = np.random.default_rng(seed)
    paths, _ = hops(rng, 120, 6, 0.2, 1.0, 1.0)
    still = np.broadcast_to(rng.uniform(0, 12, (3, 3)), (120, 3, 3))
    universe = make_universe(
        np.concatenate([paths + rng.uniform(0, 12, (6, 3)), still], axis=1),
        names=["LI"] * 6 + ["CL"] * 3,
    )
    ions = IonSpecies(
        universe.select_atoms("name LI"), charge=1, name=name,
        microstates=CutoffShell(6.0, anion=universe.select_atoms("name CL")),
        events=SolvationEvents(), macrostates=IonPairing(),
    )  # fmt: skip
    return OnsagerDecomposition(
        [ions], temperature=300.0, frame="laboratory", windows=[1.0, 4.0], resolutions=[1.0],
        horizons=[4.0],
    ).run()  # fmt: skip


def configuration() -> bytes:
    """A TOML file of the shipped liquid."""
    return CONFIGURATION.format(folder=datasets.path("liquid")).encode()


def written(folder: Path) -> dict[str, Path]:
    """The files of the run, by their endings."""
    run = small_run()
    (folder / "run.toml").write_bytes(configuration())
    return {
        "nc": run.save(folder / "run.nc"),
        "npz": run.save_states(folder / "run.states.npz"),
        "toml": folder / "run.toml",
    }
