"""Atoms, weights and owners of the carriers, by hand."""

import numpy as np

from mda_ionmech import IonSpecies
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.trajectory.carriers import append_atoms, carrier_members, ligand_table

from ..builders import make_universe

#: Two waters, three ions, two anions of a heavy and two light atoms, of which one is their bridge.
NAMES = ["W", "L", "A", "B", "C", "L", "W", "B", "A", "C", "L"]
RESIDUE = [0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 6]
MASSES = {"W": 18.0, "L": 7.0, "A": 1.0, "B": 6.0, "C": 3.0}


def universe():
    return make_universe(
        np.random.default_rng(0).uniform(0, 40, (2, 11, 3)), names=NAMES, residue=RESIDUE,
        masses=[MASSES[n] for n in NAMES], bonds=[(2, 3), (3, 4), (7, 8), (7, 9)],
    )  # fmt: skip


def species(u):
    shell = CutoffShell(3.0, anion=u.select_atoms("name C A"), water=u.select_atoms("name W"))
    return [
        IonSpecies(u.select_atoms("name L"), charge=1, name="L", microstates=shell),
        IonSpecies(u.select_atoms("name A B C"), charge=-1, name="X", compound="residues"),
    ]


def test_members_of_all_carriers_one_after_the_other():
    u = universe()
    found = carrier_members(species(u), u)
    assert found.offsets.tolist() == [0, 1, 2, 3, 6, 9]
    assert found.atoms[:3].tolist() == [1, 5, 10]
    assert sorted(found.atoms[3:6].tolist()) == [2, 3, 4]
    assert sorted(found.atoms[6:].tolist()) == [7, 8, 9]
    weights = dict(zip(found.atoms.tolist(), found.weights.tolist(), strict=True))
    for atom, weight in weights.items():
        mine = MASSES[NAMES[atom]]
        assert weight == (1.0 if NAMES[atom] == "L" else mine / 10)
    # each atom is placed beside one it is bonded to, and the first of each molecule is not
    for place, parent in enumerate(found.parents.tolist()):
        first = place in found.offsets.tolist()
        assert (parent == -1) == first
        if not first:
            assert parent < place
            bond = {int(found.atoms[place]), int(found.atoms[parent])}
            assert bond in ({2, 3}, {3, 4}, {7, 8}, {7, 9})


def test_single_atoms_follow_the_carriers():
    u = universe()
    members = carrier_members(species(u), u)
    found = append_atoms(members, np.array([0, 6]))
    assert found.offsets.tolist() == [0, 1, 2, 3, 6, 9, 10, 11]
    assert found.atoms.tolist() == [*members.atoms.tolist(), 0, 6]
    assert found.weights[-2:].tolist() == [1.0, 1.0]
    assert found.parents.tolist() == [*members.parents.tolist(), -1, -1]


def test_ligands_in_order_with_their_molecules_types_and_owners():
    u = universe()
    lithium, anion = species(u)
    molecule = np.array(RESIDUE)
    found = ligand_table(lithium, molecule)
    assert found.atom.tolist() == [0, 2, 4, 6, 8, 9]
    assert found.molecule.tolist() == [0, 2, 2, 4, 5, 5]
    assert found.kind.tolist() == [1, 0, 0, 1, 0, 0]
    # none of them is of a carrier of this species
    assert found.owner.tolist() == [-1] * 6
    assert ligand_table(anion, molecule) is None
    both = IonSpecies(
        u.select_atoms("name A B C"), charge=-1, name="X", compound="residues",
        microstates=CutoffShell(3.0, own=u.select_atoms("name C"), ion=u.select_atoms("name L")),
    )  # fmt: skip
    found = ligand_table(both, molecule)
    assert found.atom.tolist() == [1, 4, 5, 9, 10]
    assert found.owner.tolist() == [-1, 0, -1, 1, -1]
