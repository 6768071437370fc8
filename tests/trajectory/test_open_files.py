"""Files of many formats opened as users have them, and what is said about those that are not."""

import bz2
import gzip
import shutil
import warnings

import MDAnalysis as mda
import numpy as np
import pytest
from MDAnalysis.lib.mdamath import triclinic_vectors

from mda_ionmech import InputError
from mda_ionmech.lib.topology import source_files, trajectory_name
from mda_ionmech.trajectory import from_ase
from mda_ionmech.trajectory.given_cells import check_dimensions
from mda_ionmech.trajectory.lammps_columns import atom_style_of
from mda_ionmech.trajectory.open_files import (
    _first_lines,
    _shortened,
    format_of,
    open_files,
)
from mda_ionmech.trajectory.time_sources import time_source

pytest.importorskip("ase", reason="ASE is not installed")
from ase import Atoms
from ase.io import write

SYMBOLS = ["Li"] * 3 + ["Cl"] * 3
BOX = [12.0, 13.0, 14.0, 90.0, 90.0, 90.0]


def frames(n=4, cell=True):
    rng = np.random.default_rng(3)
    places = rng.uniform(1, 11, (6, 3)) + np.cumsum(rng.normal(0, 0.05, (n, 6, 3)), axis=0)
    return [Atoms(SYMBOLS, p, cell=BOX[:3] if cell else None, pbc=cell) for p in places]


def same(universe, made, tolerance=2e-3):
    """Distances of the nearest images and cells are those of the frames."""
    assert universe.trajectory.n_frames == len(made)
    for ts, atoms in zip(universe.trajectory, made, strict=True):
        cell = triclinic_vectors(ts.dimensions)
        np.testing.assert_allclose(np.diag(cell), BOX[:3], atol=1e-3)
        step = (ts.positions - atoms.positions) @ np.linalg.inv(cell)
        step -= np.rint(step)
        np.testing.assert_allclose(step @ cell, 0, atol=tolerance)


def lammps_dump(path, made, columns="id type x y z"):
    with open(path, "w") as file:
        for k, atoms in enumerate(made):
            file.write(f"ITEM: TIMESTEP\n{500 * k}\nITEM: NUMBER OF ATOMS\n6\n")
            file.write("ITEM: BOX BOUNDS pp pp pp\n" + "".join(f"0 {x}\n" for x in BOX[:3]))
            file.write(f"ITEM: ATOMS {columns}\n")
            for n, (symbol, place) in enumerate(zip(SYMBOLS, atoms.positions, strict=True)):
                xyz = " ".join(f"{x:.5f}" for x in place)
                file.write(f"{n + 1} {1 if symbol == 'Li' else 2} {xyz}\n")


def lammps_data(path, style="charge", hint=True):
    made = frames()[0]
    mass = "Masses\n\n1 6.94\n2 35.45\n\n"
    box = "".join(f"0 {x} {a}lo {a}hi\n" for x, a in zip(BOX[:3], "xyz", strict=True))
    rows = []
    for n, (symbol, p) in enumerate(zip(SYMBOLS, made.positions, strict=True)):
        kind = 1 if symbol == "Li" else 2
        first = {
            "charge": f"{kind} {1.0 if kind == 1 else -1.0}", "full": f"{n + 1} {kind} 0.5",
            "atomic": f"{kind}", "molecular": f"{n + 1} {kind}",
        }[style]  # fmt: skip
        rows.append(f"{n + 1} {first} {p[0]:.6f} {p[1]:.6f} {p[2]:.6f} 0 0 0")
    named = f" # {style}" if hint else ""
    path.write_text(
        f"a salt\n\n6 atoms\n2 atom types\n\n{box}\n{mass}Atoms{named}\n\n" + "\n".join(rows) + "\n"
    )


