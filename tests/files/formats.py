"""Frames written to disk in every format, and opened again."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import MDAnalysis as mda
import numpy as np
from MDAnalysis.transformations import set_dimensions

from mda_ionmech.trajectory import from_ase

from .systems import DT, N_ATOMS, NAMES, RESIDUE, SYMBOLS, Frames, in_memory, topology

#: Engine steps between frames.
STRIDE = 250


@dataclass(frozen=True)
class Format:
    """How frames are written to files and read from them.

    Attributes
    ----------
    write : callable
        Of frames, the engine step of the first, and the path.
    ending : str
    open : callable
        Universe of the paths of one or more files, and all frames.
    keeps_time : bool
        Whether the time of frames is in the file.
    stem : str
        Beginning of the names of files.
    constant_only : bool
        Whether the format has one cell for all frames.
    """

    write: Callable[[Frames, int, Path], None]
    ending: str
    open: Callable[[list[Path], Frames], mda.Universe]
    keeps_time: bool = True
    stem: str = "run"
    constant_only: bool = False


def by_mdanalysis(frames: Frames, first: int, path: Path) -> None:
    universe = in_memory(frames)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # DCD has a spacing, the others a time for each frame
        options = {
            ".dcd": {"dt": DT, "nsavc": STRIDE, "istart": first},
            ".h5md": {"lengthunit": "Angstrom", "timeunit": "ps"},
        }.get(path.suffix, {})
        with mda.Writer(str(path), N_ATOMS, **options) as writer:
            for ts in universe.trajectory:
                ts.data["step"] = first + STRIDE * ts.frame
                ts.time = ts.data["step"] * DT / STRIDE
                writer.write(universe.atoms)


def opened(paths: list[Path], frames: Frames, **options) -> mda.Universe:
    universe = topology()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = [str(p) for p in paths]
        universe.load_new(files if len(files) > 1 else files[0], **options)
    return universe


def write_dump(frames: Frames, first: int, path: Path) -> None:
    """LAMMPS dump of a cell that fluctuates about its centre, atoms out of order."""
    with open(path, "w") as file:
        for k, (x, cell) in enumerate(zip(frames.positions, frames.cells, strict=True)):
            (lx, _, _), (xy, ly, _), (xz, yz, lz) = cell
            low = -np.array([lx, ly, lz]) / 2
            high = -low
            triclinic = bool(np.abs([xy, xz, yz]).max() > 1e-9)
            if triclinic:
                tilts = np.array([0.0, xy, xz, xy + xz])
                low[0], high[0] = low[0] + tilts.min(), high[0] + tilts.max()
                low[1], high[1] = low[1] + min(0.0, yz), high[1] + max(0.0, yz)
            tilt = [f" {t:.10f}" if triclinic else "" for t in (xy, xz, yz)]
            names = "xy xz yz " if triclinic else ""
            file.write(f"ITEM: TIMESTEP\n{first + STRIDE * k}\nITEM: NUMBER OF ATOMS\n{N_ATOMS}\n")
            file.write(f"ITEM: BOX BOUNDS {names}pp pp pp\n")
            for j in range(3):
                file.write(f"{low[j]:.10f} {high[j]:.10f}{tilt[j]}\n")
            file.write("ITEM: ATOMS id type x y z\n")
            origin = -np.array([lx, ly, lz]) / 2
            for a in np.random.default_rng(k).permutation(N_ATOMS):
                x0, y0, z0 = x[a].astype(float) + origin
                file.write(f"{a + 1} 1 {x0:.8f} {y0:.8f} {z0:.8f}\n")


def write_pdb(frames: Frames, first: int, path: Path) -> None:
    """Models with a cell each: before the model, as GROMACS writes it, or in it."""
    inside = path.name.startswith("inside")
    with open(path, "w") as file:
        for k, (x, d) in enumerate(zip(frames.positions, frames.dimensions, strict=True)):
            numbers = "{:9.3f}{:9.3f}{:9.3f}{:7.2f}{:7.2f}{:7.2f}".format(*d)
            head = [f"CRYST1{numbers} P 1           1\n", f"MODEL     {k + 1:4d}\n"]
            file.writelines(head[::-1] if inside else head)
            for a in range(N_ATOMS):
                file.write(
                    f"ATOM  {a + 1:5d}  {NAMES[a]:<3s} RES A{RESIDUE[a] + 1:4d}    "
                    f"{x[a, 0]:8.3f}{x[a, 1]:8.3f}{x[a, 2]:8.3f}  1.00  0.00\n"
                )
            file.write("ENDMDL\n")


def write_xyz(frames: Frames, first: int, path: Path) -> None:
    with open(path, "w") as file:
        for x in frames.positions:
            file.write(f"{N_ATOMS}\n\n")
            for symbol, (x0, y0, z0) in zip(SYMBOLS, x, strict=True):
                file.write(f"{symbol} {x0:.5f} {y0:.5f} {z0:.5f}\n")


def open_xyz(paths: list[Path], frames: Frames) -> mda.Universe:
    universe = opened(paths, frames)
    universe.trajectory.add_transformations(set_dimensions(frames.dimensions))
    return universe


def write_gro(frames: Frames, first: int, path: Path) -> None:
    """A folder of files with one frame each."""
    path.mkdir()
    for k in range(len(frames.positions)):
        universe = in_memory(frames[k : k + 1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            universe.atoms.write(str(path / f"{k:03d}.gro"))


def open_gro(paths: list[Path], frames: Frames) -> mda.Universe:
    return opened([file for path in paths for file in sorted(path.iterdir())], frames)


def ase_frames(frames: Frames):
    from ase import Atoms

    return [
        Atoms(SYMBOLS, positions=x.astype(float), cell=cell, pbc=True)
        for x, cell in zip(frames.positions, frames.cells, strict=True)
    ]


def write_xdatcar(frames: Frames, first: int, path: Path) -> None:
    """As VASP writes it: species in blocks, a header for the first frame or for each."""
    fractional = np.einsum(
        "tak,tkj->taj", frames.positions.astype(float), np.linalg.inv(frames.cells)
    )
    kinds, counts = ["Li", *["F", "P"] * 4, "O"], [4, *[1] * 8, 10]
    one_header = not path.name.startswith("headers")
    with open(path, "w") as file:
        for k, cell in enumerate(frames.cells):
            if k == 0 or not one_header:
                file.write("ions\n1.0\n")
                file.writelines("{:.10f} {:.10f} {:.10f}\n".format(*row) for row in cell)
                file.write(" ".join(kinds) + "\n" + " ".join(map(str, counts)) + "\n")
            file.write(f"Direct configuration= {k + 1:5d}\n")
            file.writelines("{:.10f} {:.10f} {:.10f}\n".format(*row) for row in fractional[k])


def write_extxyz(frames: Frames, first: int, path: Path) -> None:
    from ase.io import write

    images = ase_frames(frames)
    for k, atoms in enumerate(images):
        atoms.info["time"] = (first + STRIDE * k) * DT / STRIDE * 1000
    write(str(path), images, format="extxyz")


def open_by_ase(paths: list[Path], frames: Frames) -> mda.Universe:
    kind = "extxyz" if paths[0].suffix == ".extxyz" else "vasp-xdatcar"
    read = from_ase(paths, dt=DT if kind == "vasp-xdatcar" else None, format=kind)
    universe = topology()
    order = np.asarray(read.atoms.elements)
    assert list(order) == SYMBOLS
    universe.trajectory = read.trajectory
    return universe


#: Every format that trajectories are read from here.
FORMATS = {
    "XTC": Format(by_mdanalysis, ".xtc", opened),
    "TRR": Format(by_mdanalysis, ".trr", opened),
    "DCD": Format(by_mdanalysis, ".dcd", opened),
    "NCDF": Format(by_mdanalysis, ".ncdf", opened),
    "LAMMPS dump": Format(write_dump, ".lammpsdump", opened, keeps_time=False),
    "PDB": Format(write_pdb, ".pdb", opened, keeps_time=False),
    "PDB, cell inside models": Format(write_pdb, ".pdb", opened, keeps_time=False, stem="inside"),
    "GRO, a file per frame": Format(write_gro, "", open_gro, keeps_time=False),
    "XYZ, cell by transformation": Format(write_xyz, ".xyz", open_xyz, keeps_time=False),
    "H5MD": Format(by_mdanalysis, ".h5md", opened),
    "XDATCAR, one header": Format(write_xdatcar, ".XDATCAR", open_by_ase, constant_only=True),
    "XDATCAR, header per frame": Format(write_xdatcar, ".XDATCAR", open_by_ase, stem="headers"),
    "extended XYZ": Format(write_extxyz, ".extxyz", open_by_ase),
}
