"""Coordination numbers of a result beside counts in plain loops, and their intervals."""

from collections import Counter

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, combine, plotting
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell

from ..builders import make_universe
from ..site_lattices import hopping_run

N_IONS, N_PAIRS, N_SOLVENT, N_FRAMES, EDGE = 4, 6, 20, 500, 12.0
CUTOFF = 3.5


def drawn():
    """Positions (frames, atoms, 3) drawn anew in every frame, so that frames are independent."""
    rng = np.random.default_rng(8)
    ions = rng.uniform(0, EDGE, (N_FRAMES, N_IONS, 3))
    first = rng.uniform(0, EDGE, (N_FRAMES, N_PAIRS, 3))
    second = first + rng.normal(0, 0.5, first.shape)
    pairs = np.stack([first, second], axis=2).reshape(N_FRAMES, 2 * N_PAIRS, 3)
    solvent = rng.uniform(0, EDGE, (N_FRAMES, N_SOLVENT, 3))
    return np.concatenate([ions, pairs, solvent], axis=1)


@pytest.fixture(scope="module")
def positions():
    return drawn()


@pytest.fixture(scope="module")
def run(positions):
    n = N_IONS + N_PAIRS + N_SOLVENT
    universe = make_universe(
        positions, [EDGE] * 3 + [90.0] * 3,
        names=["LI"] * N_IONS + ["F"] * 2 * N_PAIRS + ["O"] * N_SOLVENT,
        residue=np.concatenate([
            np.arange(N_IONS), N_IONS + np.repeat(np.arange(N_PAIRS), 2),
            np.arange(N_IONS + N_PAIRS, n),
        ]),
    )  # fmt: skip
    shells = CutoffShell(
        CUTOFF, solvent=universe.select_atoms("name O"), anion=universe.select_atoms("name F")
    )
    ions = IonSpecies(
        universe.select_atoms("name LI"), charge=1, name="Li+", microstates=shells,
        events=SolvationEvents(),
    )  # fmt: skip
    still = IonSpecies(universe.select_atoms("name F and index 4"), charge=-1, name="F-")
    options = {"unwrap": False, "windows": [1.0, 4.0], "resolutions": [1.0], "horizons": [4.0]}
    return OnsagerDecomposition(
        [ions, still], temperature=300.0, frame="laboratory", **options
    ).run()


def counted(positions):
    """Numbers of (type, what is counted) of every ion in every frame."""
    out = {}
    for frame in positions:
        for ion in frame[:N_IONS]:
            step = frame - ion
            near = np.linalg.norm(step - EDGE * np.rint(step / EDGE), axis=1) < CUTOFF
            anions = [k for k in range(N_IONS, N_IONS + 2 * N_PAIRS) if near[k]]
            solvent = [k for k in range(N_IONS + 2 * N_PAIRS, len(frame)) if near[k]]
            molecules = {(k - N_IONS) // 2 for k in anions}
            for key, number in {
                ("anion", "atoms"): len(anions),
                ("anion", "molecules"): len(molecules),
                ("solvent", "atoms"): len(solvent),
                ("solvent", "molecules"): len(solvent),
                ("all", "atoms"): len(anions) + len(solvent),
                ("all", "molecules"): len(molecules) + len(solvent),
            }.items():
                out.setdefault(key, Counter())[number] += 1
    return out


def test_fractions_are_those_of_plain_loops(run, positions):
    table = run.results.coordination().sort_index()
    expected = counted(positions)
    keys = {(ligands, what) for ligands, what, _ in table.index}
    assert keys == set(expected)
    for (ligands, what), numbers in expected.items():
        one = table.loc[(ligands, what), "fraction"]
        total = sum(numbers.values())
        for number, fraction in one.items():
            assert fraction == pytest.approx(numbers[number] / total, rel=1e-12)
        assert one.sum() == pytest.approx(1)
        mean = sum(n * k for n, k in numbers.items()) / total
        value, low, high = table.attrs["mean"][ligands, what]
        assert value == pytest.approx(mean, rel=1e-12)
        assert low < value < high


def test_intervals_of_independent_frames_are_those_of_their_scatter(run):
    """The standard error of a mean of independent frames, known within a fifth of itself."""
    table = run.results.coordination().sort_index()
    for ligands, what, number in table.index:
        fraction, low, high = table.loc[ligands, what, number]
        n = N_FRAMES * N_IONS
        if n * fraction * (1 - fraction) < 50:
            continue
        expected = np.sqrt(fraction * (1 - fraction) / n)
        assert (high - low) / 2 == pytest.approx(expected, rel=0.5)


def test_the_figure_shows_the_table(run):
    ax = plotting.coordination(run.results)
    heights = {bars.get_label(): sum(one.get_height() for one in bars) for bars in ax.containers
               if hasattr(bars, "patches")}  # fmt: skip
    table = run.results.coordination()
    mean = table.attrs["mean"]
    assert set(heights) == {f"{t}: {mean[t, 'atoms'][0]:.2f}" for t in ("solvent", "anion")}
    assert all(h == pytest.approx(1) for h in heights.values())
    assert "coordination" in plotting.figures(run.results)
    plotting.close(ax)


def stretch(run, start, stop):
    """A run of the same system on a part of the frames."""
    part = OnsagerDecomposition(
        run.species, temperature=300.0, frame="laboratory", unwrap=False, windows=[1.0, 4.0],
        resolutions=[1.0], horizons=[4.0],
    )  # fmt: skip
    return part.run(start=start, stop=stop).results


@pytest.mark.slow
def test_what_has_no_shells_is_refused(run):
    with pytest.raises(InputError, match="species F- has no coordination shells: give IonSpecies"):
        run.results.coordination(species="F-")
    with pytest.raises(InputError, match="is not in this result"):
        run.results.coordination(species="Na+")
    sites = hopping_run().results  # whose detector lists the framework
    with pytest.raises(InputError, match="are no shells of ligands"):
        sites.coordination()
    assert "coordination" not in plotting.figures(sites)
    both = combine([stretch(run, 0, 250), stretch(run, 250, N_FRAMES)])
    with pytest.raises(InputError, match="holds no states, as combined ones do not"):
        both.coordination()
    assert "coordination" not in plotting.figures(both)


def test_a_type_that_is_called_all_is_one_type(positions):
    universe = make_universe(
        positions[:60], [EDGE] * 3 + [90.0] * 3,
        names=["LI"] * N_IONS + ["F"] * 2 * N_PAIRS + ["O"] * N_SOLVENT,
    )  # fmt: skip
    atoms = {"all": universe.select_atoms("name O"), "anion": universe.select_atoms("name F")}
    ions = IonSpecies(
        universe.select_atoms("name LI"), charge=1, name="Li+",
        microstates=CutoffShell(CUTOFF, **atoms),
    )  # fmt: skip
    run = OnsagerDecomposition(
        [ions], temperature=300.0, frame="laboratory", unwrap=False, windows=[1.0]
    ).run()
    table = run.results.coordination()
    expected = counted(positions[:60])["solvent", "atoms"]
    total = sum(expected.values())
    mean = sum(n * k for n, k in expected.items()) / total
    assert table.attrs["mean"]["all", "atoms"][0] == pytest.approx(mean, rel=1e-12)
    ax = plotting.coordination(run.results)
    assert f"all: {mean:.2f}" in [bars.get_label() for bars in ax.containers]
    plotting.close(ax)
