"""Checks for absurd input: each speaks up where it should and is silent where it should not."""

import re
import warnings

import MDAnalysis as mda
import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.analysis import plausibility
from mda_ionmech.analysis.input_notes import ONE_EVENT
from mda_ionmech.analysis.sampled_frames import TemperatureSample
from mda_ionmech.events import CrystalEvents, PolymerEvents, SolvationEvents
from mda_ionmech.microstates import CutoffShell, SiteAssignment
from mda_ionmech.microstates.rdf import RadialDistribution

from .. import plausibility_table
from ..builders import brownian, liquid_species, make_universe
from ..plausibility_table import crystal, known, lattice, shells

K_PER_UNIT = 1.66053906660e-27 * 1e4 / 1.380649e-23  # amu (A/ps)^2 / kB


def g_of_r(*gaussians, n=4000, noise=0.02):
    """g(r) with a bulk of 1 beyond 4.5 A and Gaussian peaks (place, height, width)."""
    r = np.arange(0.01, 8, 0.02)
    g = 1 / (1 + np.exp(-(r - 5.0) / 0.15))
    for place, height, width in gaussians:
        g = g + height * np.exp(-((r - place) ** 2) / (2 * width**2))
    density = 0.01
    return RadialDistribution(
        kind="solvent",
        r=r,
        g=g,
        error=np.full(len(r), noise),
        coordination=np.cumsum(4 * np.pi * r**2 * 0.02 * density * g),
        n_frames=n,
    )


LIQUID = g_of_r((2.1, 18, 0.12), (4.6, 0.3, 0.3))


def misplaced(inner, outer=None, found=LIQUID, molecule=False):
    return plausibility.misplaced_radii("Li+", found, inner, outer or inner, molecule=molecule)


@pytest.mark.parametrize("inner", [2.3, 2.8, 3.5, 4.5])
def test_cutoffs_between_the_peaks_are_fine(inner):
    assert misplaced(inner) == []


def test_a_cutoff_before_the_first_peak_is_named_with_what_it_counts():
    (text,) = misplaced(1.9)
    assert "cutoff=1.9 Å of 'solvent' of Li+ ends before the first peak of g(r) at 2.1" in text


@pytest.mark.parametrize("inner", [6.0, 7.5])
def test_a_cutoff_beyond_the_second_peak_is_named(inner):
    (text,) = misplaced(inner)
    assert "beyond the second peak" in text


def test_two_peaks_of_one_shell_are_no_second_shell():
    """The eight and six neighbours of a body-centred lattice, or one and two bonds of an anion."""
    lattice = g_of_r((2.6, 12, 0.1), (3.0, 8, 0.1), (4.24, 4, 0.1))
    assert misplaced(3.4, found=lattice) == []
    anion = g_of_r((3.2, 6, 0.12), (4.4, 5, 0.15), (6.5, 1.0, 0.3))
    assert misplaced(4.9, found=anion, molecule=True) == []


@pytest.mark.parametrize("band", [(2.6, 3.2), (2.8, 3.8), (2.4, 3.0)])
def test_hysteresis_in_the_minimum_is_fine(band):
    assert misplaced(*band) == []


@pytest.mark.parametrize(("band", "peak"), [((1.9, 2.15), "first"), ((3.4, 5.2), "second")])
def test_hysteresis_where_g_rises_is_named(band, peak):
    (text,) = misplaced(*band)
    assert f"rises to its {peak} peak" in text


def test_noise_has_no_peaks():
    """Ideal gas: g(r) is 1 within noise, and no radius is better than another."""
    rng = np.random.default_rng(0)
    r = np.arange(0.01, 8, 0.02)
    flat = RadialDistribution(
        "solvent", r, 1 + rng.normal(scale=0.3, size=len(r)), np.full(len(r), 0.3), r, 25
    )
    for inner, outer in ((1.0, 1.0), (3.0, 4.0), (7.0, 7.5)):
        assert misplaced(inner, outer, flat) == []


