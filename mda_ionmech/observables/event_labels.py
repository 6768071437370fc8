"""Event of every carrier and time origin for one window length, with the flags."""

from __future__ import annotations

import numpy as np

from ..events import EventLabels
from ..events.base import EventCodes
from ..lib.run_length import pair_segments
from ..onsager.carrier_labels import CarrierLabels
from ..onsager.labelled_run import LabelledRun
from ..onsager.window_kernels import segment_labels


def expand_segments(
    offsets: np.ndarray, begin: np.ndarray, code: np.ndarray, n_origins: int
) -> np.ndarray:
    """Codes of segments as a dense array (origins, carriers)."""
    ends = np.append(begin[1:], n_origins)
    ends[offsets[1:] - 1] = n_origins
    return np.repeat(code, ends - begin).reshape(len(offsets) - 1, n_origins).T


def codes_between(labels: CarrierLabels, first: int, last: int, n: int) -> np.ndarray:
    """Codes of a pair rule in windows of n frames from origins `first` to `last` - 1.

    Returns
    -------
    numpy.ndarray
        Shape (carriers, origins), integer.
    """
    ends = labels.states.between(first, last), labels.states.between(first + n, last + n)
    offsets, begin, before, after = pair_segments(*ends)
    return expand_segments(offsets, begin, labels.classify(before, after), last - first).T


def event_labels(run: LabelledRun, index: int, n: int) -> EventLabels:
    """Labels of species number `index` in windows of n frames.

    Returns
    -------
    EventLabels
    """
    one, rule = run.species[index], run.species[index].rule
    assert rule is not None
    n_origins, window = run.n_frames - n, n * run.dt
    joint = one.labels.joint
    if joint is not None:
        found = [(code.T, joint.flags(block).T) for block, code, _ in joint.blocks(n)]
        label, flags = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return EventLabels(label, one.events, flags, rule.flag_names, window)
    assert one.microstates is not None
    shells = one.microstates.shells
    flags_of: list[np.ndarray] = []

    def classify(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        codes, flags = EventCodes(rule, shells).with_flags(before, after)
        flags_of.append(flags)
        return codes

    segments = segment_labels(one.labels.states, n, classify)
    return EventLabels(
        label=expand_segments(*segments, n_origins).astype(np.int16),
        names=rule.names,
        flags=expand_segments(segments[0], segments[1], flags_of[0], n_origins).astype(np.uint16),
        flag_names=rule.flag_names,
        window=window,
    )
