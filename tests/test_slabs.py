"""Blocks of time origins, and files that are written by carriers and read by frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.lib.frame_blocks import (
    FrameFile,
    column_edges,
    column_width,
    frame_reader,
    origin_blocks,
    state_frames,
    write_by_columns,
    write_by_rows,
)
from mda_ionmech.lib.run_length import label_runs, write_runs
from mda_ionmech.trajectory.paths import FlatPosition, StoredPosition
from mda_ionmech.trajectory.run_store import RunStore, StoredPaths


@settings(max_examples=200, deadline=None)
@given(
    st.integers(2, 60), st.integers(1, 59), st.integers(1, 30),
    st.one_of(st.none(), st.integers(1, 40)), st.integers(0, 5),
)  # fmt: skip
def test_blocks_hold_every_origin_once_and_both_ends_in_one_column(n, window, most, width, first):
    blocks = list(origin_blocks(n, window, most, width, first))
    found = [t for a, b in blocks for t in range(a, b)]
    assert found == list(range(first, n - window))
    for a, b in blocks:
        assert 0 < b - a <= most
        if width is not None:
            assert a // width == (b - 1) // width
            assert (a + window) // width == (b - 1 + window) // width


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 6), st.integers(1, 30), st.integers(1, 35), st.integers(0, 2**31))
def test_states_are_those_of_the_runs_in_memory_and_from_a_file(
    tmp_path_factory, n, f, width, seed
):
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 3, size=(f, n)).astype(np.int32)
    runs = label_runs(state)
    folder = tmp_path_factory.mktemp("runs")
    stored = write_runs(folder, "held", [runs.carriers(0, n // 2), runs.carriers(n // 2, n)], f)
    for frames in (
        state_frames(runs, None, None), state_frames(stored, width, folder / "states.bin"),
    ):  # fmt: skip
        reader = frames.reader()
        for a, b in origin_blocks(f, 0, 7, frames.width):
            found = reader.between(a, b)
            assert found.flags.c_contiguous
            assert np.array_equal(found, state[a:b].T)


@pytest.mark.parametrize("tail", [(), (3,)])
def test_a_file_gives_columns_and_rows_whichever_it_was_written_by(tmp_path, tail):
    values = np.random.default_rng(1).normal(size=(5, *tail, 17))
    file = FrameFile(tmp_path / "a.bin", np.dtype("f8"), tail, 5, column_edges(17, 4))
    write_by_rows(file, [(0, values[:2]), (2, values[2:])])
    other = FrameFile(tmp_path / "b.bin", np.dtype("f8"), tail, 5, np.array([0, 3, 4, 17]))
    write_by_columns(other, [values[..., :3], values[..., 3:4], values[..., 4:]])
    for one in (file, other):
        columns = [one.column(k) for k in range(len(one.edges) - 1)]
        assert np.array_equal(np.concatenate(columns, axis=-1), values)
        assert np.array_equal(one[1:4], values[1:4])
    assert file.path.stat().st_size == values.nbytes


def test_frames_of_stored_positions_are_bit_for_bit_those_of_their_carriers(tmp_path):
    rng = np.random.default_rng(2)
    n, f = 7, 230
    store = RunStore.open(tmp_path / "run.zarr", {}, n, f, 24 * n * 160, columns=True)
    width = store.part_frames
    assert width == 5
    builder = StoredPaths(store, 24 * n * 160)
    for a in range(0, f, width):
        builder.add(rng.normal(size=(min(width, f - a), n, 3)), np.zeros((min(width, f - a), 3)))
    cell = rng.normal(size=(3, 3))
    position = builder.finish(cell)
    assert isinstance(position, StoredPosition)
    for some in (position, position.carriers(2, 6), position.without([1])):
        whole = some[:]
        assert column_width(some) == width
        assert column_width(whole) is None
        for window in (1, 4, 19):
            readers = [frame_reader(some) for _ in range(2)]
            for a, b in origin_blocks(f, window, 100, width):
                for shift, reader in zip((0, window), readers, strict=True):
                    array, at = reader.between(a + shift, b + shift)
                    assert np.array_equal(
                        array[..., at : at + b - a], whole[..., a + shift : b + shift]
                    )
                    held, i = frame_reader(whole).between(a + shift, b + shift)
                    assert np.array_equal(held[..., i], array[..., at])
    flat = FlatPosition(position[:], (1,))
    reader, whole = frame_reader(flat), position.without([1])[:]
    assert column_width(flat) is None
    assert flat.shape == whole.shape
    assert np.array_equal(flat[2:5], whole[2:5])
    assert np.array_equal(np.stack(list(flat)), whole)
    array, at = reader.between(3, 9)
    assert np.array_equal(array[..., at : at + 6], whole[..., 3:9])
    assert np.any(position[:][:, 1] != 0)
