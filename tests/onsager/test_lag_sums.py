"""Lags, sub-blocks and the residual of the sums of the diffusive view, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech.onsager.lag_sums import (
    MOST_SUB_BLOCKS,
    LagSums,
    join_lags,
    lag_grids,
    lag_residual,
    lag_sums,
)


def test_lags_are_four_to_an_octave_up_to_a_tenth_of_the_frames():
    assert lag_grids([1], 330) == {1: (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32)}
    assert lag_grids([5], 159) == {5: (5, 10, 15)}
    # two lags are no line
    assert lag_grids([7], 209) == {}


@pytest.mark.parametrize(("extra", "resolution"), [(0, 1), (1, 1), (0, 3), (-1, 1)])
def test_sub_blocks_are_few_and_a_resolution_long_at_least(extra, resolution):
    n_frames = 2 * MOST_SUB_BLOCKS + extra
    path = np.zeros((1, 3, n_frames))
    found = lag_sums(path, path, resolution, (resolution, 2 * resolution))
    assert found.sub_block == max(3 if extra > 0 else 2, resolution)
    assert found.segments == (len(found.origins),)
    np.testing.assert_array_equal(
        found.origins.sum(axis=0), [n_frames - resolution, n_frames - 2 * resolution]
    )
    assert np.all(found.origins[:-2] == found.sub_block)


def test_the_residual_is_the_largest_gap_over_the_self_parts_of_its_lag():
    # species 0 has two rows, species 1 one; sums over two sub-blocks of two and one origins
    origins = np.array([[2.0, 2.0], [2.0, 1.0]])
    total = np.full((2, 2, 2, 2), 3.0)
    system = SimpleNamespace(row_species=np.array([0, 0, 1]))
    squared = {1: np.array([4.0, 9.0]), 2: np.array([16.0, 25.0])}

    def residual(gaps, known=squared, lags=(1, 2)):
        marginal = np.zeros((2, 2, 3, 2))
        marginal[:, :, [0, 2]] = total
        for place, gap in gaps.items():
            marginal[place] += gap
        sums = LagSums(1, lags, 2, (2,), origins, marginal, total)
        return lag_residual(sums, system, known)

    assert residual({}) == 0
    # labels of one species may cancel
    assert residual({(0, 0, 0, 1): 5.0, (1, 0, 1, 1): -5.0}) == 0
    # species 0 with 1: over four origins and sqrt(4 x 9), over three and sqrt(16 x 25)
    assert residual({(0, 0, 0, 1): 24.0}) == pytest.approx(24 / 4 / 6)
    assert residual({(0, 1, 1, 1): -24.0}) == pytest.approx(24 / 3 / 20)
    assert residual({(0, 0, 0, 1): 24.0, (1, 1, 2, 1): 24.0}) == pytest.approx(24 / 4 / 6)
    # a lag without squares of its own takes those of the longest below it
    assert residual({(0, 1, 1, 1): 24.0}, {1: squared[1]}) == pytest.approx(24 / 3 / 6)
    assert residual({(0, 1, 1, 1): 24.0}, lags=(1, 7)) == pytest.approx(24 / 3 / 20)
    assert np.isnan(residual({(0, 1, 1, 1): np.nan}))
    # what does not move has no residual
    assert residual({(0, 0, 0, 1): 1.0}, {1: np.zeros(2), 2: np.zeros(2)}) == 0


def test_runs_with_fewer_than_three_lags_in_common_are_not_joined():
    path = np.random.default_rng(0).normal(size=(1, 3, 40)).cumsum(axis=-1)

    def joined(*lags):
        return join_lags([lag_sums(path, path, 1, one) for one in lags])

    assert joined((1, 2, 3), (1, 2, 4)) is None
    assert joined((1, 2, 3, 4), (1, 2, 3, 5)).lags == (1, 2, 3)
