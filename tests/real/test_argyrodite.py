"""Li6PS5Cl at 500 K, ab initio: site disorder of S and Cl opens the way between cages.

Data of Morgan, Chem. Mater. 33, 2004 (2021). The CIF marks classes of sites by elements: Li the
48h sites, S the 4d anions, P phosphorus. It is the trajectory's structure inverted, so that its
positions are taken with the other sign: the 48h sites do not mind, their cages do.
"""

import MDAnalysis as mda
import numpy as np
import pytest
from MDAnalysis.lib.mdamath import triclinic_vectors

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import SiteAssignment

from ..test_docs import rows

pytestmark = pytest.mark.slow

gemmi = pytest.importorskip("gemmi", reason="gemmi is not installed")

#: 700 frames, 0.1 ps apart, of 192 Li.
LITHIUM_NS = 192 * 0.0699
WINDOWS = [0.5, 1.0, 2.0, 5.0]
#: Neighbouring 48h sites are 1.92 A apart; the real ones lie 0.25 A off the CIF's ideal plane.
R_CORE = 0.8


@pytest.fixture(scope="module")
def folder(shared_data):
    found = shared_data / "argyrodite"
    if not found.is_dir():
        pytest.skip(f"the argyrodite trajectories are not at {found}")
    return found


def nearest(positions, targets):
    """Number of the nearest target of every position, and its distance; fractional, any image."""
    apart = positions[:, None] - targets[None]
    length = np.linalg.norm(apart - np.rint(apart), axis=-1)
    return length.argmin(axis=1), length.min(axis=1)


