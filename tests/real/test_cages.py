"""Hops without sites in the shipped garnet, beside those between its sites, and in the liquid."""

import warnings

import numpy as np
import pytest

from benchmarks.hops_without_sites import WINDOWS, shares
from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import CageAssignment, SiteAssignment

from ..test_docs import DOCS

pytestmark = pytest.mark.slow

#: Of lithium in one cell: 24d and 48g.
N_SITES = 72


@pytest.fixture(scope="module", params=[500, 800])
def runs(request):
    """The run on cages, and the one on sites whose hops are dated where ions cross over."""
    universe = datasets.crystal(request.param)
    sites = SiteAssignment.from_cif(
        datasets.path("crystal") / "llzo.cif", species="Li",
        framework=universe.select_atoms("element Zr"), r_core=0.6, hop_time="crossing",
    )  # fmt: skip
    out = []
    for detector in (CageAssignment(), sites):
        lithium = IonSpecies(
            universe.select_atoms("element Li"), charge=1, name="Li+", microstates=detector,
            events=CrystalEvents(),
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            analysis = OnsagerDecomposition(
                [lithium], temperature=request.param, windows=WINDOWS, resolutions=None
            )
            out.append(analysis.run())
    return out


def test_hops_are_as_many_as_between_sites(runs):
    cages, sites = (run.microstates["Li+"].report for run in runs)
    assert cages["hops"] == pytest.approx(sites["hops"], rel=0.05)
    page = (DOCS / "validation" / "cages.md").read_text("utf-8")
    system = f"| garnet, {runs[0].temperature:g} K |"
    for what, report in (("CageAssignment", cages), ("sites, crossing", sites)):
        row = f"{system} {what} | {report['hops']} | {report['distinct_shells']} |"
        assert row in page, "the numbers changed: run python -m benchmarks.hops_without_sites"
    for what, run in zip(("CageAssignment", "sites, crossing"), runs, strict=True):
        for cells in shares(f"garnet, {run.temperature:g} K", what, run, "Li+"):
            assert f"| {' | '.join(cells)} |" in page, "as above"


def test_cages_are_the_sites(runs):
    cages, sites = runs
    centres = cages.microstates["Li+"].places
    places = sites.species[0].microstates.sites_in_cell
    off = centres[:, None] - places[None]
    off -= np.rint(off)
    apart = np.linalg.norm(off @ cages.paths.cell, axis=2)
    # every site has a cage; at 800 K a few more are seen off the sites
    assert N_SITES <= len(centres) <= N_SITES + 3
    assert apart.min(axis=0).max() < 0.6
    nearest = apart.argmin(axis=1)[cages.microstates["Li+"].state]
    assert np.mean(nearest == sites.microstates["Li+"].state) > 0.9


def test_shares_are_those_of_sites(runs):
    events = list(CrystalEvents.names)
    cages, sites = (
        run.results.decomposition.sel(species="Li+", species_2="Li+", event=events) for run in runs
    )
    for window in (0.5, 1.0, 2.0, 5.0):
        one, other = (d.sel(window=window, method="nearest") for d in (cages, sites))
        half = (other["share_high"] - other["share_low"]) / 2
        half += (one["share_high"] - one["share_low"]) / 2
        assert np.all(np.abs(one["share"] - other["share"]) <= half + 1e-9)
        assert float(one["multi_fraction"]) == pytest.approx(
            float(other["multi_fraction"]), abs=0.015
        )
    # shorter windows read the dates of hops
    short = np.abs(cages["share"] - sites["share"]).sel(window=0.1, method="nearest")
    assert float(short.max()) < 0.01
    assert runs[0].results.hop_dates().attrs["width_ps"] == pytest.approx(0.3)
    np.testing.assert_allclose(cages["onsager"], sites["onsager"], rtol=1e-12)
    assert float(cages["residual"].max()) < 1e-10


def test_lithium_in_the_liquid_is_said_not_to_hop():
    universe = datasets.liquid()
    lithium = IonSpecies(
        universe.select_atoms("resname LI"), charge=1, name="Li+", microstates=CageAssignment(),
        events=CrystalEvents("proximity", 3.0),
    )  # fmt: skip
    anions = IonSpecies(
        universe.select_atoms("resname TFS"), charge=-1, name="TFSI-", compound="residues"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = OnsagerDecomposition(
            [lithium, anions], temperature=330, frame="barycentric", windows=[2.0],
            resolutions=None,
        ).run()  # fmt: skip
    said = " ".join(str(one.message) for one in caught)
    assert "Li+ does not hop" in said
    assert "cages of Li+ do not last" in said
    assert float(run.results.decomposition["residual"].max()) < 1e-10
    report = run.microstates["Li+"].report
    row = f"| shipped liquid, Li+ | CageAssignment | {report['hops']} | {report['cages']} |"
    assert row in (DOCS / "validation" / "cages.md").read_text("utf-8")


def test_ions_stay_and_return(runs):
    cages, _ = runs
    report = cages.microstates["Li+"].report
    assert report["localisation"] > 5
    assert report["returns_to_cages"] > 20
    assert report["sharing_a_site"] < 0.01
    assert report["distance_from"] == "minimum"
    text = " ".join(cages.results.warnings)
    assert not any(t in text for t in ("does not hop", "do not last", "are shared"))
