"""Table of all hops in one window length: sites, cluster and displacement of each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..onsager.labelled_run import LabelledRun


def hop_table(run: LabelledRun, index: int, n: int) -> pd.DataFrame:
    """Hops of species number `index` in windows of n frames; see `OnsagerDecomposition.hops`."""
    one = run.species[index]
    linked, member = run.linked_with(index)
    names = np.array(one.site_labels, dtype=object)
    rows = linked.rows(member)
    # sites of species that are linked are numbered one after the other
    site = linked.history.site - (0 if linked.history.owner is None else int(
        np.searchsorted(linked.history.owner, member)
    ))  # fmt: skip
    position = run.paths.carriers(one.first, one.last)
    frames, times = run.frames, run.times
    found = []
    for block in linked.blocks(n):
        first, last = block.first, block.last
        # a cluster is identified by its origin and its number
        width = int(linked.number.max()) + 1
        number = block.cluster.astype(np.int64) + width * np.arange(last - first)
        size_of = np.bincount(number[block.cluster >= 0])
        origin, carrier = np.nonzero(block.cluster[rows].T >= 0)
        at = first + origin
        moved = position[carrier, :, at + n] - position[carrier, :, at]
        start, end = (site[ends[rows][carrier, origin]] for ends in (block.before, block.after))
        found.append(
            {
                "frame": frames[at],
                "time_ps": times[at],
                "carrier": carrier,
                "site_start": start,
                "site_end": end,
                "label_start": names[start],
                "label_end": names[end],
                "event": np.array(linked.rules[member].names, dtype=object)[
                    block.label[rows][carrier, origin]
                ],
                "cluster": block.cluster[rows][carrier, origin].astype(np.int64),
                "n": size_of[number[rows][carrier, origin]],
                "dx": moved[:, 0],
                "dy": moved[:, 1],
                "dz": moved[:, 2],
            }
        )
    return pd.DataFrame({name: np.concatenate([x[name] for x in found]) for name in found[0]})
