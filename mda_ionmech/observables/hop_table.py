"""Every hop of one window length as a row of a table: from where to where, with whom, how far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..events import CrystalEvents
from ..lib.frame_blocks import frame_reader

if TYPE_CHECKING:
    from ..analysis.decomposition import OnsagerDecomposition


def hop_table(run: OnsagerDecomposition, index: int, n: int) -> pd.DataFrame:
    """Hops of species number `index` in windows of n frames; see `OnsagerDecomposition.hops`."""
    members = next(m for m in run._linked if index in m)
    linked, member = run._linked[members], members.index(index)
    rule, detector = run.species[index].events, run.species[index].microstates
    assert isinstance(rule, CrystalEvents)
    assert detector is not None
    names = np.array(getattr(detector, "labels", ()), dtype=object)
    rows = linked.rows(member)
    # sites of species that are linked are numbered one after the other
    site = linked.history.site - (0 if linked.history.owner is None else int(
        np.searchsorted(linked.history.owner, member)
    ))  # fmt: skip
    position = run.paths.carriers(run._first[index], run._first[index + 1])
    begins, ends = frame_reader(position), frame_reader(position)
    frames, times = np.asarray(run.frames, dtype=np.int64), np.asarray(run.times, dtype=np.float64)
    found = []
    for block in linked.blocks(n):
        first, last = block.first, block.last
        # a cluster is known by its origin and its number
        width = int(linked.number.max()) + 1
        number = block.cluster.astype(np.int64) + width * np.arange(last - first)
        size_of = np.bincount(number[block.cluster >= 0])
        origin, carrier = np.nonzero(block.cluster[rows].T >= 0)
        before, i = begins.between(first, last)
        after, j = ends.between(first + n, last + n)
        moved = after[carrier, :, j + origin] - before[carrier, :, i + origin]
        start, end = (site[spots[rows][carrier, origin]] for spots in (block.before, block.after))
        found.append(
            {
                "frame": frames[first + origin],
                "time_ps": times[first + origin],
                "carrier": carrier,
                "site_start": start,
                "site_end": end,
                "label_start": names[start],
                "label_end": names[end],
                "event": np.array(rule.names, dtype=object)[block.label[rows][carrier, origin]],
                "cluster": block.cluster[rows][carrier, origin].astype(np.int64),
                "n": size_of[number[rows][carrier, origin]],
                "dx": moved[:, 0],
                "dy": moved[:, 1],
                "dz": moved[:, 2],
            }
        )
    return pd.DataFrame({name: np.concatenate([x[name] for x in found]) for name in found[0]})
