"""Valid but implausible input, each with the message of the run; the table in the docs.

``python -m tests.plausibility_table`` writes docs/plausibility.md anew.
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import numpy as np

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.analysis import (
    boundary_steps,
    cage_checks,
    plausibility,
    site_checks,
    unit_checks,
)
from mda_ionmech.events import CrystalEvents, PolymerEvents, SolvationEvents
from mda_ionmech.microstates import CageAssignment, CutoffShell
from mda_ionmech.microstates.sites import off_site
from mda_ionmech.trajectory import step_lengths

from .builders import brownian, halves, make_universe, wrap
from .files.timed_files import ATOMS, BOX, DT, LENGTH, walk
from .files.timed_files import analysis as timed
from .site_lattices import CORNERS, ODD, two_lattices
from .site_lattices import analysis as on_sites
from .site_lattices import walk as site_walk

PAGE = Path(__file__).parents[1] / "docs" / "plausibility.md"
INTRODUCTION = """\
Input can be valid and still implausible: a cutoff in nm, a temperature in degrees Celsius, the
selections of framework and ions exchanged. Before it reads all frames, a run checks a sample of 25
frames at even distances over the trajectory, and after labelling it checks the labels. Warnings are
printed in the terminal and kept in `results.warnings` and in the report; where the result would be
empty, an error is raised. The sampled frames depend only on the number of frames, so that every
backend gives the same warnings. None of these checks gives a warning on the shipped trajectories.
This page is written by the tests; {doc}`errors` lists the other errors, and the {doc}`glossary`
defines the terms."""
REASONS = """\
A check gives no warning where the sample is not conclusive, because frequent false warnings are
ignored. The thresholds, in the order of the code (`mda_ionmech/analysis/plausibility.py`,
`unit_checks.py` for units, `mda_ionmech/trajectory/step_lengths.py` for steps between consecutive
frames, `mda_ionmech/analysis/boundary_steps.py` for steps across the faces of the cell,
`site_checks.py` and `mda_ionmech/microstates/sites/off_site.py` for sites, `cage_checks.py` for
cages):"""
#: Frames of the shipped liquid that are analysed: 1 ps apart.
FRAMES = 600


@cache
def liquid():
    return datasets.liquid()


def shells(cutoff=None, rule=None, *, species=None, windows=(1.0, 16.0), run=None, **shell):
    """The lithium of the shipped liquid."""
    u = liquid()
    ions = IonSpecies(
        u.select_atoms("resname LI"),
        charge=1,
        name="Li+",
        microstates=CutoffShell(
            {"solvent": 2.8, "anion": 2.9} if cutoff is None else cutoff,
            solvent=u.select_atoms("resname ACN and element N"),
            anion=u.select_atoms("resname TFS and element O"),
            **shell,
        ),
        events=SolvationEvents() if rule is None else rule,
    )
    analysis = OnsagerDecomposition(
        [ions], temperature=330, windows=list(windows), resolutions=None, frame="laboratory"
    )
    return analysis.run(stop=FRAMES, **(run or {}))


def lattice(*, host=0.05, host_walks=0.0, carriers_walk=0.3, drift=0.0, n_frames=200, seed=0):
    """Positions (frames, 8 carriers + 27 host atoms, 3) of a crystal in a cube of 18 A.

    Standard deviations of host vibrations, and of the steps of host and carriers in each direction,
    Angstrom; drift per frame along x, Angstrom.
    """
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) * 6.0
    still = grid + rng.normal(scale=host, size=(n_frames, 27, 3))
    walk = brownian(rng, n_frames, 27, host_walks**2 / 2, 1.0)
    moving = grid[:8] + 3.0 + brownian(rng, n_frames, 8, carriers_walk**2 / 2, 1.0)
    positions = np.concatenate([moving, still + walk], axis=1)
    positions[..., 0] += drift * np.arange(n_frames)[:, None]
    return positions


def crystal(frame="framework", temperature=300, velocities=None, data=None, dt=None, **options):
    positions = lattice(**options)
    n_frames = len(positions)
    u = make_universe(
        positions - 18 * np.floor(positions / 18),
        (18, 18, 18, 90, 90, 90),
        names=["Li"] * 8 + ["Zr"] * 27,
        masses=[6.94] * 8 + [91.2] * 27,
    )
    if velocities is not None:
        scale = np.sqrt(8.314462618 * velocities / u.atoms.masses / 10)[:, None]  # A/ps
        rng = np.random.default_rng(3)
        u.load_new(
            u.trajectory.timeseries(order="fac"),
            dimensions=np.tile([18.0] * 3 + [90.0] * 3, (n_frames, 1)),
            velocities=rng.normal(size=(n_frames, 35, 3)) * scale,
            dt=1.0,
        )
    if data is not None:
        u.trajectory.add_transformations(data)
    ions = IonSpecies(u.select_atoms("name Li"), charge=1, name="Li+")
    options = {"framework": u.select_atoms("name Zr")} if frame == "framework" else {}
    options |= {"frame": frame, "windows": [8 * (dt or 1.0)], "resolutions": None, "dt": dt}
    return OnsagerDecomposition([ions], temperature=temperature, **options).run()


def exchanged():
    """Host and carriers the wrong way round."""
    u = make_universe(
        lattice(), (18, 18, 18, 90, 90, 90), names=["Li"] * 8 + ["Zr"] * 27,
        masses=[6.94] * 8 + [91.2] * 27,
    )  # fmt: skip
    ions = IonSpecies(u.select_atoms("name Zr"), charge=4, name="Zr4+")
    return OnsagerDecomposition(
        [ions], temperature=300, framework=u.select_atoms("name Li"), resolutions=None
    ).run()


class Says600:
    """A transformation that writes a temperature into the frames, as some formats hold it."""

    parallelizable = True

    def __call__(self, ts):
        ts.data["temperature"] = 600.0
        return ts


def with_ligands(distances):
    """Four carriers, far apart, with as many ligands each as there are distances (frames, n)."""
    rng = np.random.default_rng(1)
    n_frames = len(distances)
    paths = brownian(rng, n_frames, 4, 0.05, 1.0) + 20 * np.eye(4, 3)
    away = distances + rng.normal(scale=0.03, size=distances.shape)
    ligands = paths[:, :, None] + away[:, None, :, None] * [1.0, 0.0, 0.0]
    u = make_universe(np.concatenate([paths, ligands.reshape(n_frames, -1, 3)], axis=1))
    ions = IonSpecies(
        u.atoms[:4],
        charge=1,
        name="Li+",
        microstates=CutoffShell(2.5, solvent=u.atoms[4:]),
        events=SolvationEvents(),
    )
    return OnsagerDecomposition(
        [ions], temperature=300, frame="laboratory", resolutions=None, windows=[1.0, 4.0]
    ).run()  # fmt: skip


def frozen_shells():
    """Carriers whose ligands ride along."""
    return with_ligands(np.full((100, 1), 2.0))


def renewed_shells():
    """Carriers with another ligand in every frame."""
    return with_ligands(np.where(np.arange(100)[:, None] % 3 == np.arange(3), 2.0, 6.0))


def odd_step(fraction):
    """One carrier of eight moves by a fraction of the cell between two frames."""
    positions = walk(400)
    positions[200:, 5, 0] += fraction * LENGTH
    return timed(make_universe(positions, BOX, dt=DT, masses=[7.0] * ATOMS)).run()


def missing_frames():
    """Three hundred frames are missing in the middle; the spacing is given."""
    positions = walk(400)[[*range(40), *range(340, 380)]]
    return timed(make_universe(positions, BOX, dt=DT, masses=[7.0] * ATOMS)).run()


def made_of(positions, length=BOX[0], masses=(6.94, 35.45)):
    n = positions.shape[1] // 2
    names = ["Li"] * n + ["Cl"] * n
    return make_universe(
        positions, (length,) * 3 + (90.0,) * 3, dt=DT, names=names,
        masses=[masses[0]] * n + [masses[1]] * n,
    )  # fmt: skip


def salt(universe, charges=(1, -1), names=("Li+", "Cl-")):
    """Half of the atoms are cations, half are anions."""
    species = halves(universe, charges, names)
    return OnsagerDecomposition(
        species, temperature=300, frame="laboratory", windows=[2 * DT], resolutions=None
    )


def box(scale=1.0, length=BOX[0], n_atoms=60):
    """Wrapped coordinates in a cell of another length."""
    rng = np.random.default_rng(5)
    paths = rng.uniform(0, LENGTH, (1, n_atoms, 3)) + brownian(rng, 100, n_atoms, 0.02, 1.0)
    return salt(made_of(scale * wrap(paths, LENGTH), length)).run()


def without_angles():
    """Coordinates wrapped in an oblique cell, in a cube of its edges' heights."""
    rng = np.random.default_rng(5)
    paths = rng.uniform(0, LENGTH, (1, 60, 3)) + brownian(rng, 100, 60, 0.02, 1.0)
    cell = np.diag([LENGTH] * 3)
    cell[1, 0] = 5.0
    inside = paths @ np.linalg.inv(cell)
    return salt(made_of((inside - np.floor(inside)) @ cell)).run()


