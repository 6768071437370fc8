"""The benchmarks: peers are installed where they get along, or left out with the reason."""

import importlib.metadata
import sys
import tomllib
from pathlib import Path

import pytest

from benchmarks.__main__ import peer_row
from benchmarks.environments import ROOT, LeftOut, call, environment, find_place, requirements
from benchmarks.frame_profile import part_of
from benchmarks.ours import analysis
from benchmarks.peers import MAKERS, PEERS, Peer
from benchmarks.system import make_file, open_file
from mda_ionmech.onsager.labelled_run import LabelledRun

PAIRS = next(p for p in PEERS if p.name == "capped_distance")
INSTALLED = 'case "$2" in pip) exit 0;; esac\n'


def fake_python(folder: Path, script: str) -> Path:
    """An environment whose Python is a shell script."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}")
    python.chmod(0o755)
    return python


def row(peer: Peer, folder: Path, file: Path = Path("none.xtc")) -> list[str]:
    return peer_row(peer, folder, [], file, 2, 1, 0.5)


def test_the_frame_stage_ends_with_labels_and_without_sums(tmp_path):
    universe = open_file(make_file(tmp_path / "small.xtc", 20, n_ions=20), 20)
    stage = analysis(universe, n_windows=2, frames_only=True).run()
    assert isinstance(stage.results, LabelledRun)
    assert stage.results.species[0].microstates.report["changed_per_frame"] > 0


def test_the_extra_names_what_the_peers_need_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {requirements()[package] for peer in PEERS for package in peer.packages}
    assert needed - set(project["dependencies"]) == set(project["optional-dependencies"]["peers"])
    assert [p.name for p in PEERS] == list(MAKERS)


def test_a_package_that_no_index_has_is_left_out_with_what_pip_says(tmp_path):
    script = (
        "echo 'WARNING: a cache is off' >&2\n"
        "echo 'ERROR: No matching distribution found for tidynamics' >&2\n"
        "echo '[notice] A new release of pip' >&2\nexit 1"
    )
    for name in ("shared", "capped_distance"):
        fake_python(tmp_path / name, script)
    cells = row(PAIRS, tmp_path)
    assert cells[2:] == ["left out: No matching distribution found for tidynamics", "", ""]


def test_without_a_network_the_reason_is_the_network(tmp_path):
    fake_python(
        tmp_path,
        "echo 'WARNING: Retrying after connection broken by x' >&2; echo 'ERROR: no' >&2; exit 1",
    )
    with pytest.raises(LeftOut, match=r"the package index was not reached; no$"):
        environment(tmp_path, ["tidynamics"])


@pytest.mark.slow
def test_a_peer_that_runs_is_shown_with_its_version_and_ratio(tmp_path):
    fake_python(tmp_path / "shared", f'{INSTALLED}exec {sys.executable} "$@"')
    cells = row(PAIRS, tmp_path, make_file(tmp_path / "small.xtc", 2, n_ions=1000))
    version = importlib.metadata.version("MDAnalysis")
    assert cells[0] == f"capped_distance {version}: pairs within 3.5 A"
    assert float(cells[2]) > 0
    assert float(cells[3]) == pytest.approx(2 * float(cells[2]) / 1000 / 0.5, abs=0.06)


@pytest.mark.slow
def test_a_peer_that_raises_is_left_out_with_its_error(tmp_path):
    fake_python(tmp_path / "shared", f'{INSTALLED}exec {sys.executable} "$@"')
    assert row(PAIRS, tmp_path)[2].startswith("left out: OSError: File does not exist")


def test_a_peer_that_is_killed_is_left_out_with_the_signal(tmp_path):
    fake_python(tmp_path / "shared", f"{INSTALLED}kill -9 $$")
    assert row(PAIRS, tmp_path)[2:] == ["left out: ended by SIGKILL", "", ""]


def test_a_reason_does_not_break_the_table(tmp_path):
    fake_python(tmp_path / "shared", f"{INSTALLED}echo 'error: int | None' >&2; exit 1")
    assert row(PAIRS, tmp_path)[2] == "left out: int \\| None"


def test_what_takes_too_long_is_stopped():
    with pytest.raises(LeftOut, match=r"stopped after 0\.2 s"):
        call(["sleep", "20"], 0.2)


def test_an_environment_that_cannot_be_made_is_a_reason(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LeftOut):
        environment(tmp_path / "file" / "folder", [])


def test_a_program_that_pins_other_versions_has_an_environment_of_its_own(tmp_path):
    clash = 'case "$*" in *numpy*numpy*) exit 1;; esac'
    shared, own = (fake_python(tmp_path / name, clash) for name in ("shared", "old"))
    together: list[str] = []
    assert find_place(tmp_path, "new", ["numpy>=2"], together) == shared
    assert find_place(tmp_path, "old", ["numpy<2"], together) == own
    assert find_place(tmp_path, "other", ["scipy"], together) == shared
    assert together == ["numpy>=2", "scipy"]


def test_looks_are_sorted_by_the_kernel_in_hand_and_else_by_the_stage(tmp_path):
    module = tmp_path / "module.py"
    module.write_text("\nfound = int(find_near(\nlen(here)\n")
    loop = "run (a.py:3);OnsagerDecomposition._single_frame (b.py:5)"
    inside = f"{loop};search ({module}:2)"
    assert part_of(f"{inside};Kernel.__call__ (c.py:48)") == "kernel `find_near`"
    other = f"{loop};search ({module}:3);Kernel.__call__ (c.py:48)"
    assert part_of(other) == "kernel `search`"
    assert part_of(inside) == "Python between the kernels"
    assert part_of("run (a.py:3);FrameIteratorIndices.__iter__ (d.py:1);norm (e.py:1)") == "reading"
    assert part_of("run (a.py:3)") == "all else"
