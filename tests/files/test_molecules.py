"""Molecules, masses and charges as files hold them: the same events and the same conductivity.

Two lithium ions, each with an anion that swings from one oxygen to the other and three waters that
take turns in its shell. What a file says of residues and bonds differs; what happens does not.
"""

import warnings

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell

from ..builders import brownian, make_universe, wrap

N_FRAMES, CELL = 201, 40.0
SWING, TURN = 10, 25
NAMES = ["LI"] * 2 + ["O1", "O2"] * 2 + ["OW", "HW1", "HW2"] * 6
RESIDUE = [0, 1, 2, 2, 3, 3, *np.repeat(np.arange(4, 10), 3).tolist()]
RESNAMES = ["LI"] * 2 + ["ANI"] * 2 + ["SOL"] * 6
TYPES = [1, 1, 2, 3, 2, 3] + [4, 5, 5] * 6
MASSES = np.array([6.941] * 2 + [15.999] * 4 + [15.999, 1.008, 1.008] * 6)
ANION_BONDS = [(2, 3), (4, 5)]
WATER_BONDS = [(a, a + h) for a in range(6, 24, 3) for h in (1, 2)]
#: Events in windows of one frame.
EXPECTED = {"vehicular": 2 * (N_FRAMES - 1 - 8), "solvent_exchange": 2 * 8}


