"""Folders that one of the worker processes fills for all of them."""

import os
import pickle
import time

from mda_ionmech.lib.file_lock import FileLock


def made_once(tmp_path_factory, name, make):
    """A folder, not to be changed, and what `make(folder)` returned in the process that filled it.

    The returned value is pickled.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # that of all workers
    folder, made = base / f"once-{name}", base / f"once-{name}.pickle"
    while (lock := FileLock.take(base / f"once-{name}.lock")) is None:
        time.sleep(0.1)
    try:
        if not made.exists():
            folder.mkdir(exist_ok=True)
            made.write_bytes(pickle.dumps(make(folder)))
    finally:
        lock.release()
    return folder, pickle.loads(made.read_bytes())
