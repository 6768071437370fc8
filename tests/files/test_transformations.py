"""Transformations on the trajectory: functions as well as classes, as MDAnalysis takes them."""

import contextlib

import MDAnalysis as mda
import numpy as np
import pytest
from MDAnalysis.transformations import PositionAverager, set_dimensions, translate

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition

from .cases import answers, decomposed, deviation
from .formats import by_mdanalysis, opened, write_xyz
from .systems import DT, frames_of, in_memory


@pytest.fixture(scope="module")
def frames():
    return frames_of("fluctuating orthorhombic")


@pytest.fixture
def expected(frames):
    return answers(decomposed(in_memory(frames), dt=None))


def shifted(ts):
    """The ordinary kind: a function of one frame."""
    ts.positions += np.float32(1.25)
    return ts


def test_functions_are_applied_in_a_serial_run(frames, expected, tmp_path):
    by_mdanalysis(frames, 0, tmp_path / "run.trr")
    universe = opened([tmp_path / "run.trr"], frames)
    universe.trajectory.add_transformations(shifted, lambda ts: ts)
    found = answers(decomposed(universe, dt=None))
    assert deviation(found, expected) < 1e-5


def test_a_function_may_set_the_cell(frames, expected, tmp_path):
    write_xyz(frames, 0, tmp_path / "run.xyz")
    universe = opened([tmp_path / "run.xyz"], frames)

    def cell(ts):
        ts.dimensions = frames.dimensions[ts.frame]
        return ts

    universe.trajectory.add_transformations(cell)
    assert deviation(answers(decomposed(universe, dt=DT)), expected) < 1e-5


@pytest.mark.parametrize("backend", ["multiprocessing", "dask"])
def test_other_processes_are_refused_and_what_is_advised_works(frames, tmp_path, backend):
    by_mdanalysis(frames, 0, tmp_path / "run.trr")
    universe = opened([tmp_path / "run.trr"], frames)
    universe.trajectory.add_transformations(shifted)
    with pytest.raises(InputError, match=r"transformation shifted .* use backend='serial'"):
        decomposed(universe, dt=None, backend=backend)
    decomposed(universe, dt=None, backend="serial")


@pytest.mark.slow
def test_classes_travel_to_other_processes(frames, expected, tmp_path):
    write_xyz(frames, 0, tmp_path / "run.xyz")
    universe = opened([tmp_path / "run.xyz"], frames)
    universe.trajectory.add_transformations(
        set_dimensions(frames.dimensions), translate([1.25, 1.25, 1.25])
    )
    found = answers(decomposed(universe, dt=DT, backend="multiprocessing"))
    assert deviation(found, expected) < 1e-5


def test_what_remembers_earlier_frames_is_refused(frames, tmp_path):
    by_mdanalysis(frames, 0, tmp_path / "run.trr")
    universe = opened([tmp_path / "run.trr"], frames)
    universe.trajectory.add_transformations(PositionAverager(3, check_reset=False))
    with pytest.raises(InputError, match=r"PositionAverager, which replaces positions by means"):
        decomposed(universe, dt=None)


@pytest.mark.slow
def test_a_constant_cell_of_one_set_of_numbers(tmp_path):
    frames = frames_of("constant triclinic")
    write_xyz(frames, 0, tmp_path / "run.xyz")
    universe = opened([tmp_path / "run.xyz"], frames)
    universe.trajectory.add_transformations(set_dimensions(frames.dimensions[0]))
    expected = answers(decomposed(in_memory(frames), dt=None))
    assert deviation(answers(decomposed(universe, dt=DT)), expected) < 1e-12


BOUNDS = {
    "cubic": "pp pp pp\n" + "0.0 20.3\n" * 3,
    "tilted": "xy xz yz pp pp pp\n0.0 22.3 2.0\n0.0 20.3 0.0\n0.0 20.3 0.0\n",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("columns", "cell", "said"),
    [
        ("x y z ix iy iz", "cubic", None),
        ("xs ys zs ix iy iz", "cubic", r"scaled coordinates \(xs ys zs\)"),
        ("xu yu zu ix iy iz", "cubic", r"unwrapped already \(xu yu zu\)"),
        ("xsu ysu zsu ix iy iz", "cubic", r"unwrapped already \(xsu ysu zsu\)"),
        ("x y z ix iy iz", "tilted", "coordinates of a triclinic cell"),
    ],
)
def test_images_that_mdanalysis_adds_to_coordinates_they_do_not_fit(columns, cell, said, tmp_path):
    length, rng = 20.3, np.random.default_rng(0)
    paths = 10 + np.cumsum(rng.normal(scale=1.0, size=(60, 4, 3)), axis=0)
    with open(tmp_path / "run.lammpsdump", "w") as file:
        for k, x in enumerate(paths):
            file.write(f"ITEM: TIMESTEP\n{k}\nITEM: NUMBER OF ATOMS\n4\n")
            file.write(f"ITEM: BOX BOUNDS {BOUNDS[cell]}ITEM: ATOMS id type {columns}\n")
            image = np.floor(x / length).astype(int)
            inside = x - image * length
            place = {"x": inside, "xs": inside / length, "xu": x, "xsu": x / length}
            for a, one in enumerate(place[columns.split()[0]]):
                numbers = [*(f"{v:.8f}" for v in one), *(str(n) for n in image[a])]
                file.write(f"{a + 1} 1 {' '.join(numbers)}\n")
    assert np.abs(np.floor(paths / length)).max() > 0

    def analysed(**options):
        u = mda.Universe.empty(4, trajectory=False)
        u.add_TopologyAttr("masses", np.full(4, 7.0))
        u.load_new(str(tmp_path / "run.lammpsdump"), format="LAMMPSDUMP", **options)
        ions = IonSpecies(u.atoms, charge=1, name="ion")
        run = OnsagerDecomposition([ions], temperature=300, frame="laboratory", dt=1.0)
        return run.run().results.decomposition["onsager"].values

    if said is None:
        np.testing.assert_allclose(analysed(unwrap_images=True), analysed(), rtol=1e-4)
        return
    with pytest.raises(InputError, match=f"unwrap_images=True, and MDAnalysis adds .*{said}"):
        analysed(unwrap_images=True)


def test_transformations_that_do_not_work_are_named(frames, tmp_path):
    path = tmp_path / "run.xtc"
    by_mdanalysis(frames, 0, path)
    universe = opened([path], frames)
    with contextlib.suppress(AttributeError):  # MDAnalysis looks at what came back
        universe.trajectory.add_transformations(lambda ts: None)
    with pytest.raises(InputError, match=r"\(<lambda>\) returned None: it takes a timestep"):
        decomposed(universe, dt=None)
    universe = opened([path], frames)
    few = np.tile(np.array([20.0] * 3 + [90.0] * 3), (2, 1))
    universe.trajectory.add_transformations(set_dimensions(few))
    with pytest.raises(InputError, match=r"cannot be read .*or the transformations on the traj"):
        decomposed(universe, dt=None)
