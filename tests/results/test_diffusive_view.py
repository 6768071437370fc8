"""The diffusive view in the result: exact sums, intervals, files, replicas and refusals."""

import numpy as np
import pytest
import xarray as xr
from scipy import constants

from mda_ionmech import IonSpecies, OnsagerDecomposition, combine, load
from mda_ionmech.lib.errors import InputError
from mda_ionmech.results.results import Results

from ..builders import CUBE, make_universe


@pytest.fixture(scope="module")
def data(liquid_run):
    return liquid_run.results.decomposition


def test_contributions_sum_to_the_coefficient_at_every_resolution(data):
    parts = data["diffusive_event_onsager"].sum("event", skipna=False)
    known = np.isfinite(parts).all(["species", "species_2"])
    assert known.sum() >= 3
    total = data["diffusive_onsager"]
    scale = float(np.abs(total).max())
    assert float(np.abs(parts - total).max()) < 1e-10 * scale
    np.testing.assert_allclose(total, total.T, rtol=1e-12)


def test_weights_reproduce_the_coefficient_from_the_path_view(data):
    """From the sums of the path view of the finest resolution, whose horizons are lags as well."""
    about = data["diffusive_onsager"].attrs
    assert about["lag_ps"] @ about["weight_per_ps"] == pytest.approx(1.0, rel=1e-9)
    assert about["weight_per_ps"].sum() == pytest.approx(0.0, abs=1e-9)
    assert np.all(about["lag_ps"] >= about["first_lag_ps"])


def test_the_conductivity_is_that_of_all_pairs(data):
    z = np.array([1.0, -1.0])
    sigma = constants.e**2 * z @ data["diffusive_onsager"].values @ z
    assert float(data["diffusive_conductivity"]) == pytest.approx(sigma, rel=1e-12)
    by_event = data["diffusive_event_conductivity"].sum(["species", "event"], skipna=False)
    known = by_event[np.isfinite(by_event)]
    np.testing.assert_allclose(known, sigma, rtol=1e-10)
    numbers = data["diffusive_transference_number"]
    assert float(numbers.sum()) == pytest.approx(1.0, rel=1e-12)


def test_shares_sum_to_one_and_lie_in_their_intervals(data):
    share = data["diffusive_share"].sel(species="Li+")
    known = share.dropna("resolution", how="all")
    np.testing.assert_allclose(known.sum("event"), 1.0, rtol=1e-10)
    for name in ("diffusive_share", "diffusive_onsager", "diffusive_event_onsager"):
        value, low, high = (data[name + end] for end in ("", "_low", "_high"))
        defined = np.isfinite(value) & np.isfinite(low)
        assert defined.any()
        assert bool(((low <= high) | ~defined).all())
    assert np.isnan(share.sel(event="all")).all(), "Li+ has no such label"


@pytest.mark.slow
def test_the_table_is_what_the_file_holds(liquid_run, tmp_path):
    results = load(liquid_run.results.save(tmp_path / "run.nc"))
    table = results.summary(view="diffusive")
    assert table["share"].sum() == pytest.approx(1.0, rel=1e-10)
    at = table.attrs["resolution_ps"]
    file = results.decomposition.sel(species="Li+", resolution=at)
    np.testing.assert_array_equal(
        table["share"], file["diffusive_share"].sel(event=list(table.index))
    )
    total, low, high = table.attrs["total"]
    assert table["onsager"].sum() == pytest.approx(total, rel=1e-10)
    assert low < total < high
    window = results.summary(window=at)
    np.testing.assert_array_equal(table["frequency"], window.loc[table.index, "frequency"])
    # the samples behind the intervals are those of the file's own sums
    samples = results.samples("diffusive_onsager")
    assert samples.shape == (400, 2, 2)
    ends = np.quantile(samples[:, 0, 0], [0.16, 0.84])
    whole = results.decomposition["diffusive_onsager_low"][0, 0]
    assert ends[0] == pytest.approx(float(whole), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"window": 4.0}, "window and horizon have no meaning with view='diffusive'"),
        ({"horizon": 4.0}, "window and horizon have no meaning with view='diffusive'"),
        ({"resolution": 256.0}, "does not divide the lags of the diffusive view"),
        ({"resolution": 1e6}, "is outside the scan"),
        ({"species": "Na+"}, "Na"),
    ],
)
def test_what_makes_no_sense_is_refused(liquid_run, options, text):
    with pytest.raises(InputError, match=text):
        liquid_run.results.summary(view="diffusive", **options)


