"""Folders see only those below them, also when they are imported; files stay readable."""

import ast
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


#: Lines of a file, and of a class, that need no reason at the head of the file.
FILE, CLASS = 500, 300


def test_long_files_and_classes_say_why_they_are():
    package = Path(__file__).parents[1] / "mda_ionmech"
    for path in sorted(package.rglob("*.py")):
        text = path.read_text("utf-8")
        tree = ast.parse(text)
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        longest = max((one.end_lineno - one.lineno + 1 for one in classes), default=0)
        if len(text.splitlines()) > FILE or longest > CLASS:
            head = ast.get_docstring(tree)
            assert "long because" in head or "longer than other" in head, path


def test_the_analysis_is_short():
    path = Path(__file__).parents[1] / "mda_ionmech" / "analysis" / "decomposition.py"
    (analysis,) = (
        n for n in ast.parse(path.read_text("utf-8")).body if isinstance(n, ast.ClassDef)
    )
    assert analysis.end_lineno - analysis.lineno < 400