def test_empty_shells():
    near = {"solvent": 1.9, "anion": np.inf}
    args = ({"solvent": 0.28, "anion": 0.29}, near, 25)
    with pytest.raises(InputError, match=r"0.28 nm is 2.8"):
        plausibility.empty_shells("Li+", {"solvent": 0.0, "anion": 0.0}, *args)
    radii = {"solvent": 1.5, "anion": 1.5}
    text = plausibility.empty_shells("Li+", {"solvent": 0.0, "anion": 0.01}, radii, near, 25)
    assert text is not None
    assert "nearest ligands: solvent: 1.90 Å, anion: none" in text
    # an anion that is rare in shells, beside a solvent and alone
    assert not plausibility.empty_shells("Li+", {"solvent": 4.1, "anion": 0.0}, radii, near, 25)
    assert not plausibility.empty_shells("Li+", {"anion": 0.05}, {"anion": 2.9}, near, 25)


def test_reduced_units_are_not_taken_for_nm():
    """In units of the diameter a shell ends at 1.5 and neighbours are at 1."""
    assert not plausibility.empty_shells("ion", {"a": 6.0}, {"a": 1.5}, {"a": 0.95}, 25)


@pytest.mark.parametrize("length", [0.5, 0.9, 1.0, 1000.0])
def test_lengths_that_frames_show_are_fine(length):
    assert plausibility.short_length("windows", length, 1.0) is None


def test_lengths_below_the_spacing():
    assert "taken as one frame" in str(plausibility.short_length("windows", 0.4, 1.0))
    with pytest.raises(InputError, match="windows holds 1e-12 ps, and frames are 2 ps apart"):
        plausibility.short_length("windows", 1e-12, 2.0)


def test_persistence_against_the_run():
    def said(t):
        return plausibility.long_persistence("Li+", t, 1.0, 1001)

    assert said(0.0) is None
    assert said(5.0) is None
    assert said(100.0) is None
    assert "20% of the 1000 ps" in str(said(200.0))
    assert "filters nothing" in str(said(0.2))
    with pytest.raises(InputError, match="as long as the 1000 ps"):
        said(1000.0)


def test_another_persistence_is_checked_as_well():
    u = datasets.liquid()
    run = OnsagerDecomposition(liquid_species(u), temperature=330, resolutions=None).run(stop=60)
    with pytest.raises(InputError, match="as long as the 59 ps"):
        run.relabelled(60.0)
    with pytest.warns(UserWarning, match="51% of the 59 ps"):
        run.relabelled(30.0)


def test_wide_bands():
    assert plausibility.wide_band("Li+", "solvent", 2.8, 3.4) is None
    assert "(r_in, r_out)" in str(plausibility.wide_band("Li+", "solvent", 2.8, 6.2))


def test_small_molecules():
    assert plausibility.small_molecules("Li+", 12, 20) is None
    assert "at most 1 ligand atom:" in str(plausibility.small_molecules("Li+", 1, 224))
    assert "at most 2 ligand atoms:" in str(plausibility.small_molecules("Li+", 2, 100))


def test_one_label():
    assert plausibility.one_label("Li+", {"vehicular": 5.0, "renewal": 1.0}, 1.0) is None
    assert plausibility.one_label("Li+", {"all": 5.0}, 1.0) is None
    assert "'renewal'" in str(plausibility.one_label("Li+", {"vehicular": 0, "renewal": 7}, 1.0))


@pytest.mark.parametrize("given", [300, 290, 320])
def test_temperatures_of_free_atoms_that_fit(given):
    assert plausibility.kinetic_temperature(given, 300, 0.01, free=True) is None


@pytest.mark.parametrize("given", [27, 200, 400, 600])
def test_temperatures_of_free_atoms_that_do_not(given):
    assert "300 K" in str(plausibility.kinetic_temperature(given, 300, 0.01, free=True))


