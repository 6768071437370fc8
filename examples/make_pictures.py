"""Draw the pictures of README and documentation from the shipped trajectories, with OVITO.

    python examples/make_pictures.py [--only crystal liquid polymer window]

Writes PNG files and a GIF to docs/images; takes about four minutes on two cores. Needs the extra
`ovito` and a Vulkan driver; `window`, a picture of the whole screen, needs a screen of 1300 x 850
and the extra `viewer` (xvfb-run -s "-screen 0 1300x850x24" python examples/make_pictures.py).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ovito.data import DataCollection
from ovito.modifiers import CreateIsosurfaceModifier
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mda_ionmech import OnsagerDecomposition, datasets
from mda_ionmech.cli.demos import crystal_analysis, liquid_analysis, polymer_analysis
from mda_ionmech.viewing.close_up import CONTACTS, draw_hop
from mda_ionmech.viewing.hops import hop_list, read_hop, single_atoms
from mda_ionmech.viewing.render import (
    animation,
    colors_in,
    make_renderer,
    render_image,
    with_few_colors,
)
from mda_ionmech.viewing.scene import (
    Scene,
    build_scene,
    close_scene,
    frame_scene,
    open_states_file,
    window_rows,
)
from ovito_modifiers import ColorByEvent, EventFrames, IonDensity

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = (960, 600)


def picture(scene: Scene, frame: int, name: str, size: tuple[int, int] = SIZE) -> None:
    """Draw beside the legend, twice as large as needed, and store it in few colours."""
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.png"
        double = (2 * size[0], 2 * size[1])
        frame_scene(scene, double, frame)
        render_image(scene, frame, large, double, make_renderer("standard"))
        with Image.open(large) as image:
            store(image.convert("RGB").resize(size, Image.Resampling.LANCZOS), name, scene)


def store(image: Image.Image, name: str, scene: Scene) -> None:
    (few,) = with_few_colors([image], colors_in(scene), 200)
    few.save(IMAGES / name, optimize=True)
    print(f"{name}: {(IMAGES / name).stat().st_size / 1000:.0f} kB")


def states_of(run: OnsagerDecomposition, folder: Path, window: float) -> Path:
    return run.save_states(folder / "run.states.npz", window)


def begins(event: np.ndarray, code: int) -> np.ndarray:
    """Whether an ion's label becomes this one, shape (frames, carriers)."""
    now = event == code
    now[1:] &= event[:-1] != code
    return now


def crystal(folder: Path) -> None:
    """Concerted hops in the garnet: arrows, lines through the clusters, and an animation."""
    universe = datasets.crystal()
    states = states_of(crystal_analysis(universe).run(), folder, 0.4)
    events = ["single_ion_hop", "multi_ion_hop", "exchange"]
    scene = build_scene(universe, states, events=events, direction=(-1, -2.1, -0.55))
    scene.legend.names = ", ".join(scene.states.event_names)
    scene.arrows.minimum_length = 1.2
    multi = scene.states.event == scene.states.event_names.index("multi_ion_hop")
    enough = np.flatnonzero(multi.sum(axis=1) == 9)
    shown = int(enough[np.argmax(largest_cluster(scene, enough))])
    picture(scene, shown, "crystal-hops.png")
    frames = range(shown - 12, shown + 18)
    frame_scene(scene, (640, 400), shown)
    path = IMAGES / "crystal-hops.gif"
    animation(scene, frames, path, (640, 400), make_renderer("standard"), per_second=6)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    for one in scene.pipeline.modifiers:
        one.enabled = isinstance(getattr(one, "delegate", None), ColorByEvent)
    scene.color.shown_size, scene.color.neutral_size = 0.7, 0.5
    picture(scene, shown, "ovito-color-by-event.png")
    density(scene, states)
    close_scene(scene)
    one_hop(universe, states, events, "crystal-hop.png", 3)


def density(scene: Scene, states: Path) -> None:
    """Surfaces of the density of the ions in the garnet: sites and the ways between them."""
    scene.pipeline.modifiers.append(
        IonDensity(events_file=str(states), every=2, spacing=0.3, match="source frame")
    )
    surface = CreateIsosurfaceModifier(
        operate_on="voxels:ion-density", property="Density", isolevel=0.1
    )
    surface.vis.surface_color = (0.34, 0.71, 0.91)
    scene.pipeline.modifiers.append(surface)
    scene.color.bulk, scene.color.neutral_size, scene.color.shown_size = "dim", 0.01, 0.01
    scene.viewport.overlays[0].enabled = False
    picture(scene, 0, "ovito-ion-density.png")


