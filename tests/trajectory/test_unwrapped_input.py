"""Coordinates that were unwrapped before: with the cell, in Angstrom, or not at all."""

import re
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.trajectory.unwrap import stretches
from mda_ionmech.trajectory.unwrapped_input import (
    CartesianSteps,
    cells_reached,
    count_jumps,
    jumps_show,
    place_error,
)

from ..builders import make_universe
from .test_snapshot import in_file

LENGTH, N_IONS, N_FRAMES = 25.0, 40, 300


def lengths_of(change, amplitude, n_frames, rng):
    """Edges of a cube: noise of one frame, a slow wave, or steady shrinking."""
    t = np.arange(n_frames)
    shape = {"noise": rng.normal(size=n_frames), "wave": np.sin(t / 7), "shrinks": -t / n_frames}
    return LENGTH * (1 + amplitude * shape[change])


def walk(change, amplitude, step, before=0, seed=0):
    """Fractional walks that began `before` frames ago, and the edges of the cube, Angstrom."""
    rng = np.random.default_rng(seed)
    n = N_FRAMES + before
    steps = rng.normal(0, step / LENGTH, (n, N_IONS, 3))
    return rng.random((N_IONS, 3)) + np.cumsum(steps, axis=0), lengths_of(change, amplitude, n, rng)


def unwrapped(fractional, lengths, how):
    """Positions of all frames, wrapped or unwrapped in one of two ways."""
    edge = lengths[:, None, None]
    if how == "with the cell":
        return fractional * edge
    wrapped = (fractional % 1) * edge
    if how == "wrapped":
        return wrapped
    steps = np.diff(wrapped, axis=0)
    steps -= edge[1:] * np.rint(steps / edge[1:])
    return np.concatenate([wrapped[:1], wrapped[:1] + np.cumsum(steps, axis=0)])


def universe_of(positions, lengths):
    dimensions = np.column_stack(
        [np.repeat(lengths[:, None], 3, 1), np.full((len(lengths), 3), 90)]
    )
    masses = np.resize([7.0, 35.0], positions.shape[1])
    return make_universe(positions, dimensions, masses=masses)


def analysed(positions, lengths, path=None, backend="serial", contacts=False, **options):
    universe = universe_of(positions[-N_FRAMES:], lengths[-N_FRAMES:])
    universe = universe if path is None else in_file(universe, path)
    half = universe.atoms.n_atoms // 2
    shell = CutoffShell(4.0, solvent=universe.atoms[half:]) if contacts else None
    ions = [
        IonSpecies(universe.atoms[:half], charge=1, name="A", microstates=shell),
        IonSpecies(universe.atoms[half:], charge=-1, name="B"),
    ]
    options = {"resolutions": None} | options
    return OnsagerDecomposition(ions, temperature=300, **options).run(backend=backend)


def self_coefficients(positions, lengths):
    """Own sums, which D is proportional to, without the checks."""
    fractional = positions[-N_FRAMES:] / lengths[-N_FRAMES:, None, None]
    path = (fractional - fractional.mean(axis=1, keepdims=True)) * lengths.mean()
    windows = 2 ** np.arange(5)
    return np.array([np.mean((path[w:] - path[:-w]) ** 2) for w in windows])


#: Change of the cell, its amplitude, length of steps, Angstrom, and frames before the first.
SLIGHT = [("noise", 0.01, 0.5, 0), ("noise", 0.003, 0.5, 5000), ("wave", 0.015, 0.3, 4000)]
GRAVE = [("noise", 0.003, 0.02, 8000), ("wave", 0.03, 0.1, 5000), ("noise", 0.003, 0.2, 40_000)]


