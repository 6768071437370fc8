"""Cases whose answer is derived, each at three standard errors unless it says otherwise.

K = kB T V L in A^2/ps, in the laboratory frame where nothing else is said.
"""

import numpy as np
import pytest

from mda_ionmech import IonSpecies, OnsagerDecomposition
from mda_ionmech.events import SolvationEvents
from mda_ionmech.microstates import CutoffShell

from ..builders import (
    CUBE,
    brownian,
    decompose,
    hops,
    make_universe,
    mobility,
    standard_error,
    wrap,
)


def test_case_1_brownian_ions_have_no_distinct_part(record):
    rng = np.random.default_rng(1)
    n_frames, n, diffusion, dt = 4000, 20, 0.05, 0.5
    paths = brownian(rng, n_frames, n, diffusion, dt) + rng.uniform(0, 40, (n, 3))
    solvent = np.broadcast_to([200.0, 200.0, 200.0], (n_frames, 1, 3))
    universe = make_universe(
        wrap(np.concatenate([paths, solvent], axis=1), 400.0),
        (400, 400, 400, 90, 90, 90),
        dt=dt,
        names=["I"] * n + ["S"],
    )
    ions = IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="ion",
        # a shell no ion ever enters: nothing changes, everything is vehicular
        microstates=CutoffShell(2.0, solvent=universe.select_atoms("name S")),
        events=SolvationEvents(),
    )
    windows = [0.5, 2.0, 8.0]
    results = (
        OnsagerDecomposition([ions], temperature=300.0, windows=windows, frame="laboratory")
        .run()
        .results
    )
    np.testing.assert_allclose(results.decomposition["window"], windows)
    error = standard_error(windows, n_frames, dt)
    expected = n * diffusion
    record.within(1, "$K = N D_c$, window", mobility(results, "ion"), expected,
                  error * expected, at=windows)  # fmt: skip
    own = mobility(results, "ion", variable="onsager_self")
    record.within(1, "self part $N D_c$, window", own, expected, error * expected / np.sqrt(n),
                  at=windows)  # fmt: skip
    vehicular = results.decomposition["share"].sel(event="vehicular")
    record.equal(1, "vehicular share", vehicular, 1.0, 1e-12)
    # the distinct part of the whole has the error of the whole
    distinct = results.decomposition["event_distinct"].sel(species="ion", event="vehicular")
    whole = results.decomposition["onsager"].sel(species="ion", species_2="ion")
    record.within(1, "distinct part over total, window", distinct / whole, 0.0, error, at=windows)


def test_case_2_poisson_hops_give_the_same_coefficient_at_every_window(record):
    rng = np.random.default_rng(2)
    n_frames, n, rate, length = 5000, 30, 0.05, 2.0
    paths, number = hops(rng, n_frames, n, rate, length, 1.0)
    universe = make_universe(wrap(paths + rng.uniform(0, 40, (n, 3)), 40.0))
    windows = [1.0, 4.0, 16.0, 64.0]
    results = decompose(universe, windows=windows)
    error = standard_error(windows, n_frames, 1.0, number.sum())
    expected = n * rate * length**2 / 6
    record.within(2, "$K = N k a^2 / 6$, window", mobility(results, "ion"), expected,
                  error * expected, at=windows)  # fmt: skip
    # the number of hops of a carrier is Poisson: variance equals mean
    per_carrier = number.sum(axis=0)
    ratio = per_carrier.var(ddof=1) / per_carrier.mean()
    record.within(2, "variance over mean of hops per carrier", ratio, 1.0, np.sqrt(2 / (n - 1)))


@pytest.mark.parametrize("group", [2, 4])
def test_case_3_parallel_hops_divide_the_haven_ratio(record, group):
    rng = np.random.default_rng(3)
    n_groups, length = 6, 1.5
    paths, _ = hops(rng, 3000, n_groups, 0.05, length, 1.0)
    universe = make_universe(np.repeat(paths, group, axis=1))
    data = decompose(universe, windows=[1.0, 8.0, 32.0]).decomposition
    ratio = data["onsager"].sel(species="ion", species_2="ion") / data["onsager_self"].sel(
        species="ion"
    )
    # different groups are independent: the whole over the self part is n within its error
    error = standard_error([1.0, 8.0, 32.0], 3000, 1.0) * np.sqrt(2)
    record.within(3, f"$L / L_\\mathrm{{self}}$ of $n = {group}$, window", ratio, group,
                  error * group, at=[1, 8, 32])  # fmt: skip
    product = data["haven_ratio"] * ratio
    record.equal(3, f"$H_R L / L_\\mathrm{{self}}$ of $n = {group}$", product, 1.0, 1e-12)


