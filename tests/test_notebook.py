"""The guided notebook runs from top to bottom and shows what it talks about."""

import json
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "examples" / "liquid.ipynb"
#: A cell that takes longer hangs.
SECONDS = 600


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook after a run in a kernel of this interpreter, and its folder."""
    folder = tmp_path_factory.mktemp("notebook")
    kernel = folder / "kernels" / "here"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "here", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        patch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="here",
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
    return notebook, folder


def outputs(notebook, kind):
    return [
        output["data"][kind]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if kind in output.get("data", {})
    ]


@pytest.mark.slow
def test_every_cell_runs(executed):
    notebook, _ = executed
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    kinds = {output["output_type"] for cell in code for output in cell.outputs}
    assert "error" not in kinds


@pytest.mark.slow
def test_figures_and_tables_are_shown(executed):
    notebook, folder = executed
    assert len(outputs(notebook, "image/png")) == 4
    tables = outputs(notebook, "text/html")
    assert len(tables) >= 5
    assert any("solvent_exchange" in text for text in tables)
    assert (folder / "liquid.nc").is_file()
    assert (folder / "liquid.states.npz").is_file()


@pytest.mark.slow
def test_numbers_in_the_text_are_those_shown(executed):
    notebook, _ = executed
    text = " ".join(
        " ".join(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown"
    )
    assert "lithium carries 61% of the current against the centre of mass and 42%" in text
    frames = next(t for t in outputs(notebook, "text/plain") if "barycentric" in t)
    by_frame = {line.split()[0]: line.split() for line in frames.splitlines() if "0." in line}
    assert "0.607" in by_frame["barycentric"]
    assert "0.424" in by_frame["solvent"]


def test_it_is_stored_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert NOTEBOOK.stat().st_size < 40_000
