"""The shipped garnet at 800 K against an independent trial of the same run."""

import numpy as np
import pytest

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import CrystalEvents
from mda_ionmech.macrostates import SiteType
from mda_ionmech.microstates import SiteAssignment

from ..test_docs import DOCS, rows

pytestmark = pytest.mark.slow

WINDOWS = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0]


@pytest.fixture(scope="module")
def garnet():
    universe = datasets.crystal(800)
    lithium = IonSpecies(
        universe.select_atoms("element Li"),
        charge=1,
        name="Li+",
        microstates=SiteAssignment.from_cif(
            datasets.path("crystal") / "llzo.cif",
            species="Li",
            framework=universe.select_atoms("element Zr"),
            r_core=0.6,
        ),
        events=CrystalEvents(),
        macrostates=SiteType(),
    )
    return OnsagerDecomposition([lithium], temperature=800.0, windows=WINDOWS).run()


def test_hops_are_as_frequent_as_counted_before(garnet):
    report = garnet.microstates["Li+"].report
    # 73 hops per lithium in 100 ps
    assert report["hops"] / 56 / 5 == pytest.approx(73, rel=0.02)
    assert report["carriers_never_in_a_core"] == 0


def test_multi_ion_shares_and_their_nulls(garnet):
    data = garnet.results.decomposition.sel(species="Li+")
    np.testing.assert_allclose(
        data["multi_fraction"], [0.22, 0.36, 0.59, 0.74, 0.84, 0.91], atol=0.01
    )
    np.testing.assert_allclose(
        data["multi_fraction_circular"], [0.09, 0.18, 0.34, 0.45, 0.53, 0.64], atol=0.025
    )
    # the trial scaled the gas's rates otherwise; here it hops as often as the run
    np.testing.assert_allclose(
        data["multi_fraction_exclusion"], [0.18, 0.31, 0.56, 0.73, 0.83, 0.90], atol=0.04
    )


def test_concerted_hops_reach_twice_as_far(garnet):
    data = garnet.results.decomposition.sel(species="Li+", window=[0.5, 1.0, 2.0])
    ratio = data["effectiveness"].sel(event="multi_ion_hop") / data["effectiveness"].sel(
        event="single_ion_hop"
    )
    assert np.all((ratio > 1.8) & (ratio < 2.45))
    assert float(garnet.results.decomposition["residual"].max()) < 1e-12


def test_clusters_reach_the_states(garnet):
    states = garnet.results.states
    event, cluster = states["event"].values[:-1], states["cluster"].values[:-1]
    names = states["event"].attrs["flag_meanings"].split()
    np.testing.assert_array_equal(cluster < 0, event == names.index("no_hop"))
    multi = np.isin(event, [names.index("multi_ion_hop"), names.index("exchange")])
    for t in range(0, 1000, 50):
        members, counts = np.unique(cluster[t][cluster[t] >= 0], return_counts=True)
        big = np.isin(cluster[t], members[counts > 1])
        np.testing.assert_array_equal(big, multi[t])
    labels = garnet.events(0.5)
    assert labels.names == CrystalEvents.names
    back = (labels.flags & 1).astype(bool)
    assert np.all(labels.label[back] == 0)
    assert 0 < back.mean() < 0.1


def test_hops_are_listed_with_their_channel_and_cluster(garnet):
    micro = garnet.microstates["Li+"]
    hops = garnet.hops(0.1)
    assert len(hops) == micro.report["hops"]
    # 24d has only 48g about it, and 48g neighbours of both kinds
    channels = hops.groupby(["label_start", "label_end"]).size()
    assert channels.loc["24d", "48g"] > 0.3 * len(hops)
    assert channels.loc["24d", "48g"] == pytest.approx(channels.loc["48g", "24d"], rel=0.01)
    assert channels.get(("24d", "24d"), 0) < 0.005 * len(hops)
    data = garnet.results.decomposition.sel(species="Li+", window=0.1, method="nearest")
    for event in ("single_ion_hop", "multi_ion_hop", "exchange"):
        assert np.sum(hops["event"] == event) == int(data["event_count"].sel(event=event))
    assert np.all((hops["n"] > 1) == (hops["event"] != "single_ion_hop"))
    assert np.mean(hops["n"] > 1) == pytest.approx(float(data["multi_fraction"]))
    sizes = hops.groupby(["frame", "cluster"])["carrier"].transform("size")
    np.testing.assert_array_equal(sizes, hops["n"])
    one = hops.iloc[1234]
    labels = garnet.events(0.1)
    assert labels.names[labels.label[one.frame, one.carrier]] == one.event
    assert micro.state[one.frame, one.carrier] == one.site_start
    assert micro.state[one.frame + 1, one.carrier] == one.site_end
    step = garnet.paths.position[one.carrier, :, one.frame : one.frame + 2]
    np.testing.assert_array_equal(step[:, 1] - step[:, 0], [one.dx, one.dy, one.dz])
    assert len(garnet.hops(2.0)) > 10 * len(hops) / 2


