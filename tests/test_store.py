"""Runs that were stopped go on, and data larger than the budget live on disk: the same bits."""

import gc
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest
import xarray as xr

import mda_ionmech
from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.analysis.arguments import check_memory
from mda_ionmech.events import CrystalEvents
from mda_ionmech.lib.frame_backends import ProcessParts
from mda_ionmech.lib.frozen import changed
from mda_ionmech.lib.task_workers import SPARE_BYTES, threads
from mda_ionmech.macrostates import IonPairing, ShellComposition, SiteType
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.trajectory.run_store import RunStore, part_size

from .builders import liquid_species, rows_of_two_species

STOP = 400
GROUPS = ("decomposition", "transitions", "states", "shells", "blocks", "vehicle")


def liquid(**options):
    persistence = options.pop("persistence", 3.0)
    species = options.pop("species", None) or liquid_species(persistence=persistence)
    options = {"temperature": 330, "windows": [1.0, 8.0], "resolutions": [1.0, 4.0]} | options
    return OnsagerDecomposition(species, **options)


def with_macrostates(species, index, rule):
    species[index] = changed(species[index], macrostates=rule)
    return species


@pytest.fixture(scope="module")
def reference():
    return liquid().run(stop=STOP)


def assert_identical(results, reference):
    for group in GROUPS:
        if group in reference.tree.children:
            xr.testing.assert_identical(results.tree[group], reference.tree[group])
    assert results.settings == reference.settings
    assert results.warnings == reference.warnings


@pytest.fixture
def on_disk(monkeypatch):
    """Everything lives on disk, in many parts and blocks."""
    monkeypatch.setattr("mda_ionmech.lib.frame_blocks.BLOCK_BYTES", 60_000)
    monkeypatch.setattr("mda_ionmech.microstates.contacts.BLOCK_ROWS", 100)
    monkeypatch.setattr("mda_ionmech.microstates.shells.SMALL_TABLE", 50)
    monkeypatch.setattr("mda_ionmech.lib.grouping.ROWS_AT_ONCE", 100)
    monkeypatch.setattr("mda_ionmech.lib.run_length.BLOCK_RUNS", 300)
    monkeypatch.setattr("mda_ionmech.lib.frame_blocks.BLOCK_NUMBERS", 200)
    monkeypatch.setattr("mda_ionmech.observables.window_states.AT_ONCE", 1000)
    monkeypatch.setattr("mda_ionmech.macrostates.ion_pairing.BLOCK_BYTES", 50_000)
    monkeypatch.setattr(
        "mda_ionmech.analysis.choices.check_memory", lambda given: given and 100_000
    )
    return {"memory": "1MB"}


@pytest.mark.slow
def test_data_on_disk_give_the_same_bits(reference, on_disk, tmp_path):
    run = liquid(**on_disk).run(stop=STOP)
    assert isinstance(run.paths.position, np.memmap)
    assert isinstance(run.microstates["Li+"].shells.atom, np.memmap)
    np.testing.assert_array_equal(run.paths.position, reference.paths.position)
    assert_identical(run.results, reference.results)
    assert_identical(run.plain(), reference.plain())
    loaded = mda_ionmech.load(run.save(tmp_path / "stored.nc"))
    assert_identical(loaded, mda_ionmech.load(reference.save(tmp_path / "memory.nc")))


