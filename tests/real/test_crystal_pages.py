"""The tables of the page on crystals are those of the shipped garnet at 800 K."""

import numpy as np
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import CutoffShell, HullShell, SiteAssignment

from ..test_docs import rows

pytestmark = pytest.mark.slow

WINDOWS = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0]


def analysis(rule=None, *, windows=(0.5,), **options):
    universe = datasets.crystal(800)
    if options.get("assignment") == "polyhedron":
        options["vertices"] = universe.select_atoms("element O")
    lithium = IonSpecies(
        universe.select_atoms("element Li"),
        charge=1,
        name="Li+",
        microstates=SiteAssignment.from_cif(
            datasets.path("crystal") / "llzo.cif",
            species="Li",
            framework=universe.select_atoms("element Zr"),
            **options,
        ),
        events=rule or CrystalEvents(),
    )
    return OnsagerDecomposition(
        [lithium], temperature=800.0, windows=windows, resolutions=None
    ).run()


def shares(results, window=0.5):
    """Linked hops, exclusion gas, circular null, as the page gives them."""
    data = results.decomposition.sel(species="Li+").sel(window=window, method="nearest")
    names = ("multi_fraction", "multi_fraction_exclusion", "multi_fraction_circular")
    return [f"{float(data[name]):.2f}" for name in names]


@pytest.fixture(scope="module")
def cores():
    return analysis(windows=WINDOWS, r_core=0.6)


def concertedness(cores):
    data = cores.results.decomposition.sel(species="Li+")
    for window in WINDOWS:
        at = data.sel(window=window, method="nearest")
        beside = (at["largest_cluster_fraction"], at["multi_hop_fraction"])
        yield [f"{window:g}", *shares(cores.results, window), *(f"{float(x):.2f}" for x in beside)]


def assignments():
    for options in ({"r_core": 0.6}, {"assignment": "nearest"}, {"assignment": "polyhedron"}):
        run = analysis(**options)
        for persistence in (0.0, 0.3):
            results = run.relabelled(persistence) if persistence else run.results
            found = results.settings["species"][0]["microstates"]
            yield [
                f"`{options.get('assignment', 'core')}`",
                f"{persistence:g}" if persistence else "none",
                f"{found['occupancy']['24d']:.1f}",
                f"{found['hops'] / 56 / 0.5:.0f}",
                *shares(results),
            ]


def linkings(cores):
    yield ["`chain`", *shares(cores.results)]
    for linking, distance, lag in (
        ("proximity", 2.5, None), ("proximity", 2.5, 0.1), ("distance", 1.0, None),
        ("distance", 2.5, None),
    ):  # fmt: skip
        run = analysis(CrystalEvents(linking, distance, lag=lag), r_core=0.6)
        text = "" if lag is None else f", lag {lag:g} ps"
        yield [f"`{linking}`, {distance:g} A{text}", *shares(run.results)]


def test_concertedness_against_windows(cores):
    assert rows("concepts/crystals.md", "window (ps)") == list(concertedness(cores))


def test_hops_dated_by_entry_and_by_crossing(cores):
    crossing = analysis(windows=WINDOWS, r_core=0.6, hop_time="crossing")
    shown = rows("concepts/crystals.md", "dated, window (ps)")
    assert shown == [
        [f"{window:g}", *shares(cores.results, window)[:2], *shares(crossing.results, window)[:2]]
        for window in (0.1, 0.5, 2.0)
    ]
    # independent of the choice
    dates = cores.results.hop_dates().attrs
    assert dates == crossing.results.hop_dates().attrs
    assert dates["hops"] == 20420
    assert dates["mean_ps"] == pytest.approx(0.08, abs=0.005)
    assert dates["standard_deviation_ps"] == pytest.approx(0.09, abs=0.005)
    assert dates["width_ps"] == pytest.approx(0.2)
    assert dates["share_past_a_third_site"] == pytest.approx(0.02, abs=0.005)
    shared = [run.microstates["Li+"].report["sharing_a_site"] for run in (cores, crossing)]
    assert shared == pytest.approx([0.0044, 0.0009], abs=1e-4)


