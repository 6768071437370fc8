"""Where the slope view is to be read: found where it is known, refused where there is no place."""

import numpy as np
import pytest

from mda_ionmech import OnsagerDecomposition

from ..builders import CUBE, brownian, decompose, make_universe, mobility
from ..physics.test_known_answers import in_shells, vehicle_and_jumps
from ..physics.test_slope_view import ornstein_uhlenbeck


def test_diffusing_ions_are_steady_from_the_first_horizon():
    rng = np.random.default_rng(1)
    paths = brownian(rng, 4000, 20, 0.05, 1.0)
    results = decompose(make_universe(paths, CUBE), windows=[1.0], resolutions="log")
    advice = results.recommend()
    assert advice.resolution == 1.0
    assert advice.horizon == 1.0
    assert advice.label_resolution == 1.0
    assert advice.first_lag <= 4.0
    assert "all later lags give the same slope" in advice.text


def test_caged_ions_have_no_horizon():
    rng = np.random.default_rng(2)
    paths = ornstein_uhlenbeck(rng, 4000, 20, 0.3, 0.1, 1.0) + 20.0
    results = decompose(make_universe(paths, CUBE), windows=[1.0], resolutions="log")
    advice = results.recommend()
    assert advice.horizon is None
    assert "no reading. The coefficient is zero within its interval" in advice.text
    assert np.isnan(results.summary()["share"]).all()


def test_short_trajectories_have_no_horizon():
    rng = np.random.default_rng(3)
    paths = brownian(rng, 90, 20, 0.05, 1.0)
    results = decompose(make_universe(paths, CUBE), windows=[1.0], resolutions="log")
    advice = results.recommend()
    assert advice.horizon is None
    assert "no reading" in advice.text
    assert "the trajectory is too short" in advice.text
    assert advice.label_resolution is None
    assert np.isnan(advice.slope)


@pytest.mark.slow
def test_the_resolution_is_the_longest_with_elementary_events():
    """Poisson jumps: more than one in delta with probability 1 - exp(-x)(1 + x), x = k delta."""
    rng = np.random.default_rng(4)
    rate = 0.05
    universe, _ = vehicle_and_jumps(rng, 3000, 27, 0.02, rate, 3.0)
    ions = in_shells(universe)
    run = OnsagerDecomposition([ions], temperature=300.0, frame="laboratory").run()
    advice = run.results.recommend()
    windows = run.results.decomposition["window"].values
    x = rate * windows
    repeated = run.results.decomposition["multi_hop_fraction"].sel(species="ion")
    # two changes within one frame are one change of microstate
    np.testing.assert_allclose(repeated[1:], (1 - np.exp(-x) * (1 + x))[1:], rtol=0.15, atol=2e-3)
    assert advice.resolution == windows[(1 - np.exp(-x) * (1 + x)) < 0.1][-1] == 8.0
    table = run.results.summary(view="slope")
    assert table.attrs["resolution_ps"] == 8.0
    total = mobility(run.results, "ion")[0]
    assert total > 0
    assert table["share"].sum() == pytest.approx(1.0)
