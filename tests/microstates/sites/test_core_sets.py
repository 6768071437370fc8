"""Counts of hops and of shared sites, on records short enough to count by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from mda_ionmech.lib.run_length import label_runs
from mda_ionmech.microstates.sites.core_sets import hop_counts


@pytest.mark.parametrize(
    ("state", "hops", "shared", "residence", "changed"),
    [
        # carriers 0 and 1 share site 2 in the last two of four frames
        ([[0, 0, 2, 2], [1, 2, 2, 2]], 2, 2 / 8, 8 * 0.5 / 2, 2 / 6),
        ([[0, 0, 0], [1, 1, 1]], 0, 0.0, float("inf"), 0.0),
        ([[0, 1]], 1, 0.0, 2 * 0.5, 1.0),
        ([[0]], 0, 0.0, float("inf"), 0.0),
        ([[3, 3], [3, 3], [3, 3]], 0, 4 / 6, float("inf"), 0.0),
    ],
)
def test_hops_and_shared_sites_by_hand(state, hops, shared, residence, changed):
    state = np.array(state, dtype=np.int32)
    history = SimpleNamespace(n_frames=state.shape[1], n_carriers=len(state), spacing=0.5)
    assert hop_counts(label_runs(state.T), 4, history) == {
        "sharing_a_site": pytest.approx(shared),
        "hops": hops,
        "mean_residence_ps": pytest.approx(residence),
        "changed_per_frame": pytest.approx(changed),
        "distinct_shells": 4,
    }
