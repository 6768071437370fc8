"""What a distrustful reader looks for: two numbers for one thing, impossible bounds, no reason."""

import io
import re
from functools import cache

import numpy as np
import pytest
from rich.console import Console

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import SolvationEvents
from mda_ionmech.lib.number_text import percent_with_interval
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.observables.channel_rates import poisson_limits
from mda_ionmech.results.bounds import COUNTED, FRACTIONS, NOT_NEGATIVE, widen_few, within_bounds
from mda_ionmech.results.ends import ENDS, with_ends
from mda_ionmech.results.hop_definitions import LinkedHops
from mda_ionmech.results.schema import load_schema
from mda_ionmech.results.sufficiency import nanoseconds
from mda_ionmech.results.tables import print_result

from ..builders import CUBE, brownian, decompose, halves, make_universe
from ..physics.test_known_answers import in_shells, vehicle_and_jumps
from ..physics.test_slope_view import ornstein_uhlenbeck

pytestmark = pytest.mark.filterwarnings("ignore")


@cache
def jumping(rate=0.01, n_frames=400, diffusion=0.01, **options):
    """Eight ions that diffuse with a ligand and jump away from it, in some microseconds of CPU."""
    rng = np.random.default_rng(4)
    universe, _ = vehicle_and_jumps(rng, n_frames, 8, diffusion, rate, 3.0)
    ions = in_shells(universe)
    options = {"temperature": 300.0, "frame": "laboratory"} | options
    return OnsagerDecomposition([ions], **options).run().results


@cache
def caged():
    """Ions that vibrate about fixed places."""
    paths = ornstein_uhlenbeck(np.random.default_rng(7), 1500, 20, 0.3, 0.1, 1.0) + 20.0
    return decompose(make_universe(paths, CUBE), windows="log", resolutions="log")


def terminal(results):
    console = Console(file=io.StringIO(), width=80)
    print_result(console, results, None)
    return " ".join(console.file.getvalue().split())


def test_the_parts_of_the_conductivity_are_those_of_the_summary():
    """Labels of an event are read over one length, also where those of the lags are shorter."""
    results = jumping()
    about = results.decomposition["diffusive_onsager"].attrs
    summary, parts = results.summary(), results.transference()
    read = summary.attrs["resolution_ps"]
    assert read > about["resolution_ps"], "else nothing is compared"
    assert parts.attrs["labels_ps"] == {"ion": read}
    parts = parts.loc["ion"]
    np.testing.assert_array_equal(parts["conductivity"], summary["conductivity"])
    np.testing.assert_allclose(parts["transference"], summary["share"], atol=1e-12)
    assert np.all(
        (parts["low"] <= parts["transference"]) & (parts["transference"] <= parts["high"])
    )


def test_verdict_and_table_print_the_same_shares():
    results = jumping()
    text = terminal(results)
    for event, row in results.summary().iterrows():
        if row["share"] >= 0.005:
            share = percent_with_interval(*(row[f"share{end}"] for end in ENDS))
            assert f"{event} {share}" in text
            value, reach = re.match(r"(.*)% \((.*)\)", share).groups()
            assert f"{event} {value} {reach} " in text
            assert share in repr(results.summary())
    assert " -0 to" not in text
    assert "(-0 to" not in text


def test_the_resolution_that_is_spoken_of_is_that_of_the_labels():
    results = jumping(rate=0.0005)
    table, advice = results.summary(), results.recommend()
    over = table.attrs["resolution_ps"]
    assert advice.label_resolution == over
    assert f"At {over:g} ps {table.attrs['repeated']:.1%} of the carriers" in advice.text


def test_flickering_labels_have_no_reading_and_others_have():
    """Ions that jump twice in most frames, and ions that jump rarely."""
    fast, slow = jumping(rate=1.5), jumping()
    assert fast.verdict().finding("events") == "flickering"
    assert slow.verdict().finding("events") != "flickering"
    assert "no reading of its events" in fast.recommend().text
    assert "flicker" in fast.recommend().unsound
    assert slow.recommend().unsound == ""
    repeated = fast.summary().attrs["repeated"]
    assert repeated > 0.10 > slow.summary().attrs["repeated"]
    assert f"{repeated:.0%} of the carriers have more than one change" in str(fast.verdict())
    # of Poisson jumps at 1.5 per ps a tenth has two or more within 0.53 / 1.5 ps
    assert "need frames at most 0.4 ps apart" in str(fast.verdict())
    assert fast.verdict().finding("diffusion") == "diffusive"


def test_every_interval_holds_its_value_and_what_cannot_be_negative_is_not():
    for results in (jumping(), jumping(rate=0.0005), jumping(n_frames=60), caged()):
        for group in results.tree.children:
            if group == "blocks":
                continue
            data = results.tree[group].to_dataset()
            for name in (str(v).removesuffix("_low") for v in data if str(v).endswith("_low")):
                value, low, high = (data[f"{name}{end}"].values for end in ENDS)
                known = np.isfinite(low)
                assert np.all(low[known] <= value[known]), name
                assert np.all(value[known] <= high[known]), name
                if name in NOT_NEGATIVE | FRACTIONS:
                    assert np.all(low[known] >= 0), name
                if name in FRACTIONS:
                    assert np.all(high[known] <= 1), name


