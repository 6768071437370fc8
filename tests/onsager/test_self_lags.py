"""Weights of lags for independent carriers: against one model at a time, and known answers."""

import numpy as np
import pytest

from mda_ionmech.onsager.memory_models import LIKELY, lag_models, model_weights, probabilities
from mda_ionmech.onsager.self_lags import choose_self

LAGS = [1, 2, 4, 8, 16, 32]


def squared_displacements(path):
    """Mean squared displacement of all carriers together, of paths (carriers, 3, frames)."""
    return np.array([np.square(path[..., t:] - path[..., :-t]).sum((0, 1)).mean() for t in LAGS])


def in_cages(rng, n_carriers, variance, memory, frames):
    """Walks of 2 A^2 per axis and frame in cages; paths (carriers, 3, frames)."""
    path = np.cumsum(rng.normal(scale=np.sqrt(2), size=(n_carriers, 3, frames)), axis=2)
    keep = np.exp(-1 / memory)
    cage = rng.normal(scale=np.sqrt(variance), size=path.shape)
    for t in range(1, frames):
        cage[..., t] = keep * cage[..., t - 1] + np.sqrt(1 - keep**2) * cage[..., t]
    return path + cage


@pytest.mark.parametrize("variance", [0.0, 3.0])
def test_weights_are_the_average_over_models_one_by_one(variance):
    squared = squared_displacements(in_cages(np.random.default_rng(3), 5, variance, 2.0, 400))
    found = choose_self(LAGS, [400], squared, 3, 5)
    models = lag_models(LAGS, [400], squared, 15)
    slopes, errors, odds, weights = [], [], [], []
    for k, p in enumerate(probabilities([models], LIKELY)):
        one, error = model_weights(models, k, LAGS, 15)
        slopes.append(one @ squared)
        errors.append(error)
        odds.append(p)
        weights.append(one)
    likely = np.array(odds) >= 1e-3 * max(odds)
    part = np.where(likely, odds, 0) / np.sum(odds, where=likely)
    mean = part @ slopes
    np.testing.assert_allclose(found.weights, part @ np.array(weights), rtol=1e-9, atol=1e-12)
    assert found.error == pytest.approx(np.sqrt(part @ np.square(errors)), rel=1e-9)
    assert found.between == pytest.approx(np.sqrt(part @ (slopes - mean) ** 2), rel=1e-9)
    assert found.weights @ LAGS == pytest.approx(1.0, rel=1e-9)
    if variance:
        assert found.weights.sum() == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    ("variance", "memory", "bound"), [(0.0, 1.0, 0.012), (6.0, 0.1, 0.03), (6.0, 2.0, 0.06)]
)
def test_the_slope_is_that_of_the_walk_in_a_cage(variance, memory, bound):
    """40 times ten carriers in 1 000 frames: three standard errors, and the spread as stated."""
    rng = np.random.default_rng(8)
    found, stated = [], []
    for _ in range(40):
        squared = squared_displacements(in_cages(rng, 10, variance, memory, 1000))
        choice = choose_self(LAGS, [1000], squared, 3, 10)
        found.append(choice.weights @ squared / 60)
        stated.append(np.hypot(choice.error, choice.between) / 60)
    spread = np.std(found)
    assert np.mean(found) == pytest.approx(1.0, abs=3 * spread / np.sqrt(40))
    assert spread < bound, "of the best weights, and a half more"
    # the standard error of a spread of 40 is 11%
    assert np.median(stated) == pytest.approx(spread, rel=0.4)


def test_too_few_lags_have_no_slope():
    squared = np.array([6.0, 12.0, 24.0])
    assert choose_self([1, 2], [40], squared[:2], 3, 1) is None
    assert choose_self([2, 4, 6], [40], squared, 3, 1) is None
    assert choose_self([1, 2, 4], [40], squared, 3, 1) is not None


def test_lags_far_apart_have_a_slope():
    """Factors of four: from the second of three lags on there are two, which are no model."""
    path = in_cages(np.random.default_rng(6), 50, 0.0, 1.0, 1000)
    lags = [4, 16, 64]
    squared = np.array([np.square(path[..., t:] - path[..., :-t]).sum((0, 1)).mean() for t in lags])
    found = choose_self(lags, [1000], squared, 3, 50)
    assert found.weights @ lags == pytest.approx(1.0, rel=1e-9)
    error = np.hypot(found.error, found.between)
    assert found.weights @ squared == pytest.approx(6 * 50, abs=3 * error)


@pytest.mark.parametrize(
    "lags", [[1, 4, 16], [4, 16, 64], [1, 2, 3, 4], [5, 10, 50, 100], [1, 16, 64, 256]]
)
@pytest.mark.parametrize("constant", [0.0, 30.0])
def test_few_windows_of_any_spacing_have_the_slope_of_a_line(lags, constant):
    """Windows that a user chose: late starts leave fewer lags than models have parameters."""
    squared = 12.0 * np.array(lags) + constant
    choice = choose_self(lags, [20 * lags[-1]], squared, 3, 20)
    assert choice.weights @ squared == pytest.approx(12.0, rel=1e-9)
    assert 0 < choice.error < 12.0
