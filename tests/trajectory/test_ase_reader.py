"""Files read through ASE: positions, cells and times as the file has them."""

import builtins
import gzip

import MDAnalysis as mda
import numpy as np
import pytest
from MDAnalysis.lib.mdamath import triclinic_vectors

from mda_ionmech import InputError
from mda_ionmech.trajectory import from_ase
from mda_ionmech.trajectory.ase_reader import _check_end, _refuse_vasp_4, _spacing

ase = pytest.importorskip("ase", reason="ASE is not installed")
from ase import Atoms  # noqa: E402
from ase.io import write  # noqa: E402

SYMBOLS = "Li2ClS3"
#: Triclinic, turned: no vector along an axis.
CELL = np.array([[7.0, 2.0, -1.0], [-3.0, 8.0, 1.5], [1.0, -2.5, 9.0]])


def frames(n_frames=5, cell=CELL, seed=0, times=None):
    rng = np.random.default_rng(seed)
    made = []
    for t in range(n_frames):
        atoms = Atoms(SYMBOLS, cell=cell * (1 + 0.01 * t), pbc=True)
        # beyond the cell as well
        atoms.set_scaled_positions(rng.uniform(-0.4, 1.4, (6, 3)))
        if times is not None:
            atoms.info["time"] = times[t]
        made.append(atoms)
    return made


def pair_distances(positions):
    return np.linalg.norm(positions[:, None] - positions[None], axis=-1)


def assert_same(universe, expected):
    assert universe.trajectory.n_frames == len(expected)
    assert list(universe.atoms.elements) == expected[0].get_chemical_symbols()
    for ts, atoms in zip(universe.trajectory, expected, strict=True):
        cell = triclinic_vectors(ts.dimensions)
        np.testing.assert_allclose(cell @ cell.T, atoms.cell @ atoms.cell.T, atol=1e-3)
        np.testing.assert_allclose(
            ts.positions @ np.linalg.inv(cell),
            atoms.get_scaled_positions(wrap=False),
            atol=1e-6,
        )
        np.testing.assert_allclose(
            pair_distances(ts.positions), pair_distances(atoms.positions), atol=1e-5
        )


def test_triclinic_extxyz(tmp_path):
    made = frames()
    write(tmp_path / "run.xyz", made, format="extxyz")
    universe = from_ase(tmp_path / "run.xyz", dt=0.5, format="extxyz")
    assert_same(universe, made)
    assert universe.trajectory.dt == 0.5
    assert [ts.time for ts in universe.trajectory] == [0.0, 0.5, 1.0, 1.5, 2.0]
    np.testing.assert_allclose(universe.atoms.masses, made[0].get_masses())
    assert list(universe.select_atoms("element S").names) == ["S"] * 3
    np.testing.assert_allclose(universe.dimensions[:3], made[0].cell.lengths(), rtol=1e-6)


def test_left_handed_cell_is_mirrored(tmp_path):
    made = frames(cell=CELL[[1, 0, 2]])
    assert np.linalg.det(made[0].cell) < 0
    write(tmp_path / "run.xyz", made, format="extxyz")
    assert_same(from_ase(tmp_path / "run.xyz", dt=0.5, format="extxyz"), made)


def test_gzipped_xdatcar_in_two_parts(tmp_path):
    made = frames(cell=np.diag([7.0, 8.0, 9.0]), n_frames=7)
    for atoms in made:
        # within the cell, where earlier versions of ASE write them to
        fractional = (made[0].get_scaled_positions(wrap=False) + 0.01) % 1.0
        atoms.set_cell(CELL)
        atoms.set_scaled_positions(fractional)
    for part, some in enumerate((made[:4], made[4:])):
        write(tmp_path / "XDATCAR", some, format="vasp-xdatcar")
        with gzip.open(tmp_path / f"XDATCAR_{part}.gz", "wb") as file:
            file.write((tmp_path / "XDATCAR").read_bytes())
    parts = [tmp_path / "XDATCAR_0.gz", str(tmp_path / "XDATCAR_1.gz")]
    assert_same(from_ase(parts, dt=0.1), made)
    assert_same(from_ase(parts, dt=0.1, index="1:"), made[1:4] + made[5:])
    assert_same(from_ase(parts[0], dt=0.1, index=2), made[2:3])


