"""What is drawn is where it should be: ions, words of the legend, files of the command."""

import os
import subprocess
import sys

import numpy as np
import pytest
from ovito.vis import PythonViewportOverlay, Viewport
from PIL import Image

from mda_ionmech import InputError, datasets
from mda_ionmech.viewing.render import make_renderer, render_events
from mda_ionmech.viewing.scene import (
    build_scene,
    chosen_events,
    close_scene,
    open_states_file,
    telling_rows,
)
from ovito_modifiers import ColorByEvent, EventLegend

from . import builders
from .builders import LENGTH, load, write_dump, write_states

pytestmark = pytest.mark.filterwarnings("error", "ignore:Reload offsets")


def draw(pipeline, frame, size=(200, 200), overlay=None):
    """Pixels (rows, columns, 3) seen along -z: x to the right, y up, the whole cell."""
    pipeline.add_to_scene()
    try:
        view = Viewport(type=Viewport.Type.Top)
        view.camera_pos = (LENGTH / 2, LENGTH / 2, 0)
        view.fov = LENGTH / 2
        if overlay is not None:
            view.overlays.append(PythonViewportOverlay(delegate=overlay))
        view.render_image(
            size=size, frame=frame, renderer=make_renderer("standard"), filename="drawn.png"
        )
    finally:
        pipeline.remove_from_scene()
    with Image.open("drawn.png") as image:
        return np.asarray(image.convert("RGB")).astype(int)


def red(pixels):
    return (pixels[..., 0] > 100) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60)


@pytest.mark.slow
@pytest.mark.usefixtures("vulkan")
def test_a_red_event_is_red_where_the_ion_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    states = write_states(tmp_path / "s.states.npz")
    modifier = ColorByEvent(events_file=states, events="single_ion_hop")
    pipeline = load(write_dump(tmp_path / "s.dump"))
    pipeline.modifiers.append(modifier)
    for frame, carrier in ((2, 0), (7, 3)):
        pixels = draw(pipeline, frame)
        x, y, _ = builders.positions()[frame, carrier] / LENGTH
        place = (round((1 - y) * 200), round(x * 200))
        hit = red(pixels)
        assert hit[place]
        rows, columns = np.nonzero(hit)
        assert abs(rows.mean() - place[0]) < 3
        assert abs(columns.mean() - place[1]) < 3
        assert np.ptp(columns) < 40
    assert not red(draw(pipeline, 0)).any(), "no ion hops in the first window"


@pytest.mark.usefixtures("vulkan")
def test_the_legend_is_drawn_in_its_corner_unclipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    states = write_states(tmp_path / "s.states.npz", **shares())
    pipeline = load(write_dump(tmp_path / "s.dump"))
    pipeline.modifiers.append(ColorByEvent(events_file=states, bulk="hide"))
    bare = draw(pipeline, 4, size=(400, 300))
    boxes = {}
    for corner in ("top left", "bottom right"):
        legend = EventLegend(events_file=states, corner=corner, font_size=0.04, margin=0.03)
        drawn = draw(pipeline, 4, size=(400, 300), overlay=legend)
        rows, columns = np.nonzero(np.abs(drawn - bare).sum(axis=-1) > 60)
        boxes[corner] = rows.min(), rows.max(), columns.min(), columns.max()
    top, bottom, left, right = boxes["top left"]
    assert (top, left) >= (3, 3)
    assert top < 25
    assert left < 25
    other = boxes["bottom right"]
    assert 270 < other[1] < 298
    assert 370 < other[3] < 398
    # the same words in both corners: nothing is cut off
    assert abs((bottom - top) - (other[1] - other[0])) <= 3
    assert abs((right - left) - (other[3] - other[2])) <= 3
    assert 60 < bottom - top < 120
    assert 150 < right - left < 390


def shares():
    share = np.array([[0.25, 0.5, 0.25, np.nan], [np.nan] * 3 + [1.0]])
    return {
        "species_names": np.array(["Li+", "TFSI-"]),
        "species_of_carrier": np.array([0, 0, 0, 0, 1]),
        "event_share": share,
        "event_share_low": share - 0.1,
        "event_share_high": share + 0.1,
    }


def texts(legend, frame, tmp_path):
    """Words of the legend, row by row."""
    data = load(write_dump(tmp_path / "s.dump")).compute(frame)
    columns = legend.columns(data)
    return [[text for text, _ in row] for row in zip(*columns, strict=True)]


