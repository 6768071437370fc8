"""Sums go to a labelled tree and come back as they were; those of replicas go end to end."""

from dataclasses import fields, replace

import numpy as np
import pytest

from mda_ionmech import onsager
from mda_ionmech.onsager.block_bootstrap import BlockPlan
from mda_ionmech.onsager.block_sums import (
    Blocks,
    PathEntry,
    Populations,
    WindowEntry,
    from_tree,
    join,
    to_tree,
)
from mda_ionmech.onsager.lag_sums import lag_grids, lag_sums
from mda_ionmech.onsager.window_sums import window_pass

from .test_window_sums import collective, random_system, system_of


def made(seed=0, *, n_frames=40, mass=(), paths=True, populations=True, transitions=True):
    """Sums of two species: windows of 3 and 8 frames, of which the first alone is scanned."""
    rng = np.random.default_rng(seed)
    species, _, _ = random_system(rng, n_frames=n_frames)
    system = replace(
        system_of(species), carrier_mass=np.array(mass), temperature=331.5, volume=1234.5 + seed,
        joint_species=np.array([True, False]), ruled_species=np.array([False, True]),
    )  # fmt: skip
    if not transitions:
        none = dict.fromkeys(
            ("transition_species", "transition_start", "transition_end"), np.empty(0, dtype=int)
        )
        system = replace(system, n_macrostates=0, **none)
        species = [replace(one, macrostates=None, n_macrostates=0) for one in species]
    windows, entries = [], []
    for frames, sub_block in ((3, 5), (8, 11)):
        sums, steps = window_pass(species, frames, sub_block, collective(species))
        n = len(sums.origins)
        plan = BlockPlan(sub_block, n, n // 3, 3)
        nulls = {}
        if frames == 3:
            nulls = {"multi_fraction_circular": rng.random((2, 4))}
        windows.append(WindowEntry(frames, frames == 3, sums, plan, nulls))
        walked = onsager.event_paths(steps, frames)
        path = onsager.path_sums(walked, collective(species), frames, 2, sub_block)
        n = len(path.origins)
        # the second is of two stretches of data
        joined = BlockPlan(sub_block, n, 2, 1, (1, n - 1)) if frames == 8 else plan
        entries.append(PathEntry(frames, 2, path, replace(joined, n_sub_blocks=n)))
    counted = Populations(
        np.where(rng.random((8, 2, 2)) < 0.3, np.nan, rng.random((8, 2, 2))), np.full(8, 5.0),
        BlockPlan(5, 8, 10, 1, by_segment=True),
    )  # fmt: skip
    return Blocks(
        system=system,
        path_rows=(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 0, 1, 2])) if paths else
        (np.empty(0, dtype=int), np.empty(0, dtype=int)),
        names=("Li+", "a b"), events=("x", "y", "z"), kinds=("in", "out") if transitions else (),
        dt=0.25, seed=7, level=0.9, resolutions=(3, 8) if paths else (),
        horizons=(6, 16) if paths else (), windows=tuple(windows),
        paths=tuple(entries) if paths else (), populations=counted if populations else None,
    )  # fmt: skip


def assert_same(one, other, skip=()):
    """Dataclasses with the same numbers, text and arrays, whatever is nested in them."""
    assert type(one) is type(other)
    if hasattr(one, "__dataclass_fields__"):
        for f in fields(one):
            if f.name not in skip:
                assert_same(getattr(one, f.name), getattr(other, f.name), skip)
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b, skip)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
        assert one.dtype.kind == other.dtype.kind
    else:
        assert one == other


@pytest.mark.parametrize(
    "options",
    [{}, {"mass": (6.9, 35.5)}, {"paths": False, "populations": False}, {"transitions": False}],
)
def test_sums_come_back_from_a_tree_as_they_were(options):
    blocks = made(**options)
    tree = to_tree(blocks)
    again = from_tree(tree)
    assert_same(again, blocks, skip=("nulls",))
    (first, second) = (w.nulls for w in again.windows)
    name = "multi_fraction_circular"
    np.testing.assert_array_equal(first[name], blocks.windows[0].nulls[name])
    # a window without realisations has undefined ones
    assert second[name].shape == (2, 4)
    assert np.isnan(second[name]).all()
    # a file holds no empty dimension
    for node in tree.subtree:
        assert 0 not in node.sizes.values()
    assert ("carrier_mass" in tree) == ("mass" in options)
    assert ("paths" in tree.children) == options.get("paths", True)
    assert ("transition" in tree["windows"].sizes) == options.get("transitions", True)