@pytest.mark.slow
def test_what_a_run_is_asked_afterwards_on_disk(on_disk):
    options = {"projection": "vehicle", "resolutions": None}
    there, here = liquid(**options, **on_disk).run(stop=STOP), liquid(**options).run(stop=STOP)
    found, expected = there.macrostates["Li+"], here.macrostates["Li+"]
    assert isinstance(found.state, np.memmap)
    for name in ("state", "composition"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    for name in ("vehicularity", "residence_times", "channel_rates", "exponents"):
        assert getattr(there, name)().equals(getattr(here, name)()), name
    atoms = {"members": "atoms"}
    assert there.residence_times(**atoms).equals(here.residence_times(**atoms))
    chosen = {"persistence": [0.0, 6.0], "hysteresis": [0.0]}
    assert there.robustness(**chosen).equals(here.robustness(**chosen))
    events, same = there.events(8.0), here.events(8.0)
    np.testing.assert_array_equal(events.label, same.label)
    np.testing.assert_array_equal(events.flags, same.flags)
    assert_identical(there.relabelled(6.0), here.relabelled(6.0))


@pytest.mark.slow
@pytest.mark.parametrize("axes", ["xyz", "xz"])
def test_followed_ligands_on_disk(axes, on_disk):
    options = {"projection": "vehicle", "resolutions": None, "axes": axes}
    there, here = liquid(**options, **on_disk).run(stop=STOP), liquid(**options).run(stop=STOP)
    assert isinstance(there._finished("").gathered.ligand_paths[0], np.memmap)
    assert "vehicle" in there.results.tree.children
    assert_identical(there.results, here.results)
    assert_identical(there.plain(), here.plain())


@pytest.mark.slow
@pytest.mark.parametrize("count", ["types", "molecules"])
def test_shell_compositions_on_disk(count, on_disk):
    def run(**options):
        species = with_macrostates(liquid_species(), 0, ShellComposition(count))
        return liquid(species=species, resolutions=None, **options).run(stop=STOP)

    there, here = run(**on_disk), run()
    np.testing.assert_array_equal(there.macrostates["Li+"].state, here.macrostates["Li+"].state)
    assert_identical(there.results, here.results)


def test_paired_anions_on_disk(on_disk):
    def run(**options):
        species = with_macrostates(liquid_species(), 1, IonPairing())
        return liquid(species=species, resolutions=None, **options).run(stop=STOP)

    there, here = run(**on_disk), run()
    for name in ("Li+", "TFSI-"):
        one, other = there.macrostates[name], here.macrostates[name]
        np.testing.assert_array_equal(one.composition, other.composition)
    assert_identical(there.results, here.results)


@pytest.mark.slow
def test_axes_and_backends_on_disk(on_disk):
    options = {"axes": "xz", "resolutions": None}
    there = liquid(**options, **on_disk).run(stop=STOP, backend="multiprocessing", n_workers=2)
    assert_identical(there.results, liquid(**options).run(stop=STOP).results)


@pytest.mark.slow
@pytest.mark.parametrize("assignment", ["core", "nearest"])
def test_sites_on_disk(assignment, on_disk):
    def run(**options):
        universe = datasets.crystal()
        sites = SiteAssignment.from_cif(
            datasets.path("crystal") / "llzo.cif", species="Li",
            framework=universe.select_atoms("element Zr"), assignment=assignment, r_core=0.6,
        )  # fmt: skip
        lithium = IonSpecies(
            universe.select_atoms("element Li"), charge=1, name="Li+", microstates=sites,
            events=CrystalEvents(), macrostates=SiteType(),
        )  # fmt: skip
        chosen = {"temperature": 800, "windows": [0.4], "resolutions": [0.2], "horizons": [0.4]}
        return OnsagerDecomposition([lithium], **chosen, **options).run(stop=200)

    there, here = run(**on_disk), run()
    assert_identical(there.results, here.results)
    assert there.hops(0.4).equals(here.hops(0.4))
    for name in ("residence_times", "channel_rates"):
        assert getattr(there, name)().equals(getattr(here, name)()), name


@pytest.mark.slow
@pytest.mark.parametrize("linking", ["chain", "distance"])
def test_species_that_are_labelled_together_on_disk(linking, on_disk, tmp_path):
    how = {"linking": linking, "distance": None if linking == "chain" else 1.0}
    rules = [CrystalEvents(**how), CrystalEvents(**how, detail="channel")]
    there = rows_of_two_species(rules, axes="xz", **on_disk).run()
    assert isinstance(there.paths.position, np.memmap)
    (linked,) = there._finished("").record.linked.values()
    assert isinstance(linked.history.occupied.value, np.memmap)
    here = rows_of_two_species(rules, axes="xz").run()
    assert_identical(there.results, here.results)
    assert float(here.results.decomposition["multi_fraction_circular"].max()) > 0
    for species in "LN":
        assert there.hops(3.0, species=species).equals(here.hops(3.0, species=species))
        one, other = (run.events(3.0, species=species) for run in (there, here))
        np.testing.assert_array_equal(one.label, other.label)
        np.testing.assert_array_equal(one.flags, other.flags)
        lengths = {"resolution": 2.0, "horizon": 6.0, "species": species}
        assert there.path_parts(**lengths).equals(here.path_parts(**lengths))
        assert there.rate_control(species=species).equals(here.rate_control(species=species))
    saved = [run.save_states(tmp_path / "a.states.npz", 2.0).read_bytes() for run in (there, here)]
    assert saved[0] == saved[1]


@pytest.mark.slow
def test_a_store_is_read_again_without_reading_frames(reference, tmp_path):
    store = tmp_path / "run.store"
    first = liquid(store=store).run(stop=STOP)
    assert_identical(first.results, reference.results)
    second = liquid(store=str(store))
    second._single_frame = None  # a frame that was read would fail
    assert_identical(second.run(stop=STOP).results, reference.results)
    other = liquid(store=store, persistence=5.0, windows=[2.0], temperature=300)
    other._single_frame = None
    found = other.run(stop=STOP).results
    plain = liquid(persistence=5.0, windows=[2.0], temperature=300).run(stop=STOP).results
    assert_identical(found, plain)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stop": STOP - 1}, r"frames.all .*frames.last \(399 there, 398 here\)"),
        ({"unwrap": True}, r"unwrap \(auto there, True here\)"),
        ({"frame": "laboratory"}, "reference.frame"),
    ],
)
def test_a_store_of_something_else_is_refused(change, message, tmp_path):
    liquid(store=tmp_path / "run.store").run(stop=STOP)
    stop = change.pop("stop", STOP)
    with pytest.raises(InputError, match=rf"other settings: .*{message}.*or delete this one"):
        liquid(store=tmp_path / "run.store", **change).run(stop=stop)


