"""Ions that end a window on a periodic image of their site have hopped, also in the gas."""

import numpy as np
import pytest

from mda_ionmech.events.crystal.follow_sites import in_images
from mda_ionmech.lib.run_length import label_runs
from mda_ionmech.microstates.sites.site_assignment import minimum_image

from ...site_lattices import ODD, analysis, walk

#: Of the frames that `make_universe` writes, ps.
DT = 1.0


def test_only_ions_that_come_back_have_not_hopped():
    """A walk round a cell of six steps: compared with the unwrapped lattice, window by window."""
    rng = np.random.default_rng(7)
    places = walk(rng, 1500, 12, rate=0.5)
    kinds = ["b" if odd else "a" for odd in ODD]
    run = analysis(
        places, rng, labels=kinds, amplitude=0.02, assignment="nearest", resolutions=None
    ).run()
    for window in (8, 64):
        found = run.events(window * DT)
        moved = np.abs(places[window:] - places[:-window]).max(axis=2) > 1e-6
        np.testing.assert_array_equal(found.label != found.names.index("no_hop"), moved)
        # of the rest, those that were elsewhere meanwhile
        away = np.zeros_like(moved)
        for lag in range(1, window):
            away |= np.abs(places[lag : lag - window] - places[:-window]).max(axis=2) > 1e-6
        flags = found.flags >> found.flag_names.index("back_hop") & 1
        np.testing.assert_array_equal(flags == 1, ~moved & away)
        table = run.hops(window * DT)
        assert len(table) == moved.sum()
    # many are on their own site of another cell
    state = run.microstates["Li+"].state
    assert np.sum((state[64:] == state[:-64]) & moved) > 40
    assert float(run.results.decomposition["residual"].max()) < 1e-10


@pytest.mark.parametrize("seed", range(5))
def test_a_gas_hops_to_the_nearest_image(seed):
    rng = np.random.default_rng(seed)
    sites = rng.uniform(-1, 2, (5, 3))
    state = rng.integers(0, 5, (4, 60)).astype(np.int32)
    held, site = in_images(label_runs(state.T), sites)
    number = held.dense()
    np.testing.assert_array_equal(site[number], state)
    steps = np.diff(sites[state], axis=1, prepend=sites[state[:, :1]])
    path = np.cumsum(minimum_image(steps), axis=1)
    for c in range(4):
        for d in range(4):
            # the same number where the site and the cell that the walk is in are the same
            apart = (path[c] + sites[state[c, 0]])[:, None] - (path[d] + sites[state[d, 0]])
            same = (np.abs(apart) < 1e-9).all(axis=2)
            np.testing.assert_array_equal(number[c][:, None] == number[d], same)