def walk(n_frames, seed, **options):
    rng = np.random.default_rng(seed)
    paths = 20.0 + np.cumsum(rng.normal(scale=0.2, size=(n_frames, 8, 3)), axis=0)
    universe = make_universe(paths, CUBE)
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    return OnsagerDecomposition([ions], temperature=300, frame="laboratory", **options).run()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_replicas_are_pooled_and_give_narrower_intervals():
    runs = [walk(400, seed).results for seed in range(3)]
    joined = combine(runs)
    one, all_three = (r.decomposition for r in (runs[0], joined))
    width = [
        float((d["diffusive_onsager_high"] - d["diffusive_onsager_low"]).squeeze())
        for d in (one, all_three)
    ]
    assert width[1] < width[0]
    parts = all_three["diffusive_event_onsager"].sum("event").squeeze("species_2")
    gap = parts[0, 0] / all_three["diffusive_onsager"][0, 0] - 1
    assert abs(float(gap)) < 1e-10


@pytest.mark.filterwarnings("ignore")
def test_a_short_run_says_why_there_is_none():
    results = walk(25, 1).results
    data = results.decomposition
    assert np.isnan(data["diffusive_onsager"]).all()
    assert "too short" in data["diffusive_onsager"].attrs["comment"]
    assert any(text.startswith("no diffusive view") for text in results.warnings)
    with pytest.raises(InputError, match=r"no diffusive view.*too short"):
        results.summary(view="diffusive")
    without = walk(400, 1, resolutions=None).results
    assert "diffusive_onsager" not in without.decomposition
    with pytest.raises(InputError, match="run it again with"):
        without.summary(view="diffusive")


@pytest.mark.slow
def test_a_file_whose_parts_do_not_add_up_is_refused(liquid_run, tmp_path):
    tree = liquid_run.results.tree.copy(deep=True)
    data = tree["decomposition"].to_dataset()
    data["diffusive_event_onsager"][0, 0, 0] *= 1.5
    tree["decomposition"] = xr.DataTree(data)
    path = Results(tree).save(tmp_path / "spoiled.nc")
    with pytest.raises(InputError, match="do not add up to the whole in the diffusive view"):
        load(path)


@pytest.mark.slow
def test_an_intact_file_of_another_estimator_is_loaded_with_a_warning(liquid_run, tmp_path):
    """Its values are kept, its checksum holds, and a copy that is saved says so too."""
    tree = liquid_run.results.tree.copy(deep=True)
    data = tree["decomposition"].to_dataset()
    for name in ("diffusive_event_onsager", "diffusive_onsager"):
        data[name] *= 1.01
    tree["decomposition"] = xr.DataTree(data)
    path = Results(tree).save(tmp_path / "earlier.nc")
    with pytest.warns(UserWarning, match="estimated by another version of mda_ionmech") as told:
        found = load(path)
    assert len(told) == 1
    assert found.decomposition["diffusive_onsager"].equals(data["diffusive_onsager"])
    assert "kept as it was written" in "".join(found.warnings)
    again = load(found.save(tmp_path / "again.nc"))
    assert again.warnings == found.warnings


@pytest.mark.slow
def test_values_that_are_not_those_of_the_sums_are_refused(liquid_run, tmp_path):
    tree = liquid_run.results.tree.copy(deep=True)
    data = tree["decomposition"].to_dataset()
    for name in ("diffusive_event_onsager", "diffusive_onsager"):
        data[name] *= 2.0
    tree["decomposition"] = xr.DataTree(data)
    path = tmp_path / "doubled.nc"
    tree.to_netcdf(path)  # another writer: without a checksum
    with pytest.raises(InputError, match="is not what the sums over its blocks give"):
        load(path)
