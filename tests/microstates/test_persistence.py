"""History filters and interning against plain Python written from their definitions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.microstates import ContactHistory, Contacts
from mda_ionmech.microstates.follow import ContactTracker
from mda_ionmech.microstates.persistence import build_microstates


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


def build(distance, inner, outer, persist, **options):
    """Microstates from distances (frames, carriers, ligands)."""
    n_ligands = distance.shape[2]
    tracker = ContactTracker(distance.shape[1], 0)
    for frame in distance:
        carrier, ligand = np.nonzero(frame <= outer)
        tracker.add(Contacts(carrier, ligand, frame[carrier, ligand] <= inner))
    history = ContactHistory(
        **tracker.finish(),
        n_frames=len(distance),
        n_carriers=distance.shape[1],
        spacing=1.0,
        ligand_atom=100 + np.arange(n_ligands),
        ligand_molecule=np.arange(n_ligands) // 2,
        ligand_kind=np.arange(n_ligands) % 2,
    )
    return build_microstates(
        history, persistence_frames=persist, types=("solvent", "anion"), **options
    )


def members(micro, t, c):
    shells = micro.shells
    s = micro.state[t, c]
    return list(shells.atom[shells.offsets[s] : shells.offsets[s + 1]] - 100)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_frames=st.integers(1, 40),
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


def test_plain_cutoff_ignores_what_lies_between_the_radii():
    distance = np.array([1.9, 2.2, 1.9, 2.6, 2.2])[:, None, None]
    plain = build(distance, 2.0, 2.5, 3, use_hysteresis=False)
    # persistence is still applied when asked for: of frames alone here
    assert [len(members(plain, t, 0)) for t in range(5)] == [0] * 5
    plain = build(distance, 2.0, 2.5, 0, use_hysteresis=False)
    assert [len(members(plain, t, 0)) for t in range(5)] == [1, 0, 1, 0, 0]
    both = build(distance, 2.0, 2.5, 0)
    assert [len(members(both, t, 0)) for t in range(5)] == [1, 1, 1, 0, 0]


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
