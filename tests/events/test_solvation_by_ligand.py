"""Exchange by solvent: loops over molecules as a twin, sums, and mixed solvents in a run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import EventRule, SolvationEvents
from mda_ionmech.macrostates import ShellComposition
from mda_ionmech.microstates import CutoffShell, ShellTable

from ..builders import brownian, make_universe

TYPES = ("EC", "anion", "DMC", "FEC")
CLASSES = (
    *("vehicular", "renewal", "EC_exchange", "DMC_exchange", "FEC_exchange"),
    *("mixed_solvent_exchange", "anion_exchange", "mixed_exchange"),
)
RULE = SolvationEvents(resolve="ligand").for_carriers(1, TYPES)


def table(rows):
    """Shells of (molecule, kind)."""
    flat = [(m, k) for row in rows for m, k in sorted(row)]
    return ShellTable(
        offsets=np.cumsum([0] + [len(row) for row in rows]),
        atom=np.array([10 * m + k for m, k in flat], dtype=np.int64),
        molecule=np.array([m for m, _ in flat], dtype=np.int64),
        kind=np.array([k for _, k in flat], dtype=np.int64),
        types=TYPES,
    )


def class_of(before, after):
    """The class of a pair of shells, by loops."""
    had, has = ({m for m, _ in row} for row in (before, after))
    changed = had ^ has
    if not changed:
        return "vehicular"
    if had and has and not had & has:
        return "renewal"
    kinds = {m: {TYPES[k] for n, k in (*before, *after) if n == m} for m in changed}
    ions = [m for m in changed if "anion" in kinds[m]]
    if len(ions) == len(changed):
        return "anion_exchange"
    if ions:
        return "mixed_exchange"
    met = set().union(*kinds.values())
    return f"{met.pop()}_exchange" if len(met) == 1 else "mixed_solvent_exchange"


def test_names():
    assert RULE.names == CLASSES
    of_anions = SolvationEvents(resolve="ligand").for_carriers(-1, ("cation", "EC"))
    assert of_anions.names == (
        "vehicular", "renewal", "EC_exchange", "cation_exchange", "mixed_exchange",
    )  # fmt: skip
    assert RULE.describe()["resolve"] == "ligand"


# a molecule may bind by atoms of two types
member = st.tuples(st.integers(0, 4), st.integers(0, 3))


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.sets(member, max_size=5), min_size=2, max_size=6))
def test_classes_are_those_of_loops_and_sum_to_the_plain_ones(rows):
    shells = table(rows)
    before, after = (x.ravel() for x in np.indices((len(rows), len(rows))))
    codes, flags = RULE.classify(shells, before, after)
    found = [RULE.names[k] for k in codes]
    assert found == [class_of(rows[i], rows[j]) for i, j in zip(before, after, strict=True)]
    np.testing.assert_array_equal(codes, EventRule.classify(RULE, shells, before, after)[0])
    plain = SolvationEvents().for_carriers(1, TYPES)
    whole, same = plain.classify(shells, before, after)
    np.testing.assert_array_equal(flags, same)
    solvent = dict.fromkeys(CLASSES[2:6], "solvent_exchange")
    assert [solvent.get(n, n) for n in found] == [plain.names[k] for k in whole]


def mixed_universe():
    rng = np.random.default_rng(3)
    kinds = ["I"] * 3 + ["E"] * 8 + ["D"] * 8 + ["X"] * 4
    path = brownian(rng, 300, len(kinds), 0.1, 1.0) + rng.uniform(0, 10, (len(kinds), 3))
    return make_universe(path, (10, 10, 10, 90, 90, 90), names=kinds, masses=[10.0] * len(kinds))


def run_of(universe, rule):
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="I+",
        microstates=CutoffShell(
            3.5,
            EC=universe.select_atoms("name E"),
            DMC=universe.select_atoms("name D"),
            anion=universe.select_atoms("name X"),
        ),
        events=rule,
        macrostates=ShellComposition(),
    )
    return OnsagerDecomposition(
        [ions], temperature=300, frame="laboratory", windows=[1, 4], resolutions=[1.0],
        horizons=[4.0],
    ).run()  # fmt: skip


@pytest.fixture(scope="module")
def mixed():
    universe = mixed_universe()
    return [
        run_of(universe, rule) for rule in (SolvationEvents(), SolvationEvents(resolve="ligand"))
    ]


@pytest.mark.slow
def test_a_run_resolves_exchange_by_solvent(mixed):
    plain, resolved = mixed
    for reading in ({"window": 1.0}, {"view": "path", "resolution": 1.0, "horizon": 4.0}):
        whole, table = (run.results.summary(**reading) for run in mixed)
        by = plain.results.summary(by="ligand", **reading)
        solvents = ["EC_exchange", "DMC_exchange", "mixed_solvent_exchange"]
        scale = table["onsager"].abs().sum()
        assert table.loc[solvents, "onsager"].sum() == pytest.approx(
            whole.loc["solvent_exchange", "onsager"], abs=1e-10 * scale
        )
        for kind, name in zip(("EC", "DMC", "several"), solvents, strict=True):
            assert by.loc[("solvent_exchange", kind), "share"] == table.loc[name, "share"]
        assert by.loc[("vehicular", ""), "share"] == table.loc["vehicular", "share"]
    assert plain.split_by("ligand").summary(4.0).equals(resolved.results.summary(4.0))
    # a resolved class is split by a flag as any other
    parts = resolved.results.summary(1.0, by="swap")
    np.testing.assert_allclose(
        parts["share"].groupby(level="event").sum()["EC_exchange"],
        resolved.results.summary(1.0).loc["EC_exchange", "share"],
        atol=1e-12,
    )


def test_macrostates_of_a_mixed_solvent_go_with_it(mixed):
    _, resolved = mixed
    held = resolved.results.transitions["population"].sel(species="I+")
    assert {"EC_only", "DMC_only", "EC_DMC", "EC_DMC_anion"} <= {
        str(m) for m in held["macrostate_start"].values
    }
    assert float(held.sum()) == pytest.approx(1.0)


def test_wrong_choices(mixed):
    with pytest.raises(InputError, match=r"resolve='type'\): must be None, 'ligand' for"):
        SolvationEvents(resolve="type")
    with pytest.raises(InputError, match="'mixed_exchange', which is another class; give the type"):
        SolvationEvents(resolve="ligand").for_carriers(1, ("mixed", "anion"))
    with pytest.raises(InputError, match="has no ligand types yet: for_carriers"):
        SolvationEvents(resolve="ligand").classify(
            table([[], []]), np.zeros(1, int), np.ones(1, int)
        )
    with pytest.raises(InputError, match=r"of 'I\+' are resolved by ligand already"):
        mixed[1].results.summary(1.0, by="ligand")