def test_what_is_no_store_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is no store of a run; give another folder"):
        liquid(store=tmp_path / "folder").run(stop=STOP)
    with pytest.raises(InputError, match="is a file; give the path of a folder"):
        liquid(store=tmp_path / "folder" / "mine.txt").run(stop=STOP)
    (tmp_path / "older").mkdir()
    (tmp_path / "older" / "zarr.json").write_text("{}")
    with pytest.raises(InputError, match="it is of an earlier version, which ignored changes"):
        liquid(store=tmp_path / "older").run(stop=STOP)
    with pytest.raises(InputError, match="does not exist or is not writable"):
        liquid(store=tmp_path / "missing" / "run.store").run(stop=STOP)
    with pytest.raises(InputError, match="store must be the path of a folder"):
        liquid(store=7)
    assert (tmp_path / "folder" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("given", "expected"),
    [("4GB", 4 * 10**9), ("500 MB", 5 * 10**8), ("1.5gb", 1_500_000_000), (None, None)],
)
def test_budgets(given, expected):
    assert check_memory(given) == expected


@pytest.mark.parametrize("given", ["4", "lots", "-1GB", "10kB", "1..GB", 4])
def test_budgets_that_are_none(given):
    with pytest.raises(InputError, match="memory must be a size of 1 MB or more"):
        check_memory(given)


def test_parts_stay_within_the_budget_and_lose_little_when_stopped():
    for n_carriers, n_frames, budget in (
        (10, 10, 10**9),
        (10**4, 10**5, 10**9),
        (10**6, 50, 10**8),
    ):
        frames = part_size(n_carriers, n_frames, budget)
        assert 1 <= frames <= n_frames
        assert frames == 1 or 24 * frames * n_carriers <= budget / 8
        assert n_frames / frames >= min(n_frames, 25)
        with_workers = part_size(n_carriers, n_frames, budget, 7)
        assert with_workers == 1 or 8 * 24 * with_workers * n_carriers <= budget / 4


