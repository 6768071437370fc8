"""Coordination polyhedra: membership known by geometry, a plain twin, gaps, overlaps, cells."""

import contextlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy.spatial import ConvexHull, Delaunay

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.microstates.sites.nearest_site import SiteGrid
from mda_ionmech.microstates.sites.polyhedra import (
    find_polyhedra,
    hull_planes,
    polyhedron_site,
)
from mda_ionmech.results.tables import print_result

from .test_site_assignment import CELL, dimensions, universe_of

#: Anions on a face-centred lattice: their tetrahedra and octahedra fill space.
ANIONS = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
TETRAHEDRAL = np.array(
    [[x, y, z] for x in (0.25, 0.75) for y in (0.25, 0.75) for z in (0.25, 0.75)]
)
OCTAHEDRAL = ANIONS + 0.5
SITES = np.concatenate([TETRAHEDRAL, OCTAHEDRAL])
LABELS = ["tet"] * 8 + ["oct"] * 4


def repeated(places, n=2):
    """Fractional positions of a cell in n x n x n of them."""
    shifts = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    return ((shifts + places) / n).reshape(-1, 3)


def true_site(points):
    """Number in `repeated(SITES)` of the polyhedron each point is in, and its distance to a face.

    An octahedron of the face-centred lattice is |x| + |y| + |z| < 1/2 about its centre, in units of
    the cube; what it leaves are tetrahedra, one in each eighth of the cube.
    """
    sites = repeated(SITES)
    apart = points[:, None] - sites[None]
    apart = 2 * (apart - np.rint(apart))  # in cubes
    taxi = np.abs(apart).sum(axis=-1)
    octahedral = np.tile(np.array(LABELS) == "oct", 8)
    inside = np.where(octahedral[None], taxi < 0.5, np.abs(apart).max(axis=-1) < 0.25)
    inside &= octahedral[None] | ~inside[:, octahedral].any(axis=1, keepdims=True)
    assert np.all(inside.sum(axis=1) == 1)
    edge = np.abs(taxi[:, octahedral] - 0.5).min(axis=1)
    return inside.argmax(axis=1), edge


def run_polyhedra(
    fractional, names, *, cell=CELL, sites=SITES, labels=LABELS, unwrap=False, **options
):
    universe = universe_of(fractional, names, cell)
    options = {"supercell": (2, 2, 2), "framework_fractional": ANIONS} | options
    detector = SiteAssignment.from_structure(
        sites, labels, framework=universe.select_atoms("name H"), assignment="polyhedron", **options
    )
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="ion",
        microstates=detector,
        events=CrystalEvents(),
    )
    run = OnsagerDecomposition([ions], temperature=300, windows=[1.0], unwrap=unwrap)
    run.run()
    return run.species[0].microstates, run


def at_points(points, n_frames=3, rattle=0.0, rng=None):
    """Frames of ions at these points (frames, ions, 3) or (ions, 3), in a still lattice."""
    points = np.broadcast_to(points, (n_frames, *points.shape[-2:]))
    host = np.broadcast_to(repeated(ANIONS), (n_frames, 32, 3))
    if rattle:
        host = host + rng.normal(scale=rattle, size=host.shape)
    names = ["I"] * points.shape[1] + ["H"] * 32
    return np.concatenate([points, host], axis=1), names


def moving(points, rng):
    """The same points in three frames, stirred below the precision that matters."""
    return points + rng.normal(scale=1e-6, size=(3, *points.shape))


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    entries=st.lists(st.integers(-1, 1), min_size=3, max_size=3),
)
def test_membership_known_by_geometry_in_any_cell_and_any_choice_of_vectors(seed, entries):
    rng = np.random.default_rng(seed)
    points = rng.random((40, 3))
    expected, edge = true_site(points)
    points, expected = points[edge > 1e-3], expected[edge > 1e-3]
    change = np.eye(3)
    change[1, 0], change[2, 0], change[2, 1] = entries
    back = np.linalg.inv(change)
    fractional, names = at_points(moving(points, rng))
    _, run = run_polyhedra(
        fractional @ back, names, cell=change @ CELL, sites=repeated(SITES) @ back % 1,
        labels=LABELS * 8, framework_fractional=repeated(ANIONS) @ back, supercell=(1, 1, 1),
        coordination={"tet": 4, "oct": 6},
    )  # fmt: skip
    micro = run.microstates["ion"]
    np.testing.assert_array_equal(micro.state, np.broadcast_to(expected, micro.state.shape))
    assert micro.report["in_no_polyhedron"] == micro.report["in_several_polyhedra"] == 0