def one_hop(universe: Any, states: Path, events: Sequence[str], name: str, least: int = 1) -> None:
    """Before, between and after the longest hop of a cluster of ions."""
    read = open_states_file(states)
    table = hop_list(read, events)
    number = int(table["length_angstrom"].where(table["ions"] >= least).idxmax())
    hop = read_hop(universe, read, table, number)
    with tempfile.TemporaryDirectory() as folder:
        (path,) = draw_hop(
            universe, hop, single_atoms(read), Path(folder), "one", size=(2400, 900),
            renderer=make_renderer("standard"),
        )  # fmt: skip
        with Image.open(path) as image:
            small = image.convert("RGB").resize((1200, 450), Image.Resampling.LANCZOS)
    (few,) = with_few_colors([small], [hop.color, *CONTACTS.values()], 200)
    few.save(IMAGES / name, optimize=True)
    print(f"{name}: {(IMAGES / name).stat().st_size / 1000:.0f} kB, hop {number}")


def largest_cluster(scene: Scene, rows: np.ndarray) -> list[int]:
    """Ions in the largest concerted cluster of each row."""
    cluster = scene.states.cluster
    return [int(np.bincount(row[row >= 0]).max()) for row in cluster[rows]]


def liquid(folder: Path) -> None:
    """Exchange of solvent and anions around lithium; ion pairs and aggregates."""
    universe = datasets.liquid()
    states = states_of(liquid_analysis(universe).run(), folder, 16.0)
    scene = build_scene(universe, states, direction=(-1, -2.1, -0.55))
    scene.legend.names = ", ".join(n for n in scene.states.event_names if n != "all")
    kinds = [np.unique(row[:16]).size for row in scene.states.event]
    picture(scene, int(np.argmax(kinds)), "liquid-exchange.png")
    scene.color.bulk_size, scene.bonds.events = 0.2, "solvent_exchange"
    scene.arrows.events = scene.color.events = scene.legend.names = "solvent_exchange"
    scene.pipeline.modifiers.append(near_ions)
    picture(scene, int(np.argmax(kinds)), "ovito-shell-bonds.png")
    close_scene(scene)
    one_hop(universe, states, ["solvent_exchange"], "liquid-hop.png")
    scene = build_scene(universe, states, color_by="macrostates", arrows=False, bulk="hide")
    scene.color.shown_size = 0.55
    hide_solvent_bonds(scene, universe)
    aggregated = scene.states.macrostate == scene.states.macrostate_names.index("AGG")
    picture(scene, int(np.argmax(aggregated.sum(axis=1))), "ovito-color-by-macrostate.png")
    close_scene(scene)


def near_ions(frame: int, data: DataCollection) -> None:
    """A modifier: only molecules that touch an ion with a chosen event, and ions."""
    topology = np.asarray(data.particles.bonds.topology)
    n = data.particles.count
    pairs = coo_matrix((np.ones(len(topology)), topology.T), shape=(n, n))
    of = connected_components(pairs, directed=False)[1]
    touched = of[np.flatnonzero(np.asarray(data.particles["Ion Event"]) > 0)]
    data.particles_.delete_elements(~np.isin(of, touched))


def hide_solvent_bonds(scene: Scene, universe: Any) -> None:
    """Bonds of hidden molecules are drawn by OVITO nevertheless: take out the molecules."""
    solvent = universe.select_atoms("resname ACN").ix

    def modify(frame: int, data: DataCollection) -> None:
        gone = np.zeros(data.particles.count, dtype=bool)
        gone[solvent] = True
        data.particles_.delete_elements(gone)

    scene.pipeline.modifiers.append(modify)


