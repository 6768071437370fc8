"""Which molecule an atom belongs to, decided molecule by molecule."""

import time
from itertools import pairwise

import MDAnalysis as mda
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import InputError, IonSpecies
from mda_ionmech.lib.molecules import bond_pairs, fragments_of, molecule_of_atom
from mda_ionmech.trajectory.unwrap import bond_parents

from ..builders import make_universe


def universe(residue, bonds=None, molnums=None):
    n = len(residue)
    u = make_universe(np.zeros((3, n, 3)), residue=residue)
    if bonds:
        u.add_TopologyAttr("bonds", [tuple(b) for b in bonds])
    if molnums is not None:
        u.add_TopologyAttr("molnums", molnums)
    return u


def molecules_one_by_one(residue, bonds):
    """The rule in words, atom by atom."""
    n = len(residue)
    fragment = list(range(n))
    for _ in range(n):
        for a, b in bonds:
            low = min(fragment[a], fragment[b])
            fragment = [low if f in (fragment[a], fragment[b]) else f for f in fragment]
    bonded = {a for pair in bonds for a in pair}
    names = []
    for k in range(n):
        mates = [j for j in range(n) if residue[j] == residue[k]]
        inside = {fragment[j] for j in mates if j in bonded}
        n_bonded = sum(j in bonded for j in mates)
        if k in bonded:
            names.append(("bonds", fragment[k]))
        elif len(set(residue)) == 1:
            names.append(("alone", k))
        elif len(inside) == 1 and n_bonded >= len(mates) - n_bonded:
            names.append(("bonds", inside.pop()))
        elif len(inside) > 1:
            names.append(("alone", k))
        else:
            names.append(("residue", residue[k]))
    return names


@st.composite
def topologies(draw):
    n = draw(st.integers(2, 12))
    residue = np.unique(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)),
                        return_inverse=True)[1]  # fmt: skip
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] != p[1])
    return residue.tolist(), draw(st.lists(pair, max_size=8))


@given(topologies())
@settings(max_examples=150, deadline=None)
def test_molecules_are_those_of_the_rule(case):
    residue, bonds = case
    found = molecule_of_atom(universe(residue, bonds))
    names = molecules_one_by_one(residue, bonds)
    same = np.array([[a == b for a in names] for b in names])
    np.testing.assert_array_equal(found[:, None] == found[None], same)


def test_fragments_are_those_of_mdanalysis():
    rng = np.random.default_rng(0)
    for _ in range(20):
        bonds = [(a, b) for a, b in rng.integers(0, 30, (20, 2)).tolist() if a != b]
        u = universe(np.arange(30), bonds)
        np.testing.assert_array_equal(fragments_of(30, bond_pairs(u)), u.atoms.fragindices)
        np.testing.assert_array_equal(bond_pairs(u), u.bonds.indices)


def test_unbonded_sites_belong_to_the_molecule_of_their_residue():
    # two four-site waters and an ion with a Drude particle, bonds within the waters alone
    water = [(0, 1), (0, 2), (4, 5), (4, 6)]
    found = molecule_of_atom(universe([0] * 4 + [1] * 4 + [2] * 2, water))
    assert found.tolist() == [0] * 4 + [1] * 4 + [2] * 2


def test_bonds_elsewhere_do_not_take_unbonded_molecules_apart():
    found = molecule_of_atom(universe([0, 1, 1, 2, 2, 3, 3], [(5, 6)]))
    assert found.tolist() == [0, 1, 1, 2, 2, 3, 3]


