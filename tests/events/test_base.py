"""What every event rule inherits: codes of pairs, preparation that leaves the rule as it was."""

import pickle

import numpy as np
import pytest

from mda_ionmech.events import EventRule, SolvationEvents
from mda_ionmech.events.base import EventCodes, members_in_order, prepared
from mda_ionmech.microstates import ShellTable

from .test_solvation import a, s, table


class Kept(EventRule):
    """Keeps in itself what it is prepared with, and returns nothing."""

    names = ("same", "other")

    def __init__(self):
        self.seen = []

    def prepare(self, universe, ligands):
        self.seen.append((universe, sorted(ligands)))

    def label(self, before, after):
        return self.names[int(before.molecule_set() != after.molecule_set())]


class Plain(EventRule):
    names = ("one",)

    def __init__(self):
        self.list = []

    def label(self, before, after):
        return "one"


def test_a_rule_is_prepared_without_being_changed():
    rule = Kept()
    mine = prepared(rule, "universe", {"solvent": None}, 1.0)
    assert (rule.seen, mine.seen) == ([], [("universe", ["solvent"])])
    # a rule with nothing to prepare, and one that is frozen, are taken as they are
    plain = Plain()
    assert prepared(plain, None, {"solvent": None}, 1.0) is plain
    frozen = SolvationEvents()
    found = prepared(frozen, None, {"cation": None, "solvent": None}, -1.0)
    assert (frozen.counterion, found.counterion) == ("anion", "cation")


def test_codes_of_pairs_are_labels_by_place_and_asked_once(monkeypatch):
    shells = table([s(1)], [s(1), s(2)], [a(5)], [])
    asked = []

    def label(self, before, after):
        asked.append((tuple(before.molecule_set()), tuple(after.molecule_set())))
        return self.names[int(before.molecule_set() != after.molecule_set())]

    monkeypatch.setattr(Kept, "label", label)
    codes = EventCodes(Kept(), shells)
    before, after = np.array([0, 0, 1, 0, 3]), np.array([0, 1, 1, 1, 2])
    np.testing.assert_array_equal(codes(before, after), [0, 1, 0, 1, 1])
    np.testing.assert_array_equal(codes(before, after), [0, 1, 0, 1, 1])
    assert len(asked) == 4, "each distinct pair once"
    found, flags = codes.with_flags(before, after)
    np.testing.assert_array_equal(flags, np.zeros(5))
    np.testing.assert_array_equal(found, [0, 1, 0, 1, 1])


@pytest.mark.parametrize("rule", [SolvationEvents(), Kept()])
def test_codes_of_a_large_table_are_those_of_a_small_one(rule, monkeypatch):
    rng = np.random.default_rng(0)
    shells = table(*([s(int(k)) for k in rng.integers(0, 4, n)] for n in rng.integers(0, 4, 30)))
    before, after = rng.choice([1, 2, 5, 9, 20], (2, 60))
    small = EventCodes(rule, shells)
    wanted = small.with_flags(before, after)
    monkeypatch.setattr(ShellTable, "is_large", property(lambda self: True))
    large = EventCodes(rule, shells)
    assert large._known is None
    assert small._known is not None
    for codes in (large, pickle.loads(pickle.dumps(large))):
        for one, other in zip(codes.with_flags(before, after), wanted, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(20))
def test_members_are_sorted_only_where_a_shell_is_out_of_order(seed):
    rng = np.random.default_rng(seed)
    offsets = np.cumsum(np.r_[0, rng.integers(0, 4, size=6)])
    n = int(offsets[-1])
    first, second = rng.integers(0, 3, size=(2, n))
    shells = ShellTable(offsets, second, first, np.zeros(n, dtype=np.int64), ("solvent",))
    shell_of = np.repeat(np.arange(6), np.diff(offsets))
    expected = np.lexsort((second, first, shell_of))
    found = members_in_order(shells, first, second)
    for key in (first, second):
        np.testing.assert_array_equal(key[found], key[expected])
    in_order = ShellTable(offsets, second[expected], first[expected], shells.kind, shells.types)
    assert members_in_order(in_order, first[expected], second[expected]) == slice(None)
