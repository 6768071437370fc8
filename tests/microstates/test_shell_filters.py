"""History filters and interning against plain Python written from their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.microstates import ContactHistory, Contacts
from mda_ionmech.microstates.contact_tracking import ContactTracker
from mda_ionmech.microstates.shell_arrays import Intervals, KnownShells, ShellRuns
from mda_ionmech.microstates.shell_filters import (
    build_microstates,
    fill_table,
    find_shells,
    intern_shells,
)


def filtered(distance, inner, outer, persist):
    """One contact's states from its distances: the definition, frame by frame."""
    n = len(distance)
    on = []
    state = None
    for t in range(n):
        if distance[t] <= inner:
            state = True
        elif distance[t] > outer:
            state = False
        elif state is None:  # the first decisive frame decides
            later = [d <= inner for d in distance[t:] if d <= inner or d > outer]
            state = later[0] if later else False
        on.append(state)
    # a change counts only if the new state outlasts `persist` frames
    runs = []
    for value in on:
        if runs and runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    lasting = [value for value, length in runs if length > persist or length == n]
    now = lasting[0] if lasting else False
    out = []
    for value, length in runs:
        if length > persist or length == n:
            now = value
        out += [now] * length
    return out


def gather(distance, inner, outer):
    """Contacts from distances (frames, carriers, ligands)."""
    n_ligands = distance.shape[2]
    tracker = ContactTracker(distance.shape[1], 0)
    for frame in distance:
        carrier, ligand = np.nonzero(frame <= outer)
        tracker.add(Contacts(carrier, ligand, frame[carrier, ligand] <= inner))
    return ContactHistory(
        **tracker.finish(),
        n_frames=len(distance),
        n_carriers=distance.shape[1],
        spacing=1.0,
        ligand_atom=100 + np.arange(n_ligands),
        ligand_molecule=np.arange(n_ligands) // 2,
        ligand_kind=np.arange(n_ligands) % 2,
    )


def build(distance, inner, outer, persist, **options):
    """Microstates from distances (frames, carriers, ligands)."""
    history = gather(distance, inner, outer)
    return build_microstates(
        history, persistence_frames=persist, types=("solvent", "anion"), **options
    )


def numbered(on):
    """Shells in the order they are first met, and their numbers, from on (frames, carriers, ..)."""
    found = {}
    number = np.empty(on.shape[:2], dtype=np.int64)
    for c in range(on.shape[1]):
        for t in range(len(on)):
            shell = tuple(np.flatnonzero(on[t, c]))
            number[t, c] = found.setdefault(shell, len(found))
    return list(found), number


def members(micro, t, c):
    shells = micro.shells
    s = micro.state[t, c]
    return list(shells.atom[shells.offsets[s] : shells.offsets[s + 1]] - 100)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_frames=st.integers(1, 140),
    persist=st.integers(0, 4),
    width=st.floats(0, 1.5),
)
def test_filters_and_shells_follow_their_definition(seed, n_frames, persist, width):
    rng = np.random.default_rng(seed)
    distance = rng.uniform(1.0, 4.0, (n_frames, 3, 5))
    micro = build(distance, 2.0, 2.0 + width, persist)
    assert micro.state.shape == (n_frames, 3)
    for c in range(3):
        want = [filtered(distance[:, c, k], 2.0, 2.0 + width, persist) for k in range(5)]
        for t in range(n_frames):
            assert members(micro, t, c) == [k for k in range(5) if want[k][t]]
    rows = {tuple(members(micro, t, c)) for t in range(n_frames) for c in range(3)}
    assert len(rows) == len(micro.shells), "each distinct shell has one number"


def check_numbers(micro, on):
    shells, number = numbered(on)
    np.testing.assert_array_equal(micro.state, number)
    bounds = zip(micro.shells.offsets[:-1], micro.shells.offsets[1:], strict=True)
    assert [tuple(micro.shells.atom[a:b] - 100) for a, b in bounds] == shells
    np.testing.assert_array_equal(micro.shells.molecule, (micro.shells.atom - 100) // 2)
    np.testing.assert_array_equal(micro.shells.kind, (micro.shells.atom - 100) % 2)
    for c in range(on.shape[1]):
        runs = slice(*micro.runs.offsets[c : c + 2])
        begins = np.flatnonzero(np.diff(number[:, c], prepend=-1))
        np.testing.assert_array_equal(micro.runs.start[runs], begins)
        np.testing.assert_array_equal(micro.runs.value[runs], number[begins, c])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_frames=st.integers(1, 200),
    n_carriers=st.integers(1, 6),
    n_ligands=st.integers(1, 90),
    share=st.floats(0.02, 0.98),
    lasting=st.floats(0, 1),
    shuffled=st.booleans(),
)
def test_shells_are_numbered_where_they_are_first_met(
    seed, n_frames, n_carriers, n_ligands, share, lasting, shuffled
):
    rng = np.random.default_rng(seed)
    on = rng.random((n_frames, n_carriers, n_ligands)) < share
    for t in range(1, n_frames):  # some carriers stay as they were
        on[t] = np.where(rng.random((n_carriers, 1)) < lasting, on[t - 1], on[t])
    history = gather(np.where(on, 1.0, 9.0), 2.0, 2.0)
    if shuffled:
        history = history.rows(rng.permutation(len(history.carrier)))
    micro = build_microstates(history, persistence_frames=0, types=("solvent", "anion"))
    check_numbers(micro, on)


