"""Folders see only those below them, also when they are imported."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
(LAYERS,) = (
    contract["layers"]
    for contract in PROJECT["tool"]["importlinter"]["contracts"]
    if contract["type"] == "layers"
)


@pytest.mark.parametrize("layer", [one for one in LAYERS if one != "__main__"])
def test_importing_a_folder_loads_none_above_it(layer):
    code = f"import mda_ionmech.{layer}, sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[1] for name in done.stdout.split() if name.startswith("mda_ionmech.")}
    above = set(LAYERS[: LAYERS.index(layer)])
    assert not loaded & above


def test_the_contract_names_every_folder():
    package = Path(__file__).parents[1] / "mda_ionmech"
    found = {path.name for path in package.iterdir() if (path / "__init__.py").is_file()}
    assert found | {"species", "__main__"} == set(LAYERS)
