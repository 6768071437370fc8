"""Environments of sites as labels, and sites moved to the centroids of the ions on them."""

from collections import Counter

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, load_run
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.datasets import crystal
from mda_ionmech.events import CrystalEvents
from mda_ionmech.macrostates import SiteType
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.microstates.sites.environment import environment_labels, formula

from ...builders import make_universe

pytestmark = pytest.mark.filterwarnings("ignore")
A, REPEATS = 6.0, 2
LENGTH = A * REPEATS
FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
TETRAHEDRA = np.concatenate([FCC + 0.25, FCC + 0.75]) % 1
CELLS = np.indices((REPEATS,) * 3).reshape(3, -1).T


def apart(first, second, edge=LENGTH):
    difference = first[:, None] - second
    return np.linalg.norm((difference - np.rint(difference)) * edge, axis=-1)


def universe_of(rng, offset=0.0, n_frames=300, n_ions=40, amplitude=0.1):
    """Ions that step between neighbouring tetrahedra of S and Cl, each `offset` from its middle."""
    host = (CELLS[:, None] + FCC).reshape(-1, 3) * A
    names = rng.permutation(["S", "Cl"] * (len(host) // 2))
    step = np.eye(3)[rng.integers(0, 3, (n_frames, n_ions))] * rng.choice(
        [-1, 1], (n_frames, n_ions, 1)
    )
    step *= rng.random((n_frames, n_ions, 1)) < 0.1
    step[0] = rng.integers(0, 2 * REPEATS, (n_ions, 3))
    place = np.cumsum(step, axis=0)  # tetrahedra are a simple cubic lattice of half the edge
    ions = (place + 0.5) * A / 2
    ions += offset(place) if callable(offset) else offset
    ions = ions + rng.normal(scale=amplitude, size=ions.shape)
    anions = host + rng.normal(scale=0.1, size=(n_frames, *host.shape))
    kinds = ["Li"] * n_ions + list(names)
    universe = make_universe(
        np.concatenate([ions, anions], axis=1) % LENGTH, (LENGTH,) * 3 + (90.0,) * 3, names=kinds,
        elements=kinds, masses=[7.0] * n_ions + [33.0] * len(host),
    )  # fmt: skip
    return universe, host, names


def analysis(universe, macrostates=None, **options):
    host = universe.select_atoms("not name Li")
    detector = SiteAssignment.from_structure(
        TETRAHEDRA, ["T"] * 8, framework=host, framework_fractional=FCC,
        supercell=(REPEATS,) * 3, **options,
    )  # fmt: skip
    ion = IonSpecies(
        universe.select_atoms("name Li"), charge=1, name="Li+", microstates=detector,
        events=CrystalEvents(detail="channel"), macrostates=macrostates,
    )  # fmt: skip
    return OnsagerDecomposition([ion], temperature=300, windows=[1.0], resolutions=None).run()


@pytest.mark.slow
@pytest.mark.parametrize("assignment", ["core", "polyhedron"])
def test_labels_are_the_nearest_anions_of_a_plain_search(assignment, tmp_path):
    universe, host, names = universe_of(np.random.default_rng(1))
    anions = universe.select_atoms("not name Li")
    run = analysis(universe, SiteType(), assignment=assignment, environment=anions)
    detector = run.species[0].microstates
    distance = apart(detector.sites_in_cell, host / LENGTH)
    for label, row in zip(detector.labels, distance, strict=True):
        around = Counter(names[np.argsort(row)[:4]].tolist())
        said = "".join(
            f"{e}{n if n > 1 else ''}"
            for e, n in sorted(around.items(), key=lambda x: (-x[1], x[0]))
        )
        assert label == f"T:{said}"
    kinds = set(detector.labels)
    assert {"T:S3Cl", "T:Cl2S2"} <= kinds
    # site types as macrostates, channels as events
    assert set(run.macrostates["Li+"].names) == kinds
    held = run.microstates["Li+"].report["occupancy"]
    assert sum(held.values()) == pytest.approx(40)
    assert "T:S3Cl->T:Cl2S2" in run.event_names(0)
    back = load_run(run.save_run(tmp_path / "a.run"))
    assert back.species[0].microstates.labels == detector.labels
    about = run.results.settings["species"][0]["microstates"]
    assert about["environment_atoms"] == {"T": 4}


def test_a_number_of_atoms_that_is_given():
    universe, *_ = universe_of(np.random.default_rng(2), n_frames=30)
    anions = universe.select_atoms("not name Li")
    four = analysis(universe, environment=anions, coordination=4).species[0].microstates
    assert four.labels == analysis(universe, environment=anions).species[0].microstates.labels
    # of some of the anions alone
    sulfur = universe.select_atoms("name S")
    some = analysis(universe, environment=sulfur, coordination={"T": 5}).species[0].microstates
    assert set(some.labels) == {"T:S5"}


def test_formulas():
    assert formula(["S", "Cl", "S", "S"]) == "S3Cl"
    assert formula(["S", "Cl", "S", "Cl"]) == "Cl2S2"
    assert formula(["O"] * 6) == "O6"
    with pytest.raises(InputError, match="element is not known"):
        environment_labels(TETRAHEDRA, ["T"] * 8, FCC, ["", "S", "S", "S"], np.eye(3) * A)


def test_what_makes_no_environment_is_refused():
    universe, *_ = universe_of(np.random.default_rng(3), n_frames=10)
    anions = universe.select_atoms("not name Li")
    with pytest.raises(InputError, match="environment holds atoms that are no vertices"):
        analysis(universe, assignment="polyhedron", vertices=anions[:10], environment=anions)
    with pytest.raises(InputError, match="the environment of sites is of immobile atoms"):
        analysis(universe, environment=universe.atoms)
    with pytest.raises(InputError, match="has no meaning with assignment='core'"):
        analysis(universe, coordination=4)


# ---- centroids ------------------------------------------------------------------------------


def test_sites_move_to_the_mean_of_the_ions_on_them():
    universe, *_ = universe_of(np.random.default_rng(4), offset=np.array([0.3, -0.2, 0.1]))
    plain, moved = (analysis(universe, centre=c).species[0].microstates for c in (None, "site"))
    by = (moved.sites_in_cell - plain.sites_in_cell) * LENGTH
    # 60 frames a site, each 0.1 A from the middle
    np.testing.assert_allclose(by, np.broadcast_to([0.3, -0.2, 0.1], by.shape), atol=0.1)
    np.testing.assert_allclose(by.mean(axis=0), [0.3, -0.2, 0.1], atol=0.02)
    about = moved.describe()
    assert about["centre"] == "site"
    assert about["centred_by_angstrom"]["root_mean_square"] == pytest.approx(0.374, abs=0.03)
    assert "centre" not in plain.describe()
    # the same ions are on the same sites
    assert moved.labels == plain.labels


def alternating(place):
    """0.3 A along x or against it, on the two kinds of tetrahedra that inversion exchanges."""
    sign = np.where(place.sum(axis=-1) % 2 == 0, 1.0, -1.0)
    return 0.3 * sign[..., None] * np.array([1.0, 0.0, 0.0])


def test_orbits_stay_orbits():
    """F m -3 m leaves the tetrahedra no way to move: a shift that breaks it averages to nothing."""
    pytest.importorskip("spglib")
    universe, *_ = universe_of(np.random.default_rng(5), offset=alternating)
    plain, site, orbit = (
        analysis(universe, centre=c).species[0].microstates.sites_in_cell
        for c in (None, "site", "orbit")
    )
    assert np.linalg.norm((site - plain) * LENGTH, axis=1).mean() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_allclose((orbit - plain) * LENGTH, 0, atol=1e-6)


@pytest.mark.slow
def test_orbits_move_where_the_space_group_lets_them():
    """The 48g of the garnet lie at (1/8, y, 1/4 - y): one number moves all of them alike."""
    pytest.importorskip("spglib")
    universe = crystal(800)
    (lithium,) = crystal_analysis(universe).species
    known = lithium.microstates
    framework = universe.select_atoms("element La Zr O")
    chosen = [known.source.ideal_elements == e for e in ("La", "Zr", "O")]
    ideal = np.concatenate([known.source.ideal_framework[k] for k in chosen])

    def sites(centre):
        detector = SiteAssignment.from_structure(
            known.fractional,
            known.labels,
            framework=framework,
            framework_fractional=ideal,
            centre=centre,
        )
        ion = IonSpecies(lithium.atoms, charge=1, name="Li+", microstates=detector)
        run = OnsagerDecomposition([ion], temperature=800, resolutions=None, windows=[1.0])
        return run.run(stop=1500).species[0].microstates

    plain, site, orbit = (sites(c) for c in (None, "site", "orbit"))
    by = (orbit.sites_in_cell - plain.sites_in_cell) * 12.97
    label = np.array(known.labels)
    # 24d is a point that no operation lets move; all 48g move alike
    np.testing.assert_allclose(by[label == "24d"], 0, atol=0.01)
    length = np.linalg.norm(by[label == "48g"], axis=1)
    assert length.std() < 0.01
    single = (site.sites_in_cell - plain.sites_in_cell)[label == "48g"] * 12.97
    along = by[label == "48g"]
    assert length.mean() > 0.05
    projected = np.einsum("si,si->s", single, along / length[:, None])
    assert projected.mean() == pytest.approx(length.mean(), abs=0.02)


def test_sites_that_do_not_obey_the_group_are_refused():
    pytest.importorskip("spglib")
    universe, *_ = universe_of(np.random.default_rng(6), n_frames=60)
    host = universe.select_atoms("not name Li")
    detector = SiteAssignment.from_structure(
        [*TETRAHEDRA.tolist(), [0.5, 0.4, 0.3]], ["T"] * 8 + ["x"], framework=host,
        framework_fractional=FCC, supercell=(REPEATS,) * 3, centre="orbit",
    )  # fmt: skip
    ion = IonSpecies(universe.select_atoms("name Li"), charge=1, name="Li+", microstates=detector)
    with pytest.raises(InputError, match=r"centre='orbit' needs sites that obey .* \(0\.500, 0\.4"):
        OnsagerDecomposition([ion], temperature=300, resolutions=None).run()
    with pytest.raises(InputError, match=r"centre must be None or one of \('site', 'orbit'\), got"):
        analysis(universe, centre="all")