def test_what_entries_are_told_by():
    blocks = made()
    assert [w.frames for w in blocks.scanned] == [3]
    assert [p.horizon for p in blocks.paths] == [6, 16]
    np.testing.assert_array_equal(blocks.path_system.row_label, [0, 1, 2, 0, 1, 2])
    drawn = [blocks.rng(*key).random() for key in ((3,), (8,), (3, 2), (3,))]
    assert drawn[0] == drawn[3] == np.random.default_rng([7, 3]).random()
    assert len(set(drawn)) == 3


def test_sums_of_replicas_go_end_to_end():
    # the seed of what is drawn from them is that of the first
    replicas = [made(1), replace(made(2, n_frames=60), seed=8)]
    both = join(replicas)
    assert both.seed == 7
    # volumes of 1235.5 and 1236.5, weighted by origins of the shortest window: 37 and 57
    assert both.system.volume == pytest.approx((37 * 1235.5 + 57 * 1236.5) / 94)
    for k, entry in enumerate(both.windows):
        each = [r.windows[k] for r in replicas]
        assert (entry.frames, entry.scanned) == (each[0].frames, each[0].scanned)
        for name in entry.sums.__dataclass_fields__:
            parts = [getattr(e.sums, name) for e in each]
            np.testing.assert_array_equal(getattr(entry.sums, name), np.concatenate(parts))
        assert entry.plan.segments == tuple(e.plan.n_sub_blocks for e in each)
    (circular,) = both.windows[0].nulls.values()
    alone = [r.windows[0].nulls["multi_fraction_circular"] for r in replicas]
    np.testing.assert_array_equal(circular, np.concatenate(alone, axis=1))
    for k, entry in enumerate(both.paths):
        each = [r.paths[k] for r in replicas]
        assert (entry.resolution, entry.n_steps) == (each[0].resolution, 2)
        np.testing.assert_array_equal(
            entry.sums.marginal, np.concatenate([e.sums.marginal for e in each])
        )
        assert entry.plan.segments == tuple(n for e in each for n in e.plan.stretches)
    populations = both.populations
    np.testing.assert_array_equal(populations.frames, np.full(16, 5.0))
    np.testing.assert_array_equal(
        populations.number, np.concatenate([r.populations.number for r in replicas])
    )
    assert populations.plan.segments == (8, 8)
    assert_same(join(replicas[:1]).windows, replicas[0].windows, skip=("nulls", "plan"))
    # where one replica lacks populations, all do
    assert join([replicas[0], made(2, populations=False)]).populations is None
    assert_same(from_tree(to_tree(both)), both, skip=("nulls",))


def test_lags_of_replicas_are_joined_resolution_by_resolution():
    """A resolution for whose lags one replica is too short has none."""
    rng = np.random.default_rng(3)

    def with_lags(blocks, n_frames, resolutions):
        path = np.cumsum(rng.normal(size=(2, 3, n_frames)), axis=2)
        grids = lag_grids(resolutions, n_frames)
        sums = [lag_sums(path, path.sum(axis=0)[None], n, grid) for n, grid in grids.items()]
        return replace(blocks, lags=tuple(sums))

    replicas = [with_lags(made(1), 400, [3, 8]), with_lags(made(2), 300, [3, 8])]
    both = join(replicas)
    assert [one.resolution for one in both.lags] == [3, 8]
    for k, one in enumerate(both.lags):
        assert one.frames == (400, 300)
        n = len(one.lags)
        assert one.lags == replicas[1].lags[k].lags[:n]
        alone = [r.lags[k].total[:, :n].sum() for r in replicas]
        assert one.total.sum() == pytest.approx(sum(alone), rel=1e-12)
    short = with_lags(made(2), 300, [3])
    assert [one.resolution for one in join([replicas[0], short]).lags] == [3]
