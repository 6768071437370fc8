"""Two mobile species on one sublattice: clusters, counts and nulls across both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mda_ionmech import InputError, IonSpecies, OnsagerDecomposition
from mda_ionmech.events import CrystalEvents
from mda_ionmech.microstates import SiteAssignment
from mda_ionmech.onsager.window_kernels import count_clustered, count_clusters

from ...builders import make_universe

A, N, ROWS, FRAMES = 2.0, 4, 6, 1200


@pytest.fixture(scope="module")
def universe():
    """Rows of ions L N L N that step together round the cell, as in case 3."""
    rng = np.random.default_rng(3)
    steps = rng.choice([-1, 1], (FRAMES, ROWS)) * (rng.random((FRAMES, ROWS)) < 0.05)
    steps[0] = 0
    place = np.cumsum(steps, axis=0)
    x = (np.arange(N)[None, None] + place[..., None]) % N
    y = np.broadcast_to(np.arange(ROWS)[None, :, None], x.shape)
    ions = np.stack([x, y, 0 * x], axis=-1).reshape(FRAMES, -1, 3) * A
    host = np.broadcast_to([1.0, 1.0, 1.0], (FRAMES, 1, 3))
    made = make_universe(
        np.concatenate([ions, host], axis=1) + 0.5, (N * A, ROWS * A, 3 * A, 90, 90, 90),
        names=["L", "N"] * (N * ROWS // 2) + ["H"], masses=[7.0, 23.0] * (N * ROWS // 2) + [90.0],
    )  # fmt: skip
    return made, int(np.abs(steps).sum())


def analysed(universe, *, rules=None, **options):
    grid = np.stack(np.meshgrid(np.arange(N), np.arange(ROWS), indexing="ij"), axis=-1)
    sites = np.column_stack([grid.reshape(-1, 2) / [N, ROWS], np.zeros(N * ROWS)])
    rules = rules or [CrystalEvents(**options)] * 2
    species = [
        IonSpecies(
            universe.select_atoms(f"name {name}"),
            charge=1,
            name=name,
            microstates=SiteAssignment.from_structure(
                # tables in different order, as they would come from two files
                sites[::direction], ["a"] * len(sites), framework=universe.select_atoms("name H"),
                framework_fractional=[[0.5 / A / N * 2, 0.5 / A / ROWS * 2, 0.5 / A / 3 * 2]],
                r_core=0.5,
            ),
            events=rule,
        )
        for name, direction, rule in zip("LN", (1, -1), rules, strict=True)
    ]  # fmt: skip
    return decomposed(species)


def decomposed(species):
    host = species[0].microstates.framework
    return OnsagerDecomposition(
        species, temperature=300, windows=[1.0], resolutions=[1.0], horizons=[1.0], framework=host
    ).run()


@pytest.mark.parametrize(
    "options",
    [{}, {"linking": "proximity", "distance": 1.0}, {"linking": "distance", "distance": 1}],
)
def test_rows_of_both_species_are_clusters_of_four(universe, options):
    made, hops = universe
    run = analysed(made, **options)
    data = run.results.decomposition.sel(window=1.0)
    np.testing.assert_array_equal(data["multi_fraction"], 1.0)
    multi = data.sel(event="multi_ion_hop")
    # a cluster is a cooperative event of each species in it
    np.testing.assert_array_equal(multi["cluster_count"], hops)
    np.testing.assert_array_equal(multi["event_count"], N // 2 * hops)
    # only pairs of one species are in its own coefficient: one partner of three
    np.testing.assert_allclose(multi["event_incluster"] / multi["event_self"], 1.0, rtol=1e-6)
    np.testing.assert_allclose(
        multi["event_onsager"].sel(species="L", species_2="N"),
        multi["event_onsager"].sel(species="L", species_2="L"),
        rtol=1e-6,
    )
    states = run.results.states
    cluster = states["cluster"].values
    for t in np.flatnonzero((cluster[:-1] >= 0).any(axis=1))[:50]:
        members, counts = np.unique(cluster[t][cluster[t] >= 0], return_counts=True)
        assert set(counts) == {N}
        assert np.all(cluster[t][members] == members)
    # shifted by themselves, ions of a row hardly ever hop in one frame
    assert float(data["multi_fraction_circular"].max()) < 0.5


def test_the_table_of_hops_counts_ions_of_both_species(universe):
    made, hops = universe
    run = analysed(made)
    tables = [run.hops(species=name) for name in "LN"]
    for table in tables:
        assert len(table) == N // 2 * hops
        assert set(table["n"]) == {N}
        assert set(table["event"]) == {"multi_ion_hop"}
        assert np.all(table["site_start"] != table["site_end"])
        np.testing.assert_allclose(np.hypot(table["dx"], table["dy"]), A, rtol=1e-5)
    clusters = [set(zip(t["frame"], t["cluster"], strict=True)) for t in tables]
    assert clusters[0] == clusters[1]
    assert run.hops().equals(tables[0])
    with pytest.raises(InputError, match=r"species='H' has no hops .* can be asked of L, N;"):
        run.hops(species="H")


def test_another_linking_is_that_of_both_species(universe):
    made, _ = universe
    table = analysed(made).robustness(linking=["chain", ("distance", 1.0)], species="N")
    shares = table["share"].xs("multi_ion_hop", level="event")
    assert len(shares) == 3
    # ions of one species alone would all hop singly
    np.testing.assert_allclose(shares, 1.0, rtol=1e-6)


@pytest.mark.slow
def test_species_can_be_labelled_apart(universe):
    made, hops = universe
    apart = analysed(made, shared=None)
    for run in (apart, analysed(made, rules=[CrystalEvents(), CrystalEvents(shared=0.9)])):
        data = run.results.decomposition.sel(window=1.0)
        # no ion of a row leaves a site that another of its kind enters
        np.testing.assert_array_equal(data["multi_fraction"], 0.0)
        single = data.sel(event="single_ion_hop")
        np.testing.assert_array_equal(single["event_count"], N // 2 * hops)
    alone = decomposed(apart.species[:1])
    kept = apart.results.decomposition.sel(species=["L"], species_2=["L"])
    mine = alone.results.decomposition
    for name in ("event_onsager", "event_count", "event_incluster", "multi_fraction_circular"):
        np.testing.assert_array_equal(kept[name], mine[name])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 9))
def test_counts_of_clusters_by_species(seed, n):
    rng = np.random.default_rng(seed)
    cluster = rng.integers(-1, 5, (n, 4)).astype(np.int32)
    species = np.sort(rng.integers(0, 2, n))
    clustered = np.zeros((2, 4))
    count_clustered(cluster, species, 0, clustered)
    position = rng.normal(size=(n, 3, 5))
    code = rng.integers(0, 2, (n, 4))
    for k in range(2):
        mine = species == k
        made, inside = np.zeros((2, 4)), np.zeros((2, 4))
        hopping, own, largest = counts = np.zeros((3, 4))
        ends = position[mine], 0, position[mine], 1
        count_clusters(ends, 0, cluster[mine], code[mine], made, inside, counts)
        for t in range(4):
            every = cluster[:, t]
            size = np.array([np.sum(every == r) for r in every])
            assert clustered[k, t] == np.sum(mine & (every >= 0) & (size > 1))
            c = np.flatnonzero(mine & (every >= 0))
            assert hopping[t] == len(c)
            d = position[:, :, t + 1] - position[:, :, t]
            pairs = np.zeros(2)
            first = {}
            for i in c:
                first.setdefault(every[i], code[i, t])
                for j in c:
                    if i != j and every[i] == every[j]:
                        pairs[code[i, t]] += d[i] @ d[j]
            np.testing.assert_allclose(inside[:, t], pairs, atol=1e-12)
            np.testing.assert_array_equal(
                made[:, t], np.bincount(list(first.values()), minlength=2)
            )
            sizes = [np.sum(every[c] == r) for r in set(every[c])]
            assert largest[t] == max(sizes, default=0)
            assert own[t] == sum(s for s in sizes if s > 1)
