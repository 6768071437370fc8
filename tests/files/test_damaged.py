"""Files that are cut anywhere, or lose an atom on the way: refused, or read as they are."""

import gzip
import warnings

import MDAnalysis as mda
import numpy as np
import pytest
from MDAnalysis.lib.formats.libmdaxdr import TRRFile
from MDAnalysis.transformations import set_dimensions

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.trajectory import from_ase
from mda_ionmech.trajectory.completeness import check_atom_numbers, check_complete

from ..builders import brownian

N_ATOMS, N_FRAMES, LENGTH = 4, 3, 40.0
SYMBOLS = ["Li", "Li", "Cl", "Cl"]


def walk(n_frames=N_FRAMES, n_atoms=N_ATOMS):
    return brownian(np.random.default_rng(0), n_frames, n_atoms, 0.05, 1.0) + 15.0


def xdatcar(paths, *, header_each=False):
    header = "x\n1.0\n" + "40.0 0.0 0.0\n0.0 40.0 0.0\n0.0 0.0 40.0\n" + "Li Cl\n2 2\n"
    text = "" if header_each else header
    for k, x in enumerate(paths / LENGTH):
        text += header if header_each else ""
        text += f"Direct configuration= {k + 1:5d}\n"
        text += "".join("{:.8f} {:.8f} {:.8f}\n".format(*row) for row in x)
    return text


def extxyz(paths):
    text = ""
    for x in paths:
        text += f'{N_ATOMS}\nLattice="40 0 0 0 40 0 0 0 40" Properties=species:S:1:pos:R:3\n'
        text += "".join(
            "{} {:.8f} {:.8f} {:.8f}\n".format(s, *row) for s, row in zip(SYMBOLS, x, strict=True)
        )
    return text


def xyz(paths):
    text = ""
    for x in paths:
        text += f"{len(x)}\n\n"
        text += "".join("X {:.5f} {:.5f} {:.5f}\n".format(*row) for row in x)
    return text


def dump(paths, atoms=None, first=0):
    """Atoms of each frame may be listed."""
    text = ""
    for k, x in enumerate(paths):
        listed = range(len(x)) if atoms is None else atoms[k]
        text += f"ITEM: TIMESTEP\n{500 * (first + k)}\nITEM: NUMBER OF ATOMS\n{len(listed)}\n"
        text += "ITEM: BOX BOUNDS pp pp pp\n" + "0.0 40.0\n" * 3 + "ITEM: ATOMS id type x y z\n"
        text += "".join("{} 1 {:.6g} {:.6g} {:.6g}\n".format(a + 1, *x[a]) for a in listed)
    return text


def pdb(paths):
    text = ""
    for k, x in enumerate(paths):
        text += f"CRYST1{40:9.3f}{40:9.3f}{40:9.3f}{90:7.2f}{90:7.2f}{90:7.2f} P 1           1\n"
        text += f"MODEL     {k + 1:4d}\n"
        for a, row in enumerate(x):
            place = "{:8.3f}{:8.3f}{:8.3f}".format(*row)
            text += f"ATOM  {a + 1:5d}  X   RES A{a + 1:4d}    {place}  1.00  0.00\n"
        text += "ENDMDL\n"
    return text


WRITERS = {
    "XDATCAR": xdatcar,
    "headers.XDATCAR": lambda paths: xdatcar(paths, header_each=True),
    "run.extxyz": extxyz,
    "run.xyz": xyz,
    "run.lammpsdump": dump,
    "run.pdb": pdb,
}