def test_time_in_the_file(tmp_path):
    write(tmp_path / "run.xyz", frames(times=[100.0, 150.0, 200.0, 250.0, 300.0]))
    universe = from_ase(tmp_path / "run.xyz")
    np.testing.assert_allclose([ts.time for ts in universe.trajectory], [0.1, 0.15, 0.2, 0.25, 0.3])
    # a spacing that is given goes before the file's
    assert from_ase(tmp_path / "run.xyz", dt=2.0).trajectory.dt == 2.0
    write(tmp_path / "run.xyz", frames(times=[0.0, 1.0, 2.0, 4.0, 5.0]))
    with pytest.raises(InputError, match=r"dt=None.*unevenly spaced: 2 fs is followed by 4 fs"):
        from_ase(tmp_path / "run.xyz")
    with pytest.raises(InputError, match=r"dt=0.5 ps sets the scale, .*2 fs is followed by 4 fs"):
        from_ase(tmp_path / "run.xyz", dt=0.5)
    assert from_ase(tmp_path / "run.xyz", dt=0.5, uneven="accept").trajectory.n_frames == 5
    with pytest.raises(InputError, match="uneven must be one of"):
        from_ase(tmp_path / "run.xyz", dt=0.5, uneven="no")


@pytest.mark.parametrize("dt", [None, 0.001])
def test_what_a_restart_wrote_again_is_left_out(dt, tmp_path):
    times = [0.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0]
    made = frames(len(times), times=times)
    write(tmp_path / "run.xyz", made)
    with pytest.raises(InputError, match="unevenly spaced: 3 fs is followed by 2 fs"):
        from_ase(tmp_path / "run.xyz", dt=dt)
    with pytest.warns(UserWarning, match="2 frames that later ones repeat were dropped"):
        universe = from_ase(tmp_path / "run.xyz", dt=dt, uneven="drop")
    assert_same(universe, [made[k] for k in (0, 1, 4, 5, 6)])
    assert universe.trajectory.dt == pytest.approx(0.001)


def test_one_frame_that_a_restart_leaves_has_the_spacing_that_is_given(tmp_path):
    write(tmp_path / "run.xyz", frames(2, times=[1.0, 0.0]))
    with pytest.warns(UserWarning, match="frame 0, which a later one repeats, was dropped"):
        universe = from_ase(tmp_path / "run.xyz", dt=0.5, uneven="drop")
    assert (universe.trajectory.n_frames, universe.trajectory.dt) == (1, 0.5)


def test_a_spacing_must_be_known(tmp_path):
    write(tmp_path / "run.xyz", frames())
    with pytest.raises(InputError, match=r"dt=None, but 5 of the 5 frames .*; give dt=\.\.\."):
        from_ase(tmp_path / "run.xyz")
    write(tmp_path / "run.xyz", frames(times=["noon"] * 5))
    with pytest.raises(InputError, match="5 of the 5 frames"):
        from_ase(tmp_path / "run.xyz")
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(InputError, match=r"dt must be a time between frames in ps above 0"):
            from_ase(tmp_path / "run.xyz", dt=wrong)
    write(tmp_path / "one.xyz", frames(1, times=[3.0]))
    with pytest.raises(InputError, match="one frame shows no spacing"):
        from_ase(tmp_path / "one.xyz")


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"paths: no such file: .*none\.xyz"):
        from_ase(tmp_path / "none.xyz", dt=1.0)
    with pytest.raises(InputError, match="paths is empty"):
        from_ase([], dt=1.0)
    (tmp_path / "notes").write_text("nothing of the kind\n")
    with pytest.raises(InputError, match=r"ASE does not know the format .*; give format=\.\.\."):
        from_ase(tmp_path / "notes", dt=1.0)
    with pytest.raises(InputError, match=r"ASE cannot read .*notes after 0 frames"):
        from_ase(tmp_path / "notes", dt=1.0, format="extxyz")
    write(tmp_path / "run.xyz", frames())
    with pytest.raises(InputError, match=r"index='9:' takes no frame"):
        from_ase(tmp_path / "run.xyz", dt=1.0, index="9:")


def test_names_of_potcars_in_an_xdatcar_are_named(tmp_path):
    write(tmp_path / "XDATCAR", frames(), format="vasp-xdatcar")
    text = (tmp_path / "XDATCAR").read_text().splitlines()
    text[5] = text[5].replace("Li", "Li_sv")
    (tmp_path / "XDATCAR").write_text("\n".join(text) + "\n")
    with pytest.raises(InputError, match="line 6 names Li_sv, write the elements"):
        from_ase(tmp_path / "XDATCAR", dt=0.1, format="vasp-xdatcar")


def test_frames_need_a_cell(tmp_path):
    for cell in (None, [5.0, 5.0, 0.0]):
        write(tmp_path / "run.xyz", [Atoms("Li2", [[0, 0, 0], [1, 1, 1]], cell=cell)] * 2)
        with pytest.raises(InputError, match=r"frame 0 taken of .* has no cell .*set_cell"):
            from_ase(tmp_path / "run.xyz", dt=1.0)


