"""Labels of shells built to have them, and against sets on random contacts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.lib.frozen import changed
from mda_ionmech.lib.run_length import label_runs
from mda_ionmech.macrostates import IonPairing, RunStates, ShellComposition
from mda_ionmech.microstates import CutoffShell, Microstates, ShellTable

from ..builders import make_universe

# atoms of each type; a polymer chain is two bonded residues of two atoms
NAMES = ["I"] * 4 + ["P"] * 12 + ["A"] * 6 + ["S"] * 4
RESIDUE = [0, 1, 2, 3, *np.repeat(range(4, 10), 2), *np.repeat(range(10, 13), 2), *range(13, 17)]
BONDS = [(4 + k, 5 + k) for k in range(11) if k % 4 < 3] + [(16, 17), (18, 19), (20, 21)]


def electrolyte(n_frames=3, seed=0, bonds=True):
    positions = np.random.default_rng(seed).uniform(0, 9, (n_frames, len(NAMES), 3))
    return make_universe(
        positions,
        (9.0, 9.0, 9.0, 90, 90, 90),
        names=NAMES,
        residue=RESIDUE,
        masses=10.0 + np.array(RESIDUE),
        bonds=BONDS if bonds else None,
    )


def species(universe, rule, types=("polymer", "anion"), cutoff=2.2):
    groups = {t: universe.select_atoms(f"name {t[0].upper()}") for t in types}
    return IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="I+",
        microstates=CutoffShell(cutoff, **groups) if groups else None,
        macrostates=rule,
    )


def labels(rule, universe, shells, types=("polymer", "anion")):
    """Labels of single-frame carriers with these shells, given as lists of atom indices."""
    carrier = species(universe, rule, types)
    rule.check([carrier], 0)
    kinds = {"P": "polymer", "A": "anion", "S": "solvent"}
    flat = [i for shell in shells for i in shell]
    table = ShellTable(
        offsets=np.cumsum([0] + [len(s) for s in shells]),
        atom=np.array(flat, dtype=np.int64),
        molecule=universe.atoms.fragindices[np.array(flat, dtype=np.int64)].astype(np.int64),
        kind=np.array([types.index(kinds[NAMES[i]]) for i in flat], dtype=np.int64),
        types=types,
    )
    micro = Microstates(label_runs(np.arange(len(shells))[None]), table)
    molecule = np.asarray(universe.atoms.fragindices)
    macro = rule.assign(RunStates([carrier], [micro], molecule, 1), 0)
    assert macro.state.dtype == np.int16
    return [macro.names[k] for k in macro.state[0]]


# two atoms of one chain; of two; with an anion; an anion with two atoms; nothing
SHELLS = [[4, 7], [4, 8, 12], [5, 16], [16, 17], []]


def test_types_of_a_polymer_electrolyte():
    rule = ShellComposition()
    assert rule.names_for(("polymer", "anion")) == (
        "polymer_only",
        "polymer_anion",
        "anion_only",
        "free",
    )
    assert labels(rule, electrolyte(), SHELLS) == [
        "polymer_only",
        "polymer_only",
        "polymer_anion",
        "anion_only",
        "free",
    ]


def test_types_of_a_gel():
    types = ("polymer", "solvent", "anion")
    rule = ShellComposition()
    assert rule.names_for(types) == (
        "polymer_only",
        "polymer_solvent",
        "polymer_solvent_anion",
        "polymer_anion",
        "solvent_only",
        "solvent_anion",
        "anion_only",
        "free",
    )
    shells = [[4, 22], [22, 23], [4, 16, 22], [16, 22], [4, 16], [16], []]
    assert labels(rule, electrolyte(), shells, types) == [
        "polymer_solvent",
        "solvent_only",
        "polymer_solvent_anion",
        "solvent_anion",
        "polymer_anion",
        "anion_only",
        "free",
    ]
    # only types that count are named
    few = ShellComposition(of=["anion", "polymer"])
    assert few.names_for(types) == ("polymer_only", "polymer_anion", "anion_only", "free")
    assert labels(few, electrolyte(), [[4, 22], [22]], types) == ["polymer_only", "free"]


def test_numbers_of_chains_and_molecules():
    universe = electrolyte()
    chains = ShellComposition("chains")
    assert chains.names_for(("polymer", "anion")) == (
        "chains_0",
        "chains_1",
        "chains_2",
        "chains_more",
    )
    expected = ["chains_1", "chains_more", "chains_1", "chains_0", "chains_0"]
    assert labels(chains, universe, SHELLS) == expected
    # the chains are known from the topology before frames are read, and the rule stays as it is
    groups = {
        kind: universe.select_atoms(f"name {kind[0].upper()}") for kind in ("polymer", "anion")
    }
    prepared = chains.prepare(universe, groups)
    assert labels(prepared, universe, SHELLS) == expected
    assert len(prepared._chain) == universe.atoms.n_atoms
    assert not len(chains._chain)
    assert labels(ShellComposition("chains", most=3), universe, SHELLS)[1] == "chains_3"
    # residues 4 and 5 are two chains of their own then
    by_residue = labels(ShellComposition("chains", chains="residues"), universe, SHELLS)
    assert by_residue[0] == "chains_2"
    mapped = ShellComposition("chains", chains=dict.fromkeys(range(4, 16), "one"))
    assert labels(mapped, universe, SHELLS)[1] == "chains_1"
    molecules = ShellComposition("molecules", most=1)
    assert labels(molecules, universe, SHELLS) == [
        "molecules_1",
        "molecules_more",
        "molecules_more",
        "molecules_1",
        "molecules_0",
    ]
    anions = ShellComposition("molecules", of="anion")
    assert labels(anions, universe, SHELLS)[1:4] == ["molecules_0", "molecules_1", "molecules_1"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(4, 21), max_size=6), min_size=1, max_size=8))
def test_fast_and_plain_labels_agree(shells):
    universe = electrolyte()
    shells = [sorted(s) for s in shells]
    types = labels(ShellComposition(), universe, shells)
    chains = labels(ShellComposition("chains"), universe, shells)
    for shell, by_type, by_chain in zip(shells, types, chains, strict=True):
        present = {NAMES[i] for i in shell}
        want = {
            frozenset(): "free",
            frozenset("P"): "polymer_only",
            frozenset("A"): "anion_only",
            frozenset("PA"): "polymer_anion",
        }[frozenset(present)]
        assert by_type == want
        number = len({(i - 4) // 4 for i in shell if i < 16})
        assert by_chain == f"chains_{number if number < 3 else 'more'}"


def test_a_run_labels_every_frame_and_sums_to_the_whole():
    universe = electrolyte(12)
    run = OnsagerDecomposition(
        [species(universe, ShellComposition())],
        temperature=300,
        windows=[1.0],
        frame="laboratory",
        unwrap=False,
    ).run()
    macro = run.macrostates["I+"]
    seen = set()
    for t, ts in enumerate(universe.trajectory):
        step = ts.positions[:4, None].astype(float) - ts.positions[None, 4:22]
        near = np.linalg.norm(step - 9.0 * np.rint(step / 9.0), axis=-1) <= 2.2
        for k in range(4):
            polymer, anion = near[k, :12].any(), near[k, 12:].any()
            want = ["free", "anion_only", "polymer_only", "polymer_anion"][2 * polymer + anion]
            assert macro.names[macro.state[t, k]] == want
            seen.add(want)
    assert len(seen) == 4
    # every name is there, visited or not
    assert macro.names == ("polymer_only", "polymer_anion", "anion_only", "free")
    moves, data = run.results.transitions, run.results.decomposition
    parts = moves["transition_onsager"].sum(["macrostate_start", "macrostate_end"])
    gap = parts.sel(species="I+") - data["onsager"].sel(species="I+", species_2="I+")
    assert float(np.abs(gap / data["onsager_self"].sel(species="I+")).max()) < 1e-12
    assert run.results.settings["species"][0]["macrostates"]["count"] == "types"


def test_two_rules_in_one_run():
    universe = electrolyte(6)
    cations = species(universe, ShellComposition())
    anions = IonSpecies(
        universe.select_atoms("name A"),
        charge=-1,
        name="A-",
        compound="residues",
        macrostates=IonPairing(),
    )
    run = OnsagerDecomposition(
        [cations, anions], temperature=300, windows=[1.0], frame="laboratory", unwrap=False
    ).run()
    population = run.results.transitions["population"].sum("macrostate_start")
    np.testing.assert_allclose(population, 1.0)


@pytest.mark.parametrize(
    ("options", "types", "message"),
    [
        ({"count": "atoms"}, ("polymer",), r"count must be one of \('types', 'molecules', 'cha"),
        ({"most": 0}, ("polymer",), r"ShellComposition\(most=0\): give a whole number, 1 or more"),
        ({"most": 1000}, ("polymer",), r"ShellComposition\(most=1000\): give a whole number"),
        ({"chains": "ropes"}, ("polymer",), r"ShellComposition\(chains='ropes'\): chains must be"),
        ({}, (), "of species 'I\\+' needs a detector: give microstates="),
        ({"of": "solvent"}, ("polymer",), r"'solvent' is no ligand type; the types are \['pol"),
        ({"count": "chains"}, ("anion",), r"no ligand type of \['anion'\] is left to count"),
        ({"count": "chains"}, ("polymer",), r"ShellComposition\(chains='fragments'\) needs bonds"),
        (
            {"count": "chains", "anion": "B"},
            ("polymer",),
            r"no such ligand type among \['polymer'\]",
        ),
    ],
)
def test_bad_choices_are_refused(options, types, message):
    universe = electrolyte(bonds=False)
    with pytest.raises(InputError, match=message):
        OnsagerDecomposition(
            [species(universe, ShellComposition(**options), types)],
            temperature=300,
            frame="laboratory",
        )


def test_sites_are_refused():
    universe = electrolyte()
    ions = species(universe, ShellComposition())
    ions = changed(ions, microstates=changed(ions.microstates, has_sites=True))
    with pytest.raises(InputError, match=r"reads shells, and its CutoffShell finds sites"):
        ShellComposition().check([ions], 0)


def test_types_that_cannot_be_told_apart_are_refused():
    universe = electrolyte()
    for types in (("a", "b_c", "a_b", "c"), ("a", "b", "c", "d", "e")):
        groups = {t: universe.atoms[4 + k : 5 + k] for k, t in enumerate(types)}
        ions = IonSpecies(
            universe.atoms[:4],
            charge=1,
            name="I+",
            microstates=CutoffShell(2.0, **groups),
            macrostates=ShellComposition(),
        )
        with pytest.raises(InputError, match=r"cannot combine the ligand types .* at most 4"):
            OnsagerDecomposition([ions], temperature=300, frame="laboratory")


def test_choices_are_kept_as_plain_values():
    assert ShellComposition("molecules", most=999).most == 999
    assert ShellComposition(of="polymer").describe() == {
        "rule": "ShellComposition", "count": "types", "of": ("polymer",)
    }  # fmt: skip
    assert ShellComposition("molecules", most=3).describe() == {
        "rule": "ShellComposition", "count": "molecules", "of": None, "most": 3
    }  # fmt: skip
    chains = {"rule": "ShellComposition", "count": "chains", "of": None, "most": 2}
    assert ShellComposition("chains").describe() == chains | {
        "chains": "fragments", "anion": "anion"
    }  # fmt: skip
    given = ShellComposition("chains", chains=np.arange(5), anion="salt")
    assert given.describe() == chains | {"chains": "given, 5 atoms", "anion": "salt"}
