"""Which view and which lengths temperatures are compared in, and what is said about them."""

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import mda_ionmech
from mda_ionmech import InputError, Results, arrhenius
from mda_ionmech.results.arrhenius_views import diffusive_resolution, sound_view
from tests.results.test_arrhenius import LAWS, TEMPERATURES, printed, result, row
from tests.site_lattices import hopping_run


def limited(temperature, resolutions, label, divides=None, comment="", unsound=""):
    """A stand-in for a result whose labels are read over `label` ps; None: no diffusive view."""
    divides = [True] * len(resolutions) if divides is None else divides
    values = np.where(divides, 1.0, np.nan)[None, None, None]
    data = xr.Dataset(
        {
            "diffusive_event_onsager": (("species", "species_2", "event", "resolution"), values),
            "diffusive_onsager": ((), np.nan, {"comment": comment}),
        },
        coords={"species": ["Na+"], "species_2": ["Na+"], "resolution": resolutions},
    )
    advice = SimpleNamespace(label_resolution=label, resolution=None, horizon=None, unsound=unsound)
    return SimpleNamespace(
        settings={"temperature_K": temperature},
        decomposition=data,
        has_diffusive_view=label is not None,
        recommend=lambda *, species: advice,
    )


def test_a_resolution_that_all_temperatures_have_is_chosen():
    both = [limited(500, [1.0, 2.0, 4.0], 4.0), limited(600, [1.0, 3.0, 4.0], 3.0)]
    assert diffusive_resolution(both, "Na+") == 1.0
    both = [limited(500, [1.0, 2.0, 4.0], 4.0), limited(600, [2.0, 4.0], 4.0)]
    assert diffusive_resolution(both, "Na+") == 4.0
    # 4 ps do not divide the lags at 600 K
    both[1] = limited(600, [2.0, 4.0], 4.0, divides=[True, False])
    assert diffusive_resolution(both, "Na+") == 2.0
    # none is as short as the shortest reading
    both = [limited(500, [1.0, 2.0], 1.0), limited(600, [2.0], 2.0)]
    assert diffusive_resolution(both, "Na+") == 2.0


def test_temperatures_without_a_common_resolution_are_named():
    both = [limited(500, [1.0, 4.0], 4.0), limited(600, [2.0, 3.0], 2.0)]
    with pytest.raises(InputError) as caught:
        diffusive_resolution(both, "Na+")
    assert str(caught.value) == (
        "no resolution is common to all temperatures, they are (ps) 1, 4 at 500 K; 2, 3 at 600 K; "
        "analyse every temperature with resolutions=[2]"
    )


def test_a_temperature_without_a_reading_is_named_with_the_remedy():
    short = limited(600, [1.0], None, comment="the trajectory is too short.")
    with pytest.raises(
        InputError, match="at 600 K has no diffusive view: the trajectory is too sh"
    ):
        diffusive_resolution([limited(500, [1.0], 1.0), short], "Na+")
    short.has_diffusive_view = True  # but labels are finer than the dates of hops
    with pytest.raises(
        InputError, match=r"at 600 K has no reading in .* give resolution=... in ps"
    ):
        diffusive_resolution([limited(500, [1.0], 1.0), short], "Na+")


def test_a_temperature_that_is_not_to_be_read_is_said():
    both = [limited(500, [1.0], 1.0, unsound="Carriers are caged."), limited(600, [1.0], 1.0)]
    with pytest.warns(UserWarning, match="not to be read at 500 K: Carriers are caged. Its ener"):
        assert diffusive_resolution(both, "Na+") == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        diffusive_resolution(both[1:], "Na+")


def test_another_view_than_the_diffusive_one_is_said():
    some = [limited(500, [1.0], 1.0), limited(600, [1.0], None, comment="too short.")]
    with pytest.warns(UserWarning, match="window view") as caught:
        assert sound_view(some, "Na+", None, None, None) == "window"
    assert str(caught[0].message) == (
        "the window view is used, as there is no diffusive view at 600 K (too short), no slope "
        "view at 500, 600 K; its energies are also those of the motion on sites"
    )
    with pytest.warns(UserWarning, match=r"the slope view is used, as there is no diffusive view"):
        assert sound_view(some, "Na+", None, 1.0, None) == "slope"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sound_view(some[:1], "Na+", None, None, None) == "diffusive"
        assert sound_view(some, "Na+", 2.0, None, None) == "window"
        assert sound_view(some, "Na+", None, None, 2.0) == "slope"