def positions_of(path, kind):
    """Frames of a file that the package finds nothing wrong with."""
    if "XDATCAR" in kind or kind == "run.extxyz":
        universe = from_ase(path, dt=1.0, format="extxyz" if "xyz" in kind else "vasp-xdatcar")
    else:
        universe = mda.Universe.empty(N_ATOMS)
        universe.load_new(str(path))
        check_atom_numbers(universe.trajectory, universe.trajectory.n_frames - 1)
        check_complete(universe.trajectory)
    return np.array([ts.positions.copy() for ts in universe.trajectory])


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_cut_anywhere_never_gives_a_wrong_number(kind, tmp_path):
    """Either an error, or the frames that are whole."""
    text = WRITERS[kind](walk())
    path = tmp_path / kind
    path.write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = positions_of(path, kind)
        assert whole.shape == (N_FRAMES, N_ATOMS, 3)
        refused = 0
        ends = range(int(len(text) * 0.55), len(text))
        for end in ends:
            path.write_text(text[:end])
            try:
                found = positions_of(path, kind)
            except (InputError, ValueError, OSError, EOFError):
                refused += 1
                continue
            last = repr(text[max(0, end - 60) : end])
            np.testing.assert_array_equal(found, whole[: len(found)], err_msg=last)
    assert refused > len(ends) // 2


@pytest.mark.parametrize("ended", [True, False])
def test_a_whole_file_need_not_end_its_last_line(tmp_path, ended):
    path = tmp_path / "XDATCAR"
    path.write_text(xdatcar(walk()) if ended else xdatcar(walk()).rstrip("\n"))
    assert len(positions_of(path, "XDATCAR")) == N_FRAMES


def test_what_is_whole_of_a_cut_file_can_be_read(tmp_path):
    path = tmp_path / "XDATCAR"
    path.write_text(xdatcar(walk())[:-4])
    with pytest.raises(InputError, match=r"XDATCAR is truncated: its last line .* index=':-1'"):
        from_ase(path, dt=1.0)
    universe = from_ase(path, dt=1.0, index=":-1")
    assert universe.trajectory.n_frames == N_FRAMES - 1
    packed = tmp_path / "XDATCAR.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match=r"XDATCAR.gz is truncated"):
        from_ase(packed, dt=1.0, format="vasp-xdatcar")
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"XDATCAR.gz cannot be read to its end"):
        from_ase(packed, dt=1.0, format="vasp-xdatcar")


