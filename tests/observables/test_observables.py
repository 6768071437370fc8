"""Quoted numbers of a run against MDAnalysis, NumPy and known answers."""

from itertools import pairwise

import numpy as np
import pytest
from MDAnalysis.analysis.msd import EinsteinMSD
from MDAnalysis.lib.correlations import autocorrelation
from MDAnalysis.lib.distances import capped_distance
from scipy import constants

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.macrostates import ShellComposition
from mda_ionmech.microstates import CutoffShell

from ..builders import brownian, decompose, make_universe
from ..conftest import liquid_species
from ..physics.test_known_answers import in_shells, vehicle_and_jumps


def test_self_diffusivity_is_that_of_einstein_msd():
    rng = np.random.default_rng(1)
    universe = make_universe(brownian(rng, 600, 8, 0.05, 0.5) + 20, dt=0.5)
    windows = [0.5, 4.0, 20.0]
    results = decompose(universe, windows=windows, unwrap=False)
    msd = EinsteinMSD(universe, select="all", msd_type="xyz", fft=False).run().results.timeseries
    for window in windows:
        table = results.diffusion(window)
        expected = msd[round(window / 0.5)] / (6 * window) * 1e-4
        assert table.loc["self-diffusivity ion", "value"] == pytest.approx(expected, rel=1e-6)
    slopes = decompose(universe, windows=windows, unwrap=False)
    run = OnsagerDecomposition(
        [IonSpecies(universe.atoms, charge=1, name="ion")], temperature=300.0, windows=windows,
        frame="laboratory", unwrap=False,
    ).run()  # fmt: skip
    table = run.exponents().loc[("ion", "self")]
    lags = [round(w / 0.5) for w in windows]
    expected = np.diff(np.log(msd[lags])) / np.diff(np.log(windows))
    np.testing.assert_allclose(table["exponent"], expected, rtol=1e-6)
    slope = np.diff(msd[lags]) / np.diff(windows) / 6 * 1e-4
    np.testing.assert_allclose(table["diffusivity"], slope, rtol=1e-6)
    # and of the whole: from L(T) T of the result
    moved = np.log(slopes.decomposition["onsager"].values[0, 0] * windows)
    collective = run.exponents().loc[("ion", "collective"), "exponent"]
    np.testing.assert_allclose(collective, np.diff(moved) / np.diff(np.log(windows)), rtol=1e-9)


def test_diffusivities_of_the_liquid_by_hand(liquid_run):
    table = liquid_run.results.diffusion(16.0)
    at = liquid_run.results.at_window(16.0)
    r = liquid_run.paths.position
    d = r[:, :, 16:] - r[:, :, :-16]
    lithium, tfsi = d[:16].sum(axis=0), d[16:].sum(axis=0)
    per_time = 1e-4 / (6 * 16.0)
    expected = {
        "self-diffusivity Li+": np.mean(np.sum(d[:16] ** 2, axis=1)) * per_time,
        "collective diffusivity TFSI-": np.mean(np.sum(tfsi**2, axis=0)) * per_time / 16,
        "charge diffusivity": np.mean(np.sum((lithium - tfsi) ** 2, axis=0)) * per_time / 32,
        "charge diffusivity, ions independent": np.mean(np.sum(d**2, axis=1)) * per_time,
    }
    for name, value in expected.items():
        assert table.loc[name, "value"] == pytest.approx(value, rel=1e-9), name
    assert (table.loc[list(expected), "unit"] == "cm2/s").all()
    # the ratio of both charge diffusivities is the Haven ratio
    ratio = expected["charge diffusivity, ions independent"] / expected["charge diffusivity"]
    assert float(at["haven_ratio"]) == pytest.approx(ratio, rel=1e-9)
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()


def test_finite_size_correction_on_request(liquid_run):
    plain = liquid_run.results.diffusion(16.0)
    table = liquid_run.results.diffusion(16.0, viscosity=0.4)
    volume = liquid_run.paths.volume * 1e-30
    shift = constants.k * 330 * 2.837297 / (6 * np.pi * 0.4e-3 * volume ** (1 / 3)) * 1e4
    assert table.attrs["finite_size_shift_cm2_per_s"] == pytest.approx(shift)
    for ion in ("Li+", "TFSI-"):
        row = table.loc[f"self-diffusivity {ion}, infinite cell"]
        for end in ("value", "low", "high"):
            assert row[end] == pytest.approx(plain.loc[f"self-diffusivity {ion}", end] + shift)
    sigma = table.loc["Nernst-Einstein conductivity, infinite cell", "value"]
    by_hand = sum(
        16 * constants.e**2 * 1e-4 * table.loc[f"self-diffusivity {ion}, infinite cell", "value"]
        for ion in ("Li+", "TFSI-")
    ) / (constants.k * 330 * volume)
    assert sigma == pytest.approx(by_hand, rel=1e-9)
    with pytest.raises(InputError, match="viscosity must be a number above 0 in mPa s, got -1"):
        liquid_run.results.diffusion(viscosity=-1)


