"""Displacements by event and length: against plain loops, and walks with known moments."""

import numpy as np
import pandas as pd
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets, load, plotting
from mda_ionmech.events import EventRule
from mda_ionmech.microstates import CutoffShell

from ..builders import CUBE, liquid_species, make_universe


class Anything(EventRule):
    names = ("any",)

    def label(self, before, after):
        return "any"


def walk(paths, **options):
    """A run of particles with one label, and a partner far from all."""
    n_frames, n, _ = paths.shape
    universe = make_universe(np.concatenate([paths, np.full((n_frames, 1, 3), 20.0)], axis=1), CUBE)
    shell = CutoffShell(1.0, other=universe.atoms[n:])
    ions = IonSpecies(
        universe.atoms[:n], charge=1, name="ion", microstates=shell, events=Anything()
    )
    return OnsagerDecomposition([ions], temperature=300, frame="laboratory", **options).run()


@pytest.fixture(scope="module")
def liquid():
    species = liquid_species(datasets.liquid())
    return OnsagerDecomposition(species, temperature=330, windows=[1, 4]).run(stop=400)


def test_counts_and_shares_are_those_of_plain_loops(liquid):
    table = liquid.displacement_spectrum(4.0, bins=[0, 1.0, 2.5])
    labels = liquid.events(4.0)
    r = liquid.paths.position[:16]
    moved = r[:, :, 4:] - r[:, :, :-4]
    total = moved.sum(axis=0)
    expected = {}
    for c in range(16):
        for t in range(moved.shape[2]):
            length = np.linalg.norm(moved[c, :, t])
            place = (0.0, 1.0, 2.5)[sum(length >= edge for edge in (1.0, 2.5))]
            key = labels.names[labels.label[t, c]], place
            number, product = expected.get(key, (0, 0.0))
            expected[key] = number + 1, product + moved[c, :, t] @ total[:, t]
    whole = sum(product for _, product in expected.values())
    found = {(event, low): row for (event, low, _), row in table.iterrows()}
    assert found.keys() == expected.keys()
    for key, (number, product) in expected.items():
        assert found[key]["count"] == number
        assert found[key]["share"] == pytest.approx(product / whole, abs=1e-10)


def test_parts_of_an_event_sum_to_its_share_in_the_window_view(liquid):
    for window in (1.0, 4.0):
        table = liquid.displacement_spectrum(window)
        shares = liquid.results.summary(window)["share"]
        parts = table["share"].groupby(level="event").sum()
        for event, part in parts.items():
            assert part == pytest.approx(shares[event], abs=1e-10)
        assert table["share"].sum() == pytest.approx(1, abs=1e-10)
        width = table.index.get_level_values("to") - table.index.get_level_values("from")
        area = (table["density"] * width).groupby(level="event").sum()
        np.testing.assert_allclose(area, 1)


@pytest.mark.slow
def test_the_result_holds_displacements_in_few_windows(liquid, tmp_path):
    """The shortest window, that in which labels are read, and the longest one with ten blocks."""
    results = load(liquid.results.save(tmp_path / "liquid.nc"))
    read = float(results.at_window()["window"])
    assert {*results.displacement_data["window"].values} == {1.0, read, results.longest_window}
    for window in results.displacement_data["window"].values:
        table, known = results.displacement_spectrum(window), liquid.displacement_spectrum(window)
        pd.testing.assert_frame_equal(pd.DataFrame(table), pd.DataFrame(known))
        assert {**table.attrs, "moments": known.attrs["moments"]} == known.attrs
    assert results.displacement_spectrum().attrs["window_ps"] == read
    with pytest.raises(InputError, match="outside the scan"):
        results.displacement_spectrum(1000.0)
    with pytest.raises(InputError, match="event rule"):
        results.displacement_spectrum(species="TFSI-")
    del results.tree["displacement_spectrum"]
    with pytest.raises(InputError, match="run again"):
        results.displacement_spectrum()


def test_bins_are_even_steps_that_are_easily_read(liquid):
    edges = np.unique(liquid.displacement_spectrum(4.0).index.get_level_values("to"))
    width = np.diff(edges).min()
    assert any(width == pytest.approx(w) for w in (0.1, 0.2, 0.5))
    assert 16 <= edges[-1] / width <= 40


@pytest.mark.slow
def test_gaussian_displacements_have_no_excess_and_hops_one_length():
    rng = np.random.default_rng(5)
    steps = rng.normal(scale=0.5, size=(4000, 10, 3))
    moments = walk(np.cumsum(steps, axis=0), windows=[1]).displacement_spectrum(1.0)
    moments = moments.attrs["moments"]["any"]
    n = 3999 * 10
    # variances of <r^2> and of the non-Gaussian parameter of n Gaussian displacements
    assert moments["mean_square_A2"] == pytest.approx(0.75, abs=4 * 0.75 * np.sqrt(2 / 3 / n))
    assert abs(moments["non_gaussian"]) < 4 * np.sqrt(8 / 15 / n)
    axis, sign = rng.integers(0, 3, size=(500, 10)), rng.choice([-1.5, 1.5], size=(500, 10))
    hops = np.where(np.arange(3) == axis[..., None], sign[..., None], 0.0)
    table = walk(np.cumsum(hops, axis=0), windows=[1]).displacement_spectrum(1.0, bins=[0, 1, 2])
    assert list(table["count"]) == [499 * 10]
    assert table["share"].iloc[0] == pytest.approx(1)
    # <r^4> = <r^2>^2
    assert table.attrs["moments"]["any"]["non_gaussian"] == pytest.approx(-0.4, abs=1e-4)


def test_numbers_of_the_page_on_windows(liquid_run):
    table = liquid_run.displacement_spectrum(16.0, bins=[0, 3.8, 5.2])
    by_length = table[["count", "share"]].groupby(level="from").sum()
    carriers = by_length["count"] / by_length["count"].sum()
    assert carriers[0.0] == pytest.approx(0.5, abs=0.02)
    assert carriers[5.2] == pytest.approx(0.22, abs=0.005)
    assert by_length["share"][5.2] == pytest.approx(0.5, abs=0.01)


def test_what_cannot_be_bins_is_refused(liquid):
    for bins in (0, True, 2000, [1, 2], [0, 2, 1], [0], "many", [0, np.nan]):
        with pytest.raises(InputError, match=r"bins must be"):
            liquid.displacement_spectrum(4.0, bins=bins)
    with pytest.raises(InputError, match="event rule"):
        liquid.displacement_spectrum(4.0, species="TFSI-")


def test_the_figure_shows_every_event_and_refuses_other_tables(liquid):
    ax = plotting.displacement_spectrum(liquid.displacement_spectrum(4.0))
    shown = ax.get_legend_handles_labels()[1]
    assert any("solvent" in text for text in shown)
    assert "all displacements" in shown
    area = sum(
        bar.get_height() * bar.get_width() for bar in ax.patches if hasattr(bar, "get_height")
    )
    assert area == pytest.approx(1)
    with pytest.raises(InputError, match="displacement_spectrum"):
        plotting.displacement_spectrum(liquid.results.summary())
