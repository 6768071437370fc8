"""The cells of a CP2K run, written and read as files, against the same frames in memory."""

import contextlib
import re
import sys

import numpy as np
import pytest
from MDAnalysis.lib.mdamath import triclinic_box, triclinic_vectors

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.cli import app as command
from mda_ionmech.cli.config import build_analysis, load_config
from mda_ionmech.trajectory.cp2k_cell import read_cell_file
from mda_ionmech.trajectory.open_files import open_files
from mda_ionmech.viewing.recorded_files import recorded_universe

from ..builders import make_universe

N_FRAMES = 60
HEAD = "#   Step   Time [fs]   Ax [Angstrom]   Ay   Az   Bx   By   Bz   Cx   Cy   Cz   Volume\n"


def breathing():
    """Shape (frames, 3, 3): a triclinic cell that breathes."""
    rng = np.random.default_rng(4)
    first = triclinic_vectors([11.0, 12.0, 13.0, 80.0, 95.0, 100.0], dtype=np.float64)
    return first * (1 + 0.002 * rng.normal(size=(N_FRAMES, 1, 1)))


def moving(cells):
    """Shape (frames, 6, 3): ions that walk, wrapped into their cells."""
    rng = np.random.default_rng(5)
    inside = rng.uniform(size=(6, 3)) + np.cumsum(rng.normal(0, 0.02, (N_FRAMES, 6, 3)), axis=0)
    return np.einsum("fis,fsx->fix", inside % 1, cells)


def written(folder, cells, *, spacing=20.0, rows=None):
    paths, symbols = moving(cells), ["Li"] * 3 + ["Cl"] * 3
    with open(folder / "run-pos-1.xyz", "w") as file:
        for k, frame in enumerate(paths):
            file.write(f"6\n i = {40 * k}, time = {spacing * k:.3f}, E = -1.0\n")
            file.writelines(
                f"{s} {x:.6f} {y:.6f} {z:.6f}\n"
                for s, (x, y, z) in zip(symbols, frame, strict=True)
            )
    with open(folder / "run-1.cell", "w") as file:
        file.write(HEAD)
        for k in range(N_FRAMES) if rows is None else rows:
            numbers = " ".join(f"{x:.10f}" for x in cells[k].ravel())
            file.write(f"{40 * k} {spacing * k:.3f} {numbers} {np.linalg.det(cells[k]):.6f}\n")
    return folder / "run-pos-1.xyz", folder / "run-1.cell"


CONFIG = """
topology = "files/run-pos-1.xyz"
trajectory = "files/run-pos-1.xyz"
[universe]
cell_file = "files/run-1.cell"
[analysis]
temperature = 300
frame = "barycentric"
windows = [0.1]
[[species]]
name = "Li+"
selection = "name Li"
charge = 1
[[species]]
name = "Cl-"
selection = "name Cl"
charge = -1
"""


def test_a_run_with_its_cells_is_that_of_the_same_frames_in_memory(tmp_path):
    (tmp_path / "files").mkdir()
    cells = breathing()
    written(tmp_path / "files", cells)
    (tmp_path / "run.toml").write_text(CONFIG)
    run = build_analysis(load_config(tmp_path / "run.toml")).run()
    found = run.results
    boxes = np.array([triclinic_box(*one) for one in cells])
    symbols = ["Li"] * 3 + ["Cl"] * 3
    masses = run.species[0].atoms.universe.atoms.masses
    universe = make_universe(moving(cells), boxes, dt=0.02, names=symbols, masses=masses)
    ions = [
        IonSpecies(universe.select_atoms("name Li"), charge=1, name="Li+"),
        IonSpecies(universe.select_atoms("name Cl"), charge=-1, name="Cl-"),
    ]
    expected = OnsagerDecomposition(
        ions, temperature=300.0, frame="barycentric", windows=[0.1]
    ).run()
    assert found.settings["dt_ps"] == pytest.approx(0.02)
    assert found.settings["volume_angstrom3"] == pytest.approx(
        expected.results.settings["volume_angstrom3"], rel=1e-6
    )
    files = found.settings["files"]["options"]
    assert files["cell_file"] == str(tmp_path / "files" / "run-1.cell")
    moved = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    again = recorded_universe(found.settings, moved / "run.nc")
    assert [ts.volume for ts in again.trajectory] == pytest.approx(np.linalg.det(cells), rel=1e-5)
    # places are written to 1e-6 A
    np.testing.assert_allclose(found.onsager.values, expected.results.onsager.values, rtol=1e-4)


