"""Sites from the carriers' density: what is found, what is not, symmetry, labels, refusals."""

import pickle
import re

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import CrystalEvents
from mda_ionmech.macrostates import SiteType
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.microstates.sites.density_maxima import (
    density_sites,
    smoothed_density,
    symmetrised,
)
from mda_ionmech.microstates.sites.known_structure import check_symmetry
from mda_ionmech.microstates.sites.site_assignment import minimum_image

from .test_site_assignment import CELL, HOST, universe_of

SITES = np.array(
    [[0.1, 0.1, 0.1], [0.35, 0.1, 0.1], [0.1, 0.4, 0.1], [0.6, 0.6, 0.6], [0.95, 0.7, 0.98]]
)
CIF = datasets.path("crystal") / "llzo.cif"


def vibrating(
    rng, n_frames=2000, n=2, rare=None, drift=True, sites=SITES, cell=CELL, framework=HOST
):
    """Fractional positions of ions that vibrate by 0.2 A about sites and jump; and sites held."""
    chance = np.ones(len(sites))
    if rare is not None:
        chance[rare] = 0.02
    held = np.zeros((n_frames, n), dtype=int)
    for c in range(n):
        times = np.flatnonzero(rng.random(n_frames) < 0.2)
        visited = rng.choice(len(sites), size=len(times) + 1, p=chance / chance.sum())
        held[:, c] = visited[np.searchsorted(times, np.arange(n_frames), side="right")]
    shake = rng.normal(scale=0.2, size=(n_frames, n, 3)) @ np.linalg.inv(cell)
    host = np.broadcast_to(framework, (n_frames, *framework.shape))
    fractional = np.concatenate([sites[held] + shake, host], axis=1)
    if drift:
        fractional = fractional + np.arange(n_frames)[:, None, None] * [0.001, -0.002, 0.0005]
    return fractional, held, ["I"] * n + ["H"] * len(framework)


def run_density(universe, *, windows=(1.0,), events=None, macrostates=None, **options):
    detector = SiteAssignment.from_density(
        framework=universe.select_atoms("name H"), **{"assignment": "nearest"} | options
    )
    ions = IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion", microstates=detector,
        events=events, macrostates=macrostates,
    )  # fmt: skip
    run = OnsagerDecomposition([ions], temperature=300, windows=list(windows), unwrap=False)
    run.run()
    return run.species[0].microstates, run


def distances(found, known, cell=CELL):
    return np.linalg.norm(minimum_image(found[:, None] - known[None]) @ cell, axis=-1)


def test_all_sites_of_a_triclinic_cell_are_found_through_drift():
    rng = np.random.default_rng(1)
    fractional, held, names = vibrating(rng)
    detector, run = run_density(universe_of(fractional, names))
    apart = distances(detector.sites_in_cell, SITES)
    assert apart.shape == (5, 5)
    assert apart.min(axis=0).max() < 0.1
    assert apart.min(axis=1).max() < 0.1
    state = apart.argmin(axis=1)[run.microstates["ion"].state]
    np.testing.assert_array_equal(state, held)
    assert detector.labels == ("site_1", "site_2", "site_3", "site_4", "site_5")
    about = detector.describe()
    assert about["n_sites"] == about["density"]["maxima"] == 5
    assert about["alignment"]["by"] == "density"
    # three directions of 0.2 A each
    assert detector.alignment.residual == pytest.approx(0.2 * np.sqrt(3), rel=0.1)


@pytest.mark.slow
def test_another_choice_of_cell_vectors_gives_the_same_sites():
    fractional, held, names = vibrating(np.random.default_rng(2))
    change = np.array([[1, 0, 0], [1, 1, 0], [-1, 1, 1]])
    back = np.linalg.inv(change)
    other = change @ CELL
    detector, run = run_density(universe_of(fractional @ back, names, other))
    # `fractional` is in the vectors the file gives
    apart = distances(detector.fractional @ change, SITES)
    assert apart.shape == (5, 5)
    assert apart.min(axis=0).max() < 0.1
    np.testing.assert_array_equal(apart.argmin(axis=1)[run.microstates["ion"].state], held)
    known = {"a": SITES[:3] @ back, "b": SITES[3:] @ back}
    named, _ = run_density(universe_of(fractional @ back, names, other), known=known)
    assert named.labels == tuple("aaabb"[k] for k in apart.argmin(axis=1))


def test_a_rarely_visited_site_is_not_found_unless_the_threshold_is_lowered():
    fractional, held, names = vibrating(np.random.default_rng(3), rare=4)
    assert 0 < np.mean(held == 4) < 0.02
    universe = universe_of(fractional, names)
    detector, _ = run_density(universe)
    assert len(detector.labels) == 4
    assert distances(detector.sites_in_cell, SITES[:4]).min(axis=1).max() < 0.1


