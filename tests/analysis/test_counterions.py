"""Exchange of counter-ions as either ion sees it: one rule, two names, one count."""

import warnings

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.cli.config import Config, build_species
from mda_ionmech.events import PolymerEvents, SolvationEvents
from mda_ionmech.macrostates import IonPairing, ShellComposition
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.results.colors import EVENT_COLORS

from ..builders import brownian, make_universe

N_FRAMES, SWAP = 201, 25
BESIDE = np.array([2.0, 0, 0])
#: Windows of one frame in which both partners of an ion change.
N_SWAPS = 2 * ((N_FRAMES - 1) // SWAP)


def pairs():
    """Two lithium ions whose two anions change places; each ion keeps a solvent of its own."""
    rng = np.random.default_rng(0)
    walk = brownian(rng, N_FRAMES, 2, 0.01, 1.0)
    lithium = walk + np.array([[10.0, 10, 10], [30.0, 10, 10]])
    swapped = (np.arange(N_FRAMES) // SWAP % 2)[:, None, None]
    anion = np.where(swapped, lithium[:, ::-1], lithium) + BESIDE
    x = np.concatenate([lithium, anion, lithium - BESIDE, anion + BESIDE], axis=1)
    x += rng.normal(scale=0.02, size=x.shape)
    return make_universe(
        x, names=["LI"] * 2 + ["A"] * 2 + ["S"] * 4, masses=[7.0] * 2 + [80.0] * 2 + [18.0] * 4
    )


def analyse(u, cation_rule, anion_rule, **options):
    li, a, s = (u.select_atoms(f"name {n}") for n in ("LI", "A", "S"))
    shells = {
        "cation_shell": {"anion": a, "solvent": s},
        "anion_shell": {"cation": li, "solvent": s},
    }
    shells |= options
    species = [
        IonSpecies(atoms, charge=z, name=name, events=rule,
                   microstates=CutoffShell(2.8, **shells[kind]))
        for atoms, z, name, rule, kind in (
            (li, 1, "Li+", cation_rule, "cation_shell"), (a, -1, "A-", anion_rule, "anion_shell")
        )
    ]  # fmt: skip
    return OnsagerDecomposition(
        species, temperature=300, resolutions=None, windows=[1.0, 5.0], unwrap=False
    )


def test_one_rule_serves_both_ions(tmp_path):
    rule = SolvationEvents()
    run = analyse(pairs(), rule, rule).run()
    counts = {
        name: {e: n for e, n in run.results.summary(window=1.0, species=name)["count"].items() if n}
        for name in ("Li+", "A-")
    }
    stayed = 2 * (N_FRAMES - 1) - N_SWAPS
    assert counts["Li+"] == {"vehicular": stayed, "anion_exchange": N_SWAPS}
    assert counts["A-"] == {"vehicular": stayed, "cation_exchange": N_SWAPS}
    described = [s["events"] for s in run.results.settings["species"]]
    assert [d["counterion"] for d in described] == ["anion", "cation"]
    assert float(run.results.decomposition["residual"].max()) < 1e-12
    # what OVITO colours by
    with np.load(run.save_states(tmp_path / "a.states.npz")) as states:
        names = states["event_names"].tolist()
        assert {"anion_exchange", "cation_exchange"} <= set(names)
        colors = states["event_colors"]
    assert len({str(c) for c in colors.tolist()}) == len(names)


def test_the_older_spelling_gives_the_same():
    u = pairs()
    given = analyse(u, SolvationEvents(anion="anion"), SolvationEvents(anion="cation")).run()
    plain = analyse(u, SolvationEvents("anion"), SolvationEvents(counterion="cation")).run()
    for a, b in zip(
        given.results.decomposition.data_vars.values(),
        plain.results.decomposition.data_vars.values(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_ions_of_the_same_sign_are_no_counterions():
    u = pairs()
    li, s = u.select_atoms("name LI"), u.select_atoms("name S")
    with pytest.raises(InputError, match="2 atoms of that ligand type belong to 'Li\\+', whose"):
        analyse(u, SolvationEvents("like"), None, cation_shell={"like": li, "solvent": s})


def test_a_type_named_anion_is_taken_for_the_counterions_of_an_anion_and_that_is_said():
    u = pairs()
    li, a, s = (u.select_atoms(f"name {n}") for n in ("LI", "A", "S"))
    with pytest.warns(UserWarning, match="'anion' of A- is used as its counter-ions, .*cations"):
        run = analyse(u, None, SolvationEvents(), anion_shell={"anion": li, "solvent": s})
    counted = run.run().results.summary(window=1.0, species="A-")["count"]
    assert counted["cation_exchange"] == N_SWAPS
    with pytest.raises(InputError, match="belong to 'A-', whose charge"):
        analyse(u, None, SolvationEvents(), anion_shell={"anion": a, "solvent": s})


@pytest.mark.parametrize("rule", [SolvationEvents, PolymerEvents])
@pytest.mark.parametrize("argument", ["counterion", "anion"])
def test_every_rule_refuses_a_type_its_detector_lacks(rule, argument):
    with pytest.raises(InputError, match=r"counterion='salt'\): no such ligand type among"):
        analyse(pairs(), rule(**{argument: "salt"}), None)


def test_macrostate_rules_refuse_a_type_no_detector_has():
    u = pairs()
    li, s = u.select_atoms("name LI"), u.select_atoms("name S")
    for rule in (
        IonPairing("salt"), ShellComposition("chains", chains="residues", anion="salt"),
        ShellComposition(of="salt"),
    ):  # fmt: skip
        ions = IonSpecies(
            li, charge=1, name="Li+", microstates=CutoffShell(2.8, solvent=s), macrostates=rule
        )
        with pytest.raises(InputError, match="'salt'"):
            OnsagerDecomposition([ions], temperature=300, frame="laboratory")


@pytest.mark.slow
def test_polymer_rules_name_the_counterion_too():
    u = pairs()
    chains = PolymerEvents(chains=np.arange(8))
    run = analyse(u, chains, chains).run()
    assert "anion_assisted" in run.event_names(0)
    assert "cation_assisted" in run.event_names(1)
    for k, name in enumerate(("Li+", "A-")):
        counted = run.results.summary(window=1.0, species=name)["count"]
        assert counted[("anion_assisted", "cation_assisted")[k]] == N_SWAPS


def test_a_study_of_the_solvent_alone_needs_no_counterion():
    u = pairs()
    s = {"solvent": u.select_atoms("name S")}
    run = analyse(u, SolvationEvents(), SolvationEvents(), cation_shell=s, anion_shell=s)
    assert run.species[1].events.names[3] == "cation_exchange"


@pytest.mark.parametrize("key", ["counterion", "anion"])
def test_toml_takes_both_spellings(key):
    text = {
        "topology": "a.gro", "trajectory": "a.xtc", "analysis": {"temperature": 300},
        "species": [{
            "name": "A-", "selection": "name A", "charge": -1,
            "microstates": {"rule": "CutoffShell", "cutoff": 2.8,
                            "ligands": {"lithium": "name LI", "solvent": "name S"}},
            "events": {"rule": "SolvationEvents", key: "lithium"},
        }],
    }  # fmt: skip
    (species,) = build_species(Config.model_validate(text), pairs())
    assert species.events.for_carriers(-1, ("lithium", "solvent")).names[3] == "cation_exchange"


def test_every_event_of_a_rule_has_a_color_of_its_own():
    for rule in (SolvationEvents(), PolymerEvents()):
        for charge, kind in ((1, "anion"), (-1, "cation")):
            names = rule.for_carriers(charge, ("polymer", kind)).names
            assert len({EVENT_COLORS[name] for name in names}) == len(names)
    assert EVENT_COLORS["cation_exchange"] != EVENT_COLORS["anion_exchange"]


@pytest.mark.parametrize(
    ("shell", "said"),
    [
        ({"anion": "A", "solvent": "S"}, None),
        ({"anion": "S", "solvent": "A"}, "ligand type 'solvent' of Li+ holds atoms of A-"),
        ({"solvent": "A S"}, "ligand type 'solvent' of Li+ holds atoms of A-"),
        ({"anion": "S", "other": "A"}, r"or counterion='other'"),
    ],
)
def test_counter_ions_under_another_name_are_said(shell, said):
    u = pairs()
    ligands = {kind: u.select_atoms(f"name {names}") for kind, names in shell.items()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        analyse(u, SolvationEvents(), SolvationEvents(), cation_shell=ligands)
    texts = [str(w.message) for w in caught if "counter-ions, and counts" in str(w.message)]
    assert len(texts) == (said is not None)
    assert said is None or said in texts[0]
