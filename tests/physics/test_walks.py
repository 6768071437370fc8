"""Cases 10 and 11: walks with memory, in one dimension, whose window view is known exactly."""

import numpy as np
from scipy.linalg import expm

from mda_ionmech import onsager
from mda_ionmech.onsager.carrier_labels import CarrierLabels
from mda_ionmech.onsager.window_sums import window_sums

from ..builders import decompose, make_universe, mobility


def back_hopper(rng, n_frames, n, rate, p, length):
    """Poisson hops along x; each reverses the one before with probability p."""
    number = rng.poisson(rate, (n_frames - 1, n))
    direction = rng.choice([-1.0, 1.0], n)
    steps = np.zeros((n_frames - 1, n))
    for t in range(n_frames - 1):
        for k in range(number[t].max(initial=0)):
            hop = number[t] > k
            direction[hop] *= np.where(rng.random(hop.sum()) < p, -1.0, 1.0)
            steps[t, hop] += direction[hop]
    return length * np.concatenate([np.zeros((1, n)), np.cumsum(steps, axis=0)]), number.sum()


def test_case_10_a_back_hopper_is_inflated_at_short_windows(record):
    rng = np.random.default_rng(10)
    n_frames, n, rate, p, length = 20_000, 40, 0.05, 0.8, 1.0
    x, n_hops = back_hopper(rng, n_frames, n, rate, p, length)
    positions = np.zeros((n_frames, n, 3)) + 20.0
    positions[..., 0] += x
    windows = np.array([1.0, 10.0, 100.0, 1000.0])
    k = mobility(decompose(make_universe(positions), windows=windows, axes="x"), "ion")
    # c: correlation of successive hops, averaged over their Poisson number
    c = 1 - 2 * p
    limit = (1 + c) / (1 - c)
    msd = limit * rate * windows - 2 * c / (1 - c) ** 2 * (1 - np.exp(-rate * (1 - c) * windows))
    expected = n * length**2 * msd / (2 * windows)
    # one dimension: three times fewer samples than in the isotropic error
    memory = np.maximum(windows, 2 / (rate * (1 - c)))
    error = np.sqrt(4 * memory / (3 * n_frames) + 1 / n_hops)
    record.within(10, "$K$ in windows, window", k, expected, error * expected, at=windows)
    # (1 - p) / p between the limits of the window view
    ratio = k[-1] / (n * rate * length**2 / 2)
    finite = expected[-1] / (n * rate * length**2 / 2)
    assert abs(finite / limit - 1) < 0.05
    record.within(10, "$L(t \\to \\infty) / L(t \\to 0) = (1 - p) / p$", ratio, limit,
                  error[-1] * limit)  # fmt: skip


def alternating(rng, n_frames, n, fast, slow, dt):
    """Place along a chain of alternating bonds: right of even and left of odd ones it is fast."""
    reach = 6
    index = np.arange(-reach, reach + 1)
    place = np.zeros((n_frames, n), dtype=np.int64)
    propagate = {}
    for parity in (0, 1):
        right = np.where((index + parity) % 2 == 0, fast, slow)
        left = fast + slow - right
        generator = np.diag(right[:-1], 1) + np.diag(left[1:], -1)
        generator -= np.diag(generator.sum(axis=1))
        propagate[parity] = generator
    cumulative = np.stack([np.cumsum(expm(propagate[q] * dt)[reach]) for q in (0, 1)])
    for t in range(1, n_frames):
        draw = rng.random(n)
        step = (cumulative[place[t - 1] % 2] < draw[:, None]).sum(axis=1) - reach
        place[t] = place[t - 1] + step
    return place


def chain_moments(fast, slow, a1, a2, time, reach=60):
    """<d^2> by label of a window that starts on an even place: fast, slow, several hops."""
    index = np.arange(-reach, reach + 1)
    right = np.where(index % 2 == 0, fast, slow)
    left = fast + slow - right
    generator = np.diag(right[:-1], 1) + np.diag(left[1:], -1)
    generator -= np.diag(generator.sum(axis=1))
    p = expm(generator * time)[reach]
    d = np.where(index % 2 == 0, index // 2 * (a1 + a2), (index - 1) // 2 * (a1 + a2) + a1)
    square = p * d.astype(float) ** 2
    return np.array([square[index == 1].sum(), square[index == -1].sum(),
                     square[np.abs(index) > 1].sum()])  # fmt: skip


def test_case_11_alternating_barriers_favour_fast_hops_at_short_windows(record):
    rng = np.random.default_rng(11)
    n_frames, n, fast, slow, a1, a2, dt = 20_000, 40, 0.08, 0.02, 1.0, 1.5, 1.0
    place = alternating(rng, n_frames, n, fast, slow, dt)
    x = place // 2 * (a1 + a2) + place % 2 * a1
    position = np.zeros((n, 3, n_frames))
    position[:, 0] = x.T
    first = place.min()

    def classify(before, after):
        moved = after - before
        even = (before + first) % 2 == 0
        is_fast = (moved == 1) & even | (moved == -1) & ~even
        return np.select([moved == 0, is_fast, np.abs(moved) == 1], [0, 1, 2], 3).astype(np.int64)

    labels = CarrierLabels(
        position=position,
        states=onsager.label_runs(place - first),
        classify=classify,
        n_labels=4,
        macrostates=None,
        n_macrostates=0,
    )
    collective = position.sum(axis=0)[None]
    hops = np.count_nonzero(np.diff(place, axis=0))
    for window in (1, 200):
        sums = window_sums([labels], window, n_frames, collective)
        parts = np.trace(sums.marginal.sum(axis=0)[:, 0], axis1=-2, axis2=-1)
        total = parts.sum() / sums.origins.sum() / (2 * window * dt)
        expected = chain_moments(fast, slow, a1, a2, window * dt)
        memory = max(window, 2 / (fast + slow))
        error = np.sqrt(4 * memory / (3 * n_frames) + 1 / hops)
        whole = n * expected.sum() / (2 * window * dt)
        record.within(11, f"$K$, window {window}", total, whole, error * whole)
        if window == 1:
            share, known = parts[1:] / parts.sum(), expected / expected.sum()
            spread = np.sqrt(2 * known * (1 - known) * memory / (3 * n_frames) + known**2 / hops)
            record.within(11, "share in windows of 1:", share, known, spread,
                          at=["fast hops", "slow hops", "several"])  # fmt: skip
            limit = fast * a1**2 / (fast * a1**2 + slow * a2**2)
            assert abs(known[0] / limit - 1) < 0.1, "near the limit of short windows"
        else:
            d = (a1 + a2) ** 2 / (2 * (1 / fast + 1 / slow))
            assert abs(whole / (n * d) - 1) < 0.05, "near the limit of long windows"
            record.within(11, "$D = (a_1 + a_2)^2 / 2 (1 / w_1 + 1 / w_2)$", total / n, d,
                          error * d)  # fmt: skip