@pytest.mark.parametrize("case", SLIGHT)
def test_steps_added_in_angstrom_are_said_with_what_they_do(case):
    fractional, lengths = walk(*case)
    wrong = unwrapped(fractional, lengths, "in angstrom")
    right = unwrapped(fractional, lengths, "with the cell")
    excess = (self_coefficients(wrong, lengths) / self_coefficients(right, lengths) - 1).max()
    with pytest.warns(UserWarning, match="adding up steps in Angstrom while the cell") as caught:
        run = analysed(wrong, lengths)
    (text,) = [str(w.message) for w in caught if "Angstrom while" in str(w.message)]
    said = float(re.search(r"by up to ([\d.]+)%", text)[1]) / 100
    assert excess / 2 < said < 2 * excess + 0.01
    assert text in run.results.warnings


@pytest.mark.parametrize("case", GRAVE)
def test_where_they_decide_the_result_they_are_refused(case):
    fractional, lengths = walk(*case)
    wrong = unwrapped(fractional, lengths, "in angstrom")
    right = unwrapped(fractional, lengths, "with the cell")
    excess = (self_coefficients(wrong, lengths) / self_coefficients(right, lengths) - 1).max()
    assert excess > 0.2
    for unwrap in ("auto", False):
        with pytest.raises(InputError, match=r"adding up steps .* cannot be wrapped back: give"):
            analysed(wrong, lengths, unwrap=unwrap)


@pytest.mark.parametrize("how", ["with the cell", "wrapped"])
@pytest.mark.parametrize("case", [*SLIGHT, *GRAVE, ("shrinks", 0.06, 0.3, 4000)])
def test_what_changes_with_the_cell_is_right_and_nothing_is_said(case, how):
    fractional, lengths = walk(*case)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = analysed(unwrapped(fractional, lengths, how), lengths)
    assert not [w for w in caught if "unwrapped" in str(w.message)]
    expected = fractional[-N_FRAMES:] - fractional[-N_FRAMES]
    mass = np.resize([7.0, 35.0], N_IONS)
    expected -= np.average(expected, axis=1, weights=mass)[:, None]
    found = run.paths.position.transpose(2, 0, 1) / run.paths.cell[0, 0]
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_contacts_are_refused_where_places_are_far_off():
    """Slow changes, whose steps are small, put atoms that are far away beside the wrong ones."""
    fractional, lengths = walk("wave", 0.02, 0.5, 3000)
    wrong = unwrapped(fractional, lengths, "in angstrom")
    with pytest.raises(InputError, match=r"positions in the cell are off by 0\.\d\d Å"):
        analysed(wrong, lengths, contacts=True)


@pytest.mark.parametrize("backend", ["serial", "multiprocessing"])
def test_a_file_of_added_steps_is_refused_on_every_backend(backend, tmp_path):
    fractional, lengths = walk(*GRAVE[2])
    wrong = unwrapped(fractional, lengths, "in angstrom")
    with pytest.raises(InputError, match="adding up steps in Angstrom"):
        analysed(wrong, lengths, tmp_path / "run.xtc", backend)


def test_a_constant_cell_asks_for_no_such_look():
    fractional, _ = walk("noise", 0.0, 0.5, 3000)
    lengths = np.full(len(fractional), LENGTH)
    runs = [analysed(unwrapped(fractional, lengths, how), lengths) for how in ("wrapped", "other")]
    assert all(not [t for t in run.results.warnings if "unwrapped" in t] for run in runs)
    first, second = (run.paths.position for run in runs)
    np.testing.assert_allclose(first, second, atol=1e-3)


@settings(
    max_examples=20, deadline=None, derandomize=True
)  # a bound on noise holds for fixed seeds
@given(seed=st.integers(0, 2**32 - 1))
def test_ions_that_rattle_about_faces_are_not_mistaken(seed):
    rng = np.random.default_rng(seed)
    fractional = rng.integers(0, 12, (N_IONS, 3)) / 4 + rng.normal(0, 0.02, (100, N_IONS, 3))
    for change in ("noise", "shrinks"):
        lengths = lengths_of(change, 0.01, 100, rng)
        found = CartesianSteps()
        for t in range(1, 100):
            step = fractional[t] - fractional[t - 1]
            cells = lengths[t - 1 : t + 1, None, None] * np.eye(3)
            found.add(fractional[t - 1], step, *cells)
        part, error = found.part()
        assert part < 5 * error