def test_case_4_antiparallel_swaps_carry_nothing_and_shares_say_so(record):
    rng = np.random.default_rng(4)
    paths, _ = hops(rng, 1000, 5, 0.1, 1.5, 1.0)
    universe = make_universe(np.concatenate([paths, -paths], axis=1))
    results = decompose(universe, windows=[1.0, 10.0])
    data = results.decomposition
    own = data["onsager_self"].sel(species="ion")
    whole = data["onsager"].sel(species="ion", species_2="ion")
    record.equal(4, "$L / L_\\mathrm{self}$", whole / own, 0.0, 1e-10)
    distinct = data["event_distinct"].sel(species="ion", event="all")
    record.equal(4, "distinct over self part", distinct / own, -1.0, 1e-10)
    record.undefined(4, "shares", data["share"])
    assert any("shares of ion are undefined" in text for text in results.warnings)


def vehicle_and_jumps(rng, n_frames, n, diffusion, rate, jump):
    """Ions that diffuse with one ligand and, at rate, jump `jump` away taking up a fresh one.

    Ions live on a coarse lattice in a huge cell, unused ligands far from every ion, so that a
    ligand left behind never returns.
    """
    walk = brownian(rng, n_frames, n, diffusion, 1.0)
    leaps, number = hops(rng, n_frames, n, rate, jump, 1.0)
    side = int(np.ceil(n ** (1 / 3)))
    lattice = 200.0 * np.stack(np.unravel_index(np.arange(n), (side,) * 3), axis=-1) + 100.0
    ions = walk + leaps + lattice
    jumps = np.concatenate([np.zeros((1, n), dtype=int), np.cumsum(number, axis=0)])
    n_ligands = int(jumps.max()) + 1
    parked = np.broadcast_to(lattice[:, None] + 95.0, (n, n_ligands, 3))
    ligands = np.broadcast_to(parked, (n_frames, n, n_ligands, 3)).copy()
    frame, ion = np.indices(jumps.shape)
    ligands[frame, ion, jumps] = ions + np.array([2.0, 0.0, 0.0])
    positions = np.concatenate([ions, ligands.reshape(n_frames, -1, 3)], axis=1)
    names = ["I"] * n + ["S"] * (n * n_ligands)
    length = 200.0 * side
    return make_universe(positions, (length,) * 3 + (90.0,) * 3, names=names), number


def in_shells(universe):
    """The ions of `vehicle_and_jumps`, with the ligands that they keep or leave."""
    return IonSpecies(
        universe.select_atoms("name I"),
        charge=1,
        name="ion",
        microstates=CutoffShell(3.0, solvent=universe.select_atoms("name S")),
        events=SolvationEvents(),
    )


def solvated(universe, windows, **options):
    ions = in_shells(universe)
    options = {"frame": "laboratory"} | options
    return OnsagerDecomposition([ions], temperature=300.0, windows=windows, **options).run()


def test_case_5_vehicular_share_decays_with_the_jump_rate(record):
    rng = np.random.default_rng(5)
    n_frames, n, diffusion, rate, jump = 3000, 27, 0.02, 0.02, 3.0
    universe, number = vehicle_and_jumps(rng, n_frames, n, diffusion, rate, jump)
    windows = np.array([1.0, 4.0, 16.0, 64.0])
    results = solvated(universe, windows).results
    carried = rate * jump**2 / 6
    whole = n * (diffusion + carried)
    error = standard_error(windows, n_frames, 1.0, number.sum())
    record.within(5, "$K = N (D_v + k b^2 / 6)$, window", mobility(results, "ion"), whole,
                  error * whole, at=windows)  # fmt: skip
    share = results.decomposition["share"].sel(species="ion", event="vehicular").values
    expected = np.exp(-rate * windows) * diffusion / (diffusion + carried)
    # independent modes: sqrt(2/3) sqrt(s (1 - s) / (3 n_w)), and the counting error of the hops
    spread = np.sqrt(expected * (1 - expected) * (2 / 9) * windows / n_frames)
    spread = np.hypot(spread, expected / np.sqrt(number.sum()))
    record.within(5, "vehicular share $e^{-k t} D_v / (D_v + k b^2 / 6)$, window", share, expected,
                  spread, at=windows)  # fmt: skip
    renewal = results.decomposition["share"].sel(species="ion", event="renewal").values
    record.equal(5, "vehicular and renewal shares together", share + renewal, 1.0, 1e-12)
    # the fraction of vehicular windows is that of no jump
    data = results.decomposition
    fraction = (data["event_count"].sel(event="vehicular") / (n * data["origins"])).values[0]
    without = np.exp(-rate * windows)
    per_window = np.sqrt(without * (1 - without) * windows / (n * n_frames))
    record.within(5, "fraction of vehicular windows $e^{-k t}$, window", fraction, without,
                  per_window, at=windows)  # fmt: skip