def test_site_types_are_the_macrostates(garnet):
    moves = garnet.results.transitions.sel(species="Li+")
    held = moves["population"] * 56
    occupancy = garnet.microstates["Li+"].report["occupancy"]
    for name in ("24d", "48g"):
        assert float(held.sel(macrostate_start=name)) == pytest.approx(occupancy[name])
    data = garnet.results.decomposition.sel(species="Li+", species_2="Li+")
    parts = moves["transition_onsager"].sum(["macrostate_start", "macrostate_end"])
    np.testing.assert_allclose(parts, data["onsager"], rtol=1e-10)


def test_hops_between_the_two_kinds_of_sites_control_and_carry(garnet):
    table = garnet.rate_control()
    assert table.index[0].startswith("24d-48g 2.0")
    assert table["hops"].sum() == garnet.microstates["Li+"].report["hops"]
    for name in ("control", "share_self", "share"):
        assert table[name].sum() == pytest.approx(1, rel=1e-10)
        assert 0.9 < table[name].iloc[0] < 1
    # carriers that hop back where they came from are slower than independent ones, and hops in
    # company make the collective motion faster
    independent, own, collective = (
        table.attrs[f"{name}_cm2_per_s"] for name in ("diffusion", "measured", "collective")
    )
    assert own[2] < independent[1] < independent[2] < collective[1]
    shown = rows("concepts/rate-control.md", "channel")
    assert len(shown) == len(table)
    for cells, (channel, line) in zip(shown, table.iterrows(), strict=True):
        numbers = [str(channel), str(int(line["hops"]))]
        for name in ("control", "share_self", "share"):
            low, high = (line[f"{name}_{end}"] for end in ("low", "high"))
            numbers += [f"{line[name]:.3f}", f"{low:.3f} to {high:.3f}"]
        assert cells == numbers
    text = " ".join((DOCS / "concepts/rate-control.md").read_text("utf-8").split())
    values = [x[0] * 1e5 for x in (independent, own, collective)]
    assert f"have D = {values[0]:.1f}e-5 cm²/s" in text
    assert f"the self-diffusion coefficient is {values[1]:.1f}e-5," in text
    assert f"and the collective one {values[2]:.1f}e-5," in text
    data = garnet.results.decomposition
    own_at_5_ps = float(data["diffusivity_self"].sel(species="Li+", window=5.0))
    assert own[0] < own_at_5_ps < independent[0]
    assert table.attrs["horizon_ps"] == pytest.approx(12.5)
    with pytest.raises(
        InputError, match=r"species='O2-' has no hops between sites .* can be asked of Li\+;"
    ):
        garnet.rate_control(species="O2-")
    with pytest.raises(InputError, match="horizon=1e\\+06 ps is longer than"):
        garnet.rate_control(horizon=1e6)


def test_the_same_from_a_configuration(garnet, tmp_path):
    from mda_ionmech.cli.config import build_analysis, load_config

    folder = datasets.path("crystal")
    (tmp_path / "garnet.toml").write_text(
        f"""
topology = "{folder}/llzo.T800.data"
trajectory = "{folder}/llzo.T800.xtc"
[universe]
topology_format = "DATA"
atom_style = "id type charge x y z"
[analysis]
temperature = 800
windows = {WINDOWS}
[[species]]
name = "Li+"
selection = "type 1"
charge = 1
[species.microstates]
rule = "SiteAssignment"
cif = "{folder}/llzo.cif"
species = "Li"
framework = "type 3"
r_core = 0.6
[species.events]
rule = "CrystalEvents"
[species.macrostates]
rule = "SiteType"
"""
    )
    run = build_analysis(load_config(tmp_path / "garnet.toml")).run()
    assert run.results.decomposition.equals(garnet.results.decomposition)


def test_nulls_stand_in_the_figure_of_multi_ion_shares(garnet):
    import matplotlib.pyplot as plt

    from mda_ionmech import plotting

    drawn = plotting.figures(garnet.results)
    assert "concertedness" in drawn
    ax = drawn["concertedness"]()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:2] == ["linked hops", "the same in an exclusion gas"]
    shown = ax.containers[0].lines[0].get_ydata()
    data = garnet.results.decomposition["multi_fraction"].sel(species="Li+")
    np.testing.assert_array_equal(shown, data)
    plt.close("all")


