"""Sets of sites that are incomplete or wrong are spoken of, complete ones are not."""

import numpy as np
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.analysis.site_checks import off_sites
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.datasets import crystal
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.microstates.sites.nearest_site import SiteGrid
from mda_ionmech.microstates.sites.off_site import REACH, far_from_sites

from ..site_lattices import CELL, CORNERS, ODD, analysis, two_lattices, walk

pytestmark = pytest.mark.filterwarnings("ignore:charge")


def about_sites(results):
    return [
        text
        for text in results.warnings
        if "sites of Li+ are missing" in text or "from its sites" in text
        or "distances of Li+" in text or text.startswith("displacements of Li+")
    ]  # fmt: skip


@pytest.mark.parametrize("amplitude", [0.05, 0.2, 0.35])
@pytest.mark.parametrize("n_ions", [4, 40])
def test_a_complete_set_of_sites_is_silent(amplitude, n_ions):
    rng = np.random.default_rng(n_ions)
    results = analysis(walk(rng, 600, n_ions), rng, amplitude=amplitude).run().results
    assert about_sites(results) == []


@pytest.mark.slow
def test_ions_on_their_way_between_sites_are_no_missing_sites():
    """Half of the time between sites, where no point is a maximum of the density."""
    rng = np.random.default_rng(5)
    start = walk(rng, 400, 60)
    blend = np.sin(np.pi / 2 * rng.random((400, 60, 1))) ** 2
    ends = np.concatenate([start[1:], start[-1:]])
    moving = start + blend * (ends - start)
    # and a flat way: anywhere along the line to a neighbour
    flat = start + (CELL / 2) * rng.random((400, 60, 1)) * np.eye(3)[rng.integers(0, 3, (400, 60))]
    flat = np.where(rng.random((400, 60, 1)) < 0.3, flat, start)
    for places in (moving, flat):
        assert about_sites(analysis(places, rng).run().results) == []


@pytest.mark.slow
@pytest.mark.parametrize("n_ions", [6, 60])
def test_every_second_kind_of_site_is_missed_and_named(n_ions):
    rng = np.random.default_rng(1)
    run = analysis(walk(rng, 800, n_ions), rng, sites=CORNERS[~ODD])
    with pytest.warns(UserWarning, match=r"sites of Li\+ are missing: (4|5|6).% of the time"):
        results = run.run().results
    (seen,) = [one.microstates.settled.seen for one in run.species]
    assert seen["share"] == pytest.approx(0.5, abs=0.1)
    places = np.array([one["position"] for one in seen["places"]])
    away = places[:, None] - CORNERS[ODD]
    away = np.linalg.norm((away - np.rint(away)) * CELL, axis=-1)
    assert len(places) == ODD.sum()
    # each is named once, the origin of the sites being fitted to the ions that are on them
    assert away.min(axis=1).max() < 0.3
    assert sorted(away.argmin(axis=1)) == list(range(ODD.sum()))
    (text,) = [text for text in about_sites(results) if text.startswith("sites of")]
    for one in seen["places"][:3]:
        x, y, z = one["position"]
        told = f"({x:.3f}, {y:.3f}, {z:.3f}) {one['share']:.1%}, {one['distance']:.2f} Å from a"
        assert told in text
        assert one["distance"] == pytest.approx(CELL / 2, abs=0.3)


@pytest.mark.slow
@pytest.mark.parametrize(("part", "told"), [(0.05, True), (0.003, False)])
def test_rarely_visited_places_are_told_from_one_per_cent_on(part, told):
    rng = np.random.default_rng(2)
    places = walk(rng, 1500, 80, rate=0.04 * part, on_b=part)
    run = analysis(places, rng, sites=CORNERS[~ODD])
    texts = [t for t in about_sites(run.run().results) if "missing" in t]
    assert bool(texts) is told
    seen = run.species[0].microstates.settled.seen
    if told:
        assert seen["share"] == pytest.approx(part, rel=0.4)


@pytest.mark.slow
def test_displaced_sites_are_told():
    rng = np.random.default_rng(3)
    places = walk(rng, 400, 30)
    run = analysis(places, rng, amplitude=0.1, shift=np.array([0.4, 0.3, 0.0]))
    with pytest.warns(UserWarning, match=r"Li\+ is most often about 0\.[45] Å from its sites"):
        run.run()
    assert about_sites(analysis(places, rng, amplitude=0.1, shift=0.05).run().results) == []


