"""Lengths and temperatures in other units, and cells that are not those of the coordinates."""

import warnings

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.analysis import unit_checks
from mda_ionmech.trajectory.step_lengths import decimal_grid, decimals_note

from ..builders import brownian, make_universe, wrap

LENGTH, N = 20.0, 60
RIGHT = (LENGTH,) * 3 + (90.0,) * 3


def walk(n_frames=120, n_atoms=N, seed=0):
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, LENGTH, (1, n_atoms, 3))
    return start + brownian(rng, n_frames, n_atoms, 0.03, 1.0)


def run(positions, cell=RIGHT, temperature=300.0, **options):
    n = positions.shape[1]
    u = make_universe(positions, cell, masses=[6.94, 35.45] * (n // 2))
    ions = [
        IonSpecies(u.atoms[::2], charge=1, name="Li+"),
        IonSpecies(u.atoms[1::2], charge=-1, name="Cl-"),
    ]
    options = {"frame": "laboratory", "windows": [2.0], "resolutions": None} | options
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        done = OnsagerDecomposition(ions, temperature=temperature, **options).run()
    said = [str(one.message) for one in caught]
    assert all(text in said for text in done.results.warnings if text.startswith(LOUD))
    return done.results.warnings


LOUD = ("temperature=", "the density", "all atoms", "half of the atoms", "coordinates are stored")


def cube(length, angle=90.0):
    return (length,) * 3 + (angle,) * 3


def test_right_units_and_cells_are_not_spoken_of():
    paths = walk()
    for positions, cell in ((paths, RIGHT), (wrap(paths, LENGTH), RIGHT)):
        assert not any(text.startswith(LOUD) for text in run(positions, cell))


@pytest.mark.parametrize(
    ("kelvin", "words"),
    [(27, "27 degrees Celsius are 300.15"), (0.0259, "kT=0.0259"), (3e5, "is above any at which")],
)
def test_temperatures_in_other_units_are_said(kelvin, words):
    assert words in " ".join(run(walk(), temperature=kelvin))
    assert unit_checks.temperature(300.0) is None


@pytest.mark.parametrize(
    ("scale", "cell", "words"),
    [
        (0.1, 2.0, "density of the system is"),  # both in nm
        (1e-10, 2e-9, "density of the system is"),  # both in m
        (0.1, LENGTH, "of the three edges of the cell, and the rest is empty"),  # positions in nm
        (1 / LENGTH, LENGTH, "5%, 5%, 5% of the three edges"),  # fractions of the cell
        (1.0, 10 * LENGTH, "of the three edges of the cell, and the rest is empty"),
    ],
)
def test_lengths_in_other_units_are_said(scale, cell, words):
    said = " ".join(run(scale * wrap(walk(), LENGTH), cube(cell)))
    assert words in said


def test_fractions_that_fill_their_cell_lie_on_top_of_each_other():
    rng = np.random.default_rng(0)
    places, cell = rng.uniform(0, 1, (400, 3)), 2.0 * np.eye(3)
    assert "nearer than any bond" in unit_checks.crowded(places, np.ones(400), cell)
    assert unit_checks.crowded(places, np.ones(400), 20 * np.eye(3)) is None
    # sites and Drude particles lie on their atoms
    places[200:] = places[:200]
    masses = np.r_[np.full(200, 16.0), np.full(200, 0.4)]
    assert unit_checks.crowded(places, masses, 20 * np.eye(3)) is None


@pytest.mark.parametrize("angle", [90.0, 75.0])
@pytest.mark.parametrize("n_atoms", [8, N])
@pytest.mark.parametrize("factor", [0.5, 0.8, 0.95, 1.0, 1.06, 1.5])
def test_a_cell_that_the_coordinates_were_not_wrapped_in_is_refused(factor, n_atoms, angle):
    fractional = walk(200, n_atoms, seed=3) / LENGTH
    from MDAnalysis.lib.mdamath import triclinic_vectors

    right = triclinic_vectors(cube(LENGTH, angle), dtype=np.float64)
    wrapped = (fractional - np.floor(fractional)) @ right
    if factor == 1.0:
        run(wrapped, cube(LENGTH, angle))
        run(fractional @ right, cube(0.8 * LENGTH, angle))  # unwrapped, nothing tells
        return
    with pytest.raises(InputError, match="not the one in which the coordinates were wrapped"):
        run(wrapped, cube(factor * LENGTH, angle))


@pytest.mark.parametrize("n_planes", [4, 7])
def test_ions_that_hop_across_faces_are_no_wrong_cell(n_planes):
    """Steps across faces are hops, and most others are vibrations."""
    rng = np.random.default_rng(1)
    hops = rng.choice([-1, 0, 1], size=(300, N, 3), p=[0.02, 0.96, 0.02])
    paths = 3.0 * (np.cumsum(hops, axis=0) + rng.integers(0, n_planes, (1, N, 3)) + 0.5)
    paths = paths + rng.normal(scale=0.1, size=paths.shape)
    run(wrap(paths, 3.0 * n_planes), cube(3.0 * n_planes))


def test_molecules_wrapped_as_a_whole_are_no_wrong_cell():
    paths = np.repeat(walk(200, N // 2, seed=5), 2, axis=1)
    centre = np.floor(paths / LENGTH) * LENGTH
    rng = np.random.default_rng(2)
    turns = rng.normal(size=(200, N // 2, 3))
    turns /= np.linalg.norm(turns, axis=2, keepdims=True)
    atoms = paths + np.stack([turns, -turns], axis=2).reshape(200, N, 3) - centre
    run(atoms)


def test_rounding_to_decimals_is_said_where_it_matters():
    paths = walk()
    for digits, grid in ((1, 0.1), (2, 0.01), (3, 0.001)):
        assert decimal_grid(np.round(paths, digits).astype(np.float32)) == grid
    assert decimal_grid(paths.astype(np.float32)) == 0
    assert decimals_note("Li+", 0.01, 0.3) is None
    slow = np.round(paths[0] + 0.02 * (paths - paths[0]), 2)
    said = [text for text in run(slow) if "stored in steps of 0.01 Å" in text]
    assert len(said) == 2
    # uniform errors of two frames in three directions
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (2, 100_000, 3))
    error = np.round(x, 2) - x
    assert np.mean(np.sum((error[1] - error[0]) ** 2, axis=1)) == pytest.approx(5e-5, rel=0.02)
