"""Linked hops under every date and assignment, without reading frames, and what is said of them."""

import re

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, load, load_run
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.datasets import crystal
from mda_ionmech.events import CrystalEvents
from mda_ionmech.lib.frozen import changed
from mda_ionmech.microstates import SiteAssignment

from ..builders import rows_of_two_species
from ..microstates.sites.test_hop_dates import HOPS, path
from ..microstates.sites.test_hop_dates import analysis as on_lines

pytestmark = pytest.mark.filterwarnings("ignore")
STOP = 1200
NAMES = ("multi_fraction", "multi_fraction_circular", "multi_fraction_exclusion")
DEFINITIONS = {
    "core, entry": {},
    "core, crossing": {"hop_time": "crossing"},
    "smaller core, entry": {"r_core": 0.48},
    "larger core, entry": {"r_core": 0.72},
    "nearest": {"assignment": "nearest"},
}


def garnet(**options):
    run = crystal_analysis(crystal(800))
    (lithium,) = run.species
    sites = lithium.microstates
    detector = SiteAssignment.from_structure(
        sites.fractional, sites.labels, framework=sites.framework,
        framework_fractional=sites.source.ideal_framework[sites.source.ideal_elements == "Zr"],
        **{"r_core": 0.6} | options,
    )  # fmt: skip
    ion = IonSpecies(
        lithium.atoms, charge=1, name="Li+", microstates=detector, events=CrystalEvents()
    )
    return OnsagerDecomposition([ion], temperature=800).run(stop=STOP)


@pytest.fixture(scope="module")
def runs():
    return {name: garnet(**options) for name, options in DEFINITIONS.items()}


@pytest.mark.slow
def test_definitions_are_those_of_runs_with_them(runs):
    table = runs["core, entry"].results.hop_definitions()
    assert list(table.index) == list(DEFINITIONS)
    window = table.attrs["window_ps"]
    for name, run in runs.items():
        at = run.results.at_window(window).sel(species="Li+")
        for variable in NAMES:
            assert table.loc[name, variable] == pytest.approx(float(at[variable]), rel=1e-12)
            # blocks may be longer in a run, that look at all its sums
            half, theirs = (
                float(x[f"{variable}_high"] - x[f"{variable}_low"]) for x in (table.loc[name], at)
            )
            assert half == pytest.approx(theirs, rel=0.6)


@pytest.mark.slow
def test_robustness_gives_what_a_run_with_these_choices_gives(runs):
    base = runs["core, entry"]
    table = base.robustness(hop_time=["crossing"], assignment=["core", "nearest"], window=0.4)
    for setting, value, name in (
        ("as run", "", "core, entry"),
        ("hop_time", "crossing", "core, crossing"),
        ("assignment", "core", "core, entry"),
        ("assignment", "nearest", "nearest"),
    ):
        other = runs[name].results
        found = table.loc[(setting, value)]
        summary = other.summary(0.4)
        np.testing.assert_allclose(found["share"], summary["share"], rtol=1e-9, atol=1e-12)
        at = other.at_window(0.4).sel(species="Li+")
        for variable in NAMES:
            np.testing.assert_allclose(found[variable], float(at[variable]), rtol=1e-12)
    # from nearest sites to cores and back
    back = runs["nearest"].robustness(assignment=["core"], window=0.4)
    np.testing.assert_allclose(
        back.loc[("assignment", "core")]["share"], table.loc[("as run", "")]["share"], rtol=1e-9
    )


@pytest.mark.slow
def test_the_run_itself_is_left_as_it_was(runs):
    base = runs["core, entry"]
    before = base.results.summary(0.4)["share"].copy()
    base.robustness(assignment=["nearest"], window=0.4)
    assert base.species[0].microstates.assignment == "core"
    np.testing.assert_array_equal(base.results.summary(0.4)["share"], before)


@pytest.mark.slow
def test_definitions_are_in_the_file_and_the_saved_run(runs, tmp_path):
    results = runs["core, crossing"].results
    table = results.hop_definitions()
    assert table.index[0] == table.attrs["as_run"] == "core, crossing"
    assert load(results.save(tmp_path / "a.nc")).hop_definitions().equals(table)
    back = load_run(runs["core, crossing"].save_run(tmp_path / "a.run"))
    assert back.results.hop_definitions().equals(table)
    assert str(back.results.verdict()) == str(results.verdict())


def with_nulls(results, factors):
    """The result with the nulls of each definition multiplied by a factor."""
    tree = results.tree.copy()
    for group, at in (("decomposition", None), ("hop_definitions", "definition")):
        data = tree[group].to_dataset().copy(deep=True)
        for name in NAMES[1:]:
            for end in ("", "_low", "_high"):
                if at is None:
                    data[name + end] = data[name + end] * factors["core, entry"]
                    continue
                for k, definition in enumerate(data[at].values):
                    data[name + end][:, k] *= factors[str(definition)]
        tree[group].dataset = data
    return type(results)(tree)


