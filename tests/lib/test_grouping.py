"""Rows of tables put in the order of their groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.lib import grouping
from mda_ionmech.lib.arrays_on_disk import ArrayFolder, folder_of, gathered


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(0, 40),
    n_groups=st.integers(1, 6),
    at_once=st.sampled_from([1, 7, 1000]),
    mapped=st.booleans(),
)
def test_rows_of_a_group_are_together_and_in_their_order(seed, n_rows, n_groups, at_once, mapped):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, n_groups, n_rows).astype(np.int32)
    kinds = (np.int32, bool, np.dtype([("a", "i4"), ("b", "i4")]))
    columns = [np.arange(n_rows).astype(np.int32), rng.random(n_rows) < 0.5]
    columns.append(np.stack([columns[0], columns[0] + 1], axis=1).view(kinds[2])[:, 0])
    folder = ArrayFolder() if mapped else None
    given_columns = [gathered([x], k, folder) for x, k in zip(columns, kinds, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouping, "ROWS_AT_ONCE", at_once)
        offsets, found = grouping.sort_by_group(group, given_columns, n_groups)
    order = np.argsort(group, kind="stable")
    np.testing.assert_array_equal(offsets, np.searchsorted(group[order], np.arange(n_groups + 1)))
    for one, column in zip(found, columns, strict=True):
        np.testing.assert_array_equal(one, column[order])
        assert folder_of(one) is folder
