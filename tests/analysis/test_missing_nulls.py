"""An exclusion gas that cannot move is no evidence: the reason is given where it would stand."""

import numpy as np
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.datasets import crystal
from mda_ionmech.events import CrystalEvents
from mda_ionmech.events.crystal.joined_history import join_histories
from mda_ionmech.events.nulls.gas_reasons import why_no_gas
from mda_ionmech.lib.run_length import label_runs
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.plotting import concertedness as drawn
from mda_ionmech.results.tables import concertedness

from ..builders import make_universe
from ..events.crystal.test_crystal_events import in_space

pytestmark = pytest.mark.filterwarnings("ignore:charge")
A, N, FRAMES = 3.0, 5, 600
LENGTH = N * A


def on_ring(n_ions, *, listed=N, windows=(1.0, 2.0), seed=0):
    """Rings of sites on which all ions step together, n_ions on each of three."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([-1, 1], (FRAMES, 3)) * (rng.random((FRAMES, 3)) < 0.1)
    steps[0] = 0
    x = np.arange(n_ions)[None, None] + np.cumsum(steps, axis=0)[..., None]
    y = np.broadcast_to(np.arange(3)[None, :, None] * LENGTH / 3 / A, x.shape)
    ions = (np.stack([x % N, y, 0 * x], axis=-1) * A).reshape(FRAMES, -1, 3)
    ions += rng.normal(scale=0.05, size=ions.shape)
    host = np.array([[1.0, 1.0, 1.0], [4.0, 7.0, 9.0]])
    positions = np.concatenate([ions, np.broadcast_to(host, (FRAMES, 2, 3))], axis=1) % LENGTH
    u = make_universe(
        positions, (LENGTH,) * 3 + (90.0,) * 3, names=["LI"] * 3 * n_ions + ["H"] * 2,
        masses=[7.0] * 3 * n_ions + [90.0] * 2,
    )  # fmt: skip
    places = [[a / N, b / 3, 0.0] for b in range(3) for a in range(listed)]
    sites = SiteAssignment.from_structure(
        places, ["a"] * len(places), framework=u.select_atoms("name H"), r_core=1.0,
        framework_fractional=host / LENGTH,
    )  # fmt: skip
    ion = IonSpecies(
        u.select_atoms("name LI"), charge=1, name="Li+", microstates=sites, events=CrystalEvents()
    )
    return OnsagerDecomposition([ion], temperature=300, windows=list(windows), resolutions=None)


def test_where_every_site_is_filled_the_reason_is_given():
    with pytest.warns(UserWarning, match="no exclusion gas beside them.* every one of the 15 site"):
        results = on_ring(N).run().results
    data = results.decomposition.sel(species="Li+")
    assert (data["multi_fraction"] > 0).all()
    assert np.isnan(data["multi_fraction_exclusion"]).all()
    why = results.settings["without_exclusion_gas"]["Li+"]
    assert "a null that cannot move is not evidence" in why
    assert "every one of the 15 sites is filled" in data["multi_fraction_exclusion"].comment
    assert sum(why in text for text in results.warnings) == 1
    (said,) = concertedness(results, 1.0)
    assert "nan" not in said
    assert why in said
    assert why in str(results.verdict())
    assert results.verdict().finding("concertedness") == "no evidence"
    drawn(results)


def test_more_ions_than_sites_are_the_reason():
    with pytest.warns(UserWarning, match="15 ions share 12 sites"):
        results = on_ring(N, listed=N - 1).run().results
    assert np.isnan(results.decomposition["multi_fraction_exclusion"]).all()


@pytest.mark.slow
def test_a_gas_that_moves_needs_no_reason(recwarn):
    for run in (on_ring(2), crystal_analysis(crystal())):
        results = run.run().results
        assert results.settings["without_exclusion_gas"] == {}
        assert np.isfinite(results.decomposition["multi_fraction_exclusion"]).all()
        assert not any("exclusion gas" in text for text in results.warnings)
        assert "comment" not in results.decomposition["multi_fraction_exclusion"].attrs
    assert not any("exclusion gas" in str(one.message) for one in recwarn)


def test_each_reason_by_itself():
    sites = np.array([[0.0, 0, 0], [3, 0, 0], [6, 0, 0]])
    moving = in_space([[0, 1, 0, 1, 0]], sites)
    assert why_no_gas(moving, label_runs(np.array([[0], [1], [0], [1], [0]]))) is None
    assert why_no_gas(in_space([[0, 0, 0]], sites), None) is None  # nothing hops at all
    assert "one ion on each at most" in why_no_gas(in_space([[0, 1]] * 4, sites), None)
    assert "every one of the 3 sites" in why_no_gas(in_space([[0, 1], [1, 0], [2, 2]], sites), None)
    assert "no hop of the run leads to a site that is seen empty" in why_no_gas(
        in_space([[0, 1], [1, 0]], sites), None
    )
    still = label_runs(np.array([[0], [0], [0], [0], [1]]))
    assert "makes 1 hops where the run makes 4" in why_no_gas(moving, still)


def test_a_species_on_all_of_its_sites_is_no_reason_where_there_is_a_gas():
    """The first species holds both of its sites; one ion of the second hops between two."""
    sites = np.array([[0.0, 0, 0], [0.3, 0, 0]])
    both = join_histories(
        [in_space([[0, 0, 0], [1, 1, 1]], sites), in_space([[0, 1, 0]], 0.5 + sites)], 0.1
    )
    assert "fill all of its sites" in why_no_gas(both, None)
    assert why_no_gas(both, both.occupied) is None
