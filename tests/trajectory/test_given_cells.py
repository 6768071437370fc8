"""Cells that a user gives, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech.trajectory.given_cells import GivenCells, check_dimensions


@pytest.mark.parametrize(
    ("given", "cell"),
    [
        (None, None),
        (12, [12, 12, 12, 90, 90, 90]),
        ([12.5], [12.5, 12.5, 12.5, 90, 90, 90]),
        ((4, 5, 6), [4, 5, 6, 90, 90, 90]),
        (np.array([4.0, 5, 6, 80, 95, 100]), [4, 5, 6, 80, 95, 100]),
    ],
)
def test_a_cell_is_one_edge_three_edges_or_edges_and_angles(given, cell):
    found = check_dimensions(given)
    assert found is None if cell is None else found.tolist() == cell


def test_one_cell_is_that_of_all_frames_and_several_are_one_each():
    one, each = GivenCells([1, 2, 3, 90, 90, 90]), GivenCells(np.arange(1.0, 13).reshape(2, 6))
    for frame in (0, 1):
        assert one(SimpleNamespace(frame=frame)).dimensions.tolist() == [1, 2, 3, 90, 90, 90]
        ts = each(SimpleNamespace(frame=frame))
        assert ts.dimensions.tolist() == np.arange(1.0 + 6 * frame, 7 + 6 * frame).tolist()
