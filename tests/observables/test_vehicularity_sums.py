"""Sums of vehicular windows against NumPy, and from disk the same bits as from memory."""

import numpy as np
import pytest

from mda_ionmech.events import EventRule, SolvationEvents
from mda_ionmech.lib.arrays_on_disk import ArrayFolder, new_array
from mda_ionmech.lib.run_length import gathered_runs, label_runs, pair_segments
from mda_ionmech.microstates import ShellTable
from mda_ionmech.observables.vehicularity_sums import SUMS, ShellPairs, ShellPaths, vehicle_sums
from mda_ionmech.trajectory.carriers import Ligands

KINDS = ("solvent", "anion")
N, F = 5, 41


def ligands_of(n):
    """Two atoms a molecule, every third molecule an anion; atoms are not numbered from 0."""
    molecule = np.arange(n) // 2
    kind = (molecule % 3 == 0).astype(np.int64)
    none = np.empty(0, dtype=np.int64)
    return Ligands(10 + 3 * np.arange(n), molecule, kind, np.full(n, -1), none, none)


def random_shells(rng, ligands, n_shells, most):
    """Distinct sets of up to `most` ligands, the empty one among them."""
    sets = {()}
    while len(sets) < n_shells:
        sets.add(tuple(sorted(rng.choice(len(ligands.atom), rng.integers(1, most), False))))
    sets = [np.array(one, dtype=np.int64) for one in sorted(sets)]
    member = np.concatenate(sets)
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sets])])
    table = ShellTable(
        offsets, ligands.atom[member], ligands.molecule[member], ligands.kind[member], KINDS
    )
    return table, sets


class Overlap(EventRule):
    """Shells that share a molecule, or are both empty, count as one: members may differ."""

    names = ("other", "vehicular")

    def label(self, before, after):
        one, other = before.molecule_set(), after.molecule_set()
        return "vehicular" if one & other or not (one or other) else "other"


def case(seed, most=5, change=0.3):
    rng = np.random.default_rng(seed)
    ligands = ligands_of(40)
    table, sets = random_shells(rng, ligands, 12, most)
    state = np.zeros((F, N), dtype=np.int32)
    for t in range(F):
        new = rng.random(N) < (1.0 if t == 0 else change)
        state[t] = np.where(new, rng.integers(0, len(sets), N), state[t - 1])
    position = rng.normal(size=(N, 3, F)).cumsum(axis=-1)
    followed = rng.normal(size=(40, 3, F)).cumsum(axis=-1)
    return ligands, table, sets, state, position, followed, rng.uniform(1, 20, 40)


def plain_sums(rule, table, sets, state, position, followed, mass, window, sub_block):
    """Window by window and carrier by carrier."""
    n_origins = F - window
    rows = np.zeros((9, n_origins))
    for t in range(n_origins):
        whole = (position[:, :, t + window] - position[:, :, t]).sum(axis=0)
        shell, relative, alone = np.zeros((3, 3))
        for c in range(N):
            d = position[c, :, t + window] - position[c, :, t]
            a, b = state[t, c], state[t + window, c]
            if rule.label(table[a], table[b]) != "vehicular":
                continue
            kept = np.intersect1d(sets[a], sets[b])
            if not len(kept):
                rows[3:5, t] += d @ d, 1
                alone += d
                continue
            moved = followed[kept, :, t + window] - followed[kept, :, t]
            e = np.average(moved, axis=0, weights=mass[kept])
            rows[:3, t] += d @ e, d @ d, 1
            shell += e
            relative += d - e
        rows[5:, t] = shell @ whole, relative @ whole, alone @ whole, whole @ whole
    return np.add.reduceat(rows, np.arange(0, n_origins, sub_block), axis=1).T


def shell_paths(rule, ligands, table, state, position, followed, mass, folder=None):
    """In memory, or with what is large in a folder."""

    def kept(values):
        out = new_array(values.shape, values.dtype, folder)
        out[:] = values
        return out

    classify = rule.classifier(table)
    member = np.searchsorted(ligands.atom, table.atom)
    runs = gathered_runs([label_runs(state)], F, folder)
    pairs = ShellPairs(
        runs, lambda x, y: classify(x, y)[0], rule.names.index("vehicular"), table.offsets,
        kept(member),
    )  # fmt: skip
    return ShellPaths(kept(position), kept(followed), mass, pairs)


@pytest.mark.parametrize(
    ("rule", "most"), [(SolvationEvents(), 5), (Overlap(), 5), (Overlap(), 30)]
)
def test_sums_against_numpy_and_from_disk(rule, most, monkeypatch):
    kept = alone = 0
    for seed in range(3):
        ligands, table, sets, state, *rest = case(seed, most)
        here = shell_paths(rule, ligands, table, state, *rest)
        for window in (1, 6, 40):
            found = vehicle_sums(here, window, 7)
            expected = plain_sums(rule, table, sets, state, *rest, window, 7)
            assert found.shape == (-(-(F - window) // 7), len(SUMS))
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
            for n_runs in (1, 30, 10**6):
                with monkeypatch.context() as patch:
                    patch.setattr("mda_ionmech.lib.run_length.BLOCK_RUNS", n_runs)
                    there = shell_paths(rule, ligands, table, state, *rest, ArrayFolder())
                    assert isinstance(there.position, np.memmap)
                    np.testing.assert_array_equal(vehicle_sums(there, window, 7), found)
            kept += expected[:, SUMS.index("kept")].sum()
            alone += expected[:, SUMS.index("alone_number")].sum()
    # both kinds of windows were there
    assert min(kept, alone) > 10


def test_directions_that_do_not_count_may_stay_in_the_ligands():
    """Carriers alone lose an axis; dropping it from the ligands too changes no bit."""
    ligands, table, _, state, position, followed, mass = case(5)
    position[:, 1] = 0.0
    flat = followed.copy()
    flat[:, 1] = 0.0
    found, expected = (
        vehicle_sums(
            shell_paths(SolvationEvents(), ligands, table, state, position, one, mass), 3, 5
        )
        for one in (followed, flat)
    )
    np.testing.assert_array_equal(found, expected)


def test_segments_of_pairs_against_numpy():
    rng = np.random.default_rng(2)
    for shape in ((1, 1), (4, 1), (3, 50)):
        before, after = (rng.integers(0, 2, shape).astype(np.int32) for _ in range(2))
        offsets, begin, first, last = pair_segments(before, after)
        for c in range(shape[0]):
            pair = np.stack([before[c], after[c]])
            starts = np.flatnonzero(np.append(True, np.any(np.diff(pair) != 0, axis=0)))
            mine = slice(offsets[c], offsets[c + 1])
            np.testing.assert_array_equal(begin[mine], starts)
            np.testing.assert_array_equal(first[mine], before[c, starts])
            np.testing.assert_array_equal(last[mine], after[c, starts])
        assert len(begin) == offsets[-1]
