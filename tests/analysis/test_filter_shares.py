"""Shares with the filters next to those of a run: full runs as a twin, and the verdict."""

import numpy as np
import pytest

import mda_ionmech
from mda_ionmech import IonSpecies, OnsagerDecomposition, combine
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.datasets import crystal
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.results.diffusive_view import diffusive_view, lags_of

from ..builders import make_universe
from ..physics.test_known_answers import vehicle_and_jumps

pytestmark = pytest.mark.filterwarnings("ignore")


def solvated(universe, frames=None, **shell):
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="ion",
        microstates=CutoffShell(3.0, solvent=universe.select_atoms("name S"), **shell),
        events=SolvationEvents(),
    )
    return OnsagerDecomposition([ions], temperature=300.0, frame="laboratory").run(frames=frames)


def flickering(seed=2, n_frames=2000, n=12):
    """Ions that diffuse with one ligand, which leaves for a frame at random and returns."""
    rng = np.random.default_rng(seed)
    universe, _ = vehicle_and_jumps(rng, n_frames, n, 0.05, 0.002, 3.0)
    positions = np.stack([ts.positions.copy() for ts in universe.trajectory])
    away = rng.random((n_frames, n)) < 0.1
    ligands = positions[:, n:].reshape(n_frames, n, -1, 3)
    near = np.linalg.norm(ligands - positions[:, :n, None], axis=-1) < 3.0
    ligands[near & away[:, :, None]] += np.array([2.0, 0.0, 0.0])
    names = [*universe.atoms.names]
    return make_universe(positions, universe.dimensions, names=names)


@pytest.fixture(scope="module")
def clean():
    universe, _ = vehicle_and_jumps(np.random.default_rng(4), 2000, 12, 0.01, 0.02, 3.0)
    return solvated(universe, persistence=2.0)


@pytest.fixture(scope="module")
def flicker():
    return solvated(flickering())


def twin(run, options):
    """Shares of a run with other filters, at the lags and weights of the run itself."""
    other = run._finished("").relabelled(**options).blocks
    view = diffusive_view(other, choice=lags_of(run.results.blocks))
    resolution = run.results.summary().attrs["resolution_ps"]
    at = run.results.decomposition["resolution"].values.tolist().index(resolution)
    own = run.results.blocks.path_rows
    share = np.full(len(run.results.blocks.events), np.nan)
    events = own[1][own[0] == 0]
    share[events] = view.values["diffusive_share"][0, events, at]
    return share


@pytest.mark.slow
def test_shares_are_those_of_runs_with_these_filters(liquid_run, flicker, clean):
    outer = {"solvent": 3.2, "anion": 3.2}
    cases = [
        (flicker, "persistence 1 ps", {"persistence": 1.0}),
        (clean, "persistence 4 ps", {"persistence": 4.0}),
        (clean, "persistence 1 ps", {"persistence": 1.0}),
        (liquid_run, "persistence 2 ps", {"persistence": 2.0}),
    ]
    for run, name, options in cases:
        found = run.results.filters["filter_share"].sel(filter=name)[0]
        np.testing.assert_allclose(found, twin(run, options), rtol=1e-9, atol=1e-12)
    from ..conftest import liquid_species

    universe = mda_ionmech.datasets.liquid()
    shells = {"cutoff": 2.7, "recorded": [2.5, 3.2]}
    species = liquid_species(universe, **shells)
    run = OnsagerDecomposition(species, temperature=330.0).run(stop=800)
    names = run.results.filters["filter"].values.tolist()
    assert names == [
        "persistence 1 ps", "persistence 2 ps", "cutoffs solvent 2.5 A, anion 2.5 A",
        "cutoffs solvent 3.2 A, anion 3.2 A",
    ]  # fmt: skip
    found = run.results.filters["filter_share"].sel(filter=names[-1])[0]
    wanted = twin(run, {"radii": {0: {"inner": outer, "outer": outer}}})
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_the_verdict_says_whether_the_leading_share_depends_on_the_filters(flicker, clean):
    depends, firm = flicker.results.verdict(), clean.results.verdict()
    assert depends.finding("filters") == "sensitive"
    assert "The leading share depends on the filters: the share of" in str(depends)
    assert firm.finding("filters") == "insensitive"
    assert "The leading share depends little on the filters: the share of renewal" in str(firm)


@pytest.mark.slow
def test_a_change_within_its_error_is_no_finding(flicker):
    """The change of the share is large; with errors as large it is none."""
    tree = flicker.results.tree.copy(deep=True)
    data = tree["filters"].to_dataset()
    data["filter_share_error"] += 1.0
    tree["filters"].dataset = data
    assert type(flicker.results)(tree).verdict().finding("filters") == "insensitive"


@pytest.mark.slow
def test_it_is_kept_with_the_result(flicker, tmp_path):
    results = flicker.results
    again = mda_ionmech.load(results.save(tmp_path / "run.nc"))
    assert str(again.verdict()) == str(results.verdict())
    flicker.save_run(tmp_path / "saved.run")
    assert str(mda_ionmech.load_run(tmp_path / "saved.run").results.verdict()) == str(
        results.verdict()
    )
    data = again.filters
    assert data["filter_share"].dims == ("species", "filter", "event")
    assert (data["filter_share"].sum("event") - 1 < 1e-9).all()


@pytest.mark.slow
def test_a_pooled_result_has_none(flicker):
    parts = range(1000), range(1000, 2000)
    pooled = combine([solvated(flicker.universe, frames=one).results for one in parts])
    assert pooled.filters is None
    assert pooled.verdict().finding("filters") is None


@pytest.mark.slow
def test_core_sets_are_compared_with_nearest_sites():
    run = crystal_analysis(crystal()).run()
    data = run.results.filters
    assert data["filter"].values.tolist()[-1] == "nearest sites"
    found = data["filter_share"].sel(filter="nearest sites")[0]
    np.testing.assert_allclose(found, twin(run, {"filtered": False}), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.sum(), 1.0, rtol=1e-9)