def test_the_coordination_is_found_where_distances_jump():
    rng = np.random.default_rng(0)
    fractional, names = at_points(moving(rng.random((4, 3)), rng), rattle=0.003, rng=rng)
    cube = np.diag([11.0, 11.2, 10.9])
    # hosts rattle about the faces of the cell
    detector, run = run_polyhedra(fractional, names, cell=cube, unwrap="auto")
    assert detector.polyhedra.numbers == {"tet": 4, "oct": 6}
    assert detector.polyhedra.closed.all()
    assert detector.reach == pytest.approx(5.6 / 2, rel=0.05)
    held = run.microstates["ion"].report["occupancy"]
    assert sum(held.values()) == pytest.approx(4)
    found = run.results.settings["species"][0]["microstates"]
    assert found["coordination"] == {"tet": 4, "oct": 6}
    assert found["coordination_asked"] is None
    assert found["sites_without_polyhedron"] == 0
    console = Console(record=True, width=200)
    print_result(console, run.results, None)
    assert "0% of the time in no polyhedron" in console.export_text()


def walk(n_frames=41):
    """One ion from a tetrahedron straight through an octahedron into the opposite tetrahedron."""
    path = np.linspace([0.125] * 3, [0.375] * 3, n_frames)[:, None]
    return path, true_site(path[:, 0])[0]


