"""Hops without sites: known walks, vibrations, free diffusion, and the run around them."""

import warnings
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, load_run
from mda_ionmech.analysis.input_check import plain_rows
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import CageAssignment
from mda_ionmech.results.tables import surroundings

from ...builders import brownian, make_universe, wrap
from ...site_lattices import CELL, HOST, LENGTH, walk

STEP = CELL / 2
BOX = (LENGTH,) * 3 + (90.0,) * 3
QUIET = {"windows": [1.0, 4.0], "resolutions": [1.0], "horizons": [4.0]}


def universe_of(places, rng, *, amplitude=0.25, dt=1.0):
    """Ions that vibrate about places (frames, ions, 3), in a host that vibrates too."""
    n = places.shape[1]
    ions = places + rng.normal(scale=amplitude, size=places.shape)
    host = HOST + rng.normal(scale=0.05, size=(len(places), len(HOST), 3))
    return make_universe(
        wrap(np.concatenate([ions, host], axis=1), LENGTH), BOX, dt=dt,
        names=["LI"] * n + ["H"] * len(HOST), masses=[7.0] * n + [90.0] * len(HOST),
    )  # fmt: skip


def analysis(universe, cages=None, events=None, **options):
    ion = IonSpecies(
        universe.select_atoms("name LI"),
        charge=1,
        name="Li+",
        microstates=CageAssignment() if cages is None else cages,
        events=CrystalEvents("proximity", 1.1 * STEP) if events is None else events,
    )
    return OnsagerDecomposition([ion], temperature=300, **(QUIET | options))


