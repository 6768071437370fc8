"""Every detector finds the same states whatever vectors describe the lattice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from MDAnalysis.lib.mdamath import triclinic_vectors

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.microstates import CutoffShell, HullShell, SiteAssignment

from ...builders import make_universe
from .test_site_assignment import dimensions

CELL = np.array([[13.0, 0, 0], [3.0, 12.0, 0], [-2.0, 3.0, 12.5]])
N_IONS, N_LIGANDS, N_HOSTS = 6, 50, 12
GRID = np.stack(np.meshgrid(range(4), range(2), range(2), indexing="ij"), axis=-1)
SITES = (GRID.reshape(-1, 3) + np.random.default_rng(11).uniform(0, 0.15, (16, 3))) / [4, 2, 2]


def ligands(universe):
    return {
        "solvent": universe.select_atoms("name S")[::2],
        "anion": universe.select_atoms("name S")[1::2],
    }


def sites(assignment):
    def make(universe, back):
        return SiteAssignment.from_structure(
            (SITES @ back) % 1, [*"ab"] * 8, framework=universe.select_atoms("name H"),
            assignment=assignment, r_core=1.0 if assignment == "core" else None,
            **({"vertices": universe.select_atoms("name S")} if assignment == "polyhedron" else {}),
        )  # fmt: skip

    return make


DETECTORS = {
    "cutoff": lambda u, back: CutoffShell(3.1, hysteresis=0.4, **ligands(u)),
    "hull": lambda u, back: HullShell(search=4.5, **ligands(u)),
    "core": sites("core"),
    "nearest": sites("nearest"),
    "polyhedron": sites("polyhedron"),
}


def moving(seed):
    """Fractional positions (frames, atoms, 3): ions that wander, ligands and hosts that rattle."""
    rng = np.random.default_rng(seed)
    n = N_IONS + N_LIGANDS + N_HOSTS
    path = rng.uniform(0, 1, (n, 3)) + rng.normal(scale=0.008, size=(6, n, 3))
    path[:, :N_IONS] += np.cumsum(rng.normal(scale=0.02, size=(6, N_IONS, 3)), axis=0)
    # ions that sit about sites tell where the origin is
    path[:, :N_IONS] += SITES[rng.integers(0, 16, N_IONS)] - path[0, :N_IONS]
    return path


def states(fractional, change, detector):
    back = np.linalg.inv(change)
    box = dimensions(change @ CELL)
    inside = fractional @ back
    universe = make_universe(
        (inside - np.floor(inside)) @ triclinic_vectors(box, dtype=np.float64), box,
        names=["I"] * N_IONS + ["S"] * N_LIGANDS + ["H"] * N_HOSTS,
        masses=[7.0] * N_IONS + [16.0] * N_LIGANDS + [90.0] * N_HOSTS,
    )  # fmt: skip
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="ion",
        microstates=DETECTORS[detector](universe, back),
    )
    run = OnsagerDecomposition(
        [ions], temperature=300, windows=[1.0], resolutions=[1.0], horizons=[1.0], frame="framework"
    )
    return run.run().microstates["ion"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:sites of ion are ambiguous")
@pytest.mark.parametrize("detector", list(DETECTORS))
@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    entries=st.lists(st.integers(-1, 1), min_size=3, max_size=3),
    turned=st.permutations(range(3)),
)
def test_another_choice_of_cell_vectors_gives_the_same_states(detector, seed, entries, turned):
    change = np.eye(3)
    change[1, 0], change[2, 0], change[2, 1] = entries
    change = change[turned]
    if np.linalg.det(change @ CELL) < 0:  # a cell is right-handed
        change = -change
    fractional = moving(seed)
    one, two = (states(fractional, c, detector) for c in (np.eye(3), change))
    np.testing.assert_array_equal(one.state, two.state)
    np.testing.assert_array_equal(one.shells.offsets, two.shells.offsets)
    np.testing.assert_array_equal(one.shells.atom, two.shells.atom)
    assert len(np.unique(one.state)) > 3