def test_a_carrier_in_no_polyhedron_keeps_the_last_one():
    path, truth = walk()
    inside = np.array(LABELS * 8)[truth] == "tet"
    assert not inside.all()
    fractional, names = at_points(path, len(path))
    tetrahedra = {"sites": TETRAHEDRAL, "labels": LABELS[:8], "coordination": 4}
    _, run = run_polyhedra(fractional, names, **tetrahedra)
    micro = run.microstates["ion"]
    # the same two among the tetrahedra alone
    first, last = (s // 12 * 8 + s % 12 for s in (truth[0], truth[-1]))
    arrives = int(np.flatnonzero(truth == truth[-1])[0])
    expected = np.where(np.arange(len(truth)) < arrives, first, last)
    np.testing.assert_array_equal(micro.state[:, 0], expected)
    assert micro.report["in_no_polyhedron"] == np.count_nonzero(~inside)
    assert any(f"{np.count_nonzero(~inside)} in no polyhedron" in w for w in run.results.warnings)
    # the gap is part of the assignment, not a filter
    assert run.plain().decomposition.equals(run.results.decomposition)
    # before its first polyhedron a carrier takes that one
    _, run = run_polyhedra(fractional[20:], names, **tetrahedra)
    np.testing.assert_array_equal(run.microstates["ion"].state[:, 0], last)
    # without any, the nearest site, and loudly
    with pytest.warns(UserWarning, match="of the time in no polyhedron, 1 carriers never in one"):
        _, run = run_polyhedra(fractional[19:22], names, **tetrahedra)
    apart = (path[19:22] - repeated(TETRAHEDRAL)[None]) @ CELL
    nearest = np.linalg.norm(apart, axis=-1).argmin(axis=1)
    np.testing.assert_array_equal(run.microstates["ion"].state[[0, 2], 0], nearest[[0, 2]])


def test_polyhedra_that_overlap_leave_it_to_the_nearest_centre():
    # an octahedral site split in two: both have the same octahedron
    pair = 0.5 + np.array([[-0.05, 0, 0], [0.05, 0, 0]])
    rng = np.random.default_rng(5)
    points = 0.25 + 0.04 * rng.uniform(-1, 1, (30, 3))
    fractional, names = at_points(moving(points, rng))
    _, run = run_polyhedra(fractional, names, sites=pair, labels=["a", "b"], coordination=6)
    right = np.round(points[:, 0] - 0.25, 9) > 0
    micro = run.microstates["ion"]
    sheared = (points - 0.25) @ CELL @ CELL[0] > 0
    assert np.any(sheared != right), "the boundary is square to the pair in space"
    np.testing.assert_array_equal(micro.state[0], sheared.astype(int))
    assert micro.report["in_several_polyhedra"] == 3 * len(points)


def test_sites_without_a_polyhedron_follow_their_neighbours():
    """Between two octahedral sites, with the atoms around the first one pushed towards them."""
    cube = 10.0 * np.eye(3)
    sites = np.array([[0.5, 0.5, 0.5], [1.0, 0.5, 0.0]])
    middle = sites.mean(axis=0) / 2
    towards = (sites[1] - sites[0]) / np.linalg.norm(sites[1] - sites[0]) / 10.0
    points = middle + np.array([[-0.2], [-0.05], [0.05], [0.2]]) * towards
    fractional, names = at_points(points, 40)
    fractional = fractional.copy()
    # pushed by 0.6 A in one frame of the forty: the boundary moves by 0.3 A, its mean by 0.0075 A
    host = repeated(ANIONS)
    apart = host - sites[0] / 2
    near = np.linalg.norm((apart - np.rint(apart)) @ cube, axis=1) < 2.6
    other = host - sites[1] / 2
    alone = near & (np.linalg.norm((other - np.rint(other)) @ cube, axis=1) > 2.6)
    assert (near.sum(), alone.sum()) == (6, 4)
    fractional[20, 4 + np.flatnonzero(alone)] += 0.6 * towards
    fractional[:, :4] += 1e-7 * np.arange(40)[:, None, None]
    detector, run = run_polyhedra(
        fractional, names, cell=cube, sites=sites, labels=["a", "b"], coordination=0,
    )  # fmt: skip
    state = run.microstates["ion"].state
    assert not detector.polyhedra.closed.any()
    assert detector.reach == 0
    np.testing.assert_array_equal(state[:20], [[0, 0, 1, 1]] * 20)
    # four of the six atoms about the first site by 0.6 A: its centre moves by 0.4 A, less the drift
    np.testing.assert_array_equal(state[20], [0, 0, 0, 1])
    np.testing.assert_array_equal(state[21:], [[0, 0, 1, 1]] * 19)
    report = run.microstates["ion"].report
    assert report["in_no_polyhedron"] == report["outside_every_polyhedron"] == 0


def by_kernel(centres, sites, moved, cell, shape, grid):
    """What `polyhedron_site` finds."""
    site, inside = np.empty(len(centres), dtype=np.int32), np.empty(len(centres), dtype=bool)
    none, several = polyhedron_site(
        centres, sites, grid.boxed, grid.guess, moved, cell, shape.vertices, site, inside
    )
    return site, inside, none, several


def parts_of(shape):
    return [slice(a, b) for a, b in zip(shape.offsets[:-1], shape.offsets[1:], strict=True)]


def in_qhull(vertices, points):
    return Delaunay(vertices).find_simplex(points) >= 0


def behind_all_planes(vertices, points):
    """Points in the convex hull: behind every plane of three vertices that has all others behind.

    A plane counts that has the others up to 1e-9 A beyond it, so that a flat face has one.
    """
    triple = vertices[np.array(list(itertools.combinations(range(len(vertices)), 3)))]
    normal = np.cross(triple[:, 1] - triple[:, 0], triple[:, 2] - triple[:, 0])
    length = np.linalg.norm(normal, axis=1)
    triple, normal = triple[length > 1e-9], normal[length > 1e-9]
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    d = (normal * triple[:, 0]).sum(axis=1)
    normal, d = np.concatenate([normal, -normal]), np.concatenate([d, -d])
    face = np.all(normal @ vertices.T <= d[:, None] + 1e-9, axis=1)
    return np.all(points @ normal[face].T <= d[face], axis=1)


def twin(centres, sites, moved, cell, shape, in_hull=in_qhull):
    """`polyhedron_site` with all sites looked at for every point."""
    held = np.empty(len(centres), dtype=int)
    inside = np.zeros(len(centres), dtype=bool)
    parts = parts_of(shape)
    shift = np.array([moved[shape.atom[p]].mean(axis=0) for p in parts])
    apart = centres[:, None] - sites - shift
    apart = (apart - np.rint(apart)) @ cell
    length = np.linalg.norm(apart, axis=-1)
    within = np.zeros(length.shape, dtype=bool)
    for s, p in enumerate(parts):
        if shape.closed[s]:
            vertices = (shape.vector[p] + moved[shape.atom[p]] - shift[s]) @ cell
            # a hull lies within the sphere about its centre that holds its vertices
            near = length[:, s] <= np.linalg.norm(vertices, axis=1).max() + 1e-6
            if near.any():
                within[near, s] = in_hull(vertices, apart[near, s])
    none = several = 0
    for c in range(len(centres)):
        mine = np.flatnonzero(within[c])
        nearest = int(length[c].argmin())
        held[c] = min(mine, key=lambda s: length[c, s]) if len(mine) else nearest
        inside[c] = len(mine) > 0 or not shape.closed[nearest]
        none += not inside[c]
        several += len(mine) > 1
    return held, inside, none, several


def check(centres, sites, moved, cell, shape, grid, in_hull=in_qhull):
    found = by_kernel(centres, sites, moved, cell, shape, grid)
    expected = twin(centres, sites, moved, cell, shape, in_hull)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    assert found[2:] == expected[2:]
    return found


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    number=st.sampled_from([None, 4, 8, 12, "mixed"]),
)
def test_the_kernel_is_its_plain_twin(seed, number):
    rng = np.random.default_rng(seed)
    atoms, sites = rng.random((30, 3)), rng.random((8, 3))
    labels = list("aabbccdd")
    wanted = {"a": 0, "b": 0} if number == "mixed" else None
    shape = find_polyhedra(sites, labels, atoms, CELL, wanted)
    if isinstance(number, int):
        with contextlib.suppress(InputError):  # of sites it does not enclose
            shape = find_polyhedra(sites, labels, atoms, CELL, number)
    grid = SiteGrid.of(sites, CELL)
    moved = rng.normal(scale=0.02, size=atoms.shape)
    check(rng.uniform(-1, 2, (40, 3)), sites, moved, CELL, shape, grid)