def test_finite_size_correction_is_refused_where_it_does_not_hold():
    rng = np.random.default_rng(1)
    paths = brownian(rng, 60, 4, 0.05, 1.0) + 20
    long = decompose(make_universe(paths, (40, 40, 80, 90, 90, 90)), windows=[1.0])
    with pytest.raises(InputError, match=r"holds for a cubic cell, and this one has edges of 40.0"):
        long.diffusion(viscosity=1.0)
    flat = decompose(make_universe(paths), windows=[1.0], axes="xy")
    with pytest.raises(InputError, match="axes='xy'; leave viscosity out"):
        flat.diffusion(viscosity=1.0)
    with pytest.raises(InputError, match=r"exponents\(\) compares windows, and this run has one"):
        OnsagerDecomposition(
            [IonSpecies(make_universe(paths).atoms, charge=1, name="ion")], temperature=300,
            windows=[2.0], frame="laboratory",
        ).run().exponents()  # fmt: skip


@pytest.mark.slow
def test_continuous_survival_is_that_of_mdanalysis():
    """SurvivalProbability's own function on contacts found by capped_distance."""
    universe, stop, longest = datasets.liquid(), 300, 60
    run = OnsagerDecomposition(liquid_species(universe), temperature=330.0, windows=[1.0])
    run.run(stop=stop)
    lithium = universe.select_atoms("resname LI")
    nitrogen = universe.select_atoms("resname ACN and name N1")
    contacts = []
    for ts in universe.trajectory[:stop]:
        pairs = capped_distance(lithium, nitrogen, 2.8, box=ts.dimensions, return_distances=False)
        contacts.append({(int(i), int(j)) for i, j in pairs})
    _, _, data = autocorrelation(contacts, longest)
    number = np.array([len(c) for c in contacts])
    theirs = np.array([
        np.sum(number[: len(ratios)] * ratios) / np.sum(number[: len(ratios)]) for ratios in data
    ])  # fmt: skip
    # the time at which their function has fallen to 1/e is ours
    table = run.residence_times(species="Li+")
    fall = table.loc[("Li+", "solvent", "continuous"), "decay_time"]
    at = int(np.argmax(theirs < np.exp(-1)))
    assert at > 0
    assert at <= fall <= at + 1.5  # ours is interpolated between lags up to 2 ps apart
    # endings and time in contact, from the sets
    ended = sum(len(a - b) for a, b in pairwise(contacts))
    row = table.loc[("Li+", "solvent", "continuous")]
    assert row["endings"] == ended
    assert row["mean_stay"] == pytest.approx(number.sum() / ended)


@pytest.mark.slow
def test_residence_in_the_liquid(liquid_run):
    """Filtered contacts; the solvent stays about 45 ps, as an independent trial of the run says."""
    filtered = OnsagerDecomposition(
        liquid_species(datasets.liquid(), hysteresis=0.6, persistence=5.0), temperature=330.0,
        windows=[1.0],
    ).run()  # fmt: skip
    table = filtered.residence_times()
    assert list(table.index.unique("ligand")) == ["solvent", "anion"]
    solvent = table.loc[("Li+", "solvent")]
    assert np.all(np.abs(solvent["decay_time"] / 45 - 1) < 0.1)
    assert abs(solvent.loc["continuous", "mean_stay"] / 45 - 1) < 0.1
    for value in ("decay_time", "integral_time"):
        assert (table[f"{value}_low"] < table[value]).all()
        assert (table[value] < table[f"{value}_high"]).all()
    # what comes back counts for the intermittent one
    wide = table.unstack("definition")["decay_time"]
    assert (wide["intermittent"] > wide["continuous"]).all()
    # flicker ends a plain contact long before the molecule leaves
    plain = liquid_run.residence_times().loc[("Li+", "solvent")]
    assert plain.loc["continuous", "decay_time"] == pytest.approx(22.7, abs=0.05)
    assert plain.loc["continuous", "decay_time_high"] < solvent.loc["continuous", "decay_time_low"]
    assert plain.loc["intermittent", "decay_time"] == pytest.approx(
        solvent.loc["intermittent", "decay_time"], rel=0.15
    )


