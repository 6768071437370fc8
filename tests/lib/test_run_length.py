"""Runs written out and found again; sums of positions in blocks."""

import tempfile

import numpy as np
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.lib.kernels import longer
from mda_ionmech.lib.path_chunks import create, write_chunk
from mda_ionmech.lib.run_length import label_runs
from mda_ionmech.onsager import collective_path
from mda_ionmech.onsager.window_sums import carrier_blocks
from mda_ionmech.trajectory.paths import StoredPosition, to_cartesian
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


def chunked(values, folder):
    """A Zarr array of the values, written chunk by chunk as files."""
    array = create(zarr.open_group(folder, mode="w"), "path", values.shape, 3, 4)
    for row in range(0, len(values), 3):
        for column in range(0, values.shape[2], 4):
            part = values[row : row + 3, :, column : column + 4]
            write_chunk(array, row // 3, column // 4, part)
    return array


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_stored_positions_are_those_in_memory(seed, n):
    rng = np.random.default_rng(seed)
    path, cell = rng.normal(size=(n, 3, 9)), rng.normal(size=(3, 3))
    whole = path.copy()
    to_cartesian(whole, cell)
    with tempfile.TemporaryDirectory() as folder:
        array = chunked(path, folder)
        np.testing.assert_array_equal(array[:], path)
        check_stored(StoredPosition(array, cell, 0, n, 500), whole, rng)


def check_stored(stored, whole, rng):
    n = len(whole)
    assert stored.shape == (n, 3, 9)
    first, last = sorted(rng.integers(0, n + 1, 2))
    np.testing.assert_array_equal(stored[first:last], whole[first:last])
    some = stored.carriers(first, last)
    assert len(some) == last - first
    np.testing.assert_array_equal(some[:], whole[first:last])
    np.testing.assert_array_equal(np.array(list(stored)), whole)
    np.testing.assert_array_equal(stored.without([1])[:][:, 1], 0.0)
    np.testing.assert_array_equal(stored.without([1])[:][:, 2], whole[:, 2])
    np.testing.assert_array_equal(collective_path(stored), collective_path(whole))
    np.testing.assert_allclose(collective_path(whole), whole.sum(axis=0), atol=1e-12)
    blocks = list(carrier_blocks(stored))
    assert [last for _, last in blocks] == [*(first for first, _ in blocks[1:]), n]
    assert all(216 * (last - first) <= stored.block_bytes for first, last in blocks)


def test_longer_keeps_what_there_was():
    np.testing.assert_array_equal(longer(np.arange(3), 5)[:3], np.arange(3))
    np.testing.assert_array_equal(longer(np.arange(3), 2), np.arange(2))