#: Atoms, and sites between them whose polyhedra are tetrahedra and octahedra, cubes, tetrahedra
#: alone with gaps between, and pairs of octahedra that are the same but for their centre.
LATTICES = {
    "filled": (ANIONS, SITES, [4] * 8 + [6] * 4),
    "gaps": (ANIONS, TETRAHEDRAL, [4] * 8),
    "cubes": (repeated(np.zeros((1, 3))), repeated(np.full((1, 3), 0.5)), [8] * 8),
    "twice": (
        ANIONS,
        np.concatenate([OCTAHEDRAL - 0.02, OCTAHEDRAL + np.array([0.03, 0.01, 0])]),
        [6] * 8,
    ),
    "open": (ANIONS, SITES, [4] * 8 + [0] * 4),
    "unlike": (ANIONS, SITES, [4] * 4 + [8] * 4 + [6] * 2 + [10] * 2),
}


def near_faces(shape, sites, moved, cell, rng):
    """Fractional points 1e-6 A and 1e-3 A to either side of triangles of vertices in a frame."""
    parts = parts_of(shape)
    points = []
    for s in rng.choice(np.flatnonzero(shape.closed), 15):
        vertices = (sites[s] + shape.vector[parts[s]] + moved[shape.atom[parts[s]]]) @ cell
        three = vertices[rng.choice(len(vertices), 3, replace=False)]
        normal = np.cross(three[1] - three[0], three[2] - three[0])
        middle = rng.dirichlet(np.ones(3)) @ three
        step = rng.choice([-1e-3, -1e-6, 1e-6, 1e-3])
        points.append(middle + step * normal / np.linalg.norm(normal))
    return np.array(points) @ np.linalg.inv(cell)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    lattice=st.sampled_from(sorted(LATTICES)),
    distortion=st.sampled_from([0.0, 1e-7, 0.05, 0.3]),
)
def test_nothing_is_lost_while_polyhedra_distort(seed, lattice, distortion):
    """Against all hulls of all sites, in frames that vibrate as little and as much as may be.

    By 0.5 A along each axis faces turn inside out, hulls lose vertices and neighbours overlap.
    """
    rng = np.random.default_rng(seed)
    anions, between, numbers = LATTICES[lattice]
    atoms, sites = repeated(anions, 3), repeated(between, 3)
    cell = 1.5 * CELL * (1.0 + 0.05 * rng.normal(size=3))[:, None]
    back = np.linalg.inv(cell)
    labels = [f"{n}" for n in numbers * 27]
    rough = atoms + rng.normal(scale=distortion, size=atoms.shape) @ back
    try:
        shape = find_polyhedra(sites, labels, rough, cell, {k: int(k) for k in set(labels)})
    except InputError:  # of sites these do not enclose
        shape = find_polyhedra(sites, labels, rough, cell, None)
    grid = SiteGrid.of(sites, cell)
    for size in (0.0, 0.05, 0.2, 0.5):
        moved = rng.normal(scale=size, size=atoms.shape) @ back
        now = cell @ (np.eye(3) + 0.02 * rng.normal(size=(3, 3)))
        centres = rng.uniform(-1, 2, (40, 3))
        if size > 0:  # else what is in faces of four atoms is decided by rounding
            centres = np.concatenate([centres, near_faces(shape, sites, moved, now, rng)])
        check(centres, sites, moved, now, shape, grid, behind_all_planes)


