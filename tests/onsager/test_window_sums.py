"""Kernels against NumPy, and what must hold for any labels whatever."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from mda_ionmech import onsager
from mda_ionmech.onsager.carrier_labels import CarrierLabels
from mda_ionmech.onsager.coefficients import System
from mda_ionmech.onsager.window_kernels import segment_labels
from mda_ionmech.onsager.window_sums import block_products, window_sums

N_LABELS = 3


def random_system(rng, n_frames=40, carriers=(4, 3), change=0.3):
    """Species with random paths, states and macrostates; a label is a hash of two states."""
    species, states, macros = [], [], []
    for n in carriers:
        position = rng.normal(size=(n, 3, n_frames)).cumsum(axis=-1)
        state = np.zeros((n_frames, n), dtype=np.int32)
        macro = np.zeros((n_frames, n), dtype=np.int32)
        for t in range(1, n_frames):
            new = rng.random(n) < change
            state[t] = np.where(new, rng.integers(0, 5, n), state[t - 1])
            macro[t] = np.where(new, rng.integers(0, 2, n), macro[t - 1])
        species.append(
            CarrierLabels(
                position=position,
                states=onsager.label_runs(state),
                classify=lambda before, after: (before * 7 + after * 3) % N_LABELS,
                n_labels=N_LABELS,
                macrostates=onsager.label_runs(macro),
                n_macrostates=2,
            )
        )
        states.append(state)
        macros.append(macro)
    return species, states, macros


def system_of(species):
    s = len(species)
    row = [(k, e) for k in range(s) for e in range(N_LABELS)]
    move = [(k, m, n) for k in range(s) for m in range(2) for n in range(2)]
    row, move = np.array(row), np.array(move)
    return System(
        charge=np.array([1.0, -2.0])[:s],
        n_carriers=np.array([len(x.position) for x in species]),
        row_species=row[:, 0],
        row_label=row[:, 1],
        n_events=N_LABELS,
        transition_species=move[:, 0],
        transition_start=move[:, 1],
        transition_end=move[:, 2],
        n_macrostates=2,
        joint_species=np.zeros(s, dtype=bool),
        ruled_species=np.ones(s, dtype=bool),
        temperature=300.0,
        volume=1e4,
        n_dimensions=3,
    )


def plain_sums(species, states, macros, window):
    """The same sums by loops over origins and carriers."""
    n_frames = states[0].shape[0]
    rows, total, squared, number, moves, changes = [], [], [], [], [], []
    for one, state, macro in zip(species, states, macros, strict=True):
        d = one.position[:, :, window:] - one.position[:, :, :-window]
        label = (state[:-window].astype(int) * 7 + state[window:] * 3) % N_LABELS
        move = macro[:-window] * 2 + macro[window:]
        for e in range(N_LABELS):
            mask = (label == e).T
            rows.append(np.einsum("ct,cxt->xt", mask, d))
            squared.append(np.einsum("ct,cxt->", mask, d**2))
            number.append(mask.sum())
        total.append(d.sum(axis=0))
        for q in range(4):
            part = np.einsum("ct,cxt->xt", (move == q).T, d)
            moves.append(np.sum(part * d.sum(axis=0)))
        changed = np.cumsum(np.diff(state, axis=0, prepend=state[:1]) != 0, axis=0)
        inside = changed[window:] - changed[:-window]
        changes.append((np.sum(d**2), np.sum(inside > 0), np.sum(inside > 1)))
    rows, total = np.array(rows), np.array(total)
    return {
        "origins": n_frames - window,
        "gram": np.einsum("rxt,sxt->rs", rows, rows),
        "marginal": np.einsum("rxt,syt->rsxy", rows, total),
        "total": np.einsum("rxt,syt->rsxy", total, total),
        "squared": np.array(squared),
        "number": np.array(number),
        "transition": np.array(moves),
        **dict(zip(("total_squared", "changed", "repeated"), np.transpose(changes), strict=True)),
    }


def collective(species):
    return np.stack([s.position.sum(axis=0) for s in species])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    window=st.integers(1, 39),
    block=st.integers(1, 12),
    change=st.floats(0, 1),
)
def test_sums_against_numpy(seed, window, block, change):
    rng = np.random.default_rng(seed)
    species, states, macros = random_system(rng, change=change)
    sums = window_sums(species, window, block, collective(species))
    n_blocks = -(-(40 - window) // block)
    assert sums.origins.shape == (n_blocks,)
    whole = sums.resampled(np.ones((1, n_blocks)))
    for name, expected in plain_sums(species, states, macros, window).items():
        found = getattr(whole, name)[0]
        np.testing.assert_allclose(found, expected, atol=1e-9 * (1 + np.abs(expected).max()))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), window=st.integers(1, 20))
def test_contributions_sum_exactly_whatever_the_labels(seed, window):
    rng = np.random.default_rng(seed)
    species, _, _ = random_system(rng)
    system = system_of(species)
    sums = window_sums(species, window, 5, collective(species))
    whole = sums.resampled(np.ones((1, len(sums.origins))))
    values = {k: v[0] for k, v in onsager.evaluate(whole, system, 1.0).items()}
    assert onsager.residual(values).max() < 1e-12
    np.testing.assert_allclose(
        values["event_onsager_tensor"].sum(axis=2)[0, 1],
        values["onsager_tensor"][0, 1],
        atol=1e-12 * np.abs(values["onsager_tensor"]).max(),
    )
    # the matrix of one species is symmetric and positive semidefinite
    for k in range(2):
        matrix = values["event_matrix"][k, k]
        np.testing.assert_allclose(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix).min() > -1e-12 * np.abs(matrix).max()
        np.testing.assert_allclose(matrix.sum(axis=1), values["event_onsager"][k, k])
    np.testing.assert_allclose(values["share"].sum(axis=1), 1.0)
    np.testing.assert_allclose(np.einsum("aaxx->a", values["onsager_tensor"]) / 3,
                               np.diag(values["onsager"]))  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), window=st.integers(1, 15))
def test_order_of_carriers_origin_and_merged_labels_do_not_matter(seed, window):
    rng = np.random.default_rng(seed)
    species, states, macros = random_system(rng)
    system = system_of(species)

    def evaluated(listed):
        sums = window_sums(listed, window, 4, collective(listed))
        whole = sums.resampled(np.ones((1, len(sums.origins))))
        return {k: v[0] for k, v in onsager.evaluate(whole, system, 1.0).items()}

    first = evaluated(species)
    order = rng.permutation(4)
    shifted = CarrierLabels(
        position=species[0].position[order] + rng.normal(size=(4, 3, 1)),
        states=onsager.label_runs(states[0][:, order]),
        classify=species[0].classify,
        n_labels=N_LABELS,
        macrostates=onsager.label_runs(macros[0][:, order]),
        n_macrostates=2,
    )
    second = evaluated([shifted, species[1]])
    scale = np.abs(first["onsager_self"]).max()
    for name in ("onsager", "event_onsager", "event_matrix", "event_self", "transition_onsager"):
        np.testing.assert_allclose(second[name], first[name], atol=1e-11 * scale)
    merged = CarrierLabels(
        position=species[0].position,
        states=species[0].states,
        classify=lambda before, after: np.minimum(species[0].classify(before, after), 1),
        n_labels=N_LABELS,
        macrostates=species[0].macrostates,
        n_macrostates=2,
    )
    third = evaluated([merged, species[1]])
    parts = first["event_onsager"][0, :, 1] + first["event_onsager"][0, :, 2]
    np.testing.assert_allclose(third["event_onsager"][0, :, 1], parts, atol=1e-11 * scale)
    assert np.all(third["event_onsager"][0, :, 2] == 0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(2, 30), data=st.data())
def test_segments_expand_to_the_states_at_both_ends(seed, n_frames, data):
    window = data.draw(st.integers(1, n_frames - 1))
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 3, (n_frames, 4)).repeat(rng.integers(1, 3), axis=0)[:n_frames]
    runs = onsager.label_runs(state)
    offsets, begin, code = segment_labels(runs, window, lambda before, after: before * 3 + after)
    expected = state[:-window] * 3 + state[window:]
    assert (len(offsets), offsets[0], offsets[-1]) == (5, 0, len(begin))
    assert len(begin) == len(code)
    for c in range(4):
        for s in range(offsets[c], offsets[c + 1]):
            stop = begin[s + 1] if s + 1 < offsets[c + 1] else n_frames - window
            assert begin[s] < stop
            np.testing.assert_array_equal(expected[begin[s] : stop, c], code[s])
        assert begin[offsets[c]] == 0


@pytest.mark.parametrize("length", [7, 500, 20_000])
@pytest.mark.parametrize(("left", "right"), [(1, 1), (1, 2), (5, 1), (3, 3), (15, 6), (15, 15)])
def test_products_have_the_same_bits_for_any_number_of_threads(left, right, length):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(left, 50_000)), rng.normal(size=(right, 50_000))
    found = []
    for threads in (1, 2, 5):
        with threadpool_limits(threads):
            found.append(block_products(a, b, length))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    whole = np.einsum("it,jt->ij", a, b)
    np.testing.assert_allclose(found[0].sum(axis=0), whole, atol=1e-9)
