"""Independent runs of one system taken together."""

import numpy as np
import pytest

from mda_ionmech import InputError, OnsagerDecomposition, combine
from mda_ionmech.events import SolvationEvents
from mda_ionmech.macrostates import IonPairing
from mda_ionmech.microstates import CutoffShell

from ..builders import IonSpecies, hops, make_universe


def replica(seed, *, n_frames=600, rate=0.2, n=6, **options):
    """Hopping ions with a counter ion, a shell that changes now and then, and macrostates."""
    rng = np.random.default_rng(seed)
    paths, _ = hops(rng, n_frames, n, rate, 1.0, 1.0)
    still = np.broadcast_to(rng.uniform(0, 40, (3, 3)), (n_frames, 3, 3))
    positions = np.concatenate([paths + rng.uniform(0, 40, (n, 3)), still], axis=1)
    universe = make_universe(positions, names=["I"] * n + ["A"] * 3, resnames=["RES"] * (n + 3))
    anions = universe.select_atoms("name A")
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="ion",
        microstates=CutoffShell(6.0, anion=anions),
        events=SolvationEvents(),
        macrostates=IonPairing(),
    )
    options = {"windows": [1.0, 4.0], "resolutions": [1.0, 2.0], "horizons": [2.0, 4.0]} | options
    run = OnsagerDecomposition([ions], temperature=300.0, frame="laboratory", **options).run()
    return run.results


@pytest.fixture(scope="module")
def three():
    return [replica(seed, n_frames=n) for seed, n in ((1, 600), (2, 600), (3, 900))]


def test_sums_add_up_and_stay_exact(three, tmp_path):
    joined = combine([three[0], three[1].save(tmp_path / "second.nc"), three[2]])
    data = joined.decomposition.sel(species="ion", species_2="ion")
    weights = np.array([[r.decomposition["origins"].values] for r in three])[:, 0]
    values = np.array([r.decomposition["onsager"].values[0, 0] for r in three])
    expected = np.sum(weights * values, axis=0) / weights.sum(axis=0)
    np.testing.assert_allclose(data["onsager"], expected, rtol=1e-12)
    np.testing.assert_allclose(data["event_onsager"].sum("event"), expected, rtol=1e-10)
    np.testing.assert_allclose(data["share"].sum("event"), 1.0, rtol=1e-10)
    assert float(joined.decomposition["residual"].max()) < 1e-12
    blocks = sum(r.decomposition["blocks"].values for r in three)
    assert np.all(np.abs(data["blocks"].values - blocks) <= 3)
    own = joined.decomposition["path_slope"].sum("event")
    assert np.isfinite(own.sel(resolution=2.0, horizon=4.0)).all()
    population = joined.transitions["population"].sum("macrostate_start")
    np.testing.assert_allclose(population, 1.0)
    assert [r["n_frames"] for r in joined.settings["replicas"]] == [600, 600, 900]
    assert joined.states is None
    # narrower than one replica alone
    reach = float((data["onsager_high"] - data["onsager_low"])[0])
    alone = three[0].decomposition
    assert reach < float((alone["onsager_high"] - alone["onsager_low"])[0, 0, 0])


def test_many_replicas_are_blocks_of_their_own(tmp_path):
    """Twelve short runs: the interval is that of a mean of twelve numbers."""
    runs = [replica(100 + k, n_frames=120) for k in range(12)]
    joined = combine(runs)
    assert np.all(joined.decomposition["blocks"] == 12)
    values = np.array([float(r.decomposition["onsager"][0, 0, 0]) for r in runs])
    error = values.std(ddof=1) / np.sqrt(12)
    data = joined.decomposition.isel(window=0, species=0, species_2=0)
    half = float(data["onsager_high"] - data["onsager_low"]) / 2
    # the bootstrap's error is smaller by sqrt(11 / 12), its percentiles are those of 400 samples
    assert half == pytest.approx(error * np.sqrt(11 / 12) * 0.994, rel=0.2)
    path = joined.save(tmp_path / "joined.nc")
    from mda_ionmech import load

    again = load(path)
    np.testing.assert_array_equal(again.samples("onsager"), joined.samples("onsager"))


def test_replicas_that_disagree_are_named():
    joined = combine([replica(1, n_frames=900), replica(2, n_frames=900, rate=1.2)])
    assert any("replicas differ in the Onsager coefficient of ion" in w for w in joined.warnings)
    same = combine([replica(1, n_frames=900), replica(2, n_frames=900)])
    assert not any("replicas differ" in w for w in same.warnings)


def test_what_is_no_replica_is_refused(three):
    with pytest.raises(InputError, match="combine needs two results or more, got 1"):
        combine(three[:1])
    with pytest.raises(InputError, match=r"result 2 differs from the first in numbers of carriers"):
        combine([three[0], replica(4, n=5)])
    with pytest.raises(InputError, match=r"differs from the first in windows \(frames\): \[1, 8\]"):
        combine([three[0], replica(4, windows=[1.0, 8.0])])
    with pytest.raises(InputError, match=r"differs from the first in horizons \(frames\)"):
        combine([three[0], replica(4, horizons=[2.0])])