def test_the_legend_tells_counts_and_shares(tmp_path):
    legend = EventLegend(events_file=write_states(tmp_path / "s.states.npz", **shares()))
    assert texts(legend, 4, tmp_path) == [
        ["", "Events in 1 ps", "ions", "share of L(Li+)"],
        ["■", "no_hop", "2", "25%"],
        ["■", "single_ion_hop", "0", "50%"],
        ["■", "multi_ion_hop", "2", "25%"],
    ]
    legend.names, legend.title, legend.counts = "multi_ion_hop", "Hops", False
    assert texts(legend, 4, tmp_path)[0] == ["", "Hops", "share of L(Li+)"]
    legend.labels, legend.names, legend.counts, legend.title = "macrostates", "", True, ""
    assert texts(legend, 0, tmp_path) == [
        ["", "Macrostates", "ions"],
        ["■", "SSIP", "5"],
        ["■", "CIP", "0"],
    ]


def test_without_shares_and_outside_the_analysis_the_legend_claims_nothing(tmp_path):
    legend = EventLegend(events_file=write_states(tmp_path / "s.states.npz", frame=[0, 1, 2, 3]))
    assert texts(legend, 6, tmp_path)[:2] == [["", "Events in 1 ps", "ions"], ["■", "no_hop", "-"]]


# ---- ionmech render ----------------------------------------------------------------------------


@pytest.mark.usefixtures("vulkan")
def test_images_and_animation_of_chosen_events(crystal_states, tmp_path):
    events = ["multi_ion_hop"]
    scene = build_scene(datasets.crystal(), crystal_states, events=events)
    try:
        written = render_events(
            scene, tmp_path, "garnet", events=events, images=2, animate=3, size=(320, 240)
        )
        best = telling_rows(scene.states, events, 2)
        assert [p.name for p in written] == [f"garnet-{r}.png" for r in best] + ["garnet.gif"]
        with Image.open(written[0]) as image:
            assert image.size == (320, 240)
            pixels = np.asarray(image.convert("RGB")).astype(int)
        orange = (pixels[..., 0] > pixels[..., 1] + 70) & (pixels[..., 1] > pixels[..., 2] + 30)
        assert orange.sum() > 200, "ions and arrows in the colour of multi_ion_hop"
        with Image.open(written[-1]) as gif:
            assert gif.n_frames == 3
        with pytest.raises(InputError, match="frame 400 was not analysed; analysed are 0 to 300"):
            render_events(scene, tmp_path, "x", events=events, frames=[400])
        with pytest.raises(InputError, match="renderer 'povray' is not known; the renderers are"):
            render_events(scene, tmp_path, "x", events=events, renderer="povray")
    finally:
        close_scene(scene)


def test_what_does_not_belong_together_is_refused(crystal_states, tmp_path):
    with pytest.raises(InputError, match="the topology has 928 atoms, but 192 were analysed"):
        build_scene(datasets.liquid(), crystal_states)
    universe = datasets.crystal()
    for options, message in (
        ({"events": "hop"}, "'hop' is no event of this file; it has no_hop"),
        ({"events": ""}, "events names none; it has no_hop"),
        ({"color_by": "type"}, "color_by must be 'events' or 'macrostates', got 'type'"),
        ({"color_by": "macrostates"}, "holds no macrostates; give a species a macrostate rule"),
        ({"bulk": "burn"}, "bulk must be 'dim', 'pale', 'hide' or 'keep', got 'burn'"),
        ({"trail": -1}, "trail must be a number of analysed frames, 0 or more, got -1"),
    ):
        with pytest.raises(InputError, match=message):
            build_scene(universe, crystal_states, **options)
    with pytest.raises(FileNotFoundError, match="no states file at"):
        build_scene(universe, tmp_path / "none.states.npz")


def test_the_frames_with_most_events_lie_a_window_apart(tmp_path):
    states = open_states_file(write_states(tmp_path / "s.states.npz"))
    assert telling_rows(states, ["multi_ion_hop"], 3) == [4]
    assert telling_rows(states, ["single_ion_hop", "multi_ion_hop"], 3) == [2, 4, 7]
    assert chosen_events(states, None) == ["single_ion_hop", "multi_ion_hop"]


def ionmech(*args, cwd, **env):
    return subprocess.run(
        [sys.executable, "-m", "mda_ionmech", *args],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | env,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("vulkan")
def test_the_command_draws_and_says_what_is_missing(crystal_states, tmp_path):
    options = ["render", str(crystal_states), "--dataset", "crystal", "--size", "160x120"]
    done = ionmech(*options, "--frame", "10", "-e", "single_ion_hop", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ionmech-images" / "crystal-10.png").stat().st_size > 1000
    assert "Written to ionmech-images: crystal-10.png" in done.stdout
    nowhere = {"VK_DRIVER_FILES": "/dev/null", "VK_ICD_FILENAMES": "/dev/null"}
    done = ionmech(*options, cwd=tmp_path, **nowhere)
    assert done.returncode == 2
    assert "apt-get install libvulkan1 mesa-vulkan-drivers" in done.stderr