def test_constraints_take_part_of_the_kinetic_energy():
    """Rigid water at 300 K: six degrees of freedom for three atoms."""
    assert plausibility.kinetic_temperature(300, 200, 0.01, free=False) is None
    assert plausibility.kinetic_temperature(300, 300, 0.01, free=False) is None
    assert "200 to 333 K" in str(plausibility.kinetic_temperature(500, 200, 0.01, free=False))
    assert plausibility.kinetic_temperature(150, 200, 0.01, free=False) is not None


def test_velocities_in_other_units_are_not_a_temperature():
    assert plausibility.kinetic_temperature(300, 3e-4, 0.01, free=True) is None


def test_ions_cannot_outrun_their_thermal_velocity():
    """Lithium at 300 K has 10.4 A/ps."""

    def said(step, spacing):
        return plausibility.too_fast("Li+", step, 6.94, 300, spacing)

    assert said(0.3, 1.0) is None
    assert said(10.0, 1.0) is None  # ballistic
    assert said(0.04, 0.001) is None  # within what rounding can do
    assert "its thermal velocity at 300 K allows 0.01 Å" in str(said(0.3, 0.001))


def test_few_atoms_do_not_decide():
    assert plausibility.kinetic_temperature(300, 400, 0.1, free=True) is None


def test_written_temperature():
    assert plausibility.written_temperature(330, 325, "temperature") is None
    assert "600 K (temperature)" in str(plausibility.written_temperature(300, 600, "temperature"))


def steady(per_step, noise=0.0, n=24):
    noisy = np.random.default_rng(0).normal(scale=noise or 1e-9, size=(n, 3))
    return noisy + np.array([per_step, 0, 0])


def test_drift():
    msd = {"Li+": (8, 54.0)}
    assert "drifts as a whole, by 9.6 Å" in str(plausibility.drift("laboratory", steady(0.4), msd))
    assert "subtracts it" in str(plausibility.drift("framework", steady(0.4), msd))
    assert plausibility.drift("barycentric", steady(0.4), msd) is None
    assert plausibility.drift("framework", steady(0.05), msd) is None  # settles by 1.2 A
    assert plausibility.drift("laboratory", steady(0.4, n=8), msd) is None
    assert plausibility.drift("laboratory", np.zeros((24, 3)), msd) is None
    # a small drift among fast ions
    assert plausibility.drift("laboratory", steady(0.02), {"Li+": (8, 500.0)}) is None


def test_what_moves_at_random_does_not_drift():
    rng = np.random.default_rng(4)
    msd = {"Li+": (4, 6.0)}
    said = [plausibility.drift("laboratory", rng.normal(size=(24, 3)), msd) for _ in range(2000)]
    assert sum(text is not None for text in said) <= 1


def test_moving_host():
    li = {"Li+": 40.0}
    assert plausibility.moving_host(li, {"P": (0.2, 0.2), "S": (0.3, 0.3)}) is None
    # anions that turn in place move far, and no farther
    assert plausibility.moving_host(li, {"P": (0.2, 0.2), "S": (7.0, 7.5)}) is None
    # a structure that relaxes a little
    assert plausibility.moving_host(li, {"P": (0.2, 0.9)}) is None
    assert "Na by 3.2 Å" in str(plausibility.moving_host(li, {"P": (0.2, 0.2), "Na": (3.0, 10.0)}))
    assert "exchanged" in str(plausibility.moving_host({"O": 0.1}, {"Li": (10.0, 30.0)}))
    # ions that only vibrate, with less amplitude than oxygen
    assert plausibility.moving_host({"Li+": 0.05}, {"Zr": (0.04, 0.04), "O": (0.2, 0.2)}) is None


# ---- runs ---------------------------------------------------------------------------------


def said(run):
    return [
        t
        for t in run.results.warnings
        if not known(t) and "steps exceed" not in t and t != ONE_EVENT
    ]


