"""What every macrostate rule inherits, and the rule for sites."""

from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech import InputError
from mda_ionmech.lib.run_length import label_runs
from mda_ionmech.macrostates import MacrostateRule, Macrostates, RunStates, SiteType, map_shells
from mda_ionmech.macrostates.base import dense_states, prepared_macrostates
from mda_ionmech.microstates import Microstates, ShellTable

STATE = np.array([[0, 1], [0, 2], [1, 2], [1, 1], [0, 1]])


def shells(kinds, types=("a", "b", "c")):
    number = np.arange(len(kinds) + 1)
    return ShellTable(number, number[:-1], number[:-1], np.array(kinds), types)


def test_states_become_runs_unless_they_came_with_them():
    state = STATE.astype(np.int16)
    runs = Macrostates(state, ("x", "y", "z")).label_runs()
    assert runs.offsets.tolist() == [0, 3, 6]
    assert runs.start.tolist() == [0, 2, 4, 0, 1, 3]
    assert runs.value.tolist() == [0, 1, 0, 1, 2, 1]
    given = label_runs(STATE)
    assert Macrostates(state, ("x", "y", "z"), runs=given).label_runs() is given
    dense = dense_states(given)
    assert dense.dtype == np.int16
    np.testing.assert_array_equal(dense, STATE)


def test_labels_of_shells_are_those_of_the_carriers_that_have_them():
    micro = Microstates(label_runs(STATE), shells([2, 0, 1]))
    states = RunStates([None, None], [None, micro], np.arange(3), 5)
    macro = map_shells(states, 1, ("p", "q", "r"), lambda table: (table.kind + 1) % 3)
    np.testing.assert_array_equal(macro.state, np.array([0, 1, 2])[STATE])
    assert macro.names == ("p", "q", "r")
    np.testing.assert_array_equal(macro.label_runs().dense().T, macro.state)
    # shells that share a label are one run
    same = map_shells(states, 1, ("p",), lambda table: 0 * table.kind)
    assert same.label_runs().n_changes == 0
    assert states.folder is None
    on_disk = SimpleNamespace(runs=SimpleNamespace(folder="here"))
    assert RunStates([None, None], [None, on_disk], np.arange(3), 5).folder == "here"
    assert RunStates([None], [None], np.arange(3), 5).folder is None


def test_what_is_no_label_of_a_shell_is_refused():
    micro = Microstates(label_runs(STATE), shells([2, 0, 1]))
    states = RunStates([None, None], [None, micro], np.arange(3), 5)

    def made(states=states, index=1, names=("p", "q"), label=lambda table: 0 * table.kind):
        return map_shells(states, index, names, label)

    wrong = [None, "abc", 10**5000, object(), 2.5, True, [], {}]
    for argument, values in {"states": wrong, "index": [*wrong, -1, 2, 0], "label": wrong}.items():
        for value in values:
            with pytest.raises(InputError, match=rf"^{argument}\b"):
                made(**{argument: value})
    for value in [None, "abc", 10**5000, 2.5, (), ("p", "p"), ("p q",), ("p", 3)]:
        with pytest.raises(InputError, match=r"map_shells\(\.\.\.\)"):
            made(names=value)
    for value in [*wrong, [0, 1], np.zeros((3, 1), int), [0.0, 1.0, 1.0], [0, 1, 2], [-1, 0, 0]]:
        with pytest.raises(InputError, match=r"label (must be an array|returned places)"):
            made(label=lambda table, value=value: value)
    assert made(label=lambda table: [0, 1, 1]).names == ("p", "q")


class Kept(MacrostateRule):
    """Keeps in itself what it is prepared with, and returns nothing."""

    names = ("all",)

    def __init__(self):
        self.seen = []

    def prepare(self, universe, ligands):
        self.seen.append((universe, sorted(ligands)))

    def assign(self, states, index):
        raise NotImplementedError


class Plain(MacrostateRule):
    names = ("all",)

    def assign(self, states, index):
        raise NotImplementedError


@pytest.mark.parametrize("ligands", [None, {"anion": None}])
def test_a_rule_is_prepared_without_being_changed(ligands):
    detector = None if ligands is None else SimpleNamespace(ligands=ligands)
    rule = Kept()
    mine = prepared_macrostates(SimpleNamespace(macrostates=rule, microstates=detector), "u")
    assert (rule.seen, mine.seen) == ([], [("u", sorted(ligands or {}))])
    # one with nothing to prepare is taken as it is, and so is none
    for plain in (Plain(), None):
        one = SimpleNamespace(macrostates=plain, microstates=detector)
        assert prepared_macrostates(one, "u") is plain
    assert rule.describe() == {"rule": "Kept", "names": ["all"]}


def test_a_frozen_rule_may_return_another():
    class Other(SiteType):
        def prepare(self, universe, ligands):
            return universe

    one = SimpleNamespace(macrostates=Other(), microstates=None)
    assert prepared_macrostates(one, "found") == "found"


def test_the_type_of_a_site_is_its_label():
    rule = SiteType()
    micro = Microstates(label_runs(STATE), shells([2, 0, 1]))
    macro = rule.assign(RunStates([None], [micro], np.arange(3), 5), 0)
    assert macro.names == ("a", "b", "c")
    np.testing.assert_array_equal(macro.state, np.array([2, 0, 1])[STATE])
    species = [
        SimpleNamespace(name=name, microstates=detector)
        for name, detector in (
            ("on sites", SimpleNamespace(has_sites=True)),
            ("in shells", SimpleNamespace(has_sites=False)),
            ("bare", None),
        )
    ]
    rule.check(species, 0)
    for index in (1, 2):
        with pytest.raises(InputError, match=f"SiteType of species '{species[index].name}' needs"):
            rule.check(species, index)
