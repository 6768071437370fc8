"""Rate control of hops on graphs of sites, against closed forms and a simulated gas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from mda_ionmech import InputError
from mda_ionmech.events.nulls.exclusion_gas import SiteGraph
from mda_ionmech.observables import HopGraph, HopRecord, hop_graph, markov_diffusion, rate_control
from mda_ionmech.observables.rate_control import add_own_products, add_steps_of_channels

from ..site_lattices import simulate

A1, A2, W1, W2 = 1.2, 2.4, 0.5, 0.05


def alternating(n_cells):
    """Chain of 2 n sites along x, hops of W1 over A1 and of W2 over A2 in turn."""
    n = 2 * n_cells
    start = np.arange(n)
    vector = np.zeros((n, 3))
    vector[:, 0] = np.where(start % 2 == 0, A1, A2)
    return HopGraph(n, start, (start + 1) % n, vector, start % 2, ("fast", "slow"))


@pytest.mark.parametrize("n_cells", [1, 2, 7])
def test_case_11_the_slow_hop_is_in_control_and_the_long_one_carries(n_cells):
    graph = alternating(n_cells)
    diffusion, response = markov_diffusion(graph, np.array([W1, W2]) / graph.n_sites)
    expected = (A1 + A2) ** 2 / (2 * (1 / W1 + 1 / W2))
    assert diffusion[0, 0] == pytest.approx(expected, rel=1e-12)
    resistance = np.array([1 / W1, 1 / W2])
    np.testing.assert_allclose(
        response[:, 0, 0] / expected, resistance / resistance.sum(), rtol=1e-12
    )
    np.testing.assert_allclose(diffusion[1:], 0, atol=1e-15)


def test_case_16_each_direction_is_controlled_by_its_own_hops():
    """Square prism lattice: k_a the total rate along +a and -a, D_aa = k_a a_a^2 / 2."""
    shape, lengths, rates = (3, 4, 2), np.array([1.0, 2.0, 3.0]), np.array([0.3, 0.2, 0.1])
    site = np.arange(np.prod(shape)).reshape(shape)
    start, end, vector, channel = [], [], [], []
    for axis in range(3):
        start.append(site.ravel())
        end.append(np.roll(site, -1, axis).ravel())
        vector.append(np.tile(np.eye(3)[axis] * lengths[axis], (site.size, 1)))
        channel.append(np.full(site.size, axis))
    graph = HopGraph(
        site.size, *map(np.concatenate, (start, end, vector, channel)), names=("x", "y", "z")
    )
    diffusion, response = markov_diffusion(graph, rates / 2 / site.size)
    np.testing.assert_allclose(diffusion, np.diag(rates * lengths**2 / 2), atol=1e-14)
    for axis in range(3):
        np.testing.assert_allclose(
            response[axis], np.diag(np.eye(3)[axis] * diffusion[axis, axis]), atol=1e-14
        )


def random_graph(rng, n_sites=6, n_edges=14, n_channels=4):
    """A ring through all sites, so that it holds together, and edges anywhere."""
    start = np.concatenate([np.arange(n_sites), rng.integers(0, n_sites, n_edges)])
    end = np.concatenate([(np.arange(n_sites) + 1) % n_sites, rng.integers(0, n_sites, n_edges)])
    channel = np.concatenate([np.arange(n_channels), rng.integers(0, n_channels, len(start))])
    return HopGraph(
        n_sites, start, end, rng.normal(size=(len(start), 3)), channel[: len(start)],
        tuple("abcd"),
    )  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_responses_are_derivatives_and_sum_to_the_diffusion(seed):
    rng = np.random.default_rng(seed)
    graph, flux = random_graph(rng), rng.uniform(0.1, 2.0, 4)
    diffusion, response = markov_diffusion(graph, flux)
    np.testing.assert_allclose(response.sum(axis=0), diffusion, rtol=1e-12)
    for c in range(4):
        step = np.where(np.arange(4) == c, 1e-5, 0.0)
        more, _ = markov_diffusion(graph, flux * np.exp(step))
        less, _ = markov_diffusion(graph, flux * np.exp(-step))
        np.testing.assert_allclose((more - less) / 2e-5, response[c], rtol=1e-6, atol=1e-8)
    # never more than without correlation of successive hops
    f = flux[graph.channel]
    bare = np.einsum("e,ex,ey->xy", f, graph.vector, graph.vector)
    assert np.all(np.linalg.eigvalsh(bare - diffusion) > -1e-10)
    assert np.all(np.linalg.eigvalsh(diffusion) > -1e-10)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_where_in_its_basin_a_site_is_drawn_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    graph, flux = random_graph(rng), rng.uniform(0.1, 2.0, 4)
    shift = rng.normal(size=(graph.n_sites, 3))
    moved = graph.vector + shift[graph.end] - shift[graph.start]
    other = HopGraph(graph.n_sites, graph.start, graph.end, moved, graph.channel, graph.names)
    for one, two in zip(markov_diffusion(graph, flux), markov_diffusion(other, flux), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-10)


def test_parts_that_hang_together_by_nothing_diffuse_by_themselves():
    chain = alternating(2)
    two = HopGraph(
        8,
        np.concatenate([chain.start, chain.start + 4]),
        np.concatenate([chain.end, chain.end + 4]),
        np.concatenate([chain.vector, chain.vector]),
        np.concatenate([chain.channel, chain.channel]),
        chain.names,
    )
    one, _ = markov_diffusion(chain, np.array([W1, W2]) / 4)
    both, _ = markov_diffusion(two, np.array([W1, W2]) / 8)
    np.testing.assert_allclose(one, both, rtol=1e-12)


def record(state, sites, length):
    """Path of the sites held (carriers, 3, frames), through the boundary by the shortest way."""
    place = sites[state]
    step = np.diff(place, axis=1)
    step -= length * np.rint(step / length)
    path = np.concatenate([place[:, :1], place[:, :1] + np.cumsum(step, axis=1)], axis=1)
    return path.transpose(0, 2, 1)


def within(value, low_high, expected):
    """Within three standard errors, half the width of a 68% interval each."""
    return abs(value - expected) < 3 * (low_high[1] - low_high[0]) / 2


@pytest.mark.slow
def test_a_simulated_chain_has_the_control_and_the_shares_of_case_11():
    """Lone carriers of a lattice gas on parallel chains, seen every 0.1 ps."""
    rng = np.random.default_rng(11)
    n_chains, n_cells, n_frames, spacing = 12, 8, 60_000, 0.1
    chain = alternating(n_cells)
    n = chain.n_sites
    base = np.repeat(np.arange(n_chains) * n, n)
    a, b = base + np.tile(chain.start, n_chains), base + np.tile(chain.end, n_chains)
    channel = np.tile(chain.channel, n_chains)
    gas = SiteGraph(
        n_chains * n, np.append(a, b), np.append(b, a), np.tile(channel, 2), np.array([W1, W2])
    )
    state = simulate(gas, np.arange(n_chains) * n, n_frames=n_frames, spacing=spacing, rng=rng)
    length, width = n_cells * (A1 + A2), 30.0
    along = np.arange(n) // 2 * (A1 + A2) + np.arange(n) % 2 * A1
    sites = np.zeros((n_chains * n, 3))
    sites[:, 0], sites[:, 1] = np.tile(along, n_chains), base / n * width
    sides = np.array([length, n_chains * width, width])
    path = record(state, sites, sides)
    seen = HopRecord.of_arrays(state, path)
    graph, channels = hop_graph(
        sites / sides, np.diag(sides), np.zeros(len(sites), int), ("a",), seen
    )
    found = rate_control(graph, channels, seen, spacing=spacing, horizon=2000, axes=[0])
    place = {name: k for k, name in enumerate(graph.names)}
    fast, slow, both = (place[f"a-a {x:.2f} A"] for x in (A1, A2, A1 + A2))

    # a chain seen every 0.1 ps is one with the rates P(t) / t, hops in a row included
    rates = np.zeros((n, n))
    for start, end, kind in zip(chain.start, chain.end, chain.channel, strict=True):
        rates[start, end] = rates[end, start] = (W1, W2)[kind]
    reached = expm(spacing * (rates - np.diag(rates.sum(axis=1)))) / spacing
    one, other = np.triu_indices(n, 1)
    vector = np.zeros((len(one), 3))
    vector[:, 0] = along[other] - along[one]
    vector[:, 0] -= length * np.rint(vector[:, 0] / length)
    exact = HopGraph(n, one, other, vector, np.arange(len(one)), tuple(map(str, one)))
    whole, response = markov_diffusion(exact, reached[one, other] / n)
    expected = (A1 + A2) ** 2 / (2 * (1 / W1 + 1 / W2))
    assert whole[0, 0] == pytest.approx(expected, rel=1e-10)
    distance = np.abs(vector[:, 0])
    for where, reach in ((fast, A1), (slow, A2), (both, A1 + A2)):
        control = response[np.abs(distance - reach) < 1e-6, 0, 0].sum() / expected
        assert within(found.control[where, 0], found.control[where, 1:], control)
    assert found.control[slow, 0] > 0.85
    assert found.control[:, 0].sum() == pytest.approx(1, rel=1e-10)
    assert within(found.diffusion[0], found.diffusion[1:], expected)
    assert within(found.measured[0], found.measured[1:], expected)
    # lone carriers on chains of their own: no distinct part
    assert within(found.collective[0], found.collective[1:], expected)

    # hops carry as far as they go, those of one frame by their own ways
    carried = found.share_self[both]
    for where, reach in ((fast, A1), (slow, A2)):
        value = found.share_self[where, 0] + carried[0] * reach / (A1 + A2)
        assert within(value, found.share_self[where, 1:], reach / (A1 + A2))
    assert found.share_self[:, 0].sum() == pytest.approx(1, rel=1e-10)
    assert found.horizon == 200.0
    hops = np.count_nonzero(np.diff(state, axis=1))
    assert found.hops.sum() == hops
    np.testing.assert_allclose(found.rate, 1000 * found.hops / (n_chains * 5999.9))
    table = found.table()
    assert table.index[0] == graph.names[slow]
    assert table.attrs["diffusion_cm2_per_s"][0] == pytest.approx(1e-4 * found.diffusion[0])


def test_channels_are_pairs_of_labels_at_one_distance():
    length = 8.0
    sites = np.array([[0.0, 0, 0], [2, 0, 0], [4, 0, 0], [6, 0, 0]])
    kind = np.array([0, 1, 0, 1])
    state = np.array([[0, 1, 2, 2, 3, 0, 2]])
    path = record(state, sites, length)
    cell = length * np.eye(3)
    seen = HopRecord.of_arrays(state, path)
    graph, channels = hop_graph(sites / length, cell, kind, ("a", "b"), seen)
    assert graph.names == ("a-a 4.00 A", "a-b 2.00 A")
    ((site_images,),) = seen.site_images()
    key = site_images[:-1] * len(seen.site) + site_images[1:]
    hopped = site_images[1:] != site_images[:-1]
    channel = channels.channel[np.searchsorted(channels.key, key[hopped])]
    assert hopped.tolist() == [True, True, False, True, True, True]
    assert channel.tolist() == [1, 1, 1, 1, 0]
    assert channels.number.tolist() == [1] * 5
    # a and a are two images apart in either direction, and across the other two boundaries too far
    np.testing.assert_array_equal(graph.edges_per_channel(), [2, 4])
    lengths = np.linalg.norm(graph.vector, axis=1)
    np.testing.assert_allclose(lengths, np.where(graph.channel == 0, 4.0, 2.0))
    still = HopRecord.of_arrays(state[:, :1], path[:, :, :1])
    with pytest.raises(InputError, match="nothing hopped between sites"):
        hop_graph(sites / length, cell, kind, ("a", "b"), still)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    n_frames=st.integers(3, 30),
    data=st.data(),
    sub_block=st.integers(1, 9),
)
def test_products_of_hops_against_numpy(seed, n_frames, data, sub_block):
    horizon = data.draw(st.integers(1, n_frames - 1))
    rng = np.random.default_rng(seed)
    n_site_images, n_channels, n = 4, 3, 3
    site_images = rng.integers(0, n_site_images, (n, n_frames)).repeat(2, axis=1)[:, :n_frames]
    site_images, where = site_images.astype(np.int32), rng.normal(size=(n_site_images, 2))
    key, of_pair = np.arange(n_site_images**2), rng.integers(0, n_channels, n_site_images**2)
    path = where[site_images].transpose(0, 2, 1)
    channel = of_pair[site_images[:, :-1] * n_site_images + site_images[:, 1:]]
    hop = np.diff(path, axis=2)
    steps = np.zeros((n_channels, n, 2, n_frames))
    for e in range(n_channels):
        steps[e, :, :, 1:] = np.where((channel == e)[:, None], hop, 0.0)
    found, number = np.zeros((n_channels, 2, n_frames)), np.zeros((n_channels, n_frames))
    add_steps_of_channels(site_images, where, key, of_pair, found, number)
    np.testing.assert_allclose(found, steps.sum(axis=1), atol=1e-12)
    moved = site_images[:, 1:] != site_images[:, :-1]
    for e in range(n_channels):
        np.testing.assert_array_equal(number[e, 1:], (moved & (channel == e)).sum(axis=0))
    walked = np.cumsum(steps, axis=-1)
    product = np.einsum(
        "ecxt,cxt->et",
        walked[..., horizon:] - walked[..., :-horizon],
        path[..., horizon:] - path[..., :-horizon],
    )
    own = np.zeros((n_channels, -(-(n_frames - horizon) // sub_block)))
    add_own_products(site_images, where, key, of_pair, horizon, sub_block, own)
    expected = np.add.reduceat(product, np.arange(0, n_frames - horizon, sub_block), axis=1)
    np.testing.assert_allclose(own, expected, atol=1e-10)


def test_hops_that_lead_nowhere_have_no_control():
    """Two sites far from their images: back and forth for ever."""
    rng = np.random.default_rng(1)
    sites = np.array([[1.0, 1, 1], [2, 1, 1]])
    state = np.cumsum(rng.random((3, 500)) < 0.2, axis=1) % 2
    path = record(state, sites, 20.0)
    seen = HopRecord.of_arrays(state, path)
    found = hop_graph(sites / 20, 20 * np.eye(3), np.zeros(2, int), ("a",), seen)
    with pytest.raises(InputError, match="do not percolate through the crystal"):
        rate_control(*found, seen, spacing=1.0, horizon=5)
    with pytest.raises(InputError, match="horizon=600 frames leaves no origin"):
        rate_control(*found, seen, spacing=1.0, horizon=600)
