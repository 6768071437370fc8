"""Results find their trajectories and states again."""

import os
import shutil
from pathlib import Path

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, OnsagerDecomposition, datasets
from mda_ionmech.lib.topology import universe_files
from mda_ionmech.trajectory.open_files import open_files
from mda_ionmech.viewing.opened import open_for_viewing
from mda_ionmech.viewing.recorded_files import find_files, recorded_universe

from ..builders import make_universe
from ..conftest import liquid_species
from ..ovito_modifiers.builders import N_ATOMS, N_FRAMES, write_dump


@pytest.fixture
def project(tmp_path):
    """A folder with a trajectory, and the settings of a result made from it."""
    folder = tmp_path / "project"
    (folder / "md" / "out").mkdir(parents=True)
    write_dump(folder / "md" / "run.dump", shuffle=False)
    path = folder / "md" / "run.dump"
    universe = open_files(path, [path], {"elements": ["Li", "O"]})
    return folder, {
        "n_atoms": N_ATOMS,
        "n_frames_in_trajectory": N_FRAMES,
        "files": universe_files(universe),
    }


def test_files_are_found_where_they_were_with_their_options(project, tmp_path):
    folder, settings = project
    found = recorded_universe(settings, tmp_path / "elsewhere" / "run.nc")
    assert found.trajectory.filename == str(folder / "md" / "run.dump")
    assert set(found.atoms.elements) == {"Li", "O"}


@pytest.mark.parametrize("place", ["run.nc", "md/run.nc", "md/out/run.nc", "results/a/run.nc"])
def test_a_moved_project_finds_its_files(project, place):
    folder, settings = project
    moved = folder.with_name("moved")
    folder.rename(moved)
    found = recorded_universe(settings, moved / place)
    assert Path(found.trajectory.filename) == moved / "md" / "run.dump"


def test_several_files_are_taken_from_one_place(tmp_path):
    for name in ("old/top/a.gro", "old/md/1.xtc", "old/md/2.xtc"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    recorded = [str(tmp_path / "old" / n) for n in ("top/a.gro", "md/1.xtc", "md/2.xtc")]
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    os.remove(tmp_path / "old" / "md" / "2.xtc")
    found = find_files(recorded, tmp_path / "new" / "run.nc")
    assert found == [tmp_path / "new" / n for n in ("top/a.gro", "md/1.xtc", "md/2.xtc")]
    os.remove(tmp_path / "new" / "top" / "a.gro")
    with pytest.raises(InputError, match=r"2.xtc, not found there .* give the trajectory of the"):
        find_files(recorded, tmp_path / "new" / "run.nc")


def test_only_what_is_missing_after_a_move_is_named(project, tmp_path):
    folder, settings = project
    (folder / "md" / "top.gro").touch()
    settings["files"]["topology"] = str(folder / "md" / "top.gro")
    moved = folder.with_name("moved")
    folder.rename(moved)
    (moved / "md" / "run.dump").rename(moved / "md" / "production.dump")
    with pytest.raises(InputError, match=r"was made from \S*run.dump, not found there") as told:
        recorded_universe(settings, moved / "md" / "out" / "run.nc")
    assert "top.gro" not in str(told.value)


def test_options_that_a_file_cannot_hold_are_left_out(tmp_path):
    path = tmp_path / "run.dump"
    write_dump(path, shuffle=False)
    cell = np.array([20.0, 20.0, 20.0])
    found = universe_files(open_files(path, [path], {"elements": {1: "Li", 2: "O"}}))
    assert found["options"] == {"elements": {1: "Li", 2: "O"}}
    assert universe_files(open_files(path, [path], {"dimensions": cell}))["options"] == {}
    by_hand = mda.Universe(str(path), format="LAMMPSDUMP", topology_format="LAMMPSDUMP")
    assert universe_files(by_hand)["options"] == {
        "format": "LAMMPSDUMP", "topology_format": "LAMMPSDUMP",
    }  # fmt: skip


def test_files_that_have_changed_are_refused(project):
    folder, settings = project
    write_dump(folder / "md" / "run.dump", frames=4)
    with pytest.raises(InputError, match="have 4 frames now, but had 10 when they were analysed"):
        recorded_universe(settings, folder / "run.nc")


def test_without_files_the_options_are_named(project, tmp_path):
    folder, settings = project
    shutil.rmtree(folder)
    with pytest.raises(InputError, match=r"--topology FILE --trajectory FILE, or --config") as told:
        recorded_universe(settings, tmp_path / "run.nc")
    assert str(folder / "md" / "run.dump") in str(told.value)
    memory = {"files": universe_files(make_universe(np.zeros((3, 2, 3))))}
    with pytest.raises(InputError, match="made from coordinates in memory, so it names no files"):
        recorded_universe(memory, tmp_path / "run.nc")


def test_results_of_earlier_versions_find_files_beside_them(project):
    folder, settings = project
    old = settings | {"topology": "run.dump", "trajectory": "run.dump"}
    del old["files"]
    assert recorded_universe(old, folder / "md" / "run.nc").atoms.n_atoms == N_ATOMS


@pytest.mark.parametrize("name", datasets.list())
def test_shipped_trajectories_are_known_on_every_machine(name):
    files = universe_files(datasets.load(name))
    elsewhere = {
        "topology": files["topology"].replace(str(datasets.path(name).parents[1]), "/x/mda_ionmech")
    }
    found = recorded_universe({"files": files | elsewhere}, Path("/nowhere/run.nc"))
    assert len(set(found.atoms.elements)) > 1


@pytest.fixture(scope="module")
def short_run():
    """301 frames of the shipped liquid."""
    analysis = OnsagerDecomposition(
        liquid_species(datasets.liquid()),
        temperature=330.0,
        windows=[1.0, 16.0],
        resolutions=None,
        horizons=None,
    )
    return analysis.run(stop=301)


@pytest.mark.slow
def test_states_of_a_result_are_those_that_the_run_writes(short_run, tmp_path):
    """Without a states file beside it a result gives the states of its shortest window."""
    result = short_run.save(tmp_path / "liquid.nc")
    opened = open_for_viewing(result)
    assert opened.universe.atoms.n_atoms == 928
    written = short_run.save_states(tmp_path / "shortest.states.npz", 1.0)
    with np.load(opened.path) as ours, np.load(written) as theirs:
        assert set(ours) == set(theirs)
        for name in set(ours) - {"source", "checksum", "step"}:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    beside = short_run.save_states(tmp_path / "liquid.states.npz", 16.0)
    assert open_for_viewing(result).path == beside
    again = open_for_viewing(beside)
    assert (again.states.window_ps, again.results.settings["n_frames"]) == (16.0, 301)
    # every shell is that of the result
    shells = again.results.shells
    np.testing.assert_array_equal(again.states.shell_start, shells["start"].values)
    np.testing.assert_array_equal(again.states.shell_atom_id, shells["atom_id"].values)


@pytest.mark.slow
def test_states_of_another_run_are_not_taken_for_those_of_a_result(
    short_run, crystal_states, tmp_path
):
    result = short_run.save(tmp_path / "liquid.nc")
    shutil.copyfile(crystal_states, tmp_path / "liquid.states.npz")
    assert open_for_viewing(result).states.n_atoms == 928
    with pytest.raises(InputError, match=r"its result liquid.nc is not beside it; give the traj"):
        open_for_viewing(tmp_path / "liquid.states.npz")


def test_pooled_replicas_have_nothing_to_show(tmp_path):
    with pytest.raises(InputError, match="pools replicas and holds no states of single frames"):
        recorded_universe({"replicas": [{}, {}]}, tmp_path / "run.nc")
