"""Microstates on disk are those in memory, number for number."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.lib.disk_columns import Column, write_groups
from mda_ionmech.microstates import ContactHistory
from mda_ionmech.microstates.on_disk import (
    StoredHistory,
    first_equal,
    number_new,
    rank_of,
    store_contacts,
)
from mda_ionmech.microstates.shell_filters import build_microstates


def random_history(rng, n_carriers, n_frames, n_ligands):
    """Contacts that go on and off, by carrier, ligand and frame."""
    rows = []
    for c in range(n_carriers):
        for a in range(n_ligands):
            edges = np.flatnonzero(rng.random(n_frames) < 0.3)
            for begin, end in zip(edges[:-1:2], edges[1::2], strict=False):
                rows.append((c, a, rng.random() < 0.7, begin, end))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    names = ("carrier", "ligand", "inner", "begin", "end")
    kinds = (np.int32, np.int32, bool, np.int32, np.int32)
    return ContactHistory(
        **{n: x.astype(k) for n, k, x in zip(names, kinds, columns, strict=True)},
        n_frames=n_frames,
        n_carriers=n_carriers,
        spacing=1.0,
        ligand_atom=np.arange(n_ligands) + 100,
        ligand_molecule=np.arange(n_ligands) // 2,
        ligand_kind=np.arange(n_ligands) % 2,
    )


def on_disk(history, folder, n_parts, share):
    """The same history in a folder, from parts that hold any of its rows."""
    part = np.arange(len(history.carrier)) % n_parts

    def load(k, carriers_alone):
        names = ["carrier"] if carriers_alone else ["carrier", "ligand", "inner", "begin", "end"]
        return {name: getattr(history, name)[part == k] for name in names}

    rows, edges, first_row, rings = store_contacts(
        folder / "contacts.bin", load, n_parts, history.n_carriers, share
    )
    assert not rings
    names = ("n_frames", "n_carriers", "spacing", "ligand_atom", "ligand_molecule", "ligand_kind")
    about = {name: getattr(history, name) for name in names}
    return StoredHistory(rows, edges, first_row, folder, share, has_rings=False, **about)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_carriers=st.integers(1, 9),
    n_ligands=st.integers(1, 5),
    share=st.sampled_from([300, 3000, 10**9]),
    persistence=st.integers(0, 3),
    filtered=st.booleans(),
)
def test_microstates_on_disk_have_the_same_numbers(
    seed, n_carriers, n_ligands, share, persistence, filtered
):
    rng = np.random.default_rng(seed)
    history = random_history(rng, n_carriers, 30, n_ligands)
    chosen = {
        "persistence_frames": persistence, "types": ("a", "b"), "use_hysteresis": filtered,
    }  # fmt: skip
    expected = build_microstates(history, **chosen)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("mda_ionmech.microstates.on_disk.FEWEST_ROWS", 20)
        stored = on_disk(history, Path(folder), 3, share)
        found = build_microstates(stored, **chosen)
        assert found.report == expected.report
        for name in ("offsets", "start", "value"):
            np.testing.assert_array_equal(getattr(found.runs, name), getattr(expected.runs, name))
        assert found.runs.n_changes == expected.runs.n_changes
        np.testing.assert_array_equal(found.state, expected.state)
        assert len(found.shells) == len(expected.shells)
        assert found.shells.n_members == expected.shells.n_members
        for name in ("offsets", "atom", "molecule", "kind"):
            one, other = getattr(found.shells, name), getattr(expected.shells, name)
            np.testing.assert_array_equal(one, other)
        first, last = sorted(rng.integers(0, n_carriers + 1, 2))
        np.testing.assert_array_equal(
            found.runs.carriers(first, last).dense(), expected.runs.carriers(first, last).dense()
        )
        number = int(rng.integers(len(expected.shells)))
        np.testing.assert_array_equal(found.shells[number].atoms, expected.shells[number].atoms)
        chosen_shells = np.flatnonzero(rng.random(len(expected.shells)) < 0.3)
        patch.setattr("mda_ionmech.microstates.on_disk.NEAR", 2)
        patch.setattr("mda_ionmech.microstates.on_disk.STRETCH", 4)
        some = found.shells.some(chosen_shells)
        assert len(some) == len(chosen_shells)
        for k, shell in enumerate(chosen_shells):
            np.testing.assert_array_equal(some[k].atoms, expected.shells[shell].atoms)
        tables = list(found.shells.tables())
        np.testing.assert_array_equal(
            np.concatenate([table.atom for table in tables]), expected.shells.atom
        )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 60))
def test_equal_sets_are_found_whatever_their_hashes(seed, n):
    rng = np.random.default_rng(seed)
    sets = [tuple(np.flatnonzero(rng.random(4) < 0.5)) for _ in range(n)]
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in sets], dtype=np.int64)])
    members = np.array([x for s in sets for x in s], dtype=np.int32)
    # sets that are equal have equal hashes, and so may others
    codes = np.array([len(s) for s in sets], dtype=np.uint64)
    expected = [sets.index(s) for s in sets]
    np.testing.assert_array_equal(first_equal(offsets.astype(np.int64), members, codes), expected)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 300))
def test_new_entries_are_numbered_in_order(seed, n):
    rng = np.random.default_rng(seed)
    is_new = rng.random(n) < 0.4
    words, counts = np.zeros(n // 64 + 1, dtype=np.uint64), np.zeros(n // 64 + 1, dtype=np.int64)
    numbers, base, found = np.where(is_new, np.cumsum(is_new) - 1, -1), 0, 0
    while base < n:
        last = min(base + int(rng.integers(1, 90)), n)
        out, found = number_new(is_new[base:last], base, found, words, counts)
        np.testing.assert_array_equal(out, numbers[base:last])
        base = last
    assert found == is_new.sum()
    entries = np.flatnonzero(is_new)
    np.testing.assert_array_equal(rank_of(entries, words, counts), np.arange(len(entries)))


def test_columns_are_read_in_stretches(tmp_path):
    group = np.array([0, 0, 2, 2, 2])
    rows = np.arange(5)
    pieces = [(group, rows), (np.array([1, 2]), np.array([10, 11]))]
    column = write_groups(tmp_path / "rows.bin", np.dtype("i8"), np.array([0, 2, 3, 7]), pieces)
    assert isinstance(column, Column)
    assert len(column) == 7
    np.testing.assert_array_equal(column, [0, 1, 10, 2, 3, 4, 11])
    np.testing.assert_array_equal(column[2:4], [10, 2])
    np.testing.assert_array_equal(column[5:3], [])
    np.testing.assert_array_equal(column.stretches([(5, 7), (0, 1)]), [4, 11, 0])
