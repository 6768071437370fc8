"""Exponents, survival, rates and the finite-size shift against NumPy and known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.special import erfc

from mda_ionmech import InputError, onsager
from mda_ionmech.observables.contact_survival import (
    channel_counts,
    characteristic_times,
    contact_table,
    count_endings,
    count_survivors,
    survival_lags,
)
from mda_ionmech.observables.msd_exponents import (
    XI,
    cubic_length,
    finite_size_shift,
    growth,
    squared_displacements,
)


def test_squared_displacements_against_numpy():
    position = np.random.default_rng(0).normal(size=(150, 3, 40))
    own, whole = squared_displacements(position, 7)
    d = position[:, :, 7:] - position[:, :, :-7]
    np.testing.assert_allclose(own, (d**2).sum(axis=(0, 1)))
    np.testing.assert_allclose(whole, (d.sum(axis=0) ** 2).sum(axis=0))


def fractional_brownian(rng, hurst, n_frames, n_paths):
    """Exact paths with <(x(t) - x(s))^2> = |t - s|^2H, from the covariance of their steps."""
    lag = np.arange(n_frames - 1.0)
    powers = [np.abs(lag + k) ** (2 * hurst) for k in (1, 0, -1)]
    covariance = 0.5 * (powers[0] - 2 * powers[1] + powers[2])
    index = np.abs(np.subtract.outer(np.arange(n_frames - 1), np.arange(n_frames - 1)))
    steps = np.linalg.cholesky(covariance[index]) @ rng.normal(size=(n_frames - 1, n_paths))
    return np.concatenate([np.zeros((1, n_paths)), np.cumsum(steps, axis=0)])


@pytest.mark.slow
@pytest.mark.parametrize("hurst", [0.25, 0.5, 0.75])
def test_exponent_of_fractional_brownian_motion_is_twice_its_hurst_exponent(hurst):
    rng = np.random.default_rng(int(100 * hurst))
    n = 120
    paths = fractional_brownian(rng, hurst, 600, 3 * n).reshape(600, n, 3).transpose(1, 2, 0)
    for windows in ((1, 2), (4, 8), (8, 32)):
        squares = [squared_displacements(paths, w)[0] for w in windows]
        exponent, low, high = growth(*squares, windows, seed=0, level=0.68).exponent
        # the error from carriers, which are independent
        own = np.stack([
            ((paths[:, :, w:] - paths[:, :, :-w]) ** 2).sum(axis=1).mean(axis=1) for w in windows
        ])  # fmt: skip
        left_out = own.sum(axis=1, keepdims=True) - own
        slopes = np.log(left_out[1] / left_out[0]) / np.log(windows[1] / windows[0])
        error = np.sqrt((n - 1) * slopes.var())
        assert abs(exponent - 2 * hurst) < 3 * error
        # and blocks of time say the same of it
        if windows[1] < 16:
            assert (high - low) / 2 == pytest.approx(error, rel=0.6)


@pytest.mark.slow
def test_intervals_of_exponent_and_slope_cover_as_they_say():
    rng = np.random.default_rng(5)
    covered = [], []
    for _ in range(300):
        path = rng.normal(size=(1, 3, 500)).cumsum(axis=-1)
        squares = [squared_displacements(path, w)[1] for w in (1, 2)]
        grown = growth(*squares, (1, 2), seed=0, level=0.68)
        # unit steps along each axis: 3 A^2 a frame
        for (_, low, high), exact, hits in zip(
            (grown.exponent, grown.slope), (1.0, 3.0), covered, strict=True
        ):
            hits.append(low <= exact <= high)
        assert grown.n_blocks >= 10
    # 300 draws: 0.027 is one standard error, and blocks of finite length cost some
    assert all(0.58 <= np.mean(hits) <= 0.76 for hits in covered)


def test_exponent_where_nothing_moves_is_undefined():
    still = np.zeros((2, 3, 100))
    squares = [squared_displacements(still, w)[0] for w in (1, 2)]
    grown = growth(*squares, (1, 2), seed=0, level=0.68)
    assert np.isnan(grown.exponent).all()
    assert grown.slope[0] == 0


def test_finite_size_constant_is_that_of_the_wigner_lattice():
    """xi = -(potential of a cubic lattice of unit charges in a background), by an Ewald sum."""
    alpha, n = 2.0, np.arange(-6, 7)
    grid = np.stack(np.meshgrid(n, n, n), axis=-1).reshape(-1, 3)
    r = np.linalg.norm(grid[np.any(grid, axis=1)], axis=1)
    k2 = (2 * np.pi * r) ** 2
    potential = (
        np.sum(erfc(alpha * r) / r)
        + np.sum(4 * np.pi / k2 * np.exp(-k2 / (4 * alpha**2)))
        - np.pi / alpha**2
        - 2 * alpha / np.sqrt(np.pi)
    )
    assert pytest.approx(-potential, abs=1e-6) == XI


def test_finite_size_shift_has_its_value_and_its_scaling():
    # kB T = 4.1419e-21 J, 6 pi eta L = 6 pi 1e-3 20e-10 = 3.7699e-11: 3.1172e-10 m^2/s
    assert finite_size_shift(300.0, 1.0, 20.0) == pytest.approx(3.1172e-6, rel=1e-4)
    assert finite_size_shift(300.0, 0.5, 40.0) == finite_size_shift(300.0, 1.0, 20.0)


def test_cells_far_from_cubic_are_refused():
    assert cubic_length(np.diag([20.0, 20.2, 19.8])) == pytest.approx(20.0, rel=1e-4)
    with pytest.raises(InputError, match=r"edges of 20.0, 20.0, 30.0 Å"):
        cubic_length(np.diag([20.0, 20.0, 30.0]))
    octahedral = 20 * np.array([[1, 0, 0], [1 / 3, 0.942809, 0], [-1 / 3, 0.471405, 0.816497]])
    with pytest.raises(InputError, match=r"viscosity=.* angles of"):
        cubic_length(octahedral)


def brute_survival(contact, lag, continuous):
    """contact (frames, pairs) of bool to counts per origin (frames - lag,)."""
    n = len(contact) - lag
    alive = contact[:n] & contact[lag:]
    if continuous:
        alive = np.all([contact[k : k + n] for k in range(lag + 1)], axis=0)
    return alive.sum(axis=1), contact[:n].sum(axis=1)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), block=st.integers(1, 40), change=st.floats(0.02, 1))
def test_survival_against_numpy(seed, block, change):
    rng = np.random.default_rng(seed)
    n_frames, n_carriers, n_ligands = 40, 3, 4
    contact = np.zeros((n_frames, n_carriers, n_ligands), dtype=bool)
    for t in range(n_frames):
        new = rng.random(contact.shape[1:]) < (1.0 if t == 0 else change)
        contact[t] = np.where(new, rng.random(contact.shape[1:]) < 0.4, contact[t - 1])
    kind_of = np.array([0, 1, 1, 0])
    # every subset is a shell
    subsets = np.array([[s >> k & 1 for k in range(n_ligands)] for s in range(16)], dtype=bool)
    state = contact @ (1 << np.arange(n_ligands))
    shell, ligand = np.nonzero(subsets)
    table = contact_table(
        onsager.label_runs(state),
        np.searchsorted(shell, np.arange(17)),
        ligand,
        kind_of[ligand],
    )
    assert np.all(table.begin < table.end)
    total = sum(table.end - table.begin)
    assert total == contact.sum()
    lags = np.array([0, 1, 3, 10, 39])
    n_blocks = max(40 // block, 1)
    for continuous in (True, False):
        alive, present = (np.zeros((len(lags), 2, n_blocks)) for _ in range(2))
        count_survivors(table.pair_offsets, table.begin, table.end, table.kind, n_frames, lags,
                        block, continuous, alive, present)  # fmt: skip
        for m, lag in enumerate(lags):
            edges = np.minimum(np.arange(n_frames - lag) // block, n_blocks - 1)
            for k in range(2):
                flat = contact[:, :, kind_of == k].reshape(n_frames, -1)
                both, at = brute_survival(flat, lag, continuous)
                for found, expected in ((alive, both), (present, at)):
                    np.testing.assert_array_equal(
                        found[m, k], np.bincount(edges, expected, n_blocks)
                    )


@pytest.mark.parametrize("block", [1, 7, 40])
def test_endings_and_blocks_of_carriers_against_numpy(block):
    """Whole numbers: contacts may come by blocks of carriers, in any order."""
    rng = np.random.default_rng(3)
    n_frames, n_carriers, n_ligands = 40, 5, 4
    subsets = np.array([[s >> k & 1 for k in range(n_ligands)] for s in range(16)], dtype=bool)
    shell, ligand = np.nonzero(subsets)
    kind_of = np.array([0, 1, 1, 0])
    state = rng.integers(0, 16, (n_frames, n_carriers))
    runs = onsager.label_runs(state)
    about = np.searchsorted(shell, np.arange(17)), ligand, kind_of[ligand]
    contact = subsets[state]
    n_blocks = n_frames // block
    expected = np.zeros((2, n_blocks))
    for t, _, k in np.argwhere(contact[:-1] & ~contact[1:]):
        expected[kind_of[k], min((t + 1) // block, n_blocks - 1)] += 1
    found = np.zeros((2, n_blocks))
    count_endings(contact_table(runs, *about), block, found)
    np.testing.assert_array_equal(found, expected)
    lags = np.array([0, 1, 5])
    sums = {}
    for parts in ([(0, 5)], [(3, 5), (0, 1), (1, 3)]):
        alive, present, endings = (
            np.zeros((3, 2, n_blocks)), np.zeros((3, 2, n_blocks)), np.zeros((2, n_blocks)),
        )  # fmt: skip
        for first, last in parts:
            mine = onsager.label_runs(state[:, first:last])
            table = contact_table(mine, *about)
            count_survivors(table.pair_offsets, table.begin, table.end, table.kind, n_frames, lags,
                            block, False, alive, present)  # fmt: skip
            count_endings(table, block, endings)
        sums[len(parts)] = alive, present, endings
    for one, other in zip(*sums.values(), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), block=st.integers(1, 30), n_frames=st.integers(2, 30),
    n_runs=st.integers(1, 40),
)  # fmt: skip
def test_channel_counts_against_numpy(seed, block, n_frames, n_runs):
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 4, (n_frames, 6))
    label = np.array([0, 2, 1, 1])
    kind, n_steps = label[state], n_frames - 1
    n_blocks = -(-n_steps // block)
    changes, held = np.zeros((n_blocks, 3, 3)), np.zeros((n_blocks, 3))
    for t in range(n_steps):
        for c in range(6):
            held[t // block, kind[t, c]] += 1
            if state[t, c] != state[t + 1, c]:
                changes[t // block, kind[t, c], kind[t + 1, c]] += 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mda_ionmech.lib.run_length.BLOCK_RUNS", n_runs)
        found = channel_counts(onsager.label_runs(state), label, 3, block)
    np.testing.assert_array_equal(found[0], changes)
    np.testing.assert_array_equal(found[1], held)


def test_characteristic_times_of_an_exponential():
    lags = survival_lags(4000) * 0.5
    decay = np.stack([np.exp(-lags / 37.0), np.exp(-lags / 5.0)])
    fall, integral = characteristic_times(lags, decay)
    np.testing.assert_allclose(fall, [37.0, 5.0], rtol=1e-12)
    np.testing.assert_allclose(integral, [37.0, 5.0], rtol=2e-3)
    fall, _ = characteristic_times(lags, np.full(len(lags), 0.9))
    assert np.isnan(fall)


def test_survival_and_rates_of_a_two_state_process():
    """On and off at rates k and q: the chain of its frames is known from the matrix exponential."""
    rng = np.random.default_rng(7)
    k, q, n_frames, n = 0.05, 0.02, 20_000, 40
    step = expm(np.array([[-q, q], [k, -k]]))  # off -> on at q, on -> off at k
    state = np.zeros((n_frames, n), dtype=np.int64)
    state[0] = rng.random(n) < q / (k + q)
    for t in range(1, n_frames):
        state[t] = rng.random(n) < step[state[t - 1], 1]
    changes, held = channel_counts(onsager.label_runs(state), np.arange(2), 2, 500)
    count, exposure = changes.sum(axis=0), held.sum(axis=0)
    assert exposure.sum() == n * (n_frames - 1)
    for a, b in ((0, 1), (1, 0)):
        error = np.sqrt(step[a, b] * (1 - step[a, b]) / exposure[a])
        assert abs(count[a, b] / exposure[a] - step[a, b]) < 3 * error
    table = contact_table(onsager.label_runs(state), np.array([0, 0, 1]), np.array([0]),
                          np.array([0]))  # fmt: skip
    lags = survival_lags(n_frames)[:60]
    alive, present = (np.zeros((len(lags), 1, 1)) for _ in range(2))
    found = {}
    for continuous in (True, False):
        alive[:], present[:] = 0, 0
        count_survivors(table.pair_offsets, table.begin, table.end, table.kind, n_frames, lags,
                        n_frames, continuous, alive, present)  # fmt: skip
        found[continuous] = (alive / present)[:, 0, 0]
    p = q / (k + q)
    expected = {True: step[1, 1] ** lags, False: p + (1 - p) * np.exp(-(k + q) * lags)}
    # on-off cycles are independent; there are about as many as endings
    error = 1 / np.sqrt(count[1, 0])
    for continuous in (True, False):
        assert np.all(np.abs(found[continuous] - expected[continuous]) < 3 * error)