def in_supercell(positions):
    cells = np.stack(np.meshgrid(*[range(2)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    return ((cells + positions) / 2).reshape(-1, 3)


class Run:
    """Analysis of one run with each 48h site labelled by its cage.

    The cages form a face-centred lattice; the four of one cubic cell give the labels, and two
    cages that share a boundary never have the same one.
    """

    def __init__(self, folder, disorder):
        stem = folder / f"Li6PS5Cl_{disorder}"
        self.universe = mda.Universe(f"{stem}.pdb", f"{stem}_unwrapped.dcd")
        places = {}
        for site in gemmi.read_small_structure(str(folder / "Li6PS5X_complete_sites.cif")).sites:
            places.setdefault(site.element.name, []).append(site.fract.tolist())
        places = {name: -np.array(x) for name, x in places.items()}
        cage, _ = nearest(places["Li"], places["S"])
        sites = SiteAssignment.from_structure(
            places["Li"],
            [f"d{k}" for k in cage],
            framework=self.universe.select_atoms("element P"),
            framework_fractional=places["P"],
            supercell=(2, 2, 2),
            r_core=R_CORE,
        )
        lithium = IonSpecies(
            self.universe.select_atoms("element Li"),
            charge=1,
            name="Li+",
            microstates=sites,
            events=CrystalEvents(detail="channel"),
        )
        self.run = OnsagerDecomposition([lithium], temperature=500.0, windows=WINDOWS).run()
        self.detector = self.run.species[0].microstates
        # all cages of the supercell
        self.anions = in_supercell(places["S"])
        self.cage, _ = nearest(self.detector.fractional, self.anions)

    def hops(self):
        """Hops inside cages and between cages."""
        site = self.run.microstates["Li+"].state
        hop = site[1:] != site[:-1]
        between = self.cage[site[1:]] != self.cage[site[:-1]]
        return int(np.sum(hop & ~between)), int(np.sum(between))

    def shares(self):
        """Shares of L(Li, Li) by windows: no hop, inside cages, between cages."""
        part = self.run.results.decomposition.sel(species="Li+", species_2="Li+")["event_onsager"]
        ends = [str(name).split("->") for name in part["event"].values]
        group = np.array([0 if len(x) == 1 else 1 if x[0] == x[1] else 2 for x in ends])
        total = part.sum("event")
        return np.stack([part.isel(event=group == k).sum("event") / total for k in range(3)])


@pytest.fixture(scope="module")
def ordered(folder):
    return Run(folder, "0p")


@pytest.fixture(scope="module")
def disordered(folder):
    return Run(folder, "50p")


def test_the_sites_lie_where_the_ions_are(ordered, disordered):
    for run, shares in ((ordered, {"S": 32}), (disordered, {"S": 16, "Cl": 16})):
        assert run.detector.alignment.by == "framework"
        assert run.detector.alignment.residual < 0.1
        report = run.run.microstates["Li+"].report
        assert report["carriers_never_in_a_core"] == 0
        assert report["sharing_a_site"] < 0.005
        # the anions in the middle of the cages are those of the stated disorder
        np.testing.assert_array_equal(np.bincount(run.cage), 12)
        anions = run.universe.select_atoms("element S Cl")
        where = np.mean(
            [
                anions.positions @ np.linalg.inv(triclinic_vectors(ts.dimensions))
                for ts in run.universe.trajectory[::50]
            ],
            axis=0,
        )
        cell = triclinic_vectors(run.universe.trajectory[0].dimensions)
        shift = run.detector.alignment.shift @ np.linalg.inv(cell)
        middle, distance = nearest(run.anions + shift, where)
        assert distance.max() * cell[0, 0] < 0.3
        names, counts = np.unique(anions.elements[middle], return_counts=True)
        assert dict(zip(names, counts.tolist(), strict=True)) == shares


def test_disorder_opens_the_way_between_cages(ordered, disordered):
    inside, between = ordered.hops()
    inside_disordered, between_disordered = disordered.hops()
    # measured: 2 and 716 hops between cages, 0.15 and 53 per Li and ns
    assert between / LITHIUM_NS < 2
    assert 40 < between_disordered / LITHIUM_NS < 70
    # measured: 12245 and 5534 hops inside cages, 912 and 412 per Li and ns
    assert 1.8 < inside / inside_disordered < 2.7


def test_shares_of_transport(ordered, disordered):
    for run in (ordered, disordered):
        data = run.run.results.decomposition
        assert float(data["residual"].max()) < 1e-12
    # measured at 0.5, 1, 2 and 5 ps: 0.065, 0.125, 0.235, 0.459 between disordered cages
    assert np.all(np.abs(ordered.shares()[2]) < 0.01)
    between = disordered.shares()[2]
    assert np.all(np.diff(between) > 0)
    assert 0.35 < between[-1] < 0.57
    # without a way out, hops inside cages carry what is left, and ever less of it
    inside = ordered.run.results.decomposition["onsager"].values.ravel()
    assert np.all(np.diff(inside) < 0)
    ratio = float(disordered.run.results.decomposition["onsager"].isel(window=-1).squeeze())
    assert ratio / inside[-1] > 3


@pytest.mark.parametrize(("disorder", "far"), [("0p", 0.14), ("50p", 0.23)])
def test_tetrahedra_of_one_kind_are_no_complete_set(folder, disorder, far):
    """The 48h sites alone, and with the tetrahedra between them, which share the vertices."""
    stem = folder / f"Li6PS5Cl_{disorder}"
    universe = mda.Universe(f"{stem}.pdb", f"{stem}_unwrapped.dcd")
    places = {}
    for site in gemmi.read_small_structure(str(folder / "Li6PS5X_complete_sites.cif")).sites:
        places.setdefault(site.element.name, []).append((-np.array(site.fract.tolist())).tolist())
    told = {}
    for kinds in (("Li",), ("Li", "Na")):
        sites = SiteAssignment.from_structure(
            np.concatenate([places[kind] for kind in kinds]),
            [kind for kind in kinds for _ in places[kind]],
            framework=universe.select_atoms("element P"),
            framework_fractional=places["P"],
            supercell=(2, 2, 2),
        )
        lithium = IonSpecies(
            universe.select_atoms("element Li"), charge=1, name="Li+", microstates=sites
        )
        run = OnsagerDecomposition([lithium], temperature=500.0, resolutions=None).run()
        told[kinds] = any("missing" in text for text in run.results.warnings)
        seen = run.species[0].microstates.settled.seen
        if len(kinds) == 1:
            assert seen["far"] == pytest.approx(far, abs=0.02)
    assert told == {("Li",): True, ("Li", "Na"): False}


def test_environments_tell_the_sites_of_a_disordered_argyrodite_apart(folder):
    kinds = {}
    for disorder in ("0p", "50p"):
        stem = folder / f"Li6PS5Cl_{disorder}"
        universe = mda.Universe(f"{stem}.pdb", f"{stem}_unwrapped.dcd")
        places = {}
        for site in gemmi.read_small_structure(str(folder / "Li6PS5X_complete_sites.cif")).sites:
            places.setdefault(site.element.name, []).append(site.fract.tolist())
        sites = SiteAssignment.from_structure(
            -np.array(places["Li"]),
            ["48h"] * 48,
            framework=universe.select_atoms("element P"),
            framework_fractional=-np.array(places["P"]),
            supercell=(2, 2, 2),
            environment=universe.select_atoms("element S Cl"),
            coordination=4,
        )
        lithium = IonSpecies(
            universe.select_atoms("element Li"), charge=1, name="Li+", microstates=sites
        )
        run = OnsagerDecomposition([lithium], temperature=500.0, resolutions=None, windows=[1.0])
        labels = run.run(stop=100).species[0].microstates.labels
        kinds[disorder] = {name: labels.count(name) for name in sorted(set(labels))}
    # every site of the ordered crystal has the same surroundings
    assert kinds["0p"] == {"48h:S3Cl": 384}
    assert kinds["50p"] == {"48h:Cl2S2": 96, "48h:S3Cl": 192, "48h:S4": 96}


def tetrahedra(folder, universe, kinds, **options):
    """Sites from the file of all tetrahedra: those of the structure ("Li"), and between them."""
    places = {}
    for site in gemmi.read_small_structure(str(folder / "Li6PS5X_complete_sites.cif")).sites:
        places.setdefault(site.element.name, []).append((-np.array(site.fract.tolist())).tolist())
    return SiteAssignment.from_structure(
        np.concatenate([places[kind] for kind in kinds]),
        [kind for kind in kinds for _ in places[kind]],
        framework=universe.select_atoms("element P"),
        framework_fractional=places["P"],
        supercell=(2, 2, 2),
        **options,
    )


def site_sets(folder, universe):
    """The 48h sites, with the tetrahedra between them, and those of the density."""
    yield tetrahedra(folder, universe, ("Li",), r_core=R_CORE)
    yield tetrahedra(folder, universe, ("Li", "Na"))
    yield SiteAssignment.from_density(
        framework=universe.select_atoms("element P S Cl"), space_group="find", supercell=(2, 2, 2)
    )


def compared(folder):
    names = ("48h", "48h and between", "density")
    for disorder, system in (("0p", "ordered"), ("50p", "disordered")):
        stem = folder / f"Li6PS5Cl_{disorder}"
        universe = mda.Universe(f"{stem}.pdb", f"{stem}_unwrapped.dcd")
        for name, sites in zip(names, site_sets(folder, universe), strict=True):
            lithium = IonSpecies(
                universe.select_atoms("element Li"), charge=1, name="Li+", microstates=sites,
                events=CrystalEvents(),
            )  # fmt: skip
            run = OnsagerDecomposition(
                [lithium], temperature=500.0, windows=[0.4], resolutions=None
            ).run()
            detector = run.species[0].microstates
            if name == "density":
                found = {n: detector.labels.count(n) for n in detector.label_names}
                wanted = {"48h": 384, "48h_2": 384} | ({} if disorder == "0p" else {"16e": 128})
                assert found == wanted
                assert detector.describe()["density"]["space_group_found"] == "F-43m (216)"
            table = run.results.hop_definitions()
            yield [
                system, name, f"{len(detector.labels)}", f"{detector.settled.seen['far']:.1%}",
                *(
                    f"{table.loc[d, 'multi_fraction']:.2f}, "
                    f"{table.loc[d, 'multi_fraction_exclusion']:.2f}"
                    for d in ("core, entry", "core, crossing", "nearest")
                ),
                str(run.results.verdict().finding("concertedness")),
            ]  # fmt: skip


def test_the_page_on_crystals_compares_sets_of_sites(folder):
    assert rows("concepts/crystals.md", "Li$_6$PS$_5$Cl") == list(compared(folder))


def smoothed(folder):
    """Linked hops of the disordered crystal, as it is and with positions averaged over 0.5 ps."""
    stem = folder / "Li6PS5Cl_50p"
    for length in (1, 5):
        universe = mda.Universe(f"{stem}.pdb", f"{stem}_unwrapped.dcd")
        positions = np.array([ts.positions for ts in universe.trajectory], dtype=np.float64)
        dimensions, dt = universe.dimensions, universe.trajectory.dt
        sums = np.cumsum(np.concatenate([np.zeros((1, *positions.shape[1:])), positions]), axis=0)
        universe.load_new(
            ((sums[length:] - sums[:-length]) / length).astype(np.float32),
            dimensions=dimensions, dt=dt,
        )  # fmt: skip
        for name, options in {
            "core, entry": {},
            "core, crossing": {"hop_time": "crossing"},
            "nearest": {"assignment": "nearest"},
        }.items():
            lithium = IonSpecies(
                universe.select_atoms("element Li"), charge=1, name="Li+",
                microstates=tetrahedra(folder, universe, ("Li", "Na"), **options),
                events=CrystalEvents(),
            )  # fmt: skip
            run = OnsagerDecomposition(
                [lithium], temperature=500.0, windows=[0.1, 0.2, 0.5, 1.0, 2.0], resolutions=None
            ).run()
            linked = run.results.decomposition["multi_fraction"].sel(species="Li+")
            yield [
                "averaged over 0.5 ps" if length > 1 else "as it is", name,
                *(f"{x:.3f}" for x in linked.values),
            ]  # fmt: skip


def test_the_page_on_crystals_compares_actual_and_smoothed_positions(folder):
    assert rows("concepts/crystals.md", "positions") == list(smoothed(folder))
