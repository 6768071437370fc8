"""A `dt` given to MDAnalysis sets the scale; gaps and repeats in the files still count."""

import numpy as np
import pytest

from mda_ionmech import InputError

from ..builders import make_universe
from .timed_files import (
    ATOMS,
    BOX,
    DT,
    N,
    analysis,
    coefficients,
    from_memory,
    made,
    read,
    walk,
    write,
)

GAP = np.r_[0:30, 45:75]


def spacing(universe, run=None, **options):
    done = analysis(universe, **{"windows": [8 * DT]} | options).run(**(run or {}))
    return done.results.settings["dt_ps"], list(done.results.warnings)


@pytest.mark.parametrize("ending", ["xtc", "trr", "ncdf"])
@pytest.mark.parametrize("dt", [None, DT])
def test_a_gap_is_seen(ending, dt, tmp_path):
    universe = made(tmp_path, ending, walk(80)[GAP], DT * GAP, dt=DT)
    with pytest.raises(InputError, match=r"frame 29 .*is followed by frame 30"):
        analysis(universe, dt=dt).run()
    assert spacing(universe, dt=dt, uneven="accept", windows="log")[0] > 0


@pytest.mark.parametrize("ending", ["xtc", "trr"])
def test_another_scale_is_said(ending, tmp_path):
    universe = made(tmp_path, ending, walk(), dt=2 * DT)
    with pytest.warns(UserWarning, match="dt=1 ps, as MDAnalysis was told, replaces the 0.5 ps"):
        assert spacing(universe)[0] == 2 * DT
    with pytest.warns(UserWarning, match="replaces the 1 ps"):
        assert spacing(universe, {"step": 2})[0] == 4 * DT


@pytest.mark.parametrize("ending", ["xtc", "trr", "dcd", "xyz", "lammpsdump"])
def test_files_that_count_anew_do_not_halve_the_spacing(ending, tmp_path):
    paths = walk()
    half = N // 2
    step = 500 * np.arange(N)
    times = DT * np.arange(N)
    files = [
        write(tmp_path / f"{k}.{ending}", paths[part], times[part], step[part])
        for k, part in enumerate((slice(0, half), slice(half, N)))
    ]
    universe = read(files, dt=DT / 500 if ending == "lammpsdump" else DT)
    for run in ({}, {"step": 2}):
        expected = from_memory(
            paths[:: run.get("step", 1)], dt=DT * run.get("step", 1), windows="log"
        )
        found = coefficients(universe, run, windows="log")
        np.testing.assert_allclose(found, expected, rtol=2e-2)


@pytest.mark.filterwarnings("ignore:.*uneven='drop'")
def test_repeats_in_files_are_dropped_by_their_times(tmp_path):
    paths, times = walk(), DT * np.arange(N)
    files = [
        write(tmp_path / f"{k}.xtc", paths[part], times[part])
        for k, part in enumerate((slice(0, 35), slice(30, N)))
    ]
    universe = read(files, dt=DT)
    with pytest.raises(InputError, match=r"frame 34 .*is followed by frame 35"):
        analysis(universe).run()
    done = analysis(universe, uneven="drop").run()
    assert len(done.times) == N
    assert done.results.settings["dt_ps"] == pytest.approx(DT)


def test_a_dump_in_memory_has_lost_its_steps(tmp_path):
    universe = made(tmp_path, "lammpsdump", walk(), dt=DT / 500)
    assert spacing(universe)[0] == pytest.approx(DT)
    universe.transfer_to_memory()
    with pytest.raises(InputError, match="step numbers alone"):
        spacing(universe)
    assert spacing(universe, dt=DT)[0] == DT


def test_the_spacing_that_is_taken_for_coordinates_in_memory_is_said():
    universe = made_in_memory()
    with pytest.warns(
        UserWarning, match=r"in memory, and MDAnalysis takes frames in memory to be 1"
    ):
        assert spacing(universe)[0] == 1.0
    for given in (made_in_memory(dt=1.0), made_in_memory(dt=DT)):
        assert not any("in memory" in text for text in spacing(given)[1])
    assert not any("in memory" in text for text in spacing(universe, dt=DT)[1])


def made_in_memory(**options):
    universe = make_universe(walk(), BOX, masses=[7.0] * ATOMS)
    dimensions = np.tile(np.array(BOX, dtype=np.float32), (N, 1))
    return universe.load_new(walk().astype(np.float32), dimensions=dimensions, **options)


def test_dt_of_all_frames_given_for_every_second_is_said(tmp_path):
    for universe in (made(tmp_path, "xtc", walk()), made_in_memory(dt=DT)):
        with pytest.warns(UserWarning, match=r"one in 2 of them is analysed.* 2 times too large"):
            spacing(universe, {"step": 2}, dt=DT)
        assert not any("one in 2" in text for text in spacing(universe, {"step": 2}, dt=2 * DT)[1])
    dump = made(tmp_path, "lammpsdump", walk())
    _, notes = spacing(dump, {"step": 2}, dt=DT)
    assert any("one in 2 of the trajectory: its frames are then 0.25 ps apart" in t for t in notes)


@pytest.mark.parametrize("frames", [[5, 4, 3, 2], [0, 1, 1, 2], [0, 5, 3, 9]])
def test_frames_out_of_order_are_named(frames):
    with pytest.raises(
        InputError, match=r"not in the order of time: frame . is followed by frame ."
    ):
        analysis(made_in_memory(dt=DT)).run(frames=frames)
