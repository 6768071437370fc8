"""Where windows are worked on makes no difference: threads, workers, workers that die."""

import os
import signal

import numpy as np
import pytest
import xarray as xr
from distributed import Client, get_task_stream
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mda_ionmech import InputError, OnsagerDecomposition
from mda_ionmech.events import EventRule, SolvationEvents
from mda_ionmech.lib.task_workers import over_workers, read_task, work_on, write_task

from .builders import liquid_species, rows_of_two_species
from .clusters import command_line_cluster, local_cluster

pytestmark = pytest.mark.slow

STOP = 300
GROUPS = ("decomposition", "transitions", "states", "shells", "blocks", "vehicle")


def liquid(rule=None, **options):
    # a horizon that is no window needs a pass of its own
    options = {
        "temperature": 330, "windows": [1.0, 2.0, 8.0], "resolutions": [1.0, 4.0],
        "horizons": [4.0, 12.0],
    } | options  # fmt: skip
    return OnsagerDecomposition(liquid_species(rule=rule), **options)


def assert_identical(results, reference):
    for group in GROUPS:
        assert (group in results.tree.children) == (group in reference.tree.children)
        if group in reference.tree.children:
            xr.testing.assert_identical(results.tree[group], reference.tree[group])
    assert results.settings["residual"] == reference.settings["residual"]


def places(stream, task="work_on"):
    """Workers that worked on windows."""
    return {one["worker"] for one in stream.data if one["key"].startswith(task)}


@pytest.fixture(scope="module")
def cluster():
    with local_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def serial():
    return liquid().run(stop=STOP).results


@pytest.fixture(scope="module")
def serial_crystal():
    return rows_of_two_species().run().results


@pytest.fixture
def small_blocks(monkeypatch):
    """The paths exceed the budget, whatever it is, and are read in many blocks."""
    monkeypatch.setattr(
        "mda_ionmech.analysis.choices.check_memory", lambda given: given and 100_000
    )


def test_windows_of_a_liquid_run_on_the_workers(serial, cluster, small_blocks, tmp_path):
    store = tmp_path / "run.store"
    with Client(cluster) as client:
        with get_task_stream(client) as stream:
            run = liquid(store=store, memory="1MB").run(stop=STOP, backend="dask")
        assert len(places(stream)) == 2
        assert isinstance(run.paths.position, np.memmap)
        assert_identical(run.results, serial)
        with get_task_stream(client) as stream:
            plain = run.plain()
        assert places(stream), "so do those of other filters"
    left = {path.name.split("-")[0] for path in store.rglob("*")}
    assert "windows" not in left, "what was given to the workers is gone"
    assert_identical(run.plain(), plain)  # here, without the cluster
    assert_identical(plain, liquid().run(stop=STOP).plain())


def test_windows_of_a_crystal_run_on_the_workers(serial_crystal, cluster, tmp_path):
    with Client(cluster) as client, get_task_stream(client) as stream:
        run = rows_of_two_species(store=tmp_path / "run.store").run(backend="dask")
    assert len(places(stream)) == 2
    assert run._finished("").record.species[0].labels.site_positions is not None
    assert run._finished("").record.species[0].labels.joint is not None
    assert float(run.results.decomposition["multi_fraction"].max()) == 1
    assert_identical(run.results, serial_crystal)


def test_windows_of_a_crystal_on_disk_run_on_the_workers(
    serial_crystal, cluster, small_blocks, tmp_path
):
    with Client(cluster) as client, get_task_stream(client) as stream:
        run = rows_of_two_species(store=tmp_path / "run.store", memory="1MB").run(backend="dask")
    assert len(places(stream)) == 2
    assert isinstance(run.paths.position, np.memmap)
    assert_identical(run.results, serial_crystal)


def test_vehicular_windows_run_on_the_workers(cluster, tmp_path):
    options = {"projection": "vehicle", "axes": "xz"}
    with Client(cluster):
        there = liquid(store=tmp_path / "run.store", **options).run(stop=STOP, backend="dask")
    assert_identical(there.results, liquid(**options).run(stop=STOP).results)


def test_a_store_that_is_whole_is_worked_on_by_any_cluster(serial, cluster, tmp_path):
    store = tmp_path / "run.store"
    liquid(store=store).run(stop=STOP)
    with local_cluster(1) as one:
        for here in (one, cluster):
            again = liquid(store=store)
            again._single_frame = None  # a frame that was read would fail
            with Client(here) as client, get_task_stream(client) as stream:
                run = again.run(stop=STOP, backend="dask")
            assert len(places(stream)) == len(here.workers)
            assert_identical(run.results, serial)


