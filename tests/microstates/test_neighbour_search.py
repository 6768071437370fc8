"""The cell list against MDAnalysis and against brute force, on every shape of cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from MDAnalysis.lib.distances import capped_distance
from MDAnalysis.lib.mdamath import triclinic_vectors

from mda_ionmech.microstates import FrameGeometry
from mda_ionmech.microstates.ligand_grid import grid_shape
from mda_ionmech.microstates.neighbour_search import (
    BLOCK,
    FIRST_PAUSE,
    NearLigands,
    contact_pairs,
    ligand_distances,
)
from mda_ionmech.trajectory.cells import in_lattice_vectors, reduced_cell
from mda_ionmech.trajectory.unwrap import cell_heights


def brute_force(centres, ligands, cell, cutoff):
    """Every image within two cells in each direction."""
    shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3)
    difference = ligands[None, :] - centres[:, None]
    difference -= np.rint(difference)
    vectors = (difference[:, :, None] + shifts) @ cell
    distance = np.linalg.norm(vectors, axis=-1).min(axis=-1)
    return {(int(i), int(j)) for i, j in zip(*np.nonzero(distance < cutoff), strict=True)}


def found_pairs(centres, ligands, cell, cutoff, owner=None):
    n = len(ligands)
    owner = np.full(n, -1) if owner is None else owner
    frame = FrameGeometry(
        centres, ligands, np.zeros(n, dtype=np.int64), owner.astype(np.int64), cell
    )
    carrier, ligand, distance = contact_pairs(frame, np.array([cutoff]))
    assert np.all(distance <= cutoff)
    order = np.lexsort((ligand, carrier))
    np.testing.assert_array_equal(order, np.arange(len(order)))
    return {(int(i), int(j)) for i, j in zip(carrier, ligand, strict=True)}


angles = st.floats(60, 120)
lengths = st.floats(8, 60)


@settings(max_examples=60, deadline=None)
@given(
    abc=st.tuples(lengths, lengths, lengths),
    angle=st.tuples(angles, angles, angles),
    cutoff=st.floats(1.0, 6.0),
    n=st.integers(1, 120),
    seed=st.integers(0, 2**32 - 1),
)
def test_pairs_are_those_of_brute_force_and_of_mdanalysis(abc, angle, cutoff, n, seed):
    box = np.array([*abc, *angle])
    cell = triclinic_vectors(box, dtype=np.float64)
    if not cell.any():
        return  # these angles close no cell
    cell = reduced_cell(cell)
    if 2 * cutoff >= cell_heights(cell).min():
        return
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-1.5, 1.5, (7, 3))
    ligands = rng.uniform(-1.5, 1.5, (n, 3))
    ours = found_pairs(centres, ligands, cell, cutoff)
    assert ours == brute_force(centres, ligands, cell, cutoff)
    pairs = capped_distance(
        (centres @ cell).astype(np.float32),
        (ligands @ cell).astype(np.float32),
        cutoff,
        box=box.astype(np.float32),
        return_distances=False,
    )
    theirs = {(int(i), int(j)) for i, j in pairs}
    # in single precision a pair may fall on the other side of the cutoff
    for i, j in ours ^ theirs:
        difference = ligands[j] - centres[i]
        difference -= np.rint(difference)
        assert np.linalg.norm(difference @ cell) == pytest.approx(cutoff, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    radii=st.tuples(st.floats(1.0, 5.0), st.floats(1.0, 5.0)),
    skew=st.sampled_from([0.0, 3.0]),
    n=st.integers(1, 300),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_type_has_its_cutoff_and_no_carrier_its_own_atoms(radii, skew, n, seed):
    rng = np.random.default_rng(seed)
    cell = reduced_cell(np.diag(rng.uniform(14, 20, 3)) + skew * rng.uniform(-1, 1, (3, 3)))
    if 2 * max(radii) >= cell_heights(cell).min():
        return
    centres, ligands = rng.uniform(-2, 2, (9, 3)), rng.uniform(-2, 2, (n, 3))
    kind, owner = rng.integers(0, 2, n), rng.integers(-1, 9, n)
    outer = np.array(radii)
    frame = FrameGeometry(centres, ligands, kind, owner, cell)
    carrier, ligand, distance = contact_pairs(frame, outer)
    unordered = ligand_distances(frame, outer)
    order, other = np.lexsort((distance, ligand)), np.lexsort(unordered[::-1])
    for one, same in zip((ligand, distance), unordered, strict=True):
        np.testing.assert_array_equal(one[order], same[other])
    pairs = {(int(i), int(j)) for i, j in zip(carrier, ligand, strict=True)}
    for k in range(2):
        wanted = brute_force(centres, ligands[kind == k], cell, outer[k])
        number = np.flatnonzero(kind == k)
        mine = {(i, int(number[j])) for i, j in wanted if owner[number[j]] != i}
        assert {p for p in pairs if kind[p[1]] == k} == mine
    whole = ligands[ligand] - centres[carrier]
    shifts = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3), axis=-1).reshape(-1, 3)
    images = (whole - np.rint(whole))[:, None] + shifts
    np.testing.assert_allclose(
        distance, np.linalg.norm(images @ cell, axis=-1).min(axis=-1), atol=1e-12
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6 * BLOCK))
def test_crowded_rows_of_the_grid_are_searched_to_their_end(seed, n):
    """Ligands in one small corner: rows of the grid that are empty, and one of several blocks."""
    rng = np.random.default_rng(seed)
    cell = np.diag([16.0, 17.0, 18.0])
    corner, ligands = rng.random(3), rng.random((n, 3)) * [0.25, 0.25, 0.4]
    centres = corner + rng.random((20, 3)) * 0.4 - 0.1
    assert found_pairs(centres, corner + ligands, cell, 3.0) == brute_force(
        centres, corner + ligands, cell, 3.0
    )


def test_a_dilute_huge_cell_keeps_a_small_grid():
    rng = np.random.default_rng(0)
    cell = np.diag([5000.0, 4000.0, 3000.0])
    assert grid_shape(cell, 3.0, 50).prod() <= 3 * 50
    centres = rng.uniform(0, 1, (20, 3))
    ligands = np.concatenate(
        [centres + 2.0 / 5000 * np.array([1, 0, 0]), rng.uniform(0, 1, (30, 3))]
    )
    assert found_pairs(centres, ligands, cell, 3.0) == {(i, i) for i in range(20)}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    exponent=st.floats(-12, -3),
    length=st.sampled_from([15.0, 80.0, 900.0]),
    plain=st.booleans(),
)
def test_pairs_at_the_cutoff_are_told_apart_in_double_precision(seed, exponent, length, plain):
    rng = np.random.default_rng(seed)
    cutoff = rng.uniform(2, 6)
    cell = reduced_cell(np.diag(rng.uniform(1, 1.5, 3) * length) + rng.uniform(-3, 3, (3, 3)))
    places = rng.uniform(-2, 2, (40, 3)) @ cell
    way = rng.normal(size=(40, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    ratio = 1 + rng.choice([-1, 1], (40, 1)) * 10.0**exponent
    inverse = np.linalg.inv(cell)
    centres, ligands = places @ inverse, (places + cutoff * ratio * way) @ inverse
    frame = FrameGeometry(
        centres, ligands, np.zeros(40, dtype=np.int64), np.full(40, -1, dtype=np.int64), cell
    )
    outer = np.array([cutoff])
    if plain:
        first, last, found, _ = NearLigands(outer, measured=False).find(frame)
        pairs = {(c, int(a)) for c in range(40) for a in found[first[c] : last[c]]}
    else:
        carrier, ligand, _ = contact_pairs(frame, outer)
        pairs = set(zip(carrier.tolist(), ligand.tolist(), strict=True))
    # which side of the cutoff is left to rounding only within about 1e-12 of it
    wanted = brute_force(centres, ligands, cell, cutoff)
    if exponent > -11:
        assert pairs == wanted
    assert {(k, k) for k in range(40) if ratio[k] < 1 - 1e-11} <= pairs


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    step=st.sampled_from([0.0, 0.01, 0.05, 0.2, 1.0]),
    skew=st.sampled_from([0.0, 3.0]),
    breathing=st.booleans(),
    measured=st.booleans(),
)
def test_frames_in_a_row_give_the_pairs_of_each(seed, step, skew, breathing, measured):
    rng = np.random.default_rng(seed)
    cell = reduced_cell(np.diag(rng.uniform(14, 30, 3)) + skew * rng.uniform(-1, 1, (3, 3)))
    outer = np.array([3.0, 4.0]) if measured else np.array([3.5, 3.5])
    n = 200
    kind, owner = rng.integers(0, 2, n), np.full(n, -1)
    places = rng.uniform(-1, 2, (n + 9, 3)) @ cell
    search = NearLigands(outer, measured=measured)
    for t in range(4 * FIRST_PAUSE):
        if breathing and t % 3 == 0:
            cell = cell * (1 + 1e-3 * rng.normal())
        # some cross the cell in one step, as wrapped coordinates do
        turns = rng.integers(-1, 2, places.shape) * (rng.random(places.shape) < 0.02)
        places = places + rng.normal(scale=step, size=places.shape) + turns @ cell
        fractional = places @ np.linalg.inv(cell)
        frame = FrameGeometry(fractional[:9], fractional[9:], kind, owner, cell)
        first, last, ligand, square = search.find(frame)
        carrier, wanted, distance = contact_pairs(frame, outer)
        for c in range(9):
            mine = ligand[first[c] : last[c]]
            order = np.argsort(mine)
            np.testing.assert_array_equal(mine[order], wanted[carrier == c])
            if measured:
                found = np.sqrt(square[first[c] : last[c]][order])
                np.testing.assert_array_equal(found, distance[carrier == c])


def test_a_carrier_is_not_its_own_ligand():
    centres = np.array([[0.1, 0.1, 0.1], [0.2, 0.1, 0.1]])
    cell = np.diag([20.0, 20.0, 20.0])
    pairs = found_pairs(centres, centres, cell, 3.0, owner=np.array([0, 1]))
    assert pairs == {(0, 1), (1, 0)}


def test_many_contacts_outgrow_the_first_buffer():
    rng = np.random.default_rng(3)
    cell = np.diag([12.0, 12.0, 12.0])
    centres, ligands = rng.uniform(0, 1, (3, 3)), rng.uniform(0, 1, (500, 3))
    ours = found_pairs(centres, ligands, cell, 5.0)
    assert len(ours) > 64
    assert ours == brute_force(centres, ligands, cell, 5.0)


@settings(max_examples=100, deadline=None)
@given(
    abc=st.tuples(lengths, lengths, lengths),
    entries=st.lists(st.integers(-3, 3), min_size=6, max_size=6),
)
def test_reduction_keeps_the_lattice_and_raises_its_heights(abc, entries):
    cell = np.diag(abc)
    lower, upper = np.eye(3), np.eye(3)
    lower[np.tril_indices(3, -1)] = entries[:3]
    upper[np.triu_indices(3, 1)] = entries[3:]
    skewed = (lower @ upper) @ cell
    reduced = reduced_cell(skewed)
    change = reduced @ np.linalg.inv(cell)
    np.testing.assert_allclose(change, np.rint(change), atol=1e-6)
    assert abs(np.linalg.det(reduced)) == pytest.approx(np.prod(abc))
    np.testing.assert_allclose(np.sort(np.linalg.norm(reduced, axis=1)), np.sort(abc), rtol=1e-4)
    np.testing.assert_allclose(in_lattice_vectors(skewed, reduced), reduced, atol=1e-6)
