"""Trajectories whose atoms are not those of the topology, or not in its order, on disk."""

from types import SimpleNamespace

import MDAnalysis as mda
import numpy as np
import pytest
from ase.io import write

from mda_ionmech import InputError, datasets
from mda_ionmech.lib.atom_order import check_atom_order
from mda_ionmech.trajectory.masses import atom_masses
from mda_ionmech.trajectory.open_files import open_files
from mda_ionmech.trajectory.same_atoms import check_order_of_frames

from .test_open_files import SYMBOLS, frames, lammps_data

KIND = np.where(np.array(SYMBOLS) == "Li", 1, 2)
ORDER = np.array([3, 0, 4, 1, 5, 2])


def dump(path, columns, *, order=None, first="", bounds="ITEM: BOX BOUNDS pp pp pp"):
    """A dump of four frames; `order`: the ids of the atoms as LAMMPS data has them."""
    order = np.arange(6) if order is None else order
    text = []
    for k, atoms in enumerate(frames()):
        text.append(f"{first if not k or 'TIME' in first else ''}ITEM: TIMESTEP\n{500 * k}")
        text.append(f"ITEM: NUMBER OF ATOMS\n6\n{bounds}\n0 12\n0 13\n0 14\nITEM: ATOMS {columns}")
        for n, place in enumerate(atoms.positions):
            row = {"id": order[n] + 1, "type": KIND[n], "element": SYMBOLS[n]}
            row |= dict(zip("xyz", np.round(place, 4), strict=True))
            text.append(" ".join(str(row[c]) for c in columns.split()))
    path.write_text("\n".join(text) + "\n")
    return path


@pytest.mark.parametrize(
    ("columns", "said", "options"),
    [
        ("type x y z", r"no column id \(type x y z\)", {}),
        ("id type x y z", "ITEM: UNITS .*sed", {"first": "ITEM: UNITS\nreal\n"}),
        ("id type x y z", "ITEM: TIME .*sed", {"first": "ITEM: TIME\n0.5\n"}),
        ("id type x y z", "triclinic/general", {"bounds": "ITEM: BOX BOUNDS abc origin pp pp pp"}),
    ],
)
def test_dumps_that_cannot_be_read_say_why(columns, said, options, tmp_path):
    lammps_data(tmp_path / "a.data")
    path = dump(tmp_path / "a.dump", columns, **options)
    with pytest.raises(InputError, match=said):
        open_files(tmp_path / "a.data", [path], {})


def test_a_dump_that_numbers_other_atoms_than_the_data_file_is_refused(tmp_path):
    lammps_data(tmp_path / "a.data")
    path = dump(tmp_path / "a.dump", "id type x y z", order=ORDER)
    with pytest.raises(InputError, match="same types in another order"):
        open_files(tmp_path / "a.data", [path], {})
    open_files(tmp_path / "a.data", [dump(tmp_path / "a.dump", "z y id x type")], {})


@pytest.mark.parametrize("ending", ["xyz", "pdb", "gro"])
def test_text_that_names_the_atoms_in_another_order_is_refused(ending, tmp_path):
    lammps_data(tmp_path / "a.data")
    one = open_files(tmp_path / "a.data", [dump(tmp_path / "a.dump", "id type x y z")], {})
    for name, values in (("names", SYMBOLS), ("resnames", ["X"])):
        one.add_TopologyAttr(name, values)
    one.atoms.write(str(tmp_path / "top.gro"))
    with mda.Writer(str(tmp_path / f"b.{ending}"), 6) as writer:
        writer.write(one.atoms[ORDER])
    with pytest.raises(InputError, match="same names in another order"):
        open_files(tmp_path / "top.gro", [tmp_path / f"b.{ending}"], {})


@pytest.mark.parametrize("shuffled", [None, 1, 4, 8])
def test_an_xyz_file_whose_atoms_change_their_order_is_refused(shuffled, tmp_path):
    made = [frames()[k % 4] for k in range(9)]
    if shuffled is not None:
        made[shuffled] = made[shuffled][ORDER]
    with open(tmp_path / "a.xyz", "w") as file:
        for one in made:
            rows = zip(one.get_chemical_symbols(), one.positions, strict=True)
            file.write("6\n\n" + "".join(f"{s} {x} {y} {z}\n" for s, (x, y, z) in rows))
    path = tmp_path / "a.xyz"
    if shuffled is None:
        assert open_files(path, [path], {}).trajectory.n_frames == 9
        return
    with pytest.raises(InputError, match=r"has Cl as atom index 0, the first frame Li.*sort id"):
        open_files(path, [path], {})


def test_extended_xyz_is_put_in_the_order_of_its_ids(tmp_path):
    made, path = frames(), tmp_path / "a.extxyz"
    for k, one in enumerate(made):
        one.arrays["id"] = np.arange(6) + 1
        made[k] = one[np.roll(ORDER, k)]
    write(path, made, format="extxyz", columns=["id", "symbols", "positions"])
    universe = open_files(path, [path], {})
    assert list(universe.atoms.names) == SYMBOLS
    for ts, one in zip(universe.trajectory, frames(), strict=True):
        np.testing.assert_allclose(ts.positions, one.positions, atol=1e-4)


@pytest.mark.parametrize("columns", ["id element x y z", "id type element x y z"])
def test_masses_and_types_of_a_dump_with_elements(columns, tmp_path):
    path = dump(tmp_path / "a.dump", columns)
    made = open_files(path, [path], {})
    assert made.select_atoms("element Cl").n_atoms == 3
    assert made.select_atoms(f"type {made.atoms.types[5]}").n_atoms == 3
    # MDAnalysis 2.11 knows no mass of Cl here, and takes 1 u
    np.testing.assert_allclose(atom_masses(made).value, [6.941] * 3 + [35.45] * 3, rtol=1e-3)


@pytest.mark.parametrize("bonds", [True, False])
def test_atoms_in_another_order_than_the_topology_are_refused(bonds):
    universe = datasets.liquid()
    places, box = universe.trajectory[0].positions.copy(), universe.dimensions
    if not bonds:
        universe.del_TopologyAttr("bonds")
    check_atom_order(universe, places, box)
    # solvent first: half of its molecules are cut where residues were in place
    ions = universe.select_atoms("not resname ACN").ix
    moved = np.r_[universe.select_atoms("resname ACN").ix, ions]
    with pytest.raises(InputError, match="another order than the topology"):
        check_atom_order(universe, places[moved], box)
    if not bonds:
        return
    turned = np.arange(len(places))
    for residue in universe.select_atoms("resname TFS").residues:
        turned[residue.atoms.ix] = residue.atoms.ix[::-1]
    with pytest.raises(InputError, match=r"5% of the bonds .* too long"):
        check_atom_order(universe, places[turned], box)


def test_formats_that_name_no_atoms_are_not_looked_at():
    check_order_of_frames(SimpleNamespace(format="XTC"))
