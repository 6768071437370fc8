"""Every writer, to every place where no file can be: one error, and nothing is touched."""

import multiprocessing
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import MDAnalysis as mda
import pytest
import xarray as xr

from mda_ionmech import (
    Arrhenius,
    InputError,
    IonSpecies,
    OnsagerDecomposition,
    combine,
    datasets,
    load,
    load_run,
)
from mda_ionmech.cli import app as command
from mda_ionmech.cli import init_command
from mda_ionmech.cli.output_checks import check_outputs
from mda_ionmech.lib.write_targets import protect_inputs
from mda_ionmech.plotting import save as save_figure
from mda_ionmech.report import write_report
from mda_ionmech.viewing.dump import write_dump
from ovito_modifiers import read_states

from .written import configuration, small_run


@pytest.fixture(scope="module")
def states_file(tmp_path_factory):
    return small_run().save_states(tmp_path_factory.mktemp("states") / "run.states.npz")


@pytest.fixture(scope="module")
def writers(states_file):
    """What writes a file, by name; each is given a path."""
    run = small_run()
    both = combine([run.results, small_run(seed=2).results])
    fits = Arrhenius(xr.Dataset({"energy": ("x", [0.1] * 1000)}))
    ax = run.results.plot()
    universe = run.species[0].atoms.universe

    def init(path):
        liquid = datasets.path("liquid")
        files = liquid / "liquid.psf", [liquid / "liquid.part1.xtc"]
        init_command.init(*files, output=Path(path))

    return {
        "result": run.save,
        "combined result": both.save,
        "states": run.save_states,
        "fits over temperatures": fits.save,
        "figure": lambda path: save_figure(ax, path),
        "report": lambda path: write_report(run.results, path),
        "dump for OVITO": lambda path: write_dump(universe, states_file, path),
        "configuration of ionmech init": init,
        "saved run": run.save_run,
    }


#: The endings that choose a format.
ENDING = {"figure": ".png"}


