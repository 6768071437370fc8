"""Guided notebooks run from top to bottom and show what they talk about."""

import json
import sys
import warnings
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from mda_ionmech import arrhenius

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOK, TEMPERATURES = EXAMPLES / "liquid.ipynb", EXAMPLES / "temperatures.ipynb"
#: A cell that takes longer hangs.
SECONDS = 600


def run_notebook(path, folder):
    """The notebook after a run in a kernel of this interpreter, and its folder."""
    kernel = folder / "kernels" / "here"
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "here", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    notebook = nbformat.read(path, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        patch.setenv("PYTHONPATH", str(EXAMPLES.parent))
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="here",
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute()
    return notebook, folder


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    return run_notebook(NOTEBOOK, tmp_path_factory.mktemp("notebook"))


@pytest.fixture(scope="module")
def temperatures(tmp_path_factory):
    return run_notebook(TEMPERATURES, tmp_path_factory.mktemp("temperatures"))


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


def spoken(notebook):
    """Words between the cells, on one line."""
    cells = (c.source.replace("\n> ", " ") for c in notebook.cells if c.cell_type == "markdown")
    return " ".join(" ".join(cells).split())


@pytest.mark.slow
def test_activation_energies_of_the_notebook_are_those_of_its_simulation(temperatures):
    """Within three half widths of 68% intervals; the text has the numbers of the result files."""
    notebook, folder = temperatures
    text = spoken(notebook)
    files = sorted(folder.glob("*K.nc"), key=lambda file: int(file.stem[:-1]))
    assert len(files) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the bend of the total
        fits = arrhenius(files, resolution=1, horizon=2)
    table = fits.table().set_index(["quantity", "event"])
    known = {"layer->layer": 0.20, "layer->gap": 0.40, "gap->layer": 0.40}
    for event, barrier in known.items():
        row = table.loc[("onsager", event)]
        half = (row["high"] - row["low"]) / 2
        assert abs(row["energy"] - barrier) < 3 * half < 0.025
        assert "{energy:.3f} ({low:.3f} to {high:.3f})".format(**row) in text
    budget = fits.budget()
    for temperature, apparent in ((550, 0.226), (1000, 0.299)):
        row = budget.loc[temperature]
        half = (row["parts_high"] - row["parts_low"]) / 2
        assert abs(row["parts"] - apparent) < 3 * half < 0.04
        assert "{parts:.3f} ({parts_low:.3f} to {parts_high:.3f})".format(**row) in text
        assert f"{apparent:.3f}" in text
    laws = fits.laws().set_index(["quantity", "event"]).loc[("onsager", "total")]
    assert laws["law"] == "segments"
    assert f"{laws['arrhenius']:.2f}, two segments" in text


@pytest.mark.parametrize("path", [NOTEBOOK, TEMPERATURES])
def test_it_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert path.stat().st_size < 40_000