def pack(path, how):
    target = path.with_name(path.name + how)
    with open(path, "rb") as file, {".gz": gzip.open, ".bz2": bz2.open}[how](target, "wb") as out:
        shutil.copyfileobj(file, out)
    return target


#: Name, and how ASE writes it.
BY_ASE = {
    "XDATCAR": {"format": "vasp-xdatcar"},
    "run1.XDATCAR": {"format": "vasp-xdatcar"},
    "run.extxyz": {"format": "extxyz"},
    "run.exyz": {"format": "extxyz"},
    "run.xyz": {"format": "extxyz"},
    "md.traj": {"format": "traj"},
}


@pytest.mark.parametrize("name", BY_ASE)
def test_one_file_that_holds_all(tmp_path, name):
    made = frames()
    path = tmp_path / name
    write(path, made, **BY_ASE[name])
    universe = open_files(path, [path], {})
    same(universe, made)
    assert list(universe.atoms.elements) == SYMBOLS
    assert trajectory_name(universe) == name
    (record,) = source_files(universe)
    assert record["bytes"] == path.stat().st_size
    assert len(record["sha256"]) == 64
    assert time_source(universe.trajectory).kind == "invented", "no time is in these files"
    given = open_files(path, [path], {"dt": 0.5})
    assert given.trajectory.dt == 0.5
    assert time_source(given.trajectory).kind == "given"
    assert source_files(given.copy())[0] == record, "a copy knows its files"
    if name not in ("md.traj",):
        for how in (".gz", ".bz2"):
            same(open_files(pack(path, how), [pack(path, how)], {}), made)


def test_vasprun_is_read(tmp_path):
    path = tmp_path / "vasprun.xml"
    made = frames(3)
    basis = "<varray name='basis'>" + "".join(
        f"<v>{' '.join(str(BOX[k]) if k == n else '0.0' for k in range(3))}</v>" for n in range(3)
    ) + "</varray>"  # fmt: skip
    atoms = "".join(f"<rc><c>{s}</c><c>1</c></rc>" for s in SYMBOLS)
    steps = ""
    for one in made:
        rows = "".join(f"<v>{' '.join(map(str, p))}</v>" for p in one.get_scaled_positions())
        energy = "".join(
            f"<i name='{n}'>-1.0</i>" for n in ("e_fr_energy", "e_wo_entrp", "e_0_energy")
        )
        forces = "".join("<v>0 0 0</v>" for _ in SYMBOLS)
        steps += (
            f"<calculation><scstep><energy>{energy}</energy></scstep><structure><crystal>{basis}"
            f"</crystal><varray name='positions'>{rows}</varray></structure>"
            f"<varray name='forces'>{forces}</varray><energy>{energy}</energy></calculation>"
        )
    first = steps[steps.index("<structure>") : steps.index("</structure>")]
    first = first.replace("<structure>", "<structure name='initialpos'>") + "</structure>"
    path.write_text(
        "<?xml version='1.0'?><modeling><kpoints><varray name='kpointlist'><v>0 0 0</v></varray>"
        "<varray name='weights'><v>1</v></varray></kpoints>"
        "\n<incar><i name='POTIM'>  2.0</i></incar>\n<atominfo><atoms>6</atoms><types>2</types>"
        f"<array name='atoms'><set>{atoms}</set></array></atominfo>{first}{steps}</modeling>"
    )
    universe = open_files(path, [path], {})
    same(universe, made)
    told = "whose POTIM is 2 fs: dt is 0.002 ps where every step is a frame"
    assert told in time_source(universe.trajectory).text


def test_times_in_extended_xyz(tmp_path):
    """In fs, as ASE's users and GPUMD write them."""
    made = frames()
    for key in ("time", "Time"):
        for k, atoms in enumerate(made):
            atoms.info = {key: 500.0 * k}
        write(tmp_path / f"{key}.extxyz", made, format="extxyz")
        path = tmp_path / f"{key}.extxyz"
        universe = open_files(path, [path], {})
        assert universe.trajectory.dt == 0.5
        source = time_source(universe.trajectory)
        assert source.kind == "given"
        assert "time or Time of each frame), read as fs" in source.text


