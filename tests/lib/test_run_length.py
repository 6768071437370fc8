"""Runs written out and found again; sums of positions in blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.lib.arrays_on_disk import ArrayFolder, new_array
from mda_ionmech.lib.frame_blocks import origin_blocks
from mda_ionmech.lib.kernels import longer
from mda_ionmech.lib.run_length import gathered_runs, label_runs, runs_in_time
from mda_ionmech.onsager import collective_path
from mda_ionmech.trajectory.paths import to_cartesian, without_axes
from mda_ionmech.trajectory.unwrap import Places


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(1, 30), n=st.integers(1, 6))
def test_runs_are_the_states_and_begin_at_changes_alone(seed, n_frames, n):
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 3, (n_frames, n)).repeat(rng.integers(1, 4), axis=0)[:n_frames]
    runs = label_runs(state)
    np.testing.assert_array_equal(runs.dense().T, state)
    assert runs.n_changes == np.count_nonzero(state[1:] != state[:-1])
    assert runs.n_carriers == n
    first, last = sorted(rng.integers(0, n + 1, 2))
    some = runs.carriers(first, last)
    np.testing.assert_array_equal(some.dense().T, state[:, first:last])
    assert some.n_changes == np.count_nonzero(np.diff(state[:, first:last], axis=0))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 9))
def test_coordinates_and_back(seed, n):
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(9, 12, 3)) + rng.uniform(-1, 1, (3, 3))
    positions = rng.normal(scale=20, size=(20, 3)).astype(np.float32)
    atoms = rng.integers(0, 20, n)
    out = Places(positions.ravel(), atoms, np.linalg.inv(cell)).fractional
    np.testing.assert_allclose(out, positions[atoms] @ np.linalg.inv(cell), atol=1e-12)
    path = rng.normal(size=(n, 3, 7))
    expected = np.einsum("ckt,kx->cxt", path, cell)
    to_cartesian(path, cell)
    np.testing.assert_allclose(path, expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(1, 30), n=st.integers(1, 6))
def test_frames_of_runs_wherever_they_are(seed, n_frames, n):
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 3, (n_frames, n)).astype(np.int32)
    runs, middle = label_runs(state), n // 2
    folder = ArrayFolder()
    blocks = [runs.part(0, middle), runs.carriers(middle, n)]
    for found in (runs, gathered_runs(blocks, n_frames, folder)):
        for a, b in origin_blocks(n_frames, 0, 7):
            states = found.between(a, b)
            assert states.flags.c_contiguous
            np.testing.assert_array_equal(states, state[a:b].T)
        np.testing.assert_array_equal(found.part(middle, n).dense(), state[:, middle:].T)
    assert found.folder is folder
    pieces = [state[a:b].T for a, b in origin_blocks(n_frames, 0, 4)]
    for where in (None, folder):
        in_time = runs_in_time(map(np.ascontiguousarray, pieces), where)
        assert in_time.folder is where
        for name in ("offsets", "start", "value"):
            np.testing.assert_array_equal(getattr(in_time, name), getattr(runs, name))


@pytest.mark.parametrize("folder", [None, "a folder"])
def test_positions_in_blocks_and_without_axes(folder, monkeypatch):
    monkeypatch.setattr("mda_ionmech.lib.frame_blocks.BLOCK_BYTES", 24 * 9 * 2)
    rng = np.random.default_rng(0)
    position = new_array((7, 3, 9), np.float64, folder and ArrayFolder())
    position[:] = rng.normal(size=(7, 3, 9))
    np.testing.assert_allclose(collective_path(position), position.sum(axis=0), atol=1e-12)
    assert without_axes(position, []) is position
    flat = without_axes(position, [1])
    np.testing.assert_array_equal(flat[:, 1], 0.0)
    np.testing.assert_array_equal(flat[:, [0, 2]], position[:, [0, 2]])
    assert isinstance(flat, np.memmap) == isinstance(position, np.memmap) == (folder is not None)


def test_longer_keeps_what_there_was():
    np.testing.assert_array_equal(longer(np.arange(3), 5)[:3], np.arange(3))
    np.testing.assert_array_equal(longer(np.arange(3), 2), np.arange(2))