def run_of(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return analysis(*args, **options).run()


def free_ions(n_ions=20, n_frames=600, seed=4):
    rng = np.random.default_rng(seed)
    paths = rng.uniform(0, LENGTH, (n_ions, 3)) + brownian(rng, n_frames, n_ions, 0.05, 1.0)
    return universe_of(paths, rng, amplitude=0.0)


@pytest.fixture(scope="module")
def hopping():
    """Lattice walks of rate 0.03 per frame with thermal noise, and their run."""
    rng = np.random.default_rng(1)
    places = walk(rng, 1500, 25, rate=0.03)
    return places, run_of(universe_of(places, rng))


def true_hops(places):
    """Frames and carriers of the hops of a walk."""
    return np.nonzero((np.diff(places, axis=0) != 0).any(axis=2))


def test_hops_of_a_walk_are_found_with_their_dates(hopping):
    places, run = hopping
    frame, carrier = true_hops(places)
    report = run.microstates["Li+"].report
    # the rate of the walk, within three standard errors of a Poisson number
    steps = (len(places) - 1) * places.shape[1]
    assert report["hops"] == pytest.approx(0.03 * steps, abs=3 * np.sqrt(0.03 * steps))
    assert report["hops"] == len(frame)
    table = run.hops(1.0)
    found = set(zip(table["frame"], table["carrier"], strict=True))
    both = found & set(zip(frame.tolist(), carrier.tolist(), strict=True))
    # noise along a hop beyond half its length, five standard deviations, misdates it by a frame;
    # what else is not found are hops in consecutive frames
    assert len(both) / len(frame) > 0.99


def test_cages_are_the_places_of_the_walk(hopping):
    places, run = hopping
    micro = run.microstates["Li+"]
    visited = np.unique(wrap(places, LENGTH).reshape(-1, 3), axis=0) % LENGTH
    assert micro.report["cages"] == len(np.unique(visited, axis=0))
    centres = micro.places[micro.state] * LENGTH
    off = centres - places
    off -= LENGTH * np.rint(off / LENGTH)
    # the noise of the host in the first frame shifts all by the same
    off -= off.mean(axis=(0, 1))
    assert np.sqrt(np.mean(off**2)) < 0.25 / np.sqrt(20)  # stays of 33 frames, several a cage
    assert micro.report["distance_from"] == "minimum"
    assert 0.3 * STEP < micro.report["distance_in_use_angstrom"] < 0.8 * STEP


def test_the_result_says_how_cages_were_found(hopping):
    _, run = hopping
    report = run.microstates["Li+"].report
    line = surroundings("Li+", run.results.settings["species"][0]["microstates"])
    assert line.startswith(f"Cages of Li+: {report['cages']}, at least ")
    assert "the first minimum of the pair distribution" in line


def test_hop_vectors_are_those_of_the_walk(hopping):
    _, run = hopping
    held = run.microstates["Li+"]
    before, after = held.state[:-1], held.state[1:]
    moved = before != after
    step = held.places[after[moved]] - held.places[before[moved]]
    length = np.linalg.norm((step - np.rint(step)) * LENGTH, axis=1)
    assert length.mean() == pytest.approx(STEP, rel=0.01)


def test_contributions_sum_exactly(hopping):
    _, run = hopping
    data = run.results.decomposition.sel(species="Li+", species_2="Li+")
    assert float(data["residual"].max()) < 1e-10
    np.testing.assert_allclose(data["event_onsager"].sum("event"), data["onsager"], rtol=1e-10)
    assert np.isfinite(data["path_onsager"]).any()


def test_independent_hops_are_linked_as_often_as_the_circular_null_says(hopping):
    _, run = hopping
    data = run.results.decomposition.sel(species="Li+")
    error = data["multi_fraction_circular_high"] - data["multi_fraction_circular"]
    gap = np.abs(data["multi_fraction"] - data["multi_fraction_circular"])
    assert np.all(gap < 3 * np.maximum(error, 0.02))


def test_there_is_no_exclusion_gas_and_the_reason_is_given(hopping):
    _, run = hopping
    data = run.results.decomposition
    assert np.isnan(data["multi_fraction_exclusion"]).all()
    assert "cages are known only where ions were seen" in data["multi_fraction_exclusion"].comment
    assert "cages are known" in run.hop_strings().attrs["without_exclusion_gas"]


def test_vibrations_are_no_hops():
    rng = np.random.default_rng(2)
    still = np.broadcast_to(walk(rng, 1, 30), (800, 30, 3))
    run = run_of(universe_of(still, rng, amplitude=0.2))
    report = run.microstates["Li+"].report
    assert report["hops"] == 0
    assert report["localisation"] > 50
    assert not any("does not hop" in text for text in run.results.warnings)


def test_free_diffusion_is_said_to_be_no_hopping():
    with pytest.warns(UserWarning, match=r"Li\+ does not hop: while it is in a cage"):
        run = analysis(free_ions()).run()
    assert any("does not hop" in text for text in run.results.warnings)
    assert float(run.results.decomposition["residual"].max()) < 1e-10


def test_cages_that_hold_several_ions_are_too_wide():
    rng = np.random.default_rng(3)
    places = walk(rng, 300, 60, rate=0.02)
    with pytest.warns(UserWarning, match=r"cages of Li\+ are shared.*distance=6.00 Å"):
        analysis(universe_of(places, rng), CageAssignment(distance=6.0)).run()


def test_visits_shorter_than_the_time_are_no_hops():
    rng = np.random.default_rng(5)
    places = np.zeros((400, 8, 3)) + STEP * np.arange(8)[:, None] % LENGTH
    for frames, at in ((2, 100), (8, 200)):
        places[at : at + frames, :, 0] += STEP
    u = universe_of(places, rng, amplitude=0.15)
    cage = {"distance": 0.8 * STEP}
    assert run_of(u, CageAssignment(time=1.0, **cage)).microstates["Li+"].report["hops"] == 32
    assert run_of(u, CageAssignment(time=4.0, **cage)).microstates["Li+"].report["hops"] == 16
    assert run_of(u, CageAssignment(time=20.0, **cage)).microstates["Li+"].report["hops"] == 0
    kept = CageAssignment(persistence=5.0, **cage)
    assert run_of(u, kept).microstates["Li+"].report["hops"] == 16


def test_the_chain_rule_links_a_hop_into_the_cage_that_another_ion_left():
    rng = np.random.default_rng(6)
    places = np.tile([[0.0, 0.0, 0.0], [STEP, 0.0, 0.0], [0.0, 3 * STEP, 0.0]], (200, 1, 1))
    places[100:, :2, 0] += STEP
    run = run_of(universe_of(places, rng, amplitude=0.1), CageAssignment(), CrystalEvents())
    table = run.hops(1.0)
    assert table["carrier"].tolist() == [0, 1]
    assert set(table["event"]) == {"multi_ion_hop"}
    assert table["site_end"].iloc[0] == table["site_start"].iloc[1]


@pytest.mark.slow
def test_stored_on_disk_and_saved_runs_have_the_same_cages(tmp_path):
    rng = np.random.default_rng(7)
    u = universe_of(walk(rng, 250, 70, rate=0.03), rng)
    whole = run_of(u)
    expected = whole.microstates["Li+"].state
    run_of(u, store=str(tmp_path / "a.store"))
    # what is in the store does not depend on the parameters of cages
    again = run_of(u, CageAssignment(time=3.0, distance=1.0), store=str(tmp_path / "a.store"))
    assert again.microstates["Li+"].report["distance_from"] == "given"
    mapped = run_of(u, memory="1MB")
    assert isinstance(mapped.paths.position, np.memmap)
    for run in (mapped, run_of(u, store=str(tmp_path / "a.store"))):
        np.testing.assert_array_equal(run.microstates["Li+"].state, expected)
    whole.save_run(tmp_path / "a.run")
    back = load_run(tmp_path / "a.run")
    np.testing.assert_array_equal(back.microstates["Li+"].state, expected)
    assert back.microstates["Li+"].report == whole.microstates["Li+"].report
    table = back.robustness(persistence=[4.0], linking=["chain"])
    assert set(table.index.get_level_values("setting")) == {"as run", "persistence", "linking"}


@pytest.mark.slow
def test_time_and_distance_are_varied_without_frames(hopping):
    _, run = hopping
    choices = [{"time": 4.0}, {"distance": 1.0}, {"time": 2.0, "distance": "minimum"}]
    table = run.robustness(cages=choices, window=1.0)
    values = table.loc["cages"].index.get_level_values("value").unique().tolist()
    assert values == ["time 4 ps", "distance 1 A", "time 2 ps, distance minimum"]
    asked = run_of(run.universe, CageAssignment(time=4.0)).results.summary(1.0)
    for event in asked.index:
        found = table.loc[("cages", "time 4 ps", event), "share"]
        assert found == pytest.approx(asked.loc[event, "share"], abs=1e-12, nan_ok=True)
    for wrong in ({"size": 1.0}, {}, 2.0):
        with pytest.raises(InputError, match="cages holds"):
            run.robustness(cages=[wrong])
    with pytest.raises(InputError, match="time must be a time in ps above 0"):
        run.robustness(cages=[{"time": -1.0}])


def test_hops_back_are_told_apart(hopping):
    _, run = hopping
    split = run.split_by("return").decomposition
    whole = run.results.decomposition
    np.testing.assert_allclose(
        split["event_onsager"].sum("event"), whole["event_onsager"].sum("event"), rtol=1e-10
    )
    assert len(split["event"]) > len(whole["event"])


def test_a_detector_serves_several_runs_unchanged():
    rng = np.random.default_rng(8)
    cages = CageAssignment()
    before = dict(vars(cages))
    first = run_of(universe_of(walk(rng, 200, 10), rng), cages)
    run_of(free_ions(8, 200), cages)
    again = run_of(first.universe, cages)
    assert dict(vars(cages)) == before
    assert again.microstates["Li+"].report == first.microstates["Li+"].report
    with pytest.raises(FrozenInstanceError):
        cages.time = 1.0


def test_frame_of_reference_follows_what_is_immobile():
    rng = np.random.default_rng(9)
    u = universe_of(walk(rng, 100, 10), rng)
    assert analysis(u).frame == "framework"
    salt = make_universe(
        wrap(rng.uniform(0, LENGTH, (16, 3)) + brownian(rng, 100, 16, 0.05, 1.0), LENGTH), BOX,
        masses=[20.0] * 16,
    )  # fmt: skip
    ions = [
        IonSpecies(salt.atoms[a:b], charge=z, name=name, microstates=CageAssignment(),
                   events=CrystalEvents("proximity", 3.0))
        for a, b, z, name in ((0, 8, 1, "Na+"), (8, 16, -1, "Cl-"))
    ]  # fmt: skip
    melt = OnsagerDecomposition(ions, temperature=1200, **QUIET)
    assert melt.frame == "barycentric"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        melt.run()
    # hops of cations and anions are linked, and summed with them
    assert float(melt.results.decomposition["residual"].max()) < 1e-10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": 0.0}, "time must be a time in ps above 0"),
        ({"time": "short"}, "time must be a time in ps above 0"),
        ({"distance": -1.0}, "distance must be a length in Angstrom above 0"),
        ({"distance": "maximum"}, "distance must be a length in Angstrom or 'minimum'"),
        ({"persistence": -1.0}, "persistence must be a time in ps, 0 or more"),
    ],
)
def test_refused_arguments(options, message):
    with pytest.raises(InputError, match=message):
        CageAssignment(**options)


