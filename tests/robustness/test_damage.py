"""Damaged files: refused with one error that names the file, or read as they were written."""

import re
import resource
import shutil
import time
import warnings

import numpy as np
import pytest
import xarray as xr

from mda_ionmech import InputError, datasets, load
from mda_ionmech.cli.config import build_species, load_config
from mda_ionmech.results.checksums import bytes_are_right
from mda_ionmech.viewing.scene import open_states_file

from . import damage
from .table import FILES, Verdict
from .written import written

#: Longest time a file may take, s, and memory that none may take, bytes.
LONGEST, MOST_MEMORY = 10.0, 2**29


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return written(tmp_path_factory.mktemp("written"))


def read_result(path):
    return load(path).tree


def read_states_file(path):
    found = vars(open_states_file(path))
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in found.items()}


@pytest.mark.slow
def test_files_of_earlier_versions_are_held_against_themselves(files, tmp_path):
    """Without checksums the numbers are compared with one another; that is said in a warning."""
    old = tmp_path / "old.nc"
    shutil.copyfile(files["nc"], old)
    damage.forget_checksums(old)
    with pytest.warns(UserWarning, match="holds no checksum, because it is of an earlier version"):
        found = load(old)
    assert found.warnings[-1].startswith("the result file holds no checksum")
    assert found.decomposition.identical(load(files["nc"]).decomposition)
    for harm in damage.OLDER.values():
        path = damage.damaged(old, tmp_path / "m.nc", harm, 0)
        with pytest.raises(InputError, match=re.escape(str(path))):
            load(path)


@pytest.mark.slow
def test_a_file_that_another_program_wrote_anew_is_read(files, tmp_path):
    """The checksum of the bytes is gone, those of the contents hold."""
    expected = load(files["nc"]).tree
    with xr.open_datatree(files["nc"], engine="netcdf4") as tree:
        tree.load().to_netcdf(tmp_path / "again.nc", engine="netcdf4")
    assert bytes_are_right(str(files["nc"]))
    assert not bytes_are_right(str(tmp_path / "again.nc"))
    assert load(tmp_path / "again.nc").tree.identical(expected)


@pytest.fixture(scope="module")
def universe():
    return datasets.liquid()


def is_same(kind, found, expected):
    if kind == "nc":
        return found.identical(expected)
    return kind == "toml" or found == expected


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(FILES))
def test_damaged_files_are_refused_or_read_as_written(kind, files, tmp_path, universe):
    """None ends in another error, none is read as something else, none takes long."""

    def read_config(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            build_species(load_config(path), universe)

    read = {"nc": read_result, "npz": read_states_file, "toml": read_config}[kind]
    expected = read(files[kind])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wrong = []
    for place, (name, (harm, number)) in enumerate(FILES[kind].items()):
        verdict = Verdict()
        for seed in range(number):
            # libraries may keep a file open that they could not read: each has a name of its own
            path = tmp_path / f"{place}-{seed}.{kind}"
            damage.damaged(files[kind], path, harm, seed)
            began = time.monotonic()
            try:
                found = read(path)
            except (InputError, FileNotFoundError) as error:
                verdict.refused += 1
                named = kind == "toml" or str(path) in str(error)
                if not named or len(str(error)) > 6000:
                    wrong.append(f"{name} {seed}: {str(error)[:200]}")
            except Exception as error:
                wrong.append(f"{name} {seed}: {type(error).__name__}: {str(error)[:200]}")
            else:
                if is_same(kind, found, expected):
                    verdict.same += 1
                else:
                    wrong.append(f"{name} {seed}: read as something else")
            if time.monotonic() - began > LONGEST:
                wrong.append(f"{name} {seed}: took {time.monotonic() - began:.0f} s")
            path.unlink()
        assert verdict.refused + verdict.same + len(wrong) >= number
    assert not wrong, "\n".join(wrong)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert grown < MOST_MEMORY, f"memory grew by {grown / 2**20:.0f} MB"