def test_the_temperature_that_lacks_a_length_is_named():
    made = [result(500.0), result(600.0, advice=(1.0, None)), result(700.0)]
    with pytest.raises(
        InputError, match=r"needs horizon=.* none is recommended at 600 K; .*reason"
    ):
        arrhenius(made, view="slope")
    made[1] = result(600.0, blocks=9)
    with pytest.raises(InputError, match="no window has ten blocks at 600 K; run it longer, leave"):
        arrhenius(made, view="window")


def test_three_temperatures_on_no_straight_line_are_said():
    temperatures = (380.0, 430.0, 520.0)
    made = [result(t, laws={"no_hop": (0.0, 1e40, 0.1)}, vtf=True) for t in temperatures]
    with pytest.warns(UserWarning, match=r"not straight.*: onsager Li\+ total \(probability \de-"):
        fits = arrhenius(made, window=2)
    laws = fits.laws()
    assert set(laws["law"]) == {"too_few"}
    assert np.all(laws["straight"] < 0.01)
    assert "Not straight: L T of Li+: probability " in printed(fits)
    straight = arrhenius([result(t) for t in temperatures], window=2)
    assert np.all(straight.laws()["straight"] > 0.01)
    assert "Not straight" not in printed(straight)


def test_a_total_without_an_energy_is_warned_of_with_the_remedy():
    laws = LAWS | {"no_hop": (0.15, -2e41, 0.0)}
    with pytest.warns(UserWarning, match=r"L T of Li\+ has no activation energy: .*; run the temp"):
        fits = arrhenius([result(t, laws=laws, relative=0.9) for t in TEMPERATURES], window=2)
    with pytest.raises(InputError, match="run these temperatures longer, or leave them out"):
        fits.budget()


def test_an_event_that_does_not_occur_at_one_temperature_keeps_the_others(tmp_path):
    made = [result(t, laws=LAWS if t > 550 else {k: LAWS[k] for k in ("single_ion_hop", "no_hop")})
            for t in TEMPERATURES]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = arrhenius(made, window=2)
    for quantity in ("onsager", "effectiveness"):
        assert row(fits.table(), quantity, "multi_ion_hop")["reason"] == "zero at 500 K"
    assert row(fits.table(), "frequency", "multi_ion_hop")["reason"] == "undefined at 500 K"
    assert abs(row(fits.table(), "onsager", "single_ion_hop")["energy"] - 0.15) < 0.03
    assert fits.budget().loc[500, "untested"] == 0
    path = fits.save(tmp_path / "fits.nc")
    with xr.open_dataset(path, engine="netcdf4") as again:
        held = mda_ionmech.Arrhenius(again.load())
    assert held.budget().equals(fits.budget())
    assert held.budget()["holds"].dtype == bool
    assert held.laws().equals(fits.laws())


def test_one_trajectory_at_two_temperatures_is_refused():
    results = hopping_run().results
    tree = results.tree.copy()
    tree.attrs["settings"] = json.dumps(results.settings | {"temperature_K": 350.0})
    with pytest.raises(InputError, match="at 300 and 350 K are of one and the same trajectory"):
        arrhenius([Results(tree), results], view="window")
    arrhenius([results, hopping_run(400, 0.1).results], view="window")


def test_other_number_densities_are_warned_of():
    made = [result(500.0), result(600.0), result(700.0, volume=1000.0)]
    with pytest.warns(UserWarning, match=r"density of Li\+ is 2 times as large at 700 K as at "):
        arrhenius(made, window=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        arrhenius([result(t, volume=1900 + t / 5) for t in TEMPERATURES], window=2)
    assert not [w for w in caught if "number density" in str(w.message)]
