"""Cutoffs from g(r), and what a detector refuses."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.microstates import CutoffShell, RadialDistribution

from ..builders import make_universe


def distribution(g, noise=0.01):
    r = 0.01 + 0.02 * np.arange(400)
    return RadialDistribution("solvent", r, g(r), np.full(400, noise), np.zeros(400), 100)


def peak(r, centre, width, height):
    return height * np.exp(-(((r - centre) / width) ** 2))


def test_first_minimum_of_a_clear_distribution():
    shape = distribution(
        lambda r: peak(r, 2.0, 0.2, 20) + np.where(r > 3.2, np.minimum((r - 3.2) ** 2, 1.0), 0)
    )
    # g is zero from about 2.7 to 3.2: the middle
    assert shape.first_minimum() == pytest.approx(2.95, abs=0.1)
    shape = distribution(lambda r: peak(r, 2.0, 0.2, 20) + peak(r, 4.0, 0.7, 2.0))
    assert 2.4 < shape.first_minimum() < 3.1


def test_no_clear_minimum_is_refused_with_the_remedy():
    shape = distribution(lambda r: np.minimum(1.0, np.maximum(0, r - 2)) + peak(r, 3, 0.4, 0.4))
    with pytest.raises(InputError, match=r"g\(r\) has no clear minimum .* give `cutoff="):
        shape.first_minimum()
    with pytest.raises(InputError, match="no 'solvent' atom comes within"):
        distribution(lambda r: 0 * r).first_minimum()


def test_cutoffs_of_the_liquid_are_its_first_minima():
    universe = datasets.liquid()
    shell = CutoffShell(
        solvent=universe.select_atoms("resname ACN and element N"),
        anion=universe.select_atoms("resname TFS and element O"),
    )
    lithium = IonSpecies(
        universe.select_atoms("resname LI"), charge=1, name="Li+", microstates=shell
    )
    run = OnsagerDecomposition([lithium], temperature=330, windows=[1.0], frame="laboratory")
    shell = run.run(stop=300).species[0].microstates
    found = shell.distributions["solvent"]
    peak_at = found.r[np.argmax(found.g)]
    assert peak_at == pytest.approx(2.14, abs=0.05)
    assert 2.8 < shell.inner["solvent"] < 3.6
    # 4.15 nitrogens within 2.8 A, measured independently
    within = found.coordination[np.searchsorted(found.r, 2.8)]
    assert within == pytest.approx(4.15, abs=0.05)
    # g(r) counts against the volume: far out it is 1
    assert found.g[found.r > 7].mean() == pytest.approx(1.0, abs=0.05)


def test_radial_distribution_of_an_ideal_gas_is_one():
    rng = np.random.default_rng(1)
    positions = rng.uniform(0, 30, (200, 60, 3))
    universe = make_universe(positions, (30, 30, 30, 90, 90, 90), names=["I"] * 10 + ["S"] * 50)
    from mda_ionmech.microstates import FrameGeometry
    from mda_ionmech.microstates.rdf import sample_distributions

    frames = (
        FrameGeometry(
            ts.positions[:10] / 30.0,
            ts.positions[10:] / 30.0,
            np.zeros(50, dtype=np.int64),
            np.full(50, -1),
            30.0 * np.eye(3),
            30.0 * np.eye(3),
        )
        for ts in universe.trajectory
    )
    found = sample_distributions(frames, ("solvent",))["solvent"]
    counts = found.coordination[-1] * 200 * 10
    expected = 50 * 4 / 3 * np.pi * (found.r[-1] + 0.01) ** 3 / 30.0**3 * 2000
    assert abs(counts - expected) < 3 * np.sqrt(expected)
    assert found.g[-100:].mean() == pytest.approx(1.0, abs=0.03)


@pytest.fixture
def atoms():
    universe = make_universe(np.zeros((3, 6, 3)), names=list("ABCDEF"))
    return universe.atoms


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs at least one ligand type"),
        ({"solvent": 0, "anion": 0}, "ligand types 'solvent' and 'anion' overlap in atom index 0"),
        ({"solvent": 1, "cutoff": -2.0}, "cutoff of 'solvent' must be a radius .* got -2.0"),
        ({"solvent": 1, "cutoff": "guess"}, "above 0 or 'rdf', got 'guess'"),
        ({"solvent": 1, "cutoff": {"anion": 2}}, "cutoff names 'anion', which is no ligand type"),
        ({"solvent": 1, "cutoff": {}}, "cutoff has no entry for ligand type 'solvent'"),
        ({"solvent": 1, "hysteresis": (3, 2)}, "r_out = 2 Å is below r_in = 3 Å"),
        ({"solvent": 1, "hysteresis": -1}, "hysteresis of 'solvent' must be a width"),
        ({"solvent": 1, "hysteresis": (1, 2, 3)}, r"a pair \(r_in, r_out\)"),
        ({"solvent": 1, "persistence": -3}, "persistence must be a time in ps"),
    ],
)
def test_bad_choices_are_refused(atoms, options, message):
    groups = {k: atoms[v : v + 2] for k, v in options.items() if k in ("solvent", "anion")}
    with pytest.raises(InputError, match=message):
        CutoffShell(**options | groups)


def test_an_overlap_of_the_cell_is_refused_before_reading():
    positions = np.random.default_rng(0).uniform(0, 8, (5, 4, 3))
    universe = make_universe(positions, (8, 8, 8, 90, 90, 90), names=list("IISS"))
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="ion",
        microstates=CutoffShell(4.5, solvent=universe.select_atoms("name S")),
    )
    run = OnsagerDecomposition([ions], temperature=300, windows=[1.0], frame="laboratory")
    with pytest.raises(InputError, match=r"cell is too small .* 8.00 Å.*4.50 Å.*9.00 Å"):
        run.run()