def test_a_topology_beside_coordinates_that_ase_reads(tmp_path):
    made = frames()
    write(tmp_path / "XDATCAR", made, format="vasp-xdatcar")
    write(tmp_path / "POSCAR", made[0], format="vasp")
    same(open_files(tmp_path / "POSCAR", [tmp_path / "XDATCAR"], {}), made)
    lammps_data(tmp_path / "salt.data")
    universe = open_files(tmp_path / "salt.data", [tmp_path / "XDATCAR"], {})
    same(universe, made)
    np.testing.assert_allclose(universe.atoms.charges, [1, 1, 1, -1, -1, -1])
    # the other way round: the structure from ASE, the coordinates by MDAnalysis
    lammps_dump(tmp_path / "run.lammpstrj", made)
    same(open_files(tmp_path / "POSCAR", [tmp_path / "run.lammpstrj"], {}), made)
    write(tmp_path / "other.vasp", Atoms("Li5Cl", made[0].positions, cell=BOX[:3]), format="vasp")
    with pytest.raises(InputError, match=r"atom index 3 is .* in the topology other.vasp and Cl"):
        open_files(tmp_path / "other.vasp", [tmp_path / "XDATCAR"], {})
    write(tmp_path / "few.vasp", made[0][:4], format="vasp")
    for trajectory in ("XDATCAR", "run.lammpstrj"):
        message = rf"few.vasp holds 4 atoms, the trajectory {trajectory} 6: give the topology"
        with pytest.raises(InputError, match=message):
            open_files(tmp_path / "few.vasp", [tmp_path / trajectory], {})


@pytest.mark.parametrize("style", ["charge", "full", "atomic", "molecular"])
@pytest.mark.parametrize("hint", [True, False])
@pytest.mark.parametrize("ending", ["run.lammpstrj", "run.dump", "dump.salt", "trajectory.out"])
def test_lammps_files_of_any_name(tmp_path, style, hint, ending):
    lammps_data(tmp_path / "salt.lmp", style, hint)
    lammps_dump(tmp_path / ending, frames())
    columns = {"charge": "id type charge x y z", "full": "id resid type charge x y z",
               "atomic": "id type x y z", "molecular": "id resid type x y z"}  # fmt: skip
    assert atom_style_of(tmp_path / "salt.lmp") == columns[style]
    universe = open_files(tmp_path / "salt.lmp", [tmp_path / ending], {})
    same(universe, frames())
    assert list(universe.atoms.types) == ["1"] * 3 + ["2"] * 3


def test_a_dump_is_its_own_topology_and_may_be_packed(tmp_path):
    lammps_dump(tmp_path / "run.lammpstrj", frames())
    path = tmp_path / "run.lammpstrj"
    same(open_files(path, [path], {}), frames())
    packed = pack(path, ".gz")
    same(open_files(packed, [packed], {}), frames())
    with_elements = open_files(path, [path], {"elements": ["Li", "Cl"]})
    assert list(with_elements.atoms.elements) == SYMBOLS
    assert with_elements.atoms.masses[0] == pytest.approx(6.94, abs=0.01)
    assert list(open_files(path, [path], {"elements": {"1": "Li", 2: "Cl"}}).atoms.elements) == (
        SYMBOLS
    )
    for wrong in (["Li"], ["Li", "Xx"], {"1": "Li"}, 3):
        with pytest.raises(InputError, match=r"elements must be the elements of the atom types"):
            open_files(path, [path], {"elements": wrong})


