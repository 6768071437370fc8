"""Shells that are asked for by frames, and blocks of carriers of runs on disk."""

import numpy as np
import pytest

from mda_ionmech.lib import run_length as run_module
from mda_ionmech.lib.frame_blocks import origin_blocks
from mda_ionmech.lib.run_length import label_runs, write_runs
from mda_ionmech.microstates import Microstates, ShellTable
from mda_ionmech.microstates.detector import joined_tables
from mda_ionmech.microstates.on_disk_by_frames import shell_columns
from mda_ionmech.trajectory.carriers import Ligands

N, F = 6, 50


@pytest.fixture
def met():
    """States of carriers, and shells of one to four of 20 ligands."""
    rng = np.random.default_rng(4)
    atom, molecule, kind = 7 + 2 * np.arange(20), np.arange(20) // 4, np.arange(20) % 2
    none = np.empty(0, dtype=np.int64)
    ligands = Ligands(atom, molecule, kind, np.full(20, -1), none, none)
    sets = [np.sort(rng.choice(20, 1 + k % 4, False)) for k in range(30)]
    member = np.concatenate(sets)
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sets])])
    table = ShellTable(offsets, atom[member], molecule[member], kind[member], ("a", "b"))
    state = np.where(rng.random((F, N)) < 0.4, rng.integers(0, 30, (F, N)), 3).astype(np.int32)
    return state, table, ligands


def same_shells(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for name in ("atoms", "molecules", "types"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def on_disk(state, folder):
    runs = label_runs(state)
    return write_runs(folder, "held", [runs.carriers(0, 4), runs.carriers(4, N)], F)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("width", [1, 7, 200])
def test_columns_hold_the_shells_of_every_carrier_and_frame(met, stored, width, tmp_path):
    state, table, ligands = met
    runs = on_disk(state, tmp_path) if stored else label_runs(state)
    columns = shell_columns(runs, table, ligands, width, tmp_path)
    assert not (tmp_path / "shells.bin").exists()
    reader = columns.reader()
    for a, b in origin_blocks(F, 0, 5, width):
        found = reader.between(a, b)
        assert reader.number == a // width
        same_shells(
            [reader.table[k] for k in found.T.ravel()], [table[k] for k in state[a:b].ravel()]
        )
        # each once: a column is no longer than what is met in it
        column = state[reader.number * width : (reader.number + 1) * width]
        assert len(reader.table) == len(np.unique(column))


def test_some_shells_and_tables_one_after_the_other(met):
    _, table, _ = met
    for chosen in ([], [4], [0, 3, 4, 29]):
        same_shells(list(table.some(np.array(chosen, dtype=int))), [table[k] for k in chosen])
    parts = [table.some(np.array(k)) for k in ([1, 2], [5], [2, 7, 9])]
    same_shells(list(joined_tables(parts)), [table[k] for k in (1, 2, 5, 2, 7, 9)])


def test_runs_on_disk_come_in_blocks_whatever_the_shells_live_in(met, tmp_path, monkeypatch):
    state, table, _ = met
    monkeypatch.setattr(run_module, "BLOCK_RUNS", 40)
    (whole,) = Microstates(label_runs(state), table).blocks()
    assert whole[:2] == (0, N)
    blocks = list(Microstates(on_disk(state, tmp_path), table).blocks())
    assert len(blocks) > 2
    assert [first for first, *_ in blocks[1:]] == [last for _, last, *_ in blocks[:-1]]
    for first, last, runs, shells in blocks:
        assert shells is table
        np.testing.assert_array_equal(runs.dense(), state.T[first:last])
        np.testing.assert_array_equal(runs.offsets[0], 0)
