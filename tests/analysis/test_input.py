"""Bad input is refused with the argument, the value and the remedy."""

import MDAnalysis as mda
import numpy as np
import pytest
from MDAnalysis.transformations.nojump import NoJump

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell

from .. import error_table
from ..builders import brownian, make_universe


@pytest.fixture
def universe():
    rng = np.random.default_rng(0)
    positions = brownian(rng, 40, 6, 0.05, 1.0) + 15.0
    return make_universe(positions, names=list("PPPMMM"), masses=[7.0] * 3 + [35.0] * 3)


def ions(universe, **options):
    return IonSpecies(universe.atoms, **({"charge": 1, "name": "ion"} | options))


def analysis(universe, **options):
    options = {"temperature": 300.0, "frame": "laboratory"} | options
    return OnsagerDecomposition([ions(universe)], **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"charge": "one"}, r"charge of species 'ion' must be one number .* got 'one'"),
        ({"charge": [1, -1]}, r"got \[1, -1\]; split carriers of different charge"),
        ({"charge": np.nan}, "charge of species 'ion' must be finite"),
        (
            {"compound": "chains"},
            "compound of species 'ion' must be None or one of .* got 'chains'",
        ),
        ({"compound": "fragments"}, "compound='fragments' of species 'ion' needs bonds"),
        ({"compound": "molecules"}, "needs molecule numbers"),
        ({"name": ""}, "name must be a non-empty string"),
        ({"events": SolvationEvents()}, "species 'ion' has an event rule but no detector"),
    ],
)
def test_species(universe, options, message):
    with pytest.raises(InputError, match=message):
        ions(universe, **options)


def test_selections(universe):
    with pytest.raises(InputError, match="atoms of species 'Na' is an empty AtomGroup"):
        IonSpecies(universe.select_atoms("name NA"), charge=1, name="Na")
    with pytest.raises(InputError, match="is an updating AtomGroup"):
        IonSpecies(universe.select_atoms("name P", updating=True), charge=1, name="P")
    with pytest.raises(InputError, match=r"holds an atom more than once; pass atoms.unique"):
        IonSpecies(universe.atoms[[0, 1, 1]], charge=1, name="P")
    with pytest.raises(TypeError, match="must be an MDAnalysis AtomGroup, got str"):
        IonSpecies("name P", charge=1, name="P")
    with pytest.raises(InputError, match="ligand type 'solvent' is an empty AtomGroup"):
        CutoffShell(2.0, solvent=universe.select_atoms("name NA"))


def test_species_together(universe):
    first = IonSpecies(universe.atoms[:4], charge=1, name="a")
    second = IonSpecies(universe.atoms[3:], charge=-1, name="b")
    with pytest.raises(InputError, match="species 'a' and 'b' overlap in atom index 3"):
        OnsagerDecomposition([first, second], temperature=300)
    with pytest.raises(InputError, match=r"species names must differ, got \['a', 'a'\]"):
        OnsagerDecomposition([first, first], temperature=300)
    with pytest.raises(InputError, match="species is empty"):
        OnsagerDecomposition([], temperature=300)
    with pytest.raises(TypeError, match="species must be IonSpecies, got AtomGroup"):
        OnsagerDecomposition([universe.atoms], temperature=300)
    other = IonSpecies(universe.copy().atoms[4:], charge=-1, name="c")
    with pytest.raises(InputError, match="species 'c' holds atoms of another universe"):
        OnsagerDecomposition([first, other], temperature=300)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0}, "temperature must be a number above 0 in K, got 0"),
        ({"temperature": -5}, "temperature must be a number above 0 in K, got -5"),
        ({"temperature": None}, "temperature must be a number above 0 in K, got None"),
        ({"windows": "linear"}, "windows must be 'log' or times in ps, got 'linear'"),
        ({"windows": [1.0, 0.0]}, "windows must be a number above 0 in ps, got "),
        ({"windows": []}, "windows is empty"),
        ({"axes": "xx"}, r"axes must name the directions x, y and z once each, .* got 'xx'"),
        ({"axes": "abc"}, r"axes must name the directions .* got 'abc'"),
        ({"unwrap": "maybe"}, "unwrap must be 'auto', True or False, got 'maybe'"),
        ({"level": 68}, "level must lie between 0 and 1, e.g. 0.68, got 68"),
        ({"dt": 0}, "dt must be a number above 0 in ps"),
        ({"resolutions": "linear"}, "resolutions must be 'log' or times in ps, got 'linear'"),
        ({"horizons": [1.0, -1.0]}, "horizons must be a number above 0 in ps, got "),
        ({"projection": "sites"}, r"projection must be one of .* got 'sites'"),
        ({"projection": "site"}, "projection='site' needs a species with microstates=SiteAss"),
        ({"memory": "4"}, r"memory must be a size of 1 MB or more, .* got '4'"),
    ],
)
def test_arguments(universe, options, message):
    with pytest.raises(InputError, match=message):
        analysis(universe, **options)


def test_windows_are_rounded_and_said(universe):
    run = analysis(universe, windows=[1.0, 2.4, 2.3, 6]).run()
    np.testing.assert_allclose(run.results.decomposition["window"], [1.0, 2.0, 6.0])
    assert "window of 2.4 ps rounded to 2 ps, 2 frames of 1 ps" in run.results.warnings
    with pytest.raises(InputError, match=r"windows holds 50 ps, longer than the 39 ps analysed"):
        analysis(universe, windows=[50.0]).run()