def test_scaled_coordinates_of_a_dump(tmp_path):
    made = frames()
    scaled = [Atoms(SYMBOLS, one.get_scaled_positions()) for one in made]
    lammps_dump(tmp_path / "run.lammpstrj", scaled, "id type xs ys zs")
    lammps_data(tmp_path / "salt.data")
    files = tmp_path / "salt.data", [tmp_path / "run.lammpstrj"]
    same(open_files(*files, {"lammps_coordinate_convention": "scaled"}), made)
    same(open_files(*files, {}), made)


def test_a_cell_for_files_without(tmp_path):
    """XYZ as CP2K writes it, and a PDB without CRYST1."""
    made = frames(cell=False)
    with open(tmp_path / "run-pos-1.xyz", "w") as file:
        for k, atoms in enumerate(made):
            file.write(f"     6\n i = {k}, time = {0.5 * k:.3f}, E = -1.0\n")
            for symbol, place in zip(SYMBOLS, atoms.positions, strict=True):
                file.write(f" {symbol} {place[0]:.6f} {place[1]:.6f} {place[2]:.6f}\n")
    path = tmp_path / "run-pos-1.xyz"
    assert open_files(path, [path], {}).trajectory.ts.dimensions is None
    same(open_files(path, [path], {"dimensions": BOX}), made)
    same(open_files(path, [path], {"dimensions": BOX[:3]}), made)
    cubic = open_files(path, [path], {"dimensions": 12.0})
    np.testing.assert_allclose(cubic.trajectory.ts.dimensions, [12, 12, 12, 90, 90, 90])
    write(tmp_path / "run.extxyz", made, format="extxyz")
    extended = tmp_path / "run.extxyz"
    same(open_files(extended, [extended], {"dimensions": BOX}), made)
    assert open_files(extended, [extended], {}).trajectory.ts.dimensions is None
    with pytest.raises(InputError, match="has no cell of three vectors"):
        from_ase(extended, dt=1.0)
    universe = mda.Universe.empty(6, trajectory=True)
    universe.add_TopologyAttr("names", SYMBOLS)
    universe.atoms.positions = made[0].positions
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe.atoms.write(tmp_path / "salt.pdb")
        same(
            open_files(tmp_path / "salt.pdb", [tmp_path / "salt.pdb"], {"dimensions": BOX}),
            made[:1],
        )


def test_a_cell_that_contradicts_the_files_is_refused(tmp_path):
    write(tmp_path / "XDATCAR", frames(), format="vasp-xdatcar")
    lammps_dump(tmp_path / "run.lammpstrj", frames())
    for name in ("XDATCAR", "run.lammpstrj"):
        path = tmp_path / name
        same(open_files(path, [path], {"dimensions": BOX}), frames())
        with pytest.raises(InputError, match=r"dimensions = \[20, .*contradicts the cell of"):
            open_files(path, [path], {"dimensions": 20.0})


@pytest.mark.parametrize("given", [[1, 2], "25", [25, 25, -1], [5, 5, 5, 30, 30, 120], True, []])
def test_dimensions_that_are_no_cell(given):
    with pytest.raises(InputError, match=r"dimensions .*an edge, three edges or"):
        check_dimensions(given)


def test_formats_given_by_name(tmp_path):
    write(tmp_path / "positions", frames(), format="vasp-xdatcar")
    path = tmp_path / "positions"
    same(open_files(path, [path], {"format": "vasp-xdatcar"}), frames())
    same(open_files(path, [path], {"trajectory_format": "vasp-xdatcar"}), frames())
    with pytest.raises(InputError, match="are two names for one thing; leave one out"):
        open_files(path, [path], {"format": "XYZ", "trajectory_format": "vasp-xdatcar"})
    with pytest.raises(InputError, match=r"format 'nonsense' of positions is not known"):
        open_files(path, [path], {"format": "nonsense"})
    with pytest.raises(InputError, match="format must be the name of a format, got 3"):
        open_files(path, [path], {"format": 3})
    with pytest.raises(InputError, match="bonds must be 'guess'"):
        open_files(path, [path], {"format": "vasp-xdatcar", "bonds": True})