def test_without_a_store_windows_stay_in_this_process(serial, cluster):
    with Client(cluster) as client, get_task_stream(client) as stream:
        run = liquid().run(stop=STOP, backend="dask")
    assert places(stream, "_unpack_and_read")
    assert not places(stream)
    assert_identical(run.results, serial)


class Kept(EventRule):
    """A rule from a script: no other process can import it."""

    __module__ = "__main__"
    names = ("kept", "changed")

    def label(self, before, after):
        return "kept" if before.molecule_set() == after.molecule_set() else "changed"


def test_a_scheduler_and_workers_of_the_command_line(serial_crystal, tmp_path):
    here = liquid(Kept()).run(stop=STOP).results
    with command_line_cluster(tmp_path) as client:
        with get_task_stream(client) as stream:
            there = liquid(Kept(), store=tmp_path / "liquid.store").run(stop=STOP, backend="dask")
        assert len(places(stream)) == 2
        with get_task_stream(client) as stream:
            crystal = rows_of_two_species(store=tmp_path / "run.store").run(backend="dask")
        assert len(places(stream)) == 2
    assert_identical(there.results, here)
    assert_identical(crystal.results, serial_crystal)


class LastBreath(SolvationEvents):
    """Ends the process that labels a block of windows, once, unless it is this one."""

    def __init__(self, note):
        super().__init__()
        self.note, self.here = str(note), os.getpid()

    def classifier(self, shells):
        classify = super().classifier(shells)

        def last(before, after):
            if os.getpid() != self.here and not os.path.exists(self.note):
                with open(self.note, "w") as note:
                    note.write(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            return classify(before, after)

        return last


def test_windows_whose_worker_dies_are_worked_on_again(serial, cluster, tmp_path):
    note = tmp_path / "died"
    with Client(cluster) as client:
        before = set(client.run(os.getpid).values())
        run = liquid(LastBreath(note), store=tmp_path / "run.store").run(stop=STOP, backend="dask")
    assert int(note.read_text()) in before
    assert_identical(run.results, serial)


def test_one_progress_bar_covers_the_workers(cluster, tmp_path, capsys):
    with Client(cluster):
        liquid(store=tmp_path / "run.store").run(
            stop=STOP, backend="dask", verbose=True, progressbar_kwargs={"ascii": True}
        )
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1, "one bar"
    assert "decomposing windows: 100%" in shown


def test_a_store_that_workers_cannot_open_is_refused_before_frames_are_read(cluster, tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    store = f"/proc/self/fd/{here}/run.store"  # a path that means something in this process alone
    run = liquid(store=store)
    run._compute = len  # a frame that was read would fail
    try:
        with (
            Client(cluster),
            pytest.raises(
                InputError,
                match=rf"the store '{store}' cannot be opened by (\d) of \1 workers, such as tcp://"
                ".* give store=... a path on a file system that all workers share",
            ),
        ):
            run.run(stop=STOP, backend="dask")
    finally:
        os.close(here)
    with pytest.raises(InputError, match="cannot be opened by a worker"):
        work_on(tmp_path / "gone" / "windows", 1)


def add(number):
    raise ValueError(f"no {number}")


def test_what_a_task_raises_is_raised_here_and_nothing_stays(cluster, tmp_path):
    with Client(cluster) as client:
        assert list(over_workers(client, tmp_path, abs, [])) == []
        assert list(over_workers(client, tmp_path, abs, [-2, 3])) == [2, 3]
        with pytest.raises(ValueError, match="no 1"):
            list(over_workers(client, tmp_path, add, [1, 2]))
    assert os.listdir(tmp_path) == []


@settings(max_examples=50, deadline=None)
@given(
    kept=st.lists(
        st.sampled_from(["f8", "i4", "i8", "?"]).flatmap(
            lambda kind: arrays.arrays(kind, arrays.array_shapes(min_side=0, max_side=5))
        )
    ),
    data=st.data(),
)
def test_arrays_come_out_of_the_file_as_they_went_in(kept, data, tmp_path_factory):
    name = tmp_path_factory.getbasetemp() / "task"
    layout = data.draw(st.sampled_from("CF"))
    kept = [np.array(one, order=layout) for one in kept]
    write_task({"arrays": kept, "same": kept}, name)
    found = read_task(name)
    for here, there in zip(kept, found["arrays"], strict=True):
        np.testing.assert_array_equal(there, here)
        assert there.dtype == here.dtype
        assert (there.flags.c_contiguous, there.flags.aligned) == (here.flags.c_contiguous, True)
        there[...] = 1  # a kernel may write to its copy
    assert all(a is b for a, b in zip(found["arrays"], found["same"], strict=True))
    for here, there in zip(kept, read_task(name)["arrays"], strict=True):
        np.testing.assert_array_equal(there, here)
