"""All figures look as they did: small images against those of `images.npz`.

A figure that changes on purpose is looked at, and the images are written again with
``python -m tests.plotting.images``.
"""

import numpy as np
import pytest

from mda_ionmech import plotting

from .images import IMAGES, drawings, images, small_image

#: Largest mean difference of all tiles, and of a tenth of the tiles that differ most, of 255.
MEAN, WORST = 1.0, 9.0
#: What is public beside figures.
OTHERS = {"close", "figures", "journal", "save", "save_all"}


def differences(image, kept):
    """Mean difference of all tiles, and of the tenth of the tiles that differ most."""
    apart = np.abs(image.astype(int) - kept).mean(axis=2).ravel()
    return apart.mean(), np.sort(apart)[-len(apart) // 10 :].mean()


@pytest.fixture(scope="module")
def drawn():
    return dict(images())


@pytest.fixture(scope="module")
def kept():
    with np.load(IMAGES) as file:
        return dict(file)


@pytest.mark.slow
def test_every_figure_has_an_image(drawn, kept):
    names = {name for name in kept if not name.endswith(", words")}
    assert set(drawn) == names == set(plotting.__all__) - OTHERS


def is_alike(name, image, words, kept):
    mean, worst = differences(image, kept[name])
    return mean <= MEAN and worst <= WORST and words == kept[f"{name}, words"].tolist()


@pytest.mark.slow
def test_figures_are_as_they_were(drawn, kept):
    far = [name for name, found in drawn.items() if not is_alike(name, *found, kept)]
    assert far == [], "look at these; if they are right: python -m tests.plotting.images"


def change_color(ax):
    for one in ax.containers[0]:
        one.set_facecolor("#999999")


def remove_legend(ax):
    ax.get_legend().remove()


def shift(ax):
    low, high = ax.get_ylim()
    ax.set_ylim(low, 1.15 * high)


@pytest.mark.parametrize("change", [change_color, remove_legend, shift])
def test_changes_are_noticed(kept, change):
    ax = drawings()["displacement_spectrum"]()
    change(ax)
    assert not is_alike("displacement_spectrum", *small_image(ax), kept)
