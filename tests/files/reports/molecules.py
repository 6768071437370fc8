"""Reports on which atom is which, and what makes a molecule."""

from __future__ import annotations

import warnings
from pathlib import Path

import MDAnalysis as mda
import numpy as np

from mda_ionmech import InputError, IonSpecies
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
    "Atoms are identified by their ids.",
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
    "A dump holds a part of the atoms, so that ids are not the indices of the atoms.",
    "Ions are identified by their ids in every frame, and named by them in the result.",
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
    "Molecules are identified by their bonds: solvent molecules in shells are distinguished.",
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


@report(
    "MDAnalysis 3426",
    "A LAMMPS dump as its own topology has no molecules: all atoms are in one residue.",
    "Molecules asked for as residues are refused, with what to give.",
)
def one_residue(tmp):
    paths, _ = diatomic()
    dump(tmp / "run.lammpsdump", paths, 20.0, "id type x y z")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        u = mda.Universe(str(tmp / "run.lammpsdump"), topology_format="LAMMPSDUMP")
    u.add_TopologyAttr("masses", [6.94] * 4 + [10.8, 19.0] * 4)
    anion = IonSpecies(u.atoms[4:], charge=-1, name="X", compound="residues")
    lithium = IonSpecies(u.atoms[:4], charge=1, name="Li")
    run_of([lithium, anion], dt=DT)
    return "accepted"


@report(
    "mbuild 1044",
    "All molecules of a packed box carry residue number 1 in the MOL2 file that was written.",
    "Molecules are identified by their bonds; as residues they are refused.",
)
def same_residue(tmp):
    paths, _ = diatomic()
    bonds = [(4 + 2 * k, 5 + 2 * k) for k in range(4)]
    mol2(tmp / "box.mol2", paths, bonds, np.zeros(12, int))
    memory = ions(
        wrapped(paths, 20.0), [20.0] * 3 + [90.0] * 3, names=["X"] * 12, masses=[1.0] * 12
    )
    written(memory, tmp / "run.xtc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        u = mda.Universe(str(tmp / "box.mol2"), str(tmp / "run.xtc"))
    u.add_TopologyAttr("masses", [6.94] * 4 + [10.8, 19.0] * 4)
    centre = (paths[:, 4::2] * 10.8 + paths[:, 5::2] * 19.0) / 29.8
    lithium = IonSpecies(u.atoms[:4], charge=1, name="Li")
    anion = IonSpecies(u.atoms[4:], charge=-1, name="X", compound="fragments")
    run = run_of([lithium, anion], frame="laboratory")
    said = right(abs(coefficient(run, "X") / onsager(centre, 20.0**3, DT, 8) - 1), 1e-4)
    try:
        run_of([lithium, IonSpecies(u.atoms[4:], charge=-1, name="X", compound="residues")])
    except InputError as error:
        return f"by bonds {said}; as residues refused: {error}"
    raise AssertionError("one residue was taken for one molecule")


@report(
    "MDAnalysis 3168",
    "The massless sites of water with four points have no mass of their own, and nothing could be "
    "unwrapped or centred.",
    "They weigh nothing: the barycentric frame is that of the atoms with mass.",
)
def massless_sites(tmp):
    paths = salt(n_ions=8)
    rng = np.random.default_rng(7)
    water = np.repeat(salt(n_ions=6, seed=8), 3, axis=1)  # oxygen, hydrogen, site
    water[:, 1::3] += [0.8, 0.6, 0.0]
    water[:, 2::3] += rng.normal(scale=0.05, size=water[:, 2::3].shape)
    positions = np.concatenate([paths, np.round(water, 2)], axis=1)
    names = ["Li"] * 4 + ["Cl"] * 4 + ["OW", "HW", "MW"] * 6
    mass = {"Li": 6.94, "Cl": 35.45, "OW": 16.0, "HW": 1.008, "MW": 0.0}
    masses = np.array([mass[name] for name in names])
    with open(tmp / "water.itp", "w") as file:
        file.write("[ moleculetype ]\nIONS 3\n\n[ atoms ]\n")
        for a, name in enumerate(names):
            residue = a + 1 if a < 8 else 9 + (a - 8) // 3
            file.write(f"{a + 1} {name} {residue} RES {name} {a + 1} 0.0 {mass[name]}\n")
        file.write("\n[ bonds ]\n")
        file.writelines(f"{9 + 3 * k} {10 + 3 * k} 1\n" for k in range(6))
        file.write("\n[ system ]\nions\n\n[ molecules ]\nIONS 1\n")
    memory = ions(
        wrapped(positions, 20.0), [20.0] * 3 + [90.0] * 3, names=["X"] * 26, masses=[1.0] * 26
    )
    written(memory, tmp / "run.xtc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        u = mda.Universe(str(tmp / "water.itp"), str(tmp / "run.xtc"), topology_format="ITP")
    assert np.allclose(u.atoms.masses, masses)
    run = of_ions(u, frame="barycentric")
    centre = np.einsum("a,tai->ti", masses / masses.sum(), positions)
    return right(is_salt(run, paths - centre[:, None]), 1e-4)
