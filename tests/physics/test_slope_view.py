"""Cases 8 to 11 in the path and slope views: caging, hops in cages, back hops, unequal barriers.

Cases 10 and 11 are run in groups of carriers; the spread of the groups gives the standard error.
"""

import numpy as np
import pytest

from mda_ionmech import onsager
from mda_ionmech.onsager.carrier_labels import CarrierLabels
from mda_ionmech.onsager.coefficients import System
from mda_ionmech.onsager.window_sums import window_pass

from ..builders import CUBE, decompose, hops, make_universe, standard_error


def ornstein_uhlenbeck(rng, n_frames, n, variance, memory, dt):
    """Caged paths (frames, carriers, 3) of stationary variance per axis and correlation time."""
    from scipy.signal import lfilter

    keep = np.exp(-dt / memory)
    noise = rng.normal(scale=np.sqrt(variance * (1 - keep**2)), size=(n_frames, n, 3))
    noise[0] = rng.normal(scale=np.sqrt(variance), size=(n, 3))
    return lfilter([1.0], [1.0, -keep], noise, axis=0)


def slopes(results):
    """Slope of the total, A^2/ps, and half width of its interval, by horizon, finest resolution."""
    from scipy import constants

    settings, data = results.settings, results.decomposition
    one = data.sel(species="ion", species_2="ion", event="all").isel(resolution=0)
    to_mobility = (
        constants.k * settings["temperature_K"] * settings["volume_angstrom3"] * 1e-30 * 1e8
    )
    half = (one["path_slope_high"] - one["path_slope_low"]).values / 2
    return one["path_slope"].values * to_mobility, half * to_mobility


def test_case_8_the_slope_of_caged_ions_vanishes(record):
    rng = np.random.default_rng(8)
    n, n_frames, variance, memory = 12, 8000, 0.3, 3.0
    paths = ornstein_uhlenbeck(rng, n_frames, n, variance, memory, 1.0)
    horizons = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    results = decompose(
        make_universe(paths + 20.0, CUBE), windows=[1.0], resolutions=[1.0], horizons=horizons
    )
    found, half = slopes(results)
    decay = np.exp(-horizons / memory) - np.exp(-(horizons + 1) / memory)
    # the interval holds one standard error on either side
    record.within(8, "slope $N s^2 (e^{-T / t_c} - e^{-(T + \\delta) / t_c}) / \\delta$, horizon",
                  found, n * variance * decay, half, at=horizons)  # fmt: skip
    window = n * variance * (1 - np.exp(-1 / memory))
    assert np.all(np.abs(found[-2:]) < 0.1 * window), "nothing is left of the window view"


def test_case_9_the_slope_gives_the_hops_where_the_window_view_is_inflated(record):
    rng = np.random.default_rng(9)
    n, n_frames, variance, memory, rate, length = 20, 12_000, 0.3, 2.0, 0.1, 2.0
    cage = ornstein_uhlenbeck(rng, n_frames, n, variance, memory, 1.0)
    jumps, number = hops(rng, n_frames, n, rate, length, 1.0)
    horizons = np.array([16.0, 32.0])
    results = decompose(
        make_universe(cage + jumps, CUBE), windows=[1.0, 16.0], resolutions=[1.0], horizons=horizons
    )
    expected = n * rate * length**2 / 6
    found, _ = slopes(results)
    # hops are independent, so a slope at horizon T has the error of its 3 n_w windows
    error = np.sqrt(4 * horizons / (3 * n_frames) + 1 / number.sum())
    record.within(9, "slope $N k a^2 / 6$, horizon", found, expected, error * expected,
                  at=horizons)  # fmt: skip
    settings, data = results.settings, results.decomposition
    from scipy import constants

    scale = constants.k * settings["temperature_K"] * settings["volume_angstrom3"] * 1e-30 * 1e8
    whole = data["onsager"].sel(species="ion", species_2="ion").values * scale
    inflated = expected + n * variance * (1 - np.exp(-1 / memory))
    error = standard_error([1.0], n_frames, 1.0, number.sum())[0]
    record.within(9, "$K$ in short windows, inflated", whole[0], inflated, error * inflated)
    assert whole[0] > 1.5 * expected


def one_dimension(position, state, classify, n_labels):
    """Labelled carriers that move along x: position and state (frames, carriers)."""
    place = np.zeros((position.shape[1], 3, position.shape[0]))
    place[:, 0] = position.T
    return CarrierLabels(
        position=place,
        states=onsager.label_runs(np.ascontiguousarray(state)),
        classify=classify,
        n_labels=n_labels,
        macrostates=None,
        n_macrostates=0,
    )


def parts(carriers, n_steps):
    """K of every label over a mean step and over n_steps: window view and slope view."""
    none = np.empty(0, dtype=int)
    n = carriers.n_labels
    system = System(
        charge=np.ones(1), n_carriers=np.array([len(carriers.position)]),
        row_species=np.zeros(n, dtype=int), row_label=np.arange(n), n_events=n,
        transition_species=none, transition_start=none, transition_end=none, n_macrostates=0,
        joint_species=np.zeros(1, dtype=bool), ruled_species=np.ones(1, dtype=bool),
        temperature=300.0, volume=1e4, n_dimensions=1,
    )  # fmt: skip
    # single-particle motion: the collective sum of few carriers at a time would only add noise
    window, slope = np.zeros(n), np.zeros(n)
    for position, begin, stop in zip(
        carriers.position, carriers.states.offsets[:-1], carriers.states.offsets[1:], strict=True
    ):
        runs = onsager.LabelRuns(
            np.array([0, stop - begin]),
            carriers.states.start[begin:stop],
            carriers.states.value[begin:stop],
            carriers.states.n_frames,
        )
        one = CarrierLabels(**(vars(carriers) | {"position": position[None], "states": runs}))
        sums, steps = window_pass([one], 1, 1000, position[None])
        window += np.einsum("brsxx->r", sums.marginal) / sums.origins.sum()
        paths = onsager.path_sums(onsager.event_paths(steps, 1), position[None], 1, n_steps, 1000)
        whole = paths.resampled(np.ones((1, len(paths.origins))))
        slope += onsager.evaluate_paths(whole, system, float(n_steps), 1.0)["path_slope"][0, 0, 0]
    return window, slope


