"""Average of the lines through mean squared displacements, by hand."""

from types import SimpleNamespace

import numpy as np

from mda_ionmech.onsager.lag_choice import _averaged

LAGS = (1, 2, 3, 4)
ONE = np.ones(1)


def lines(*misfits):
    """Lines from lags 1, 2, ... on whose weights, slopes and errors are told by their lag."""
    return {
        t: SimpleNamespace(misfit=m, weights=np.full(5 - t, t), slope=10.0 * t, error=1.0 * t)
        for t, m in zip(LAGS, misfits, strict=False)
    }


def test_lines_count_by_half_their_misfit_and_the_lags_they_leave_out():
    found = _averaged(1, LAGS, lines(6.0, 3.0), 1, "", True, ONE)
    # costs of 3 + 0 and 1.5 + 1
    part = np.exp([-0.5, 0.0]) / (1 + np.exp(-0.5))
    np.testing.assert_allclose(found.probability, part)
    assert found.starts == (1, 2)
    np.testing.assert_array_equal(found.lines, [[1, 1, 1, 1], [0, 2, 2, 2]])
    np.testing.assert_allclose(found.weights, part @ found.lines)
    error = np.sqrt(part @ [1.0, 4.0])
    np.testing.assert_allclose(found.relative_error, error / (part @ [10.0, 20.0]))


def test_of_lines_that_all_begin_too_early_the_last_is_taken():
    found = _averaged(1, LAGS, lines(0.0, 0.0, 9.0), 4, "Li", False, ONE)
    assert (found.starts, found.bent, found.settled) == ((3,), "Li", False)
    np.testing.assert_array_equal(found.weights, [0, 0, 3, 3])


def test_the_longest_lag_has_a_twentieth_of_the_largest_part():
    one = {1: SimpleNamespace(misfit=0.0, weights=np.array([8.0, 1.0, -0.15, 0.09]), slope=1.0,
                              error=1.0)}  # fmt: skip
    # parts in the slope of 8, 2, 0.45 and 0.36
    assert _averaged(1, LAGS, one, 1, "", True, ONE).longest == 3