def test_hops_by_every_definition():
    from mda_ionmech.cli.demos import crystal_analysis

    results = crystal_analysis(datasets.crystal(800)).run().results
    table = results.hop_definitions()
    assert table.attrs["window_ps"] == pytest.approx(0.4)
    names = ("multi_fraction", "multi_fraction_exclusion", "multi_fraction_circular")
    assert rows("concepts/crystals.md", "definition") == [
        [
            f"`{name}`",
            "-" if np.isnan(line["core_radius"]) else f"{line['core_radius']:.2f}",
            *(f"{line[n]:.2f}" for n in names),
        ]
        for name, line in table.iterrows()
    ]


def test_hops_that_return():
    from mda_ionmech.cli.demos import crystal_analysis

    run = crystal_analysis(datasets.crystal(800)).run()
    table = run.split_by("return").summary()
    assert table.attrs["first_lag_ps"] == pytest.approx(1.6)
    hops = table[table.index.str.match("(single|multi)_ion_hop")]
    assert rows("concepts/crystals.md", "hops") == [
        [
            f"`{name}`",
            f"{row['count']:.0f}",
            f"{row['share']:.3f}",
            f"{row['share_low']:.3f} to {row['share_high']:.3f}",
        ]
        for name, row in hops.iterrows()
    ]
    with pytest.warns(
        UserWarning, match=r"are straight from 1\.6 ps on, .* from 0\.4 ps: .*split_by"
    ):
        short = run.results.summary(by="return")
    assert short.attrs["parts_straight_from_ps"] == pytest.approx(1.6)
    shares = [short.loc[(f"{kind}_ion_hop", True), "share"] for kind in ("single", "multi")]
    assert shares == pytest.approx([0.038, 0.132], abs=5e-4)
    # channels do not undo one another: the lags are those of the run
    assert run.split_by("channel").summary().attrs["first_lag_ps"] == pytest.approx(0.4)


def test_strings_of_hops(cores):
    table = cores.hop_strings()
    names = ("share", "exclusion", "circular")
    shown = rows("concepts/crystals.md", "longest time between hops (ps)")
    assert shown == [
        [
            f"{tau:g}",
            *(f"{table.loc[table.index[np.argmin(abs(table.index - tau))], n]:.2f}" for n in names),
            f"{table['mean_size'].iloc[np.argmin(abs(table.index - tau))]:.1f}",
        ]
        for tau in (0, 0.1, 0.4, 1.6, 6.4)
    ]


def test_clusters_are_small(cores):
    sizes = cores.hops(0.1)["n"].value_counts()
    shown = rows("concepts/crystals.md", "ions in the cluster")
    assert shown == [[str(n), str(sizes[n])] for n in range(1, int(sizes.index.max()) + 1)]


def test_assignments():
    assert rows("concepts/crystals.md", "assignment") == list(assignments())


def test_linkings(cores):
    assert rows("concepts/crystals.md", "linking") == list(linkings(cores))


def shells():
    universe = datasets.crystal(800)
    oxygen = universe.select_atoms("element O")
    detectors = {
        "`CutoffShell(2.6)`": CutoffShell(2.6, oxygen=oxygen),
        '`CutoffShell("rdf")`': CutoffShell(oxygen=oxygen),
        "`HullShell()`": HullShell(oxygen=oxygen),
    }
    for name, detector in detectors.items():
        lithium = IonSpecies(
            universe.select_atoms("element Li"), charge=1, name="Li+", microstates=detector
        )
        run = OnsagerDecomposition(
            [lithium], temperature=800.0, windows=[0.1], resolutions=None, frame="framework"
        ).run(stop=500)
        found = run.microstates["Li+"]
        size = np.diff(found.shells.offsets)[found.state]
        counts = np.bincount(size.ravel(), minlength=9) / size.size
        yield [
            name,
            f"{size.mean():.2f}",
            *(f"{x:.2f}" for x in (*counts[3:7], counts[7:].sum())),
            f"{found.report['changed_per_frame']:.2f}",
        ]


def test_shells_of_the_page_on_glasses():
    assert rows("concepts/glasses.md", "shell") == list(shells())