def polymer(folder: Path) -> None:
    """A lithium that changes its chain: the chain it leaves, the chain it goes to."""
    universe = datasets.polymer()
    run = polymer_analysis(universe).run()
    states = states_of(run, folder, 32.0)
    scene = build_scene(universe, states, events="interchain", direction=(-1, -2.1, -0.55))
    found = begins(scene.states.event, scene.states.event_names.index("interchain"))
    length = np.linalg.norm(scene.states.displacement, axis=-1)
    row, ion = np.unravel_index(np.argmax(np.where(found, length, 0)), found.shape)
    chains = [
        chains_of(run, universe, int(f), int(ion)) for f in (row, row + window_rows(scene.states))
    ]
    scene.pipeline.modifiers.append(paint_chains(chains))
    picture(scene, int(row), "polymer-interchain.png")
    del scene.pipeline.modifiers[-1]
    frames = EventFrames(
        events_file=str(states), events="interchain", starts_only=True, match="source frame"
    )
    scene.pipeline.modifiers.insert(0, frames)
    strip(scene, range(4), "ovito-event-frames.png")
    close_scene(scene)
    one_hop(universe, states, ["interchain"], "polymer-hop.png")


def chains_of(run: OnsagerDecomposition, universe: Any, frame: int, ion: int) -> np.ndarray:
    """Atoms of the chains around a lithium ion in one frame."""
    micro = run.microstates["Li+"]
    shell = micro.shells[micro.state[frame, ion]]
    return universe.atoms[shell.atoms].residues.atoms.select_atoms("resname PEO").ix


def paint_chains(chains: Sequence[np.ndarray]) -> Callable[[int, DataCollection], None]:
    """A modifier: the chain before blue, the chain after green, atoms larger than the others."""

    def modify(frame: int, data: DataCollection) -> None:
        for atoms, color in zip(chains, ((0.34, 0.71, 0.91), (0.0, 0.62, 0.45)), strict=True):
            data.particles_.colors_[atoms] = color
            data.particles_["Radius_"][atoms] = 0.6

    return modify


def strip(scene: Scene, frames: Sequence[int], name: str) -> None:
    """Frames of the timeline side by side."""
    size = (300, 300)
    scene.legend.font_size, scene.legend.shares = 0.05, False
    scene.legend.elements = False
    frame_scene(scene, size, frames[0])
    whole = Image.new("RGB", (size[0] * len(frames), size[1]), "white")
    with tempfile.TemporaryDirectory() as folder:
        for k, frame in enumerate(frames):
            path = Path(folder) / "one.png"
            render_image(scene, frame, path, (600, 600), make_renderer("standard"))
            with Image.open(path) as image:
                whole.paste(
                    image.convert("RGB").resize(size, Image.Resampling.LANCZOS), (300 * k, 0)
                )
    store(whole, name, scene)


def window(folder: Path) -> None:
    """The screen with the window of `ionmech view`."""
    from mda_ionmech.viewing.application import application
    from mda_ionmech.viewing.window import open_window

    app = application()
    universe = datasets.crystal()
    states = states_of(crystal_analysis(universe).run(stop=1001), folder, 0.4)
    scene = build_scene(universe, states, direction=(-1, -2.1, -0.55))
    os.chdir(folder)  # the path that the panel shows is short then
    for one in (scene.color, scene.arrows, scene.bonds, scene.legend):
        one.events_file = states.name
    shown = open_window(scene)
    shown.select_event("multi_ion_hop")
    shown.set_frame(200)
    hops = scene.states.event[200] == scene.states.event_names.index("multi_ion_hop")
    shown.select_ion(int(np.flatnonzero(hops)[0]))
    end = time.monotonic() + 5
    while time.monotonic() < end:
        app.processEvents()
        time.sleep(0.02)
    place = shown.frameGeometry()
    grabbed = app.primaryScreen().grabWindow(0, place.x(), place.y(), place.width(), place.height())
    path = folder / "screen.png"
    grabbed.save(str(path))
    with Image.open(path) as image:
        store(image.convert("RGB"), "ovito-window.png", scene)
    shown.close()
    close_scene(scene)


PARTS = {"crystal": crystal, "liquid": liquid, "polymer": polymer, "window": window}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    chosen = parser.parse_args().only
    if "window" in chosen and not os.environ.get("DISPLAY"):
        parser.error("the picture of the window needs a screen; leave it out with --only")
    for name in sorted(chosen, key="window".__ne__):  # after images OVITO opens no window
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main()
