"""Situations a user meets, each with the error that answers it; the table in the docs.

``python -m tests.error_table`` writes docs/errors.md again.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import MDAnalysis as mda
import numpy as np
from MDAnalysis.transformations.nojump import NoJump

from mda_ionmech import (
    InputError,
    IonSpecies,
    OnsagerDecomposition,
    arrhenius,
    combine,
    datasets,
    load,
    load_run,
)
from mda_ionmech.cli.config import build_analysis, load_config
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib.files import write_atomically
from mda_ionmech.lib.task_workers import work_on
from mda_ionmech.microstates import CutoffShell, SiteAssignment
from mda_ionmech.trajectory import from_ase

from .builders import brownian, halves, make_universe, wrap
from .files.timed_files import analysis as timed
from .files.timed_files import made, walk

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"


def universe(n_frames=40, **options):
    rng = np.random.default_rng(0)
    positions = brownian(rng, n_frames, 6, 0.05, 1.0) + 15.0
    return make_universe(positions, names=list("PPPMMM"), masses=[7.0] * 3 + [35.0] * 3, **options)


def positions_of(n_frames=40):
    return np.stack([ts.positions.copy() for ts in universe(n_frames).trajectory])


def analysis(u, **options):
    ions = IonSpecies(u.atoms, charge=1, name="ion")
    options = {"temperature": 300.0, "frame": "laboratory"} | options
    return OnsagerDecomposition([ions], **options)


def with_file(folder, ending, n_frames=40):
    """Universe whose trajectory is a file cut short in the middle of its last frames."""
    u = universe(n_frames)
    path = folder / f"cut.{ending}"
    if ending == "lammpsdump":
        with open(path, "w") as file:
            for ts in u.trajectory:
                file.write(f"ITEM: TIMESTEP\n{ts.frame * 100}\nITEM: NUMBER OF ATOMS\n6\n")
                file.write("ITEM: BOX BOUNDS pp pp pp\n" + "0 40\n" * 3)
                file.write("ITEM: ATOMS id type x y z\n")
                for atom in u.atoms:
                    x, y, z = atom.position
                    file.write(f"{atom.ix + 1} 1 {x:.4f} {y:.4f} {z:.4f}\n")
    else:
        with mda.Writer(str(path), 6) as writer:
            for _ in u.trajectory:
                writer.write(u.atoms)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4 + 7])
    fresh = mda.Universe(u._topology.copy())
    fresh.load_new(str(path))
    return fresh


def added_up():
    """Ions far from the cell, unwrapped in Angstrom while it breathed."""
    rng = np.random.default_rng(0)
    n = 4000
    length = 25 * (1 + 0.01 * rng.normal(size=(n, 1, 1)))
    fractional = rng.random((40, 3)) + np.cumsum(rng.normal(0, 0.01, (n, 40, 3)), axis=0)
    wrapped = (fractional % 1) * length
    steps = np.diff(wrapped, axis=0)
    steps -= length[1:] * np.rint(steps / length[1:])
    positions = (wrapped[0] + np.cumsum(steps, axis=0))[-300:]
    dimensions = np.tile([0.0, 0, 0, 90, 90, 90], (300, 1))
    dimensions[:, :3] = length[-300:, 0]
    u = make_universe(positions, dimensions, masses=[7.0, 35.0] * 20)
    ions = [
        IonSpecies(u.atoms[:20], charge=1, name="Li+"),
        IonSpecies(u.atoms[20:], charge=-1, name="Cl-"),
    ]
    return OnsagerDecomposition(ions, temperature=300.0, resolutions=None)


def wrapped_as_continuous():
    rng = np.random.default_rng(0)
    paths = brownian(rng, 100, 6, 0.5, 1.0) + rng.uniform(0, 40, (6, 3))
    return analysis(make_universe(wrap(paths, 40.0)), unwrap=False)


def cut_xdatcar(folder):
    path = folder / "XDATCAR"
    header = "x\n1.0\n40 0 0\n0 40 0\n0 0 40\nLi\n6\n"
    frames = "".join(
        f"Direct configuration= {k + 1}\n"
        + "".join("{:.8f} {:.8f} {:.8f}\n".format(*row) for row in x / 40)
        for k, x in enumerate(positions_of(4))
    )
    path.write_text((header + frames)[:-5])
    return path


def losing_an_atom(folder):
    path = folder / "lost.lammpsdump"
    with open(path, "w") as file:
        for k, x in enumerate(positions_of(120)):
            n = 6 if k <= 100 else 5
            file.write(f"ITEM: TIMESTEP\n{k * 500}\nITEM: NUMBER OF ATOMS\n{n}\n")
            file.write("ITEM: BOX BOUNDS pp pp pp\n" + "0 40\n" * 3)
            file.write("ITEM: ATOMS id type x y z\n")
            for a in range(n):
                file.write("{} 1 {:.4f} {:.4f} {:.4f}\n".format(a + 1, *x[a]))
    u = universe()
    u.load_new(str(path))
    return u


def shell(u, cutoff, events=None):
    ions = IonSpecies(
        u.atoms[:3],
        charge=1,
        name="ion",
        microstates=CutoffShell(cutoff, solvent=u.atoms[3:]),
        events=events,
    )
    return OnsagerDecomposition([ions], temperature=300.0, frame="laboratory")


class TwoWords(SolvationEvents):
    names = ("kept", "ligand lost")


class ManyNames(SolvationEvents):
    names = tuple(f"label_{k}" for k in range(40_000))


class MyRule(SolvationEvents):
    """The rule of the package under a name of one's own."""


