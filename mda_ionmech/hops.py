"""Every hop of one window length as a row of a table: from where to where, with whom, how far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .events import CrystalEvents

if TYPE_CHECKING:
    from .analysis import OnsagerDecomposition


def hop_table(run: OnsagerDecomposition, index: int, n: int) -> pd.DataFrame:
    """Hops of species number `index` in windows of n frames; see `OnsagerDecomposition.hops`."""
    members = next(m for m in run._linked if index in m)
    history = run._linked[members]
    rule, detector = run.species[index].events, run.species[index].microstates
    assert isinstance(rule, CrystalEvents)
    assert detector is not None
    label, cluster = rule.label_window(history, n)
    # a cluster is known by its origin and its number
    n_carriers, n_origins = cluster.shape
    number = cluster.T.astype(np.int64) + n_carriers * np.arange(n_origins)[:, None]
    hopped = cluster.T >= 0
    size_of = np.bincount(number[hopped], minlength=n_carriers * n_origins)
    mine = history.members == members.index(index)
    origin, carrier = np.nonzero(hopped[:, mine])
    state = run.microstates[run.species[index].name].state
    start, end = state[origin, carrier], state[origin + n, carrier]
    names = np.array(getattr(detector, "labels", ()), dtype=object)
    position = run.paths.position[run._first[index] : run._first[index + 1]]
    moved = position[carrier, :, origin + n] - position[carrier, :, origin]
    first = np.concatenate([np.arange(run._first[k], run._first[k + 1]) for k in members])
    return pd.DataFrame(
        {
            "frame": np.asarray(run.frames, dtype=np.int64)[origin],
            "time_ps": np.asarray(run.times, dtype=np.float64)[origin],
            "carrier": carrier,
            "site_start": start,
            "site_end": end,
            "label_start": names[start],
            "label_end": names[end],
            "event": np.array(rule.names, dtype=object)[label.T[:, mine][origin, carrier]],
            "cluster": first[cluster.T[:, mine][origin, carrier]],
            "n": size_of[number[:, mine][origin, carrier]],
            "dx": moved[:, 0],
            "dy": moved[:, 1],
            "dz": moved[:, 2],
        }
    )
