"""Path and slope views against loops, and what must hold for any labels whatever."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import onsager
from mda_ionmech.events import CrystalEvents, SiteHistory
from mda_ionmech.events.crystal.crystal_events import LinkedHops, whole_window
from mda_ionmech.microstates import ShellTable
from mda_ionmech.onsager.carrier_labels import CarrierLabels, JointLabels, one_label
from mda_ionmech.onsager.path_sums import self_parts
from mda_ionmech.onsager.window_kernels import count_changes
from mda_ionmech.onsager.window_sums import window_pass

from .test_window_sums import N_LABELS, collective, random_system, system_of


def plain_paths(species, states, resolution, n_steps):
    """Sums over origins of the path view, by loops over steps and carriers."""
    n_frames = states[0].shape[0]
    horizon = resolution * n_steps
    n_origins = n_frames - horizon
    total = np.array(
        [s.position[:, :, horizon:].sum(axis=0) - s.position[:, :, :-horizon].sum(axis=0)
         for s in species]
    )  # fmt: skip
    rows, own = [], []
    for one, state in zip(species, states, strict=True):
        moved = np.zeros((N_LABELS, 3, n_origins))
        self_part = np.zeros((N_LABELS, n_origins))
        for t in range(n_origins):
            for c in range(one.position.shape[0]):
                whole = one.position[c, :, t + horizon] - one.position[c, :, t]
                for k in range(n_steps):
                    a, b = t + k * resolution, t + (k + 1) * resolution
                    label = (int(state[a, c]) * 7 + int(state[b, c]) * 3) % N_LABELS
                    step = one.position[c, :, b] - one.position[c, :, a]
                    moved[label, :, t] += step
                    self_part[label, t] += step @ whole
        rows.append(moved)
        own.append(self_part)
    return np.einsum("rxt,sxt->rs", np.concatenate(rows), total), total, own


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    resolution=st.integers(1, 6),
    n_steps=st.integers(1, 6),
    block=st.integers(1, 9),
)
def test_path_sums_against_loops(seed, resolution, n_steps, block):
    rng = np.random.default_rng(seed)
    species, states, _ = random_system(rng, n_frames=45)
    _, steps = window_pass(species, resolution, block, collective(species))
    path = onsager.event_paths(steps, resolution)
    sums = onsager.path_sums(path, collective(species), resolution, n_steps, block)
    for count, found in ((n_steps, "marginal"), (n_steps + 1, "next_marginal")):
        marginal, total, own = plain_paths(species, states, resolution, count)
        scale = 1 + np.abs(marginal).max()
        np.testing.assert_allclose(getattr(sums, found).sum(axis=0), marginal, atol=1e-9 * scale)
        whole = np.einsum("axt,bxt->ab", total, total)
        name = found.replace("marginal", "total")
        np.testing.assert_allclose(getattr(sums, name).sum(axis=0), whole, atol=1e-9 * scale)
        for one, expected in zip(species, own, strict=True):
            parts = self_parts(one, resolution, count)
            np.testing.assert_allclose(parts, expected, atol=1e-9 * scale)
    n_origins = 45 - resolution * n_steps
    assert sums.origins.sum() == n_origins
    assert len(sums.origins) == -(-n_origins // block)
    assert sums.next_origins.sum() == max(45 - resolution * (n_steps + 1), 0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), resolution=st.integers(1, 9), n_steps=st.integers(1, 4))
def test_contributions_sum_exactly_at_every_resolution_and_horizon(seed, resolution, n_steps):
    rng = np.random.default_rng(seed)
    species, _, _ = random_system(rng, n_frames=60)
    system = system_of(species)
    _, steps = window_pass(species, resolution, 5, collective(species))
    path = onsager.event_paths(steps, resolution)
    sums = onsager.path_sums(path, collective(species), resolution, n_steps, 5)
    squared = np.array(
        [np.mean(np.sum((s.position[:, :, resolution * n_steps:]
                         - s.position[:, :, :-resolution * n_steps]) ** 2, axis=(0, 1)))
         for s in species]
    )  # fmt: skip
    assert onsager.path_residual(sums, system, squared) < 1e-12
    whole = sums.resampled(np.ones((1, len(sums.origins))))
    values = onsager.evaluate_paths(whole, system, float(resolution * n_steps), float(resolution))
    scale = np.abs(values["_path"]).max()
    for view, total in (("path_onsager", "_path"), ("path_slope", "_slope")):
        parts = values[view].sum(axis=-1)
        np.testing.assert_allclose(parts, values[total], atol=1e-11 * scale)
    if n_steps == 1:  # the path view of one step is the window view
        window = onsager.window_sums(species, resolution, 5, collective(species))
        same = onsager.evaluate(
            window.resampled(np.ones((1, len(window.origins)))), system, float(resolution)
        )
        np.testing.assert_allclose(
            values["path_onsager"], same["event_onsager"], atol=1e-11 * scale
        )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), resolution=st.integers(1, 5), n_steps=st.integers(1, 4))
def test_order_of_carriers_and_origin_do_not_matter(seed, resolution, n_steps):
    rng = np.random.default_rng(seed)
    species, states, macros = random_system(rng, n_frames=50)

    def marginal(listed):
        _, steps = window_pass(listed, resolution, 4, collective(listed))
        path = onsager.event_paths(steps, resolution)
        sums = onsager.path_sums(path, collective(listed), resolution, n_steps, 4)
        return sums.marginal.sum(axis=0)

    order = rng.permutation(4)
    other = CarrierLabels(
        position=species[0].position[order] + rng.normal(size=(4, 3, 1)),
        states=onsager.label_runs(states[0][:, order]),
        classify=species[0].classify,
        n_labels=N_LABELS,
        macrostates=onsager.label_runs(macros[0][:, order]),
        n_macrostates=2,
    )
    first = marginal(species)
    np.testing.assert_allclose(
        marginal([other, species[1]]), first, atol=1e-10 * (1 + np.abs(first).max())
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), resolution=st.integers(1, 6), n_steps=st.integers(1, 5))
def test_sites_take_hops_and_vibration_takes_the_rest(seed, resolution, n_steps):
    """With the sites held projected out, labels carry site vectors, the last label what is left."""
    rng = np.random.default_rng(seed)
    n, f, n_sites = 5, 50, 8
    state = rng.integers(0, n_sites, (n, f)).astype(np.int32)
    held = (12 * rng.normal(size=(n_sites, 3)))[state].transpose(0, 2, 1)
    number = np.arange(n_sites + 1)
    shells = ShellTable(number, number[:-1], number[:-1], 0 * number[:-1], ("a",))
    rule = CrystalEvents()
    history = SiteHistory.of_arrays(state, held, shells, 100.0 * (1 - np.eye(n_sites)))
    runs = onsager.label_runs(state.T)
    joint = JointLabels(LinkedHops((rule,), history, np.arange(n, dtype=np.int32)), 0, runs)
    position = held + rng.normal(size=held.shape)
    one = CarrierLabels(position, runs, one_label, 4, None, 0, joint)
    projected = CarrierLabels(**(vars(one) | {"site_positions": history.where}))
    assert projected.n_path_labels == 5
    _, steps = window_pass([projected], resolution, 4, position.sum(axis=0)[None])
    assert len(steps) == 5
    label, _ = whole_window(rule.label_blocks(history, resolution))
    site_step = held[:, :, resolution:] - held[:, :, :-resolution]
    for e in range(4):
        expected = np.einsum("ct,cxt->xt", label == e, site_step)
        np.testing.assert_allclose(steps[e], expected, atol=1e-9)
    whole = one.position.sum(axis=0)
    np.testing.assert_allclose(
        steps.sum(axis=0), whole[:, resolution:] - whole[:, :-resolution], atol=1e-9
    )
    parts = self_parts(projected, resolution, n_steps)
    horizon = resolution * n_steps
    moved = one.position[:, :, horizon:] - one.position[:, :, :-horizon]
    np.testing.assert_allclose(parts.sum(axis=0), np.sum(moved**2, axis=(0, 1)), atol=1e-8)


def test_mean_squares_are_those_of_all_carriers_of_a_species():
    # frame t of carrier c of species k at (k + 1) * (c + 1) * t along x
    positions = [np.zeros((n, 3, 9)) for n in (2, 3)]
    for k, one in enumerate(positions):
        one[:, 0] = (k + 1) * np.arange(1.0, len(one) + 1)[:, None] * np.arange(9)
    for horizon in (1, 2, 8):
        found = onsager.mean_squares(positions, horizon)
        np.testing.assert_allclose(found, [horizon**2 * (1 + 4), 4 * horizon**2 * (1 + 4 + 9)])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(3, 30), data=st.data())
def test_repeated_changes_against_numpy(seed, n_frames, data):
    window = data.draw(st.integers(1, n_frames - 1))
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 3, (n_frames, 4)).repeat(rng.integers(1, 4), axis=0)[:n_frames]
    runs = onsager.label_runs(state)
    changed, repeated = np.zeros((2, n_frames - window))
    count_changes(runs.offsets, runs.start, window, changed, repeated)
    changes = np.vstack([np.zeros(4), np.cumsum(state[1:] != state[:-1], axis=0)])
    inside = changes[window:] - changes[:-window]
    np.testing.assert_array_equal(changed, np.count_nonzero(inside > 0, axis=1))
    np.testing.assert_array_equal(repeated, np.count_nonzero(inside > 1, axis=1))
