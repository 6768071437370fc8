"""Places that cannot be written to, other locales, other numbers of threads."""

import contextlib
import logging
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numba.core.caching
import numpy as np
import pytest

import mda_ionmech
from mda_ionmech import InputError, OnsagerDecomposition, load
from mda_ionmech.cli.app import main
from mda_ionmech.cli.output_checks import save_or_rescue
from mda_ionmech.lib import kernels
from mda_ionmech.lib.arrays_on_disk import ArrayFolder
from mda_ionmech.lib.kernels import kernel
from mda_ionmech.lib.temporary import temporary_folder

from .written import small_run


@kernel
def doubled(values):  # type: ignore[no-untyped-def]
    """Twice the values (n,)."""
    out = np.empty_like(values)
    for k in range(values.shape[0]):
        out[k] = 2 * values[k]
    return out


@kernel
def doubled_sum(values):  # type: ignore[no-untyped-def]
    """The sum of twice the values (n,)."""
    total = 0.0
    for value in doubled(values):
        total += value
    return total


def no_folder(monkeypatch):
    """As with read-only site-packages and home."""
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])


def full_disk(monkeypatch):
    @contextlib.contextmanager
    def fails(self, path):
        raise OSError(28, "No space left on device")
        yield

    monkeypatch.setattr(numba.core.caching.IndexDataCacheFile, "_open_for_write", fails)
    monkeypatch.setattr(numba.core.caching.IndexDataCacheFile, "_load_index", lambda self: {})


def damaged_cache(monkeypatch):
    def fails(self):
        raise pickle.UnpicklingError("pickle data was truncated")

    monkeypatch.setattr(numba.core.caching.IndexDataCacheFile, "_load_index", fails)


@pytest.mark.parametrize("where", [no_folder, full_disk, damaged_cache])
def test_kernels_run_where_nothing_can_be_kept(where, monkeypatch, caplog):
    """They are compiled in memory, and that is said once."""
    where(monkeypatch)
    kernels._say_no_cache.cache_clear()
    names = doubled_sum._function.__globals__
    inner, outer = kernel(doubled._function), kernel(doubled_sum._function)
    monkeypatch.setitem(names, "doubled", inner)
    with caplog.at_level(logging.WARNING):
        assert outer(np.arange(4.0)) == 12.0
        assert outer(np.arange(4)) == 12.0, "another signature"
        np.testing.assert_array_equal(inner(np.arange(3.0)), [0, 2, 4])
    said = [r.message for r in caplog.records if "cannot be kept on disk" in r.message]
    assert len(said) == 1
    assert "NUMBA_CACHE_DIR" in said[0]


