"""States of all carriers in every frame for one window length, for results and states files."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder, new_array
from ..lib.frame_blocks import origin_blocks
from ..onsager.labelled_run import LabelledRun
from .event_labels import codes_between

#: Carriers times frames processed at once.
AT_ONCE = 2**16
#: Per-frame arrays of the result: shape beyond (frames, carriers), and type.
STATES: dict[str, tuple[tuple[int, ...], type]] = {
    "microstate": ((), np.int32),
    "macrostate": ((), np.int16),
    "event": ((), np.int16),
    "cluster": ((), np.int32),
    "displacement": ((3,), np.float32),
}


def window_states(
    run: LabelledRun, n: int, folder: ArrayFolder | None, *, missing: float = np.nan
) -> dict[str, np.ndarray]:
    """Event, cluster, states and displacement of every carrier in windows of n frames.

    Cost: one pass over carriers x frames, by blocks of frames.

    Parameters
    ----------
    run : LabelledRun
    n : int
        Frames.
    folder : ArrayFolder or None
        Folder of the arrays; None: in memory.
    missing : float
        Displacement where no window begins.

    Returns
    -------
    dict of str to numpy.ndarray
        By the names of the result file: each (frames, carriers), and ``displacement`` (frames,
        carriers, 3); -1 and `missing` where no window begins, -1 where a species has no such state.
    """
    f, n_carriers = run.paths.n_frames, run.paths.n_carriers
    out = {
        name: new_array((f, n_carriers, *tail), kind, folder)
        for name, (tail, kind) in STATES.items()
    }
    kinds = run.macrostate_names
    shells_before = 0
    for index, one in enumerate(run.species):
        mine, labels = slice(one.first, one.last), one.labels
        codes = _codes_in_union(run, index)
        micro, macro = one.microstates, one.macrostates
        to_kinds = np.array([kinds.index(kind) for kind in macro.names]) if macro else None
        for a, b in origin_blocks(f, 0, max(AT_ONCE // (mine.stop - mine.start), 1)):
            here: dict[str, Any] = {key: out[key][a:b, mine] for key in out}
            for key, values in here.items():
                values[:] = missing if key == "displacement" else -1
            if micro is not None:
                # shells of all species are numbered consecutively
                here["microstate"][:] = micro.runs.between(a, b).T + np.int32(shells_before)
            if macro is not None and to_kinds is not None:
                here["macrostate"][:] = to_kinds[macro.state[a:b]]
            last = min(b, f - n)
            if last <= a:
                continue
            r = run.paths.position[mine]
            moved = r[:, :, a + n : last + n] - r[:, :, a:last]
            here["displacement"][: last - a] = moved.transpose(2, 0, 1)
            if labels.joint is None:
                here["event"][: last - a] = codes[codes_between(labels, a, last, n)].T
        shells_before += 0 if micro is None else len(micro.shells)
    for members, linked in run.linked.items():
        carriers = np.concatenate(
            [np.arange(run.species[k].first, run.species[k].last) for k in members]
        )
        to_union = [_codes_in_union(run, index) for index in members]
        for block in linked.blocks(n):
            code = [union[linked.codes(block, k)] for k, union in enumerate(to_union)]
            out["event"][block.first : block.last, carriers] = np.concatenate(code).T
            out["cluster"][block.first : block.last, carriers] = block.cluster.T
    return out


def _codes_in_union(run: LabelledRun, index: int) -> np.ndarray:
    """Index of the event classes of a species among those of all, shape (classes,), int16."""
    union = list(run.event_names)
    return np.array([union.index(event) for event in run.species[index].events], dtype=np.int16)
