"""Time reversal and detailed balance: silent at equilibrium, loud for a process that turns."""

import numpy as np
import pytest
from scipy.linalg import expm

from mda_ionmech import IonSpecies, OnsagerDecomposition, datasets
from mda_ionmech.events import CrystalEvents
from mda_ionmech.macrostates import MacrostateRule, Macrostates
from mda_ionmech.microstates import CutoffShell, SiteAssignment
from mda_ionmech.results.time_reversal import circulation

from ..builders import brownian, make_universe
from ..conftest import liquid_species

#: Turns 0 -> 1 -> 2 -> 0 more often than back; and the same rates without a sense of rotation.
TURNING = np.array([[-0.06, 0.05, 0.01], [0.01, -0.06, 0.05], [0.05, 0.01, -0.06]])
BALANCED = np.array([[-0.09, 0.06, 0.03], [0.03, -0.04, 0.01], [0.045, 0.03, -0.075]])


class Given(MacrostateRule):
    """Labels that were drawn beforehand."""

    def __init__(self, state, n_labels=3):
        self.state, self.names = state, tuple("abc"[:n_labels])

    def assign(self, states, index):
        return Macrostates(self.state.astype(np.int16), self.names)


def chain(rng, generator, n_frames, n):
    """A Markov process of rates `generator`, from its stationary distribution."""
    step = np.cumsum(expm(generator), axis=1)
    values, vectors = np.linalg.eig(generator.T)
    stationary = np.real(vectors[:, np.argmin(np.abs(values))])
    state = np.zeros((n_frames, n), dtype=int)
    state[0] = rng.choice(len(generator), n, p=stationary / stationary.sum())
    for t in range(1, n_frames):
        state[t] = (rng.random(n)[:, None] > step[state[t - 1]]).sum(axis=1)
    return state


def verdict(seed, generator, *, n_frames=2000, n=20, window=4.0):
    rng = np.random.default_rng(seed)
    universe = make_universe(brownian(rng, n_frames, n, 0.02, 1.0) + 20)
    state = chain(rng, generator, n_frames, n)
    ions = IonSpecies(
        universe.atoms, charge=1, name="ion", macrostates=Given(state, len(generator))
    )
    run = OnsagerDecomposition(
        [ions], temperature=300, windows=[window], frame="laboratory", resolutions=None
    ).run()
    return run.results.convergence(window), state


def test_balanced_rates_have_no_circulation():
    """Kolmogorov's criterion, so that the names of the two processes are right."""
    for rates, ratio in ((BALANCED, 1.0), (TURNING, 125.0)):
        forward = rates[0, 1] * rates[1, 2] * rates[2, 0]
        backward = rates[1, 0] * rates[2, 1] * rates[0, 2]
        assert forward / backward == pytest.approx(ratio)


def test_a_process_that_turns_is_found_out():
    found, state = verdict(1, TURNING)
    assert found.balanced is False
    assert "Not balanced" in str(found)
    table = found.table.loc["ion"]
    worst = table["standard_errors"].abs()
    assert worst.xs("cycle").iloc[0] > 10
    # turns counted by hand, for windows of 4 frames
    counts = np.zeros((3, 3))
    np.add.at(counts, (state[:-4], state[4:]), 1)
    assert table.loc[("cycle", "a -> b -> c -> a"), "forward"] == pytest.approx(circulation(counts))
    row = table.loc[("count", "a -> b")]
    assert (row["forward"], row["backward"]) == (counts[0, 1], counts[1, 0])
    # how many turns there must be: stationary flux times carriers, origins and window
    p = expm(4 * TURNING)
    expected = (p[0, 1] - p[1, 0]) / 3 * state.shape[1] * (len(state) - 4)
    noise = table.loc[("cycle", "a -> b -> c -> a"), "noise"]
    assert abs(circulation(counts) - expected) < 3 * noise


