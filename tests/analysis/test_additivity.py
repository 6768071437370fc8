"""What a run does when its contributions do not add up: a bug is said, round-off is not."""

import numpy as np
import pytest

from mda_ionmech import InputError, OnsagerDecomposition, onsager
from mda_ionmech.lib.errors import AdditivityError

from ..builders import brownian, halves, make_universe


@pytest.fixture(scope="module")
def universe():
    return make_universe(20 + brownian(np.random.default_rng(0), 60, 4, 0.01, 1.0))


def analysed(universe):
    return OnsagerDecomposition(
        halves(universe), temperature=300.0, frame="laboratory", windows=[1.0, 2.0],
        resolutions=[1.0], horizons=[2.0, 4.0],
    ).run()  # fmt: skip


@pytest.mark.slow
def test_a_run_that_adds_up_keeps_its_residual(universe):
    assert 0 <= analysed(universe).results.settings["residual"] < 1e-13


@pytest.mark.parametrize("view", ["residual", "path_residual"])
def test_a_violation_of_either_view_is_an_error_above_round_off(universe, view, monkeypatch):
    measured = getattr(onsager, view)

    def found(value):
        # the larger of what is measured and the value, in the shape of what is measured
        monkeypatch.setattr(onsager, view, lambda *given: np.maximum(measured(*given), value))
        return analysed(universe)

    assert found(0.99e-10).results.settings["residual"] == 0.99e-10
    with pytest.raises(AdditivityError, match=r"do not sum to the whole: residual 1\.01e-10 above"):
        found(1.01e-10)
    with pytest.raises(InputError, match="check the units"):
        found(np.nan)


@pytest.mark.parametrize("view", ["residual", "path_residual"])
@pytest.mark.parametrize("which", [0, 1])
def test_one_window_or_horizon_is_enough(universe, view, which, monkeypatch):
    measured = getattr(onsager, view)
    for worst, error in ((1.0, AdditivityError), (np.nan, InputError)):
        calls = []

        def found(*given, worst=worst, calls=calls):
            calls.append(given)
            return measured(*given) + (worst if len(calls) == which + 1 else 0.0)

        monkeypatch.setattr(onsager, view, found)
        with pytest.raises(error):
            analysed(universe)
        assert len(calls) >= 2
