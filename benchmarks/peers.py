"""Other programs on the same work, each in a process of the environment that has it.

python -m benchmarks.peers NAME FILE IONS REPEAT     # prints one line of JSON
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .environments import call
from .timing import least, peak_megabytes


@dataclass(frozen=True)
class Peer:
    """A program to compare with.

    Attributes
    ----------
    name : str
        As shown.
    packages : tuple of str
        What it needs, as the package or its extra `peers` names it; the first is the one whose
        version is shown.
    work : str
        What it does here: ``neighbours``, ``displacements`` or ``sites``.
    does : str
        For the table.
    """

    name: str
    packages: tuple[str, ...]
    work: str
    does: str


PEERS = (
    Peer("capped_distance", ("MDAnalysis",), "neighbours", "pairs within 3.5 A"),
    Peer(
        "solvation-analysis", ("solvation-analysis",), "neighbours", "`Solute`: shells, speciation"
    ),
    Peer(
        "EinsteinMSD",
        ("MDAnalysis", "tidynamics"),
        "displacements",
        "mean squared displacement, all lags",
    ),
    Peer(
        "mdcraft",
        ("mdcraft",),
        "displacements",
        "`Onsager`, all lags, coordinates taken as unwrapped",
    ),
    Peer(
        "kinisi",
        ("kinisi", "MDAnalysis"),
        "displacements",
        "`DiffusionAnalyzer`: displacements only",
    ),
    Peer("site-analysis", ("site-analysis",), "sites", "Voronoi sites of every frame"),
    Peer("GEMDAT", ("gemdat",), "sites", "transitions, jumps, collective jumps"),
)


def run_peer(python: Path, peer: Peer, file: Path, n_ions: int, repeat: int) -> dict[str, Any]:
    """Time a peer in its own process: ``cpu`` s, ``peak`` MB and ``version``.

    Raises
    ------
    LeftOut
        If it fails or takes more than half an hour.
    """
    command = [python, "-m", "benchmarks.peers", peer.name, file, str(n_ions), str(repeat)]
    return dict(json.loads(call(command, 1800).strip().splitlines()[-1]))


def capped_distance(file: Path, n_ions: int) -> Callable[[], object]:
    from MDAnalysis.lib.distances import capped_distance

    from .system import CUTOFF, open_file

    universe = open_file(file, n_ions)
    ions, ligands = universe.select_atoms("name I"), universe.select_atoms("name L")

    def run() -> int:
        return sum(
            len(
                capped_distance(
                    ions.positions, ligands.positions, CUTOFF, box=ts.dimensions,
                    return_distances=False,
                )
            )
            for ts in universe.trajectory
        )  # fmt: skip

    return run


def solvation_analysis(file: Path, n_ions: int) -> Callable[[], object]:
    from solvation_analysis.solute import Solute

    from .system import CUTOFF, open_file

    universe = open_file(file, n_ions)
    ions, ligands = universe.select_atoms("name I"), universe.select_atoms("name L")

    def run() -> object:
        solute = Solute.from_atoms(
            ions, {"ligand": ligands}, radii={"ligand": CUTOFF}, solute_name="ion"
        )
        return solute.run()

    return run


def einstein_msd(file: Path, n_ions: int) -> Callable[[], object]:
    from MDAnalysis.analysis.msd import EinsteinMSD

    from .system import open_file

    universe = open_file(file, n_ions)
    return lambda: EinsteinMSD(universe, select="name I", fft=True).run()


def mdcraft(file: Path, n_ions: int) -> Callable[[], object]:
    from mdcraft.analysis.transport import Onsager

    from .system import open_file

    universe = open_file(file, n_ions)
    ions = universe.select_atoms("name I")
    return lambda: Onsager(ions, temperature=300, unwrap=False, verbose=False).run()


def kinisi(file: Path, n_ions: int) -> Callable[[], object]:
    import scipp as sc
    from kinisi.diffusion_analyzer import DiffusionAnalyzer

    from .system import open_file

    universe = open_file(file, n_ions)
    return lambda: DiffusionAnalyzer.from_universe(
        universe,
        specie="I",
        time_step=1.0 * sc.Unit("ps"),
        step_skip=1 * sc.units.dimensionless,
        progress=False,
    )


def site_analysis(file: Path, n_ions: int) -> Callable[[], object]:
    import numpy as np
    from pymatgen.core import Lattice, Structure
    from site_analysis.atom import Atom
    from site_analysis.voronoi_site import VoronoiSite
    from site_analysis.voronoi_site_collection import VoronoiSiteCollection

    with np.load(file) as data:
        cell, positions, sites = data["cell"], data["positions"], data["sites"]

    def run() -> None:
        collection = VoronoiSiteCollection([VoronoiSite(frac_coords=x % 1.0) for x in sites])
        atoms = [Atom(index=i) for i in range(positions.shape[1])]
        for now in positions:
            frame = Structure(Lattice(cell), ["Li"] * len(now), now % 1.0)
            collection.analyse_structure(atoms, frame)

    return run


def gemdat(file: Path, n_ions: int) -> Callable[[], object]:
    import numpy as np
    from gemdat import Trajectory
    from pymatgen.core import Element, Lattice, Structure

    with np.load(file) as data:
        cell, positions, sites = data["cell"], data["positions"], data["sites"]
        labels, spacing = [str(x) for x in data["labels"]], float(data["spacing"])

    def run() -> object:
        trajectory = Trajectory(
            species=[Element("Li")] * positions.shape[1],
            coords=positions % 1.0,
            lattice=cell,
            constant_lattice=True,
            time_step=spacing * 1e-12,
            metadata={"temperature": 800.0},
        )
        places = Structure(Lattice(cell), ["Li"] * len(sites), sites % 1.0, labels=labels)
        transitions = trajectory.transitions_between_sites(
            sites=places, floating_specie="Li", site_radius=0.6
        )
        return transitions.jumps().collective(max_dist=4.0)

    return run


MAKERS: dict[str, Callable[[Path, int], Callable[[], object]]] = {
    "capped_distance": capped_distance,
    "solvation-analysis": solvation_analysis,
    "EinsteinMSD": einstein_msd,
    "mdcraft": mdcraft,
    "kinisi": kinisi,
    "site-analysis": site_analysis,
    "GEMDAT": gemdat,
}


def main() -> None:
    name, file, n_ions, repeat = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    warnings.simplefilter("ignore")
    (peer,) = (p for p in PEERS if p.name == name)
    try:
        action = MAKERS[name](file, n_ions)
        seconds = least({name: action}, repeat)[name]
    except Exception as error:  # whatever another program raises is a reason to leave it out
        sys.exit(f"error: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
    version = importlib.metadata.version(peer.packages[0])
    print(json.dumps({"cpu": seconds, "peak": peak_megabytes(), "version": version}))


if __name__ == "__main__":
    main()
