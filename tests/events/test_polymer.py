"""Labels on shells built to have them, the fast rule against sets, chains from topologies."""

from itertools import chain

import MDAnalysis as mda
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import EventRule, PolymerEvents, SolvationEvents
from mda_ionmech.lib.polymer_chains import chain_of_atom
from mda_ionmech.microstates import CutoffShell, ShellTable

from ..builders import brownian, make_universe

POLYMER, ANION = 0, 1
N_CHAINS, N_MONOMERS, N_ANIONS = 4, 6, 3


def topology(n_frames=1, *, residues="monomers", bonds=True):
    """One ion, chains of one atom per monomer, anions of two atoms."""
    n = 1 + N_CHAINS * N_MONOMERS + 2 * N_ANIONS
    unit = np.arange(N_CHAINS * N_MONOMERS)
    residue = unit if residues == "monomers" else unit // N_MONOMERS
    last = residue[-1] + 2
    anions = np.repeat(np.arange(N_ANIONS), 2) + last
    linked = [(1 + k, 2 + k) for k in unit if k % N_MONOMERS < N_MONOMERS - 1]
    linked += [(n - 2 * k - 2, n - 2 * k - 1) for k in range(N_ANIONS)]
    path = brownian(np.random.default_rng(0), n_frames, n, 0.02, 1.0)
    path += np.random.default_rng(1).uniform(0, 15, (n, 3))
    return make_universe(
        path,
        (15, 15, 15, 90, 90, 90),
        residue=np.concatenate([[0], residue + 1, anions]),
        names=["I"] + ["O"] * len(unit) + ["A"] * 2 * N_ANIONS,
        masses=[7.0] + [44.0] * len(unit) + [35.0] * 2 * N_ANIONS,
        bonds=linked if bonds else None,
    )


def prepared(universe=None, **options):
    universe = topology() if universe is None else universe
    rule = PolymerEvents(**options)
    ligands = {
        "polymer": universe.select_atoms("name O"),
        "anion": universe.select_atoms("name A"),
    }
    rule.check(tuple(ligands))
    return rule.prepare(universe, ligands)


def c(chain, *monomers):
    """Chain atoms, as (molecule, kind, atom)."""
    return [(100 + chain, POLYMER, 1 + chain * N_MONOMERS + m) for m in monomers]


def a(anion, *atoms):
    """Anion atoms; without any, the first."""
    start = 1 + N_CHAINS * N_MONOMERS + 2 * anion
    return [(200 + anion, ANION, start + k) for k in atoms or (0,)]


def table(*shells):
    rows = [sorted(chain.from_iterable(shell), key=lambda m: m[2]) for shell in shells]
    flat = [m for shell in rows for m in shell]
    return ShellTable(
        offsets=np.cumsum([0] + [len(s) for s in rows]),
        atom=np.array([m[2] for m in flat], dtype=np.int64),
        molecule=np.array([m[0] for m in flat], dtype=np.int64),
        kind=np.array([m[1] for m in flat], dtype=np.int64),
        types=("polymer", "anion"),
    )


