"""Places that cannot be written to, other locales, other numbers of threads."""

import contextlib
import logging
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numba.core.caching
import numpy as np
import pytest

import mda_ionmech
from mda_ionmech.lib import kernels
from mda_ionmech.lib.kernels import kernel

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
