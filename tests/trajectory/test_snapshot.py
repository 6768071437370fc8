"""Nothing kept of a frame may change when the reader takes the next one."""

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.trajectory.cells import read_cell, reduced_cell
from mda_ionmech.trajectory.snapshot import Cell, check_jumps, take_snapshot

from ..builders import make_universe

LENGTH = 20.0 * (1 + 0.03 * np.sin(np.arange(60) / 7))


def breathing(n_ions=8):
    """Wrapped ions that walk in a cube that breathes by 3%."""
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 0.01, (len(LENGTH), n_ions, 3))
    fractional = (rng.random((1, n_ions, 3)) + np.cumsum(steps, axis=0)) % 1
    dimensions = np.column_stack([np.repeat(LENGTH[:, None], 3, 1), np.full((len(LENGTH), 3), 90)])
    return make_universe(
        fractional * LENGTH[:, None, None], dimensions, masses=rng.uniform(1, 9, n_ions)
    )


def in_file(universe, path):
    with mda.Writer(str(path), universe.atoms.n_atoms) as writer:
        for _ in universe.trajectory:
            writer.write(universe.atoms)
    read = mda.Universe(universe._topology.copy())
    read.load_new(str(path))
    return read


def test_snapshots_outlive_the_frames_of_a_reader_with_one_buffer(tmp_path):
    universe = in_file(breathing(), tmp_path / "npt.xtc")
    lattice = reduced_cell(read_cell(universe.trajectory[0]))
    kept, cell = [], None
    for ts in universe.trajectory:
        cell = Cell.of(ts, lattice, cell)
        kept.append((take_snapshot(ts, cell), ts.dimensions.copy(), ts.positions.copy()))
    for snapshot, dimensions, positions in kept:
        np.testing.assert_array_equal(snapshot.cell.dimensions, dimensions)
        np.testing.assert_allclose(np.diag(snapshot.cell.vectors), dimensions[:3], rtol=1e-6)
        np.testing.assert_array_equal(snapshot.positions, positions)


def test_an_equal_cell_is_not_worked_out_again():
    universe = make_universe(np.zeros((2, 1, 3)))
    lattice = reduced_cell(read_cell(universe.trajectory[0]))
    first = Cell.of(universe.trajectory[0], lattice)
    assert Cell.of(universe.trajectory[1], lattice, first) is first


@pytest.mark.parametrize("dimensions", [(9, 8, 10, 90, 90, 90), (10, 9.5, 9, 70, 75, 62)])
def test_the_shortest_height_is_that_over_the_largest_face(dimensions):
    ts = make_universe(np.zeros((1, 1, 3)), dimensions).trajectory[0]
    cell = Cell.of(ts, reduced_cell(read_cell(ts)))
    a, b, c = cell.vectors
    faces = [np.linalg.norm(np.cross(*pair)) for pair in ((a, b), (b, c), (c, a))]
    assert cell.height == pytest.approx(abs(np.linalg.det(cell.vectors)) / max(faces))
    np.testing.assert_allclose(cell.vectors @ cell.inverse, np.eye(3), atol=1e-12)


def test_a_cell_that_breathes_in_a_file_is_the_one_in_memory(tmp_path):
    universe = breathing()
    runs = []
    for one in (universe, in_file(universe, tmp_path / "npt.xtc")):
        ions = [
            IonSpecies(one.atoms[:4], charge=1, name="A"),
            IonSpecies(one.atoms[4:], charge=-1, name="B"),
        ]
        run = OnsagerDecomposition(ions, temperature=300, windows=[5], resolutions=None).run()
        runs.append(run.results)
    memory, file = runs
    volume = LENGTH**3
    for found in runs:
        assert np.isclose(found.settings["volume_angstrom3"], volume.mean(), rtol=1e-4)
        assert np.isclose(found.settings["volume_variance_angstrom6"], volume.var(), rtol=1e-3)
    np.testing.assert_allclose(
        file.decomposition.conductivity, memory.decomposition.conductivity, rtol=0.01
    )


def test_positions_that_are_none_are_refused_with_their_atom():
    lattice = reduced_cell(read_cell(make_universe(np.zeros((1, 1, 3))).trajectory[0]))
    for place, value, message in (
        ((0, 0), np.nan, r"frame 0 has no finite position for atom index 0 \("),
        ((4, 2), np.inf, r"frame 0 has no finite position for atom index 4 \("),
        ((3, 1), 1e7, r"frame 0 has atom index 3 at .* Å: there the resolution of single prec"),
    ):
        positions = np.ones((1, 6, 3))
        positions[(0, *place)] = value
        ts = make_universe(positions).trajectory[0]
        with pytest.raises(InputError, match=message):
            take_snapshot(ts, Cell.of(ts, lattice))


def test_few_atoms_that_jump_are_refused_and_many_are_not():
    ts = make_universe(np.zeros((1, 9, 3))).trajectory[0]

    def check(jumps, moving):
        before = np.array([1.0, 2, 30, 4, 5, 6, 7, 8, 9, 2])
        found = before.copy()
        found[[2, 8, 9]] += moving, jumps, 5
        check_jumps(ts, found, before)

    check(0, 100)
    for jumps, moving in ((1, 100), (30, 100), (3, 1), (3, 0)):
        with pytest.raises(InputError, match=r"frame 0 has atom index 7 at .* more than 64 cells"):
            check(jumps, moving)
    # a tenth of three coordinates of those that move, and more than three
    check(31, 100)
    check(4, 1)
    check(4, 13)
    with pytest.raises(InputError):
        check(4, 14)
