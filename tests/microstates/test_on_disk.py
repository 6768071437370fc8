"""Microstates of contacts on disk are those of contacts in memory, number for number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.lib.arrays_on_disk import ArrayFolder
from mda_ionmech.microstates import ContactHistory
from mda_ionmech.microstates.gathered_contacts import GatheredContacts
from mda_ionmech.microstates.shell_filters import build_microstates

COLUMNS = ("carrier", "ligand", "inner", "begin", "end")


def random_history(rng, n_carriers, n_frames, n_ligands):
    """Contacts that go on and off, by carrier, ligand and frame."""
    rows = []
    for c in range(n_carriers):
        for a in range(n_ligands):
            edges = np.flatnonzero(rng.random(n_frames) < 0.3)
            for begin, end in zip(edges[:-1:2], edges[1::2], strict=False):
                rows.append((c, a, rng.random() < 0.7, begin, end))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    kinds = (np.int32, np.int32, bool, np.int32, np.int32)
    return ContactHistory(
        **{n: x.astype(k) for n, k, x in zip(COLUMNS, kinds, columns, strict=True)},
        n_frames=n_frames,
        n_carriers=n_carriers,
        spacing=1.0,
        ligand_atom=np.arange(n_ligands) + 100,
        ligand_molecule=np.arange(n_ligands) // 2,
        ligand_kind=np.arange(n_ligands) % 2,
    )


def from_parts(history, n_parts, folder):
    """The same history, gathered from parts that hold any of its rows."""
    part = np.arange(len(history.carrier)) % n_parts
    contacts = GatheredContacts(history.n_carriers, folder)
    for k in range(n_parts):
        contacts.add({name: getattr(history, name)[part == k] for name in COLUMNS})
    names = ("n_frames", "n_carriers", "spacing", "ligand_atom", "ligand_molecule", "ligand_kind")
    about = {name: getattr(history, name) for name in names}
    assert contacts.columns() is contacts.columns()
    return ContactHistory(**contacts.columns(), **about)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_carriers=st.integers(1, 9),
    n_ligands=st.integers(1, 5),
    rows=st.sampled_from([1, 20, 10**6]),
    small=st.sampled_from([3, 10**6]),
    mapped=st.booleans(),
    persistence=st.integers(0, 3),
    filtered=st.booleans(),
)
def test_microstates_have_the_same_numbers(
    seed, n_carriers, n_ligands, rows, small, mapped, persistence, filtered
):
    rng = np.random.default_rng(seed)
    history = random_history(rng, n_carriers, 30, n_ligands)
    chosen = {
        "persistence_frames": persistence, "types": ("a", "b"), "use_hysteresis": filtered,
    }  # fmt: skip
    expected = build_microstates(history, **chosen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mda_ionmech.microstates.contacts.BLOCK_ROWS", rows)
        patch.setattr("mda_ionmech.microstates.shells.SMALL_TABLE", small)
        patch.setattr("mda_ionmech.microstates.shell_filters.MOST_AT_FIRST", 4)
        patch.setattr("mda_ionmech.lib.run_length.BLOCK_RUNS", 20)
        given_parts = from_parts(history, 3, ArrayFolder() if mapped else None)
        found = build_microstates(given_parts, **chosen)
        assert found.report == expected.report
        for name in ("offsets", "start", "value"):
            one, other = getattr(found.runs, name), getattr(expected.runs, name)
            np.testing.assert_array_equal(one, other)
        for name in ("offsets", "atom", "molecule", "kind"):
            one, other = getattr(found.shells, name), getattr(expected.shells, name)
            np.testing.assert_array_equal(one, other)
            assert isinstance(one, np.memmap) == (mapped and len(one) > 0)
        np.testing.assert_array_equal(found.state, expected.state)
        first, last = sorted(rng.integers(0, 31, 2))
        np.testing.assert_array_equal(found.runs.between(first, last), expected.state[first:last].T)
        chosen_shells = np.flatnonzero(rng.random(len(expected.shells)) < 0.3)
        some = found.shells.some(chosen_shells)
        assert len(some) == len(chosen_shells)
        for k, shell in enumerate(chosen_shells):
            np.testing.assert_array_equal(some[k].atoms, expected.shells[shell].atoms)
        check_tables(found, expected)
        check_blocks(found, expected, mapped)


def check_tables(found, expected):
    at = 0
    for first, table in found.shells.tables():
        assert first == at
        for k in range(len(table)):
            np.testing.assert_array_equal(table[k].atoms, expected.shells[first + k].atoms)
        at += len(table)
    assert at == len(expected.shells)


def check_blocks(found, expected, mapped):
    blocks = list(found.blocks())
    assert [first for first, *_ in blocks[1:]] == [last for _, last, *_ in blocks[:-1]]
    assert blocks[0][0] == 0
    assert blocks[-1][1] == found.runs.n_carriers
    assert mapped or len(blocks) == 1
    for first, last, runs, shells in blocks:
        assert runs.offsets[0] == 0
        state = runs.dense()
        assert state.shape == (last - first, 30)
        for c, t in np.ndindex(state.shape):
            atoms = expected.shells[expected.state[t, first + c]].atoms
            np.testing.assert_array_equal(shells[state[c, t]].atoms, atoms)