@pytest.mark.slow
def test_shells_that_are_lost_at_a_rate_last_its_inverse():
    """Every jump renews the shell for good: survival exp(-k t), stay 1 / k."""
    rng = np.random.default_rng(3)
    rate, n, n_frames = 0.05, 64, 2000
    universe, number = vehicle_and_jumps(rng, n_frames, n, 0.02, rate, 3.0)
    ions = in_shells(universe)
    run = OnsagerDecomposition([ions], temperature=300.0, windows=[1.0], frame="laboratory").run()
    row = run.residence_times().loc[("ion", "solvent", "continuous")]
    # a frame with a jump or more ends a stay
    endings = np.count_nonzero(number)
    assert row["endings"] == endings
    stay = 1 / (1 - np.exp(-rate))
    assert abs(row["mean_stay"] / stay - 1) < 3 / np.sqrt(endings)
    # 1/e time and integral by trapezoids of exp(-k t)
    assert abs(row["decay_time"] * rate - 1) < 3 / np.sqrt(endings) * 2
    assert abs(row["integral_time"] * rate - 1) < 3 / np.sqrt(endings) * 2
    for value in ("decay_time", "integral_time", "mean_stay"):
        half = (row[f"{value}_high"] - row[f"{value}_low"]) / 2
        assert half == pytest.approx(row[value] / np.sqrt(endings), rel=0.6)


def test_rates_of_macrostates_and_who_has_none(liquid_run):
    table = liquid_run.channel_rates()
    assert table.attrs["species"] == "Li+"
    assert ("SSIP", "SSIP") not in table.index
    macro = liquid_run.macrostates["Li+"]
    state = macro.state
    for (a, b), row in table.iterrows():
        i, j = macro.names.index(a), macro.names.index(b)
        count = np.sum((state[:-1] == i) & (state[1:] == j))
        exposure = np.sum(state[:-1] == i) * 1e-3
        assert row["count"] == count
        assert row["rate"] == pytest.approx(count / exposure)
        assert row["low"] <= row["rate"] <= row["high"]
    rng = np.random.default_rng(0)
    universe = make_universe(brownian(rng, 60, 4, 0.05, 1.0) + 20)
    bare = OnsagerDecomposition(
        [IonSpecies(universe.atoms, charge=1, name="ion")], temperature=300, frame="laboratory"
    ).run()
    with pytest.raises(
        InputError, match="needs a species on sites or with macrostates, and this run has none"
    ):
        bare.channel_rates()
    with pytest.raises(InputError, match="needs a species with a detector, and this run has none"):
        bare.residence_times()
    with pytest.raises(InputError, match="species='ACN' has neither sites nor macrostates"):
        liquid_run.channel_rates(species="ACN")
    with pytest.raises(InputError, match="species='TFSI-' has no detector"):
        liquid_run.residence_times(species="TFSI-")
    with pytest.raises(InputError, match="members must be 'molecules' or 'atoms', got 'ions'"):
        liquid_run.residence_times(members="ions")


def test_a_channel_never_taken_has_a_poisson_interval():
    """Two ions, one with an anion all the time, the other from frame 150 on."""
    rng = np.random.default_rng(0)
    n_frames = 300
    positions = np.full((n_frames, 4, 3), np.array([[5.0], [25.0], [6.0], [15.0]]))
    positions[150:, 3] = 26.0
    positions += 0.01 * rng.normal(size=positions.shape)
    universe = make_universe(positions, names=list("PPMM"), masses=[7.0] * 2 + [35.0] * 2)
    ions = IonSpecies(
        universe.select_atoms("name P"), charge=1, name="ion",
        microstates=CutoffShell(3.0, anion=universe.select_atoms("name M")),
        macrostates=ShellComposition(),
    )  # fmt: skip
    anions = IonSpecies(universe.select_atoms("name M"), charge=-1, name="anion")
    run = OnsagerDecomposition([ions, anions], temperature=300, unwrap=False).run()
    table = run.channel_rates()
    taken, never = table.loc[("free", "anion_only")], table.loc[("anion_only", "free")]
    assert taken["count"] == 1
    assert taken["exposure"] == pytest.approx(0.150)
    assert (never["count"], never["rate"], never["low"]) == (0, 0.0, 0.0)
    assert never["exposure"] == pytest.approx(0.448)
    # nothing in t has probability 0.16 at this rate
    assert np.exp(-never["high"] * never["exposure"]) == pytest.approx(0.16)