@pytest.mark.slow
def test_an_atom_that_goes_far_changes_what_is_about_it_alone():
    rng = np.random.default_rng(3)
    atoms, sites = repeated(ANIONS, 3), repeated(SITES, 3)
    cell = 16.8 * np.eye(3)
    shape = find_polyhedra(sites, LABELS * 27, atoms, cell, None)
    grid = SiteGrid.of(sites, cell)
    # 2.5 A towards a site
    moved = np.zeros((108, 3))
    moved[0] = 2.5 / np.sqrt(3) / 16.8
    centres = rng.random((4000, 3))
    still = by_kernel(centres, sites, 0 * moved, cell, shape, grid)
    gone = check(centres, sites, moved, cell, shape, grid)
    about = np.linalg.norm((centres - np.rint(centres)) @ cell, axis=1)
    assert np.any(still[0] != gone[0])
    assert np.all((still[0] == gone[0])[about > 5.6])


@pytest.mark.parametrize(
    "vertices",
    [
        np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]),
        np.concatenate([np.eye(3), -np.eye(3)]),
        np.random.default_rng(1).normal(size=(12, 3)),
    ],
)
def test_planes_are_those_of_qhull(vertices):
    vertices = np.asarray(vertices, dtype=float)
    planes = np.empty((220, 4))
    n = hull_planes(vertices, planes)
    wanted = ConvexHull(vertices).equations * [1, 1, 1, -1]
    ours = planes[:n]
    np.testing.assert_allclose(ours[np.lexsort(ours.T)], wanted[np.lexsort(wanted.T)], atol=1e-12)


def test_faces_of_a_cube_and_of_points_in_a_plane():
    cube = np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)])
    planes = np.empty((56, 4))
    n = hull_planes(cube, planes)
    faces = {tuple(np.round(p, 9) + 0.0) for p in planes[:n]}
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    assert faces == {(*a, 1.0) for a in axes}
    assert hull_planes(cube[cube[:, 0] > 0], planes) == 0
    line = np.outer(np.arange(5.0), [1, 2, 3])
    assert hull_planes(line, planes) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coordination": 3}, "coordination must be a whole number from 4 to 12, or 0 .* got 3"),
        ({"coordination": {"tet": 4.5}}, r"coordination\['tet'\] must be a whole .* got 4.5"),
        ({"coordination": {"td": 4}}, r"coordination is given for \['td'\], the sites are \['oct'"),
        (
            {"coordination": {"oct": 4}},
            r"the 4 nearest vertices of site \d+ \(oct\), up to .* do not enclose it: give another",
        ),
        ({"vertices": "name I"}, "vertices and the carriers overlap in atom index 0"),
        ({"vertices": "name X"}, "vertices is an empty AtomGroup"),
        ({"assignment": "core", "coordination": 4}, "coordination=... has no meaning with assign"),
        ({"assignment": "nearest", "vertices": "all"}, "vertices=... has no meaning with assignm"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    rng = np.random.default_rng(0)
    fractional, names = at_points(moving(rng.random((4, 3)), rng))
    universe = universe_of(fractional, names, 11.0 * np.eye(3))
    if "vertices" in options:
        options = options | {"vertices": universe.select_atoms(options["vertices"])}
    options = {
        "framework": universe.select_atoms("name H"),
        "framework_fractional": ANIONS,
        "supercell": (2, 2, 2),
        "assignment": "polyhedron",
    } | options

    def run():
        detector = SiteAssignment.from_structure(SITES, LABELS, **options)
        ions = IonSpecies(
            universe.select_atoms("name I"), charge=1, name="ion", microstates=detector
        )
        OnsagerDecomposition([ions], temperature=300, windows=[1.0], unwrap=False).run()

    with pytest.raises(InputError, match=message):
        run()


def test_a_cell_too_small_for_its_polyhedra_is_refused():
    rng = np.random.default_rng(1)
    points = rng.random((3, 2, 3))
    fractional = np.concatenate([points, np.broadcast_to(ANIONS, (3, 4, 3))], axis=1)
    cube = 5.6 * np.eye(3)
    universe = universe_of(fractional, ["I"] * 2 + ["H"] * 4, cube)
    assert dimensions(cube)[0] == pytest.approx(5.6)
    detector = SiteAssignment.from_structure(
        SITES, LABELS, framework=universe.select_atoms("name H"), assignment="polyhedron",
        framework_fractional=ANIONS,
    )  # fmt: skip
    ions = IonSpecies(universe.select_atoms("name I"), charge=1, name="ion", microstates=detector)
    with pytest.raises(InputError, match="cell is too small"):
        OnsagerDecomposition([ions], temperature=300, windows=[1.0], unwrap=False).run()