@pytest.mark.slow
def test_nothing_is_said_of_the_shipped_liquid(liquid_run):
    assert said(liquid_run) == []
    assert said(shells(hysteresis=0.6, persistence=5.0)) == []


def test_nothing_is_said_of_the_shipped_polymer():
    u = datasets.polymer()
    lithium = IonSpecies(
        u.select_atoms("resname LI"),
        charge=1,
        name="Li+",
        microstates=CutoffShell(
            2.9,
            hysteresis=0.6,
            persistence=8.0,
            polymer=u.select_atoms("resname PEO and element O"),
            anion=u.select_atoms("resname TFS and element O"),
        ),
        events=PolymerEvents(),
    )
    tfsi = IonSpecies(u.select_atoms("resname TFS"), charge=-1, name="TFSI-", compound="residues")
    assert said(OnsagerDecomposition([lithium, tfsi], temperature=480).run(stop=400)) == []


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [500, 800])
def test_nothing_is_said_of_the_shipped_garnet(temperature):
    u = datasets.crystal(temperature)
    sites = SiteAssignment.from_cif(
        datasets.path("crystal") / "llzo.cif", species="Li", framework=u.select_atoms("element Zr")
    )
    lithium = u.select_atoms("element Li")
    ions = IonSpecies(lithium, charge=1, name="Li+", microstates=sites, events=CrystalEvents())
    # half a nanosecond, every eighth frame, and 20 ps of all
    for frames in ({"step": 8}, {"stop": 200}):
        run = OnsagerDecomposition([ions], temperature=temperature, resolutions=None)
        assert said(run.run(**frames)) == []
    shell = CutoffShell(3.06, oxygen=u.select_atoms("element O"))
    ions = IonSpecies(lithium, charge=1, name="Li+", microstates=shell, events=SolvationEvents())
    run = OnsagerDecomposition([ions], temperature=temperature, frame="framework")
    assert said(run.run(stop=300)) == []


def test_nothing_is_said_of_a_crystal_with_velocities():
    assert said(crystal(temperature=330, velocities=330)) == []
    assert said(crystal("laboratory", temperature=330, velocities=330)) == []
    assert said(crystal(host=0.3)) == []


def test_the_same_is_found_on_every_backend():
    found = [
        said(shells({"solvent": 6.5, "anion": 2.9}, run={"backend": name, "n_workers": 2}))
        for name in ("serial", "multiprocessing")
    ]
    assert found[0] == found[1] != []


def test_velocities_are_read_from_files(tmp_path):
    u = make_universe(lattice(), names=["Li"] * 8 + ["Zr"] * 27, masses=[6.94] * 8 + [91.2] * 27)
    path = tmp_path / "ions.trr"
    rng = np.random.default_rng(0)
    with mda.Writer(str(path), 35) as writer:
        for ts in u.trajectory:
            ts.has_velocities = True
            ts.velocities = rng.normal(size=(35, 3)) * np.sqrt(
                500 / K_PER_UNIT / u.atoms.masses[:, None]
            )
            writer.write(u.atoms)
    u.load_new(str(path))
    ions = IonSpecies(u.select_atoms("name Li"), charge=1, name="Li+")
    run = OnsagerDecomposition([ions], temperature=300, frame="framework").run()
    (text,) = said(run)
    found = float(re.search(r"in the trajectory, (\d+) K", text)[1])
    assert found == pytest.approx(500, rel=4 * np.sqrt(2 / (3 * 35 * 25)))
    assert said(OnsagerDecomposition([ions], temperature=500, frame="framework").run()) == []


