"""Transformations on the trajectory: functions as well as classes, as MDAnalysis takes them."""

import numpy as np
import pytest
from MDAnalysis.transformations import PositionAverager, set_dimensions, translate

from mda_ionmech import InputError

from .cases import answers, decomposed, deviation
from .formats import by_mdanalysis, opened, write_xyz
from .systems import DT, frames_of, in_memory


@pytest.fixture(scope="module")
def frames():
    return frames_of("breathing orthorhombic")


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


def test_a_constant_cell_of_one_set_of_numbers(tmp_path):
    frames = frames_of("constant triclinic")
    write_xyz(frames, 0, tmp_path / "run.xyz")
    universe = opened([tmp_path / "run.xyz"], frames)
    universe.trajectory.add_transformations(set_dimensions(frames.dimensions[0]))
    expected = answers(decomposed(in_memory(frames), dt=None))
    assert deviation(answers(decomposed(universe, dt=DT)), expected) < 1e-12
