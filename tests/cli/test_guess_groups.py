"""`ionmech init` on files whose residues or molecule numbers are no molecules."""

import warnings

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import IonSpecies
from mda_ionmech.analysis.molecule_checks import molecule_notes
from mda_ionmech.cli.config import build_species, load_config, open_universe
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib.covalent_bonds import guess_bonds
from mda_ionmech.lib.guessed_groups import other_molecules
from mda_ionmech.lib.molecules import molecule_of_atom
from mda_ionmech.lib.polymer_chains import chain_of_atom
from mda_ionmech.microstates import CutoffShell

from ..builders import make_universe
from ..commands import ionmech_here
from .test_guess import BOX, LENGTH, MASS, solution


def system(number, bonds=False):
    """The solution sorted by kind of molecule, in residues of these numbers by their names."""
    u = solution()
    order = np.argsort(u.atoms.resnames, kind="stable")
    place = np.argsort(order)
    residue = [number(u.atoms.resnames[k], u.atoms.resindices[k]) for k in order]
    first = np.unique(residue, return_index=True)[1]
    atoms = u.atoms[order]
    return make_universe(
        [ts.positions[order] for ts in u.trajectory], BOX, names=atoms.names,
        elements=atoms.elements, masses=atoms.masses,
        residue=np.unique(residue, return_inverse=True)[1],
        resnames=[str(atoms.resnames[k]) for k in first],
        bonds=[tuple(place[list(pair)]) for pair in u.bonds.indices] if bonds else None,
    )  # fmt: skip


def by_kind(name, _):
    return sorted(["LI", "DMC", "ACN", "PF6"]).index(name)


def ions_together(name, molecule):
    return -1 if name in ("LI", "PF6") else molecule


def write(u, folder, topology):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        u.atoms.write(str(folder / topology))
        u.atoms.write(str(folder / "a.xtc"), frames="all")
    return topology, "a.xtc"


def dump(u, folder, molecule):
    """A LAMMPS dump with the column mol, elements, and no order."""
    rng = np.random.default_rng(0)
    with (folder / "a.lammpstrj").open("w") as file:
        for ts in u.trajectory:
            file.write(f"ITEM: TIMESTEP\n{ts.frame}\nITEM: NUMBER OF ATOMS\n{len(u.atoms)}\n")
            file.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0 {LENGTH}\n" * 3)
            file.write("ITEM: ATOMS zs element mol id xs ys\n")
            for k in rng.permutation(len(u.atoms)):
                x, y, z = ts.positions[k] / LENGTH
                file.write(f"{z} {u.atoms.elements[k]} {molecule[k]} {k + 1} {x} {y}\n")
    return ("a.lammpstrj",)


def data(u, folder, molecule, bonds):
    """A LAMMPS data file with molecule numbers, and its trajectory."""
    types = list(MASS)
    lines = ["LAMMPS", "", f"{len(u.atoms)} atoms", f"{len(types)} atom types"]
    lines += [
        f"{len(bonds)} bonds",
        "1 bond types",
        "",
        *(f"0 {LENGTH} {a}lo {a}hi" for a in "xyz"),
    ]
    lines += ["", "Masses", "", *(f"{k + 1} {MASS[e]}" for k, e in enumerate(types))]
    lines += ["", "Atoms # full", ""]
    charge = {"Li": 0.8, "P": -0.8}
    for k, (element, x) in enumerate(zip(u.atoms.elements, u.atoms.positions, strict=True)):
        place = " ".join(f"{c:.4f}" for c in x)
        lines.append(
            f"{k + 1} {molecule[k]} {types.index(element) + 1} {charge.get(element, 0)} {place}"
        )
    if len(bonds):
        lines += [
            "",
            "Bonds",
            "",
            *(f"{k + 1} 1 {a + 1} {b + 1}" for k, (a, b) in enumerate(bonds)),
        ]
    (folder / "a.data").write_text("\n".join(lines) + "\n")
    u.atoms.write(str(folder / "a.xtc"), frames="all")
    return "a.data", "a.xtc"


def files(how, folder):
    if how == "pdb, ions together":
        return write(system(ions_together), folder, "a.pdb")
    u = system(by_kind, bonds=how == "data with bonds")
    if how in ("pdb", "gro"):
        return write(u, folder, f"a.{how}")
    if how == "dump":
        return dump(u, folder, u.atoms.resindices + 1)
    return data(u, folder, u.atoms.resindices, u.bonds.indices if "bonds" in how else [])


