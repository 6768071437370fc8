"""A store is believed as long as it is what was written: damage, other trajectories, other runs."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib import file_lock
from mda_ionmech.lib.arrays_on_disk import LOCK, PREFIX, ArrayFolder
from mda_ionmech.lib.file_lock import FileLock
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.trajectory import run_store
from mda_ionmech.trajectory.run_store import RunStore, frame_digest, part_size

from ..builders import make_universe

N, F = 12, 300


def frames(n_frames=F):
    """Ions that walk, each with three ligands that come and go."""
    rng = np.random.default_rng(5)
    start = rng.uniform(0, 40, (N, 3))
    walk = start + np.cumsum(rng.normal(scale=0.2, size=(n_frames, N, 3)), axis=0)
    apart = 2.5 + 0.5 * np.sin(np.arange(n_frames)[:, None, None] / 7 + np.arange(3 * N))[..., None]
    direction = np.eye(3)[np.arange(3 * N) % 3]
    ligands = np.repeat(walk, 3, axis=1) + (apart.reshape(n_frames, 3 * N, 1) * direction)
    return np.concatenate([walk, ligands], axis=1)


def analysis(positions=None, **options):
    positions = frames() if positions is None else positions
    u = make_universe(positions, (60, 60, 60, 90, 90, 90), names=["C"] * N + ["S"] * 3 * N)
    shell = CutoffShell(2.5, hysteresis=0.3, solvent=u.select_atoms("name S"))
    ions = IonSpecies(
        u.select_atoms("name C"), charge=1, name="ion", microstates=shell, events=SolvationEvents()
    )
    options = {"windows": [1.0, 4.0], "resolutions": None, "frame": "laboratory"} | options
    return OnsagerDecomposition([ions], temperature=300.0, **options)


def run(positions=None, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="charges of the listed species")
        warnings.filterwarnings("ignore", message=".*laboratory")
        return analysis(positions, **options).run()


@pytest.fixture(scope="module")
def expected():
    return run().results


def assert_same(results, expected):
    for name in ("onsager", "onsager_low", "share", "event_count"):
        one, other = results.decomposition[name], expected.decomposition[name]
        np.testing.assert_array_equal(one.values, other.values)
    for name, values in expected.states.data_vars.items():
        np.testing.assert_array_equal(results.states[name].values, values.values)


def part(store, number):
    return store / "parts" / f"{number:06d}.npz"


def cut(store):
    path = part(store, 7)
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])


def emptied(store):
    part(store, 7).write_bytes(b"")


def zeroed(store):
    path = part(store, 7)
    content = bytearray(path.read_bytes())
    content[1000:1400] = bytes(400)
    path.write_bytes(bytes(content))


def neighbour(store):
    shutil.copy(part(store, 8), part(store, 7))


def missing(store):
    part(store, 7).unlink()


def of_other_frames(store):
    """A part and all that is said of it, of other frames."""
    shutil.copy(part(store, 8), part(store, 7))
    manifest = json.loads((store / "manifest.json").read_text())
    manifest["parts"][7] = manifest["parts"][8]
    rewrite(store, manifest)


def no_archive(store):
    write_part(store, b"no archive at all")


CHANGES = {
    "missing": lambda arrays, name: arrays.pop(name),
    "type": lambda arrays, name: arrays.update({name: arrays[name].astype("f2")}),
    "longer": lambda arrays, name: arrays.update(
        {name: np.append(arrays[name], arrays[name][:1], 0)}
    ),
    "dimensions": lambda arrays, name: arrays.update({name: arrays[name][None]}),
    "text": lambda arrays, name: arrays.update({name: np.array(["a"])}),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore")
def test_parts_of_another_form_with_checksums_of_their_own_are_read_again(
    change, expected, tmp_path
):
    store = tmp_path / "run.store"
    run(store=store)
    with np.load(part(store, 7)) as archive:
        names = [name for name in archive.files if name != "frames"]
    assert {"times", "steps", "contacts_0.begin", "tally_0"} < {*names}
    damaged = dict(enumerate(names, start=7))
    for number, name in damaged.items():
        forge(store, number, lambda arrays, name=name: CHANGES[change](arrays, name))
    for number, name in enumerate(["more", "steps.more", "contacts_1.begin"], start=2):
        forge(store, number, lambda arrays, name=name: arrays.update({name: np.zeros(3)}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert_same(analysis(store=store).run().results, expected)
    said = [str(one.message) for one in caught if "read again" in str(one.message)]
    assert len(said) == len(names) + 3
    for name, text in zip(names, said[3:], strict=True):
        assert name in text or "contacts_0" in text or "cannot be read" in text


@pytest.mark.parametrize("sample", [[], [[10**30, 1]], [[300, 1]], [[-(10**6), 1]], [[42, 1]]])
@pytest.mark.filterwarnings("ignore:charges", "ignore:.*laboratory")
def test_a_part_that_is_identified_by_other_frames_is_read_again(sample, expected, tmp_path):
    store = tmp_path / "run.store"
    run(store=store)
    manifest = json.loads((store / "manifest.json").read_text())
    manifest["parts"][7]["sample"] = sample
    rewrite(store, manifest)
    with pytest.warns(UserWarning, match="frames 42 to 47 are read again.*that identify it"):
        assert_same(run(store=store).results, expected)


def forge(store, number, change):
    """Change the arrays of a part, with the checksum of these."""
    with np.load(part(store, number)) as archive:
        arrays = dict(archive)
    change(arrays)
    file = io.BytesIO()
    np.savez(file, **arrays)
    write_part(store, file.getvalue(), number)


def without_times(store):
    file = io.BytesIO()
    np.savez(file, frames=np.arange(42, 48))
    write_part(store, file.getvalue())


def write_part(store, content, number=7):
    """Put other bytes in place of a part, with the checksum of these."""
    part(store, number).write_bytes(content)
    manifest = json.loads((store / "manifest.json").read_text())
    manifest["parts"][number] |= {"bytes": len(content), "crc32": zlib.crc32(content)}
    rewrite(store, manifest)


def rewrite(store, manifest):
    from mda_ionmech.lib.files import checksum_of_content

    manifest["checksum"] = checksum_of_content(manifest)
    (store / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (cut, r"its file has \d+ bytes of \d+"),
        (emptied, r"its file has 0 bytes of \d+"),
        (zeroed, "its file was changed"),
        (neighbour, "its file was changed|its file has"),
        (missing, "its file is missing"),
        (of_other_frames, "it holds other frames"),
        (no_archive, "its file cannot be read"),
        (without_times, "its file cannot be read"),
    ],
)
def test_a_damaged_part_is_read_again_and_said(damage, why, expected, tmp_path):
    store = tmp_path / "run.store"
    run(store=store)
    damage(store)
    again = analysis(store=store)
    read = []
    single = again._single_frame
    again._single_frame = lambda: (read.append(again._ts.frame), single())[1]
    with pytest.warns(UserWarning, match=f"frames 42 to 47 are read again.*{why}"):
        again.run()
    assert read == list(range(42, 48))
    assert_same(again.results, expected)
    assert any("frames 42 to 47 are read again" in text for text in again.results.warnings)
    whole = analysis(store=store)
    whole._single_frame = None  # a frame that was read would fail
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert_same(whole.run().results, expected)
    assert not [w for w in caught if "read again" in str(w.message)], "the part is whole"


def test_a_trajectory_that_changed_in_the_middle_is_another_one(tmp_path):
    store = tmp_path / "run.store"
    run(store=store)
    positions = frames()
    positions[100:200, :N] += 0.1
    with pytest.raises(InputError, match=r"another trajectory or other settings: .*frames_between"):
        run(positions, store=store)


def test_frames_that_changed_where_parts_are_sampled_are_read_again(tmp_path, monkeypatch):
    # the frames that tell trajectories apart miss the change
    monkeypatch.setattr("mda_ionmech.analysis.stored_parts.FRAMES_BETWEEN", 2)
    store = tmp_path / "run.store"
    run(store=store)
    positions = frames()
    positions[42:48, :N] += 0.1
    with pytest.warns(UserWarning, match="read again") as caught:
        found = run(positions, store=store)
    # the first step of the next part begins in a frame that changed
    said = [str(w.message) for w in caught if "read again" in str(w.message)]
    assert [text.partition(": ")[2][:15] for text in said] == ["frames 42 to 47", "frames 48 to 53"]
    assert "frame 42 of the trajectory has changed" in said[0]
    assert_same(found.results, run(positions).results)


def test_a_manifest_that_was_changed_or_is_none_is_one_error(tmp_path):
    store = tmp_path / "run.store"
    run(store=store)
    file = store / "manifest.json"
    good = file.read_text()
    manifest = json.loads(good)
    cases = {
        "": "cannot be read",
        good[: len(good) // 2]: "cannot be read",
        "[]": "no store of a run in the format",
        "{}": "cannot be read .'format'",
        json.dumps({"format": manifest["format"]}): "was changed after it was written",
        json.dumps(manifest | {"part_frames": 7}): "was changed after it was written",
        json.dumps(manifest | {"parts": manifest["parts"][:3]}): "was changed after it was",
        json.dumps({k: v for k, v in manifest.items() if k != "origin"}): "was changed after",
        json.dumps(manifest | {"format": "ionmech-run/1"}): "no store of a run in the format",
        "\x00\xff": "cannot be read",
        "[" * 100_000: "cannot be read",
        '{"format": ' * 100_000: "cannot be read",
    }
    for text, message in cases.items():
        file.write_text(text)
        with pytest.raises(InputError, match=message) as caught:
            RunStore.open(store, manifest["origin"], 6)
        assert str(store) in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        run(store=store)
    whole, parts = json.loads(good), manifest["parts"]
    for change in (
        {"parts": None}, {"parts": {}}, {"parts": [7]}, {"parts": [{}, *parts[1:]]},
        {"parts": [{k: v for k, v in parts[0].items() if k != "crc32"}]},
        {"parts": [parts[0] | {"sample": [[1]]}]},
        {"parts": [parts[0] | {"sample": [["a", None]]}]}, {"part_frames": 0}, {"part_frames": "6"},
        {"origin": None},
    ):  # fmt: skip
        rewrite(store, whole | change)
        with pytest.raises(InputError, match=r"manifest\.json was changed after it was"):
            RunStore.open(store, whole["origin"], 6)
    file.unlink()
    with pytest.raises(InputError, match=r"is no store of a run: manifest\.json is missing; give"):
        RunStore.open(store, whole["origin"], 6)
    file.symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"manifest\.json is missing; give"):
        RunStore.open(store, whole["origin"], 6)
    file.unlink()
    file.write_text(good)
    run(store=store)


@pytest.mark.slow
def test_folders_in_place_of_the_files_of_a_store_are_said_and_left(expected, tmp_path):
    """Of temporary files, of parts, of the folder of the parts, which a run does not remove."""
    store = tmp_path / "run.store"
    run(store=store)
    (store / "parts" / ".000003.npz.tmp").mkdir()
    assert_same(run(store=store).results, expected)
    part(store, 7).unlink()
    (store / "parts" / ".000007.npz.tmp").mkdir()
    with (
        pytest.warns(UserWarning, match="frames 42 to 47 are read again"),
        pytest.raises(InputError, match=r"cannot be written to: Is a directory"),
    ):
        run(store=store)
    shutil.rmtree(store / "parts")
    with pytest.warns(UserWarning, match="read again"):
        assert_same(run(store=store).results, expected)
    shutil.rmtree(store / "parts")
    (store / "parts").touch()
    with pytest.raises(InputError, match=r"no folder .*parts can be made \(File exists\)"):
        run(store=store)


OTHER = """
import sys
from pathlib import Path
from mda_ionmech.trajectory import run_store
from mda_ionmech.trajectory.run_store import RunStore
store = RunStore.open(Path(sys.argv[1]), {}, 5)
print("open", flush=True)
sys.stdin.read()
"""


def test_one_process_at_a_time(tmp_path):
    store = tmp_path / "run.store"
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(store)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "open\n"
        with pytest.raises(InputError, match="is in use by another run"):
            RunStore.open(store, {}, 5)
        process.kill()
    # a dead process holds nothing
    mine = RunStore.open(store, {}, 5)
    with pytest.raises(InputError, match="is in use by another run"):
        RunStore.open(store, {}, 5)
    assert FileLock.take(store / "in-use.lock") is None
    mine.close()
    mine.close()
    RunStore.open(store, {}, 5).close()


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch):
    def without(descriptor):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(file_lock, "_lock", without)
    with pytest.raises(InputError, match="cannot be written to: No locks available; give another"):
        RunStore.open(tmp_path / "run.store", {}, 5)


def test_a_part_that_may_not_be_read_is_read_again(expected, tmp_path, monkeypatch):
    store = tmp_path / "run.store"
    run(store=store)
    known, asked = run_store.checksum, []

    def refused(path):
        asked.append(path.name)
        if path.name == "000003.npz" and asked.count(path.name) == 1:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return known(path)

    monkeypatch.setattr(run_store, "checksum", refused)
    again = analysis(store=store)
    with pytest.warns(UserWarning, match=r"again.*its file cannot be read \(Permission denied"):
        again.run()
    assert_same(again.results, expected)


@pytest.mark.filterwarnings("ignore")
def test_molecules_with_other_bonds_are_another_store(tmp_path):
    """The same atoms in the same order, with bonds in a chain and in a star."""

    def molecules(bonds):
        u = make_universe(
            frames()[:, :9], (60, 60, 60, 90, 90, 90), names=["C"] * 9, masses=[12.0] * 9
        )
        u.add_TopologyAttr("bonds", [(k + i, k + j) for k in (0, 3, 6) for i, j in bonds])
        ions = IonSpecies(u.atoms, charge=1, name="ion", compound="fragments")
        options = {"temperature": 300.0, "frame": "laboratory", "windows": [1.0]}
        return OnsagerDecomposition([ions], store=tmp_path / "run.store", **options)

    molecules([(0, 1), (1, 2)]).run()
    molecules([(0, 1), (1, 2)]).run()
    with pytest.raises(InputError, match="with another trajectory or other settings: carriers"):
        molecules([(0, 1), (0, 2)]).run()


def test_a_run_that_fails_gives_the_store_back(tmp_path):
    store = tmp_path / "run.store"
    one = analysis(store=store)
    one._single_frame = None
    with pytest.raises(TypeError):
        one.run()
    run(store=store)
    with pytest.raises(InputError, match="unwrap"):
        run(store=store, unwrap=False)
    run(store=store)


def test_a_folder_that_is_empty_becomes_a_store(tmp_path):
    store = tmp_path / "run.store"
    store.mkdir()
    run(store=store)
    assert (store / "manifest.json").is_file()
    # a run that was killed before it wrote the manifest has left this
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "in-use.lock").touch()
    run(store=tmp_path / "other")


def test_a_disk_that_is_full_keeps_the_parts_that_are_whole(expected, tmp_path, monkeypatch):
    store = tmp_path / "run.store"
    with monkeypatch.context() as patch:

        def full(file, **arrays):
            file.write(b"half")
            raise OSError(28, "No space left on device")

        one = analysis(store=store)
        save = RunStore.save
        patch.setattr(
            RunStore, "save",
            lambda self, number, *rest: (
                patch.setattr(np, "savez", full) if number == 20 else None,
                save(self, number, *rest),
            ),
        )  # fmt: skip
        with pytest.raises(InputError, match="No space left on device; complete parts are kept"):
            one.run()
    assert len(list((store / "parts").glob("0*.npz"))) == 20
    again = run(store=store)
    assert not list(store.rglob(".*"))
    assert_same(again.results, expected)


def test_parts_fit_a_share_of_the_budget_and_are_fifty_at_least():
    # a quarter of 1 MB for one part that is read and one that waits: 125 000 bytes of 24 each
    assert part_size(10, 10**9, 1_000_000) == 520
    assert part_size(10, 10**9, 1_000_000, n_workers=4) == 208
    assert part_size(10, 5000, 10**9) == 100
    assert part_size(10, 5001, 10**9) == 101
    assert part_size(10, 20, 10**9) == 1
    assert part_size(10**6, 5000, 1000) == 1


def test_a_store_that_is_opened_again_names_what_differs(tmp_path):
    folder, long = tmp_path / "run.store", "x" * 60
    origin = {"a": {"b": 1, "c": long}, "d": [1, 2]}
    RunStore.open(folder, origin, 7).close()
    again = RunStore.open(folder, origin, 9)
    assert again.part_frames == 7
    assert again.sample(0) is None
    again.close()
    for other, named in (
        ({"a": {"b": 2, "c": long}, "d": [1, 2]}, r": a\.b \(1 there, 2 here\); give"),
        (
            {"a": {"b": 1, "c": "y" * 61}, "d": [1, 2]},
            rf"c \({long} there, {'y' * 57}\.\.\. here\)",
        ),
        ({"a": {"b": 1, "c": long}}, r": d \(\[1, 2\] there, None here\); give"),
    ):
        with pytest.raises(InputError, match=f"another trajectory or other settings.*{named}"):
            RunStore.open(folder, other, 7)


def test_places_where_no_store_can_be_are_refused(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(InputError, match="is a file; give the path of a folder"):
        RunStore.open(tmp_path / "file", {}, 1)
    with pytest.raises(InputError, match="does not exist or is not writable"):
        RunStore.open(tmp_path / "none" / "run.store", {}, 1)
    (tmp_path / "link").symlink_to(tmp_path / "none" / "run.store")
    with pytest.raises(InputError, match=r"no folder can be made there .*; give another path"):
        RunStore.open(tmp_path / "link", {}, 1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thing").write_text("")
    with pytest.raises(InputError, match="exists and is no store of a run; give another folder"):
        RunStore.open(tmp_path / "other", {}, 1)
    (tmp_path / "other" / "zarr.json").touch()
    with pytest.raises(InputError, match=r"in the present format: .* ignored changes of the cell;"):
        RunStore.open(tmp_path / "other", {}, 1)


def test_what_a_run_that_was_killed_left_half_written_is_removed(tmp_path):
    folder = tmp_path / "run.store"
    RunStore.open(folder, {}, 7).close()
    before = {path.name for path in folder.iterdir()}
    for path in (folder / ".manifest.json.tmp", folder / "parts" / ".000003.npz.tmp"):
        path.write_text("half")
    (folder / "parts" / "000002.npz").write_text("whole")
    used = ArrayFolder(folder)
    before.add(used.path.name)
    (folder / f"{PREFIX}arrays").mkdir()
    (folder / f"{PREFIX}arrays" / LOCK).touch()
    RunStore.open(folder, {}, 7).close()
    assert {path.name for path in folder.iterdir()} == before
    assert [path.name for path in (folder / "parts").iterdir()] == ["000002.npz"]


def test_a_file_is_on_disk_before_it_has_its_name_and_its_folder_after(tmp_path, monkeypatch):
    done = []
    replaced = os.replace

    def replace(one, other):
        done.append("named")
        replaced(one, other)

    monkeypatch.setattr(os, "fsync", lambda number: done.append("file"))
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(run_store, "sync", lambda path: done.append(path.name))
    RunStore.open(tmp_path / "run.store", {}, 7).close()
    assert done == ["file", "named", "run.store"]


def test_digests_tell_the_time_the_cell_and_the_coordinates():
    given = 1.5, np.eye(3), np.arange(6, dtype=np.float32)
    first = frame_digest(*given)
    assert frame_digest(1.5, np.eye(3, dtype=np.float32), given[2].copy()) == first
    for place, other in enumerate((2.5, 2 * np.eye(3), given[2] + 1)):
        changed = [*given]
        changed[place] = other
        assert frame_digest(*changed) != first