@contextmanager
def longest_file(size):
    """A disk on which no file of more bytes fits."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def places(folder, ending):
    """Where no file can be written, by name, and what the error says of it."""
    (folder / f"folder{ending}").mkdir()
    (folder / f"folder{ending}" / "inside").write_text("kept")
    os.mkfifo(folder / f"pipe{ending}")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(folder)  # paths of sockets are short
        one.bind(f"socket{ending}")
        os.chdir(here)
    (folder / f"protected{ending}").write_text("kept")
    (folder / f"protected{ending}").chmod(0o444)
    (folder / "closed").mkdir(mode=0o555)
    (folder / f"loop{ending}").symlink_to(folder / f"loop{ending}")
    (folder / f"to-folder{ending}").symlink_to(folder / f"folder{ending}")
    (folder / f"to-null{ending}").symlink_to("/dev/null")
    return {
        folder / f"folder{ending}": "folder",
        folder / f"pipe{ending}": "a device, a pipe or a socket|it is a file",
        folder / f"socket{ending}": "a device, a pipe or a socket|it is a file",
        folder / f"protected{ending}": "protected from writing|it is a file",
        folder / "closed" / f"a{ending}": "not writable",
        folder / f"loop{ending}": "leads back to itself|it is a file",
        folder / f"to-folder{ending}": "folder",
        folder / f"to-null{ending}": "a device, a pipe or a socket|it is a file",
        folder / "none" / f"a{ending}": "does not exist",
        folder / f"protected{ending}" / f"a{ending}": "does not exist",
        folder / ("x" * 300 + ending): "longer than 255 bytes",
        folder / ("x" * 300) / f"a{ending}": "does not exist",
        f"{folder}/a\0b{ending}": "path must be that of a",
        f"{folder}/a\udcff{ending}": "not in UTF-8",
        "": "path must be that of a",
        "/dev/full": "a device, a pipe or a socket|it is a file",
    }


def described(folder):
    """Everything in a folder: kinds, permissions, contents."""
    out = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        text = path.read_bytes() if stat.S_ISREG(about.st_mode) else b""
        out[path.relative_to(folder)] = (about.st_mode, about.st_ino, text)
    return out


KINDS = (
    "result", "combined result", "states", "fits over temperatures", "figure", "report",
    "dump for OVITO", "configuration of ionmech init", "saved run",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_places_where_nothing_can_be_written_stay_as_they_are(kind, writers, tmp_path):
    write = writers[kind]
    null = os.lstat("/dev/null")
    listed = places(tmp_path, ENDING.get(kind, ""))
    before = described(tmp_path)
    for place, message in listed.items():
        if kind.startswith("configuration") and not str(place):
            continue  # the present folder, for a command
        with pytest.raises(InputError, match=message) as refused:
            write(place)
        assert len(str(refused.value)) < 600
    assert described(tmp_path) == before
    assert os.lstat("/dev/null").st_mode == null.st_mode


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "saved run"])
def test_links_are_followed_and_a_full_disk_leaves_the_old_file(kind, writers, tmp_path):
    write, ending = writers[kind], ENDING.get(kind, "")
    real, link = tmp_path / "real", tmp_path / f"link{ending}"
    (tmp_path / "deep").mkdir()
    if kind != "configuration of ionmech init":  # which overwrites nothing unasked
        for old in (tmp_path / "deep" / f"file{ending}", real.with_name(f"real{ending}")):
            old.write_text("old")
    link.symlink_to(f"deep/file{ending}")
    write(link)
    assert link.is_symlink()
    assert (tmp_path / "deep" / f"file{ending}").stat().st_size > 500
    before = described(tmp_path)
    with longest_file(400), pytest.raises(InputError) as refused:
        write(real.with_name(f"real{ending}"))
    text = str(refused.value)
    assert "cannot write" in text
    assert "File too large" in text
    there = "nothing is there" if kind.startswith("conf") else "what was there before is as it was"
    assert there in text
    assert described(tmp_path) == before
    # nothing was lost: it can be written elsewhere
    write(tmp_path / f"elsewhere{ending}")
    assert (tmp_path / f"elsewhere{ending}").stat().st_size > 500


@pytest.mark.slow
def test_a_command_does_not_offer_what_is_in_its_memory(tmp_path, monkeypatch, capsys):
    """Its results are gone when it ends; there is space for the probe, and not for the file."""
    files = [str(small_run(seed=k).save(tmp_path / f"{k}.nc")) for k in (1, 2)]
    monkeypatch.setattr(sys, "argv", ["ionmech", "combine", *files, "-o", str(tmp_path / "c.nc")])
    with longest_file(20_000), pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "c.nc: File too large; nothing is there; free space there, or give another path" in said
    assert "memory" not in said
    assert not (tmp_path / "c.nc").exists()


@pytest.mark.slow
def test_what_could_not_be_saved_is_still_there(tmp_path):
    """The error says what to do, and that works; a saved run on a full disk leaves nothing."""
    run = small_run()
    with longest_file(4000):
        with pytest.raises(
            InputError, match=r"still in memory: free space, or save elsewhere, run\."
        ):
            run.save(tmp_path / "a.nc")
        with pytest.raises(InputError, match="cannot write"):
            run.save_run(tmp_path / "record")
    assert list(tmp_path.iterdir()) == []
    assert load(run.save(tmp_path / "a.nc")).decomposition.equals(run.results.decomposition)
    assert read_states(run.save_states(tmp_path / "a.npz")).n_atoms == 9
    assert (
        load_run(run.save_run(tmp_path / "record")).results.summary().equals(run.results.summary())
    )


@pytest.mark.slow
def test_names_as_long_as_a_file_can_have_are_written(tmp_path, monkeypatch):
    run = small_run()
    for name in (
        "x" * 255,
        "a." + "b" * 253,
        "e" * 251 + ".npz",
        "\N{GREEK SMALL LETTER MU}" * 127,
    ):
        path = run.save_states(tmp_path / name)
        assert read_states(path).n_atoms == 9
    strange = [
        "a b.nc",
        "a#b.nc",
        "a?b=c&d.nc",
        "a%20b.nc",
        "-o.nc",
        "a;b$(c).nc",
        "a[1].nc",
        "ü.nc",
        " blank.nc",
        "\ttab.nc",
    ]
    for name in strange:
        assert load(run.save(tmp_path / name)).decomposition.equals(run.results.decomposition)
    assert len(list(tmp_path.iterdir())) == 4 + len(strange)
    monkeypatch.chdir(tmp_path)
    for name in strange:
        assert load(run.save(name)).decomposition.equals(run.results.decomposition)
    for path in (tmp_path / "a\\b.nc", tmp_path / "c\\d" / "e.nc"):
        path.parent.mkdir(exist_ok=True)
        with pytest.raises(InputError, match="has a backslash, which the NetCDF library takes"):
            run.save(path)
        assert not path.exists()
        with pytest.raises(InputError, match=r"[bd](\.nc)? has a backslash|e\.nc has a"):
            run.save_run(path)
        with pytest.raises(InputError, match="has a backslash"):
            check_outputs([path])
        assert read_states(run.save_states(path)).n_atoms == 9
        with pytest.raises(InputError, match="has a backslash"):
            load(path)


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
from mda_ionmech.cli.app import main
sys.argv = ["ionmech", "run", "run.toml"]
main()
"""
CONFIGURATION = """
topology = "a.gro"
trajectory = "a.xtc"
[analysis]
temperature = 300
[[species]]
name = "Li+"
selection = "name LI"
charge = 1
"""