def test_density_is_smoothed_alike_in_all_directions_of_a_skewed_cell():
    density = smoothed_density(np.array([[0.5, 0.5, 0.5]]), CELL)
    assert density.sum() == pytest.approx(1)
    grid = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in density.shape], indexing="ij"))
    offset = np.moveaxis(grid, 0, -1) - 0.5
    middle = np.einsum("xyz,xyzk->k", density, offset)
    cartesian = (offset - middle) @ CELL
    covariance = np.einsum("xyz,xyzi,xyzj->ij", density, cartesian, cartesian)
    np.testing.assert_allclose(covariance, 0.09 * np.eye(3), atol=1e-4)


@pytest.mark.parametrize(("apart", "count"), [(1.0, 1), (1.5, 2)])
def test_maxima_closer_than_separation_are_merged(apart, count):
    rng = np.random.default_rng(4)
    cell = np.diag([10.0, 10.0, 10.0])
    middle = np.array([[5 - apart / 2, 5, 9.95], [5 + apart / 2, 5, 9.95]])
    positions = (middle[:, None] + rng.normal(scale=0.1, size=(2, 500, 3))).reshape(-1, 3) / 10
    found = density_sites(positions, cell, 0.1, 1.2)
    assert len(found) == count
    if count == 1:
        np.testing.assert_allclose(found, [[0.5, 0.5, 0.995]], atol=0.003)


def test_a_space_group_averages_completes_and_names_orbits():
    # inversion: one pair found on both sides, one on one side, and one on the centre
    inversion = (np.stack([np.eye(3), -np.eye(3)]), np.zeros((2, 3)))
    points = np.array([[0.2, 0.1, 0.3], [0.5, 0.5, 0.51], [0.82, 0.9, 0.7], [0.7, 0.2, 0.1]])
    sites, orbit = symmetrised(points, inversion, np.diag([10.0, 10.0, 10.0]), 1.2)
    expected = [[0.19, 0.1, 0.3], [0.81, 0.9, 0.7], [0.5, 0.5, 0.5], [0.7, 0.2, 0.1],
                [0.3, 0.8, 0.9]]  # fmt: skip
    apart = distances(sites, np.array(expected), np.eye(3))
    assert apart.shape == (5, 5)
    assert apart.min(axis=1).max() < 1e-9
    assert sorted(orbit.tolist()) == [0, 0, 1, 2, 2]


@pytest.mark.slow
def test_space_group_with_origin_and_supercell_of_a_triclinic_cell():
    pytest.importorskip("gemmi")
    origin = np.array([0.06, -0.04, 0.1])
    one = np.array([[0.25, 0.2, 0.2], [0.75, 0.8, 0.8], [0.5, 0.0, 0.5]])  # P -1: 2i and 1
    shifted = one + origin
    sites = np.concatenate([(shifted + np.array([i, 0, 0])) / [2, 1, 1] for i in (0, 1)]) % 1.0
    # a framework that has the group, too
    half = np.array([[0.1, 0.3, 0.4], [0.35, 0.15, 0.8]])
    cell = np.concatenate([half, -half]) + origin
    framework = np.concatenate([(cell + np.array([i, 0, 0])) / [2, 1, 1] for i in (0, 1)])
    fractional, held, names = vibrating(
        np.random.default_rng(5), sites=sites, n_frames=3000, framework=framework
    )
    detector, run = run_density(
        universe_of(fractional, names), space_group="P -1", origin=origin, supercell=(2, 1, 1),
        known={"2i": one[:2], "1": one[2]},
    )  # fmt: skip
    apart = distances(detector.sites_in_cell, sites)
    assert apart.shape == (6, 6)
    assert apart.min(axis=1).max() < 0.1
    # averaging over the orbit leaves no noise on a special position
    special = apart[np.array(detector.labels) == "1"]
    assert special.min(axis=1).max() < 1e-6
    assert detector.labels.count("2i") == 4
    np.testing.assert_array_equal(apart.argmin(axis=1)[run.microstates["ion"].state], held)
    unnamed, _ = run_density(
        universe_of(fractional, names), space_group=2, origin=origin, supercell=(2, 1, 1)
    )
    assert sorted(unnamed.labels.count(x) for x in unnamed.label_names) == [2, 4]


def test_found_labels_reach_events_macrostates_and_pickles():
    fractional, _, names = vibrating(np.random.default_rng(6), n_frames=600)
    detector, run = run_density(
        universe_of(fractional, names),
        known={"a": SITES[:3], "b": SITES[3:]},
        events=CrystalEvents(detail="channel"),
        macrostates=SiteType(),
    )
    assert sorted(detector.label_names) == ["a", "b"]
    expected = {"no_hop", "a->a", "a->b", "b->a", "b->b"}
    assert set(run.event_names(0)) == expected
    assert set(run.results.decomposition["event"].values) == expected | {"vibration"}
    assert set(run.macrostates["ion"].names) == {"a", "b"}
    again = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(again.sites_in_cell, detector.sites_in_cell)
    assert again.labels == detector.labels


