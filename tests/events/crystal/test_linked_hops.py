"""What each of several species that are labelled together is told: channels, numbers, places."""

from dataclasses import replace

import numpy as np
import pytest

from mda_ionmech.events import CrystalEvents, SolvationEvents
from mda_ionmech.events.crystal.crystal_events import LinkedHops, whole_window
from mda_ionmech.events.crystal.joined_history import join_histories
from mda_ionmech.microstates import ShellTable
from mda_ionmech.onsager import label_runs
from mda_ionmech.onsager.carrier_labels import CarrierLabels, JointLabels
from mda_ionmech.onsager.window_sums import window_sums

from .test_crystal_events import in_space

#: Places of both species: 3 sites each, all of one table far from those of the other.
FIRST = np.array([[0.0, 0, 0], [0.25, 0, 0], [0.5, 0, 0]])
SECOND = FIRST + np.array([0, 0.5, 0.5])


def named(state, sites, kind, names):
    """Record of one species whose sites have these labels."""
    record = in_space(state, sites, kind=np.array(kind))
    number = np.arange(len(sites) + 1)
    shells = ShellTable(number, number[:-1], number[:-1], np.array(kind), names)
    return replace(record, shells=shells)


def both(first, second, shared=1.0):
    return join_histories(
        [
            named(first, FIRST, [0, 1, 1], ("a", "b")),
            named(second, SECOND, [0, 1, 2], ("c", "d", "e")),
        ],
        shared,
    )


def test_channels_of_each_species_are_those_of_its_own_labels():
    record = both([[0, 1, 1, 2]], [[2, 2, 0, 1], [1, 0, 2, 2]])
    rule = CrystalEvents(detail="channel")
    hops = LinkedHops((rule, rule), record, np.arange(3, dtype=np.int32))
    blocks = list(hops.blocks(1))
    names = [rule.names_for(("a", "b")), rule.names_for(("c", "d", "e"))]
    found = []
    for member in range(2):
        codes = np.concatenate([hops.codes(block, member) for block in blocks], axis=1)
        assert codes.min() >= 0
        found += [[names[member][x] for x in row] for row in codes]
    assert found == [
        ["a->b", "no_hop", "b->b"],
        ["no_hop", "e->c", "c->d"],
        ["d->c", "c->e", "no_hop"],
    ]
    assert [hops.rows(k) for k in range(2)] == [slice(0, 1), slice(1, 3)]
    # the site images a carrier holds, by its number in its species
    for member, carrier, sites in (
        (0, 0, [0, 1, 1, 2]),
        (1, 0, [5, 5, 3, 4]),
        (1, 1, [4, 3, 5, 5]),
    ):
        spots = hops.site_images(member)(carrier)
        assert record.site[spots].tolist() == sites


def test_clusters_are_numbered_as_asked_that_of_carrier_0_too():
    # carriers 0 and 1 hop in a chain, 2 hops alone, 3 stays
    record = in_space([[0, 1], [1, 2], [3, 4], [5, 5]], np.arange(6)[:, None] * [[0.15, 0, 0]])
    hops = LinkedHops((CrystalEvents(),), record, np.array([40, 30, 20, 10], dtype=np.int32))
    (block,) = hops.blocks(1)
    cluster = block.cluster[:, 0]
    assert cluster[0] == cluster[1]
    assert cluster[0] in (40, 30)
    assert cluster[2:].tolist() == [20, -1]
    alone = LinkedHops((CrystalEvents(),), in_space([[0, 1]], FIRST), np.array([7], dtype=np.int32))
    assert [block.cluster.tolist() for block in alone.blocks(1)] == [[[7]]]


def test_sites_of_two_species_up_to_an_angstrom_apart_are_one_place_by_default():
    assert CrystalEvents().shared == 1.0
    assert CrystalEvents(shared=0).shared == 0
    # the distance itself is within reach: two sites 1 A apart along the first vector of 12 A
    near = FIRST[:2] + np.array([1 / 12, 0, 0])
    records = [in_space([[0, 1]], FIRST), in_space([[1, 0]], near)]
    for shared, places in ((1 + 1e-9, [0, 1, 2, 0, 1]), (1 - 1e-9, [0, 1, 2, 3, 4])):
        assert join_histories(records, shared).places.tolist() == places
    assert join_histories(records[:1], 1.0) is records[0]
    same = [in_space([[0, 1]], FIRST), in_space([[1, 0]], FIRST)]
    assert join_histories(same, 0.0).places.tolist() == [0, 1, 2, 0, 1, 2]