def test_few_ions_in_places_far_apart_hop_as_often_as_they_do():
    rng = np.random.default_rng(11)
    for n_ions, n_frames in ((8, 400), (25, 800)):
        places = walk(rng, n_frames, n_ions, rate=0.02)
        report = run_of(universe_of(places, rng, amplitude=0.2)).microstates["Li+"].report
        # hops in consecutive frames, and their pairs that revert, are not told apart
        assert report["hops"] == pytest.approx(len(true_hops(places)[0]), rel=0.03)


def test_a_time_or_distance_beyond_the_run_or_the_cell_is_refused(hopping):
    _, run = hopping
    for distance in (LENGTH / 2, 1e6, 1e200):
        with pytest.raises(InputError, match=r"distance=.* is not below .* the cell"):
            run.robustness(cages=[{"distance": distance}])
    with pytest.raises(InputError, match=r"cages.*give a list of dicts, e\.g\. \[\{'time': 0\.2\}"):
        run.robustness(cages="x")
    with pytest.raises(InputError, match=r"time=1e\+09 ps of CageAssignment is longer than"):
        run.robustness(cages={"time": 1e9})


@pytest.mark.slow
def test_hops_in_nearly_every_step_are_warned_of():
    rng = np.random.default_rng(12)
    u = universe_of(walk(rng, 200, 10, rate=0.02), rng)
    with pytest.warns(UserWarning, match=r"Li\+ changes cage in \d+% of the steps.*0.05 Å"):
        analysis(u, CageAssignment(distance=0.05)).run()