def test_horizons_must_be_whole_numbers_of_resolutions(universe):
    with pytest.raises(InputError, match=r"no horizon of \[5.\] ps is a whole multiple of a reso"):
        analysis(universe, resolutions=[3.0], horizons=[5.0]).run()
    with pytest.raises(InputError, match=r"horizons holds 50 ps, longer than the 39 ps analysed"):
        analysis(universe, horizons=[50.0]).run()
    with pytest.raises(InputError, match="this run has no path and slope views to recommend"):
        analysis(universe, resolutions=None).run().results.recommend()


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_too_few_frames(universe, stop):
    plural = "" if stop == 1 else "s"
    with pytest.raises(InputError, match=f"has {stop} frame{plural}; three or more are needed"):
        analysis(universe).run(stop=stop)


def test_no_cell_or_none_worth_the_name():
    flat = make_universe(np.zeros((5, 2, 3)), np.zeros(6))
    with pytest.raises(InputError, match=r"frame 0 has no cell: .*set_dimensions"):
        analysis(flat).run()
    broken = make_universe(np.zeros((5, 2, 3)), (20, 20, 20, 90, 90, np.nan))
    with pytest.raises(InputError, match=r"frame 0 has .* cell"):
        analysis(broken).run()


def test_positions_that_are_not_numbers(universe):
    positions = np.stack([ts.positions.copy() for ts in universe.trajectory])
    positions[23, 4, 1] = np.nan
    spoiled = make_universe(positions)
    with pytest.raises(InputError, match="frame 23 has no finite position for atom index 4"):
        analysis(spoiled).run()


def test_nojump_is_refused(universe, tmp_path):
    path = tmp_path / "p.xtc"
    universe.atoms.write(str(path), frames="all")
    universe.load_new(str(path))
    universe.trajectory.add_transformations(NoJump())
    with pytest.raises(InputError, match="carries the transformation NoJump"):
        analysis(universe)


def test_charges_that_do_not_sum_to_zero_are_said(universe):
    with pytest.warns(UserWarning, match=r"charges of the listed species sum to \+6 e"):
        run = analysis(universe).run()
    assert any("sum to +6 e" in text for text in run.results.warnings)


def test_nothing_before_a_run(universe, tmp_path):
    for call in ("plain", "events"):
        with pytest.raises(InputError, match=r"needs a finished run: call .run"):
            getattr(analysis(universe), call)()
    with pytest.raises(InputError, match="needs a finished run"):
        analysis(universe).save(tmp_path / "x.nc")


def test_a_species_that_never_moves_is_said_and_counts_for_nothing():
    rng = np.random.default_rng(2)
    positions = np.full((60, 6, 3), 4.0)
    positions[:, :3] += brownian(rng, 60, 3, 0.05, 1.0)
    still = make_universe(positions, names=list("PPPMMM"))
    species = [
        IonSpecies(still.atoms[:3], charge=1, name="+"),
        IonSpecies(still.atoms[3:], charge=-1, name="-"),
    ]
    run = OnsagerDecomposition(species, temperature=300, frame="laboratory")
    with pytest.warns(UserWarning, match="no carrier of - moves"):
        data = run.run().results.decomposition
    assert float(data["residual"].max()) < 1e-13
    assert np.all(data["onsager"].sel(species="-") == 0)
    assert np.all(np.isnan(data["share"].sel(species="-")))
    assert any("shares of - are undefined" in text for text in run.results.warnings)


@pytest.mark.parametrize("ending", ["xtc", "dcd", "lammpsdump"])
def test_a_torn_file_is_used_only_when_the_user_says_so(ending, tmp_path):
    universe = error_table.with_file(tmp_path, ending)
    n_whole = universe.trajectory.n_frames
    dt = 1.0 if ending == "lammpsdump" else None  # the others hold their times
    with pytest.raises(InputError, match=f"run\\(stop={n_whole}\\)"):
        analysis(universe, dt=dt).run()
    run = analysis(universe, dt=dt).run(stop=n_whole)
    assert run.results.settings["n_frames"] == n_whole


def test_a_whole_file_is_not_taken_for_a_torn_one(universe, tmp_path):
    from mda_ionmech.trajectory.completeness import check_complete

    for ending in ("xtc", "trr", "dcd"):
        path = tmp_path / f"whole.{ending}"
        with mda.Writer(str(path), 6) as writer:
            for _ in universe.trajectory:
                writer.write(universe.atoms)
        copy = mda.Universe(universe._topology.copy())
        copy.load_new(str(path))
        check_complete(copy.trajectory)
    check_complete(datasets.liquid().trajectory)


def test_datasets_by_name():
    assert datasets.list() == ("liquid", "crystal", "polymer", "melt")
    facts = datasets.describe("liquid")
    assert any("10.1021" in c or "Jorgensen" in c for c in facts["force_field"])
    universe = datasets.load("liquid")
    assert isinstance(universe, mda.Universe)
    assert set(universe.select_atoms("element S").resnames) == {"TFS"}
    assert universe.atoms.total_mass() == pytest.approx(13789.048, abs=1e-3)
    with pytest.raises(
        InputError,
        match="dataset 'gas' is not shipped; the names are liquid, crystal, polymer, melt",
    ):
        datasets.load("gas")
    assert datasets.crystal(500).trajectory.n_frames == 5001
    assert set(datasets.crystal().atoms.elements) == {"Li", "La", "Zr", "O"}
    with pytest.raises(InputError, match="temperature=700: dataset 'crystal' holds 500, 600, 800"):
        datasets.crystal(700)
    sizes = [p.stat().st_size for n in datasets.list() for p in datasets.path(n).iterdir()]
    assert max(sizes) < 6_000_000
    assert sum(sizes) < 40_000_000
