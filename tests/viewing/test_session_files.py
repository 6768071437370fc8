"""The example session of every shipped trajectory opens elsewhere and shows what was analysed."""

import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from mda_ionmech import datasets
from mda_ionmech.cli.app import app
from mda_ionmech.cli.demos import DEMOS

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
        made = folder / f"{name}-made"
        made.mkdir()
        result = run.save(made / f"{name}.nc")
        dump = made / f"{name}.lammpstrj"
        done = CliRunner().invoke(
            app, ["export", str(result), str(dump), "--step", "7", "--stop", "30", "--session"]
        )
        assert done.exit_code == 0, repr(done.exception)
        result.unlink()
        made.rename(folder / name)
        states[name] = run.results.states
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", READ, *states],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), states


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
