"""Errors of self parts in the diffusive limit, from blocks that are common to all lags."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from mda_ionmech.onsager.block_bootstrap import BlockPlan
from mda_ionmech.results.diffusive_self import jackknife_error

from ..builders import decompose, hops, make_universe

LAGS = [1, 2, 4, 8]


def entries_of(rng, n_frames, sub_blocks, per_block):
    """Windows whose sums are random, with so many sub-blocks each and blocks of so many."""
    out = []
    for lag, sizes in zip(LAGS, sub_blocks, strict=True):
        n = sum(sizes)
        plan = BlockPlan(
            sub_block=n_frames // n, n_sub_blocks=n, n_blocks=sum(m // per_block for m in sizes),
            per_block=per_block, segments=tuple(sizes), by_segment=False,
        )  # fmt: skip
        sums = SimpleNamespace(
            total_squared=lag * rng.uniform(size=(n, 2)), origins=rng.integers(5, 9, size=n)
        )
        out.append(SimpleNamespace(frames=lag, sums=sums, plan=plan))
    return out


@pytest.mark.parametrize(
    "sub_blocks",
    [[(60,), (48,), (40,), (36,)], [(30, 18), (30, 18), (24, 12), (24, 12)]],
    ids=["one trajectory", "two"],
)
def test_the_error_is_that_of_leaving_out_one_block_after_another(sub_blocks):
    rng = np.random.default_rng(2)
    entries = entries_of(rng, 600, sub_blocks, 6)
    weights = np.array([-0.2, 0.0, 0.1, 0.1])
    found, n = jackknife_error(entries, weights, 1, 0.68)
    blocks = [m // 6 for m in sub_blocks[-1]]
    assert n == sum(blocks)
    without = []
    for left_out in range(n):
        value = 0.0
        for w, entry, sizes in zip(weights, entries, sub_blocks, strict=True):
            squared = origins = 0.0
            at = 0
            for segment, size in enumerate(sizes):
                for k in range(size):
                    block = sum(blocks[:segment]) + int(k / size * blocks[segment] + 1e-9)
                    if block != left_out:
                        squared += entry.sums.total_squared[at, 1]
                        origins += entry.sums.origins[at]
                    at += 1
            value += w * squared / origins
        without.append(value)
    error = np.sqrt((n - 1) * np.var(without))
    student = stats.t(n - 1).ppf(0.84) / stats.norm.ppf(0.84)
    assert found == pytest.approx(error * student, rel=1e-9)


def test_blocks_are_those_of_the_longest_lag_that_matters():
    """A weight that is nothing beside the others leaves the blocks of the shorter lag."""
    entries = entries_of(np.random.default_rng(3), 600, [(60,), (48,), (42,), (36,)], 6)
    assert jackknife_error(entries, np.array([-0.2, 0.0, 0.1, 1e-4]), 0, 0.68)[1] == 7
    assert jackknife_error(entries, np.array([1.0, 0.0, 0.0, 0.0]), 0, 0.68)[1] == 10


def test_blocks_are_half_as_long_where_there_are_fewer_than_three():
    """With the part of the variance that blocks of two windows miss, one sixth."""
    weights = np.array([-0.2, 0.0, 0.1, 0.1])
    found, n = jackknife_error(
        entries_of(np.random.default_rng(4), 600, [(12,)] * 4, 6), weights, 0, 0.68
    )
    plain, same = jackknife_error(
        entries_of(np.random.default_rng(4), 600, [(12,)] * 4, 3), weights, 0, 0.68
    )
    assert n == same == 4
    assert found == pytest.approx(plain * np.sqrt(6 / 5), rel=1e-12)


def test_fewer_than_three_blocks_have_no_error():
    few = entries_of(np.random.default_rng(4), 600, [(8,)] * 4, 6)
    found, n = jackknife_error(few, np.array([-0.2, 0.0, 0.1, 0.1]), 0, 0.68)
    assert np.isnan(found)
    assert n == 2


def self_diffusivity(paths):
    """Value, low and high end, cm2/s."""
    data = decompose(
        make_universe(paths + 20.0), windows="log", resolutions=[1.0], horizons="log"
    ).decomposition  # fmt: skip
    return [float(data[f"diffusive_diffusivity_self{end}"][0]) for end in ("", "_low", "_high")]


def test_intervals_of_rare_hops_are_those_of_their_number():
    """Vibration has long lags weighted, of which 200 frames hold two blocks."""
    relative = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        paths, number = hops(rng, 200, 8, 0.01, 3.0, 1.0)
        value, low, high = self_diffusivity(paths + rng.normal(scale=0.3, size=paths.shape))
        relative.append((high - low) / 2 / value * np.sqrt(number.sum()))
    assert 0.6 < np.median(relative) < 1.8


def test_ions_that_vibrate_have_an_upper_end():
    """A slope below zero is noise: the interval of the value, zero, is that of its error."""
    ends = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        ends.append(self_diffusivity(rng.normal(scale=0.3, size=(150, 4, 3))))
    value, low, high = np.array(ends).T
    assert np.any(value == 0)
    assert np.all(low[value == 0] == 0)
    assert np.all(high > value)
