"""Words of figures do not lie on each other."""

from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mda_ionmech import plotting
from mda_ionmech.plotting.style import headline, heat_map, heat_map_size, log_times, new_axes


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("columns", [None, 1])
@pytest.mark.parametrize("longest", [3.0, 8.0, 25.6, 256.0, 512.0, 1e4, 1e7])
def test_labels_of_times_are_apart(longest, columns):
    def drawn():
        ax = new_axes(None, (7.0, 4.0))
        ax.plot([1.0, longest], [0.0, 1.0])
        log_times(ax, np.array([1.0, longest]))
        ax.figure.draw_without_rendering()
        low, high = ax.get_xlim()
        labels = [one for one in ax.get_xticklabels(which="both")
                  if one.get_text() and low <= one.get_position()[0] <= high]  # fmt: skip
        boxes = [one.get_window_extent() for one in labels]
        return sorted(boxes, key=lambda box: box.x0)

    if columns is None:
        boxes = drawn()
    else:
        with plotting.journal(columns):
            boxes = drawn()
    assert len(boxes) >= 2
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


@pytest.mark.parametrize("n", [2, 4, 8, 12])
def test_numbers_of_a_heat_map_have_their_room(n):
    ax = new_axes(None, heat_map_size(n))
    names = [f"molecules_{k}" for k in range(n)]
    heat_map(ax, np.full((n, n), 0.21), names, names, "part", np.full((n, n), 0.013))
    ax.figure.draw_without_rendering()
    boxes = [one.get_window_extent() for one in ax.texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


@pytest.mark.parametrize("line", ["plain", r"100% is 1.68 $10^{38}$ J$^{-1}$ m$^{-1}$ s$^{-1}$"])
def test_a_title_stands_clear_of_the_lines_below_it(line):
    ax = new_axes(None, (7.0, 4.0))
    headline(ax, "Contributions to Li+ transport", "barycentric frame", line)
    ax.figure.draw_without_rendering()
    (below,) = [one for one in ax.texts if "barycentric" in one.get_text()]
    assert below.get_window_extent().y1 <= ax._left_title.get_window_extent().y0 + 1