def test_short_stays_at_places_that_last_are_not_called_free_diffusion():
    rng = np.random.default_rng(13)
    u = universe_of(walk(rng, 800, 25, rate=0.1), rng)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = analysis(u, CageAssignment(time=5.0)).run()
    report = run.microstates["Li+"].report
    said = " ".join(str(one.message) for one in caught)
    assert report["returns_to_cages"] > 5, report
    assert report["localisation"] < 4, report
    assert "stays of Li+ are short" in said
    assert "does not hop" not in said


def test_a_check_says_nothing_of_ligands(hopping):
    _, run = hopping
    rows = " ".join(row.found for row in plain_rows(analysis(run.universe)))
    assert "CageAssignment; CrystalEvents" in rows


@pytest.mark.slow
def test_a_minimum_behind_the_neighbours_is_none():
    """In 150 ps of the garnet counting noise hides the minimum before the neighbouring sites."""
    from mda_ionmech import datasets

    universe = datasets.crystal(800)
    lithium = IonSpecies(
        universe.select_atoms("element Li"), charge=1, name="Li+",
        microstates=CageAssignment(), events=CrystalEvents(),
    )  # fmt: skip
    run = OnsagerDecomposition([lithium], temperature=800, windows=[1.0], resolutions=None)
    report = run.run(stop=1500).microstates["Li+"].report
    assert report["distance_from"] in ("minimum", "default")
    assert 1.3 < report["distance_in_use_angstrom"] < 1.7
    assert report["sharing_a_site"] < 0.05
