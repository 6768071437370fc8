"""Damaged saved runs: refused with one error that names the folder, or read as they were."""

import time

import numpy as np
import pytest

from mda_ionmech import InputError, load_run

from .damage_of_runs import RUNS, damaged
from .written import small_run

#: Longest CPU time a folder may take, s, kernels that are compiled for it included.
LONGEST = 10.0


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return small_run().save_run(tmp_path_factory.mktemp("saved") / "saved.run")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(RUNS))
def test_damaged_runs_are_refused_or_read_as_written(name, saved, tmp_path):
    """A manifest that was edited with its checksum may describe another run, and nothing else."""
    harm, number, is_told = RUNS[name]
    run = load_run(saved)
    expected = run.results.tree, run.residence_times()
    for seed in range(number):
        path = damaged(saved, tmp_path / f"{seed}.run", harm, seed)
        began, refused = time.process_time(), ""
        try:
            found = load_run(path)
        except InputError as error:
            refused = str(error)
        if refused:
            assert str(path) in refused
            assert len(refused) < 2000
        else:
            if is_told:
                assert found.results.tree.identical(expected[0])
                assert found.residence_times().equals(expected[1])
                np.testing.assert_array_equal(found.paths.position, run.paths.position)
        assert time.process_time() - began < LONGEST