@pytest.mark.parametrize("size", [15, 16, 17, 31, 32, 33])
def test_members_may_all_be_replaced_at_once(size):
    # while some of a frame's changes have been made, a shell is larger than before and after
    on = np.zeros((40, 2, 2 * size), dtype=bool)
    on[::2, 0, ::2] = on[1::2, 0, 1::2] = True
    on[:20, 1, :size] = on[20:, 1, size:] = True
    check_numbers(build(np.where(on, 1.0, 9.0), 2.0, 2.0, 0), on)


def test_room_that_is_made_while_shells_are_found_changes_nothing(monkeypatch):
    rng = np.random.default_rng(11)
    on = rng.random((300, 8, 24)) < 0.4
    history = gather(np.where(on, 1.0, 9.0), 2.0, 2.0)
    wanted = find_shells(history, 0, True)
    monkeypatch.setattr("mda_ionmech.microstates.shell_filters.MOST_AT_FIRST", 1)
    calls, hashes = [], []

    def counted(*args):
        calls.append(args[0])
        hashes.append(args[-1].hashes)
        return intern_shells(*args)

    monkeypatch.setattr("mda_ionmech.microstates.shell_filters.intern_shells", counted)
    found = find_shells(history, 0, True)
    assert len(calls) > 4, "room was made several times"
    for name in ("offsets", "start", "value"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(wanted[0], name))
    for one, other in zip(found[1:], wanted[1:], strict=True):
        np.testing.assert_array_equal(one, other)
    code = dict(
        zip(map(tuple, np.split(found[2], found[1][1:-1])), hashes[-1].tolist(), strict=False)
    )
    for shell, value in code.items():
        want = 0
        for ligand in shell:
            want ^= term(int(ligand))
        assert value == want


def term(ligand):
    """What a ligand adds to a hash: the last steps of SplitMix64."""
    value = (ligand + 1) * 0x9E3779B97F4A7C15 % 2**64
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    return value ^ (value >> 27)


@pytest.mark.parametrize("size", [1, 5, 16, 20, 40])
def test_members_decide_where_hashes_are_equal(size):
    on = np.ones((1, 1, size), dtype=bool)
    history = gather(np.where(on, 1.0, 9.0), 2.0, 2.0)
    order, first_row = history.in_time(0, 1)
    rows = history.ligand, history.inner, history.begin, history.end
    intervals = Intervals(order, first_row, *rows, 1, size)
    code = np.bitwise_xor.reduce([np.uint64(term(a)) for a in range(size)])
    for known, number in (
        (np.arange(size), 0),
        (np.arange(size) + (np.arange(size) == size - 1), 1),
    ):
        table, hashes = np.zeros(16, dtype=np.uint64), np.full(4, code)
        offsets, held = np.array([0, size, 0, 0]), np.zeros(2 * size, dtype=np.int32)
        held[:size] = known
        fill_table(hashes, 1, table)
        runs = ShellRuns(np.zeros(2, dtype=np.int64), *np.zeros((2, 3), dtype=np.int32))
        _, n_runs, n_shells, _, _ = intern_shells(
            0, 0, 1, 0, intervals, runs, KnownShells(table, hashes, offsets, held)
        )
        assert n_runs == 1
        assert runs.value[0] == number
        assert n_shells == number + 1
        assert np.count_nonzero(table) == n_shells


def test_plain_cutoff_ignores_what_lies_between_the_radii():
    distance = np.array([1.9, 2.2, 1.9, 2.6, 2.2])[:, None, None]
    plain = build(distance, 2.0, 2.5, 3, use_hysteresis=False)
    # persistence is still applied when asked for: of frames alone here
    assert [len(members(plain, t, 0)) for t in range(5)] == [0] * 5
    plain = build(distance, 2.0, 2.5, 0, use_hysteresis=False)
    assert [len(members(plain, t, 0)) for t in range(5)] == [1, 0, 1, 0, 0]
    both = build(distance, 2.0, 2.5, 0)
    assert [len(members(both, t, 0)) for t in range(5)] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("persist", [0, 1])
def test_a_carrier_whose_shell_changes_at_every_visit_has_the_room_it_needs(persist):
    # empty at first and at last: two changes for each visit, and one step more
    for n_visits in (1, 2, 5):
        on = np.zeros((4 * n_visits + 2, 1, 1), dtype=bool)
        for k in range(n_visits):
            on[4 * k + 2 : 4 * k + 4] = True
        micro = build(np.where(on, 1.0, 9.0), 2.0, 2.0, persist)
        assert [len(members(micro, t, 0)) for t in range(len(on))] == on[:, 0, 0].tolist()
        assert micro.runs.n_changes == 2 * n_visits


def test_a_brief_visit_and_a_brief_absence_are_ignored():
    near, far = 1.0, 9.0
    visits = np.array([far] * 10 + [near] * 2 + [far] * 10)
    leaves = np.array([near] * 10 + [far] * 2 + [near] * 10)
    distance = np.stack([visits, leaves], axis=-1)[:, None, :]
    micro = build(distance, 2.0, 2.0, 2)
    assert all(members(micro, t, 0) == [1] for t in range(22))
    micro = build(distance, 2.0, 2.0, 1)
    assert members(micro, 10, 0) == [0]


def test_thousands_of_shells_are_told_apart():
    rng = np.random.default_rng(7)
    distance = rng.uniform(1.0, 3.0, (3000, 2, 16))
    micro = build(distance, 2.0, 2.0, 0)
    rows = {tuple(members(micro, t, c)) for t in range(3000) for c in range(2)}
    assert len(micro.shells) == len(rows) > 5000
    for t in range(0, 3000, 97):
        assert members(micro, t, 1) == list(np.flatnonzero(distance[t, 1] <= 2.0))
