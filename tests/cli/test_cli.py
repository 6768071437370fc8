"""The command, as a user runs it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets, load, load_run
from mda_ionmech.cli import app as command
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell

from ..commands import ionmech_here
from ..once import made_once


def ionmech(*args, cwd=None, columns=80):
    import os

    env = os.environ | {"COLUMNS": str(columns)}
    return subprocess.run(
        [sys.executable, "-m", "mda_ionmech", *args],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=env,
        check=False,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    made, done = made_once(tmp_path_factory, "demo", lambda folder: ionmech("demo", cwd=folder))
    return shutil.copytree(made, tmp_path_factory.mktemp("demo"), dirs_exist_ok=True), done


def test_demo_prints_the_table_and_writes_its_files(demo):
    folder, done = demo
    assert done.returncode == 0, done.stderr
    for text in (
        "solvent_exchange",
        "conductivity",
        "Nernst-Einstein",
        "transference number Li+",
        "Haven ratio",
        "Additivity: contributions sum to the whole within",
        "Warning: windows of 128 ps and longer",
        "plain",
        "changes that revert within 5 ps ignored",
        "Li+: events in the diffusive limit",
        "Transport in the diffusive limit, barycentric frame of reference",
        "Reading. Li+: labels over",
    ):
        assert text in " ".join(done.stdout.split())
    assert "…" not in done.stdout, "nothing is cut off at 80 columns"
    assert "reading frames" in done.stderr
    names = {p.name for p in (folder / "ionmech-demo").iterdir()}
    assert names == {
        "liquid.nc", "liquid.states.npz", "liquid-contributions.png", "liquid.html",
    }  # fmt: skip
    results = load(folder / "ionmech-demo" / "liquid.nc")
    assert float(results.decomposition["residual"].max()) < 1e-10


@pytest.mark.slow
def test_a_place_of_the_slope_view_is_shown(demo):
    folder, _ = demo
    done = ionmech_here(
        "show", "ionmech-demo/liquid.nc", "--view", "slope", "--horizon", "33", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert "slope view, resolution 2, horizon 32 ps" in done.stdout
    assert "solvent_exchange" in done.stdout
    done = ionmech_here("show", "ionmech-demo/liquid.nc", "--view", "side", cwd=folder)
    assert done.returncode == 2
    assert "view must be 'window', 'path', 'slope' or 'diffusive', got 'side'" in done.stderr


@pytest.mark.slow
def test_a_report_is_written_beside_the_result_or_where_asked(demo, monkeypatch, capsys):
    folder, _ = demo
    beside = folder / "ionmech-demo" / "liquid.html"
    kept = beside.read_bytes()
    done = ionmech_here("report", "ionmech-demo/liquid.nc", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Written to ionmech-demo: liquid.html\n"
    assert beside.read_bytes() == kept, "the demo wrote the same page"
    done = ionmech_here(
        "report", "ionmech-demo/liquid.nc", "--window", "64", "-o", "page.html", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert "windows of 64 ps" in (folder / "page.html").read_text("utf-8")
    for args, message in (
        (["ionmech-demo/none.nc"], "no result file at ionmech-demo/none.nc"),
        (["ionmech-demo/liquid.nc", "--window", "9000"], "is outside the scan"),
        (["ionmech-demo/liquid.nc", "-o", "ionmech-demo/liquid.nc"], "is the result itself"),
        (["ionmech-demo/liquid.nc", "-o", "no/page.html"], "does not exist or is not writable"),
        (["ionmech-demo/liquid.html"], "is not a NetCDF4 result file"),
    ):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["ionmech", "report", *args])
        with pytest.raises(SystemExit) as ended:
            command.main()
        assert ended.value.code == 2, args
        assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_replicas_are_combined_into_a_file(tmp_path):
    u = datasets.liquid()
    shell = CutoffShell(3.3, solvent=u.select_atoms("resname ACN and element N"))
    li = IonSpecies(
        u.select_atoms("resname LI"), charge=1, name="Li+", microstates=shell,
        events=SolvationEvents(),
    )  # fmt: skip
    run = OnsagerDecomposition(
        li, temperature=330, windows=[2, 16], resolutions=None, frame="laboratory"
    )
    for name, part in (("a", {"stop": 600}), ("b", {"start": 600, "stop": 1200})):
        run.run(**part).save(tmp_path / f"{name}.nc")
    done = ionmech_here(
        "combine", "a.nc", "b.nc", "--output", "both.nc", "--window", "16", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "2 replicas pooled" in done.stdout
    assert "both.nc" in done.stdout
    one, other, both = (load(tmp_path / f"{name}.nc").blocks for name in ("a", "b", "both"))
    for k in range(len(both.windows)):
        sums = [blocks.windows[k].sums.origins.sum() for blocks in (one, other, both)]
        assert sums[0] + sums[1] == sums[2]


@pytest.mark.slow
def test_a_result_is_not_its_own_replica(demo):
    folder, _ = demo
    names = ["ionmech-demo/liquid.nc"] * 2
    done = ionmech_here("combine", *names, "--output", "twice.nc", cwd=folder)
    assert done.returncode == 2
    assert not (folder / "twice.nc").exists()


@pytest.mark.slow
def test_demo_of_the_crystal(tmp_path):
    done = ionmech_here("demo", "crystal", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in ("multi_ion_hop", "exclusion gas", "48g", "framework frame", "by chance"):
        assert text in done.stdout, text
    assert "…" not in done.stdout
    written = {p.suffix for p in (tmp_path / "ionmech-demo").iterdir()}
    assert written == {".nc", ".npz", ".png", ".html"}
    tutorial = Path(__file__).parents[2] / "examples" / "crystal.ipynb"
    conclusion = " ".join(json.loads(tutorial.read_text("utf-8"))["cells"][-1]["source"])
    for text in ("456 (426 to 482) S/m", "66.6% (65.1 to 68.1)", "53.8%", "51.6%"):
        assert text in " ".join(done.stdout.split()), text
        assert text in " ".join(conclusion.replace(">", "").split()), text


@pytest.mark.slow
def test_demo_of_the_polymer(tmp_path):
    done = ionmech_here("demo", "polymer", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in (
        "interchain",
        "intrachain",
        "denticity",
        "polymer contacts form below 2.9 Å and break above 3.5 Å",
    ):
        assert text in done.stdout, text
    assert "…" not in done.stdout


def test_show_prints_it_again(demo):
    folder, _ = demo
    done = ionmech_here("show", "ionmech-demo/liquid.nc", "--window", "16", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "windows of 16 ps" in done.stdout


def ask_the_saved_run(folder):
    """What `show` answers of a saved run is what its methods return."""
    path = "ionmech-output/my.run"
    tables = [
        ionmech_here("show", f"ionmech-output/my.{end}", cwd=folder).stdout for end in ("nc", "run")
    ]
    assert tables[0] == tables[1] != ""
    asked = "--residence-times", "--by", "bare", "--vary", "persistence=0", "--window", "4"
    done = ionmech_here("show", path, *asked, cwd=folder)
    assert done.returncode == 0, done.stderr
    run = load_run(folder / path)
    for table in (
        run.results.summary(4, by="bare"),
        run.residence_times(),
        run.robustness(persistence=[0], window=4),
    ):
        assert str(table) in done.stdout
    assert "Li+: events by bare, window view, window 4 ps" in done.stdout
    assert "Residence times, 68% intervals" in done.stdout
    done = ionmech_here("show", path, "--by", "ligand", cwd=folder)
    assert done.returncode == 2
    assert "'Li+' has one type of solvent" in done.stderr


@pytest.mark.slow
def test_from_files_to_figures(tmp_path):
    """What a user does with a trajectory of their own: init, rdf, run, plot."""
    from mda_ionmech import datasets

    folder = datasets.path("liquid")
    files = [str(folder / n) for n in ("liquid.psf", "liquid.part1.xtc")]
    done = ionmech_here("init", *files, "-o", "my.toml", "--temperature", "330", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "16 x TFS (15 atoms): anion" in done.stdout
    assert "Written: my.toml, and g(r) of the shells: my.rdf.png." in done.stdout
    assert (tmp_path / "my.rdf.png").stat().st_size > 10_000
    config = tmp_path / "my.toml"
    config.write_text(
        config.read_text().replace("# stop = 1000", "stop = 300").replace('"png"', '"png", "pdf"')
    )
    assert ionmech_here("init", *files, "-o", "my.toml", cwd=tmp_path).returncode == 2
    (tmp_path / "other.rdf.png").write_text("mine")
    done = ionmech_here("init", *files, "-o", "other.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "other.rdf.png exists, where the figure of g(r) would be written" in done.stderr
    assert not (tmp_path / "other.toml").exists()
    done = ionmech_here("init", *files, "-o", "other.toml", "--no-figure", cwd=tmp_path)
    assert "Written: other.toml. These are guesses" in done.stdout
    assert (tmp_path / "other.rdf.png").read_text() == "mine"
    done = ionmech_here("rdf", "my.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3.2" in done.stdout or "3.3" in done.stdout
    assert "Flat minimum: Li+ and solvent, 2." in done.stdout
    output = tmp_path / "ionmech-output"
    assert {p.name for p in output.iterdir()} == {
        f"my-rdf-Li-{kind}.{end}" for kind in ("solvent", "anion") for end in ("png", "pdf")
    }
    (output / "my.run").mkdir()
    (output / "my.run" / "notes").touch()
    done = ionmech_here("run", "my.toml", "--save-run", cwd=tmp_path)
    assert done.returncode == 2
    assert "ionmech-output/my.run exists and is no saved run; move it away" in done.stderr
    (output / "my.run").rename(output / "other")
    workers = "--backend", "multiprocessing", "--n-workers", "2"
    done = ionmech_here("run", "my.toml", *workers, "--save-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Additivity" in done.stdout
    assert "decomposing windows" in done.stderr
    names = {p.name for p in output.iterdir()}
    assert {"my.nc", "my.states.npz", "my-contributions.png", "my-transitions.pdf"} <= names
    ask_the_saved_run(tmp_path)
    done = ionmech_here("plot", "ionmech-output/my.nc", "-f", "svg", "-o", "again", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again" / "my-event-matrix.svg").stat().st_size > 1000
    done = ionmech_here("plot", "ionmech-output/my.nc", "-f", "gif", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.slow
def test_schema_is_json():
    import json

    assert json.loads(ionmech("schema").stdout)["title"] == "Config"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["show", "none.nc"], "ionmech: no result file at none.nc"),
        (["demo", "gas"], "ionmech: dataset 'gas' is not shipped"),
        (["demo", "--output", "/dev/null/x"], "cannot make the folder"),
        (["nonsense"], "No such command"),
        (["run", "none.toml"], "no configuration at none.toml; make one with `ionmech init"),
        (["init", "a.tpr", "b.xtc"], "no such file: a.tpr"),
    ],
)
def test_bad_input_is_one_paragraph_and_status_2(args, message, tmp_path):
    done = ionmech_here(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_traceback_on_request(tmp_path):
    done = ionmech("--traceback", "show", "none.nc", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_help_and_version():
    done = ionmech("--help")
    assert done.returncode == 0
    assert "demo" in done.stdout
    assert ionmech("--version").stdout.startswith("ionmech 0.")


def test_a_crystal_is_sent_past_the_cutoffs(tmp_path):
    from mda_ionmech import datasets

    files = [str(datasets.path("crystal") / f"llzo.T800.{end}") for end in ("data", "xtc")]
    done = ionmech_here("init", *files, "-o", "my.toml", "--temperature", "800", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ionmech run my.toml" in done.stdout
    assert "ionmech rdf" not in done.stdout
    assert not (tmp_path / "my.rdf.png").exists()
    done = ionmech_here("rdf", "my.toml", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "sites need none, go on with ionmech run my.toml" in done.stderr
