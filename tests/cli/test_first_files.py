"""`ionmech init` on files as other programs write them: melts of salts, and XDATCAR of VASP 4."""

import numpy as np
import pytest

from mda_ionmech.cli.config import load_config

from ..commands import ionmech_here

LENGTH = 16.0


def melt(rng, numbers, n_frames=40):
    """Ions that wander from a grid, (frames, ions, 3), and the element of each."""
    elements = [e for e, n in numbers.items() for _ in range(n)]
    grid = 4.0 * np.indices((4, 4, 4)).reshape(3, -1).T
    start = grid[rng.permutation(len(grid))[: len(elements)]]
    return elements, start + np.cumsum(rng.normal(0, 0.2, (n_frames, len(elements), 3)), axis=0)


@pytest.mark.parametrize(
    ("numbers", "charges"),
    [
        ({"Li": 16, "Be": 8, "F": 32}, {"Li+": 1, "Be2+": 2, "F-": -1}),
        ({"Na": 12, "Nd": 8, "Cl": 36}, {"Na+": 1, "Nd3+": 3, "Cl-": -1}),
        ({"Li": 16, "Th": 4, "F": 32}, {"Li+": 1, "Th4+": 4, "F-": -1}),
    ],
)
def test_ions_of_melts_have_their_charges(numbers, charges, tmp_path):
    elements, positions = melt(np.random.default_rng(3), numbers)
    with (tmp_path / "melt.xyz").open("w") as file:
        for k, frame in enumerate(positions % LENGTH):
            cell = f"{LENGTH} 0 0 0 {LENGTH} 0 0 0 {LENGTH}"
            file.write(f'{len(elements)}\nLattice="{cell}" Properties=species:S:1:pos:R:3')
            file.write(f" Time={20.0 * k}\n")
            for element, (x, y, z) in zip(elements, frame, strict=True):
                file.write(f"{element} {x:.5f} {y:.5f} {z:.5f}\n")
    done = ionmech_here(
        "init", "melt.xyz", "--temperature", "1100", "--no-figure", cwd=tmp_path, columns=300
    )
    assert done.returncode == 0, done.stderr
    assert "sum to" not in done.stdout
    config = load_config(tmp_path / "ionmech.toml")
    assert {one.name: one.charge for one in config.species} == charges


def xdatcar(positions, *, first_lines):
    """An XDATCAR of one header, in fractions of the cell."""
    lines = [*first_lines]
    for k, frame in enumerate(positions / LENGTH):
        lines.append(f"Direct configuration= {k + 1}")
        lines += [f"{x:.6f} {y:.6f} {z:.6f}" for x, y, z in frame]
    return "\n".join(lines) + "\n"


def test_what_xdatcars_of_vasp_4_lack_is_named(tmp_path):
    elements, positions = melt(np.random.default_rng(4), {"Ag": 20, "I": 20}, 12)
    numbers = f"{elements.count('Ag')} {elements.count('I')}"
    cell = [f"{LENGTH} 0 0", f"0 {LENGTH} 0", f"0 0 {LENGTH}"]
    headers = {
        "old": ([" 40 40 12", " 102.4 1.6E-9 1.6E-9 1.6E-9 2E-15", " 600.0", "  CAR ", " AgI", ""],
                "neither cell vectors nor elements"),
        "numbers": (["AgI", "1.0", *cell, numbers], "before line 6 (20 20)"),
    }  # fmt: skip
    for name, (first_lines, told) in headers.items():
        (tmp_path / "XDATCAR").write_text(xdatcar(positions, first_lines=first_lines))
        done = ionmech_here(
            "init", "XDATCAR", "--temperature", "600", "--dt", "0.1", cwd=tmp_path, columns=600
        )
        assert done.returncode == 2, name
        assert told in done.stderr
        assert not (tmp_path / "ionmech.toml").exists()
    whole = xdatcar(positions, first_lines=["AgI", "1.0", *cell, "Ag I", numbers])
    (tmp_path / "XDATCAR").write_text(whole)
    done = ionmech_here(
        "init", "XDATCAR", "--temperature", "600", "--dt", "0.1", "--no-figure", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


def test_all_that_is_missing_is_asked_for_at_once(tmp_path):
    """Types alone: elements and the time between frames."""
    elements, positions = melt(np.random.default_rng(5), {"Ca": 12, "F": 24}, 12)
    with (tmp_path / "a.lammpstrj").open("w") as file:
        for k, frame in enumerate(positions % LENGTH):
            file.write(f"ITEM: TIMESTEP\n{100 * k}\nITEM: NUMBER OF ATOMS\n{len(elements)}\n")
            file.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0 {LENGTH}\n" * 3)
            file.write("ITEM: ATOMS id type xs ys zs\n")
            for n, (element, at) in enumerate(zip(elements, frame / LENGTH, strict=True)):
                x, y, z = at
                file.write(f"{n + 1} {1 + (element == 'F')} {x:.6f} {y:.6f} {z:.6f}\n")
    done = ionmech_here("init", "a.lammpstrj", "--temperature", "1200", cwd=tmp_path, columns=900)
    assert done.returncode == 2
    assert "atoms of unknown elements" in done.stderr
    assert "--elements" in done.stderr
    assert "--dt 0.5" in done.stderr


def test_names_of_dl_poly_without_residues_make_molecules(tmp_path):
    """Na+, Cl- and water named OW and HW; the file has masses, which MDAnalysis does not read."""
    rng = np.random.default_rng(6)
    grid = 4.0 * np.indices((4, 4, 4)).reshape(3, -1).T + 2.0
    water = np.array([[0, 0, 0], [0.757, 0.586, 0], [-0.757, 0.586, 0]])
    start = np.concatenate([grid[:8], (grid[8:, None] + water).reshape(-1, 3)])
    names = ["Na+"] * 4 + ["Cl-"] * 4 + ["OW", "HW", "HW"] * 56
    with (tmp_path / "HISTORY").open("w") as file:
        file.write(f"brine\n{0:10d}{1:10d}{len(names):10d}\n")
        for k in range(12):
            file.write(f"timestep{500 * k:10d}{len(names):10d}{0:10d}{1:10d}{0.001:12.6f}\n")
            file.writelines(
                "".join(f"{LENGTH * (i == j):20.10f}" for j in range(3)) + "\n" for i in range(3)
            )
            frame = start + np.cumsum(rng.normal(0, 0.02, (1, 3)), axis=0) - LENGTH / 2
            for n, (name, at) in enumerate(zip(names, frame, strict=True)):
                file.write(f"{name:8s}{n + 1:10d}{16.0:12.6f}{0.0:12.6f}{0.0:12.6f}\n")
                file.write("".join(f"{x:20.10f}" for x in at) + "\n")
    done = ionmech_here(
        "init", "HISTORY", "--temperature", "300", "--dt", "0.5", "--no-figure", cwd=tmp_path,
        columns=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "56 x H2O (3 atoms): solvent" in done.stdout
    config = load_config(tmp_path / "ionmech.toml")
    assert [(one.name, one.charge) for one in config.species] == [("Na+", 1), ("Cl-", -1)]


def test_a_restart_file_is_no_trajectory(tmp_path):
    (tmp_path / "a.gro").write_text("ion\n    1\n    1NA      NA    1   0.1   0.1   0.1\n 2 2 2\n")
    (tmp_path / "a.rst7").write_text("ion\n 1\n 0.1 0.1 0.1\n")
    done = ionmech_here(
        "init", "a.gro", "a.rst7", "--temperature", "300", cwd=tmp_path, columns=300
    )
    assert done.returncode == 2
    assert "a restart file holds one frame" in done.stderr