def test_channel_rates_and_residence_are_counts_over_exposure(garnet):
    table = garnet.channel_rates()
    report = garnet.microstates["Li+"].report
    assert table["count"].sum() == report["hops"]
    assert set(table.index) == {(a, b) for a in ("24d", "48g") for b in ("24d", "48g")}
    exposure = table["exposure"].groupby("start", observed=True).first()
    assert exposure.sum() == pytest.approx(56 * 0.5)
    for label, held in report["occupancy"].items():
        assert exposure[label] == pytest.approx(0.5 * held, rel=1e-3)
    # about 730 hops per lithium and ns
    assert (table["rate"] * table["exposure"]).sum() / 28 == pytest.approx(730, rel=0.02)
    # as many one way as the other
    assert abs(table.loc[("24d", "48g"), "count"] - table.loc[("48g", "24d"), "count"]) <= 56
    residence = garnet.residence_times().xs("continuous", level="definition").loc["Li+"]
    for label in ("24d", "48g"):
        leaving = table.loc[label, "count"].sum()
        assert residence.loc[label, "endings"] == leaving
        stay = 1e3 * exposure[label] / leaving
        # exposure counts steps, the stay frames: one more of 5001
        assert residence.loc[label, "mean_stay"] == pytest.approx(stay, rel=1e-3)


def test_shares_of_the_slope_view_depend_on_the_resolution_and_not_on_the_horizon(garnet):
    """Section of an independent trial: vibration, single, multi at resolution and horizon, ps."""
    trial = {
        (0.2, 2.0): (0.00, 0.55, 0.45),
        (0.5, 1.0): (0.00, 0.26, 0.74),
        (0.5, 5.0): (0.01, 0.27, 0.73),
        (1.0, 10.0): (0.00, 0.13, 0.87),
    }
    run = OnsagerDecomposition(
        garnet.species, temperature=800.0, windows=[0.1], resolutions=[0.2, 0.5, 1.0],
        horizons=[0.5, 1.0, 2.0, 5.0, 10.0],
    ).run()  # fmt: skip
    for (resolution, horizon), expected in trial.items():
        table = run.results.summary(view="slope", resolution=resolution, horizon=horizon)
        found = table.loc[["vibration", "single_ion_hop", "multi_ion_hop"], "share"]
        np.testing.assert_allclose(found, expected, atol=0.02)
        assert table["share"].sum() == pytest.approx(1.0, abs=1e-10)
        assert table.loc["no_hop", "share"] == 0
    for horizon in (0.5, 1.0, 2.0, 5.0):
        table = run.results.summary(view="slope", resolution=0.5, horizon=horizon)
        half = (table["share_high"] - table["share_low"]) / 2
        # vibration vanishes and the others stay, within three standard errors
        assert abs(table.loc["vibration", "share"]) < 3 * half["vibration"]
        assert abs(table.loc["multi_ion_hop", "share"] - 0.73) < 3 * half["multi_ion_hop"] + 0.01


def test_without_projection_half_of_the_hops_is_credited_to_no_hop(garnet):
    trial = {(0.2, 2.0): (0.47, 0.27, 0.26), (0.5, 5.0): (0.25, 0.17, 0.58)}
    run = OnsagerDecomposition(
        garnet.species, temperature=800.0, windows=[0.1], resolutions=[0.2, 0.5],
        horizons=[2.0, 5.0], projection=None,
    ).run()  # fmt: skip
    for (resolution, horizon), expected in trial.items():
        table = run.results.summary(view="slope", resolution=resolution, horizon=horizon)
        found = table.loc[["no_hop", "single_ion_hop", "multi_ion_hop"], "share"]
        np.testing.assert_allclose(found, expected, atol=0.02)
        assert "vibration" not in table.index
    assert run.results.settings["projection"] == {"Li+": None}


def test_a_place_to_read_the_garnet_is_recommended(garnet):
    run = OnsagerDecomposition(garnet.species, temperature=800.0).run()
    advice = run.results.recommend()
    assert advice.resolution == pytest.approx(0.4)
    assert advice.horizon <= 1.6
    assert advice.repeated < 0.1
    table = run.results.summary(view="slope")
    assert table.loc["multi_ion_hop", "share"] == pytest.approx(0.66, abs=0.03)


def test_parts_of_the_path_view_add_up(garnet):
    run = OnsagerDecomposition(
        garnet.species, temperature=800.0, windows=[0.5], resolutions=[0.5], horizons=[0.5, 2.0]
    ).run()
    parts = run.path_parts(0.5, 2.0)
    table = run.results.summary(view="path", resolution=0.5, horizon=2.0)
    whole = parts["onsager"].sum()
    np.testing.assert_allclose(parts["onsager"], table["onsager"], atol=1e-11 * whole)
    both = parts["self"] + parts["distinct"]
    np.testing.assert_allclose(both, parts["onsager"], atol=1e-11 * whole)
    # the self parts sum to the self part of the horizon
    one = OnsagerDecomposition(
        garnet.species, temperature=800.0, windows=[2.0], resolutions=None
    ).run()
    own = float(one.results.decomposition["onsager_self"][0, 0])
    assert parts["self"].sum() == pytest.approx(own, rel=1e-9)
    assert parts.loc["multi_ion_hop", "incluster"] > 0
    assert parts.loc["single_ion_hop", "incluster"] == 0