#: What a user reads of MDAnalysis' own advice: nothing.
ADVICE = ("Universe(", "https://", "raise an issue", "Traceback", "kwarg")


@pytest.mark.parametrize(
    ("topology", "trajectory", "message"),
    [
        ("notes.abc", "run.lammpstrj", "topology format of notes.abc is not known"),
        ("salt.data", "notes.abc", "the format of notes.abc is not known"),
        ("broken.data", "run.lammpstrj", "broken.data"),
        ("salt.data", "broken.xtc", "broken.xtc"),
        ("salt.data", "broken.XDATCAR", "broken.XDATCAR"),
        ("salt.data", "few.lammpstrj", "salt.data holds 6 atoms, the trajectory few.lammpstrj 4"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, topology, trajectory, message):
    lammps_data(tmp_path / "salt.data")
    lammps_dump(tmp_path / "run.lammpstrj", frames())
    text = (tmp_path / "run.lammpstrj").read_text()
    few = text.replace("ATOMS\n6", "ATOMS\n4").splitlines()
    kept = [line for line in few if line[:2] not in ("5 ", "6 ")]
    (tmp_path / "few.lammpstrj").write_text("\n".join(kept) + "\n")
    for name in ("notes.abc", "broken.XDATCAR", "broken.xtc"):
        (tmp_path / name).write_text("nothing of use\n" * 3)
    whole = (tmp_path / "salt.data").read_text()
    (tmp_path / "broken.data").write_text(whole.replace("1 1 1.0", "1 one x"))
    with pytest.raises(InputError) as caught:
        open_files(tmp_path / topology, [tmp_path / trajectory], {})
    assert message in str(caught.value)
    assert not [word for word in ADVICE if word in str(caught.value)]


def test_deprecations_of_readers_are_not_shown(tmp_path):
    lammps_data(tmp_path / "salt.data")
    universe = open_files(tmp_path / "salt.data", [tmp_path / "salt.data"], {})
    with mda.Writer(str(tmp_path / "run.dcd"), 6) as writer, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            writer.write(universe.atoms)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        open_files(tmp_path / "salt.data", [tmp_path / "run.dcd"], {})
    assert not [w for w in caught if issubclass(w.category, DeprecationWarning)]


def test_bonds_are_guessed_across_the_faces_of_the_cell(tmp_path):
    """Two waters and a lithium, one water broken by the cell."""
    water = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    places = np.concatenate([water + 5, water + np.array([11.5, 6, 6]), [[2.0, 2, 2]]])
    atoms = Atoms("OH2OH2Li", np.mod(places, BOX[:3]), cell=BOX[:3], pbc=True)
    write(tmp_path / "run.extxyz", [atoms] * 3, format="extxyz")
    path = tmp_path / "run.extxyz"
    universe = open_files(path, [path], {"bonds": "guess"})
    assert universe.bonds.indices.tolist() == [[0, 1], [0, 2], [3, 4], [3, 5]]
    lammps_data(tmp_path / "salt.data")
    assert len(format_of(tmp_path / "salt.data", topology=True).name) == 4


def test_units_that_mdanalysis_does_not_read_are_named(tmp_path):
    """NetCDF of LAMMPS with ``units real`` is in fs; its dumps to H5MD have no units."""
    netcdf, h5py = pytest.importorskip("netCDF4"), pytest.importorskip("h5py")
    lammps_data(tmp_path / "a.data")
    with netcdf.Dataset(tmp_path / "a.nc", "w", format="NETCDF3_64BIT_OFFSET") as file:
        file.Conventions, file.ConventionVersion = "AMBER", "1.0"
        for name, size in (("frame", None), ("spatial", 3), ("atom", 6)):
            file.createDimension(name, size)
        file.createVariable("time", "f4", ("frame",)).units = "femtosecond"
        places = file.createVariable("coordinates", "f4", ("frame", "atom", "spatial"))
        places.units = "angstrom"
        places[:] = np.zeros((2, 6, 3))
    with pytest.raises(InputError, match=r"a unit is femtosecond.*ncatted .*picosecond.*--dt"):
        open_files(tmp_path / "a.data", [tmp_path / "a.nc"], {})
    with h5py.File(tmp_path / "a.h5md", "w") as file:
        box = file.create_group("particles/all/box")
        box.attrs.update({"dimension": 3, "boundary": [b"periodic"] * 3})
        for group, value in (("position", np.zeros((2, 6, 3))), ("box/edges", np.ones((2, 3)))):
            one = file.create_group(f"particles/all/{group}")
            one["value"], one["step"], one["time"] = value, [0, 1], [0.0, 1.0]
        file.create_group("h5md").attrs["version"] = (1, 1)
    with pytest.raises(InputError, match=r"no units; .*attrs\['unit'\]"):
        open_files(tmp_path / "a.data", [tmp_path / "a.h5md"], {})


def test_what_mdanalysis_passes_over_in_a_file_is_said_when_it_is_opened(tmp_path):
    lammps_data(tmp_path / "a.data")
    universe = open_files(tmp_path / "a.data", [tmp_path / "a.data"], {"format": "DATA"})
    for name, values in (("names", SYMBOLS), ("resnames", ["X"])):
        universe.add_TopologyAttr(name, values)
    gro, pdb = tmp_path / "a.gro", tmp_path / "a.pdb"
    universe.atoms.write(str(gro))
    assert open_files(gro, [gro], {}).trajectory.n_frames == 1
    (tmp_path / "b.gro").write_text(2 * gro.read_text())
    with pytest.raises(InputError, match=r"b.gro holds several frames.*gmx trjconv -f b.gro"):
        open_files(gro, [tmp_path / "b.gro"], {})
    with mda.Writer(str(pdb), 6, multiframe=True) as writer:
        for _ in range(2):
            writer.write(universe.atoms)
    with pytest.raises(InputError, match=r"--dimensions '12.000 13.000 14.000 90.00 90.00 90.00'"):
        open_files(pdb, [pdb], {})
    opened = open_files(pdb, [pdb], {"dimensions": [12, 13, 14]})
    assert opened.trajectory.n_frames == 2


def test_what_is_read_in_different_ways_is_not_one_trajectory(tmp_path):
    write(tmp_path / "XDATCAR", frames(), format="vasp-xdatcar")
    lammps_dump(tmp_path / "run.lammpstrj", frames())
    files = [tmp_path / "XDATCAR", tmp_path / "run.lammpstrj"]
    with pytest.raises(InputError, match=r"XDATCAR, run\.lammpstrj are of formats that are read"):
        open_files(files[1], files, {})


def test_a_topology_of_other_elements_than_what_ase_reads_is_refused(tmp_path):
    write(tmp_path / "XDATCAR", frames(), format="vasp-xdatcar")
    write(tmp_path / "other.pdb", Atoms("Li5Cl", frames()[0].positions), format="proteindatabank")
    with pytest.raises(InputError, match=r"atom index 3 is .* in the topology other\.pdb and Cl"):
        open_files(tmp_path / "other.pdb", [tmp_path / "XDATCAR"], {})


def test_the_first_lines_of_a_file_are_looked_at(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(f"{k:300}" for k in range(50)))
    assert [int(line) for line in _first_lines(path)] == list(range(40))
    assert [int(line) for line in _first_lines(path, 3)] == [0, 1, 2]
    path.write_bytes(b"1\n\0")
    assert _first_lines(path) == []


def test_messages_of_readers_are_shortened_before_their_advice():
    text = "Failed. Error: no such column. See https://docs.example for more. Use the other reader"
    assert _shortened(text) == "no such column."
    assert _shortened("plain") == "plain"
    assert _shortened("x" * 301) == "x" * 200 + " ... " + "x" * 80