@pytest.mark.parametrize(
    ("before", "after", "label", "flags"),
    [
        ([c(0, 1, 2)], [c(0, 1, 2)], "vehicular", set()),
        ([], [], "vehicular", {"bare"}),
        ([a(0)], [a(0)], "vehicular", set()),
        ([a(0), c(1, 0)], [a(0, 0, 1), c(1, 0)], "vehicular", {"denticity"}),
        # another atom of the same anion, as many as before
        ([a(0, 0), c(1, 0)], [a(0, 1), c(1, 0)], "vehicular", set()),
        ([c(0, 1)], [], "attach_detach", {"chain_lost"}),
        ([], [c(0, 1), c(2, 1)], "attach_detach", {"chain_added"}),
        ([c(0, 1)], [a(1)], "attach_detach", {"chain_lost", "anion_change", "renewal"}),
        ([a(1)], [a(1), c(0, 1)], "attach_detach", {"chain_added"}),
        ([c(0, 1)], [c(1, 1)], "interchain", {"chain_swapped", "renewal"}),
        ([c(0, 1), a(0)], [c(1, 1), a(0)], "interchain", {"chain_swapped"}),
        ([c(0, 1)], [c(0, 1), c(1, 1)], "interchain", {"chain_added"}),
        ([c(0, 1, 2), c(1, 1)], [c(0, 2)], "interchain", {"chain_lost", "denticity"}),
        # as far as its chain atoms are concerned nothing is left, but the chain stays
        (
            [c(0, 1, 2)],
            [c(0, 3), c(1, 1)],
            "interchain",
            {"chain_added", "denticity", "renewal", "shift"},
        ),
        ([c(0, 1), c(1, 1)], [c(0, 1), c(2, 1)], "interchain", {"chain_swapped"}),
        ([c(0, 1), a(0)], [c(0, 1), c(1, 1), a(1)], "interchain", {"chain_added", "anion_change"}),
        ([c(0, 1, 2, 3)], [c(0, 2, 3, 4)], "intrachain", {"shift"}),
        ([c(0, 1, 2, 3)], [c(0, 1, 2, 4)], "intrachain", set()),
        ([c(0, 1, 2, 3)], [c(0, 2, 4)], "intrachain", {"denticity", "shift"}),
        ([c(0, 1), c(1, 1)], [c(0, 1), c(1, 2)], "intrachain", set()),
        # one chain binds with an atom more, the other with one less
        ([c(0, 1), c(1, 1, 2)], [c(0, 1, 2), c(1, 1)], "intrachain", {"denticity"}),
        ([c(0, 1), a(0)], [c(0, 2), a(1)], "intrachain", {"anion_change", "renewal", "shift"}),
        ([c(0, 1), a(0)], [c(0, 2), a(0)], "intrachain", {"shift"}),
        ([c(0, 1, 2, 3)], [c(0, 1, 2)], "denticity", {"denticity"}),
        ([c(0, 1, 3)], [c(0, 0, 1, 2, 3, 4)], "denticity", {"denticity"}),
        ([c(0, 1)], [c(0, 1, 4)], "denticity", {"denticity", "shift"}),
        ([c(0, 1), c(1, 1)], [c(0, 1, 2), c(1, 0, 1)], "denticity", {"denticity"}),
        ([c(0, 1, 2), a(0)], [c(0, 1), a(1)], "denticity", {"denticity", "anion_change"}),
        ([c(0, 1)], [c(0, 1), a(1)], "anion_assisted", {"anion_change"}),
        ([c(0, 1), a(0)], [c(0, 1), a(1)], "anion_assisted", {"anion_change"}),
        ([a(0)], [a(1)], "anion_assisted", {"anion_change", "renewal"}),
        ([a(0)], [], "anion_assisted", {"anion_change"}),
    ],
)
def test_labels_and_flags(before, after, label, flags):
    rule = prepared()
    shells = table(before, after)
    codes, bits = rule.classify(shells, np.array([0]), np.array([1]))
    assert rule.names[codes[0]] == label
    assert {name for k, name in enumerate(rule.flag_names) if bits[0] >> k & 1} == flags
    assert rule.label(shells[0], shells[1]) == label
    merged = prepared(denticity="intrachain")
    codes, same = merged.classify(shells, np.array([0]), np.array([1]))
    before = "intrachain" if label == "denticity" else label
    assert merged.names[codes[0]] == merged.label(shells[0], shells[1]) == before
    assert same[0] == bits[0]
    assert merged.names == (
        "attach_detach",
        "interchain",
        "intrachain",
        "anion_assisted",
        "vehicular",
    )