@pytest.mark.slow
def test_a_second_run_finds_its_own_sites():
    rng = np.random.default_rng(7)
    first, _, names = vibrating(rng, n_frames=1000, sites=SITES[:4], drift=False)
    second, _, _ = vibrating(rng, n_frames=1000, sites=SITES[2:], drift=False)
    detector, run = run_density(universe_of(np.concatenate([first, second]), names))
    assert len(detector.labels) == len(detector.fractional) == 5
    for part, sites in (({"stop": 1000}, SITES[:4]), ({"start": 1000}, SITES[2:])):
        run.run(**part)
        detector = run.species[0].microstates
        assert len(detector.labels) == len(detector.fractional) == len(sites)
        assert distances(detector.sites_in_cell, sites).min(axis=1).max() < 0.1
        apart = distances(sites, sites) + 99 * np.eye(len(sites))
        assert detector.r_core == pytest.approx(0.55 * apart.min() / 2, rel=0.1)


def test_more_sites_than_atoms_and_none_taken_for_an_atom():
    grid = np.stack(np.meshgrid(*[[0.1, 0.6]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    fractional, _, names = vibrating(np.random.default_rng(10), sites=grid)
    detector, run = run_density(universe_of(fractional, names))
    assert len(detector.labels) == 8 > len(names)
    shells = run.results.shells
    np.testing.assert_array_equal(shells["atom_id"], np.full(8, -1))
    np.testing.assert_array_equal(shells["molecule_id"], np.arange(8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 1.5}, "threshold must be a fraction of the highest .* 0 and 1, got 1.5"),
        ({"separation": 0}, "separation must be in Angstrom above 0, got 0"),
        ({"origin": (0, 0)}, "origin must hold .* give three fractional coordinates"),
        ({"origin": (0, 0, 0)}, "has no meaning without space_group=... or known=...; leave"),
        ({"known": {"a": [[0, 0]]}}, r"known\['a'\] must hold finite positions .* got \(1, 2\)"),
        ({"known": {}}, "known must map labels to fractional positions"),
        ({"known": "some.cif"}, "known='some.cif' is a CIF and needs species=..., the element"),
        ({"species": "Li"}, "species='Li' belongs to known=<path of a CIF>, which is not given"),
        ({"supercell": (1, 0, 1)}, "supercell must be three whole numbers of 1 or more"),
        ({"separation": 20.0}, r"has 1 maximum above threshold=0.1, and hops need two sites"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    fractional, _, names = vibrating(np.random.default_rng(8), n_frames=50)
    with pytest.raises(InputError, match=message):
        run_density(universe_of(fractional, names), **change)


def test_a_space_group_that_does_not_fit_is_refused():
    pytest.importorskip("gemmi")
    fractional, _, names = vibrating(np.random.default_rng(9), n_frames=50)
    universe = universe_of(fractional, names)
    for unknown in (231, "Q 17"):
        with pytest.raises(
            InputError, match=r"space_group must be a number from 1 to 230, a Hermann"
        ):
            run_density(universe, space_group=unknown)
    with pytest.raises(InputError, match=r"space_group='I a -3 d' does not fit the cell with vec"):
        run_density(universe, space_group=230)


def garnet(**options):
    universe = datasets.crystal()
    zirconium = universe.select_atoms("element Zr")
    detector = SiteAssignment.from_density(framework=zirconium, **options)
    known = SiteAssignment.from_cif(CIF, species="Li", framework=zirconium, r_core=0.6)
    runs = []
    for sites in (detector, known):
        lithium = IonSpecies(
            universe.select_atoms("element Li"), charge=1, name="Li+", microstates=sites
        )
        runs.append(OnsagerDecomposition([lithium], temperature=800, windows=[1.0]))
    return runs


@pytest.mark.slow
def test_the_density_of_lithium_finds_the_sites_of_the_garnet():
    pytest.importorskip("gemmi")
    runs = garnet(known=CIF, species="Li")
    states = [run.run(stop=2000).microstates["Li+"].state for run in runs]
    detector, known = (run.species[0].microstates for run in runs)
    cell = 13.272991 * np.eye(3)
    apart = distances(detector.sites_in_cell, known.sites_in_cell, cell)
    assert apart.shape == (72, 72)
    assert apart.min(axis=1).max() < 0.25
    nearest = apart.argmin(axis=1)
    assert len(set(nearest)) == 72
    assert detector.labels == tuple(known.labels[k] for k in nearest)
    assert detector.labels.count("24d") == 24
    assert detector.labels.count("48g") == 48
    assert np.mean(nearest[states[0]] == states[1]) > 0.95


@pytest.mark.slow
def test_two_processes_hold_the_sites_of_one_and_symmetry_names_two_orbits():
    pytest.importorskip("gemmi")
    origin = np.array([0.21, -0.20, 0.16]) / 13.272991
    run, _ = garnet(space_group=230, origin=origin)
    one = run.run(stop=1000).microstates["Li+"].state
    detector = run.species[0].microstates
    assert {x: detector.labels.count(x) for x in detector.label_names} == {
        "site_1": 24,
        "site_2": 48,
    }
    two = run.run(stop=1000, backend="multiprocessing", n_workers=2).microstates["Li+"].state
    np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_a_space_group_that_the_framework_does_not_have_is_refused():
    pytest.importorskip("gemmi")
    origin = np.array([0.21, -0.20, 0.16]) / 13.272991
    universe = datasets.crystal()

    def found(selection, group, place):
        sites = SiteAssignment.from_density(
            framework=universe.select_atoms(selection), space_group=group, origin=place
        )
        ion = universe.select_atoms("element Li")
        lithium = IonSpecies(ion, charge=1, name="Li+", microstates=sites)
        run = OnsagerDecomposition([lithium], temperature=800, windows=[1.0], resolutions=None)
        return run.run(stop=200).species[0].microstates.describe()["density"]

    for group in (230, 206, 199):  # the group and subgroups of it
        assert found("element Zr La", group, origin)["symmetry_residual_angstrom"] < 0.1
    for group in (225, 229):
        with pytest.raises(InputError, match=r"is not that of the mean structure.*La \d.* Å \(med"):
            found("element Zr La", group, origin)
    with pytest.raises(
        InputError, match=r"I a -3 d' is not that of the mean structure: 48 of its 9"
    ):
        found("element Zr", 230, None)


def test_atoms_that_exchange_are_one_kind_in_symmetry():
    rng = np.random.default_rng(1)
    cell, inversion = 10 * np.eye(3), (np.stack([np.eye(3), -np.eye(3)]), np.zeros((2, 3)))
    one = np.array([[0.1, 0.2, 0.3], [0.4, 0.1, 0.7]])
    # eight cells of a structure, folded into one
    places = np.concatenate([one, -one] * 8) + rng.normal(scale=0.005, size=(32, 3))
    ordered = np.array(["S", "Cl", "S", "Cl"] * 8)
    mixed = rng.permutation(ordered)
    wrong = np.array(["S", "S", "Cl", "Cl"] * 8)
    for kinds in (ordered, mixed):
        assert check_symmetry(places, kinds, inversion, cell, "P -1") < 0.3
    with pytest.raises(InputError, match="'P -1' is not that of the mean structure: 1 of its 2"):
        check_symmetry(places, wrong, inversion, cell, "P -1")
    # a few defects are no other group
    few = places.copy()
    few[:3] += 0.2
    assert check_symmetry(few, ordered, inversion, cell, "P -1") > 0.1


@pytest.mark.parametrize("off", [0.0, 0.3, 0.9])
def test_a_label_an_angstrom_away_is_refused_with_the_distance(off):
    fractional, _, names = vibrating(np.random.default_rng(11), n_frames=800)
    known = {"a": SITES[:3], "b": SITES[3:] + off / np.linalg.norm(CELL[0]) * np.array([1, 0, 0])}
    if off < 0.5:
        detector, _ = run_density(universe_of(fractional, names), known=known)
        assert sorted(detector.labels) == list("aaabb")
        return
    with pytest.raises(InputError) as refused:
        run_density(universe_of(fractional, names), known=known)
    text = str(refused.value)
    assert "2 of 5 sites of the density are farther than tolerance=0.6 Å from every" in text
    told = [float(x) for x in re.findall(r"\) (\d\.\d\d) Å from b", text)]
    assert told == pytest.approx([off, off], abs=0.1)
    assert "(0.600, 0.600, 0.600)" in re.sub(r"0\.(59|60)\d", "0.600", text)
    wide, _ = run_density(universe_of(fractional, names), known=known, tolerance=1.2)
    assert sorted(wide.labels) == list("aaabb")


def test_positions_missing_in_known_are_refused():
    fractional, _, names = vibrating(np.random.default_rng(12), n_frames=800)
    with pytest.raises(InputError, match=r"1 of 5 sites .* farther than tolerance=0.6 Å"):
        run_density(universe_of(fractional, names), known={"a": SITES[:4]})
    for wrong in (0, -1.0, "wide", np.nan):
        with pytest.raises(InputError, match="tolerance must be a distance in Angstrom above 0"):
            run_density(universe_of(fractional, names), known={"a": SITES}, tolerance=wrong)