def test_the_command_writes_the_cells_and_their_spacing(tmp_path, monkeypatch, capsys):
    xyz, cell = written(tmp_path, breathing())
    (tmp_path / "out").mkdir()
    words = ["init", str(xyz), "--cell-file", str(cell), "--output", str(tmp_path / "out/run.toml")]
    monkeypatch.setattr(sys, "argv", ["ionmech", *words, "--temperature", "300"])
    with contextlib.suppress(SystemExit):
        command.main()
    told = capsys.readouterr().out
    assert "Not in the files" not in told
    assert "dt=0.02 ps" in told
    text = (tmp_path / "out" / "run.toml").read_text()
    assert 'cell_file = "../run-1.cell"' in text
    assert load_config(tmp_path / "out" / "run.toml").universe["cell_file"] == str(cell)


def test_one_cell_serves_all_frames_and_uneven_times_give_no_spacing(tmp_path):
    cells = breathing()
    xyz, cell = written(tmp_path, cells, rows=[0])
    universe = open_files(xyz, [xyz], {"cell_file": cell})
    assert np.ptp([ts.volume for ts in universe.trajectory]) == 0
    assert read_cell_file(cell).dt is None
    _, cell = written(tmp_path, cells, rows=[0, 1, 3])
    assert read_cell_file(cell).dt is None
    # a constant cell may be written once, at any step
    _, cell = written(tmp_path, cells, rows=[7])
    assert open_files(xyz, [xyz], {"cell_file": cell}).trajectory.n_frames == N_FRAMES


def test_frames_without_steps_have_the_cells_in_their_order(tmp_path):
    cells = breathing()
    xyz, cell = written(tmp_path, cells)
    xyz.write_text(re.sub(" i = .*", "of no step", xyz.read_text()))
    universe = open_files(xyz, [xyz], {"cell_file": cell})
    assert [ts.volume for ts in universe.trajectory] == pytest.approx(
        np.linalg.det(cells), rel=1e-5
    )


def test_what_is_no_cell_of_these_frames_is_refused(tmp_path):
    cells = breathing()
    xyz, cell = written(tmp_path, cells, rows=range(59))

    def refusal(**options):
        with pytest.raises(InputError) as caught:
            open_files(xyz, [xyz], {"cell_file": cell} | options)
        return str(caught.value)

    assert "holds 59 cells, and the trajectory 60 frames: write both at the same" in refusal()
    _, cell = written(tmp_path, cells)
    lines = cell.read_text().splitlines()
    shifted = [lines[0], *lines[2:], lines[-1].replace("2360 ", "2400 ", 1)]
    cell.write_text("\n".join(shifted))
    assert "frame 0 of" in (said := refusal())
    assert "is of step 0, and line 1 of cell_file" in said
    assert "of step 40: write both at the same steps" in said
    cell.write_text("\n".join(lines))
    assert "dt = 0.2 ps contradicts the times in" in (said := refusal(dt=0.2))
    assert "whose lines are 0.02 ps apart; leave dt out" in said
    open_files(xyz, [xyz], {"cell_file": cell, "dt": 0.02})
    assert "dimensions and cell_file both give the cell" in refusal(dimensions=[10.0])
    assert "is no file; give the .cell file" in refusal(cell_file=tmp_path / "none.cell")
    assert "is no file; give the .cell file" in refusal(cell_file=7)
    for text, message in {
        "not numbers at all\n": "cannot be read",
        "": "has 0 columns|cannot be read|has 1 columns",
        "1 2 3\n": "has 3 columns, and not the 12 of CP2K",
        "0 0 " + "nan " * 9 + "1\n": "and not the 12 of CP2K",
        "0 0 0 0 9 9 0 0 0 9 0 729\n": "not written with a along x and b in the xy plane",
        "0 0 0 0 0 0 0 0 0 0 0 0\n": "not written with a along x",
        "0 0 9 0 0 0 9 0 0 0 0 0\n": "not written with a along x|no volume",
    }.items():
        cell.write_text(text)
        with pytest.raises(InputError, match=message):
            read_cell_file(cell)