def analysed(paths, n_atoms=6, backend="serial", **part):
    universe = mda.Universe.empty(n_atoms, trajectory=False)
    universe.add_TopologyAttr("masses", [7.0, 35.0] * (n_atoms // 2))
    files = [str(p) for p in paths]
    universe.load_new(files if len(files) > 1 else files[0])
    if "xyz" in files[0]:
        universe.trajectory.add_transformations(set_dimensions([LENGTH] * 3 + [90.0] * 3))
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    run = OnsagerDecomposition(
        [ions], temperature=300, windows=[1], resolutions=None, frame="laboratory", dt=1.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run.run(backend=backend, **part)


def test_an_atom_lost_on_the_way_is_called_that(tmp_path):
    """Readers find frames by counting lines, and would meet the middle of another one."""
    paths = walk(130, 6)
    path = tmp_path / "lost.lammpsdump"
    path.write_text(dump(paths, [[0, 1, 2, 3, 4, 5]] * 101 + [[0, 1, 2, 4, 5]] * 29))
    said = (
        r"frame 101 \(time step 50500\) of lost.lammpsdump holds 5 atoms, the frames before it 6: "
        r"1 atom was lost, with id 4; .* run\(stop=101\)"
    )
    for part in ({}, {"stop": 110}, {"start": 105}, {"frames": [0, 60, 120]}):
        with pytest.raises(InputError, match=said):
            analysed([path], **part)
    assert analysed([path], stop=101).paths.n_frames == 101


def test_atoms_that_come_and_go_in_other_files(tmp_path):
    paths = walk(40, 6)
    first, second = tmp_path / "a.lammpsdump", tmp_path / "b.lammpsdump"
    first.write_text(dump(paths[:20]))
    second.write_text(dump(paths[20:], [range(6)] * 7 + [range(4)] * 13, first=20))
    with pytest.raises(InputError, match=r"frame 27 .* of b.lammpsdump .* 2 atoms were lost"):
        analysed([first, second])
    assert analysed([first, second], stop=27).paths.n_frames == 27
    text = xyz(paths[:30]) + xyz(paths[30:, :5])
    (tmp_path / "run.xyz").write_text(text)
    with pytest.raises(InputError, match=r"frame 30 of run.xyz holds 5 atoms, .* 1 atom was lost"):
        analysed([tmp_path / "run.xyz"])
    (tmp_path / "run.xyz").write_text(xyz(paths[:30]) + xyz(walk(10, 7)))
    with pytest.raises(InputError, match=r"frame 30 of run.xyz holds 7 atoms, .* 1 atom was added"):
        analysed([tmp_path / "run.xyz"])


def test_further_sections_of_a_dump_are_not_taken_for_frames(tmp_path):
    text = dump(walk(20, 6)).replace(
        "ITEM: TIMESTEP\n5000", "ITEM: UNITS\nmetal\nITEM: TIMESTEP\n5000"
    )
    (tmp_path / "run.lammpsdump").write_text(text)
    with pytest.raises(InputError, match=r"frame 10 .* is not where 6 atoms per frame put it"):
        analysed([tmp_path / "run.lammpsdump"])


@pytest.mark.parametrize("backend", ["serial", "multiprocessing"])
def test_a_frame_that_cannot_be_read_is_named(tmp_path, backend):
    text = pdb(walk(40, 6)).split("ENDMDL\n")
    text[23] = text[23][:-60] + "x" * 40 + text[23][-20:]
    (tmp_path / "run.pdb").write_text("ENDMDL\n".join(text))
    with pytest.raises(InputError, match=r"frame 23 of run.pdb cannot be read .* run\(stop=23\)"):
        analysed([tmp_path / "run.pdb"], backend=backend)


def test_models_without_a_cell_do_not_take_that_of_another(tmp_path):
    """Where not all models have one, the reader takes that of the next."""
    paths = walk(40, 6)
    text = pdb(paths)
    whole = tmp_path / "run.pdb"
    whole.write_text(text)
    assert analysed([whole], stop=12).paths.n_frames == 12
    for broken in (text + text[: text.index("MODEL")], text[text.index("MODEL") :]):
        whole.write_text(broken)
        with pytest.raises(InputError, match=r"run.pdb has (41|39) CRYST1 records for 40 models"):
            analysed([whole])


def test_one_cell_for_all_models_is_set_by_the_user(tmp_path):
    """As MDAnalysis writes several models: one record before them, which it gives to none."""
    text = pdb(walk(40, 6))
    record = text[: text.index("MODEL")]
    path = tmp_path / "run.pdb"
    path.write_text(record + text.replace(record, ""))
    with pytest.raises(InputError, match=r"one CRYST1 record for 40 .*dimensions\(\[40.000, 40"):
        analysed([path])
    universe = mda.Universe.empty(6)
    universe.load_new(str(path))
    with pytest.raises(InputError, match="one CRYST1 record"):
        check_atom_numbers(universe.trajectory, 39)
    universe.trajectory.add_transformations(set_dimensions([40.0] * 3 + [90.0] * 3))
    check_atom_numbers(universe.trajectory, 39)


def test_frames_without_positions_are_named(tmp_path):
    path = tmp_path / "run.trr"
    paths = walk(40, 6).astype(np.float32) / 10
    box = np.eye(3, dtype=np.float32) * 4
    with TRRFile(str(path), "w") as file:
        for k, x in enumerate(paths):
            positions = None if k % 4 == 3 else x
            file.write(positions, x, None, box, k, float(k), 0.0, 6)
    with pytest.raises(InputError, match=r"frame 39 holds no positions, .*run\(step=...\)"):
        analysed([path])
    assert analysed([path], step=2).paths.n_frames == 20