def test_bounds_are_known_for_every_count_and_fraction():
    groups = load_schema()["groups"]
    known = {name for group in groups.values() for name in group.get("variables", {})}
    assert known >= NOT_NEGATIVE | FRACTIONS | set(COUNTED)
    ends = "_count", "_frequency", "_probability", "_fraction", "population"
    of_windows = groups["/decomposition"]["variables"] | groups["/transitions"]["variables"]
    assert {n for n in of_windows if n.endswith(ends)} <= NOT_NEGATIVE | FRACTIONS
    low, high = within_bounds("share", np.array([-1.0, 2.0]), np.zeros(2), np.ones(2))
    np.testing.assert_array_equal([low, high], [[-1, 0], [1, 2]])


def test_few_events_have_the_interval_of_a_poisson_count():
    """Windows of 4 frames: an event is counted 4 times. 0, 1, 3 and 500 events of one species."""
    count = 4.0 * np.array([[0, 1, 3, 500]])
    values = {
        "event_count": count,
        "event_frequency": np.where(count == 12, np.nan, count / 8),
        "transition_count": np.array([[[0.0, 4.0], [0.0, 0.0]]]),
        "transition_probability": np.array([[[0.0, 1.0], [np.nan, np.nan]]]),
    }
    spans = {k: (v.copy(), v.copy()) for k, v in values.items()}
    widen_few(values, spans, 4, 0.68)
    least, most = poisson_limits(np.array([0, 1, 3]), 0.68)
    low, high = spans["event_count"]
    np.testing.assert_allclose(low, [[*(4 * least), 2000]])
    np.testing.assert_allclose(high, [[*(4 * most), 2000]])
    low, high = spans["event_frequency"]
    np.testing.assert_allclose(low, [[0, least[1] / 2, np.nan, 250]])
    np.testing.assert_allclose(high, [[most[0] / 2, most[1] / 2, np.nan, 250]])
    low, high = spans["transition_probability"]
    np.testing.assert_allclose(low[0], [[0, least[1]], [np.nan, np.nan]])
    np.testing.assert_allclose(high[0], [[1, 1], [np.nan, np.nan]])


def test_an_event_that_occurred_once_or_never_has_an_upper_end():
    results = jumping(rate=0.0005)
    data = results.decomposition.isel(window=0).sel(species="ion")
    events = data["event_count"]
    assert 0 < float(events.sel(event="renewal")) < 10
    assert float(events.sel(event="anion_exchange")) == 0
    for event in ("renewal", "anion_exchange"):
        value, low, high = with_ends(data, "event_frequency", event=event)
        assert 0 <= low <= value < high


def test_self_diffusivities_of_caged_ions_are_not_negative():
    results = caged()
    table = results.transport()
    for name in ("self-diffusivity ion", "Nernst-Einstein conductivity"):
        row = table.loc[name]
        assert 0 <= row["low"] <= row["value"] <= row["high"]


def test_what_is_undefined_has_a_reason_wherever_it_is_printed(tmp_path):
    results = caged()
    why = "L(ion, ion) is zero within its interval"
    assert why in results.summary().attrs["comment"]
    ratio = "the conductivity is zero within its interval"
    assert ratio in results.transport().attrs["comment"]
    shown = [terminal(results), results._repr_html_(), repr(results.summary())]
    shown.append(results.report(tmp_path / "page.html").read_text("utf-8"))
    assert all(why in " ".join(text.split()) for text in shown[:3])
    assert all(ratio in " ".join(text.split()) for text in (shown[0], shown[1], shown[3]))
    assert "comment" not in jumping().summary().attrs
    assert "comment" not in jumping().transport().attrs
    without = jumping(n_frames=24)
    for table in (without.summary(), without.transport()):
        assert "there are no intervals: fewer than three blocks" in repr(table)


def test_caged_and_short_runs_say_how_long_a_trajectory_is_needed():
    cage, short = caged(), jumping(n_frames=60)
    table = cage.data_sufficiency()
    assert "L(ion, ion)" in table.attrs["lower_bounds"]
    assert "lower bound" in table.attrs["caption"]
    _, low, high = with_ends(
        cage.decomposition, "diffusive_onsager", species="ion", species_2="ion"
    )
    size = max(-low, high)
    needed = 1.5 * ((high - low) / 2 / size / 0.1) ** 2
    assert table.loc["L(ion, ion)", "needed"] == pytest.approx(needed, rel=1e-9)
    assert f"at least about {nanoseconds(needed)} are needed for 10% on L(ion, ion)" in str(
        cage.verdict()
    )
    assert not short.has_diffusive_view
    table = short.data_sufficiency()
    assert (table["needed"] >= 0.1 - 1e-12).all(), "a hundred frames make the shortest reading"
    assert "there is no diffusive view" in table.attrs["caption"]
    verdict = short.verdict()
    assert verdict.finding("diffusion") == "not diffusive"
    assert "at least about 0.1 ns are needed for lags that can be compared" in str(verdict)
    text = terminal(short)
    assert all(" ".join(str(one).split()) in text for one in verdict)
    assert "of the windows hold more than one elementary change" in text
    assert "mS/cm" in text


