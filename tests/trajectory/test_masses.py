"""Masses: sites without any weigh nothing, molecules without any are refused."""

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.trajectory.masses import are_plausible, atom_masses, usable_masses

from ..builders import brownian, make_universe, mobility, wrap

CELL = 24.0


def electrolyte(drude=None, seed=4):
    """Four Li and four Cl, with Drude particles of a mass or without, in ten four-site waters.

    Returns the universe and the centres of mass of the ions relative to that of all atoms.
    """
    rng = np.random.default_rng(seed)
    centre = brownian(rng, 120, 18, 0.02, 1.0) + rng.uniform(0, CELL, (1, 18, 3))
    names, masses, residue, places = [], [], [], []
    for k in range(18):
        if k >= 8:
            atoms = [("OW", 15.999, (0, 0, 0)), ("HW1", 1.008, (0.76, 0.59, 0)),
                     ("HW2", 1.008, (-0.76, 0.59, 0)), ("MW", 0.0, (0, 0.15, 0))]  # fmt: skip
        else:
            name, mass = ("LI", 6.94) if k < 4 else ("CL", 35.45)
            atoms = [(name, mass - (drude or 0), (0, 0, 0))]
            if drude is not None:
                shell = rng.normal(scale=0.05, size=(120, 3))
                atoms.append((f"D{name}", drude, shell))
        for name, mass, offset in atoms:
            names.append(name)
            masses.append(mass)
            residue.append(k)
            places.append(centre[:, k] + np.asarray(offset))
    x, masses, residue = np.stack(places, axis=1), np.array(masses), np.array(residue)
    u = make_universe(
        wrap(x, CELL), (CELL,) * 3 + (90,) * 3, names=names, residue=residue, masses=masses,
        resnames=["LI"] * 4 + ["CL"] * 4 + ["SOL"] * 10,
    )  # fmt: skip
    whole = np.average(x, axis=1, weights=masses)
    ions = [np.average(x[:, residue == k], axis=1, weights=masses[residue == k]) for k in range(8)]
    return u, np.stack(ions, axis=1) - whole[:, None]


def run(u, frame, compound="residues", cores=False):
    sites = " and not name D*" if cores else ""
    species = [
        IonSpecies(u.select_atoms(f"resname {name}{sites}"), charge=z, name=name, compound=compound)
        for name, z in (("LI", 1), ("CL", -1))
    ]
    options = {"temperature": 300.0, "resolutions": None, "windows": [1.0, 8.0]}
    return OnsagerDecomposition(species, frame=frame, **options).run()


def known(paths, window):
    """K of the cations, A^2/ps."""
    collective = paths[:, :4].sum(axis=1)
    moved = collective[window:] - collective[:-window]
    return (moved**2).sum(axis=1).mean() / (6 * window)


@pytest.mark.parametrize("drude", [None, 0.4, 0.0])
def test_sites_without_mass_weigh_nothing(drude):
    u, paths = electrolyte(drude)
    found = mobility(run(u, "barycentric").results, "LI")
    np.testing.assert_allclose(found, [known(paths, 1), known(paths, 8)], rtol=1e-5)


@pytest.mark.parametrize("frame", ["barycentric", "solvent", "laboratory"])
@pytest.mark.parametrize("drude", [0.4, 0.0])
def test_what_is_followed_of_a_drude_ion_is_said(frame, drude):
    u, _ = electrolyte(drude)
    with_shell = run(u, frame).results
    assert any("centres of mass analysed include 4 sites" in w for w in with_shell.warnings)
    cores = run(u, frame, None, cores=True).results
    assert any(w.startswith("LI: the positions analysed are those") for w in cores.warnings)
    # a bound shell adds nothing to transport
    np.testing.assert_allclose(mobility(cores, "LI")[1], mobility(with_shell, "LI")[1], rtol=0.02)
    with pytest.raises(InputError, match=r"8 carriers, among them 4 sites .* count twice"):
        run(u, frame, None)


def test_a_molecule_without_any_mass_is_refused_where_it_is_used():
    u, _ = electrolyte()
    u.select_atoms("name OW HW1 HW2").masses = 0.0
    run(u, "laboratory")
    with pytest.raises(InputError, match=r"zero for some atoms: 40 atoms named HW1, HW2, MW, OW"):
        run(u, "barycentric")
    u.select_atoms("resname LI").masses = 0.0
    run(u, "laboratory", None)
    with pytest.raises(InputError, match=r"compound='residues' of 'LI' but are zero .* named LI"):
        run(u, "laboratory")


