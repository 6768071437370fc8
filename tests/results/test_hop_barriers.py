"""Apparent barriers of hop channels."""

import numpy as np
import pandas as pd
import pytest

from mda_ionmech import InputError, hop_barriers
from mda_ionmech.results.hop_barriers import channel_barriers

from ..builders import brownian, decompose, make_universe
from ..site_lattices import hopping_run

BOLTZMANN = 8.617333262e-5


class Kept:
    """What `channel_barriers` reads of a result: rates of channels at a temperature."""

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
    short, long = sorted(channel_barriers(results), key=lambda one: one.distance)
    for one, energy, prefactor in ((short, 0.1, 1e3), (long, 0.3, 1e4)):
        assert one.energy == pytest.approx(energy)
        assert one.rate_at(700.0) == pytest.approx(rate(700.0, energy, prefactor))
        assert one.reduced_chi2 == pytest.approx(0, abs=1e-12)
        assert list(one.temperature) == [500.0, 600.0, 800.0]
    # four times as many hops are known half as well
    assert long.error == pytest.approx(2 * short.error, rel=0.01)


@pytest.mark.slow
def test_errors_are_the_spread_of_fits_of_counts():
    """Widened where the line fits badly, which chance does: max(1, chi2) of one degree of freedom
    has the mean 1 + 2 phi(1) = 1.48."""
    rng = np.random.default_rng(1)
    kelvin, found = (500.0, 650.0, 800.0), []
    for _ in range(100):
        results = []
        for t in kelvin:
            expected = rate(t, 0.2, 4e4)
            count = rng.poisson(expected)
            results.append(Kept(t, [("a", "b", 2.0, float(count), count)]))
        (one,) = channel_barriers(results)
        found.append((one.energy, one.error, one.error / max(1, one.reduced_chi2**0.5)))
    energy, error, of_counts = np.array(found).T
    assert energy.mean() == pytest.approx(0.2, abs=3 * energy.std() / np.sqrt(100))
    # a standard deviation of 100 values is known to 7%
    assert np.sqrt(np.mean(of_counts**2)) == pytest.approx(energy.std(), rel=0.2)
    # max(1, chi2) has a standard deviation of 1.1
    assert np.mean((error / of_counts) ** 2) == pytest.approx(1.484, abs=3 * 1.1 / np.sqrt(100))


def test_few_hops_have_no_barrier():
    results = [Kept(t, [("a", "b", 2.0, 1.0, n)]) for t, n in ((500.0, 9), (600.0, 10))]
    (one,) = channel_barriers(results)
    assert np.isnan(one.energy)
    assert list(one.used) == [False, True]


def test_rates_off_the_line_widen_the_error_by_the_root_of_chi2():
    """Three rates in even steps of 1 / T, each known to 5%, the middle one 12% above the line."""
    inverse = np.linspace(1 / 500, 1 / 700, 3)
    results = [
        Kept(1 / x, [("a", "b", 2.0, rate(1 / x, 0.2, 1e4) * off, 400)])
        for x, off in zip(inverse, (1.0, 1.12, 1.0), strict=True)
    ]
    (one,) = channel_barriers(results)
    sigma = np.log(1.05 / 0.95) / 2
    assert one.energy == pytest.approx(0.2, abs=1e-6)
    # three even points lie 1, -2 and 1 sixths of their second difference from the line
    chi2 = (2 * np.log(1.12) / sigma) ** 2 / 6
    assert one.reduced_chi2 == pytest.approx(chi2, rel=1e-3)
    spread = np.sqrt(2) * (inverse[0] - inverse[1]) / BOLTZMANN
    assert one.error == pytest.approx(sigma / spread * np.sqrt(chi2), rel=1e-3)


@pytest.mark.slow
def test_the_table_of_two_runs_from_files(tmp_path):
    """Ions leave a and b twice as fast at 400 K as at 300 K: ln 2 / (1 / 300 kB - 1 / 400 kB)."""
    cold, hot = hopping_run().results, hopping_run(400, 0.1).results
    table = hop_barriers([hot, cold.save(tmp_path / "cold.nc")])
    energy = np.log(2) * BOLTZMANN / (1 / 300 - 1 / 400)
    for ends in (("a", "b"), ("b", "a")):
        row = table.xs(("Li+", *ends), level=("species", "start", "end")).iloc[0]
        assert row["energy"] == pytest.approx(energy, abs=4 * row["error"])
        assert row["error"] < 0.2 * energy
        assert row["temperatures"] == 2
        assert np.isnan(row["reduced_chi2"])
    assert "energy, eV" in repr(table)


def test_what_has_no_barriers_is_refused():
    cold, hot = hopping_run().results, hopping_run(400, 0.1).results
    with pytest.raises(InputError, match="must be a list"):
        hop_barriers(cold)
    with pytest.raises(InputError, match="at one temperature"):
        hop_barriers([cold, cold])
    without = make_universe(brownian(np.random.default_rng(0), 60, 4, 0.05, 1.0))
    with pytest.raises(InputError, match="no rates of hops"):
        hop_barriers([decompose(without, windows=[1.0]), hot])
