"""Universes built to have a known answer, and the constants to compare with."""

from __future__ import annotations

from functools import cache

import MDAnalysis as mda
import numpy as np
from scipy import constants

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import CrystalEvents, SolvationEvents
from mda_ionmech.macrostates import IonPairing
from mda_ionmech.microstates import CutoffShell, SiteAssignment
from mda_ionmech.microstates.sites.site_assignment import minimum_image

CUBE = (40.0, 40.0, 40.0, 90.0, 90.0, 90.0)


def make_universe(
    positions,
    dimensions=CUBE,
    *,
    dt=1.0,
    names=None,
    resnames=None,
    residue=None,
    masses=None,
    elements=None,
    bonds=None,
):
    """Universe from positions (frames, atoms, 3) in Angstrom; dimensions (6,) or (frames, 6)."""
    positions = np.asarray(positions)
    n_frames, n_atoms, _ = positions.shape
    residue = np.arange(n_atoms) if residue is None else np.asarray(residue)
    n_residues = int(residue.max()) + 1
    universe = mda.Universe.empty(
        n_atoms, n_residues=n_residues, atom_resindex=residue, trajectory=False
    )
    universe.add_TopologyAttr("names", ["X"] * n_atoms if names is None else list(names))
    universe.add_TopologyAttr("resnames", ["RES"] * n_residues if resnames is None else resnames)
    universe.add_TopologyAttr("resids", np.arange(1, n_residues + 1))
    if masses is not None:
        universe.add_TopologyAttr("masses", np.asarray(masses, dtype=float))
    if elements is not None:
        universe.add_TopologyAttr("elements", list(elements))
    if bonds is not None:
        universe.add_TopologyAttr("bonds", [tuple(b) for b in bonds])
    dimensions = np.broadcast_to(np.asarray(dimensions, dtype=np.float32), (n_frames, 6)).copy()
    universe.load_new(positions.astype(np.float32), dimensions=dimensions, dt=dt)
    return universe


def halves(universe, charges=(1, -1), names=("Li+", "Cl-")):
    """The first half of the atoms as cations, the second as anions."""
    middle = universe.atoms.n_atoms // 2
    parts = zip((universe.atoms[:middle], universe.atoms[middle:]), charges, names, strict=True)
    return [IonSpecies(atoms, charge=z, name=name) for atoms, z, name in parts]


def wrap(positions, length):
    """Positions folded into a cubic cell."""
    return positions - length * np.floor(positions / length)


def site_distances(fractional, cell):
    """Distances between all sites, shape (sites, sites), Angstrom; exact below half a height."""
    difference = minimum_image(fractional[:, None] - fractional[None])
    return np.linalg.norm(difference @ cell, axis=-1)


def brownian(rng, n_frames, n_carriers, diffusion, dt):
    """Unwrapped Brownian paths (frames, carriers, 3), starting at 0."""
    steps = rng.normal(scale=np.sqrt(2 * diffusion * dt), size=(n_frames - 1, n_carriers, 3))
    return np.concatenate([np.zeros((1, n_carriers, 3)), np.cumsum(steps, axis=0)])


def hops(rng, n_frames, n_carriers, rate, length, dt):
    """Paths of independent Poisson hops along +-x, +-y, +-z, and the hops into each frame."""
    paths = np.zeros((n_frames, n_carriers, 3))
    number = rng.poisson(rate * dt, size=(n_frames - 1, n_carriers))
    for t, c in zip(*np.nonzero(number), strict=True):
        for _ in range(number[t, c]):
            paths[t + 1, c, rng.integers(3)] += length * (-1.0, 1.0)[rng.integers(2)]
    return np.cumsum(paths, axis=0), number


def mobility(results, species, species_2=None, variable="onsager"):
    """K = kB T V L in A^2/ps against the window."""
    settings = results.settings
    data = results.decomposition[variable].sel(species=species)
    if "species_2" in data.dims:
        data = data.sel(species_2=species_2 or species)
    volume = settings["volume_angstrom3"] * 1e-30
    return data.values * constants.k * settings["temperature_K"] * volume * 1e8


def decompose(universe, *, windows, charge=1.0, frame="laboratory", **options):
    """Run one species of all atoms, without labels; windows alone unless paths are asked for."""
    ions = IonSpecies(universe.atoms, charge=charge, name="ion")
    options = {"resolutions": None} | options
    run = OnsagerDecomposition(
        [ions], temperature=300.0, windows=windows, frame=frame, **options
    ).run()
    return run.results