def test_case_10_reversals_carry_nothing_in_the_slope(record):
    """One dimension; each hop reverses the one before with probability p."""
    rng = np.random.default_rng(10)
    p, rate, n_groups, n, n_frames = 0.7, 0.3, 12, 6, 12_000
    windows, found = [], []
    for _ in range(n_groups):
        hopped = rng.random((n_frames, n)) < rate
        reverses = rng.random((n_frames, n)) < p
        sign = np.where(hopped & reverses, -1, 1)
        direction = np.cumprod(sign, axis=0)
        position = np.cumsum(np.where(hopped, direction, 0), axis=0).astype(float)
        # a state of its own after every hop, which remembers of what kind the hop was
        kind = np.where(hopped, np.where(reverses, 1, 2), 0)
        last = np.maximum.accumulate(np.where(hopped, np.arange(n_frames)[:, None], 0), axis=0)
        state = 3 * (np.cumsum(hopped, axis=0) % 2) + np.take_along_axis(kind, last, axis=0)

        def classify(before, after):
            return np.where(before == after, 0, after % 3)

        window, slope = parts(one_dimension(position, state, classify, 3), 40)
        windows.append(window)
        found.append(slope)
    windows, found = np.array(windows), np.array(found)
    window = windows.mean(axis=0)
    share = windows[:, 1] / windows.sum(axis=1)
    record.within(10, "share of reversals in short windows, $p$", window[1] / window.sum(), p,
                  share.std(ddof=1) / np.sqrt(n_groups))  # fmt: skip
    share = found / found.sum(axis=1, keepdims=True)
    error = share.std(axis=0, ddof=1) / np.sqrt(n_groups)
    record.within(10, "share of the slope:", share.mean(axis=0)[1:], [0.0, 1.0], error[1:],
                  at=["reversals", "forward hops"])  # fmt: skip
    # slope over window view: both as mean squares per step
    from scipy import constants

    scale = 2 * constants.k * 300.0 * 1e4 * 1e-30 * 1e-12 / 1e-20
    ratio = found.sum(axis=1) * scale / windows.sum(axis=1)
    spread = ratio.std(ddof=1) / np.sqrt(n_groups)
    record.within(10, "slope over short windows, $(1 - p) / p$", ratio.mean(), (1 - p) / p, spread)


@pytest.mark.slow
def test_case_11_unequal_barriers_share_the_slope_by_their_lengths(record):
    """One dimension; fast and slow bonds alternate; a hop over either is a step of one frame."""
    rng = np.random.default_rng(11)
    fast, slow, a1, a2, n_groups, n, n_frames = 0.4, 0.1, 1.0, 2.0, 12, 6, 12_000
    windows, found = [], []
    for _ in range(n_groups):
        site = np.zeros((n_frames, n), dtype=int)
        site[0] = rng.integers(0, 2, n)
        draw = rng.random((n_frames, n))
        for t in range(1, n_frames):
            # even sites have the fast bond to the right, odd ones to the left
            towards_fast = np.where(site[t - 1] % 2 == 0, 1, -1)
            step = np.where(draw[t] < fast, towards_fast, 0)
            step = np.where((draw[t] >= fast) & (draw[t] < fast + slow), -towards_fast, step)
            site[t] = site[t - 1] + step
        position = (site // 2) * (a1 + a2) + (site % 2) * a1

        def classify(before, after):
            return np.where(before == after, 0, np.where(before // 2 == after // 2, 1, 2))

        shifted = site - 2 * (site.min() // 2)  # not negative, even sites stay even
        window, slope = parts(one_dimension(position, shifted, classify, 3), 60)
        windows.append(window)
        found.append(slope)
    windows, found = np.array(windows), np.array(found)
    expected = fast * a1**2 / (fast * a1**2 + slow * a2**2)
    window = windows / windows.sum(axis=1, keepdims=True)
    error = window.std(axis=0, ddof=1) / np.sqrt(n_groups)
    record.within(11, "share of fast hops, $w_1 a_1^2 / \\sum w a^2$", window[:, 1].mean(),
                  expected, error[1])  # fmt: skip
    share = found / found.sum(axis=1, keepdims=True)
    error = share.std(axis=0, ddof=1) / np.sqrt(n_groups)
    record.within(11, "share of fast hops in the slope, $a_1 / (a_1 + a_2)$", share[:, 1].mean(),
                  a1 / (a1 + a2), error[1])  # fmt: skip
    from scipy import constants

    scale = 2 * constants.k * 300.0 * 1e4 * 1e-30 * 1e-12 / 1e-20
    diffusion = found.sum(axis=1) * scale / 2 / n
    exact = (a1 + a2) ** 2 / (2 * (1 / fast + 1 / slow))
    spread = diffusion.std(ddof=1) / np.sqrt(n_groups)
    record.within(11, "slope $(a_1 + a_2)^2 / 2 (1 / w_1 + 1 / w_2)$", diffusion.mean(), exact,
                  spread)  # fmt: skip
