"""Reports on cells that change and coordinates that are wrapped."""

from __future__ import annotations

import warnings
from pathlib import Path

import MDAnalysis as mda
import numpy as np
from MDAnalysis.lib.mdamath import triclinic_vectors
from MDAnalysis.transformations import set_dimensions
from MDAnalysis.transformations.nojump import NoJump

from mda_ionmech import InputError
from mda_ionmech.trajectory import from_ase

from .. import systems
from ..cases import decomposed
from ..formats import by_mdanalysis, opened, write_xdatcar
from ..systems import DT, Frames, frames_of, read_back
from .builders import (
    against_brute_force,
    crossing_early,
    dump,
    ions,
    is_salt,
    of_ions,
    onsager,
    reopened,
    salt,
    salt_in_memory,
    written,
)
from .registry import report, right


@report(
    "MDAnalysis 4257",
    "At constant pressure an atom crosses the boundary of the cell between the first frame and the "
    "second; unwrapping by the transformation lost that jump.",
    "The jump is undone; the transformation NoJump is refused, as unwrapping is done here.",
)
def second_frame(tmp):
    frames = crossing_early("fluctuating triclinic")
    by_mdanalysis(frames, 0, tmp / "run.xtc")
    said = against_brute_force(opened([tmp / "run.xtc"], frames), frames)
    universe = opened([tmp / "run.xtc"], frames)
    universe.trajectory.add_transformations(NoJump())
    try:
        decomposed(universe, dt=None)
    except InputError as error:
        return f"{said}; with NoJump refused: {error}"
    raise AssertionError("NoJump was accepted")


@report(
    "MDAnalysis 3179",
    "Mean squared displacements of coordinates wrapped into a small cell, as GROMACS writes them, "
    "come to a plateau at the size of the cell.",
    "Motion over many cells is followed from the wrapped file.",
)
def small_cell(tmp):
    paths = salt(n_frames=400, length=9.0, step=0.6)
    u = salt_in_memory(paths, 9.0)
    path = written(u, tmp / "run.xtc")
    run = of_ions(reopened(u, path), windows=[64 * DT])
    return right(is_salt(run, paths, 9.0, n=64))


@report(
    "MDAnalysis 5138",
    "A LAMMPS dump holds scaled coordinates and image flags (xs ys zs ix iy iz), and the reader "
    "uses the scaled coordinates alone.",
    "Jumps across the cell are undone without the flags.",
)
def image_flags(tmp):
    paths = salt()
    u = salt_in_memory()
    dump(tmp / "run.lammpsdump", paths, 20.0, "id type xs ys zs ix iy iz")
    run = of_ions(reopened(u, tmp / "run.lammpsdump"), dt=DT)
    assert run.results.settings["unwrap"]["jumps"] > 0
    said = right(is_salt(run), 1e-4)
    dump(tmp / "flags.lammpsdump", paths, 20.0, "id type x y z ix iy iz")
    run = of_ions(reopened(u, tmp / "flags.lammpsdump", unwrap_images=True), dt=DT)
    right(is_salt(run), 1e-4)
    try:
        of_ions(reopened(u, tmp / "run.lammpsdump", unwrap_images=True), dt=DT)
    except InputError as error:
        return f"{said}; with unwrap_images=True refused: {error}"
    raise AssertionError("images were added to scaled coordinates")


@report(
    "lipyphilic 113",
    "Two trajectories without a cell are read one after the other, and `u.dimensions` is set once: "
    "the first file has a cell, the second has none.",
    "Refused, with the frame and how to give every frame a cell.",
)
def cell_of_one_file(tmp):
    u = salt_in_memory()
    files = []
    for k in range(2):
        part = ions(
            u.trajectory.timeseries(order="fac")[60 * k : 60 * k + 60], [20.0] * 3 + [90.0] * 3,
            names=u.atoms.names, masses=u.atoms.masses,
        )  # fmt: skip
        files.append(written(part, tmp / f"{k}.xyz"))
    again = reopened(u, files, dt=DT)
    again.dimensions = [20.0, 20.0, 20.0, 90.0, 90.0, 90.0]
    of_ions(again, dt=DT)
    return "accepted"


@report(
    "pymatgen 930",
    "Displacements at constant pressure were made Cartesian with the cell of another frame.",
    "Those of all frames with the mean cell, whichever way the cell breathes.",
)
def cell_of_a_frame(tmp):
    frames = frames_of("fluctuating orthorhombic")
    by_mdanalysis(frames, 0, tmp / "run.trr")
    return against_brute_force(opened([tmp / "run.trr"], frames), frames)


def xdatcar(tmp: Path, name: str) -> tuple[mda.Universe, Frames]:
    frames = frames_of("fluctuating triclinic")
    write_xdatcar(frames, 0, tmp / name)
    read = from_ase(tmp / name, dt=DT, format="vasp-xdatcar")
    universe = systems.topology()
    universe.trajectory = read.trajectory
    return universe, frames


@report(
    "pymatgen 2115",
    "An XDATCAR at constant pressure has a header with a cell for each frame, and only the first "
    "was used.",
    "The cell of every frame is used.",
)
def header_per_frame(tmp):
    universe, frames = xdatcar(tmp, "headers.XDATCAR")
    return against_brute_force(universe, frames)


@report(
    "VASP_XDATCAR 2",
    "With ISIF=3 the header that VASP repeats shifts the lines of an XDATCAR, and positions were "
    "read at the wrong places.",
    "As many frames as were written, each with its positions and its cell.",
)
def repeated_header(tmp):
    universe, frames = xdatcar(tmp, "headers.XDATCAR")
    read = read_back(universe, frames.images)
    assert universe.trajectory.n_frames == len(frames.positions)
    gap = np.abs(read.positions - frames.positions).max()
    assert np.allclose(read.dimensions, frames.dimensions, atol=1e-4)
    return right(float(gap), 1e-4)