@pytest.mark.parametrize(
    ("names", "elements", "mass", "fine"),
    [
        (["LI"] * 4, None, 6.94, True),  # one element
        (["LI1", "LI2", "LI3", "LI4"], None, 6.94, True),
        (["x"] * 4, ["Li"] * 4, 6.94, True),
        (["W"] * 4, None, 72.0, True),  # beads
        (["LI", "LI", "CL", "CL"], None, 6.94, False),
        (["B", "B", "S", "S"], None, 1.0, False),
        (["x"] * 4, None, 1.0, False),
    ],
)
def test_equal_masses_are_right_for_one_element(names, elements, mass, fine):
    u = make_universe(np.zeros((3, 4, 3)), names=names, elements=elements, masses=[mass] * 4)
    if fine:
        np.testing.assert_allclose(usable_masses(u, "a test"), mass)
    else:
        with pytest.raises(InputError, match="the same for every atom"):
            usable_masses(u, "a test")


def test_equal_masses_are_replaced_by_those_of_elements_and_that_is_said():
    u = make_universe(
        np.zeros((3, 3, 3)), masses=[1.0] * 3, elements=["Li", "Cl", "Cl"], names=["a", "b", "b"]
    )
    found = atom_masses(u)
    np.testing.assert_allclose(found.value, [6.941, 35.45, 35.45])
    assert len(found.notes) == 2
    assert "35.45 u is used for 2 atoms of Cl, for which the topology has 1 u" in found.notes[0]


