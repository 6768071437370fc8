"""Instructions on many places at a time against NumPy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.lib.kernels import kernel
from mda_ionmech.lib.lanes import ROW, changed_lanes, copy_lanes, fetch, same_lanes, shifted_lanes

HIGHEST = 2**31 - 1
_PLACE, _ROW, _ONE = np.uint64(ROW), np.uint64(ROW), np.uint64(1)


@kernel
def change_row(row, change):
    fetch(row, _PLACE)
    changed_lanes(row, _PLACE, change)


@kernel
def shift_rows(row, number, joins, n_rows):
    for k in range(n_rows):
        if joins:  # from the last row on, as each takes from the one before
            shifted_lanes(row, np.uint64(n_rows - k) * _ROW, number, ~np.uint64(0))
        else:
            shifted_lanes(row, np.uint64(k + 1) * _ROW, number, _ONE)


@kernel
def same_and_copied(one, at, other, there, target):
    copy_lanes(one, np.uint64(at), target, np.uint64(there))
    return same_lanes(one, np.uint64(at), other, np.uint64(there))


def padded(numbers, n_rows):
    """Ascending numbers from place ROW on, between a lower one and higher ones."""
    row = np.full((n_rows + 3) * ROW, HIGHEST, dtype=np.int32)
    row[ROW - 1] = -1
    row[ROW : ROW + len(numbers)] = numbers
    return row


@settings(max_examples=100, deadline=None)
@given(numbers=st.sets(st.integers(0, HIGHEST - 1), min_size=1, max_size=ROW), data=st.data())
def test_a_number_joins_and_leaves_a_row(numbers, data):
    number = data.draw(st.sampled_from(sorted(numbers)))
    rest = sorted(numbers - {number})
    row = padded(rest, 1)
    change_row(row, np.int32(number))
    np.testing.assert_array_equal(row, padded(sorted(numbers), 1))
    change_row(row, np.int32(~number))
    np.testing.assert_array_equal(row, padded(rest, 1))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 4 * ROW))
def test_a_number_joins_and_leaves_several_rows(seed, n):
    rng = np.random.default_rng(seed)
    numbers = np.sort(rng.choice(10 * n, n, replace=False))
    number, n_rows = rng.choice(numbers), -(-n // ROW)
    rest = numbers[numbers != number]
    row = padded(rest, n_rows)
    shift_rows(row, np.int32(number), True, n_rows)
    np.testing.assert_array_equal(row, padded(numbers, n_rows))
    shift_rows(row, np.int32(number), False, n_rows)
    np.testing.assert_array_equal(row, padded(rest, n_rows))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), at=st.integers(0, 30), there=st.integers(0, 30))
def test_rows_are_compared_and_copied(seed, at, there):
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 3, (2, 30 + ROW), dtype=np.int32)
    target = np.full(30 + ROW, 7, dtype=np.int32)
    bits = same_and_copied(one, at, other, there, target)
    equal = one[at : at + ROW] == other[there : there + ROW]
    assert bits == sum(1 << k for k in np.flatnonzero(equal))
    expected = np.full(30 + ROW, 7)
    expected[there : there + ROW] = one[at : at + ROW]
    np.testing.assert_array_equal(target, expected)
