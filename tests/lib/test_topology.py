"""Groups that share atoms are refused, and the remedy that is named works."""

from __future__ import annotations

import re
import time
import tracemalloc

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.lib.topology import atom_kinds, check_apart, describe_atoms
from mda_ionmech.microstates import CutoffShell, HullShell

from ..builders import make_universe


@pytest.fixture
def atoms():
    names = ["Li"] * 4 + ["Cl"] * 4
    return make_universe(
        np.zeros((3, 8, 3)), names=names, resnames=[n.upper() for n in names]
    ).atoms


def message(groups, **options):
    with pytest.raises(InputError) as caught:
        check_apart(groups, "each atom has one place", **options)
    return str(caught.value)


@pytest.mark.parametrize("a", ["name Li", "index 0:4", "all", "index 2:3"])
@pytest.mark.parametrize("b", ["all", "name Cl", "index 3:7"])
def test_the_selection_in_the_message_separates_them(atoms, a, b):
    groups = {"a": atoms.select_atoms(a), "b": atoms.select_atoms(b)}
    first, second = groups.values()
    both = first.intersection(second)
    if not len(both):
        check_apart(groups, "each atom has one place")
        return
    text = message(groups)
    assert f"a and b overlap in atom index {both[0].ix} (name {both[0].name}, resname" in text
    if first == second:
        assert f"both are the same {len(both)} atoms" in text
        return
    assert f"{len(both)} atom{'s are' if len(both) > 1 else ' is'} in both, of" in text
    assert f"of {len(first)} and {len(second)};" in text
    kept, less = re.search(r"take those of (\w) out of (\w),", text).groups()[::-1]
    ending = re.search(r"with '(and not \(.*\))' at", text)[1]
    selection = {"a": a, "b": b}[kept]
    left = atoms.select_atoms(f"({selection}) {ending}")
    assert len(left)
    check_apart({kept: left, less: groups[less]}, "each atom has one place")


def test_long_selections_are_left_out():
    atoms = make_universe(np.zeros((3, 60, 3))).atoms
    assert "'and not (...)'" in message({"a": atoms[::2], "b": atoms})


def test_groups_that_share_no_atom(atoms):
    check_apart({"a": atoms[:4], "b": atoms[4:6], "c": atoms[6:]}, "each atom has one place")


def test_the_third_is_compared_with_the_second(atoms):
    groups = {"a": atoms[:3], "b": atoms[3:6], "c": atoms[5:]}
    assert message(groups, called="{} with {}").startswith("b with c overlap in atom index 5")


def test_species_ligands_and_host_say_how(atoms):
    lithium = IonSpecies(atoms[:4], charge=1, name="Li+")
    rest = IonSpecies(atoms, charge=-1, name="X-")
    with pytest.raises(InputError, match=r"take those of 'Li\+' out of 'X-', .*not \(name Li\)"):
        OnsagerDecomposition([lithium, rest], temperature=300)
    with pytest.raises(InputError, match=r"of 'a' out of 'b', .*not \(name Cl\)"):
        CutoffShell(2.0, a=atoms[4:], b=atoms)
    with pytest.raises(InputError, match=r"of ligand type 'a' out of host, .*not \(name Cl\)"):
        HullShell(host=atoms, a=atoms[4:])


@pytest.mark.slow
def test_groups_of_a_million_atoms_take_little_time_and_memory():
    n = 1_000_000
    u = mda.Universe.empty(n, atom_resindex=np.zeros(n, dtype=int), trajectory=False)
    u.add_TopologyAttr("names", np.array(["O", "N"], dtype=object)[np.arange(n) % 2])
    u.add_TopologyAttr("types", np.array(["o", "n"], dtype=object)[np.arange(n) % 2])
    solvent, anion = u.atoms[: n // 2], u.atoms[n // 2 :]
    began = time.process_time()
    CutoffShell(3.0, solvent=solvent, anion=anion)
    assert time.process_time() - began < 1  # 0.1 s on a core that is free
    tracemalloc.start()
    CutoffShell(3.0, solvent=solvent, anion=anion)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64e6
    began = time.process_time()
    assert describe_atoms(solvent) == "index 0:499999"
    names, place = atom_kinds(u)
    assert time.process_time() - began < 5  # 0.9 s on a core that is free
    assert names.tolist() == ["N", "O"]
    np.testing.assert_array_equal(place, (np.arange(n) + 1) % 2)


def test_numbered_types_get_elements_by_mass_and_others_keep_their_type():
    u = mda.Universe.empty(4, atom_resindex=np.arange(4), n_residues=4, trajectory=False)
    u.add_TopologyAttr("types", ["1", "3", "4", "9"])
    u.add_TopologyAttr("masses", [6.94, 91.224, 15.999, 300.0])  # LAMMPS data: Li, Zr, O, a bead
    names, place = atom_kinds(u)
    assert names[place].tolist() == ["Li", "Zr", "O", "9"]