def test_case_6_a_rigid_ion_and_shell_are_all_vehicular(record):
    rng = np.random.default_rng(6)
    # slow enough that no two ions meet
    ions = brownian(rng, 1500, 8, 0.002, 1.0) + 30.0 * np.indices((2, 2, 2)).reshape(3, 8).T
    shell = ions + np.array([0.0, 2.0, 0.0])
    universe = make_universe(
        wrap(np.concatenate([ions, shell], axis=1), 60.0),
        (60.0,) * 3 + (90.0,) * 3,
        names=["I"] * 8 + ["S"] * 8,
        masses=[7.0] * 8 + [14.0] * 8,
    )
    run = solvated(universe, [1.0, 10.0, 100.0], projection="vehicle")
    data = run.results.decomposition
    record.equal(6, "vehicular share", data["share"].sel(event="vehicular"), 1.0, 1e-12)
    others = data["event_count"].drop_sel(event="vehicular")
    record.equal(6, "windows with another label", others, 0.0, 0.0)
    # positions are stored in single precision
    record.equal(6, "vehicularity $V$", run.vehicularity()["vehicularity"], 1.0, 1e-4)


def test_case_7_rigid_pairs_carry_no_charge(record):
    rng = np.random.default_rng(7)
    n = 10
    pairs = brownian(rng, 2000, n, 0.05, 1.0) + rng.uniform(0, 40, (n, 3))
    positions = np.concatenate([pairs, pairs + np.array([0.0, 0.0, 2.5])], axis=1)
    universe = make_universe(positions, names=["P"] * n + ["M"] * n, masses=[7.0] * n + [35.0] * n)
    plus = IonSpecies(universe.select_atoms("name P"), charge=1, name="+")
    minus = IonSpecies(universe.select_atoms("name M"), charge=-1, name="-")
    results = (
        OnsagerDecomposition(
            [plus, minus], temperature=300.0, windows=[1.0, 10.0], frame="laboratory"
        )
        .run()
        .results
    )
    data = results.decomposition
    one = data["onsager"].sel(species="+", species_2="+")
    for a, b in (("-", "-"), ("+", "-"), ("-", "+")):
        ratio = data["onsager"].sel(species=a, species_2=b) / one
        # positions are stored in single precision
        record.equal(7, f"$L_{{{a}{b}}} / L_{{++}}$", ratio, 1.0, 1e-5)
    assert np.all(data["nernst_einstein"] > 0)
    ratio = data["conductivity"] / data["nernst_einstein"]
    record.equal(7, "$\\sigma / \\sigma_\\mathrm{NE}$", ratio, 0.0, 1e-10)
    record.undefined(7, "Haven ratio", data["haven_ratio"])
    record.undefined(7, "transference numbers", data["transference_number"])
    assert any("Haven ratio and transference numbers are undefined" in w for w in results.warnings)


