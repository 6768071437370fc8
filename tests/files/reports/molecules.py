"""Reports on which atom is which, and what makes a molecule."""

from __future__ import annotations

import warnings
from pathlib import Path

import MDAnalysis as mda
import numpy as np

from mda_ionmech import IonSpecies
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell

from .. import systems
from ..formats import STRIDE
from ..systems import DT, brute_force, frames_of
from .builders import (
    coefficient,
    dump,
    ions,
    is_salt,
    of_ions,
    onsager,
    reopened,
    run_of,
    salt,
    salt_in_memory,
    wrapped,
    written,
)
from .registry import report, right


@report(
    "molstar 1873",
    "LAMMPS lists the atoms of a dump in another order in each frame.",
    "Atoms are told by their ids.",
)
def shuffled(tmp):
    paths = salt()
    u = salt_in_memory()
    rng = np.random.default_rng(0)
    order = [rng.permutation(8) for _ in paths]
    dump(tmp / "run.lammpsdump", paths, 20.0, "id type x y z", order=lambda k: order[k])
    return right(is_salt(of_ions(reopened(u, tmp / "run.lammpsdump"), dt=DT)), 1e-4)


@report(
    "atomman 5",
    "A dump holds a part of the atoms, so that ids are not the places of atoms in the list.",
    "The ions of the dump are told by their ids in every frame, and named by them in the result.",
)
def part_of_the_atoms(tmp):
    paths = salt()
    ids = np.array([3, 17, 4, 105, 9, 11, 57, 58])
    rng = np.random.default_rng(1)
    order = [rng.permutation(8) for _ in paths]
    dump(tmp / "run.lammpsdump", paths, 20.0, "id type x y z", ids=ids, order=lambda k: order[k])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        u = mda.Universe(str(tmp / "run.lammpsdump"), topology_format="LAMMPSDUMP")
    rank = np.argsort(ids)
    lithium = np.isin(rank, range(4))  # atoms are sorted by id
    first = IonSpecies(u.atoms[np.flatnonzero(lithium)], charge=1, name="Li")
    second = IonSpecies(u.atoms[np.flatnonzero(~lithium)], charge=-1, name="Cl")
    run = run_of([first, second], frame="laboratory", dt=DT)
    named = run.results.tree["states"]["carrier_atom_id"].values
    assert sorted(named[:4].tolist()) == sorted(ids[:4].tolist())
    return right(is_salt(run), 1e-4)


@report(
    "chemfiles 371",
    "The number of atoms in a LAMMPS dump changes in the middle of the run.",
    "Refused, with the frame.",
)
def atom_lost(tmp):
    paths = salt()
    u = salt_in_memory()
    path = dump(tmp / "run.lammpsdump", paths[:100], 20.0, "id type x y z")
    steps = STRIDE * np.arange(100, 120)
    dump(path, paths[100:, :7], 20.0, "id type x y z", steps=steps, mode="a")
    of_ions(reopened(u, path), dt=DT)
    return "accepted"


def diatomic(n_frames=100, seed=5) -> tuple[np.ndarray, np.ndarray]:
    """Paths of 4 lithium and 4 anions of two atoms, and the residue of each atom."""
    centres = salt(n_frames=n_frames, seed=seed)
    residue = np.r_[np.arange(4), 4 + np.repeat(np.arange(4), 2)]
    paths = centres[:, residue]
    paths[:, 5::2] += [1.2, 0.4, 0.0]
    return paths, residue


@report(
    "MAICoS 441",
    "The atoms of a molecule are far apart in an unsorted LAMMPS data file.",
    "Centres of mass are those of the molecules, by molecule number and by bonds.",
)
def scattered_molecules(tmp):
    paths, residue = diatomic()
    order = np.random.default_rng(2).permutation(12)
    mass = np.array([6.94, 10.8, 19.0])
    kind = np.r_[np.zeros(4, int), np.tile([1, 2], 4)]
    bonds = [(4 + 2 * k, 5 + 2 * k) for k in range(4)]
    with open(tmp / "run.data", "w") as file:
        file.write("ions\n\n12 atoms\n4 bonds\n3 atom types\n1 bond types\n\n")
        file.write("0 20 xlo xhi\n0 20 ylo yhi\n0 20 zlo zhi\n\nMasses\n\n")
        file.writelines(f"{k + 1} {m}\n" for k, m in enumerate(mass))
        file.write("\nAtoms # full\n\n")
        for a in order:
            x, y, z = wrapped(paths[0, a], 20.0)
            file.write(f"{a + 1} {residue[a] + 1} {kind[a] + 1} 0 {x:.4f} {y:.4f} {z:.4f}\n")
        file.write("\nBonds\n\n")
        file.writelines(f"{k + 1} 1 {i + 1} {j + 1}\n" for k, (i, j) in enumerate(bonds))
    dump(tmp / "run.lammpsdump", paths, 20.0, "id type x y z")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        u = mda.Universe(
            str(tmp / "run.data"), str(tmp / "run.lammpsdump"), topology_format="DATA",
            format="LAMMPSDUMP",
        )  # fmt: skip
    centre = (paths[:, 4::2] * 10.8 + paths[:, 5::2] * 19.0) / 29.8
    expected = onsager(centre, 20.0**3, DT, 8)
    worst = 0.0
    for compound in ("residues", "fragments"):
        anion = IonSpecies(u.select_atoms("type 2 3"), charge=-1, name="X", compound=compound)
        lithium = IonSpecies(u.select_atoms("type 1"), charge=1, name="Li")
        run = run_of([lithium, anion], frame="laboratory", dt=DT)
        worst = max(worst, abs(coefficient(run, "X") / expected - 1))
    return right(worst, 1e-4)


