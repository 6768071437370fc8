"""Every figure of a result: drawn, labelled, saved, with the data it claims."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, Results, datasets, plotting
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell
from mda_ionmech.plotting.style import log_times, new_axes
from mda_ionmech.results.colors import EVENT_COLORS, colors_of

from ..builders import brownian, make_universe


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.slow
def test_every_figure_draws_into_its_own_or_a_given_axes(liquid_run):
    for name, draw in plotting.figures(liquid_run.results, window=16.0).items():
        ax = draw()
        assert isinstance(ax, Axes), name
        assert ax.get_xlabel() or ax.get_xticklabels(), name
    ax = Figure().subplots()
    assert plotting.contributions(liquid_run.results, ax=ax) is ax
    assert liquid_run.results.plot(ax=Figure().subplots()) is not ax


def test_stacked_bars_add_up_to_the_total(liquid_run):
    ax = plotting.contributions(liquid_run.results)
    data = liquid_run.results.decomposition.sel(species="Li+", species_2="Li+")
    events = liquid_run.event_names(0)
    n = data.sizes["window"]
    # the bars of the windows, then those of the diffusive limit
    bars, limit = ax.patches[: len(events) * n], ax.patches[len(events) * n :]
    heights = np.array([p.get_height() for p in bars]).reshape(len(events), n)
    lines = [c.lines[0].get_ydata() for c in ax.containers if hasattr(c, "lines")]
    (total,) = [y for y in lines if len(y) == n]
    (last,) = [y for y in lines if len(y) == 1]
    assert sum(p.get_height() for p in limit) == pytest.approx(last[0], rel=1e-12)
    np.testing.assert_allclose(
        last[0] / total[0], data["diffusive_onsager"] / data["onsager"][0], rtol=1e-12
    )
    np.testing.assert_allclose(heights.sum(axis=0), total, rtol=1e-12)
    np.testing.assert_allclose(total / total[0], data["onsager"] / data["onsager"][0])
    hatched = np.array([p.get_hatch() is not None for p in bars]).reshape(len(events), n)
    np.testing.assert_array_equal(hatched, np.tile(data["blocks"].values < 10, (len(events), 1)))
    for k, event in enumerate(events):
        assert to_hex(ax.patches[k * n].get_facecolor()).upper() == EVENT_COLORS[event]


def test_intervals_that_are_not_known_have_no_bar(liquid_run):
    data = liquid_run.results.decomposition.sel(species="Li+", species_2="Li+")
    unknown = np.isnan(data["onsager_low"].values)
    assert 0 < unknown.sum() < len(unknown)
    ax = plotting.contributions(liquid_run.results)
    bars = next(one for one in ax.containers if isinstance(one, ErrorbarContainer)).lines[2][0]
    drawn = [len(one) == 2 and np.ptp(one[:, 1]) > 0 for one in bars.get_segments()]
    np.testing.assert_array_equal(drawn, ~unknown)


def test_contributions_are_percent_of_the_coefficient_at_long_times(liquid_run):
    ax = plotting.contributions(liquid_run.results)
    (last,) = [
        c.lines[0].get_ydata() for c in ax.containers
        if hasattr(c, "lines") and len(c.lines[0].get_ydata()) == 1
    ]  # fmt: skip
    assert last[0] == pytest.approx(1.0, rel=1e-12)
    total = float(liquid_run.results.decomposition["diffusive_onsager"][0, 0])
    exponent = int(np.floor(np.log10(total)))
    (said,) = [t.get_text() for t in ax.texts if "100% is" in t.get_text()]
    assert f"100% is {total / 10.0**exponent:.3g} (" in said
    assert "at long times" in said


def test_what_never_occurs_is_left_out(liquid_run):
    results = liquid_run.results
    tree = results.tree.copy(deep=True)
    data = tree["transitions"].to_dataset()
    gone = {"macrostate_start": "AGG"}
    data["population"].loc[gone] = 0.0
    data["transition_count"].loc[gone | {"macrostate_end": "SSIP"}] = 0.0
    data["transition_count"].loc[{"macrostate_start": "CIP", "macrostate_end": "SSIP"}] = 0.0
    tree["transitions"] = data
    changed = Results(tree)
    ax = plotting.populations(changed)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["SSIP", "CIP"]
    shown = np.asarray(plotting.transitions(changed, window=16.0).images[0].get_array())
    assert np.isnan(shown).tolist() == [[False, False], [True, False]]


@pytest.mark.slow
def test_legends_cover_nothing(liquid_run):
    for name, draw in plotting.figures(liquid_run.results, window=16.0).items():
        ax = draw()
        legend = ax.get_legend()
        if legend is not None:
            ax.figure.canvas.draw()
            inside, drawn = legend.get_window_extent(), ax.get_window_extent()
            assert inside.x0 >= drawn.x1 - 1, name
            assert inside.x1 <= ax.figure.bbox.x1 + 1, name


def test_words_of_files_can_be_edited(liquid_run, tmp_path):
    path = plotting.save(plotting.shares(liquid_run.results), tmp_path / "shares.svg")
    text = path.read_text("utf-8")
    assert ">Shares of Li+ transport by event</text>" in text
    assert "solvent_exchange</text>" in text


def test_matrix_rows_sum_to_the_shares(liquid_run):
    ax = plotting.event_matrix(liquid_run.results, window=16.0)
    shown = ax.images[0].get_array()
    share = liquid_run.results.summary(16.0)["share"]
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert set(share.index) - set(names) == set(share.index[share == 0])
    share = share[names]
    np.testing.assert_allclose(np.asarray(shown).sum(axis=1), share, atol=1e-12)


def test_the_map_shows_shares_over_resolution_and_horizon(liquid_run):
    results = liquid_run.results
    ax = plotting.view_map(results, event="vehicular")
    shown = np.asarray(ax.images[0].get_array())
    table = results.summary(view="slope", resolution=4.0, horizon=32.0)
    assert shown[2, 5] == pytest.approx(table.loc["vehicular", "share"], rel=1e-10)
    assert np.isnan(shown[5, 2])
    with pytest.raises(InputError, match=r"event='hop' is not in this result; it holds \['vehic"):
        plotting.view_map(results, event="hop")
    with pytest.raises(InputError, match="view must be 'path' or 'slope', got 'window'"):
        plotting.view_map(results, view="window")


def test_curves_show_shares_with_intervals_against_the_horizon(liquid_run):
    results = liquid_run.results
    ax = plotting.view_curves(results, resolutions=[1.0, 8.0])
    table = results.summary(view="slope", resolution=1.0, horizon=16.0)
    first = next(c for c in ax.containers if to_hex(c.lines[0].get_color()) == "#0072b2")
    x, y = first.lines[0].get_data()
    assert y[list(x).index(16.0)] == pytest.approx(table.loc["vehicular", "share"], rel=1e-10)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[-2:] == ["resolution 1 ps", "resolution 8 ps"]


def test_timeline_shows_the_states(liquid_run):
    ax = plotting.timeline(liquid_run.results, start=100.0, stop=150.0)
    shown = np.asarray(ax.images[0].get_array())
    expected = liquid_run.results.states["event"].values[100:151, :16].T
    np.testing.assert_array_equal(shown, expected)
    with pytest.raises(InputError, match="no frames between start=5000 and stop=6000 ps"):
        plotting.timeline(liquid_run.results, start=5000.0, stop=6000.0)


def test_one_name_has_one_colour():
    names = ["vehicular", "mine", "renewal", "yours"]
    colors = colors_of(names, EVENT_COLORS)
    assert colors[0] == EVENT_COLORS["vehicular"]
    assert len(set(colors)) == 4


@pytest.mark.slow
def test_files_in_every_format(liquid_run, tmp_path):
    written = plotting.save_all(
        liquid_run.results, tmp_path, "liquid", formats=("png", "pdf", "svg"), window=16.0
    )
    assert len(written) == 3 * len(plotting.figures(liquid_run.results))
    heads = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    for path in written:
        assert path.read_bytes().startswith(heads[path.suffix])


def test_radial_distribution_with_its_radii():
    from mda_ionmech.microstates import CutoffShell

    universe = datasets.liquid()
    shell = CutoffShell(solvent=universe.select_atoms("resname ACN and element N"), hysteresis=0.6)
    lithium = IonSpecies(
        universe.select_atoms("resname LI"), charge=1, name="Li+", microstates=shell
    )
    run = OnsagerDecomposition([lithium], temperature=330, frame="laboratory")
    ((species, found),) = run.measure_shells(stop=100)
    assert species.name == "Li+"
    assert shell.inner == {}
    shell = species.microstates
    ax = plotting.rdf(found["solvent"], inner=shell.inner["solvent"], outer=shell.outer["solvent"])
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert f"begins below {shell.inner['solvent']:g} Å" in labels
    assert f"ends beyond {shell.outer['solvent']:g} Å" in labels
    # the radius that ends the shell is the minimum that is marked
    assert f"first minimum {shell.inner['solvent']:.2f} Å" in labels
    marks = {one.get_label(): one.get_xdata()[0] for one in ax.lines if one.get_marker() in "v^"}
    assert [name[:9] for name in marks] == ["first pea", "first min"]
    assert list(marks.values()) == pytest.approx([2.14, shell.inner["solvent"]], abs=0.03)


def test_a_result_without_rules_still_has_figures():
    rng = np.random.default_rng(0)
    universe = make_universe(brownian(rng, 60, 4, 0.05, 1.0) + 20)
    ions = IonSpecies(universe.atoms, charge=1, name="ion")
    results = OnsagerDecomposition([ions], temperature=300, frame="laboratory").run().results
    for name, draw in plotting.figures(results).items():
        assert isinstance(draw(), Axes), name
    assert "populations" not in plotting.figures(results)
    with pytest.raises(InputError, match="this result has no macrostates"):
        plotting.populations(results)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("windows", "horizons"), [([1, 2, 4], [2, 4]), ([2, 4], [4]), ([2], [2]), ("log", "log")]
)
def test_coefficients_that_are_zero_have_figures_and_a_report(windows, horizons, tmp_path):
    """Ions that swing between two places: at every second window none has moved."""
    rng = np.random.default_rng(0)
    start = np.array([[5, 5, 5], [10, 10, 10], [8, 5, 5], [13, 10, 10.0]])
    positions = start + np.zeros((41, 4, 3))
    positions[:, :2, 0] += np.arange(41)[:, None] % 2
    positions[:, 2:] += rng.normal(scale=0.05, size=(41, 2, 3))
    universe = make_universe(positions, names=list("IIOO"), masses=[7.0] * 4)
    ions = IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion", events=SolvationEvents(),
        microstates=CutoffShell(5.0, solvent=universe.select_atoms("name O")),
    )  # fmt: skip
    run = OnsagerDecomposition(
        [ions], temperature=300, frame="laboratory", windows=windows, resolutions=[2, 1],
        horizons=horizons,
    ).run()  # fmt: skip
    value = run.results.decomposition["onsager"].sel(window=2.0)
    assert float(value.squeeze()) == 0.0
    written = plotting.save_all(run.results, tmp_path, "zero", formats=["png", "svg"])
    assert len(written) == 2 * len(plotting.figures(run.results))
    run.results.report(tmp_path / "zero.html")
    assert "undefined" in " ".join(run.results.warnings)


def test_an_axis_without_values_says_why():
    _, ax = plt.subplots()
    ax.errorbar([1.0, 2.0], [np.nan, np.nan])
    log_times(ax, np.array([1.0, 2.0]))
    assert ax.get_xlim()[0] > 0
    assert "undefined" in ax.texts[0].get_text()
    ax.figure.canvas.draw()


def degenerate(kind, n_frames=60):
    """Paths of 4 ions that carry nothing together, or next to nothing."""
    rng = np.random.default_rng(2)
    home = np.array([[5.0, 5, 5], [5, 5, 15], [5, 15, 5], [15, 5, 5]])
    paths = np.repeat(home[None], n_frames, axis=0)
    if kind == "in pairs, opposed":
        walk = brownian(rng, n_frames, 2, 0.02, 1.0)
        return paths + np.concatenate([walk, -walk], axis=1)
    if kind == "to and fro in two frames":
        paths[1::2, :, 0] += 1.0
    if kind == "to and fro, opposed":
        paths[1::2, :, 0] += [1.0, 1.0, -1.0, -1.0]
    if kind == "one jump":
        paths[n_frames // 2 :, 0] += 3.0
    return paths


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "error::RuntimeWarning")
@pytest.mark.parametrize("cutoff", [None, 2.0, 3.5])
@pytest.mark.parametrize(
    "kind",
    ["in pairs, opposed", "to and fro in two frames", "to and fro, opposed", "one jump"],
)
def test_ions_that_carry_nothing_have_figures_and_a_report(kind, cutoff, tmp_path):
    ions = degenerate(kind)
    ligands = np.repeat((ions[0] + [2.9, 0, 0])[None], len(ions), axis=0)
    universe = make_universe(np.concatenate([ions, ligands], axis=1), (20, 20, 20, 90, 90, 90))
    detected = {} if cutoff is None else {"events": SolvationEvents()}
    if cutoff is not None:
        detected["microstates"] = CutoffShell(cutoff, ligand=universe.atoms[4:])
    species = IonSpecies(universe.atoms[:4], charge=1, name="ion", **detected)
    run = OnsagerDecomposition(
        [species], temperature=300, frame="laboratory", windows=[2.0, 6.0]
    ).run()
    page = run.results.report(tmp_path / "report.html")
    assert "nan%" not in page.read_text(encoding="utf-8")
    for name, draw in plotting.figures(run.results, 2.0, species="ion").items():
        ax = draw()
        assert np.isfinite([*ax.get_xlim(), *ax.get_ylim()]).all(), name
        assert ax.get_xscale() != "log" or min(ax.get_xlim()) > 0, name


def test_times_below_one_are_plain_numbers():
    ax = new_axes(None, (5.0, 3.0))
    ax.plot([0.2, 30.0], [0.0, 1.0])
    log_times(ax, np.array([0.2, 30.0]))
    ax.figure.canvas.draw()
    shown = [t.get_text() for t in ax.get_xticklabels(which="both")]
    assert "0.2" in shown
    assert not any("e" in text for text in shown)
    plt.close(ax.figure)