def with_notes(folder):
    """A folder of the user's that holds something."""
    (folder / "notes").mkdir()
    (folder / "notes" / "text").touch()
    return folder / "notes"


def opened(folder, rule, missing=None):
    """A saved run that is opened, perhaps without one of its files."""
    path = shell(universe(), 18.0, rule).run().save_run(folder / "ion.run")
    if missing:
        (path / missing).unlink()
    return load_run(path)


def shifted_times(folder, time_of):
    u = universe()
    path = folder / "times.trr"
    with mda.Writer(str(path), 6) as writer:
        for ts in u.trajectory:
            ts.time = time_of(ts.frame)
            writer.write(u.atoms)
    u.load_new(str(path))
    return u


def moved_by_a_function(ts):
    return ts


def transformed(transformation, folder):
    u = universe()
    path = folder / "t.xtc"
    u.atoms.write(str(path), frames="all")
    u.load_new(str(path))
    u.trajectory.add_transformations(transformation)
    return u


def configured(folder, text):
    (folder / "topol.gro").write_text("")
    (folder / "run.toml").write_text(text)
    return build_analysis(load_config(folder / "run.toml"))


TOML = 'topology = "topol.gro"\ntrajectory = "none.xtc"\n'


def spoil_frame():
    positions = positions_of()
    positions[23, 4, 1] = np.nan
    return make_universe(positions)


def charge_per_atom():
    u = make_universe(positions_of(), residue=[0, 1, 2, 2, 3, 3], names=list("LLABAB"))
    cation = IonSpecies(u.atoms[:2], charge=1, name="Li+")
    OnsagerDecomposition([cation, IonSpecies(u.atoms[2:], charge=-1, name="AB-")], temperature=300)


def drude_particles():
    names = ["LI", "DLI", "CL", "DCL", "CL", "DCL"]
    masses = [6.5, 0.4, 35.0, 0.4, 35.0, 0.4]
    u = make_universe(positions_of(), residue=[0, 0, 1, 1, 2, 2], names=names, masses=masses)
    ions = [
        IonSpecies(u.atoms[:2], charge=2, name="Li"), IonSpecies(u.atoms[2:], charge=-1, name="Cl")
    ]  # fmt: skip
    OnsagerDecomposition(ions, temperature=300)


def framework_of_carriers():
    u = universe()
    ions = IonSpecies(u.atoms[:3], charge=1, name="Li+")
    OnsagerDecomposition([ions], temperature=300, framework=u.atoms[:3])


def overlapping():
    u = universe()
    first = IonSpecies(u.atoms[:4], charge=1, name="Li+")
    second = IonSpecies(u.atoms[3:], charge=-1, name="Cl-")
    OnsagerDecomposition([first, second], temperature=300)


def jumping():
    positions = np.random.default_rng(1).uniform(0, 40, (50, 30, 3))
    analysis(make_universe(positions)).run()


def unclear_rdf():
    positions = np.random.default_rng(1).uniform(0, 40, (50, 400, 3))
    u = make_universe(positions)
    ions = IonSpecies(u.atoms[:50], charge=1, name="ion",
                      microstates=CutoffShell(solvent=u.atoms[50:]))  # fmt: skip
    OnsagerDecomposition([ions], temperature=300, frame="laboratory", unwrap=False).run()