def standard_error(windows, n_frames, dt, n_hops=np.inf):
    """Relative standard error of a collective L with overlapping origins, three dimensions."""
    per_window = n_frames * dt / np.asarray(windows, dtype=float)
    return np.sqrt(4 / (9 * per_window) + 1 / n_hops)


def liquid_species(universe=None, *, shell=CutoffShell, persistence=3.0, rule=None):
    """Lithium with shells, events and ion pairs, and its anions, of the shipped liquid."""
    universe = datasets.liquid() if universe is None else universe
    lithium = IonSpecies(
        universe.select_atoms("resname LI"),
        charge=1,
        name="Li+",
        microstates=shell(
            cutoff={"solvent": 2.7, "anion": 2.9},
            hysteresis=0.6,
            persistence=persistence,
            solvent=universe.select_atoms("resname ACN and element N"),
            anion=universe.select_atoms("resname TFS and element O"),
        ),
        events=rule or SolvationEvents(),
        macrostates=IonPairing(),
    )
    anion = IonSpecies(
        universe.select_atoms("resname TFS"), charge=-1, name="TFSI-", compound="residues"
    )
    return [lithium, anion]


def rows_of_two_species(rules=None, **options):
    """Two species that share the sites of rows, step together and vibrate."""
    rng = np.random.default_rng(5)
    step, columns, rows, n_frames = 2.0, 4, 6, 400
    moves = rng.choice([-1, 1], (n_frames, rows)) * (rng.random((n_frames, rows)) < 0.05)
    moves[0] = 0
    x = (np.arange(columns)[None, None] + np.cumsum(moves, axis=0)[..., None]) % columns
    y = np.broadcast_to(np.arange(rows)[None, :, None], x.shape)
    ions = np.stack([x, y, 0 * x], axis=-1).reshape(n_frames, -1, 3) * step + 0.5
    ions += rng.normal(scale=0.05, size=ions.shape)
    host = np.full((n_frames, 1, 3), 1.5)
    universe = make_universe(
        np.concatenate([ions, host], axis=1),
        (columns * step, rows * step, 3 * step, 90, 90, 90),
        names=[*(["L", "N"] * (columns * rows // 2)), "H"],
        masses=[*([7.0, 23.0] * (columns * rows // 2)), 90.0],
    )
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"), axis=-1)
    sites = np.column_stack([grid.reshape(-1, 2) / [columns, rows], np.zeros(columns * rows)])
    host = universe.select_atoms("name H")
    species = [
        IonSpecies(
            universe.select_atoms(f"name {name}"),
            charge=1,
            name=name,
            microstates=SiteAssignment.from_structure(
                sites, ["a"] * len(sites), framework=host,
                framework_fractional=[[1 / (columns * step), 1 / (rows * step), 1 / (3 * step)]],
                r_core=0.5,
            ),
            events=rule,
        )
        for name, rule in zip("LN", rules or [CrystalEvents("distance", 1.0)] * 2, strict=True)
    ]  # fmt: skip
    options = {
        "temperature": 300, "windows": [1.0, 3.0], "resolutions": [1.0, 2.0],
        "horizons": [2.0, 6.0], "framework": host,
    } | options  # fmt: skip
    return OnsagerDecomposition(species, **options)


@cache
def solvated_walk(anion="anion"):
    """A run of 6 cations whose neighbours among 12 anions change, and of the anions."""
    rng = np.random.default_rng(4)
    n_frames, n_ions = 400, 6
    home = rng.uniform(0, 30, size=(1, n_ions, 3))
    ions = home + np.cumsum(rng.normal(scale=0.25, size=(n_frames, n_ions, 3)), axis=0)
    anions = rng.uniform(0, 30, size=(1, 12, 3)) + np.cumsum(
        rng.normal(scale=0.2, size=(n_frames, 12, 3)), axis=0
    )
    universe = make_universe(
        np.concatenate([ions, anions], axis=1), (30, 30, 30, 90, 90, 90),
        names=["I"] * n_ions + ["A"] * 12, masses=[7.0] * n_ions + [30.0] * 12,
    )  # fmt: skip
    cations = IonSpecies(
        universe.select_atoms("name I"), charge=2, name="ion", events=SolvationEvents(),
        macrostates=IonPairing(),
        microstates=CutoffShell(8.0, anion=universe.select_atoms("name A")),
    )  # fmt: skip
    others = IonSpecies(universe.select_atoms("name A"), charge=-1, name=anion)
    return OnsagerDecomposition([cations, others], temperature=300).run()