def positions():
    rng = np.random.default_rng(3)
    x = np.empty((N_FRAMES, 24, 3))
    frame = np.arange(N_FRAMES)
    for k in range(2):
        x[:, k] = brownian(rng, N_FRAMES, 1, 0.02, 1.0)[:, 0] + [10.0 + 20 * k, 10.0, 10.0]
        one = (frame // SWING % 2 == 0)[:, None]
        loose = x[:, k] + rng.normal(scale=0.1, size=(N_FRAMES, 3))
        near, far = loose + np.array([[[2.0, 0, 0]], [[4.2, 0, 0]]])
        x[:, 2 + 2 * k], x[:, 3 + 2 * k] = np.where(one, near, far), np.where(one, far, near)
        turn = frame // TURN % 3
        for m in range(3):
            oxygen = 6 + 9 * k + 3 * m
            out = [0.0, 7.0, 2.5 * m - 2.5]
            x[:, oxygen] = x[:, k] + np.where((turn == m)[:, None], [-2.0, 0, 0], out)
            x[:, oxygen + 1] = x[:, oxygen] + [-0.6, 0.75, 0]
            x[:, oxygen + 2] = x[:, oxygen] + [-0.6, -0.75, 0]
    return x


def in_memory(bonds=(*ANION_BONDS, *WATER_BONDS)):
    return make_universe(
        wrap(positions(), CELL), (CELL,) * 3 + (90,) * 3, names=NAMES, resnames=RESNAMES,
        residue=RESIDUE, masses=MASSES, bonds=bonds or None,
    )  # fmt: skip


def trajectory(folder):
    path = folder / "frames.trr"
    u = in_memory()
    u.atoms.write(str(path), frames="all")
    return str(path)


def gro(folder):
    in_memory(()).atoms.write(str(folder / "a.gro"))
    return mda.Universe(str(folder / "a.gro"), trajectory(folder))


def pdb(folder, bonds):
    """A PDB whose CONECT records cover some molecules."""
    path = folder / "a.pdb"
    in_memory(()).atoms.write(str(path))
    records = "".join(f"CONECT{a + 1:5d}{b + 1:5d}\n" for a, b in bonds)
    path.write_text(path.read_text().replace("END\n", records + "END\n"))
    return mda.Universe(str(path), trajectory(folder))


def psf(folder, bonds=(*ANION_BONDS, *WATER_BONDS)):
    lines = ["PSF", "", "       1 !NTITLE", " REMARKS none", "", f"{24:8d} !NATOM"]
    lines += [
        f"{k + 1:8d} SYS  {RESIDUE[k] + 1:<4d} {RESNAMES[RESIDUE[k]]:<4s} {NAMES[k]:<4s} "
        f"{TYPES[k]:<4d} {0.0:10.6f}     {MASSES[k]:9.4f}           0"
        for k in range(24)
    ]
    lines += ["", f"{len(bonds):8d} !NBOND: bonds"]
    pairs = [f"{a + 1:8d}{b + 1:8d}" for a, b in bonds]
    lines += ["".join(pairs[k : k + 4]) for k in range(0, len(pairs), 4)]
    lines += ["", "       0 !NTHETA: angles", ""]
    (folder / "a.psf").write_text("\n".join(lines) + "\n")
    return mda.Universe(str(folder / "a.psf"), trajectory(folder))


def dump(folder, columns, molecule):
    """A LAMMPS dump with some columns; returns its path."""
    x = wrap(positions(), CELL)
    path = folder / "frames.lammpstrj"
    with path.open("w") as file:
        for t in range(N_FRAMES):
            file.write(f"ITEM: TIMESTEP\n{1000 * t}\nITEM: NUMBER OF ATOMS\n24\n")
            file.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0 {CELL}\n" * 3)
            file.write(f"ITEM: ATOMS {columns}\n")
            for k in range(24):
                value = {"id": k + 1, "mol": molecule[k], "type": TYPES[k], "mass": MASSES[k]}
                value |= dict(zip("xyz", x[t, k], strict=True))
                file.write(" ".join(f"{value[c]}" for c in columns.split()) + "\n")
    return str(path)


def lammps_dump(folder, columns="id mol type mass x y z"):
    path = dump(folder, columns, [r + 1 for r in RESIDUE])
    return mda.Universe(path, format="LAMMPSDUMP", topology_format="LAMMPSDUMP", dt=0.001)


def lammps_data(folder, bonds=(*ANION_BONDS, *WATER_BONDS), molecule=None):
    molecule = [r + 1 for r in RESIDUE] if molecule is None else molecule
    lines = ["LAMMPS data", "", "24 atoms", f"{len(bonds)} bonds", "5 atom types", "1 bond types"]
    lines += ["", *(f"0 {CELL} {a}lo {a}hi" for a in "xyz"), "", "Masses", ""]
    lines += [f"{t} {MASSES[TYPES.index(t)]}" for t in range(1, 6)] + ["", "Atoms # full", ""]
    first = wrap(positions()[0], CELL)
    for k in range(24):
        lines.append(f"{k + 1} {molecule[k]} {TYPES[k]} 0.0 " + " ".join(map(str, first[k])))
    if bonds:
        lines += ["", "Bonds", ""]
        lines += [f"{n + 1} 1 {a + 1} {b + 1}" for n, (a, b) in enumerate(bonds)]
    (folder / "a.data").write_text("\n".join(lines) + "\n")
    return mda.Universe(
        str(folder / "a.data"), dump(folder, "id type x y z", molecule),
        format="LAMMPSDUMP", topology_format="DATA", dt=0.001,
    )  # fmt: skip


PER_KIND = [1, 1, 2, 2, 2, 2] + [3] * 18
BY_NAME = {"li": "name LI", "anion": "name O1 O2", "solvent": "name OW"}
BY_TYPE = {"li": "type 1", "anion": "type 2 3", "solvent": "type 4"}

SOURCES = {
    "memory, all bonds": (lambda f: in_memory(), BY_NAME, "residues"),
    "memory, no bonds": (lambda f: in_memory(()), BY_NAME, "residues"),
    "memory, bonds of waters": (lambda f: in_memory(WATER_BONDS), BY_NAME, "residues"),
    "memory, one bond": (lambda f: in_memory([(6, 7)]), BY_NAME, "residues"),
    "GRO": (gro, BY_NAME, "residues"),
    "PDB": (lambda f: pdb(f, ()), BY_NAME, "residues"),
    "PDB, CONECT of waters": (lambda f: pdb(f, WATER_BONDS), BY_NAME, "residues"),
    "PDB, CONECT of anions": (lambda f: pdb(f, ANION_BONDS), BY_NAME, "residues"),
    "PDB, CONECT of one water": (lambda f: pdb(f, WATER_BONDS[:2]), BY_NAME, "residues"),
    "PDB, CONECT, fragments": (lambda f: pdb(f, ANION_BONDS), BY_NAME, "fragments"),
    "PSF": (psf, BY_NAME, "residues"),
    "PSF, fragments": (psf, BY_NAME, "fragments"),
    "PSF, bonds of waters": (lambda f: psf(f, WATER_BONDS), BY_NAME, "residues"),
    "dump with mol": (lammps_dump, BY_TYPE, "residues"),
    "data": (lammps_data, BY_TYPE, "residues"),
    "data, fragments": (lammps_data, BY_TYPE, "fragments"),
    "data, no bonds": (lambda f: lammps_data(f, ()), BY_TYPE, "residues"),
    "data, one mol per kind": (
        lambda f: lammps_data(f, molecule=PER_KIND), BY_TYPE, "fragments",
    ),
}  # fmt: skip


def analyse(u, names, compound, frame="barycentric"):
    atoms = {kind: u.select_atoms(text) for kind, text in names.items()}
    shell = CutoffShell(3.0, anion=atoms["anion"], solvent=atoms["solvent"])
    species = [
        IonSpecies(atoms["li"], charge=1, name="Li+", microstates=shell, events=SolvationEvents()),
        IonSpecies(atoms["anion"], charge=-1, name="A-", compound=compound),
    ]
    return OnsagerDecomposition(
        species, temperature=300.0, frame=frame, resolutions=None, windows=[1.0, 16.0]
    )


@pytest.fixture(scope="module")
def reference():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return analyse(in_memory(), BY_NAME, "residues").run().results


@pytest.mark.parametrize("source", list(SOURCES))
def test_events_and_conductivity_do_not_depend_on_how_a_file_tells_molecules(
    source, tmp_path, reference
):
    make, names, compound = SOURCES[source]
    results = analyse(make(tmp_path), names, compound).run().results
    counted = results.summary(window=1.0)["count"].to_dict()
    assert {event: n for event, n in counted.items() if n} == EXPECTED
    for name in ("conductivity", "onsager", "event_onsager"):
        np.testing.assert_allclose(
            results.decomposition[name], reference.decomposition[name], rtol=2e-3, err_msg=name,
            atol=1e-3 * float(np.abs(reference.decomposition[name]).max()),
        )  # fmt: skip


def test_what_a_topology_cannot_tell_is_refused_or_said(tmp_path):
    u = lammps_dump(tmp_path, "id type mass x y z")
    with pytest.raises(InputError, match="compound='residues' of species 'A-': one residue holds"):
        analyse(u, BY_TYPE, "residues")
    u = lammps_data(tmp_path, molecule=PER_KIND)
    with pytest.raises(InputError, match=r"divide into 2 molecules \(residue 2\).*'fragments'"):
        analyse(u, BY_TYPE, "residues")
    with pytest.warns(UserWarning, match="by the bonds of the topology residue .* holds"):
        analyse(u, BY_TYPE, "fragments")
    u = lammps_data(tmp_path, (), molecule=PER_KIND)
    with pytest.warns(UserWarning, match="all 6 ligand atoms of type 'solvent' of Li. are one mol"):
        analyse(u, {**BY_TYPE, "anion": "type 2"}, None)


def test_a_lithium_without_mass_is_given_its_own_and_that_is_said(tmp_path):
    with pytest.warns(UserWarning, match="6.941 u is used for 2 atoms of Li"):
        run = analyse(gro(tmp_path), BY_NAME, "residues")
    assert any("6.941 u is used" in text for text in run.run().results.warnings)