def on_sites(fractional, **options):
    u = universe()
    labels = ["a"] * len(fractional)
    sites = SiteAssignment.from_structure(fractional, labels, framework=u.atoms[3:], **options)
    ions = IonSpecies(u.atoms[:3], charge=1, name="ion", microstates=sites)
    OnsagerDecomposition([ions], temperature=300.0).run()


def on_garnet_density(**options):
    u = datasets.crystal()
    sites = SiteAssignment.from_density(framework=u.select_atoms("element Zr La"), **options)
    ions = IonSpecies(u.select_atoms("element Li"), charge=1, name="Li+", microstates=sites)
    OnsagerDecomposition([ions], temperature=800.0).run(stop=100)


def on_garnet_sites(**options):
    u = datasets.crystal()
    options = {"species": "Li", "framework": u.select_atoms("element Zr")} | options
    if "vertices" in options:
        options["vertices"] = u.select_atoms(options["vertices"])
    sites = SiteAssignment.from_cif(datasets.path("crystal") / "llzo.cif", **options)
    ions = IonSpecies(u.select_atoms("element Li"), charge=1, name="Li+", microstates=sites)
    OnsagerDecomposition([ions], temperature=800.0).run(stop=20)


SITUATIONS = {
    "a selection that matches nothing": lambda tmp: IonSpecies(
        universe().select_atoms("name LI"), charge=1, name="Li+"
    ),
    "two species share an atom": lambda tmp: overlapping(),
    "an updating selection": lambda tmp: IonSpecies(
        universe().select_atoms("name P", updating=True), charge=1, name="Li+"
    ),
    "no cell": lambda tmp: analysis(make_universe(positions_of(), np.zeros(6))).run(),
    "a cell that is not a number": lambda tmp: analysis(
        make_universe(positions_of(), (20, 20, 20, 90, 90, np.nan))
    ).run(),
    "a cell too small for the cutoff": lambda tmp: shell(universe(), 22.0).run(),
    "a cutoff that g(r) does not show": lambda tmp: unclear_rdf(),
    "a position that is not a number": lambda tmp: analysis(spoil_frame()).run(),
    "one frame": lambda tmp: analysis(universe(1)).run(),
    "two frames": lambda tmp: analysis(universe(2)).run(),
    "repeated times": lambda tmp: analysis(shifted_times(tmp, lambda f: f - (f > 20))).run(),
    "uneven times": lambda tmp: analysis(shifted_times(tmp, lambda f: f + 0.4 * (f == 12))).run(),
    "times that do not advance": lambda tmp: analysis(shifted_times(tmp, lambda f: 5.0)).run(),
    "a LAMMPS dump without dt": lambda tmp: timed(made(tmp, "lammpsdump", walk())).run(),
    "an XYZ file without dt": lambda tmp: timed(made(tmp, "xyz", walk())).run(),
    "dt given to MDAnalysis for a LAMMPS dump": lambda tmp: timed(
        made(tmp, "lammpsdump", walk(), dt=0.5)
    ).run(),
    "a gap in the trajectory, with dt given": lambda tmp: timed(
        made(tmp, "lammpsdump", walk(), steps=500 * (np.arange(60) + 10 * (np.arange(60) > 29))),
        dt=0.5,
    ).run(),
    "an XYZ file that holds a frame twice": lambda tmp: timed(
        made(tmp, "xyz", walk()[[*range(30), *range(29, 59)]]), dt=0.5
    ).run(),
    "two copies of an XYZ file": lambda tmp: timed(
        made(tmp, "xyz", walk()[[*range(30), *range(30)]]), dt=0.5
    ).run(),
    "files in the wrong order": lambda tmp: timed(
        made(tmp, "xtc", walk(), times=0.5 * np.roll(np.arange(60), 30)), uneven="drop"
    ).run(),
    "frames without a stride": lambda tmp: timed(made(tmp, "xyz", walk()), dt=0.5).run(
        frames=[0, 1, 2, 3, 5, 8]
    ),
    "times that single precision cannot hold": lambda tmp: timed(
        made(tmp, "xtc", walk(), times=1e6 + 0.01 * np.arange(60))
    ).run(),
    "a window longer than the trajectory": lambda tmp: analysis(universe(), windows=[50.0]).run(),
    "no temperature": lambda tmp: analysis(universe(), temperature=None),
    "a temperature of zero": lambda tmp: analysis(universe(), temperature=0),
    "a negative temperature": lambda tmp: analysis(universe(), temperature=-300),
    "a temperature of True": lambda tmp: analysis(universe(), temperature=True),
    "a negative seed": lambda tmp: analysis(universe(), seed=-1),
    "zero workers": lambda tmp: analysis(universe()).run(n_workers=0),
    "a mask of too few frames": lambda tmp: analysis(universe()).run(frames=[True] * 30),
    "a flag asked of a result file": lambda tmp: load(
        analysis(universe()).run().save(tmp / "liquid.nc")
    ).summary(by="denticity"),
    "a negative window in summary": lambda tmp: (
        shell(universe(), 18.0, SolvationEvents()).run().events(-5)
    ),
    "a class in place of a rule": lambda tmp: shell(universe(), 18.0, SolvationEvents),
    "a rule with names of two words": lambda tmp: shell(universe(), 18.0, TwoWords()),
    "a rule with 40 000 names": lambda tmp: shell(universe(), 18.0, ManyNames()),
    "a store in a folder that is not there": lambda tmp: analysis(
        universe(), store=tmp / "none" / "run.store"
    ),
    "a saved run with a missing file": lambda tmp: opened(tmp, None, "results.nc"),
    "a saved run with a rule of one's own": lambda tmp: opened(tmp, MyRule()),
    "a folder that is no saved run": lambda tmp: load_run(with_notes(tmp)),
    "a run saved over another folder": lambda tmp: (
        analysis(universe()).run().save_run(with_notes(tmp))
    ),
    "replicas read with other cutoffs": lambda tmp: combine(
        [
            shell(universe(), cutoff, SolvationEvents()).run(stop=stop).results
            for cutoff, stop in ((18.0, 40), (17.0, 39))
        ]
    ),
    "a moving reference without all charges": lambda tmp: OnsagerDecomposition(
        [IonSpecies(universe().atoms[:3], charge=1, name="Li+")], temperature=300
    ),
    "masses that were never set": lambda tmp: OnsagerDecomposition(
        halves(make_universe(positions_of(), masses=[1.0] * 6)), temperature=300
    ),
    "charges that are all zero": lambda tmp: OnsagerDecomposition(
        halves(universe(), charges=(0, 0)), temperature=300
    ),
    "an anion of positive charge": lambda tmp: OnsagerDecomposition(
        halves(universe(), charges=(1, 1)), temperature=300
    ),
    "a charge for every atom of a molecule": lambda tmp: charge_per_atom(),
    "residues where there are none": lambda tmp: IonSpecies(
        make_universe(positions_of(), residue=[0] * 6).atoms[2:],
        charge=-1,
        name="PF6-",
        compound="residues",
    ),
    "a residue that holds several molecules": lambda tmp: IonSpecies(
        make_universe(
            positions_of(), residue=[0, 0, 1, 1, 1, 1], bonds=[(2, 3), (4, 5)], names=list("LLABAB")
        ).atoms[2:],
        charge=-1,
        name="AB-",
        compound="residues",
    ),
    "a Drude particle beside its core": lambda tmp: drude_particles(),
    "a framework of another universe": lambda tmp: OnsagerDecomposition(
        [IonSpecies(universe().atoms[:3], charge=1, name="Li+")],
        temperature=300,
        framework=universe().atoms[3:],
    ),
    "a framework that is the carriers": lambda tmp: framework_of_carriers(),
    "one species that is every atom": lambda tmp: OnsagerDecomposition(
        [IonSpecies(universe().atoms, charge=1, name="Li+")], temperature=300
    ),
    "steps too long to unwrap": lambda tmp: jumping(),
    "unwrap=False on wrapped coordinates": lambda tmp: wrapped_as_continuous().run(),
    "coordinates unwrapped in Angstrom": lambda tmp: added_up().run(),
    "NoJump on the trajectory": lambda tmp: analysis(transformed(NoJump(), tmp)),
    "a function on the trajectory, in parallel": lambda tmp: analysis(
        transformed(moved_by_a_function, tmp)
    ).run(backend="multiprocessing"),
    "an XTC cut short": lambda tmp: analysis(with_file(tmp, "xtc")).run(),
    "a DCD cut short": lambda tmp: analysis(with_file(tmp, "dcd")).run(),
    "a LAMMPS dump cut short": lambda tmp: analysis(with_file(tmp, "lammpsdump")).run(),
    "an XDATCAR that ends inside a number": lambda tmp: from_ase(cut_xdatcar(tmp), dt=1.0),
    "a LAMMPS dump that loses an atom": lambda tmp: analysis(losing_an_atom(tmp)).run(),
    "a cell that jumps": lambda tmp: OnsagerDecomposition(
        halves(universe(dimensions=[[40 + 19 * (t > 20)] * 3 + [90] * 3 for t in range(40)])),
        temperature=300,
    ).run(),
    "a folder that cannot be written to": lambda tmp: write_atomically(
        tmp / "missing" / "result.nc", lambda name: None
    ),
    "an unknown backend": lambda tmp: analysis(universe()).run(backend="gpu"),
    "a store that workers of a cluster cannot open": lambda tmp: work_on(
        tmp / "run.store" / "windows", 1
    ),
    "ions that never move": lambda tmp: analysis(make_universe(np.full((20, 3, 3), 4.0))).run(),
    "an activation energy from one temperature": lambda tmp: arrhenius(
        [analysis(universe()).run().results]
    ),
    "an activation energy from two runs at one temperature": lambda tmp: arrhenius(
        [analysis(universe()).run().results] * 2
    ),
    "a radius that was not recorded": lambda tmp: (
        shell(universe(), 3.0, events=SolvationEvents()).run().robustness(cutoffs=[2.5])
    ),
    "a finite-size correction in a long cell": lambda tmp: (
        analysis(make_universe(positions_of(), (30, 30, 60, 90, 90, 90)))
        .run()
        .results.diffusion(viscosity=0.5)
    ),
    "no sites": lambda tmp: on_sites([]),
    "sites in Angstrom": lambda tmp: on_sites([[4.0, 4.0, 12.0], [8.0, 4.0, 12.0]]),
    "sites on top of each other": lambda tmp: on_sites([[0.1, 0, 0], [0.5, 0, 0], [1.1, 0, 0]]),
    "cores that overlap": lambda tmp: on_sites([[0.1, 0, 0], [0.15, 0, 0]], r_core=1.5),
    "known sites at another origin": lambda tmp: on_garnet_density(
        known={"24d": [[0.3, 0.1, 0.2]]}
    ),
    "a space group that the structure does not have": lambda tmp: on_garnet_density(
        space_group=229
    ),
    "an ion that is not in the CIF": lambda tmp: on_garnet_sites(species="Na"),
    "a supercell that does not match": lambda tmp: on_garnet_sites(supercell=(2, 1, 1)),
    "a coordination that does not enclose a site": lambda tmp: on_garnet_sites(
        assignment="polyhedron",
        vertices="element O",
        coordination={"48g": 4},
    ),
    "projection='vehicle' without shells": lambda tmp: analysis(universe(), projection="vehicle"),
    "a misspelt key in the configuration": lambda tmp: configured(
        tmp,
        TOML + "[analysis]\ntemperatur = 300\nwindow = [1.0, -2.0]\n"
        '[[species]]\nname = "Li+"\nselection = "name LI"\ncharge = 1\nmicrostate = 1\n',
    ),
    "an output name that is no file name": lambda tmp: configured(
        tmp,
        TOML + '[output]\nname = "figures/first"\n[analysis]\ntemperature = 300\n'
        '[[species]]\nname = "Li+"\nselection = "name LI"\ncharge = 1\n',
    ),
    "a misspelt option of the universe": lambda tmp: configured(
        tmp,
        TOML + '[universe]\natom_stile = "id type x y z"\n[analysis]\ntemperature = 300\n'
        '[[species]]\nname = "Li+"\nselection = "name LI"\ncharge = 1\n',
    ),
    "files of the configuration that are not there": lambda tmp: configured(
        tmp,
        TOML + '[analysis]\ntemperature = 300\n[[species]]\nname = "Li+"\n'
        'selection = "name LI"\ncharge = 1\n',
    ),
}


def text_of(situation: str) -> str:
    """The error of a situation, without the places it was met in."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            SITUATIONS[situation](Path(folder))
        except InputError as error:
            return str(error).replace(f"{Path(folder).resolve()}/", "").replace(f"{folder}/", "")
    raise AssertionError(f"{situation}: no error was raised")


def page(texts: dict[str, str]) -> str:
    """The page of the documentation."""
    lines = [
        "# Errors and what to do",
        "",
        "Invalid input raises an error before the trajectory is read, with the argument, its",
        "value and the remedy. Terms are defined in the {doc}`glossary`. This table is written by",
        "the tests.",
        "",
        "| situation | message of the error |",
        "|---|---|",
    ]
    for situation, text in texts.items():
        cell = text.replace("|", "\\|").replace("\n  ", "<br>")
        lines.append(f"| {situation} | {cell} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page({s: text_of(s) for s in SITUATIONS}))
