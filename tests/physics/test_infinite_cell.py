"""Finite-size correction of L_AB: lattice sums of the hydrodynamic interaction, and its dynamics.

Particles drag an incompressible liquid along, the force of each spread over a Gaussian of width s.
In a periodic cell the flow is a sum over its wave vectors, in an infinite one an integral.
"""

import warnings

import numpy as np
import pytest
from scipy import constants

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.observables import composition_fluctuations
from mda_ionmech.observables.msd_exponents import XI
from mda_ionmech.results import infinite_cell

from ..builders import make_universe, wrap

TEMPERATURE, VISCOSITY = 300.0, 0.5
#: kB T / eta, A^3/ps.
FLOW = constants.k * TEMPERATURE / (VISCOSITY * 1e-3) * 1e18
#: Width of a particle, A, and the largest wave vector times it.
WIDTH, LONGEST = 1.5, 2.6


def waves(length):
    """Wave vectors of a cubic cell, one of each pair k and -k."""
    n = int(np.ceil(LONGEST / WIDTH * length / (2 * np.pi)))
    line = np.arange(-n, n + 1)
    grid = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    k = 2 * np.pi / length * grid[len(grid) // 2 + 1 :]
    return k[np.sum(k**2, axis=1) <= (LONGEST / WIDTH) ** 2]


def in_cell(structure, length):
    """(2 / 3 eta) sum over k of S(k) exp(-k^2 s^2) / k^2 / V, for eta = 1."""
    k = np.linalg.norm(waves(length), axis=1)
    return 4 / 3 / length**3 * np.sum(structure(k) * np.exp(-((k * WIDTH) ** 2)) / k**2)


def in_infinite_cell(structure):
    k = np.linspace(1e-6, LONGEST / WIDTH, 20001)
    return np.trapezoid(structure(k) * np.exp(-((k * WIDTH) ** 2)), k) / (3 * np.pi**2)


def test_corrected_lattice_sums_are_the_integral_to_the_third_order():
    """Partial structure factors after Debye and Hueckel: L_AB for every size of cell."""
    density, screening = 0.004, 0.4

    def like(k):
        return density / 2 * (1 + k**2 / (k**2 + screening**2))

    def unlike(k):
        return density / 2 * (1 - k**2 / (k**2 + screening**2))

    def charge(k):
        return 2 * (like(k) - unlike(k))

    lengths = np.array([20.0, 30.0, 40.0, 60.0])
    for structure in (like, unlike):
        exact = in_infinite_cell(structure)
        plain = np.array([in_cell(structure, length) for length in lengths])
        corrected = plain + XI / (6 * np.pi * lengths) * structure(0.0)
        assert np.all(plain < 0.92 * exact)
        assert np.all(np.abs(corrected / exact - 1) < 0.06)
        # what is left falls off with the third power
        order = np.diff(np.log(np.abs(corrected - exact))) / np.diff(np.log(lengths))
        np.testing.assert_allclose(order, -3, atol=0.1)
    # the conductivity has no first order
    exact = in_infinite_cell(charge)
    left = np.array([in_cell(charge, length) for length in lengths]) - exact
    assert np.all(np.abs(left / exact) < 0.07)
    np.testing.assert_allclose(
        np.diff(np.log(np.abs(left))) / np.diff(np.log(lengths)), -3, atol=0.1
    )


def pair_in_flow(rng, length, square, n_frames, dt):
    """Two particles on a spring of mean squared length `square`, A^2, carried by the same flow."""
    k = waves(length)
    k2 = np.sum(k**2, axis=1)
    amplitude = np.exp(-k2 * WIDTH**2) / k2 / length**3 * FLOW
    across = np.cross(k, [0.3, 0.5, 0.8])
    across /= np.linalg.norm(across, axis=1)[:, None]
    other = np.cross(k, across) / np.sqrt(k2)[:, None]
    size = np.sqrt(4 * dt * amplitude)
    position = np.zeros((2, 3))
    position[1, 0] = np.sqrt(square)
    found = np.empty((n_frames, 2, 3))
    for frame in range(n_frames):
        found[frame] = position
        phase = position @ k.T
        cosine, sine = np.cos(phase), np.sin(phase)
        drawn = size * rng.standard_normal((4, len(k)))
        # force over kB T; a pair feels nothing as a whole
        force = -3 / square * (position[0] - position[1])
        real, imaginary = cosine[0] - cosine[1], sine[0] - sine[1]
        for one in range(2):
            noise_1 = drawn[0] * cosine[one] + drawn[1] * sine[one]
            noise_2 = drawn[2] * cosine[one] + drawn[3] * sine[one]
            moved = 2 * dt * amplitude * (cosine[one] * real + sine[one] * imaginary)
            position[one] += (noise_1 + moved * (across @ force)) @ across
            position[one] += (noise_2 + moved * (other @ force)) @ other
    return found


LENGTHS, SQUARE, DT, WINDOW = (14.0, 20.0), 6.0, 4.0, 240.0


@pytest.fixture(scope="module")
def pairs():
    """Results and fluctuations of a bound pair of ions in cells of two sizes."""
    found = {}
    for k, length in enumerate(LENGTHS):
        paths = pair_in_flow(np.random.default_rng(k), length, SQUARE, 20_000, DT)
        universe = make_universe(wrap(paths, length), (length,) * 3 + (90,) * 3, dt=DT)
        ions = [
            IonSpecies(universe.atoms[[0]], charge=1, name="A+"),
            IonSpecies(universe.atoms[[1]], charge=-1, name="B-"),
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = OnsagerDecomposition(
                ions, temperature=TEMPERATURE, frame="laboratory", windows=[WINDOW]
            ).run()
        fluctuations = composition_fluctuations(ions, frame="laboratory", frames=2000)
        found[length] = run.results, fluctuations
    return found


@pytest.mark.slow
def test_bound_ions_in_cells_of_two_sizes(pairs):
    """All L_AB of a pair are those of its centre, which the images slow down by a third."""

    def coefficient(diffusion, length):
        """D / (kB T V) in 1/(J m s), of D in A^2/ps."""
        return diffusion * 1e-8 / (constants.k * TEMPERATURE * length**3 * 1e-30)

    def centre(k):
        return (1 + np.exp(-(k**2) * SQUARE / 6)) / 2

    infinite = FLOW * in_infinite_cell(centre)
    # half the bond at both ends of a window, which have forgotten one another
    bond = SQUARE / 2 / (6 * WINDOW)
    for length, (results, fluctuations) in pairs.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = infinite_cell(results, fluctuations, viscosity=VISCOSITY, window=WINDOW)
        here = FLOW * in_cell(centre, length)
        left = here + FLOW * XI / (6 * np.pi * length)  # the infinite cell, but for the third order
        assert abs(left / infinite - 1) < 0.04
        for label, sign in (("L(A+, A+)", 1), ("L(A+, B-)", -1), ("L(B-, B-)", 1)):
            row = table.loc[label]
            error = (row["high"] - row["low"]) / 2
            assert error < 0.06 * row["value"]
            expected = coefficient(here + sign * bond, length)
            assert abs(row["value"] - expected) < 3 * error, label
            error = (row["infinite_high"] - row["infinite_low"]) / 2
            expected = coefficient(left + sign * bond, length)
            # the limit of the fluctuations is from a line through finite wave vectors
            assert abs(row["infinite"] - expected) < 3 * error + 0.05 * row["shift"], label
            # without the correction it is many standard errors away
            assert row["value"] < coefficient(infinite, length) - 5 * error, label
        assert table.loc["conductivity", "shift"] == 0
        assert table.loc["conductivity", "infinite"] == table.loc["conductivity", "value"]


@pytest.mark.slow
def test_a_correction_larger_than_the_coefficient_is_said(pairs):
    results, fluctuations = pairs[LENGTHS[0]]
    with pytest.warns(UserWarning, match=r"changes L\(A\+, A\+\) by 1\.\d of itself, L\(B-, B-\)"):
        infinite_cell(results, fluctuations, viscosity=VISCOSITY, window=WINDOW)
