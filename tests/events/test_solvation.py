"""Labels on shells built to have them, and the fast rule against the plain one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import InputError
from mda_ionmech.events import EventRule, SolvationEvents
from mda_ionmech.microstates import ShellTable

SOLVENT, ANION = 0, 1


def table(*shells):
    """Shells given as lists of (molecule, kind, atom)."""
    rows = [sorted(shell, key=lambda m: m[2]) for shell in shells]
    flat = [m for shell in rows for m in shell]
    return ShellTable(
        offsets=np.cumsum([0] + [len(s) for s in rows]),
        atom=np.array([m[2] for m in flat], dtype=np.int64),
        molecule=np.array([m[0] for m in flat], dtype=np.int64),
        kind=np.array([m[1] for m in flat], dtype=np.int64),
        types=("solvent", "anion"),
    )


def s(molecule, atom=None):
    return (molecule, SOLVENT, molecule * 10 if atom is None else atom)


def a(molecule, atom=None):
    return (molecule, ANION, molecule * 10 if atom is None else atom)


@pytest.mark.parametrize(
    ("before", "after", "label", "flags"),
    [
        ([s(1), s(2)], [s(1), s(2)], "vehicular", set()),
        ([], [], "vehicular", {"bare"}),
        ([s(1), s(2)], [s(3), s(4)], "renewal", {"swap"}),
        ([s(1)], [a(2)], "renewal", {"swap"}),
        ([s(1), s(2)], [s(1), s(3)], "solvent_exchange", {"swap"}),
        ([s(1), s(2)], [s(1)], "solvent_exchange", {"dissociation"}),
        ([s(1)], [s(1), s(2)], "solvent_exchange", {"association"}),
        ([], [s(1)], "solvent_exchange", {"association"}),
        ([s(1), a(7)], [s(1)], "anion_exchange", {"dissociation"}),
        ([s(1), a(7)], [s(1), a(8)], "anion_exchange", {"swap"}),
        ([a(7)], [], "anion_exchange", {"dissociation"}),
        ([s(1), s(2)], [s(1), a(7)], "mixed_exchange", {"swap"}),
        ([s(1), a(7, 70)], [s(1), a(7, 70), a(7, 71)], "vehicular", {"denticity"}),
        ([s(1), a(7, 70)], [s(1), a(7, 71)], "vehicular", {"rotation"}),
        ([a(7, 70), a(7, 71)], [a(7, 70), a(7, 72)], "vehicular", {"rotation"}),
        ([s(1), a(7, 70)], [a(7, 71), a(7, 72)], "solvent_exchange",
         {"dissociation", "denticity", "rotation"}),
        ([s(1), s(2), a(7, 70)], [s(1), a(7, 70), a(7, 71)], "solvent_exchange",
         {"denticity", "dissociation"}),
    ],
)  # fmt: skip
def test_labels_and_flags(before, after, label, flags):
    rule = SolvationEvents()
    shells = table(before, after)
    codes, bits = rule.classify(shells, np.array([0]), np.array([1]))
    assert rule.names[codes[0]] == label
    assert {name for k, name in enumerate(rule.flag_names) if bits[0] >> k & 1} == flags
    assert rule.label(shells[0], shells[1]) == label


def plain_flags(before, after):
    """Flags of a pair of shells, each a list of (molecule, kind, atom), from sets."""
    had, has = ({m for m, *_ in shell} for shell in (before, after))
    atoms = [
        [{one[2] for one in shell if one[0] == m} for shell in (before, after)] for m in had & has
    ]
    return {
        name
        for name, set_ in {
            "bare": not had and not has,
            "association": has > had,
            "dissociation": had > has,
            "swap": bool(has - had and had - has),
            "denticity": any(len(x) != len(y) for x, y in atoms),
            "rotation": any(x - y and y - x for x, y in atoms),
        }.items()
        if set_
    }


member = st.tuples(st.integers(0, 5), st.integers(0, 2))


@settings(max_examples=200, deadline=None)
@given(shells=st.lists(st.sets(member, max_size=6), min_size=2, max_size=6))
def test_fast_and_plain_rule_agree(shells):
    # molecules 0 to 2 are solvent, the others anions; atom ids in any order of molecules
    rows = [
        [(m, SOLVENT if m < 3 else ANION, 3 * ((m * 5) % 7) + k) for m, k in shell]
        for shell in shells
    ]
    shells = table(*rows)
    before, after = (x.ravel() for x in np.indices((len(rows), len(rows))))
    rule = SolvationEvents()
    codes, bits = rule.classify(shells, before, after)
    plain, _ = EventRule.classify(rule, shells, before, after)
    np.testing.assert_array_equal(codes, plain)
    for i, j, found in zip(before, after, bits, strict=True):
        named = {name for k, name in enumerate(rule.flag_names) if found >> k & 1}
        assert named == plain_flags(rows[i], rows[j])


def test_without_counterions_among_the_ligands_every_exchange_is_of_solvent():
    shells = replace(table([s(1), a(2)], [s(1), a(3)], [s(1)]), types=("water", "ether"))
    rule = SolvationEvents()
    before, after = np.array([0, 0, 2]), np.array([1, 2, 1])
    codes, _ = rule.classify(shells, before, after)
    assert [rule.names[k] for k in codes] == ["solvent_exchange"] * 3
    plain, _ = EventRule.classify(rule, shells, before, after)
    np.testing.assert_array_equal(codes, plain)


def test_a_rule_of_a_user_takes_ten_lines():
    class Lost(EventRule):
        names = ("kept", "lost")

        def label(self, before, after):
            return "lost" if before.molecule_set() - after.molecule_set() else "kept"

    shells = table([s(1), s(2)], [s(1)], [])
    before, after = (x.ravel() for x in np.indices((3, 3)))
    codes, flags = Lost().classify(shells, before, after)
    assert codes.tolist() == [0, 1, 1, 0, 0, 1, 0, 0, 0]
    assert not flags.any()


def test_an_unnamed_label_is_refused():
    class Wrong(EventRule):
        names = ("kept",)

        def label(self, before, after):
            return "oops"

    with pytest.raises(InputError, match="returned 'oops', which is not in its names"):
        Wrong().classify(table([s(1)]), np.array([0]), np.array([0]))


def test_a_rule_cannot_change_the_shells_it_is_shown():
    class Careless(EventRule):
        names = ("kept",)

        def label(self, before, after):
            before.atoms[:] = 0
            return "kept"

    shells = table([s(1)], [s(2)])
    with pytest.raises(ValueError, match="read-only"):
        Careless().classify(shells, np.array([0]), np.array([1]))
    assert shells.atom.flags.writeable


def test_types_that_are_not_there_are_refused():
    rule = "SolvationEvents"
    with pytest.raises(InputError, match=rf"{rule}: no ligand type 'anion', .*='anions' if that"):
        SolvationEvents().check(("solvent", "anions"))
    for options in ({"counterion": "salt"}, {"anion": "salt"}):
        with pytest.raises(InputError, match=r"\(counterion='salt'\): no such ligand type among"):
            SolvationEvents(**options).check(("solvent", "anion"))
    with pytest.raises(InputError, match=r"anion=\.\.\. is the older spelling of counterion"):
        SolvationEvents("anion", anion="salt")
    with pytest.raises(InputError, match="give the name of a ligand type"):
        SolvationEvents(3)
    SolvationEvents().check(("solvent",))
    SolvationEvents("anion", anion="anion").check(("solvent", "anion"))


@pytest.mark.parametrize(
    ("charge", "types", "given", "counterion", "exchange"),
    [
        (1, ("solvent", "anion"), None, "anion", "anion_exchange"),
        (-1, ("solvent", "cation"), None, "cation", "cation_exchange"),
        (2, ("solvent", "counterion"), None, "counterion", "anion_exchange"),
        (-1, ("solvent", "counterion"), None, "counterion", "cation_exchange"),
        (-1, ("solvent", "lithium"), "lithium", "lithium", "cation_exchange"),
        (1, ("solvent", "tfsi"), "tfsi", "tfsi", "anion_exchange"),
        # what is exchanged is named after its charge, whatever the type is called
        (-1, ("solvent", "anion"), "anion", "anion", "cation_exchange"),
        (-1, ("solvent", "anion"), None, "anion", "cation_exchange"),
        # a like ion is no counter-ion
        (1, ("cation", "anion"), None, "anion", "anion_exchange"),
        (-1, ("cation", "anion"), None, "cation", "cation_exchange"),
        (0, ("solvent", "cation"), None, "cation", "cation_exchange"),
        (0, ("solvent", "anion"), None, "anion", "anion_exchange"),
        (1, ("solvent",), None, "anion", "anion_exchange"),
        (-1, ("solvent",), None, "cation", "cation_exchange"),
    ],
)
def test_counterions_follow_from_the_charge_of_the_carrier(
    charge, types, given, counterion, exchange
):
    rule = SolvationEvents(given)
    found = rule.for_carriers(charge, types)
    assert (found.counterion, found.names[3]) == (counterion, exchange)
    assert found.names[:3] + found.names[4:] == rule.names[:3] + rule.names[4:]
    assert rule.names[3] == "anion_exchange"  # the choice itself is left as it is
    assert found.describe()["counterion"] == found.describe()["anion"] == counterion


def test_cations_that_see_cations_alone_are_ambiguous():
    with pytest.raises(InputError, match=r"give counterion='cation' .*better named 'anion'"):
        SolvationEvents().for_carriers(1, ("solvent", "cation"))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_labels_of_anions_are_those_of_cations_with_the_name_exchanged(data):
    """Fast and plain labels, for any shells of solvent and counter-ions."""
    members = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["solvent", "ion"])),
                       max_size=5, unique_by=lambda m: m[0])  # fmt: skip
    shells = [data.draw(members) for _ in range(2)]
    kind_of = {m: k for shell in shells for m, k in shell}
    anion, cation = (SolvationEvents("ion").for_carriers(z, ("solvent", "ion")) for z in (-1, 1))
    order = [np.array(sorted(m for m, _ in shell), dtype=int) for shell in shells]
    made = ShellTable(
        np.cumsum([0, *(len(o) for o in order)]), np.concatenate(order), np.concatenate(order),
        np.array([int(kind_of[m] == "ion") for o in order for m in o], dtype=int),
        ("solvent", "ion"),
    )  # fmt: skip
    codes, _ = anion.classify(made, np.array([0]), np.array([1]))
    label = anion.names[codes[0]]
    assert label == anion.label(made[0], made[1])
    exchanged = {"anion_exchange": "cation_exchange"}
    plain = cation.label(made[0], made[1])
    assert label == exchanged.get(plain, plain)