def mol2(path: Path, paths: np.ndarray, bonds, residue) -> Path:
    """A MOL2 file of the first frame."""
    with open(path, "w") as file:
        file.write("@<TRIPOS>MOLECULE\nions\n")
        file.write(f"{paths.shape[1]} {len(bonds)} 1 0 0\nSMALL\nUSER_CHARGES\n\n@<TRIPOS>ATOM\n")
        for a, (x, y, z) in enumerate(paths[0]):
            name = "Li" if a < 4 else "BF"[a % 2]
            file.write(f"{a + 1} {name} {x:.4f} {y:.4f} {z:.4f} {name} {residue[a] + 1} RES 0.0\n")
        file.write("@<TRIPOS>BOND\n")
        file.writelines(f"{k + 1} {i + 1} {j + 1} 1\n" for k, (i, j) in enumerate(bonds))
    return path


@report(
    "openff-interchange 1000",
    "Molecules of one kind share one molecule number in the LAMMPS data file that was exported.",
    "Molecules are told by their bonds: shells know one solvent molecule from another.",
)
def shared_number(tmp):
    frames = frames_of("constant orthorhombic")
    # each solvent atom becomes a molecule of two, so that there are bonds to tell them by
    last = systems.N_LITHIUM + 2 * systems.N_ANIONS
    extra = frames.positions[:, last:] + np.float32([0.5, 0.5, 0.0])
    positions = np.concatenate([frames.positions, extra], axis=1)
    n = positions.shape[1]
    n_solvent = systems.N_SOLVENT
    kind = np.r_[systems.RESIDUE[:last], np.full(2 * n_solvent, 99)]
    number = np.where(kind < systems.N_LITHIUM, 1, np.where(kind < 99, 2, 3))
    bonds = [(4 + 2 * k, 5 + 2 * k) for k in range(systems.N_ANIONS)]
    bonds += [(last + k, last + n_solvent + k) for k in range(n_solvent)]
    names = [*systems.NAMES, *["H"] * n_solvent]
    types = {name: k + 1 for k, name in enumerate(dict.fromkeys(names))}
    mass = dict(zip(names, [*systems.MASSES, *[1.0] * n_solvent], strict=True))
    with open(tmp / "run.data", "w") as file:
        file.write(f"ions\n\n{n} atoms\n{len(bonds)} bonds\n{len(types)} atom types\n")
        file.write("1 bond types\n\n0 12 xlo xhi\n0 13 ylo yhi\n0 14 zlo zhi\n\nMasses\n\n")
        file.writelines(f"{k} {mass[name]}\n" for name, k in types.items())
        file.write("\nAtoms # full\n\n")
        for a in range(n):
            x, y, z = positions[0, a]
            file.write(f"{a + 1} {number[a]} {types[names[a]]} 0 {x:.3f} {y:.3f} {z:.3f}\n")
        file.write("\nBonds\n\n")
        file.writelines(f"{k + 1} 1 {i + 1} {j + 1}\n" for k, (i, j) in enumerate(bonds))
    memory = ions(positions, frames.dimensions, names=names, masses=[mass[x] for x in names])
    written(memory, tmp / "run.xtc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        u = mda.Universe(str(tmp / "run.data"), str(tmp / "run.xtc"), topology_format="DATA")
    shell = CutoffShell(
        systems.CUTOFF,
        solvent=u.select_atoms(f"type {types['O']}"),
        anion=u.select_atoms(f"type {types['F1']}"),
    )
    lithium = IonSpecies(
        u.select_atoms(f"type {types['LI']}"), charge=1, name="Li", microstates=shell,
        events=SolvationEvents(),
    )  # fmt: skip
    run = run_of([lithium], frame="laboratory", windows=[DT * w for w in systems.WINDOWS])
    counts = run.results.decomposition["event_count"].sel(species="Li", event=list(systems.EVENTS))
    expected = brute_force(frames, DT)["counts"]
    assert np.array_equal(counts.transpose("window", "event").values, expected)
    return "right, all counts of events equal those of sets of atoms"