def test_the_command_looks_before_it_works(tmp_path, monkeypatch, capsys):
    """A target that cannot be written is an error before any frame is read."""
    (tmp_path / "run.toml").write_text(CONFIGURATION)
    for name in ("a.gro", "a.xtc"):
        (tmp_path / name).write_text("nothing that could be read")
    (tmp_path / "ionmech-output" / "run.states.npz").mkdir(parents=True)
    monkeypatch.setattr(sys, "argv", ["ionmech", "run", str(tmp_path / "run.toml")])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert "run.states.npz: it is a folder" in capsys.readouterr().err


def test_the_command_writes_elsewhere_what_was_long_work(tmp_path, monkeypatch):
    """Where the folder of the output takes nothing at the end, another one is found."""
    from mda_ionmech.cli.output_checks import save_or_rescue

    run, full = small_run(), tmp_path / "full"
    full.mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def save(path):
        if path.parent == full:
            raise InputError(f"cannot write {path}: No space left on device")
        return run.save(path)

    with pytest.raises(
        InputError, match=r"No space left on device\. They were written to other"
    ) as said:
        save_or_rescue({full / "run.nc": save})
    (written,) = (tmp_path / "here").iterdir()
    assert str(written) in str(said.value)
    assert load(written).decomposition.equals(run.results.decomposition)


@pytest.mark.slow
def test_a_full_standard_output_is_an_error(tmp_path):
    path = small_run().save(tmp_path / "run.nc")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mda_ionmech", "show", str(path)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("ionmech failed: OSError: [Errno 28] No space left on device")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "saved run"])
def test_files_that_are_read_are_never_written(kind, writers, tmp_path):
    ending = ENDING.get(kind, "")
    names = [tmp_path / f"{name}{ending}" for name in ("read", "link", "other-name")]
    names[0].write_text("kept")
    names[1].symlink_to(names[0])
    names[2].hardlink_to(names[0])
    protect_inputs(names[:1])
    before = described(tmp_path)
    for path in names:
        with pytest.raises(InputError, match="topology or trajectory that is read"):
            writers[kind](path)
    assert described(tmp_path) == before


@pytest.mark.filterwarnings("ignore")
def test_the_trajectory_of_a_run_is_never_written(tmp_path):
    """Trajectories of Amber end as results do."""
    universe = datasets.liquid()
    path = tmp_path / "run.nc"
    with mda.Writer(str(path), universe.atoms.n_atoms, format="NCDF") as file:
        for _ in universe.trajectory[:12]:
            file.write(universe.atoms)
    before = path.read_bytes()
    universe = mda.Universe(universe.filename, str(path))
    ions = IonSpecies(universe.select_atoms("resname LI"), charge=1, name="Li+")
    options = {"frame": "laboratory", "windows": [1.0], "resolutions": None}
    run = OnsagerDecomposition([ions], temperature=300.0, **options).run()
    for write in (run.save, run.save_states, run.results.save):
        with pytest.raises(InputError, match="topology or trajectory that is read"):
            write(path)
    assert path.read_bytes() == before


def test_an_output_that_is_the_trajectory_is_refused_before_the_analysis(tmp_path):
    """The output has the name of the configuration, as the trajectory may have."""
    (tmp_path / "run.nc").write_bytes(b"kept")
    text = configuration().decode().split("\n\n", 1)[1]
    head = f'topology = "{datasets.path("liquid")}/liquid.psf"\ntrajectory = "run.nc"\n\n'
    (tmp_path / "run.toml").write_text(f'{head}{text}\n[output]\nfolder = "."\n')
    with pytest.raises(InputError, match="topology or trajectory that is read"):
        command.run(tmp_path / "run.toml")
    assert (tmp_path / "run.nc").read_bytes() == b"kept"


ENDED = """
import os, signal, sys, time
from mda_ionmech.cli import app, config
from mda_ionmech.lib.files import write_atomically
NAME = sys.argv.pop()
def work(name):
    with open(name, "w") as file:
        file.write("half")
        os.kill(os.getpid(), getattr(signal, NAME))
        time.sleep(60)
config.load_config = lambda path: write_atomically("run.nc", work)
app.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_command_that_is_ended_says_nothing_and_leaves_no_file(name, tmp_path):
    command_line = [sys.executable, "-c", ENDED, "run", "a.toml", name]
    ended = subprocess.run(command_line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
    assert not any(tmp_path.iterdir())


def handler_of_sigterm(queue):
    queue.put(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)


def test_processes_that_a_command_forks_end_at_once():
    """A handler in Python would not run while they wait for a lock, and the pool for them."""
    fork = multiprocessing.get_context("fork")
    before = signal.getsignal(signal.SIGTERM)
    with command._sigterm_as_ctrl_c():
        queue = fork.SimpleQueue()
        child = fork.Process(target=handler_of_sigterm, args=(queue,))
        child.start()
        assert queue.get()
        child.join()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
