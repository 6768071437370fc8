"""g(r) of a result beside counts in plain loops, and its figures."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, combine, load, plotting
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.report.charts.coordination import radial_distribution as drawn_in_report
from mda_ionmech.report.reading import Reading
from mda_ionmech.report.state_frames import radial_distribution, shell_radii
from mda_ionmech.results.schema import check_schema

from ..builders import make_universe
from ..site_lattices import hopping_run

#: Atoms drawn anew in every frame are implausible.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

N_IONS, N_ANIONS, N_SOLVENT, N_FRAMES, EDGE = 4, 12, 20, 200, 12.0
INNER, OUTER = 3.5, 4.0
REACH = 0.499 * EDGE


@pytest.fixture(scope="module")
def positions():
    """Shape (frames, atoms, 3): drawn anew in every frame, so that g(r) is one."""
    atoms = N_IONS + N_ANIONS + N_SOLVENT
    return np.random.default_rng(11).uniform(0, EDGE, (N_FRAMES, atoms, 3)).astype(np.float32)


def analysis(positions, cutoff=INNER):
    names = ["LI"] * N_IONS + ["F"] * N_ANIONS + ["O"] * N_SOLVENT
    universe = make_universe(positions, [EDGE] * 3 + [90.0] * 3, names=names)
    shells = CutoffShell(
        cutoff, hysteresis=OUTER - INNER, solvent=universe.select_atoms("name O"),
        anion=universe.select_atoms("name F"),
    )  # fmt: skip
    ions = IonSpecies(universe.select_atoms("name LI"), charge=1, name="Li+", microstates=shells)
    others = IonSpecies(universe.select_atoms("name F"), charge=-1, name="F-")
    options = {"unwrap": False, "windows": [1.0], "resolutions": None, "horizons": None}
    return OnsagerDecomposition([others, ions], temperature=300.0, frame="laboratory", **options)


@pytest.fixture(scope="module")
def results(positions):
    return analysis(positions).run().results


def pair_distances(positions, first, last):
    """Distances of ions and the atoms from first to last, in the sampled frames, in plain loops."""
    out = []
    for k in np.unique(np.linspace(0, N_FRAMES - 1, 25).astype(int)):
        frame = positions[k].astype(float)
        for ion in frame[:N_IONS]:
            step = frame[first:last] - ion
            out.append(np.linalg.norm(step - EDGE * np.rint(step / EDGE), axis=1))
    return np.concatenate(out)


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [("anion", N_IONS, N_IONS + N_ANIONS), ("solvent", N_IONS + N_ANIONS, None)],
)
def test_numbers_within_and_g_are_those_of_plain_loops(results, positions, kind, first, last):
    table = results.radial_distribution()
    one = table.loc[kind]
    far = one.index.to_numpy() + 0.01
    distance = pair_distances(positions, first, last)
    of_ions = 25 * N_IONS
    expected = [(distance < edge).sum() / of_ions for edge in far]
    assert far[-1] == pytest.approx(REACH, abs=0.02)
    # a distance within float32 of an edge may be counted on its other side
    assert one["number_within"].to_numpy() == pytest.approx(np.array(expected), abs=2 / of_ions)
    n_atoms = N_ANIONS if kind == "anion" else N_SOLVENT
    shells = 4 / 3 * np.pi * (far**3 - (far - 0.02) ** 3)
    counted = np.diff(one["number_within"], prepend=0) / (n_atoms / EDGE**3 * shells)
    assert one["g"].to_numpy() == pytest.approx(counted, rel=1e-4, abs=1e-4)
    # independent positions: g(r) is 1 within its standard error, of all that is beyond 2 A
    beyond = one.index > 2.0
    pairs = n_atoms * of_ions * 4 / 3 * np.pi * (far[-1] ** 3 - 8) / EDGE**3
    mean = np.average(one["g"][beyond], weights=shells[beyond])
    assert mean == pytest.approx(1, abs=4 / np.sqrt(pairs))
    assert (one["error"] > 0).all()


def test_the_radii_of_the_contacts_are_with_it(results):
    attrs = results.radial_distribution(species="Li+").attrs
    assert attrs["radii"] == {"solvent": (INNER, OUTER), "anion": (INNER, OUTER)}
    assert attrs["frames"] == {"solvent": 25, "anion": 25}


def test_it_is_in_the_file(results, tmp_path):
    check_schema(results.tree)
    results.save(tmp_path / "run.nc")
    again = load(tmp_path / "run.nc").radial_distribution()
    assert again.equals(results.radial_distribution())
    assert again.attrs == results.radial_distribution().attrs


def test_cutoffs_that_were_found_lie_on_the_g_of_their_own_frames(liquid_run):
    shell = liquid_run.species[0].microstates
    table = liquid_run.results.radial_distribution(species="Li+")
    assert list(table.attrs["frames"]) == list(shell.ligand_types)
    for kind, found in shell.distributions.items():
        assert table.attrs["frames"][kind] == found.n_frames
        assert table.loc[kind, "g"].to_numpy() == pytest.approx(found.g, rel=1e-5)
        assert table.loc[kind].index.to_numpy() == pytest.approx(found.r, abs=1e-9)


def test_the_figure_shows_the_table(results):
    table = results.radial_distribution()
    ax = plotting.radial_distribution(results)
    pale = [line for line in ax.lines if line.get_alpha() is not None]
    for line, kind in zip(pale, ("solvent", "anion"), strict=True):
        assert line.get_ydata() == pytest.approx(table.loc[kind, "g"].to_numpy())
    upright = sorted(line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2)
    assert upright == [INNER, INNER, OUTER, OUTER]
    within = np.interp(INNER, table.loc["anion"].index + 0.01, table.loc["anion", "number_within"])
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words[1] == f"anion, 25 frames:\n{within:.2f} atoms within 3.50 Å"
    plotting.close(ax)


def test_rows_of_the_report_are_those_of_the_table(results):
    table = results.radial_distribution()
    rows = radial_distribution(table, "g").rows
    for (ligands, r), row, of_report in zip(table.index, table.to_numpy(), rows, strict=True):
        assert of_report == [f"ligand:{ligands}", ligands, r, *row]
    radii = shell_radii(table, "radii")
    assert [row[2:] for row in radii.rows] == [["forms below", INNER], ["breaks beyond", OUTER]] * 2
    chart = drawn_in_report(
        Reading.of(results, None), "Li+", radial_distribution(table, "g"), radii
    )
    assert [key.label for key in chart.legend] == ["solvent", "anion"]


@pytest.mark.slow
def test_what_has_no_shells_is_refused(results, positions):
    with pytest.raises(InputError, match=r"F-.* shell of ligands"):
        results.radial_distribution(species="F-")
    sites = hopping_run().results
    with pytest.raises(InputError, match=r"holds no g\(r\): it is stored for species with shells"):
        sites.radial_distribution()
    assert "radial-distribution" not in plotting.figures(sites)
    parts = [analysis(positions[:100]).run().results, analysis(positions[100:]).run().results]
    with pytest.raises(InputError, match=r"holds no g\(r\)"):
        combine(parts).radial_distribution()
