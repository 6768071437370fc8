"""Strings of hops in time: known answers, and the links of a plain search."""

import numpy as np
import pytest

from mda_ionmech import InputError, plotting
from mda_ionmech.cli.demos import crystal_analysis
from mda_ionmech.datasets import crystal
from mda_ionmech.events.crystal.hop_strings import hop_list
from mda_ionmech.events.nulls.circular_shift import exclusion_gas, on_sites
from mda_ionmech.events.nulls.exclusion_gas import SiteGraph

from ..builders import rows_of_two_species
from ..events.crystal.test_crystal_events import in_space
from ..site_lattices import simulate

pytestmark = pytest.mark.filterwarnings("ignore:charge")


def plain_links(state):
    """Hops (carrier, frame) and links (departure, arrival, gap) by looking at all pairs."""
    hops = [
        (t, c, state[c, t - 1], state[c, t])
        for t in range(1, state.shape[1])
        for c in range(len(state))
        if state[c, t] != state[c, t - 1]
    ]
    links = set()
    for d, (t, c, start, _) in enumerate(hops):
        for a, (u, other, _, end) in enumerate(hops):
            if other == c or end != start:
                continue
            low, high = sorted((t, u))
            # no arrival at the site in between, nor at the time of the departure itself
            between = any(e == start and low <= v <= high and v != u for v, _, _, e in hops)
            if not between:
                links.add((hops[d][:2], hops[a][:2], abs(t - u)))
    return hops, links


def test_links_are_those_of_a_plain_search():
    rng = np.random.default_rng(3)
    sites = np.column_stack([np.arange(6) / 6, np.zeros((6, 2))])
    for _ in range(40):
        n, n_frames = int(rng.integers(1, 6)), int(rng.integers(2, 40))
        held = rng.integers(0, int(rng.integers(2, 7)), (n, n_frames))
        state = held[:, np.sort(rng.integers(0, n_frames, n_frames))]
        hops, links = plain_links(state)
        found = hop_list(in_space(state, sites))
        assert sorted(zip(found.frame, found.carrier, strict=True)) == [h[:2] for h in hops]
        name = list(zip(found.frame.tolist(), found.carrier.tolist(), strict=True))
        ours = {
            (name[d], name[a], g)
            for d, a, g in zip(
                found.first.tolist(), found.second.tolist(), found.gap.tolist(), strict=True
            )
        }
        assert ours == links
        for tau in (0, 1, 3, 10):
            near = [(a, b) for a, b, g in links if g <= tau]
            linked = {h for pair in near for h in pair}
            assert (
                np.mean(found.nearest <= tau) == pytest.approx(len(linked) / max(len(hops), 1))
                if hops
                else True
            )
            # strings: hops joined by links, directly or through others
            group = {h: h for h in name}
            for _ in name:
                for a, b in near:
                    group[a] = group[b] = min(group[a], group[b])
            ours = found.strings(tau)
            theirs = [group[h] for h in name]
            assert len(set(zip(ours.tolist(), theirs, strict=True))) == len(set(theirs))
            assert len(set(ours.tolist())) == len(set(theirs))


def shares(state, sites, taus):
    found = hop_list(in_space(state, sites))
    return (found.nearest[:, None] <= np.asarray(taus)).mean(axis=0), len(found.frame)


@pytest.mark.slow
def test_independent_hops_rise_as_one_minus_an_exponential():
    """Pairs of ions, each of which jumps to and fro between a common site and one of its own.

    A departure from the common site is linked to the other ion's arrivals after and before it, each
    unless its own ion comes between; rates k of all jumps: A = (1 - x)/2, x = exp(-2 k tau), where
    the other ion is away, B = (1 - x)/4 - k tau x / 2, where it is there and has to leave first.
    """
    rng = np.random.default_rng(1)
    rate, n_frames, pairs = 0.01, 40_000, 12
    state = np.cumsum(rng.random((pairs, 2, n_frames)) < rate, axis=2) % 2
    state[:, 1] *= 2  # sites 0, 1 and 0, 2 of each pair
    state = (state + 3 * np.arange(pairs)[:, None, None]).reshape(-1, n_frames)
    sites = np.column_stack([np.arange(3 * pairs) / (3 * pairs), np.zeros((3 * pairs, 2))])
    taus = np.array([5, 20, 50, 100, 200, 500])
    share, n = shares(state, sites, taus)
    x = np.exp(-2 * rate * taus)
    a, b = (1 - x) / 2, (1 - x) / 4 - rate * taus * x / 2
    expected = (1 - (1 - a) * (1 - b)) / 2 + (a + b) / 2
    error = np.sqrt(2 * expected * (1 - expected) / n)  # links are of two hops
    assert np.all(np.abs(share - expected) < 4 * error + rate)  # a frame is rate of a jump
    # which is what chance is
    assert np.all(np.abs(share - expected)[2:] < 4 * error[2:] + 0.3 * rate)


