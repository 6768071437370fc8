"""Frame spacing and its evenness."""

import math

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.trajectory import frame_times
from mda_ionmech.trajectory.frame_times import _spacing_from_steps
from mda_ionmech.trajectory.time_sources import Stamp

from ..builders import make_universe


def test_spacing_comes_from_first_and_last():
    times = frame_times(100.0, 110.0, 21, None)
    assert times.spacing == 0.5
    times.check(3, 3, 101.5)
    with pytest.raises(InputError, match=r"frame 7 is at 102 ps, even spacing of 0.5 ps puts it"):
        times.check(3, 7, 102.0)


def test_single_precision_times_pass_far_from_zero():
    stored = np.float32(1e6 + 0.1 * np.arange(50)).astype(float)
    times = frame_times(stored[0], stored[-1], 50, None)
    for k, t in enumerate(stored):
        times.check(k, k, t)


def test_repeated_times_are_refused_and_dt_overrides_them():
    with pytest.raises(InputError, match="times do not increase"):
        frame_times(5.0, 5.0, 10, None)
    times = frame_times(5.0, 5.0, 10, 2.0)
    assert times.spacing == 2.0
    times.check(4, 4, -1.0)


def test_an_uneven_trajectory_is_refused_when_the_frame_is_met(tmp_path):
    rng = np.random.default_rng(0)
    universe = make_universe(np.cumsum(rng.normal(0, 0.1, (30, 3, 3)), axis=0))
    path = tmp_path / "uneven.trr"
    with mda.Writer(str(path), 3) as writer:
        for ts in universe.trajectory:
            ts.time = ts.frame + 0.4 * (ts.frame == 12)
            writer.write(universe.atoms)
    universe.load_new(str(path))
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    run = OnsagerDecomposition([ions], temperature=300, frame="laboratory")
    with pytest.raises(InputError, match=r"frame 12 is at 12.4 ps, .* puts it at 12 ps"):
        run.run()
    # dt sets the scale and excuses no gap
    run = OnsagerDecomposition([ions], temperature=300, frame="laboratory", dt=0.25)
    with pytest.raises(InputError, match=r"frame 12 is at 12.4 ps, .* puts it at 12 ps"):
        run.run()
    run = OnsagerDecomposition(
        [ions], temperature=300, frame="laboratory", dt=0.25, uneven="accept"
    )
    with pytest.warns(UserWarning, match="although 2 of 29 intervals are not by the times"):
        run.run()
    np.testing.assert_allclose(run.results.decomposition["window"], [0.25, 0.5])


def test_stride_and_frames_set_the_spacing():
    rng = np.random.default_rng(0)
    universe = make_universe(np.cumsum(rng.normal(0, 0.1, (60, 3, 3)), axis=0), dt=0.5)
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    by_step = OnsagerDecomposition([ions], temperature=300, windows=[1.5], frame="laboratory").run(
        start=6, stop=48, step=3
    )
    by_list = OnsagerDecomposition([ions], temperature=300, windows=[1.5], frame="laboratory").run(
        frames=list(range(6, 48, 3))
    )
    first, second = (r.results.decomposition for r in (by_step, by_list))
    assert first.identical(second)
    assert by_step.results.settings["dt_ps"] == 1.5
    assert by_step.results.settings["frame_step"] == 3
    with pytest.raises(InputError, match="unevenly spaced"):
        OnsagerDecomposition([ions], temperature=300, frame="laboratory").run(frames=[0, 1, 2, 9])


def test_what_is_no_time_is_refused():
    wrong = [None, "abc", True, 10**5000, math.nan, math.inf, [], {}, np.array([1.0, 2.0]), 1j]
    for value in wrong:
        for argument, given in {
            "first": (value, 9.0, 10, None), "last": (0.0, value, 10, None),
            "n_frames": (0.0, 9.0, value, None), "dt": (0.0, 9.0, 10, value),
        }.items():  # fmt: skip
            if argument != "dt" or value is not None:
                with pytest.raises(InputError, match=rf"^{argument} must be"):
                    frame_times(*given)
    for n_frames in (1, 0, -3, 2.0):
        with pytest.raises(InputError, match="n_frames must be a whole number of 2 or more"):
            frame_times(0.0, 9.0, n_frames, None)
    for dt in (0, -1.0):
        with pytest.raises(InputError, match="dt must be a number above 0 in ps"):
            frame_times(0.0, 9.0, 10, dt)


@pytest.mark.parametrize(("first", "last"), [(10, 5), (5, 5), (-5, 0)])
def test_steps_that_do_not_increase_give_no_spacing(first, last):
    pair = Stamp(0, float(first), first), Stamp(5, float(last), last)
    assert _spacing_from_steps(*pair, 6) is None
