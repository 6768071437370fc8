"""What is imported when, and kernels that are compiled once: asked of fresh processes."""

import os
import subprocess
import sys

import pytest

SLOW = ("numba", "llvmlite", "xarray", "pandas", "matplotlib", "scipy.stats", "scipy.signal",
        "dask", "distributed", "zarr", "rich", "pydantic")  # fmt: skip


def run_python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return done.stdout.split(), done.stderr


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import mda_ionmech", ("numpy", "scipy", "MDAnalysis", *SLOW)),
        (
            "from mda_ionmech import IonSpecies, OnsagerDecomposition\n"
            "from mda_ionmech.microstates import CutoffShell\n"
            "from mda_ionmech.events import SolvationEvents\n"
            "from mda_ionmech.macrostates import IonPairing",
            SLOW,
        ),
        ("import mda_ionmech.cli.app", ("numpy", "scipy", "MDAnalysis", *SLOW)),
    ],
)
def test_slow_packages_are_imported_when_first_used(statement, unwanted):
    loaded, _ = run_python(f"{statement}\nimport sys\nprint(*sys.modules)")
    assert not set(unwanted) & set(loaded)


def test_help_of_the_command_loads_no_analysis():
    code = (
        "import sys\nfrom mda_ionmech.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    print(*sys.modules)"
    )
    loaded, _ = run_python(code)
    assert not {"numpy", "MDAnalysis", "numba", "xarray"} & set(loaded)


@pytest.mark.slow
def test_kernels_are_kept_on_disk_and_compiling_is_said_once(tmp_path):
    code = (
        "import numpy as np\n"
        "from mda_ionmech.lib.kernels import counting_order, longer\n"
        "key = np.array([1, 0, 1])\n"
        "print(*counting_order(key, 2, np.arange(3)), *longer(key, 2))"
    )
    for message in (1, 0):
        out, err = run_python(code, NUMBA_CACHE_DIR=str(tmp_path))
        assert out == ["1", "0", "2", "1", "0"]
        assert err.count("compiling kernels") == message