@pytest.mark.parametrize(
    ("before", "after", "shift"),
    [
        ([c(0, 1, 2, 3)], [c(0, 2, 3, 4)], 1.0),
        ([c(0, 4)], [c(0, 1)], -3.0),
        ([c(0, 1, 2)], [c(0, 1, 2, 3)], 0.5),
        # over the chains kept
        ([c(0, 1), c(1, 2)], [c(0, 2), c(1, 4)], 1.5),
        ([c(0, 1), c(1, 2)], [c(0, 2), c(2, 5)], 1.0),
        ([c(0, 1), a(0)], [c(0, 1), a(1)], 0.0),
        ([c(0, 1)], [c(1, 4)], np.nan),
        ([c(0, 1)], [], np.nan),
        ([a(0)], [a(0)], np.nan),
    ],
)
@pytest.mark.parametrize("residues", ["monomers", "chains"])
def test_shift_along_the_chain(before, after, shift, residues):
    rule = prepared(topology(residues=residues))
    shells = table(before, after)
    with np.errstate(all="raise"):
        found = rule.shift(shells, np.array([0, 1, 0]), np.array([1, 0, 0]))
    still = 0.0 if any(m[1] == POLYMER for part in before for m in part) else np.nan
    np.testing.assert_allclose(found, [shift, -shift, still])


def test_a_monomer_without_ligands_keeps_its_place():
    universe = topology()
    every_second = universe.select_atoms("name O")[::2]
    rule = PolymerEvents().prepare(universe, {"polymer": every_second})
    assert rule.shift(table([c(0, 0)], [c(0, 4)]), np.array([0]), np.array([1])) == 4.0


def test_the_last_chain_of_the_topology_moves_as_any_other():
    # without anions the atoms of the last chain have the highest number of all
    bonds = [(1, 2), (2, 3), (4, 5), (5, 6)]
    universe = make_universe(np.zeros((1, 7, 3)), names=["I"] + ["O"] * 6, bonds=bonds)
    rule = PolymerEvents().prepare(universe, {"polymer": universe.select_atoms("name O")})
    shells = table([[(0, POLYMER, 4), (0, POLYMER, 5)]], [[(0, POLYMER, 6)]], [[(0, POLYMER, 1)]])
    found = rule.shift(shells, np.array([0, 1, 0, 0]), np.array([1, 0, 0, 2]))
    np.testing.assert_array_equal(found, [1.5, -1.5, 0.0, np.nan])


def plain_flags(rule, before, after):
    """Flags of a pair of shells in sets."""
    had, has = rule._bound(before), rule._bound(after)
    sizes = [
        {("chain", k): len(v) for k, v in bound.items()}
        | {("anion", m): int(np.sum(shell.molecules == m)) for m in shell.molecule_set(rule.anion)}
        for bound, shell in ((had, before), (has, after))
    ]
    kept = set(sizes[0]) & set(sizes[1])
    members = [
        set().union(*bound.values()) | {("anion", m) for m in shell.molecule_set(rule.anion)}
        for bound, shell in ((had, before), (has, after))
    ]
    place = [{k: np.mean([rule._monomer[x] for x in v]) for k, v in b.items()} for b in (had, has)]
    moved = [place[1][k] - place[0][k] for k in place[0] if k in place[1]]
    lost, gained = set(had) - set(has), set(has) - set(had)
    return {
        "bare": not sizes[0] and not sizes[1],
        "denticity": any(sizes[0][k] != sizes[1][k] for k in kept),
        "renewal": bool(members[0]) and bool(members[1]) and not members[0] & members[1],
        "anion_change": before.molecule_set(rule.anion) != after.molecule_set(rule.anion),
        "chain_added": bool(gained) and not lost,
        "chain_lost": bool(lost) and not gained,
        "chain_swapped": bool(lost) and bool(gained),
        "shift": bool(moved) and abs(np.mean(moved)) > 1 - 1e-6,
    }