def test_negative_and_unknown_masses():
    u = make_universe(np.zeros((3, 3, 3)), masses=[-1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"negative for some atoms, e.g. atom index 0 \(-1 u\)"):
        usable_masses(u, "a test")
    u = make_universe(np.zeros((3, 3, 3)), masses=[np.nan, 2.0, 3.0])
    with pytest.raises(InputError, match="zero for some atoms: 1 atom named X, from index 0"):
        usable_masses(u, "a test")


@pytest.mark.parametrize("ending", ["gro", "pdb"])
def test_ions_whose_mass_mdanalysis_cannot_guess(tmp_path, ending):
    """It finds none for LI and takes a calcium ion for a carbon."""
    u = make_universe(
        np.random.default_rng(0).uniform(0, 20, (1, 8, 3)),
        names=["LI", "LI", "CA", "CL", "CL", "OW", "HW1", "HW2"],
        resnames=["LI", "LI", "CA", "CL", "CL", "SOL"],
        residue=[0, 1, 2, 3, 4, 5, 5, 5],
    )
    path = tmp_path / f"a.{ending}"
    u.atoms.write(str(path))
    read = mda.Universe(str(path))
    assert read.atoms.masses[0] == 0
    assert read.atoms.masses[2] == pytest.approx(12.011)
    found = atom_masses(read)
    expected = [6.941, 6.941, 40.08, 35.45, 35.45, 15.999, 1.008, 1.008]
    np.testing.assert_allclose(found.value, expected)
    assert any("6.941 u is used for 2 atoms of Li" in text for text in found.notes)
    assert any("40.08 u is used for 1 atoms of Ca" in text for text in found.notes)
    # what the user sets stands
    read.add_TopologyAttr("masses", [7.0] * 8)
    read.atoms[3:].masses = 10.0
    assert atom_masses(read).value.tolist() == [7.0] * 3 + [10.0] * 5


def written(tmp_path, names, resnames, residue):
    """A GRO file read again: MDAnalysis guesses the masses."""
    u = make_universe(
        np.random.default_rng(0).uniform(0, 20, (1, len(names), 3)),
        names=names, resnames=resnames, residue=residue,
    )  # fmt: skip
    u.atoms.write(str(tmp_path / "a.gro"))
    return mda.Universe(str(tmp_path / "a.gro"))


def test_masses_guessed_for_another_element_in_a_molecule(tmp_path):
    """NA is a nitrogen of imidazolium, EP and LP1 are sites, DO is a Drude particle beside O."""
    names = ["NA", "CR", "NB", "CW", "OW", "HW1", "EP", "O", "DO", "LP1", "LI"]
    read = written(tmp_path, names, ["EMI", "SOL", "SWM", "LI"], [0] * 4 + [1] * 3 + [2] * 3 + [3])
    assert read.atoms.masses[0] == pytest.approx(22.98977)
    assert read.atoms.masses[[6, 8, 9]] == pytest.approx([30.974, 15.999, 30.974])
    found = atom_masses(read)
    expected = [14.007, 12.011, 14.007, 12.011, 15.999, 1.008, 0, 15.999, 0, 0, 6.941]
    np.testing.assert_allclose(found.value, expected)
    assert any(
        "3 atoms named DO, EP, LP1 are treated as sites without mass" in t for t in found.notes
    )
    # a mass that the user gives stands, for a part of the atoms too
    read.atoms[0].mass = 15.0
    read.select_atoms("name HW1").masses = 2.014
    expected[0], expected[5] = 15.0, 2.014
    np.testing.assert_allclose(atom_masses(read).value, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_masses_that_are_no_numbers_are_those_of_the_elements_or_said(bad):
    u, _ = electrolyte()
    masses = u.atoms.masses
    masses[[2, 20]] = bad
    u.atoms.masses = masses
    found = atom_masses(u)
    assert found.value[[2, 20]] == pytest.approx([6.941, 15.999], abs=0.01)
    assert any("6.941 u is used for 1 atom" in text for text in found.notes)
    u.atoms[20].name = "QQ"
    found = atom_masses(u)
    assert found.value[20] == 0
    assert any("1 atom from index 20 on whose mass in the topology is" in t for t in found.notes)


def test_masses_that_are_those_of_the_elements_or_of_isotopes_stay():
    # nearly that of sodium stays, though equal masses of two elements are none
    u = make_universe(
        np.zeros((3, 2, 3)), masses=[23.0] * 2, elements=["Na", "Cl"], names=["a", "b"]
    )
    found = atom_masses(u)
    np.testing.assert_allclose(found.value, [23.0, 35.45])
    assert len(found.notes) == 1
    # equal masses of one element are what they are
    u = make_universe(np.zeros((3, 2, 3)), masses=[6.015] * 2, elements=["Li"] * 2)
    assert atom_masses(u).value.tolist() == [6.015] * 2
    assert atom_masses(u).notes == ()


def test_a_mass_that_is_given_to_a_site_stands(tmp_path):
    names = ["OW", "HW1", "EP", "LP1"] * 2
    read = written(tmp_path, names, ["SOL"] * 2, [0] * 4 + [1] * 4)
    np.testing.assert_allclose(atom_masses(read).value, [15.999, 1.008, 0, 0] * 2)
    read.select_atoms("name EP").masses = 0.5
    np.testing.assert_allclose(atom_masses(read).value, [15.999, 1.008, 0.5, 0] * 2)


@pytest.mark.parametrize(
    ("elements", "fine"),
    [(["Li"] * 4, True), (["Li", "Li", "Cl", "Cl"], False), ([""] * 4, False), (None, False)],
)
def test_equal_masses_are_believed_where_all_elements_are_one(elements, fine):
    u = make_universe(
        np.zeros((3, 4, 3)), names=["LI", "LI", "CL", "CL"], elements=elements, masses=[5.0] * 4
    )
    assert are_plausible(u, np.full(4, 5.0), np.arange(4)) == fine
    # what is used is of one kind, or a single atom, or of different masses
    assert are_plausible(u, np.full(4, 5.0), np.arange(2))
    assert are_plausible(u, np.full(4, 5.0), np.arange(1, 2))
    assert are_plausible(u, np.array([5.0, 5, 5, 6]), np.arange(4))


def test_sites_without_mass_say_nothing_of_equal_masses():
    u = make_universe(np.zeros((3, 4, 3)), names=["LI", "LI", "CL", "CL"], masses=[5.0] * 4)
    assert not are_plausible(u, np.array([5.0, 5, 5, 0]), np.arange(4))
    # what is used and has mass is lithium
    assert are_plausible(u, np.array([5.0, 5, 0, 0]), np.arange(4))
    assert not are_plausible(u, np.array([0.0, 5, 5, 0]), np.arange(4))


def test_five_names_are_listed_of_atoms_without_mass():
    u = make_universe(np.zeros((3, 7, 3)), masses=[0.0] * 6 + [1.0], names=list("gfedcba"))
    with pytest.raises(InputError, match=r"6 atoms named b, c, d, e, f, from index 0 on; set"):
        usable_masses(u, "a test")
