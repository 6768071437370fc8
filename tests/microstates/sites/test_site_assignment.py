"""Sites: assignment, alignment, cells, CIF, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from MDAnalysis.lib.mdamath import triclinic_vectors

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.lib.run_length import LabelRuns, frame_counts, label_runs
from mda_ionmech.microstates import ContactHistory, Contacts, SiteAssignment
from mda_ionmech.microstates.contact_tracking import ContactTracker
from mda_ionmech.microstates.sites.core_sets import (
    drop_brief_visits,
    held_sites,
    shared_frames,
)

from ...builders import make_universe

CELL = np.array([[12.0, 0, 0], [2.0, 11.0, 0], [1.0, 2.0, 10.0]])
SITES = np.array([[0.1, 0.1, 0.1], [0.35, 0.1, 0.1], [0.1, 0.4, 0.1], [0.6, 0.6, 0.6]])
HOST = np.array([[0.0, 0, 0], [0.5, 0, 0.2], [0, 0.5, 0.3], [0.3, 0.2, 0.7], [0.8, 0.7, 0.4]])


def dimensions(cell):
    lengths = np.linalg.norm(cell, axis=1)
    a, b, c = cell / lengths[:, None]
    return np.concatenate([lengths, np.degrees(np.arccos([b @ c, a @ c, a @ b]))])


def visits(rng, n_frames=60, n=3, shift=(0.0, 0.0, 0.0), drift=0.0):
    """Universe of ions that sit near sites and step between them; returns it and the sites held."""
    held = np.zeros((n_frames, n), dtype=int)
    held[0] = np.arange(n) * 3 % 4  # the last site of the list is never left
    for t in range(1, n_frames):
        back = np.where(rng.random(n) < 0.5, 1, 2)
        other = np.where(held[t - 1] == 0, back, 0)
        jump = (rng.random(n) < 0.1) & (held[t - 1] != 3)
        held[t] = np.where(jump, other, held[t - 1])
    moved = drift * np.arange(n_frames)[:, None, None] * np.array([0.01, -0.02, 0.005])
    ions = SITES[held] + np.asarray(shift) + rng.normal(scale=0.01, size=(n_frames, n, 3))
    host = HOST + np.asarray(shift) + rng.normal(scale=0.002, size=(n_frames, len(HOST), 3))
    fractional = np.concatenate([ions, host], axis=1) + moved
    names = ["I"] * n + ["H"] * len(HOST)
    return fractional, held, names


def universe_of(fractional, names, cell=CELL):
    # orientation as readers give it: the first vector along x
    turned = triclinic_vectors(dimensions(cell), dtype=np.float64)
    return make_universe(
        (fractional - np.floor(fractional)) @ turned, dimensions(cell), names=names,
        masses=[7.0 if k == "I" else 90.0 for k in names],
    )  # fmt: skip


def run_sites(universe, sites=SITES, **options):
    options = {"framework_fractional": HOST, "r_core": 0.8} | options
    detector = SiteAssignment.from_structure(
        sites, list("aabc"), framework=universe.select_atoms("name H"), **options
    )
    ions = IonSpecies(universe.select_atoms("name I"), charge=1, name="ion", microstates=detector)
    run = OnsagerDecomposition([ions], temperature=300, windows=[1.0], unwrap=True)
    run.run()
    return run.species[0].microstates, run.microstates["ion"]


@pytest.mark.parametrize("assignment", ["core", "nearest"])
@pytest.mark.parametrize("drift", [0.0, 1.0])
def test_sites_are_found_through_shift_and_drift(assignment, drift):
    rng = np.random.default_rng(1)
    fractional, held, names = visits(rng, shift=(0.03, -0.05, 0.02), drift=drift)
    detector, micro = run_sites(universe_of(fractional, names), assignment=assignment)
    np.testing.assert_array_equal(micro.state, held)
    expected = np.array([0.03, -0.05, 0.02]) @ CELL
    assert np.linalg.norm(detector.alignment.shift) == pytest.approx(
        np.linalg.norm(expected), abs=0.02
    )
    assert detector.alignment.residual < 0.05
    assert detector.alignment.by == "framework"
    occupancy = micro.report["occupancy"]
    assert sum(occupancy.values()) == pytest.approx(3.0)
    assert occupancy["c"] == pytest.approx(np.mean(np.sum(held == 3, axis=1)))


def test_sites_that_do_not_fit_the_ions_are_said_to_be_ambiguous():
    fractional, _, names = visits(np.random.default_rng(4))
    elsewhere = SITES + np.array([0.12, 0.14, 0.15])
    with pytest.warns(
        UserWarning, match=r"sites of ion are ambiguous: \d+% of the time in no core"
    ):
        run_sites(universe_of(fractional, names), elsewhere)


def test_alignment_by_the_ions_where_no_framework_is_known():
    rng = np.random.default_rng(2)
    fractional, held, names = visits(rng, n_frames=300, shift=(0.02, 0.01, -0.02))
    detector, micro = run_sites(universe_of(fractional, names), framework_fractional=None)
    assert detector.alignment.by == "ions"
    np.testing.assert_array_equal(micro.state, held)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    entries=st.lists(st.integers(-1, 1), min_size=3, max_size=3),
)
def test_another_choice_of_cell_vectors_gives_the_same_sites(seed, entries):
    rng = np.random.default_rng(seed)
    fractional, held, names = visits(rng, n_frames=20)
    change = np.eye(3)
    change[1, 0], change[2, 0], change[2, 1] = entries
    other = change @ CELL
    back = np.linalg.inv(change)
    detector = SiteAssignment.from_structure(
        SITES @ back, list("aabc"),
        framework=(u := universe_of(fractional @ back, names, other)).select_atoms("name H"),
        framework_fractional=HOST @ back, r_core=0.8,
    )  # fmt: skip
    ions = IonSpecies(u.select_atoms("name I"), charge=1, name="ion", microstates=detector)
    micro = OnsagerDecomposition([ions], temperature=300, windows=[1.0]).run().microstates["ion"]
    np.testing.assert_array_equal(micro.state, held)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(1, 30), chance=st.floats(0, 1))
def test_a_site_is_held_until_another_core_is_entered(seed, n_frames, chance):
    rng = np.random.default_rng(seed)
    nearest = rng.integers(0, 4, (n_frames, 3)).astype(np.int32)
    inside = rng.random((n_frames, 3)) < chance
    tracker = ContactTracker(3, 0)
    for t in range(n_frames):
        tracker.add(Contacts(np.arange(3), nearest[t], inside[t]))
    stays = tracker.finish()
    history = ContactHistory(
        **stays, n_frames=n_frames, n_carriers=3, spacing=1.0, ligand_atom=np.arange(4),
        ligand_molecule=np.arange(4), ligand_kind=np.zeros(4, dtype=int),
    )  # fmt: skip
    runs, within, _ = held_sites(history, 0, by_core=False)
    np.testing.assert_array_equal(runs.dense(), nearest.T)
    assert within == inside.sum()
    taken = sum(len(set(row)) for row in nearest.tolist())
    assert shared_frames(runs, 4) == nearest.size - taken
    brief, _, _ = held_sites(history, 2, by_core=False)
    for one, record in zip(brief.dense().tolist(), nearest.T, strict=True):
        assert one == without_brief_visits(record, 2)
    kind = np.array([0, 1, 1, 0])
    np.testing.assert_array_equal(frame_counts(runs, 2, kind).sum(axis=1), np.bincount(
        kind[nearest].ravel(), minlength=2))  # fmt: skip
    runs, _, homeless = held_sites(history, 0, by_core=True)
    held = runs.dense()
    for c in range(3):
        cores = [nearest[t, c] for t in range(n_frames) if inside[t, c]]
        now = cores[0] if cores else None
        for t in range(n_frames):
            now = nearest[t, c] if inside[t, c] else now
            assert held[c, t] == (nearest[t, c] if now is None else now)
    assert homeless == sum(not inside[:, c].any() for c in range(3))


def without_brief_visits(record, persist):
    """What is left of the sites of one carrier, (frames,), twice: it is one of two."""
    runs = label_runs(np.stack([record, record], axis=1).astype(np.int32))
    offsets, start, value = drop_brief_visits(runs.offsets, runs.start, runs.value, persist)
    one, two = LabelRuns(offsets, start, value, len(record)).dense().tolist()
    assert one == two
    return one


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(1, 40), persist=st.integers(1, 6))
def test_brief_visits_are_undone(seed, n_frames, persist):
    rng = np.random.default_rng(seed)
    record = rng.integers(0, 3, n_frames).repeat(rng.integers(1, 4))[:n_frames]
    held = without_brief_visits(record, persist)
    expected = list(record)
    t = 1
    while t < n_frames:
        ahead = expected[t : t + persist + 1]
        if expected[t] != expected[t - 1] and expected[t - 1] in ahead:
            back = t + ahead.index(expected[t - 1])
            expected[t:back] = [expected[t - 1]] * (back - t)
            t = back
        t += 1
    assert held == expected


def test_a_visit_shorter_than_the_persistence_is_no_hop():
    record = np.array([0, 0, 1, 1, 0, 0, 2, 2, 2, 2, 0])
    assert without_brief_visits(record, 2) == [0] * 6 + [2] * 4 + [0]


def test_supercell_repeats_sites_and_framework():
    half = CELL / [[2], [1], [1]]
    universe = universe_of(*(visits(np.random.default_rng(0))[k] for k in (0, 2)))
    detector = SiteAssignment.from_structure(
        SITES, list("aabc"), framework=universe.select_atoms("name H"), supercell=(2, 1, 3)
    )
    assert detector.fractional.shape == (24, 3)
    assert detector.labels.count("b") == 6
    wanted = {tuple(np.round((s + np.array([i, 0, k])) / [2, 1, 3], 6)) for s in SITES
              for i in range(2) for k in range(3)}  # fmt: skip
    assert {tuple(np.round(x, 6)) for x in detector.fractional} == wanted
    assert half.shape == (3, 3)


@pytest.mark.parametrize("ideal", [HOST, None])
def test_a_large_crystal_is_laid_over_its_sites_by_some_of_its_atoms(ideal, monkeypatch):
    monkeypatch.setattr("mda_ionmech.microstates.sites.alignment._ALIGNED", 300)
    rng = np.random.default_rng(5)
    cubes, shift, n_frames = (4, 5, 6), np.array([0.04, -0.03, 0.02]), 8
    corner = np.stack(np.unravel_index(np.arange(120), cubes), axis=1)[:, None]
    at, host = (((corner + x) / cubes).reshape(-1, 3) for x in (SITES, HOST))
    held = np.repeat(rng.permutation(len(at))[:200][None], n_frames, axis=0)
    fractional = np.concatenate([at[held], np.repeat(host[None], n_frames, axis=0)], axis=1)
    fractional += (shift + rng.normal(scale=0.003, size=fractional.shape)) / cubes
    universe = universe_of(fractional, ["I"] * 200 + ["H"] * len(host), CELL * [[4], [5], [6]])
    detector, micro = run_sites(
        universe, framework_fractional=ideal, supercell=cubes, assignment="nearest"
    )
    assert len(host) == 600
    np.testing.assert_array_equal(micro.state, held)
    turned = triclinic_vectors(dimensions(CELL), dtype=np.float64)
    np.testing.assert_allclose(detector.alignment.shift, shift @ turned, atol=0.01)
    assert detector.alignment.residual < 0.1
    assert detector.alignment.by == ("ions" if ideal is None else "framework")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sites": SITES[:, :2]}, r"fractional must hold finite positions of shape \(sites, 3\)"),
        ({"sites": []}, r"fractional holds no sites: give the positions of shape \(sites, 3\)"),
        ({"sites": np.empty((0, 3))}, "fractional holds no sites"),
        (
            {"sites": SITES @ CELL},
            r"holds site 1 \(a\) at \(4.5, 1.3, 1\), more than two cells outside: .* divide",
        ),
        ({"sites": SITES[[0, 1, 2, 0]] + np.eye(4, 3, -1)}, "sites 0 .* and 3 .* are 0.000 Å"),
        ({"sites": SITES[:3]}, "labels has 4 entries for 3 sites"),
        ({"sites": SITES[[0, 0, 2, 3]]}, r"sites 0 \(a\) and 1 \(a\) are 0.000 Å apart"),
        ({"assignment": "best"}, "assignment must be one of .* got 'best'"),
        ({"r_core": -1}, "r_core must be a radius in Angstrom above 0, got -1"),
        ({"r_core": 3.0}, "r_core=3 Å makes cores overlap: the nearest sites are 3.00 Å apart"),
        ({"supercell": (1, 0, 1)}, "supercell must be three whole numbers of 1 or more"),
        (
            {"framework_fractional": HOST * [0.5, 0.9, 0.8]},
            r"from its ideal positions after the best shift: check supercell",
        ),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    fractional, _, names = visits(np.random.default_rng(3))
    with pytest.raises(InputError, match=message):
        run_sites(universe_of(fractional, names), **change)


def llzo(**options):
    universe = datasets.crystal()
    return universe, SiteAssignment.from_cif(
        datasets.path("crystal") / "llzo.cif",
        species="Li",
        framework=universe.select_atoms("element Zr"),
        **options,
    )


def test_the_garnet_has_its_wyckoff_sites():
    _, merged = llzo()
    assert merged.labels.count("24d") == 24
    assert merged.labels.count("48g") == 48
    assert len(merged.labels) == 72
    _, split = llzo(merge=0.0)
    assert split.labels.count("96h") == 96
    assert len(split.labels) == 120


@pytest.mark.slow
def test_every_lithium_of_the_garnet_has_a_site():
    universe, sites = llzo(r_core=0.6)
    lithium = IonSpecies(
        universe.select_atoms("element Li"), charge=1, name="Li+", microstates=sites
    )
    run = OnsagerDecomposition([lithium], temperature=800, windows=[1.0])
    assert run.frame == "framework"
    run.run(stop=1000)
    sites = run.species[0].microstates
    assert sites.alignment.by == "framework"
    np.testing.assert_allclose(sites.alignment.shift, [0.21, -0.20, 0.16], atol=0.02)
    assert sites.alignment.residual < 0.05
    micro = run.microstates["Li+"]
    assert micro.state.min() >= 0
    assert sum(micro.report["occupancy"].values()) == pytest.approx(56)
    assert micro.report["occupancy"]["24d"] == pytest.approx(18.2, abs=0.7)


def test_a_cif_that_does_not_fit_is_refused(tmp_path):
    universe, _ = llzo()
    zirconium = universe.select_atoms("element Zr")
    cif = datasets.path("crystal") / "llzo.cif"
    with pytest.raises(FileNotFoundError, match="no CIF at"):
        SiteAssignment.from_cif(tmp_path / "no.cif", species="Li", framework=zirconium)
    with pytest.raises(InputError, match=r"species='Na' is not in llzo.cif, which holds La, Li, O"):
        SiteAssignment.from_cif(cif, species="Na", framework=zirconium)
    (tmp_path / "bad.cif").write_text("data_x\n_cell_length_a 3\n")
    with pytest.raises(InputError, match="holds no atom sites with a cell"):
        SiteAssignment.from_cif(tmp_path / "bad.cif", species="Li", framework=zirconium)
    wrong = SiteAssignment.from_cif(cif, species="Li", framework=zirconium, supercell=(2, 1, 1))
    ions = IonSpecies(universe.select_atoms("element Li"), charge=1, name="Li+", microstates=wrong)
    with pytest.raises(InputError, match=r"25.94, 12.97, 12.97 Å, the trajectory's cell .* more"):
        OnsagerDecomposition([ions], temperature=800).run(stop=20)
