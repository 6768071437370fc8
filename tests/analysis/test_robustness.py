"""Other choices on the gathered contacts give what a run with these choices gives."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mda_ionmech import (
    InputError,
    IonSpecies,
    LoadedRun,
    OnsagerDecomposition,
    Results,
    datasets,
    plotting,
)
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.results.tree import OF_THE_RUN

from ..builders import brownian, make_universe
from ..conftest import liquid_species

STOP, WINDOW = 300, 8.0


def liquid(**shell):
    species = liquid_species(datasets.liquid(), **shell)
    run = OnsagerDecomposition(species, temperature=330.0, windows=[WINDOW], resolutions=None)
    return run.run(stop=STOP)


@pytest.fixture(scope="module")
def recorded():
    return liquid(
        hysteresis=0.6,
        persistence=3.0,
        recorded={"solvent": [2.5, 2.7, 3.1, 3.3], "anion": [2.7, 3.3]},
    )


@pytest.fixture(scope="module")
def table(recorded):
    return recorded.robustness(
        persistence=[0.0, 6.0], hysteresis=[0.0], cutoffs=[2.7, {"solvent": 2.5}], window=WINDOW
    )


@pytest.mark.parametrize(
    ("setting", "value", "shell"),
    [
        ("as run", "", {}),
        ("persistence", "0 ps", {"persistence": 0.0}),
        ("persistence", "6 ps", {"persistence": 6.0}),
        ("hysteresis", "0 A", {"hysteresis": None}),
        # both ends move: 2.7 to 3.3 A is recorded for both types
        ("cutoff", "2.7 A", {"cutoff": 2.7}),
        # 2.5 to 3.1 A for the solvent, the anion as it was
        ("cutoff", "solvent 2.5 A", {"cutoff": {"solvent": 2.5, "anion": 2.9}}),
    ],
)
def test_relabelling_equals_a_run_with_these_choices(table, setting, value, shell):
    other = liquid(**({"hysteresis": 0.6, "persistence": 3.0} | shell)).results.summary(WINDOW)
    found = table.loc[(setting, value)]
    for ours, theirs in (("share", "share"), ("low", "share_low"), ("high", "share_high")):
        np.testing.assert_allclose(found[ours], other[theirs], rtol=1e-9, atol=1e-12)
    assert found["share"].sum() == pytest.approx(1.0, abs=1e-10)


def test_the_run_itself_is_left_as_it_was(recorded, table):
    again = recorded.results.summary(WINDOW)["share"]
    np.testing.assert_array_equal(table.loc[("as run", "")]["share"], again)
    assert recorded.events(WINDOW).label.shape[0] == STOP - 8
    assert recorded.species[0].microstates.persistence == 3.0
    assert recorded.plain().summary(WINDOW)["share"].sum() == pytest.approx(1.0)


def test_the_printed_table_says_in_which_windows_its_shares_are(table):
    assert repr(table).splitlines()[-1] == (
        f"Li+: shares in windows of {WINDOW:g} ps, as in summary({WINDOW:g}); summary() gives "
        "those in the diffusive limit"
    )
    assert f"<p>Li+: shares in windows of {WINDOW:g} ps" in table._repr_html_()


def test_a_result_sends_the_questions_of_a_run_to_the_run(recorded):
    asked = {n for n in dir(LoadedRun) if not n.startswith("_") and not hasattr(Results, n)}
    facts = {"engine_step", "event_names", "is_filtered"}
    assert asked - facts == OF_THE_RUN
    with pytest.raises(AttributeError, match=r"run.residence_times, or .*load_run\(path\)"):
        recorded.results.residence_times()


def test_recording_radii_changes_nothing_of_the_run(recorded):
    plain = liquid(hysteresis=0.6, persistence=3.0)
    np.testing.assert_array_equal(
        plain.results.decomposition["event_onsager"],
        recorded.results.decomposition["event_onsager"],
    )
    np.testing.assert_array_equal(plain.microstates["Li+"].state, recorded.microstates["Li+"].state)
    # and without filters, too, although contacts beyond r_out were recorded
    np.testing.assert_array_equal(
        plain.plain().decomposition["event_onsager"],
        recorded.plain().decomposition["event_onsager"],
    )


@pytest.mark.slow
def test_a_plain_cutoff_can_be_varied_both_ways():
    run = liquid(recorded=[2.6, 3.2])
    table = run.robustness(cutoffs=[2.6, 3.2], window=WINDOW)
    for radius in (2.6, 3.2):
        other = liquid(cutoff=radius).results.summary(WINDOW)["share"]
        found = table.loc[("cutoff", f"{radius:g} A")]["share"]
        np.testing.assert_allclose(found, other, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_linking_of_hops():
    universe = datasets.crystal(800)
    sites = SiteAssignment.from_cif(
        datasets.path("crystal") / "llzo.cif", species="Li",
        framework=universe.select_atoms("element Zr"), r_core=0.6,
    )  # fmt: skip

    def run(rule):
        lithium = IonSpecies(
            universe.select_atoms("element Li"), charge=1, name="Li+", microstates=sites,
            events=rule,
        )  # fmt: skip
        return OnsagerDecomposition(
            [lithium], temperature=800.0, windows=[0.5], resolutions=None
        ).run(stop=400)

    ours = run(CrystalEvents())
    table = ours.robustness(linking=["chain", ("proximity", 3.0)], window=0.5)
    same = table.loc[("linking", "chain")]["share"]
    np.testing.assert_array_equal(same, table.loc[("as run", "")]["share"])
    other = run(CrystalEvents("proximity", 3.0)).results.summary(0.5)["share"]
    np.testing.assert_allclose(table.loc[("linking", "proximity 3 A")]["share"], other, rtol=1e-9)
    assert ours.species[0].events.linking == "chain"
    with pytest.raises(InputError, match=r"cutoffs=\.\.\. changes the radii of a CutoffShell, and"):
        ours.robustness(cutoffs=[2.0])


def test_the_figure_shows_every_choice(table):
    ax = plotting.robustness(table)
    labels = [t.get_text().replace("\n", " ") for t in ax.get_xticklabels()]
    assert labels == ["as run", "persistence 0 ps", "persistence 6 ps", "hysteresis 0 A",
                      "cutoff 2.7 A", "cutoff solvent 2.5 A"]  # fmt: skip
    by_name = {c.get_label(): c for c in ax.containers}
    drawn = by_name["vehicular"].lines[0].get_ydata()
    np.testing.assert_allclose(drawn.astype(float), table.xs("vehicular", level="event")["share"])
    plt.close("all")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"robustness\(\) needs values to try"),
        ({"persistence": [-1.0]}, "persistence must hold times in ps, 0 or more, got -1.0"),
        ({"hysteresis": [-0.1]}, "hysteresis must hold widths in Angstrom, 0 or more, got -0.1"),
        (
            {"hysteresis": [0.3]},
            r"3.1 Å is no radius|3.2 Å is no radius at which contacts with 'anion' were recorded",
        ),
        (
            {"cutoffs": [2.65]},
            r"2.65 Å is no radius at which contacts with 'solvent' were recorded; those are "
            r"2.5, 2.7, 2.8, 3.1, 3.3, 3.4 Å: run again with CutoffShell\(\.\.\., recorded=",
        ),
        ({"cutoffs": [{"water": 2.5}]}, "cutoffs names 'water', which is no ligand type"),
        ({"linking": ["chain"]}, "linking=.* is how CrystalEvents links hops, and 'Li.' has"),
        ({"persistence": [1.0], "species": "TFSI-"}, "species='TFSI-' has no event rule"),
    ],
)
def test_refusals(recorded, options, message):
    with pytest.raises(InputError, match=message):
        recorded.robustness(**options)


def test_nothing_before_a_run():
    rng = np.random.default_rng(0)
    universe = make_universe(brownian(rng, 20, 3, 0.05, 1.0) + 20)
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    with pytest.raises(InputError, match="needs a finished run"):
        OnsagerDecomposition([ions], temperature=300, frame="laboratory").robustness()
