"""Small images of all figures, with which `test_images` compares: python -m tests.plotting.images

Rewrites `images.npz` beside this file. Images are means over tiles, without words, so that they are
alike with all versions of matplotlib and of its fonts; words are compared as text.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np

from mda_ionmech import arrhenius, plotting
from mda_ionmech.microstates import RadialDistribution

from ..builders import solvated_walk
from ..site_lattices import hopping_run

IMAGES = Path(__file__).with_name("images.npz")
#: Tiles down and across, and dots of a figure for each.
TILES, DOTS = (32, 48), 5
SIDES = ("labelleft", "labelright", "labelbottom", "labeltop")


def small_image(ax) -> tuple[np.ndarray, list[str]]:
    """Mean colour of every tile without words, (tiles down, tiles across, 3), uint8; and the words.

    The sizes of words, and with them the places of axes, differ between versions of matplotlib.
    """
    import matplotlib.pyplot as plt
    from matplotlib.legend import Legend
    from matplotlib.text import Text

    figure = ax.get_figure(root=True)
    figure.set_layout_engine("none")
    words = []
    for axes in figure.axes:
        ticks = [one for axis in (axes.xaxis, axes.yaxis) for one in axis.findobj(Text)]
        names = [axes.xaxis.label, axes.yaxis.label]
        shown = [one for one in axes.findobj(Text) if one not in ticks or one in names]
        words += [one.get_text() for one in shown if one.get_text()]
        axes.tick_params(which="both", **dict.fromkeys(SIDES, False))
    for one in figure.findobj(lambda artist: isinstance(artist, Text | Legend)):
        one.set_visible(False)
    width, height = figure.get_size_inches()
    figure.set_dpi(max(TILES[1] * DOTS / width, TILES[0] * DOTS / height))
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[:, :, :3].astype(float)
    plt.close(figure)
    for axis in (0, 1):
        edges = np.linspace(0, drawn.shape[axis], TILES[axis] + 1).astype(int)
        size = np.diff(edges).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        drawn = np.add.reduceat(drawn, edges[:-1], axis=axis) / size
    return drawn.round().astype(np.uint8), words


@cache
def results_of_temperatures():
    """Results of hops that become more frequent with temperature."""
    return hopping_run().results, hopping_run(400, 0.1).results


def distribution() -> RadialDistribution:
    """A g(r) with a peak and a flat minimum."""
    r = np.linspace(0.025, 7.975, 160)
    g = 1 / (1 + np.exp(-(r - 3.6) / 0.25)) + 9 * np.exp(-(((r - 2.1) / 0.15) ** 2))
    inside = np.cumsum(g * r**2) * 4 * np.pi * 0.05 * 0.02
    return RadialDistribution("solvent", r, g, np.full_like(r, 0.05), inside, 100)


def drawings() -> dict[str, Callable]:
    """Every figure with its default arguments, by the name of its function."""
    ions, hops = solvated_walk(), hopping_run()
    shells, sites = ions.results, hops.results
    alike = (
        "contributions", "coordination", "effectiveness", "event_matrix", "onsager", "populations",
        "radial_distribution", "running", "shares", "timeline", "transitions", "view_curves",
        "view_map",
    )  # fmt: skip
    named = {name: partial(getattr(plotting, name), shells) for name in alike}
    return named | {
        "arrhenius": lambda: plotting.arrhenius(arrhenius(results_of_temperatures())),
        "concertedness": lambda: plotting.concertedness(sites),
        "displacement_spectrum": lambda: plotting.displacement_spectrum(
            ions.displacement_spectrum()
        ),
        "hop_channels": lambda: plotting.hop_channels(sites),
        "hop_strings": lambda: plotting.hop_strings(hops.hop_strings([0, 1, 4, 16])),
        "rdf": lambda: plotting.rdf(distribution()),
        "robustness": lambda: plotting.robustness(ions.robustness(persistence=[2.0, 5.0])),
    }


def images() -> Iterator[tuple[str, tuple[np.ndarray, list[str]]]]:
    """Names, images and words of all figures."""
    import matplotlib as mpl

    with warnings.catch_warnings(), mpl.rc_context(mpl.rcParamsDefault | {"backend": "agg"}):
        warnings.simplefilter("ignore")
        for name, draw in drawings().items():
            yield name, small_image(draw())


if __name__ == "__main__":
    found = dict(images())
    words = {f"{name}, words": np.array(texts) for name, (_, texts) in found.items()}
    np.savez_compressed(IMAGES, **{name: image for name, (image, _) in found.items()}, **words)
    print(f"{IMAGES}: {IMAGES.stat().st_size / 1024:.0f} kB")
