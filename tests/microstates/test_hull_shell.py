"""Shells by convex hull: polyhedra with known members, each condition alone, and a plain twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import FrameGeometry, HullShell
from mda_ionmech.microstates.hull_shell import FLAT, hull_size
from mda_ionmech.results.tables import print_shells

from ..builders import make_universe

CELL = 40.0 * np.eye(3)
TETRAHEDRON = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]) / np.sqrt(3)
OCTAHEDRON = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0, -1, 0), (0, 0, -1)])
CUBE = np.concatenate([TETRAHEDRON, -TETRAHEDRON])
FAR = [(4.0, 3.0, 2.0)]


def shell(ligands, others=FAR, *, kinds=None, cell=CELL, centre=(0.5, 0.5, 0.5), **options):
    """Members of the shell of one carrier, and the tally."""
    ligands, others = (np.asarray(x, dtype=float).reshape(-1, 3) for x in (ligands, others))
    kinds = np.zeros(len(ligands), dtype=np.int64) if kinds is None else np.array(kinds)
    atoms = make_universe(np.zeros((1, 4, 3))).atoms
    groups = {name: atoms[k : k + 1] for k, name in enumerate("ab"[: kinds.max(initial=0) + 1])}
    inverse = np.linalg.inv(cell)
    frame = FrameGeometry(
        np.array([centre]),
        centre + ligands @ inverse,
        kinds,
        np.full(len(ligands), -1),
        cell,
        cell,
        others=centre + others @ inverse,
        other_owner=np.full(len(others), -1),
    )
    found = HullShell(**options, **groups).contacts(frame)
    assert found.inner.all()
    assert np.all(found.carrier == 0)
    return found.ligand.tolist(), found.tally


@pytest.mark.parametrize(
    ("polyhedron", "order"),
    [
        (TETRAHEDRON, range(4)),
        (OCTAHEDRON, (0, 1, 2, 3, 4, 5)),
        (OCTAHEDRON, (5, 1, 0, 3, 2, 4)),
        (CUBE, range(8)),
    ],
)
@pytest.mark.parametrize("centre", [(0.5, 0.5, 0.5), (0.001, 0.999, 0.0)])
def test_regular_polyhedra(polyhedron, order, centre):
    ligands = (2.2 * polyhedron)[list(order)]
    # a second shell, all beyond the ratio, and a host atom between the two
    far = 4.0 * CUBE
    members, tally = shell(np.concatenate([ligands, far]), [(3.0, 0.2, 0.1)], centre=centre)
    assert members == list(range(len(ligands)))
    assert tally == (0, 0, 0)


def test_a_ligand_that_hides_another_ends_the_shell():
    # condition 1 alone: behind ligand 0, below the ratio, host far off
    ligands = np.concatenate([2.0 * TETRAHEDRON, [3.3 * TETRAHEDRON[0]], [3.4 * -TETRAHEDRON[0]]])
    assert shell(ligands) == ([0, 1, 2, 3], (0, 0, 0))
    # beside it, the same distance completes a hull of five; then the one opposite joins too
    beside = 3.3 * np.array((1.0, 0.0, 0.0))
    assert shell([*ligands[:4], beside, ligands[5]])[0] == [0, 1, 2, 3, 4, 5]


def test_a_ligand_beyond_a_host_atom_ends_the_shell():
    # condition 2 alone
    ligands = np.concatenate([2.0 * TETRAHEDRON, [3.3 * -TETRAHEDRON[0]]])
    between = 2.4 * -TETRAHEDRON[0]
    assert shell(ligands, [between]) == ([0, 1, 2, 3], (0, 0, 0))
    assert shell(ligands, [1.5 * between]) == ([0, 1, 2, 3, 4], (0, 0, 0))
    # only the host atom nearest to the carrier counts
    nearer = 2.2 * TETRAHEDRON[1]
    assert shell(ligands, [between, nearer])[0] == [0, 1, 2, 3, 4]
    # one that hides a single ligand leaves the number of vertices as it is, but lies outside
    assert shell(ligands, [2.3 * TETRAHEDRON[1]])[0] == [0, 1, 2, 3, 4]


def test_a_ligand_beyond_the_ratio_ends_the_shell():
    # condition 3 alone: a distance of 1.75 times the nearest is one too many
    def with_fifth(distance):
        return np.concatenate([2.0 * TETRAHEDRON, [distance * -TETRAHEDRON[0]]])

    assert shell(with_fifth(3.49))[0] == [0, 1, 2, 3, 4]
    assert shell(with_fifth(3.51))[0] == [0, 1, 2, 3]
    assert shell(with_fifth(3.51), ratio=1.8)[0] == [0, 1, 2, 3, 4]


def test_coplanar_seeds_take_the_fallback():
    square = 2.0 * np.array([(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0)])
    ligands = np.concatenate([square, [(0, 0, 3.0)], [(0, 0, 5.0)]])
    # 1.75 times the nearest
    assert shell(ligands) == ([0, 1, 2, 3, 4], (0, 0, 1))
    assert shell(ligands, fallback=2.5) == ([0, 1, 2, 3], (0, 0, 1))
    kinds = [0, 0, 0, 0, 1, 1]
    assert shell(ligands, kinds=kinds, fallback={"a": 1.0, "b": 5.5}) == ([4, 5], (0, 0, 1))
    # rounding of coordinates does not make a polyhedron of a square
    noise = np.random.default_rng(0).normal(scale=1e-6, size=(4, 3))
    assert shell(np.concatenate([square + noise, ligands[4:]]))[1] == (0, 0, 1)
    bent = square + 0.1 * np.array([(0, 0, 1), (0, 0, -1)] * 2)
    assert shell(np.concatenate([bent, ligands[4:]])) == ([0, 1, 2, 3, 4], (0, 0, 0))


def test_too_few_ligands_or_no_other_atom_take_the_fallback():
    assert shell(2.0 * TETRAHEDRON[:3]) == ([0, 1, 2], (1, 0, 0))
    assert shell(2.0 * TETRAHEDRON[:3], fallback=1.0) == ([], (1, 0, 0))
    assert shell(np.empty((0, 3))) == ([], (1, 0, 0))
    assert shell([[2.0, 0, 0], [0, 3.6, 0]]) == ([0], (1, 0, 0))
    six = 2.0 * OCTAHEDRON
    assert shell(six, np.empty((0, 3))) == (list(range(6)), (0, 1, 0))
    assert shell(six, [(6.5, 0, 0)]) == (list(range(6)), (0, 1, 0))
    # ligands beyond the search do not count
    assert shell(np.concatenate([six[:3], [[0, 0, -6.1]]]))[1] == (1, 0, 0)


def within(point, points):
    """Whether a point is in the hull of others, as a linear programme."""
    equal = np.vstack([np.transpose(points), np.ones(len(points))])
    return linprog(np.zeros(len(points)), A_eq=equal, b_eq=[*point, 1.0], bounds=(0, None)).success


def plain_size(place, foreign, ratio):
    """The rule one ligand after another, without Qhull."""
    distance = np.linalg.norm(place, axis=1)
    size = 4
    while size < len(place):
        now = place[: size + 1]
        hidden = any(within(p, np.delete(now, k, axis=0)) for k, p in enumerate(now))
        if hidden or within(foreign, now) or distance[size] >= ratio * distance[0]:
            break
        size += 1
    return size


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 11))
def test_bisection_and_plain_growth_agree(seed, n):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(n + 1, 3))
    distance = np.append(np.sort(rng.uniform(2.0, 3.8, n)), rng.uniform(1.5, 4.0))
    place = direction / np.linalg.norm(direction, axis=1)[:, None] * distance[:, None]
    seeds = place[:4] - place[:4].mean(axis=0)
    if np.linalg.svd(seeds, compute_uv=False)[-1] < 100 * FLAT:
        return
    assert hull_size(place[:-1], distance[:-1], place[-1], 1.75) == plain_size(
        place[:-1], place[-1], 1.75
    )


def glass(n_frames=30, seed=0, dimensions=(16.0, 17.0, 18.0, 90, 90, 90)):
    """Ions (name I), ligands (S) and hosts (P) that rattle about random places."""
    rng = np.random.default_rng(seed)
    box = np.array(dimensions[:3])
    start = rng.uniform(0, 1, (120, 3)) * box
    path = start + rng.normal(scale=0.25, size=(n_frames, 120, 3))
    path[:, :10] += np.cumsum(rng.normal(scale=0.2, size=(n_frames, 10, 3)), axis=0)
    names = ["I"] * 10 + ["S"] * 80 + ["P"] * 30
    return make_universe(path, dimensions, names=names, masses=[7.0] * 10 + [32.0] * 80 + [31] * 30)


def run_glass(universe, host=None, **options):
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="I+",
        microstates=HullShell(
            host=None if host is None else universe.select_atoms(host),
            solvent=universe.select_atoms("name S"),
            **options.pop("shell", {}),
        ),
        events=SolvationEvents(),
    )
    run = OnsagerDecomposition([ions], temperature=300, frame="laboratory", windows=[1.0, 4.0])
    return run.run(**options)


def test_events_work_on_top_and_fallbacks_are_reported():
    universe = glass()
    run = run_glass(universe, shell={"search": 4.0})
    micro = run.microstates["I+"]
    sizes = np.diff(micro.shells.offsets)
    assert sizes.max() > 4
    assert len({*run.events(1.0).label.ravel().tolist()}) > 1
    report = run.results.settings["species"][0]["microstates"]
    assert report["detector"] == "HullShell"
    counted = {k: v for k, v in report.items() if k.startswith("fallback_") and "ang" not in k}
    assert set(counted) == set(HullShell.tally_names)
    assert 0 < sum(counted.values()) < 300
    warned = next(w for w in run.results.warnings if "of 300 shells of I+" in w)
    assert f"{counted['fallback_fewer_than_four_ligands']} fallback fewer than four" in warned
    # the same cases by direct counting of ligands and hosts within the search
    few = 0
    for ts in universe.trajectory:
        step = ts.positions[:10, None].astype(float) - ts.positions[None, 10:90]
        step -= universe.dimensions[:3] * np.rint(step / universe.dimensions[:3])
        few += np.sum(np.sum(np.linalg.norm(step, axis=-1) <= 4.0, axis=1) < 4)
    assert counted["fallback_fewer_than_four_ligands"] == few


def test_other_carriers_and_the_host_bound_a_shell():
    universe = glass()
    ions, ligands = universe.select_atoms("name I"), universe.select_atoms("name S")
    everything = HullShell(s=ligands).other_atoms(ions)
    np.testing.assert_array_equal(everything, universe.select_atoms("not name S").ix)
    some = HullShell(host=universe.select_atoms("name P")[:3], s=ligands).other_atoms(ions)
    assert some.tolist() == [*range(10), 90, 91, 92]
    # naming every other atom is the default
    whole, named = run_glass(universe), run_glass(universe, host="name P")
    np.testing.assert_array_equal(whole.microstates["I+"].state, named.microstates["I+"].state)
    ions_only = run_glass(universe, host="name I").microstates["I+"]
    assert not np.array_equal(whole.microstates["I+"].state, ions_only.state)


def test_persistence_applies():
    plain, steady = (run_glass(glass(), shell={"persistence": p}) for p in (None, 3.0))
    changes = [r.microstates["I+"].report["changed_per_frame"] for r in (plain, steady)]
    assert changes[1] < 0.5 * changes[0]
    assert steady.is_filtered
    again = steady.plain().settings["species"][0]["microstates"]
    assert again["changed_per_frame"] == changes[0]
    assert again["fallback_coplanar_ligands"] == 0


def test_serial_equals_multiprocessing_bit_for_bit(tmp_path):
    import MDAnalysis as mda

    source = glass()
    source.atoms.write(str(tmp_path / "t.xtc"), frames="all")
    universes = []
    for _ in range(2):
        universe = glass(1)
        universe.load_new(str(tmp_path / "t.xtc"))
        universes.append(universe)
    assert isinstance(universes[0].trajectory, mda.coordinates.XTC.XTCReader)
    shell = {"search": 4.0}
    serial = run_glass(universes[0], shell=shell)
    split = run_glass(universes[1], shell=shell, backend="multiprocessing", n_workers=2, n_parts=5)
    for group in ("decomposition", "states", "shells"):
        one, two = (r.results.tree[group].to_dataset() for r in (serial, split))
        assert one.identical(two)
    reports = [r.microstates["I+"].report for r in (serial, split)]
    assert reports[0] == reports[1]
    assert reports[0]["fallback_fewer_than_four_ligands"] > 0


def test_another_choice_of_cell_vectors_gives_the_same_shells():
    length = 16.0
    straight = glass(12, dimensions=(length,) * 3 + (90, 90, 90))
    positions = np.stack([ts.positions.copy() for ts in straight.trajectory])
    # the same lattice with b' = b + a: two vectors at 45 degrees
    skewed = make_universe(
        positions,
        (length, length * np.sqrt(2), length, 90, 90, 45),
        names=straight.atoms.names,
        masses=straight.atoms.masses,
    )
    one, two = (run_glass(u).microstates["I+"] for u in (straight, skewed))
    np.testing.assert_array_equal(one.state, two.state)
    np.testing.assert_array_equal(one.shells.atom, two.shells.atom)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"search": -1.0}, "search must be a length in Angstrom above 0, got -1.0"),
        ({"ratio": 1.0}, "ratio must be a number above 1, e.g. 1.75, got 1.0"),
        ({"fallback": 0.0}, "fallback of 'a' must be a length in Angstrom above 0, got 0.0"),
        ({"fallback": 7.0}, "fallback of 'a' is 7 Å, beyond search = 6 Å; raise search"),
        ({"fallback": {"b": 2.0}}, r"fallback is given for \['b'\], the ligand types are \['a'\]"),
        ({"host": slice(0, 2)}, "host and ligand type 'a' overlap in atom index 0"),
        ({"host": slice(0, 0)}, "host is an empty AtomGroup"),
        ({"persistence": -3}, "persistence must be a time in ps"),
    ],
)
def test_bad_choices_are_refused(options, message):
    atoms = make_universe(np.zeros((3, 6, 3))).atoms
    if "host" in options:
        options = {"host": atoms[options["host"]]}
    with pytest.raises(InputError, match=message):
        HullShell(a=atoms[:2], **options)


def test_a_host_of_another_universe_is_refused():
    one, other = (make_universe(np.zeros((3, 6, 3))).atoms for _ in range(2))
    with pytest.raises(InputError, match="host and ligand type 'a' are atoms of different univ"):
        HullShell(a=one[:2], host=other[3:])


def test_distributions_can_be_measured_and_printed():
    from rich.console import Console

    universe = glass()
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="I+",
        microstates=HullShell(solvent=universe.select_atoms("name S")),
    )
    run = OnsagerDecomposition([ions], temperature=300, frame="laboratory")
    console = Console(record=True, width=100)
    print_shells(console, run.measure_shells())
    assert "solvent" in console.export_text()


def test_a_cell_too_small_for_the_search_is_refused():
    with pytest.raises(InputError, match=r"cell is too small .* 16.00 Å.*8.50 Å"):
        run_glass(glass(), shell={"search": 8.5})