@pytest.mark.slow
def test_a_verdict_holds_for_every_definition_or_says_that_it_depends(runs):
    results = runs["core, entry"].results
    all_lower = dict.fromkeys(DEFINITIONS, 0.3)
    concerted = with_nulls(results, all_lower).verdict()
    assert concerted.finding("concertedness") == "concerted"
    text = str(concerted)
    words = (
        "the same holds for hops dated by the crossing half way, for hops between cores of 0.48 Å, "
        "for hops between cores of 0.72 Å and for hops between nearest sites"
    )
    assert words in text
    for one in DEFINITIONS:
        found = with_nulls(results, all_lower | {one: 1.0})
        verdict = found.verdict()
        assert verdict.finding("concertedness") == "depends"
        (said,) = [str(s) for s in verdict if s.topic == "concertedness"]
        assert "depends on how they are dated and assigned" in said
        for words in (
            "entry into a core",
            "crossing half way",
            "hops between cores of 0.48 Å",
            "hops between cores of 0.72 Å",
            "hops between nearest sites",
        ):
            assert re.search(rf"{words} (49|5[0-9]|6[0-9])\.[0-9]%", said)
        table = found.hop_definitions()
        assert (table["finding"] == "concerted").to_dict() == {n: n != one for n in DEFINITIONS}
    none = results.verdict()
    assert none.finding("concertedness") == "no evidence"
    assert "the same holds for hops dated" in str(none)


def test_without_other_definitions_a_concerted_verdict_says_so(runs):
    results = with_nulls(runs["core, entry"].results, dict.fromkeys(DEFINITIONS, 0.3))
    del results.tree["hop_definitions"]
    assert "other dates and assignments of the hops are not in this result" in str(
        results.verdict()
    )
    with pytest.raises(InputError, match=r"hop_definitions\(\): this result holds none for 'Li\+'"):
        results.hop_definitions()


def test_hops_that_are_linked_under_one_definition_only():
    """Two ions cross half way at once and are in the new cores 12 frames apart, or the same."""
    rng = np.random.default_rng(0)
    columns = []
    for _ in range(6):
        crossing = np.cumsum(rng.integers(30, 160, 20))
        steps = rng.choice([-1, 1], 20)
        for delay in (0, 12):
            columns.append(path(2000, [(c, c + delay) for c in crossing], steps))
    run = on_lines(np.stack(columns, axis=1), CrystalEvents("proximity", 13.0), windows=(1.0,))
    table = run.results.hop_definitions()
    # pairs are on neighbouring lines, 10 A apart
    assert table.loc["core, crossing", "multi_fraction"] > 0.9
    assert table.loc["nearest", "multi_fraction"] > 0.9
    assert table.loc["core, entry", "multi_fraction"] < 0.3


def test_species_that_are_labelled_together_change_together():
    run = rows_of_two_species().run()
    for name in "LN":
        table = run.results.hop_definitions(species=name)
        assert list(table.index) == list(DEFINITIONS)
        # no ion is ever between sites
        for variable in NAMES[:1]:
            np.testing.assert_allclose(table[variable], table[variable].iloc[0])
    other = run.robustness(assignment=["nearest"], window=1.0, species="N")
    assert len(other) == 8


def test_polyhedra_have_no_other_definition():
    x = np.stack([path(60, hops) for hops in HOPS], axis=1)
    run = on_lines(x, CrystalEvents())
    detector = changed(run.species[0].microstates, assignment="polyhedron")
    from mda_ionmech.analysis.hop_definitions import redefined

    with pytest.raises(InputError, match="assignment='polyhedron' holds polyhedra; run again"):
        redefined("Li+", detector, assignment="nearest")
    with pytest.raises(InputError, match=r"makes cores overlap, the nearest sites being 4\.00 Å"):
        redefined("Li+", _wide(run), assignment="core")


def _wide(run):
    """Nearest sites, with a radius of cores that would overlap."""
    from dataclasses import replace

    detector = run.species[0].microstates
    return changed(
        detector, assignment="nearest", settled=replace(detector.settled, r_core=2.5)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hop_time": ["exit"]}, r"hop_time must hold some of \('entry', 'crossing'\), got 'exit'"),
        (
            {"assignment": ["polyhedron"]},
            r"assignment must hold some of \('core', 'nearest'\), got",
        ),
        ({"assignment": "nearest"}, "give a list of the values to try"),
    ],
)
def test_choices_that_do_not_exist_are_refused(runs, options, message):
    with pytest.raises(InputError, match=message):
        runs["core, entry"].robustness(**options)


@pytest.mark.slow
def test_dates_without_cores_are_refused(runs, liquid_run):
    with pytest.raises(InputError, match=r"hop_time=\.\.\. dates hops between cores, and 'Li\+'"):
        runs["nearest"].robustness(hop_time=["entry"])
    with pytest.raises(InputError, match=r"assignment=\.\.\. is of a SiteAssignment, and 'Li\+'"):
        liquid_run.robustness(assignment=["nearest"])
