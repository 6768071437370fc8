"""Figures for the columns of a journal: their width, and texts that stay within them."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from mda_ionmech import InputError, plotting
from mda_ionmech.plotting.style import new_axes


@pytest.mark.slow
@pytest.mark.parametrize(("options", "mm"), [({"columns": 1}, 84), ({"columns": 2}, 174)])
def test_nothing_is_cut_off(options, mm, liquid_run):
    """Everything that is drawn lies within the figure, 1 point aside."""
    with plotting.journal(**options):
        for name, draw in plotting.figures(liquid_run.results).items():
            figure = draw().figure
            assert figure.get_figwidth() * 25.4 == pytest.approx(mm), name
            figure.canvas.draw()
            drawn = figure.get_tightbbox()  # inches
            least = -1 / 72
            assert drawn.x0 > least, name
            assert drawn.y0 > least, name
            assert drawn.x1 < figure.get_figwidth() - least, name
            assert drawn.y1 < figure.get_figheight() - least, name
            plt.close(figure)


def test_the_settings_end_with_the_block(tmp_path):
    before = mpl.rcParams["font.size"]
    with plotting.journal(width=120):
        ax = new_axes(None, (7.0, 4.0))
        assert ax.figure.get_figwidth() * 25.4 == pytest.approx(120)
        assert mpl.rcParams["font.size"] == 7
        written = plotting.save(ax, tmp_path / "a.png")
        assert plt.imread(written).shape[1] == pytest.approx(120 / 25.4 * 600, abs=1)
    assert mpl.rcParams["font.size"] == before
    assert new_axes(None, (7.0, 4.0)).figure.get_figwidth() == 7
    plt.close("all")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": 3}, "columns must be 1 or 2, got 3"),
        ({"columns": [1]}, r"columns must be 1 or 2, got \[1\]"),
        ({"columns": True}, "columns must be 1 or 2, got True"),
        ({"columns": "one"}, "columns must be 1 or 2, got 'one'"),
        ({"width": 10}, "width must be 40 mm or more, got 10"),
        ({"width": "wide"}, "width must be a width in mm"),
    ],
)
def test_other_widths_are_refused(options, message):
    with pytest.raises(InputError, match=message), plotting.journal(**options):
        pass