def test_case_8_caged_ions_are_inflated_at_short_windows(record):
    rng = np.random.default_rng(8)
    n_frames, n, variance, time = 20_000, 10, 0.3, 4.0
    decay = np.exp(-1 / time)
    noise = rng.normal(scale=np.sqrt(variance * (1 - decay**2)), size=(n_frames, n, 3))
    noise[0] = rng.normal(scale=np.sqrt(variance), size=(n, 3))
    from scipy.signal import lfilter

    cage = lfilter([1.0], [1.0, -decay], noise, axis=0)
    windows = np.array([1.0, 4.0, 16.0, 64.0])
    k = mobility(decompose(make_universe(cage + 20.0), windows=windows), "ion")
    expected = n * variance * (1 - np.exp(-windows / time)) / windows
    # memory lasts for the longer of window and cage time
    error = standard_error(np.maximum(windows, 2 * time), n_frames, 1.0)
    record.within(8, "$K = N s^2 (1 - e^{-t / t_c}) / t$, window", k, expected, error * expected,
                  at=windows)  # fmt: skip


def test_case_15_independent_ions_obey_nernst_einstein(record):
    rng = np.random.default_rng(15)
    n_frames, n, dt = 4000, 15, 0.5
    paths = brownian(rng, n_frames, 2 * n, 0.04, dt) + rng.uniform(0, 40, (2 * n, 3))
    universe = make_universe(
        wrap(paths, 40.0), dt=dt, names=["P"] * n + ["M"] * n, masses=[7.0] * n + [35.0] * n
    )
    plus = IonSpecies(universe.select_atoms("name P"), charge=1, name="+")
    minus = IonSpecies(universe.select_atoms("name M"), charge=-1, name="-")
    windows = [0.5, 2.0, 10.0]
    data = (
        OnsagerDecomposition([plus, minus], temperature=300.0, windows=windows, frame="laboratory")
        .run()
        .results.decomposition
    )
    error = standard_error(windows, n_frames, dt)
    ratio = data["conductivity"] / data["nernst_einstein"]
    record.within(15, "$\\sigma / \\sigma_\\mathrm{NE}$, window", ratio, 1.0, error, at=windows)
    own = np.sqrt(np.prod([data["onsager_self"].sel(species=s) for s in "+-"], axis=0))
    # a cross correlation of two independent sums: half the variance of a square
    cross = data["onsager"].sel(species="+", species_2="-") / own
    record.within(15, "$L_{+-}$ over self parts, window", cross, 0.0, error / np.sqrt(2),
                  at=windows)  # fmt: skip


def test_case_16_anisotropic_hops_fill_the_diagonal_of_the_tensor(record):
    rng = np.random.default_rng(16)
    n_frames, n = 6000, 40
    rates, lengths = np.array([0.05, 0.02, 0.1]), np.array([2.0, 3.0, 1.0])
    number = rng.poisson(rates, size=(n_frames - 1, n, 3))
    steps = lengths * (2 * rng.binomial(number, 0.5) - number)
    paths = np.concatenate([np.zeros((1, n, 3)), np.cumsum(steps, axis=0)])
    results = decompose(make_universe(paths), windows=[1.0, 8.0])
    tensor = mobility(results, "ion", variable="onsager_tensor")
    expected = n * rates * lengths**2 / 2
    for k, window in enumerate([1.0, 8.0]):
        # one dimension: three times fewer samples than in the isotropic error
        error = np.sqrt(4 * window / (3 * n_frames) + 1 / number.sum(axis=(0, 1)))
        record.within(16, f"$K_{{aa}} = N k_a a_a^2 / 2$, window {window:g}, axis",
                      np.diag(tensor[k]), expected, error * expected, at=list("xyz"))  # fmt: skip
        scale = np.sqrt(np.outer(expected, expected))
        off = (tensor[k] / scale)[np.triu_indices(3, 1)]
        record.within(16, f"off the diagonal, scaled, window {window:g}, axes", off, 0.0,
                      np.sqrt(2 * window / (3 * n_frames)), at=["xy", "xz", "yz"])  # fmt: skip
    projected = decompose(make_universe(paths), windows=[8.0], axes="z")
    np.testing.assert_allclose(mobility(projected, "ion"), tensor[1, 2, 2], rtol=1e-9)