@report(
    "pymatgen 4323",
    "VASP writes coordinates in columns of fixed width, so that a negative number touches the one "
    "before it (-0.63265286-0.11227753).",
    "Refused: a file that cannot be read is not read in part.",
)
def touching_numbers(tmp):
    frames = frames_of("constant orthorhombic")
    write_xdatcar(frames, 0, tmp / "whole.XDATCAR")
    lines = (tmp / "whole.XDATCAR").read_text().splitlines()
    at = lines.index("Direct configuration=    12") + 3
    lines[at] = "-0.63265286-0.11227753 0.15402785"
    (tmp / "XDATCAR").write_text("\n".join(lines) + "\n")
    from_ase(tmp / "XDATCAR", dt=DT)
    return "accepted"


@report(
    "cfiles 40",
    "The mean squared displacement of an XYZ trajectory, with the cell given by hand, did not "
    "start from zero: two sums were divided by wrong numbers.",
    "Self coefficients of all windows are those of an independent calculation.",
)
def normalisation(tmp):
    frames = frames_of("constant orthorhombic")
    universe = systems.in_memory(frames)
    written(universe, tmp / "run.xyz")
    again = opened([tmp / "run.xyz"], frames)
    again.trajectory.add_transformations(set_dimensions(frames.dimensions[0]))
    return against_brute_force(again, frames, dt=DT)


def breathing_crystal(n_frames=80) -> tuple[np.ndarray, np.ndarray]:
    """Fractional paths of 8 sodium that walk and 8 oxygen that vibrate, and dimensions."""
    rng = np.random.default_rng(11)
    grid = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) / 2
    walk = np.cumsum(rng.normal(scale=0.02, size=(n_frames, 8, 3)), axis=0)
    still = rng.normal(scale=0.004, size=(n_frames, 8, 3))
    fractional = np.concatenate([grid + 0.25 + walk, grid + still], axis=1)
    length = 16.03 * (1 + 0.02 * np.sin(np.arange(n_frames) / 5.0))
    dimensions = np.column_stack([*[length] * 3, *[np.full(n_frames, 90.0)] * 3])
    return fractional, np.round(dimensions, 3)


@report(
    "cfiles 43",
    "In a crystal at constant pressure, from a GRO trajectory, the oxygen that does not diffuse "
    "moved farther than the sodium that does: the unwrapping took no account of the changing cell.",
    "Oxygen does not diffuse: its self coefficient is that of its vibration.",
)
def breathing_oxygen(tmp):
    fractional, dimensions = breathing_crystal()
    cells = np.array([triclinic_vectors(d, dtype=np.float64) for d in dimensions])
    inside = fractional - np.floor(fractional)
    u = ions(
        inside @ cells, dimensions, names=["Na"] * 8 + ["O"] * 8, masses=[23.0] * 8 + [16.0] * 8
    )
    (tmp / "gro").mkdir()
    files = []
    for k, _ in enumerate(u.trajectory):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            u.atoms.write(str(tmp / "gro" / f"{k:03d}.gro"))
        files.append(tmp / "gro" / f"{k:03d}.gro")
    run = of_ions(
        reopened(u, files), names=("Na", "O"), frame="barycentric", dt=DT, windows=[DT, 16 * DT]
    )
    own = run.results.decomposition["onsager_self"]
    weight = u.atoms.masses / u.atoms.masses.sum()
    path = fractional - np.einsum("a,taj->tj", weight, fractional)[:, None]
    path = path @ cells.mean(axis=0)
    volume = float(np.abs(np.linalg.det(cells)).mean())
    worst = 0.0
    for k, n in enumerate((1, 16)):
        for name, chosen in (("Na", slice(0, 8)), ("O", slice(8, 16))):
            each = [onsager(path[:, [i]], volume, DT, n) for i in range(16)[chosen]]
            worst = max(worst, abs(float(own.sel(species=name)[k]) / sum(each) - 1))
    ratio = float(own.sel(species="O")[1] / own.sel(species="Na")[1])
    assert ratio < 0.1
    return right(worst, 2e-2)


@report(
    "GPUMD 1470",
    "Coordinates were unwrapped by the program that wrote them, step by step in Angstrom, while "
    "the cell changed: ions that stay at their places drift apart.",
    "They cannot be wrapped back: a warning, or refused where the result depends on it.",
)
def cartesian_unwrapping(tmp):
    fractional, dimensions = breathing_crystal(n_frames=2000)
    cells = np.array([triclinic_vectors(d, dtype=np.float64) for d in dimensions])
    placed = fractional @ cells
    # as the program does it: shortest Cartesian steps between wrapped places, summed
    inside = (fractional - np.floor(fractional)) @ cells
    step = np.diff(inside, axis=0)
    turns = np.rint(np.einsum("tak,tkj->taj", step, np.linalg.inv(cells[1:])))
    step -= turns @ cells[1:]
    summed = inside[:1] + np.concatenate([np.zeros_like(inside[:1]), np.cumsum(step, axis=0)])
    assert np.abs(summed - placed).max() > 1
    u = ions(summed, dimensions, names=["Na"] * 8 + ["O"] * 8, masses=[23.0] * 8 + [16.0] * 8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = of_ions(
            reopened(u, written(u, tmp / "run.xtc")), names=("Na", "O"), frame="barycentric"
        )
    said = [str(w.message) for w in caught if w.category is UserWarning]
    (text,) = [t for t in said if "adding up steps" in t and t in run.results.warnings]
    return f"warned: {text}"