member = st.one_of(
    st.tuples(st.just(c), st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.just(a), st.integers(0, 1), st.integers(0, 1)),
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.sets(member, max_size=6), min_size=2, max_size=6),
    order=st.permutations(range(N_CHAINS)),
)
def test_fast_and_plain_rule_agree(rows, order):
    # chain ids in any order of atoms
    chains = np.concatenate([[9], np.repeat(order, N_MONOMERS), np.full(2 * N_ANIONS, 9)])
    rule = prepared(chains=chains)
    shells = table(*[[make(which, k) for make, which, k in row] for row in rows])
    before, after = (x.ravel() for x in np.indices((len(rows), len(rows))))
    codes, flags = rule.classify(shells, before, after)
    plain, _ = EventRule.classify(rule, shells, before, after)
    np.testing.assert_array_equal(codes, plain)
    merged = prepared(chains=chains, denticity="intrachain")
    other, same = merged.classify(shells, before, after)
    np.testing.assert_array_equal(other, EventRule.classify(merged, shells, before, after)[0])
    np.testing.assert_array_equal(same, flags)
    joined = {"denticity": "intrachain"}
    assert [merged.names[k] for k in other] == [
        joined.get(name, name) for name in (rule.names[k] for k in codes)
    ]
    for pair, bits in zip(zip(before, after, strict=True), flags, strict=True):
        want = plain_flags(rule, shells[pair[0]], shells[pair[1]])
        assert {n: bool(bits >> k & 1) for k, n in enumerate(rule.flag_names)} == want
    shift = rule.shift(shells, before, after)
    for pair, found in zip(zip(before, after, strict=True), shift, strict=True):
        had, has = (rule._bound(shells[s]) for s in pair)
        want = [
            np.mean([rule._monomer[x] for x in has[k]])
            - np.mean([rule._monomer[x] for x in had[k]])
            for k in set(had) & set(has)
        ]
        np.testing.assert_allclose(found, np.mean(want) if want else np.nan, atol=1e-12)


def test_chains_from_every_source_agree():
    by_residue = topology(residues="chains")
    oxygen = by_residue.select_atoms("name O").ix
    number = (oxygen - 1) // N_MONOMERS
    array = np.full(by_residue.atoms.n_atoms, -7)
    array[oxygen] = number
    names = dict(zip(oxygen.tolist(), [f"chain {k}" for k in number], strict=True))
    for chains in ("fragments", "residues", array, names):
        found = chain_of_atom(by_residue, chains, oxygen, "rule")[oxygen]
        assert len(np.unique(found)) == N_CHAINS
        np.testing.assert_array_equal(found[:, None] == found, number[:, None] == number)
    # one segment holds everything
    assert not np.ptp(chain_of_atom(by_residue, "segids", oxygen, "rule"))


def species(universe, rule, **ligands):
    ligands = ligands or {
        "polymer": universe.select_atoms("name O"),
        "anion": universe.select_atoms("name A"),
    }
    return IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="I+",
        microstates=CutoffShell(5.0, **ligands),
        events=rule,
    )


def test_a_run_tells_the_rule_its_chains():
    universe = topology(60)
    rule = PolymerEvents()
    run = OnsagerDecomposition(
        [species(universe, rule)], temperature=300, frame="laboratory", windows=[1.0, 4.0]
    ).run()
    events = run.events(4.0)
    assert events.flag_names == PolymerEvents.flag_names
    micro = run.microstates["I+"]
    knowing = run.species[0].events
    for t in range(0, 56, 5):
        pair = (micro.shells[micro.state[t + k, 0]] for k in (0, 4))
        assert knowing.label(*pair) == events.names[events.label[t, 0]]
    described = run.results.settings["species"][0]["events"]
    assert (described["chains"], described["anion"]) == ("fragments", "anion")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"PolymerEvents\(chains='fragments'\) needs bonds, .* or give chains='residues'"),
        ({"chains": np.zeros(4)}, "the array has 4 entries, the universe has 31 atoms"),
        ({"chains": {1: 0}}, "the mapping has no chain for atom index 2, a ligand"),
        ({"chains": "molecules"}, r"PolymerEvents\(chains='molecules'\): chains must be one of"),
        ({"chains": 3}, "an array with the chain of every atom, or a mapping"),
        (
            {"denticity": "own"},
            r"PolymerEvents\(denticity='own'\): must be 'class', .* or 'intrachain'",
        ),
        ({"anion": "salt"}, r"no such ligand type among .*; give one of them"),
    ],
)
def test_bad_chains_are_refused_before_reading(options, message):
    universe = topology(3, bonds=False)
    with pytest.raises(InputError, match=message):
        OnsagerDecomposition(
            [species(universe, PolymerEvents(**options))], temperature=300, frame="laboratory"
        )