def test_windows_that_are_worked_on_at_once_fit_what_is_spare(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert threads(n_frames=1000, n_rows=5, spare=SPARE_BYTES) == 8
    assert threads(n_frames=10**6, n_rows=5, spare=SPARE_BYTES + 8 * 100 * 10**6) == 2
    assert threads(n_frames=10**6, n_rows=5, spare=10**6) == 1


SCRIPT = """
import sys, time
from tests.test_store import liquid, STOP
from mda_ionmech.trajectory.run_store import RunStore

save = RunStore.save
def slow(*args):  # time to be killed in, before and after a part is whole
    time.sleep(0.02)
    save(*args)
    time.sleep(0.02)
RunStore.save = slow
liquid(store=sys.argv[1], resolutions=None).run(stop=STOP)
"""


@pytest.mark.slow
def test_a_run_killed_at_ten_random_moments_ends_with_the_same_bits(reference, tmp_path):
    rng = np.random.default_rng(11)
    store = tmp_path / "run.store"
    done, killed = [], 0
    while killed < 10:
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(store)])
        deadline = time.monotonic() + 120
        before = done[-1] if done else 0
        while process.poll() is None and parts(store) <= before:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.08))
        assert process.poll() is None, "killed too late to tell"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed += 1
        done.append(parts(store))
    assert done == sorted(done)
    assert 10 <= done[-1] < 50
    run = liquid(store=store).run(stop=STOP)
    assert_identical(run.results, reference.results)


def parts(store):
    folder = store / "parts"
    return len(list(folder.glob("[0-9]*.npz"))) if folder.is_dir() else 0


def folders_in(store):
    return sorted(p.name for p in store.iterdir() if p.name.startswith((".", "ionmech-")))


def everything(run):
    """What a run answers from what it keeps on disk."""
    results = run.results
    return [
        results.summary(8.0), results.states.load(), results.shells.load(),
        run.events(8.0).label, run.events(8.0).flags, run.plain().summary(8.0),
        run.relabelled(6.0).summary(8.0), run.residence_times(), run.channel_rates(),
        run.microstates["Li+"].state, run.macrostates["Li+"].state, np.array(run.paths.position),
        run.vehicularity(), run.robustness(persistence=[0.0]), results.settings,
    ]  # fmt: skip


def assert_all_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
        elif isinstance(one, dict):
            assert one == other
        elif isinstance(one, xr.Dataset):
            xr.testing.assert_identical(one, other)
        else:
            assert one.equals(other)


@pytest.mark.slow
@pytest.mark.parametrize("budget", [None, "1MB"])
def test_a_second_run_with_the_same_store_leaves_the_first(budget, on_disk, tmp_path):
    there = tmp_path / "run.store"
    options = {"store": there, "memory": budget, "projection": "vehicle", "resolutions": None}
    first = liquid(persistence=0.0, **options).run(stop=STOP)
    told = everything(first)
    lazy = first.results.states
    # other persistence, other windows, another budget
    second = liquid(persistence=40.0, **options | {"windows": [4.0], "memory": "1MB"})
    second.run(stop=STOP)
    assert not second.results.summary(4.0).equals(first.results.summary(8.0))
    assert_all_equal(everything(first), told)
    xr.testing.assert_identical(lazy.load(), told[1])
    # nor does the end of the second
    del second
    gc.collect()
    assert_all_equal(everything(first), told)


@pytest.mark.slow
def test_what_results_with_other_filters_wrote_goes_with_them(on_disk, tmp_path):
    there = tmp_path / "run.store"
    run = liquid(store=there, resolutions=None, **on_disk).run(stop=STOP)
    (folder,) = folders_in(there)

    def inside():
        gc.collect()
        return sorted(p.name for p in (there / folder).iterdir())

    before = inside()
    for _ in range(2):
        run.relabelled(6.0)
    run.robustness(persistence=[0.0, 6.0])
    run.residence_times()
    run.events(8.0)
    assert inside() == before
    kept = run.plain()
    state = kept.states["microstate"]
    expected = state.values.copy()
    assert len(inside()) > len(before)
    # an array keeps its file, its results and their run do not matter
    del kept
    gc.collect()
    np.testing.assert_array_equal(state.values, expected)
    del state
    assert inside() == before
    del run
    gc.collect()
    assert folders_in(there) == []


