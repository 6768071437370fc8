"""Sessions keep the parameters and not the data; entry points lead to the classes."""

import pickle
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import ovito
import pytest
import traits.api
from ovito.pipeline import ModifierInterface
from ovito.vis import PythonViewportOverlay, ViewportOverlayInterface

import ovito_modifiers
from ovito_modifiers import (
    ColorByEvent,
    ColorByMacrostate,
    EventFrames,
    EventLegend,
    HopArrows,
    IonDensity,
    ShellBonds,
)

from . import tables
from .builders import load, write_dump, write_states

pytestmark = pytest.mark.filterwarnings("error")

MODIFIERS = (ColorByEvent, ColorByMacrostate, HopArrows, ShellBonds, IonDensity, EventFrames)


def test_a_session_keeps_parameters_and_no_data(tmp_path):
    """The states file here holds 2.4 MB of incompressible displacements; the session none of it."""
    rng = np.random.default_rng(0)
    frames = 20_000
    states = write_states(
        tmp_path / "large.states.npz",
        frame=np.arange(frames),
        event=rng.integers(0, 4, (frames, 5)).astype(np.int16),
        macrostate=np.zeros((frames, 5), dtype=np.int16),
        cluster=np.full((frames, 5), -1, dtype=np.int32),
        displacement=rng.normal(size=(frames, 5, 3)).astype(np.float32),
    )
    assert Path(states).stat().st_size > 1_000_000
    pipeline = load(write_dump(tmp_path / "small.dump"))
    pipeline.modifiers.append(EventFrames(events_file=states, events="multi_ion_hop"))
    pipeline.modifiers.append(ColorByEvent(events_file=states, trail=3, bulk="hide"))
    pipeline.modifiers.append(ColorByMacrostate(events_file=states, macrostates="CIP"))
    pipeline.modifiers.append(HopArrows(events_file=states, scale=2.5))
    pipeline.add_to_scene()
    try:
        before = pipeline.compute(1)
        ovito.scene.save(str(tmp_path / "saved.ovito"))
    finally:
        pipeline.remove_from_scene()
    assert (tmp_path / "saved.ovito").stat().st_size < 100_000
    ovito.scene.load(str(tmp_path / "saved.ovito"))
    again = ovito.scene.pipelines[0]
    try:
        data = again.compute(1)
        np.testing.assert_array_equal(data.particles["Ion Event"], before.particles["Ion Event"])
        frames_, color, kinds, arrows = (m.delegate for m in again.modifiers)
        assert (frames_.events, color.trail, color.bulk) == ("multi_ion_hop", 3, "hide")
        assert (kinds.macrostates, arrows.scale, arrows.events_file) == ("CIP", 2.5, states)
        assert data.attributes["SourceFrame"] == before.attributes["SourceFrame"]
    finally:
        again.remove_from_scene()


def test_a_session_keeps_the_layer(tmp_path, states_file):
    viewport = ovito.vis.Viewport()
    legend = EventLegend(events_file=states_file, corner="bottom right", font_size=0.05)
    viewport.overlays.append(PythonViewportOverlay(delegate=legend))
    again = pickle.loads(pickle.dumps(legend))
    assert (again.corner, again.font_size, again.events_file) == ("bottom right", 0.05, states_file)


def test_entry_points_lead_to_the_classes():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    groups = {
        "OVITO.Modifier": (ModifierInterface, set(MODIFIERS)),
        "OVITO.ViewportOverlay": (ViewportOverlayInterface, {EventLegend}),
    }
    for group, (base, wanted) in groups.items():
        found = {
            EntryPoint(name, value, group).load()
            for name, value in project["entry-points"][group].items()
        }
        assert found == wanted
        assert all(issubclass(one, base) for one in found)


@pytest.mark.parametrize("one", [*MODIFIERS, EventLegend])
def test_every_parameter_says_what_it_is(one):
    for name in tables.parameters(one):
        label, meaning = tables.described(one, name)
        assert label, name
        assert meaning, name
    with pytest.raises(traits.api.TraitError):
        one(no_such_parameter=1)
    assert "events_file" in tables.parameters(one)


@pytest.mark.parametrize("one", [*MODIFIERS, EventLegend])
def test_the_tables_of_parameters_are_those_of_the_classes(one):
    assert tables.table(one) in tables.PAGE.read_text("utf-8"), (
        "run python -m tests.ovito_modifiers.tables"
    )


def test_the_package_imports_ovito_when_it_is_asked_for():
    code = (
        "import sys, ovito_modifiers; assert 'ovito' not in sys.modules; "
        "ovito_modifiers.ColorByEvent; ovito_modifiers.EventLegend; ovito_modifiers.HopArrows; "
        "bad = {'MDAnalysis', 'numba', 'scipy', 'xarray', 'pandas', 'mda_ionmech'}; "
        "sys.exit(f'{bad & set(sys.modules)}' if bad & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="has no attribute 'ColorByColor'"):
        ovito_modifiers.ColorByColor  # noqa: B018