@pytest.mark.slow
def test_transport_off_the_sites_is_told():
    rng = np.random.default_rng(4)
    places = two_lattices(rng, 2000, 20)
    run = analysis(places, rng, sites=CORNERS[:1], amplitude=0.1, r_core=1.0)
    with pytest.warns(UserWarning, match=r"displacements of Li\+ without a hop carry") as caught:
        results = run.run().results
    (text,) = [t for t in results.warnings if t.startswith("displacements")]
    assert text in [str(one.message) for one in caught]
    # half of the time ions walk off the sites, and are back on one after 200 ps
    table = results.summary(view="diffusive")["share"]
    assert 0.3 < table["vibration"] + table["no_hop"] < 0.6
    both = analysis(places, rng, sites=CORNERS[[0, -1]], amplitude=0.1, r_core=1.0).run().results
    assert about_sites(both) == []
    table = both.summary(view="diffusive")["share"]
    assert abs(table["vibration"] + table["no_hop"]) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(("part", "told"), [(0.04, True), (0.005, False)])
def test_distances_with_two_maxima_are_told(part, told):
    """Now and then 1 A from a site, in any direction: too few on any place for a maximum there."""
    rng = np.random.default_rng(7)
    sites = np.indices((5, 5, 5)).reshape(3, -1).T / 5
    cell = np.eye(3) * 20.0
    away = rng.normal(size=(60, 50, 3))
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    off = away * (rng.random((60, 50, 1)) < part) + rng.normal(scale=0.1, size=away.shape)
    positions = sites[rng.integers(0, 125, (60, 50))] + off / 20
    seen = far_from_sites(positions, SiteGrid.of(sites, cell), ["a"] * 125, cell, np.asarray, cell)
    assert seen["places"] == []
    assert seen["displaced"] is None
    texts = list(off_sites("Li+", seen))
    if told:
        assert seen["again"] == pytest.approx(1.0)
        (text,) = texts
        assert "have two maxima, on the sites and about 1.0 Å from them, and 4% of the time" in text
    else:
        assert (seen["again"], texts) == (None, [])


def test_distances_are_those_of_a_plain_search():
    rng = np.random.default_rng(6)
    cell = np.array([[7.0, 0.5, 0.0], [-1.0, 8.0, 0.3], [0.2, 0.0, 6.0]])
    sites, positions = rng.random((5, 3)), rng.random((40, 30, 3)) * 3 - 1
    seen = far_from_sites(
        positions, SiteGrid.of(sites, cell), list("abcde"), cell, np.asarray, cell
    )
    images = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    apart = positions.reshape(-1, 1, 3) - sites
    apart -= np.rint(apart)
    nearest = np.linalg.norm((apart[:, :, None] + images) @ cell, axis=-1).min(axis=(1, 2))
    assert seen["off_site"] == pytest.approx(np.mean(nearest > REACH))
    assert not seen["maxima"]  # ions anywhere are nowhere in particular


def test_the_density_is_no_remedy_where_sites_come_from_it():
    place = {"position": [0.5, 0.5, 0.5], "share": 0.1, "distance": 1.3, "nearest": "a"}
    seen = {
        "places": [place], "maxima": False, "far": 0.1, "off_site": 0.2,
        "displaced": None, "again": None,
    }  # fmt: skip
    (text,) = off_sites("Li+", seen)
    assert text.endswith("add these sites, or find them with SiteAssignment.from_density(...)")
    (text,) = off_sites("Li+", seen, by_density=True)
    assert "from_density" not in text
    assert text.endswith("analyse a longer trajectory, or give the sites of a CIF")


def test_nothing_is_said_of_what_was_not_looked_at():
    assert list(off_sites("Li+", {})) == []


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [500, 800])
def test_the_shipped_garnet_is_silent(temperature):
    assert about_sites(crystal_analysis(crystal(temperature)).run(stop=1500).results) == []


@pytest.mark.slow
def test_the_garnet_without_its_tetrahedra_is_not():
    run = crystal_analysis(crystal(800))
    (lithium,) = run.species
    sites = lithium.microstates
    kept = np.array([label == "48g" for label in sites.labels])
    alone = SiteAssignment.from_structure(
        sites.fractional[kept], ["48g"] * kept.sum(), framework=sites.framework,
        framework_fractional=sites.source.ideal_framework[sites.source.ideal_elements == "Zr"],
    )  # fmt: skip
    ion = IonSpecies(lithium.atoms, charge=1, name="Li+", microstates=alone, events=CrystalEvents())
    run = OnsagerDecomposition([ion], temperature=800, resolutions=None)
    texts = about_sites(run.run(stop=1500).results)
    assert any("sites of Li+ are missing" in text for text in texts)
    seen = run.species[0].microstates.settled.seen
    # 18 of 56 ions are on the 24 tetrahedra, 2.0 A from the octahedra
    assert seen["share"] == pytest.approx(18 / 56, abs=0.08)
    found = np.array([one["position"] for one in seen["places"]])
    away = found[:, None] - sites.fractional[~kept]
    away = np.linalg.norm((away - np.rint(away)) * 12.97, axis=-1)
    assert away.min(axis=1).max() < 0.5
    assert len(set(away.argmin(axis=1).tolist())) > 20