@pytest.mark.slow
def test_a_single_vacancy_links_by_exclusion_alone():
    """One empty site on a ring: the next hop fills the site just left, by another ion half of the
    time, after an exponential time of rate 2 k; a hop is in a string if the next or the last is."""
    rng = np.random.default_rng(2)
    n, rate, n_frames = 12, 0.01, 60_000
    start = np.repeat(np.arange(n), 2)
    end = (start + np.tile([1, -1], n)) % n
    graph = SiteGraph(n, start, end, np.zeros(2 * n, dtype=np.int64), np.array([rate]))
    state = simulate(graph, np.arange(n - 1), n_frames=n_frames, spacing=1.0, rng=rng)
    sites = np.column_stack([np.arange(n) / (n), np.zeros((n, 2))])
    taus = np.array([10, 30, 100, 300])
    share, hops = shares(state, sites, taus)
    p = (1 - np.exp(-2 * rate * (taus + 0.5))) / 2
    expected = 1 - (1 - p) ** 2
    error = np.sqrt(3 * expected * (1 - expected) / hops)
    assert np.all(np.abs(share - expected) < 4 * error + 0.01)


def follow_up(rng, delay, *, n_frames=4000, every=40):
    """Pairs of ions: the first leaves its site, the second enters it `delay` frames later; then
    both go back, the second first, with a longer delay."""
    state = np.empty((2, n_frames), dtype=int)
    state[0], state[1] = 1, 0
    t = int(rng.integers(1, every))
    while t + 3 * every < n_frames:
        state[0, t:] = 2
        state[1, t + delay :] = 1
        back = t + delay + every
        state[1, back:] = 0
        state[0, back + 20 :] = 1
        t = back + 20 + int(rng.integers(every, 2 * every))
    return state


@pytest.mark.parametrize("delay", [1, 7])
def test_pairs_at_a_fixed_delay_are_a_step_at_the_delay(delay):
    rng = np.random.default_rng(4)
    state = np.concatenate([3 * k + follow_up(rng, delay) for k in range(6)])
    sites = np.column_stack([np.arange(18) / (18), np.zeros((18, 2))])
    taus = np.arange(0, 19)
    share, _ = shares(state, sites, taus)
    # hops on the way back are linked from 20 frames on
    np.testing.assert_allclose(share[taus < delay], 0)
    np.testing.assert_allclose(share[taus >= delay], 0.5, atol=0.01)
    np.testing.assert_allclose(shares(state, sites, [20])[0], 1.0, atol=0.03)


def test_an_ion_that_comes_back_is_no_string():
    state = np.array([[0, 1, 0, 1, 0, 1]])
    sites = np.array([[0.0, 0, 0], [0.5, 0, 0]])
    assert len(hop_list(in_space(state, sites)).gap) == 0


@pytest.fixture(scope="module")
def garnet():
    return crystal_analysis(crystal(800)).run(stop=2500)


@pytest.mark.slow
def test_the_table_of_a_run_stands_beside_both_nulls(garnet):
    taus = [0.0, 0.1, 0.4, 1.6, 6.4]
    table = garnet.hop_strings(taus)
    assert table.index.tolist() == pytest.approx(taus)
    run = garnet._labelled("")
    history = run.linked[(0,)].history
    found = hop_list(history)
    np.testing.assert_allclose(
        table["share"],
        (found.nearest[:, None] <= np.rint(table.index.to_numpy() * 10)).mean(axis=0),
    )
    assert table.attrs["hops"] == garnet.microstates["Li+"].report["hops"] == len(found.frame)
    gas = exclusion_gas(history, run.dt, np.random.default_rng([run.seed, 0]))
    null = hop_list(on_sites(history, gas))
    np.testing.assert_allclose(
        table["exclusion"],
        (null.nearest[:, None] <= np.rint(table.index.to_numpy() * 10)).mean(axis=0),
    )
    for name in ("share", "circular", "exclusion"):
        assert table[name].is_monotonic_increasing
        assert np.all(table[f"{name}_low"] <= table[name])
        assert np.all(table[f"{name}_high"] >= table[name])
    # by chance hardly any, by exclusion nearly all
    assert np.all(table["circular"] < table["share"])
    assert table["exclusion"].iloc[-1] == pytest.approx(table["share"].iloc[-1], abs=0.05)
    assert (table["mean_size"].dropna() >= 2).all()
    assert garnet.hop_strings().index[0] == 0
    ax = plotting.hop_strings(table)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [
        "in strings",
        "the same in an exclusion gas",
        "the same by chance, records shifted",
    ]
    np.testing.assert_array_equal(ax.containers[0].lines[0].get_ydata(), table["share"][1:])


def test_a_string_may_hold_ions_of_two_species():
    run = rows_of_two_species().run()
    for name in "LN":
        table = run.hop_strings([0.0], species=name)
        # rows step together: every hop has one before it and one behind in the same frame
        assert table.loc[0.0, "share"] == 1.0
        assert table.loc[0.0, "mean_size"] >= 4


@pytest.mark.parametrize(
    ("taus", "message"),
    [
        ([], "taus holds no times: give times in ps, or 'log'"),
        ("linear", "give times in ps, or 'log'"),
        ([-1.0], "taus must be"),
        ([1e6], r"taus=1e\+06 ps is longer than"),
    ],
)
def test_times_that_cannot_be_are_refused(garnet, taus, message):
    with pytest.raises(InputError, match=message):
        garnet.hop_strings(taus)


def test_other_tables_are_not_drawn(garnet):
    with pytest.raises(InputError, match=r"table must be one of run\.hop_strings\(\)"):
        plotting.hop_strings(garnet.residence_times())
