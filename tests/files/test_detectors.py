"""Every detector sees in a file that fluctuates what it sees in the same frames from memory.

A reader has one buffer for all frames; whatever a detector keeps of a frame must be a copy.
"""

import warnings
from itertools import product

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import CrystalEvents, SolvationEvents
from mda_ionmech.microstates import CutoffShell, HullShell, SiteAssignment

from .formats import by_mdanalysis, opened
from .systems import frames_of, in_memory, read_back

N_FRAMES, SIDE, SPACING, N_IONS = 60, 3, 3.6, 10


def both(universe, folder):
    """A universe that reads an XTC file, and one that holds the frames of that file."""
    path = folder / "npt.xtc"
    with mda.Writer(str(path), universe.atoms.n_atoms) as writer:
        for ts in universe.trajectory:
            ts.time = float(ts.frame)
            writer.write(universe.atoms)
    file = mda.Universe(universe._topology.copy())
    file.load_new(str(path))
    memory = mda.Universe(universe._topology.copy())
    positions = np.array([ts.positions.copy() for ts in file.trajectory])
    dimensions = np.array([ts.dimensions.copy() for ts in file.trajectory])
    memory.load_new(positions, dimensions=dimensions, dt=1.0)
    return memory, file


def crystal():
    """Ions on a simple cubic lattice, hosts in the middle of its cubes, in a cell that fluctuates.

    Returns the universe, fractional sites and hosts, and the site of every ion and frame.
    """
    rng = np.random.default_rng(3)
    sites = np.array(list(product(range(SIDE), repeat=3)))
    number = {tuple(s): k for k, s in enumerate(sites)}
    at = np.empty((N_FRAMES, N_IONS), dtype=int)
    at[0] = rng.permutation(len(sites))[:N_IONS]
    for t in range(1, N_FRAMES):
        at[t] = at[t - 1]
        for i in np.flatnonzero(rng.random(N_IONS) < 0.05):
            way = np.zeros(3, dtype=int)
            way[rng.integers(3)] = rng.choice([-1, 1])
            goal = number[tuple((sites[at[t, i]] + way) % SIDE)]
            if goal not in at[t]:
                at[t, i] = goal
    time = np.arange(N_FRAMES)
    length = SIDE * SPACING * (1 + 0.05 * np.sin(time / 3) + 0.01 * time / N_FRAMES)
    ideal = np.concatenate(
        [sites[at], np.broadcast_to(sites + 0.5, (N_FRAMES, SIDE**3, 3))], axis=1
    )
    fractional = (ideal + 0.31) / SIDE + rng.normal(0, 0.008, ideal.shape)
    n = ideal.shape[1]
    universe = mda.Universe.empty(n, n_residues=n, atom_resindex=range(n), trajectory=False)
    universe.add_TopologyAttr("names", ["LI"] * N_IONS + ["H"] * SIDE**3)
    universe.add_TopologyAttr("masses", [6.94] * N_IONS + [50.0] * SIDE**3)
    dimensions = np.column_stack([np.repeat(length[:, None], 3, 1), np.full((N_FRAMES, 3), 90.0)])
    universe.load_new(
        ((fractional % 1) * length[:, None, None]).astype(np.float32),
        dimensions=dimensions.astype(np.float32),
        dt=1.0,
    )
    return universe, (sites + 0.31) / SIDE, (sites + 0.81) / SIDE, at


def on_sites(universe, assignment, sites, hosts):
    framework = universe.select_atoms("name H")
    if assignment == "density":
        detector = SiteAssignment.from_density(framework=framework)
    else:
        options = {"r_core": 1.0} if assignment == "core" else {}
        detector = SiteAssignment.from_structure(
            sites, ["a"] * len(sites), framework=framework, framework_fractional=hosts,
            assignment=assignment, **options,
        )  # fmt: skip
    ions = IonSpecies(
        universe.select_atoms("name LI"), charge=1, name="Li", microstates=detector,
        events=CrystalEvents(),
    )  # fmt: skip
    run = OnsagerDecomposition([ions], temperature=300, windows=[1, 4], resolutions=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run.run()


def assert_same(one, two):
    np.testing.assert_array_equal(one.paths.position, two.paths.position)
    for name, found in one.microstates.items():
        np.testing.assert_array_equal(found.state, two.microstates[name].state)
    assert one.results.decomposition.identical(two.results.decomposition)
    assert one.paths.volume_variance == two.paths.volume_variance > 0


@pytest.mark.parametrize("assignment", ["core", "nearest", "polyhedron", "density"])
def test_sites_of_a_fluctuating_crystal(assignment, tmp_path):
    universe, sites, hosts, at = crystal()
    memory, file = (on_sites(u, assignment, sites, hosts) for u in both(universe, tmp_path))
    assert_same(memory, file)
    if assignment != "density":  # which numbers the sites as it finds them
        np.testing.assert_array_equal(file.microstates["Li"].state, at)
        assert np.count_nonzero(np.diff(at, axis=0)) > 10


@pytest.mark.parametrize("cell", ["fluctuating orthorhombic", "fluctuating triclinic"])
@pytest.mark.parametrize("kind", ["cutoff from g(r)", "hysteresis", "hull"])
def test_shells_of_a_fluctuating_liquid(kind, cell, tmp_path):
    frames = frames_of(cell)
    by_mdanalysis(frames, 0, tmp_path / "npt.xtc")
    file = opened([tmp_path / "npt.xtc"], frames)
    memory = in_memory(read_back(file, frames.images))
    runs = []
    for universe in (memory, file):
        ligands = {"solvent": universe.select_atoms("name O")}
        shell = {
            "cutoff from g(r)": lambda ligands=ligands: CutoffShell(**ligands),
            "hysteresis": lambda ligands=ligands: CutoffShell(3.0, hysteresis=0.6, **ligands),
            "hull": lambda ligands=ligands: HullShell(search=4.5, **ligands),
        }[kind]
        ions = IonSpecies(
            universe.select_atoms("name LI"), charge=1, name="Li", microstates=shell(),
            events=SolvationEvents(),
        )  # fmt: skip
        oxygen = universe.select_atoms("name O")
        rest = IonSpecies(oxygen, charge=-ions.n_carriers / len(oxygen), name="O")
        run = OnsagerDecomposition([ions, rest], temperature=300, windows=[1, 4], resolutions=None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runs.append(run.run())
    assert_same(*runs)
