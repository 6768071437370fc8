"""Space group of a mean framework, and Wyckoff labels without a CIF, on known structures."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.datasets import crystal
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.microstates.sites.mean_symmetry import find_symmetry

from ...builders import make_universe

pytest.importorskip("spglib", reason="spglib is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")
FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
A, REPEATS = 6.0, 2
CELLS = np.indices((REPEATS,) * 3).reshape(3, -1).T
#: Of F m -3 m with anions on 4a or 4b, as the origin is chosen: tetrahedra 8c and octahedra.
TETRAHEDRA = np.concatenate([FCC + 0.25, FCC + 0.75]) % 1
OCTAHEDRA = (FCC + 0.5) % 1


def salt(seed, *, amplitude=0.15, n_frames=300, origin=0.0, elements=("S",), places=(FCC,)):
    """Anions that vibrate, and ions that are in turn on tetrahedra, mostly, and octahedra."""
    rng = np.random.default_rng(seed)
    host = np.concatenate([(CELLS[:, None] + p).reshape(-1, 3) for p in places]) * A
    names = np.repeat(elements, [len(CELLS) * len(p) for p in places])
    sites = np.concatenate([TETRAHEDRA, OCTAHEDRA])
    chosen = np.concatenate(
        [rng.integers(0, 8, (n_frames, 20)), rng.integers(8, 12, (n_frames, 8))], 1
    )
    cell = CELLS[rng.integers(0, len(CELLS), chosen.shape)]
    ions = (sites[chosen] + cell) * A
    positions = np.concatenate([ions, np.broadcast_to(host, (n_frames, *host.shape))], axis=1)
    positions = positions + rng.normal(scale=amplitude, size=positions.shape) + origin
    n = chosen.shape[1]
    universe = make_universe(
        positions % (A * REPEATS), (A * REPEATS,) * 3 + (90.0,) * 3, names=["Li"] * n + list(names),
        elements=["Li"] * n + list(names), masses=[7.0] * n + [32.0] * len(names),
    )  # fmt: skip
    return universe


def settled(universe, **options):
    detector = SiteAssignment.from_density(
        framework=universe.select_atoms("not name Li"), space_group="find", **options
    )
    ion = IonSpecies(universe.select_atoms("name Li"), charge=1, name="Li+", microstates=detector)
    run = OnsagerDecomposition([ion], temperature=300, resolutions=None, windows=[1.0], unwrap=True)
    return sample_settled(run, detector, universe)


def sample_settled(run, detector, universe):
    """Settle without the steps, which jump from site to site."""
    from mda_ionmech.analysis.frame_source import FrameSource

    source = run._frame_source()
    assert isinstance(source, FrameSource)
    return detector.settle(lambda: source.sample(0))


def apart(first, second, edge):
    difference = first[:, None] - second
    return np.linalg.norm((difference - np.rint(difference)) * edge, axis=-1).min(axis=1)


def check_labels(detector):
    """Eight tetrahedra and four octahedra in a cell; the label of the latter."""
    first, second = detector.label_names
    assert first == "8c"
    assert second in ("4a", "4b")
    assert [detector.labels.count(name) for name in (first, second)] == [64, 32]
    return second


@pytest.mark.parametrize("supercell", [(2, 2, 2), (1, 1, 1)])
@pytest.mark.parametrize("origin", [0.0, 0.7])
def test_tetrahedra_and_octahedra_of_a_salt(supercell, origin):
    detector = settled(salt(1, origin=origin), supercell=supercell)
    assert detector.describe()["density"]["space_group_found"] == "Fm-3m (225)"
    octahedra = check_labels(detector)
    labels = np.array(detector.labels)
    for name, places in (("8c", TETRAHEDRA), (octahedra, OCTAHEDRA)):
        found = detector.fractional[labels == name] * REPEATS - origin / A
        assert apart(found, places, A).max() < 0.05


def test_rarely_visited_sites_of_an_orbit_are_completed():
    universe = salt(2)
    positions = universe.trajectory.coordinate_array
    far = np.linalg.norm(
        (positions[:, :28] - A / 4)
        - A * REPEATS * np.rint((positions[:, :28] - A / 4) / (A * REPEATS)),
        axis=-1,
    )
    moved = np.where((far < 1.0)[..., None], positions[:, :28] + A / 2, positions[:, :28])
    positions[:, :28] = moved % (A * REPEATS)
    detector = settled(universe, supercell=(2, 2, 2))
    check_labels(detector)


def test_a_second_kind_of_atoms_lowers_the_symmetry():
    """With half of the tetrahedra another kind of place, all are 4a to 4d of F -4 3 m."""
    universe = salt(3, elements=("S", "P"), places=(FCC, FCC + 0.25))
    detector = settled(universe, supercell=(2, 2, 2))
    assert detector.describe()["density"]["space_group_found"] == "F-43m (216)"
    assert len(detector.label_names) == 3
    assert set(detector.label_names) < {"4a", "4b", "4c", "4d"}
    assert {detector.labels.count(name) for name in detector.label_names} == {32}


def test_elements_that_share_a_place_are_one_kind():
    rng = np.random.default_rng(4)
    places = (CELLS[:, None] + FCC).reshape(-1, 3) / REPEATS
    names = rng.choice(["S", "Cl"], len(places))
    unit = np.eye(3) * A
    found = find_symmetry(
        places * REPEATS + rng.normal(scale=0.003, size=places.shape), names, unit
    )
    assert (found.symbol, found.number) == ("Fm-3m", 225)
    assert len(found.places) == 4
    np.testing.assert_allclose(found.cell @ found.cell.T, unit @ unit.T, rtol=0.01)


def test_a_framework_without_symmetry_is_refused():
    rng = np.random.default_rng(5)
    places = rng.random((12, 3))
    with pytest.raises(InputError, match=r"no symmetry of the mean framework .*give all immobile"):
        find_symmetry(places, ["S"] * 12, np.diag([9.0, 8.0, 7.0]))


@pytest.mark.slow
def test_the_garnet_without_its_cif_has_its_labels():
    universe = crystal(800)
    (lithium,) = crystal_analysis(universe).species
    known = lithium.microstates
    detector = SiteAssignment.from_density(
        framework=universe.select_atoms("element La Zr O"), space_group="find"
    )
    ion = IonSpecies(lithium.atoms, charge=1, name="Li+", microstates=detector)
    run = OnsagerDecomposition([ion], temperature=800, resolutions=None, windows=[1.0]).run(
        stop=2000
    )
    found = run.species[0].microstates
    assert found.describe()["density"]["space_group_found"] == "Ia-3d (230)"
    assert {n: found.labels.count(n) for n in found.label_names} == {"24d": 24, "48g": 48}
    shift = crystal_analysis(universe).run(stop=50).species[0].microstates
    for name in ("24d", "48g"):
        ours = found.sites_in_cell[np.array(found.labels) == name]
        theirs = shift.sites_in_cell[np.array(known.labels) == name]
        assert apart(ours, theirs, 12.97).max() < 0.25


def test_a_group_that_is_no_word_is_refused():
    universe = salt(6, n_frames=5)
    with pytest.raises(InputError, match=r"space_group must be .*or 'find' for that of the mean"):
        SiteAssignment.from_density(framework=universe.atoms[28:], space_group="search")
