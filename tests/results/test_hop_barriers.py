"""Apparent barriers of hop channels."""

import numpy as np
import pandas as pd
import pytest

from mda_ionmech.results.hop_barriers import hop_barriers

BOLTZMANN = 8.617333262e-5


class Kept:
    """What `hop_barriers` reads of a result: rates of channels at a temperature."""

    def __init__(self, temperature, rows):
        self.settings = {"temperature_K": temperature}
        table = pd.DataFrame(rows, columns=["start", "end", "distance", "rate", "count"])
        error = table["rate"] / np.sqrt(np.maximum(table["count"], 1))
        table["low"], table["high"] = table["rate"] - error, table["rate"] + error
        self.table = table.set_index(["start", "end", "distance"])
        self.table.attrs["level"] = 0.6827
        names = np.array(["Li+"])
        rates = np.ones((1, len(rows)))
        self.hop_channel_data = {
            "species": pd.Series(names),
            "hop_rate": pd.DataFrame(rates),
        }

    def hop_channels(self, species):
        assert species == "Li+"
        return self.table


def rate(temperature, energy, prefactor):
    return prefactor * np.exp(-energy / (BOLTZMANN * temperature))


def test_rates_of_two_laws_have_their_energies():
    """Channels of one pair of labels are told apart by distance, which grows with temperature."""
    results = [
        Kept(t, [("a", "a", 1.9 + k / 50, rate(t, 0.1, 1e3), 400),
                 ("a", "a", 2.6 + k / 50, rate(t, 0.3, 1e4), 100)])
        for k, t in enumerate((600.0, 500.0, 800.0))
    ]  # fmt: skip
    short, long = sorted(hop_barriers(results), key=lambda one: one.distance)
    for one, energy, prefactor in ((short, 0.1, 1e3), (long, 0.3, 1e4)):
        assert one.energy == pytest.approx(energy)
        assert one.rate_at(700.0) == pytest.approx(rate(700.0, energy, prefactor))
        assert one.reduced_chi2 == pytest.approx(0, abs=1e-12)
        assert list(one.temperature) == [500.0, 600.0, 800.0]
    # four times as many hops are known half as well
    assert long.error == pytest.approx(2 * short.error, rel=0.01)


def test_errors_are_the_spread_of_fits_of_counts():
    rng = np.random.default_rng(1)
    kelvin, found = (500.0, 650.0, 800.0), []
    for _ in range(100):
        results = []
        for t in kelvin:
            expected = rate(t, 0.2, 4e4)
            count = rng.poisson(expected)
            results.append(Kept(t, [("a", "b", 2.0, float(count), count)]))
        (one,) = hop_barriers(results)
        found.append((one.energy, one.error))
    energy, error = np.array(found).T
    assert energy.mean() == pytest.approx(0.2, abs=3 * energy.std() / np.sqrt(100))
    assert np.sqrt(np.mean(error**2)) == pytest.approx(energy.std(), rel=0.25)


def test_few_hops_have_no_barrier():
    results = [Kept(t, [("a", "b", 2.0, 1.0, n)]) for t, n in ((500.0, 9), (600.0, 10))]
    (one,) = hop_barriers(results)
    assert np.isnan(one.energy)
    assert list(one.used) == [False, True]