def test_sites_of_one_place_are_near_however_far_they_are_apart():
    # the first leaves 0 A for 3 A, the second enters 0.9 A from 6 A
    beside = FIRST + np.array([0.9 / 12, 0, 0])
    record = join_histories([in_space([[0, 1]], FIRST), in_space([[2, 0]], beside)], 1.0)
    assert record.places.tolist() == [0, 1, 2, 0, 1, 2]
    near, far = (CrystalEvents("proximity", distance) for distance in (0.5, 1.0))
    for rule in (near, far):
        offsets, other = rule.near_sites(record)
        pairs = [(k, m) for k in range(6) for m in other[offsets[k] : offsets[k + 1]]]
        assert pairs == [(k, m) for k in range(6) for m in range(6) if k % 3 == m % 3]
        assert whole_window(rule.label_blocks(record, 1))[0].tolist() == [[2], [2]]
    apart = join_histories([in_space([[0, 1]], FIRST), in_space([[2, 0]], beside)], 0.8)
    assert whole_window(near.label_blocks(apart, 1))[0].tolist() == [[1], [1]]
    assert whole_window(far.label_blocks(apart, 1))[0].tolist() == [[2], [2]]


@pytest.mark.parametrize(
    ("rules", "alike"),
    [
        (({}, {}), True),
        (({}, {"shared": 0.5}), False),
        (({"shared": None}, {"shared": None}), False),
        (({"detail": "channel"}, {}), True),
        (({"linking": "distance", "distance": 2}, {"linking": "distance", "distance": 2}), True),
        (({"linking": "distance", "distance": 2}, {"linking": "distance", "distance": 3}), False),
        (({"linking": "distance", "distance": 2}, {"linking": "proximity", "distance": 2}), False),
    ],
)
def test_rules_that_link_alike_are_labelled_together(rules, alike):
    one, other = (CrystalEvents(**options) for options in rules)
    assert one.links_like(other) is other.links_like(one) is alike
    assert not one.links_like(None)
    assert one.joint
    assert not SolvationEvents.joint


@pytest.mark.parametrize("across", [False, True])
def test_sums_over_clusters_of_several_blocks_of_origins(across, monkeypatch):
    """Sums over whole clusters against loops, where origins come in several blocks."""
    rng = np.random.default_rng(2)
    n_frames, window, sub_block = 90, 2, 7
    state = [rng.integers(0, 3, (n, n_frames)) for n in (3, 4)]
    record = both(*state)
    # sites of the two species are 8.5 A apart at least
    rule = CrystalEvents("proximity", 8.6 if across else 4.0)
    hops = LinkedHops((rule, rule), record, np.arange(7, dtype=np.int32))
    monkeypatch.setattr("mda_ionmech.events.crystal.site_history.frames_at_once", lambda n: 16)
    assert len(hops.edges(window)) > 4
    assert hops.edges(window)[0] == 0
    assert hops.edges(window)[-1] == n_frames - window
    species = []
    for member, sites in enumerate(state):
        position = rng.normal(size=(len(sites), 3, n_frames)).cumsum(axis=-1)
        runs = label_runs(sites.T.astype(np.int32))
        joint = JointLabels(hops, member, runs)
        species.append(CarrierLabels(position, runs, None, 4, None, 0, joint))
    collective = np.stack([one.position.sum(axis=0) for one in species])
    found = window_sums(species, window, sub_block, collective)
    blocks = list(hops.blocks(window))
    every = np.concatenate([block.cluster for block in blocks], axis=1)
    label = np.concatenate([block.label for block in blocks], axis=1)
    assert [block.first for block in blocks] == hops.edges(window)[:-1]
    sub = np.arange(n_frames - window) // sub_block
    mixed = [set(every[:3, t]) & set(every[3:, t]) - {-1} for t in range(n_frames - window)]
    assert any(mixed) == across
    for member, one in enumerate(species):
        rows = hops.rows(member)
        d = one.position[:, :, window:] - one.position[:, :, :-window]
        expected = {
            name: np.zeros(n_frames - window) for name in ("hopping", "clustered", "largest")
        }
        clusters, incluster = np.zeros((2, 4, n_frames - window))
        for t in range(n_frames - window):
            mine = every[rows, t]
            expected["hopping"][t] = np.sum(mine >= 0)
            # whatever the species of the others; the largest of this one alone
            expected["clustered"][t] = sum(np.sum(every[:, t] == r) > 1 for r in mine if r >= 0)
            expected["largest"][t] = max((np.sum(mine == r) for r in mine if r >= 0), default=0)
            for r in sorted(set(mine) - {-1}):
                members = np.flatnonzero(mine == r)
                clusters[label[rows, t][members[0]], t] += 1
                for i in members:
                    others = [j for j in members if j != i]
                    incluster[label[rows, t][i], t] += d[i, :, t] @ d[others, :, t].sum(axis=0)
        for name, values in expected.items():
            summed = np.bincount(sub, weights=values)
            np.testing.assert_array_equal(getattr(found, name)[:, member], summed, err_msg=name)
        for e in range(4):
            row = 4 * member + e
            np.testing.assert_array_equal(found.clusters[:, row], np.bincount(sub, clusters[e]))
            np.testing.assert_allclose(
                found.incluster[:, row], np.bincount(sub, incluster[e]), atol=1e-9
            )
            assert np.all(np.bincount(sub, (label[rows] == e).sum(axis=0)) == found.number[:, row])
    assert found.largest.max() > 1
