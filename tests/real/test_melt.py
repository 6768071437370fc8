"""The shipped molten salt: what its tutorial says of it."""

import numpy as np
import pytest

from mda_ionmech import datasets
from mda_ionmech.cli.demos import DEMOS


@pytest.fixture(scope="module")
def melt():
    """The demo, with g(r) of both ions."""
    analysis = DEMOS["melt"](datasets.melt())
    measured = {one.name: (one.microstates, found) for one, found in analysis.measure_shells()}
    return analysis.run(), measured


@pytest.mark.slow
def test_a_cage_without_a_clear_edge(melt):
    shell, found = melt[1]["Na+"]
    g, cutoff = found["anion"], shell.inner["anion"]
    assert g.flat_minimum() is None
    assert cutoff == pytest.approx(4.1, abs=0.1)
    assert g.number_within(cutoff) == pytest.approx(4.9, abs=0.1)
    assert g.similar_cutoffs(cutoff) == pytest.approx((3.8, 4.4), abs=0.05)
    # both ions count the same pairs
    other = melt[1]["Cl-"][1]["cation"]
    np.testing.assert_allclose(g.coordination, other.coordination, rtol=1e-12)


@pytest.mark.slow
def test_a_sodium_that_keeps_its_cage_does_not_get_far(melt):
    run, _ = melt
    table = run.results.summary()
    assert table["share"].sum() == pytest.approx(1)
    assert table["share_high"]["vehicular"] < 0.1
    low, high = table["share_low"], table["share_high"]
    gain, loss = "anion_association", "anion_dissociation"
    assert max(low[gain], low[loss]) < min(high[gain], high[loss])
    varied = run.robustness(persistence=[0, 0.25, 1], window=0.4)["share"]
    assert varied.xs("vehicular", level="event").max() < 0.2


@pytest.mark.slow
def test_contacts_last_six_times_as_long_as_the_persistence(melt):
    stays = melt[0].residence_times(species="Na+")
    stay = stays.loc[("Na+", "anion", "continuous"), "mean_stay"]
    assert stay == pytest.approx(3.1, abs=0.1)


def test_ions_of_a_whole_system_have_no_transference_numbers(melt):
    value = melt[0].results.transport()["value"]
    assert 317 <= value["conductivity"] <= 421
    assert np.isnan(value["transference number Na+"])
