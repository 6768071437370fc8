"""Per-frame states of all carriers for one window length, as results and states files hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..lib.arrays_on_disk import ArrayFolder, new_array
from ..lib.frame_blocks import origin_blocks
from ..lib.run_length import pair_segments
from ..observables.event_labels import expand_segments
from ..onsager.window_sums import CarrierLabels, labelled_together

if TYPE_CHECKING:
    from .decomposition import OnsagerDecomposition

#: Carriers times frames that are worked on at once.
AT_ONCE = 2**18
#: Per-frame arrays of the result: shape beyond (frames, carriers), value for none, type.
STATES: dict[str, tuple[tuple[int, ...], float, type]] = {
    "microstate": ((), -1, np.int32),
    "macrostate": ((), -1, np.int16),
    "event": ((), -1, np.int16),
    "cluster": ((), -1, np.int32),
    "displacement": ((3,), np.nan, np.float32),
}


def window_states(
    run: OnsagerDecomposition, n: int, folder: ArrayFolder | None
) -> dict[str, np.ndarray]:
    """What every carrier does in the windows of n frames that start at each frame.

    Cost: one pass over carriers x frames, by blocks of frames.

    Parameters
    ----------
    run : OnsagerDecomposition
    n : int
        Frames.
    folder : ArrayFolder or None
        Where the arrays are put; None: in memory.

    Returns
    -------
    dict of str to numpy.ndarray
        By the names of the result file: each (frames, carriers), and ``displacement`` (frames,
        carriers, 3); -1 and NaN where no window begins and where a species has none.
    """
    f, n_carriers = run.paths.n_frames, run.paths.n_carriers
    out = {
        name: new_array((f, n_carriers, *tail), kind, folder)
        for name, (tail, _, kind) in STATES.items()
    }
    kinds = run._macrostate_union()
    shells_before = 0
    for index, labels in enumerate(run._labels):
        name = run.species[index].name
        mine = slice(int(run._first[index]), int(run._first[index + 1]))
        codes = _codes_in_union(run, index)
        micro, macro = run.microstates.get(name), run.macrostates.get(name)
        to_kinds = np.array([kinds.index(kind) for kind in macro.names]) if macro else None
        for a, b in origin_blocks(f, 0, max(AT_ONCE // (mine.stop - mine.start), 1)):
            here: dict[str, Any] = {key: out[key][a:b, mine] for key in out}
            for key, (_, fill, _) in STATES.items():
                here[key][:] = fill
            if micro is not None:
                # shells of all species are numbered together
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
                here["event"][: last - a] = codes[_events(labels, a, last, n)].T
        shells_before += 0 if micro is None else len(micro.shells)
    for members in labelled_together(run._labels):
        joint = run._labels[members[0]].joint
        assert joint is not None
        carriers = np.concatenate([np.arange(*run._first[k : k + 2]) for k in members])
        to_union = [_codes_in_union(run, index) for index in members]
        for block in joint.linked.blocks(n):
            code = [union[joint.linked.codes(block, k)] for k, union in enumerate(to_union)]
            out["event"][block.first : block.last, carriers] = np.concatenate(code).T
            out["cluster"][block.first : block.last, carriers] = block.cluster.T
    return out


def _codes_in_union(run: OnsagerDecomposition, index: int) -> np.ndarray:
    """Place of the event classes of a species among those of all, shape (classes,), int16."""
    union = list(run._event_union())
    return np.array([union.index(event) for event in run.event_names(index)], dtype=np.int16)


def _events(labels: CarrierLabels, first: int, last: int, n: int) -> np.ndarray:
    """Event codes of origins `first` to `last` - 1 of a pair rule, shape (carriers, origins)."""
    ends = labels.states.between(first, last), labels.states.between(first + n, last + n)
    offsets, begin, before, after = pair_segments(*ends)
    return expand_segments(offsets, begin, labels.classify(before, after), last - first).T
