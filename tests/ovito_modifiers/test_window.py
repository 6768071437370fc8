"""The window, in a real X server without a screen: it is opened, used, and looked at."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from ovito_modifiers import read_states

pytestmark = pytest.mark.usefixtures("vulkan")


@pytest.fixture
def display():
    """Name of a virtual display of its own."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed: apt-get install xvfb")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1300x850x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as number:
        name = f":{number.readline().strip()}"
    yield name
    server.terminate()
    server.wait()


@pytest.mark.slow
def test_it_is_used(crystal_states, display, tmp_path):
    done = subprocess.run(
        [
            sys.executable, "-W", "error", "-W", "ignore::ResourceWarning",
            "-m", "tests.ovito_modifiers.drive_window", str(crystal_states), str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"DISPLAY": display},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["colors"] > 100, "the scene is drawn"
    assert seen["typed"] == "single_ion_hop"
    assert seen["changed by typing"] > 200
    assert seen["frame"] == 30, "three pages of the slider"
    assert seen["changed by sliding"] > 1000
    assert seen["event"] == "multi_ion_hop"
    assert seen["changed by clicking"] > 1000
    assert seen["chart changed"] > 1000, "the other bars are pale"
    # it leads to the next frames in which an ion begins to take part in such an event
    states = read_states(crystal_states)
    there = states.event == states.event_names.index("multi_ion_hop")
    begins = [f for f in range(1, 301) if (there[f] & ~there[f - 1]).any()]
    after = [f for f in begins if f > 30]
    assert (seen["jumped to"], seen["next"], seen["previous"]) == (after[0], after[1], after[0])
    # the ion that was clicked on is followed
    pick = seen["pick"]
    assert pick["label"].startswith(f"Li+ {pick['carrier']}: ")
    assert {"ion-track", "ion-shell"} <= set(pick["lines"])
    assert 1 <= pick["shell"] <= 8
    assert abs(seen["time"] - 120) <= 2, "12 ps, frames of 0.1 ps"
    assert all(min(pixel) > 240 for pixel in seen["corners"]), "the picture fills its place"
    assert seen["panel"] == [0.5, "#ff0000"]
    texts, window, chosen = seen["windows"]
    assert texts == ["0.4 ps", "1.6 ps"]
    assert window == 1.6
    assert chosen == ["multi_ion_hop"]
    assert seen["played to"] > seen["previous"]
    assert "names 'nonsense', which the states file does not have" in seen["objection"]
    # PySide6 6.12 loses references to None, without which Python before 3.12 ends
    assert min(seen["references"]) > 90_000
    assert seen["panels"], "long texts do not push the panels out of the window"
    assert seen["all"] == "single_ion_hop, multi_ion_hop, exchange"


@pytest.mark.slow
def test_without_a_screen_it_says_so(crystal_states, tmp_path):
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-m", "mda_ionmech", "view", str(crystal_states), "-d", "crystal"],
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 2
    assert "there is no screen: neither DISPLAY nor WAYLAND_DISPLAY is set" in done.stderr