@pytest.mark.parametrize("frame", ["framework", "barycentric"])
def test_case_17_a_common_drift_changes_nothing(record, frame):
    rng = np.random.default_rng(17)
    n, n_frames = 8, 800
    ions = brownian(rng, n_frames, 2 * n, 0.05, 1.0) + rng.uniform(0, 40, (2 * n, 3))
    host = np.broadcast_to(rng.uniform(0, 40, (20, 3)), (n_frames, 20, 3))
    still = np.concatenate([ions, host], axis=1)
    drift = brownian(rng, n_frames, 1, 0.5, 1.0) + 0.05 * np.arange(n_frames)[:, None, None]
    values = []
    for positions in (still, still + drift):
        universe = make_universe(
            wrap(positions, 40.0),
            names=["P"] * n + ["M"] * n + ["H"] * 20,
            masses=[7.0] * n + [35.0] * n + [90.0] * 20,
        )
        species = [
            IonSpecies(universe.select_atoms("name P"), charge=1, name="+"),
            IonSpecies(universe.select_atoms("name M"), charge=-1, name="-"),
        ]
        data = (
            OnsagerDecomposition(species, temperature=300.0, windows=[1.0, 10.0, 50.0], frame=frame)
            .run()
            .results.decomposition
        )
        values.append(data)
    scale = float(values[0]["onsager"].max())
    gap = np.abs(values[0]["onsager"] - values[1]["onsager"]).max() / scale
    # single-precision input
    record.equal(17, f"change of $L$ over its largest, {frame}", gap, 0.0, 1e-5)
    ratio = values[1]["conductivity"] / values[0]["conductivity"]
    record.equal(17, f"ratio of $\\sigma$ with drift to without, {frame}", ratio, 1.0, 1e-5)


def test_case_18_a_breathing_cell_adds_nothing(record):
    rng = np.random.default_rng(18)
    n, n_host, n_frames, length = 64, 200, 4000, 30.0
    diffusion = 0.02
    # relative fluctuation 0.5% with a memory of some frames, as a barostat makes
    from scipy.signal import lfilter

    breath = lfilter([1.0], [1.0, -0.9], rng.normal(size=n_frames))
    scale = 1 + 0.005 * breath / breath.std()
    start = rng.uniform(0, length, (n + n_host, 3))
    walk = np.zeros((n_frames, n + n_host, 3))
    walk[:, :n] = brownian(rng, n_frames, n, diffusion, 1.0)
    fractional = (start + walk) / length
    fractional -= np.floor(fractional)
    positions = fractional * (length * scale)[:, None, None]
    dimensions = np.column_stack([np.outer(scale, [length] * 3), np.full((n_frames, 3), 90.0)])
    universe = make_universe(
        positions,
        dimensions,
        names=["P"] * (n // 2) + ["M"] * (n // 2) + ["H"] * n_host,
        masses=[7.0] * n + [1000.0] * n_host,
    )
    species = [
        IonSpecies(universe.select_atoms("name P"), charge=1, name="+"),
        IonSpecies(universe.select_atoms("name M"), charge=-1, name="-"),
    ]
    windows = [1.0, 10.0, 100.0]
    results = OnsagerDecomposition(species, temperature=300.0, windows=windows).run().results
    assert results.settings["frame"] == "barycentric"
    assert results.settings["volume_variance_angstrom6"] > 0
    error = standard_error(windows, n_frames, 1.0)
    for name in "+-":
        expected = n / 2 * diffusion
        own = mobility(results, name, variable="onsager_self")
        # 1%, or three standard errors where those are larger
        record.within(18, f"self part $N D$ of {name}, window", own, expected,
                      expected * np.maximum(0.01 / 3, error / np.sqrt(n / 2)),
                      at=windows)  # fmt: skip
        record.within(18, f"$K = N D$ of {name}, window", mobility(results, name), expected,
                      error * expected, at=windows)  # fmt: skip


@pytest.mark.slow
def test_case_20_bootstrap_intervals_cover_as_they_say(record):
    """300 replicas of case 2 with at least 40 blocks: 68% intervals cover in 60 to 75%."""
    n_frames, n, rate, length = 1000, 6, 0.2, 1.0
    expected = n * rate * length**2 / 6
    covered = []
    for replica in range(300):
        rng = np.random.default_rng([20, replica])
        paths, _ = hops(rng, n_frames, n, rate, length, 1.0)
        results = decompose(make_universe(paths, CUBE), windows=[2.0])
        assert int(results.decomposition["blocks"][0]) >= 40
        low = mobility(results, "ion", variable="onsager_low")[0]
        high = mobility(results, "ion", variable="onsager_high")[0]
        covered.append(low <= expected <= high)
    record.between(20, "coverage of 68% intervals", np.mean(covered), 0.60, 0.75)
