"""Sentences of a verdict on cases where the finding is known, in both directions."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition, load
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.datasets import crystal
from mda_ionmech.lib.errors import InputError
from mda_ionmech.results.verdict import _events

from ..builders import CUBE, brownian, decompose, make_universe
from ..physics.test_known_answers import in_shells, vehicle_and_jumps
from ..physics.test_slope_view import ornstein_uhlenbeck

pytestmark = pytest.mark.filterwarnings("ignore")


def jumping(diffusion, rate, n_frames=3000, seed=4):
    """Vehicular motion and jumps of 3 A, each with its share of the transport."""
    rng = np.random.default_rng(seed)
    universe, _ = vehicle_and_jumps(rng, n_frames, 27, diffusion, rate, 3.0)
    ions = in_shells(universe)
    return OnsagerDecomposition([ions], temperature=300.0, frame="laboratory").run().results


@pytest.mark.slow
@pytest.mark.parametrize(("diffusion", "finding"), [(0.001, "renewal"), (0.4, "vehicular")])
def test_the_event_that_carries_most_is_named(diffusion, finding):
    results = jumping(diffusion, 0.02)
    verdict = results.verdict()
    assert verdict.finding("events") == finding
    assert f"ion moves mostly by {finding}" in str(verdict)


@pytest.mark.parametrize(("gap", "finding"), [(0.5, "hop"), (0.15, "undecided")])
def test_few_samples_of_a_small_total_do_not_hide_which_event_leads(gap, finding):
    """Samples of two shares with an error of 0.1 of their difference, and two of a total near 0."""
    drawn = np.random.default_rng(3).normal(scale=0.1, size=400)
    drawn[:2] = 1e3
    shares = 0.5 + 0.5 * np.array([1, -1]) * (gap + drawn[:, None])
    share = np.array([0.5 + gap / 2, 0.5 - gap / 2])
    table = pd.DataFrame(
        {"share": share, "share_low": share - 0.05, "share_high": share + 0.05},
        index=["hop", "vehicular"],
    )
    table.attrs["resolution_ps"] = 1.0
    results = SimpleNamespace(
        summary=lambda **_: table,
        blocks=SimpleNamespace(resolutions=[1], dt=1.0, names=["ion"], events=["hop", "vehicular"]),
        samples=lambda _: shares[:, None, :, None],
    )
    assert _events(results, "ion").finding == finding


@pytest.mark.slow
def test_two_events_that_carry_alike_are_not_ranked():
    """Alike over the 8 ps for which labels are read, as windows with a jump take all their motion.

    Where both diffuse alike, jumps have 57% of the transport over 8 ps, and this is known.
    """
    rate, hops, resolution = 0.02, 0.02 * 9 / 6, 8.0
    without = np.exp(-rate * resolution)
    alike = jumping(hops / (2 * without - 1), rate, n_frames=1500)
    assert alike.summary().attrs["resolution_ps"] == resolution
    assert alike.verdict().finding("events") == "undecided"
    assert jumping(hops, rate, n_frames=1500).verdict().finding("events") == "renewal"


@pytest.mark.slow
def test_diffusive_and_caged_motion_are_told_apart():
    rng = np.random.default_rng(7)
    free = brownian(rng, 3000, 20, 0.05, 1.0)
    caged = ornstein_uhlenbeck(rng, 3000, 20, 0.3, 0.1, 1.0) + 20.0
    found = {}
    for name, paths in (("free", free), ("caged", caged)):
        results = decompose(make_universe(paths, CUBE), windows=[1.0, 2.0], resolutions="log")
        found[name] = results.verdict()
    assert found["free"].finding("diffusion") == "diffusive"
    assert found["caged"].finding("diffusion") == "caged"
    assert found["caged"].finding("carriers") is None, "no number is given without a reading"
    assert found["caged"].finding("data") == "scarce"
    assert "at least about" in str(found["caged"])


@pytest.mark.slow
def test_a_memory_too_long_for_the_trajectory_is_left_open(tmp_path):
    """Slow diffusion with a memory of 10 frames in 600, and the same walks without it."""
    left = {"none": [], "long": []}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        walk = brownian(rng, 600, 20, 0.05, 1.0) + 20.0
        caged = walk + ornstein_uhlenbeck(rng, 600, 20, 0.3, 10.0, 1.0)
        for name, paths in (("none", walk), ("long", caged)):
            universe = make_universe(paths, CUBE)
            results = decompose(universe, windows=[1.0, 2.0], resolutions="log")
            verdict, table = results.verdict(), results.data_sufficiency()
            memory = table.attrs["open_memory_ps"]
            left[name].append(memory > 0)
            told = verdict.finding("diffusion")
            if told in ("caged", "not diffusive"):
                continue  # there is no reading at all
            assert told == ("memory left open" if memory else "diffusive")
            if memory == 0:
                continue
            assert verdict.finding("data") == "scarce"
            assert "leave open a memory of up to" in str(verdict)
            assert memory >= 600 / 120
            assert (table["needed"] >= 120 * memory / 1000).all()
    assert str(load(results.save(tmp_path / "left.nc")).verdict()) == str(verdict)
    assert sum(left["none"]) <= 2
    assert sum(left["long"]) >= 3


@pytest.mark.slow
def test_the_shipped_garnet_shows_no_concerted_motion_beyond_exclusion():
    results = crystal_analysis(crystal()).run().results
    verdict = results.verdict()
    assert verdict.finding("concertedness") == "no evidence"
    assert "beyond site exclusion" in str(verdict)
    # with nulls far below the linked fraction the sentence turns
    for group in ("decomposition", "hop_definitions"):
        data = results.tree[group].to_dataset()
        for null in ("multi_fraction_circular", "multi_fraction_exclusion"):
            for end in ("", "_low", "_high"):
                data[f"{null}{end}"] = data[f"{null}{end}"] * 0.3
        results.tree[group].dataset = data
    assert type(results)(results.tree).verdict().finding("concertedness") == "concerted"


def test_the_needed_length_is_that_of_the_square_root_law(liquid_run):
    results = liquid_run.results
    table = results.data_sufficiency()
    np.testing.assert_allclose(
        table["needed"], table["length"] * (table["relative_error"] / 0.1) ** 2
    )
    assert table["length"].iloc[0] == pytest.approx(3.001)
    finer = results.data_sufficiency(0.05)
    np.testing.assert_allclose(finer["needed"], 4 * table["needed"])
    known = results.decomposition
    half = float(known["diffusive_conductivity_high"] - known["diffusive_conductivity_low"]) / 2
    relative = half / float(known["diffusive_conductivity"])
    assert table.loc["conductivity", "relative_error"] == pytest.approx(relative)
    for target in (0, 1.0, "ten", -0.1, np.nan):
        with pytest.raises(InputError, match="target must be a relative error between 0 and 1"):
            results.data_sufficiency(target)


def test_a_run_without_views_says_so():
    rng = np.random.default_rng(8)
    universe = make_universe(brownian(rng, 300, 8, 0.05, 1.0), CUBE)
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    options = {"temperature": 300, "frame": "laboratory", "windows": [1.0], "resolutions": None}
    results = OnsagerDecomposition([ions], **options).run().results
    verdict = results.verdict()
    assert verdict.finding("diffusion") == "not diffusive"
    assert "resolutions='log'" in str(verdict)


def test_running_estimates_end_at_the_value_of_the_whole(liquid_run):
    results = liquid_run.results
    table = results.running_estimate(5)
    whole = results.summary()
    for direction in ("forward", "backward"):
        last = table.loc[direction, 1.0]
        assert last["onsager"] == pytest.approx(whole.attrs["total"][0], rel=1e-10)
        np.testing.assert_allclose(last[whole.index], whole["share"], rtol=1e-9, atol=1e-14)
    shares = table[list(whole.index)].sum(axis=1)
    np.testing.assert_allclose(shares.dropna(), 1.0, rtol=1e-9)
    # a quarter of the trajectory has twice the error
    np.testing.assert_allclose(table["error"] * np.sqrt(table.index.get_level_values(1)),
                               table["error"].iloc[4])  # fmt: skip
    first, last = (table.loc[d, 0.4]["onsager"] for d in ("forward", "backward"))
    assert abs(first - last) < 4 * table.loc[("forward", 0.4), "error"]
    for parts in (1, 0, -3, 2.5, "ten", 51, True):
        with pytest.raises(InputError, match="parts must be a whole number"):
            results.running_estimate(parts)


@pytest.mark.parametrize(("frames", "has"), [(99, False), (101, True)])
def test_a_short_run_says_how_long_it_must_be(frames, has):
    """Ten steps of the resolution within a tenth of the trajectory: 100 frames of 2 ps."""
    rng = np.random.default_rng(2)
    universe = make_universe(brownian(rng, frames, 20, 0.05, 2.0) + 20.0, CUBE, dt=2.0)
    results = decompose(universe, windows=[2.0], resolutions=[2.0], horizons=[2.0, 4.0])
    assert results.has_diffusive_view is has
    assert ("at least 0.2 ns are needed" in str(results.verdict())) is not has
