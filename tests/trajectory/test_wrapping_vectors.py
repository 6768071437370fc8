"""Steps too long to unwrap: jumps by vectors that the cell does not have."""

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.analysis.wrapping_vectors import wrapping_vectors

from ..builders import brownian, make_universe, wrap

LENGTH = 18.0


def run_of_file(positions, folder, length=LENGTH):
    """An analysis of a GRO and an XTC with these coordinates in a cube."""
    n = positions.shape[1]
    u = make_universe(positions, (length,) * 3 + (90.0,) * 3, names=["NA"] * n, masses=[23.0] * n)
    u.atoms.write(str(folder / "a.gro"))
    u.atoms.write(str(folder / "a.xtc"), frames="all")
    u = mda.Universe(str(folder / "a.gro"), str(folder / "a.xtc"))
    sodium = IonSpecies(u.atoms, charge=1, name="Na+")
    return OnsagerDecomposition([sodium], temperature=300, frame="laboratory").run()


def paths(step, n=300):
    rng = np.random.default_rng(4)
    x = brownian(rng, 30, n, step**2 / 6, 1.0)
    return x + rng.uniform(0, LENGTH, (1, n, 3))


def turned(x, angle):
    c, s = np.cos(angle), np.sin(angle)
    return x @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])


def test_coordinates_rotated_against_the_cell_are_called_so(tmp_path):
    x = turned(wrap(paths(0.6), LENGTH), 0.5)
    said = (
        r"mostly jumps by \(.*which have the lengths of the vectors of the cell and point elsewhe"
    )
    with pytest.raises(InputError, match=rf"too long to unwrap: .*{said}re: .* rotated against"):
        run_of_file(x, tmp_path)


def test_frames_that_are_too_far_apart_are_not_blamed_on_the_cell(tmp_path):
    x = wrap(paths(9.0), LENGTH)
    with pytest.raises(InputError, match=r"too long to unwrap: .* the motion between the frames"):
        run_of_file(x, tmp_path)


def test_vectors_behind_jumps():
    rng = np.random.default_rng(0)
    vectors = np.array([[10.0, 2, 0], [-2, 10, 0], [0, 0, 12]])
    number = rng.integers(0, 3, 200)
    jumps = vectors[number] * rng.choice([-1, 1], 200)[:, None] + rng.normal(0, 0.3, (200, 3))
    found = wrapping_vectors(jumps, 1.5)
    order = [int(np.argmax(np.abs(found @ v))) for v in vectors]
    assert sorted(order) == [0, 1, 2]
    for k, v in zip(order, vectors, strict=True):
        assert min(np.abs(found[k] - v).max(), np.abs(found[k] + v).max()) < 0.2
    assert wrapping_vectors(rng.normal(0, 8, (200, 3)), 1.5) is None
    assert wrapping_vectors(jumps[:7], 1.5) is None
