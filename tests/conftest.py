import hashlib
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib.file_lock import FileLock
from mda_ionmech.macrostates import IonPairing
from mda_ionmech.microstates import CutoffShell

from .physics import table

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One worker more than cores: some tests wait for processes, for a kill or for a browser."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def each_kernel_is_compiled_once(tmp_path_factory):
    """By one of the workers; the others wait and read what it has kept on disk."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.dispatcher import Dispatcher

    folder = tmp_path_factory.getbasetemp().parent / "kernels"
    folder.mkdir(exist_ok=True)
    alone = Dispatcher.compile

    def compiled(self, signature):
        function = self.py_func
        name = f"{function.__module__}.{function.__qualname__}{signature}"
        path = folder / hashlib.sha256(name.encode()).hexdigest()
        with global_compiler_lock:
            end = time.monotonic() + 120
            while (lock := FileLock.take(path)) is None and time.monotonic() < end:
                time.sleep(0.05)
            try:
                return alone(self, signature)
            finally:
                if lock is not None:
                    lock.release()

    Dispatcher.compile = compiled
    yield
    Dispatcher.compile = alone


@pytest.fixture(scope="session")
def shared_data():
    """Folder of further real trajectories, kept beside the project."""
    if not SHARED.is_dir():
        pytest.skip(f"further trajectories are not at {SHARED}")
    return SHARED


def liquid_species(universe, **shell):
    """Li+ with shells, events and pairing, and TFSI-, of the shipped liquid."""
    options = {"cutoff": {"solvent": 2.8, "anion": 2.9}} | shell
    lithium = IonSpecies(
        universe.select_atoms("resname LI"),
        charge=+1,
        name="Li+",
        microstates=CutoffShell(
            solvent=universe.select_atoms("resname ACN and name N1"),
            anion=universe.select_atoms("resname TFS and name O*"),
            **options,
        ),
        events=SolvationEvents(),
        macrostates=IonPairing(),
    )
    tfsi = IonSpecies(
        universe.select_atoms("resname TFS"),
        charge=-1,
        name="TFSI-",
        compound="residues",
        macrostates=IonPairing(),
    )
    return [lithium, tfsi]


@pytest.fixture(scope="session")
def liquid_run():
    """The shipped liquid, plain cutoffs, default windows, every frame."""
    return OnsagerDecomposition(liquid_species(datasets.liquid()), temperature=330.0).run()


@pytest.fixture(scope="session")
def vulkan():
    """Skips where OVITO finds no driver to draw with; the reason is OVITO's own."""
    code = (
        "from ovito.vis import Viewport, StandardRenderer\n"
        "Viewport().render_image(size=(20, 20), renderer=StandardRenderer())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"OVITO cannot draw here: {done.stderr.strip().splitlines()[-1]}")


@pytest.fixture(scope="session")
def crystal_states(tmp_path_factory):
    """States of the first 30 ps of the shipped garnet, windows of 0.4 ps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = crystal_analysis(datasets.crystal()).run(stop=301)
    folder = tmp_path_factory.mktemp("crystal")
    run.save_states(folder / "crystal-longer.states.npz", 1.6)
    return run.save_states(folder / "crystal.states.npz", 0.4)


@pytest.fixture
def record(request):
    """Compares with a known answer and, at the end, with the page of the documentation."""
    kept = table.Record()
    yield kept
    collected = getattr(request.config, "known_answers", None)
    if collected is not None:
        collected += kept.rows
        return
    text = table.PAGE.read_text(encoding="utf-8")
    for row in kept.rows:
        assert str(row) in text, "the numbers changed: run python -m tests.physics.table"
