"""Fluctuations of the composition against mixtures whose fluctuations are known."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies
from mda_ionmech.observables import composition_fluctuations

from ..builders import make_universe

LENGTH, FRAMES = 20.0, 1000
BOX = (LENGTH,) * 3 + (90.0,) * 3


def placed(rng, n, frames=FRAMES):
    return rng.uniform(0, LENGTH, (frames, n, 3))


@pytest.fixture(scope="module")
def mixture():
    """Independent carriers of two kinds without charge and a solvent of a third kind."""
    numbers, masses = (12, 20, 60), (7.0, 150.0, 40.0)
    rng = np.random.default_rng(1)
    universe = make_universe(
        placed(rng, sum(numbers)), BOX, names=np.repeat(["A", "B", "S"], numbers),
        masses=np.repeat(masses, numbers),
    )  # fmt: skip
    species = [IonSpecies(universe.select_atoms(f"name {n}"), charge=0, name=n) for n in ("A", "B")]
    return species, np.array(numbers) / LENGTH**3, np.array(masses)


def test_an_ideal_mixture_against_its_centre_of_mass(mixture):
    species, density, mass = mixture
    total = density @ mass
    expected = np.diag(density) - np.outer(density, density) * (mass + mass[:, None]) / total
    expected += np.outer(density, density) * (density @ mass**2) / total**2
    found = composition_fluctuations(species)
    assert found.species == ("A", "B")
    assert found.n_frames == FRAMES
    assert np.all(found.error < 0.2 * density[:2].max())
    assert np.all(np.abs(found.value - expected[:2, :2]) < 3 * found.error)
    # the three sum to nothing when weighted with masses
    np.testing.assert_allclose(expected @ mass, 0, atol=1e-12)
    # the ideal mixture has no correlations, so nothing depends on the wave vector
    assert np.all(np.abs(found.by_wavenumber - expected[:2, :2]) < 6 * found.error)
    np.testing.assert_allclose(
        found.squared_wavenumber, (2 * np.pi / LENGTH) ** 2 * np.array([1, 2, 3, 4]), rtol=1e-5
    )


def test_an_ideal_gas_in_the_laboratory_frame(mixture):
    species, density, _ = mixture
    found = composition_fluctuations(species, frame="laboratory")
    assert np.all(np.abs(found.value - np.diag(density[:2])) < 3 * found.error)


def test_bound_ions_fluctuate_together():
    """The density of pairs, for like and unlike ions, however long the bond."""
    rng = np.random.default_rng(2)
    n, bond = 10, 3.0
    first = placed(rng, n)
    along = rng.normal(size=first.shape)
    along *= bond / np.linalg.norm(along, axis=2, keepdims=True)
    universe = make_universe(np.concatenate([first, first + along], axis=1), BOX)
    ions = [
        IonSpecies(universe.atoms[:n], charge=1, name="A+"),
        IonSpecies(universe.atoms[n:], charge=-1, name="B-"),
    ]
    found = composition_fluctuations(ions, frame="laboratory")
    expected = n / LENGTH**3
    # the line misses a few thousandths of the bend of sin(k b) / k b
    assert np.all(np.abs(found.value - expected) < 3 * found.error + 0.01 * expected)
    assert found.by_wavenumber[-1, 0, 1] < 0.75 * found.by_wavenumber[-1, 0, 0]
    np.testing.assert_allclose(found.value @ [1, -1], 0, atol=1e-12)
    table = found.table()
    assert list(table.columns[:2]) == ["limit", "error"]
    assert list(table.index) == [("A+", "A+"), ("A+", "B-"), ("B-", "B-")]
    assert table.loc[("A+", "B-"), "limit"] == found.value[0, 1]


def test_molecules_count_once_and_where_they_are_cut_by_the_cell():
    """A molecule of two atoms is one carrier; images and the order of atoms do not matter."""
    rng = np.random.default_rng(3)
    n = 15
    first = placed(rng, n)
    pairs = np.stack([first, first + np.array([0.6, 0.0, 0.0])], axis=2).reshape(FRAMES, 2 * n, 3)
    residue = np.repeat(np.arange(n), 2)
    found = []
    for moved in (pairs, pairs % LENGTH):
        universe = make_universe(moved, BOX, residue=residue, masses=np.tile([12.0, 19.0], n))
        mols = IonSpecies(universe.atoms, charge=0, name="M", compound="residues")
        found.append(composition_fluctuations([mols], frame="laboratory"))
    # positions are in single precision
    np.testing.assert_allclose(found[0].value, found[1].value, rtol=1e-4)
    assert abs(found[0].value[0, 0] - n / LENGTH**3) < 3 * found[0].error[0, 0]


@pytest.mark.slow
def test_errors_are_those_of_repeated_runs():
    rng = np.random.default_rng(4)
    values, errors = [], []
    for _ in range(40):
        universe = make_universe(placed(rng, 8, 100), BOX)
        gas = IonSpecies(universe.atoms, charge=0, name="A")
        found = composition_fluctuations([gas], frame="laboratory")
        values.append(found.value[0, 0])
        errors.append(found.error[0, 0])
    # the spread of 40 values has an error of 11%, that of errors from ten blocks adds little
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.35)
    assert abs(np.mean(values) - 8 / LENGTH**3) < 3 * np.std(values) / np.sqrt(40)


def test_the_trajectory_is_left_where_it_was(mixture):
    species, _, _ = mixture
    trajectory = species[0].atoms.universe.trajectory
    trajectory[7]
    composition_fluctuations(species, frames=20)
    assert trajectory.frame == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frame": "solvent"}, r"frame must be one of .*'laboratory'\), got 'solvent'"),
        ({"frames": 5}, "frames must be a whole number of 10 or more, got 5"),
        ({"shells": 1}, "shells must be a whole number of 2 or more, got 1"),
        ({"shells": 12}, "shells must be .* at most 9, got 12"),
        ({"species": []}, r"species holds \[\]: give the IonSpecies of the run"),
        ({"species": ["Li+"]}, r"species holds \['Li\+'\]: give the IonSpecies of the run"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(mixture, options, message):
    arguments = {"species": mixture[0]} | options
    with pytest.raises(InputError, match=message):
        composition_fluctuations(arguments.pop("species"), **arguments)


def test_ions_without_their_counterions_few_frames_and_long_cells_are_refused():
    rng = np.random.default_rng(5)
    universe = make_universe(placed(rng, 4, 20), BOX)
    alone = IonSpecies(universe.atoms[:2], charge=1, name="A+")
    with pytest.raises(InputError, match=r"the liquid is not neutral: .* together \+2 e; list all"):
        composition_fluctuations([alone])
    gas = IonSpecies(universe.atoms[:2], charge=0, name="A")
    short = make_universe(placed(rng, 4, 5), BOX)
    with pytest.raises(InputError, match="the trajectory has 5 frames, and an error needs 10"):
        composition_fluctuations([IonSpecies(short.atoms[:2], charge=0, name="A")])
    long = make_universe(placed(rng, 4, 20), (20, 20, 40, 90, 90, 90))
    with pytest.raises(InputError, match=r"long wavelengths holds for a cubic cell, .* 40.0"):
        composition_fluctuations(
            [IonSpecies(long.atoms[:2], charge=0, name="A")], frame="laboratory"
        )
    assert composition_fluctuations(gas, frame="laboratory").species == ("A",)