def test_frames_must_hold_the_same_atoms(tmp_path):
    made = frames(2)
    write(tmp_path / "run.xyz", [*made, made[0][:5]])
    with pytest.raises(InputError, match=r"frame 2 taken of .* has 5 atoms, .* has 6"):
        from_ase(tmp_path / "run.xyz", dt=1.0)
    write(tmp_path / "run.xyz", [*made, made[0][[0, 2, 1, 3, 4, 5]]])
    with pytest.raises(InputError, match=r"has Cl as atom index 1, .* has Li"):
        from_ase(tmp_path / "run.xyz", dt=1.0)


def test_without_ase(tmp_path, monkeypatch):
    real = builtins.__import__

    def lacking(name, *rest):
        if name.startswith("ase"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(ImportError, match=r'pip install "mda-ionmech\[ase\]"'):
        from_ase(tmp_path / "run.xyz", dt=1.0)


@pytest.mark.parametrize("disorder", ["0p", "50p"])
def test_published_xdatcar_against_its_unwrapped_copy(shared_data, disorder):
    folder = shared_data / "argyrodite"
    universe = from_ase(folder / f"XDATCAR_Li6PS5Cl_{disorder}_run1.gz", dt=0.1)
    other = mda.Universe(
        folder / f"Li6PS5Cl_{disorder}.pdb", folder / f"Li6PS5Cl_{disorder}_unwrapped.dcd"
    )
    assert universe.trajectory.n_frames == 140
    np.testing.assert_array_equal(universe.atoms.elements, other.atoms.elements)
    for t in range(0, 140, 7):
        mine, theirs = universe.trajectory[t], other.trajectory[t]
        np.testing.assert_allclose(mine.dimensions, theirs.dimensions, atol=1e-4)
        cell = triclinic_vectors(mine.dimensions)
        apart = (mine.positions - theirs.positions) @ np.linalg.inv(cell)
        assert np.abs((apart - np.rint(apart)) @ cell).max() < 1e-3


def test_a_compressed_file_that_was_cut_is_refused(tmp_path):
    whole = gzip.compress(b"1\nLattice\nH 0.0 0.0 0.25\n" * 50)
    (tmp_path / "run.xyz.gz").write_bytes(whole[:-20])
    for index in (":", -1, slice(None)):
        with pytest.raises(InputError, match=r"run\.xyz\.gz cannot be read to its end \(.*copy it"):
            _check_end(tmp_path / "run.xyz.gz", index)
    # what is not to be read to its end is not looked at
    for index in (":-1", 0, slice(5)):
        _check_end(tmp_path / "run.xyz.gz", index)


def test_times_of_frames_become_a_first_time_and_a_spacing():
    assert _spacing([500.0, 750.0, 1000.0], ["a.xyz"], "but") == (0.5, 0.25)
    assert _spacing([0, 100.0 * (1 + 1e-9), 200.0], ["a.xyz"], "but") == (0.0, 0.1)
    # a thousandth of the spacing is even, more is not
    assert _spacing([0.0, 1001.0, 2000.0], ["a.xyz"], "but") == (0.0, 1.0)
    for times, message in (
        ([0.0, 1001.01, 2000.0], "0 fs is followed by 1001.01 fs, the mean spacing is 1000 fs"),
        ([1.0, 1.0, 1.0], "but times in the files are unevenly spaced: 1 fs is followed by 1 fs"),
        ([3.0, 2.0, 1.0], "unevenly spaced: 3 fs is followed by 2 fs, the mean spacing is -1 fs"),
        ([0.0, 1.0, 3.0], "unevenly spaced"),
        ([0.0, None, 2.0], "but 1 of the 3 frames of a.xyz hold no time; give dt"),
        ([7.0], "one frame shows no spacing; give dt"),
    ):
        with pytest.raises(InputError, match=message):
            _spacing(times, ["a.xyz"], "but")


@pytest.mark.parametrize(
    ("name", "given", "line", "refused"),
    [
        ("XDATCAR", None, "3 1", True),
        ("positions", "vasp-xdatcar", "3 1", True),
        ("positions", None, "3 1", False),  # of another format
        ("positions", "extxyz", "3 1", False),
        ("XDATCAR", None, "Li 1", False),
        ("XDATCAR", None, "Li Cl", False),
        ("XDATCAR", None, "", False),
    ],
)
def test_only_xdatcars_without_elements_are_said_to_lack_them(name, given, line, refused, tmp_path):
    path = tmp_path / name
    path.write_text(f"salt\n1.0\n9 0 0\n0 9 0\n0 0 9\n{line}\n")
    if not refused:
        _refuse_vasp_4(path, given)
        return
    with pytest.raises(InputError, match=r"without elements.*each of the 2 numbers of atoms"):
        _refuse_vasp_4(path, given)
