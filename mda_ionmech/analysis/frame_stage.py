"""Reading a part of the frames: steps, cells and contacts, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from MDAnalysis.analysis.results import ResultsGroup

from ..microstates.contact_tracking import Follower
from ..trajectory.cells import check_cell_height
from ..trajectory.reader_position import check_reader
from ..trajectory.repeated_frames import fingerprint, same_frame
from ..trajectory.snapshot import Snapshot, coordinates_of, take_snapshot
from ..trajectory.step_lengths import measure_steps
from ..trajectory.time_sources import Stamp, stamp_of
from .frame_source import FrameSource
from .step_checks import refuse_repeated
from .stored_parts import digest_of, sampled_places
from .trajectory_checks import Prepared

#: Arrays that are concatenated over parts; steps and contacts are handled before.
JOINED = (
    *("reference", "cells", "engine_step", "fingerprint", "found", "sample"),
    *("step_square", "step_longest", "step_carrier", "step_far"),
)


class FrameStage:
    """Reads the frames part by part, here or in a worker.

    Parameters
    ----------
    source : FrameSource
    prepared : Prepared
    """

    def __init__(self, source: FrameSource, prepared: Prepared) -> None:
        self.source, self.prepared = source, prepared
        self._last: tuple[int, Snapshot | None, Stamp | None] | None = None
        self._before: Snapshot | None = None
        self._stamp_before: Stamp | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source, "prepared": self.prepared}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def begin(self, part: np.ndarray) -> None:
        """Begin a part.

        Parameters
        ----------
        part : numpy.ndarray
            Shape (frames, 2): numbers of the frames in the run and in the trajectory.
        """
        source, n, first = self.source, len(part), int(part[0, 0])
        self._part = part
        self._raw: dict[str, Any] = {
            "steps": np.zeros((n, source.bodies.n, 3)),
            "reference": np.zeros((n, 3)),
            "cells": np.empty((n, 3, 3)),
            "engine_step": np.full(n, -1, dtype=np.int64),
            "fingerprint": np.zeros(n, dtype=np.int64),
            "found": np.zeros((1, 10)),
            "sample": np.empty((0, 2), dtype=np.int64),
        }
        self._sampled = [] if source.choices.store is None else sampled_places(n)
        self._followers: dict[int, Follower] = {}
        self._counted: dict[int, list[int]] = {}
        for index, one in enumerate(source.species):
            if one.microstates is not None:
                self._followers[index] = one.microstates.follower(one.n_carriers, first)
                self._counted[index] = [0] * len(one.microstates.tally_names)
        self._before = self._stamp_before = None
        source.moved()  # the reader is at another frame, or belongs to another process
        if self._last is not None and self._last[0] == first - 1:
            _, self._before, self._stamp_before = self._last
        elif first > 0:  # the step into a part's first frame needs the frame before it
            self._before, self._stamp_before = source.read(first - 1), source.stamp(first - 1)

    def add(self, ts: Any, k: int) -> None:
        """Process the current timestep, frame number k of the part."""
        source, raw = self.source, self._raw
        check_reader(ts, int(self._part[k, 1]))
        stamp, before = stamp_of(ts, source.file_starts), self._before
        source.times.check(
            int(self._part[k, 0]), ts.frame, stamp.time, step=stamp.step, before=self._stamp_before
        )
        cell_before = None if before is None else before.cell
        if before is None:
            now = take_snapshot(ts, source.cell_of(ts))
        else:
            if self.prepared.repeats_are_odd:
                self._check_repeated(ts, before)
            now = source.step(ts, before, raw["steps"][k], raw["reference"][k], raw["found"][0])
        raw["cells"][k] = now.cell.vectors
        raw["engine_step"][k] = stamp.step
        raw["fingerprint"][k] = fingerprint(now.coordinates, self.prepared.recognised_by)
        if k in self._sampled:
            raw["sample"] = np.append(raw["sample"], [[self._part[k, 0], digest_of(ts)]], axis=0)
        for index, follower in self._followers.items():
            if now.cell is not cell_before:
                check_cell_height(now.cell.height, follower.detector.reach)
            for name, n in enumerate(follower.add(source.geometry(index, now))):
                self._counted[index][name] += n
        self._before, self._stamp_before = now, stamp

    def finish(self) -> dict[str, Any]:
        """Arrays of the part by name; the last frame is kept for the part that follows."""
        raw, source = self._raw, self.source
        shape = len(self._part), len(source.species)
        measured = {
            "step_square": np.empty(shape),
            "step_longest": np.empty(shape),
            "step_carrier": np.empty(shape, dtype=np.int64),
            "step_far": np.empty(shape, dtype=np.int64),
        }
        measure_steps(
            raw["steps"], raw["cells"], source.bodies.first, self.prepared.far, *measured.values()
        )
        raw |= measured
        for index, follower in self._followers.items():
            raw[f"contacts_{index}"] = follower.tracker.finish()
            # one row per part: integer counts are the same in any order
            raw[f"tally_{index}"] = np.array([self._counted[index]], dtype=np.int64)
        self._last = int(self._part[-1, 0]), self._before, self._stamp_before
        self._raw, self._followers, self._counted = {}, {}, {}
        return raw

    def aggregator(self) -> ResultsGroup:
        """The aggregator that concatenates the arrays of the parts."""
        lookup: dict[str, Callable[..., Any]] = dict.fromkeys(JOINED, np.concatenate)
        for index in range(len(self.source.species)):
            lookup[f"tally_{index}"] = np.concatenate
        return ResultsGroup(lookup=lookup)

    def _check_repeated(self, ts: Any, before: Snapshot) -> None:
        """Refuse a frame whose coordinates are those of the one before."""
        source, stamp = self.source, self._stamp_before
        if source.choices.uneven != "accept" and same_frame(
            coordinates_of(ts), before.coordinates, self.prepared.mover
        ):
            times = source.times.source
            told = times is not None and times.kind == "file"
            now = stamp_of(ts, source.file_starts)
            refuse_repeated(now.told(told), "the one before" if stamp is None else stamp.told(told))
