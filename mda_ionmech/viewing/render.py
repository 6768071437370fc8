"""Rendering of images and animations of chosen events, without a screen."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..lib.errors import InputError
from ..lib.files import write_atomically
from ..lib.temporary import temporary_folder
from .scene import Scene, frame_scene, telling_rows

RENDERERS = ("standard", "tachyon", "ospray")
DEBIAN_PACKAGES = "libvulkan1 mesa-vulkan-drivers"


def make_renderer(name: str) -> Any:
    """One of OVITO's renderers, with settings for shaded pictures.

    Raises
    ------
    InputError
        For a name that is not in `RENDERERS`.
    """
    import ovito.vis

    if name == "tachyon":
        return ovito.vis.TachyonRenderer(shadows=False, ambient_occlusion_brightness=0.7)
    if name == "ospray":
        return ovito.vis.OSPRayRenderer()
    if name == "standard":
        vis: Any = ovito.vis
        return vis.StandardRenderer() if hasattr(vis, "StandardRenderer") else vis.OpenGLRenderer()
    raise InputError(f"renderer {name!r} is not known; the renderers are {', '.join(RENDERERS)}")


def render_image(scene: Any, frame: int, path: Path, size: tuple[int, int], renderer: Any) -> Path:
    """Draw one frame of the trajectory into a PNG file, atomically.

    Raises
    ------
    InputError
        Where OVITO finds no Vulkan driver, with the packages to install, or the file cannot be
        written.
    """

    def draw(name: str) -> None:
        scene.viewport.render_image(
            size=size, frame=frame, filename=name, renderer=renderer, background=(1, 1, 1)
        )
        if not os.path.getsize(name):  # OVITO says nothing
            raise OSError(errno.EIO, "OVITO could not write it, as on a full disk")

    try:
        return write_atomically(path, draw)
    except RuntimeError as error:
        if "ulkan" in str(error):
            raise InputError(
                "OVITO draws with Vulkan and found no working driver; on Debian or Ubuntu "
                f"install a software one with: apt-get install {DEBIAN_PACKAGES} "
                f"(OVITO says: {str(error).splitlines()[0]})"
            ) from error
        raise


def render_events(
    scene: Scene,
    folder: Path,
    name: str,
    *,
    events: Sequence[str],
    frames: Sequence[int] | None = None,
    images: int = 3,
    animate: int = 0,
    size: tuple[int, int] = (800, 600),
    renderer: str = "standard",
) -> list[Path]:
    """Images of the frames with most of the chosen events, and a GIF around the first of them.

    Cost: with OVITO's standard renderer and a software driver 0.5 to 2 s an image of 800 x 600.

    Parameters
    ----------
    scene : Scene
    folder, name : Path, str
        Files are ``NAME-FRAME.png`` and ``NAME.gif``.
    events : sequence of str
        Events to show.
    frames : sequence of int, optional
        Frames of the trajectory to draw, instead of those found.
    images : int
        Number of frames to find.
    animate : int
        Number of successive analysed frames in the GIF; 0 makes none.
    size : tuple of int
        Width and height in pixels.
    renderer : {"standard", "tachyon", "ospray"}

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        If no frame has such an event, a frame was not analysed, or nothing can be drawn here.
    """
    if images < 1 or min(size) < 1:
        raise InputError(f"images={images} and size={size} must be 1 or more")
    states = scene.states
    engine = make_renderer(renderer)
    if frames is None:
        rows = telling_rows(states, events, images)
        if not rows:
            raise InputError(f"no frame has an event {', '.join(events)}; choose others")
    else:
        absent = [f for f in frames if f not in states.frame]
        if absent:
            raise InputError(
                f"frame {absent[0]} was not analysed; analysed are {states.frame[0]} to "
                f"{states.frame[-1]}"
            )
        rows = [int(r) for r in np.searchsorted(states.frame, frames)]
    frame_scene(scene, size, int(states.frame[rows[0]]))
    written = [
        render_image(scene, int(f), folder / f"{name}-{f}.png", size, engine)
        for f in states.frame[rows]
    ]
    if animate > 0:
        first = max(min(rows[0], len(states.frame) - animate), 0)
        shown = [int(f) for f in states.frame[first : first + animate]]
        written.append(animation(scene, shown, folder / f"{name}.gif", size, engine))
    return written


def animation(
    scene: Scene,
    frames: Sequence[int],
    path: Path,
    size: tuple[int, int],
    renderer: Any,
    per_second: float = 8.0,
) -> Path:
    """A GIF of these frames of the trajectory, with one palette."""
    from PIL import Image

    pictures = []
    with temporary_folder() as folder:
        for frame in frames:
            drawn = render_image(scene, frame, Path(folder) / "frame.png", size, renderer)
            with Image.open(drawn) as picture:
                pictures.append(picture.convert("RGB"))
    return save_gif(pictures, path, colors_in(scene), per_second)


def save_gif(pictures: Sequence[Any], path: Path, colors: Sequence[str], per_second: float) -> Path:
    """Write images as a GIF, in one palette that holds these colours."""
    indexed = with_few_colors(pictures, colors, 128)
    options: dict[str, Any] = {
        "save_all": True, "append_images": indexed[1:], "duration": round(1000 / per_second),
        "loop": 0, "optimize": True, "format": "GIF",
    }  # fmt: skip
    return write_atomically(path, lambda name: indexed[0].save(name, **options))


def colors_in(scene: Scene) -> list[str]:
    """Colours with a meaning in a scene."""
    from ovito_modifiers.hop_arrows import CLUSTER_COLORS

    states = scene.states
    return [*states.event_colors, *states.macrostate_colors, *CLUSTER_COLORS]


def with_few_colors(pictures: Sequence[Any], keep: Sequence[str], n: int) -> list[Any]:
    """Images in one palette of n colours, made from the first one and a patch of each of `keep`,
    so that colours of the legend alone are kept."""
    from PIL import Image

    first = pictures[0]
    side = max(first.width * first.height // 2000, 16)
    patches = Image.new("RGB", (first.width, first.height + side), "white")
    patches.paste(first)
    width = max(first.width // max(len(keep), 1), 1)
    for k, color in enumerate(keep):
        patches.paste(color, (k * width, first.height, (k + 1) * width, first.height + side))
    palette = patches.quantize(colors=n, method=Image.Quantize.MEDIANCUT)
    values = np.array(palette.getpalette(), dtype=np.uint8).reshape(-1, 3)
    values[values.min(axis=1) >= 244] = 255  # the background stays white
    palette.putpalette(values.tobytes())
    palette.load()
    return [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