def test_single_ions_tell_the_temperature_among_molecules():
    u = make_universe(
        np.zeros((3, 5, 3)), residue=[0, 0, 0, 1, 2], masses=[1.0, 1.0, 16.0, 7.0, 0.0]
    )
    sample = TemperatureSample.of(u)
    assert sample.free
    assert sample.atoms.tolist() == [3]
    bonded = make_universe(
        np.zeros((3, 4, 3)), residue=[0, 0, 0, 0], masses=[1.0, 1.0, 16.0, 7.0],
        bonds=[(0, 2), (1, 2)],
    )  # fmt: skip
    assert TemperatureSample.of(bonded).atoms.tolist() == [3]
    unknown = make_universe(np.zeros((3, 4, 3)), residue=[0, 0, 0, 0], masses=[1.0] * 4)
    assert not TemperatureSample.of(unknown).free


def test_a_detector_of_the_users_own_is_looked_at_too():
    """Nothing but `contacts` is asked of it, and its radii may be called anything."""

    class Odd(CutoffShell):
        def contacts(self, frame):
            found = super().contacts(frame)
            keep = np.zeros(len(found.carrier), dtype=bool)
            return type(found)(found.carrier[keep], found.ligand[keep], found.inner[keep])

    u = datasets.liquid()
    ions = IonSpecies(
        u.select_atoms("resname LI"),
        charge=1,
        name="Li+",
        microstates=Odd(2.8, solvent=u.select_atoms("resname ACN and element N")),
        events=SolvationEvents(),
    )
    with pytest.warns(UserWarning, match="shells of Li\\+ are nearly empty"):
        OnsagerDecomposition([ions], temperature=330, frame="laboratory").run(stop=50)


def test_sites_that_are_never_left():
    """Ions that vibrate on their sites: sites, not shells, do not change."""
    u = make_universe(
        lattice(carriers_walk=0.02),
        (18, 18, 18, 90, 90, 90),
        names=["Li"] * 8 + ["Zr"] * 27,
        masses=[6.94] * 8 + [91.2] * 27,
    )
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) / 3
    host = u.select_atoms("name Zr")
    sites = SiteAssignment.from_structure(
        grid + 1 / 6, ["a"] * 27, framework=host, framework_fractional=grid
    )
    ions = IonSpecies(
        u.select_atoms("name Li"), charge=1, name="Li+", microstates=sites, events=CrystalEvents()
    )
    with pytest.warns(UserWarning, match="no Li\\+ changes its site in the whole run"):
        OnsagerDecomposition([ions], temperature=300).run()


def test_many_carriers_are_sampled_by_some_of_them():
    """g(r) of 200 of 450 carriers places the cutoff as that of all would."""
    rng = np.random.default_rng(6)
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)[:450]
    ions = 8.0 * grid + brownian(rng, 40, 450, 0.0005, 1.0)
    along = np.array([1.0, 0, 0])
    ligands = np.concatenate([ions + 2 * along, ions + 4 * along], axis=1)
    ligands = ligands + rng.normal(scale=0.1, size=ligands.shape)
    u = make_universe(np.concatenate([ions, ligands], axis=1), (64, 64, 64, 90, 90, 90))

    def run(cutoff):
        one = IonSpecies(
            u.atoms[:450], charge=1, name="ion", microstates=CutoffShell(cutoff, a=u.atoms[450:])
        )
        return said(
            OnsagerDecomposition(
                [one], temperature=300, frame="laboratory", windows=[1.0], resolutions=None
            ).run()
        )

    assert not any("peak" in text for text in run(2.6))
    assert any("beyond the second peak" in text for text in run(4.5))


@pytest.mark.slow
def test_warnings_reach_the_report(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = shells({"solvent": 6.5, "anion": 2.9})
    page = tmp_path / "report.html"
    run.results.report(page)
    assert "beyond the second peak" in page.read_text()


def test_warnings_point_at_the_line_of_the_user():
    with pytest.warns(UserWarning, match="nearly empty") as caught:
        shells(1.5)
    place = {w.filename for w in caught if "nearly empty" in str(w.message)}
    assert place == {plausibility_table.__file__}