@pytest.mark.parametrize(
    "how", ["pdb", "gro", "pdb, ions together", "dump", "data", "data with bonds"]
)  # fmt: skip
def test_residues_of_several_molecules_are_taken_apart(how, tmp_path):
    given = files(how, tmp_path)
    needs = ["--dt", "1"] if how == "dump" else []
    done = ionmech_here(
        "init", *given, "--temperature", "300", "--no-figure", *needs, cwd=tmp_path, columns=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" or "compiling" in done.stderr
    config = load_config(tmp_path / "ionmech.toml")
    assert config.universe.get("bonds") == (None if how == "data with bonds" else "guess")
    assert ("hold" in done.stdout) == (how != "data with bonds")
    u = open_universe(config.topology, config.trajectory, config.universe)
    lithium, anion = build_species(config, u)
    assert (lithium.n_carriers, anion.n_carriers) == (8, 8)
    assert (lithium.charge, anion.charge) == (1, -1)
    molecule = molecule_of_atom(u)
    assert len(np.unique(molecule)) == 32
    for name, ligands in lithium.microstates.ligands.items():
        assert len(np.unique(molecule[ligands.ix])) == 8, name
    assert len(np.unique(molecule[lithium.atoms.ix])) == 8


def water_of_four_sites(rng, n_frames=12):
    """NaCl in water whose negative charge is on a site without mass; a residue for each kind."""
    cells = 6.0 * np.indices((4, 4, 4)).reshape(3, -1).T + 3.0
    ions, oxygens = cells[:8], cells[8:]
    shape = np.array([[0, 0, 0], [0.757, 0.586, 0], [-0.757, 0.586, 0], [0, 0.155, 0]])
    rotations = np.linalg.qr(rng.normal(size=(len(oxygens), 3, 3)))[0]
    waters = oxygens[:, None] + shape @ rotations
    waters[:4] += ions[:4, None] + [0, 0, 2.4] - waters[:4, :1]  # beside the sodium ions
    x = np.concatenate([ions, waters.reshape(-1, 3)])
    x = x + np.cumsum(rng.normal(0, 0.02, (n_frames, 1, 1)), axis=0)
    n = len(oxygens)
    return make_universe(
        np.mod(x, LENGTH), BOX, names=["NA"] * 4 + ["CL"] * 4 + ["OW", "HW1", "HW2", "MW"] * n,
        masses=[22.99] * 4 + [35.45] * 4 + [15.999, 1.008, 1.008, 0.0] * n,
        residue=[0] * 4 + [1] * 4 + [2] * 4 * n, resnames=["NA", "CL", "WAT"],
    )  # fmt: skip


@pytest.mark.parametrize("topology", ["a.gro", "a.pdb"])
def test_virtual_sites_go_with_their_molecule(topology, tmp_path):
    given = write(water_of_four_sites(np.random.default_rng(2)), tmp_path, topology)
    done = ionmech_here(
        "init", *given, "--temperature", "300", "--no-figure", cwd=tmp_path, columns=300
    )
    assert done.returncode == 0, done.stderr
    assert "56 x WAT (4 atoms): solvent" in done.stdout
    config = load_config(tmp_path / "ionmech.toml")
    u = open_universe(config.topology, config.trajectory, config.universe)
    molecule = molecule_of_atom(u)
    assert np.array_equal(np.bincount(molecule), [1] * 8 + [4] * 56)
    sodium = build_species(config, u)[0]
    assert (sodium.n_carriers, sodium.charge) == (4, 1)
    assert set(sodium.microstates.ligands["solvent"].names) == {"OW"}


def chains(n_chains=3, units=12):
    """Chains of ether units, each unit a residue, with two ions; no bonds."""
    elements, places, residue, names = (
        ["Li", "Cl"],
        [[2.0, 2, 2], [24.0, 2, 2]],
        [0, 1],
        ["LI", "CL"],
    )
    for chain in range(n_chains):
        place = np.array([6.0 + 7 * chain, 8.0, 0.0])
        for k in range(3 * units):
            elements.append("CCO"[k % 3])
            places.append(
                place + np.array([k % 2, 0.7 * k, 0.714 * k])
            )  # 1.41 A, 2.0 A to the next but one
            if k % 3 == 0:
                names.append("EO")
            residue.append(len(names) - 1)
    rng = np.random.default_rng(1)
    x = np.array(places) + rng.normal(0, 0.02, (8, len(places), 3))
    x[:, 0] = x[:, 4] + [-2.0, 0, 0]  # beside the first oxygen
    return make_universe(
        np.mod(x, LENGTH), BOX, names=elements, elements=elements,
        masses=[MASS[e] for e in elements], residue=residue, resnames=names,
    )  # fmt: skip


@pytest.mark.parametrize("topology", ["a.gro", "a.pdb"])
def test_residues_that_are_monomers_are_one_chain(topology, tmp_path):
    given = write(chains(), tmp_path, topology)
    done = ionmech_here(
        "init", *given, "--temperature", "300", "--no-figure", cwd=tmp_path, columns=300
    )
    assert done.returncode == 0, done.stderr
    assert "3 x EO (36 atoms): polymer" in done.stdout
    assert "bonds join residues" in done.stdout
    config = load_config(tmp_path / "ionmech.toml")
    assert config.universe["bonds"] == "guess"
    assert config.species[0].events.chains == "fragments"
    u = open_universe(config.topology, config.trajectory, config.universe)
    lithium = build_species(config, u)[0]
    oxygens = lithium.microstates.ligands["polymer"].ix
    assert (set(u.atoms[oxygens].names), len(oxygens)) == ({"O"}, 36)
    assert len(np.unique(chain_of_atom(u, "fragments", oxygens, "")[oxygens])) == 3


@pytest.mark.parametrize("bonds", ["none", "of another molecule", "guess"])
def test_a_run_warns_of_monomers_without_bonds(bonds, tmp_path):
    write(chains(), tmp_path, "a.gro")
    options = {"bonds": "guess"} if bonds == "guess" else {}
    u = open_universe(tmp_path / "a.gro", [tmp_path / "a.xtc"], options)
    if bonds == "of another molecule":
        u.add_TopologyAttr("bonds", [(0, 1)])
    shell = CutoffShell(solvent=u.select_atoms("resname EO and name O"), cutoff=3.0)
    lithium = IonSpecies(
        u.select_atoms("resname LI"), charge=1, name="Li+", microstates=shell,
        events=SolvationEvents(),
    )  # fmt: skip
    chloride = IonSpecies(u.select_atoms("resname CL"), charge=-1, name="Cl-")
    notes = molecule_notes([lithium, chloride], u, molecule_of_atom(u))
    told = [n for n in notes if "33 bonds that the topology lacks join residues of ligands" in n]
    assert len(told) == (bonds != "guess")
    assert ["bonds = 'guess'" in n for n in told] == [bonds == "none"] * len(told)


def test_what_bonds_say_of_groups():
    elements = np.array(["O", "H", "H"] * 4 + ["Li"] * 2)
    water = np.array([[0, 0, 0], [0.8, 0.6, 0], [-0.8, 0.6, 0]])
    away = np.repeat(6.0 * np.arange(4), 3)[:, None] * [1, 0, 0]
    places = np.concatenate([np.tile(water, (4, 1)) + away, [[0, 9, 0], [9, 9, 0]]])
    pairs = guess_bonds(elements, places, None)
    residues = [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert other_molecules(np.array([*residues, 4, 5]), pairs, elements) == ""
    assert "1 residue or molecule number holds 4 molecules" in other_molecules(
        np.array([0] * 12 + [1, 2]), pairs, elements
    )
    # a molecule that is broken, and atoms without elements, say nothing
    assert other_molecules(np.array([*residues, 4, 5]), pairs[1:], elements) == ""
    unknown = np.where(elements == "O", "O", "")
    assert other_molecules(np.array([0] * 12 + [1, 2]), pairs[:0], unknown) == ""


def test_readers_do_not_speak_to_the_user(tmp_path, recwarn):
    """MDAnalysis warns of masses and types that it sets itself."""
    u = system(by_kind)
    given = dump(u, tmp_path, u.atoms.resindices + 1)
    with pytest.warns(UserWarning, match="No mass column"):
        mda.Universe(str(tmp_path / given[0]), format="LAMMPSDUMP", topology_format="LAMMPSDUMP")
    recwarn.clear()
    done = ionmech_here(
        "init", *given, "--dt", "1", "--temperature", "300", "--no-figure", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert not [w for w in recwarn if "MDAnalysis" in str(w.filename)]
