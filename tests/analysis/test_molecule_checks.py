"""Warnings about molecules: in the terminal before frames are read, and in the results."""

import re
import warnings

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import PolymerEvents, SolvationEvents
from mda_ionmech.microstates import CutoffShell

from ..builders import brownian, make_universe


def shell_of(residue, bonds, *, names=None, rule=None, ligands="name O*"):
    """One lithium and the rest, whose O atoms are its ligands; the warnings of the analysis."""
    n = len(residue)
    rng = np.random.default_rng(0)
    u = make_universe(
        brownian(rng, 20, n, 0.01, 1.0) + rng.uniform(0, 40, (n, 3)),
        residue=residue, bonds=bonds or None, masses=np.linspace(5, 20, n),
        names=["LI", *(names or ["O"] * (n - 1))],
    )  # fmt: skip
    shell = CutoffShell(3.0, solvent=u.select_atoms(ligands))
    ions = IonSpecies(
        u.atoms[:1], charge=1, name="Li+", microstates=shell, events=rule or SolvationEvents()
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = OnsagerDecomposition(
            [ions], temperature=300, frame="laboratory", resolutions=None, windows=[1.0]
        )
    said = [str(w.message) for w in caught if w.category is UserWarning]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = run.run().results.warnings
    assert set(said) <= set(kept)
    return [text for text in said if "charges of the listed species" not in text]


@pytest.mark.parametrize(
    ("residue", "bonds", "names", "message"),
    [
        # one residue for all solvent molecules
        ([0] + [1] * 6, [], None, "all 6 ligand atoms of type 'solvent' of Li+ are one molecule"),
        # the same of molecules of three atoms, in two residues
        ([0] + [1] * 6 + [2] * 6, [], ["OW", "HW1", "HW2"] * 4,
         "residue RES 2 holds 2 atoms of every name and no bonds, like 2 of the 2 molecules"),
        # residues that bonds take apart
        ([0] + [1] * 4 + [2] * 4, [(1, 2), (3, 4), (5, 6), (7, 8)], ["O", "H"] * 4,
         "residue RES 2 holds 2 molecules, and 1 other residues several: bonds define"),
        # bonds guessed by distance, between an ion and its shell
        ([0, 1, 2, 3], [(0, 1), (0, 2)], None, "bonds of the topology put Li+ and ligands of type"),
    ],
)  # fmt: skip
def test_molecules_that_are_none(residue, bonds, names, message):
    said = shell_of(residue, bonds, names=names, ligands="name O OW")
    assert any(message in text for text in said), said


def test_a_residue_of_many_equal_units_is_refused_with_the_bonds_that_tell_them_apart():
    residue, names = [0] + [1] * 36, ["OW", "HW1", "HW2"] * 12
    with pytest.raises(InputError, match=r"same 3 atoms \(OW HW1 HW2\) 12 times") as refused:
        shell_of(residue, [], names=names, ligands="name OW")
    bonds = re.search(r"add_bonds\((\[.*\])\);", str(refused.value))[1]
    assert bonds == "[(k, k + j) for k in range(1, 37, 3) for j in range(1, 3)]"
    (said,) = shell_of(residue, eval(bonds), names=names, ligands="name OW")
    assert "residue RES 2 holds 12 molecules: bonds define molecules" in said
    with pytest.raises(InputError, match="12 times"):  # one such residue among molecules
        shell_of([*residue, 2, 2, 2], [], names=[*names, *names[:3]], ligands="name OW")


@pytest.mark.parametrize(
    ("names", "bonds"),
    [
        (["OW", "HW1", "HW2"] * 9, []),  # nine may be a ring
        (["OW", "HW1", "HW2"] * 12 + ["OW"], []),  # ends differ
        (["OW"] * 36, []),
        (["OW"] + ["HW1", "HW2"] * 18, []),  # one of them is a ligand
        (["OW", "HW1", "HW2"] * 12, [(1, 2)]),
    ],
)
def test_other_residues_are_said(names, bonds):
    said = shell_of([0] + [1] * len(names), bonds, names=names, ligands="name OW")
    assert len(said) == ("HW1" not in names[:2] or names.count("OW") > 1)


@pytest.mark.parametrize(
    ("residue", "bonds", "names"),
    [
        (range(7), [], None),
        ([0, 1, 1, 2, 2, 3, 3], [], ["O1", "O2"] * 3),
        ([0] + [1] * 4 + [2] * 4, [], ["O1", "O2", "C1", "C2"] * 2),
        ([0] * 7, [], None),  # no residues at all: every atom for itself
        ([0, 1, 1, 2, 2, 3, 3], [(1, 2), (3, 4)], ["O1", "O2"] * 3),
        # the four oxygens of the one anion there is
        ([0] + [1] * 4, [], ["O1", "O2", "O3", "O4"]),
    ],
)
def test_molecules_as_they_should_be_are_passed_in_silence(residue, bonds, names):
    assert shell_of(list(residue), bonds, names=names) == []


def test_a_network_of_one_fragment_cannot_show_hops_between_chains():
    chains = [(k, k + 1) for k in range(1, 12) if k != 6]
    residue = [0] + [1] * 6 + [2] * 6
    assert shell_of(residue, chains, rule=PolymerEvents()) == []
    said = shell_of(residue, [*chains, (6, 7)], rule=PolymerEvents())
    assert any("all 12 chain atoms that Li+ can bind belong to one chain" in t for t in said)
    # half of the bonds
    said = shell_of(residue, chains[:3], rule=PolymerEvents())
    assert any("8 of the 12 chain atoms that Li+ can bind have no bonds" in t for t in said)
    strands = np.array([0] + [1] * 6 + [2] * 6)
    assert shell_of(residue, [*chains, (6, 7)], rule=PolymerEvents(chains=strands)) == []


def species_notes(residue, atoms, compound, bonds=None, names=None):
    n = len(residue)
    u = make_universe(
        np.random.default_rng(0).uniform(0, 40, (3, n, 3)), residue=residue, bonds=bonds,
        names=names or [f"A{k}" for k in range(n)], masses=np.linspace(5, 20, n),
    )  # fmt: skip
    ions = IonSpecies(u.atoms[atoms], charge=-1, name="A-", compound=compound)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        OnsagerDecomposition([ions], temperature=300, frame="laboratory")
    said = [str(w.message) for w in caught]
    return [text for text in said if "charges of the listed species" not in text]


def test_carriers_that_are_not_alike_or_not_one_ion():
    said = species_notes([0, 1, 1, 2, 2, 2], [1, 2, 3, 4, 5], "residues")
    assert any("carriers of A- are not alike: 1 of 2 atoms, 1 of 3 atoms" in t for t in said)
    said = species_notes([0] + [1] * 6, range(1, 7), "residues", names=["L", *["P", "F"] * 3])
    assert any("residue RES 2 of A- holds 3 atoms of every name and no bonds" in t for t in said)
    said = species_notes([0, 1, 1], [1, 2], None, bonds=[(1, 2)])
    assert any("carriers of A- are bonded to one another (1 bonds)" in t for t in said)
    # a dimer of equal atoms is nothing unusual
    assert not species_notes([0, 1, 1, 2, 2], [1, 2, 3, 4], "residues", names=["L", *["O"] * 4])


def test_atoms_of_one_molecule_as_carriers_without_bonds():
    said = species_notes([0, 1, 1, 2, 2], [1, 2, 3, 4], None, names=["LI", *["P", "F1"] * 2])
    assert any(
        "2 atoms of residue RES 2 are carriers of A-" in t and "2 residues" in t for t in said
    )
    # ions of one element in one residue are nothing unusual
    assert not species_notes([0, 1, 1, 1], [1, 2, 3], None, names=["LI", "CL1", "CL2", "CL3"])
