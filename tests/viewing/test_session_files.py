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
found = {}
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
    attributes = found["attributes"]
    assert attributes["IonEvents.AnalysedFrame"] == 7  # the second of every seventh
    for code, event in enumerate(states["event"].attrs["flag_meanings"].split()):
        assert attributes[f"IonEvents.{event}"] == int(np.sum(states["event"].values[7] == code))
    assert ("ShellBonds.Count" in attributes) == (name != "crystal")