@pytest.mark.slow
def test_a_dataset_outlives_its_run(on_disk, tmp_path):
    options = {"store": tmp_path / "run.store", "resolutions": None} | on_disk
    states = liquid(**options).run(stop=STOP).results.states
    expected = liquid(resolutions=None).run(stop=STOP).results.states
    gc.collect()
    xr.testing.assert_identical(states.load(), expected)


@pytest.mark.slow
def test_temporary_stores_go_with_their_run(on_disk, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = liquid(resolutions=None, **on_disk).run(stop=STOP)
    results, plain = run.results, run.plain()
    (made,) = tmp_path.iterdir()
    del run
    gc.collect()
    assert results.states["event"].values.shape == plain.states["event"].values.shape
    assert made.is_dir()
    del results, plain
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_store_that_is_gone_is_not_read_as_zeros(how, on_disk, tmp_path):
    there = tmp_path / "run.store"
    options = {"store": there, "resolutions": None} | on_disk
    first = liquid(**options).run(stop=STOP)
    expected = liquid(resolutions=None).run(stop=STOP)
    shutil.rmtree(there)
    if how == "replaced":
        second = liquid(**options).run(start=STOP, stop=2 * STOP)
        assert second.results.states["event"].values.any()
    # files that were open stay, nothing new can be made
    assert_identical(first.results, expected.results)
    np.testing.assert_array_equal(first.paths.position, expected.paths.position)
    np.testing.assert_array_equal(first.events().label, expected.events().label)
    assert_identical(mda_ionmech.load(first.save(tmp_path / "late.nc")), expected.results)
    with pytest.raises(InputError, match=r"the folder .* cannot take .*: it was removed"):
        first.plain()


def test_a_store_that_is_removed_while_frames_are_read_is_said(tmp_path, monkeypatch):
    store = tmp_path / "run.store"
    save = RunStore.save

    def removed(self, number, *rest):
        if number == 2:
            shutil.rmtree(store)
        save(self, number, *rest)

    monkeypatch.setattr(RunStore, "save", removed)
    with pytest.raises(InputError, match="was removed while a run was writing to it"):
        liquid(store=store).run(stop=STOP)


@pytest.mark.slow
def test_what_a_killed_process_left_is_removed_by_the_next_run(on_disk, tmp_path):
    there = tmp_path / "run.store"
    script = f"""
import os, signal
from mda_ionmech.lib.arrays_on_disk import ArrayFolder, new_array
from pathlib import Path
folder = ArrayFolder(Path({str(there)!r}))
array = new_array(1000, "f8", folder)
os.kill(os.getpid(), signal.SIGKILL)
"""
    options = {"store": there, "resolutions": None} | on_disk
    run = liquid(**options).run(stop=STOP)
    (mine,) = folders_in(there)
    subprocess.run([sys.executable, "-c", script], check=False)
    (there / "parts" / ".000003.npz.tmp").write_bytes(b"0" * 1000)
    (there / ".manifest.json.tmp").write_bytes(b"0" * 1000)
    assert len(folders_in(there)) == 3
    again = liquid(**options).run(stop=STOP)
    assert len(folders_in(there)) == 2
    assert mine in folders_in(there)
    assert not list(there.rglob(".*"))
    assert_identical(again.results, run.results)


@pytest.mark.slow
@pytest.mark.parametrize("budget", [None, "1MB"])
def test_what_an_earlier_run_gave_does_not_travel_to_workers(budget, on_disk, monkeypatch):
    sent = []
    parts = ProcessParts.parts

    def measured(self, read, computations):
        sent.append(len(pickle.dumps(read)))
        return parts(self, read, computations)

    monkeypatch.setattr(ProcessParts, "parts", measured)
    run = liquid(resolutions=None, memory=budget)
    for _ in range(2):
        run.run(stop=STOP, backend="multiprocessing", n_workers=2)
    assert sent[1] < sent[0] + 20_000
