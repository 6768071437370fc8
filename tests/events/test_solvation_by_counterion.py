"""Association, dissociation and swap of counter-ions: loops as a twin, sums, melts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import EventRule, SolvationEvents
from mda_ionmech.macrostates import ShellComposition
from mda_ionmech.microstates import CutoffShell, ShellTable

from ..builders import brownian, make_universe

ENDS = ("association", "dissociation", "swap")


def table(rows, types):
    """Shells of (molecule, kind, atom)."""
    rows = [sorted(row, key=lambda m: m[2]) for row in rows]
    flat = np.array([m for row in rows for m in row], dtype=np.int64).reshape(-1, 3)
    return ShellTable(
        offsets=np.cumsum([0] + [len(row) for row in rows]),
        atom=flat[:, 2],
        molecule=flat[:, 0],
        kind=flat[:, 1],
        types=types,
    )


def class_and_rotation(before, after, types, ion):
    """The class of a pair of shells, and whether a kept molecule binds by other atoms, by loops."""
    had, has = ({m for m, _, _ in row} for row in (before, after))
    rotated = False
    for m in had & has:
        old, new = ({a for n, _, a in row if n == m} for row in (before, after))
        rotated |= bool(old - new) and bool(new - old)
    lost, gained = had - has, has - had
    ions = {m for m, k, _ in (*before, *after) if types[k] == ion}
    if not lost | gained:
        return "vehicular", rotated
    if lost and gained and not had & has:
        return "renewal", rotated
    if not (lost | gained) & ions:
        return "solvent_exchange", rotated
    if not lost | gained <= ions:
        return "mixed_exchange", rotated
    change = "swap" if lost and gained else "dissociation" if lost else "association"
    return f"{ion}_{change}", rotated


# a molecule of three atoms may bind by any of them
member = st.tuples(st.integers(0, 4), st.integers(0, 2))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.sets(member, max_size=6), min_size=2, max_size=6),
    of=st.sampled_from([(1, "anion", True), (-1, "cation", True), (-1, "cation", False)]),
)
def test_classes_are_those_of_loops_and_sum_to_the_plain_ones(rows, of):
    charge, ion, solvent = of
    types = (ion, "solvent") if solvent else (ion,)
    # molecules 0 to 2 are counter-ions; atom ids in any order of molecules
    rows = [
        [(m, int(solvent and m > 2), 3 * ((m * 3) % 7) + k) for m, k in row] for row in rows
    ]  # fmt: skip
    shells = table(rows, types)
    before, after = (x.ravel() for x in np.indices((len(rows), len(rows))))
    rule = SolvationEvents(resolve="counterion").for_carriers(charge, types)
    codes, flags = rule.classify(shells, before, after)
    found = [rule.names[k] for k in codes]
    wanted = [
        class_and_rotation(rows[i], rows[j], types, ion)
        for i, j in zip(before, after, strict=True)
    ]  # fmt: skip
    assert found == [name for name, _ in wanted]
    bit = rule.flag_names.index("rotation")
    assert [bool(f >> bit & 1) for f in flags] == [rotated for _, rotated in wanted]
    np.testing.assert_array_equal(codes, EventRule.classify(rule, shells, before, after)[0])
    plain = SolvationEvents().for_carriers(charge, types)
    whole, same = plain.classify(shells, before, after)
    np.testing.assert_array_equal(flags, same)
    joined = dict.fromkeys([f"{ion}_{end}" for end in ENDS], f"{ion}_exchange")
    assert [joined.get(n, n) for n in found] == [plain.names[k] for k in whole]


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [((0, 1), (0,), "dissociation"), ((0,), (0, 1), "association"), ((0, 1), (0, 2), "swap")],
)
def test_ions_lost_gained_and_swapped(before, after, name):
    shells = table([[(m, 0, m) for m in shell] for shell in (before, after)], ("anion",))
    rule = SolvationEvents(resolve="counterion").for_carriers(1, ("anion",))
    assert rule.label(shells[0], shells[1]) == f"anion_{name}"
    (code,), _ = rule.classify(shells, np.array([0]), np.array([1]))
    assert rule.names[code] == f"anion_{name}"


def test_classes_of_solvents_are_left_out_where_there_is_none():
    rule = SolvationEvents(resolve="counterion")
    only = ("vehicular", "renewal", "anion_association", "anion_dissociation", "anion_swap")
    assert rule.for_carriers(1, ("anion",)).names == only
    with_solvent = rule.for_carriers(1, ("anion", "EC")).names
    assert with_solvent == (*only[:2], "solvent_exchange", *only[2:], "mixed_exchange")
    assert rule.names == with_solvent
    assert SolvationEvents().for_carriers(1, ("anion",)).names == SolvationEvents.names


def melt(rule, seed=3):
    """Two kinds of ions alone, the anions of three atoms that turn."""
    rng = np.random.default_rng(seed)
    n_cations, n_anions = 8, 8
    walk = brownian(rng, 300, n_cations + n_anions, 0.1, 1.0)
    walk += rng.uniform(0, 10, (n_cations + n_anions, 3))
    arms = rng.normal(size=(300, n_anions, 3, 3))
    anions = walk[:, n_cations:, None] + arms / np.linalg.norm(arms, axis=-1, keepdims=True)
    x = np.concatenate([walk[:, :n_cations], anions.reshape(300, -1, 3)], axis=1)
    u = make_universe(
        x, (10, 10, 10, 90, 90, 90),
        residue=[*range(n_cations), *np.repeat(np.arange(n_anions), 3) + n_cations],
        names=["C"] * n_cations + ["A"] * 3 * n_anions,
        masses=[7.0] * n_cations + [20.0] * 3 * n_anions,
    )  # fmt: skip
    c, a = u.select_atoms("name C"), u.select_atoms("name A")
    cations = IonSpecies(
        c, charge=1, name="C+", events=rule, microstates=CutoffShell(3.5, anion=a),
        macrostates=ShellComposition("molecules", most=8),
    )  # fmt: skip
    anions = IonSpecies(
        a, charge=-1, name="A-", compound="residues", events=rule,
        microstates=CutoffShell(3.5, cation=c), macrostates=ShellComposition("molecules", most=8),
    )  # fmt: skip
    return OnsagerDecomposition(
        [cations, anions], temperature=300, windows=[1, 4], resolutions=[1.0], horizons=[4.0]
    ).run()


@pytest.fixture(scope="module")
def melts():
    return melt(SolvationEvents()), melt(SolvationEvents(resolve="counterion"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "ion"), [("C+", "anion"), ("A-", "cation")])
def test_a_melt_is_resolved_for_both_ions_with_exact_sums(melts, name, ion):
    classes = [f"{ion}_{end}" for end in ENDS]
    for reading in ({"window": 1.0}, {"view": "path", "resolution": 1.0, "horizon": 4.0}):
        plain, table = (run.results.summary(species=name, **reading) for run in melts)
        scale = table["onsager"].abs().sum()
        assert table.loc[classes, "onsager"].sum() == pytest.approx(
            plain.loc[f"{ion}_exchange", "onsager"], abs=1e-10 * scale
        )
        assert table.loc["vehicular", "share"] == plain.loc["vehicular", "share"]
        assert table["share"].sum() == pytest.approx(1)
        assert set(table.index) == {"vehicular", "renewal", *classes}
    # the classes are the flags of the plain one
    for end in ENDS:
        split = melts[0].results.summary(1.0, species=name, by=end)
        whole = melts[1].results.summary(1.0, species=name)
        assert split.loc[(f"{ion}_exchange", True), "count"] == whole.loc[f"{ion}_{end}", "count"]
    assert set(melts[1].results.settings["species"][0]["events"]) >= {"resolve", "names"}


@pytest.mark.slow
def test_anions_that_turn_in_a_cage_are_told_from_those_that_keep_their_contacts(melts):
    """Cations see which atoms of an anion touch them; an anion sees cations of one atom."""
    rotated = melts[0].results.summary(1.0, species="C+", by="rotation")
    assert rotated.loc[("vehicular", True), "count"] > 100
    held = melts[0].results.summary(1.0, species="A-", by="rotation")
    assert ("vehicular", True) not in held.index


@pytest.mark.slow
def test_flags_still_split_and_ligands_are_refused_with_a_reason(melts):
    _, resolved = melts
    parts = resolved.results.summary(1.0, species="A-", by="denticity")
    whole = resolved.results.summary(1.0, species="A-")
    np.testing.assert_allclose(
        parts["share"].groupby(level="event").sum()[whole.index], whole["share"], atol=1e-12
    )
    with pytest.raises(ValueError, match="has no class solvent_exchange to split"):
        resolved.results.summary(1.0, species="A-", by="ligand")
