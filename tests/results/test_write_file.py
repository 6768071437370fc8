"""Large arrays are written piece by piece and stay in the file: nothing else is different."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import mda_ionmech
from mda_ionmech.results import load_file, write_file
from mda_ionmech.results.states_file import write_archive


@pytest.fixture
def large(monkeypatch):
    """Everything that can be is written in pieces and read when it is used."""
    monkeypatch.setattr(write_file, "LARGE", 100)
    monkeypatch.setattr(write_file, "PIECE", 5000)
    monkeypatch.setattr(load_file, "IN_FILE", 1000)


@pytest.mark.slow
def test_a_file_written_in_pieces_holds_the_same(liquid_run, tmp_path, large, monkeypatch):
    path = liquid_run.save(tmp_path / "pieces.nc")
    lazy = mda_ionmech.load(path)
    assert not isinstance(lazy.tree["states"]["event"].variable._data, np.ndarray)
    monkeypatch.undo()
    whole = mda_ionmech.load(liquid_run.save(tmp_path / "whole.nc"))
    xr.testing.assert_identical(lazy.tree, whole.tree)
    assert lazy.summary().equals(whole.summary())
    assert lazy.states.equals(whole.states)
    for node in whole.tree.subtree:
        for name, one in node.to_dataset(inherit=False).variables.items():
            other = lazy.tree[node.path].to_dataset(inherit=False).variables[name]
            assert one.dtype == other.dtype
            assert ("_FillValue" in one.encoding) == ("_FillValue" in other.encoding), name
    # the file may be replaced while it is open
    again = mda_ionmech.load(lazy.save(path))
    xr.testing.assert_identical(again.tree, whole.tree)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["other", "shorter", "zeros"])
def test_what_is_left_in_a_file_that_changed_is_not_believed(liquid_run, tmp_path, large, how):
    """A file that was verified when it was loaded may be written over before it is read."""
    path = liquid_run.save(tmp_path / "large.nc")
    lazy = mda_ionmech.load(path)
    expected = lazy.states["displacement"].isel(frame=3).values
    size = path.stat().st_size
    with open(path, "r+b") as file:
        if how == "shorter":
            file.truncate(size // 2)
        else:
            file.seek(size // 4)
            file.write(bytes(size // 4) if how == "zeros" else file.read(size // 4)[::-1])
    with pytest.raises(mda_ionmech.InputError, match=r"large\.nc was changed after it was loaded"):
        np.asarray(lazy.states["displacement"].values)
    # a file that replaces it is another one: what was loaded is still there
    again = mda_ionmech.load(liquid_run.save(path))
    liquid_run.save(path)
    path.unlink()
    np.testing.assert_array_equal(again.states["displacement"].isel(frame=3).values, expected)


def test_an_archive_is_what_numpy_reads(tmp_path, monkeypatch):
    monkeypatch.setattr("mda_ionmech.results.states_file.PIECE", 50)
    arrays = {
        "one": np.arange(30, dtype=np.int16).reshape(10, 3),
        "none": np.empty((0, 4)),
        "number": np.array(3.5),
        "text": np.array(["a", "bcd"]),
        "turned": np.arange(12.0).reshape(3, 4).T,
    }
    write_archive(str(tmp_path / "a.npz"), arrays)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        assert found.files == list(arrays)
        for name, values in arrays.items():
            np.testing.assert_array_equal(found[name], values)
            assert found[name].dtype == values.dtype
            assert found[name].shape == values.shape


@pytest.mark.parametrize("shape", [(6, 9), (60, 300)])
def test_a_table_named_like_its_dimension_is_written_with_what_shares_it(tmp_path, large, shape):
    rng = np.random.default_rng(0)
    windows = xr.Dataset(
        {
            "origins": ("sub_block", rng.random(shape[0])),
            "transition_number": (("sub_block", "transition"), rng.random(shape)),
            "transition": (("sub_block", "transition"), rng.random(shape)),
        }
    )
    blocks = xr.Dataset({"transition_start": ("transition", np.arange(shape[1]))})
    tree = xr.DataTree(blocks, children={"windows": xr.DataTree(windows)})
    write_file.write_netcdf(tree, str(tmp_path / "blocks.nc"))
    with xr.open_datatree(tmp_path / "blocks.nc", engine="netcdf4") as found:
        for node in found.subtree:
            assert node.attrs.pop("checksum").startswith("blake2b ")
        xr.testing.assert_identical(found.load(), tree)


TWICE = """
import sys
import mda_ionmech
from mda_ionmech.results import load_file
load_file.IN_FILE = 1000
first = mda_ionmech.load(sys.argv[1])
second = mda_ionmech.load(sys.argv[1])
first = mda_ionmech.load(sys.argv[1])
assert float(first.states.displacement.sum()) == float(second.states.displacement.sum())
try:
    mda_ionmech.combine([sys.argv[1]] * 2)
except mda_ionmech.InputError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_file_with_large_groups_is_loaded_while_it_is_open(liquid_run, tmp_path):
    path = liquid_run.save(tmp_path / "large.nc")
    # in a process of its own, which a fault of the libraries would end
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TWICE, str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "one and the same run" in done.stdout