UNPRIVILEGED = """
import numpy as np
from mda_ionmech.lib.kernels import lowest_bit
print(int(lowest_bit(np.uint64(12))))
from mda_ionmech import load
print(load("run.nc").summary().shape)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0,
    reason="only root can become a user without a home",
)
def test_a_user_who_can_write_nowhere_reads_and_computes(tmp_path):
    """Packages and home are read-only, as in containers and on clusters."""
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv, which starts programs as another user, is not installed")
    small_run().save(tmp_path / "run.nc")
    for path in (tmp_path, *tmp_path.parents):
        if path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    root = Path(mda_ionmech.__file__).parents[1]
    started = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*started, sys.executable, "-c", "import numpy"], check=False).returncode:
        pytest.skip("another user cannot start this Python")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [*started, sys.executable, "-W", "ignore", "-c", UNPRIVILEGED],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "2"
    assert done.stderr.count("cannot be kept on disk") == 1


@pytest.mark.slow
@pytest.mark.parametrize("coercion", [{}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_the_c_locale_prints_what_it_can(coercion, tmp_path):
    small_run("ion\N{SUPERSCRIPT PLUS SIGN}").save(tmp_path / "run.nc")
    environment = os.environ | {"LC_ALL": "C", "LANG": "C"} | coercion
    done = subprocess.run(
        [sys.executable, "-m", "mda_ionmech", "show", "run.nc"],
        cwd=tmp_path, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"ion" in done.stdout
    assert b"Traceback" not in done.stderr


def without_temporary_folder(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/dev/null/none"])


def test_no_folder_for_temporary_files_is_said(monkeypatch):
    without_temporary_folder(monkeypatch)
    for make in (ArrayFolder, temporary_folder):
        with pytest.raises(InputError, match=r"No usable temporary directory .* set TMPDIR to a"):
            make()


def test_files_are_rescued_to_the_folders_that_are_there(tmp_path, monkeypatch):
    """Without a present folder and one for temporary files, home is left."""
    without_temporary_folder(monkeypatch)
    (tmp_path / "gone").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    def save(path):
        if path.parent == tmp_path / "full":
            raise InputError("cannot write it: No space left on device")
        path.write_text("kept")
        return path

    with pytest.raises(InputError, match=r"No space left on device\. They were written to other"):
        save_or_rescue({tmp_path / "full" / "run.nc": save})
    (written,) = (tmp_path / "home").iterdir()
    assert written.read_text() == "kept"
    monkeypatch.setattr(Path, "home", lambda: Path("/dev/null/none"))

    def fails(path):
        raise InputError("cannot write it: No space left on device")

    with pytest.raises(InputError, match=r"No space left on device$"):
        save_or_rescue({tmp_path / "full" / "run.nc": fails})


def test_processes_that_the_system_does_not_start_are_an_error(monkeypatch):
    """As in a container without a place for the locks of processes."""
    run = small_run()

    def fails(*args):
        raise OSError(30, "Read-only file system")

    from multiprocessing.context import BaseContext

    monkeypatch.setattr(BaseContext, "SimpleQueue", fails)
    again = OnsagerDecomposition(run.species, temperature=300.0, frame="laboratory", windows=[1.0])
    with pytest.raises(
        InputError, match=r"n_workers=2 processes cannot be started: Read-only .* backend='serial'"
    ):
        again.run(backend="multiprocessing", n_workers=2)


COMMANDS = {
    "show {}": (0, ""),
    "plot {} -o figures": (2, "cannot make the folder"),
    "plot {}": (0, ""),
    "report {} -o {}.html": (0, ""),
    "combine {} {}": (2, "cannot write combined.nc: No such file or directory (its folder was r"),
    "show relative.nc": (2, "no result file at relative.nc"),
    "run relative.toml": (2, "no configuration at relative.toml"),
    "show {}.run --by ligand --classes own:Rule": (2, "no saved run at"),
}


@pytest.mark.slow
def test_commands_in_a_folder_that_was_removed(tmp_path, monkeypatch, capsys):
    path = small_run().save(tmp_path / "run.nc")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for text, (status, said) in COMMANDS.items():
        monkeypatch.setattr("sys.argv", ["ionmech", *text.replace("{}", str(path)).split()])
        with pytest.raises(SystemExit) as ended:
            main()
        errors = capsys.readouterr().err
        assert ended.value.code == status, errors
        assert said in errors
        assert "failed" not in errors
        assert "Errno" not in errors


DENIED = """
import os, sys, warnings
warnings.simplefilter("ignore")
from mda_ionmech import InputError, OnsagerDecomposition, load, load_run
from mda_ionmech.lib.write_targets import check_can_write
from ovito_modifiers import read_states
from tests.robustness.written import small_run
run = small_run()
def stored(name):
    about = {"temperature": 300.0, "frame": "laboratory", "windows": [1.0]}
    OnsagerDecomposition(run.species, store=name, **about).run()
run.save("closed/in/run.nc"), run.save_states("closed/in/run.npz"), run.save_run("closed/in/run")
stored("closed/in/store"), stored("shut"), stored("unreadable")
os.mkdir("unlisted"), os.chmod("unlisted", 0o333)
os.chmod("unreadable/manifest.json", 0), os.chmod("shut", 0), os.chmod("closed", 0)
for name, ask in {
    "store": lambda: stored("closed/in/store"), "new store": lambda: stored("closed/in/new"),
    "shut store": lambda: stored("shut"), "unreadable store": lambda: stored("unreadable"),
    "load": lambda: load("closed/in/run.nc"), "load_run": lambda: load_run("closed/in/run"),
    "save": lambda: run.save("closed/in/a.nc"), "save_run": lambda: run.save_run("closed/in/a"),
    "states": lambda: read_states("closed/in/run.npz"),
    "probe": lambda: check_can_write("closed/in/a.nc"),
    "save unlisted": lambda: run.save("unlisted/a.nc"),
    "save_run unlisted": lambda: run.save_run("unlisted/a"),
    "store unlisted": lambda: stored("unlisted/store"),
}.items():
    try:
        ask()
        print(name, "done", sep=": ")
    except (InputError, FileNotFoundError) as error:
        print(name, error, sep=": ")