def rounded():
    paths = walk()
    return salt(made_of(np.round(paths[:1] + 0.05 * (paths - paths[:1]), 2))).run()


def in_memory():
    universe = made_of(walk())
    return salt(
        universe.load_new(
            universe.trajectory.timeseries(order="fac"),
            dimensions=np.tile(np.array(BOX, dtype=np.float32), (len(universe.trajectory), 1)),
        )
    ).run()


def charges_exchanged():
    return salt(made_of(walk()), (-1, 1), ("first", "second")).run()


def some_sites(**options):
    """Ions that spend half of the time on every second kind of sites."""
    rng = np.random.default_rng(1)
    return on_sites(site_walk(rng, 600, 40), rng, resolutions=None, **options).run()


def off_the_sites():
    rng = np.random.default_rng(4)
    return on_sites(
        two_lattices(rng, 1000, 20), rng, sites=CORNERS[:1], amplitude=0.1, r_core=1.0
    ).run()


def in_cages(places, amplitude=0.0, **options):
    """Ions that vibrate about places (frames, ions, 3), in cages."""
    rng = np.random.default_rng(6)
    n = places.shape[1]
    paths = places + rng.normal(scale=amplitude, size=places.shape)
    host = np.zeros((len(places), 1, 3)) + rng.normal(scale=0.05, size=(len(places), 1, 3))
    positions = wrap(np.concatenate([paths, host], axis=1), 15.0)
    u = make_universe(positions, (15.0,) * 3 + (90.0,) * 3, masses=[7.0] * n + [90.0])
    ions = IonSpecies(
        u.atoms[:n], charge=1, name="Li+", microstates=CageAssignment(**options),
        events=CrystalEvents("proximity", 3.0),
    )  # fmt: skip
    return OnsagerDecomposition([ions], temperature=300, windows=[1.0, 4.0], resolutions=None).run()


