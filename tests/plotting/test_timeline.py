"""Events over time: rows of chosen ions, and fractions of many; the table of linked hops."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mda_ionmech import plotting
from mda_ionmech.plotting import mechanism
from mda_ionmech.plotting.style import nulls

from ..site_lattices import hopping_run


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def states_of(results, name="Li+"):
    place = [str(s) for s in results.decomposition["species"].values].index(name)
    mine = results.states["carrier_species"].values == place
    names = str(results.states["event"].attrs["flag_meanings"]).split()
    return results.states["event"].values[:, mine], results.states["time"].values, names


def test_chosen_ions_have_rows_with_their_numbers(liquid_run):
    results = liquid_run.results
    codes, time, _ = states_of(results)
    ax = plotting.timeline(results, ions=[7, 2], start=100.0, stop=150.0)
    inside = (time >= 100) & (time <= 150)
    shown = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert np.array_equal(shown, codes[inside][:, [6, 1]].T)
    assert [one.get_text() for one in ax.get_yticklabels()] == ["7", "2"]


def test_many_ions_are_shown_as_the_fraction_with_each_event(liquid_run, monkeypatch):
    results = liquid_run.results
    codes, time, names = states_of(results)
    monkeypatch.setattr(mechanism, "MOST_APART", codes.shape[1] - 1)
    monkeypatch.setattr(mechanism, "STRETCHES", 20)
    ax = plotting.timeline(results, start=0.0, stop=299.0)
    inside = codes[time <= 299]
    size = -(-len(inside) // 20)
    high = [one.get_text() for one in ax.texts if one.get_text().endswith("%")]
    seen = [k for k in range(len(names)) if (inside == k).any()]
    assert [one.get_text() for one in ax.get_yticklabels()] == [names[k] for k in seen]
    for row, k in enumerate(seen):
        fraction = [
            np.sum(inside[at : at + size] == k) / np.sum(inside[at : at + size] >= 0)
            for at in range(0, len(inside), size)
        ]
        drawn = ax.patches[row].get_data()
        base = len(seen) - 1 - row
        expected = base + 0.85 * np.array(fraction) / max(fraction)
        assert drawn.values == pytest.approx(expected)
        assert drawn.baseline == base
        assert float(high[row].rstrip("%")) == pytest.approx(100 * max(fraction), abs=0.5)
    one_by_one = plotting.timeline(results, ions=range(1, codes.shape[1] + 1))
    assert one_by_one.images


@pytest.mark.slow
@pytest.mark.parametrize("columns", [None, 1])
def test_linked_hops_are_a_table_whose_words_are_apart(columns):
    results = hopping_run().results
    name = results._species(None)
    windows = results.decomposition["window"].values
    table = nulls(results, name, windows[:2])
    assert table[0] == ("window", "linked hops", "by chance", "exclusion gas")
    one = results.decomposition.sel(species=name, window=windows[0])
    expected = f"{100 * float(one['multi_fraction']):.0f}%"
    assert table[1][:2] == (f"{windows[0]:g} ps", expected)
    assert nulls(results, name, []) == []

    def drawn():
        ax = plotting.contributions(results)
        ax.figure.draw_without_rendering()
        return ax

    if columns is None:
        ax = drawn()
    else:
        with plotting.journal(columns):
            ax = drawn()
    words = {cell for row in table for cell in row}
    boxes = [
        text.get_window_extent() for text in ax.findobj(plt.Text)
        if text.get_text() in words and text not in ax.get_xticklabels()
    ]  # fmt: skip
    assert len(boxes) >= 8
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    title = ax._left_title.get_window_extent()
    assert max(box.y1 for box in boxes) < title.y0
    assert min(box.y0 for box in boxes) > ax.get_window_extent().y1
    assert max(box.x1 for box in boxes) < ax.figure.bbox.x1
