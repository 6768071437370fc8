"""Figure of the network of hop channels."""

import pytest

from mda_ionmech import plotting
from mda_ionmech.results.hop_network import Edge, colors_of_channels, drawn_edges

from ..site_lattices import hopping_run


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    __import__("matplotlib.pyplot").pyplot.close("all")


def test_the_legend_has_the_rates():
    results = hopping_run().results
    table = results.hop_channels()
    ax = plotting.hop_channels(results)
    words = [one.get_text() for one in ax.get_legend().get_texts()]
    first = next(text for text in words if text.startswith("a-b 2.50 Å"))
    rate = table.loc[("a", "b")].iloc[0]["rate"]
    back = table.loc[("b", "a")].iloc[0]["rate"]
    assert f"{rate:.1f} (" in first
    assert f"back {back:.0f} (" in first
    assert "hop-channels" in plotting.figures(results)


def edge(start, end, distance, flux):
    name = f"{start}-{end} {distance:.2f} A"
    return Edge(name, start, end, distance, (1.0, 1.0, 1.0, 1), (1.0, 1.0, 1.0, 1), flux)


def test_every_pair_of_labels_is_drawn_before_second_distances():
    """Hops between cages are rare beside those within, and are what ions move by."""
    within = [edge("d1", "d1", k, 100 - k) for k in range(20)]
    between = edge("d1", "d2", 3.7, 0.1)
    drawn = drawn_edges([*within, between])
    assert len(drawn) == 12
    assert drawn == [*within[:11], between]
    colors = colors_of_channels([*within, between])
    assert len(set(colors.values())) == 12