def test_few_events_set_the_error_of_what_rests_on_them():
    """Ions that hardly diffuse: two jumps carry all, and many jumps of others."""
    few, many = jumping(rate=0.0005, diffusion=1e-6), jumping(rate=0.01, diffusion=1e-6)
    table = few.data_sufficiency()
    assert table.attrs["leading_events"] == 2
    half = np.ptp(with_ends(few.decomposition, "diffusive_conductivity")[1:]) / 2
    assert half / table.loc["conductivity", "value"] < 2**-0.5, "what blocks say is too narrow"
    assert table.loc["conductivity", "relative_error"] == pytest.approx(2**-0.5)
    assert table.loc["conductivity", "needed"] == pytest.approx(0.4 * 50)
    assert table.loc["share of renewal", "relative_error"] < 0.1
    assert "renewal occurred about 2 times in all" in str(few.verdict())
    assert few.verdict().finding("data") == "scarce"
    assert many.data_sufficiency().attrs["leading_events"] > 10
    assert "in all" not in str(many.verdict())
    data = few.decomposition.isel(window=0).sel(species="ion")
    assert np.isfinite(float(data["effectiveness_low"].sel(event="renewal")))


def test_lengths_have_no_exponent():
    assert [nanoseconds(x) for x in (268.4, 0.01612, 12345678.0)] == [
        "270 ns", "0.016 ns", "12000000 ns",
    ]  # fmt: skip


def test_ions_that_do_not_move_are_not_said_to_move():
    """In the frame of the rest, which moves, they have a path."""
    rng = np.random.default_rng(3)
    paths = brownian(rng, 300, 12, 0.05, 1.0)
    paths[:, :4] = 0.0
    start = rng.uniform(0, 40, size=(1, 12, 3))
    universe = make_universe(
        start + paths, CUBE, names=["I"] * 4 + ["A"] * 8, masses=[7.0] * 4 + [30.0] * 8
    )
    anions = universe.select_atoms("name A")
    species = [
        IonSpecies(
            universe.select_atoms("name I"), charge=2, name="cat",
            microstates=CutoffShell(12.0, anion=anions), events=SolvationEvents(),
        ),
        IonSpecies(anions, charge=-1, name="an"),
    ]  # fmt: skip
    results = OnsagerDecomposition(species, temperature=300.0).run().results
    assert results.verdict().finding("events") == "still"
    assert "cat does not move in this trajectory" in str(results.verdict())
    assert "is the motion of the barycentric frame" in str(results.verdict())


def test_ions_that_stay_beside_ions_that_move_are_said_to_be_still():
    """In the laboratory frame their coefficient is zero, and the conductivity has a reading."""
    rng = np.random.default_rng(7)
    start = rng.uniform(0, 40, size=(1, 20, 3))
    paths = np.concatenate([brownian(rng, 1500, 10, 0.05, 1.0), np.zeros((1500, 10, 3))], axis=1)
    species = halves(make_universe(start + paths, CUBE))
    results = OnsagerDecomposition(species, temperature=300.0, frame="laboratory").run().results
    verdict = results.verdict(species="Cl-")
    assert verdict.finding("events") == "still"
    assert "Cl- does not move in this trajectory." in str(verdict)
    assert "Of it Li+ carries 100%" in str(verdict)
    assert "too short" not in str(verdict)
    assert results.verdict(species="Li+").finding("diffusion") == "diffusive"


def test_nearest_lengths_of_views_are_told():
    results = jumping()
    with pytest.warns(UserWarning, match=r"resolution=3\.4 ps is not in the scan: 4 ps"):
        results.summary(view="slope", resolution=3.4, horizon=8.0)
    with pytest.warns(UserWarning, match=r"window=20 ps is not in the scan: 16 ps"):
        results.summary(window=20)


def test_nulls_are_told_with_their_intervals_and_clipped_ones_keep_their_error():
    values = {
        "multi_fraction": (0.30, 0.28, 0.32),
        "multi_fraction_circular": (0.01, 0.0, 0.03),
        "multi_fraction_exclusion": (0.26, 0.24, 0.28),
    }
    linked = LinkedHops("", values)
    assert linked.percent == "30.0% (28.0 to 32.0)"
    assert (
        linked.nulls() == "1.0% (0.0 to 3.0) by chance and 26.0% (24.0 to 28.0) in an exclusion gas"
    )
    assert linked.exceeded == [True, False]
    # 0.05 above a null of 0.01 that ends at 0: the error is that of the side that is not cut
    values["multi_fraction"] = 0.055, 0.05, 0.06
    assert LinkedHops("", values).exceeded[0]
    values["multi_fraction_circular"] = 0.01, 0.0, 0.04
    assert not LinkedHops("", values).exceeded[0]
