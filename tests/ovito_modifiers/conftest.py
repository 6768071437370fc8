import subprocess
import sys
import warnings

import pytest

from . import builders


@pytest.fixture
def states_file(tmp_path):
    return builders.write_states(tmp_path / "small.states.npz")


@pytest.fixture
def dump(tmp_path):
    return builders.write_dump(tmp_path / "small.dump")


@pytest.fixture(scope="session")
def vulkan():
    """Skips where OVITO finds no driver to draw with; the reason is OVITO's own."""
    code = (
        "from ovito.vis import Viewport, StandardRenderer\n"
        "Viewport().render_image(size=(20, 20), renderer=StandardRenderer())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"OVITO cannot draw here: {done.stderr.strip().splitlines()[-1]}")


@pytest.fixture(scope="session")
def crystal_states(tmp_path_factory):
    """States of the first 30 ps of the shipped garnet, windows of 0.4 ps."""
    from mda_ionmech import datasets
    from mda_ionmech.cli.demos import crystal_analysis

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = crystal_analysis(datasets.crystal()).run(stop=301)
    return run.save_states(tmp_path_factory.mktemp("crystal") / "crystal.states.npz", 0.4)