def free_in_cages(n_frames=1500):
    rng = np.random.default_rng(7)
    return in_cages(rng.uniform(0, 15, (20, 3)) + brownian(rng, n_frames, 20, 0.15, 1.0))


#: By situation: what is run, and which function answers.
SITUATIONS = {
    "a cutoff in nm": (lambda: shells(0.28), "empty_shells"),
    "a cutoff shorter than any contact": (lambda: shells(1.5), "empty_shells"),
    "a cutoff before the first peak of g(r)": (lambda: shells(2.0), "misplaced_radii"),
    "a cutoff beyond the second peak of g(r)": (
        lambda: shells({"solvent": 6.5, "anion": 2.9}),
        "misplaced_radii",
    ),
    "hysteresis over the rise of g(r) to its second peak": (
        lambda: shells(hysteresis={"solvent": 2.5}),
        "misplaced_radii",
    ),
    "hysteresis over the rise of g(r) to its first peak": (
        lambda: shells(hysteresis={"solvent": (1.95, 2.15)}),
        "misplaced_radii",
    ),
    "an outer radius given as a width": (lambda: shells(hysteresis={"solvent": 3.4}), "wide_band"),
    "persistence of a third of the trajectory": (
        lambda: shells(persistence=200.0),
        "long_persistence",
    ),
    "persistence longer than the trajectory": (
        lambda: shells(persistence=1000.0),
        "long_persistence",
    ),
    "persistence in ns": (lambda: shells(persistence=0.003), "long_persistence"),
    "a window in seconds": (lambda: shells(windows=[1e-12]), "short_length"),
    "a window below half the spacing of the frames": (
        lambda: shells(windows=[0.3, 16.0]),
        "short_length",
    ),
    "shells that never change": (frozen_shells, "unchanged"),
    "shells that are renewed in every window": (renewed_shells, "one_label"),
    "rules for polymers in a liquid": (lambda: shells(rule=PolymerEvents()), "small_molecules"),
    "a temperature in degrees Celsius": (
        lambda: crystal(temperature=57, velocities=330),
        "kinetic_temperature",
    ),
    "positions in nm in a cell in Angstrom": (lambda: box(scale=0.1), "empty_cell"),
    "positions and cell in nm": (lambda: box(scale=0.1, length=BOX[0] / 10), "density"),
    "coordinates rounded more coarsely than ions move": (rounded, "decimals_note"),
    "a cell other than the one coordinates were wrapped in": (
        lambda: box(length=1.25 * BOX[0]),
        "check",
    ),
    "a cell without its angles": (without_angles, "_check_angles"),
    "coordinates in memory without a spacing": (in_memory, "source"),
    "dt of all frames where every second is taken": (
        lambda: timed(made_of(walk()), dt=DT).run(step=2),
        "_scale_notes",
    ),
    "charges of cations and anions exchanged": (charges_exchanged, "_other_sign"),
    "a temperature other than that in the file": (
        lambda: crystal(temperature=300, data=Says600()),
        "written_temperature",
    ),
    "a spacing of frames that is the step of the integrator": (
        lambda: crystal(dt=0.001),
        "too_fast",
    ),
    "one step beyond half the cell": (lambda: odd_step(0.55), "outlier_note"),
    "one step near half the cell": (lambda: odd_step(0.45), "outlier_note"),
    "frames missing in a file without times": (missing_frames, "missing_frames"),
    "coordinates far from the origin": (
        lambda: timed(make_universe(walk() + 1e6, BOX, dt=DT, masses=[7.0] * ATOMS)).run(),
        "rounding_note",
    ),
    "lengths in another unit": (
        lambda: timed(make_universe(1e-4 * walk(), BOX, dt=DT, masses=[7.0] * ATOMS)).run(),
        "spacing_notes",
    ),
    "a drift in the laboratory frame": (lambda: crystal("laboratory", drift=0.05), "drift"),
    "a framework that drifts as a whole": (lambda: crystal(drift=0.05), "drift"),
    "a framework that diffuses": (lambda: crystal(host_walks=0.2), "moving_host"),
    "carriers and framework exchanged": (exchanged, "moving_host"),
    "every second kind of sites is missing": (
        lambda: some_sites(sites=CORNERS[~ODD]),
        "off_sites",
    ),
    "sites half an Angstrom from where ions are": (
        lambda: some_sites(amplitude=0.1, shift=np.array([0.4, 0.3, 0.0])),
        "off_sites",
    ),
    "ions travel on sites that are not listed": (off_the_sites, "vibration_notes"),
    "cages of ions that diffuse freely": (free_in_cages, "no_hopping"),
    "cages whose shortest visit is a fifth of the run": (
        lambda: in_cages(site_walk(np.random.default_rng(3), 200, 20), 0.2, time=40.0),
        "long_visits",
    ),
    "cages closer than vibrations reach": (
        lambda: in_cages(site_walk(np.random.default_rng(3), 200, 20), 0.2, distance=0.05),
        "every_step",
    ),
    "cages wider than the distance between sites": (
        lambda: in_cages(site_walk(np.random.default_rng(3), 300, 60), 0.2, distance=6.0),
        "shared_cages",
    ),
}