@pytest.mark.slow
def test_balanced_motion_differs_by_its_noise():
    """40 replicas: differences of L are as large as the noise says, those of counts no larger."""
    tables = [verdict(seed, BALANCED, n_frames=1000, n=8)[0] for seed in range(40)]
    z = np.array([t.table["standard_errors"].xs("onsager", level="test") for t in tables])
    assert z.shape == (40, 3)
    # the mean of z^2 over 120 values has a standard error of some 0.13 to 0.22
    assert 0.6 < np.mean(z**2) < 1.5
    cycles = np.array([t.table["standard_errors"].xs("cycle", level="test") for t in tables])
    assert np.mean(cycles**2) < 1.5
    assert sum(t.balanced is False for t in tables) <= 3
    assert all("Detailed balance holds" in t.text for t in tables if t.balanced)


def test_two_labels_balance_by_themselves():
    found, _ = verdict(3, np.array([[-0.05, 0.05], [0.1, -0.1]]))
    assert list(found.table.index.unique("test")) == ["onsager"]


def test_few_blocks_say_nothing():
    found, _ = verdict(3, BALANCED, n_frames=200, window=20.0)
    assert found.balanced is None
    assert "fewer than ten blocks" in found.text


def test_filters_are_named_and_plain_cutoffs_are_not(liquid_run):
    plain = liquid_run.results.convergence(16.0)
    assert plain.balanced
    assert "single frames" not in plain.text
    assert plain.table.attrs["window_ps"] == 16.0
    filtered = OnsagerDecomposition(
        liquid_species(datasets.liquid(), hysteresis=0.6, persistence=5.0), temperature=330.0,
        windows=[16.0], resolutions=None,
    ).run(stop=1000)  # fmt: skip
    text = filtered.results.convergence().text
    assert "(persistence of 5 ps, hysteresis)" in text
    assert "single frames" not in filtered.plain().convergence().text


def test_hop_channels_are_compared_with_their_reverse():
    """Ions that hop between sites a and b at the ends of separate pairs, at random."""
    rng = np.random.default_rng(2)
    n, n_frames = 12, 1500
    side = chain(rng, np.array([[-0.05, 0.05], [0.05, -0.05]]), n_frames, n)
    x = 5.0 * np.arange(n) + 1.0 + 2.0 * side
    ions = np.stack([x, np.full_like(x, 3.0), np.full_like(x, 3.0)], axis=-1)
    host = np.broadcast_to([1.0, 8.0, 8.0], (n_frames, 1, 3))
    box = np.array([5.0 * n, 12.0, 12.0])
    universe = make_universe(
        np.concatenate([ions, host], axis=1), (*box, 90, 90, 90), names=["I"] * n + ["H"],
        masses=[7.0] * n + [90.0],
    )  # fmt: skip
    sites = np.array([[5.0 * k + 1 + 2 * s, 3.0, 3.0] for k in range(n) for s in (0, 1)]) / box
    lithium = IonSpecies(
        universe.select_atoms("name I"), charge=1, name="ion",
        microstates=SiteAssignment.from_structure(
            sites, ["a", "b"] * n, framework=universe.select_atoms("name H"),
            framework_fractional=[np.array([1.0, 8.0, 8.0]) / box], assignment="nearest",
        ),
        events=CrystalEvents(detail="channel"),
    )  # fmt: skip
    run = OnsagerDecomposition([lithium], temperature=300, windows=[2.0], resolutions=None).run()
    found = run.results.convergence()
    assert list(found.table.index) == [("ion", "event", "a->b")]
    data = run.results.decomposition["event_onsager"].sel(species="ion", species_2="ion", window=2)
    row = found.table.iloc[0]
    assert row["forward"] == pytest.approx(float(data.sel(event="a->b")))
    assert row["backward"] == pytest.approx(float(data.sel(event="b->a")))
    assert abs(row["standard_errors"]) < 3


def test_nothing_to_compare_is_said():
    rng = np.random.default_rng(0)
    universe = make_universe(brownian(rng, 100, 3, 0.05, 1.0) + 20)
    ions = IonSpecies(
        universe.atoms, charge=1, name="ion", microstates=CutoffShell(1.0, other=universe.atoms[:1])
    )
    run = OnsagerDecomposition([ions], temperature=300, windows=[1.0], frame="laboratory").run()
    found = run.results.convergence()
    assert found.balanced is None
    assert "nothing to compare; give a species macrostates=" in found.text