def test_a_detector_without_chains_is_refused():
    universe = topology(3)
    lone = species(universe, PolymerEvents(), anion=universe.select_atoms("name A"))
    with pytest.raises(InputError, match=r"the ligand types \['anion'\] hold no chains"):
        OnsagerDecomposition([lone], temperature=300, frame="laboratory")


def test_sites_are_refused():
    for rule in (PolymerEvents(), SolvationEvents()):
        with pytest.raises(InputError, match=r"compares shells, .* events=CrystalEvents\(\)"):
            rule.check(("framework",))


def test_one_rule_serves_many_sets_of_chains():
    choice = PolymerEvents()
    shells = table([c(0, 1)])
    one, other = topology(), topology(residues="chains")
    rules = [choice.prepare(u, {"polymer": u.select_atoms("name O")}) for u in (one, other)]
    assert [rule.classify(shells, np.array([0]), np.array([0]))[0] for rule in rules] == [5, 5]
    # and is none the wiser
    with pytest.raises(InputError, match="has no chains yet: prepare"):
        choice.classify(shells, np.array([0]), np.array([0]))


@pytest.fixture(scope="module")
def electrolyte(shared_data):
    folder = shared_data / "polymer"
    if not folder.is_dir():
        pytest.skip(f"no polymer electrolyte at {folder}")
    universe = mda.Universe(folder / "litfsi_peo12_480K.tpr", folder / "litfsi_peo12_480K.xtc")
    lithium = IonSpecies(
        universe.select_atoms("resname LI"),
        charge=1,
        name="Li+",
        microstates=CutoffShell(
            2.9,
            polymer=universe.select_atoms("resname PEO and name O*"),
            anion=universe.select_atoms("resname TFS and name O*"),
        ),
        events=PolymerEvents(),
    )
    tfsi = IonSpecies(
        universe.select_atoms("resname TFS"), charge=-1, name="TFSI-", compound="residues"
    )
    return OnsagerDecomposition([lithium, tfsi], temperature=480.0, windows=[2.0, 40.0]).run()


@pytest.mark.slow
def test_shells_of_poly_ethylene_oxide(electrolyte):
    micro, rule = electrolyte.microstates["Li+"], electrolyte.species[0].events
    bound = [rule._bound(micro.shells[s]) for s in range(len(micro.shells))]
    chains = np.array([len(b) for b in bound])[micro.state]
    oxygens = np.array([sum(map(len, b.values())) for b in bound])[micro.state]
    # measured independently: 1.04 chains and 5.7 ether oxygens around a lithium
    assert chains.mean() == pytest.approx(1.04, abs=0.02)
    assert oxygens.mean() == pytest.approx(5.7, abs=0.05)


def test_majorities_move_along_chains_more_than_between_them(electrolyte):
    """Over majorities in blocks of 40 ps: 10 interchain, 360 intrachain changes (independent)."""
    micro, rule = electrolyte.microstates["Li+"], electrolyte.species[0].events
    n_blocks, width = len(micro.state) // 20, 20
    chain_set = []
    atom_set = []
    for carrier in range(micro.state.shape[1]):
        for block in range(n_blocks):
            rows = micro.state[block * width : (block + 1) * width, carrier]
            counts: dict[int, int] = {}
            of_chain: dict[int, int] = {}
            for shell in rows:
                for polymer, atoms in rule._bound(micro.shells[int(shell)]).items():
                    of_chain[polymer] = of_chain.get(polymer, 0) + 1
                    for atom in atoms:
                        counts[atom] = counts.get(atom, 0) + 1
            chain_set.append(frozenset(k for k, n in of_chain.items() if 2 * n > width))
            atom_set.append(frozenset(k for k, n in counts.items() if 2 * n > width))
    inter = intra = 0
    for k in range(1, len(chain_set)):
        if k % n_blocks == 0:
            continue
        if chain_set[k] != chain_set[k - 1]:
            inter += 1
        elif atom_set[k] != atom_set[k - 1]:
            intra += 1
    assert 5 <= inter <= 20
    assert 300 <= intra <= 450