def texts_of(situation: str) -> list[str]:
    """What a run says of a situation: an error, else what is in the terminal and in the result."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            run = SITUATIONS[situation][0]()
        except InputError as error:
            return [f"InputError: {error}"]
    said = [str(one.message) for one in caught if one.category is UserWarning]
    return [text for text in run.results.warnings if text in said and not known(text)]


def known(text: str) -> bool:
    """Whether a warning is none of these checks."""
    return text.startswith(("charges of the listed species", "windows of ", "hops of "))


#: Thresholds that the page explains, in the words of the code.
def thresholds() -> list[tuple[str, str]]:
    """Names and values of the thresholds, and the comments above them."""
    rows: list[tuple[str, str]] = []
    for module in (
        *(plausibility, unit_checks, step_lengths, boundary_steps),
        *(site_checks, off_site, cage_checks),
    ):
        comment: list[str] = []
        for line in Path(module.__file__).read_text().splitlines():
            if line.startswith("#: "):
                comment.append(line[3:])
            elif comment:
                names = line.partition(" = ")[0].split(", ")
                values = ", ".join(f"{getattr(module, name):g}" for name in names)
                rows.append((values, " ".join(comment)))
                comment = []
    return rows


def page(texts: dict[str, list[str]]) -> str:
    """The page of the documentation."""
    lines = [
        "# Checks for implausible input",
        "",
        *INTRODUCTION.splitlines(),
        "",
        "| situation | message of the run |",
        "|---|---|",
    ]
    for situation, said in texts.items():
        cell = "<br>".join(said).replace("|", "\\|")
        lines.append(f"| {situation} | {cell} |")
    lines += [
        "",
        "## Thresholds",
        "",
        *REASONS.splitlines(),
        "",
        "| value | meaning and reason |",
        "|---|---|",
        *(f"| {value} | {text} |" for value, text in thresholds()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page({s: texts_of(s) for s in SITUATIONS}))
