"""Steps, molecules made whole, masses and frames of reference."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.analysis.trajectory_checks import check_long_steps
from mda_ionmech.trajectory.masses import usable_masses
from mda_ionmech.trajectory.paths import PathBuilder, finish_paths
from mda_ionmech.trajectory.unwrap import (
    Places,
    bond_parents,
    copy_finite,
    fractional_steps,
    stretches,
    whole_centres,
)

from ..builders import brownian, halves, make_universe, wrap


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    image=st.booleans(),
    n=st.integers(9, 200),
    skew=st.sampled_from([0.0, 2.0]),
)
def test_steps_against_numpy(seed, image, n, skew):
    rng = np.random.default_rng(seed)
    cells = [np.diag(rng.uniform(9, 13, 3)) + skew * rng.uniform(-1, 1, (3, 3)) for _ in range(2)]
    inverses = [np.linalg.inv(cell) for cell in cells]
    places = [
        (rng.uniform(-2, 2, (n, 3)) @ cell).astype(np.float32) for cell in cells
    ]  # before, now
    members = rng.permutation(n)
    offsets = np.array([0, 4, n])
    weights, reference = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    moving = np.sort(rng.choice(n, n // 2, replace=False))
    reference[np.setdiff1d(np.arange(n), moving)] = 0.0
    steps, moved, found = np.empty((2, 3)), np.empty(3), np.zeros(10)
    before = places[0].ravel().copy()
    bad = fractional_steps(
        places[1].ravel(), before, (cells[1], inverses[1], inverses[0]), image, stretches(moving),
        (offsets, members, weights, reference), 5.0, steps, moved, found,
    )  # fmt: skip
    assert bad == -1
    np.testing.assert_array_equal(before, places[1].ravel())
    ds = places[1].astype(float) @ inverses[1] - places[0].astype(float) @ inverses[0]
    crossed = np.count_nonzero(np.rint(ds), axis=1)
    if image:
        ds = ds - np.rint(ds)
    expected = [(weights[a:b, None] * ds[members[a:b]]).sum(axis=0) for a, b in ((0, 4), (4, n))]
    np.testing.assert_allclose(steps, expected, atol=1e-11)
    np.testing.assert_allclose(moved, reference @ ds, atol=1e-11)
    length = np.linalg.norm(ds @ cells[1], axis=1)[moving]
    np.testing.assert_allclose(
        found[:5],
        [
            crossed[moving].sum(),
            (length > 5).sum(),
            len(moving),
            length.max(),
            moving[length.argmax()],
        ],
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    bad=st.integers(0, 3 * 150 - 1),
    value=st.sampled_from([np.nan, np.inf, -np.inf, 2.0**20, -3e7, 1e30]),
    skew=st.sampled_from([0.0, 2.0]),
)
def test_a_number_that_is_none_is_found_wherever_it_is(seed, bad, value, skew):
    rng = np.random.default_rng(seed)
    cell = np.diag([9.0, 10, 11]) + skew * rng.uniform(-1, 1, (3, 3))
    inverse = np.linalg.inv(cell)
    before, now = rng.uniform(0, 9, (2, 3 * 150)).astype(np.float32)
    now[bad:] = value
    moving = stretches(np.sort(rng.choice(150, 70, replace=False)))
    found = fractional_steps(
        now, before, (cell, inverse, inverse), True, moving,
        (np.array([0, 3]), np.arange(3), np.ones(3), np.empty(0)), 5.0, np.empty((1, 3)),
        np.empty(3), np.zeros(4),
    )  # fmt: skip
    assert found == bad


@pytest.mark.parametrize("skew", [0.0, 2.0])
def test_coordinates_that_jump_over_many_cells_are_counted(skew):
    """Far is 64 times the longest vector, in Angstrom and coordinate by coordinate."""
    rng = np.random.default_rng(0)
    cell = np.diag([9.0, 10, 11]) + skew * rng.uniform(-1, 1, (3, 3))
    inverse, far = np.linalg.inv(cell), 64 * np.linalg.norm(cell, axis=1).max()
    before = rng.uniform(0, 9, (40, 3)).astype(np.float32)
    now = before + rng.normal(0, 0.1, (40, 3)).astype(np.float32)
    for atom, axis, jump in (
        (3, 0, 1.01),
        (3, 2, -1.01),
        (20, 1, 5.0),
        (31, 1, 0.99),
        (33, 0, -0.9),
    ):
        now[atom, axis] += jump * far
    now[38] += 2 * far  # no part of what moves
    found = np.zeros(10)
    bad = fractional_steps(
        now.ravel(), before.ravel(), (cell, inverse, inverse), True, np.array([[0, 35]]),
        (np.array([0, 3]), np.arange(3), np.ones(3), np.empty(0)), 5.0, np.empty((1, 3)),
        np.empty(3), found,
    )  # fmt: skip
    assert bad == -1
    assert (found[8], found[9]) == (3, 20)


def test_fractional_coordinates_against_numpy():
    rng = np.random.default_rng(0)
    coordinates, inverse = rng.normal(size=60).astype(np.float32), rng.normal(size=(3, 3))
    atoms = np.array([7, 0, 19, 3])
    found = Places(coordinates, atoms, inverse)
    expected = coordinates.reshape(-1, 3)[atoms].astype(float) @ inverse
    np.testing.assert_allclose(found.fractional, expected, atol=1e-12)
    again = Places.of(found.fractional)
    np.testing.assert_array_equal(again.fractional, found.fractional)


def test_stretches_of_consecutive_atoms():
    assert stretches(np.array([0, 1, 2, 5, 7, 8])).tolist() == [[0, 3], [5, 6], [7, 9]]
    assert stretches(np.empty(0, dtype=int)).shape == (0, 2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(1, 39), max_size=4))
def test_paths_do_not_depend_on_the_parts(seed, cuts):
    rng = np.random.default_rng(seed)
    steps, reference = rng.normal(size=(40, 11, 3)), rng.normal(size=(40, 3))
    cells = np.diag([9.0, 10, 11]) + rng.uniform(-1, 1, (40, 3, 3))
    builder = PathBuilder(11, 40)
    for part in np.split(np.arange(40), sorted(set(cuts))):
        builder.add(steps[part], reference[part])
    whole = PathBuilder(11, 40)
    whole.add(steps, reference)
    position = finish_paths(builder, reference, cells, 1.0).position
    in_one = finish_paths(whole, reference, cells, 1.0).position
    np.testing.assert_array_equal(position, in_one)
    expected = np.cumsum(steps - reference[:, None], axis=0) @ cells.mean(axis=0)
    np.testing.assert_allclose(position, expected.transpose(1, 2, 0), atol=1e-11)


def test_the_first_number_that_is_none_is_found():
    values = np.arange(100, dtype=np.float32)
    out = np.empty_like(values)
    assert copy_finite(values, 0, 100, out) == -1
    np.testing.assert_array_equal(out, values)
    values[7] = np.nextafter(np.float32(2**20), np.float32(0))
    assert copy_finite(values, 0, 100, out) == -1
    for bad in (np.nan, np.inf, -np.inf, 2.0**20, -1e7, 1e30):
        values[40:] = bad
        assert copy_finite(values, 3, 100, out) == 40


def test_molecules_longer_than_half_the_cell_are_made_whole_along_bonds():
    # a chain of ten atoms 1.5 A apart in a cell of 10 A, wrapped and shuffled
    rng = np.random.default_rng(2)
    chain = np.cumsum(np.tile([[1.5, 0.2, 0.0]], (10, 1)), axis=0)
    label = rng.permutation(10)
    bonds = np.array([[label[k], label[k + 1]] for k in range(9)])
    fractional = np.empty((10, 3))
    fractional[label] = (chain / 10.0) % 1.0
    members, parents = bond_parents(np.arange(10), np.array([0, 10]), bonds)
    assert sorted(members) == list(range(10))
    assert parents[0] == -1
    assert np.all(parents[1:] >= 0)
    out = np.empty((1, 3))
    weights = np.full(10, 0.1)
    positions = (fractional * 10.0).astype(np.float32)
    inverse = np.eye(3) / 10.0
    whole_centres(positions, inverse, np.array([0, 10]), members, weights, parents, out)
    difference = out[0] - chain.mean(axis=0) / 10.0
    np.testing.assert_allclose(difference, np.rint(difference), atol=1e-6)


def test_centres_are_in_the_image_of_the_first_atom():
    rng = np.random.default_rng(0)
    cell = np.diag([9.0, 10, 11]) + rng.uniform(-1, 1, (3, 3))
    fractional, weights = rng.uniform(-2, 2, (7, 3)), np.array([1.0, 0.2, 0.5, 0.3, 0.6, 0.4, 1.0])
    members, offsets = np.array([5, 0, 3, 6, 2, 1, 4]), np.array([0, 1, 4, 6, 7])
    parents, out = np.array([-1, -1, 1, 2, -1, 4, -1]), np.empty((4, 3))
    positions = (fractional @ cell).astype(np.float32)
    whole_centres(positions, np.linalg.inv(cell), offsets, members, weights, parents, out)
    whole = fractional[members].copy()
    for m, parent in enumerate(parents):
        if parent >= 0:
            whole[m] -= np.rint(whole[m] - whole[parent])
    expected = [weights[a:b] @ whole[a:b] for a, b in ((0, 1), (1, 4), (4, 6), (6, 7))]
    np.testing.assert_allclose(out, expected, atol=1e-6)


def test_bonds_between_carriers_make_neither_whole():
    # 5-6 and 2-3-4, with 6-2 and 5-2 between them
    bonds = np.array([[5, 6], [6, 2], [4, 3], [3, 2], [2, 5]])
    members, parents = bond_parents(np.array([5, 6, 2, 3, 4]), np.array([0, 2, 5]), bonds)
    assert members.tolist() == [5, 6, 2, 3, 4]
    assert parents.tolist() == [-1, 0, -1, 2, 3]


def test_atoms_no_bond_reaches_hang_on_the_first():
    members, parents = bond_parents(np.array([4, 5, 6]), np.array([0, 3]), np.array([[4, 9]]))
    assert members.tolist() == [4, 5, 6]
    assert parents.tolist() == [-1, 0, 0]


def test_centre_of_mass_of_a_molecule_moves_as_its_mass_average():
    rng = np.random.default_rng(4)
    n_frames, length = 200, 20.0
    centre = brownian(rng, n_frames, 5, 0.1, 1.0) + rng.uniform(0, length, (5, 3))
    arm = np.array([1.0, 0.5, 0.0])
    positions = np.stack([centre + arm, centre - 3 * arm], axis=2).reshape(n_frames, 10, 3)
    universe = make_universe(
        wrap(positions, length),
        (length,) * 3 + (90,) * 3,
        residue=np.repeat(np.arange(5), 2),
        masses=[3.0, 1.0] * 5,
    )
    ions = IonSpecies(universe.atoms, charge=1, name="ion", compound="residues")
    run = OnsagerDecomposition([ions], temperature=300, windows=[1.0], frame="laboratory").run()
    found = run.paths.position.transpose(2, 0, 1)
    np.testing.assert_allclose(found, centre - centre[0], atol=1e-4)


def universe_with(masses=None, elements=None, n=4):
    rng = np.random.default_rng(0)
    positions = brownian(rng, 10, n, 0.1, 1.0) + 10.0
    return make_universe(positions, masses=masses, elements=elements, names=list("PPMM"[:n]))


def test_masses_are_checked_only_where_they_are_used():
    universe = universe_with(masses=[0.0] * 4)
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    OnsagerDecomposition([ions], temperature=300, frame="laboratory").run()
    with pytest.raises(InputError, match=r"masses are needed .* zero for some atoms"):
        OnsagerDecomposition(halves(universe), temperature=300, frame="barycentric")
    universe = universe_with(masses=[1.0] * 4)
    with pytest.raises(InputError, match="the same for every atom; set them"):
        usable_masses(universe, "a test")


def test_masses_come_from_elements_where_they_are_unusable():
    universe = universe_with(masses=[1.0] * 4, elements=["Li", "Li", "Cl", "Cl"])
    np.testing.assert_allclose(usable_masses(universe, "a test"), [6.941, 6.941, 35.45, 35.45])
    universe = universe_with(masses=[6.941] * 4, elements=["Li"] * 4)
    np.testing.assert_allclose(usable_masses(universe, "a test"), 6.941)


@pytest.mark.parametrize("frame", ["barycentric", "solvent"])
def test_a_moving_reference_needs_all_charges(frame):
    ions = IonSpecies(universe_with(masses=[1, 2, 3, 4]).atoms[:2], charge=1, name="ion")
    with pytest.raises(InputError, match=rf"frame='{frame}' needs all charged carriers.*\+2 e"):
        OnsagerDecomposition([ions], temperature=300, frame=frame)


def test_laboratory_needs_a_constant_cell_and_framework_needs_atoms():
    universe = universe_with()
    dimensions = np.tile([40.0, 40, 40, 90, 90, 90], (10, 1))
    dimensions[5:, 0] = 40.2
    breathing = make_universe(np.zeros((10, 2, 3)), dimensions)
    ions = IonSpecies(breathing.atoms, charge=1, name="ion")
    with pytest.raises(InputError, match=r"needs a constant cell, this one changes by 0.50%"):
        OnsagerDecomposition([ions], temperature=300, frame="laboratory").run()
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    with pytest.raises(InputError, match="needs atoms that belong to no species"):
        OnsagerDecomposition(halves(universe), temperature=300, frame="framework")
    with pytest.raises(InputError, match=r"frame must be 'auto' or one of .* got 'moon'"):
        OnsagerDecomposition([ions], temperature=300, frame="moon")


def test_steps_too_long_to_unwrap_are_refused_at_once():
    rng = np.random.default_rng(1)
    positions = rng.uniform(0, 20, (50, 30, 3))
    cube = (20, 20, 20, 90, 90, 90)
    said = r"steps are too long to unwrap: .* the carriers lie in one cell, so the coordinates are"
    with pytest.raises(InputError, match=said) as caught:
        run_of(make_universe(positions, cube))
    assert "unwrap=False" not in str(caught.value), "it would not help here"
    walk = np.cumsum(rng.normal(0, 8, (50, 30, 3)), axis=0)
    said = (
        r"steps are too long .* reach over [\d.]+ cells, so .*unwrap=False is right if .* wrong if"
    )
    with pytest.raises(InputError, match=said):
        run_of(make_universe(walk + 200 * rng.normal(size=(30, 3)), cube))
    with pytest.warns(
        UserWarning, match="stay in one cell throughout: the coordinates are wrapped"
    ):
        run_of(make_universe(positions, cube), unwrap=False)
    with pytest.warns(UserWarning, match="right only if the coordinates were unwrapped while"):
        run = run_of(make_universe(walk, cube), unwrap=False)
    assert run.results.settings["unwrap"]["found"] == "taken as continuous, as asked"
    assert any("exceed half the cell" in text for text in run.results.warnings)


def run_of(universe, **options):
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    return OnsagerDecomposition([ions], temperature=300, frame="laboratory", **options).run()


def test_one_stray_long_step_is_reported():
    paths = np.full((400, 30, 3), 5.0)
    paths[200:, 0, 0] = 14.0
    universe = make_universe(paths, (20, 20, 20, 90, 90, 90))
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    run = OnsagerDecomposition([ions], temperature=300, windows=[1.0], frame="laboratory")
    with pytest.warns(UserWarning, match="1 of 11970 steps exceed 0.4"):
        run.run()
    assert any("1 of 11970 steps" in text for text in run.results.warnings)


@pytest.mark.parametrize(
    ("long", "steps", "refused"),
    [(0, 10, False), (1, 3, False), (2, 20_001, False), (2, 19_999, True), (5, 10, True)],
)
def test_more_than_one_long_step_in_ten_thousand_is_refused(long, steps, refused, monkeypatch):
    monkeypatch.setattr("mda_ionmech.analysis.trajectory_checks.told_by_jumps", lambda _: None)
    choices, times = SimpleNamespace(unwrap="auto"), SimpleNamespace(spacing=1.0)
    source = SimpleNamespace(choices=choices, times=times)
    found = np.array([0.0, long, steps, 8.125])
    if not refused:
        check_long_steps(source, found, 1.0)
        return
    with pytest.raises(InputError, match=rf"too long to unwrap: {long / steps:.2%} .* 8.12 Å"):
        check_long_steps(source, found, 1.0)
    choices.unwrap = False
    check_long_steps(source, found, 1.0)


def test_a_flipped_box_is_followed():
    """A program may replace a tilted vector by its image: the lattice stays the same."""
    rng = np.random.default_rng(5)
    paths = brownian(rng, 60, 10, 0.05, 1.0) + rng.uniform(0, 20, (10, 3))
    dimensions = []
    for t in range(60):
        tilt = 10.0 + 0.05 * (t - 30)
        tilt -= 20.0 * (tilt > 10.0)  # flipped halfway
        b = np.array([tilt, 20.0, 0.0])
        length = np.linalg.norm(b)
        dimensions.append([20.0, length, 20.0, 90, 90, np.degrees(np.arccos(b[0] / length))])
    sheared = make_universe(paths, dimensions, masses=[1.0, 2.0] * 5)
    run = OnsagerDecomposition(
        halves(sheared), temperature=300, windows=[1.0], frame="barycentric"
    ).run()
    assert run.results.settings["unwrap"]["longest_step_angstrom"] < 4.0
