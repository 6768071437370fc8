"""The example session of every shipped trajectory opens elsewhere and shows what was analysed."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mda_ionmech import datasets
from mda_ionmech.cli.demos import DEMOS

WRITE = """
import sys, warnings
from mda_ionmech.cli.app import app
warnings.filterwarnings("default")
for name in sys.argv[1:]:
    dump = f"{name}-made/{name}.lammpstrj"
    app(
        ["export", f"{name}-made/{name}.nc", dump, "--step", "7", "--stop", "30", "--session"],
        standalone_mode=False,
    )
"""
READ = """
import json, sys, ovito
from itertools import product
import numpy as np
from mda_ionmech.viewing.camera import axes_of, projected
found = {}

def place(data):  # fractional positions
    cell = data.cell[...]
    return (data.particles.positions[...] - cell[:, 3]) @ np.linalg.inv(cell[:, :3].T)

def seen(view, data):  # reach of the cell in a picture, 1 at its edges
    cell = data.cell[...]
    corners = np.array(list(product((0, 1), repeat=3))) @ cell[:, :3].T + cell[:, 3]
    slope = np.tan(view.fov / 2) * np.array([4 / 3, 1])
    where = projected(corners, np.array(view.camera_pos), axes_of(view.camera_dir), slope)
    return abs(where).max(axis=0).tolist()

for name in sys.argv[1:]:
    ovito.scene.load(f"{name}/{name}.ovito")
    (pipeline,) = ovito.scene.pipelines
    data = pipeline.compute(1)
    names = [v for v in ovito.scene.viewports if len(v.overlays)]
    found[name] = {
        "frames": pipeline.num_frames,
        "attributes": {k: v for k, v in data.attributes.items() if isinstance(v, int | str)},
        "layers": [type(l).__name__ for v in names for l in v.overlays],
        "drawn": sorted(vectors.identifier for vectors in data.vectors.values()),
        "outside": float(abs(place(data) - 0.5).max() - 0.5),
        "seen": [seen(v, data) for v in names],
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """Sessions of 40 frames, moved after they were written; the states of each run."""
    folder, states = tmp_path_factory.mktemp("sessions"), {}
    for name in datasets.list():
        run = DEMOS[name](datasets.load(name)).run(stop=40)
        (folder / f"{name}-made").mkdir()
        run.save(folder / f"{name}-made" / f"{name}.nc")
        states[name] = run.results.states
    # a process that has drawn pictures, as this one may have, reads no more dumps
    run_python(WRITE, *states, folder=folder)
    for name in states:
        (folder / f"{name}-made" / f"{name}.nc").unlink()
        (folder / f"{name}-made").rename(folder / name)
    return json.loads(run_python(READ, *states, folder=folder).splitlines()[-1]), states


def run_python(code, *arguments, folder):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", datasets.list())
def test_a_session_opens_elsewhere(sessions, name):
    found, states = sessions[0][name], sessions[1][name]
    assert found["frames"] == 5
    assert found["layers"] == ["PythonViewportOverlay"]  # its delegate is made when it is drawn
    assert found["drawn"] == ["hop-arrows"]
    assert found["outside"] <= 1e-6, "atoms are in the cell"
    (reach,) = found["seen"]
    assert 0.6 < max(reach) <= 1, "the cell fills the picture"
    attributes = found["attributes"]
    assert attributes["IonEvents.AnalysedFrame"] == 7  # the second of every seventh
    for code, event in enumerate(states["event"].attrs["flag_meanings"].split()):
        assert attributes[f"IonEvents.{event}"] == int(np.sum(states["event"].values[7] == code))
    assert ("ShellBonds.Count" in attributes) == (name != "crystal")