def test_molecule_numbers_come_before_residues_where_there_are_no_bonds():
    residue = [0, 0, 1, 1, 2]
    assert molecule_of_atom(universe(residue, molnums=[0, 0, 1])).tolist() == [0, 0, 0, 0, 1]
    # one number for all says nothing
    assert molecule_of_atom(universe(residue, molnums=[0] * 3)).tolist() == residue
    assert molecule_of_atom(universe([0] * 5)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("bonds", [None, [(5, 6), (5, 7)]])
@pytest.mark.parametrize("told_by", ["names", "masses", "elements"])
def test_ions_of_one_number_are_molecules_of_their_own(told_by, bonds):
    # lithium and chloride with one number, two waters
    elements = ["Li", "Li", "Li", "Cl", "Cl", "O", "H", "H", "O", "H", "H"]
    mass = {"Li": 6.941, "Cl": 35.45, "O": 15.999, "H": 1.008}
    given = {
        "names": {"names": ["LI", "LI", "LI", "CL", "CL", "OW", "HW1", "HW2", "OW", "HW1", "HW2"]},
        "masses": {"masses": [mass[e] for e in elements]},
        "elements": {"elements": elements},
    }[told_by]
    u = make_universe(
        np.zeros((3, 11, 3)), residue=[0] * 5 + [1] * 3 + [2] * 3, bonds=bonds,
        **({"names": ["X"] * 11} | given),
    )  # fmt: skip
    assert molecule_of_atom(u).tolist() == [0, 1, 2, 3, 4, 5, 5, 5, 6, 6, 6]


@pytest.mark.parametrize(
    ("elements", "residue", "expected"),
    [
        (["Al", *["Cl"] * 4] * 2, [0] * 5 + [1] * 5, [0] * 5 + [1] * 5),
        (["I"] * 6, [0] * 3 + [1] * 3, [0, 0, 0, 1, 1, 1]),
        (["Li", "Cl"] * 3, [0, 0, 1, 1, 2, 2], [0, 1, 2, 3, 4, 5]),
        (["Mg", "Cl", "Cl", "Cl", "Mg", "Cl"], [0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_small_groups_of_one_composition_are_molecules_but_salts_are_not(
    elements, residue, expected
):
    water = (["O", "H", "H"], [max(residue) + 1] * 3, [max(expected) + 1] * 3)
    u = make_universe(
        np.zeros((2, len(elements) + 3, 3)), names=["X"] * (len(elements) + 3),
        elements=elements + water[0], residue=residue + water[1],
    )  # fmt: skip
    assert molecule_of_atom(u).tolist() == expected + water[2]


def bond_parents_one_by_one(members, offsets, bonds):
    """Breadth-first search with a queue: what the kernel is compared with."""
    ordered, parents = [], []
    for first, last in pairwise(offsets):
        inside = members[first:last].tolist()
        place = {}
        while len(place) < len(inside):
            queue = [(next(a for a in inside if a not in place), first if place else -1)]
            while queue:
                atom, parent = queue.pop(0)
                if atom in place:
                    continue
                place[atom] = len(ordered)
                ordered.append(atom)
                parents.append(parent)
                for a, b in bonds:
                    other = b if a == atom else a if b == atom else None
                    if other in inside and other not in place:
                        queue.append((other, place[atom]))
    return np.array(ordered), np.array(parents)


def test_atoms_follow_their_bonds_as_a_search_one_by_one_finds_them():
    rng = np.random.default_rng(1)
    for _ in range(200):
        n = int(rng.integers(1, 20))
        members = rng.permutation(30)[:n]
        cuts = rng.choice(np.arange(1, n), min(2, n - 1), replace=False) if n > 1 else []
        offsets = np.array([0, *np.sort(cuts), n], dtype=np.int64)
        bonds = rng.integers(0, 30, (25, 2))
        bonds = bonds[bonds[:, 0] != bonds[:, 1]]
        expected = bond_parents_one_by_one(members, offsets, bonds.tolist())
        for got, wanted in zip(bond_parents(members, offsets, bonds), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("compound", ["fragments", "residues"])
def test_carriers_are_molecules_whichever_way_they_are_given(compound):
    # a salt of dimers whose residues and bonds agree, with one site without bonds in each
    u = universe(np.repeat(np.arange(4), 3), [(3 * k, 3 * k + 1) for k in range(4)])
    ions = IonSpecies(u.atoms[3:], charge=-1, name="A-", compound=compound)
    assert ions.carrier_of_atom.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("residue", "bonds", "compound", "message"),
    [
        ([0] * 8, None, "residues", "one residue holds 6 atoms, .*LAMMPS dump with a `mol` column"),
        ([0, 1] + [2] * 6, [(2, 3), (4, 5), (6, 7)], "residues",
         r"6 atoms that the bonds divide into 3 molecules \(residue RES 3\).*'fragments'"),
        ([0, 1, *[2] * 6], None, "fragments", "needs bonds, .* hold for these atoms"),
        ([0, 1, *[2] * 6], [(0, 1)], "fragments", "needs bonds, .* hold for these atoms"),
    ],
)  # fmt: skip
def test_what_is_no_molecule_is_no_carrier(residue, bonds, compound, message):
    u = universe(residue, bonds)
    with pytest.raises(InputError, match=message):
        IonSpecies(u.atoms[2:], charge=-1, name="A-", compound=compound)


def test_a_complex_whose_bonds_are_not_all_there_stays_one_residue():
    # iron without bonds to six cyanides
    cyanides = [(1 + 2 * k, 2 + 2 * k) for k in range(6)]
    u = universe([0] * 13 + [1], cyanides)
    ions = IonSpecies(u.atoms[:13], charge=-3, name="Fe(CN)6 3-", compound="residues")
    assert ions.n_carriers == 1


@pytest.mark.slow
def test_a_million_atoms_and_bonds_take_less_than_a_second():
    n = 1_000_000
    u = mda.Universe.empty(
        n, n_residues=n // 10, atom_resindex=np.repeat(np.arange(n // 10), 10), trajectory=False
    )
    first = np.arange(n - 1)[np.arange(1, n) % 10 != 0]
    u.add_TopologyAttr("bonds", list(zip(first.tolist(), (first + 1).tolist(), strict=True)))
    began = time.process_time()
    found = molecule_of_atom(u)
    assert time.process_time() - began < 3  # 0.3 s on a core that is free
    np.testing.assert_array_equal(found, np.repeat(np.arange(n // 10), 10))