@pytest.mark.parametrize(("slope", "clear"), [(1.75, False), (2.25, True), (-2.25, False)])
def test_squares_that_grow_with_the_cell_by_four_standard_errors_are_excess(slope, clear):
    """By hand: changes of 0 or 1, squared steps of 10 + slope * change + noise, in 16 frames."""
    change, noise = np.arange(16) // 8, np.tile([-1.0, 1.0], 8)
    steps = CartesianSteps(
        _squares=list(np.repeat((10 + slope * change + noise)[:, None], 3, axis=1)),
        _changes=list(np.repeat(change[:, None].astype(float), 3, axis=1)), _n=16,
    )  # fmt: skip
    # the error of the slope is 1 / sqrt(16 / 4); a half of the frames have grown
    assert steps.excess() == pytest.approx(slope / 2 / 10 if clear else 0.0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_jumps_against_numpy(seed):
    rng = np.random.default_rng(seed)
    cells = np.diag([9.0, 10, 11]) + rng.uniform(-1, 1, (2, 3, 3))
    inverses = np.linalg.inv(cells)
    n = 30
    before, now = (rng.uniform(-2, 2, (2, n, 3)) @ cells).astype(np.float32)
    moving = np.sort(rng.choice(n, 20, replace=False))
    jumps = np.zeros(2)
    count_jumps(now.ravel(), before.ravel(), inverses[1], inverses[0], stretches(moving), jumps)
    steps = np.abs(now.astype(float) @ inverses[1] - before.astype(float) @ inverses[0])[moving]
    near = (np.abs(steps - np.rint(steps)) < 0.25) & (steps > 0.5)
    assert jumps.tolist() == [near.sum(), (np.abs(steps - np.rint(steps)) >= 0.25).sum()]


def test_long_steps_of_particles_are_not_taken_for_jumps():
    rng = np.random.default_rng(0)
    for length in (0.05, 0.2, 0.5, 2.0, 10.0):
        steps = np.abs(rng.normal(0, length, 20_000))
        whole = np.abs(steps - np.rint(steps)) < 0.25
        assert not jumps_show(np.sum(whole & (steps > 0.5)), np.sum(~whole))
    assert jumps_show(1, 0)
    assert not jumps_show(0, 0)


@pytest.mark.parametrize("backend", ["serial", "multiprocessing"])
def test_wrapped_coordinates_are_not_taken_as_continuous(backend, tmp_path):
    """D came out fifteen times too large, with a narrow interval."""
    fractional, lengths = walk("noise", 0.0, 0.5)
    wrapped = unwrapped(fractional, lengths, "wrapped")
    said = r"they jump across the cell: \d+ steps .* e.g. that of atom index \d+ to frame \d+"
    with pytest.raises(InputError, match=said):
        analysed(wrapped, lengths, tmp_path / "run.xtc", backend, unwrap=False)
    right = analysed(unwrapped(fractional, lengths, "with the cell"), lengths, unwrap=False)
    auto = analysed(wrapped, lengths)
    np.testing.assert_allclose(right.paths.position, auto.paths.position, atol=2e-4)


@pytest.mark.parametrize("backend", ["serial", "multiprocessing"])
def test_a_single_jump_between_the_frames_looked_at_is_found(backend):
    fractional, lengths = walk("noise", 0.0, 0.05)
    positions = unwrapped(fractional, lengths, "with the cell")
    positions[152:, 7, 1] += LENGTH
    said = "1 steps between analysed frames are near a whole cell, e.g. .* index 7 to frame 152"
    with pytest.raises(InputError, match=said):
        analysed(positions, lengths, unwrap=False, backend=backend)
    assert analysed(positions, lengths).results.settings["unwrap"]["jumps"] == 1


def test_one_atom_of_a_molecule_that_jumps_is_seen():
    fractional, lengths = walk("noise", 0.0, 0.05)
    centre = unwrapped(fractional, lengths, "with the cell")[-N_FRAMES:]
    positions = np.repeat(centre, 2, axis=1)
    positions[:, 1::2] += [1.2, 0.0, 0.0]
    wrapped = positions % LENGTH
    universe = make_universe(
        wrapped, [LENGTH] * 3 + [90] * 3, residue=np.repeat(np.arange(N_IONS), 2),
        masses=[1.0, 16.0] * N_IONS,
    )  # fmt: skip
    ions = [
        IonSpecies(atoms, charge=charge, name=f"{charge:+d}", compound="residues")
        for atoms, charge in ((universe.atoms[:N_IONS], 1), (universe.atoms[N_IONS:], -1))
    ]
    with pytest.raises(InputError, match="they jump across the cell"):
        OnsagerDecomposition(ions, temperature=300, unwrap=False).run()
    run = OnsagerDecomposition(ions, temperature=300).run()
    expected = centre - centre[0]
    expected -= expected.mean(axis=1, keepdims=True)
    found = run.paths.position.transpose(2, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def plain_correlation(pairs):
    """Steps against what a change of the cell would add to them, pair by pair of frames."""
    corners, size = [0.0, 0.25, 0.5, 0.75], 0
    common, expected, squares, changes = np.zeros((4, 3)), np.zeros((4, 3)), [], []
    place = None
    for fractional, steps, before, now in pairs:
        place, earlier = fractional, fractional if place is None else place
        step = steps @ now
        step = step - np.mean(step, axis=0)
        for k, corner in enumerate(corners):
            away = np.floor(earlier + corner)
            drift = np.array([c @ (before - now) for c in away])
            drift = drift - np.mean(drift, axis=0)
            for axis in range(3):
                common[k, axis] += step[:, axis] @ drift[:, axis]
                expected[k, axis] += drift[:, axis] @ drift[:, axis]
        squares.append(np.mean(step**2, axis=0))
        changes.append([(now[k, k] - before[k, k]) ** 2 for k in range(3)])
        size += step.size
    return common, expected, np.array(squares), np.array(changes), size


@pytest.mark.parametrize(("added", "noise"), [(0.0, 0.05), (0.3, 0.05), (1.0, 0.3), (1.0, 0.01)])
def test_the_part_of_added_steps_and_their_excess_against_numpy(added, noise):
    rng = np.random.default_rng(3)
    cells = np.diag([9.0, 10, 11]) * (1 + rng.normal(0, 0.01, (40, 3, 1)))
    fractional, pairs = rng.uniform(-3, 4, (25, 3)), []
    for before, now in pairwise(cells):
        drift = np.floor(fractional) @ (before - now) @ np.linalg.inv(now)
        steps = added * drift + rng.normal(0, noise, (25, 3)) / 10
        pairs.append((fractional, steps, before, now))
        fractional = fractional + steps
    found = CartesianSteps()
    for pair in pairs:
        found.add(*pair)
    common, expected, squares, changes, size = plain_correlation(pairs)
    # the corner that explains most, direction by direction
    gain = np.where(common > 0, common, 0) ** 2 / expected
    best = [int(np.argmax(gain[:, axis])) for axis in range(3)]
    top = sum(common[best[axis], axis] for axis in range(3))
    bottom = sum(expected[best[axis], axis] for axis in range(3))
    left = squares.mean() * size - top**2 / bottom
    part, error = found.part()
    assert part == pytest.approx(top / bottom)
    assert error == pytest.approx(np.sqrt(left / size / bottom), rel=1e-6)
    assert part == pytest.approx(added, abs=max(5 * error, 0.02))
    # the excess, from the expected steps or from how squares grow with the change of the cell
    explained, grown = 3 * sum(gain[best[axis], axis] for axis in range(3)) / size, 0.0
    for axis in range(3):
        x, y = changes[:, axis], squares[:, axis]
        slope = np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2)
        off = y - y.mean() - slope * (x - x.mean())
        if slope > 4 * np.sqrt(np.mean(off**2) / np.sum((x - x.mean()) ** 2)):
            grown += slope * x.mean()
    total = squares.sum(axis=1).mean()
    more = min(max(explained, grown), 0.99 * total)
    assert found.excess() == pytest.approx(more / (total - more))
    assert grown > 0 or added < 1


def test_a_cell_that_does_not_change_tells_nothing():
    found = CartesianSteps()
    rng = np.random.default_rng(0)
    for _ in range(3):
        found.add(rng.uniform(-2, 2, (5, 3)), rng.normal(size=(5, 3)), np.eye(3), np.eye(3))
    assert found.part() == (0.0, np.inf)
    assert found.excess() == 0


def test_a_step_of_a_quarter_of_a_cell_is_not_near_a_whole_one():
    now = np.array([0.25, 0.75, 1.25, 0.0, 1.0, 0.5, 1.125, -0.875, 0.2], dtype=np.float32)
    jumps = np.zeros(2)
    count_jumps(now, 0 * now, np.eye(3), np.eye(3), np.array([[0, 3]]), jumps)
    # 1, 1.125 and -0.875 are near a whole number of cells; 1/4, 3/4, 5/4 and 1/2 are near none
    assert jumps.tolist() == [3, 4]


def test_cells_reached_and_the_error_of_places_by_hand():
    positions = np.array([[[0.2, 1.5, -0.5], [0.4, 0.5, 2.25]], [[0.1, 0.5, 0.0], [0.3, 1.0, 1.0]]])
    assert cells_reached(positions) == 2.75
    # cells away from the middle one: -1, 0, 2 along the first vector, whose length varies by 0.5
    places = [np.array([[-0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]), np.array([[2.5, 0.5, 0.5]])]
    cells = np.diag([9.0, 10, 11]) + np.array([-0.5, 0.5])[:, None, None] * np.diag([1.0, 0, 0])
    assert place_error(places, cells) == pytest.approx(np.sqrt(5 / 3) * 0.5)


def test_where_cells_are_not_known_squares_grow_with_the_change_of_the_cell():
    """All ions look as if in one cell, while their steps are those of ions in many."""
    rng = np.random.default_rng(1)
    hidden, found = rng.integers(-4, 5, (400, 3)), CartesianSteps()
    squares, changes, before = [], [], np.diag([9.0, 10, 11])
    for length in rng.normal(0, 0.02, (60, 3)):
        now = np.diag([9.0, 10, 11]) * (1 + length)
        steps = (hidden @ (before - now) + rng.normal(0, 0.5, (400, 3))) @ np.linalg.inv(now)
        found.add(rng.uniform(0.3, 0.45, (400, 3)), steps, before, now)
        moved = steps @ now
        squares.append(np.mean((moved - moved.mean(axis=0)) ** 2, axis=0))
        changes.append(np.diag(now - before) ** 2)
        before = now
    squares, changes = np.array(squares), np.array(changes)
    slope = [np.polyfit(changes[:, k], squares[:, k], 1)[0] for k in range(3)]
    np.testing.assert_allclose(slope, hidden.var(axis=0), rtol=0.2)
    grown, total = np.sum(slope * changes.mean(axis=0)), squares.sum(axis=1).mean()
    assert found.excess() == pytest.approx(grown / (total - grown), rel=1e-6)


def test_a_part_without_noise_has_the_error_of_round_off():
    rng = np.random.default_rng(2)
    found, cells = CartesianSteps(), rng.integers(-2, 3, (8, 3)) + 0.5
    size, total = 0, 0.0
    for factor in (1.01, 0.99, 1.02):
        before, now = 10 * np.eye(3), 10 * factor * np.eye(3)
        drift = np.floor(cells) @ (before - now)
        found.add(cells, drift @ np.linalg.inv(now), before, now)
        size, total = size + drift.size, total + np.sum((drift - drift.mean(axis=0)) ** 2)
    part, error = found.part()
    assert part == pytest.approx(1)
    # what is left is a millionth of the root of the squares, which are all expected
    assert error == pytest.approx(1e-6 / np.sqrt(size), rel=1e-3)
    assert not 0.9 < total < 1.1
