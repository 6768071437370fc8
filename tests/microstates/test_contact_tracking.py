"""Contacts of frames as stretches of frames, against plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech.microstates import Contacts
from mda_ionmech.microstates.contact_tracking import ContactTracker


def table(stretches):
    """Every (carrier, ligand, frame) with its flag, each only once."""
    out = {}
    for c, a, i, begin, end in zip(*(v.tolist() for v in stretches.values()), strict=True):
        assert begin < end
        for t in range(begin, end):
            assert (c, a, t) not in out
            out[c, a, t] = i
    return out


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_frames=st.integers(1, 20),
    change=st.floats(0, 1),
    first=st.integers(0, 5),
    shuffled=st.booleans(),
)
def test_stretches_hold_every_contact_once(seed, n_frames, change, first, shuffled):
    rng = np.random.default_rng(seed)
    near = rng.random((4, 12)) < 0.4
    inner = rng.random((4, 12)) < 0.5
    tracker = ContactTracker(4, first)
    expected, starts = {}, 0
    before = np.zeros((4, 12)) - 1
    for t in range(first, first + n_frames):
        carrier, ligand = np.nonzero(near)
        flag = inner[carrier, ligand]
        order = rng.permutation(len(carrier)) if shuffled else slice(None)
        tracker.add(Contacts(carrier[order], ligand[order], flag[order]))
        expected |= {
            (int(c), int(a), t): bool(i) for c, a, i in zip(carrier, ligand, flag, strict=True)
        }
        now = np.where(near, inner, -1)
        starts += np.count_nonzero((now >= 0) & (now != before))
        before = now
        near = np.where(rng.random((4, 12)) < change, rng.random((4, 12)) < 0.4, near)
        inner = np.where(rng.random((4, 12)) < change, rng.random((4, 12)) < 0.5, inner)
    stretches = tracker.finish()
    assert table(stretches) == expected
    assert len(stretches["carrier"]) == starts, "a stretch ends only where something changes"


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), change=st.floats(0, 1))
def test_rings_are_followed_like_flags(seed, change):
    rng = np.random.default_rng(seed)
    tracker = ContactTracker(3, 0)
    ring = rng.integers(0, 256, (3, 8))
    expected = {}
    for t in range(12):
        carrier, ligand = np.nonzero(ring < 200)
        found = ring[carrier, ligand]
        tracker.add(Contacts(carrier, ligand, found < 20, ring=found.astype(np.uint8)))
        for c, a, k in zip(carrier, ligand, found, strict=True):
            expected[int(c), int(a), t] = int(k)
        ring = np.where(rng.random((3, 8)) < change, rng.integers(0, 256, (3, 8)), ring)
    stretches = tracker.finish()
    rings = stretches.pop("ring")
    inner = stretches.pop("inner")
    np.testing.assert_array_equal(inner, rings < 20)
    order = ("carrier", "ligand", "inner", "begin", "end")
    rows = stretches | {"inner": rings.astype(int)}
    assert table({name: rows[name] for name in order}) == expected


def test_a_contact_found_twice_is_refused():
    tracker = ContactTracker(2, 0)
    with pytest.raises(ValueError, match="one contact twice"):
        tracker.add(Contacts(np.array([0, 0]), np.array([3, 3]), np.array([True, True])))


def test_many_contacts_outgrow_the_first_buffers():
    rng = np.random.default_rng(1)
    tracker = ContactTracker(2, 0)
    expected = {}
    for t in range(30):
        carrier, ligand = np.nonzero(rng.random((2, 400)) < 0.5)
        tracker.add(Contacts(carrier, ligand, np.ones(len(carrier), bool)))
        expected |= {(int(c), int(a), t): True for c, a in zip(carrier, ligand, strict=True)}
    assert table(tracker.finish()) == expected