os.chmod("closed", 0o700), os.chmod("shut", 0o700), os.chmod("unlisted", 0o700)
"""
#: What a user is told of a folder that is not to be looked into.
TOLD = {
    "store": r"store='closed/in/store' cannot be used here \(Permission denied\); give another",
    "new store": r"store='closed/in/new' cannot be used here \(Permission denied\); give another",
    "shut store": "store='.*/shut' cannot be used: Permission denied; allow this user to read and",
    "unreadable store": "store='.*/unreadable' cannot be used: Permission denied; allow this user",
    "load": r"no result file at closed/in/run.nc that can be reached \(Permission denied\); ",
    "load_run": r"there is no saved run at closed/in/run that can be reached \(Permission denied\)",
    "save": "cannot write closed/in/a.nc: the folder closed/in does not exist or is not writable",
    "save_run": "cannot write closed/in/a: the folder .*closed/in does not exist or is not",
    "states": "no states file at closed/in/run.npz",
    "probe": "cannot write closed/in/a.nc: the folder closed/in does not exist or is not writable",
    "save unlisted": "done", "save_run unlisted": "done", "store unlisted": "done",
}  # fmt: skip


@pytest.mark.slow
def test_folders_that_a_user_may_not_look_into(tmp_path):
    """Each is an error that says so; a folder that may only be written to is written to."""
    started = []
    if hasattr(os, "getuid") and os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv, which takes its rights from root, is not installed")
        started = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    (tmp_path / "closed" / "in").mkdir(parents=True)
    root = str(Path(mda_ionmech.__file__).parents[1])
    done = subprocess.run(
        [*started, sys.executable, "-c", DENIED],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert told.keys() == TOLD.keys()
    for name, text in TOLD.items():
        assert re.match(text, told[name]), told[name]


@pytest.mark.slow
def test_python_without_docstrings_is_told_of(tmp_path):
    """MDAnalysis cannot be imported then; without assertions alone everything is as it was."""
    run = small_run().save(tmp_path / "run.nc")
    for optimise, status in (("1", 0), ("2", 1)):
        done = subprocess.run(
            [sys.executable, "-m", "mda_ionmech", "init", "--check", str(run)],
            env=os.environ | {"PYTHONOPTIMIZE": optimise}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if status:
            assert "MDAnalysis needs: use -O or neither" in done.stderr
        else:
            assert done.returncode == 2
            assert "is not in UTF-8, as TOML requires" in done.stderr


@pytest.mark.slow
def test_readers_that_stop_early_are_no_failure(tmp_path):
    """`ionmech show run.nc | head`, also without any standard streams."""
    path = small_run().save(tmp_path / "run.nc")
    show = f"{sys.executable} -m mda_ionmech show {path}"
    for line in (f"{show} | head -1", f"{show} <&- >&-"):
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stderr == ""
        assert done.returncode == 0


SAVED = "import sys; from tests.robustness.written import small_run; small_run().save(sys.argv[1])"
SAME_BITS = {
    "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONHASHSEED": "7",
    "PYTHONOPTIMIZE": "1", "TZ": "Asia/Kathmandu", "NUMBA_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "tolerance"), [(SAME_BITS, 0.0), ({"NUMBA_DISABLE_JIT": "1"}, 1e-13)]
)
def test_results_do_not_depend_on_the_environment(changed, tolerance, tmp_path):
    """Locale, threads, order of sets, no assertions: bit for bit. Python instead of compiled
    kernels, which sum in another order: within some last bits of the largest value."""
    root = str(Path(mda_ionmech.__file__).parents[1])
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SAVED, str(tmp_path / "run.nc")],
        env=os.environ | {"PYTHONPATH": root} | changed, cwd=tmp_path, check=True,
    )  # fmt: skip
    found, expected = load(tmp_path / "run.nc"), small_run().results
    for name in ("decomposition", "transitions"):
        data, other = (r.tree[name].to_dataset() for r in (found, expected))
        assert data.keys() == other.keys()
        for key in data.data_vars.keys() - {"residual"}:  # rounding alone
            values, known = data[key].values, other[key].values
            atol = tolerance * np.max(np.abs(known), initial=0.0, where=np.isfinite(known))
            np.testing.assert_allclose(values, known, rtol=0, atol=atol, err_msg=str(key))
    assert found.states.equals(expected.states)
